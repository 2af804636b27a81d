"""Bounds from electrons on a thick target: events behind it, against those allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.constants import ELEMENTARY_CHARGE, HBAR_C
from nuprop.errors import ParameterError, nearest
from nuprop.laboratory.beam_dump.material import Material
from nuprop.laboratory.beam_dump.spectrum import Spectrum, boson_spectrum
from nuprop.laboratory.constraint import Constraint, Quality
from nuprop.mediators import ZPrime
from nuprop.mediators.coupling import squared_moduli
from nuprop.pytree import assign
from nuprop.units import required_number

Criterion = Literal["events", "lifetime"]

#: Signals never fall below this share of the allowed one, so that their logarithm is finite.
FLOOR = 1e-300
#: Depth [radiation lengths] below which no electron makes a boson.
_DEEPEST = 60.0
_POSITIVE = {
    "beam_energy": "energy",
    "electrons": "dimensionless",
    "shield": "length",
    "decay": "length",
    "allowed": "dimensionless",
}


@dataclass(frozen=True, kw_only=True)
class ElectronDump(Constraint):
    r"""Electrons on a thick target, and a detector of e+ e- behind shield and decay volume.

    Attributes
    ----------
    beam_energy : Quantity, str or float, GeV
    electrons : float
        On target.
    target : Material
        Of target and shield.
    shield, decay : Quantity, str or float, cm
        Lengths of the shield and of the volume for decays behind it.
    cut : Quantity, str or float, GeV
        Least energy of the boson that is seen.
    allowed : float
        Largest number of events allowed.
    criterion : "events" or "lifetime"
        "events": the number of e+ e- pairs behind the shield, invisible decays included.
        "lifetime": excluded where a boson without invisible decays would be by "events", unless
        the true decay length at the energy of the beam is below L_shield/ln(N_made/N_allowed).
    title, references, level, quality
        As in `Constraint`; optional.

    Raises
    ------
    UnitError, ParameterError
        If a number is not positive (the cut may be zero), or the criterion unknown.

    Notes
    -----
    Geometry of one dimension: angles are not cut on, and every pair of the right energy is seen.
    Muon pairs count as unseen.

    References
    ----------
    Bjorken et al. 2009, arXiv:0906.0580; Andreas et al. 2012, arXiv:1209.6083.

    Examples
    --------
    >>> from nuprop.laboratory.beam_dump import TUNGSTEN
    >>> dump = ElectronDump(
    ...     name="mine", beam_energy="10 GeV", electrons=1e15, target=TUNGSTEN, shield="20 cm",
    ...     decay="10 m", cut="1 GeV", allowed=3.0,
    ... )
    >>> dump.excludes(ZPrime.lmu_ltau("10 MeV", 1e-6, kinetic_mixing=1e-4))
    True
    """

    title: str = ""
    references: tuple[str, ...] = ()
    level: str = "largest number of events"
    quality: Quality = "approximate"
    beam_energy: Any
    electrons: Any
    target: Material
    shield: Any
    decay: Any
    cut: Any = 0.0
    allowed: Any
    criterion: Criterion = "events"

    def __post_init__(self) -> None:
        for name, kind in _POSITIVE.items():
            value = getattr(self, name)
            number = required_number(value, kind, name, "a positive number", lambda x: x > 0.0)
            assign(self, **{name: float(number)})
        cut = required_number(self.cut, "energy", "cut", "an energy >= 0", lambda x: x >= 0.0)
        assign(self, cut=float(cut), title=self.title or self.name)
        if not isinstance(self.target, Material):
            raise ParameterError(f"target = {self.target!r}: a Material")
        if self.criterion not in ("events", "lifetime"):
            hint = nearest(str(self.criterion), ("events", "lifetime"))
            raise ParameterError(f"criterion = {self.criterion!r}: {hint}")

    @property
    def thickness(self) -> float:
        """Radiation lengths in which bosons are made: those of the shield, at most 60."""
        return min(self.target.thickness(self.shield), _DEEPEST)

    def prepare(self, mass: ArrayLike) -> Spectrum:
        """Spectrum of the bosons made; see `boson_spectrum`.

        Parameters
        ----------
        mass : Quantity, str or float, GeV

        Returns
        -------
        Spectrum
        """
        mass = required_number(mass, "energy", "mass", "a positive energy", lambda x: x > 0.0)
        return boson_spectrum(
            mass, self.beam_energy, self.electrons, self.target, self.thickness, self.cut
        )

    def produced(self, zprime: ZPrime, prepared: Spectrum | None = None) -> jax.Array:
        """Bosons made with energies above the cut, whatever becomes of them."""
        spectrum = self.prepare(zprime.mass) if prepared is None else prepared
        return electron_mixing_squared(zprime) * jnp.sum(spectrum.counts)

    def events(self, zprime: ZPrime, prepared: Spectrum | None = None) -> jax.Array:
        """Electron pairs from decays behind the shield.

        Parameters
        ----------
        zprime : ZPrime
        prepared : Spectrum, optional
            What `prepare` gives for its mass.

        Returns
        -------
        Array, scalar
            Zero below 2 m_e, and where no boson can have an energy above the cut.
        """
        spectrum = self.prepare(zprime.mass) if prepared is None else prepared
        return self._events(zprime, zprime.width(), spectrum)

    def _events(self, zprime: ZPrime, width: jax.Array, spectrum: Spectrum) -> jax.Array:
        reciprocal = inverse_decay_length(zprime.mass, width, spectrum.momentum)
        decays = jnp.exp(-self.shield * reciprocal) * -jnp.expm1(-self.decay * reciprocal)
        pairs = zprime.partial_widths()["e"]
        branching = jnp.where(width > 0.0, pairs / jnp.where(width > 0.0, width, 1.0), 0.0)
        return electron_mixing_squared(zprime) * branching * jnp.sum(spectrum.counts * decays)

    def strength(self, zprime: ZPrime, prepared: Spectrum | None = None) -> jax.Array:
        """Events over those allowed, at least 1e-300; see `Constraint.strength` and `criterion`."""
        spectrum = self.prepare(zprime.mass) if prepared is None else prepared
        if self.criterion == "events":
            signal = self.events(zprime, spectrum)
        else:
            partial = zprime.partial_widths()
            visible = partial["e"] + partial["mu"] + partial["tau"]
            reciprocal = self._inverse_longest(zprime)
            surviving = self.produced(zprime, spectrum) * jnp.exp(-self.shield * reciprocal)
            signal = jnp.minimum(self._events(zprime, visible, spectrum), surviving)
        return jnp.maximum(signal / self.allowed, FLOOR)

    def decay_length(self, zprime: ZPrime) -> jax.Array:
        """Mean decay length [cm] at the energy of the beam; zero if that is below the mass."""
        reciprocal = self._inverse_longest(zprime)
        return jnp.where(jnp.isfinite(reciprocal), 1.0 / reciprocal, 0.0)

    def _inverse_longest(self, zprime: ZPrime) -> jax.Array:
        is_open = self.beam_energy > jnp.asarray(zprime.mass)
        mass = jnp.where(is_open, zprime.mass, 0.5 * self.beam_energy)
        momentum = jnp.sqrt((self.beam_energy - mass) * (self.beam_energy + mass))
        reciprocal = inverse_decay_length(mass, zprime.width(), momentum)
        return jnp.where(is_open, reciprocal, jnp.inf)


def electron_mixing_squared(zprime: ZPrime) -> jax.Array:
    r"""\|g_e/e\|^2, the square of the mixing of the dark photon that electrons would see."""
    return squared_moduli(zprime.charged_couplings[0]) / ELEMENTARY_CHARGE**2


def inverse_decay_length(mass: ArrayLike, width: ArrayLike, momentum: ArrayLike) -> jax.Array:
    """1/l = M Gamma/(hbar c p) [1/cm], all in GeV."""
    return jnp.asarray(mass) * width / (HBAR_C * momentum)
