"""IceCube's high-energy starting events, one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import DatasetError, GridError, nearest
from nuprop.icecube.text_table import read_table, table_names
from nuprop.units import in_code_units, required_number

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: What an event can look like. "coincident" events have no energy.
TOPOLOGIES = ("cascade", "track", "double", "coincident")

_DAY = 86400.0
_TEV = 1e3
_CM = 1e2  # per m


@dataclass(frozen=True, eq=False, repr=False)
class EventTable:
    """Events of one sample. Made by `events`.

    Arrays have the shape (n,), and hold NaN where a number is not published.

    Attributes
    ----------
    name, title, label, reference : str
        Name in this package, what it is, what a legend calls it, and where it was published.
    citation : str
        Key of the paper for `nuprop.citation.bibtex`.
    licence, note : str
        On what terms the numbers are public, and what to know of them.
    livetime_s : float, s
    number : ndarray of int
        IceCube's number of the event, or its place in the release, from 1.
    topology : ndarray of str
        Each one of `TOPOLOGIES`.
    energy : ndarray, GeV
        Deposited energy, electromagnetic equivalent; not the energy of the neutrino.
    err_minus, err_plus : ndarray, GeV
        Its published errors, both positive.
    zenith : ndarray, rad
        Direction of origin; above pi/2 the neutrino came through the Earth.
    right_ascension : ndarray, rad
    resolution : ndarray, rad
        Median angular error; an upper bound for tracks.
    length : ndarray, cm
        Distance of the two cascades of a double cascade.
    mjd : ndarray, days
        Time, modified Julian date.
    """

    name: str
    title: str
    label: str
    reference: str
    citation: str
    licence: str
    note: str
    livetime_s: float
    number: IntArray
    topology: NDArray[np.str_]
    energy: FloatArray
    err_minus: FloatArray
    err_plus: FloatArray
    zenith: FloatArray
    right_ascension: FloatArray
    resolution: FloatArray
    length: FloatArray
    mjd: FloatArray

    def __len__(self) -> int:
        return self.number.size

    @property
    def declination(self) -> FloatArray:
        """Declination, shape (n,), rad: IceCube stands at the South Pole."""
        return self.zenith - math.pi / 2

    @property
    def counts(self) -> dict[str, int]:
        """Number of events of each topology that occurs, in the order of `TOPOLOGIES`."""
        found = {kind: int(np.sum(self.topology == kind)) for kind in TOPOLOGIES}
        return {kind: count for kind, count in found.items() if count}

    def above(self, energy: Any) -> EventTable:
        """Keep the events of at least this deposited energy; coincident ones have none.

        Parameters
        ----------
        energy : Quantity, str or float (GeV), > 0

        Raises
        ------
        UnitError, ParameterError
            If it is no energy, not above zero, or not one number.
        """
        lowest = required_number(energy, "energy", "energy", "must be > 0 GeV", lambda e: e > 0.0)
        keep = self.energy >= lowest
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        kept = {name: a[keep] for name, a in arrays.items() if isinstance(a, np.ndarray)}
        return replace(self, **kept)

    def histogram(self, edges: Any, topology: str | None = None) -> IntArray:
        """Count events in bins of deposited energy.

        Parameters
        ----------
        edges : Quantity or array, shape (n_bins + 1,), GeV
            Positive and increasing. A bin includes its lower edge, the last one both.
        topology : str, optional
            One of `TOPOLOGIES`; all together by default.

        Returns
        -------
        ndarray of int, shape (n_bins,)

        Raises
        ------
        GridError
            If the edges are fewer than two, not positive, or not increasing.
        DatasetError
            If there is no such topology.
        """
        grid = np.asarray(in_code_units(edges, "energy", "edges"), dtype=np.float64)
        if grid.ndim != 1 or grid.size < 2:
            raise GridError(f"edges has the shape {grid.shape}: at least two edges are needed")
        if not np.all(np.isfinite(grid)) or grid[0] <= 0.0 or np.any(np.diff(grid) <= 0.0):
            raise GridError(f"edges = {edges}: energies must be finite, > 0 GeV and increasing")
        chosen = np.isfinite(self.energy)
        if topology is not None:
            if topology not in TOPOLOGIES:
                known = nearest(str(topology), TOPOLOGIES)
                raise DatasetError(f"topology = {topology!r}: there is none of this name; {known}")
            chosen &= self.topology == topology
        return np.histogram(self.energy[chosen], grid)[0].astype(np.int64)

    def __repr__(self) -> str:
        listing = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        known = self.energy[np.isfinite(self.energy)] / _TEV
        reach = f"; {known.min():.4g} to {known.max():.4g} TeV deposited" if known.size else ""
        days = self.livetime_s / _DAY
        return f"EventTable({self.name!r}, {len(self)} events in {days:.1f} days: {listing}{reach})"


def available_events() -> tuple[str, ...]:
    """Name every table of events in the package, in alphabetical order."""
    return table_names("events")


def events(name: str) -> EventTable:
    """Load a table of events by name.

    Parameters
    ----------
    name : str
        One of `available_events()`, such as "hese-7.5yr".

    Raises
    ------
    DatasetError
        If there is no table of that name.

    Examples
    --------
    >>> table = events("hese-7.5yr")
    >>> table.above("60 TeV").counts
    {'cascade': 41, 'track': 17, 'double': 2}
    >>> table.histogram([1e4, 1e5, 1e6, 1e7])
    array([65, 34,  3])
    """
    known = available_events()
    if name not in known:
        raise DatasetError(
            f"events = {name!r}: there is no such table; {nearest(str(name), known)}"
        )
    table = read_table("events", name)
    header = table.header
    zenith = table.numbers("zenith")
    if "dec" in table.columns:
        zenith = math.pi / 2 + np.radians(table.numbers("dec"))
    return EventTable(
        name=name,
        title=header["title"],
        label=header["label"],
        reference=header["reference"],
        citation=header["bibtex"],
        licence=header["licence"],
        note=header["note"],
        livetime_s=float(header["livetime"].removesuffix(" s")),
        number=table.numbers("number").astype(np.int64),
        topology=np.array(table.columns["topology"]),
        energy=table.numbers("energy") * _TEV,
        err_minus=table.numbers("err_minus") * _TEV,
        err_plus=table.numbers("err_plus") * _TEV,
        zenith=zenith,
        right_ascension=np.radians(table.numbers("ra")),
        resolution=np.radians(table.numbers("resolution")),
        length=table.numbers("length") * _CM,
        mjd=table.numbers("mjd"),
    )
