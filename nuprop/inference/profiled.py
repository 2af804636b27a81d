"""The profile likelihood at one point or many, inside compiled programs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp

from nuprop.inference.fluxtable import FluxTable, can_tabulate, tabulate
from nuprop.inference.objective import Objective, start_of, with_free
from nuprop.inference.scoring import minimize


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["nll", "values", "converged", "error"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Profiled:
    """-ln L minimized in the free parameters.

    Attributes
    ----------
    nll : Array
    values : Array, (..., n_parameters), of all parameters.
    converged : Array of bool
    error : Array
        Largest relative error of an interpolated flux; 0 where none was interpolated.
    """

    nll: jax.Array
    values: jax.Array
    converged: jax.Array
    error: jax.Array


def profiled(objective: Objective, nodes: int) -> Profiled:
    """Minimize in the free parameters, from their start.

    Parameters
    ----------
    objective : Objective
    nodes : int, static
        Spectra propagated to interpolate between, where one spectral parameter alone shapes the
        flux, or none does; 0 propagates anew at every step.
    """
    x = start_of(objective)
    tabulated = nodes and (can_tabulate(objective.layout) or not objective.layout.free_shapes)
    if tabulated:
        table = tabulate(objective, nodes)
        found, error = minimize(objective, x, table.flux), table.error()
    else:
        found, error = minimize(objective, x), jnp.zeros(())
    return Profiled(found.nll, with_free(objective, found.x), found.converged, error)


@partial(jax.jit, static_argnames=("where", "nodes", "batched"))
def profiled_at(
    objective: Objective,
    points: jax.Array,
    where: tuple[int, ...],
    nodes: int,
    batched: bool = False,
) -> Profiled:
    """Minimize at many points.

    Parameters
    ----------
    objective : Objective
    points : Array, shape (n, k)
        Values of k fixed parameters.
    where : their numbers.
    nodes : as for `profiled`.
    batched : bool
        All points at once, for an accelerator, or one after the other, which is faster on a CPU.

    Returns
    -------
    Profiled, with arrays of n rows.
    """

    def one(point: jax.Array) -> Profiled:
        values = objective.values.at[jnp.array(where, dtype=int)].set(point)
        return profiled(replace(objective, values=values), nodes)

    if batched:
        return jax.vmap(one)(points)
    return jax.lax.map(one, points)


@jax.jit
def profiled_from(objective: Objective, rows: jax.Array, table: FluxTable) -> Profiled:
    """Minimize at many points whose fluxes are tabulated: for several data of the same model.

    Parameters
    ----------
    objective : Objective
    rows : Array, shape (n, n_parameters)
        Values of all parameters.
    table : FluxTable, with a leading axis (n,)
    """

    def one(pair: tuple[jax.Array, FluxTable]) -> Profiled:
        row, tabulated = pair
        held = replace(objective, values=row)
        found = minimize(held, start_of(held), tabulated.flux)
        values = with_free(held, found.x)
        return Profiled(found.nll, values, found.converged, tabulated.error())

    return jax.lax.map(one, (rows, table))
