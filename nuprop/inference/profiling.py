"""Profile likelihoods in memory: one or two parameters, in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nuprop.inference.analysis import Analysis
from nuprop.inference.fluxtable import NODES
from nuprop.inference.grid import grid, joined, padded
from nuprop.inference.profile import Profile
from nuprop.inference.progress import bar
from nuprop.precision import require_float64

_CHUNK = 16


def profile(
    analysis: Analysis,
    axes: str | Mapping[str, Any],
    *,
    points: int = 41,
    nodes: int = NODES,
    progress: bool = True,
) -> Profile:
    """Minimize -ln L in all free parameters at each value of one or more parameters.

    Parameters
    ----------
    analysis : Analysis
    axes : name, or mapping
        Parameters to step through; a mapping gives the number of values, spread between the
        bounds, or the values.
    points : int
        Number of values where only a name is given.
    nodes : int
        Spectra propagated at each point to interpolate between, if one parameter of the source's
        spectrum is all that shapes the flux; 0 propagates at every step of every fit.
    progress : bool

    Returns
    -------
    Profile

    Raises
    ------
    ParameterError
        If a name is unknown, or values are not rising or out of bounds.

    Notes
    -----
    Nothing is kept on disk: use `scan` for what takes more than minutes.
    """
    require_float64()
    made = grid(analysis, axes, points, nodes)
    every = made.rows()
    chunk = min(_CHUNK, len(every))
    chunks = np.split(padded(every, chunk), -(-len(every) // chunk))
    rows = [made.compute(part) for part in bar(chunks, "profile", progress)]
    return made.arranged(joined(rows, len(every)))
