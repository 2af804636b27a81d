"""Gauss-Legendre panels with moving boundaries: integrals of functions smooth in pieces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np


@lru_cache
def _legendre_rule(order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes and weights on [-1, 1], and the matrix from node values to a running integral.

    The running integral from -1 to t of the polynomial through the node values f is
    sum_k (f @ matrix)_k t^k.
    """
    nodes, weights = np.polynomial.legendre.leggauss(order)
    matrix = np.zeros((order, order + 1))
    for degree in range(order):
        unit = np.zeros(degree + 1)
        unit[degree] = 1.0
        legendre_values = np.polynomial.legendre.legval(nodes, unit)
        running = np.polynomial.legendre.legint(unit, lbnd=-1)
        powers = np.polynomial.legendre.leg2poly(running)
        matrix[:, : powers.size] += np.outer((degree + 0.5) * weights * legendre_values, powers)
    return nodes, weights, matrix


@partial(jax.tree_util.register_dataclass, data_fields=["edges"], meta_fields=["order"])
@dataclass(frozen=True)
class Panels:
    """A division of an interval into panels that each carry `order` Gauss-Legendre nodes.

    Parameters
    ----------
    edges : Array, shape (n_panels + 1,)
        Rising panel boundaries; equal neighbors make a panel of no width, which is harmless.
    order : int
        Nodes per panel.
    """

    edges: jax.Array
    order: int

    @property
    def nodes(self) -> jax.Array:
        """Gauss-Legendre nodes, shape (n_panels, order)."""
        nodes = _legendre_rule(self.order)[0]
        return self._middle[..., None] + self._half[..., None] * nodes

    @property
    def weights(self) -> jax.Array:
        """Weights of the nodes, shape (n_panels, order)."""
        return self._half[..., None] * _legendre_rule(self.order)[1]

    @property
    def _middle(self) -> jax.Array:
        return 0.5 * (self.edges[1:] + self.edges[:-1])

    @property
    def _half(self) -> jax.Array:
        return 0.5 * (self.edges[1:] - self.edges[:-1])

    def running_integral(self, values: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Prepare the running integral of a function given by its node values.

        Parameters
        ----------
        values : Array, shape (..., n_panels, order)

        Returns
        -------
        start : Array, shape (..., n_panels)
            The integral from the first edge to the beginning of each panel.
        powers : Array, shape (..., n_panels, order + 1)
            Coefficients of the powers of t in [-1, 1] inside each panel.
        """
        powers = (values @ _legendre_rule(self.order)[2]) * self._half[:, None]
        full = jnp.sum(powers, axis=-1)
        start = jnp.cumsum(full, axis=-1) - full
        return start, powers

    def integral_up_to(self, values: jax.Array, points: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Integrals of many functions, in all and up to some points of each.

        The functions run along the last axis, where processors are fast.

        Parameters
        ----------
        values : Array, shape (order, n_panels, n)
            Node values of n functions.
        points : Array, shape (k, n)

        Returns
        -------
        up_to : Array, shape (k, n)
        total : Array, shape (n,)
        """
        _, weights, matrix = _legendre_rule(self.order)
        full = jnp.tensordot(weights, values, axes=1) * self._half[:, None]
        ends = jnp.cumsum(full, axis=0)
        panel, t = self.locate(points)
        powers = jnp.tensordot(matrix.T, jnp.take_along_axis(values, panel[None], axis=1), axes=1)
        inside = power_sum(jnp.moveaxis(powers, 0, -1), t)
        before = jnp.take_along_axis(ends - full, panel, axis=0)
        return before + inside * self._half[panel], ends[-1]

    def locate(self, points: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Panel and local coordinate t in [-1, 1] of points, which are clipped to the edges."""
        inside = jnp.clip(points, self.edges[0], self.edges[-1])
        panel = jnp.sum(inside[..., None] >= self.edges[1:-1], axis=-1)
        half = self._half[panel]
        empty = half == 0.0
        t = (inside - self._middle[panel]) / jnp.where(empty, 1.0, half)
        return panel, jnp.where(empty, -1.0, t)


def power_sum(powers: jax.Array, t: jax.Array) -> jax.Array:
    """Evaluate sum_k powers[..., k] t^k by Horner's rule."""
    result = powers[..., -1]
    for k in range(powers.shape[-1] - 2, -1, -1):
        result = result * t + powers[..., k]
    return result


def panel_edges(end: jax.Array, uniform: int, breaks: jax.Array) -> jax.Array:
    """Edges from 0 to `end`: a uniform division and every break that falls inside, sorted."""
    regular = end * jnp.linspace(0.0, 1.0, uniform + 1)
    return jnp.sort(jnp.concatenate([regular, jnp.clip(breaks, 0.0, end)]))
