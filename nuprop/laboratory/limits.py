"""Where a bound sets in: the couplings at which its strength passes 1."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.laboratory.builder import Builder, Model
from nuprop.laboratory.constraint import Constraint
from nuprop.laboratory.mixing import one_mixing
from nuprop.mediators import ZPrime
from nuprop.precision import require_float64
from nuprop.units import required_number

FloatArray = NDArray[np.float64]

_LOWEST, _HIGHEST, _PER_DECADE = 1e-12, 0.4, 20
_CLOSENESS = 1e-12  # of ln(g')


def excluded_couplings(
    constraint: Constraint,
    mass: Any,
    *,
    kinetic_mixing: Any = 0.0,
    loop_mixing: bool = False,
    lowest: Any = _LOWEST,
    highest: Any = _HIGHEST,
    model: Model = ZPrime.lmu_ltau,
) -> list[tuple[float, float]]:
    """Find the ranges of g' that a bound excludes.

    Parameters
    ----------
    constraint : Constraint
        Hashable, as in `nuprop.laboratory.mixing_plane`.
    mass : Quantity, str or float, GeV
    kinetic_mixing, loop_mixing : as in `ZPrime.lmu_ltau`.
    lowest, highest : float
        Where to look; a range that reaches out of it ends there. Ranges narrower than a twentieth
        of a decade may be missed.
    model : callable
        A class method of `ZPrime`.

    Returns
    -------
    list of (float, float)
        Empty where nothing is excluded. Ends are good to 1e-10.

    Raises
    ------
    UnitError, ParameterError
        If the mass is not a positive energy, the mixing not between -1 and 1, not
        0 < lowest < highest, or the model has no loop.

    Examples
    --------
    >>> from nuprop.laboratory.magnetic_moment import CONSTRAINTS
    >>> [(low, _)] = excluded_couplings(CONSTRAINTS["muon-g-2-2025"], "10 MeV")
    >>> print(f"{low:.3e}")
    4.090e-04
    """
    require_float64()
    mass = required_number(mass, "energy", "mass", "a positive energy", lambda x: x > 0.0)
    mixing = one_mixing(kinetic_mixing)
    lowest = required_number(lowest, "dimensionless", "lowest", "> 0", lambda x: x > 0.0)
    highest = required_number(
        highest, "dimensionless", "highest", f"more than lowest = {lowest}", lambda x: x > lowest
    )
    build = Builder(model, loop_mixing)
    build(mass, lowest, mixing)
    prepared = _prepared(constraint, mass)

    def excess(places: FloatArray) -> FloatArray:
        return np.asarray(_excess(constraint, build, mass, places, mixing, prepared))

    number = 3 + int(_PER_DECADE * np.log10(highest / lowest))
    places = np.linspace(np.log(lowest), np.log(highest), number)
    values = excess(places)
    ends = [places[0]] if values[0] > 0.0 else []
    for i in _crossings(values):
        ends.append(_crossing(excess, places[i], places[i + 1], number))
    if values[-1] > 0.0:
        ends.append(places[-1])
    couplings = np.exp(ends).tolist()
    return list(zip(couplings[::2], couplings[1::2], strict=True))


def largest_coupling(constraint: Constraint, mass: Any, **options: Any) -> float:
    """Find the smallest g' that a bound excludes: the largest allowed below it.

    Parameters are those of `excluded_couplings`.

    Returns
    -------
    float
        Infinite where nothing is excluded.
    """
    ranges = excluded_couplings(constraint, mass, **options)
    return ranges[0][0] if ranges else float("inf")


def _crossings(values: FloatArray) -> NDArray[np.intp]:
    """Numbers of the values whose sign differs from that of the next."""
    return np.flatnonzero((values[1:] > 0.0) != (values[:-1] > 0.0))


def _crossing(excess: Any, low: float, high: float, number: int) -> float:
    """Close in on a change of sign with as many places at a time as the program takes."""
    while high - low > _CLOSENESS:
        places = np.linspace(low, high, number)
        i = _crossings(excess(places))[0]
        low, high = places[i], places[i + 1]
    return 0.5 * (low + high)


@partial(jax.jit, static_argnames="constraint")
def _prepared(constraint: Constraint, mass: Any) -> Any:
    return constraint.prepare(mass)


@partial(jax.jit, static_argnames=("constraint", "build"))
def _excess(
    constraint: Constraint,
    build: Builder,
    mass: Any,
    log_coupling: jax.Array,
    mixing: Any,
    prepared: Any,
) -> jax.Array:
    """Strength less one, for an array of ln g'."""

    def one(place: jax.Array) -> jax.Array:
        return constraint.strength(build(mass, jnp.exp(place), mixing), prepared) - 1.0

    return jax.lax.map(one, log_coupling)
