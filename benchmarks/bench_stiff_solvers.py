"""The same transport by stiff ODE solvers: scipy's and diffrax's, at equal accuracy.

One mass eigenstate that couples to itself, relics in motion, secondaries to all orders. The line
has an rms width of 1.7 % today, so that a solver with adaptive steps can follow it. The equations
stand on the march's own lattice, with a fourth-order rule for the secondaries; the solvers get
them in units in which the free flux is of order one, with the Jacobian where they take it.

Equal accuracy: of the relative tolerances 1e-1, 1e-2, 1e-3, ... the loosest whose largest relative
error is at most that of the march; all errors against a march on a lattice eight times finer.
"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from benchmarks import models
from benchmarks.measuring import compiled
from nuprop.relics import line_shape
from nuprop.transport import lattice_shape, solve

MASS, LIGHT, COUPLING = 0.010, 0.02 * models.EV, 3e-4
TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
#: Absolute over relative tolerance, in units of the free flux.
FLOOR = 1e-2
#: Gregory's rule for an integral that begins at a node.
GREGORY = (3.0 / 8.0, 7.0 / 6.0, 23.0 / 24.0)


@cache
def setting():
    """The problem, its lattice, and the exact flux over free flux at the centers of the cells."""
    lines, emission = models.one_state(MASS, LIGHT, COUPLING, thermal=True)
    shape, fine = (lattice_shape(lines, float(emission.u_max), r) for r in (1.0, 8.0))
    log_energy = shape.placed(lines, emission.u_max).centers
    return lines, emission, shape, log_energy, ratio_of(fine, lines, emission, log_energy)


def ratio_of(shape, lines, emission, log_energy):
    def march(lines, emission):
        flux, free = solve(lines, emission, log_energy, method="march", lattice=shape)
        return flux[0, 0] / free[0, 0]

    return np.asarray(jax.jit(march)(lines, emission))


def error_of(ratio):
    return float(np.max(np.abs(np.asarray(ratio) / setting()[-1] - 1.0)))


@cache
def march_error():
    lines, emission, shape, log_energy, _ = setting()
    return error_of(ratio_of(shape, lines, emission, log_energy))


@cache
def ingredients():
    """Source and interaction rate at x = u_max - u, and the matrix of secondaries."""
    lines, emission, _, log_energy, _ = setting()
    free = solve(lines, emission, log_energy)[1][0, 0]
    temperature, r = lines.relics.temperature, LIGHT / lines.relics.temperature

    def rates(x):
        u = emission.u_max - x
        heat = jnp.exp(u)
        w = 0.5 * MASS**2 * jnp.exp(-log_energy - u) / (temperature * heat)
        s = 0.5 * (w - (r / heat) ** 2 / w)
        shape = w * jnp.exp(-jnp.abs(s)) * line_shape(s, w, r / heat, "majorana", rule="fast")[0]
        source = emission.rate(u) * emission.spectrum_at(log_energy + u) / free
        return source, COUPLING**2 * lines.depth_scale(u) * shape

    width = float(log_energy[1] - log_energy[0])
    n = log_energy.size
    below = np.subtract.outer(np.arange(n), np.arange(n)).T  # emitting cell less landing cell
    x = np.exp(-width * np.maximum(below, 0))
    weights = np.where(below >= 0, 1.0, 0.0)
    for distance, weight in enumerate(GREGORY):
        weights[below == distance] = weight
    secondaries = width * weights * (3.0 - 6.0 * x + 6.0 * x**2)
    return rates, secondaries * np.divide.outer(1.0 / np.asarray(free), 1.0 / np.asarray(free))


def by_scipy(method):
    """A function of the tolerance that gives the flux ratio and the number of steps."""
    rates, secondaries = ingredients()
    emission, n = setting()[1], setting()[3].size
    fast = compiled(rates, jnp.zeros(()))

    def derivative(x, content):
        source, rate = (np.asarray(part) for part in fast(jnp.asarray(x)))
        lost = rate * content
        return source - lost + secondaries @ lost

    def jacobian(x, _):
        rate = np.asarray(fast(jnp.asarray(x))[1])
        matrix = secondaries * rate
        matrix[np.diag_indices(n)] -= rate
        return matrix

    def run(tolerance):
        result = solve_ivp(
            derivative,
            (0.0, float(emission.u_max)),
            np.zeros(n),
            method=method,
            jac=jacobian,
            rtol=tolerance,
            atol=FLOOR * tolerance,
        )
        return result.y[:, -1], result.t.size - 1

    return run


def by_diffrax(name):
    """As `by_scipy`."""
    diffrax = pytest.importorskip("diffrax")
    rates, secondaries = ingredients()
    u_max, n = setting()[1].u_max, setting()[3].size
    secondaries = jnp.asarray(secondaries)

    def derivative(x, content, _):
        source, rate = rates(x)
        return source - rate * content + secondaries @ (rate * content)

    def integrate(tolerance):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(derivative),
            getattr(diffrax, name)(),
            t0=0.0,
            t1=u_max,
            dt0=None,
            y0=jnp.zeros(n),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=FLOOR * tolerance),
            saveat=diffrax.SaveAt(t1=True),
            max_steps=100_000,
        )
        return solution.ys[0], solution.stats["num_steps"]

    program = compiled(integrate, jnp.asarray(1e-3))

    def run(tolerance):
        content, steps = program(jnp.asarray(tolerance))
        return content, int(steps)

    run.stages = program.stages
    return run


SOLVERS = {
    "scipy Radau": lambda: by_scipy("Radau"),
    "scipy BDF": lambda: by_scipy("BDF"),
    "scipy LSODA": lambda: by_scipy("LSODA"),
    "diffrax Kvaerno5": lambda: by_diffrax("Kvaerno5"),
    "diffrax Tsit5": lambda: by_diffrax("Tsit5"),
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the solvers' own dependencies
def test_solver(measure, solver):
    run = SOLVERS[solver]()
    for tolerance in TOLERANCES:
        ratio, steps = run(tolerance)
        error = error_of(ratio)
        if error <= march_error():
            break
    measure.run(
        lambda: run(tolerance),
        error=error,
        against="a lattice eight times finer",
        rounds=2,
        tolerance=tolerance,
        steps=steps,
        cells=ratio.size,
    )
    measure.benchmark.extra_info.update(getattr(run, "stages", {}))


def test_march(measure):
    lines, emission, shape, log_energy, _ = setting()

    def march(lines, emission):
        flux, free = solve(lines, emission, log_energy, method="march", lattice=shape)
        return flux[0, 0] / free[0, 0]

    measure(
        march,
        lines,
        emission,
        error=error_of,
        against="a lattice eight times finer",
        cells=shape.n_cells,
        steps=shape.n_steps,
    )
