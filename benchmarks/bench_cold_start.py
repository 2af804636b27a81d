"""How long does one wait for a first result? Whole processes, with no compilation cache."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files

import pytest

import nuprop

EXAMPLE = "araki-2016-fig3"


@pytest.fixture
def run(tmp_path):
    """Runs Python with given arguments in an empty folder."""
    environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}

    def command(*arguments):
        subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment | {"MPLBACKEND": "Agg"},
            capture_output=True,
            check=True,
        )

    return command


@pytest.mark.parametrize("plot", [True, False], ids=["table and plot", "table"])
def test_flux(measure, run, tmp_path, plot):
    run_file = EXAMPLE
    if not plot:
        text = (files("nuprop") / "examples" / f"{EXAMPLE}.toml").read_text()
        kept = [line for line in text.splitlines() if not line.startswith(("plot =", "points = ["))]
        run_file = tmp_path / "table.toml"
        run_file.write_text("\n".join([*kept, ""]))

    def residual(_):
        return nuprop.load(tmp_path / f"{EXAMPLE}.ecsv").balance.energy_residual

    measure.run(
        lambda: run("-m", "nuprop.cli", "flux", str(run_file)),
        error=residual,
        against="energy balance",
        rounds=2,
    )


@pytest.mark.parametrize(
    "code",
    ["import jax", "import nuprop; nuprop.propagate", "import matplotlib.pyplot"],
)
def test_import(measure, run, code):
    """What of it is spent before anything is computed."""
    measure.run(lambda: run("-c", code), error=0.0, against="", rounds=3)


def test_help(measure, run):
    measure.run(lambda: run("-m", "nuprop.cli", "--help"), error=0.0, against="", rounds=10)
