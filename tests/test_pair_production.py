"""Two scalars and their four neutrinos on a lattice: tables, books, and an independent solver."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference.opaque_cases import HISTORY, RESTING, Case, follow, shape_of

import nuprop
from nuprop.errors import ParameterError
from nuprop.mediators.scattering.pairs import (
    pair_integral,
    pair_total,
    pair_yields_below,
    pairs_of,
)
from nuprop.transport import interactions_of
from nuprop.transport.books import cascade_books
from nuprop.transport.lattice import Lattice
from nuprop.transport.pairs import PairMedium, Pairs

CASE = Case("real", "1 GeV", 1.0, RESTING, thermal=False, low=0.3, high=30.0, reach=1.0)


@pytest.mark.parametrize("vertex", ["either", "beam", "target"])
def test_yields_below_an_energy(vertex):
    r = np.array([4.01, 4.5, 10.0, 100.0, 1e4, 1e7])[:, None]
    loss = np.array([0.0, 1e-3, 0.02, 0.3, 0.7, 1.5, 4.0, 9.0, 16.0])
    found = pair_yields_below(loss, r, vertex)
    for power, value in enumerate(found):
        whole = value[:, :1]  # of all energies
        exact = pair_integral(r, 0.0, np.exp(-loss), power, vertex)
        # rounding over the 1e-3 of the threshold, and over m = 1/r
        np.testing.assert_allclose(value / whole, exact / whole, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("complex_field", "n_channels"), [(False, 1), (True, 2)])
def test_tables_have_four_neutrinos_and_the_energy(complex_field, n_channels):
    pairs = Pairs(jnp.ones((n_channels, 3, 3)), jnp.ones(3) / 3.0, complex_field, yukawa=False)
    lattice = Lattice(jnp.log(1e12), jnp.asarray(0.01), 128, 32)
    length = jnp.full((1, 3, 1), 1e8)
    medium = jax.jit(lambda: vars(PairMedium.of(pairs, lattice, length, length)))()
    landing, below = np.asarray(medium["landing"]), np.asarray(medium["below"])
    landing = np.concatenate([np.asarray(medium["staying"])[..., None], landing], axis=-1)
    number = np.sum(landing, axis=(0, -1)) + np.sum(below[:, 0, :, -1], axis=0)
    np.testing.assert_allclose(number, 4.0, rtol=1e-12)  # by construction
    energy = landing @ np.exp(-0.01 * np.arange(129))
    energy = np.sum(energy, axis=0) + np.sum(below[:, 1, :, -1], axis=0)
    # neutrinos are in the middle of cells: h^2/12 and what a cell in the middle is off from uniform
    np.testing.assert_allclose(energy, 1.0, rtol=2e-5)
    least, spacing = medium["rapidities"]
    r = 4.0 * np.cosh(float(least) + float(spacing) * np.arange(1024)) ** 2
    exact = pair_total(r, complex_field=complex_field)
    np.testing.assert_allclose(medium["sigma"], exact, rtol=1e-6)


def _only_pairs(mediator, neutrinos, relics, n_channels=1):
    """Leave out the line and all other channels."""
    interactions = interactions_of(
        (mediator,), neutrinos, relics, HISTORY, n_channels, pair_production=True
    )
    (one,) = (each for each in interactions if each.pairs is not None)
    silent = replace(one.lines, coupling_squared=jnp.zeros((3, 3)))
    return replace(one, lines=silent, kernels=())


def _dense(one, production, emission, shape, factors):
    """Follow the contents of cells (3, n) with all that lands in each, for factors on the coupling.

    Cross sections from the quadrature of `pair_integral`, steps by Runge and Kutta; relics at rest.
    """
    lattice = shape.placed(emission.u_max)
    h, n, steps = float(lattice.log_width), lattice.n_cells, lattice.n_steps
    y, u = np.asarray(lattice.centers), np.asarray(lattice.steps)
    diagonals = np.asarray(lattice.diagonals)
    masses, mass = np.asarray(one.lines.masses), float(one.lines.mediator_mass)
    strength, shares = np.asarray(production.strength), np.asarray(production.shares)
    r = 2.0 * masses[:, None] * np.exp(diagonals) / mass**2
    sigma = np.asarray(pair_total(r))
    away = h * np.arange(n)
    upper, lower = np.minimum(np.exp(-away + 0.5 * h), 1.0), np.exp(-away - 0.5 * h)
    integral = jax.jit(pair_integral)
    # of both species
    landing = np.stack([[2.0 * integral(v, lower, upper) for v in row] for row in r])
    distance = np.arange(n)[None, :] - np.arange(n)[:, None]
    scale = np.asarray(one.lines.depth_scale(u)) / (2.0 * np.pi)
    rate, flavors = np.asarray(emission.rate(u)), np.asarray(emission.shares)[0]
    contents = [np.zeros((3, n)) for _ in factors]
    for s in range(steps):  # u falls
        at = np.arange(n) + steps - 1 - s
        matrix = np.where(distance >= 0, landing[:, at[None, :], np.maximum(distance, 0)], 0.0)
        emitted = rate[s] * np.asarray(emission.spectrum_at(y + u[s])) * np.exp(y)
        emitted = flavors[:, None] * emitted

        def slope(now, factor, at=at, matrix=matrix, emitted=emitted, s=s):
            met = strength.T @ now  # (j, n)
            made = np.einsum("jab,jb->a", matrix, met)
            lost = now * (strength @ sigma[:, at])
            return emitted + factor * scale[s] * (shares[:, None] * made - lost)

        for place, factor in enumerate(factors):
            now, part = contents[place], h / 4.0
            for _ in range(4):
                a = slope(now, factor)
                b = slope(now + 0.5 * part * a, factor)
                c = slope(now + 0.5 * part * b, factor)
                d = slope(now + part * c, factor)
                now = now + part * (a + 2.0 * b + 2.0 * c + d) / 6.0
            contents[place] = now
    return contents


@pytest.mark.slow
def test_agrees_with_dense_sums():
    """From a thin medium, where the secondaries are those of one interaction, to an opaque one."""
    mediator, neutrinos, relics, emission = CASE.physics()
    one = _only_pairs(mediator, neutrinos, relics)
    shape = shape_of(CASE, (one,), emission)
    factors = (0.0, 1e-4, 1.0, 12.0)
    free, *wanted = _dense(one, pairs_of(mediator, neutrinos), emission, shape, factors)
    without = free / free.sum(axis=0)
    for factor, want in zip(factors[1:], wanted, strict=True):
        pairs = replace(one.pairs, strength=factor * one.pairs.strength)
        result = follow((replace(one, pairs=pairs),), emission, shape)
        change = np.asarray(result.ratio[0]) - without
        expected = want / free.sum(axis=0) - without
        largest = np.max(np.abs(expected))
        # both are of second order in the width of a cell, about 4e-4
        np.testing.assert_allclose(change, expected, atol=1e-3 * largest)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "nature", "helicities"),
    [
        ("real", "majorana", "apart"),
        ("complex", "majorana", "apart"),
        ("complex", "dirac", "summed"),
        ("real", "dirac", "summed"),
    ],
)
def test_books(kind, nature, helicities):
    case = replace(CASE, kind=kind, nature=nature)
    mediator, neutrinos, relics, emission = case.physics(helicities)
    one = _only_pairs(mediator, neutrinos, relics, emission.shares.shape[0])
    balance = cascade_books(follow((one,), emission, shape_of(CASE, (one,), emission)), emission)
    balance = balance.balance()
    assert balance.number_residual < 1e-4
    assert balance.energy_residual < 1e-4
    np.testing.assert_allclose(balance.pairs_number, balance.interacted_number, rtol=1e-10)
    lost = 0.5 if kind == "real" and nature == "dirac" else 0.0
    np.testing.assert_allclose(balance.lost_number, lost * 4.0 * balance.interacted_number)


@pytest.mark.slow
def test_all_channels_keep_their_books():
    mediator, neutrinos, relics, emission = CASE.physics()
    media = interactions_of((mediator,), neutrinos, relics, HISTORY, 1, pair_production=True)
    balance = cascade_books(follow(media, emission, shape_of(CASE, media, emission)), emission)
    balance = balance.balance()
    assert balance.number_residual < 1e-4
    assert balance.energy_residual < 1e-4
    assert 0.0 < balance.pairs_number < balance.interacted_number


@pytest.mark.slow
def test_gradient_is_a_central_difference():
    mediator, neutrinos, relics, emission = CASE.physics()
    shape = shape_of(CASE, (_only_pairs(mediator, neutrinos, relics),), emission, 0.5)

    @jax.jit
    @jax.value_and_grad
    def flux(log_mass):
        one = _only_pairs(nuprop.Scalar.universal(jnp.exp(log_mass), 1.0), neutrinos, relics)
        return jnp.mean(follow((one,), emission, shape).ratio)

    at, step = 0.0, 1e-3
    slope = float(flux(at)[1])
    difference = float(flux(at + step)[0] - flux(at - step)[0]) / (2.0 * step)
    # between the rows of a table spectra are linear in the rapidity: their slope jumps
    assert slope == pytest.approx(difference, rel=1e-2)


def test_asked_for_where_it_is_known():
    scalar, boson = nuprop.Scalar.universal("1 GeV", 0.1), nuprop.ZPrime.universal("1 GeV", 0.1)
    with pytest.raises(ParameterError, match=r"a nuprop\.Scalar is needed"):
        nuprop.propagate(nuprop.Source(), boson, pair_production=True)
    with pytest.raises(ParameterError, match="pair_production needs 'cascade'"):
        nuprop.propagate(nuprop.Source(), scalar, pair_production=True, method="march")
    with pytest.raises(ParameterError, match="pair_production = 1"):
        nuprop.propagate(nuprop.Source(), scalar, pair_production=1)
    state = nuprop.Relics(thermal=False).state
    for solve in (nuprop.transport.spectrum, nuprop.transport.cell_averages):
        for channel in ("pair_production", "interference"):
            with pytest.raises(TypeError, match=f"{channel} = True needs method 'cascade'"):
                solve(
                    np.array([1e5, 1e6]),
                    *(nuprop.Source(), scalar, nuprop.Neutrinos(), state, HISTORY),
                    **{channel: True},
                )
