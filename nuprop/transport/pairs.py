"""Two scalars from one neutrino and a relic, and the four neutrinos they decay to, on a lattice.

Their spectrum has edges where the scalars' energies end, which move with s: nothing that factorizes
in the energies in and out. What lands in each lower cell is looked up in a table of s and of the
distance in cells, and added to what waits there: for this channel alone a number of operations that
grows with the square of the number of cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.mediators.scattering.pairs import PairProduction, pair_yields_below
from nuprop.transport.lattice import Lattice

#: Rows of a table, evenly spaced in the rapidity of the scalars in the center of mass, and the
#: least one: sigma is (0.02)^3 there, and rounding still far below it.
_ROWS, _SLOWEST = 1024, 0.02
_ROOTS, _LEGENDRE = np.polynomial.legendre.leggauss(4)
_NODES, _WEIGHTS = 0.5 * (_ROOTS + 1.0), 0.5 * _LEGENDRE


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["strength", "shares"],
    meta_fields=["complex_field", "yukawa"],
)
@dataclass(frozen=True)
class Pairs:
    """What makes two scalars, for nu + nubar together or apart.

    Attributes
    ----------
    strength : (n_channels, n_states, n_states)
        |(lambda lambda^dagger)_ij|^2 times targets over the density of one helicity [in, i, j].
    shares, complex_field, yukawa : as in `PairProduction`
    """

    strength: jax.Array
    shares: jax.Array
    complex_field: bool
    yukawa: bool

    @classmethod
    def of(
        cls,
        production: PairProduction,
        n_channels: int,
        density: jax.Array,
        abundance: jax.Array | None,
    ) -> Pairs:
        """Take the targets of the other species; `density` as in `kernels_of`."""
        strength = production.strength if abundance is None else production.strength * abundance
        return cls(
            strength=density[:n_channels, 1, None, None] * strength,
            shares=production.shares,
            complex_field=production.complex_field,
            yukawa=production.yukawa,
        )

    @property
    def active(self) -> float:
        """Share of the decay products that are active."""
        return 0.5 if self.yukawa else 1.0

    @property
    def spectra(self) -> tuple[tuple[str, ...], ...]:
        """Vertices whose neutrinos belong to one channel: the beam's, and another one if different.

        Two of each scalar, as `pair_density` counts them.
        """
        if self.strength.shape[0] == 1:
            return (("beam", "target"),) if self.complex_field else (("either", "either"),)
        return (("beam",), ("target",)) if self.complex_field else (("either",),)


@partial(jax.tree_util.register_dataclass, data_fields=["row", "share", "number"], meta_fields=[])
@dataclass(frozen=True)
class PairLocal:
    """Production of pairs on one diagonal.

    Attributes
    ----------
    row, share : (node, j, n_steps or 1), place in the table.
    number : (node, j, n_steps), sigma M^2 times targets times step, for a strength of 1.
    """

    row: jax.Array
    share: jax.Array
    number: jax.Array


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "pairs",
        "length",
        "amount",
        "rapidities",
        "sigma",
        "staying",
        "landing",
        "below",
    ],
    meta_fields=[],
)
@dataclass(frozen=True)
class PairMedium:
    """Production of pairs on a lattice.

    Attributes
    ----------
    pairs : Pairs
    length : (node, j, n_steps or 1), M^2/(2 W).
    amount : (node, j, n_steps), targets times step.
    rapidities : (least, spacing) of the rows.
    sigma : (n_rows,), M^2 sigma for a strength of 1.
    staying : (n_spectra, n_rows), active neutrinos of one interaction in the cell itself.
    landing : (n_spectra, n_rows, n_cells), in those below it.
    below : (n_spectra, 2, n_rows, n_cells)
        Number and energy, over that of the beam, of those that land below these cells.
    """

    pairs: Pairs
    length: jax.Array
    amount: jax.Array
    rapidities: tuple[jax.Array, jax.Array]
    sigma: jax.Array
    staying: jax.Array
    landing: jax.Array
    below: jax.Array

    @classmethod
    def of(cls, pairs: Pairs, lattice: Lattice, length: jax.Array, amount: jax.Array) -> PairMedium:
        """Make the table; `length` and `amount` are (node, j, n_steps)."""
        top = jnp.exp(lattice.diagonals[-1]) / jnp.min(length)
        fastest = jnp.maximum(jnp.arccosh(jnp.sqrt(jnp.maximum(top, 4.1)) / 2.0), 0.2)
        spacing = (fastest - _SLOWEST) / (_ROWS - 1)
        r = 4.0 * jnp.cosh(_SLOWEST + spacing * jnp.arange(_ROWS)) ** 2
        h = jnp.asarray(lattice.log_width)
        loss = h * (jnp.arange(lattice.n_cells)[:, None] + _NODES)

        def row(r: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
            landing, below = [], []
            for vertices in pairs.spectra:
                each = [pair_yields_below(loss, r, vertex) for vertex in vertices]
                number, energy = (sum(values) for values in zip(*each, strict=True))
                total = sum(pair_yields_below(0.0, r, vertex)[0] for vertex in vertices)
                two_each = 2.0 * len(vertices)
                sigma = total / two_each
                unit = pairs.active / sigma
                number = unit * (number @ _WEIGHTS)
                energy = unit * ((energy * jnp.exp(h * (_NODES - 0.5))) @ _WEIGHTS)
                whole = jnp.full(1, pairs.active * two_each)
                above = jnp.concatenate([whole, number[:-1]])
                landing.append(above - number)
                below.append(jnp.stack([number, energy]))
            return sigma, jnp.stack(landing), jnp.stack(below)

        sigma, landing, below = jax.lax.map(row, r)
        landing = jnp.moveaxis(landing, 1, 0)
        return cls(
            pairs=pairs,
            length=length,
            amount=amount,
            rapidities=(jnp.asarray(_SLOWEST), spacing),
            sigma=sigma,
            staying=landing[:, :, 0],
            landing=jnp.pad(landing[:, :, 1:], ((0, 0), (0, 0), (0, 1))),
            below=jnp.moveaxis(below, (1, 2), (0, 1)),
        )

    def at(self, energy: jax.Array) -> PairLocal:
        """Look at a physical energy [GeV]."""
        least, spacing = self.rapidities
        r = energy / self.length
        is_open = r > 4.0 * jnp.cosh(least) ** 2
        rapidity = jnp.arccosh(0.5 * jnp.sqrt(jnp.where(is_open, r, 8.0)))
        place = jnp.where(is_open, (rapidity - least) / spacing, 0.0)
        row = jnp.clip(place.astype(int), 0, _ROWS - 2)
        share = jnp.clip(place - row, 0.0, 1.0)
        sigma = (1.0 - share) * self.sigma[row] + share * self.sigma[row + 1]
        return PairLocal(row, share, jnp.where(is_open, sigma, 0.0) * self.amount)

    def depth(self, here: PairLocal) -> jax.Array:
        """Depth of each step, (rows, n_steps)."""
        depth = jnp.einsum("cij,qjs->cis", self.pairs.strength, here.number)
        return depth.reshape(-1, depth.shape[-1])

    def returned(self, here: PairLocal) -> jax.Array:
        """Count what lands in the cell itself [out, in] of one neutrino that stays for a step."""
        strength = self.pairs.strength
        n = strength.shape[0]
        met = [
            jnp.einsum("cij,qjs->cis", strength, here.number * self._looked_up(column, here))
            for column in self.staying
        ]
        total = jnp.stack([jnp.stack([met[self._of(o, c)][c] for c in range(n)]) for o in range(n)])
        total = self.pairs.shares[:, None, None, None] * total[:, None]
        return total.reshape(n * strength.shape[1], n * strength.shape[1], -1)

    def made(self, here: PairLocal, mean: jax.Array) -> jax.Array:
        """Count the interactions, (n_channels, node, j, n_steps)."""
        beam = mean.reshape(*self.pairs.strength.shape[:2], -1)
        return jnp.einsum("cij,cis->cjs", self.pairs.strength, beam)[:, None] * here.number

    def nothing(self, n_steps: int) -> jax.Array:
        """Give what waits before the first diagonal, (n_spectra, n_steps, n_cells)."""
        return jnp.zeros((self.landing.shape[0], n_steps, self.landing.shape[-1]))

    def gained(self, waiting: jax.Array) -> jax.Array:
        """Take what lands on this diagonal, (rows, n_steps)."""
        n_channels, n_states, _ = self.pairs.strength.shape
        landed = jnp.broadcast_to(waiting[:, :, 0], (n_channels, waiting.shape[1]))
        rows = landed[:, None] * self.pairs.shares[:, None]
        return rows.reshape(n_channels * n_states, -1)

    def after(self, waiting: jax.Array, here: PairLocal, made: jax.Array) -> jax.Array:
        """Move on to the next diagonal, with what was made on this one."""
        moved = jnp.pad(waiting[:, :, 1:], ((0, 0), (0, 0), (0, 1)))

        @jax.checkpoint  # a gradient looks the spectra up again: all of them would fill the memory
        def spread(row: jax.Array, share: jax.Array, made: jax.Array) -> jax.Array:
            places = []
            for o in range(waiting.shape[0]):
                total: Any = 0.0
                for p, table in enumerate(self.landing):
                    amounts = self._by_spectrum(made, o, p)
                    for q, j in np.ndindex(*row.shape[:2]):
                        part = share[q, j, :, None]
                        spectrum = (1.0 - part) * table[row[q, j]] + part * table[row[q, j] + 1]
                        total = total + amounts[q, j, :, None] * spectrum
                places.append(total)
            return jnp.stack(places)

        return moved + spread(here.row, here.share, made)

    def fallen(self, here: PairLocal, made: jax.Array, cell: jax.Array) -> jax.Array:
        """Count number and energy, over the beam's, that land below the lattice, (2, n_steps).

        `cell` are the numbers of the cells, (n_steps,), counted from the lowest.
        """
        total = jnp.zeros((2, cell.shape[0]))
        n_channels = made.shape[0]
        for o in range(n_channels):
            for c in range(n_channels):
                table = self.below[self._of(o, c)]
                low, high = table[:, here.row, cell], table[:, here.row + 1, cell]
                share = (1.0 - here.share) * low + here.share * high
                total = total + jnp.sum(made[c] * share, axis=(1, 2))
        return total

    def _of(self, out: int, beam: int) -> int:
        """Which spectrum goes from one channel to another."""
        return 0 if out == beam else len(self.pairs.spectra) - 1

    def _by_spectrum(self, made: jax.Array, out: int, spectrum: int) -> jax.Array:
        """Sum the interactions of which this spectrum waits in this place, (node, j, n_steps)."""
        if self.landing.shape[0] == 1:
            return jnp.sum(made, axis=0)
        return made[out ^ spectrum]

    def _looked_up(self, column: jax.Array, here: PairLocal) -> jax.Array:
        return (1.0 - here.share) * column[here.row] + here.share * column[here.row + 1]
