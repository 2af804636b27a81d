"""Flux of the equivalent photons that an atom offers to a beam of electrons."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import ELECTRON_MASS, PROTON_MASS, PROTON_MOMENT
from nuprop.laboratory.beam_dump.material import Material

#: Gauss-Legendre nodes in ln t: the poles of the form factor lie at a distance pi from the path.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_DIPOLE = 0.71  # GeV^2


def form_factor(t: ArrayLike, material: Material) -> jax.Array:
    """General electric form factor G_2(t) of an atom, elastic and inelastic.

    Elastic: Z^2 [a^2 t/(1 + a^2 t)]^2 / (1 + t/d)^2 with a = 111 Z^(-1/3)/m_e and
    d = 0.164 A^(-2/3) GeV^2. Inelastic: Z [a'^2 t/(1 + a'^2 t)]^2
    [1 + t (mu_p^2 - 1)/(4 m_p^2)]^2 / (1 + t/0.71 GeV^2)^8 with a' = 773 Z^(-2/3)/m_e.

    Parameters
    ----------
    t : array, GeV^2
        Minus the squared momentum transfer, >= 0.
    material : Material

    Returns
    -------
    Array, of the shape of `t`

    References
    ----------
    Bjorken et al. 2009, arXiv:0906.0580, appendix A.
    """
    t = jnp.asarray(t)
    charge = material.charge
    elastic = _screening(t, 111.0 * charge ** (-1.0 / 3.0) / ELECTRON_MASS)
    elastic = charge**2 * (elastic / (1.0 + t / (0.164 * material.weight ** (-2.0 / 3.0)))) ** 2
    inelastic = _screening(t, 773.0 * charge ** (-2.0 / 3.0) / ELECTRON_MASS)
    magnetic = 1.0 + t * (PROTON_MOMENT**2 - 1.0) / (4.0 * PROTON_MASS**2)
    return elastic + charge * (inelastic * magnetic / (1.0 + t / _DIPOLE) ** 4) ** 2


def _screening(t: jax.Array, radius: float) -> jax.Array:
    scaled = radius**2 * t
    return scaled / (1.0 + scaled)


def photon_flux(energy: ArrayLike, mass: ArrayLike, material: Material) -> jax.Array:
    """Effective photon flux chi = int dt (t - t_min)/t^2 G_2(t), t_min = (m^2/2E)^2 < t < m^2.

    Parameters
    ----------
    energy : array, GeV
        Of the electron; zero is returned up to m/2, where the range of t is empty.
    mass : float or array that broadcasts, GeV
        Of the boson.
    material : Material

    Returns
    -------
    Array, dimensionless

    References
    ----------
    Bjorken et al. 2009, arXiv:0906.0580, appendix A.
    """
    energy, mass = jnp.asarray(energy), jnp.asarray(mass)
    is_open = 2.0 * energy > mass
    ratio = jnp.where(is_open, 2.0 * energy / mass, 2.0)
    span = jnp.log(ratio)[..., None]
    above = span * (1.0 + _NODES)
    lowest = ((mass / ratio) ** 2)[..., None]
    # dt (t - t_min)/t^2 = d(ln t) (1 - t_min/t)
    integrand = -jnp.expm1(-above) * form_factor(lowest * jnp.exp(above), material)
    return jnp.where(is_open, jnp.sum(_WEIGHTS * span * integrand, axis=-1), 0.0)
