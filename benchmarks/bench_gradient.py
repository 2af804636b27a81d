"""What do derivatives in six parameters cost?"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import models
from benchmarks.models import MODELS, PARAMETERS
from nuprop.transport import solve

#: Relative step of the central differences, which are taken twice to cancel their leading error.
STEP = 1e-5
ENERGIES = {"sweep": 200, "march": 300}


def log_flux(method):
    """ln of the flux of all states, as a function of ln of the parameters over those of Fig. 3."""
    shape = models.march_shape("fig3") if method == "march" else None
    log_energy = models.energies(ENERGIES[method])

    def function(shift):
        parameters = MODELS["fig3"] * jnp.exp(shift)
        problem = models.problem(parameters, thermal=method == "march")
        flux, _ = solve(*problem, log_energy, method=method, lattice=shape)
        return jnp.log(jnp.sum(flux, axis=(0, 1)))

    return function


@cache
def central_differences(method):
    """Derivatives (n, 6) by differences of steps h and 2h, with error h^4."""
    function = jax.jit(log_flux(method))
    columns = []
    for unit in np.eye(len(PARAMETERS)):
        near, far = (
            (function(h * unit) - function(-h * unit)) / (2.0 * h) for h in (STEP, 2.0 * STEP)
        )
        columns.append((4.0 * near - far) / 3.0)
    return np.stack(columns, axis=-1)


def error_of(derivatives, truth):
    """Largest deviation, relative to the largest derivative in each parameter."""
    return float(np.max(np.abs(np.asarray(derivatives) - truth) / np.max(np.abs(truth), axis=0)))


def smooth(method):
    """Energies 1e-3, or one cell, from every edge, and two from the ends of the lattice."""
    log_energy = models.energies(ENERGIES[method])
    lines, emission = models.problem(MODELS["fig3"], thermal=method == "march")
    if method == "sweep":
        return models.away_from_edges(log_energy, lines, emission)
    lattice = models.march_shape("fig3").placed(lines, emission.u_max)
    cell = float(lattice.log_width)
    lowest, highest = np.asarray(lattice.centers)[[0, -1]]
    ends = np.minimum(np.abs(log_energy - lowest), np.abs(log_energy - highest))
    return models.away_from_edges(log_energy, lines, emission, cell) & (ends > 2.0 * cell)


@pytest.mark.parametrize("method", ENERGIES)
def test_forward(measure, method):
    """Jacobian of all energies by `jax.jacfwd`."""
    where = smooth(method)
    measure(
        jax.jacfwd(log_flux(method)),
        jnp.zeros(len(PARAMETERS)),
        error=lambda values: error_of(values[where], central_differences(method)[where]),
        against="central differences",
        energies=ENERGIES[method],
        parameters=len(PARAMETERS),
    )


@pytest.mark.parametrize("method", ENERGIES)
def test_reverse(measure, method):
    """Gradient of the summed ln(flux) by `jax.grad`, as of a likelihood."""
    function, where = log_flux(method), smooth(method)
    measure(
        jax.grad(lambda shift: jnp.sum(jnp.where(where, function(shift), 0.0))),
        jnp.zeros(len(PARAMETERS)),
        error=lambda values: error_of(
            values[None], np.sum(central_differences(method)[where], axis=0, keepdims=True)
        ),
        against="central differences",
        energies=ENERGIES[method],
        parameters=len(PARAMETERS),
    )
