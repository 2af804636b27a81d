"""Models that several tests propagate, and compiled functions for them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from astropy.cosmology import FlatLambdaCDM

import nuprop
from nuprop.transport import cell_averages, emission_of, lines_of, optical_depths, spectrum, sweep
from nuprop.transport.averages import spectral_kinks
from nuprop.transport.books import book_nodes, march_books, sweep_books
from nuprop.transport.coverage import LatticeShape, lattice_shape
from nuprop.transport.spectrum import marched, marched_flux
from reference import thermal
from reference.cold import ColdUniverse

EV = 1e-9
TEV = 1e3
#: The cosmology of every table, and Einstein and de Sitter's for closed forms.
FLAT = nuprop.expansion(FlatLambdaCDM(H0=67.4, Om0=0.315, Tcmb0=0.0))
EINSTEIN_DE_SITTER = nuprop.expansion(FlatLambdaCDM(H0=67.4, Om0=1.0, Tcmb0=0.0))
AT_REST = nuprop.Relics(thermal=False)
THERMAL = nuprop.Relics()

compiled_spectrum = jax.jit(spectrum, static_argnames=("method", "helicities", "lattice"))
compiled_averages = jax.jit(
    cell_averages, static_argnames=("method", "helicities", "lattice", "pieces")
)
_lines_of = jax.jit(lines_of)
_emission_of = jax.jit(emission_of, static_argnames="helicities")


def fig3(**changes):
    """L_mu - L_tau at 11 MeV, normal ordering, m_1 = 0.08 eV (Araki et al. 2016, Fig. 3)."""
    return model(
        **{"mediator": nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4), "lightest": 0.08, **changes}
    )


def fig4(**changes):
    """9 MeV, m_1 = 6 meV: one relic makes the gap, a lighter one the edge (their Fig. 4)."""
    return model(
        **{"mediator": nuprop.ZPrime.lmu_ltau("9 MeV", 4e-4), "lightest": 0.006, **changes}
    )


def model(
    mediator,
    lightest=None,
    masses=None,
    ordering="normal",
    relics=AT_REST,
    history=FLAT,
    source=None,
    **of_source,
):
    """(source, mediator, neutrinos, relic state, expansion), masses in eV."""
    if masses is None:
        neutrinos = nuprop.Neutrinos(lightest * EV, ordering)
    else:
        neutrinos = nuprop.Neutrinos.from_masses(np.asarray(masses) * EV, ordering)
    if source is None:
        source = nuprop.Source(**{"spectrum": nuprop.PowerLaw(2.3), **of_source})
    return source, mediator, neutrinos, relics.state, history


def one_state(coupling=5e-4, mass="10 MeV"):
    """A mediator that couples to nu_1 alone, |g_11| = coupling (mixing of NuFIT 6.0)."""
    first = np.asarray(nuprop.Neutrinos().pmns)[:, 0]
    matrix = coupling * np.outer(first, first.conj())
    return nuprop.ZPrime(mass, 0.5 * (matrix + matrix.conj().T))


def problem_of(source, mediator, neutrinos, state, history, helicities="summed"):
    """Lines and Emission of a model, of numpy arrays: no weak types, which compile once more."""
    parts = (
        _lines_of(mediator, neutrinos, state, history),
        _emission_of(source, neutrinos, history, helicities=helicities),
    )
    return jax.tree.map(np.asarray, parts)


#: Every sweep of the tests asks for so many energies, so that programs are compiled once.
_SIZE = 128


@partial(jax.jit, static_argnames=("panels", "order"))
def _sweep(log_energy, lines, emission, **options):
    panels = book_nodes(lines, emission, spectral_kinks([lines], emission))
    energies = jnp.concatenate([log_energy, panels.nodes.reshape(-1)])
    result = sweep(energies, lines, emission, **options)
    books = sweep_books(panels, result.flux[..., _SIZE:], result.free[..., _SIZE:], result, lines)
    return result.flux[..., :_SIZE], result.absorbed[..., :_SIZE], result.free[..., :_SIZE], books


def solved(log_energy, lines, emission, **options):
    """(flux, absorbed, free, balance) of a sweep at up to 128 energies, as numpy arrays."""
    y = np.asarray(log_energy, dtype=float)
    padded = np.concatenate([y, np.full(_SIZE - y.size, y[-1])])
    *parts, books = _sweep(jnp.asarray(padded), lines, emission, **options)
    return (*(np.asarray(part)[..., : y.size] for part in parts), books.balance())


def swept(log_energy, lines, emission, **options):
    """(flux, absorbed, free), see `solved`."""
    return solved(log_energy, lines, emission, **options)[:3]


def cold_universe(lines, emission):
    """The same problem, for the solver that shares nothing with the package but the physics."""
    masses = np.asarray(lines.masses)
    couplings = np.asarray(lines.strength)
    shares = np.asarray(emission.shares)
    weight = np.broadcast_to(np.asarray(lines.relics.weight_at_rest()), (len(shares),))

    def depths(b, u):
        return weight[:, None, None] * couplings[:, b, None] * _numpy(_depth_scale, lines, u)

    return ColdUniverse(
        resonances=[
            2.0 * np.log(float(lines.mediator_mass)) - np.log(2.0 * m) if m > 0.0 else None
            for m in masses
        ],
        depths=depths,
        rate=partial(_numpy, _rate, emission),
        emissivity=partial(_numpy, _emissivity, emission),
        shares=shares,
        yields=np.asarray(lines.yields),
        u_max=float(emission.u_max),
        breaks=tuple(np.asarray(emission.log_breaks).tolist()),
        kinks=tuple(float(np.log(kink)) for kink in emission.spectrum.kinks),
        burst=emission.burst,
    )


@jax.jit
def _depth_scale(lines, u):
    return lines.depth_scale(u)


@jax.jit
def _rate(emission, u):
    return emission.rate(u)


@jax.jit
def _emissivity(emission, log_energy):
    return emission.spectrum_at(log_energy)


def _numpy(function, problem, x):
    """Call a compiled function with sizes rounded up, so that few programs are compiled."""
    x = np.asarray(x, dtype=float)
    size = 16 ** int(np.ceil(np.log(max(x.size, 256)) / np.log(16.0)))
    padded = np.concatenate([x.ravel(), np.full(size - x.size, x.flat[0])])
    return np.asarray(function(problem, padded))[: x.size].reshape(x.shape)


_depths = jax.jit(optical_depths)


def optical_depths(log_energy, u_max, lines):
    """tau, shape (n_beams, 3, n), numpy; u_max is one number or one per energy."""
    y = np.atleast_1d(np.asarray(log_energy, dtype=float))
    return np.asarray(_depths(jnp.asarray(y), jnp.broadcast_to(u_max, y.shape), lines))


#: Every march of the tests asks for so many energies.
_MARCH_SIZE = 512


@partial(jax.jit, static_argnames="lattice")
def _march(log_energy, lines, emission, lattice):
    results = marched(lines, emission, lattice)
    flux, free = marched_flux(results, lines, emission, log_energy)
    return flux, free, march_books(results[0], lines, emission)


def marched_at(log_energy, lines, emission, lattice):
    """(flux, free, balance) of a march at up to 512 energies, as numpy arrays."""
    y = np.asarray(log_energy, dtype=float)
    padded = np.concatenate([y, np.full(_MARCH_SIZE - y.size, y[-1])])
    flux, free, books = _march(jnp.asarray(padded), lines, emission, lattice)
    return np.asarray(flux)[..., : y.size], np.asarray(free)[..., : y.size], books.balance()


def lattice_of(lines, emission):
    """The lattice that `nuprop.propagate` takes."""
    return lattice_shape(lines, float(emission.u_max), burst=emission.burst)


def finer(shape, factor):
    """A lattice with `factor` times as many cells and steps."""
    return LatticeShape(factor * shape.n_cells, factor * shape.n_steps)


def swept_at(log_energy, lines, emission):
    """Flux of a sweep at any number of energies."""
    parts = np.array_split(log_energy, -(-len(log_energy) // _SIZE))
    return np.concatenate([swept(part, lines, emission)[0] for part in parts], axis=-1)


def emitted(emission, y, u):
    """What a source adds to the flux at ln(eps) = y per du, before shares."""
    return _numpy(_rate, emission, u) * _numpy(_emissivity, emission, y + u)


def trapezoids(lines, emission, low, high, h):
    """(y, flux) of relics in motion from `thermal.solve`, extrapolated from steps h and h/2."""

    def opacity(y, u):
        return thermal.opacities(
            y,
            u,
            np.asarray(lines.masses),
            float(lines.relics.temperature),
            float(lines.mediator_mass),
            np.asarray(lines.coupling_squared),
            _numpy(_depth_scale, lines, u),
        )

    def source(y, u):
        return emitted(emission, y[:, None], u)

    arguments = (float(emission.u_max), opacity, source, np.asarray(emission.shares)[0])
    yields = np.asarray(lines.yields)
    y, coarse = thermal.solve(low, high, h, *arguments, yields)
    fine = thermal.solve(low, high, 0.5 * h, *arguments, yields)[1][:, ::2]
    return y, (4.0 * fine - coarse) / 3.0
