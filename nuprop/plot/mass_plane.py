"""The plane of mass and coupling: bounds of the laboratory, and what IceCube says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import DatasetError, ParameterError
from nuprop.laboratory.builder import Builder, Model
from nuprop.laboratory.moment_data import measurement
from nuprop.panels import require_format, save, style
from nuprop.plot.axes import model_of
from nuprop.plot.bounds import draw_bound_legend, draw_bounds, draw_moments, model_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nuprop.inference.profile import Profile
    from nuprop.laboratory.planes import Plane

FloatArray = NDArray[np.float64]

#: GeV in one unit of the axis.
MEV = 1e-3
#: Confidence levels of what a scan prefers, and how their lines are drawn.
_PREFERRED = ((0.6827, "-"), (0.9545, "--"))
_SCAN = "#B10026"
_STAR: Any = {"marker": "*", "markersize": 11.0, "color": _SCAN, "linestyle": "none", "zorder": 6}


def plot_mass_plane(
    plane: Plane,
    path: str | Path | None = None,
    *,
    scan: Profile | None = None,
    level: float = 0.9,
    sigma: float = 2.0,
    title: str | None = None,
) -> Figure:
    """Draw bounds over (M, g'), and, if given, what a scan of IceCube data excludes and prefers.

    Parameters
    ----------
    plane : Plane
        Made by `nuprop.laboratory.mass_plane`.
    path : path, optional
        Where to save the figure; the suffix chooses the format.
    scan : Profile, optional
        Over "mass" and "coupling", of the boson of the plane: what the laboratory knows of one
        mediator does not bound another.
    level : float
        Confidence level of what the scan excludes, at each mass apart.
    sigma : float
        Half the width of the bands of magnetic moments, in standard deviations.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        If the plane is over another parameter, or the scan of another mediator, such as a scalar.
    DatasetError
        If the scan has other axes, or no point yet.
    ConfigError
        If the suffix of `path` is unknown.
    """
    from matplotlib.figure import Figure

    if path is not None:
        require_format(path)
    if plane.x_name != "mass":
        raise ParameterError(f"plane: over {plane.x_name!r}, but one over 'mass' is needed")
    if scan is not None:
        require_scan(scan, plane.fixed["model"])
    x = plane.x / MEV
    with style():
        figure = Figure(figsize=(8.6, 8.2), layout="constrained")
        axes = figure.subplots()
        moments = [measurement(name) for name in plane.pulls]
        handles: list[Any] = draw_moments(axes, plane, x, moments, sigma)
        drawn, absent = draw_bounds(axes, plane, x)
        handles += drawn
        if scan is not None:
            handles += draw_scan(axes, scan, level)
        axes.set(
            xscale="log",
            yscale="log",
            xlim=(x[0], x[-1]),
            ylim=(plane.coupling[0], plane.coupling[-1]),
            xlabel=r"mass $M_{Z'}$ [MeV]",
            ylabel="coupling $g'$",
        )
        words = title or _title(plane)
        if absent:
            words += f"\n(nothing excluded here by {', '.join(absent)})"
        axes.set_title(words, fontsize=10.0)
        draw_bound_legend(figure, handles)
        if path is not None:
            save(figure, path)
    return figure


def require_scan(scan: Profile, model: Model) -> None:
    """Refuse a profile that is not over mass and coupling, holds no point, or is of another boson.

    Parameters
    ----------
    scan : Profile
        One that does not say what it is about is not refused for that.
    model : callable
        The model of the bounds, a class method of `ZPrime`.

    Raises
    ------
    DatasetError
        For other axes, or too few points.
    ParameterError
        For another mediator.
    """
    if sorted(scan.axes) != ["coupling", "mass"]:
        raise DatasetError(
            f"the scan is over {', '.join(scan.axes) or 'nothing'}: one over mass and coupling is "
            "needed"
        )
    if any(axis.size < 2 for axis in scan.axes.values()) or not np.any(np.isfinite(scan.nll)):
        raise DatasetError("the scan holds too few points: two on each axis, and one computed")
    scanned, bounded = model_of(scan.about), Builder(model).name
    if scanned not in (None, bounded):
        raise ParameterError(
            f"scan: of the mediator {scanned!r}, but the bounds of the plane are those of the Z' "
            f"{bounded!r}; a scan of that one is needed"
        )


def draw_scan(axes: Axes, scan: Profile, level: float) -> list[Any]:
    """Hatch what a scan excludes by a raster, outline what it prefers; handles for the legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    mass, coupling = scan.axes["mass"] / MEV, scan.axes["coupling"]
    turned = scan.names == ("mass", "coupling")

    def rows(values: FloatArray) -> Any:
        return np.ma.masked_invalid(values.T if turned else values)

    data = ", ".join(scan.about.get("data", ())) or "IceCube"
    handles: list[Any] = []
    raster, threshold = rows(scan.ts("raster", "coupling")), scan.threshold(level, "raster")
    if raster.max() > threshold:
        hatch: Any = {"edgecolor": _SCAN, "linewidth": 0.0}
        region = axes.contourf(
            mass, coupling, raster, [threshold, np.inf], colors="none", hatches=["\\\\\\"]
        )
        region.set(**hatch)
        axes.contour(mass, coupling, raster, [threshold], colors=[_SCAN], linewidths=1.4)
        label = f"{data}: excluded at {level:.0%}, each mass apart (Wilks, 1 dof)"
        handles.append(Patch(facecolor="none", hatch="\\\\\\", label=label, **hatch))
    statistic = rows(scan.ts("global"))
    for preferred, dash in _PREFERRED:
        line: Any = {"color": "black", "linestyle": dash, "linewidth": 1.1}
        inside = scan.threshold(preferred)
        if statistic.min() < inside < statistic.max():
            axes.contour(
                mass, coupling, statistic, [inside], colors="black", linestyles=[dash],
                linewidths=[1.1],
            )  # fmt: skip
            label = f"{data}: {100 * preferred:.4g} % region of the best point (Wilks, 2 dof)"
            handles.append(Line2D([], [], label=label, **line))
    corners = [(0, 0), (-1, 0), (-1, -1), (0, -1), (0, 0)]
    border: Any = {"color": "0.35", "linestyle": ":", "linewidth": 0.9}
    axes.plot([mass[i] for i, _ in corners], [coupling[j] for _, j in corners], **border)
    handles.append(Line2D([], [], label=f"{data}: where the scan ends", **border))
    best = scan.best
    axes.plot(best["mass"] / MEV, best["coupling"], **_STAR)
    gain = (
        "" if scan.gain is None else rf", $-2\ln L$ lower by {scan.gain:.2g} than without a boson"
    )
    handles.append(Line2D([], [], label=f"{data}: best point{gain}", **_STAR))
    return handles


def _title(plane: Plane) -> str:
    epsilon, loop = plane.fixed["kinetic_mixing"], plane.fixed["loop_mixing"]
    tree = rf"$\varepsilon$ = {epsilon:g}" if epsilon or not loop else "no mixing at tree level"
    return f"{model_in_words(plane)}, {tree}{', loop mixing' if loop else ''}"
