"""Pieces of a cascade against quadrature: landing, exponentials, broad lines, targets."""

import jax.numpy as jnp
import numpy as np
import pytest
from reference.opaque import line, pole
from reference.opaque_cases import Case
from scipy.integrate import quad

import nuprop
from nuprop.transport.broad import resonance
from nuprop.transport.exchange import decay_rates, exponential_weights, exponentials_needed
from nuprop.transport.landing import crossing, moments_below
from nuprop.transport.lattice import Lattice
from nuprop.transport.targets import target_nodes

TODAY = 1.6763891604964e-13  # GeV


def _kernel_below(m, mu, energy, edge):
    """int_0^edge (E'/E)^m e^{-mu (E - E')} dE'/E, from where the exponential matters."""
    floor = max(0.0, edge - 60.0 / mu) if mu > 0.0 else 0.0

    def integrand(x):
        return (x / energy) ** m * np.exp(-mu * (energy - x)) / energy

    return quad(integrand, floor, edge, epsabs=0.0, epsrel=1e-11, limit=200)[0]


@pytest.mark.parametrize("h", [0.004, 0.1])
@pytest.mark.parametrize("z", [0.0, 1e-3, 0.7, 5.0, 300.0, 1e5])
def test_crossing_is_what_quadrature_says(z, h):
    low = 7.0
    mu = z / low
    factors = crossing(jnp.array([z]), jnp.asarray(h))
    nodes, weights = np.polynomial.legendre.leggauss(40)
    # the exponential may fall within a small part of the cell: panels that close in on its edge
    edges = np.concatenate([[0.0], h * 0.5 ** np.arange(22, -1, -1)])
    t = (edges[:-1, None] + 0.5 * np.diff(edges)[:, None] * (nodes + 1.0)).ravel()
    w = (0.5 * np.diff(edges)[:, None] * weights).ravel() / h
    for m in range(3):
        energy = low * np.exp(t)
        edge = _kernel_below(m, mu, low, low)
        down = edge * np.exp(-(m + 1.0) * t - mu * (energy - low))
        leave = np.sum(w * down)
        whole = np.sum(w * np.asarray(moments_below(jnp.asarray(mu * energy)))[m])
        got = [float(v[m, 0]) for v in (factors.leave, factors.stay, factors.leave_slope)]
        # twelve nodes across a cell of many e-folds, 3e-5 in the worst case
        tolerance = 1e-8 if z * h < 1.0 else 1e-4
        assert got[0] == pytest.approx(leave, rel=tolerance)
        # what stays is a difference: of second order in h
        assert got[1] == pytest.approx(whole - leave, rel=tolerance, abs=1e-12 * whole)
        slope = np.sum(w * (t / h - 0.5) * down)
        assert got[2] == pytest.approx(slope, rel=10.0 * tolerance, abs=1e-10 * leave)
        top = low * np.exp(h)
        passing = edge * np.exp(-mu * (top - low) - (m + 1.0) * h) / _kernel_below(m, mu, top, top)
        assert float(factors.passing[m, 0]) == pytest.approx(passing, rel=1e-8, abs=0.0)
        cooled = low * _kernel_below(m + 1, mu, low, low) / edge
        assert low * float(factors.cooling[m, 0]) == pytest.approx(cooled, rel=1e-8)


def test_moments_below_are_what_quadrature_says():
    for z in (0.0, 1e-6, 0.3, 3.99, 4.01, 80.0, 1e6):
        got = np.asarray(moments_below(jnp.asarray(z)))
        for m in range(4):
            assert got[m] == pytest.approx(_kernel_below(m, z, 1.0, 1.0), rel=1e-9)


@pytest.mark.parametrize("span", [1.0, 1e3, 1e9])
@pytest.mark.parametrize("propagators", [1, 2, "pair"])
def test_exponentials_stand_for_propagators(propagators, span):
    shortest, longest = 3.0, 3.0 * span
    number, stride = exponentials_needed(shortest, longest, 0.015)
    rates = decay_rates(jnp.asarray(shortest), number, jnp.asarray(0.015 * stride))
    loss = np.concatenate([[0.0], np.geomspace(1e-3 * shortest, longest, 200)])
    for length in np.geomspace(shortest, shortest * max(span, 10.0), 5):
        partner = 2.7 * length if propagators == "pair" else length
        weights = exponential_weights(rates, jnp.asarray(length), propagators, jnp.asarray(partner))
        got = np.asarray(weights) @ np.exp(-np.asarray(rates)[:, None] * loss)
        want = 1.0 / (1.0 + loss / length)
        want = want * (1.0 / (1.0 + loss / partner)) if propagators != 1 else want
        # the spacing of the rates is chosen for 1e-4 of the largest value
        np.testing.assert_allclose(got, want, atol=2e-4)
        assert np.all(np.asarray(weights) >= 0.0)


def _mean(function, mass, temperature):
    """Average over phi(W) of Majorana relics by adaptive quadrature in ln W."""
    r = mass / temperature
    reach = 45.0
    low = max(np.hypot(reach, r) - reach, 1e-6)
    high = np.hypot(reach, r) + reach

    def integrand(log_w):
        w = np.exp(log_w)
        return line(np.array([w]), np.array([r]))[0] * function(w * temperature)

    middle = [np.log(max(r, 2.3)) + d * 2.1 / max(r, 2.1) for d in (-4, -2, -1, 0, 1, 2, 4)]
    inside = [p for p in middle if np.log(low) < p < np.log(high)]
    return quad(
        integrand, np.log(low), np.log(high), points=inside, limit=400, epsabs=0.0, epsrel=1e-8
    )[0]


@pytest.mark.parametrize(
    ("gamma", "thermal"),
    [
        (0.05, True),
        *(
            pytest.param(gamma, thermal, marks=pytest.mark.slow)
            for gamma in (1e-9, 3e-3, 0.05, 0.3)
            for thermal in (True, False)
            if (gamma, thermal) != (0.05, True)
        ),
    ],
)
def test_broad_lines_are_averages_of_breit_wigners(gamma, thermal):
    case = Case("lmu_ltau", "10 MeV", 0.1, thermal=thermal)
    _, neutrinos, relics, emission = case.physics()
    lines = nuprop.transport.lines_of(case.mediator(), neutrinos, relics, emission.expansion)
    n_steps = 128
    h = float(emission.u_max) / n_steps
    lattice = Lattice(jnp.asarray(case.resonance + 1.5), jnp.asarray(h), 288, n_steps)
    if not thermal and gamma < h:
        pytest.skip("a line at rest that cells do not resolve has the width of a cell")
    shapes = resonance(lattice, lines, jnp.asarray(gamma))
    from nuprop.transport.broad import REDSHIFTS
    from nuprop.transport.shapes import shape_redshifts

    u = np.asarray(shape_redshifts(lattice, lines, REDSHIFTS))
    diagonals = np.asarray(lattice.diagonals)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    j = 2
    mass = float(lines.masses[j])

    def average(log_energy, temperature):
        if not thermal:
            return pole(log_energy + np.log(2.0 * mass / float(lines.mediator_mass) ** 2), gamma)
        if gamma < 1e-6:  # the line itself; its dispersion has no quadrature
            w = 0.5 * float(lines.mediator_mass) ** 2 / np.exp(log_energy) / temperature
            return -1j * np.pi * line(np.array([w]), np.array([mass / temperature]))[0]

        def part(w, which):
            t = log_energy + np.log(2.0 * w / float(lines.mediator_mass) ** 2)
            return getattr(pole(t, gamma), which)

        return complex(
            *(
                _mean(lambda w, which=which: part(w, which), mass, temperature)
                for which in ("real", "imag")
            )
        )

    for row in (0, len(u) - 1) if thermal else (0,):
        places = np.searchsorted(
            diagonals, case.resonance + np.array([-1.0, -0.3, -0.05, -0.02, 0.0, 0.03, 0.2, 1.2])
        )
        temperature = TODAY * np.exp(u[row])
        middles = np.array([average(diagonals[k], temperature) for k in places])
        ends = np.array([average(diagonals[k] - 0.5 * h, temperature) for k in places])
        for got, wanted in ((shapes.log_middle, middles), (shapes.log_end, ends)):
            want = -wanted.imag / np.pi
            # the resonance's own width counts where it is like half a cell's: what `_unresolved`
            # expands in cells over the line's width is then good to 3e-3 of the peak
            share = 3e-3 if 0.05 < gamma / h < 2.0 else 2e-4
            np.testing.assert_allclose(
                np.exp(np.asarray(got))[row, 0, j, places], want, rtol=1e-3, atol=share * want.max()
            )
        if gamma > 1e-6:
            if not thermal:  # where cells have averages
                middles = np.array(
                    [
                        0.5 * weights @ [average(diagonals[k] + 0.5 * h * n, None) for n in nodes]
                        for k in places
                    ]
                )
            # likewise, to 1e-2 of the peak where cells do not resolve the resonance
            share = 1e-3 if gamma > h else 1e-2
            np.testing.assert_allclose(
                np.asarray(shapes.dispersion)[row, 0, j, places],
                middles.real,
                rtol=1e-3,
                atol=share * np.max(np.abs(middles.real)),
            )


@pytest.mark.parametrize("targets", ["majorana", "dirac", "flipped"])
@pytest.mark.parametrize("mass", [0.0, 1.0, 10.0, 100.0])
def test_target_nodes_have_the_moments_of_the_motion(mass, targets):
    state = nuprop.Relics(nature="majorana" if targets == "majorana" else "dirac").state
    masses = jnp.full(3, mass * TODAY)
    nodes = target_nodes(state, masses, jnp.zeros(1), targets, 3)
    w, weight = (np.asarray(v)[:, 0, 0] for v in (nodes.w, nodes.weight))
    one = target_nodes(state, masses, jnp.zeros(1), targets, 1)
    log_w = np.linspace(np.log(1e-3), np.log(np.hypot(60, mass) + 60.0), 40001)
    shape = line(np.exp(log_w), np.full(log_w.size, mass), targets)
    whole = np.trapezoid(shape, log_w)
    if targets == "flipped" and mass == 0.0:
        np.testing.assert_allclose(weight, 0.0, atol=1e-12)
        return
    assert float(one.weight[0, 0, 0]) == pytest.approx(whole, rel=1e-4)
    for power in range(6):
        want = np.trapezoid(shape * np.exp(power * log_w), log_w)
        got = np.sum(weight * (w / TODAY) ** power)
        assert got == pytest.approx(want, rel=2e-4), power
    mean = np.trapezoid(shape * np.exp(log_w), log_w) / whole
    assert float(one.w[0, 0, 0]) / TODAY == pytest.approx(mean, rel=2e-4)
