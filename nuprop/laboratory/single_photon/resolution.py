"""How well a calorimeter measures the energy of a photon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.errors import ParameterError
from nuprop.laboratory.single_photon.quadrature import interval_rule, unit_rule
from nuprop.pytree import as_pytree, assign, leaf_text
from nuprop.units import is_traced, required_number

#: A measured energy is compared with true ones up to this many sigma away; the rest is 2e-12.
_REACH = 7.0
#: Iterations that find the true energy from which a measured one is so many sigma away.
_ITERATIONS = 4
_RULE = unit_rule(32)


@as_pytree
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Resolution:
    """Gaussian resolution sigma_E/E = sqrt[(noise/E)^2 + (stochastic/E^(1/4))^2 + constant^2].

    Parameters
    ----------
    constant : float
        Part that does not depend on the energy, such as 0.015.
    stochastic : float
        At 1 GeV; it falls as E^(-1/4).
    noise : Quantity, str or float, GeV
        Standard deviation of the energy that the noise adds.

    Raises
    ------
    UnitError, ParameterError
        If a part is negative, or 1 and more; or if all are zero.

    Examples
    --------
    >>> print(f"{belle_calorimeter()(5.0):.6f}")
    0.014454
    """

    constant: Any
    stochastic: Any
    noise: Any

    def __init__(self, constant: Any = 0.0, stochastic: Any = 0.0, noise: Any = 0.0) -> None:
        def share(value: Any, name: str, kind: str = "dimensionless") -> Any:
            return required_number(
                value, kind, name, "between 0 and 1", lambda x: (x >= 0.0) & (x < 1.0)
            )

        parts = {
            "constant": share(constant, "constant"),
            "stochastic": share(stochastic, "stochastic"),
            "noise": share(noise, "noise", "energy"),
        }
        if not any(map(is_traced, parts.values())) and not any(parts.values()):
            raise ParameterError("Resolution(): a part must be positive; 'constant = 0.015' is one")
        assign(self, **parts)

    def __call__(self, energy: ArrayLike) -> jax.Array:
        """Relative resolution sigma_E/E of photons of this energy [GeV] > 0."""
        energy = jnp.asarray(energy)
        return jnp.sqrt(
            (self.noise / energy) ** 2 + self.stochastic**2 / jnp.sqrt(energy) + self.constant**2
        )

    def __repr__(self) -> str:
        parts = (
            f"constant {leaf_text(self.constant)}",
            f"stochastic {leaf_text(self.stochastic)}",
            f"noise {leaf_text(self.noise, 1e3, 'MeV')}",
        )
        return f"Resolution({', '.join(parts)})"


def belle_calorimeter() -> Resolution:
    """Resolution of CsI crystals: (0.066/E + 0.81/E^(1/4) + 1.34) %, in quadrature, E in GeV.

    Values as used by nuprop.
    """
    return Resolution(constant=0.0134, stochastic=0.0081, noise=0.00066)


def gaussian(measured: ArrayLike, energy: ArrayLike, relative: ArrayLike) -> jax.Array:
    """Probability density [1/GeV] to measure an energy, given the true one."""
    measured, energy = jnp.asarray(measured), jnp.asarray(energy)
    sigma = relative * energy
    return jnp.exp(-0.5 * ((measured - energy) / sigma) ** 2) / (jnp.sqrt(2.0 * jnp.pi) * sigma)


def smear(
    spectrum: Callable[[jax.Array], jax.Array],
    measured: jax.Array,
    low: ArrayLike,
    high: ArrayLike,
    resolution: Resolution,
) -> jax.Array:
    """Fold a spectrum with a resolution, near each measured energy.

    Parameters
    ----------
    spectrum : function of an array of true energies [GeV], shape (..., n); smooth inside.
    measured : Array, GeV
    low, high : GeV
        Ends of the spectrum.
    resolution : Resolution

    Returns
    -------
    Array, in the unit and shape of the spectrum at `measured`.
    """

    def true_energy(sigmas: float) -> jax.Array:
        guess = measured
        for _ in range(_ITERATIONS):
            guess = measured / jnp.maximum(1.0 + sigmas * resolution(guess), 0.1)
        return guess

    nodes, weights = interval_rule(
        jnp.clip(true_energy(_REACH), low, high), jnp.clip(true_energy(-_REACH), low, high), _RULE
    )
    kernel = gaussian(measured[..., None], nodes, resolution(nodes))
    return jnp.sum(weights * spectrum(nodes) * kernel, axis=-1)
