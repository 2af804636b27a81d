"""How a fit ended."""

from __future__ import annotations

from enum import Enum


class FitStatus(Enum):
    """How a fit ended; the value is the help text."""

    CONVERGED = "a minimum inside the bounds, curved in every direction"
    AT_BOUNDS = (
        "the best point lies at a bound of a parameter: its error is one-sided, and the minimum "
        "may lie beyond"
    )
    FLAT_DIRECTION = (
        "the likelihood does not tell some parameters apart: along a direction it changes by less "
        "than one unit of 2 Delta ln L over the whole range, and no single best value has a meaning"
    )
    NOT_CONVERGED = "the minimizer stopped before the gradient vanished: give more starts"
    NONFINITE = "the likelihood is not finite anywhere that was tried"
