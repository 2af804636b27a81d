"""What do photon spectra of a collider, and a plane of its reach, cost?"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

import nuprop
from nuprop.laboratory.single_photon import (
    CONSTRAINTS,
    Collider,
    cross_section,
    differential_cross_section,
    line_cross_section,
    smeared_spectrum,
    spectrum,
)

BELLE = Collider.named("belle-ii")
#: Energies of a spectrum, and points along an axis of a plane.
ENERGIES, SIDE = 200, 100
#: Energies whose error is looked at.
CHECKED = (0.5, 3.0, 6.0)


def energies():
    return jnp.asarray(np.linspace(0.05, 7.0, ENERGIES))


@cache
def rate():
    """d2sigma/dx dcos of the whole tree, compiled."""
    return jax.jit(lambda x, cosine: differential_cross_section(x, cosine, BELLE))


def by_quadrature(energy):
    """dsigma/dE in the lab, by an adaptive rule over the angle."""
    low, high = (float(c) for c in BELLE.cosines)
    half, beta, gamma = (float(v) for v in (BELLE.sqrt_s / 2, BELLE.velocity, BELLE.lorentz))

    def integrand(cosine):
        scale = half * gamma * (1.0 + beta * cosine)
        return float(rate()(energy / scale, cosine)) / scale

    edge = (energy / half / gamma - 1.0) / beta
    return quad(integrand, max(low, edge), high, epsrel=1e-11)[0]


def spectrum_error(_):
    """Largest relative error at some energies."""
    ours = np.asarray(spectrum(list(CHECKED), BELLE))
    return max(abs(v / by_quadrature(e) - 1.0) for v, e in zip(ours, CHECKED, strict=True))


def test_spectrum(measure):
    """200 energies in the lab, W and Z with the whole tree amplitude."""
    measure(
        lambda energy, collider: spectrum(energy, collider),
        energies(),
        BELLE,
        error=spectrum_error,
        against="an adaptive rule over the angle",
        items=ENERGIES,
    )


def test_spectrum_with_a_resonance(measure):
    """The same with a boson of finite width, which every node must resolve."""
    boson = nuprop.ZPrime.lmu_ltau("3 GeV", 1e-3, kinetic_mixing=1e-3)
    measure(
        lambda energy, collider, boson: spectrum(energy, collider, boson),
        energies(),
        BELLE,
        boson,
        error=resonance_error,
        against="the line of zero width, to which its tails add 1e-7",
        items=ENERGIES,
    )


@cache
def resonance():
    boson = nuprop.ZPrime.lmu_ltau("3 GeV", 1e-3, kinetic_mixing=1e-3)
    return boson, float(line_cross_section(boson, BELLE))


def resonance_error(_):
    boson, line = resonance()
    return abs(float(cross_section(BELLE, boson, part="boson")) / line - 1.0)


@pytest.mark.parametrize("mode", ["z-propagator", "full"])
def test_cross_section(measure, mode):
    """Everything within the cuts."""
    truth = {"z-propagator": 9.44221e-3, "full": 9.38036e-3}[mode]
    measure(
        lambda collider: cross_section(collider, mode=mode),
        BELLE,
        error=lambda value: abs(float(value) / truth - 1.0),
        against="an independent calculation, six digits",
        items=1,
    )


def test_smeared_spectrum(measure):
    """200 measured energies."""
    measure(
        lambda energy, collider: smeared_spectrum(energy, collider),
        energies(),
        BELLE,
        error=smearing_error,
        against="a trapezoidal rule over true energies",
        items=ENERGIES,
    )


def smearing_error(_):
    measured = 3.0
    true = np.linspace(0.85, 1.15, 801) * measured
    sigma = true * np.asarray(BELLE.resolution(true))
    kernel = np.exp(-0.5 * ((measured - true) / sigma) ** 2) / (np.sqrt(2.0 * np.pi) * sigma)
    exact = np.trapezoid(np.asarray(spectrum(true, BELLE)) * kernel, true)
    return abs(float(smeared_spectrum([measured], BELLE)[0]) / exact - 1.0)


def test_prepare(measure):
    """The background and signal of one mass."""
    bound = CONSTRAINTS["belle-ii"]
    boson = nuprop.ZPrime.lmu_ltau("10 MeV", 1e-3, kinetic_mixing=1e-4)
    measure(
        lambda mass: bound.prepare(mass),
        0.01,
        error=lambda prepared: abs(
            float(bound.strength(boson, prepared) / bound.strength(boson)) - 1.0
        ),
        against="the same uncompiled",
        items=1,
    )


def test_plane(measure):
    """100 x 100 points of (epsilon, g') at one mass, given what the mass decides."""
    bound = CONSTRAINTS["belle-ii"]
    mixing, coupling = jnp.geomspace(1e-8, 1e-1, SIDE), jnp.geomspace(1e-6, 1e-2, SIDE)

    def plane(mixing, coupling, prepared):
        def strength(e, g):
            boson = nuprop.ZPrime.lmu_ltau(0.01, g, kinetic_mixing=e)
            return bound.strength(boson, prepared)

        return jax.vmap(jax.vmap(strength, (None, 0)), (0, None))(mixing, coupling)

    def error(values):
        boson = nuprop.ZPrime.lmu_ltau(0.01, float(coupling[40]), kinetic_mixing=float(mixing[60]))
        return abs(float(values[60, 40] / bound.strength(boson)) - 1.0)

    measure(
        plane,
        mixing,
        coupling,
        bound.prepare(0.01),
        error=error,
        against="one point at a time",
        items=SIDE * SIDE,
    )
