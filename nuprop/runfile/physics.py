"""The sections that fluxes, fits and scans share: the physics, and the solver."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nuprop.errors import ConfigError
from nuprop.runfile.mediators import mediators
from nuprop.runfile.sections import build, call, choose, joined, require_known, table

#: The sections that describe the physics.
PHYSICS = ("source", "mediator", "neutrinos", "relics", "cosmology")

_METHODS = dict.fromkeys(("auto", "sweep", "march", "cascade"))


def physics(document: Mapping[str, Any]) -> dict[str, Any]:
    """Build what `nuprop.propagate` and `nuprop.Analysis` take, by the names of their arguments.

    Raises
    ------
    ConfigError
        Names the section, the key, its value, and what is allowed.
    """
    for name in ("source", "mediator"):
        if name not in document:
            raise ConfigError(f"[{name}] is missing: a run file needs a source and a mediator")
    sections = {name: table(name, document.get(name, {})) for name in PHYSICS if name != "mediator"}
    arguments = {
        "source": _source(sections["source"]),
        "mediator": mediators(document["mediator"]),
    }
    if "neutrinos" in document:
        arguments["neutrinos"] = _neutrinos(sections["neutrinos"])
    if "relics" in document:
        arguments["relics"] = _relics(sections["relics"])
    if "cosmology" in document:
        arguments["cosmology"] = _cosmology(sections["cosmology"])
    return arguments


def solver(section: dict[str, Any], switches: tuple[str, ...] = ()) -> dict[str, Any]:
    """Check the options of the solver, among them those that are true or false."""
    require_known("solver", section, ("method", "resolution", *switches))
    for name in switches:
        if not isinstance(section.get(name, False), bool):
            raise ConfigError(f"[solver] {name} = {section[name]!r}: true or false")
    if "method" in section:
        choose("solver", "method", section["method"], _METHODS)
    resolution = section.get("resolution", 1.0)
    is_number = isinstance(resolution, int | float) and not isinstance(resolution, bool)
    if not is_number or not 0.0 < resolution < math.inf:
        raise ConfigError(f"[solver] resolution = {resolution!r}: a positive number is needed")
    return section


def _source(section: dict[str, Any]) -> Any:
    import nuprop
    from nuprop.sources import as_evolution, as_spectrum

    values = dict(section)
    kinds = {"diffuse": nuprop.Source, "point": nuprop.PointSource}
    factory = choose("source", "kind", values.pop("kind", "diffuse"), kinds)
    for key, convert in (("spectrum", as_spectrum), ("evolution", as_evolution)):
        if isinstance(values.get(key), Mapping):
            parameters = {name: joined(value) for name, value in values[key].items()}
            values[key] = call(f"source.{key}", convert, {}, parameters)
    return build("source", factory, values)


def _neutrinos(section: dict[str, Any]) -> Any:
    import nuprop

    factory = nuprop.Neutrinos.from_masses if "masses" in section else nuprop.Neutrinos
    values = dict(section)
    if isinstance(values.get("oscillations"), Mapping):
        values["oscillations"] = build(
            "neutrinos.oscillations", nuprop.Oscillations, values["oscillations"]
        )
    if "sterile" in values:
        sterile = table("neutrinos.sterile", values["sterile"])
        values["sterile"] = build("neutrinos.sterile", nuprop.SterileNeutrino, sterile)
    return build("neutrinos", factory, values)


def _relics(section: dict[str, Any]) -> Any:
    import nuprop

    values = dict(section)
    if "sterile" in values:
        sterile = table("relics.sterile", values["sterile"])
        values["sterile"] = build("relics.sterile", nuprop.SterileRelics, sterile)
    return build("relics", nuprop.Relics, values)


def _cosmology(section: dict[str, Any]) -> Any:
    import nuprop

    if "name" in section:
        require_known("cosmology", section, ("name",))
        return call("cosmology", nuprop.expansion, {}, section["name"])
    return build("cosmology", nuprop.flat_lambda_cdm, section)
