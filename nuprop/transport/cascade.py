"""All channels: down the physical energies, with every redshift at once.

At each instant neutrinos fall from higher to lower energies only, and in time each comoving energy
follows one redshift after the other. Diagonals of the lattice, on which the physical energy is the
same, are taken from the highest down: a cell in a step then has before it all that falls in from
above in this step, and its own contents at the end of the last one. However opaque the relics are,
a cascade of any number of scatterings ends within the step in which it began.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.transport.course import Course, LineTables, Rates
from nuprop.transport.exchange import decay_rates
from nuprop.transport.history import Depths, Passage
from nuprop.transport.landing import Crossing, crossing
from nuprop.transport.lattice import BLOCK, Lattice
from nuprop.transport.medium import Exchange, Interaction, Local, Medium
from nuprop.transport.problem import Emission

#: Flux, in units of the width of the lowest cell, whose square still is a number.
_FAINTEST = 1e-140
_ROOTS, _LEGENDRE = np.polynomial.legendre.leggauss(8)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "log_energy",
        "ratio",
        "interacted",
        "pairs",
        "active",
        "below",
        "lattice",
        "media",
        "gained",
    ],
    meta_fields=[],
)
@dataclass(frozen=True)
class CascadeResult:
    """What a cascade gives; numbers are per steradian, cm^-2 s^-1 sr^-1.

    Attributes
    ----------
    log_energy : (n_cells,)
    ratio : (n_channels, n_states, n_cells)
        Flux over the free flux of all channels and states together, at the centers of the cells.
    interacted : (n_channels, n_cells)
        Interactions in each cell, over all redshifts.
    pairs : (2,), number and energy of those interactions that make two scalars.
    active : (2,), number and energy of the active secondaries that they make, by the integrals of
        cross sections over x.
    below : (2,), number and energy of those that fall below the lattice.
    lattice : Lattice
    media : list of Medium
    gained : (rows, n_steps, n_cells)
        Secondaries that each step, the latest first, adds per energy, in units of `Emission`.
    """

    log_energy: jax.Array
    ratio: jax.Array
    interacted: jax.Array
    pairs: jax.Array
    active: jax.Array
    below: jax.Array
    lattice: Lattice
    media: list[Medium]
    gained: jax.Array

    @property
    def width(self) -> jax.Array:
        """Width of cells and steps, h."""
        return jnp.asarray(self.lattice.log_width)


def cascade(
    lattice: Lattice,
    interactions: Sequence[Interaction],
    emission: Emission,
    *,
    n_nodes: int,
    n_parts: int,
    n_rates: int,
    stride: int,
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
    n_parts : int
        Parts of a step that resolve lines narrower than a cell.
    n_rates, stride : int
        Number of exponentials that make a t-channel propagator, and cells of ln(E) between two, see
        `exponentials_needed`.

    Returns
    -------
    CascadeResult

    Notes
    -----
    Of second order in the width of cells and steps, see `Passage`, `crossing` and `Resonance`.
    """
    h = jnp.asarray(lattice.log_width)
    n_channels, n_cells, n_steps = emission.shares.shape[0], lattice.n_cells, lattice.n_steps
    n_states = emission.shares.shape[1]
    rows = n_states * n_channels
    n_diagonals = n_cells + n_steps - 1
    diagonals, u = lattice.diagonals[:n_diagonals], lattice.steps[::-1]
    shares = (emission.shares / jnp.sum(emission.shares)).reshape(rows, 1)
    widths = jnp.exp(lattice.centers - lattice.centers[0])
    entering = jnp.zeros(n_diagonals)
    if emission.burst:
        u_max = jnp.asarray(emission.u_max)
        initial = emission.rate(u_max) * emission.spectrum_at(lattice.centers + u_max) * widths
        entering = entering.at[n_steps - 1 :].set(initial)
        emitted, emission_rate = jnp.zeros(n_diagonals), jnp.zeros(n_steps)
    else:
        emitted = emission.spectrum_at(diagonals) * jnp.exp(h * np.arange(n_diagonals))
        emission_rate = h * emission.rate(u) * jnp.exp(-h * np.arange(n_steps))

    shape = {"n_nodes": n_nodes, "n_parts": n_parts, "stride": stride}
    media = [Medium.of(one, lattice, n_channels, **shape) for one in interactions]
    in_pairs = {i: medium.pairs for i, medium in enumerate(media) if medium.pairs is not None}
    shortest = jnp.min(jnp.stack([medium.shortest for medium in media]))
    # weights follow the propagators, wherever the rates are
    rates = decay_rates(jax.lax.stop_gradient(shortest), n_rates, stride * h)
    exchanges = [medium.exchanges(rates) for medium in media]
    lossy = [e for each in exchanges for e in each if e.weights is not None]
    powers = tuple(sorted({m for exchange in lossy for m in exchange.powers}))
    level = jax.tree.map(lambda v: v[:, 0], crossing(jnp.zeros(1), h))
    ladder = _ladder(rates, stride, diagonals - 0.5 * h, h, level)
    step = np.arange(n_steps)

    def prepared(inputs: Any) -> tuple[list[Local], Passage]:
        log_energy, tables, narrow, stay = inputs
        here = [jax.tree.map(lambda v: v[1:-1], table) for table in tables]
        energy = jnp.exp(log_energy)
        smooth = added_up(
            jax.vmap(medium.smooth)(table, energy)
            for medium, table in zip(media, tables, strict=True)
        )
        lines = [table.lines.on(slice(1, None)) for table in tables]

        def seen(steep: bool) -> tuple[list[jax.Array], Depths]:
            courses = [medium.divided if steep else medium.course for medium in media]
            every = zip(courses, narrow if steep else lines, strict=True)
            found = [_on_diagonals(course, table, steep) for course, table in every]
            total = added_up(rates for _, rates in found)
            depths = jax.vmap(Depths.of)(total, smooth[:-2], smooth[1:-1], smooth[2:])
            return [line for line, _ in found], depths

        whole, depths = seen(False)
        steep = depths.steep
        averages = jax.lax.cond(steep, lambda: seen(True)[0], lambda: whole)
        local = [
            jax.vmap(medium.at)(table, energy[1:-1], line)
            for medium, table, line in zip(media, here, averages, strict=True)
        ]
        returned = added_up(
            jax.vmap(partial(medium.returned, exchanges=each, plain_stay=level.stay))(
                sight, stay=stay, energy=energy[1:-1]
            )
            for medium, each, sight in zip(media, exchanges, local, strict=True)
        )
        passage = jax.lax.cond(
            steep,
            lambda: jax.vmap(partial(Passage.of, steep=True))(seen(True)[1], returned),
            lambda: jax.vmap(partial(Passage.of, steep=False))(depths, returned),
        )
        return local, passage

    def diagonal(carry: Any, inputs: Any) -> tuple[Any, Any]:
        contents, last, counted, plain, falling, crossed, made_above, waiting = carry
        d, log_energy, made, begun, above, steep, local, passage = inputs
        energy = jnp.exp(log_energy)
        within = jnp.asarray(d - step < n_cells, dtype=float)
        fresh = made * emission_rate * within
        contents = jnp.concatenate([contents[:, 1:], begun * shares], axis=1)
        last = jnp.concatenate([last[:, 1:], last[:, -1:]], axis=1)
        counted = jnp.pad(counted[:, 1:], ((0, 0), (0, 1)))

        # from the carry: where it is made each exponential would compute it again
        falling = {m: above.passing[:, m, None, None] * falling[m] for m in powers}
        for (i, n, m), amounts in made_above.items():
            leave = above.leave[:, m], above.leave_slope[:, m]
            falling = falling | {m: falling[m] + exchanges[i][n].spread(*amounts, *leave)}
        landing = 1.0 - level.passing
        gained = jnp.tensordot(landing, plain, axes=1)
        for m in powers:
            gained = gained + jnp.tensordot(1.0 - steep.passing[:, m], falling[m], axes=1)
        for i, four in waiting.items():
            gained = gained + in_pairs[i].gained(four)
        for i, each in enumerate(exchanges):
            for n, exchange in enumerate(each):
                if exchange.crossed:
                    met = exchange.propagator(energy)[:, :, None]
                    for m in exchange.powers:
                        gained = gained + jnp.sum(landing[m] * met * crossed[i, n, m], axis=(0, 1))
        source = fresh * shares + gained
        after, mean, back = passage.through(contents, source, last)

        made_plain: Any = 0.0
        for i, (medium, each, sight) in enumerate(zip(media, exchanges, local, strict=True)):
            made_plain = made_plain + medium.resonant(sight, mean)
            sources = medium.sources(sight, mean)
            for n, exchange in enumerate(each):
                for m, amount in medium.by_power(exchange, sources).items():
                    if exchange.crossed:
                        crossed = crossed | {
                            (i, n, m): level.passing[m] * crossed[i, n, m] + level.leave[m] * amount
                        }
                    elif exchange.weights is None:
                        made_plain = made_plain.at[m].add(jnp.sum(amount, axis=(0, 1)))
                    else:
                        largest = jnp.abs(amount)
                        slope = jnp.clip(made_above[i, n, m][0] - amount, -largest, largest)
                        made_above = made_above | {(i, n, m): (amount, slope)}
        plain = level.passing[:, None, None] * plain + level.leave[:, None, None] * made_plain
        interacted = jnp.sum((passage.depth * mean).reshape(n_channels, n_states, n_steps), axis=1)
        counted = counted + jnp.concatenate([interacted, fresh[None]])
        active = sum(jnp.sum(sight.active * mean, axis=1) for sight in local)
        each_energy = jnp.stack([jnp.ones(n_steps), jnp.exp(h * (d - step))])
        each_energy = each_energy * (d >= step)
        active = jnp.sum(active * each_energy, axis=1)
        doubled = jnp.zeros((2, 2))
        for i, four in waiting.items():
            made = in_pairs[i].made(local[i].pairs, mean)
            lost = in_pairs[i].fallen(local[i].pairs, made, jnp.clip(d - step, 0, n_cells - 1))
            all_made = jnp.broadcast_to(jnp.sum(made, axis=(0, 1, 2)), (2, n_steps))
            doubled = doubled + jnp.sum(jnp.stack([all_made, lost]) * each_energy, axis=2)
            waiting = waiting | {i: in_pairs[i].after(four, local[i].pairs, made)}
        fallen = jax.tree.map(lambda v: v[..., jnp.clip(d, 0, n_steps - 1)], (plain, crossed))
        steeply = {m: v[..., jnp.minimum(d + 1, n_steps - 1)] for m, v in falling.items()}
        out = (after[:, 0], counted[:, 0], active, doubled, gained + back, fallen, steeply)
        return (after, source, counted, plain, falling, crossed, made_above, waiting), out

    @jax.checkpoint  # a gradient goes through each block again: all of them would fill the memory
    def block(carry: Any, inputs: Any) -> tuple[Any, Any]:
        to_prepare, each = inputs
        return jax.lax.scan(diagonal, carry, (*each, *prepared(to_prepare)), reverse=True)

    n_targets = (media[0].nodes.w.shape[0], n_states, rows, n_steps)
    empty: dict[bool, dict[tuple[int, int, int], Any]] = {True: {}, False: {}}
    for i, each in enumerate(exchanges):
        for n, exchange in enumerate(each):
            if exchange.propagators != 0:
                for m in exchange.powers:
                    none = jnp.zeros(n_targets)
                    empty[exchange.crossed][i, n, m] = none if exchange.crossed else (none, none)
    nothing = jnp.zeros((rows, n_steps))
    carry = (
        nothing,
        nothing,
        jnp.zeros((n_channels + 1, n_steps)),
        jnp.zeros((3, rows, n_steps)),
        {m: jnp.zeros((n_rates, rows, n_steps)) for m in powers},
        empty[True],
        empty[False],
        {i: each.nothing(n_steps) for i, each in in_pairs.items()},
    )
    # one diagonal more below the lowest: there arrives what was made on it
    blocks = np.arange(BLOCK * -(-(n_diagonals + 1) // BLOCK)).reshape(-1, BLOCK) - 1
    neighbors = np.concatenate([blocks[:, :1] - 1, blocks, blocks[:, -1:] + 1], axis=1)
    on, above = (np.clip(v, 0, n_diagonals - 1) for v in (blocks, blocks + 1))
    around = np.clip(neighbors, 0, n_diagonals)
    inside = (blocks >= 0) & (blocks < n_diagonals)
    ladder_on, ladder_above = (jax.tree.map(lambda v, at=at: v[at], ladder) for at in (on, above))
    to_prepare = (
        lattice.diagonals[around],
        [medium.tables.on(around) for medium in media],
        [medium.divided.tables.on(around[:, 1:]) for medium in media],
        ladder_on.stay,
    )
    inputs = (
        blocks,
        diagonals[on],
        emitted[on] * inside,
        entering[on] * inside,
        ladder_above,
        ladder_on,
    )
    _, results = jax.lax.scan(block, carry, (to_prepare, inputs), reverse=True)
    *results, steeply = jax.tree.map(
        lambda v: v.reshape(-1, *v.shape[2:])[: n_diagonals + 1], results
    )
    contents, counted, active, doubled, gained, fallen = jax.tree.map(lambda v: v[1:], results)
    plain, crossed = jax.tree.map(lambda v: jnp.moveaxis(v[:n_steps], 0, -1), fallen)
    falling = jax.tree.map(lambda v: jnp.moveaxis(v[:n_steps], 0, -1), steeply)
    edge = jnp.exp(diagonals[:n_steps] - 0.5 * h)
    below = _fallen_crossed(crossed, exchanges, edge, u)
    cooled = edge * jnp.exp(-u)
    for m in range(3):
        below = below + _fallen(plain[m][None], (cooled * level.cooling[m])[None])
    for m in powers:
        below = below + _fallen(falling[m], cooled * ladder.cooling[:n_steps, :, m].T)
    free = counted[:n_cells, n_channels]
    if emission.burst:
        free = free + entering[n_steps - 1 :]
    unit = jnp.sum(emission.shares) * jnp.exp(lattice.centers[0]) * 2.0 * jnp.sinh(0.5 * h)
    lit = (free > _FAINTEST)[:, None]
    ratio = contents[:n_cells] / jnp.where(lit, free[:, None], 1.0)
    ratio = jnp.where(lit, ratio, shares[:, 0])
    lowest = jnp.stack([jnp.ones(()), jnp.exp(lattice.centers[0])])
    pairs, lost = lowest * jnp.sum(doubled, axis=0)
    return CascadeResult(
        log_energy=lattice.centers,
        ratio=ratio.T.reshape(n_channels, n_states, n_cells),
        interacted=unit * counted[:n_cells, :n_channels].T,
        pairs=unit * pairs,
        active=unit * lowest * jnp.sum(active, axis=0),
        below=unit * (below + lost),
        lattice=lattice,
        media=media,
        gained=_comoving(gained, n_cells) / widths,
    )


def _comoving(values: jax.Array, n_cells: int) -> jax.Array:
    """Turn (n_diagonals, rows, n_steps) into (rows, n_steps, n_cells)."""
    rising = jnp.moveaxis(values, 0, -1)
    rows, n_steps, count = rising.shape
    flat = jnp.pad(rising.reshape(rows, -1), ((0, 0), (0, n_steps)))
    return flat.reshape(rows, n_steps, count + 1)[..., :n_cells]


def added_up(each: Iterable[Any]) -> Any:
    """Add up what several mediators do."""
    return jax.tree.map(lambda *values: sum(values), *each)


def _on_diagonals(course: Course, tables: LineTables, steep: bool) -> tuple[jax.Array, Rates]:
    """Find what `Course.at` does on each diagonal but the last."""
    ends = jax.vmap(course.ends)(tables)
    at = jax.vmap(partial(course.at, steep=steep))
    return at(tables.on(slice(-1)), ends[:-1], ends[1:])


def _ladder(
    rates: jax.Array, stride: int, log_lower: jax.Array, h: jax.Array, flat: Crossing
) -> Crossing:
    """Factors for all rates on all diagonals, (n_diagonals, n_rates, 3).

    They depend on the product of rate and energy alone, which takes few values.
    """
    n_diagonals, n_steep = log_lower.shape[0], rates.shape[0] - 1
    log_z = jnp.log(rates[1]) + log_lower[0] + h * np.arange(n_diagonals + stride * (n_steep - 1))
    place = np.arange(n_diagonals)[:, None] + stride * np.arange(n_steep)

    def placed(values: jax.Array, plain: jax.Array) -> jax.Array:
        steep = jnp.moveaxis(values[:, place], 0, -1)
        first = jnp.broadcast_to(plain, (n_diagonals, 1, 3))
        return jnp.concatenate([first, steep], axis=1)

    return jax.tree.map(placed, crossing(jnp.exp(log_z), h), flat)


def _fallen(values: jax.Array, energy: jax.Array) -> jax.Array:
    """Sum number and energy of (n_rates, rows, n_steps) at mean energies (n_rates, n_steps)."""
    return jnp.stack([jnp.sum(values), jnp.sum(values * energy[:, None])])


def _fallen_crossed(
    crossed: dict[tuple[int, int, int], jax.Array],
    exchanges: list[list[Exchange]],
    edge: jax.Array,
    u: jax.Array,
) -> jax.Array:
    total = jnp.zeros(2)
    for (i, n, m), values in crossed.items():
        for root, weight in zip(_ROOTS, _LEGENDRE, strict=True):
            x = 0.5 * (root + 1.0)
            share = 0.5 * weight * (m + 1) * x**m
            met = exchanges[i][n].propagator(x * edge)[:, :, None]
            landed = jnp.sum(share * met * values, axis=(0, 1, 2))
            total = total + jnp.stack([jnp.sum(landed), jnp.sum(landed * x * edge * jnp.exp(-u))])
    return total
