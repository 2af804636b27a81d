"""Tridents on a real photon: gamma nu -> nu l- l+."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.constants import ALPHA_EM, FERMI_CONSTANT, GEV_TO_MINUS_2, MUON_MASS
from nuprop.laboratory.trident.phase_space import gauss_legendre
from nuprop.laboratory.trident.traces import angular_means
from nuprop.laboratory.trident.transfers import Components

_POINTS = 48


@jax.jit
def photon_components(
    s_hat: ArrayLike, mass: ArrayLike, lepton_mass: ArrayLike = MUON_MASS
) -> Components:
    """Integrals of the cross section on a photon, sigma = g_V^2 V0 + g_A^2 A0 + ...

    Parameters
    ----------
    s_hat : array, GeV^2
        Squared energy of neutrino and photon at rest. Zero below 4 m^2.
    mass : array that broadcasts, GeV
        Of the boson; V0 and A0 do not depend on it.
    lepton_mass : array that broadcasts, GeV

    Returns
    -------
    Components
        Of the common shape; good to 1e-6 below s_hat = 1e6 m^2.

    Notes
    -----
    sigma = (1/2 s_hat) (G_F^2/2) e^2 (1/2) int (-g_mn L^mn) d Phi_3, at a photon of Q^2 = 0. See
    `photon_asymptote`.
    """
    s_hat, mass, lepton_mass = jnp.broadcast_arrays(
        *(jnp.asarray(x, dtype=jnp.float64) for x in (s_hat, mass, lepton_mass))
    )
    pair = 4.0 * lepton_mass**2
    is_open = s_hat > pair
    s_hat = jnp.where(is_open, s_hat, 2.0 * pair)

    v, weights = gauss_legendre(_POINTS)
    length = jnp.log(s_hat / pair)[..., None]
    w2 = pair[..., None] * jnp.exp(length * v**2 * (3.0 - 2.0 * v))
    in_w2 = w2 * length * 6.0 * v * (1.0 - v) * weights

    m2 = jnp.square(mass)
    start = (m2 * pair / (m2 + pair))[..., None, None]
    reach = jnp.log1p((s_hat[..., None] - w2)[..., None] / start)
    tau = start * jnp.expm1(reach * v)
    in_tau = (tau + start) * reach * weights

    shape = tau.shape
    means = angular_means(
        jnp.broadcast_to(0.25 * pair[..., None, None], shape),
        jnp.zeros(shape),
        jnp.broadcast_to(s_hat[..., None, None], shape),
        jnp.broadcast_to(w2[..., None], shape),
        tau,
    )
    velocity = jnp.sqrt(1.0 - pair[..., None] / w2)
    # (1/2 s_hat) (G_F^2/2) e^2 (1/2) / (128 pi^3 s_hat)
    factor = ALPHA_EM * FERMI_CONSTANT**2 * GEV_TO_MINUS_2 / (256.0 * jnp.pi**2 * s_hat**2)
    factor = jnp.where(is_open, factor, 0.0)

    def total(values: jax.Array) -> jax.Array:
        inner = jnp.sum(values * in_tau, axis=-1)
        return factor * jnp.sum(inner * in_w2 * velocity, axis=-1)

    propagator = 1.0 / (m2[..., None, None] + tau)
    vector = means.metric_vector
    return Components(
        total(vector),
        total(means.metric_axial),
        total(vector * propagator),
        total(vector * propagator**2),
    )


def photon_asymptote(s_hat: ArrayLike, lepton_mass: ArrayLike = MUON_MASS) -> jax.Array:
    """Cross section on a photon for s_hat far above 4 m^2, per unit of g_V^2 + g_A^2 [cm^2].

    (alpha G_F^2 s_hat / 9 pi^2) [ln(s_hat/m^2) - 8/3]

    Parameters
    ----------
    s_hat : array, GeV^2
    lepton_mass : array that broadcasts, GeV

    Notes
    -----
    For m -> 0 the mean of the traces over angles is 64 tau P(tau, W^2, ln(W^2/m^2))/(tau + W^2)^4
    with a polynomial P, the same for both currents, whose integrals over tau and W^2 are 256/9 and
    -2048/27: the constant is -8/3, not the -19/6 that is also in use. `photon_components` tends to
    it (see the tests).
    """
    s_hat, lepton_mass = jnp.asarray(s_hat), jnp.asarray(lepton_mass)
    factor = ALPHA_EM * FERMI_CONSTANT**2 * GEV_TO_MINUS_2 / (9.0 * jnp.pi**2)
    return factor * s_hat * (jnp.log(s_hat / lepton_mass**2) - 8.0 / 3.0)
