"""The plane of kinetic mixing and coupling at one mass: a panel for each sign of the mixing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ParameterError
from nuprop.laboratory.beam_dump import RecastDump
from nuprop.laboratory.builder import Builder
from nuprop.laboratory.decays import invisible_line
from nuprop.laboratory.moment_data import measurement
from nuprop.panels import require_format, save, style
from nuprop.plot.bounds import (
    bound_colors,
    draw_bound_legend,
    draw_bounds,
    draw_moments,
    model_in_words,
)
from nuprop.summary import human_energy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nuprop.laboratory.planes import Plane

FloatArray = NDArray[np.float64]

_LINE: Any = {"color": "black", "linestyle": "-.", "linewidth": 1.3}
_FINE = 400


def plot_mixing_plane(
    planes: Sequence[Plane],
    path: str | Path | None = None,
    *,
    sigma: float = 2.0,
    branching: float = 0.9,
    title: str | None = None,
) -> Figure:
    """Draw bounds over (|epsilon|, g') at one mass.

    Parameters
    ----------
    planes : sequence of Plane
        Made by `nuprop.laboratory.mixing_plane`, one for each panel.
    path : path, optional
        Where to save the figure; the suffix chooses the format.
    sigma : float
        Half the width of the bands of magnetic moments, in standard deviations.
    branching : float
        Share of decays to neutrinos at which a line is drawn.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        If there is no plane, or one over another parameter.
    ConfigError
        If the suffix of `path` is unknown.
    """
    from matplotlib.figure import Figure

    if path is not None:
        require_format(path)
    if not planes or any(plane.x_name != "kinetic_mixing" for plane in planes):
        raise ParameterError("planes: one or more over the kinetic mixing are needed")
    with style():
        size = (3.0 + 3.9 * len(planes), 7.4)
        figure = Figure(figsize=size, layout="constrained")
        row = figure.subplots(1, len(planes), sharey=True, squeeze=False)[0]
        entries: dict[str, Any] = {}
        missing: list[set[str]] = []
        for axes, plane in zip(row, planes, strict=True):
            x = np.abs(plane.x)
            moments = [measurement(name) for name in plane.pulls]
            handles = draw_moments(axes, plane, x, moments, sigma)
            drawn, absent = draw_bounds(axes, plane, x)
            handles += drawn
            missing.append(set(absent))
            handles += _draw_branching(axes, plane, branching)
            _mark_anchors(axes, plane, x)
            entries |= {str(handle.get_label()): handle for handle in handles}
            positive = plane.x[0] > 0.0
            axes.set(
                xscale="log",
                yscale="log",
                xlim=(x[0], x[-1]),
                ylim=(plane.coupling[0], plane.coupling[-1]),
                xlabel=r"kinetic mixing $|\varepsilon|$",
                title=rf"$\varepsilon {'>' if positive else '<'} 0$",
            )
        row[0].set_ylabel("coupling $g'$")
        draw_bound_legend(figure, list(entries.values()), columns=min(2, len(planes)))
        figure.suptitle(_title(planes[0], set.intersection(*missing), title), fontsize=10.5)
        if path is not None:
            save(figure, path)
    return figure


def _title(plane: Plane, absent: set[str], title: str | None) -> str:
    fixed = plane.fixed
    mixing = "tree and loop mixing" if fixed["loop_mixing"] else "tree mixing only"
    mass = rf"$M_{{Z'}}$ = {human_energy(fixed['mass'], 3)}"
    words = title or f"{model_in_words(plane)}, {mass}, {mixing}"
    if absent:
        words += f"\n(nothing excluded here by {', '.join(sorted(absent))})"
    return words


def _draw_branching(axes: Axes, plane: Plane, branching: float) -> list[Any]:
    """Draw where decays to neutrinos have a given share."""
    from matplotlib.lines import Line2D

    coupling = np.geomspace(plane.coupling[0], plane.coupling[-1], _FINE)
    build = Builder(plane.fixed["model"], plane.fixed["loop_mixing"])
    mass = plane.fixed["mass"]
    lower, upper = jax.jit(jax.vmap(lambda g: invisible_line(build(mass, g, 0.0), branching)))(
        coupling
    )
    sign = np.sign(plane.x[0])
    edge = np.asarray(upper if sign > 0 else -lower)
    seen = np.isfinite(edge) & (edge > 0.0)
    if not np.any(seen):
        return []
    axes.plot(edge[seen], coupling[seen], zorder=3.0, **_LINE)
    label = rf"Br($Z'\to\nu\bar\nu$) = {branching:g}, less to its right"
    return [Line2D([], [], label=label, **_LINE)]


def _mark_anchors(axes: Axes, plane: Plane, x: FloatArray) -> None:
    """Mark the edges of bounds that are known at single points, at the smallest coupling."""
    colors = bound_colors(plane.constraints.values())
    for name, constraint in plane.constraints.items():
        if not isinstance(constraint, RecastDump) or any(c.interpolate for c in constraint.curves):
            continue
        row = np.log(np.maximum(plane.strengths[name][0], 1e-300))
        ends = np.flatnonzero((row[1:] > 0.0) != (row[:-1] > 0.0))
        share = row[ends] / (row[ends] - row[ends + 1])
        places = np.exp(np.log(x[ends]) + share * np.log(x[ends + 1] / x[ends]))
        axes.plot(
            places,
            np.full_like(places, plane.coupling[0]),
            marker="D",
            markersize=6.0,
            color=colors[name],
            markeredgecolor="black",
            linestyle="none",
            clip_on=False,
            zorder=6,
        )
