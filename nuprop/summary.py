"""A result in words: what was computed, how, and how far to trust it."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nuprop.errors import NupropError
from nuprop.registry import entry
from nuprop.units import CODE_UNITS

if TYPE_CHECKING:
    from nuprop.flux import DiffuseFlux

_WIDTH = 100
_LABEL = 16
_PREFIXES = (("EeV", 1e9), ("PeV", 1e6), ("TeV", 1e3), ("GeV", 1.0), ("MeV", 1e-3), ("keV", 1e-6))
_SMALL_PREFIXES = (("eV", 1e-9), ("meV", 1e-12), ("µeV", 1e-15))
_SPECTRUM_ENERGIES = ("cutoff", "break_energy", "reference_energy", "energy")  # in GeV
_LONG = ("reference", "formula", "charged-lepton charges")
_USUAL = {
    "antineutrino_fraction": [0.5, 0.5, 0.5],
    "asymmetry": 0.0,
    "kinetic mixing": 0.0,
    "loop mixing": False,
    "overdensity": 1.0,
    "phases [deg]": [0.0, 0.0, 0.0],
    "Ok0": 0.0,
    "w0": -1.0,
    "wa": 0.0,
}
_SECTIONS = ("source", "mediator", "neutrinos", "relics", "cosmology")


def human_energy(energy: float, digits: int = 4) -> str:
    """Write an energy in GeV with the prefix that suits it.

    Examples
    --------
    >>> human_energy(0.011), human_energy(756250.0), human_energy(8e-11), human_energy(0.0)
    ('11 MeV', '756.2 TeV', '80 meV', '0 eV')
    """
    if energy == 0.0:
        return "0 eV"
    if not math.isfinite(energy):
        return str(energy)
    for name, size in (*_PREFIXES, *_SMALL_PREFIXES):
        if abs(energy) >= size * 0.99995:
            return f"{energy / size:.{digits}g} {name}"
    return f"{energy * 1e9:.{digits}g} eV"


def in_words(values: Mapping[str, Any]) -> str:
    """Write one section of a result's parameters as "name value, name value".

    A unit at the end of a name, in square brackets or behind an underscore, goes behind the value;
    energies in GeV get the prefix that suits them. References, matrices, and what has its usual
    value are left out.

    Examples
    --------
    >>> in_words({"model": "lmu-ltau", "mass [GeV]": 0.011, "flavor": [1, 2, 0], "asymmetry": 0.0})
    'model lmu-ltau, mass 11 MeV, flavor 1 : 2 : 0'
    """
    shown = {name: value for name, value in values.items() if not _hidden(name, value)}
    return ", ".join(_pair(name, value) for name, value in shown.items())


def summary(flux: DiffuseFlux) -> str:
    """Write the lines that `print(flux)` shows."""
    n = flux.energy_gev.size
    if flux.edges_gev is None:
        first, last, kind = flux.energy_gev[0], flux.energy_gev[-1], "energies"
    else:
        first, last, kind = flux.edges_gev[0], flux.edges_gev[-1], "cells (averages)"
    unit = flux.total.unit.to_string()
    rows = [("flux", f"{n} {kind} from {human_energy(first)} to {human_energy(last)}, in {unit}")]
    for section in _SECTIONS:
        values = flux.parameters.get(section)
        if isinstance(values, Mapping):
            words = _source_in_words(values, flux) if section == "source" else in_words(values)
            rows.append((section, words))
    rows += [
        ("resonances", _resonances(flux)),
        ("method", f"{flux.method}: {flux.method_reason}"),
        ("status", f"{flux.status.name}: {flux.status.value}"),
        ("transmission", _extremes(flux)),
        ("balance", _books(flux)),
    ]
    return "\n".join(["DiffuseFlux at Earth", *(_row(label, text) for label, text in rows)])


def _row(label: str, text: str) -> str:
    indent = " " * _LABEL
    return textwrap.fill(
        text, _WIDTH, initial_indent=f"  {label:{_LABEL - 2}}", subsequent_indent=indent
    )


def _source_in_words(values: Mapping[str, Any], flux: DiffuseFlux) -> str:
    """Write a source, its normalization as a number with unit, scope and energy."""
    rest = dict(values)
    number, kind = rest.pop("normalization", None), rest.pop("normalization_kind", None)
    pivot = rest.pop("pivot_gev", None)
    law = rest.get("evolution")
    if isinstance(law, Mapping):
        rest["evolution"] = _chosen(law)
    text = in_words(rest)
    if not isinstance(number, int | float):
        return text
    if kind == "luminosity":
        return f"{text}, luminosity {number:.5g} erg / s"
    if kind == "emissivity":
        scale = f"Q_0 = {number:.5g} {CODE_UNITS['emissivity']} of all flavors"
    else:
        unit = CODE_UNITS["flux" if flux.per_steradian else "point_flux"]
        scale = f"free flux {number:.5g} {unit} per flavor"
    return f"{text}, {scale} at {human_energy(float(pivot or 0.0))}"


def _chosen(law: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of an evolution its name and the parameters that a user can set."""
    try:
        settable = entry("evolution", str(law.get("name"))).parameters
    except NupropError:
        return dict(law)
    return {key: law[key] for key in ("name", *settable) if key in law}


def _pair(name: str, value: Any) -> str:
    match = re.fullmatch(r"(?P<name>.*\S)(?: \[(?P<a>.*)\]|_(?P<b>gev|eV))", name)
    unit = ""
    if match:
        name, unit = match["name"], (match["a"] or match["b"]).replace("gev", "GeV")
    elif name in _SPECTRUM_ENERGIES:
        unit = "GeV"
    name = name.replace("_", " ")
    if isinstance(value, Mapping):
        return f"{name} {_nested(value)}"
    if isinstance(value, list | tuple):
        if any(isinstance(item, Mapping) for item in value):
            return f"{name} " + " + ".join(_nested(item) for item in value)
        separator = " : " if name in ("flavor", "antineutrino fraction") else ", "
        return f"{name} {separator.join(_scalar(item, unit) for item in value)}"
    return f"{name} {_scalar(value, unit)}"


def _nested(values: Mapping[str, Any]) -> str:
    """Write a part that has a name or a kind: the name, and its parameters in brackets."""
    title = next((str(values[key]) for key in ("name", "kind") if values.get(key)), "")
    if "sin2_12" in values and title != "user":
        return title
    rest = in_words({key: value for key, value in values.items() if key not in ("name", "kind")})
    return f"{title} ({rest})".lstrip() if rest else title


def _hidden(name: str, value: Any) -> bool:
    matrix = isinstance(value, list | tuple) and any(isinstance(x, list | tuple) for x in value)
    usual = name in _USUAL and value == _USUAL[name]
    return value is None or matrix or usual or name in _LONG


def _scalar(value: Any, unit: str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if not isinstance(value, int | float):
        return str(value)
    return human_energy(value) if unit == "GeV" else f"{value:.5g} {unit}".rstrip()


def _resonances(flux: DiffuseFlux) -> str:
    every = np.atleast_2d(flux.resonances_gev)
    found = []
    for number, energies in enumerate(every, start=1):
        finite = [
            f"{human_energy(energy)} (ν{state})"
            for state, energy in enumerate(energies, start=1)
            if math.isfinite(energy)
        ]
        if finite:
            whose = f"mediator {number}: " if len(every) > 1 else ""
            found.append(whose + ", ".join(finite))
    if not found:
        return "none"
    return f"{'; '.join(found)} at z = 0; sources reach to z = {flux.z_max:g}"


def _extremes(flux: DiffuseFlux) -> str:
    ratio = flux.transmission
    if np.all(ratio == 1.0):
        return "1 at every energy"
    low, high = int(np.argmin(ratio)), int(np.argmax(ratio))
    return (
        f"between {ratio[low]:.3f} at {human_energy(flux.energy_gev[low])} "
        f"and {ratio[high]:.3f} at {human_energy(flux.energy_gev[high])}"
    )


def _books(flux: DiffuseFlux) -> str:
    balance = flux.balance
    if balance.interacted_number == 0.0:
        return "nothing interacted"
    number, energy = balance.number_residual, balance.energy_residual
    return f"closes to {number:.1e} in number, {energy:.1e} in energy"
