"""The solver's own books: what interacted, and where its numbers and energies went."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial

import jax
import jax.numpy as jnp

from nuprop.balance import Balance
from nuprop.transport.cascade import CascadeResult
from nuprop.transport.emitted import free_flux
from nuprop.transport.grid import Panels
from nuprop.transport.march import MarchResult
from nuprop.transport.problem import Emission, Lines
from nuprop.transport.sweep import SweepResult

#: Pieces and nodes of the energy integral over a swept spectrum; its kinks divide it further.
PIECES, ORDER = 32, 6


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["interacted", "deposited", "below", "lost", "free", "pairs"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Books:
    """(number, energy) of each entry of `Balance`, shape (2,)."""

    interacted: jax.Array
    deposited: jax.Array
    below: jax.Array
    lost: jax.Array
    free: jax.Array
    pairs: jax.Array

    def balance(self) -> Balance:
        """Return the same as plain numbers."""
        entries = {}
        for entry in fields(self):
            number, energy = getattr(self, entry.name)
            entries[f"{entry.name}_number"] = float(number)
            entries[f"{entry.name}_energy"] = float(energy)
        return Balance(**entries)


def _close(
    energy: jax.Array,
    number: jax.Array,
    gained: jax.Array,
    free: jax.Array,
    floor: jax.Array,
    lines: Lines,
) -> Books:
    """Books of `number` interactions at `energy`, when the flux above `floor` gained `gained`."""
    active = jnp.sum(lines.yields)
    inactive = jnp.where(1.0 - active > 1e-14, 1.0 - active, 0.0)
    x = jnp.minimum(floor / energy, 1.0)
    kernel, power = lines.kernel(1)[0, 0], jnp.arange(3.0)
    x_powers = x[..., None] ** (power + 1.0)
    fallen = jnp.sum(number * (x_powers @ (kernel / (power + 1.0))))
    fallen_energy = jnp.sum(number * energy * x * (x_powers @ (kernel / (power + 2.0))))
    interacted = jnp.stack([jnp.sum(number), jnp.sum(number * energy)])
    return Books(
        interacted=interacted,
        deposited=gained + interacted,
        below=active * jnp.stack([fallen, fallen_energy]),
        lost=inactive * interacted * jnp.array([2.0, 1.0]),
        free=free,
        pairs=jnp.zeros(2),
    )


def book_nodes(lines: Lines, emission: Emission, kinks: jax.Array) -> Panels:
    """Panels in ln(E) over which a swept spectrum is integrated.

    From three e-folds under the lowest energy that is absorbed to the highest; between resonances
    far apart the pieces are as long as it takes.
    """
    highest = jnp.max(jnp.where(lines.massive, lines.log_resonance, -jnp.inf))
    lowest = jnp.min(lines.log_resonance) - emission.u_max
    highest = jnp.where(jnp.isfinite(highest), highest, lowest + 1.0)
    uniform = jnp.linspace(lowest - 3.0, highest, PIECES + 1)
    inside = jnp.clip(kinks, lowest - 3.0, highest)
    return Panels(jnp.sort(jnp.concatenate([uniform, inside])), ORDER)


def sweep_books(
    panels: Panels, flux: jax.Array, free: jax.Array, result: SweepResult, lines: Lines
) -> Books:
    """Books of a sweep, from its flux at the nodes of `book_nodes`.

    What was put back is the flux that arrives, integrated over energy, less what would have
    arrived and plus what interacted: the interactions are counted where they happen, so that the
    two sides meet only if every secondary is where it belongs.
    """
    nodes, weights = panels.nodes.reshape(-1), panels.weights.reshape(-1)
    powers = weights * jnp.exp(jnp.array([[1.0], [2.0]]) * nodes)
    gained, without = (
        powers @ jnp.sum(flux - free, axis=(0, 1)),
        powers @ jnp.sum(free, axis=(0, 1)),
    )
    energy = jnp.exp(result.log_energy_of_rates)
    number = jnp.sum(result.rates, axis=1) * result.weights * energy
    return _close(energy, number, gained, without, jnp.exp(panels.edges[0]), lines)


def march_books(result: MarchResult, lines: Lines, emission: Emission) -> Books:
    """Books of a march, cell by cell."""
    energy = jnp.exp(result.log_energy)
    without, gained = _gained(result, emission)
    floor = jnp.exp(result.log_energy[0] - 0.5 * result.width)
    number = jnp.sum(result.interacted, axis=0)
    return _close(energy, number, gained, jnp.sum(without, axis=1), floor, lines)


def cascade_books(result: CascadeResult, emission: Emission) -> Books:
    """Books of a cascade, cell by cell; it counts itself what falls below its lattice."""
    energy = jnp.exp(result.log_energy)
    without, gained = _gained(result, emission)
    number = jnp.sum(result.interacted, axis=0)
    interacted = jnp.stack([jnp.sum(number), jnp.sum(number * energy)])
    made = jnp.array([2.0, 1.0]) * interacted + jnp.array([2.0, 0.0]) * result.pairs
    missing = jnp.where(made - result.active > 1e-10 * made, made - result.active, 0.0)
    return Books(
        interacted=interacted,
        deposited=gained + interacted,
        below=result.below,
        lost=missing,
        free=jnp.sum(without, axis=1),
        pairs=result.pairs,
    )


def _gained(result: MarchResult | CascadeResult, emission: Emission) -> tuple[jax.Array, jax.Array]:
    """Integrate the free flux over cells, number and energy (2, n_cells), and what all gained."""
    energy = jnp.exp(result.log_energy)
    free = jnp.sum(free_flux(emission, result.log_energy), axis=(0, 1))
    widths = energy * 2.0 * jnp.sinh(0.5 * result.width)
    without = jnp.stack([free * widths, free * widths * energy])
    return without, without @ (jnp.sum(result.ratio, axis=(0, 1)) - 1.0)
