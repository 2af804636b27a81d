"""Spectra as run files write them: a kind and its parameters."""

from __future__ import annotations

from typing import Any

from nuprop.sources import as_spectrum
from nuprop.spectra import Sum


def sum_of(components: Any, weights: Any = None) -> Sum:
    """Add spectra, each a Spectrum or a dictionary with its kind."""
    return Sum(*(as_spectrum(component) for component in components), weights=weights)
