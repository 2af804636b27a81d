"""How long does a plane of (epsilon, g') with all bounds take, from nothing and once compiled?"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from nuprop.laboratory import find_constraint, mixing_plane
from nuprop.laboratory_figures import MIXING_BOUNDS

POINTS = 100
#: g' that CCFR excludes at 10 MeV without mixing: known to four digits.
CCFR = 8.825e-4
CODE = f"""
import numpy as np
from nuprop.laboratory import find_constraint, mixing_plane
names = {(*MIXING_BOUNDS, "muon-g-2-2025")!r}
plane = mixing_plane(
    "10 MeV", [find_constraint(name) for name in names], measurements=["muon-g-2-2014"]
)
print(plane.excluded().sum())
"""


@pytest.fixture
def run(tmp_path):
    """Runs Python with given arguments in an empty folder, without a compilation cache."""
    environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}

    def command(*arguments):
        subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=True,
        )

    return command


def plane():
    bounds = [find_constraint(name) for name in (*MIXING_BOUNDS, "muon-g-2-2025")]
    return mixing_plane("10 MeV", bounds, measurements=["muon-g-2-2014"])


def step_from_ccfr(found):
    """Steps of the grid between the edge of CCFR's region and where it should be."""
    first = found.coupling[np.argmax(found.strengths["ccfr"][:, 0] > 1.0)]
    return float(np.log(first / CCFR) / np.log(found.coupling[1] / found.coupling[0]))


def test_cold(measure, run):
    """A whole process: imports, compilation of every bound, the plane."""
    measure.run(
        lambda: run("-c", CODE),
        error=step_from_ccfr(plane()),
        against="steps from CCFR's edge",
        rounds=2,
        points=POINTS**2,
    )


def test_warm(measure):
    measure.run(plane, error=step_from_ccfr, against="steps from CCFR's edge", points=POINTS**2)
