"""Resonances of finite width on relics in motion, averaged on the diagonals of a lattice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.fft import next_fast_len

from nuprop.description import Leaf
from nuprop.relics import line_norm
from nuprop.transport.lattice import Lattice
from nuprop.transport.problem import Lines
from nuprop.transport.shapes import GAUSS_POINTS, line_shapes, shape_redshifts

#: Share of a line that must lie on the lattice for the rest to be put where its middle is.
_CAPTURED = 0.99
#: Redshifts at which averages are computed; the logarithm of a line is interpolated between them.
REDSHIFTS = 12
#: Of the peak of a line: the rounding of a convolution, and less than any depth that matters.
_FAINTEST = 1e-14
_NOTHING = 1e-200
#: Middle of a step and its two Gauss points, in cells.
_PLACES = np.array([GAUSS_POINTS[0], 0.0, GAUSS_POINTS[1]])
#: Terms of a series in a number up to 1/2.
_TERMS = np.arange(1.0, 45.0)


@partial(jax.tree_util.register_dataclass, data_fields=["log_line", "dispersion"], meta_fields=[])
@dataclass(frozen=True)
class Resonance:
    """Averages over phi(W) of functions of t = ln(s/M^2), gamma = Gamma/M, at a few redshifts.

    Attributes
    ----------
    log_line : (n_nodes, n_beams, n_states, n_diagonals)
        Logarithm of the average of e^t gamma / (pi [(e^t - 1)^2 + gamma^2]), W phi(W) for
        gamma -> 0. A line of the cross section 2 pi strength delta(s - M^2) has this many times
        its depth per unit of ln E.
    dispersion : of the same shape
        Of e^t (e^t - 1)/[(e^t - 1)^2 + gamma^2], the real part of r/(r - 1 + i gamma); its
        imaginary part is -pi times the line.
    """

    log_line: jax.Array
    dispersion: jax.Array


def resonance(lattice: Lattice, lines: Lines, gamma: jax.Array) -> Resonance:
    """Convolve the shape of narrow lines with a Breit-Wigner, integrated over cells of ln(E).

    Parameters
    ----------
    lattice : Lattice
    lines : Lines
    gamma : Gamma/M >= 0

    Notes
    -----
    Averages over a step, along which a neutrino passes a width h of ln(E): the convolution has the
    integral of the resonance over h and values of the narrow shape. Where cells do not resolve the
    resonance the sum over cells lacks part of the average, see `_unresolved`. What of a line lies
    beyond the lattice counts as if all of it were at its middle.
    """
    shapes = line_shapes(lattice, lines, offsets=_PLACES)
    u, _ = shape_redshifts(lattice, lines, REDSHIFTS)
    above, at_middle, below = jnp.moveaxis(shapes.at_redshifts(u), 2, 0)
    h, count = jnp.asarray(lattice.log_width), above.shape[-1]
    gamma = jnp.maximum(gamma, 1e-30)
    share, shift = _unresolved(gamma / h)
    narrow = at_middle + share * (0.5 * (above + below) - at_middle)
    t = h * (jnp.arange(2 * count - 1) - (count - 1.0))
    profile, wave = integrals_between(t - 0.5 * h, t + 0.5 * h, gamma)
    masses = jnp.asarray(lines.masses)
    if lines.relics.thermal:
        temperatures = lines.temperatures * jnp.exp(u)[:, None]
        r = masses / temperatures
        norm = line_norm(r, lines.relics.targets, lines.relics.asymmetry)
        norm = jnp.moveaxis(norm, 0, 1)
        middle = jnp.sqrt(masses**2 + (3.6 * temperatures) ** 2)
    else:
        weight = lines.relics.weight_at_rest()[:, None] * lines.massive
        norm = weight[None]
        middle = jnp.where(lines.massive, masses, 1.0)[None]
    captured = h * jnp.sum(narrow, axis=-1)
    missing = jnp.where(captured > _CAPTURED * norm, 0.0, norm - captured)
    away = lattice.diagonals - jnp.log(0.5 * lines.mediator_mass**2 / middle)[:, None, :, None]
    outside = missing[..., None] * jnp.stack(_point_values(away, gamma))
    spread = _convolved(narrow, jnp.stack([profile, wave]))
    line = jnp.maximum(spread[0], 0.0) + outside[0]
    dispersion = spread[1] - shift * (above - below) + outside[1]
    if not lines.relics.thermal:
        # a resonance that cells resolve needs no other width
        sharp = [value / h for value in integrals_between(away - 0.5 * h, away + 0.5 * h, gamma)]
        resolved = gamma > h
        line = jnp.where(resolved, norm[..., None] * sharp[0], line)
        dispersion = jnp.where(resolved, norm[..., None] * sharp[1], dispersion)
    floor = _FAINTEST * jnp.max(line, axis=-1, keepdims=True) + _NOTHING
    return Resonance(jnp.log(line + floor), dispersion)


def _unresolved(ratio: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Find what a sum over cells of width h lacks of a convolution of a smooth shape n of ln E.

    By Poisson's sum the sum over cells of n times the integral of gamma / (pi [t^2 + gamma^2]) over
    a cell is short by b h^2 n'', b = -Li2(-q) / (2 pi^2) + gamma ln(1 + q) / (pi h) and
    q = e^(-2 pi gamma / h): all of h^2 n''/24, the difference between the average over a cell and
    the value in its middle, for gamma -> 0, and nothing where cells resolve the resonance. That
    with t / (t^2 + gamma^2) is too large by h n' ln(1 + q).

    Parameters
    ----------
    ratio : gamma/h

    Returns
    -------
    share : 24 b
    shift : ln(1 + q) over the distance of the two Gauss points in cells.
    """
    q = jnp.exp(-2.0 * jnp.pi * ratio)
    log = jnp.log1p(q)
    # Landen's transformation of -Li2(-q)
    dilogarithm = jnp.sum((q / (1.0 + q)) ** _TERMS / _TERMS**2) + 0.5 * log**2
    share = 24.0 * (dilogarithm / (2.0 * jnp.pi**2) + ratio * log / jnp.pi)
    return share, log / (GAUSS_POINTS[0] - GAUSS_POINTS[1])


def _convolved(values: jax.Array, profiles: jax.Array) -> jax.Array:
    """Convolve (..., n) with each of (m, 2 n - 1), around their middles; (m, ..., n)."""
    count = values.shape[-1]
    size = next_fast_len(2 * count - 1, real=True)
    shape = (-1, *(1,) * (values.ndim - 1), size // 2 + 1)
    product = jnp.fft.rfft(profiles, size).reshape(shape) * jnp.fft.rfft(values, size)
    return jnp.fft.irfft(product, size)[..., count - 1 : 2 * count - 1]


def integrals_between(low: jax.Array, high: jax.Array, gamma: Leaf) -> tuple[jax.Array, jax.Array]:
    """Integrate the functions of `Resonance` over t from `low` to `high`."""
    upper, lower = jnp.expm1(high), jnp.expm1(low)
    angle = jnp.arctan2(gamma * (upper - lower), gamma**2 + upper * lower)
    ratio = (upper**2 + gamma**2) / (lower**2 + gamma**2)
    return angle / jnp.pi, 0.5 * jnp.log(ratio)


def _point_values(t: jax.Array, gamma: jax.Array) -> tuple[jax.Array, jax.Array]:
    distance = jnp.expm1(t)
    square = distance**2 + gamma**2
    growth = jnp.exp(t)
    return growth * gamma / (jnp.pi * square), growth * distance / square
