"""What arrives at any energy: along its own path, past sources that a cascade has found.

Depths and sources are known at every energy, and are smooth; the flux on the flank of an opaque
line falls by orders of magnitude within a cell, and is not interpolated.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from nuprop.transport.cascade import CascadeResult, added_up
from nuprop.transport.history import Depths, survivors
from nuprop.transport.interpolation import hermite, limited_slopes
from nuprop.transport.problem import Emission

#: Paths that are followed together.
_TOGETHER = 8


def arriving(result: CascadeResult, emission: Emission, log_energy: jax.Array) -> jax.Array:
    """Flux at Earth over the free flux of all channels and states together.

    Parameters
    ----------
    result : CascadeResult
    emission : Emission
        The sources of the cascade.
    log_energy : (n,), within its lattice.

    Returns
    -------
    Array, shape (n_channels, n_states, n)
    """
    lattice, h = result.lattice, result.width
    u = lattice.steps[::-1]
    shares = (emission.shares / jnp.sum(emission.shares)).reshape(-1, 1)
    slopes = limited_slopes(result.gained)
    if emission.burst:
        emission_rate = jnp.zeros_like(u)
    else:
        emission_rate = h * emission.rate(u)

    def seen(energy: jax.Array) -> tuple[jax.Array, jax.Array, Depths]:
        place = jnp.clip((energy - lattice.centers[0]) / h, 0.0, lattice.n_cells - 1.0)
        cell = jnp.clip(jnp.floor(place).astype(int), 0, lattice.n_cells - 2)
        secondaries = jnp.maximum(hermite(result.gained, slopes, cell, place - cell), 0.0)
        smooth = added_up(medium.smooth_along(energy, lattice) for medium in result.media)
        return secondaries, smooth, depths(energy, smooth, steep=False)

    def depths(energy: jax.Array, smooth: jax.Array, steep: bool) -> Depths:
        place = (energy - lattice.centers[0]) / h
        courses = [medium.divided if steep else medium.course for medium in result.media]
        line = added_up(course.along(place, steep) for course in courses)
        return Depths.of(line, smooth, smooth, smooth)

    def divided(energy: jax.Array, smooth: jax.Array) -> tuple[jax.Array, ...]:
        return survivors(depths(energy, smooth, steep=True), steep=True)

    def arrived(
        energy: jax.Array, secondaries: jax.Array, passages: tuple[jax.Array, ...]
    ) -> jax.Array:
        survival, arriving, tilted = passages
        fresh = emission_rate * emission.spectrum_at(energy + u)
        begun = jnp.zeros(())
        if emission.burst:
            u_max = jnp.asarray(emission.u_max)
            begun = emission.rate(u_max) * emission.spectrum_at(energy + u_max)
        source = fresh * shares + secondaries
        before = jnp.concatenate([source[:, 1:], source[:, -1:]], axis=1)
        slope = jnp.clip(source - before, -source, source)
        made = arriving * source + tilted * slope
        # what survives all later steps
        later = jnp.concatenate([jnp.ones_like(shares), jnp.cumprod(survival, axis=1)], axis=1)
        total = begun * shares[:, 0] * later[:, -1] + jnp.sum(made * later[:, :-1], axis=1)
        return total / (begun + jnp.sum(fresh))

    @jax.checkpoint  # a gradient follows the paths again
    def paths(energies: jax.Array) -> jax.Array:
        secondaries, smooth, whole = jax.vmap(seen)(energies)
        passages = jax.lax.cond(
            whole.steep,
            lambda: jax.vmap(divided)(energies, smooth),
            lambda: jax.vmap(partial(survivors, steep=False))(whole),
        )
        return jax.vmap(arrived)(energies, secondaries, passages)

    n = log_energy.shape[0]
    together = min(_TOGETHER, n)
    padded = jnp.pad(log_energy, (0, -n % together), mode="edge").reshape(-1, together)
    ratio = jax.lax.map(paths, padded).reshape(-1, shares.shape[0])[:n]
    return ratio.T.reshape(*emission.shares.shape, n)
