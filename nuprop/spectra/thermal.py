"""Thermal spectra, as supernovae emit them; each integrates to one neutrino."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jax.typing import ArrayLike

from nuprop.description import Leaf
from nuprop.exponential import bounded_exp
from nuprop.pytree import as_pytree, assign
from nuprop.spectra.protocol import NOTHING, Spectrum
from nuprop.units import is_traced, required_number

# Gauss-Legendre nodes and weights on [0, 1] for Fermi-Dirac integrals: 12 panels of 16 nodes.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_PLACES = ((np.arange(12)[:, None] + 0.5 * (1.0 + _NODES)) / 12).ravel()
_SHARES = np.tile(_WEIGHTS / 24, 12)
#: Degeneracies that a Fermi-Dirac spectrum may have.
_DEGENERACIES = (-20.0, 20.0)
_ALLOWED_ENERGY = "must lie in [1e-9, 1e20] GeV"


@dataclass(frozen=True, eq=False, repr=False)
class Thermal(Spectrum):
    """A shape given by ln Q as a function of ln E, with int Q dE = 1.

    A subclass defines ``log_emissivity(log_energy)`` and ``total_energy()``, its mean energy.
    """

    def emissivity(self, energy: ArrayLike) -> jax.Array:
        """Evaluate Q(E) in 1/GeV; see `Spectrum.emissivity`."""
        return self.emissivity_at_log(jnp.log(jnp.asarray(energy, dtype=float)))

    def emissivity_at_log(self, log_energy: ArrayLike) -> jax.Array:
        """Q at ln E."""
        return bounded_exp(self.log_emissivity(log_energy))

    def has_flux(self, low: float, high: float) -> bool:
        """Look at the one energy between the two that is nearest to the mean."""
        mean = self.total_energy()
        if is_traced(mean):
            return True
        nearest = np.clip(np.asarray(mean, dtype=float), low, high)
        logarithm = self.log_emissivity(np.log(nearest))
        return is_traced(logarithm) or bool(np.all(np.asarray(logarithm) > math.log(NOTHING)))


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class FermiDirac(Thermal):
    """Fermi-Dirac spectrum, Q = E^2 / {T^3 F_2(eta) [exp(E/T - eta) + 1]}.

    Parameters
    ----------
    temperature : Quantity, str or float (GeV)
        T, at the source.
    degeneracy : float
        eta, from -20 to 20; 0 by default. A positive one narrows ("pinches") the spectrum.

    Attributes
    ----------
    mean_energy : Array, GeV
        T F_3(eta)/F_2(eta), which is 3.1514 T for eta = 0.

    Raises
    ------
    UnitError
        If the temperature is not an energy.
    ParameterError
        If a value is not allowed.

    Notes
    -----
    F_n(eta) = int_0^inf x^n dx / (exp(x - eta) + 1). Q integrates to 1 over E. The effective
    degeneracy of supernova spectra is discussed by Keil, Raffelt & Janka 2003,
    arXiv:astro-ph/0208035.

    Examples
    --------
    >>> spectrum = FermiDirac("4 MeV")
    >>> print(f"{1e3 * spectrum.mean_energy:.4f} MeV")
    12.6055 MeV
    """

    kind: ClassVar[str] = "fermi-dirac"
    formula: ClassVar[str] = "Q = E^2 / (exp(E/temperature - degeneracy) + 1), of unit integral"
    temperature: Leaf = 0.004
    degeneracy: Leaf = 0.0

    def __init__(self, temperature: Any, degeneracy: Any = 0.0) -> None:
        low, high = _DEGENERACIES
        assign(
            self,
            temperature=_energy(temperature, "temperature"),
            degeneracy=required_number(
                degeneracy,
                "dimensionless",
                "degeneracy",
                f"must lie in [{low:g}, {high:g}]",
                lambda x: (x >= low) & (x <= high),
            ),
        )

    @property
    def mean_energy(self) -> jax.Array:
        """Mean energy [GeV]."""
        third, second = (self._log_integral(power) for power in (3, 2))
        return self.temperature * jnp.exp(third - second)

    def log_emissivity(self, log_energy: ArrayLike) -> jax.Array:
        """Logarithm of Q at ln E."""
        log_energy = jnp.asarray(log_energy, dtype=float)
        above = jnp.exp(log_energy) / self.temperature - self.degeneracy
        norm = 3.0 * jnp.log(self.temperature) + self._log_integral(2)
        return 2.0 * log_energy - norm - jnp.logaddexp(0.0, above)

    def total_energy(self) -> jax.Array:
        """Integral of E Q(E) dE over all energies, the mean energy in GeV."""
        return jnp.asarray(self.mean_energy)

    def _log_integral(self, power: int) -> jax.Array:
        """Logarithm of F_n(eta), the integral cut where e^-40 of it is left."""
        eta = jnp.asarray(self.degeneracy, dtype=float)[..., None]
        span = 50.0 + jnp.maximum(eta, 0.0)
        x = span * _PLACES
        # in units of e^min(eta, 0), which keeps dilute spectra from underflow
        unit = jnp.minimum(eta, 0.0)
        occupation = jnp.exp(-jnp.logaddexp(unit, x - eta + unit))
        return unit[..., 0] + jnp.log(jnp.sum(span * _SHARES * x**power * occupation, axis=-1))


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class PinchedThermal(Thermal):
    """Quasi-thermal spectrum, Q = N (E/E_0)^alpha exp[-(alpha + 1) E/E_0], E_0 the mean energy.

    Parameters
    ----------
    mean_energy : Quantity, str or float (GeV)
        E_0, at the source.
    alpha : float
        Pinching, from 0 to 100; <E^2>/E_0^2 = (2 + alpha)/(1 + alpha). 2 is a Maxwell-Boltzmann
        spectrum, 2.3 comes near a Fermi-Dirac one, more is narrower ("pinched").

    Raises
    ------
    UnitError
        If the mean energy is not an energy.
    ParameterError
        If a value is not allowed.

    Notes
    -----
    N = (alpha + 1)^(alpha + 1) / [E_0 Gamma(alpha + 1)]: Q integrates to 1 over E.

    References
    ----------
    Keil, Raffelt & Janka 2003, arXiv:astro-ph/0208035.

    Examples
    --------
    >>> print(PinchedThermal("15 MeV", alpha=2.3))
    PinchedThermal(mean_energy=0.015, alpha=2.3)
    """

    kind: ClassVar[str] = "pinched-thermal"
    formula: ClassVar[str] = (
        "Q = (E/mean_energy)^alpha exp(-(alpha + 1) E/mean_energy), of unit integral"
    )
    mean_energy: Leaf = 0.015
    alpha: Leaf = 2.3

    def __init__(self, mean_energy: Any, alpha: Any = 2.3) -> None:
        assign(
            self,
            mean_energy=_energy(mean_energy, "mean_energy"),
            alpha=required_number(
                alpha,
                "dimensionless",
                "alpha",
                "must lie in [0, 100]",
                lambda x: (x >= 0.0) & (x <= 100.0),
            ),
        )

    def log_emissivity(self, log_energy: ArrayLike) -> jax.Array:
        """Logarithm of Q at ln E."""
        log_energy = jnp.asarray(log_energy, dtype=float)
        log_mean = jnp.log(self.mean_energy)
        steep = 1.0 + jnp.asarray(self.alpha, dtype=float)
        norm = steep * jnp.log(steep) - log_mean - gammaln(steep)
        x = jnp.exp(log_energy) / self.mean_energy
        return norm + self.alpha * (log_energy - log_mean) - steep * x

    def total_energy(self) -> jax.Array:
        """Integral of E Q(E) dE over all energies, the mean energy in GeV."""
        return jnp.asarray(self.mean_energy)


def _energy(value: Any, name: str) -> Any:
    return required_number(
        value, "energy", name, _ALLOWED_ENERGY, lambda e: (e >= 1e-9) & (e <= 1e20)
    )
