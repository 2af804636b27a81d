"""Counts with the intervals that Poisson statistics gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

_LEVEL = 0.6827


def poisson_interval(counts: ArrayLike) -> FloatArray:
    """Central 68 % intervals of Poisson means, shape (2, n): distances below and above the counts.

    Notes
    -----
    Garwood 1936: the ends are quantiles of Gamma(n) and Gamma(n + 1); the lower end of 0 is 0.
    """
    from scipy.special import gammaincinv

    tail = 0.5 * (1.0 - _LEVEL)
    n = np.asarray(counts, dtype=np.float64)
    lower = np.where(n > 0, gammaincinv(np.maximum(n, 1.0), tail), 0.0)
    return np.stack([n - lower, gammaincinv(n + 1.0, 1.0 - tail) - n])


def draw_counts(axes: Axes, places: FloatArray, counts: ArrayLike, **line: Any) -> None:
    """Draw counts as points with 68 % intervals; a bin without events is left empty."""
    n = np.asarray(counts, dtype=np.float64)
    hit = n > 0
    axes.errorbar(
        places[hit],
        n[hit],
        yerr=poisson_interval(n[hit]),
        marker="o",
        markersize=4.0,
        linestyle="none",
        elinewidth=1.1,
        zorder=4,
        **line,
    )


def draw_empty(axes: Axes, places: FloatArray, counts: ArrayLike, **line: Any) -> None:
    """Draw the interval of each bin without events: a bar from 0 to 1.84, capped, without point."""
    n = np.asarray(counts, dtype=np.float64)
    empty = n == 0
    axes.errorbar(
        places[empty],
        n[empty],
        yerr=poisson_interval(n[empty]),
        marker="none",
        linestyle="none",
        elinewidth=0.7,
        capsize=2.0,
        zorder=3,
        **line,
    )
