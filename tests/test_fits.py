"""Fits whose flux costs nothing: a power law with a wide dip in place of the transport."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import stand_ins

import nuprop
from nuprop.icecube import sample
from nuprop.inference import Analysis, FitStatus, Parameter, fit, objective
from nuprop.inference.objective import fluences, nll, place_of, start_of, with_free
from nuprop.inference.profiled import profiled_at

NORM = Parameter("source.normalization", (1e-20, 2e-17))
INDEX = Parameter("source.spectrum.index", (1.0, 5.0))


@pytest.fixture(autouse=True, scope="module")
def _cheap_transport():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective, "cell_averages", stand_ins.cell_averages)
        yield


def model(data=None, parameters=(NORM, INDEX), coupling=5e-4, **options):
    return Analysis(
        sample("hese-7.5yr") if data is None else data,
        nuprop.Source("flat", z_max=2),
        None if coupling is None else nuprop.ZPrime.lmu_ltau("11 MeV", coupling),
        nuprop.Neutrinos("0.08 eV"),
        nuprop.Relics(thermal=False),
        parameters=parameters,
        **options,
    )


def test_amplitude_ties_and_transforms():
    """A tie, a transform and a plain parameter that say the same give the same likelihood."""
    plain = model(parameters=[NORM, INDEX]).objective()
    tied = model(
        parameters=[NORM, Parameter(None, (0.5, 2.5), name="half")],
        ties={"source.spectrum.index": lambda p: 2.0 * p["half"]},
    ).objective()
    turned = model(
        parameters=[
            Parameter("source.normalization", (-20.0, -16.7), transform=lambda p: 10.0**p),
            Parameter("source.spectrum.index", (0.5, 2.5), transform=lambda p: 2.0 * p),
        ]
    ).objective()
    values = jnp.asarray([2e-18, 2.6, 1.1, 0.9, 0.97, -0.05])
    reference = _nll_of(plain, values)
    assert _nll_of(tied, values.at[1].set(1.3)) == pytest.approx(reference, abs=1e-9)
    logarithm = values.at[0].set(math.log10(2e-18)).at[1].set(1.3)
    assert _nll_of(turned, logarithm) == pytest.approx(reference, abs=1e-9)


def _nll_of(made, values):
    free = jnp.array(made.layout.free)
    return float(jax.jit(nll)(place_of(made, values)[free], made))


@pytest.mark.parametrize(
    ("highest", "norm", "index"), [("2.52 PeV", 1.24, 2.29), ("3.99 PeV", 1.34, 2.36)]
)
def test_three_years(highest, norm, index):
    """A prototype's fits, which the binning fixes; published: 1.5 and 2.3 +- 0.3."""
    analysis = Analysis(
        sample("hese-3yr", highest=highest), nuprop.Source("flat"), parameters=[NORM, INDEX]
    )
    found = profiled_at(analysis.objective(), jnp.zeros((1, 0)), (), 6)
    values = dict(zip([p.name for p in analysis.parameters], found.values[0], strict=True))
    assert values["normalization"] == pytest.approx(norm * 1e-18, abs=0.03e-18)
    assert values["index"] == pytest.approx(index, abs=0.03)


def test_best_point_at_a_bound_and_flat_directions():
    """An index that would rather be 2.9 stays at 3.2; a force too weak to be seen tells nothing."""
    bound = model(parameters=[Parameter("source.spectrum.index", (3.2, 4.0))])
    found = fit(bound, starts=1, progress=False)
    assert found.status is FitStatus.AT_BOUNDS
    assert "index" in found.at_bounds
    assert math.isnan(found.errors["index"])
    assert "at its bound" in repr(found)
    weak = model(parameters=[Parameter("mediator.coupling", (1e-8, 1e-7), scale="log")])
    flat = fit(weak, starts=1, progress=False)
    assert flat.status is FitStatus.FLAT_DIRECTION
    assert flat.flat_directions[0].weights["coupling"] == pytest.approx(1.0, abs=1e-3)
    assert math.isnan(flat.errors["coupling"])


@pytest.fixture(scope="module")
def power_law_fit():
    return fit(model(coupling=None), starts=3, progress=False)


@pytest.mark.slow
def test_three_minimizers_agree(power_law_fit):
    """L-BFGS-B, MIGRAD (to its own tolerance) and Fisher scoring end in one place."""
    first, analysis = power_law_fit, power_law_fit.analysis
    assert first.status is FitStatus.CONVERGED
    assert np.ptp(first.starts) < 1e-4
    scored = profiled_at(analysis.objective(), jnp.zeros((1, 0)), (), 6)
    assert float(scored.nll[0]) == pytest.approx(first.nll, abs=2e-5)
    direct = profiled_at(analysis.objective(), jnp.zeros((1, 0)), (), 0)
    assert float(direct.nll[0]) == pytest.approx(first.nll, abs=2e-5)
    pytest.importorskip("iminuit")
    third = fit(analysis, starts=1, minimizer="minuit", progress=False)
    assert third.nll == pytest.approx(first.nll, abs=1e-3)


def test_asked_for_nothing_but_nuisances_gives_back_the_asimov_data():
    """Data equal to the expectation are fitted by the values that made them, exactly."""
    made = sample("hese-3yr")
    analysis = model(made, parameters=[NORM])
    start = analysis.objective()
    values = with_free(start, start_of(start))
    expected = made.predict(fluences(start, values)[0], {"conv": 1.0, "muon": 1.0})
    found = profiled_at(
        analysis.with_data(made.with_observed(expected)).objective(), jnp.zeros((1, 0)), (), 2
    )
    assert bool(found.converged[0])
    np.testing.assert_allclose(found.values[0], values, rtol=1e-4)


def test_result_tells_all(power_law_fit):
    text = repr(power_law_fit)
    assert "CONVERGED" in text
    assert "3 of 3" in text
    assert "fixed" in text
    [counts] = power_law_fit.expected()
    assert counts.total.sum() == pytest.approx(60, abs=3)
    written = power_law_fit.to_dict()
    assert written["parameters"]["index"]["value"] == power_law_fit.values["index"]
    assert "icecube2021hese" in power_law_fit.citation()


def test_points_together_are_points_one_by_one():
    """What an accelerator does, all points in one batch, against the loop of a CPU: 1e-9."""
    coupling = Parameter("mediator.coupling", (0.0, 0.01), start=0.0, fixed=True)
    made = model(sample("hese-3yr"), parameters=[NORM, INDEX, coupling]).objective()
    points = jnp.linspace(0.0, 0.01, 3)[:, None]
    loop, batch = (profiled_at(made, points, (2,), 6, batched) for batched in (False, True))
    np.testing.assert_allclose(batch.nll, loop.nll, rtol=1e-9)
    np.testing.assert_allclose(batch.values[:, :2], loop.values[:, :2], rtol=1e-4)
    assert bool(batch.converged.all())
