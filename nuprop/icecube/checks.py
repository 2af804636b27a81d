"""What may be asked of a sample: its nuisances, counts of one's own, and its bins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nuprop.errors import GridError, ParameterError, nearest
from nuprop.icecube.protocol import Nuisances
from nuprop.units import required_number

#: "60 TeV" names the edge at 59.9998 TeV: edges are told apart by more than this.
_SAME_EDGE = 1e-3


def require_nuisances(sample: Any, given: Nuisances) -> None:
    """Refuse nuisances that a likelihood does not have, or values out of their bounds."""
    known = {nuisance.name: nuisance for nuisance in sample.nuisances}
    for name, value in given.items():
        if name not in known:
            raise ParameterError(
                f"nuisance {name!r}: {sample.name!r} has none of this name; "
                f"{nearest(name, known) if known else 'it has none at all'}{monte_carlo_hint(name)}"
            )
        low, high = known[name].bounds
        if not low <= float(value) <= high:
            raise ParameterError(f"{name} = {value}: from {low:g} to {high:g}")


_MONTE_CARLO_ONLY = ("prompt", "kpi", "nu_nubar", "dgamma", "anisotropy")


def monte_carlo_hint(name: str) -> str:
    """Say of a nuisance that only the official Monte Carlo has where to find it."""
    if name not in _MONTE_CARLO_ONLY:
        return ""
    return (
        f"; {name!r} exists only with the official Monte Carlo, which you download: see "
        "nuprop.icecube.montecarlo"
    )


def require_counts(observed: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Refuse counts that are negative, undefined, or of another shape."""
    try:
        values = np.asarray(observed, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"observed = {observed!r}: numbers are needed") from error
    if values.shape != shape:
        raise GridError(f"observed has the shape {values.shape}: {shape} is needed")
    bad = ~np.isfinite(values) | (values < 0.0)
    if np.any(bad):
        where = int(np.argmax(bad))
        raise ParameterError(
            f"observed[{where}] = {values[where]}: counts must be finite and not negative"
        )
    return values


def edge_number(edges: np.ndarray, value: Any, name: str) -> int:
    """Find the first edge at or above a `lowest` value, or the last at or below a `highest`."""
    energy = required_number(value, "energy", name, "must be >= 0 GeV", lambda e: e >= 0.0)
    if name == "lowest":
        number = int(np.searchsorted(edges, energy * (1.0 - _SAME_EDGE)))
    else:
        number = int(np.searchsorted(edges, energy * (1.0 + _SAME_EDGE), side="right")) - 1
    if not 0 <= number < edges.size:
        raise GridError(
            f"{name} = {value}: the bins reach from {edges[0]:.6g} to {edges[-1]:.6g} GeV"
        )
    return number
