"""Scattering by scalars against explicit spinor amplitudes, quadrature and Monte Carlo."""

import math
from decimal import Decimal, localcontext
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from nuprop.errors import ParameterError
from nuprop.mediators.scalar import Scalar
from nuprop.mediators.scattering.lepton_violation import lepton_violation, lepton_violation_total
from nuprop.mediators.scattering.pairs import (
    PairProduction,
    pair_density,
    pair_integral,
    pair_total,
    pairs_of,
)
from nuprop.mediators.scattering.scalar import (
    scalar_scattering,
    scattering_of,
    yukawa_scattering,
)
from nuprop.neutrinos import Neutrinos

#: Symmetric, complex, nothing degenerate.
LAMBDA = np.array(
    [[0.30, 0.21 - 0.33j, 0.05j], [0.21 - 0.33j, -0.42, 0.13], [0.05j, 0.13, 0.35 + 0.2j]]
)
GRAM = LAMBDA @ LAMBDA.conj().T
TRACE = float(np.trace(GRAM).real)
#: complex_field, yukawa
KINDS = [(False, False), (True, False), (False, True), (True, True)]
#: Spinor algebra of a few hundred roundings
SPINORS = 1e-11
LEFT, RIGHT = 0, 1

_SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_ZERO, _ONE = np.zeros((2, 2)), np.eye(2)
_GAMMA0 = np.block([[_ZERO, _ONE], [_ONE, _ZERO]])
_GAMMA = [_GAMMA0] + [np.block([[_ZERO, s], [-s, _ZERO]]) for s in _SIGMA]
_CHARGE = 1j * _GAMMA[2] @ _GAMMA0
_CHIRAL = [np.diag([1, 1, 0, 0]), np.diag([0, 0, 1, 1])]


def near(value, rel, abs=0.0):
    """approx without its hidden absolute tolerance: cross sections are small numbers."""
    return pytest.approx(value, rel=rel, abs=abs)


def slashed(p):
    return sum(sign * c * g for sign, c, g in zip((1, -1, -1, -1), p, _GAMMA, strict=True))


def particle(p, helicity):
    """u of a massless particle, chirality = helicity."""
    energy, (x, y, z) = p[0], p[1:] / p[0]
    angle, phase = math.acos(np.clip(z, -1, 1)), math.atan2(y, x)
    up = np.array([math.cos(angle / 2), np.exp(1j * phase) * math.sin(angle / 2)])
    down = np.array([-np.exp(-1j * phase) * math.sin(angle / 2), math.cos(angle / 2)])
    root = math.sqrt(2 * energy)
    halves = (down, np.zeros(2)) if helicity == LEFT else (np.zeros(2), up)
    return root * np.concatenate(halves)


def bar(spinor):
    return spinor.conj() @ _GAMMA0


def antiparticle(p, helicity):
    """v of a massless antiparticle of this helicity, the charge conjugate of u."""
    return _CHARGE @ bar(particle(p, helicity))


def momenta(s, x, mass=0.0):
    """Beam along z, target, and two outgoing of equal mass: the share of the first is x."""
    root = math.sqrt(s)
    speed = math.sqrt(1 - 4 * mass**2 / s)
    cosine = (2 * x - 1) / speed
    sine = math.sqrt(1 - cosine**2)
    direction = np.array([sine * math.cos(0.7), sine * math.sin(0.7), cosine])
    return (
        root / 2 * np.array([1, 0, 0, 1]),
        root / 2 * np.array([1, 0, 0, -1]),
        root / 2 * np.concatenate([[1], speed * direction]),
        root / 2 * np.concatenate([[1], -speed * direction]),
    )


def vertices(complex_field):
    """Pairs of chiral vertices that one propagator joins: index and its matrices for a, b."""
    chiral = [(_CHIRAL[0], LAMBDA), (_CHIRAL[1], LAMBDA.conj())]
    if complex_field:
        return [(chiral[0], chiral[1]), (chiral[1], chiral[0])]
    return [(a, b) for a in chiral for b in chiral]


def exchanged(s, x, complex_field, dirac, helicities, target_is_antiparticle, out):
    """Amplitudes [i, j, k, l] of 12 -> 34, M = 1, from four-component spinors.

    Majorana fields couple as -(1/2) phi chibar (lambda P_L + lambda^* P_R) chi, all three channels;
    Dirac ones as -phi psibar (lambda P_L + lambda^* P_R) psi. `out` says which of 3 and 4 are
    antiparticles (Dirac).
    """
    p1, p2, p3, p4 = momenta(s, x)
    width = (1 if complex_field else 2) * (2 if dirac else 1) * TRACE / (32 * math.pi)
    t, u = -s * (1 - x), -s * x
    h1, h2, h3, h4 = helicities
    u1, u2 = particle(p1, h1), particle(p2, h2)
    v2 = bar(antiparticle(p2, h2))
    u3, u4, v4 = bar(particle(p3, h3)), bar(particle(p4, h4)), antiparticle(p4, h4)
    total = np.zeros((3,) * 4, complex)
    for (a, first), (b, second) in vertices(complex_field):
        if not dirac:
            pole = (v2 @ a @ u1) * (u3 @ b @ v4) / (s - 1 + 1j * width)
            total += pole * np.einsum("ij,kl->ijkl", first, second)
        if not dirac or not target_is_antiparticle:
            direct = (u3 @ a @ u1) * (u4 @ b @ u2) / (t - 1)
            crossed = (u4 @ a @ u1) * (u3 @ b @ u2) / (u - 1)
            total += direct * np.einsum("ik,jl->ijkl", first, second)
            total -= crossed * np.einsum("il,jk->ijkl", first, second)
        else:  # 3 is a particle and 4 an antiparticle
            pole = (v2 @ a @ u1) * (u3 @ b @ v4) / (s - 1 + 1j * width)
            direct = (u3 @ a @ u1) * (v2 @ b @ v4) / (t - 1)
            total += pole * np.einsum("ij,kl->ijkl", first, second)
            total -= direct * np.einsum("ik,jl->ijkl", first, second)
    return total


def spinor_yields(s, x, complex_field, yukawa, flipped):
    """M^2 dsigma/dx of active neutrinos [out, target, i, j, k], of lost ones [target, i, j]."""
    active, lost = np.zeros((2, 2, 3, 3, 3)), np.zeros((2, 3, 3))
    for target in (0, 1):
        target_helicity = target if not flipped else 1 - target
        for h3 in (LEFT, RIGHT):
            for h4 in (LEFT, RIGHT):
                if not yukawa:
                    helicities = (LEFT, target_helicity, h3, h4)
                    m = exchanged(s, x, complex_field, False, helicities, None, None)
                    active[h3, target] += np.sum(np.abs(m) ** 2, axis=3) / (16 * math.pi * s)
                    continue
                opposite = target == 1
                helicities = (LEFT, target_helicity, h3, h4)
                m = exchanged(s, x, complex_field, True, helicities, opposite, None)
                seen = np.sum(np.abs(m) ** 2, axis=3) / (16 * math.pi * s)
                if h3 == LEFT:
                    active[0, target] += seen
                else:
                    lost[target] += seen.sum(axis=2)
                if opposite:  # the antiparticle at x: exchange what is seen
                    m = exchanged(s, 1 - x, complex_field, True, helicities, True, None)
                    seen = np.einsum("ijkl->ijl", np.abs(m) ** 2) / (16 * math.pi * s)
                    if h4 == RIGHT:
                        active[1, target] += seen
                    else:
                        lost[target] += seen.sum(axis=2)
    return active, lost


def built(complex_field, yukawa):
    """Cross sections on aligned and on flipped targets, for M = 1."""
    if yukawa:
        return yukawa_scattering(LAMBDA, 1.0, complex_field=complex_field)
    return scalar_scattering(LAMBDA, 1.0, complex_field=complex_field), None


def losses(scattering, x, r):
    """M^2 dsigma/dx of what is lost."""
    return sum(t.prefactor(r) * t.shape(x, r) * t.lost for t in scattering.terms)


#: The values of r at which `books` are kept: one shape, one program.
BOOKED = np.array([1e-6, 1e-3, 0.5, 1.0, 2.0, 4.0, 30.0, 1e4, 1e9])


@partial(jax.jit, static_argnums=(1, 2))
def books(matrix, complex_field, yukawa):
    """Totals, numbers, energies of active secondaries, and totals of the line, at `BOOKED`."""
    r = jnp.asarray(BOOKED)
    if yukawa:
        found = yukawa_scattering(matrix, 1.0, complex_field=complex_field)
    else:
        found = (scalar_scattering(matrix, 1.0, complex_field=complex_field),)
    kept = []
    for s in found:
        line = s.only("s").total(r) if yukawa is False or s is found[1] else None
        kept.append((s.total(r), s.number_yields(r), s.energy_yields(r), line))
    return kept


build_scalar = jax.jit(scalar_scattering, static_argnames="complex_field")
build_yukawa = jax.jit(yukawa_scattering, static_argnames="complex_field")


@jax.jit
def channels_of_one_species(coupling, r):
    """Totals [r, target] and energies [r, out, target] of each channel."""
    scattering = scalar_scattering(jnp.reshape(coupling, (1, 1)), 1.0)
    found = {}
    for channel in ("s", "t", "u", "st", "tu"):
        part = scattering.only(channel)
        found[channel] = part.total(r)[..., 0, 0], part.energy_yields(r)[..., 0, 0, 0]
    return found


@partial(jax.jit, static_argnums=(2, 3))
def densities(x, r, complex_field, yukawa):
    """Active and lost M^2 dsigma/dx on aligned, and for Yukawa couplings on flipped targets."""
    found = [s for s in built(complex_field, yukawa) if s is not None]
    return [(s.differential(x, r), losses(s, x, r)) for s in found]


violated = jax.jit(lepton_violation)
violated_total = jax.jit(lepton_violation_total)


class TestAmplitudes:
    @pytest.mark.parametrize(("complex_field", "yukawa"), KINDS)
    @pytest.mark.parametrize(("s", "x"), [(0.3, 0.2), (1.02, 0.9), (7.0, 0.55), (400.0, 0.01)])
    def test_yields_of_every_state(self, s, x, complex_field, yukawa):
        for flipped, (found, gone) in enumerate(densities(x, s, complex_field, yukawa)):
            active, lost = spinor_yields(s, x, complex_field, yukawa, bool(flipped))
            scale = SPINORS * (np.max(active) + np.max(lost))
            np.testing.assert_allclose(found, active, rtol=SPINORS, atol=scale)
            np.testing.assert_allclose(gone, lost, rtol=SPINORS, atol=scale)

    def test_no_resonance_between_aligned_majorana_neutrino_and_antineutrino(self):
        line = np.asarray(books(LAMBDA, False, False)[0][3])
        assert np.all(line[:, 1] == 0.0)
        assert np.all(line[:, 0] > 0.0)

    @pytest.mark.parametrize("x", [0.03, 0.5, 0.8])
    def test_lepton_violation(self, x):
        for s in (0.3, 1.1, 30.0):
            m = exchanged(s, x, False, False, (LEFT, LEFT, RIGHT, RIGHT), None, None)
            expected = np.abs(m) ** 2 / (16 * math.pi * s)
            found = violated(LAMBDA, x, s)
            scale = SPINORS * np.max(expected)
            np.testing.assert_allclose(found, expected, rtol=SPINORS, atol=scale)

    @pytest.mark.parametrize(("complex_field", "yukawa"), KINDS)
    def test_antineutrinos_have_conjugate_couplings(self, complex_field, yukawa):
        @jax.jit
        def both(matrix, x, r):
            if yukawa:
                found = yukawa_scattering(matrix, 1.0, complex_field=complex_field)
            else:
                found = (scalar_scattering(matrix, 1.0, complex_field=complex_field),)
            mine = [s.differential(x, r) for s in found]
            return mine, [s.cp_conjugate().differential(x, r) for s in found]

        x, r = 0.3, np.array([0.4, 3.0])
        (mine, flipped), (conjugate, again) = both(LAMBDA, x, r), both(LAMBDA.conj(), x, r)
        for k in range(len(mine)):
            np.testing.assert_allclose(flipped[k], conjugate[k], rtol=1e-12, atol=1e-16)
            np.testing.assert_allclose(again[k], mine[k], rtol=1e-12, atol=1e-16)

    @pytest.mark.parametrize("yukawa", [False, pytest.param(True, marks=pytest.mark.slow)])
    def test_scalar_or_pseudoscalar(self, yukawa):
        one, other = (jax.tree.leaves(books(f * LAMBDA, False, yukawa)) for f in (1.0, 1.0j))
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-15 * np.max(a))


def shapes(r, gamma):
    """S, T(x, y), U(x, y) of the amplitudes."""
    return (
        r / (r - 1 + 1j * gamma),
        lambda x, y: r * y / (1 + r * y),
        lambda x, y: r * x / (1 + r * x),
    )


def over_x(function, r):
    """Adaptive quadrature over x of function(x, 1 - x), in ln(1 + r x) from both ends."""
    top = math.log1p(r / 2)

    def value(v):
        x = math.expm1(v) / r
        return (function(x, 1 - x) + function(1 - x, x)) * math.exp(v) / r

    cuts = np.linspace(0.0, top, 1 + math.ceil(top))
    pieces = [quad(value, a, b, epsabs=0, epsrel=1e-12)[0] for a, b in pairwise(cuts)]
    return math.fsum(pieces)


R = np.concatenate([np.geomspace(1e-8, 1e8, 17), [0.03, 0.3, 0.99, 1.0, 1.01, 1.9, 2.1, 5.0]])


class TestTotals:
    @pytest.mark.parametrize("channel", ["s", "t", "u", "st", "tu"])
    def test_channels_of_one_species(self, channel):
        coupling = 0.7
        gamma = coupling**2 / (16 * math.pi)
        found, shared = map(np.asarray, channels_of_one_species(coupling, R)[channel])
        for r, (same, opposite), yields in zip(R, found, shared, strict=True):
            s, t, u = shapes(r, gamma)
            integrand = {
                "s": lambda x, y, s=s: 2 * abs(s) ** 2,  # LL and RR
                "t": lambda x, y, t=t, u=u: t(x, y) ** 2 + u(x, y) ** 2,
                "u": lambda x, y, u=u: u(x, y) ** 2,
                "st": lambda x, y, s=s, t=t, u=u: 2 * s.real * (t(x, y) + u(x, y)),
                "tu": lambda x, y, t=t, u=u: 2 * t(x, y) * u(x, y),
            }[channel]
            unit = coupling**4 / (16 * math.pi * r)
            expected = unit * over_x(integrand, r)
            if channel == "u":  # nu nubar -> nu nubar
                assert opposite == near(expected, rel=1e-10)
                assert same == 0.0
                at_nu = unit * over_x(lambda x, y, u=u: x * u(x, y) ** 2, r)
                assert yields[0, 1] == near(at_nu, rel=1e-10)
                assert yields[1, 1] == near(expected - at_nu, rel=1e-9)
            else:  # nu nu -> nu nu, nubar nubar: half for identical particles
                assert same == near(expected / 2, rel=1e-10)
                assert opposite == 0.0
                energy = np.sum(yields[:, 0])
                assert energy == near(expected / 2, rel=1e-10)

    def test_closed_forms(self):
        some = (R > 0.2) & (R < 1e5)
        r = R[some]
        log = np.log1p(r)
        square = 1 - 2 * log / r + 1 / (1 + r)
        once = 1 - log / r
        crossed = 1 - 2 * log / r + 2 * log / (r * (2 + r))
        s = r / (r - 1 + 1j * 0.49 / (16 * math.pi))
        unit = 0.7**4 / (16 * math.pi * r)

        def total(channel, target=0):
            found = channels_of_one_species(0.7, R)[channel][0]
            return np.asarray(found)[some, target] / unit

        # written out, these lose up to two digits
        np.testing.assert_allclose(total("s"), np.abs(s) ** 2, rtol=1e-12)
        np.testing.assert_allclose(total("t"), square, rtol=1e-12)
        np.testing.assert_allclose(total("u", 1), square, rtol=1e-12)
        np.testing.assert_allclose(total("st"), 2 * s.real * once, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(total("tu"), crossed, rtol=1e-11)

    @pytest.mark.parametrize("r", R)
    def test_all_channels_of_many_species(self, r):
        gamma = TRACE / (16 * math.pi)
        s, t, u = shapes(r, gamma)
        i, j = 0, 2
        a = LAMBDA[i, j] * LAMBDA
        b = np.outer(LAMBDA[i], LAMBDA[j])
        c = b.T

        def like(x, y):
            both = np.sum(np.abs(a * s) ** 2)
            return both + np.sum(np.abs(a * s + b * t(x, y) + c * u(x, y)) ** 2)

        def unlike(x, y):
            return GRAM[i, i].real * GRAM[j, j].real * u(x, y) ** 2

        expected = [0.5 * over_x(like, r), over_x(unlike, r)]
        found = TestTotals.all_totals(r)[:, i, j] * 16 * math.pi * r
        # 1e-8 is asked for
        np.testing.assert_allclose(found, expected, rtol=1e-10)

    all_totals = staticmethod(jax.jit(lambda r: scalar_scattering(LAMBDA, 1.0).total(r)))

    def test_one_species_per_relic_density(self):
        # (1/2) LL -> LL + (1/2) LL -> RR + LR, single species
        r, coupling = 4.0, 0.3
        s, t, u = shapes(r, coupling**2 / (16 * math.pi))
        whole = over_x(
            lambda x, y: 0.5 * abs(s) ** 2 + 0.5 * abs(s + t(x, y) + u(x, y)) ** 2 + u(x, y) ** 2,
            r,
        )
        matrix = np.zeros((3, 3), complex)
        matrix[2, 2] = coupling
        found = np.asarray(books(matrix, False, False)[0][0])[BOOKED == r]
        expected = coupling**4 / (16 * math.pi * r) * whole
        assert np.sum(found) == near(expected, rel=1e-12)


def exact_violation(r, gamma, x):
    """|S + T + U|^2 with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        r, gamma, x = Decimal(float(r)), Decimal(float(gamma)), Decimal(float(x))
        y = 1 - x
        square = (r - 1) ** 2 + gamma**2
        real = r * (r - 1) / square + r * y / (1 + r * y) + r * x / (1 + r * x)
        return float(real**2 + (r * gamma / square) ** 2)


class TestCancellation:
    @pytest.mark.parametrize("coupling", [1e-6, 0.01, 0.7])
    def test_differential_and_total_at_any_s(self, coupling):
        gamma = coupling**2 / (16 * math.pi)
        matrix = np.array([[coupling]])
        nodes, weights = np.polynomial.legendre.leggauss(24)
        total = np.asarray(violated_total(matrix, R)).ravel()
        for r, found in zip(R, total, strict=True):
            # x = (e^v - 1)/r up to 1/2, twice, in panels of v
            edges = np.linspace(0.0, math.log1p(r / 2), 2 + math.ceil(math.log1p(r) / 1.5))
            v = (edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2).ravel()
            w = (np.diff(edges)[:, None] * weights / 2).ravel() * np.exp(v) / r * 2
            x = np.expm1(v) / r
            squares = np.array([exact_violation(r, gamma, point) for point in x])
            unit = coupling**4 / (16 * math.pi * r)
            assert found == near(unit * np.sum(w * squares), rel=1e-10)
            some = np.linspace(0, len(x) - 1, 40).astype(int)
            values = np.asarray(violated(matrix, x[some], r)).ravel()
            # 1 - x is rounded
            np.testing.assert_allclose(values, unit * squares[some], rtol=1e-12)

    def test_sum_over_channels_agrees_where_nothing_cancels(self):
        fine = 0.5 * np.sum(np.asarray(violated_total(LAMBDA, BOOKED)), axis=(-2, -1))
        found = np.asarray(books(LAMBDA, False, False)[0][1])[:, 1, 0].sum(axis=-1) / 2
        np.testing.assert_allclose(found[2:], fine[2:], rtol=1e-11)
        # and where it does, good to rounding of the channels
        single = np.asarray(books(LAMBDA, False, False)[0][3])[:, 0] / 2
        assert np.all(np.abs(found[:2] - fine[:2]) < 1e-14 * single[:2])

    def test_total_of_many_species_by_quadrature(self):
        nodes, weights = np.polynomial.legendre.leggauss(60)
        for r in (0.2, 1.0, 5.0):
            values = np.asarray(violated(LAMBDA, (nodes + 1) / 2, r))
            expected = np.tensordot(weights / 2, values, axes=1)
            np.testing.assert_allclose(violated_total(LAMBDA, r), expected, rtol=1e-11, atol=1e-18)


def matrices():
    entries = st.lists(st.floats(-0.5, 0.5), min_size=12, max_size=12)
    return entries.filter(lambda x: max(map(abs, x)) > 1e-2).map(_symmetric)


def _symmetric(entries):
    matrix = np.zeros((3, 3), complex)
    matrix[np.triu_indices(3)] = np.array(entries[:6]) + 1j * np.array(entries[6:])
    return (matrix + matrix.T) / 2


class TestBooks:
    @pytest.mark.parametrize("complex_field", [False, True])
    @settings(deadline=None, max_examples=15)
    @given(matrix=matrices())
    def test_active_neutrinos_conserve_number_and_energy(self, complex_field, matrix):
        ((total, number, energy, _),) = books(matrix, complex_field, False)
        scale = np.max(total)
        np.testing.assert_allclose(
            np.sum(number, axis=(1, 5)), 2 * np.asarray(total), rtol=1e-11, atol=1e-13 * scale
        )
        np.testing.assert_allclose(
            np.sum(energy, axis=(1, 5)), total, rtol=1e-11, atol=1e-13 * scale
        )
        assert np.all(np.asarray(total) >= 0.0)
        if complex_field:  # lepton number: 2 in, 2 out, or 0
            np.testing.assert_array_equal(np.asarray(number)[:, 1, 0], 0.0)

    @pytest.mark.parametrize("complex_field", [False, True])
    @settings(deadline=None, max_examples=15)
    @given(matrix=matrices())
    def test_yukawa_couplings_lose_half_or_all(self, complex_field, matrix):
        (aligned, none, _, _), (flipped, number, energy, _) = books(matrix, complex_field, True)
        np.testing.assert_array_equal(none, 0.0)
        assert np.all(np.asarray(aligned) >= 0.0)
        count = np.sum(number, axis=(1, 5))
        np.testing.assert_allclose(count, flipped, rtol=1e-11, atol=1e-13 * np.max(flipped))
        assert np.all(np.sum(energy, axis=(1, 5)) <= np.asarray(flipped) * (1 + 1e-12))

    @settings(deadline=None, max_examples=15)
    @given(matrix=matrices())
    def test_unitarity_of_the_line(self, matrix):
        # s-wave: 16 pi/M^2 for distinct, 32 pi/M^2 for identical neutrinos; a real scalar has two
        # final helicities and reaches half of it
        for complex_field, share in ((True, 1.0), (False, 0.5)):
            line = np.asarray(books(matrix, complex_field, False)[0][3])[BOOKED == 1.0][0]
            bound = 16 * math.pi * (np.ones((3, 3)) + np.eye(3)) * share
            assert np.all(np.asarray(line[0]) <= bound * (1 + 1e-12))
        flipped = np.asarray(books(matrix, True, True)[1][3])[BOOKED == 1.0][0]
        assert np.all(flipped[1] <= 16 * math.pi * (1 + 1e-12))

    def test_bound_is_reached(self):
        one = np.zeros((3, 3))
        one[1, 1] = 0.1
        line = np.asarray(books(one, True, False)[0][3])[BOOKED == 1.0][0]
        assert float(line[0, 1, 1]) == near(32 * math.pi, rel=1e-12)

    @pytest.mark.parametrize("power", [pytest.param(0, marks=pytest.mark.slow), 1])
    def test_bins_add_up(self, power):
        edges = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 12)])

        @jax.jit
        def cells(lower, upper):
            return scalar_scattering(LAMBDA, 1.0).yields_between(30.0, lower, upper, power)

        at = int(np.flatnonzero(BOOKED == 30.0)[0])
        ((_, number, energy, _),) = books(LAMBDA, False, False)
        whole = (number, energy)[power][at]
        bins = cells(edges[:-1], edges[1:])
        np.testing.assert_allclose(np.sum(bins, axis=0), whole, rtol=1e-11, atol=1e-16)


class TestNarrowLine:
    @pytest.mark.parametrize(("complex_field", "yukawa"), KINDS)
    def test_area(self, complex_field, yukawa):
        # s |D|^-2 over all s: a finite width changes it by Gamma/M, twice
        coupling = 1e-2
        matrix = coupling * LAMBDA
        if yukawa:
            line, target = build_yukawa(matrix, 1.0, complex_field=complex_field)[1], 1
        else:
            line, target = build_scalar(matrix, 1.0, complex_field=complex_field), 0
        line = line.only("s")
        gamma = float(line.gamma)
        angle = (np.polynomial.legendre.leggauss(40)[0]) * math.atan(1e3)
        weights = np.polynomial.legendre.leggauss(40)[1] * math.atan(1e3)
        r = 1 + gamma * np.tan(angle)
        (term,) = line.terms
        values = np.asarray(term.prefactor(r))[:, None, None] * np.asarray(term.removal)[target]
        area = np.tensordot(weights * gamma / np.cos(angle) ** 2, values, axes=1)
        expected = math.pi * np.abs(matrix) ** 2 * (2 / math.pi) * math.atan(1e3)
        np.testing.assert_allclose(area, expected, rtol=1e-6)

    def test_flat_with_two_secondaries(self):
        line = build_scalar(LAMBDA, 1.0).only("s")
        (term,) = line.terms
        np.testing.assert_array_equal(term.shape(np.array([0.01, 0.6]), 1.0), 1.0)
        summed = np.asarray(term.coefficient).sum(axis=(0, 4))
        np.testing.assert_allclose(summed, 2 * np.asarray(term.removal), rtol=1e-12)

    @pytest.mark.parametrize("nature", ["majorana", "dirac"])
    def test_yields_are_those_of_decays(self, nature):
        neutrinos, scalar = Neutrinos(), Scalar(1.0, LAMBDA)
        couplings = np.asarray(scalar.couplings_in_mass_basis(neutrinos))
        if nature == "majorana":
            line, target = build_scalar(couplings, 1.0), 0
        else:
            line, target = build_yukawa(couplings, 1.0)[1], 1
        (term,) = line.only("s").terms
        ratio = np.asarray(term.coefficient).sum(axis=0)[target]
        ratio = ratio / np.asarray(term.removal)[target][..., None]
        expected = 2 * np.asarray(scalar.secondary_yields(neutrinos, nature))
        np.testing.assert_allclose(ratio, np.broadcast_to(expected, ratio.shape), rtol=1e-12)


class TestOfScalar:
    def test_kinds(self):
        neutrinos = Neutrinos()
        couplings = Scalar(1.0, LAMBDA).couplings_in_mass_basis(neutrinos)
        majoron = Scalar(1.0, LAMBDA, lepton_number=-2)
        for nature in ("majorana", "dirac"):
            aligned, flipped = scattering_of(majoron, neutrinos, nature)
            expected = build_scalar(couplings, 1.0, complex_field=True)
            for mine, term in zip(aligned.terms, expected.terms, strict=True):
                np.testing.assert_allclose(mine.coefficient, term.coefficient, rtol=1e-12)
            assert flipped.terms == ()
            assert np.all(np.asarray(flipped.total(2.0)) == 0.0)
            assert float(aligned.gamma) == near(float(majoron.width(nature)), rel=1e-14)
        for field in (False, True):
            scalar = Scalar(1.0, LAMBDA, complex_field=field)
            aligned, flipped = scattering_of(scalar, neutrinos, "dirac")
            assert float(flipped.gamma) == near(float(scalar.width("dirac")), rel=1e-14)
            assert all(np.all(np.asarray(term.coefficient) == 0.0) for term in aligned.terms)

    def test_nature(self):
        scalar = Scalar(1.0, LAMBDA, complex_field=True)
        for make in (scattering_of, pairs_of):
            with pytest.raises(ParameterError, match="nature = 'majorana'"):
                make(scalar, Neutrinos(), "majorana")

    def test_limits(self):
        # light mediator: 1/(16 pi s) times the sum of squared couplings; heavy: r^3
        total = np.asarray(books(LAMBDA.astype(complex), True, False)[0][0])
        rows = np.diag(GRAM).real
        light = total[-1] * 16 * math.pi * 1e9
        np.testing.assert_allclose(light[1], np.outer(rows, rows), rtol=1e-7)  # ln(r)/r
        np.testing.assert_allclose(light[0], np.abs(LAMBDA) ** 2 * TRACE / 2, rtol=1e-7)
        heavy = total[0] * 16 * math.pi / 1e-6
        np.testing.assert_allclose(heavy[1], np.outer(rows, rows) / 3, rtol=1e-5)  # r
        gamma = TRACE / (32 * math.pi)
        contact = np.abs(LAMBDA) ** 2 * TRACE / 2 / (1 + gamma**2)
        np.testing.assert_allclose(heavy[0], contact, rtol=1e-5)

    def test_derivatives(self):
        def value(p):
            matrix = p[0] * jnp.asarray(LAMBDA) + p[1] * jnp.eye(3)
            scattering = scalar_scattering(matrix, 1.0)
            return jnp.sum(jnp.log(scattering.total(p[2])))

        both = jax.jit(jax.value_and_grad(value))
        for start in ([1.0, 0.1, 1.3], [0.5, 0.2, 1e-5], [0.2, 0.0, 1e5]):
            start = np.array(start)
            _, found = both(start)
            for k in range(3):
                step = np.zeros(3)
                step[k] = 1e-5 * max(start[k], 1e-1 if k < 2 else 0.0)
                numeric = (both(start + step)[0] - both(start - step)[0]) / (2 * step[k])
                # central differences: step^2 and rounding 1e-15/1e-5 of order 10
                assert float(found[k]) == near(float(numeric), rel=1e-6, abs=1e-7)


def pair_amplitude(s, y, complex_field):
    """Squared spinor amplitudes [i, j] of nu_i(L) nubar_j(R) -> phi phi, M = 1; y of the first."""
    p1, p2, k1, k2 = momenta(s, y, mass=1.0)
    u1, v2 = particle(p1, LEFT), bar(antiparticle(p2, RIGHT))
    orders = [(k1, True)] if complex_field else [(k1, True), (k2, True)]
    total = np.zeros((3, 3), complex)
    left, right = _CHIRAL
    for k, _ in orders:
        inner = p1 - k
        square = inner[0] ** 2 - inner[1:] @ inner[1:]
        total += (v2 @ right @ slashed(inner) @ left @ u1) / square * (LAMBDA @ LAMBDA.conj())
    return np.abs(total) ** 2


PAIR_R = np.array([4.0001, 4.5, 30.0, 1e4, 1e8])


class TestPairs:
    @pytest.mark.parametrize("complex_field", [False, True])
    @pytest.mark.parametrize("s", [4.001, 5.0, 40.0, 1e3])
    def test_total_against_spinors(self, complex_field, s):
        # y - 1/2 = p tanh(eta): the ends have peaks
        speed, p = math.sqrt(1 - 4 / s), 0.5 - 1 / s
        top = math.atanh(speed / 2 / p)
        nodes, weights = np.polynomial.legendre.leggauss(60)
        integral = sum(
            w
            * top
            * p
            / math.cosh(top * n) ** 2
            * pair_amplitude(s, 0.5 + p * math.tanh(top * n), complex_field)
            for n, w in zip(nodes, weights, strict=True)
        )
        # dt = s dy; half for identical particles
        same = 1.0 if complex_field else 0.5
        expected = same * integral / (16 * math.pi * s)
        pairs = PairProduction(1.0, np.abs(GRAM) ** 2, np.diag(GRAM).real / TRACE, complex_field)
        found = np.asarray(pairs.total(s))
        # (p_1 - k)^2 of 1e-3 s cancels in the spinor products
        np.testing.assert_allclose(found[1], expected, rtol=1e-9)
        assert np.all(found[0] == 0.0)

    def test_totals_by_quadrature(self):
        total = np.asarray(pair_total(PAIR_R))
        both = np.asarray(pair_total(PAIR_R, complex_field=True))
        number, energy = (
            {v: pair_integral(PAIR_R, 0.0, 1.0, n, v) for v in ("either", "beam", "target")}
            for n in (0, 1)
        )
        # Gauss-Legendre in panels of up to 9 units of eta
        np.testing.assert_allclose(number["either"], 2 * total, rtol=1e-11)
        np.testing.assert_allclose(number["beam"], 2 * both, rtol=1e-11)
        np.testing.assert_allclose(number["target"], 2 * both, rtol=1e-11)
        np.testing.assert_allclose(energy["either"], total / 2, rtol=1e-11)
        np.testing.assert_allclose(energy["beam"] + energy["target"], both, rtol=1e-11)

    def test_limits(self):
        # threshold: phase space to the fifth or third power of the velocity
        r = 4 * (1 + 1e-6)
        b = 4 * math.sqrt(0.25 - 1 / r)  # q/p
        assert float(pair_total(r)) == near(b**5 * 0.25 / (8 * math.pi * r) * 4 / 15, rel=1e-5)
        assert float(pair_total(r, complex_field=True)) == near(
            b**3 * 0.25 / (4 * math.pi * r) / 3, rel=1e-5
        )
        # high energies: ln(s/M^2)/(8 pi s)
        r = 1e10
        assert float(pair_total(r)) == near((math.log(r) - 1.5) / (8 * math.pi * r), rel=1e-8)
        assert float(pair_total(r, complex_field=True)) == near(
            (math.log(r) - 1.0) / (8 * math.pi * r), rel=1e-8
        )

    def test_nothing_below_threshold(self):
        r = np.array([1e-6, 1.0, 3.999, 4.0])
        assert np.all(np.asarray(pair_total(r)) == 0.0)
        assert np.all(np.asarray(pair_integral(r, 0.1, 0.3)) == 0.0)
        slope = jax.jit(jax.vmap(jax.grad(pair_total)))
        assert np.all(np.isfinite(slope(np.append(r, [4.0 + 1e-12, 5.0, 1e7]))))

    @pytest.mark.slow
    def test_slope_of_a_bin(self):
        slope = jax.jit(jax.vmap(jax.grad(pair_integral), in_axes=(0, None, None)))
        r = np.array([1e-6, 4.0, 4.0 + 1e-12, 5.0, 60.0, 1e7])
        found = np.asarray(slope(r, 0.1, 0.3))
        assert np.all(np.isfinite(found))
        for x, value in zip(r[3:5], found[3:5], strict=True):
            step = 1e-5 * x
            numeric = (pair_integral(x + step, 0.1, 0.3) - pair_integral(x - step, 0.1, 0.3)) / (
                2 * step
            )
            assert value == near(float(numeric), rel=1e-6)

    def test_slope(self):
        for complex_field in (False, True):
            total = partial(pair_total, complex_field=complex_field)
            both = jax.jit(jax.value_and_grad(total))
            for r in (4.2, 4.8, 9.0, 1e4):
                step = 1e-5 * r
                numeric = (both(r + step)[0] - both(r - step)[0]) / (2 * step)
                # (step/distance to threshold)^2 of 4e-8
                assert float(both(r)[1]) == near(float(numeric), rel=1e-6)

    @pytest.mark.parametrize(
        "r", [4.3, *(pytest.param(r, marks=pytest.mark.slow) for r in (25.0, 3e3))]
    )
    @pytest.mark.parametrize("complex_field", [False, True])
    def test_energies_by_monte_carlo(self, r, complex_field):
        """Scalars from the spinor amplitude, isotropic decays in four dimensions."""
        generator = np.random.default_rng(5)
        n = 50_000
        speed = math.sqrt(1 - 4 / r)
        edges = np.linspace(-1, 1, 4001) if r < 100 else np.tanh(np.linspace(-9, 9, 4001))
        edges = edges / edges[-1]
        middle = (edges[1:] + edges[:-1]) / 2
        z = 0.5 * speed * middle
        p = 0.5 - 1 / r
        shape = np.array([pair_amplitude(r, 0.5 + zz, complex_field)[0, 0] for zz in z[::100]])
        plain = (speed**2 / 4 - z**2) / (
            (p - z) ** 2 if complex_field else (p**2 - z**2) ** 2 / (4 * z**2)
        )
        ratio = shape / plain[::100]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)  # cancellation near the ends
        chances = plain * np.diff(edges)
        cells = generator.choice(len(z), n, p=chances / chances.sum())
        cosine = edges[cells] + np.diff(edges)[cells] * generator.random(n)
        counts = {}
        for name, sign in (("beam", 1.0), ("target", -1.0)):
            energy, momentum = 0.5 * math.sqrt(r), 0.5 * math.sqrt(r) * speed
            direction = np.stack([np.sqrt(1 - cosine**2), 0 * cosine, cosine]) * sign
            decay = generator.normal(size=(3, n))
            decay /= np.linalg.norm(decay, axis=0)
            along = np.sum(direction * decay, axis=0)
            # each neutrino in the frame of the collision: boosted from 1/2 (1, +-decay)
            shares = []
            for side in (1.0, -1.0):
                e = 0.5 * (energy + momentum * side * along)
                parallel = 0.5 * (momentum + energy * side * along)
                pz = parallel * direction[2] + 0.5 * side * (decay[2] - along * direction[2])
                shares.append((e + pz) / math.sqrt(r))
            counts[name] = np.concatenate(shares)
        bins = np.array([0.0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0])
        if complex_field:
            samples = counts
        else:
            samples = {"either": np.concatenate([counts["beam"], counts["target"]])}
        total = float(pair_total(r, complex_field=complex_field))
        for name, sample in samples.items():
            found, _ = np.histogram(sample, bins)
            means = np.asarray(pair_integral(r, bins[:-1], bins[1:], 0, name)) / total
            expected = means / 2 * len(sample)
            # five standard deviations of correlated pairs, and what a cell of the table smears
            tolerance = 5 * np.sqrt(2 * expected) + 1e-3 * expected + 5
            assert np.all(np.abs(found - expected) < tolerance)

    @pytest.mark.parametrize("vertex", ["either", pytest.param("beam", marks=pytest.mark.slow)])
    def test_density_is_the_derivative_of_the_integral(self, vertex):
        x, r = np.array([1e-3, 0.04, 0.3, 0.7, 0.4]), np.array([60.0, 200.0, 5.0, 5.0, 60.0])
        step = 1e-4 * x
        cell = pair_integral(r, x - step, x + step, 0, vertex) / (2 * step)
        # step^2 times the second derivative
        np.testing.assert_allclose(pair_density(x, r, vertex), cell, rtol=1e-5)

    @pytest.mark.parametrize(
        ("field", "number", "nature", "active"),
        [
            (False, 0, "majorana", 4),
            pytest.param(False, 0, "dirac", 2, marks=pytest.mark.slow),
            (True, -2, "dirac", 4),
            pytest.param(True, 0, "dirac", 2, marks=pytest.mark.slow),
        ],
    )
    def test_books(self, field, number, nature, active):
        scalar = Scalar(1.0, LAMBDA, complex_field=field, lepton_number=number)
        pairs = pairs_of(scalar, Neutrinos(), nature)
        r = PAIR_R
        total = np.asarray(pairs.total(r))
        yields = np.asarray(pairs.number_yields(r))
        assert yields.shape == (5, 2, 2, 3, 3, 3)
        np.testing.assert_allclose(yields.sum(axis=(1, 5)), active * total, rtol=1e-11)
        # as many neutrinos as antineutrinos
        np.testing.assert_allclose(yields[:, 0], yields[:, 1], rtol=1e-11)
        energy = np.asarray(pairs.energy_yields(r))
        np.testing.assert_allclose(energy.sum(axis=(1, 5)), active / 4 * total, rtol=1e-11)
        if field:  # the scalar of the beam's vertex flies forward
            assert np.all(energy[:, 0, 1] > energy[:, 1, 1])
        density = np.asarray(pairs.differential(np.full(5, 0.2), r))
        assert density.shape == (5, 2, 2, 3, 3, 3)
        assert np.all(density[..., 0, :, :, :] == 0.0)
        assert np.all(density[1:, :, 1] > 0.0)
        assert pairs.cp_conjugate() is pairs
