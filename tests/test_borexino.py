import math
from dataclasses import replace
from functools import partial

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf

from nuprop.constants import (
    AVOGADRO,
    ELECTRON_MASS,
    ELEMENTARY_CHARGE,
    FERMI_CONSTANT,
    HBAR_C,
    SIN2_THETA_W,
)
from nuprop.errors import DatasetError, ParameterError, UnitError
from nuprop.laboratory.borexino import SCATTERING_BOUNDS, ElectronScattering
from nuprop.laboratory.constraint import Constraint
from nuprop.laboratory.electron_scattering import differential_cross_section, largest_recoil
from nuprop.laboratory.solar import (
    FLUXES,
    LINES,
    flavor_fractions,
    line,
    mass_state_fractions,
    solar_state,
)
from nuprop.mediators import ZPrime
from nuprop.neutrinos import Neutrinos, Oscillations

MEV = 1e-3
BERYLLIUM = 0.862 * MEV
NUFIT_5_2 = Neutrinos(oscillations="nufit-5.2")
BOREXINO = ElectronScattering(neutrinos=NUFIT_5_2)
#: Limits on g' eps_A at R = 1.08 for epsilon > 0 and < 0, and half a unit of their last digits.
LIMITS = {
    1.0: (3.619e-11, 3.904e-11, 5e-15),
    5.0: (6.394e-10, 6.913e-10, 5e-14),
    10.0: (2.5235e-9, 2.7286e-9, 5e-14),
    20.0: (1.006e-8, 1.088e-8, 5e-12),
    50.0: (6.281e-8, 6.792e-8, 5e-12),
    100.0: (2.5122e-7, 2.7165e-7, 5e-12),
    1000.0: (2.512e-5, 2.716e-5, 5e-9),
}
PRECISE = {"epsrel": 1e-11, "epsabs": 0.0, "limit": 200}
HERMITIAN = np.array([[0.1, 0.2 - 0.3j, 0.05j], [0.2 + 0.3j, -0.4, 0.1], [-0.05j, 0.1, 0.3]])


@partial(jax.jit, static_argnums=(0, 2))
def limits(bound, masses, sign):
    return jax.vmap(lambda mass: bound.limit_on_product(mass, sign))(masses)


@partial(jax.jit, static_argnums=0)
def ratio(bound, boson):
    return bound.ratio(boson)


@partial(jax.jit, static_argnums=0)
def strength(bound, boson):
    return bound.strength(boson)


@partial(jax.jit, static_argnums=0)
def prepare(bound, mass):
    return bound.prepare(mass)


@partial(jax.jit, static_argnums=0)
def limit_on_scale(bound, boson):
    return bound.limit_on_scale(boson)


def expected_ratio(mass, g_e, matrix, window=None):
    """R from sums over mass eigenstates and quadrature, written out anew."""
    energy, pmns = BERYLLIUM, np.asarray(NUFIT_5_2.pmns)
    fractions = np.asarray(mass_state_fractions(energy, NUFIT_5_2))
    weak = SIN2_THETA_W + np.array([0.5, -0.5, -0.5])
    end = 2.0 * energy**2 / (ELECTRON_MASS + 2.0 * energy)

    def spectrum(t, coupling):
        delta = coupling * matrix / (2.0 * math.sqrt(2.0) * FERMI_CONSTANT)
        delta = delta / (mass**2 + 2.0 * ELECTRON_MASS * t)
        total = 0.0
        for i in range(3):
            left = (np.diag(weak) + delta) @ pmns[:, i]
            right = (SIN2_THETA_W * np.eye(3) + delta) @ pmns[:, i]
            square = np.sum(
                np.abs(left) ** 2
                + np.abs(right) ** 2 * (1.0 - t / energy) ** 2
                - (left * right.conj()).real * ELECTRON_MASS * t / energy**2
            )
            total += fractions[i] * square
        return total if window is None else window(t) * total

    lowest = 0.27 * MEV if window is None else 0.0
    with_boson, without = (
        quad(lambda x, g=g: spectrum(MEV * x, g), 1e3 * lowest, 1e3 * end, **PRECISE)[0]
        for g in (g_e, 0.0)
    )
    return with_boson / without


class TestSun:
    def test_numbers_of_nufit_5_2(self):
        # Given to five decimals.
        np.testing.assert_allclose(
            mass_state_fractions(BERYLLIUM, NUFIT_5_2), [0.61214, 0.36561, 0.02225], atol=5e-6
        )
        np.testing.assert_allclose(
            flavor_fractions("862 keV", NUFIT_5_2), [0.52598, 0.24658, 0.22744], atol=5e-6
        )

    def test_matter_against_the_eigenvectors_of_a_hamiltonian(self):
        energy, density = 5e-3, 95.0 * AVOGADRO
        mixing = NUFIT_5_2.oscillations
        cosine, cos2_13 = 1.0 - 2.0 * mixing.sin2_12, 1.0 - mixing.sin2_13
        sine = math.sqrt(1.0 - cosine**2)
        vacuum = mixing.dm2_21 / (4.0 * energy) * np.array([[-cosine, sine], [sine, cosine]])
        potential = math.sqrt(2.0) * FERMI_CONSTANT * density * HBAR_C**3 * cos2_13
        _, vectors = np.linalg.eigh(vacuum + np.diag([potential, 0.0]))
        fractions = mass_state_fractions(energy, NUFIT_5_2, density)
        np.testing.assert_allclose(fractions[:2], cos2_13 * vectors[0] ** 2, rtol=1e-12)
        assert jnp.sum(fractions) == pytest.approx(1.0, rel=1e-12)

    def test_vacuum_and_dense_matter(self):
        mixing = np.asarray(NUFIT_5_2.mixing)
        np.testing.assert_allclose(
            mass_state_fractions(BERYLLIUM, NUFIT_5_2, 0.0), mixing[0], rtol=1e-13
        )
        dense = mass_state_fractions(1.0, NUFIT_5_2, 1e30)
        # What is left of nu_1 falls as the square of the density.
        np.testing.assert_allclose(dense, [0.0, 1.0 - 0.02225, 0.02225], atol=1e-10)

    def test_density_matrix(self):
        energies = np.array([0.3, 0.862, 8.0]) * MEV
        state = np.asarray(solar_state(energies, NUFIT_5_2))
        assert state.shape == (3, 3, 3)
        np.testing.assert_allclose(state, state.conj().swapaxes(-1, -2), atol=1e-16)
        diagonal = np.einsum("eii->ei", state)
        np.testing.assert_allclose(diagonal, flavor_fractions(energies, NUFIT_5_2), atol=1e-15)
        pmns = np.asarray(NUFIT_5_2.pmns)
        np.testing.assert_allclose(
            np.einsum("ai,eab,bi->ei", pmns.conj(), state, pmns).real,
            mass_state_fractions(energies, NUFIT_5_2),
            atol=1e-15,
        )

    def test_no_mixing_at_the_resonance(self):
        """Where the mixing angle in matter is undefined: still finite, with finite derivatives."""

        def survival(sin2_12):
            neutrinos = Neutrinos(
                oscillations=Oscillations(sin2_12, 0.45, 0.0, 0.0, 7.41e-23, 2.5e-21)
            )
            resonance = 7.41e-23 / (2.0 * math.sqrt(2.0) * FERMI_CONSTANT * HBAR_C**3 * 1e-3)
            return flavor_fractions(1e-3, neutrinos, resonance)[0]

        value, slope = jax.jit(jax.value_and_grad(survival))(0.0)
        assert 0.0 <= value <= 1.0
        assert np.isfinite(slope)

    def test_lines(self):
        assert line("7Be").energy == BERYLLIUM
        assert LINES["7Be"].flux + LINES["7Be-384"].flux == pytest.approx(FLUXES["7Be"])
        with pytest.raises(DatasetError, match=r"solar line '7be' is unknown; did you mean '7Be'"):
            line("7be")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [((-1.0,), "energy = -1.0: positive"), ((1.0, None, -1.0), "electron_density = -1.0: ")],
    )
    def test_faults(self, arguments, message):
        with pytest.raises(ParameterError, match=message):
            flavor_fractions(*arguments)


class TestLimits:
    @pytest.mark.parametrize("sign", [1, -1])
    def test_on_the_product(self, sign):
        masses = np.array(list(LIMITS)) * MEV
        values = limits(BOREXINO, masses, sign)
        for value, (positive, negative, digit) in zip(values, LIMITS.values(), strict=True):
            assert value == pytest.approx(positive if sign > 0 else negative, rel=0, abs=digit)

    @pytest.mark.parametrize(("mass", "expected"), [(10.0, 4.18e-4), (20.0, 8.35e-4)])
    def test_on_the_coupling_with_loops_only(self, mass, expected):
        boson = ZPrime.lmu_ltau(mass * MEV, 1e-4, loop_mixing=True)
        limit = 1e-4 * float(limit_on_scale(BOREXINO, boson))
        # Given to three digits.
        assert limit == pytest.approx(expected, abs=5e-7)
        at_limit = ZPrime.lmu_ltau(mass * MEV, limit, loop_mixing=True)
        assert ratio(BOREXINO, at_limit) == pytest.approx(1.08, rel=1e-12)

    @pytest.mark.parametrize("sign", [1, -1])
    @pytest.mark.parametrize("largest", [1.08, pytest.param(3.0, marks=pytest.mark.slow)])
    def test_ratio_at_the_limit(self, sign, largest):
        bound = replace(BOREXINO, largest_ratio=largest)
        product = float(limits(bound, jnp.full(7, 0.03), sign)[0])
        coupling = 1e-3
        epsilon = sign * product / coupling / math.sqrt(1.0 - SIN2_THETA_W)
        boson = ZPrime.lmu_ltau(0.03, coupling, kinetic_mixing=epsilon)
        assert ratio(BOREXINO, boson) == pytest.approx(largest, rel=1e-12)
        assert strength(BOREXINO, boson) == pytest.approx((largest - 1.0) / 0.08, rel=1e-12)

    def test_interference_that_cancels(self):
        boson = ZPrime.le_lmu(0.01, 3e-7, kinetic_mixing=-1e-6)
        scale = float(limit_on_scale(BOREXINO, boson))
        scaled = ZPrime.le_lmu(0.01, scale * 3e-7, kinetic_mixing=-scale * 1e-6)
        assert ratio(BOREXINO, scaled) == pytest.approx(1.08, rel=1e-12)

    def test_a_boson_without_electrons_is_never_excluded(self):
        boson = ZPrime.lmu_ltau(0.01, 1e-3)
        assert ratio(BOREXINO, boson) == 1.0
        assert limit_on_scale(BOREXINO, boson) == math.inf
        assert strength(BOREXINO, boson) == 0.0

    @pytest.mark.slow
    def test_rescaled_by_the_flavors_where_squares_dominate(self):
        """The rule by which bounds on B - L are carried over: the root of sum f_i |g_ij|^2."""
        bound = replace(BOREXINO, largest_ratio=1e6)
        universal, difference = (
            jax.jit(bound.limit_on_product, static_argnums=1)(0.01, 1, np.array(charges))
            for charges in ([1.0, 1.0, 1.0], [0.0, 1.0, -1.0])
        )
        flavors = flavor_fractions(BERYLLIUM, NUFIT_5_2)
        # Interference is down by the root of R.
        assert universal / difference == pytest.approx(math.sqrt(1.0 - flavors[0]), rel=5e-3)


class TestRatio:
    @pytest.mark.parametrize("mass", [1e-4, 0.01, 1.0])
    def test_any_hermitian_matrix_against_sums_over_mass_eigenstates(self, mass):
        g_e = 1e-9 + 1e-5 * mass**2
        boson = ZPrime(mass, HERMITIAN, charged_couplings=[g_e, 0.0, 0.0])
        expected = expected_ratio(mass, g_e, HERMITIAN)
        assert abs(expected - 1.0) > 1e-3
        assert ratio(BOREXINO, boson) == pytest.approx(expected, rel=1e-10)

    def test_resolution_against_quadrature(self):
        bound = replace(BOREXINO, resolution=0.05)

        def efficiency(t):
            return 0.5 * (1.0 + erf((t - 0.27 * MEV) / (0.05 * math.sqrt(2.0 * t * MEV))))

        boson = ZPrime.lmu_ltau(0.01, 1e-3, kinetic_mixing=1e-5)
        g_e = float(jnp.real(boson.charged_couplings[0]))
        expected = expected_ratio(0.01, g_e, 1e-3 * np.diag([0.0, 1.0, -1.0]), efficiency)
        assert ratio(bound, boson) == pytest.approx(expected, rel=1e-10)
        sharp = replace(BOREXINO, resolution=1e-6)
        assert ratio(sharp, boson) == pytest.approx(float(ratio(BOREXINO, boson)), rel=1e-8)

    @pytest.mark.slow
    def test_a_resolved_window_and_the_window_beyond_it_add_up(self):
        mass = 0.01
        below, above, whole = (
            prepare(replace(BOREXINO, resolution=0.05, threshold=low, highest=high), mass)
            for low, high in ((0.2 * MEV, 0.4 * MEV), (0.4 * MEV, None), (0.2 * MEV, None))
        )
        np.testing.assert_allclose(below.moments + above.moments, whole.moments, rtol=1e-10)

    def test_a_spectrum_is_a_sum_of_lines(self):
        energies, weights = np.array([0.862, 1.442]) * MEV, np.array([2.0, 0.5])
        boson = ZPrime.lmu_ltau(0.01, 1e-3, kinetic_mixing=1e-5)
        spectrum = replace(BOREXINO, energies=energies, weights=weights, threshold=0.1 * MEV)
        rates = []
        for energy in energies:
            single = replace(BOREXINO, energies=energy, threshold=0.1 * MEV)
            standard = float(prepare(single, 0.01).standard)
            rates.append((standard, standard * float(ratio(single, boson))))
        standard, total = weights @ np.array(rates)
        assert ratio(spectrum, boson) == pytest.approx(total / standard, rel=1e-12)

    def test_energies_below_threshold_count_nothing(self):
        boson = ZPrime.lmu_ltau(0.01, 1e-3, kinetic_mixing=1e-5)
        more = replace(BOREXINO, energies=[0.2 * MEV, BERYLLIUM], weights=[10.0, 1.0])
        assert ratio(more, boson) == pytest.approx(float(ratio(BOREXINO, boson)), rel=1e-12)

    def test_another_experiment(self):
        """Antineutrinos of one flavor and one energy: the ratio of two integrals."""
        reactor = ElectronScattering(
            name="reactor",
            energies="5 MeV",
            threshold="3 MeV",
            highest="4 MeV",
            state="e",
            antineutrino=True,
        )
        boson = ZPrime.le_lmu(0.01, 1e-6)
        reactor_spectrum = jax.jit(
            lambda recoils, b: differential_cross_section(recoils, 5e-3, "e", b, True)
        )
        nodes, weights = np.polynomial.legendre.leggauss(20)
        recoils = (3.5 + 0.5 * nodes) * MEV
        with_boson, without = (
            weights @ np.asarray(reactor_spectrum(recoils, b)) for b in (boson, None)
        )
        assert ratio(reactor, boson) == pytest.approx(with_boson / without, rel=1e-12)
        shares = replace(reactor, state=[1.0, 0.0, 0.0])
        matrix = replace(reactor, state=np.diag([1.0, 0.0, 0.0]))
        assert hash(shares) != hash(matrix)
        for same in (shares, matrix):
            assert ratio(same, boson) == pytest.approx(float(ratio(reactor, boson)), rel=1e-12)

    def test_mixing_of_today(self):
        default = SCATTERING_BOUNDS["borexino"]
        assert isinstance(default, Constraint)
        given = replace(default, neutrinos=Neutrinos())
        boson = ZPrime.lmu_ltau(0.01, 1e-3, kinetic_mixing=1e-5)
        assert ratio(default, boson) == ratio(given, boson)


class TestTracing:
    def test_a_plane_in_one_program(self):
        mixings, couplings = np.array([-1e-4, 0.0, 1e-5]), np.array([1e-6, 1e-4, 1e-2])

        @jax.jit
        def plane(mass):
            prepared = BOREXINO.prepare(mass)

            def strength(epsilon, coupling):
                return BOREXINO.strength(
                    ZPrime.lmu_ltau(mass, coupling, kinetic_mixing=epsilon), prepared
                )

            row = jax.vmap(strength, in_axes=(None, 0))
            return jax.vmap(row, in_axes=(0, None))(mixings, couplings)

        values = plane(0.01)
        assert values.shape == (3, 3)
        np.testing.assert_array_equal(values[1], 0.0)
        boson = ZPrime.lmu_ltau(0.01, 1e-4, kinetic_mixing=-1e-4)
        assert values[0, 1] == pytest.approx(float(strength(BOREXINO, boson)), rel=1e-12)

    @pytest.mark.parametrize("loop", [pytest.param(False, marks=pytest.mark.slow), True])
    def test_derivatives_against_differences(self, loop):
        point = np.array([0.01, 5e-4, 2e-6])

        @jax.jit
        def slopes(point, steps):
            def strength(p):
                boson = ZPrime.lmu_ltau(p[0], p[1], kinetic_mixing=p[2], loop_mixing=loop)
                return BOREXINO.strength(boson)

            around = jax.vmap(jax.vmap(strength))(jnp.stack([point + steps, point - steps]))
            return jax.grad(strength)(point), around

        gradient, (above, below) = slopes(point, 1e-5 * np.diag(point))
        # The square of the step, and rounding over the step.
        np.testing.assert_allclose(gradient * point, (above - below) / 2e-5, rtol=1e-7, atol=1e-9)

    def test_finite_derivatives_without_mixing(self):
        @jax.jit
        @jax.grad
        def slope(epsilon):
            return BOREXINO.strength(ZPrime.lmu_ltau(0.01, 1e-3, kinetic_mixing=epsilon))

        small = strength(BOREXINO, ZPrime.lmu_ltau(0.01, 1e-3, kinetic_mixing=1e-12))
        # The quadratic term is 1e-6 of the linear one there.
        assert slope(0.0) == pytest.approx(float(small) / 1e-12, rel=1e-5)


class TestArguments:
    def test_units(self):
        bound = ElectronScattering(
            energies=862.0 * u.keV, threshold="270 keV", highest=0.5 * u.MeV, neutrinos=NUFIT_5_2
        )
        same = ElectronScattering(highest=0.5e-3, neutrinos=NUFIT_5_2)
        assert bound.energies == pytest.approx(same.energies, rel=1e-12, abs=0)
        assert bound.threshold == pytest.approx(same.threshold, rel=1e-12, abs=0)
        assert bound.highest == pytest.approx(same.highest, rel=1e-12, abs=0)
        assert replace(BOREXINO, largest_ratio=1.2) != BOREXINO
        assert replace(BOREXINO) == BOREXINO

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"largest_ratio": 1.0}, "largest_ratio = 1.0: a number above 1"),
            ({"energies": [1.0, -1.0], "weights": [1, 1]}, "energies = .*positive energies"),
            ({"energies": [1.0, 2.0]}, r"shapes \(2,\) and \(1,\)"),
            ({"weights": -1.0}, "weights = .*numbers >= 0, not all 0"),
            ({"weights": 0.0}, "weights = .*numbers >= 0, not all 0"),
            ({"threshold": "0.7 MeV"}, "threshold = 0.0007.*largest recoil, 0.664917 MeV"),
            ({"threshold": -1.0}, "threshold = -1.0: "),
            ({"highest": "0.2 MeV"}, "highest = 0.0002.*above the threshold, 0.27 MeV"),
            ({"resolution": -0.1}, "resolution = -0.1: a number >= 0"),
            ({"electron_density": -1.0}, "electron_density = -1.0: a density >= 0"),
            ({"state": "electron"}, "state = 'electron': .*known: e, mu, tau"),
            ({"state": np.ones((2, 3, 3))}, r"state has the shape \(2, 3, 3\): one density"),
        ],
    )
    def test_faults(self, arguments, message):
        with pytest.raises(ParameterError, match=message):
            ElectronScattering(**arguments)

    def test_wrong_unit(self):
        with pytest.raises(UnitError, match=r"threshold = 1.0 cm has the unit cm"):
            ElectronScattering(threshold=1.0 * u.cm)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((0.0,), "mass = 0.0: a positive energy"),
            ((0.01, 0), "sign = 0: 1 or -1"),
            ((0.01, 1, (1.0, 2.0)), r"charges has the shape \(2,\)"),
        ],
    )
    def test_faults_of_limits(self, arguments, message):
        with pytest.raises(ParameterError, match=message):
            BOREXINO.limit_on_product(*arguments)

    def test_the_window_ends_where_kinematics_does(self):
        assert largest_recoil(BERYLLIUM) == pytest.approx(0.66492 * MEV, rel=1e-5)
        wider = replace(BOREXINO, highest=1.0)
        boson = ZPrime.lmu_ltau(0.01, 1e-3, kinetic_mixing=1e-5)
        assert ratio(wider, boson) == ratio(BOREXINO, boson)


def test_the_coupling_of_electrons_is_minus_e_times_the_mixing():
    """A positive epsilon and g' make g_e g_mu negative: the smaller limit, as in the table."""
    product = 1e-9
    epsilon = product / 1e-3 / math.sqrt(1.0 - SIN2_THETA_W)
    boson = ZPrime.lmu_ltau(0.01, 1e-3, kinetic_mixing=epsilon)
    by_hand = ZPrime(
        0.01,
        1e-3 * np.diag([0.0, 1.0, -1.0]),
        charged_couplings=[-ELEMENTARY_CHARGE * product / 1e-3, 0.0, 0.0],
    )
    assert ratio(BOREXINO, boson) == pytest.approx(float(ratio(BOREXINO, by_hand)), rel=1e-12)
