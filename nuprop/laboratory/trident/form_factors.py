"""Where the charge is: form factors of nuclei and nucleons, and Pauli blocking."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import jax
import jax.numpy as jnp

from nuprop.constants import HBAR_C, NEUTRON_MOMENT, PROTON_MOMENT

#: F(Q, A), 1 at Q = 0, for Q in GeV.
FormFactor = Callable[[jax.Array, jax.Array], jax.Array]

_FERMI = 1e-13 / HBAR_C  # GeV^-1
_DIPOLE = 0.71  # GeV^2
#: Momentum of nucleons at the surface of the Fermi sea [GeV], value as used by nuprop.
FERMI_MOMENTUM = 0.235
_SMALL = 1e-2


def woods_saxon(q: jax.Array, mass_number: jax.Array) -> jax.Array:
    """Transform of a symmetrized Fermi distribution, 1/(1 + exp[(r - r0)/a]) to rounding.

    r0 = (1.18 A^(1/3) - 0.48) fm and a = 0.523 fm, values as used by nuprop.

    Parameters
    ----------
    q : array, GeV
    mass_number : array

    Returns
    -------
    Array, 1 at q = 0.
    """
    radius = (1.18 * jnp.cbrt(mass_number) - 0.48) * _FERMI
    x, y = q * radius, jnp.pi * 0.523 * _FERMI * q
    is_small = y < _SMALL
    safe = jnp.where(is_small, 1.0, y)
    y2 = y * y
    over_sinh = jnp.where(is_small, 1.0 - y2 / 6.0 + 7.0 * y2**2 / 360.0, safe / jnp.sinh(safe))
    cothic = jnp.where(
        is_small,
        1.0 / 3.0 - y2 / 45.0 + 2.0 * y2**2 / 945.0,
        (safe / jnp.tanh(safe) - 1.0) / safe**2,
    )
    shape = (radius / (jnp.pi * 0.523 * _FERMI)) ** 2  # x^2 / y^2
    sharp = _sphere(x) / 3.0 * shape + cothic * jnp.sinc(x / jnp.pi)
    return 3.0 * over_sinh * sharp / (1.0 + shape)


def exponential(q: jax.Array, mass_number: jax.Array) -> jax.Array:
    """exp(-a^2 q^2 / 10) with a = 1.3 A^(1/3) fm, values as used by nuprop.

    Arguments as in `woods_saxon`.
    """
    radius = 1.3 * jnp.cbrt(mass_number) * _FERMI
    return jnp.exp(-((radius * q) ** 2) / 10.0)


def helm(q: jax.Array, mass_number: jax.Array) -> jax.Array:
    """3 j1(qR)/(qR) exp(-q^2 s^2/2), a sphere with a soft edge, values as used by nuprop.

    s = 0.9 fm, R^2 = (1.23 A^(1/3) - 0.60)^2 fm^2 + (7/3) pi^2 (0.52 fm)^2 - 5 s^2.
    Arguments as in `woods_saxon`.
    """
    edge = 0.9
    squared = (1.23 * jnp.cbrt(mass_number) - 0.60) ** 2
    squared = squared + (7.0 / 3.0) * (jnp.pi * 0.52) ** 2 - 5.0 * edge**2
    return _sphere(q * jnp.sqrt(squared) * _FERMI) * jnp.exp(-((q * edge * _FERMI) ** 2) / 2.0)


def _sphere(x: jax.Array) -> jax.Array:
    """3 j1(x)/x."""
    is_small = x < 0.1
    x2 = x * x
    series = 1.0 - x2 / 10.0 * (1.0 - x2 / 28.0 * (1.0 - x2 / 54.0 * (1.0 - x2 / 88.0)))
    safe = jnp.where(is_small, 1.0, x)
    return jnp.where(is_small, series, 3.0 * (jnp.sin(safe) / safe - jnp.cos(safe)) / safe**2)


FORM_FACTORS: MappingProxyType[str, FormFactor] = MappingProxyType(
    {"ws": woods_saxon, "exp": exponential, "helm": helm}
)


def nucleon_form_factors(
    q2: jax.Array, mass: jax.Array, charge: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Squared form factors of a nucleon, (G_E^2 + tau G_M^2)/(1 + tau) and G_M^2.

    Dipoles of 0.71 GeV^2: G_E of the proton and G_M = mu G_E of both; G_E of the neutron is zero.

    Parameters
    ----------
    q2 : array, GeV^2
    mass : float, GeV
    charge : float
        1 for the proton, 0 for the neutron.
    """
    dipole2 = (1.0 + q2 / _DIPOLE) ** -4
    moment = NEUTRON_MOMENT + (PROTON_MOMENT - NEUTRON_MOMENT) * charge
    magnetic = moment**2 * dipole2
    tau = q2 / (4.0 * mass**2)
    return (charge**2 * dipole2 + tau * magnetic) / (1.0 + tau), magnetic


def pauli_blocking(q2: jax.Array, mass: jax.Array, fermi_momentum: jax.Array) -> jax.Array:
    """Share of struck nucleons that find room above the Fermi sea, 3x/2 - x^3/2 for x < 1.

    x = |q| / (2 p_F) with |q|^2 = Q^2 + Q^4/4M^2; 1 beyond, and 1 everywhere if p_F = 0. The form
    as used by nuprop: a Fermi gas.
    """
    is_sea = fermi_momentum > 0.0
    diameter = 2.0 * jnp.where(is_sea, fermi_momentum, 1.0)
    x = jnp.minimum(jnp.sqrt(q2 + (q2 / (2.0 * mass)) ** 2) / diameter, 1.0)
    return jnp.where(is_sea, 1.5 * x - 0.5 * x**3, 1.0)


def blocked_below(mass: jax.Array, fermi_momentum: jax.Array) -> jax.Array:
    """Q^2 [GeV^2] at which Pauli blocking ends, |q| = 2 p_F."""
    ratio = 2.0 * fermi_momentum / mass
    return 2.0 * mass**2 * ratio**2 / (1.0 + jnp.sqrt(1.0 + ratio**2))
