"""Turn the JSON of pytest-benchmark into what is kept, and that into a table: time beside error."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

#: What a table shows of `extra_info` in its last column, with the unit or sign that follows it.
_DETAILS = {
    "energies": "energies",
    "cells": "cells",
    "steps": "steps",
    "varied": "varied",
    "tolerance": "tolerance",
    "exponent": "exponent of the cost",
    "order": "order of the error",
    "peak_MiB": "MiB at peak",
    "temporaries_MiB": "MiB of temporaries",
    "workers": "processes",
}


def compact(raws: list[dict[str, Any]]) -> dict[str, Any]:
    """Keep results, versions and processor; drop names of machines, paths and users."""
    entries = []
    surroundings: dict[str, Any] = {}
    for entry in (entry for raw in raws for entry in raw["benchmarks"]):
        info = dict(entry["extra_info"])
        surroundings = {
            key: info.pop(key, None) for key in ("device", "platform", "jax", "cpu", "cores")
        }
        stats = entry["stats"]
        entries.append(
            {
                "file": Path(entry["fullname"].partition("::")[0]).name,
                "name": entry["name"].removeprefix("test_"),
                "min_s": _rounded(stats["min"]),
                "median_s": _rounded(stats["median"]),
                "rounds": stats["rounds"],
                **{key: _rounded(value) for key, value in info.items()},
            }
        )
    return {
        "date": raws[-1]["datetime"][:10],
        "python": raws[-1]["machine_info"]["python_version"],
        **surroundings,
        "benchmarks": entries,
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.4g}")
    return value


def table(results: dict[str, Any]) -> str:
    """Write results as markdown, one table for each file."""
    lines = [
        f"{results['device']}; {results['cpu']}, {results['cores']} cores; "
        f"Python {results['python']}, jax {results['jax']}; {results['date']}",
    ]
    file = None
    for entry in results["benchmarks"]:
        if entry["file"] != file:
            file = entry["file"]
            lines += [
                "",
                f"**{file.removesuffix('.py')}**",
                "",
                "| | shortest | median | processor | trace + compile | error | against | |",
                "|---|---|---|---|---|---|---|---|",
            ]
        lines.append(_row(entry))
    return "\n".join(lines)


def _row(entry: dict[str, Any]) -> str:
    items = entry.get("items", 1)
    each = f" x {items}" if items > 1 else ""
    cells = [entry["name"]]
    cells += [_time(entry[key] / items) + each for key in ("min_s", "median_s", "processor_s")]
    cells.append(
        f"{entry['trace_s']:.2g} + {entry['compile_s']:.2g} s" if "compile_s" in entry else ""
    )
    cells.append(f"{entry['error']:.1e}" if entry["error"] else "")
    return f"| {' | '.join([*cells, entry['against'], _details(entry)])} |"


def _details(entry: dict[str, Any]) -> str:
    details = []
    for key, text in _DETAILS.items():
        value = entry.get(key)
        if isinstance(value, int | float):
            details.append(f"{value:.4g} {text}")
        elif value is not None:
            details.append(f"{text} {value}")
    if "spectra_per_point" in entry:
        rate = entry["spectra_per_point"] * entry["items"] / entry["min_s"]
        details.append(f"{rate:.0f} spectra per second")
    if "sizes" in entry:
        milliseconds = ", ".join(f"{t:.3g}" for t in entry["times_ms"])
        details.append(f"{milliseconds} ms for {', '.join(map(str, entry['sizes']))}")
    for key in ("errors", "errors_without_secondaries", "errors_with_secondaries"):
        if key in entry:
            what = key.replace("_", " ")
            details.append(f"{what} {', '.join(f'{value:.2g}' for value in entry[key])}")
    if "at_energies" in entry:
        details.append(f"at E/E_R = {', '.join(map(str, entry['at_energies']))}")
    return "; ".join(details)


def _time(seconds: float) -> str:
    if seconds >= 1.0:
        return f"{seconds:.3g} s"
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} us"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(table(json.loads(Path(name).read_text())))
