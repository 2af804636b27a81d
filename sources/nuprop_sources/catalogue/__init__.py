"""The tables of named sources, read into entries.

A table of an evolution holds ``law`` (a key of `LAWS`), its numbers in ``constants``, what a user
may choose in ``parameters``, ``formula``, ``reference``, and optionally ``bends`` and ``z_limit``.
``secondhand = true`` marks numbers transcribed from secondary literature.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import partial
from importlib import resources
from typing import Any

import numpy as np

from nuprop.evolutions import Burst, TableEvolution
from nuprop.registry import Entry
from nuprop.spectra import (
    BrokenPowerLaw,
    Bump,
    FermiDirac,
    LogParabola,
    PinchedThermal,
    PowerLaw,
    SmoothBrokenPowerLaw,
    Table,
)
from nuprop_sources import evolution
from nuprop_sources.spectrum import sum_of

#: What ``law`` may say: evolutions.
LAWS: dict[str, Callable[..., Any]] = {
    "flat": evolution.flat,
    "power": evolution.power,
    "power-exponential": evolution.power_exponential,
    "burst": Burst,
    "table": TableEvolution,
    "smooth-power": evolution.SmoothPower.scaled,
    "smooth-power-through": evolution.SmoothPower.through,
    "rise-and-fall": evolution.RiseAndFall,
    "cole": evolution.ColeForm,
    "continuous-powers": evolution.PiecewisePower.continuous,
    "literal-powers": evolution.PiecewisePower.literal,
    "decimal-powers": evolution.PiecewisePower.decimal,
    "rise-plateau-decades": evolution.RisePlateauDecline.by_decades,
    "rise-plateau-scale": evolution.RisePlateauDecline.by_scale,
    "log-polynomial": evolution.LogPolynomial,
    "luminosity-power": evolution.luminosity_power,
    "luminosity-peak": evolution.luminosity_peak,
}

#: Kinds of spectra.
SPECTRA: dict[str, Callable[..., Any]] = {
    "power-law": PowerLaw,
    "broken-power-law": BrokenPowerLaw,
    "smooth-broken-power-law": SmoothBrokenPowerLaw,
    "log-parabola": LogParabola,
    "bump": Bump,
    "fermi-dirac": FermiDirac,
    "pinched-thermal": PinchedThermal,
    "table": Table,
    "sum": sum_of,
}


def _constant(value: Any) -> Any:
    return np.asarray(value, dtype=float) if isinstance(value, list) else value


def _evolution(name: str, table: dict[str, Any]) -> Entry:
    reference = table["reference"]
    if table.get("secondhand"):
        reference += " (transcribed from secondary literature)"
    labels = {"name": name, "formula": table["formula"], "reference": reference}
    constants = {key: _constant(value) for key, value in table.get("constants", {}).items()}
    if "bends" in table:
        constants["bends"] = tuple(table["bends"])
    if "z_limit" in table:
        constants["z_limit"] = table["z_limit"]
    factory = partial(LAWS[table["law"]], **constants, **labels)
    parameters = table.get("parameters", {})
    return Entry(name, "evolution", table["formula"], reference, factory, parameters)


def _spectrum(name: str, table: dict[str, Any]) -> Entry:
    parameters = table["parameters"]
    return Entry(name, "spectrum", table["formula"], table["reference"], SPECTRA[name], parameters)


def _read() -> tuple[Entry, ...]:
    makers = {"evolution": _evolution, "spectrum": _spectrum}
    files = sorted(resources.files(__package__).iterdir(), key=lambda path: path.name)
    texts = [file.read_text(encoding="utf-8") for file in files if file.name.endswith(".toml")]
    return tuple(
        makers[kind](name, table)
        for text in texts
        for kind, tables in tomllib.loads(text).items()
        for name, table in tables.items()
    )


SOURCES: tuple[Entry, ...] = _read()
