"""A rough likelihood of published flux points, for samples whose counts cannot be folded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nuprop.errors import DatasetError, GridError, ParameterError, nearest
from nuprop.icecube.points import available, unfolded
from nuprop.icecube.protocol import Nuisance, Nuisances
from nuprop.precision import require_float64
from nuprop.units import in_code_units, is_traced

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class _Recipe:
    """Bins whose middle lies between two energies [GeV], and shares of e, mu, tau in the flux."""

    lowest: float
    highest: float
    flavors: tuple[float, float, float]


_THIRD = 1.0 / 3.0
#: HESE 3 and 7.5 years: all bins to 8 PeV. Cascades: from 4 TeV to 10 PeV. Tracks: from 15 TeV.
RECIPES = {
    "hese-3yr": _Recipe(0.0, 8e6, (_THIRD, _THIRD, _THIRD)),
    "hese-7.5yr": _Recipe(0.0, 8e6, (_THIRD, _THIRD, _THIRD)),
    "cascades-6yr": _Recipe(4e3, 1e7, (0.5, 0.0, 0.5)),
    "numu-9.5yr": _Recipe(1.5e4, 1e8, (0.0, 1.0, 0.0)),
}
_REFUSED = {
    "hese-6yr": "the confidence level of its limits is not stated, and its edges are approximate",
    "glashow-2021": "the confidence level of its limits is not stated, and it holds one point",
    "ehe-2025": "it holds differential limits only, each for a flux in its own half decade alone",
}

#: 2 Delta ln L at a limit, for each confidence level (one parameter, Wilks).
PENALTIES: dict[float | None, float] = {0.68: 1.0, 0.90: 2.71}
#: Least variance, in units of err_minus err_plus.
_FLOOR = 0.05
_CELL = 0.08  # greatest width of a cell, in decades
_LEAST = 1e-3  # smallest prediction in units of the limit, where the information is taken


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "energy_edges",
        "e_lo",
        "e_hi",
        "flavors",
        "observed",
        "err_minus",
        "err_plus",
        "limit",
        "penalty",
    ],
    meta_fields=["name"],
)
@dataclass(frozen=True, eq=False, repr=False)
class UnfoldedLikelihood:
    """Published points and limits as a likelihood, bin by bin; qualitative.

    Made by `UnfoldedLikelihood.from_name`. It is a pytree and a `Likelihood`. Arrays have the shape
    (n,), one number for each bin that is used.

    Attributes
    ----------
    name : str
        As in `nuprop.icecube.points.available`.
    energy_edges : Array, shape (n_cells + 1,), GeV
        Cells in which the flux is wanted; every bin is a union of cells.
    e_lo, e_hi : Array, GeV
        Edges of the bins; bins may overlap or leave gaps, as rounded edges do.
    flavors : Array, shape (3,)
        Weights of e, mu, tau that turn the flux into that of "one flavor".
    observed : Array, GeV cm^-2 s^-1 sr^-1
        Best-fit E^2 Phi of each bin; 0 for a limit.
    err_minus, err_plus : Array, GeV cm^-2 s^-1 sr^-1
        68 % errors, both positive; 1 for a limit.
    limit : Array, GeV cm^-2 s^-1 sr^-1
        Upper limit; inf for a point.
    penalty : Array
        2 Delta ln L at the limit; 0 for a point.

    Notes
    -----
    A bin holds the normalization of an E^-2 piece, so the model of a flux phi is
    m = int phi dE / (1/E_lo - 1/E_hi). With errors s-, s+ of the point y,

        -ln L = (y - m)^2 / (2 V),   V = s+ s- + (s+ - s-)(m - y),

    V never falling below 0.05 s+ s- (it bends over smoothly, from 0.1 s+ s- on). A limit that
    was set where the best fit is 0 adds q m / (2 limit), linear as a Poisson likelihood without
    events is: q = 1 at 68 %, 2.71 at 90 %. A point whose lower error reaches 0 counts as such a
    limit, at y + s+ with q = 1. -ln L is 0 where every bin is at its best.

    Per-flavor points assume equal flavors. Here the flux of "one flavor" is the mean of all three
    for HESE, that of electron and tau for the cascades, and that of muon neutrinos for the tracks
    (whose few percent from tau decays are left out).

    Bins are taken as independent, which they are not, and the backgrounds were subtracted by
    somebody else: good for pictures and rough limits. Never use it beside another likelihood of
    the same events.

    References
    ----------
    Barlow 2004, arXiv:physics/0406120, Sec. 3.6, Eqs. 18 and 19 (variance linear in the parameter).
    """

    qualitative: ClassVar[bool] = True

    name: str
    energy_edges: jax.Array
    e_lo: jax.Array
    e_hi: jax.Array
    flavors: jax.Array
    observed: jax.Array
    err_minus: jax.Array
    err_plus: jax.Array
    limit: jax.Array
    penalty: jax.Array

    @classmethod
    def from_name(cls, name: str) -> UnfoldedLikelihood:
        """Make the likelihood of a published spectrum.

        Parameters
        ----------
        name : str
            "hese-3yr", "hese-7.5yr", "cascades-6yr" or "numu-9.5yr".

        Raises
        ------
        DatasetError
            If there is no spectrum of that name, or nothing can be fitted to it: "hese-6yr" and
            "glashow-2021" state no confidence level, "ehe-2025" holds limits only.

        Examples
        --------
        >>> UnfoldedLikelihood.from_name("hese-3yr")
        UnfoldedLikelihood('hese-3yr', 5 points and 2 limits from 41.98 to 7667 TeV; qualitative)
        """
        require_float64()
        if name in _REFUSED:
            raise DatasetError(
                f"points = {name!r} cannot be fitted: {_REFUSED[name]}; draw them, or fit one of "
                f"{', '.join(RECIPES)}"
            )
        if name not in RECIPES:
            known = nearest(str(name), available())
            raise DatasetError(f"points = {name!r}: there is no such spectrum; {known}")
        recipe, spectrum = RECIPES[name], unfolded(name).scaled_to("per-flavor")
        used = (spectrum.center >= recipe.lowest) & (spectrum.center <= recipe.highest)
        e_lo, e_hi = spectrum.e_lo[used], spectrum.e_hi[used]
        value, minus = spectrum.value[used], spectrum.err_minus[used]
        plus, given = spectrum.err_plus[used], spectrum.is_limit[used]
        reaching = ~given & (minus >= value * (1.0 - 1e-9))
        bounded = given | reaching
        at_limit = np.where(given, PENALTIES[spectrum.limit_level], PENALTIES[0.68])
        columns = {
            "energy_edges": _cells(np.union1d(e_lo, e_hi)),
            "e_lo": e_lo,
            "e_hi": e_hi,
            "flavors": np.array(recipe.flavors),
            "observed": np.where(bounded, 0.0, value),
            "err_minus": np.where(bounded, 1.0, minus),
            "err_plus": np.where(bounded, 1.0, plus),
            "limit": np.where(bounded, value + plus, np.inf),
            "penalty": np.where(bounded, at_limit, 0.0),
        }
        return cls(name, **{key: jnp.asarray(column) for key, column in columns.items()})

    @property
    def samples(self) -> tuple[str, ...]:
        """Data sets whose events are behind the points."""
        return (self.name,)

    @property
    def nuisances(self) -> tuple[Nuisance, ...]:
        """None: what is uncertain is in the errors of the points."""
        return ()

    @property
    def is_limit(self) -> jax.Array:
        """Whether a bin is a limit, shape (n,)."""
        return jnp.isfinite(self.limit)

    def predict(self, fluence: jax.Array, nuisance: Nuisances | None = None) -> jax.Array:
        """Predict the E^-2 normalization of each bin; see `Likelihood.predict`.

        Parameters
        ----------
        fluence : Array, shape (2, 3, n_cells), cm^-2 s^-1 sr^-1
        nuisance : mapping, optional
            Not used.

        Returns
        -------
        Array, shape (n,), GeV cm^-2 s^-1 sr^-1
        """
        flux = jnp.einsum("f,cfi->i", self.flavors, fluence)
        middle = jnp.sqrt(self.energy_edges[1:] * self.energy_edges[:-1])
        inside = (middle > self.e_lo[:, None]) & (middle < self.e_hi[:, None])
        return jnp.sum(jnp.where(inside, flux, 0.0), axis=1) / (1.0 / self.e_lo - 1.0 / self.e_hi)

    def nll(self, prediction: jax.Array) -> jax.Array:
        """-ln L relative to the best value of every bin: half of chi^2."""
        squared = jnp.square(self.observed - prediction) / self._variance(prediction)
        linear = self.penalty * prediction / jnp.where(self.is_limit, self.limit, 1.0)
        return 0.5 * jnp.sum(jnp.where(self.is_limit, linear, squared))

    def information(self, prediction: jax.Array) -> jax.Array:
        """1/V of a point; of a limit that of the Poisson count q m / (2 limit) that it stands for.

        Returns
        -------
        Array, shape (n,)
        """
        limit = jnp.where(self.is_limit, self.limit, 1.0)
        counted = self.penalty / (2.0 * limit * jnp.maximum(prediction, _LEAST * limit))
        return jnp.where(self.is_limit, counted, 1.0 / self._variance(prediction))

    def simulate(self, prediction: jax.Array, key: jax.Array) -> UnfoldedLikelihood:
        """Refuse: points have errors of their own data, and toy data would have others.

        Raises
        ------
        DatasetError
            Always.
        """
        raise DatasetError(
            f"points = {self.name!r} cannot be simulated: their errors belong to the data seen; "
            "use the counts of a binned sample, such as 'hese-7.5yr'"
        )

    def with_observed(self, observed: ArrayLike) -> UnfoldedLikelihood:
        """Put other values in the place of the points; a limit stays one.

        Parameters
        ----------
        observed : array, shape (n,), GeV cm^-2 s^-1 sr^-1
            Not negative; what stands where the limits are is left out of account.

        Raises
        ------
        UnitError, GridError, ParameterError
            If they are no bare numbers, for another shape, or negative or undefined values.
        """
        if not is_traced(observed):
            values = np.asarray(in_code_units(observed, "dimensionless", "observed"))
            if values.shape != self.observed.shape:
                raise GridError(
                    f"observed has the shape {values.shape}; {self.observed.shape} is needed"
                )
            bad = ~np.isfinite(values) | (values < 0.0)
            if bad.any():
                raise ParameterError(f"observed holds {values[bad][0]}: it must be finite and >= 0")
        points = jnp.where(self.is_limit, 0.0, jnp.asarray(observed, dtype=float))
        return replace(self, observed=points)

    def __repr__(self) -> str:
        if is_traced(self.limit):
            return f"UnfoldedLikelihood({self.name!r}, <traced>; qualitative)"
        limits = int(np.sum(np.asarray(self.is_limit)))
        low, high = float(jnp.min(self.e_lo)) / 1e3, float(jnp.max(self.e_hi)) / 1e3
        return (
            f"UnfoldedLikelihood({self.name!r}, {self.observed.shape[0] - limits} points and "
            f"{limits} limit{'s' * (limits != 1)} from {low:.4g} to {high:.4g} TeV; qualitative)"
        )

    def _variance(self, prediction: Any) -> jax.Array:
        product = self.err_plus * self.err_minus
        asymmetry = (self.err_plus - self.err_minus) / product
        ratio = 1.0 + asymmetry * (prediction - self.observed)
        bent = _FLOOR + jnp.square(jnp.clip(ratio, 0.0, 2.0 * _FLOOR)) / (4.0 * _FLOOR)
        return product * jnp.where(ratio > 2.0 * _FLOOR, ratio, bent)


def _cells(edges: FloatArray) -> FloatArray:
    """Divide the ranges between all edges into cells of equal ratio, 0.08 decades at most."""
    logs = np.log10(edges)
    parts = [
        np.linspace(low, high, int(np.ceil((high - low) / _CELL)), endpoint=False)
        for low, high in pairwise(logs)
    ]
    return 10.0 ** np.append(np.concatenate(parts), logs[-1])
