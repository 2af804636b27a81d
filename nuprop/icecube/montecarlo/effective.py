"""The likelihood of counts whose expectation is a sum over finitely many simulated events."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln
from jax.typing import ArrayLike

from nuprop.units import require

#: log1p(x)/x below this is summed as a series: its derivative cancels there.
_SERIES_BELOW = 0.03
_SERIES_TERMS = 10
#: Arguments of the Gamma function are raised by this much before Stirling's series is used.
_RAISED = 8
#: B_2k / (2k (2k-1)), k = 1...7: at arguments above 9 the first term left out is 1e-16.
_STIRLING = (
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360360.0,
    1.0 / 156.0,
)


def effective_log_likelihood(n: ArrayLike, w: ArrayLike, w2: ArrayLike) -> jax.Array:
    """Logarithm of the probability of a count, the statistics of the simulation included.

    Parameters
    ----------
    n : array
        Observed counts, >= 0; they need not be whole numbers.
    w, w2 : array
        Sum of the weights of the simulated events, and of their squares, >= 0.

    Returns
    -------
    Array, the broadcast shape
        ln L_eff. Where no weight is left (w = 0) it is 0 for n = 0 and -inf for n > 0.

    Raises
    ------
    ParameterError
        For a negative or undefined argument that is not traced.

    Notes
    -----
    The Poisson probability of n averaged over a Gamma distribution of its mean::

        ln L_eff = a ln b + ln Gamma(n + a) - ln Gamma(n + 1) - (n + a) ln(1 + b) - ln Gamma(a),
        a = w^2 / w2 + 1,  b = w / w2.

    Written with r = w2 / w, the mean weight, it is analytic at r = 0, where it is the Poisson
    probability of mean w: no threshold divides the two, and no digits are lost on the way. As it
    stands above, ln Gamma(n + a) - ln Gamma(a) loses about a ln(a) roundings: up to 2e-6 of ln L
    at a = 1e8, 1e-4 at 1e10 and everything at 1e14; here it is 1e-12 at any a. For that Stirling's
    series of both is subtracted term by term, with arguments raised to at least 9 by the recurrence
    of the Gamma function.

    References
    ----------
    Argüelles, Schneider & Yuan 2019, arXiv:1901.04645: L_eff, for a uniform prior of the mean.

    Examples
    --------
    >>> print(effective_log_likelihood(5, 4.0, 1.6).round(6))
    -1.957642
    """
    for name, value in (("n", n), ("w", w), ("w2", w2)):
        require(name, value, "must be finite and not negative", lambda x: x >= 0.0)
    n, w, w2 = (jnp.asarray(value, dtype=float) for value in (n, w, w2))
    some = w > 0.0
    held = jnp.where(some, w, 1.0)
    inside = _gamma_poisson(n, held, jnp.where(some, w2, 0.0) / held)
    return jnp.where(some, inside, jnp.where(n > 0.0, -jnp.inf, -w))


@jax.jit
def _gamma_poisson(n: jax.Array, w: jax.Array, r: jax.Array) -> jax.Array:
    """Give ln L_eff for w > 0 and the mean weight r = w2 / w."""
    total = -w * (1.0 + _log1p_less_one(r)) - jnp.log1p(r) - gammaln(n + 1.0)
    total += n * jnp.log((w + (_RAISED + 1.0 + n) * r) / (1.0 + r))
    steps = jnp.arange(1.0, _RAISED + 1.0).reshape(-1, *([1] * jnp.ndim(total)))
    total -= jnp.sum(jnp.log1p(n * r / (w + steps * r)), axis=0)
    low = r / (w + (_RAISED + 1.0) * r)  # one over a + 8
    high = r / (w + (_RAISED + 1.0 + n) * r)  # one over n + a + 8
    total += n * _log1p_less_one(n * low) - 0.5 * jnp.log1p(n * low)
    return total + _stirling(high) - _stirling(low)


def _log1p_less_one(x: jax.Array) -> jax.Array:
    """Give ln(1 + x) / x - 1 for x >= 0, accurate with all derivatives down to x = 0."""
    small = x < _SERIES_BELOW
    near = jnp.where(small, x, 0.0)
    series = jnp.zeros_like(near)
    for power in range(_SERIES_TERMS, 0, -1):
        series = near * ((-1.0) ** power / (power + 1.0) + series)
    far = jnp.where(small, 1.0, x)
    return jnp.where(small, series, jnp.log1p(far) / far - 1.0)


def _stirling(inverse: jax.Array) -> jax.Array:
    """Give ln Gamma(x) less its leading terms, from 1/x."""
    square = inverse * inverse
    total = jnp.zeros_like(inverse)
    for coefficient in reversed(_STIRLING):
        total = total * square + coefficient
    return total * inverse
