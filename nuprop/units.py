"""The boundary between quantities and numbers: nothing below this module sees a unit.

Code units: every energy, mass and temperature in GeV; lengths in cm, times in s; angles in rad.
A bare number is read in code units; a value traced by JAX passes through untouched.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from nuprop.errors import ParameterError, UnitError

#: The code unit of each kind of quantity, as astropy writes it.
CODE_UNITS = {
    "energy": "GeV",
    "temperature": "K",
    "density": "cm-3",
    "length": "cm",
    "time": "s",
    "angle": "rad",
    "hubble": "km / (Mpc s)",
    "flux": "1 / (GeV cm2 s sr)",
    "point_flux": "1 / (GeV cm2 s)",
    "emissivity": "1 / (GeV cm3 s)",
    "dimensionless": "",
}


def is_traced(value: Any) -> bool:
    """Tell whether `value` is a JAX tracer, whose number cannot be looked at."""
    return isinstance(value, jax.core.Tracer)


def in_code_units(value: Any, kind: str, name: str) -> Any:
    """Turn a Quantity, a string such as "11 MeV" or a bare number into a float64 in code units.

    Parameters
    ----------
    value : Quantity, str, array-like or JAX tracer
        What the user gave. A bare number is already in code units.
    kind : str
        A key of `CODE_UNITS`.
    name : str
        How the user calls the argument; it opens every error message.

    Returns
    -------
    float or ndarray of float64; a tracer or JAX array comes back as it is.

    Raises
    ------
    UnitError
        If the unit cannot be converted, or the value is not a number at all.
    """
    if isinstance(value, jax.Array | jax.core.Tracer):
        return value
    target = CODE_UNITS[kind]
    if isinstance(value, str):
        from astropy.units import Quantity

        try:
            value = Quantity(value)
        except (TypeError, ValueError) as error:
            raise UnitError(
                f"{name} = {value!r} is not a quantity; write a number and a unit of {kind}, "
                f"such as '1 {target}'"
            ) from error
    if hasattr(value, "unit"):
        try:
            value = value.to_value(target)
        except Exception as error:
            has = f"the unit {value.unit}" if str(value.unit) else "no unit"
            raise UnitError(
                f"{name} = {value} has {has}; a unit of {kind} is needed, "
                f"such as {target or 'none'}"
            ) from error
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UnitError(
            f"{name} = {value!r} is not a number; a unit of {kind} is needed"
        ) from error
    return array if array.ndim else float(array)


def number_in_code_units(value: Any, kind: str, name: str) -> Any:
    """Turn one number of a user into code units; arguments and errors as `in_code_units`.

    Returns
    -------
    float; a tracer or JAX array comes back as it is.

    Raises
    ------
    ParameterError
        For an array of numbers.
    """
    number = in_code_units(value, kind, name)
    if np.shape(number) != ():
        raise ParameterError(
            f"{name} has the shape {np.shape(number)}: one number is needed; jax.vmap takes many"
        )
    return number


def require(name: str, value: Any, allowed: str, condition: Any) -> None:
    """Raise `ParameterError` unless `condition` holds for a concrete `value`.

    `condition` is called with the value; NaN and traced values are treated as follows:
    a NaN always fails, a traced value is never looked at.
    """
    if is_traced(value):
        return
    concrete = np.asarray(value)
    if not np.all(np.isfinite(concrete)) or not np.all(condition(concrete)):
        raise ParameterError(f"{name} = {value}: {allowed}")


def required_number(value: Any, kind: str, name: str, allowed: str, condition: Any) -> Any:
    """Turn one number of a user into code units, and require that `condition` holds for it."""
    number = number_in_code_units(value, kind, name)
    require(name, number, allowed, condition)
    return number


def quantity(value: ArrayLike, kind: str) -> Any:
    """Attach the code unit of `kind` to an array, on its way out to the user."""
    from astropy.units import Quantity

    return Quantity(np.asarray(value), CODE_UNITS[kind])
