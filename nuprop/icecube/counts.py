"""Expected counts beside the observed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from nuprop.icecube import poisson
from nuprop.icecube.protocol import Nuisances, nuisance_values

if TYPE_CHECKING:
    from astropy.units import Quantity
    from matplotlib.figure import Figure

    from nuprop.icecube.sample import Sample

FloatArray = NDArray[np.float64]


@jax.jit
def _folded(
    sample: Sample, fluence: jax.Array, nuisance: Nuisances
) -> tuple[jax.Array, dict[str, jax.Array]]:
    return sample.signal(fluence, nuisance), sample.backgrounds(nuisance)


@dataclass(frozen=True, eq=False, repr=False)
class ExpectedCounts:
    """What a flux leaves in the bins of a sample. Made by `Sample.expected`.

    Attributes
    ----------
    name, title : str
        Of the sample.
    edges_gev : ndarray, shape (n_bins + 1,), GeV
        Edges of the bins of deposited energy.
    observed : ndarray, shape (n_bins,), or (3 n_bins,) by topology
    signal : ndarray, shape (3, 3, n_bins)
        Astrophysical events, [e, mu, tau] x [cascade, track, double cascade] x deposited energy.
    free_signal : ndarray, shape (3, 3, n_bins), or None
        The same without interaction, where the flux knows it.
    backgrounds : mapping from name to ndarray, in the shape of `observed`
    nuisances : mapping from name to float
        The values used.
    """

    name: str
    title: str
    edges_gev: FloatArray
    observed: FloatArray
    signal: FloatArray
    free_signal: FloatArray | None
    backgrounds: Mapping[str, FloatArray]
    nuisances: Mapping[str, float]

    @classmethod
    def of(
        cls,
        sample: Sample,
        fluence: Any,
        nuisance: Nuisances,
        free_fluence: Any = None,
    ) -> ExpectedCounts:
        """Fold integrals over the sample's energy cells, shape (2, 3, n_cells)."""
        values = nuisance_values(sample.nuisances, nuisance)
        signal, backgrounds = _folded(sample, fluence, values)
        free = None
        if free_fluence is not None:
            free = np.asarray(_folded(sample, free_fluence, values)[0])
        return cls(
            name=sample.name,
            title=sample.title,
            edges_gev=np.asarray(sample.response.deposited_edges),
            observed=np.asarray(sample.observed),
            signal=np.asarray(signal),
            free_signal=free,
            backgrounds={name: np.asarray(counts) for name, counts in backgrounds.items()},
            nuisances={name: float(value) for name, value in values.items()},
        )

    @property
    def by_topology(self) -> bool:
        """Whether topologies are counted apart."""
        return self.observed.size == 3 * (self.edges_gev.size - 1)

    @property
    def edges(self) -> Quantity:
        """Edges of the bins of deposited energy, shape (n_bins + 1,)."""
        from nuprop.units import quantity

        return quantity(self.edges_gev, "energy")

    @property
    def astrophysical(self) -> FloatArray:
        """Signal in the shape of `observed`."""
        summed = self.signal.sum(axis=0)
        return summed.reshape(-1) if self.by_topology else summed.sum(axis=0)

    @property
    def background(self) -> FloatArray:
        """Sum of the backgrounds, in the shape of `observed`."""
        return np.sum(list(self.backgrounds.values()), axis=0)

    @property
    def total(self) -> FloatArray:
        """Signal and backgrounds, in the shape of `observed`."""
        return self.astrophysical + self.background

    @property
    def log_likelihood(self) -> float:
        """Ln of the Poisson probability of the observed counts, without priors."""
        return float(np.sum(np.asarray(poisson.log_likelihood(self.observed, self.total))))

    @property
    def deviance(self) -> float:
        """2 sum [mu - n + n ln(n/mu)]; compare with toys, not with chi^2, where counts are few."""
        return float(np.sum(np.asarray(poisson.deviance(self.observed, self.total))))

    def plot(self, path: str | Path | None = None, **options: Any) -> Figure:
        """Draw counts, backgrounds and data; see `nuprop.plot.plot_counts` for the options."""
        from nuprop.plot import plot_counts

        return plot_counts(self, path, **options)

    def __repr__(self) -> str:
        scales = ", ".join(f"{name} {value:.4g}" for name, value in self.nuisances.items())
        parts = ", ".join(f"{name} {counts.sum():.2f}" for name, counts in self.backgrounds.items())
        low, high = self.edges_gev[0] / 1e3, self.edges_gev[-1] / 1e3
        lines = [
            f"ExpectedCounts in {self.title}, {low:.4g} to {high:.4g} TeV deposited",
            f"  observed       {int(self.observed.sum())}",
            f"  expected       {self.total.sum():.2f} = astrophysical "
            f"{self.astrophysical.sum():.2f}, {parts}",
        ]
        if self.free_signal is not None:
            lines.append(f"  no interaction {self.free_signal.sum():.2f} astrophysical")
        lines += [
            f"  nuisances      {scales}",
            f"  deviance       {self.deviance:.2f} in {self.observed.size} bins",
        ]
        return "\n".join(lines)
