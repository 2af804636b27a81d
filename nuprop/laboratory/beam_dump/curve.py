"""Published bounds on a dark photon: the interval of mixings excluded at each mass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.errors import ParameterError
from nuprop.pytree import assign
from nuprop.units import in_code_units, require

#: How far the logarithm of a mass may lie from that of an isolated point.
_SAME_MASS = 1e-6


@dataclass(frozen=True)
class DarkPhotonCurve:
    """Mixings of a dark photon with the photon that an experiment excludes, lower < eps < upper.

    Attributes
    ----------
    mass : array of at least one, GeV
        Increasing; Quantity allowed.
    lower, upper : array of the shape of `mass`
        Edges of the interval in eps_A, the coupling to charged particles in units of e Q.
    interpolate : bool
        Whether the points join (linearly in all logarithms) or stand alone, valid at their masses
        only.

    Raises
    ------
    UnitError, ParameterError
        If the masses do not increase from above zero, the shapes differ, or 0 < lower <= upper is
        violated.

    Examples
    --------
    >>> DarkPhotonCurve([0.01, 0.1], [1e-7, 2e-7], [1e-4, 1e-5]).covers(0.05)
    Array(True, dtype=bool)
    """

    mass: Any
    lower: Any
    upper: Any
    interpolate: bool = True

    def __post_init__(self) -> None:
        kinds = {"mass": "energy", "lower": "dimensionless", "upper": "dimensionless"}
        for name, kind in kinds.items():
            values = np.atleast_1d(np.asarray(in_code_units(getattr(self, name), kind, name)))
            require(name, values, "positive numbers", lambda x: x > 0.0)
            if values.ndim != 1 or values.size == 0 or values.size != np.size(self.mass):
                raise ParameterError(
                    f"{name} has the shape {values.shape}: one number for each mass is needed"
                )
            assign(self, **{name: tuple(map(float, values))})
        require("mass", self.mass, "increasing masses", lambda x: np.all(np.diff(x) > 0.0))
        require("upper", self.upper, "not below lower", lambda x: x >= np.asarray(self.lower))

    def covers(self, mass: ArrayLike) -> jax.Array:
        """Whether the curve says something of a mass [GeV]."""
        mass = jnp.asarray(mass)
        if not self.interpolate:
            distance = jnp.abs(jnp.log(mass[..., None] / np.asarray(self.mass)))
            return jnp.any(distance < _SAME_MASS, axis=-1)
        return (mass >= self.mass[0]) & (mass <= self.mass[-1])

    def edges(self, mass: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Lower and upper edge at a mass [GeV]; without meaning where the curve says nothing."""
        place = jnp.log(jnp.asarray(mass))
        low, high = (
            jnp.exp(jnp.interp(place, np.log(self.mass), np.log(edge)))
            for edge in (self.lower, self.upper)
        )
        return low, high


def _points(*rows: tuple[float, float, float]) -> DarkPhotonCurve:
    mass, lower, upper = zip(*rows, strict=True)
    return DarkPhotonCurve(mass, lower, upper, interpolate=False)


#: Read off curves in the literature at 10 and 100 MeV: values as used by nuprop. What is missing is
#: closed there.
ANCHORS = {
    "e141": _points((0.01, 2.44e-5, 4.80e-4)),
    "e137": _points((0.01, 2.87e-8, 4.09e-5), (0.1, 5.20e-8, 2.90e-6)),
    "orsay": _points((0.01, 8.26e-7, 1.25e-4)),
    "kek": _points((0.01, 5.34e-7, 1.06e-4)),
    "u70-pi0": _points((0.01, 2.15e-7, 1.04e-4), (0.1, 1.14e-7, 7.58e-6)),
    "u70-bremsstrahlung": _points((0.01, 8.22e-7, 9.55e-5), (0.1, 2.63e-7, 7.50e-6)),
}

#: Masses [GeV] beyond which the published curves are closed: values as used by nuprop.
CLOSING_MASSES = {"e141": 0.019, "e774": 0.0098, "orsay": 0.081, "kek": 0.051}
