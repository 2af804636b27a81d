"""Measurements and a transport that cost nothing, to test what is done with them."""

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import nuprop
from nuprop.icecube import poisson
from nuprop.icecube.protocol import Nuisance
from nuprop.inference import Analysis, Parameter

EDGES = np.geomspace(1e5, 1e7, 13)
#: A resonance of 11 MeV lies at 756 TeV, as on neutrinos of 0.08 eV.
_DOUBLE_MASS = 1.6e-10
#: Depth of the dip per coupling: linear, so that no interaction is an ordinary boundary.
_DEPTH = 50.0


def cell_averages(edges, source, mediator, neutrinos, relics, cosmology, *, helicities, **ignored):
    """Take the place of `nuprop.transport.cell_averages`: a power law with a wide dip."""
    energy = jnp.sqrt(edges[1:] * edges[:-1])
    distance = jnp.log(energy * _DOUBLE_MASS / mediator.mass**2)
    dip = 1.0 - _DEPTH * mediator.coupling * jnp.exp(-0.5 * (distance / 0.6) ** 2)
    spectrum = (energy / 1e5) ** -source.spectrum.index
    if source.spectrum.cutoff is not None:
        spectrum = spectrum * jnp.exp(-energy / source.spectrum.cutoff)
    each = source.normalization * spectrum * dip
    return jnp.broadcast_to(each, (1 if helicities == "summed" else 2, 3, energy.size))


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["observed", "exposure", "background"],
    meta_fields=["name", "with_errors"],
)
@dataclass(frozen=True, eq=False)
class Counts:
    """Poisson counts, one bin for each cell of energy, with an efficiency known to 10 %."""

    observed: jax.Array
    exposure: float = 2e16
    background: float = 3.0
    name: str = "counts"
    with_errors: bool = False  # predict as the likelihood of simulated events does

    samples = ("counts",)
    nuisances = (Nuisance("efficiency", 1.0, (0.5, 1.5), 1.0, 0.1),)
    energy_edges = jnp.asarray(EDGES)

    def predict(self, fluence, nuisance):
        efficiency = nuisance.get("efficiency", 1.0)
        mean = efficiency * self.exposure * jnp.sum(fluence, axis=(0, 1)) + self.background
        return jnp.concatenate([mean, 0.0 * mean]) if self.with_errors else mean

    def nll(self, prediction):
        return -jnp.sum(poisson.log_likelihood(self.observed, prediction[: EDGES.size - 1]))

    def information(self, prediction):
        mean = prediction[: EDGES.size - 1]
        return jnp.concatenate([1.0 / mean, 0.0 * mean]) if self.with_errors else 1.0 / mean

    def simulate(self, prediction, key):
        mean = prediction[: EDGES.size - 1]
        return self.with_observed(jax.random.poisson(key, mean).astype(float))

    def with_observed(self, observed):
        return replace(self, observed=jnp.asarray(observed, dtype=float))


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["observed", "matrix"],
    meta_fields=["names", "broken"],
)
@dataclass(frozen=True, eq=False)
class Gaussian:
    """Numbers of error 1, linear in parameters between -10 and 10; blind to the flux."""

    observed: jax.Array
    matrix: jax.Array
    names: tuple[str, ...]
    broken: bool = False

    name = "gaussian"
    samples = ("gaussian",)
    energy_edges = jnp.asarray(EDGES[:2])

    @property
    def nuisances(self):
        low = {"positive": 0.0}
        return tuple(Nuisance(name, 1.0, (low.get(name, -10.0), 10.0)) for name in self.names)

    def predict(self, fluence, nuisance):
        values = jnp.stack([jnp.asarray(nuisance.get(name, 1.0)) for name in self.names])
        return self.matrix @ values + 0.0 * jnp.sum(fluence)

    def nll(self, prediction):
        value = 0.5 * jnp.sum((self.observed - prediction) ** 2)
        return value * jnp.nan if self.broken else value

    def information(self, prediction):
        return jnp.ones_like(prediction)

    def simulate(self, prediction, key):
        return self.with_observed(prediction + jax.random.normal(key, prediction.shape))

    def with_observed(self, observed):
        return replace(self, observed=jnp.asarray(observed, dtype=float))


INDEX = Parameter("source.spectrum.index", (1.0, 4.0))
NORMALIZATION = Parameter("source.normalization", (1e-19, 1e-17))
COUPLING = Parameter("mediator.coupling", (0.0, 0.01))
MASS = Parameter("mediator.mass", ("5 MeV", "30 MeV"), scale="log")


def analysis(data, *parameters, cutoff=None, coupling=4e-3, ties=None):
    """Compare a power law of index 2, with a dip at 756 TeV, with data."""
    return Analysis(
        data,
        nuprop.Source("yuksel-2008", spectrum=nuprop.PowerLaw(index=2.0, cutoff=cutoff)),
        nuprop.ZPrime.lmu_ltau("11 MeV", coupling),
        nuprop.Neutrinos("0.08 eV"),
        nuprop.Relics(thermal=False),
        parameters=parameters,
        ties=ties,
    )


def counts(**options):
    """Give counts without any data yet."""
    return Counts(jnp.zeros(EDGES.size - 1), **options)
