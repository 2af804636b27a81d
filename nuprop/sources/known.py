"""Single objects from which neutrinos were reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nuprop.errors import ParameterError, nearest
from nuprop.sources.point import PointSource
from nuprop.spectra import PowerLaw


@dataclass(frozen=True)
class KnownSource:
    """Where an object is, and the spectrum reported for it.

    Attributes
    ----------
    name : str
    reference : str
    z : float or None
        Measured redshift.
    luminosity_distance : str or None
        In place of a redshift, for a galaxy so near that its own velocity matters.
    index : float or None
        Of a power law.
    normalization, pivot : str or None
        Free flux per flavor, nu + nubar, at an energy at Earth.
    """

    name: str
    reference: str
    z: float | None = None
    luminosity_distance: str | None = None
    index: float | None = None
    normalization: str | None = None
    pivot: str | None = None

    def defaults(self) -> dict[str, Any]:
        """Arguments of `PointSource` for the spectrum reported."""
        given: dict[str, Any] = {}
        if self.index is not None:
            given["spectrum"] = PowerLaw(self.index)
        if self.normalization is not None:
            given |= {"normalization": self.normalization, "pivot": self.pivot}
        return given


#: By name. The flux of NGC 1068 is that of nu_mu + nubar_mu, taken to be one third of all.
KNOWN_SOURCES: Mapping[str, KnownSource] = MappingProxyType(
    {
        "ngc-1068": KnownSource(
            name="NGC 1068",
            reference="IceCube Collaboration 2022, arXiv:2211.09972",
            luminosity_distance="14.4 Mpc",
            index=3.2,
            normalization="5.0e-11 / (TeV cm2 s)",
            pivot="1 TeV",
        ),
        "txs-0506+056": KnownSource(
            name="TXS 0506+056",
            reference="Paiano, Falomo, Treves & Scarpa 2018, arXiv:1802.01939 (redshift)",
            z=0.3365,
        ),
    }
)


def known_source(name: str, *, cosmology: Any = None, **others: Any) -> PointSource:
    """Make the point source of a known object.

    Parameters
    ----------
    name : "ngc-1068" or "txs-0506+056"
        "ngc-1068": 14.4 Mpc away, by default with (5.0e-11/(TeV cm2 s)) (E/TeV)^-3.2 per flavor
        (IceCube Collaboration 2022, arXiv:2211.09972). "txs-0506+056": z = 0.3365 +- 0.0010
        (Paiano et al. 2018, arXiv:1802.01939); its flares need a normalization or luminosity.
    cosmology : as for `PointSource.at_distance`
    **others
        As for `PointSource`, in place of the defaults.

    Returns
    -------
    PointSource

    Raises
    ------
    ParameterError
        If there is no such source, or it has no normalization.

    Examples
    --------
    >>> source = known_source("ngc-1068")
    >>> print(f"z = {source.z:.4f}, {source.spectrum}")
    z = 0.0032, PowerLaw(index=3.2)
    """
    if name not in KNOWN_SOURCES:
        raise ParameterError(f"name = {name!r}: {nearest(str(name), KNOWN_SOURCES)}")
    known = KNOWN_SOURCES[name]
    arguments = known.defaults()
    if "luminosity" in others:
        arguments = {key: arguments[key] for key in arguments if key == "spectrum"}
    arguments |= others
    if known.luminosity_distance is None:
        return PointSource(known.z, **arguments)
    return PointSource.at_distance(known.luminosity_distance, cosmology=cosmology, **arguments)
