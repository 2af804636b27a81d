"""The relic background: density, temperature, and the distribution of W = e - p cos(theta)."""

from functools import partial

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference.printed import CROSS_SECTIONS
from scipy.integrate import quad
from scipy.special import zeta

import nuprop
from nuprop.constants import BOLTZMANN, HBAR_C
from nuprop.errors import ParameterError, UnitError
from nuprop.relics import line_norm, line_shape, thermal_density

EV = 1e-9
#: Density of one helicity of one state today, and the same with N_eff = 3.044 [cm^-3].
DENSITY, DENSITY_3044 = 56.0082065352, 56.6231741543
#: Twelve digits are printed, and constants carry as many.
PRINTED = 1e-11

compiled_shape = jax.jit(line_shape, static_argnames=("targets", "rule"))

# Gauss-Legendre in s = (W^2 - m^2)/(2 W T), with more nodes where the shape bends.
_PANELS = np.array([0, 1e-3, 1e-2, 0.05, 0.2, 0.5, 1, 2, 4, 7, 12, 20, 40.0])
_PANELS = np.concatenate([-_PANELS[:0:-1], _PANELS])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
S = (0.5 * (_PANELS[1:] + _PANELS[:-1])[:, None] + 0.5 * np.diff(_PANELS)[:, None] * _NODES).ravel()
S_WEIGHTS = (0.5 * np.diff(_PANELS)[:, None] * _WEIGHTS).ravel()


def distribution(r, nature, asymmetry=None, rule="fine"):
    """(W/T, weights, T phi(W)) on a rule for int dW; T phi of shape (beams, n)."""
    root = np.hypot(S, r)
    w = np.where(S > 0.0, S + root, r**2 / (root - np.minimum(S, 0.0)))
    shape = compiled_shape(S, w, np.full(S.shape, r), nature, asymmetry, rule)
    return w, S_WEIGHTS * w / root, np.asarray(shape) * np.exp(-np.abs(S))


def fermi_average(function):
    """Mean of a function of p/T over the momenta of the relics, by scipy."""
    value, _ = quad(lambda p: p**2 * function(p) / (np.exp(p) + 1.0), 0, 60, epsabs=0, limit=200)
    return value / (1.5 * zeta(3))


# --- density and temperature -----------------------------------------------------------------


def test_thermal_density():
    state = nuprop.Relics().state
    assert state.density == pytest.approx(DENSITY, rel=PRINTED)
    assert state.temperature == pytest.approx(1.67638916049642e-4 * EV, rel=PRINTED, abs=0.0)
    assert thermal_density(state.temperature) == pytest.approx(DENSITY, rel=PRINTED)
    # 3 zeta(3)/(4 pi^2) is the integral of f/(2 pi^2) over momenta: here by scipy
    number = quad(lambda p: p**2 / (np.exp(p) + 1.0), 0, 60, epsabs=0)[0] / (2.0 * np.pi**2)
    # tolerance: scipy's, 1e-10
    assert state.density == pytest.approx(number * (state.temperature / HBAR_C) ** 3, rel=1e-9)


def test_n_eff_scales_the_temperature():
    state = nuprop.Relics(n_eff=3.044).state
    assert state.density == pytest.approx(DENSITY_3044, rel=PRINTED)
    assert state.temperature / BOLTZMANN == pytest.approx(1.952463, rel=3e-7)  # seven digits
    assert nuprop.Relics(n_eff=3.0).state.density == pytest.approx(DENSITY, rel=PRINTED)


@pytest.mark.parametrize("given", [2.0, 2.0 * u.K, "2 K", "2000 mK"])
def test_temperature_may_be_given(given):
    state = nuprop.Relics(temperature=given).state
    assert state.temperature == pytest.approx(2.0 * BOLTZMANN, rel=PRINTED, abs=0.0)
    assert state.density == pytest.approx(DENSITY * (2.0 / 1.945368839175) ** 3, rel=PRINTED)


def test_photons_set_the_temperature():
    twice = nuprop.Relics(T_cmb=5.451 * u.K).state
    assert twice.temperature == pytest.approx(
        2.0 * nuprop.Relics().state.temperature, rel=1e-15, abs=0.0
    )
    assert twice.density == pytest.approx(8.0 * DENSITY, rel=PRINTED)


@pytest.mark.parametrize("given", [60.0, 60.0 / u.cm**3, "6e7 / m3"])
def test_density_may_be_given(given):
    state = nuprop.Relics(density=given).state
    assert state.density == pytest.approx(60.0, rel=1e-14)  # one product of units
    assert state.temperature == nuprop.Relics().state.temperature


def test_density_grows_as_volumes_shrink():
    z = np.array([0.0, 1.0, 5.0])
    state = nuprop.Relics(overdensity=3.0).state
    np.testing.assert_allclose(state.helicity_density(z), 3.0 * DENSITY * (1 + z) ** 3, rtol=1e-11)


def test_overdensity_of_redshift():
    state = nuprop.Relics(overdensity=lambda z: 1.0 + 4.0 * jnp.exp(-z)).state
    z = np.array([0.0, 2.0])
    expected = DENSITY * (1 + z) ** 3 * (1.0 + 4.0 * np.exp(-z))
    np.testing.assert_allclose(state.helicity_density(z), expected, rtol=PRINTED)


def test_an_overdensity_multiplies_depths():
    given = {
        "mediator": nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4),
        "neutrinos": nuprop.Neutrinos("0.08 eV"),
    }
    energy = np.array([3e5, 6e5, 7e5])

    def depth(**relics):
        return nuprop.optical_depth(
            energy, 5.0, relics=nuprop.Relics(**relics), channels="resonance", **given
        )

    plain = depth()
    assert np.all(plain > 0.0)
    # one factor in front of the same sum
    np.testing.assert_allclose(depth(overdensity=7.0), 7.0 * plain, rtol=1e-12)
    np.testing.assert_allclose(depth(density=2.0 * DENSITY), 2.0 * plain, rtol=PRINTED)
    # at rest each relic is met at one redshift: z > 1.1 from 300 TeV, z < 0.27 from the others
    cold = depth(thermal=False)
    local = depth(thermal=False, overdensity=lambda z: jnp.where(z < 0.3, 10.0, 1.0))
    np.testing.assert_allclose(local, cold * [1.0, 10.0, 10.0], rtol=1e-12)


def test_describe():
    record = nuprop.Relics(nature="dirac", thermal=False, asymmetry=0.1).describe()
    assert record["nature"] == "dirac"
    assert record["thermal"] is False
    assert record["asymmetry"] == 0.1
    assert record["density per state and helicity [cm-3]"] == pytest.approx(DENSITY, rel=PRINTED)
    assert record["temperature [K]"] == pytest.approx(1.945368839, rel=1e-9)  # ten digits
    assert nuprop.Relics(overdensity=lambda z: 1.0 + z).describe()["overdensity"] == "function of z"


# --- the distribution of W -------------------------------------------------------------------

#: m/T from massless to 160 eV, with the mass where the rule for momenta is worst, 1e-3 T.
RATIOS = (0.0, 1e-3, 1e-2, 0.1, 1.0, 5.0, 20.0, 100.0, 300.0, 1e6)
#: Of integrals over W: 64 and 16 nodes for momenta, good to 4e-10 and 6e-7.
FINE, FAST = 1e-9, 1e-6


@pytest.mark.parametrize("r", RATIOS)
def test_norms(r):
    slowness = fermi_average(lambda p: 0.5 * (1.0 + p / np.hypot(p, r)))
    for rule, tolerance in (("fine", FINE), ("fast", FAST)):
        _, weights, majorana = distribution(r, "majorana", rule=rule)
        _, _, dirac = distribution(r, "dirac", rule=rule)
        assert weights @ majorana[0] == pytest.approx(1.0, abs=tolerance)
        assert weights @ dirac[0] == pytest.approx(slowness, abs=tolerance)


def test_a_dirac_relic_counts_fully_when_fast_and_half_when_slow():
    weights, dirac = distribution(0.0, "dirac")[1:]
    assert weights @ dirac[0] == pytest.approx(1.0, abs=FINE)
    weights, dirac = distribution(1e4, "dirac")[1:]
    # (1 + <p/e>)/2 with <p/e> = 3.151374 T/m, up to (T/m)^3
    assert weights @ dirac[0] == pytest.approx(0.5 * (1.0 + 3.151374372e-4), abs=FINE)


@pytest.mark.parametrize(
    ("r", "shift", "width"),
    [
        (5, 0.33772969, 0.49561346),
        (10, 0.098937283, 0.22610883),
        (20, 0.026290985, 0.10688266),
        (36, 0.008253099, 0.058257408),
        (100, 0.0010771329, 0.020795612),
        (300, 0.00011979516, 0.0069237238),
    ],
)
def test_mean_and_width(r, shift, width):
    w, weights, (phi,) = distribution(r, "majorana")
    mean = weights @ (phi * w)
    # seven or eight printed digits; the shift is what is left of the mean, 1 + shift, good to 1e-11
    assert mean / r - 1.0 == pytest.approx(shift, rel=2e-8, abs=2e-11)
    assert np.sqrt(weights @ (phi * (w - mean) ** 2)) / r == pytest.approx(width, rel=5e-8)


def test_massless_shape():
    # I = ln(1 + e^(-y/2)); phi is largest at y = 2.28910888182, its derivative by jax
    def phi(y):
        s = 0.5 * y
        return jnp.exp(-s) * line_shape(s, y, jnp.zeros_like(y), "majorana")[0]

    y = np.array([1e-3, 0.1, 1.0, 2.28910888182, 10.0, 60.0])
    expected = y * np.log1p(np.exp(-0.5 * y)) / (3.0 * zeta(3))
    # 64 nodes for momenta from 0 to 40 T
    np.testing.assert_allclose(jax.vmap(phi)(y), expected, rtol=1e-9)
    slope = jax.grad(phi)(2.28910888182)
    assert abs(slope) < 1e-9  # of the rule; the curvature there is -0.05, so y is right to 2e-8


@pytest.mark.parametrize("r", [0.05, 1.0, 300.0, 6000.0])
@pytest.mark.parametrize("nature", ["majorana", "dirac"])
@pytest.mark.parametrize("xi", [0.0, 0.7, -3.0])
def test_against_scipy(r, nature, xi):
    """The definitions of phi_D and phi_S, helicity by helicity, by scipy's quadrature."""
    s = np.array([-6.0, -1.0, -0.05, 0.0, 0.3, 2.0, 9.0])
    w = s + np.hypot(s, r)

    def integral(kind, degeneracy, at):
        def integrand(p):
            e = np.hypot(p, r)
            fast = {"D": at * (1 + p / e) - r**2 / e, "S": at * (p / e - 1) + r**2 / e}[kind]
            return fast / (np.exp(p - degeneracy) + 1.0)

        low = abs(at**2 - r**2) / (2.0 * at)
        places = [low + d for d in (0.1, 1.0, 4.0)] + [3.0 + low]
        value = quad(integrand, low, low + 60.0, points=places, epsabs=0, epsrel=1e-12, limit=300)[
            0
        ]
        return value / (6.0 * zeta(3))

    # helicity +, the antineutrinos, have the degeneracy -xi; a nu beam meets phi_D of them
    rows = []
    for sign in (1.0, -1.0):
        row = np.array([integral("D", -sign * xi, at) for at in w])
        if nature == "majorana":
            row = row + [integral("S", sign * xi, at) for at in w]
        rows.append(row)
    found = compiled_shape(s, w, np.full(s.shape, r), nature, xi if xi else None)
    found = np.asarray(found) * np.exp(-np.abs(s))
    assert len(found) == (2 if xi else 1)
    # 1e-9 of the rule where occupations are smooth; a degenerate sea (xi = 3) bends more
    np.testing.assert_allclose(found, rows[: len(found)], rtol=1e-9 if abs(xi) < 1 else 1e-6)


def test_asymmetry_exchanges_beams():
    _, _, plus = distribution(3.0, "majorana", 0.8)
    _, _, minus = distribution(3.0, "majorana", -0.8)
    np.testing.assert_allclose(plus, minus[::-1], rtol=1e-14)  # the same sums


def test_no_asymmetry_is_the_limit_of_a_small_one():
    for nature in ("majorana", "dirac"):
        _, _, none = distribution(3.0, nature)
        _, _, small = distribution(3.0, nature, 1e-12)
        # helicities are weighted apart and added again: their differences cancel to 1e-12
        np.testing.assert_allclose(small, np.repeat(none, 2, axis=0), rtol=1e-8, atol=1e-14)


def test_wings_stay_exact():
    # far above T, f = e^-p: massless phi = W/(3 zeta(3)) e^-s, without e^-s, which may be 0
    s = np.array([30.0, 300.0, 3000.0])
    shape = compiled_shape(s, 2.0 * s, np.zeros(3), "majorana")[0]
    np.testing.assert_allclose(shape, 2.0 * s / (3.0 * zeta(3)), rtol=1e-9)  # the rule for e^-t
    # and against slow relics of any mass phi > 0, however far
    shape = compiled_shape(-s, 0.5 * 9.0 / s, np.full(3, 3.0), "dirac")
    assert np.all((shape > 0.0) & (shape < 1.0))


@pytest.mark.parametrize("nature", ["majorana", "dirac"])
@pytest.mark.parametrize("xi", [None, 0.7, -0.7])
def test_norm_in_closed_form(nature, xi):
    for r in (0.0, 0.3, 5.0, 200.0):
        weights, phi = distribution(r, nature, xi)[1:]
        np.testing.assert_allclose(line_norm(np.array(r), nature, xi), phi @ weights, rtol=FINE)


def test_monte_carlo():
    """Throw relics at the beam: momenta from f, directions at random, rate over rest energy."""
    rng = np.random.default_rng(7)
    r, n = 2.0, 400_000
    p = np.linspace(0.0, 40.0, 8001)
    cumulative = np.cumsum(p**2 / (np.exp(p) + 1.0))
    momentum = np.interp(rng.random(n), cumulative / cumulative[-1], p)
    cosine = rng.uniform(-1.0, 1.0, n)
    e = np.hypot(momentum, r)
    w = e - momentum * cosine
    edges = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0])
    head_on = 0.5 * (e + momentum) * (1.0 - cosine) / w
    for nature, helicity in (("majorana", 1.0), ("dirac", head_on)):
        weight = w / e * helicity  # flux factor 1 - v cos(theta)
        thrown = np.histogram(w, edges, weights=weight)[0] / n
        error = np.sqrt(np.histogram(w, edges, weights=weight**2)[0]) / n
        fine = np.linspace(edges[:-1], edges[1:], 201)
        s = (fine**2 - r**2) / (2.0 * np.maximum(fine, 1e-9))
        phi = compiled_shape(s, fine, np.full(s.shape, r), nature)[0] * np.exp(-np.abs(s))
        expected = np.trapezoid(phi, fine, axis=0)
        # eleven bins twice: a deviation of five sigma once in 80 000; 1e-4 for the table of momenta
        assert np.all(np.abs(thrown - expected) < 5.0 * error + 1e-4)
        assert np.max(expected / error) > 100.0


# --- averaged cross sections -----------------------------------------------------------------


@pytest.mark.parametrize(("energy", "mass", "z", "majorana", "dirac"), CROSS_SECTIONS)
def test_averaged_cross_section(energy, mass, z, majorana, dirac):
    temperature = nuprop.Relics().state.temperature * (1.0 + z)
    w, r = 1e-4 / (2.0 * energy * EV) / temperature, mass * EV / temperature
    s = (w**2 - r**2) / (2.0 * w)
    for nature, expected in (("majorana", majorana), ("dirac", dirac)):
        shape = float(line_shape(s, w, r, nature)[0]) * np.exp(-abs(s)) / temperature
        found = 2.0 * np.pi * 5e-4**2 * HBAR_C**2 * shape / (2.0 * energy * EV)
        # of the rule; the promise is 1e-4
        assert found == pytest.approx(expected, rel=1e-10, abs=0.0)


def test_massless_trough_is_deepest_where_it_should():
    # <sigma>(E) is largest at y = M^2/(2 E T) = 4.23189886416
    def logarithm(y):
        shape = line_shape(0.5 * y, y, jnp.zeros_like(y), "majorana")[0]
        return jnp.log(shape) - 0.5 * y + jnp.log(y)

    assert abs(jax.grad(logarithm)(4.23189886416)) < 1e-9  # of the rule


# --- at rest ---------------------------------------------------------------------------------


def test_weight_at_rest():
    state = partial(nuprop.Relics, thermal=False)
    np.testing.assert_array_equal(state().state.weight_at_rest(), [1.0])
    np.testing.assert_array_equal(state(nature="dirac").state.weight_at_rest(), [0.5])


@pytest.mark.parametrize("xi", [0.3, -1.5, 5.0])
def test_weight_at_rest_with_asymmetry(xi):
    nu, nubar = nuprop.Relics(nature="dirac", thermal=False, asymmetry=xi).state.weight_at_rest()
    # exact: n(nu) - n(nubar) = (pi^2 xi + xi^3) T^3/(6 pi^2); a nu beam meets nubar relics
    excess = (np.pi**2 * xi + xi**3) / (4.5 * zeta(3))
    # the rule for momenta, worst in a degenerate sea
    assert 2.0 * (nubar - nu) == pytest.approx(excess, rel=2e-7)
    fraction = quad(lambda p: p**2 / (np.exp(p + xi) + 1), 0, 60)[0] / (1.5 * zeta(3))
    assert 2.0 * nu == pytest.approx(fraction, rel=2e-7)
    both = nuprop.Relics(thermal=False, asymmetry=xi).state.weight_at_rest()
    np.testing.assert_allclose(both, [nu + nubar] * 2, rtol=1e-14)


@pytest.mark.parametrize("nature", ["majorana", "dirac"])
@pytest.mark.parametrize("xi", [None, 0.5])
def test_weight_at_rest_is_the_norm_of_a_heavy_line(nature, xi):
    relics = nuprop.Relics(nature=nature, thermal=False, asymmetry=xi or 0.0)
    weights, phi = distribution(1e6, nature, xi)[1:]
    # what is left is <p/e>/2 = 1.6e-6 times the occupation
    np.testing.assert_allclose(phi @ weights, relics.state.weight_at_rest(), rtol=4e-6)


# --- as a pytree -----------------------------------------------------------------------------


def test_derivative_in_every_parameter():
    def total(state):
        s, w = jnp.array([-1.0, 0.5]), jnp.array([3.0, 5.0])
        shape = line_shape(s, w, jnp.array([4.0, 4.5]), state.targets, state.asymmetry)
        return jnp.sum(shape) * jnp.sum(state.helicity_density(jnp.array([0.5]))) * 1e12

    state = nuprop.Relics(asymmetry=0.2, overdensity=1.3).state
    slopes = jax.jit(jax.grad(total))(state)
    for name in ("density", "overdensity"):
        whole = float(total(state))
        # both are factors
        assert float(getattr(slopes, name)) == pytest.approx(
            whole / getattr(state, name), rel=1e-12
        )
    step = 1e-5

    def at(xi):
        return total(nuprop.Relics(asymmetry=xi, overdensity=1.3).state)

    numeric = (at(0.2 + step) - at(0.2 - step)) / (2.0 * step)
    assert float(slopes.asymmetry) == pytest.approx(float(numeric), rel=1e-8)  # step^2 and rounding


def test_traced_parameters_pass_untouched():
    def density(n_eff, overdensity):
        return nuprop.Relics(n_eff=n_eff, overdensity=overdensity).state.helicity_density(0.0)

    assert float(jax.jit(density)(3.044, 2.0)) == pytest.approx(2.0 * DENSITY_3044, rel=PRINTED)
    # n ~ n_eff^(3/4)
    slope = jax.grad(density)(3.044, 1.0)
    assert float(slope) == pytest.approx(0.75 * DENSITY_3044 / 3.044, rel=PRINTED)


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"nature": "majoran"}, ParameterError, "nature = 'majoran': 'majorana' or 'dirac'"),
        ({"thermal": "yes"}, ParameterError, "thermal = 'yes': True or False"),
        ({"thermal": 1}, ParameterError, "thermal = 1: True or False"),
        ({"T_cmb": 0.0}, ParameterError, "T_cmb = 0.0: a positive temperature in K"),
        ({"T_cmb": -2.7}, ParameterError, "T_cmb = -2.7: a positive temperature in K"),
        ({"T_cmb": float("nan")}, ParameterError, "T_cmb = nan: a positive temperature"),
        ({"T_cmb": "2.7 cm"}, UnitError, "T_cmb = 2.7 cm has the unit cm; a unit of temperature"),
        ({"T_cmb": "warm"}, UnitError, "T_cmb = 'warm' is not a quantity"),
        ({"T_cmb": [2.7, 2.8]}, ParameterError, r"T_cmb has the shape \(2,\): one number"),
        ({"temperature": 0.0}, ParameterError, "temperature = 0.0: a positive temperature in K"),
        ({"temperature": -1.9 * u.K}, ParameterError, "temperature = -1.9"),
        ({"temperature": 1.9 * u.GeV}, UnitError, "temperature = 1.9 GeV has the unit GeV"),
        ({"n_eff": 0.0}, ParameterError, "n_eff = 0.0: a positive number"),
        ({"n_eff": 3.0 * u.K}, UnitError, "n_eff = 3.0 K has the unit K"),
        ({"n_eff": 3.0, "temperature": 1.9}, ParameterError, "both fix the relics' temperature"),
        ({"density": 0.0}, ParameterError, "density = 0.0: a positive density in cm"),
        ({"density": -56.0}, ParameterError, "density = -56.0: a positive density in cm"),
        ({"density": float("inf")}, ParameterError, "density = inf: a positive density"),
        ({"density": 56.0 * u.cm}, UnitError, "density = 56.0 cm has the unit cm"),
        ({"density": None, "overdensity": 0.0}, ParameterError, "overdensity = 0.0: a positive"),
        ({"overdensity": -1.0}, ParameterError, "overdensity = -1.0: a positive number or a call"),
        ({"overdensity": "big"}, UnitError, "overdensity = 'big' is not a quantity"),
        ({"overdensity": lambda z: 1.0 if z > 1 else 2.0}, ParameterError, "traceable by JAX"),
        ({"overdensity": lambda z: z - 3.0}, ParameterError, "one finite value >= 0 for each"),
        ({"overdensity": lambda z: 1.0 / z}, ParameterError, "one finite value >= 0 for each"),
        ({"overdensity": lambda z: z[:2]}, ParameterError, "one finite value >= 0 for each"),
        ({"asymmetry": 5.1}, ParameterError, "asymmetry = 5.1: a number between -5 and 5"),
        ({"asymmetry": float("nan")}, ParameterError, "asymmetry = nan: a number between"),
        ({"asymmetry": 1.0 * u.eV}, UnitError, "asymmetry = 1.0 eV has the unit eV"),
        ({"asymmetry": [0.1, 0.2]}, ParameterError, r"asymmetry has the shape \(2,\): one number"),
    ],
)
def test_bad_input(given, error, says):
    with pytest.raises(error, match=says):
        nuprop.Relics(**given)
