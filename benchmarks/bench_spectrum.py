"""What does one spectrum cost?"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM

import nuprop
from benchmarks import models
from benchmarks.models import MODELS, TEV
from nuprop.transport import solve, sweep


@pytest.mark.parametrize("name", MODELS)
def test_sweep(measure, name):
    lines, emission = models.problem(MODELS[name], thermal=False)
    log_energy = models.energies(200)
    table = models.EXACT_RATIO[name]
    at = jnp.log(jnp.array(list(table)) * TEV)
    flux, free = jax.jit(solve)(lines, emission, at)
    ratio = np.asarray(flux).sum(axis=(0, 1)) / np.asarray(free).sum(axis=(0, 1))
    error = float(np.max(np.abs(ratio / list(table.values()) - 1.0)))
    measure(
        lambda *problem: solve(*problem, log_energy)[0],
        lines,
        emission,
        error=error,
        against="exact table",
        energies=200,
    )


@pytest.mark.parametrize("name", MODELS)
def test_march(measure, name):
    lines, emission = models.problem(MODELS[name], thermal=True)
    log_energy = models.energies(300)
    shape, fine = models.march_shape(name), models.march_shape(name, 4.0)

    def flux(lattice):
        return lambda *problem: solve(*problem, log_energy, method="march", lattice=lattice)[0]

    truth = jax.jit(flux(fine))(lines, emission)
    measure(
        flux(shape),
        lines,
        emission,
        error=lambda values: models.deviation(values, truth),
        against="a lattice four times finer",
        energies=300,
        cells=shape.n_cells,
        steps=shape.n_steps,
    )


def test_call(measure):
    """A call with the same arguments that computes next to nothing: what JAX itself takes."""
    lines, emission = models.problem(MODELS["fig3"], thermal=False)
    log_energy = models.energies(200)

    def touch(*given):
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(given))

    measure(touch, lines, emission, log_energy, error=0.0, against="")


@pytest.mark.parametrize("thermal", [False, True], ids=["sweep", "march"])
def test_propagate(measure, thermal):
    """Everything that a user gets: validation, flux of nu and nubar, books, result."""
    points = np.geomspace(10 * TEV, 2e4 * TEV, 300 if thermal else 200)

    def run():
        return nuprop.propagate(
            nuprop.Source(spectrum=nuprop.PowerLaw(2.3)),
            nuprop.ZPrime.lmu_ltau(mass="11 MeV", coupling=5e-4),
            nuprop.Neutrinos(lightest_mass="0.08 eV"),
            nuprop.Relics(thermal=thermal),
            cosmology=FlatLambdaCDM(H0=67.4, Om0=0.315, Tcmb0=0.0),
            energy=points,
        )

    if not thermal:
        lines, emission = models.problem(MODELS["fig3"], thermal=False)
        truth = np.asarray(sweep(jnp.log(points), lines, emission, **models.EXACT).flux)
        where = models.away_from_edges(jnp.log(points), lines, emission)
        error, against = lambda flux: models.deviation(flux.values, truth, where), "a finer sweep"
    else:
        error, against = lambda flux: flux.balance.energy_residual, "energy balance"
    measure.run(run, error=error, against=against, energies=points.size)
