"""The command line: what it prints and writes, and how it fails."""

import json
import re
import resource
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import nuprop
from nuprop.cli import main
from nuprop.errors import PhysicsWarning
from nuprop.icecube import ExpectedCounts
from nuprop.inference import Profile

SOURCE = 'source.evolution = "flat"\n'
MEDIATOR = '[mediator]\nmodel = "lmu-ltau"\nmass = "11 MeV"\ncoupling = 5e-4\n'
RUN = f"""{SOURCE}{MEDIATOR}
[output]
table = "{{0}}/flux.ecsv"
plot = "{{0}}/flux.png"
"""


@pytest.fixture
def run_file(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(RUN.format(tmp_path))
    return str(path)


@pytest.fixture
def propagated(monkeypatch, fake_flux):
    """Replace the transport; gives the arguments it was called with."""
    calls = []

    def propagate(**arguments):
        calls.append(arguments)
        return fake_flux()

    monkeypatch.setattr(nuprop, "propagate", propagate, raising=False)
    return calls


def test_help_is_light():
    """Neither jax, numpy nor astropy, and 0.2 s of CPU time at most."""
    code = (
        "import sys\nfrom nuprop.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as stop:\n    assert stop.code == 0\n"
        "heavy = [m for m in ('jax', 'numpy', 'astropy', 'matplotlib') if m in sys.modules]\n"
        "assert not heavy, heavy"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    for command in ("flux", "fit", "scan", "figures", "lab", "sources", "datasets"):
        assert command in done.stdout
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert cpu < 0.2  # the goal; measured 0.04 s


def test_flux_prints_the_result_and_writes_both_files(propagated, run_file, tmp_path, capsys):
    assert main(["flux", run_file]) == 0
    said = capsys.readouterr().out
    assert "DiffuseFlux at Earth" in said
    assert "interacted" in said
    assert f"wrote {tmp_path}/flux.ecsv" in said
    assert f"wrote {tmp_path}/flux.png" in said
    assert nuprop.load(tmp_path / "flux.ecsv").energy_gev.size == 60
    assert (tmp_path / "flux.png").stat().st_size > 10_000
    assert [set(arguments) for arguments in propagated] == [{"source", "mediator"}]


@pytest.mark.usefixtures("propagated")
def test_options_win_over_the_run_file(run_file, tmp_path, capsys):
    table, plot = tmp_path / "a" / "other.ecsv", tmp_path / "other.pdf"
    assert main(["flux", run_file, "--table", str(table), "--plot", str(plot)]) == 0
    assert table.exists()
    assert plot.exists()
    assert not (tmp_path / "flux.ecsv").exists()
    assert str(table) in capsys.readouterr().out


@pytest.mark.usefixtures("propagated")
def test_without_output_nothing_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text(SOURCE + MEDIATOR)
    assert main(["flux", "run.toml"]) == 0
    assert "wrote" not in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]


@pytest.mark.usefixtures("propagated")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["flux", "absent.toml"], "neither a file nor an example"),
        (["flux", "RUN", "--table", "flux.txt"], "must end in .ecsv"),
        (["flux", "RUN", "--plot", "flux.docx"], "the suffix must be one of"),
        (["flux", "RUN", "--table", "/proc/no/flux.ecsv"], "/proc/no"),
        (["figures", "fig7"], "did you mean"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_exit_code_2(arguments, complaint, run_file, capsys):
    assert main([run_file if word == "RUN" else word for word in arguments]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith(f"nuprop {arguments[0]}: ")
    assert complaint in err


@pytest.mark.parametrize("arguments", [[], ["fluxx"], ["flux"], ["flux", "a", "--tabel", "b"]])
def test_bad_usage_exits_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: nuprop" in capsys.readouterr().err


def test_a_failing_process_prints_no_traceback(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('source.z_max = "5 m"\n' + MEDIATOR)
    done = subprocess.run(
        [sys.executable, "-m", "nuprop.cli", "flux", path], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("nuprop flux: [source] z_max")
    assert done.stderr.count("\n") == 1


def test_warnings_are_one_line_without_code(monkeypatch, run_file, fake_flux, capsys):
    def propagate(**_):
        warnings.warn("the coupling is large", PhysicsWarning, stacklevel=2)
        return fake_flux()

    monkeypatch.setattr(nuprop, "propagate", propagate, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert main(["flux", run_file]) == 0
    assert capsys.readouterr().err == "nuprop: warning: the coupling is large\n"


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"nuprop {nuprop.__version__}\n"


def test_sources_lists_formula_and_reference_of_each(capsys):
    assert main(["sources"]) == 0
    said = capsys.readouterr().out
    evolutions, spectra = said.removeprefix("evolution:\n").split("spectrum:\n")
    for entry in nuprop.sources.available():
        listing = evolutions if entry.kind == "evolution" else spectra
        [block] = re.findall(rf"^  {entry.name} .*\n(?:   .*\n)*", listing, re.MULTILINE)
        words = block.split()
        for text in (entry.formula, entry.reference, *entry.parameters):
            assert set(text.split()) <= {word.rstrip(":") for word in words} | set(words)
    columns = {len(re.match(r"  \S+ +|  +", row)[0]) for row in evolutions.splitlines()}
    assert len(columns) == 1  # aligned


def test_figures_are_drawn_where_asked(propagated, tmp_path, capsys):
    assert main(["figures", "fig4", "--output-dir", str(tmp_path / "figures")]) == 0
    [path] = (tmp_path / "figures").iterdir()
    assert path.name == "araki-2016-fig4.png"
    assert f"wrote {path}" in capsys.readouterr().out
    thermal = [arguments["relics"].thermal for arguments in propagated]
    assert thermal == [True, True, False]
    assert [arguments["source"].spectrum.index for arguments in propagated[:2]] == [2.1, 2.3]


def test_mediator_tells_of_a_model(capsys):
    settings = ["mass=10 MeV", "coupling=0.01", 'flavor="tau"']
    assert main(["mediator", "scalar-single-flavor", *settings]) == 0
    scalar = nuprop.Scalar.single_flavor("tau", "10 MeV", 0.01)
    said = capsys.readouterr().out
    assert said == f"{nuprop.mediators.describe_text(scalar, nuprop.Neutrinos())}\n"
    assert main(["mediator", "scalar-single-flavor", *settings, "--nature", "dirac"]) == 0
    said = capsys.readouterr().out
    assert said == f"{nuprop.mediators.describe_text(scalar, nuprop.Neutrinos(), 'dirac')}\n"


def test_mediator_tells_of_every_one_in_a_run_file(tmp_path, capsys):
    path = tmp_path / "both.toml"
    scalar = '[[mediator]]\nmodel = "scalar-universal"\nmass = "3 MeV"\ncoupling = 0.01\n'
    vector = MEDIATOR.replace("[mediator]", "[[mediator]]")
    path.write_text(f'{SOURCE}{vector}{scalar}[relics]\nnature = "dirac"\n')
    assert main(["mediator", str(path)]) == 0
    first, second = capsys.readouterr().out.split("\n\n")
    assert first.startswith("ZPrime('lmu-ltau', mass 11 MeV, coupling 0.0005)")
    assert second.startswith("Scalar('universal', mass 3 MeV, coupling 0.01)")
    assert first.count("Dirac neutrinos\n") == second.count("Dirac neutrinos\n") == 1


def test_models_of_mediators_are_listed(capsys):
    assert main(["mediator"]) == 0
    vectors, scalars = capsys.readouterr().out.removeprefix("vector:\n").split("scalar:\n")
    assert re.findall(r"^  (\S+) ", vectors, re.MULTILINE)[:2] == ["lmu-ltau", "le-lmu"]
    assert re.findall(r"^  (\S+) ", scalars, re.MULTILINE) == [
        f"scalar-{name}" for name in ("universal", "single-flavor", "diagonal", "matrix")
    ]
    assert "takes mass, coupling, pseudoscalar, complex_field, lepton_number" in scalars


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["scalar-univrsal"], "neither a model, a run file nor an example; did you mean"),
        (["scalar-universal", "mas=3"], "[mediator] mas: no such key; did you mean 'mass'"),
        (["scalar-universal", "mass 3"], "'mass 3': a setting is written KEY=VALUE"),
        (["scalar-universal", "mass=3"], "[mediator] coupling is missing"),
        (["araki-2016-fig3", "mass=3"], "'mass=3': settings belong to a model"),
        (
            ["lmu-ltau", "mass=0.01", "coupling=1e-3", "--nature", "weyl"],
            "[mediator] nature = 'weyl'",
        ),
        (
            ["scalar-universal", "mass=0.01", "coupling=1e-3", "complex_field=true"],
            "use lepton_number=-2",
        ),
    ],
)
def test_bad_input_of_mediator_is_one_line(arguments, complaint, capsys):
    assert main(["mediator", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("nuprop mediator: ")
    assert said.count("\n") == 1
    assert complaint in said


FIT = f"""{SOURCE}{MEDIATOR}
[neutrinos]
lightest_mass = "0.08 eV"
[relics]
thermal = false
[data]
sample = "hese-7.5yr"
[parameters.coupling]
target = "mediator.coupling"
bounds = [1e-5, 1e-3]
scale = "log"
[fit]
starts = 3
[scan]
workers = 2
[scan.axes]
coupling = 5
[output]
fit = "fit.json"
counts = "counts.png"
profile = "scan.npz"
contours = "scan.png"
"""
COUNTS = ExpectedCounts(
    name="hese-7.5yr",
    title="HESE, 7.5 years",
    edges_gev=np.array([1e5, 3e5, 1e6]),
    observed=np.array([3.0, 1.0]),
    signal=np.ones((3, 3, 2)),
    free_signal=None,
    backgrounds={"conv": np.ones(2)},
    nuisances={"conv": 1.0},
)


class FakeResult:
    """What the command does with a FitResult."""

    def __init__(self, counts=(COUNTS,)):
        self.counts = counts

    def __repr__(self):
        return "FitResult for hese-7.5yr"

    def expected(self):
        return self.counts

    def save(self, path):
        Path(path).write_text("{}")
        return path


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """A working folder with run files of a fit."""
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text(FIT)
    Path("quiet.toml").write_text(FIT.partition("[output]")[0])
    Path("no axes.toml").write_text(FIT.partition("[scan]")[0])
    Path("unfolded.toml").write_text(FIT.replace("sample = ", "unfolded = "))
    three = '[parameters.{0}]\ntarget = "{1}"\nbounds = {2}\n'
    more = three.format("index", "source.spectrum.index", [1.5, 4.0])
    more += three.format("mass", "mediator.mass", [1e-3, 0.1])
    Path("three.toml").write_text(
        FIT.replace("[fit]", more + "[fit]").replace(
            "coupling = 5\n", "coupling = 5\nmass = 5\nindex = 5\n"
        )
    )
    return tmp_path


@pytest.fixture
def fitted(monkeypatch):
    """Replace the fit; gives the arguments it was called with."""
    calls = []

    def fit(analysis, **options):
        calls.append((analysis, options))
        return FakeResult(() if analysis.data[0].nuisances == () else (COUNTS,))

    monkeypatch.setattr(nuprop, "fit", fit, raising=False)
    return calls


@pytest.fixture
def scanned(monkeypatch):
    """Replace the scan; gives the arguments it was called with."""
    calls = []

    def scan(analysis, axes, **options):
        calls.append((axes, options))
        coupling = np.geomspace(1e-5, 1e-2, 5)
        return Profile(
            axes={"coupling": coupling},
            units={"coupling": ""},
            logarithmic=("coupling",),
            nll=24.0 + np.arange(5.0),
            values={},
            converged=np.ones(5, dtype=bool),
        )

    monkeypatch.setattr(nuprop, "scan", scan, raising=False)
    return calls


@pytest.mark.usefixtures("in_folder")
def test_fit_prints_result_and_counts_and_writes_both_files(fitted, capsys):
    assert main(["fit", "run.toml"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("FitResult for hese-7.5yr\n\nExpectedCounts in HESE, 7.5 years")
    assert said.endswith("\nwrote fit.json\nwrote counts.png\n")
    assert Path("fit.json").exists()
    assert Path("counts.png").stat().st_size > 10_000
    [(analysis, options)] = fitted
    assert analysis.names[0] == "coupling"
    assert options == {"starts": 3}


@pytest.mark.usefixtures("in_folder", "fitted")
def test_options_of_fit_win_over_the_run_file(capsys):
    assert main(["fit", "run.toml", "--output", "a.json", "--plot", "a.pdf"]) == 0
    assert capsys.readouterr().out.endswith("wrote a.json\nwrote a.pdf\n")
    assert not Path("fit.json").exists()
    assert main(["fit", "quiet.toml"]) == 0
    assert "wrote" not in capsys.readouterr().out


@pytest.mark.usefixtures("in_folder")
def test_scan_prints_the_profile_and_writes_both_files(scanned, capsys):
    assert main(["scan", "run.toml"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Profile over coupling (5)")
    assert said.endswith("\nwrote scan.npz\nwrote scan.png\n")
    assert Profile.load("scan.npz").nll.size == 5
    assert Path("scan.png").stat().st_size > 10_000
    assert scanned == [({"coupling": 5}, {"folder": "run", "workers": 2})]


@pytest.mark.usefixtures("in_folder")
def test_options_of_scan_win_over_the_run_file(scanned, capsys):
    words = "scan run.toml --folder here --workers 4 --output a.npz --plot a.pdf"
    assert main(words.split()) == 0
    assert capsys.readouterr().out.endswith("wrote a.npz\nwrote a.pdf\n")
    assert scanned == [({"coupling": 5}, {"folder": "here", "workers": 4})]
    assert main(["scan", "quiet.toml"]) == 0
    assert "wrote" not in capsys.readouterr().out


@pytest.mark.usefixtures("in_folder", "fitted", "scanned")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["fit", "absent.toml"], "neither a file nor an example"),
        (["fit", "araki-2016-fig3"], "[energy]: the data of a fit"),
        (["fit", "run.toml", "--output", "fit.txt"], "must end in .json"),
        (["fit", "run.toml", "--plot", "fit.docx"], "the suffix must be one of"),
        (["fit", "unfolded.toml"], "plot = 'counts.png': there are no binned data"),
        (["flux", "run.toml"], "[data] is a section of `nuprop fit`"),
        (["scan", "absent.toml"], "neither a file nor an example"),
        (["scan", "no axes.toml"], "[scan.axes] is missing"),
        (["scan", "run.toml", "--output", "scan.txt"], "must end in .npz"),
        (["scan", "run.toml", "--plot", "scan.docx"], "the suffix must be one of"),
        (["scan", "three.toml"], "plot = 'scan.png': one or two axes can be drawn, not 3"),
    ],
)
def test_bad_input_to_fits_is_found_before_anything_is_computed(
    arguments, complaint, fitted, scanned, capsys
):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith(f"nuprop {arguments[0]}: ")
    assert complaint in err
    assert fitted == scanned == []


@pytest.mark.usefixtures("in_folder")
def test_a_scan_without_workers_is_refused(capsys):
    assert main(["scan", "run.toml", "--workers", "0"]) == 2
    assert "workers = 0: a whole number of at least 1" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main(["scan", "run.toml", "--workers", "two"])
    assert stop.value.code == 2


@pytest.mark.slow
@pytest.mark.usefixtures("in_folder")
def test_a_real_fit_and_scan_from_their_examples(capsys):
    assert main(["fit", "hese-7.5yr-fit"]) == 0
    said = capsys.readouterr().out
    assert "CONVERGED" in said
    held = json.loads(Path("hese-7.5yr-fit.json").read_text())
    # IceCube finds 2.87 (+0.20, -0.19) with more nuisances, arXiv:2011.03545.
    assert abs(held["parameters"]["index"]["value"] - 2.87) < 0.1
    assert Path("hese-7.5yr-fit.png").exists()
    assert main(["scan", "hese-7.5yr-scan"]) == 0
    first = Profile.load("hese-7.5yr-scan.npz")
    assert first.converged.all()
    assert Path("hese-7.5yr-scan.png").exists()
    assert main(["scan", "hese-7.5yr-scan", "--output", "again.npz"]) == 0  # read from its folder
    np.testing.assert_array_equal(Profile.load("again.npz").nll, first.nll)


@pytest.fixture
def drawn(monkeypatch):
    """Replace the figures of the laboratory; gives the arguments that each was called with."""
    from nuprop import laboratory_figures

    calls = []

    def fake(name):
        def draw(*arguments, **options):
            calls.append((name, arguments, options))
            paths = [Path(options["folder"]) / f"{name}.{options['suffix']}"]
            return paths if name == "draw_tridents" else paths[0]

        return draw

    for name in laboratory_figures.__all__:
        if name.startswith("draw_"):
            monkeypatch.setattr(laboratory_figures, name, fake(name))
    return calls


def test_lab_plane_at_masses(drawn, capsys):
    assert main(["lab", "plane", "--mass", "10 MeV", "--mass", "100 MeV", "--sign", "minus"]) == 0
    [(name, masses, options), (_, others, _)] = drawn
    assert name == "draw_mixing_plane"
    assert masses + others == ("10 MeV", "100 MeV")
    assert options["signs"] == (-1,)
    assert "loop_mixing" not in options  # the default of the figure
    assert "moments" not in options
    assert capsys.readouterr().out == "wrote draw_mixing_plane.png\n" * 2


def test_lab_plane_over_masses(drawn, tmp_path, capsys):
    arguments = ["--no-loop", "--epsilon", "1e-4", "--moment", "muon-g-2-2023", "--points", "50"]
    arguments += ["--bound", "ccfr", "--dumps", "lifetime", "--scan", "scan.npz", "--format", "pdf"]
    assert main(["lab", "plane", *arguments, "--output-dir", str(tmp_path)]) == 0
    [(name, given, options)] = drawn
    assert (name, given) == ("draw_mass_plane", ())
    assert options == {
        "scan": "scan.npz",
        "kinetic_mixing": 1e-4,
        "loop_mixing": False,
        "points": 50,
        "bounds": ["ccfr"],
        "moments": ["muon-g-2-2023"],
        "dumps": "lifetime",
        "folder": str(tmp_path),
        "suffix": "pdf",
    }
    assert capsys.readouterr().out == f"wrote {tmp_path}/draw_mass_plane.pdf\n"


def test_lab_tridents_photons_and_gap(drawn, capsys):
    assert main(["lab", "tridents", "--coupling", "1e-3", "--loop"]) == 0
    assert main(["lab", "photons", "--mass", "1 GeV", "--epsilon", "0"]) == 0
    assert main(["lab", "gap", "--redshift", "0.5", "--relics", "cold"]) == 0
    assert capsys.readouterr().out.count("wrote ") == 3
    tridents, photons, gap = (options for _, _, options in drawn)
    assert (tridents["couplings"], tridents["loop_mixing"]) == ([1e-3], True)
    assert (photons["masses"], photons["kinetic_mixing"]) == (["1 GeV"], 0.0)
    assert (gap["redshifts"], gap["thermal"]) == ([0.5], False)


def test_lab_constraints_are_listed_with_level_quality_and_papers(capsys):
    assert main(["lab", "constraints"]) == 0
    said = capsys.readouterr().out
    for words in ("exact (", "approximate (", "anchor (", "(g-2)_μ, FNAL 2025: 2 sigma", "CCFR"):
        assert words in said
    assert "Mishra et al. 1991" in said
    assert "$" not in said


def test_lab_cite(capsys):
    assert main(["lab", "cite", "ccfr", "charm-ii"]) == 0
    said = capsys.readouterr().out
    assert "@article{mishra1991," in said
    assert said.count("{altmannshofer2014,") == 1  # behind both
    assert main(["lab", "cite"]) == 0
    assert "{bellini2011," in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["plane", "--mass", "10 m"], "a unit of energy is needed"),
        (["plane", "--mass", "ten MeV"], "is not a quantity"),
        (["plane", "--mass=-1 MeV"], "a positive energy, such as '10 MeV'"),
        (["plane", "--mass", "1 MeV", "--scan", "a.npz"], "--scan: it belongs to the plane of"),
        (["plane", "--mass", "1 MeV", "--epsilon", "1"], "--epsilon: it belongs to the plane of"),
        (["plane", "--sign", "plus"], "--sign"),
        (["plane", "--epsilon", "1.5"], "between -1 and 1"),
        (["plane", "--epsilon", "x"], "kinetic_mixing = 'x' is not a quantity"),
        (["plane", "--bound", "ccrf"], "did you mean 'ccfr'"),
        (["plane", "--moment", "muon-2014"], "measurement 'muon-2014' is unknown"),
        (["plane", "--dumps", "event"], "did you mean 'events'"),
        (["plane", "--points", "3"], "a whole number from 10 to 1000"),
        (["plane", "--scan", "absent.npz"], "absent.npz"),
        (["plane", "--format", "docx"], "the suffix must be one of"),
        (["tridents", "--target", "Pb"], "target 'Pb' is unknown"),
        (["tridents", "--reaction", "coherrent"], "did you mean 'coherent'"),
        (["photons", "--collider", "belle"], "did you mean 'belle-ii'"),
        (["gap", "--window", "1 PeV", "400 TeV"], "two rising energies"),
        (["gap", "--average", "depths"], "did you mean 'depth'"),
        (["gap", "--evolution", "yuksel-2007"], "did you mean"),
        (["gap", "--lightest-mass", "-1 eV"], "lightest_mass"),
        (["cite", "ccrf"], "did you mean 'ccfr'"),
    ],
)
def test_bad_input_of_the_laboratory_is_one_line(arguments, complaint, tmp_path, capsys):
    argument = [] if arguments[0] == "cite" else ["--output-dir", str(tmp_path)]
    assert main(["lab", *arguments, *argument]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("nuprop lab: ")
    assert complaint in err
    assert not list(tmp_path.iterdir())


def test_a_scan_over_other_axes_is_told(tmp_path, capsys):
    axes = {"mass": np.array([0.01, 0.02]), "index": np.array([2.0, 3.0])}
    profile = Profile(
        axes=axes,
        units={"mass": "GeV"},
        logarithmic=("mass",),
        nll=np.zeros((2, 2)),
        values={},
        converged=np.ones((2, 2), dtype=bool),
    )
    path = profile.save(tmp_path / "scan.npz")
    assert main(["lab", "plane", "--scan", str(path), "--output-dir", str(tmp_path / "a")]) == 2
    assert "the scan is over mass, index" in capsys.readouterr().err
    path.write_bytes(b"no archive")
    assert main(["lab", "plane", "--scan", str(path), "--output-dir", str(tmp_path / "a")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
