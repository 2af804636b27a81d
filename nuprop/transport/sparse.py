"""Smooth functions of ln(E), computed at few points of a lattice and interpolated to all."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

#: Points of the interpolation (Lagrange): two on either side.
_BESIDE = 2


def sparse_points(log_energy: jax.Array, h: jax.Array, every: int) -> jax.Array:
    """Every so many points of an even lattice, and enough beyond both of its ends."""
    n = -(-log_energy.shape[0] // every) + 2 * _BESIDE - 1
    return log_energy[0] + h * every * (np.arange(n) - (_BESIDE - 1))


def from_sparse(values: jax.Array, every: int, count: int) -> jax.Array:
    """Interpolate values at `sparse_points`, (..., n), to the lattice, (..., count)."""
    at = np.arange(every) / every
    nodes = np.arange(1 - _BESIDE, _BESIDE + 1)
    weights = np.array(
        [np.prod([(at - m) / (k - m) for m in nodes if m != k], axis=0) for k in nodes]
    )
    n = values.shape[-1] - len(nodes) + 1
    beside = jnp.stack([values[..., k : k + n] for k in range(len(nodes))], axis=-1)
    return (beside @ weights).reshape(*values.shape[:-1], -1)[..., :count]
