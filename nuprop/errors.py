"""The exceptions and warnings of nuprop, and the status that a result carries."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import Enum


class NupropError(ValueError):
    """Base of every error that nuprop raises on purpose."""


class UnitError(NupropError):
    """A quantity has the wrong unit, or a bare number stands where a unit is needed."""


class GridError(NupropError):
    """Energies or edges are not positive, not increasing, or outside a table."""


class ParameterError(NupropError):
    """A physical parameter lies outside its allowed range."""


class ConfigError(NupropError):
    """A run file holds an unknown key or an impossible value."""


class UnknownSource(NupropError):
    """No evolution or spectrum of this name is registered."""


class PrecisionError(NupropError):
    """JAX was switched to 32-bit floats, in which these equations lose all digits."""


class DatasetError(NupropError):
    """A data set is unknown or cannot be used in the way asked for."""


class FitError(NupropError):
    """A fit, profile or scan cannot be started, or its files cannot be used."""


class PhysicsWarning(UserWarning):
    """The input lies outside the range where the physics implemented here is valid."""


class Status(Enum):
    """How a calculation ended; the value is the help text."""

    OK = "finite, non-negative, balanced"
    NONFINITE = "a flux value is not finite: check that the source is finite at every E (1+z)"
    NEGATIVE = "a flux value is negative: check that the source emissivity is never negative"
    UNBALANCED = (
        "the solver's books do not close to its tolerance: the spectrum has features that the "
        "integrals over redshift miss (name them as its `kinks`), or `resolution` is too low"
    )
    NONPERTURBATIVE = (
        "the coupling is beyond perturbativity (width / mass > 0.3 or |g| > sqrt(4 pi)): "
        "the narrow-width result has no meaning there"
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names come closest to `name`, for the end of an error message."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    listing = f"known: {', '.join(names)}"
    return f"did you mean {' or '.join(repr(c) for c in close)}? {listing}" if close else listing
