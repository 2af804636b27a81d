"""A best fit as plain values, and as a JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nuprop.errors import ConfigError
from nuprop.inference.grid import about

if TYPE_CHECKING:
    from nuprop.inference.result import FitResult

_FORMAT = "nuprop fit, version 1"


def to_dict(result: FitResult) -> dict[str, Any]:
    """Write a fit as plain values that JSON can hold; None stands where a number is not finite.

    Parameters
    ----------
    result : FitResult

    Returns
    -------
    dict
        With the keys status, message, nll (priors included), parameters (by name: value, error,
        unit, whether it is fixed or at its bound, target, bounds, scale, prior), free (names in
        the order of the covariance), covariance, flat_directions, starts, minimizer, and what was
        analyzed: data, ties, source, mediator, neutrinos, relics, cosmology, method, lattice,
        versions.
    """
    parameters = {
        parameter.name: {
            "value": result.values[parameter.name],
            "error": result.errors.get(parameter.name),
            "unit": parameter.unit,
            "fixed": parameter.fixed,
            "at_bound": parameter.name in result.at_bounds,
            "target": parameter.target,
            "bounds": [parameter.low, parameter.high],
            "scale": parameter.scale,
            "prior": None if parameter.mean is None else [parameter.mean, parameter.sigma],
        }
        for parameter in result.analysis.parameters
    }
    record = {
        **about(result.analysis),
        "format": _FORMAT,
        "status": result.status.name,
        "message": result.message,
        "nll": result.nll,
        "parameters": parameters,
        "free": list(result.names),
        "covariance": result.covariance.tolist(),
        "flat_directions": [
            {"weights": dict(direction.weights), "curvature": direction.curvature}
            for direction in result.flat_directions
        ],
        "starts": result.starts.tolist(),
        "minimizer": result.minimizer,
    }
    plain: dict[str, Any] = _finite(record)
    return plain


def _finite(value: Any) -> Any:
    """Put None for every number that is not finite."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def require_record_name(path: str | Path) -> None:
    """Refuse a file name that does not end in .json, with a ConfigError."""
    if Path(path).suffix != ".json":
        raise ConfigError(f"fit = {str(path)!r}: the name must end in .json")


def save(result: FitResult, path: str | Path) -> Path:
    """Write a fit as JSON, whole or not at all, in a folder that is made if need be.

    Raises
    ------
    ConfigError
        If the name does not end in .json.
    OSError
        If the file cannot be written; an older one is left as it was.
    """
    require_record_name(path)
    path = Path(path)
    content = json.dumps(to_dict(result), indent=1, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    try:
        partial.write_text(content + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
