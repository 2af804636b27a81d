"""The package's own tables: "# key: value" lines, a line of column names, and rows of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TextTable:
    """Header and columns of one table, all as text.

    Attributes
    ----------
    header : dict
        What the "# key: value" lines say.
    columns : dict of tuple of str
        By name, each of length n_rows.
    """

    header: dict[str, str]
    columns: dict[str, tuple[str, ...]]

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Column as float64, shape (n_rows,); NaN where it is blank or where there is none."""
        n_rows = len(next(iter(self.columns.values())))
        texts = self.columns.get(column, ("",) * n_rows)
        return np.array([float(text) if text else np.nan for text in texts])


def read_table(kind: str, name: str) -> TextTable:
    """Read the table `name` of the folder `kind`, such as "events"."""
    lines = (_folder(kind) / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    header = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    names, *rows = [line.split(",") for line in lines if not line.startswith("#")]
    return TextTable(header, dict(zip(names, zip(*rows, strict=True), strict=True)))


def table_names(kind: str) -> tuple[str, ...]:
    """Name every table of a folder, in alphabetical order."""
    return tuple(sorted(item.name.removesuffix(".csv") for item in _folder(kind).iterdir()))


def _folder(kind: str) -> Traversable:
    return resources.files("nuprop.icecube") / "data" / kind
