"""Scans: a grid of any parameters, kept on disk as it grows, on as many processes as one likes."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import FitError, ParameterError
from nuprop.inference.analysis import Analysis
from nuprop.inference.checkpoint import Checkpoint, fingerprint
from nuprop.inference.fluxtable import NODES
from nuprop.inference.grid import Grid, about, grid, joined, padded
from nuprop.inference.profile import Profile
from nuprop.inference.profiled import Profiled
from nuprop.inference.progress import counter
from nuprop.precision import require_float64

FloatArray = NDArray[np.float64]

#: How often a pool of processes is made anew after one of them was killed.
_MOST_RESTARTS = 3

#: The scan of a worker process, set once when it starts.
_held: dict[str, Any] = {}


def scan(
    analysis: Analysis,
    axes: Mapping[str, Any],
    *,
    folder: str | Path | None = None,
    workers: int = 1,
    chunk: int = 32,
    nodes: int = NODES,
    progress: bool = True,
) -> Profile:
    """Minimize -ln L at every point of a grid, and lose nothing that was finished.

    Parameters
    ----------
    analysis : Analysis
    axes : mapping from name to a number of values, or the values
        A number is spread between the bounds of the parameter, in its scale.
    folder : path, optional
        Where finished chunks are kept. The same scan started again goes on where it was, and gives
        the same result bit for bit. None keeps nothing.
    workers : int
        Processes; 1 computes in this one. A script that starts several needs
        ``if __name__ == "__main__":`` around its own calls, as Python's multiprocessing does.
    chunk : int
        Points computed together and stored as one file.
    nodes : int
        As for `profile`.
    progress : bool

    Returns
    -------
    Profile

    Raises
    ------
    ParameterError
        If a name is unknown, or values are not rising or out of bounds.
    FitError
        If the folder holds another scan, processes keep dying, or the analysis holds functions
        that cannot be sent to them.
    OSError
        If a chunk cannot be written; all earlier ones are kept.
    """
    require_float64()
    for name, value in (("workers", workers), ("chunk", chunk)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ParameterError(f"{name} = {value!r}: a whole number of at least 1")
    made = grid(analysis, axes, 0, nodes)
    every = made.rows()
    chunks = np.split(padded(every, chunk), -(-len(every) // chunk))
    store = None
    if folder is not None:
        store = Checkpoint.opened(folder, fingerprint(made, chunk), about(made.analysis))
    done: dict[int, Profiled] = {}
    if store is not None:
        kept = ((number, store.load(number)) for number in range(len(chunks)))
        done = {number: rows for number, rows in kept if rows is not None}
    missing = [number for number in range(len(chunks)) if number not in done]
    with counter(len(chunks) * chunk, "scan", progress, len(done) * chunk) as shown:
        for number, rows in _computed(made, chunks, missing, store, workers):
            done[number] = rows
            shown.update(chunk)
    rows = joined([done[number] for number in range(len(chunks))], len(every))
    return made.arranged(rows)


def _computed(
    made: Grid,
    chunks: list[FloatArray],
    missing: list[int],
    store: Checkpoint | None,
    workers: int,
) -> Any:
    """Yield (number, rows) of the missing chunks, stored before they are told of."""
    if workers == 1 or len(missing) <= 1:
        for number in missing:
            rows = made.compute(chunks[number])
            if store is not None:
                store.store(number, rows)
            yield number, rows
        return
    try:
        payload = pickle.dumps(made)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise FitError(
            f"workers = {workers}: the analysis holds a function that cannot be sent to another "
            f"process ({error}); define it in a module of its own, or take workers=1"
        ) from error
    left = set(missing)
    for _ in range(_MOST_RESTARTS + 1):
        try:
            for number, rows in _by_processes(payload, chunks, sorted(left), store, workers):
                left.discard(number)
                yield number, rows
            return
        except BrokenProcessPool:
            continue
    raise FitError(
        f"workers = {workers}: processes died {_MOST_RESTARTS + 1} times, for want of memory "
        "perhaps; what was finished is kept in the folder. Start again with fewer workers"
    )


def _by_processes(
    payload: bytes,
    chunks: list[FloatArray],
    numbers: list[int],
    store: Checkpoint | None,
    workers: int,
) -> Any:
    context = multiprocessing.get_context("spawn")  # a process forked after jax has run hangs
    with ProcessPoolExecutor(
        min(workers, len(numbers)), context, initializer=_hold, initargs=(payload, store)
    ) as pool:
        waiting = {pool.submit(_one, number, chunks[number]): number for number in numbers}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _hold(payload: bytes, store: Checkpoint | None) -> None:
    """Receive the scan, in a worker."""
    _held.update(grid=pickle.loads(payload), store=store)


def _one(number: int, points: FloatArray) -> Profiled:
    """Compute and store one chunk, in a worker."""
    rows: Profiled = _held["grid"].compute(points)
    if _held["store"] is not None:
        _held["store"].store(number, rows)
    return rows
