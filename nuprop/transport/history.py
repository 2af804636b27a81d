"""The neutrinos of cells of comoving energy over one step in time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

#: Depths of a step below which it counts to first and to second order, and that have no slope.
_TRANSPARENT, _THIN, _NOTHING = 1e-5, 0.03, 1e-12
#: Change of ln(rate) below which it counts to first order.
_LEVEL = 1e-7
#: Least rate over its mean in a part of a step: interference may take all of it.
_FAINTEST = 1e-6
#: Largest second derivative of ln(rate) over half a part of a step.
_BENT = 1.5
#: Gauss points of what is left of a flux, the square root of which they are even in, and weights.
_ROOTS, _LEGENDRE = np.polynomial.legendre.leggauss(4)
_LEFT, _LEFT_WEIGHTS = (0.5 * (1.0 + _ROOTS)) ** 2, 0.5 * (1.0 + _ROOTS) * _LEGENDRE


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "depth",
        "survival",
        "arriving",
        "tilted",
        "phi",
        "psi",
        "lag",
        "own",
        "others",
        "gain",
    ],
    meta_fields=[],
)
@dataclass(frozen=True)
class Passage:
    """A step through depths that are known, whatever its contents are; all (rows, n) but the last.

    Attributes
    ----------
    depth : of the step.
    survival : share of what there is at the beginning that is left at the end.
    arriving : the same of what is added evenly over the step.
    tilted : the same of what is added in proportion to the time since the middle of the step.
    phi, psi, lag : means over the step of the same three.
    own, others : (rows, n) and (rows, rows, n), [out, in]
        What comes back in the same state, and in others, of one that stays for a step.
    gain : (rows, rows, n), [out, in], means of all states over those without such returns.
    """

    depth: jax.Array
    survival: jax.Array
    arriving: jax.Array
    tilted: jax.Array
    phi: jax.Array
    psi: jax.Array
    lag: jax.Array
    own: jax.Array
    others: jax.Array
    gain: jax.Array

    @classmethod
    def of(
        cls, parts: jax.Array, middles: jax.Array, boundaries: jax.Array, returned: jax.Array
    ) -> Passage:
        """Prepare dN_v/dt = -(depth_v - returned_vv) N_v + source_v + sum_w returned_vw N_w.

        Parameters
        ----------
        parts : (n_parts, rows, n), depths of equal parts of the step, the earliest first.
        middles : (n_parts, rows, n), depths that parts would have if they were all along what they
            are in their middle.
        boundaries : (n_parts + 1, rows, n), the same at their boundaries.
        returned : (rows, rows, n), [out, in], what comes back of one that stays for a step.

        Notes
        -----
        With the mean of the other states over the step in the last term: positive, of second order
        in the width of a step and stable for any depth. Where relics are opaque the flux at the end
        of a step is its source over the rate there, on the flank of a line much unlike that in its
        middle.
        """
        rows = returned.shape[0]
        depth = jnp.sum(parts, axis=0)
        diagonal = jnp.stack([returned[v, v] for v in range(rows)])
        removal = jnp.maximum(depth - diagonal, 0.0)
        over_depth = 1.0 / jnp.where(depth > 0.0, depth, 1.0)
        times = (np.arange(len(parts)) + 0.5) / len(parts)
        early = jnp.where(depth > 0.0, jnp.tensordot(times, parts, axes=1) * over_depth, 0.5)
        others = returned * (1.0 - np.eye(rows))[..., None]

        kept = removal * over_depth
        survival, arriving, tilted = survivors(parts * kept, middles * kept, boundaries * kept)
        seen, thin = removal > _TRANSPARENT, removal < _THIN
        over_removal = jnp.where(seen, 1.0 / jnp.where(seen, removal, 1.0), 0.0)
        second_order = early * (1.0 - 2.0 / 3.0 * early * removal)
        psi = jnp.where(thin, second_order, (1.0 - arriving) * over_removal)
        return cls(
            depth=depth,
            survival=survival,
            arriving=jnp.where(thin, 1.0 - removal * psi, arriving),
            tilted=tilted,
            phi=jnp.where(seen, (1.0 - survival) * over_removal, 1.0 - 0.5 * removal),
            psi=psi,
            lag=tilted * over_removal,
            own=depth - removal,
            others=others,
            gain=_inverse(jnp.eye(rows)[..., None] - psi[:, None] * others),
        )

    def through(
        self, contents: jax.Array, source: jax.Array, before: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Follow contents and sources to the end of the step.

        Parameters
        ----------
        contents : (rows, n), at its beginning.
        source : (rows, n), what is added in the step.
        before : the same in the step before.

        Returns
        -------
        contents : (rows, n), at its end.
        mean : (rows, n), such that depth times mean has interacted.
        back : (rows, n), what has come back of that.
        """
        slope = jnp.clip(source - before, -source, source)
        coupled = jnp.sum(self.gain * (self.phi * contents + self.psi * source), axis=1)
        mean = coupled - self.lag * slope
        from_others = jnp.sum(self.others * coupled, axis=1)
        after = self.survival * contents + self.arriving * (source + from_others)
        return after + self.tilted * slope, mean, from_others + self.own * mean


def boundaries(
    ends: jax.Array, start: jax.Array, lower: jax.Array, here: jax.Array, higher: jax.Array
) -> jax.Array:
    """Find rates at the boundaries of parts, (n_parts + 1, rows, n_steps), the earliest first.

    They are depths that a part would have if it were all along what it is at its boundary.

    Parameters
    ----------
    ends : (n_parts, rows, n_steps + 1), of the line at the ends of parts, the latest first.
    start : (rows, n_steps + 1), of the line at the end of the last part one diagonal higher: at the
        beginning of the step after.
    lower, here, higher : (rows, n_steps), depths of a step in all other channels, which are smooth,
        on the diagonal and its neighbors.
    """
    n_parts = ends.shape[0]
    line = jnp.concatenate([start[None, :, 1:], ends[::-1, :, :-1]])
    after = jnp.concatenate([2.0 * lower[:, :1] - lower[:, 1:2], lower[:, :-1]], axis=-1)
    before = jnp.concatenate([higher[:, 1:], 2.0 * higher[:, -1:] - higher[:, -2:-1]], axis=-1)
    first, last = 0.5 * (before + here), 0.5 * (here + after)
    at = (np.arange(n_parts + 1.0) / n_parts)[:, None, None]
    return line + (first + at * (last - first)) / n_parts


def positive(parts: jax.Array) -> jax.Array:
    """Keep the depth of a step, (n_parts, rows, n_steps), where it is negative in parts.

    Interference is known as a mean over the step: what it takes from a line it takes from all parts
    alike.
    """
    depth = jnp.maximum(jnp.sum(parts, axis=0), 0.0)
    positive = jnp.maximum(parts, 0.0)
    whole = jnp.sum(positive, axis=0)
    return positive * (depth / jnp.where(whole > 0.0, whole, 1.0))


def survivors(
    parts: jax.Array, middles: jax.Array, boundaries: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Follow the depth through the parts of a step, and count what survives.

    Parameters
    ----------
    parts, middles, boundaries : as for `Passage.of`
        The logarithm of the rate is linear in each half of a part.

    Returns
    -------
    survival : (rows, n), e^-(sum of parts).
    arriving : share that survives of what is added evenly over the step.
    tilted : the same of what is added in proportion to the time since the middle of the step.
    """
    at = jnp.stack([boundaries[:-1], middles, boundaries[1:]], axis=1)
    at = jnp.maximum(at, _FAINTEST * parts[:, None]) + _NOTHING
    logarithm = jnp.log(at)
    bend = jnp.clip(logarithm[:, :1] - 2.0 * logarithm[:, 1:2] + logarithm[:, 2:], -_BENT, _BENT)
    means = at[:, 1:] * _mean_growth(jnp.diff(-logarithm, axis=1))
    halves = means * ((parts + _NOTHING) / jnp.sum(means, axis=1))[:, None]
    passed, phi, psi = _exponential_means(halves)
    kept = _kept(halves, passed, phi, 0.5 * at[:, :-1], 0.5 * at[:, 1:], bend)

    n_halves = 2 * len(parts)
    passed, phi, psi, kept = (v.reshape(n_halves, *v.shape[2:]) for v in (passed, phi, psi, kept))
    begun = (np.arange(n_halves) / n_halves - 0.5)[:, None, None]
    tilted_in = kept * (begun + psi / phi / n_halves)
    survival = jnp.ones_like(phi[0])
    arriving = tilted = jnp.zeros_like(survival)
    for half in reversed(range(n_halves)):
        arriving = arriving + survival * kept[half]
        tilted = tilted + survival * tilted_in[half]
        survival = survival * passed[half]
    return survival, arriving / n_halves, tilted / n_halves


def _kept(
    depth: jax.Array,
    passed: jax.Array,
    phi: jax.Array,
    first: jax.Array,
    last: jax.Array,
    bend: jax.Array,
) -> jax.Array:
    """int_0^1 ds e^-v(s), v the depth in the last s: what is left at the end of a uniform source.

    An integral of 1/rate over e^-v, and the rate is linear in v if its logarithm is linear in time.
    Nodes in e^-v, close where it is least: there rates that rise are lowest.

    Parameters
    ----------
    depth, passed, phi : v(1), e^-v(1), and (1 - e^-v(1))/v(1).
    first, last : rates at the beginning and at the end.
    bend : second derivative of ln(rate).
    """
    slowing = jnp.sqrt(first / last)
    lost = depth * phi

    def time_over_depth(share: Any) -> jax.Array:
        at = slowing * share * (1.0 - share) / (1.0 + (slowing - 1.0) * share) ** 2
        return 1.0 / ((last + (first - last) * share) * (1.0 - 0.5 * bend * at))

    kept: Any = 0.0
    whole: Any = 0.0
    for left, weight in zip(_LEFT, _LEFT_WEIGHTS, strict=True):
        seen = -jnp.log(passed + left * lost) / depth
        kept = kept + weight * time_over_depth(seen)
        whole = whole + weight * time_over_depth(1.0 - left)
    return lost * kept / (1.0 + phi * (depth * whole - 1.0))


def _mean_growth(rise: jax.Array) -> jax.Array:
    """(e^x - 1)/x, mean over its first value of a rate whose logarithm rises by x."""
    small = jnp.abs(rise) < _LEVEL
    safe = jnp.where(small, 1.0, rise)
    return jnp.where(small, 1.0 + 0.5 * rise, jnp.expm1(safe) / safe)


def _exponential_means(a: jax.Array) -> tuple[jax.Array, ...]:
    """e^-a, phi = (1 - e^-a)/a, and psi = (1 - phi)/a."""
    small = a < _THIN
    inverse = 1.0 / jnp.where(small, 1.0, a)
    survival = jnp.exp(-a)
    phi = jnp.where(small, 1.0 - a / 2.0 + a**2 / 6.0 - a**3 / 24.0, (1.0 - survival) * inverse)
    psi = jnp.where(small, 0.5 - a / 6.0 + a**2 / 24.0 - a**3 / 120.0, (1.0 - phi) * inverse)
    return survival, phi, psi


def _inverse(matrix: jax.Array) -> jax.Array:
    """Invert many small matrices (rows, rows, n) whose diagonal dominates."""
    rows = matrix.shape[0]
    unit = jnp.broadcast_to(np.eye(rows)[..., None], matrix.shape)
    a, b = [matrix[i] for i in range(rows)], [unit[i] for i in range(rows)]
    for i in range(rows):
        factor = 1.0 / a[i][i]
        a[i], b[i] = a[i] * factor, b[i] * factor
        for j in range(rows):
            if j != i:
                factor = a[j][i]
                a[j], b[j] = a[j] - factor * a[i], b[j] - factor * b[i]
    return jnp.stack(b)
