"""From point values to averages over energy cells, which every jump of the spectrum divides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from nuprop.transport.grid import Panels
from nuprop.transport.problem import Emission, Lines

#: Gauss-Legendre nodes in each piece of a cell, unless told otherwise.
ORDER = 4


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_energy", "weights", "cell"],
    meta_fields=["n_cells"],
)
@dataclass(frozen=True)
class CellRule:
    """Points and weights that turn point values into cell averages int phi dE / Delta E.

    Attributes
    ----------
    log_energy, weights, cell : (n_nodes,), ln(E/GeV), weight, and number of the cell.
    n_cells : int
    """

    log_energy: jax.Array
    weights: jax.Array
    cell: jax.Array
    n_cells: int

    def average(self, values: jax.Array) -> jax.Array:
        """Average values of shape (..., n_nodes) over the cells, shape (..., n_cells)."""
        summed = jax.ops.segment_sum(
            jnp.moveaxis(values * self.weights, -1, 0), self.cell, self.n_cells
        )
        return jnp.moveaxis(summed, 0, -1)


def cell_rule(log_edges: jax.Array, kinks: jax.Array, pieces: int, order: int = ORDER) -> CellRule:
    """Divide each cell into equal pieces, and these at every kink.

    Parameters
    ----------
    log_edges : Array, shape (n_cells + 1,), rising.
    kinks : Array, shape (k,)
        ln(E) where the spectrum or its slope jumps.
    pieces : int
        Pieces of each cell.
    order : int
        Gauss-Legendre nodes in each piece.
    """
    n_cells = log_edges.shape[0] - 1
    fractions = jnp.arange(pieces) / pieces
    fine = (log_edges[:-1, None] + jnp.diff(log_edges)[:, None] * fractions).reshape(-1)
    inside = jnp.clip(kinks, log_edges[0], log_edges[-1])
    panels = Panels(jnp.sort(jnp.concatenate([fine, log_edges[-1:], inside])), order)
    middle = 0.5 * (panels.edges[1:] + panels.edges[:-1])
    cell = jnp.clip(jnp.searchsorted(log_edges, middle, side="right") - 1, 0, n_cells - 1)
    cell = jnp.repeat(cell, order)
    nodes = panels.nodes.reshape(-1)
    widths = jnp.diff(jnp.exp(log_edges))
    weights = panels.weights.reshape(-1) * jnp.exp(nodes) / widths[cell]
    return CellRule(nodes, weights, cell, n_cells)


def spectral_kinks(lines: Sequence[Lines], emission: Emission) -> jax.Array:
    """ln(E) at Earth where a flux through relics at rest jumps or bends, shape (k,).

    E/(1 + z) for each resonance of all mediators, and each kink E of the source's spectrum; z is 0,
    z_max, or a break of the evolution or of the relics' density.
    """
    places = jnp.concatenate(
        [
            jnp.zeros(1),
            jnp.atleast_1d(emission.u_max),
            emission.log_breaks,
            jnp.minimum(lines[0].relics.breaks, emission.u_max),
        ]
    )
    energies = jnp.concatenate([*(each.log_resonance for each in lines), emission.log_kinks])
    return (energies[:, None] - places).reshape(-1)
