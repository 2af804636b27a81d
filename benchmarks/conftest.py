"""One fixture: `measure`, which records cost and error of a program."""

from __future__ import annotations

import pytest

import nuprop  # noqa: F401  switches JAX to 64-bit floats before any array exists
from benchmarks.measuring import Measure


@pytest.fixture
def measure(benchmark):
    return Measure(benchmark)
