"""The survey of L_mu - L_tau: its cases, table, figure and files, on a flux that costs nothing."""

import numpy as np
import pytest
from astropy.table import Table
from reference import stand_ins

from nuprop.cli import main
from nuprop.errors import ParameterError
from nuprop.inference import Profile, objective
from nuprop.survey import Survey, run, save, survey

ONE = {
    "samples": ("hese-3yr", "hese-12yr"),
    "evolutions": ("GRB",),
    "orderings": ("inverted",),
    "lightest": ("0.006 eV",),
}


@pytest.fixture(autouse=True, scope="module")
def _small_and_cheap():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective, "cell_averages", stand_ins.cell_averages)
        small = run._Setting(couplings=4, masses=5, nodes=6, resolution=0.5)
        patch.setattr(run, "_SETTINGS", {"cold": small, "thermal": small})
        patch.setattr(run, "_FINE", small)
        yield


@pytest.fixture(scope="module")
def cold():
    return survey("cold", progress=False, **ONE)


def test_cases(cold):
    assert [case.sample for case in cold.cases] == ["hese-3yr", "hese-12yr"]
    for case in cold.cases:
        profile = cold.profiles[case.sample, "GRB", "inverted", "0.006 eV"]
        assert profile.nll.shape == (4, 5)
        assert bool(profile.converged.all())
        # the minimum between grid points is at least as deep as the best of them
        assert case.gain >= profile.gain - 1e-6
        assert case.gain >= -1e-6
        assert case.error == 0.0
        assert (case.relics, case.evolution, case.lightest_mass) == ("cold", "GRB", "0.006 eV")


@pytest.mark.slow
def test_profiles_are_those_of_a_scan(cold):
    """Fluxes tabulated once and shared by the samples give what each sample's own scan does."""
    analysis = run._analysis("hese-12yr", ("GRB", "inverted", "0.006 eV"), "cold", run._FINE)
    shared = cold.profiles["hese-12yr", "GRB", "inverted", "0.006 eV"]
    from nuprop.inference import profile

    alone = profile(analysis, {"coupling": 4, "mass": 5}, nodes=6, progress=False)
    np.testing.assert_allclose(shared.nll, alone.nll, atol=1e-7)
    assert shared.null_nll == pytest.approx(alone.null_nll, abs=1e-7)


@pytest.mark.slow
def test_thermal_maps_state_the_error_of_their_coarse_march():
    """The stand-in has no march: coarse and fine agree, and the error is that of the fits."""
    found = survey("thermal", progress=False, **(ONE | {"samples": ("hese-3yr",)}))
    [case] = found.cases
    assert case.relics == "thermal"
    assert case.error < 1e-6


@pytest.mark.slow
def test_finished_cases_are_found_again(cold, tmp_path, monkeypatch):
    """What was saved is not computed anew, if it is whole and of the same fits."""
    written = save(cold, tmp_path)
    written[4].write_bytes(b"cut")
    computed = []
    original = run._profile

    def counted(*arguments):
        computed.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(run, "_profile", counted)
    again = survey("cold", folder=tmp_path, progress=False, **ONE)
    assert len(computed) == 1
    assert again.cases == cold.cases


def test_files(cold, tmp_path):
    written = save(cold, tmp_path / "deep")
    assert [path.name for path in written[:3]] == [
        "survey-cold.ecsv", "survey-cold.md", "survey-cold.png",
    ]  # fmt: skip
    table = Table.read(written[0], format="ascii.ecsv")
    assert len(table) == 2
    assert table["gain"][0] == pytest.approx(cold.cases[0].gain)
    assert written[1].read_text().count("\n") == 4
    assert written[2].stat().st_size > 10_000
    read = Profile.load(written[3])
    assert read.names == ("coupling", "mass")


def test_command(cold, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "nuprop.survey.survey", lambda relics, folder: Survey(cold.cases, cold.profiles)
    )
    assert main(["survey", "--output-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "| hese-12yr | GRB | inverted |" in said
    assert "survey-cold.png" in said


def test_unknown_names():
    with pytest.raises(ParameterError, match="relics = 'warm'"):
        survey("warm")
    with pytest.raises(ParameterError, match=r"evolutions = \['AGN'\]"):
        survey(evolutions=("AGN",))
