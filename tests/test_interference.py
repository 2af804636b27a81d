"""Vectors whose amplitudes add up: in the cross sections, in the relics' depths, in the flux."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import opaque
from reference.opaque_cases import FAST, HISTORY, Case, follow, shape_of
from test_vector_scattering import MATRIX, OTHER

import nuprop
from nuprop.errors import ParameterError
from nuprop.mediators.scattering import (
    VectorBoson,
    interfering_vectors,
    two_vectors,
    vector_scattering,
)
from nuprop.transport import interactions_of
from nuprop.transport.books import cascade_books
from nuprop.transport.exchange import kernels_of
from nuprop.transport.lattice import Lattice
from nuprop.transport.medium import Interaction, Medium

CASE = Case("universal", "1 GeV", 1.0, FAST, low=0.3, reach=1.5)
#: The lines of the second are in the reach of the first; their products have both signs.
PAIR = (
    nuprop.ZPrime("1 GeV", MATRIX),
    nuprop.ZPrime("1.3 GeV", OTHER),
)


@jax.jit
def _sums(bosons, r):
    """Totals, numbers and energies of `interfering_vectors` in units of the first mass."""
    whole = []
    for part in interfering_vectors(bosons):
        mu = (part.mass / bosons[0].mass) ** 2
        values = part.total(r / mu), part.number_yields(r / mu), part.energy_yields(r / mu)
        whole.append([value / mu for value in values])
    return [sum(values) for values in zip(*whole, strict=True)]


@jax.jit
def _of_nu_and_nubar(bosons, r):
    """Totals averaged over beams of neutrinos and of antineutrinos: what nu + nubar meet."""
    scattering = two_vectors(*bosons)
    return 0.5 * (scattering.total(r) + scattering.cp_conjugate().total(r))


@jax.jit
def _whole(bosons, r):
    scattering = two_vectors(*bosons)
    return scattering.total(r), scattering.number_yields(r), scattering.energy_yields(r)


@pytest.mark.parametrize("ratio", [1.0, 1.0 + 1e-9, 1.3, 0.05])
def test_parts_of_two_vectors_add_up(ratio):
    bosons = VectorBoson(MATRIX, 0.01, 0.01), VectorBoson(OTHER, 0.01 * ratio, 0.02)
    r = np.array([1e-4, 0.3, 1.0, 1.02, 1.69, 40.0, 1e6])
    for found, exact in zip(_sums(bosons, r), _whole(bosons, r), strict=True):
        scale = np.max(np.abs(exact), axis=tuple(range(1, exact.ndim)), keepdims=True)
        np.testing.assert_allclose(found / scale, exact / scale, atol=1e-13)  # rounding


@pytest.mark.parametrize("squares", [(0.3, 0.7), (0.2, 0.3, 0.5)])
def test_a_vector_in_parts(squares):
    """Couplings g cos(a) and g sin(a) of one mass and one width are one vector of g.

    The sum of g g cos^2(a) / D and g g sin^2(a) / D is that of one. A common width asks for
    inactive decays, which do not interfere: what is active is the same. Three parts likewise.
    """
    g, both = MATRIX, float(np.sum(np.abs(MATRIX) ** 2)) / (24.0 * np.pi)
    parts = [VectorBoson(square**0.5 * g, 0.01, both * (1.0 - square)) for square in squares]
    r = np.array([1e-4, 0.3, 1.0, 1.02, 1.69, 40.0, 1e6])
    one = vector_scattering(VectorBoson(g, 0.01))
    _, number, energy = _sums(tuple(parts), r)
    np.testing.assert_allclose(number, one.number_yields(r), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(energy, one.energy_yields(r), rtol=1e-10, atol=1e-13)


def test_a_heavy_vector_decouples():
    light, r = VectorBoson(MATRIX, 0.01, 0.0), np.array([1e-2, 0.5, 1.0, 3.0, 7.0, 20.0, 1e2])
    alone = vector_scattering(light).total(r)
    for ratio in (30.0, 100.0):
        total, *_ = _sums((light, VectorBoson(OTHER, 0.01 * ratio, 0.0)), r)
        # amplitudes go with (M/M')^2, times s/M^2 where the light one falls with s
        most = 10.0 * (1.0 + r) / ratio**2
        assert np.all(np.abs(total - alone) <= most[:, None, None, None] * np.max(alone))


@pytest.mark.slow
def test_depths_are_the_cross_section_over_the_motion_of_relics():
    _, neutrinos, relics, _ = CASE.physics()
    lattice = Lattice(jnp.log(4e12), jnp.asarray(0.01), 640, 32)
    energy = np.exp(np.asarray(lattice.diagonals))
    at = np.arange(40, 520, 22)

    @jax.jit
    def depths():
        """<sigma> M^2 of the first on all relics, and the redshifts, from the media."""
        total = 0.0
        for one in interactions_of(PAIR, neutrinos, relics, HISTORY, 1, interference=True):
            tables = Medium.of(one, lattice, 1, n_nodes=3, n_parts=1, stride=1).tables
            lines = 2.0 * jnp.pi * tables.line[:, 0, 0]
            unit = (PAIR[0].mass / one.lines.mediator_mass) ** 2
            lines = lines @ jnp.asarray(one.lines.coupling_squared).T
            total = total + unit * (tables.exchanged[:, 0] + lines)
        return total

    found = np.asarray(depths())[at].T
    u = _first_redshift(lattice, relics)
    bosons = [VectorBoson.of_zprime(each, neutrinos) for each in PAIR]
    temperature = float(relics.temperature) * np.exp(u)
    log_w = np.log(temperature) + np.arange(-9.0, 4.0, 2e-3)
    exact = np.zeros_like(found)
    for j, mass in enumerate(np.asarray(neutrinos.masses)):
        w = np.exp(log_w) / temperature
        weights = 2e-3 * opaque.line(w, np.full_like(w, mass / temperature))
        for node, share in zip(*np.polynomial.legendre.leggauss(3), strict=True):
            within = energy[at] * np.exp(0.5 * node * float(lattice.log_width))
            r = 2.0 * within[:, None] * np.exp(log_w) / float(PAIR[0].mass) ** 2
            sigma = np.asarray(_of_nu_and_nubar(tuple(bosons), r))[..., j]
            exact += 0.5 * share * np.einsum("ewti,w->ie", sigma, weights)
    # three values of W stand for the motion of relics where no line is
    np.testing.assert_allclose(found, exact, rtol=2e-3)


def _first_redshift(lattice, relics):
    from nuprop.transport.broad import REDSHIFTS
    from nuprop.transport.shapes import shape_redshifts

    lines = type("Thermal", (), {"relics": relics})
    return float(shape_redshifts(lattice, lines, REDSHIFTS)[0])


def _solved(interactions, emission, resolution=1.0):
    return follow(interactions, emission, shape_of(CASE, interactions, emission, resolution))


@pytest.mark.slow
def test_books_close_and_a_finer_lattice_agrees():
    _, neutrinos, relics, emission = replace(CASE, thermal=False).physics()
    interactions = interactions_of(PAIR, neutrinos, relics, HISTORY, 1, interference=True)
    coarse, fine = (_solved(interactions, emission, resolution) for resolution in (1.0, 2.0))
    balance = cascade_books(fine, emission).balance()
    assert balance.number_residual < 1e-4
    assert balance.energy_residual < 1e-4
    assert balance.lost_number == 0.0
    at = np.linspace(*CASE.ends, 64)
    values = [
        np.interp(at, np.asarray(each.log_energy), np.asarray(jnp.sum(each.ratio, axis=(0, 1))))
        for each in (coarse, fine)
    ]
    # where lines of relics at rest begin and end cells are in the way, elsewhere of second order
    assert np.quantile(np.abs(values[0] / values[1] - 1.0), 0.8) < 3e-3


@pytest.mark.slow
def test_a_vector_in_two_halves_in_the_transport():
    """As in the cross sections; without the inactive decays, of which the halves have more."""
    _, neutrinos, relics, emission = replace(CASE, thermal=False).physics()
    (one,) = interactions_of(PAIR[:1], neutrinos, relics, HISTORY, 1)
    g = np.asarray(PAIR[0].couplings_in_mass_basis(neutrinos))
    gamma, halves = float(one.gamma), []
    squares = (0.3, 0.7)
    bosons = [VectorBoson(c**0.5 * g, PAIR[0].mass, gamma * (1.0 - c)) for c in squares]
    for c, part in zip(squares, interfering_vectors(bosons), strict=True):
        # the active share of a line |g|^2 c delta is c
        lines = replace(one.lines, coupling_squared=c * c * one.lines.coupling_squared)
        kernels = kernels_of(part.without_pole(), 1, jnp.ones((2, 2)))
        halves.append(Interaction(lines, one.gamma, kernels))
    single, both = (_solved(each, emission) for each in ((one,), tuple(halves)))
    # a line in one piece is resolved within steps, interference is not, and slopes of sources are
    # limited kernel by kernel: of second order in the width of a cell, which shows on steep edges
    np.testing.assert_allclose(both.ratio, single.ratio, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("mediators", "words"),
    [
        (PAIR[:1], "two mediators or more"),
        ((PAIR[0], nuprop.Scalar.universal("1 GeV", 0.1)), "ZPrime, Scalar"),
    ],
)
def test_what_does_not_interfere_is_refused(mediators, words):
    with pytest.raises(ParameterError, match=words):
        nuprop.propagate(nuprop.Source(), mediators, interference=True)
    with pytest.raises(ParameterError, match="interference = 'yes'"):
        nuprop.propagate(nuprop.Source(), PAIR, interference="yes")
