"""What plots of profile likelihoods share: thresholds in words, marks of best and failed points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.panels import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nuprop.inference.profile import Kind, Profile

FloatArray = NDArray[np.float64]

#: The test statistic, as axes name it.
TS = r"$2\,\Delta\ln L$"
#: Style of what is said above an axis.
NOTE: dict[str, Any] = {"loc": "right", "fontsize": 7.5, "color": "0.25", "pad": 3.0}
STYLES: dict[str, Any] = {"raster": "-", "global": "--"}
#: Color of points that are not computed yet.
UNKNOWN = "0.72"

_LEVEL_COLORS = (PALETTE[1], "black", PALETTE[3], PALETTE[2])
_BEST: dict[str, Any] = {
    "marker": "*",
    "markersize": 12.0,
    "color": PALETTE[4],
    "markeredgecolor": "black",
    "markeredgewidth": 0.7,
    "linestyle": "none",
    "clip_on": False,
    "zorder": 6,
}


def level_color(number: int) -> str:
    """Color of the line at one of the confidence levels."""
    return _LEVEL_COLORS[number % len(_LEVEL_COLORS)]


def percent(level: float) -> str:
    """Write a confidence level.

    Examples
    --------
    >>> percent(0.9), percent(0.6827)
    ('90 %', '68.27 %')
    """
    return f"{100.0 * level:.4g} %"


def degrees(profile: Profile, kind: Kind) -> int:
    """Degrees of freedom behind `Profile.threshold`."""
    return 1 if kind == "raster" else len(profile.axes)


def note(profile: Profile, kinds: Sequence[Kind], along: str) -> str:
    """Say what the thresholds assume; `along` is the axis of a raster."""
    if len(profile.axes) == 1:
        return f"thresholds: Wilks' theorem, {degrees(profile, kinds[0])} degree of freedom"
    other = next(name for name in profile.axes if name != along).replace("_", " ")
    words = {
        "raster": f"solid: each {other} by itself, 1 dof",
        "global": "dashed: all points together, 2 dof",
    }
    first = "thresholds: Wilks' theorem"
    if profile.null_nll is not None:
        first += f"; no interaction lies at {null_ts(profile):.2f}"
    return f"{first}\n{'; '.join(words[kind] for kind in kinds)}"


def null_ts(profile: Profile) -> float:
    """Test statistic of no interaction, against the best of all points."""
    assert profile.null_nll is not None
    return 2.0 * (profile.null_nll - min(profile.best_nll, profile.null_nll))


def mark_best(axes: Axes, x: float, y: float, words: str) -> None:
    """Put a star on the best point."""
    axes.plot([x], [y], label=f"best point: {words}", **_BEST)


def mark_failures(axes: Axes, x: FloatArray, y: FloatArray, failed: NDArray[np.bool_]) -> None:
    """Cross out points whose fit did not converge."""
    if failed.any():
        axes.plot(
            x[failed],
            y[failed],
            marker="x",
            markersize=4.0,
            color=PALETTE[3],
            linestyle="none",
            label="fit not converged",
        )


def name_unknown(axes: Axes) -> None:
    """Say in the legend what gray is."""
    axes.fill_between([], [], [], color=UNKNOWN, linewidth=0.0, label="not computed")


def cell_edges(places: FloatArray, logarithmic: bool) -> FloatArray:
    """Edges of cells around rising places, in their scale."""
    x = np.log(places) if logarithmic else places
    middle = 0.5 * (x[1:] + x[:-1])
    edges = np.concatenate([[1.5 * x[0] - 0.5 * x[1]], middle, [1.5 * x[-1] - 0.5 * x[-2]]])
    return np.exp(edges) if logarithmic else edges
