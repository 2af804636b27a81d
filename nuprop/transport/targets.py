"""Relics as few targets: what scattering away from a resonance asks of their motion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.relics import RelicState, Targets

#: Momenta in units of T, as e^-q Gauss-Legendre panels, and cosines: they sample the relics' phase
#: space, of which only a few moments of W = e - p cos(theta) are kept.
_COSINES, _COSINE_WEIGHTS = np.polynomial.legendre.leggauss(8)
_ROOTS, _ROOT_WEIGHTS = np.polynomial.legendre.leggauss(20)
_MOMENTA = (1.6 * (_ROOTS + 1.0)) ** 2 * 3.0
_MOMENTUM_WEIGHTS = _ROOT_WEIGHTS * 1.6 * 2.0 * (1.6 * (_ROOTS + 1.0)) * 3.0
_FERMI = _MOMENTUM_WEIGHTS * _MOMENTA**2 / (np.exp(_MOMENTA) + 1.0)
_FERMI = _FERMI / np.sum(_FERMI)


@partial(jax.tree_util.register_dataclass, data_fields=["w", "weight"], meta_fields=[])
@dataclass(frozen=True)
class TargetNodes:
    """Values of W that stand for the distribution phi(W) of each relic state.

    Attributes
    ----------
    w : (n_nodes, n_states, n_u), GeV; s = 2 E W.
    weight : (n_nodes, n_states, n_u), sums to the integral of phi over W.
    """

    w: jax.Array
    weight: jax.Array


def target_nodes(
    relics: RelicState, masses: jax.Array, u: jax.Array, targets: Targets, n_nodes: int
) -> TargetNodes:
    """Make the Gauss rule of phi(W) with 1 or 3 nodes, for each state and redshift.

    Parameters
    ----------
    relics : RelicState
        At rest W = m, whatever `n_nodes`; a massless state then has W = 0.
    masses : (n_states,), GeV
    u : (n_u,), ln(1 + z)
    targets : "majorana", "dirac" or "flipped"
    n_nodes : 1 or 3
        One node is the mean motion: its error is of second order in the width of phi.

    Returns
    -------
    TargetNodes
    """
    masses = jnp.asarray(masses)[:, None]
    if not relics.thermal:
        w = jnp.broadcast_to(masses, (1, masses.shape[0], u.shape[0]))
        count = 1.0 if targets == "majorana" else 0.5
        return TargetNodes(w, jnp.full_like(w, count))
    temperature = relics.temperatures(masses.shape[0])[:, None] * jnp.exp(u)
    p = temperature[..., None] * _MOMENTA
    m = masses[..., None]
    e = jnp.sqrt(p**2 + m**2)
    velocity = (p / e)[..., None]
    spread = e[..., None] * (1.0 - velocity * _COSINES)
    seen: Any
    if targets == "majorana":
        seen = 1.0 - velocity * _COSINES
    elif targets == "dirac":
        seen = 0.5 * (1.0 + velocity) * (1.0 - _COSINES)
    else:
        seen = 0.5 * (1.0 - velocity) * (1.0 + _COSINES)
    density = 0.5 * _FERMI[:, None] * _COSINE_WEIGHTS * seen
    w, density = (jnp.reshape(v, (*v.shape[:2], -1)) for v in (spread, density))
    whole = jnp.sum(density, axis=-1)
    some = jnp.asarray(whole > 0.0)[..., None]
    density = jnp.where(some, density / jnp.where(some, whole[..., None], 1.0), 1.0 / w.shape[-1])
    mean = jnp.sum(density * w, axis=-1)
    if n_nodes == 1:
        return TargetNodes(mean[None], whole[None])
    w, shares = _gauss_rule(w / mean[..., None], density)
    return TargetNodes(w * mean, shares * whole)


def _gauss_rule(x: jax.Array, weight: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Nodes and weights of the three-point rule for a discrete distribution (Golub and Welsch).

    The orthogonal polynomials come from their three-term recursion (Stieltjes).
    """
    previous, current = jnp.zeros_like(x), jnp.ones_like(x)
    norm = jnp.ones(x.shape[:-1])
    diagonal, beside = [], []
    for _ in range(3):
        square = weight * current**2
        now = jnp.sum(square, axis=-1)
        beside.append(now / norm)
        diagonal.append(jnp.sum(square * x, axis=-1) / now)
        norm = now
        lower = beside[-1][..., None] if len(beside) > 1 else 0.0
        previous, current = current, (x - diagonal[-1][..., None]) * current - lower * previous
    b1, b2 = jnp.sqrt(beside[1]), jnp.sqrt(beside[2])
    zero = jnp.zeros_like(b1)
    matrix = jnp.stack(
        [
            jnp.stack([diagonal[0], b1, zero], axis=-1),
            jnp.stack([b1, diagonal[1], b2], axis=-1),
            jnp.stack([zero, b2, diagonal[2]], axis=-1),
        ],
        axis=-2,
    )
    nodes, vectors = jnp.linalg.eigh(matrix)
    return jnp.moveaxis(nodes, -1, 0), jnp.moveaxis(vectors[..., 0, :] ** 2, -1, 0)
