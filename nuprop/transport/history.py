"""The neutrinos of cells of comoving energy over one step in time."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

#: Depths of a step below which it counts to first and to second order, and that have no slope.
_TRANSPARENT, _THIN, _NOTHING = 1e-5, 0.03, 1e-12
#: Largest change of ln(depth) in a part of a step and of this change between two, and change below
#: which nothing changes.
_STEEPEST, _BENT, _FLAT = 3.0, 1.5, 1e-3


def advance(
    contents: jax.Array,
    parts: jax.Array,
    returned: jax.Array,
    source: jax.Array,
    before: tuple[jax.Array, jax.Array],
    ahead: jax.Array,
) -> tuple[jax.Array, jax.Array, tuple[jax.Array, jax.Array]]:
    """Solve dN_v/dt = -(depth_v - returned_vv) N_v + source_v + sum_w returned_vw N_w over a step.

    Parameters
    ----------
    contents : (rows, n), at its beginning.
    parts : (n_parts, rows, n), depths of equal parts of the step, the earliest first.
    returned : (rows, rows, n), [out, in], what comes back of one that stays for a step.
    source : (rows, n), what is added in the step.
    before : depth of the last part, and source, each (rows, n), in the step before.
    ahead : (rows, n), depth of the first part of the step after.

    Returns
    -------
    contents : (rows, n), at its end.
    mean : (rows, n), such that depth times mean has interacted.
    now : what is `before` the next step.

    Notes
    -----
    With the mean of the other states over the step in the last term: positive, of second order in
    the width of a step and stable for any depth. Where relics are opaque the flux at the end of a
    step is its source over the rate there, on the flank of a line much unlike that in its middle.
    """
    rows = source.shape[0]
    depth = jnp.sum(parts, axis=0)
    diagonal = jnp.stack([returned[v, v] for v in range(rows)])
    removal = jnp.maximum(depth - diagonal, 0.0)
    course = _course(jnp.concatenate([before[0][None], parts, ahead[None]]))
    now = (parts[-1], source)
    parts = parts * (removal / jnp.where(depth > 0.0, depth, 1.0))
    others = returned * (1.0 - np.eye(rows))[..., None]

    survival, arriving, tilted, early = _through(parts, course)
    seen = removal > _TRANSPARENT
    safe = jnp.where(seen, removal, 1.0)
    phi = jnp.where(seen, (1.0 - survival) / safe, 1.0 - 0.5 * removal)
    thin = removal < _THIN
    psi = jnp.where(thin, early * (1.0 - 2.0 / 3.0 * early * removal), (1.0 - arriving) / safe)
    arriving = jnp.where(thin, 1.0 - removal * psi, arriving)
    slope = jnp.clip(source - before[1], -source, source)
    coupled = _solved(psi[:, None] * others, phi * contents + psi * source)
    entering = source + jnp.sum(others * coupled, axis=1)
    after = survival * contents + arriving * entering + tilted * slope
    mean = coupled - jnp.where(seen, tilted / safe, 0.0) * slope
    return after, mean, now


def _through(
    parts: jax.Array, course: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Follow the depth through the parts of a step, and count what survives.

    Returns
    -------
    survival : (rows, n), e^-(sum of parts).
    arriving : share that survives of what is added evenly over the step; with the slopes of depth.
    tilted : the same of what is added in proportion to the time since the middle of the step.
    early : mean share of the step before the depth, for a transparent one.
    """
    n_parts = parts.shape[0]
    passed, phi, psi, _ = _exponential_means(parts)
    kept = _kept(parts, *course)
    survival, nothing = jnp.ones_like(phi[0]), jnp.zeros_like(phi[0])
    arriving, tilted = nothing, nothing
    for q in reversed(range(n_parts)):
        begun = q / n_parts - 0.5
        arriving = arriving + survival * kept[q] / n_parts
        tilted = tilted + survival * (begun * phi[q] + psi[q] / n_parts) / n_parts
        survival = survival * passed[q]
    times = (np.arange(n_parts) + 0.5) / n_parts
    depth = jnp.sum(parts, axis=0)
    weighted = jnp.tensordot(times, parts, axes=1) / jnp.where(depth > 0.0, depth, 1.0)
    early = jnp.where(depth > 0.0, weighted, 0.5)
    return survival, arriving, tilted, early


def _course(depths: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Find how ln(depth) changes over each part but the first and the last, and its curvature."""
    steps = jnp.diff(jnp.log(depths + _NOTHING), axis=0)
    rise, bend = 0.5 * (steps[:-1] + steps[1:]), steps[1:] - steps[:-1]
    return jnp.clip(rise, -_STEEPEST, _STEEPEST), jnp.clip(bend, -_BENT, _BENT)


def _kept(depth: jax.Array, rise: jax.Array, bend: jax.Array) -> jax.Array:
    """int_0^1 ds e^-v(s), v the depth in the last s: what is left at the end of a uniform source.

    Parameters
    ----------
    depth : in all.
    rise, bend : change of ln(rate) in time, and of this change: linear in each half, nearly.
    """
    first, second = 0.5 * rise - 0.125 * bend, 0.5 * rise + 0.125 * bend
    decay = _mean_growth(-first)
    growth = _mean_growth(second)
    near = depth * growth / (growth + decay)
    _, phi, _, _ = _exponential_means(near)
    # a line through the half has too large a rate at its end, which shows where that is opaque
    ending = (1.0 + bend / 48.0 * (1.0 - phi)) / _mean_growth(-second)
    earlier = _kept_of_half(depth - near, first, 1.0 / decay)
    return 0.5 * (_kept_of_half(near, second, ending) + jnp.exp(-near) * earlier)


def _kept_of_half(depth: jax.Array, rise: jax.Array, last: jax.Array) -> jax.Array:
    """Evaluate the same for ln(rate) that rises linearly to `last` times the mean rate.

    The integral over v is an average of 1/rate, rate = last - rise v/depth, with the weight e^-v:
    it takes the mean of v and its variance.
    """
    _, phi, psi, chi = _exponential_means(depth)
    rate = last - rise * (1.0 - psi / phi)
    spread = 3.0 * rise**2 * (psi**2 - 2.0 * chi) / (phi * rate) ** 2
    # Pade of artanh(y)/y in y^2: exact for small depths
    return phi / rate * (105.0 - 55.0 * spread) / (105.0 - 90.0 * spread + 9.0 * spread**2)


def _mean_growth(rise: jax.Array) -> jax.Array:
    """(e^x - 1)/x, mean over its first value of a rate whose logarithm rises by x."""
    flat = jnp.abs(rise) < _FLAT
    safe = jnp.where(flat, 1.0, rise)
    return jnp.where(flat, 1.0 + 0.5 * rise, jnp.expm1(safe) / safe)


def _exponential_means(a: jax.Array) -> tuple[jax.Array, ...]:
    """e^-a, phi = (1 - e^-a)/a, psi = (1 - phi)/a, and (psi - phi/2)/a."""
    small = a < _THIN
    safe = jnp.where(small, 1.0, a)
    survival = jnp.exp(-a)
    phi = jnp.where(small, 1.0 - a / 2.0 + a**2 / 6.0 - a**3 / 24.0, (1.0 - survival) / safe)
    psi = jnp.where(small, 0.5 - a / 6.0 + a**2 / 24.0 - a**3 / 120.0, (1.0 - phi) / safe)
    chi = jnp.where(small, 1.0 / 12.0 - a / 24.0 + a**2 / 80.0, (psi - 0.5 * phi) / safe)
    return survival, phi, psi, chi


def _solved(share: jax.Array, right: jax.Array) -> jax.Array:
    """Solve (1 - share) x = right, (rows, rows, n) and (rows, n), whose diagonal dominates."""
    rows = share.shape[0]
    system = np.eye(rows)[..., None] - share
    a, b = [system[i] for i in range(rows)], [right[i] for i in range(rows)]
    for i in range(rows):
        inverse = 1.0 / a[i][i]
        for j in range(i + 1, rows):
            factor = a[j][i] * inverse
            a[j], b[j] = a[j] - factor * a[i], b[j] - factor * b[i]
    for i in reversed(range(rows)):
        known = sum((a[i][j] * b[j] for j in range(i + 1, rows)), start=jnp.zeros_like(b[i]))
        b[i] = (b[i] - known) / a[i][i]
    return jnp.stack(b)
