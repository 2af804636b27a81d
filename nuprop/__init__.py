"""High-energy neutrinos from their sources to Earth, through the cosmic neutrino background.

Importing this package loads neither jax nor numpy: every public name is imported on first use.
It switches JAX to 64-bit floats, without which these equations lose all digits; set the
environment variable ``NUPROP_X64=0`` before the import to keep it from doing so.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nuprop import citation as citation
    from nuprop import cosmology as cosmology
    from nuprop import icecube as icecube
    from nuprop import inference as inference
    from nuprop import laboratory as laboratory
    from nuprop import mediators as mediators
    from nuprop import neutrinos as neutrinos
    from nuprop import relics as relics
    from nuprop import sources as sources
    from nuprop import spectra as spectra
    from nuprop import transport as transport
    from nuprop.cosmology import Expansion as Expansion
    from nuprop.cosmology import expansion as expansion
    from nuprop.cosmology import flat_lambda_cdm as flat_lambda_cdm
    from nuprop.errors import ConfigError as ConfigError
    from nuprop.errors import DatasetError as DatasetError
    from nuprop.errors import FitError as FitError
    from nuprop.errors import GridError as GridError
    from nuprop.errors import NupropError as NupropError
    from nuprop.errors import ParameterError as ParameterError
    from nuprop.errors import PhysicsWarning as PhysicsWarning
    from nuprop.errors import PrecisionError as PrecisionError
    from nuprop.errors import Status as Status
    from nuprop.errors import UnitError as UnitError
    from nuprop.errors import UnknownSource as UnknownSource
    from nuprop.flux import DiffuseFlux as DiffuseFlux
    from nuprop.flux import load as load
    from nuprop.inference import Analysis as Analysis
    from nuprop.inference import Parameter as Parameter
    from nuprop.inference.fit import fit as fit
    from nuprop.inference.profiling import profile as profile
    from nuprop.inference.scan import scan as scan
    from nuprop.mediators import Scalar as Scalar
    from nuprop.mediators import ZPrime as ZPrime
    from nuprop.mediators import resonance_energies as resonance_energies
    from nuprop.neutrinos import Neutrinos as Neutrinos
    from nuprop.neutrinos import Oscillations as Oscillations
    from nuprop.neutrinos import SterileNeutrino as SterileNeutrino
    from nuprop.precision import enable_compile_cache as enable_compile_cache
    from nuprop.relics import Relics as Relics
    from nuprop.relics import SterileRelics as SterileRelics
    from nuprop.sources import PointSource as PointSource
    from nuprop.sources import Source as Source
    from nuprop.spectra import BrokenPowerLaw as BrokenPowerLaw
    from nuprop.spectra import Bump as Bump
    from nuprop.spectra import FermiDirac as FermiDirac
    from nuprop.spectra import LogParabola as LogParabola
    from nuprop.spectra import PinchedThermal as PinchedThermal
    from nuprop.spectra import PowerLaw as PowerLaw
    from nuprop.spectra import SmoothBrokenPowerLaw as SmoothBrokenPowerLaw
    from nuprop.spectra import Sum as Sum
    from nuprop.spectra import Table as Table
    from nuprop.transport import optical_depth as optical_depth
    from nuprop.transport.propagate import propagate as propagate

__version__ = "0.1.0"

# Public name -> module that defines it. `None`: the name is itself a submodule.
_PUBLIC: dict[str, str | None] = {
    "Analysis": "inference",
    "BrokenPowerLaw": "spectra",
    "Bump": "spectra",
    "ConfigError": "errors",
    "DatasetError": "errors",
    "DiffuseFlux": "flux",
    "Expansion": "cosmology",
    "FermiDirac": "spectra",
    "FitError": "errors",
    "GridError": "errors",
    "LogParabola": "spectra",
    "Neutrinos": "neutrinos",
    "NupropError": "errors",
    "Oscillations": "neutrinos",
    "Parameter": "inference",
    "ParameterError": "errors",
    "PhysicsWarning": "errors",
    "PinchedThermal": "spectra",
    "PointSource": "sources",
    "PowerLaw": "spectra",
    "PrecisionError": "errors",
    "Relics": "relics",
    "SmoothBrokenPowerLaw": "spectra",
    "Scalar": "mediators",
    "Source": "sources",
    "Status": "errors",
    "SterileNeutrino": "neutrinos",
    "SterileRelics": "relics",
    "Sum": "spectra",
    "Table": "spectra",
    "UnitError": "errors",
    "UnknownSource": "errors",
    "ZPrime": "mediators",
    "citation": None,
    "cosmology": None,
    "enable_compile_cache": "precision",
    "expansion": "cosmology",
    "fit": "inference.fit",
    "flat_lambda_cdm": "cosmology",
    "icecube": None,
    "inference": None,
    "laboratory": None,
    "load": "flux",
    "mediators": None,
    "neutrinos": None,
    "optical_depth": "transport",
    "profile": "inference.profiling",
    "propagate": "transport.propagate",
    "relics": None,
    "resonance_energies": "mediators",
    "scan": "inference.scan",
    "sources": None,
    "spectra": None,
    "transport": None,
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Import a public name on its first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'nuprop' has no attribute {name!r}")
    module = _PUBLIC[name]
    if module is None:
        return importlib.import_module(f"nuprop.{name}")
    value = getattr(importlib.import_module(f"nuprop.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported yet or not."""
    return sorted({*globals(), *_PUBLIC})


if os.environ.get("NUPROP_X64") != "0":
    os.environ["JAX_ENABLE_X64"] = "1"  # read by jax on its import, here and in child processes
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_enable_x64", True)
