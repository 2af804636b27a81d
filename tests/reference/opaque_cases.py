"""Problems with every channel on which the package and `opaque` are compared."""

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from astropy import units as u

import nuprop
from nuprop.mediators import Scalar
from nuprop.transport import cascade, cascade_shape, emission_of, interactions_of
from nuprop.transport.spectrum import cascaded, cascaded_flux

from . import opaque

HISTORY = nuprop.flat_lambda_cdm(67.4, 0.315)
#: Relic masses in eV: lines 0.02 wide today; nearly relativistic ones; usual ones, at rest.
MOVING, FAST, RESTING = (0.010, 0.012, 0.016), (0.002, 0.004, 0.008), (0.02, 0.03, 0.05)
T_TODAY = 1.67638916e-4


@dataclass(frozen=True)
class Case:
    """A mediator, its relics and a power law; energies from `low` to `high` resonance energies."""

    kind: str
    mass: str
    coupling: float
    masses: tuple = MOVING
    thermal: bool = True
    nature: str = "majorana"
    index: float = 2.3
    low: float = 0.05
    high: float = 3.0
    reach: float = 2.0  # e-folds above the highest energy where sources end
    flavor: str = "pion"

    @property
    def name(self):
        relics = {MOVING: "moving", FAST: "fast", RESTING: "resting"}[self.masses]
        relics = relics if self.thermal else "at rest"
        return f"{self.kind} {self.mass} {self.coupling:g} {relics} {self.nature}"

    def mediator(self):
        g, mass = self.coupling, self.mass
        return {
            "lmu_ltau": lambda: nuprop.ZPrime.lmu_ltau(mass, g),
            "universal": lambda: nuprop.ZPrime.universal(mass, g),
            "single": lambda: nuprop.ZPrime.single_flavor("tau", mass, g),
            "real": lambda: Scalar.universal(mass, g),
            "real single": lambda: Scalar.single_flavor("tau", mass, g),
            "complex": lambda: Scalar.universal(mass, g, lepton_number=-2),
            "complex single": lambda: Scalar.single_flavor("tau", mass, g, lepton_number=-2),
        }[self.kind]()

    def physics(self, helicities="summed"):
        mediator = self.mediator()
        neutrinos = nuprop.Neutrinos.from_masses(np.array(self.masses) * u.eV)
        relics = nuprop.Relics(nature=self.nature, thermal=self.thermal).state
        source = nuprop.Source(spectrum=nuprop.PowerLaw(self.index), flavor=self.flavor)
        emission = emission_of(source, neutrinos, HISTORY, helicities)
        return mediator, neutrinos, relics, emission

    @property
    def resonance(self):
        """ln(E_R/GeV) of the heaviest relic."""
        return float(np.log(self.mediator().mass ** 2 / (2e-9 * max(self.masses))))

    def spacing(self):
        """Energy cells of the reference: a third of the narrowest line."""
        mediator = self.mediator()
        gamma = float(mediator.width(self.nature) / mediator.mass)
        width = 2.08 * T_TODAY / max(self.masses) if self.thermal else 0.0
        return float(np.clip(max(gamma, width) / 3.0, 0.002, 0.01))

    @property
    def ends(self):
        return self.resonance + np.log(self.low), self.resonance + np.log(self.high)


def reference(case, d=None, helicities="summed", **options):
    """ln(E), ratio (rows, n) of the reference."""
    mediator, neutrinos, relics, emission = case.physics(helicities)
    gamma = float(mediator.width(case.nature) / mediator.mass)
    couplings = np.asarray(mediator.couplings_in_mass_basis(neutrinos))
    n_channels = emission.shares.shape[0]
    if isinstance(mediator, Scalar):
        sections = opaque.scalar(couplings, gamma, mediator.complex_field, n_channels)
    else:
        sections = opaque.vector(couplings, gamma, n_channels)
    interactions = interactions_of((mediator,), neutrinos, relics, HISTORY, n_channels)
    problem = opaque.of_physics(
        interactions[0].lines,
        emission,
        gamma,
        *sections,
        branching=float(mediator.active_branching(case.nature)),
    )
    low, high = case.ends
    y, flux, free = problem.solve(low, high + case.reach, d or case.spacing(), **options)
    return y, flux / free


def shape_of(case, interactions, emission, resolution=1.0):
    """Lattice of a case as the package chooses it, but from where sources of the reference end."""
    low, high = case.ends
    ends = float(np.exp(low)), float(np.exp(high))
    shape = cascade_shape(interactions, emission.u_max, *ends, resolution)
    h = float(emission.u_max) / shape.n_steps
    top = high + case.reach
    return replace(shape, log_top=top, n_cells=16 * int(np.ceil(((top - low) / h + 3) / 16)))


@partial(jax.jit, static_argnums=2)
def follow(interactions, emission, shape):
    """Cascade on one lattice: lines of relics at rest are as wide as its cells."""
    return cascade(shape.placed(emission.u_max), interactions, emission, **shape.counts)


_cascaded = jax.jit(cascaded, static_argnums=2)


@jax.jit
def _ratio(results, emission, log_energy):
    flux, free = cascaded_flux(results, emission, log_energy)
    return flux.reshape(-1, log_energy.shape[0]) / jnp.sum(free, axis=(0, 1))


def solved(case, log_energy, helicities="summed", resolution=1.0, shape=None):
    """Ratio (rows, n) of the package, its lattice and all that went in; the same top."""
    mediator, neutrinos, relics, emission = case.physics(helicities)
    n_channels = emission.shares.shape[0]
    interactions = interactions_of((mediator,), neutrinos, relics, HISTORY, n_channels)
    if shape is None:
        shape = shape_of(case, interactions, emission, resolution)
    else:
        shape = replace(shape, log_top=case.ends[1] + case.reach)
    results = _cascaded(interactions, emission, shape)
    ratio = _ratio(results, emission, jnp.asarray(log_energy))
    return np.asarray(ratio), shape, results, interactions, emission


def edges(case):
    """ln(E) at which a line of a relic at rest begins and ends."""
    mass = float(case.mediator().mass)
    lines = np.log(mass**2 / (2e-9 * np.array(case.masses)))
    return np.concatenate([lines, lines - np.log(6.0)])


def energies(case, size=64):
    low, high = case.ends
    return np.linspace(low + 0.1, high, size)


def compared(case, y, ratio, width, at, got):
    """Largest relative deviation of the sum and of states above a hundredth of it."""
    want = np.stack([np.exp(np.interp(at, y, np.log(np.maximum(v, 1e-300)))) for v in ratio])
    away = np.min(np.abs(at[:, None] - edges(case)), axis=1) > width
    whole = want.sum(axis=0)
    total = got.sum(axis=0) / whole - 1.0
    states = np.where(want > 0.01 * whole, got - want, 0.0) / want
    return total, states, away


CASES = [
    Case("lmu_ltau", "10 MeV", 5e-4),
    Case("lmu_ltau", "10 MeV", 0.02),
    Case("lmu_ltau", "10 MeV", 0.1),
    Case("lmu_ltau", "10 MeV", 1.0),
    Case("lmu_ltau", "1 MeV", 0.01),
    Case("lmu_ltau", "1 keV", 1e-5),
    Case("lmu_ltau", "0.1 keV", 1e-6),
    Case("lmu_ltau", "0.1 keV", 1e-6, FAST),
    Case("lmu_ltau", "100 MeV", 0.1, FAST),
    Case("lmu_ltau", "1 GeV", 0.3, FAST),
    Case("lmu_ltau", "10 MeV", 0.05, FAST, nature="dirac"),
    Case("universal", "10 MeV", 0.05),
    Case("universal", "10 MeV", 0.3, FAST),
    Case("universal", "100 MeV", 0.2, nature="dirac"),
    Case("universal", "10 GeV", 1.0, FAST),
    Case("universal", "100 GeV", 1.0),
    Case("single", "10 MeV", 0.05),
    Case("single", "1 GeV", 0.5, nature="dirac"),
    Case("universal", "10 MeV", 1.0, RESTING, thermal=False),
    Case("universal", "1 GeV", 1.0, RESTING, thermal=False),
    Case("lmu_ltau", "100 MeV", 1.0, RESTING, thermal=False),
    Case("single", "100 GeV", 1.0, RESTING, thermal=False, low=0.2, high=2.0),
    Case("universal", "30 GeV", 2.7, RESTING, thermal=False),
    Case("real", "10 MeV", 1e-3, FAST),
    Case("real", "10 MeV", 0.05),
    Case("real", "1 keV", 1e-5),
    Case("real", "100 GeV", 1.0),
    Case("real single", "10 MeV", 0.3),
    Case("real", "1 GeV", 1.0, RESTING, thermal=False),
    Case("complex", "10 MeV", 0.05),
    Case("complex", "0.1 keV", 1e-6, FAST),
    Case("complex", "100 MeV", 0.1, nature="dirac"),
    Case("complex single", "1 MeV", 0.01),
    Case("complex", "1 GeV", 1.0, RESTING, thermal=False),
]
