import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.special import gamma

from nuprop.constants import (
    ALPHA_EM,
    AVOGADRO,
    ELECTRON_MASS,
    ELEMENTARY_CHARGE,
    GEV_TO_MINUS_2,
    HBAR_C,
    MUON_MASS,
    SIN2_THETA_W,
)
from nuprop.errors import DatasetError, ParameterError, PhysicsWarning, UnitError
from nuprop.laboratory.beam_dump import (
    ALUMINIUM,
    ANCHORS,
    CLOSING_MASSES,
    DUMPS,
    ELECTRON_DUMPS,
    PROTON_DUMPS,
    TUNGSTEN,
    DarkPhotonCurve,
    ElectronDump,
    Material,
    RecastDump,
    boson_spectrum,
    differential_cross_section,
    edges,
    electron_spectrum,
    form_factor,
    photon_flux,
    proper_time,
    track_length,
)
from nuprop.mediators import ZPrime

COS_THETA_W = math.sqrt(1.0 - SIN2_THETA_W)
LIFETIME = {name: replace(dump, criterion="lifetime") for name, dump in ELECTRON_DUMPS.items()}


def lmu_ltau(mass, coupling, mixing):
    """The boson with a mixing with the photon (not with hypercharge)."""
    return ZPrime.lmu_ltau(mass, coupling, kinetic_mixing=mixing / COS_THETA_W)


def own_form_factor(t, z, a):
    elastic, inelastic = 111 * z ** (-1 / 3) / ELECTRON_MASS, 773 * z ** (-2 / 3) / ELECTRON_MASS
    d = 0.164 * a ** (-2 / 3)
    first = (elastic**2 * t / (1 + elastic**2 * t)) ** 2 / (1 + t / d) ** 2
    magnetic = (1 + t * (2.792847**2 - 1) / (4 * 0.938272**2)) / (1 + t / 0.71) ** 4
    second = (inelastic**2 * t / (1 + inelastic**2 * t)) ** 2 * magnetic**2
    return z**2 * first + z * second


def own_photon_flux(energy, mass, material):
    least = (mass**2 / (2 * energy)) ** 2

    def integrand(log_t):
        t = math.exp(log_t)
        return (1 - least / t) * own_form_factor(t, material.charge, material.weight)

    places = np.linspace(math.log(least), 2 * math.log(mass), 6)
    parts = pairwise(places)
    return sum(quad(integrand, *part, epsabs=0.0, epsrel=1e-11)[0] for part in parts)


@cache
def flux_spline(name, mass):
    dump = ELECTRON_DUMPS[name]
    energies = np.geomspace(mass, dump.beam_energy, 60)
    fluxes = [own_photon_flux(energy, mass, dump.target) for energy in energies]
    return CubicSpline(np.log(energies), np.log(fluxes))


def own_number(name, mass, mixing=1.0, width=None):
    """Events (bosons made, without a width) in another order of integrals: depth outside."""
    dump = ELECTRON_DUMPS[name]
    spline, target = flux_spline(name, mass), dump.target
    top, lowest = dump.beam_energy, max(mass, dump.cut)
    peak = (ELECTRON_MASS / mass) ** 2
    nodes, weights = np.polynomial.legendre.leggauss(80)
    nodes, weights = 0.5 * (1 + nodes), 0.5 * weights
    span = math.log1p((1 - lowest / top) / peak)
    rest = peak * np.expm1(span * nodes)
    dx = weights * span * (rest + peak)
    x = 1 - rest
    end = np.log(x * top / lowest)

    def at_depth(depth):
        power = 4 * depth / 3
        if power < 1:
            y = end[:, None] * nodes ** (1 / power)
            dy = end[:, None] ** power / gamma(power + 1) * weights
        else:
            y = end[:, None] * nodes
            dy = end[:, None] * weights * y ** (power - 1) / gamma(power)
        electron = top * np.exp(-y)
        sigma = 4 * ALPHA_EM**3 * GEV_TO_MINUS_2 * np.exp(spline(np.log(electron)))
        sigma = sigma * np.sqrt(np.maximum(1 - (mass / electron) ** 2, 0.0))
        shape = (rest + x**2 / 3) / (mass**2 * rest / x + ELECTRON_MASS**2 * x)
        chance = 1.0
        if width is not None:
            energy = x[:, None] * electron
            path = mass * width / HBAR_C / np.sqrt(np.maximum(energy**2 - mass**2, 1e-300))
            chance = np.exp(-dump.shield * path) * -np.expm1(-dump.decay * path)
        return np.sum((dx * shape)[:, None] * dy * np.exp(-y) * sigma * chance)

    deepest = min(target.density * dump.shield / target.radiation_length, 60.0)
    parts = pairwise([0.0, 0.1, 0.75, 3.0, 10.0, deepest])
    total = sum(quad(at_depth, *part, epsrel=1e-7)[0] for part in parts)
    luminosity = dump.electrons * AVOGADRO * target.radiation_length / target.weight
    return mixing**2 * luminosity * total


def pair_width(mass, mixing):
    ratio = (ELECTRON_MASS / mass) ** 2
    shape = (1 + 2 * ratio) * math.sqrt(1 - 4 * ratio)
    return (ELEMENTARY_CHARGE * mixing) ** 2 * mass / (12 * math.pi) * shape


@cache
def compiled_strength(dump):
    """Strength as a function of (mass, g', mixing with the photon), mass tabulated inside."""
    return jax.jit(jax.vmap(lambda p: dump.strength(lmu_ltau(p[0], p[1], p[2]))))


class TestMaterial:
    def test_of_the_dumps(self):
        assert (TUNGSTEN.charge, TUNGSTEN.weight, TUNGSTEN.radiation_length) == (74, 183.84, 6.76)
        assert (ALUMINIUM.charge, ALUMINIUM.weight) == (13, 26.98)

    @pytest.mark.parametrize("name", ["charge", "weight", "density", "radiation_length"])
    @pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
    def test_rejects(self, name, value):
        entries = {"charge": 74, "weight": 184.0, "density": 19.0, "radiation_length": 6.8}
        with pytest.raises(ParameterError, match=f"{name} = .*positive"):
            Material(**entries | {name: value})


class TestPhotonFlux:
    @pytest.mark.parametrize("material", [TUNGSTEN, ALUMINIUM])
    def test_form_factor(self, material):
        t = np.geomspace(1e-14, 10.0, 50)
        own = own_form_factor(t, material.charge, material.weight)
        # the proton's mass and moment are given here to six digits
        assert np.allclose(form_factor(t, material), own, rtol=1e-6, atol=0.0)

    @pytest.mark.parametrize(
        ("energy", "mass"),
        [(9.0, 0.01), (275.0, 0.0011), (2.5, 0.2), (0.2, 0.2), (20.0, 1.0), (1e4, 0.002)],
    )
    @pytest.mark.parametrize("material", [TUNGSTEN, ALUMINIUM])
    def test_against_quadrature(self, energy, mass, material):
        own = own_photon_flux(energy, mass, material)
        # rounding of the proton's constants in the oracle, and Gauss-Legendre at the widest range
        assert float(photon_flux(energy, mass, material)) == pytest.approx(own, rel=1e-6)

    def test_closed(self):
        assert float(photon_flux(0.05, 0.1, TUNGSTEN)) == 0.0


class TestCrossSection:
    def test_formula(self):
        x, energy, mass = 0.7, 9.0, 0.01
        own = 4 * ALPHA_EM**3 * own_photon_flux(energy, mass, TUNGSTEN) * GEV_TO_MINUS_2
        own *= math.sqrt(1 - (mass / energy) ** 2) * (1 - x + x**2 / 3)
        own /= mass**2 * (1 - x) / x + ELECTRON_MASS**2 * x
        value = differential_cross_section(x, energy, mass, TUNGSTEN)
        assert float(value) == pytest.approx(own, rel=1e-6, abs=0.0)  # rounded constants, as above

    def test_below_the_mass(self):
        assert float(differential_cross_section(0.5, 0.1, 0.1, TUNGSTEN)) == 0.0


class TestStraggling:
    def test_normalized(self):
        # y = v^(1/bt) takes the singularity of thin layers; I_e dE = y^(bt-1) e^-y dy/Gamma(bt)
        depth = np.array([[0.05], [0.5], [3.0], [20.0]])
        power = 4 * depth / 3
        root = np.minimum(power, 1.0)
        start, end = 1e-9**root, (40.0 + 6.0 * power) ** root
        nodes, weights = np.polynomial.legendre.leggauss(400)
        v = start + 0.5 * (end - start) * (1 + nodes)
        y = v ** (1 / root)
        energy = 10.0 * np.exp(-y)
        density = np.asarray(electron_spectrum(energy, 10.0, depth)) * energy * y / (root * v)
        total = 0.5 * (end - start)[:, 0] * (density @ weights)
        below = 1e-9**power / gamma(power + 1)  # energies that floats hardly tell from E_0
        assert np.allclose(total + below[:, 0], 1.0, atol=1e-6)  # 1e-7 is the rounding of y

    @pytest.mark.parametrize("thickness", [1e-3, 0.5, 8.0, 60.0])
    @pytest.mark.parametrize("log_loss", [-200.0, -10.0, -1.0, 0.0, 1.0, 2.3])
    def test_track_length(self, thickness, log_loss):
        def integrand(depth):
            return math.exp(4 / 3 * depth * log_loss) / gamma(4 * depth / 3)

        scale = 1.0 / max(abs(log_loss), 1.0)
        places = [p for p in (0.0, scale, 10 * scale, 5.0, 15.0, 40.0) if p < thickness]
        parts = zip(places, [*places[1:], thickness], strict=True)
        own = sum(quad(integrand, *part, epsrel=1e-10, epsabs=0.0)[0] for part in sorted(parts))
        # what 48 nodes promise
        assert float(track_length(log_loss, thickness)) == pytest.approx(own, rel=1e-6, abs=0.0)


class TestSpectrum:
    def test_conserves_bosons(self):
        """The sum over E' is the number that the integrals over depth and x give."""
        made = float(jnp.sum(ELECTRON_DUMPS["e141"].prepare(0.01).counts))
        assert made == pytest.approx(own_number("e141", 0.01), rel=2e-5)

    def test_energies(self):
        dump = ELECTRON_DUMPS["kek"]
        spectrum = dump.prepare("50 MeV")
        energy = np.asarray(spectrum.energy)
        assert np.all(np.diff(energy) < 0.0)
        assert dump.cut < energy[-1] < energy[0] < dump.beam_energy
        assert np.all(spectrum.counts > 0.0)
        assert np.allclose(spectrum.momentum**2 + 0.05**2, energy**2, rtol=1e-12, atol=0.0)

    def test_thin_target(self):
        """Of small thickness T electrons keep their energy: N = N_e N_A X_0 T sigma/A."""
        mass, energy, thickness = 0.02, 10.0, 1e-5
        spectrum = boson_spectrum(mass, energy, 1.0, TUNGSTEN, thickness, 5.0)
        x, weights = np.polynomial.legendre.leggauss(200)
        peak = (ELECTRON_MASS / mass) ** 2
        span = math.log1p(0.5 / peak)
        rest = peak * np.expm1(0.5 * span * (1 + x))
        sigma = differential_cross_section(1 - rest, energy, mass, TUNGSTEN, complement=rest)
        sigma = float(np.sum(0.5 * span * weights * (rest + peak) * sigma))
        expected = AVOGADRO * TUNGSTEN.radiation_length * thickness * sigma / TUNGSTEN.weight
        # losses are of the order of T ln(1/y), y down to the width of the peak
        assert float(jnp.sum(spectrum.counts)) == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize("mass", [9.0, 12.0, 1e4])
    def test_closed(self, mass):
        spectrum = ELECTRON_DUMPS["e141"].prepare(mass)
        assert np.all(np.asarray(spectrum.counts) == 0.0)
        assert np.all(np.isfinite(spectrum))

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ELECTRON_DUMPS)
    def test_converged(self, name, monkeypatch):
        """Twice as many nodes everywhere change nothing, from 2 m_e to 200 MeV."""
        dump = ELECTRON_DUMPS[name]
        masses = np.geomspace(2.0001 * ELECTRON_MASS, 0.2, 8)
        depths = dump.beam_energy / dump.shield * np.array([1e-2, 1.0, 10.0, 30.0, 60.0])

        def seen(mass):
            """Numbers seen for mean decay lengths at E_0 from 100 shields to 1/60 of one."""
            spectrum = boson_spectrum.__wrapped__(
                mass, dump.beam_energy, dump.electrons, dump.target, dump.thickness, dump.cut
            )
            path = depths[:, None] / np.asarray(spectrum.momentum)
            chance = np.exp(-dump.shield * path) * -np.expm1(-dump.decay * path)
            return [np.sum(spectrum.counts), *(chance @ np.asarray(spectrum.counts))]

        values = np.array([seen(mass) for mass in masses])
        package = "nuprop.laboratory.beam_dump"
        rule = np.polynomial.legendre.leggauss
        monkeypatch.setattr(f"{package}.spectrum._OUTER", rule(96))
        monkeypatch.setattr(f"{package}.spectrum._INNER", rule(32))
        for module in ("straggling", "atom"):
            nodes, weights = rule(96)
            monkeypatch.setattr(f"{package}.{module}._NODES", nodes)
            monkeypatch.setattr(f"{package}.{module}._WEIGHTS", weights)
        finer = np.array([seen(mass) for mass in masses])
        assert np.max(np.abs(values / finer - 1.0)) < 1e-5  # 1e-4 is asked for


class TestEvents:
    @pytest.mark.parametrize(
        ("name", "mass", "mixing", "coupling"),
        [
            ("e141", 0.01, 1e-4, 1e-4),
            pytest.param("e141", 0.01, 6.4e-4, 0.0, marks=pytest.mark.slow),
            pytest.param("e137", 0.01, 4.1e-5, 1e-6, marks=pytest.mark.slow),
            ("e137", 0.011, 1.5e-5, 1e-5),
            ("e774", 0.005, 5e-4, 1e-5),
            ("orsay", 0.0015, 1e-4, 1e-6),
            pytest.param("kek", 0.1, 1e-6, 1e-7, marks=pytest.mark.slow),
            ("kek", 0.15, 3e-6, 0.0),
        ],
    )
    def test_against_quadrature(self, name, mass, mixing, coupling):
        pairs = pair_width(mass, mixing)
        width = pairs + coupling**2 * mass / (12 * math.pi)
        own = own_number(name, mass, mixing, width) * pairs / width
        zprime = lmu_ltau(mass, coupling or 1e-30, mixing)
        # the oracle's rules, and the rounding of its constants: far below the 1e-4 asked for
        assert float(ELECTRON_DUMPS[name].events(zprime)) == pytest.approx(own, rel=3e-5)

    def test_long_lifetime(self):
        """Decays are then as rare as the decay volume is short against the decay length."""
        dump = ELECTRON_DUMPS["e137"]
        zprime = lmu_ltau(0.005, 1e-9, 1e-9)
        spectrum = dump.prepare(0.005)
        rate = 0.005 * zprime.partial_widths()["e"] / HBAR_C
        expected = 1e-18 * rate * dump.decay * jnp.sum(spectrum.counts / spectrum.momentum)
        # next order: lengths over the decay length, below 1e-6 here
        assert float(dump.events(zprime)) == pytest.approx(float(expected), rel=1e-5)

    def test_all_decays_seen(self):
        """Without a shield and with no end of the decay volume: all bosons, times the branching."""
        dump = replace(ELECTRON_DUMPS["e141"], shield=1e-20, decay=1e40)
        zprime = lmu_ltau(0.01, 1e-4, 1e-4)
        spectrum = ELECTRON_DUMPS["e141"].prepare(0.01)
        expected = dump.produced(zprime, spectrum) * zprime.branching_ratios()["e"]
        assert float(dump.events(zprime, spectrum)) == pytest.approx(float(expected), rel=1e-12)

    def test_huge_shield(self):
        dump = replace(ELECTRON_DUMPS["e141"], shield=1e300, decay="1e300 m")
        zprime = lmu_ltau(0.01, 1e-4, 1e-4)
        spectrum = ELECTRON_DUMPS["e141"].prepare(0.01)
        assert dump.events(zprime, spectrum) == 0.0
        assert dump.strength(zprime, spectrum) == 1e-300

    @pytest.mark.parametrize(
        "mass", [1e-30, 1e-3, 2.0 * ELECTRON_MASS, 9.0, 50.0], ids="{:.4g} GeV".format
    )
    def test_closed(self, mass):
        """Below 2 m_e, at it, and above the beam: nothing, with finite derivatives."""
        dump = ELECTRON_DUMPS["e141"]
        zprime = lmu_ltau(mass, 1e-4, 1e-4)
        assert dump.events(zprime) == 0.0
        assert dump.strength(zprime) == 1e-300

    def test_opens_smoothly(self):
        masses = 2.0 * ELECTRON_MASS * (1.0 + np.array([1e-12, 1e-9, 1e-6, 1e-3]))
        points = np.stack([masses, np.full(4, 1e-6), np.full(4, 1e-4)], axis=1)
        strengths = np.asarray(compiled_strength(ELECTRON_DUMPS["e137"])(points))
        assert np.all(np.diff(np.log(strengths)) > 0.0)

    def test_muon_pairs_are_lost(self):
        mass = 2.5 * MUON_MASS
        dump = ELECTRON_DUMPS["e137"]
        electron = ZPrime(mass, np.diag([1e-12, 0, 0]), [1e-10, 0.0, 0.0])
        both = ZPrime(mass, np.diag([1e-12, 0, 0]), [1e-10, 1e-10, 0.0])
        branching = float(both.branching_ratios()["e"])
        spectrum = dump.prepare(mass)
        # so long a life that the decay rate to pairs is all that counts
        assert 0.5 < branching < 0.6
        assert float(dump.events(both, spectrum)) == pytest.approx(
            float(dump.events(electron, spectrum)), rel=1e-3
        )

    def test_any_model(self):
        """Electrons with a charge, and couplings given as a matrix."""
        spectrum = ELECTRON_DUMPS["e137"].prepare(0.01)
        gauged = ELECTRON_DUMPS["e137"].events(ZPrime.le_ltau(0.01, 1e-7), spectrum)
        charges = np.diag([1e-7, 0.0, -1e-7])
        same = ELECTRON_DUMPS["e137"].events(ZPrime(0.01, charges, [1e-7, 0, -1e-7]), spectrum)
        assert float(gauged) == pytest.approx(float(same), rel=1e-13)
        assert gauged > 0.0
        assert ELECTRON_DUMPS["e137"].events(ZPrime(0.01, charges), spectrum) == 0.0

    @settings(deadline=None, max_examples=30)
    @given(
        mass=st.floats(-3.0, 0.5),
        coupling=st.floats(-9.0, -1.0),
        mixing=st.floats(-12.0, 0.0),
    )
    def test_strength_is_a_positive_number(self, mass, coupling, mixing):
        point = np.power(10.0, [[mass, coupling, mixing]] * 4)  # a shape compiled already
        strength = float(compiled_strength(ELECTRON_DUMPS["e137"])(point)[0])
        assert 1e-300 <= strength < math.inf

    @pytest.mark.slow
    def test_gradients(self):
        """Of ln N in ln m, ln g' and ln eps, against central differences."""
        dump = ELECTRON_DUMPS["e137"]

        @jax.jit
        @jax.vmap
        def value_and_gradient(logs):
            return jax.value_and_grad(lambda p: jnp.log(dump.strength(lmu_ltau(*jnp.exp(p)))))(logs)

        point = np.log([0.01, 2e-6, 2e-5])
        step = 1e-4
        near = np.concatenate([point + step * np.eye(3), point - step * np.eye(3)])
        far = np.log([[0.001, 1e-4, 1e-4], [30.0, 1e-4, 1e-4], [0.01, 1e-1, 1e-1]])
        values, gradients = value_and_gradient(np.concatenate([[point], near, far]))
        differences = (values[1:4] - values[4:7]) / (2 * step)
        # third derivatives times step^2, the exponent being 10 to 100
        assert np.allclose(gradients[0], differences, rtol=1e-5, atol=0.0)
        assert np.all(np.asarray(gradients[7:]) == 0.0)

    def test_mapped(self):
        """One tabulation serves a plane, the same as point by point."""
        dump = ELECTRON_DUMPS["e141"]
        spectrum = dump.prepare("10 MeV")
        couplings, mixings = np.meshgrid(np.geomspace(1e-7, 1e-2, 5), np.geomspace(1e-8, 1e-1, 6))
        plane = jax.jit(jax.vmap(lambda g, eps: dump.strength(lmu_ltau(0.01, g, eps), spectrum)))(
            couplings.ravel(), mixings.ravel()
        )
        assert np.all(np.isfinite(plane))
        for place in (0, 13, 29):
            zprime = lmu_ltau(0.01, couplings.ravel()[place], mixings.ravel()[place])
            assert float(plane[place]) == pytest.approx(
                float(dump.strength(zprime)), rel=1e-12, abs=0.0
            )


class TestLifetime:
    @pytest.mark.parametrize("name", ["e141", "e137", "orsay"])
    def test_criterion(self, name):
        """Allowed where l(E_0) < L/ln(N_made/N_allowed), else as without invisible decays."""
        dump = LIFETIME[name]
        spectrum = dump.prepare("5 MeV")
        for mixing in (1e-9, 1e-5, 1e-4, 1e-3):
            for coupling in (1e-8, 1e-5, 1e-4, 1e-3):
                zprime = lmu_ltau(0.005, coupling, mixing)
                ratio = float(dump.produced(zprime, spectrum)) / dump.allowed
                is_short = ratio <= 1.0 or float(dump.decay_length(zprime)) < (
                    dump.shield / math.log(ratio)
                )
                dark = ELECTRON_DUMPS[name].strength(lmu_ltau(0.005, 1e-30, mixing), spectrum)
                expected = not is_short and bool(dark > 1.0)
                assert bool(dump.strength(zprime, spectrum) > 1.0) == expected

    def test_decay_length(self):
        """3.7 cm at 10 MeV, 5 GeV and g' = 1e-4."""
        dump = replace(LIFETIME["e141"], beam_energy=5.0)
        length = float(dump.decay_length(lmu_ltau("10 MeV", 1e-4, 1e-9)))
        assert length == pytest.approx(3.7, rel=0.01)  # two digits
        assert dump.decay_length(lmu_ltau(5.0, 1e-4, 1e-9)) == 0.0

    def test_invisible_decays_shut_dumps(self):
        assert edges(LIFETIME["e137"], "10 MeV", 1e-4) is None
        low, high = edges(LIFETIME["e137"], "10 MeV", 1e-5)
        dark_low, dark_high = edges("e137", "10 MeV")
        assert dark_low < low < high < dark_high

    def test_closed(self):
        assert LIFETIME["e141"].strength(lmu_ltau(20.0, 1e-4, 1e-4)) == 1e-300


class TestEdges:
    @pytest.mark.parametrize(
        ("name", "coupling", "low", "high", "digits"),
        [
            ("e141", 0.0, 1.4316e-5, 6.3772e-4, 5),
            ("e141", 1e-5, 2.2220e-5, 6.3659e-4, 5),
            ("e141", 1e-4, 1.2732e-4, 5.0065e-4, 5),
            ("e137", 0.0, 6.070e-8, 4.144e-5, 4),
            ("e137", 1e-5, 7.196e-6, 1.933e-5, 4),
        ],
    )
    def test_at_10_MeV(self, name, coupling, low, high, digits):
        found = edges(name, 10 * u.MeV, coupling)
        # the last digit given, rounded; it may be off by one
        assert np.allclose(found, (low, high), rtol=10.0 ** (1 - digits), atol=0.0)

    @pytest.mark.parametrize("name", ["e137", "orsay", "kek"])
    def test_vanish(self, name):
        assert edges(name, "10 MeV", 1e-4) is None

    def test_bound_the_region(self):
        low, high = edges("e141", 0.01, 1e-5)
        spectrum = ELECTRON_DUMPS["e141"].prepare(0.01)
        for mixing in (low, high):
            strength = ELECTRON_DUMPS["e141"].strength(lmu_ltau(0.01, 1e-5, mixing), spectrum)
            # bisection leaves 1e-12 of the mixing, the exponent enhances it by 10
            assert float(strength) == pytest.approx(1.0, rel=1e-9)

    @pytest.mark.slow
    def test_closing_of_e774(self):
        """The one dump whose published end (9.8 MeV) does not depend on angles."""
        assert edges("e774", 0.99 * CLOSING_MASSES["e774"]) is not None
        assert edges("e774", 1.01 * CLOSING_MASSES["e774"]) is None

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["e141", "e137", "orsay", "kek"])
    def test_near_the_published(self, name):
        """Upper edges 0-33 %, lower edges within a factor of 3.4, of digitised curves."""
        low, high = edges(name, 0.01)
        assert 0.93 < high / ANCHORS[name].upper[0] < 1.34
        assert 0.55 < low / ANCHORS[name].lower[0] < 3.4

    @pytest.mark.slow
    def test_other_model(self):
        """Three flavors of neutrinos instead of two."""
        universal = edges("e141", 0.01, 1e-5, model=ZPrime.universal)
        same = edges("e141", 0.01, 1e-5 * math.sqrt(1.5))
        assert np.allclose(universal, same, rtol=1e-9, atol=0.0)

    def test_bad_input(self):
        with pytest.raises(DatasetError, match=r"beam dump 'e114' is unknown; .*'e141'"):
            edges("e114", 0.01)
        with pytest.raises(ParameterError, match=r"mass = 0\.0: a positive energy"):
            edges("e141", 0.0)
        with pytest.raises(ParameterError, match=r"coupling = -1\.0"):
            edges("e141", 0.01, -1.0)
        with pytest.raises(UnitError, match="mass"):
            edges("e141", "1 cm")
        with pytest.raises(ParameterError, match="traced"):
            jax.jit(lambda m: edges("e141", m))(0.01)


class TestProperTime:
    @settings(deadline=None, max_examples=30)
    @given(ratio=st.floats(1e-6, 0.9999), rho=st.floats(1e-3, 1e3))
    def test_solves_its_equation(self, ratio, rho):
        z = float(proper_time(ratio, rho))
        low = math.exp(-(ratio**2) * z) * -math.expm1(-rho * ratio**2 * z)
        high = math.exp(-z) * -math.expm1(-rho * z)
        assert z >= 1.0
        # rounding of the difference of logarithms, where both edges nearly meet
        assert high == pytest.approx(ratio**2 * low, rel=1e-10 + 1e-14 / (1.0 - ratio), abs=0.0)

    def test_edges_meet(self):
        rho = 0.36
        top = brentq(lambda x: 1 / x - 1 + rho / math.expm1(rho * x), 0.5, 3.0, xtol=1e-14)
        # the edges are kept apart by 1e-6
        assert float(proper_time(1.0, rho)) == pytest.approx(top, rel=1e-6)

    def test_gradient(self):
        slopes = jax.grad(proper_time, argnums=(0, 1))(0.01, 0.4)
        step = 1e-5
        for slope, at in zip(slopes, ((0.01, 0.0), (0.0, 0.4)), strict=True):
            up = proper_time(0.01 + step * at[0], 0.4 + step * at[1])
            down = proper_time(0.01 - step * at[0], 0.4 - step * at[1])
            # step^2, and rounding of z over the step
            assert float(slope) == pytest.approx(float(up - down) / (2 * step * max(at)), rel=1e-7)

    def test_mapped(self):
        ratios, rhos = np.array([0.1, 0.01, 1e-3]), np.array([[0.3], [30.0]])
        times = proper_time(ratios, rhos)
        assert times.shape == (2, 3)
        assert float(times[1, 2]) == pytest.approx(float(proper_time(1e-3, 30.0)), rel=1e-13)


class TestRecast:
    CURVE = DarkPhotonCurve([0.005, 0.02, 0.3], [1e-7, 2e-7, 1e-6], [1e-4, 5e-5, 2e-6])

    def dump(self, **more):
        given = {"name": "mine", "curves": self.CURVE, "length_ratio": 0.5, "production": "proton"}
        return RecastDump(**given | more)

    @pytest.mark.parametrize("production", ["electron", "proton"])
    @pytest.mark.parametrize("mass", [0.005, 0.01, 0.02, 0.1])
    def test_returns_the_curve(self, production, mass):
        """A dark photon is excluded between the edges given."""
        found = edges(self.dump(production=production), mass)
        assert np.allclose(
            found, [float(edge) for edge in self.CURVE.edges(mass)], rtol=1e-9, atol=0.0
        )

    def test_interpolates_logarithms(self):
        low, high = self.CURVE.edges(0.01)
        assert float(low) == pytest.approx(math.sqrt(1e-7 * 2e-7), rel=1e-12, abs=0.0)
        assert float(high) == pytest.approx(math.sqrt(1e-4 * 5e-5), rel=1e-12, abs=0.0)

    def test_algorithm(self):
        """Against the difference of exponentials, with t_0 by brentq."""
        mass, coupling, mixing, rho = 0.01, 3e-6, 2e-5, 0.5
        low, high = (float(edge) for edge in self.CURVE.edges(mass))

        def seen(eps, width, time, branching=1.0):
            rate = width * time
            return eps**2 * branching * (math.exp(-rate) - math.exp(-(1 + rho) * rate))

        pairs = {eps: pair_width(mass, eps) for eps in (low, high, mixing)}
        time = brentq(
            lambda t: math.log(seen(high, pairs[high], t) / seen(low, pairs[low], t)),
            1.0 / pairs[high],
            30.0 / pairs[high],
            xtol=1e-12 / pairs[high],
        )
        width = pairs[mixing] + coupling**2 * mass / (12 * math.pi)
        own = seen(mixing, width, time, pairs[mixing] / width) / seen(high, pairs[high], time)
        strength = self.dump().strength(lmu_ltau(mass, coupling, mixing))
        assert float(strength) == pytest.approx(own, rel=1e-9)  # of the root and cancellation

    @pytest.mark.slow
    @pytest.mark.parametrize("coupling", [1e-5, 1e-4])
    def test_of_our_own_curve(self, coupling):
        """One time of flight stands for a spectrum of energies: within 10 % at E141."""
        low, high = edges("e141", 0.01)
        curve = DarkPhotonCurve(0.01, low, high, interpolate=False)
        recast = self.dump(curves=curve, length_ratio=35 / 0.12, production="electron")
        assert np.allclose(
            edges(recast, 0.01, coupling), edges("e141", 0.01, coupling), rtol=0.1, atol=0.0
        )

    def test_outside_the_curve(self):
        dump = self.dump()
        for mass in (0.00499, 0.301, 0.001):
            assert dump.strength(lmu_ltau(mass, 1e-6, 1e-5)) == 1e-300
        assert not dump.excludes(lmu_ltau(1.0, 1e-6, 1e-5))

    def test_strongest_of_many(self):
        zprime = lmu_ltau(0.01, 1e-6, 1e-5)
        other = DarkPhotonCurve([0.005, 0.3], [1e-6, 1e-6], [1e-4, 2e-6])
        strengths = [float(self.dump(curves=c).strength(zprime)) for c in (self.CURVE, other)]
        both = float(self.dump(curves=[self.CURVE, other]).strength(zprime))
        assert both == pytest.approx(max(strengths), rel=1e-12)
        assert strengths[0] != strengths[1]

    def test_above_two_muons(self):
        """The dark photon loses the same share to muons as the boson does."""
        found = edges(self.dump(), 0.25)
        assert np.allclose(
            found, [float(edge) for edge in self.CURVE.edges(0.25)], rtol=1e-9, atol=0.0
        )

    def test_production(self):
        """Electrons see the charge, protons the mixing."""
        gauged = ZPrime.le_ltau(0.01, 1e-6)
        assert self.dump().strength(gauged) == 1e-300
        assert self.dump(production="electron").strength(gauged) > 1e-3
        for zprime in (ZPrime.b_minus_l(0.01, 1e-6), ZPrime(0.01, np.eye(3), [0.1, 0, 0])):
            with pytest.raises(ParameterError, match=r"zprime = .*mixing with the photon only"):
                self.dump().strength(zprime)

    @pytest.mark.slow
    def test_gradient_and_map(self):
        dump = self.dump()

        @jax.jit
        @jax.vmap
        def value_and_gradient(logs):
            return jax.value_and_grad(lambda p: jnp.log(dump.strength(lmu_ltau(*jnp.exp(p)))))(logs)

        point = np.log([0.01, 2e-6, 2e-5])
        step = 1e-4
        near = np.concatenate([point + step * np.eye(3), point - step * np.eye(3)])
        far = np.log([[0.001, 1e-4, 1e-4], [30.0, 1e-4, 1e-4], [0.01, 1e-1, 1e-1]])
        values, gradients = value_and_gradient(np.concatenate([[point], near, far]))
        assert np.allclose(
            gradients[0], (values[1:4] - values[4:7]) / (2 * step), rtol=1e-6, atol=0.0
        )
        assert np.all(np.asarray(gradients[7:]) == 0.0)

    def test_bad_input(self):
        with pytest.raises(ParameterError, match=r"length_ratio = -1\.0"):
            self.dump(length_ratio=-1)
        with pytest.raises(ParameterError, match="production = 'neutron': did you mean"):
            self.dump(production="neutron")
        for curves in ((), ("e141",)):
            with pytest.raises(ParameterError, match="one DarkPhotonCurve or more"):
                self.dump(curves=curves)
        with pytest.raises(ParameterError, match="mass = -1"):
            self.dump().prepare(-1.0)
        with pytest.raises(ParameterError, match="increasing masses"):
            DarkPhotonCurve([0.2, 0.1], [1e-7, 1e-7], [1e-4, 1e-4])
        with pytest.raises(ParameterError, match=r"upper = .*not below lower"):
            DarkPhotonCurve(0.1, 1e-4, 1e-5)
        with pytest.raises(ParameterError, match=r"lower has the shape \(1,\)"):
            DarkPhotonCurve([0.1, 0.2], 1e-6, [1e-5, 1e-5])
        with pytest.raises(ParameterError, match=r"mass = .*positive"):
            DarkPhotonCurve([0.0, 0.2], [1e-6, 1e-6], [1e-5, 1e-5])
        with pytest.raises(UnitError, match="mass"):
            DarkPhotonCurve([1, 2] * u.cm, [1e-6, 1e-6], [1e-5, 1e-5])


class TestU70:
    @pytest.mark.parametrize("mass", [0.01, 0.1])
    @pytest.mark.parametrize("name", ["u70-pi0", "u70-bremsstrahlung"])
    def test_anchors(self, name, mass):
        place = ANCHORS[name].mass.index(mass)
        anchor = ANCHORS[name].lower[place], ANCHORS[name].upper[place]
        assert np.allclose(edges(name, mass), anchor, rtol=1e-9, atol=0.0)

    def test_values(self):
        assert edges("u70-pi0", "10 MeV") == pytest.approx((2.15e-7, 1.04e-4), rel=1e-9, abs=0.0)
        assert edges("u70-bremsstrahlung", "100 MeV") == pytest.approx(
            (2.63e-7, 7.50e-6), rel=1e-9, abs=0.0
        )

    def test_both(self):
        assert edges("u70", "10 MeV") == pytest.approx((2.15e-7, 1.04e-4), rel=1e-9, abs=0.0)

    def test_invisible_decays(self):
        low, high = edges("u70", "10 MeV", 1e-5)
        assert 2.15e-7 < low < high < 1.04e-4
        assert edges("u70", "10 MeV", 1e-4) is None

    def test_between_the_points(self):
        zprime = lmu_ltau("20 MeV", 1e-6, 1e-6)
        with pytest.warns(PhysicsWarning, match="u70: known at 10, 100 MeV only; at 20 MeV"):
            strength = PROTON_DUMPS["u70"].strength(zprime)
        assert strength == 1e-300
        traced = jax.jit(lambda m: PROTON_DUMPS["u70"].strength(lmu_ltau(m, 1e-6, 1e-6)))
        assert traced(0.02) == 1e-300
        assert traced(0.01) > 1.0


class TestDumps:
    def test_names(self):
        assert set(DUMPS) == {*ELECTRON_DUMPS, *PROTON_DUMPS}
        assert set(ELECTRON_DUMPS) == {"e141", "e137", "e774", "orsay", "kek"}
        assert set(PROTON_DUMPS) == {"u70", "u70-pi0", "u70-bremsstrahlung"}
        assert {dump.quality for dump in ELECTRON_DUMPS.values()} == {"approximate"}
        assert {dump.quality for dump in PROTON_DUMPS.values()} == {"anchor"}
        for name, dump in DUMPS.items():
            assert dump.name == name
            assert dump.references
            hash(dump)

    def test_units_at_the_door(self):
        e141 = ELECTRON_DUMPS["e141"]
        assert (e141.beam_energy, e141.shield, e141.decay, e141.cut) == (9.0, 12.0, 3500.0, 4.5)
        assert e141 == replace(e141, beam_energy=9000 * u.MeV, shield="120 mm")

    def test_thickness(self):
        assert ELECTRON_DUMPS["e141"].thickness == pytest.approx(34.1716, rel=1e-5)
        assert ELECTRON_DUMPS["e137"].thickness == 60.0

    def test_title_of_a_users_dump(self):
        dump = ElectronDump(
            name="mine",
            beam_energy=1.0,
            electrons=1e10,
            target=TUNGSTEN,
            shield=1.0,
            decay=1.0,
            allowed=3.0,
        )
        assert dump.title == "mine"
        assert dump.excludes(lmu_ltau(0.01, 1e-6, 1e-9)) is False

    @pytest.mark.parametrize("name", ["beam_energy", "electrons", "shield", "decay", "allowed"])
    @pytest.mark.parametrize("value", [0.0, -1.0, math.inf])
    def test_rejects(self, name, value):
        with pytest.raises(ParameterError, match=f"{name} = .*: a positive number"):
            replace(ELECTRON_DUMPS["e141"], **{name: value})

    def test_rejects_more(self):
        e141 = ELECTRON_DUMPS["e141"]
        with pytest.raises(ParameterError, match=r"cut = -1\.0: an energy >= 0"):
            replace(e141, cut=-1.0)
        with pytest.raises(UnitError, match="shield"):
            replace(e141, shield="3 GeV")
        with pytest.raises(ParameterError, match="target = 'W': a Material"):
            replace(e141, target="W")
        with pytest.raises(ParameterError, match="criterion = 'lifetimes': did you mean"):
            replace(e141, criterion="lifetimes")
        with pytest.raises(ParameterError, match="mass"):
            e141.prepare(0.0)
        with pytest.raises(UnitError, match="mass"):
            e141.prepare("3 m")

    def test_cut_above_the_beam(self):
        dump = replace(ELECTRON_DUMPS["e141"], cut="10 GeV")
        assert dump.events(lmu_ltau(0.01, 1e-6, 1e-4)) == 0.0
