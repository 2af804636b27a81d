"""Relics in motion: steps in redshift on a lattice in which a line moves by one cell a step.

Cells are uniform in ln(eps) and steps uniform in u = ln(1 + z), of the same width h. A neutrino of
comoving energy eps has E = eps e^u, so along every diagonal of the lattice the energy is constant
and a resonance at rest would stay on its diagonal: emissivities and line shapes are needed once per
diagonal, the latter with a slow dependence on u through the temperature.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.description import Leaf
from nuprop.relics import line_shape
from nuprop.transport.problem import Emission, Lines, kernel

#: Cells per block of a running sum; the number of cells is a multiple of it.
BLOCK = 32
#: Steps whose depths are computed together; the number of steps is a multiple of it.
CHUNK = 32
#: Redshifts at which the line shape is evaluated; between them its logarithm is interpolated.
SHAPE_NODES = 6
#: Least rms width of a line, in cells: of one at rest, and of one in motion.
WIDTH_AT_REST, WIDTH_IN_MOTION = 1.0, 0.6
#: rms width of a non-relativistic line, in units of T/m: sqrt(<p^2>/3) = 2.0768 T.
RMS_WIDTH = 2.0768


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


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_energy", "ratio", "interacted", "width"],
    meta_fields=[],
)
@dataclass(frozen=True)
class MarchResult:
    """What a march gives.

    Attributes
    ----------
    log_energy : (n_cells,)
    ratio : (n_channels, 3, n_cells)
        Flux over the free flux of all channels and states together, at the centers of the cells.
    interacted : (n_channels, n_cells)
        Interactions per steradian in each cell, over all redshifts, in cm^-2 s^-1 sr^-1.
    width : h
    """

    log_energy: jax.Array
    ratio: jax.Array
    interacted: jax.Array
    width: jax.Array


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_shape", "threshold", "temperature", "floor"],
    meta_fields=[],
)
@dataclass(frozen=True)
class _Shapes:
    """Logarithms of line shapes on the diagonals, at a few redshifts, without e^-|s|."""

    log_shape: jax.Array  # (nodes, beams, 2, 3, diagonals)
    threshold: jax.Array  # (2, 3, diagonals), |W^2 - m^2|/(2 W) in GeV
    temperature: jax.Array
    floor: jax.Array  # (3,) lowest temperature of each line

    def inverse_temperature(self, u: jax.Array) -> jax.Array:
        """1/T of each line, shape u.shape + (3,)."""
        return 1.0 / jnp.maximum(self.temperature * jnp.exp(u)[..., None], self.floor)

    def at_gauss_points(
        self, interpolation: jax.Array, u: jax.Array, first: jax.Array, count: int
    ) -> jax.Array:
        """Compute W phi at the two Gauss points of steps, for `count` diagonals from `first`.

        Returns
        -------
        Array, shape (steps, beams, 2, 3, count).
        """
        slice_of = partial(
            jax.lax.dynamic_slice_in_dim, start_index=first, slice_size=count, axis=-1
        )
        smooth = jnp.einsum("nc,cbgjl->nbgjl", interpolation, slice_of(self.log_shape))
        cold = self.inverse_temperature(u)[:, None, None, :, None]
        return jnp.exp(smooth - slice_of(self.threshold) * cold)


#: Weights of the two Gauss points in the integral over a step, and over its second half.
_STEP_WEIGHTS = np.array([[0.5, 0.5], [0.25 - np.sqrt(3.0) / 8.0, 0.25 + np.sqrt(3.0) / 8.0]])


def least_temperature(width: jax.Array, lines: Lines) -> jax.Array:
    """Temperature [GeV] at which each line is as wide as a lattice needs it, shape (3,)."""
    cells = WIDTH_IN_MOTION if lines.relics.thermal else WIDTH_AT_REST
    return cells * width / RMS_WIDTH * jnp.maximum(jnp.asarray(lines.masses), 1e-30)


def _shapes(lattice: Lattice, lines: Lines) -> tuple[_Shapes, np.ndarray]:
    """Line shapes at the two Gauss points of a step, which lie on either side of a diagonal.

    Relics at rest get a line as wide as a cell; a thermal one narrower than 0.6 h gets that width.
    """
    u = lattice.steps
    count = min(SHAPE_NODES, lattice.n_steps)
    angles = np.pi * (np.arange(count) + 0.5) / count
    at = 0.5 * (u[0] + u[-1]) + 0.5 * (u[0] - u[-1]) * np.cos(angles)
    degrees = np.arange(count)
    coefficients = np.cos(np.outer(degrees, angles)) * np.where(degrees, 2.0, 1.0)[:, None] / count
    positions = np.arccos(np.linspace(1.0, -1.0, lattice.n_steps))
    interpolation = np.cos(np.outer(positions, degrees)) @ coefficients

    relics, masses = lines.relics, jnp.asarray(lines.masses)
    gauss = jnp.array([0.5, -0.5])[:, None, None] / np.sqrt(3.0) * lattice.log_width
    w = 0.5 * lines.mediator_mass**2 * jnp.exp(-lattice.diagonals - gauss)
    threshold = 0.5 * (w - masses[:, None] ** 2 / w)
    blank = _Shapes(
        log_shape=jnp.zeros(()),
        threshold=jnp.abs(threshold),
        temperature=jnp.asarray(relics.temperature if relics.thermal else 0.0),
        floor=least_temperature(lattice.log_width, lines),
    )
    cold = blank.inverse_temperature(at)[:, None, :, None]
    arguments = threshold * cold, w * cold, masses[:, None] * cold
    if relics.thermal:
        shape = line_shape(*arguments, relics.nature, relics.asymmetry, rule="fast")
    else:
        weight = relics.weight_at_rest()[:, None, None, None, None]
        shape = weight * line_shape(*arguments, "majorana", rule="fast")
        shape = jnp.where(lines.massive[:, None], shape, 0.0)
    log_shape = jnp.moveaxis(jnp.log(shape * (w * cold) + 1e-300), 0, 1)
    return _Shapes(log_shape, blank.threshold, blank.temperature, blank.floor), interpolation


def summed_depths(lattice: Lattice, lines: Lines) -> jax.Array:
    """Optical depth tau_i from u_max to today that the steps add up to.

    Returns
    -------
    Array, shape (n_beams, 3, n_cells).
    """
    shapes, interpolation = _shapes(lattice, lines)
    coupling = jnp.asarray(lines.coupling_squared)

    def step(total: jax.Array, inputs: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        row, u, diagonal = inputs
        values = shapes.at_gauss_points(row[None], u[None], diagonal, lattice.n_cells)[0]
        depth = jnp.einsum("ij,bgjk->bik", 0.5 * coupling, values)
        return total + lattice.log_width * lines.depth_scale(u) * depth, None

    zero = jnp.zeros((shapes.log_shape.shape[1], 3, lattice.n_cells))
    diagonals = jnp.arange(lattice.n_steps - 1, -1, -1)
    return jax.lax.scan(step, zero, (jnp.asarray(interpolation), lattice.steps, diagonals))[0]


def _landing(
    interacting: jax.Array, growth: jax.Array, own: jax.Array, spread: jax.Array
) -> jax.Array:
    """Secondaries per cell from interactions per cell, by running sums of the polynomial kernel.

    `interacting` has shape (n_channels, n_cells), `growth` e^{m y}, m = 1, 2, 3, (3, n_cells);
    `own` (out, in) and `spread` (out, in, 3) are the shares that stay in the cell and that go to
    each lower one. The sums run in blocks, as two small products with a triangle. The kernel ends
    at x = 1 with a step, so the sum over cells gets the end correction of Euler and Maclaurin.
    """
    weighted = interacting[:, None, :] / growth
    blocks = weighted.reshape(*weighted.shape[:-1], -1, BLOCK)
    inside = blocks @ np.tril(np.ones((BLOCK, BLOCK)), -1)
    sums = jnp.sum(blocks, axis=-1)
    outside = sums @ np.tril(np.ones((sums.shape[-1],) * 2), -1)
    above = (inside + outside[..., None]).reshape(weighted.shape) * growth
    edge = jnp.pad(interacting, ((0, 0), (1, 1)), mode="edge")
    nearby = own @ (interacting + (edge[:, 2:] - edge[:, :-2]) / 12.0)
    return jnp.maximum(nearby + jnp.einsum("oim,imk->ok", spread, above), 0.0)


def _shares(n_channels: int, h: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Kernel integrated over landing cells and averaged over the emitting cell; exact in number.

    With G(x) = sum_m G_m x^m the number below x, an emitter spread over ln(eps) in its cell sends
    sum_m G_m (1 - e^{-mh})(e^{mh} - 1)/(mh) e^{-m k h} to the k-th cell below.
    """
    power = jnp.arange(1.0, 4.0)
    below = kernel(n_channels) / power
    average = -jnp.expm1(-power * h) / (power * h)
    return jnp.sum(below * (1.0 - average), axis=-1), below * average * jnp.expm1(power * h)


def march(lattice: Lattice, lines: Lines, emission: Emission) -> MarchResult:
    """Solve the transport with relics in thermal motion.

    Parameters
    ----------
    lattice : Lattice
        Should resolve every line: one narrower than 0.6 cells is broadened to that.
    lines : Lines
    emission : Emission
        With shares of shape (1, 3), nu + nubar, or (2, 3), nu and nubar apart.

    Returns
    -------
    MarchResult

    Notes
    -----
    Over a step N -> N e^-t + S (1 + 4 e^-t' + e^-t)/6, where t is the depth of the step, t' that of
    its second half and S what is emitted in it: exact for N, Simpson's rule in time for S. What is
    missing has interacted. Its secondaries are made uniformly over the step and meet the rest of it
    in the same way; what they lose interacts with the next step. Second order in h.
    """
    h = jnp.asarray(lattice.log_width)
    n_channels, n_cells, n_steps = emission.shares.shape[0], lattice.n_cells, lattice.n_steps
    own, spread = _shares(n_channels, h)
    offsets = h * jnp.arange(n_cells)
    growth = jnp.exp(jnp.arange(1.0, 4.0)[:, None] * offsets)
    # contents are flux times width of the cell in eps, in units of the width of the lowest cell
    widths = growth[0]
    shares = (emission.shares / jnp.sum(emission.shares))[..., None]
    yields = lines.yields[:, None]
    weights = jnp.asarray(_STEP_WEIGHTS)[..., None, None] * lines.coupling_squared
    u = lattice.steps
    log_energy = lattice.centers
    if emission.burst:
        u_max = jnp.asarray(emission.u_max)
        initial = emission.rate(u_max) * emission.spectrum_at(log_energy + u_max) * widths
        emitted, rates = jnp.zeros(n_cells + n_steps), jnp.zeros(n_steps)
    else:
        initial = jnp.zeros(n_cells)
        emitted, rates = emission.spectrum_at(lattice.diagonals), h * emission.rate(u)
    shapes, interpolation = _shapes(lattice, lines)
    scale = h * lines.depth_scale(u)

    def step(
        carry: tuple[jax.Array, ...], inputs: tuple[jax.Array, ...]
    ) -> tuple[tuple[jax.Array, ...], None]:
        contents, free, interacted, waiting = carry
        depths, fresh, diagonal = inputs
        slice_of = partial(
            jax.lax.dynamic_slice_in_dim, start_index=diagonal, slice_size=n_cells, axis=-1
        )
        survival = jnp.exp(-slice_of(depths))
        full, late = survival[:, 0], survival[:, 1]
        average = (1.0 + 4.0 * late + full) / 6.0
        fresh = slice_of(fresh) * widths
        source = fresh * shares
        survived = contents * full + source * average
        lost = waiting + jnp.sum(contents * (1.0 - full) + source * (1.0 - average), axis=1)
        made = yields * _landing(lost, growth, own, spread)[:, None, :]
        waiting = jnp.sum(made * (1.0 - average), axis=1)
        return (survived + made * average, free + fresh, interacted + lost, waiting), None

    @jax.checkpoint
    def chunk(
        carry: tuple[jax.Array, ...], inputs: tuple[jax.Array, ...]
    ) -> tuple[tuple[jax.Array, ...], None]:
        rows, u_chunk, scale_chunk, rates_chunk, first = inputs
        count = n_cells + CHUNK
        values = shapes.at_gauss_points(rows, u_chunk, first, count)
        values = values * scale_chunk[:, None, None, None, None]
        depths = jnp.einsum("hgij,nbgjl->nbhil", weights, values)
        fresh = rates_chunk[:, None] * jax.lax.dynamic_slice_in_dim(emitted, first, count)
        within = jnp.arange(CHUNK - 1, -1, -1)
        return jax.lax.scan(step, carry, (depths, fresh, within))

    def in_chunks(values: jax.Array) -> jax.Array:
        return values.reshape(n_steps // CHUNK, CHUNK, *values.shape[1:])

    nothing = jnp.zeros((n_channels, n_cells))
    carry = (
        jnp.broadcast_to(initial * shares, (n_channels, 3, n_cells)),
        initial,
        nothing,
        nothing,
    )
    firsts = jnp.arange(n_steps - CHUNK, -1, -CHUNK)
    per_step = tuple(in_chunks(v) for v in (jnp.asarray(interpolation), u, scale, rates))
    (contents, free, interacted, waiting), _ = jax.lax.scan(chunk, carry, (*per_step, firsts))
    contents = contents + yields * _landing(waiting, growth, own, spread)[:, None, :]
    unit = jnp.sum(emission.shares) * jnp.exp(log_energy[0]) * 2.0 * jnp.sinh(0.5 * h)
    positive = free > 0.0
    return MarchResult(
        log_energy=log_energy,
        ratio=jnp.where(positive, contents / jnp.where(positive, free, 1.0), shares),
        interacted=unit * (interacted + waiting),
        width=h,
    )
