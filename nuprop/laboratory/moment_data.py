"""Measurements of the anomalous magnetic moments of muon and electron, against the theory.

a = (g - 2)/2. What a boson may add is the difference of experiment and theory. That of the muon
fell from 3.6 sigma to 0.6 when the theory changed its hadronic part in 2025; that of the electron
depends on the atom whose recoil gives the fine-structure constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nuprop.laboratory.constraint import named

Lepton = Literal["e", "mu", "tau"]


@dataclass(frozen=True, kw_only=True)
class MomentMeasurement:
    """One comparison of a measured anomalous moment with its prediction.

    Attributes
    ----------
    name : str
        How a user calls it, such as "muon-g-2-2025".
    title : str
        How a figure calls it.
    lepton : "e", "mu" or "tau"
    difference, error : float
        a(experiment) - a(theory) and its standard deviation, as published where a publication
        gives them.
    experiment, theory : (float, float), optional
        Value and standard deviation of each.
    references : tuple of str
        Keys of `nuprop.citation.bibtex`, or words for what has no entry.
    note : str
        Where the numbers come from.
    """

    name: str
    title: str
    lepton: Lepton
    difference: float
    error: float
    experiment: tuple[float, float] | None
    theory: tuple[float, float] | None
    references: tuple[str, ...]
    note: str

    @property
    def significance(self) -> float:
        """Difference in standard deviations."""
        return self.difference / self.error


_MUON = (
    MomentMeasurement(
        name="muon-g-2-2014",
        title="PDG 2014",
        lepton="mu",
        difference=288e-11,
        error=math.hypot(63.0, 49.0) * 1e-11,
        experiment=(116592091e-11, math.hypot(54.0, 33.0) * 1e-11),
        theory=(116591803e-11, 49e-11),
        references=("bennett2006", "olive2014"),
        note="288(63)(49): experiment of the review by Hoecker and Marciano, 11659209.1(5.4)(3.3)"
        "e-10; difference as used by nuprop",
    ),
    MomentMeasurement(
        name="muon-g-2-hlmnt",
        title="HLMNT 2011",
        lepton="mu",
        difference=261e-11,
        error=80e-11,
        experiment=(116592089e-11, 63e-11),
        theory=(116591828e-11, 49e-11),
        references=("bennett2006", "hagiwara2011"),
        note="3.3 sigma",
    ),
    MomentMeasurement(
        name="muon-g-2-2021",
        title="FNAL 2021",
        lepton="mu",
        difference=251e-11,
        error=59e-11,
        experiment=(116592061e-11, 41e-11),
        theory=(116591810e-11, 43e-11),
        references=("muon2021", "aoyama2020"),
        note="first run and E821, against the White Paper of 2020",
    ),
    MomentMeasurement(
        name="muon-g-2-2023",
        title="FNAL 2023",
        lepton="mu",
        difference=249e-11,
        error=48e-11,
        experiment=(116592059e-11, 22e-11),
        theory=(116591810e-11, 43e-11),
        references=("muon2023", "aoyama2020"),
        note="runs 1 to 3 and E821, against the White Paper of 2020, which its own authors have "
        "since replaced",
    ),
    MomentMeasurement(
        name="muon-g-2-2025",
        title="FNAL 2025",
        lepton="mu",
        difference=38.5e-11,
        error=math.hypot(14.5, 62.0) * 1e-11,
        experiment=(116592071.5e-11, 14.5e-11),
        theory=(116592033e-11, 62e-11),
        references=("muon2025", "aliberti2025"),
        note="runs 1 to 6 and E821, against the White Paper of 2025: published as 38(63)",
    ),
)

_ELECTRON = (
    MomentMeasurement(
        name="electron-g-2-2012",
        title="Rb 2011",
        lepton="e",
        difference=-1.06e-12,
        error=0.82e-12,
        experiment=(1159652180.73e-12, 0.28e-12),
        theory=(1159652181.78e-12, 0.77e-12),
        references=("hanneke2008", "aoyama2012"),
        note="difference as used by nuprop; that of the rounded values is -1.05",
    ),
    MomentMeasurement(
        name="electron-g-2-cs-2018",
        title="Cs 2018",
        lepton="e",
        difference=-0.88e-12,
        error=0.36e-12,
        experiment=(1159652180.73e-12, 0.28e-12),
        theory=(1159652181.606e-12, 0.230e-12),
        references=("hanneke2008", "parker2018", "aoyama2019"),
        note="2.4 sigma below the theory; a vector boson can only raise the prediction further",
    ),
    MomentMeasurement(
        name="electron-g-2-rb-2020",
        title="Rb 2020",
        lepton="e",
        difference=0.48e-12,
        error=0.30e-12,
        experiment=(1159652180.73e-12, 0.28e-12),
        theory=(1159652180.252e-12, 0.095e-12),
        references=("hanneke2008", "morel2020"),
        note="value as used by nuprop",
    ),
)

#: Every measurement, by name.
MEASUREMENTS: dict[str, MomentMeasurement] = {m.name: m for m in (*_MUON, *_ELECTRON)}


def measurement(name: str | MomentMeasurement) -> MomentMeasurement:
    """Find a measurement by name; one that is given comes back as it is.

    Raises
    ------
    DatasetError
        If the name is unknown, with the nearest ones.

    Examples
    --------
    >>> print(f"{measurement('muon-g-2-2025').significance:.2f} sigma")
    0.60 sigma
    """
    if isinstance(name, MomentMeasurement):
        return name
    return named(name, MEASUREMENTS, "measurement")
