"""Gauss-Legendre rules on intervals whose ends, and a resonance inside, may be traced."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def unit_rule(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return 0.5 * (nodes + 1.0), 0.5 * weights


_PANEL_NODES, _PANEL_WEIGHTS = unit_rule(48)


def interval_rule(
    low: ArrayLike, high: ArrayLike, rule: tuple[np.ndarray, np.ndarray]
) -> tuple[jax.Array, jax.Array]:
    """Stretch a rule of (0, 1) to intervals; an interval with high <= low has no weight.

    Returns
    -------
    nodes, weights : Arrays, shape (..., n)
    """
    nodes, weights = rule
    low = jnp.asarray(low)[..., None]
    length = jnp.maximum(jnp.asarray(high)[..., None] - low, 0.0)
    return low + length * nodes, length * weights


def resonant_rule(
    low: ArrayLike, high: ArrayLike, center: ArrayLike, width: ArrayLike
) -> tuple[jax.Array, jax.Array]:
    """Make a rule for f(y)/[(y - center) - i width], with f smooth, however small the width.

    Four panels, cut at the center and halfway to the ends, in t with y - center = width sinh(t):
    there a Lorentzian is 1/cosh(t), and its dispersive part tanh(t).

    Parameters
    ----------
    low, high, center, width : arrays that broadcast
        The center may lie outside; width > 0. With high <= low there is no weight.

    Returns
    -------
    distances, weights : Arrays, shape (..., 192)
        Of the nodes from the center: center + distances would round them.
    """
    low, center, width = jnp.asarray(low), jnp.asarray(center), jnp.asarray(width)
    high = jnp.maximum(jnp.asarray(high), low)
    middle = jnp.clip(center, low, high)
    ends = (low, 0.5 * (low + middle), middle, 0.5 * (middle + high), high)
    t = [jnp.arcsinh((end - center) / width) for end in ends]
    distances, weights = [], []
    for start, stop in pairwise(t):
        span = (stop - start)[..., None]
        nodes = start[..., None] + span * _PANEL_NODES
        distances.append(width[..., None] * jnp.sinh(nodes))
        weights.append(span * _PANEL_WEIGHTS * width[..., None] * jnp.cosh(nodes))
    return jnp.concatenate(distances, axis=-1), jnp.concatenate(weights, axis=-1)
