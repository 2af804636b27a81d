"""Posterior: the density against integrals, samples against closed forms, convergence, files."""

import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import stand_ins
from reference.stand_ins import COUPLING, INDEX, NORMALIZATION, Gaussian, analysis, counts
from scipy import stats
from scipy.integrate import quad

import nuprop.plot
from nuprop.errors import DatasetError, FitError, ParameterError
from nuprop.inference import (
    Parameter,
    Posterior,
    asimov,
    log_density,
    nuts,
    objective,
    sample_posterior,
)
from nuprop.inference.files import read_npz, write_npz

#: Two numbers of correlation 0.6, and one that must be positive though 0 is measured.
MATRIX = jnp.array([[1.0, 0.0, 0.0], [-0.75, 1.25, 0.0], [0.0, 0.0, 1.0]])
CENTER = np.array([1.0, -2.0, 0.0])


@pytest.fixture(autouse=True, scope="module")
def _cheap_transport():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective, "cell_averages", stand_ins.cell_averages)
        yield


def gaussian(**options):
    return Gaussian(MATRIX @ CENTER, MATRIX, ("a", "b", "positive"), **options)


@jax.jit
def looked_at(density, u):
    """Values of "a", their slopes and the density at rows of coordinates."""
    slopes = jax.vmap(jax.jacfwd(density.values))(u)["a"][:, 0]
    return density.values(u)["a"], slopes, jax.vmap(density)(u)


_densities = jax.jit(lambda density, u: jax.vmap(density)(u))


class TestLogDensity:
    def test_jacobian(self):
        """Integrated over the coordinate it is the integral of the likelihood over the place."""
        one = Gaussian(jnp.array([2.0]), jnp.array([[0.5]]), ("a",))
        density = log_density(analysis(one))
        value = jax.jit(lambda u: jnp.exp(density(jnp.array([u]))))
        by_u, _ = quad(lambda u: float(value(u)), -30.0, 30.0, epsabs=1e-10)
        by_a, _ = quad(lambda a: np.exp(-0.5 * (2.0 - 0.5 * a) ** 2) / 20.0, -10.0, 10.0)
        assert by_u == pytest.approx(by_a, rel=1e-7)

    def test_prior_is_gaussian_in_the_value_whatever_the_scale(self):
        """The density of the value, with the Jacobian taken out, is N(value) for both scales."""
        blind = Gaussian(jnp.zeros(1), jnp.zeros((1, 1)), ("a",))
        for scale in ("linear", "log"):
            known = Parameter("detector.a", (0.5, 4.0), scale=scale, prior=(2.0, 0.5), start=1.0)
            density = log_density(analysis(blind, known))
            value, slope, logarithm = looked_at(density, jnp.linspace(-2.0, 2.0, 5)[:, None])
            per_value = np.exp(logarithm) / slope
            expected = stats.norm(2.0, 0.5).pdf(value)
            np.testing.assert_allclose(per_value / per_value[0], expected / expected[0], rtol=1e-9)

    def test_table_agrees_with_propagation(self):
        density = log_density(asimov(analysis(counts(), NORMALIZATION, INDEX)))
        assert density.table is not None
        rows = density.start + jnp.array([[0.0, 0.0, 0.0], [0.3, -0.5, 0.4], [-1.0, 0.5, 0.0]])
        plain = _densities(replace(density, table=None), rows)
        np.testing.assert_allclose(_densities(density, rows), plain, rtol=1e-9)

    def test_several_shapes_are_propagated(self):
        density = log_density(asimov(analysis(counts(), INDEX, COUPLING)))
        assert density.table is None
        assert density.names == ("index", "coupling", "efficiency")
        u = density.start + 0.1
        both = jax.jit(jax.value_and_grad(density))
        gradient = both(u)[1]
        for k in range(3):
            step = 1e-5 * jnp.eye(3)[k]
            slope = float(both(u + step)[0] - both(u - step)[0]) / 2e-5
            assert float(gradient[k]) == pytest.approx(slope, rel=1e-6)

    def test_start_and_values(self):
        at_bound = Parameter("mediator.coupling", (0.0, 0.01), start=0.0)
        density = log_density(analysis(counts(), INDEX, at_bound))
        assert np.all(np.isfinite(density.start))
        values = density.values(jnp.stack([density.start] * 4).reshape(2, 2, -1))
        assert values["index"].shape == (2, 2)
        np.testing.assert_allclose(values["index"], 2.0, rtol=1e-12)
        np.testing.assert_allclose(values["coupling"], 1e-8, rtol=1e-6)  # off the bound

    def test_nothing_free(self):
        with pytest.raises(FitError, match="every parameter is fixed"):
            log_density(analysis(gaussian()).fixed(a=1.0, b=1.0, positive=1.0))

    def test_not_finite(self):
        density = log_density(analysis(gaussian(broken=True)))
        assert float(density(density.start)) == -np.inf


@pytest.fixture(scope="module")
def sampled():
    pytest.importorskip("blackjax")
    return sample_posterior(analysis(gaussian()), warmup=300, draws=1000, seed=3, progress=False)


class TestSamples:
    def test_moments(self, sampled):
        """Closed forms: a bivariate Gaussian, and a half one."""
        assert sampled.converged, sampled.problems()
        covariance = np.linalg.inv(np.asarray(MATRIX.T @ MATRIX))
        a, b, positive = (sampled.flat(name) for name in ("a", "b", "positive"))
        for draws, mean, variance, ess in (
            (a, 1.0, covariance[0, 0], sampled.ess["a"]),
            (b, -2.0, covariance[1, 1], sampled.ess["b"]),
        ):
            assert draws.mean() == pytest.approx(mean, abs=4 * (variance / ess) ** 0.5)
            assert draws.var() == pytest.approx(variance, rel=4 * (2 / ess) ** 0.5)
        correlation = covariance[0, 1] / (covariance[0, 0] * covariance[1, 1]) ** 0.5
        assert np.corrcoef(a, b)[0, 1] == pytest.approx(correlation, abs=0.06)
        half = stats.halfnorm()
        least = 4 / sampled.ess["positive"] ** 0.5
        assert positive.mean() == pytest.approx(half.mean(), abs=least * half.std())
        assert np.mean(positive < half.median()) == pytest.approx(0.5, abs=0.5 * least)
        assert positive.min() > 0.0

    def test_what_it_carries(self, sampled):
        assert sampled.names == ("a", "b", "positive")
        assert sampled.samples["a"].shape == sampled.log_density.shape == (4, 1000)
        assert sampled.divergences.tolist() == [0, 0, 0, 0]
        assert np.all((sampled.acceptance > 0.6) & (sampled.acceptance <= 1.0))
        assert np.all((sampled.steps >= 1.0) & (sampled.steps < 20.0))
        assert 400.0 < sampled.ess["a"] < 12000.0
        best = np.unravel_index(np.argmax(sampled.log_density), (4, 1000))
        assert sampled.samples["a"][best] == pytest.approx(1.0, abs=0.5)
        summary = sampled.summary()["b"]
        assert summary["5%"] < summary["median"] < summary["95%"]
        assert summary["median"] == pytest.approx(-2.0, abs=0.15)
        text = repr(sampled)
        assert "converged   yes" in text
        assert "4 chains of 1000, after 300 of warmup, seed 3" in text

    def test_same_seed_same_draws(self):
        pytest.importorskip("blackjax")
        options = {"chains": 2, "warmup": 20, "draws": 10, "progress": False}
        first, again, other = (
            sample_posterior(analysis(gaussian()), seed=seed, **options) for seed in (1, 1, 2)
        )
        for name in first.names:
            assert np.array_equal(first.samples[name], again.samples[name])
            assert not np.any(first.samples[name] == other.samples[name])
        assert first.samples["a"].shape == (2, 10)
        assert not first.converged

    @pytest.mark.slow
    def test_all_chains_in_one_program(self, sampled, monkeypatch):
        monkeypatch.setattr(nuts.jax, "default_backend", lambda: "gpu")
        other = sample_posterior(
            analysis(gaussian()), warmup=300, draws=1000, seed=4, progress=False
        )
        assert other.converged, other.problems()
        for name in ("a", "b", "positive"):
            spread = sampled.flat(name).std() / sampled.ess[name] ** 0.5
            assert other.flat(name).mean() == pytest.approx(
                sampled.flat(name).mean(), abs=6 * spread
            )

    @pytest.mark.slow
    def test_counts(self):
        """Of a power law with a dip: the truth lies in the middle, errors are those of a fit."""
        pytest.importorskip("blackjax")
        this = asimov(analysis(counts(), NORMALIZATION, INDEX, COUPLING))
        found = sample_posterior(this, warmup=300, draws=500, acceptance=0.95, progress=False)
        assert found.converged, found.problems()
        assert found.names == ("normalization", "index", "coupling", "efficiency")
        assert np.all(found.acceptance > 0.85)
        assert found.units["normalization"] == "1 / (GeV cm2 s sr)"
        summary = found.summary()
        assert summary["index"]["mean"] == pytest.approx(2.0, abs=0.3 * summary["index"]["sd"])
        assert summary["coupling"]["mean"] == pytest.approx(4e-3, abs=3e-4)
        assert summary["efficiency"]["sd"] == pytest.approx(0.1, rel=0.1)  # its prior

    def test_never_finite(self, monkeypatch):
        pytest.importorskip("blackjax")
        stuck = np.full((2, nuts.BLOCK), -1e10)
        block = nuts.Draws(np.zeros((2, nuts.BLOCK, 3)), stuck, stuck < 0.0, stuck, stuck)
        monkeypatch.setattr("nuprop.inference.posterior.walk", lambda *given: [block])
        with pytest.raises(FitError, match="never found a finite likelihood"):
            sample_posterior(analysis(gaussian()), chains=2, warmup=20, draws=5, progress=False)

    def test_faults(self, monkeypatch):
        this = analysis(gaussian())
        for name, value in (
            ("chains", 1),
            ("chains", 4.0),
            ("warmup", 19),
            ("draws", True),
            ("draws", 3),
            ("seed", -1),
            ("seed", None),
        ):
            with pytest.raises(ParameterError, match=f"{name} = .*a whole number of at least"):
                sample_posterior(this, **{name: value})
        for acceptance in (0.4, 1.0, 1, "0.8", np.nan):
            with pytest.raises(ParameterError, match=r"acceptance = .*from 0\.5 to 0\.99"):
                sample_posterior(this, acceptance=acceptance)
        with pytest.raises(FitError, match="every parameter is fixed"):
            sample_posterior(this.fixed(a=1.0, b=1.0, positive=1.0))
        monkeypatch.setitem(sys.modules, "blackjax", None)
        with pytest.raises(FitError, match=r"pip install 'nuprop\[bayes\]'"):
            sample_posterior(this)


def made_up(**fields):
    rng = np.random.default_rng(0)
    defaults = {
        "samples": {"index": rng.normal(2.5, 0.1, (2, 50)), "mass": rng.uniform(1, 2, (2, 50))},
        "log_density": rng.normal(size=(2, 50)),
        "units": {"index": "", "mass": "GeV"},
        "logarithmic": ("mass",),
        "divergences": np.array([0, 0]),
        "acceptance": np.array([0.8, 0.9]),
        "steps": np.array([7.0, 15.0]),
        "r_hat": {"index": 1.001, "mass": 1.002},
        "ess": {"index": 500.0, "mass": 600.0},
        "warmup": 100,
        "seed": 7,
        "about": {"data": ["hese-7.5yr"]},
    }
    return Posterior(**(defaults | fields))


class TestPosterior:
    def test_convergence(self):
        assert made_up().converged
        cases = {
            "R-hat of mass is 1.010": {"r_hat": {"index": 1.0, "mass": 1.01}},
            "R-hat of index is nan": {"r_hat": {"index": np.nan, "mass": 1.0}},
            "ESS of index is 400": {"ess": {"index": 400.0, "mass": 600.0}},
            "3 trajectories diverged: raise `acceptance`": {"divergences": np.array([1, 2])},
        }
        for problem, fields in cases.items():
            bad = made_up(**fields)
            assert bad.problems() == [problem]
            assert not bad.converged
            assert f"converged   no: {problem}" in repr(bad)

    def test_files(self, tmp_path):
        first = made_up()
        again = Posterior.load(first.save(tmp_path / "posterior.npz"))
        for name in first.names:
            assert np.array_equal(first.samples[name], again.samples[name])
        assert np.array_equal(first.log_density, again.log_density)
        assert again.logarithmic == ("mass",)
        assert again.divergences.dtype.kind == "i"
        assert repr(first) == repr(again)

    def test_bad_files(self, tmp_path):
        path = made_up().save(tmp_path / "posterior.npz")
        meta, arrays = read_npz(path)
        write_npz(tmp_path / "other.npz", meta | {"format": "a cake"}, arrays)
        with pytest.raises(DatasetError, match="its format is 'a cake'"):
            Posterior.load(tmp_path / "other.npz")
        del arrays["sample:mass"]
        write_npz(tmp_path / "less.npz", meta, arrays)
        with pytest.raises(DatasetError, match="'sample:mass' is missing"):
            Posterior.load(tmp_path / "less.npz")
        with pytest.raises(FileNotFoundError):
            Posterior.load(tmp_path / "none.npz")

    def test_unknown_name(self):
        with pytest.raises(ParameterError, match="did you mean 'index'"):
            made_up().flat("indx")

    def test_plot(self, monkeypatch):
        calls = []
        monkeypatch.setattr(
            nuprop.plot, "plot_corner", lambda *given, **options: calls.append((given, options))
        )
        made_up().plot("corner.png", truths={"index": 2.5})
        (samples, path), options = calls[0]
        assert samples["mass"].shape == (100,)
        assert path == "corner.png"
        assert options["truths"] == {"index": 2.5}
        assert options["logarithmic"] == ("mass",)
        assert options["units"]["mass"] == "GeV"
        assert options["about"] == {"data": ["hese-7.5yr"]}
