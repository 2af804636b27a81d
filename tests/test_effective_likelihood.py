"""The effective likelihood: its defining integral, its limits, its digits and its gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import gammaln

from nuprop.errors import ParameterError
from nuprop.icecube import poisson
from nuprop.icecube.montecarlo import effective_log_likelihood

log_likelihood = jax.jit(effective_log_likelihood)
gradient = jax.jit(jax.grad(effective_log_likelihood, argnums=(1, 2)))
second_derivative = jax.jit(jax.grad(jax.grad(effective_log_likelihood, argnums=1), argnums=1))

COUNTS = (0.0, 1.0, 2.0, 5.0, 20.0)
EXPECTED = (1e-3, 0.3, 4.0, 30.0)


def exact(n, w, w2):
    """For whole n, Gamma(n + a) / Gamma(a) is a product: nothing cancels."""
    a, b = w**2 / w2 + 1.0, w / w2
    product = np.sum(np.log((a + np.arange(int(n))) / (1.0 + b)))
    return product - a * np.log1p(1.0 / b) - gammaln(n + 1.0)


def test_printed_values():
    # Six digits are what was printed for this example.
    assert log_likelihood(5.0, 4.0, 1.6) == pytest.approx(-1.957642, abs=5e-7)
    assert log_likelihood(5.0, 4.0, 0.0) == pytest.approx(-1.856020, abs=5e-7)


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize(("w", "w2"), [(4.0, 1.6), (0.3, 0.09), (0.3, 0.01), (30.0, 20.0)])
def test_it_is_the_poisson_probability_averaged_over_a_gamma_distribution(n, w, w2):
    a, b = w**2 / w2 + 1.0, w / w2
    mean = stats.gamma(a, scale=1.0 / b)
    ends = mean.ppf([1e-14, 1.0 - 1e-14])

    def integrand(mu):
        return stats.poisson.pmf(n, mu) * mean.pdf(mu)

    integral, _ = integrate.quad(integrand, *ends, epsabs=0.0, epsrel=1e-10, limit=200)
    # The tails left out hold 2e-14 of the mean's distribution, where n = 20 may be likelier by
    # many orders: then the integral is small, and only its absolute size is known.
    assert np.exp(log_likelihood(n, w, w2)) == pytest.approx(integral, rel=1e-8, abs=1e-13)


@pytest.mark.parametrize(("w", "w2"), [(4.0, 1.6), (0.3, 0.09), (9.0, 0.01)])
def test_it_is_a_distribution_of_known_mean_and_variance(w, w2):
    n = np.arange(400.0)
    probability = np.exp(log_likelihood(n, w, w2))
    r = w2 / w
    mean = np.sum(n * probability)
    assert np.sum(probability) == pytest.approx(1.0, abs=1e-12)
    assert mean == pytest.approx(w + r, rel=1e-11)
    variance = np.sum((n - mean) ** 2 * probability)
    assert variance == pytest.approx((w + r) * (1.0 + r), rel=1e-10)


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("w", EXPECTED)
def test_no_digits_are_lost_however_many_events_are_simulated(n, w):
    for w2 in w**2 / 10.0 ** np.arange(0.0, 17.0):
        reference = exact(n, w, w2)
        # A few tens of roundings of terms that are not much larger than n ln(n) and 1.
        scale = 1.0 + abs(reference) + n * abs(np.log(w))
        assert log_likelihood(n, w, w2) == pytest.approx(reference, abs=3e-14 * scale)


def test_the_form_of_the_paper_loses_them():
    """What a threshold at w^2/w2 = 1e8 was to hide: more than 1e-7 just before it."""
    n, w, simulated = 20.0, 30.0, 1e8
    a, b = simulated + 1.0, simulated / w
    paper = a * np.log(b) + gammaln(n + a) - gammaln(n + 1) - (n + a) * np.log1p(b) - gammaln(a)
    right = exact(n, w, w**2 / simulated)
    assert abs(paper - right) > 1e-8
    assert log_likelihood(n, w, w**2 / simulated) == pytest.approx(right, abs=1e-12)


@pytest.mark.parametrize("n", COUNTS)
def test_many_simulated_events_give_poisson_linearly(n):
    w = np.array(EXPECTED)
    limit = poisson.log_likelihood(n, w)
    np.testing.assert_allclose(log_likelihood(n, w, 0.0), limit, rtol=1e-13, atol=1e-13)
    first, second = (log_likelihood(n, w, share * w**2) - limit for share in (1e-6, 1e-7))
    # Ten times as many events, a tenth of the difference; the next order is 1e-6 n^2 of it.
    np.testing.assert_allclose(first, 10.0 * second, rtol=1e-3, atol=1e-13)


def test_counts_need_not_be_whole():
    n, w, w2 = 2.7, 4.0, 1.6
    a, b = w**2 / w2 + 1.0, w / w2
    paper = a * np.log(b) + gammaln(n + a) - gammaln(n + 1) - (n + a) * np.log1p(b) - gammaln(a)
    assert log_likelihood(n, w, w2) == pytest.approx(paper, abs=1e-13)


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("w", EXPECTED)
@pytest.mark.parametrize("simulated", [1.0, 30.0, 1e4, 1e9])
def test_gradients_are_those_of_finite_differences(n, w, simulated):
    w2 = w**2 / simulated
    slope_w, slope_w2 = gradient(n, w, w2)
    step = 1e-5
    up, down = (exact(n, w * (1.0 + sign * step), w2) for sign in (1, -1))
    # Central differences: 1e-10 of truncation, and 1e-16 / 1e-5 of the terms' size in rounding.
    size = (1.0 + n + w) / w
    assert slope_w == pytest.approx((up - down) / (2.0 * step * w), rel=1e-7, abs=1e-9 * size)
    if simulated <= 1e4:  # beyond, w2 makes no difference that roundings leave visible
        up, down = (exact(n, w, w2 * (1.0 + sign * step)) for sign in (1, -1))
        expected = (up - down) / (2.0 * step * w2)
        assert slope_w2 == pytest.approx(expected, rel=1e-6, abs=1e-9 * (1.0 + n + w) / w2)


@pytest.mark.parametrize("n", COUNTS)
def test_gradients_go_on_smoothly_to_infinitely_many_events(n):
    w = 4.0
    at, near = gradient(n, w, 0.0), gradient(n, w, 1e-12)
    assert at[0] == pytest.approx(n / w - 1.0, abs=1e-14)
    np.testing.assert_allclose(at, near, rtol=1e-9, atol=1e-9)
    assert second_derivative(n, w, 0.0) == pytest.approx(-n / w**2, abs=1e-13)


def test_an_empty_bin_is_certain_to_hold_nothing():
    assert log_likelihood(0.0, 0.0, 0.0) == 0.0
    assert log_likelihood(1.0, 0.0, 0.0) == -jnp.inf
    assert gradient(0.0, 0.0, 0.0) == (-1.0, 0.0)
    assert np.all(np.isfinite(gradient(3.0, 0.0, 0.0)))


def test_arrays_broadcast_and_compile_to_the_same():
    n, w = np.array(COUNTS)[:, None], np.array(EXPECTED)
    plain = effective_log_likelihood(n, w, 0.1 * w)
    assert plain.shape == (5, 4)
    assert plain.dtype == jnp.float64
    compiled = log_likelihood(n, w, 0.1 * w)
    np.testing.assert_allclose(compiled, plain, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((-1.0, 4.0, 1.0), "n"),
        ((1.0, -4.0, 1.0), "w"),
        ((1.0, 4.0, -1.0), "w2"),
        ((1.0, np.nan, 1.0), "w"),
        ((np.array([1.0, np.inf]), 4.0, 1.0), "n"),
    ],
)
def test_negative_and_undefined_arguments_are_refused(arguments, name):
    with pytest.raises(ParameterError, match=f"^{name} = .*not negative"):
        effective_log_likelihood(*arguments)
