"""A fourth, sterile neutrino: mixing, couplings, relics of its own, and the transport of four."""

import tomllib
from dataclasses import replace
from functools import partial

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import models

import nuprop
from nuprop.constants import BOLTZMANN, HBAR_C, SPEED_OF_LIGHT
from nuprop.errors import ConfigError, ParameterError, UnitError
from nuprop.mediators import describe_text
from nuprop.mediators.scattering import VectorBoson, vector_scattering
from nuprop.relics import thermal_density
from nuprop.runfile import parse
from nuprop.transport import (
    cascade,
    cascade_shape,
    interactions_of,
    lines_of,
    optical_depths,
    spectrum,
)

EV = models.EV
MIXING, PHASES = (0.01, 0.02, 0.03), (0.3, 0.5, 0.7)
STERILE = nuprop.SterileNeutrino("0.5 eV", MIXING, PHASES)
FOUR = nuprop.Neutrinos("0.08 eV", sterile=STERILE)
THREE = nuprop.Neutrinos("0.08 eV")
UNMIXED = nuprop.Neutrinos("0.08 eV", sterile=nuprop.SterileNeutrino("0.5 eV"))
#: Charges such that both active and sterile lines have depths of order one and more.
BOSON = nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4, sterile_charge=3.0)
ALONE = nuprop.ZPrime.single_flavor("sterile", "23 MeV", 1e-3)
COLD = nuprop.Relics(thermal=False, sterile=nuprop.SterileRelics("10 cm^-3"))
WARM = nuprop.Relics(sterile=nuprop.SterileRelics("10 cm^-3"))
SOURCE = nuprop.Source(spectrum=nuprop.PowerLaw(2.3))
#: Rounding of a few products of numbers of order one.
ROUNDING = 1e-14


def problem(neutrinos=FOUR, boson=BOSON, relics=COLD, source=SOURCE):
    return models.problem_of(source, boson, neutrinos, relics.state, models.FLAT)


# --- mixing ----------------------------------------------------------------------------------


def rotation(row, sine, delta):
    matrix = np.eye(4, dtype=complex)
    matrix[row, row] = matrix[3, 3] = np.sqrt(1.0 - sine**2)
    matrix[row, 3] = sine * np.exp(-1j * delta)
    matrix[3, row] = -sine * np.exp(1j * delta)
    return matrix


def test_mixing_matrix_is_a_product_of_rotations():
    s14 = np.sqrt(0.01)
    s24 = np.sqrt(0.02 / 0.99)
    s34 = np.sqrt(0.03 / 0.97)
    three = np.eye(4, dtype=complex)
    three[:3, :3] = np.asarray(THREE.pmns)
    turns = [rotation(a, s, d) for a, s, d in zip((0, 1, 2), (s14, s24, s34), PHASES, strict=True)]
    expected = turns[2] @ turns[1] @ turns[0] @ three
    np.testing.assert_allclose(FOUR.pmns, expected, atol=ROUNDING)


def test_mixing_matrix_is_unitary_with_the_entries_asked_for():
    matrix = np.asarray(FOUR.pmns)
    np.testing.assert_allclose(matrix @ matrix.conj().T, np.eye(4), atol=ROUNDING)
    np.testing.assert_allclose(np.abs(matrix[:, 3]) ** 2, [*MIXING, 0.94], rtol=ROUNDING)
    np.testing.assert_allclose(-np.angle(matrix[:, 3]), [*PHASES, 0.0], atol=ROUNDING)
    # U_e1 = c14 c13 c12 and so on: the first row is the old one times c14
    np.testing.assert_allclose(
        matrix[0, :3], np.sqrt(0.99) * np.asarray(THREE.pmns)[0], rtol=ROUNDING
    )


def test_without_mixing_the_three_are_untouched():
    matrix = np.asarray(UNMIXED.pmns)
    np.testing.assert_array_equal(matrix[:3, :3], THREE.pmns)
    np.testing.assert_array_equal(matrix[3], [0, 0, 0, 1])
    np.testing.assert_array_equal(UNMIXED.masses[:3], THREE.masses)
    assert float(UNMIXED.masses[3]) == 0.5 * EV
    assert (THREE.n_states, UNMIXED.n_states) == (3, 4)


def test_flavors_at_earth_with_the_sterile_one_are_all():
    flavors = np.asarray(FOUR.flavor_at_earth((1, 2, 0)))
    assert flavors.sum() == pytest.approx(1.0, rel=ROUNDING)
    mixing = np.abs(np.asarray(FOUR.pmns)) ** 2
    sterile = sum(mixing[3, i] * (mixing[0, i] + 2.0 * mixing[1, i]) / 3.0 for i in range(4))
    assert flavors[3] == pytest.approx(sterile, rel=ROUNDING)
    # nothing is emitted as nu_s: without mixing nothing arrives as it
    assert float(UNMIXED.flavor_at_earth((1, 2, 0))[3]) == 0.0


def test_masses_of_ones_own_and_a_sterile_one():
    neutrinos = nuprop.Neutrinos.from_masses([0.01, 0.02, 0.03] * u.eV, sterile=STERILE)
    np.testing.assert_allclose(neutrinos.masses, np.array([0.01, 0.02, 0.03, 0.5]) * EV)
    described = neutrinos.describe()
    assert described["sum of masses [eV]"] == pytest.approx(0.06)  # of the standard three
    assert described["sterile"]["mass [eV]"] == pytest.approx(0.5)
    assert "|U_a4|^2 0.01 : 0.02 : 0.03" in repr(neutrinos)
    assert nuprop.resonance_energies(BOSON, neutrinos).shape == (4,)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("-1 eV",), ParameterError, "mass = -1e-09: a mass >= 0"),
        ((0.5,), UnitError, "above 1 keV"),
        (([1e-10, 2e-10],), ParameterError, "one mass is needed"),
        (("1 eV", (0.1, 0.2)), ParameterError, r"mixing has the shape \(2,\)"),
        (("1 eV", (0.1, -0.2, 0.0)), ParameterError, "mixing = -0.2"),
        (("1 eV", (0.5, 0.3, 0.2)), ParameterError, "a sum below 1 is needed"),
        (("1 eV", (0.1, 0.0, 0.0), (np.inf, 0, 0)), ParameterError, "finite angles"),
    ],
)
def test_impossible_sterile_neutrinos_are_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        nuprop.SterileNeutrino(*arguments)


# --- couplings and widths --------------------------------------------------------------------


def test_a_coupling_to_flavors_reaches_the_fourth_state_by_mixing():
    boson = nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4)
    rows = np.asarray(FOUR.pmns)[:3]
    g = 5e-4 * np.diag([0.0, 1.0, -1.0])
    found = np.asarray(boson.couplings_in_mass_basis(FOUR))
    np.testing.assert_allclose(found, rows.conj().T @ g @ rows, atol=5e-4 * ROUNDING)
    scalar = nuprop.Scalar.diagonal("11 MeV", (0.1, 0.2, 0.3))
    found = np.asarray(scalar.couplings_in_mass_basis(FOUR))
    np.testing.assert_allclose(found, rows.T @ np.diag([0.1, 0.2, 0.3]) @ rows, atol=ROUNDING)


def test_a_sterile_charge_is_one_more_entry():
    u4 = np.asarray(FOUR.pmns)
    expected = u4.conj().T @ (5e-4 * np.diag([0.0, 1.0, -1.0, 3.0])) @ u4
    found = np.asarray(BOSON.couplings_in_mass_basis(FOUR))
    np.testing.assert_allclose(found, expected, atol=1e-3 * ROUNDING)
    again = nuprop.ZPrime("11 MeV", 5e-4 * np.diag([0.0, 1.0, -1.0, 3.0]))
    np.testing.assert_allclose(again.couplings_in_mass_basis(FOUR), found, atol=1e-3 * ROUNDING)
    assert BOSON.describe()["sterile charge"] == 3.0
    assert "sterile charge 3" in repr(BOSON)


@pytest.mark.parametrize("neutrinos", [UNMIXED, FOUR], ids=["unmixed", "mixed"])
def test_widths_know_the_charges_and_not_the_mixing(neutrinos):
    unit = 5e-4**2 * 0.011 / (24.0 * np.pi)
    widths = BOSON.partial_widths()
    assert float(widths["neutrinos"]) == pytest.approx((2.0 + 9.0) * unit, rel=ROUNDING)
    assert float(widths["sterile"]) == 0.0  # right-handed partners, which is something else
    g = np.asarray(BOSON.couplings_in_mass_basis(neutrinos))
    in_mass_basis = np.sum(np.abs(g) ** 2) * 0.011 / (24.0 * np.pi)
    assert float(widths["neutrinos"]) == pytest.approx(in_mass_basis, rel=ROUNDING)


@pytest.mark.parametrize(
    "boson",
    [
        BOSON,
        nuprop.ZPrime.universal("11 MeV", 1e-3, kinetic_mixing=1e-3, sterile_charge=-2.0),
        nuprop.Scalar.diagonal("11 MeV", (0.1, 0.0, 0.2, 0.3)),
    ],
    ids=["vector", "visible", "scalar"],
)
def test_secondaries_of_each_state(boson):
    g = np.asarray(boson.couplings_in_mass_basis(FOUR))
    squares = g @ g.conj().T
    branching = float(boson.active_branching())
    expected = branching * np.real(np.diagonal(squares)) / np.real(np.trace(squares))
    yields = np.asarray(boson.secondary_yields(FOUR))
    np.testing.assert_allclose(yields, expected, rtol=ROUNDING)
    assert yields.sum() == pytest.approx(branching, rel=ROUNDING)


def test_a_boson_of_the_sterile_state_alone_decays_to_it_alone():
    np.testing.assert_array_equal(ALONE.secondary_yields(UNMIXED), [0.0, 0.0, 0.0, 1.0])
    scalar = nuprop.Scalar.single_flavor("sterile", "23 MeV", 0.01)
    np.testing.assert_array_equal(scalar.secondary_yields(UNMIXED), [0.0, 0.0, 0.0, 1.0])


def test_scattering_of_an_unmixed_fourth_state_leaves_the_others_alone():
    boson = nuprop.ZPrime.lmu_ltau("11 MeV", 0.1)
    r = np.array([0.3, 1.0, 4.0])
    three, four = (
        np.asarray(vector_scattering(VectorBoson.of_zprime(boson, neutrinos), ["st"]).total(r))
        for neutrinos in (THREE, UNMIXED)
    )
    np.testing.assert_allclose(four[..., :3, :3], three, rtol=1e-12)  # order of longer sums
    assert np.all(four[..., 3, :] == 0.0)
    assert np.all(four[..., :, 3] == 0.0)


def test_the_report_of_a_mediator_has_every_pair():
    text = describe_text(BOSON, FOUR)
    rows = [line.split()[0] for line in text.splitlines() if line.startswith("  ")]
    assert rows[1:11] == ["11", "12", "13", "14", "22", "23", "24", "33", "34", "44"]


# --- what does not fit together --------------------------------------------------------------


def test_sterile_relics_need_a_sterile_neutrino():
    boson = nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4)
    with pytest.raises(ParameterError, match=r"relics\.sterile is given, but neutrinos have no"):
        nuprop.optical_depth(1e5, 1.0, mediator=boson, neutrinos=THREE, relics=COLD)


def test_a_coupling_to_the_sterile_state_needs_one():
    for boson in (ALONE, nuprop.Scalar.single_flavor("sterile", "23 MeV", 0.01)):
        with pytest.raises(ParameterError, match="couples to a sterile state, but neutrinos have"):
            boson.couplings_in_mass_basis(THREE)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nuprop.Neutrinos(sterile=0.5), "nuprop.SterileNeutrino is needed"),
        (lambda: nuprop.Relics(sterile=10.0), "nuprop.SterileRelics is needed"),
        (lambda: nuprop.SterileRelics(density=-1.0), "density = -1.0"),
        (lambda: nuprop.SterileRelics(temperature="0 K"), "temperature = 0.0: a positive"),
        (
            lambda: nuprop.Relics(asymmetry=0.1, sterile=nuprop.SterileRelics()),
            "asymmetry = 0.1: must be 0 with sterile relics",
        ),
        (lambda: nuprop.ZPrime("11 MeV", np.eye(5)), r"\(3, 3\) is needed, or \(4, 4\)"),
        (lambda: nuprop.ZPrime.lmu_ltau("11 MeV", 1e-3, sterile_charge=np.nan), "sterile_charge"),
        (lambda: nuprop.Scalar.diagonal("11 MeV", np.ones(5)), r"or \(4,\) with a sterile state"),
        (lambda: BOSON.three_flavors, "experiments on Earth are computed for three flavors only"),
        (
            lambda: nuprop.laboratory.solar.mass_state_fractions("1 MeV", FOUR),
            "followed with three states",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, text):
    with pytest.raises(ParameterError, match=text):
        make()


# --- relics ----------------------------------------------------------------------------------


def test_density_and_temperature_of_sterile_relics():
    state = nuprop.Relics(sterile=nuprop.SterileRelics(temperature="1 K")).state
    assert float(state.sterile.temperature) == pytest.approx(BOLTZMANN)
    assert float(state.sterile.density) == pytest.approx(float(thermal_density(BOLTZMANN)))
    np.testing.assert_allclose(
        state.abundances(4), [1.0, 1.0, 1.0, (1.0 / 1.945368839) ** 3], rtol=1e-9
    )
    np.testing.assert_allclose(state.temperatures(4)[::3] / BOLTZMANN, [1.945368839, 1.0])
    alone = nuprop.Relics().state
    np.testing.assert_array_equal(alone.abundances(4), [1.0, 1.0, 1.0, 0.0])  # no target
    assert alone.abundances(3) is None
    described = WARM.describe()["sterile"]
    assert described["density per helicity [cm-3]"] == 10.0
    assert described["temperature [K]"] == pytest.approx(1.945368839)


_depths = jax.jit(optical_depths)


def depths(energy, z, lines):
    energy = np.atleast_1d(energy)
    return np.asarray(_depths(np.log(energy), np.full(energy.shape, np.log1p(z)), lines))[0]


def test_depth_of_cold_sterile_relics_in_closed_form():
    # tau_i = 2 pi |g_i4|^2/M^2 n_4 (1 + z_R)^3 c/H(z_R), where only nu_4 resonates
    lines, _ = problem(boson=BOSON)
    resonance = 0.011**2 / (2.0 * 0.5 * EV)
    energy = resonance / np.array([1.2, 2.0, 3.5])  # the others are hit above z = 4.3 only
    growth = resonance / energy
    hubble = np.asarray(models.FLAT.hubble(growth - 1.0))
    g = np.abs(np.asarray(BOSON.couplings_in_mass_basis(FOUR)))[:, 3]
    column = 10.0 * growth**3 * SPEED_OF_LIGHT / hubble
    expected = 2.0 * np.pi * g[:, None] ** 2 * (HBAR_C / 0.011) ** 2 * column
    np.testing.assert_allclose(depths(energy, 4.0, lines), expected, rtol=1e-12)


@pytest.mark.parametrize("relics", [COLD, WARM], ids=["cold", "warm"])
def test_depth_is_proportional_to_the_density(relics):
    denser = replace(relics, sterile=nuprop.SterileRelics("70 cm^-3"))
    resonance = 0.023**2 / (2.0 * 0.5 * EV)
    energy = resonance / np.array([1.01, 1.5, 3.0])
    once, seven = (depths(energy, 4.0, problem(UNMIXED, ALONE, r)[0]) for r in (relics, denser))
    assert np.all(once[3] > 1e-3)
    np.testing.assert_allclose(seven, 7.0 * once, rtol=ROUNDING)
    assert np.all(once[:3] == 0.0)  # no mixing: the sterile state scatters on itself alone


def test_line_of_sterile_relics_has_their_own_temperature():
    resonance = 0.023**2 / (2.0 * 0.5 * EV)
    above = resonance * np.array([1.02])

    def of(relics):
        return depths(above, 4.0, problem(UNMIXED, ALONE, relics)[0])[3, 0]

    hot = nuprop.Relics(sterile=nuprop.SterileRelics("10 cm^-3", temperature="194.5 K"))
    icy = nuprop.Relics(sterile=nuprop.SterileRelics("10 cm^-3", temperature="1 mK"))
    # two rms widths of 7 % today reach above the line; 2 K have one of 7e-4
    assert of(hot) > 1e-2
    assert of(WARM) < 1e-10
    below = resonance / np.array([1.5])
    cold, frozen = (depths(below, 4.0, problem(UNMIXED, ALONE, r)[0])[3] for r in (COLD, icy))
    np.testing.assert_allclose(frozen, cold, rtol=1e-6)  # second order in the width, 4e-7


def test_gradients_of_depths():
    # cold: tau ~ n_4, and tau ~ |g_44|^2 = g^2 (1 - |U_e4|^2)^2 for a boson of nu_s alone
    log_energy = jnp.log(jnp.array([3e5]))

    @jax.jit
    def slopes(numbers):
        def depth(numbers):
            share, density = numbers
            sterile = nuprop.SterileNeutrino(0.5 * EV, (share, 0.0, 0.0))
            neutrinos = nuprop.Neutrinos(0.08 * EV, sterile=sterile)
            relics = nuprop.Relics(thermal=False, sterile=nuprop.SterileRelics(density)).state
            lines = lines_of(ALONE, neutrinos, relics, models.FLAT)
            return optical_depths(log_energy, jnp.log1p(4.0)[None], lines)[0, 3, 0]

        return depth(numbers), jax.grad(depth)(numbers)

    tau, (share, density) = slopes(jnp.array([0.01, 10.0]))
    assert float(share) == pytest.approx(-2.0 * float(tau) / 0.99, rel=1e-12)
    assert float(density) == pytest.approx(float(tau) / 10.0, rel=1e-12)


def test_overdensities_act_on_all_relics():
    lines, _ = problem()
    twice, _ = problem(relics=replace(COLD, overdensity=2.0))
    energy = np.array([5e4, 4e5])
    np.testing.assert_allclose(
        depths(energy, 4.0, twice), 2.0 * depths(energy, 4.0, lines), rtol=ROUNDING
    )


# --- transport -------------------------------------------------------------------------------

#: From below the sterile line at z_max to above all of them.
ENERGY = np.geomspace(1.5e4, 1e6, 101)


def away(lines, emission, log_energy, distance=1e-3):
    ends = np.array([0.0, float(emission.u_max)])
    edges = (np.asarray(lines.log_resonance)[:, None] - ends).ravel()
    return np.min(np.abs(log_energy[:, None] - edges), axis=1) > distance


def test_sweep_against_the_second_solver():
    lines, emission = problem()
    y = np.log(ENERGY)
    exact = models.cold_universe(lines, emission).flux(y)
    flux, absorbed, free = models.swept(y, lines, emission)
    far = away(lines, emission, y)
    assert flux.shape == (1, 4, y.size)
    assert np.min(absorbed.sum((0, 1)) / free.sum((0, 1))) < 0.5  # there is something to see
    np.testing.assert_allclose(flux.sum((0, 1))[far], exact.sum((0, 1))[far], rtol=1e-4)
    np.testing.assert_allclose(flux[..., far], exact[..., far], rtol=1e-3)  # mostly secondaries


def test_sweep_keeps_the_books_of_four_states():
    lines, emission = problem()
    *_, balance = models.solved(np.log(ENERGY), lines, emission)
    assert balance.interacted_number > 0.0
    assert balance.number_residual < 1e-6
    assert balance.energy_residual < 1e-6
    assert balance.lost_number == 0.0  # nu_4 is followed, hence not lost


def test_sweep_does_not_see_a_decoupled_state():
    boson = nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4)
    y = np.log(ENERGY)
    flux, absorbed, free = models.swept(y, *problem(UNMIXED, boson, COLD))
    alone = models.swept(y, *problem(THREE, boson, nuprop.Relics(thermal=False)))
    far = away(*problem(THREE, boson, nuprop.Relics(thermal=False)), y)
    for found, expected in zip((flux, absorbed, free), alone, strict=True):
        assert np.all(found[:, 3] == 0.0)
        # quadrature panels move with the fourth line
        np.testing.assert_allclose(found[:, :3, far], expected[..., far], rtol=1e-4)


def test_without_relics_a_sterile_neutrino_is_no_target():
    without, _ = problem(relics=nuprop.Relics(thermal=False))
    np.testing.assert_array_equal(without.strength[:, 3], 0.0)
    np.testing.assert_array_equal(without.absorbing, [True, True, True, False])
    lines, emission = problem()
    lines = replace(lines, abundance=np.asarray(without.abundance))  # one program less
    between = np.array([2.5e4, 5e4, 1e5])  # where only nu_4 would resonate
    flux, absorbed, free = models.swept(np.log(between), lines, emission)
    np.testing.assert_allclose(absorbed, free, rtol=ROUNDING)
    assert np.all(flux[:, 3] > free[:, 3])  # but the boson decays to it


def test_the_order_of_four_states_does_not_matter():
    lines, emission = problem()
    turn = np.array([3, 0, 2, 1])
    turned = replace(
        lines,
        masses=lines.masses[turn],
        coupling_squared=lines.coupling_squared[np.ix_(turn, turn)],
        yields=lines.yields[turn],
        abundance=lines.abundance[turn],
    )
    flux = models.swept(np.log(ENERGY), lines, emission)[0]
    shares = replace(emission, shares=emission.shares[:, turn])
    again = models.swept(np.log(ENERGY), turned, shares)[0]
    np.testing.assert_allclose(again, flux[:, turn], rtol=1e-12)  # order of sums


@pytest.mark.slow
def test_gradients_in_what_is_sterile():
    energy = jnp.array([3e4, 7e4, 2e5, 5e5])  # none near an edge of a line

    def flux(numbers):
        mass, e, mu, tau, density, charge = numbers
        sterile = nuprop.SterileNeutrino(mass, (e, mu, tau), PHASES)
        neutrinos = nuprop.Neutrinos(0.08 * EV, sterile=sterile)
        relics = nuprop.Relics(thermal=False, sterile=nuprop.SterileRelics(density)).state
        boson = nuprop.ZPrime.lmu_ltau(0.011, 5e-4, sterile_charge=charge)
        problem = SOURCE, boson, neutrinos, relics, models.FLAT
        return jnp.sum(spectrum(energy, *problem, helicities="summed"), axis=0)

    at = np.array([0.5 * EV, *MIXING, 10.0, 3.0])
    steps = 1e-4 * np.diag(at)
    places = np.concatenate([np.tile(at, (6, 1)), at + steps, at - steps])
    directions = np.concatenate([np.diag(at), np.zeros((12, 6))])
    # values and slopes from one program
    run = jax.jit(jax.vmap(lambda x, v: jax.jvp(flux, (x,), (v,))))
    values, slopes = map(np.asarray, run(places, directions))
    differences = (values[6:12] - values[12:]) / 2e-4
    scale = np.max(values[0], axis=0)
    assert np.all(np.isfinite(slopes))
    assert np.all(np.max(np.abs(slopes[:6]), axis=(1, 2)) > 1e-4 * np.max(scale))
    # central differences err by a third derivative times 1e-8
    np.testing.assert_allclose(slopes[:6] / scale, differences / scale, atol=1e-6)


def with_fourth(neutrinos, sterile):
    return nuprop.Neutrinos.from_masses(neutrinos.masses, sterile=sterile)


#: Relics whose lines a coarse lattice resolves.
LIGHT = nuprop.Neutrinos.from_masses(np.array([0.008, 0.012, 0.016]) * EV)
BAND = np.linspace(np.log(1e6), np.log(1e7), 64)


def test_march_keeps_the_books_of_four_states():
    mixed = with_fourth(LIGHT, nuprop.SterileNeutrino("0.01 eV", MIXING))
    lines, emission = problem(mixed, BOSON, WARM)
    shape = models.lattice_of(lines, emission)
    flux, free, balance = models.marched_at(BAND, lines, emission, shape)
    assert np.min(flux.sum((0, 1)) / free.sum((0, 1))) < 0.5  # there is something to see
    assert balance.number_residual < 1e-4
    assert balance.energy_residual < 1e-4
    assert balance.lost_number == 0.0
    # the same program, with no part for nu_4 in anything
    apart = with_fourth(LIGHT, nuprop.SterileNeutrino("0.01 eV"))
    lines, emission = problem(apart, nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4), WARM)
    flux, *_ = models.marched_at(BAND, lines, emission, shape)
    assert np.all(flux[:, 3] == 0.0)
    assert np.all(flux[:, :3] > 0.0)


@pytest.mark.slow
def test_march_does_not_see_a_decoupled_state():
    boson = nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4)
    fourth = with_fourth(LIGHT, nuprop.SterileNeutrino("0.01 eV"))
    three = problem(LIGHT, boson, nuprop.Relics())
    shape = models.lattice_of(*three)
    flux, *_ = models.marched_at(BAND, *problem(fourth, boson, WARM), shape)
    expected, *_ = models.marched_at(BAND, *three, shape)
    np.testing.assert_allclose(flux[:, :3], expected, rtol=1e-12)  # order of sums


@pytest.mark.slow
def test_march_agrees_with_the_sweep():
    lines, emission = problem()
    y = np.log(ENERGY)
    flux, *_ = models.marched_at(y, lines, emission, models.lattice_of(lines, emission))
    exact = models.swept(y, lines, emission)[0]
    far = away(lines, emission, y, 0.02)  # a few cells of 0.005
    difference = (flux - exact).sum((0, 1)) / exact.sum((0, 1))
    assert np.max(np.abs(difference[far])) < 3e-3  # the march's goal for totals


# --- the cascade -----------------------------------------------------------------------------

#: Nearly relativistic relics of a heavy boson: lines that few cells resolve.
FAST = nuprop.Neutrinos.from_masses(np.array([0.002, 0.004, 0.008]) * EV)


@partial(jax.jit, static_argnums=2)
def _cascaded(interactions, emission, shape):
    return cascade(shape.placed(emission.u_max), interactions, emission, **shape.counts)


def cascaded(neutrinos, boson, relics, shape=None, bare=False):
    _, emission = problem(neutrinos, boson, relics)
    media = interactions_of((boson,), neutrinos, relics.state, models.FLAT, 1)
    if bare:
        media = tuple(replace(medium, kernels=()) for medium in media)
    if shape is None:
        centre = float(boson.mass) ** 2 / (2.0 * 0.008 * EV)
        shape = cascade_shape(media, emission.u_max, 0.3 * centre, centre, 0.25)
    return _cascaded(media, emission, shape), shape


def balances(result):
    """Number and energy of secondaries over what interacted, without what fell below."""
    energy = np.exp(np.asarray(result.log_energy))
    interacted = np.asarray(result.interacted).sum(0)
    number, carried = np.asarray(result.active)
    return number / (2.0 * interacted.sum()), carried / (interacted * energy).sum()


@pytest.mark.slow
@pytest.mark.parametrize("bare", [True, False])
def test_cascade_does_not_see_a_decoupled_state(bare):
    boson = nuprop.ZPrime.universal("100 MeV", 0.1)
    with_one = with_fourth(FAST, nuprop.SterileNeutrino("6 meV"))
    expected, shape = cascaded(FAST, boson, nuprop.Relics(), bare=bare)
    found, _ = cascaded(with_one, boson, WARM, shape, bare)
    assert np.all(found.ratio[:, 3] == 0.0)
    # nu_4 has no part in anything; sums of longer rows round differently, opaque relics amplify
    np.testing.assert_allclose(found.ratio[:, :3], expected.ratio, rtol=1e-9)


@pytest.mark.slow
def test_cascade_is_invariant_under_relabelled_states_and_keeps_four_rows():
    # couplings of nu_4 and of nu_2 exchanged, with masses, densities and shares
    sterile = nuprop.SterileNeutrino("6 meV", MIXING)
    neutrinos = with_fourth(FAST, sterile)
    boson = nuprop.ZPrime.universal("100 MeV", 0.1, sterile_charge=0.5)
    relics = nuprop.Relics(sterile=nuprop.SterileRelics("100 cm^-3"))
    result, shape = cascaded(neutrinos, boson, relics)
    np.testing.assert_allclose(balances(result), 1.0, rtol=1e-4)
    _, emission = problem(neutrinos, boson, relics)
    turn = np.array([0, 3, 2, 1])
    (medium,) = interactions_of((boson,), neutrinos, relics.state, models.FLAT, 1)
    lines = replace(
        medium.lines,
        masses=medium.lines.masses[turn],
        coupling_squared=medium.lines.coupling_squared[np.ix_(turn, turn)],
        yields=medium.lines.yields[turn],
        abundance=medium.lines.abundance[turn],
    )
    kernels = tuple(
        replace(
            kernel,
            yields=kernel.yields[:, :, turn][:, :, :, turn][:, :, :, :, turn],
            removal=kernel.removal[:, turn][:, :, turn],
        )
        for kernel in medium.kernels
    )
    again = _cascaded(
        (replace(medium, lines=lines, kernels=kernels),),
        replace(emission, shares=emission.shares[:, turn]),
        shape,
    )
    np.testing.assert_allclose(again.ratio, result.ratio[:, turn], rtol=1e-9)  # order of sums


@pytest.mark.slow
def test_all_methods_agree_on_a_sterile_line():
    """Cells hide the widths of lines: three solvers, one spectrum."""
    edges = np.geomspace(2e4, 2e6, 41) * u.GeV
    given = {"neutrinos": FOUR, "relics": WARM, "energy_edges": edges}
    flux = {
        method: nuprop.propagate(SOURCE, BOSON, method=method, **given)
        for method in ("sweep", "march", "cascade")
    }
    for one in flux.values():
        assert one.status is nuprop.Status.OK
        assert one.values.shape == (2, 4, 40)
        states = one.per_mass_eigenstate.sum(axis=0)
        np.testing.assert_allclose(one.total + one.sterile, states, rtol=1e-13)
    lines, emission = problem(relics=WARM)
    ends = np.array([0.0, float(emission.u_max)])
    places = np.exp((np.asarray(lines.log_resonance)[:, None] - ends).ravel())
    cells = np.searchsorted(edges.value, places) - 1
    far = ~np.isin(np.arange(40), [*(cells - 1), *cells, *(cells + 1)])
    # widths at z = 5 of 0.026 move averages by 0.017, see `cells_hide_widths`
    ratio = (flux["march"].total / flux["sweep"].total).value
    np.testing.assert_allclose(ratio[far], 1.0, atol=0.02)
    # both follow the motion, on lattices of their own: what the march promises for totals
    ratio = (flux["cascade"].total / flux["march"].total).value
    np.testing.assert_allclose(ratio[far], 1.0, atol=3e-3)


# --- results and run files -------------------------------------------------------------------


def four_states(fake_flux, **fields):
    mixing = np.asarray(FOUR.mixing)
    energy = np.geomspace(1e4, 2e7, 60)
    free = np.outer([0.6, 0.4], mixing[:3].T @ [1 / 3, 2 / 3, 0.0])[..., None] * energy**-2.3
    defaults = {
        "mixing": mixing,
        "free_values": free,
        "values": free * np.array([0.9, 0.8, 0.7, 0.4])[:, None],
        "resonances_gev": np.array([756.25e3, 751.86e3, 640.83e3, 121e3]),
    }
    return fake_flux(**(defaults | fields))


def test_flavors_of_a_flux_and_the_sterile_one_are_all_states(fake_flux):
    flux = four_states(fake_flux)
    assert flux.per_flavor.shape == flux.neutrinos.shape == (3, 60)
    assert flux.per_mass_eigenstate.shape == (4, 60)
    states = flux.per_mass_eigenstate.sum(axis=0)
    np.testing.assert_allclose(flux.per_flavor.sum(axis=0) + flux.sterile, states, rtol=ROUNDING)
    np.testing.assert_allclose(flux.total, flux.per_flavor.sum(axis=0), rtol=ROUNDING)
    np.testing.assert_allclose(flux.flavor_ratios.sum(axis=0), 1.0, rtol=ROUNDING)
    np.testing.assert_allclose(flux.transmission, flux.total / flux.free.total, rtol=ROUNDING)
    at_earth = np.asarray(FOUR.flavor_at_earth((1, 2, 0)))
    sterile = (flux.free.sterile / flux.free.per_mass_eigenstate.sum(axis=0)).value
    np.testing.assert_allclose(sterile, at_earth[3], rtol=ROUNDING)
    assert "121 TeV (ν4)" in repr(flux)
    assert np.all(fake_flux().sterile == 0.0)


def test_a_flux_of_four_states_survives_its_file(fake_flux, tmp_path):
    flux = four_states(fake_flux)
    path = flux.save(tmp_path / "four.ecsv")
    again = nuprop.load(path)
    np.testing.assert_array_equal(again.values, flux.values)
    np.testing.assert_array_equal(again.free_values, flux.free_values)
    np.testing.assert_array_equal(again.mixing, flux.mixing)
    table = flux.to_table()
    np.testing.assert_array_equal(table["nu_s"], flux.sterile)
    assert {"nu_4", "nubar_4", "free_nu_4"} <= set(table.colnames)
    assert "nu_s" not in fake_flux().to_table().colnames


def test_a_flux_of_four_states_is_drawn(fake_flux, tmp_path):
    four_states(fake_flux).plot(tmp_path / "four.png")
    assert (tmp_path / "four.png").stat().st_size > 1000


RUN = """
[source]
evolution = "yuksel-2008"
spectrum = {kind = "power-law", index = 2.3}
[mediator]
model = "lmu-ltau"
mass = "11 MeV"
coupling = 5e-4
sterile_charge = 3.0
[neutrinos]
lightest_mass = "0.08 eV"
[neutrinos.sterile]
mass = "0.5 eV"
mixing = [0.01, 0.02, 0.03]
phases = ["0.3 rad", "0.5 rad", "0.7 rad"]
[relics]
thermal = false
[relics.sterile]
density = "10 cm^-3"
"""


def test_a_run_file_gives_what_the_objects_give():
    arguments = parse(tomllib.loads(RUN)).arguments
    given = {"source": SOURCE, "mediator": BOSON, "neutrinos": FOUR, "relics": COLD}
    assert arguments.keys() == given.keys()
    for name, expected in given.items():
        assert arguments[name].describe() == expected.describe()
    assert arguments["relics"].describe()["sterile"]["density per helicity [cm-3]"] == 10.0


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("density =", "densty =", ("[relics.sterile] densty", "density")),
        ('"10 cm^-3"', '"10 K"', ("[relics.sterile] density = 10",)),
        ("0.02, 0.03]", "0.02]", ("[neutrinos.sterile] mixing", "(3,) is needed")),
        ('mass = "0.5 eV"\n', "", ("[neutrinos.sterile] mass is missing",)),
    ],
)
def test_errors_in_a_run_file_name_the_section(old, new, parts):
    assert old in RUN
    with pytest.raises(ConfigError) as caught:
        parse(tomllib.loads(RUN.replace(old, new)))
    assert all(part in str(caught.value) for part in parts)
