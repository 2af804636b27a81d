"""Flux at any energy from that on a lattice; of a march, exact below and above it too."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nuprop.transport.arrival import arriving
from nuprop.transport.cascade import CascadeResult
from nuprop.transport.edges import edge_depths
from nuprop.transport.emitted import free_flux
from nuprop.transport.interpolation import hermite, limited_slopes, padded
from nuprop.transport.march import MarchResult
from nuprop.transport.problem import Emission, Lines

#: Keeps the logarithm of a ratio finite where a channel is empty.
_NOTHING = 1e-60
#: Bends of a ratio and of its logarithm, over four cells, below which either will do.
_STRAIGHT = 1e-6


def _bend(values: jax.Array) -> jax.Array:
    """How far from straight values are between each cell and the next, (..., n_cells)."""
    around = padded(values)
    return around[..., 1:-3] - around[..., 2:-2] - around[..., 3:-1] + around[..., 4:]


def interpolated(
    ratio: jax.Array,
    lattice: jax.Array,
    width: jax.Array,
    edges: jax.Array,
    log_energy: jax.Array,
) -> jax.Array:
    """Interpolate a ratio between cells, without its steep edges, which are known.

    Below the edge of a line it grows with the distance, on the flank above exponentially: the ratio
    and its logarithm are interpolated, and each counts the more the straighter it is.

    Parameters
    ----------
    ratio : (n_channels, n_states, n_cells), flux over free flux at the centers of cells.
    lattice : (n_cells,), ln(E) of the centers.
    width : of a cell.
    edges : (n_beams, n_states, n_cells + n)
        -ln of what edges let pass, at the centers and energies.
    log_energy : (n,)

    Returns
    -------
    Array, shape (n_channels, n_states, n).
    """
    n_cells = lattice.shape[0]
    place = jnp.clip((log_energy - lattice[0]) / width, 0.0, n_cells - 1.0)
    cell = jnp.clip(jnp.floor(place).astype(int), 0, n_cells - 2)
    t = place - cell
    values = ratio * jnp.exp(edges[..., :n_cells])
    logarithm = jnp.log(values + _NOTHING)
    slopes = limited_slopes(values)
    positive = jnp.clip(slopes, -3.0 * values, 3.0 * values)
    evenly = hermite(values, positive, cell, t)
    steeply = jnp.exp(hermite(logarithm, limited_slopes(logarithm), cell, t))
    larger = jnp.maximum(values, padded(values)[..., 3:-1]) + _NOTHING
    bends = (_bend(values) / larger) ** 2 + _STRAIGHT, _bend(logarithm) ** 2 + _STRAIGHT
    share = (bends[0] / (bends[0] + bends[1]))[..., cell]
    share = jnp.where(values[..., cell] > 0.0, share, 0.0)
    between = share * steeply + (1.0 - share) * evenly
    return between * jnp.exp(-edges[..., n_cells:])


def cascade_flux(
    result: CascadeResult,
    emission: Emission,
    log_energy: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Flux at Earth with and without interaction, at energies within the lattice of a cascade."""
    free = free_flux(emission, log_energy)
    return arriving(result, emission, log_energy) * jnp.sum(free, axis=(0, 1)), free


def flux_from(
    result: MarchResult, lines: Lines, emission: Emission, log_energy: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Flux at Earth with and without interaction.

    Parameters
    ----------
    result : MarchResult
    lines, emission : what was marched.
    log_energy : Array, shape (n,), ln(E/GeV).

    Returns
    -------
    flux, free : Array, shape (n_channels, n_states, n)
        On the lattice flux over free flux is interpolated, without its steep edges, which are
        known; below it every neutrino is free and the secondaries are the moments of all
        interactions; above it nothing interacts.
    """
    free = free_flux(emission, log_energy)
    total = jnp.sum(free, axis=(0, 1))
    lattice = result.log_energy
    edges = edge_depths(jnp.concatenate([lattice, log_energy]), result.width, lines)
    inside = interpolated(result.ratio, lattice, result.width, edges, log_energy) * total

    order = jnp.arange(3.0)
    offsets = lattice - lattice[0]
    moments = jnp.einsum("ck,mk->cm", result.interacted, jnp.exp(-(1.0 + order)[:, None] * offsets))
    x = jnp.exp(order[:, None] * jnp.minimum(log_energy - lattice[0], 0.0))
    kernel = lines.kernel(free.shape[0])
    made = jnp.einsum("oim,im,mn->on", kernel, moments, x) * jnp.exp(-lattice[0])
    below = free + lines.yields[:, None] * jnp.maximum(made, 0.0)[:, None, :]
    flux = jnp.where(log_energy < lattice[0], below, inside)
    return jnp.where(log_energy > lattice[-1], free, flux), free
