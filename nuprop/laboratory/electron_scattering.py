"""Elastic scattering of neutrinos on electrons at rest, by W, Z and Z'.

A state of the neutrino is a density matrix rho in the flavor basis. The couplings to left- and
right-handed electrons are matrices in that basis, G_L = diag(s^2 + 1/2, s^2 - 1/2, s^2 - 1/2) + d g
and G_R = s^2 + d g, with the coupling matrix g of the neutrinos to the Z', s = sin(theta_W) and
d = g_e/[2 sqrt(2) G_F (M^2 + 2 m_e T)]. All flavors of the outgoing neutrino are summed:

dsigma/dT = (2 G_F^2 m_e/pi) Tr rho [G_L^2 + G_R^2 (1 - T/E)^2 - {G_L, G_R}/2 m_e T/E^2].

For antineutrinos G_L and G_R change places and g its sign of i. The Z' couples to electrons as a
vector; its mixing with the Z, of order M^2/M_Z^2, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import ELECTRON_MASS, FERMI_CONSTANT, GEV_TO_MINUS_2, SIN2_THETA_W
from nuprop.errors import ParameterError, nearest
from nuprop.mediators import ZPrime
from nuprop.pytree import gather
from nuprop.units import in_code_units, is_traced, require

_FLAVORS = ("e", "mu", "tau")
_LEFT = np.diag([SIN2_THETA_W + 0.5, SIN2_THETA_W - 0.5, SIN2_THETA_W - 0.5])
_RIGHT = SIN2_THETA_W * np.eye(3)
_UNITS = GEV_TO_MINUS_2 * 2.0 * FERMI_CONSTANT**2 * ELECTRON_MASS / math.pi  # cm^2/GeV
_CONTACT = 2.0 * math.sqrt(2.0) * FERMI_CONSTANT

#: Gauss-Legendre nodes on (0, 1): few where an integrand is known, many for the panels of a window.
_FEW_NODES, _FEW_WEIGHTS = (0.5 * x for x in np.polynomial.legendre.leggauss(20))
_NODES, _WEIGHTS = (0.5 * x for x in np.polynomial.legendre.leggauss(64))
_FEW_NODES, _NODES = 0.5 + _FEW_NODES, 0.5 + _NODES
#: Where the closed form of `_unit_moments` takes over from nodes, both exact to rounding.
_SWITCH = 2.0


def largest_recoil(energy: Any) -> Any:
    """Largest kinetic energy 2 E^2/(m_e + 2 E) [GeV] of an electron hit by a neutrino."""
    return 2.0 * energy**2 / (ELECTRON_MASS + 2.0 * energy)


def differential_cross_section(
    recoil: Any, energy: Any, state: Any, zprime: ZPrime | None = None, antineutrino: bool = False
) -> jax.Array:
    """Compute dsigma/dT of neutrino-electron scattering.

    Parameters
    ----------
    recoil : Quantity or array, GeV
        Kinetic energy T >= 0 of the electron.
    energy : Quantity or array, GeV
        Of the neutrino; broadcasts against `recoil`.
    state : "e", "mu", "tau", array of shape (3,) or (..., 3, 3)
        A flavor, the shares of the flavors, or a density matrix in the flavor basis, whose leading
        axes broadcast against the energies.
    zprime : ZPrime, optional
        Without it, the Standard Model.
    antineutrino : bool

    Returns
    -------
    Array, cm^2/GeV
        Zero where the recoil exceeds 2 E^2/(m_e + 2 E).

    Raises
    ------
    UnitError, ParameterError
        If an energy is not positive, a recoil negative, or the state none of the above.

    References
    ----------
    Vogel & Engel 1989, PRD 39, 3378, for the Standard Model.

    Examples
    --------
    >>> zprime = ZPrime.lmu_ltau("10 MeV", 5e-4, kinetic_mixing=1e-5)
    >>> for boson in (None, zprime):
    ...     print(f"{differential_cross_section('0.3 MeV', '0.862 MeV', 'mu', boson):.6e}")
    1.857504e-42
    7.541689e-42
    """
    recoil, energy = _recoil(recoil, "recoil"), _energy(energy)
    recoil, energy = jnp.asarray(recoil), jnp.asarray(energy)
    mass, matrix, coupling = _boson(zprime)
    polynomials = recoil_polynomials(energy, neutrino_state(state), matrix, antineutrino)
    propagator = _CONTACT * (mass**2 + 2.0 * ELECTRON_MASS * recoil)
    shift = coupling(recoil) / propagator
    terms = _powers(shift)[..., :, None] * _powers(recoil)[..., None, :]
    value = jnp.sum(polynomials * terms, axis=(-2, -1))
    return jnp.where(recoil <= largest_recoil(energy), _UNITS * value, 0.0)


def cross_section(
    energy: Any,
    state: Any,
    zprime: ZPrime | None = None,
    lowest: Any = 0.0,
    highest: Any = None,
    antineutrino: bool = False,
) -> jax.Array:
    """Compute the cross section of neutrino-electron scattering in a window of the recoil.

    Parameters
    ----------
    energy : Quantity or array, GeV
    state, zprime, antineutrino : as in `differential_cross_section`.
    lowest, highest : Quantity or array, GeV
        Window of the electron's kinetic energy; it broadcasts against `energy`. By default there is
        no threshold, and the window ends where kinematics does.

    Returns
    -------
    Array, cm^2
        Zero where the window lies above the largest recoil.

    Raises
    ------
    UnitError, ParameterError
        As in `differential_cross_section`; a window must not be negative.

    Notes
    -----
    The integral over T is in closed form, exact to rounding for any mass. With `loop_mixing` the
    coupling g_e depends on T too, and the integral is a fixed quadrature, good to 1e-11.

    Examples
    --------
    >>> for flavor in ("e", "mu"):
    ...     print(f"{cross_section('0.862 MeV', flavor):.4e}")
    5.9452e-45
    1.2521e-45
    """
    energy = jnp.asarray(_energy(energy))
    lowest = jnp.asarray(_recoil(lowest, "lowest"))
    end = largest_recoil(energy)
    if highest is not None:
        end = jnp.minimum(end, jnp.asarray(_recoil(highest, "highest")))
    mass, matrix, coupling = _boson(zprime)
    polynomials = recoil_polynomials(energy, neutrino_state(state), matrix, antineutrino)
    moments = coupled_moments(zprime, mass, coupling, lowest, end)
    return _UNITS * jnp.sum(polynomials * moments, axis=(-2, -1))


def neutrino_state(given: Any) -> Any:
    """Density matrix in the flavor basis, shape (..., 3, 3), of what a user may call a state."""
    if isinstance(given, str):
        if given not in _FLAVORS:
            raise ParameterError(f"state = {given!r}: {nearest(given, _FLAVORS)}")
        return np.diag([float(flavor == given) for flavor in _FLAVORS])
    given = gather(given)
    shape = np.shape(given)
    if shape != (3,) and shape[-2:] != (3, 3):
        raise ParameterError(
            f"state has the shape {shape}: a flavor, (3,) for shares of e, mu, tau, or (..., 3, 3) "
            "for a density matrix is needed"
        )
    if not is_traced(given):
        if not np.all(np.isfinite(np.asarray(given))):
            raise ParameterError(f"state = {given}: every entry must be finite")
        if len(shape) == 1:
            require("state", given, "shares >= 0", lambda shares: shares >= 0.0)
    array = jnp.asarray(given)
    return jnp.diag(array) if len(shape) == 1 else array


def recoil_polynomials(
    energy: ArrayLike, state: ArrayLike, coupling_matrix: ArrayLike, antineutrino: bool = False
) -> jax.Array:
    """Coefficients c_kn of dsigma/dT ~ sum_kn c_kn d^k T^n, for d without coupling matrix.

    Parameters
    ----------
    energy : array, GeV
    state : array, shape (..., 3, 3)
    coupling_matrix : array, shape (3, 3)
    antineutrino : bool

    Returns
    -------
    Array, shape (..., 3, 3) [k, n], GeV^-n
    """
    energy, state = jnp.asarray(energy), jnp.asarray(state)
    matrix = jnp.asarray(coupling_matrix)
    matrix = matrix.conj() if antineutrino else matrix

    def mean(*factors: ArrayLike) -> jax.Array:
        product = state
        for factor in factors:
            product = product @ jnp.asarray(factor)
        return jnp.real(jnp.trace(product, axis1=-2, axis2=-1))

    square = mean(matrix, matrix)
    mixed = mean(_LEFT, matrix)
    right = SIN2_THETA_W * mean(matrix)
    left_terms = [mean(_LEFT, _LEFT), 2.0 * mixed, square]
    right_terms = [mean(_RIGHT, _RIGHT), 2.0 * right, square]
    if antineutrino:
        left_terms, right_terms = right_terms, left_terms
    cross_terms = [mean(_LEFT, _RIGHT), mixed + right, square]
    constant, falling, cross = (
        jnp.stack(jnp.broadcast_arrays(*terms), axis=-1)[..., None]
        for terms in (left_terms, right_terms, cross_terms)
    )
    one, zero = jnp.ones_like(energy), jnp.zeros_like(energy)
    squared = jnp.stack([one, -2.0 / energy, 1.0 / energy**2], axis=-1)[..., None, :]
    mass_term = jnp.stack([zero, ELECTRON_MASS / energy**2, zero], axis=-1)[..., None, :]
    return constant * np.array([1.0, 0.0, 0.0]) + falling * squared - cross * mass_term


def recoil_moments(mass: ArrayLike, lowest: ArrayLike, highest: ArrayLike) -> jax.Array:
    """Integrals of T^n/[2 sqrt(2) G_F (M^2 + 2 m_e T)]^k over the recoil, in closed form.

    Parameters
    ----------
    mass, lowest, highest : arrays that broadcast, GeV
        Zero comes out unless `lowest` < `highest`.

    Returns
    -------
    Array, shape (..., 3, 3) [k, n], GeV^(n + 1)

    Notes
    -----
    With T = lowest + t width they are combinations, without cancellation, of the integrals of
    t^n/(1 + z t)^k over 0 < t < 1, z = 2 m_e width/(M^2 + 2 m_e lowest).
    """
    mass, lowest = jnp.asarray(mass), jnp.asarray(lowest)
    width = jnp.maximum(jnp.asarray(highest) - lowest, 0.0)
    start = mass**2 + 2.0 * ELECTRON_MASS * lowest
    unit = _unit_moments(2.0 * ELECTRON_MASS * width / start)
    lowest, width = (x[..., None] for x in jnp.broadcast_arrays(lowest, width))
    first, second, third = (unit[..., n] for n in range(3))
    raised = jnp.stack(
        jnp.broadcast_arrays(
            first,
            lowest * first + width * second,
            lowest**2 * first + 2.0 * lowest * width * second + width**2 * third,
        ),
        axis=-1,
    )
    return width[..., None] * raised * _powers(1.0 / (_CONTACT * start))[..., :, None]


def windowed_moments(
    mass: ArrayLike,
    edges: ArrayLike,
    coupling: Callable[[jax.Array], jax.Array],
    window: Callable[[jax.Array], jax.Array] | None = None,
) -> jax.Array:
    """Integrals as in `recoil_moments`, with g_e(T)^k and a window in the integrand.

    Parameters
    ----------
    mass : float, GeV
    edges : array, shape (..., n_edges), GeV
        The recoils between which the window is smooth, in ascending order; 64 nodes in
        ln(M^2 + 2 m_e T), or ln(m_e^2 + 2 m_e T) if that is smaller, go to each panel.
    coupling : callable
        g_e at recoils.
    window : callable, optional
        Efficiency at recoils; 1 by default.

    Returns
    -------
    Array, shape (..., 3, 3) [k, n], GeV^(n + 1)
    """
    mass, edges = jnp.asarray(mass), jnp.asarray(edges)
    offset = jax.lax.stop_gradient(jnp.minimum(mass, ELECTRON_MASS)) ** 2 / (2.0 * ELECTRON_MASS)
    begin, width = edges[..., :-1, None], jnp.diff(edges, axis=-1)[..., None]
    span = jnp.log1p(width / (offset + begin))
    recoil = begin + (offset + begin) * jnp.expm1(span * _NODES)
    weight = _WEIGHTS * span * (offset + recoil)
    if window is not None:
        weight = weight * window(recoil)
    shift = coupling(recoil) / (_CONTACT * (mass**2 + 2.0 * ELECTRON_MASS * recoil))
    return jnp.einsum("...pj,...pjk,...pjn->...kn", weight, _powers(shift), _powers(recoil))


def coupled_moments(
    zprime: ZPrime | None,
    mass: ArrayLike,
    coupling: Callable[[jax.Array], jax.Array],
    lowest: jax.Array,
    highest: jax.Array,
) -> jax.Array:
    """Moments with g_e^k inside; in closed form unless loops make g_e depend on the recoil."""
    if zprime is not None and zprime.loop_mixing:
        edges = jnp.broadcast_arrays(lowest, jnp.maximum(lowest, highest))
        return windowed_moments(mass, jnp.stack(edges, axis=-1), coupling)
    return _powers(coupling(jnp.zeros(())))[:, None] * recoil_moments(mass, lowest, highest)


def electron_coupling(zprime: ZPrime) -> Callable[[jax.Array], jax.Array]:
    """g_e at the squared momentum -2 m_e T of a recoil T, real there."""

    def at(recoil: jax.Array) -> jax.Array:
        return jnp.real(zprime.charged_couplings_at(-2.0 * ELECTRON_MASS * recoil)[..., 0])

    return at


def _boson(zprime: ZPrime | None) -> tuple[Any, Any, Callable[[jax.Array], jax.Array]]:
    """Mass, coupling matrix and g_e(T) of a boson, or of none."""
    if zprime is None:
        return 1.0, np.zeros((3, 3)), jnp.zeros_like
    return zprime.mass, zprime.three_flavors, electron_coupling(zprime)


def _powers(x: ArrayLike) -> jax.Array:
    """1, x, x^2 along a last axis."""
    x = jnp.asarray(x)
    return jnp.stack([jnp.ones_like(x), x, x**2], axis=-1)


def _unit_moments(z: jax.Array) -> jax.Array:
    """Integrals of t^n/(1 + z t)^k over 0 < t < 1, shape (..., 3, 3) [k, n]."""
    few = z < _SWITCH
    damping = _powers(1.0 / (1.0 + jnp.where(few, z, 0.0)[..., None] * _FEW_NODES))
    nodes = jnp.einsum("j,...jk,jn->...kn", _FEW_WEIGHTS, damping, _powers(_FEW_NODES))

    far = jnp.where(few, _SWITCH, z)
    a0 = jnp.log1p(far) / far
    a1 = (1.0 - a0) / far
    a2 = (0.5 - a1) / far
    b0 = 1.0 / (1.0 + far)
    b1 = (a0 - b0) / far
    b2 = (a1 - b1) / far
    plain = [jnp.full_like(far, 1.0 / (n + 1)) for n in range(3)]
    rows = (plain, [a0, a1, a2], [b0, b1, b2])
    closed = jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)
    return jnp.where(few[..., None, None], nodes, closed)


def _energy(value: Any) -> Any:
    energy = in_code_units(value, "energy", "energy")
    require("energy", energy, "positive energies", lambda e: e > 0.0)
    return energy


def _recoil(value: Any, name: str) -> Any:
    recoil = in_code_units(value, "energy", name)
    require(name, recoil, "energies >= 0", lambda t: t >= 0.0)
    return recoil
