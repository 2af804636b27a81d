"""Figures of neutrino tridents: the ratio to the Standard Model, and its energy dependence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from nuprop.laboratory.builder import Builder
from nuprop.laboratory.mixing import one_mixing
from nuprop.laboratory.planes import COUPLINGS, MIXINGS, mixing_plane
from nuprop.laboratory.registry import find_constraint
from nuprop.laboratory.trident import Tridents
from nuprop.laboratory.trident.tridents import Reaction
from nuprop.laboratory_figures.files import figure_path, grid_points, in_file_name, mass_in_gev
from nuprop.plot.bounds import scientific
from nuprop.plot.trident_ratios import RatioMap, plot_energy_dependence, plot_ratio_map
from nuprop.precision import require_float64
from nuprop.summary import human_energy
from nuprop.units import in_code_units, require, required_number

FloatArray = NDArray[np.float64]

_BOUNDS = ("ccfr", "charm-ii")
_ENERGY, _TARGET = "1.5 GeV", "Fe"
_ENERGIES = np.geomspace(0.3, 300.0, 61)  # GeV
_COUPLINGS = (1e-4, 3e-4, 5e-4, 1e-3, 2e-3)
_POINTS = 400


def draw_tridents(
    mass: Any,
    *,
    energy: Any = _ENERGY,
    target: str = _TARGET,
    reaction: Reaction = "coherent",
    couplings: Sequence[Any] = _COUPLINGS,
    kinetic_mixing: Any = 0.0,
    loop_mixing: bool = False,
    points: Any = _POINTS,
    folder: str | Path = ".",
    suffix: str = "png",
) -> list[Path]:
    """Draw sigma/sigma_SM over (|epsilon|, g') at one energy, and against energy.

    Parameters
    ----------
    mass : Quantity, str or float, GeV
    energy : Quantity, str or float, GeV
        Of the first figure.
    target, reaction : as in `nuprop.laboratory.trident.Tridents`
    couplings : sequence of float
        g' of the curves of the second figure.
    kinetic_mixing : float
        epsilon of the second figure.
    loop_mixing : bool
    points : int
        On each axis of the first figure, 10 to 1000.
    folder, suffix : where the figures go, and their format.

    Returns
    -------
    list of Path

    Raises
    ------
    NupropError
        If a number, a name or the format is impossible.
    """
    require_float64()
    gev = mass_in_gev(mass)
    number = grid_points(points)
    stem = f"lab-tridents-{in_file_name(gev)}"
    paths = [figure_path(folder, stem + end, suffix) for end in ("", "-energy")]
    at = required_number(energy, "energy", "energy", "a positive energy", lambda x: x > 0.0)
    strengths = np.atleast_1d(in_code_units(couplings, "dimensionless", "couplings"))
    require("couplings", strengths, "positive numbers", lambda x: x > 0.0)
    epsilon = one_mixing(kinetic_mixing)
    build = Builder(loop_mixing=loop_mixing)
    one = Tridents(at, target, reaction=reaction)
    require("energy", one.standard_model(), f"{at:g} GeV makes no pair of muons", lambda x: x > 0.0)
    maps = []
    for sign in (1, -1):
        plane = mixing_plane(
            gev,
            [find_constraint(name) for name in _BOUNDS],
            kinetic_mixing=np.geomspace(*MIXINGS, number),
            coupling=np.geomspace(*COUPLINGS, number),
            sign=sign,
            loop_mixing=loop_mixing,
        )
        maps.append(RatioMap(plane, _ratios(one, build, gev, plane.coupling, plane.x)))
    what = f"{'' if reaction == 'total' else reaction + ', '}{one.target}"
    mixing = ", with loop mixing" if loop_mixing else ""
    plot_ratio_map(
        maps, paths[0],
        title=rf"$\nu_\mu \to \nu_\mu\,\mu^+\mu^-$ ({what}) at $E_\nu$ = {human_energy(at, 3)}, "
        rf"$M_{{Z'}}$ = {human_energy(gev, 3)}{mixing}",
    )  # fmt: skip
    many = Tridents(_ENERGIES, target, reaction=reaction)
    standard = np.asarray(many.standard_model())
    curves = {
        f"$g'$ = {scientific(g)}": np.asarray(_cross_sections(many, build, gev, g, epsilon))
        for g in strengths.tolist()
    }
    bounds = [find_constraint(name) for name in _BOUNDS]
    marked = {bound.title: bound.energy for bound in bounds}  # type: ignore[attr-defined]
    plot_energy_dependence(
        _ENERGIES, standard, curves, paths[1], marked=marked | {human_energy(at, 3): at},
        title=rf"$\nu_\mu \to \nu_\mu\,\mu^+\mu^-$ ({what}), $M_{{Z'}}$ = {human_energy(gev, 3)}, "
        rf"$\varepsilon$ = {epsilon:g}{mixing}",
    )  # fmt: skip
    return paths


def _ratios(
    tridents: Tridents, build: Builder, mass: float, couplings: FloatArray, mixings: FloatArray
) -> FloatArray:
    return np.asarray(_ratio_map(tridents, build, mass, couplings, mixings))


@partial(jax.jit, static_argnames="build")
def _ratio_map(
    tridents: Tridents, build: Builder, mass: Any, couplings: Any, mixings: Any
) -> jax.Array:
    prepared = tridents.prepare(mass)

    def ratio(coupling: jax.Array, mixing: jax.Array) -> jax.Array:
        return tridents.ratio(build(mass, coupling, mixing), prepared)

    row = jax.vmap(ratio, in_axes=(None, 0))
    return jax.lax.map(lambda coupling: row(coupling, mixings), couplings)


@partial(jax.jit, static_argnames="build")
def _cross_sections(
    tridents: Tridents, build: Builder, mass: Any, coupling: Any, mixing: Any
) -> jax.Array:
    return tridents.cross_section(build(mass, coupling, mixing))
