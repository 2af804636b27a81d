import math
from functools import partial

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh
from scipy.optimize import brentq

from nuprop.constants import (
    ELECTRON_MASS,
    ELEMENTARY_CHARGE,
    MUON_MASS,
    SIN2_THETA_W,
    Z_MASS,
)
from nuprop.errors import ParameterError, UnitError
from nuprop.laboratory.decays import (
    branching_ratios,
    decay_length,
    invisible_branching,
    invisible_line,
    lifetime,
    partial_widths,
    width,
)
from nuprop.laboratory.model import diagonalize, fermion_couplings, induced_mixing, mixing_at
from nuprop.mediators import ZPrime

SIN, COS = math.sqrt(SIN2_THETA_W), math.sqrt(1 - SIN2_THETA_W)
NAMED = ("lmu_ltau", "le_lmu", "le_ltau", "b_minus_l", "universal")
#: Numbers quoted to 8 decimals: half a unit of the last one, and a little for its rounding.
EIGHT_DECIMALS = 6e-9
MASSES = np.array([1e-3, 0.01, 0.1, 1.0, 20.0, 85.0, 91.1, 91.3, 100.0, 400.0])
MIXINGS = np.array([1e-6, -1e-3, 0.05, -0.4, 0.9])

exact = jax.jit(jax.vmap(diagonalize))
at_physical = jax.jit(jax.vmap(mixing_at))


def lmu_ltau(mass="10 MeV", coupling=1e-3, **more):
    return ZPrime.lmu_ltau(mass, coupling, **more)


def grid():
    mass, epsilon = np.meshgrid(MASSES, MIXINGS)
    return mass.ravel(), epsilon.ravel()


def three_by_three(mass, epsilon):
    """Mass^2, the other mass^2, a, b, c from the fields (B, W3, X) of the Lagrangian."""
    kinetic = np.array([[1.0, 0.0, -epsilon], [0.0, 1.0, 0.0], [-epsilon, 0.0, 1.0]])
    z = np.array([-SIN, COS, 0.0])
    masses = Z_MASS**2 * np.outer(z, z) + mass**2 * np.diag([0.0, 0.0, 1.0])
    values, vectors = eigh(masses, kinetic)
    # v_X of the text is that of the canonical field, c = v_X / sqrt(1 - epsilon^2)
    mostly = 1 + np.argmax(np.abs(vectors[2, 1:]))
    b, w, x = vectors[:, mostly] * np.sign(vectors[2, mostly])
    return values[mostly], values[3 - mostly], COS * b + SIN * w, -SIN * b + COS * w, x


def r_ratio(s):
    """Something that looks like R(s): two pions, one resonance, then a constant."""
    pions = 0.25 * jnp.clip(1.0 - 4 * 0.1396**2 / s, 0.0) ** 1.5
    return pions * 0.6**4 / ((s - 0.6) ** 2 + 0.01) + 2.0 * (s > 2.0)


@jax.jit
@partial(jax.value_and_grad, argnums=(0, 1))
def around_threshold(mass, epsilon):
    at = ZPrime.lmu_ltau(mass, 1e-3, kinetic_mixing=epsilon, loop_mixing=True)
    above = ZPrime.lmu_ltau(1.1 * mass, 1e-3, loop_mixing=True)
    lower, upper = invisible_line(above, 0.8)
    return decay_length(at, 5.0) + 1e-3 * (upper - lower)


class TestMixing:
    def test_against_the_three_fields(self):
        mass, epsilon = grid()
        found = exact(mass, epsilon)
        expected = np.array([three_by_three(*point) for point in zip(mass, epsilon, strict=True)])
        squared, other, a, b, c = expected.T
        # LAPACK is good to 1e-16 of the largest entry of the matrix, 2e5 GeV^2
        np.testing.assert_allclose(found.mass**2, squared, rtol=1e-10, atol=3e-10)
        np.testing.assert_allclose(found.z_mass**2, other, rtol=1e-10, atol=3e-10)
        # and mixes the photon with the boson by 1e-16 M_Z^2/M^2: not below 1 GeV
        heavy = mass >= 1.0
        for name, value in (("electromagnetic", a), ("neutral", b), ("gauge", c)):
            one, other = np.asarray(getattr(found, name))[heavy], value[heavy]
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12, err_msg=name)

    def test_physical_mass_inverts(self):
        mass, epsilon = grid()
        found = exact(mass, epsilon)
        again = at_physical(found.mass, epsilon)
        # M_Z^2 - M^2 loses up to 4 digits next to M_Z
        for name in found._fields:
            np.testing.assert_allclose(
                getattr(again, name), getattr(found, name), rtol=2e-12, err_msg=name
            )

    def test_light_boson(self):
        # relative corrections of order epsilon^2 and M^2/M_Z^2
        epsilon, mass = 1e-5, 0.01
        for mixing in (diagonalize("10 MeV", epsilon), mixing_at(0.01 * u.GeV, epsilon)):
            assert mixing.electromagnetic == pytest.approx(epsilon * COS, rel=1e-9, abs=0.0)
            neutral = epsilon * SIN * mass**2 / (Z_MASS**2 - mass**2)
            assert mixing.neutral == pytest.approx(neutral, rel=1e-9, abs=0.0)
            assert mixing.gauge == pytest.approx(1.0, rel=1e-9)
            assert mixing.mass == pytest.approx(mass, rel=1e-9)
            assert mixing.z_mass == pytest.approx(Z_MASS, rel=1e-9)
        # b = 1e-8 epsilon at 10 MeV, to the digit given
        assert mixing.neutral / epsilon == pytest.approx(0.6e-8, rel=0.05)

    @settings(deadline=None, max_examples=60)
    @given(st.floats(-5.0, 4.0), st.floats(-0.99, 0.99))
    def test_invariants(self, log_mass, epsilon):
        mass = 10.0**log_mass
        found = exact(np.array([mass]), np.array([epsilon]))
        norm = 1.0 - epsilon**2
        product = Z_MASS * mass / math.sqrt(norm)
        assert found.mass[0] * found.z_mass[0] == pytest.approx(product, rel=1e-12, abs=0.0)
        trace = Z_MASS**2 * (1.0 + SIN2_THETA_W * epsilon**2 / norm) + mass**2 / norm
        assert found.mass[0] ** 2 + found.z_mass[0] ** 2 == pytest.approx(trace, rel=1e-12)
        # v_X >= 1/sqrt 2
        assert found.gauge[0] * math.sqrt(norm) >= math.sqrt(0.5) - 1e-12
        flipped = exact(np.array([mass]), np.array([-epsilon]))
        assert flipped.electromagnetic[0] == -found.electromagnetic[0]
        assert flipped.neutral[0] == -found.neutral[0]

    def test_without_mixing(self):
        mass = np.array([0.01, Z_MASS, 300.0])
        for mixing in (diagonalize(mass, 0.0), mixing_at(mass, 0.0)):
            np.testing.assert_allclose(mixing.mass, mass, rtol=1e-15)
            np.testing.assert_array_equal(mixing.electromagnetic, 0.0)
            np.testing.assert_array_equal(mixing.neutral, 0.0)
            np.testing.assert_array_equal(mixing.gauge, 1.0)

    @pytest.mark.parametrize("function", [diagonalize, mixing_at])
    @pytest.mark.parametrize(("mass", "epsilon"), [(Z_MASS, 0.0), (0.01, 0.0), (60.0, 0.3)])
    def test_derivatives_are_finite(self, function, mass, epsilon):
        slopes = jax.jacrev(function, argnums=(0, 1))(mass, epsilon)
        assert all(np.isfinite(leaf) for leaf in jax.tree.leaves(slopes))

    def test_derivatives_against_differences(self):
        step = 1e-5
        slope = jax.vmap(jax.jacfwd(diagonalize, argnums=1))(MASSES, np.full(10, 0.3))
        high, low = (exact(MASSES, np.full(10, 0.3 + sign * step)) for sign in (1, -1))
        for name in slope._fields:
            difference = (getattr(high, name) - getattr(low, name)) / (2 * step)
            # step^2 times third derivatives of order 10
            np.testing.assert_allclose(getattr(slope, name), difference, rtol=1e-7, atol=1e-8)

    @pytest.mark.parametrize("function", [diagonalize, mixing_at])
    @pytest.mark.parametrize("epsilon", [1.0, -1.0, 3.0, math.nan])
    def test_mixing_out_of_range(self, function, epsilon):
        with pytest.raises(ParameterError, match=r"kinetic_mixing = .*between -1 and 1"):
            function("10 MeV", epsilon)

    @pytest.mark.parametrize("function", [diagonalize, mixing_at])
    def test_bad_mass(self, function):
        with pytest.raises(ParameterError, match=r"mass = 0.0: positive energies"):
            function(0.0, 0.1)
        with pytest.raises(UnitError, match="mass"):
            function("10 cm", 0.1)

    @pytest.mark.parametrize("mass", [Z_MASS, 91.0, 91.4])
    def test_masses_that_repel(self, mass):
        with pytest.raises(ParameterError, match=r"no eigenstate .* so close to M_Z"):
            mixing_at(mass, 0.1)
        assert np.isfinite(at_physical(np.array([mass]), np.array([0.1])).neutral[0])


class TestInducedMixing:
    @pytest.mark.parametrize(
        ("mass", "expected"),
        [
            (0.0, 0.01443291),
            (0.01, 0.01443748),
            (0.1, 0.01494022),
            (0.2, 0.01816618),
            (0.5, 0.01150511 + 0.00793013j),
            (1.0, 0.00721423 + 0.00802651j),
        ],
    )
    def test_values(self, mass, expected):
        found = induced_mixing(lmu_ltau(coupling=1.0), mass**2)
        assert abs(found - expected) < math.sqrt(2) * EIGHT_DECIMALS

    def test_inverse_of_the_usual_number(self):
        assert 1 / induced_mixing(lmu_ltau(coupling=1.0), 0.0).real == pytest.approx(69.3, abs=0.05)

    def test_sign_is_that_of_positive_epsilon(self):
        loop = lmu_ltau(loop_mixing=True)
        tree = lmu_ltau(kinetic_mixing=1e-3)
        assert loop.charged_couplings[0].real < 0.0
        assert tree.charged_couplings[0].real < 0.0
        for q2 in (-1.0, 0.0, 1e-4, 0.3):
            np.testing.assert_allclose(
                loop.photon_mixing_at(q2), -induced_mixing(loop, q2), rtol=1e-14
            )

    @pytest.mark.slow
    def test_grows_towards_the_muon_threshold(self):
        q = np.linspace(0.0, 0.6, 601)
        found = np.abs(induced_mixing(lmu_ltau(coupling=1.0), q**2))
        assert abs(q[np.argmax(found)] - 2 * MUON_MASS) < 2e-3

    def test_needs_charges_that_cancel(self):
        with pytest.raises(ParameterError, match=r"b-minus-l.* no finite loop.*sum to zero"):
            induced_mixing(ZPrime.b_minus_l("10 MeV", 1e-3), 0.0)
        with pytest.raises(ParameterError, match="given by a matrix"):
            induced_mixing(ZPrime("10 MeV", 0.1 * np.eye(3)), 0.0)


class TestCouplings:
    def test_leading_order(self):
        g, epsilon = 5e-4, 2e-3
        found = fermion_couplings(lmu_ltau("10 MeV", g, kinetic_mixing=epsilon))
        unit = epsilon * COS * ELEMENTARY_CHARGE
        expected = {
            "e": -unit,
            "mu": g - unit,
            "tau": -g - unit,
            "up": 2 / 3 * unit,
            "down": -unit / 3,
            "proton": unit,
            "neutron": 0.0,
        }
        for name, value in expected.items():
            vector, axial = getattr(found, name)
            np.testing.assert_allclose(vector, value, rtol=1e-14, err_msg=name)
            assert axial == 0.0
        np.testing.assert_array_equal(found.neutrinos, np.diag([0.0, g, -g]))

    @pytest.mark.parametrize("name", NAMED)
    def test_leptons_as_the_boson_has_them(self, name):
        zprime = getattr(ZPrime, name)("300 MeV", 1e-3, kinetic_mixing=1e-3)
        found = fermion_couplings(zprime)
        leptons = [found.e.vector, found.mu.vector, found.tau.vector]
        np.testing.assert_allclose(leptons, zprime.charged_couplings, rtol=1e-14)
        np.testing.assert_array_equal(found.neutrinos, zprime.coupling_matrix)

    @pytest.mark.parametrize("name", NAMED)
    @pytest.mark.parametrize("exactly", [False, True])
    def test_nucleons_are_made_of_quarks(self, name, exactly):
        zprime = getattr(ZPrime, name)("0.3 GeV", 1e-3, kinetic_mixing=0.2)
        found = fermion_couplings(zprime, exact=exactly)
        up, down = found.up.vector, found.down.vector
        np.testing.assert_allclose(found.proton.vector, 2 * up + down, rtol=1e-12)
        # a neutron's charge cancels between terms of 0.04
        np.testing.assert_allclose(found.neutron.vector, up + 2 * down, rtol=1e-12, atol=2e-17)
        np.testing.assert_allclose(found.neutron.axial, -found.proton.axial, rtol=1e-14)

    def test_b_minus_l_couples_to_baryons(self):
        found = fermion_couplings(ZPrime.b_minus_l("10 MeV", 1e-3))
        assert found.neutron.vector == pytest.approx(1e-3, rel=1e-14, abs=0.0)
        assert found.up.vector == pytest.approx(1e-3 / 3, rel=1e-14, abs=0.0)

    def test_exact_goes_over_into_leading(self):
        zprime = lmu_ltau("10 MeV", 1e-4, kinetic_mixing=1e-6)
        exactly, leading = (fermion_couplings(zprime, exact=flag) for flag in (True, False))
        for one, other in zip(jax.tree.leaves(exactly), jax.tree.leaves(leading), strict=True):
            # epsilon^2, and b = 6e-9 epsilon
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-14)

    def test_exact_with_the_z(self):
        g, epsilon, mass = 1e-2, 0.1, 40.0
        found = fermion_couplings(ZPrime.lmu_ltau(mass, g, kinetic_mixing=epsilon), exact=True)
        a, b, c = mixing_at(mass, epsilon)[2:]
        weak = b * ELEMENTARY_CHARGE / (SIN * COS)
        muon = c * g - a * ELEMENTARY_CHARGE + weak * (-0.25 + SIN2_THETA_W)
        np.testing.assert_allclose(found.mu.vector, muon, rtol=1e-14)
        np.testing.assert_allclose(found.mu.axial, -0.25 * weak, rtol=1e-14)
        np.testing.assert_allclose(found.neutrinos[0, 0], 0.5 * weak, rtol=1e-14)
        np.testing.assert_allclose(found.neutrinos[1, 1], c * g + 0.5 * weak, rtol=1e-14)
        # sum over a generation of charge times coupling of the left-handed: what stays of U(1)_em
        np.testing.assert_allclose(found.proton.axial, 1.2754 * found.up.axial, rtol=1e-14)

    def test_loop_at_a_momentum(self):
        zprime = lmu_ltau("0.5 GeV", 1e-3, loop_mixing=True)
        for q2 in (None, -0.2):
            at = 0.25 if q2 is None else q2
            found = fermion_couplings(zprime, q2=q2)
            np.testing.assert_allclose(
                found.e.vector, zprime.charged_couplings_at(at)[0], rtol=1e-14
            )
            np.testing.assert_allclose(
                found.proton.vector, -zprime.charged_couplings_at(at)[0], rtol=1e-14
            )
        with pytest.raises(ParameterError, match="q2 = nan"):
            fermion_couplings(zprime, q2=math.nan)

    def test_traced(self):
        @jax.jit
        def value(g, epsilon):
            found = fermion_couplings(ZPrime.lmu_ltau(0.02, g, kinetic_mixing=epsilon), exact=True)
            return found.mu.vector.real

        outside = fermion_couplings(ZPrime.lmu_ltau(0.02, 1e-3, kinetic_mixing=0.1), exact=True)
        np.testing.assert_allclose(value(1e-3, 0.1), outside.mu.vector.real, rtol=1e-14)

    def test_refusals(self):
        with pytest.raises(ParameterError, match="charges of quarks are unknown"):
            fermion_couplings(ZPrime("10 MeV", 0.1 * np.eye(3)))
        with pytest.raises(ParameterError, match=r"kinetic_mixing = 1.2: between -1 and 1"):
            fermion_couplings(lmu_ltau(kinetic_mixing=1.2))


class TestDecays:
    def test_line_of_the_invisible_branching(self):
        lower, upper = invisible_line(lmu_ltau(coupling=1.0e-3))
        closed = 1.0 / (3.0 * COS * ELEMENTARY_CHARGE)
        # 1.2554; electrons' masses change it by (m_e/M)^4 at 10 MeV
        assert closed == pytest.approx(1.2554, abs=5e-5)
        assert float(upper) == pytest.approx(closed * 1e-3, rel=1e-4)
        assert float(lower) == -float(upper)

    def test_decay_length_of_reference(self):
        zprime = lmu_ltau("10 MeV", 1e-3, kinetic_mixing=1e-4)
        length = lifetime(zprime) * 2.99792458e10
        assert float(length) == pytest.approx(7.4338e-5, rel=1e-5)  # cm; 5 digits quoted
        momentum = math.sqrt(5.0**2 - 0.01**2)
        found = decay_length(zprime, "5 GeV")
        assert float(found) == pytest.approx(momentum / 0.01 * float(length), rel=1e-13)
        # c tau gamma of a smaller coupling, 3.7 cm
        short = decay_length(lmu_ltau("10 MeV", 1e-4), 5.0)
        assert float(short) == pytest.approx(3.7, abs=0.05)

    @pytest.mark.parametrize("name", NAMED)
    def test_widths_of_the_boson(self, name):
        zprime = getattr(ZPrime, name)("300 MeV", 1e-3, kinetic_mixing=1e-3)
        found = partial_widths(zprime, nature="dirac")
        own = zprime.partial_widths("dirac")
        assert set(found) == {*own, "hadrons"}
        assert all(found[channel] == own[channel] for channel in own)
        assert found["hadrons"] == 0.0
        np.testing.assert_allclose(width(zprime), zprime.width(), rtol=1e-15)
        np.testing.assert_allclose(lifetime(zprime), zprime.lifetime(), rtol=1e-15)
        np.testing.assert_allclose(sum(branching_ratios(zprime).values()), 1.0, rtol=1e-14)

    def test_hadrons(self):
        zprime = lmu_ltau("0.77 GeV", 1e-3, kinetic_mixing=1e-2)
        found = partial_widths(zprime, r_ratio)
        muons = (ELEMENTARY_CHARGE * 1e-2 * COS) ** 2 * 0.77 / (12 * math.pi)
        ratio = float(r_ratio(0.77**2))
        assert ratio > 1.0
        np.testing.assert_allclose(found["hadrons"], ratio * muons, rtol=1e-13)
        total = float(zprime.width() + found["hadrons"])
        np.testing.assert_allclose(width(zprime, r_ratio), total, rtol=1e-14)
        invisible = float(found["neutrinos"]) / total
        np.testing.assert_allclose(invisible_branching(zprime, r_ratio), invisible, rtol=1e-13)
        np.testing.assert_allclose(
            partial_widths(zprime, lambda s: 2.0)["hadrons"], 2 * muons, rtol=1e-14
        )

    def test_sterile_neutrinos_are_invisible(self):
        zprime = ZPrime.b_minus_l("10 MeV", 1e-3)
        assert invisible_branching(zprime, nature="dirac") > invisible_branching(zprime)

    @pytest.mark.parametrize("mass", [2 * ELECTRON_MASS, 2 * MUON_MASS])
    def test_thresholds(self, mass):
        found, slopes = around_threshold(mass, 1e-3)
        assert np.isfinite([found, *slopes]).all()

    def test_stable_boson(self):
        # couples to taus alone
        zprime = ZPrime("10 MeV", 1e-30 * np.eye(3), charged_couplings=[0.0, 0.0, 0.1])
        silent = jax.tree.map(
            lambda leaf: 0.0 * np.asarray(leaf) if leaf is not zprime.mass else leaf, zprime
        )
        assert np.isinf(lifetime(silent))
        assert invisible_branching(silent) == 0.0
        assert np.isinf(decay_length(silent, "1 GeV"))

    def test_energy_at_and_below_the_mass(self):
        assert decay_length(lmu_ltau("10 MeV"), "10 MeV") == 0.0
        with pytest.raises(ParameterError, match=r"energy = 0.005: at least the mass, 0.01 GeV"):
            decay_length(lmu_ltau("10 MeV"), "5 MeV")
        with pytest.raises(UnitError, match="energy"):
            decay_length(lmu_ltau("10 MeV"), "5 s")
        below = jax.jit(lambda e: decay_length(lmu_ltau("10 MeV"), e))
        assert below(0.005) == 0.0
        assert jax.grad(lambda e: decay_length(lmu_ltau("10 MeV"), e))(0.01) == 0.0

    @pytest.mark.parametrize(
        ("hadrons", "message"),
        [
            (3.0, r"hadrons = 3.0: a function R\(s\)"),
            (lambda s: -1.0, r"hadrons\(M\^2\) = -1.0: finite and not negative"),
            (lambda s: math.nan, "finite and not negative"),
            (lambda s: "many", "cannot be evaluated"),
            (lambda s, t: s, "cannot be evaluated"),
        ],
    )
    def test_bad_hadrons(self, hadrons, message):
        with pytest.raises(ParameterError, match=message):
            partial_widths(lmu_ltau("1 GeV"), hadrons)

    def test_hadrons_of_other_couplings(self):
        with pytest.raises(ParameterError, match="through the photon alone"):
            width(ZPrime.b_minus_l("10 MeV", 1e-3), r_ratio)

    def test_untraceable_hadrons_under_jit(self):
        def branches(s):
            return 1.0 if s > 1.0 else 0.0

        assert width(lmu_ltau("2 GeV", kinetic_mixing=0.1), branches) > 0.0
        with pytest.raises(ParameterError, match=r"jnp.where in place of `if`"):
            jax.jit(lambda m: width(ZPrime.lmu_ltau(m, 1e-3), branches))(2.0)


@partial(jax.jit, static_argnames=("loop", "hadronic"))
def lines(mass, coupling, share, loop, hadronic):
    def one(m, g):
        zprime = ZPrime.lmu_ltau(m, g, loop_mixing=loop)
        return jnp.stack(invisible_line(zprime, share, r_ratio if hadronic else None))

    return jax.vmap(one)(mass, coupling)


@partial(jax.jit, static_argnames=("loop", "hadronic"))
def shares(mass, coupling, epsilon, loop, hadronic):
    zprime = ZPrime.lmu_ltau(mass, coupling, kinetic_mixing=epsilon, loop_mixing=loop)
    return invisible_branching(zprime, r_ratio if hadronic else None)


class TestInvisibleLine:
    @pytest.mark.parametrize(("loop", "hadronic"), [(False, False), (True, True)])
    def test_has_the_share_it_should(self, loop, hadronic):
        mass = np.array([1.1e-3, 0.01, 0.19, 0.25, 1.0, 5.0])
        g = np.array([1e-5, 1e-3, 1e-3, 1e-3, 1e-2, 1e-4])
        found = np.asarray(lines(mass, g, 0.3, loop, hadronic))
        for m, coupling, (lower, upper) in zip(mass, g, found, strict=True):
            assert lower < upper
            for end in (lower, upper):
                share = shares(m, coupling, end, loop, hadronic)
                # the root of a quadratic in the coupling
                assert float(share) == pytest.approx(0.3, rel=1e-11)
            assert shares(m, coupling, 0.5 * (lower + upper), loop, hadronic) > 0.3

    def test_above_muons_against_a_root(self):
        m, g = 0.3, 1e-3
        found = np.asarray(lines(np.array([m]), np.array([g]), 0.55, False, False))[0]

        def excess(epsilon):
            return float(shares(m, g, epsilon, False, False)) - 0.55

        center = 0.5 * (found[0] + found[1])
        for end, side in zip(found, (-1.0, 1.0), strict=True):
            assert end == pytest.approx(
                brentq(excess, center, center + side, xtol=1e-16), rel=1e-10, abs=0.0
            )
        # interference with g_mu = g' - epsilon e c_W: not symmetric, and both ends positive here
        assert found[0] > 0.0

    def test_never_reached(self):
        lower, upper = invisible_line(lmu_ltau("1 GeV"), 0.9)
        assert lower == upper
        best = shares(1.0, 1e-3, lower, False, False)
        assert best < 0.9
        for side in (-1e-5, 1e-5):
            assert shares(1.0, 1e-3, lower + side, False, False) < best

    def test_nothing_else_open(self):
        lower, upper = invisible_line(lmu_ltau(0.999 * 2 * ELECTRON_MASS))
        assert (lower, upper) == (-np.inf, np.inf)

    def test_scales_with_the_coupling(self):
        found = lines(np.full(2, 0.05), np.array([1e-4, 1e-2]), 0.9, True, False)
        np.testing.assert_allclose(found[1], 100.0 * found[0], rtol=1e-13)

    def test_own_mixing_does_not_matter(self):
        plain, mixed = (invisible_line(lmu_ltau(kinetic_mixing=e)) for e in (0.0, 1e-2))
        assert plain == mixed

    @pytest.mark.parametrize("share", [0.0, 1.0, -0.3, math.nan])
    def test_bad_share(self, share):
        with pytest.raises(ParameterError, match=r"branching = .*between 0 and 1"):
            invisible_line(lmu_ltau(), share)

    def test_matrix(self):
        with pytest.raises(ParameterError, match="no kinetic mixing to find"):
            invisible_line(ZPrime("10 MeV", 0.1 * np.eye(3)))
