"""Integrals over direction and energy of the photon, within the cuts, flavor by flavor."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from nuprop.laboratory.single_photon.collider import Collider, Frame
from nuprop.laboratory.single_photon.currents import Mode, Part, differential
from nuprop.laboratory.single_photon.kinematics import boost, cosine_window, fractions_between
from nuprop.laboratory.single_photon.quadrature import interval_rule, resonant_rule, unit_rule
from nuprop.mediators import ZPrime
from nuprop.mediators.zprime import Nature

_RAPIDITIES = unit_rule(24)
_FRACTIONS = unit_rule(32)
#: Largest distance of the variable in which a resonance is a Lorentzian from the kinematic range.
_NEAR = 0.5


@partial(jax.jit, static_argnames=("mode", "part", "nature"))
def at_point(
    x: jax.Array,
    cosine: jax.Array,
    collider: Collider,
    zprime: ZPrime | None,
    mode: Mode,
    part: Part,
    nature: Nature,
) -> jax.Array:
    """`differential` of the currents, and zero for x > 1."""
    inside = x <= 1.0
    value = differential(
        jnp.where(inside, x, 0.5), cosine, collider.sqrt_s**2, zprime, mode, part, nature
    )
    return jnp.where(inside[..., None], value, 0.0)


@partial(jax.jit, static_argnames=("frame", "mode", "part", "nature"))
def flavor_spectrum(
    energy: jax.Array,
    collider: Collider,
    zprime: ZPrime | None,
    frame: Frame,
    mode: Mode,
    part: Part,
    nature: Nature,
) -> jax.Array:
    """`spectrum` of arrays: an integral over the rapidity artanh(cos theta*)."""
    s, end = collider.sqrt_s**2, 0.5 * collider.sqrt_s
    low, high = cosine_window(collider, energy, frame)
    low, high = jnp.arctanh(low), jnp.arctanh(high)
    if zprime is not None and frame == "lab":
        rapidity, weights, detuning = _lab_resonance(energy, collider, zprime, nature, low, high)
    else:
        rapidity, weights = interval_rule(low, high, _RAPIDITIES)
        detuning = None
    cosine = jnp.tanh(rapidity)
    ratio = boost(collider, cosine) if frame == "lab" else jnp.ones_like(cosine)
    x = energy[..., None] / (end * ratio)
    inside = weights > 0.0
    value = differential(
        jnp.where(inside, jnp.minimum(x, 1.0), 0.5), cosine, s, zprime, mode, part, nature, detuning
    )
    jacobian = weights * (1.0 - cosine) * (1.0 + cosine) / (end * ratio)
    return jnp.sum(jnp.where(inside[..., None], jacobian[..., None] * value, 0.0), axis=-2)


def _lab_resonance(
    energy: jax.Array,
    collider: Collider,
    zprime: ZPrime,
    nature: Nature,
    low: jax.Array,
    high: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Rapidities around that at which the mass of the pair is M, weights, and s(1 - x) - M^2."""
    s, end = collider.sqrt_s**2, 0.5 * collider.sqrt_s
    beta, gamma = jnp.asarray(collider.velocity), collider.lorentz
    peak = 1.0 - zprime.mass**2 / s  # x on the mass shell
    ahead = jnp.where(beta >= 0.0, 1.0, -1.0)
    slope = jnp.where(jnp.abs(beta) < 1e-9, ahead * 1e-9, beta)
    closed = peak <= 0.0
    wanted = (energy / (end * gamma * jnp.where(closed, 1.0, peak)) - 1.0) / slope
    wanted = jnp.where(closed, ahead, wanted)
    least, most = jnp.tanh(low - _NEAR), jnp.tanh(high + _NEAR)
    middle = jnp.clip(wanted, least, most)
    on_shell = (~closed) & (wanted == middle)
    x_middle = energy / (end * boost(collider, middle))
    offset = jnp.where(on_shell, 0.0, peak - x_middle)
    curvature = s * x_middle * jnp.abs(slope) / (1.0 + beta * middle) * (1.0 - middle**2)
    center = jnp.arctanh(middle)
    distance, weights = resonant_rule(
        low, high, center, zprime.mass * zprime.width(nature) / curvature
    )
    rapidity = center[..., None] + distance
    cosine = jnp.tanh(rapidity)
    step = jnp.sinh(distance) / (jnp.cosh(rapidity) * jnp.cosh(center)[..., None])
    change = x_middle[..., None] * beta * step / (1.0 + beta * cosine)  # x_middle - x
    return rapidity, weights, s * (offset[..., None] + change)


@partial(jax.jit, static_argnames=("mode", "part", "nature"))
def flavor_cross_section(
    collider: Collider,
    zprime: ZPrime | None,
    lightest: Any,
    heaviest: Any,
    mode: Mode,
    part: Part,
    nature: Nature,
) -> jax.Array:
    """`cross_section` of arrays, in a window of M^2 [GeV^2]: an integral over rapidity and ln x."""
    s = collider.sqrt_s**2
    first, last = (jnp.arctanh(c) for c in collider.cosines)
    rapidity, outer = interval_rule(first, last, _RAPIDITIES)
    cosine = jnp.tanh(rapidity)
    low, high = fractions_between(collider, cosine, lightest, heaviest)
    low, high = jnp.log(low), jnp.log(high)
    if zprime is None:
        log_x, weights = interval_rule(low, high, _FRACTIONS)
        x, detuning = jnp.exp(log_x), None
    else:
        peak = 1.0 - zprime.mass**2 / s
        wanted = jnp.log(jnp.where(peak > 0.0, peak, 1e-30))
        center = jnp.clip(wanted, low - _NEAR, high + _NEAR)
        x_center = jnp.exp(center)
        on_shell = (peak > 0.0) & (wanted == center)
        offset = jnp.where(on_shell, 0.0, peak - x_center)
        width = zprime.mass * zprime.width(nature) / (s * x_center)
        distance, weights = resonant_rule(low, high, center, width)
        x = x_center[..., None] * jnp.exp(distance)
        detuning = s * (offset[..., None] - x_center[..., None] * jnp.expm1(distance))
    inside = weights > 0.0
    value = differential(
        jnp.where(inside, jnp.minimum(x, 1.0), 0.5),
        cosine[..., None],
        s,
        zprime,
        mode,
        part,
        nature,
        detuning,
    )
    jacobian = weights * x * (outer * (1.0 - cosine) * (1.0 + cosine))[..., None]
    return jnp.sum(jnp.where(inside[..., None], jacobian[..., None] * value, 0.0), axis=(-3, -2))
