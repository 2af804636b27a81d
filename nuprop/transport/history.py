"""The neutrinos of cells of comoving energy over one step in time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

#: Depths of a step below which it counts to first and to second order, and that have no slope.
_TRANSPARENT, _THIN, _NOTHING = 1e-5, 0.03, 1e-12
#: Largest change of ln(depth) in a part of a step, and of this change between two.
_STEEPEST, _BENT = 3.0, 1.5
#: Coefficients of (e^x - 1)/x, for the changes of half a part.
_GROWTH = np.array([1.0 / math.factorial(k + 1) for k in range(11)])


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
    others : (rows, rows, n), [out, in], what comes back in other states of one that stays for a
        step.
    gain : (rows, rows, n), [out, in], means of all states over those without such returns.
    """

    depth: jax.Array
    survival: jax.Array
    arriving: jax.Array
    tilted: jax.Array
    phi: jax.Array
    psi: jax.Array
    lag: jax.Array
    others: jax.Array
    gain: jax.Array

    @classmethod
    def of(
        cls, parts: jax.Array, returned: jax.Array, before: jax.Array, ahead: jax.Array
    ) -> Passage:
        """Prepare dN_v/dt = -(depth_v - returned_vv) N_v + source_v + sum_w returned_vw N_w.

        Parameters
        ----------
        parts : (n_parts, rows, n), depths of equal parts of the step, the earliest first.
        returned : (rows, rows, n), [out, in], what comes back of one that stays for a step.
        before, ahead : (rows, n), depth of the last part of the step before, and of the first part
            of the step after.

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
        course = _course(jnp.concatenate([before[None], parts, ahead[None]]))
        over_depth = 1.0 / jnp.where(depth > 0.0, depth, 1.0)
        times = (np.arange(len(parts)) + 0.5) / len(parts)
        early = jnp.where(depth > 0.0, jnp.tensordot(times, parts, axes=1) * over_depth, 0.5)
        others = returned * (1.0 - np.eye(rows))[..., None]

        survival, arriving, tilted = _through(parts * (removal * over_depth), *course)
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
            others=others,
            gain=_inverse(jnp.eye(rows)[..., None] - psi[:, None] * others),
        )

    def through(
        self, contents: jax.Array, source: jax.Array, before: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
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
        """
        slope = jnp.clip(source - before, -source, source)
        coupled = jnp.sum(self.gain * (self.phi * contents + self.psi * source), axis=1)
        added = source + jnp.sum(self.others * coupled, axis=1)
        after = self.survival * contents + self.arriving * added + self.tilted * slope
        return after, coupled - self.lag * slope


def _through(
    parts: jax.Array, rise: jax.Array, bend: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Follow the depth through the parts of a step, and count what survives.

    Parameters
    ----------
    parts : (n_parts, rows, n)
    rise, bend : change of ln(rate) in each part, and of this change: linear in each half, nearly.

    Returns
    -------
    survival : (rows, n), e^-(sum of parts).
    arriving : share that survives of what is added evenly over the step.
    tilted : the same of what is added in proportion to the time since the middle of the step.
    """
    first, second = 0.5 * rise - 0.125 * bend, 0.5 * rise + 0.125 * bend
    decay, growth = _mean_growth(-first), _mean_growth(second)
    near = parts * growth / (growth + decay)
    # rates at the end of each half over its mean
    last = jnp.stack([1.0 / decay, (1.0 + second * growth) / growth], axis=1)
    passed, phi, psi, chi = _exponential_means(jnp.stack([parts - near, near], axis=1))
    # a line through the last half has too large a rate at its end, which shows where it is opaque
    bent = jnp.stack([jnp.zeros_like(bend), bend / 48.0], axis=1)
    rises = jnp.stack([first, second], axis=1)
    kept = _kept((phi, psi, chi), rises, last * (1.0 + bent * (1.0 - phi)))

    n_halves = 2 * len(parts)
    passed, phi, psi, kept = (v.reshape(n_halves, *v.shape[2:]) for v in (passed, phi, psi, kept))
    tilted_in = phi * (np.arange(n_halves) / n_halves - 0.5)[:, None, None] + psi / n_halves
    survival = jnp.ones_like(phi[0])
    arriving = tilted = jnp.zeros_like(survival)
    for half in reversed(range(n_halves)):
        arriving = arriving + survival * kept[half]
        tilted = tilted + survival * tilted_in[half]
        survival = survival * passed[half]
    return survival, arriving / n_halves, tilted / n_halves


def _course(depths: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Find how ln(depth) changes over each part but the first and the last, and its curvature."""
    steps = jnp.diff(jnp.log(depths + _NOTHING), axis=0)
    rise, bend = 0.5 * (steps[:-1] + steps[1:]), steps[1:] - steps[:-1]
    return jnp.clip(rise, -_STEEPEST, _STEEPEST), jnp.clip(bend, -_BENT, _BENT)


def _kept(means: tuple[jax.Array, ...], rise: jax.Array, last: jax.Array) -> jax.Array:
    """int_0^1 ds e^-v(s), v the depth in the last s: what is left at the end of a uniform source.

    The integral over v is an average of 1/rate, rate = last - rise v/depth, with the weight e^-v:
    it takes the mean of v and its variance.

    Parameters
    ----------
    means : phi, psi and chi of `_exponential_means`.
    rise : change of ln(rate) in time.
    last : rate at the end over the mean.
    """
    phi, psi, chi = means
    rate = phi * last - rise * (phi - psi)
    spread, square = 3.0 * rise**2 * (psi**2 - 2.0 * chi), rate**2
    # Pade of artanh(y)/y in y^2 = spread/square: exact for small depths
    share = 105.0 * square - 55.0 * spread
    return phi**2 * rate * share / (105.0 * square**2 + spread * (9.0 * spread - 90.0 * square))


def _mean_growth(rise: jax.Array) -> jax.Array:
    """(e^x - 1)/x, mean over its first value of a rate whose logarithm rises by x."""
    total = jnp.full_like(rise, _GROWTH[-1])
    for coefficient in _GROWTH[-2::-1]:
        total = total * rise + coefficient
    return total


def _exponential_means(a: jax.Array) -> tuple[jax.Array, ...]:
    """e^-a, phi = (1 - e^-a)/a, psi = (1 - phi)/a, and (psi - phi/2)/a."""
    small = a < _THIN
    inverse = 1.0 / jnp.where(small, 1.0, a)
    survival = jnp.exp(-a)
    phi = jnp.where(small, 1.0 - a / 2.0 + a**2 / 6.0 - a**3 / 24.0, (1.0 - survival) * inverse)
    psi = jnp.where(small, 0.5 - a / 6.0 + a**2 / 24.0 - a**3 / 120.0, (1.0 - phi) * inverse)
    chi = jnp.where(small, 1.0 / 12.0 - a / 24.0 + a**2 / 80.0, (psi - 0.5 * phi) * inverse)
    return survival, phi, psi, chi


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
