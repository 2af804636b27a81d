"""What do all channels cost: one spectrum, one of a batch, derivatives in all parameters?"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nuprop
from benchmarks import models
from benchmarks.models import EV, PARAMETERS
from nuprop.transport import cascade_shape, emission_of, interactions_of, lines_of, spectrum

ENERGIES, SPECTRA, CHECKED = 300, 64, 2
#: Factor on cells and steps of the lattice that stands for the exact answer.
FINER = 2.0
#: Relative step of the central differences, which are taken twice to cancel their leading error.
STEP = 1e-5
#: Opaque resonances and a depth of order one away from them, in `PARAMETERS`.
MODELS = {
    "vector": jnp.array([0.03, 0.05, 0.05 * EV, 2.3, 1.5e-18, 0.315]),
    "scalar": jnp.array([0.03, 0.05, 0.05 * EV, 2.3, 1.5e-18, 0.315]),
}
MEDIATORS = {"vector": nuprop.ZPrime.lmu_ltau, "scalar": nuprop.Scalar.universal}
RELICS = nuprop.Relics().state
LOG_ENERGY = models.energies(ENERGIES)


def physics(name, parameters):
    """Source, mediator, neutrinos, relics, expansion; traceable."""
    mass, coupling, lightest_mass, index, normalization, matter = parameters
    return (
        nuprop.Source(spectrum=nuprop.PowerLaw(index), normalization=normalization),
        MEDIATORS[name](mass=mass, coupling=coupling),
        nuprop.Neutrinos(lightest_mass=lightest_mass),
        RELICS,
        nuprop.flat_lambda_cdm(67.4, matter),
    )


@cache
def shape_of(name, resolution=1.0, heaviest=1.0):
    """The lattice that `nuprop.propagate` takes, for lightest masses up to a factor above."""
    parameters = MODELS[name].at[2].multiply(heaviest)
    source, mediator, *rest = physics(name, parameters)
    ends = np.exp(np.asarray(LOG_ENERGY[jnp.array([0, -1])]))
    return cascade_shape(
        interactions_of((mediator,), *rest, 1), np.log1p(source.z_max), *ends, resolution
    )


def flux(name, shape):
    """The flux of nu + nubar in mass eigenstates, as a function of the parameters."""

    def function(parameters):
        options = {"method": "cascade", "helicities": "summed", "lattice": shape}
        return spectrum(jnp.exp(LOG_ENERGY), *physics(name, parameters), **options)

    return function


def deviation(name, parameters, shape, values, truth):
    """Largest relative deviation, more than a cell away from every edge."""
    source, mediator, neutrinos, relics, expansion = physics(name, parameters)
    lines = lines_of(mediator, neutrinos, relics, expansion)
    emission = emission_of(source, neutrinos, expansion, "summed")
    cell = float(emission.u_max) / shape.n_steps
    where = models.away_from_edges(LOG_ENERGY, lines, emission, cell)
    return models.deviation(values, truth, where)


def facts(shape):
    return {"energies": ENERGIES, "cells": shape.n_cells, "steps": shape.n_steps}


@pytest.mark.parametrize("name", MODELS)
def test_one(measure, name):
    shape = shape_of(name)
    truth = jax.jit(flux(name, shape_of(name, FINER)))(MODELS[name])
    measure(
        flux(name, shape),
        MODELS[name],
        error=lambda values: deviation(name, MODELS[name], shape, values, truth),
        against=f"a lattice {FINER:g} times finer",
        **facts(shape),
    )


@pytest.mark.parametrize("name", MODELS)
def test_batch(measure, name):
    """One after the other, with everything but normalization and expansion varied."""
    low = np.array([0.8, 0.5, 0.5, 0.9, 1.0, 1.0])
    high = np.array([1.2, 1.5, 1.5, 1.1, 1.0, 1.0])
    factors = np.random.default_rng(0).uniform(low, high, (SPECTRA, low.size))
    rows = MODELS[name] * jnp.asarray(factors)
    shape, fine = (shape_of(name, resolution, high[2]) for resolution in (1.0, FINER))
    truth = jax.jit(lambda few: jax.lax.map(flux(name, fine), few))(rows[:CHECKED])
    measure(
        lambda every: jax.lax.map(flux(name, shape), every),
        rows,
        error=lambda values: max(
            deviation(name, row, shape, *pair)
            for row, *pair in zip(rows[:CHECKED], values[:CHECKED], truth, strict=True)
        ),
        against=f"a lattice {FINER:g} times finer",
        budget=5.0,
        items=SPECTRA,
        **facts(shape),
    )


@pytest.mark.parametrize("name", MODELS)
def test_reverse(measure, name):
    """Gradient of the summed ln(flux) by `jax.grad`, as of a likelihood."""
    shape = shape_of(name)

    def total(shift):
        values = flux(name, shape)(MODELS[name] * jnp.exp(shift))
        return jnp.sum(jnp.log(jnp.sum(values, axis=(0, 1))))

    compiled = jax.jit(total)
    near, far = (
        np.array([(compiled(h * unit) - compiled(-h * unit)) / (2.0 * h)
                  for unit in np.eye(len(PARAMETERS))])
        for h in (STEP, 2.0 * STEP)
    )  # fmt: skip
    truth = (4.0 * near - far) / 3.0
    measure(
        jax.grad(total),
        jnp.zeros(len(PARAMETERS)),
        error=lambda values: float(np.max(np.abs(np.asarray(values) / truth - 1.0))),
        against="central differences",
        parameters=len(PARAMETERS),
        **facts(shape),
    )
