"""What do tabulating a beam dump, and a plane of (epsilon, g') or (M, g') behind it, cost?"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nuprop
from nuprop.laboratory.beam_dump import DUMPS, ELECTRON_DUMPS, atom, edges, spectrum, straggling

#: Points of a plane along each axis, and masses of the other one.
SIDE, MASSES = 100, 40
RULES = {
    (spectrum, "_OUTER"): 96,
    (spectrum, "_INNER"): 32,
    (straggling, "_NODES"): 96,
    (atom, "_NODES"): 96,
}
HEAVY, LIGHT = 0.2, 1.03e-3


def in_finer_grids(function, monkeypatch):
    """Call a function of numbers with about twice as many nodes in every integral."""
    with monkeypatch.context() as patch:
        for (module, name), size in RULES.items():
            nodes, weights = np.polynomial.legendre.leggauss(size)
            if name == "_NODES":
                patch.setattr(module, "_NODES", nodes)
                patch.setattr(module, "_WEIGHTS", weights)
            else:
                patch.setattr(module, name, (nodes, weights))
        return function()


def strength(dump, mass, coupling, mixing, prepared=None):
    return dump.strength(nuprop.ZPrime.lmu_ltau(mass, coupling, kinetic_mixing=mixing), prepared)


def bare_spectrum(dump, mass):
    """Tabulate without the program that is kept from call to call."""
    return spectrum.boson_spectrum.__wrapped__(
        mass, dump.beam_energy, dump.electrons, dump.target, dump.thickness, dump.cut
    )


@cache
def plane():
    mixings, couplings = np.geomspace(1e-8, 1e-1, SIDE), np.geomspace(1e-6, 1e-2, SIDE)
    return tuple(jnp.asarray(axis.ravel()) for axis in np.meshgrid(mixings, couplings))


@pytest.mark.parametrize("name", ["e141", "e137"])
def test_tabulation(measure, monkeypatch, name):
    """Energies of the bosons of one dump at one mass."""
    dump = ELECTRON_DUMPS[name]

    def error(_):
        worst = 0.0
        for mass in (LIGHT, 0.01, HEAVY):
            finer = in_finer_grids(lambda mass=mass: bare_spectrum(dump, mass), monkeypatch)
            here, there = (float(jnp.sum(s.counts)) for s in (dump.prepare(mass), finer))
            worst = max(worst, abs(here / there - 1.0))
        return worst

    measure(
        lambda mass: bare_spectrum(dump, mass),
        jnp.asarray(0.01),
        error=error,
        against="twice as many nodes, 1.03 to 200 MeV",
    )


def test_tabulation_of_masses(measure):
    """The same for five dumps and many masses, as an (M, g') plane needs it."""
    masses = jnp.asarray(np.geomspace(LIGHT, HEAVY, MASSES))
    singly = float(jnp.sum(ELECTRON_DUMPS["kek"].prepare(masses[7]).counts))
    measure(
        lambda masses: [
            jax.vmap(lambda m, dump=dump: bare_spectrum(dump, m))(masses).counts
            for dump in ELECTRON_DUMPS.values()
        ],
        masses,
        error=lambda counts: abs(float(jnp.sum(counts[-1][7])) / singly - 1.0),
        against="one mass at a time",
        items=MASSES * len(ELECTRON_DUMPS),
    )


def test_plane(measure):
    """All dumps over 100 x 100 points of (epsilon, g') at 10 MeV, tabulated before."""
    prepared = {name: dump.prepare(0.01) for name, dump in DUMPS.items()}
    mixings, couplings = plane()

    def strengths(mixings, couplings, prepared):
        return {
            name: jax.vmap(
                lambda eps, g, name=name: strength(DUMPS[name], 0.01, g, eps, prepared[name])
            )(mixings, couplings)
            for name in DUMPS
        }

    def error(values):
        one = strength(DUMPS["e141"], 0.01, couplings[5050], mixings[5050])
        return abs(float(values["e141"][5050]) / float(one) - 1.0)

    measure(
        strengths,
        mixings,
        couplings,
        prepared,
        error=error,
        against="one point at a time",
        items=SIDE * SIDE * len(DUMPS),
    )


def test_edges(measure):
    """Both edges of E141 at 10 MeV, the program kept."""
    reference = (2.2220e-5, 6.3659e-4)
    measure.run(
        lambda: edges("e141", 0.01, 1e-5),
        error=lambda found: float(np.max(np.abs(np.divide(found, reference) - 1.0))),
        against="values of five digits",
    )
