"""Where a trident can go: limits of Q^2, s_hat and W^2 at a given tau = -(k - k')^2.

The neutrino loses tau to the pair, the target recoils with Q^2; s_hat is the squared mass of all
three leptons, W^2 that of the pair. Every limit is a closed form.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Setting(NamedTuple):
    """Energy of the neutrino, masses of target and lepton, and the largest Q^2; GeV, GeV^2."""

    energy: jax.Array
    target_mass: jax.Array
    lepton_mass: jax.Array
    largest_q2: jax.Array


def largest_s_hat(q2: jax.Array, setting: Setting) -> jax.Array:
    """2 E (sqrt(Q^2 + Q^4/4M^2) - Q^2/2M) - Q^2: the recoil along the beam."""
    return 2.0 * setting.energy * _recoil(q2, setting.target_mass) - q2


def _recoil(q2: jax.Array, mass: jax.Array) -> jax.Array:
    half = q2 / (2.0 * mass)
    return q2 / (jnp.sqrt(q2 + half**2) + half)


def largest_tau(setting: Setting) -> jax.Array:
    """Largest tau; not positive below the threshold, which is 2m + 2m^2/M without a limit on Q^2.

    Without that limit the neutrino is thrown back and the pair is at rest with the target.
    """
    energy, mass, lepton, cut = setting
    free = 2.0 * mass * energy - 4.0 * lepton * (mass + lepton)
    free = 2.0 * energy * free / (2.0 * energy + mass)
    q2_there = mass * (4.0 * lepton**2 + free) / (mass + 2.0 * lepton)
    highest = largest_s_hat(cut, setting)
    safe = jnp.where(highest > 0.0, highest, 1.0)
    limited = jnp.where(
        highest > 0.0, (highest + cut) * (highest - 4.0 * lepton**2) / safe, -(lepton**2)
    )
    return jnp.where(q2_there > cut, limited, free)


def far_above_threshold(setting: Setting) -> jax.Array:
    """Give an energy at which tridents exist; it stands in for those below the threshold."""
    _, mass, lepton, cut = setting
    threshold = 2.0 * lepton * (1.0 + lepton / mass)
    return 2.0 * threshold + (4.0 * lepton**2 + cut) / _recoil(cut, mass)


def q2_limits(tau: jax.Array, setting: Setting) -> tuple[jax.Array, jax.Array]:
    """Q^2 for a pair of the least mass made by a neutrino that is thrown back.

    That is the widest range at this tau.
    """
    energy, mass, lepton, cut = setting
    pair = 4.0 * lepton**2
    excess = 2.0 * mass * (energy - tau / (4.0 * energy)) - tau  # s' - M^2
    s_prime = mass**2 + excess
    root = jnp.sqrt(s_prime)
    above = jnp.maximum(excess - 4.0 * lepton * (mass + lepton), 0.0)
    weak_energy = (excess - tau) / (2.0 * root)
    weak_momentum = jnp.sqrt(weak_energy**2 + tau)
    pair_energy = (excess + pair) / (2.0 * root)
    is_open = above > 0.0
    square = jnp.where(is_open, above, 1.0) * (s_prime - (mass - 2.0 * lepton) ** 2)
    pair_momentum = jnp.where(is_open, jnp.sqrt(square) / (2.0 * root), 0.0)
    highest = tau - pair + 2.0 * (weak_energy * pair_energy + weak_momentum * pair_momentum)
    lowest = mass**2 * (pair + tau) ** 2 / (s_prime * highest)
    return lowest, jnp.minimum(highest, cut)


def least_s_hat(q2: jax.Array, tau: jax.Array, lepton_mass: jax.Array) -> jax.Array:
    """Where the largest W^2 equals 4 m^2."""
    pair = 4.0 * lepton_mass**2
    excess = q2 - tau - pair
    larger = 0.5 * (jnp.abs(excess) + jnp.sqrt(excess**2 + 4.0 * pair * q2))
    return jnp.where(excess < 0.0, larger, pair * q2 / larger)


def largest_w2(s_hat: jax.Array, q2: jax.Array, tau: jax.Array) -> jax.Array:
    """Largest squared mass of the pair, where the neutrino gets tau and no more."""
    return s_hat * (1.0 - tau / (s_hat + q2))


def photon_largest_tau(setting: Setting) -> jax.Array:
    """Largest tau for a real photon with s_hat below `largest_s_hat` of some Q^2."""
    energy, mass, lepton, cut = setting
    growth = 1.0 + 2.0 * energy / mass
    free = 2.0 * energy**2 / (1.0 + energy / mass + jnp.sqrt(growth))
    q2_there = free / jnp.sqrt(growth)
    highest = jnp.where(q2_there > cut, largest_s_hat(cut, setting), free)
    return highest - 4.0 * lepton**2


def photon_q2_limits(tau: jax.Array, setting: Setting) -> tuple[jax.Array, jax.Array]:
    """Q^2 at which `largest_s_hat` is 4 m^2 + tau, below and above."""
    energy, mass, lepton, cut = setting
    s_hat = 4.0 * lepton**2 + tau
    growth = 1.0 + 2.0 * energy / mass
    half = 2.0 * energy**2 - (1.0 + energy / mass) * s_hat
    square = half**2 - growth * s_hat**2
    is_open = square > 0.0
    root = jnp.where(is_open, jnp.sqrt(jnp.where(is_open, square, 1.0)), 0.0)
    highest = (half + root) / growth
    return s_hat**2 / (growth * highest), jnp.minimum(highest, cut)
