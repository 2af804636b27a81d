"""The bins in which events are counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nuprop.icecube.montecarlo.files import FloatArray, IntArray, Observables

#: Cuts of arXiv:2011.03545, GeV and m; the length is that of double cascades.
ENERGY_RANGE = (6e4, 1e7)
LENGTH_RANGE = (10.0, 1e3)

_N_ENERGY = 21  # of 0.111 dex; the last reaches beyond the cut
_N_ZENITH = 10  # in the cosine
_N_LENGTH = 20  # of 0.1 dex
_ENERGY_EDGES = 6e4 * 10.0 ** (0.111 * np.arange(_N_ENERGY + 1))
_LENGTH_EDGES = 10.0 ** (1.0 + 0.1 * np.arange(_N_LENGTH + 1))


@dataclass(frozen=True)
class Binning:
    """Bins of deposited energy, and of what else is used of an event.

    Attributes
    ----------
    energy_only : bool
        False for the bins of arXiv:2011.03545: 10 bins in the cosine of the zenith angle for
        cascades, 10 for tracks, 20 in the logarithm of the length for double cascades, each times
        21 in deposited energy. True for the latter alone, all topologies together.
    """

    energy_only: bool = False

    @property
    def n_bins(self) -> int:
        """How many bins there are: 840, or 21."""
        return _N_ENERGY * (1 if self.energy_only else 2 * _N_ZENITH + _N_LENGTH)

    @property
    def energy_edges(self) -> FloatArray:
        """Edges in deposited energy, shape (22,), GeV."""
        return np.asarray(_ENERGY_EDGES, dtype=np.float64).copy()

    def numbers(self, events: Observables) -> IntArray:
        """Find the bin of each event, -1 where it does not pass the cuts.

        Notes
        -----
        In the order [cascades; tracks; double cascades], in each of it zenith angle (from up-going
        to down-going) or length, and energy runs fastest.
        """
        energy = np.searchsorted(_ENERGY_EDGES, events.deposited_energy, side="right") - 1
        kept = passes(events)
        if self.energy_only:
            return np.where(kept, energy, -1)
        cosine = np.cos(events.zenith)
        zenith = np.clip((cosine + 1.0) * (_N_ZENITH / 2.0), 0, _N_ZENITH - 1).astype(np.int64)
        length = np.searchsorted(_LENGTH_EDGES, events.length, side="right") - 1
        row = np.where(events.morphology == 2, np.minimum(length, _N_LENGTH - 1), zenith)
        row = row + _N_ZENITH * events.morphology
        return np.where(kept, row * _N_ENERGY + energy, -1)

    def counts(self, events: Observables) -> FloatArray:
        """Count events in the bins, shape (n_bins,)."""
        numbers = self.numbers(events)
        found = np.bincount(numbers[numbers >= 0], minlength=self.n_bins)
        return found.astype(np.float64)


def passes(
    events: Observables,
    energy_range: tuple[float, float] = ENERGY_RANGE,
    length_range: tuple[float, float] = LENGTH_RANGE,
) -> np.ndarray:
    """Tell which events pass the cuts in deposited energy, and in length for double cascades."""
    energy, length = events.deposited_energy, events.length
    inside = (energy >= energy_range[0]) & (energy <= energy_range[1])
    long = (length >= length_range[0]) & (length <= length_range[1])
    return inside & ((events.morphology != 2) | long)
