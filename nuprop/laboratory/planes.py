"""Bounds over a plane of parameters: (epsilon, g') at one mass, or (M, g') at one epsilon."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from nuprop.constants import CHARGED_LEPTON_MASSES
from nuprop.errors import ParameterError
from nuprop.laboratory.builder import Builder, Model
from nuprop.laboratory.constraint import Constraint, named
from nuprop.laboratory.magnetic_moment import pull
from nuprop.laboratory.mixing import mixing_in_range, one_mixing
from nuprop.laboratory.moment_data import MomentMeasurement, measurement
from nuprop.mediators import ZPrime
from nuprop.precision import require_float64
from nuprop.units import in_code_units, require, required_number

FloatArray = NDArray[np.float64]

#: Ranges of the axes unless told otherwise, GeV for the mass.
MIXINGS, COUPLINGS = (1e-8, 1e-1), (1e-6, 1e-2)
MASSES, COUPLINGS_OVER_MASS = (1e-3, 10.0), (1e-5, 1e-1)
_NUMBER = 100
#: Masses on either side of a threshold lie this far from it, relatively.
_BESIDE = 1e-5
#: Programs of XLA compile side by side on this many threads.
_THREADS = 2


@dataclass(frozen=True)
class Plane:
    """Strengths of bounds on a grid; excluded is what exceeds 1.

    Attributes
    ----------
    x_name : "kinetic_mixing" or "mass"
    x : (n_x,), signed epsilon, or the mass in GeV.
    coupling : (n_y,), g'.
    strengths : {name: (n_y, n_x)}
    constraints : {name: Constraint}, in the order of `strengths`.
    pulls : {name: (n_y, n_x)}
        (a_boson - difference)/error of measured magnetic moments.
    fixed : what is the same everywhere: "mass" in GeV or "kinetic_mixing", "loop_mixing", "model".
    """

    x_name: str
    x: FloatArray
    coupling: FloatArray
    strengths: dict[str, FloatArray]
    constraints: dict[str, Constraint]
    fixed: dict[str, Any]
    pulls: dict[str, FloatArray] = field(default_factory=dict)

    def excluded(self, *names: str) -> NDArray[np.bool_]:
        """Where at least one of the named bounds excludes; shape (n_y, n_x).

        By default all of them but projections, which exclude nothing yet.

        Raises
        ------
        DatasetError
            If a bound is not in the plane.
        """
        chosen = names or tuple(n for n, c in self.constraints.items() if not c.is_projection)
        nothing = np.zeros((self.coupling.size, self.x.size), dtype=bool)
        over = (named(name, self.strengths, "bound of this plane") > 1.0 for name in chosen)
        return np.any([nothing, *over], axis=0)

    def favoured(self, name: str, sigma: float = 2.0) -> NDArray[np.bool_]:
        """Where the boson brings a moment within `sigma` of its measurement; shape (n_y, n_x).

        Raises
        ------
        DatasetError
            If the measurement is not in the plane.
        """
        return np.abs(named(name, self.pulls, "measurement of this plane")) <= sigma


def mixing_plane(
    mass: Any,
    constraints: Iterable[Constraint],
    *,
    measurements: Sequence[str | MomentMeasurement] = (),
    kinetic_mixing: Any = None,
    coupling: Any = None,
    sign: int = 1,
    loop_mixing: bool = False,
    model: Model = ZPrime.lmu_ltau,
) -> Plane:
    """Compute bounds over (epsilon, g') at one mass.

    Parameters
    ----------
    mass : Quantity, str or float, GeV
    constraints : iterable of Constraint
        Each must be hashable, as frozen dataclasses of numbers and tuples are: a compiled program
        is kept for each.
    measurements : sequence of str or MomentMeasurement
        Magnetic moments whose pulls are wanted.
    kinetic_mixing : array, shape (n_x,), optional
        |epsilon| > 0; by default 100 values from 1e-8 to 1e-1.
    coupling : array, shape (n_y,), optional
        g' > 0; by default 100 values from 1e-6 to 1e-2.
    sign : 1 or -1
        The sign of epsilon.
    loop_mixing : bool
        Whether muon and tau loops mix the boson with the photon too.
    model : callable
        A class method of `ZPrime`.

    Returns
    -------
    Plane

    Raises
    ------
    UnitError, ParameterError
        For a mass that is not positive, an axis that is not positive and rising, another sign, or
        a model without the loop asked for.
    DatasetError
        If a measurement is unknown.
    """
    require_float64()
    mass = required_number(mass, "energy", "mass", "a positive energy", lambda x: x > 0.0)
    if sign not in (1, -1):
        raise ParameterError(f"sign = {sign!r}: 1 or -1")
    mixings = _axis(kinetic_mixing, "dimensionless", "kinetic_mixing", MIXINGS)
    mixing_in_range(mixings[-1])
    couplings = _axis(coupling, "dimensionless", "coupling", COUPLINGS)
    chosen = {constraint.name: constraint for constraint in constraints}
    moments = {data.name: data for data in map(measurement, measurements)}
    build = Builder(model, loop_mixing)
    build(mass, float(couplings[0]), float(mixings[0]))  # refuses what no program can

    def strength(constraint: Constraint) -> jax.Array:
        return _strengths_over_mixings(constraint, build, mass, couplings, sign * mixings)

    def deviation(data: MomentMeasurement) -> jax.Array:
        return _pulls_over_mixings(data, build, mass, couplings, sign * mixings)

    return Plane(
        x_name="kinetic_mixing",
        x=sign * mixings,
        coupling=couplings,
        strengths=_each(strength, chosen),
        constraints=chosen,
        fixed={"mass": float(mass), "loop_mixing": loop_mixing, "model": model},
        pulls=_each(deviation, moments),
    )


def mass_plane(
    constraints: Iterable[Constraint],
    *,
    measurements: Sequence[str | MomentMeasurement] = (),
    mass: Any = None,
    coupling: Any = None,
    kinetic_mixing: Any = 0.0,
    loop_mixing: bool = True,
    model: Model = ZPrime.lmu_ltau,
) -> Plane:
    """Compute bounds over (M, g') at one epsilon.

    Parameters
    ----------
    constraints, measurements, model : as in `mixing_plane`
    mass : Quantity or array, shape (n_x,), GeV, optional
        By default 81 values from 1 MeV to 10 GeV, and two at each threshold of charged leptons.
    coupling : array, shape (n_y,), optional
        g' > 0; by default 100 values from 1e-5 to 1e-1.
    kinetic_mixing : float
        epsilon, between -1 and 1.
    loop_mixing : bool
        Whether muon and tau loops mix the boson with the photon; without them and without epsilon
        electrons do not couple to L_mu - L_tau.

    Returns
    -------
    Plane

    Raises
    ------
    UnitError, ParameterError, DatasetError
        As `mixing_plane`.
    """
    require_float64()
    masses = mass_axis() if mass is None else _axis(mass, "energy", "mass", MASSES)
    couplings = _axis(coupling, "dimensionless", "coupling", COUPLINGS_OVER_MASS)
    epsilon = one_mixing(kinetic_mixing)
    chosen = {constraint.name: constraint for constraint in constraints}
    moments = {data.name: data for data in map(measurement, measurements)}
    build = Builder(model, loop_mixing)
    build(float(masses[0]), float(couplings[0]), epsilon)

    def strength(constraint: Constraint) -> jax.Array:
        return _strengths_over_masses(constraint, build, masses, couplings, epsilon)

    def deviation(data: MomentMeasurement) -> jax.Array:
        return _pulls_over_masses(data, build, masses, couplings, epsilon)

    return Plane(
        x_name="mass",
        x=masses,
        coupling=couplings,
        strengths=_each(strength, chosen),
        constraints=chosen,
        fixed={"kinetic_mixing": float(epsilon), "loop_mixing": loop_mixing, "model": model},
        pulls=_each(deviation, moments),
    )


def mass_axis(
    lowest: float = MASSES[0],
    highest: float = MASSES[1],
    number: int = 81,
    steps: Sequence[float] = (),
) -> FloatArray:
    """Make masses [GeV] evenly spaced in the logarithm, with one on either side of each threshold.

    Parameters
    ----------
    lowest, highest : GeV
    number : int, of evenly spaced masses
    steps : sequence of float, GeV
        Where else a bound sets in or ends at once, beside 2 m_e, 2 m_mu, 2 m_tau.
    """
    places = np.array([*(2.0 * m for m in CHARGED_LEPTON_MASSES), *steps])
    beside = (places[:, None] * (1.0 + np.array([-_BESIDE, _BESIDE]))).ravel()
    inside = beside[(beside > lowest) & (beside < highest)]
    return np.unique(np.concatenate([np.geomspace(lowest, highest, number), inside]))


@partial(jax.jit, static_argnames=("constraint", "build"))
def _strengths_over_mixings(
    constraint: Constraint, build: Builder, mass: Any, couplings: Any, mixings: Any
) -> jax.Array:
    prepared = constraint.prepare(mass)
    return _rows(
        lambda coupling, mixing: constraint.strength(build(mass, coupling, mixing), prepared),
        couplings,
        mixings,
    )


@partial(jax.jit, static_argnames=("data", "build"))
def _pulls_over_mixings(
    data: MomentMeasurement, build: Builder, mass: Any, couplings: Any, mixings: Any
) -> jax.Array:
    return _rows(
        lambda coupling, mixing: pull(build(mass, coupling, mixing), data), couplings, mixings
    )


@partial(jax.jit, static_argnames=("constraint", "build"))
def _strengths_over_masses(
    constraint: Constraint, build: Builder, masses: Any, couplings: Any, mixing: Any
) -> jax.Array:
    def column(mass: jax.Array) -> jax.Array:
        prepared = constraint.prepare(mass)
        return jax.vmap(lambda g: constraint.strength(build(mass, g, mixing), prepared))(couplings)

    return jax.lax.map(column, masses).T


@partial(jax.jit, static_argnames=("data", "build"))
def _pulls_over_masses(
    data: MomentMeasurement, build: Builder, masses: Any, couplings: Any, mixing: Any
) -> jax.Array:
    return _rows(lambda g, mass: pull(build(mass, g, mixing), data), couplings, masses)


def _rows(function: Any, couplings: jax.Array, places: jax.Array) -> jax.Array:
    """Map over couplings (rows), one after the other, and over places at once."""
    row = jax.vmap(function, in_axes=(None, 0))
    return jax.lax.map(lambda coupling: row(coupling, places), couplings)


def _each(function: Callable[[Any], jax.Array], items: dict[str, Any]) -> dict[str, FloatArray]:
    """Apply a function that compiles, to all items side by side; in their order."""
    with ThreadPoolExecutor(_THREADS) as pool:
        results = pool.map(lambda item: np.asarray(function(item)), items.values())
        return dict(zip(items, results, strict=True))


def _axis(value: Any, kind: str, name: str, default: tuple[float, float]) -> FloatArray:
    if value is None:
        return np.geomspace(*default, _NUMBER)
    array = np.atleast_1d(in_code_units(value, kind, name))
    require(
        name,
        array,
        "one row of positive, rising numbers",
        lambda x: x.ndim == 1 and np.all(x > 0.0) and np.all(np.diff(x) > 0.0),
    )
    return array
