"""Where the interval of mixings that a dump excludes begins and ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import SIN2_THETA_W
from nuprop.errors import ParameterError
from nuprop.laboratory.beam_dump.experiments import DUMPS
from nuprop.laboratory.constraint import Constraint, named
from nuprop.mediators import ZPrime
from nuprop.units import is_traced, required_number

_COS_THETA_W = math.sqrt(1.0 - SIN2_THETA_W)
#: Range of ln(mixing) searched, points at a time, and how often their spacing is searched again.
_SEARCHED = (math.log(1e-12), 0.0)
_POINTS, _ZOOMS = 200, 6


def edges(
    dump: Constraint | str,
    mass: Any,
    coupling: Any = 0.0,
    model: Callable[..., ZPrime] | None = None,
) -> tuple[float, float] | None:
    r"""Find the mixings between which a dump excludes the boson.

    Parameters
    ----------
    dump : ElectronDump, RecastDump, or the name of one of `DUMPS`
        Its criterion is used.
    mass : Quantity, str or float, GeV
    coupling : float
        g' >= 0; zero for a dark photon.
    model : callable, optional
        A class method of `ZPrime` under which electrons couple through `kinetic_mixing` only;
        `ZPrime.lmu_ltau` by default.

    Returns
    -------
    tuple of float, or None
        eps_lo < eps_hi in the mixing with the photon, \|eps_A\| = epsilon cos(theta_W) (epsilon > 0
        is the `kinetic_mixing` of `ZPrime`). None if nothing between 1e-12 and 1 is excluded.

    Raises
    ------
    UnitError, ParameterError
        If the mass is not positive, the coupling negative, or a value traced by JAX.
    DatasetError
        If there is no dump of the name.

    Notes
    -----
    The signal must rise to one maximum and fall again, as it does where the width grows with the
    mixing. Edges are good to 1e-12; one that lies outside the range searched is set to its end.

    Examples
    --------
    >>> low, high = edges("e141", "10 MeV", 1e-5)
    >>> f"{low:.3e}, {high:.3e}"
    '2.222e-05, 6.366e-04'
    """
    mass = required_number(mass, "energy", "mass", "a positive energy", lambda x: x > 0.0)
    coupling = required_number(
        coupling, "dimensionless", "coupling", "a number >= 0", lambda x: x >= 0.0
    )
    if is_traced(mass) or is_traced(coupling):
        raise ParameterError("mass, coupling: numbers are needed, not values traced by JAX")
    chosen = ZPrime.lmu_ltau if model is None else model
    if isinstance(dump, str):
        dump = named(dump, DUMPS, "beam dump")
    prepared = dump.prepare(float(mass))

    def strengths(log_mixings: np.ndarray) -> np.ndarray:
        return np.asarray(
            _strengths(log_mixings, float(mass), float(coupling), prepared, dump, chosen)
        )

    top = _maximum(strengths)
    if not strengths(np.full(_POINTS, top))[0] > 1.0:
        return None
    low, high = (_edge(strengths, end, top) for end in _SEARCHED)
    return math.exp(low), math.exp(high)


@partial(jax.jit, static_argnames=("dump", "model"))
def _strengths(
    log_mixings: ArrayLike,
    mass: ArrayLike,
    coupling: ArrayLike,
    prepared: Any,
    dump: Constraint,
    model: Callable[..., ZPrime],
) -> jax.Array:
    def strength(log_mixing: jax.Array) -> jax.Array:
        zprime = model(mass, coupling, kinetic_mixing=jnp.exp(log_mixing) / _COS_THETA_W)
        return dump.strength(zprime, prepared)

    return jax.vmap(strength)(jnp.asarray(log_mixings))


def _maximum(function: Callable[[np.ndarray], np.ndarray]) -> float:
    """Where a function of one maximum has it."""
    low, high = _SEARCHED
    for _ in range(_ZOOMS):
        places = np.linspace(low, high, _POINTS)
        best = int(np.argmax(function(places)))
        low, high = places[max(best - 1, 0)], places[min(best + 1, _POINTS - 1)]
    return 0.5 * (low + high)


def _edge(function: Callable[[np.ndarray], np.ndarray], outside: float, inside: float) -> float:
    """Where a function, above 1 inside, falls below 1 on the way outside."""
    for _ in range(_ZOOMS):
        places = np.linspace(inside, outside, _POINTS)
        below = np.flatnonzero(~(function(places) > 1.0))
        if not below.size:
            return outside
        inside, outside = places[max(below[0] - 1, 0)], places[below[0]]
    return 0.5 * (inside + outside)
