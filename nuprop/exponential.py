"""An exponential that stays finite, so that its derivatives do too."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

#: exp(460) = 1e199.8: products with energies and weights stay below the largest float64, 1e308.
LARGEST_EXPONENT = 460.0


def bounded_exp(exponent: ArrayLike) -> jax.Array:
    """Exponential of min(x, 460): never infinite, with derivative zero where it is held.

    Parameters
    ----------
    exponent : array, any shape

    Returns
    -------
    Array of the same shape.

    Examples
    --------
    >>> print(bounded_exp(0.0), bounded_exp(-1e9), bool(bounded_exp(1e9) < 1e200))
    1.0 0.0 True
    """
    return jnp.exp(jnp.minimum(exponent, LARGEST_EXPONENT))
