"""The pure functions: from physics objects to flux arrays, under jit, vmap and grad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.constants import SPEED_OF_LIGHT
from nuprop.sources import PointSource
from nuprop.transport.averages import ORDER, cell_rule, spectral_kinks
from nuprop.transport.cascade import CascadeResult, cascade
from nuprop.transport.coverage import LatticeShape
from nuprop.transport.emitted import free_flux
from nuprop.transport.interactions import CascadeShape, interactions_of, lines_of
from nuprop.transport.march import MarchResult, march
from nuprop.transport.medium import Interaction
from nuprop.transport.problem import Emission, Lines
from nuprop.transport.readout import cascade_flux, flux_from
from nuprop.transport.sweep import sweep

if TYPE_CHECKING:
    from nuprop.cosmology import Expansion
    from nuprop.mediators import Mediator
    from nuprop.neutrinos import Neutrinos
    from nuprop.relics import RelicState
    from nuprop.sources import Source

Method = Literal["sweep", "march", "cascade"]
#: "summed" follows nu + nubar, "apart" nu and nubar each.
Helicities = Literal["summed", "apart"]
Result = TypeVar("Result")


def emission_of(
    source: Source | PointSource,
    neutrinos: Neutrinos,
    expansion: Expansion,
    helicities: Helicities = "apart",
) -> Emission:
    """Emission of a source in mass eigenstates, normalized.

    A flux normalization fixes the free flux of all states at the pivot, divided by 3; an
    emissivity is Q_0; a point source of known luminosity has
    J = (1+z)^2/(4 pi d_L^2) dN/dE'dt'.
    """
    shares = source.shares() @ neutrinos.mixing[:3]
    emission = Emission(
        evolution=source.evolution,
        spectrum=source.spectrum,
        shares=jnp.sum(shares, axis=0, keepdims=True) if helicities == "summed" else shares,
        u_max=jnp.log1p(source.z_max),
        scale=jnp.ones(()),
        expansion=expansion,
        burst=source.burst,
    )
    if isinstance(source, PointSource) and source.normalization_kind == "luminosity":
        z = jnp.asarray(source.z_max)
        area = 4.0 * jnp.pi * (expansion.luminosity_distance(z) / (1.0 + z)) ** 2
        shell = SPEED_OF_LIGHT / (4.0 * jnp.pi * expansion.hubble(z))
        return replace(emission, scale=source.emission_scale() / area / shell)
    log_pivot = jnp.log(jnp.atleast_1d(jnp.asarray(source.pivot, dtype=float)))
    if source.normalization_kind == "flux":
        unit = jnp.sum(free_flux(emission, log_pivot))
        return replace(emission, scale=3.0 * source.normalization / unit)
    unit = source.spectrum.emissivity_at_log(log_pivot)[0]
    return replace(emission, scale=source.normalization / unit)


def made_in_pairs(source: Source | PointSource) -> bool:
    """Whether every flavor is emitted as often as its antineutrino."""
    fraction, flavor = np.asarray(source.antineutrino_fraction), np.asarray(source.flavor)
    return bool(np.all((fraction == 0.5) | (flavor == 0.0)))


def marched(
    lines: Lines, emission: Emission, shape: LatticeShape
) -> tuple[MarchResult, MarchResult | None]:
    """March; for relics at rest, whose lines get the width of a cell, once more twice as fine."""
    result = march(shape.placed(lines, emission.u_max), lines, emission)
    if lines.relics.thermal:
        return result, None
    return result, march(shape.refined().placed(lines, emission.u_max), lines, emission)


def marched_flux(
    results: tuple[MarchResult, MarchResult | None],
    lines: Lines,
    emission: Emission,
    log_energy: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Flux and free flux of what `marched` gives; widths of lines at rest extrapolated to zero."""
    return _extrapolated(lambda one: flux_from(one, lines, emission, log_energy), *results)


def cascaded(
    interactions: tuple[Interaction, ...], emission: Emission, shape: CascadeShape
) -> tuple[CascadeResult, CascadeResult | None]:
    """Cascade; for relics at rest, whose lines get the width of a cell, once more twice as fine."""

    def at(one: CascadeShape) -> CascadeResult:
        lattice = one.placed(jnp.asarray(emission.u_max))
        return cascade(lattice, interactions, emission, **one.counts)

    thermal = interactions[0].lines.relics.thermal
    return at(shape), None if thermal else at(shape.refined())


def cascaded_flux(
    results: tuple[CascadeResult, CascadeResult | None],
    emission: Emission,
    log_energy: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Flux and free flux of what `cascaded` gives; widths of lines at rest extrapolated to zero."""
    return _extrapolated(lambda one: cascade_flux(one, emission, log_energy), *results)


def _extrapolated(
    read: Callable[[Result], tuple[jax.Array, jax.Array]], coarse: Result, fine: Result | None
) -> tuple[jax.Array, jax.Array]:
    """Flux and free flux on lattices of cells h and h/2, if there is a second, to h -> 0."""
    flux, free = read(coarse)
    return (flux if fine is None else jnp.maximum(2.0 * read(fine)[0] - flux, 0.0)), free


def solve(
    lines: Lines,
    emission: Emission,
    log_energy: jax.Array,
    *,
    method: Method = "sweep",
    lattice: LatticeShape | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Flux and free flux at ln(E/GeV), each (n_channels, n_states, n), by resonances alone."""
    if method == "sweep":
        result = sweep(log_energy, lines, emission)
        return result.flux, result.free
    if not isinstance(lattice, LatticeShape):
        raise TypeError(
            "method 'march' needs a lattice: nuprop.transport.lattice_shape chooses one"
        )
    return marched_flux(marched(lines, emission, lattice), lines, emission, log_energy)


def spectrum(
    energy: jax.Array,
    source: Source | PointSource,
    mediator: Mediator | tuple[Mediator, ...],
    neutrinos: Neutrinos,
    relics: RelicState,
    expansion: Expansion,
    *,
    method: Method = "sweep",
    helicities: Helicities = "apart",
    lattice: LatticeShape | CascadeShape | None = None,
    interference: bool = False,
    pair_production: bool = False,
) -> jax.Array:
    """Compute the flux at given energies; pure, for jit, vmap, grad and jacfwd over any leaf.

    Parameters
    ----------
    energy : Array, shape (n,), GeV
    source, mediator, neutrinos : pytrees
        See `nuprop.Source`, `nuprop.ZPrime` and `nuprop.Scalar`, `nuprop.Neutrinos`. Several
        mediators as a tuple, for "cascade" only.
    relics : RelicState, `nuprop.Relics(...).state`
    expansion : Expansion, see `nuprop.expansion`
    method : "sweep" (relics at rest), "march" or "cascade" (all channels); static
    helicities : "summed" for nu + nubar, half the work, when both meet the same and none is asked
        for alone; or "apart"; static
    lattice : LatticeShape or CascadeShape, static
        For "march" see `lattice_shape`, for "cascade" `cascade_shape`.
    interference : bool, static
        Whether amplitudes of several vectors add up, not rates; for "cascade" only.
    pair_production : bool, static
        Whether scalars are made in pairs too; for "cascade" only.

    Returns
    -------
    Array, shape (n_channels, n_states, n)
        GeV^-1 cm^-2 s^-1 sr^-1 (no sr^-1 for a point source) of nu + nubar, or of nu and nubar, in
        mass eigenstates.

    Notes
    -----
    Nothing is validated here. "sweep" treats relics as resting whatever `relics.thermal` says.
    """
    emission = emission_of(source, neutrinos, expansion, helicities)
    log_energy = jnp.log(jnp.asarray(energy))
    channels = {"interference": interference, "pair_production": pair_production}
    physics = (mediator, neutrinos, relics, expansion)
    return _flux_at(log_energy, physics, emission, method, lattice, **channels)


def cell_averages(
    edges: jax.Array,
    source: Source | PointSource,
    mediator: Mediator | tuple[Mediator, ...],
    neutrinos: Neutrinos,
    relics: RelicState,
    expansion: Expansion,
    *,
    method: Method = "sweep",
    helicities: Helicities = "apart",
    lattice: LatticeShape | CascadeShape | None = None,
    interference: bool = False,
    pair_production: bool = False,
    pieces: int = 4,
    order: int = ORDER,
) -> jax.Array:
    """Compute averages int phi dE / Delta E over energy cells; pure, arguments as `spectrum`.

    Parameters
    ----------
    edges : Array, shape (n + 1,), GeV
    pieces : int, static
        Pieces of each cell; jumps of the spectrum divide them further.
    order : int, static
        Gauss-Legendre nodes in each piece.

    Returns
    -------
    Array, shape (n_channels, n_states, n)
    """
    emission = emission_of(source, neutrinos, expansion, helicities)
    mediators = mediator if isinstance(mediator, tuple) else (mediator,)
    if method != "cascade":
        mediators = (_only(mediator),)
    lines = [lines_of(each, neutrinos, relics, expansion) for each in mediators]
    rule = cell_rule(jnp.log(jnp.asarray(edges)), spectral_kinks(lines, emission), pieces, order)
    channels = {"interference": interference, "pair_production": pair_production}
    physics = (mediator, neutrinos, relics, expansion)
    return rule.average(_flux_at(rule.log_energy, physics, emission, method, lattice, **channels))


def _flux_at(
    log_energy: jax.Array,
    physics: tuple[Mediator | tuple[Mediator, ...], Neutrinos, RelicState, Expansion],
    emission: Emission,
    method: Method,
    shape: LatticeShape | CascadeShape | None,
    **channels: bool,
) -> jax.Array:
    mediator, neutrinos, relics, expansion = physics
    if method != "cascade":
        if asked := [name for name, on in channels.items() if on]:
            raise TypeError(f"{asked[0]} = True needs method 'cascade', not {method!r}")
        lines = lines_of(_only(mediator), neutrinos, relics, expansion)
        return solve(lines, emission, log_energy, method=method, lattice=_march_shape(shape))[0]
    if not isinstance(shape, CascadeShape):
        raise TypeError(
            "method 'cascade' needs a lattice: nuprop.transport.cascade_shape chooses one"
        )
    mediators = mediator if isinstance(mediator, tuple) else (mediator,)
    n_channels = emission.shares.shape[0]
    interactions = interactions_of(mediators, neutrinos, relics, expansion, n_channels, **channels)
    results = cascaded(interactions, emission, shape)
    return cascaded_flux(results, emission, log_energy)[0]


def _only(mediator: Mediator | tuple[Mediator, ...]) -> Mediator:
    if not isinstance(mediator, tuple):
        return mediator
    if len(mediator) != 1:
        raise TypeError("several mediators need method 'cascade'")
    return mediator[0]


def _march_shape(lattice: LatticeShape | CascadeShape | None) -> LatticeShape | None:
    return lattice if isinstance(lattice, LatticeShape) else None


def pieces_of(edges: np.ndarray, method: Method, width: float) -> int:
    """Pieces per cell that follow the spectrum: a tenth in ln(E), or two cells of a lattice."""
    widest = float(np.max(np.diff(np.log(edges))))
    return max(1, int(np.ceil(widest / (0.1 if method == "sweep" else min(0.1, 2.0 * width)))))
