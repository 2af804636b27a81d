"""HESE 7.5 years from simulated events: weights, likelihood, response tables.

The released events cannot be had here: everything runs on made-up ones of the same format
(reference/synthetic_mc.py), whose effective area and deposited energies are known.
"""

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import synthetic_mc as synthetic
from scipy.interpolate import BSpline, NdBSpline

from nuprop.errors import GridError, ParameterError, PhysicsWarning
from nuprop.icecube.montecarlo import (
    Binning,
    Observables,
    effective_log_likelihood,
    monte_carlo_likelihood,
    read_events,
    read_monte_carlo,
    read_splines,
    response_tables,
)

LIVETIME = 227708167.68
DETECTOR = {"dom": 0.93, "ice": -0.4, "anisotropy": 1.3}
VALUES = {
    "conv": 0.8,
    "prompt": 1.7,
    "muon": 1.2,
    "kpi": 1.1,
    "nu_nubar": 0.9,
    "dgamma": 0.07,
    **DETECTOR,
}

counts = jax.jit(lambda likelihood, fluence, values: likelihood.counts(fluence, values))
predict = jax.jit(lambda likelihood, fluence, values: likelihood.predict(fluence, values))


def power_law(edges, index=2.7, norm=1e-18):
    """A different flux of each species, integrated over cells."""
    integral = norm * 1e5**index * np.diff(edges ** (1.0 - index)) / (1.0 - index)
    shares = np.array([[1.0, 0.8, 0.6], [0.7, 0.5, 0.9]])
    return jnp.asarray(shares[:, :, None] * integral)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The made-up release, read."""
    made = synthetic.release(tmp_path_factory.mktemp("release"))
    made.monte_carlo = read_monte_carlo(made.root, checksums=made.sums)
    made.observed = read_events(made.root, checksums=made.sums)
    made.splines = read_splines(made.root)
    return made


@pytest.fixture(scope="module")
def full(release):
    with pytest.warns(PhysicsWarning, match="bins without a simulated one"):
        return monte_carlo_likelihood(
            release.monte_carlo, _anywhere(release.observed), splines=release.splines
        )


@pytest.fixture(scope="module")
def plain(release):
    return monte_carlo_likelihood(release.monte_carlo, release.observed, energy_only=True)


def _anywhere(events):
    """The same events, the first of them moved to where none is simulated."""
    energy, cosine = events.deposited_energy.copy(), events.zenith.copy()
    energy[0], cosine[0] = 9.99e6, 0.1
    morphology = events.morphology.copy()
    morphology[0] = 1
    return Observables(energy, morphology, cosine, events.length)


# --- Weights ---------------------------------------------------------------------------------


def _factor(release, component, row, values):
    """The detector's factor on one event, from scipy's splines and the documented rules."""
    morphology = synthetic.MORPHOLOGIES[row["recoMorphology"]]
    place = {
        "energy": np.log10(row["recoDepositedEnergy"]),
        "cosine": np.cos(row["recoZenith"]),
        "length": np.log10(row["recoLength"]),
    }
    exponent = 0.0
    for systematic, nominal in (("dom", 0.99), ("ice", 0.0), ("anisotropy", 1.0)):
        axes = synthetic.axes_of(systematic, morphology)
        inside = all(
            synthetic.EXTENTS[axis][0] <= place[axis] <= synthetic.EXTENTS[axis][1]
            for axis in axes[:-1]
        )
        if systematic == "anisotropy" and morphology == "doublebang":
            inside = inside and place["length"] <= 2.3
        if not inside:
            continue
        spline = NdBSpline(
            tuple(synthetic.KNOTS[axis] for axis in axes),
            release.coefficients[systematic, component, morphology],
            2,
        )
        at = [place[axis] for axis in axes[:-1]]
        exponent += float(spline([*at, values[systematic]]) - spline([*at, nominal]))
    return 10.0**exponent


def _plain_weight(release, row, flux, values):
    """The weight of one event, term by term as the release documents it."""
    code, energy = row["primaryType"], row["primaryEnergy"]
    if abs(code) == 13:
        return LIVETIME * values["muon"] * row["muonWeightOverLivetime"]
    ratio = values["nu_nubar"] if code > 0 else 2.0 - values["nu_nubar"]
    conv = values["conv"] * (row["pionFlux"] + values["kpi"] * row["kaonFlux"])
    conv *= (energy / 2020.0) ** -values["dgamma"] * ratio * row["conventionalSelfVetoCorrection"]
    prompt = values["prompt"] * row["promptFlux"] * (energy / 7887.0) ** -values["dgamma"]
    prompt *= ratio * row["promptSelfVetoCorrection"]
    flavor = {12: "e", 14: "mu", 16: "tau"}[abs(code)]
    total = flux(code, energy) * _factor(release, f"diffuseAstro_{flavor}", row, values)
    total += conv * _factor(release, "atmConv", row, values)
    total += prompt * _factor(release, "atmPrompt", row, values)
    return LIVETIME * row["weightOverFluxOverLivetime"] * total


def test_predictions_are_those_of_a_plain_loop_over_events(release, full):
    edges = np.asarray(full.energy_edges)
    fluence = power_law(edges)
    averages = np.asarray(fluence) / np.diff(edges)

    def flux(code, energy):
        cell = np.searchsorted(edges, energy, side="right") - 1
        return averages[int(code < 0), (12, 14, 16).index(abs(code)), cell]

    w, w2 = np.split(np.asarray(predict(full, fluence, VALUES)), 2)
    numbers = Binning().numbers(release.monte_carlo.observables)
    # A few bins of each topology, and all of their events.
    rng = np.random.default_rng(8)
    populated = np.unique(numbers[numbers >= 0])
    groups = (populated[populated < 210], populated[(populated >= 210) & (populated < 420)])
    chosen = np.concatenate([rng.choice(group, 6, replace=False) for group in groups])
    chosen = np.concatenate([chosen, rng.choice(populated[populated >= 420], 25, replace=False)])
    for number in chosen:
        rows = [
            {key: values[i] for key, values in release.columns.items()}
            for i in np.flatnonzero(numbers == number)
        ]
        weights = np.array([_plain_weight(release, row, flux, VALUES) for row in rows])
        # Sums of at most a few dozen numbers in another order.
        assert w[number] == pytest.approx(weights.sum(), rel=1e-11, abs=0.0)
        assert w2[number] == pytest.approx((weights**2).sum(), rel=1e-11, abs=0.0)


def test_events_lie_in_the_order_of_their_bins(full):
    """As the sums over sorted segments are promised."""
    assert np.all(np.diff(full.bin_number) >= 0)


def test_components_add_up(full):
    fluence = power_law(np.asarray(full.energy_edges))
    parts = counts(full, fluence, VALUES)
    assert set(parts) == {"astro", "conv", "prompt", "muon"}
    assert all(part.sum() > 0.0 for part in parts.values())
    w = predict(full, fluence, VALUES)[:840]
    np.testing.assert_allclose(sum(parts.values()), w, rtol=1e-12, atol=1e-300)


def test_the_prediction_is_linear_in_each_flux(full):
    fluence = power_law(np.asarray(full.energy_edges))
    scaled = {**VALUES, "conv": 2.0, "prompt": 3.0, "muon": 0.5}
    once = counts(full, fluence, {**VALUES, "conv": 1.0, "prompt": 1.0, "muon": 1.0})
    again = counts(full, 1.5 * fluence, scaled)
    for flux, factor in {"astro": 1.5, "conv": 2.0, "prompt": 3.0, "muon": 0.5}.items():
        np.testing.assert_allclose(again[flux], factor * once[flux], rtol=1e-12)


def test_nominal_detector_parameters_change_nothing(release, full):
    without = monte_carlo_likelihood(release.monte_carlo, release.observed)
    fluence = power_law(np.asarray(full.energy_edges))
    flux_values = {name: value for name, value in VALUES.items() if name not in DETECTOR}
    nominal = predict(full, fluence, flux_values)
    np.testing.assert_allclose(nominal, predict(without, fluence, flux_values), rtol=1e-12)
    assert np.abs(predict(full, fluence, VALUES) / nominal - 1.0)[nominal > 0].max() > 0.05


def test_tables_with_other_knots_than_the_rest(release, full):
    """The same splines after a knot is added: the same numbers."""
    table = release.splines["dom", "diffuseAstro_tau", 0]
    spline = BSpline(table.knots[-1], np.moveaxis(table.coefficients, -1, 0), 2)
    refined = spline.insert_knot(1.0321)
    other = type(table)(
        np.moveaxis(refined.c, 0, -1), (*table.knots[:-1], refined.t), table.orders, table.extents
    )
    mixed = monte_carlo_likelihood(
        release.monte_carlo,
        release.observed,
        splines={**release.splines, ("dom", "diffuseAstro_tau", 0): other},
    )
    assert len(mixed.events.splines["dom"].knots) == 2
    exponent = jax.jit(lambda splines: splines.exponent(0.93))
    expected, found = (exponent(x.events.splines["dom"]) for x in (full, mixed))
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("index", [2.0, 2.87, 3.5])
def test_cells_are_narrow_enough_for_a_power_law(release, plain, index):
    """Constant flux in cells of 0.0125 dex against the flux at each event's energy."""
    events = release.monte_carlo
    numbers = Binning(energy_only=True).numbers(events.observables)
    kept = numbers >= 0
    flux = 1e-18 * (events.energy / 1e5) ** -index * LIVETIME
    exact = np.bincount(numbers[kept], (events.weight * flux)[kept], minlength=21)
    edges = np.asarray(plain.energy_edges)
    one = power_law(edges, index)[0, 0]
    in_cells = counts(plain, jnp.broadcast_to(one, (2, 3, one.size)), {})["astro"]
    # The flux changes by 2.9 % index across a cell. In the mean that cancels but for the second
    # order, 4e-4 for index 2.87; 20 to 500 events in a bin leave up to 1e-2 of it at random. The
    # statistics of the simulation itself are known to 5 to 20 % here.
    assert np.sum(in_cells) == pytest.approx(exact.sum(), rel=2e-3)
    np.testing.assert_allclose(in_cells[:18], exact[:18], rtol=1.5e-2)


def test_a_neutrino_outside_the_cells_is_an_error(release):
    with pytest.raises(
        GridError, match=r"from 100000 to 1e\+06 GeV: .* simulated neutrinos outside"
    ):
        monte_carlo_likelihood(
            release.monte_carlo, release.observed, energy_edges=np.array([1e5, 1e6])
        )


@pytest.mark.parametrize(
    "edges", [[1e5], [1e5, 1e5], [1e6, 1e5], [0.0, 1e5], [1e5, np.nan], [[1e4, 1e8]]]
)
def test_cells_that_do_not_increase_are_refused(release, edges):
    with pytest.raises(GridError, match=r"energy_edges = .*increasing, finite energies > 0"):
        monte_carlo_likelihood(release.monte_carlo, release.observed, energy_edges=edges)


def test_cells_may_have_units(release):
    edges = np.geomspace(1e4, 1e8, 5)
    made = monte_carlo_likelihood(
        release.monte_carlo, release.observed, energy_edges=edges / 1e3 * u.TeV, livetime="1 d"
    )
    np.testing.assert_allclose(made.energy_edges, edges, rtol=1e-14)
    longer = monte_carlo_likelihood(
        release.monte_carlo, release.observed, energy_edges=edges, livetime=2 * 86400.0
    )
    fluence = power_law(edges)
    day, days = (predict(x, fluence, {})[:840] for x in (made, longer))
    np.testing.assert_allclose(days, 2.0 * day, rtol=1e-13)


# --- Likelihood ------------------------------------------------------------------------------


def test_priors_are_those_of_icecube(full, plain):
    listed = {n.name: (n.mean, n.sigma) for n in full.nuisances}
    assert listed == {
        "conv": (1.0, 0.4),
        "prompt": (None, None),
        "muon": (1.0, 0.5),
        "kpi": (1.0, 0.1),
        "nu_nubar": (1.0, 0.1),
        "dgamma": (-0.05, 0.05),
        "dom": (0.99, 0.1),
        "ice": (0.0, 0.5),
        "anisotropy": (1.0, 0.2),
    }
    bounds = {n.name: n.bounds for n in full.nuisances}
    assert bounds["dom"] == (0.80, 1.25)
    assert bounds["ice"] == (-3.82, 2.18)
    assert bounds["prompt"][0] == 0.0
    for nuisance in full.nuisances:
        low, high = nuisance.bounds
        assert low < nuisance.start < high
        assert nuisance.description
    assert [n.name for n in plain.nuisances] == [n.name for n in full.nuisances][:6]


def test_bounds_end_where_the_splines_do(release):
    tables = dict(release.splines)
    key = ("dom", "atmPrompt", 2)
    extents = tables[key].extents.copy()
    extents[-1] = 0.9, 1.1
    old = tables[key]
    tables[key] = type(old)(old.coefficients, old.knots, old.orders, extents)
    made = monte_carlo_likelihood(release.monte_carlo, release.observed, splines=tables)
    assert {n.name: n.bounds for n in made.nuisances}["dom"] == (0.9, 1.1)


@pytest.mark.parametrize("name", list(DETECTOR))
def test_detector_parameters_do_not_exist_without_splines(plain, name):
    fluence = power_law(np.asarray(plain.energy_edges))
    with pytest.raises(ParameterError, match=f"'{name}' needs the splines .*resources/splines"):
        plain.predict(fluence, {name: 1.0})


def test_unknown_nuisances_are_refused_with_the_nearest(full):
    fluence = power_law(np.asarray(full.energy_edges))
    with pytest.raises(ParameterError, match="'convv': unknown; did you mean 'conv'"):
        predict(full, fluence, {"convv": 1.0})


def test_values_left_out_are_the_start_values(full):
    fluence = power_law(np.asarray(full.energy_edges))
    starts = {nuisance.name: nuisance.start for nuisance in full.nuisances}
    np.testing.assert_allclose(
        predict(full, fluence, {}), predict(full, fluence, starts), rtol=1e-14
    )


def test_the_likelihood_is_that_of_all_bins_with_simulated_events(full):
    prediction = predict(full, power_law(np.asarray(full.energy_edges)), VALUES)
    w, w2 = jnp.split(prediction, 2)
    simulated = np.asarray(full.simulated)
    assert not simulated.all()
    assert full.observed[~simulated].sum() == 1.0
    logs = np.asarray(effective_log_likelihood(full.observed, w, w2))
    expected = -np.sum(logs[simulated])
    assert full.nll(prediction) == pytest.approx(expected, rel=1e-13)
    assert np.isfinite(full.nll(prediction))


def test_gradients_of_the_likelihood(full):
    fluence = power_law(np.asarray(full.energy_edges))

    @jax.jit
    def nll(values, likelihood):
        scaled = {name: value for name, value in values.items() if name != "norm"}
        return likelihood.nll(likelihood.predict(values["norm"] * fluence, scaled))

    values = {**VALUES, "norm": 1.3}
    gradient = jax.jit(jax.grad(nll))(values, full)
    for name, value in values.items():
        step = 1e-5
        up, down = (float(nll({**values, name: value + sign * step}, full)) for sign in (1, -1))
        # nll is about 300: its rounding of 1e-13 leaves 1e-8 in the difference quotient.
        assert gradient[name] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-6), name


def test_information_is_the_inverse_variance_of_the_counts(full):
    prediction = predict(full, power_law(np.asarray(full.energy_edges)), VALUES)
    w, w2 = np.split(np.asarray(prediction), 2)
    information = np.asarray(full.information(prediction))
    assert information.shape == prediction.shape
    assert np.all(information[840:] == 0.0)
    assert np.all(information[:840][w == 0.0] == 0.0)
    number = np.argmax(w)
    n = np.arange(500.0)
    probability = np.exp(effective_log_likelihood(n, w[number], w2[number]))
    mean = np.sum(n * probability)
    variance = np.sum((n - mean) ** 2 * probability)
    assert information[number] == pytest.approx(1.0 / variance, rel=1e-9)
    empty = full.information(jnp.zeros_like(prediction))
    assert np.all(np.asarray(empty) == 0.0)


@pytest.mark.slow
def test_toys_scatter_around_the_prediction(plain):
    fluence = power_law(np.asarray(plain.energy_edges))
    prediction = predict(plain, fluence, {})
    keys = jax.random.split(jax.random.key(1), 400)
    draw = jax.jit(jax.vmap(lambda key: plain.simulate(prediction, key).observed))
    drawn = np.asarray(draw(keys))
    w = np.asarray(prediction)[:21]
    assert np.all(drawn == np.round(drawn))
    # 400 draws: 5 standard deviations of the mean.
    assert np.all(np.abs(drawn.mean(axis=0) - w) <= 5.0 * np.sqrt(w / 400.0))
    again = plain.simulate(prediction, keys[0])
    np.testing.assert_array_equal(again.observed, drawn[0])
    assert again.name == plain.name


def test_other_data_can_be_put_in(plain):
    counts = np.linspace(0.0, 20.0, 21)
    np.testing.assert_array_equal(plain.with_observed(counts).observed, counts)
    with pytest.raises(GridError, match=r"shape \(20,\): \(21,\) is needed"):
        plain.with_observed(counts[1:])
    for bad in (-1.0, np.nan, np.inf):
        counts[3] = bad
        with pytest.raises(ParameterError, match=rf"observed\[3\] = {bad}"):
            plain.with_observed(counts)


def test_it_is_a_pytree_and_names_its_data(full):
    leaves, structure = jax.tree.flatten(full)
    again = jax.tree.unflatten(structure, leaves)
    assert again.nuisances == full.nuisances
    assert hash(structure) == hash(jax.tree.structure(again))
    assert full.samples == ("hese-7.5yr",)
    assert "840 bins" in repr(full)
    assert "anisotropy" in repr(full)


def test_no_events_or_no_livetime_are_errors(release):
    muons = release.monte_carlo.select(~release.monte_carlo.is_neutrino)
    with pytest.raises(ParameterError, match="none of 400 events is a neutrino that passes"):
        monte_carlo_likelihood(muons, release.observed)
    with pytest.raises(ParameterError, match=r"livetime = 0.0: must be > 0 s"):
        monte_carlo_likelihood(release.monte_carlo, release.observed, livetime=0.0)


def test_a_fit_of_expected_counts_finds_what_made_them(plain):
    """Asimov data: the best normalization is the true one, but for the simulation's statistics."""
    fluence = power_law(np.asarray(plain.energy_edges))
    prediction = predict(plain, fluence, {})
    asimov = plain.with_observed(prediction[:21])

    @jax.jit
    def nll(norm):
        return asimov.nll(asimov.predict(norm * fluence, {}))

    norms = np.linspace(0.8, 1.2, 41)
    best = norms[np.argmin([nll(norm) for norm in norms])]
    # The mean of L_eff is w + w2/w, above w by the mean weight, some 5 % of a count in each bin.
    assert best == pytest.approx(1.0, abs=0.05)


# --- Response tables -------------------------------------------------------------------------

WIDE = 10.0 ** np.arange(3.0, 8.51, 0.25)  # GeV deposited: every event
ENERGY = np.geomspace(2e4, 3e7, 13)


@pytest.fixture(scope="module")
def tables(release):
    return response_tables(release.monte_carlo, WIDE, ENERGY, length_range=(0.0, np.inf))


def test_regenerated_tables_fold_as_the_events_do(release, plain):
    edges = np.asarray(plain.energy_edges)
    made = response_tables(
        release.monte_carlo, np.append(plain.binning.energy_edges[:-1], 1e7), edges
    )
    fluence = power_law(edges)
    values = {"dgamma": -0.05}
    folded = np.asarray(made.response.fold(fluence)).sum(axis=(0, 1))
    parts = counts(plain, fluence, values)
    np.testing.assert_allclose(folded, parts["astro"], rtol=1e-12, atol=1e-15)
    for flux in ("conv", "prompt", "muon"):
        template = getattr(made, flux)
        assert template.shape == (3, 21)
        np.testing.assert_allclose(template.sum(0), parts[flux], rtol=1e-12, atol=1e-15)


def test_regenerated_areas_are_those_that_were_simulated(tables):
    """The cell average of the true area, within the stated errors, for each species."""
    area = np.stack([tables.response.area_nu, tables.response.area_nubar])
    error = np.stack([tables.error.area_nu, tables.error.area_nubar])
    area[1, 0] += tables.response.area_glashow
    error[1, 0] = np.hypot(error[1, 0], tables.error.area_glashow)
    cells = area.sum(axis=(2, 3)).reshape(6, -1)
    spread = np.sqrt((error**2).sum(axis=(2, 3))).reshape(6, -1)
    # int sqrt(E) dE over a cell, by its width.
    mean = np.diff(ENERGY**1.5) / 1.5 / np.diff(ENERGY) / np.sqrt(1e5)
    truth = np.array([synthetic.AREA_M2[code] for code in synthetic.CODES])[:, None] * mean
    pulls = (cells - truth) / spread
    # 72 independent numbers: their mean square is 1 +- 0.17, none should reach 5.
    assert np.mean(pulls**2) == pytest.approx(1.0, abs=0.6)
    assert np.abs(pulls).max() < 5.0


def test_regenerated_energies_are_distributed_as_simulated(release):
    deposited = 10.0 ** np.arange(3.0, 8.51, 0.1)
    made = response_tables(release.monte_carlo, deposited, ENERGY, length_range=(0.0, np.inf))
    middle = np.log10(np.sqrt(deposited[1:] * deposited[:-1]))
    for number, code in enumerate((12, 14, 16)):
        share = np.asarray(made.response.area_nu)[number].sum(axis=0)
        share = share / share.sum(axis=0)
        mean = np.sum(share * middle[:, None], axis=0)
        # A^{1/2} dE over a cell has this mean of log10 E; 80 events in a cell, each known to 0.25.
        e = np.geomspace(ENERGY[:-1], ENERGY[1:], 200)
        truth = np.average(np.log10(e), weights=e**1.5, axis=0) + synthetic.SHIFT[code]
        np.testing.assert_allclose(mean, truth, atol=5 * 0.3 / np.sqrt(80))


def test_topologies_are_shared_out_as_simulated(tables):
    area = np.asarray(tables.response.area_nu).sum(axis=(2, 3))
    shares = area / area.sum(axis=1, keepdims=True)
    expected = [synthetic.TOPOLOGY[code] for code in (12, 14, 16)]
    # Weighted by E^1.5, a few hundred events count.
    np.testing.assert_allclose(shares, expected, atol=0.08)


def test_the_resonance_stands_apart_and_only_of_electron_antineutrinos(release, tables):
    glashow = np.asarray(tables.response.area_glashow).sum(axis=(0, 1))
    cells = (ENERGY[1:] > synthetic.GLASHOW[0]) & (ENERGY[:-1] < synthetic.GLASHOW[1])
    assert np.all(glashow[~cells] == 0.0)
    assert np.any(glashow[cells] > 0.0)
    # Tau neutrinos with this interaction, of which the release has a few, stay with tau.
    tau = np.abs(release.monte_carlo.primary) == 16
    assert np.any(release.monte_carlo.interaction[tau] == 3)
    total = np.asarray(tables.response.area_nu)[2] * np.diff(ENERGY)
    chosen = release.monte_carlo.select(release.monte_carlo.primary == 16)
    assert total.sum() * 4e4 * np.pi == pytest.approx(chosen.weight.sum(), rel=1e-12)


def test_errors_are_those_of_weighted_sums(release, tables):
    weight = release.monte_carlo.weight[release.monte_carlo.primary == 14]
    scaled = np.asarray(tables.error.area_nu)[1] * np.diff(ENERGY) * 4e4 * np.pi
    assert np.sum(scaled**2) == pytest.approx(np.sum(weight**2), rel=1e-12)
    rate = release.monte_carlo.muon_rate * LIVETIME
    length = release.monte_carlo.observables.length
    seen = (release.monte_carlo.observables.morphology != 2) | np.isfinite(length)
    assert tables.muon.sum() == pytest.approx(rate[seen].sum(), rel=1e-12)
    assert np.sum(tables.muon_error**2) == pytest.approx(np.sum(rate[seen] ** 2), rel=1e-12)


def test_nuisances_of_the_templates(release, tables):
    other = response_tables(
        release.monte_carlo, WIDE, ENERGY, length_range=(0.0, np.inf), nuisance={"conv": 2.0}
    )
    np.testing.assert_allclose(other.conv, 2.0 * tables.conv, rtol=1e-13)
    with pytest.raises(ParameterError, match="'dom': unknown here"):
        response_tables(release.monte_carlo, WIDE, ENERGY, nuisance={"dom": 0.95})


def test_tables_that_cannot_be_made(release):
    with pytest.raises(GridError, match="deposited_edges = "):
        response_tables(release.monte_carlo, [1e5, 1e4], ENERGY)
    with pytest.raises(GridError, match=r"energy_edges reach from 20000 to 1e.*neutrinos outside"):
        response_tables(release.monte_carlo, WIDE, np.array([2e4, 1e6]))
    with pytest.raises(ParameterError, match="none of 6400 simulated events is counted"):
        response_tables(release.monte_carlo, [1e12, 1e13], ENERGY)
    with pytest.raises(ParameterError, match="livetime"):
        response_tables(release.monte_carlo, WIDE, ENERGY, livetime=-1.0)
