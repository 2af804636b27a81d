"""From mediators to what a cascade is given: lines, kernels, and a lattice that suits them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.errors import ParameterError
from nuprop.mediators import Scalar
from nuprop.mediators.line import line_of
from nuprop.mediators.scattering import (
    Scattering,
    VectorBoson,
    interfering_vectors,
    vector_scattering,
)
from nuprop.mediators.scattering.pairs import pairs_of
from nuprop.mediators.scattering.scalar import scattering_of
from nuprop.mediators.zprime import ZPrime
from nuprop.transport.coverage import AT_REST, CELL, COARSEST, FINEST, absorbing_range
from nuprop.transport.exchange import exponentials_needed, kernels_of
from nuprop.transport.lattice import BLOCK, Lattice
from nuprop.transport.medium import Interaction
from nuprop.transport.pairs import Pairs
from nuprop.transport.problem import Lines
from nuprop.transport.shapes import RMS_WIDTH

if TYPE_CHECKING:
    from nuprop.cosmology import Expansion
    from nuprop.mediators import Mediator
    from nuprop.neutrinos import Neutrinos
    from nuprop.relics import RelicState

#: e-folds above the highest energy asked for from which secondaries still matter, and at most.
_REACH, _FARTHEST = 4.5, 9.0
#: Width of parts of steps over that of the narrowest line.
_PART = 0.8
#: Steps come in multiples of this.
_FEWEST = 8
#: Largest rms width of phi(W) at z_max that its mean stands for.
_MEAN_MOTION = 0.05


@dataclass(frozen=True)
class CascadeShape:
    """Numbers of cells, steps, targets and exponentials; a static argument of compiled programs.

    Attributes
    ----------
    n_cells, n_steps : int
    n_nodes : values of W for each relic state, 1 or 3.
    n_parts : parts of a step that resolve narrow lines.
    n_rates, stride : exponentials that make a t-channel propagator, and cells between two of them.
    log_top : ln(E/GeV) of the highest cell's upper edge.
    """

    n_cells: int
    n_steps: int
    n_nodes: int
    n_parts: int
    n_rates: int
    stride: int
    log_top: float

    def placed(self, u_max: jax.Array) -> Lattice:
        """Lay the cells out; their width is that of a step."""
        width = jnp.asarray(u_max) / self.n_steps
        return Lattice(jnp.asarray(self.log_top), width, self.n_cells, self.n_steps)

    def refined(self) -> CascadeShape:
        """Twice as many cells and steps."""
        return replace(
            self, n_cells=2 * self.n_cells, n_steps=2 * self.n_steps, stride=2 * self.stride
        )

    @property
    def counts(self) -> dict[str, int]:
        """Numbers that `cascade` is given besides a lattice."""
        return {
            "n_nodes": self.n_nodes,
            "n_parts": self.n_parts,
            "n_rates": self.n_rates,
            "stride": self.stride,
        }


def lines_of(
    mediator: Mediator, neutrinos: Neutrinos, relics: RelicState, expansion: Expansion
) -> Lines:
    """Resonances of a mediator on the relics of all mass eigenstates.

    Raises
    ------
    ParameterError
        If the relics, or the mediator, know a sterile state that the neutrinos do not have.
    """
    line = line_of(mediator, neutrinos, relics.nature)
    if line.same_species and relics.asymmetry is not None:
        relics = replace(relics, asymmetry=-jnp.asarray(relics.asymmetry))  # the other helicity
    return Lines(
        mediator_mass=mediator.mass,
        masses=neutrinos.masses,
        coupling_squared=line.strength,
        yields=line.yields,
        sharing=line.sharing,
        relics=replace(relics, flipped=line.flipped),
        expansion=expansion,
        abundance=relics.abundances(neutrinos.n_states),
    )


def interactions_of(
    mediators: tuple[Mediator, ...],
    neutrinos: Neutrinos,
    relics: RelicState,
    expansion: Expansion,
    n_channels: int,
    interference: bool = False,
    pair_production: bool = False,
) -> tuple[Interaction, ...]:
    """All that mediators do to neutrinos of all mass eigenstates.

    Their rates add up; with `interference`, which takes two vectors or more and nothing else, their
    amplitudes do. A Yukawa scalar on Dirac relics makes two: on relics of the chirality of their
    helicity, and on those of the other, on which it resonates. With `pair_production` scalars are
    made in pairs too.
    """
    if pair_production:
        require_scalar(mediators)
    parts = _interfering(mediators, neutrinos, relics) if interference else None
    made = []
    density = _densities(relics)
    for place, mediator in enumerate(mediators):
        gamma = jnp.asarray(mediator.width(relics.nature) / mediator.mass)
        scatterings = scatterings_of(mediator, neutrinos, relics, expansion)
        if parts is not None:
            scatterings = [(scatterings[0][0], parts[place])]
        for lines, scattering in scatterings:
            smooth = scattering.without_pole()
            if lines.abundance is not None:
                smooth = smooth.on_targets(lines.abundance)
            kernels = kernels_of(smooth, n_channels, density)
            made.append(Interaction(lines, gamma, kernels))
        if pair_production and isinstance(mediator, Scalar):
            production = pairs_of(mediator, neutrinos, relics.nature)
            made[-1] = replace(
                made[-1], pairs=Pairs.of(production, n_channels, density, lines.abundance)
            )
    return tuple(made)


def scatterings_of(
    mediator: Mediator, neutrinos: Neutrinos, relics: RelicState, expansion: Expansion
) -> list[tuple[Lines, Scattering]]:
    """Cross sections of one mediator, each with the line that is in it and the relics that it sees.

    Two of a Yukawa scalar on Dirac relics, see `interactions_of`: no line is in the second.
    """
    lines = lines_of(mediator, neutrinos, relics, expansion)
    if isinstance(mediator, ZPrime):
        boson = VectorBoson.of_zprime(mediator, neutrinos, relics.nature)
        return [(lines, vector_scattering(boson))]
    aligned, flipped = scattering_of(mediator, neutrinos, relics.nature)
    if not lines.relics.flipped:
        return [(lines, aligned)]
    silent = jnp.zeros_like(lines.coupling_squared)
    return [(lines, flipped), (replace(lines, coupling_squared=silent, relics=relics), aligned)]


def require_interfering(mediators: tuple[Mediator, ...]) -> None:
    """Refuse mediators whose amplitudes are not added up: anything but two vectors or more."""
    if len(mediators) < 2 or not all(isinstance(each, ZPrime) for each in mediators):
        kinds = ", ".join(type(each).__name__ for each in mediators)
        raise ParameterError(
            f"interference = True for {kinds}: two mediators or more are needed, all of them "
            "nuprop.ZPrime; rates of others add up"
        )


def require_scalar(mediators: tuple[Mediator, ...]) -> None:
    """Refuse the production of pairs without a mediator of which two are made."""
    if not any(isinstance(each, Scalar) for each in mediators):
        raise ParameterError(
            "pair_production = True: a nuprop.Scalar is needed, of which two can be made"
        )


def _interfering(
    mediators: tuple[Mediator, ...], neutrinos: Neutrinos, relics: RelicState
) -> tuple[Scattering, ...]:
    require_interfering(mediators)
    return interfering_vectors(
        [
            VectorBoson.of_zprime(each, neutrinos, relics.nature)
            for each in mediators
            if isinstance(each, ZPrime)
        ]
    )


def _densities(relics: RelicState) -> jax.Array:
    """Targets [beam, species relative to it] over the density of one helicity, (2, 2)."""
    if relics.asymmetry is None:
        return jnp.ones((2, 2))
    opposite, same = relics.helicity_excess()
    if relics.nature == "majorana":
        return jnp.full((2, 2), 0.5 * (opposite + same))
    return jnp.array([[same, opposite], [opposite, same]])


def cascade_shape(
    interactions: tuple[Interaction, ...],
    u_max: Any,
    lowest: float,
    highest: float,
    resolution: float = 1.0,
) -> CascadeShape:
    """Choose the lattice of a cascade for given parameters.

    Parameters
    ----------
    interactions : tuple of Interaction, with concrete numbers.
    u_max : ln(1 + z_max)
    lowest, highest : energies asked for [GeV].
    resolution : float
        Factor on the number of cells and of steps.

    Returns
    -------
    CascadeShape
        Cells of 0.015 in ln(E), and parts of steps 0.8 times as wide as the narrowest line, but at
        least 0.0025. For relics at rest undivided cells of 0.005, or wider if the resonance is.
    """
    u_max = float(u_max)
    lines = interactions[0].lines
    masses = np.asarray(lines.masses, dtype=np.float64)
    gamma = min(float(one.gamma) for one in interactions)
    temperature = np.asarray(lines.temperatures) if lines.relics.thermal else 0.0
    with np.errstate(divide="ignore"):
        widths = RMS_WIDTH * temperature / masses
    coldest = float(np.min(widths[np.asarray(lines.present)]))
    narrowest = max(coldest, gamma) if lines.relics.thermal else gamma
    if lines.relics.thermal:
        width = COARSEST
    else:
        width = float(np.clip(CELL * narrowest, AT_REST, COARSEST))
    width = width / resolution
    n_steps = _FEWEST * math.ceil(u_max / width / _FEWEST)
    width = u_max / n_steps
    # lines of relics at rest are as wide as cells, and what that costs is extrapolated to none
    n_parts = math.ceil(width / max(_PART * narrowest, FINEST)) if lines.relics.thermal else 1
    log_highest = math.log(highest)
    tops = [
        float(absorbing_range(one.lines, jnp.asarray(u_max), jnp.asarray(width))[0])
        for one in interactions
    ]
    log_top = max(log_highest + _REACH, min(max(tops), log_highest + _FARTHEST))
    log_top = math.ceil(4.0 * log_top) / 4.0
    log_bottom = math.log(lowest) - 3.0 * width
    n_cells = BLOCK * math.ceil((log_top - log_bottom) / width / BLOCK)
    with np.errstate(divide="ignore"):
        hottest = RMS_WIDTH * temperature * math.exp(u_max) / masses
    moving = bool(np.any(hottest > _MEAN_MOTION))
    fastest = np.max(masses + 16.0 * temperature * math.exp(u_max))
    shortest = min(0.5 * float(one.lines.mediator_mass) ** 2 / fastest for one in interactions)
    n_rates, stride = exponentials_needed(shortest, math.exp(log_top + u_max), width)
    return CascadeShape(
        n_cells=n_cells,
        n_steps=n_steps,
        n_nodes=3 if moving else 1,
        n_parts=n_parts,
        n_rates=n_rates,
        stride=stride,
        log_top=log_top,
    )
