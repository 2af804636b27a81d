"""Luminosities, energies and rates as astronomers write them, in erg, seconds, Mpc and years."""

from __future__ import annotations

from typing import Any

from nuprop.constants import MEGAPARSEC
from nuprop.errors import UnitError
from nuprop.units import number_in_code_units

#: One erg in GeV; exact, SI 2019.
GEV_PER_ERG = 1e-7 / 1.602176634e-10
#: 1/(Mpc^3 yr) in 1/(cm^3 s), of Julian years.
PER_VOLUME_AND_TIME = 1.0 / (MEGAPARSEC**3 * 3.15576e7)


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
    return _number(value, name, "erg / s", "a luminosity such as '1e46 erg / s'")


def erg(value: Any, name: str) -> Any:
    """Turn an energy of astronomical size into erg; as `erg_per_second`.

    Examples
    --------
    >>> erg("3e46 J", "energy")
    3e+53
    """
    return _number(value, name, "erg", "an energy such as '3e53 erg'")


def per_volume_and_time(value: Any, name: str) -> Any:
    """Turn a rate of events into 1/(Mpc^3 yr); as `erg_per_second`.

    Examples
    --------
    >>> print(f"{per_volume_and_time('100 / (Gpc3 yr)', 'rate'):.6g}")
    1e-07
    """
    return _number(value, name, "1 / (Mpc3 yr)", "a rate such as '1e-4 / (Mpc3 yr)'")


def _number(value: Any, name: str, unit: str, needed: str) -> Any:
    if isinstance(value, str) or hasattr(value, "unit"):
        from astropy.units import Quantity

        try:
            value = Quantity(value).to_value(unit)
        except (TypeError, ValueError) as error:
            raise UnitError(f"{name} = {value}: {needed} is needed") from error
    return number_in_code_units(value, "dimensionless", name)
