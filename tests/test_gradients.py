"""Derivatives of the flux in every continuous parameter, forward and in reverse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nuprop
from nuprop.cosmology import flat_lambda_cdm
from nuprop.relics import Relics
from nuprop.transport import LatticeShape, cell_averages, spectrum

#: The goal, relative to the largest derivative at any energy. Differences of numbers with sixteen
#: digits over steps of 3e-6 leave 1e-9 of the flux, 1e-6 where the flux hardly depends.
GOAL = 1e-4

# Every continuous parameter: name -> value in code units. Each neutrino mass may move alone.
PARAMETERS = {
    "mass": 0.011,
    "coupling": 5e-4,
    "lightest": 8e-11,
    "sin2_12": 0.308,
    "sin2_23": 0.470,
    "sin2_13": 0.02215,
    "delta": 3.7,
    "dm2_21": 7.49e-23,
    "dm2_31": 2.513e-21,
    "index": 2.3,
    "cutoff": 1e7,
    "z_max": 5.0,
    "normalization": 1.5e-18,
    "flavor_e": 0.33,
    "H0": 67.4,
    "Om0": 0.315,
    "temperature": 1.945,
    "density": 56.0,
    "overdensity": 1.0,
    "kinetic_mixing": 1e-3,
    "m1": 0.0,
    "m2": 0.0,
    "m3": 0.0,
}
#: Step of the differences, relative, or in units of these where a parameter may be zero. The
#: lattice of a march stands on whole cells: a longer step of z_max would move it by one.
STEP = 3e-6
SCALES = {"m1": 8e-11, "m2": 8e-11, "m3": 8e-11, "lightest": 8e-11}


def pieces(p, *, thermal):
    """The objects of a model from a dictionary of numbers."""
    oscillations = nuprop.Oscillations(
        p["sin2_12"], p["sin2_23"], p["sin2_13"], p["delta"], p["dm2_21"], p["dm2_31"]
    )
    masses = nuprop.Neutrinos(p["lightest"], oscillations=oscillations).masses
    moved = masses + jnp.stack([p["m1"], p["m2"], p["m3"]])
    neutrinos = nuprop.Neutrinos.from_masses(moved, oscillations=oscillations)
    source = nuprop.Source(
        spectrum=nuprop.PowerLaw(p["index"], cutoff=p["cutoff"]),
        z_max=p["z_max"],
        flavor=(p["flavor_e"], 1.0 - p["flavor_e"], 0.0),
        normalization=p["normalization"],
    )
    mediator = nuprop.ZPrime.lmu_ltau(p["mass"], p["coupling"], kinetic_mixing=p["kinetic_mixing"])
    relics = Relics(
        thermal=thermal,
        temperature=p["temperature"],
        density=p["density"],
        overdensity=p["overdensity"],
    )
    return source, mediator, neutrinos, relics.state, flat_lambda_cdm(p["H0"], p["Om0"])


# Away from edges: dips of `PARAMETERS` span 107 to 756 TeV.
ENERGIES = jnp.array([2e4, 9e4, 1.5e5, 2.5e5, 4e5, 5.5e5, 7.0e5])
EDGES = jnp.array([2e4, 9e4, 1.5e5, 2.5e5, 4e5, 5.5e5, 7.0e5, 9e5])
LATTICE = LatticeShape(448, 256)


def swept(p):
    objects = pieces(p, thermal=False)
    return jnp.sum(spectrum(ENERGIES, *objects, helicities="summed"), axis=0)


def swept_cells(p):
    objects = pieces(p, thermal=False)
    return jnp.sum(cell_averages(EDGES, *objects, helicities="summed", pieces=8), axis=0)


def marched(p):
    objects = pieces(p, thermal=True)
    flux = spectrum(ENERGIES, *objects, method="march", helicities="summed", lattice=LATTICE)
    return jnp.sum(flux, axis=0)


def numbers(**changes):
    return {key: jnp.asarray(value) for key, value in {**PARAMETERS, **changes}.items()}


def compare(found, expected, tolerance=GOAL):
    """Relative to the largest derivative of each flux in this parameter at any energy."""
    assert np.all(np.isfinite(found))
    scale = np.max(np.abs(expected), axis=-1, keepdims=True)
    np.testing.assert_array_less(np.abs(found - expected) / np.maximum(scale, 1e-60), tolerance)


class Case:
    """A function of all parameters and its Jacobians, compiled once each."""

    def __init__(self, function):
        self.value = jax.jit(function)
        self.forward = jax.jit(jax.jacfwd(function))
        self.weights = 1e18 * jnp.arange(1.0, 22.0).reshape(3, 7)
        self.reverse = jax.jit(jax.grad(lambda p: jnp.sum(self.weights * function(p))))
        self.at_numbers = self.forward(numbers())

    def check(self, name, **changes):
        """Forward derivative against central differences of fourth order."""
        p = numbers(**changes)
        found = self.forward(p)[name] if changes else self.at_numbers[name]
        h = STEP * SCALES.get(name, abs(float(p[name])))

        def at(k):
            return np.asarray(self.value({**p, name: p[name] + k * h}))

        expected = (8.0 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12.0 * h)
        compare(np.asarray(found), expected)


@pytest.fixture(scope="module")
def sweep_case():
    return Case(swept)


@pytest.fixture(scope="module")
def cells_case():
    return Case(swept_cells)


@pytest.fixture(scope="module")
def march_case():
    return Case(marched)


@pytest.mark.parametrize("name", PARAMETERS)
def test_sweep(sweep_case, name):
    sweep_case.check(name)


# In cell averages the edges themselves move: dJ/dM holds their delta functions.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mass", "coupling", "lightest", "m3", "sin2_13", "index", "Om0"])
def test_cell_averages(cells_case, name):
    cells_case.check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_march(march_case, name):
    march_case.check(name)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param("sweep_case", marks=pytest.mark.slow),
        pytest.param("march_case", marks=pytest.mark.slow),
        pytest.param("cells_case", marks=pytest.mark.slow),
    ],
)
def test_reverse_agrees_with_forward(case, request):
    case = request.getfixturevalue(case)
    reverse = case.reverse(numbers())
    for name, forward in case.at_numbers.items():
        expected = np.sum(case.weights * forward)
        scale = np.sum(case.weights * np.abs(forward))
        # two orders of the same sums
        assert abs(float(reverse[name]) - expected) <= 1e-9 * scale, name


@pytest.mark.parametrize("name", ["mass", "coupling", "dm2_21", "m2", "Om0"])
def test_massless_lightest_state(sweep_case, name):
    sweep_case.check(name, lightest=0.0)


def test_lightest_mass_of_zero(sweep_case):
    # m_2 and m_3 depend on its square, and the state itself does not absorb: no derivative
    found = np.asarray(sweep_case.forward(numbers(lightest=0.0))["lightest"])
    flux = np.asarray(sweep_case.value(numbers(lightest=0.0)))
    np.testing.assert_array_less(np.abs(found) * 8e-11, 1e-12 * flux)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mass", "temperature", "coupling", "m3"])
def test_march_of_a_massless_lightest_state(march_case, name):
    march_case.check(name, lightest=0.0)


@pytest.mark.slow
def test_march_has_finite_derivatives_at_zero_mass(march_case):
    for name, derivative in march_case.forward(numbers(lightest=0.0)).items():
        assert np.all(np.isfinite(derivative)), name


@pytest.mark.slow
def test_vectorized_over_every_parameter(sweep_case):
    keys = jax.random.split(jax.random.key(3), len(PARAMETERS))
    batch = {
        name: value * (1.0 + 0.02 * jax.random.uniform(key, (4,), minval=-1.0))
        for key, (name, value) in zip(keys, numbers().items(), strict=True)
    }
    together = np.asarray(jax.jit(jax.vmap(swept))(batch))
    for k in range(4):
        one = sweep_case.value({name: values[k] for name, values in batch.items()})
        np.testing.assert_allclose(together[k], one, rtol=1e-11)  # order of sums


@pytest.mark.slow
def test_march_vectorized(march_case):
    batch = {name: jnp.stack([value, 1.01 * value]) for name, value in numbers().items()}
    together = np.asarray(jax.jit(jax.vmap(marched))(batch))
    for k in range(2):
        one = march_case.value({name: values[k] for name, values in batch.items()})
        np.testing.assert_allclose(together[k], one, rtol=1e-11)  # order of sums
