"""Relics at rest: the sweep against closed forms, exact numbers, and a second solver."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from reference import models
from reference.models import AT_REST, EINSTEIN_DE_SITTER, TEV, fig3, fig4
from scipy.integrate import quad
from scipy.special import gamma, gammaincc

import nuprop
from nuprop.constants import HBAR_C

#: What the sweep promises with its default panels, relative, away from edges.
GOAL = 1e-4
#: With these panels only rounding is left, and the last digit of printed numbers.
FINE = {"panels": 32, "order": 12}
#: Between the two.
MIDDLE = {"panels": 16, "order": 8}
#: Printed with nine decimals, and the rounding of the sums behind them.
PRINTED = 3e-9


@pytest.fixture(scope="module")
def einstein_de_sitter():
    """One state that couples to itself with tau = 1 today, H ~ (1+z)^(3/2), Q = E^-2."""

    at_unit_coupling = models.problem_of(
        *models.model(models.one_state(1.0), masses=[0.05, 0.06, 0.07], history=EINSTEIN_DE_SITTER)
    )[0]
    coupling = 1.0 / np.sqrt(float(models._depth_scale(at_unit_coupling, 0.0)))

    def make(**of_source):
        mass, light = 0.01, 0.05 * models.EV
        lines, emission = models.problem_of(
            *models.model(
                models.one_state(coupling),
                masses=[0.05, 0.06, 0.07],
                history=EINSTEIN_DE_SITTER,
                spectrum=nuprop.PowerLaw(2.0),
                **of_source,
            )
        )
        return mass**2 / (2.0 * light), lines, emission

    return make


def of_first_state(energy, lines, emission, **options):
    """(flux, absorbed) over free flux of nu_1."""
    flux, absorbed, free = models.swept(np.log(energy), lines, emission, **options)
    return flux[0, 0] / free[0, 0], absorbed[0, 0] / free[0, 0]


# --- closed forms ----------------------------------------------------------------------------


@pytest.mark.slow
def test_burst_closed_form(einstein_de_sitter):
    # N/N_free = e^-tau + sum_k c_k r^a {(u0^-a - 1)/a
    #            - (2/3) [Gamma(2a/3, 1) - Gamma(2a/3, u0^-3/2)]}
    resonance, lines, emission = einstein_de_sitter(evolution="burst", z_max=3.0)
    r = np.array([0.99, 0.9, 0.5, 0.3, 0.26, 0.24, 0.2, 0.1, 0.05, 1e-3])
    u0 = np.maximum(r, 0.25)
    expected = np.zeros(r.size)
    for k, c in enumerate((3.0, -6.0, 6.0)):
        a = k + 2.0
        upper = gamma(2 * a / 3) * (gammaincc(2 * a / 3, 1.0) - gammaincc(2 * a / 3, u0**-1.5))
        expected += c * r**a * ((u0**-a - 1.0) / a - 2.0 / 3.0 * upper)
    survival = np.where(r > 0.25, np.exp(-(r**-1.5)), 1.0)
    flux, absorbed = of_first_state(r * resonance, lines, emission)
    np.testing.assert_allclose(absorbed, survival, rtol=1e-11)  # no quadrature at all
    np.testing.assert_allclose(flux, survival + expected, rtol=GOAL)
    flux, _ = of_first_state(r * resonance, lines, emission, **FINE)
    np.testing.assert_allclose(flux, survival + expected, rtol=1e-10)  # rounding of sums


def test_burst_printed_numbers(einstein_de_sitter):
    resonance, lines, emission = einstein_de_sitter(evolution="burst", z_max=3.0)
    r = np.array([0.9, 0.5, 0.3, 0.2, 0.1, 0.05])
    absorbed = [0.30999040046929, 0.059105746561956, 0.0022749295490669, 1, 1, 1]
    regenerated = [0.17164331375547, 0.66890155127857, 0.86295667406421, 0.48287646114139]
    regenerated += [0.13060549553767, 0.040961087720516]
    flux, survived = of_first_state(r * resonance, lines, emission, **FINE)
    np.testing.assert_allclose(
        survived, absorbed, rtol=1e-11
    )  # fourteen digits, and exp's argument
    np.testing.assert_allclose(flux - survived, regenerated, rtol=1e-10)  # rounding of sums


def test_power_evolution_closed_form(einstein_de_sitter):
    # p = n - s - 1/2: {x^p - 1 + e^(-x^3/2) [(1+z_max)^p - x^p]} / {(1+z_max)^p - 1}, x = E_R/eps
    resonance, lines, emission = einstein_de_sitter(
        evolution={"name": "power", "index": 3.4}, z_max=3.0
    )
    x, p = 1.0 / np.array([0.9, 0.5, 0.3]), 3.4 - 2.0 - 0.5
    expected = (x**p - 1.0 + np.exp(-(x**1.5)) * (4.0**p - x**p)) / (4.0**p - 1.0)
    np.testing.assert_allclose(
        expected, [0.33764019654404, 0.38739346184652, 0.78818154210939], rtol=1e-12
    )
    _, absorbed = of_first_state(resonance / x, lines, emission, **FINE)
    np.testing.assert_allclose(absorbed, expected, rtol=1e-12)  # sums of 400 terms


# --- exact numbers ---------------------------------------------------------------------------

# One state, |g_11| = 5e-4, 10 MeV, 0.05 eV, star formation to z = 5, index 2.3:
# eps/E_R, optical depth, absorbed only, regenerated.
ONE_STATE = np.array(
    [
        [0.99, 4.82243635577, 0.0132609582224, 0.0291801821727],
        [0.9, 6.10214497034, 0.0616083748018, 0.245954588176],
        [0.5, 21.0102783158, 0.596032147324, 0.459351699351],
        [0.3, 49.5483606125, 0.926460433384, 0.213113363698],
        [0.2, 92.8560864691, 0.991361763281, 0.0962751555677],
        [0.1, 0.0, 1.0, 0.0230977468],
        [0.05, 0.0, 1.0, 0.0056381884],
        [0.01, 0.0, 1.0, 0.0001654505],
    ]
)


@pytest.fixture(scope="module")
def one_state():
    return models.problem_of(*models.model(models.one_state(), masses=[0.05, 0.06, 0.07]))


@pytest.mark.slow
def test_one_state(one_state):
    energy = 1e6 * ONE_STATE[:, 0]
    for options, tolerance in (({}, GOAL), (FINE, 1e-10)):  # 1e-10: the digits printed
        flux, absorbed = of_first_state(energy, *one_state, **options)
        np.testing.assert_allclose(absorbed, ONE_STATE[:, 2], rtol=tolerance)
        np.testing.assert_allclose(flux, ONE_STATE[:, 2] + ONE_STATE[:, 3], rtol=tolerance)
    depths = models.optical_depths(np.log(energy), np.log(6.0), one_state[0])[0, 0]
    np.testing.assert_allclose(depths, ONE_STATE[:, 1], rtol=1e-9)  # of the constants: 1e-10


def test_other_states_pass_freely(one_state):
    flux, _, free = models.swept(np.log(1e6 * ONE_STATE[:, 0]), *one_state)
    np.testing.assert_allclose(flux[0, 1:], free[0, 1:], rtol=1e-13)  # sums of intervals


@pytest.mark.slow
def test_neutrinos_make_neutrinos_with_three_x_squared():
    lines, emission = models.problem_of(
        *models.model(models.one_state(), masses=[0.05, 0.06, 0.07], antineutrino_fraction=0.0),
        helicities="apart",
    )
    flux, absorbed, free = models.swept(np.log([9e5, 5e5, 3e5]), lines, emission, **FINE)
    regenerated = (flux - absorbed)[:, 0] / free[0, 0]
    np.testing.assert_allclose(
        regenerated[0], [0.245070304835, 0.402502560833, 0.136674583357], rtol=1e-10
    )  # twelve digits printed
    # and what the two channels make together is what the summed kernel makes
    np.testing.assert_allclose(regenerated.sum(axis=0), ONE_STATE[1:4, 3], rtol=1e-10)


# TeV, nu1, nu2, nu3, e, mu, tau, all, all without secondaries: 11 MeV, g' = 5e-4, 0.08 eV.
THREE_STATES = """
750 0.941343746 0.890243034 0.027858985 0.903704019 0.532815566 0.475665812 0.634998541 0.630180122
640 0.300886565 0.075053584 0.297332917 0.220421397 0.190675856 0.227766006 0.212642273 0.138505843
600 0.336840154 0.195707081 0.533666369 0.290791904 0.351621962 0.389095423 0.344148624 0.147499183
500 0.432850157 0.473047320 0.999928479 0.459233046 0.690538330 0.724614668 0.626294491 0.225429343
400 0.599198931 0.738199721 1.329229616 0.664222334 0.972938838 1.002378412 0.881893558 0.408138517
300 0.873798905 1.012815100 1.462370391 0.935815912 1.188092414 1.207370824 1.112112927 0.707445457
200 1.030067424 1.108831571 1.305896624 1.063977825 1.183912997 1.190696135 1.147004310 0.925698734
100 1.030638978 1.051562870 1.088715399 1.039323766 1.065120755 1.065831277 1.056934689 1
10 1.000241783 1.000406900 1.000700083 1.000310317 1.000513890 1.000519497 1.000449291 1
"""


@pytest.fixture(scope="module")
def three_states():
    return np.array([line.split() for line in THREE_STATES.split("\n")[1:-1]], dtype=float).T


def columns(energy, model, **options):
    """nu1, nu2, nu3, e, mu, tau, all, and all without secondaries, over the free flux."""
    neutrinos = model[2]
    flux, absorbed, free = (
        part[0] for part in models.swept(np.log(energy), *models.problem_of(*model), **options)
    )
    mixing = np.asarray(neutrinos.mixing)
    rows = [*(flux / free), *(mixing @ flux / (mixing @ free)), flux.sum(0) / free.sum(0)]
    return np.stack([*rows, absorbed.sum(0) / free.sum(0)])


@pytest.mark.parametrize(("options", "tolerance"), [({}, GOAL), (FINE, 8 * PRINTED)])
def test_three_resonances(three_states, options, tolerance):
    # nine decimals of ratios as small as 0.028: 2e-8 relative
    found = columns(three_states[0] * TEV, fig3(), **options)
    np.testing.assert_allclose(found, three_states[1:], rtol=tolerance)


def test_three_resonances_muon_damped():
    found = columns(np.array([640, 500, 300]) * TEV, fig3(flavor="muon-damped"), **FINE)
    np.testing.assert_allclose(found[6], [0.202138482, 0.643590511, 1.125534673], rtol=PRINTED)


def test_resonances_far_apart():
    energy = [6500, 5000, 3800, 3000, 2000, 1000, 800, 700, 600, 500, 400, 300, 200, 100]
    total = [0.783610551, 0.873435354, 0.715996189, 0.859212619, 1.021798905, 1.071685671]
    total += [0.474623329, 0.640136864, 0.779548726, 0.911049607, 1.044907112, 1.110068045]
    total += [1.084271557, 1.026003387]
    for options, tolerance in (({}, GOAL), (FINE, PRINTED)):
        found = columns(np.array(energy) * TEV, fig4(), **options)
        np.testing.assert_allclose(found[6], total, rtol=tolerance)
        np.testing.assert_allclose(
            found[3:6, 6], [0.261644746, 0.531981844, 0.625450197], rtol=tolerance
        )


def test_flavors_in_a_dip_tell_the_ordering():
    # suppressed e : mu : tau at 800 TeV, two digits
    energy = np.array([800, 6500]) * TEV
    normal, inverted = columns(energy, fig4()), columns(energy, fig4(ordering="inverted"))
    np.testing.assert_allclose(normal[3:6, 0], [0.26, 0.53, 0.63], atol=6e-3)
    np.testing.assert_allclose(inverted[3:6, 0], [0.91, 0.42, 0.51], atol=6e-3)


@pytest.mark.parametrize(
    ("evolution", "z_max", "total"),
    [
        ("sfr-araki-2016", 4.0, [0.344, 0.627, 0.883, 1.118, 1.150, 1.113]),
        ("grb-araki-2016-continuous", 4.5, [0.308, 0.544, 0.763, 1.013, 1.155, 1.170]),
    ],
)
def test_piecewise_evolutions(evolution, z_max, total):
    energy = np.array([600, 500, 400, 300, 200, 150]) * TEV
    found = columns(energy, fig3(evolution=evolution, z_max=z_max))
    np.testing.assert_allclose(found[6], total, atol=6e-4)  # three decimals


# --- a second solver -------------------------------------------------------------------------


def lmu_ltau(coupling):
    return nuprop.ZPrime.lmu_ltau("11 MeV", coupling)


def table():
    energy = np.geomspace(1e3, 1e9, 13)
    return nuprop.Table(energy, energy**-2 * np.exp(-0.05 * np.log(energy / 1e5) ** 2))


CASES = {
    "inverted": lambda: fig4(ordering="inverted"),
    "masses 1 percent apart": lambda: fig3(masses=[0.05, 0.0505, 0.051]),
    "masses 1e-4 apart": lambda: fig3(masses=[0.05, 0.050005, 0.05001]),
    "masses 1e-8 apart": lambda: fig3(masses=[0.05, 0.05 * (1 - 1e-8), 0.05 * (1 + 1e-8)]),
    "one massless state": lambda: fig3(lightest=0.0),
    "a middle state massless": lambda: fig3(masses=[0.05, 0.0, 0.01]),
    "three decades between masses": lambda: fig3(masses=[1e-5, 0.009, 0.05]),
    "tau = 1e-6": lambda: fig3(mediator=lmu_ltau(3e-7)),
    "tau = 1e-2": lambda: fig3(mediator=lmu_ltau(3e-5)),
    "tau = 1e2": lambda: fig3(mediator=lmu_ltau(3e-3)),
    "tau = 1e4": lambda: fig3(mediator=lmu_ltau(3e-2)),
    "z_max = 0.01": lambda: fig3(z_max=0.01),
    "z_max = 1": lambda: fig3(z_max=1.0),
    "z_max = 20": lambda: fig3(z_max=20.0),
    "universal": lambda: fig3(mediator=nuprop.ZPrime.universal("11 MeV", 5e-4)),
    "nu_tau only": lambda: fig3(mediator=nuprop.ZPrime.single_flavor("tau", "11 MeV", 5e-4)),
    "charged leptons": lambda: fig3(mediator=nuprop.ZPrime.le_lmu("11 MeV", 5e-4)),
    "steep": lambda: fig3(spectrum=nuprop.PowerLaw(3.5)),
    "hard": lambda: fig3(spectrum=nuprop.PowerLaw(1.0)),
    "cutoff inside the dip": lambda: fig3(spectrum=nuprop.PowerLaw(2.0, cutoff="1 PeV")),
    "broken power law": lambda: fig3(spectrum=nuprop.BrokenPowerLaw(1.5, 2.9, "1 PeV")),
    "tabulated spectrum": lambda: fig3(spectrum=table()),
    "piecewise": lambda: fig3(evolution="grb-araki-2016-continuous"),
    "jump in W": lambda: fig3(evolution="grb-araki-2016-literal"),
    "tabulated W that ends at z = 4": lambda: fig3(
        evolution=([0.0, 0.5, 1.0, 2.0, 4.0], [1.0, 3.0, 5.0, 4.0, 2.0])
    ),
    "burst": lambda: fig3(evolution="burst", z_max=3.0),
    "near burst": lambda: fig3(evolution="burst", z_max=0.05),
    "dirac": lambda: fig3(relics=nuprop.Relics("dirac", thermal=False)),
}


def scan(lines, emission):
    """ln(E) over all dips and below, and at 1.1e-3 and 3e-3 from every edge."""
    resonances = np.asarray(lines.log_resonance)[np.asarray(lines.massive)]
    ends = np.concatenate([resonances, resonances - float(emission.u_max)])
    near = [ends + shift for shift in (-3e-3, -1.1e-3, 1.1e-3, 3e-3)]
    y = np.concatenate([np.linspace(ends.min() - 1.5, ends.max() + 0.5, 104), *near])
    return np.sort(y[np.min(np.abs(y[:, None] - ends), axis=1) > 1e-3])


def deviations(problem, **options):
    """Largest deviation, of the sum of all states and of any one, from the second solver."""
    y = scan(*problem)
    exact = models.cold_universe(*problem).flux(y)
    flux, _, _, balance = models.solved(y, *problem, **options)
    assert np.all(flux >= 0.0)
    total = np.abs(flux.sum(axis=(0, 1)) / exact.sum(axis=(0, 1)) - 1.0)
    return total.max(), np.max(np.abs(flux - exact) / exact), balance


#: Cases of the default run; the others are slow together.
QUICK = {
    "masses 1e-8 apart",
    "three decades between masses",
    "tau = 1e4",
    "z_max = 20",
    "jump in W",
}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=() if case in QUICK else pytest.mark.slow) for case in CASES],
)
def test_against_second_solver(case):
    total, of_one_state, balance = deviations(models.problem_of(*CASES[case]()))
    assert total < GOAL
    assert of_one_state < GOAL
    assert balance.interacted_number > 0.0
    assert balance.number_residual < GOAL
    assert balance.energy_residual < GOAL


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        "inverted",
        "masses 1e-8 apart",
        "one massless state",
        "tau = 1e4",
        "z_max = 0.01",
        "z_max = 20",
        "charged leptons",
        "burst",
    ],
)
def test_more_panels_leave_rounding_only(case):
    problem = models.problem_of(*CASES[case]())
    assert max(deviations(problem, **FINE)[:2]) < 2e-9  # of the second solver's 14-point panels


@pytest.mark.slow
def test_convergence():
    # Gauss-Legendre on pieces that are smooth: far beyond algebraic orders
    problem = models.problem_of(*CASES["z_max = 20"]())
    coarse, middle, fine = (deviations(problem, **o)[0] for o in ({}, MIDDLE, FINE))
    assert middle < 0.1 * coarse
    assert fine < 1e-3 * coarse


def test_second_solver_agrees_with_printed_numbers(three_states):
    problem = models.problem_of(*fig3())
    y = np.log(three_states[0] * TEV)
    cold = models.cold_universe(*problem)
    flux, free = cold.flux(y)[0], cold.free(y)[0]
    np.testing.assert_allclose(flux / free, three_states[1:4], rtol=8 * PRINTED)
    absorbed = cold.flux(y, regenerate=False)[0].sum(0) / free.sum(0)
    np.testing.assert_allclose(absorbed, three_states[8], rtol=PRINTED)


def test_neutrinos_and_antineutrinos_apart():
    problem = models.problem_of(
        *fig3(flavor="pion", antineutrino_fraction="p-gamma"), helicities="apart"
    )
    assert max(deviations(problem)[:2]) < 3 * GOAL


def test_asymmetric_relics():
    # at rest a Dirac nu beam meets half of the nubar relics, 2.3 times as many as of nu here
    relics = nuprop.Relics("dirac", thermal=False, asymmetry=-0.5)
    problem = models.problem_of(*fig3(relics=relics), helicities="apart")
    weights = np.asarray(problem[0].relics.weight_at_rest())
    assert weights[0] > 1.5 * weights[1]
    assert max(deviations(problem)[:2]) < 3 * GOAL


# --- limits ----------------------------------------------------------------------------------


def test_exactly_degenerate_masses_are_one_line():
    # three lines on top of each other: one crossing with the sum of the depths
    lines, emission = models.problem_of(*fig3(masses=[0.05, 0.05, 0.05]))
    y = np.linspace(np.log(1e5), np.log(1.4e6), 61)
    found, absorbed, free = models.swept(y, lines, emission, **FINE)
    merged = replace(
        lines,
        masses=jnp.array([0.05, 0.0, 0.0]) * models.EV,
        coupling_squared=jnp.zeros((3, 3)).at[:, 0].set(jnp.sum(lines.coupling_squared, axis=1)),
    )
    expected, expected_absorbed, _ = models.swept(y, merged, emission, **FINE)
    np.testing.assert_allclose(absorbed, expected_absorbed, rtol=1e-12)  # exp of a sum
    np.testing.assert_allclose(found, expected, rtol=1e-10)  # two rounding errors of the sums
    assert np.max(absorbed / free) < 1.0 + 1e-13


def test_degenerate_masses_are_the_limit_of_close_ones():
    y = np.linspace(np.log(1e5), np.log(1.0e6), 61)
    exact = models.swept(y, *models.problem_of(*fig3(masses=[0.05, 0.05, 0.05])), **FINE)[0]
    close = [0.05 * (1 + 1e-9), 0.05, 0.05 * (1 - 1e-9)]
    near = models.swept(y, *models.problem_of(*fig3(masses=close)), **FINE)[0]
    np.testing.assert_allclose(near, exact, rtol=1e-7)  # first order in 1e-9, times depths of 30


def test_the_order_of_states_does_not_matter():
    # relabel mass eigenstates 1, 2, 3 -> 2, 3, 1
    lines, emission = models.problem_of(*fig3())
    turn = np.array([1, 2, 0])
    turned = replace(
        lines,
        masses=lines.masses[turn],
        coupling_squared=lines.coupling_squared[np.ix_(turn, turn)],
        yields=lines.yields[turn],
    )
    y = np.linspace(np.log(1e5), np.log(1.0e6), 61)
    flux = models.swept(y, lines, emission)[0]
    again = models.swept(y, turned, replace(emission, shares=emission.shares[:, turn]))[0]
    np.testing.assert_allclose(again, flux[:, turn], rtol=1e-12)  # order of sums


def test_energies_in_any_order():
    problem = models.problem_of(*fig3())
    y = np.linspace(np.log(1e5), np.log(1.0e6), 61)
    shuffled = np.random.default_rng(1).permutation(61)
    flux = models.swept(y, *problem)[0]
    np.testing.assert_allclose(
        models.swept(y[shuffled], *problem)[0], flux[..., shuffled], rtol=1e-14
    )


def test_resonances_outside_the_energies_asked_for():
    # every secondary comes from energies that were not asked for
    problem = models.problem_of(*fig3())
    below = np.log(np.geomspace(1e2, 5e4, 12))
    exact = models.cold_universe(*problem).flux(below)
    np.testing.assert_allclose(models.swept(below, *problem)[0], exact, rtol=GOAL)
    flux, absorbed, free = models.swept(np.log(np.geomspace(1e6, 1e9, 12)), *problem)
    np.testing.assert_allclose(flux, free, rtol=1e-13)  # sums of intervals
    np.testing.assert_allclose(absorbed, free, rtol=1e-13)


def test_no_secondaries_when_the_boson_decays_invisibly():
    lines, emission = models.problem_of(*fig3())
    y = np.linspace(np.log(1e5), np.log(1.0e6), 31)
    silent = models.swept(y, replace(lines, yields=jnp.zeros(3)), emission)
    # a last digit: XLA may compile the two sums in loops of their own
    np.testing.assert_allclose(silent[0], silent[1], rtol=4e-16)


def test_massless_relics_at_rest_do_not_absorb():
    lines, emission = models.problem_of(*fig3(masses=[0.0, 0.0, 0.0]))
    flux, _, free = models.swept(np.log(np.geomspace(1e3, 1e9, 30)), lines, emission)
    np.testing.assert_allclose(flux, free, rtol=1e-13)  # sums of intervals


def test_point_source_is_a_burst():
    burst = models.problem_of(*fig3(evolution="burst", z_max=0.5))
    point = nuprop.PointSource(0.5, nuprop.PowerLaw(2.3), normalization=1e-18)
    y = np.linspace(np.log(2e5), np.log(1.0e6), 41)
    expected, _, burst_free = models.swept(y, *burst)
    flux, _, free = models.swept(y, *models.problem_of(*fig3(source=point)))
    np.testing.assert_allclose(flux / free, expected / burst_free, rtol=1e-12)
    # normalization: a third of all flavors at 100 TeV
    free = models.swept(np.log([1e5]), *models.problem_of(*fig3(source=point)))[2]
    np.testing.assert_allclose(free.sum(), 3e-18, rtol=1e-12)


def test_dirac_depths_are_half_of_majorana():
    dirac = models.problem_of(*fig3(relics=nuprop.Relics("dirac", thermal=False)))
    weaker = models.problem_of(*fig3(mediator=lmu_ltau(5e-4 / np.sqrt(2.0))))
    y = np.linspace(np.log(1e5), np.log(1.0e6), 31)
    np.testing.assert_allclose(models.swept(y, *dirac)[0], models.swept(y, *weaker)[0], rtol=1e-12)


# --- conservation ------------------------------------------------------------


def test_energy_is_conserved_by_the_flux_itself():
    # int dE E (J_free - J) = 0 and int dE (J - J_free) = interactions = int dE absorbed per line:
    # a quadrature of this test's own, split at the edges
    problem = models.problem_of(*models.model(models.one_state(), masses=[0.05, 0.06, 0.07]))
    nodes, weights = np.polynomial.legendre.leggauss(12)
    dip = np.log(6.0)
    edges = np.log(1e6) + np.concatenate([[-16.0, -8.0, -4.0], -dip * np.linspace(1.0, 0.0, 7)])
    half = 0.5 * np.diff(edges)[:, None]
    y = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * nodes).ravel()
    measure = (half * weights).ravel() * np.exp(y)
    flux, absorbed, free = (part.sum(axis=(0, 1)) for part in models.swept(y, *problem))
    taken, made = free - absorbed, flux - absorbed
    energy = np.exp(y)
    # 3e-7 of secondaries lie below the lowest energy; of their energy nothing
    np.testing.assert_allclose(measure @ (made * energy), measure @ (taken * energy), rtol=GOAL)
    np.testing.assert_allclose(measure @ made, 2.0 * measure @ taken, rtol=GOAL)


def test_thin_line_in_a_universe_of_matter():
    # to first order in tau: tau0 (1+z)^{3/2}, flat W, E^-2, all in closed form but one integral
    history, m, mass, g = nuprop.flat_lambda_cdm(70.0, 1.0, Tcmb0=0.0), 5e-11, 0.01, 5e-7
    source = nuprop.Source("flat", nuprop.PowerLaw(2.0), z_max=3.0)
    model = models.model(models.one_state(g, "10 MeV"), masses=[0.05] * 3)
    lines, emission = models.problem_of(source, *model[1:3], AT_REST.state, history)
    resonance = mass**2 / (2.0 * m)
    column = 56.00820653520616 * 2.99792458e10 / (70.0 * 3.2407792894443654e-20)
    depth = 2.0 * np.pi * (g * HBAR_C / mass) ** 2 * column

    def emitted(first, last):
        return ((1.0 + first) ** -2.5 - (1.0 + last) ** -2.5) / 2.5

    def absorbed(energy):
        z = resonance / energy - 1.0
        return depth * (1.0 + z) ** 1.5 * emitted(z, 3.0) / energy**2

    energies = resonance * np.array([0.9, 0.6, 0.35])
    made = [
        quad(lambda x, e=e: absorbed(x) / x * (3 - 6 * e / x + 6 * (e / x) ** 2), e, resonance)[0]
        for e in energies
    ]
    expected = (np.array(made) - absorbed(energies)) / (emitted(0.0, 3.0) / energies**2)
    flux, _, free = models.swept(np.log(energies), lines, emission)
    # the second order, tau = 2e-5 of the first where absorption and secondaries nearly cancel
    np.testing.assert_allclose(flux[0, 0] / free[0, 0] - 1.0, expected, rtol=3e-5)
