"""What a minimum is worth: gradient, bounds, curvature, flat directions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.inference.analysis import Analysis
from nuprop.inference.objective import Objective, nll, with_free
from nuprop.inference.result import FitResult, FlatDirection
from nuprop.inference.status import FitStatus

FloatArray = NDArray[np.float64]

#: -ln L that a Newton step could still gain at a minimum; directions count as curved by 1 at least.
_GAIN = 1e-3
#: A place this near to an end of the range is at the bound.
_AT_BOUND = 1e-6
#: Step of the differences of gradients that make second derivatives.
_STEP = 1e-4
#: Curvature along a direction, per squared range: 2 Delta ln L of 1 at the distance 1 needs 1.
_FLAT = 1.0

value_and_gradient = jax.jit(jax.value_and_grad(nll))
_values = jax.jit(with_free)
_slopes = jax.jit(jax.jacfwd(with_free, argnums=1))


def _hessian(objective: Objective, x: FloatArray) -> FloatArray:
    """Second derivatives by differences of gradients, one-sided at a bound."""
    columns = []
    for k in range(x.size):
        low, high = x.copy(), x.copy()
        low[k], high[k] = max(x[k] - _STEP, 0.0), min(x[k] + _STEP, 1.0)
        gradients = [
            np.asarray(value_and_gradient(jnp.asarray(place), objective)[1])
            for place in (low, high)
        ]
        columns.append((gradients[1] - gradients[0]) / (high[k] - low[k]))
    hessian = np.stack(columns)
    return 0.5 * (hessian + hessian.T)


def described(
    analysis: Analysis, objective: Objective, x: FloatArray, reached: FloatArray, minimizer: str
) -> FitResult:
    """Judge a point: gradient, bounds, curvature, flat directions."""
    names = analysis.names
    free = np.array(objective.layout.free)
    value, gradient = value_and_gradient(jnp.asarray(x), objective)
    hessian = _hessian(objective, x)
    scale = np.asarray(_slopes(objective, jnp.asarray(x)))[free]
    at_low = (x < _AT_BOUND) & (np.asarray(gradient) >= 0.0)
    at_high = (x > 1.0 - _AT_BOUND) & (np.asarray(gradient) <= 0.0)
    held = at_low | at_high
    inside = np.flatnonzero(~held)
    finite = bool(np.isfinite(value)) and bool(np.all(np.isfinite(hessian)))
    flat, undetermined, gain = [], set(), 0.0
    covariance = np.full((x.size, x.size), np.nan)
    if finite and inside.size:
        block = hessian[np.ix_(inside, inside)]
        eigenvalues, vectors = np.linalg.eigh(block)
        along = vectors.T @ np.asarray(gradient)[inside]
        gain = float(np.sum(0.5 * along**2 / np.maximum(eigenvalues, _FLAT)))
        for curvature, vector in zip(eigenvalues, vectors.T, strict=True):
            if curvature < _FLAT:
                weights = {names[i]: float(w) for i, w in zip(inside, vector, strict=True)}
                flat.append(FlatDirection(weights, float(curvature)))
                undetermined |= {
                    int(i) for i, w in zip(inside, vector, strict=True) if abs(w) > 0.3
                }
        if np.all(eigenvalues > 0.0):
            slope = np.diagonal(scale)[inside]
            covariance[np.ix_(inside, inside)] = slope[:, None] * np.linalg.inv(block) * slope
    for i in undetermined:
        covariance[i, :] = covariance[:, i] = np.nan
    diagonal = np.diagonal(covariance)
    errors = np.sqrt(np.where(diagonal > 0.0, diagonal, np.nan))
    at_bounds = tuple(names[i] for i in np.flatnonzero(held))
    status, message = _judged(finite, gain, at_bounds, flat)
    everything = np.asarray(_values(objective, jnp.asarray(x)))
    return FitResult(
        analysis=analysis,
        values={p.name: float(v) for p, v in zip(analysis.parameters, everything, strict=True)},
        errors=dict(zip(names, errors.tolist(), strict=True)),
        nll=float(value),
        status=status,
        message=message,
        covariance=covariance,
        hessian=hessian,
        at_bounds=at_bounds,
        flat_directions=tuple(flat),
        starts=reached,
        minimizer=minimizer,
        place=x,
    )


def _judged(
    finite: bool, gain: float, at_bounds: tuple[str, ...], flat: list[FlatDirection]
) -> tuple[FitStatus, str]:
    if not finite:
        return FitStatus.NONFINITE, FitStatus.NONFINITE.value
    if gain > _GAIN:
        status = FitStatus.NOT_CONVERGED
        return status, f"{status.value} (a further step promises {gain:.2g} in ln L)"
    if flat:
        status = FitStatus.FLAT_DIRECTION
        return status, f"{status.value}: {'; '.join(str(direction) for direction in flat)}"
    if at_bounds:
        return FitStatus.AT_BOUNDS, f"{FitStatus.AT_BOUNDS.value}: {', '.join(at_bounds)}"
    return FitStatus.CONVERGED, FitStatus.CONVERGED.value
