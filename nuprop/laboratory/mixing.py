"""Kinetic mixing of the boson with the hypercharge field: mass eigenstates, and the loop's part.

L = -(1/4) B^2 - (1/4) X^2 + (epsilon/2) B_mn X^mn + (1/2) m_X^2 X^2 + g' X_m J'^m + e A_m J_em^m:
positive epsilon gives the electron the vector coupling -epsilon e cos(theta_W).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import SIN2_THETA_W, Z_MASS
from nuprop.errors import ParameterError
from nuprop.mediators import ZPrime
from nuprop.mediators.width import loop_mixing
from nuprop.units import in_code_units, is_traced, require, required_number

_SIN = math.sqrt(SIN2_THETA_W)
COS_THETA_W = math.sqrt(1.0 - SIN2_THETA_W)

_MIXING_RANGE = "between -1 and 1: beyond, the kinetic terms are not positive"


class Mixing(NamedTuple):
    """How the mass eigenstate X that is mostly the new boson couples.

    L = X_m [a e J_em + b (e / s_W c_W) J_Z + c g' J']^m, with J_Z = T_3 - Q s_W^2.

    Attributes
    ----------
    mass : of X, GeV
    z_mass : of the other eigenstate, GeV
    electromagnetic : a
    neutral : b
    gauge : c
    """

    mass: jax.Array
    z_mass: jax.Array
    electromagnetic: jax.Array
    neutral: jax.Array
    gauge: jax.Array


def diagonalize(mass: Any, kinetic_mixing: Any) -> Mixing:
    """Diagonalize kinetic and mass terms exactly, at tree level.

    With eta = epsilon / sqrt(1 - epsilon^2), in the basis (Z_0, X_0) that makes the kinetic terms
    canonical, the squared masses are [[M_Z^2, -M_Z^2 s_W eta], [-M_Z^2 s_W eta,
    m_X^2 / (1 - epsilon^2) + M_Z^2 s_W^2 eta^2]]. The eigenvector (v_Z, v_X) with the larger |v_X|,
    v_X > 0, is the new boson: a = c_W eta v_X, b = v_Z - s_W eta v_X, c = v_X / sqrt(1 - eps^2).

    Parameters
    ----------
    mass : Quantity, str, float or array, GeV
        m_X of the Lagrangian. The eigenvalue differs from it at order epsilon^2; `mixing_at` takes
        the eigenvalue.
    kinetic_mixing : float or array
        epsilon, between -1 and 1; broadcast against `mass`.

    Returns
    -------
    Mixing
        Arrays of the common shape. For m_X << M_Z: a = epsilon c_W,
        b = epsilon s_W m_X^2 / (M_Z^2 - m_X^2), c = 1.

    Raises
    ------
    UnitError, ParameterError
        If the mass is not a positive energy, or |epsilon| >= 1.

    Examples
    --------
    >>> mixing = diagonalize("10 MeV", 1e-3)
    >>> print(f"a = {mixing.electromagnetic:.6e}, b = {mixing.neutral:.4e}, c = {mixing.gauge:.8f}")
    a = 8.768013e-04, b = 5.7828e-12, c = 1.00000038
    """
    m = in_code_units(mass, "energy", "mass")
    require("mass", m, "positive energies", lambda x: x > 0.0)
    epsilon = mixing_in_range(kinetic_mixing)

    m, epsilon = jnp.asarray(m), jnp.asarray(epsilon)
    norm = (1.0 - epsilon) * (1.0 + epsilon)
    slope = _SIN * epsilon / jnp.sqrt(norm)
    dark = m**2 / norm + (Z_MASS * slope) ** 2
    off = Z_MASS**2 * slope
    gap = Z_MASS**2 - dark
    split = _length(gap, 2.0 * off)
    larger = 0.5 * (Z_MASS**2 + dark + split)
    smaller = (Z_MASS * m) ** 2 / norm / larger
    is_light = gap >= 0.0
    squared, other = jnp.where(is_light, smaller, larger), jnp.where(is_light, larger, smaller)
    distance = jnp.where(is_light, 1.0, -1.0) * 0.5 * (jnp.abs(gap) + split)
    return _mixing(squared, other, distance, off, epsilon)


def mixing_at(mass: Any, kinetic_mixing: Any) -> Mixing:
    """Give the couplings of the eigenstate whose physical mass is `mass`; exact at tree level.

    v_Z / v_X = M_Z^2 s_W eta / (M_Z^2 - M^2), and m_X^2 follows from
    m_X^2 = (1 - eps^2) M^2 [1 + s_W^2 eta^2 M_Z^2 / (M_Z^2 - M^2)].

    Parameters
    ----------
    mass : Quantity, str, float or array, GeV
    kinetic_mixing : float or array
        As in `diagonalize`.

    Returns
    -------
    Mixing

    Raises
    ------
    UnitError, ParameterError
        As `diagonalize`; and if the mass is so close to M_Z that no eigenstate of it is mostly the
        new boson (the two masses repel). Traced values are not checked.
    """
    m = in_code_units(mass, "energy", "mass")
    require("mass", m, "positive energies", lambda x: x > 0.0)
    epsilon = mixing_in_range(kinetic_mixing)
    if not is_traced(m) and not is_traced(epsilon):
        eta = np.asarray(epsilon) / np.sqrt(1.0 - np.square(epsilon))
        is_reached = np.abs(1.0 - np.square(m) / Z_MASS**2) > _SIN * np.abs(eta)
        if not np.all(is_reached | (eta == 0.0)):
            raise ParameterError(
                f"mass = {m} GeV with kinetic_mixing = {epsilon}: no eigenstate that is mostly the "
                f"new boson has a mass so close to M_Z = {Z_MASS} GeV; it must differ more, or "
                "mix less"
            )

    m, epsilon = jnp.asarray(m), jnp.asarray(epsilon)
    norm = (1.0 - epsilon) * (1.0 + epsilon)
    off = Z_MASS**2 * _SIN * epsilon / jnp.sqrt(norm)
    distance = (Z_MASS - m) * (Z_MASS + m)
    safe = jnp.where(distance == 0.0, 1.0, distance)
    other = Z_MASS**2 + jnp.where(distance == 0.0, 0.0, off**2 / safe)
    return _mixing(m**2, other, distance, off, epsilon)


def induced_mixing(zprime: ZPrime, q2: ArrayLike) -> jax.Array:
    """Mixing epsilon_A with the photon that the loops of charged leptons induce at q^2.

    Pi(q^2) = (e g' / 2 pi^2) int_0^1 dx x(1-x) ln[(m_tau^2 - x(1-x) q^2 - i0) /
    (m_mu^2 - x(1-x) q^2 - i0)] for L_mu - L_tau: of the sign of a positive epsilon, so that the
    electron gets -e Pi. It is minus the loop's part of `ZPrime.photon_mixing_at`, and does not ask
    whether the boson has `loop_mixing` on.

    Parameters
    ----------
    zprime : ZPrime
        Its charged leptons' charges must sum to zero.
    q2 : array, GeV^2
        M^2 on the mass shell, t < 0 in scattering, s in annihilation.

    Returns
    -------
    Array, complex, of the shape of `q2`.

    Raises
    ------
    ParameterError
        If the loop diverges, or the boson is given by a matrix.

    References
    ----------
    Araki et al. 2016, arXiv:1508.07471; arXiv:2006.11225, Eq. (7).

    Examples
    --------
    >>> zprime = ZPrime.lmu_ltau("10 MeV", coupling=1.0)
    >>> print(f"{induced_mixing(zprime, 0.0).real:.8f}")
    0.01443291
    """
    require_named(zprime, "charges of its charged leptons")
    charges = zprime.charged_charges
    if not is_traced(charges) and abs(np.sum(charges)) > 0.0:
        raise ParameterError(
            f"{zprime!r} has no finite loop: the charges {np.asarray(charges).tolist()} of e, mu, "
            "tau must sum to zero"
        )
    return -zprime.coupling * loop_mixing(jnp.asarray(q2), charges)


def mixing_in_range(value: Any) -> Any:
    """Turn a user's epsilon into numbers, and require |epsilon| < 1."""
    epsilon = in_code_units(value, "dimensionless", "kinetic_mixing")
    require("kinetic_mixing", epsilon, _MIXING_RANGE, lambda x: np.abs(x) < 1.0)
    return epsilon


def one_mixing(value: Any) -> Any:
    """Turn a user's single epsilon into a number, and require |epsilon| < 1."""
    return required_number(
        value, "dimensionless", "kinetic_mixing", _MIXING_RANGE, lambda x: abs(x) < 1.0
    )


def require_named(zprime: ZPrime, what: str) -> None:
    """Refuse a boson given by a matrix; `what` says what is unknown of it."""
    if zprime.model == "matrix":
        raise ParameterError(
            f"{zprime!r}: the {what} are unknown for a boson given by a matrix; use a named model, "
            "such as ZPrime.lmu_ltau"
        )


def _mixing(
    squared: jax.Array, other: jax.Array, distance: jax.Array, off: jax.Array, epsilon: jax.Array
) -> Mixing:
    """Build the result from M^2, the other eigenvalue, M_Z^2 - M^2 and the matrix' corner."""
    length = _length(distance, off)
    is_mixed = length > 0.0
    safe = jnp.where(is_mixed, length, 1.0)
    v_x = jnp.where(is_mixed, jnp.abs(distance) / safe, 1.0)
    v_z = jnp.where(is_mixed, jnp.sign(distance) * off / safe, 0.0)
    root = jnp.sqrt((1.0 - epsilon) * (1.0 + epsilon))
    return Mixing(
        mass=jnp.sqrt(squared),
        z_mass=jnp.sqrt(other),
        electromagnetic=COS_THETA_W * epsilon / root * v_x,
        neutral=v_z * squared / Z_MASS**2,
        gauge=v_x / root,
    )


def _length(x: jax.Array, y: jax.Array) -> jax.Array:
    """Length sqrt(x^2 + y^2), with a finite derivative where both vanish."""
    square = x**2 + y**2
    return jnp.where(square > 0.0, jnp.sqrt(jnp.where(square > 0.0, square, 1.0)), 0.0)
