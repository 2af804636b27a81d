"""How resonances come and go along the steps of a lattice, and along a path between its cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.transport.broad import Resonance, column_growth
from nuprop.transport.columns import mean_depth_scale
from nuprop.transport.interpolation import between
from nuprop.transport.lattice import Lattice
from nuprop.transport.problem import Lines
from nuprop.transport.shapes import to_points

#: Ends of quarters of a part, and the weights by which values there make a mean (Boole).
_QUARTERS = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])
_BOOLE = np.array([7.0, 32.0, 12.0, 32.0, 7.0]) / 90.0


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["parts", "middles", "ends"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Rates:
    """Depths of equal parts of steps; n_steps rising in redshift.

    Attributes
    ----------
    parts : (n_parts, rows, n_steps), the earliest first.
    middles : of the same shape, as if they were all along what they are in their middle.
    ends : (n_parts, rows, n_steps + 1), as at their ends; latest first, and one step more, before
        the first.
    """

    parts: jax.Array
    middles: jax.Array
    ends: jax.Array


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_line", "log_middle", "log_end"],
    meta_fields=[],
)
@dataclass(frozen=True)
class LineTables:
    """See `Resonance`; (n_diagonals, n_parts, n_redshifts, n_channels, n_states), latest first."""

    log_line: jax.Array
    log_middle: jax.Array
    log_end: jax.Array

    @classmethod
    def of(cls, shapes: Resonance, n_channels: int, n_parts: int) -> LineTables:
        """Arrange the resonance on a lattice whose steps are parts of those of another."""

        def arranged(values: jax.Array) -> jax.Array:
            count, _, n_states, n = values.shape
            every = jnp.broadcast_to(values, (count, n_channels, n_states, n))
            return jnp.moveaxis(every, -1, 0).reshape(-1, n_parts, *every.shape[:-1])

        return cls(*(arranged(v) for v in (shapes.log_line, shapes.log_middle, shapes.log_end)))

    def on(self, diagonals: Any) -> LineTables:
        """Take those of some diagonals."""
        return jax.tree.map(lambda v: v[diagonals], self)

    def undivided(self) -> LineTables:
        """Take steps as a whole."""
        n_parts = self.log_line.shape[1]
        line = jnp.log(jnp.mean(jnp.exp(self.log_line), axis=1, keepdims=True))
        central = self.log_middle if n_parts % 2 else self.log_end
        middle = central[:, n_parts // 2, None]
        return LineTables(line, middle, self.log_end[:, :1])


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["tables", "points", "strength", "to_points", "scale", "end_scale", "growth"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Course:
    """Lines of one mediator on a lattice, in equal parts of its steps.

    Attributes
    ----------
    tables : LineTables, of all diagonals.
    points : (2 n_parts n_diagonals, n_redshifts, n_channels, n_states)
        Ends and middles of parts in turn, rising in energy.
    strength : (n_states, n_states), of `Lines`.
    to_points : (4 n_parts n_steps + 1, n_redshifts)
        Interpolation to the ends of quarters of parts, rising in redshift.
    scale, end_scale : (n_parts, n_steps), and with one step more
        Depths of parts for a unit of the tables, and at their ends; latest first.
    growth : (5, n_parts n_steps), column of relics at the ends of quarters over that in the middle.
    """

    tables: LineTables
    points: jax.Array
    strength: jax.Array
    to_points: jax.Array
    scale: jax.Array
    end_scale: jax.Array
    growth: jax.Array

    @classmethod
    def of(cls, tables: LineTables, lines: Lines, lattice: Lattice) -> Course:
        """Prepare what depends on redshift alone; `lattice` is that of the steps."""
        n_parts, count = tables.log_line.shape[1:3]
        finer = lattice.divided(n_parts)
        width, u = jnp.asarray(finer.log_width), finer.steps[::-1]
        ends = np.minimum(np.arange(finer.n_steps + n_parts), finer.n_steps)

        def arranged(values: jax.Array) -> jax.Array:
            return width * values.reshape(-1, n_parts).T

        points = jnp.stack([tables.log_end, tables.log_middle], axis=2)
        return cls(
            tables=tables,
            points=points.reshape(-1, *points.shape[3:]),
            strength=lines.strength,
            to_points=to_points(finer, count, 4)[::-1],
            scale=arranged(mean_depth_scale(u, width, lines)),
            end_scale=arranged(lines.depth_scale(width * ends)),
            growth=column_growth(u, width * _QUARTERS[:, None], lines),
        )

    @property
    def n_parts(self) -> int:
        """Parts of a step."""
        return self.scale.shape[0]

    def line(self, tables: LineTables) -> jax.Array:
        """Average the line over each part of the steps on a diagonal, (n_parts, c, j, n_steps)."""
        return self._interpolated(tables.log_line, self.to_points[2::4])

    def at(self, tables: LineTables, line: jax.Array) -> Rates:
        """Find the rates on the diagonal of these tables; `line` has been found before."""
        middles = self._interpolated(tables.log_middle, self.to_points[2::4])
        ends = jnp.pad(self.to_points[::4], ((0, self.n_parts - 1), (0, 0)))
        at_ends = self._interpolated(tables.log_end, ends)
        return self._rates(line, middles, at_ends)

    def along(self, place: jax.Array) -> Rates:
        """Find the rates along the path of a comoving energy, `place` cells above the lowest."""
        count, start = self.to_points.shape[0] // 2, 2.0 * self.n_parts * place

        def interpolated(start: jax.Array, weights: jax.Array) -> jax.Array:
            near = between(self.points, start, weights.shape[0])
            return jnp.exp(jnp.einsum("pxcj,px->cjp", near, weights))

        at_points = interpolated(start, self.to_points[::2])
        quarters = interpolated(start + 0.5, self.to_points[1::2])
        first, middle, last = at_points[..., :count:2], at_points[..., 1::2], at_points[..., 2::2]
        five = jnp.stack([first, quarters[..., ::2], middle, quarters[..., 1::2], last])
        mean = jnp.einsum("q,qp,qcjp->cjp", _BOOLE, self.growth, five)
        ends = jnp.pad(at_points[..., ::2], ((0, 0), (0, 0), (0, self.n_parts - 1)))
        return self._rates(*(self._in_parts(v) for v in (mean, middle, ends)))

    def _interpolated(self, table: jax.Array, weights: jax.Array) -> jax.Array:
        weights = weights.reshape(-1, self.n_parts, weights.shape[-1])
        return jnp.exp(jnp.einsum("qxcj,sqx->qcjs", table, weights))

    def _in_parts(self, values: jax.Array) -> jax.Array:
        """Turn (c, j, n_steps n_parts) into (n_parts, c, j, n_steps)."""
        return jnp.moveaxis(values.reshape(*values.shape[:2], -1, self.n_parts), -1, 0)

    def _rates(self, line: jax.Array, middles: jax.Array, ends: jax.Array) -> Rates:
        def met(values: jax.Array, scale: jax.Array) -> jax.Array:
            depth = jnp.einsum("ij,qcjs->qcis", self.strength, values)
            return depth.reshape(depth.shape[0], -1, depth.shape[-1]) * scale[:, None]

        return Rates(
            parts=met(line, self.scale)[::-1],
            middles=met(middles, self.scale)[::-1],
            ends=met(ends, self.end_scale),
        )
