"""Detector systematics: how the efficiency of the optical modules and the ice change counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray


@partial(jax.tree_util.register_dataclass, data_fields=["grid", "coefficients"], meta_fields=[])
@dataclass(frozen=True)
class Correction:
    """A factor on counts as a function of one detector parameter.

    The exponential of a cubic spline.

    Attributes
    ----------
    grid : Array, shape (n,)
        Values of the parameter at the knots; the factor is 1 at the nominal one.
    coefficients : Array, shape (4, n - 1, ...)
        Of ln(factor) between the knots, highest power first.
    """

    grid: jax.Array
    coefficients: jax.Array

    @classmethod
    def from_factors(cls, grid: ArrayLike, factors: NDArray[np.float64]) -> Correction:
        """Interpolate tabulated factors, shape (..., n), positive."""
        from scipy.interpolate import CubicSpline

        spline = CubicSpline(np.asarray(grid), np.log(factors), axis=-1)
        return cls(jnp.asarray(grid), jnp.asarray(spline.c))

    def factor(self, value: ArrayLike) -> jax.Array:
        """Evaluate the factor, shape (...); beyond the grid the last piece goes on."""
        value = jnp.asarray(value, dtype=float)
        last = self.grid.shape[0] - 2
        piece = jnp.clip(jnp.searchsorted(self.grid, value, side="right") - 1, 0, last)
        cubic, square, linear, constant = jnp.take(self.coefficients, piece, axis=1)
        x = value - self.grid[piece]
        return jnp.exp(((cubic * x + square) * x + linear) * x + constant)
