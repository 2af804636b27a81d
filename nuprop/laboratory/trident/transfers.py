"""From d sigma/d tau to the integrals over the propagator of a boson of any mass."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.laboratory.trident.phase_space import Densities, gauss_legendre

#: Points in tau for a boson; with them V1 and V2 are good to 1e-7 from 1 eV to 1 TeV.
_POINTS = 64


class Spectrum(NamedTuple):
    """Distribution of tridents in tau, ready for any boson; axes in front are for many of them.

    Attributes
    ----------
    vector, axial : shape (...,), cm^2
        Integrals V0 and A0 per unit of g_V^2 and g_A^2.
    series : shape (..., n), cm^2/GeV^4
        Legendre coefficients, in y of `Densities`, of the vector part over tau, which vanishes
        with tau as the current is conserved.
    largest_tau : shape (...,), GeV^2
    scale : shape (...,), GeV^2
        Squared mass of the lepton.
    """

    vector: jax.Array
    axial: jax.Array
    series: jax.Array
    largest_tau: jax.Array
    scale: jax.Array


class Components(NamedTuple):
    """The integrals of sigma = g_V^2 V0 + g_A^2 A0 + 2 g_V kappa V1 + kappa^2 V2.

    Attributes
    ----------
    vector, axial : V0, A0; cm^2
    interference : V1, with 1/(M^2 - t); cm^2/GeV^2
    boson : V2, with 1/(M^2 - t)^2; cm^2/GeV^4
    """

    vector: jax.Array
    axial: jax.Array
    interference: jax.Array
    boson: jax.Array


class Transfers(NamedTuple):
    """Points in tau with their weights, for one mass of the boson.

    Attributes
    ----------
    tau : shape (n_terms, ..., n), GeV^2
    propagator : shape (n_terms, ..., n), GeV^-2
        1/(M^2 + tau).
    cross_section : shape (n_terms, ..., n), cm^2
        Vector part at the points; its sum is V0.
    vector, axial : shape (...,), cm^2
        V0 and A0.
    """

    tau: jax.Array
    propagator: jax.Array
    cross_section: jax.Array
    vector: jax.Array
    axial: jax.Array

    def components(self) -> Components:
        """Sum up to V0, A0, V1 and V2."""
        first = self.cross_section * self.propagator
        return Components(
            self.vector,
            self.axial,
            jnp.sum(first, axis=(0, -1)),
            jnp.sum(first * self.propagator, axis=(0, -1)),
        )


def spectrum(found: Densities, lepton_mass: ArrayLike) -> Spectrum:
    """Expand a distribution in Legendre polynomials."""
    vector, axial = jnp.moveaxis(found.values, -1, 0)
    n = vector.shape[-1]
    nodes, weights = gauss_legendre(n)
    polynomials = np.polynomial.legendre.legvander(2.0 * nodes - 1.0, n - 1)
    transform = weights[:, None] * polynomials * (2.0 * np.arange(n) + 1.0)
    return Spectrum(
        jnp.sum(found.weights * vector, axis=-1),
        jnp.sum(found.weights * axial, axis=-1),
        (vector / found.tau) @ transform,
        found.largest_tau,
        jnp.broadcast_to(jnp.square(jnp.asarray(lepton_mass)), found.largest_tau.shape),
    )


@jax.jit
def transfers(spectra: Spectrum, mass: ArrayLike) -> Transfers:
    """Lay points in tau for a boson of mass M: dense at tau = M^2 and at the squared lepton mass.

    Parameters
    ----------
    spectra : Spectrum, with axes (n_terms, ...)
        The first one is summed over.
    mass : float, GeV
    """
    z, weights = gauss_legendre(_POINTS)
    m2 = jnp.square(jnp.asarray(mass))
    start = (m2 * spectra.scale / (m2 + spectra.scale))[..., None]
    largest = spectra.largest_tau[..., None]
    length = jnp.log1p(largest / start)
    tau = start * jnp.expm1(length * z)
    y = jnp.log1p(tau / spectra.scale[..., None]) / jnp.log1p(largest / spectra.scale[..., None])
    density = tau * _legendre_sum(spectra.series, 2.0 * y - 1.0)
    return Transfers(
        tau,
        1.0 / (m2 + tau),
        density * weights * length * (tau + start),
        jnp.sum(spectra.vector, axis=0),
        jnp.sum(spectra.axial, axis=0),
    )


def _legendre_sum(series: jax.Array, x: jax.Array) -> jax.Array:
    """Sum c_l P_l(x), for `series` of shape (..., n) and `x` of shape (..., points)."""
    n = series.shape[-1]
    before, now = jnp.ones_like(x), x
    total = series[..., :1] * before + series[..., 1:2] * now
    for degree in range(2, n):
        before, now = now, ((2 * degree - 1) * x * now - (degree - 1) * before) / degree
        total = total + series[..., degree : degree + 1] * now
    return total
