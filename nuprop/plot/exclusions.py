"""What many analyses exclude, in one figure: panels of mass and coupling."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nuprop.panels import PALETTE, require_format, save, style
from nuprop.plot.axes import coupling_symbol

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nuprop.inference import Profile

#: How the second, third, ... of the profiles of one color are drawn.
_DASHES: tuple[Any, ...] = ("-", "--", ":")


def plot_exclusions(
    panels: Mapping[tuple[str, str], Mapping[tuple[str, str], Profile]],
    path: str | Path | None = None,
    *,
    level: float = 0.9,
    note: str = "",
) -> Figure:
    """Draw what is excluded in coupling and mass of the mediator, and best points.

    Parameters
    ----------
    panels : mapping from (row, column) to a mapping from (color, dash) to Profile
        The labels of rows, columns, colors and dashes; each profile over "coupling" and "mass".
    path : path, optional
        Where to save the figure.
    level : float
        Confidence level, by a raster with one degree of freedom.
    note : str
        Written below.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    if path is not None:
        require_format(path)
    rows, columns = (list(dict.fromkeys(key[i] for key in panels)) for i in (0, 1))
    labels = [key for each in panels.values() for key in each]
    colors, dashes = (list(dict.fromkeys(label[i] for label in labels)) for i in (0, 1))
    with style():
        size = (2.6 + 2.6 * len(columns), 1.6 + 2.4 * len(rows))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(rows), len(columns), sharex=True, sharey=True, squeeze=False)
        for (row, column), each in panels.items():
            axes = grid[rows.index(row)][columns.index(column)]
            axes.set(xscale="log", yscale="log", title=f"{row}, {column}")
            axes.title.set_fontsize(9.5)
            for (color, dash), profile in each.items():
                tint = PALETTE[colors.index(color) % len(PALETTE)]
                _draw(axes, profile, level, color=tint, linestyle=_DASHES[dashes.index(dash)])
        profiles = [profile for each in panels.values() for profile in each.values()]
        symbols = dict.fromkeys(coupling_symbol(profile.about) for profile in profiles)
        for axes in grid[-1]:
            axes.set_xlabel("mediator mass $M$ [MeV]")
        for line in grid:
            line[0].set_ylabel(f"coupling {' or '.join(symbols)}")
        handles = [
            Line2D([], [], color=PALETTE[i % len(PALETTE)], label=color)
            for i, color in enumerate(colors)
        ]
        handles += [
            Line2D([], [], color="0.3", linestyle=_DASHES[i], label=dash)
            for i, dash in enumerate(dashes)
        ]
        handles.append(
            Line2D([], [], color="0.3", marker="*", linestyle="none", label="best point")
        )
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
        said = (
            f"Inside the lines: excluded at {level:.0%}, at each mass apart, by Wilks' theorem "
            f"with one degree of freedom. {note}"
        )
        figure.supxlabel(said.strip(), fontsize=8.0)
        if path is not None:
            save(figure, path)
    return figure


def _draw(axes: Any, profile: Profile, level: float, **line: Any) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    masses, coupling = 1e3 * profile.axes["mass"], profile.axes["coupling"]
    axes.set(xlim=(masses[0], masses[-1]), ylim=(coupling[0], coupling[-1]))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    statistic = profile.ts("raster", "coupling")
    if profile.names == ("mass", "coupling"):
        statistic = statistic.T
    threshold = profile.threshold(level, "raster")
    if np.nanmax(statistic) > threshold:
        axes.contour(
            masses,
            coupling,
            statistic,
            levels=[threshold],
            colors=[line["color"]],
            linestyles=[line["linestyle"]],
            linewidths=1.4,
        )
    hollow = {"markerfacecolor": "none"} if line["linestyle"] != "-" else {}
    axes.plot(
        1e3 * profile.best["mass"],
        profile.best["coupling"],
        marker="*",
        markersize=7.0,
        color=line["color"],
        linestyle="none",
        clip_on=False,
        zorder=5,
        **hollow,
    )
