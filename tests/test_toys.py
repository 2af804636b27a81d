"""Asimov data, goodness of fit, calibrated thresholds and significances, on stand-ins."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import stand_ins
from reference.stand_ins import COUPLING, EDGES, INDEX, MASS, NORMALIZATION, analysis, counts
from scipy import stats

import nuprop
from nuprop.errors import DatasetError, FitError, ParameterError
from nuprop.icecube import UnfoldedLikelihood, poisson, sample
from nuprop.inference import (
    Analysis,
    FitResult,
    FitStatus,
    Parameter,
    asimov,
    calibrate,
    ensemble,
    fit,
    goodness_of_fit,
    objective,
    profile,
    significance,
)
from nuprop.inference.ensemble import Refits, quantile, saturated_nll, tail, usable
from nuprop.inference.grid import grid
from nuprop.inference.hypotheses import on_grid
from nuprop.inference.scoring import Optimum, minimize
from nuprop.transport import cell_averages

N_BINS = EDGES.size - 1


@pytest.fixture(autouse=True, scope="module")
def _cheap_transport():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective, "cell_averages", stand_ins.cell_averages)
        yield


def power_law(**options):
    """A power law with two free parameters, and a nuisance with a prior."""
    return analysis(counts(**options), NORMALIZATION, INDEX)


_minimize = jax.jit(minimize)


def quick_fit(this):
    """Fit from one start, without what `fit` finds out beyond the minimum: it compiles faster."""
    problem = this.objective()
    found = _minimize(problem, objective.start_of(problem))
    assert found.converged
    values = np.asarray(objective.with_free(problem, found.x)).tolist()
    return FitResult(
        analysis=this,
        values={p.name: value for p, value in zip(this.parameters, values, strict=True)},
        errors={},
        nll=float(found.nll),
        status=FitStatus.CONVERGED,
        message="",
        covariance=np.empty((0, 0)),
        hessian=np.empty((0, 0)),
        at_bounds=(),
        flat_directions=(),
        starts=np.array([]),
        minimizer="",
        place=np.asarray(found.x),
    )


@pytest.fixture(scope="module")
def asimov_fit():
    return quick_fit(asimov(power_law()))


@pytest.fixture(scope="module")
def many_toys(asimov_fit):
    return goodness_of_fit(asimov_fit, toys=1000, seed=1, progress=False)


class TestAsimov:
    def test_fit_gives_the_truth_back(self):
        truth = {"normalization": 2e-18, "index": 2.4, "efficiency": 1.1}
        made = asimov(power_law(), **truth)
        found = quick_fit(made._with(made.parameter("index")._changed(start=2.0)))
        for name, value in truth.items():  # ln L is flat to 1e-8 within 1e-4 of an error of 10 %
            assert found.values[name] == pytest.approx(value, rel=1e-4, abs=0.0)
        assert found.nll == pytest.approx(float(saturated_nll(found.analysis.data[0])), abs=1e-6)

    def test_start_values_are_true_unless_told(self):
        made = asimov(power_law(), index=2.4)
        starts = {parameter.name: parameter.start for parameter in made.parameters}
        assert starts == {"normalization": 1.5e-18, "index": 2.4, "efficiency": 1.0}
        assert made.names == power_law().names

    def test_fixed_values_and_priors_move(self):
        made = asimov(power_law().fixed(index=2.0), index=2.5, efficiency=1.2)
        assert made.parameter("index").fixed
        assert made.parameter("index").start == 2.5
        assert made.parameter("efficiency").mean == 1.2

    def test_without_interaction(self):
        this = analysis(counts(), COUPLING, INDEX)
        made = asimov(this, interaction=False)
        assert made.names == this.names
        null = asimov(this.without_interaction())
        assert np.array_equal(made.data[0].observed, null.data[0].observed)
        assert made.data[0].observed[5] > 1.1 * asimov(this).data[0].observed[5]

    def test_predictions_that_carry_their_errors(self):
        plain, carrying = asimov(power_law()), asimov(power_law(with_errors=True))
        assert carrying.data[0].observed.shape == (N_BINS,)
        assert np.array_equal(plain.data[0].observed, carrying.data[0].observed)

    def test_binned_sample(self):
        this = analysis(sample("hese-7.5yr"), INDEX)
        assert float(jnp.sum(asimov(this, index=3.0).data[0].observed)) > 1.0

    def test_faults(self):
        with pytest.raises(ParameterError, match=r"'indx'.*did you mean 'index'"):
            asimov(power_law(), indx=2.0)
        with pytest.raises(ParameterError, match="from 1 to 4"):
            asimov(power_law(), index=5.0)
        points = analysis(UnfoldedLikelihood.from_name("hese-7.5yr"), INDEX)
        with pytest.raises(FitError, match=r"5 of the points of 'hese-7.5yr' are limits"):
            asimov(points)


class TestGoodnessOfFit:
    @pytest.mark.slow
    def test_statistic_is_deviance_and_pulls(self):
        rng = np.random.default_rng(3)
        made = asimov(power_law())
        data = made.data[0].with_observed(rng.poisson(made.data[0].observed))
        found = quick_fit(made.with_data(data))
        judged = goodness_of_fit(found, toys=10, progress=False)
        fluence = objective.fluences(found.best_analysis.objective(), _all_values(found))[0]
        scale = found.values["normalization"] / 1.5e-18
        mean = data.predict(scale * fluence, {"efficiency": found.values["efficiency"]})
        deviance = float(jnp.sum(poisson.deviance(data.observed, mean)))
        pull = (found.values["efficiency"] - 1.0) / 0.1
        assert judged.statistic == pytest.approx(deviance + pull**2, rel=1e-9)

    def test_chi_squared_for_large_counts(self, many_toys):
        assert many_toys.degrees == N_BINS + 1 - 3
        assert many_toys.failed == 0
        chi2 = stats.chi2(many_toys.degrees)
        # 7 to 10000 counts in a bin: chi^2 up to a few percent, which 1000 toys do not see
        assert stats.kstest(many_toys.toys, chi2.cdf).pvalue > 0.01
        assert many_toys.toys.mean() == pytest.approx(chi2.mean(), abs=4 * chi2.std() / 1000**0.5)
        assert many_toys.toys.var() == pytest.approx(chi2.var(), rel=0.25)

    def test_asimov_fits_perfectly(self, many_toys):
        assert many_toys.statistic == pytest.approx(0.0, abs=1e-6)
        assert many_toys.p_value == 1.0
        assert many_toys.p_error == 0.0

    def test_bad_fit(self, asimov_fit):
        data = asimov_fit.analysis.data[0]
        wild = data.with_observed(data.observed * np.where(np.arange(N_BINS) % 2, 0.7, 1.3))
        judged = goodness_of_fit(quick_fit(asimov_fit.analysis.with_data(wild)), toys=99)
        assert judged.statistic > 500.0
        assert judged.p_value == 0.01
        assert "p-value     0.010 +- 0.010 (99 toys, seed 0)" in repr(judged)

    def test_same_seed_same_toys(self, asimov_fit):
        first = goodness_of_fit(asimov_fit, toys=30, seed=5, progress=False)
        more = goodness_of_fit(asimov_fit, toys=50, seed=5, progress=False)
        other = goodness_of_fit(asimov_fit, toys=30, seed=6, progress=False)
        assert np.array_equal(first.toys, more.toys[:30])
        assert not np.any(first.toys == other.toys)

    def test_p_values_are_uniform(self):
        """Of data made by the model; few counts, where chi^2 would not do."""
        made = asimov(power_law(exposure=3e14, background=0.3))
        rng = np.random.default_rng(8)
        p_values = []
        for number in range(25):
            data = made.data[0].with_observed(rng.poisson(made.data[0].observed))
            start = made.parameter("efficiency")._changed(mean=rng.normal(1.0, 0.1))
            found = quick_fit(made.with_data(data)._with(start))
            judged = goodness_of_fit(found, toys=60, seed=number, progress=False)
            p_values.append(judged.p_value)
        assert stats.kstest(p_values, "uniform").pvalue > 0.02

    @pytest.mark.slow
    def test_propagates_where_several_parameters_shape_the_flux(self):
        this = asimov(analysis(counts(), NORMALIZATION, INDEX, COUPLING))
        judged = goodness_of_fit(quick_fit(this), toys=40, progress=False)
        assert judged.degrees == N_BINS + 1 - 4
        assert judged.toys.mean() == pytest.approx(judged.degrees, abs=4 * (2 * 9 / 40) ** 0.5)

    @pytest.mark.slow
    def test_prior_of_what_is_held_does_not_count(self, asimov_fit):
        held = asimov_fit.analysis.fixed(efficiency=1.3)
        data = held.data[0]
        held = held.with_data(data.with_observed(1.3 * (data.observed - 3.0) + 3.0))
        judged = goodness_of_fit(quick_fit(held), toys=10, progress=False)
        assert judged.degrees == N_BINS - 2
        assert judged.statistic == pytest.approx(0.0, abs=1e-6)  # the pull is 3

    @pytest.mark.slow
    def test_prediction_that_carries_its_errors(self):
        judged = [
            goodness_of_fit(quick_fit(asimov(power_law(with_errors=kind))), toys=10, progress=False)
            for kind in (False, True)
        ]
        np.testing.assert_allclose(judged[0].toys, judged[1].toys, rtol=1e-9)

    def test_faults(self, asimov_fit):
        for toys in (9, 0, True, 50.0, "many"):
            with pytest.raises(ParameterError, match=r"toys = .*at least 10"):
                goodness_of_fit(asimov_fit, toys=toys)
        for seed in (-1, 2**32, 1.5, None):
            with pytest.raises(ParameterError, match="seed = "):
                goodness_of_fit(asimov_fit, seed=seed)
        failed = replace(asimov_fit, status=FitStatus.NONFINITE, message="nothing is finite")
        with pytest.raises(FitError, match="no best fit to judge: nothing is finite"):
            goodness_of_fit(failed)
        points = analysis(UnfoldedLikelihood.from_name("hese-7.5yr"), NORMALIZATION)
        fitted = replace(asimov_fit, analysis=points)
        with pytest.raises(DatasetError, match="cannot be simulated"):
            goodness_of_fit(fitted, toys=10)


def _all_values(found):
    return jnp.array([found.values[parameter.name] for parameter in found.analysis.parameters])


@pytest.fixture(scope="module")
def with_dip():
    """Data with a dip 4e-3 deep in the coupling, known to 8e-4: no boundary is near."""
    return asimov(analysis(counts(), NORMALIZATION, INDEX, COUPLING, MASS))


class TestCalibrate:
    @pytest.mark.slow
    def test_wilks_where_all_is_regular(self, with_dip):
        found = calibrate(
            with_dip,
            {"coupling": 4e-3, "mass": "11 MeV"},
            axis=np.linspace(1.2e-3, 7e-3, 30),
            toys=600,
            progress=False,
        )
        # steps of a quarter of the error leave 0.016 of TS at most between them
        assert found.toys.mean() == pytest.approx(1.0, abs=4 * (2 / 600) ** 0.5)
        for level, density in ((0.90, 0.0627), (0.95, 0.0299)):  # of chi^2 at its quantiles
            scatter = (level * (1 - level) / 600) ** 0.5
            above = np.mean(found.toys > found.wilks[level])
            assert above == pytest.approx(1 - level, abs=4 * scatter)
            assert found.thresholds[level] == np.quantile(found.toys, level)
            assert found.thresholds[level] == pytest.approx(
                found.wilks[level], abs=4 * scatter / density
            )
            assert found.threshold_errors[level] == pytest.approx(scatter / density, rel=0.7)
        assert found.observed == pytest.approx(0.0, abs=1e-6)
        assert found.p_value == 1.0
        assert found.truth["index"] == pytest.approx(2.0, abs=1e-6)
        assert found.truth["mass"] == pytest.approx(0.011)
        assert not found.excluded(0.9)

    @pytest.mark.slow
    def test_half_of_chernoff_at_the_boundary(self):
        this = asimov(analysis(counts(), NORMALIZATION, INDEX, COUPLING, MASS), interaction=False)
        found = calibrate(
            this,
            {"coupling": 0.0, "mass": "11 MeV"},
            axis=np.linspace(0.0, 3e-3, 31),
            toys=1000,
            progress=False,
        )
        # half of the toys would like a negative coupling, and 2.5 % one below half a step;
        # binomial scatter 0.016
        assert np.mean(found.toys < 1e-6) == pytest.approx(0.525, abs=0.06)
        expected = stats.chi2(1).ppf(0.8)  # 1.64
        error = found.threshold_errors[0.9]
        assert found.thresholds[0.9] == pytest.approx(expected, abs=3 * error + 0.02)
        assert found.wilks[0.9] == pytest.approx(2.706, abs=1e-3)

    def test_disfavored_point(self, with_dip):
        point = {"coupling": 2e-3, "mass": 11e-3}
        axis = np.linspace(1e-3, 7e-3, 13)
        tested = calibrate(with_dip, point, axis=axis, toys=100, progress=False)
        assert tested.observed > 5.0
        assert tested.p_value < 0.05
        assert tested.excluded(0.9)
        assert tested.wilks_p_value == pytest.approx(stats.chi2(1).sf(tested.observed))
        assert "along coupling (13 values)" in repr(tested)

    def test_tested_value_competes_off_the_axis(self, with_dip):
        found = calibrate(
            with_dip,
            {"mass": "11 MeV", "coupling": 4.05e-3},
            axis=[1e-3, 8e-3],
            level=0.9,
            toys=50,
            progress=False,
        )
        assert found.observed == pytest.approx(0.0, abs=1e-6)
        assert found.point == {"mass": 0.011, "coupling": 4.05e-3}
        assert list(found.thresholds) == [0.9]

    def test_same_seed_same_toys(self, with_dip):
        options = {"axis": 5, "toys": 100, "progress": False}
        point = {"coupling": 3e-3, "mass": "11 MeV"}
        first, again = (calibrate(with_dip, point, **options) for _ in range(2))
        other = calibrate(with_dip, point, seed=1, **options)
        assert np.array_equal(first.toys, again.toys)
        assert not np.array_equal(first.toys, other.toys)

    @pytest.mark.slow
    def test_tests_a_nuisance_against_its_prior(self):
        this = asimov(power_law()).fixed(normalization=1.5e-18, index=2.0)
        found = calibrate(
            this,
            {"efficiency": 1.0},
            along="efficiency",
            axis=np.linspace(0.96, 1.04, 41),
            toys=400,
            progress=False,
        )
        error = found.threshold_errors[0.9]
        assert found.thresholds[0.9] == pytest.approx(2.706, abs=3 * error)
        made = grid(this, {"efficiency": 3}, 0, 0)
        hypotheses, _ = on_grid(made, made.points(), "test")
        assert hypotheses.values.shape[0] == 3  # no interaction is no competitor here
        assert np.all(np.asarray(hypotheses.sigma)[:, -1] == 0.1)

    @pytest.mark.slow
    def test_null_without_a_coupling_of_its_own(self, with_dip):
        """A transformed coupling reaches no interaction through the analysis without a mediator."""
        logarithm = Parameter(
            "mediator.coupling", (-4.0, -2.0), name="log", transform=lambda x: 10.0**x
        )
        other = asimov(analysis(counts(), NORMALIZATION, INDEX, logarithm, MASS), log=-2.4)
        axis = np.linspace(-2.9, -2.1, 5)
        made = calibrate(
            other, {"log": -2.5, "mass": 0.011}, along="log", axis=axis, toys=100, progress=False
        )
        plain = asimov(with_dip, coupling=10**-2.4)
        same = calibrate(
            plain, {"coupling": 10**-2.5, "mass": 0.011}, axis=10**axis, toys=100, progress=False
        )
        assert made.observed == pytest.approx(same.observed, abs=1e-6)
        np.testing.assert_allclose(made.toys, same.toys, atol=1e-5)

    def test_faults(self, with_dip):
        point = {"coupling": 4e-3, "mass": "11 MeV"}
        with pytest.raises(ParameterError, match=r"'coupling': one of the tested values, mass"):
            calibrate(with_dip, {"mass": "11 MeV"})
        with pytest.raises(ParameterError, match="did you mean 'mass'"):
            calibrate(with_dip, {"coupling": 4e-3, "mas": "11 MeV"})
        with pytest.raises(ParameterError, match=r"from 0 to 0\.01"):
            calibrate(with_dip, {"coupling": 1.0})
        for nothing in ({}, 3e-3, None):
            with pytest.raises(ParameterError, match="values by name"):
                calibrate(with_dip, nothing)
        for level in (90, 1.0, 0.0, True, "0.9", np.nan):
            with pytest.raises(ParameterError, match="level = "):
                calibrate(with_dip, point, level=level)
        with pytest.raises(ParameterError, match="toys = 499: a whole number of at least 500"):
            calibrate(with_dip, point, level=(0.9, 0.99), toys=499)
        with pytest.raises(ParameterError, match="strictly rising"):
            calibrate(with_dip, point, axis=[3e-3, 2e-3])
        with pytest.raises(FitError, match=r"index, mass would be refitted.*analysis.fixed"):
            calibrate(with_dip, {"coupling": 4e-3})
        found = calibrate(with_dip, point, axis=3, level=0.5, toys=10, progress=False)
        with pytest.raises(ParameterError, match=r"calibrated are 0\.5"):
            found.excluded(0.9)

    def test_refuses_a_bad_interpolation(self):
        cutoff = Parameter("source.spectrum.cutoff", ("10 TeV", "10 PeV"), scale="log")
        this = analysis(counts(), COUPLING, cutoff, cutoff="1 PeV")
        with pytest.raises(FitError, match=r"errors up to .*narrow the bounds"):
            calibrate(asimov(this), {"coupling": 4e-3}, axis=3)


class TestSignificance:
    def test_strong_dip(self, with_dip):
        coupling = np.linspace(1e-3, 7e-3, 13)
        axes = {"coupling": coupling, "mass": [7e-3, 11e-3, 15e-3]}
        found = significance(with_dip, axes, toys=60, progress=False)
        assert found.observed > 15.0
        assert found.best == {"coupling": 4e-3, "mass": 11e-3}
        assert found.p_value == pytest.approx(1 / 61)
        assert found.local_p_value < 1e-4
        assert found.z_score == pytest.approx(stats.norm.isf(1 / 61))

    @pytest.mark.slow
    def test_agrees_with_profile(self, with_dip):
        coupling = np.linspace(1e-3, 7e-3, 13)
        axes = {"coupling": coupling, "mass": [7e-3, 11e-3, 15e-3]}
        profiled = profile(with_dip, axes, progress=False)
        found = significance(with_dip, axes, toys=20, progress=False)
        assert found.observed == pytest.approx(profiled.gain, abs=1e-4)
        at = int(np.argmin(abs(coupling - 2e-3)))
        point = {"coupling": coupling[at], "mass": 11e-3}
        tested = calibrate(with_dip, point, axis=coupling, toys=100, progress=False)
        assert tested.observed == pytest.approx(profiled.ts("raster")[at, 1], abs=1e-4)

    @pytest.mark.slow
    def test_looking_elsewhere(self):
        """Gains of toys without interaction exceed those at one mass, which are half chi^2."""
        this = asimov(analysis(counts(), NORMALIZATION, INDEX, COUPLING, MASS), interaction=False)
        coupling = np.linspace(0.0, 3.5e-3, 15)
        one, many = (
            significance(this, {"coupling": coupling, "mass": mass}, toys=200, progress=False)
            for mass in ([0.011], [5e-3, 7e-3, 9e-3, 11e-3, 14e-3, 18e-3, 24e-3])
        )
        for found in (one, many):
            assert found.observed == pytest.approx(0.0, abs=1e-6)
            assert found.best == {}
            assert found.p_value == found.local_p_value == 1.0
            assert np.all(found.toys > -1e-6)
        assert np.mean(one.toys < 1e-6) == pytest.approx(0.5, abs=0.14)  # scatter 0.035
        assert np.all(many.toys >= one.toys - 1e-6)  # the same toys
        assert np.quantile(one.toys, 0.9) == pytest.approx(1.64, abs=0.8)  # scatter 0.2
        assert np.quantile(many.toys, 0.9) > 1.64 + 0.8
        assert "at no interaction" in repr(many)

    def test_faults(self, with_dip):
        with pytest.raises(FitError, match=r"none of index belongs to the mediator"):
            significance(with_dip, {"index": 3})
        with pytest.raises(FitError, match="index, mass would be refitted"):
            significance(with_dip, {"coupling": 3})
        with pytest.raises(ParameterError, match="toys = 5"):
            significance(with_dip, {"coupling": 3, "mass": 3}, toys=5)
        with pytest.raises(ParameterError, match="did you mean 'coupling'"):
            significance(with_dip, {"couplings": 3})


class TestToys:
    def test_fit_of_the_data_that_does_not_converge(self, with_dip, monkeypatch):
        found = Refits(np.array([[np.nan, 3.0]]), np.zeros((1, 2, 1)), np.array([[False, True]]), 0)
        monkeypatch.setattr(ensemble, "fitted_data", lambda *given: found)
        with pytest.raises(FitError, match="under the tested hypothesis did not converge"):
            ensemble.compared(None, None, 0, toys=10, seed=0, what="test", progress=False)

    def test_rises_above_what_is_finite(self):
        found = Refits(
            nll=np.array([[5.0, np.nan, 3.0], [5.0, 6.0, 7.0], [np.nan, 1.0, 2.0]]),
            x=np.zeros((3, 3, 1)),
            converged=np.array([[True, False, True], [True, True, True], [False, True, True]]),
            saturated=np.zeros(3),
        )
        assert found.rises(0).tolist() == [4.0, 0.0, np.inf]
        assert found.good(0).tolist() == [True, True, False]

    def test_nearly_converged_is_good_enough(self):
        """A flat direction in which a fit creeps; a steep one that a fit has not followed."""
        x, curvature = jnp.array([0.4, 1.0]), jnp.diag(jnp.array([1e-6, 100.0]))

        def near(*gradient, nll=3.0):
            found = Optimum(x, nll, jnp.array(gradient), curvature, 60, jnp.array(False))
            return bool(ensemble._near(found))

        assert near(1e-3, 0.1)
        assert near(1e-3, -50.0)  # held at its bound
        assert not near(0.2, 0.0)  # over the range it may gain 0.02
        assert not near(0.0, 2.0)
        assert not near(0.0, 0.0, nll=jnp.inf)

    def test_toys_left_out(self):
        rows, good = np.arange(20.0), np.arange(20) != 7
        kept, failed = usable(rows, good, "test")
        assert failed == 1
        assert 7.0 not in kept
        with pytest.raises(FitError, match="test: the fits of 2 of 20 toys did not converge"):
            usable(rows, good & (np.arange(20) != 8), "test")

    def test_p_value_counts_the_data(self):
        p, error = tail(np.arange(1.0, 100.0), 95.0)
        assert p == 0.06  # 95 to 99, and the data, of 100
        assert error == pytest.approx((0.06 * 0.94 / 99) ** 0.5)
        assert tail(np.zeros(99), 1.0)[0] == 0.01
        assert tail(np.zeros(99), 0.0) == (1.0, 0.0)

    def test_quantile_and_its_scatter(self):
        """The error is how far quantiles of independent sets of toys scatter."""
        rng = np.random.default_rng(0)
        sets = [quantile(rng.chisquare(1, 500), 0.9) for _ in range(300)]
        values, errors = np.array(sets).T
        assert values.mean() == pytest.approx(2.706, abs=0.05)
        assert errors.mean() == pytest.approx(values.std(), rel=0.15)


@pytest.mark.slow
def test_hese(monkeypatch):
    """With the real transport and HESE of 7.5 years: everything that stand-ins stood for."""
    monkeypatch.setattr(objective, "cell_averages", cell_averages)
    jax.clear_caches()
    this = Analysis(
        sample("hese-7.5yr"),
        nuprop.Source("yuksel-2008"),
        nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4),
        nuprop.Neutrinos("0.08 eV"),
        nuprop.Relics(thermal=False),
        parameters=[
            NORMALIZATION,
            INDEX,
            Parameter("mediator.coupling", (1e-5, 1e-2), scale="log"),
            Parameter("mediator.mass", ("3 MeV", "40 MeV"), scale="log"),
        ],
    )
    null = this.without_interaction()
    back = quick_fit(asimov(null, index=2.5))
    assert back.values["index"] == pytest.approx(2.5, abs=2e-4)  # a thousandth of its error
    judged = goodness_of_fit(fit(null, progress=False), toys=200, progress=False)
    assert 0.05 < judged.p_value < 0.95
    point = {"coupling": 1e-3, "mass": "10 MeV"}
    found = calibrate(this, point, axis=9, toys=100, progress=False)
    assert found.interpolation_error < 1e-4
    profiled = profile(this.fixed(mass="10 MeV"), {"coupling": 9}, progress=False)
    exact = float(np.interp(np.log(1e-3), np.log(profiled.axes["coupling"]), profiled.ts("raster")))
    assert found.observed == pytest.approx(exact, abs=0.3)  # interpolated between 9 couplings
    searched = significance(this, {"coupling": 4, "mass": 4}, toys=40, progress=False)
    assert searched.observed >= 0.0
