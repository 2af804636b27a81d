"""The cases of a survey, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from nuprop.inference import Profile

if TYPE_CHECKING:
    from astropy.table import Table


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes
    ----------
    sample, evolution, ordering, lightest_mass, relics : str
    gain : float
        Fall of -2 ln L from no interaction to the best point.
    mass_mev, coupling, index, normalization : float
        The best point; the normalization in 1e-18 / (GeV cm2 s sr) per flavor at 100 TeV.
    limit : float
        Smallest coupling excluded at 90 % anywhere, at `limit_mass_mev`, by a raster with one
        degree of freedom; NaN if nothing is excluded.
    limit_mass_mev : float
    excluded : str
        Masses for which g' = 5e-4, and any larger coupling, is excluded at 90 %, in MeV.
    error : float
        Largest error of 2 Delta ln L by the coarser march of a map, found along g' at the best
        mass; 0 for relics at rest.
    """

    sample: str
    evolution: str
    ordering: str
    lightest_mass: str
    relics: str
    gain: float
    mass_mev: float
    coupling: float
    index: float
    normalization: float
    limit: float
    limit_mass_mev: float
    excluded: str
    error: float


@dataclass(frozen=True, eq=False)
class Survey:
    """All cases and their profiles over (g', M).

    Attributes
    ----------
    cases : tuple of Case
    profiles : mapping from (sample, evolution, ordering, lightest_mass) to Profile
    """

    cases: tuple[Case, ...]
    profiles: Mapping[tuple[str, str, str, str], Profile]

    def table(self) -> Table:
        """Give the cases as an astropy table."""
        from astropy.table import Table

        names = [item.name for item in fields(Case)]
        return Table(
            rows=[[asdict(case)[name] for name in names] for case in self.cases], names=names
        )

    def markdown(self) -> str:
        """Write the cases as a table in Markdown."""
        thermal = any(case.relics == "thermal" for case in self.cases)
        head = (
            "| data | sources | ordering | m_lightest | gain | M [MeV] | g' | index | "
            "g' excluded above (at M) | M excluded for g' = 5e-4 |"
        )
        if thermal:
            head += " error of 2 Delta ln L |"
        lines = [head, "|" + "---|" * (head.count("|") - 1)]
        for case in self.cases:
            limit = "none"
            if np.isfinite(case.limit):
                limit = f"{case.limit:.1e} ({case.limit_mass_mev:.1f} MeV)"
            lines.append(
                f"| {case.sample} | {case.evolution} | {case.ordering} | {case.lightest_mass} | "
                f"{case.gain:.1f} | {case.mass_mev:.1f} | {case.coupling:.1e} | {case.index:.2f} | "
                f"{limit} | {case.excluded} |" + (f" {case.error:.2f} |" if thermal else "")
            )
        return "\n".join(lines)
