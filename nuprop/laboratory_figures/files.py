"""Names of the files that figures are written to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nuprop.panels import require_format
from nuprop.summary import human_energy
from nuprop.units import required_number


def figure_path(folder: str | Path, stem: str, suffix: str) -> Path:
    """Where a figure goes.

    Raises
    ------
    ConfigError
        If matplotlib writes no such format.
    """
    path = Path(folder) / f"{stem}.{suffix.removeprefix('.')}"
    require_format(path)
    return path


def mass_in_gev(mass: Any) -> float:
    """Turn a mass of a user into GeV; errors as `nuprop.units.required_number`."""
    allowed = "a positive energy, such as '10 MeV'"
    return float(required_number(mass, "energy", "mass", allowed, lambda x: x > 0.0))


def in_file_name(mass: float) -> str:
    """Write a mass [GeV] as part of a name.

    Examples
    --------
    >>> in_file_name(0.01)
    '10MeV'
    """
    return human_energy(mass, 6).replace(" ", "")


def grid_points(points: Any, name: str = "points") -> int:
    """Require a number of grid points that a figure can have."""
    allowed = "a whole number from 10 to 1000"
    number = required_number(
        points, "dimensionless", name, allowed, lambda x: (x == round(float(x))) & (10 <= x <= 1000)
    )
    return int(number)
