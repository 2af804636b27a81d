"""At which energies a relic neutrino is hit resonantly."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.mediators.line import Mediator
from nuprop.neutrinos import Neutrinos
from nuprop.units import in_code_units, quantity, require


def resonance_energy(mass: ArrayLike, target_mass: ArrayLike, z: ArrayLike = 0.0) -> jax.Array:
    """Energy at Earth of a neutrino that met its resonance M^2 = 2 E m at redshift z.

    Parameters
    ----------
    mass, target_mass : arrays that broadcast, GeV
        Mediator, and relic neutrino at rest.
    z : array
        Redshift of the interaction.

    Returns
    -------
    Array, GeV
        M^2 / (2 m (1 + z)); infinite for a massless target.
    """
    target_mass = jnp.asarray(target_mass)
    massive = target_mass > 0.0
    energy = jnp.asarray(mass) ** 2 / (2.0 * jnp.where(massive, target_mass, 1.0))
    return jnp.where(massive, energy, jnp.inf) / (1.0 + jnp.asarray(z))


def resonance_energies(mediator: Mediator, neutrinos: Neutrinos, z: Any = 0.0) -> Any:
    """Energies at Earth at which each relic mass eigenstate, at rest, absorbs resonantly.

    Parameters
    ----------
    mediator : ZPrime or Scalar
    neutrinos : Neutrinos
    z : float or array, shape (...)
        Redshift of the interaction: E = M^2 / (2 m_i (1 + z)).

    Returns
    -------
    Quantity, shape (..., 3), GeV
        One energy for each mass eigenstate; infinite for a massless one.

    Raises
    ------
    ParameterError
        If z is negative.

    References
    ----------
    Araki et al. 2016, arXiv:1508.07471.

    Examples
    --------
    >>> neutrinos = Neutrinos(lightest_mass="0.08 eV")
    >>> from nuprop.mediators import ZPrime
    >>> zprime = ZPrime.lmu_ltau(mass="11 MeV", coupling=5e-4)
    >>> print(resonance_energies(zprime, neutrinos).to("TeV").round(2))
    [756.25 751.86 640.83] TeV
    """
    redshift = in_code_units(z, "dimensionless", "z")
    require("z", redshift, "a redshift >= 0", lambda x: x >= 0.0)
    redshift = np.asarray(redshift)[..., None]
    return quantity(resonance_energy(mediator.mass, neutrinos.masses, redshift), "energy")
