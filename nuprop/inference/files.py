"""Arrays and their record in one .npz file, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nuprop.errors import DatasetError


def require_npz_name(path: str | Path) -> None:
    """Refuse a file name that does not end in .npz, with a DatasetError."""
    if Path(path).suffix != ".npz":
        raise DatasetError(f"path = {str(path)!r}: the name must end in .npz")


def write_npz(path: str | Path, meta: Mapping[str, Any], arrays: Mapping[str, Any]) -> Path:
    """Write arrays and a JSON record into one file, whole or not at all.

    Raises
    ------
    DatasetError
        If the name does not end in .npz.
    OSError
        If the disk is full; an older file of this name is left as it was.
    """
    require_npz_name(path)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".part", prefix=path.stem, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, __meta__=np.array(json.dumps(meta)), **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def read_npz(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `write_npz` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DatasetError
        If it is cut or not of this kind.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            meta = json.loads(str(file["__meta__"]))
            arrays = {name: file[name] for name in file.files if name != "__meta__"}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(f"{path}: cut in the middle, or not written by nuprop") from error
    return meta, arrays
