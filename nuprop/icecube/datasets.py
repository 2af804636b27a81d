"""What there is of IceCube's: one entry for each table, with what is official and what is not."""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import DatasetError, nearest
from nuprop.icecube import points
from nuprop.icecube.events import available_events, events
from nuprop.icecube.fits import available_fits, published_fit
from nuprop.icecube.overlap import HESE, partners
from nuprop.icecube.overlap import overlapping as overlapping
from nuprop.icecube.overlap import require_disjoint as require_disjoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

Kind = Literal["binned", "events", "unfolded", "limit", "fit"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_WIDTH = 100
_LABEL = 14
_FOLDABLE = ("hese-3yr", "hese-7.5yr", "hese-12yr")
_FACTS = "facts, with citation"
_SPECTRUM_PROXIES = {
    "ehe-2025": ("edges of the bins: centers -+ 1/4 decade",),
    "hese-3yr": ("level of the limits: taken to be 2 Delta ln L = 1",),
    "hese-6yr": ("edges of the bins: centers -+ 1/6 decade, approximate",),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Dataset:
    """Where a table comes from, what its numbers mean, and what in it is not IceCube's own.

    Found by `dataset`; all are listed by `datasets`.

    Attributes
    ----------
    name : str
        As its loader takes it: `sample`, `events`, `unfolded` or `published_fit`. Tables of
        different kinds can have the same name: they rest on the same events.
    kind : {"binned", "events", "unfolded", "limit", "fit"}
        A "limit" is an unfolded spectrum without any point.
    title, reference, licence, units, note : str
    citation : str
        Key of the paper for `nuprop.citation.bibtex`.
    confidence_level : float or None
        Of limits, errors or contours; None where the source does not state it, or for counts.
    official, proxies : tuple of str
        What is published by IceCube, and what stands in for something that is not.
    overlaps : tuple of str
        Other samples that share events with this one; none are listed for a fit to samples that
        are not in the package.
    counts : mapping of str to int
        Events by topology, bins, points and limits.
    edges : ndarray, shape (n_bins + 1,), GeV, or None
        Edges of the bins of deposited energy of a binned sample.
    """

    name: str
    kind: Kind
    title: str
    reference: str
    citation: str
    licence: str
    units: str
    confidence_level: float | None
    official: tuple[str, ...]
    proxies: tuple[str, ...]
    overlaps: tuple[str, ...]
    counts: Mapping[str, int]
    note: str = ""
    edges: FloatArray | None = field(default=None)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw it and, if a path is given, save it; see `nuprop.plot.plot_dataset`."""
        from nuprop.plot import plot_dataset

        return plot_dataset(self, path)

    def __repr__(self) -> str:
        also = [item.kind for item in datasets() if item.name == self.name and item is not self]
        rows = [
            ("reference", self.reference),
            ("citation", self.citation),
            ("licence", self.licence),
            ("units", self.units),
            ("level", self._level()),
            ("counts", ", ".join(f"{count} {what}" for what, count in self.counts.items())),
            *(("official", text) for text in self.official),
            *(("proxy", text) for text in self.proxies or ("none",)),
            ("shares events", ", ".join(self.overlaps)),
            ("note", self.note),
            ("same name", ", ".join(also)),
        ]
        lines = [f"Dataset({self.name!r}, {self.kind}): {self.title}"]
        for label, text in rows:
            wrapped = textwrap.wrap(text, _WIDTH - _LABEL - 2, break_on_hyphens=False)
            for number, line in enumerate(wrapped):
                lines.append(f"  {label if number == 0 else '':<{_LABEL}}{line}")
        return "\n".join(lines)

    def _level(self) -> str:
        if self.kind in ("binned", "events"):
            return ""
        if self.confidence_level is None:
            return "confidence level of the limits: not stated"
        what = {"fit": "errors and contours", "limit": "limits"}.get(
            self.kind, "errors 68 %, limits"
        )
        return f"{what} {100 * self.confidence_level:.0f} %"


def datasets(kind: str | None = None) -> tuple[Dataset, ...]:
    """List every table in the package, by kind and name.

    Parameters
    ----------
    kind : {"binned", "events", "unfolded", "limit", "fit"}, optional
        All kinds by default.

    Raises
    ------
    DatasetError
        If there is no such kind.

    Examples
    --------
    >>> [item.name for item in datasets("binned")]
    ['hese-3yr', 'hese-7.5yr', 'hese-12yr']
    """
    if kind is not None and kind not in KINDS:
        raise DatasetError(
            f"kind = {kind!r}: there is none of this name; {nearest(str(kind), KINDS)}"
        )
    return tuple(item for item in _all() if kind in (None, item.kind))


def dataset(name: str, kind: str | None = None) -> Dataset:
    """Find a table by name.

    Parameters
    ----------
    name : str
        Such as "hese-7.5yr" or "ehe-2025".
    kind : str, optional
        Needed where several tables have the name, to get another than the first of "binned",
        "events", "unfolded", "limit", "fit".

    Raises
    ------
    DatasetError
        If there is none of this name or kind.

    Examples
    --------
    >>> dataset("hese-12yr").proxies[2]
    'livetime: a stand-in, 12 years of 365 days; the true one was not found'
    >>> dataset("hese-3yr", kind="unfolded").confidence_level
    0.68
    """
    chosen = {item.name: item for item in reversed(datasets(kind))}
    if name not in chosen:
        of_kind = "" if kind is None else f" of kind {kind!r}"
        raise DatasetError(
            f"dataset = {name!r}: there is none of this name{of_kind}; {nearest(str(name), chosen)}"
        )
    return chosen[name]


@cache
def _all() -> tuple[Dataset, ...]:
    made = [*_binned(), *_event_tables(), *_spectra(), *_fits()]
    return tuple(sorted(made, key=lambda item: (KINDS.index(item.kind), _order(item.name))))


def _order(name: str) -> tuple[int, str]:
    return (HESE.index(name) if name in HESE else len(HESE), name)


def _binned() -> list[Dataset]:
    path = resources.files("nuprop.icecube") / "data" / "binned.toml"
    made = []
    for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        edges = 10.0 ** (entry["first_edge"] + entry["width"] * np.arange(entry["bins"] + 1))
        inside = int(events(name).histogram(edges).sum())
        made.append(
            Dataset(
                name=name,
                kind="binned",
                title=entry["title"],
                reference=entry["reference"],
                citation=entry["citation"],
                licence=entry["licence"],
                units="counts in bins of deposited energy, GeV",
                confidence_level=None,
                official=tuple(entry["official"]),
                proxies=tuple(entry["proxies"]),
                overlaps=partners(name),
                counts={"events": inside, "bins": entry["bins"]},
                edges=edges,
            )
        )
    return made


def _event_tables() -> list[Dataset]:
    made = []
    for name in available_events():
        table = events(name)
        foldable = (
            "" if name in _FOLDABLE else " Events only: without a response it is not foldable."
        )
        made.append(
            Dataset(
                name=name,
                kind="events",
                title=table.title,
                reference=table.reference,
                citation=table.citation,
                licence=table.licence,
                units="energy deposited, GeV; angles rad, length cm, time MJD",
                confidence_level=None,
                official=("all numbers",),
                proxies=("livetime: 12 years of 365 days",) if name == "hese-12yr" else (),
                overlaps=partners(name),
                counts=table.counts,
                note=table.note + foldable,
            )
        )
    return made


def _spectra() -> list[Dataset]:
    made = []
    for name in points.available():
        spectrum = points.unfolded(name)
        limits = int(spectrum.is_limit.sum())
        found = {"points": spectrum.is_limit.size - limits, "limits": limits}
        made.append(
            Dataset(
                name=name,
                kind="unfolded" if found["points"] else "limit",
                title=spectrum.title,
                reference=spectrum.reference,
                citation=spectrum.citation,
                licence=_FACTS,
                units=f"energy GeV; E^2 Phi {spectrum.scope}, GeV cm^-2 s^-1 sr^-1",
                confidence_level=spectrum.limit_level,
                official=("values, errors and limits, transcribed by others",),
                proxies=_SPECTRUM_PROXIES.get(name, ()),
                overlaps=partners(name),
                counts=found,
                note=spectrum.note,
            )
        )
    return made


def _fits() -> list[Dataset]:
    made = []
    for name in available_fits():
        fit = published_fit(name)
        verified = () if fit.verified else ("numbers not compared with the text of the paper",)
        contour = () if fit.contour is None else ("contour: read from a figure by others",)
        made.append(
            Dataset(
                name=name,
                kind="fit",
                title=fit.title,
                reference=fit.reference,
                citation=fit.citation,
                licence=_FACTS,
                units="flux per flavor at 100 TeV, GeV^-1 cm^-2 s^-1 sr^-1; energies GeV",
                confidence_level=0.68,
                official=(f"{fit.shape.replace('-', ' ')}: " + ", ".join(fit.parameters),),
                proxies=(*verified, *contour),
                overlaps=partners(name),
                counts={"parameters": len(fit.parameters)},
                note=fit.note,
            )
        )
    return made
