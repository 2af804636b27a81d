"""The plot of one flux beside IceCube's points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ConfigError
from nuprop.icecube.points import Scope, unfolded
from nuprop.panels import (
    AXIS_SCOPE,
    PALETTE,
    draw_curve,
    draw_legend,
    draw_points,
    draw_resonances,
    e2_flux,
    label_flux_axis,
    panels,
    require_format,
    save,
    set_ranges,
    style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nuprop.flux import DiffuseFlux

FloatArray = NDArray[np.float64]

_FLAVOR_LABELS = (r"$\nu_e$", r"$\nu_\mu$", r"$\nu_\tau$")
_STERILE: Any = {"color": PALETTE[3], "linewidth": 1.2}
#: A sterile flux may be regenerated to any multiple of its free flux, or to what never was: of its
#: transmission no more is shown, so that the others stay legible.
_HIGHEST = 2.0


def plot_flux(
    flux: DiffuseFlux,
    path: str | Path | None = None,
    *,
    scale: Scope = "per-flavor",
    points: Sequence[str] | None = None,
    flavors: bool = True,
    sterile: bool | None = None,
    transmission: bool = True,
    title: str | None = None,
) -> Figure:
    """Draw E^2 Phi with the flux free of interaction, IceCube's points, and the transmission.

    Parameters
    ----------
    flux : DiffuseFlux
    path : path, optional
        Where to save the figure; the suffix chooses the format (.png, .pdf, .svg).
    scale : {"per-flavor", "all-flavor"}
        "per-flavor" shows each flavor, and the sum of flavors divided by 3; "all-flavor" the sum of
        flavors, and what each contributes. Points are multiplied or divided by 3 to match; the
        label of the axis says which it is.
    points : sequence of str, optional
        Names from `nuprop.icecube.points.available`; ("hese-3yr",) unless given. A point source
        has none: its flux is not per steradian.
    flavors : bool
        Whether to draw the flavors apart.
    sterile : bool, optional
        Whether to draw the sterile state, which is in no sum; by default with the flavors, if there
        is one. Where all of it lies below the axis, the legend says so.
    transmission : bool
        Whether to add a panel with the flux over the free flux.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If `scale` or the suffix of `path` is unknown, points are asked for with a point source, or
        the sterile state of neutrinos that have none.
    DatasetError
        If a name in `points` is unknown.
    """
    if path is not None:
        require_format(path)
    if scale not in AXIS_SCOPE:
        raise ConfigError(f"scale = {scale!r}: must be one of {', '.join(AXIS_SCOPE)}")
    if points is None:
        points = ("hese-3yr",) if flux.per_steradian else ()
    elif isinstance(points, str):
        points = (points,)
    if points and not flux.per_steradian:
        raise ConfigError(
            f"points = {list(points)}: a point source's flux is not per steradian, "
            "and cannot be compared with diffuse measurements"
        )
    if sterile and len(flux.mixing) == 3:
        raise ConfigError(
            "sterile = True: the flux is of three states, without a sterile one; leave it out, or "
            "propagate with Neutrinos(sterile=nuprop.SterileNeutrino(...))"
        )
    fourth = len(flux.mixing) > 3 and (flavors if sterile is None else sterile)
    spectra = [unfolded(name).scaled_to(scale) for name in points]
    with style():
        figure, upper, lower = panels(transmission)
        unseen = [flux.energy_gev**2 * flux.sterile.value] if fourth else []
        set_ranges(upper, [flux], scale, spectra, unseen)
        _draw_spectrum(upper, flux, scale, flavors)
        for values in unseen:
            _draw_sterile(upper, flux, values)
        for number, spectrum in enumerate(spectra):
            draw_points(upper, spectrum, number)
        draw_resonances(upper, flux, labels=True)
        label_flux_axis(upper, scale, per_steradian=flux.per_steradian)
        if lower is not None:
            _draw_transmission(lower, flux, flavors, fourth)
            draw_resonances(lower, flux, labels=False)
        draw_legend(figure, upper, title, columns=3 if len(spectra) < 2 else 2)
        if path is not None:
            save(figure, path)
    return figure


def _draw_spectrum(axes: Axes, flux: DiffuseFlux, scale: Scope, flavors: bool) -> None:
    total = "all flavors / 3" if scale == "per-flavor" else "all flavors"
    if flavors:
        squared = flux.energy_gev**2
        per_flavor = flux.mixing[:3] @ flux.values.sum(axis=0)
        for values, label, color in zip(per_flavor, _FLAVOR_LABELS, PALETTE, strict=False):
            draw_curve(axes, flux, squared * values, label=label, color=color, linewidth=1.2)
    draw_curve(axes, flux, e2_flux(flux, scale), label=total, color="black", linewidth=1.6)
    draw_curve(
        axes,
        flux,
        e2_flux(flux.free, scale),
        label=f"{total}, no interaction",
        color="0.45",
        linestyle="--",
        linewidth=1.2,
    )


def _draw_sterile(axes: Axes, flux: DiffuseFlux, values: FloatArray) -> None:
    """Draw the sterile state, over axes that have their limits."""
    where = "in no sum" if values.max() > axes.get_ylim()[0] else "in no sum, below the axis"
    draw_curve(axes, flux, values, label=rf"$\nu_s$, {where}", **_STERILE)


def _draw_transmission(axes: Axes, flux: DiffuseFlux, flavors: bool, sterile: bool) -> None:
    if flavors:
        for values, color in zip(flux.flavor_transmission, PALETTE, strict=False):
            draw_curve(axes, flux, values, color=color, linewidth=1.0)
    reach = flux.transmission[np.isfinite(flux.transmission)].max(initial=1.0)
    if sterile:
        draw_curve(axes, flux, flux.sterile_transmission, **_STERILE)
        highest = flux.sterile_transmission.max()
        if np.isfinite(highest):
            reach = max(reach, min(highest, _HIGHEST))
        if highest > _HIGHEST:
            said = f"reaches {highest:.3g}" if np.isfinite(highest) else "without free flux"
            place: Any = {"xycoords": "axes fraction", "ha": "right", "va": "top"}
            axes.annotate(rf"$\nu_s$ {said}", (0.99, 0.95), fontsize=8.0, **place)
    draw_curve(axes, flux, flux.transmission, color="black", linewidth=1.6)
    axes.set_ylim(0.0, 1.15 * reach)
