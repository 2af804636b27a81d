"""What does one of a thousand spectra cost, and how much memory do they take?"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import models
from benchmarks.models import MODELS
from nuprop.transport import solve, sweep

SPECTRA, ENERGIES = 1000, 200
#: Spectra whose error is looked at.
CHECKED = 20


def batch(varied):
    """Spectra around Fig. 3: everything but normalization and expansion, or the mediator alone."""
    low = np.array([0.8, 0.5, 0.3, 0.9, 1.0, 1.0])
    high = np.array([1.2, 1.5, 1.5, 1.1, 1.0, 1.0])
    if varied == "mediator":
        low[2:], high[2:] = 1.0, 1.0
    factors = np.random.default_rng(0).uniform(low, high, (SPECTRA, low.size))
    return MODELS["fig3"] * jnp.asarray(factors)


def one(parameters):
    return solve(*models.problem(parameters, thermal=False), models.energies(ENERGIES))[0]


def exact(parameters):
    problem = models.problem(parameters, thermal=False)
    return sweep(models.energies(ENERGIES), *problem, **models.EXACT).flux


@cache
def truth(varied):
    """Exact spectra of the first parameters, and which energies are away from their edges."""
    rows = batch(varied)[:CHECKED]
    away = [
        models.away_from_edges(models.energies(ENERGIES), *models.problem(row, thermal=False))
        for row in rows
    ]
    return jax.jit(lambda rows: jax.lax.map(exact, rows))(rows), away


def largest_deviation(values, varied):
    return max(map(models.deviation, np.asarray(values)[:CHECKED], *truth(varied)))


LAYOUTS = {
    "vmap": lambda rows: jax.vmap(one)(rows),
    "loop": lambda rows: jax.lax.map(one, rows),
    "chunks of 25": lambda rows: jax.lax.map(one, rows, batch_size=25),
}


@pytest.mark.parametrize(
    ("layout", "varied"),
    [("vmap", "all"), ("loop", "all"), ("chunks of 25", "all"), ("chunks of 25", "mediator")],
)
def test_sweep(measure, layout, varied):
    parameters = batch(varied)
    measure(
        LAYOUTS[layout],
        parameters,
        error=lambda values: largest_deviation(values, varied),
        against="a finer sweep",
        items=SPECTRA,
        energies=ENERGIES,
        varied=varied,
    )


def test_sweep_on_all_cores(measure):
    """One loop for each device, which on a CPU is a core."""
    devices = next(n for n in (len(jax.devices()), 2, 1) if SPECTRA % n == 0)
    mesh = jax.make_mesh((devices,), ("device",))
    rows = jax.sharding.PartitionSpec("device")
    measure(
        jax.shard_map(LAYOUTS["loop"], mesh=mesh, in_specs=rows, out_specs=rows, check_vma=False),
        jax.device_put(batch("all"), jax.sharding.NamedSharding(mesh, rows)),
        error=lambda values: largest_deviation(values, "all"),
        against="a finer sweep",
        items=SPECTRA,
        energies=ENERGIES,
        varied="all",
        devices=devices,
    )
