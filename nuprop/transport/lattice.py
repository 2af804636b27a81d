"""The lattice of a march: cells in ln(eps), steps in ln(1 + z), diagonals of constant energy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp

from nuprop.description import Leaf

#: Cells per block of a running sum, and diagonals that are prepared together; the number of cells
#: is a multiple of it.
BLOCK = 16
#: Steps whose depths are computed together; the number of steps is a multiple of it.
CHUNK = 32


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_top", "log_width"],
    meta_fields=["n_cells", "n_steps"],
)
@dataclass(frozen=True)
class Lattice:
    """Cells in ln(eps/GeV) below `log_top`, and as many steps as make log_width n_steps = u_max.

    Attributes
    ----------
    log_top : ln(eps/GeV) at the upper edge of the highest cell.
    log_width : h, width of a cell and of a step; must be u_max / n_steps.
    n_cells, n_steps : int, multiples of `BLOCK` and `CHUNK`.
    """

    log_top: Leaf
    log_width: Leaf
    n_cells: int
    n_steps: int

    @property
    def centers(self) -> jax.Array:
        """ln(eps) at the centers of the cells, rising, shape (n_cells,)."""
        return self.log_top - self.log_width * (self.n_cells - 0.5 - jnp.arange(self.n_cells))

    @property
    def diagonals(self) -> jax.Array:
        """ln(E) at mid-step on each diagonal, rising, shape (n_cells + n_steps,)."""
        first = self.log_top - self.log_width * (self.n_cells - 1.0)
        return first + self.log_width * jnp.arange(self.n_cells + self.n_steps)

    @property
    def steps(self) -> jax.Array:
        """Middle of each step in u, falling, shape (n_steps,)."""
        return self.log_width * (self.n_steps - 0.5 - jnp.arange(self.n_steps))

    def divided(self, parts: int) -> Lattice:
        """Refine it: diagonals parts*d to parts*(d + 1) - 1 divide a step on diagonal d."""
        width = self.log_width / parts
        return replace(
            self,
            log_top=self.log_top + 0.5 * (self.log_width - width),
            log_width=width,
            n_cells=parts * self.n_cells,
            n_steps=parts * self.n_steps,
        )
