"""Run all benchmarks, keep their results, print them as a table: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import compact, table

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="questions such as spectrum or batch; by default all"
    )
    parser.add_argument("--output", type=Path, help="by default benchmarks/results/PLATFORM.json")
    options = parser.parse_args()
    files = [HERE / f"bench_{name}.py" for name in options.names]
    files = files or sorted(HERE.glob("bench_*.py"))
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.json"
        command = [sys.executable, "-m", "pytest", *map(str, files), "--benchmark-only"]
        quiet = ["-q", "-p", "no:cacheprovider", "--benchmark-columns=min,median,rounds"]
        done = subprocess.run(
            [*command, *quiet, f"--benchmark-json={raw}"], cwd=HERE.parent, check=False
        )
        if not raw.exists() or not raw.stat().st_size:
            return done.returncode
        results = compact(json.loads(raw.read_text()))
    print(table(results))
    output = options.output
    if output is None and not options.names:
        output = HERE / "results" / f"{results['platform']}.json"
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(results, indent=1) + "\n")
        print(f"\nwrote {output}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
