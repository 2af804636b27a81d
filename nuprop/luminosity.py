"""Luminosities as users write them, in erg/s."""

from __future__ import annotations

from typing import Any

from nuprop.errors import UnitError
from nuprop.units import number_in_code_units


def erg_per_second(value: Any, name: str) -> Any:
    """Turn a Quantity, a string such as "1e46 erg / s" or a bare number into erg/s.

    Parameters
    ----------
    value : Quantity, str, float or JAX tracer
        A bare number is in erg/s already.
    name : str
        How the user calls the argument; it opens the error message.

    Returns
    -------
    float; a tracer or JAX array comes back as it is.

    Raises
    ------
    UnitError
        If this is not a luminosity.

    Examples
    --------
    >>> erg_per_second("1e39 W", "luminosity")
    1e+46
    """
    if isinstance(value, str) or hasattr(value, "unit"):
        from astropy.units import Quantity

        try:
            value = Quantity(value).to_value("erg / s")
        except (TypeError, ValueError) as error:
            raise UnitError(
                f"{name} = {value}: a luminosity such as '1e46 erg / s' is needed"
            ) from error
    return number_in_code_units(value, "dimensionless", name)
