"""What arrives at any energy: along its own path, past sources that a cascade has found.

Depths and sources are known at every energy, and are smooth; the flux on the flank of an opaque
line falls by orders of magnitude within a cell, and is not interpolated.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nuprop.transport.cascade import CascadeResult
from nuprop.transport.course import Course
from nuprop.transport.history import Depths, survivors
from nuprop.transport.interpolation import hermite, limited_slopes
from nuprop.transport.problem import Emission


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

    @jax.checkpoint  # a gradient follows the path again
    def path(energy: jax.Array) -> jax.Array:
        exact = (energy - lattice.centers[0]) / h
        place = jnp.clip(exact, 0.0, lattice.n_cells - 1.0)
        cell = jnp.clip(jnp.floor(place).astype(int), 0, lattice.n_cells - 2)
        secondaries = jnp.maximum(hermite(result.gained, slopes, cell, place - cell), 0.0)
        fresh = emission_rate * emission.spectrum_at(energy + u)
        begun = jnp.zeros(())
        if emission.burst:
            u_max = jnp.asarray(emission.u_max)
            begun = emission.rate(u_max) * emission.spectrum_at(energy + u_max)
        source = fresh * shares + secondaries
        before = jnp.concatenate([source[:, 1:], source[:, -1:]], axis=1)
        slope = jnp.clip(source - before, -source, source)

        along = [medium.smooth_along(energy, lattice) for medium in result.media]
        smooth = jnp.sum(jnp.stack(along), axis=0)

        def depths(courses: list[Course]) -> Depths:
            each = [course.along(exact) for course in courses]
            line = jax.tree.map(lambda *every: sum(every), *each)
            return Depths.of(line, line.ends[0], smooth, smooth, smooth)

        whole = depths([medium.course for medium in result.media])
        survival, arriving, tilted = jax.lax.cond(
            whole.steep,
            lambda: survivors(depths([medium.divided for medium in result.media]), steep=True),
            lambda: survivors(whole, steep=False),
        )
        made = arriving * source + tilted * slope
        # what survives all later steps
        later = jnp.concatenate([jnp.ones_like(shares), jnp.cumprod(survival, axis=1)], axis=1)
        arrived = begun * shares * later[:, -1:] + jnp.sum(
            made * later[:, :-1], axis=1, keepdims=True
        )
        return arrived[:, 0] / (begun + jnp.sum(fresh))

    ratio = jax.lax.map(path, log_energy)
    return ratio.T.reshape(*emission.shares.shape, -1)
