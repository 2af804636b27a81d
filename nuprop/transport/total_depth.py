"""Optical depth by scattering in every channel, of finite width: cross sections of any shape.

A cross section is a sum of narrow lines at every s, so that its depth follows from that of one line
at M^2, for which relics at rest and in motion have a closed form or a quadrature.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.description import Leaf
from nuprop.mediators.scattering import Scattering
from nuprop.mediators.scattering.pairs import PairProduction
from nuprop.relics import RelicState
from nuprop.transport.broad import integrals_between
from nuprop.transport.depth import line_depths
from nuprop.transport.problem import Lines

#: Panels on each side of a pole; from the width on, or this distance in ln(s), they grow by a
#: constant factor, 8.5 at most.
_POLE_PANELS, _NEAREST = 10, 1e-9
#: Equal panels over all of ln(s).
_EQUAL_PANELS = 10
#: Lower momenta of relics, in units of T, that make the ends of a line.
_MOMENTA = np.array([-40.0, -12.0, -3.0, -0.6, 0.0, 0.6, 3.0, 12.0, 40.0])
#: Least W = e - p cos(theta), in units of T: less of a massless relic counts below 1e-8, as W^3.
_SLOWEST = 2e-3
#: On each of all these panels; depths are good to 3e-6.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)
#: Rapidities of two scalars between which their sigma bends, and a rule for tails of the relics'
#: motion that reach the threshold; depths are good to 5e-6.
_RAPIDITIES = np.array([0.3, 0.8, 1.6, 3.0])
_PAIR_NODES, _PAIR_WEIGHTS = np.polynomial.legendre.leggauss(8)


def channel_depths(
    log_energy: jax.Array,
    u_max: jax.Array,
    lines: Lines,
    scattering: Scattering,
    relics: RelicState,
    antineutrinos: bool = False,
) -> jax.Array:
    """Optical depth of each mass eigenstate by all channels of one mediator.

    Parameters
    ----------
    log_energy, u_max : as in `nuprop.transport.depth.line_depths`, both of shape (n,).
    lines : Lines
    scattering : Scattering
        Cross sections of a beam of neutrinos, in which the line is.
    relics : RelicState
        What the beam crosses.
    antineutrinos : bool
        Whether the beam is one of antineutrinos.

    Returns
    -------
    Array, shape (n_states, n), tau_i.

    Notes
    -----
    With t = ln(s/M^2), and L(ln E) the depth of a line sigma = 2 pi delta(s - M^2) on relics j,

        int du n (c/H) int dW phi(W) sigma(2 E e^u W) = int dt M^2 sigma(M^2 e^t)/(2 pi) L(ln E - t)

    because L depends on M^2/E and on M^2 as a factor alone. The squared s channel is
    M^2 sigma = 2 pi |g_ij|^2 b(t), b = e^t gamma / (pi [(e^t - 1)^2 + gamma^2]): at its peak stands
    L by the fine rule, and the integral of b in closed form, so that a narrow line is as good as
    `optical_depths` has it.
    """
    beam, mirror = (-1, 0) if antineutrinos else (0, -1)
    sections = scattering.cp_conjugate() if antineutrinos else scattering
    background = _background(lines, relics)

    def one(inputs: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        y, u = inputs
        edges = _panels(y, u, lines, _beside_pole(scattering.gamma))
        half = 0.5 * jnp.diff(edges)[..., None]
        t = 0.5 * (edges[:, 1:] + edges[:, :-1])[..., None] + half * _NODES
        t, weights = (v.reshape(lines.n_states, -1) for v in (t, half * _WEIGHTS))
        r = jnp.exp(t)
        met = line_depths(y - t, u, background, "fast")
        if lines.abundance is not None:
            met = met * lines.abundance[:, None]
        met = weights / (2.0 * jnp.pi) * jnp.stack([met[mirror], met[beam]])
        tau = jnp.einsum("jtsij,sjt->i", sections.total(r), met)
        sampled = jnp.sum(weights * _line(r, scattering.gamma), axis=1)
        return tau, sampled, integrals_between(edges[:, 0], edges[:, -1], scattering.gamma)[0]

    tau, sampled, whole = jax.lax.map(one, (log_energy, u_max))
    fine = line_depths(log_energy, u_max, lines)[beam]
    fast = line_depths(log_energy, u_max, lines, "fast")[beam]
    return tau.T + lines.strength @ (whole.T * fine - sampled.T * fast)


def pair_depths(
    log_energy: jax.Array,
    u_max: jax.Array,
    lines: Lines,
    production: PairProduction,
    relics: RelicState,
    antineutrinos: bool = False,
) -> jax.Array:
    """Compute the optical depth by production of two scalars.

    Parameters
    ----------
    log_energy, u_max, relics, antineutrinos : as for `channel_depths`.
    lines : Lines
        Those of relics of the chirality of their helicity.
    production : PairProduction

    Returns
    -------
    Array, shape (n_states, n), tau_i.

    Notes
    -----
    The integral over t of `channel_depths` in the rapidity eta of the scalars in their center of
    mass, s = 4 M^2 cosh(eta)^2: sigma is analytic in it, and of the order of eta^3 (complex field)
    or eta^5 (real field) at the threshold.
    """
    beam = -1 if antineutrinos else 0
    background = _background(lines, relics)
    bends = np.log(4.0) + 2.0 * np.log(np.cosh(_RAPIDITIES))

    def one(inputs: tuple[jax.Array, jax.Array]) -> jax.Array:
        y, u = inputs
        edges = _rapidity(_panels(y, u, lines, jnp.asarray(bends)))
        half = 0.5 * jnp.diff(edges)[..., None]
        eta = 0.5 * (edges[:, 1:] + edges[:, :-1])[..., None] + half * _PAIR_NODES
        weights = 2.0 * jnp.tanh(eta) * half * _PAIR_WEIGHTS
        eta, weights = (v.reshape(lines.n_states, -1) for v in (eta, weights))
        r = 4.0 * jnp.cosh(eta) ** 2
        met = line_depths(y - jnp.log(r), u, background, "fast")[beam]
        if lines.abundance is not None:
            met = met * lines.abundance[:, None]
        met = weights / (2.0 * jnp.pi) * met
        return jnp.einsum("jtij,jt->i", production.total(r)[..., 1, :, :], met)

    return jax.lax.map(one, (log_energy, u_max)).T


def _background(lines: Lines, relics: RelicState) -> Lines:
    """Relics as they are, where lines of the same species have their helicities exchanged."""
    return replace(lines, relics=replace(relics, flipped=lines.relics.flipped))


def _rapidity(t: jax.Array) -> jax.Array:
    """Find eta of t = ln(s/M^2), 0 below the threshold: the inverse of t = 2 ln(2 cosh(eta))."""
    above = t - np.log(4.0)
    is_open = above > 0.0
    above = jnp.where(is_open, above, 1.0)
    return jnp.where(is_open, 0.5 * above + jnp.log1p(jnp.sqrt(-jnp.expm1(-above))), 0.0)


def _beside_pole(gamma: Leaf) -> jax.Array:
    distance = jnp.maximum(gamma, _NEAREST)
    steps = np.linspace(-1.0, 1.0, 2 * _POLE_PANELS + 1)
    return distance * jnp.sinh(steps * jnp.arcsinh(1.0 / distance))


def _panels(y: jax.Array, u_max: jax.Array, lines: Lines, bends: jax.Array) -> jax.Array:
    """Edges of panels in t = ln(s/M^2) for each relic state, with any relics; (n_states, k).

    Among them are `bends`, values of t at which a cross section changes.
    """
    relics = lines.relics
    today = y + jnp.log(2.0) - 2.0 * jnp.log(lines.mediator_mass)
    if relics.thermal:
        near, far = (
            today + jnp.log(_spread(lines, growth)) + jnp.log(growth)
            for growth in (jnp.ones(()), jnp.exp(u_max))
        )
        middle = near[:, _MOMENTA.size // 2]
    else:
        middle = y - lines.log_resonance
        near, far = middle[:, None], middle[:, None] + u_max
    low, high = near[:, :1], far[:, -1:]
    equal = low + (high - low) * np.linspace(0.0, 1.0, _EQUAL_PANELS + 1)
    bends = jnp.broadcast_to(bends, (lines.n_states, bends.size))
    clumps = middle[:, None] + relics.breaks
    edges = jnp.concatenate([near, far, equal, bends, clumps], axis=1)
    return jnp.clip(jnp.sort(edges, axis=1), low, high)


def _spread(lines: Lines, growth: jax.Array) -> jax.Array:
    """W = e - p cos(theta) [GeV] of the momenta that make the ends of a line, (n_states, k)."""
    temperature = lines.temperatures[:, None] * growth
    r = jnp.asarray(lines.masses)[:, None] / temperature
    root = jnp.sqrt(_MOMENTA**2 + r**2)
    slow = r**2 / jnp.maximum(root - np.minimum(_MOMENTA, 0.0), _SLOWEST)
    w = jnp.where(_MOMENTA > 0.0, _MOMENTA + root, slow)
    return temperature * jnp.maximum(w, _SLOWEST)


def _line(r: jax.Array, gamma: Leaf) -> jax.Array:
    return r * gamma / (jnp.pi * ((r - 1.0) ** 2 + gamma**2))
