"""Redshift evolutions as functions of their parameters, every one with W(0) = 1.

The numbers that belong to a named law stand in ``catalogue/*.toml``; the classes here can be used
with any other numbers too::

    from nuprop_sources.evolution import RiseAndFall

    nuprop.Source(evolution=RiseAndFall(rise=2.7, fall=5.6, turnover=2.9))

Every field that is not a name or a redshift of a bend is a leaf: it can be traced and
differentiated by JAX.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.description import Leaf
from nuprop.errors import ParameterError
from nuprop.evolutions import LogEvolution
from nuprop.exponential import bounded_exp
from nuprop.luminosity import erg_per_second
from nuprop.pytree import as_pytree
from nuprop.units import number_in_code_units, require, required_number

_LN_10 = math.log(10.0)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class Flat(LogEvolution):
    """No evolution, W = 1."""

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Return ones."""
        return jnp.ones_like(z)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class Power(LogEvolution):
    """W = (1+z)^index."""

    index: Leaf

    chosen: ClassVar[tuple[str, ...]] = ("index",)

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Evaluate the power."""
        return bounded_exp(self.index * log_1pz)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class PowerExponential(LogEvolution):
    """W = (1+z)^index exp(z/scale)."""

    index: Leaf
    scale: Leaf

    chosen: ClassVar[tuple[str, ...]] = ("index", "scale")

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Evaluate both factors with one exponential."""
        return bounded_exp(self.index * log_1pz + z / self.scale)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class SmoothPower(LogEvolution):
    """Powers that pass smoothly into each other.

    W = { sum_i [(1+z)/scale_i]^(slope_i sharpness) }^(1/sharpness), divided by its value at z = 0,
    with a negative sharpness: the smallest power wins.

    Parameters
    ----------
    slopes, log_scales : array, shape (n,)
        Exponents, and the logarithms of the scales.
    sharpness : float, not zero
    """

    slopes: Leaf
    log_scales: Leaf
    sharpness: Leaf

    @classmethod
    def scaled(cls, slopes: Any, scales: Any, sharpness: ArrayLike, **labels: Any) -> SmoothPower:
        """Make the law from the scales themselves."""
        logarithms = np.log(np.asarray(scales, dtype=float))
        return cls(np.asarray(slopes, dtype=float), logarithms, sharpness, **labels)

    @classmethod
    def through(cls, slopes: Any, bends: Any, sharpness: ArrayLike, **labels: Any) -> SmoothPower:
        """Make the law whose powers meet at given redshifts.

        Parameters
        ----------
        slopes : array, shape (n,)
        bends : sequence of n - 1 redshifts
            Where power i meets power i + 1; the first scale is 1. Integrals are split there.
        sharpness : float
        """
        exponents = np.asarray(slopes, dtype=float)
        log_scales = [0.0]
        for k, z in enumerate(bends):
            low, high = exponents[k], exponents[k + 1]
            log_scales.append(math.log1p(z) * (1.0 - low / high) + log_scales[-1] * low / high)
        redshifts = tuple(float(z) for z in bends)
        return cls(exponents, np.asarray(log_scales), sharpness, bends=redshifts, **labels)

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Evaluate by a sum of exponentials, the largest of which is 1."""
        return bounded_exp(self._log_sum(log_1pz) - self._log_sum(jnp.zeros(())))

    def _log_sum(self, log_1pz: jax.Array) -> jax.Array:
        slopes, log_scales = jnp.asarray(self.slopes), jnp.asarray(self.log_scales)
        powers = [
            self.sharpness * slopes[i] * (log_1pz - log_scales[i]) for i in range(slopes.shape[0])
        ]
        largest = jax.lax.stop_gradient(reduce(jnp.maximum, powers))
        total = sum(jnp.exp(power - largest) for power in powers)
        return (largest + jnp.log(total)) / self.sharpness


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class RiseAndFall(LogEvolution):
    """W = (1+z)^rise / {1 + [(1+z)/turnover]^fall}, divided by its value at z = 0."""

    rise: Leaf
    fall: Leaf
    turnover: Leaf

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Evaluate with two exponentials."""
        log_turnover = jnp.log(self.turnover)
        here = 1.0 + bounded_exp(self.fall * (log_1pz - log_turnover))
        today = 1.0 + bounded_exp(-self.fall * log_turnover)
        return bounded_exp(self.rise * log_1pz) * (today / here)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class ColeForm(LogEvolution):
    """W = (1 + slope z/today) / [1 + (z/turnover)^fall], the form of Cole et al. 2001."""

    today: Leaf
    slope: Leaf
    turnover: Leaf
    fall: Leaf

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Evaluate; the power of z is zero at z = 0, with finite derivatives."""
        positive = z > 0.0
        log_ratio = jnp.log(jnp.where(positive, z, 1.0) / self.turnover)
        falling = jnp.where(positive, bounded_exp(self.fall * log_ratio), 0.0)
        return (1.0 + self.slope / self.today * z) / (1.0 + falling)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class PiecewisePower(LogEvolution):
    """Powers of 1 + z, one after the other, with or without a jump where they meet.

    ln W = slope_0 ln(1+z) + sum over the bends z_k < z of
    (slope_{k+1} - slope_k) ln[(1+z)/(1+z_k)] + log_jump_k.

    Parameters
    ----------
    slopes : array, shape (n,)
    log_jumps : array, shape (n - 1,)
        ln of the value above over the value below each bend; 0 where W is continuous.
    bends : tuple of n - 1 redshifts
    """

    slopes: Leaf
    log_jumps: Leaf

    @classmethod
    def continuous(cls, slopes: Any, bends: Any, **labels: Any) -> PiecewisePower:
        """Make the law without jumps."""
        redshifts = tuple(float(z) for z in bends)
        jumps = np.zeros(len(redshifts))
        return cls(np.asarray(slopes, dtype=float), jumps, bends=redshifts, **labels)

    @classmethod
    def literal(cls, slopes: Any, bends: Any, **labels: Any) -> PiecewisePower:
        """Make the law in which every power has the same constant, with the jumps this brings."""
        exponents = np.asarray(slopes, dtype=float)
        redshifts = tuple(float(z) for z in bends)
        jumps = np.diff(exponents) * np.log1p(redshifts)
        return cls(exponents, jumps, bends=redshifts, steps=redshifts, **labels)

    @classmethod
    def decimal(
        cls, slopes: Any, intercepts: Any, log10_bends: Any, **labels: Any
    ) -> PiecewisePower:
        """Make the law log10 W = slope_k x + intercept_k of x = log10(1+z), jumps as they come."""
        exponents = np.asarray(slopes, dtype=float)
        x = np.asarray(log10_bends, dtype=float)
        jumps = _LN_10 * (np.diff(exponents) * x + np.diff(np.asarray(intercepts, dtype=float)))
        return cls(exponents, jumps, bends=tuple((10.0**x - 1.0).tolist()), **labels)

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Evaluate with one exponential."""
        slopes, jumps = jnp.asarray(self.slopes), jnp.asarray(self.log_jumps)
        log_w = slopes[0] * log_1pz
        for k, bend in enumerate(self.bends):
            beyond = log_1pz - math.log1p(bend)
            change = (slopes[k + 1] - slopes[k]) * beyond + jumps[k]
            log_w = log_w + jnp.where(beyond >= 0.0, change, 0.0)
        return bounded_exp(log_w)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class RisePlateauDecline(LogEvolution):
    """W = (1+z)^index to the first bend, constant to the second, falling as exp(-decline z) after.

    Parameters
    ----------
    index : float
    decline : float
        Per unit of redshift.
    bends : tuple of two redshifts
    """

    index: Leaf
    decline: Leaf

    @classmethod
    def by_decades(cls, index: ArrayLike, decades: float, **labels: Any) -> RisePlateauDecline:
        """Make the law that declines by a number of decades per unit of redshift."""
        return cls(index, decades * _LN_10, **labels)

    @classmethod
    def by_scale(cls, index: ArrayLike, scale: float, **labels: Any) -> RisePlateauDecline:
        """Make the law that declines by a factor of e over a scale in redshift."""
        return cls(index, 1.0 / scale, **labels)

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Evaluate with one exponential."""
        first, second = self.bends
        rise = self.index * jnp.where(z < first, log_1pz, math.log1p(first))
        return bounded_exp(rise - self.decline * jnp.where(z > second, z - second, 0.0))


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class LogPolynomial(LogEvolution):
    """log10 W = c_1 z + c_2 z^2 + ...; it underflows to zero where it falls below 1e-308."""

    coefficients: Leaf

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Evaluate by Horner's rule."""
        coefficients = jnp.asarray(self.coefficients)
        total = jnp.zeros_like(z)
        for k in reversed(range(coefficients.shape[0])):
            total = (total + coefficients[k]) * z
        return bounded_exp(_LN_10 * total)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class LuminosityPower(LogEvolution):
    """W = (1+z)^(index + index_per_decade log10(L/1e46 erg/s)) exp(z/scale).

    Parameters
    ----------
    luminosity : float, erg/s
    index, index_per_decade, scale : float
    """

    luminosity: Leaf
    index: Leaf
    index_per_decade: Leaf
    scale: Leaf

    chosen: ClassVar[tuple[str, ...]] = ("luminosity",)

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Evaluate with one exponential."""
        decades = jnp.log10(self.luminosity) - 46.0
        index = self.index + self.index_per_decade * decades
        return bounded_exp(index * log_1pz + z / self.scale)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class LuminosityPeak(LogEvolution):
    """Density evolution whose peak moves with luminosity.

    W = e(z)/e(0), e = { [(1+z)/(1+z_c)]^-p1 + [(1+z)/(1+z_c)]^-p2 }^-1,
    z_c = z_peak (L/1e48 erg/s)^peak_exponent, p1 = rise + rise_per_decade log10(L/1e46 erg/s),
    p2 = fall.

    Parameters
    ----------
    luminosity : float, erg/s
    z_peak, peak_exponent, rise, rise_per_decade, fall : float
    """

    luminosity: Leaf
    z_peak: Leaf
    peak_exponent: Leaf
    rise: Leaf
    rise_per_decade: Leaf
    fall: Leaf

    chosen: ClassVar[tuple[str, ...]] = ("luminosity",)

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """Evaluate with two exponentials."""
        decades = jnp.log10(self.luminosity) - 46.0
        rise = self.rise + self.rise_per_decade * decades
        peak = jnp.log1p(self.z_peak * jnp.exp(self.peak_exponent * _LN_10 * (decades - 2.0)))

        def inverse(log_x: jax.Array) -> jax.Array:
            return bounded_exp(-rise * log_x) + bounded_exp(-self.fall * log_x)

        return inverse(-peak) / inverse(log_1pz - peak)


def flat(z_cut: Any = math.inf, **labels: Any) -> Flat:
    """No evolution up to a redshift."""
    return Flat(z_limit=_limit(z_cut), **labels)


def power(index: Any, z_cut: Any = math.inf, **labels: Any) -> Power:
    """Power of 1 + z up to a redshift."""
    return Power(_number(index, "index"), z_limit=_limit(z_cut), **labels)


def power_exponential(
    index: Any, scale: Any, z_cut: Any = math.inf, **labels: Any
) -> PowerExponential:
    """Power of 1 + z times an exponential of z, up to a redshift."""
    allowed = "must be at least 1e-3 in size"
    scale = required_number(scale, "dimensionless", "scale", allowed, lambda x: np.abs(x) >= 1e-3)
    return PowerExponential(_number(index, "index"), scale, z_limit=_limit(z_cut), **labels)


def luminosity_power(luminosity: Any, **fixed: Any) -> LuminosityPower:
    """Power of 1 + z whose exponent depends on luminosity."""
    return LuminosityPower(_luminosity(luminosity), **fixed)


def luminosity_peak(luminosity: Any, **fixed: Any) -> LuminosityPeak:
    """Density evolution whose peak depends on luminosity."""
    return LuminosityPeak(_luminosity(luminosity), **fixed)


def _number(value: Any, name: str) -> Any:
    return required_number(
        value, "dimensionless", name, "must lie in [-100, 100]", lambda x: np.abs(x) <= 100.0
    )


def _luminosity(value: Any) -> Any:
    value = erg_per_second(value, "luminosity")
    require("luminosity", value, "must be > 0 erg/s", lambda x: x > 0.0)
    return value


def _limit(value: Any) -> float:
    limit = float(number_in_code_units(value, "dimensionless", "z_cut"))
    if not limit > 0.0:
        raise ParameterError(f"z_cut = {limit}: must be > 0")
    return limit
