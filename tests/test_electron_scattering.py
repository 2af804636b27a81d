import math
from functools import partial

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from nuprop.constants import ELECTRON_MASS, FERMI_CONSTANT, GEV_TO_MINUS_2, SIN2_THETA_W
from nuprop.errors import ParameterError, UnitError
from nuprop.laboratory.electron_scattering import (
    cross_section,
    differential_cross_section,
    largest_recoil,
    recoil_moments,
)
from nuprop.mediators import ZPrime

BERYLLIUM = 0.862e-3
MEV = 1e-3
#: Closed forms and quadratures of smooth integrands: some hundred roundings.
ROUNDING = 1e-11
HERMITIAN = np.array([[0.1, 0.2 - 0.3j, 0.05j], [0.2 + 0.3j, -0.4, 0.1], [-0.05j, 0.1, 0.3]])
FLAVORS = ("e", "mu", "tau")


def close(value, rel):
    """Compare numbers that are far below any absolute tolerance."""
    return pytest.approx(np.asarray(value).tolist(), rel=rel, abs=0.0)


@partial(jax.jit, static_argnums=(1, 2))
@partial(jax.vmap, in_axes=(0, None, None))
def padded(row, loop, antineutrino):
    boson = ZPrime.lmu_ltau(row[0], row[1], kinetic_mixing=row[2], loop_mixing=loop)
    return cross_section(row[3], row[6:], boson, row[4], row[5], antineutrino)


def sigma(*rows, flavor=(0.0, 1.0, 0.0), loop=False, antineutrino=False):
    """Cross sections for (M, g', epsilon, E, lowest, highest); one program for up to 8 of them."""
    table = [(*row, *flavor) for row in (*rows, *[rows[0]] * (8 - len(rows)))]
    return np.asarray(padded(np.array(table), loop, antineutrino))[: len(rows)]


def standard(flavor):
    return sigma((1.0, 1.0, 0.0, BERYLLIUM, 0.0, 1.0), flavor=flavor)[0]


@partial(jax.jit, static_argnums=(4, 5))
@partial(jax.vmap, in_axes=(0, None, None, None, None, None))
def spectrum(recoil, mass, energy, state, loop, antineutrino):
    boson = ZPrime.lmu_ltau(mass, 1e-3, kinetic_mixing=2e-5, loop_mixing=loop)
    return differential_cross_section(recoil, energy, state, boson, antineutrino)


@partial(jax.jit, static_argnums=5)
def with_matrix(recoil, energy, mass, matrix, state, antineutrino):
    boson = ZPrime(mass, matrix, charged_couplings=[3e-6, 0.0, 0.0])
    return differential_cross_section(recoil, energy, state, boson, antineutrino)


@partial(jax.jit, static_argnums=2)
def slopes(point, steps, loop):
    """Gradient of a cross section of order 1, and its values at steps in each direction."""

    def value(p):
        boson = ZPrime.lmu_ltau(p[0], p[1], kinetic_mixing=p[2], loop_mixing=loop)
        return 1e45 * cross_section(p[3], "mu", boson, p[4])

    around = jax.vmap(jax.vmap(value))(jnp.stack([point + steps, point - steps]))
    return jax.grad(value)(point), around


def by_spinors(recoil, energy, mass, matrix, g_e, incoming, antineutrino):
    """The cross section from explicit gamma matrices, all spins and outgoing flavors summed."""
    zero, one = np.zeros((2, 2)), np.eye(2)
    pauli = ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])
    gammas = [np.block([[one, zero], [zero, -one]]).astype(complex)]
    gammas += [np.block([[zero, np.array(s)], [-np.array(s), zero]]) for s in pauli]
    gamma5 = 1j * gammas[0] @ gammas[1] @ gammas[2] @ gammas[3]
    left = 0.5 * (np.eye(4) - gamma5)
    metric = np.array([1.0, -1.0, -1.0, -1.0])

    def slash(p):
        return sum(m * x * g for m, x, g in zip(metric, p, gammas, strict=True))

    scattered = energy - recoil
    cosine = (energy - (energy + ELECTRON_MASS) * recoil / energy) / scattered
    sine = math.sqrt(max(0.0, 1.0 - cosine**2))
    k = energy * np.array([1.0, 0.0, 0.0, 1.0])
    k_out = scattered * np.array([1.0, sine, 0.0, cosine])
    p = np.array([ELECTRON_MASS, 0.0, 0.0, 0.0])
    p_out = p + k - k_out
    before, after = (k_out, k) if antineutrino else (k, k_out)
    neutrino = [
        [np.trace(slash(after) @ a @ left @ slash(before) @ b @ left) for b in gammas]
        for a in gammas
    ]
    shift = g_e * matrix / (mass**2 + 2.0 * ELECTRON_MASS * recoil)
    weak = 2.0 * math.sqrt(2.0) * FERMI_CONSTANT
    g_left = weak * np.diag(SIN2_THETA_W + np.array([0.5, -0.5, -0.5])) + shift
    g_right = weak * SIN2_THETA_W * np.eye(3) + shift
    if antineutrino:
        g_left, g_right = g_left.T, g_right.T
    square = 0.0
    for a, b in zip(g_left @ incoming, g_right @ incoming, strict=True):
        vertices = [g @ (a * left + b * (np.eye(4) - left)) for g in gammas]
        conjugates = [g @ (np.conj(a) * left + np.conj(b) * (np.eye(4) - left)) for g in gammas]
        for m in range(4):
            for n in range(4):
                electron = np.trace(
                    (slash(p_out) + ELECTRON_MASS * np.eye(4))
                    @ vertices[m]
                    @ (slash(p) + ELECTRON_MASS * np.eye(4))
                    @ conjugates[n]
                )
                square += (metric[m] * metric[n] * neutrino[m][n] * electron).real
    return GEV_TO_MINUS_2 * 0.5 * square / (32.0 * math.pi * ELECTRON_MASS * energy**2)


def test_standard_model_at_the_beryllium_line():
    # Half a unit of the last digit given.
    assert cross_section(BERYLLIUM, "e") == pytest.approx(5.9452e-45, rel=0, abs=5e-50)
    assert cross_section(BERYLLIUM, "mu") == pytest.approx(1.2521e-45, rel=0, abs=5e-50)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_standard_model_in_closed_form(antineutrino):
    energy = np.geomspace(1e-4, 10.0, 5)
    y = np.asarray(largest_recoil(energy)) / energy
    for flavor, unit in zip(FLAVORS, np.eye(3), strict=True):
        left, right = SIN2_THETA_W + (0.5 if flavor == "e" else -0.5), SIN2_THETA_W
        a, b = (right, left) if antineutrino else (left, right)
        expected = energy * (
            a**2 * y
            + b**2 * (1.0 - (1.0 - y) ** 3) / 3.0
            - left * right * ELECTRON_MASS * y**2 / (2.0 * energy)
        )
        expected *= 2.0 * FERMI_CONSTANT**2 * ELECTRON_MASS / math.pi * GEV_TO_MINUS_2
        rows = [(1.0, 1.0, 0.0, e, 0.0, 20.0) for e in energy]
        np.testing.assert_allclose(
            sigma(*rows, flavor=unit, antineutrino=antineutrino), expected, rtol=ROUNDING
        )


@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize("mass", [1e-4, 0.01])
def test_against_gamma_matrices(antineutrino, mass):
    incoming = np.array([0.6, 0.48j, 0.64])
    state = np.outer(incoming, incoming.conj())
    for energy, recoil in ((BERYLLIUM, 0.3 * MEV), (BERYLLIUM, 0.66 * MEV), (0.05, 0.02)):
        expected = by_spinors(recoil, energy, mass, 1e-4 * HERMITIAN, 3e-6, incoming, antineutrino)
        value = with_matrix(recoil, energy, mass, 1e-4 * HERMITIAN, state, antineutrino)
        assert value == close(expected, 1e-10)


@pytest.mark.parametrize(("loop", "antineutrino"), [(False, False), (False, True), (True, False)])
def test_cross_sections_are_integrals_of_spectra(loop, antineutrino):
    state = np.array([0.5, 0.1, 0.4])
    cases = [
        (1e-3, BERYLLIUM, 0.0, 1.0),
        (1e-6, BERYLLIUM, 0.27 * MEV, 1.0),
        (1e-2, BERYLLIUM, 0.27 * MEV, 0.4 * MEV),
        (0.1, 1.44e-3, 0.1 * MEV, 1.0),
        (1e-4, 20.0, 3e-3, 24.0),
        (10.0, 20.0, 0.0, 24.0),
        (1e5, 20.0, 1.0, 24.0),
    ]
    rows = [(mass, 1e-3, 2e-5, *rest) for mass, *rest in cases]
    values = sigma(*rows, flavor=state, loop=loop, antineutrino=antineutrino)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    for value, (mass, energy, lowest, highest) in zip(values, cases, strict=True):
        end = min(highest, float(largest_recoil(energy)))
        # Panels of equal length in ln(T + M^2/2m_e), or in T for a heavy boson.
        offset = min(mass**2 / ELECTRON_MASS, energy) / 2.0
        edges = np.linspace(math.log(offset + lowest), math.log(offset + end), 9)
        middle, half = 0.5 * (edges[1:] + edges[:-1])[:, None], 0.5 * np.diff(edges)[:, None]
        recoils = np.exp(middle + half * nodes) - offset
        density = spectrum(recoils.ravel(), mass, energy, state, loop, antineutrino)
        integral = np.sum(half * weights * (offset + recoils) * np.reshape(density, recoils.shape))
        assert value == close(integral, ROUNDING)


@pytest.mark.parametrize("mass", [1e-6, 1e-3, 0.03, 1.0, 1e5])
def test_moments_against_quadrature(mass):
    lowest, highest = 0.1 * MEV, 0.6 * MEV
    moments = np.asarray(recoil_moments(mass, lowest, highest))
    scale = 2.0 * math.sqrt(2.0) * FERMI_CONSTANT
    for k in range(3):
        for n in range(3):
            integral, _ = quad(
                lambda x, k=k, n=n: x**n / (mass**2 / MEV + 2.0 * ELECTRON_MASS * x) ** k,
                0.1,
                0.6,
                epsrel=1e-13,
                epsabs=0.0,
            )
            assert moments[k, n] == close(integral * MEV ** (n + 1 - k) / scale**k, 1e-13)


def test_moments_where_nodes_and_closed_form_meet():
    # The end at which z = 2 for a threshold of zero, approached from both sides.
    end = 0.01**2 / ELECTRON_MASS
    inside, outside = (recoil_moments(0.01, 0.0, end * (1.0 + s)) for s in (-1e-12, 1e-12))
    np.testing.assert_allclose(inside, outside, rtol=1e-11)


class TestLimits:
    def test_heavy_and_feeble_bosons_leave_the_standard_model(self):
        where = (BERYLLIUM, 0.0, 1.0)
        for flavor in np.eye(3):
            values = sigma((1e6, 1e-3, 1e-3, *where), (0.01, 1e-20, 1e-3, *where), flavor=flavor)
            assert values == close([standard(flavor)] * 2, 1e-9)

    def test_a_light_boson_no_longer_knows_its_mass(self):
        where = (1e-6, 1e-4, BERYLLIUM, 0.27 * MEV, 1.0)
        lightest, light = sigma((1e-12, *where), (1e-9, *where))
        # The difference is M^2/(m_e T).
        assert light == close(lightest, 1e-10)
        assert lightest > 2.0 * standard([0.0, 1.0, 0.0])

    def test_nothing_beyond_kinematics(self):
        end = float(largest_recoil(BERYLLIUM))
        # Given to five digits.
        assert end == pytest.approx(0.66492e-3, rel=1e-5)
        boson = (0.01, 1e-3, 1e-4)
        np.testing.assert_array_equal(
            sigma(
                (*boson, BERYLLIUM, end, 1.0),
                (*boson, 1e-4, 0.27 * MEV, 1.0),
                (*boson, BERYLLIUM, 3e-4, 3e-4),
                (*boson, BERYLLIUM, 3e-4, 2e-4),
            ),
            0.0,
        )
        inside, outside = spectrum(
            end * np.array([0.9999, 1.0001]), 0.01, BERYLLIUM, np.eye(3)[0], False, False
        )
        assert inside > 0.0
        assert outside == 0.0

    def test_windows_add_up(self):
        boson, cut = (0.01, 1e-3, 1e-4, BERYLLIUM), 0.3 * MEV
        low, high, whole = sigma((*boson, 0.0, cut), (*boson, cut, 1.0), (*boson, 0.0, 1.0))
        assert low + high == close(whole, 1e-13)


class TestFlavors:
    def test_shares_and_matrices(self):
        row = (0.01, 1e-3, 1e-4, BERYLLIUM, 0.0, 1.0)
        shares = np.array([0.5, 0.3, 0.2])
        parts = [sigma(row, flavor=flavor)[0] for flavor in np.eye(3)]
        assert sigma(row, flavor=shares)[0] == close(shares @ parts, 1e-14)
        boson = ZPrime.lmu_ltau(*row[:3])
        assert cross_section(BERYLLIUM, np.diag(shares), boson) == close(shares @ parts, 1e-14)

    def test_opposite_charges_interfere_oppositely(self):
        rows = [(0.01, 1e-3, epsilon, BERYLLIUM, 0.0, 1.0) for epsilon in (1e-6, -1e-6)]
        mu, mu_mirrored = sigma(*rows)
        tau, tau_mirrored = sigma(*rows, flavor=(0.0, 0.0, 1.0))
        assert [mu_mirrored, tau_mirrored] == close([tau, mu], 1e-13)
        # g_e g_mu < 0 for epsilon > 0, and so is the vector coupling 2 s^2 - 1/2.
        assert mu > standard([0.0, 1.0, 0.0]) > tau
        assert mu + tau > 2.0 * standard([0.0, 1.0, 0.0])

    def test_complex_couplings_tell_neutrinos_from_antineutrinos(self):
        incoming = np.array([0.6, 0.8j, 0.0])
        state = np.outer(incoming, incoming.conj())
        arguments = (0.3 * MEV, BERYLLIUM, 0.01)
        here = with_matrix(*arguments, 1e-4 * HERMITIAN, state, True)
        conjugate = with_matrix(*arguments, 1e-4 * HERMITIAN.conj(), state.conj(), True)
        other = with_matrix(*arguments, 1e-4 * HERMITIAN.conj(), state, True)
        assert here == close(conjugate, 1e-14)
        assert abs(here / other - 1.0) > 0.1

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(st.floats(-1.0, 1.0), min_size=9, max_size=9).filter(
            lambda x: max(map(abs, x)) > 1e-3
        ),
        st.floats(0.0, 2.0 * math.pi),
        st.floats(0.05, 0.66),
    )
    def test_rates_are_positive_and_phases_do_not_matter(self, x, phase, recoil):
        upper = np.triu(np.reshape(x, (3, 3)) + 1j * np.roll(np.reshape(x, (3, 3)), 1), 1)
        matrix = 1e-3 * (upper + upper.conj().T + np.diag(x[:3]))
        if not np.any(matrix):
            matrix = 1e-3 * np.eye(3)
        state = np.full((3, 3), 1.0 / 3.0)
        value = with_matrix(recoil * MEV, BERYLLIUM, 0.01, matrix, state, False)
        turn = np.diag(np.exp(1j * phase * np.array([0.0, 1.0, 2.5])))
        turned = [turn @ m @ turn.conj().T for m in (matrix, state)]
        turned[0] = 0.5 * (turned[0] + turned[0].conj().T)
        assert value > 0.0
        same = with_matrix(recoil * MEV, BERYLLIUM, 0.01, *turned, False)
        assert same == close(value, 1e-10)


class TestDerivatives:
    @pytest.mark.parametrize("loop", [pytest.param(False, marks=pytest.mark.slow), True])
    def test_against_differences(self, loop):
        # M, g', epsilon, E, threshold; the closed form below and above z = 2.
        for mass in (5e-4, 0.01):
            point = np.array([mass, 5e-4, 1e-5, BERYLLIUM, 0.05 * MEV])
            steps = 1e-5 * np.diag(point)
            gradient, around = slopes(point, steps, loop)
            differences = (around[0] - around[1]) / (2e-5 * point)
            # The square of the step, and rounding over the step.
            np.testing.assert_allclose(gradient * point, differences * point, rtol=1e-6, atol=1e-8)

    def test_finite_where_there_is_nothing(self):
        def value(p):
            boson = ZPrime.lmu_ltau(p[0], 1e-3, kinetic_mixing=p[1])
            return cross_section(p[2], "mu", boson, p[3]) + differential_cross_section(
                p[3], p[2], "mu", boson
            )

        gradient = jax.jit(jax.grad(value))
        assert np.all(np.isfinite(gradient(jnp.array([0.01, 0.0, BERYLLIUM, 0.0]))))
        assert np.all(np.asarray(gradient(jnp.array([0.01, 1e-3, 1e-4, 0.27 * MEV]))) == 0.0)


class TestArguments:
    def test_units(self):
        value = cross_section(862.0 * u.keV, "mu", lowest="0.27 MeV", highest=500.0 * u.keV)
        assert value == close(sigma((1.0, 1.0, 0.0, BERYLLIUM, 0.27e-3, 0.5e-3))[0], 1e-13)
        with pytest.raises(UnitError, match=r"energy = 1.0 cm has the unit"):
            cross_section(1.0 * u.cm, "e")

    def test_broadcasting(self):
        recoil, energy = np.linspace(0.0, 6e-4, 4)[:, None], np.array([5e-4, 1e-3])
        states = np.array([np.diag([1.0, 0.0, 0.0]), np.diag([0.0, 1.0, 0.0])])
        values = jax.jit(differential_cross_section)(recoil, energy, states)
        assert values.shape == (4, 2)
        assert values[1, 1] == close(differential_cross_section(2e-4, 1e-3, "mu"), 1e-14)
        windows = jax.jit(cross_section)(energy, states, lowest=recoil)
        assert windows.shape == (4, 2)
        assert windows[1, 1] == close(sigma((1.0, 1.0, 0.0, 1e-3, 2e-4, 1.0))[0], 1e-14)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((0.0, "e"), "energy = 0.0: positive energies"),
            ((math.nan, "e"), "energy = nan"),
            ((1e-3, "electron"), "state = 'electron': .*known: e, mu, tau"),
            ((1e-3, [1.0, 0.0]), r"state has the shape \(2,\)"),
            ((1e-3, [1.0, -0.1, 0.1]), "state = .*shares >= 0"),
            ((1e-3, np.full((3, 3), math.nan)), "every entry must be finite"),
            ((1e-3, "e", None, -1.0), "lowest = -1.0: energies >= 0"),
            ((1e-3, "e", None, 0.0, -1.0), "highest = -1.0: energies >= 0"),
        ],
    )
    def test_faults(self, arguments, message):
        with pytest.raises(ParameterError, match=message):
            cross_section(*arguments)

    def test_negative_recoil(self):
        with pytest.raises(ParameterError, match=r"recoil = -0.1: energies >= 0"):
            differential_cross_section(-0.1, 1.0, "e")
