"""What a line lets pass: steps, their parts and paths between cells, against closed forms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference.opaque_cases import FAST, HISTORY, Case
from scipy.special import erf

from nuprop.transport import cascade_shape, interactions_of
from nuprop.transport.course import mean_rate
from nuprop.transport.history import Depths, survivors
from nuprop.transport.interpolation import between, hermite, limited_slopes
from nuprop.transport.medium import Medium

#: Width of a step in rms widths of the line, and number of steps.
STEP, COUNT = 0.7, 60


def _rate(u):
    return np.exp(-0.5 * u**2) / np.sqrt(2.0 * np.pi)


def _depth(u):
    return 0.5 * erf(u / np.sqrt(2.0))


def _left(depth, place):
    """What is left today, u = 0, of a uniform source since u = COUNT STEP, by fine quadrature."""
    u = np.concatenate([[0.0], np.geomspace(1e-7, 0.03, 300), np.arange(0.031, COUNT * STEP, 1e-3)])
    passed = depth * (_depth(u - place) - _depth(-place))
    each = np.diff(passed)
    mean = np.where(each > 1e-6, -np.expm1(-each) / np.maximum(each, 1e-300), 1.0 - 0.5 * each)
    return np.sum(np.exp(-passed[:-1]) * mean * np.diff(u)) / STEP


def _followed(depth, places, n_parts):
    """The same by steps in so many parts."""
    part = STEP / n_parts
    u = part * np.arange(COUNT * n_parts + 1) - np.asarray(places)[:, None]
    each = depth * np.diff(_depth(u), axis=1)
    middles, ends = (depth * part * _rate(v) for v in (u[:, :-1] + 0.5 * part, u))

    def arranged(values):
        return jnp.asarray(np.moveaxis(values.reshape(len(places), COUNT, n_parts), 2, 0)[::-1])

    last = [ends[:, k : k + n_parts * (COUNT - 1) + 1 : n_parts] for k in range(n_parts, -1, -1)]
    depths = Depths(arranged(each), arranged(middles), jnp.asarray(np.stack(last)))
    survival, arriving, _ = map(np.asarray, survivors(depths, steep=True))
    left = np.zeros(len(places))
    for step in reversed(range(COUNT)):
        left = left * survival[:, step] + arriving[:, step]
    return left


@pytest.mark.parametrize(("depth", "most"), [(10.0, 2e-4), (1e3, 2e-3), (1e5, 5e-3)])
def test_flux_on_the_flanks_of_a_gaussian_line(depth, most):
    """Wherever in a step the line lies, and however deep it is: of fourth order in its parts.

    The flux falls to 1e-6 and by a factor of up to ten per step.
    """
    places = np.linspace(-6.0, 18.0, 49)
    exact = np.array([_left(depth, place) for place in places])
    deviation = _followed(depth, places, 1) / exact - 1.0
    assert np.max(np.abs(deviation)) < most
    assert np.sqrt(np.mean(deviation**2)) < 0.4 * most
    finer = _followed(depth, places, 2) / exact - 1.0
    assert np.max(np.abs(finer)) < 0.25 * most


@pytest.mark.parametrize(("width", "steep", "most"), [(0.7, True, 1e-4), (0.1, False, 1e-5)])
def test_means_of_rates_whose_logarithm_is_a_parabola(width, steep, most):
    # gentle ones change by up to 0.4, the fourth power of which is left out, over 2880
    at = np.linspace(0.0, 6.0 if steep else 4.0, 61)
    exact = (_depth(at + 0.5 * width) - _depth(at - 0.5 * width)) / width
    found = mean_rate(*(_rate(at + shift * width) for shift in (-0.5, 0.0, 0.5)), steep=steep)
    np.testing.assert_allclose(found, exact, rtol=most)


def test_a_path_through_the_middle_of_cells_meets_what_diagonals_have():
    case = Case("lmu_ltau", "1 GeV", 0.3, FAST, low=0.2, reach=1.5)
    mediator, neutrinos, relics, emission = case.physics()
    (one,) = interactions_of((mediator,), neutrinos, relics, HISTORY, 1)
    low, high = np.exp(case.ends)
    shape = cascade_shape((one,), emission.u_max, low, high)
    lattice, cell = shape.placed(jnp.asarray(emission.u_max)), 100

    @jax.jit
    def both():
        medium = Medium.of(one, lattice, 1, n_nodes=3, n_parts=2, stride=shape.stride)
        steps, found = np.arange(lattice.n_steps), []
        for course in (medium.course, medium.divided):
            path = course.along(jnp.asarray(float(cell)), steep=True)
            ends = jax.vmap(course.ends)(course.tables)
            at = jax.vmap(partial(course.at, steep=True))
            tables = course.tables.on(slice(-1))
            _, rates = at(tables, ends[:-1], ends[1:])
            on = jax.tree.map(lambda v: jnp.moveaxis(v[cell + steps, ..., steps], 0, -1), rates)
            found.append((path, on))
        return found

    for path, on in both():
        for name in ("parts", "middles", "ends"):
            # rounding of a logarithm
            np.testing.assert_allclose(getattr(path, name), getattr(on, name), rtol=1e-9)


def test_cubics_between_even_points_are_exact():
    points = np.arange(12.0)
    cubic = lambda x: 0.3 * x**3 - x**2 + 2.0 * x - 5.0  # noqa: E731
    found = between(jnp.asarray(cubic(points)), jnp.asarray(3.4), 4)
    np.testing.assert_allclose(found, cubic(3.4 + np.arange(4)), rtol=1e-12)
    values = jnp.asarray(points**2)
    found = hermite(values, limited_slopes(values), jnp.array([4]), jnp.array([0.3]))
    np.testing.assert_allclose(found, 4.3**2, rtol=1e-12)
