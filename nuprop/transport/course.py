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

#: Change of ln(rate) below which it counts to first order.
_LEVEL = 1e-7
#: Largest second derivative of ln(rate) over half a part of a step.
_BENT = 1.5


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
    ends : (n_parts + 1, rows, n_steps), as at their beginning and ends, the earliest first.
    """

    parts: jax.Array
    middles: jax.Array
    ends: jax.Array


@partial(jax.tree_util.register_dataclass, data_fields=["log_middle", "log_end"], meta_fields=[])
@dataclass(frozen=True)
class LineTables:
    """See `Resonance`; (n_diagonals, n_parts, n_redshifts, n_channels, n_states), latest first."""

    log_middle: jax.Array
    log_end: jax.Array

    @classmethod
    def of(cls, shapes: Resonance, n_channels: int, n_parts: int) -> LineTables:
        """Arrange the resonance on a lattice whose steps are parts of those of another."""

        def arranged(values: jax.Array) -> jax.Array:
            count, _, n_states, n = values.shape
            every = jnp.broadcast_to(values, (count, n_channels, n_states, n))
            return jnp.moveaxis(every, -1, 0).reshape(-1, n_parts, *every.shape[:-1])

        return cls(arranged(shapes.log_middle), arranged(shapes.log_end))

    def on(self, diagonals: Any) -> LineTables:
        """Take those of some diagonals."""
        return jax.tree.map(lambda v: v[diagonals], self)

    def undivided(self) -> LineTables:
        """Take steps as a whole."""
        n_parts = self.log_middle.shape[1]
        central = self.log_middle if n_parts % 2 else self.log_end
        return LineTables(central[:, n_parts // 2, None], self.log_end[:, :1])

    def averages(self) -> jax.Array:
        """Average over each cell of ln(E), (n_diagonals, n_redshifts, n_channels, n_states)."""
        middle, end = jnp.exp(self.log_middle), jnp.exp(self.log_end)
        above = jnp.concatenate([end[1:, :1], end[-1:, :1]])
        begins = jnp.concatenate([end[:, 1:], above], axis=1)
        return jnp.mean(mean_rate(begins, middle, end, steep=True), axis=1)


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
    to_points : (2 n_parts n_steps + 1, n_redshifts)
        Interpolation to ends and middles of parts in turn, rising in redshift.
    scale, end_scale : (n_parts, n_steps), and with one step more
        Depths of parts for a unit of the tables, and at their ends; latest first.
    growth : (2, n_parts, n_steps)
        Column of relics at the beginning and at the end of parts over that in their middle.
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
        n_parts, count = tables.log_middle.shape[1:3]
        finer = lattice.divided(n_parts)
        width, u = jnp.asarray(finer.log_width), finer.steps[::-1]
        ends = np.minimum(np.arange(finer.n_steps + n_parts), finer.n_steps)

        def arranged(values: jax.Array) -> jax.Array:
            return jnp.swapaxes(values.reshape(*values.shape[:-1], -1, n_parts), -1, -2)

        points = jnp.stack([tables.log_end, tables.log_middle], axis=2)
        half = 0.5 * width * np.array([[1.0], [-1.0]])
        return cls(
            tables=tables,
            points=points.reshape(-1, *points.shape[3:]),
            strength=lines.strength,
            to_points=to_points(finer, count, 2)[::-1],
            scale=arranged(width * mean_depth_scale(u, width, lines)),
            end_scale=arranged(width * lines.depth_scale(width * ends)),
            growth=arranged(column_growth(u, half, lines)),
        )

    @property
    def n_parts(self) -> int:
        """Parts of a step."""
        return self.scale.shape[0]

    def ends(self, tables: LineTables) -> jax.Array:
        """Find the lines at the ends of parts on a diagonal, (n_parts, c, j, n_steps + 1)."""
        weights = jnp.pad(self.to_points[::2], ((0, self.n_parts - 1), (0, 0)))
        return self._interpolated(tables.log_end, weights)

    def at(
        self, tables: LineTables, ends: jax.Array, above: jax.Array, steep: bool
    ) -> tuple[jax.Array, Rates]:
        """Find lines and rates on a diagonal.

        Parameters
        ----------
        tables : LineTables
        ends, above : what `ends` gives on the diagonal, and on the next one above.
        steep : as for `half_rates`

        Returns
        -------
        line : (c, j, n_steps), average over the steps.
        rates : Rates
        """
        middles = self._interpolated(tables.log_middle, self.to_points[1::2])
        # a step begins where the one before it ends, one diagonal higher
        starts = jnp.concatenate([ends[1:, ..., :-1], above[:1, ..., 1:]])
        parts = self._means(starts, middles, ends[..., :-1], steep)
        line = jnp.einsum("qs,qcjs->cjs", self.scale / jnp.sum(self.scale, axis=0), parts)
        begins = jnp.concatenate([ends, jnp.roll(above[:1], -1, axis=-1)])[..., :-1]
        return line, self._rates(parts, middles, begins)

    def along(self, place: jax.Array, steep: bool) -> Rates:
        """Find the rates along the path of a comoving energy, `place` cells above the lowest."""
        near = between(self.points, 2.0 * self.n_parts * place, self.to_points.shape[0])
        at_points = jnp.exp(jnp.einsum("pxcj,px->cjp", near, self.to_points))
        first, middle, last = (
            self._in_parts(v)
            for v in (at_points[..., 2::2], at_points[..., 1::2], at_points[..., :-1:2])
        )
        ends = jnp.concatenate([last, first[-1:]])
        return self._rates(self._means(first, middle, last, steep), middle, ends)

    def _interpolated(self, table: jax.Array, weights: jax.Array) -> jax.Array:
        weights = weights.reshape(-1, self.n_parts, weights.shape[-1])
        return jnp.exp(jnp.einsum("qxcj,sqx->qcjs", table, weights))

    def _in_parts(self, values: jax.Array) -> jax.Array:
        """Turn (c, j, n_steps n_parts) into (n_parts, c, j, n_steps)."""
        return jnp.moveaxis(values.reshape(*values.shape[:2], -1, self.n_parts), -1, 0)

    def _means(
        self, first: jax.Array, middle: jax.Array, last: jax.Array, steep: bool
    ) -> jax.Array:
        """Average lines over parts, weighted with the column; (n_parts, c, j, n_steps)."""
        before, after = self.growth[:, :, None, None]
        return mean_rate(first * before, middle, last * after, steep)

    def _rates(self, parts: jax.Array, middles: jax.Array, ends: jax.Array) -> Rates:
        def met(values: jax.Array, scale: jax.Array) -> jax.Array:
            depth = jnp.einsum("ij,qcjs->qcis", self.strength, values)
            return (depth.reshape(depth.shape[0], -1, depth.shape[-1]) * scale[:, None])[::-1]

        end_scale = jnp.concatenate([self.end_scale[:, :-1], self.end_scale[:1, 1:]])
        return Rates(met(parts, self.scale), met(middles, self.scale), met(ends, end_scale))


def mean_rate(first: jax.Array, middle: jax.Array, last: jax.Array, steep: bool) -> jax.Array:
    """Average a positive rate over a part of a step; see `half_rates`."""
    means = half_rates(jnp.stack([first, middle, last]), steep)[1]
    return jnp.mean(means, axis=0)


def half_rates(at: jax.Array, steep: bool) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Average a positive rate, whose logarithm is a parabola in time, over halves of a part.

    Parameters
    ----------
    at : (3, ...), at the beginning, in the middle and at the end.
    steep : bool, static
        Whether it may change by more than about a half.

    Returns
    -------
    rise : (2, ...), of its logarithm.
    means : (2, ...), to 1e-4 for a Gaussian as wide as the part.
    bend : (...), second derivative of its logarithm, over half the part.
    """
    if steep:
        rise = jnp.diff(jnp.log(at), axis=0)
        growing = at[1:] * _mean_growth(-rise)
    else:
        total = at[1:] + at[:-1]
        share = (at[1:] - at[:-1]) / total
        rise = 2.0 * share * (1.0 + share**2 / 3.0)
        growing = 0.5 * total * (1.0 - share**2 / 3.0)
    bend = jnp.clip(rise[1] - rise[0], -_BENT, _BENT)
    return rise, growing * (1.0 - bend / (12.0 + 0.2 * rise**2)), bend


def _mean_growth(rise: jax.Array) -> jax.Array:
    """(e^x - 1)/x, mean over its first value of a rate whose logarithm rises by x."""
    small = jnp.abs(rise) < _LEVEL
    safe = jnp.where(small, 1.0, rise)
    return jnp.where(small, 1.0 + 0.5 * rise, jnp.expm1(safe) / safe)
