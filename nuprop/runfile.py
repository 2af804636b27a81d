"""Run files: a calculation written down in TOML.

Every section becomes a call: its keys are the parameters of the class or function that it names,
checked against that signature, so that a run file and the library cannot drift apart.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from nuprop.errors import ConfigError, NupropError, nearest

_SECTIONS = (
    "source",
    "mediator",
    "neutrinos",
    "relics",
    "cosmology",
    "energy",
    "solver",
    "output",
)
_MODELS = {
    "lmu-ltau": "lmu_ltau",
    "le-lmu": "le_lmu",
    "le-ltau": "le_ltau",
    "b-minus-l": "b_minus_l",
    "universal": "universal",
    "single-flavor": "single_flavor",
    "matrix": None,
}
_ENERGY_KEYS = ("minimum", "maximum", "points", "cells")
_METHODS = dict.fromkeys(("auto", "sweep", "march"))
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


def examples() -> tuple[str, ...]:
    """Name the run files that come with the package."""
    folder = resources.files("nuprop") / "examples"
    names = (item.name for item in folder.iterdir())
    return tuple(sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml")))


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
    path = Path(source)
    if path.is_file():
        text = path.read_text(encoding="utf-8")
    elif str(source) in examples():
        text = (resources.files("nuprop") / "examples" / f"{source}.toml").read_text("utf-8")
    else:
        raise ConfigError(
            f"run file {str(source)!r}: neither a file nor an example; "
            f"{nearest(str(source), examples())}"
        )
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"run file {str(source)!r} is not valid TOML: {error}") from error
    return parse(document)


def parse(document: Mapping[str, Any]) -> Run:
    """Turn a parsed run file into what to compute and what to write.

    Parameters
    ----------
    document : mapping
        The sections source, mediator, neutrinos, relics, cosmology, energy, solver and output.
        The first two are required; what is left out takes the default of the library. A string
        such as "11 MeV" carries its unit; a bare number is in GeV, K, km/s/Mpc, cm^-3 or erg/s.

    Raises
    ------
    ConfigError
        Names the key, its value, and what is allowed.
    """
    import nuprop

    _require_known("", document, _SECTIONS)
    sections = {name: _table(name, document.get(name, {})) for name in _SECTIONS}
    for name in ("source", "mediator"):
        if name not in document:
            raise ConfigError(f"[{name}] is missing: a run file needs a source and a mediator")
    arguments = {
        "source": _source(sections["source"]),
        "mediator": _mediator(sections["mediator"]),
    }
    if "neutrinos" in document:
        arguments["neutrinos"] = _neutrinos(sections["neutrinos"])
    if "relics" in document:
        arguments["relics"] = _build("relics", nuprop.Relics, sections["relics"])
    if "cosmology" in document:
        arguments["cosmology"] = _cosmology(sections["cosmology"])
    arguments.update(_energy(sections["energy"]))
    arguments.update(_solver(sections["solver"]))
    return Run(arguments=arguments, **_output(sections["output"]))


def _source(section: dict[str, Any]) -> Any:
    import nuprop
    from nuprop.sources import as_evolution, as_spectrum

    values = dict(section)
    kinds = {"diffuse": nuprop.Source, "point": nuprop.PointSource}
    factory = _choose("source", "kind", values.pop("kind", "diffuse"), kinds)
    for key, convert in (("spectrum", as_spectrum), ("evolution", as_evolution)):
        if isinstance(values.get(key), Mapping):
            parameters = {name: _joined(value) for name, value in values[key].items()}
            values[key] = _call(f"source.{key}", convert, {}, parameters)
    return _build("source", factory, values)


def _mediator(section: dict[str, Any]) -> Any:
    import nuprop

    values = dict(section)
    model = _pop("mediator", values, "model")
    method = _choose("mediator", "model", model, _MODELS)
    factory = nuprop.ZPrime if method is None else getattr(nuprop.ZPrime, method)
    return _build("mediator", factory, values)


def _neutrinos(section: dict[str, Any]) -> Any:
    import nuprop

    factory = nuprop.Neutrinos.from_masses if "masses" in section else nuprop.Neutrinos
    values = dict(section)
    if isinstance(values.get("oscillations"), Mapping):
        values["oscillations"] = _build(
            "neutrinos.oscillations", nuprop.Oscillations, values["oscillations"]
        )
    return _build("neutrinos", factory, values)


def _cosmology(section: dict[str, Any]) -> Any:
    import nuprop

    if "name" in section:
        _require_known("cosmology", section, ("name",))
        return _call("cosmology", nuprop.expansion, {}, section["name"])
    return _build("cosmology", nuprop.flat_lambda_cdm, section)


def _energy(section: dict[str, Any]) -> dict[str, Any]:
    _require_known("energy", section, _ENERGY_KEYS)
    if not section:
        return {}
    import numpy as np

    from nuprop.units import in_code_units, quantity

    low, high = (
        _call("energy", in_code_units, {}, _need("energy", section, key), "energy", key)
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


def _solver(section: dict[str, Any]) -> dict[str, Any]:
    _require_known("solver", section, ("method", "resolution"))
    if "method" in section:
        _choose("solver", "method", section["method"], _METHODS)
    resolution = section.get("resolution", 1.0)
    if isinstance(resolution, bool) or not isinstance(resolution, int | float) or resolution <= 0:
        raise ConfigError(f"[solver] resolution = {resolution!r}: a positive number is needed")
    return section


def _output(section: dict[str, Any]) -> dict[str, Any]:
    from nuprop.icecube.points import available

    _require_known("output", section, _OUTPUT_KEYS)
    for key in ("table", "plot", "scale"):
        if key in section and not isinstance(section[key], str):
            raise ConfigError(f"[output] {key} = {section[key]!r}: a string is needed")
    table = section.get("table")
    if table is not None and not table.endswith(".ecsv"):
        raise ConfigError(f"[output] table = {table!r}: the name must end in .ecsv")
    _choose("output", "scale", section.get("scale", "per-flavor"), _SCALES)
    points = section.get("points", [])
    if not isinstance(points, list):
        raise ConfigError(f"[output] points = {points!r}: a list of names is needed")
    for name in points:
        _choose("output", "points", name, dict.fromkeys(available()))
    options = {key: section[key] for key in ("points", "scale") if key in section}
    return {"table": table, "plot": section.get("plot"), "plot_options": options}


def _build(section: str, factory: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call a factory whose parameters are the keys of a section."""
    parameters = inspect.signature(factory).parameters
    _require_known(section, values, parameters)
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in values:
            raise ConfigError(f"[{section}] {name} is missing; {_listing(parameters)}")
        if isinstance(values.get(name), bool) and not isinstance(parameter.default, bool):
            raise ConfigError(f"[{section}] {name} = {values[name]!r}: not a yes-or-no question")
    return _call(section, factory, {name: _joined(value) for name, value in values.items()})


def _joined(value: Any) -> Any:
    """Turn a list of strings with units into one quantity, and leave anything else as it is."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return value
    from astropy.units import Quantity

    try:
        return Quantity([Quantity(item) for item in value])
    except (TypeError, ValueError):
        return value


def _call(
    section: str, function: Callable[..., Any], values: Mapping[str, Any], *positional: Any
) -> Any:
    """Call a function of the library, and say in which section its complaint arose."""
    try:
        return function(*positional, **values)
    except (NupropError, TypeError) as error:
        text = str(error)
        for key, value in values.items():
            if text.startswith(f"{key} = ") and isinstance(value, str) and value not in text:
                text += f" (given: {value!r})"
        raise ConfigError(f"[{section}] {text}") from error


def _require_known(section: str, given: Iterable[str], known: Iterable[str]) -> None:
    names = tuple(known)
    for key in given:
        if key not in names:
            what = f"[{section}] {key}: no such key" if section else f"[{key}]: no such section"
            raise ConfigError(f"{what}; {nearest(key, names)}")


def _choose(section: str, key: str, value: Any, choices: Mapping[str, Any]) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(f"[{section}] {key} = {value!r}: unknown; {nearest(str(value), choices)}")
    return choices[value]


def _need(section: str, values: Mapping[str, Any], key: str) -> Any:
    if key not in values:
        raise ConfigError(f"[{section}] {key} is missing")
    return values[key]


def _pop(section: str, values: dict[str, Any], key: str) -> str:
    value = _need(section, values, key)
    if not isinstance(value, str):
        raise ConfigError(f"[{section}] {key} = {value!r}: a string is needed")
    del values[key]
    return value


def _table(section: str, content: Any) -> dict[str, Any]:
    if not isinstance(content, Mapping):
        raise ConfigError(f"{section} = {content!r}: a section with keys is needed")
    return dict(content)


def _listing(names: Iterable[str]) -> str:
    return f"known: {', '.join(names)}"
