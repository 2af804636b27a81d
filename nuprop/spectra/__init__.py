"""Energy spectra of sources: the protocol, the shapes in common use, tables and functions of users.

A spectrum is Q(E) at the source, all flavors, neutrinos and antineutrinos together, in arbitrary
units: its absolute scale is the normalization of `nuprop.sources.Source`.
"""

from nuprop.spectra.given import CustomSpectrum as CustomSpectrum
from nuprop.spectra.given import Sum as Sum
from nuprop.spectra.given import Table as Table
from nuprop.spectra.given import as_spectrum as as_spectrum
from nuprop.spectra.protocol import ENERGY_RANGE as ENERGY_RANGE
from nuprop.spectra.protocol import REFERENCE_ENERGY as REFERENCE_ENERGY
from nuprop.spectra.protocol import Spectrum as Spectrum
from nuprop.spectra.shapes import BrokenPowerLaw as BrokenPowerLaw
from nuprop.spectra.shapes import Bump as Bump
from nuprop.spectra.shapes import LogParabola as LogParabola
from nuprop.spectra.shapes import PowerLaw as PowerLaw
from nuprop.spectra.shapes import SmoothBrokenPowerLaw as SmoothBrokenPowerLaw
from nuprop.spectra.thermal import FermiDirac as FermiDirac
from nuprop.spectra.thermal import PinchedThermal as PinchedThermal

__all__ = [
    "ENERGY_RANGE",
    "REFERENCE_ENERGY",
    "BrokenPowerLaw",
    "Bump",
    "CustomSpectrum",
    "FermiDirac",
    "LogParabola",
    "PinchedThermal",
    "PowerLaw",
    "SmoothBrokenPowerLaw",
    "Spectrum",
    "Sum",
    "Table",
    "as_spectrum",
]
