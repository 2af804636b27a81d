"""Relics at rest: the exact solution for a few resonances, without redshift steps.

In comoving energy every neutrino is its own characteristic, and resonance b is crossed once, at
1 + z = E_b/eps. Taken in the order of falling E_b, what arrives at a crossing is the source
integral over a known redshift interval and the secondaries that earlier resonances made in the
same interval. At redshift u' = ln(1 + z') resonance a makes them all at eps' = E_a e^{-u'}, so a
redshift interval is a window in energy, and the polynomial kernel turns a window into differences
of running moments of the interaction rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import combinations

import jax
import jax.numpy as jnp

from nuprop.transport.emitted import ORDER, emitted_before, redshift_panels
from nuprop.transport.grid import power_sum
from nuprop.transport.problem import Emission, Lines


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["flux", "absorbed", "free", "rates", "log_energy_of_rates", "weights"],
    meta_fields=[],
)
@dataclass(frozen=True)
class SweepResult:
    """What a sweep gives.

    Attributes
    ----------
    flux, absorbed, free : (n_channels, n_states, n)
        Flux per mass eigenstate: with secondaries, without them, and without any interaction.
    rates : (n_states, n_channels, n_nodes)
        Interactions D_b per comoving energy on resonance b, at the nodes, in units of flux.
    log_energy_of_rates : (n_states, n_nodes)
    weights : (n_nodes,)
        Quadrature weights in ln(energy).
    """

    flux: jax.Array
    absorbed: jax.Array
    free: jax.Array
    rates: jax.Array
    log_energy_of_rates: jax.Array
    weights: jax.Array


def sweep(
    log_energy: jax.Array,
    lines: Lines,
    emission: Emission,
    *,
    panels: int | None = None,
    order: int = ORDER,
) -> SweepResult:
    """Solve the transport with relics at rest, exactly but for quadrature.

    Parameters
    ----------
    log_energy : Array, shape (n,)
        ln(E/GeV) at Earth, in any order.
    lines : Lines
    emission : Emission
        With shares of one channel, nu + nubar, or of two, nu and nubar apart.
    panels, order : int
        Uniform panels in ln(1 + z) and nodes in each.

    Returns
    -------
    SweepResult

    Notes
    -----
    N_i after crossing b is N_i exp(-tau_ib), D_b = sum_i N_i (1 - exp(-tau_ib)) is what interacts,
    and P_k int d eps'/eps' K(eps/eps') D_b(eps') is what comes back (Ng & Beacom 2014,
    arXiv:1404.2288, for the transport equation). Secondaries of b emerge below E_b and never meet
    it again; they meet c with E_c < E_b if eps' < eps E_b/E_c.
    """
    n_channels, n_lines = emission.shares.shape[0], lines.n_states
    n = log_energy.shape[0]
    descending = jnp.argsort(-lines.log_resonance)
    resonance = lines.log_resonance[descending]
    pairs = combinations(range(n_lines), 2)
    shifts = jnp.stack([resonance[a] - resonance[b] for a, b in pairs])
    # what interacts on one line bends where another one, or its secondaries, meets a jump of W
    clumps = lines.relics.breaks
    bends = (jnp.concatenate([emission.log_jumps, clumps])[:, None] - shifts).reshape(-1)
    bends = jnp.concatenate([bends, clumps])
    grid = redshift_panels(emission, bends, panels, order)
    nodes = grid.nodes.reshape(-1)
    n_nodes = nodes.shape[0]

    # rows: the energies asked for, then the nodes of the last resonance, ..., of the first, dropped
    # one block at a time
    y = jnp.concatenate([log_energy] + [resonance[b] - nodes for b in reversed(range(n_lines))])
    u = resonance - y[:, None]
    crossed = (u > 0.0) & (u < emission.u_max) & lines.massive[descending]
    before, total = emitted_before(emission, grid, y, u.T)
    interval = jnp.diff(before, axis=0, prepend=0.0, append=total[None])

    weight = lines.relics.weight_at_rest()
    weight = jnp.broadcast_to(weight, (n_channels,))
    scale = lines.depth_scale(jnp.clip(u, 0.0, emission.u_max))
    depth = jnp.einsum("a,ib,nb->bain", weight, lines.strength[:, descending], scale)
    depth = jnp.where(crossed.T[:, None, None, :], depth, 0.0)
    survival = jnp.exp(-depth)
    loss = -jnp.expm1(-depth)

    shares = emission.shares[..., None]
    bound = jnp.concatenate([u, jnp.zeros_like(u[:, :1])], axis=1)
    panel, t = grid.locate(bound)
    coefficients = lines.kernel(n_channels)
    order_of_x = jnp.arange(3.0)

    arriving = jnp.zeros((n_channels, n_lines, y.shape[0]))
    primaries = arriving
    running: list[tuple[jax.Array, jax.Array]] = []
    rates = []
    upper: list[jax.Array] = []
    for stage in range(n_lines + 1):
        size = n + n_nodes * (n_lines - stage)
        arriving, primaries = arriving[..., :size], primaries[..., :size]
        fresh = interval[stage, :size] * shares
        arriving, primaries = arriving + fresh, primaries + fresh
        for a, (start, powers) in enumerate(running):
            at_bound = start[panel[:size, stage]] + power_sum(
                powers[panel[:size, stage]], t[:size, stage, None, None]
            )
            window = upper[a][:size] - at_bound
            upper[a] = at_bound
            below = y[:size] - resonance[a]
            x_power = jnp.exp(jnp.minimum(below, 0.0)[:, None] * order_of_x)
            made = jnp.einsum("oik,nik,nk->on", coefficients, window, x_power) * (below < 0.0)
            arriving = arriving + lines.yields[:, None] * jnp.maximum(made, 0.0)[:, None, :]
        if stage == n_lines:
            break
        interacting = jnp.sum(arriving * loss[stage, ..., :size], axis=1)
        arriving = arriving * survival[stage, ..., :size]
        primaries = primaries * survival[stage, ..., :size]
        rate = interacting[:, size - n_nodes :]
        rates.append(rate)
        moments = jnp.exp(order_of_x[:, None] * nodes) * rate[:, None, :]
        start, powers = grid.running_integral(moments.reshape(n_channels, 3, -1, order))
        running.append((jnp.moveaxis(start, -1, 0), jnp.moveaxis(powers, -2, 0)))
        own_panel, own_t = panel[: size - n_nodes, stage], t[: size - n_nodes, stage]
        upper.append(
            running[-1][0][own_panel] + power_sum(running[-1][1][own_panel], own_t[:, None, None])
        )
    return SweepResult(
        flux=arriving,
        absorbed=primaries,
        free=total[:n] * shares,
        rates=jnp.stack(rates),
        log_energy_of_rates=resonance[:, None] - nodes,
        weights=grid.weights.reshape(-1),
    )
