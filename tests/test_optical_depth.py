"""Depths of narrow lines: closed forms at rest, printed numbers and quadrature in motion."""

import itertools

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from reference import models
from reference.models import AT_REST, THERMAL
from reference.printed import CROSS_SECTIONS, DEPTHS
from scipy.integrate import quad

import nuprop
from nuprop.constants import HBAR_C
from nuprop.relics import line_shape

COSMOLOGY = FlatLambdaCDM(H0=67.4, Om0=0.315, Tcmb0=0.0)
MASS, COUPLING = 0.01, 5e-4
#: The printed numbers have nine decimals, of tau or of 1e-9 tau, and constants to 1e-10.
PRINTED = 1e-9
#: Reached with 10-point Gauss-Legendre on twelve panels in momentum is 4e-7; the goal is 1e-4.
QUADRATURE = 2e-6


def tau(energy, z=5.0, mass=0.05, relics=THERMAL, **options):
    """Optical depth of nu_1 on relics of one mass."""
    return nuprop.optical_depth(
        energy,
        z,
        mediator=models.one_state(COUPLING),
        neutrinos=nuprop.Neutrinos.from_masses(np.array([mass, 0.03, 0.04]) * models.EV),
        relics=relics,
        cosmology=COSMOLOGY,
        channels="resonance",
        **options,
    )[0]


# --- relics at rest --------------------------------------------------------------------------


def test_narrow_line_at_rest():
    # tau = 4.70170996599 (1 + z_R)^3 H_0/H(z_R) between E_R/(1 + z) and E_R = 1 PeV
    growth = np.array([1.01, 1.5, 2.0, 4.0, 5.9])
    expected = 4.70170996599 * growth**3 * (COSMOLOGY.H0 / COSMOLOGY.H(growth - 1.0)).value
    np.testing.assert_allclose(tau(1e6 / growth, relics=AT_REST), expected, rtol=PRINTED)


def test_nothing_outside_the_line_at_rest():
    # what is left are |g_12|^2 = 1e-33 of rounding in the change of basis
    assert np.all(tau([1.001e6, 1e7, 1e6 / 6.01, 1e4], relics=AT_REST) < 1e-24)


def test_depth_grows_with_distance_at_rest():
    # met at z_R = 1: nothing before, everything after
    depths = tau(5e5, [0.5, 0.99, 1.01, 4.0], relics=AT_REST)
    assert np.all(depths[:2] < 1e-24)
    assert depths[2] == depths[3] > 1.0


def test_tau_of_one():
    # |g| = 2.30591e-4 M/(10 MeV) makes tau = 1 at z = 0; six digits
    depth = nuprop.optical_depth(
        2.5e6 * (1.0 - 1e-12),
        1.0,
        mediator=models.one_state(2.30591e-4 * 0.5, "5 MeV"),
        neutrinos=nuprop.Neutrinos.from_masses(np.array([5e-3, 1.0, 2.0]) * models.EV),
        relics=AT_REST,
        cosmology=COSMOLOGY,
        channels="resonance",
    )
    np.testing.assert_allclose(depth[0], 1.0, rtol=5e-6)


def test_dirac_at_rest_is_half():
    dirac = nuprop.Relics("dirac", thermal=False)
    np.testing.assert_array_equal(tau(5e5, relics=dirac), 0.5 * tau(5e5, relics=AT_REST))


def test_massless_relics_at_rest():
    assert tau(5e6, mass=0.0, relics=AT_REST) < 1e-24


def test_sum_over_targets():
    # 11 MeV L_mu - L_tau: what a beam meets at z = 0, tau_0,ij summed over the targets it crosses
    table = np.array(
        [
            [0.037904971, 0.025646714, 1.192806612],
            [0.025646714, 0.096314314, 2.593459883],
            [1.192806612, 2.593459883, 0.013375729],
        ]
    )
    lines = models.problem_of(*models.fig3())[0]
    at_zero = np.asarray(lines.coupling_squared) * float(lines.depth_scale(jnp.zeros(())))
    np.testing.assert_allclose(at_zero, table, atol=6e-10)  # nine decimals
    np.testing.assert_allclose(at_zero.sum(axis=1), [1.256, 2.715, 3.800], atol=6e-4)


# --- relics in motion ------------------------------------------------------------------------


@jax.jit
def cross_section(energy, mass, growth, lines):
    """sigma_0 phi(M^2/2E)/(2E) in cm2."""
    temperature = lines.relics.temperature * growth
    w, r = 0.5 * MASS**2 / energy / temperature, mass / temperature
    s = 0.5 * (w - r**2 / w)
    shapes = [line_shape(s, w, r, nature)[0] for nature in ("majorana", "dirac")]
    peak = 2.0 * jnp.pi * COUPLING**2 * HBAR_C**2 / (2.0 * energy * temperature)
    return peak * jnp.exp(-jnp.abs(s)) * jnp.stack(shapes)


@pytest.mark.parametrize(("energy", "mass", "z", "majorana", "dirac"), CROSS_SECTIONS)
def test_thermal_cross_section(energy, mass, z, majorana, dirac):
    lines = models.problem_of(*models.fig3(relics=THERMAL))[0]
    found = cross_section(energy * models.EV, mass * models.EV, 1.0 + z, lines)
    # twelve digits printed; momenta on 8-point panels from threshold: 1e-9 above m = 0.05 T
    np.testing.assert_allclose(found, [majorana, dirac], rtol=1e-8)


@pytest.mark.parametrize(("mass", "energy", "majorana", "dirac"), DEPTHS)
def test_thermal_depths(mass, energy, majorana, dirac):
    np.testing.assert_allclose(tau(energy, mass=mass), majorana, rtol=QUADRATURE)
    relics = nuprop.Relics("dirac")
    np.testing.assert_allclose(tau(energy, mass=mass, relics=relics), dirac, rtol=QUADRATURE)


def by_quadrature(energy, z, mass, nature, xi):
    """tau from its definition: an integral over redshift of one over momenta, both adaptive."""
    t0 = float(THERMAL.state.temperature)
    density = float(THERMAL.state.density)

    def shape(w, t):
        r = mass * models.EV / t
        lowest = abs(w**2 - r**2) / (2.0 * w)

        def weight(q, sign, along):
            e = np.hypot(q, r)
            flux = w * (1.0 + q / e) - r**2 / e if along else w * (q / e - 1.0) + r**2 / e
            return flux / (np.exp(q + sign * xi) + 1.0)

        def total(q):
            part = weight(q, 1.0, along=True)
            return part + weight(q, -1.0, along=False) if nature == "majorana" else part

        edges = lowest + np.array([0.0, 0.1, 0.5, 2.0, 8.0, 40.0])
        parts = [
            quad(total, a, b, epsrel=1e-10, epsabs=0.0)[0] for a, b in itertools.pairwise(edges)
        ]
        return sum(parts) / (6.0 * 1.2020569031595942)

    def rate(x):
        t = t0 * np.exp(x)
        w = MASS**2 / (2.0 * energy * np.exp(x) * t)
        column = (
            density * np.exp(3.0 * x) * 2.99792458e10 / COSMOLOGY.H(np.expm1(x)).to_value("1/s")
        )
        return 2.0 * np.pi * (COUPLING * HBAR_C / MASS) ** 2 * column * w * shape(w, t)

    nodes, weights = np.polynomial.legendre.leggauss(40)
    ends = np.log1p(z)
    return (
        0.5
        * ends
        * sum(
            weight * rate(0.5 * ends * (node + 1.0))
            for node, weight in zip(nodes, weights, strict=True)
        )
    )


@pytest.mark.parametrize("nature", ["majorana", "dirac"])
@pytest.mark.parametrize("xi", [0.0, 0.8, -0.8])
def test_thermal_depth_against_its_definition(nature, xi):
    relics = nuprop.Relics(nature, asymmetry=xi)
    # a broad line, m = T, so that 40 points in redshift are plenty
    expected = by_quadrature(2.5e7, 3.0, 1.6764e-4, nature, xi)
    found = tau(2.5e7, 3.0, mass=1.6764e-4, relics=relics)
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    if xi:
        mirrored = by_quadrature(2.5e7, 3.0, 1.6764e-4, nature, -xi)
        found = tau(2.5e7, 3.0, mass=1.6764e-4, relics=relics, antineutrinos=True)
        np.testing.assert_allclose(found, mirrored, rtol=1e-7)


@pytest.mark.parametrize(("lepton_number", "same"), [(-2, True), (0, False)])
def test_which_helicity_a_scalar_meets(lepton_number, same):
    """Nu nu makes a Majoron, nu nubar a Yukawa scalar of Dirac neutrinos."""
    scalar = nuprop.Scalar.universal("10 MeV", 1e-3, lepton_number=lepton_number)
    relics = nuprop.Relics("dirac", thermal=False, asymmetry=0.5)
    opposite, own = (float(each) for each in relics.state.helicity_excess())
    assert own > 2.0 * opposite  # xi > 0: more relic neutrinos than antineutrinos
    nu, nubar = (
        nuprop.optical_depth(
            5e5,
            5.0,
            mediator=scalar,
            neutrinos=nuprop.Neutrinos("0.08 eV"),
            relics=relics,
            cosmology=COSMOLOGY,
            antineutrinos=antineutrinos,
            channels="resonance",
        )
        for antineutrinos in (False, True)
    )
    expected = own / opposite if same else opposite / own
    np.testing.assert_allclose(nu / nubar, expected, rtol=1e-12)  # rounding


def test_motion_fades_for_heavy_relics():
    # 1 eV: a width of 3.5e-4; away from edges corrections are of its square times derivatives
    energy = MASS**2 / (2.0 * models.EV) / np.array([1.1, 2.0, 4.0])
    cold = tau(energy, mass=1.0, relics=AT_REST)
    np.testing.assert_allclose(tau(energy, mass=1.0), cold, rtol=1e-5)


def test_slow_dirac_relics():
    # to first order in p/m the weight is (1 + p/m)/2, head-on targets shift W up by p/3, and the
    # shift, which grows with 1 + z, squeezes the line in redshift by as much
    growth = np.array([1.1, 2.0, 4.0])
    energy = MASS**2 / (2.0 * models.EV) / growth
    speed = 3.151374372 * float(THERMAL.state.temperature) * growth / models.EV
    weight = 0.5 * (1.0 + speed) * (1.0 - speed / 3.0)
    expected = weight * tau(energy * (1.0 + speed / 3.0), mass=1.0, relics=AT_REST)
    found = tau(energy, mass=1.0, relics=nuprop.Relics("dirac"))
    np.testing.assert_allclose(found, expected, rtol=2e-5)  # second order: (2e-3)^2 times a few


def test_massless_relics_are_the_limit_of_light_ones():
    energy = np.array([5e6, 1.25e7, 5e7])
    np.testing.assert_allclose(
        tau(energy, mass=1e-8), tau(energy, mass=0.0), rtol=1e-7
    )  # (m/T)^2 = 4e-9, times a logarithm


def test_density_and_coupling_are_factors():
    energy = [2e5, 9e5, 1.02e6]
    base = tau(energy)
    np.testing.assert_allclose(tau(energy, relics=nuprop.Relics(overdensity=7.0)), 7.0 * base)
    doubled = nuprop.Relics(density=2.0 * float(THERMAL.state.density))
    np.testing.assert_allclose(tau(energy, relics=doubled), 2.0 * base)
    profile = nuprop.Relics(overdensity=seven)
    np.testing.assert_allclose(tau(energy, relics=profile), 7.0 * base)


def seven(z):
    return 7.0 + 0.0 * z


def test_local_overdensity_acts_nearby():
    # clustered within z = 0.1: energies that resonate there, and not those that resonate earlier
    local = nuprop.Relics(thermal=False, overdensity=nearby)
    growth = np.array([1.05, 1.5])
    ratio = tau(1e6 / growth, relics=local) / tau(1e6 / growth, relics=AT_REST)
    np.testing.assert_allclose(ratio, [11.0, 1.0], rtol=1e-12)


def nearby(z):
    return 1.0 + 10.0 * (z < 0.1)


# --- the door --------------------------------------------------------------------------------


def test_shapes_and_units():
    mediator, neutrinos = nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4), nuprop.Neutrinos("0.08 eV")
    more = {"mediator": mediator, "neutrinos": neutrinos, "channels": "resonance"}
    row = nuprop.optical_depth([5e5, 3e5, 7e5], 5.0, **more)  # in any order
    assert row.shape == (3, 3)
    assert nuprop.optical_depth(5e5, 5.0, **more).shape == (3, 1)
    np.testing.assert_array_equal(nuprop.optical_depth(500 * u.TeV, 5.0, **more), row[:, :1])
    np.testing.assert_array_equal(nuprop.optical_depth("0.5 PeV", 5.0, **more), row[:, :1])
    pairs = nuprop.optical_depth([5e5, 5e5], [5.0, 0.1], **more)
    np.testing.assert_array_equal(pairs[:, 0], row[:, 0])
    assert np.all(pairs[:, 1] < pairs[:, 0])
    assert nuprop.optical_depth(5e5, [1.0, 2.0, 3.0], **more).shape == (3, 3)


@pytest.mark.parametrize(
    ("energy", "z", "error", "message"),
    [
        (-1.0, 1.0, nuprop.GridError, "energy"),
        (0.0, 1.0, nuprop.GridError, "energy"),
        (np.nan, 1.0, nuprop.GridError, "energy"),
        ([[1e5]], 1.0, nuprop.GridError, "one-dimensional"),
        (3 * u.s, 1.0, nuprop.UnitError, "energy = 3.0 s"),
        ("many", 1.0, nuprop.UnitError, "energy = 'many'"),
        (1e5, 0.0, nuprop.ParameterError, "z = 0.0"),
        (1e5, -1.0, nuprop.ParameterError, "z = -1.0"),
        (1e5, np.nan, nuprop.ParameterError, "z = nan"),
        (1e5, 3 * u.m, nuprop.UnitError, "z = 3.0 m"),
        ([1e5, 2e5, 3e5], [1.0, 2.0], nuprop.GridError, r"z has the shape \(2,\)"),
    ],
)
def test_refusals(energy, z, error, message):
    with pytest.raises(error, match=message):
        nuprop.optical_depth(energy, z, mediator=nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4))


def test_wrong_kinds_of_objects():
    with pytest.raises(
        nuprop.ParameterError, match=r"mediator = 3: a nuprop\.ZPrime or nuprop\.Scalar is needed"
    ):
        nuprop.optical_depth(1e5, 1.0, mediator=3)
    with pytest.raises(
        nuprop.ParameterError, match=r"relics = 'dirac': a nuprop\.Relics is needed"
    ):
        nuprop.optical_depth(
            1e5, 1.0, mediator=nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4), relics="dirac"
        )


def test_needs_float64():
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(nuprop.PrecisionError, match="jax_enable_x64 = False"):
            nuprop.optical_depth(1e5, 1.0, mediator=None)
    finally:
        jax.config.update("jax_enable_x64", True)
