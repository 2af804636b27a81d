"""Integrals over x = E_out / E_in of polynomials times propagators, without loss of digits.

With r = s / M^2 a propagator in the t channel is That = 1 / (1 + r (1 - x)), one in the u channel
Uhat = 1 / (1 + r x), its mirror image under x -> 1 - x: every integral here serves both. All are
sums of positive terms, plus a three-term recursion where it is stable.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

#: Below this r Gauss-Legendre quadrature is exact to rounding (the pole at x = 1 + 1/r lies outside
#: the ellipse of convergence 3.7), above it the closed form is.
_QUADRATURE_RANGE = 2.0


def _rule(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss-Legendre on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    return (nodes + 1.0) / 2.0, weights / 2.0


_NODES, _WEIGHTS = _rule(16)
#: For two unequal masses, in the logarithm of the mass: 1e-12 for a ratio of 1000.
_BETWEEN_NODES, _BETWEEN_WEIGHTS = _rule(40)


def moment(x_power: int, y_power: int, propagators: int, r: ArrayLike) -> jax.Array:
    """Compute int_0^1 dx x^n (1 - x)^m / (1 + r (1 - x))^p.

    Parameters
    ----------
    x_power, y_power : int >= 0
        n and m.
    propagators : 0, 1 or 2
        p.
    r : array >= 0
        s / M^2.

    Returns
    -------
    Array, of the shape of `r`
        To 1e-13 of itself for n + m <= 6 and every r; differentiable.

    Notes
    -----
    For r > 2 the closed form by recursion from ln(1 + r), with v = 1 - x and I(n, m, p):
    I(n, m, p) = [I(n, m-1, p-1) - I(n, m-1, p)] / r and
    I(n, 0, p) = [(1 + r) I(n-1, 0, p) - I(n-1, 0, p-1)] / r; below, Gauss-Legendre quadrature.
    """
    r = jnp.asarray(r, dtype=jnp.float64)
    if propagators == 0:
        return jnp.full_like(r, _beta(x_power, y_power))
    small = r < _QUADRATURE_RANGE
    below = _by_quadrature(x_power, y_power, propagators, jnp.where(small, r, 1.0))
    above = _closed(x_power, y_power, propagators, jnp.where(small, _QUADRATURE_RANGE, r))
    return jnp.where(small, below, above)


def moment_between(
    x_power: int,
    y_power: int,
    propagators: int,
    r: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    mirrored: bool = False,
) -> jax.Array:
    """Compute int_lower^upper dx x^n (1 - x)^m / (1 + r (1 - x))^p; other arguments as `moment`.

    Parameters
    ----------
    lower, upper : array, 0 <= lower <= upper <= 1
    mirrored : bool
        Whether to integrate the mirror image (1 - x)^n x^m / (1 + r x)^p, between the same limits.

    Returns
    -------
    Array, of the shape to which `r`, `lower` and `upper` broadcast
        To 1e-13 of itself as far as `upper - lower` is known to that: no difference of two partial
        integrals is taken, so narrow bins keep their digits.

    Notes
    -----
    With x = upper - (upper - lower) v the integral is a sum of positive multiples of `moment` at
    r (upper - lower) / (1 + r (1 - upper)).
    """
    r, lower, upper = jnp.broadcast_arrays(*map(_array, (r, lower, upper)))
    width = upper - lower
    ends = (1.0 - upper, lower) if mirrored else (lower, 1.0 - upper)
    return _between(x_power, y_power, propagators, r, *ends, width)


def pair_moment(x_power: int, y_power: int, first: ArrayLike, second: ArrayLike) -> jax.Array:
    """Compute int_0^1 dx x^n (1 - x)^m / [(1 + r_1 (1 - x)) (1 + r_2 (1 - x))].

    The case of `pair_moment_between` with the limits 0 and 1.
    """
    first, second = jnp.broadcast_arrays(_array(first), _array(second))
    return _over_masses(first, second, lambda r: moment(x_power, y_power, 2, r))


def pair_moment_between(
    x_power: int,
    y_power: int,
    first: ArrayLike,
    second: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    mirrored: bool = False,
) -> jax.Array:
    """Compute int_lower^upper dx x^n (1 - x)^m / [(1 + r_1 (1 - x)) (1 + r_2 (1 - x))].

    Parameters
    ----------
    x_power, y_power : int >= 0
    first, second : array > 0
        r_1 and r_2, s over the squares of two masses, which may be equal.
    lower, upper, mirrored : as in `moment_between`

    Returns
    -------
    Array, of the shape to which the arguments broadcast
        To 1e-12 of itself for masses within a factor of 1000 of each other.

    Notes
    -----
    Partial fractions lose digits when the masses are close, and when 1 - x is large. Instead
    1/[(1 + r_1 v)(1 + r_2 v)] = (r_1 - r_2)^-1 int_{r_2}^{r_1} dr (1 + r v)^-2, by Gauss-Legendre
    quadrature in ln r: a sum of positive multiples of `moment_between`.
    """
    first, second, lower, upper = jnp.broadcast_arrays(*map(_array, (first, second, lower, upper)))
    lower, upper = lower[..., None], upper[..., None]
    return _over_masses(
        first,
        second,
        lambda r: moment_between(x_power, y_power, 2, r, lower, upper, mirrored=mirrored),
    )


def over_sinh(x: jax.Array) -> jax.Array:
    """Compute x / sinh(x) with its derivative, also at 0: below 1e-3 as a series, to 2e-21."""
    small = jnp.abs(x) < 1e-3
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1.0 - x**2 / 6.0 + 7.0 * x**4 / 360.0, safe / jnp.sinh(safe))


def _over_masses(
    first: jax.Array, second: jax.Array, square: Callable[[jax.Array], jax.Array]
) -> jax.Array:
    """Mean of the integral with the squared propagator over r between the two, along a new axis."""
    half = jnp.log(first / second)[..., None] / 2.0
    shape = (1,) * first.ndim + (-1,)
    steps = jnp.exp(half * (2.0 * _BETWEEN_NODES.reshape(shape) - 1.0))
    values = square(jnp.sqrt(first * second)[..., None] * steps)
    weights = _BETWEEN_WEIGHTS.reshape(shape)
    return over_sinh(half[..., 0]) * jnp.sum(weights * steps * values, axis=-1)


def _between(
    n: int, m: int, p: int, r: jax.Array, below: jax.Array, above: jax.Array, width: jax.Array
) -> jax.Array:
    """Integrate over v in [0, 1] with x = below + width (1 - v) and 1 - x = above + width v."""
    scale = 1.0 / (1.0 + r * above)
    total = jnp.zeros_like(r)
    for i in range(n + 1):
        for j in range(m + 1):
            factor = math.comb(n, i) * math.comb(m, j)
            powers = below ** (n - i) * above ** (m - j) * width ** (i + j + 1)
            total += factor * powers * moment(i, j, p, r * width * scale)
    return total * scale**p


def _array(value: ArrayLike) -> jax.Array:
    return jnp.asarray(value, dtype=jnp.float64)


def _beta(n: int, m: int) -> float:
    """int_0^1 dx x^n (1 - x)^m."""
    return math.factorial(n) * math.factorial(m) / math.factorial(n + m + 1)


def _by_quadrature(n: int, m: int, p: int, r: jax.Array) -> jax.Array:
    shape = (1,) * r.ndim + (-1,)
    weights = (_WEIGHTS * (1.0 - _NODES) ** n * _NODES**m).reshape(shape)
    return jnp.sum(weights / (1.0 + r[..., None] * _NODES.reshape(shape)) ** p, axis=-1)


def _closed(n: int, m: int, p: int, r: jax.Array) -> jax.Array:
    if p == 0:
        return jnp.full_like(r, _beta(n, m))
    if m > 0:
        return (_closed(n, m - 1, p - 1, r) - _closed(n, m - 1, p, r)) / r
    if n > 0:
        return ((1.0 + r) * _closed(n - 1, 0, p, r) - _closed(n - 1, 0, p - 1, r)) / r
    return jnp.log1p(r) / r if p == 1 else 1.0 / (1.0 + r)
