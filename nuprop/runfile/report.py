"""What `nuprop mediator` prints: conventions, width, peak and area of a mediator's line."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nuprop.errors import ConfigError, nearest
from nuprop.runfile.document import examples, load
from nuprop.runfile.mediators import MODELS, factory, mediators
from nuprop.runfile.physics import physics
from nuprop.runfile.sections import call


def models() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """List the models of a mediator: kind, name, and what each is and takes."""
    kinds = {"ZPrime": "vector", "Scalar": "scalar"}
    for name, (kind, _) in MODELS.items():
        make = factory(name)
        about = (inspect.getdoc(make) or "").partition("\n")[0]
        yield kinds[kind], name, (about, f"takes {', '.join(inspect.signature(make).parameters)}")


def report(source: str, settings: Sequence[str] = (), nature: str | None = None) -> str:
    """Write `nuprop.mediators.describe_text` of every mediator of a run file, or of a model.

    Parameters
    ----------
    source : str
        A run file, an example, or a model such as "lmu-ltau" or "scalar-universal".
    settings : sequence of str
        Keys of a model, such as "mass=10 MeV" and "coupling=1e-3".
    nature : "majorana" or "dirac", optional
        By default that of the run file's relics, or "majorana".

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        If there is no such file or model, or it does not allow a setting.
    """
    import nuprop
    from nuprop.mediators import describe_text

    if source in MODELS:
        found = mediators({"model": source, **dict(_setting(text) for text in settings)})
        neutrinos, relics = nuprop.Neutrinos(), nuprop.Relics()
    else:
        if not Path(source).is_file() and source not in examples():
            raise ConfigError(
                f"{source!r}: neither a model, a run file nor an example; "
                f"{nearest(source, (*MODELS, *examples()))}"
            )
        if settings:
            raise ConfigError(
                f"{settings[0]!r}: settings belong to a model, one of {', '.join(MODELS)}; "
                f"{source!r} is none"
            )
        arguments = physics(load(source))
        found = arguments["mediator"]
        neutrinos = arguments.get("neutrinos", nuprop.Neutrinos())
        relics = arguments.get("relics", nuprop.Relics())
    options = {"nature": nature or relics.nature}
    every = found if isinstance(found, tuple) else (found,)
    return "\n\n".join(call("mediator", describe_text, options, one, neutrinos) for one in every)


def _setting(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE: the value is one of TOML, or a string without its quotes."""
    key, sign, value = (part.strip() for part in text.partition("="))
    if not sign or not key or not value:
        raise ConfigError(f"{text!r}: a setting is written KEY=VALUE, such as 'mass=10 MeV'")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value
