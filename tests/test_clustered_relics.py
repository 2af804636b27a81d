"""Clumps of relics along the line of sight."""

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

import nuprop
from nuprop.constants import HBAR_C, MEGAPARSEC, SPEED_OF_LIGHT
from nuprop.errors import ParameterError, UnitError
from nuprop.overdensities import Overdensity
from nuprop.relics import around_source, line_shape, local_overdensity

COSMOLOGY = FlatLambdaCDM(H0=67.4, Om0=0.315)
HISTORY = nuprop.expansion(COSMOLOGY)
NEUTRINOS = nuprop.Neutrinos(lightest_mass="0.03 eV")
MEDIATOR = nuprop.ZPrime.lmu_ltau("10 MeV", 1e-4)
H0 = 67.4e5 / MEGAPARSEC
DENSITY = 56.0082065352
#: ln of the energy today at which nu_3 resonates, and the row of |g_i3|^2.
LOG_EDGE = float(np.log(0.01**2 / (2.0 * NEUTRINOS.masses[2])))
COUPLING = np.abs(np.asarray(MEDIATOR.couplings_in_mass_basis(NEUTRINOS))) ** 2


def depths(log_energy, z=2.0, **relics):
    return nuprop.optical_depth(
        np.exp(log_energy),
        z,
        mediator=MEDIATOR,
        neutrinos=NEUTRINOS,
        relics=nuprop.Relics(**relics),
        cosmology=COSMOLOGY,
        channels="resonance",
    )


def line_depth(z):
    """2 pi/M^2 n c/H of relics at their mean density."""
    hubble = H0 * np.sqrt(0.315 * (1 + z) ** 3 + 0.685)
    return 2 * np.pi * (HBAR_C / 0.01) ** 2 * DENSITY * (1 + z) ** 3 * SPEED_OF_LIGHT / hubble


# --- the profile -----------------------------------------------------------------------------


def test_width_is_the_radius_over_the_hubble_length():
    clump = local_overdensity(10.0, "30 Mpc", cosmology=COSMOLOGY)
    assert clump.width == pytest.approx(30 * 67.4 / 299792.458, rel=1e-9)  # astropy's H0
    assert clump.place == 0.0
    far = around_source(10.0, 30 * u.Mpc, 1.0, cosmology=COSMOLOGY)
    rate = np.sqrt(0.315 * 8 + 0.685)
    assert far.width == pytest.approx(rate * float(clump.width), rel=1e-9)
    assert far.place == pytest.approx(np.log(2.0), rel=1e-14)
    # proper length of the path between the two ends, second order in the width
    z_low, z_high = np.expm1([far.place - far.width, far.place + far.width])
    length = quad(
        lambda z: SPEED_OF_LIGHT / float(HISTORY.hubble(z)) / (1 + z), float(z_low), float(z_high)
    )[0]
    assert length == pytest.approx(60 * MEGAPARSEC, rel=1e-4)


def test_top_hat_and_gaussian():
    hat = Overdensity(5.0, 0.4, 0.1, "top-hat")
    z = np.expm1([0.29, 0.31, 0.4, 0.49, 0.51])
    assert np.array_equal(hat(z), [1.0, 5.0, 5.0, 5.0, 1.0])
    bell = Overdensity(5.0, 0.4, 0.1)
    assert bell(np.expm1(0.4)) == pytest.approx(5.0, rel=1e-14)
    # one standard deviation away
    away = 0.1 * np.sqrt(2 / np.pi)
    assert bell(np.expm1(0.4 + away)) == pytest.approx(1 + 4 * np.exp(-0.5), rel=1e-12)
    assert Overdensity(0.0, 0.4, 0.1)(np.expm1(0.4)) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("shape", ["gaussian", "top-hat"])
def test_both_shapes_have_the_same_column(shape):
    clump = Overdensity(5.0, 1.0, 0.1, shape)
    assert clump.excess(0.0, 3.0) == pytest.approx(2 * 0.1 * 4.0, rel=1e-14)
    assert clump.excess(0.0, 1.0) == pytest.approx(0.1 * 4.0, rel=1e-14)
    part = quad(lambda x: float(clump(np.expm1(x))) - 1.0, 0.95, 1.13, points=[1.1])[0]
    assert clump.excess(0.95, 1.13) == pytest.approx(part, rel=1e-7)  # quad across a step
    mean = clump.mean(1.04, 0.18)
    assert mean == pytest.approx(1.0 + part / 0.18, rel=1e-7)


def test_mean_of_the_cell_that_holds_today():
    local = Overdensity(101.0, 0.0, 1e-4, "top-hat")
    # only u > 0 counts: the cell from 0 to 0.01 is filled to 1 %
    assert local.mean(0.005, 0.01) == pytest.approx(2.0, rel=1e-13)
    assert local.mean(0.0, 0.01) == pytest.approx(3.0, rel=1e-13)


@settings(max_examples=50, deadline=None)
@given(
    st.floats(0.0, 1e4), st.floats(0.0, 2.0), st.floats(-4.0, 0.0), st.sampled_from([True, False])
)
def test_cells_add_up_to_the_column(factor, place, log_width, smooth):
    clump = Overdensity(factor, place, 10.0**log_width, "gaussian" if smooth else "top-hat")
    cells = (np.arange(100) + 0.5) * 0.03
    total = float(jnp.sum(clump.mean(cells, 0.03) - 1.0)) * 0.03
    # rounding of 1 + excess
    assert total == pytest.approx(float(clump.excess(0.0, 3.0)), rel=1e-9, abs=1e-12)


def test_widened_clumps_keep_their_column():
    thin = local_overdensity(1e4, "100 kpc")
    wide = thin.widened(0.01)
    assert wide.width == pytest.approx(0.01)
    assert wide.excess(0.0, 1.0) == pytest.approx(float(thin.excess(0.0, 1.0)), rel=1e-13)
    same = wide.widened(0.001)
    assert (same.width, same.factor) == (wide.width, wide.factor)
    direct = local_overdensity(1e4, "100 kpc", least_width=0.01)
    assert direct.describe() == wide.describe()


def test_profiles_describe_themselves():
    relics = nuprop.Relics(overdensity=Overdensity(5.0, 0.0, 0.1))
    described = relics.describe()["overdensity"]
    assert described == {"shape": "gaussian", "factor": 5.0, "place": 0.0, "width": 0.1}
    assert repr(Overdensity(5.0, 0.0, 0.1)) == "Overdensity(5, place=0, width=0.1, 'gaussian')"
    assert np.allclose(relics.state.breaks.max(), 0.6)
    assert nuprop.Relics().state.breaks.shape == (0,)
    assert nuprop.Relics(overdensity=lambda z: 1.0 + z).state.breaks.shape == (0,)


def test_density_of_cells():
    state = nuprop.Relics(overdensity=Overdensity(101.0, 0.0, 1e-4, "top-hat")).state
    z = np.expm1(0.005)
    assert state.helicity_density(z) == pytest.approx(DENSITY * (1 + z) ** 3, rel=1e-11)
    mean = state.helicity_density(z, log_width=0.01)
    assert mean == pytest.approx(2.0 * DENSITY * (1 + z) ** 3, rel=1e-11)
    plain = nuprop.Relics(overdensity=3.0).state
    assert plain.helicity_density(z, 0.01) == plain.helicity_density(z)


# --- optical depths --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["gaussian", "top-hat"])
def test_depth_at_rest_is_that_of_the_place_of_resonance(shape):
    clump = around_source(30.0, "50 Mpc", 0.5, shape=shape, cosmology=COSMOLOGY)
    z = np.array([0.3, 0.49, 0.5, 0.505, 0.6])
    found = depths(LOG_EDGE - np.log1p(z), z=0.8, thermal=False, overdensity=clump)
    # nu_1 and nu_2 resonate at twice the energy, at z > 1.5
    expected = COUPLING[:, 2, None] * line_depth(z) * np.asarray(clump(z))
    assert np.allclose(found, expected, rtol=1e-9, atol=0.0)  # astropy's constants


@pytest.mark.parametrize("thermal", [False, True], ids=["cold", "thermal"])
def test_thin_clump_counts_by_its_column(thermal):
    # int d ln(eps) tau = (2 pi g^2/M^2) n (factor - 1) L: motion only shifts where it absorbs
    clump = around_source(80.0, "10 Mpc", 0.5, cosmology=COSMOLOGY)
    length = 10 * MEGAPARSEC
    reach = 0.25 if thermal else 0.02
    log_energy = LOG_EDGE - np.log(1.5) + np.linspace(-reach, reach, 2001)
    with_clump = depths(log_energy, z=0.9, thermal=thermal, overdensity=clump)
    without = depths(log_energy, z=0.9, thermal=thermal)
    area = np.trapezoid(with_clump - without, log_energy, axis=1)
    expected = 2 * np.pi * (HBAR_C / 0.01) ** 2 * DENSITY * 1.5**3 * 79.0 * 2 * length
    # width^2, and <1/W> of the thermal line, 1 - O(rms^2 = 1e-4); nodes are not at its edges
    assert np.allclose(area / COUPLING[:, 2], expected, rtol=3e-3)


@pytest.mark.slow
@pytest.mark.parametrize("radius", ["10 Mpc", "50 Mpc", "300 Mpc"])
def test_thermal_depth_of_a_smooth_clump_by_quadrature(radius):
    clump = local_overdensity(20.0, radius, cosmology=COSMOLOGY)
    log_energy = LOG_EDGE + np.array([-0.03, -0.02, -0.01, 0.0, 0.01])
    found = depths(log_energy, overdensity=clump) - depths(log_energy)
    # 10 nodes a panel
    assert np.allclose(found, _excess_depth(log_energy, clump), rtol=2e-3, atol=0.0)


def _excess_depth(log_energy, clump):
    """The same integral over u, on 4001 points across the clump; nu_3 alone is met."""
    temperature = float(nuprop.Relics().state.temperature)
    mass = float(NEUTRINOS.masses[2])
    u = np.linspace(0.0, 7.0 * float(clump.width), 4001)
    w = 0.01**2 / (2 * np.exp(log_energy[:, None] + u))
    t = temperature * np.exp(u)
    s = (w**2 - mass**2) / (2 * w * t)
    phi = np.asarray(line_shape(s, w / t, np.broadcast_to(mass / t, s.shape), "majorana")[0])
    z = np.expm1(u)
    excess = np.asarray(clump(z)) - 1.0
    line = np.trapezoid(line_depth(z) * excess * w / t * phi * np.exp(-np.abs(s)), u, axis=-1)
    return COUPLING[:, 2, None] * line


def test_thin_clump_is_density_times_length_times_cross_section():
    # The lines of light relics are broad: all of the clump has one cross section, the average over
    # the relics' motion sigma = 2 pi |g|^2 phi(W)/(2 E) of W = M^2/(2 E).
    light = nuprop.Neutrinos(lightest_mass="1 meV")
    energy = 0.01**2 / (2 * float(light.masses[1]))
    clump = local_overdensity(1e3, "10 Mpc", cosmology=COSMOLOGY)
    temperature = float(nuprop.Relics().state.temperature)
    r = np.asarray(light.masses) / temperature
    w = 0.01**2 / (2 * energy) / temperature
    s = (w**2 - r**2) / (2 * w)
    shape = np.asarray(line_shape(s, np.full(3, w), r, "majorana")[0])
    sigma = 2 * np.pi * HBAR_C**2 * shape * np.exp(-np.abs(s)) / temperature / (2 * energy)
    expected = np.abs(np.asarray(MEDIATOR.couplings_in_mass_basis(light))) ** 2 @ sigma
    expected = expected * DENSITY * 999.0 * 10 * MEGAPARSEC

    def depth(**relics):
        return nuprop.optical_depth(
            energy,
            0.05,
            mediator=MEDIATOR,
            neutrinos=light,
            relics=nuprop.Relics(**relics),
            cosmology=COSMOLOGY,
            channels="resonance",
        )[:, 0]

    # the clump is 0.2 % long in energy, the line 4 % wide
    assert np.allclose(depth(overdensity=clump) - depth(), expected, rtol=5e-3)


# --- the transport ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def source():
    return nuprop.PointSource(0.5, normalization=1e-16)


def attenuation(flux):
    return 1.0 - flux.values.sum(axis=0) / flux.free_values.sum(axis=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("radius", "factor", "tolerance"), [("20 Mpc", 50.0, 0.01), ("300 Mpc", 5.0, 1e-3)]
)
def test_march_through_a_smooth_clump_converges(source, radius, factor, tolerance):
    # steps of 0.0032, half widths of 0.0045 and 0.067
    clump = local_overdensity(factor, radius, cosmology=COSMOLOGY)
    mediator = nuprop.ZPrime.lmu_ltau("10 MeV", 2e-4)
    energy = np.exp(LOG_EDGE + np.linspace(-0.06, 0.01, 8))

    def lost(resolution):
        relics = nuprop.Relics(overdensity=clump)
        flux = nuprop.propagate(
            source, mediator, NEUTRINOS, relics, COSMOLOGY, energy, resolution=resolution
        )
        assert flux.method == "march"
        assert flux.status is nuprop.Status.OK
        return attenuation(flux)[0]

    coarse, fine = lost(1.0), lost(4.0)
    assert fine.max() > 0.6
    assert np.allclose(coarse, fine, atol=tolerance)


def test_sweep_through_a_clump_at_rest(source):
    clump = around_source(20.0, "300 Mpc", 0.25, cosmology=COSMOLOGY)
    relics = nuprop.Relics(thermal=False, overdensity=clump)
    energy = np.exp(LOG_EDGE + np.linspace(-0.39, -0.05, 18))
    flux = nuprop.propagate(source, MEDIATOR, NEUTRINOS, relics, COSMOLOGY, energy)
    assert flux.status is nuprop.Status.OK
    depth = depths(np.log(energy), z=0.5, thermal=False, overdensity=clump)
    # nothing falls from above the highest line of a point source onto its upper edge: what arrives
    # is the survivors and what the clump's own secondaries add below
    survived = np.exp(-depth)
    transmitted = 1.0 - attenuation(flux)
    assert np.all(transmitted >= survived * (1.0 - 1e-9))
    darkest = np.argmax(depth[0])
    assert np.log(energy[darkest]) == pytest.approx(LOG_EDGE - np.log(1.25), abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "tolerance"), [("march", 1e-3), ("cascade", 5e-3)])
@pytest.mark.parametrize(
    "clump",
    [
        local_overdensity(3000.0, "400 kpc"),
        around_source(300.0, "4 Mpc", 0.5),
        Overdensity(300.0, 0.2517, 1e-3, "top-hat"),
    ],
    ids=["local", "source", "between"],
)
def test_thin_clump_on_a_lattice_as_in_a_sweep(source, clump, method, tolerance):
    """Relics at rest, in cells far wider than steps, which are 2 to 50 times as wide as a clump."""
    mediator = nuprop.ZPrime.lmu_ltau("10 MeV", 3e-7)  # transparent even in the clump
    relics = nuprop.Relics(thermal=False, overdensity=clump)
    edges = np.exp(LOG_EDGE + 0.013 + np.arange(-0.5, 0.1, 0.05))

    def absorbed(method):
        flux = nuprop.propagate(
            source, mediator, NEUTRINOS, relics, COSMOLOGY, energy_edges=edges, method=method
        )
        assert flux.status is nuprop.Status.OK
        return attenuation(flux)

    exact = absorbed("sweep")
    # interpolation between steps of a line as wide as they are, 0.0025 and 0.005, in cells of 0.05:
    # 4e-4 and 3e-3 were found
    np.testing.assert_allclose(absorbed(method), exact, rtol=0.0, atol=tolerance * np.max(exact))


@pytest.mark.slow
def test_clump_can_be_differentiated_and_compiled_once(source):
    compiled = []

    def flux(clump):
        compiled.append(clump)
        relics = nuprop.Relics(thermal=False, overdensity=clump).state
        energy = jnp.exp(LOG_EDGE - jnp.array([0.06, 0.2, 0.25]))
        return jnp.log(
            nuprop.transport.spectrum(energy, source, MEDIATOR, NEUTRINOS, relics, HISTORY)[0, 0]
        )

    run = jax.jit(flux)
    clump = Overdensity(20.0, 0.2, 0.05)
    slopes = jax.jit(jax.jacfwd(flux))(clump)
    for name, step in (("factor", 1e-3), ("place", 1e-6), ("width", 1e-6)):

        def moved(sign, name=name, step=step):
            numbers = {key: getattr(clump, key) for key in ("factor", "place", "width")}
            numbers[name] += sign * step
            return np.asarray(run(Overdensity(**numbers)))

        numeric = (moved(1.0) - moved(-1.0)) / (2 * step)
        # truncation: step^2 times third derivatives, 1e-12/width^2
        assert np.allclose(getattr(slopes, name), numeric, rtol=1e-5, atol=1e-7)
    assert len(compiled) == 2


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: local_overdensity(-1.0, "1 Mpc"), ParameterError, "factor = -1"),
        (lambda: local_overdensity(2.0, "1 s"), UnitError, "radius = 1"),
        (lambda: local_overdensity(2.0, 0.0), ParameterError, "radius = 0"),
        (lambda: local_overdensity(2.0, "1 Mpc", shape="hat"), ParameterError, "top-hat"),
        (lambda: local_overdensity(2.0, "1 Mpc", least_width=0.0), ParameterError, "width = 0"),
        (lambda: around_source(2.0, "1 Mpc", 0.0), ParameterError, "z = 0"),
        (lambda: around_source(2.0, "1 Mpc", 0.1, cosmology="Plonk"), ParameterError, "cosmology"),
        (lambda: Overdensity(2.0, -0.1, 0.1), ParameterError, "place = -0.1"),
        (lambda: Overdensity([2.0, 3.0], 0.1, 0.1), ParameterError, "factor has the shape"),
        (lambda: Overdensity(2.0, 0.1, float("nan")), ParameterError, "width = nan"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
