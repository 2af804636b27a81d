"""A map of (g', M) as a script: SIDE WORKERS FOLDER; prints -ln L at the best point."""

import sys

import nuprop
from benchmarks.bench_likelihood import analysis

if __name__ == "__main__":
    side, workers, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    axes = {"coupling": side, "mass": side}
    found = nuprop.scan(analysis(), axes, workers=workers, folder=folder, progress=False)
    print(found.best_nll)
