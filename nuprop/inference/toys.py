"""Asimov data, and how well a model fits, by toys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import FitError
from nuprop.icecube.unfolded_likelihood import UnfoldedLikelihood
from nuprop.inference.analysis import Analysis
from nuprop.inference.ensemble import fitted_toys, require_run, saturated_nll, tail, usable
from nuprop.inference.hypotheses import at_start
from nuprop.inference.objective import Objective, fluences, predictions, start_of
from nuprop.inference.result import FitResult
from nuprop.inference.status import FitStatus
from nuprop.precision import require_float64

FloatArray = NDArray[np.float64]


@jax.jit
def _expected(objective: Objective) -> tuple[jax.Array, ...]:
    return predictions(objective, objective.values, fluences(objective, objective.values))


_saturated = jax.jit(saturated_nll)


def asimov(analysis: Analysis, *, interaction: bool = True, **values: Any) -> Analysis:
    """Replace the data by what is expected: the median experiment.

    A fit of it gives the true values back, and its profile the median sensitivity.

    Parameters
    ----------
    analysis : Analysis
    interaction : bool
        False takes the expectation without interaction, for the sensitivity to one; the parameters
        of the mediator stay as they are.
    **values : Quantity, str or float
        True values of parameters by name, fixed ones included; the start values of the others.

    Returns
    -------
    Analysis
        It starts at the true values, and the priors are centered on them, as if the auxiliary
        measurements behind these had given the truth too.

    Raises
    ------
    ParameterError
        If there is no parameter of a name, or a value is out of bounds.
    FitError
        For unfolded points: those that are limits have no data that could be replaced.

    Notes
    -----
    The data are the expected counts, not rounded. With the likelihood of the official simulation,
    which averages over its own statistics, a fit gives the true values back to within these only.

    References
    ----------
    Cowan, Cranmer, Gross & Vitells 2011, arXiv:1007.1727, Sec. 3.2.
    """
    require_float64()
    for item in analysis.data:
        if isinstance(item, UnfoldedLikelihood) and bool(np.any(item.is_limit)):
            raise FitError(
                f"asimov: {int(np.sum(item.is_limit))} of the points of {item.name!r} are limits, "
                "which pull to zero whatever is expected; use the counts of a binned sample, such "
                "as nuprop.icecube.sample('hese-7.5yr')"
            )
    for name, value in values.items():
        parameter = analysis.parameter(name)
        start = parameter.fixed_at(value).start
        analysis = analysis._with(parameter._changed(start=start))
    for parameter in analysis.parameters:
        if parameter.mean is not None:
            analysis = analysis._with(parameter._changed(mean=parameter.start))
    true = analysis if interaction else analysis.without_interaction()
    expected = _expected(true.objective())
    pairs = zip(analysis.data, expected, strict=True)
    return analysis.with_data(
        [item.with_observed(mean[: item.observed.shape[0]]) for item, mean in pairs]
    )


@dataclass(frozen=True, eq=False, repr=False)
class GoodnessOfFit:
    """How often data made by the best fit would agree with it worse. Made by `goodness_of_fit`.

    Attributes
    ----------
    statistic : float
        2 ln L of predictions equal to the data, less that of the best fit, and the squared pulls of
        the priors: the deviance.
    toys : ndarray, shape (n,)
        The same of toys made and fitted with the model.
    p_value, p_error : float
        Share of toys with a deviance as large, counting the data as one, and its binomial error.
    degrees : int
        Bins and priors, less free parameters. Only for large counts is the deviance chi^2
        distributed with these degrees of freedom.
    failed : int
        Toys left out because their fit did not converge.
    seed : int
    """

    statistic: float
    toys: FloatArray = field(repr=False)
    p_value: float
    p_error: float
    degrees: int
    failed: int
    seed: int

    def __repr__(self) -> str:
        low, middle, high = np.quantile(self.toys, (0.16, 0.5, 0.84))
        left_out = f", {self.failed} left out" if self.failed else ""
        return (
            f"GoodnessOfFit\n"
            f"  deviance    {self.statistic:.3f}, {self.degrees} degrees of freedom\n"
            f"  of toys     {middle:.3f} ({low:.3f} to {high:.3f} in 68 %)\n"
            f"  p-value     {self.p_value:.3f} +- {self.p_error:.3f} "
            f"({self.toys.size} toys{left_out}, seed {self.seed})"
        )


def goodness_of_fit(
    result: FitResult, *, toys: int = 1000, seed: int = 0, progress: bool = True
) -> GoodnessOfFit:
    """Judge a best fit by toys drawn from it and fitted in the same way.

    Parameters
    ----------
    result : FitResult
    toys : int, at least 10
    seed : int
        Toy number i depends on the seed and on i alone.
    progress : bool

    Returns
    -------
    GoodnessOfFit

    Raises
    ------
    ParameterError
        If a number is no whole number, or too small.
    FitError
        If the fit did not converge, or the fits of more than 5 % of the toys do not.
    DatasetError
        If a measurement cannot be simulated, as unfolded points.

    Notes
    -----
    The statistic is the deviance of Baker and Cousins plus ((v - m)/s)^2 of each free parameter v
    with a Gaussian prior. A prior stands for an auxiliary measurement m: in a toy it is drawn anew
    around the best-fit value, as the counts are.

    If no more than one parameter shapes the flux, one of the source's spectrum, 1000 toys take
    about a second and compilation ten; with several the flux is propagated at every step of every
    fit, and a toy takes a tenth of a second. Fits of toys start once, at the truth; a toy that ends
    in another minimum has a deviance that is too large, which raises the p-value.

    References
    ----------
    Baker & Cousins 1984, Nucl. Instrum. Meth. 221, 437.
    """
    require_float64()
    require_run(toys, seed)
    if result.status in (FitStatus.NONFINITE, FitStatus.NOT_CONVERGED):
        raise FitError(f"goodness_of_fit: there is no best fit to judge: {result.message}")
    objective = result.best_analysis.objective()
    hypotheses = at_start(objective)
    found = fitted_toys(
        objective,
        hypotheses,
        0,
        start_of(objective)[None],
        toys=toys,
        seed=seed,
        what="goodness of fit",
        progress=progress,
    )
    measured = jnp.isfinite(hypotheses.sigma[0])
    pulls = (objective.values - objective.mean) / objective.sigma
    held = 0.5 * float(jnp.sum(jnp.where(measured, 0.0, pulls**2)))
    full = sum(float(_saturated(item)) for item in objective.likelihoods)
    statistic = 2.0 * (result.nll - held - full)
    deviances = 2.0 * (found.nll[:, 0] - found.saturated)
    deviances, failed = usable(deviances, found.converged[:, 0], "goodness_of_fit")
    p_value, p_error = tail(deviances, statistic)
    bins = sum(item.observed.size for item in objective.likelihoods)
    return GoodnessOfFit(
        statistic=statistic,
        toys=deviances,
        p_value=p_value,
        p_error=p_error,
        degrees=int(bins + np.sum(measured) - len(objective.layout.free)),
        failed=failed,
        seed=seed,
    )
