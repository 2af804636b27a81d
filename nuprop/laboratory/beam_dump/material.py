"""What a dump is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nuprop.pytree import as_pytree, assign
from nuprop.units import required_number


@as_pytree
@dataclass(frozen=True, kw_only=True)
class Material:
    """A target of one element.

    Attributes
    ----------
    charge : float
        Atomic number Z.
    weight : float, g/mol
        Atomic weight A.
    density : float, g/cm^3
    radiation_length : float, g/cm^2

    Raises
    ------
    UnitError, ParameterError
        If an entry is not a positive number.

    Examples
    --------
    >>> TUNGSTEN.thickness(12.0)  # radiation lengths in 12 cm
    34.17159763313609
    """

    charge: Any
    weight: Any
    density: Any
    radiation_length: Any

    def __post_init__(self) -> None:
        for name in ("charge", "weight", "density", "radiation_length"):
            value = required_number(
                getattr(self, name), "dimensionless", name, "a positive number", lambda x: x > 0.0
            )
            assign(self, **{name: value})

    def thickness(self, length: float) -> float:
        """Thickness of `length` [cm] in radiation lengths."""
        return self.density * length / self.radiation_length


#: Densities and radiation lengths: values as used by nuprop.
TUNGSTEN = Material(charge=74, weight=183.84, density=19.25, radiation_length=6.76)
ALUMINIUM = Material(charge=13, weight=26.98, density=2.70, radiation_length=24.01)
