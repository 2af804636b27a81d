"""Compile a function in stages, run it many times, and write down what it cost beside its error."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

#: A benchmark runs until this time is spent [s], or this many rounds.
BUDGET, MOST_ROUNDS = 1.0, 200


def cpu_model() -> str:
    """Name of the processor, as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def surroundings() -> dict[str, Any]:
    """Where the benchmark runs; no names of machines or users."""
    return {
        "device": ", ".join(sorted({d.device_kind for d in jax.devices()})),
        "platform": jax.default_backend(),
        "jax": jax.__version__,
        "cpu": cpu_model(),
        "cores": cores(),
    }


@dataclass
class Compiled:
    """A compiled program, the seconds that its stages took, and what it does by XLA's own count."""

    program: Any
    stages: dict[str, Any]

    def __call__(self, *arguments: Any) -> Any:
        """Run it to the end."""
        return jax.block_until_ready(self.program(*arguments))


def compiled(function: Callable[..., Any], *arguments: Any) -> Compiled:
    """Trace and compile a function for arguments; nothing is taken from a cache."""
    jitted = jax.jit(lambda *given: function(*given))
    start = time.perf_counter()
    lowered = jitted.lower(*arguments)
    middle = time.perf_counter()
    program = lowered.compile()
    end = time.perf_counter()
    stages: dict[str, Any] = {"trace_s": middle - start, "compile_s": end - middle}
    costs, memory = program.cost_analysis(), program.memory_analysis()
    if costs:
        stages |= {
            "flops": costs.get("flops"),
            "transcendentals": costs.get("transcendentals"),
            "bytes": costs.get("bytes accessed"),
        }
    if memory is not None:
        stages["temporaries_MiB"] = memory.temp_size_in_bytes / 2**20
    return Compiled(program, stages)


def processor_time() -> float:
    """Processor seconds of this process and of the processes it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def least(function: Callable[[], Any], budget: float = BUDGET, most: int = MOST_ROUNDS) -> float:
    """Shortest of many runs [s]: what is left when nothing else runs on the machine."""
    function()
    times: list[float] = []
    while sum(times) < budget and len(times) < most:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


@dataclass
class Measure:
    """Runs a program under pytest-benchmark, with processor time and error in `extra_info`."""

    benchmark: Any

    def __call__(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        error: float | Callable[[Any], float],
        against: str,
        budget: float = BUDGET,
        **facts: Any,
    ) -> Any:
        """Measure a function of arrays.

        Parameters
        ----------
        function : traceable; it is compiled first, and its stages are timed apart.
        arguments : arrays
        error : float, or a function of the result
        against : what the error is measured against.
        budget : seconds to run for.
        facts : grid sizes and the like, for `extra_info`.

        Returns
        -------
        The result.
        """
        program = compiled(function, *arguments)
        result = self.run(
            lambda: program(*arguments), error=error, against=against, budget=budget, **facts
        )
        self.benchmark.extra_info.update(program.stages)
        return result

    def run(
        self,
        function: Callable[[], Any],
        *,
        error: float | Callable[[Any], float],
        against: str,
        budget: float = BUDGET,
        rounds: int | None = None,
        **facts: Any,
    ) -> Any:
        """Measure any function, `rounds` times or until the budget is spent; see `__call__`."""
        if rounds is None:
            start = time.perf_counter()
            function()
            rounds = int(np.clip(budget / (time.perf_counter() - start), 3, MOST_ROUNDS))
        processor: list[float] = []

        def timed() -> Any:
            before = processor_time()
            result = function()
            processor.append(processor_time() - before)
            return result

        result = self.benchmark.pedantic(timed, rounds=rounds, iterations=1)
        self.benchmark.extra_info.update(
            surroundings(),
            error=error(result) if callable(error) else error,
            against=against,
            processor_s=float(np.median(processor)),
            **facts,
        )
        return result


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """Slope of ln(time) against ln(size)."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
