"""Scalar: constructors, widths, decays, and what other papers call its coupling."""

import json
import math
import pickle

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuprop.constants import GEV_TO_MINUS_2, HBAR_C, SPEED_OF_LIGHT
from nuprop.errors import ParameterError, PhysicsWarning, UnitError
from nuprop.mediators import ZPrime
from nuprop.mediators.conventions import (
    SCALAR_CONVENTIONS,
    describe_text,
    factors,
    line_areas,
    own_convention,
    peaks,
)
from nuprop.mediators.scalar import Scalar
from nuprop.neutrinos import Neutrinos

SYMMETRIC = np.array([[0.1, 0.2 - 0.3j, 0.05j], [0.2 - 0.3j, -0.4, 0.1], [0.05j, 0.1, 0.3]])
TRACE = float(np.sum(np.abs(SYMMETRIC) ** 2))
NAMED = {
    "universal": lambda **more: Scalar.universal("10 MeV", 0.01, **more),
    "single_flavor": lambda **more: Scalar.single_flavor("mu", "10 MeV", 0.01, **more),
    "diagonal": lambda **more: Scalar.diagonal("10 MeV", [0.01, 0.0, -0.02], **more),
}
#: complex_field, lepton_number, nature, width over M Tr/pi, active share
KINDS = [
    (False, 0, "majorana", 1 / 16, 1.0),
    (False, 0, "dirac", 1 / 8, 0.5),
    (True, -2, "majorana", 1 / 32, 1.0),
    (True, -2, "dirac", 1 / 32, 1.0),
    (True, 0, "dirac", 1 / 16, 0.5),
]
ROUNDING = 1e-14


def near(value, rel=1e-12):
    """approx without its hidden absolute tolerance: widths are small numbers."""
    return pytest.approx(value, rel=rel, abs=0.0)


def kind(complex_field, lepton_number, matrix=SYMMETRIC):
    return Scalar(0.5, matrix, complex_field=complex_field, lepton_number=lepton_number)


class TestConstructors:
    @pytest.mark.parametrize(
        "mass", ["10 MeV", 10 * u.MeV, 1e7 * u.eV, 0.01, np.float64(0.01), jnp.array(0.01)]
    )
    def test_units_of_the_mass(self, mass):
        assert float(Scalar.universal(mass, 0.01).mass) == near(0.01, rel=1e-15)

    @pytest.mark.parametrize(
        ("name", "diagonal"),
        [
            ("universal", [0.01] * 3),
            ("single_flavor", [0, 0.01, 0]),
            ("diagonal", [0.01, 0, -0.02]),
        ],
    )
    @pytest.mark.parametrize("phase", [1.0, 1.0j])
    def test_matrices(self, name, diagonal, phase):
        scalar = NAMED[name](pseudoscalar=phase == 1.0j)
        np.testing.assert_allclose(scalar.coupling_matrix, phase * np.diag(diagonal), rtol=1e-15)

    def test_pytree(self):
        for scalar in (*(make() for make in NAMED.values()), kind(True, -2)):
            leaves, structure = jax.tree.flatten(scalar)
            assert len(leaves) == 4
            again = jax.tree.unflatten(structure, leaves)
            assert again.describe() == scalar.describe()

    def test_lepton_number_makes_the_field_complex(self):
        assert Scalar.universal("10 MeV", 0.01, lepton_number=-2).complex_field
        assert not Scalar.universal("10 MeV", 0.01).complex_field
        assert Scalar.universal("10 MeV", 0.01, complex_field=True).lepton_number == 0

    def test_repr(self):
        assert repr(NAMED["single_flavor"]()) == (
            "Scalar('single-flavor-mu', mass 10 MeV, coupling 0.01)"
        )
        assert repr(NAMED["universal"](pseudoscalar=True, lepton_number=-2)) == (
            "Scalar('universal-pseudoscalar', mass 10 MeV, coupling 0.01, complex, "
            "lepton number -2)"
        )
        assert repr(NAMED["diagonal"]()) == (
            "Scalar(mass 10 MeV, coupling matrix [[0.01, 0, 0], [0, 0, 0], [0, 0, -0.02]])"
        )
        assert "0.2-0.3j" in repr(kind(False, 0))
        assert "array" in repr(jax.vmap(lambda m: Scalar.universal(m, 0.01))(jnp.ones(2)))

    def test_repr_while_traced(self):
        seen = []

        @jax.jit
        def record(mass, matrix):
            seen.append(repr(Scalar(mass, matrix)))
            return mass

        record(1.0, SYMMETRIC)
        assert seen == ["Scalar(mass <traced>, coupling matrix <traced>)"]

    def test_describe_is_plain(self):
        record = kind(True, -2).describe()
        assert record["model"] == "scalar-matrix"
        assert record["mass [MeV]"] == 500.0
        assert record["lepton number"] == -2
        assert record["complex field"] is True
        values = np.array(record["neutrino couplings, real"])
        values = values + 1j * np.array(record["neutrino couplings, imaginary"])
        np.testing.assert_array_equal(values, SYMMETRIC)

    @pytest.mark.parametrize(
        ("make", "error", "words"),
        [
            (lambda: Scalar.universal("10 cm", 0.1), UnitError, "mass = 10.0 cm"),
            (lambda: Scalar.universal("heavy", 0.1), UnitError, "mass = 'heavy'"),
            (lambda: Scalar.universal(0.0, 0.1), ParameterError, "mass = 0.0: a positive energy"),
            (lambda: Scalar.universal(math.nan, 0.1), ParameterError, "mass = nan"),
            (lambda: Scalar.universal([1.0, 2.0], 0.1), ParameterError, "mass has the shape"),
            (lambda: Scalar.universal(1.0, 0.0), ParameterError, "coupling = 0.0: a positive"),
            (lambda: Scalar.universal(1.0, -0.1), ParameterError, "coupling = -0.1"),
            (lambda: Scalar.universal(1.0, "3 m"), UnitError, "coupling = 3.0 m"),
            (lambda: Scalar.single_flavor("taw", 1.0, 0.1), ParameterError, "did you mean 'tau'"),
            (lambda: Scalar.diagonal(1.0, [0.1, 0.2]), ParameterError, "couplings has the shape"),
            (lambda: Scalar.diagonal(1.0, [0.0] * 3), ParameterError, "not all zero"),
            (lambda: Scalar.diagonal(1.0, [0.1, math.inf, 0]), ParameterError, "couplings"),
            (lambda: Scalar(1.0, np.eye(2)), ParameterError, "coupling_matrix has the shape"),
            (lambda: Scalar(1.0, np.zeros((3, 3))), ParameterError, "coupling_matrix = 0"),
            (lambda: Scalar(1.0, np.full((3, 3), np.nan)), ParameterError, "must be finite"),
            (
                lambda: Scalar(1.0, [[0, 0.1, 0], [-0.1, 0, 0], [0, 0, 0]]),
                ParameterError,
                r"not symmetric, entry \[0, 1\] = \(0.1\+0j\)",
            ),
            (
                lambda: Scalar(1.0, [[0, 0.1j, 0], [-0.1j, 0, 0], [0, 0, 0]]),
                ParameterError,
                "not symmetric",
            ),
            (lambda: Scalar(1.0, [[1, 2, 3], [1], [2]]), ParameterError, "coupling_matrix = "),
            (lambda: NAMED["universal"](lepton_number=2), ParameterError, "lepton_number = 2"),
            (lambda: NAMED["universal"](lepton_number=False), ParameterError, "lepton_number"),
            (
                lambda: NAMED["universal"](lepton_number=-2, complex_field=False),
                ParameterError,
                "a real field cannot carry it",
            ),
            (
                lambda: NAMED["universal"](complex_field="no"),
                ParameterError,
                "complex_field = 'no'",
            ),
            (lambda: NAMED["universal"](pseudoscalar=1), ParameterError, "pseudoscalar = 1"),
        ],
    )
    def test_errors(self, make, error, words):
        with pytest.raises(error, match=words):
            make()

    @pytest.mark.parametrize("method", ["width", "partial_widths", "lifetime", "is_perturbative"])
    def test_nature(self, method):
        with pytest.raises(ParameterError, match=r"nature = 'dirack': .*did you mean 'dirac'"):
            getattr(kind(False, 0), method)("dirack")
        with pytest.raises(ParameterError, match="nature = 'majorana': a complex scalar"):
            getattr(kind(True, 0), method)("majorana")

    def test_nature_of_yields(self):
        with pytest.raises(ParameterError, match="use lepton_number=-2"):
            kind(True, 0).secondary_yields(Neutrinos())

    def test_beyond_perturbation_theory(self):
        with pytest.warns(PhysicsWarning, match="perturbation theory needs at most 0.3"):
            broad = Scalar.universal(1.0, 2.5)
        assert not broad.is_perturbative()
        with pytest.warns(PhysicsWarning, match=r"sqrt\(4 pi\)"):
            strong = Scalar.single_flavor("e", 1.0, 3.6)
        assert not strong.is_perturbative()
        assert Scalar.universal(1.0, 2.2).is_perturbative()
        with pytest.warns(PhysicsWarning):
            Scalar(1.0, 2.5 * np.eye(3))


class TestDecays:
    @pytest.mark.parametrize(("field", "number", "nature", "width", "active"), KINDS)
    def test_widths(self, field, number, nature, width, active):
        scalar = kind(field, number)
        expected = width / math.pi * TRACE * 0.5
        assert float(scalar.width(nature)) == near(expected, rel=ROUNDING)
        assert float(scalar.active_branching(nature)) == active
        ratios = scalar.branching_ratios(nature)
        assert float(ratios["neutrinos"]) == near(active, rel=ROUNDING)
        assert float(sum(ratios.values())) == near(1.0, rel=ROUNDING)
        lifetime = HBAR_C / SPEED_OF_LIGHT / expected
        assert float(scalar.lifetime(nature)) == near(lifetime, rel=ROUNDING)

    @pytest.mark.parametrize(("field", "number", "nature", "width", "active"), KINDS)
    def test_yields(self, field, number, nature, width, active):
        scalar, neutrinos = kind(field, number), Neutrinos()
        mass_basis = np.asarray(scalar.couplings_in_mass_basis(neutrinos))
        np.testing.assert_allclose(mass_basis, mass_basis.T, rtol=0, atol=1e-15)
        pmns = np.asarray(neutrinos.pmns)
        np.testing.assert_allclose(mass_basis, pmns.T @ SYMMETRIC @ pmns, rtol=0, atol=1e-15)
        rows = np.diag(mass_basis.conj().T @ mass_basis).real
        found = scalar.secondary_yields(neutrinos, nature)
        np.testing.assert_allclose(found, active * rows / TRACE, rtol=ROUNDING)
        assert float(np.sum(found)) == near(active, rel=ROUNDING)

    def test_nothing_coupled(self):
        @jax.jit
        @jax.value_and_grad
        def value(coupling):
            scalar = Scalar.universal(1.0, coupling)
            yields = scalar.secondary_yields(Neutrinos())
            return scalar.width() + scalar.active_branching() + jnp.sum(yields)

        found, slope = value(0.0)
        assert float(found) == 0.0
        assert np.isfinite(slope)

    def test_derivatives_and_batches(self):
        def width(mass, coupling):
            return Scalar.single_flavor("tau", mass, coupling).width()

        slopes = jax.jit(jax.grad(width, argnums=(0, 1)))(0.01, 0.1)
        np.testing.assert_allclose(
            slopes, [0.01 / (16 * math.pi), 0.01 * 0.2 / (16 * math.pi)], rtol=ROUNDING
        )
        masses = jnp.array([0.01, 0.1])
        batch = jax.jit(jax.vmap(width, in_axes=(0, None)))(masses, 0.1)
        np.testing.assert_allclose(batch, 0.01 * masses / (16 * math.pi), rtol=ROUNDING)

    def test_traced_matrices(self):
        @jax.jit
        def width(strengths):
            matrix = [[strengths[0], 0.0, 0.0], [0.0, strengths[1], 0.0], [0.0, 0.0, strengths[2]]]
            pseudo = Scalar.diagonal(1.0, strengths, pseudoscalar=True)
            return Scalar(1.0, matrix).width(), pseudo.width()

        np.testing.assert_allclose(
            width(jnp.array([0.1, 0.2, 0.3])), 0.14 / (16 * math.pi), rtol=ROUNDING
        )

    @settings(deadline=None, max_examples=20)
    @given(st.lists(st.floats(-0.4, 0.4), min_size=12, max_size=12).filter(np.any))
    def test_width_does_not_depend_on_the_basis(self, entries):
        real, imag = np.zeros((3, 3)), np.zeros((3, 3))
        real[np.triu_indices(3)], imag[np.triu_indices(3)] = entries[:6], entries[6:]
        matrix = real + 1j * imag
        matrix = matrix + matrix.T
        scalar = Scalar(1.0, matrix)
        rotated = np.asarray(scalar.couplings_in_mass_basis(Neutrinos()))
        expected = np.sum(np.abs(rotated) ** 2) / (16 * math.pi)
        assert float(scalar.width()) == near(expected, rel=1e-12)


class TestConventions:
    """Areas and widths of one flavor, by what the formulas of the literature say."""

    @pytest.mark.parametrize(
        ("convention", "numerator", "width", "area"),
        [
            (SCALAR_CONVENTIONS[0], 1 / (4 * math.pi), 1 / (4 * math.pi), math.pi),
            (SCALAR_CONVENTIONS[1], 1 / (16 * math.pi), 1 / (4 * math.pi), math.pi / 4),
            (SCALAR_CONVENTIONS[2], 1 / (16 * math.pi), 1 / (16 * math.pi), math.pi),
        ],
    )
    def test_narrow_lines(self, convention, numerator, width, area):
        # g^4 c s/|D|^2 -> g^4 c M^2 pi/(M Gamma) delta, with Gamma = w g^2 M
        assert convention.area == near(numerator * math.pi / width, rel=ROUNDING)
        assert convention.area == near(area, rel=ROUNDING)
        assert convention.width == width
        assert convention.peak == near(numerator / width**2, rel=ROUNDING)

    def test_factors_of_scalars(self):
        found = factors(NAMED["single_flavor"]())
        assert [f.coupling for f in found] == near([1.0, 2.0, 1.0, 0.5])
        assert [f.width for f in found] == near([4.0, 16.0, 1.0, 1.0])
        assert [f.peak for f in found] == near([1 / 4, 1 / 16, 1.0, 1.0])
        majoron = factors(NAMED["single_flavor"](lepton_number=-2))
        assert [f.width for f in majoron] == near([8.0, 32.0, 2.0, 2.0])

    def test_factors_of_vectors(self):
        found = factors(ZPrime.lmu_ltau("10 MeV", 5e-4))
        assert [f.coupling for f in found] == near([math.sqrt(2), 1.0])
        assert [f.width for f in found] == near([2.0, 2.0])
        b_minus_l = factors(ZPrime.b_minus_l("10 MeV", 5e-4), "dirac")
        assert b_minus_l[1].width == near(1.0)

    @pytest.mark.parametrize(("field", "number", "nature", "width", "active"), KINDS)
    def test_own_convention_is_what_one_flavor_has(self, field, number, nature, width, active):
        scalar = NAMED["single_flavor"](complex_field=field, lepton_number=number)
        own = own_convention(scalar, nature)
        assert own.width * 0.01**2 * 0.01 == near(float(scalar.width(nature)))
        assert ("N_a" in own.formula) == (active < 1.0)

    @pytest.mark.parametrize(
        ("mediator", "spin_factor"),
        [(NAMED["universal"](), 1), (ZPrime.universal("10 MeV", 0.01), 3)],
    )
    def test_areas_against_the_decay_width(self, mediator, spin_factor):
        # 16 pi^2 (2 J + 1) (Gamma_in / M), for a real scalar the width to one helicity; an ordered
        # pair i, j of identical helicities has half of the width to states i, j
        neutrinos = Neutrinos()
        couplings = np.abs(np.asarray(mediator.couplings_in_mass_basis(neutrinos))) ** 2
        partial = couplings * 0.01 / (24 * math.pi if spin_factor == 3 else 16 * math.pi)
        expected = 16 * math.pi**2 * spin_factor * partial / 0.01
        np.testing.assert_allclose(line_areas(mediator, neutrinos), expected, rtol=1e-12)

    def test_peak_of_the_vector(self):
        # B_ij = 1/2 and M = 10 MeV: 2.9358513e-22 cm^2, quoted to 8 digits
        zprime, neutrinos = ZPrime.lmu_ltau("10 MeV", 5e-4), Neutrinos()
        shares = np.abs(np.asarray(zprime.couplings_in_mass_basis(neutrinos))) ** 2 / (2 * 5e-4**2)
        np.testing.assert_allclose(
            peaks(zprime, neutrinos), 2.9358513e-22 * shares / 0.5, rtol=2e-8
        )

    @pytest.mark.parametrize(("field", "number", "nature", "width", "active"), KINDS)
    def test_peaks_of_scalars(self, field, number, nature, width, active):
        scalar, neutrinos = kind(field, number), Neutrinos()
        squares = np.abs(np.asarray(scalar.couplings_in_mass_basis(neutrinos))) ** 2
        expected = squares / (width / math.pi * TRACE * 0.5**2) * GEV_TO_MINUS_2
        np.testing.assert_allclose(peaks(scalar, neutrinos, nature), expected, rtol=1e-12)

    def test_report(self):
        text = describe_text(NAMED["universal"](complex_field=True), Neutrinos(), "dirac")
        assert "complex phi; Dirac neutrinos" in text
        assert "active share of decays 0.5" in text
        assert "nuSIprop" in text
        vector = describe_text(ZPrime.lmu_ltau("10 MeV", 5e-4), Neutrinos())
        assert "width 6.63146e-11 GeV = 6.63146e-09 M, lifetime 9.926e-15 s" in vector
        assert "  23  1.66859e-07" in vector
        assert str(NAMED["universal"](complex_field=True).describe()) == text  # Dirac only
        zprime = ZPrime.lmu_ltau("10 MeV", 5e-4)
        assert str(zprime.describe()) == vector
        inverted = Neutrinos("0.05 eV", ordering="inverted")
        said = str(zprime.describe(inverted, "dirac"))
        assert said == describe_text(zprime, inverted, "dirac")
        assert json.loads(json.dumps(zprime.describe())) == zprime.describe()
        assert str(pickle.loads(pickle.dumps(zprime.describe()))) == vector
        with pytest.raises(ParameterError, match="nature = 'majorana'"):
            describe_text(NAMED["universal"](complex_field=True), Neutrinos())
