"""Parameters of a fit: what they set, between which bounds, and what is known of them before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nuprop.errors import ParameterError
from nuprop.icecube.protocol import Nuisance
from nuprop.units import CODE_UNITS, in_code_units, required_number

Scale = Literal["linear", "log"]

#: Kind of quantity of what a target ends in; anything else is a plain number.
_KINDS = {
    "mass": "energy",
    "lightest_mass": "energy",
    "cutoff": "energy",
    "break_energy": "energy",
    "reference_energy": "energy",
    "energy": "energy",
    "pivot": "energy",
    "normalization": "flux",
    "density": "density",
    "H0": "hubble",
}

#: Where a target begins, if it is a nuisance of a measurement.
DETECTOR = "detector"


@dataclass(frozen=True, init=False, repr=False)
class Parameter:
    """One parameter of a fit.

    Parameters
    ----------
    target : str or None
        What it sets: the attribute of a source, mediator, neutrinos, relics or cosmology by its
        path, such as "source.spectrum.index", "mediator.coupling" or "neutrinos.lightest_mass";
        a nuisance of a measurement, "detector.dom" or "detector.hese-7.5yr.dom". None for a
        parameter that only enters ties, see `Analysis`.
    bounds : pair of Quantity, str or float
        Lowest and highest value; both finite, since fits, scans and samplers work between them.
    name : str, optional
        By default the last part of the target.
    start : Quantity, str or float, optional
        Where fits begin, or its value if it is fixed. By default the value that the object given
        to `Analysis` has, if it lies between the bounds, else their middle.
    scale : "linear" or "log"
        In which scale the parameter is varied, scanned and, by a sampler without a prior of its
        own, equally likely.
    prior : pair of numbers, optional
        Mean and standard deviation of a Gaussian in the value itself.
    fixed : bool
    transform : callable, optional
        Turns the parameter into the value of the target: a function written with jax.numpy.

    Attributes
    ----------
    target, name, scale, fixed, transform : as given
    low, high, start, mean, sigma : float in code units (GeV, cm, s), or None
    kind : str, a key of `nuprop.units.CODE_UNITS`

    Raises
    ------
    ParameterError, UnitError
        If bounds are not finite or not rising, a start lies outside, a log scale meets zero, or a
        unit is wrong.

    Examples
    --------
    >>> Parameter("mediator.mass", bounds=("1 MeV", "100 MeV"), scale="log")
    Parameter('mass' -> mediator.mass, from 0.001 to 0.1 GeV, log)
    """

    target: str | None
    name: str
    low: float
    high: float
    start: float | None
    scale: Scale
    mean: float | None
    sigma: float | None
    fixed: bool
    transform: Callable[[Any], Any] | None
    kind: str
    description: str

    def __init__(
        self,
        target: str | None,
        bounds: Any,
        *,
        name: str | None = None,
        start: Any = None,
        scale: Scale = "linear",
        prior: Any = None,
        fixed: bool = False,
        transform: Callable[[Any], Any] | None = None,
        description: str = "",
    ) -> None:
        name = _name(target, name)
        kind = "dimensionless"
        if target is not None and transform is None and not target.startswith(DETECTOR):
            kind = _kind(target, bounds)
        low, high = _bounds(name, bounds, kind)
        if scale not in ("linear", "log"):
            raise ParameterError(f"scale = {scale!r} of {name!r}: 'linear' or 'log'")
        if scale == "log" and low <= 0.0:
            raise ParameterError(
                f"bounds of {name!r} = {low:g}, {high:g}: a log scale needs a lower bound above 0"
            )
        if start is not None:
            start = required_number(
                start,
                kind,
                name,
                f"the start must lie within the bounds, {low:g} to {high:g}",
                lambda x: (low <= x) & (x <= high),
            )
        mean, sigma = _prior(name, prior, kind)
        values = {
            "target": target,
            "name": name,
            "low": low,
            "high": high,
            "start": start,
            "scale": scale,
            "mean": mean,
            "sigma": sigma,
            "fixed": bool(fixed),
            "transform": transform,
            "kind": kind,
            "description": description,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @classmethod
    def of_nuisance(cls, nuisance: Nuisance, name: str, target: str) -> Parameter:
        """Make the parameter of a nuisance, with the prior that comes with it."""
        known = nuisance.mean is not None and nuisance.sigma is not None
        return cls(
            target,
            nuisance.bounds,
            name=name,
            start=nuisance.start,
            prior=(nuisance.mean, nuisance.sigma) if known else None,
            fixed=not nuisance.free,
            description=nuisance.description,
        )

    @property
    def unit(self) -> str:
        """Code unit of the value, such as "GeV"; empty for a plain number."""
        return CODE_UNITS[self.kind]

    def fixed_at(self, value: Any) -> Parameter:
        """Hold the parameter at a value within its bounds."""
        given = required_number(
            value,
            self.kind,
            self.name,
            f"from {self.low:g} to {self.high:g} {self.unit}".rstrip(),
            lambda x: (self.low <= x) & (x <= self.high),
        )
        return self._changed(start=given, fixed=True)

    def freed(self) -> Parameter:
        """Let the parameter vary."""
        return self._changed(fixed=False)

    def _changed(self, **fields: Any) -> Parameter:
        changed = object.__new__(Parameter)
        for key, value in {**self.__dict__, **fields}.items():
            object.__setattr__(changed, key, value)
        return changed

    def __repr__(self) -> str:
        parts = [f"from {self.low:g} to {self.high:g} {self.unit}".rstrip()]
        if self.scale == "log":
            parts.append("log")
        if self.mean is not None:
            parts.append(f"prior {self.mean:g} +- {self.sigma:g}")
        if self.fixed:
            parts.append("fixed" if self.start is None else f"fixed at {self.start:g}")
        target = "" if self.target is None else f" -> {self.target}"
        return f"Parameter({self.name!r}{target}, {', '.join(parts)})"


def _name(target: str | None, name: str | None) -> str:
    if target is not None and not isinstance(target, str):
        raise ParameterError(f"target = {target!r}: a path such as 'source.spectrum.index'")
    if name is None:
        if target is None:
            raise ParameterError("target = None: a parameter that sets nothing itself needs a name")
        name = target.rpartition(".")[2]
    if not isinstance(name, str) or not name:
        raise ParameterError(f"name = {name!r}: a parameter needs a name in letters")
    return name


def _kind(target: str, bounds: Any) -> str:
    kind = _KINDS.get(target.rpartition(".")[2], "dimensionless")
    if target in ("relics.temperature", "relics.sterile.temperature"):
        return "energy"
    if kind == "flux" and isinstance(bounds, tuple | list) and bounds and _is_emissivity(bounds[0]):
        return "emissivity"
    return kind


def _is_emissivity(value: Any) -> bool:
    if not isinstance(value, str) and not hasattr(value, "unit"):
        return False
    from astropy.units import Quantity

    try:
        return bool(Quantity(value).unit.is_equivalent(CODE_UNITS["emissivity"]))
    except (TypeError, ValueError):
        return False


def _bounds(name: str, bounds: Any, kind: str) -> tuple[float, float]:
    try:
        low, high = bounds
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"bounds of {name!r} = {bounds!r}: a lowest and a highest value are needed"
        ) from error
    low, high = (in_code_units(bound, kind, f"bounds of {name!r}") for bound in (low, high))
    if np.ndim(low) or np.ndim(high) or not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ParameterError(
            f"bounds of {name!r} = {low}, {high}: two finite numbers, the first below the second"
        )
    return float(low), float(high)


def _prior(name: str, prior: Any, kind: str) -> tuple[float | None, float | None]:
    if prior is None:
        return None, None
    try:
        mean, sigma = prior
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"prior of {name!r} = {prior!r}: a mean and a standard deviation are needed"
        ) from error
    mean = required_number(mean, kind, f"prior mean of {name!r}", "a finite number", np.isfinite)
    sigma = required_number(sigma, kind, f"prior sigma of {name!r}", "above 0", lambda x: x > 0.0)
    return float(mean), float(sigma)
