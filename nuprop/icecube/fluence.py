"""From a flux to its integrals over the energy cells of a response."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nuprop.errors import GridError, ParameterError, PhysicsWarning
from nuprop.flux import DiffuseFlux

FloatArray = NDArray[np.float64]

#: Edges of a flux and of a response that agree to this are the same.
_ROUNDING = 1e-9
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


def fluence(
    flux: DiffuseFlux | Callable[[FloatArray], Any],
    energy_edges: ArrayLike,
    *,
    extend: bool = False,
) -> FloatArray:
    """Integrate a flux over energy cells.

    Parameters
    ----------
    flux : DiffuseFlux, or callable
        Averages over cells (`nuprop.propagate` with ``energy_edges``) keep every dip, however
        narrow; values at points are joined by power laws. A function of energies [GeV], shape
        (n,), gives GeV^-1 cm^-2 s^-1 sr^-1: of neutrinos plus antineutrinos of one flavor, shape
        (n,), all flavors alike; of three flavors, (3, n); or of [nu, nubar] x flavor, (2, 3, n).
    energy_edges : array, shape (n_cells + 1,), GeV
    extend : bool
        Whether a flux that ends inside the cells is continued by its last power law; a
        `PhysicsWarning` says so. Without it such a flux is refused.

    Returns
    -------
    ndarray, shape (2, 3, n_cells), cm^-2 s^-1 sr^-1
        int phi dE, [nu, nubar] x [e, mu, tau].

    Raises
    ------
    GridError
        If the flux does not reach over all cells, or a function returns another shape.
    ParameterError
        If a value is negative or not finite, or the flux is that of a point source.
    """
    edges = np.asarray(energy_edges, dtype=np.float64)
    if isinstance(flux, DiffuseFlux):
        return _of_flux(flux, edges, extend)
    if callable(flux):
        return _of_function(flux, edges)
    raise ParameterError(f"flux = {flux!r}: a DiffuseFlux, or a function of energy, is needed")


def _of_function(flux: Callable[[FloatArray], Any], edges: FloatArray) -> FloatArray:
    log_edges = np.log(edges)
    half = 0.5 * np.diff(log_edges)[:, None]
    energy = np.exp(0.5 * (log_edges[1:] + log_edges[:-1])[:, None] + half * _NODES)
    values = np.asarray(flux(energy.ravel()), dtype=np.float64)
    n = energy.size
    if values.shape in ((n,), (3, n)):
        values = np.broadcast_to(0.5 * values, (2, 3, n))
    elif values.shape != (2, 3, n):
        raise GridError(
            f"flux({n} energies) has the shape {values.shape}: ({n},), (3, {n}) or (2, 3, {n}) "
            "is needed"
        )
    _require_flux(values)
    weights = half * _WEIGHTS * energy
    return np.sum(values.reshape(2, 3, *energy.shape) * weights, axis=-1)


def _require_flux(values: FloatArray) -> None:
    bad = ~np.isfinite(values) | (values < 0.0)
    if np.any(bad):
        raise ParameterError(f"flux holds {values[bad][0]}: it must be finite and not negative")


def _of_flux(flux: DiffuseFlux, edges: FloatArray, extend: bool) -> FloatArray:
    if not flux.per_steradian:
        raise ParameterError(
            "flux comes from a point source: the response is that of a flux from the whole sky"
        )
    values = np.stack([flux.mixing[:3] @ channel for channel in flux.values])
    _require_flux(values)
    grid = flux.energy_gev if flux.edges_gev is None else flux.edges_gev
    low, high = edges[0] * (1.0 + _ROUNDING), edges[-1] * (1.0 - _ROUNDING)
    if grid[0] > low or grid[-1] < high:
        reach = (
            f"the flux reaches from {grid[0]:g} to {grid[-1]:g} GeV, the response from "
            f"{edges[0]:g} to {edges[-1]:g} GeV"
        )
        if not extend:
            raise GridError(
                f"{reach}: compute it with energy_edges=sample.energy_edges, or give extend=True "
                "to continue it by power laws"
            )
        warnings.warn(f"{reach}: it is continued by its last power laws", PhysicsWarning, 4)
    if flux.edges_gev is None:
        if grid.size < 2:
            raise GridError(f"energy has {grid.size} value: at least two are needed to fold a flux")
        return _between_points(grid, values, edges)
    return _between_cells(grid, values, edges)


def _power_law_integral(value: FloatArray, slope: FloatArray, low: Any, high: Any) -> FloatArray:
    """Integral of value (E/low)^slope dE from low to high."""
    length = np.log(high / low)
    exponent = (slope + 1.0) * length
    small = np.abs(exponent) < 1e-8
    safe = np.where(small, 1.0, exponent)
    ratio = np.where(small, 1.0 + 0.5 * exponent, np.expm1(safe) / safe)
    return value * low * length * ratio


def _between_points(energy: FloatArray, values: FloatArray, edges: FloatArray) -> FloatArray:
    """Join points by power laws, and by nothing where one of them is zero."""
    log_energy = np.log(energy)
    positive = values > 0.0
    log_values = np.log(np.where(positive, values, 1.0))
    both = positive[..., 1:] & positive[..., :-1]
    slope = np.diff(log_values, axis=-1) / np.diff(log_energy)
    inner = energy[(energy > edges[0]) & (energy < edges[-1])]
    grid = np.union1d(edges, inner)
    low, high = grid[:-1], grid[1:]
    piece = np.clip(
        np.searchsorted(energy, 0.5 * (low + high), side="right") - 1, 0, energy.size - 2
    )
    start = log_values[..., piece] + slope[..., piece] * (np.log(low) - log_energy[piece])
    parts = _power_law_integral(np.exp(start), slope[..., piece], low, high)
    parts = np.where(both[..., piece], parts, 0.0)
    return _collected(parts, 0.5 * (low + high), edges)


def _between_cells(grid: FloatArray, averages: FloatArray, edges: FloatArray) -> FloatArray:
    """Divide cells, where edges of the response fall inside, as their own power law would."""
    middle = 0.5 * np.log(grid[1:] * grid[:-1])
    logs = np.log(np.maximum(averages, 1e-300))
    slope = np.gradient(logs, middle, axis=-1) if middle.size > 1 else np.full_like(logs, -2.0)
    slope = np.clip(slope, -50.0, 50.0)
    whole = _power_law_integral(np.ones_like(slope), slope, grid[:-1], grid[1:])
    factor = averages * np.diff(grid) / whole
    inner = grid[(grid > edges[0] * (1.0 + _ROUNDING)) & (grid < edges[-1] * (1.0 - _ROUNDING))]
    cuts = np.union1d(edges, inner)
    low, high = cuts[:-1], cuts[1:]
    cell = np.clip(np.searchsorted(grid, np.sqrt(low * high), side="right") - 1, 0, middle.size - 1)
    at_low = factor[..., cell] * np.exp(slope[..., cell] * np.log(low / grid[cell]))
    parts = _power_law_integral(at_low, slope[..., cell], low, high)
    return _collected(parts, np.sqrt(low * high), edges)


def _collected(parts: FloatArray, places: FloatArray, edges: FloatArray) -> FloatArray:
    """Sum the pieces that fall into each cell."""
    cell = np.clip(np.searchsorted(edges, places, side="right") - 1, 0, edges.size - 2)
    result = np.zeros((edges.size - 1, *parts.shape[:-1]))
    np.add.at(result, cell, np.moveaxis(parts, -1, 0))
    return np.moveaxis(result, 0, -1)
