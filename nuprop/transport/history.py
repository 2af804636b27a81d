"""The neutrinos of cells of comoving energy over one step in time."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

#: Depth of a step below which the slope of the depth plays no role, and the largest slopes of depth
#: and source, as a share of them.
_TRANSPARENT, _STEEPEST = 1e-6, 0.5


def advance(
    contents: jax.Array,
    depth: jax.Array,
    returned: jax.Array,
    source: jax.Array,
    before: tuple[jax.Array, jax.Array],
) -> tuple[jax.Array, jax.Array, tuple[jax.Array, jax.Array]]:
    """Solve dN_v/dt = -(depth_v - returned_vv) N_v + source_v + sum_w returned_vw N_w over a step.

    Parameters
    ----------
    contents : (rows, n), at its beginning.
    depth : (rows, n), of the step.
    returned : (rows, rows, n), [out, in], what comes back of one that stays for a step.
    source : (rows, n), what is added in the step.
    before : removal and source, each (rows, n), in the step before.

    Returns
    -------
    contents : (rows, n), at its end.
    mean : (rows, n), average over the step: depth times mean has interacted.
    now : removal (what does not come back to the same state) and source, each (rows, n).

    Notes
    -----
    With the mean of the other states over the step in the last term: positive, of second order in
    the width of a step and stable for any depth. Where relics are opaque the flux follows its
    sources, so that their slope in time shows.
    """
    rows = depth.shape[0]
    diagonal = jnp.stack([returned[v, v] for v in range(rows)])
    removal = jnp.maximum(depth - diagonal, 0.0)
    others = returned * (1.0 - np.eye(rows))[..., None]
    survival, phi, psi, chi = _exponential_means(removal)
    seen = removal > _TRANSPARENT
    change = jnp.where(seen, (before[0] - removal) / jnp.where(seen, removal, 1.0), 0.0)
    slope = source * jnp.clip(change, -_STEEPEST, _STEEPEST) - jnp.clip(
        before[1] - source, -source, source
    )
    coupled = _solved(psi[:, None] * others, phi * contents + psi * source)
    entering = source + jnp.sum(others * coupled, axis=1)
    after = survival * contents + phi * entering + removal * chi * slope
    return after, coupled - chi * slope, (removal, source)


def _exponential_means(a: jax.Array) -> tuple[jax.Array, ...]:
    """e^-a, phi = (1 - e^-a)/a, psi = (1 - phi)/a, and (psi - phi/2)/a."""
    small = a < 0.03
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
