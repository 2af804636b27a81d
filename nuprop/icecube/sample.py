"""Binned data that a flux is folded against: HESE of 3, 7.5 and 12 years."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from nuprop.errors import DatasetError, GridError, nearest
from nuprop.icecube import poisson
from nuprop.icecube.backgrounds import Background, atmospheric
from nuprop.icecube.checks import edge_number, require_counts, require_nuisances
from nuprop.icecube.events import events
from nuprop.icecube.fluence import fluence
from nuprop.icecube.protocol import Nuisance, Nuisances, nuisance_values
from nuprop.icecube.response import TOPOLOGIES, Response, tables
from nuprop.icecube.systematics import Correction
from nuprop.precision import require_float64
from nuprop.units import quantity, required_number

if TYPE_CHECKING:
    from astropy.units import Quantity

    from nuprop.flux import DiffuseFlux
    from nuprop.icecube.counts import ExpectedCounts

_DAY = 86400.0


@dataclass(frozen=True)
class _Recipe:
    """Which tables and events make a sample, and over which energies one fits by default."""

    title: str
    response: str
    livetime_s: float
    lowest: float
    systematics: bool
    topologies: bool


#: Livetimes: 988 d of arXiv:1405.5303; 227708167.68 s of arXiv:2011.03545; twelve years of 365 d
#: stand in for the livetime of the 12-year data, which was not found.
RECIPES = {
    "hese-3yr": _Recipe("HESE, 3 years", "hese-3yr", 988 * _DAY, 6.3e4, False, False),
    "hese-7.5yr": _Recipe("HESE, 7.5 years", "hese-7.5yr", 227708167.68, 6e4, True, True),
    "hese-12yr": _Recipe("HESE, 12 years", "hese-7.5yr", 12 * 365 * _DAY, 6e4, True, False),
}

_DOM = Nuisance(
    "dom",
    start=0.99,
    bounds=(0.90, 1.08),
    mean=0.99,
    sigma=0.1,
    description="efficiency of the optical modules; tabulated from 0.90 to 1.08",
)
#: Held at IceCube's best fit unless told otherwise: energies alone hardly tell anything of it.
_ICE = Nuisance(
    "ice",
    start=-0.05488,
    bounds=(-1.0, 1.0),
    mean=0.0,
    sigma=0.5,
    description="head-on sensitivity in the refrozen ice; tabulated from -1 to 1",
    free=False,
)
#: Values of the nuisances at the best fit of arXiv:2011.03545.
BEST_FIT_7_5YR = {
    "conv": 1.00621679,
    "muon": 1.18706341,
    "dom": 0.95192328,
    "ice": -0.0548763,
}


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["response", "background", "observed", "corrections"],
    meta_fields=["name", "title", "by_topology"],
)
@dataclass(frozen=True, eq=False, repr=False)
class Sample:
    """Counts in bins of deposited energy, and what is needed to predict them.

    Made by `sample`. It is a pytree and a `Likelihood`: Poisson in each bin.

    Attributes
    ----------
    name, title : str
    response : Response
    background : Background
    observed : Array, shape (n_bins,), or (3 n_bins,) by topology
    corrections : mapping from "dom" and "ice" to `Correction`, factors of shape (3, 2, n_bins)
        for [e, mu, tau] x [cascade, track]; double cascades take those of cascades.
    by_topology : bool
        Whether cascades, tracks and double cascades are counted apart.
    """

    name: str
    title: str
    response: Response
    background: Background
    observed: jax.Array
    corrections: dict[str, Correction] = field(default_factory=dict)
    by_topology: bool = False

    @property
    def samples(self) -> tuple[str, ...]:
        """Data sets whose events are used."""
        return (self.name,)

    @property
    def nuisances(self) -> tuple[Nuisance, ...]:
        """Scales of the backgrounds, and the detector parameters that are tabulated."""
        detector = {"dom": _DOM, "ice": _ICE}
        return (*self.background.nuisances, *(detector[name] for name in self.corrections))

    @property
    def energy_edges(self) -> jax.Array:
        """Cells in which the flux is wanted, shape (n_cells + 1,), GeV."""
        return self.response.energy_edges

    @property
    def deposited_edges(self) -> Quantity:
        """Edges of the bins of deposited energy, shape (n_bins + 1,)."""
        return quantity(self.response.deposited_edges, "energy")

    @property
    def n_bins(self) -> int:
        """Number of bins of deposited energy."""
        return int(self.response.deposited_edges.shape[0]) - 1

    @property
    def livetime_s(self) -> float:
        """Livetime in seconds."""
        return self.response.livetime_s

    def signal(self, fluence: jax.Array, nuisance: Nuisances) -> jax.Array:
        """Astrophysical events, detector corrections included, shape (3, 3, n_bins).

        [e, mu, tau] x [cascade, track, double cascade] x deposited energy.
        """
        values = nuisance_values(self.nuisances, nuisance)
        counts = self.response.fold(fluence)
        for name, correction in self.corrections.items():
            factor = correction.factor(values[name])
            counts = counts * jnp.concatenate([factor, factor[:, :1]], axis=1)
        return counts

    def backgrounds(self, nuisance: Nuisances) -> dict[str, jax.Array]:
        """Events of each background, in the shape of `observed`."""
        return self.background.counts(nuisance_values(self.nuisances, nuisance))

    def predict(self, fluence: jax.Array, nuisance: Nuisances) -> jax.Array:
        """Predict the counts, signal and backgrounds; see `Likelihood.predict`."""
        signal = jnp.sum(self.signal(fluence, nuisance), axis=0)
        rows = signal.reshape(-1) if self.by_topology else jnp.sum(signal, axis=0)
        return rows + sum(self.backgrounds(nuisance).values())

    def nll(self, prediction: jax.Array) -> jax.Array:
        """-ln of the Poisson probability of the observed counts."""
        return -jnp.sum(poisson.log_likelihood(self.observed, prediction))

    def information(self, prediction: jax.Array) -> jax.Array:
        """1/mu, the expected curvature of a Poisson likelihood."""
        return 1.0 / jnp.maximum(prediction, poisson.LEAST_EXPECTED)

    def simulate(self, prediction: jax.Array, key: jax.Array) -> Sample:
        """Draw Poisson counts."""
        return self.with_observed(jax.random.poisson(key, prediction).astype(float))

    def with_observed(self, observed: ArrayLike) -> Sample:
        """Put other counts in the place of the observed ones.

        Raises
        ------
        GridError, ParameterError
            For another shape, or negative or undefined counts.
        """
        if not isinstance(observed, jax.core.Tracer):
            observed = require_counts(observed, self.observed.shape)
        return replace(self, observed=jnp.asarray(observed, dtype=float))

    def select(self, lowest: Any = None, highest: Any = None) -> Sample:
        """Keep the bins of deposited energy between two energies.

        Parameters
        ----------
        lowest, highest : Quantity, str or float (GeV), optional
            Bins that lie between both, to 0.1 %, stay; by default all.

        Raises
        ------
        GridError
            If no bin is left, or one of them is no edge.
        """
        edges = np.asarray(self.response.deposited_edges)
        first = 0 if lowest is None else edge_number(edges, lowest, "lowest")
        last = edges.size - 1 if highest is None else edge_number(edges, highest, "highest")
        if last <= first:
            raise GridError(f"lowest = {lowest}, highest = {highest}: no bin lies between them")
        if (first, last) == (0, edges.size - 1):
            return self
        observed = self.observed
        if self.by_topology:
            observed = observed.reshape(3, -1)[:, first:last].reshape(-1)
        else:
            observed = observed[first:last]
        return replace(
            self,
            response=self.response.select(first, last),
            background=self.background.select(first, last, self.by_topology),
            observed=observed,
            corrections={
                name: Correction(item.grid, item.coefficients[..., first:last])
                for name, item in self.corrections.items()
            },
        )

    def expected(
        self,
        flux: DiffuseFlux | Callable[[Any], Any],
        *,
        extend: bool = False,
        **nuisance: float,
    ) -> ExpectedCounts:
        """Fold a flux into expected counts.

        Parameters
        ----------
        flux : DiffuseFlux, or a function of energy; see `nuprop.icecube.fluence`
            ``nuprop.propagate(..., energy_edges=sample.energy_edges)`` folds exactly.
        extend : bool
            Whether a flux that ends inside the response is continued.
        **nuisance : float
            Values of nuisances by name, such as ``dom=0.95``; start values for the others.

        Returns
        -------
        ExpectedCounts

        Raises
        ------
        GridError, ParameterError
            As `nuprop.icecube.fluence`; or if a nuisance is unknown or out of bounds.
        """
        from nuprop.icecube.counts import ExpectedCounts

        require_float64()
        require_nuisances(self, nuisance)
        given = fluence(flux, self.energy_edges, extend=extend)
        free = None
        if not callable(flux):
            free = fluence(flux.free, self.energy_edges, extend=extend)
        return ExpectedCounts.of(self, given, nuisance, free)

    def __repr__(self) -> str:
        edges = np.asarray(self.response.deposited_edges) / 1e3
        apart = ", by topology" if self.by_topology else ""
        seen = int(np.sum(np.asarray(self.observed)))
        listing = ", ".join(nuisance.name for nuisance in self.nuisances)
        return (
            f"Sample({self.name!r}, {self.n_bins} bins from {edges[0]:.4g} to {edges[-1]:.4g} TeV "
            f"deposited{apart}, {seen} events, {self.livetime_s / _DAY:.1f} days, "
            f"nuisances {listing})"
        )


def sample(
    name: str,
    *,
    lowest: Any = None,
    highest: Any = None,
    by_topology: bool = False,
    livetime: Any = None,
) -> Sample:
    """Load binned data with its response and backgrounds.

    Parameters
    ----------
    name : str
        "hese-3yr", "hese-7.5yr" or "hese-12yr".
    lowest, highest : Quantity, str or float (GeV), optional
        Range of deposited energy. By default from 60 TeV (63 TeV for "hese-3yr", whose bins have
        an edge there) to the end of the tables, 10 PeV; `lowest` 0 keeps all bins.
    by_topology : bool
        Whether to count cascades, tracks and double cascades apart; "hese-7.5yr" only.
    livetime : Quantity, str or float (s), optional
        In place of the data set's own: for "hese-12yr" that is a stand-in.

    Returns
    -------
    Sample

    Raises
    ------
    DatasetError
        If there is no such sample, or it has no backgrounds by topology.
    GridError
        If no bin lies in the range.

    Notes
    -----
    What is official in each, and what a proxy: ``print(nuprop.icecube.dataset(name))``.

    Examples
    --------
    >>> sample("hese-7.5yr")
    Sample('hese-7.5yr', 20 bins from 60 to 9957 TeV deposited, 60 events, 2635.5 days, nuisances
    conv, muon, dom, ice)
    """
    require_float64()
    recipe = _recipe(name)
    if by_topology and not recipe.topologies:
        raise DatasetError(
            f"by_topology: {name!r} has no backgrounds for each topology; 'hese-7.5yr' has"
        )
    seconds = recipe.livetime_s
    if livetime is not None:
        seconds = required_number(livetime, "time", "livetime", "must be > 0 s", lambda t: t > 0.0)
    loaded = tables(recipe.response, float(seconds))
    edges = np.asarray(loaded.response.deposited_edges)
    corrections = {}
    if recipe.systematics:
        corrections = {
            kind: Correction.from_factors(
                loaded.arrays[f"{kind}_grid"], loaded.arrays[f"{kind}_factor"]
            )
            for kind in ("dom", "ice")
        }
    table = events(name)
    if by_topology:
        observed = np.concatenate([table.histogram(edges, topology) for topology in TOPOLOGIES])
    else:
        observed = table.histogram(edges)
    made = Sample(
        name=name,
        title=recipe.title,
        response=loaded.response,
        background=atmospheric(name, edges, float(seconds), by_topology),
        observed=jnp.asarray(observed, dtype=float),
        corrections=corrections,
        by_topology=by_topology,
    )
    return made.select(recipe.lowest if lowest is None else (lowest or None), highest)


def available() -> tuple[str, ...]:
    """Name the samples that a flux can be folded against."""
    return tuple(RECIPES)


def _recipe(name: str) -> _Recipe:
    if name in RECIPES:
        return RECIPES[name]
    if name in ("hese-4yr", "hese-6yr"):
        raise DatasetError(
            f"sample = {name!r}: an event list without response and backgrounds, which cannot be "
            f"folded; known: {', '.join(RECIPES)}"
        )
    raise DatasetError(f"sample = {name!r}: no such sample; {nearest(str(name), RECIPES)}")
