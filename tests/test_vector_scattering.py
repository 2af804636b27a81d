import math
from decimal import Decimal, localcontext
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuprop.constants import FERMI_CONSTANT, MUON_MASS, Z_MASS
from nuprop.errors import ParameterError
from nuprop.mediators import ZPrime
from nuprop.mediators.scattering import (
    VectorBoson,
    two_vectors,
    vector_final_states,
    vector_scattering,
)
from nuprop.mediators.scattering.moments import (
    moment,
    moment_between,
    pair_moment,
    pair_moment_between,
)
from nuprop.neutrinos import Neutrinos

#: Below 1, at the switch of the moments, at the pole, 1e-8 to 1e8.
RATIOS = np.unique(np.r_[np.logspace(-8, 8, 33), 0.9, 1.0, 1.0 + 1e-6, 1.5, 2.0, 2.5])
MATRIX = np.array(
    [[0.31, 0.2 - 0.3j, 0.15j], [0.2 + 0.3j, -0.4, 0.1 + 0.25j], [-0.15j, 0.1 - 0.25j, 0.23]]
)
OTHER = np.array([[0.1, 0.3j, 0.2], [-0.3j, 0.35, 0.1 - 0.1j], [0.2, 0.1 + 0.1j, -0.25]])
#: s/M^2 and, in g^4/M^2, the s, t and s-t parts, their sum, and nu nu (g = 0.1, one species;
#: three universal neutrinos in the width).
TABLE = np.array(
    [
        [
            0.1,
            0.00327479242768,
            0.00252741575298,
            0.0057528764604,
            0.0115550846411,
            0.0144576899964,
        ],
        [0.5, 0.053051614102, 0.0106967004895, 0.0474873400057, 0.111235654597, 0.0523385343313],
        [1.0, 167551.608191, 0.0180968144852, 0.0, 167551.626288, 0.0765613357984],
        [
            2.0,
            0.0530516392985,
            0.0280177608796,
            -0.0751016485634,
            0.00596775161473,
            0.0967640417681,
        ],
        [
            10.0,
            0.00327479306133,
            0.0535129084301,
            -0.0230147469249,
            0.0337729545665,
            0.104146229758,
        ],
        [
            100.0,
            0.00027064405518,
            0.0737503766203,
            -0.00514100117103,
            0.0688800195045,
            0.0859907448392,
        ],
    ]
)


def _on_one_shape(function):
    """Compile a function of pytree, x or r, ... once: its arrays are repeated to one length."""
    compiled = jax.jit(function)

    def call(scattering, *arguments):
        arrays = np.broadcast_arrays(*arguments)
        size = arrays[0].size
        assert size <= 40
        values = compiled(scattering, *(np.resize(a, 40) for a in arrays))
        return jax.tree.map(lambda value: np.asarray(value)[:size], values)

    return call


@_on_one_shape
def _by_channel(scattering, r):
    """Totals of each channel, (..., target, i, j)."""
    names = dict.fromkeys(term.channel for term in scattering.terms)
    return {name: scattering.only(name).total(r) for name in names}


@_on_one_shape
def _books(scattering, r):
    """Totals, and yields of numbers and of energy."""
    return scattering.total(r), scattering.number_yields(r), scattering.energy_yields(r)


@_on_one_shape
def _differential(scattering, x, r):
    return scattering.differential(x, r)


@_on_one_shape
def _between(scattering, r, lower, upper):
    """Yields of numbers and of energy."""
    return [scattering.yields_between(r, lower, upper, power) for power in (0, 1)]


@_on_one_shape
def _final_states(bosons, r):
    return vector_final_states(*bosons).total(r)


BUILD = jax.jit(vector_scattering)
BUILD_TWO = jax.jit(two_vectors)
SCATTERING = BUILD(VectorBoson(MATRIX, 0.01))


def _x_rule(order=40):
    """x, 1 - x and weights of a composite rule on [0, 1], dense towards both ends."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    edges = np.r_[0.0, np.logspace(-11, np.log10(0.5), 18)]
    widths = np.diff(edges)
    near = (edges[:-1, None] + widths[:, None] * (nodes + 1) / 2).ravel()
    shares = (widths[:, None] * weights / 2).ravel()
    return np.r_[near, 1 - near], np.r_[1 - near, near], np.r_[shares, shares]


def _amplitudes(x, y, r, *bosons):
    """Amplitudes over M^-1 [x, i, j, k, l] on nu and nubar, straight from the Feynman rules."""
    same = opposite = 0.0
    reference = bosons[0].mass
    for boson in bosons:
        g, mu = np.asarray(boson.couplings), (boson.mass / reference) ** 2
        t, u = 1 / (r * y + mu), 1 / (r * x + mu)
        pole = 1 / complex(r - mu, mu * float(boson.gamma))
        opposite += pole * np.einsum("ji,kl->ijkl", g, g)[None] - np.einsum(
            "x,ki,jl->xijkl", t, g, g
        )
        same += np.einsum("x,ki,lj->xijkl", t, g, g) + np.einsum("x,li,kj->xijkl", u, g, g)
    return same, opposite


def _by_quadrature(r, *bosons):
    """M^2 sigma [target, i, j, k, l] by quadrature."""
    x, y, weights = _x_rule()
    same, opposite = _amplitudes(x, y, r, *bosons)
    factor = r / (4 * np.pi) * weights
    return np.stack(
        [
            np.einsum("x,xijkl->ijkl", factor / 2, abs(same) ** 2),
            np.einsum("x,xijkl->ijkl", factor * x**2, abs(opposite) ** 2),
        ]
    )


def _exact_moment(n, m, p, r, lower=0.0, upper=1.0):
    """int_lower^upper x^n (1-x)^m / (1 + r(1-x))^p with 200 digits, by w = 1 + r(1-x)."""
    with localcontext() as context:
        context.prec = 200
        r, start, stop = Decimal(r), 1 - Decimal(upper), 1 - Decimal(lower)

        def primitive(power, w):
            return w.ln() if power == -1 else w ** (power + 1) / (power + 1)

        def integral(power):  # of v^power / (1 + r v)^p
            low, high = 1 + r * start, 1 + r * stop
            return sum(
                math.comb(power, j)
                * (-1) ** (power - j)
                * (primitive(j - p, high) - primitive(j - p, low))
                for j in range(power + 1)
            ) / r ** (power + 1)

        return float(sum(math.comb(n, j) * (-1) ** j * integral(m + j) for j in range(n + 1)))


def _closed_forms(r, g, gamma):
    """s, t, s-t and nu nu totals times M^2 of one species with coupling g, with 100 digits."""
    with localcontext() as context:
        context.prec = 100
        r, g, gamma = Decimal(r), Decimal(g), Decimal(gamma)
        pi = Decimal(
            "3.14159265358979323846264338327950288419716939937510582097494459230781640628621"
        )
        a = 1 / r
        log = (1 + r).ln()
        distance = (r - 1) ** 2 + gamma**2
        s = g**4 * r / (12 * pi * distance)
        t = g**4 / (4 * pi * r) * (2 + r - 2 * (1 + a) * log)
        real = (r - 1) / distance
        mixed = -(g**4) / (2 * pi) * real * ((1 + a) ** 2 * log - a - Decimal("1.5"))
        alike = g**4 / (4 * pi * r) * (1 / (a * (1 + a)) + 2 / (1 + 2 * a) * log)
        return [float(value) for value in (s, t, mixed, alike)]


# ------------------------------------------------------------------------------ moments


@pytest.mark.parametrize("p", [1, 2])
def test_moments_keep_all_digits(p):
    powers = [(n, m) for n in range(5) for m in range(3)]
    r = np.unique(np.r_[np.logspace(-10, 10, 21), 1.7, 2.0, np.nextafter(2.0, 1.0), 2.3])
    found = jax.jit(lambda r: jnp.stack([moment(n, m, p, r) for n, m in powers]))(r)
    exact = [[_exact_moment(n, m, p, value) for value in r] for n, m in powers]
    np.testing.assert_allclose(found, exact, rtol=1e-13)


def test_moments_without_propagator_are_beta_functions():
    assert float(moment(3, 2, 0, 5.0)) == pytest.approx(1 / 60, rel=1e-15)
    np.testing.assert_array_equal(moment(1, 1, 0, np.ones(2)), np.full(2, 1 / 6))
    assert float(moment(2, 0, 2, 0.0)) == pytest.approx(1 / 3, rel=1e-15)


@pytest.mark.parametrize("mirrored", [False, True])
def test_partial_moments(mirrored):
    # binary fractions, so that the widths are exact
    lower = np.array([0.0, 0.0, 0.25, 0.5, 1 - 2**-20, 2**-30])
    upper = np.array([1.0, 2**-10, 0.25 + 2**-30, 1.0, 1.0, 2**-20])
    r = np.array([1e-8, 0.3, 3.0, 1e4, 1e8])
    found = jax.jit(
        lambda r: jnp.stack(
            [
                moment_between(n, 2, p, r, lower, upper, mirrored=mirrored)
                for n, p in ((3, 1), (2, 2))
            ]
        )
    )
    for ratio in r:
        for values, (n, p) in zip(found(ratio), ((3, 1), (2, 2)), strict=True):
            ends = (1 - upper, 1 - lower) if mirrored else (lower, upper)
            exact = [_exact_moment(n, 2, p, ratio, *end) for end in zip(*ends, strict=True)]
            np.testing.assert_allclose(values, exact, rtol=1e-13)


def test_products_of_two_propagators():
    """The product of unlike propagators, whose masses may coincide or lie far apart."""
    x, y, weights = _x_rule()
    r = np.array([1e-6, 1.0, 30.0, 1e7])[:, None]
    ratios = np.array([1.0, 1.0 + 1e-12, 1.01, 4.0, 1e-6, 1e6])
    whole, mirrored = jax.jit(
        lambda r, other: (
            pair_moment(2, 1, r, other),
            pair_moment_between(2, 1, r, other, 0.25, 0.5, mirrored=True),
        )
    )(r, r * ratios)
    for i, j in np.ndindex(whole.shape):
        a, b = r[i, 0], r[i, 0] * ratios[j]
        exact = np.sum(weights * x**2 * y / ((1 + a * y) * (1 + b * y)))
        assert float(whole[i, j]) == pytest.approx(exact, rel=1e-12, abs=0.0)
        nodes, w = np.polynomial.legendre.leggauss(20)
        v = (nodes + 3) / 8
        exact = np.sum(w / 8 * (1 - v) ** 2 * v / ((1 + a * v) * (1 + b * v)))
        assert float(mirrored[i, j]) == pytest.approx(exact, rel=1e-12, abs=0.0)


# ------------------------------------------------------------------------------ totals


def _four(r, g=0.1):
    """Totals of s, t, s-t and nu nu of one species of three that couple alike, in M^-2."""
    boson = VectorBoson(np.array([[g]]), 0.01, 2 * g**2 / (24 * math.pi))
    # the other two species are not in the yields of these final states
    parts = _by_channel(vector_final_states(boson).yields(), r)
    opposite = [parts[name][:, 1, 0, 0] for name in ("s", "t", "st")]
    return np.array([*opposite, sum(parts[name][:, 0, 0, 0] for name in ("t", "u", "tu"))])


def test_table_of_totals():
    s, t, mixed, alike = _four(TABLE[:, 0]) / 0.1**4
    # 12 significant digits are given
    columns = np.stack([s, t, mixed, s + t + mixed, alike], axis=-1)
    np.testing.assert_allclose(columns, TABLE[:, 1:], rtol=5e-12, atol=1e-15)


def test_totals_in_closed_form():
    gamma = 3 * 0.1**2 / (24 * math.pi)
    exact = np.array([_closed_forms(r, 0.1, gamma) for r in RATIOS]).T
    # rounding of r - 1 and of the moments
    np.testing.assert_allclose(_four(RATIOS), exact, rtol=1e-12, atol=1e-300)


@pytest.fixture(scope="module")
def full():
    """A boson with every coupling, its final states and yields at RATIOS."""
    boson = VectorBoson(MATRIX, 0.01, 0.03)
    return boson, _final_states((boson,), RATIOS), _books(BUILD(boson), RATIOS)


def test_final_states_by_quadrature(full):
    boson, found, _ = full
    for r, values in zip(RATIOS, found, strict=True):
        exact = _by_quadrature(r, boson)
        # a final state may nearly vanish by interference: relative to the largest then
        np.testing.assert_allclose(values, exact, rtol=1e-8, atol=1e-12 * exact.max())


def test_sum_over_final_states_is_the_total(full):
    boson, states, (total, number, _) = full
    lost = (
        2
        * abs(MATRIX) ** 2
        * 0.03
        * np.asarray(RATIOS / ((RATIOS - 1) ** 2 + float(boson.gamma) ** 2)).reshape(-1, 1, 1)
    )
    expected = np.sum(states, axis=(-1, -2)) + np.stack([0 * lost, lost], axis=1)
    np.testing.assert_allclose(total, expected, rtol=1e-12)
    np.testing.assert_allclose(
        np.sum(number, axis=(1, -1)), 2 * np.sum(states, axis=(-1, -2)), rtol=1e-12
    )


def test_number_and_energy_are_conserved():
    total, number, energy = _books(SCATTERING, RATIOS)
    np.testing.assert_allclose(np.sum(number, axis=(1, -1)), 2 * total, rtol=1e-12)
    np.testing.assert_allclose(np.sum(energy, axis=(1, -1)), total, rtol=1e-12)


# ------------------------------------------------------------------------------ energy sharing


def test_sharing_of_energy_summed_over_flavors():
    """The yields of one neutrino, written with the square of the matrix."""
    boson = VectorBoson(MATRIX, 0.01)
    g, square = MATRIX, MATRIX @ MATRIX
    across, diagonal = abs(g) ** 2, np.diag(square).real
    tensor = partial(np.einsum, optimize=False)
    x = np.array([0.0, 1e-6, 0.2, 0.5, 0.9, 1.0])
    for r in (1e-6, 0.7, 1.02, 50.0):
        t, u = 1 / (r * (1 - x) + 1), 1 / (r * x + 1)
        pole = 1 / (r - 1 + 1j * float(boson.gamma))
        line = abs(pole) ** 2 * tensor("ij,k->ijk", across, diagonal)
        alike = (
            tensor("x,ki,j->xijk", t**2, across, diagonal)
            + tensor("x,kj,i->xijk", u**2, across, diagonal)
            + tensor("x,ijk->xijk", 2 * t * u, tensor("ki,jk,ij->ijk", g, g, square).real)
        )
        mixed = (pole * tensor("ji,ik,kj->ijk", g, g, square)).real
        to_nu = (
            line
            + tensor("x,ki,j->xijk", t**2, across, diagonal)
            - 2 * tensor("x,ijk->xijk", t, mixed)
        )
        mixed = (pole * tensor("ji,kj,ik->ijk", g, g, square)).real
        to_nubar = (
            line
            + tensor("x,jk,i->xijk", u**2, across, diagonal)
            - 2 * tensor("x,ijk->xijk", u, mixed)
        )
        expected = np.zeros((6, 2, 2, 3, 3, 3))
        expected[:, 0, 0] = alike
        expected[:, 0, 1] = tensor("x,xijk->xijk", x**2, to_nu)
        expected[:, 1, 1] = tensor("x,xijk->xijk", (1 - x) ** 2, to_nubar)
        expected *= r / (4 * np.pi)
        found = _differential(SCATTERING, x, np.full(6, r))
        # s, t and interference may cancel
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14 * expected.max())


def test_yields_between_add_up():
    edges = np.r_[0.0, np.logspace(-9, 0, 10)]
    for r in (1e-3, 1.1, 1e5):
        whole = _books(SCATTERING, r)[1:]
        for found, expected in zip(
            _between(SCATTERING, r, edges[:-1], edges[1:]), whole, strict=True
        ):
            np.testing.assert_allclose(np.sum(found, axis=0), expected[0], rtol=1e-11, atol=1e-16)


def test_narrow_bins_keep_their_digits():
    x, width = 0.25, 2.0**-40
    found = _between(SCATTERING, 3.0, x, x + width)[0]
    middle = _differential(SCATTERING, x + width / 2, 3.0)
    np.testing.assert_allclose(found, width * middle, rtol=1e-11, atol=1e-12 * width)


# ------------------------------------------------------------------------------ the line


def test_without_pole():
    parts = _by_channel(SCATTERING, RATIOS)
    rest = _by_channel(SCATTERING.without_pole(), RATIOS)
    assert set(parts) == {"s", "t", "st", "u", "tu"}
    assert set(rest) == {"t", "st", "u", "tu"}
    empty = SCATTERING.only("s").without_pole()
    assert empty.total(RATIOS).shape == (RATIOS.size, 2, 3, 3)
    assert not np.any(empty.differential(0.5, RATIOS))
    total, *_ = _books(SCATTERING, RATIOS)
    np.testing.assert_allclose(sum(parts.values()), total, rtol=1e-13)


@pytest.mark.parametrize("inactive", [0.0, 1e-5])
def test_narrow_line_integrates_to_two_pi(inactive):
    boson = VectorBoson(1e-3 * MATRIX, 0.01, inactive)
    gamma = float(boson.gamma)
    # r = 1 + gamma tan(theta): the Lorentzian is flat in theta
    nodes, weights = np.polynomial.legendre.leggauss(40)
    theta = nodes * (np.pi / 2 - 1e-3)
    r = 1 + gamma * np.tan(theta)
    sigma = _by_channel(BUILD(boson), r)["s"][:, 1]
    measure = weights * (np.pi / 2 - 1e-3) * gamma / np.cos(theta) ** 2
    area = np.einsum("r,rij->ij", measure, sigma) * np.pi / (np.pi - 2e-3)
    # corrections are of the order of gamma
    np.testing.assert_allclose(area, 2 * np.pi * abs(1e-3 * MATRIX) ** 2, rtol=1e-4)


def test_peak_obeys_unitarity():
    """48 pi B_ij / M^2 for one helicity amplitude of J = 1, B_ij the branching ratio."""
    for inactive in (0.0, 0.01):
        boson = VectorBoson(MATRIX, 0.01, inactive)
        line = _by_channel(BUILD(boson), jnp.ones(1))["s"][0, 1]
        branching = abs(MATRIX) ** 2 / (24 * np.pi * float(boson.gamma))
        np.testing.assert_allclose(line, 48 * np.pi * branching, rtol=1e-12)
        assert np.all(branching <= 1)


def test_of_zprime():
    neutrinos = Neutrinos(ordering="normal", lightest_mass="1 meV")
    zprime = ZPrime.lmu_ltau("250 MeV", 1e-3)
    boson = jax.jit(VectorBoson.of_zprime, static_argnums=1)(zprime, neutrinos)
    g = np.asarray(boson.couplings)
    # Tr g^2 = 2 g'^2, and muons
    assert np.trace(g @ g).real == pytest.approx(2e-6, rel=1e-12, abs=0.0)
    assert float(boson.gamma - boson.to_inactive) == pytest.approx(
        1e-6 / (12 * np.pi), rel=1e-12, abs=0.0
    )
    muons = 1e-6 / (12 * np.pi) * (1 + 2 * (MUON_MASS / 0.25) ** 2)
    muons *= math.sqrt(1 - 4 * (MUON_MASS / 0.25) ** 2)
    assert float(boson.to_inactive) == pytest.approx(muons, rel=1e-9, abs=0.0)


# ------------------------------------------------------------------------------ limits


def test_contact_limit_is_that_of_fermi():
    """Z exchange between neutrinos: g^2 = sqrt(2) G_F M_Z^2, s << M_Z^2."""
    g = math.sqrt(math.sqrt(2) * FERMI_CONSTANT) * Z_MASS
    s = 1e-6
    total, *_ = _books(BUILD(VectorBoson(g * np.eye(3), Z_MASS)), jnp.array([s / Z_MASS**2]))
    alike, opposite = np.asarray(total)[0] / Z_MASS**2 / (FERMI_CONSTANT**2 * s / np.pi)
    # corrections are of the order of s/M^2 = 1e-10, and (Gamma/M)^2 = 3e-5 where there is a pole
    assert alike[0, 0] == pytest.approx(1.0, rel=1e-8)
    assert alike[0, 1] == pytest.approx(1 / 2, rel=1e-8)
    assert opposite[0, 1] == pytest.approx(1 / 6, rel=1e-8)
    assert opposite[0, 0] == pytest.approx(4 / 6 + 2 / 6, rel=3e-5)


def test_contact_limit_of_any_matrix():
    # a weak coupling: a constant width leaves (Gamma/M)^2 below the pole
    g = 1e-3 * MATRIX
    found = _final_states((VectorBoson(g, 0.01),), 1e-8)[0]
    opposite = abs(np.einsum("ji,kl->ijkl", g, g) + np.einsum("ki,jl->ijkl", g, g)) ** 2
    alike = abs(np.einsum("ki,lj->ijkl", g, g) + np.einsum("li,kj->ijkl", g, g)) ** 2
    expected = 1e-8 * np.stack([alike / (8 * np.pi), opposite / (12 * np.pi)])
    # corrections are of the order of s/M^2
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8 * expected.max())


def test_high_energies():
    """A constant cross section (g^2)_ii (g^2)_jj / (4 pi M^2) on either target."""
    r = np.array([1e8])
    total, *_ = _books(SCATTERING, r)
    diagonal = np.diag(MATRIX @ MATRIX).real
    expected = np.outer(diagonal, diagonal) / (4 * np.pi)
    # corrections are of the order of ln(r)/r
    np.testing.assert_allclose(total[0], np.stack([expected, expected]), rtol=3e-6)


# ------------------------------------------------------------------------------ symmetries


def test_antineutrinos_have_conjugate_couplings():
    mirror = BUILD(VectorBoson(MATRIX.conj(), 0.01))
    x = np.linspace(0, 1, 7)
    for r in (0.8, 1.05, 20.0):
        expected = _differential(mirror, x, np.full(7, r))
        found = _differential(SCATTERING.cp_conjugate(), x, np.full(7, r))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-17)
    # the phases matter: CP is violated in what comes out near the pole
    found, mirrored = (_books(each, 1.05)[1] for each in (SCATTERING, mirror))
    assert np.max(abs(found - mirrored)) > 1e-3 * np.max(found)


def test_real_couplings_conserve_cp():
    scattering = BUILD(VectorBoson(MATRIX.real, 0.01))
    x = np.linspace(0, 1, 7)
    ours = _differential(scattering, x, np.full(7, 1.05))
    np.testing.assert_array_equal(
        ours, _differential(scattering.cp_conjugate(), x, np.full(7, 1.05))
    )


def test_time_reversal_of_totals():
    """Detailed balance: sigma(ij -> kl) = sigma(kl -> ij) with conjugate couplings."""
    ours = _final_states((VectorBoson(MATRIX, 0.01),), RATIOS)
    reverse = _final_states((VectorBoson(MATRIX.conj(), 0.01),), RATIOS)
    np.testing.assert_allclose(ours, jnp.einsum("rtklij->rtijkl", reverse), rtol=1e-10, atol=1e-20)


def hermitian_matrices():
    entries = st.lists(st.floats(-1.0, 1.0), min_size=9, max_size=9).map(np.array)
    return entries.filter(lambda v: np.max(np.abs(v)) > 0.1).map(_hermitian)


def _hermitian(v):
    upper = np.zeros((3, 3), dtype=complex)
    upper[np.triu_indices(3, 1)] = v[3:6] + 1j * v[6:]
    return np.diag(v[:3]) + upper + upper.conj().T


@settings(max_examples=30, deadline=None)
@given(
    matrix=hermitian_matrices(),
    log_r=st.floats(-8, 8),
    x=st.floats(0, 1),
    inactive=st.floats(0, 0.1),
)
def test_any_matrix(matrix, log_r, x, inactive):
    """Cross sections are positive, books balance, and names of states do not matter."""
    boson = VectorBoson(matrix, 0.01, inactive)
    scattering, r = BUILD(boson), jnp.array([10.0**log_r])
    total, number, energy = _books(scattering, r)
    differential = _differential(scattering, jnp.array([x]), r)
    # rounding of what cancels between channels, of the size of the largest term
    slack = 1e-13 * float(
        jnp.max(jnp.abs(_differential(scattering.only("s", "t"), jnp.array([x]), r)))
    )
    assert np.all(differential >= -slack)
    assert np.all(total >= 0)
    lost = 2 * total - np.sum(number, axis=(1, -1))
    np.testing.assert_allclose(
        total - np.sum(energy, axis=(1, -1)), lost / 2, atol=1e-12 * total.max()
    )
    assert np.all(lost >= -1e-12 * total.max())
    order = [2, 0, 1]
    permuted, *_ = _books(BUILD(VectorBoson(matrix[np.ix_(order, order)], 0.01, inactive)), r)
    np.testing.assert_allclose(
        permuted, total[:, :, order][..., order], rtol=1e-11, atol=1e-13 * total.max()
    )


@pytest.mark.slow
def test_four_states():
    matrix = np.diag([0.1, 0.2, 0.0, 0.3]) + 0.05
    scattering = jax.jit(partial(vector_scattering, channels=("s", "t")))
    total, number, _ = _books(scattering(VectorBoson(matrix, 1e-3)), RATIOS[:4])
    assert total.shape == (4, 2, 4, 4)
    np.testing.assert_allclose(np.sum(number, axis=(1, -1)), 2 * total, rtol=1e-12)


# ------------------------------------------------------------------------------ two bosons


@pytest.mark.parametrize("ratio", [1.0, 1.0 + 1e-9, 1.3, 0.05, 1000.0])
def test_two_vectors_by_quadrature(ratio):
    first, second = VectorBoson(MATRIX, 0.01, 0.01), VectorBoson(OTHER, 0.01 * ratio, 0.02)
    r = np.array([1e-8, 1e-4, 0.3, 1.0, 1.02, 1.69, 40.0, 1e6, 1e8])
    found = _final_states((first, second), r)
    for value, values in zip(r, found, strict=True):
        exact = _by_quadrature(value, first, second)
        np.testing.assert_allclose(values, exact, rtol=1e-8, atol=1e-12 * exact.max())


@pytest.mark.slow
def test_the_same_boson_twice():
    """Amplitudes add: four times the cross section, but for the width."""
    boson = VectorBoson(MATRIX, 0.01)
    once = _books(SCATTERING, RATIOS)
    twice = _books(BUILD_TWO(boson, boson), RATIOS)
    for single, double in zip(once, twice, strict=True):
        np.testing.assert_allclose(double, 4 * single, rtol=1e-10, atol=1e-13)


@pytest.mark.slow
def test_books_of_two_vectors():
    first, second = VectorBoson(MATRIX, 0.01, 0.01), VectorBoson(OTHER, 0.013)
    scattering = BUILD_TWO(first, second)
    total, number, energy = _books(scattering, RATIOS)
    parts = _by_channel(scattering, RATIOS)
    assert set(parts) == {"s", "ss", "t", "st", "u", "tu"}
    line = RATIOS / ((RATIOS - 1) ** 2 + float(first.gamma) ** 2)
    lost = np.zeros_like(total)
    lost[:, 1] = np.multiply.outer(line, 2 * 0.01 * abs(MATRIX) ** 2)
    np.testing.assert_allclose(np.sum(number, axis=(1, -1)), 2 * (total - lost), rtol=1e-11)
    np.testing.assert_allclose(np.sum(energy, axis=(1, -1)), total - lost, rtol=1e-11)
    conjugates = VectorBoson(MATRIX.conj(), 0.01, 0.01), VectorBoson(OTHER.conj(), 0.013)
    expected = _books(BUILD_TWO(*conjugates), RATIOS)[1]
    np.testing.assert_allclose(
        _books(scattering.cp_conjugate(), RATIOS)[1], expected, rtol=1e-11, atol=1e-16
    )


# ------------------------------------------------------------------------------ JAX


def _log_yields(parameters):
    mass, coupling, phase, log_s, inactive = parameters
    turn = jnp.diag(jnp.exp(1j * phase * jnp.array([1.0, 0.0, -2.0])))
    matrix = coupling * (MATRIX + 0.3 * turn @ OTHER @ turn.conj())
    scattering, r = vector_scattering(VectorBoson(matrix, mass, inactive)), 10.0**log_s / mass**2
    energy = scattering.energy_yields(r)
    return jnp.log(energy[0, 1, 0, 2, 1]) + jnp.log(energy[1, 1, 0, 1, 1] + energy[0, 0, 1, 2, 0])


def test_derivatives():
    # from contact to high energy, at the switch of the moments, and on the line
    logs = np.array([-9.0, -2.0, math.log10(2.0), 0.01, 3.0, 9.0])
    points = np.array([[0.01, 0.3, 0.7, value - 4.0, 0.02] for value in logs])
    steps = 1e-5 * points[..., None] * np.eye(5)
    middle = points[:, None]
    ends = np.concatenate([middle, middle + steps, middle - steps], axis=1).reshape(-1, 5)
    values, gradients = jax.jit(jax.vmap(jax.value_and_grad(_log_yields)))(ends)
    values, gradients = values.reshape(6, 11), gradients.reshape(6, 11, 5)[:, 0]
    assert np.all(np.isfinite(gradients))
    slopes = (values[:, 1:6] - values[:, 6:]) / (2e-5 * points)
    # central differences: step^2 and rounding / step
    np.testing.assert_allclose(gradients, slopes, rtol=1e-5, atol=1e-6)


def test_derivative_of_moments_is_continuous():
    slope = jax.jit(jax.vmap(jax.grad(lambda r: moment(2, 1, 2, r))))
    below, above = slope(jnp.array([np.nextafter(2.0, 1.0), 2.0]))
    assert float(below) == pytest.approx(float(above), rel=1e-12)


@pytest.mark.slow
def test_derivative_between_equal_masses():
    equal = jax.jit(jax.grad(lambda r: pair_moment(1, 0, r, 2.0)))(2.0)
    both = jax.jit(jax.grad(lambda r: moment(1, 0, 2, r)))(2.0)
    assert float(equal) == pytest.approx(float(both) / 2, rel=1e-12)


def test_batches():
    masses, scales = jnp.array([0.01, 0.02]), jnp.array([1.0, 0.3])

    @jax.jit
    @jax.vmap
    def batched(mass, scale):
        scattering = vector_scattering(VectorBoson(scale * MATRIX, mass), channels=("t", "tu"))
        return scattering.total(1e-3 / mass**2)

    parts = _by_channel(BUILD(VectorBoson(0.3 * MATRIX, 0.02)), 2.5)
    found = batched(masses, scales)[1]
    np.testing.assert_allclose(found, (parts["t"] + parts["tu"])[0], rtol=1e-13)


# ------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.ones(3), 0.01), "square matrix"),
        ((np.ones((2, 3)), 0.01), "square matrix"),
        ((MATRIX + 0.1j, 0.01), "Hermitian"),
        ((np.zeros((3, 3)), 0.01), "Hermitian"),
        ((np.full((3, 3), np.nan), 0.01), "Hermitian"),
        ((MATRIX, 0.0), "mass = 0"),
        ((MATRIX, math.nan), "mass = nan"),
        ((MATRIX, 0.01, -0.1), "to_inactive = -0.1"),
    ],
)
def test_faults_of_a_boson(arguments, words):
    with pytest.raises(ParameterError, match=words):
        VectorBoson(*arguments)


def test_unknown_channels():
    boson = VectorBoson(MATRIX, 0.01)
    with pytest.raises(ParameterError, match="channel = 'stu'"):
        vector_scattering(boson, channels=("s", "stu"))
    with pytest.raises(ParameterError, match="channel = 'ss'"):
        SCATTERING.only("ss")
    with pytest.raises(ParameterError, match=r"\[2, 3\] states"):
        two_vectors(boson, VectorBoson(np.eye(2), 0.01))


def test_channels_may_be_chosen():
    chosen = jax.eval_shape(
        partial(vector_scattering, channels=("t", "u")), VectorBoson(MATRIX, 0.01)
    )
    assert {term.channel for term in chosen.terms} == {"t", "u"}
