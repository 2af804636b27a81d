"""A scan on disk: a manifest, and one file for each finished chunk of points."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from nuprop.errors import DatasetError, FitError
from nuprop.inference.files import read_npz, write_npz
from nuprop.inference.grid import Grid, about
from nuprop.inference.profiled import Profiled

_FORMAT = "nuprop scan, version 1"
_LOG = logging.getLogger(__name__)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def fingerprint(grid: Grid, chunk: int) -> str:
    """Tell scans apart: a hash of every number, the structure, the axes and the versions.

    Functions count by their name and code, so that the same script finds its scan again.
    """
    digest = hashlib.sha256()
    leaves, structure = jax.tree_util.tree_flatten(grid.objective)
    for leaf in leaves:
        digest.update(np.asarray(leaf, dtype=float).tobytes())
    digest.update(_ADDRESS.sub("", str(structure)).encode())
    for function in _functions(grid):
        code = getattr(function, "__code__", None)
        digest.update(repr((getattr(function, "__qualname__", ""), chunk)).encode())
        if code is not None:
            digest.update(code.co_code + repr(code.co_consts).encode())
    for name, axis in grid.axes.items():
        digest.update(name.encode() + axis.tobytes())
    versions = about(grid.analysis)["versions"]
    digest.update(json.dumps([versions, chunk, grid.nodes, grid.where]).encode())
    return digest.hexdigest()


def _functions(grid: Grid) -> list[Callable[..., Any]]:
    slots = [slot.transform for slot in grid.objective.layout.slots if slot.transform is not None]
    return slots + [function for _, function in grid.objective.layout.ties]


@dataclass(frozen=True)
class Checkpoint:
    """The folder of a scan.

    Attributes
    ----------
    folder : Path
    key : fingerprint of the scan.
    """

    folder: Path
    key: str

    @classmethod
    def opened(cls, folder: str | Path, key: str, record: Mapping[str, Any]) -> Checkpoint:
        """Open a folder, or make it.

        Raises
        ------
        FitError
            If it holds another scan, or something else.
        """
        folder = Path(folder)
        manifest = folder / "manifest.json"
        if manifest.exists():
            try:
                held = json.loads(manifest.read_text(encoding="utf-8"))
                found = held["fingerprint"] if held["format"] == _FORMAT else None
            except (ValueError, KeyError, TypeError) as error:
                raise FitError(
                    f"folder = {str(folder)!r}: its manifest.json is damaged; delete the folder, "
                    "or name another"
                ) from error
            if found != key:
                changed = [key for key in record if held.get("about", {}).get(key) != record[key]]
                what = f" (it differs in {', '.join(changed)})" if changed else ""
                raise FitError(
                    f"folder = {str(folder)!r} holds another scan{what}: name another folder, or "
                    "delete this one"
                )
            return cls(folder, key)
        if folder.exists() and any(folder.iterdir()):
            raise FitError(f"folder = {str(folder)!r} is not empty, and holds no scan")
        folder.mkdir(parents=True, exist_ok=True)
        partial = manifest.with_suffix(".part")
        content = {"format": _FORMAT, "fingerprint": key, "about": dict(record)}
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
        partial.replace(manifest)
        return cls(folder, key)

    def path(self, number: int) -> Path:
        """File of a chunk."""
        return self.folder / f"chunk-{number:06d}.npz"

    def store(self, number: int, rows: Profiled) -> None:
        """Write one chunk, whole or not at all."""
        arrays = {name: getattr(rows, name) for name in ("nll", "values", "converged", "error")}
        write_npz(self.path(number), {"fingerprint": self.key, "chunk": number}, arrays)

    def load(self, number: int) -> Profiled | None:
        """Read one chunk; None if it is missing, cut in the middle, or another scan's."""
        try:
            meta, arrays = read_npz(self.path(number))
            if meta != {"fingerprint": self.key, "chunk": number}:
                raise DatasetError(f"{self.path(number)}: belongs to another scan")
            return Profiled(**arrays)
        except FileNotFoundError:
            return None
        except (DatasetError, TypeError) as error:
            _LOG.warning("%s; this chunk is computed again", error)
            return None
