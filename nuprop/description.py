"""Plain values of a dataclass of parameters, for reprs and for the record kept with a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeAlias

import jax
import numpy as np

from nuprop.pytree import leaf_text
from nuprop.units import is_traced

#: A parameter of a law: a float, an array, or what JAX puts in its place.
Leaf: TypeAlias = Any

#: Metadata of a dataclass field that is part of the structure, not a parameter.
STATIC = {"static": True}


def plain(value: Any) -> Any:
    """Turn a leaf into floats, lists and text that JSON can hold."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if is_traced(value):
        return "<traced>"
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return np.asarray(value, dtype=float).tolist()
    if hasattr(value, "describe"):
        return value.describe()
    return repr(value)


def parameters_of(instance: Any) -> dict[str, Any]:
    """Parameters of a dataclass that are set, by name, keyword-only ones last."""
    return {
        f.name: getattr(instance, f.name)
        for f in sorted(fields(instance), key=lambda f: bool(f.kw_only))
        if not f.metadata.get("static") and getattr(instance, f.name) is not None
    }


def written(title: str, parameters: Mapping[str, Any]) -> str:
    """Write a title and parameters, as a call."""
    listing = ", ".join(f"{name}={leaf_text(leaf)}" for name, leaf in parameters.items())
    return f"{title}({listing})" if listing else title
