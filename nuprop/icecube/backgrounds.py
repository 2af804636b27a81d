"""Atmospheric neutrinos and muons in the bins of a sample, and how far they may float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.icecube.protocol import Nuisance
from nuprop.icecube.response import tables

FloatArray = NDArray[np.float64]

#: Events in 988 days that arXiv:1405.5303 expects: atmospheric neutrinos, and muons.
_HESE_3YR = {"conv": 6.6, "muon": 8.4}
_LIVETIME_7_5YR = 227708167.68  # s

_CONV = Nuisance(
    "conv",
    start=1.0,
    bounds=(0.0, 5.0),
    mean=1.0,
    sigma=0.4,
    description="conventional atmospheric neutrinos over expectation",
)
_MUON = Nuisance(
    "muon",
    start=1.0,
    bounds=(0.0, 5.0),
    mean=1.0,
    sigma=0.5,
    description="atmospheric muons over expectation",
)
_BOTH = Nuisance(
    "background",
    start=1.0,
    bounds=(0.0, 5.0),
    mean=1.0,
    sigma=0.4,
    description="conventional neutrinos and muons together over their best fit",
)


@partial(jax.tree_util.register_dataclass, data_fields=["templates"], meta_fields=["nuisances"])
@dataclass(frozen=True)
class Background:
    """Templates, each with a scale.

    Attributes
    ----------
    templates : (n, n_rows)
        Events of each background in the bins, where its scale is 1.
    nuisances : tuple of Nuisance
        The scales, in the same order.
    """

    templates: jax.Array
    nuisances: tuple[Nuisance, ...]

    def counts(self, values: Mapping[str, Any]) -> dict[str, jax.Array]:
        """Events of each background for given scales."""
        rows = zip(self.nuisances, self.templates, strict=True)
        return {nuisance.name: values[nuisance.name] * template for nuisance, template in rows}

    def select(self, first: int, last: int, by_topology: bool) -> Background:
        """Keep the bins first <= j < last, in each topology if they are apart."""
        if not by_topology:
            return replace(self, templates=self.templates[:, first:last])
        apart = self.templates.reshape(self.templates.shape[0], 3, -1)[:, :, first:last]
        return replace(self, templates=apart.reshape(self.templates.shape[0], -1))


def atmospheric(name: str, edges: FloatArray, livetime_s: float, by_topology: bool) -> Background:
    """Make the backgrounds of a sample in its bins.

    Parameters
    ----------
    name : str
        "hese-7.5yr", "hese-12yr" (the former scaled by livetime) or "hese-3yr" (the shapes of
        7.5 years, scaled to the 6.6 and 8.4 events of arXiv:1405.5303).
    edges : ndarray, shape (n_bins + 1,), GeV, of deposited energy.
    livetime_s : float
    by_topology : bool

    Returns
    -------
    Background

    Notes
    -----
    The templates of 7.5 years are IceCube's best fit (arXiv:2011.03545) divided by the scales that
    it found, conventional 1.0062, muons 1.1871. By topology there is one template of both together
    in bins of 0.15 dex, redistributed through a monotone interpolation of its running sum.
    """
    arrays = tables("hese-7.5yr", _LIVETIME_7_5YR).arrays
    if by_topology:
        rows = [
            rebinned(template, arrays["log10_topology_edges"], np.log10(edges))
            for template in arrays["background_by_topology"]
        ]
        whole = np.concatenate(rows) * livetime_s / _LIVETIME_7_5YR
        return Background(jnp.asarray(whole[None]), (_BOTH,))
    templates = np.stack([arrays["conventional"], arrays["muon"]])
    if name == "hese-3yr":
        log_edges = np.log10(arrays["deposited_edges"])
        scaled = [
            rebinned(template, log_edges, np.log10(edges)) * total / template.sum()
            for template, total in zip(templates, _HESE_3YR.values(), strict=True)
        ]
        templates = np.stack(scaled) * livetime_s / (988 * 86400.0)
    else:
        templates = templates * livetime_s / _LIVETIME_7_5YR
    return Background(jnp.asarray(templates), (_CONV, _MUON))


def rebinned(counts: FloatArray, old: FloatArray, new: FloatArray) -> FloatArray:
    """Move counts to other bins by monotone interpolation (PCHIP) of their running sum.

    Bins beyond the old ones stay empty.
    """
    from scipy.interpolate import PchipInterpolator

    running = PchipInterpolator(old, np.concatenate([[0.0], np.cumsum(counts)]))
    return np.diff(running(np.clip(new, old[0], old[-1])))
