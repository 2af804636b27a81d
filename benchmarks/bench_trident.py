"""What do tridents cost: one energy, one more boson, a plane of couplings?"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nuprop.constants import ATOMIC_MASS_UNIT, MUON_MASS, PROTON_MASS
from nuprop.laboratory.trident import TRIDENT_BOUNDS, Nodes, Tridents
from nuprop.laboratory.trident.form_factors import FERMI_MOMENTUM, woods_saxon
from nuprop.laboratory.trident.phase_space import Charge, densities
from nuprop.laboratory.trident.regions import Setting
from nuprop.laboratory.trident.transfers import Components, spectrum, transfers
from nuprop.mediators import ZPrime

#: Twice as many points in every variable, nearly.
FINE = Nodes(48, 96, 24, 24)
MASS = 0.01


def components(energy, mass, kind, nodes):
    """V0, A0, V1 and V2 of coherent iron or of a proton in it, from nothing."""
    target, charge = {
        "coherent": (55.845 * ATOMIC_MASS_UNIT, (26.0, 55.845, 0.0)),
        "proton": (PROTON_MASS, (1.0, 1.0, FERMI_MOMENTUM)),
    }[kind]
    setting = Setting(energy, *map(jnp.asarray, (target, MUON_MASS, 1.0)))
    form = woods_saxon if kind == "coherent" else None
    found = densities(setting, Charge(*map(jnp.asarray, charge)), form, "exact", nodes)
    one = jax.tree.map(lambda x: x[None], spectrum(found, MUON_MASS))
    return transfers(one, mass).components()


def largest_error(found, exact):
    pairs = zip(Components(*found), exact, strict=True)
    return float(max(np.max(np.abs(np.asarray(a / b) - 1.0)) for a, b in pairs))


@pytest.mark.parametrize("energy", [1.5, 160.0])
@pytest.mark.parametrize("kind", ["coherent", "proton"])
def test_components(measure, kind, energy):
    """The four integrals for one target, energy and mass."""
    exact = components(jnp.asarray(energy), jnp.asarray(MASS), kind, FINE)
    measure(
        lambda e, m: components(e, m, kind, Nodes()),
        jnp.asarray(energy),
        jnp.asarray(MASS),
        error=lambda found: largest_error(found, exact),
        against="twice as many points in every variable",
        nodes=list(Nodes()),
    )


def test_many_masses(measure):
    """The same for 256 bosons: the distribution in tau is there."""
    masses = jnp.geomspace(1e-3, 10.0, 256)
    made, fine = Tridents(1.5), Tridents(1.5, nodes=FINE)

    def at(tridents, masses):
        return jax.vmap(lambda m: tridents.prepare(m).components())(masses)

    exact = at(fine, masses)
    measure(
        at,
        made,
        masses,
        error=lambda found: largest_error(found, exact),
        against="twice as many points in every variable",
        items=256,
    )


def test_gradient_in_energy(measure):
    """A cross section with a boson, and its derivative in the energy."""

    def sigma(energy):
        return Tridents(energy).cross_section(ZPrime.lmu_ltau(MASS, 5e-4))

    step = 1e-4
    high, low = (float(sigma(1.5 + s)) for s in (step, -step))
    truth = (high - low) / (2.0 * step)
    measure(
        jax.value_and_grad(sigma),
        jnp.asarray(1.5),
        error=lambda pair: abs(float(pair[1]) / truth - 1.0),
        against="central differences",
    )


def test_plane(measure):
    """Strength of CCFR at 100 x 100 points of (epsilon, g')."""
    bound = TRIDENT_BOUNDS["ccfr"]
    bound.prepare(MASS)
    couplings, mixings = jnp.geomspace(1e-6, 1e-2, 100), jnp.geomspace(1e-8, 1e-1, 100)

    def plane(couplings, mixings):
        prepared = bound.prepare(MASS)

        def at(coupling, mixing):
            zprime = ZPrime.lmu_ltau(MASS, coupling, kinetic_mixing=mixing)
            return bound.strength(zprime, prepared)

        return jax.vmap(jax.vmap(at, (0, None)), (None, 0))(couplings, mixings)

    zprime = ZPrime.lmu_ltau(MASS, couplings[50], kinetic_mixing=mixings[50])
    exact = float(Tridents(160.0, nodes=FINE).ratio(zprime) / bound.allowed)
    measure(
        plane,
        couplings,
        mixings,
        error=lambda values: abs(float(values[50, 50]) / exact - 1.0),
        against="twice as many points in every variable",
        items=100 * 100,
    )
