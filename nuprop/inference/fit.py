"""The best fit: from several starts, with an honest account of what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import FitError, ParameterError
from nuprop.inference.analysis import Analysis
from nuprop.inference.judgement import described, value_and_gradient
from nuprop.inference.objective import Objective, nll, start_of
from nuprop.inference.progress import bar
from nuprop.inference.result import FitResult
from nuprop.precision import require_float64

FloatArray = NDArray[np.float64]
Minimizer = Literal["l-bfgs-b", "minuit"]

_nll, _start = jax.jit(nll), jax.jit(start_of)


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
        value, gradient = value_and_gradient(jnp.asarray(place), objective)
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
        grad=lambda place: np.asarray(value_and_gradient(jnp.asarray(place), objective)[1]),
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
