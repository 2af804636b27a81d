"""Toys by the thousand: draw data, refit them under many hypotheses, compare.

With tabulated fluxes a refit is a handful of small matrix products, and a chunk of toys goes
through one program together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import FitError, ParameterError
from nuprop.icecube.protocol import Likelihood
from nuprop.inference.hypotheses import Hypotheses, blocks
from nuprop.inference.objective import Objective, fluences, predictions, start_of, with_free
from nuprop.inference.progress import bar
from nuprop.inference.scoring import Optimum, minimize

FloatArray = NDArray[np.float64]

#: Toys refitted together.
CHUNK = 20
#: Share of toys without a converged fit that is refused.
MOST_FAILED = 0.05
#: -ln L that a step could still gain after a fit of a toy that is taken as converged. Along a flat
#: direction fits creep; what they miss is far below the scatter of toys.
_GAIN = 1e-2
#: Test statistics nearer than this are equal: fits end within 1e-8 of the minimum.
SAME = 1e-6


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["nll", "x", "converged", "saturated"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Refits:
    """Fits of data sets under n hypotheses.

    Attributes
    ----------
    nll : (n_toys, n), -ln L, with the priors of what is measured.
    x : (n_toys, n, n_free), places of the free parameters.
    converged : (n_toys, n)
    saturated : (n_toys,), -ln L of predictions equal to the data.
    """

    nll: Any
    x: Any
    converged: Any
    saturated: Any

    def rises(self, tested: int) -> FloatArray:
        """2 [-ln L of one hypothesis, less the least of all], shape (n_toys,)."""
        nll = np.where(np.isfinite(self.nll), self.nll, np.inf)
        return 2.0 * (nll[:, tested] - np.min(nll, axis=1))

    def good(self, tested: int) -> NDArray[np.bool_]:
        """Whether both fits behind `rises` converged, shape (n_toys,)."""
        nll = np.where(np.isfinite(self.nll), self.nll, np.inf)
        best = np.take_along_axis(self.converged, np.argmin(nll, axis=1)[:, None], axis=1)[:, 0]
        return np.asarray(self.converged[:, tested] & best)


def saturated_nll(likelihood: Likelihood) -> jax.Array:
    """-ln L of a prediction equal to the data, known without error if it has one."""
    observed = likelihood.observed
    cells = likelihood.energy_edges.shape[0] - 1
    flux = jax.ShapeDtypeStruct((2, 3, cells), observed.dtype)
    start = {nuisance.name: nuisance.start for nuisance in likelihood.nuisances}
    shape = jax.eval_shape(lambda fluence: likelihood.predict(fluence, start), flux).shape
    return likelihood.nll(jnp.zeros(shape).at[: observed.shape[0]].set(observed))


@jax.jit
def _expected(
    objective: Objective, point: Hypotheses, x: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Values of all parameters at places `x`, and what is expected of every measurement."""
    held = replace(objective, values=point.values)
    values = with_free(held, x)
    flux = fluences(held, values) if point.table is None else point.table.flux(x).values
    return values, predictions(held, values, flux)


@jax.jit
def _keys(seed: jax.Array, numbers: jax.Array, split: jax.Array) -> jax.Array:
    """Keys of shape (len(split), len(numbers)); those of a toy depend on its number alone."""
    keys = jax.vmap(partial(jax.random.fold_in, jax.random.key(seed)))(numbers)
    return jax.vmap(lambda part: jax.vmap(lambda key: jax.random.fold_in(key, part))(keys))(split)


@jax.jit
def _simulated(likelihood: Likelihood, expected: jax.Array, keys: jax.Array) -> jax.Array:
    return jax.vmap(lambda key: likelihood.simulate(expected, key).observed)(keys)


@jax.jit
def _measured(values: jax.Array, mean: jax.Array, sigma: jax.Array, keys: jax.Array) -> jax.Array:
    """Draw the auxiliary measurements that priors stand for, around the true values."""
    known = jnp.isfinite(sigma)
    width = jnp.where(known, sigma, 0.0)
    scatter = jax.vmap(lambda key: jax.random.normal(key, sigma.shape))(keys)
    return jnp.where(known, values + width * scatter, mean)


def _near(found: Optimum) -> jax.Array:
    """Whether a step of less than the whole range of a parameter gains next to nothing."""
    if not found.x.size:
        return found.converged
    outward = jnp.where(found.gradient > 0.0, found.x <= 0.0, found.x >= 1.0)
    slope = jnp.where(outward, 0.0, found.gradient)
    apart = outward[:, None] | outward[None, :]
    curvature = jnp.where(apart, 0.0, found.curvature) + jnp.eye(slope.size)
    gain = 0.5 * slope @ jnp.linalg.solve(curvature, slope)
    return jnp.isfinite(found.nll) & (gain < _GAIN)


@jax.jit
def _fitted(
    objective: Objective,
    hypotheses: Hypotheses,
    starts: jax.Array,
    observed: tuple[jax.Array, ...],
    means: jax.Array,
) -> Refits:
    """Fit every row of data under every hypothesis, from places of shape (n, n_free)."""

    def toy(data: tuple[jax.Array, ...], mean: jax.Array) -> Refits:
        pairs = zip(objective.likelihoods, data, strict=True)
        likelihoods = tuple(item.with_observed(row) for item, row in pairs)

        def one(pair: tuple[Hypotheses, jax.Array]) -> tuple[jax.Array, ...]:
            point, x = pair
            changed = replace(
                objective,
                likelihoods=likelihoods,
                values=point.values,
                mean=mean,
                sigma=point.sigma,
            )
            found = minimize(changed, x, None if point.table is None else point.table.flux)
            return found.nll, found.x, found.converged | _near(found)

        full = sum((saturated_nll(item) for item in likelihoods), jnp.zeros(()))
        nll, places, converged = jax.lax.map(one, (hypotheses, starts))
        return Refits(nll, places, converged, full)

    return jax.vmap(toy)(observed, means)


def _refitted(
    objective: Objective,
    parts_of: list[tuple[Hypotheses, jax.Array]],
    number: int,
    observed: tuple[jax.Array, ...],
    means: jax.Array,
) -> Refits:
    """Fit under hypotheses, and from starts, that are cut into blocks; numpy arrays."""
    parts = [
        jax.tree.map(np.asarray, _fitted(objective, *part, observed, means)) for part in parts_of
    ]

    def joined(name: str) -> Any:
        rows = [getattr(part, name) for part in parts]
        return np.concatenate(rows, axis=1)[:, :number]

    each = {name: joined(name) for name in ("nll", "x", "converged")}
    return Refits(**each, saturated=parts[0].saturated)


def fitted_data(objective: Objective, hypotheses: Hypotheses) -> Refits:
    """Fit the observed data from the start, by the program that fits toys; n_toys is 1."""

    def row(item: jax.Array) -> jax.Array:
        return jnp.broadcast_to(item, (CHUNK, *item.shape))

    observed = tuple(row(item.observed) for item in objective.likelihoods)
    number = len(hypotheses.values)
    starts = jnp.tile(start_of(objective), (number, 1))
    cut = blocks((hypotheses, starts), number)
    found = _refitted(objective, cut, number, observed, row(objective.mean))
    return jax.tree.map(lambda item: item[:1], found)


def fitted_toys(
    objective: Objective,
    hypotheses: Hypotheses,
    truth: int,
    starts: jax.Array,
    *,
    toys: int,
    seed: int,
    what: str,
    progress: bool,
) -> Refits:
    """Draw toys from one hypothesis and fit them under all.

    Parameters
    ----------
    objective : Objective
    hypotheses : Hypotheses
    truth : number of the hypothesis that is true.
    starts : Array, shape (n, n_free)
        Places of the free parameters where the fits start; those of the true hypothesis are true.
    toys, seed : int
        Toy number i depends on the seed and on i alone.
    what : title of the bar.
    progress : bool

    Returns
    -------
    Refits, of numpy arrays

    Raises
    ------
    DatasetError
        If a measurement cannot be simulated.
    """
    true, x = jax.tree.map(lambda item: item[truth], (hypotheses, starts))
    values, expected = _expected(objective, true, x)
    number = len(starts)
    cut = blocks((hypotheses, starts), number)
    parts = np.arange(len(expected) + 1)
    rows = []
    for start in bar(range(0, toys, CHUNK), what, progress):
        *each, last = _keys(seed, np.arange(start, start + CHUNK), parts)
        drawn = zip(objective.likelihoods, expected, each, strict=True)
        observed = tuple(_simulated(item, mean, key) for item, mean, key in drawn)
        means = _measured(values, objective.mean, true.sigma, last)
        rows.append(_refitted(objective, cut, number, observed, means))
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:toys], *rows)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compared` finds.

    Attributes
    ----------
    data : Refits, of the observed data.
    observed : float
        The test statistic of the data: the rise of the tested hypothesis over the best.
    statistics : ndarray, shape (n,)
        Those of toys.
    p_value, p_error : float
    failed : int
        Toys left out.
    """

    data: Refits
    observed: float
    statistics: FloatArray
    p_value: float
    p_error: float
    failed: int


def compared(
    objective: Objective,
    hypotheses: Hypotheses,
    tested: int,
    *,
    toys: int,
    seed: int,
    what: str,
    progress: bool,
) -> Comparison:
    """Test one hypothesis against the best of all, by toys made under it.

    Raises
    ------
    FitError
        If the fit of the data under it, or those of many toys, do not converge.
    DatasetError
        If a measurement cannot be simulated.
    """
    data = fitted_data(objective, hypotheses)
    if not data.converged[0, tested]:
        raise FitError(
            f"{what}: the fit of the data under the tested hypothesis did not converge; narrow the "
            "bounds of the parameters, or hold some"
        )
    starts = jnp.asarray(data.x[0])
    found = fitted_toys(
        objective, hypotheses, tested, starts, toys=toys, seed=seed, what=what, progress=progress
    )
    statistics, failed = usable(found.rises(tested), found.good(tested), what)
    observed = float(data.rises(tested)[0])
    return Comparison(data, observed, statistics, *tail(statistics, observed), failed)


def usable(rows: FloatArray, good: NDArray[np.bool_], what: str) -> tuple[FloatArray, int]:
    """Leave out toys without a converged fit, and count them; refuse if they are many."""
    failed = int(np.sum(~good))
    if failed > MOST_FAILED * good.size:
        raise FitError(
            f"{what}: the fits of {failed} of {good.size} toys did not converge, more than "
            f"{MOST_FAILED:.0%}; narrow the bounds of the parameters, or hold some"
        )
    return rows[good], failed


def tail(statistics: FloatArray, observed: float) -> tuple[float, float]:
    """Share of toys at or above the observed value, counting the data as one, and its error.

    (k + 1) / (n + 1) is never 0, and as a p-value errs on the safe side for any n.
    """
    n = statistics.size
    p = (int(np.sum(statistics >= observed - SAME)) + 1) / (n + 1)
    return p, float(np.sqrt(p * (1.0 - p) / n))


def quantile(statistics: FloatArray, level: float) -> tuple[float, float]:
    """Give a quantile of toys, and its error by the binomial scatter of ranks."""
    spread = np.sqrt(level * (1.0 - level) / statistics.size)
    levels = np.clip([level - spread, level, level + spread], 0.0, 1.0)
    low, middle, high = np.quantile(statistics, levels)
    return float(middle), float(0.5 * (high - low))


def require_run(toys: Any, seed: Any, levels: Sequence[Any] = ()) -> None:
    """Refuse confidence levels and seeds that are none, and too few toys to say anything."""
    for level in levels:
        if not isinstance(level, float) or not 0.0 < level < 1.0:
            raise ParameterError(f"level = {level!r}: a number between 0 and 1, such as 0.9")
    least = max([10, *(int(np.ceil(5.0 / (1.0 - level) - 1e-9)) for level in levels)])
    if isinstance(toys, bool) or not isinstance(toys, int) or toys < least:
        raise ParameterError(f"toys = {toys!r}: a whole number of at least {least}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ParameterError(f"seed = {seed!r}: a whole number from 0 to 2^32 - 1")
