"""The planes of (epsilon, g') and of (M, g'), with every bound that nuprop computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nuprop.errors import ConfigError, nearest
from nuprop.inference import Profile
from nuprop.laboratory.beam_dump import ElectronDump
from nuprop.laboratory.constraint import Constraint
from nuprop.laboratory.magnetic_moment import moment_limit
from nuprop.laboratory.moment_data import MomentMeasurement, measurement
from nuprop.laboratory.planes import (
    COUPLINGS,
    COUPLINGS_OVER_MASS,
    MASSES,
    MIXINGS,
    mass_axis,
    mass_plane,
    mixing_plane,
)
from nuprop.laboratory.registry import find_constraint
from nuprop.laboratory_figures.files import figure_path, grid_points, in_file_name, mass_in_gev
from nuprop.mediators import ZPrime
from nuprop.plot.mass_plane import plot_mass_plane, require_scan
from nuprop.plot.mixing_plane import plot_mixing_plane

#: Bounds that figures show unless told otherwise; that of U70 is known at two masses only.
MIXING_BOUNDS = (
    "electron-g-2",
    "borexino",
    "e141",
    "e137",
    "e774",
    "orsay",
    "kek",
    "u70",
    "ccfr",
    "charm-ii",
    "belle-ii",
)
MASS_BOUNDS = (*(n for n in MIXING_BOUNDS if n != "u70"), "n-eff", "babar-invisible")
#: Measurements of the muon's moment that figures show unless told otherwise.
MOMENTS = ("muon-g-2-2014", "muon-g-2-2025")
CRITERIA = ("events", "lifetime")
_SIGMA = 2.0
_POINTS = 200


def draw_mixing_plane(
    mass: Any,
    *,
    signs: Sequence[int] = (1, -1),
    loop_mixing: bool = False,
    points: Any = _POINTS,
    bounds: Sequence[str] = (),
    moments: Sequence[str] = MOMENTS,
    dumps: str = "events",
    folder: str | Path = ".",
    suffix: str = "png",
) -> Path:
    """Compute and draw the plane of (|epsilon|, g') at one mass.

    Parameters
    ----------
    mass : Quantity, str or float, GeV
    signs : sequence of 1 and -1
        Of epsilon: a panel each.
    loop_mixing : bool
    points : int
        On each axis, 10 to 1000.
    bounds : sequence of str
        Names of `nuprop.laboratory.constraints`; `MIXING_BOUNDS` if empty.
    moments : sequence of str
        Names of measurements: a band of 2 sigma where it does not hold no boson at all, an upper
        limit otherwise.
    dumps : "events" or "lifetime"
        Criterion of electron beam dumps.
    folder, suffix : where the figure goes, and its format.

    Returns
    -------
    Path

    Raises
    ------
    NupropError
        If a name, the mass, the number of points or the format is impossible.
    """
    gev = mass_in_gev(mass)
    number = grid_points(points)
    path = figure_path(folder, f"lab-plane-{in_file_name(gev)}", suffix)
    chosen, bands = _chosen(bounds or MIXING_BOUNDS, moments, dumps)
    planes = [
        mixing_plane(
            gev,
            chosen,
            measurements=bands,
            kinetic_mixing=np.geomspace(*MIXINGS, number),
            coupling=np.geomspace(*COUPLINGS, number),
            sign=sign,
            loop_mixing=loop_mixing,
        )
        for sign in signs
    ]
    plot_mixing_plane(planes, path, sigma=_SIGMA)
    return path


def draw_mass_plane(
    *,
    kinetic_mixing: Any = 0.0,
    loop_mixing: bool = True,
    points: Any = _POINTS,
    bounds: Sequence[str] = (),
    moments: Sequence[str] = MOMENTS,
    dumps: str = "events",
    scan: str | Path | Profile | None = None,
    folder: str | Path = ".",
    suffix: str = "png",
) -> Path:
    """Compute and draw the plane of (M, g').

    Parameters
    ----------
    kinetic_mixing : float, epsilon
    loop_mixing, points, moments, dumps, folder, suffix : as in `draw_mixing_plane`
    bounds : sequence of str
        `MASS_BOUNDS` if empty.
    scan : path or Profile, optional
        What `nuprop scan` wrote, over mass and coupling of L_mu - L_tau: what IceCube excludes and
        prefers.

    Returns
    -------
    Path

    Raises
    ------
    NupropError
        As `draw_mixing_plane`, or if epsilon is not between -1 and 1, or the scan over others or
        of another mediator.
    FileNotFoundError
        If there is no such scan.
    """
    number = grid_points(points)
    path = figure_path(folder, "lab-plane-mass", suffix)
    chosen, bands = _chosen(bounds or MASS_BOUNDS, moments, dumps)
    profile = None
    if scan is not None:
        profile = scan if isinstance(scan, Profile) else Profile.load(scan)
        require_scan(profile, ZPrime.lmu_ltau)
    steps = [heaviest for c in chosen if (heaviest := getattr(c, "heaviest", None)) is not None]
    plane = mass_plane(
        chosen,
        measurements=bands,
        mass=mass_axis(*MASSES, number, steps),
        coupling=np.geomspace(*COUPLINGS_OVER_MASS, number),
        kinetic_mixing=kinetic_mixing,
        loop_mixing=loop_mixing,
    )
    plot_mass_plane(plane, path, scan=profile, sigma=_SIGMA)
    return path


def _chosen(
    bounds: Sequence[str], moments: Sequence[str], dumps: str
) -> tuple[list[Constraint], list[MomentMeasurement]]:
    """Find bounds, and which moments are bands; the others become limits among the bounds."""
    if dumps not in CRITERIA:
        raise ConfigError(f"dumps = {dumps!r}: {nearest(str(dumps), CRITERIA)}")
    found = [find_constraint(name) for name in dict.fromkeys(bounds)]
    if dumps == "lifetime":
        found = [
            replace(c, criterion="lifetime", level=f"{c.level}, lifetime criterion")
            if isinstance(c, ElectronDump)
            else c
            for c in found
        ]
    bands = []
    for data in map(measurement, dict.fromkeys(moments)):
        if data.significance > _SIGMA:
            bands.append(data)
        elif data.name not in [c.name for c in found]:
            found.append(moment_limit(data, _SIGMA))
    return found, bands
