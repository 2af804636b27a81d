"""IceCube's published flux points and limits: piecewise spectra unfolded from the counts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ConfigError, DatasetError, nearest
from nuprop.icecube.text_table import read_table, table_names

Scope = Literal["per-flavor", "all-flavor"]
FloatArray = NDArray[np.float64]

_FLUX_UNIT = 1e-9  # the files hold 1e-9 GeV cm^-2 s^-1 sr^-1, and TeV
_ENERGY_UNIT = 1e3


@dataclass(frozen=True, eq=False)
class UnfoldedSpectrum:
    """A measured spectrum in energy bins; arrays of shape (n_bins,) in GeV-cm-s units.

    Attributes
    ----------
    name, title, label, reference : str
        Name in this package, what it is, what a legend calls it, and where it was published.
    citation : str
        Key of the paper for `nuprop.citation.bibtex`.
    scope : {"per-flavor", "all-flavor"}
        Whether `value` is one flavor's flux (equal flavors assumed) or the sum of the three.
    limit_level : float or None
        Confidence level of the limits; None if the source of the numbers does not state it.
    note : str
        How the numbers were obtained, and what they leave open.
    e_lo, e_hi : ndarray, GeV
        Edges of the bins.
    value : ndarray, GeV cm^-2 s^-1 sr^-1
        E^2 Phi of neutrinos plus antineutrinos: the normalization of an E^-2 piece within the bin.
        Where `is_limit`, the upper limit.
    err_minus, err_plus : ndarray, GeV cm^-2 s^-1 sr^-1
        Distances to the ends of the 68 % interval, both positive; 0 where `is_limit`.
    is_limit : ndarray of bool
        True where only an upper limit is published.

    Notes
    -----
    The bins of one spectrum are correlated, and spectra of overlapping samples share events:
    good for pictures and rough comparisons, not for combining.
    """

    name: str
    title: str
    label: str
    reference: str
    citation: str
    scope: Scope
    limit_level: float | None
    note: str = field(repr=False)
    e_lo: FloatArray = field(repr=False)
    e_hi: FloatArray = field(repr=False)
    value: FloatArray = field(repr=False)
    err_minus: FloatArray = field(repr=False)
    err_plus: FloatArray = field(repr=False)
    is_limit: NDArray[np.bool_] = field(repr=False)

    @property
    def center(self) -> FloatArray:
        """Geometric middle of each bin, GeV."""
        return np.sqrt(self.e_lo * self.e_hi)

    def scaled_to(self, scope: Scope) -> UnfoldedSpectrum:
        """Give the same spectrum per flavor or summed over flavors, for equal flavors at Earth.

        Parameters
        ----------
        scope : {"per-flavor", "all-flavor"}
            What the values shall be. A factor 3 or 1/3 is applied if they are not that yet.

        Raises
        ------
        ConfigError
            If `scope` is neither of the two.
        """
        factors = {"per-flavor": 1.0, "all-flavor": 3.0}
        if scope not in factors:
            raise ConfigError(f"scope = {scope!r}: must be one of {', '.join(factors)}")
        factor = factors[scope] / factors[self.scope]
        return replace(
            self,
            scope=scope,
            value=self.value * factor,
            err_minus=self.err_minus * factor,
            err_plus=self.err_plus * factor,
        )


def available() -> tuple[str, ...]:
    """Name every published spectrum in the package, in alphabetical order."""
    return table_names("unfolded")


def unfolded(name: str) -> UnfoldedSpectrum:
    """Load a published spectrum by name.

    Parameters
    ----------
    name : str
        One of `available()`, such as "hese-3yr".

    Raises
    ------
    DatasetError
        If there is no spectrum of that name.

    Examples
    --------
    >>> spectrum = unfolded("hese-3yr")
    >>> print(spectrum.reference)
    IceCube, PRL 113, 101101 (2014), arXiv:1405.5303, Fig. 4
    >>> [f"{edge / 1e3:.0f} TeV" for edge in spectrum.e_lo[spectrum.is_limit][:1]]
    ['391 TeV']
    """
    known = available()
    if name not in known:
        raise DatasetError(f"points = {name!r}: no such spectrum; {nearest(name, known)}")
    table = read_table("unfolded", name)
    header = table.header
    level = header["limit-level"]
    return UnfoldedSpectrum(
        name=name,
        title=header["title"],
        label=header["label"],
        reference=header["reference"],
        citation=header["bibtex"],
        scope="all-flavor" if header["scope"] == "all-flavor" else "per-flavor",
        limit_level=None if level == "not stated" else float(level),
        note=header["note"],
        e_lo=table.numbers("e_lo") * _ENERGY_UNIT,
        e_hi=table.numbers("e_hi") * _ENERGY_UNIT,
        value=table.numbers("value") * _FLUX_UNIT,
        err_minus=table.numbers("err_minus") * _FLUX_UNIT,
        err_plus=table.numbers("err_plus") * _FLUX_UNIT,
        is_limit=np.array(table.columns["kind"]) == "limit",
    )
