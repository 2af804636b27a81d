"""Where secondaries land on cells of ln(E): exact integrals for each kernel and each cell.

For a kernel (E'/E)^m e^{-mu (E - E')} dE'/E what falls below an energy loses a known share in each
cell on its way down, whatever cell it came from: sums over all higher cells are one recursion. What
interacts in a cell is spread over ln(E) with the slope of its neighbors; what stays in the cell and
what leaves it add up to all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

_ROOTS, _LEGENDRE = np.polynomial.legendre.leggauss(12)
_NODES, _WEIGHTS = 0.5 * (_ROOTS + 1.0), 0.5 * _LEGENDRE
#: For what is smooth over a cell, however steep the exponential.
_FEW, _FEW_WEIGHTS = (v / 2.0 for v in np.polynomial.legendre.leggauss(4))
_FEW = _FEW + 0.5
#: Above this z the recursion of `moments_below` is exact to rounding, below it the quadrature.
_RECURSION = 4.0
_LEAST = 1e-9


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["stay", "leave", "leave_slope", "passing", "cooling"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Crossing:
    """Factors of cells for each power m = 0, 1, 2; all (3, n_cells).

    Attributes
    ----------
    stay, leave : of what interacts in the cell, what lands in it and what lands below it.
    leave_slope : what lands below it more for each unit by which the cell above has more.
    passing : what lands below the cell of that which lands below its upper edge.
    cooling : mean energy of what lands below the cell, over that of its lower edge.
    """

    stay: jax.Array
    leave: jax.Array
    leave_slope: jax.Array
    passing: jax.Array
    cooling: jax.Array


def crossing(z: jax.Array, h: jax.Array) -> Crossing:
    """Compute the factors of cells that reach from ln(E_-) to ln(E_-) + h.

    Parameters
    ----------
    z : (n,), mu E_- for each cell.
    h : width of the cells.
    """
    order = jnp.arange(1.0, 4.0)[:, None]
    lower, upper = moments_below(z), moments_below(z * jnp.exp(h))
    whole = moments_below(z[..., None] * jnp.exp(h * _FEW))[:3] @ _FEW_WEIGHTS
    # nodes of int e^{-z (e^t - 1)} dt over the cell, which may fall steeply within it
    safe = jnp.maximum(z, _LEAST)[..., None]
    reach = -jnp.expm1(-safe * jnp.expm1(h)) / safe
    rise = jnp.log1p(-jnp.log1p(-_NODES * safe * reach) / safe)
    falling = _WEIGHTS * reach / h * jnp.exp(-(order[..., None] + 1.0) * rise)
    leave = jnp.sum(falling, axis=-1) * lower[:3]
    leave_slope = jnp.sum(falling * (rise / h - 0.5), axis=-1) * lower[:3]
    passing = jnp.exp(-order * h - z * jnp.expm1(h)) * lower[:3] / upper[:3]
    return Crossing(whole - leave, leave, leave_slope, passing, lower[1:] / lower[:3])


def moments_below(z: jax.Array) -> jax.Array:
    """int_0^1 dx x^m e^{-z (1 - x)} for m = 0, 1, 2, 3; (4, *z.shape)."""
    large = z > _RECURSION
    safe = jnp.where(large, z, 1.0)
    closed = [-jnp.expm1(-safe) / safe]
    for m in range(1, 4):
        closed.append((1.0 - m * closed[-1]) / safe)
    decay = _WEIGHTS * jnp.exp(-jnp.where(large, 0.0, z)[..., None] * (1.0 - _NODES))
    return jnp.stack([jnp.where(large, c, decay @ _NODES**m) for m, c in enumerate(closed)])
