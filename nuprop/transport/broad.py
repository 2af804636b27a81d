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
#: Ends and middles of steps, in cells.
_PLACES = np.array([-0.5, 0.0])
#: Terms of a series in a number up to 1/2.
_TERMS = np.arange(1.0, 45.0)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_middle", "log_end", "dispersion"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Resonance:
    """Averages over phi(W) of functions of t = ln(s/M^2), gamma = Gamma/M, at a few redshifts.

    Attributes
    ----------
    log_middle, log_end : (n_nodes, n_beams, n_states, n_diagonals)
        Logarithm of the average of e^t gamma / (pi [(e^t - 1)^2 + gamma^2]), W phi(W) for
        gamma -> 0, in the middle of steps and at their ends: on the diagonals and half a cell
        below. A line of the cross section 2 pi strength delta(s - M^2) has this many times its
        depth per unit of ln E.
    dispersion : of the same shape
        Of e^t (e^t - 1)/[(e^t - 1)^2 + gamma^2], the real part of r/(r - 1 + i gamma); its
        imaginary part is -pi times the line.
    """

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
    The convolution has integrals of the resonance over half a cell and values of the narrow shape.
    What the sums over a line lack, because of its kink at W = m, or because it lies beyond the
    lattice, counts as if it were at its middle, no narrower than the line.
    """
    shapes = line_shapes(lattice, lines, offsets=_PLACES, whole=False)
    u = shape_redshifts(lattice, lines, REDSHIFTS)
    places = jnp.moveaxis(shapes.at_redshifts(u), 2, -1)
    places = places.reshape(*places.shape[:-2], -1)
    h, count = jnp.asarray(lattice.log_width), places.shape[-1]
    gamma = jnp.maximum(gamma, 1e-30)
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
    values, wave = _at_points(0.5 * h, gamma, count)
    missing = norm[..., None] - 0.5 * h * jnp.sum(places, axis=-1, keepdims=True)
    away = lattice.diagonals - jnp.log(0.5 * lines.mediator_mass**2 / middle)[:, None, :, None]
    sharp, slanted = zip(
        *(_point_values(t, gamma, width) for t in (away, away - 0.5 * h)), strict=True
    )
    points = _convolved(places, values)
    found = jnp.stack([points[..., 1::2], points[..., ::2]]) + missing * jnp.stack(sharp)
    found = jnp.maximum(found, 0.0)
    dispersion = _convolved(places, wave)[..., 1::2] + missing * slanted[0]
    if not lines.relics.thermal:
        # a resonance that cells resolve needs no other width
        own = integrals_between(away - 0.5 * h, away + 0.5 * h, gamma)[1] / h
        resolved = gamma > h
        found = jnp.where(resolved, norm[..., None] * jnp.stack(sharp), found)
        dispersion = jnp.where(resolved, norm[..., None] * own, dispersion)
    floor = _FAINTEST * jnp.max(found[0], axis=-1, keepdims=True) + _NOTHING
    log_middle, log_end = jnp.log(found + floor)
    return Resonance(log_middle, log_end, dispersion)


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
    shift : ln(1 + q)
    """
    q = jnp.exp(-2.0 * jnp.pi * ratio)
    log = jnp.log1p(q)
    # Landen's transformation of -Li2(-q)
    dilogarithm = jnp.sum((q / (1.0 + q)) ** _TERMS / _TERMS**2) + 0.5 * log**2
    share = 24.0 * (dilogarithm / (2.0 * jnp.pi**2) + ratio * log / jnp.pi)
    return share, log


def _at_points(h: jax.Array, gamma: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Weights of values at points h apart, such that they add up to convolutions at one of them.

    Integrals over cells are averages: less h^2/24 times the second derivative, but for where the
    resonance is narrower than a cell, see `_unresolved`.

    Returns
    -------
    values, wave : (2 count - 1,), for the two functions of `Resonance`.
    """
    place = jnp.arange(2 * count - 1) - (count - 1)
    cells, wave = integrals_between(h * (place - 0.5), h * (place + 0.5), gamma)
    share, shift = _unresolved(gamma / h)
    bend = jnp.pad(jnp.diff(cells, n=2), 1) / 24.0
    bend = jnp.where(jnp.abs(place) < 2, 1.0 - share, 1.0) * bend
    values = (cells - bend).at[count - 1].add(jnp.sum(bend))
    beside = np.array([count - 2, count])
    return values, wave.at[beside].add(0.5 * shift * np.array([-1.0, 1.0]))


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
