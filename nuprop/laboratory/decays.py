"""Decays of the boson: widths with hadrons, invisible share, lifetime and decay length.

Hadrons enter only if the user passes the ratio R(s) = sigma(e+e- -> hadrons)/sigma(e+e- -> mu+mu-)
with massless muons.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.constants import CHARGED_LEPTON_MASSES, ELEMENTARY_CHARGE, HBAR_C, SPEED_OF_LIGHT
from nuprop.errors import ParameterError
from nuprop.laboratory.mixing import COS_THETA_W, induced_mixing
from nuprop.mediators import ZPrime
from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.width import charged_lepton_width
from nuprop.mediators.zprime import Nature
from nuprop.traceable import call
from nuprop.units import is_traced, require, required_number

RRatio = Callable[[jax.Array], Any]


def partial_widths(
    zprime: ZPrime, hadrons: RRatio | None = None, nature: Nature = "majorana"
) -> dict[str, jax.Array]:
    """Width of each channel [GeV], zero where it is closed.

    Parameters
    ----------
    zprime : ZPrime
    hadrons : callable, optional
        R(s), s in GeV^2; it must be traceable by JAX if the width is to be. None: no hadrons.
    nature : "majorana" or "dirac"
        As in `ZPrime.partial_widths`.

    Returns
    -------
    dict
        The channels of `ZPrime.partial_widths`, and "hadrons", whose width is
        |e epsilon_A|^2 M R(M^2) / (12 pi).

    Raises
    ------
    ParameterError
        If R is not a function, cannot be evaluated or is not finite and >= 0; or if the boson does
        not couple to quarks through the photon alone (B - L, or given by a matrix).
    """
    widths = zprime.partial_widths(nature)
    mass = jnp.asarray(zprime.mass)
    ratio = _r_ratio(zprime, hadrons)
    strength = ELEMENTARY_CHARGE**2 * squared_moduli(zprime.photon_mixing)
    return {**widths, "hadrons": strength * ratio * mass / (12.0 * jnp.pi)}


def width(zprime: ZPrime, hadrons: RRatio | None = None, nature: Nature = "majorana") -> jax.Array:
    """Total width [GeV], the sum of `partial_widths`."""
    return _total(partial_widths(zprime, hadrons, nature))


def branching_ratios(
    zprime: ZPrime, hadrons: RRatio | None = None, nature: Nature = "majorana"
) -> dict[str, jax.Array]:
    """Share of each channel of `partial_widths` in the total width; zero without any decay."""
    partial = partial_widths(zprime, hadrons, nature)
    total = _total(partial)
    return {channel: _share(part, total) for channel, part in partial.items()}


def invisible_branching(
    zprime: ZPrime, hadrons: RRatio | None = None, nature: Nature = "majorana"
) -> jax.Array:
    """Share of decays to neutrinos, active or sterile; arguments as in `partial_widths`."""
    ratios = branching_ratios(zprime, hadrons, nature)
    return ratios["neutrinos"] + ratios["sterile"]


def lifetime(
    zprime: ZPrime, hadrons: RRatio | None = None, nature: Nature = "majorana"
) -> jax.Array:
    """Mean life hbar/Gamma [s] at rest; infinite without any decay."""
    return _decay_time(width(zprime, hadrons, nature))


def decay_length(
    zprime: ZPrime, energy: Any, hadrons: RRatio | None = None, nature: Nature = "majorana"
) -> jax.Array:
    """Mean path (p/M) c tau [cm] of a boson of some energy in the laboratory.

    Parameters
    ----------
    zprime : ZPrime
    energy : Quantity, str or float, GeV
        At least the mass; at the mass itself the length is zero.
    hadrons, nature : as in `partial_widths`

    Returns
    -------
    Array, cm

    Raises
    ------
    UnitError, ParameterError
        If the energy is not one, or below the mass (a traced one below it gives zero).

    Examples
    --------
    >>> zprime = ZPrime.lmu_ltau("10 MeV", 1e-3, kinetic_mixing=1e-4)
    >>> print(f"{decay_length(zprime, '5 GeV'):.4f} cm")
    0.0372 cm
    """
    mass = jnp.asarray(zprime.mass)
    allowed = "a positive energy"
    e = required_number(energy, "energy", "energy", allowed, lambda x: x > 0.0)
    if not is_traced(e) and not is_traced(zprime.mass):
        allowed = f"at least the mass, {float(zprime.mass):.6g} GeV"
        require("energy", e, allowed, lambda x: np.all(x >= np.asarray(zprime.mass)))
    boost2 = (e / mass - 1.0) * (e / mass + 1.0)
    is_moving = boost2 > 0.0
    boost = jnp.where(is_moving, jnp.sqrt(jnp.where(is_moving, boost2, 1.0)), 0.0)
    return boost * SPEED_OF_LIGHT * lifetime(zprime, hadrons, nature)


def invisible_line(
    zprime: ZPrime,
    branching: Any = 0.9,
    hadrons: RRatio | None = None,
    nature: Nature = "majorana",
) -> tuple[jax.Array, jax.Array]:
    """Find the kinetic mixing at which decays to neutrinos have a given share.

    The share is at least `branching` for lower <= epsilon <= upper. Exact: sum_l phi_l |g_l|^2 +
    R |e epsilon_A|^2 = (1/Br - 1) Gamma_inv 12 pi/M is quadratic in epsilon, with the phase spaces
    phi_l of the charged leptons. For L_mu - L_tau and m_e << M < 2 m_mu the ends are
    +-g' sqrt(1/Br - 1) / (c_W e), which is +-1.2554 g' for 0.9.

    Parameters
    ----------
    zprime : ZPrime
        One of the named models; its own kinetic mixing does not matter.
    branching : float
        Between 0 and 1.
    hadrons, nature : as in `partial_widths`

    Returns
    -------
    lower, upper : Array
        Infinite below 2 m_e, where nothing else is open. Above 2 m_mu the share may stay below
        `branching` for every epsilon: both are then equal, to the epsilon at which it is largest.

    Raises
    ------
    ParameterError
        If the share is not between 0 and 1, or as `partial_widths`.

    Examples
    --------
    >>> lower, upper = invisible_line(ZPrime.lmu_ltau("10 MeV", 1e-3))
    >>> print(f"{lower:.6f} {upper:.6f}")
    -0.001255 0.001255
    """
    share = required_number(
        branching, "dimensionless", "branching", "between 0 and 1", lambda x: (x > 0.0) & (x < 1.0)
    )
    if zprime.model == "matrix":
        raise ParameterError(f"{zprime!r}: a boson given by a matrix has no kinetic mixing to find")
    ratio = _r_ratio(zprime, hadrons)
    mass = jnp.asarray(zprime.mass)
    widths = zprime.partial_widths(nature)
    unit = mass / (12.0 * jnp.pi)
    target = (1.0 / share - 1.0) * (widths["neutrinos"] + widths["sterile"]) / unit

    phases = charged_lepton_width(mass, 1.0, jnp.asarray(CHARGED_LEPTON_MASSES)) / unit
    weights = jnp.append(phases, ratio)
    loop = -induced_mixing(zprime, mass**2) if zprime.loop_mixing else jnp.zeros((), complex)
    charges = jnp.append(jnp.asarray(zprime.charged_charges), 0.0)
    base = zprime.coupling * charges + ELEMENTARY_CHARGE * loop
    # sum w |base - x|^2 = target, with x = e c_W epsilon
    total = jnp.sum(weights)
    is_open = total > 0.0
    norm = jnp.where(is_open, total, 1.0)
    center = jnp.sum(weights * jnp.real(base)) / norm
    variance = jnp.sum(weights * squared_moduli(base - center)) / norm
    square = target / norm - variance
    is_reached = square > 0.0
    half = jnp.where(is_reached, jnp.sqrt(jnp.where(is_reached, square, 1.0)), 0.0)
    scale = 1.0 / (ELEMENTARY_CHARGE * COS_THETA_W)
    lower, upper = ((center + sign * half) * scale for sign in (-1.0, 1.0))
    return jnp.where(is_open, lower, -jnp.inf), jnp.where(is_open, upper, jnp.inf)


def _r_ratio(zprime: ZPrime, hadrons: RRatio | None) -> jax.Array:
    """R(M^2), zero if the user gave none."""
    if hadrons is None:
        return jnp.zeros(())
    if not callable(hadrons):
        raise ParameterError(f"hadrons = {hadrons!r}: a function R(s) of s in GeV^2, or None")
    if zprime.model in ("b-minus-l", "matrix"):
        raise ParameterError(
            f"hadrons with {zprime!r}: R(s) holds for quarks that couple through the photon alone"
        )
    try:
        ratio = call(hadrons, jnp.asarray(zprime.mass) ** 2)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise ParameterError(
            f"hadrons = {hadrons!r} cannot be evaluated at s = M^2; write it with jax.numpy, with "
            f"jnp.where in place of `if` ({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error
    require("hadrons(M^2)", ratio, "finite and not negative", lambda x: x >= 0.0)
    return ratio


def _total(widths: dict[str, jax.Array]) -> jax.Array:
    return jnp.sum(jnp.stack(list(widths.values())))


def _share(part: jax.Array, whole: jax.Array) -> jax.Array:
    return jnp.where(whole > 0.0, part / jnp.where(whole > 0.0, whole, 1.0), 0.0)


def _decay_time(total: jax.Array) -> jax.Array:
    is_unstable = total > 0.0
    time = HBAR_C / SPEED_OF_LIGHT / jnp.where(is_unstable, total, 1.0)
    return jnp.where(is_unstable, time, jnp.inf)
