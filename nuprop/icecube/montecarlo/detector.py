"""Detector systematics event by event: how much a weight changes with each detector parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.icecube.montecarlo.files import FloatArray, MonteCarlo
from nuprop.icecube.montecarlo.splines import SYSTEMATICS, SplineTable, Systematic, b_splines

#: Fluxes with splines of their own; of the astrophysical one each flavor has.
FLUXES = ("astro", "conv", "prompt")
_FLAVORS = {12: "e", 14: "mu", 16: "tau"}

SplineTables = Mapping[tuple[str, str, int], SplineTable]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["coefficients", "nominal", "table", "knots"],
    meta_fields=["orders"],
)
@dataclass(frozen=True)
class EventSplines:
    """The splines of one detector parameter, all other arguments put in.

    Attributes
    ----------
    coefficients : Array, shape (3, n_events, n_coefficients)
        For each of `FLUXES`. Zeros for muons, and for events outside the extents.
    nominal : Array, shape (3, n_events)
        Values at the nominal parameter.
    table : Array of int, shape (3, n_events)
        Which of the knots an event uses.
    knots : tuple of Array
    orders : tuple of int
    """

    coefficients: jax.Array
    nominal: jax.Array
    table: jax.Array
    knots: tuple[jax.Array, ...]
    orders: tuple[int, ...]

    def exponent(self, value: Any) -> jax.Array:
        """log10 of the factor on the weight of each event, shape (3, n_events)."""
        width = self.coefficients.shape[-1]
        rows = [
            b_splines(jnp.asarray(value, dtype=float), t, order, jnp)
            for t, order in zip(self.knots, self.orders, strict=True)
        ]
        if len(rows) == 1:
            return self.coefficients @ rows[0] - self.nominal
        every = jnp.stack([jnp.pad(row, (0, width - row.shape[0])) for row in rows])
        return jnp.sum(self.coefficients * every[self.table], axis=-1) - self.nominal


def correction(splines: Mapping[str, EventSplines], values: Mapping[str, Any]) -> Any:
    """Factor on the weight of each event, 10 to the sum of all exponents: shape (3, n_events)."""
    if not splines:
        return jnp.ones((len(FLUXES), 1))
    exponents = sum(spline.exponent(values[name]) for name, spline in splines.items())
    return jnp.exp(np.log(10.0) * exponents)


def event_splines(events: MonteCarlo, tables: SplineTables) -> dict[str, EventSplines]:
    """Put what is known of each event into the splines.

    Parameters
    ----------
    events : MonteCarlo
    tables : mapping, as `read_splines` returns it

    Returns
    -------
    mapping from detector parameter to `EventSplines`
    """
    present = {name for name, _, _ in tables}
    groups = _groups(events)
    return {
        systematic.name: _one(events, tables, systematic, groups)
        for systematic in SYSTEMATICS
        if systematic.name in present
    }


@dataclass(frozen=True)
class _Group:
    """Events that use the same table: numbers of the flux and the events, and its name."""

    flux: int
    component: str
    morphology: int
    members: NDArray[np.int64]


def _groups(events: MonteCarlo) -> list[_Group]:
    flavor, morphology = np.abs(events.primary), events.observables.morphology
    kinds = [(0, f"diffuseAstro_{name}", flavor == code) for code, name in _FLAVORS.items()]
    kinds += [(1, "atmConv", events.is_neutrino), (2, "atmPrompt", events.is_neutrino)]
    groups = [
        _Group(flux, component, number, np.flatnonzero(mask & (morphology == number)))
        for flux, component, mask in kinds
        for number in range(3)
    ]
    return [group for group in groups if group.members.size]


def _one(
    events: MonteCarlo, tables: SplineTables, systematic: Systematic, groups: list[_Group]
) -> EventSplines:
    used = [tables[systematic.name, group.component, group.morphology] for group in groups]
    kinds: dict[tuple[bytes, int], int] = {}
    for table in used:
        kinds.setdefault((table.knots[-1].tobytes(), table.orders[-1]), len(kinds))
    shape = (len(FLUXES), len(events.primary))
    width = max(table.coefficients.shape[-1] for table in used)
    coefficients, nominal = np.zeros((*shape, width)), np.zeros(shape)
    number = np.zeros(shape, dtype=np.int32)
    for table, group in zip(used, groups, strict=True):
        arguments = systematic.arguments(events.observables.select(group.members), group.morphology)
        inside = table.contains(arguments)
        own = table.last_axis(arguments[inside])
        chosen = group.members[inside]
        coefficients[group.flux, chosen, : own.shape[1]] = own
        nominal[group.flux, chosen] = own @ b_splines(
            systematic.nominal, table.knots[-1], table.orders[-1]
        )
        number[group.flux, chosen] = kinds[table.knots[-1].tobytes(), table.orders[-1]]
    return EventSplines(
        coefficients=jnp.asarray(coefficients),
        nominal=jnp.asarray(nominal),
        table=jnp.asarray(number),
        knots=tuple(jnp.asarray(np.frombuffer(content)) for content, _ in kinds),
        orders=tuple(order for _, order in kinds),
    )


def reach(tables: SplineTables, name: str) -> FloatArray:
    """Lowest and highest value of a detector parameter that all its tables reach, shape (2,)."""
    ends = [table.extents[-1] for (systematic, _, _), table in tables.items() if systematic == name]
    return np.array([max(low for low, _ in ends), min(high for _, high in ends)])
