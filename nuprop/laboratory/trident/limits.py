"""Measured tridents, and the bosons that they exclude."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import jax
from jax.typing import ArrayLike

from nuprop.laboratory.constraint import Constraint
from nuprop.laboratory.trident.transfers import Transfers
from nuprop.laboratory.trident.tridents import Reaction, Tridents
from nuprop.mediators import ZPrime


@dataclass(frozen=True, kw_only=True)
class TridentBound(Constraint):
    """A bound on tridents: sigma/sigma_SM is at most the measured one + n_sigma errors.

    Attributes
    ----------
    energy : float, GeV
        One energy stands for the beam.
    target : str
        A name of `nuprop.laboratory.trident.TARGETS`.
    measured : float
        sigma/sigma_SM.
    error : float
        One standard deviation upwards.
    error_below : float
        One standard deviation downwards; no bound uses it.
    n_sigma : float
    reaction : str
        What of `Tridents` counts: most events are coherent.
    form_factor : str
        Of the nucleus.

    Notes
    -----
    The ratio is that of the total cross sections: cuts on the muons are taken to cost both the
    same share. Change a criterion by `dataclasses.replace(bound, n_sigma=1.96)`.
    """

    energy: float
    target: str
    measured: float
    error: float
    error_below: float
    n_sigma: float = 2.0
    reaction: Reaction = "coherent"
    form_factor: str = "ws"

    @property
    def allowed(self) -> float:
        """Largest sigma/sigma_SM that is not excluded."""
        return self.measured + self.n_sigma * self.error

    @property
    def tridents(self) -> Tridents:
        """Tridents of this experiment; computed once."""
        return _computed(self.energy, self.target, self.reaction, self.form_factor)

    def prepare(self, mass: ArrayLike) -> Transfers:
        """Lay points in the squared momentum that a boson of this mass [GeV] carries."""
        return self.tridents.prepare(mass)

    def strength(self, zprime: ZPrime, prepared: Any = None) -> jax.Array:
        """Cross section over that of the Standard Model, over the largest ratio allowed."""
        return self.tridents.ratio(zprime, prepared) / self.allowed


@cache
def _computed(energy: float, target: str, reaction: Reaction, form_factor: str) -> Tridents:
    # A thread of its own is outside of the caller's trace, and shares compiled programs.
    with ThreadPoolExecutor(1) as thread:
        made = thread.submit(Tridents, energy, target, reaction=reaction, form_factor=form_factor)
        return made.result()


#: Values as used by nuprop: mean energies, targets, and the ratio of NuTeV.
TRIDENT_BOUNDS = MappingProxyType(
    {
        bound.name: bound
        for bound in (
            TridentBound(
                name="ccfr",
                title="CCFR",
                references=("mishra1991", "altmannshofer2014"),
                level="2 sigma",
                quality="approximate",
                energy=160.0,
                target="Fe",
                measured=0.82,
                error=0.28,
                error_below=0.28,
            ),
            TridentBound(
                name="charm-ii",
                title="CHARM-II",
                references=("geiregat1990", "altmannshofer2014"),
                level="2 sigma",
                quality="approximate",
                energy=20.0,
                target="Si",
                measured=1.58,
                error=0.57,
                error_below=0.57,
            ),
            TridentBound(
                name="nutev",
                title="NuTeV",
                references=("adams2000", "altmannshofer2014"),
                level="2 sigma",
                quality="approximate",
                energy=160.0,
                target="Fe",
                measured=0.72,
                error=1.73,
                error_below=0.72,
            ),
        )
    }
)
