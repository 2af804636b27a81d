"""Hypotheses that many data sets are fitted under, with their fluxes tabulated beforehand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import FitError
from nuprop.inference.fluxtable import FluxTable, can_tabulate, tabulated_at
from nuprop.inference.grid import Grid
from nuprop.inference.objective import Objective

FloatArray = NDArray[np.float64]
T = TypeVar("T")

#: Spectra propagated for each hypothesis: once for all toys, so more than `profile` takes.
NODES = 10
#: Relative error of an interpolated flux that is refused.
WORST_FLUX = 1e-3
#: Hypotheses that go through one program together.
BLOCK = 8


@partial(jax.tree_util.register_dataclass, data_fields=["values", "sigma", "table"], meta_fields=[])
@dataclass(frozen=True)
class Hypotheses:
    """Points at which data are fitted.

    Attributes
    ----------
    values : Array, shape (n, n_parameters)
        Of all parameters; the free ones are fitted.
    sigma : Array, shape (n, n_parameters)
        Of the auxiliary measurements behind the priors; inf where there is none.
    table : FluxTable with a leading axis (n,), or None to propagate at every step.
    """

    values: jax.Array
    sigma: jax.Array
    table: FluxTable | None


def blocks(rows: T, number: int) -> list[T]:
    """Cut trees of arrays with a leading axis into blocks; the last row fills up the last block.

    Whatever their number is, one compiled program serves all blocks.
    """
    size = BLOCK if number > 1 else 1
    places = [np.minimum(np.arange(i, i + size), number - 1) for i in range(0, number, size)]
    return [jax.tree.map(lambda leaf, at=at: leaf[at], rows) for at in places]


def tabulated(objective: Objective, values: jax.Array) -> FluxTable:
    """Tabulate the flux for rows of values of all parameters; a table with a leading axis."""
    number = len(values)
    parts = [tabulated_at(objective, block, NODES) for block in blocks(values, number)]
    return jax.tree.map(lambda *rows: jnp.concatenate(rows)[:number], *parts)


def table_error(table: FluxTable) -> float:
    """Largest relative error of the fluxes in a table with a leading axis."""
    return float(jnp.max(jax.vmap(FluxTable.error)(table)))


def measured_sigma(objective: Objective, tested: tuple[int, ...] = ()) -> jax.Array:
    """Sigmas of the priors of what is free or tested: a prior of what is held measures nothing."""
    numbers = np.arange(len(objective.layout.slots))
    known = np.isin(numbers, objective.layout.free + tested)
    return jnp.where(jnp.asarray(known), objective.sigma, jnp.inf)


def at_start(objective: Objective) -> Hypotheses:
    """Make one hypothesis of the values of an objective, tabulated if that can be done well."""
    alone = Hypotheses(objective.values[None], measured_sigma(objective)[None], None)
    if can_tabulate(objective.layout) or not objective.layout.free_shapes:
        table = tabulated(objective, alone.values)
        if table_error(table) < WORST_FLUX:
            return replace(alone, table=table)
    return alone


def on_grid(made: Grid, points: FloatArray, what: str) -> tuple[Hypotheses, float]:
    """Make hypotheses of points of a grid and, if it has axes of the mediator, of no interaction.

    Parameters
    ----------
    made : Grid
    points : ndarray, shape (n, n_axes)
    what : str
        Begins the messages.

    Returns
    -------
    hypotheses : no interaction is the last.
    error : float
        Largest relative error of the interpolated fluxes.

    Raises
    ------
    FitError
        If more than one free parameter shapes the flux, or it is interpolated badly.
    """
    objective = made.objective
    _require_tabulated(objective, what)
    where = jnp.asarray(made.where)
    rows = jnp.tile(objective.values, (len(points), 1)).at[:, where].set(jnp.asarray(points))
    sigma = measured_sigma(objective, made.where)
    sigmas = jnp.tile(sigma, (len(points), 1))
    if not made.of_mediator:
        table = tabulated(objective, rows)
        return Hypotheses(rows, sigmas, table), _accurate(table, what)
    targets = [parameter.target or "" for parameter in made.analysis.parameters]
    pointless = jnp.asarray([target.startswith("mediator.") for target in targets])
    sigmas = jnp.concatenate([sigmas, jnp.where(pointless, jnp.inf, sigma)[None]])
    nothing = made.null_point()
    if nothing is not None:
        null = objective.values.at[where].set(jnp.asarray(nothing))
        rows = jnp.concatenate([rows, null[None]])
        table = tabulated(objective, rows)
    else:
        table = _joined(tabulated(objective, rows), _null_table(made))
        rows = jnp.concatenate([rows, rows[:1]])
    return Hypotheses(rows, sigmas, table), _accurate(table, what)


def _null_table(made: Grid) -> FluxTable:
    """Tabulate the analysis without interaction, whose mediator has no parameters.

    The normalization keeps its part in the fit, which may depend on ties that are gone here.
    """
    objective = made.analysis.without_interaction().objective()
    parts = {slot.name: slot for slot in made.objective.layout.slots}
    slots = tuple(parts[slot.name] for slot in objective.layout.slots)
    objective = replace(objective, layout=replace(objective.layout, slots=slots))
    return tabulated(objective, objective.values[None])


def _joined(*tables: FluxTable) -> FluxTable:
    return jax.tree.map(lambda *rows: jnp.concatenate(rows), *tables)


def _require_tabulated(objective: Objective, what: str) -> None:
    layout = objective.layout
    if can_tabulate(layout) or not layout.free_shapes:
        return
    names = [layout.slots[i].name for i in layout.free_shapes]
    raise FitError(
        f"{what}: {', '.join(names)} would be refitted to every toy, and the flux propagated at "
        "each step; at most one parameter that shapes the flux may be, one of the source's "
        "spectrum. Hold the others: analysis.fixed(NAME=value)"
    )


def _accurate(table: FluxTable, what: str) -> float:
    error = table_error(table)
    if not error < WORST_FLUX:
        raise FitError(
            f"{what}: interpolated in a spectral parameter, the flux has errors up to {error:.2g}, "
            f"above {WORST_FLUX:g}; narrow the bounds of that parameter, or hold it"
        )
    return error
