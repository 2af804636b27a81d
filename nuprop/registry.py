"""Which sources there are, by name: built in, from other packages, and registered at run time.

A package offers its own through the entry point group ``nuprop.sources``; the built-in ones take
the same door. In a ``pyproject.toml``::

    [project.entry-points."nuprop.sources"]
    my-package = "my_package.sources:SOURCES"

where ``SOURCES`` is a list of `Entry`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any, Literal

from nuprop.errors import ConfigError, UnknownSource, nearest
from nuprop.evolutions import CustomEvolution, Evolution
from nuprop.spectra import CustomSpectrum, Spectrum

GROUP = "nuprop.sources"

Kind = Literal["evolution", "spectrum"]


@dataclass(frozen=True)
class Entry:
    """One registered source evolution or kind of spectrum.

    Attributes
    ----------
    name : str
        What a user writes, in lower case with hyphens.
    kind : "evolution" or "spectrum"
    formula : str
        One line.
    reference : str
        Author, year, arXiv number.
    factory : callable
        Makes the `nuprop.sources.Evolution` or `Spectrum` from keyword arguments.
    parameters : mapping
        What each keyword argument of the factory means; empty if it takes none.
    """

    name: str
    kind: Kind
    formula: str
    reference: str
    factory: Callable[..., Any]
    parameters: Mapping[str, str] = field(default_factory=dict)

    def build(self, **parameters: Any) -> Any:
        """Make the evolution or spectrum.

        Raises
        ------
        ConfigError
            If a parameter is unknown, or one that is needed is missing.
        """
        for key in parameters:
            if key not in self.parameters:
                known = nearest(key, self.parameters) if self.parameters else "it takes none"
                raise ConfigError(f"{self.kind} {self.name!r} has no parameter {key!r}; {known}")
        try:
            inspect.signature(self.factory).bind(**parameters)
        except TypeError as error:
            listing = "; ".join(f"{key}: {text}" for key, text in self.parameters.items())
            raise ConfigError(f"{self.kind} {self.name!r}: {error}. It takes {listing}") from error
        return self.factory(**parameters)


_registered: dict[tuple[str, str], Entry] = {}


@cache
def _installed() -> dict[tuple[str, str], Entry]:
    """Read the entry points once; `refresh` forgets them."""
    found: dict[tuple[str, str], Entry] = {}
    owners: dict[tuple[str, str], str] = {}
    for point in metadata.entry_points(group=GROUP):
        offered = point.load()
        if not isinstance(offered, Iterable) or not all(isinstance(e, Entry) for e in offered):
            raise ConfigError(
                f"entry point {point.name} = {point.value!r} of {GROUP} must be a list of Entry, "
                f"not {offered!r}"
            )
        for entry in offered:
            key = (entry.kind, entry.name)
            if key in found and found[key] is not entry:
                raise ConfigError(
                    f"{entry.kind} {entry.name!r} is offered by {owners[key]} and by "
                    f"{point.value}; one of them must be renamed or uninstalled"
                )
            found[key], owners[key] = entry, point.value
    if not found:
        raise UnknownSource(
            f"no source is registered: no installed package has the entry point {GROUP}. nuprop "
            "brings its own, once it is installed: run `pip install nuprop`, or `pip install -e .` "
            "in its repository"
        )
    return found


def refresh() -> None:
    """Read the entry points of installed packages anew on the next use."""
    _installed.cache_clear()


def available(kind: Kind | None = None) -> list[Entry]:
    """List what is registered, evolutions first, by name.

    Parameters
    ----------
    kind : "evolution" or "spectrum", optional
        Both by default.

    Returns
    -------
    list of Entry

    Examples
    --------
    >>> [entry.name for entry in available("evolution")][:2]
    ['agn-hasinger-2005', 'agn-stanev-2008']
    """
    entries = {**_installed(), **_registered}.values()
    chosen = [entry for entry in entries if kind in (None, entry.kind)]
    return sorted(chosen, key=lambda entry: (entry.kind, entry.name))


def entry(kind: Kind, name: str) -> Entry:
    """Find a registered source.

    Raises
    ------
    UnknownSource
        With the nearest known names.
    """
    known = {entry.name: entry for entry in available(kind)}
    if name not in known:
        raise UnknownSource(f"{kind} {name!r} is unknown; {nearest(str(name), known)}")
    return known[name]


def evolution(name: str, **parameters: Any) -> Evolution:
    """Make a registered evolution.

    Parameters
    ----------
    name : str
        As `available` lists it.
    **parameters
        What it takes, such as ``luminosity`` of "blazar-ajello-2015" or ``z_s`` of "burst". They
        may be traced by JAX.

    Raises
    ------
    UnknownSource
        If there is none of this name.
    ConfigError
        If a parameter is unknown or missing.

    Examples
    --------
    >>> print(evolution("power", index=3.0).density(1.0))
    8.0
    """
    return entry("evolution", name).build(**parameters)


def spectrum(kind: str, **parameters: Any) -> Spectrum:
    """Make a registered spectrum.

    Parameters
    ----------
    kind : str
        As `available` lists it, such as "power-law".
    **parameters
        What the class takes, such as ``index`` and ``cutoff``.

    Raises
    ------
    UnknownSource, ConfigError
        As for `evolution`.

    Examples
    --------
    >>> print(spectrum("power-law", index=2.3, cutoff="10 PeV"))
    PowerLaw(index=2.3, cutoff=1e+07)
    """
    return entry("spectrum", kind).build(**parameters)


def register(
    name: str,
    law: Any,
    *,
    kind: Kind = "evolution",
    formula: str = "",
    reference: str = "user",
    overwrite: bool = False,
) -> None:
    """Give a source a name, for this Python process.

    Parameters
    ----------
    name : str
        How it is then called: in `Source`, in run files, in `available`.
    law : callable, Evolution, Spectrum, or a class of these
        A function of redshift (or, with ``kind="spectrum"``, of energy in GeV) written with
        jax.numpy; an object; or a subclass of `Evolution` or `Spectrum`, whose constructor
        arguments become the parameters.
    kind : "evolution" or "spectrum"
        What a function is; an object or a class knows it.
    formula, reference : str
        What `available` prints.
    overwrite : bool
        Whether a name in use may be taken over.

    Raises
    ------
    ConfigError
        If the name is in use.
    ParameterError
        If a function cannot be used, see `CustomEvolution` and `CustomSpectrum`.

    Examples
    --------
    >>> register("cubic-rise", lambda z: (1 + z) ** 3, reference="me")
    >>> print(evolution("cubic-rise").density(1.0))
    8.0
    """
    parameters: dict[str, str] = {}
    factory: Callable[..., Any]
    if isinstance(law, type) and issubclass(law, Evolution | Spectrum):
        kind = "evolution" if issubclass(law, Evolution) else "spectrum"
        factory = law
        for key, argument in inspect.signature(law).parameters.items():
            needed = argument.default is argument.empty
            parameters[key] = "needed" if needed else f"default {argument.default}"
    else:
        made: Evolution | Spectrum
        if isinstance(law, Evolution | Spectrum):
            kind = "evolution" if isinstance(law, Evolution) else "spectrum"
            made = law
        elif kind == "evolution":
            made = CustomEvolution(law, name=name, formula=formula, reference=reference)
        else:
            made = CustomSpectrum(law, name=name)

        def factory() -> Evolution | Spectrum:
            return made

    if not overwrite and any(known.name == name for known in available(kind)):
        raise ConfigError(f"{kind} {name!r} is registered already; give overwrite=True to replace")
    _registered[kind, name] = Entry(name, kind, formula, reference, factory, parameters)
