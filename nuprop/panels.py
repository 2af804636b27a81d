"""The parts that figures are made of: panels, curves, points and limits, resonance marks.

Everything is drawn without pyplot, which costs time to import and keeps figures alive.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ConfigError
from nuprop.icecube.points import Scope, UnfoldedSpectrum
from nuprop.summary import human_energy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nuprop.flux import DiffuseFlux

FloatArray = NDArray[np.float64]

# Okabe & Ito's palette, told apart with every kind of color vision.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "D", "^", "v", "P", "X")
_POINT_COLORS = ("black", "#666666", "#8C564B", "#7F3FBF", "#999933", "#117733", "#882255")

_STYLE: Any = {
    "font.size": 10.0,
    "axes.linewidth": 0.8,
    "axes.labelsize": 10.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "mathtext.fontset": "dejavusans",
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "savefig.dpi": 200,
}
AXIS_SCOPE = {"per-flavor": "per flavor", "all-flavor": "sum of flavors"}


@contextmanager
def style() -> Iterator[None]:
    """Draw with nuprop's settings inside the block, and leave the user's alone."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


def panels(two: bool, size: tuple[float, float] = (6.4, 5.6)) -> tuple[Figure, Axes, Axes | None]:
    """Make a figure with a panel for the flux and, if `two`, one for the transmission below."""
    from matplotlib.figure import Figure

    if not two:
        figure = Figure(figsize=(size[0], 0.78 * size[1]), layout="constrained")
        axes = figure.subplots()
        axes.set_xlabel(r"neutrino energy at Earth $E$ [GeV]")
        return figure, axes, None
    figure = Figure(figsize=size, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.25))
    lower.set_xlabel(r"neutrino energy at Earth $E$ [GeV]")
    lower.set_ylabel("flux / free flux")
    lower.axhline(1.0, color="0.6", linewidth=0.8, linestyle="--")
    return figure, upper, lower


def draw_legend(figure: Figure, axes: Axes, title: str | None = None, columns: int = 3) -> None:
    """Put the legend of `axes`, under an optional title, above the panels: it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=columns, title=title, title_fontsize=10.5
    )


def label_flux_axis(axes: Axes, scale: Scope, *, per_steradian: bool) -> None:
    """Say on the axis what is drawn: the quantity, its scope over flavors, and its unit."""
    steradian = r"\ sr^{-1}" if per_steradian else ""
    axes.set_ylabel(
        rf"$E^2\Phi$, {AXIS_SCOPE[scale]}, $\nu+\bar\nu$"
        "\n"
        rf"[$\mathrm{{GeV\ cm^{{-2}}\ s^{{-1}}{steradian}}}$]"
    )


def e2_flux(flux: DiffuseFlux, scale: Scope) -> FloatArray:
    """E^2 times the total flux in GeV-cm-s units; a third of it for "per-flavor"."""
    share = 1.0 / 3.0 if scale == "per-flavor" else 1.0
    return share * flux.energy_gev**2 * flux.all_flavors


def draw_curve(axes: Axes, flux: DiffuseFlux, values: FloatArray, **line: Any) -> None:
    """Draw one spectrum: a line for values at points, steps for averages over cells."""
    if flux.edges_gev is None:
        axes.plot(flux.energy_gev, values, **line)
    else:
        axes.stairs(values, flux.edges_gev, baseline=None, **line)


def draw_points(axes: Axes, spectrum: UnfoldedSpectrum, number: int = 0) -> None:
    """Draw a published spectrum: points with errors and bin widths, limits as arrows.

    Parameters
    ----------
    axes : matplotlib Axes
    spectrum : UnfoldedSpectrum
        Already scaled to what the axis shows.
    number : int
        Chooses marker and color.
    """
    center, limit = spectrum.center, spectrum.is_limit
    widths = np.stack([center - spectrum.e_lo, spectrum.e_hi - center])
    line: dict[str, Any] = {
        "color": _POINT_COLORS[number % len(_POINT_COLORS)],
        "linestyle": "none",
        "elinewidth": 1.1,
        "zorder": 4,
    }
    label = spectrum.label
    if limit.any():
        level = spectrum.limit_level
        label += ", limits " + ("(level unstated)" if level is None else f"{level:.0%}")
    if not limit.all():
        axes.errorbar(
            center[~limit],
            spectrum.value[~limit],
            xerr=widths[:, ~limit],
            yerr=np.stack([spectrum.err_minus, spectrum.err_plus])[:, ~limit],
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=4.5,
            label=label,
            **line,
        )
    if limit.any():
        axes.errorbar(
            center[limit],
            spectrum.value[limit],
            xerr=widths[:, limit],
            yerr=0.45 * spectrum.value[limit],
            uplims=True,
            capsize=2.5,
            label=label if limit.all() else None,
            **line,
        )


def draw_resonances(axes: Axes, flux: DiffuseFlux, *, labels: bool) -> None:
    """Mark the resonance energies at z = 0 by thin dotted lines, and list them above the axes.

    States of a second mediator have a prime, of a third two.
    """
    low, high = axes.get_xlim()
    every = np.atleast_2d(flux.resonances_gev)
    states = sorted(
        (float(energy), rf"$\nu_{state}$" + "'" * other)
        for other, energies in enumerate(every)
        for state, energy in enumerate(energies, start=1)
        if low < energy < high
    )
    groups: list[list[tuple[float, str]]] = []
    for energy, state in states:
        axes.axvline(energy, color="0.35", linewidth=0.8, linestyle=":", zorder=1)
        if groups and math.log(energy / groups[-1][0][0]) < 0.012 * math.log(high / low):
            groups[-1].append((energy, state))
        else:
            groups.append([(energy, state)])
    if not labels or not states:
        return
    for group, following in zip(groups, [*groups[1:], None], strict=True):
        crowded = following is not None and (
            math.log(following[0][0] / group[-1][0]) < 0.08 * math.log(high / low)
        )
        axes.annotate(
            ",".join(state for _, state in group),
            (group[0][0] if crowded else group[-1][0], 0.975),
            xycoords=("data", "axes fraction"),
            xytext=(-2 if crowded else 2, 0),
            textcoords="offset points",
            ha="right" if crowded else "left",
            va="top",
            fontsize=8.0,
            color="0.25",
        )
    listing = ", ".join(f"{state} {human_energy(energy, 3)}" for energy, state in states)
    primes = "" if len(every) == 1 else " (primed: of the second, third, ... mediator)"
    axes.set_title(
        f"dotted: resonances at z = 0{primes}, {listing}",
        fontsize=7.5,
        loc="right",
        color="0.25",
        pad=3.0,
    )


def set_ranges(
    axes: Axes,
    fluxes: Sequence[DiffuseFlux],
    scale: Scope,
    spectra: Sequence[UnfoldedSpectrum],
    curves: Sequence[FloatArray] = (),
) -> None:
    """Set logarithmic axes that show the energies of the fluxes, their dips, and the points.

    And `curves` on the same axes, but nothing below some thousandths of the top.
    """
    grids = [flux.energy_gev if flux.edges_gev is None else flux.edges_gev for flux in fluxes]
    low, high = min(grid[0] for grid in grids), max(grid[-1] for grid in grids)
    tops, bottoms = [], []
    for flux in fluxes:
        total = e2_flux(flux, scale)
        tops += [total.max(), e2_flux(flux.free, scale).max()]
        reached = np.isfinite(flux.resonances_gev) & (flux.resonances_gev < high)
        if reached.any():
            highest = flux.resonances_gev[reached].max()
            lowest = flux.resonances_gev[reached].min() / (1.0 + flux.z_max)
            dip = (flux.energy_gev > lowest) & (flux.energy_gev < highest)
            bottoms += list(0.7 * total[dip])
        bottoms.append(0.3 * max(total[0], total[-1]))
    for spectrum in spectra:
        seen = (spectrum.e_hi > low) & (spectrum.e_lo < high)
        tops += list((spectrum.value + spectrum.err_plus)[seen])
        bottoms += list(0.4 * spectrum.value[seen])
    top = max([*tops, *(curve.max() for curve in curves)], default=1.0) or 1.0
    floor = 3e-3 * top
    for curve in curves:
        bottoms += list(0.7 * curve) if curve.max() > floor else []
    bottom = max(min((b for b in bottoms if b > 0.0), default=0.0), floor)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(0.7 * bottom, 2.0 * top))


def require_format(path: str | Path) -> None:
    """Refuse a file name whose suffix names no format that matplotlib can write.

    Raises
    ------
    ConfigError
        With the formats that it can.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    formats = FigureCanvasBase.get_supported_filetypes()
    if Path(path).suffix.removeprefix(".").lower() not in formats:
        known = ", ".join(f".{name}" for name in sorted(formats))
        raise ConfigError(f"plot = {str(path)!r}: the suffix must be one of {known}")


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure in the format of the suffix, in a folder that is made if need be."""
    require_format(path)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path
