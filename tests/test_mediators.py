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

from nuprop.constants import (
    CHARGED_LEPTON_MASSES,
    ELECTRON_MASS,
    ELEMENTARY_CHARGE,
    MUON_MASS,
    SIN2_THETA_W,
    TAU_MASS,
)
from nuprop.errors import ParameterError, PhysicsWarning, UnitError
from nuprop.mediators import ZPrime, resonance_energies
from nuprop.mediators.coupling import in_mass_basis
from nuprop.mediators.resonance import resonance_energy
from nuprop.mediators.width import (
    charged_lepton_width,
    loop_mixing,
    neutrino_width,
    vacuum_polarization,
)
from nuprop.neutrinos import Neutrinos, Oscillations

EV = 1e-9
#: Numbers quoted to 9 decimals: half a unit of the last one, and a little for its rounding.
NINE_DECIMALS = 6e-10
NAMED = {
    "lmu_ltau": ((0, 1, -1), (0, 1, -1)),
    "le_lmu": ((1, -1, 0), (1, -1, 0)),
    "le_ltau": ((1, 0, -1), (1, 0, -1)),
    "b_minus_l": ((-1, -1, -1), (-1, -1, -1)),
    "universal": ((1, 1, 1), (0, 0, 0)),
}
HERMITIAN = np.array([[0.1, 0.2 - 0.3j, 0.05j], [0.2 + 0.3j, -0.4, 0.1], [-0.05j, 0.1, 0.3]])


def lmu_ltau(mass="10 MeV", coupling=5e-4, **more):
    return ZPrime.lmu_ltau(mass, coupling, **more)


def normalized(zprime, neutrinos):
    return np.asarray(zprime.couplings_in_mass_basis(neutrinos)) / float(zprime.coupling)


def upper(matrix):
    """Entries 11, 12, 13, 22, 23, 33."""
    return [matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[1, 1], matrix[1, 2], matrix[2, 2]]


def hermitian_matrices():
    entries = st.lists(st.floats(-0.4, 0.4), min_size=9, max_size=9)
    return entries.filter(lambda x: max(map(abs, x)) > 1e-3).map(_hermitian)


def _hermitian(x):
    off = np.array([[0, x[3] + 1j * x[4], x[5] + 1j * x[6]], [0, 0, x[7] + 1j * x[8]], [0, 0, 0]])
    return np.diag(x[:3]) + off + off.conj().T


@partial(jax.jit, static_argnums=1)
def log_width(parameters, loop):
    """Logarithm of a width, and its gradient in mass, coupling and kinetic mixing."""

    def value(p):
        zprime = ZPrime.lmu_ltau(p[0], p[1], kinetic_mixing=p[2], loop_mixing=loop)
        return jnp.log(zprime.width())

    return jax.value_and_grad(value)(parameters)


@jax.jit
@jax.value_and_grad
def le_ltau_width(mass):
    return ZPrime.le_ltau(mass, 1e-3, loop_mixing=True).width()


polarization = jax.jit(vacuum_polarization)


@jax.jit
def polarization_slope(r):
    real, imag = (
        lambda x, part=part: part(vacuum_polarization(x)) for part in (jnp.real, jnp.imag)
    )
    return jax.grad(real)(r), jax.grad(imag)(r)


@partial(jax.jit, static_argnums=2)
def matrix_yields(x, phase, entry):
    """Yields for a changed coupling matrix, and their derivative in the change, both ways."""

    def value(change):
        off = jnp.zeros((3, 3), complex).at[entry].set(change * phase)
        matrix = jnp.asarray(HERMITIAN) + off + off.conj().T
        zprime = ZPrime(0.5, matrix, charged_couplings=[0.1, 0.0, 0.2])
        return zprime.secondary_yields(Neutrinos(1e-11))

    return value(x), jax.jacfwd(value)(x), jax.jacrev(value)(x)


class TestMassBasis:
    def test_couplings_of_nufit_6_0(self):
        g = normalized(lmu_ltau(), Neutrinos())
        expected = [
            -0.098767225,
            0.02006529 - 0.078725138j,
            -0.554037381 + 0.003892575j,
            0.157438225,
            0.816962911 + 0.002596924j,
            -0.058671,
        ]
        assert np.max(np.abs(np.subtract(upper(g), expected))) < math.sqrt(2) * NINE_DECIMALS

    @pytest.mark.parametrize(
        ("name", "ordering", "expected"),
        [
            (
                "nufit-6.0",
                "normal",
                (0.009754965, 0.006600263, 0.306972572, 0.024786795, 0.667435142, 0.003442286),
            ),
            (
                "nufit-6.0",
                "inverted",
                (0.000387459, 0.023847024, 0.299204037, 0.006097270, 0.668927186, 0.009558777),
            ),
            (
                "nufit-6.1",
                "normal",
                (0.009948461, 0.006699270, 0.307698598, 0.024981920, 0.666436638, 0.003400607),
            ),
            (
                "nufit-5.2",
                "normal",
                (0.003116517, 0.013784285, 0.301607448, 0.022996290, 0.666961175, 0.009181377),
            ),
        ],
    )
    def test_squared_couplings(self, name, ordering, expected):
        g = normalized(lmu_ltau(), Neutrinos(ordering=ordering, oscillations=name))
        np.testing.assert_allclose(upper(np.abs(g) ** 2), expected, rtol=0, atol=NINE_DECIMALS)

    def test_nu3_is_transparent_to_nu3_in_the_other_octant_less_so(self):
        g = normalized(lmu_ltau(), Neutrinos(oscillations="nufit-6.0-no-sk"))
        assert abs(g[2, 2]) ** 2 == pytest.approx(0.0142, abs=5e-5)  # 4 decimals quoted

    @pytest.mark.parametrize("ordering", ["normal", "inverted"])
    def test_identities_of_lmu_ltau(self, ordering):
        neutrinos = Neutrinos(ordering=ordering)
        g = normalized(lmu_ltau(), neutrinos)
        # sums and products of entries of order one: a few roundings each
        np.testing.assert_allclose(g, g.conj().T, rtol=0, atol=1e-15)
        assert np.trace(g) == pytest.approx(0.0, abs=1e-15)
        assert np.trace(g @ g) == pytest.approx(2.0, rel=1e-14)
        np.testing.assert_allclose(g @ g @ g, g, rtol=0, atol=2e-15)
        electron = np.asarray(neutrinos.mixing)[0]
        np.testing.assert_allclose(np.sum(np.abs(g) ** 2, axis=1), 1.0 - electron, rtol=1e-14)

    def test_row_sums(self):
        g = normalized(lmu_ltau(), Neutrinos())
        rows = np.sum(np.abs(g) ** 2, axis=1)
        # quoted to 7 decimals
        np.testing.assert_allclose(rows, [0.3233278, 0.6988222, 0.97785], rtol=0, atol=6e-8)

    def test_mu_tau_symmetric_limit(self):
        s12 = math.sqrt(0.3)
        symmetric = Oscillations(0.3, 0.5, 0.0, 0.0, 7.5e-23, 2.5e-21)
        g = normalized(lmu_ltau(), Neutrinos(oscillations=symmetric))
        expected = [0.0, 0.0, s12, 0.0, math.sqrt(0.7), 0.0]
        np.testing.assert_allclose(np.abs(upper(g)), expected, rtol=0, atol=1e-15)  # rounding

    def test_universal_coupling_is_diagonal_in_every_basis(self):
        g = normalized(ZPrime.universal("10 MeV", 1e-3), Neutrinos())
        np.testing.assert_allclose(g, np.eye(3), rtol=0, atol=1e-15)  # unitarity of U

    @pytest.mark.parametrize(("flavor", "row"), [("e", 0), ("mu", 1), ("tau", 2)])
    def test_single_flavor(self, flavor, row):
        neutrinos = Neutrinos()
        g = normalized(ZPrime.single_flavor(flavor, "10 MeV", 1e-3), neutrinos)
        share = np.asarray(neutrinos.mixing)[row]
        # |U_i|^2 |U_j|^2, a few roundings
        np.testing.assert_allclose(np.abs(g) ** 2, np.outer(share, share), rtol=1e-13)

    @settings(max_examples=25, deadline=None)
    @given(hermitian_matrices(), st.floats(0.0, 2 * math.pi), st.permutations([0, 1, 2]))
    def test_any_hermitian_matrix(self, matrix, delta, order):
        best = Oscillations(0.3, 0.6, 0.02, delta, 7.5e-23, 2.5e-21)
        neutrinos = Neutrinos(oscillations=best)
        zprime = ZPrime("10 MeV", matrix)
        g = np.asarray(zprime.couplings_in_mass_basis(neutrinos))
        # sums of nine products below one
        np.testing.assert_allclose(g, g.conj().T, rtol=0, atol=1e-15)
        assert np.trace(g @ g) == pytest.approx(np.trace(matrix @ matrix), rel=1e-13)
        np.testing.assert_allclose(
            np.linalg.eigvalsh(g), np.linalg.eigvalsh(matrix), rtol=0, atol=1e-14
        )
        shuffled = in_mass_basis(matrix[np.ix_(order, order)], neutrinos.pmns[np.array(order)])
        np.testing.assert_allclose(shuffled, g, rtol=0, atol=1e-15)
        moved = ZPrime("10 MeV", matrix[np.ix_(order, order)])
        assert float(moved.width()) == pytest.approx(float(zprime.width()), rel=1e-14, abs=0.0)


class TestWidths:
    @pytest.mark.parametrize(
        ("mass", "coupling", "width"),
        [
            (10, 5e-4, 0.0663145596216),
            (11, 5e-4, 0.0729460155838),
            (9, 5e-4, 0.0596831036595),
        ],
    )
    def test_invisible_width(self, mass, coupling, width):
        zprime = lmu_ltau(mass * u.MeV, coupling)
        assert float(zprime.width()) / EV == pytest.approx(width, rel=1e-12)  # 12 digits quoted
        assert float(zprime.width()) / float(zprime.mass) == pytest.approx(
            6.631456e-9, rel=1e-7, abs=0.0
        )

    def test_lifetime(self):
        # 5 digits
        assert float(lmu_ltau().lifetime()) == pytest.approx(9.9256e-15, rel=5e-6, abs=0.0)

    def test_loop_mixing_on_shell(self):
        zprime = lmu_ltau(loop_mixing=True)
        mixing = complex(zprime.photon_mixing) / 5e-4
        assert mixing == pytest.approx(-0.01443747999, abs=6e-12)  # 11 decimals quoted
        electrons = float(zprime.branching_ratios()["e"])
        assert electrons == pytest.approx(1.9113132e-5, abs=6e-13)  # 8 digits quoted

    @pytest.mark.parametrize(
        ("mass", "branching", "digits"),
        [
            (0.22, 0.71098551979, 6e-12),
            (0.3, 0.530249094107, 6e-13),
            (0.5, 0.503209982585, 6e-13),
            (1.0, 0.500189868775, 6e-13),
            (5.0, 0.3470865081, 6e-11),
        ],
    )
    def test_invisible_branching_above_the_muon_threshold(self, mass, branching, digits):
        zprime = lmu_ltau(mass * u.GeV)
        # half a unit of the last digit quoted
        assert float(zprime.active_branching()) == pytest.approx(branching, abs=digits)

    def test_muon_branching(self):
        muons = float(lmu_ltau("220 MeV").branching_ratios()["mu"])
        assert muons == pytest.approx(0.2890144802, abs=6e-11)  # 10 decimals quoted

    @pytest.mark.parametrize(
        ("name", "nature", "branching"),
        [
            ("lmu_ltau", "majorana", 1.0),
            ("le_lmu", "majorana", 1 / 2),
            ("le_ltau", "dirac", 1 / 2),
            ("b_minus_l", "majorana", 3 / 5),
            ("b_minus_l", "dirac", 3 / 8),
            ("universal", "dirac", 1.0),
        ],
    )
    def test_active_branching_at_10_mev(self, name, nature, branching):
        zprime = getattr(ZPrime, name)("10 MeV", 1e-3)
        # the electron mass, 1 - 6 (m_e/M)^4 = 1 - 4e-5 in the electron width
        assert float(zprime.active_branching(nature)) == pytest.approx(branching, rel=5e-5)

    def test_widths_without_lepton_masses(self):
        g, mass = 1e-3, 10.0
        unit = g**2 * mass / math.pi
        for name, nature, width in [
            ("lmu_ltau", "majorana", 1 / 12),
            ("universal", "majorana", 1 / 8),
            ("universal", "dirac", 1 / 8),
        ]:
            zprime = getattr(ZPrime, name)(mass, g)
            found = zprime.partial_widths(nature)["neutrinos"]
            assert float(found) == pytest.approx(unit * width, rel=1e-14, abs=0.0)  # rounding
        with pytest.warns(PhysicsWarning, match="hadrons"):
            dirac = ZPrime.b_minus_l(mass, g).partial_widths("dirac")
        assert float(dirac["neutrinos"]) == float(dirac["sterile"])
        assert float(dirac["neutrinos"] + dirac["sterile"]) == pytest.approx(
            unit / 4, rel=1e-14, abs=0.0
        )

    @pytest.mark.parametrize("nature", ["majorana", "dirac"])
    @pytest.mark.parametrize("name", NAMED)
    def test_channels_add_up(self, name, nature):
        zprime = getattr(ZPrime, name)("300 MeV", 1e-3, kinetic_mixing=1e-3)
        partial = zprime.partial_widths(nature)
        assert list(partial) == ["neutrinos", "sterile", "e", "mu", "tau"]
        total = sum(float(width) for width in partial.values())
        assert float(zprime.width(nature)) == pytest.approx(total, rel=1e-15, abs=0.0)
        ratios = zprime.branching_ratios(nature)
        assert sum(map(float, ratios.values())) == pytest.approx(1.0, rel=1e-15)
        assert float(partial["tau"]) == 0.0
        neutrinos, charged = NAMED[name]
        np.testing.assert_allclose(zprime.coupling_matrix, 1e-3 * np.diag(neutrinos), rtol=1e-15)
        shift = -1e-3 * ELEMENTARY_CHARGE * math.sqrt(1 - SIN2_THETA_W)
        expected = 1e-3 * np.array(charged) + shift
        np.testing.assert_allclose(zprime.charged_couplings, expected, rtol=1e-14)

    def test_kinetic_mixing_alone(self):
        zprime = lmu_ltau("10 MeV", 1e-9, kinetic_mixing=1e-3)
        coupling = 1e-3 * ELEMENTARY_CHARGE * math.sqrt(1 - SIN2_THETA_W)
        ratio = ELECTRON_MASS / 0.01
        expected = coupling**2 * 0.01 / (12 * math.pi) * (1 + 2 * ratio**2)
        expected *= math.sqrt(1 - 4 * ratio**2)
        assert float(zprime.partial_widths()["e"]) == pytest.approx(expected, rel=1e-13, abs=0.0)

    def test_matrix_and_named_model_agree(self):
        named = lmu_ltau("300 MeV", 1e-3)
        free = ZPrime("300 MeV", np.diag([0, 1e-3, -1e-3]), charged_couplings=[0, 1e-3, -1e-3])
        neutrinos = Neutrinos("0.01 eV")
        assert float(free.width()) == pytest.approx(float(named.width()), rel=1e-15, abs=0.0)
        np.testing.assert_allclose(
            free.secondary_yields(neutrinos), named.secondary_yields(neutrinos), rtol=1e-14
        )

    def test_matrix_without_charged_couplings_is_invisible(self):
        assert float(ZPrime("5 GeV", HERMITIAN).active_branching()) == 1.0

    @pytest.mark.parametrize("lepton", CHARGED_LEPTON_MASSES)
    def test_both_sides_of_a_threshold(self, lepton):
        derivative = jax.grad(charged_lepton_width)
        threshold = 2.0 * lepton
        for mass in (0.5 * threshold, threshold * (1 - 1e-9), threshold):
            assert float(charged_lepton_width(mass, 1e-3, lepton)) == 0.0
            assert float(derivative(mass, 1e-3, lepton)) == 0.0
        for excess in (1e-12, 1e-9, 1e-3, 1.0, 1e6):
            mass = threshold * (1 + excess)
            width = float(charged_lepton_width(mass, 1e-3, lepton))
            assert 0.0 < width <= 1e-6 * mass / (12 * math.pi)
            assert 0.0 < float(derivative(mass, 1e-3, lepton)) < math.inf

    @pytest.mark.parametrize("bad", ["dirak", "scalar", None])
    def test_unknown_nature(self, bad):
        with pytest.raises(ParameterError, match=r"nature = .*'majorana' or 'dirac'"):
            lmu_ltau().width(bad)


class TestYields:
    def test_lmu_ltau(self):
        neutrinos = Neutrinos()
        found = np.asarray(lmu_ltau().secondary_yields(neutrinos))
        electron = np.asarray(neutrinos.mixing)[0]
        np.testing.assert_allclose(found, (1 - electron) / 2, rtol=1e-14)  # rounding
        np.testing.assert_allclose(found, [0.1617, 0.3494, 0.4889], rtol=0, atol=5e-5)  # 4 digits

    @pytest.mark.parametrize("nature", ["majorana", "dirac"])
    @pytest.mark.parametrize("name", NAMED)
    def test_sum_is_the_active_branching(self, name, nature):
        zprime = getattr(ZPrime, name)("250 MeV", 1e-3)
        found = zprime.secondary_yields(Neutrinos(), nature)
        assert np.all(np.asarray(found) > 0.0)
        active = float(zprime.active_branching(nature))
        assert float(jnp.sum(found)) == pytest.approx(active, rel=1e-14)

    def test_single_flavor_yields_follow_its_mixing(self):
        neutrinos = Neutrinos(ordering="inverted")
        found = ZPrime.single_flavor("tau", "10 MeV", 1e-3).secondary_yields(neutrinos)
        np.testing.assert_allclose(found, neutrinos.mixing[2], rtol=1e-13)  # rounding


class TestLoop:
    """The closed form against the integral it stands for, done by adaptive quadrature."""

    @staticmethod
    def by_quadrature(r):
        """Integrate over u = |1 - 2x|, u = start + length s^3 to soften the logarithm at s = 0."""

        def piece(start, length, argument):
            def integrand(s):
                away = length * s**3
                return (1 - (start + away) ** 2) / 4 * math.log(argument(away)) * 3 * length * s**2

            return quad(integrand, 0.0, 1.0, epsabs=1e-14, epsrel=1e-13, limit=200)[0]

        if r <= 4.0:
            return piece(0.0, 1.0, lambda u: (4.0 - r) / 4.0 + u**2 * r / 4.0)
        edge = math.sqrt((r - 4.0) / r)  # where the argument changes its sign

        def argument(away):
            return r / 4.0 * abs(away * (2.0 * edge + away))

        real = piece(edge, 1.0 - edge, argument) - piece(edge, -edge, argument)
        # the argument is negative below the edge: -i pi times the integral of (1 - u^2)/4
        return complex(real, -math.pi * (edge - edge**3 / 3.0) / 4.0)

    @pytest.mark.parametrize(
        "r",
        [
            *(-1e6, -30.0, -0.6, -0.5, -0.4, 1e-12, 1e-3, 0.4, 0.499999, 0.5, 0.500001, 1.0, 3.0),
            *(3.9, 3.999, 3.999999, 4.0 - 1e-10, 4.0 + 1e-10, 4.000001, 4.001, 4.1),
            *(8.0, 100.0, 1e4, 1e6),
        ],
    )
    def test_vacuum_polarization(self, r):
        expected = self.by_quadrature(r)
        # what the quadrature promises
        tolerance = 1e-13 + 1e-13 * abs(expected)
        assert complex(polarization(r)) == pytest.approx(expected, abs=tolerance)

    @pytest.mark.parametrize("r", [1e-20, 1e-12, 1e-6, -1e-9])
    def test_small_momentum(self, r):
        # relative accuracy where the closed form would lose every digit; next term: r^4/11088
        expected = -r / 30 - r**2 / 280 - r**3 / 1890
        assert float(polarization(r).real) == pytest.approx(expected, rel=1e-15, abs=0.0)

    def test_large_momentum(self):
        r = 1e14
        expected = complex(math.log(r) / 6 - 5 / 18, -math.pi / 6)
        assert complex(polarization(r)) == pytest.approx(expected, rel=1e-13)  # 1/r

    def test_at_threshold(self):
        assert complex(polarization(4.0)) == pytest.approx(-4 / 9, rel=1e-15)
        assert np.isfinite(polarization_slope(4.0)[0])

    @pytest.mark.parametrize("r", [-50.0, -0.51, -0.49, 1e-3, 0.49, 0.51, 2.0, 3.9, 4.1, 9.0, 1e3])
    def test_derivative(self, r):
        step = 1e-5 * min(abs(r), 1.0)
        numeric = (polarization(r + step) - polarization(r - step)) / (2 * step)
        found = complex(*polarization_slope(r))
        # central differences: step^2 times the third derivative, up to 1e3 near r = 4; rounding
        assert found == pytest.approx(complex(numeric), rel=1e-6, abs=1e-10)

    @pytest.mark.parametrize("side", [1 - 1e-9, 1 + 1e-9])
    @pytest.mark.parametrize("lepton", [ELECTRON_MASS, MUON_MASS, TAU_MASS])
    def test_finite_beside_a_threshold(self, lepton, side):
        value, slope = le_ltau_width(2 * lepton * side)
        assert np.isfinite(value)
        assert np.isfinite(slope)

    @pytest.mark.parametrize(
        ("name", "a", "b"), [("lmu_ltau", 1, 2), ("le_lmu", 0, 1), ("le_ltau", 0, 2)]
    )
    def test_zero_momentum_limit(self, name, a, b):
        zprime = getattr(ZPrime, name)(1e-9, 1e-3, loop_mixing=True)
        heavy, light = CHARGED_LEPTON_MASSES[b], CHARGED_LEPTON_MASSES[a]
        expected = -ELEMENTARY_CHARGE / (6 * math.pi**2) * math.log(heavy / light)
        # corrections M^2/m^2 of 1e-11 at most, and rounding
        assert complex(zprime.photon_mixing) / 1e-3 == pytest.approx(expected, rel=1e-11)
        if name == "lmu_ltau":
            assert -1 / expected == pytest.approx(69.3, abs=0.05)  # 3 digits quoted

    def test_above_threshold_against_the_integral(self):
        q2 = 1.0  # above the muon threshold, below the tau's
        heavy, light = (self.by_quadrature(q2 / m**2) for m in (TAU_MASS, MUON_MASS))
        integral = math.log(TAU_MASS / MUON_MASS) / 3 + heavy - light
        expected = -ELEMENTARY_CHARGE / (2 * math.pi**2) * integral
        found = complex(loop_mixing(q2, (0.0, 1.0, -1.0)))
        assert found == pytest.approx(expected, rel=1e-12)  # quadrature, differences of logarithms
        # L_a - L_b: the open muon loop enters with +e Q_mu times -i pi
        assert found.imag < 0.0

    @pytest.mark.parametrize(
        "make",
        [
            lambda: ZPrime.b_minus_l("10 MeV", 1e-3, loop_mixing=True),
            lambda: ZPrime.universal("10 MeV", 1e-3, loop_mixing=True),
            lambda: ZPrime.single_flavor("mu", "10 MeV", 1e-3, loop_mixing=True),
        ],
    )
    def test_divergent_loop(self, make):
        with pytest.raises(ParameterError, match=r"loop_mixing = True: .*kinetic_mixing"):
            make()

    def test_flag_must_be_a_truth_value(self):
        with pytest.raises(ParameterError, match=r"loop_mixing = 0\.1: True or False"):
            lmu_ltau(loop_mixing=0.1)


class TestDerivatives:
    @pytest.mark.parametrize("mass", [1e-5, 0.01, 0.2, 0.22, 0.5, 3.5, 3.6, 50.0])
    @pytest.mark.parametrize("loop", [False, True])
    def test_width_in_mass_coupling_and_mixing(self, mass, loop):
        start = np.array([mass, 0.02, 0.05])
        _, gradient = log_width(start, loop)
        for k in range(3):
            step = np.zeros(3)
            step[k] = 1e-5 * start[k]
            above, below = (log_width(start + sign * step, loop)[0] for sign in (1, -1))
            numeric = (above - below) / (2 * step[k])
            # (step/distance to threshold)^2 of 1e-5 at 3.55 GeV, rounding 1e-11
            assert float(gradient[k]) == pytest.approx(float(numeric), rel=3e-5, abs=1e-9)

    @pytest.mark.parametrize("name", ["lmu_ltau", "le_lmu", "le_ltau"])
    def test_finite_at_any_mass(self, name):
        def width(mass):
            return getattr(ZPrime, name)(mass, 1e-3, kinetic_mixing=-0.1, loop_mixing=True).width()

        thresholds = [
            2 * m * side for m in CHARGED_LEPTON_MASSES for side in (1 - 1e-15, 1, 1 + 1e-15)
        ]
        masses = np.sort(np.concatenate([np.geomspace(1e-12, 1e6, 2000), thresholds]))
        values, slopes = jax.jit(jax.vmap(jax.value_and_grad(width)))(masses)
        assert np.all(np.isfinite(values))
        assert np.all(np.asarray(values) > 0.0)
        assert np.all(np.isfinite(slopes))

    @pytest.mark.parametrize("entry", [(0, 0), (0, 1), (2, 1)])
    def test_yields_in_the_coupling_matrix(self, entry):
        for phase in (1.0, 1.0j):
            step = 1e-5
            above, below = (matrix_yields(x, complex(phase), entry)[0] for x in (step, -step))
            numeric = (above - below) / (2 * step)
            _, forward, reverse = matrix_yields(0.0, complex(phase), entry)
            # central differences: step^2, rounding 1e-16/1e-5
            np.testing.assert_allclose(forward, numeric, rtol=1e-7, atol=1e-9)
            np.testing.assert_allclose(reverse, forward, rtol=1e-12, atol=1e-14)

    @pytest.mark.parametrize("name", ["sin2_12", "sin2_23", "sin2_13", "delta"])
    def test_yields_in_the_mixing(self, name):
        start = {"sin2_12": 0.3, "sin2_23": 0.47, "sin2_13": 0.022, "delta": 3.7}
        zprime = ZPrime.le_ltau("10 MeV", 1e-3)

        @jax.jit
        def yields(x):
            best = Oscillations(**{**start, name: x}, dm2_21=7.5e-23, dm2_3l=2.5e-21)
            return zprime.secondary_yields(Neutrinos(oscillations=best))

        x, step = start[name], 1e-5
        numeric = (yields(x + step) - yields(x - step)) / (2 * step)
        # central differences: step^2 over sin2_13^2, rounding 1e-16/1e-5
        np.testing.assert_allclose(jax.jacrev(yields)(x), numeric, rtol=1e-6, atol=1e-9)

    def test_both_directions_in_every_leaf(self):
        def physics(zprime):
            return jnp.log(zprime.width("dirac")) + zprime.active_branching("dirac")

        for zprime in (
            ZPrime("0.5 GeV", HERMITIAN, charged_couplings=[0.1, 0.0, 0.2]),
            lmu_ltau("0.5 GeV", 0.02, kinetic_mixing=0.05, loop_mixing=True),
        ):
            reverse, forward = jax.jit(lambda x: (jax.grad(physics)(x), jax.jacfwd(physics)(x)))(
                zprime
            )
            assert len(jax.tree.leaves(reverse)) == 6
            for a, b in zip(jax.tree.leaves(reverse), jax.tree.leaves(forward), strict=True):
                assert np.all(np.isfinite(a))
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)  # rounding


class TestPytree:
    @pytest.mark.slow
    def test_vmap_over_every_leaf(self):
        neutrinos = Neutrinos("0.01 eV")
        zprime = lmu_ltau("0.5 GeV", 0.02, kinetic_mixing=0.05, loop_mixing=True)
        leaves, structure = jax.tree.flatten(zprime)
        factors = jnp.array([0.5, 0.9, 1.1])

        @partial(jax.jit, static_argnums=0)
        def at(k, factor):
            changed = [jnp.asarray(x) * (factor if j == k else 1.0) for j, x in enumerate(leaves)]
            one = jax.tree.unflatten(structure, changed)
            return (
                one.width(),
                one.secondary_yields(neutrinos),
                one.couplings_in_mass_basis(neutrinos),
            )

        for k in range(len(leaves)):
            batch = jax.jit(jax.vmap(lambda factor, k=k: at(k, factor)))(factors)
            for n, factor in enumerate(factors):
                for whole, one in zip(batch, at(k, factor), strict=True):
                    # compiled and eager code round differently
                    np.testing.assert_allclose(whole[n], one, rtol=1e-13, atol=1e-16)

    def test_constructors_take_traced_values(self):
        def widths(mass, coupling, mixing):
            return jnp.stack(
                [getattr(ZPrime, name)(mass, coupling, mixing).width() for name in NAMED]
                + [ZPrime.single_flavor("e", mass, coupling, mixing).width()]
                + [ZPrime(mass, [[coupling, 0, 0], [0, 0, 0], [0, 0, 0]], [0, mixing, 0]).width()]
                + [ZPrime(mass, coupling * jnp.eye(3), mixing * jnp.ones(3)).width()]
            )

        single = jax.jit(widths)(0.3, 1e-3, 1e-4)
        many = jax.vmap(widths)(jnp.array([0.3, 0.2]), jnp.full(2, 1e-3), jnp.full(2, 1e-4))
        np.testing.assert_allclose(many[0], single, rtol=1e-14)  # batched code rounds differently

    def test_no_value_is_checked_or_warned_about_while_traced(self):
        width = jax.jit(lambda m, g: ZPrime.b_minus_l(m, g).width())(1.0, 20.0)
        assert float(width) > 1.0

    def test_rebuilt_without_validation(self):
        leaves, structure = jax.tree.flatten(lmu_ltau(loop_mixing=True))
        hollow = jax.tree.unflatten(structure, [object()] * len(leaves))
        assert hollow.model == "lmu-ltau"
        assert hollow.loop_mixing
        assert "<object>" in repr(hollow)

    def test_structure_tells_models_apart(self):
        same = jax.tree.structure(lmu_ltau())
        assert same == jax.tree.structure(lmu_ltau("11 MeV", 1e-3))
        assert hash(same) == hash(jax.tree.structure(lmu_ltau("11 MeV", 1e-3)))
        assert same != jax.tree.structure(lmu_ltau(loop_mixing=True))
        assert same != jax.tree.structure(ZPrime.le_lmu("10 MeV", 5e-4))

    def test_frozen(self):
        with pytest.raises(AttributeError):
            lmu_ltau().mass = 1.0


class TestInput:
    @pytest.mark.parametrize("mass", ["11 MeV", 11 * u.MeV, 0.011, jnp.array(0.011), "1.1e7 eV"])
    def test_units(self, mass):
        assert float(lmu_ltau(mass).mass) == pytest.approx(0.011, rel=1e-15)

    @pytest.mark.parametrize("bad", [0.0, -1.0, "-11 MeV", math.nan, math.inf, 0 * u.MeV])
    def test_impossible_mass(self, bad):
        with pytest.raises(ParameterError, match=r"mass = .*a positive energy"):
            lmu_ltau(bad)
        with pytest.raises(ParameterError, match=r"mass = .*a positive energy"):
            ZPrime(bad, np.eye(3))

    @pytest.mark.parametrize("bad", [1 * u.m, "11 kg", "heavy", [[1], [2, 3]]])
    def test_wrong_unit(self, bad):
        with pytest.raises(UnitError, match=r"mass = .*energy"):
            lmu_ltau(bad)

    @pytest.mark.parametrize("bad", [0.0, -5e-4, math.nan, math.inf])
    @pytest.mark.parametrize("name", NAMED)
    def test_impossible_coupling(self, name, bad):
        with pytest.raises(ParameterError, match=r"coupling = .*a positive number"):
            getattr(ZPrime, name)("10 MeV", bad)

    def test_coupling_with_a_unit(self):
        with pytest.raises(UnitError, match=r"coupling = 1\.0 eV"):
            lmu_ltau("10 MeV", 1 * u.eV)

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_impossible_mixing(self, bad):
        with pytest.raises(ParameterError, match=r"kinetic_mixing = .*finite"):
            lmu_ltau(kinetic_mixing=bad)

    @pytest.mark.parametrize("name", ["mass", "coupling", "kinetic_mixing"])
    def test_several_at_once(self, name):
        arguments = {"mass": 0.01, "coupling": 5e-4, "kinetic_mixing": 0.0, name: [0.1, 0.2]}
        with pytest.raises(ParameterError, match=rf"{name} has the shape \(2,\).*jax\.vmap"):
            ZPrime.lmu_ltau(**arguments)

    @pytest.mark.parametrize("bad", ["electron", "Mu", 2])
    def test_unknown_flavor(self, bad):
        with pytest.raises(ParameterError, match=r"flavor = .*known: e, mu, sterile, tau"):
            ZPrime.single_flavor(bad, "10 MeV", 1e-3)

    def test_not_hermitian(self):
        matrix = HERMITIAN.copy()
        matrix[0, 1] += 0.01
        with pytest.raises(ParameterError, match=r"coupling_matrix: not Hermitian, entry \[0, 1\]"):
            ZPrime("10 MeV", matrix)
        with pytest.raises(ParameterError, match=r"not Hermitian, entry \[1, 1\]"):
            ZPrime("10 MeV", np.diag([0.1, 0.1j, 0.1]))
        with pytest.raises(ParameterError, match="not Hermitian"):
            ZPrime("10 MeV", jnp.asarray(matrix))

    def test_rounding_is_not_a_violation(self):
        matrix = HERMITIAN.copy()
        matrix[0, 1] *= 1 + 1e-15
        assert complex(ZPrime("10 MeV", matrix).coupling_matrix[0, 1]) == complex(matrix[0, 1])

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            (np.zeros((3, 3)), "coupling_matrix = 0: at least one entry"),
            (np.eye(2), r"coupling_matrix has the shape \(2, 2\): \(3, 3\)"),
            (0.1, r"coupling_matrix has the shape \(\): \(3, 3\)"),
            (np.full((3, 3), math.nan), r"coupling_matrix = .*finite"),
            ([[1, 0, 0], [0, 1], [0]], r"coupling_matrix = .*3x3 or 4x4 Hermitian"),
        ],
    )
    def test_impossible_matrix(self, bad, message):
        with pytest.raises(ParameterError, match=message):
            ZPrime("10 MeV", bad)

    @pytest.mark.parametrize("bad", [np.eye(3) * u.eV, [["a", 0, 0], [0, 1, 0], [0, 0, 1]]])
    def test_matrix_that_is_no_number(self, bad):
        with pytest.raises(UnitError, match=r"coupling_matrix = "):
            ZPrime("10 MeV", bad)

    @pytest.mark.parametrize("bad", [[0.1, 0.2], 0.1, [[0.1, 0.2, 0.3]]])
    def test_charged_couplings_are_three(self, bad):
        with pytest.raises(ParameterError, match=r"charged_couplings has the shape .*\(3,\)"):
            ZPrime("10 MeV", np.eye(3) * 0.1, charged_couplings=bad)

    def test_charged_couplings_are_real(self):
        with pytest.raises(UnitError, match=r"charged_couplings = .*not a number"):
            ZPrime("10 MeV", np.eye(3) * 0.1, charged_couplings=[0.1j, 0, 0])
        with pytest.raises(ParameterError, match=r"charged_couplings = .*real numbers"):
            ZPrime("10 MeV", np.eye(3) * 0.1, charged_couplings=jnp.array([0.1j, 0, 0]))
        with pytest.raises(ParameterError, match=r"charged_couplings = .*finite"):
            ZPrime("10 MeV", np.eye(3) * 0.1, charged_couplings=[math.nan, 0, 0])


class TestValidity:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: ZPrime.universal("10 MeV", 3.0),  # width / mass = 9/(8 pi) = 0.36
            lambda: ZPrime("10 MeV", np.full((3, 3), 2.0)),  # 36/(24 pi) = 0.48
            lambda: ZPrime.single_flavor("e", "10 MeV", 3.6),  # a coupling above sqrt(4 pi)
            lambda: ZPrime("10 MeV", 0.1 * np.eye(3), charged_couplings=[0.0, 4.0, 0.0]),
            lambda: ZPrime.lmu_ltau("10 MeV", 1e-3, kinetic_mixing=15.0),
        ],
    )
    def test_beyond_perturbation_theory(self, make):
        with pytest.warns(PhysicsWarning, match=r"width / mass = .*0\.3.*sqrt\(4 pi\)") as record:
            zprime = make()
        assert record[0].filename == __file__  # points at the call
        assert not zprime.is_perturbative()

    @pytest.mark.parametrize("coupling", [1e-6, 0.49, 0.51, 2.5])
    def test_within(self, coupling):
        assert ZPrime.universal("10 MeV", coupling).is_perturbative()

    def test_below_one_half_nothing_can_fail(self):
        # the largest width of all: every entry, every charged lepton, right-handed neutrinos
        largest = 2 * float(neutrino_width(1.0, np.full((3, 3), 0.5)))
        largest += 3 * float(charged_lepton_width(1.0, 0.5, 0.0))
        assert largest < 0.3

    def test_nature_counts(self):
        zprime = jax.tree.map(jnp.asarray, ZPrime.b_minus_l("0.5 MeV", 2.2))
        assert zprime.is_perturbative("majorana")
        assert not zprime.is_perturbative("dirac")

    def test_hadrons(self):
        with pytest.warns(PhysicsWarning, match="mass = 450 MeV: above 400 MeV") as record:
            ZPrime.b_minus_l("450 MeV", 1e-3)
        assert record[0].filename == __file__
        assert ZPrime.b_minus_l("390 MeV", 1e-3).model == "b-minus-l"


class TestResonances:
    @pytest.mark.parametrize(
        ("mass", "lightest", "ordering", "energies", "atol"),
        [
            ("11 MeV", "0.08 eV", "normal", (756.25, 751.86, 640.83), 0.006),
            ("9 MeV", "6 meV", "normal", (6750.0, 3846.0, 802.0), 0.6),
            ("9 MeV", "6 meV", "inverted", (819.0, 807.0, 6750.0), 0.6),
        ],
    )
    def test_benchmarks(self, mass, lightest, ordering, energies, atol):
        found = resonance_energies(lmu_ltau(mass), Neutrinos(lightest, ordering))
        # TeV, half a unit of the last digit quoted
        np.testing.assert_allclose(found.to_value("TeV"), energies, rtol=0, atol=atol)

    def test_one_pev(self):
        neutrinos = Neutrinos.from_masses([0.05, 0.05, 0.05] * u.eV)
        found = resonance_energies(lmu_ltau("10 MeV"), neutrinos)
        np.testing.assert_allclose(found.to_value("PeV"), 1.0, rtol=1e-15)

    def test_redshift(self):
        neutrinos = Neutrinos("0.05 eV")
        today = resonance_energies(lmu_ltau(), neutrinos)
        many = resonance_energies(lmu_ltau(), neutrinos, z=[0.0, 1.0, 4.0])
        assert many.shape == (3, 3)
        np.testing.assert_allclose((today / many[2]).value, 5.0, rtol=1e-15)
        np.testing.assert_array_equal(many[0].value, today.value)

    def test_massless_target_has_no_line(self):
        found = resonance_energies(lmu_ltau(), Neutrinos(0.0))
        assert np.isinf(found[0].value)
        assert np.all(np.isfinite(found[1:].value))
        slope = jax.jacrev(lambda m: resonance_energy(0.01, m))(jnp.array([0.0, 5e-11]))
        assert np.all(np.isfinite(slope))

    @pytest.mark.parametrize("bad", [-0.1, math.nan])
    def test_impossible_redshift(self, bad):
        with pytest.raises(ParameterError, match=r"z = .*a redshift >= 0"):
            resonance_energies(lmu_ltau(), Neutrinos("0.05 eV"), z=bad)


class TestText:
    def test_repr_in_human_units(self):
        assert repr(lmu_ltau("11 MeV")) == "ZPrime('lmu-ltau', mass 11 MeV, coupling 0.0005)"
        mixed = lmu_ltau(kinetic_mixing=1e-3, loop_mixing=True)
        assert repr(mixed).endswith("coupling 0.0005, kinetic mixing 0.001, loop mixing)")
        single = ZPrime.single_flavor("tau", "1 GeV", 0.1)
        assert repr(single) == "ZPrime('single-flavor-tau', mass 1000 MeV, coupling 0.1)"
        assert "[0.2+0.3j, -0.4+0j, 0.1+0j]" in repr(ZPrime("10 MeV", HERMITIAN))
        assert "[0.1, 0, 0]" in repr(ZPrime("10 MeV", 0.1 * np.eye(3)))

    def test_repr_of_traced_and_batched(self):
        seen = []
        for zprime in (lmu_ltau(kinetic_mixing=1e-3), ZPrime("10 MeV", HERMITIAN)):
            jax.jit(lambda x: seen.append(repr(x)) or x.width())(zprime)
            batch = jax.tree.map(lambda x: np.stack([x, x]), zprime)
            assert "<array of shape (2," in repr(batch)
        assert all("<traced>" in text for text in seen)

    @pytest.mark.parametrize("zprime", [lmu_ltau("11 MeV"), ZPrime("10 MeV", HERMITIAN)])
    def test_description_rebuilds_the_couplings(self, zprime):
        record = zprime.describe()
        assert record["mass [MeV]"] == pytest.approx(1e3 * float(zprime.mass), rel=1e-15)
        charges = np.array(record["neutrino charges, real"]) + 1j * np.array(
            record["neutrino charges, imaginary"]
        )
        np.testing.assert_array_equal(record["coupling"] * charges, zprime.coupling_matrix)
        assert record["model"] == zprime.model
