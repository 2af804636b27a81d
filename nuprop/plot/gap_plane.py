"""The plane of the gap: where relic neutrinos absorb, over what the muon's moment asks for."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ParameterError
from nuprop.laboratory.magnetic_moment import favoured_band
from nuprop.laboratory.moment_data import MomentMeasurement
from nuprop.panels import PALETTE, require_format, save, style
from nuprop.plot.bounds import band_color, band_handle, draw_bound_legend, references
from nuprop.plot.mass_plane import MEV
from nuprop.summary import human_energy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

_COUPLINGS = (3e-5, 1e-2)
_BESIDE = 2.5  # times the masses at the ends of all curves: what is shown
_COLORS = (PALETTE[0], PALETTE[1], "black", PALETTE[4])
_CAPTION_WIDTH = 150  # characters
#: What Araki et al. 2016 draw, M [MeV] and g'.
_POINTS = ((11.0, 5e-4), (9.0, 4e-4))


@dataclass(frozen=True)
class GapCurve:
    """Couplings above which neutrinos of a source meet an optical depth above 1.

    Attributes
    ----------
    label : str
    mass : (n,), GeV
    some, every : (n,)
        At some energy of the window, and at every one; infinite for none.
    """

    label: str
    mass: FloatArray
    some: FloatArray
    every: FloatArray


def plot_gap_plane(
    curves: Sequence[GapCurve],
    path: str | Path | None = None,
    *,
    window: tuple[float, float],
    moments: Sequence[MomentMeasurement] = (),
    sigma: float = 2.0,
    note: str = "",
) -> Figure:
    """Draw where a gap is cut, over bands of the muon's magnetic moment.

    Parameters
    ----------
    curves : sequence of GapCurve
    path : path, optional
        Where to save the figure; the suffix chooses the format.
    window : (low, high), GeV
        Energies at Earth.
    moments : sequence of MomentMeasurement
        Of the muon: a band, or an upper limit if no boson at all is within it.
    sigma : float
        Half the width of the bands, in standard deviations.
    note : str
        Written below: what the depth is.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        If there is no curve, or a moment is not the muon's.
    ConfigError
        If the suffix of `path` is unknown.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    if path is not None:
        require_format(path)
    if not curves:
        raise ParameterError("curves: at least one is needed")
    masses = curves[0].mass
    with style():
        figure = Figure(figsize=(9.0, 7.8), layout="constrained")
        axes = figure.subplots()
        handles = _draw_moments(axes, masses, moments, sigma)
        for curve, color in zip(curves, _COLORS * len(curves), strict=False):
            for edge, dash, alpha in ((curve.some, "-", 0.08), (curve.every, "--", 0.12)):
                top = np.minimum(edge, 10.0 * _COUPLINGS[1])
                axes.plot(curve.mass / MEV, top, color=color, linewidth=1.4, linestyle=dash)
                axes.fill_between(
                    curve.mass / MEV, top, top.max(), color=color, alpha=alpha, linewidth=0.0
                )
            handles.append(Line2D([], [], color=color, label=rf"$\tau > 1$ above: {curve.label}"))
        every = np.concatenate([curve.every for curve in curves])
        nowhere = "" if np.any(every < _COUPLINGS[1]) else " (nowhere here)"
        handles += [
            Line2D([], [], color="0.3", label="at some energy of the window"),
            Line2D([], [], color="0.3", linestyle="--", label=f"at every energy of it{nowhere}"),
        ]
        mark: Any = {"marker": "*", "markersize": 10.0, "color": "0.15", "linestyle": "none"}
        axes.plot(*np.transpose(_POINTS), zorder=5, **mark)
        handles.append(Line2D([], [], label=f"{references(['araki2016'])}, Figs. 3, 4", **mark))
        axes.set(
            xscale="log",
            yscale="log",
            xlim=_reach(curves),
            ylim=_COUPLINGS,
            xlabel=r"mass $M_{Z'}$ [MeV]",
            ylabel="coupling $g'$",
        )
        low, high = (human_energy(energy, 3) for energy in window)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        figure.suptitle(
            f"The IceCube gap, {low} to {high} at Earth, and the muon's moment", fontsize=10.5
        )
        caption = textwrap.fill(note, _CAPTION_WIDTH, break_on_hyphens=False)
        axes.set_title(caption, fontsize=7.5, color="0.25", loc="left")
        draw_bound_legend(figure, handles)
        if path is not None:
            save(figure, path)
    return figure


def _draw_moments(
    axes: Axes, masses: FloatArray, moments: Sequence[MomentMeasurement], sigma: float
) -> list[Any]:
    from matplotlib.lines import Line2D

    handles: list[Any] = []
    for number, data in enumerate(moments):
        lower, _, upper = (np.asarray(edge) for edge in favoured_band(data, masses, sigma))
        color = band_color(number)
        if data.significance > sigma:
            axes.fill_between(masses / MEV, lower, upper, color=color, alpha=0.45, linewidth=0.0)
            handles.append(band_handle(data, color, sigma))
        else:
            line: Any = {"color": color, "linewidth": 2.2}
            axes.plot(masses / MEV, upper, **line)
            label = (
                rf"$(g-2)_\mu$ upper limit, {sigma:g} σ, {data.title}: "
                f"{references(data.references)}"
            )
            handles.append(Line2D([], [], label=label, **line))
    return handles


def _reach(curves: Sequence[GapCurve]) -> tuple[float, float]:
    """Masses [MeV] to show: those of the curves, and a margin."""
    masses = curves[0].mass / MEV
    hit = np.any([curve.some < _COUPLINGS[1] for curve in curves], axis=0)
    if not np.any(hit):
        return masses[0], masses[-1]
    low, high = masses[hit][[0, -1]]
    return max(low / _BESIDE, masses[0]), min(high * _BESIDE, masses[-1])
