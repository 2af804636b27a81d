"""One fixture: `measure`, which records cost and error of a program."""

from __future__ import annotations

import jax
import pytest

import nuprop  # noqa: F401  switches JAX to 64-bit floats before any array exists
from benchmarks.measuring import Measure, cores

# a device for each core, which only the benchmarks that ask for several use
jax.config.update("jax_num_cpu_devices", cores())


@pytest.fixture
def measure(benchmark):
    return Measure(benchmark)
