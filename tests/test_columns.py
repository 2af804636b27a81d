"""Depths over the steps of a lattice, through clumps of relics of any width."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

import nuprop
from nuprop.overdensities import Overdensity
from nuprop.transport import lattice_shape, lines_of, optical_depths, summed_depths
from nuprop.transport.columns import gauss_rule, mean_depth_scale, step_depths
from nuprop.transport.depth import continuum_depth
from nuprop.transport.lattice import Lattice

HISTORY = nuprop.flat_lambda_cdm(67.4, 0.315)
NEUTRINOS = nuprop.Neutrinos("0.05 eV")
#: So weak that a clump is transparent.
MEDIATOR = nuprop.ZPrime.lmu_ltau("10 MeV", 3e-7)
N_STEPS, WIDTH = 64, 0.01
#: A clump that is none.
EMPTY = Overdensity(1.0, 0.0, 1.0)
#: At today, in the middle of a step, at its edge, and elsewhere.
PLACES = [0.0, 0.235, 0.24, 0.2473]


def lines_with(overdensity, thermal=False):
    state = nuprop.Relics(thermal=thermal, overdensity=overdensity).state
    return lines_of(MEDIATOR, NEUTRINOS, state, HISTORY)


def integral(clump, low, high, weight=lambda u: 1.0):
    """Depth between two redshifts, by quadrature split where the profile bends."""
    plain, log_width = lines_with(1.0), float(clump.width)
    ends = [-8.0, -4.0, -1.0, 0.0, 1.0, 4.0, 8.0]
    breaks = [float(clump.place) + x * log_width for x in ends]
    ends = np.unique(np.clip([low, *breaks, high], low, high))
    # a cosmology's table takes long to look up one by one
    u = np.linspace(low, high, 33)
    smooth = np.polynomial.Chebyshev.fit(u, np.log(np.asarray(plain.depth_scale(u))), 16)

    def depth(u):
        away = (u - float(clump.place)) / log_width
        if clump.shape == "top-hat":
            shape = float(abs(away) <= 1.0)
        else:
            shape = np.exp(-np.pi / 4.0 * away**2)
        return np.exp(smooth(u)) * (1.0 + (float(clump.factor) - 1.0) * shape) * weight(u)

    return sum(quad(depth, a, b, epsrel=1e-10)[0] for a, b in pairwise(ends))


_exact = jax.jit(optical_depths)
_continuum = jax.jit(continuum_depth)
_mean = jax.jit(lambda u, lines: mean_depth_scale(u, jnp.asarray(WIDTH), lines))
_weights = jax.jit(lambda lines: gauss_rule(lines)[1][0] * step_depths(_lattice(), lines))


def _lattice():
    return Lattice(jnp.asarray(10.0), jnp.asarray(WIDTH), 64, N_STEPS)


@pytest.mark.parametrize("shape", ["gaussian", "top-hat"])
@pytest.mark.parametrize("width", [1e-4, 1e-3, 1e-2, 0.1, 1.0])
def test_steps_add_up_to_the_integral(width, shape):
    u = WIDTH * (np.arange(N_STEPS) + 0.5)
    for place in PLACES:
        clump = Overdensity(1.0 + 1.0 / width, place, width, shape)
        expected = integral(clump, 0.0, WIDTH * N_STEPS)
        lines = lines_with(clump)
        # eight nodes on a Gaussian from 3 to 6 half widths, and rounding of the table
        assert WIDTH * np.sum(_mean(u, lines)) == pytest.approx(expected, rel=1e-7)
        weights = np.asarray(_weights(lines))
        assert np.sum(weights) == pytest.approx(expected, rel=1e-7)
        # the parabola has the place of the clump within a step too
        points = gauss_rule(lines)[0]
        middle = np.asarray(_lattice().steps)
        first = np.sum(weights * (middle[:, None] + WIDTH * points))
        expected = integral(clump, 0.0, WIDTH * N_STEPS, lambda u: u)
        assert first == pytest.approx(expected, rel=1e-7)


def test_estimate_of_what_is_left_out_sees_thin_clumps():
    u_max = jnp.log1p(0.5)
    clump = Overdensity(1e4, 0.25, 1e-4, "top-hat")
    plain, found = (float(_continuum(u_max, lines_with(o))) for o in (1.0, clump))
    expected = plain * integral(clump, 0.0, float(u_max)) / integral(EMPTY, 0.0, float(u_max))
    assert found > 2.0 * plain
    assert found == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("overdensity", [1.0, Overdensity(3.0, 0.1, 0.1)])
def test_rules_of_a_step_and_its_later_half(overdensity):
    points, (whole, late) = gauss_rule(lines_with(overdensity))
    for power in range(points.size):
        x = np.polynomial.Polynomial.basis(power)
        integral = x.integ()
        np.testing.assert_allclose(whole @ x(points), integral(0.5) - integral(-0.5), atol=1e-15)
        np.testing.assert_allclose(late @ x(points), integral(0.0) - integral(-0.5), atol=1e-15)


def test_without_a_clump_the_middle_stands_for_a_step():
    u, lines = WIDTH * (np.arange(N_STEPS) + 0.5), lines_with(1.0)
    scale = np.asarray(lines.depth_scale(u))
    assert np.array_equal(mean_depth_scale(u, WIDTH, lines), scale)
    found = step_depths(_lattice(), lines)
    expected = WIDTH * scale[::-1, None] * [1.0, 1.0]
    np.testing.assert_allclose(found, expected, rtol=1e-13)  # rounding


def test_any_function_of_redshift():
    found = mean_depth_scale(np.array([0.3, 0.31]), WIDTH, lines_with(lambda z: 1.0 + z**2))
    plain = lines_with(1.0)
    u = np.linspace(0.295, 0.315, 201)
    values = np.asarray(plain.depth_scale(u)) * (1.0 + np.expm1(u) ** 2)
    # 100 trapezoids a step
    expected = [np.trapezoid(values[a : a + 101], u[a : a + 101]) / WIDTH for a in (0, 100)]
    np.testing.assert_allclose(found, expected, rtol=1e-7)


@pytest.mark.parametrize("shape", ["gaussian", "top-hat"])
def test_clumps_can_be_traced(shape):
    points = jnp.array([0.35, 0.1, -0.2])  # any function of energy

    @partial(jax.jit, static_argnames="shape")
    def depth(numbers, shape):
        weights = step_depths(_lattice(), lines_with(Overdensity(*numbers, shape)))
        return jnp.sum(weights @ points * jnp.cos(8.0 * _lattice().steps))

    numbers = jnp.array([[40.0, 0.2473, 2e-3], [5.0, 0.1111, 3e-2]])
    slopes = jax.vmap(jax.grad(depth), in_axes=(0, None))(numbers, shape)
    batch = jax.vmap(depth, in_axes=(0, None))(numbers, shape)
    for row, slope, value in zip(numbers, slopes, batch, strict=True):
        assert depth(row, shape) == pytest.approx(float(value), rel=1e-13)
        for i, step in enumerate([1e-3, 1e-7, 1e-7]):
            move = step * jnp.eye(3)[i]
            numeric = float(depth(row + move, shape) - depth(row - move, shape)) / (2.0 * step)
            assert slope[i] == pytest.approx(numeric, rel=1e-5)  # rounding over the step


@pytest.mark.parametrize(
    ("width", "place"), [(1e-4, 0.0), (1e-3, 0.0), (1e-4, 0.25), (1e-3, 0.2517), (0.02, 0.0)]
)
def test_steps_of_a_march_through_a_thin_clump(width, place):
    """Relics in motion: the dip of a clump is the line, at its place."""
    lines = lines_with(Overdensity(1.0 + 0.3 / width, place, width), thermal=True)
    u_max = jnp.log1p(0.5)
    lattice = lattice_shape(lines, u_max).placed(lines, u_max)
    found = np.asarray(summed_depths(lattice, lines))[0]
    exact = np.asarray(_exact(lattice.centers, u_max, lines))[0]
    assert np.max(exact) > 2.0 * np.max(_exact(lattice.centers, u_max, lines_with(1.0, True)))
    # a parabola through three points of a step that is half as wide as the narrowest line
    np.testing.assert_allclose(found, exact, rtol=0.0, atol=0.01 * np.max(exact))
