"""Run files of `nuprop flux`: a propagation written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nuprop.errors import ConfigError
from nuprop.runfile.document import load
from nuprop.runfile.physics import PHYSICS, physics, solver
from nuprop.runfile.sections import call, choose, file_name, need, require_known, table, text

_SECTIONS = (*PHYSICS, "energy", "solver", "output")
_OF_FITS = ("data", "parameters", "fit", "scan")
_ENERGY_KEYS = ("minimum", "maximum", "points", "cells")
_SWITCHES = ("interference", "pair_production")
_SCALES = dict.fromkeys(("per-flavor", "all-flavor"))
_OUTPUT_KEYS = ("table", "plot", "points", "scale")


@dataclass(frozen=True)
class Run:
    """What a run file asks for.

    Attributes
    ----------
    arguments : dict
        Keyword arguments of `nuprop.propagate`.
    table, plot : str or None
        Files to write.
    plot_options : dict
        Keyword arguments of `nuprop.plot.plot_flux`.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    table: str | None = None
    plot: str | None = None
    plot_options: dict[str, Any] = field(default_factory=dict)


def read(source: str | Path) -> Run:
    """Read a run file.

    Parameters
    ----------
    source : path or str
        A TOML file, or the name of one that comes with the package (`examples` lists them).

    Raises
    ------
    ConfigError
        If there is no such file, it is no TOML, or it asks for something impossible.
    """
    return parse(load(source))


def parse(document: Mapping[str, Any]) -> Run:
    """Turn a parsed run file into what to compute and what to write.

    Parameters
    ----------
    document : mapping
        The sections source, mediator, neutrinos, relics, cosmology, energy, solver and output.
        The first two are required, the mediator once, or as [[mediator]] for each of several; what
        is left out takes the default of the library. A string such as "11 MeV" carries its unit; a
        bare number is in GeV, K, km/s/Mpc, cm^-3 or erg/s.

    Raises
    ------
    ConfigError
        Names the key, its value, and what is allowed.
    """
    for name in _OF_FITS:
        if name in document:
            raise ConfigError(f"[{name}] is a section of `nuprop fit` and `nuprop scan`")
    require_known("", document, _SECTIONS)
    sections = {
        name: table(name, document.get(name, {})) for name in ("energy", "solver", "output")
    }
    arguments = physics(document)
    arguments.update(_energy(sections["energy"]))
    arguments.update(solver(sections["solver"], _SWITCHES))
    return Run(arguments=arguments, **_output(sections["output"]))


def _energy(section: dict[str, Any]) -> dict[str, Any]:
    require_known("energy", section, _ENERGY_KEYS)
    if not section:
        return {}
    import numpy as np

    from nuprop.units import in_code_units, quantity

    low, high = (
        call("energy", in_code_units, {}, need("energy", section, key), "energy", key)
        for key in ("minimum", "maximum")
    )
    if not (isinstance(low, float) and isinstance(high, float) and 0.0 < low < high < np.inf):
        raise ConfigError(
            f"[energy] minimum = {section['minimum']!r}, maximum = {section['maximum']!r}: "
            "two positive energies are needed, the minimum below the maximum"
        )
    given = [key for key in ("points", "cells") if key in section]
    if len(given) != 1:
        raise ConfigError(
            "[energy]: give either points (values at energies) or cells (averages over cells)"
        )
    key, number = given[0], section[given[0]]
    if isinstance(number, bool) or not isinstance(number, int) or not 2 <= number <= 100_000:
        raise ConfigError(f"[energy] {key} = {number!r}: a whole number from 2 to 100000 is needed")
    if key == "points":
        return {"energy": quantity(np.geomspace(low, high, number), "energy")}
    return {"energy_edges": quantity(np.geomspace(low, high, number + 1), "energy")}


def _output(section: dict[str, Any]) -> dict[str, Any]:
    from nuprop.icecube.points import available

    require_known("output", section, _OUTPUT_KEYS)
    choose("output", "scale", section.get("scale", "per-flavor"), _SCALES)
    points = section.get("points", [])
    if not isinstance(points, list):
        raise ConfigError(f"[output] points = {points!r}: a list of names is needed")
    for name in points:
        choose("output", "points", name, dict.fromkeys(available()))
    options = {key: section[key] for key in ("points", "scale") if key in section}
    return {
        "table": file_name("output", section, "table", ".ecsv"),
        "plot": text("output", section, "plot"),
        "plot_options": options,
    }
