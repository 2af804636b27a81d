"""Run files of `nuprop fit` and `nuprop scan`: an analysis of data written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from nuprop.errors import ConfigError
from nuprop.runfile.document import load
from nuprop.runfile.physics import PHYSICS, physics, solver
from nuprop.runfile.sections import (
    build,
    call,
    choose,
    file_name,
    flag,
    need,
    require_known,
    table,
    text,
    whole_number,
)

if TYPE_CHECKING:
    from nuprop.icecube import Likelihood
    from nuprop.inference import Analysis, Parameter
    from nuprop.sources import Source

_SECTIONS = (*PHYSICS, "solver", "data", "parameters", "fit", "scan", "output")
_SAMPLE_KEYS = ("lowest", "highest", "by_topology", "livetime")
_DATA_KEYS = ("sample", *_SAMPLE_KEYS, "unfolded")
_PARAMETER_KEYS = ("target", "bounds", "start", "scale", "prior", "fixed", "description")
_FIT_KEYS = ("starts", "seed", "minimizer")
_SCAN_KEYS = ("folder", "workers", "chunk", "nodes", "axes")
_OUTPUT_KEYS = ("fit", "counts", "profile", "contours")
#: Without [parameters], the normalization floats by this factor both ways, and the index here.
_FREEDOM = 30.0
_INDICES = (1.5, 4.0)


@dataclass(frozen=True)
class FitRun:
    """What a run file of a fit or scan asks for.

    Attributes
    ----------
    analysis : Analysis
    fit_options : dict
        Keyword arguments of `nuprop.fit`.
    axes : dict
        Axes of a scan: a number of values or the values, by the name of the parameter; empty
        where no scan is described.
    scan_options : dict
        Further keyword arguments of `nuprop.inference.scan`.
    fit, counts, profile, contours : str or None
        Files to write: the fit (.json) and its plot, the profile (.npz) and its plot.
    """

    analysis: Analysis
    fit_options: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, Any] = field(default_factory=dict)
    scan_options: dict[str, Any] = field(default_factory=dict)
    fit: str | None = None
    counts: str | None = None
    profile: str | None = None
    contours: str | None = None

    @property
    def binned(self) -> bool:
        """Whether there are counts in bins among the data, to draw."""
        from nuprop.icecube import Sample

        return any(isinstance(item, Sample) for item in self.analysis.data)


def read_fit(source: str | Path) -> FitRun:
    """Read a run file of a fit or scan; a scan without folder gets one of the file's name.

    Parameters
    ----------
    source : path or str
        A TOML file, or the name of one that comes with the package (`examples` lists them).

    Raises
    ------
    ConfigError
        If there is no such file, it is no TOML, or it asks for something impossible.
    """
    run = parse_fit(load(source))
    folder = Path(source).name.removesuffix(".toml")
    return replace(run, scan_options={"folder": folder, **run.scan_options})


def parse_fit(document: Mapping[str, Any]) -> FitRun:
    """Turn a parsed run file into an analysis, and what to do with it.

    Parameters
    ----------
    document : mapping
        The physics as for a flux; [data] with a `sample` and its options, or `unfolded` spectra,
        or both; [parameters.NAME] with the arguments of `nuprop.Parameter`, by default
        normalization and index; [fit], [scan], [scan.axes], [solver] and [output].

    Raises
    ------
    ConfigError
        Names the section, the key, its value, and what is allowed.
    """
    from nuprop.inference import Analysis
    from nuprop.sources import PointSource

    if "energy" in document:
        raise ConfigError("[energy]: the data of a fit say at which energies; leave it out")
    require_known("", document, _SECTIONS)
    if "data" not in document:
        raise ConfigError('[data] is missing: a fit needs data, such as sample = "hese-7.5yr"')
    sections = {name: table(name, document.get(name, {})) for name in _SECTIONS[len(PHYSICS) :]}
    arguments = physics(document)
    if isinstance(arguments["source"], PointSource):
        raise ConfigError(
            "[source] kind = 'point': the data are of the whole sky; a fit needs kind = 'diffuse'"
        )
    arguments.update(solver(sections["solver"]))
    arguments["data"] = _data(sections["data"])
    if "parameters" in document:
        arguments["parameters"] = _parameters(sections["parameters"])
    else:
        arguments["parameters"] = _usual_parameters(arguments["source"])
    analysis = call("parameters", Analysis, arguments)
    axes, scan_options = _scan(sections["scan"], analysis)
    return FitRun(
        analysis=analysis,
        fit_options=_fit(sections["fit"]),
        axes=axes,
        scan_options=scan_options,
        **_output(sections["output"]),
    )


def _data(section: dict[str, Any]) -> list[Likelihood]:
    from nuprop.icecube import UnfoldedLikelihood, require_disjoint, sample

    require_known("data", section, _DATA_KEYS)
    flag("data", section, "by_topology")
    found: list[Any] = []
    options = {key: section[key] for key in _SAMPLE_KEYS if key in section}
    for key, value in options.items():
        if isinstance(value, bool) and key != "by_topology":
            raise ConfigError(f"[data] {key} = {value!r}: not a yes-or-no question")
    name = text("data", section, "sample")
    if name is not None:
        found.append(call("data", sample, options, name))
    elif options:
        raise ConfigError(f"[data] {next(iter(options))}: there is no sample that it belongs to")
    spectra = section.get("unfolded", [])
    names = [spectra] if isinstance(spectra, str) else spectra
    if not isinstance(names, list) or not all(isinstance(item, str) for item in names):
        raise ConfigError(f"[data] unfolded = {spectra!r}: a list of names is needed")
    found += [call("data.unfolded", UnfoldedLikelihood.from_name, {}, item) for item in names]
    if not found:
        raise ConfigError("[data] holds no data: name a sample, or unfolded spectra")
    call("data", require_disjoint, {}, [events for item in found for events in item.samples])
    return found


def _parameters(section: dict[str, Any]) -> list[Parameter]:
    from nuprop.inference import Parameter

    made = []
    for name, content in section.items():
        where = f"parameters.{name}"
        values = table(where, content)
        require_known(where, values, _PARAMETER_KEYS)
        for key in ("target", "bounds"):
            need(where, values, key)
        flag(where, values, "fixed")
        text(where, values, "description")
        for key in ("bounds", "prior"):
            if key in values:
                values[key] = _pair(where, key, values[key])
        made.append(build(where, partial(Parameter, name=name), values))
    return made


def _pair(section: str, key: str, value: Any) -> tuple[Any, ...]:
    """Read two numbers, or strings with units."""
    from astropy.units import Quantity

    if not isinstance(value, list) or len(value) != 2:
        raise ConfigError(f"[{section}] {key} = {value!r}: a list of two values is needed")
    try:
        return tuple(Quantity(item) if isinstance(item, str) else _number(item) for item in value)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"[{section}] {key} = {value!r}: two numbers, or strings such as '11 MeV', are needed"
        ) from error


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _usual_parameters(source: Source) -> list[Parameter]:
    """Let the normalization and the index of the source vary, if it has both."""
    from nuprop.inference import Parameter
    from nuprop.units import quantity

    if not hasattr(source.spectrum, "index"):
        raise ConfigError(
            f"[parameters] is missing: {type(source.spectrum).__name__} has no index, which would "
            "be varied by default; say what varies, [parameters.NAME]"
        )
    unit = source.normalization_kind
    middle = source.normalization
    bounds = tuple(quantity(middle * factor, unit) for factor in (1.0 / _FREEDOM, _FREEDOM))
    return [
        Parameter("source.normalization", bounds, scale="log"),
        Parameter("source.spectrum.index", _INDICES),
    ]


def _fit(section: dict[str, Any]) -> dict[str, Any]:
    from nuprop.inference.fit import Minimizer

    require_known("fit", section, _FIT_KEYS)
    whole_number("fit", section, "starts", 1)
    whole_number("fit", section, "seed", 0)
    if "minimizer" in section:
        choose("fit", "minimizer", section["minimizer"], dict.fromkeys(get_args(Minimizer)))
    return section


def _scan(section: dict[str, Any], analysis: Analysis) -> tuple[dict[str, Any], dict[str, Any]]:
    from nuprop.inference.grid import grid

    require_known("scan", section, _SCAN_KEYS)
    text("scan", section, "folder")
    whole_number("scan", section, "workers", 1)
    whole_number("scan", section, "chunk", 1)
    whole_number("scan", section, "nodes", 0)
    options = {key: value for key, value in section.items() if key != "axes"}
    if "axes" not in section:
        return {}, options
    axes = table("scan.axes", section["axes"])
    for name, axis in axes.items():
        if isinstance(axis, bool) or not isinstance(axis, int | list):
            raise ConfigError(
                f"[scan.axes] {name} = {axis!r}: a number of values, or a list of them, is needed"
            )
    call("scan.axes", grid, {}, analysis, axes, 0, section.get("nodes", 0))
    return axes, options


def _output(section: dict[str, Any]) -> dict[str, Any]:
    require_known("output", section, _OUTPUT_KEYS)
    return {
        "fit": file_name("output", section, "fit", ".json"),
        "counts": text("output", section, "counts"),
        "profile": file_name("output", section, "profile", ".npz"),
        "contours": text("output", section, "contours"),
    }
