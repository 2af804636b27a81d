"""Partial widths of a vector boson, and its mixing with the photon.

Every width is in GeV and zero below threshold. At a threshold itself the derivative in the mass is
infinite by nature and set to zero here; on both sides of it, it is finite.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import CHARGED_LEPTON_MASSES, ELEMENTARY_CHARGE
from nuprop.mediators.coupling import squared_moduli

#: Taylor series of `vacuum_polarization` in r, with the coefficients -B(n + 2, n + 2)/n; exact to
#: rounding inside the range.
_TAYLOR_ORDERS = np.arange(1, 19)
_TAYLOR = np.array(
    [-(math.factorial(n + 1) ** 2) / math.factorial(2 * n + 3) / n for n in range(1, 19)]
)
_TAYLOR_RANGE = 0.5


def neutrino_width(mass: ArrayLike, coupling_matrix: ArrayLike) -> jax.Array:
    """Width to left-handed neutrinos, all flavors: Tr(g g^dagger) M / (24 pi).

    The same for Majorana neutrinos and for Dirac neutrinos whose right-handed part does not couple.
    Masses are neglected, so that mixing with a sterile state does not change it.

    Parameters
    ----------
    mass : float, GeV
    coupling_matrix : array, shape (3, 3) or (4, 4)
        In either basis.

    Returns
    -------
    Array, GeV

    References
    ----------
    Araki et al. 2016, arXiv:1508.07471: g'^2 M / (12 pi) for L_mu - L_tau.
    """
    return jnp.sum(squared_moduli(coupling_matrix)) * mass / (24.0 * jnp.pi)


def charged_lepton_width(mass: ArrayLike, coupling: ArrayLike, lepton_mass: ArrayLike) -> jax.Array:
    """Width to a pair of charged leptons with the vector coupling g_l.

    (|g_l|^2 M / 12 pi) (1 + 2 m^2/M^2) sqrt(1 - 4 m^2/M^2) for M > 2 m, else 0.

    Parameters
    ----------
    mass, lepton_mass : float or arrays that broadcast, GeV
    coupling : float or complex
        g_l, complex if a loop above its threshold contributes.

    Returns
    -------
    Array, GeV

    References
    ----------
    Araki et al. 2016, arXiv:1508.07471.
    """
    mass, lepton_mass = jnp.asarray(mass), jnp.asarray(lepton_mass)
    is_open = mass > 2.0 * lepton_mass
    ratio = lepton_mass / jnp.where(is_open, mass, 4.0 * lepton_mass)
    velocity = jnp.sqrt((1.0 - 2.0 * ratio) * (1.0 + 2.0 * ratio))
    phase_space = jnp.where(is_open, (1.0 + 2.0 * ratio**2) * velocity, 0.0)
    return squared_moduli(coupling) * mass / (12.0 * jnp.pi) * phase_space


def vacuum_polarization(r: ArrayLike) -> jax.Array:
    """Integrate x(1-x) ln[1 - x(1-x) r - i0] over 0 < x < 1, in closed form.

    With b = sqrt(1 - 4/r) it is 1/6 of -5/3 - 4/r + (1 + 2/r) b ln[(b+1)/(b-1)], and for small |r|
    its Taylor series -sum_n B(n+2, n+2) r^n/n, where the closed form cancels.

    Parameters
    ----------
    r : array
        q^2/m^2 of any sign. For r > 4 the logarithm has the imaginary part -pi.

    Returns
    -------
    Array, complex, of the shape of `r`.

    Notes
    -----
    Good to 4e-16 plus the rounding of `r`. At r = 4 the derivative of the real part is infinite
    from below, that of the imaginary part from above; exactly there finite values are returned.

    References
    ----------
    Peskin & Schroeder 1995, An Introduction to Quantum Field Theory, Eq. (7.90).
    """
    r = jnp.asarray(r, dtype=jnp.float64)
    small = jnp.abs(r) < _TAYLOR_RANGE
    below = (r >= _TAYLOR_RANGE) & (r < 4.0)
    outside = (r <= -_TAYLOR_RANGE) | (r > 4.0)

    powers = jnp.where(small, r, 0.0)[..., None] ** _TAYLOR_ORDERS
    series = jnp.sum(_TAYLOR * powers, axis=-1)

    r_below = jnp.where(below, r, 2.0)
    tangent = jnp.sqrt((4.0 - r_below) / r_below)
    real_below = 2.0 * tangent * jnp.arctan2(1.0, tangent)

    r_outside = jnp.where(outside, r, 8.0)
    root = jnp.sqrt((r_outside - 4.0) / r_outside)
    real_outside = root * (2.0 * jnp.log1p(root) + jnp.log(jnp.abs(r_outside) / 4.0))

    real = jnp.where(below, real_below, jnp.where(outside, real_outside, 0.0))
    imaginary = jnp.where(r > 4.0, -jnp.pi * root, 0.0)
    r_closed = jnp.where(small, 1.0, r)
    factor = (1.0 + 2.0 / r_closed) / 6.0
    closed = -5.0 / 18.0 - 2.0 / (3.0 * r_closed) + factor * real
    real_part = jnp.where(small, series, closed)
    return jax.lax.complex(real_part, jnp.where(small, 0.0, factor * imaginary))


def loop_mixing(q2: ArrayLike, charges: ArrayLike) -> jax.Array:
    """Mixing of Z' and photon through charged-lepton loops, per unit of g'.

    eps_loop/g' = (e / 2 pi^2) sum_l Q_l int_0^1 dx x(1-x) ln[m_l^2 - x(1-x) q^2 - i0],
    which is -(e / 2 pi^2) int x(1-x) ln[(m_b^2 - x(1-x) q^2)/(m_a^2 - x(1-x) q^2)] for L_a - L_b.

    Parameters
    ----------
    q2 : array, GeV^2
        Squared momentum of the boson, M^2 on shell; negative in scattering.
    charges : array, shape (3,)
        Q_e, Q_mu, Q_tau. They must sum to zero: otherwise the loop diverges.

    Returns
    -------
    Array, complex, of the shape of `q2`.

    References
    ----------
    Araki et al. 2016, arXiv:1508.07471; the limit q^2 -> 0 for L_mu - L_tau is
    -(e / 6 pi^2) ln(m_tau/m_mu) = -1/69.3.
    """
    squares = np.square(CHARGED_LEPTON_MASSES)
    integrals = np.log(squares) / 6.0 + vacuum_polarization(jnp.asarray(q2)[..., None] / squares)
    total = jnp.sum(jnp.asarray(charges) * integrals, axis=-1)
    return ELEMENTARY_CHARGE / (2.0 * jnp.pi**2) * total
