"""Plots of what IceCube published: events, counts, unfolded spectra, fits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nuprop.icecube.events import TOPOLOGIES, events
from nuprop.icecube.fits import Measured, PublishedFit, published_fit
from nuprop.icecube.points import unfolded
from nuprop.panels import (
    PALETTE,
    draw_legend,
    draw_points,
    label_flux_axis,
    panels,
    require_format,
    save,
    style,
)
from nuprop.plot.intervals import draw_counts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nuprop.icecube.datasets import Dataset

FloatArray = NDArray[np.float64]

_BINS_PER_DECADE = 5
_FIT_THRESHOLD = 6e4  # GeV deposited; below it atmospheric muons and neutrinos dominate
_WIDE = (1e4, 1e7)  # GeV, where a fit without an energy range is drawn
_DEPOSITED = "deposited energy [GeV]"
_FLUX_UNIT = 1e-18


def plot_dataset(dataset: Dataset, path: str | Path | None = None) -> Figure:
    """Draw a data set as its kind asks for.

    Events by topology in five bins per decade of deposited energy; binned counts in their own
    bins, both with 68 % Poisson intervals; points and limits as E^2 Phi; a power-law fit as index
    and normalization with its 68 % contour, any other fit as E^2 Phi.

    Parameters
    ----------
    dataset : Dataset
        From `nuprop.icecube.dataset`.
    path : path, optional
        Where to save the figure; the suffix chooses the format (.png, .pdf, .svg).

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If the suffix of `path` is unknown.
    """
    if path is not None:
        require_format(path)
    draw = {
        "binned": _draw_binned,
        "events": _draw_events,
        "unfolded": _draw_spectrum,
        "limit": _draw_spectrum,
        "fit": _draw_fit,
    }[dataset.kind]
    with style():
        figure, axes, _ = panels(False)
        draw(axes, dataset)
        draw_legend(figure, axes, dataset.title, columns=2)
        if path is not None:
            save(figure, path)
    return figure


def _draw_events(axes: Axes, dataset: Dataset) -> None:
    table = events(dataset.name)
    known = table.energy[np.isfinite(table.energy)]
    ends = np.log10([known.min(), known.max()]) * _BINS_PER_DECADE
    steps = np.arange(np.floor(ends[0]), np.ceil(ends[1]) + 1)
    edges = 10.0 ** (steps / _BINS_PER_DECADE)
    seen = [kind for kind in TOPOLOGIES if kind in table.counts]
    drawn = [kind for kind in seen if table.histogram(edges, kind).any()]
    for number, kind in enumerate(drawn):
        counts = table.histogram(edges, kind)
        color = PALETTE[number]
        label = f"{kind}: {table.counts[kind]} events"
        axes.stairs(counts, edges, color=color, label=label, fill=True, alpha=0.15)
        axes.stairs(counts, edges, color=color, linewidth=1.2)
        place = (number + 1.0) / (len(drawn) + 1.0)  # beside each other within a bin
        draw_counts(axes, edges[:-1] * (edges[1:] / edges[:-1]) ** place, counts, color=color)
    for kind in seen:
        if kind not in drawn:
            axes.plot([], [], " ", label=f"{kind}: {table.counts[kind]}, without energy")
    _label_counts(axes, edges, f"events per bin, {1 / _BINS_PER_DECADE:g} decades wide")


def _draw_binned(axes: Axes, dataset: Dataset) -> None:
    table, edges = events(dataset.name), np.asarray(dataset.edges)
    counts = table.histogram(edges)
    above = len(table.above(_FIT_THRESHOLD))
    label = f"{counts.sum()} observed events, {above} above 60 TeV"
    axes.stairs(counts, edges, color="0.6", linewidth=1.0)
    draw_counts(axes, np.sqrt(edges[1:] * edges[:-1]), counts, color="black", label=label)
    width = np.log10(edges[1] / edges[0])
    _label_counts(axes, edges, f"events per bin, {width:.3g} decades wide")


def _label_counts(axes: Axes, edges: FloatArray, label: str) -> None:
    axes.axvline(
        _FIT_THRESHOLD, color="0.5", linewidth=0.9, linestyle="--", label="60 TeV", zorder=1
    )
    axes.set(xscale="log", xlim=(edges[0], edges[-1]), xlabel=_DEPOSITED, ylabel=label)
    axes.set_ylim(bottom=0.0)


def _draw_spectrum(axes: Axes, dataset: Dataset) -> None:
    spectrum = unfolded(dataset.name)
    draw_points(axes, spectrum)
    axes.set(xscale="log", yscale="log")
    label_flux_axis(axes, spectrum.scope, per_steradian=True)


def _draw_fit(axes: Axes, dataset: Dataset) -> None:
    fit = published_fit(dataset.name)
    if fit.shape == "power-law":
        _draw_parameters(axes, fit)
    else:
        _draw_shape(axes, fit)


def _draw_parameters(axes: Axes, fit: PublishedFit) -> None:
    index, normalization = fit.parameters["index"], fit.parameters["normalization"]
    axes.errorbar(
        index.value,
        normalization.value / _FLUX_UNIT,
        xerr=_error(index, 1.0),
        yerr=_error(normalization, _FLUX_UNIT),
        marker="o",
        markersize=5.0,
        color=PALETTE[0],
        linestyle="none",
        label="best fit" if index.err_plus is None else "best fit, 68 % for one parameter",
    )
    if fit.contour is not None:
        axes.plot(
            fit.contour[:, 0],
            fit.contour[:, 1] / _FLUX_UNIT,
            color=PALETTE[1],
            label="68 % for both parameters",
        )
    axes.set(
        xlabel="spectral index",
        ylabel="flux at 100 TeV, per flavor, $\\nu+\\bar\\nu$\n"
        r"[$10^{-18}\ \mathrm{GeV^{-1}\ cm^{-2}\ s^{-1}\ sr^{-1}}$]",
    )


def _error(item: Measured, unit: float) -> FloatArray | None:
    if item.err_minus is None or item.err_plus is None:
        return None
    return np.array([[item.err_minus], [item.err_plus]]) / unit


def _draw_shape(axes: Axes, fit: PublishedFit) -> None:
    energy = np.geomspace(*(fit.energy_range or _WIDE), 200)
    axes.plot(
        energy, energy**2 * fit.flux(energy), color=PALETTE[0], label=fit.shape.replace("-", " ")
    )
    axes.set(xscale="log", yscale="log", xlim=(energy[0], energy[-1]))
    label_flux_axis(axes, "per-flavor", per_steradian=True)
