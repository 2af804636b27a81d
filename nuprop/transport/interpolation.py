"""Functions of ln(E) on even points, interpolated to others: smooth ones, and those that jump."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

#: Points of the interpolation on either side, and all of them.
_BESIDE = 2
_NODES = np.arange(1 - _BESIDE, _BESIDE + 1)


def sparse_points(log_energy: jax.Array, h: jax.Array, every: int) -> jax.Array:
    """Every so many points of an even lattice, and enough beyond both of its ends."""
    n = -(-log_energy.shape[0] // every) + 2 * _BESIDE - 1
    return log_energy[0] + h * every * (np.arange(n) - (_BESIDE - 1))


def from_sparse(values: jax.Array, every: int, count: int) -> jax.Array:
    """Interpolate values at `sparse_points`, (..., n), to the lattice, (..., count)."""
    weights = np.array(_lagrange(np.arange(every) / every))
    n = values.shape[-1] - len(_NODES) + 1
    beside = jnp.stack([values[..., k : k + n] for k in range(len(_NODES))], axis=-1)
    return (beside @ weights).reshape(*values.shape[:-1], -1)[..., :count]


def between(values: jax.Array, place: jax.Array, count: int) -> jax.Array:
    """Interpolate values on even points, (n, ...), to `count` points one apart from `place` on.

    Returns
    -------
    Array, shape (count, ...)
    """
    first = jnp.floor(place)
    start = jnp.clip(first.astype(int) + _NODES[0], 0, values.shape[0] - count - len(_NODES) + 1)
    weights = _lagrange(place - first)
    near = jax.lax.dynamic_slice_in_dim(values, start, count + len(_NODES) - 1)
    return sum(w * near[k : k + count] for k, w in enumerate(weights))


def _lagrange(at: Any) -> list[Any]:
    """Weights of the points `_NODES` at places between the points 0 and 1."""
    return [math.prod((at - m) / (k - m) for m in _NODES if m != k) for k in _NODES]


def limited_slopes(values: jax.Array) -> jax.Array:
    """Slopes per cell of a Hermite interpolation that hardly overshoots, along the last axis.

    Fourth-order differences, limited to three times the smaller neighboring difference (Fritsch and
    Carlson 1980, SIAM J. Numer. Anal. 17, 238), and to once at extrema, which need not lie in the
    middle of a cell.
    """
    around = padded(values)
    slope = (
        8.0 * (around[..., 3:-1] - around[..., 1:-3]) - (around[..., 4:] - around[..., :-4])
    ) / 12.0
    below, above = around[..., 2:-2] - around[..., 1:-3], around[..., 3:-1] - around[..., 2:-2]
    limit = jnp.where(below * above > 0.0, 3.0, 1.0)
    limit = limit * jnp.minimum(jnp.abs(below), jnp.abs(above))
    return jnp.clip(slope, -limit, limit)


def padded(values: jax.Array) -> jax.Array:
    """Repeat the first and the last value twice, along the last axis."""
    return jnp.pad(values, [(0, 0)] * (values.ndim - 1) + [(2, 2)], mode="edge")


def hermite(values: jax.Array, slopes: jax.Array, cell: jax.Array, t: jax.Array) -> jax.Array:
    """Interpolate values with slopes per cell, at a share t of the way from `cell` to the next."""
    return (
        (1.0 + 2.0 * t) * (1.0 - t) ** 2 * values[..., cell]
        + t * (1.0 - t) ** 2 * slopes[..., cell]
        + t**2 * (3.0 - 2.0 * t) * values[..., cell + 1]
        - t**2 * (1.0 - t) * slopes[..., cell + 1]
    )
