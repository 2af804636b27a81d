"""The door: what users give to `propagate`, what they get back, and what they are told."""

from functools import cache
from itertools import pairwise
from types import SimpleNamespace

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from jax.tree_util import Partial
from scipy.integrate import quad

import nuprop
from nuprop.cosmology import TabulatedExpansion
from nuprop.errors import (
    GridError,
    NupropError,
    ParameterError,
    PhysicsWarning,
    PrecisionError,
    Status,
    UnitError,
)
from nuprop.transport import emission_of, lines_of
from nuprop.transport.averages import spectral_kinks
from nuprop.transport.emitted import free_flux

TEV, PEV = 1e3, 1e6
COSMOLOGY = nuprop.expansion(FlatLambdaCDM(H0=67.4, Om0=0.315, Tcmb0=0.0))
#: Every call asks for so many energies or edges, so that programs are compiled once.
SIZE = 64
ENERGY = np.geomspace(1e4, 1e7, SIZE)
COLD, THERMAL = nuprop.Relics(thermal=False), nuprop.Relics()
#: What the sweep and the march promise.
SWEEP, MARCH = 1e-4, 1e-3
#: Error of the redshift integral over a smooth source.
QUADRATURE = 1e-7

FIG3 = SimpleNamespace(
    mediator=nuprop.ZPrime.lmu_ltau(11 * u.MeV, 5e-4), neutrinos=nuprop.Neutrinos(0.08 * u.eV)
)
FIG4 = SimpleNamespace(
    mediator=nuprop.ZPrime.lmu_ltau(9 * u.MeV, 4e-4), neutrinos=nuprop.Neutrinos("6 meV")
)
FIG5 = SimpleNamespace(
    mediator=FIG4.mediator, neutrinos=nuprop.Neutrinos("6 meV", ordering="inverted")
)
SOURCE = nuprop.Source(spectrum=nuprop.PowerLaw(2.3))


def propagate(point=FIG3, relics=COLD, energy=ENERGY, source=SOURCE, **options):
    if "energy_edges" in options:
        energy = None
    given = {"neutrinos": point.neutrinos, "cosmology": COSMOLOGY, **options}
    return nuprop.propagate(source, point.mediator, relics=relics, energy=energy, **given)


def at(energies, point=FIG3, **options):
    """DiffuseFlux at up to 64 energies [GeV], and how many there are."""
    some = np.asarray(energies, dtype=float)
    order = np.argsort(some)
    padding = some.max() * (1.0 + 0.01 * np.arange(1, SIZE - some.size + 1))
    flux = propagate(point, energy=np.concatenate([some[order], padding]), **options)
    return flux, np.argsort(order)


def ratios(energies, point=FIG3, **options):
    """Total, and flavors, over free."""
    flux, rows = at(energies, point, **options)
    flavors = (flux.per_flavor / flux.free.per_flavor).value
    return flux.transmission[rows], flavors[:, rows]


@cache
def default(name="FIG3", thermal=False):
    return propagate(globals()[name], THERMAL if thermal else COLD)


# --- normalization ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "pivot"),
    [(1.5e-18, 1e5 * u.GeV), (2e-20 / u.GeV / u.cm**2 / u.s / u.sr, 1 * u.PeV)],
)
def test_flux_normalization(value, pivot):
    source = nuprop.Source(spectrum=nuprop.PowerLaw(2.3), normalization=value, pivot=pivot)
    flux, rows = at([pivot.to_value("GeV")], source=source)
    expected = 3.0 * getattr(value, "value", value)
    # twice the same redshift integral, here with panels that resonances divide
    assert flux.free.total[rows[0]].value == pytest.approx(expected, rel=QUADRATURE, abs=0.0)


def test_emissivity_normalization():
    # Q_0 at 100 TeV that gives E^2 flux = 1.5e-8 GeV/(cm2 s sr) per flavor there
    source = nuprop.Source(
        spectrum=nuprop.PowerLaw(2.3), normalization=2.13719573709e-45 / u.GeV / u.cm**3 / u.s
    )
    flux, rows = at([1e5], source=source)
    assert flux.free.total[rows[0]].value == pytest.approx(4.5e-18, rel=QUADRATURE, abs=0.0)
    slope = np.log(flux.free.total[1:] / flux.free.total[:-1]) / np.diff(np.log(flux.energy_gev))
    np.testing.assert_allclose(slope, -2.3, rtol=1e-12)


@pytest.mark.slow
def test_point_source_luminosity():
    z, luminosity, band = 0.5, 1e46, (1e4, 1e7)
    source = nuprop.PointSource(
        z, nuprop.PowerLaw(2.0), luminosity=luminosity * u.erg / u.s, band=band * u.GeV
    )
    # L = A int E^-1 dE; at Earth (1+z)^2/(4 pi d_L^2) A (E (1+z))^-2, d_L by scipy
    amplitude = luminosity * (1 * u.erg).to_value("GeV") / np.log(band[1] / band[0])
    per_unit = quad(lambda x: 1.0 / np.sqrt(0.315 * (1 + x) ** 3 + 0.685), 0.0, z, epsrel=1e-12)[0]
    distance = (1.0 + z) * 1.37249683494e28 * per_unit
    expected = amplitude * ENERGY**-2.0 / (4.0 * np.pi * distance**2)
    flux = propagate(source=source)
    assert not flux.per_steradian
    assert flux.total.unit == 1 / (u.GeV * u.cm**2 * u.s)
    np.testing.assert_allclose(flux.free.total.value, expected, rtol=1e-10)  # constants: 1e-11
    # what arrives without interaction is one factor, and secondaries come on top
    tau = nuprop.optical_depth(
        ENERGY,
        z,
        mediator=FIG3.mediator,
        neutrinos=FIG3.neutrinos,
        relics=COLD,
        cosmology=COSMOLOGY,
        channels="resonance",
    )
    survived = flux.free.values.sum(0) * np.exp(-tau)
    assert np.any(tau > 1.0)
    assert np.all(flux.values.sum(0) > survived * (1.0 - 1e-12))
    assert flux.balance.energy_residual < SWEEP


def test_normalization_is_a_factor():
    double = nuprop.Source(spectrum=nuprop.PowerLaw(2.3), normalization=3e-18)
    np.testing.assert_allclose(propagate(source=double).values, 2.0 * default().values, rtol=1e-13)


def broken(energy):
    return np.where(energy < 3e5, 3e5 / energy, (3e5 / energy) ** 3)


def tabulated(energy):
    inside = (energy >= 2e5) & (energy <= 4e6)
    return np.where(inside, (energy / 2e5) ** (np.log(0.002) / np.log(20.0)), 0.0)


@pytest.mark.parametrize(
    ("spectrum", "formula", "kinks"),
    [
        (nuprop.BrokenPowerLaw(1.0, 3.0, "300 TeV"), broken, [3e5]),
        (nuprop.Table([2e5, 4e6], [1.0, 0.002]), tabulated, [2e5, 4e6]),
    ],
)
def test_free_flux_of_spectra_with_kinks(spectrum, formula, kinks):
    """Where Q or its slope jumps lies elsewhere for each energy at Earth; scipy is told where."""
    source = nuprop.Source(
        evolution={"name": "power", "index": 3.0},
        spectrum=spectrum,
        pivot="300 TeV",
        normalization=1e-45 / u.GeV / u.cm**3 / u.s,
    )

    @jax.jit
    def free(log_energy):
        return jnp.sum(
            free_flux(emission_of(source, FIG3.neutrinos, COSMOLOGY), log_energy), axis=(0, 1)
        )

    found = np.asarray(free(jnp.log(ENERGY)))
    unit = 1e-45 * 1.37249683494e28 / (4.0 * np.pi) / formula(3e5)

    def integrand(z, energy):
        return (1 + z) ** 3 * formula(energy * (1 + z)) / np.sqrt(0.315 * (1 + z) ** 3 + 0.685)

    for k in range(5, SIZE, 5):
        ends = np.unique(np.clip([0.0, 5.0, *(np.array(kinks) / ENERGY[k] - 1.0)], 0.0, 5.0))
        pieces = zip(ends[:-1] * (1 + 1e-12), ends[1:] * (1 - 1e-12), strict=True)
        exact = sum(quad(integrand, *piece, args=(ENERGY[k],), epsrel=1e-10)[0] for piece in pieces)
        assert found[k] == pytest.approx(unit * exact, rel=QUADRATURE, abs=1e-40)


# --- paper numbers ---------------------------------------------------------------------------


def test_resonances():
    # Araki et al. 2016: M^2/(2 m), to the digits given
    np.testing.assert_allclose(
        default().resonance_energies.to_value("TeV"), [756.25, 751.86, 640.83], atol=0.005
    )
    np.testing.assert_allclose(
        default("FIG4").resonance_energies.to_value("PeV"), [6.750, 3.846, 0.802], atol=5e-4
    )
    inverted = nuprop.resonance_energies(FIG5.mediator, FIG5.neutrinos).to_value("TeV")
    np.testing.assert_allclose(inverted, [819, 807, 6750], atol=0.5)
    # 10 MeV on 0.05 eV: exactly 1 PeV
    exact = nuprop.resonance_energies(
        nuprop.ZPrime.universal("10 MeV", 1e-3), nuprop.Neutrinos.from_masses([5e-11] * 3)
    )
    np.testing.assert_allclose(exact.to_value("PeV"), 1.0, rtol=1e-14)


def test_depths_of_a_crossing_today():
    energy = np.array([756.2, 751.8, 640.8]) * TEV
    tau = nuprop.optical_depth(
        0.9999 * 640.8 * TEV,
        5.0,
        mediator=FIG3.mediator,
        neutrinos=FIG3.neutrinos,
        relics=COLD,
        cosmology=COSMOLOGY,
        channels="resonance",
    )[:, 0]
    coupling = np.abs(np.asarray(FIG3.mediator.couplings_in_mass_basis(FIG3.neutrinos))) ** 2
    # all lines at z = 0: 1.256, 2.715, 3.800; a line at E_b/E = 1 + z costs more than that
    today = 4.70170996599 * (10 / 11) ** 2 * coupling.sum(axis=1) / 5e-4**2
    np.testing.assert_allclose(today, [1.256, 2.715, 3.800], atol=5e-4)
    growth = energy / energy[2]
    hubble = np.sqrt(0.315 * growth**3 + 0.685)
    line = 4.70170996599 * (10 / 11) ** 2 * growth**3 / hubble
    np.testing.assert_allclose(tau, coupling @ line / 5e-4**2, rtol=2e-3)  # resonances, 4 digits


def test_two_step_dip():
    """Fig. 3: between 641 and 756 TeV only nu_3 is absorbed, below all; secondaries fill it."""
    energy = np.array([750, 700, 640, 600, 500, 400, 300, 200]) * TEV
    total, _ = ratios(energy)
    expected = [0.635, 0.70, 0.213, 0.344, 0.626, 0.882, 1.112, 1.147]
    np.testing.assert_allclose(total, expected, atol=6e-3)  # two to three digits
    np.testing.assert_allclose(np.delete(total, 1), np.delete(expected, 1), atol=1e-3)
    flux, rows = at([745 * TEV])
    states = (flux.values / flux.free_values).sum(0)[:, rows[0]] / 2.0
    assert states[2] < 0.05
    assert np.all(states[:2] > 0.85)


def test_inverted_ordering_makes_the_same_dip_for_heavy_neutrinos():
    same = SimpleNamespace(
        mediator=FIG3.mediator, neutrinos=nuprop.Neutrinos(0.08 * u.eV, ordering="inverted")
    )
    energy = np.array([500, 400, 300, 200, 100]) * TEV
    # "essentially the same": masses are 0.094, 0.094, 0.08 in place of 0.08, 0.08, 0.094 eV
    np.testing.assert_allclose(ratios(energy, same)[0], ratios(energy)[0], rtol=0.25)


def test_gap_and_edge():
    """Figs. 4 and 5, relics at rest: a gap at 0.8 PeV, and an edge from 3 to 7 PeV."""
    energy = np.array([6.5, 3.8, 3.0, 0.8]) * PEV
    normal, of_flavor = ratios(energy, FIG4)
    np.testing.assert_allclose(normal, [0.784, 0.716, 0.859, 0.475], atol=6e-4)  # three digits
    np.testing.assert_allclose(of_flavor[:, 3], [0.26, 0.53, 0.63], atol=6e-3)
    inverted, of_flavor = ratios(energy, FIG5)
    np.testing.assert_allclose(inverted[[0, 3]], [0.533, 0.61], atol=6e-3)
    np.testing.assert_allclose(of_flavor[:, 3], [0.91, 0.42, 0.51], atol=6e-3)
    assert inverted[0] < inverted[3]  # the edge is deeper than the gap, not so in normal ordering
    assert normal[0] > normal[3]


@pytest.mark.slow
def test_gap_and_edge_in_motion():
    energy = np.array([6500, 3800, 3000, 750]) * TEV
    total, _ = ratios(energy, FIG4, relics=THERMAL)
    np.testing.assert_allclose(total, [0.821, 0.764, 0.837, 0.563], atol=1.5e-3)  # good to 1e-3
    # on the line itself 1 TeV is 1 percent of the flux
    assert ratios([800 * TEV], FIG4, relics=THERMAL)[0] == pytest.approx(0.572, abs=6e-3)
    # half the depth leaves more; two digits
    dirac = ratios([750 * TEV], FIG4, relics=nuprop.Relics("dirac"))[0]
    assert dirac == pytest.approx(0.67, abs=6e-3)


def test_what_one_relic_can_absorb():
    """nu_3 is transparent to nu_3 relics: no dip goes below the share of the others."""
    flux, rows = at([0.8 * PEV, 0.75 * PEV], FIG4)
    free = flux.free_values.sum(axis=(0, 2)) / flux.free_values.sum()
    # a resonance on nu_3 takes at most the nu_1 and nu_2 two thirds
    assert np.all(flux.transmission[rows] > free[2])
    states = flux.values.sum(0)[:, rows] / flux.free_values.sum(0)[:, rows]
    assert np.all(states[2] > 0.98)
    assert np.all(states[1] < 0.45)
    # and between 4 and 6.7 PeV only nu_1 is a target, which takes at most the nu_3 third
    edge = (default("FIG4").energy_gev > 3.9e6) & (default("FIG4").energy_gev < 6.7e6)
    assert np.any(edge)
    assert np.all(default("FIG4").transmission[edge] > 1.0 - free[2])


def test_self_coupling_of_nu_3_depends_on_the_octant():
    for name, expected in (
        ("nufit-6.0", 0.0034),
        ("nufit-6.0-no-sk", 0.0142),
        ("nufit-5.2", 0.0092),
    ):
        neutrinos = nuprop.Neutrinos(oscillations=name)
        coupling = nuprop.ZPrime.lmu_ltau("10 MeV", 1.0).couplings_in_mass_basis(neutrinos)
        assert abs(coupling[2, 2]) ** 2 == pytest.approx(expected, abs=6e-5)  # two to three digits


def test_massless_relics_make_a_trough():
    """The depth of a massless relic today is greatest at E = M^2/(8.464 T) = 57.1 PeV."""
    energy = np.linspace(40.0, 80.0, 401) * PEV
    depth = nuprop.optical_depth(
        energy,
        1e-3,
        mediator=FIG4.mediator,
        neutrinos=nuprop.Neutrinos.from_masses([0.0, 0.05e-9, 0.06e-9]),
        cosmology=COSMOLOGY,
        channels="resonance",
    )
    # three digits; z = 1e-3 moves it by 1e-3
    assert energy[np.argmax(depth[2])] == pytest.approx(57.1 * PEV, rel=4e-3)


@pytest.mark.parametrize("thermal", [False, True])
def test_dirac_relics_are_half_as_deep(thermal):
    def depth(nature):
        return nuprop.optical_depth(
            [3e5, 5e5, 6e5],
            5.0,
            mediator=FIG3.mediator,
            neutrinos=FIG3.neutrinos,
            relics=nuprop.Relics(nature, thermal=thermal),
            cosmology=COSMOLOGY,
            channels="resonance",
        )

    # exactly half at rest. In motion they count (1 + v)/2, v = <p/e> = 3.15 (1 + z) T/m, but
    # head-on ones more, which are met later, when relics are slower and fewer: for a depth that
    # goes as (1 + z)^q, q = 1.8 to 2.5, (1 + v (1 - (q + 1)/3))/2 is left, and v = 1 percent
    ratio = 2.0 * depth("dirac") / depth("majorana")
    np.testing.assert_allclose(ratio, 1.0, rtol=2e-3 if thermal else 1e-12)


# --- neutrinos apart, and energy that is lost ------------------------------------------------


def test_neutrinos_and_antineutrinos_apart():
    apart = propagate(source=nuprop.Source(antineutrino_fraction="p-gamma"))
    summed = default()
    # the same numbers by sums in another order
    np.testing.assert_allclose(apart.values.sum(0), summed.values.sum(0), rtol=1e-11)
    # symmetric sources on symmetric relics: half each
    np.testing.assert_array_equal(summed.values[0], summed.values[1])
    shares = apart.free_values.sum(axis=(1, 2)) / apart.free_values.sum()
    np.testing.assert_allclose(shares, [2 / 3, 1 / 3], rtol=1e-12)  # nu_e, nu_mu : nubar_mu
    # secondaries even the two out
    made = apart.transmission > 1.05
    assert np.any(made)
    share = apart.values[1].sum(0) / apart.values.sum(axis=(0, 1))
    assert np.all(share[made] > 1 / 3)
    # neutrinos of a flavor that nobody makes do not count: pion sources have no nu_tau
    also_symmetric = nuprop.Source(antineutrino_fraction=(0.5, 0.5, 1.0))
    np.testing.assert_array_equal(propagate(source=also_symmetric).values, summed.values)


def test_charged_leptons_take_half_of_the_energy():
    """Below 2 m_mu a boson of L_e - L_mu decays to nu_e, nu_mu and electrons alike."""
    books = propagate(
        SimpleNamespace(mediator=nuprop.ZPrime.le_lmu("11 MeV", 5e-4), neutrinos=FIG3.neutrinos)
    ).balance
    # half, but for m_e: (1 + 2 x)(1 - 4 x)^(1/2) = 1 - 6 x^2 with x = (0.511/11)^2 = 2e-3
    assert books.lost_energy / books.interacted_energy == pytest.approx(0.5, abs=1e-5)
    assert books.lost_number / books.interacted_number == pytest.approx(1.0, abs=2e-5)
    assert books.energy_residual < SWEEP
    assert books.number_residual < SWEEP
    whole = default().balance
    assert whole.lost_energy == 0.0
    assert whole.interacted_energy > 0.0


# --- cells -----------------------------------------------------------------------------------


def fine_average(edges, spectrum_at, kinks):
    """Cell averages from point values, 8 Gauss-Legendre nodes between edges and kinks."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    averages = []
    for low, high in pairwise(edges):
        ends = np.unique(np.clip([low, high, *np.linspace(low, high, 5), *kinks], low, high))
        ends = ends[np.insert(np.diff(ends) > 1e-9 * high, 0, True)]
        half = 0.5 * np.diff(ends)[:, None]
        points = (0.5 * (ends[1:] + ends[:-1])[:, None] + half * nodes).ravel()
        averages.append(spectrum_at(points) @ (half * weights).ravel() / (high - low))
    return np.array(averages)


@pytest.mark.parametrize("method", ["sweep", pytest.param("march", marks=pytest.mark.slow)])
def test_cell_averages(method):
    edges = np.geomspace(5e4, 1e6, SIZE)
    relics = COLD if method == "sweep" else THERMAL
    cells = propagate(relics=relics, energy_edges=edges * u.GeV)
    assert cells.method == method
    assert cells.method_reason.startswith("relics ")  # in motion: cells as narrow as lines
    np.testing.assert_array_equal(cells.energy_edges.value, edges)
    np.testing.assert_allclose(cells.energy.value, 0.5 * (edges[1:] + edges[:-1]), rtol=1e-15)
    some = edges[50:59]  # the cells of all three resonances

    def total(points):
        parts = np.array_split(np.asarray(points), -(-len(points) // SIZE))
        return np.concatenate(
            [flux.total.value[rows] for flux, rows in (at(part, relics=relics) for part in parts)]
        )

    resonances = cells.resonances_gev if method == "sweep" else []
    averages = fine_average(some, total, resonances)
    found = cells.total.value[50:58]
    assert np.max(np.abs(np.diff(found) / found[1:])) > 0.3  # there is something to average
    # sweep: quadrature; march: four nodes over two cells of a lattice, between which the readout
    # is cubic
    np.testing.assert_allclose(found, averages, rtol=1e-5 if method == "sweep" else 1e-4)


def test_cells_of_the_free_flux():
    edges = np.geomspace(5e4, 1e6, SIZE)
    cells = propagate(energy_edges=edges)
    exact = np.diff(edges**-1.3) / -1.3 / np.diff(edges)
    found = cells.free.total.value / (4.5e-18 * (1e5**2.3))
    np.testing.assert_allclose(found, exact, rtol=QUADRATURE)  # of the normalization
    np.testing.assert_allclose(found[1:] / found[0], exact[1:] / exact[0], rtol=1e-12)


# --- which method, and why -------------------------------------------------------------------


def test_method_for_relics_at_rest():
    assert (default().method, default().method_reason) == ("sweep", "relics at rest")
    asked = propagate(method="sweep")
    assert (asked.method, asked.method_reason) == ("sweep", "asked for")
    np.testing.assert_array_equal(asked.values, default().values)


def test_method_for_relics_in_motion():
    flux = default("FIG4", thermal=True)
    assert (flux.method, flux.method_reason) == ("march", "relics in thermal motion")
    asked = propagate(FIG4, THERMAL, method="march")
    assert (asked.method, asked.method_reason) == ("march", "asked for")
    np.testing.assert_array_equal(asked.values, flux.values)
    assert "LatticeShape" in asked.parameters["solver"]["lattice"]


@pytest.mark.slow
def test_method_for_wide_cells():
    # rms widths of 0.6 eV relics at z = 5: 0.35 percent; of 0.08 eV, 2.6 percent, which re-absorbs
    wide = np.geomspace(1e2, 1e8, SIZE)
    flux = propagate(
        relics=THERMAL, energy_edges=wide, neutrinos=nuprop.Neutrinos(lightest_mass="0.6 eV")
    )
    assert flux.method == "sweep"
    assert "every line is narrow" in flux.method_reason
    assert flux.status is Status.OK
    assert propagate(relics=THERMAL, energy_edges=wide).method == "march"


def test_sweep_of_relics_in_motion_warns():
    wide = np.geomspace(1e2, 1e8, SIZE)
    with pytest.warns(PhysicsWarning, match="widest line has an rms width of 6% today"):
        flux = propagate(FIG4, THERMAL, energy_edges=wide, method="sweep")
    assert flux.method_reason == "asked for"


def test_massless_relic_at_rest_warns():
    massless = SimpleNamespace(mediator=FIG3.mediator, neutrinos=nuprop.Neutrinos(0.0))
    with pytest.warns(PhysicsWarning, match="a massless relic at rest cannot resonate"):
        flux = propagate(massless)
    assert np.isinf(flux.resonances_gev[0])
    assert flux.status is Status.OK


def test_nonperturbative_coupling_warns():
    with pytest.warns(PhysicsWarning, match="perturbation theory"):
        strong = nuprop.ZPrime.lmu_ltau("10 TeV", 4.0)
    point = SimpleNamespace(mediator=strong, neutrinos=FIG3.neutrinos)
    flux = propagate(point, energy=ENERGY * 1e12, method="march")
    assert flux.status is Status.NONPERTURBATIVE
    assert "beyond perturbativity" in repr(flux)


def test_scattering_away_from_the_resonance_warns():
    strong = SimpleNamespace(
        mediator=nuprop.ZPrime.lmu_ltau("10 MeV", 0.05), neutrinos=FIG3.neutrinos
    )
    with pytest.warns(PhysicsWarning, match="scattering away from the resonance is left out"):
        propagate(strong, method="march")
    with pytest.warns(PhysicsWarning, match="scattering away from the resonance is left out"):
        nuprop.optical_depth(
            1e6, 1.0, mediator=strong.mediator, neutrinos=strong.neutrinos, channels="resonance"
        )


# --- status ----------------------------------------------------------------------------------


def notched(depth, energy):
    """E^-2.3, but for a few percent around 3.6 PeV, where no check of a function looks."""
    inside = jnp.abs(jnp.log(energy / 3.6e6)) < 0.05
    return jnp.where(inside, depth, 1.0) * (energy / 1e5) ** -2.3


@pytest.mark.parametrize(
    ("depth", "status", "says"),
    [
        (np.nan, Status.NONFINITE, "a flux value is not finite"),
        (-1e3, Status.NEGATIVE, "a flux value is negative"),
        # a jump that nobody announced, and between the nodes of the redshift integral
        (1e3, Status.UNBALANCED, "the solver's books do not close to its tolerance"),
    ],
)
def test_sources_that_go_wrong_somewhere(depth, status, says):
    source = nuprop.Source(spectrum=Partial(notched, jnp.asarray(depth)))
    with pytest.raises(NupropError, match=says):
        propagate(source=source)
    flux = propagate(source=source, on_error="return")
    assert flux.status is status
    assert status.value.split(":")[0] in repr(flux)


def test_healthy_results():
    for flux in (default(), default("FIG4"), default("FIG4", thermal=True)):
        assert flux.status is Status.OK
        assert np.all(np.isfinite(flux.values))
        assert np.all(flux.values >= 0.0)
        limit = SWEEP if flux.method == "sweep" else MARCH
        assert flux.balance.energy_residual < limit
        assert flux.balance.number_residual < limit


# --- provenance ------------------------------------------------------------------------------


def test_parameters_tell_everything_that_went_in():
    record = default().parameters
    assert record["source"]["evolution"]["name"] == "yuksel-2008"
    assert record["source"]["spectrum"] == {"kind": "power-law", "index": 2.3}
    assert record["source"]["z_max"] == 5.0
    assert record["mediator"]["model"] == "lmu-ltau"
    assert record["mediator"]["mass [MeV]"] == pytest.approx(11.0)
    assert record["mediator"]["coupling"] == 5e-4
    assert record["neutrinos"]["ordering"] == "normal"
    assert record["neutrinos"]["masses [eV]"][0] == pytest.approx(0.08)
    assert record["neutrinos"]["oscillations"]["name"] == "nufit-6.0"
    assert record["relics"]["nature"] == "majorana"
    assert record["relics"]["thermal"] is False
    assert record["cosmology"]["name"] == "FlatLambdaCDM"
    assert record["cosmology"]["Om0"] == pytest.approx(0.315)
    assert record["solver"]["method"] == "auto"
    assert record["versions"]["nuprop"] == nuprop.__version__
    assert set(record["versions"]) == {"nuprop", "jax", "numpy", "scipy", "astropy"}


def test_citations():
    flux = default()
    assert {"nuprop", "araki2016", "yuksel2008", "esteban2024"} <= set(flux.citations)
    assert "planck2018" not in flux.citations
    text = flux.citation()
    assert all(f"{{{key}," in text for key in flux.citations)


def test_save_and_load(tmp_path):
    path = tmp_path / "flux.ecsv"
    flux = default()
    flux.save(path)
    again = nuprop.load(path)
    np.testing.assert_array_equal(again.values, flux.values)
    np.testing.assert_array_equal(again.free_values, flux.free_values)
    assert again.parameters == flux.parameters
    assert again.balance == flux.balance
    assert (again.status, again.method, again.method_reason) == (
        flux.status,
        flux.method,
        flux.method_reason,
    )


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"energy": [1e5, 1e4]}, GridError, r"energy\[0:2\] = 100000, 10000 GeV: must be strictly"),
        ({"energy": [1e4, 1e5, 1e5]}, GridError, r"energy\[1:3\] = 100000, 100000 GeV"),
        ({"energy": [1e4, -1e5, 2e5]}, GridError, r"energy\[1\] = -100000.0 GeV: must be finite"),
        ({"energy": [0.0, 1e5]}, GridError, r"energy\[0\] = 0.0 GeV: must be finite and > 0"),
        ({"energy": [1e4, np.nan]}, GridError, r"energy\[1\] = nan GeV: must be finite and > 0"),
        ({"energy": [1e4, np.inf]}, GridError, r"energy\[1\] = inf GeV"),
        ({"energy": []}, GridError, r"energy has the shape \(0,\): one row of at least 1"),
        ({"energy": [[1e4, 1e5]]}, GridError, r"energy has the shape \(1, 2\): one row"),
        (
            {"energy": [1.0, 2.0] * u.cm},
            UnitError,
            r"energy = .* has the unit cm; a unit of energy",
        ),
        ({"energy": "high"}, UnitError, "energy = 'high' is not a quantity"),
        ({"energy_edges": [1e5, 1e4]}, GridError, r"energy_edges\[0:2\] = 100000, 10000 GeV"),
        ({"energy_edges": [1e5]}, GridError, r"energy_edges has the shape \(1,\): .* at least 2"),
        ({"energy_edges": [-1e4, 1e5]}, GridError, r"energy_edges\[0\] = -10000.0 GeV"),
        (
            {"energy": [1e4], "energy_edges": [1e4, 1e5]},
            GridError,
            "energy and energy_edges are both given: points or cells, not both",
        ),
        ({"method": "swep"}, ParameterError, "method = 'swep': did you mean 'sweep'"),
        ({"method": "rk4"}, ParameterError, "method = 'rk4': .*known: auto, cascade, march, sweep"),
        ({"method": 3}, ParameterError, "method = 3: "),
        ({"on_error": "ignore"}, ParameterError, "on_error = 'ignore': 'raise' or 'return'"),
        ({"resolution": 0.0}, ParameterError, "resolution = 0.0: a positive number"),
        ({"resolution": -1.0}, ParameterError, "resolution = -1.0: a positive number"),
        ({"resolution": np.nan}, ParameterError, "resolution = nan: a positive number"),
        ({"resolution": "high"}, UnitError, "resolution = 'high' is not a quantity"),
        (
            {"source": "yuksel-2008"},
            ParameterError,
            "source = 'yuksel-2008': a nuprop.Source or nu",
        ),
        (
            {"mediator": 5e-4},
            ParameterError,
            "mediator = 0.0005: a nuprop.ZPrime or nuprop.Scalar is needed",
        ),
        ({"neutrinos": "normal"}, ParameterError, "neutrinos = 'normal': a nuprop.Neutrinos"),
        ({"relics": "dirac"}, ParameterError, "relics = 'dirac': a nuprop.Relics is needed"),
        ({"relics": THERMAL.state}, ParameterError, "a nuprop.Relics is needed"),
        ({"cosmology": "Planck2018"}, ParameterError, "cosmology = 'Planck2018' is not one"),
        ({"cosmology": 70.0}, ParameterError, "cosmology = 70.0: an instance of astropy"),
    ],
)
def test_bad_input(given, error, says):
    given = {"source": SOURCE, "mediator": FIG3.mediator, "neutrinos": FIG3.neutrinos, **given}
    with pytest.raises(error, match=says):
        nuprop.propagate(**{"cosmology": COSMOLOGY, **given})


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"energy": -1e5}, GridError, "energy = -100000.0: one-dimensional, finite and > 0"),
        ({"energy": [1e5, 0.0]}, GridError, "one-dimensional, finite and > 0"),
        ({"energy": [np.nan]}, GridError, "one-dimensional, finite and > 0"),
        ({"energy": [[1e5]]}, GridError, "one-dimensional, finite and > 0"),
        ({"energy": 1.0 * u.m}, UnitError, "energy = 1.0 m has the unit m; a unit of energy"),
        ({"z": 0.0}, ParameterError, "z = 0.0: redshifts above 0 and up to"),
        ({"z": -1.0}, ParameterError, "z = -1.0: redshifts above 0"),
        ({"z": np.nan}, ParameterError, "z = nan: redshifts above 0"),
        ({"z": 1.0 * u.s}, UnitError, "z = 1.0 s has the unit s"),
        ({"z": [1.0, 2.0, 3.0]}, GridError, r"z has the shape \(3,\), energy \(2,\): equal shapes"),
        (
            {"mediator": None},
            ParameterError,
            "mediator = None: a nuprop.ZPrime or nuprop.Scalar is needed",
        ),
        ({"neutrinos": 0.1}, ParameterError, "neutrinos = 0.1: a nuprop.Neutrinos is needed"),
        ({"relics": True}, ParameterError, "relics = True: a nuprop.Relics is needed"),
    ],
)
def test_bad_input_of_optical_depth(given, error, says):
    given = {"energy": [1e5, 2e5], "z": 1.0, "mediator": FIG3.mediator, **given}
    with pytest.raises(error, match=says):
        nuprop.optical_depth(given.pop("energy"), given.pop("z"), **given)


def test_sources_beyond_a_tabulated_history():
    table = TabulatedExpansion(70.0, 0.0, np.zeros((1, 4)), name="mine", z_limit=4.0)
    with pytest.raises(ParameterError, match="z_max = 5: the expansion history mine is tabulated"):
        propagate(cosmology=table)
    with pytest.raises(ParameterError, match=r"z = 5\.0: redshifts above 0 and up to 4"):
        nuprop.optical_depth(1e5, 5.0, mediator=FIG3.mediator, cosmology=table)


def test_march_that_needs_too_many_cells():
    says = r"resolution = 500: a march would need \d+ cells, more than 32768; take method='sweep'"
    with pytest.raises(ParameterError, match=says):
        propagate(relics=THERMAL, resolution=500.0)


def test_single_precision_is_refused():
    try:
        jax.config.update("jax_enable_x64", False)
        with pytest.raises(PrecisionError, match="jax_enable_x64 = False: nuprop needs 64-bit"):
            propagate()
        with pytest.raises(PrecisionError, match="jax_enable_x64 = False"):
            nuprop.optical_depth(1e5, 1.0, mediator=FIG3.mediator)
    finally:
        jax.config.update("jax_enable_x64", True)


def test_energies_with_units():
    tev = propagate(energy=ENERGY / TEV * u.TeV)
    np.testing.assert_allclose(tev.energy_gev, ENERGY, rtol=1e-15)
    np.testing.assert_allclose(tev.values, default().values, rtol=1e-10)  # slope of one rounding
    assert tev.energy.unit == u.GeV
    assert tev.total.unit == 1 / (u.GeV * u.cm**2 * u.s * u.sr)


def test_cells_are_cut_at_the_edges_of_every_mediator():
    mediators = [FIG3.mediator, nuprop.ZPrime.lmu_ltau("7 MeV", 3e-4)]
    relics, history = COLD.state, nuprop.expansion(COSMOLOGY)
    lines = [lines_of(each, FIG3.neutrinos, relics, history) for each in mediators]
    emission = emission_of(nuprop.Source(z_max=5.0), FIG3.neutrinos, history)
    kinks = np.exp(np.asarray(spectral_kinks(lines, emission)))
    for mediator in mediators:
        edges = nuprop.resonance_energies(mediator, FIG3.neutrinos, z=[0.0, 5.0]).value.ravel()
        distance = np.min(np.abs(kinks / edges[:, None] - 1.0), axis=1)
        np.testing.assert_allclose(distance, 0.0, atol=1e-12)  # rounding of exp and ln
