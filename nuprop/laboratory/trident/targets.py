"""What a neutrino hits: nuclei, and mixtures of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from nuprop.constants import ATOMIC_MASS_UNIT, PROTON_MASS
from nuprop.errors import ParameterError
from nuprop.laboratory.constraint import named
from nuprop.units import is_traced, required_number

NEUTRON_MASS = 0.93956542052  # GeV, CODATA 2018


@dataclass(frozen=True)
class Nucleus:
    """A nucleus, or a free nucleon.

    Parameters
    ----------
    protons : int
        Z >= 0.
    mass_number : float
        A >= 1; the standard atomic weight stands for a natural mixture of isotopes.
    mass : Quantity, str or float, GeV, optional
        A times the atomic mass unit if not given.

    Raises
    ------
    UnitError, ParameterError
        If Z or A cannot be, or the mass is not a positive energy.

    Notes
    -----
    A nucleus with A = 1 is a free nucleon: it is not Pauli-blocked, and nothing on it is coherent.

    Examples
    --------
    >>> Nucleus(18, 39.948).mass
    37.21132...
    """

    protons: float
    mass_number: float
    mass: Any = None

    def __post_init__(self) -> None:
        protons = required_number(
            self.protons, "dimensionless", "protons", "0 <= Z <= A", lambda z: z >= 0.0
        )
        number = required_number(
            self.mass_number,
            "dimensionless",
            "mass_number",
            "at least 1, and Z",
            _is_number(protons),
        )
        mass = number * ATOMIC_MASS_UNIT if self.mass is None else self.mass
        mass = required_number(mass, "energy", "mass", "a positive energy", lambda m: m > 0.0)
        if any(map(is_traced, (protons, number, mass))):
            raise ParameterError("a nucleus is made of plain numbers, not of traced ones")
        object.__setattr__(self, "protons", float(protons))
        object.__setattr__(self, "mass_number", float(number))
        object.__setattr__(self, "mass", float(mass))

    @property
    def is_free(self) -> bool:
        """Whether it is a single nucleon."""
        return self.mass_number == 1.0

    @property
    def neutrons(self) -> float:
        """A - Z; not an integer for a mixture of isotopes."""
        return self.mass_number - self.protons


@dataclass(frozen=True)
class Target:
    """Nuclei that a neutrino meets, counted per formula unit.

    Parameters
    ----------
    name : str
    nuclei : tuple of (float, Nucleus)
        Cross sections are sums over them, each times its number.

    Examples
    --------
    >>> ice = Target("ice", ((2.0, find("H").nuclei[0][1]), (1.0, Nucleus(8, 15.999))))
    """

    name: str
    nuclei: tuple[tuple[float, Nucleus], ...]

    def __post_init__(self) -> None:
        if not self.nuclei:
            raise ParameterError(f"nuclei = {self.nuclei!r}: at least one nucleus is needed")
        for count, nucleus in self.nuclei:
            if not isinstance(nucleus, Nucleus) or not np.isfinite(count) or count <= 0.0:
                raise ParameterError(
                    f"nuclei = {self.nuclei!r}: pairs of a positive number and a Nucleus"
                )


def _is_number(protons: float) -> Any:
    return lambda number: (number >= 1.0) & (number >= protons)


def _single(name: str, *nucleus: float) -> Target:
    return Target(name, ((1.0, Nucleus(*nucleus)),))


_SILICON, _OXYGEN = Nucleus(14, 28.085), Nucleus(8, 15.999)

#: Standard atomic weights; "glass" is SiO2.
TARGETS = MappingProxyType(
    {
        "H": _single("H", 1, 1.0, PROTON_MASS),
        "p": _single("p", 1, 1.0, PROTON_MASS),
        "n": _single("n", 0, 1.0, NEUTRON_MASS),
        "C": _single("C", 6, 12.011),
        "O": Target("O", ((1.0, _OXYGEN),)),
        "Si": Target("Si", ((1.0, _SILICON),)),
        "Ar": _single("Ar", 18, 39.948),
        "Fe": _single("Fe", 26, 55.845),
        "glass": Target("glass", ((1.0, _SILICON), (2.0, _OXYGEN))),
    }
)


def find(target: str | Nucleus | Target) -> Target:
    """Turn a name of `TARGETS`, or a nucleus, into a target.

    Raises
    ------
    DatasetError
        If there is no target of this name.
    ParameterError
        If it is none of the three.
    """
    if isinstance(target, Target):
        return target
    if isinstance(target, Nucleus):
        return Target(f"Z = {target.protons:g}, A = {target.mass_number:g}", ((1.0, target),))
    if isinstance(target, str):
        return named(target, TARGETS, "target")
    raise ParameterError(f"target = {target!r}: a name, a Nucleus or a Target")
