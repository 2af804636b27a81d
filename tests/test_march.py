"""Relics in motion: the march against the sweep, against exact depths, and against itself."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
from reference import models
from reference.models import AT_REST, THERMAL, fig3, fig4
from reference.printed import DEPTHS

import nuprop
from nuprop.relics import line_shape
from nuprop.transport import lattice_shape, summed_depths
from nuprop.transport.edges import targets_below

#: Cells of the averages that are compared: 23 to a decade.
CELL = 0.1
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


def grid(lines, emission):
    """Edges of cells in ln(E) around all dips, and eight Gauss points and weights in each."""
    resonances = np.asarray(lines.log_resonance)[np.asarray(lines.massive)]
    u_max = float(emission.u_max)
    edges = np.arange(resonances.min() - u_max - 0.8, resonances.max() + 0.4, CELL)
    halves = np.arange(edges[0], edges[-1] + 0.25 * CELL, 0.5 * CELL)
    y = (0.5 * (halves[1:] + halves[:-1])[:, None] + 0.25 * CELL * _NODES).reshape(-1, 8)
    weights = np.tile(_WEIGHTS, 2) * np.exp(y)
    clear = np.ones(y.shape[0], dtype=bool)
    for end in np.concatenate([resonances, resonances - u_max]):
        cell = np.searchsorted(edges, end) - 1
        clear[max(cell - 1, 0) : cell + 2] = False
    return y, weights / weights.sum(axis=1, keepdims=True), clear


def averages(values, weights):
    return np.einsum("aicn,cn->aic", values.reshape(*values.shape[:2], *weights.shape), weights)


def against_sweep(model, helicities="summed"):
    """Deviations of cell averages: total, per flavor, per mass eigenstate; and the books."""
    lines, emission = models.problem_of(*model, helicities=helicities)
    y, weights, clear = grid(lines, emission)
    shape = models.lattice_of(lines, emission)
    if not emission.burst and abs(emission.u_max - np.log(6.0)) < 1e-9:  # one program for these
        shape = nuprop.transport.LatticeShape(max(shape.n_cells, 896), shape.n_steps)
    found, _, balance = models.marched_at(y.ravel(), lines, emission, shape)
    exact = models.swept_at(y.ravel(), lines, emission)
    found, exact = (averages(part, weights)[..., clear] for part in (found, exact))
    mixing = np.asarray(model[2].mixing)
    flavors = [np.einsum("fi,ain->afn", mixing, part) for part in (found, exact)]
    return [
        np.max(np.abs(one / other - 1.0))
        for one, other in (
            (found.sum(axis=(0, 1)), exact.sum(axis=(0, 1))),
            flavors,
            (found, exact),
        )
    ] + [balance]


def cases(names, quick):
    """Cases of a test, of which the default run takes the quick ones: each compiles anew."""
    return [
        pytest.param(
            name,
            id=name if isinstance(name, str) else "-".join(map(str, name)),
            marks=() if name in quick else pytest.mark.slow,
        )
        for name in names
    ]


def lmu_ltau(coupling):
    return nuprop.ZPrime.lmu_ltau("11 MeV", coupling)


# --- relics at rest --------------------------------------------------------------------------

AT_DEFAULTS = {
    "near resonances": fig3,
    "resonances far apart": fig4,
    "inverted": partial(fig4, ordering="inverted"),
    "one massless state": partial(fig3, lightest=0.0),
    "weak": partial(fig3, mediator=lmu_ltau(3e-5)),
    "charged leptons": partial(fig3, mediator=nuprop.ZPrime.le_lmu("11 MeV", 5e-4)),
    "z_max = 1": partial(fig3, z_max=1.0),
    "z_max = 20": partial(fig3, z_max=20.0),
    "piecewise": partial(fig3, evolution="sfr-araki-2016", z_max=4.0),
    # where the width of a cell shows most: deep dips, whose edges are felt far away; all neutrinos
    # at one distance, so that no average over redshift smooths anything; lines in one cell
    "tau = 1e2": partial(fig3, mediator=lmu_ltau(3e-3)),
    "tau = 1e4": partial(fig3, mediator=lmu_ltau(3e-2)),
    "burst": partial(fig3, evolution="burst", z_max=3.0),
    "masses 1 percent apart": partial(fig3, masses=[0.05, 0.0505, 0.051]),
    "masses 0.1 percent apart": partial(fig3, masses=[0.05, 0.05005, 0.0501]),
}


@pytest.mark.parametrize("case", cases(AT_DEFAULTS, {"one massless state", "piecewise"}))
def test_against_sweep(case):
    total, per_flavor, per_state, balance = against_sweep(AT_DEFAULTS[case]())
    # a line at rest is one cell wide on the lattice; two lattices extrapolate its width to zero
    assert total < 3e-3
    assert per_flavor < 3e-3
    assert per_state < 2e-2
    assert max(balance.number_residual, balance.energy_residual) < 1e-3


#: ln(E) farther than 0.2 from every edge: between, below and above the dips of `fig3`.
AWAY = np.log(np.concatenate([np.geomspace(3e4, 8.5e4, 6), np.geomspace(1.6e5, 5.2e5, 12)]))


@pytest.mark.slow
def test_order_at_rest():
    # the error at fixed energies falls with the square of the cell's width
    lines, emission = models.problem_of(*fig3())
    shape = models.lattice_of(lines, emission)
    exact = models.swept(AWAY, lines, emission)[0]
    errors = []
    for factor in (1, 4):
        flux = models.marched_at(AWAY, lines, emission, models.finer(shape, factor))[0]
        errors.append(np.sqrt(np.mean((flux / exact - 1.0) ** 2)))
    assert np.log(errors[0] / errors[1]) / np.log(4.0) >= 1.8


# --- depths ----------------------------------------------------------------------------------


@jax.jit
def depths_of(lattice, lines):
    return summed_depths(lattice, lines), lattice.centers


_placed = jax.jit(lambda shape, lines, u_max: shape.placed(lines, u_max), static_argnums=0)


def lattice_for(lines, u_max):
    return _placed(lattice_shape(lines, u_max), lines, u_max)


def one_line(mass, relics):
    """A line on nu_1 of a given mass [eV] and |g| = 5e-4, 10 MeV; the others do not couple."""
    return models.problem_of(
        *models.model(models.one_state(), masses=[mass, 0.05, 0.05], relics=relics)
    )[0]


@pytest.mark.parametrize(
    "case",
    cases(
        [(mass, nature) for mass in (0.05, 0.001, 0.0) for nature in ("majorana", "dirac")],
        {(0.05, "majorana"), (0.001, "dirac"), (0.0, "majorana")},
    ),
)
def test_summed_depths_against_printed(case):
    mass, nature = case
    lines = one_line(mass, nuprop.Relics(nature))
    lattice = lattice_for(lines, np.log(6.0))
    rows = np.array([row[1:] for row in DEPTHS if row[0] == mass])
    energies = rows[:, 0]
    found = []
    for y in np.log(energies):  # with a cell's center on each
        cells = (y - lattice.centers[0]) / lattice.log_width
        shift = (cells - np.round(cells)) * lattice.log_width
        moved = replace(lattice, log_top=lattice.log_top + shift)
        depths, centers = map(np.asarray, depths_of(moved, lines))
        found.append(depths[0, 0, np.argmin(np.abs(centers - y))])
    found = np.array(found)
    expected = rows[:, 1 + (nature == "dirac")]
    # within 1e-3; on the edge, where tau falls by orders of magnitude in a few cells, 1e-2;
    # above it 1e-5 absolute
    on_edge = (mass == 0.05) & (energies > 9.9e5)
    np.testing.assert_allclose(found[~on_edge], expected[~on_edge], rtol=1e-3)
    np.testing.assert_allclose(found[on_edge], expected[on_edge], rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize(
    "case",
    cases(
        [(m, nature) for m in (0.1, 0.05, 0.009, 0.001, 0.0) for nature in ("majorana", "dirac")],
        {(0.1, "dirac"), (0.009, "majorana")},
    ),
)
def test_summed_depths_against_exact(case):
    mass, nature = case
    lines = one_line(mass, nuprop.Relics(nature))
    u_max = np.log(6.0)
    lattice = lattice_for(lines, u_max)
    depths, centers = map(np.asarray, depths_of(lattice, lines))
    found, exact = depths[0, 0], models.optical_depths(centers, u_max, lines)[0, 0]
    edge = np.zeros(centers.size, dtype=bool)
    if mass > 0.0:  # 15 rms widths of the line around its edges at z = 0 and z = 5
        width = 2.08 * float(lines.relics.temperature) / (mass * models.EV)
        resonance = float(lines.log_resonance[0])
        edge |= np.abs(centers - resonance) < 15.0 * width
        edge |= np.abs(centers - resonance + u_max) < 15.0 * 6.0 * width
    deep = exact > 0.1
    np.testing.assert_allclose(found[deep & ~edge], exact[deep & ~edge], rtol=1e-3)
    np.testing.assert_allclose(found[deep & edge], exact[deep & edge], rtol=1e-2)
    # where tau < 0.1 an error of 1 percent is at most 1e-3; in the wings 1e-5
    np.testing.assert_allclose(found[~deep], exact[~deep], rtol=1e-2, atol=1e-5)


#: 1.7 times the temperature of today.
targets_then = jax.jit(
    lambda log_energy, lines: targets_below(log_energy, np.log(1.7), 1e-4, lines)
)
shape_of = jax.jit(line_shape, static_argnums=(3,))


@pytest.mark.parametrize("relics", [nuprop.Relics(), nuprop.Relics("dirac", asymmetry=1.0)])
@pytest.mark.parametrize("mass", [0.0, 1e-4, 1e-3, 0.05])
def test_targets_below(mass, relics):
    # int phi dW from 0 to W by quadrature in ln W on either side of the threshold W = m
    lines = one_line(mass, relics)
    temperature = 1.7 * float(lines.relics.temperature)
    r = mass * models.EV / temperature
    middle, spread = max(r, 2.0), 2.0 / max(1.0, r / 4.0)
    upper = middle * np.exp(spread * np.linspace(-1.0, 1.5, 9))
    nodes, weights = np.polynomial.legendre.leggauss(10)
    below, above = np.log(middle) - 20.0 * spread, np.log(upper)
    split = np.clip(np.log(max(r, 1e-30)), below, above)
    lower = below + (split - below)[:, None] * np.linspace(0.0, 1.0, 201)
    ends = np.hstack(
        [lower, split[:, None] + (above - split)[:, None] * np.linspace(0, 1, 101)[1:]]
    )
    half = 0.5 * np.diff(ends)[..., None]
    w = np.exp(0.5 * (ends[:, 1:] + ends[:, :-1])[..., None] + half * nodes)
    s = 0.5 * (w - r**2 / w)
    shape = shape_of(s, w, np.full(w.shape, r), lines.relics.nature, lines.relics.asymmetry)
    exact = np.sum(np.asarray(shape) * np.exp(-np.abs(s)) * w * half * weights, axis=(-2, -1))
    log_energy = np.log(0.5 * float(lines.mediator_mass) ** 2 / (upper * temperature))
    found = np.asarray(targets_then(log_energy, lines))[:, 0]
    assert np.ptp(exact) > 0.5
    # the quadrature in momentum; its error shifts an edge by as much of its width
    np.testing.assert_allclose(found, exact, rtol=2e-4, atol=2e-5)


def test_summed_depths_at_rest():
    # each line crosses the lattice with its whole depth
    lines = one_line(0.05, AT_REST)
    u_max = np.log(6.0)
    lattice = lattice_for(lines, u_max)
    depths, centers = map(np.asarray, depths_of(lattice, lines))
    away = np.abs(centers - np.log(1e6) + 0.5 * u_max) < 0.5 * u_max - 12.0 * lattice.log_width
    exact = models.optical_depths(centers, u_max, lines)[0, 0]
    assert np.count_nonzero(away) > 80
    # the curvature of n/H over the width of a cell, (3 h)^2
    np.testing.assert_allclose(depths[0, 0][away], exact[away], rtol=2e-3)


# --- relics in motion ------------------------------------------------------------------------


def thermal(make, factor=1, energies=None, helicities="summed", **changes):
    """Flux over free flux (n_channels, 3, n) on a lattice `factor` times finer, and the books."""
    model = make(**{"relics": THERMAL, **changes})
    lines, emission = models.problem_of(*model, helicities=helicities)
    shape = models.finer(models.lattice_of(lines, emission), factor)
    flux, free, balance = models.marched_at(energies, lines, emission, shape)
    return flux, free, balance, np.asarray(model[2].mixing)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        fig3,
        pytest.param(fig4, marks=pytest.mark.slow),
        pytest.param(partial(fig3, evolution="burst", z_max=2.0), marks=pytest.mark.slow),
    ],
    ids=["fig3", "fig4", "burst"],
)
def test_against_finer_lattice(make):
    lines, _ = models.problem_of(*make(relics=THERMAL))
    around = np.asarray(lines.log_resonance)[:, None] + np.linspace(-0.05, 0.02, 71)
    y = np.sort(np.concatenate([np.log(np.geomspace(2e4, 2e7, 299)), around.ravel()]))
    coarse, _, balance, mixing = thermal(make, energies=y)
    fine = thermal(make, 4, energies=y)[0]
    assert np.max(np.abs(mixing @ coarse[0] / (mixing @ fine[0]) - 1.0)) < 3e-3
    assert max(balance.number_residual, balance.energy_residual) < 1e-3


@pytest.mark.slow
def test_against_second_solver():
    # three broad lines that overlap, from 18 percent of the energy to 3.5, and tau up to 12
    model = models.model(
        nuprop.ZPrime.lmu_ltau("5 MeV", 3e-4),
        masses=[2e-3, 5e-3, 1e-2],
        relics=THERMAL,
        z_max=2.0,
    )
    lines, emission = models.problem_of(*model)
    # steps of 0.01 and 0.005, extrapolated: 5e-5
    y, exact = models.trapezoids(lines, emission, np.log(2e5), np.log(6e7), 0.01)
    y, exact = y[::2], exact[:, ::2]
    mixing = np.asarray(model[2].mixing)
    shape = models.lattice_of(lines, emission)
    errors = []
    for factor in (1, 2):
        flux = models.marched_at(y, lines, emission, models.finer(shape, factor))[0][0]
        assert np.max(np.abs(flux.sum(axis=0) / exact.sum(axis=0) - 1.0)) < 3e-3
        assert np.max(np.abs(flux / exact - 1.0)) < 2e-2  # where nu_2 is down to 6 percent
        errors.append(np.max(np.abs(mixing @ flux / (mixing @ exact) - 1.0)))
    assert errors[0] < 3e-3
    assert np.log2(errors[0] / errors[1]) >= 1.8


def test_printed_numbers_in_motion():
    # all flavors over free, 9 MeV, m_1 = 6 meV; found with another code to 1e-3
    energy = np.log(np.array([6500, 3800, 3000, 750]) * models.TEV)
    flux, free, _, _ = thermal(fig4, energies=energy)
    ratio = flux.sum(axis=(0, 1)) / free.sum(axis=(0, 1))
    np.testing.assert_allclose(ratio[:3], [0.821, 0.764, 0.837], rtol=2e-3)
    assert ratio[3] == pytest.approx(0.56, abs=5e-3)  # two digits
    flux, free, balance, _ = thermal(fig4, energies=energy, relics=nuprop.Relics("dirac"))
    ratio = flux.sum(axis=(0, 1)) / free.sum(axis=(0, 1))
    assert ratio[3] == pytest.approx(0.67, abs=5e-3)  # half the depth
    assert max(balance.number_residual, balance.energy_residual) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("xi", [0.0, pytest.param(1.0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("nature", ["majorana", "dirac"])
def test_absorption_alone(nature, xi):
    # without secondaries N_i = int du rate Q e^-tau_i(u), with depths by quadrature
    relics = nuprop.Relics(nature, asymmetry=xi)
    lines, emission = models.problem_of(
        *fig4(relics=relics, antineutrino_fraction=0.3), helicities="apart"
    )
    lines = replace(lines, yields=jax.numpy.zeros(3))
    y = np.log(np.geomspace(1.2e5, 8e6, 20))
    u_max = float(emission.u_max)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    ends = np.linspace(0.0, u_max, 17)
    half = 0.5 * np.diff(ends)[:, None]
    u = (0.5 * (ends[1:] + ends[:-1])[:, None] + half * nodes).ravel()
    depths = [models.optical_depths(np.full(u.size, one), u, lines) for one in y]
    survival = np.exp(-np.stack(depths, axis=2)) * np.ones((2, 1, 1, 1))
    emitted = models.emitted(emission, y[:, None], u)
    exact = np.einsum("aiyu,yu,u->aiy", survival, emitted, (half * weights).ravel())
    exact *= np.asarray(emission.shares)[..., None]
    shape = lattice_shape(lines, u_max)
    flux, _, balance = models.marched_at(y, lines, emission, shape)
    # Simpson's rule for what is emitted in a step, 1e-3; where a state is down to a few percent
    # what is left was emitted in the steps of the line
    np.testing.assert_allclose(flux.sum(axis=(0, 1)), exact.sum(axis=(0, 1)), rtol=3e-3)
    np.testing.assert_allclose(flux, exact, rtol=2e-2)
    assert balance.lost_number == pytest.approx(2.0 * balance.interacted_number, rel=1e-3, abs=0.0)
    if xi and nature == "dirac":  # the nu beam meets nubar relics, of which there are fewer
        dip = np.abs(y - np.log(7e5)) < 0.1
        free = flux / np.asarray(emission.shares)[..., None]
        assert np.all(free[0, :2, dip] > 1.1 * free[1, :2, dip])


@pytest.mark.slow
def test_asymmetry_mirrored():
    # with xi and nu for nubar everything is the same
    y = np.log(np.geomspace(1e5, 1e7, 40))
    one = thermal(
        fig4,
        energies=y,
        helicities="apart",
        relics=nuprop.Relics("dirac", asymmetry=1.0),
        antineutrino_fraction=0.3,
    )[0]
    other = thermal(
        fig4,
        energies=y,
        helicities="apart",
        relics=nuprop.Relics("dirac", asymmetry=-1.0),
        antineutrino_fraction=0.7,
    )[0]
    np.testing.assert_allclose(one, other[::-1], rtol=1e-10)  # order of sums
    assert np.max(np.abs(one[0] / one[0].sum(axis=0) - one[1] / one[1].sum(axis=0))) > 1e-2
