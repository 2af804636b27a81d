"""One spectral parameter tabulated: propagate a few times, then fit without propagating again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.inference.objective import (
    Flux,
    Layout,
    Objective,
    fluences,
    start_of,
    with_free,
)

#: Chebyshev nodes. The logarithm of a flux is nearly linear in a spectral index.
NODES = 6


def _nodes(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes on [0, 1], and the matrix from node values to Chebyshev coefficients."""
    angles = np.pi * (np.arange(number) + 0.5) / number
    order = np.arange(number)
    weights = np.where(order == 0, 1.0, 2.0)[:, None] / number
    return 0.5 * (1.0 + np.cos(angles)), np.cos(np.outer(order, angles)) * weights


#: Keeps the logarithm of a flux finite where it is zero.
_NOTHING = 1e-300


def can_tabulate(layout: Layout) -> bool:
    """Whether the only free parameter that shapes the flux is one of the source's spectrum."""
    shapes = [layout.slots[i] for i in layout.free_shapes]
    return len(shapes) == 1 and shapes[0].target.startswith("source.spectrum.")


@partial(jax.tree_util.register_dataclass, data_fields=["coefficients"], meta_fields=["position"])
@dataclass(frozen=True)
class FluxTable:
    """Logarithm of the flux as a Chebyshev series in the place of one parameter.

    Attributes
    ----------
    coefficients : tuple of Array, shape (n_nodes, 2, 3, n_cells), one for each likelihood.
    position : of the parameter among the free ones; None if nothing shapes the flux.
    """

    coefficients: tuple[jax.Array, ...]
    position: int | None

    def flux(self, x: jax.Array) -> Flux:
        """Interpolate the flux, and its slope, at places `x` of the free parameters."""
        if self.position is None:
            values = tuple(jnp.exp(item[0]) for item in self.coefficients)
            return Flux(values, tuple(jnp.zeros((*item.shape, 0)) for item in values))

        def series(place: jax.Array) -> tuple[jax.Array, ...]:
            t = jnp.clip(2.0 * place - 1.0, -1.0, 1.0)
            terms = [jnp.ones_like(t), t]
            while len(terms) < self.coefficients[0].shape[0]:
                terms.append(2.0 * t * terms[-1] - terms[-2])
            weights = jnp.stack(terms)
            return tuple(
                jnp.exp(jnp.tensordot(weights, item, axes=1)) for item in self.coefficients
            )

        place = x[self.position]
        values, slopes = jax.jvp(series, (place,), (jnp.ones(()),))
        return Flux(values, tuple(item[..., None] for item in slopes))

    def error(self) -> jax.Array:
        """Largest relative error of the flux: the size of the last coefficient."""
        if self.position is None:
            return jnp.zeros(())
        return jnp.max(jnp.stack([jnp.max(jnp.abs(item[-1])) for item in self.coefficients]))


def tabulate(objective: Objective, nodes: int = NODES) -> FluxTable:
    """Propagate the flux at the nodes; once, if no free parameter shapes it. Pure."""
    start = start_of(objective)
    if not objective.layout.free_shapes:
        flux = fluences(objective, with_free(objective, start))
        return FluxTable(tuple(jnp.log(item + _NOTHING)[None] for item in flux), None)
    position = objective.layout.free.index(objective.layout.free_shapes[0])

    def at(place: jax.Array) -> tuple[jax.Array, ...]:
        return fluences(objective, with_free(objective, start.at[position].set(place)))

    places, to_coefficients = _nodes(nodes)
    flux = jax.lax.map(at, jnp.asarray(places))
    coefficients = tuple(
        jnp.tensordot(jnp.asarray(to_coefficients), jnp.log(item + _NOTHING), axes=1)
        for item in flux
    )
    return FluxTable(coefficients, position)


@partial(jax.jit, static_argnames="nodes")
def tabulated_at(objective: Objective, rows: jax.Array, nodes: int = NODES) -> FluxTable:
    """Tabulate the flux for rows of values of all parameters; a table with a leading axis."""
    return jax.lax.map(lambda row: tabulate(replace(objective, values=row), nodes), rows)
