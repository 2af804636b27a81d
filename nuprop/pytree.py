"""Frozen dataclasses that JAX can take apart and put together without calling their constructor.

A public constructor converts units and validates; JAX rebuilds objects with tracers, batches or
placeholders as leaves, which must pass through untouched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import GetAttrKey

from nuprop.units import is_traced

T = TypeVar("T")


def as_pytree(cls: type[T]) -> type[T]:
    """Register a dataclass with its own ``__init__`` as a pytree; a class decorator.

    Every field is a child, except those with ``field(metadata={"static": True})``, which are part
    of the structure (compared and hashed by ``jit``). Unflattening bypasses ``__init__``.
    """
    names = fields(cls)  # type: ignore[arg-type]
    leaves = tuple(f.name for f in names if not f.metadata.get("static"))
    static = tuple(f.name for f in names if f.metadata.get("static"))

    def flatten(instance: T) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        children = tuple(getattr(instance, name) for name in leaves)
        return children, tuple(getattr(instance, name) for name in static)

    def flatten_with_keys(instance: T) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        children, structure = flatten(instance)
        return tuple(zip(map(GetAttrKey, leaves), children, strict=True)), structure

    def unflatten(structure: tuple[Any, ...], children: Iterable[Any]) -> T:
        instance = object.__new__(cls)
        values = zip((*leaves, *static), (*children, *structure), strict=True)
        assign(instance, **dict(values))
        return instance

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls


def assign(instance: object, **values: Any) -> None:
    """Set fields of a frozen dataclass, from its own constructor."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def gather(value: Any) -> Any:
    """Join nested lists that hold traced values into one array; leave anything else as it is."""
    if isinstance(value, list | tuple) and any(map(is_traced, jax.tree.leaves(value))):
        return jnp.asarray(value)
    return value


def leaf_text(value: Any, factor: float = 1.0, unit: str = "") -> str:
    """Write a leaf for a repr: its number times `factor` with a unit, or what stands for it."""
    if is_traced(value):
        return "<traced>"
    if isinstance(value, int | float | np.ndarray | np.generic | jax.Array):
        if np.ndim(value) == 0:
            return f"{float(value) * factor:.6g} {unit}".strip()
        return f"<array of shape {np.shape(value)}>"
    return f"<{type(value).__name__}>"
