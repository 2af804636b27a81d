"""Which solver serves everything between the bounds of an analysis, and on which lattice."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.errors import ParameterError, nearest
from nuprop.inference.physics import Physics, replaced
from nuprop.transport import LatticeShape, lattice_shape, lines_of
from nuprop.transport.coverage import MOST_CELLS, cells_hide_widths
from nuprop.transport.depth import continuum_depth
from nuprop.transport.spectrum import Helicities, Method, made_in_pairs

if TYPE_CHECKING:
    from nuprop.inference.analysis import Analysis

#: A physics parameter changes which lattice is needed if its target begins like this.
_LINES = ("mediator.", "neutrinos.", "relics.", "source.z_max")
#: One changes how much scatters away from the resonance if it begins like this.
_CONTINUUM = ("mediator.", "relics.", "source.z_max")
#: Parameters that make neutrinos and antineutrinos differ.
_APART = ("source.antineutrino_fraction", "source.flavor", "relics.asymmetry")


def helicities_of(analysis: Analysis) -> Helicities:
    """Whether nu and nubar must be followed apart, for any value of the parameters."""
    set_paths = [p.target or "" for p in analysis.parameters] + [path for path, _ in analysis.ties]
    apart = any(path.startswith(_APART) for path in set_paths)
    pairs = made_in_pairs(analysis.physics.source) and analysis.physics.relics.symmetric
    return "summed" if pairs and not apart else "apart"


def cell_width(analysis: Analysis) -> float:
    """Width of a cell of the lattice in ln(E); 1 for a sweep, which has none."""
    if analysis.lattice is None:
        return 1.0
    return float(np.log1p(analysis.physics.source.z_max)) / analysis.lattice.n_steps


def _corners(analysis: Analysis, moved_by: tuple[str, ...]) -> list[Physics]:
    """List the physics at all ends of what targets that begin so set, and where fits start."""
    moving = [
        p for p in analysis.parameters if p.target is not None and p.target.startswith(moved_by)
    ][:6]
    result = [analysis.physics]
    for ends in product(*[(p.low, p.high) for p in moving]):
        values: dict[str, Any] = {
            str(p.target): end if p.transform is None else p.transform(end)
            for p, end in zip(moving, ends, strict=True)
        }
        result.append(replaced(analysis.physics, values))
    return result


def largest_continuum(analysis: Analysis) -> float:
    """Largest optical depth between the bounds of what fits leave out, about; see `continuum`."""
    return max(continuum(physics) for physics in _corners(analysis, _CONTINUUM))


def continuum(physics: Physics) -> float:
    """Optical depth of scattering away from the resonance, about.

    Raises
    ------
    ParameterError
        If there is no such mediator for the nature of the neutrinos.
    """
    return float(_continuum(physics))


@jax.jit
def _continuum(physics: Physics) -> jax.Array:
    lines = lines_of(physics.mediator, physics.neutrinos, physics.relics, physics.cosmology)
    return continuum_depth(jnp.log1p(physics.source.z_max), lines)


def chosen_solver(analysis: Analysis, method: str) -> tuple[Method, str, LatticeShape | None]:
    """Choose the solver for everything between the bounds."""
    if method == "cascade":
        raise ParameterError(
            "method = 'cascade': fits follow the narrow resonance alone, by 'auto', 'sweep' or "
            "'march'; nuprop.propagate and nuprop.transport.cell_averages have all channels"
        )
    if method not in ("auto", "sweep", "march"):
        raise ParameterError(f"method = {method!r}: {nearest(method, ('auto', 'sweep', 'march'))}")
    if method == "sweep":
        return "sweep", "asked for", None
    if method == "auto" and not analysis.physics.relics.thermal:
        return "sweep", "relics at rest", None
    corners = _corners(analysis, _LINES)
    every = [lines_of(p.mediator, p.neutrinos, p.relics, p.cosmology) for p in corners]
    reaches = [float(np.log1p(p.source.z_max)) for p in corners]
    if method == "auto" and all(
        cells_hide_widths(lines, u_max, np.asarray(item.energy_edges))
        for lines, u_max in zip(every, reaches, strict=True)
        for item in analysis.data
    ):
        reason = "every line is narrow, and hidden in the cell that holds its edge"
        return "sweep", reason, None
    shape: LatticeShape | None = None
    for lines, u_max in zip(every, reaches, strict=True):
        need = lattice_shape(lines, u_max, analysis.resolution, burst=analysis.physics.source.burst)
        shape = need if shape is None else shape.covering(need)
    assert shape is not None
    if shape.n_cells > MOST_CELLS:
        raise ParameterError(
            f"resolution = {analysis.resolution:g}: between the bounds of the parameters a march "
            f"needs up to {shape.n_cells} cells, more than {MOST_CELLS}; narrow the bounds"
        )
    reason = "asked for" if method == "march" else "relics in thermal motion"
    return "march", reason, shape
