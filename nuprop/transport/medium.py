"""The relics as one mediator makes neutrinos see them, on a lattice: depths and secondaries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.transport.broad import REDSHIFTS, column_growth, resonance
from nuprop.transport.exchange import Kernel, Propagators, exponential_weights
from nuprop.transport.interpolation import between, from_sparse, sparse_points
from nuprop.transport.lattice import Lattice
from nuprop.transport.pairs import PairLocal, PairMedium, Pairs
from nuprop.transport.problem import Lines
from nuprop.transport.shapes import shape_redshifts, to_points, to_steps
from nuprop.transport.targets import TargetNodes, target_nodes

#: Points at which integrals over x are computed, to an exponential of `decay_rates`.
_FINE = 8
#: Ends of quarters of a part, and the weights by which values there make a mean (Boole).
_QUARTERS = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])
_BOOLE = np.array([7.0, 32.0, 12.0, 32.0, 7.0]) / 90.0


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["lines", "gamma", "kernels", "pairs"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Interaction:
    """One mediator: its resonance, and scattering in all other channels.

    Attributes
    ----------
    lines : Lines
    gamma : Gamma/M
    kernels : tuple of Kernel, without the squared s channel.
    pairs : Pairs or None, if two of a scalar are produced.
    """

    lines: Lines
    gamma: jax.Array
    kernels: tuple[Kernel, ...]
    pairs: Pairs | None = None


@dataclass(frozen=True)
class Exchange:
    """Kernels that share a propagator, on every target and at every step; (node, j, n_steps).

    Attributes
    ----------
    length, partner : energies at which the propagators fall [GeV].
    propagators : as in `Kernel`
    crossed : whether they depend on the outgoing energy, or on the energy lost.
    powers : powers of x in the kernels.
    kernels : numbers of the kernels.
    weights : (n_rates, node, j, n_steps), of exponentials in the energy lost.
    """

    length: jax.Array
    partner: jax.Array
    propagators: Propagators
    crossed: bool
    powers: tuple[int, ...]
    kernels: tuple[int, ...]
    weights: jax.Array | None

    def propagator(self, energy: jax.Array) -> jax.Array:
        """Evaluate that of the u channel at an outgoing energy, (node, j, n_steps)."""
        first = 1.0 / (1.0 + energy / self.length)
        if self.propagators == "pair":
            return first / (1.0 + energy / self.partner)
        return first ** int(self.propagators)

    def spread(
        self, amount: jax.Array, slope: jax.Array, leave: jax.Array, tilt: jax.Array
    ) -> jax.Array:
        """Turn what was made in cells into exponentials below them, (n_rates, rows, n_steps).

        `amount` and its slope are (node, j, rows, n_steps), their factors (n_rates,).
        """
        assert self.weights is not None
        nodes, targets = amount.shape[:2]
        leave, tilt = leave[:, None, None], tilt[:, None, None]
        return sum(  # type: ignore[return-value]
            self.weights[:, q, j, None] * (leave * amount[q, j] + tilt * slope[q, j])
            for q in range(nodes)
            for j in range(targets)
        )


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_line", "log_middle", "log_end", "dispersion", "exchanged", "made"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Tables:
    """What depends on the physical energy, at a few redshifts.

    Attributes
    ----------
    log_line, log_middle, log_end : (n_diagonals, n_parts, n_redshifts, n_channels, n_states)
        See `Resonance`; of parts of a step, latest first.
    dispersion : (n_diagonals, n_redshifts, n_channels, n_states)
    exchanged : (n_diagonals, n_redshifts, rows), cross section of all channels but the line.
    made : (n_diagonals, n_redshifts, 2, rows)
        This times number and times energy of active secondaries.
    """

    log_line: jax.Array
    log_middle: jax.Array
    log_end: jax.Array
    dispersion: jax.Array
    exchanged: jax.Array
    made: jax.Array

    def on(self, diagonals: Any) -> Tables:
        """Take those of some diagonals."""
        return jax.tree.map(lambda v: v[diagonals], self)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["parts", "middles", "ends", "smooth", "active", "line", "amounts", "pairs"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Local:
    """A medium on one diagonal.

    Attributes
    ----------
    parts : (n_parts, rows, n_steps), depths of parts of each step, the earliest first.
    middles : of the same shape, as if they were all along what they are in their middle.
    ends : (n_parts, rows, n_steps + 1), depth of the line alone that parts would have if it were all
        along what it is at their ends; one step more, before the first.
    smooth : (rows, n_steps), depth of a step in all channels but the line.
    active : (2, rows, n_steps), number of active secondaries that one neutrino makes in a step, and
        their share of its energy.
    line : (n_channels, n_states, n_steps), average of the line on each target.
    amounts : for each kernel (n_channels, node, j, n_steps), prefactor times targets times step.
    pairs : PairLocal or None
    """

    parts: jax.Array
    middles: jax.Array
    ends: jax.Array
    smooth: jax.Array
    active: jax.Array
    line: jax.Array
    amounts: list[jax.Array]
    pairs: PairLocal | None


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "interaction",
        "to_steps",
        "to_points",
        "tables",
        "line_scale",
        "scale",
        "part_scale",
        "end_scale",
        "growth",
        "nodes",
        "pairs",
    ],
    meta_fields=["n_channels"],
)
@dataclass(frozen=True)
class Medium:
    """One mediator on a lattice.

    Attributes
    ----------
    interaction : Interaction
    n_channels : int
    to_steps : (n_steps, n_redshifts), interpolation to the middle of steps; rising in redshift.
    to_points : (4 n_parts n_steps + 1, n_redshifts), the same to the ends of quarters of parts.
    tables : Tables, of all diagonals.
    line_scale, scale : (n_steps,), depths of a step for a unit of either.
    part_scale, end_scale : (n_parts, n_steps), latest first, and (n_parts, n_steps + 1)
        Depths of parts of a step for a unit of `log_line`, as it is in them and at their ends.
    growth : (5, n_parts n_steps), column of relics at the ends of quarters over that in the middle.
    nodes : TargetNodes at the steps.
    pairs : PairMedium or None
    """

    interaction: Interaction
    n_channels: int
    to_steps: jax.Array
    to_points: jax.Array
    tables: Tables
    line_scale: jax.Array
    scale: jax.Array
    part_scale: jax.Array
    end_scale: jax.Array
    growth: jax.Array
    nodes: TargetNodes
    pairs: PairMedium | None

    @classmethod
    def of(
        cls,
        interaction: Interaction,
        lattice: Lattice,
        n_channels: int,
        *,
        n_nodes: int,
        n_parts: int,
        stride: int,
    ) -> Medium:
        """Prepare all that depends on the energy in the middle of a step, or on redshift alone.

        Arguments are those of `cascade`.
        """
        lines, u = interaction.lines, lattice.steps[::-1]
        finer = lattice.divided(n_parts)
        at = shape_redshifts(finer, lines, REDSHIFTS)
        count, n_steps = at.shape[0], lattice.n_steps
        ends = np.minimum(np.arange((n_steps + 1) * n_parts), n_steps * n_parts)
        shapes = resonance(finer, lines, interaction.gamma)
        log_line, log_middle, log_end, dispersion = (
            jnp.broadcast_to(v, (v.shape[0], n_channels, *v.shape[2:])).reshape(
                *(v.shape[0], n_channels, lines.n_states, -1, n_parts)
            )
            for v in (shapes.log_line, shapes.log_middle, shapes.log_end, shapes.dispersion)
        )
        line, dispersion = jnp.mean(jnp.exp(log_line), axis=-1), jnp.mean(dispersion, axis=-1)
        relics = lines.relics
        few = target_nodes(relics, lines.masses, at, relics.targets, n_nodes)
        exchanged = _exchanged(interaction, (line, dispersion), few, lattice, stride)
        h = jnp.asarray(lattice.log_width)
        line_scale = h * lines.depth_scale(u)
        scale = line_scale / (2.0 * jnp.pi)
        nodes = target_nodes(relics, lines.masses, u, relics.targets, n_nodes)
        pairs = None
        if interaction.pairs is not None:
            length = _length(interaction, nodes.w)
            length = length if relics.thermal else length[..., :1]
            pairs = PairMedium.of(interaction.pairs, lattice, length, nodes.weight * scale)
        return cls(
            interaction=interaction,
            n_channels=n_channels,
            to_steps=to_steps(lattice, count)[::-1],
            to_points=to_points(finer, count, 4)[::-1],
            tables=Tables(
                log_line=jnp.moveaxis(log_line, (3, 4), (0, 1)),
                log_middle=jnp.moveaxis(log_middle, (3, 4), (0, 1)),
                log_end=jnp.moveaxis(log_end, (3, 4), (0, 1)),
                dispersion=jnp.moveaxis(dispersion, -1, 0),
                exchanged=jnp.moveaxis(exchanged[:, 0], -1, 0),
                made=jnp.moveaxis(exchanged[:, 1:], -1, 0),
            ),
            line_scale=line_scale,
            scale=scale,
            part_scale=finer.log_width
            * lines.depth_scale(finer.steps[::-1]).reshape(-1, n_parts).T,
            end_scale=finer.log_width
            * lines.depth_scale(finer.log_width * ends.reshape(-1, n_parts).T),
            growth=column_growth(finer.steps[::-1], finer.log_width * _QUARTERS[:, None], lines),
            nodes=nodes,
            pairs=pairs,
        )

    @property
    def shortest(self) -> jax.Array:
        """The least energy at which a propagator falls [GeV]."""
        lengths = [jnp.min(_length(self.interaction, self.nodes.w))]
        for kernel in self.interaction.kernels:
            lengths.append(lengths[0] / kernel.scale)
            if kernel.propagators == "pair":
                lengths.append(lengths[0] / kernel.partner)
        return jnp.min(jnp.stack(lengths))

    def exchanges(self, rates: jax.Array) -> list[Exchange]:
        """Collect the kernels by their propagators; those without one come first."""
        collected: dict[Any, list[int]] = {}
        kernels = self.interaction.kernels
        for number, kernel in enumerate(kernels):
            plain = kernel.propagators == 0
            key = (kernel.propagators, kernel.crossed and not plain, plain or kernel.masses)
            collected.setdefault(key, []).append(number)
        made = []
        length = _length(self.interaction, self.nodes.w)
        for (propagators, crossed, _), numbers in collected.items():
            first = kernels[numbers[0]]
            own_length, partner = length / first.scale, length / first.partner
            weights = None
            if propagators != 0 and not crossed:
                weights = exponential_weights(rates, own_length, propagators, partner)
            made.append(
                Exchange(
                    length=own_length,
                    partner=partner,
                    propagators=propagators,
                    crossed=crossed,
                    powers=tuple(sorted({m for n in numbers for m, _ in kernels[n].polynomial})),
                    kernels=tuple(numbers),
                    weights=weights,
                )
            )
        return made

    def at(self, tables: Tables, energy: jax.Array) -> Local:
        """Look along the diagonal of an energy [GeV]; `tables` are those of the diagonal."""

        def interpolated(values: jax.Array) -> jax.Array:
            return jnp.tensordot(values, self.to_steps, axes=(0, 1))

        n_parts, n_steps = self.part_scale.shape
        middles = self.to_points[2::4].reshape(n_steps, n_parts, -1)
        ends = jnp.pad(self.to_points[::4], ((0, n_parts - 1), (0, 0)))
        ends = ends.reshape(n_steps + 1, n_parts, -1)
        in_parts, in_middle, at_ends = (
            jnp.exp(jnp.einsum("qxcj,sqx->qcjs", table, weights))
            for table, weights in (
                (tables.log_line, middles),
                (tables.log_middle, middles),
                (tables.log_end, ends),
            )
        )
        line, dispersion = jnp.mean(in_parts, axis=0), interpolated(tables.dispersion)
        parts, middles = (self._met(v, self.part_scale)[::-1] for v in (in_parts, in_middle))
        smooth = interpolated(tables.exchanged) * self.scale
        made = interpolated(tables.made) * self.scale
        r = energy / _length(self.interaction, self.nodes.w)
        amounts = [
            _prefactor(kernel, r, (line, dispersion), self.nodes.weight) * self.scale
            for kernel in self.interaction.kernels
        ]
        on_line = jnp.sum(parts, axis=0)
        share = jnp.sum(self.interaction.lines.yields)
        active = jnp.stack([2.0 * share * on_line + made[0], share * on_line + made[1]])
        pairs = None
        if self.pairs is not None:
            pairs = self.pairs.at(energy)
            four = self.pairs.depth(pairs)
            seen = self.pairs.pairs.active * four
            smooth = smooth + four
            active = active + jnp.stack([4.0 * seen, seen])
        return Local(
            parts=parts + smooth / n_parts,
            middles=middles + smooth / n_parts,
            ends=self._met(at_ends, self.end_scale),
            smooth=smooth,
            active=active,
            line=line,
            amounts=amounts,
            pairs=pairs,
        )

    def along(self, log_energy: jax.Array, lattice: Lattice) -> tuple[jax.Array, ...]:
        """Find depths along the path of a comoving energy: parts, middles, ends and smooth.

        As in `Local`, without `smooth` in the others; `log_energy` is a number.
        """
        n_parts, n_steps = self.part_scale.shape
        place = (log_energy - lattice.centers[0]) / lattice.log_width
        ends_and_middles = jnp.stack([_flat(self.tables.log_end), _flat(self.tables.log_middle)], 1)
        points, start = _flat(ends_and_middles), 2.0 * n_parts * place
        count = 2 * n_parts * n_steps
        at_points = between(points, start, count + 1)
        at_points = jnp.exp(jnp.einsum("pxcj,px->pcj", at_points, self.to_points[::2]))
        at_quarters = between(points, start + 0.5, count)
        at_quarters = jnp.exp(jnp.einsum("pxcj,px->pcj", at_quarters, self.to_points[1::2]))
        first, middle, last = at_points[:-1:2], at_points[1::2], at_points[2::2]
        five = jnp.stack([first, at_quarters[::2], middle, at_quarters[1::2], last])
        in_parts = jnp.einsum("q,qp,qpcj->pcj", _BOOLE, self.growth, five)
        exchanged = between(self.tables.exchanged, place, n_steps)
        smooth = jnp.einsum("sxr,sx->rs", exchanged, self.to_steps) * self.scale
        if self.pairs is not None:
            energy = jnp.exp(log_energy + lattice.steps[::-1])
            smooth = smooth + self.pairs.depth(self.pairs.at(energy))
        at_ends = jnp.pad(at_points[::2], ((0, n_parts - 1), (0, 0), (0, 0)))

        def met(values: jax.Array, scale: jax.Array) -> jax.Array:
            ordered = values.reshape(-1, n_parts, *values.shape[1:])
            return self._met(jnp.moveaxis(ordered, 0, -1), scale)

        parts, middles = (met(v, self.part_scale)[::-1] for v in (in_parts, middle))
        return parts, middles, met(at_ends, self.end_scale), smooth

    def _met(self, line: jax.Array, scale: jax.Array) -> jax.Array:
        """Turn values of the line, (n_parts, n_channels, j, n), into depths (n_parts, rows, n)."""
        met = jnp.einsum("ij,qcjs->qcis", self.interaction.lines.strength, line)
        return met.reshape(met.shape[0], -1, met.shape[-1]) * scale[:, None]

    def returned(
        self,
        here: Local,
        exchanges: list[Exchange],
        stay: jax.Array,
        plain_stay: jax.Array,
        energy: jax.Array,
    ) -> jax.Array:
        """Count what lands in the cell itself [out, in] of one neutrino that stays for a step.

        `stay` are the shares (n_rates, 3) of rates and powers of x, `plain_stay` (3,) those without
        a propagator.
        """
        share: Any
        lines = self.interaction.lines
        n_states, rows = lines.n_states, lines.n_states * self.n_channels
        kernel = lines.kernel(self.n_channels) @ plain_stay
        met = jnp.einsum("ij,cjs->cis", lines.strength, here.line) * self.line_scale
        total = kernel[:, None, :, None, None] * lines.yields[:, None, None, None] * met
        staying: list[tuple[int, jax.Array]] = []
        for exchange in exchanges:
            if exchange.weights is None:
                share = plain_stay[:, None, None, None] * jnp.ones_like(exchange.length)
                if exchange.crossed:
                    share = share * exchange.propagator(energy)
            else:
                share = {
                    m: jnp.tensordot(stay[:, m], exchange.weights, axes=1) for m in exchange.powers
                }
            for number in exchange.kernels:
                polynomial = sum(
                    factor * share[m] for m, factor in self.interaction.kernels[number].polynomial
                )
                staying.append((number, jnp.sum(here.amounts[number] * polynomial, axis=1)))
        total = total.reshape(rows, self.n_channels, n_states, -1)
        if staying:
            yields = jnp.stack([self.interaction.kernels[n].yields for n, _ in staying])
            matrix = jnp.moveaxis(yields, (1, 5, 2, 3, 0, 4), (0, 1, 2, 3, 4, 5))
            matrix = matrix.reshape(rows, self.n_channels, n_states, -1)
            for c in range(self.n_channels):
                met = jnp.stack([amount[min(c, amount.shape[0] - 1)] for _, amount in staying])
                total = total.at[:, c].add(matrix[:, c] @ met.reshape(matrix.shape[-1], -1))
        total = total.reshape(rows, rows, -1)
        if self.pairs is not None and here.pairs is not None:
            total = total + self.pairs.returned(here.pairs)
        return total

    def resonant(self, here: Local, mean: jax.Array) -> jax.Array:
        """Sum what interacts on the line, by power of x and outgoing state (3, rows, n_steps)."""
        lines = self.interaction.lines
        beam = mean.reshape(self.n_channels, lines.n_states, -1)
        met = jnp.einsum("ij,cis->cjs", lines.strength, beam) * here.line
        met = jnp.sum(met, axis=1) * self.line_scale
        made = jnp.einsum("ocm,cs->mos", lines.kernel(self.n_channels), met)
        made = made[:, :, None] * lines.yields[:, None]
        return made.reshape(3, lines.n_states * self.n_channels, -1)

    def sources(self, here: Local, mean: jax.Array) -> list[jax.Array]:
        """Count what interacts by each kernel, (node, j, rows, n_steps)."""
        kernels = self.interaction.kernels
        if not kernels:
            return []
        n_states = self.interaction.lines.n_states
        rows = n_states * self.n_channels
        beam = mean.reshape(self.n_channels, n_states, -1)
        yields = jnp.stack([kernel.yields for kernel in kernels])
        matrix = jnp.moveaxis(yields, (2, 0, 4, 1, 5, 3), (0, 1, 2, 3, 4, 5))
        matrix = matrix.reshape(self.n_channels, -1, n_states)
        made: list[Any] = [0.0] * len(kernels)
        for c in range(self.n_channels):
            per_target = (matrix[c] @ beam[c]).reshape(len(kernels), n_states, rows, -1)
            for number, amounts in enumerate(here.amounts):
                amount = amounts[min(c, amounts.shape[0] - 1)]
                made[number] = made[number] + amount[:, :, None] * per_target[number]
        return made

    def by_power(self, exchange: Exchange, made: list[jax.Array]) -> dict[int, jax.Array]:
        """Sum what kernels of one propagator make, by power of x."""
        powers: dict[int, jax.Array] = {}
        for number in exchange.kernels:
            for m, factor in self.interaction.kernels[number].polynomial:
                powers[m] = powers.get(m, 0.0) + factor * made[number]
        return powers


def _flat(values: jax.Array) -> jax.Array:
    return values.reshape(-1, *values.shape[2:])


def _length(interaction: Interaction, w: jax.Array) -> jax.Array:
    """M^2/(2 W), over which an energy is s/M^2; huge for a massless relic at rest."""
    return 0.5 * jnp.asarray(interaction.lines.mediator_mass) ** 2 / jnp.maximum(w, 1e-40)


def _prefactor(
    kernel: Kernel, r: jax.Array, averages: tuple[jax.Array, jax.Array], weight: jax.Array
) -> jax.Array:
    """a(r) averaged over the relics' motion, times their number; (n_channels or 1, node, j, ...).

    Of 1/D the average is known, see `Resonance`; what is smooth takes a few nodes in W.
    """
    if kernel.prefactor == "t":
        return (weight * r)[None]
    if kernel.prefactor == "tu":
        q, p = kernel.scale, kernel.partner
        return (weight * r * q / (q + p + q * p * r))[None]
    share = weight / jnp.maximum(jnp.sum(weight, axis=0), 1e-30)
    line, dispersion = averages
    if kernel.prefactor == "re":
        return dispersion[:, None] * share
    return -jnp.pi * line[:, None] * share


def _exchanged(
    interaction: Interaction,
    averages: tuple[jax.Array, jax.Array],
    nodes: TargetNodes,
    lattice: Lattice,
    stride: int,
) -> jax.Array:
    """Cross sections times M^2 of all channels but the line, (n_redshifts, 3, rows, n_diagonals).

    Of cross section, and cross section times number and times energy of active secondaries, see
    `Tables`. Integrals over x are smooth in ln(E), and interpolated.
    """
    log_energy = lattice.diagonals
    every = max(1, stride // _FINE)
    sparse = sparse_points(log_energy, lattice.log_width, every)

    def at_redshift(inputs: tuple[jax.Array, ...]) -> jax.Array:
        w, weight, line, dispersion = inputs
        length = _length(interaction, w[..., None])
        r, few = jnp.exp(log_energy) / length, jnp.exp(sparse) / length
        total = [jnp.zeros_like(line)] * 3
        for kernel in interaction.kernels:
            prefactor = _prefactor(kernel, r, (line, dispersion), weight[..., None])
            number, share = (
                jnp.sum(
                    prefactor * from_sparse(kernel.moment(few, power), every, r.shape[-1]), axis=1
                )
                for power in (0, 1)
            )
            yields = jnp.sum(kernel.yields, axis=(0, 4))
            for i, (couplings, amount) in enumerate(
                [(kernel.removal, number), (yields, number), (yields, share)]
            ):
                total[i] = total[i] + jnp.einsum("cij,cjd->cid", couplings, amount)
        return jnp.stack(total).reshape(3, -1, log_energy.shape[0])

    per_redshift = (jnp.moveaxis(v, -1, 0) for v in (nodes.w, nodes.weight))
    return jax.lax.map(at_redshift, (*per_redshift, *averages))
