"""The physics behind a fit as one pytree, whose numbers are found and replaced by their path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from nuprop.errors import ParameterError, nearest

if TYPE_CHECKING:
    from nuprop.cosmology import Expansion
    from nuprop.mediators import Mediator
    from nuprop.neutrinos import Neutrinos
    from nuprop.relics import RelicState
    from nuprop.sources import Source

#: What switches the force off.
UNCOUPLED = {"mediator.coupling": 0.0}


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["source", "mediator", "neutrinos", "relics", "cosmology"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Physics:
    """What `nuprop.transport.cell_averages` takes."""

    source: Source
    mediator: Mediator
    neutrinos: Neutrinos
    relics: RelicState
    cosmology: Expansion


def _written(path: tuple[Any, ...]) -> str:
    """Write a path of keys as "source.spectrum.index"."""
    parts = []
    for key in path:
        for attribute in ("name", "idx", "key"):
            if hasattr(key, attribute):
                parts.append(str(getattr(key, attribute)))
                break
    return ".".join(parts)


def numbers(physics: Physics) -> dict[str, Any]:
    """List every number or array in the physics by its path.

    Examples
    --------
    >>> import nuprop
    >>> physics = Physics(
    ...     nuprop.Source(),
    ...     nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4),
    ...     nuprop.Neutrinos(),
    ...     nuprop.Relics().state,
    ...     nuprop.expansion(),
    ... )
    >>> numbers(physics)["source.spectrum.index"]
    2.3
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(physics)
    return {_written(path): leaf for path, leaf in leaves}


def require_number(physics: Physics, target: str) -> Any:
    """Find one number, or say which there are.

    Raises
    ------
    ParameterError
        If there is none of this path, or it is an array.
    """
    known = numbers(physics)
    if target not in known:
        near = [path for path in known if path.startswith(target + ".")]
        hint = f"it holds {', '.join(near)}" if near else nearest(target, known)
        raise ParameterError(
            f"target = {target!r}: no number of this path; {hint}. (What is None, such as a cutoff "
            "that was not given, has no number to set.)"
        )
    if jnp.shape(known[target]) != ():
        raise ParameterError(
            f"target = {target!r}: an array of shape {jnp.shape(known[target])}; set it by a tie, "
            "a function of parameters that returns an array of this shape"
        )
    return known[target]


def replaced(physics: Physics, changes: Mapping[str, Any]) -> Physics:
    """Put other numbers at given paths; they may be traced."""
    if not changes:
        return physics
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: changes.get(_written(path), leaf), physics
    )
