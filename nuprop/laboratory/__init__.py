"""The same boson in the laboratory: what it does to experiments on Earth, and what they say of it.

Formulae are in the submodules; bounds are instances of `Constraint`, which `constraints` lists.
Nothing is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nuprop.laboratory import beam_dump as beam_dump
    from nuprop.laboratory import borexino as borexino
    from nuprop.laboratory import builder as builder
    from nuprop.laboratory import constraint as constraint
    from nuprop.laboratory import decays as decays
    from nuprop.laboratory import electron_scattering as electron_scattering
    from nuprop.laboratory import limits as limits
    from nuprop.laboratory import magnetic_moment as magnetic_moment
    from nuprop.laboratory import mixing as mixing
    from nuprop.laboratory import model as model
    from nuprop.laboratory import moment_data as moment_data
    from nuprop.laboratory import n_eff as n_eff
    from nuprop.laboratory import planes as planes
    from nuprop.laboratory import registry as registry
    from nuprop.laboratory import single_photon as single_photon
    from nuprop.laboratory import solar as solar
    from nuprop.laboratory import trident as trident
    from nuprop.laboratory.beam_dump import DarkPhotonCurve as DarkPhotonCurve
    from nuprop.laboratory.beam_dump import ElectronDump as ElectronDump
    from nuprop.laboratory.beam_dump import RecastDump as RecastDump
    from nuprop.laboratory.borexino import ElectronScattering as ElectronScattering
    from nuprop.laboratory.constraint import Constraint as Constraint
    from nuprop.laboratory.decays import decay_length as decay_length
    from nuprop.laboratory.decays import invisible_line as invisible_line
    from nuprop.laboratory.limits import excluded_couplings as excluded_couplings
    from nuprop.laboratory.limits import largest_coupling as largest_coupling
    from nuprop.laboratory.magnetic_moment import MomentLimit as MomentLimit
    from nuprop.laboratory.magnetic_moment import favoured_band as favoured_band
    from nuprop.laboratory.magnetic_moment import moment_limit as moment_limit
    from nuprop.laboratory.mixing import diagonalize as diagonalize
    from nuprop.laboratory.mixing import induced_mixing as induced_mixing
    from nuprop.laboratory.mixing import mixing_at as mixing_at
    from nuprop.laboratory.model import fermion_couplings as fermion_couplings
    from nuprop.laboratory.moment_data import MomentMeasurement as MomentMeasurement
    from nuprop.laboratory.moment_data import measurement as measurement
    from nuprop.laboratory.n_eff import NEffLimit as NEffLimit
    from nuprop.laboratory.n_eff import delta_n_eff as delta_n_eff
    from nuprop.laboratory.planes import Plane as Plane
    from nuprop.laboratory.planes import mass_plane as mass_plane
    from nuprop.laboratory.planes import mixing_plane as mixing_plane
    from nuprop.laboratory.registry import constraints as constraints
    from nuprop.laboratory.registry import find_constraint as find_constraint
    from nuprop.laboratory.single_photon import Collider as Collider
    from nuprop.laboratory.single_photon import SinglePhotonProjection as SinglePhotonProjection

# Public name -> module that defines it. `None`: the name is itself a submodule.
_PUBLIC: dict[str, str | None] = {
    "Collider": "single_photon",
    "Constraint": "constraint",
    "DarkPhotonCurve": "beam_dump",
    "ElectronDump": "beam_dump",
    "ElectronScattering": "borexino",
    "MomentLimit": "magnetic_moment",
    "MomentMeasurement": "moment_data",
    "NEffLimit": "n_eff",
    "Plane": "planes",
    "RecastDump": "beam_dump",
    "SinglePhotonProjection": "single_photon",
    "beam_dump": None,
    "borexino": None,
    "builder": None,
    "constraint": None,
    "constraints": "registry",
    "decay_length": "decays",
    "decays": None,
    "delta_n_eff": "n_eff",
    "diagonalize": "mixing",
    "electron_scattering": None,
    "excluded_couplings": "limits",
    "favoured_band": "magnetic_moment",
    "fermion_couplings": "model",
    "find_constraint": "registry",
    "induced_mixing": "mixing",
    "invisible_line": "decays",
    "largest_coupling": "limits",
    "limits": None,
    "magnetic_moment": None,
    "mass_plane": "planes",
    "measurement": "moment_data",
    "mixing": None,
    "mixing_at": "mixing",
    "mixing_plane": "planes",
    "model": None,
    "moment_data": None,
    "moment_limit": "magnetic_moment",
    "n_eff": None,
    "planes": None,
    "registry": None,
    "single_photon": None,
    "solar": None,
    "trident": None,
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Import a public name on its first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'nuprop.laboratory' has no attribute {name!r}")
    module = _PUBLIC[name]
    if module is None:
        return importlib.import_module(f"nuprop.laboratory.{name}")
    value = getattr(importlib.import_module(f"nuprop.laboratory.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported yet or not."""
    return sorted({*globals(), *_PUBLIC})
