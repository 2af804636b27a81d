"""Bosons of one model, made from the numbers that a plane or a search steps through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nuprop.mediators import ZPrime

Model = Callable[..., ZPrime]


@dataclass(frozen=True)
class Builder:
    """Build a boson of a model from mass, coupling and kinetic mixing; hashable.

    Attributes
    ----------
    model : callable
        A class method of `ZPrime`.
    loop_mixing : bool
    """

    model: Model = ZPrime.lmu_ltau
    loop_mixing: bool = False

    def __call__(self, mass: Any, coupling: Any, mixing: Any) -> ZPrime:
        """Build it; numbers or values traced by JAX."""
        loop = {"loop_mixing": True} if self.loop_mixing else {}
        return self.model(mass, coupling, kinetic_mixing=mixing, **loop)

    @property
    def name(self) -> str:
        """Name of the model, such as "lmu-ltau": that of any boson of it."""
        return self(1e-2, 1e-6, 0.0).model
