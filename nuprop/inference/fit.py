"""The best fit: from several starts, with an honest account of what it is worth."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import FitError, ParameterError
from nuprop.icecube.counts import ExpectedCounts
from nuprop.icecube.sample import Sample
from nuprop.inference.analysis import Analysis
from nuprop.inference.objective import (
    Objective,
    amplitude,
    fluences,
    nll,
    start_of,
    with_free,
)
from nuprop.inference.physics import UNCOUPLED, replaced
from nuprop.inference.progress import bar
from nuprop.inference.status import FitStatus
from nuprop.precision import require_float64

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nuprop.flux import DiffuseFlux

FloatArray = NDArray[np.float64]
Minimizer = Literal["l-bfgs-b", "minuit"]

#: -ln L that a Newton step could still gain at a minimum; directions count as curved by 1 at least.
_GAIN = 1e-3
#: A place this near to an end of the range is at the bound.
_AT_BOUND = 1e-6
#: Step of the differences of gradients that make second derivatives.
_STEP = 1e-4
#: Curvature along a direction, per squared range: 2 Delta ln L of 1 at the distance 1 needs 1.
_FLAT = 1.0

_value_and_gradient = jax.jit(jax.value_and_grad(nll))
_nll, _start, _values = jax.jit(nll), jax.jit(start_of), jax.jit(with_free)
_slopes = jax.jit(jax.jacfwd(with_free, argnums=1))


@dataclass(frozen=True)
class FlatDirection:
    """A combination of parameters that the data do not fix.

    Attributes
    ----------
    weights : mapping from name to share of the direction, in units of whole ranges.
    curvature : second derivative of -ln L along it, per squared range.
    """

    weights: Mapping[str, float]
    curvature: float

    def __str__(self) -> str:
        parts = sorted(self.weights.items(), key=lambda item: -abs(item[1]))
        listing = ", ".join(f"{name} {weight:+.2f}" for name, weight in parts if abs(weight) > 0.1)
        return f"{listing} (curvature {self.curvature:.2g} per squared range)"


@dataclass(frozen=True, eq=False, repr=False)
class FitResult:
    """A best fit. Made by `fit`.

    Attributes
    ----------
    analysis : Analysis
    values : mapping from name to float
        All parameters, fixed ones included, in code units.
    errors : mapping from name to float
        Standard deviations of the free ones by the Hessian; NaN for a parameter at a bound or
        along a flat direction, where a parabola says nothing: use `profile`.
    nll : float
        -ln L at the best point, priors included.
    status : FitStatus
    message : str
        The status in words, with the names of the parameters concerned.
    covariance : ndarray, shape (n_free, n_free)
        In the order of `names`; rows and columns are NaN where `errors` are.
    hessian : ndarray, shape (n_free, n_free)
        Of -ln L, per squared range of each parameter (ranges in its own scale).
    at_bounds : tuple of str
    flat_directions : tuple of FlatDirection
    starts : ndarray, shape (n_starts,)
        -ln L reached from each start: how many found the best one.
    minimizer : str
    """

    analysis: Analysis
    values: Mapping[str, float]
    errors: Mapping[str, float]
    nll: float
    status: FitStatus
    message: str
    covariance: FloatArray
    hessian: FloatArray
    at_bounds: tuple[str, ...]
    flat_directions: tuple[FlatDirection, ...]
    starts: FloatArray
    minimizer: str
    place: FloatArray = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free parameters."""
        return self.analysis.names

    @property
    def best_analysis(self) -> Analysis:
        """The analysis, started at the best fit."""
        analysis = self.analysis
        for name in self.names:
            parameter = analysis.parameter(name)
            analysis = analysis._with(parameter._changed(start=self.values[name]))
        return analysis

    def expected(self) -> tuple[ExpectedCounts, ...]:
        """Give the counts at the best fit, beside the data, for every binned sample."""
        objective = self.best_analysis.objective()
        return expected_counts(objective, objective.values)

    def flux(self, energy: Any = None, **options: Any) -> DiffuseFlux:
        """Propagate the best flux; options as for `nuprop.propagate`."""
        from nuprop.transport import propagate

        physics = best_physics(self.analysis, self.values)
        relics = copy.copy(self.analysis.relics)
        object.__setattr__(relics, "state", physics.relics)
        return propagate(
            physics.source,
            physics.mediator,
            physics.neutrinos,
            relics,
            physics.cosmology,
            energy,
            **options,
        )

    def plot(self, path: str | Path | None = None, **options: Any) -> Figure:
        """Draw counts of the (first) binned sample at the best fit, with residuals."""
        counts = self.expected()
        if not counts:
            raise FitError("plot: there are no binned data in this fit")
        return counts[0].plot(path, **options)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values that JSON can hold; see `nuprop.inference.record.to_dict`."""
        from nuprop.inference.record import to_dict

        return to_dict(self)

    def save(self, path: str | Path) -> Path:
        """Write a JSON file of what `to_dict` gives."""
        from nuprop.inference.record import save

        return save(self, path)

    def __repr__(self) -> str:
        data = ", ".join(item.name for item in self.analysis.data)
        lines = [
            f"FitResult for {data}",
            f"  status      {self.status.name}: {self.message}",
            f"  -2 ln L     {2.0 * self.nll:.3f}, priors included",
            f"  starts      {int(np.sum(self.starts < self.nll + 1e-3))} of {self.starts.size} "
            f"reached it ({self.minimizer})",
        ]
        width = max(len(parameter.name) for parameter in self.analysis.parameters)
        for parameter in self.analysis.parameters:
            lines.append(f"  {self._line(parameter.name, width)}".rstrip())
        lines += [f"  flat        {direction}" for direction in self.flat_directions]
        return "\n".join(lines)

    def _line(self, name: str, width: int) -> str:
        parameter = self.analysis.parameter(name)
        value = f"{name:<{width}}  {self.values[name]:.5g}"
        if parameter.fixed:
            note = "fixed"
        elif name in self.at_bounds:
            note = "at its bound"
        elif np.isfinite(self.errors[name]):
            note = f"+- {self.errors[name]:.2g}"
        else:
            note = "not determined"
        return f"{value} {note} {parameter.unit}"


def fit(
    analysis: Analysis,
    *,
    starts: int = 4,
    seed: int = 0,
    minimizer: Minimizer = "l-bfgs-b",
    progress: bool = True,
) -> FitResult:
    """Find the best fit by gradient, from several starts.

    Parameters
    ----------
    analysis : Analysis
    starts : int
        The first is the start of the parameters, the others a Sobol sequence between their bounds
        (nuisances start at their expectation).
    seed : int
        Of the sequence.
    minimizer : "l-bfgs-b" (scipy) or "minuit" (MIGRAD; needs the extra ``nuprop[minuit]``)
    progress : bool
        Whether a fit of more than two seconds shows a bar.

    Returns
    -------
    FitResult
        Always, with a status: a fit that failed is no number that looks fine.

    Raises
    ------
    FitError
        If nothing is free, or iminuit is not installed.
    ParameterError
        If an option is unknown.
    """
    require_float64()
    if minimizer not in _MINIMIZERS:
        raise ParameterError(f"minimizer = {minimizer!r}: one of {', '.join(_MINIMIZERS)}")
    if isinstance(starts, bool) or not isinstance(starts, int) or starts < 1:
        raise ParameterError(f"starts = {starts!r}: a whole number of at least 1")
    if not analysis.names:
        raise FitError("analysis: every parameter is fixed; free one to fit")
    objective = analysis.objective()
    minimize = _MINIMIZERS[minimizer]
    best: FloatArray | None = None
    reached = []
    for x in bar(_starts(objective, starts, seed), "fit", progress):
        place, value = minimize(objective, x)
        reached.append(value)
        if np.isfinite(value) and value <= np.min(reached):
            best = place
    if best is None:
        best = np.asarray(_start(objective))
    return described(analysis, objective, best, np.array(reached), minimizer)


def _starts(objective: Objective, number: int, seed: int) -> list[FloatArray]:
    """Places to start from: only what is no nuisance is moved."""
    from scipy.stats import qmc

    first = np.asarray(_start(objective))
    slots = [objective.layout.slots[i] for i in objective.layout.free]
    moved = [k for k, slot in enumerate(slots) if slot.role != "detector"]
    result = [first]
    if number > 1 and moved:
        power = int(np.ceil(np.log2(number)))
        points = qmc.Sobol(len(moved), seed=seed).random_base2(power)[: number - 1]
        for point in points:
            place = first.copy()
            place[moved] = 0.02 + 0.96 * point
            result.append(place)
    return result


def _with_scipy(objective: Objective, x: FloatArray) -> tuple[FloatArray, float]:
    from scipy.optimize import minimize

    def function(place: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = _value_and_gradient(jnp.asarray(place), objective)
        if not np.isfinite(value):
            return 1e10, np.zeros_like(place)
        return float(value), np.asarray(gradient)

    found = minimize(
        function,
        np.clip(x, 0.0, 1.0),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, 1.0)] * x.size,
        options={"ftol": 1e-13, "gtol": 1e-6, "maxiter": 500},
    )
    value = float(found.fun)
    return np.asarray(found.x), value if value < 1e10 else np.inf


def _with_minuit(objective: Objective, x: FloatArray) -> tuple[FloatArray, float]:
    try:
        from iminuit import Minuit
    except ImportError as error:
        raise FitError(
            "minimizer = 'minuit': iminuit is not installed; pip install 'nuprop[minuit]'"
        ) from error
    names = [objective.layout.slots[i].name for i in objective.layout.free]
    minuit = Minuit(
        lambda place: float(_nll(jnp.asarray(place), objective)),
        np.clip(x, 1e-6, 1.0 - 1e-6),
        grad=lambda place: np.asarray(_value_and_gradient(jnp.asarray(place), objective)[1]),
        name=names,
    )
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.limits = [(0.0, 1.0)] * x.size
    minuit.migrad()
    return np.array(minuit.values), float(minuit.fval)


_MINIMIZERS: dict[str, Callable[[Objective, FloatArray], tuple[FloatArray, float]]] = {
    "l-bfgs-b": _with_scipy,
    "minuit": _with_minuit,
}


def _hessian(objective: Objective, x: FloatArray) -> FloatArray:
    """Second derivatives by differences of gradients, one-sided at a bound."""
    columns = []
    for k in range(x.size):
        low, high = x.copy(), x.copy()
        low[k], high[k] = max(x[k] - _STEP, 0.0), min(x[k] + _STEP, 1.0)
        gradients = [
            np.asarray(_value_and_gradient(jnp.asarray(place), objective)[1])
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
    value, gradient = _value_and_gradient(jnp.asarray(x), objective)
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


def best_physics(analysis: Analysis, values: Mapping[str, float]) -> Any:
    """Put values of parameters, and what is tied to them, into the physics."""
    changes: dict[str, Any] = {}
    for parameter in analysis.parameters:
        if parameter.target is not None and not parameter.target.startswith("detector."):
            value = values[parameter.name]
            changes[parameter.target] = (
                value if parameter.transform is None else float(parameter.transform(value))
            )
    for path, function in analysis.ties:
        tied = np.asarray(function(dict(values)))
        changes[path] = float(tied) if tied.ndim == 0 else tied
    return replaced(analysis.physics, changes)


_fluences = jax.jit(fluences)


def expected_counts(objective: Objective, values: jax.Array) -> tuple[ExpectedCounts, ...]:
    """Fold the flux for values of all parameters, for every binned sample."""
    scale = amplitude(objective, values)
    flux = _fluences(objective, values)
    free_physics = replaced(objective.physics, UNCOUPLED)
    slots = tuple(
        replace(slot, role="latent") if slot.target.startswith("mediator.") else slot
        for slot in objective.layout.slots
    )
    ties = tuple(tie for tie in objective.layout.ties if not tie[0].startswith("mediator."))
    free = replace(
        objective,
        physics=free_physics,
        layout=replace(objective.layout, slots=slots, ties=ties),
    )
    free_flux = _fluences(free, values)
    result = []
    for number, item in enumerate(objective.likelihoods):
        if not isinstance(item, Sample):
            continue
        nuisance = {
            slot.target: float(slot.value(values[i]))
            for i, slot in enumerate(objective.layout.slots)
            if slot.role == "detector" and number in slot.owners
        }
        counts = ExpectedCounts.of(item, scale * flux[number], nuisance, scale * free_flux[number])
        result.append(counts)
    return tuple(result)
