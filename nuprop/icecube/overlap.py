"""Which samples of IceCube share events, so that no fit counts an event twice."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from nuprop.errors import DatasetError

#: High-energy starting events, each sample a part of the next.
HESE = ("hese-3yr", "hese-4yr", "hese-6yr", "hese-7.5yr", "hese-12yr")

_CASCADES = "cascades-6yr"
_GLASHOW = "glashow-2021"


def overlapping(samples: Iterable[str]) -> list[tuple[str, str]]:
    """List the pairs of samples that share events, in the order given.

    Parameters
    ----------
    samples : iterable of str
        Names of samples, as a likelihood gives in ``samples``. One that is not IceCube's shares
        events with nothing but itself.

    Notes
    -----
    HESE of 3, 4, 6, 7.5 and 12 years are parts of each other; the cascades of 6 years overlap
    with all of them; the search for the Glashow event with the cascades and HESE of 12 years.
    Whether some starting tracks are also among the muon tracks of 9.5 years is not known here.

    Examples
    --------
    >>> overlapping(["hese-3yr", "numu-9.5yr", "hese-7.5yr"])
    [('hese-3yr', 'hese-7.5yr')]
    """
    return [(a, b) for a, b in combinations(samples, 2) if _shared(a, b)]


def require_disjoint(samples: Iterable[str]) -> None:
    """Refuse samples that share events: a joint fit would count these twice.

    Parameters
    ----------
    samples : iterable of str

    Raises
    ------
    DatasetError
        For the first pair that does, with the reason.
    """
    for first, second in overlapping(samples):
        raise DatasetError(
            f"samples {first!r} and {second!r} share events: {_shared(first, second)}. A joint fit "
            "would count them twice; leave one out"
        )


def partners(sample: str) -> tuple[str, ...]:
    """Name the other samples that share events with one."""
    others = (*HESE, _CASCADES, _GLASHOW)
    return tuple(other for other in others if other != sample and _shared(sample, other))


def _shared(first: str, second: str) -> str:
    """Why two samples share events; empty if they do not."""
    if first == second:
        return "they are the same sample"
    if first in HESE and second in HESE:
        short, long = sorted((first, second), key=HESE.index)
        return f"the events of {short} are part of {long}"
    pair = {first, second}
    if _CASCADES in pair and pair & set(HESE):
        return "cascades that start in the detector are in both"
    if _GLASHOW in pair and pair & {_CASCADES, "hese-12yr"}:
        return "the event at the Glashow resonance was searched for among the same cascades"
    return ""
