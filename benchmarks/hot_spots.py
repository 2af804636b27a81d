"""Where does the time go? Seconds per line of source code: ``python -m benchmarks.hot_spots``."""

from __future__ import annotations

import argparse
import collections
import re
import tempfile
from pathlib import Path

import jax

import nuprop
from benchmarks import models
from benchmarks.measuring import compiled
from benchmarks.models import MODELS
from nuprop.transport import solve

PACKAGE = Path(nuprop.__file__).parent
#: Operations that only hold others.
LOOPS = ("while", "closed_call")
#: Modules whose lines are shown.
SOLVERS = ("sweep", "march", "readout")


def profile(function, *arguments, runs=20):
    """Seconds of each operation of a compiled program in one run, and the line it came from."""
    jax.config.update("jax_include_full_tracebacks_in_locations", True)
    program = compiled(function, *arguments)
    lines = lines_of(program.program.as_text())
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(runs):
                program(*arguments)
        [trace] = Path(folder).rglob("*.xplane.pb")
        data = jax.profiler.ProfileData.from_file(str(trace))
    seconds = collections.Counter()
    calls = collections.Counter()
    for plane in data.planes:
        for thread in plane.lines:
            for event in thread.events:
                if lines.get(event.name, LOOPS)[0] not in LOOPS:
                    seconds[lines[event.name]] += 1e-9 * event.duration_ns / runs
                    calls[lines[event.name]] += 1 / runs
    return seconds, calls


def lines_of(text):
    """Name of each instruction of an HLO text -> (operation, line of the solver and function)."""
    files, functions = (
        dict(re.findall(r'^(\d+) "(.*)"$', section(text, title), re.M))
        for title in ("FileNames", "FunctionNames")
    )
    location = r"^(\d+) \{file_name_id=(\d+) function_name_id=(\d+) line=(\d+)"
    places = {
        number: (Path(files[file]), functions[function], line)
        for number, file, function, line in re.findall(
            location, section(text, "FileLocations"), re.M
        )
    }
    frame = r"^(\d+) \{file_location_id=(\d+) parent_frame_id=(\d+)"
    frames = {
        number: (places[place], str(int(parent) - 1))
        for number, place, parent in re.findall(frame, section(text, "StackFrames"), re.M)
    }
    instruction = (
        r'^\s*(?:ROOT )?%?([\w.-]+) = .*?op_name="(?:[^"]*/)?([^"/]*)" stack_frame_id=(\d+)'
    )
    return {
        name: (operation, origin(number, frames))
        for name, operation, number in re.findall(instruction, text, re.M)
    }


def section(text, title):
    found = re.search(rf"^{title}\n(.*?)\n\n", text, re.M | re.S)
    return found.group(1) if found else ""


def origin(number, frames):
    """The line of the solver that asked for it, and the function that did it."""
    line = function = ""
    while number in frames:
        (file, name, where), number = frames[number]
        if file.is_relative_to(PACKAGE):
            function = function or name
            if not line and file.stem in SOLVERS:
                line = f"{file.name}:{where}"
    return f"{line} {function.replace('<locals>.', '')}"


def subjects():
    for name in MODELS:
        problem = models.problem(MODELS[name], thermal=False)
        yield f"sweep {name}", solve, (*problem, models.energies(200))
    for name in MODELS:
        shape = models.march_shape(name)

        def march(*given, shape=shape):
            return solve(*given, method="march", lattice=shape)

        problem = models.problem(MODELS[name], thermal=True)
        yield f"march {name}", march, (*problem, models.energies(300))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot_spots", description=__doc__)
    parser.add_argument("--rows", type=int, default=15)
    options = parser.parse_args()
    for name, function, arguments in subjects():
        seconds, calls = profile(function, *arguments)
        total = sum(seconds.values())
        print(f"\n{name}: {1e6 * total:.0f} us in operations of one run")
        for (operation, line), spent in seconds.most_common(options.rows):
            count = calls[operation, line]
            share = f"{1e6 * spent:9.1f} us {100.0 * spent / total:5.1f} %"
            print(f"{share}{count:8.0f} x  {operation:24} {line}")


if __name__ == "__main__":
    main()
