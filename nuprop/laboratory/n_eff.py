"""What a boson in equilibrium with neutrinos adds to the effective number of neutrinos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.laboratory.constraint import Constraint
from nuprop.mediators import ZPrime
from nuprop.units import in_code_units, require, required_number

# Trapezoidal rule in ln p. The integrand is analytic within pi/4 or more of the real axis for every
# mass: the error is exp(-pi^2/(2h)) at most.
_STEP = 0.125
_MOMENTA = np.exp(np.arange(-11.0, 4.0, _STEP))
_NORM = 30.0 / (7.0 * np.pi**4)
_LARGEST_RATIO = 700.0
_HALVINGS = 40


def entropy_ratio(y: ArrayLike) -> jax.Array:
    """Entropy of a bosonic degree of freedom over that of a massless fermionic one.

    F(y) = (30/7 pi^4) int_y^inf dx (4x^2 - y^2) sqrt(x^2 - y^2)/(e^x - 1): 8/7 at y = 0, and
    exponentially small for y >> 1.

    Parameters
    ----------
    y : array
        M/T >= 0.

    Returns
    -------
    Array of the shape of `y`, to 1e-12 of itself.

    References
    ----------
    Kamada & Yu 2015, arXiv:1504.00711.
    """
    y = jnp.asarray(y, dtype=float)[..., None]
    scale = jnp.sqrt(1.0 + y)
    p = scale * _MOMENTA
    x = jnp.sqrt(p**2 + y**2)
    occupation = jnp.exp(-(p**2) / (x + y)) / -jnp.expm1(-x)
    integrand = (4.0 * p**2 + 3.0 * y**2) * p**3 / x * occupation
    return _NORM * _STEP * jnp.exp(-y[..., 0]) * jnp.sum(integrand, axis=-1)


def delta_n_eff(
    mass: Any,
    decoupling_temperature: Any = "1.5 MeV",
    degrees_of_freedom: Any = 3.0,
    neutrinos: Any = 3.0,
) -> jax.Array:
    """Excess of the effective number of neutrinos, by conservation of entropy.

    A boson that stays in equilibrium with neutrinos while they decouple from electrons at T_D heats
    them when it decays: Delta N_eff = N [1 + (g/2N) F(M/T_D)]^(4/3) - N.

    Parameters
    ----------
    mass : Quantity, str, float or array, GeV
    decoupling_temperature : Quantity, str or float, GeV
        T_D; the muon and tau neutrinos' is higher, some 2.3 MeV.
    degrees_of_freedom : float
        g of the boson.
    neutrinos : float
        N, the flavors in equilibrium with it.

    Returns
    -------
    Array of the shape of `mass`.

    Raises
    ------
    UnitError, ParameterError
        If one of them is not a positive number, or has the wrong unit.

    References
    ----------
    Kamada & Yu 2015, arXiv:1504.00711.

    Examples
    --------
    >>> print(f"{delta_n_eff('5.22 MeV'):.3f}")
    0.700
    """
    m = in_code_units(mass, "energy", "mass")
    require("mass", m, "positive energies", _is_positive)
    temperature, share, n = _checked(decoupling_temperature, degrees_of_freedom, neutrinos)
    heated = share * entropy_ratio(jnp.asarray(m) / temperature)
    return n * jnp.expm1(jnp.log1p(heated) * (4.0 / 3.0))


def lowest_mass(
    delta_n_eff: Any = 0.7,
    decoupling_temperature: Any = "1.5 MeV",
    degrees_of_freedom: Any = 3.0,
    neutrinos: Any = 3.0,
) -> jax.Array:
    """Find the mass at which the excess is `delta_n_eff`: a lighter boson gives more.

    Parameters
    ----------
    delta_n_eff : float
        Allowed excess; between 0 and that of a massless boson.
    decoupling_temperature, degrees_of_freedom, neutrinos : as in `delta_n_eff`

    Returns
    -------
    Array, GeV; differentiable in every argument.

    Raises
    ------
    UnitError, ParameterError
        As `delta_n_eff`, or if no mass gives this excess.

    Examples
    --------
    >>> print(f"{1e3 * lowest_mass(0.7):.2f} MeV")
    5.22 MeV
    """
    temperature, share, n = _checked(decoupling_temperature, degrees_of_freedom, neutrinos)
    massless = n * jnp.expm1(jnp.log1p(share * 8.0 / 7.0) * (4.0 / 3.0))
    excess = required_number(
        delta_n_eff, "dimensionless", "delta_n_eff", "a positive number", _is_positive
    )
    if not isinstance(massless, jax.core.Tracer):
        allowed = f"less than {float(massless):.4g}, which a massless boson gives"
        require("delta_n_eff", excess, allowed, lambda x: x < float(massless))
    target = jnp.log(jnp.expm1(jnp.log1p(excess / n) * 0.75) / share)

    def halve(_: Any, bounds: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = bounds
        middle = 0.5 * (low + high)
        is_light = jnp.log(entropy_ratio(middle)) > target
        return jnp.where(is_light, middle, low), jnp.where(is_light, high, middle)

    start = (jnp.zeros_like(target), jnp.full_like(target, _LARGEST_RATIO))
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, jax.lax.stop_gradient(start))
    y = jax.lax.stop_gradient(0.5 * (low + high))
    log_ratio, slope = jax.value_and_grad(lambda at: jnp.log(entropy_ratio(at)))(y)
    newton = y - (log_ratio - target) / jax.lax.stop_gradient(slope)
    return temperature * newton


@dataclass(frozen=True, kw_only=True)
class NEffLimit(Constraint):
    """Largest excess of the effective number of neutrinos.

    It depends on the mass alone: it holds for every boson that reaches equilibrium with neutrinos.
    Decays and inverse decays see to that for g' above some 4e-10 (M/10 MeV)^(1/2), where
    Gamma = H at T = M.

    Attributes
    ----------
    largest : float
        Allowed Delta N_eff.
    decoupling_temperature : Quantity, str or float, GeV
    degrees_of_freedom, neutrinos : float
        As in `delta_n_eff`.
    """

    largest: float = 0.7
    decoupling_temperature: Any = 1.5e-3
    degrees_of_freedom: float = 3.0
    neutrinos: float = 3.0

    def __post_init__(self) -> None:
        _checked(self.decoupling_temperature, self.degrees_of_freedom, self.neutrinos)
        required_number(self.largest, "dimensionless", "largest", "a positive number", _is_positive)

    def prepare(self, mass: ArrayLike) -> jax.Array:
        """Excess for a mass [GeV]."""
        return delta_n_eff(
            mass, self.decoupling_temperature, self.degrees_of_freedom, self.neutrinos
        )

    def strength(self, zprime: ZPrime, prepared: jax.Array | None = None) -> jax.Array:
        """Excess over the largest allowed."""
        excess = self.prepare(zprime.mass) if prepared is None else prepared
        return excess / self.largest


def _checked(temperature: Any, degrees_of_freedom: Any, neutrinos: Any) -> tuple[Any, Any, Any]:
    """Temperature in GeV, g/(2N) and N."""
    t_d = required_number(
        temperature, "energy", "decoupling_temperature", "a positive energy", _is_positive
    )
    positive = ("a positive number", _is_positive)
    g = required_number(degrees_of_freedom, "dimensionless", "degrees_of_freedom", *positive)
    n = required_number(neutrinos, "dimensionless", "neutrinos", *positive)
    return t_d, 0.5 * g / n, n


def _is_positive(value: Any) -> Any:
    return value > 0.0


#: Limits by name.
CONSTRAINTS: dict[str, NEffLimit] = {
    "n-eff": NEffLimit(
        name="n-eff",
        title=r"$\Delta N_\mathrm{eff} > 0.7$",
        references=("kamada2015",),
        level="Delta N_eff < 0.7 at T_D = 1.5 MeV",
        quality="approximate",
    )
}
