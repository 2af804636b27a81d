"""The models that the benchmarks propagate, as functions of six parameters, and exact answers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

import nuprop
from nuprop.mediators.line import VECTOR_SHARING
from nuprop.transport import Emission, LatticeShape, Lines, emission_of, lattice_shape, lines_of

TEV = 1e3
EV = 1e-9
#: Gauss-Legendre panels and nodes of a sweep that serves as the exact answer.
EXACT = {"panels": 40, "order": 12}
#: The sweep is not asked to be exact nearer than this in ln(E) to an edge.
NEAR_EDGE = 1e-3

#: Mediator mass [GeV], coupling g', lightest neutrino mass [GeV], spectral index, normalization,
#: matter density.
PARAMETERS = ("mass", "coupling", "lightest_mass", "index", "normalization", "Om0")
#: Figs. 3 and 4 of Araki et al. 2016 (arXiv:1508.07471), normal ordering, no cutoff.
MODELS = {
    "fig3": jnp.array([0.011, 5e-4, 0.08 * EV, 2.3, 1.5e-18, 0.315]),
    "fig4": jnp.array([0.009, 4e-4, 0.006 * EV, 2.3, 1.5e-18, 0.315]),
}

#: Flux over free flux of all flavors at E [TeV], relics at rest, by adaptive quadrature.
EXACT_RATIO = {
    "fig3": {
        750: 0.634998541, 640: 0.212642273, 600: 0.344148624, 500: 0.626294491,
        400: 0.881893558, 300: 1.112112927, 200: 1.147004310, 100: 1.056934689, 10: 1.000449291,
    },
    "fig4": {
        6500: 0.783610551, 5000: 0.873435354, 3800: 0.715996189, 3000: 0.859212619,
        2000: 1.021798905, 1000: 1.071685671, 800: 0.474623329, 700: 0.640136864,
        600: 0.779548726, 500: 0.911049607, 400: 1.044907112, 300: 1.110068045,
        200: 1.084271557, 100: 1.026003387,
    },
}  # fmt: skip


def problem(parameters: jax.Array, *, thermal: bool) -> tuple[Lines, Emission]:
    """Lines and emission of the six parameters; traceable."""
    mass, coupling, lightest_mass, index, normalization, matter = parameters
    neutrinos = nuprop.Neutrinos(lightest_mass=lightest_mass)
    expansion = nuprop.flat_lambda_cdm(67.4, matter)
    relics = nuprop.Relics(thermal=thermal).state
    mediator = nuprop.ZPrime.lmu_ltau(mass=mass, coupling=coupling)
    source = nuprop.Source(spectrum=nuprop.PowerLaw(index), normalization=normalization)
    return (
        lines_of(mediator, neutrinos, relics, expansion),
        emission_of(source, neutrinos, expansion, "summed"),
    )


def one_state(
    mass: float, light: float, coupling: float, *, thermal: bool
) -> tuple[Lines, Emission]:
    """One mass eigenstate that couples to itself with |g_11| = coupling, and nothing else."""
    expansion = nuprop.flat_lambda_cdm(67.4, 0.315)
    lines = Lines(
        mediator_mass=mass,
        masses=jnp.full(3, light),
        coupling_squared=jnp.zeros((3, 3)).at[0, 0].set(coupling**2),
        yields=jnp.array([1.0, 0.0, 0.0]),
        sharing=jnp.array(VECTOR_SHARING),
        relics=nuprop.Relics(thermal=thermal).state,
        expansion=expansion,
    )
    source = nuprop.Source(spectrum=nuprop.PowerLaw(2.3))
    emission = Emission(
        evolution=source.evolution,
        spectrum=source.spectrum,
        shares=jnp.array([[1.0, 0.0, 0.0]]),
        u_max=jnp.log1p(source.z_max),
        scale=jnp.ones(()),
        expansion=expansion,
    )
    return lines, emission


def energies(count: int, lowest: float = 10 * TEV, highest: float = 2e4 * TEV) -> jax.Array:
    """ln(E/GeV), uniform, by default from 10 TeV to 20 PeV."""
    return jnp.linspace(jnp.log(lowest), jnp.log(highest), count)


def away_from_edges(
    log_energy: jax.Array, lines: Lines, emission: Emission, distance: float = NEAR_EDGE
) -> np.ndarray:
    """Which energies are farther than a distance in ln(E) from every E_b and E_b/(1 + z_max)."""
    ends = np.array([0.0, float(emission.u_max)])
    edges = (np.asarray(lines.log_resonance)[:, None] - ends).ravel()
    return np.min(np.abs(np.asarray(log_energy)[:, None] - edges), axis=1) > distance


def march_shape(name: str, resolution: float = 1.0) -> LatticeShape:
    """The lattice that `nuprop.propagate` takes for a model."""
    lines, emission = problem(MODELS[name], thermal=True)
    return lattice_shape(lines, float(emission.u_max), resolution)


def deviation(values: jax.Array, truth: jax.Array, where: np.ndarray | None = None) -> float:
    """Largest relative deviation of (channels, 3, n) arrays, summed over channels and states."""
    ratio = np.asarray(values).sum(axis=(0, 1)) / np.asarray(truth).sum(axis=(0, 1))
    return float(np.max(np.abs((ratio if where is None else ratio[where]) - 1.0), initial=0.0))
