"""An e+e- collider, and the photons that a search accepts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from nuprop.errors import ParameterError, UnitError, nearest
from nuprop.laboratory.constraint import named
from nuprop.laboratory.single_photon.resolution import Resolution, belle_calorimeter
from nuprop.pytree import as_pytree, assign, leaf_text
from nuprop.units import is_traced, number_in_code_units, require, required_number

Frame = Literal["lab", "cm"]

#: Below the W and Z poles, where widths in their propagators do not matter.
_LARGEST_ENERGY = 80.0  # GeV, of both beams in the center of mass
_FRAMES = ("lab", "cm")
_INVERSE_ATTOBARN = "1 / abarn"


@as_pytree
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Collider:
    """Beams that collide head on, cuts on the photon, and how much is recorded.

    Parameters
    ----------
    electron_energy, positron_energy : Quantity, str or float, GeV
        Of the beams. A crossing angle and the electron's mass are neglected.
    angle_min, angle_max : Quantity, str or float, rad
        Polar angle of the photon from the direction of the electron beam.
    energy_min : Quantity, str or float, GeV
        Of the photon, > 0: the cross section diverges for soft photons.
    energy_max : Quantity, str or float, GeV, optional
        By default there is none. A window that no photon can reach is allowed, and leaves nothing.
    angle_frame, energy_frame : "lab" or "cm"
        Where the cuts apply.
    resolution : Resolution or float
        Of the photon's energy; a number is a constant sigma_E/E.
    luminosity : Quantity, str or float, 1/ab
        Integrated. As a string write "50 / abarn": astropy reads "ab" as attobit.

    Attributes
    ----------
    sqrt_s : energy in the center of mass [GeV]
    velocity : of the center of mass in the lab, along the electron beam
    lorentz : its Lorentz factor
    energy_max : the energy of both beams if none was given

    Raises
    ------
    UnitError, ParameterError
        If a beam has no energy, sqrt(s) exceeds 80 GeV (where the widths of W and Z, neglected
        here, matter), not 0 < angle_min < angle_max < 180 degrees, energy_min is not positive,
        energy_max not above it, a frame unknown, or the luminosity not positive.

    Examples
    --------
    >>> belle = Collider.named("belle-ii")
    >>> belle
    Collider(7 GeV e- on 4 GeV e+, luminosity 50 / ab)
    >>> print(f"{belle.sqrt_s:.6f} GeV, velocity {belle.velocity:.6f}")
    10.583005 GeV, velocity 0.272727
    """

    electron_energy: Any
    positron_energy: Any
    angle_min: Any
    angle_max: Any
    energy_min: Any
    energy_max: Any
    resolution: Resolution
    luminosity: Any
    angle_frame: Frame = field(metadata={"static": True})
    energy_frame: Frame = field(metadata={"static": True})

    def __init__(
        self,
        electron_energy: Any,
        positron_energy: Any,
        *,
        angle_min: Any,
        angle_max: Any,
        energy_min: Any,
        energy_max: Any = None,
        angle_frame: Frame = "lab",
        energy_frame: Frame = "lab",
        resolution: Resolution | float = 0.015,
        luminosity: Any = 1.0,
    ) -> None:
        electron = _positive(electron_energy, "electron_energy")
        positron = _positive(positron_energy, "positron_energy")
        energies = (electron, positron)
        if not any(map(is_traced, energies)):
            require(
                "sqrt(s)",
                2.0 * np.sqrt(electron * positron),
                f"at most {_LARGEST_ENERGY:g} GeV: above, the widths of W and Z matter",
                lambda x: x <= _LARGEST_ENERGY,
            )
        lowest, highest = _angle(angle_min, "angle_min"), _angle(angle_max, "angle_max")
        _require_order("angle_max", highest, "angle_min", lowest)
        soft = _positive(energy_min, "energy_min")
        hard = electron + positron
        if energy_max is not None:
            hard = _positive(energy_max, "energy_max")
            _require_order("energy_max", hard, "energy_min", soft)
        assign(
            self,
            electron_energy=electron,
            positron_energy=positron,
            angle_min=lowest,
            angle_max=highest,
            energy_min=soft,
            energy_max=hard,
            resolution=resolution if isinstance(resolution, Resolution) else Resolution(resolution),
            luminosity=inverse_attobarns(luminosity),
            angle_frame=_frame(angle_frame, "angle_frame"),
            energy_frame=_frame(energy_frame, "energy_frame"),
        )

    @classmethod
    def named(cls, name: str) -> Collider:
        """Find a collider by its name.

        Parameters
        ----------
        name : str
            "belle-ii": electrons of 7 GeV on positrons of 4 GeV, photons between 15 and 135 degrees
            above 0.1 GeV in the lab, the resolution of `belle_calorimeter`, 50/ab.
            "babar": 9.0 on 3.1 GeV, |cos(theta)| < 0.6 and E > 1.5 GeV in the center of mass,
            sigma_E/E = 1.4 %, 53/fb: the luminosity of Lees et al. 2017, arXiv:1702.03327; the
            other numbers are assumptions of nuprop, the efficiency of the selection is not in them.

        Raises
        ------
        DatasetError
            If there is none of this name.
        """
        return named(name, COLLIDERS, "collider")

    @property
    def sqrt_s(self) -> Any:
        """Energy in the center of mass [GeV]."""
        return 2.0 * (self.electron_energy * self.positron_energy) ** 0.5

    @property
    def velocity(self) -> Any:
        """Velocity of the center of mass in the lab, along the electron beam."""
        difference = self.electron_energy - self.positron_energy
        return difference / (self.electron_energy + self.positron_energy)

    @property
    def lorentz(self) -> Any:
        """Lorentz factor of the center of mass in the lab."""
        return (self.electron_energy + self.positron_energy) / self.sqrt_s

    @property
    def cosines(self) -> tuple[Any, Any]:
        """Least and largest cos(theta) that the cut on the angle leaves, center of mass."""
        lab_or_cm = jnp.cos(self.angle_max), jnp.cos(self.angle_min)
        if self.angle_frame == "cm":
            return lab_or_cm
        beta = self.velocity
        low, high = ((c - beta) / (1.0 - beta * c) for c in lab_or_cm)
        return low, high

    def __repr__(self) -> str:
        beams = (
            f"{leaf_text(self.electron_energy, 1.0, 'GeV')} e- on "
            f"{leaf_text(self.positron_energy, 1.0, 'GeV')} e+"
        )
        recorded = leaf_text(self.luminosity, 1.0, "/ ab")
        return f"Collider({beams}, luminosity {recorded})"


def inverse_attobarns(value: Any) -> Any:
    """Turn an integrated luminosity of a user into 1/ab; arguments as in `Collider`."""
    if isinstance(value, str) or hasattr(value, "unit"):
        from astropy.units import Quantity

        try:
            value = Quantity(value).to_value(_INVERSE_ATTOBARN)
        except (TypeError, ValueError) as error:
            raise UnitError(
                f"luminosity = {value}: an inverse area is needed, such as '50 / abarn' or "
                "'53 / fbarn' ('ab' would be attobit)"
            ) from error
    value = number_in_code_units(value, "dimensionless", "luminosity")
    require("luminosity", value, "a positive number of 1/ab", lambda x: x > 0.0)
    return value


def _positive(value: Any, name: str) -> Any:
    return required_number(value, "energy", name, "a positive energy", lambda x: x > 0.0)


def _angle(value: Any, name: str) -> Any:
    return required_number(
        value,
        "angle",
        name,
        "between 0 and pi rad, ends excluded",
        lambda x: (x > 0.0) & (x < math.pi),
    )


def _require_order(name: str, value: Any, lower_name: str, lower: Any) -> None:
    if not is_traced(lower):
        require(name, value, f"must exceed {lower_name} = {lower}", lambda x: x > lower)


def _frame(value: Any, name: str) -> Frame:
    if value not in _FRAMES:
        raise ParameterError(f"{name} = {value!r}: 'lab' or 'cm' ({nearest(str(value), _FRAMES)})")
    return value


_DEGREE = math.pi / 180.0

COLLIDERS = {
    "belle-ii": Collider(
        7.0,
        4.0,
        angle_min=15.0 * _DEGREE,
        angle_max=135.0 * _DEGREE,
        energy_min=0.1,
        resolution=belle_calorimeter(),
        luminosity=50.0,
    ),
    "babar": Collider(
        9.0,
        3.1,
        angle_min=math.acos(0.6),
        angle_max=math.acos(-0.6),
        angle_frame="cm",
        energy_min=1.5,
        energy_frame="cm",
        resolution=0.014,
        luminosity=0.053,
    ),
}
