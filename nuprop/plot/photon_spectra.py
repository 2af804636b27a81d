"""Spectra of single photons: lines of bosons over what W and Z make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ParameterError
from nuprop.panels import PALETTE, require_format, save, style
from nuprop.plot.bounds import draw_bound_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

_DECADES = 7.0
#: Lines of light bosons lie on top of each other.
_DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class PhotonPanel:
    """Spectra in one frame.

    Attributes
    ----------
    frame : str
        As the axis says it.
    energy : (n,), GeV
    background : (n,), fb/GeV
    lines : {label: (n,)}, fb/GeV
    """

    frame: str
    energy: FloatArray
    background: FloatArray
    lines: Mapping[str, FloatArray]


def plot_photon_spectra(
    panels: list[PhotonPanel], path: str | Path | None = None, *, title: str = ""
) -> Figure:
    """Draw dsigma/dE of the photon, lines of bosons and background apart, a panel for each frame.

    Parameters
    ----------
    panels : list of PhotonPanel
    path : path, optional
        Where to save the figure; the suffix chooses the format.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        If there is no panel.
    ConfigError
        If the suffix of `path` is unknown.
    """
    from matplotlib.figure import Figure

    if path is not None:
        require_format(path)
    if not panels:
        raise ParameterError("panels: at least one is needed")
    with style():
        figure = Figure(figsize=(2.0 + 4.2 * len(panels), 5.6), layout="constrained")
        row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        tops = []
        for axes, panel in zip(row, panels, strict=True):
            axes.plot(
                panel.energy, panel.background, color="black",
                label=r"$e^+e^-\to\gamma\nu\bar\nu$ by $W$ and $Z$",
            )  # fmt: skip
            axes.fill_between(panel.energy, panel.background, color="0.88", linewidth=0.0)
            for number, (label, line) in enumerate(panel.lines.items()):
                axes.plot(
                    panel.energy, line, label=label, color=PALETTE[number % len(PALETTE)],
                    linestyle=_DASHES[number % len(_DASHES)],
                )  # fmt: skip
            tops += [panel.background.max(), *(line.max() for line in panel.lines.values())]
            axes.set(
                yscale="log",
                xlim=(0.0, panel.energy[-1]),
                xlabel=f"photon energy, {panel.frame} [GeV]",
            )
        top = 3.0 * max(tops)
        row[0].set_ylim(top * 10.0**-_DECADES, top)
        row[0].set_ylabel(r"$d\sigma/dE_\gamma$ [fb/GeV]")
        draw_bound_legend(figure, row[0].get_lines())
        figure.suptitle(title, fontsize=10.5)
        if path is not None:
            save(figure, path)
    return figure
