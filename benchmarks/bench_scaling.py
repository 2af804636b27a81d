"""How does the cost grow with the number of energies, of cells, and of redshift steps?"""

from __future__ import annotations

from functools import partial

import jax

from benchmarks import models
from benchmarks.measuring import compiled, exponent, least
from benchmarks.models import MODELS
from nuprop.transport import LatticeShape, march, solve, sweep

#: Seconds that the timing of one size may take.
BUDGET = 0.5


def times_of(programs):
    return [least(partial(run, *arguments), BUDGET) for run, arguments in programs]


def test_sweep_energies(measure):
    lines, emission = models.problem(MODELS["fig3"], thermal=False)
    sizes = [400, 800, 1600, 3200, 6400]

    def flux(*given):
        return solve(*given)[0]

    programs = []
    for size in sizes:
        arguments = lines, emission, models.energies(size)
        programs.append((compiled(flux, *arguments), arguments))
    times = times_of(programs)
    log_energy = models.energies(sizes[-1])
    truth = sweep(log_energy, lines, emission, **models.EXACT).flux
    where = models.away_from_edges(log_energy, lines, emission)
    measure(
        flux,
        lines,
        emission,
        log_energy,
        error=lambda values: models.deviation(values, truth, where),
        against="a finer sweep",
        sizes=sizes,
        times_ms=[1e3 * t for t in times],
        exponent=exponent(sizes, times),
        energies=sizes[-1],
    )


def test_march_cells(measure):
    """More cells of the same width, which reach to lower energies, with the steps they have."""
    lines, emission = models.problem(MODELS["fig4"], thermal=True)
    shape = models.march_shape("fig4")
    sizes = [shape.n_cells * factor for factor in (1, 2, 4)]
    programs = []
    for size in sizes:
        lattice = LatticeShape(size, shape.n_steps).placed(lines, emission.u_max)
        programs.append((compiled(march, lattice, lines, emission), (lattice, lines, emission)))
    times = times_of(programs)
    program, arguments = programs[-1]
    shorter = programs[0][0](*programs[0][1]).ratio
    measure.run(
        lambda: program(*arguments),
        error=lambda result: models.deviation(result.ratio[..., -sizes[0] :], shorter),
        against="the same cells alone",
        sizes=sizes,
        times_ms=[1e3 * t for t in times],
        exponent=exponent(sizes, times),
        cells=sizes[-1],
        steps=shape.n_steps,
    )


def test_march_resolution(measure):
    """Finer cells and as many more steps: cost grows with the square, error falls with it."""
    problem = models.problem(MODELS["fig4"], thermal=True)
    log_energy = models.energies(300)
    shapes = [models.march_shape("fig4", factor) for factor in (0.5, 1.0, 2.0, 4.0)]

    def flux(shape):
        return lambda *problem: solve(*problem, log_energy, method="march", lattice=shape)[0]

    truth = jax.jit(flux(models.march_shape("fig4", 8.0)))(*problem)
    converge(
        measure,
        {shape.n_steps: flux(shape) for shape in shapes},
        problem,
        error=lambda values: models.deviation(values, truth),
        against="a lattice eight times finer",
        cells=shapes[-1].n_cells,
        steps=shapes[-1].n_steps,
        energies=300,
    )


def test_sweep_panels(measure):
    """More panels in redshift: the error of the quadrature."""
    problem = models.problem(MODELS["fig3"], thermal=False)
    log_energy = models.energies(200)
    truth = sweep(log_energy, *problem, **models.EXACT).flux
    where = models.away_from_edges(log_energy, *problem)

    def flux(panels):
        return lambda *problem: sweep(log_energy, *problem, panels=panels).flux

    converge(
        measure,
        {panels: flux(panels) for panels in (3, 5, 7, 10, 14, 20)},
        problem,
        error=lambda values: models.deviation(values, truth, where),
        against="a finer sweep",
        energies=200,
    )


def converge(measure, functions, arguments, *, error, against, **facts):
    """Measure the last of functions of growing size; times and errors of all beside it."""
    programs = [(compiled(function, *arguments), arguments) for function in functions.values()]
    sizes, times = list(functions), times_of(programs)
    errors = [error(program(*arguments)) for program, _ in programs]
    program = programs[-1][0]
    measure.run(
        lambda: program(*arguments),
        error=errors[-1],
        against=against,
        sizes=sizes,
        times_ms=[1e3 * t for t in times],
        errors=errors,
        exponent=exponent(sizes, times),
        order=-exponent(sizes, errors),
        **facts,
    )
