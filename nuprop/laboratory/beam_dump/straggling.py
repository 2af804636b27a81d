"""Energy that an electron keeps on its way through a dump."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

#: Exponent of the losses per radiation length.
SLOPE = 4.0 / 3.0
#: Nodes in the depth, and the depth at which their spacing turns from even to logarithmic.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(56)
_FINEST = 1e-4


def electron_spectrum(energy: ArrayLike, beam_energy: float, depth: ArrayLike) -> jax.Array:
    """Energy spectrum I_e = [ln(E_0/E)]^(4t/3 - 1) / [E_0 Gamma(4t/3)] of one electron at depth t.

    Parameters
    ----------
    energy : array, GeV
        E < E_0.
    beam_energy : float, GeV
        E_0.
    depth : array, radiation lengths
        t > 0.

    Returns
    -------
    Array, 1/GeV, with the integral one over 0 < E < E_0.

    References
    ----------
    Bjorken et al. 2009, arXiv:0906.0580, appendix A.
    """
    power = SLOPE * jnp.asarray(depth)
    loss = jnp.log(beam_energy / jnp.asarray(energy))
    log_density = (power - 1.0) * jnp.log(loss) - jax.scipy.special.gammaln(power)
    return jnp.exp(log_density) / beam_energy


def track_length(log_loss: ArrayLike, thickness: ArrayLike) -> jax.Array:
    """Track length y G(y) per unit of ln y in a dump of some thickness, y = ln(E_0/E).

    G(y) = int_0^T dt y^(bt - 1)/Gamma(bt) with b = 4/3; exp(-y) G(y) dy is what the electrons run
    with energies in dE. For y -> 0 it goes as 1/(b ln^2 y).

    Parameters
    ----------
    log_loss : array
        ln y.
    thickness : float, radiation lengths
        T.

    Returns
    -------
    Array, radiation lengths

    Notes
    -----
    Gauss-Legendre in ln(1 + u/u_0), u = bt, whose nodes serve all y: good to 1e-6 for
    y > e^-1000.
    """
    largest = SLOPE * jnp.asarray(thickness)
    finest = _FINEST * jnp.minimum(1.0, largest)
    span = 0.5 * jnp.log1p(largest / finest)
    stretched = jnp.exp(span * (1.0 + _NODES))
    powers = finest * (stretched - 1.0)
    density = jnp.exp(-jax.scipy.special.gammaln(powers)) / SLOPE
    weights = _WEIGHTS * span * finest * stretched * density
    return jnp.sum(weights * jnp.exp(jnp.asarray(log_loss)[..., None] * powers), axis=-1)
