"""Emission of the boson by an electron that is deflected by an atom."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.constants import ALPHA_EM, ELECTRON_MASS, GEV_TO_MINUS_2
from nuprop.laboratory.beam_dump.atom import photon_flux
from nuprop.laboratory.beam_dump.material import Material


def differential_cross_section(
    x: ArrayLike,
    energy: ArrayLike,
    mass: ArrayLike,
    material: Material,
    complement: ArrayLike | None = None,
) -> jax.Array:
    r"""Compute d sigma/dx of e A -> e A Z' for \|g_e/e\| = 1 with equivalent photons.

    4 alpha^3 chi sqrt(1 - m^2/E^2) (1 - x + x^2/3) / [m^2 (1 - x)/x + m_e^2 x], integrated over
    all angles.

    Parameters
    ----------
    x : array
        Energy of the boson over that of the electron, 0 < x <= 1.
    energy : array, GeV
        Of the electron. Below the mass nothing is produced.
    mass : float, GeV
    material : Material
    complement : array, optional
        1 - x, where it is known better than from `x`.

    Returns
    -------
    Array, cm^2

    References
    ----------
    Bjorken et al. 2009, arXiv:0906.0580, appendix A.
    """
    x, energy, mass = jnp.asarray(x), jnp.asarray(energy), jnp.asarray(mass)
    rest = 1.0 - x if complement is None else jnp.asarray(complement)
    is_open = energy > mass
    ratio = jnp.where(is_open, mass / energy, 0.5)
    velocity = jnp.where(is_open, jnp.sqrt((1.0 - ratio) * (1.0 + ratio)), 0.0)
    propagator = x / (mass**2 * rest + (ELECTRON_MASS * x) ** 2)
    factor = 4.0 * ALPHA_EM**3 * GEV_TO_MINUS_2
    flux = photon_flux(energy, mass, material)
    return factor * flux * velocity * (rest + x**2 / 3.0) * propagator
