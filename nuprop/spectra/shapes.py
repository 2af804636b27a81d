"""Spectra with a formula: power laws, broken, smooth and curved, and a bump."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.description import Leaf
from nuprop.exponential import bounded_exp
from nuprop.pytree import as_pytree, assign
from nuprop.spectra.protocol import NOTHING, REFERENCE_ENERGY, Spectrum
from nuprop.units import is_traced, number_in_code_units, required_number

_LOG_REFERENCE = math.log(REFERENCE_ENERGY)


@dataclass(frozen=True, eq=False, repr=False)
class _WithCutoff(Spectrum):
    """A shape given by ln Q as a function of ln E, times exp(-E/cutoff).

    A cutoff of None is part of the structure: no exponential is computed for it.
    """

    cutoff: Leaf = field(default=None, kw_only=True)

    def _log_shape(self, log_energy: jax.Array) -> jax.Array:
        raise NotImplementedError(f"{type(self).__name__} defines no shape")

    def has_flux(self, low: float, high: float) -> bool:
        """Look at the cutoff only, which costs no compilation; see `Spectrum.has_flux`."""
        if self.cutoff is None or is_traced(self.cutoff):
            return True
        return bool(low / np.max(self.cutoff) < -math.log(NOTHING))

    def emissivity(self, energy: ArrayLike) -> jax.Array:
        """Evaluate Q(E) with one logarithm and one exponential; see `Spectrum.emissivity`."""
        energy = jnp.asarray(energy, dtype=float)
        log_shape = self._log_shape(jnp.log(energy))
        return bounded_exp(log_shape if self.cutoff is None else log_shape - energy / self.cutoff)

    def emissivity_at_log(self, log_energy: ArrayLike) -> jax.Array:
        """Q at ln E with one exponential, and one more for a cutoff."""
        return bounded_exp(self.log_emissivity(log_energy))

    def log_emissivity(self, log_energy: ArrayLike) -> jax.Array:
        """Logarithm of Q at ln E, with no exponential unless there is a cutoff."""
        log_energy = jnp.asarray(log_energy, dtype=float)
        log_shape = self._log_shape(log_energy)
        return log_shape if self.cutoff is None else log_shape - jnp.exp(log_energy) / self.cutoff


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class PowerLaw(_WithCutoff):
    """Power law with an exponential cutoff, Q = (E/100 TeV)^-index exp(-E/cutoff).

    Parameters
    ----------
    index : float
        Spectral index, positive for a falling spectrum; from -100 to 100.
    cutoff : Quantity, str or float (GeV), optional
        Energy at the source; a neutrino from redshift z is cut off at cutoff/(1+z) at Earth.
        None or infinity for no cutoff.

    Raises
    ------
    UnitError
        If the cutoff is not an energy.
    ParameterError
        If the index is not in [-100, 100], or an energy not in [1e-9, 1e25] GeV.

    References
    ----------
    Araki et al. 2016, arXiv:1508.07471.

    Examples
    --------
    >>> print(PowerLaw(index=2.0, cutoff="10 PeV"))
    PowerLaw(index=2, cutoff=1e+07)
    >>> print(PowerLaw(2.0).emissivity(1e6))
    0.01
    """

    kind: ClassVar[str] = "power-law"
    formula: ClassVar[str] = "Q = (E/100 TeV)^-index exp(-E/cutoff)"
    index: Leaf = 2.0

    def __init__(self, index: Any, cutoff: Any = None) -> None:
        assign(self, index=_number(index, "index"), cutoff=_cutoff(cutoff))

    def _log_shape(self, log_energy: jax.Array) -> jax.Array:
        return self.index * (_LOG_REFERENCE - log_energy)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class BrokenPowerLaw(_WithCutoff):
    """Sharply broken power law, Q = (E/E_b)^-index_low below E_b and (E/E_b)^-index_high above.

    Parameters
    ----------
    index_low, index_high : float
        Spectral indices below and above the break.
    break_energy : Quantity, str or float (GeV)
        E_b, at the source; Q = 1 there, before the cutoff.
    cutoff : Quantity, str or float (GeV), optional
        Factor exp(-E/cutoff).

    Raises
    ------
    UnitError, ParameterError
        As for `PowerLaw`.

    Examples
    --------
    >>> spectrum = BrokenPowerLaw(1.0, 3.0, "100 TeV")
    >>> print(spectrum.emissivity([1e4, 1e6]))
    [10.     0.001]
    """

    kind: ClassVar[str] = "broken-power-law"
    formula: ClassVar[str] = (
        "Q = (E/break_energy)^-index_low below, ^-index_high above, times exp(-E/cutoff)"
    )
    index_low: Leaf = 2.0
    index_high: Leaf = 2.0
    break_energy: Leaf = REFERENCE_ENERGY

    def __init__(
        self, index_low: Any, index_high: Any, break_energy: Any, cutoff: Any = None
    ) -> None:
        assign(
            self,
            index_low=_number(index_low, "index_low"),
            index_high=_number(index_high, "index_high"),
            break_energy=_energy(break_energy, "break_energy"),
            cutoff=_cutoff(cutoff),
        )

    @property
    def kinks(self) -> tuple[Leaf, ...]:
        """The break."""
        return (self.break_energy,)

    def _log_shape(self, log_energy: jax.Array) -> jax.Array:
        distance = log_energy - jnp.log(self.break_energy)
        return -jnp.where(distance < 0.0, self.index_low, self.index_high) * distance


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class SmoothBrokenPowerLaw(_WithCutoff):
    """Smoothly broken power law, Q = x^-index_low [1 + x^(1/s)]^((index_low - index_high) s).

    Parameters
    ----------
    index_low, index_high : float
        Spectral indices far below and far above the break.
    break_energy : Quantity, str or float (GeV)
        E_b, at the source; x = E/E_b.
    smoothness : float
        s, from 1e-3 to 1e3: the bend takes about s powers of e to either side; the limit s -> 0
        is `BrokenPowerLaw`.
    cutoff : Quantity, str or float (GeV), optional
        Factor exp(-E/cutoff).

    Raises
    ------
    UnitError, ParameterError
        As for `PowerLaw`.
    """

    kind: ClassVar[str] = "smooth-broken-power-law"
    formula: ClassVar[str] = (
        "Q = x^-index_low (1 + x^(1/smoothness))^((index_low - index_high) smoothness), "
        "x = E/break_energy, times exp(-E/cutoff)"
    )
    index_low: Leaf = 2.0
    index_high: Leaf = 2.0
    break_energy: Leaf = REFERENCE_ENERGY
    smoothness: Leaf = 0.2

    def __init__(
        self,
        index_low: Any,
        index_high: Any,
        break_energy: Any,
        smoothness: Any = 0.2,
        cutoff: Any = None,
    ) -> None:
        assign(
            self,
            index_low=_number(index_low, "index_low"),
            index_high=_number(index_high, "index_high"),
            break_energy=_energy(break_energy, "break_energy"),
            smoothness=_width(smoothness, "smoothness"),
            cutoff=_cutoff(cutoff),
        )

    def _log_shape(self, log_energy: jax.Array) -> jax.Array:
        distance = log_energy - jnp.log(self.break_energy)
        bend = self.smoothness * jnp.logaddexp(0.0, distance / self.smoothness)
        return (self.index_low - self.index_high) * bend - self.index_low * distance


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class LogParabola(_WithCutoff):
    """Log-parabola, Q = (E/E_0)^-(index + curvature log10(E/E_0)).

    Parameters
    ----------
    index : float
        Spectral index at E_0.
    curvature : float
        Change of the exponent per decade; the local index at E is
        index + 2 curvature log10(E/E_0).
    reference_energy : Quantity, str or float (GeV)
        E_0, at the source; Q = 1 there, before the cutoff.
    cutoff : Quantity, str or float (GeV), optional
        Factor exp(-E/cutoff).

    Raises
    ------
    UnitError, ParameterError
        As for `PowerLaw`.

    Notes
    -----
    With a negative curvature Q is held at 1e199 where it would be larger.
    """

    kind: ClassVar[str] = "log-parabola"
    formula: ClassVar[str] = (
        "Q = x^-(index + curvature log10 x), x = E/reference_energy, times exp(-E/cutoff)"
    )
    index: Leaf = 2.0
    curvature: Leaf = 0.0
    reference_energy: Leaf = REFERENCE_ENERGY

    def __init__(
        self,
        index: Any,
        curvature: Any,
        reference_energy: Any = REFERENCE_ENERGY,
        cutoff: Any = None,
    ) -> None:
        assign(
            self,
            index=_number(index, "index"),
            curvature=_number(curvature, "curvature"),
            reference_energy=_energy(reference_energy, "reference_energy"),
            cutoff=_cutoff(cutoff),
        )

    def _log_shape(self, log_energy: jax.Array) -> jax.Array:
        distance = log_energy - jnp.log(self.reference_energy)
        return -(self.index + self.curvature / math.log(10.0) * distance) * distance


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class Bump(_WithCutoff):
    """Bump in E^2 Q, as photohadronic sources make: Q = x^-2 exp(-ln(x)^2 / (2 width^2)).

    Parameters
    ----------
    energy : Quantity, str or float (GeV)
        Where E^2 Q is largest, at the source; x = E/energy, and Q = 1 at x = 1.
    width : float
        Standard deviation in ln E, from 1e-3 to 1e3; 0.5 is half a decade full width at half
        maximum.

    Raises
    ------
    UnitError, ParameterError
        As for `PowerLaw`.

    Notes
    -----
    A narrow bump has no flux at 100 TeV: give the source a `pivot`.

    References
    ----------
    Fiorillo & Bustamante 2023, arXiv:2301.00024 (the idea of a log-normal bump on a power law;
    transcribed from secondary literature).
    """

    kind: ClassVar[str] = "bump"
    formula: ClassVar[str] = "E^2 Q = exp(-ln(E/energy)^2 / (2 width^2))"
    energy: Leaf = REFERENCE_ENERGY
    width: Leaf = 1.0

    def __init__(self, energy: Any, width: Any) -> None:
        assign(self, energy=_energy(energy, "energy"), width=_width(width, "width"), cutoff=None)

    @property
    def kinks(self) -> tuple[Leaf, ...]:
        """Places 1, 3 and 6 widths from the peak: integrals over a narrow bump must see it."""
        widths = jnp.array([-6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0])
        return tuple(self.energy * jnp.exp(widths * self.width))

    def has_flux(self, low: float, high: float) -> bool:
        """Evaluate, for a bump can be narrow; see `Spectrum.has_flux`."""
        return Spectrum.has_flux(self, low, high)

    def total_energy(self) -> jax.Array:
        """Integral of E Q(E) dE over all energies, energy^2 width sqrt(2 pi)."""
        return jnp.square(self.energy) * self.width * math.sqrt(2.0 * math.pi)

    def _log_shape(self, log_energy: jax.Array) -> jax.Array:
        distance = log_energy - jnp.log(self.energy)
        return -(2.0 + 0.5 * distance / jnp.square(self.width)) * distance


def _number(value: Any, name: str) -> Any:
    return required_number(
        value, "dimensionless", name, "must lie in [-100, 100]", lambda x: np.abs(x) <= 100.0
    )


def _width(value: Any, name: str) -> Any:
    return required_number(
        value, "dimensionless", name, "must lie in [1e-3, 1e3]", lambda x: (x >= 1e-3) & (x <= 1e3)
    )


def _energy(value: Any, name: str) -> Any:
    allowed = "must lie in [1e-9, 1e25] GeV"
    return required_number(value, "energy", name, allowed, lambda e: (e >= 1e-9) & (e <= 1e25))


def _cutoff(value: Any) -> Any:
    if value is None:
        return None
    value = number_in_code_units(value, "energy", "cutoff")
    return None if isinstance(value, float) and value == math.inf else _energy(value, "cutoff")
