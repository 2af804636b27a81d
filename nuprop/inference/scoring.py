"""Fisher scoring between bounds: fits that run inside compiled programs, thousands in a row.

Predictions are linear in small steps, and a likelihood knows the curvature that is expected of it
(1/mu for Poisson): a step solves (J^T I J + prior) d = -gradient. Steps are damped as Levenberg and
Marquardt do; a parameter at a bound that the gradient pushes outward is held there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from nuprop.inference.objective import (
    Flux,
    Objective,
    nll_of,
    predictions,
    propagated,
    shape_positions,
    with_free,
)

#: -ln L that a further step could still gain, at convergence.
TOLERANCE = 1e-8
MOST_STEPS = 60
_DAMPING, _WEAKER, _STRONGER, _HOPELESS = 1e-3, 0.1, 8.0, 1e9

#: x, -ln L, gradient, curvature, damping, steps, done.
_State = tuple[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array, jax.Array, jax.Array]

#: Gives the flux and its slopes at places of the free parameters.
FluxModel = Callable[[jax.Array], Flux]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["x", "nll", "gradient", "curvature", "steps", "converged"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Optimum:
    """Where a fit ended.

    Attributes
    ----------
    x : (n_free,), places of the free parameters, 0 to 1.
    nll : -ln L there, priors included.
    gradient : (n_free,)
    curvature : (n_free, n_free), expected second derivatives.
    steps : number of steps tried.
    converged : whether no step could gain more than `TOLERANCE`.
    """

    x: jax.Array
    nll: jax.Array
    gradient: jax.Array
    curvature: jax.Array
    steps: jax.Array
    converged: jax.Array


def quadratic_form(
    objective: Objective, x: jax.Array, flux: Flux
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """-ln L, its gradient and its expected curvature at `x`, where the flux is known."""
    where = shape_positions(objective.layout)

    def predicted(step: jax.Array) -> tuple[jax.Array, ...]:
        values = with_free(objective, x + step)
        moved = tuple(
            value + slope @ step[where]
            for value, slope in zip(flux.values, flux.slopes, strict=True)
        )
        return predictions(objective, values, moved)

    def pulls(step: jax.Array) -> jax.Array:
        return (with_free(objective, x + step) - objective.mean) / objective.sigma

    rest = jnp.zeros_like(x)
    here = predicted(rest)
    slopes = jax.jacfwd(predicted)(rest)
    pull, pull_slopes = pulls(rest), jax.jacfwd(pulls)(rest)
    gradient = pull @ pull_slopes
    curvature = pull_slopes.T @ pull_slopes
    for likelihood, prediction, slope in zip(objective.likelihoods, here, slopes, strict=True):
        gradient = gradient + jax.grad(likelihood.nll)(prediction) @ slope
        curvature = curvature + slope.T @ (likelihood.information(prediction)[:, None] * slope)
    return nll_of(objective, with_free(objective, x), here), gradient, curvature


def _step(
    x: jax.Array, gradient: jax.Array, curvature: jax.Array, damping: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Give the next place within the bounds, and what an undamped step would gain."""
    held = ((x <= 0.0) & (gradient > 0.0)) | ((x >= 1.0) & (gradient < 0.0))
    slope = jnp.where(held, 0.0, gradient)
    apart = held[:, None] | held[None, :]
    matrix = jnp.where(apart, 0.0, curvature)
    diagonal = jnp.where(held, 1.0, jnp.maximum(jnp.diagonal(curvature), 1e-12))
    base = matrix + jnp.diag(jnp.where(held, 1.0, 1e-12 + 1e-10 * diagonal))
    gain = 0.5 * slope @ jnp.linalg.solve(base, slope)
    step = -jnp.linalg.solve(base + damping * jnp.diag(diagonal), slope)
    return jnp.clip(x + step, 0.0, 1.0), gain


def minimize(objective: Objective, x: jax.Array, flux_model: FluxModel | None = None) -> Optimum:
    """Minimize -ln L from places `x`; pure.

    Parameters
    ----------
    objective : Objective
    x : Array, shape (n_free,)
    flux_model : callable, optional
        In place of `propagated`: an interpolation, for instance.

    Returns
    -------
    Optimum
    """
    model = partial(propagated, objective) if flux_model is None else flux_model

    def form(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        value, gradient, curvature = quadratic_form(objective, x, model(x))
        usable = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
        return jnp.where(usable, value, jnp.inf), gradient, curvature

    if not objective.layout.free:
        nll, gradient, curvature = form(x)
        return Optimum(x, nll, gradient, curvature, jnp.array(0), jnp.isfinite(nll))

    def unfinished(state: _State) -> jax.Array:
        _, nll, _, _, damping, steps, done = state
        started = (steps == 0) | jnp.isfinite(nll)
        return ~done & started & (steps < MOST_STEPS) & (damping < _HOPELESS)

    def advance(state: _State) -> _State:
        x, nll, gradient, curvature, damping, steps, _ = state
        trial, gain = _step(x, gradient, curvature, damping)
        done = (gain < TOLERANCE) & (steps > 0)
        new, new_gradient, new_curvature = form(trial)
        better = (new <= nll) & ~done

        def choose(a: jax.Array, b: jax.Array) -> jax.Array:
            return jnp.where(better, a, b)

        return (
            choose(trial, x),
            choose(new, nll),
            choose(new_gradient, gradient),
            choose(new_curvature, curvature),
            jnp.where(better, damping * _WEAKER, damping * _STRONGER),
            steps + 1,
            done,
        )

    # the first step goes nowhere: the start is evaluated by the same code, compiled once
    nothing = jnp.array(jnp.inf), jnp.zeros_like(x), jnp.eye(x.size)
    start = (x, *nothing, jnp.array(_DAMPING), jnp.array(0), jnp.array(False))
    x, nll, gradient, curvature, _, steps, done = jax.lax.while_loop(unfinished, advance, start)
    return Optimum(x, nll, gradient, curvature, steps, done)
