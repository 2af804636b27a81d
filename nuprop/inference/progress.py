"""Progress bars on whatever takes more than two seconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")

_PATIENCE = 2.0  # seconds before a bar appears


def bar(items: Iterable[T], title: str, progress: bool, total: int | None = None) -> Iterable[T]:
    """Iterate with a bar on stderr, which appears after two seconds and vanishes at the end."""
    from tqdm import tqdm

    return tqdm(items, desc=title, total=total, **_options(progress))


def counter(total: int, title: str, progress: bool, done: int = 0) -> Any:
    """Make a bar that is moved by hand: a tqdm object, to be closed."""
    from tqdm import tqdm

    return tqdm(total=total, initial=done, desc=title, **_options(progress))


def _options(progress: bool) -> dict[str, Any]:
    return {"disable": not progress, "delay": _PATIENCE, "leave": False, "dynamic_ncols": True}
