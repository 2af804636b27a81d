"""The map of a profile likelihood over two parameters, with what it excludes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.plot.axes import ParameterAxis
from nuprop.plot.thresholds import (
    NOTE,
    STYLES,
    TS,
    UNKNOWN,
    cell_edges,
    degrees,
    level_color,
    mark_best,
    mark_failures,
    name_unknown,
    note,
    percent,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nuprop.inference.profile import Kind, Profile

FloatArray = NDArray[np.float64]

_COLORS = ("#FFFFFF", "#D6E6F2", "#8FBBDC", "#4A8DC0", "#1F5F99")
_HATCH: dict[str, Any] = {"edgecolor": "0.4", "linewidth": 0.0}
_HIGHEST = 2.0  # times the highest threshold: the end of the color scale


def draw_plane(
    axes: Axes,
    profile: Profile,
    drawn: Mapping[str, ParameterAxis],
    levels: Sequence[float],
    kinds: Sequence[Kind],
    along: str,
) -> None:
    """Draw a profile with two axes.

    Parameters
    ----------
    axes : matplotlib Axes
    profile : Profile
    drawn : the axes of the profile, x first.
    levels : sequence of float
        Confidence levels.
    kinds : sequence of "raster" and "global"
        Of which contours are drawn; the last is the map. What a raster excludes at the first
        level is hatched.
    along : str
        The axis of a raster.
    """
    names = tuple(drawn)
    x, y = (drawn[name].scaled(profile.axes[name]) for name in names)
    turned = profile.names == names
    statistic = {kind: _rows(profile.ts(kind, along), turned) for kind in kinds}
    drawn[names[0]].apply(axes, "x")
    drawn[names[1]].apply(axes, "y")
    highest = _HIGHEST * max(profile.threshold(level, kinds[-1]) for level in levels)
    edges = [cell_edges(p, drawn[name].logarithmic) for p, name in zip((x, y), names, strict=True)]
    _draw_map(axes, edges[0], edges[1], statistic[kinds[-1]], highest)
    if "raster" in kinds:
        threshold = profile.threshold(levels[0], "raster")
        _draw_excluded(
            axes, x, y, statistic["raster"], threshold, f"excluded at {percent(levels[0])}"
        )
    for kind in kinds:
        for number, level in enumerate(levels):
            line = {"color": level_color(number), "linestyle": STYLES[kind], "linewidth": 1.5}
            _draw_contour(axes, x, y, statistic[kind], profile.threshold(level, kind), line)
            axes.plot([], [], label=f"{percent(level)}, {degrees(profile, kind)} dof", **line)
    mesh = np.meshgrid(x, y)
    failed = ~profile.converged & np.isfinite(profile.nll)
    mark_failures(axes, mesh[0], mesh[1], _rows(failed, turned))
    best = profile.best
    words = ",\n".join(f"{n.replace('_', ' ')} {drawn[n].written(best[n])}" for n in names)
    place = [float(drawn[name].scaled(best[name])) for name in names]
    mark_best(axes, place[0], place[1], words)
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    axes.set_title(note(profile, kinds, along), **NOTE)


def _rows(values: NDArray[Any], turned: bool) -> NDArray[Any]:
    """Arrange values with x along a row."""
    return values.T if turned else values


def _draw_map(
    axes: Axes, x_edges: FloatArray, y_edges: FloatArray, ts: FloatArray, highest: float
) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    image = axes.pcolormesh(
        x_edges,
        y_edges,
        np.ma.masked_invalid(ts),
        cmap=LinearSegmentedColormap.from_list("likelihood", _COLORS),
        vmin=0.0,
        vmax=highest,
        rasterized=True,
    )
    axes.set_facecolor(UNKNOWN)
    if np.isnan(ts).any():
        name_unknown(axes)
    assert axes.figure is not None
    axes.figure.colorbar(image, ax=axes, extend="max", label=TS, pad=0.02)


def _draw_excluded(
    axes: Axes, x: FloatArray, y: FloatArray, ts: FloatArray, threshold: float, label: str
) -> None:
    highest = float(np.nanmax(ts))
    if highest <= threshold:
        return
    region = axes.contourf(
        x, y, np.ma.masked_invalid(ts), [threshold, highest + 1.0], colors="none", hatches=["////"]
    )
    region.set(**_HATCH)
    axes.fill_between([], [], [], facecolor="none", hatch="////", label=label, **_HATCH)


def _draw_contour(
    axes: Axes, x: FloatArray, y: FloatArray, ts: FloatArray, threshold: float, line: dict[str, Any]
) -> None:
    if not np.nanmin(ts) < threshold < np.nanmax(ts):
        return
    axes.contour(
        x,
        y,
        np.ma.masked_invalid(ts),
        [threshold],
        colors=[line["color"]],
        linestyles=[line["linestyle"]],
        linewidths=[line["linewidth"]],
    )
