"""The files of the HESE release, made up here: how they are read and refused, and the bins."""

import json

import numpy as np
import pytest
from reference import synthetic_mc as synthetic

from nuprop.errors import DatasetError
from nuprop.icecube.montecarlo import Binning, Observables, read_events, read_monte_carlo


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    made = synthetic.release(tmp_path_factory.mktemp("release"))
    made.monte_carlo = read_monte_carlo(made.root, checksums=made.sums)
    made.observed = read_events(made.root, checksums=made.sums)
    return made


def test_columns_come_back_as_they_were_written(release):
    names = {
        "primary": "primaryType",
        "energy": "primaryEnergy",
        "interaction": "interactionType",
        "weight": "weightOverFluxOverLivetime",
        "muon_rate": "muonWeightOverLivetime",
        "pion_flux": "pionFlux",
        "kaon_flux": "kaonFlux",
        "prompt_flux": "promptFlux",
        "conventional_veto": "conventionalSelfVetoCorrection",
        "prompt_veto": "promptSelfVetoCorrection",
    }
    for field, column in names.items():
        np.testing.assert_array_equal(getattr(release.monte_carlo, field), release.columns[column])
    observables = {
        "deposited_energy": "recoDepositedEnergy",
        "morphology": "recoMorphology",
        "zenith": "recoZenith",
        "length": "recoLength",
    }
    for field, column in observables.items():
        simulated = getattr(release.monte_carlo.observables, field)
        np.testing.assert_array_equal(simulated, release.columns[column])
        np.testing.assert_array_equal(getattr(release.observed, field), release.data[column])
    assert np.isnan(release.observed.length).any()


def test_files_are_found_in_the_release_or_beside_each_other(release):
    inner = release.root / "HESE-7-year-data-release"
    for folder in (release.root, inner, inner / "resources", inner / "resources" / "data"):
        assert read_events(folder, checksums=release.sums).zenith.size == 60
    assert read_events(str(release.root), checksums=None).zenith.size == 60


def test_other_files_than_the_released_ones_are_refused(release):
    with pytest.raises(DatasetError) as caught:
        read_monte_carlo(release.root)
    message = str(caught.value)
    for part in (
        "HESE_mc_truth.json",
        release.sums["HESE_mc_truth.json"],
        "37e34086d876c32b6cf31bb8fb4706bf",
        "checksums=None",
    ):
        assert part in message
    with pytest.raises(DatasetError, match="250f7d2aa48f941c882c0977894882ac"):
        read_events(release.root)


def test_sums_of_another_version_can_be_given(release):
    some = {"HESE_mc_flux.json": release.sums["HESE_mc_flux.json"]}
    assert read_monte_carlo(release.root, checksums=some).energy.size == 6400
    with pytest.raises(DatasetError, match=r"has the MD5 sum .*, not 00"):
        read_monte_carlo(release.root, checksums={"HESE_mc_flux.json": "00"})
    with pytest.raises(DatasetError, match=r"no file 'HESE_flux.json'; did you mean"):
        read_monte_carlo(release.root, checksums={"HESE_flux.json": "00"})


@pytest.fixture(scope="module")
def small():
    columns = synthetic.columns(n_each=5, n_muons=5)
    return columns, synthetic.observed(columns, n=4)


@pytest.fixture
def folder(small, tmp_path):
    synthetic.write(tmp_path, *small)
    return tmp_path


def test_missing_files_say_where_to_get_them(folder, tmp_path):
    with pytest.raises(DatasetError, match=r"folder = .*github\.com/icecube/HESE-7.*10\.21234"):
        read_monte_carlo(tmp_path / "nowhere", checksums=None)
    (folder / "HESE_mc_flux.json").unlink()
    with pytest.raises(DatasetError, match=r"HESE_mc_flux\.json is missing in .*github\.com"):
        read_monte_carlo(folder, checksums=None)
    assert read_events(folder, checksums=None).zenith.size == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        ('{"recoZenith": [1.0,', "is not JSON .*download"),
        ("[1, 2]", "holds a list: a dictionary of columns"),
        ('{"recoZenith": 1.0}', "'recoZenith' is 1.0, not a list"),
        ("{}", "no column 'recoDepositedEnergy'"),
        (
            '{"recoDepositedEnergy": [], "recoMorphology": [], "recoZenith": [], "recoLength": []}',
            "'recoDepositedEnergy' is empty",
        ),
    ],
)
def test_files_that_are_no_such_files_are_refused(tmp_path, text, message):
    (tmp_path / "HESE_data.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_events(tmp_path, checksums=None)


def _change(folder, name, key, values):
    content = json.loads((folder / name).read_text())
    content[key] = values(content[key])
    (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "key", "value", "allowed"),
    [
        ("truth", "primaryType", 11, "one of 12, 14, 16, -12, -14, -16, 13, -13"),
        ("truth", "primaryType", 12.5, "one of 12"),
        ("truth", "interactionType", 4, "one of 0, 1, 2, 3"),
        ("truth", "primaryEnergy", 0.0, "finite and > 0"),
        ("truth", "primaryEnergy", float("nan"), "finite and > 0"),
        ("truth", "weightOverFluxOverLivetime", -1.0, "finite and >= 0"),
        ("truth", "muonWeightOverLivetime", float("inf"), "finite and >= 0"),
        ("flux", "pionFlux", float("nan"), "finite and >= 0"),
        ("flux", "kaonFlux", -1e-20, "finite and >= 0"),
        ("flux", "promptFlux", -1e-20, "finite and >= 0"),
        ("flux", "conventionalSelfVetoCorrection", -0.1, "finite and >= 0"),
        ("flux", "promptSelfVetoCorrection", None, "finite and >= 0"),
        ("observable", "recoDepositedEnergy", float("nan"), "finite and > 0"),
        ("observable", "recoMorphology", 3, "one of 0, 1, 2"),
        ("observable", "recoZenith", 3.2, "from 0 to pi"),
        ("observable", "recoZenith", float("nan"), "from 0 to pi"),
        ("observable", "recoLength", -1.0, ">= 0, or NaN"),
        ("observable", "recoLength", float("inf"), ">= 0, or NaN"),
    ],
)
def test_values_out_of_range_are_named(folder, name, key, value, allowed):
    _change(folder, f"HESE_mc_{name}.json", key, lambda old: [*old[:2], value, *old[3:]])
    with pytest.raises(DatasetError) as caught:
        read_monte_carlo(folder, checksums=None)
    message = str(caught.value)
    assert message.startswith(f"HESE_mc_{name}.json, '{key}', row 2 is ")
    assert message.endswith(f"it must be {allowed}") or allowed in message


def test_single_precision_pi_and_missing_lengths_are_allowed(folder):
    rounded = float(np.float32(np.pi))
    assert rounded > np.pi
    _change(folder, "HESE_data.json", "recoZenith", lambda old: [rounded] * len(old))
    _change(folder, "HESE_data.json", "recoLength", lambda old: [None] * len(old))
    events = read_events(folder, checksums=None)
    assert np.isnan(events.length).all()
    assert np.isin(Binning().numbers(events)[events.morphology == 0] // 21, (0, -1)).all()


def test_columns_of_other_kinds_or_lengths_are_refused(folder):
    truth = "HESE_mc_truth.json"
    original = (folder / truth).read_text()
    _change(folder, truth, "primaryEnergy", lambda old: ["high", *old[1:]])
    with pytest.raises(DatasetError, match="'primaryEnergy' holds something that is not a number"):
        read_monte_carlo(folder, checksums=None)
    _change(folder, truth, "primaryEnergy", lambda old: [[1.0]] * len(old))
    with pytest.raises(DatasetError, match=r"'primaryEnergy' has the shape \(35, 1\)"):
        read_monte_carlo(folder, checksums=None)
    _change(folder, truth, "primaryEnergy", lambda old: old[1:])
    with pytest.raises(DatasetError, match=r"'primaryType' has 35 entries but .*'primaryEnergy'"):
        read_monte_carlo(folder, checksums=None)
    (folder / truth).write_text(original)
    content = json.loads(original)
    del content["interactionType"]
    (folder / truth).write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="no column 'interactionType'"):
        read_monte_carlo(folder, checksums=None)
    shorter = {key: values[1:] for key, values in json.loads(original).items()}
    (folder / truth).write_text(json.dumps(shorter))
    with pytest.raises(DatasetError, match=r"34 entries but HESE_mc_observable.* has 35"):
        read_monte_carlo(folder, checksums=None)


def _events(*rows):
    energy, morphology, cosine, length = (np.array(column) for column in zip(*rows, strict=True))
    return Observables(energy, morphology, np.arccos(cosine), length)


def test_bins_are_those_of_the_paper():
    edges = Binning().energy_edges
    assert Binning().n_bins == 10 * 21 + 10 * 21 + 20 * 21
    assert edges[0] == 60e3
    np.testing.assert_allclose(np.diff(np.log10(edges)), 0.111, rtol=1e-12)
    assert edges[-2] < 1e7 < edges[-1]
    nan = np.nan
    rows = {
        (6e4, 0, -1.0, nan): 0,
        (6e4, 0, 1.0, nan): 9 * 21,
        (1e7, 0, -0.99, nan): 20,
        (1e5, 1, 0.01, 3.0): 210 + 5 * 21 + 1,
        (7e4, 2, 0.3, 10.0): 420,
        (7e4, 2, 0.3, 13.0): 420 + 21,
        (7e4, 2, 0.3, 1000.0): 420 + 19 * 21,
        (59999.0, 0, 0.5, nan): -1,
        (1.001e7, 1, 0.5, nan): -1,
        (7e4, 2, 0.3, 9.99): -1,
        (7e4, 2, 0.3, 1000.1): -1,
        (7e4, 2, 0.3, nan): -1,
    }
    np.testing.assert_array_equal(Binning().numbers(_events(*rows)), list(rows.values()))
    found = Binning().counts(_events(*rows))
    assert found.sum() == 7
    assert found[420] == 1


def test_energy_bins_are_sums_over_the_others(release):
    by_energy = Binning(energy_only=True).counts(release.observed)
    np.testing.assert_array_equal(
        Binning().counts(release.observed).reshape(40, 21).sum(0), by_energy
    )
    assert 0 < by_energy.sum() < 60
    assert Binning(energy_only=True).n_bins == by_energy.size == 21
