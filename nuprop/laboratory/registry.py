"""Every bound that nuprop knows, by name."""

from __future__ import annotations

import importlib
from functools import cache

from nuprop.laboratory.constraint import Constraint, named

#: Where bounds are: module, and the mapping in it. The order is that of listings and legends.
_HOMES = (
    ("magnetic_moment", "CONSTRAINTS"),
    ("borexino", "SCATTERING_BOUNDS"),
    ("trident", "TRIDENT_BOUNDS"),
    ("beam_dump", "DUMPS"),
    ("n_eff", "CONSTRAINTS"),
    ("single_photon", "CONSTRAINTS"),
)


def constraints() -> dict[str, Constraint]:
    """List every bound, by name.

    Examples
    --------
    >>> for name in ("electron-g-2", "borexino", "e137", "n-eff"):
    ...     print(f"{name:14}{constraints()[name].level}")
    electron-g-2  5 sigma
    borexino      rate at most 8 % above the expected
    e137          95% CL
    n-eff         Delta N_eff < 0.7 at T_D = 1.5 MeV
    """
    return dict(_all())


def find_constraint(name: str) -> Constraint:
    """Find a bound by its name.

    Raises
    ------
    DatasetError
        With the nearest names, if there is none.

    Examples
    --------
    >>> find_constraint("e141").title
    'E141'
    """
    return named(name, _all(), "constraint")


@cache
def _all() -> dict[str, Constraint]:
    found: dict[str, Constraint] = {}
    for module, mapping in _HOMES:
        home = importlib.import_module(f"nuprop.laboratory.{module}")
        for bound in getattr(home, mapping).values():
            found.setdefault(bound.name, bound)
    return found
