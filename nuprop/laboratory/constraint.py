"""What every bound of an experiment is: a signal over what is allowed, with its source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import jax
from jax.typing import ArrayLike

from nuprop.citation import bibtex
from nuprop.errors import DatasetError, nearest
from nuprop.mediators import ZPrime

#: "exact": the formula of the theory to its stated accuracy, and published data; "approximate": a
#: formula or criterion that stands for an analysis of the experiment; "anchor": numbers read off
#: the literature.
Quality = Literal["exact", "approximate", "anchor"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Constraint(ABC):
    """A bound on the boson.

    Attributes
    ----------
    name : str
        How a user calls it, such as "ccfr".
    title : str
        How a figure calls it.
    references : tuple of str
        Keys of `nuprop.citation.bibtex`, or words for what has no entry.
    level : str
        The confidence level or the criterion, such as "2 sigma".
    quality : "exact", "approximate" or "anchor"
    """

    name: str
    title: str
    references: tuple[str, ...]
    level: str
    quality: Quality

    @property
    def is_projection(self) -> bool:
        """Whether the bound is expected of an experiment yet to come: it excludes nothing."""
        return "projection" in self.level

    @abstractmethod
    def prepare(self, mass: ArrayLike) -> Any:
        """Compute what depends on the mass of the boson [GeV] alone; jit- and vmap-able.

        Returns
        -------
        pytree of arrays, for `strength`.
        """

    @abstractmethod
    def strength(self, zprime: ZPrime, prepared: Any = None) -> jax.Array:
        """Signal over the largest allowed: excluded where it exceeds 1.

        Parameters
        ----------
        zprime : ZPrime
        prepared : optional
            What `prepare` gives for its mass; computed anew if not given.

        Returns
        -------
        Array, scalar; differentiable, and mapped over many bosons by `jax.vmap`.
        """

    def excludes(self, zprime: ZPrime) -> bool:
        """Whether the boson is excluded."""
        return bool(self.strength(zprime) > 1.0)

    def citation(self) -> str:
        """BibTeX of the papers behind the bound."""
        return bibtex(self.references)


def named(name: str, known: Mapping[str, T], what: str) -> T:
    """Find `name` among `known`.

    Raises
    ------
    DatasetError
        With the nearest names; `what` says what it should be, such as "experiment".
    """
    if name not in known:
        raise DatasetError(f"{what} {name!r} is unknown; {nearest(str(name), known)}")
    return known[name]
