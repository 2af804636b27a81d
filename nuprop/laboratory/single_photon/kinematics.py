"""Which photons pass the cuts, in the variables x = 2 E*/sqrt(s) and cos(theta*).

An asterisk marks the center of mass; the angle is measured from the electron beam. In the lab a
photon has E = E* gamma (1 + beta cos(theta*)), and this ratio of energies is its `boost`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.laboratory.single_photon.collider import Collider, Frame

#: Slower than this, the boost does not tell one direction from another.
_SLOW = 1e-9


def boost(collider: Collider, cosine: ArrayLike) -> jax.Array:
    """Energy of a photon in the lab over its energy in the center of mass."""
    return collider.lorentz * (1.0 + collider.velocity * jnp.asarray(cosine))


def cosines_between(
    collider: Collider, lowest: ArrayLike, highest: ArrayLike
) -> tuple[jax.Array, jax.Array]:
    """Find the cosines inside the cut on the angle whose boost lies between two values.

    Returns
    -------
    low, high : Arrays
        low = high where there are none.
    """
    beta = jnp.asarray(collider.velocity)
    low, high = (jnp.asarray(c) for c in collider.cosines)
    first, last = (jnp.asarray(b) / collider.lorentz - 1.0 for b in (lowest, highest))
    slow = jnp.abs(beta) < _SLOW
    divisor = jnp.where(slow, 1.0, beta)
    ends = first / divisor, last / divisor
    outside = slow & ((first > 0.0) | (last < 0.0))
    forward = beta > 0.0
    lower = jnp.where(slow, -1.0, jnp.where(forward, ends[0], ends[1]))
    upper = jnp.where(slow, 1.0, jnp.where(forward, ends[1], ends[0]))
    start = jnp.clip(lower, low, high)
    stop = jnp.clip(upper, low, high)
    return start, jnp.where(outside, start, jnp.maximum(start, stop))


def cosine_window(
    collider: Collider, energy: ArrayLike, frame: Frame
) -> tuple[jax.Array, jax.Array]:
    """Find the cosines at which a photon of this energy > 0 [GeV] in this frame passes all cuts.

    Returns
    -------
    low, high : Arrays, of the shape of `energy`
        low = high where there are none, among them those beyond the kinematic end E* = sqrt(s)/2.
    """
    energy = jnp.asarray(energy)
    end = 0.5 * collider.sqrt_s
    cuts = collider.energy_min, collider.energy_max
    lowest, highest = jnp.zeros_like(energy), jnp.full_like(energy, jnp.inf)
    if frame == "lab":
        lowest = energy / end
    if collider.energy_frame == frame:
        inside = (energy >= cuts[0]) & (energy <= cuts[1])
    else:
        inside = jnp.ones_like(energy, dtype=bool)
        if frame == "cm":
            lowest, highest = cuts[0] / energy, cuts[1] / energy
        else:
            lowest, highest = jnp.maximum(lowest, energy / cuts[1]), energy / cuts[0]
    if frame == "cm":
        inside = inside & (energy <= end)
    finite = jnp.where(jnp.isfinite(highest), highest, 4.0 * collider.lorentz)
    low, high = cosines_between(collider, lowest, finite)
    return low, jnp.where(inside, high, low)


def fractions_between(
    collider: Collider, cosine: ArrayLike, lightest: ArrayLike, heaviest: ArrayLike
) -> tuple[jax.Array, jax.Array]:
    """Find the energy fractions x that pass the cut on the energy, in a window of missing mass.

    Parameters
    ----------
    collider : Collider
    cosine : array
    lightest, heaviest : GeV^2
        Of s (1 - x), the squared mass of what is missing.

    Returns
    -------
    low, high : Arrays, of the shape of `cosine`
        low = high where there are none.
    """
    end = 0.5 * collider.sqrt_s
    if collider.energy_frame == "lab":
        end = end * boost(collider, cosine)
    else:
        end = end * jnp.ones_like(jnp.asarray(cosine))
    s = collider.sqrt_s**2
    low = jnp.maximum(collider.energy_min / end, 1.0 - jnp.asarray(heaviest) / s)
    high = jnp.minimum(collider.energy_max / end, 1.0 - jnp.asarray(lightest) / s)
    return jnp.minimum(low, 1.0), jnp.clip(high, jnp.minimum(low, 1.0), 1.0)
