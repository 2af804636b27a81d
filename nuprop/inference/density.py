"""The posterior density in unconstrained coordinates, for any sampler."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from nuprop.errors import FitError
from nuprop.inference.analysis import Analysis
from nuprop.inference.fluxtable import FluxTable
from nuprop.inference.hypotheses import at_start
from nuprop.inference.objective import (
    Objective,
    fluences,
    nll_of,
    predictions,
    start_of,
    with_free,
)
from nuprop.precision import require_float64


@partial(jax.tree_util.register_dataclass, data_fields=["objective", "table"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class LogDensity:
    """Logarithm of the posterior density; made by `log_density`.

    A callable of u = ln(x / (1 - x)), shape (n_free,), where x from 0 to 1 is the place of each
    free parameter between its bounds, in its scale. It is a pure function and a pytree: give it to
    compiled functions as an argument.

    Attributes
    ----------
    objective : Objective
    table : FluxTable or None
        Interpolates the flux, where only one parameter of the source's spectrum shapes it.
    """

    objective: Objective
    table: FluxTable | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        layout = self.objective.layout
        return tuple(layout.slots[i].name for i in layout.free)

    @property
    def start(self) -> jax.Array:
        """Coordinates of the start of the parameters, shape (n_free,)."""
        x = jnp.clip(start_of(self.objective), 1e-6, 1.0 - 1e-6)
        return jnp.log(x) - jnp.log1p(-x)

    def __call__(self, u: jax.Array) -> jax.Array:
        """Logarithm of the density in `u`, up to a constant.

        Notes
        -----
        -(-ln L), with the Gaussian priors, plus ln |dx/du|: a parameter without a prior is equally
        likely between its bounds in its own scale. One with a prior is Gaussian in its value; in a
        logarithmic scale this takes another factor of the value.
        """
        objective = self.objective
        layout = objective.layout
        x = jax.nn.sigmoid(u)
        values = with_free(objective, x)
        if self.table is None:
            flux = fluences(objective, values)
        else:
            flux = self.table.flux(x).values
        value = -nll_of(objective, values, predictions(objective, values, flux))
        value += jnp.sum(jax.nn.log_sigmoid(u) + jax.nn.log_sigmoid(-u))
        free = jnp.array(layout.free, dtype=int)
        log = jnp.array([layout.slots[i].log for i in layout.free])
        known = log & jnp.isfinite(objective.sigma[free])
        value += jnp.sum(jnp.where(known, jnp.log(jnp.where(known, values[free], 1.0)), 0.0))
        return jnp.where(jnp.isfinite(value), value, -jnp.inf)

    def values(self, u: jax.Array) -> dict[str, jax.Array]:
        """Values of the free parameters, in code units, from coordinates of shape (..., n_free)."""
        free = jnp.array(self.objective.layout.free, dtype=int)
        every = jnp.vectorize(
            lambda row: with_free(self.objective, jax.nn.sigmoid(row))[free], signature="(n)->(n)"
        )(jnp.asarray(u))
        return {name: every[..., i] for i, name in enumerate(self.names)}


def log_density(analysis: Analysis) -> LogDensity:
    """Make the posterior density of an analysis, for a sampler of your own.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    LogDensity

    Raises
    ------
    FitError
        If nothing is free.
    """
    require_float64()
    if not analysis.names:
        raise FitError("analysis: every parameter is fixed; free one to sample it")
    objective = analysis.objective()
    table = at_start(objective).table
    if table is not None:
        table = jax.tree.map(lambda rows: rows[0], table)
    return LogDensity(objective, table)
