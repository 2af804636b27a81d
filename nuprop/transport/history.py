"""The neutrinos of cells of comoving energy over one step in time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.transport.course import Rates, half_rates

#: Depths of a step below which it counts to first and to second order, and that have no slope.
_TRANSPARENT, _THIN, _NOTHING = 1e-5, 0.03, 1e-12
#: Least rate over its mean in a part of a step: interference may take all of it.
_FAINTEST = 1e-6
#: Where steps need no division: depth that counts, ratio of the rates at the ends of a part, and
#: how far their product is from the square of that in the middle.
_SEEN, _GENTLE, _STRAIGHT = 1e-4, 1.6, 0.2
#: Gauss points of what is left of a flux, the square root of which they are even in, and weights.
_ROOTS, _LEGENDRE = np.polynomial.legendre.leggauss(4)
_LEFT, _LEFT_WEIGHTS = (0.5 * (1.0 + _ROOTS)) ** 2, 0.5 * (1.0 + _ROOTS) * _LEGENDRE


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["parts", "middles", "boundaries"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Depths:
    """Depths of equal parts of steps, the earliest first.

    Attributes
    ----------
    parts : (n_parts, rows, n)
    middles : of the same shape, as if they were all along what they are in their middle.
    boundaries : (n_parts + 1, rows, n), as at their boundaries.
    """

    parts: jax.Array
    middles: jax.Array
    boundaries: jax.Array

    @classmethod
    def of(cls, line: Rates, lower: jax.Array, here: jax.Array, higher: jax.Array) -> Depths:
        """Add all other channels to lines, along a diagonal or a path.

        Parameters
        ----------
        line : Rates
        lower, here, higher : (rows, n_steps)
            Depths of a step in all other channels, which are smooth, on the diagonal and its
            neighbors.
        """
        n_parts = line.parts.shape[0]
        after = jnp.concatenate([2.0 * lower[:, :1] - lower[:, 1:2], lower[:, :-1]], axis=-1)
        before = jnp.concatenate([higher[:, 1:], 2.0 * higher[:, -1:] - higher[:, -2:-1]], axis=-1)
        first, last = 0.5 * (before + here), 0.5 * (here + after)
        share = (np.arange(n_parts + 1.0) / n_parts)[:, None, None]
        smooth = here / n_parts
        return cls(
            parts=_positive(line.parts + smooth),
            middles=line.middles + smooth,
            boundaries=line.ends + (first + share * (last - first)) / n_parts,
        )

    @property
    def steep(self) -> jax.Array:
        """Whether anywhere the rate changes much over a part that is not transparent."""
        axis = self.parts.ndim - 3
        first, last = (
            jax.lax.slice_in_dim(self.boundaries, k, k + self.parts.shape[axis], axis=axis)
            for k in range(2)
        )
        least, most = jnp.minimum(first, last), jnp.maximum(first, last)
        rise = most > _GENTLE * least
        bend = jnp.abs(self.middles**2 - first * last) > _STRAIGHT * first * last
        return jnp.any((jnp.maximum(self.middles, most) > _SEEN) & (rise | bend))


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
    def of(cls, depths: Depths, returned: jax.Array, steep: bool) -> Passage:
        """Prepare dN_v/dt = -(depth_v - returned_vv) N_v + source_v + sum_w returned_vw N_w.

        Parameters
        ----------
        depths : Depths
        returned : (rows, rows, n), [out, in], what comes back of one that stays for a step.
        steep : as for `survivors`

        Notes
        -----
        With the mean of the other states over the step in the last term: positive, of second order
        in the width of a step and stable for any depth. Where relics are opaque the flux at the end
        of a step is its source over the rate there, on the flank of a line much unlike that in its
        middle.
        """
        rows, parts = returned.shape[0], depths.parts
        depth = jnp.sum(parts, axis=0)
        diagonal = jnp.stack([returned[v, v] for v in range(rows)])
        removal = jnp.maximum(depth - diagonal, 0.0)
        over_depth = 1.0 / jnp.where(depth > 0.0, depth, 1.0)
        times = (np.arange(len(parts)) + 0.5) / len(parts)
        early = jnp.where(depth > 0.0, jnp.tensordot(times, parts, axes=1) * over_depth, 0.5)
        others = returned * (1.0 - np.eye(rows))[..., None]

        kept = removal * over_depth
        effective = jax.tree.map(lambda v: v * kept, depths)
        survival, arriving, tilted = survivors(effective, steep)
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


def _positive(parts: jax.Array) -> jax.Array:
    """Keep the depth of a step, (n_parts, rows, n_steps), where it is negative in parts.

    Interference is known as a mean over the step: what it takes from a line it takes from all parts
    alike.
    """
    depth = jnp.maximum(jnp.sum(parts, axis=0), 0.0)
    positive = jnp.maximum(parts, 0.0)
    whole = jnp.sum(positive, axis=0)
    return positive * (depth / jnp.where(whole > 0.0, whole, 1.0))


def survivors(depths: Depths, steep: bool) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Follow the depth through the parts of a step, and count what survives.

    Parameters
    ----------
    depths : Depths
        The logarithm of the rate is linear in each half of a part, nearly.
    steep : bool, static
        Whether it may change by more than about 0.5 over a part.

    Returns
    -------
    survival : (rows, n), e^-(sum of parts).
    arriving : share that survives of what is added evenly over the step.
    tilted : the same of what is added in proportion to the time since the middle of the step.
    """
    parts = depths.parts
    at = jnp.stack([depths.boundaries[:-1], depths.middles, depths.boundaries[1:]])
    at = jnp.maximum(at, _FAINTEST * parts) + _NOTHING
    rise, means, bend = half_rates(at, steep)
    # halves of each part in turn
    rise, means, first, last = (
        jnp.swapaxes(v, 0, 1) for v in (rise, means, 0.5 * at[:-1], 0.5 * at[1:])
    )
    halves = means * ((parts + _NOTHING) / jnp.sum(means, axis=1))[:, None]
    passed, phi, psi = _exponential_means(halves)
    if steep:
        kept = _kept(halves, passed, phi, first, last, bend[:, None])
    else:
        kept = _gently_kept(halves, phi, psi, rise, last / halves)

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


def _gently_kept(
    depth: jax.Array, phi: jax.Array, psi: jax.Array, rise: jax.Array, last: jax.Array
) -> jax.Array:
    """Like `_kept`, for small changes of ln(rate), `rise`; `last` is over the mean rate.

    An average of 1/rate, rate = last - rise v/depth, with the weight e^-v takes the mean of v and
    its variance.
    """
    small = depth < _THIN
    inverse = 1.0 / jnp.where(small, 1.0, depth)
    chi = jnp.where(small, 1.0 / 12.0 - depth / 24.0, (psi - 0.5 * phi) * inverse)
    rate = phi * last - rise * (phi - psi)
    spread, square = rise**2 * (psi**2 - 2.0 * chi), rate**2
    # where nothing is lost all is left, however ln(rate) bends
    level = last - 0.5 * rise
    limit = (1.0 + rise**2 / (12.0 * level**2)) / level
    return phi**2 * (1.0 + spread / square) / (rate * (1.0 + phi * (limit - 1.0)))


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
