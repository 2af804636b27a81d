import math
from dataclasses import replace
from functools import cache, partial

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, poisson

from nuprop.constants import (
    ALPHA_EM,
    ELEMENTARY_CHARGE,
    FERMI_CONSTANT,
    GEV_TO_MINUS_2,
    SIN2_THETA_W,
    W_MASS,
    Z_MASS,
)
from nuprop.errors import DatasetError, ParameterError, UnitError
from nuprop.laboratory.single_photon import (
    CONSTRAINTS,
    Collider,
    InvisibleAnchor,
    Resolution,
    SinglePhotonProjection,
    background_events,
    belle_calorimeter,
    coupling_reach,
    cross_section,
    differential_cross_section,
    exchange,
    line_cross_section,
    line_spectrum,
    mixing_reach,
    required_signal,
    signal_events,
    smeared_spectrum,
    spectrum,
)
from nuprop.laboratory.single_photon.exchange import exchange_moments
from nuprop.laboratory.single_photon.line import line_per_coupling
from nuprop.laboratory.single_photon.quadrature import resonant_rule, unit_rule
from nuprop.laboratory.single_photon.radiator import radiator, radiator_between
from nuprop.laboratory.single_photon.resolution import smear
from nuprop.mediators import ZPrime

BELLE = Collider.named("belle-ii")
SQRT_S = math.sqrt(112.0)
S = 112.0
PICOBARN = GEV_TO_MINUS_2 * 1e36
DEGREE = math.pi / 180.0
#: Numbers given to six digits: half a unit of the sixth, and constants that differ by 3e-10.
SIX_DIGITS = 5.1e-6
NO_CUTS = {"angle_min": 20 * DEGREE, "angle_max": 160 * DEGREE, "energy_min": 0.5}


def lmu_ltau(mass="10 MeV", coupling=1e-3, **more):
    return ZPrime.lmu_ltau(mass, coupling, **more)


# --- explicit amplitudes -----------------------------------------------------------------------

SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex)
GAMMA = np.zeros((4, 4, 4), dtype=complex)
GAMMA[0, :2, 2:] = GAMMA[0, 2:, :2] = np.eye(2)
for _i in range(3):
    GAMMA[_i + 1, :2, 2:], GAMMA[_i + 1, 2:, :2] = SIGMA[_i], -SIGMA[_i]
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
LOWER = np.einsum("mn,nab->mab", METRIC, GAMMA)


def slash(p):
    return np.einsum("...m,mab->...ab", p, LOWER)


def dot(a, b):
    return np.einsum("...m,mn,...n->...", a, METRIC, b)


def spinor(p, chirality):
    """Massless spinor of a chirality, chiral basis; normalized to u u^dagger = 2E."""
    p = np.asarray(p, dtype=float)
    e, x, y, z = np.moveaxis(p, -1, 0)
    up = np.sqrt(np.maximum(e + z, 1e-300))
    phase = (x + 1j * y) / up
    zero = np.zeros_like(phase)
    if chirality == "left":
        return np.stack([-np.conj(phase), up + zero, zero, zero], axis=-1)
    return np.stack([zero, zero, up + zero, phase], axis=-1)


def bar(psi):
    return np.einsum("...a,ab->...b", np.conj(psi), GAMMA[0])


def sandwich(left, matrices, right):
    return np.einsum("...a,...mab,...b->...m", left, matrices, right)


def configuration(x, cosine, n_polar=20, n_azimuth=12):
    """Momenta of e-, e+, photon, and of the pair over its phase space, with weights (mean 1)."""
    half = 0.5 * SQRT_S
    electron, positron = np.array([half, half, 0, 0]), np.array([half, -half, 0, 0])
    sine = math.sqrt(1.0 - cosine**2)
    photon = x * half * np.array([1.0, cosine, sine, 0.0])
    pair = electron + positron - photon
    nodes, weights = np.polynomial.legendre.leggauss(n_polar)
    phi = 2.0 * np.pi * (np.arange(n_azimuth) + 0.3) / n_azimuth
    c, f = np.repeat(nodes, n_azimuth), np.tile(phi, n_polar)
    weights = np.repeat(0.5 * weights, n_azimuth) / n_azimuth
    direction = np.stack([np.sqrt(1 - c**2) * np.cos(f), np.sqrt(1 - c**2) * np.sin(f), c], axis=-1)
    mass = math.sqrt(dot(pair, pair))
    at_rest = 0.5 * mass
    along = direction @ pair[1:]
    energy = at_rest * (pair[0] + along) / mass
    space = at_rest * direction + np.outer(
        at_rest * along / (mass * (pair[0] + mass)) + at_rest / mass, pair[1:]
    )
    neutrino = np.concatenate([energy[:, None], space], axis=-1)
    return electron, positron, photon, neutrino, pair - neutrino, weights


def polarizations(photon):
    direction = photon[1:] / photon[0]
    first = np.cross(direction, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    second = np.cross(direction, first)
    return [np.concatenate([[0.0], v]) for v in (first, second)]


def amplitude(momenta, epsilon, chirality, neutral, charged):
    """Amplitude over e, with real polarization: `neutral` times a contact current, and the W.

    `charged` is 0, or M_W^2 in units of which W propagators are taken; both in units of
    2 sqrt(2) G_F.
    """
    electron, positron, photon, neutrino, antineutrino, _ = momenta
    u, v_bar = spinor(electron, chirality), bar(spinor(positron, chirality))
    nu_bar, nu = bar(spinor(neutrino, "left")), spinor(antineutrino, "left")
    e_slash = slash(epsilon)
    before = slash(electron - photon) @ e_slash / (-2.0 * dot(electron, photon))
    after = e_slash @ slash(photon - positron) / (-2.0 * dot(positron, photon))
    neutrinos = sandwich(nu_bar, GAMMA, nu)
    total = 0.0
    if neutral:
        lepton = sandwich(v_bar, GAMMA @ before, u) + sandwich(v_bar, after @ GAMMA, u)
        total = total + neutral * dot(neutrinos, lepton)
    if charged:
        q1, q2 = electron - neutrino, antineutrino - positron
        d1, d2 = (1.0 / (dot(q, q) - charged) for q in (q1, q2))
        j1, j2 = sandwich(nu_bar, GAMMA, u), sandwich(v_bar, GAMMA, nu)
        first = dot(sandwich(nu_bar, GAMMA @ before, u), j2) * d2
        second = dot(j1, sandwich(v_bar, after @ GAMMA, nu)) * d1
        vertex = (
            dot(j1, j2) * dot(q1 + q2, epsilon)
            + 2.0 * dot(photon, j1) * dot(j2, epsilon)
            - 2.0 * dot(photon, j2) * dot(j1, epsilon)
        )
        # Fierz: the order of the spinors turns -M_W^2 d into a contact term of the other sign
        total = total + charged * (first + second + d1 * d2 * vertex)
    return total


def from_spinors(x, cosine, chirality_couplings, charged):
    """d2sigma/dx dcos [pb] of one flavor; couplings of left- and right-handed electrons."""
    momenta = configuration(x, cosine)
    squares = 0.0
    for chirality, coupling in chirality_couplings.items():
        w = charged if chirality == "left" else 0.0
        for epsilon in polarizations(momenta[2]):
            squares = squares + np.abs(amplitude(momenta, epsilon, chirality, coupling, w)) ** 2
    mean = np.sum(momenta[-1] * squares) / 4.0  # spins of the beams
    strength = 8.0 * FERMI_CONSTANT**2 * ELEMENTARY_CHARGE**2
    # beams: 2s; photon: E dE dcos/(8 pi^2), dE = (sqrt(s)/2) dx; pair: 1/(8 pi)
    photon = x * (0.5 * SQRT_S) ** 2 / (8.0 * np.pi**2)
    return strength * mean * photon / (8.0 * np.pi) / (2.0 * S) * PICOBARN


POINTS = [(0.05, 0.3), (0.4, -0.8), (0.7, 0.94), (0.95, 0.0), (0.999, -0.5)]


@cache
def point(mode, part="total"):
    def value(x, cosine, zprime):
        return differential_cross_section(
            x, cosine, BELLE, zprime, mode=mode, part=part, per_flavor=True
        )

    return value


class TestAmplitudes:
    @pytest.mark.parametrize("mode", ["contact", "z-propagator"])
    def test_radiation_of_a_current(self, mode):
        x, cosine = np.transpose(POINTS)
        ours = np.asarray(point(mode)(x, cosine, None))
        for row, (xi, ci) in zip(ours, POINTS, strict=True):
            pole = 1.0 if mode == "contact" else Z_MASS**2 / (Z_MASS**2 - S * (1 - xi))
            left, right = (SIN2_THETA_W - 0.5) * pole, SIN2_THETA_W * pole
            for flavor, w in ((0, 1.0), (1, 0.0), (2, 0.0)):
                exact = from_spinors(xi, ci, {"left": left + w, "right": right}, 0.0)
                assert row[flavor] == pytest.approx(exact, rel=1e-11, abs=0.0)  # rounding

    def test_the_whole_tree(self):
        x, cosine = np.transpose(POINTS)
        ours = np.asarray(point("full")(x, cosine, None))
        for row, (xi, ci) in zip(ours, POINTS, strict=True):
            pole = Z_MASS**2 / (Z_MASS**2 - S * (1 - xi))
            couplings = {"left": (SIN2_THETA_W - 0.5) * pole, "right": SIN2_THETA_W * pole}
            exact = from_spinors(xi, ci, couplings, W_MASS**2)
            # rounding; 1e-12 of the nodes
            assert row[0] == pytest.approx(exact, rel=1e-10, abs=0.0)

    def test_the_whole_tree_and_a_boson_that_couples_to_electrons(self):
        boson = ZPrime.le_lmu(4.0, 0.3)
        x, cosine = np.transpose(POINTS)
        ours = np.asarray(point("full")(x, cosine, boson))
        for row, (xi, ci) in zip(ours, POINTS, strict=True):
            q2 = S * (1 - xi)
            pole = Z_MASS**2 / (Z_MASS**2 - q2)
            scale = 2.0 * math.sqrt(2.0) * FERMI_CONSTANT
            shift = 0.3**2 / scale / (16.0 - q2 - 4j * float(boson.width()))
            for flavor, sign, w in ((0, 1.0, W_MASS**2), (1, -1.0, 0.0)):
                couplings = {
                    "left": (SIN2_THETA_W - 0.5) * pole + sign * shift,
                    "right": SIN2_THETA_W * pole + sign * shift,
                }
                exact = from_spinors(xi, ci, couplings, w)
                assert row[flavor] == pytest.approx(exact, rel=1e-10, abs=0.0)  # as above

    def test_gauge_invariance(self):
        momenta = configuration(0.4, 0.3)
        polarized = amplitude(momenta, polarizations(momenta[2])[0], "left", 0.0, W_MASS**2)
        longitudinal = amplitude(momenta, momenta[2], "left", 0.0, W_MASS**2)
        scale = np.max(np.abs(polarized)) * momenta[2][0]
        assert np.max(np.abs(longitudinal)) < 1e-13 * scale

    def test_a_heavy_w_is_a_contact_interaction(self):
        x, cosine = np.array([0.1, 0.7]), np.array([0.5, -0.9])
        first, second = jax.jit(exchange_moments)(x, cosine, 1e9)
        # what is left is of the order s/M_W^2
        np.testing.assert_allclose(first, [0.9, 0.3], rtol=1e-8)
        np.testing.assert_allclose(second, [0.9, 0.3], rtol=1e-8)

    @pytest.mark.slow
    def test_nodes_suffice_at_the_highest_energy(self, monkeypatch):
        x, cosine = np.array([[0.02], [0.4], [0.95]]), np.array([-0.9, 0.3])
        ratio = (W_MASS / 80.0) ** 2
        ours = jax.jit(lambda *arguments: exchange_moments(*arguments))(x, cosine, ratio)
        nodes, weights = unit_rule(40)
        monkeypatch.setattr(exchange, "_U", 2 * nodes - 1)
        monkeypatch.setattr(exchange, "_WEIGHTS", 3 * weights * (1 - nodes) ** 2)
        more = jax.jit(lambda *arguments: exchange_moments(*arguments))(x, cosine, ratio)
        np.testing.assert_allclose(ours, more, rtol=2e-9)

    @pytest.mark.slow
    def test_only_a_photon_of_all_energy_is_left_finite(self):
        @jax.jit
        @jax.vmap
        def moments(x):
            both = partial(exchange_moments, cosine=0.3, mass_squared=W_MASS**2 / S)
            return *both(x), *jax.jacfwd(both)(x)

        first, second, *slopes = map(np.asarray, moments(np.array([1.0 - 1e-6, 1.0])))
        assert first[1] == pytest.approx(0.0, abs=1e-3)
        assert second[1] > 0.0
        # quadratic terms, 1e-12
        assert second[0] - second[1] == pytest.approx(-1e-6 * slopes[1][1], abs=1e-11)
        assert first[0] - first[1] == pytest.approx(-1e-6 * slopes[0][1], abs=1e-11)


# --- numbers of the Standard Model -------------------------------------------------------------


@cache
def total_of(mode):
    return np.asarray(1e3 * cross_section(BELLE, mode=mode, per_flavor=True))


def spectrum_of(energy, collider=BELLE, zprime=None, frame="lab", part="total"):
    """Spectrum with the propagator of the Z, by programs for one number of energies."""
    energy = np.asarray(energy, dtype=float)
    padded = np.resize(energy, 160)
    assert energy.size <= padded.size
    values = spectrum(padded, collider, zprime, frame=frame, mode="z-propagator", part=part)
    return np.asarray(values)[: energy.size].reshape(energy.shape)


class TestNeutrinosByWAndZ:
    def test_the_collider(self):
        assert float(BELLE.sqrt_s) == pytest.approx(10.58301, abs=5e-6)
        assert float(BELLE.velocity) == pytest.approx(3 / 11, rel=1e-15)
        assert float(BELLE.lorentz) == pytest.approx(1.0394023, abs=5e-8)
        assert [float(c) for c in BELLE.cosines] == pytest.approx([-0.8214245, 0.9411225], abs=6e-8)

    @pytest.mark.parametrize(
        ("mode", "expected"), [("contact", 9.4128), ("z-propagator", 9.44221), ("full", 9.38036)]
    )
    def test_cross_sections(self, mode, expected):
        assert np.sum(total_of(mode)) == pytest.approx(
            expected, abs=6e-5 if mode == "contact" else 6e-6
        )

    def test_flavors(self):
        np.testing.assert_allclose(total_of("z-propagator"), [6.5563, 1.44297, 1.44297], rtol=8e-6)
        assert 50e3 * np.sum(total_of("full")) == pytest.approx(4.690e5, rel=1.1e-4)

    def test_spectrum_in_x(self):
        x = np.array([0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99])
        ours = spectrum_of(x * SQRT_S / 2, frame="cm") * SQRT_S / 2
        expected = [0.0647382, 0.01166, 3.52019e-3, 1.25277e-3, 3.77958e-4, 1.51747e-4]
        expected += [6.85289e-5, 1.26829e-5]
        np.testing.assert_allclose(ours, expected, rtol=SIX_DIGITS)

    def test_spectrum_in_the_lab(self):
        ours = spectrum_of([0.1, 1, 3, 5, 6, 6.5])
        expected = [0.0345778, 2.45608e-3, 3.20995e-4, 4.38059e-5, 1.11524e-5, 3.01280e-6]
        np.testing.assert_allclose(ours, expected, rtol=SIX_DIGITS)

    def test_background_in_windows(self):
        windows = [(0.0, math.sqrt(square)) for square in (0.5, 1, 2, 4, 10)]
        ours = [
            float(background_events(BELLE, missing_mass=window, mode="z-propagator"))
            for window in windows
        ]
        # quoted to 3 or 4 digits
        assert ours == pytest.approx([0.624, 2.508, 10.15, 41.53, 278.8], rel=7e-4)
        assert ours[1] == pytest.approx(2.508, abs=6e-4)

    @pytest.mark.parametrize("energy", [0.3, 2.0, 5.7])
    def test_spectrum_in_the_lab_by_another_quadrature(self, energy):
        def integrand(cosine):
            ratio = float(BELLE.lorentz) * (1 + 3 / 11 * cosine)
            x = energy / ratio / (SQRT_S / 2)
            return z_rate(x, cosine) / (SQRT_S / 2 * ratio) if x < 1 else 0.0

        low, high = (float(c) for c in BELLE.cosines)
        edge = (energy / (SQRT_S / 2) / float(BELLE.lorentz) - 1) * 11 / 3
        expected = quad(integrand, max(low, edge), high, epsrel=1e-11, epsabs=0.0)[0]
        ours = spectrum_of(energy)
        assert ours == pytest.approx(expected, rel=1e-10, abs=0.0)  # of both quadratures

    def test_spectrum_in_the_lab_by_boosted_photons(self):
        generator = np.random.default_rng(7)
        n = 400_000
        low, high = (np.arctanh(float(c)) for c in BELLE.cosines)
        rapidity = generator.uniform(low, high, n)
        cosine = np.tanh(rapidity)
        x = 0.01 ** generator.uniform(0.0, 1.0, n)
        weights = z_rate(x, cosine) * (1 - cosine**2) * (high - low) * x * math.log(100.0) / n
        energy = x * SQRT_S / 2 * float(BELLE.lorentz) * (1 + 3 / 11 * cosine)
        edges = np.linspace(0.2, 6.2, 7)
        filled, _ = np.histogram(energy, edges, weights=weights)
        squares, _ = np.histogram(energy, edges, weights=weights**2)
        nodes, node_weights = np.polynomial.legendre.leggauss(12)
        centers, halves = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
        values = spectrum_of(centers[:, None] + halves[:, None] * nodes)
        expected = np.sum(values * node_weights, axis=-1) * halves
        assert np.max(np.abs(filled - expected) / np.sqrt(squares)) < 4.5

    def test_spectra_add_up(self):
        edges = np.array([0.1, 0.3, 1.0, 3.0, 4.4954, 7.0])
        nodes, weights = np.polynomial.legendre.leggauss(24)
        logs = np.log(edges)
        half, middle = (logs[1:] - logs[:-1]) / 2, (logs[1:] + logs[:-1]) / 2
        energy = np.exp(middle[:, None] + half[:, None] * nodes)
        total = np.sum(spectrum_of(energy) * energy * weights * half[:, None])
        # kinks where an end of the range of angles is reached
        assert 1e3 * total == pytest.approx(np.sum(total_of("z-propagator")), rel=2e-5)

    @pytest.mark.slow
    def test_a_cut_in_the_other_frame(self):
        """At fixed E*, a cut on E is one on the angle, and at fixed E so is one on E*."""
        energy, lab = 3.0, 3.1
        inside = spectrum_of(energy, with_cuts(energy_min=lab, energy_frame="lab"), frame="cm")
        edge = (lab / energy / float(BELLE.lorentz) - 1) * 11 / 3
        low, high = math.cos(160 * DEGREE), math.cos(20 * DEGREE)
        exact = quad(lambda c: z_rate(2 * energy / SQRT_S, c), edge, high, epsrel=1e-11)[0]
        assert inside == pytest.approx(exact / (SQRT_S / 2), rel=1e-10, abs=0.0)
        inside = spectrum_of(lab, with_cuts(energy_min=energy, energy_frame="cm"), frame="lab")
        exact = quad(
            lambda c: z_rate(lab / boost(c) / (SQRT_S / 2), c) / boost(c), low, edge, epsrel=1e-11
        )[0]
        assert inside == pytest.approx(exact / (SQRT_S / 2), rel=1e-10, abs=0.0)


def boost(cosine):
    return float(BELLE.lorentz) * (1 + 3 / 11 * cosine)


def with_cuts(**changes):
    cuts = NO_CUTS | {"angle_frame": "cm"} | changes
    return Collider(7.0, 4.0, **cuts)


def z_rate(x, cosine):
    """d2sigma/dx dcos with the propagator of the Z and a W in contact, written out."""
    h = 2 * ALPHA_EM / np.pi * ((1 - x / 2) ** 2 + x**2 * cosine**2 / 4) / x / (1 - cosine**2)
    pole = Z_MASS**2 / (Z_MASS**2 - S * (1 - x))
    left, right = (SIN2_THETA_W - 0.5) * pole, SIN2_THETA_W * pole
    flavors = (left + 1) ** 2 + 2 * left**2 + 3 * right**2
    return h * FERMI_CONSTANT**2 * S * (1 - x) / (6 * np.pi) * flavors * PICOBARN


class TestRadiator:
    def test_integral_over_the_angle(self):
        for x, low, high in ((0.02, -0.8, 0.94), (0.6, -0.3, 0.2), (1.0, 0.5, 0.999)):
            exact = quad(lambda c, x=x: float(radiator(x, c)), low, high, epsrel=1e-11)[0]
            assert radiator_between(x, low, high) == pytest.approx(exact, rel=1e-11, abs=0.0)

    def test_radiation_in_contact_over_all_energies(self):
        """The integral over x in closed form, at one angle."""
        low, c = 0.1, 0.4
        logs = math.log(1 / low)
        first, second = 1 - low, (1 - low**2) / 2
        third = (1 - low**3) / 3
        # [1 - x + (1 + c^2) x^2/4] (1 - x)/x
        a = (1 + c**2) / 4
        closed = logs - 2 * first + (1 + a) * second - a * third
        collider = Collider(
            SQRT_S / 2,
            SQRT_S / 2,
            angle_min=math.acos(c + 1e-4),
            angle_max=math.acos(c - 1e-4),
            energy_min=low * SQRT_S / 2,
        )
        flavors = (SIN2_THETA_W + 0.5) ** 2 + 2 * (SIN2_THETA_W - 0.5) ** 2 + 3 * SIN2_THETA_W**2
        scale = FERMI_CONSTANT**2 * S / (6 * math.pi) * 2 * ALPHA_EM / math.pi / (1 - c**2)
        exact = 2e-4 * scale * closed * flavors * PICOBARN
        # the variation over the slice of angles, (1e-4)^2/3 times a second derivative of order 3
        assert cross_section(collider, mode="contact") == pytest.approx(exact, rel=3e-8, abs=0.0)


# --- the boson ---------------------------------------------------------------------------------


class TestLine:
    @pytest.mark.parametrize(
        ("mass", "events"), [(0.01, 2.3587e11), (0.1, 2.3591e11), (1.0, 2.3986e11)]
    )
    def test_events_per_mixing(self, mass, events):
        ours = 50e6 * line_per_coupling(mass, BELLE) * ELEMENTARY_CHARGE**2
        assert ours == pytest.approx(events, rel=2.2e-5)  # five digits

    @pytest.mark.parametrize(
        ("mass", "coupling", "expected", "events"),
        [("10 MeV", 1e-3, 3.62405e-5, 1812), ("100 MeV", 1e-3, 3.62464e-5, 1812)],
    )
    def test_cross_sections(self, mass, coupling, expected, events):
        boson = lmu_ltau(mass, coupling, kinetic_mixing=1e-4)
        assert line_cross_section(boson, BELLE) == pytest.approx(expected, rel=SIX_DIGITS)
        assert signal_events(boson, BELLE) == pytest.approx(events, abs=0.5)

    def test_visible_decays_are_lost(self):
        boson = lmu_ltau("10 MeV", 1e-5, kinetic_mixing=1e-4)
        assert boson.active_branching() == pytest.approx(0.1242, abs=5.1e-5)
        assert signal_events(boson, BELLE) == pytest.approx(225, abs=0.5)

    @pytest.mark.parametrize(
        ("mass", "events", "reach"),
        [("10 MeV", 49.2, 6.3e-4), ("100 MeV", 52.7, 6.1e-4), ("1 GeV", 14.0, 8.3e-4)],
    )
    def test_loops_alone(self, mass, events, reach):
        boson = lmu_ltau(mass, 1e-3, loop_mixing=True)
        assert signal_events(boson, BELLE) == pytest.approx(events, abs=0.051)
        ours = coupling_reach(boson, BELLE, mode="z-propagator")
        # 8.3e-4 at 1 GeV would be that of a boson without decays to muons
        ours = ours * math.sqrt(float(boson.active_branching())) if mass == "1 GeV" else ours
        assert ours == pytest.approx(reach, abs=0.06e-4)

    def test_reach_in_the_mixing(self):
        assert mixing_reach("10 MeV", BELLE, mode="z-propagator") == pytest.approx(
            9.05e-6, abs=0.006e-6
        )

    def test_light_bosons_come_as_photons_do(self):
        """M -> 0 is e+e- -> gamma gamma with one photon mixed."""
        mixing = 1e-3
        low, high = (float(c) for c in BELLE.cosines)
        closed = 2 * (math.atanh(high) - math.atanh(low)) - (high - low)
        exact = 2 * math.pi * ALPHA_EM**2 * mixing**2 / S * closed * PICOBARN
        ours = line_per_coupling(1e-9, BELLE) * (ELEMENTARY_CHARGE * mixing) ** 2
        assert ours == pytest.approx(exact, rel=1e-12, abs=0.0)

    def test_nothing_above_the_energy_of_the_beams(self):
        mass = np.array([SQRT_S * (1 - 1e-12), SQRT_S, SQRT_S * 1.1, 1e4])
        both = jax.jit(jax.vmap(jax.value_and_grad(line_per_coupling), (0, None)))
        value, slope = both(mass, BELLE)
        assert np.all(np.asarray(value) == 0.0)
        assert np.all(np.isfinite(slope))

    def test_box_in_the_lab(self):
        boson = lmu_ltau(2.0, 1e-3, kinetic_mixing=1e-2)
        low, high = (float(c) for c in BELLE.cosines)
        peak = (S - 4.0) / 2 / SQRT_S
        nodes, weights = np.polynomial.legendre.leggauss(40)
        ends = peak * boost(np.array([low, high]))
        energy = np.mean(ends) + np.ptp(ends) / 2 * nodes
        total = np.sum(weights * np.asarray(line_spectrum(energy, boson, BELLE))) * np.ptp(ends) / 2
        assert total == pytest.approx(float(line_cross_section(boson, BELLE)), rel=1e-9)
        outside = line_spectrum([ends[0] - 0.01, ends[1] + 0.01], boson, BELLE)
        assert np.all(np.asarray(outside) == 0.0)

    def test_right_handed_neutrinos_are_invisible(self):
        boson = ZPrime.b_minus_l(0.2, 1e-4)
        shares = boson.branching_ratios("dirac")
        majorana, dirac = (
            float(line_cross_section(boson, BELLE, nature=nature))
            for nature in ("majorana", "dirac")
        )
        expected = (shares["neutrinos"] + shares["sterile"]) / boson.active_branching()
        assert dirac / majorana == pytest.approx(float(expected), rel=1e-12)

    def test_a_window_without_the_boson(self):
        boson = lmu_ltau("3 GeV", 1e-3, kinetic_mixing=1e-3)
        assert line_cross_section(boson, BELLE, missing_mass=(0, "2 GeV")) == 0.0
        inside = line_cross_section(boson, BELLE, missing_mass=("2 GeV", 4 * u.GeV))
        assert inside == line_cross_section(boson, BELLE)


def finite(collider, zprime, part="boson", nature="majorana"):
    mode = "z-propagator"
    flavors = cross_section(collider, zprime, mode=mode, part=part, nature=nature, per_flavor=True)
    return np.asarray(flavors)


class TestFiniteWidth:
    @pytest.mark.parametrize("mass", [0.01, 1.0, 8.0])
    def test_narrow_limit(self, mass):
        """What differs is the tails and the interference, both linear in g'^2."""
        ratios = []
        for coupling in (1e-2, 1e-4):
            boson = lmu_ltau(mass, coupling, kinetic_mixing=coupling / 10)
            narrow = float(line_cross_section(boson, BELLE))
            ratios.append(np.sum(finite(BELLE, boson)) / narrow - 1)
        assert abs(ratios[0]) < 1e-4
        assert ratios[1] == pytest.approx(1e-4 * ratios[0], abs=1e-10)  # of the quadrature

    @pytest.mark.parametrize(
        ("mass", "coupling"), [(3.0, 1.0), (10.4, 0.8), (14.0, 0.8), (30.0, 1.0)]
    )
    def test_wide_bosons_by_another_quadrature(self, mass, coupling):
        """On the resonance, near the end, and below it; with interference, flavor by flavor."""
        boson = ZPrime.le_ltau(mass, coupling)
        width, pairs = float(boson.width()), coupling**2 / (2 * math.sqrt(2) * FERMI_CONSTANT)

        def rate(x, charge, w):
            q2 = S * (1 - x)
            pole = Z_MASS**2 / (Z_MASS**2 - q2)
            shift = charge * pairs / (mass**2 - q2 - 1j * mass * width)
            left = (SIN2_THETA_W - 0.5) * pole + w + shift
            right = SIN2_THETA_W * pole + shift
            return q2 * (abs(left) ** 2 + abs(right) ** 2)

        collider = with_cuts(energy_frame="cm")
        low, high = math.cos(160 * DEGREE), math.cos(20 * DEGREE)
        ours = finite(collider, boson, part="total")
        for flavor, charge, w in ((0, 1, 1), (1, 0, 0), (2, -1, 0)):
            exact = quad(
                lambda x, c=charge, w=w: radiated(x, low, high) * rate(x, c, w),
                1.0 / SQRT_S,
                1.0,
                epsrel=1e-10,
                limit=400,
                points=[min(max(1 - mass**2 / S, 0.12), 0.99)],
            )[0]
            exact *= FERMI_CONSTANT**2 / (6 * math.pi) * PICOBARN
            assert ours[flavor] == pytest.approx(exact, rel=1e-8)

    def test_interference_cancels_between_mu_and_tau(self):
        boson = lmu_ltau(20.0, 0.01, kinetic_mixing=0.005)
        added = finite(BELLE, boson)
        assert added[0] == 0.0
        assert added[1] * added[2] < 0.0
        # what is left are the squares, 2 chiralities for both
        assert 0.0 < added[1] + added[2] < 0.1 * abs(added[1])

    @pytest.mark.slow
    def test_parts(self):
        boson = lmu_ltau(2.0, 0.05, kinetic_mixing=1e-4)
        total, added = finite(BELLE, boson, part="total"), finite(BELLE, boson)
        # the rule for resonances has other nodes
        np.testing.assert_allclose(1e3 * (total - added), total_of("z-propagator"), rtol=1e-9)
        assert np.all(finite(BELLE, None) == 0.0)

    @pytest.mark.slow
    def test_mixing_by_loops_in_the_s_channel(self):
        """Off shell the coupling is that at q^2, complex above the thresholds."""
        boson = lmu_ltau(20.0, 0.5, loop_mixing=True)
        x = np.array([0.2, 0.6])
        q2 = S * (1 - x)
        pole = Z_MASS**2 / (Z_MASS**2 - q2)
        electron = np.asarray(boson.charged_couplings_at(q2))[:, 0]
        shift = electron * 0.5 / (400.0 - q2 - 20j * float(boson.width()))
        shift /= 2 * math.sqrt(2) * FERMI_CONSTANT
        left, right = (SIN2_THETA_W - 0.5) * pole + shift, SIN2_THETA_W * pole + shift
        exact = q2 * (abs(left) ** 2 + abs(right) ** 2) * FERMI_CONSTANT**2 / (6 * np.pi) * PICOBARN
        ours = point("z-propagator")(x, 0.3, boson)[:, 1]
        np.testing.assert_allclose(ours, exact * radiator(x, 0.3), rtol=1e-12)

    @pytest.mark.slow
    @pytest.mark.parametrize("coupling", [1e-4, 0.3])
    def test_spectrum_in_the_lab_contains_the_resonance(self, coupling):
        boson = lmu_ltau(3.0, coupling, kinetic_mixing=coupling)
        total = np.sum(finite(BELLE, boson))
        peak = (S - 9.0) / 2 / SQRT_S
        ends = peak * boost(np.array([float(c) for c in BELLE.cosines]))
        assert line_cross_section(boson, BELLE) == pytest.approx(total, rel=0.05)
        # between the ends of the box a line and a resonance agree, but for the tails
        energy = np.linspace(ends[0] + 0.3, ends[1] - 0.3, 5)
        box = np.asarray(line_spectrum(energy, boson, BELLE))
        ours = spectrum_of(energy, BELLE, boson, part="boson")
        np.testing.assert_allclose(ours, box, rtol=2e-8 if coupling < 1e-3 else 0.05)

    @pytest.mark.slow
    def test_wide_resonance_in_the_lab_by_another_quadrature(self):
        boson = lmu_ltau(3.0, 1.0, kinetic_mixing=0.5)

        def integrand(cosine, energy):
            x = energy / boost(cosine) / (SQRT_S / 2)
            rate = differential_cross_section(
                x, cosine, BELLE, boson, mode="z-propagator", part="boson"
            )
            return float(rate) / boost(cosine) / (SQRT_S / 2)

        ours = spectrum_of([3.0, 5.0, 5.8], BELLE, boson, part="boson")
        low, high = (float(c) for c in BELLE.cosines)
        for value, energy in zip(ours, (3.0, 5.0, 5.8), strict=True):
            edge = max(low, (energy / (SQRT_S / 2) / float(BELLE.lorentz) - 1) * 11 / 3)
            exact = quad(integrand, edge, high, args=(energy,), epsrel=1e-8)[0]
            assert value == pytest.approx(exact, rel=1e-7)

    @pytest.mark.slow
    def test_right_handed_neutrinos(self):
        """Without interference, they double the rate over the width squared."""
        boson = ZPrime.b_minus_l(0.3, 0.02)
        majorana, dirac = (
            np.sum(finite(BELLE, boson, nature=nature)) for nature in ("majorana", "dirac")
        )
        lines = [float(line_cross_section(boson, BELLE, nature=n)) for n in ("majorana", "dirac")]
        # the interference is a part of 1e-3
        assert dirac / majorana == pytest.approx(lines[1] / lines[0], rel=2e-3)

    @pytest.mark.parametrize("width", [1e-14, 1e-5, 0.3, 1e3])
    def test_rule_for_resonances(self, width):
        for low, high, center in ((-1.0, 2.0, 0.3), (0.0, 1.0, 1.0), (0.0, 1.0, -0.2)):
            distance, weights = resonant_rule(low, high, center, width)
            ends = np.array([low - center, high - center])
            lorentzian = np.sum(weights * width / (distance**2 + width**2))
            # the difference of two arctangents
            angle = np.arctan2(width * np.diff(ends)[0], width**2 + np.prod(ends))
            assert lorentzian == pytest.approx(angle, rel=1e-12, abs=0.0)
            dispersive = np.sum(weights * distance / (distance**2 + width**2))
            logs = 0.5 * np.log((ends[1] ** 2 + width**2) / (ends[0] ** 2 + width**2))
            assert dispersive == pytest.approx(logs, rel=1e-12, abs=1e-12)


def radiated(x, low, high):
    """Integral of the radiator over the cosine, written out."""
    logs = math.atanh(high) - math.atanh(low)
    helicities = ((1 - x / 2) ** 2 + x**2 / 4) * logs - x**2 / 4 * (high - low)
    return 2 * ALPHA_EM / math.pi * helicities / x


# --- resolution and counts ---------------------------------------------------------------------


class TestResolution:
    def test_formula(self):
        energy = 5.0
        percent = math.hypot(0.066 / energy, 0.81 / energy**0.25, 1.34)
        assert belle_calorimeter()(energy) == pytest.approx(percent / 100, rel=1e-14)
        assert Resolution(0.02)(3.0) == pytest.approx(0.02)

    def test_smearing_keeps_the_number_of_photons(self):
        resolution = Resolution(0.02)
        measured = np.linspace(0.5, 3.0, 1200)
        smeared = jax.jit(lambda e: smear(lambda true: 1.0 / true, e, 1.0, 2.0, resolution))
        values = smeared(measured)
        total = np.trapezoid(np.asarray(values), measured)
        assert total == pytest.approx(math.log(2.0), rel=1e-8)

    @pytest.mark.slow
    def test_smeared_spectrum(self):
        energy = np.linspace(3.0, 4.0, 3)
        ours = np.asarray(smeared_spectrum(energy, BELLE, mode="z-propagator"))
        for value, measured in zip(ours, energy, strict=True):
            true = np.linspace(0.85 * measured, 1.15 * measured, 801)
            sigma = true * np.asarray(BELLE.resolution(true))
            kernel = norm.pdf(measured, true, sigma)
            rates = np.asarray(spectrum(true, BELLE, mode="z-propagator"))
            assert value == pytest.approx(np.trapezoid(rates * kernel, true), rel=1e-7)

    @pytest.mark.parametrize("frame", ["lab", "cm"])
    def test_smeared_line(self, frame):
        boson = lmu_ltau(2.0, 1e-3, kinetic_mixing=1e-2)
        energy = np.linspace(3.0, 8.0, 1001)
        values = smeared_spectrum(energy, BELLE, boson, frame=frame)
        total = np.trapezoid(np.asarray(values), energy)
        assert total == pytest.approx(float(line_cross_section(boson, BELLE)), rel=1e-6)

    def test_beams_of_equal_energy_smear_alike_in_both_frames(self):
        collider = Collider("5.3 GeV", "5.3 GeV", resolution=0.02, **NO_CUTS)
        boson = lmu_ltau(2.0, 1e-3, kinetic_mixing=1e-2)
        energy = np.linspace(3.0, 8.0, 1001)
        lab, cm = (
            np.asarray(smeared_spectrum(energy, collider, boson, frame=frame))
            for frame in ("lab", "cm")
        )
        np.testing.assert_allclose(lab, cm, rtol=1e-12, atol=1e-100)
        with pytest.raises(ParameterError, match="no width in the lab"):
            line_spectrum(5.0, boson, collider)


class TestCounts:
    def test_luminosity(self):
        boson = lmu_ltau(kinetic_mixing=1e-4)
        full = float(signal_events(boson, BELLE))
        for luminosity in (1.0, "1000 / fbarn", 1e-3 / u.fbarn * 1e6):
            ours = signal_events(boson, BELLE, luminosity=luminosity)
            assert ours == pytest.approx(full / 50, rel=1e-12)

    def test_finite_width(self):
        boson = lmu_ltau(2.0, 1e-3, kinetic_mixing=1e-3)
        narrow, wide = (
            float(signal_events(boson, BELLE, shape=s, mode="z-propagator"))
            for s in ("narrow", "finite")
        )
        assert wide == pytest.approx(narrow, rel=1e-5)

    @pytest.mark.parametrize("background", [0.0, 0.4, 1.0, 7.0, 100.0, 1e5])
    @pytest.mark.parametrize("sigmas", [1.2816, 3.0, 5.0])
    def test_poisson_criterion(self, background, sigmas):
        signal = float(required_signal(background, sigmas=sigmas, criterion="poisson"))
        if background == int(background):
            seen = poisson.cdf(background, background + signal)
            assert seen == pytest.approx(norm.sf(sigmas), rel=1e-8, abs=0.0)
        if background == 0.0:
            assert signal == pytest.approx(-math.log(norm.sf(sigmas)), rel=1e-12)
        assert signal > required_signal(background, sigmas=sigmas)

    @pytest.mark.slow
    def test_derivative_of_the_poisson_criterion(self):
        value = jax.jit(
            jax.vmap(jax.value_and_grad(lambda b: required_signal(b, criterion="poisson")))
        )
        b = np.array([0.5, 30.0])
        difference = (value(b + 1e-4)[0] - value(b - 1e-4)[0]) / 2e-4
        np.testing.assert_allclose(value(b)[1], difference, rtol=1e-6)
        assert jax.jit(jax.grad(required_signal))(0.0) == 0.0

    def test_reach_without_background(self):
        tiny = {"luminosity": 1e-9, "criterion": "poisson"}
        ours = float(mixing_reach("10 MeV", BELLE, **tiny))
        events = 1e-9 * 1e6 * float(line_per_coupling(0.01, BELLE)) * ELEMENTARY_CHARGE**2
        assert ours**2 * events == pytest.approx(-math.log(norm.sf(3)), rel=1e-6)

    def test_no_reach_beyond_the_energy(self):
        assert mixing_reach("11 GeV", BELLE) == math.inf
        assert coupling_reach(lmu_ltau("11 GeV", loop_mixing=True), BELLE) == math.inf


# --- cuts, symmetries, derivatives ---------------------------------------------------------------


class TestCuts:
    def test_a_window_that_no_photon_reaches(self):
        collider = Collider(7, 4, angle_min=0.5, angle_max=2.0, energy_min=9.0, energy_max=10.0)
        boson = lmu_ltau(kinetic_mixing=1e-3)
        assert np.all(finite(collider, None, part="total") == 0.0)
        assert np.all(finite(collider, boson) == 0.0)
        assert line_cross_section(boson, collider) == 0.0
        assert np.all(spectrum_of([1.0, 9.5], collider) == 0.0)
        smeared = smeared_spectrum(np.linspace(3.0, 4.0, 3), collider, mode="z-propagator")
        assert np.all(np.asarray(smeared) == 0.0)

        @jax.jit
        @jax.value_and_grad
        def of_cut(cut):
            collider = Collider(7, 4, angle_min=0.5, angle_max=2.0, energy_min=cut)
            return cross_section(collider, mode="contact")

        assert [float(x) for x in of_cut(9.0)] == [0.0, 0.0]
        assert of_cut(0.5)[1] < 0.0

    def test_energies_out_of_reach(self):
        for frame in ("lab", "cm"):
            assert np.all(spectrum_of([1e-6, 0.05, 8.0, 1e3], frame=frame) == 0.0)

    def test_at_the_kinematic_end(self):
        @jax.jit
        @jax.vmap
        @jax.value_and_grad
        def rate(x):
            return differential_cross_section(x, 0.3, BELLE, mode="contact")

        value, slope = rate(np.array([0.999, 1.0, 1.2]))
        assert value[0] > 0.0
        assert np.all(np.asarray(value)[1:] == 0.0)
        assert np.all(np.isfinite(slope))

    @pytest.mark.parametrize("frame", ["lab", "cm"])
    def test_beams_of_equal_energy(self, frame):
        cuts = NO_CUTS | {"angle_frame": frame, "energy_frame": frame}
        at_rest = Collider(SQRT_S / 2, SQRT_S / 2, **cuts)
        moving = with_cuts(energy_frame="cm")
        assert cross_section(at_rest) == pytest.approx(
            float(cross_section(moving)), rel=1e-12, abs=0.0
        )

    @settings(max_examples=15, deadline=None)
    @given(st.floats(3.0, 9.0), st.floats(3.0, 9.0), st.floats(10.0, 80.0), st.floats(100.0, 170.0))
    def test_mirror_image(self, electron, positron, first, last):
        """CP: beams and angles exchanged."""
        soft = {"energy_min": 0.2}
        one = Collider(
            electron, positron, angle_min=first * DEGREE, angle_max=last * DEGREE, **soft
        )
        other = Collider(
            positron,
            electron,
            angle_min=(180.0 - last) * DEGREE,
            angle_max=(180.0 - first) * DEGREE,
            **soft,
        )
        assert cross_section(one) == pytest.approx(float(cross_section(other)), rel=1e-10, abs=0.0)

    def test_upper_cut(self):
        low, high = (
            Collider(7, 4, angle_min=0.5, angle_max=2.0, energy_min=a, energy_max=b)
            for a, b in ((0.1, 2.0), (2.0, 9.0))
        )
        both = Collider(7, 4, angle_min=0.5, angle_max=2.0, energy_min=0.1)
        total = float(cross_section(low) + cross_section(high))
        assert total == pytest.approx(float(cross_section(both)), rel=1e-9)


class TestDerivatives:
    @pytest.mark.parametrize("mode", ["contact", pytest.param("full", marks=pytest.mark.slow)])
    def test_spectrum_in_the_energy(self, mode):
        value = jax.jit(jax.vmap(jax.value_and_grad(lambda e: spectrum(e, BELLE, mode=mode))))
        energy, step = np.array([0.5, 2.0, 4.0, 6.3, 8.0]), 1e-4
        slopes = value(energy)[1]
        difference = (value(energy + step)[0] - value(energy - step)[0]) / (2 * step)
        np.testing.assert_allclose(slopes, difference, rtol=1e-6)
        assert slopes[-1] == 0.0

    @pytest.mark.slow
    def test_cross_section_in_boson_and_cut(self):
        def value(p):
            boson = ZPrime.lmu_ltau(p[0], p[1], kinetic_mixing=p[2], loop_mixing=True)
            collider = Collider(7.0, p[3], angle_min=0.3, angle_max=2.3, energy_min=p[4])
            added = cross_section(collider, boson, mode="z-propagator", part="boson")
            return jnp.log(added)

        function = jax.jit(jax.value_and_grad(value))
        p = np.array([2.0, 0.05, 0.03, 4.1, 0.3])
        slopes = np.asarray(function(p)[1])
        for i, step in enumerate(1e-5 * p):
            shift = step * np.eye(5)[i]
            difference = (function(p + shift)[0] - function(p - shift)[0]) / (2 * step)
            assert slopes[i] == pytest.approx(float(difference), rel=1e-6)


# --- constraints ---------------------------------------------------------------------------------


class TestConstraints:
    def test_belle(self):
        bound = CONSTRAINTS["belle-ii"]
        boson = lmu_ltau("10 MeV", 1e-3, kinetic_mixing=1e-4)
        background = float(background_events(BELLE, missing_mass=(0, 2.0)))
        expected = float(signal_events(boson, BELLE)) / (3 * math.sqrt(background))
        assert bound.strength(boson) == pytest.approx(expected, rel=1e-12)
        assert bound.excludes(boson)
        assert not bound.excludes(lmu_ltau("10 MeV", 1e-5, kinetic_mixing=1e-6))
        assert bound.quality == "approximate"

    def test_window(self):
        bound = CONSTRAINTS["belle-ii"]
        assert [float(x) for x in bound.window(0.01)] == [0.0, 4.0]
        low, high = (float(x) for x in bound.window(5.0))
        energy = (S - 25) / 2 / SQRT_S
        spread = 2 * SQRT_S * energy * float(BELLE.resolution(energy))
        assert (low, high) == pytest.approx((25 - 2 * spread, 25 + 2 * spread), rel=1e-12)
        assert bound.window(10.5)[1] >= 10.5**2

    def test_plane(self):
        """Strength over (eps, g') by vmap, mass-dependent parts prepared once."""
        for bound in CONSTRAINTS.values():
            prepared = bound.prepare(0.01)

            @jax.jit
            def plane(mixing, coupling, bound=bound, prepared=prepared):
                def one(e, g):
                    boson = ZPrime.lmu_ltau(0.01, g, kinetic_mixing=e)
                    return bound.strength(boson, prepared)

                return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(mixing, coupling)

            mixing, coupling = np.geomspace(1e-8, 1e-1, 4), np.geomspace(1e-6, 1e-2, 3)
            values = np.asarray(plane(mixing, coupling))
            for i, j in ((0, 0), (2, 1), (3, 2)):
                boson = lmu_ltau(0.01, coupling[j], kinetic_mixing=mixing[i])
                assert values[i, j] == pytest.approx(
                    float(bound.strength(boson)), rel=1e-12, abs=0.0
                )

    @pytest.mark.slow
    def test_masses(self):
        bound = replace(CONSTRAINTS["belle-ii"], mode="contact")
        mass = np.array([1e-6, 0.01, 2 * 0.1056583755, 5.0, 10.57, SQRT_S, 12.0])
        both = jax.jit(jax.vmap(jax.value_and_grad(lambda m: bound.prepare(m)[0])))
        value, slope = both(mass)
        assert np.all(np.asarray(value)[:4] > 0.0)
        assert np.all(np.asarray(value)[4:] == 0.0)  # the photon is below 0.1 GeV
        assert np.all(np.isfinite(slope))
        step = 1e-5
        above, below = both(mass + step)[0], both(mass - step)[0]
        assert slope[3] == pytest.approx(float(above[3] - below[3]) / (2 * step), rel=1e-6)

    def test_babar(self):
        bound = CONSTRAINTS["babar-invisible"]
        assert isinstance(bound, InvisibleAnchor)
        mixing = 9.5e-4 / math.sqrt(1 - SIN2_THETA_W)
        edge = lmu_ltau("10 MeV", 1.0, kinetic_mixing=mixing)
        assert bound.strength(edge) == pytest.approx(1.0, rel=1e-6)  # BR = 1 - 1e-7
        assert bound.strength(lmu_ltau("0.3 GeV", 0.1, kinetic_mixing=0.1)) == 0.0
        assert bound.quality == "anchor"

    def test_of_one_s_own(self):
        bound = SinglePhotonProjection(
            name="own",
            title="own",
            references=(),
            level="90% CL",
            quality="approximate",
            collider=Collider.named("babar"),
            criterion="poisson",
            sigmas=1.2816,
            efficiency=0.3,
        )
        boson = lmu_ltau("10 MeV", 1e-2, kinetic_mixing=1e-3)
        events = 0.3 * float(signal_events(boson, Collider.named("babar")))
        background = 0.3 * float(background_events(Collider.named("babar"), missing_mass=(0, 2.0)))
        assert float(bound.window(0.01)[1]) == 4.0
        needed = required_signal(background, sigmas=1.2816, criterion="poisson")
        assert bound.strength(boson) == pytest.approx(events / float(needed), rel=1e-9)

    def test_derivative(self):
        bound = CONSTRAINTS["belle-ii"]
        prepared = bound.prepare(0.05)

        @jax.jit
        @jax.value_and_grad
        def value(p):
            boson = ZPrime.lmu_ltau(0.05, p[0], kinetic_mixing=p[1], loop_mixing=True)
            return bound.strength(boson, prepared)

        p = np.array([5e-4, 3e-4])
        slopes = value(p)[1]
        for i, step in enumerate(1e-5 * p):
            shift = step * np.eye(2)[i]
            difference = (value(p + shift)[0] - value(p - shift)[0]) / (2 * step)
            assert slopes[i] == pytest.approx(float(difference), rel=1e-6)


# --- bad input -----------------------------------------------------------------------------------


CUTS = {"angle_min": 0.3, "angle_max": 2.3, "energy_min": 0.1}


class TestErrors:
    @pytest.mark.parametrize(
        ("changes", "error", "words"),
        [
            ({"angle_min": 0.0}, ParameterError, "angle_min = 0.0: between 0 and pi"),
            ({"angle_max": 4.0}, ParameterError, "angle_max = 4.0"),
            ({"angle_max": 0.2}, ParameterError, "angle_max = 0.2: must exceed angle_min = 0.3"),
            ({"angle_min": "1 GeV"}, UnitError, "angle_min"),
            ({"energy_min": 0.0}, ParameterError, "energy_min = 0.0: a positive energy"),
            ({"energy_min": -1.0}, ParameterError, "energy_min"),
            ({"energy_min": math.nan}, ParameterError, "energy_min"),
            ({"energy_max": 0.05}, ParameterError, "must exceed energy_min = 0.1"),
            ({"energy_frame": "rest"}, ParameterError, "energy_frame = 'rest'"),
            ({"angle_frame": "c.m."}, ParameterError, "angle_frame"),
            ({"luminosity": "50 / ab"}, UnitError, "attobit"),
            ({"luminosity": 3 * u.m}, UnitError, "inverse area"),
            ({"luminosity": 0.0}, ParameterError, "luminosity"),
            ({"resolution": 0.0}, ParameterError, "must be positive"),
            ({"resolution": 1.5}, ParameterError, "constant = 1.5"),
        ],
    )
    def test_colliders(self, changes, error, words):
        with pytest.raises(error, match=words):
            Collider(7.0, 4.0, **(CUTS | changes))

    def test_beams(self):
        with pytest.raises(ParameterError, match="electron_energy = 0"):
            Collider(0.0, 4.0, **CUTS)
        with pytest.raises(ParameterError, match="at most 80 GeV"):
            Collider("45.6 GeV", "45.6 GeV", **CUTS)
        with pytest.raises(UnitError, match="positron_energy"):
            Collider(7.0, "4 m", **CUTS)
        with pytest.raises(DatasetError, match="'belle-ii'"):
            Collider.named("belle-2")
        assert Collider("7 GeV", 4000 * u.MeV, **CUTS).sqrt_s == pytest.approx(SQRT_S)

    @pytest.mark.parametrize(
        ("call", "error", "words"),
        [
            (lambda: cross_section(BELLE, mode="tree"), ParameterError, "mode = 'tree'"),
            (lambda: cross_section(BELLE, part="all"), ParameterError, "part = 'all'"),
            (lambda: cross_section(BELLE, nature="weyl"), ParameterError, "nature = 'weyl'"),
            (lambda: cross_section(BELLE, missing_mass=(2, 1)), ParameterError, "missing_mass"),
            (lambda: cross_section(BELLE, missing_mass=(-1, 1)), ParameterError, "missing_mass"),
            (lambda: cross_section(BELLE, missing_mass=2.0), ParameterError, "is needed"),
            (lambda: cross_section(BELLE, missing_mass=(0, "1 m")), UnitError, "missing_mass"),
            (lambda: spectrum(1.0, BELLE, frame="LAB"), ParameterError, "frame = 'LAB'"),
            (lambda: spectrum(0.0, BELLE), ParameterError, "energy = 0.0: positive energies"),
            (lambda: spectrum([1.0, math.nan], BELLE), ParameterError, "energy"),
            (lambda: spectrum("1 m", BELLE), UnitError, "energy"),
            (lambda: smeared_spectrum(1.0, BELLE, frame="x"), ParameterError, "frame = 'x'"),
            (lambda: differential_cross_section(0.0, 0.0, BELLE), ParameterError, "x = 0.0"),
            (lambda: differential_cross_section(0.5, 1.0, BELLE), ParameterError, "cosine = 1.0"),
            (
                lambda: signal_events(lmu_ltau(), BELLE, shape="wide"),
                ParameterError,
                "shape = 'wide'",
            ),
            (lambda: required_signal(-1.0), ParameterError, "background = -1.0"),
            (lambda: required_signal(1.0, sigmas=0.0), ParameterError, "sigmas = 0.0"),
            (lambda: required_signal(1.0, criterion="cls"), ParameterError, "criterion = 'cls'"),
            (lambda: mixing_reach(0.0, BELLE), ParameterError, "mass = 0.0"),
            (
                lambda: coupling_reach(lmu_ltau(kinetic_mixing=1e-3), BELLE),
                ParameterError,
                "kinetic_mixing = 0.001: must be 0",
            ),
            (lambda: line_spectrum(-1.0, lmu_ltau(), BELLE), ParameterError, "energy = -1.0"),
        ],
    )
    def test_functions(self, call, error, words):
        with pytest.raises(error, match=words):
            call()

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"criterion": "cls"}, "criterion = 'cls'"),
            ({"mode": "tree"}, "mode = 'tree'"),
            ({"sigmas": -1.0}, "sigmas = -1.0"),
            ({"efficiency": 1.5}, "efficiency = 1.5"),
            ({"light_window": -1.0}, "light_window"),
        ],
    )
    def test_projections(self, changes, words):
        with pytest.raises(ParameterError, match=words):
            replace(CONSTRAINTS["belle-ii"], **changes)

    def test_texts(self):
        assert repr(Collider.named("babar")) == (
            "Collider(9 GeV e- on 3.1 GeV e+, luminosity 0.053 / ab)"
        )
        assert repr(Resolution(0.02)) == "Resolution(constant 0.02, stochastic 0, noise 0 MeV)"
