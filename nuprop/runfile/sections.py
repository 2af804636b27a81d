"""The sections of a run file: checked against the signature of what they call, or a ConfigError."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nuprop.errors import ConfigError, NupropError, nearest


def build(section: str, factory: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call a factory whose parameters are the keys of a section."""
    parameters = inspect.signature(factory).parameters
    require_known(section, values, parameters)
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in values:
            raise ConfigError(f"[{section}] {name} is missing; {listing(parameters)}")
        if isinstance(values.get(name), bool) and not _asks_yes_or_no(parameter):
            raise ConfigError(f"[{section}] {name} = {values[name]!r}: not a yes-or-no question")
    return call(section, factory, {name: joined(value) for name, value in values.items()})


def _asks_yes_or_no(parameter: inspect.Parameter) -> bool:
    return isinstance(parameter.default, bool) or "bool" in str(parameter.annotation)


def joined(value: Any) -> Any:
    """Turn a list of strings with units into one quantity, and leave anything else as it is."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return value
    from astropy.units import Quantity

    try:
        return Quantity([Quantity(item) for item in value])
    except (TypeError, ValueError):
        return value


def call(
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


def require_known(section: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keys, or sections, that are not known, and name the nearest."""
    names = tuple(known)
    for key in given:
        if key not in names:
            what = f"[{section}] {key}: no such key" if section else f"[{key}]: no such section"
            raise ConfigError(f"{what}; {nearest(key, names)}")


def choose(section: str, key: str, value: Any, choices: Mapping[str, Any]) -> Any:
    """Look up what a name stands for."""
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(f"[{section}] {key} = {value!r}: unknown; {nearest(str(value), choices)}")
    return choices[value]


def need(section: str, values: Mapping[str, Any], key: str) -> Any:
    """Take a value that must be there."""
    if key not in values:
        raise ConfigError(f"[{section}] {key} is missing")
    return values[key]


def pop(section: str, values: dict[str, Any], key: str) -> str:
    """Take out a string that must be there."""
    value = need(section, values, key)
    if not isinstance(value, str):
        raise ConfigError(f"[{section}] {key} = {value!r}: a string is needed")
    del values[key]
    return value


def table(section: str, content: Any) -> dict[str, Any]:
    """Refuse what is no section."""
    if not isinstance(content, Mapping):
        raise ConfigError(f"{section} = {content!r}: a section with keys is needed")
    return dict(content)


def listing(names: Iterable[str]) -> str:
    """Name what is known."""
    return f"known: {', '.join(names)}"


def text(section: str, values: Mapping[str, Any], key: str) -> str | None:
    """Take a string, if it is there."""
    value = values.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"[{section}] {key} = {value!r}: a string is needed")
    return value


def flag(section: str, values: Mapping[str, Any], key: str) -> None:
    """Refuse what is neither true nor false."""
    if key in values and not isinstance(values[key], bool):
        raise ConfigError(f"[{section}] {key} = {values[key]!r}: true or false is needed")


def whole_number(section: str, values: Mapping[str, Any], key: str, least: int) -> None:
    """Refuse what is no whole number of at least `least`."""
    value = values.get(key, least)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(
            f"[{section}] {key} = {value!r}: a whole number of at least {least} is needed"
        )


def file_name(section: str, values: Mapping[str, Any], key: str, suffix: str) -> str | None:
    """Take the name of a file with a given suffix, if it is there."""
    value = text(section, values, key)
    if value is not None and not value.endswith(suffix):
        raise ConfigError(f"[{section}] {key} = {value!r}: the name must end in {suffix}")
    return value
