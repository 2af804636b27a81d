"""Thresholds of a raster test by toys, where Wilks' theorem may not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ParameterError
from nuprop.inference.analysis import Analysis
from nuprop.inference.ensemble import compared, quantile, require_run
from nuprop.inference.grid import grid
from nuprop.inference.hypotheses import on_grid
from nuprop.inference.objective import with_free
from nuprop.precision import require_float64

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """The test statistic of one point, as toys made there distribute it. Made by `calibrate`.

    Attributes
    ----------
    point : mapping from name to float
        Values that are tested, in code units.
    truth : mapping from name to float
        All parameters, with the free ones at their best for these values: toys are drawn there.
    along : str
    axis : ndarray, shape (n_axis,)
        Values of `along` that were fitted to every toy.
    observed : float
        Test statistic of the data.
    toys : ndarray, shape (n,)
        That of the toys.
    thresholds, threshold_errors : mapping from confidence level to float
    p_value, p_error : float
        Share of toys with a test statistic as large, counting the data as one.
    failed : int
        Toys left out because a fit did not converge.
    interpolation_error : float
        Largest relative error of the interpolated fluxes.
    seed : int
    """

    point: Mapping[str, float]
    truth: Mapping[str, float]
    along: str
    axis: FloatArray
    observed: float
    toys: FloatArray
    thresholds: Mapping[float, float]
    threshold_errors: Mapping[float, float]
    p_value: float
    p_error: float
    failed: int
    interpolation_error: float
    seed: int

    @property
    def wilks(self) -> dict[float, float]:
        """Thresholds of Wilks' theorem, chi^2 with one degree of freedom, by confidence level."""
        from scipy.stats import chi2

        return {level: float(chi2.ppf(level, 1)) for level in self.thresholds}

    @property
    def wilks_p_value(self) -> float:
        """p-value of Wilks' theorem, chi^2 with one degree of freedom."""
        from scipy.stats import chi2

        return float(chi2.sf(self.observed, 1))

    def excluded(self, level: float = 0.9) -> bool:
        """Whether the point is excluded at one of the calibrated confidence levels.

        Raises
        ------
        ParameterError
            If the level was not calibrated.
        """
        if level not in self.thresholds:
            known = ", ".join(f"{known:g}" for known in self.thresholds)
            raise ParameterError(f"level = {level!r}: calibrated are {known}")
        return self.observed > self.thresholds[level]

    def __repr__(self) -> str:
        point = ", ".join(f"{name} = {value:.4g}" for name, value in self.point.items())
        left_out = f", {self.failed} left out" if self.failed else ""
        lines = [
            f"Calibration at {point}, along {self.along} ({self.axis.size} values)",
            f"  observed    {self.observed:.3f}",
            f"  p-value     {self.p_value:.3f} +- {self.p_error:.3f} ({self.toys.size} toys"
            f"{left_out}, seed {self.seed}); Wilks {self.wilks_p_value:.3f}",
        ]
        for level, threshold in self.thresholds.items():
            lines.append(
                f"  {level:<10.3g}  above {threshold:.3f} +- {self.threshold_errors[level]:.3f}; "
                f"Wilks {self.wilks[level]:.3f}"
            )
        return "\n".join(lines)


def calibrate(
    analysis: Analysis,
    point: Mapping[str, Any],
    *,
    along: str = "coupling",
    axis: Any = 25,
    level: float | Sequence[float] = (0.90, 0.95),
    toys: int = 500,
    seed: int = 0,
    progress: bool = True,
) -> Calibration:
    """Find the true distribution of a raster's test statistic at one point.

    Parameters
    ----------
    analysis : Analysis
    point : mapping from name to Quantity, str or float
        The tested values, such as ``{"coupling": 1e-3, "mass": "10 MeV"}``.
    along : str
        The parameter of `point` along which the best value is sought; the others stay.
    axis : int, Quantity or sequence
        Values of `along` that compete with the tested one, or how many, between its bounds. A test
        that shall mean the same as one in a `Profile` needs the same values.
    level : float or sequence of float
        Confidence levels of the thresholds.
    toys : int
        At least 5 / (1 - level).
    seed : int
        Toy number i depends on the seed and on i alone.
    progress : bool

    Returns
    -------
    Calibration

    Raises
    ------
    ParameterError
        If a name is unknown, `along` is not in `point`, or a number is out of its range.
    FitError
        If more than one parameter besides those of `point` shapes the flux, or fits do not
        converge.
    DatasetError
        If a measurement cannot be simulated, as unfolded points.

    Notes
    -----
    The test statistic is TS = 2 [min -ln L(point) - min over the axis of min -ln L], the inner
    minima in all free parameters. The tested value and, where a parameter of the mediator is
    tested, no interaction compete too, so that TS >= 0.

    Toys are drawn at the tested values with the free parameters at their best for the data (the
    profile construction): the thresholds hold for these values of the free parameters, and nearly
    for others. Gaussian priors stand for auxiliary measurements, which are drawn anew in each toy.

    At the boundary g' = 0: a coupling cannot be negative, and a fit that wants to fill up the
    spectrum instead of absorbing it stops at no interaction. There about half of all toys have
    TS = 0, and thresholds fall below those of Wilks' theorem: 1.64 in place of 2.71 at 90 % for one
    regular parameter (Chernoff 1954, Ann. Math. Stat. 25, 573). For couplings too weak to be seen
    it is much the same. Where every coupling of the axis gives the same flux, TS and its thresholds
    are 0.

    One fit of one toy to HESE takes 0.4 ms on one core: 500 toys at 25 values take 7 s, after 10
    to 20 s of compilation.

    References
    ----------
    Feldman & Cousins 1998, arXiv:physics/9711021, Sec. V.
    """
    require_float64()
    levels = tuple(level) if isinstance(level, list | tuple) else (level,)
    require_run(toys, seed, levels)
    tested = _tested(analysis, point, along)
    axes: dict[str, Any] = {name: np.array([value]) for name, value in tested.items()}
    made = grid(analysis, axes | {along: axis}, 0, 0)
    values = made.axes[along]
    others = values[~np.isclose(values, tested[along], rtol=1e-9, atol=0.0)]
    points = np.array([list(tested.values())] * (1 + others.size))
    points[1:, list(tested).index(along)] = others
    hypotheses, error = on_grid(made, points, "calibrate")
    found = compared(
        made.objective, hypotheses, 0, toys=toys, seed=seed, what="calibrate", progress=progress
    )
    at = {item: quantile(found.statistics, item) for item in levels}
    held = replace(made.objective, values=hypotheses.values[0])
    truth = np.asarray(with_free(held, jnp.asarray(found.data.x[0, 0]))).tolist()
    names = [parameter.name for parameter in made.analysis.parameters]
    return Calibration(
        point=tested,
        truth=dict(zip(names, truth, strict=True)),
        along=along,
        axis=values,
        observed=found.observed,
        toys=found.statistics,
        thresholds={item: value for item, (value, _) in at.items()},
        threshold_errors={item: spread for item, (_, spread) in at.items()},
        p_value=found.p_value,
        p_error=found.p_error,
        failed=found.failed,
        interpolation_error=error,
        seed=seed,
    )


def _tested(analysis: Analysis, point: Mapping[str, Any], along: str) -> dict[str, float]:
    if not isinstance(point, Mapping) or not point:
        raise ParameterError(
            f"point = {point!r}: values by name, such as {{'coupling': 1e-3, 'mass': '10 MeV'}}"
        )
    tested: dict[str, float] = {}
    for name, value in point.items():
        held = analysis.parameter(name).fixed_at(value).start
        assert held is not None
        tested[name] = held
    if along not in tested:
        raise ParameterError(f"along = {along!r}: one of the tested values, {', '.join(tested)}")
    return tested
