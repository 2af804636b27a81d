"""Response tables made anew from the simulated events of the release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ParameterError, nearest
from nuprop.icecube.montecarlo.bins import LENGTH_RANGE, passes
from nuprop.icecube.montecarlo.files import FloatArray, MonteCarlo
from nuprop.icecube.montecarlo.likelihood import required_edges
from nuprop.icecube.montecarlo.weights import (
    FLUX_NUISANCES,
    LIVETIME_S,
    cell_numbers,
    event_weights,
    species,
)
from nuprop.icecube.protocol import nuisance_values
from nuprop.icecube.response import Response
from nuprop.units import required_number

_N_SPECIES, _N_TOPOLOGIES = 6, 3
_CM2 = 1e4  # per m^2
_GLASHOW, _NUBAR_E = 3, -12


@dataclass(frozen=True, eq=False)
class RegeneratedTables:
    """What `response_tables` makes of simulated events.

    Attributes
    ----------
    response : Response
    error : Response
        Its areas are the statistical errors of those of `response`.
    conv, prompt, muon : ndarray, shape (3, n_bins)
        Expected backgrounds of [cascade, track, double], in the livetime.
    conv_error, prompt_error, muon_error : ndarray, shape (3, n_bins)
        Their statistical errors.
    """

    response: Response
    error: Response
    conv: FloatArray
    prompt: FloatArray
    muon: FloatArray
    conv_error: FloatArray
    prompt_error: FloatArray
    muon_error: FloatArray


def response_tables(
    monte_carlo: MonteCarlo,
    deposited_edges: Any,
    energy_edges: Any,
    *,
    livetime: Any = LIVETIME_S,
    length_range: tuple[float, float] = LENGTH_RANGE,
    nuisance: Mapping[str, float] | None = None,
) -> RegeneratedTables:
    """Make response tables and background templates from simulated events.

    Parameters
    ----------
    monte_carlo : MonteCarlo
        As `read_monte_carlo` gives it.
    deposited_edges : Quantity or array (GeV), shape (n_bins + 1,)
        Bins of deposited energy. Events outside are not counted.
    energy_edges : Quantity or array (GeV), shape (n_cells + 1,)
        Cells of neutrino energy; they must hold all simulated neutrinos that are counted.
    livetime : Quantity, str or float (s)
    length_range : (float, float), m
        Double cascades of other lengths are not counted; (0, inf) counts all but NaN.
    nuisance : mapping of values by name, optional
        Of the atmospheric fluxes, such as ``{"dgamma": 0.0}``; by default IceCube's nominal
        values, with `conv`, `prompt` and `muon` 1.

    Returns
    -------
    RegeneratedTables

    Raises
    ------
    GridError
        If edges do not increase, or a simulated neutrino lies outside the cells.
    ParameterError
        If no event is counted, the livetime is not positive, or a nuisance is unknown.

    Notes
    -----
    Expected events are N = T sum_i W_i phi(E_i), and a response folds as
    N = 4 pi T A int phi dE, so that for a flux that is constant in a cell of width Delta E::

        A = sum of W_i over cell and bin / (4 pi Delta E),

    with the root of the sum of W_i^2 in place of the sum for its error. The detector is nominal.
    Written against the description of the release, and tested on events that were made up in this
    format; not run on the released ones.

    References
    ----------
    IceCube 2021, arXiv:2011.03545; data release doi:10.21234/4EQJ-BB17.
    """
    seconds = float(
        required_number(livetime, "time", "livetime", "must be > 0 s", lambda t: t > 0.0)
    )
    deposited = required_edges("deposited_edges", deposited_edges)
    energies = required_edges("energy_edges", energy_edges)
    seen = monte_carlo.observables
    counted = passes(seen, (float(deposited[0]), float(deposited[-1])), length_range)
    events = monte_carlo.select(counted & (seen.deposited_energy < deposited[-1]))
    if not events.primary.size:
        raise ParameterError(
            f"deposited_edges reach from {deposited[0]:g} to {deposited[-1]:g} GeV: none of "
            f"{seen.morphology.size} simulated events is counted there"
        )
    row = np.searchsorted(deposited, events.observables.deposited_energy, side="right") - 1
    row = row + events.observables.morphology * (deposited.size - 1)
    response, error = _areas(events, row, deposited, energies, seconds)
    templates = _backgrounds(events, row, deposited, energies, seconds, dict(nuisance or {}))
    return RegeneratedTables(response=response, error=error, **templates)


def _areas(
    events: MonteCarlo,
    row: NDArray[np.int64],
    deposited: FloatArray,
    energies: FloatArray,
    livetime_s: float,
) -> tuple[Response, Response]:
    cell = cell_numbers(events, energies)
    neutrino = events.is_neutrino
    glashow = neutrino & (events.interaction == _GLASHOW) & (events.primary == _NUBAR_E)
    exposure = 4.0 * np.pi * _CM2 * np.diff(energies)
    shape = (_N_SPECIES, _N_TOPOLOGIES, deposited.size - 1, energies.size - 1)

    def summed(chosen: NDArray[np.bool_], power: int) -> FloatArray:
        place = (species(events) * shape[1] * shape[2] + row) * shape[3] + cell
        weights = events.weight[chosen] ** power
        found = np.bincount(place[chosen], weights, minlength=int(np.prod(shape)))
        return found.reshape(shape) ** (1.0 / power) / exposure

    def made(power: int) -> Response:
        area = summed(neutrino & ~glashow, power)
        return Response(
            area_nu=jnp.asarray(area[:3]),
            area_nubar=jnp.asarray(area[3:]),
            area_glashow=jnp.asarray(summed(glashow, power)[3]),
            deposited_edges=jnp.asarray(deposited),
            energy_edges=jnp.asarray(energies),
            livetime_s=livetime_s,
        )

    return made(1), made(2)


def _backgrounds(
    events: MonteCarlo,
    row: NDArray[np.int64],
    deposited: FloatArray,
    energies: FloatArray,
    livetime_s: float,
    given: dict[str, float],
) -> dict[str, Any]:
    known = [nuisance.name for nuisance in FLUX_NUISANCES]
    for name in given:
        if name not in known:
            raise ParameterError(f"nuisance {name!r}: unknown here; {nearest(name, known)}")
    weights = event_weights(events, energies, livetime_s)
    no_flux = jnp.zeros((2, 3, energies.size - 1))
    parts = weights.components(no_flux, nuisance_values(FLUX_NUISANCES, given))
    shape = (_N_TOPOLOGIES, deposited.size - 1)
    templates: dict[str, Any] = {}
    for flux in ("conv", "prompt", "muon"):
        each = np.asarray(parts[flux])
        for key, power in ((flux, 1), (f"{flux}_error", 2)):
            found = np.bincount(row, each**power, minlength=int(np.prod(shape)))
            templates[key] = found.reshape(shape) ** (1.0 / power)
    return templates
