"""Optical depth along a characteristic, with relics at rest or in motion."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.relics import line_shape
from nuprop.transport.columns import mean_depth_scale
from nuprop.transport.problem import Lines

#: Panels in the lower momentum s of the relics that can resonate, in units of their temperature.
_PANELS = np.array([-40.0, -18.0, -8.0, -3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 3.0, 8.0, 18.0, 40.0])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
#: Nodes and weights on each panel: "fine" is good to 4e-7, "fast" to 2e-4.
_ORDERS = {"fine": (_NODES, _WEIGHTS), "fast": np.polynomial.legendre.leggauss(5)}

#: Largest cross section of a scalar's continuum on both helicities, in units of |lambda|^4/(4 M^2).
_SCALAR_CONTINUUM = 0.055


def line_depths(
    log_energy: jax.Array,
    u_max: jax.Array,
    lines: Lines,
    rule: Literal["fine", "fast"] = "fine",
) -> jax.Array:
    """Optical depth of each relic state per strength, from u_max to today.

    Parameters
    ----------
    log_energy : Array, shape (n,), or (3, n) for each state apart, ln(eps/GeV) at Earth.
    u_max : Array, shape (n,) or scalar, ln(1 + z) of the source.
    lines : Lines
    rule : "fine" or "fast"
        Quadrature for relics in motion.

    Returns
    -------
    Array, shape (n_beams, n_states, n).

    Notes
    -----
    With relics at rest a line costs 2 pi/M^2 n(z_R) c/H(z_R) if 0 < z_R < z. In motion the depth
    is int du 2 pi/M^2 (n c/H) W phi(W), W = M^2/(2 eps e^u). In place of u stands the signed lower
    momentum s = (W^2 - m^2)/(2 W T) = (a e^{-2u} - m^2/(a T_0^2))/2, a = M^2/(2 eps T_0), in which
    phi is a line of fixed shape: W phi du = T phi ds.
    """
    relics = lines.relics
    nodes, weights = _ORDERS[rule]
    if not relics.thermal:
        u = lines.log_resonance[:, None] - log_energy
        crossed = (u > 0.0) & (u < u_max) & lines.massive[:, None]
        depth = jnp.where(crossed, lines.depth_scale(jnp.where(crossed, u, 0.0)), 0.0)
        return relics.weight_at_rest()[:, None, None] * depth
    temperature = lines.temperatures[:, None]
    r = jnp.asarray(lines.masses)[:, None] / temperature
    a = 0.5 * lines.mediator_mass**2 * jnp.exp(-log_energy) / temperature
    b = r**2 / a
    least = a * jnp.exp(-2.0 * u_max)
    first, last = 0.5 * (least - b), 0.5 * (a - b)
    # a clump of relics is a feature in u, and moves in s with energy
    clumps = 0.5 * (a[..., None] * jnp.exp(-2.0 * relics.breaks) - b[..., None])
    regular = jnp.broadcast_to(_PANELS, (*first.shape, _PANELS.size))
    edges = jnp.sort(jnp.concatenate([regular, clumps], axis=-1), axis=-1)
    edges = jnp.clip(edges, first[..., None], last[..., None])
    half = 0.5 * jnp.diff(edges)[..., None]
    s = 0.5 * (edges[..., 1:] + edges[..., :-1])[..., None] + half * nodes
    # far above the line b is so much larger than a that rounding alone would decide
    w = jnp.clip(2.0 * s + b[..., None, None], least[..., None, None], a[..., None, None])
    growth = jnp.sqrt(a[..., None, None] / w)
    shape = line_shape(s, w, r[..., None, None] / growth, relics.targets, relics.asymmetry, rule)
    integrand = half * weights * lines.depth_scale(jnp.log(growth)) * jnp.exp(-jnp.abs(s)) * shape
    return jnp.sum(integrand, axis=(-2, -1))


def continuum_depth(u_max: jax.Array, lines: Lines) -> jax.Array:
    """Estimate the optical depth of what is left out: scattering away from the resonance.

    On a target of either helicity, exchange of a vector tends to
    (g g^dagger)_ii (g g^dagger)_jj/(4 pi M^2) at high energies, for targets weighted with their
    abundance. All channels of a scalar, with |lambda|^2/2 in place of |g|^2, add up to a third of
    that at most, from s = 3 M^2 on.

    Parameters
    ----------
    u_max : ln(1 + z) of the source.
    lines : Lines

    Returns
    -------
    Array, scalar.
    """
    half = 0.5 * jnp.asarray(u_max)
    if lines.relics.clumped:
        column = 2.0 * half * mean_depth_scale(half[None], 2.0 * half, lines)[0]
    else:
        column = jnp.sum(half * _WEIGHTS * lines.depth_scale(half * (1.0 + _NODES)))
    column = column / (2.0 * jnp.pi)
    rows = jnp.sum(lines.coupling_squared, axis=1)
    met = rows if lines.abundance is None else rows * lines.abundance
    even = jnp.all(jnp.asarray(lines.sharing)[..., 1:] == 0.0)  # as only a scalar shares energy
    strength = jnp.where(even, _SCALAR_CONTINUUM, 0.5 / jnp.pi)
    return strength * jnp.max(rows) * jnp.sum(met) * column


def optical_depths(log_energy: jax.Array, u_max: jax.Array, lines: Lines) -> jax.Array:
    """Sum the optical depths of each beam and mass eigenstate, tau_i = sum_j tau_ij.

    Arguments as `line_depths`.

    Returns
    -------
    Array, shape (n_beams, n_states, n).
    """
    return jnp.einsum("ij,bjn->bin", lines.strength, line_depths(log_energy, u_max, lines))
