"""How much memory does a process need at its peak?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PREPARE = """
import resource
import sys
import jax
import jax.numpy as jnp
import nuprop
from benchmarks import models
from benchmarks.bench_batch import LAYOUTS, batch
from benchmarks.models import MODELS
from nuprop.transport import solve
"""
TASKS = {
    "imports alone": "",
    "one sweep": """
run = lambda row: solve(*models.problem(row, thermal=False), models.energies(200))
jax.block_until_ready(jax.jit(run)(MODELS["fig3"]))
""",
    "1000 sweeps, vmap": """
jax.block_until_ready(jax.jit(LAYOUTS["vmap"])(batch("all")))
""",
    "1000 sweeps, chunks of 25": """
jax.block_until_ready(jax.jit(LAYOUTS["chunks of 25"])(batch("all")))
""",
    "one march": """
lattice = models.march_shape("fig3")
run = lambda row: solve(
    *models.problem(row, thermal=True), models.energies(300), method="march", lattice=lattice
)
jax.block_until_ready(jax.jit(run)(MODELS["fig3"]))
""",
    "gradient of a march": """
from benchmarks.bench_gradient import log_flux
function = log_flux("march")
total = lambda shift: jnp.sum(function(shift))
jax.block_until_ready(jax.jit(jax.grad(total))(jnp.zeros(6)))
""",
}
#: Linux counts in ru_maxrss what the parent held when it forked; VmHWM begins anew.
REPORT = """
from pathlib import Path
status = Path("/proc/self/status")
if status.exists():
    peak = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
    print(float(peak.split()[1]) / 1024)
else:
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)
"""


@pytest.mark.parametrize("task", TASKS)
def test_peak(measure, task):
    """Largest resident set of a whole process, compilation included; the time is the process's."""
    code = "\n".join([PREPARE, TASKS[task], REPORT])
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    peaks = []

    def run():
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(float(done.stdout))

    measure.run(run, error=0.0, against="", rounds=1)
    measure.benchmark.extra_info["peak_MiB"] = max(peaks)
