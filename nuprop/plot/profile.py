"""Plots of profile likelihoods: a curve for one parameter, a map with limits for two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nuprop.errors import FitError, ParameterError, nearest
from nuprop.panels import draw_legend, require_format, save, style
from nuprop.plot.axes import ParameterAxis
from nuprop.plot.curve import draw_curve
from nuprop.plot.plane import draw_plane
from nuprop.plot.resonances import draw_resonance_lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nuprop.inference.profile import Kind, Profile

_COUPLING = "coupling"


def plot_profile(
    profile: Profile,
    path: str | Path | None = None,
    *,
    levels: Sequence[float] = (0.90, 0.95),
    kind: Kind | None = None,
    along: str | None = None,
    labels: Mapping[str, str] | None = None,
    resonances: Any = None,
    title: str | None = None,
) -> Figure:
    """Draw 2 Delta ln L over one parameter, or over two with contours at confidence levels.

    Points not computed yet are gray. The figure says which thresholds it draws, and by what.

    Parameters
    ----------
    profile : Profile
    path : path, optional
        Where to save the figure; the suffix chooses the format (.png, .pdf, .svg).
    levels : sequence of float
        Confidence levels, between 0 and 1.
    kind : "raster" or "global", optional
        Which statistic is drawn; see `Profile.ts`. By default "global", and for two parameters
        with the coupling, or with `along`, the contours of both. What a raster excludes at the
        first level is hatched.
    along : str, optional
        The axis of a raster, as in `Profile.ts`.
    labels : mapping from the name of an axis to what is written there, optional
    resonances : Quantity, str or float (GeV), or sequence of them, optional
        Energies at Earth for which a dotted line shows where the heaviest neutrino resonates at
        z = 0; they need the axis "mass".
    title : str, optional
        By default the names of the data.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If the suffix of `path` is unknown.
    ParameterError
        If a level, `kind`, `along` or a name in `labels` is unknown, or resonances cannot be drawn.
    FitError
        If there are more than two axes, an axis holds a single value, or no point is computed.
    """
    from matplotlib.figure import Figure

    if path is not None:
        require_format(path)
    _require_points(profile)
    _require_options(profile, levels, kind, along, labels or {})
    names = profile.names
    if names[0] == _COUPLING:
        names = names[::-1]  # a limit on the coupling is a height
    drawn = {name: _axis(profile, name, (labels or {}).get(name)) for name in names}
    with style():
        figure = Figure(figsize=(6.4, 4.4 if len(names) == 1 else 5.6), layout="constrained")
        axes = figure.subplots()
        if len(names) == 1:
            draw_curve(axes, profile, drawn[names[0]], levels, kind or "global")
        else:
            kinds = _kinds(profile, kind, along)
            draw_plane(axes, profile, drawn, levels, kinds, along or _raster_axis(profile))
        if resonances is not None:
            draw_resonance_lines(axes, profile, _listed(resonances), drawn)
        draw_legend(figure, axes, _data(profile) if title is None else title)
        if path is not None:
            save(figure, path)
    return figure


def _require_points(profile: Profile) -> None:
    if len(profile.axes) > 2:
        raise FitError(
            f"plot: one or two axes can be drawn, not {', '.join(profile.axes)}; scan two of them"
        )
    for name, axis in profile.axes.items():
        if axis.size < 2:
            raise FitError(f"plot: the axis {name!r} holds a single value; two are needed")
    if not np.any(np.isfinite(profile.nll)):
        raise FitError("plot: the profile has no finite point; compute it first")


def _require_options(
    profile: Profile,
    levels: Sequence[float],
    kind: str | None,
    along: str | None,
    labels: Mapping[str, str],
) -> None:
    numbers = isinstance(levels, list | tuple) and all(isinstance(x, int | float) for x in levels)
    if not numbers or not levels:
        raise ParameterError(
            f"levels = {levels!r}: a list of numbers between 0 and 1, such as [0.9]"
        )
    for level in levels:
        profile.threshold(level)
    if kind not in (None, "raster", "global"):
        raise ParameterError(f"kind = {kind!r}: 'raster' or 'global'")
    for what, name in [("along", along), *(("labels", key) for key in labels)]:
        if name is not None and name not in profile.axes:
            raise ParameterError(f"{what}: {name!r} is no axis; {nearest(name, profile.axes)}")


def _axis(profile: Profile, name: str, words: str | None) -> ParameterAxis:
    return ParameterAxis.of(
        name,
        profile.axes[name],
        profile.units.get(name, ""),
        logarithmic=name in profile.logarithmic,
        words=words,
        about=profile.about,
    )


def _kinds(profile: Profile, kind: Kind | None, along: str | None) -> tuple[Kind, ...]:
    if kind is not None:
        return (kind,)
    return ("raster", "global") if along or _COUPLING in profile.axes else ("global",)


def _listed(energies: Any) -> tuple[Any, ...]:
    single = isinstance(energies, str | float | int) or getattr(energies, "shape", None) == ()
    return (energies,) if single else tuple(energies)


def _raster_axis(profile: Profile) -> str:
    return _COUPLING if _COUPLING in profile.axes else profile.names[0]


def _data(profile: Profile) -> str | None:
    names = profile.about.get("data")
    return ", ".join(names) if names else None
