"""A best fit and what it is worth."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import FitError
from nuprop.icecube.counts import ExpectedCounts
from nuprop.inference.analysis import Analysis
from nuprop.inference.best import best_physics, expected_counts
from nuprop.inference.status import FitStatus

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nuprop.flux import DiffuseFlux

FloatArray = NDArray[np.float64]


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

    def citation(self) -> str:
        """Write the BibTeX entries of what this fit rests on, its data included."""
        from nuprop.citation import bibtex, used
        from nuprop.icecube.datasets import datasets

        physics = self.analysis.physics
        keys = used(
            evolution=physics.source.evolution.name,
            reference=physics.source.evolution.reference,
            oscillations=physics.neutrinos.oscillations.name,
            cosmology=physics.cosmology.name,
            sterile_relics=physics.relics.sterile is not None,
        )
        used_here = {name for item in self.analysis.data for name in item.samples}
        papers = [known.citation for known in datasets() if known.name in used_here]
        return bibtex(dict.fromkeys([*keys, *papers]))

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
