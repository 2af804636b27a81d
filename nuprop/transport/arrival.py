"""What arrives at any energy: along its own path, past sources that a cascade has found.

Depths and sources are known at every energy, and are smooth; the flux on the flank of an opaque
line falls by orders of magnitude within a cell, and is not interpolated.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nuprop.transport.cascade import CascadeResult
from nuprop.transport.history import boundaries, positive, survivors
from nuprop.transport.interpolation import hermite, limited_slopes
from nuprop.transport.problem import Emission

#: Paths that are followed together.
_TOGETHER = 16


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
        place = jnp.clip((energy - lattice.centers[0]) / h, 0.0, lattice.n_cells - 1.0)
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

        sights = [medium.along(energy, lattice) for medium in result.media]
        parts, middles, ends, smooth = (sum(each) for each in zip(*sights, strict=True))
        n_parts = parts.shape[0]
        course = boundaries(ends, ends[0], smooth, smooth, smooth)
        known = positive(parts + smooth / n_parts), middles + smooth / n_parts, course
        survival, arriving, tilted = survivors(*known)
        made = arriving * source + tilted * slope
        # what survives all later steps
        later = jnp.concatenate([jnp.ones_like(shares), jnp.cumprod(survival, axis=1)], axis=1)
        arrived = begun * shares * later[:, -1:] + jnp.sum(
            made * later[:, :-1], axis=1, keepdims=True
        )
        return arrived[:, 0] / (begun + jnp.sum(fresh))

    ratio = jax.lax.map(path, log_energy, batch_size=min(_TOGETHER, log_energy.shape[0]))
    return ratio.T.reshape(*emission.shares.shape, -1)
