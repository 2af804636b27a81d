"""Parameters, best fits and profile likelihoods: known answers, published fits, faults."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import nuprop
from nuprop.errors import DatasetError, FitError, ParameterError, UnitError
from nuprop.icecube import UnfoldedLikelihood, sample
from nuprop.inference import Analysis, FitStatus, Parameter, Profile, fit, profile
from nuprop.inference.judgement import value_and_gradient
from nuprop.inference.objective import place_of, value_at
from nuprop.inference.physics import numbers

NORM = Parameter("source.normalization", (1e-20, 2e-17))
INDEX = Parameter("source.spectrum.index", (1.0, 5.0))
COUPLING = Parameter("mediator.coupling", (1e-5, 1e-2), scale="log")
MASS = Parameter("mediator.mass", ("3 MeV", "40 MeV"), scale="log")


def model(data=None, parameters=(NORM, INDEX, COUPLING, MASS), **options):
    return Analysis(
        sample("hese-7.5yr") if data is None else data,
        nuprop.Source("flat", z_max=2),
        nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4),
        nuprop.Neutrinos("0.08 eV"),
        nuprop.Relics(thermal=False),
        parameters=parameters,
        **options,
    )


@pytest.fixture(scope="module")
def power_law_fit():
    """IceCube's own question: one power law, no interaction, above 60 TeV."""
    analysis = Analysis(sample("hese-7.5yr"), nuprop.Source("flat"), parameters=[NORM, INDEX])
    return fit(analysis, starts=2, progress=False)


class TestParameter:
    def test_units_and_defaults(self):
        assert (MASS.low, MASS.high, MASS.unit, MASS.name) == (3e-3, 40e-3, "GeV", "mass")
        lightest = Parameter("neutrinos.lightest_mass", ("0 eV", "0.1 eV"))
        assert lightest.high == pytest.approx(1e-10, rel=1e-15, abs=0.0)
        per_volume = Parameter(
            "source.normalization", ("1e-40 / (GeV cm3 s)", "1e-30 / (GeV cm3 s)")
        )
        assert per_volume.kind in ("flux", "emissivity")
        assert "prior 0.99 +- 0.1" in repr(
            Parameter("detector.dom", (0.9, 1.08), prior=(0.99, 0.1))
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"target": "a.b", "bounds": (2.0, 1.0)}, r"bounds of 'b' = 2.0, 1.0"),
            ({"target": "a.b", "bounds": (0.0, np.inf)}, "finite"),
            ({"target": "a.b", "bounds": 3.0}, "a lowest and a highest value"),
            ({"target": "a.b", "bounds": (0.0, 1.0), "scale": "log"}, "above 0"),
            ({"target": "a.b", "bounds": (0.0, 1.0), "scale": "cubic"}, "'linear' or 'log'"),
            ({"target": "a.b", "bounds": (0.0, 1.0), "start": 2.0}, "within the bounds"),
            ({"target": "a.b", "bounds": (0.0, 1.0), "prior": (0.5, -1.0)}, "sigma"),
            ({"target": "a.b", "bounds": (0.0, 1.0), "prior": 0.5}, "a mean and a standard"),
            ({"target": None, "bounds": (0.0, 1.0)}, "needs a name"),
            ({"target": 7, "bounds": (0.0, 1.0)}, "a path such as"),
        ],
    )
    def test_faults(self, arguments, message):
        with pytest.raises(ParameterError, match=message):
            Parameter(**arguments)

    def test_wrong_unit(self):
        with pytest.raises(UnitError, match=r"bounds of 'mass' = 3.0 m"):
            Parameter("mediator.mass", ("3 m", "5 m"))


class TestAnalysis:
    def test_every_number_of_the_physics_can_be_a_parameter(self):
        known = numbers(model().physics)
        for path in (
            "source.spectrum.index",
            "source.normalization",
            "source.z_max",
            "mediator.mass",
            "mediator.coupling",
            "neutrinos.lightest_mass",
            "neutrinos.oscillations.sin2_12",
            "relics.overdensity",
            "relics.temperature",
            "cosmology.H0",
        ):
            assert path in known

    def test_nuisances_come_with_their_priors(self):
        analysis = model()
        assert [p.name for p in analysis.parameters][4:] == ["conv", "muon", "dom", "ice"]
        assert analysis.parameter("dom").mean == 0.99
        assert analysis.parameter("ice").fixed
        assert "ice" in analysis.freed("ice").names
        assert "dom" not in analysis.fixed(dom=1.0).names
        own = Parameter("detector.dom", (0.95, 1.0), name="efficiency")
        assert [p.name for p in model(parameters=[own]).parameters] == [
            "efficiency", "conv", "muon", "ice",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("parameter", "message"),
        [
            (Parameter("source.spectrum.indx", (1, 2)), r"did you mean 'source.spectrum.index'"),
            (Parameter("source.spectrum.cutoff", (1, 2)), "What is None"),
            (Parameter("source.flavor", (0, 1)), "set it by a tie"),
            (Parameter("source.spectrum", (0, 1)), "it holds source.spectrum.index"),
            (Parameter("detector.prompt", (0, 1)), "only with the official Monte Carlo"),
            (Parameter("detector.donm", (0, 1)), "did you mean 'dom'"),
            ("index", "no nuprop.Parameter"),
        ],
    )
    def test_unknown_targets(self, parameter, message):
        with pytest.raises(ParameterError, match=message):
            model(parameters=[parameter])

    def test_contradictions(self):
        with pytest.raises(ParameterError, match="set twice"):
            model(parameters=[INDEX, Parameter("source.spectrum.index", (1, 2), name="other")])
        with pytest.raises(ParameterError, match="two are called 'index'"):
            model(parameters=[INDEX, Parameter("mediator.mass", (1e-3, 1e-2), name="index")])
        with pytest.raises(ParameterError, match=r"parameter 'idx'.*did you mean 'index'"):
            model().parameter("idx")
        with pytest.raises(ParameterError, match="from 1 to 5"):
            model().fixed(index=7.0)
        with pytest.raises(ParameterError, match="PointSource"):
            Analysis(
                sample("hese-3yr"), nuprop.PointSource(0.1, normalization="1e-18 / (GeV cm2 s)")
            )
        with pytest.raises(ParameterError, match="at least one measurement"):
            Analysis([])
        with pytest.raises(ParameterError, match="a measurement is needed"):
            Analysis("hese-7.5yr")
        with pytest.raises(ParameterError, match="mediator"):
            Analysis(sample("hese-3yr"), mediator="lmu-ltau")
        with pytest.raises(ParameterError, match="method = 'jump'"):
            model(method="jump")

    def test_overlapping_samples_are_refused(self):
        with pytest.raises(DatasetError, match=r"'hese-3yr' and 'hese-7\.5yr' share events"):
            model([sample("hese-3yr"), sample("hese-7.5yr")])
        with pytest.raises(DatasetError, match="share events"):
            model([sample("hese-7.5yr"), UnfoldedLikelihood.from_name("hese-7.5yr")])
        both = model([sample("hese-7.5yr"), UnfoldedLikelihood.from_name("numu-9.5yr")])
        assert len(both.data) == 2

    @pytest.mark.parametrize(
        ("tie", "message"),
        [
            ({"source.spectrum.indx": lambda p: 2.0}, "did you mean"),
            ({"source.spectrum.index": 2.0}, "a function of a dictionary"),
            ({"source.flavor": lambda p: p["conv"]}, r"of shape \(3,\)"),
            ({"source.spectrum.index": lambda p: p["gamma"]}, "no parameter is called 'gamma'"),
        ],
    )
    def test_bad_ties(self, tie, message):
        with pytest.raises(ParameterError, match=message):
            model(parameters=[NORM], ties=tie)

    def test_method(self):
        assert model().method == "sweep"
        thermal = Analysis(
            sample("hese-3yr"),
            nuprop.Source("flat", z_max=0.5),
            nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4),
            nuprop.Neutrinos("0.006 eV"),
            parameters=[NORM, MASS],
        )
        assert thermal.method == "march"
        assert thermal.lattice is not None
        assert "march" in repr(thermal)


@pytest.fixture(scope="module")
def from_zero():
    """Everything free, the coupling from exactly zero: the programs below are compiled once."""
    coupling = Parameter("mediator.coupling", (0.0, 1e-2))
    return model(parameters=[NORM, INDEX, coupling, MASS]).objective()


class TestObjective:
    def test_prediction_is_that_of_propagate(self, from_zero):
        """The same flux by the facade, four nodes to a cell, against two here: 1e-5 of ln L.

        A coupling of exactly zero is the free flux.
        """
        made = sample("hese-7.5yr")
        flux = nuprop.propagate(
            nuprop.Source("flat", z_max=2),
            nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4),
            nuprop.Neutrinos("0.08 eV"),
            nuprop.Relics(thermal=False),
            energy_edges=made.energy_edges,
        )
        held = 0.5 * (0.05488 / 0.5) ** 2  # the prior of the ice, which is held at its best fit
        for given, coupling in ((flux, 5e-4), (flux.free, 0.0)):
            values = from_zero.values.at[2].set(coupling)
            place = place_of(from_zero, values)[: len(from_zero.layout.free)]
            expected = held - made.expected(given).log_likelihood
            found = value_and_gradient(place, from_zero)[0]
            assert float(found) == pytest.approx(expected, abs=1e-5)

    @pytest.mark.parametrize("coupling", [0.05, 0.0])
    def test_gradient(self, from_zero, coupling):
        """Reverse mode against central differences, one-sided at no coupling, where it is flat."""
        x = np.array([0.1, 0.4, coupling, 0.5, 0.22, 0.18, 0.45])
        slope = value_and_gradient(jnp.asarray(x), from_zero)[1]
        assert np.all(np.isfinite(slope))
        for i in range(x.size):
            if i == 2 and coupling == 0.0:
                assert slope[i] == 0.0  # depths grow with the square of the coupling
                continue
            step = 1e-5 * np.eye(x.size)[i]
            above, below = (value_and_gradient(x + s, from_zero)[0] for s in (step, -step))
            difference = float(above - below) / 2e-5
            assert slope[i] == pytest.approx(difference, rel=1e-5, abs=1e-5)

    def test_places_and_values_are_inverse(self):
        objective = model().objective()
        values = np.asarray(value_at(objective, jnp.full(8, 0.3)))
        np.testing.assert_allclose(place_of(objective, jnp.asarray(values)), 0.3, rtol=1e-12)
        assert values[2] == pytest.approx(1e-5 * 1e3**0.3)


class TestFit:
    def test_power_law_of_7_5_years(self, power_law_fit):
        """arXiv:2011.03545: 2.12 +0.49 -0.54 and 2.87 +0.20 -0.19, energies alone: 2.2 and 2.9.

        Half a published error is asked; the zenith angles that IceCube also fits are not here.
        """
        assert power_law_fit.status is FitStatus.CONVERGED
        assert power_law_fit.values["normalization"] == pytest.approx(2.12e-18, abs=0.26e-18)
        assert power_law_fit.values["index"] == pytest.approx(2.87, abs=0.10)
        assert power_law_fit.errors["index"] == pytest.approx(0.20, abs=0.03)
        assert power_law_fit.errors["normalization"] == pytest.approx(0.52e-18, abs=0.08e-18)
        assert np.ptp(power_law_fit.starts) < 1e-4  # all starts end in one minimum

    @pytest.mark.slow
    def test_profile_in_the_index(self, power_law_fit):
        """2 Delta ln L rises to about 14 at 2.2 and to 9 at 3.6, as in IceCube's own scan."""
        found = profile(
            power_law_fit.best_analysis, {"index": [2.2, 2.5, 2.9185, 3.2, 3.6]}, progress=False
        )
        rise = 2.0 * (found.nll - power_law_fit.nll)
        assert rise[0] == pytest.approx(14.0, abs=1.0)
        assert rise[-1] == pytest.approx(9.0, abs=1.0)
        # two minimizers, one answer: scoring on the device ends where L-BFGS-B did
        assert rise[2] == pytest.approx(0.0, abs=2e-4)
        assert found.values["normalization"][2] == pytest.approx(
            power_law_fit.values["normalization"], rel=1e-3, abs=0.0
        )
        assert bool(found.converged.all())

    def test_faults(self):
        fixed = model(parameters=[]).fixed(conv=1.0, muon=1.0, dom=0.99)
        with pytest.raises(FitError, match="every parameter is fixed"):
            fit(fixed)
        with pytest.raises(ParameterError, match="starts = 0"):
            fit(model(), starts=0)
        with pytest.raises(ParameterError, match="minimizer = 'newton'"):
            fit(model(), minimizer="newton")


class TestProfile:
    """Made by hand: a parabola in one or two parameters, whose limits are known."""

    def parabola(self, **fields):
        x = np.linspace(-3.0, 3.0, 121)
        given = {
            "axes": {"x": x},
            "units": {"x": ""},
            "logarithmic": (),
            "nll": 0.5 * (x - 0.4) ** 2 + 7.0,
            "values": {"y": 2.0 * x},
            "converged": np.ones(121, dtype=bool),
        }
        return Profile(**(given | fields))

    def test_interval(self):
        """sigma = 1: linear interpolation between points 0.05 apart is good to 1e-3."""
        low, high = self.parabola().interval(0.6827)
        assert (low, high) == pytest.approx((-0.6, 1.4), abs=2e-3)
        low, high = self.parabola().interval(0.9545)
        assert (low, high) == pytest.approx((-1.6, 2.4), abs=2e-3)
        assert math.isnan(self.parabola().interval(0.9999)[1])

    def test_thresholds(self):
        one = self.parabola()
        assert one.threshold(0.90) == pytest.approx(2.7055, abs=1e-4)
        assert one.threshold(0.95, "raster") == pytest.approx(3.8415, abs=1e-4)
        with pytest.raises(ParameterError, match="level = 90"):
            one.threshold(90)
        with pytest.raises(ParameterError, match="kind"):
            one.ts("local")
        with pytest.raises(ParameterError, match="no such axis"):
            one.upper_limit(0.9, along="z")

    def plane(self, null=6.5):
        coupling, mass = np.geomspace(1e-5, 1e-3, 41), np.array([0.01, 0.02, 0.03])
        rise = np.array([1.0, 0.0, 0.2]) * (coupling[:, None] / 2e-4) ** 2
        return Profile(
            axes={"coupling": coupling, "mass": mass},
            units={"coupling": "", "mass": "GeV"},
            logarithmic=("coupling",),
            nll=null + rise,
            values={},
            converged=np.ones((41, 3), dtype=bool),
            null_nll=null,
        )

    def test_raster_limit(self):
        """-ln L = (g / 2e-4)^2 excludes g > 2e-4 sqrt(2.7055 / 2) at 90 %; nothing where flat."""
        made = self.plane()
        limits = made.upper_limit(0.9)
        assert limits[0] == pytest.approx(2e-4 * math.sqrt(2.7055 / 2), rel=0.01)
        assert limits[2] == pytest.approx(limits[0] * math.sqrt(5.0), rel=0.01)
        assert math.isnan(limits[1])
        assert made.excluded(0.9).sum(axis=0)[1] == 0
        assert made.threshold(0.9, "global") == pytest.approx(4.605, abs=1e-3)
        assert made.gain == pytest.approx(0.0, abs=0.02)

    def test_round_trip(self, tmp_path):
        made = self.plane()
        read = Profile.load(made.save(tmp_path / "deep" / "plane.npz"))
        np.testing.assert_array_equal(read.nll, made.nll)
        assert read.axes.keys() == made.axes.keys()
        assert read.null_nll == made.null_nll
        assert repr(read) == repr(made)

    def test_damaged_and_foreign_files(self, tmp_path):
        path = self.plane().save(tmp_path / "plane.npz")
        with pytest.raises(DatasetError, match=r"must end in \.npz"):
            self.plane().save(tmp_path / "plane.txt")
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(DatasetError, match="cut in the middle"):
            Profile.load(path)
        with pytest.raises(FileNotFoundError):
            Profile.load(tmp_path / "none.npz")
        np.savez(path, a=1)
        with pytest.raises(DatasetError, match="not written by nuprop"):
            Profile.load(path)

    def test_labelled_arrays(self):
        pytest.importorskip("xarray")
        dataset = self.plane().to_xarray()
        assert dataset["nll"].dims == ("coupling", "mass")
        assert dataset["mass"].attrs["units"] == "GeV"

    @pytest.mark.parametrize(
        ("axes", "message"),
        [
            ({}, "at least one"),
            ({"indx": 5}, "did you mean 'index'"),
            ({"index": 1}, "at least 2 values"),
            ({"index": [2.0, 2.0]}, "strictly rising"),
            ({"index": [2.0, np.nan]}, "finite"),
            ({"index": [2.0, 9.0]}, "bounds of the parameter"),
        ],
    )
    def test_bad_axes(self, axes, message):
        with pytest.raises((ParameterError, FitError), match=message):
            profile(model(), axes)
