"""All channels: down the energies, with every redshift at once.

At each instant neutrinos fall from higher to lower energies only. Cells are taken from the highest
down; in each the flux is followed over all steps in redshift, with what falls in from above at the
same step and what comes back from the cell itself. However opaque the relics are, a cascade of any
number of scatterings then ends within the step in which it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.transport.exchange import decay_rates
from nuprop.transport.history import along
from nuprop.transport.landing import Crossing, crossing
from nuprop.transport.lattice import Lattice
from nuprop.transport.medium import Exchange, Interaction, Medium
from nuprop.transport.problem import Emission

#: Flux, in units of the width of the lowest cell, whose square still is a number.
_FAINTEST = 1e-140
_ROOTS, _LEGENDRE = np.polynomial.legendre.leggauss(8)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_energy", "ratio", "interacted", "active", "below", "width"],
    meta_fields=[],
)
@dataclass(frozen=True)
class CascadeResult:
    """What a cascade gives; numbers are per steradian, cm^-2 s^-1 sr^-1.

    Attributes
    ----------
    log_energy : (n_cells,)
    ratio : (n_channels, 3, n_cells)
        Flux over the free flux of all channels and states together, at the centers of the cells.
    interacted : (n_channels, n_cells)
        Interactions in each cell, over all redshifts.
    active : (2,), number and energy of the active secondaries that they make, by the integrals of
        cross sections over x.
    below : (2,), number and energy of those that fall below the lattice.
    width : h
    """

    log_energy: jax.Array
    ratio: jax.Array
    interacted: jax.Array
    active: jax.Array
    below: jax.Array
    width: jax.Array


def cascade(
    lattice: Lattice,
    interactions: Sequence[Interaction],
    emission: Emission,
    *,
    n_nodes: int,
    n_rates: int,
) -> CascadeResult:
    """Solve the transport with all channels.

    Parameters
    ----------
    lattice : Lattice
        From below the lowest energy asked for to where what is higher up no longer matters.
    interactions : sequence of Interaction
        Mediators whose rates add up.
    emission : Emission
    n_nodes : 1 or 3
        Values of W that stand for the motion of each relic state, see `target_nodes`.
    n_rates : int
        Number of exponentials that make a t-channel propagator, see `exponentials_needed`.

    Returns
    -------
    CascadeResult

    Notes
    -----
    Of second order in the width of cells and steps, see `along`, `crossing` and `Resonance`.
    """
    h = jnp.asarray(lattice.log_width)
    n_channels, n_cells, n_steps = emission.shares.shape[0], lattice.n_cells, lattice.n_steps
    rows = 3 * n_channels
    diagonals, u = lattice.diagonals, lattice.steps[::-1]
    shares = (emission.shares / jnp.sum(emission.shares)).reshape(rows, 1)
    if emission.burst:
        u_max = jnp.asarray(emission.u_max)
        initial = emission.rate(u_max) * emission.spectrum_at(lattice.centers + u_max)
        emitted, emission_rate = jnp.zeros(n_cells + n_steps), jnp.zeros(n_steps)
    else:
        initial = jnp.zeros(n_cells)
        emitted, emission_rate = emission.spectrum_at(diagonals), h * emission.rate(u)

    media = [Medium.of(one, lattice, n_channels, n_nodes) for one in interactions]
    shortest = jnp.min(jnp.stack([medium.shortest for medium in media]))
    rates = decay_rates(shortest, jnp.exp(lattice.log_top + u[-1]), n_rates)
    exchanges = [medium.exchanges(rates) for medium in media]
    flat = crossing(diagonals - 0.5 * h, h, jnp.zeros(1))
    lossy = [e for each in exchanges for e in each if e.weights is not None]
    powers = tuple(sorted({m for exchange in lossy for m in exchange.powers}))
    ladder = crossing(diagonals - 0.5 * h, h, rates)

    def cell(carry: Any, inputs: Any) -> tuple[Any, Any]:
        plain, falling, crossed, before = carry
        k, start, width = inputs
        part = partial(jax.lax.dynamic_slice_in_dim, start_index=k, slice_size=n_steps, axis=-1)
        energy = jnp.exp(part(diagonals))
        here: Crossing = jax.tree.map(lambda v: part(v[0]), flat)
        steep: Crossing = jax.tree.map(part, ladder)
        fresh = part(emitted) * emission_rate * width
        local = [medium.at(part, energy) for medium in media]

        landing = 1.0 - here.passing
        gained = jnp.sum(landing[:, None] * plain, axis=0)
        for m in powers:
            gained = gained + jnp.sum((1.0 - steep.passing[:, m])[:, None] * falling[m], axis=0)
        returned = jnp.zeros((rows, rows, n_steps))
        for i, (medium, each, sight) in enumerate(zip(media, exchanges, local, strict=True)):
            for n, exchange in enumerate(each):
                if exchange.crossed:
                    met = exchange.propagator(energy)[:, :, None]
                    for m in exchange.powers:
                        gained = gained + jnp.sum(landing[m] * met * crossed[i, n, m], axis=(0, 1))
            returned = returned + medium.returned(sight, each, steep.stay, here.stay, energy)
        depth = jnp.maximum(jnp.sum(jnp.stack([sight.depth for sight in local]), axis=0), 0.0)
        source = fresh * shares + gained
        contents, mean = along(depth, returned, source, start * width * shares[:, 0])

        made_plain: Any = 0.0
        falling = {m: steep.passing[:, m, None] * falling[m] for m in powers}
        for i, (medium, each, sight) in enumerate(zip(media, exchanges, local, strict=True)):
            made_plain = made_plain + medium.resonant(sight, mean)
            made = medium.sources(sight, mean)
            for n, exchange in enumerate(each):
                for m, amount in medium.by_power(exchange, made).items():
                    if exchange.crossed:
                        crossed = crossed | {
                            (i, n, m): here.passing[m] * crossed[i, n, m] + here.leave[m] * amount
                        }
                    elif exchange.weights is None:
                        made_plain = made_plain.at[m].add(jnp.sum(amount, axis=(0, 1)))
                    else:
                        slope = jnp.clip(
                            before[i, n, m] - amount, -jnp.abs(amount), jnp.abs(amount)
                        )
                        before = before | {(i, n, m): amount}
                        leave, tilt = steep.leave[:, m, None], steep.leave_slope[:, m, None]
                        falling = falling | {
                            m: falling[m]
                            + leave * exchange.spread(amount)
                            + tilt * exchange.spread(slope)
                        }
        plain = here.passing[:, None] * plain + here.leave[:, None] * made_plain
        interacted = jnp.sum(depth * mean, axis=1).reshape(n_channels, 3).sum(axis=1)
        active = sum(jnp.sum(sight.active * mean, axis=(1, 2)) for sight in local)
        free = jnp.sum(fresh) + start * width
        return (plain, falling, crossed, before), (contents, interacted, active, free)

    n_targets = (media[0].nodes.w.shape[0], 3, rows, n_steps)
    empty: dict[bool, dict[tuple[int, int, int], jax.Array]] = {True: {}, False: {}}
    for i, each in enumerate(exchanges):
        for n, exchange in enumerate(each):
            if exchange.propagators != 0:
                for m in exchange.powers:
                    empty[exchange.crossed][i, n, m] = jnp.zeros(n_targets)
    widths = jnp.exp(lattice.centers - lattice.centers[0])
    inputs = (jnp.arange(n_cells), initial, widths)
    falling = {m: jnp.zeros((n_rates, rows, n_steps)) for m in powers}
    carry = (jnp.zeros((3, rows, n_steps)), falling, empty[True], empty[False])
    (plain, falling, crossed, _), (contents, interacted, active, free) = jax.lax.scan(
        cell, carry, inputs, reverse=True
    )
    below = _fallen_crossed(crossed, exchanges, diagonals[:n_steps], h, u)
    cooling = jnp.exp(-u)
    for m in range(3):
        below = below + _fallen(plain[m][None], flat.cooling[:, m, :n_steps] * cooling)
    for m in powers:
        below = below + _fallen(falling[m], ladder.cooling[:, m, :n_steps] * cooling)
    unit = jnp.sum(emission.shares) * jnp.exp(lattice.centers[0]) * 2.0 * jnp.sinh(0.5 * h)
    positive = (free > _FAINTEST)[:, None]
    ratio = jnp.where(positive, contents / jnp.where(positive, free[:, None], 1.0), shares[:, 0])
    return CascadeResult(
        log_energy=lattice.centers,
        ratio=ratio.T.reshape(n_channels, 3, n_cells),
        interacted=unit * interacted.T,
        active=unit * jnp.sum(active * jnp.exp(lattice.centers[:, None] * np.array([0.0, 1.0])), 0),
        below=unit * below,
        width=h,
    )


def _fallen(values: jax.Array, energy: jax.Array) -> jax.Array:
    """Sum number and energy of (n_rates, rows, n_steps) at mean energies (n_rates, n_steps)."""
    return jnp.stack([jnp.sum(values), jnp.sum(values * energy[:, None])])


def _fallen_crossed(
    crossed: dict[tuple[int, int, int], jax.Array],
    exchanges: list[list[Exchange]],
    lowest: jax.Array,
    h: jax.Array,
    u: jax.Array,
) -> jax.Array:
    edge = jnp.exp(lowest - 0.5 * h)
    total = jnp.zeros(2)
    for (i, n, m), values in crossed.items():
        for root, weight in zip(_ROOTS, _LEGENDRE, strict=True):
            x = 0.5 * (root + 1.0)
            share = 0.5 * weight * (m + 1) * x**m
            met = exchanges[i][n].propagator(x * edge)[:, :, None]
            landed = jnp.sum(share * met * values, axis=(0, 1, 2))
            total = total + jnp.stack([jnp.sum(landed), jnp.sum(landed * x * edge * jnp.exp(-u))])
    return total
