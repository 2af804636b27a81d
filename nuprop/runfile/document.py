"""Where run files come from: a TOML file, or an example of the package."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from nuprop.errors import ConfigError, nearest


def examples() -> tuple[str, ...]:
    """Name the run files that come with the package."""
    folder = resources.files("nuprop") / "examples"
    names = (item.name for item in folder.iterdir())
    return tuple(sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml")))


def load(source: str | Path) -> dict[str, Any]:
    """Parse a TOML file, or the example of this name.

    Raises
    ------
    ConfigError
        If there is no such file, or it is no TOML.
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
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"run file {str(source)!r} is not valid TOML: {error}") from error
