"""Neutrino tridents with the boson over those without: in (epsilon, g'), and against energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ParameterError
from nuprop.panels import PALETTE, require_format, save, style
from nuprop.plot.bounds import draw_bound_legend, draw_bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nuprop.laboratory.planes import Plane

FloatArray = NDArray[np.float64]

_LEVELS = (0.5, 0.7, 0.9, 0.98, 1.02, 1.1, 1.5, 2.0, 5.0, 10.0, 100.0, 1e3, 1e4)
#: Of less than the first level, between levels, and of more than the last.
_BELOW = ("#9E6BC0", "#B893D3", "#D3BCE6", "#EBE0F4")
_ABOVE = ("#FFFFFF", "#E6F0F8", "#CFE2F0", "#B4D2E8", "#92BEDD", "#6BA5CF", "#478ABD", "#2B6EA6")
_HIGHEST = ("#1B548A", "#123B66")
_BOUNDS = {"ccfr": PALETTE[1], "charm-ii": PALETTE[4]}


@dataclass(frozen=True)
class RatioMap:
    """Ratios sigma/sigma_SM of tridents over a plane.

    Attributes
    ----------
    plane : Plane
        Its bounds are drawn on top.
    ratio : (n_y, n_x)
    """

    plane: Plane
    ratio: FloatArray


def plot_ratio_map(
    maps: Sequence[RatioMap], path: str | Path | None = None, *, title: str = ""
) -> Figure:
    """Draw contours of sigma/sigma_SM over (|epsilon|, g'), with bounds on top.

    Parameters
    ----------
    maps : sequence of RatioMap
        A panel each.
    path : path, optional
        Where to save the figure; the suffix chooses the format.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        If there is no map.
    ConfigError
        If the suffix of `path` is unknown.
    """
    from matplotlib.figure import Figure

    if path is not None:
        require_format(path)
    if not maps:
        raise ParameterError("maps: at least one is needed")
    with style():
        figure = Figure(figsize=(2.6 + 3.9 * len(maps), 6.2), layout="constrained")
        row = figure.subplots(1, len(maps), sharey=True, squeeze=False)[0]
        entries: dict[str, Any] = {}
        for axes, each in zip(row, maps, strict=True):
            plane, x = each.plane, np.abs(each.plane.x)
            axes.set(
                xscale="log",
                yscale="log",
                xlim=(x[0], x[-1]),
                ylim=(plane.coupling[0], plane.coupling[-1]),
                xlabel=r"kinetic mixing $|\varepsilon|$",
                title=rf"$\varepsilon {'>' if plane.x[0] > 0.0 else '<'} 0$",
            )
            places = (x, plane.coupling, np.log(each.ratio), np.log(_LEVELS))
            colors = (*_BELOW, *_ABOVE, *_HIGHEST)
            image = axes.contourf(*places, colors=colors, extend="both")
            axes.contour(*places, colors="0.35", linewidths=0.6, linestyles="-")
            handles, _ = draw_bounds(axes, plane, x, fill=False, colors=_BOUNDS)
            entries |= {str(handle.get_label()): handle for handle in handles}
        row[0].set_ylabel("coupling $g'$")
        bar = figure.colorbar(image, ax=list(row), pad=0.02, spacing="uniform")
        bar.set_label(r"$\sigma_\mathrm{SM+NP}/\sigma_\mathrm{SM}$")
        bar.set_ticks(np.log(_LEVELS).tolist(), labels=[f"{level:g}" for level in _LEVELS])
        if entries:
            draw_bound_legend(figure, list(entries.values()))
        figure.suptitle(title, fontsize=10.5)
        if path is not None:
            save(figure, path)
    return figure


def plot_energy_dependence(
    energy: FloatArray,
    standard: FloatArray,
    boson: Mapping[str, FloatArray],
    path: str | Path | None = None,
    *,
    marked: Mapping[str, float] | None = None,
    title: str = "",
) -> Figure:
    """Draw sigma/sigma_SM and sigma/E against the energy of the neutrino.

    Parameters
    ----------
    energy : array, shape (n,), GeV
    standard : array, shape (n,), cm^2
        Without the boson.
    boson : mapping from label to array, shape (n,), cm^2
        With it.
    path : path, optional
        Where to save the figure; the suffix chooses the format.
    marked : mapping from label to GeV, optional
        Energies to mark.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If the suffix of `path` is unknown.
    """
    from matplotlib.figure import Figure

    if path is not None:
        require_format(path)
    is_open = standard > 0.0
    energy, standard = energy[is_open], standard[is_open]
    with style():
        figure = Figure(figsize=(6.8, 7.4), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        lower.plot(energy, standard / energy, color="black", label="Standard Model")
        for (label, sigma), color in zip(boson.items(), PALETTE * len(boson), strict=False):
            seen = sigma[is_open]
            upper.plot(energy, seen / standard, color=color, label=label)
            lower.plot(energy, seen / energy, color=color)
        upper.axhline(1.0, color="black")
        for label, place in (marked or {}).items():
            for axes in (upper, lower):
                axes.axvline(place, color="0.5", linewidth=0.8, linestyle=":")
            upper.annotate(
                f" {label}", (place, 0.98), xycoords=("data", "axes fraction"), fontsize=7.5,
                rotation=90, va="top", ha="right", color="0.3",
            )  # fmt: skip
        upper.set(yscale="log", ylabel=r"$\sigma_\mathrm{SM+NP}/\sigma_\mathrm{SM}$")
        lower.set(
            xscale="log",
            yscale="log",
            xlim=(energy[0], energy[-1]),
            xlabel=r"neutrino energy $E_\nu$ [GeV]",
            ylabel=r"$\sigma/E_\nu$ [cm$^2$ GeV$^{-1}$ per nucleus]",
        )
        top = float(np.max(standard / energy))
        lower.set_ylim(bottom=1e-5 * top)
        handles = [*lower.get_lines()[:1], *upper.get_lines()[: len(boson)]]
        draw_bound_legend(figure, handles, columns=3)
        figure.suptitle(title, fontsize=10.5)
        if path is not None:
            save(figure, path)
    return figure
