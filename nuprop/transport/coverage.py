"""Which energies a lattice must span and how fine it must be; decided on concrete numbers."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.transport.lattice import BLOCK, CHUNK, Lattice
from nuprop.transport.problem import Lines
from nuprop.transport.shapes import RMS_WIDTH, line_temperatures

#: Optical depths below this are left out at the ends of the lattice.
_NEGLIGIBLE = 1e-6
#: Width of a cell over the rms width of the narrowest line.
CELL = 1.25
#: Bounds on the width of a cell in ln(eps), and that width for relics at rest.
FINEST, COARSEST, AT_REST = 0.0025, 0.015, 0.005
#: Largest rms width of a line, at z_max, for which a sweep may stand for a march.
_HIDDEN_WIDTH = 0.005
#: Cells beyond which a lattice is refused.
MOST_CELLS = 2**15


@dataclass(frozen=True)
class LatticeShape:
    """Numbers of cells and steps; a static argument of compiled programs."""

    n_cells: int
    n_steps: int

    def placed(self, lines: Lines, u_max: jax.Array) -> Lattice:
        """Put the lattice's upper edge above the highest energy that any relic absorbs.

        On a whole number of cells, so that the lattice stays where it is when a parameter moves.
        """
        width = jnp.asarray(u_max) / self.n_steps
        top, _ = absorbing_range(lines, u_max, width)
        top = jax.lax.stop_gradient(jnp.ceil(top / width)) * width
        return Lattice(top, width, self.n_cells, self.n_steps)

    def covering(self, other: LatticeShape) -> LatticeShape:
        """Return a lattice that is as fine and as far-reaching as both."""
        n_steps = max(self.n_steps, other.n_steps)
        reach = max(self.n_cells / self.n_steps, other.n_cells / other.n_steps)
        return LatticeShape(BLOCK * int(np.ceil(reach * n_steps / BLOCK)), n_steps)

    def refined(self) -> LatticeShape:
        """Twice as many cells and steps."""
        return LatticeShape(2 * self.n_cells, 2 * self.n_steps)


def absorbing_range(
    lines: Lines, u_max: jax.Array, width: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Highest and lowest ln(eps) at which a neutrino can meet a relic that makes it resonate.

    Parameters
    ----------
    lines : Lines
    u_max : ln(1 + z_max).
    width : cell width; lines much narrower than it count as that wide.
    """
    if lines.relics.thermal:
        top, bottom = _thermal_range(lines, jnp.asarray(u_max), width)
    else:
        lowest = jnp.min(jnp.where(lines.absorbing, lines.log_resonance, 50.0))
        place = jnp.where(lines.absorbing, lines.log_resonance, lowest)
        top, bottom = jnp.max(place) + 6.0 * width, jnp.min(place) - u_max - 6.0 * width
    return top + width, bottom - 2.0 * width


def _thermal_range(lines: Lines, u_max: jax.Array, width: jax.Array) -> tuple[jax.Array, jax.Array]:
    temperatures = line_temperatures(width, lines)

    def reach(growth: jax.Array, *, upward: bool) -> jax.Array:
        """ln(eps) of each line at which hardly anything of it is left, when 1 + z = growth.

        A line falls as e^-|s|; above a massless one the depth falls as 0.2 (W/T)^2 only.
        """
        temperature = temperatures * growth
        r = jnp.asarray(lines.masses) / temperature
        depth = lines.depth_scale(jnp.log(growth)) * jnp.max(lines.strength)
        tail = jnp.clip(jnp.log(depth * (1.0 + r) / _NEGLIGIBLE), 5.0, 40.0)
        root = tail + jnp.sqrt(tail**2 + r**2)
        slow = jnp.clip(jnp.sqrt(10.0 * _NEGLIGIBLE / (0.2 * depth)), 1e-6, 0.1)
        w = jnp.maximum(r**2 / root, slow) if upward else root
        return jnp.log(0.5 * lines.mediator_mass**2 / (w * temperature * growth))

    top = jnp.where(lines.present, reach(jnp.ones(()), upward=True), -jnp.inf)
    bottom = jnp.where(lines.present, reach(jnp.exp(u_max), upward=False), jnp.inf)
    return jnp.max(top), jnp.min(bottom)


def cell_width(lines: Lines) -> jax.Array:
    """Width in ln(E) of the cells that follow these lines, see `lattice_needs`."""
    if not lines.relics.thermal:
        return jnp.asarray(AT_REST)
    coldest = jnp.max(jnp.where(lines.present, lines.masses / lines.temperatures, 0.0))
    narrowest = RMS_WIDTH / jnp.maximum(coldest, 1e-40)
    return jnp.clip(CELL * narrowest, FINEST, COARSEST)


def lattice_needs(
    lines: Lines, u_max: jax.Array, resolution: float = 1.0, *, burst: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Numbers of cells and steps that `lattice_shape` takes, as traceable numbers.

    The cell is 1.25 times as wide as the narrowest line today, 2.08 T/m, but between 0.0025 and
    0.015, and 0.005 for relics at rest; over `resolution`, and half of that for a burst, whose
    bands no average over redshift smooths, and across a clump of relics, for the same reason.
    """
    sharp = burst or lines.relics.breaks.size > 0
    resolution = 2.0 * resolution if sharp else resolution
    width = cell_width(lines)
    n_steps = CHUNK * jnp.maximum(1.0, jnp.ceil(u_max / width * resolution / CHUNK))
    width = u_max / n_steps
    top, bottom = absorbing_range(lines, u_max, width)
    return BLOCK * jnp.maximum(1.0, jnp.ceil((top - bottom) / width / BLOCK)), n_steps


def lattice_shape(
    lines: Lines, u_max: ArrayLike, resolution: float = 1.0, *, burst: bool = False
) -> LatticeShape:
    """Choose the numbers of cells and steps for given parameters.

    Parameters
    ----------
    lines : Lines, with concrete numbers.
    u_max : ln(1 + z_max).
    resolution : float
        Factor on the number of cells and of steps.
    burst : bool
        Whether all is emitted at one redshift, as by a `PointSource`.

    Returns
    -------
    LatticeShape
        For a batch take the one with most cells and steps: see `LatticeShape.covering`.
    """
    n_cells, n_steps = _compiled_needs(lines, jnp.asarray(u_max), resolution, burst=burst)
    return LatticeShape(int(n_cells), int(n_steps))


_compiled_needs = jax.jit(lattice_needs, static_argnames="burst")


def cells_hide_widths(lines: Lines, u_max: float, edges: np.ndarray) -> bool:
    """Whether lines are so narrow that a sweep gives the same averages over these cells.

    At z_max 2.08 T/m is below 0.005, because a secondary that emerges within a line's width of its
    parent meets the same line again (with widths of 0.025 averages move by 0.015), and below half
    the cell around each edge of each dip.
    """
    present = np.asarray(lines.present)
    masses = np.asarray(lines.masses)[present]
    if np.any(masses == 0.0):
        return False
    widths = RMS_WIDTH * np.asarray(lines.temperatures)[present] * np.exp(u_max) / masses
    if np.max(widths) > _HIDDEN_WIDTH:
        return False
    log_edges = np.log(edges)
    for log_line, width in zip(np.asarray(lines.log_resonance)[present], widths, strict=True):
        for place in (log_line, log_line - u_max):
            cell = int(np.clip(np.searchsorted(log_edges, place) - 1, 0, edges.size - 2))
            if width >= 0.5 * (log_edges[cell + 1] - log_edges[cell]):
                return False
    return True
