"""The one door: physics objects with units in, a DiffuseFlux out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.citation import used
from nuprop.cosmology import Expansion, expansion
from nuprop.errors import (
    GridError,
    NupropError,
    ParameterError,
    PhysicsWarning,
    Status,
    nearest,
)
from nuprop.flux import DiffuseFlux
from nuprop.mediators import Mediator, Scalar, ZPrime
from nuprop.mediators.scattering.pairs import pairs_of
from nuprop.neutrinos import Neutrinos
from nuprop.precision import require_float64
from nuprop.relics import Relics
from nuprop.sources import PointSource, Source
from nuprop.transport.averages import CellRule, cell_rule, spectral_kinks
from nuprop.transport.books import Books, book_nodes, cascade_books, march_books, sweep_books
from nuprop.transport.coverage import (
    MOST_CELLS,
    LatticeShape,
    cell_width,
    cells_hide_widths,
    lattice_needs,
)
from nuprop.transport.depth import continuum_depth, optical_depths
from nuprop.transport.interactions import (
    CascadeShape,
    cascade_shape,
    interactions_of,
    lines_of,
    require_interfering,
    require_scalar,
    scatterings_of,
)
from nuprop.transport.medium import Interaction
from nuprop.transport.problem import Emission, Lines
from nuprop.transport.shapes import RMS_WIDTH
from nuprop.transport.spectrum import (
    Helicities,
    Method,
    cascaded,
    cascaded_flux,
    emission_of,
    made_in_pairs,
    marched,
    marched_flux,
    pieces_of,
)
from nuprop.transport.sweep import sweep
from nuprop.transport.total_depth import channel_depths, pair_depths
from nuprop.units import in_code_units, required_number

if TYPE_CHECKING:
    from astropy.cosmology import FLRW

    from nuprop.balance import Balance
    from nuprop.relics import RelicState

#: Default energies: 1 TeV to 100 PeV, forty to a decade.
_DEFAULT_ENERGIES = np.geomspace(1e3, 1e8, 201)
#: Optical depth of non-resonant scattering above which its neglect is worth a warning.
_LARGEST_CONTINUUM = 0.01
#: How far the books of each method may be off.
_TOLERANCE = {"sweep": 1e-4, "march": 1e-3, "cascade": 1e-3}
#: Optical depth of non-resonant scattering, and width of the resonance over that of a cell, above
#: which "auto" takes them into account.
_CONTINUUM, _BREADTH = 1e-4, 1e-2
_METHODS = ("auto", "sweep", "march", "cascade")
_CHANNELS = ("all", "resonance")


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "lines",
        "emission",
        "mixing",
        "resonances",
        "perturbative",
        "continuum",
        "breadth",
        "needs",
    ],
    meta_fields=[],
)
@dataclass(frozen=True)
class _Setup:
    """A problem in code units, with what only the facade asks of it."""

    lines: Lines
    emission: Emission
    mixing: jax.Array
    resonances: jax.Array
    perturbative: jax.Array
    continuum: jax.Array
    breadth: jax.Array
    needs: tuple[jax.Array, jax.Array]


@dataclass(frozen=True)
class _Choice:
    method: Method
    reason: str
    lattice: LatticeShape | CascadeShape | None = None
    interactions: tuple[Interaction, ...] | None = None


def propagate(
    source: Source | PointSource,
    mediator: Mediator | Sequence[Mediator],
    neutrinos: Neutrinos | None = None,
    relics: Relics | None = None,
    cosmology: FLRW | Expansion | str | None = None,
    energy: Any = None,
    *,
    energy_edges: Any = None,
    method: Literal["auto", "sweep", "march", "cascade"] = "auto",
    interference: bool = False,
    pair_production: bool = False,
    resolution: float = 1.0,
    on_error: Literal["raise", "return"] = "raise",
) -> DiffuseFlux:
    """Propagate neutrinos from their sources to Earth through the cosmic neutrino background.

    Parameters
    ----------
    source : Source or PointSource
    mediator : ZPrime, Scalar, or a sequence of them
        The rates of several mediators add up, unless `interference` is asked for.
    neutrinos : Neutrinos, optional
        By default `Neutrinos()`: normal ordering, NuFIT 6.0, massless nu_1.
    relics : Relics, optional
        By default `Relics()`: Majorana, in thermal motion, 56.008 cm^-3.
    cosmology : astropy FLRW, Expansion or name, optional
        By default astropy's Planck18.
    energy : Quantity or array, shape (n,), GeV, optional
        Energies at Earth, strictly increasing, > 0; by default 201 from 1 TeV to 100 PeV.
    energy_edges : Quantity or array, shape (n + 1,), GeV, optional
        In place of `energy`: averages int phi dE / Delta E over the cells between the edges.
    method : "auto", "sweep", "march" or "cascade"
        "sweep" takes relics at rest and is exact for them; "march" follows their motion; both know
        the narrow resonance only. "cascade" has finite widths and all other channels. "auto" takes
        it for several mediators, for scattering away from the resonance with an optical depth above
        1e-4, and for a width above 1e-2 of a cell; else the sweep if relics rest, or if cells are
        asked for and every line is narrower than 0.005 in ln(E) at z_max and than half the cell
        around its edge; else the march. With relics in motion "sweep" is an approximation, and
        says so.
    interference : bool
        Whether the amplitudes of several vectors add up, in all channels that end in active
        neutrinos. Each line keeps its own width: lines closer than that mix, which is left out.
    pair_production : bool
        Whether scalars are made in pairs too, nu nubar -> phi phi, s > 4 M^2, each of which decays
        to two neutrinos; of the order of exchange in the t channel. Takes a cascade, whose cost
        then grows with the square of the number of cells: about three times as long over seven
        decades of energy. Hence off by default, as in nuSIprop (Esteban et al. 2021,
        arXiv:2107.13568).
    resolution : float
        Factor on the number of cells and steps of a march or a cascade.
    on_error : "raise" or "return"
        What to do with a result that is not finite, negative, or whose books do not close:
        raise, or return it with its status.

    Returns
    -------
    DiffuseFlux

    Raises
    ------
    GridError
        Energies that are not finite, positive and increasing, or both `energy` and `energy_edges`.
    UnitError, ParameterError
        A wrong unit or an impossible value; the message names both.
    PrecisionError
        If JAX was switched to 32-bit floats.
    NupropError
        If the calculation failed, and `on_error` is "raise".

    Notes
    -----
    Solves, along each comoving energy eps = E/(1+z),

        (1+z) H dN_i/dz = -(1+z) W Q_i + Gamma_i N_i
                          - P_i int_eps^inf d eps'/eps' K(eps/eps') sum_k Gamma_k N_k

    for the narrow s-channel resonance of the mediator, J_i = (c/4 pi) N_i(z=0); a cascade has rates
    and energy sharing of all channels in place of Gamma and P K.

    References
    ----------
    Ng & Beacom 2014, arXiv:1404.2288 (transport with regeneration); Araki et al. 2015 and 2016,
    arXiv:1409.4180 and arXiv:1508.07471 (L_mu - L_tau boson, source evolutions).

    Examples
    --------
    >>> import astropy.units as u
    >>> import nuprop
    >>> flux = nuprop.propagate(
    ...     nuprop.Source(),
    ...     nuprop.ZPrime.lmu_ltau(mass=11 * u.MeV, coupling=5e-4),
    ...     nuprop.Neutrinos(lightest_mass=0.08 * u.eV),
    ...     energy=[5e5, 6.4e5] * u.GeV,
    ... )
    >>> flux.transmission.round(2)
    array([0.62, 0.3 ])
    """
    require_float64()
    neutrinos = Neutrinos() if neutrinos is None else neutrinos
    relics = Relics() if relics is None else relics
    mediators = _mediators(mediator)
    _require_types(source=source, neutrinos=neutrinos, relics=relics)
    history = expansion(cosmology)
    _require_reach(source, history)
    points, edges = _energies(energy, energy_edges)
    resolution = required_number(
        resolution, "dimensionless", "resolution", "a positive number", lambda x: x > 0.0
    )
    if on_error not in ("raise", "return"):
        raise ParameterError(f"on_error = {on_error!r}: 'raise' or 'return'")

    interference = _switch("interference", interference)
    pair_production = _switch("pair_production", pair_production)
    if interference:
        require_interfering(mediators)
    if pair_production:
        require_scalar(mediators)

    symmetric = relics.state.symmetric and made_in_pairs(source)
    setup = _prepare(
        source,
        mediators,
        neutrinos,
        relics.state,
        history,
        float(resolution),
        helicities="summed" if symmetric else "apart",
    )
    lines, emission = setup.lines, setup.emission
    choice = _choose(
        method, setup, points, edges, float(resolution), len(mediators), pair_production
    )
    if choice.method == "cascade":
        choice = _with_interactions(
            choice,
            setup,
            mediators,
            neutrinos,
            relics.state,
            points if edges is None else edges,
            float(resolution),
            interference=interference,
            pair_production=pair_production,
        )
    _warn(setup, relics, choice)

    grid = np.log(points if edges is None else edges)
    pieces = 0
    if edges is not None:
        width = 1.0 if choice.lattice is None else float(emission.u_max) / choice.lattice.n_steps
        if lines.relics.clumped:  # a thin clump makes a dip as narrow as a line
            width = 0.25 * width
        pieces = pieces_of(edges, choice.method, width)
    flux, free, books = _run(
        lines, choice.interactions, emission, grid, choice.method, choice.lattice, pieces
    )
    values, free_values = np.asarray(flux), np.asarray(free)
    if symmetric:
        values, free_values = (np.stack([0.5 * v[0]] * 2) for v in (values, free_values))
    balance = books.balance()
    status = _status(values, balance, choice.method, bool(setup.perturbative))
    result = DiffuseFlux(
        energy_gev=points,
        edges_gev=edges,
        values=values,
        free_values=free_values,
        mixing=np.asarray(setup.mixing),
        resonances_gev=np.asarray(setup.resonances),
        z_max=_number(source.z_max),
        method=choice.method,
        method_reason=choice.reason,
        status=status,
        balance=balance,
        per_steradian=not source.point,
        parameters={
            "source": source.describe(),
            "mediator": _described(mediators),
            "neutrinos": neutrinos.describe(),
            "relics": relics.describe(),
            "cosmology": history.describe(),
            "solver": {
                "method": method,
                "resolution": float(resolution),
                "interference": interference,
                "pair_production": pair_production,
                "lattice": str(choice.lattice),
            },
            "versions": {
                name: version(name) for name in ("nuprop", "jax", "numpy", "scipy", "astropy")
            },
        },
        citations=_citations(source, neutrinos, relics, history),
    )
    if on_error == "raise" and status not in (Status.OK, Status.NONPERTURBATIVE):
        raise NupropError(
            f"propagate: {status.value} (number balance {balance.number_residual:.1e}, energy "
            f"balance {balance.energy_residual:.1e}); on_error='return' gives it all the same"
        )
    return result


def optical_depth(
    energy: Any,
    z: Any,
    *,
    mediator: Mediator | Sequence[Mediator],
    neutrinos: Neutrinos | None = None,
    relics: Relics | None = None,
    cosmology: FLRW | Expansion | str | None = None,
    antineutrinos: bool = False,
    channels: Literal["all", "resonance"] = "all",
    pair_production: bool = False,
) -> np.ndarray:
    """Compute the optical depth of the relics for each mass eigenstate.

    Parameters
    ----------
    energy : Quantity or array, shape (n,) or scalar, GeV
        Energy at Earth, > 0, in any order.
    z : float or array, shape (n,) or scalar
        Redshift of the source, > 0.
    mediator, neutrinos, relics, cosmology :
        As in `propagate`.
    antineutrinos : bool
        For antineutrinos in place of neutrinos; they differ if relics have a lepton asymmetry, and
        slightly if couplings violate CP.
    channels : "all" or "resonance"
        "all", the default, has every channel of scattering on relics, and resonances of finite
        width; it holds for any coupling, mass and energy. "resonance" has the narrow s-channel
        resonances alone, as "sweep" and "march" do: the same within their bands, to a part
        of about Gamma/M, and far faster.
    pair_production : bool
        Whether scalars are made in pairs too, as in `propagate`; takes channels="all".

    Returns
    -------
    tau : ndarray, shape (n_states, n)
        tau_i for nu_1, nu_2, nu_3, and nu_4 with a sterile neutrino; e^-tau_i is the chance to
        arrive without interaction.

    Raises
    ------
    GridError, ParameterError, UnitError, PrecisionError
        As in `propagate`.

    Warns
    -----
    PhysicsWarning
        If channels="resonance" leaves out more than 0.01 or so.

    Notes
    -----
    tau_i = int du n (c/H) sum_j int dW phi_j(W) sigma_ij(2 E e^u W), u = ln(1 + z'), W = e - p cos
    of a relic's energy and momentum; the depths of several mediators add up. For a narrow resonance
    it is sum_j |g_ij|^2 (2 pi/M^2) int du n (c/H) W phi_j(W), W = M^2/(2 E (1+z')); for relics at
    rest (2 pi/M^2) n(z_R) c/H(z_R) at 1 + z_R = M^2/(2 m_j E), if 0 < z_R < z.

    Examples
    --------
    >>> import astropy.units as u
    >>> import nuprop
    >>> zprime = nuprop.ZPrime.universal(mass="10 MeV", coupling=0.03)
    >>> neutrinos = nuprop.Neutrinos(lightest_mass=0.05 * u.eV)
    >>> energy = [0.03, 30] * u.PeV  # below and above all resonances
    >>> nuprop.optical_depth(energy, 2.0, mediator=zprime, neutrinos=neutrinos)[0].round(2)
    array([0.38, 4.75])
    """
    require_float64()
    neutrinos = Neutrinos() if neutrinos is None else neutrinos
    relics = Relics() if relics is None else relics
    mediators = _mediators(mediator)
    _require_types(neutrinos=neutrinos, relics=relics)
    if channels not in _CHANNELS:
        raise ParameterError(f"channels = {channels!r}: {nearest(str(channels), _CHANNELS)}")
    pair_production = _switch("pair_production", pair_production)
    if pair_production:
        require_scalar(mediators)
        if channels != "all":
            raise ParameterError(f"channels = {channels!r}: pair_production needs 'all'")
    history = expansion(cosmology)
    energies = np.atleast_1d(in_code_units(energy, "energy", "energy"))
    redshifts = np.atleast_1d(in_code_units(z, "dimensionless", "z"))
    if energies.ndim != 1 or not np.all(np.isfinite(energies) & (energies > 0.0)):
        raise GridError(f"energy = {energy}: one-dimensional, finite and > 0")
    limit = history.z_limit
    if redshifts.ndim > 1 or not np.all((redshifts > 0.0) & (redshifts <= min(limit, 1e4))):
        raise ParameterError(f"z = {z}: redshifts above 0 and up to {min(limit, 1e4):g}")
    try:
        energies, redshifts = np.broadcast_arrays(energies, redshifts)
    except ValueError as error:
        raise GridError(
            f"z has the shape {redshifts.shape}, energy {energies.shape}: "
            "equal shapes, or one number"
        ) from error
    problem = (np.log(energies), np.log1p(redshifts), mediators, neutrinos, relics.state, history)
    if channels == "all":
        options = {"antineutrinos": bool(antineutrinos), "pair_production": pair_production}
        return np.asarray(_total_depths(*problem, **options))
    depths, continuum = _line_depths(*problem)
    _warn_of_continuum(float(continuum), 3, "; channels='all' has it")
    return np.asarray(depths[-1 if antineutrinos else 0])


@partial(jax.jit, static_argnames=("antineutrinos", "pair_production"))
def _total_depths(
    log_energy: jax.Array,
    u_max: jax.Array,
    mediators: tuple[Mediator, ...],
    neutrinos: Neutrinos,
    relics: RelicState,
    history: Expansion,
    *,
    antineutrinos: bool,
    pair_production: bool,
) -> jax.Array:
    depths = []
    for mediator in mediators:
        scatterings = scatterings_of(mediator, neutrinos, relics, history)
        depths += [
            channel_depths(log_energy, u_max, lines, scattering, relics, antineutrinos)
            for lines, scattering in scatterings
        ]
        if pair_production and isinstance(mediator, Scalar):
            production = pairs_of(mediator, neutrinos, relics.nature)
            aligned = scatterings[-1][0]
            depths.append(
                pair_depths(log_energy, u_max, aligned, production, relics, antineutrinos)
            )
    return jnp.sum(jnp.stack(depths), axis=0)


@jax.jit
def _line_depths(
    log_energy: jax.Array,
    u_max: jax.Array,
    mediators: tuple[Mediator, ...],
    neutrinos: Neutrinos,
    relics: RelicState,
    history: Expansion,
) -> tuple[jax.Array, jax.Array]:
    """Depths of narrow resonances, and an estimate of what else there is."""
    every = [lines_of(mediator, neutrinos, relics, history) for mediator in mediators]
    depths = jnp.stack([optical_depths(log_energy, u_max, lines) for lines in every])
    left_out = jnp.stack([continuum_depth(jnp.max(u_max), lines) for lines in every])
    return jnp.sum(depths, axis=0), jnp.sum(left_out)


@partial(jax.jit, static_argnames=("helicities",))
def _prepare(
    source: Source | PointSource,
    mediators: tuple[Mediator, ...],
    neutrinos: Neutrinos,
    relics: RelicState,
    history: Expansion,
    resolution: float,
    helicities: Helicities,
) -> _Setup:
    all_lines = [lines_of(mediator, neutrinos, relics, history) for mediator in mediators]
    lines = all_lines[0]
    resonances = [
        jnp.where(each.absorbing, jnp.exp(each.log_resonance), jnp.inf) for each in all_lines
    ]
    emission = emission_of(source, neutrinos, history, helicities)
    return _Setup(
        lines=lines,
        emission=emission,
        mixing=neutrinos.mixing,
        resonances=resonances[0] if len(resonances) == 1 else jnp.stack(resonances),
        perturbative=jnp.all(
            jnp.stack([mediator.is_perturbative(relics.nature) for mediator in mediators])
        ),
        continuum=jnp.sum(jnp.stack([continuum_depth(emission.u_max, each) for each in all_lines])),
        breadth=jnp.max(
            jnp.stack([mediator.width(relics.nature) / mediator.mass for mediator in mediators])
        ),
        needs=lattice_needs(lines, emission.u_max, resolution, burst=emission.burst),
    )


@partial(jax.jit, static_argnames=("method", "lattice", "pieces"))
def _run(
    lines: Lines,
    interactions: tuple[Interaction, ...] | None,
    emission: Emission,
    grid: jax.Array,
    method: Method,
    lattice: LatticeShape | CascadeShape | None,
    pieces: int,
) -> tuple[jax.Array, jax.Array, Books]:
    """Flux, free flux and books at ln(energies), or, with `pieces`, averaged between ln(edges)."""
    every = [lines] if interactions is None else [one.lines for one in interactions]
    kinks = spectral_kinks(every, emission)
    rule: CellRule | None = cell_rule(grid, kinks, pieces) if pieces else None
    log_energy = grid if rule is None else rule.log_energy
    if method == "sweep":
        panels = book_nodes(lines, emission, kinks)
        n = log_energy.shape[0]
        result = sweep(jnp.concatenate([log_energy, panels.nodes.reshape(-1)]), lines, emission)
        flux, free = result.flux[..., :n], result.free[..., :n]
        books = sweep_books(panels, result.flux[..., n:], result.free[..., n:], result, lines)
    elif interactions is not None:
        assert isinstance(lattice, CascadeShape)
        found = cascaded(interactions, emission, lattice)
        flux, free = cascaded_flux(found, emission, log_energy)
        books = cascade_books(found[0], emission)
    else:
        assert isinstance(lattice, LatticeShape)
        results = marched(lines, emission, lattice)
        flux, free = marched_flux(results, lines, emission, log_energy)
        books = march_books(results[0], lines, emission)
    if rule is not None:
        flux, free = rule.average(flux), rule.average(free)
    return flux, free, books


def _energies(energy: Any, energy_edges: Any) -> tuple[np.ndarray, np.ndarray | None]:
    if energy is not None and energy_edges is not None:
        raise GridError("energy and energy_edges are both given: points or cells, not both")
    if energy_edges is not None:
        edges = _increasing(energy_edges, "energy_edges", 2)
        return 0.5 * (edges[1:] + edges[:-1]), edges
    if energy is None:
        return _DEFAULT_ENERGIES, None
    return _increasing(energy, "energy", 1), None


def _increasing(value: Any, name: str, fewest: int) -> np.ndarray:
    array = np.atleast_1d(np.asarray(in_code_units(value, "energy", name), dtype=np.float64))
    if array.ndim != 1 or array.size < fewest:
        raise GridError(f"{name} has the shape {array.shape}: one row of at least {fewest} needed")
    bad = ~(np.isfinite(array) & (array > 0.0))
    if np.any(bad):
        where = int(np.argmax(bad))
        raise GridError(f"{name}[{where}] = {array[where]} GeV: must be finite and > 0")
    if np.any(np.diff(array) <= 0.0):
        where = int(np.argmax(np.diff(array) <= 0.0))
        raise GridError(
            f"{name}[{where}:{where + 2}] = {array[where]:g}, {array[where + 1]:g} GeV: "
            "must be strictly increasing"
        )
    return array


def _number(value: Any) -> float:
    return float(np.asarray(value))


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} = {value!r}: True or False")
    return bool(value)


def _require_types(**given: Any) -> None:
    allowed: dict[str, tuple[type, ...]] = {
        "source": (Source, PointSource),
        "mediator": (ZPrime, Scalar),
        "neutrinos": (Neutrinos,),
        "relics": (Relics,),
    }
    for name, value in given.items():
        if not isinstance(value, allowed[name]):
            names = " or ".join(f"nuprop.{kind.__name__}" for kind in allowed[name])
            raise ParameterError(f"{name} = {value!r}: a {names} is needed")


def _mediators(given: Mediator | Sequence[Mediator]) -> tuple[Mediator, ...]:
    mediators = tuple(given) if isinstance(given, list | tuple) else (given,)
    if not mediators:
        raise ParameterError("mediator = (): at least one is needed")
    for mediator in mediators:
        _require_types(mediator=mediator)
    return mediators


def _described(mediators: tuple[Mediator, ...]) -> dict[str, Any]:
    if len(mediators) == 1:
        return mediators[0].describe()
    described = [mediator.describe() for mediator in mediators]
    return {
        "model": " + ".join(str(each["model"]) for each in described),
        **{f"mediator {number}": each for number, each in enumerate(described, start=1)},
    }


def _require_reach(source: Source | PointSource, history: Expansion) -> None:
    if (z_max := _number(source.z_max)) > history.z_limit:
        raise ParameterError(
            f"z_max = {z_max:g}: the expansion history {history.name} is tabulated "
            f"up to z = {history.z_limit:g}"
        )


def _choose(
    method: str,
    setup: _Setup,
    points: np.ndarray,
    edges: np.ndarray | None,
    resolution: float,
    n_mediators: int,
    pair_production: bool,
) -> _Choice:
    if method not in _METHODS:
        raise ParameterError(f"method = {method!r}: {nearest(str(method), _METHODS)}")
    lines, u_max = setup.lines, float(setup.emission.u_max)
    if method in ("sweep", "march") and n_mediators > 1:
        raise ParameterError(f"method = {method!r}: several mediators need 'cascade' or 'auto'")
    if method in ("sweep", "march") and pair_production:
        raise ParameterError(f"method = {method!r}: pair_production needs 'cascade' or 'auto'")
    if method == "cascade":
        return _Choice("cascade", "asked for")
    if method == "auto" and pair_production:
        return _Choice("cascade", "scalars are made in pairs")
    if method == "auto" and (reason := _needs_all_channels(setup, n_mediators)):
        return _Choice("cascade", reason)
    if method == "sweep":
        return _Choice("sweep", "asked for")
    if method == "auto" and not lines.relics.thermal:
        return _Choice("sweep", "relics at rest")
    if method == "auto" and edges is not None and cells_hide_widths(lines, u_max, edges):
        return _Choice("sweep", "every line is narrow, and hidden in the cell that holds its edge")
    shape = LatticeShape(*(int(need) for need in setup.needs))
    if shape.n_cells > MOST_CELLS:
        raise ParameterError(
            f"z_max = {np.expm1(u_max):g}, resolution = {resolution:g}: a march would need "
            f"{shape.n_cells} cells, more than {MOST_CELLS}; take method='sweep' for a source this "
            "near, or a lower resolution"
        )
    reason = "asked for" if method == "march" else "relics in thermal motion"
    return _Choice("march", reason, shape)


def _needs_all_channels(setup: _Setup, n_mediators: int) -> str:
    """Why a narrow resonance is not enough; empty if it is."""
    if n_mediators > 1:
        return "several mediators"
    continuum, breadth = float(setup.continuum), float(setup.breadth)
    if continuum > _CONTINUUM:
        return f"scattering away from the resonance has an optical depth of about {continuum:.1g}"
    if breadth > _BREADTH * float(cell_width(setup.lines)):
        return f"the resonance has a width of {breadth:.1g} M"
    return ""


def _with_interactions(
    choice: _Choice,
    setup: _Setup,
    mediators: tuple[Mediator, ...],
    neutrinos: Neutrinos,
    relics: RelicState,
    grid: np.ndarray,
    resolution: float,
    **channels: bool,
) -> _Choice:
    n_channels = setup.emission.shares.shape[0]
    history = setup.emission.expansion
    interactions = _compiled_interactions(
        mediators, neutrinos, relics, history, n_channels=n_channels, **channels
    )
    u_max = float(setup.emission.u_max)
    shape = cascade_shape(interactions, u_max, grid[0], grid[-1], resolution)
    if shape.n_cells > MOST_CELLS:
        raise ParameterError(
            f"z_max = {np.expm1(u_max):g}, resolution = {resolution:g}: a cascade would need "
            f"{shape.n_cells} cells, more than {MOST_CELLS}; take a narrower range of energies, or "
            "a lower resolution"
        )
    return replace(choice, lattice=shape, interactions=interactions)


_compiled_interactions = jax.jit(
    interactions_of, static_argnames=("n_channels", "interference", "pair_production")
)


def _warn(setup: _Setup, relics: Relics, choice: _Choice) -> None:
    lines = setup.lines
    if choice.method != "cascade":
        _warn_of_continuum(float(setup.continuum), 4, "; method='cascade' has it")
    warn_of_massless_relics_at_rest(lines.masses, lines.relics, stacklevel=4)
    if choice.method == "sweep" and relics.thermal:
        masses = np.maximum(np.asarray(lines.masses), 1e-30)
        widest = RMS_WIDTH * float(np.max(np.asarray(lines.temperatures) / masses))
        if choice.reason == "asked for" and widest > 0.01:
            warnings.warn(
                f"method='sweep' takes relics at rest, but the widest line has an rms width of "
                f"{min(widest, 1.0):.0%} today; method='march' follows it",
                PhysicsWarning,
                stacklevel=3,
            )


def _warn_of_continuum(continuum: float, stacklevel: int, hint: str = "") -> None:
    if continuum > _LARGEST_CONTINUUM:
        warnings.warn(
            f"scattering away from the resonance is left out, but would have an optical depth of "
            f"about {continuum:.2g} for this coupling and mass{hint}",
            PhysicsWarning,
            stacklevel=stacklevel,
        )


def warn_of_massless_relics_at_rest(masses: jax.Array, relics: RelicState, stacklevel: int) -> None:
    """Warn that a massless relic at rest meets no beam in resonance."""
    if not relics.thermal and np.any(np.asarray(masses) == 0.0):
        warnings.warn(
            "thermal=False: a massless relic at rest cannot resonate, so this state does not "
            "absorb; thermal=True gives it its true, broad line",
            PhysicsWarning,
            stacklevel=stacklevel,
        )


def _status(values: np.ndarray, balance: Balance, method: Method, perturbative: bool) -> Status:
    if not np.all(np.isfinite(values)):
        return Status.NONFINITE
    if np.any(values < 0.0):
        return Status.NEGATIVE
    if not max(balance.number_residual, balance.energy_residual) <= _TOLERANCE[method]:
        return Status.UNBALANCED
    return Status.OK if perturbative else Status.NONPERTURBATIVE


def _citations(
    source: Source | PointSource, neutrinos: Neutrinos, relics: Relics, history: Expansion
) -> tuple[str, ...]:
    return used(
        evolution=source.evolution.name,
        reference=source.evolution.reference,
        oscillations=neutrinos.describe()["oscillations"]["name"],
        cosmology=history.name,
        sterile_relics=relics.sterile is not None,
    )
