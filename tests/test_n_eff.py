import math
from itertools import pairwise

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from nuprop.errors import ParameterError, UnitError
from nuprop.laboratory.n_eff import (
    CONSTRAINTS,
    NEffLimit,
    delta_n_eff,
    entropy_ratio,
    lowest_mass,
)
from nuprop.mediators import ZPrime

RATIOS = np.array([0.0, 1e-8, 1e-4, 0.01, 0.3, 1.0, 3.5, 10.0, 40.0, 150.0, 600.0])


@jax.jit
@jax.vmap
def ratio_and_slope(y):
    return jax.value_and_grad(entropy_ratio)(y)


def integrated(y, power=0):
    """exp(y) F(y), or the integral of -exp(y) dF/dy, with x = y + t^2."""

    def integrand(t):
        x = y + t * t
        root = t * math.sqrt(x + y)
        occupation = math.exp(-t * t) / -math.expm1(-x) if x > 0.0 else 0.0
        if power == 0:
            return (4 * x * x - y * y) * root * occupation * 2 * t
        # d/dy of (4x^2 - y^2) sqrt(x^2 - y^2)
        return (2 * y * root + (4 * x * x - y * y) * y / root) * occupation * 2 * t

    pieces = [0.0, 0.5 * math.sqrt(y) + 1e-3, math.sqrt(y) + 0.1, 2.0, 4.0, 7.0]
    pieces = sorted(set(pieces))
    total = sum(
        quad(integrand, low, high, epsabs=0, epsrel=1e-13, limit=200)[0]
        for low, high in pairwise(pieces)
    )
    return 30.0 / (7.0 * math.pi**4) * total


class TestEntropyRatio:
    def test_massless(self):
        assert float(entropy_ratio(0.0)) == pytest.approx(8 / 7, rel=1e-14)

    def test_against_quadrature(self):
        found, slopes = ratio_and_slope(RATIOS)
        expected = [integrated(y) * math.exp(-y) for y in RATIOS]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert abs(slopes[0]) < 1e-14
        expected = [-integrated(y, 1) * math.exp(-y) for y in RATIOS[3:]]
        # 1/sqrt t at the lower end of the reference
        np.testing.assert_allclose(slopes[3:], expected, rtol=1e-9)

    def test_heavy_boson(self):
        # (4x^2 - y^2) sqrt(x^2 - y^2) e^-x near x = y: 3 y^2 sqrt(2y) Gamma(3/2) e^-y; 1/y beyond
        y = 600.0
        limit = 30 / (7 * math.pi**4) * 3 * y**2.5 * math.sqrt(math.pi / 2) * math.exp(-y)
        assert float(entropy_ratio(y)) == pytest.approx(limit, rel=5 / y, abs=0.0)

    def test_vanishes(self):
        found, slopes = ratio_and_slope(np.array([1e3, 1e6]))
        assert np.all(np.asarray(found) == 0.0)
        assert np.all(np.asarray(slopes) == 0.0)


class TestDeltaNEff:
    def test_massless_limit(self):
        # 3 [1 + (g/6)(8/7)]^(4/3) - 3 with g = 3
        expected = 3 * (1 + 4 / 7) ** (4 / 3) - 3
        assert float(delta_n_eff("1 eV")) == pytest.approx(expected, rel=1e-10)

    @pytest.mark.parametrize(
        ("excess", "temperature", "mass"),
        [(0.7, "1.5 MeV", 5.22), (0.3, "1.5 MeV", 7.3), (0.3, "2.3 MeV", 11.2)],
    )
    def test_masses_of_reference(self, excess, temperature, mass):
        digits = 0.005 if mass == 5.22 else 0.05
        assert 1e3 * float(lowest_mass(excess, temperature)) == pytest.approx(mass, abs=digits)

    def test_only_the_neutrinos_that_couple(self):
        two = delta_n_eff("5 MeV", neutrinos=2)
        expected = 2 * (1 + 0.75 * float(entropy_ratio(5 / 1.5))) ** (4 / 3) - 2
        assert float(two) == pytest.approx(expected, rel=1e-13)
        assert two > delta_n_eff("5 MeV")

    def test_many_masses(self):
        mass = np.geomspace(0.1, 100, 30) * u.MeV
        found = np.asarray(delta_n_eff(mass))
        assert found.shape == (30,)
        assert np.all(np.diff(found) < 0.0)
        assert np.all(found > 0.0)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"mass": 0.0}, ParameterError, "mass = 0.0: positive energies"),
            ({"mass": "3 s"}, UnitError, "mass"),
            ({"decoupling_temperature": -1.0}, ParameterError, "decoupling_temperature = -1.0"),
            ({"decoupling_temperature": "2 K"}, UnitError, "decoupling_temperature"),
            ({"degrees_of_freedom": 0}, ParameterError, "degrees_of_freedom = 0"),
            ({"neutrinos": math.nan}, ParameterError, "neutrinos = nan"),
        ],
    )
    def test_bad_input(self, arguments, error, message):
        with pytest.raises(error, match=message):
            delta_n_eff(**({"mass": "5 MeV"} | arguments))


class TestLowestMass:
    def test_inverts(self):
        def there_and_back(excess, temperature):
            return delta_n_eff(lowest_mass(excess, temperature), temperature)

        excess = np.array([1e-6, 0.1, 0.7, 2.0, 2.4])
        found = jax.jit(jax.vmap(there_and_back, in_axes=(0, None)))(excess, 2e-3)
        np.testing.assert_allclose(found, excess, rtol=1e-10)

    def test_derivative(self):
        slope = jax.jit(jax.grad(lowest_mass))(0.7)
        step = 1e-4
        difference = (lowest_mass(0.7 + step) - lowest_mass(0.7 - step)) / (2 * step)
        # step^2 times a third derivative of order 10
        assert float(slope) == pytest.approx(float(difference), rel=1e-6)
        inverse = jax.grad(delta_n_eff)(float(lowest_mass(0.7)))
        assert float(slope * inverse) == pytest.approx(1.0, rel=1e-10)

    def test_excess_that_no_mass_gives(self):
        with pytest.raises(ParameterError, match=r"delta_n_eff = 2.5: less than 2.48"):
            lowest_mass(2.5)
        with pytest.raises(ParameterError, match=r"delta_n_eff = 0.0: a positive number"):
            lowest_mass(0.0)


class TestLimit:
    def test_default(self):
        limit = CONSTRAINTS["n-eff"]
        assert limit.quality == "approximate"
        assert limit.excludes(ZPrime.lmu_ltau("5.2 MeV", 1e-4))
        assert not limit.excludes(ZPrime.lmu_ltau("5.3 MeV", 1e-1))

    def test_prepared_and_mapped(self):
        limit = CONSTRAINTS["n-eff"]
        mass = jnp.geomspace(1e-3, 1e-1, 5)

        def strength(m):
            return limit.strength(ZPrime.lmu_ltau(m, 1e-3), limit.prepare(m))

        found = jax.jit(jax.vmap(strength))(mass)
        np.testing.assert_allclose(found, delta_n_eff(mass) / 0.7, rtol=1e-13)
        assert float(limit.strength(ZPrime.lmu_ltau("1 MeV", 1e-3))) == pytest.approx(
            float(found[0]), rel=1e-13
        )

    def test_own_criterion(self):
        common = {
            "name": "mine",
            "title": "mine",
            "references": (),
            "level": "mine",
            "quality": "approximate",
        }
        limit = NEffLimit(**common, largest=0.3, decoupling_temperature="2.3 MeV")
        assert limit.excludes(ZPrime.lmu_ltau("11.1 MeV", 1e-3))
        assert not limit.excludes(ZPrime.lmu_ltau("11.3 MeV", 1e-3))
        with pytest.raises(ParameterError, match=r"largest = -1\.0"):
            NEffLimit(**common, largest=-1.0)
        with pytest.raises(ParameterError, match="neutrinos = 0"):
            NEffLimit(**common, neutrinos=0)
