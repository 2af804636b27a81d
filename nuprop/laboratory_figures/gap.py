"""Couplings at which relic neutrinos cut the gap, beside those that the muon's moment asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.cosmology import Expansion, expansion
from nuprop.errors import ConfigError, ParameterError, nearest
from nuprop.laboratory.moment_data import measurement
from nuprop.laboratory_figures.files import figure_path, grid_points
from nuprop.laboratory_figures.planes import MOMENTS
from nuprop.mediators import ZPrime
from nuprop.neutrinos import Neutrinos
from nuprop.plot.gap_plane import GapCurve, plot_gap_plane
from nuprop.precision import require_float64
from nuprop.relics import Relics, RelicState
from nuprop.sources import Source
from nuprop.transport import lines_of, optical_depths
from nuprop.units import in_code_units, require

FloatArray = NDArray[np.float64]
#: How many redshifts, or mass eigenstates, make one depth: of the mean survival, or their own mean.
Average = Literal["survival", "depth"]

_MASSES = (1e-3, 0.05)  # GeV
_WINDOW = ("400 TeV", "1 PeV")
_REDSHIFTS = (0.2, 1.0)
_EVOLUTION, _Z_MAX = "yuksel-2008", 5.0
#: Nodes in ln(1 + z) for relics in motion, and at rest, where a source is behind a line or is not.
_IN_MOTION, _AT_REST = 64, 400
_SMALLEST, _LARGEST, _HALVINGS = 1e-12, 1e3, 60


def draw_gap(
    *,
    lightest_mass: Any = "0.08 eV",
    ordering: Literal["normal", "inverted"] = "normal",
    thermal: bool = True,
    redshifts: Sequence[Any] = _REDSHIFTS,
    window: tuple[Any, Any] = _WINDOW,
    evolution: str = _EVOLUTION,
    average: Average = "survival",
    moments: Sequence[str] = MOMENTS,
    points: Any = 350,
    folder: str | Path = ".",
    suffix: str = "png",
) -> Path:
    """Compute and draw where neutrinos of some energies meet an optical depth above 1, in (M, g').

    Parameters
    ----------
    lightest_mass : Quantity, str or float, GeV
    ordering : "normal" or "inverted"
    thermal : bool
        Whether relics move.
    redshifts : sequence of float
        Of single sources.
    window : (low, high), Quantities, str or float, GeV
        Energies at Earth.
    evolution : str
        W(z) of the sources of the average, up to z = 5.
    average : "survival" or "depth"
        See `depth_couplings`.
    moments : sequence of str
        Measurements of the muon's magnetic moment.
    points : int
        Masses, 10 to 1000.
    folder, suffix : where the figure goes, and its format.

    Returns
    -------
    Path

    Raises
    ------
    NupropError
        If a name, a number or the format is impossible.
    """
    number = grid_points(points)
    path = figure_path(folder, "lab-gap", suffix)
    _energies(window)
    data = [measurement(name) for name in moments]
    neutrinos = Neutrinos(lightest_mass=lightest_mass, ordering=ordering)
    relics = Relics(thermal=thermal)
    masses, energies = _commensurate(number, *_energies(window))
    curves = []
    for place in [*redshifts, None]:
        some, every = depth_couplings(
            masses, energies, place, neutrinos, relics, evolution=evolution, average=average
        )
        label = f"sources follow {evolution}, z < {_Z_MAX:g}"
        if place is not None:
            label = f"sources at z = {place:g}"
        curves.append(GapCurve(label, masses, some, every))
    plot_gap_plane(
        curves, path, window=(energies[0], energies[-1]), moments=data,
        note=_note(neutrinos, relics, average),
    )  # fmt: skip
    return path


def depth_couplings(
    mass: Any,
    energy: Any,
    z: Any = None,
    neutrinos: Neutrinos | None = None,
    relics: Relics | None = None,
    *,
    evolution: str = _EVOLUTION,
    average: Average = "survival",
) -> tuple[FloatArray, FloatArray]:
    """Find g' of L_mu - L_tau above which an optical depth exceeds 1.

    The depth of mass eigenstate i is tau_i = g'^2 t_i(E, z; M), exactly; t_i is computed once. The
    flux of a source of pions, 1 : 2 : 0, has shares s_i of them. "survival": tau = -ln of the mean
    of e^(-tau_i), over the shares and, for many sources, over redshifts with the weight
    W(z) dz/[(1 + z) H(z)]. "depth": tau is the mean of tau_i. Secondary neutrinos are not counted.

    Parameters
    ----------
    mass : array, shape (n,), GeV
    energy : array, shape (m,), GeV
        At Earth.
    z : float, optional
        Of a single source; None for sources that follow `evolution` up to z = 5.
    neutrinos, relics : as in `nuprop.propagate`
    evolution : str
    average : "survival" or "depth"

    Returns
    -------
    some, every : ndarray, shape (n,)
        g' above which tau > 1 at some of the energies, and at every one; infinite for none.

    Raises
    ------
    NupropError
        If the average or the evolution is unknown, or a redshift is not between 0 and 20.
    """
    require_float64()
    if average not in get_args(Average):
        raise ConfigError(f"average = {average!r}: {nearest(str(average), get_args(Average))}")
    neutrinos = Neutrinos() if neutrinos is None else neutrinos
    relics = Relics() if relics is None else relics
    history = expansion()
    source = Source(evolution, z_max=_Z_MAX)
    if z is None:
        nodes, weights = np.polynomial.legendre.leggauss(_IN_MOTION if relics.thermal else _AT_REST)
        redshifts = np.expm1(0.5 * np.log1p(_Z_MAX) * (1.0 + nodes))
        weights = weights * np.asarray(source.evolution.density(redshifts))
        weights = weights / np.asarray(history.hubble(redshifts))
    else:
        redshifts = np.atleast_1d(in_code_units(z, "dimensionless", "z"))
        require("z", redshifts, "between 0 and 20", lambda x: (x > 0.0) & (x <= 20.0))
        weights = np.ones(redshifts.size)
    shares = np.asarray(jnp.sum(source.shares(), axis=0) @ neutrinos.mixing[:3])
    weight = shares[:, None] * weights / np.sum(weights)
    masses, energies = (
        np.atleast_1d(in_code_units(x, "energy", name))
        for x, name in ((mass, "mass"), (energy, "energy"))
    )
    depths = _unit_depths(masses, energies, redshifts, neutrinos, relics.state, history)
    squared = _squared_couplings(depths, jnp.asarray(weight), average)
    couplings = np.sqrt(np.asarray(squared))
    return couplings.min(axis=1), couplings.max(axis=1)


def _unit_depths(
    masses: FloatArray,
    energies: FloatArray,
    redshifts: FloatArray,
    neutrinos: Neutrinos,
    relics: RelicState,
    history: Expansion,
) -> jax.Array:
    """Optical depths over g'^2; shape (n_masses, 3, n_redshifts, n_energies).

    M^2 times the depth depends on M^2/E alone: each of its values is computed once.
    """
    square = 2.0 * np.log(masses)[:, None] - np.log(energies)
    values, which = np.unique(np.round(square, 9), return_inverse=True)
    # a boson of 1 GeV meets them at other energies
    table = _depths_of_one_gev(-values, np.log1p(redshifts), neutrinos, relics, history)
    depths = jnp.asarray(table)[..., which.reshape(square.shape)]
    return jnp.moveaxis(depths, 2, 0) / jnp.asarray(masses)[:, None, None, None] ** 2


@jax.jit
def _depths_of_one_gev(
    log_energy: jax.Array,
    u_max: jax.Array,
    neutrinos: Neutrinos,
    relics: RelicState,
    history: Expansion,
) -> jax.Array:
    """Optical depths for M = 1 GeV and g' = 1; shape (3, n_redshifts, n_energies)."""
    lines = lines_of(ZPrime.lmu_ltau(1.0, jnp.ones(())), neutrinos, relics, history)

    def at(u: jax.Array) -> jax.Array:
        return optical_depths(log_energy, jnp.full_like(log_energy, u), lines)[0]

    return jnp.moveaxis(jax.lax.map(at, u_max), 0, 1)


@jax.jit
def _survival(depths: jax.Array, weight: jax.Array, squared: jax.Array) -> jax.Array:
    return jnp.einsum("izme,iz->me", jnp.exp(-squared * jnp.moveaxis(depths, 0, 2)), weight)


def _squared_couplings(depths: jax.Array, weight: jax.Array, average: Average) -> jax.Array:
    """Squares g'^2 at which the depth is 1; shape (n_masses, n_energies)."""
    mean = jnp.einsum("mize,iz->me", depths, weight)
    if average == "depth":
        return jnp.where(mean > 0.0, 1.0 / jnp.where(mean > 0.0, mean, 1.0), jnp.inf)
    low = jnp.full(mean.shape, np.log(_SMALLEST))
    high = jnp.full(mean.shape, np.log(_LARGEST))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        is_thin = _survival(depths, weight, jnp.exp(middle)) > np.exp(-1.0)
        low, high = jnp.where(is_thin, middle, low), jnp.where(is_thin, high, middle)
    return jnp.where(high < np.log(_LARGEST), jnp.exp(high), jnp.inf)


def _energies(window: tuple[Any, Any]) -> tuple[float, float]:
    low, high = (float(in_code_units(e, "energy", "window")) for e in window)
    if not 0.0 < low < high < np.inf:
        raise ParameterError(f"window = {window[0]}, {window[1]}: two rising energies are needed")
    return low, high


def _commensurate(number: int, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Masses and energies whose logarithms have the same step: few values of M^2/E in all."""
    reach, window = np.log(_MASSES[1] / _MASSES[0]), np.log(high / low)
    steps = max(1, int(np.ceil(window * (number - 1) / reach)))
    masses = _MASSES[0] * np.exp(window / steps * np.arange(int(reach * steps / window) + 2))
    return masses, np.geomspace(low, high, steps + 1)


def _note(neutrinos: Neutrinos, relics: Relics, average: Average) -> str:
    lightest = float(np.min(np.asarray(neutrinos.masses))) * 1e9
    meaning = {
        "survival": r"$\tau = -\ln\langle e^{-\tau_i}\rangle$",
        "depth": r"$\tau = \langle\tau_i\rangle$",
    }[average]
    return (
        rf"{meaning}, mean over mass eigenstates as pion decay 1 : 2 : 0 makes them and, for many "
        r"sources, over $z$ with the weight $W(z)\,dz/[(1+z)H(z)]$; regeneration is not counted. "
        f"Lightest neutrino {lightest:.3g} eV, {neutrinos.ordering} ordering, relics "
        f"{'in thermal motion' if relics.thermal else 'at rest'}."
    )
