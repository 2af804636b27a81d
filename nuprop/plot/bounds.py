"""Regions that bounds exclude, bands that a moment favours, and what a legend says of them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.citation import short
from nuprop.laboratory.builder import Builder
from nuprop.laboratory.magnetic_moment import MomentLimit
from nuprop.panels import PALETTE

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nuprop.laboratory.constraint import Constraint
    from nuprop.laboratory.moment_data import MomentMeasurement
    from nuprop.laboratory.planes import Plane

FloatArray = NDArray[np.float64]

_BLUE, _RED, _GREEN, _PINK, _ORANGE, _SKY = PALETTE
_COLORS = {
    "electron-g-2": "0.45",
    "borexino": _ORANGE,
    "ccfr": _BLUE,
    "charm-ii": "#00A0A0",
    "e141": "#8C564B",
    "e137": "#B0A030",
    "e774": "#5B2A86",
    "orsay": "#9467BD",
    "kek": "#117733",
    "u70": "#AA3377",
    "n-eff": "#CC6677",
    "belle-ii": _RED,
    "babar-invisible": "#661100",
}
_OTHERS = ("#44AA99", "#DDAA33", "#999933", "#882255", "#DDCC77", "#AA4499")
_MOMENT_LIMIT = "#332288"
#: Bands of different years.
_BANDS = (_GREEN, _PINK, _SKY, _ORANGE)
_FILL, _EDGE, _BAND = 0.16, 1.3, 0.45
#: Inches of a legend beside the text of a column, and of one character.
_HANDLE, _CHARACTER = 0.65, 0.057
_LINES = {"anchor": (0, (1.5, 1.5)), "projection": (0, (6, 2))}
_MODELS = {
    "lmu-ltau": r"$L_\mu - L_\tau$",
    "le-lmu": r"$L_e - L_\mu$",
    "le-ltau": r"$L_e - L_\tau$",
    "b-minus-l": "$B - L$",
    "universal": "equal couplings to neutrinos",
}
#: How many references an entry of a legend names.
_NAMED = 2
_WORDS = (
    (r"\bsigma\b", "σ"),
    (r"\bDelta N_eff\b", r"$\\Delta N_\\mathrm{eff}$"),
    (r"\bT_D\b", "$T_D$"),
    (r"\bab\^-1", "ab$^{-1}$"),
    (r"\s*%", " %"),
)


def draw_bounds(
    axes: Axes,
    plane: Plane,
    x: FloatArray,
    *,
    fill: bool = True,
    colors: Mapping[str, str] | None = None,
) -> tuple[list[Artist], list[str]]:
    """Draw what each bound of a plane excludes, over x and the coupling.

    Anchors are dotted, projections dashed; neither is filled.

    Parameters
    ----------
    axes : matplotlib Axes
    plane : Plane
    x : array, shape (n_x,), rising
        Its x as drawn.
    fill : bool
        Whether what is excluded is filled, or outlined only.
    colors : mapping from name to color, optional
        In place of the usual ones.

    Returns
    -------
    handles : list of Artist, for the legend
    absent : list of str
        Titles of the bounds that exclude nothing here.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Artist] = []
    absent = []
    tints = bound_colors(plane.constraints.values()) | dict(colors or {})
    for name, strength in plane.strengths.items():
        constraint, color = plane.constraints[name], tints[name]
        if not np.any(strength > 1.0):
            absent.append(constraint.title)
            continue
        height = edge_height(strength)
        kind = "projection" if constraint.is_projection else constraint.quality
        label = legend_entry(constraint)
        line: dict[str, Any] = {"color": color, "linestyle": "-", "linewidth": _EDGE}
        if kind in _LINES or not fill:
            line |= {"linestyle": _LINES.get(kind, "-"), "linewidth": 1.8}
            handles.append(Line2D([], [], label=label, **line))
        else:
            axes.contourf(x, plane.coupling, height, [0.0, np.inf], colors=[color], alpha=_FILL)
            handles.append(
                Patch(facecolor=(color, 2.0 * _FILL), edgecolor=color, linewidth=_EDGE, label=label)
            )
        if np.any(strength <= 1.0):
            axes.contour(
                x,
                plane.coupling,
                height,
                [0.0],
                colors=[line["color"]],
                linestyles=[line["linestyle"]],
                linewidths=[line["linewidth"]],
            )
    return handles, absent


def draw_moments(
    axes: Axes, plane: Plane, x: FloatArray, moments: Sequence[MomentMeasurement], sigma: float
) -> list[Artist]:
    """Fill where a boson brings moments within `sigma` of their measurements.

    Arguments as `draw_bounds`; returns handles for the legend.
    """
    handles: list[Artist] = []
    for data, color in zip(moments, _BANDS, strict=False):
        pull = plane.pulls[data.name]
        if np.any(np.abs(pull) <= sigma):
            axes.contourf(
                x, plane.coupling, pull, [-sigma, sigma], colors=[color], alpha=_BAND, zorder=2.5
            )
            handles.append(band_handle(data, color, sigma))
    return handles


def model_in_words(plane: Plane) -> str:
    """Say which boson the bounds of a plane are of, for a title."""
    name = Builder(plane.fixed["model"]).name
    return _MODELS.get(name, name)


def band_handle(data: MomentMeasurement, color: str, sigma: float) -> Artist:
    """Entry of a legend for a band that a moment favours."""
    from matplotlib.patches import Patch

    lepton = {"e": "e", "mu": r"\mu", "tau": r"\tau"}[data.lepton]
    label = (
        rf"$(g-2)_{lepton}$ favoured within {sigma:g} σ, {data.title}: "
        f"{references(data.references)}"
    )
    return Patch(facecolor=(color, _BAND), edgecolor="none", label=label)


def band_color(number: int) -> str:
    """Color of the band of one measurement among several."""
    return _BANDS[number % len(_BANDS)]


def legend_entry(constraint: Constraint) -> str:
    """Say which bound it is, whose, at which level, and how far to trust it.

    Examples
    --------
    >>> from nuprop.laboratory.magnetic_moment import CONSTRAINTS
    >>> legend_entry(CONSTRAINTS["electron-g-2"]).split(":")[0]
    '$(g-2)_{e}$, Rb 2011'
    """
    level = level_in_words(constraint.level)
    if isinstance(constraint, MomentLimit):
        level = f"upper limit, {level}"
    parts = [references(constraint.references), level]
    if constraint.quality == "anchor":
        parts.append("rough anchor")
    return f"{constraint.title}: {', '.join(part for part in parts if part)}"


def references(keys: Sequence[str]) -> str:
    """Write the first references of a bound in short."""
    return ", ".join(short(key) for key in keys[:_NAMED])


def level_in_words(level: str) -> str:
    """Write a level with the signs that a figure can show.

    Examples
    --------
    >>> level_in_words("3 sigma projection, 50 ab^-1")
    '3 σ projection, 50 ab$^{-1}$'
    """
    for pattern, replacement in _WORDS:
        level = re.sub(pattern, replacement, level)
    return level


def bound_colors(constraints: Iterable[Constraint]) -> dict[str, str]:
    """Choose the color of each bound; those without a color of their own get different ones."""
    colors, free = {}, 0
    for constraint in constraints:
        name = constraint.name
        if name in _COLORS:
            colors[name] = _COLORS[name]
        elif name.startswith("muon-g-2"):
            colors[name] = _MOMENT_LIMIT
        else:
            colors[name] = _OTHERS[free % len(_OTHERS)]
            free += 1
    return colors


def edge_height(strength: FloatArray) -> FloatArray:
    """Turn strengths into what contours interpolate: zero at 1, and the logarithm near it.

    Below 0.1, where a strength may vanish or be negative, the logarithm goes on as its tangent.
    """
    knee = 0.1
    linear = np.log10(knee) + (strength - knee) / (knee * np.log(10.0))
    return np.where(strength > knee, np.log10(np.maximum(strength, knee)), np.maximum(linear, -9.0))


def scientific(value: float) -> str:
    r"""Write a number as a power of ten, for a label.

    Examples
    --------
    >>> print(scientific(5e-4), scientific(1e-3))
    $5\times10^{-4}$ $10^{-3}$
    """
    mantissa, exponent = f"{value:.3e}".split("e")
    factor = f"{float(mantissa):g}"
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if factor == "1" else rf"${factor}\times{power}$"


def draw_bound_legend(figure: Figure, handles: Sequence[Artist], columns: int = 2) -> None:
    """Put a legend below all panels, where it hides nothing."""
    width = int((figure.get_figwidth() / columns - _HANDLE) / _CHARACTER)
    for handle in handles:
        handle.set_label(wrapped(str(handle.get_label()), width))
    figure.legend(
        handles=list(handles),
        loc="outside lower center",
        ncols=columns,
        fontsize=7.5,
        handlelength=2.4,
        columnspacing=1.5,
    )


def wrapped(text: str, width: int) -> str:
    r"""Break a text into lines, but no formula.

    Examples
    --------
    >>> wrapped("$a b$ and something more", 10)
    '$a b$ and\nsomething\nmore'
    """
    whole = re.sub(r"\$[^$]*\$", lambda found: found[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(whole, width, break_on_hyphens=False, break_long_words=False)
    return "\n".join(lines).replace("\0", " ")
