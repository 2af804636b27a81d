"""The no-U-turn sampler: blackjax's kernel and adaptation, as one program for every step.

Warmup and sampling are the same compiled block of steps, told apart by an array: the gradient of
the transport is compiled once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import FitError
from nuprop.inference.density import LogDensity

FloatArray = NDArray[np.float64]

#: Steps of a chain in one call of the program.
BLOCK = 25
#: Trajectories take at most 2^6 - 1 steps.
_DOUBLINGS = 6
_FIRST_STEP = 0.1
_FAST, _SLOW, _SAMPLING = 0, 1, 2


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["state", "step_size", "step_sizes", "inverse_mass", "masses"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Chain:
    """Where a chain is, and what it has learned of the steps to take."""

    state: Any
    step_size: jax.Array
    step_sizes: Any
    inverse_mass: jax.Array
    masses: Any


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["u", "log_density", "diverged", "acceptance", "steps"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Draws:
    """Draws, with leading axes (chains, draws).

    Attributes
    ----------
    u : (..., n_free), unconstrained coordinates.
    log_density : of `u`.
    diverged : whether the integration of the trajectory failed.
    acceptance : mean acceptance along the trajectory.
    steps : of the trajectory, each one gradient.
    """

    u: Any
    log_density: Any
    diverged: Any
    acceptance: Any
    steps: Any


def require_blackjax() -> Any:
    """Import blackjax.

    Raises
    ------
    FitError
        If it is not installed.
    """
    try:
        import blackjax
    except ImportError as error:
        raise FitError(
            "sample_posterior: blackjax is not installed; pip install 'nuprop[bayes]', or give "
            "nuprop.inference.log_density(analysis) to another sampler"
        ) from error
    return blackjax


def _adaptations(acceptance: Any) -> tuple[Any, Any]:
    from blackjax.adaptation.mass_matrix import mass_matrix_adaptation
    from blackjax.adaptation.step_size import dual_averaging_adaptation

    return mass_matrix_adaptation(False), dual_averaging_adaptation(acceptance)


def _begun(u: jax.Array, acceptance: float) -> Chain:
    """Begin a chain at `u`.

    The density there is unknown: it is set so low that the first trajectory leaves it for certain.
    """
    from blackjax.mcmc.hmc import HMCState

    (begin_masses, _, _), (begin_steps, _, _) = _adaptations(acceptance)
    masses = begin_masses(u.size)
    chain = Chain(
        state=HMCState(u, jnp.asarray(-1e10), jnp.zeros_like(u)),
        step_size=jnp.asarray(_FIRST_STEP),
        step_sizes=begin_steps(_FIRST_STEP),
        inverse_mass=masses.inverse_mass_matrix,
        masses=masses,
    )
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.result_type(leaf)), chain)


def _chosen(condition: jax.Array, yes: Any, no: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)


def _block(
    chain: Chain,
    key: jax.Array,
    numbers: jax.Array,
    plan: jax.Array,
    acceptance: jax.Array,
    density: LogDensity,
) -> tuple[Chain, Draws]:
    """Take the steps of these numbers; `plan` says of each: (stage, whether a window ends)."""
    import blackjax

    kernel = blackjax.nuts.build_kernel()
    (_, learn_mass, end_window), (begin_steps, learn_step, best_step) = _adaptations(acceptance)

    def step(chain: Chain, this: tuple[jax.Array, jax.Array]) -> tuple[Chain, Draws]:
        number, (stage, last) = this
        state, info = kernel(
            jax.random.fold_in(key, number),
            chain.state,
            density,
            chain.step_size,
            chain.inverse_mass,
            _DOUBLINGS,
        )
        adapting, last = stage != _SAMPLING, last == 1
        learned = learn_step(chain.step_sizes, info.acceptance_rate)
        step_sizes = _chosen(adapting, learned, chain.step_sizes)
        masses = _chosen(stage == _SLOW, learn_mass(chain.masses, state.position), chain.masses)
        ending = last & (stage == _SLOW)
        masses = _chosen(ending, end_window(masses), masses)
        step_sizes = _chosen(ending, begin_steps(best_step(step_sizes)), step_sizes)
        size = jnp.where(adapting, jnp.exp(step_sizes.log_step_size), chain.step_size)
        finished = last & (stage == _FAST)
        size = jnp.where(finished, jnp.exp(step_sizes.log_step_size_avg), size)
        moved = Chain(state, size, step_sizes, masses.inverse_mass_matrix, masses)
        draws = Draws(
            u=state.position,
            log_density=state.logdensity,
            diverged=info.is_divergent,
            acceptance=info.acceptance_rate,
            steps=info.num_integration_steps,
        )
        return moved, draws

    return jax.lax.scan(step, chain, (numbers, plan))


_one = jax.jit(_block)
_all = jax.jit(jax.vmap(_block, in_axes=(0, 0, None, None, None, None)))


def _plan(warmup: int, draws: int) -> NDArray[np.int64]:
    """Stages of all steps and ends of windows, filled up to whole blocks, shape (n, 2)."""
    from blackjax.adaptation.window_adaptation import build_schedule

    plan = np.array([(int(stage), int(end)) for stage, end in build_schedule(warmup)])
    plan[-1, 1] = 1
    rest = -(-(warmup + draws) // BLOCK) * BLOCK - warmup
    return np.concatenate([plan, np.tile([[_SAMPLING, 0]], (rest, 1))])


def walk(
    density: LogDensity,
    starts: FloatArray,
    warmup: int,
    draws: int,
    acceptance: float,
    seed: int,
) -> Iterator[Draws]:
    """Sample by chains from each of `starts`, shape (n_chains, n_free).

    Yields
    ------
    Draws, of the next block of all chains, warmup included; numpy arrays.

    Notes
    -----
    On a CPU every chain is a thread, on an accelerator all go through one program.
    """
    plan = _plan(warmup, draws)
    keys = [jax.random.fold_in(jax.random.key(seed), number) for number in range(len(starts))]
    chains = [_begun(jnp.asarray(start), acceptance) for start in starts]
    blocks = [slice(i, i + BLOCK) for i in range(0, len(plan), BLOCK)]
    if jax.default_backend() != "cpu":
        together = jax.tree.map(lambda *rows: jnp.stack(rows), *chains)
        for block in blocks:
            numbers = jnp.arange(block.start, block.stop)
            moved = _all(together, jnp.stack(keys), numbers, plan[block], acceptance, density)
            together, found = moved
            yield jax.tree.map(np.asarray, found)
        return

    def move(chain: Chain, key: jax.Array, block: slice) -> tuple[Chain, Draws]:
        numbers = jnp.arange(block.start, block.stop)
        moved = _one(chain, key, numbers, plan[block], acceptance, density)
        return jax.block_until_ready(moved)

    with ThreadPoolExecutor(min(len(chains), os.cpu_count() or 1)) as pool:
        for block in blocks:
            here = partial(move, block=block)
            # the first call of all compiles the program: alone, or each thread would
            alone = 1 if block.start == 0 else 0
            moved = list(map(here, chains[:alone], keys[:alone]))
            moved += pool.map(here, chains[alone:], keys[alone:])
            chains = [chain for chain, _ in moved]
            yield jax.tree.map(lambda *rows: np.stack(rows), *(found for _, found in moved))
