"""The photon line of e+e- -> gamma Z', Z' -> neutrinos, in the narrow-width limit."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.laboratory.single_photon.collider import Collider
from nuprop.laboratory.single_photon.currents import PICOBARN, require_options
from nuprop.laboratory.single_photon.kinematics import cosine_window
from nuprop.laboratory.single_photon.radiator import radiator, radiator_between
from nuprop.laboratory.single_photon.spectra import mass_window, positive_energies
from nuprop.mediators import ZPrime
from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.zprime import Nature
from nuprop.units import is_traced, require


def invisible_branching(zprime: ZPrime, nature: Nature = "majorana") -> jax.Array:
    """Share of decays to neutrinos, right-handed ones included."""
    shares = zprime.branching_ratios(nature)
    return shares["neutrinos"] + shares["sterile"]


def line_per_coupling(mass: ArrayLike, collider: Collider) -> jax.Array:
    """Compute the cross section of e+e- -> gamma Z' within the cuts [pb], over g_e^2.

    (pi/s) int H(1 - M^2/s, cos) dcos, in closed form.

    Parameters
    ----------
    mass : array, GeV
    collider : Collider

    Returns
    -------
    Array
        Zero for M >= sqrt(s), and where no photon passes the cuts.
    """
    s = collider.sqrt_s**2
    x = 1.0 - jnp.asarray(mass) ** 2 / s
    is_open = x > 0.0
    safe = jnp.where(is_open, x, 0.5)
    low, high = cosine_window(collider, 0.5 * collider.sqrt_s * safe, "cm")
    value = jnp.pi / s * radiator_between(safe, low, high) * PICOBARN
    return jnp.where(is_open & (high > low), value, 0.0)


def line_cross_section(
    zprime: ZPrime,
    collider: Collider,
    *,
    missing_mass: tuple[Any, Any] | None = None,
    nature: Nature = "majorana",
) -> jax.Array:
    """Compute the cross section of e+e- -> gamma Z' with an invisible Z', within the cuts.

    dsigma/dcos = (pi |g_e|^2 BR/s) H(1 - M^2/s, cos), with g_e and all widths on the mass shell.
    For M -> 0 it is (2 pi alpha^2 eps_A^2/s) (1 + cos^2)/(1 - cos^2), g_e = -e eps_A, as that of
    e+e- -> gamma gamma.

    Parameters
    ----------
    zprime : ZPrime
        It must decay inside the detector or not at all for BR to be what is invisible.
    collider : Collider
    missing_mass : (low, high), Quantities, str or GeV, optional
        Nothing is left if M is outside; by default all is.
    nature : "majorana" or "dirac"

    Returns
    -------
    Array, pb
        Zero for M >= sqrt(s), and where no photon passes the cuts.

    Raises
    ------
    UnitError, ParameterError
        If the window is not 0 <= low < high, or the nature unknown.

    References
    ----------
    Araki et al. 2017, arXiv:1702.01497, for the search.

    Examples
    --------
    >>> zprime = ZPrime.lmu_ltau("10 MeV", 1e-3, kinetic_mixing=1e-4)
    >>> print(f"{line_cross_section(zprime, Collider.named('belle-ii')):.5e} pb")
    3.62405e-05 pb
    """
    require_options("full", nature=nature)
    lightest, heaviest = mass_window(collider, missing_mass)
    return _line(zprime, collider, lightest, heaviest, nature)


@partial(jax.jit, static_argnames="nature")
def _line(
    zprime: ZPrime, collider: Collider, lightest: Any, heaviest: Any, nature: Nature
) -> jax.Array:
    square = jnp.asarray(zprime.mass) ** 2
    inside = (square >= lightest) & (square <= heaviest)
    value = line_per_coupling(zprime.mass, collider) * squared_moduli(zprime.charged_couplings[0])
    return jnp.where(inside, value * invisible_branching(zprime, nature), 0.0)


def line_spectrum(
    energy: Any, zprime: ZPrime, collider: Collider, *, nature: Nature = "majorana"
) -> jax.Array:
    """Compute dsigma/dE of the line in the lab, where the boost spreads it, within the cuts.

    Parameters
    ----------
    energy : Quantity or array, GeV
    zprime : ZPrime
    collider : Collider
        With beams of unequal energies: else the line has no width, see `smeared_spectrum`.
    nature : "majorana" or "dirac"

    Returns
    -------
    Array, pb/GeV
        dsigma/dcos over E* gamma |beta| between the ends that the cuts leave, zero elsewhere.

    Raises
    ------
    UnitError, ParameterError
        If an energy is not positive, the nature unknown, or the center of mass at rest.
    """
    require_options("full", nature=nature)
    if not is_traced(collider.velocity):
        require(
            "velocity of the center of mass",
            collider.velocity,
            "the line has no width in the lab without one; smeared_spectrum draws it",
            lambda beta: beta != 0.0,
        )
    return line_in_lab(positive_energies(energy), zprime, collider, nature)


@partial(jax.jit, static_argnames="nature")
def line_in_lab(energy: jax.Array, zprime: ZPrime, collider: Collider, nature: Nature) -> jax.Array:
    """`line_spectrum` of arrays."""
    low, high, x, scale = line_parts(zprime, collider, nature)
    slope = 0.5 * collider.sqrt_s * x * collider.lorentz
    cosine = (energy / slope - 1.0) / collider.velocity
    inside = (cosine > low) & (cosine < high)
    value = radiator(x, jnp.where(inside, cosine, 0.0))
    return jnp.where(inside, scale * value / (slope * jnp.abs(collider.velocity)), 0.0)


def line_parts(
    zprime: ZPrime, collider: Collider, nature: Nature
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Find the ends of the cosine, x, and dsigma/dcos over H; M >= sqrt(s) leaves no cosine."""
    s = collider.sqrt_s**2
    x = 1.0 - jnp.asarray(zprime.mass) ** 2 / s
    is_open = x > 0.0
    safe = jnp.where(is_open, x, 0.5)
    low, high = cosine_window(collider, 0.5 * collider.sqrt_s * safe, "cm")
    coupling = squared_moduli(zprime.charged_couplings[0]) * invisible_branching(zprime, nature)
    return low, jnp.where(is_open, high, low), safe, jnp.pi / s * coupling * PICOBARN
