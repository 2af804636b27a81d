"""Run all benchmarks, keep their results, print them as a table: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.report import compact, table

HERE = Path(__file__).parent


def run(file: Path) -> tuple[dict[str, Any], int]:
    """Run one file in a process of its own; what pytest-benchmark wrote, and the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.json"
        command = [sys.executable, "-m", "pytest", str(file), "--benchmark-only", "-q"]
        quiet = ["-p", "no:cacheprovider", "--benchmark-columns=min,median,rounds"]
        done = subprocess.run(
            [*command, *quiet, f"--benchmark-json={raw}"], cwd=HERE.parent, check=False
        )
        written = raw.exists() and raw.stat().st_size
        return (json.loads(raw.read_text()) if written else {}), done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="questions such as spectrum or batch; by default all"
    )
    parser.add_argument("--output", type=Path, help="by default benchmarks/results/PLATFORM.json")
    options = parser.parse_args()
    files = [HERE / f"bench_{name}.py" for name in options.names]
    files = files or sorted(HERE.glob("bench_*.py"))
    raws, failed = [], 0
    for file in files:
        raw, code = run(file)
        raws += [raw] if raw else []
        failed |= code
    if not raws:
        return failed
    results = compact(raws)
    print(table(results))
    output = options.output
    if output is None and not options.names and not failed:
        output = HERE / "results" / f"{results['platform']}.json"
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(results, indent=1) + "\n")
        print(f"\nwrote {output}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
