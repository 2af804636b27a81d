"""Energies of the bosons that a dump makes."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import AVOGADRO, ELECTRON_MASS
from nuprop.laboratory.beam_dump.bremsstrahlung import differential_cross_section
from nuprop.laboratory.beam_dump.material import Material
from nuprop.laboratory.beam_dump.straggling import track_length

_OUTER = np.polynomial.legendre.leggauss(48)
_INNER = np.polynomial.legendre.leggauss(16)


class Spectrum(NamedTuple):
    r"""Bosons by energy: nodes and weights of a sum over E'.

    Attributes
    ----------
    energy : Array, shape (n,), GeV
        E', falling from the energy of the beam.
    momentum : Array, shape (n,), GeV
    counts : Array, shape (n,)
        Bosons for \|g_e/e\| = 1 that a node stands for; their sum is the number made.
    """

    energy: jax.Array
    momentum: jax.Array
    counts: jax.Array


@jax.jit
def boson_spectrum(
    mass: ArrayLike,
    beam_energy: ArrayLike,
    electrons: ArrayLike,
    material: Material,
    thickness: ArrayLike,
    cut: ArrayLike,
) -> Spectrum:
    r"""Make the bosons of a thick target, for \|g_e/e\| = 1.

    With y = ln(E_0/E_e), U = ln(E_0/E') and x = exp(y - U)

        dN/dU = (N_e N_A X_0/A) int_0^U dy e^(-y) G(y) x d sigma/dx(x, E_0 e^(-y)).

    Parameters
    ----------
    mass : float, GeV
    beam_energy : float, GeV
    electrons : float
        On target.
    material : Material
    thickness : float, radiation lengths
    cut : float, GeV
        Least energy of the boson.

    Returns
    -------
    Spectrum
        Of zeros where no boson can be made above the cut.

    Notes
    -----
    Gauss-Legendre throughout. U is mapped by ln(1 + U m^2/m_e^2), as d sigma/dx peaks within
    (m_e/m)^2 of x = 1; the inner integral is cut at y = U/2: above it y - U is mapped in the same
    way, below it 1/ln(1/y), which takes the singularity of G at y = 0.

    References
    ----------
    Bjorken et al. 2009, arXiv:0906.0580; Andreas et al. 2012, arXiv:1209.6083.
    """
    lowest = jnp.maximum(mass, cut)
    is_open = lowest < beam_energy
    mass = jnp.where(is_open, mass, 0.5 * beam_energy)
    lowest = jnp.where(is_open, lowest, 0.5 * beam_energy)
    peak = (ELECTRON_MASS / mass) ** 2

    u, u_weights = _log_map(jnp.log(beam_energy / lowest), peak, _OUTER, smooth=True)
    half = 0.5 * u[:, None]
    near, near_weights = _log_map(half, peak, _INNER)
    y_near = u[:, None] - near

    nodes, weights = _unit(_INNER)
    log_half = jnp.log(half)
    scale = 1.0 + jnp.abs(log_half) + 1.0 / thickness
    log_far = log_half - scale * (1.0 / nodes - 1.0)
    y_far = jnp.exp(log_far)

    y = jnp.concatenate([y_near, y_far], axis=1)
    log_y = jnp.concatenate([jnp.log(y_near), log_far], axis=1)
    # the weight of d(ln y)
    dlog = jnp.concatenate([near_weights / y_near, weights * scale / nodes**2], axis=1)
    gap = jnp.concatenate([near, u[:, None] - y_far], axis=1)
    x = jnp.exp(-gap)
    sigma = differential_cross_section(
        x, beam_energy * jnp.exp(-y), mass, material, complement=-jnp.expm1(-gap)
    )
    made = jnp.sum(dlog * track_length(log_y, thickness) * jnp.exp(-y) * x * sigma, axis=1)
    luminosity = electrons * AVOGADRO * material.radiation_length / material.weight
    counts = jnp.where(is_open, luminosity * u_weights * made, 0.0)
    energy = jnp.asarray(beam_energy) * jnp.exp(-u)
    return Spectrum(energy, jnp.sqrt((energy - mass) * (energy + mass)), counts)


def _unit(rule: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Put a rule on (0, 1)."""
    return 0.5 * (1.0 + rule[0]), 0.5 * rule[1]


def _log_map(
    end: jax.Array, scale: jax.Array, rule: tuple[np.ndarray, np.ndarray], smooth: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Nodes and weights on (0, end), even in ln(1 + s/scale), or denser at both ends of it."""
    nodes, weights = _unit(rule)
    if smooth:
        weights = weights * 6.0 * nodes * (1.0 - nodes)
        nodes = nodes**2 * (3.0 - 2.0 * nodes)
    span = jnp.log1p(end / scale)
    stretched = span * jnp.asarray(nodes)
    return scale * jnp.expm1(stretched), span * scale * jnp.exp(stretched) * weights
