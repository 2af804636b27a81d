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

from nuprop.transport.columns import gauss_rule, step_depths
from nuprop.transport.edges import left_out_today
from nuprop.transport.lattice import BLOCK, CHUNK, Lattice
from nuprop.transport.problem import Emission, Lines
from nuprop.transport.shapes import line_shapes

#: Flux, in units of the width of the lowest cell, whose square still is a number.
_FAINTEST = 1e-140


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
    ratio : (n_channels, n_states, n_cells)
        Flux over the free flux of all channels and states together, at the centers of the cells.
    interacted : (n_channels, n_cells)
        Interactions per steradian in each cell, over all redshifts, in cm^-2 s^-1 sr^-1.
    width : h
    """

    log_energy: jax.Array
    ratio: jax.Array
    interacted: jax.Array
    width: jax.Array


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


def _shares(kernel: jax.Array, h: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Kernel integrated over landing cells and averaged over the emitting cell; exact in number.

    With G(x) = sum_m G_m x^m the number below x, an emitter spread over ln(eps) in its cell sends
    sum_m G_m (1 - e^{-mh})(e^{mh} - 1)/(mh) e^{-m k h} to the k-th cell below.
    """
    power = jnp.arange(1.0, 4.0)
    below = kernel / power
    average = -jnp.expm1(-power * h) / (power * h)
    return jnp.sum(below * (1.0 - average), axis=-1), below * average * jnp.expm1(power * h)


def march(lattice: Lattice, lines: Lines, emission: Emission) -> MarchResult:
    """Solve the transport with relics in thermal motion.

    Parameters
    ----------
    lattice : Lattice
        Should resolve every line; narrower ones are broadened, see `line_shapes`.
    lines : Lines
    emission : Emission
        With shares of one channel, nu + nubar, or of two, nu and nubar apart.

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
    n_states = lines.n_states
    own, spread = _shares(lines.kernel(n_channels), h)
    offsets = h * jnp.arange(n_cells)
    growth = jnp.exp(jnp.arange(1.0, 4.0)[:, None] * offsets)
    # contents are flux times width of the cell in eps, in units of the width of the lowest cell
    widths = growth[0]
    shares = (emission.shares / jnp.sum(emission.shares))[..., None]
    yields = lines.yields[:, None]
    u = lattice.steps
    log_energy = lattice.centers
    if emission.burst:
        u_max = jnp.asarray(emission.u_max)
        initial = emission.rate(u_max) * emission.spectrum_at(log_energy + u_max) * widths
        emitted, rates = jnp.zeros(n_cells + n_steps), jnp.zeros(n_steps)
    else:
        initial = jnp.zeros(n_cells)
        emitted, rates = emission.spectrum_at(lattice.diagonals), h * emission.rate(u)
    points, rule = gauss_rule(lines)
    shapes = line_shapes(lattice, lines, offsets=points)
    # from (Gauss point, target) to (step or its half, beam), as one matrix
    weights = jnp.einsum("hg,ij->higj", rule, lines.strength)
    weights = weights.reshape(2 * n_states, points.size * n_states)
    scale = step_depths(lattice, lines)

    def step(
        carry: tuple[jax.Array, ...], inputs: tuple[jax.Array, ...]
    ) -> tuple[tuple[jax.Array, ...], None]:
        contents, free, interacted, waiting = carry
        full, average, staying, fresh, diagonal = inputs
        slice_of = partial(
            jax.lax.dynamic_slice_in_dim, start_index=diagonal, slice_size=n_cells, axis=-1
        )
        fresh = slice_of(fresh) * widths
        source = fresh * shares
        full, average, staying = slice_of(full), slice_of(average), slice_of(staying)
        survived = contents * full + source * average
        lost = waiting + jnp.sum(contents * (1.0 - full) + source * (1.0 - average), axis=1)
        made = _landing(lost, growth, own, spread)
        waiting = made * jnp.sum(yields - staying, axis=1)
        contents = survived + made[:, None, :] * staying
        return (contents, free + fresh, interacted + lost, waiting), None

    @jax.checkpoint
    def chunk(
        carry: tuple[jax.Array, ...], inputs: tuple[jax.Array, ...]
    ) -> tuple[tuple[jax.Array, ...], None]:
        steps, scale_chunk, rates_chunk, first = inputs
        count = n_cells + CHUNK
        values = shapes.at_gauss_points(steps, first, count)
        values = values * scale_chunk[:, None, :, None, None]
        values = values.reshape(CHUNK, -1, weights.shape[1], count)
        depths = jnp.broadcast_to(weights, (CHUNK, 1, *weights.shape)) @ values
        if lines.relics.clumped:
            depths = jnp.maximum(depths, 0.0)
        survival = jnp.exp(-depths)
        full, late = survival[:, :, :n_states], survival[:, :, n_states:]
        average = (1.0 + 4.0 * late + full) / 6.0
        fresh = rates_chunk[:, None] * jax.lax.dynamic_slice_in_dim(emitted, first, count)
        within = jnp.arange(CHUNK - 1, -1, -1)
        return jax.lax.scan(step, carry, (full, average, yields * average, fresh, within))

    def in_chunks(values: jax.Array) -> jax.Array:
        return values.reshape(n_steps // CHUNK, CHUNK, *values.shape[1:])

    nothing = jnp.zeros((n_channels, n_cells))
    carry = (
        jnp.broadcast_to(initial * shares, (n_channels, n_states, n_cells)),
        initial,
        nothing,
        nothing,
    )
    firsts = jnp.arange(n_steps - CHUNK, -1, -CHUNK)
    per_step = tuple(in_chunks(v) for v in (jnp.arange(n_steps), scale, rates))
    (contents, free, interacted, waiting), _ = jax.lax.scan(chunk, carry, (*per_step, firsts))
    survival = jnp.exp(-left_out_today(lattice, shapes, lines))
    waiting = waiting + jnp.sum(contents * (1.0 - survival), axis=1)
    contents = contents * survival + yields * _landing(waiting, growth, own, spread)[:, None, :]
    unit = jnp.sum(emission.shares) * jnp.exp(log_energy[0]) * 2.0 * jnp.sinh(0.5 * h)
    positive = free > _FAINTEST
    return MarchResult(
        log_energy=log_energy,
        ratio=jnp.where(positive, contents / jnp.where(positive, free, 1.0), shares),
        interacted=unit * (interacted + waiting),
        width=h,
    )
