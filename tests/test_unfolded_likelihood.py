"""The likelihood of unfolded points: its equations, and the published fits that it finds again."""

import dataclasses
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize

from nuprop.errors import DatasetError, GridError, ParameterError, PrecisionError, UnitError
from nuprop.icecube import UnfoldedLikelihood, published_fit, unfolded
from nuprop.icecube.unfolded_likelihood import RECIPES

FITS = {  # flux per flavor at 100 TeV in 1e-18, index: what these equations give
    "hese-3yr": (1.62, 2.46),
    "hese-7.5yr": (2.25, 2.92),
    "cascades-6yr": (1.75, 2.45),
    "numu-9.5yr": (1.36, 2.49),
}
ROWS = {  # points, limits, and reach in TeV
    "hese-3yr": (5, 2, 41.98, 7667),
    "hese-7.5yr": (2, 5, 42, 7670),
    "cascades-6yr": (7, 3, 4.642, 10000),
    "numu-9.5yr": (3, 1, 15, 100000),
}


def power_law(edges, norm, index):
    """Integrals over cells of norm (E/100 TeV)^-index per flavor, half of it antineutrinos."""
    x = np.asarray(edges) / 1e5
    cells = norm * 1e5 * np.diff(x ** (1 - index)) / (1 - index)
    return np.broadcast_to(cells / 2, (2, 3, cells.size))


@pytest.fixture(scope="module", params=RECIPES)
def likelihood(request):
    return UnfoldedLikelihood.from_name(request.param)


nll = jax.jit(lambda likelihood, prediction: likelihood.nll(prediction))
nll_of_flux = jax.jit(lambda likelihood, fluence: likelihood.nll(likelihood.predict(fluence)))


def chi2(likelihood, norm, index):
    return 2 * float(nll_of_flux(likelihood, power_law(likelihood.energy_edges, norm, index)))


def test_power_laws_fitted_to_points_are_those_of_the_papers(likelihood):
    name = likelihood.name

    def objective(p):
        return chi2(likelihood, p[0] * 1e-18, p[1])

    best = minimize(objective, [1.7, 2.5], method="Nelder-Mead", options={"xatol": 1e-4})
    np.testing.assert_allclose(best.x, FITS[name], atol=0.0051)  # printed with two decimals
    fit = published_fit(name)
    distance = chi2(likelihood, fit.normalization, fit.parameters["index"].value) - best.fun
    assert 0 < distance < 1.5  # 68 % of two parameters: 2.3
    assert chi2(likelihood, 2 * fit.normalization, 2.0) - best.fun > 9


@pytest.mark.parametrize(("name", "expected"), ROWS.items())
def test_rows_that_are_used(name, expected):
    likelihood = UnfoldedLikelihood.from_name(name)
    limits = int(likelihood.is_limit.sum())
    low, high = float(likelihood.e_lo.min()) / 1e3, float(likelihood.e_hi.max()) / 1e3
    assert (likelihood.is_limit.size - limits, limits) == expected[:2]
    assert (low, high) == pytest.approx(expected[2:], rel=1e-12)
    level = 2.71 if name == "numu-9.5yr" else 1.0
    assert set(np.asarray(likelihood.penalty[likelihood.is_limit])) == {level}


def test_points_whose_lower_error_reaches_zero_become_limits():
    likelihood, raw = UnfoldedLikelihood.from_name("hese-7.5yr"), unfolded("hese-7.5yr")
    np.testing.assert_allclose(
        np.asarray(likelihood.limit)[[0, 2, 3, 5, 6]] / 1e-9, [18.7, 5.1, 3.9, 5.2, 0.6], rtol=1e-12
    )
    assert not raw.is_limit[0]  # the published spectrum is left as it is
    assert np.all(likelihood.observed[likelihood.is_limit] == 0)


def test_an_e_to_the_minus_2_flux_predicts_its_normalization_exactly(likelihood):
    fluence = power_law(likelihood.energy_edges, 1e-18, 2.0)
    np.testing.assert_allclose(likelihood.predict(fluence), 1e-8, rtol=1e-12)


def test_prediction_is_the_integral_over_the_bin(likelihood):
    """For a flux with a dip, by a quadrature that knows nothing of the cells."""

    def flux(energy):
        dip = 1 - 0.8 * np.exp(-0.5 * np.log(energy / 5e5) ** 2 / 0.3**2)
        return 1.5e-18 * (energy / 1e5) ** -2.4 * dip

    def integral(low, high):
        return quad(lambda x: flux(np.exp(x)) * np.exp(x), np.log(low), np.log(high))[0]

    edges = np.asarray(likelihood.energy_edges)
    cells = np.array([integral(*cell) for cell in pairwise(edges)])
    predicted = likelihood.predict(np.broadcast_to(cells / 2, (2, 3, cells.size)))
    for e_lo, e_hi, value in zip(likelihood.e_lo, likelihood.e_hi, predicted, strict=True):
        expected = integral(float(e_lo), float(e_hi)) / float(1 / e_lo - 1 / e_hi)
        # quad's own tolerance is 1.5e-8
        assert float(value) == pytest.approx(expected, rel=1e-7, abs=0.0)


def test_bins_may_overlap_and_leave_gaps():
    edges = np.array([1e4, 2e4, 3e4, 4e4, 5e4, 6e4])
    given = UnfoldedLikelihood.from_name("numu-9.5yr")
    likelihood = dataclasses.replace(
        given,
        energy_edges=jnp.asarray(edges),
        e_lo=jnp.array([1e4, 2e4, 5e4]),
        e_hi=jnp.array([3e4, 4e4, 6e4]),
    )
    cells = np.zeros((2, 3, 5))
    cells[0, 1] = [1, 2, 4, 8, 16]
    sums = likelihood.predict(cells) * (1 / likelihood.e_lo - 1 / likelihood.e_hi)
    np.testing.assert_allclose(sums, [3, 6, 16], rtol=1e-14)


def test_cells_are_narrow_and_end_at_every_edge(likelihood):
    edges = np.asarray(likelihood.energy_edges)
    assert np.all(np.diff(np.log10(edges)) > 0)
    assert np.all(np.diff(np.log10(edges)) < 0.081)
    for edge in np.union1d(likelihood.e_lo, likelihood.e_hi):
        assert np.abs(edges / edge - 1).min() < 1e-12


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("hese-3yr", [1 / 3, 1 / 3, 1 / 3]),
        ("hese-7.5yr", [1 / 3, 1 / 3, 1 / 3]),
        ("cascades-6yr", [1 / 2, 0, 1 / 2]),
        ("numu-9.5yr", [0, 1, 0]),
    ],
)
def test_each_sample_sees_its_flavors_neutrinos_and_antineutrinos_alike(name, weights):
    likelihood = UnfoldedLikelihood.from_name(name)
    whole = likelihood.predict(power_law(likelihood.energy_edges, 1e-18, 2.3))
    for channel in range(2):
        for flavor, weight in enumerate(weights):
            fluence = np.zeros((2, 3, likelihood.energy_edges.size - 1))
            fluence[channel, flavor] = 2 * power_law(likelihood.energy_edges, 1e-18, 2.3)[0, 0]
            np.testing.assert_allclose(
                likelihood.predict(fluence), weight * whole, rtol=1e-13, atol=1e-30
            )


def chi2_of_bins(likelihood, prediction):
    """2 nll of each bin alone, the others being at their best."""
    best = np.asarray(likelihood.observed)
    alone = np.where(np.eye(best.size, dtype=bool), prediction, best)
    return np.array([2 * float(nll(likelihood, row)) for row in alone])


def test_errors_of_points_are_where_2_delta_lnl_is_one(likelihood):
    points = ~np.asarray(likelihood.is_limit)
    best = likelihood.observed
    assert float(nll(likelihood, best)) == 0
    up = chi2_of_bins(likelihood, best + likelihood.err_plus)
    down = chi2_of_bins(likelihood, best - likelihood.err_minus)
    np.testing.assert_allclose(up[points], 1, rtol=1e-12)
    np.testing.assert_allclose(down[points], 1, rtol=1e-12)


def test_limits_are_linear_and_reach_q_at_the_limit(likelihood):
    limits = np.asarray(likelihood.is_limit)
    level = 2.71 if likelihood.name == "numu-9.5yr" else 1.0
    limit = jnp.where(likelihood.is_limit, likelihood.limit, 0.0)
    for factor in (0.5, 1.0, 7.0):
        values = chi2_of_bins(likelihood, factor * limit)
        np.testing.assert_allclose(values[limits], factor * level, rtol=1e-12)


def test_variance_is_that_of_barlow_until_it_meets_the_floor():
    """chi^2 against the formula, and far from it against the floor of 0.05 s+ s-."""
    likelihood = UnfoldedLikelihood.from_name("hese-3yr")
    points = ~np.asarray(likelihood.is_limit)
    y, minus, plus = (
        np.asarray(values)[points]
        for values in (likelihood.observed, likelihood.err_minus, likelihood.err_plus)
    )
    for factor in (0.0, 0.3, 2.0, 5.0):
        variance = plus * minus + (plus - minus) * (factor - 1) * y
        assert np.all(variance > 0.1 * plus * minus)
        expected = ((factor - 1) * y) ** 2 / variance
        given = chi2_of_bins(likelihood, factor * likelihood.observed)[points]
        np.testing.assert_allclose(given, expected, rtol=1e-12)
    deep = dataclasses.replace(likelihood, err_minus=likelihood.err_plus * 100)
    given = chi2_of_bins(deep, 50 * likelihood.observed)[points]
    np.testing.assert_allclose(given, (49 * y) ** 2 / (0.05 * 100 * plus**2), rtol=1e-12)


def test_gradients_are_finite_and_without_jumps():
    """Across the floor of the variance, in the cascades' bin with errors -0.47 +4.2."""
    likelihood = UnfoldedLikelihood.from_name("cascades-6yr")
    best = likelihood.observed
    [row] = np.flatnonzero(np.isclose(likelihood.e_lo, 464.2e3))
    grid = jnp.linspace(0.0, 2 * best[row], 4001)
    slopes = jax.jit(jax.vmap(jax.grad(lambda m: likelihood.nll(best.at[row].set(m)))))(grid)
    assert np.all(np.isfinite(slopes))
    steps = np.abs(np.diff(np.asarray(slopes)))
    # A jump would be one step far above its neighbors; the bend makes them differ by less.
    assert np.all(steps[1:-1] < 2 * (steps[2:] + steps[:-2]) + 1e-9 * np.abs(slopes).max())
    zero = jax.jit(jax.grad(likelihood.nll))(jnp.zeros_like(best))
    assert np.all(np.isfinite(zero))


def test_gradient_in_the_parameters_of_a_flux():
    likelihood = UnfoldedLikelihood.from_name("hese-7.5yr")
    fluence = power_law(likelihood.energy_edges, 1e-18, 2.4)

    def scaled(norm):
        return nll_of_flux(likelihood, norm * fluence)

    step = 1e-5
    numerical = (scaled(1.3 + step) - scaled(1.3 - step)) / (2 * step)
    assert float(jax.grad(scaled)(1.3)) == pytest.approx(float(numerical), rel=1e-6)


def test_information_is_the_curvature_at_the_best_fit_of_points(likelihood):
    """By central differences with steps of 1e-3 errors, whose squares are what they miss."""
    points = ~np.asarray(likelihood.is_limit)
    best, step = likelihood.observed, 1e-3 * likelihood.err_minus
    around = chi2_of_bins(likelihood, best + step) + chi2_of_bins(likelihood, best - step)
    curvature = 0.5 * around[points] / np.asarray(step)[points] ** 2
    information = np.asarray(likelihood.information(best))[points]
    np.testing.assert_allclose(information, curvature, rtol=1e-5)


def test_information_of_a_limit_is_that_of_a_poisson_count():
    likelihood = UnfoldedLikelihood.from_name("numu-9.5yr")
    limits = np.asarray(likelihood.is_limit)
    prediction = jnp.full(likelihood.observed.shape, 3e-9)
    mean = likelihood.penalty * 3e-9 / (2 * likelihood.limit)  # nll = mean, without events
    expected = mean / 3e-9**2  # (d mean / d m)^2 / mean
    np.testing.assert_allclose(
        likelihood.information(prediction)[limits], expected[limits], rtol=1e-12
    )
    at_zero = likelihood.information(jnp.zeros_like(prediction))
    assert np.all(np.isfinite(at_zero) & (at_zero >= 0))


def test_it_is_a_pytree_and_says_what_it_is(likelihood):
    assert likelihood.qualitative
    assert "qualitative" in repr(likelihood)
    assert likelihood.samples == (likelihood.name,)
    assert likelihood.nuisances == ()
    again = jax.tree.map(lambda leaf: leaf, likelihood)
    assert repr(again) == repr(likelihood)
    traced = []
    jax.jit(lambda item: traced.append(repr(item)))(likelihood)
    assert traced == [f"UnfoldedLikelihood({likelihood.name!r}, <traced>; qualitative)"]


def test_repr_counts_what_is_used():
    assert repr(UnfoldedLikelihood.from_name("numu-9.5yr")) == (
        "UnfoldedLikelihood('numu-9.5yr', 3 points and 1 limit from 15 to 1e+05 TeV; qualitative)"
    )


def test_other_data_take_the_place_of_the_points():
    likelihood = UnfoldedLikelihood.from_name("cascades-6yr")
    truth = likelihood.predict(power_law(likelihood.energy_edges, 1.5e-18, 2.5))
    asimov = likelihood.with_observed(truth)
    points = ~np.asarray(likelihood.is_limit)
    np.testing.assert_array_equal(asimov.observed[points], truth[points])
    assert np.all(asimov.observed[~points] == 0)
    only_limits = 0.5 * np.sum((likelihood.penalty * truth / likelihood.limit)[~points])
    assert float(asimov.nll(truth)) == pytest.approx(float(only_limits), rel=1e-12)
    many = jax.vmap(lambda y: likelihood.with_observed(y).nll(truth))(jnp.stack([truth, 2 * truth]))
    assert many.shape == (2,)
    assert many[0] < many[1]


def test_data_of_another_kind_are_refused():
    likelihood = UnfoldedLikelihood.from_name("hese-3yr")
    with pytest.raises(GridError, match=r"observed has the shape \(3,\)"):
        likelihood.with_observed([1e-8] * 3)
    for bad in (-1e-8, np.nan, np.inf):
        with pytest.raises(ParameterError, match="observed"):
            likelihood.with_observed([bad] * 7)
    with pytest.raises(UnitError, match="observed"):
        likelihood.with_observed(["many"] * 7)


def test_toys_are_refused():
    likelihood = UnfoldedLikelihood.from_name("hese-3yr")
    with pytest.raises(DatasetError, match=r"'hese-3yr' cannot be simulated.*binned sample"):
        likelihood.simulate(likelihood.observed, jax.random.key(0))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("hese-6yr", "confidence level of its limits is not stated"),
        ("glashow-2021", "confidence level of its limits is not stated"),
        ("ehe-2025", "differential limits only"),
    ],
)
def test_spectra_that_cannot_be_fitted(name, why):
    with pytest.raises(DatasetError, match=f"'{name}' cannot be fitted: .*{why}.*numu-9.5yr"):
        UnfoldedLikelihood.from_name(name)


def test_unknown_name_says_what_is_known():
    with pytest.raises(DatasetError, match=r"'hese-4yr'.*did you mean 'hese"):
        UnfoldedLikelihood.from_name("hese-4yr")


def test_32_bit_floats_are_refused():
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(PrecisionError):
            UnfoldedLikelihood.from_name("hese-3yr")
    finally:
        jax.config.update("jax_enable_x64", True)
