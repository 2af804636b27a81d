"""The Poisson likelihood of binned counts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln
from jax.typing import ArrayLike

#: Where events were seen but none expected, this expectation makes the likelihood finite, and bad.
LEAST_EXPECTED = 1e-12


def log_likelihood(observed: ArrayLike, expected: ArrayLike) -> jax.Array:
    """Logarithm of the Poisson probability, n ln(mu) - mu - ln(n!).

    Parameters
    ----------
    observed : array, counts n >= 0.
    expected : array, mu >= 0, broadcasting against `observed`.

    Returns
    -------
    Array, the broadcast shape.

    Examples
    --------
    >>> print(log_likelihood(5, 4.0).round(6))
    -1.85602
    """
    n, mu = jnp.asarray(observed, dtype=float), jnp.asarray(expected, dtype=float)
    held = jnp.maximum(mu, LEAST_EXPECTED)
    return jnp.where(n > 0.0, n * jnp.log(held), 0.0) - mu - gammaln(n + 1.0)


def deviance(observed: ArrayLike, expected: ArrayLike) -> jax.Array:
    """Twice the log-likelihood that is lost against mu = n, 2 [mu - n + n ln(n/mu)].

    Parameters and result as for `log_likelihood`; chi^2 distributed for large counts only.

    References
    ----------
    Baker & Cousins 1984, Nucl. Instrum. Meth. 221, 437.
    """
    n = jnp.asarray(observed, dtype=float)
    return 2.0 * (log_likelihood(n, n) - log_likelihood(n, expected))
