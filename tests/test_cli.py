"""The command line: what it prints and writes, and how it fails."""

import re
import resource
import subprocess
import sys
import warnings

import pytest

import nuprop
from nuprop.cli import main
from nuprop.errors import PhysicsWarning

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
    for command in ("flux", "figures", "sources"):
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
