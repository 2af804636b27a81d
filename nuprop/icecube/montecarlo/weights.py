"""What each simulated event weighs for given fluxes and nuisance parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.errors import GridError
from nuprop.icecube.montecarlo.detector import (
    EventSplines,
    SplineTables,
    correction,
    event_splines,
    reach,
)
from nuprop.icecube.montecarlo.files import FloatArray, IntArray, MonteCarlo
from nuprop.icecube.protocol import Nuisance

LIVETIME_S = 227708167.68
#: Energies at which a change of the cosmic-ray index leaves the fluxes alone, GeV.
_CONVENTIONAL_PIVOT, _PROMPT_PIVOT = 2020.0, 7887.0
_FLAVORS = np.array([12, 14, 16])

#: Priors of arXiv:2011.03545; where it sets no bound, one that is far away.
FLUX_NUISANCES = (
    Nuisance("conv", 1.0, (0.0, 5.0), 1.0, 0.4, "conventional neutrinos over expectation"),
    Nuisance("prompt", 1.0, (0.0, 50.0), None, None, "prompt neutrinos over expectation"),
    Nuisance("muon", 1.0, (0.0, 5.0), 1.0, 0.5, "atmospheric muons over expectation"),
    Nuisance("kpi", 1.0, (0.0, 2.0), 1.0, 0.1, "neutrinos from kaons over expectation"),
    Nuisance(
        "nu_nubar",
        1.0,
        (0.0, 2.0),
        1.0,
        0.1,
        "atmospheric neutrinos over expectation; antineutrinos by 2 less this",
    ),
    Nuisance("dgamma", -0.05, (-0.5, 0.5), -0.05, 0.05, "change of the cosmic-ray index"),
)
DETECTOR_NUISANCES = (
    Nuisance("dom", 0.99, (0.80, 1.25), 0.99, 0.1, "efficiency of the optical modules"),
    Nuisance("ice", 0.0, (-3.82, 2.18), 0.0, 0.5, "head-on sensitivity in the refrozen ice"),
    Nuisance("anisotropy", 1.0, (0.0, 2.0), 1.0, 0.2, "strength of the anisotropy of the ice"),
)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "cell",
        "astro",
        "pion",
        "kaon",
        "prompt",
        "muon",
        "sign",
        "log_energy",
        "splines",
    ],
    meta_fields=[],
)
@dataclass(frozen=True)
class EventWeights:
    """Simulated events, ready to be weighted; arrays of shape (n_events,).

    Attributes
    ----------
    cell : Array of int
        Place in a fluence of shape (2, 3, n_cells), counted through.
    astro : Array, cm^2 s sr
        Expected events over the fluence in the cell.
    pion, kaon, prompt, muon : Array
        Expected events from each, nominally.
    sign : Array
        1 for neutrinos, -1 for antineutrinos, 0 for muons.
    log_energy : Array
        ln(E / GeV).
    splines : mapping from detector parameter to `EventSplines`
    """

    cell: jax.Array
    astro: jax.Array
    pion: jax.Array
    kaon: jax.Array
    prompt: jax.Array
    muon: jax.Array
    sign: jax.Array
    log_energy: jax.Array
    splines: dict[str, EventSplines]

    def components(self, fluence: jax.Array, values: Mapping[str, Any]) -> dict[str, jax.Array]:
        """Weigh the events by each flux, each of shape (n_events,).

        Parameters
        ----------
        fluence : Array, shape (2, 3, n_cells), cm^-2 s^-1 sr^-1
        values : mapping
            Every nuisance by name.

        Returns
        -------
        mapping from "astro", "conv", "prompt" and "muon"

        Notes
        -----
        With W the weight of the release, T the livetime, v the veto, D the detector factor::

            astro  = T W <phi>_cell D,
            conv   = T W conv (pion + kpi kaon) (E / 2020 GeV)^-dgamma r v D,
            prompt = T W prompt flux (E / 7887 GeV)^-dgamma r v D,
            muon   = T muon rate;   r = nu_nubar for neutrinos, 2 - nu_nubar for antineutrinos.

        References
        ----------
        IceCube 2021, arXiv:2011.03545; the detector factors are its Eqs. (E13) and (E14).
        """
        tilt = -values["dgamma"]
        ratio = 1.0 + self.sign * (values["nu_nubar"] - 1.0)
        conv = self.pion + values["kpi"] * self.kaon
        conv = conv * jnp.exp(tilt * (self.log_energy - np.log(_CONVENTIONAL_PIVOT)))
        prompt = self.prompt * jnp.exp(tilt * (self.log_energy - np.log(_PROMPT_PIVOT)))
        factors = correction(self.splines, values)
        return {
            "astro": self.astro * jnp.reshape(fluence, -1)[self.cell] * factors[0],
            "conv": values["conv"] * conv * ratio * factors[1],
            "prompt": values["prompt"] * prompt * ratio * factors[2],
            "muon": values["muon"] * self.muon,
        }

    def total(self, fluence: jax.Array, values: Mapping[str, Any]) -> jax.Array:
        """Weigh the events by all fluxes together; arguments as `components`."""
        return sum(self.components(fluence, values).values(), jnp.zeros(()))


def event_weights(
    events: MonteCarlo,
    energy_edges: FloatArray,
    livetime_s: float,
    tables: SplineTables | None = None,
) -> EventWeights:
    """Prepare simulated events for weighting.

    Parameters
    ----------
    events : MonteCarlo
    energy_edges : ndarray, shape (n_cells + 1,), GeV
        Cells of neutrino energy; they must hold all neutrinos.
    livetime_s : float
    tables : mapping, as `nuprop.icecube.montecarlo.read_splines` returns it, optional

    Raises
    ------
    GridError
        If a neutrino lies outside the cells.
    """
    cell = cell_numbers(events, energy_edges)
    place = species(events) * (energy_edges.size - 1) + cell
    neutrino = events.is_neutrino
    area = np.where(neutrino, events.weight, 0.0) * livetime_s
    conventional = area * events.conventional_veto
    arrays = {
        "cell": np.where(neutrino, place, 0),
        "astro": area / np.diff(energy_edges)[cell],
        "pion": conventional * events.pion_flux,
        "kaon": conventional * events.kaon_flux,
        "prompt": area * events.prompt_veto * events.prompt_flux,
        "muon": np.where(neutrino, 0.0, events.muon_rate) * livetime_s,
        "sign": np.where(neutrino, np.sign(events.primary), 0.0),
        "log_energy": np.log(events.energy),
    }
    splines = event_splines(events, tables) if tables else {}
    return EventWeights(splines=splines, **{key: jnp.asarray(x) for key, x in arrays.items()})


def species(events: MonteCarlo) -> IntArray:
    """Which of [nu_e, nu_mu, nu_tau, nubar_e, nubar_mu, nubar_tau] an event is; 0 for muons."""
    flavor = np.searchsorted(_FLAVORS, np.abs(events.primary))
    return np.where(events.is_neutrino, flavor + 3 * (events.primary < 0), 0)


def cell_numbers(events: MonteCarlo, energy_edges: FloatArray) -> IntArray:
    """Cell of neutrino energy of each event; 0 for muons.

    Raises
    ------
    GridError
        If a neutrino lies outside the cells.
    """
    neutrino = events.is_neutrino
    outside = (events.energy < energy_edges[0]) | (events.energy > energy_edges[-1])
    lost = events.energy[neutrino & outside]
    if lost.size:
        raise GridError(
            f"energy_edges reach from {energy_edges[0]:g} to {energy_edges[-1]:g} GeV: there are "
            f"{lost.size} simulated neutrinos outside, from {lost.min():g} to {lost.max():g} GeV"
        )
    cell = np.searchsorted(energy_edges, events.energy, side="right") - 1
    return np.where(neutrino, np.clip(cell, 0, energy_edges.size - 2), 0)


def nuisances(tables: SplineTables | None) -> tuple[Nuisance, ...]:
    """List the nuisance parameters: of the fluxes, and of the detector as far as splines go."""
    detector = []
    for nuisance in DETECTOR_NUISANCES:
        if any(name == nuisance.name for name, _, _ in tables or {}):
            low, high = reach(tables or {}, nuisance.name)
            bounds = (max(nuisance.bounds[0], float(low)), min(nuisance.bounds[1], float(high)))
            detector.append(replace(nuisance, bounds=bounds))
    return (*FLUX_NUISANCES, *detector)
