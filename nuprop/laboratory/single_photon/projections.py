"""Bounds from e+e- -> gamma + missing energy: what Belle II will see, and what BaBar excludes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.constants import ELEMENTARY_CHARGE
from nuprop.laboratory.constraint import Constraint
from nuprop.laboratory.single_photon.collider import COLLIDERS, Collider
from nuprop.laboratory.single_photon.counts import (
    CRITERIA,
    PER_PICOBARN,
    Criterion,
    require_known,
    smallest_signal,
)
from nuprop.laboratory.single_photon.currents import Mode, require_options
from nuprop.laboratory.single_photon.integrals import flavor_cross_section
from nuprop.laboratory.single_photon.line import invisible_branching, line_per_coupling
from nuprop.mediators import ZPrime
from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.zprime import Nature
from nuprop.units import required_number


class Prepared(NamedTuple):
    """What a mass decides: the signal over what is needed, per |g_e|^2 BR."""

    per_coupling: jax.Array


@dataclass(frozen=True, kw_only=True)
class SinglePhotonProjection(Constraint):
    """Reach of a search for a photon line: signal over the smallest that can be seen.

    The background is e+e- -> gamma + neutrinos in a window of the missing mass; further radiation,
    e+e- -> gamma gamma (gamma), radiative Bhabha scattering and the machine are neglected.

    Attributes
    ----------
    collider : Collider
    sigmas, criterion : as in `required_signal`.
    mode : of the background.
    window_sigmas : float
        The window is M^2 -+ this many sigma of M_miss^2, which is 2 sqrt(s) E* (sigma_E/E)(E*).
    light_window : GeV
        The window reaches at least up to this missing mass.
    efficiency : float
        Of the signal and of the background.
    nature : of the neutrinos that the boson decays to.

    Raises
    ------
    UnitError, ParameterError
        If an option is unknown, a number of sigmas not positive, the light window negative, or the
        efficiency not above 0 and at most 1.
    """

    collider: Collider
    sigmas: float = 3.0
    criterion: Criterion = "gaussian"
    mode: Mode = "full"
    window_sigmas: float = 2.0
    light_window: float = 2.0
    efficiency: float = 1.0
    nature: Nature = "majorana"

    def __post_init__(self) -> None:
        require_known("criterion", self.criterion, CRITERIA)
        require_options(self.mode, nature=self.nature)
        for name in ("sigmas", "window_sigmas"):
            value = getattr(self, name)
            required_number(value, "dimensionless", name, "positive", lambda x: x > 0.0)
        required_number(
            self.light_window, "energy", "light_window", "at least 0", lambda x: x >= 0.0
        )
        required_number(
            self.efficiency,
            "dimensionless",
            "efficiency",
            "above 0 and at most 1",
            lambda x: (x > 0.0) & (x <= 1.0),
        )

    def window(self, mass: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Compute the ends of the window in M_miss^2 [GeV^2] for a boson of this mass [GeV]."""
        square, s = jnp.asarray(mass) ** 2, self.collider.sqrt_s**2
        fraction = 1.0 - square / s
        is_open = fraction > 0.0
        energy = 0.5 * self.collider.sqrt_s * jnp.where(is_open, fraction, 1.0)
        spread = 2.0 * self.collider.sqrt_s * energy * self.collider.resolution(energy)
        half = self.window_sigmas * spread
        return jnp.maximum(square - half, 0.0), jnp.maximum(square + half, self.light_window**2)

    def prepare(self, mass: ArrayLike) -> Prepared:
        """Compute background and signal per |g_e|^2 BR at a mass [GeV]."""
        lightest, heaviest = self.window(mass)
        exposure = PER_PICOBARN * self.efficiency * self.collider.luminosity
        flavors = flavor_cross_section(
            self.collider, None, lightest, heaviest, self.mode, "total", self.nature
        )
        needed = smallest_signal(exposure * jnp.sum(flavors), self.sigmas, self.criterion)
        signal = exposure * line_per_coupling(mass, self.collider)
        seen = (signal > 0.0) & (needed > 0.0)
        return Prepared(jnp.where(seen, signal / jnp.where(seen, needed, 1.0), 0.0))

    def strength(self, zprime: ZPrime, prepared: Prepared | None = None) -> jax.Array:
        """Events of the line over the smallest number that can be seen; see `Constraint`."""
        if prepared is None:
            prepared = self.prepare(zprime.mass)
        coupling = squared_moduli(zprime.charged_couplings[0])
        return prepared.per_coupling * coupling * invisible_branching(zprime, self.nature)


@dataclass(frozen=True, kw_only=True)
class InvisibleAnchor(Constraint):
    """A published bound on eps_A sqrt(BR), one number for a range of masses.

    Attributes
    ----------
    largest_mixing : float
        Of eps_A sqrt(BR), eps_A = |g_e|/e.
    heaviest : GeV
        Up to which mass it holds. Beyond, the bound says nothing: the strength is zero.
    nature : of the neutrinos that the boson decays to.
    """

    largest_mixing: float
    heaviest: float
    nature: Nature = "majorana"

    def prepare(self, mass: ArrayLike) -> Prepared:
        """Tell whether the bound holds at a mass [GeV]."""
        allowed = (ELEMENTARY_CHARGE * self.largest_mixing) ** 2
        return Prepared(jnp.where(jnp.asarray(mass) <= self.heaviest, 1.0 / allowed, 0.0))

    def strength(self, zprime: ZPrime, prepared: Prepared | None = None) -> jax.Array:
        """Square of eps_A sqrt(BR) over the largest allowed; see `Constraint`."""
        if prepared is None:
            prepared = self.prepare(zprime.mass)
        coupling = squared_moduli(zprime.charged_couplings[0])
        return prepared.per_coupling * coupling * invisible_branching(zprime, self.nature)


#: "belle-ii": S = 3 sqrt(B) with 50/ab. "babar-invisible": eps_A sqrt(BR) < 9.5e-4 up to 0.2 GeV, a
#: value as used by nuprop for the plateau of Lees et al. 2017, arXiv:1702.03327.
CONSTRAINTS: dict[str, Constraint] = {
    "belle-ii": SinglePhotonProjection(
        name="belle-ii",
        title="Belle II, $\\gamma$ + missing",
        references=("araki2017",),
        level="3 sigma projection, 50 ab^-1",
        quality="approximate",
        collider=COLLIDERS["belle-ii"],
    ),
    "babar-invisible": InvisibleAnchor(
        name="babar-invisible",
        title="BaBar, $\\gamma$ + invisible",
        references=("lees2017",),
        level="90% CL",
        quality="anchor",
        largest_mixing=9.5e-4,
        heaviest=0.2,
    ),
}
