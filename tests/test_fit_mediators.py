"""Fits of other mediators than the narrow vector: a scalar, and what fits say they leave out."""

import jax
import numpy as np
import pytest

import nuprop
from nuprop.errors import ConfigError, ParameterError, PhysicsWarning
from nuprop.inference.objective import fluences
from nuprop.runfile import parse_fit

DATA = nuprop.icecube.sample("hese-7.5yr")
INDEX = nuprop.Parameter("source.spectrum.index", (1.5, 4.0))
SCALAR = nuprop.Scalar.universal("11 MeV", 7e-4)
NEUTRINOS = nuprop.Neutrinos("0.08 eV")
COLD = nuprop.Relics(thermal=False)


def analysis(mediator=SCALAR, parameters=(INDEX,), **options):
    options = {"neutrinos": NEUTRINOS, "relics": COLD, **options}
    return nuprop.Analysis(DATA, mediator=mediator, parameters=parameters, **options)


def test_a_scalar_absorbs_what_propagate_says():
    coupling = nuprop.Parameter("mediator.coupling", (1e-5, 1e-2), scale="log")
    mass = nuprop.Parameter("mediator.mass", ("3 MeV", "40 MeV"), scale="log")
    made = analysis(parameters=[INDEX, coupling, mass])
    assert (made.parameter("coupling").start, made.parameter("mass").unit) == (7e-4, "GeV")
    objective = made.objective()
    names = [parameter.name for parameter in made.parameters]
    values = objective.values.at[names.index("coupling")].set(4e-4)
    values = values.at[names.index("mass")].set(0.009)
    [fluence] = jax.jit(fluences)(objective, values)
    edges = np.asarray(DATA.energy_edges)
    scalar = nuprop.Scalar.universal("9 MeV", 4e-4)
    flux = nuprop.propagate(nuprop.Source(), scalar, NEUTRINOS, COLD, energy_edges=edges)
    assert flux.method == made.method == "sweep"
    # 2 nodes in each piece of a cell against 4
    np.testing.assert_allclose(fluence.sum((0, 1)), flux.total.value * np.diff(edges), rtol=1e-5)
    assert np.min(flux.transmission) < 0.8


@pytest.mark.slow
def test_a_fit_of_a_scalar_finds_the_coupling_of_an_asimov_data_set():
    coupling = nuprop.Parameter("mediator.coupling", (1e-5, 1e-2), scale="log")
    truth = analysis(nuprop.Scalar.universal("6 MeV", 1e-3), parameters=[coupling])
    fit = nuprop.fit(nuprop.inference.asimov(truth), starts=2)
    assert fit.values["coupling"] == pytest.approx(1e-3, rel=0.02)


def test_a_scalar_from_a_run_file():
    document = {
        "source": {"evolution": "flat"},
        "mediator": {"model": "scalar-universal", "mass": "11 MeV", "coupling": 7e-4},
        "neutrinos": {"lightest_mass": "0.08 eV"},
        "relics": {"thermal": False},
        "data": {"sample": "hese-7.5yr"},
        "parameters": {"lambda": {"target": "mediator.coupling", "bounds": [1e-5, 1e-2]}},
    }
    made = parse_fit(document).analysis
    assert isinstance(made.physics.mediator, nuprop.Scalar)
    assert made.parameter("lambda").start == 7e-4
    several = {**document, "mediator": [document["mediator"]] * 2}
    with pytest.raises(ConfigError, match=r"single mediator; nuprop.propagate takes several"):
        parse_fit(several)
    with pytest.raises(ConfigError, match="method = 'cascade': fits follow the narrow resonance"):
        parse_fit({**document, "solver": {"method": "cascade"}})


def test_a_scalar_that_does_not_exist_for_majorana_neutrinos_is_refused():
    scalar = nuprop.Scalar.universal("11 MeV", 7e-4, complex_field=True)
    with pytest.raises(ParameterError, match=r"nature = 'majorana'.*Dirac"):
        analysis(scalar)


def test_what_is_no_mediator_is_refused():
    with pytest.raises(ParameterError, match=r"a nuprop.ZPrime or nuprop.Scalar is needed"):
        analysis("lmu-ltau")


def test_a_strong_coupling_warns_that_its_continuum_is_left_out():
    strong = nuprop.ZPrime.lmu_ltau("11 MeV", 0.1)
    with pytest.warns(PhysicsWarning, match="left out of fits.*mediator given"):
        made = analysis(strong)
    assert "without scattering away from the resonance: optical depths up to" in repr(made)


def test_bounds_that_reach_strong_couplings_are_told():
    weak = nuprop.ZPrime.lmu_ltau("11 MeV", 1e-4)
    coupling = nuprop.Parameter("mediator.coupling", (1e-5, 0.1), scale="log")
    with pytest.warns(PhysicsWarning, match="left out of fits.*between the bounds"):
        analysis(weak, parameters=[coupling])
    narrower = nuprop.Parameter("mediator.coupling", (1e-5, 0.015), scale="log")
    made = analysis(weak, parameters=[narrower])
    assert "without scattering away from the resonance" in repr(made)
    assert "away from the resonance" not in repr(analysis(weak))
    assert "away from the resonance" not in repr(analysis(None))
