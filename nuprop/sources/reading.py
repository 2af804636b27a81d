"""Evolutions and spectra as users write them: names, dictionaries, tables, functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nuprop.errors import ConfigError, ParameterError
from nuprop.evolutions import (
    LARGEST_REDSHIFT,
    CustomEvolution,
    Evolution,
    TableEvolution,
)
from nuprop.registry import evolution, spectrum
from nuprop.spectra import Spectrum
from nuprop.spectra import as_spectrum as _as_spectrum
from nuprop.units import is_traced


def as_evolution(value: Any, z_max: Any = LARGEST_REDSHIFT) -> Evolution:
    """Read what a user gives as an evolution.

    Parameters
    ----------
    value : str, Evolution, dict, (z, density) pair, or callable
        A dictionary holds ``name`` and the parameters of `evolution`.
    z_max : float
        A function is looked at up to here.

    Returns
    -------
    Evolution

    Raises
    ------
    UnknownSource, ConfigError, ParameterError
        If it is none of these, see `evolution`, `CustomEvolution` and `TableEvolution`.
    """
    if isinstance(value, Evolution):
        return value
    if isinstance(value, str):
        return evolution(value)
    if isinstance(value, Mapping):
        return evolution(**_named(value, "name", "evolution"))
    if isinstance(value, tuple | list) and len(value) == 2:
        return TableEvolution(*value)
    if callable(value) and not isinstance(value, type):
        return CustomEvolution(value, checked_to=LARGEST_REDSHIFT if is_traced(z_max) else z_max)
    raise ParameterError(
        f"evolution = {value!r}: give a name (nuprop.sources.available() lists them), a "
        "dictionary with a name and parameters, a (z, density) pair of arrays, or a function of z"
    )


def as_spectrum(value: Any) -> Spectrum:
    """Read what a user gives as a spectrum.

    Parameters
    ----------
    value : Spectrum, dict, str, (energy, emissivity) pair, or callable
        A dictionary holds ``kind`` and the parameters of `spectrum`; a string is a kind that
        needs none.

    Returns
    -------
    Spectrum

    Raises
    ------
    UnknownSource, ConfigError, ParameterError
        If it is none of these, see `spectrum`, `Table` and `CustomSpectrum`.
    """
    if isinstance(value, str):
        return spectrum(value)
    if isinstance(value, Mapping):
        return spectrum(**_named(value, "kind", "spectrum"))
    return _as_spectrum(value)


def _named(value: Mapping[str, Any], key: str, what: str) -> dict[str, Any]:
    if key not in value:
        raise ConfigError(f"{what} = {dict(value)}: the key {key!r} is missing")
    return dict(value)
