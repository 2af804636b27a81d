"""The cross section of neutrino + target -> neutrino + pair + target, by fixed quadrature.

tau = -(k - k')^2 is the outermost variable: what comes out, d sigma/d tau, does not know the boson
that is exchanged, and serves every mass and coupling.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.constants import ALPHA_EM, FERMI_CONSTANT, GEV_TO_MINUS_2
from nuprop.laboratory.trident import regions
from nuprop.laboratory.trident.form_factors import (
    FormFactor,
    blocked_below,
    nucleon_form_factors,
    pauli_blocking,
)
from nuprop.laboratory.trident.regions import Setting
from nuprop.laboratory.trident.traces import angular_means

Mode = Literal["exact", "epa", "epa-improved"]

_EDGE = 1e-14  # keeps W^2 off 4 m^2 where a range has closed by rounding


class Nodes(NamedTuple):
    """Points in each variable; the defaults are good to 1e-6 for muons, from threshold to 1 TeV."""

    tau: int = 24
    q2: int = 40
    s_hat: int = 12
    w2: int = 12


NODES = Nodes()


class Charge(NamedTuple):
    """What the photon sees: a nucleus of Z and A, or a nucleon in a Fermi sea."""

    protons: jax.Array
    mass_number: jax.Array
    fermi_momentum: jax.Array


@cache
def gauss_legendre(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def _logarithmic(low: jax.Array, high: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    """Nodes and weights between two limits, dense at both; a new last axis of length `n`.

    Gauss-Legendre in v for ln x = ln low + ln(high/low) v^2 (3 - 2v), which takes out the square
    roots with which phase space closes.
    """
    v, weights = gauss_legendre(n)
    length = jnp.log(jnp.maximum(high / low, 1.0))[..., None]
    x = low[..., None] * jnp.exp(length * v**2 * (3.0 - 2.0 * v))
    return x, x * length * 6.0 * v * (1.0 - v) * weights


def _in_q2(
    tau: jax.Array, setting: Setting, charge: Charge, nodes: Nodes, panels: int, is_exact: bool
) -> tuple[jax.Array, jax.Array]:
    """Nodes and weights in Q^2; two panels meet where Pauli blocking ends."""
    limits = regions.q2_limits if is_exact else regions.photon_q2_limits
    low, high = limits(tau, setting)
    if panels == 1:
        return _logarithmic(low, high, nodes.q2)
    kink = jnp.clip(blocked_below(setting.target_mass, charge.fermi_momentum), low, high)
    parts = [_logarithmic(low, kink, nodes.q2 // 2), _logarithmic(kink, high, nodes.q2 // 2)]
    x, weights = zip(*parts, strict=True)
    return jnp.concatenate(x), jnp.concatenate(weights)


def _density(
    tau: jax.Array,
    setting: Setting,
    charge: Charge,
    form: FormFactor | None,
    mode: Mode,
    nodes: Nodes,
) -> jax.Array:
    """Compute d sigma/d tau [GeV^-4] per unit of g_V^2 and of g_A^2; shape (2,)."""
    energy, mass, lepton, _ = setting
    is_exact = mode == "exact"
    q2, in_q2 = _in_q2(tau, setting, charge, nodes, 1 if form else 2, is_exact)
    photon = q2 if is_exact else jnp.zeros_like(q2)  # as the leptons see it
    s_hat, in_s_hat = _logarithmic(
        regions.least_s_hat(photon, tau, lepton), regions.largest_s_hat(q2, setting), nodes.s_hat
    )
    q2, photon = q2[:, None], photon[:, None]
    pair = 4.0 * lepton**2
    w2, in_w2 = _logarithmic(
        jnp.broadcast_to(pair, s_hat.shape), regions.largest_w2(s_hat, photon, tau), nodes.w2
    )
    w2 = jnp.maximum(w2, pair * (1.0 + _EDGE))
    shape = w2.shape
    means = angular_means(
        lepton**2,
        jnp.broadcast_to(photon[..., None], shape),
        jnp.broadcast_to(s_hat[..., None], shape),
        w2,
        tau,
    )
    velocity = jnp.sqrt(1.0 - pair / w2)
    # d Phi_3 = dW^2/2pi dt/8pi(s_hat + Q^2) beta/8pi, and the mean over angles
    pairs = in_w2 * velocity / (128.0 * jnp.pi**3 * (s_hat + photon)[..., None])
    metric = jnp.stack([jnp.sum(m * pairs, -1) for m in means[:2]])
    if is_exact:
        beam = jnp.stack([jnp.sum(m * pairs, -1) for m in means[2:]])
        current = _hadronic(metric, beam, q2, s_hat, setting, charge, form)
        square = 16.0 * jnp.pi * ALPHA_EM / q2**2 * current
        flux = 128.0 * jnp.pi**2 * (mass * energy) ** 2
    else:
        assert form is not None
        longitudinal = (0.5 * s_hat / energy) ** 2 / q2 if mode == "epa-improved" else 0.0
        photons = (charge.protons * form(jnp.sqrt(q2), charge.mass_number)) ** 2 / q2
        square = ALPHA_EM / jnp.pi * photons * (1.0 - longitudinal) * 0.5 * metric
        flux = 2.0 * s_hat**2
    vertex = 2.0 * jnp.pi * ALPHA_EM * FERMI_CONSTANT**2  # (G_F^2/2) e^2
    return jnp.sum(vertex * square / flux * in_s_hat * in_q2[:, None], axis=(-2, -1))


def _hadronic(
    metric: jax.Array,
    beam: jax.Array,
    q2: jax.Array,
    s_hat: jax.Array,
    setting: Setting,
    charge: Charge,
    form: FormFactor | None,
) -> jax.Array:
    """Contract H_mn L^mn/4e^2, from -g_mn L^mn and k_m k_n L^mn."""
    energy, mass, _, _ = setting
    kq = 0.5 * (s_hat + q2)
    scale = kq**2 / q2
    a = 0.5 * (metric + beam / scale)
    b = (metric + 3.0 * beam / scale) / (2.0 * scale)
    along_target = b * (mass * energy - 0.5 * kq) ** 2 - a * (mass**2 + 0.25 * q2)
    if form is not None:
        return (charge.protons * form(jnp.sqrt(q2), charge.mass_number)) ** 2 * along_target
    electric, magnetic = nucleon_form_factors(q2, mass, charge.protons)
    free = electric * along_target + 0.25 * q2 * magnetic * metric
    return pauli_blocking(q2, mass, charge.fermi_momentum) * free


class Densities(NamedTuple):
    """The d sigma/d tau at Gauss-Legendre nodes of y = ln(1 + tau/m^2)/ln(1 + tau_max/m^2).

    Attributes
    ----------
    tau : shape (n,), GeV^2
    weights : shape (n,), GeV^2
        For integrals over tau.
    values : shape (n, 2), cm^2/GeV^2
        Per unit of g_V^2 and g_A^2. Zero if the energy is below the threshold.
    largest_tau : GeV^2
    """

    tau: jax.Array
    weights: jax.Array
    values: jax.Array
    largest_tau: jax.Array


@partial(jax.jit, static_argnames=("form", "mode", "nodes"))
def densities(
    setting: Setting,
    charge: Charge,
    form: FormFactor | None,
    mode: Mode = "exact",
    nodes: Nodes = NODES,
) -> Densities:
    """Compute d sigma/d tau of one target at one energy.

    Parameters
    ----------
    setting : Setting, of scalars
    charge : Charge, of scalars
        For a nucleon, `protons` is 1 or 0, and a Fermi momentum of 0 is a free one.
    form : function or None
        The form factor of a nucleus that stays whole; None for a nucleon.
    mode : {"exact", "epa", "epa-improved"}
    nodes : Nodes

    Returns
    -------
    Densities
    """
    largest = regions.largest_tau if mode == "exact" else regions.photon_largest_tau
    is_open = largest(setting) > 0.0
    energy = jnp.where(is_open, setting.energy, regions.far_above_threshold(setting))
    setting = setting._replace(energy=energy)
    tau_max = largest(setting)

    y, weights = gauss_legendre(nodes.tau)
    m2 = setting.lepton_mass**2
    length = jnp.log1p(tau_max / m2)
    tau = m2 * jnp.expm1(length * y)

    @jax.checkpoint
    def at(one_tau: jax.Array) -> jax.Array:
        return _density(one_tau, setting, charge, form, mode, nodes)

    values = jax.lax.map(at, tau) * GEV_TO_MINUS_2
    values = jnp.where(is_open, values, 0.0)
    return Densities(tau, length * (tau + m2) * weights, values, tau_max)
