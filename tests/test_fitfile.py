"""Run files of fits and scans: the shipped examples, every section, and the record of a fit."""

import dataclasses
import json
import tomllib

import numpy as np
import pytest

import nuprop
from nuprop.errors import ConfigError, DatasetError
from nuprop.inference import FitResult, FitStatus, FlatDirection
from nuprop.inference.files import require_npz_name
from nuprop.inference.record import save, to_dict
from nuprop.runfile import examples, parse, parse_fit, read, read_fit

BASE = {
    "source": {"evolution": "flat", "spectrum": {"kind": "power-law", "index": 2.5}},
    "mediator": {"model": "lmu-ltau", "mass": "11 MeV", "coupling": 5e-4},
    "neutrinos": {"lightest_mass": "0.08 eV"},
    "relics": {"thermal": False},
    "data": {"sample": "hese-7.5yr"},
}
INDEX = '[parameters.index]\ntarget = "source.spectrum.index"\nbounds = [1.5, 4.0]\n'


def with_sections(text="", **changes):
    return parse_fit({**BASE, **changes, **tomllib.loads(text)})


def message(text, **changes):
    with pytest.raises(ConfigError) as caught:
        with_sections(text, **changes)
    return str(caught.value)


def test_the_example_of_a_fit():
    assert "hese-7.5yr-fit" in examples()
    run = read_fit("hese-7.5yr-fit")
    analysis = run.analysis
    assert [item.name for item in analysis.data] == ["hese-7.5yr"]
    assert analysis.data[0].deposited_edges[0].to_value("TeV") == pytest.approx(60.0, rel=1e-4)
    assert analysis.names == ("normalization", "index", "conv", "muon", "dom")
    assert analysis.method == "sweep"
    assert analysis.parameter("normalization").scale == "log"
    assert analysis.parameter("normalization").high == pytest.approx(1e-17, rel=1e-14, abs=0.0)
    assert run.fit_options == {"starts": 2}
    assert run.axes == {}
    assert (run.fit, run.counts) == ("hese-7.5yr-fit.json", "hese-7.5yr-fit.png")
    assert run.binned


def test_the_example_of_a_scan():
    run = read_fit("hese-7.5yr-scan")
    assert run.axes == {"mass": 16, "coupling": 16}
    assert run.scan_options == {"folder": "hese-7.5yr-scan", "workers": 1, "chunk": 32}
    assert (run.profile, run.contours) == ("hese-7.5yr-scan.npz", "hese-7.5yr-scan.png")
    mass = run.analysis.parameter("mass")
    assert (mass.low, mass.high, mass.scale, mass.unit) == (1e-3, 0.1, "log", "GeV")


def test_without_parameters_normalization_and_index_vary():
    run = with_sections()
    assert run.analysis.names[:2] == ("normalization", "index")
    normalization = run.analysis.parameter("normalization")
    assert (normalization.low, normalization.high) == pytest.approx(
        (5e-20, 4.5e-17), rel=1e-14, abs=0.0
    )
    assert normalization.start == pytest.approx(1.5e-18, rel=1e-14, abs=0.0)
    assert run.analysis.parameter("index").start == 2.5
    emissivity = {**BASE["source"], "normalization": "1e-45 / (GeV cm3 s)"}
    run = with_sections(source=emissivity)
    assert run.analysis.parameter("normalization").unit == "1 / (GeV cm3 s)"
    assert run.analysis.parameter("normalization").start == pytest.approx(1e-45, rel=1e-14, abs=0.0)


def test_every_key_of_a_parameter():
    run = with_sections(
        """
        [parameters.heavy]
        target = "mediator.mass"
        bounds = ["1 MeV", 0.1]
        start = "20 MeV"
        scale = "log"
        prior = ["10 MeV", "5 MeV"]
        description = "the boson"
        [parameters.dom]
        target = "detector.dom"
        bounds = [0.9, 1.05]
        prior = [0.99, 0.1]
        start = 1.0
        fixed = true
        """
    )
    heavy, dom = run.analysis.parameter("heavy"), run.analysis.parameter("dom")
    assert (heavy.target, heavy.scale, heavy.description) == ("mediator.mass", "log", "the boson")
    assert (heavy.low, heavy.high, heavy.start) == pytest.approx((1e-3, 0.1, 0.02))
    assert (heavy.mean, heavy.sigma) == pytest.approx((0.01, 0.005))
    assert (dom.high, dom.start, dom.fixed) == (1.05, 1.0, True)
    assert "dom" not in run.analysis.names


def test_an_emissivity_has_bounds_in_its_own_unit():
    bounds = '["1e-46 / (GeV cm3 s)", "1e-44 / (GeV cm3 s)"]'
    text = f'[parameters.q]\ntarget = "source.normalization"\nbounds = {bounds}'
    source = {**BASE["source"], "normalization": "1e-45 / (GeV cm3 s)"}
    assert with_sections(text, source=source).analysis.parameter("q").unit == "1 / (GeV cm3 s)"


def test_options_of_the_data():
    run = with_sections(
        '[data]\nsample = "hese-12yr"\nlowest = "100 TeV"\nhighest = "5 PeV"\nlivetime = "11 yr"'
    )
    [data] = run.analysis.data
    low, high = data.deposited_edges[[0, -1]].to_value("TeV")
    assert low == pytest.approx(100.0, rel=0.3)
    assert high <= 5000.0
    assert data.livetime_s == pytest.approx(11 * 365.25 * 86400)
    apart = with_sections('[data]\nsample = "hese-7.5yr"\nby_topology = true')
    assert apart.analysis.data[0].by_topology


def test_unfolded_spectra_beside_a_sample_or_alone():
    both = with_sections('[data]\nsample = "hese-7.5yr"\nunfolded = ["numu-9.5yr"]')
    assert [item.name for item in both.analysis.data] == ["hese-7.5yr", "numu-9.5yr"]
    alone = with_sections('[data]\nunfolded = "cascades-6yr"')
    assert [item.name for item in alone.analysis.data] == ["cascades-6yr"]
    assert both.binned
    assert not alone.binned


def test_options_are_passed_on():
    run = with_sections(
        INDEX + '[solver]\nmethod = "march"\nresolution = 0.5\n'
        '[fit]\nstarts = 7\nseed = 3\nminimizer = "minuit"\n'
        '[scan]\nfolder = "here"\nworkers = 2\nchunk = 8\nnodes = 0\n'
        "[scan.axes]\nindex = [2.0, 2.5, 3.0]"
    )
    assert (run.analysis.method, run.analysis.resolution) == ("march", 0.5)
    assert run.fit_options == {"starts": 7, "seed": 3, "minimizer": "minuit"}
    assert run.scan_options == {"folder": "here", "workers": 2, "chunk": 8, "nodes": 0}
    assert run.axes == {"index": [2.0, 2.5, 3.0]}


def test_axes_carry_units():
    mass = '[parameters.mass]\ntarget = "mediator.mass"\nbounds = ["1 MeV", "100 MeV"]\n'
    run = with_sections(mass + '[scan.axes]\nmass = ["2 MeV", "20 MeV"]')
    assert run.axes == {"mass": ["2 MeV", "20 MeV"]}
    said = message(mass + '[scan.axes]\nmass = ["2 m", "20 m"]')
    assert said.startswith("[scan.axes] mass = ")


def test_a_scan_is_kept_in_a_folder_of_the_name_of_its_file(tmp_path):
    path = tmp_path / "hese-7.5yr.mine.toml"
    text = 'source.evolution = "flat"\n[mediator]\nmodel = "lmu-ltau"\nmass = "11 MeV"\n'
    text += 'coupling = 5e-4\n[neutrinos]\nlightest_mass = "0.08 eV"\n'
    text += '[relics]\nthermal = false\n[data]\nsample = "hese-3yr"\n'
    path.write_text(text)
    assert read_fit(path).scan_options == {"folder": "hese-7.5yr.mine"}
    path.write_text(text + '[scan]\nfolder = "there"\n')
    assert read_fit(path).scan_options == {"folder": "there"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[dat]\nsample = 1", ["[dat]: no such section", "did you mean 'data'"]),
        ("data = 3", ["data = 3", "section"]),
        ('[energy]\nminimum = "1 TeV"', ["[energy]", "leave it out"]),
        ("[data]", ["[data] holds no data", "unfolded"]),
        ("[data]\nlowest = 1e5", ["[data] lowest", "no sample"]),
        ('[data]\nsampel = "hese-3yr"', ["[data] sampel", "did you mean 'sample'"]),
        ('[data]\nsample = "hese-7yr"', ["[data] sample = 'hese-7yr'", "'hese-7.5yr'"]),
        ("[data]\nsample = 7.5", ["[data] sample = 7.5", "string"]),
        ('[data]\nsample = ["hese-3yr"]', ["[data] sample = ['hese-3yr']", "string"]),
        ('[data]\nsample = "hese-4yr"', ["[data] sample = 'hese-4yr'", "cannot be folded"]),
        ('[data]\nsample = "hese-3yr"\nlowest = "1 m"', ["[data] lowest = 1.0 m", "energy"]),
        ('[data]\nsample = "hese-3yr"\nhighest = true', ["[data] highest = True"]),
        ('[data]\nsample = "hese-3yr"\nlivetime = "-1 yr"', ["[data] livetime = -3", "> 0 s"]),
        (
            '[data]\nsample = "hese-3yr"\nlowest = "1 PeV"\nhighest = "1 PeV"',
            ["[data] lowest = 1 PeV, highest = 1 PeV", "no bin"],
        ),
        (
            '[data]\nsample = "hese-7.5yr"\nby_topology = "yes"',
            ["[data] by_topology = 'yes'", "true or false"],
        ),
        ('[data]\nsample = "hese-3yr"\nby_topology = true', ["[data] by_topology", "hese-7.5yr"]),
        ('[data]\nunfolded = "numu"', ["[data.unfolded]", "'numu'", "numu-9.5yr"]),
        ("[data]\nunfolded = 3", ["[data] unfolded = 3", "list of names"]),
        ("[data]\nunfolded = [3]", ["[data] unfolded = [3]", "list of names"]),
        (
            '[data]\nsample = "hese-7.5yr"\nunfolded = "hese-3yr"',
            ["[data]", "'hese-7.5yr' and 'hese-3yr' share events"],
        ),
        ("[parameters]\nindex = 2", ["parameters.index = 2", "section"]),
        ("[parameters.x]\nbounds = [1, 2]", ["[parameters.x] target is missing"]),
        ('[parameters.x]\ntarget = "source.z_max"', ["[parameters.x] bounds is missing"]),
        (INDEX + "bound = 2", ["[parameters.index] bound", "did you mean 'bounds'"]),
        (INDEX + 'name = "x"', ["[parameters.index] name: no such key"]),
        (INDEX + 'transform = "exp"', ["[parameters.index] transform: no such key"]),
        (INDEX.replace("spectrum.index", "spectrum.indx"), ["spectrum.indx", "'source.spectrum.i"]),
        (INDEX.replace("[1.5, 4.0]", "[4.0, 1.5]"), ["[parameters.index] bounds", "below"]),
        (INDEX.replace("[1.5, 4.0]", "[1.5]"), ["bounds = [1.5]", "two values"]),
        (INDEX.replace("[1.5, 4.0]", "1.5"), ["bounds = 1.5", "two values"]),
        (INDEX.replace("4.0", "true"), ["bounds = [1.5, True]", "two numbers"]),
        (INDEX.replace("4.0", "inf"), ["[parameters.index] bounds", "finite"]),
        (INDEX.replace("4.0", '"steep"'), ["bounds = [1.5, 'steep']", "'11 MeV'"]),
        (INDEX.replace("4.0", '"4 MeV"'), ["[parameters.index] bounds", "MeV"]),
        (INDEX + "start = 1.0", ["[parameters.index] index = 1.0", "1.5 to 4"]),
        (INDEX + "start = true", ["[parameters.index] start = True"]),
        (INDEX + 'scale = "cubic"', ["[parameters.index] scale = 'cubic'", "'linear' or 'log'"]),
        (INDEX + "prior = [2.5, 0]", ["[parameters.index] prior sigma", "above 0"]),
        (INDEX + "prior = 2.5", ["[parameters.index] prior = 2.5", "two values"]),
        (INDEX + 'fixed = "no"', ["[parameters.index] fixed = 'no'", "true or false"]),
        (INDEX + "fixed = 1", ["[parameters.index] fixed = 1", "true or false"]),
        (INDEX + "description = 1", ["[parameters.index] description = 1", "string"]),
        (INDEX + INDEX.replace("[parameters.index]", "[parameters.again]"), ["set twice"]),
        (
            '[parameters.dom]\ntarget = "detector.domm"\nbounds = [0.9, 1.0]',
            ["[parameters] target = 'detector.domm'", "'dom'"],
        ),
        ("[fit]\nstart = 3", ["[fit] start", "did you mean 'starts'"]),
        ("[fit]\nstarts = 0", ["[fit] starts = 0", "at least 1"]),
        ("[fit]\nstarts = 2.0", ["[fit] starts = 2.0", "whole number"]),
        ("[fit]\nseed = -1", ["[fit] seed = -1", "at least 0"]),
        ('[fit]\nminimizer = "migrad"', ["[fit] minimizer = 'migrad'", "minuit"]),
        ("[fit]\nminimizer = 3", ["[fit] minimizer = 3"]),
        ("[scan]\nworker = 3", ["[scan] worker", "did you mean 'workers'"]),
        ("[scan]\nfolder = 3", ["[scan] folder = 3", "string"]),
        ("[scan]\nworkers = 0", ["[scan] workers = 0", "at least 1"]),
        ("[scan]\nchunk = true", ["[scan] chunk = True", "whole number"]),
        ("[scan]\nnodes = -1", ["[scan] nodes = -1", "at least 0"]),
        ("[scan]\naxes = 3", ["scan.axes = 3", "section"]),
        ("[scan.axes]", ["[scan.axes] axes", "at least one"]),
        ("[scan.axes]\nindx = 3", ["[scan.axes]", "'indx'", "did you mean 'index'"]),
        ("[scan.axes]\nindex = 1", ["[scan.axes]", "index", "at least 2"]),
        ("[scan.axes]\nindex = 2.5", ["[scan.axes] index = 2.5", "a list"]),
        ("[scan.axes]\nindex = []", ["[scan.axes]", "index", "finite values"]),
        ("[scan.axes]\nindex = [3.0, 2.0]", ["[scan.axes]", "index", "rising"]),
        ("[scan.axes]\nindex = [2.0, 9.0]", ["[scan.axes]", "index", "bounds"]),
        ('[solver]\nmethod = "euler"', ["[solver] method = 'euler'", "march"]),
        ("[solver]\nresolution = nan", ["[solver] resolution = nan", "positive"]),
        ('[output]\ntable = "x.ecsv"', ["[output] table: no such key", "contours"]),
        ('[output]\nfit = "fit.txt"', ["[output] fit = 'fit.txt'", ".json"]),
        ('[output]\nprofile = "scan.h5"', ["[output] profile = 'scan.h5'", ".npz"]),
        ("[output]\ncounts = 3", ["[output] counts = 3", "string"]),
        ("[output]\ncontours = 3", ["[output] contours = 3", "string"]),
    ],
)
def test_errors_name_the_key_the_value_and_what_is_allowed(text, parts):
    said = message(text)
    for part in parts:
        assert part in said


def test_a_fit_needs_data_and_a_source_all_over_the_sky():
    with pytest.raises(ConfigError, match=r"\[data\] is missing.*hese-7\.5yr"):
        parse_fit({key: value for key, value in BASE.items() if key != "data"})
    point = {"kind": "point", "z": 0.5, "normalization": "1e-15 / (GeV cm2 s)"}
    assert "[source] kind = 'point'" in message("", source=point)
    with pytest.raises(ConfigError, match=r"\[mediator\] is missing"):
        parse_fit({key: value for key, value in BASE.items() if key != "mediator"})


def test_a_spectrum_without_index_needs_parameters():
    spectrum = {"kind": "bump", "energy": "1 PeV", "width": 1.0}
    source = {**BASE["source"], "spectrum": spectrum, "pivot": "1 PeV"}
    assert "[parameters] is missing: Bump has no index" in message("", source=source)
    width = '[parameters.width]\ntarget = "source.spectrum.width"\nbounds = [0.5, 2.0]'
    assert with_sections(width, source=source).analysis.names[0] == "width"


def test_a_run_file_of_a_fit_is_not_taken_for_one_of_a_flux():
    with pytest.raises(ConfigError, match=r"\[data\] is a section of `nuprop fit`"):
        read("hese-7.5yr-fit")
    with pytest.raises(ConfigError, match=r"\[scan\] is a section of `nuprop fit`"):
        parse({**{key: BASE[key] for key in ("source", "mediator")}, "scan": {}})
    with pytest.raises(ConfigError, match=r"\[energy\]"):
        read_fit("araki-2016-fig3")


KEYS = {
    "data": "sample lowest highest by_topology livetime unfolded",
    "fit": "starts seed minimizer",
    "scan": "folder workers chunk nodes axes",
    "output": "fit counts profile contours",
    "parameters.index": "target bounds start scale prior fixed description",
}


@pytest.mark.parametrize("value", [-1.0, float("nan"), "x", "-3 eV", True, {"name": 3}, [[1.0]]])
@pytest.mark.parametrize("section", KEYS)
def test_no_value_of_any_key_gives_another_error(section, value):
    """Nonsense is refused by a ConfigError that names the section, or it is allowed there."""
    refused = 0
    for key in KEYS[section].split():
        if section == "parameters.index":
            index = {"target": "source.spectrum.index", "bounds": [1.5, 4.0], key: value}
            changes = {"parameters": {"index": index}}
        else:
            changes = {section: {**BASE.get(section, {}), key: value}}
        try:
            parse_fit({**BASE, **changes})
        except ConfigError as error:
            where = str(error).removeprefix("[")
            assert where.startswith(section.partition(".")[0])
            refused += 1
    assert refused > 0


@pytest.fixture(scope="module")
def best():
    """A best fit written by hand: nothing is computed."""
    text = (
        '[parameters.normalization]\ntarget = "source.normalization"\nscale = "log"\n'
        'bounds = ["1e-19 / (GeV cm2 s sr)", "1e-17 / (GeV cm2 s sr)"]'
    )
    analysis = with_sections(text).analysis
    errors = {"normalization": 4e-19, "conv": 0.4, "muon": 0.5, "dom": 0.1}
    return FitResult(
        analysis=analysis,
        values={"normalization": 2e-18, "conv": 1.1, "muon": 0.9, "dom": 0.98, "ice": -0.05},
        errors=errors,
        nll=24.5,
        status=FitStatus.CONVERGED,
        message=FitStatus.CONVERGED.value,
        covariance=np.diag(np.square(list(errors.values()))),
        hessian=np.eye(4),
        at_bounds=(),
        flat_directions=(),
        starts=np.array([24.5, 25.0]),
        minimizer="l-bfgs-b",
        place=np.full(4, 0.5),
    )


def test_the_record_of_a_fit_holds_everything_in_plain_values(best, tmp_path):
    path = best.save(tmp_path / "new" / "fit.json")
    held = json.loads(path.read_text())
    assert held == best.to_dict() == to_dict(best)
    assert held["format"] == "nuprop fit, version 1"
    assert held["status"] == "CONVERGED"
    assert held["message"] == best.message
    assert held["nll"] == best.nll
    assert held["data"] == ["hese-7.5yr"]
    assert held["free"] == ["normalization", "conv", "muon", "dom"]
    normalization = held["parameters"]["normalization"]
    assert normalization["value"] == best.values["normalization"]
    assert normalization["error"] == best.errors["normalization"] > 0
    assert normalization["unit"] == "1 / (GeV cm2 s sr)"
    assert normalization["target"] == "source.normalization"
    assert normalization["bounds"] == pytest.approx([1e-19, 1e-17], rel=1e-14, abs=0.0)
    assert held["parameters"]["conv"]["prior"] == [1.0, 0.4]
    assert held["parameters"]["ice"] | {"fixed": True, "error": None} == held["parameters"]["ice"]
    np.testing.assert_array_equal(held["covariance"], best.covariance)
    assert held["starts"] == best.starts.tolist()
    assert held["minimizer"] == "l-bfgs-b"
    assert held["mediator"]["coupling"] == 5e-4
    assert held["versions"]["nuprop"] == nuprop.__version__
    assert [item.name for item in path.parent.iterdir()] == ["fit.json"]


def test_numbers_that_are_not_finite_are_null(best):
    direction = FlatDirection({"conv": 0.7, "muon": -0.7}, 0.1)
    failed = dataclasses.replace(
        best,
        nll=np.inf,
        status=FitStatus.NONFINITE,
        covariance=np.full((4, 4), np.nan),
        errors=dict.fromkeys(best.names, np.nan),
        at_bounds=("dom",),
        flat_directions=(direction,),
        starts=np.array([np.inf]),
    )
    held = json.loads(json.dumps(to_dict(failed), allow_nan=False))
    assert (held["status"], held["nll"], held["starts"]) == ("NONFINITE", None, [None])
    assert held["covariance"] == [[None] * 4] * 4
    assert held["parameters"]["conv"]["error"] is None
    assert held["parameters"]["dom"]["at_bound"] is True
    assert held["parameters"]["conv"]["at_bound"] is False
    assert held["flat_directions"] == [{"weights": {"conv": 0.7, "muon": -0.7}, "curvature": 0.1}]


def test_names_of_files_are_checked(best, tmp_path):
    with pytest.raises(ConfigError, match=r"fit = .*fit\.txt'.*\.json"):
        save(best, tmp_path / "fit.txt")
    with pytest.raises(DatasetError, match=r"scan\.h5'.*\.npz"):
        require_npz_name("scan.h5")
    (tmp_path / "fit.json").mkdir()
    with pytest.raises(OSError, match=r"fit\.json"):
        save(best, tmp_path / "fit.json")
    assert [item.name for item in tmp_path.iterdir()] == ["fit.json"]
