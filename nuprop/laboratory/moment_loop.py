"""One-loop integrals of the anomalous magnetic moment from a vector boson."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import comb
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import CHARGED_LEPTON_MASSES
from nuprop.errors import ParameterError, nearest
from nuprop.mediators.width import vacuum_polarization

_LEPTONS = ("e", "mu", "tau")

# Below, the closed form, which loses 1e-12 at most; above, the series in 1/r, which converges as
# (4/r)^k.
_SERIES_FROM = 12.0
_SERIES_ORDERS = 34
# Nearer to zero, 1 - pi sqrt(r) is 1 to rounding.
_SMALLEST = 1e-33
# artanh(sqrt w)/sqrt w as sum of w^n/(2n + 1): exact to rounding for |w| < 0.25.
_ARTANH_RANGE = 0.25
_ARTANH = 1.0 / (2.0 * np.arange(27, -1, -1) + 1.0)

# Trapezoidal rule in ln[x/(1-x)]. The integrand is analytic within pi/2 of the real axis, so that
# the error is exp(-pi^2/h); it falls at least as exp(-|u|) beyond both ends.
_STEP = 0.3
_LOGITS = np.arange(-16.0, 34.0, _STEP)
_X = 1.0 / (1.0 + np.exp(-_LOGITS))
_ONE_MINUS_X = 1.0 / (1.0 + np.exp(_LOGITS))


class LoopIntegrals(NamedTuple):
    """What the moment depends on besides the couplings; see `loop_integrals`.

    Attributes
    ----------
    direct : K
    linear : shape (3,), K_a, with one vacuum polarization of lepton a
    quadratic : shape (3, 3), K_ab, with two
    """

    direct: jax.Array
    linear: jax.Array
    quadratic: jax.Array


def loop_function(r: ArrayLike) -> jax.Array:
    """One-loop function of a vector boson, K(r) = int_0^1 dz 2z(1-z)^2/[(1-z)^2 + r z].

    Parameters
    ----------
    r : array
        (M/m_l)^2 >= 0.

    Returns
    -------
    Array of the shape of `r`: 1 at r = 0, 2/(3r) for large r.

    Notes
    -----
    Up to r = 12 it is 1 - 2r + r(r-2) ln r - 2(r^2 - 4r + 2) A(1 - 4/r) with
    A(w) = artanh(sqrt w)/sqrt w, analytic at r = 4; above, where this cancels, the series
    sum_k r^-k [C_k - B_k ln r] of the same function. Good to 5e-12 of itself for every r.

    References
    ----------
    Yu & Zhou 2021, arXiv:2106.11291, for the one-loop integrals in general.

    Examples
    --------
    >>> print(f"{loop_function(1.0):.8f} {loop_function(4.0):.8f}")
    0.20919958 0.09035489
    """
    r = jnp.asarray(r, dtype=float)
    is_closed = (r > _SMALLEST) & (r <= _SERIES_FROM)
    is_series = r > _SERIES_FROM
    closed = _closed_form(jnp.where(is_closed, r, 1.0))
    series = _series(jnp.where(is_series, r, 2.0 * _SERIES_FROM))
    return jnp.where(is_closed, closed, jnp.where(is_series, series, 1.0))


def loop_integrals(mass: ArrayLike, lepton: str) -> LoopIntegrals:
    """Integrals of the moment of a lepton over the momentum of the boson.

    a_l = (1/8 pi^2) int_0^1 dx w(x) g_l(q^2)^2 with w(x) = 2 x^2 (1-x)/[x^2 + r(1-x)] at the
    spacelike q^2 = -x^2 m_l^2/(1-x), which is how a mixing that depends on q^2 enters: its product
    with the propagator has a dispersion relation of its own, of which the moment is a linear
    function. With g_l(q^2) = g_l(0) + (g' e^2/2 pi^2) sum_a Q_a I_a(q^2), where I_a is
    `nuprop.mediators.width.vacuum_polarization` of q^2/m_a^2, this needs K = int w,
    K_a = int w I_a and K_ab = int w I_a I_b.

    Parameters
    ----------
    mass : float, GeV
    lepton : "e", "mu" or "tau"

    Returns
    -------
    LoopIntegrals
        K to 5e-12 of itself, the others to 1e-10.

    Raises
    ------
    ParameterError
        If the lepton is unknown.
    """
    index = lepton_index(lepton)
    r = (jnp.asarray(mass) / CHARGED_LEPTON_MASSES[index]) ** 2
    weight = 2.0 * _X**3 * _ONE_MINUS_X**2 / (_X**2 + r * _ONE_MINUS_X) * _STEP
    loops = _polarizations(index)
    return LoopIntegrals(
        direct=loop_function(r),
        linear=weight @ loops,
        quadratic=loops.T @ (weight[:, None] * loops),
    )


def lepton_index(lepton: str) -> int:
    """Position of a lepton among e, mu, tau.

    Raises
    ------
    ParameterError
        If it is none of them.
    """
    if lepton not in _LEPTONS:
        raise ParameterError(f"lepton = {lepton!r}: {nearest(str(lepton), _LEPTONS)}")
    return _LEPTONS.index(lepton)


def _closed_form(r: jax.Array) -> jax.Array:
    w = 1.0 - 4.0 / r
    return 1.0 - 2.0 * r + r * (r - 2.0) * jnp.log(r) - 2.0 * ((r - 4.0) * r + 2.0) * _artanh(w)


def _artanh(w: jax.Array) -> jax.Array:
    """Compute artanh(sqrt w)/sqrt w for w < 1, which is arctan(sqrt -w)/sqrt -w for w < 0."""
    is_near, is_above = jnp.abs(w) < _ARTANH_RANGE, w >= _ARTANH_RANGE
    small = jnp.where(is_near, w, 0.0)
    near = jnp.zeros_like(small)
    for coefficient in _ARTANH:
        near = near * small + coefficient
    root = jnp.sqrt(jnp.where(is_above, w, 0.5))
    above = jnp.arctanh(root) / root
    tangent = jnp.sqrt(jnp.where(is_near | is_above, 1.0, -w))
    below = jnp.arctan(tangent) / tangent
    return jnp.where(is_near, near, jnp.where(is_above, above, below))


def _series(r: jax.Array) -> jax.Array:
    plain, logarithmic = _series_coefficients()
    powers = (1.0 / r)[..., None] ** np.arange(1, _SERIES_ORDERS + 1)
    return powers @ plain - jnp.log(r) * (powers @ logarithmic)


@cache
def _series_coefficients() -> tuple[np.ndarray, np.ndarray]:
    """C_k and B_k of sum_k r^-k [C_k - B_k ln r] for k = 1, 2 ..., by exact fractions.

    From the expansion of artanh(sqrt(1 - 4u))/sqrt(1 - 4u) in u = 1/r, with c_n = binom(2n, n) and
    d_n = 2(H_2n - H_n): B_k = c_(k+2) - 4 c_(k+1) + 2 c_k, C_k the same with c_n d_n.
    """

    def central(n: int) -> Fraction:
        return Fraction(comb(2 * n, n))

    def weighted(n: int) -> Fraction:
        return central(n) * 2 * sum((Fraction(1, j) for j in range(n + 1, 2 * n + 1)), Fraction(0))

    def second(term: Callable[[int], Fraction], k: int) -> float:
        return float(term(k + 2) - 4 * term(k + 1) + 2 * term(k))

    orders = range(1, _SERIES_ORDERS + 1)
    plain = np.array([second(weighted, k) for k in orders])
    return plain, np.array([second(central, k) for k in orders])


@cache
def _polarizations(index: int) -> np.ndarray:
    """I_a(q^2) of e, mu, tau at the momenta of the rule, which do not depend on the boson."""
    q2 = -((_X * CHARGED_LEPTON_MASSES[index]) ** 2) / _ONE_MINUS_X
    with jax.ensure_compile_time_eval():
        loops = vacuum_polarization(q2[:, None] / np.square(CHARGED_LEPTON_MASSES))
    return np.real(np.asarray(loops))
