"""The neutrinos of one cell of comoving energy, from the highest redshift to today."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

#: Depth of a step below which the slope of the depth plays no role, and its largest slope.
_TRANSPARENT, _STEEPEST = 1e-6, 0.5


def along(
    depth: jax.Array, returned: jax.Array, source: jax.Array, start: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Solve dN_v/du = -(depth_v - returned_vv) N_v + source_v + sum_w returned_vw N_w.

    Parameters
    ----------
    depth : (rows, n_steps), of each step, rising in redshift.
    returned : (rows, rows, n_steps), [out, in], what comes back of one that stays for a step.
    source : (rows, n_steps), what is added in each step.
    start : (rows,), what there is before the first.

    Returns
    -------
    contents : (rows,), today.
    mean : (rows, n_steps), averages over the steps: depth times mean has interacted.

    Notes
    -----
    With the mean of the other states over the step in the last term: positive, of second order in
    the width of a step and stable for any depth. Where relics are opaque the flux follows its
    sources, so that their slope in time shows.
    """
    rows = depth.shape[0]
    unit = jnp.eye(rows)[..., None]
    diagonal = jnp.stack([returned[v, v] for v in range(rows)])
    removal = jnp.maximum(depth - diagonal, 0.0)
    others = returned * (1.0 - np.eye(rows))[..., None]
    survival, phi, psi, chi = _exponential_means(removal)
    right = jnp.concatenate([unit * phi[:, None], (psi * source)[:, None]], axis=1)
    solved = _eliminated(unit - psi[:, None] * others, right)
    gain, offset = solved[:, :rows], solved[:, rows]
    through = unit * survival[:, None] + phi[:, None] * _times(others, gain)
    seen = removal > _TRANSPARENT
    change = jnp.where(seen, _slope(removal) / jnp.where(seen, removal, 1.0), 0.0)
    slope = source * jnp.clip(change, -_STEEPEST, _STEEPEST) - _slope(source)
    added = phi * (source + _times(others, offset[:, None])[:, 0]) + removal * chi * slope

    def step(contents: jax.Array, inputs: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        matrix, more = inputs
        return jnp.sum(matrix * contents, axis=1) + more, contents

    steps = (jnp.moveaxis(through, -1, 0), added.T)
    contents, before = jax.lax.scan(step, start, steps, reverse=True)
    mean = _times(gain, before.T[:, None])[:, 0] + offset - chi * slope
    return contents, mean


def _times(first: jax.Array, second: jax.Array) -> jax.Array:
    """Products of small matrices (rows, rows, n) (rows, columns, n)."""
    return sum(first[:, w, None] * second[w] for w in range(first.shape[1]))  # type: ignore[return-value]


def _slope(values: jax.Array) -> jax.Array:
    """Difference of neighboring steps, rising in redshift: the smaller one, zero at extrema."""
    steps = jnp.diff(values, axis=-1)
    before, after = steps[:, :-1], steps[:, 1:]
    smaller = jnp.sign(before) * jnp.minimum(jnp.abs(before), jnp.abs(after))
    inside = jnp.where(before * after > 0.0, smaller, 0.0)
    return jnp.concatenate([steps[:, :1], inside, steps[:, -1:]], axis=-1)


def _exponential_means(a: jax.Array) -> tuple[jax.Array, ...]:
    """e^-a, phi = (1 - e^-a)/a, psi = (1 - phi)/a, and (psi - phi/2)/a."""
    small = a < 0.03
    safe = jnp.where(small, 1.0, a)
    survival = jnp.exp(-a)
    phi = jnp.where(small, 1.0 - a / 2.0 + a**2 / 6.0 - a**3 / 24.0, (1.0 - survival) / safe)
    psi = jnp.where(small, 0.5 - a / 6.0 + a**2 / 24.0 - a**3 / 120.0, (1.0 - phi) / safe)
    chi = jnp.where(small, 1.0 / 12.0 - a / 24.0 + a**2 / 80.0, (psi - 0.5 * phi) / safe)
    return survival, phi, psi, chi


def _eliminated(system: jax.Array, right: jax.Array) -> jax.Array:
    """Solve many small systems (rows, rows, n) X = (rows, columns, n) whose diagonal dominates."""
    rows = system.shape[0]
    a, b = [system[i] for i in range(rows)], [right[i] for i in range(rows)]
    for i in range(rows):
        inverse = 1.0 / a[i][i]
        a[i], b[i] = a[i] * inverse, b[i] * inverse
        for j in range(rows):
            if j != i:
                factor = a[j][i]
                a[j], b[j] = a[j] - factor * a[i], b[j] - factor * b[i]
    return jnp.stack(b)
