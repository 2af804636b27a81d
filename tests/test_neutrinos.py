import math

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuprop.errors import ParameterError, UnitError
from nuprop.neutrinos import Neutrinos, Oscillations, oscillation_sets, oscillations

ORDERINGS = ("normal", "inverted")
EV = 1e-9
#: Numbers quoted to 9 decimals: half a unit of the last one, and a little for its rounding.
NINE_DECIMALS = 6e-10


def values(**changes):
    """Arguments of Oscillations that are in range, with changes."""
    standard = {
        "sin2_12": 0.308,
        "sin2_23": 0.47,
        "sin2_13": 0.02215,
        "delta": 212 * u.deg,
        "dm2_21": 7.49e-5 * u.eV**2,
        "dm2_3l": 2.513e-3 * u.eV**2,
    }
    return {**standard, **changes}


def split_leaves(tree):
    paths, structure = jax.tree_util.tree_flatten_with_path(tree)
    names = [jax.tree_util.keystr(path) for path, _ in paths]
    return names, [jnp.asarray(leaf) for _, leaf in paths], structure


class TestMixing:
    def test_probabilities_of_nufit_6_0(self):
        expected = [
            [0.6766722, 0.3011778, 0.02215],
            [0.112280287, 0.428130213, 0.4595895],
            [0.211047513, 0.270691987, 0.5182605],
        ]
        np.testing.assert_allclose(Neutrinos().mixing, expected, rtol=0, atol=NINE_DECIMALS)

    @pytest.mark.parametrize(
        ("source", "earth"),
        [
            ((1, 2, 0), (0.3264281, 0.343116624, 0.330455276)),
            ((0, 1, 0), (0.215100172, 0.40712485, 0.377774978)),
            ((1, 0, 0), (0.549083956, 0.215100172, 0.235815872)),
        ],
    )
    def test_flavor_at_earth(self, source, earth):
        found = Neutrinos().flavor_at_earth(source)
        np.testing.assert_allclose(found, earth, rtol=0, atol=NINE_DECIMALS)

    @pytest.mark.parametrize("ordering", ORDERINGS)
    @pytest.mark.parametrize("name", oscillation_sets())
    def test_unitary(self, name, ordering):
        neutrinos = Neutrinos(ordering=ordering, oscillations=name)
        pmns = np.asarray(neutrinos.pmns)
        # products of three rounded numbers of order one
        np.testing.assert_allclose(pmns.conj().T @ pmns, np.eye(3), rtol=0, atol=1e-15)
        np.testing.assert_allclose(np.sum(neutrinos.mixing, axis=0), 1.0, rtol=1e-15)
        np.testing.assert_allclose(np.sum(neutrinos.mixing, axis=1), 1.0, rtol=1e-15)

    def test_jarlskog_invariant_fixes_the_sign_of_the_phase(self):
        neutrinos = Neutrinos()
        pmns = np.asarray(neutrinos.pmns)
        s12, s23, s13 = (math.sqrt(x) for x in (0.308, 0.470, 0.02215))
        c12, c23, c13 = (math.sqrt(1 - x**2) for x in (s12, s23, s13))
        expected = s12 * c12 * s23 * c23 * s13 * c13**2 * math.sin(math.radians(212))
        # Im(U_e1 U_mu2 U*_e2 U*_mu1) is +J in the parametrization of the Particle Data Group
        found = (pmns[0, 0] * pmns[1, 1] * pmns[0, 1].conj() * pmns[1, 0].conj()).imag
        assert found == pytest.approx(expected, rel=1e-13)  # rounding

    def test_real_without_phase_and_conjugate_for_the_opposite_phase(self):
        flat = Oscillations(**values(delta=0.0)).pmns
        assert np.all(np.asarray(flat).imag == 0.0)
        plus, minus = (Oscillations(**values(delta=sign * 0.7)).pmns for sign in (1, -1))
        np.testing.assert_allclose(plus, np.conj(minus), rtol=0, atol=1e-16)  # rounding

    def test_one_angle_at_a_time_is_a_rotation(self):
        none = values(sin2_12=0.0, sin2_23=0.0, sin2_13=0.0, delta=0.0)
        np.testing.assert_array_equal(Oscillations(**none).pmns, np.eye(3))
        solar = np.asarray(Oscillations(**{**none, "sin2_12": 0.25}).pmns)
        c, s = math.sqrt(0.75), 0.5
        # one rounding of a square root
        np.testing.assert_allclose(solar, [[c, s, 0], [-s, c, 0], [0, 0, 1]], atol=1e-16)


class TestNamedSets:
    @pytest.mark.parametrize(
        ("name", "ordering", "angles"),
        [
            ("nufit-5.2", "normal", (33.41, 42.2, 8.58)),
            ("nufit-5.2", "inverted", (33.41, 49.0, 8.57)),
            ("nufit-5.2-no-sk", "normal", (33.41, 49.1, 8.54)),
            ("nufit-5.2-no-sk", "inverted", (33.41, 49.5, 8.57)),
            ("nufit-6.0", "normal", (33.68, 43.3, 8.56)),
        ],
    )
    def test_sin2_agrees_with_the_angles_published_beside_it(self, name, ordering, angles):
        best = oscillations(name, ordering)
        found = [math.degrees(math.asin(math.sqrt(x))) for x in _sin2(best)]
        # theta_12, theta_13 are printed to 0.01 deg, theta_23 to 0.1 deg, sin^2 to 3 or 4 digits
        assert np.all(np.abs(np.subtract(found, angles)) < [0.035, 0.08, 0.006])

    @pytest.mark.parametrize(
        ("name", "ordering", "sin2"),
        [
            ("nufit-5.0", "normal", (0.304, 0.573, 0.02219)),
            ("nufit-5.0", "inverted", (0.304, 0.575, 0.02238)),
            ("nufit-5.0-no-sk", "normal", (0.304, 0.570, 0.02221)),
            ("nufit-5.0-no-sk", "inverted", (0.304, 0.575, 0.02240)),
        ],
    )
    def test_angles_agree_with_the_sin2_published_beside_them(self, name, ordering, sin2):
        # half a unit of the last digit of the angle and of sin^2
        deviation = np.abs(np.subtract(_sin2(oscillations(name, ordering)), sin2))
        assert np.all(deviation < [6e-4, 1.4e-3, 3e-5])

    def test_newest_set(self):
        best = oscillations("nufit-6.1", "inverted")
        assert float(best.sin2_23) == math.sin(math.radians(47.90)) ** 2
        assert best.dm2_21 == pytest.approx(7.537e-23, rel=1e-15, abs=0.0)  # GeV^2
        assert best.dm2_3l == pytest.approx(-2.483e-21, rel=1e-15, abs=0.0)

    @pytest.mark.parametrize("ordering", ORDERINGS)
    @pytest.mark.parametrize("name", oscillation_sets())
    def test_each_set_says_where_it_comes_from(self, name, ordering):
        best = oscillations(name, ordering)
        assert best.name == name
        assert "arXiv:" in best.reference
        assert (best.dm2_3l > 0) == (ordering == "normal")

    def test_versions_with_and_without_atmospheric_data(self):
        versions = {"nufit-5.0", "nufit-5.2", "nufit-6.0", "nufit-6.1"}
        assert set(oscillation_sets()) == versions | {f"{v}-no-sk" for v in versions}

    def test_unknown_name_suggests_the_nearest(self):
        with pytest.raises(ParameterError, match=r"oscillations = 'nufit6\.0'.*'nufit-6\.0'"):
            Neutrinos(oscillations="nufit6.0")

    @pytest.mark.parametrize("bad", [None, 6.0, {"sin2_12": 0.3}])
    def test_neither_name_nor_object(self, bad):
        with pytest.raises(ParameterError, match="a name or an Oscillations object"):
            Neutrinos(oscillations=bad)


def _sin2(best):
    return [float(x) for x in (best.sin2_12, best.sin2_23, best.sin2_13)]


class TestMasses:
    @pytest.mark.parametrize(
        ("ordering", "masses", "total"),
        [
            ("normal", (0.0, 8.654479, 50.129831), 0.05878431),
            ("inverted", (49.082583, 49.839743, 0.0), 0.09892233),
        ],
    )
    def test_minimal(self, ordering, masses, total):
        found = np.asarray(Neutrinos(0, ordering).masses) / EV
        # quoted to 1e-9 eV and 1e-8 eV
        np.testing.assert_allclose(found, np.array(masses) * 1e-3, rtol=0, atol=6e-10)
        assert found.sum() == pytest.approx(total, abs=6e-9)

    @pytest.mark.parametrize("lightest", [0.0, 1e-6, 1e-3, 0.08, 10.0])
    @pytest.mark.parametrize("ordering", ORDERINGS)
    def test_splittings_come_back(self, ordering, lightest):
        neutrinos = Neutrinos(lightest * u.eV, ordering)
        m1, m2, m3 = np.asarray(neutrinos.masses) / EV
        reference = m1 if ordering == "normal" else m2
        # differences of squares: rounding of the largest square
        slack = 4e-16 * max(m1, m2, m3) ** 2
        assert m2**2 - m1**2 == pytest.approx(7.49e-5, rel=1e-13, abs=slack)
        expected = neutrinos.oscillations.dm2_3l / EV**2
        assert m3**2 - reference**2 == pytest.approx(expected, rel=1e-13, abs=slack)

    @pytest.mark.parametrize("given", ["0.08 eV", "80 meV", 0.08 * u.eV, 8e-11, np.float64(8e-11)])
    def test_units(self, given):
        assert float(Neutrinos(given).masses[0]) == pytest.approx(8e-11, rel=1e-15, abs=0.0)

    @pytest.mark.parametrize("zero", [0, 0.0, 0 * u.eV, "0 eV", jnp.array(0.0)])
    def test_exactly_massless(self, zero):
        assert float(Neutrinos(zero, "inverted").masses[2]) == 0.0

    @pytest.mark.parametrize("lightest", [0.0, 1e-14, 3e-12, 8e-11])
    @pytest.mark.parametrize("ordering", ORDERINGS)
    def test_gradient_against_differences(self, ordering, lightest):
        @jax.jit
        def masses(m):
            return Neutrinos(m, ordering).masses

        step = 1e-14
        backward = jax.jacrev(masses)(lightest)
        assert np.all(np.isfinite(backward))
        np.testing.assert_array_equal(jax.jacfwd(masses)(lightest), backward)
        centre = max(lightest, step)
        numeric = (masses(centre + step) - masses(centre - step)) / (2 * step)
        # rounding of the masses over the step, and the curvature step/m of a state of 9 meV
        np.testing.assert_allclose(jax.jacrev(masses)(centre), numeric, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("name", ["dm2_21", "dm2_3l"])
    @pytest.mark.parametrize("ordering", ORDERINGS)
    def test_gradient_in_the_splittings(self, ordering, name):
        best = oscillations("nufit-6.0", ordering)
        start = float(getattr(best, name))

        def masses(x):
            others = {
                k: getattr(best, k)
                for k in ("sin2_12", "sin2_23", "sin2_13", "delta", "dm2_21", "dm2_3l")
            }
            return Neutrinos(1e-12, ordering, Oscillations(**{**others, name: x})).masses

        step = 1e-5 * abs(start)
        numeric = (masses(start + step) - masses(start - step)) / (2 * step)
        # central differences: (step/x)^2 = 1e-10, rounding 1e-16/1e-5
        np.testing.assert_allclose(jax.jacrev(masses)(start), numeric, rtol=1e-9, atol=0)

    def test_given_masses(self):
        masses = [0.1, 0.1, 0.1] * u.eV
        neutrinos = Neutrinos.from_masses(masses, ordering="inverted")
        np.testing.assert_allclose(neutrinos.masses, 1e-10, rtol=1e-15)
        assert neutrinos.oscillations.sin2_23 == 0.55
        assert float(Neutrinos.from_masses([0.0, 0.0, 5e-11]).masses[0]) == 0.0

    def test_given_masses_may_be_traced_one_by_one(self):
        def heaviest(m):
            return Neutrinos.from_masses([0.0, m, 2.0 * m]).masses[2]

        assert jax.jit(jax.grad(heaviest))(1e-11) == 2.0

    def test_bare_number_in_ev_is_refused(self):
        with pytest.raises(UnitError, match=r"lightest_mass = 0.08.*u\.eV"):
            Neutrinos(lightest_mass=0.08)
        with pytest.raises(UnitError, match=r"masses = .*u\.eV"):
            Neutrinos.from_masses([0.0, 0.01, 0.05])

    @pytest.mark.parametrize(
        "bad", [-0.1 * u.eV, -1e-12, "-1 eV", math.nan, math.inf, jnp.array(-1e-12)]
    )
    def test_impossible_mass(self, bad):
        with pytest.raises(ParameterError, match=r"lightest_mass = .*a mass >= 0"):
            Neutrinos(lightest_mass=bad)

    @pytest.mark.parametrize("bad", [1 * u.m, "1 s", "heavy"])
    def test_wrong_unit(self, bad):
        with pytest.raises(UnitError, match=r"lightest_mass = .*energy"):
            Neutrinos(lightest_mass=bad)

    def test_several_lightest_masses(self):
        with pytest.raises(ParameterError, match=r"lightest_mass has the shape \(2,\): one"):
            Neutrinos(lightest_mass=[0.0, 1e-12])

    @pytest.mark.parametrize("bad", [[0.0, 1e-12], 1e-12, np.zeros((3, 3))])
    def test_not_three_masses(self, bad):
        with pytest.raises(ParameterError, match=r"masses has the shape .*: \(3,\) is needed"):
            Neutrinos.from_masses(bad)

    def test_negative_among_three(self):
        with pytest.raises(ParameterError, match=r"masses = .*a mass >= 0"):
            Neutrinos.from_masses([0.0, -1e-12, 5e-11])

    @pytest.mark.parametrize("bad", ["norml", "NO", None])
    def test_unknown_ordering(self, bad):
        with pytest.raises(ParameterError, match=r"ordering = .*'normal' or 'inverted'"):
            Neutrinos(ordering=bad)


class TestOscillations:
    def test_units(self):
        a = Oscillations(**values())
        b = Oscillations(**values(delta=math.radians(212), dm2_21=7.49e-23, dm2_3l="0.002513 eV2"))
        for name in ("delta", "dm2_21", "dm2_3l"):
            assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-15, abs=0.0)
        assert a.name == "user"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"sin2_12": -0.1}, "sin2_12 = -0.1: a number from 0 to 1"),
            ({"sin2_23": 1.1}, "sin2_23 = 1.1: a number from 0 to 1"),
            ({"sin2_13": math.nan}, "sin2_13 = nan: a number from 0 to 1"),
            ({"delta": math.inf}, "delta = inf: a finite angle"),
            ({"dm2_21": -7.49e-5 * u.eV**2}, "dm2_21 = .*: a positive squared mass"),
            ({"dm2_3l": 7.49e-5 * u.eV**2}, "dm2_3l = .*larger than dm2_21"),
        ],
    )
    def test_impossible_value(self, change, message):
        with pytest.raises(ParameterError, match=message):
            Oscillations(**values(**change))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"dm2_21": 7.49e-5}, r"dm2_21 = 7.49e-05.*u\.eV\*\*2"),
            ({"dm2_3l": 2.5e-3 * u.eV}, "dm2_3l = 0.0025 eV: a squared mass"),
            ({"dm2_3l": "2.5e-3"}, "dm2_3l = 2.5e-3: a squared mass"),
            ({"delta": 212 * u.m}, "delta = 212.0 m.*angle"),
        ],
    )
    def test_wrong_unit(self, change, message):
        with pytest.raises(UnitError, match=message):
            Oscillations(**values(**change))

    def test_splitting_must_fit_the_ordering(self):
        with pytest.raises(ParameterError, match=r"dm2_3l = .*must be < 0 .*inverted ordering"):
            Neutrinos(ordering="inverted", oscillations=Oscillations(**values()))
        inverted = oscillations("nufit-6.0", "inverted")
        with pytest.raises(ParameterError, match=r"dm2_3l = .*must be > 0 .*normal ordering"):
            Neutrinos(ordering="normal", oscillations=inverted)


class TestFlavor:
    def test_equal_flavors_stay_equal(self):
        # products of two unitary rows: a few roundings
        np.testing.assert_allclose(Neutrinos().flavor_at_earth([1, 1, 1]), 1 / 3, rtol=1e-15)

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3).filter(lambda f: sum(f) > 1e-6))
    def test_shares(self, flavor):
        found = np.asarray(Neutrinos().flavor_at_earth(flavor))
        assert found.sum() == pytest.approx(1.0, rel=1e-14)  # rounding
        assert np.all(found > 0.0)
        np.testing.assert_allclose(
            Neutrinos().flavor_at_earth(np.array(flavor) * 7.0), found, rtol=1e-14
        )

    @pytest.mark.parametrize("bad", [(0, 0, 0), (1, -1, 1), (1, math.nan, 0), (math.inf, 1, 1)])
    def test_impossible(self, bad):
        with pytest.raises(ParameterError, match=r"flavor = .*three numbers >= 0"):
            Neutrinos().flavor_at_earth(bad)

    @pytest.mark.parametrize("bad", [(1, 2), 1.0, np.eye(3)])
    def test_not_three(self, bad):
        with pytest.raises(ParameterError, match=r"flavor has the shape .*: \(3,\) is needed"):
            Neutrinos().flavor_at_earth(bad)

    @pytest.mark.parametrize("name", ["sin2_12", "sin2_23", "sin2_13", "delta"])
    def test_gradient_against_differences(self, name):
        start = {"sin2_12": 0.3, "sin2_23": 0.47, "sin2_13": 0.022, "delta": 3.7}[name]

        @jax.jit
        def muons(x):
            best = Oscillations(**{**values(), name: x})
            return Neutrinos(0.0, oscillations=best).flavor_at_earth([1.0, 2.0, 0.0])[1]

        step = 1e-5
        numeric = (muons(start + step) - muons(start - step)) / (2 * step)
        # central differences: third derivatives (up to 1/sin2_13^2) times step^2, rounding 1e-11
        assert float(jax.grad(muons)(start)) == pytest.approx(float(numeric), rel=1e-6, abs=1e-10)

    @pytest.mark.parametrize("name", ["sin2_12", "sin2_23", "sin2_13"])
    @pytest.mark.parametrize("edge", [0.0, 1.0])
    def test_gradient_is_finite_where_an_angle_vanishes(self, name, edge):
        @jax.jit
        def mixing(x):
            return Neutrinos(oscillations=Oscillations(**{**values(), name: x})).mixing

        assert np.all(np.isfinite(jax.jacfwd(mixing)(edge)))
        assert np.all(np.isfinite(jax.jacrev(mixing)(edge)))


class TestPytree:
    def test_vmap_over_every_leaf(self):
        neutrinos = Neutrinos("0.01 eV")
        names, leaves, structure = split_leaves(neutrinos)
        assert len(leaves) == 7

        def physics(n):
            return n.masses, n.pmns, n.flavor_at_earth(jnp.array([1.0, 2.0, 0.0]))

        factors = jnp.array([0.5, 0.9, 1.0])
        for k, name in enumerate(names):

            @jax.jit
            def at(factor, k=k):
                changed = [x * factor if j == k else x for j, x in enumerate(leaves)]
                return physics(jax.tree.unflatten(structure, changed))

            batch = jax.jit(jax.vmap(at))(factors)
            for n, factor in enumerate(factors):
                for whole, one in zip(batch, at(factor), strict=True):
                    # compiled and eager code round differently
                    np.testing.assert_allclose(whole[n], one, rtol=1e-13, atol=1e-15, err_msg=name)

    def test_derivatives_in_every_leaf(self):
        def total(n):
            return jnp.sum(n.masses) * 1e10 + n.mixing[1, 1]

        neutrinos = Neutrinos("0.01 eV")
        reverse, forward = jax.jit(lambda x: (jax.grad(total)(x), jax.jacfwd(total)(x)))(neutrinos)
        for a, b in zip(jax.tree.leaves(reverse), jax.tree.leaves(forward), strict=True):
            assert np.isfinite(a)
            assert float(a) == pytest.approx(float(b), rel=1e-12, abs=1e-15)  # rounding

    def test_derivative_of_given_masses(self):
        neutrinos = Neutrinos.from_masses([0.0, 1e-11, 5e-11])
        gradient = jax.grad(lambda n: n.masses[1])(neutrinos)
        np.testing.assert_array_equal(gradient.given_masses, [0.0, 1.0, 0.0])

    def test_rebuilt_without_validation(self):
        neutrinos = Neutrinos()
        leaves, structure = jax.tree.flatten(neutrinos)
        hollow = jax.tree.unflatten(structure, [object()] * len(leaves))
        assert "<object>" in repr(hollow.oscillations)
        assert "<object>" in repr(hollow)
        assert hollow.ordering == "normal"
        assert hollow.oscillations.name == "nufit-6.0"

    def test_structure_tells_orderings_apart(self):
        same = jax.tree.structure(Neutrinos("0.01 eV"))
        assert same == jax.tree.structure(Neutrinos("0.02 eV"))
        assert hash(same) == hash(jax.tree.structure(Neutrinos("0.02 eV")))
        assert same != jax.tree.structure(Neutrinos("0.01 eV", "inverted"))

    def test_frozen(self):
        with pytest.raises(AttributeError):
            Neutrinos().lightest_mass = 1.0


class TestText:
    def test_repr_in_human_units(self):
        assert repr(Neutrinos("80 meV")) == (
            "Neutrinos(lightest mass 0.08 eV, normal ordering, 'nufit-6.0')"
        )
        assert repr(Neutrinos.from_masses([0.0, 1e-11, 5e-11])) == (
            "Neutrinos(masses 0, 0.01, 0.05 eV, normal ordering, 'nufit-6.0')"
        )
        assert "delta 212 deg" in repr(oscillations())
        assert "dm2_3l 0.002513 eV2" in repr(oscillations())

    def test_repr_of_traced_and_batched(self):
        seen = []
        jax.jit(lambda n: seen.append(repr(n)) or n.masses)(Neutrinos("80 meV"))
        assert "<traced>" in seen[0]
        batch = jax.tree.map(lambda x: np.stack([x, x]), Neutrinos.from_masses([0.0, 1e-11, 5e-11]))
        assert "<array of shape (2, 3)>" in repr(batch)

    def test_describe(self):
        record = Neutrinos("0.08 eV").describe()
        assert record["sum of masses [eV]"] == pytest.approx(0.2548754, abs=1e-7)
        assert record["masses [eV]"][0] == pytest.approx(0.08, rel=1e-15)
        assert record["oscillations"]["delta [deg]"] == pytest.approx(212.0, rel=1e-15)
        assert record["oscillations"]["dm2_21 [eV2]"] == pytest.approx(7.49e-5, rel=1e-14, abs=0.0)
