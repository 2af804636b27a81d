"""The plot of counts per bin of deposited energy beside what is expected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ParameterError
from nuprop.icecube.poisson import deviance
from nuprop.panels import PALETTE, draw_legend, require_format, save, style
from nuprop.plot.intervals import draw_counts, draw_empty

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nuprop.icecube.counts import ExpectedCounts

FloatArray = NDArray[np.float64]

_TOPOLOGIES = ("cascades", "tracks", "double cascades")
_BACKGROUNDS = {
    "muon": ("atmospheric muons", "0.65"),
    "conv": ("atmospheric neutrinos", PALETTE[4]),
    "background": ("atmospheric neutrinos and muons", PALETTE[4]),
}
_OTHERS = (PALETTE[2], PALETTE[3], PALETTE[1])
_SIGNAL = ("astrophysical", PALETTE[5])
_DECADES = 3.0  # of expected counts that are shown below the greatest


def plot_counts(
    counts: ExpectedCounts,
    path: str | Path | None = None,
    *,
    residuals: bool = True,
    logarithmic: bool = True,
    title: str | None = None,
) -> Figure:
    """Draw observed and expected events per bin; by topology in three panels.

    Points carry central 68 % intervals (Garwood); for a bin without events the interval alone is
    drawn, up to 1.84. Backgrounds and signal are stacked. The dashed line is the total without
    interaction, at the same parameters, where the counts know it.

    Parameters
    ----------
    counts : ExpectedCounts
    path : path, optional
        Where to save the figure; the suffix chooses the format (.png, .pdf, .svg).
    residuals : bool
        Whether to add a panel of +-sqrt(deviance) per bin, whose squares add up to
        ``counts.deviance``: close to (n - mu)/sqrt(mu) where many events are, and defined where
        none are.
    logarithmic : bool
        Whether events are drawn on a logarithmic axis.
    title : str, optional
        By default the title of the sample.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If the suffix of `path` is unknown.
    ParameterError
        If an expected count is negative or not finite.
    """
    if path is not None:
        require_format(path)
    _require_counts(counts)
    parts = _Parts(counts)
    with style():
        figure, columns = _panels(len(parts.names), residuals)
        for number, (upper, lower) in enumerate(columns):
            _draw_stack(upper, parts, number)
            _label(upper, parts, number, logarithmic)
            if lower is not None:
                _draw_residuals(lower, parts, number)
            (upper if lower is None else lower).set_xlabel("deposited energy [GeV]")
        draw_legend(figure, columns[0][0], counts.title if title is None else title)
        if path is not None:
            save(figure, path)
    return figure


class _Parts:
    """Counts as one row for each panel."""

    def __init__(self, counts: ExpectedCounts) -> None:
        self.edges = counts.edges_gev
        bins = self.edges.size - 1
        self.names = _TOPOLOGIES if counts.by_topology else ("",)
        self.observed = counts.observed.reshape(-1, bins)
        self.signal = counts.astrophysical.reshape(-1, bins)
        self.backgrounds = {name: b.reshape(-1, bins) for name, b in counts.backgrounds.items()}
        self.background = counts.background.reshape(-1, bins)
        self.total = counts.total.reshape(-1, bins)
        self.free: FloatArray | None = None
        if counts.free_signal is not None:
            free = counts.free_signal.sum(axis=0)
            self.free = self.background + (free if counts.by_topology else free.sum(axis=0))
        self.centers = np.sqrt(self.edges[1:] * self.edges[:-1])


def _require_counts(counts: ExpectedCounts) -> None:
    total = counts.total
    bad = ~np.isfinite(total) | (total < 0.0)
    if np.any(bad):
        where = int(np.argmax(bad))
        raise ParameterError(
            f"expected counts of {counts.name!r}, bin {where}: {total[where]}; finite counts that "
            "are not negative can be drawn"
        )


def _panels(columns: int, residuals: bool) -> tuple[Figure, list[tuple[Axes, Axes | None]]]:
    from matplotlib.figure import Figure

    width = 6.4 if columns == 1 else 3.5 * columns
    height = 5.6 if residuals else 4.4
    figure = Figure(figsize=(width, height), layout="constrained")
    rows = 2 if residuals else 1
    grid = figure.subplots(
        rows,
        columns,
        sharex=True,
        sharey="row",
        squeeze=False,
        height_ratios=(3, 1.1) if residuals else (1,),
    )
    return figure, [(grid[0, i], grid[1, i] if residuals else None) for i in range(columns)]


def _draw_stack(axes: Axes, parts: _Parts, number: int) -> None:
    base = np.zeros(parts.edges.size - 1)
    others = iter(_OTHERS)
    layers = []
    for name, counts in parts.backgrounds.items():
        label, color = _BACKGROUNDS.get(name) or (name.replace("_", " "), next(others, "0.8"))
        layers.append((label, color, counts[number]))
    layers.sort(key=lambda layer: float(layer[2].sum()))
    for label, color, counts in [*layers, (*_SIGNAL, parts.signal[number])]:
        axes.stairs(
            base + counts,
            parts.edges,
            baseline=base,
            fill=True,
            color=color,
            alpha=0.75,
            linewidth=0.0,
            label=label,
        )
        base = base + counts
    axes.stairs(base, parts.edges, baseline=None, color=PALETTE[0], linewidth=1.4, label="total")
    if parts.free is not None:
        axes.stairs(
            parts.free[number],
            parts.edges,
            baseline=None,
            color="0.25",
            linestyle="--",
            linewidth=1.2,
            label="total without interaction",
        )
    observed = parts.observed[number]
    draw_empty(axes, parts.centers, observed, color="0.35", label="no event")
    draw_counts(axes, parts.centers, observed, color="black", label="data, 68 % intervals")


def _label(axes: Axes, parts: _Parts, number: int, logarithmic: bool) -> None:
    axes.set(xscale="log", xlim=(parts.edges[0], parts.edges[-1]))
    top = max(float(parts.total.max()), float(parts.observed.max()), 1.0)
    if logarithmic:
        lowest = float(parts.total[parts.total > 0.0].min(initial=top))
        axes.set_yscale("log")
        axes.set_ylim(max(0.5 * lowest, top * 10.0**-_DECADES), 2.5 * top)
    else:
        axes.set_ylim(0.0, 1.4 * top)
    if number == 0:
        width = np.log10(parts.edges[1:] / parts.edges[:-1])
        even = np.ptp(width) < 1e-2 * width.mean()
        axes.set_ylabel("events per bin" + (f" of {width.mean():.2g} decades" if even else ""))
    if parts.names[number]:
        seen, expected = parts.observed[number].sum(), parts.total[number].sum()
        axes.set_title(
            f"{parts.names[number]}: {seen:.0f} seen, {expected:.1f} expected", fontsize=9.0
        )


def _draw_residuals(axes: Axes, parts: _Parts, number: int) -> None:
    observed, total = parts.observed[number], parts.total[number]
    pull = np.sign(observed - total) * np.sqrt(
        np.maximum(np.asarray(deviance(observed, total)), 0.0)
    )
    for reach in (2.0, 1.0):
        axes.axhspan(-reach, reach, color="0.5", alpha=0.13, linewidth=0.0)
    axes.axhline(0.0, color="0.4", linewidth=0.8)
    line: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 4.0}
    seen = observed > 0
    axes.plot(parts.centers[seen], pull[seen], color="black", **line)
    axes.plot(parts.centers[~seen], pull[~seen], color="black", markerfacecolor="white", **line)
    reach = max(3.0, 1.15 * float(np.abs(pull).max()), *np.abs(axes.get_ylim()))
    axes.set_ylim(-reach, reach)
    if number == 0:
        axes.set_ylabel("residual,\n" + r"$\pm\sqrt{\mathrm{deviance}}$")
