"""IceCube's published fits of the diffuse flux: power laws, broken ones, and log-parabolas."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import DatasetError, GridError, nearest
from nuprop.icecube.text_table import read_table, table_names
from nuprop.units import in_code_units

if TYPE_CHECKING:
    from nuprop.spectra import Spectrum

FloatArray = NDArray[np.float64]

_PIVOT = 1e5  # GeV, where normalizations are given
_TEV = 1e3
_FLUX_UNIT = 1e-18
_PARAMETERS = {
    "power-law": ("normalization", "index"),
    "broken-power-law": ("normalization", "index_low", "index_high", "break_energy"),
    "log-parabola": ("normalization", "index", "curvature"),
}


class Measured(NamedTuple):
    """A fitted number; errors are positive, 68 %, and None where none is at hand."""

    value: float
    err_minus: float | None = None
    err_plus: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class PublishedFit:
    """A published fit of the diffuse flux, per flavor, neutrinos plus antineutrinos.

    Made by `published_fit`. Flavors are equal at Earth.

    Attributes
    ----------
    name, title, reference : str
        Name in this package, what was fitted, and where it was published.
    citation : str
        Key of the paper for `nuprop.citation.bibtex`.
    shape : {"power-law", "broken-power-law", "log-parabola"}
    parameters : mapping of str to Measured
        "normalization" [GeV^-1 cm^-2 s^-1 sr^-1] at 100 TeV for every shape, and the parameters of
        the spectrum by the names that its class gives them; energies in GeV.
    energy_range : (float, float) or None, GeV
        Neutrino energies to which the data are sensitive, where the paper gives them.
    verified : bool
        Whether the numbers were compared with the text of the paper or of its data release.
    note : str
    contour : ndarray, shape (n, 2), or None
        Closed curve of 68 % for both parameters of a power law together: index, and
        normalization [GeV^-1 cm^-2 s^-1 sr^-1]. The first point comes again at the end.

    Notes
    -----
    phi(E) = normalization * Q(E) / Q(100 TeV), with Q that of `spectrum`.
    """

    name: str
    title: str
    reference: str
    citation: str
    shape: str
    parameters: Mapping[str, Measured]
    energy_range: tuple[float, float] | None
    verified: bool
    note: str
    contour: FloatArray | None = field(repr=False)

    @property
    def normalization(self) -> float:
        """Flux of one flavor at 100 TeV, GeV^-1 cm^-2 s^-1 sr^-1: that of a `Source`."""
        return self.parameters["normalization"].value

    def spectrum(self) -> Spectrum:
        """Make the spectrum, for a source whose neutrinos arrive with this shape.

        Returns
        -------
        PowerLaw, BrokenPowerLaw or LogParabola
            Its own scale is arbitrary; `normalization` is what `Source` takes beside it.
        """
        from nuprop import spectra

        kinds = (spectra.PowerLaw, spectra.BrokenPowerLaw, spectra.LogParabola)
        [kind] = [kind for kind in kinds if kind.kind == self.shape]
        values = {name: item.value for name, item in self.parameters.items()}
        del values["normalization"]
        return kind(**values)

    def flux(self, energy: Any) -> FloatArray:
        """Evaluate the flux of one flavor, neutrinos plus antineutrinos.

        Parameters
        ----------
        energy : Quantity, str or array (GeV), > 0

        Returns
        -------
        ndarray of the same shape, GeV^-1 cm^-2 s^-1 sr^-1

        Raises
        ------
        GridError
            If an energy is not above zero.
        """
        grid = np.asarray(in_code_units(energy, "energy", "energy"), dtype=np.float64)
        if not np.all((grid > 0.0) & np.isfinite(grid)):
            raise GridError(f"energy = {energy}: energies must be finite and > 0 GeV")
        spectrum = self.spectrum()
        shape = np.asarray(spectrum.emissivity(grid)) / float(spectrum.emissivity(_PIVOT))
        return self.normalization * shape

    def __repr__(self) -> str:
        lines = [f"PublishedFit({self.name!r}, {self.shape}): {self.title}"]
        lines += [f"  {name:<14} {_written(name, item)}" for name, item in self.parameters.items()]
        if self.energy_range is not None:
            low, high = (energy / _TEV for energy in self.energy_range)
            lines.append(f"  {'energy range':<14} {low:g} to {high:g} TeV")
        lines.append(f"  {'reference':<14} {self.reference}")
        verified = "yes" if self.verified else "no"
        lines.append(
            f"  {'note':<14} compared with the paper text: {verified}. {self.note}".rstrip()
        )
        return "\n".join(lines)


def available_fits() -> tuple[str, ...]:
    """Name every published fit in the package, in alphabetical order."""
    return tuple(sorted(_entries()))


def published_fit(name: str) -> PublishedFit:
    """Load a published fit by name.

    Parameters
    ----------
    name : str
        One of `available_fits()`, such as "hese-7.5yr".

    Raises
    ------
    DatasetError
        If there is no fit of that name.

    Examples
    --------
    >>> fit = published_fit("hese-7.5yr")
    >>> print(fit.spectrum(), fit.normalization)
    PowerLaw(index=2.87) 2.12e-18
    """
    known = _entries()
    if name not in known:
        raise DatasetError(f"fit = {name!r}: there is no such fit; {nearest(str(name), known)}")
    entry = known[name]
    reach = entry.get("energy_range")
    return PublishedFit(
        name=name,
        title=entry["title"],
        reference=entry["reference"],
        citation=entry["citation"],
        shape=entry["shape"],
        parameters={key: Measured(*entry[key]) for key in _PARAMETERS[entry["shape"]]},
        energy_range=None if reach is None else (float(reach[0]), float(reach[1])),
        verified=entry["verified"],
        note=entry.get("note", ""),
        contour=_contour(name),
    )


def _contour(name: str) -> FloatArray | None:
    if name not in table_names("contours"):
        return None
    table = read_table("contours", name)
    curve = np.stack([table.numbers("index"), table.numbers("normalization") * _FLUX_UNIT], axis=-1)
    return np.concatenate([curve, curve[:1]])


def _written(name: str, item: Measured) -> str:
    unit = {"normalization": _FLUX_UNIT, "break_energy": _TEV}.get(name, 1.0)
    text = f"{item.value / unit:.4g}"
    if item.err_minus is not None and item.err_plus is not None:
        text += f" +{item.err_plus / unit:.3g} -{item.err_minus / unit:.3g}"
    if name == "normalization":
        return f"({text})e-18 GeV^-1 cm^-2 s^-1 sr^-1 per flavor at 100 TeV"
    return f"{text} TeV" if name == "break_energy" else text


@cache
def _entries() -> dict[str, dict[str, Any]]:
    path = resources.files("nuprop.icecube") / "data" / "published-fits.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
