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
from nuprop.transport.shapes import RMS_WIDTH, line_shapes, shape_redshifts

#: Redshifts at which averages are computed; the logarithm of a line is interpolated between them.
REDSHIFTS = 12
#: Of the peak of a line: the rounding of a convolution, and less than any depth that matters.
_FAINTEST = 1e-14
_NOTHING = 1e-200
#: Three Gauss points of a step, in cells, falling, and their weights.
_POINTS, _WEIGHTS = (v[::-1] / 2.0 for v in np.polynomial.legendre.leggauss(3))
#: These in each step, and its end.
_PLACES = np.array([*_POINTS, -0.5])
#: Terms of a series in a number up to 1/2.
_TERMS = np.arange(1.0, 45.0)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_line", "log_middle", "log_end", "dispersion"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Resonance:
    """Averages over phi(W) of functions of t = ln(s/M^2), gamma = Gamma/M, at a few redshifts.

    Attributes
    ----------
    log_line : (n_nodes, n_beams, n_states, n_diagonals)
        Logarithm of the average of e^t gamma / (pi [(e^t - 1)^2 + gamma^2]), W phi(W) for
        gamma -> 0. A line of the cross section 2 pi strength delta(s - M^2) has this many times
        its depth per unit of ln E.
    log_middle, log_end : of the same shape
        The same in the middle and at the ends of the steps, on the diagonals and half a cell below.
    dispersion : of the same shape
        Of e^t (e^t - 1)/[(e^t - 1)^2 + gamma^2], the real part of r/(r - 1 + i gamma); its
        imaginary part is -pi times the line.
    """

    log_line: jax.Array
    log_middle: jax.Array
    log_end: jax.Array
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
    Line and dispersion are averages over a step, along which a neutrino passes a width h of ln(E):
    the convolution has the integral of the resonance over h and values of the narrow shape. Where
    cells do not resolve the resonance the sum over cells lacks part of the average, see
    `_unresolved`.
    What the sums over a line lack, because of its kink at W = m, or because it lies beyond the
    lattice, counts as if it were at its middle, no narrower than the line.
    """
    shapes = line_shapes(lattice, lines, offsets=_PLACES)
    u = shape_redshifts(lattice, lines, REDSHIFTS)
    above, at_middle, below, at_end = jnp.moveaxis(shapes.at_redshifts(u), 2, 0)
    mean = jnp.tensordot(_WEIGHTS, jnp.stack([above, at_middle, below]), axes=1)
    passed = shapes.at_redshifts(u, np.array([*_POINTS, 0.0]))[:, :, :3]
    h, count = jnp.asarray(lattice.log_width), mean.shape[-1]
    weights = _WEIGHTS[:, None] * column_growth(u, h * _POINTS[:, None], lines)
    along = jnp.einsum("ku,ubkjd->ubjd", weights, passed)
    gamma = jnp.maximum(gamma, 1e-30)
    share, shift = _unresolved(gamma / h)
    masses = jnp.asarray(lines.masses)
    if lines.relics.thermal:
        temperatures = lines.temperatures * jnp.exp(u)[:, None]
        r = masses / temperatures
        norm = line_norm(r, lines.relics.targets, lines.relics.asymmetry)
        norm = jnp.moveaxis(norm, 0, 1)
        middle = jnp.sqrt(masses**2 + (3.6 * temperatures) ** 2)
        width = (RMS_WIDTH * temperatures / middle)[:, None, :, None]
    else:
        weight = lines.relics.weight_at_rest()[:, None] * lines.massive
        norm = weight[None]
        middle = jnp.where(lines.massive, masses, 1.0)[None]
        width = jnp.zeros((1, 1, 1, 1))
    places = jnp.stack([at_end, at_middle], axis=-1).reshape(*mean.shape[:-1], -1)
    points = _convolved(places, _at_points(0.5 * h, gamma, 2 * count))
    between, changes = at_middle, along - at_middle
    at_end, at_middle = points[..., ::2], points[..., 1::2]
    line = at_middle + _convolved(changes, _at_points(h, gamma, count))
    missing = norm[..., None] - 0.5 * h * jnp.sum(places, axis=-1, keepdims=True)
    away = lattice.diagonals - jnp.log(0.5 * lines.mediator_mass**2 / middle)[:, None, :, None]
    outside, slanted = _point_values(away, gamma, width)
    outside_end, _ = _point_values(away - 0.5 * h, gamma, width)
    outside = missing * jnp.stack([outside, outside, outside_end])
    spread = jnp.maximum(jnp.stack([line, at_middle, at_end]) + outside, 0.0)
    smooth = between + share * (mean - between)
    dispersion = _convolved(smooth, _cells(h, gamma, count)[1]) - shift * (above - below)
    dispersion = dispersion + missing * slanted
    if not lines.relics.thermal:
        # a resonance that cells resolve needs no other width
        own = [value / h for value in integrals_between(away - 0.5 * h, away + 0.5 * h, gamma)]
        resolved = gamma > h
        ends = [_point_values(away - 0.5 * h * k, gamma, width)[0] for k in range(2)]
        spread = jnp.where(resolved, norm[..., None] * jnp.stack([own[0], *ends]), spread)
        dispersion = jnp.where(resolved, norm[..., None] * own[1], dispersion)
    floor = _FAINTEST * jnp.max(spread[0], axis=-1, keepdims=True) + _NOTHING
    mean, value, at_end = jnp.log(spread + floor)
    return Resonance(mean, value, at_end, dispersion)


def column_growth(u: jax.Array, step: jax.Array, lines: Lines) -> jax.Array:
    """Column per ln(1 + z) of relics that do not cluster, at u + step over that at u."""
    hubble = lines.expansion.hubble
    return jnp.exp(3.0 * step) * hubble(jnp.expm1(u)) / hubble(jnp.expm1(u + step))


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
    shift : ln(1 + q) over the distance of the two outer Gauss points in cells.
    """
    q = jnp.exp(-2.0 * jnp.pi * ratio)
    log = jnp.log1p(q)
    # Landen's transformation of -Li2(-q)
    dilogarithm = jnp.sum((q / (1.0 + q)) ** _TERMS / _TERMS**2) + 0.5 * log**2
    share = 24.0 * (dilogarithm / (2.0 * jnp.pi**2) + ratio * log / jnp.pi)
    return share, log / (_POINTS[0] - _POINTS[-1])


def _cells(h: jax.Array, gamma: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Integrate the functions of `Resonance` over cells around its middle, (2 count - 1,)."""
    t = h * (jnp.arange(2 * count - 1) - (count - 1.0))
    return integrals_between(t - 0.5 * h, t + 0.5 * h, gamma)


def _at_points(h: jax.Array, gamma: jax.Array, count: int) -> jax.Array:
    """Weights of values at points h apart, such that they add up to a convolution at one of them.

    Integrals over cells are averages: less h^2/24 times the second derivative, but for where the
    resonance is narrower than a cell, see `_unresolved`.
    """
    cells, _ = _cells(h, gamma, count)
    near = jnp.abs(jnp.arange(2 * count - 1) - (count - 1)) < 2
    bend = jnp.pad(jnp.diff(cells, n=2), 1) / 24.0
    bend = jnp.where(near, 1.0 - _unresolved(gamma / h)[0], 1.0) * bend
    return (cells - bend).at[count - 1].add(jnp.sum(bend))


def _convolved(values: jax.Array, profile: jax.Array) -> jax.Array:
    """Convolve (..., n) with (2 n - 1), around its middle."""
    count = values.shape[-1]
    size = next_fast_len(2 * count - 1, real=True)
    product = jnp.fft.rfft(profile, size) * jnp.fft.rfft(values, size)
    return jnp.fft.irfft(product, size)[..., count - 1 : 2 * count - 1]


def integrals_between(low: jax.Array, high: jax.Array, gamma: Leaf) -> tuple[jax.Array, jax.Array]:
    """Integrate the functions of `Resonance` over t from `low` to `high`."""
    upper, lower = jnp.expm1(high), jnp.expm1(low)
    angle = jnp.arctan2(gamma * (upper - lower), gamma**2 + upper * lower)
    ratio = (upper**2 + gamma**2) / (lower**2 + gamma**2)
    return angle / jnp.pi, 0.5 * jnp.log(ratio)


def _point_values(t: jax.Array, gamma: jax.Array, width: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Evaluate the functions of `Resonance` at one place, of a line that is `width` wide."""
    distance = jnp.expm1(t)
    square = distance**2 + gamma**2 + width**2
    growth = jnp.exp(t)
    return growth * gamma / (jnp.pi * square), growth * distance / square
