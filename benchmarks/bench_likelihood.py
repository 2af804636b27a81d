"""What do a likelihood, its gradient, and a map of (g', M) cost?"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nuprop
from benchmarks.measuring import cores
from nuprop.icecube import sample
from nuprop.inference.grid import grid
from nuprop.inference.objective import nll, start_of
from nuprop.inference.profiled import profiled_at

#: Spectra propagated at a point of a map to interpolate between; and points of it in all.
NODES, SIDE = 6, 40
ROOT = Path(__file__).parents[1]
#: Points of the map whose error is looked at.
CHECKED = 12


@cache
def analysis(thermal=False):
    """Fig. 3 of Araki et al. 2016 against HESE of 7.5 years: four parameters, three nuisances."""
    return nuprop.Analysis(
        sample("hese-7.5yr"),
        nuprop.Source("yuksel-2008"),
        nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4),
        nuprop.Neutrinos("0.08 eV"),
        nuprop.Relics(thermal=thermal),
        parameters=[
            nuprop.Parameter("source.normalization", (1e-19, 1e-17)),
            nuprop.Parameter("source.spectrum.index", (1.5, 4.0)),
            nuprop.Parameter("mediator.coupling", (3e-5, 3e-3), scale="log"),
            nuprop.Parameter("mediator.mass", ("3 MeV", "40 MeV"), scale="log"),
        ],
    )


@cache
def exact_nll():
    """-ln L with cells of the response ten times finer: `nuprop.propagate`, folded."""
    made = sample("hese-7.5yr")
    edges = np.asarray(made.energy_edges)
    fine = np.geomspace(edges[0], edges[-1], 10 * (edges.size - 1) + 1)
    flux = nuprop.propagate(
        nuprop.Source("yuksel-2008"),
        nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4),
        nuprop.Neutrinos("0.08 eV"),
        nuprop.Relics(thermal=False),
        energy_edges=fine,
    )
    held = 0.5 * (0.05488 / 0.5) ** 2  # the prior of the ice, held at its best fit
    return held - made.expected(flux).log_likelihood


def differences(objective, x):
    """Central differences of -ln L."""
    function = jax.jit(nll)
    step = 1e-5
    return np.array(
        [
            float(function(x + step * unit, objective) - function(x - step * unit, objective))
            / (2.0 * step)
            for unit in np.eye(x.size)
        ]
    )


def test_value(measure):
    """-ln L of HESE 7.5 yr, relics at rest."""
    objective = analysis().objective()
    measure(
        nll,
        start_of(objective),
        objective,
        error=lambda value: abs(float(value) - exact_nll()),
        against="fluxes in cells ten times finer",
        energies=2 * 120,
    )


def test_gradient(measure):
    """-ln L and its gradient in all seven parameters, relics at rest."""
    objective = analysis().objective()
    x = start_of(objective)
    truth = differences(objective, x)
    measure(
        jax.value_and_grad(nll),
        x,
        objective,
        error=lambda pair: float(np.max(np.abs(pair[1] - truth)) / np.max(np.abs(truth))),
        against="central differences",
        energies=2 * 120,
    )


def test_gradient_in_motion(measure):
    """The same with relics in motion, by a march."""
    objective = analysis(thermal=True).objective()
    x = start_of(objective)
    truth = differences(objective, x)
    measure(
        jax.value_and_grad(nll),
        x,
        objective,
        error=lambda pair: float(np.max(np.abs(pair[1] - truth)) / np.max(np.abs(truth))),
        against="central differences",
        cells=objective.layout.lattice.n_cells,
        steps=objective.layout.lattice.n_steps,
    )


def map_error(values):
    """Largest error of -ln L at some points of the map: against propagating at every step."""
    made = grid(analysis(), {"coupling": SIDE, "mass": SIDE}, 0, 0)
    some = np.linspace(0, SIDE * SIDE - 1, CHECKED).astype(int)
    exact = made.compute(made.points()[some])
    return float(np.max(np.abs(np.asarray(values)[some] - exact.nll)))


def test_map(measure):
    """A map of 40 x 40 points of (g', M): normalization, index, backgrounds and DOM refitted."""
    made = grid(analysis(), {"coupling": SIDE, "mass": SIDE}, 0, NODES)
    points = jnp.asarray(made.points())
    measure(
        lambda objective, points: profiled_at(objective, points, made.where, NODES).nll,
        made.objective,
        points,
        error=map_error,
        against="propagating at every step",
        budget=20.0,
        items=SIDE * SIDE,
        spectra_per_point=NODES,
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_map_from_cold(measure, workers, tmp_path):
    """The same as one command in a new process: imports, compilation and files included."""
    module = "benchmarks.map_of_coupling_and_mass"

    def run():
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            command = [sys.executable, "-m", module, str(SIDE), str(workers), folder + "/scan"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        return float(done.stdout)

    measure.run(
        run,
        error=lambda best: abs(best - direct_best()),
        against="propagating at every step",
        rounds=2,
        items=SIDE * SIDE,
        workers=workers,
        cores_used=min(workers, cores()),
    )


@cache
def direct_best():
    """-ln L at the best point of the map, propagating at every step."""
    made = grid(analysis(), {"coupling": SIDE, "mass": SIDE}, 0, NODES)
    found = made.compute(made.points())
    best = int(np.argmin(found.nll))
    direct = replace(made, nodes=0)
    return float(direct.compute(made.points()[best : best + 1]).nll[0])


def test_point_of_a_map_in_motion(measure):
    """Points of such a map with relics in motion, at the coarse setting of `nuprop survey`."""
    coarse = nuprop.Analysis(
        sample("hese-7.5yr"),
        nuprop.Source("yuksel-2008"),
        nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4),
        nuprop.Neutrinos("0.08 eV"),
        parameters=analysis().parameters[:4],
        resolution=0.5,
    )
    fine = analysis(thermal=True)
    axes = {"coupling": [2e-4, 1e-3], "mass": [0.006, 0.012]}
    made, finer = grid(coarse, axes, 0, 5), grid(fine, axes, 0, 8)
    exact = finer.compute(finer.points()).nll
    points = jnp.asarray(made.points())
    measure(
        lambda objective, points: profiled_at(objective, points, made.where, 5).nll,
        made.objective,
        points,
        error=lambda values: float(np.max(np.abs(values - exact))),
        against="twice as many cells and steps, 8 nodes",
        items=len(points),
        spectra_per_point=5,
    )
