"""The diffuse supernova neutrino background: MeV energies and keV mediators, the same solver."""

import warnings

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from scipy.integrate import quad
from scipy.special import gammaincc, zeta

import nuprop
from nuprop.errors import ParameterError, UnitError
from nuprop.sources import Source, supernova_background
from nuprop.spectra import FermiDirac, PinchedThermal
from nuprop.transport import emitted
from nuprop.transport.spectrum import emission_of

COSMOLOGY = FlatLambdaCDM(H0=67.4, Om0=0.315)
C, MPC, YEAR, GEV = 2.99792458e10, 3.0856775814913673e24, 3.15576e7, 1.602176634e-3  # cgs
H0 = 67.4e5 / MPC
HISTORY = nuprop.expansion(COSMOLOGY)
NEUTRINOS = nuprop.Neutrinos(lightest_mass="0.03 eV")
COLD = nuprop.Relics(thermal=False)
#: Too weak to do anything: what arrives is the free flux.
IDLE = nuprop.ZPrime.lmu_ltau("1 keV", 1e-14)


def expansion_rate(z):
    return H0 * np.sqrt(0.315 * (1 + z) ** 3 + 0.685)


def rate(z):
    """1.25e-4 per Mpc^3 and yr today, with the star formation of Yuksel et al. 2008; cgs."""
    powers = (1 + z) ** -34 + ((1 + z) / 5160.6366203694) ** 3 + ((1 + z) / 9.0633760423051) ** 35
    return 1.25e-4 / MPC**3 / YEAR * powers**-0.1


def over_redshift(function):
    pieces = [(0, 1), (1, 4), (4, 5)]
    return sum(quad(function, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in pieces)


@jax.jit
def _free(source, history, log_energy):
    return emitted.free_flux(emission_of(source, NEUTRINOS, history), log_energy)


def free_flux(energy, **given):
    """Flux of (nu, nubar) in mass eigenstates without interaction, shape (2, 3, n)."""
    source = supernova_background(rate="1.25e-4 / (Mpc3 yr)", **given)
    return np.asarray(_free(source, HISTORY, jnp.log(jnp.asarray(energy))))


def resonant_mass(energy):
    """Mediator mass for which the heaviest relic absorbs at this energy at Earth."""
    return float(np.sqrt(2.0 * NEUTRINOS.masses[2] * energy))


def test_free_flux_by_quadrature():
    temperature = 4e-3
    energy = np.array([1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1])
    number = 3e53 / GEV / (7 * np.pi**4 / (180 * zeta(3)) * temperature)

    def expected(e):
        def integrand(z):
            x = e * (1 + z) / temperature
            q = x**2 / (np.exp(x) + 1) / (1.5 * zeta(3) * temperature)
            return rate(z) * q / expansion_rate(z)

        return C / (4 * np.pi) * number * over_redshift(integrand)

    found = free_flux(energy, spectrum=FermiDirac("4 MeV")).sum(axis=(0, 1))
    # 8 panels of 6 nodes in ln(1 + z); astropy's constants to 1e-10
    assert np.allclose(found, [expected(e) for e in energy], rtol=3e-7, atol=0.0)


def test_energy_and_number_do_not_depend_on_the_spectrum():
    # N(eps) = int dz W Q(eps (1+z))/H: its moments know only the energy and number of a collapse
    energy = np.geomspace(1e-6, 0.5, 1501)
    density = over_redshift(lambda z: rate(z) / expansion_rate(z) / (1 + z) ** 2) * 3e53 / GEV
    number = over_redshift(lambda z: rate(z) / expansion_rate(z) / (1 + z)) * 3e53 / GEV
    for spectrum in (FermiDirac("6 MeV"), PinchedThermal("12 MeV", 3.0)):
        flux = 4 * np.pi / C * free_flux(energy, spectrum=spectrum).sum(axis=(0, 1))
        # trapezoids in ln E, smooth at both ends; sharing of redshift panels 3e-7
        for power, expected in ((2, density), (1, number / float(spectrum.mean_energy))):
            found = np.trapezoid(flux * energy**power, np.log(energy))
            assert found == pytest.approx(expected, rel=1e-6, abs=0.0)


def test_published_range_above_19_mev():
    # Predictions of the nubar_e flux above 19.3 MeV go from 0.05 to the limit of Super-Kamiokande,
    # 1.2 per cm^2 and s (Lunardini 2006, arXiv:astro-ph/0610534); thermal spectra of 4 MeV come a
    # factor of 4 below the limit (Horiuchi, Beacom & Dwek 2009, arXiv:0812.3157).
    energy = np.geomspace(19.3e-3, 0.15, 301)
    fluxes = []
    for temperature in ("4 MeV", "5 MeV", "6 MeV"):
        nubar = free_flux(energy, spectrum=FermiDirac(temperature))[1]
        nubar_e = np.asarray(NEUTRINOS.mixing)[0] @ nubar
        fluxes.append(4 * np.pi * np.trapezoid(nubar_e, energy))
    assert 0.05 < min(fluxes)
    assert max(fluxes) < 1.2
    assert fluxes[0] == pytest.approx(1.2 / 4, rel=0.1)  # "a factor 4"


def test_species_add_up():
    energy = [5e-3, 15e-3, 30e-3]
    whole = free_flux(energy)
    parts = [free_flux(energy, species=name) for name in ("nu_e", "nubar_e", "nu_x")]
    assert np.allclose(sum(parts), whole, rtol=1e-12, atol=0.0)
    assert not np.any(parts[0][1])
    assert not np.any(parts[1][0])
    assert np.allclose(parts[2][0], parts[2][1], rtol=1e-12, atol=0.0)
    # equal flavors stay equal on their way
    assert np.allclose(whole, whole[:1, :1], rtol=1e-12, atol=0.0)


def test_rate_energy_and_unit_strings():
    source = supernova_background(PinchedThermal("15 MeV", 2.3), rate=2e-4, energy=1e53)
    other = supernova_background(energy="2e46 J", evolution="strolger-2015", z_max=4)
    assert source.normalization == pytest.approx(other.normalization, rel=1e-13, abs=0.0)
    assert other.evolution.name == "strolger-2015"
    assert source.pivot == 15e-3
    by_name = supernova_background({"kind": "pinched-thermal", "mean_energy": "15 MeV"})
    assert by_name.spectrum.describe() == source.spectrum.describe()


@pytest.fixture(scope="module")
def dips():
    """Fluxes through cold and thermal relics, with an edge at 10 MeV."""
    source = supernova_background(FermiDirac("4 MeV"))
    mediator = nuprop.ZPrime.lmu_ltau(resonant_mass(0.01), 1e-7)
    energy = np.geomspace(0.05, 100, 400) * u.MeV
    return [
        nuprop.propagate(source, mediator, NEUTRINOS, nuprop.Relics(thermal=t), COSMOLOGY, energy)
        for t in (False, True)
    ]


def test_mediator_of_a_kev_absorbs_ten_mev(dips):
    cold, thermal = dips
    assert resonant_mass(0.01) == pytest.approx(1.08e-6, rel=0.01)  # 1.08 keV
    assert cold.method == "sweep"
    assert thermal.method == "march"
    assert cold.resonance_energies[2].to_value("MeV") == pytest.approx(10.0, rel=1e-12)
    for flux in dips:
        assert flux.status is nuprop.Status.OK
        place = flux.energy[np.argmin(flux.transmission)].to_value("MeV")
        assert 9.6 < place < 10.0  # just below the edge: a cell is 2 %
        assert flux.transmission.min() < 0.4
        above = flux.energy > 22 * u.MeV  # lines of nu_1 and nu_2 lie at 19 MeV, 1 % wide
        assert np.allclose(flux.transmission[above], 1.0, atol=1e-4)
    # secondaries pile up below the band, where few neutrinos are emitted
    assert cold.transmission[0] > 10.0
    assert "400 energies from 50 keV to 100 MeV" in str(cold)
    # nothing is lost: the books are those of two quadratures, see Status
    assert cold.balance.energy_residual < 1e-6
    assert thermal.balance.energy_residual < 1e-4


def test_energy_is_conserved_in_the_flux_itself(dips):
    cold = dips[0]
    energy = cold.energy_gev

    def carried(flux):
        return np.trapezoid(energy**2 * flux.total.value, np.log(energy))

    # 400 points across three edges, each within half a step of 2 % times the jump
    assert carried(cold) == pytest.approx(carried(cold.free), rel=5e-3)
    assert np.sum(cold.total.value) != pytest.approx(np.sum(cold.free.total.value), rel=0.01)


def test_depth_of_the_edge_in_closed_form(dips):
    # just below 10 MeV neutrinos meet nu_3 today: tau = 2 pi g^2/M^2 n c/H0
    cold = dips[0]
    mass = resonant_mass(0.01)
    hbar_c = 1.973269804593025e-14
    tau = 2 * np.pi * 1e-14 * (hbar_c / mass) ** 2 * 56.0082065352 * C / H0
    depth = nuprop.optical_depth(
        9.999e-3,
        0.1,
        mediator=_mediator(),
        neutrinos=NEUTRINOS,
        relics=COLD,
        cosmology=COSMOLOGY,
        channels="resonance",
    )
    # sum over beams of |g_i3|^2 = (g^2)_33 = g^2 (1 - |U_e3|^2)
    share = 1.0 - float(np.asarray(NEUTRINOS.mixing)[0, 2])
    z = 10.0 / 9.999 - 1.0
    there = (1 + z) ** 3 * H0 / expansion_rate(z)
    assert depth.sum() == pytest.approx(tau * share * there, rel=1e-9)  # constants
    assert cold.transmission.min() > np.exp(-depth.max())


def _mediator():
    return nuprop.ZPrime.lmu_ltau(resonant_mass(0.01), 1e-7)


@pytest.mark.slow
def test_relativistic_relics_and_a_sub_kev_mediator():
    # one massless state: its line is a trough, seen by MeV neutrinos for M of 0.1 keV
    source = supernova_background(PinchedThermal("15 MeV"))
    mediator = nuprop.ZPrime.lmu_ltau("0.15 keV", 3e-8)
    energy = np.geomspace(1, 60, 60) * u.MeV
    flux = nuprop.propagate(source, mediator, nuprop.Neutrinos(), energy=energy)
    assert flux.method == "march"
    assert flux.status is nuprop.Status.OK
    # the trough of relics today is deepest at M^2/(8.464 T), and moves as (1 + z)^-2
    trough = 0.15e-6**2 / (8.464 * 1.67638916e-13) * 1e3
    assert 10.0 < trough < 20.0
    depths = 1.0 - flux.transmission
    assert depths[energy < 30 * u.MeV].max() > 0.05


def test_pivot_message_tells_the_way():
    with pytest.raises(ParameterError, match="has no flux there to normalize; give a pivot"):
        Source(spectrum=FermiDirac("4 MeV"))
    flux = 1e3 / u.Unit("GeV cm2 s sr")
    source = Source(spectrum=FermiDirac("4 MeV"), pivot="10 MeV", normalization=flux)
    found = np.sum(_free(source, HISTORY, jnp.log(jnp.array([0.01]))))
    assert found == pytest.approx(3e3, rel=1e-12)


@pytest.mark.slow
def test_default_energies_lie_beyond_all_flux():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flux = nuprop.propagate(supernova_background(), IDLE, NEUTRINOS, COLD, COSMOLOGY)
    assert np.all(flux.total.value == 0.0)


@pytest.mark.slow
def test_flux_can_be_differentiated_in_rate_energy_and_temperature():
    history = nuprop.expansion(COSMOLOGY)
    mediator = _mediator()

    @jax.jit
    def total(x):
        source = supernova_background(FermiDirac(4e-3 * x[0]), rate=1e-4 * x[1], energy=3e53 * x[2])
        flux = nuprop.transport.spectrum(
            jnp.array([0.004, 0.02]), source, mediator, NEUTRINOS, COLD.state, history
        )
        return jnp.log(jnp.sum(flux, axis=(0, 1)))

    jacobian = np.asarray(jax.jit(jax.jacfwd(total))(jnp.ones(3)))
    assert np.allclose(jacobian[:, 1:], 1.0, rtol=1e-12)
    step = 1e-5
    shift = jnp.array([step, 0.0, 0.0])
    numeric = (np.asarray(total(1 + shift)) - np.asarray(total(1 - shift))) / (2 * step)
    assert np.allclose(jacobian[:, 0], numeric, rtol=1e-6)  # central differences


def test_supernova_of_known_distance():
    # 1e58 neutrinos at 50 kpc are 1e10 per cm^2, spread over ten seconds
    spectrum = PinchedThermal("12 MeV", 2.3)
    source = nuprop.PointSource.at_distance(
        50 * u.kpc,
        cosmology=HISTORY,
        spectrum=spectrum,
        luminosity=3e52 * u.erg / u.s,
        band=("1 keV", "1 GeV"),
        flavor=(1, 1, 1),
    )
    energy = np.linspace(1e-3, 0.1, 400)
    flux = np.asarray(_free(source, HISTORY, jnp.log(energy))).sum(axis=(0, 1))
    per_area = 10 * np.trapezoid(flux, energy)
    area = 4 * np.pi * (50e-3 * MPC) ** 2
    within = gammaincc(3.3, 3.3 / 12) - gammaincc(3.3, 330 / 12)
    expected = 3e53 / GEV / 0.012 / area * within
    # trapezoids of 0.25 MeV; z = 1.1e-5
    assert per_area == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"species": "nu_mu"}, ParameterError, "species = 'nu_mu'"),
        ({"rate": "1e-4 / yr"}, UnitError, "rate = "),
        ({"rate": 0.0}, ParameterError, "rate = 0"),
        ({"energy": "3e53 erg / s"}, UnitError, "energy = "),
        ({"spectrum": nuprop.PowerLaw(2.0)}, ParameterError, "give a band"),
    ],
)
def test_bad_input(given, error, message):
    with pytest.raises(error, match=message):
        supernova_background(**given)
