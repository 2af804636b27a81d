"""The curve of a profile likelihood over one parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nuprop.panels import PALETTE
from nuprop.plot.axes import ParameterAxis
from nuprop.plot.thresholds import (
    NOTE,
    TS,
    UNKNOWN,
    cell_edges,
    level_color,
    mark_best,
    mark_failures,
    name_unknown,
    note,
    null_ts,
    percent,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nuprop.inference.profile import Kind, Profile

_HIGHEST = 3.0  # times the highest threshold: no more of a steep curve is shown


def draw_curve(
    axes: Axes, profile: Profile, drawn: ParameterAxis, levels: Sequence[float], kind: Kind
) -> None:
    """Draw the test statistic of a profile with one axis, and its thresholds."""
    [(name, values)] = profile.axes.items()
    drawn.apply(axes, "x")
    places, ts = drawn.scaled(values), profile.ts(kind)
    unknown = np.isnan(ts)
    edges = cell_edges(places, drawn.logarithmic)
    for i in np.flatnonzero(unknown):
        axes.axvspan(edges[i], edges[i + 1], color=UNKNOWN, linewidth=0.0, zorder=0)
    if unknown.any():
        name_unknown(axes)
    axes.plot(places, ts, color=PALETTE[0], label="best of the other parameters")
    thresholds = [profile.threshold(level, kind) for level in levels]
    for number, (level, threshold) in enumerate(zip(levels, thresholds, strict=True)):
        axes.axhline(
            threshold,
            color=level_color(number),
            linewidth=1.1,
            linestyle="--",
            label=f"{percent(level)}: {threshold:.3g}",
        )
    if profile.null_nll is not None:
        axes.axhline(
            null_ts(profile), color="0.3", linewidth=1.1, linestyle=":", label="no interaction"
        )
    mark_failures(axes, places, ts, ~profile.converged & ~unknown)
    best = int(np.nanargmin(ts))
    mark_best(
        axes, places[best], ts[best], f"{name.replace('_', ' ')} {drawn.written(values[best])}"
    )
    ceiling = max(thresholds)
    top = max(1.3 * ceiling, min(1.05 * float(np.nanmax(ts)), _HIGHEST * ceiling))
    axes.set(xlim=(places[0], places[-1]), ylim=(0.0, top), ylabel=TS)
    axes.set_title(note(profile, (kind,), name), **NOTE)
