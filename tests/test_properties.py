"""Anything that the documented ranges allow: thousands of random models, a few hundred at a time.

Hypothesis draws a seed and how extreme the draws are; a batch of models is made from it and solved
in one compiled program.
"""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import nuprop
from nuprop.cosmology import flat_lambda_cdm
from nuprop.relics import Relics
from nuprop.transport import LatticeShape, emission_of, lines_of, optical_depths, sweep
from nuprop.transport.averages import spectral_kinks
from nuprop.transport.books import book_nodes, march_books, sweep_books
from nuprop.transport.coverage import lattice_needs
from nuprop.transport.spectrum import marched, marched_flux

BATCH = 128
LOG_ENERGY = jnp.linspace(np.log(1e1), np.log(1e13), 48)
#: A batch that fails shows itself: to shrink a seed means nothing. The first run compiles.
COMMON = settings(
    deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate], database=None
)

seeds = st.integers(0, 2**32 - 1)


def draw(seed, z_max=(1e-3, 20.0)):
    """A batch of models as plain arrays, with zeros and equal masses among them."""
    rng = np.random.default_rng(seed)

    def logs(low, high, *shape):
        return np.exp(rng.uniform(np.log(low), np.log(high), (BATCH, *shape)))

    masses = logs(1e-4, 1.0, 3) * 1e-9
    masses[rng.random((BATCH, 3)) < 0.1] = 0.0
    equal = rng.random(BATCH) < 0.2
    masses[equal, 1] = masses[equal, 0] * (1.0 + rng.choice([0.0, 1e-12, 1e-6, 1e-3], equal.sum()))
    real = rng.normal(size=(BATCH, 3, 3))
    imag = rng.normal(size=(BATCH, 3, 3))
    scale = logs(1e-8, 0.3, 1, 1)
    flavor = rng.dirichlet([0.5] * 3, BATCH)
    return {
        "mass": logs(1e-5, 1.0),
        "real": scale * (real + np.swapaxes(real, 1, 2)) / 6.0,
        "imag": scale * (imag - np.swapaxes(imag, 1, 2)) / 6.0,
        "charged": scale[:, 0] * rng.normal(size=(BATCH, 3)) * (rng.random((BATCH, 1)) < 0.5),
        "masses": masses,
        "sin2": rng.uniform(0.02, 0.98, (BATCH, 3)),
        "delta": rng.uniform(0.0, 2.0 * np.pi, BATCH),
        "index": rng.uniform(0.0, 5.0, BATCH),
        "cutoff": logs(1e4, 1e12),
        "z_max": logs(*z_max),
        "flavor": flavor / flavor.sum(axis=1, keepdims=True),
        "fraction": rng.uniform(0.0, 1.0, (BATCH, 3)),
        "H0": rng.uniform(50.0, 90.0, BATCH),
        "Om0": rng.uniform(0.05, 0.95, BATCH),
        "temperature": logs(0.5, 4.0),
        "overdensity": logs(1e-2, 1e3),
    }


def problem(p, nature, *, thermal):
    neutrinos = nuprop.Neutrinos.from_masses(
        p["masses"],
        oscillations=nuprop.Oscillations(*p["sin2"], p["delta"], 7.5e-23, 2.5e-21),
    )
    mediator = nuprop.ZPrime(p["mass"], p["real"] + 1j * p["imag"], p["charged"])
    relics = Relics(
        nature, thermal, temperature=p["temperature"], overdensity=p["overdensity"]
    ).state
    history = flat_lambda_cdm(p["H0"], p["Om0"])
    source = nuprop.Source(
        spectrum=nuprop.PowerLaw(p["index"], cutoff=p["cutoff"]),
        z_max=p["z_max"],
        flavor=p["flavor"],
        antineutrino_fraction=p["fraction"],
        pivot=1e3,
    )
    lines = lines_of(mediator, neutrinos, relics, history)
    return lines, emission_of(source, neutrinos, history, "apart")


@jax.jit
@jax.vmap
def solve(p):
    lines, emission = problem(p, "majorana", thermal=False)
    panels = book_nodes(lines, emission, spectral_kinks([lines], emission))
    energies = jnp.concatenate([LOG_ENERGY, panels.nodes.reshape(-1)])
    result = sweep(energies, lines, emission)
    n = LOG_ENERGY.size
    books = sweep_books(panels, result.flux[..., n:], result.free[..., n:], result, lines)
    made = jnp.sum(result.weights * jnp.sum(result.rates, axis=(0, 1)))
    asked = (part[..., :n] for part in (result.flux, result.absorbed, result.free))
    return *asked, made, books, jnp.sum(lines.yields)


@pytest.mark.slow
@settings(COMMON, max_examples=16)
@given(seeds)
def test_sweep(seed):
    flux, absorbed, free, made, books, active = map(
        partial(jax.tree.map, np.asarray), solve(draw(seed))
    )
    assert np.all(np.isfinite(flux))
    assert np.all(flux >= 0.0)
    # absorption only takes away, up to rounding of sums
    assert np.all(absorbed <= free * (1.0 + 1e-12))
    assert np.all(flux >= absorbed * (1.0 - 1e-12))
    # secondaries: K(x) <= 3 times the interactions per ln(E), from all states and channels
    gained = (flux - absorbed).sum(axis=(1, 2))
    ceiling = 3.0 * made * active
    # 10 percent: the same nodes integrate both, an exponential cutoff between them too
    assert np.all(gained <= 1.1 * ceiling[:, None] + 1e-12 * free.sum(axis=(1, 2)))
    check_books(books, 1e-4)


def check_books(books, tolerance):
    """In and out agree, over what interacted or, if that is next to nothing, over 1e-7 of all."""
    expected = books.interacted * np.array([2.0, 1.0])
    out = books.deposited + books.below + books.lost
    assert np.all(books.interacted >= 0.0)
    scale = np.maximum(expected, 1e-7 * books.free)
    assert np.max(np.abs(out - expected) / np.maximum(scale, 1e-300)) < tolerance


@pytest.mark.slow
@pytest.mark.parametrize("nature", ["majorana", "dirac"])
@settings(COMMON, max_examples=3)
@given(seeds)
def test_optical_depths(nature, seed):
    p = draw(seed)
    depths = np.asarray(thermal_depths(p, nature))
    assert np.all(np.isfinite(depths))
    assert np.all(depths >= 0.0)
    survival = np.exp(-depths)
    assert np.all((survival >= 0.0) & (survival <= 1.0))
    # twice the coupling is four times the depth
    doubled = {**p, "real": 2.0 * p["real"], "imag": 2.0 * p["imag"]}
    np.testing.assert_allclose(
        np.asarray(thermal_depths(doubled, nature)), 4.0 * depths, rtol=1e-9, atol=1e-290
    )
    # a farther source cannot have a smaller depth; quadrature with other panels: 1e-5
    farther = {**p, "z_max": np.minimum(1.3 * p["z_max"], 20.0)}
    more = np.asarray(thermal_depths(farther, nature))
    assert np.all(more >= depths * (1.0 - 1e-5))
    # no relic counts less than half or more than both helicities
    if nature == "dirac":
        both = np.asarray(thermal_depths(p, "majorana"))
        assert np.all(depths <= both * (1.0 + 1e-9))


@partial(jax.jit, static_argnames="nature")
def thermal_depths(p, nature):
    def one(p):
        lines, emission = problem(p, nature, thermal=True)
        energies = LOG_ENERGY[::2]
        return optical_depths(energies, jnp.broadcast_to(emission.u_max, energies.shape), lines)

    return jax.lax.map(one, p)


#: Enough for relics of up to 20 meV, massless ones among them, and sources up to z = 5.
LATTICE = LatticeShape(1536, 128)


@partial(jax.jit, static_argnames="lattice")
def march_all(p, lattice):
    def one(p):
        lines, emission = problem(p, "majorana", thermal=True)
        results = marched(lines, emission, lattice)
        flux, free = marched_flux(results, lines, emission, LOG_ENERGY)
        books = march_books(results[0], lines, emission)
        return flux, free, books, lattice_needs(lines, emission.u_max)

    return jax.lax.map(one, p)


@pytest.mark.slow
@settings(COMMON, max_examples=3)
@given(seeds)
def test_march(seed):
    p = draw(seed, z_max=(4.0, 5.0))
    p["masses"] = 0.02 * p["masses"]
    flux, free, books, needs = map(partial(jax.tree.map, np.asarray), march_all(p, LATTICE))
    covered = (needs[0] <= LATTICE.n_cells) & (needs[1] <= LATTICE.n_steps)
    assert np.mean(covered) > 0.8
    flux, free = flux[covered], free[covered]
    assert np.all(np.isfinite(flux))
    assert np.all(flux >= 0.0)
    check_books(jax.tree.map(lambda entry: entry[covered], books), 1e-3)


@jax.jit
@jax.vmap
def in_parts_and_together(p, second, weights):
    """Fluxes of two power laws of one emissivity each, and of their weighted sum."""
    lines, emission = problem(p, "majorana", thermal=False)

    def flux(spectrum):
        return sweep(LOG_ENERGY, lines, replace(emission, spectrum=spectrum)).flux

    indices = p["index"], p["index"] + second
    parts = jax.vmap(lambda index: flux(nuprop.PowerLaw(index)))(jnp.stack(indices))
    return parts, flux(nuprop.Sum(*map(nuprop.PowerLaw, indices), weights=weights))


@pytest.mark.slow
@settings(COMMON, max_examples=4)
@given(seeds)
def test_superposition(seed):
    rng = np.random.default_rng(seed)
    weights = 10.0 ** rng.uniform(-6.0, 6.0, (BATCH, 2))
    parts, together = map(
        np.asarray, in_parts_and_together(draw(seed), rng.uniform(0.1, 2.0, BATCH), weights)
    )
    expected = np.einsum("bk,bkcin->bcin", weights, parts)
    # the same sums of a few hundred terms in another order, all states and channels together
    scale = expected.sum(axis=(1, 2), keepdims=True)
    assert np.all(np.abs(together - expected) <= 1e-12 * scale)


numbers = st.just(0.0) | st.floats(1e-300, 1e-5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fluxes")


@settings(COMMON, max_examples=25)
@given(data=st.data(), n=st.integers(1, 6), cells=st.booleans(), per_steradian=st.booleans())
def test_save_and_load(data, n, cells, per_steradian, fake_flux, folder):
    drawn = [data.draw(arrays(float, (2, 3, n), elements=numbers)) for _ in range(2)]
    flux = fake_flux(
        n,
        cells=cells,
        values=drawn[0],
        free_values=drawn[1],
        resonances_gev=data.draw(arrays(float, 3, elements=st.floats(1e-300) | st.just(np.inf))),
        z_max=data.draw(st.floats(1e-6, 20.0)),
        method_reason=data.draw(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]))),
        status=data.draw(st.sampled_from(nuprop.Status)),
        per_steradian=per_steradian,
        parameters=data.draw(st.dictionaries(st.text("abc [GeV]", min_size=1), st.floats(-1, 1))),
    )
    again = nuprop.load(flux.save(folder / "flux.ecsv"))
    for name in ("energy_gev", "values", "free_values", "mixing", "resonances_gev"):
        np.testing.assert_array_equal(getattr(again, name), getattr(flux, name))
    if cells:
        np.testing.assert_array_equal(again.edges_gev, flux.edges_gev)
    for name in ("z_max", "method_reason", "status", "balance", "per_steradian", "parameters"):
        assert getattr(again, name) == getattr(flux, name)
