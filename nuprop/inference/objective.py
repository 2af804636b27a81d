"""The pure functions of a fit: from parameters to the flux, the prediction and the likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp

from nuprop.icecube.protocol import Likelihood
from nuprop.inference.physics import Physics, replaced
from nuprop.transport import LatticeShape, cell_averages
from nuprop.transport.spectrum import Helicities, Method

#: Gauss-Legendre nodes in each energy cell of a response, or piece of one: cells of 0.06 in ln(E)
#: get averages to 1e-6 of them, whatever jumps there are.
NODES = 2

Role = Literal["shape", "amplitude", "detector", "latent"]


@dataclass(frozen=True)
class Slot:
    """What one parameter does; part of the structure of compiled programs.

    Attributes
    ----------
    name : str
    role : "shape" (the flux must be propagated anew), "amplitude" (it scales), "detector" (a
        nuisance), or "latent" (it only enters ties).
    target : path of the number it sets, or name of the nuisance.
    owners : numbers of the likelihoods whose nuisance it is.
    log : whether it is varied in its logarithm.
    transform : from its value to that of the target.
    """

    name: str
    role: Role
    target: str
    owners: tuple[int, ...] = ()
    log: bool = False
    transform: Callable[[Any], Any] | None = None

    def value(self, parameter: Any) -> Any:
        """Value of the target."""
        return parameter if self.transform is None else self.transform(parameter)


@dataclass(frozen=True)
class Layout:
    """Everything about a fit that is not a number.

    Attributes
    ----------
    slots : all parameters, fixed ones included.
    free : numbers of those that vary.
    ties : (path, function of the values of all parameters by name).
    method, helicities, lattice, pieces : of the transport, see `nuprop.transport.cell_averages`.
    """

    slots: tuple[Slot, ...]
    free: tuple[int, ...]
    ties: tuple[tuple[str, Callable[..., Any]], ...] = ()
    method: Method = "sweep"
    helicities: Helicities = "summed"
    lattice: LatticeShape | None = None
    pieces: tuple[int, ...] = (1,)

    @property
    def free_shapes(self) -> tuple[int, ...]:
        """Numbers of the free parameters that change the shape of the flux."""
        return tuple(i for i in self.free if self.slots[i].role in ("shape", "latent"))


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["physics", "likelihoods", "values", "low", "high", "mean", "sigma"],
    meta_fields=["layout"],
)
@dataclass(frozen=True)
class Objective:
    """A fit in code units: an argument of compiled functions.

    Attributes
    ----------
    physics : Physics
    likelihoods : tuple of Likelihood
    values : (n_parameters,), of all parameters; those that vary start here.
    low, high : (n_parameters,), bounds.
    mean, sigma : (n_parameters,), Gaussian priors; sigma is inf where there is none.
    layout : Layout
    """

    physics: Physics
    likelihoods: tuple[Likelihood, ...]
    values: jax.Array
    low: jax.Array
    high: jax.Array
    mean: jax.Array
    sigma: jax.Array
    layout: Layout


def place_of(objective: Objective, values: jax.Array) -> jax.Array:
    """Where parameters lie between their bounds, 0 to 1, in their own scale; all of them."""
    log = jnp.array([slot.log for slot in objective.layout.slots])
    low, high = objective.low, objective.high
    safe = jnp.where(log, low, 1.0)
    logarithmic = jnp.log(jnp.where(log, values, 1.0) / safe) / jnp.log(
        jnp.where(log, high, 2.0) / safe
    )
    return jnp.where(log, logarithmic, (values - low) / (high - low))


def value_at(objective: Objective, place: jax.Array) -> jax.Array:
    """Values of all parameters from their places; inverse of `place_of`."""
    log = jnp.array([slot.log for slot in objective.layout.slots])
    low, high = objective.low, objective.high
    safe = jnp.where(log, low, 1.0)
    logarithmic = safe * jnp.exp(place * jnp.log(jnp.where(log, high, 2.0) / safe))
    return jnp.where(log, logarithmic, low + place * (high - low))


def with_free(objective: Objective, x: jax.Array) -> jax.Array:
    """Values of all parameters, the free ones at places `x`, shape (n_free,)."""
    free = jnp.array(objective.layout.free, dtype=int)
    place = place_of(objective, objective.values).at[free].set(x)
    return objective.values.at[free].set(value_at(objective, place)[free])


def start_of(objective: Objective) -> jax.Array:
    """Places of the free parameters, shape (n_free,)."""
    return place_of(objective, objective.values)[jnp.array(objective.layout.free, dtype=int)]


def fluences(objective: Objective, values: jax.Array) -> tuple[jax.Array, ...]:
    """Integrals of the flux over the cells of each likelihood, before the amplitude.

    Returns
    -------
    tuple of Array, shape (2, 3, n_cells), cm^-2 s^-1 sr^-1
    """
    layout = objective.layout
    changes = {
        slot.target: slot.value(values[i])
        for i, slot in enumerate(layout.slots)
        if slot.role == "shape"
    }
    if layout.ties:
        named = {slot.name: values[i] for i, slot in enumerate(layout.slots)}
        changes |= {path: function(named) for path, function in layout.ties}
    physics = replaced(objective.physics, changes)
    mixing = physics.neutrinos.mixing[:3]
    result = []
    for likelihood, pieces in zip(objective.likelihoods, layout.pieces, strict=True):
        edges = likelihood.energy_edges
        averages = cell_averages(
            edges,
            physics.source,
            physics.mediator,
            physics.neutrinos,
            physics.relics,
            physics.cosmology,
            method=layout.method,
            helicities=layout.helicities,
            lattice=layout.lattice,
            pieces=pieces,
            order=NODES,
        )
        if layout.helicities == "summed":
            averages = jnp.concatenate([0.5 * averages] * 2)
        result.append(jnp.einsum("fi,ain->afn", mixing, averages) * jnp.diff(edges))
    return tuple(result)


def amplitude(objective: Objective, values: jax.Array) -> jax.Array:
    """Factor on the flux that a free normalization makes."""
    for i, slot in enumerate(objective.layout.slots):
        if slot.role == "amplitude":
            return slot.value(values[i]) / objective.physics.source.normalization
    return jnp.ones(())


def nuisances_of(objective: Objective, values: jax.Array, number: int) -> dict[str, Any]:
    """Values of the nuisances of one likelihood, by name."""
    return {
        slot.target: slot.value(values[i])
        for i, slot in enumerate(objective.layout.slots)
        if slot.role == "detector" and number in slot.owners
    }


def predictions(
    objective: Objective, values: jax.Array, flux: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """Predict every measurement from the integrals that `fluences` gives."""
    scale = amplitude(objective, values)
    result = []
    for number, (likelihood, fluence) in enumerate(zip(objective.likelihoods, flux, strict=True)):
        nuisance = nuisances_of(objective, values, number)
        result.append(likelihood.predict(scale * fluence, nuisance))
    return tuple(result)


def penalty(objective: Objective, values: jax.Array) -> jax.Array:
    """-ln of the Gaussian priors, up to a constant."""
    return 0.5 * jnp.sum(((values - objective.mean) / objective.sigma) ** 2)


def nll_of(objective: Objective, values: jax.Array, predicted: tuple[jax.Array, ...]) -> jax.Array:
    """-ln L of all measurements for given predictions, and of the priors."""
    parts = (
        likelihood.nll(prediction)
        for likelihood, prediction in zip(objective.likelihoods, predicted, strict=True)
    )
    return sum(parts, penalty(objective, values))


def nll(x: jax.Array, objective: Objective) -> jax.Array:
    """-ln L at places x of the free parameters, shape (n_free,), each from 0 to 1."""
    values = with_free(objective, x)
    return nll_of(objective, values, predictions(objective, values, fluences(objective, values)))


@partial(jax.tree_util.register_dataclass, data_fields=["values", "slopes"], meta_fields=[])
@dataclass(frozen=True)
class Flux:
    """Integrals of the flux, and their derivatives in the free parameters that shape it.

    Attributes
    ----------
    values : tuple of Array, shape (2, 3, n_cells), one for each likelihood.
    slopes : tuple of Array, shape (2, 3, n_cells, n_shapes)
    """

    values: tuple[jax.Array, ...]
    slopes: tuple[jax.Array, ...]


def shape_positions(layout: Layout) -> jax.Array:
    """Positions of `Layout.free_shapes` among the free parameters."""
    return jnp.array([layout.free.index(i) for i in layout.free_shapes], dtype=int)


def propagated(objective: Objective, x: jax.Array) -> Flux:
    """Propagate the flux at places `x` of the free parameters, with its derivatives."""
    layout = objective.layout
    where = shape_positions(layout)

    def shaped(shapes: jax.Array) -> tuple[jax.Array, ...]:
        return fluences(objective, with_free(objective, x.at[where].set(shapes)))

    if not layout.free_shapes:
        values = fluences(objective, with_free(objective, x))
        return Flux(values, tuple(jnp.zeros((*item.shape, 0)) for item in values))
    if len(layout.free_shapes) == 1:  # without a batch of one, which XLA would not see through
        values, tangent = jax.jvp(shaped, (x[where],), (jnp.ones(1),))
        return Flux(values, tuple(item[..., None] for item in tangent))
    slopes, values = jax.jacfwd(lambda shapes: (shaped(shapes),) * 2, has_aux=True)(x[where])
    return Flux(values, slopes)
