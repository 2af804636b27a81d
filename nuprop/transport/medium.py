"""The relics as one mediator makes neutrinos see them, on a lattice: depths and secondaries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from nuprop.transport.broad import REDSHIFTS, resonance
from nuprop.transport.columns import mean_depth_scale
from nuprop.transport.course import Course, LineTables
from nuprop.transport.exchange import Kernel, Propagators, exponential_weights
from nuprop.transport.interpolation import between, from_sparse, sparse_points
from nuprop.transport.lattice import Lattice
from nuprop.transport.pairs import PairLocal, PairMedium, Pairs
from nuprop.transport.problem import Lines
from nuprop.transport.shapes import shape_redshifts, to_steps
from nuprop.transport.targets import TargetNodes, target_nodes

#: Points at which integrals over x are computed, to an exponential of `decay_rates`.
_FINE = 8


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
    data_fields=["lines", "line", "dispersion", "exchanged", "made"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Tables:
    """What depends on the physical energy, at a few redshifts; (n_diagonals, n_redshifts, ...).

    Attributes
    ----------
    lines : LineTables
    line, dispersion : (..., n_channels, n_states), averages over cells of ln(E).
    exchanged : (..., rows), cross section of all channels but the line.
    made : (..., 2, rows), this times number and times energy of active secondaries.
    """

    lines: LineTables
    line: jax.Array
    dispersion: jax.Array
    exchanged: jax.Array
    made: jax.Array

    def on(self, diagonals: Any) -> Tables:
        """Take those of some diagonals."""
        return jax.tree.map(lambda v: v[diagonals], self)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["active", "line", "amounts", "pairs"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Local:
    """A medium on one diagonal.

    Attributes
    ----------
    active : (2, rows, n_steps), number of active secondaries that one neutrino makes in a step, and
        their share of its energy.
    line : (n_channels, n_states, n_steps), average of the line on each target over the steps.
    amounts : for each kernel (n_channels, node, j, n_steps), prefactor times targets times step.
    pairs : PairLocal or None
    """

    active: jax.Array
    line: jax.Array
    amounts: list[jax.Array]
    pairs: PairLocal | None


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "interaction",
        "to_steps",
        "tables",
        "course",
        "divided",
        "scale",
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
    tables : Tables, of all diagonals.
    course, divided : Course, of whole steps, and of parts that resolve narrow lines.
    scale : (n_steps,), depths of a step for a cross section of 1/M^2.
    nodes : TargetNodes at the steps.
    pairs : PairMedium or None
    """

    interaction: Interaction
    n_channels: int
    to_steps: jax.Array
    tables: Tables
    course: Course
    divided: Course
    scale: jax.Array
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
        shapes = resonance(finer, lines, interaction.gamma)
        in_parts = LineTables.of(shapes, n_channels, n_parts)
        whole = in_parts.undivided()
        line = jnp.moveaxis(in_parts.averages(), 0, -1)
        in_steps = shapes.dispersion.reshape(*shapes.dispersion.shape[:3], -1, n_parts)
        dispersion = jnp.broadcast_to(jnp.mean(in_steps, axis=-1), line.shape)
        relics = lines.relics
        few = target_nodes(relics, lines.masses, at, relics.targets, n_nodes)
        exchanged = _exchanged(interaction, (line, dispersion), few, lattice, stride)
        h = jnp.asarray(lattice.log_width)
        scale = h * mean_depth_scale(u, h, lines) / (2.0 * jnp.pi)
        nodes = target_nodes(relics, lines.masses, u, relics.targets, n_nodes)
        pairs = None
        if interaction.pairs is not None:
            length = _length(interaction, nodes.w)
            length = length if relics.thermal else length[..., :1]
            pairs = PairMedium.of(interaction.pairs, lattice, length, nodes.weight * scale)
        return cls(
            interaction=interaction,
            n_channels=n_channels,
            to_steps=to_steps(lattice, at.shape[0])[::-1],
            tables=Tables(
                lines=whole,
                line=jnp.moveaxis(line, -1, 0),
                dispersion=jnp.moveaxis(dispersion, -1, 0),
                exchanged=jnp.moveaxis(exchanged[:, 0], -1, 0),
                made=jnp.moveaxis(exchanged[:, 1:], -1, 0),
            ),
            course=Course.of(whole, lines, lattice),
            divided=Course.of(in_parts, lines, lattice),
            scale=scale,
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

    def smooth(self, tables: Tables, energy: jax.Array) -> jax.Array:
        """Find depths of steps by all channels but the line, (rows, n_steps); arguments of `at`."""
        smooth = self._interpolated(tables.exchanged) * self.scale
        if self.pairs is not None:
            smooth = smooth + self.pairs.depth(self.pairs.at(energy))
        return smooth

    def at(self, tables: Tables, energy: jax.Array, line: jax.Array) -> Local:
        """Look along the diagonal of an energy [GeV], of its tables; `line` is that of `Local`."""
        averages = self._interpolated(tables.line), self._interpolated(tables.dispersion)
        r = energy / _length(self.interaction, self.nodes.w)
        amounts = [
            _prefactor(kernel, r, averages, self.nodes.weight) * self.scale
            for kernel in self.interaction.kernels
        ]
        lines = self.interaction.lines
        met = jnp.einsum("ij,cjs->cis", lines.strength, line) * self.course.scale[0]
        seen = jnp.sum(lines.yields) * met.reshape(-1, met.shape[-1])
        made = self._interpolated(tables.made) * self.scale
        active = jnp.stack([2.0 * seen + made[0], seen + made[1]])
        pairs = None
        if self.pairs is not None:
            pairs = self.pairs.at(energy)
            seen = self.pairs.pairs.active * self.pairs.depth(pairs)
            active = active + jnp.stack([4.0 * seen, seen])
        return Local(active, line, amounts, pairs)

    def smooth_along(self, log_energy: jax.Array, lattice: Lattice) -> jax.Array:
        """Find `Local.smooth` along the path of a comoving energy, a number."""
        place = (log_energy - lattice.centers[0]) / lattice.log_width
        exchanged = between(self.tables.exchanged, place, lattice.n_steps)
        smooth = jnp.einsum("sxr,sx->rs", exchanged, self.to_steps) * self.scale
        if self.pairs is not None:
            energy = jnp.exp(log_energy + lattice.steps[::-1])
            smooth = smooth + self.pairs.depth(self.pairs.at(energy))
        return smooth

    def _interpolated(self, values: jax.Array) -> jax.Array:
        return jnp.tensordot(values, self.to_steps, axes=(0, 1))

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
        met = jnp.einsum("ij,cjs->cis", lines.strength, here.line) * self.course.scale[0]
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
        met = jnp.sum(met, axis=1) * self.course.scale[0]
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
