"""Solar neutrinos scattering on electrons: the bound of Borexino, and of experiments like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf
from jax.typing import ArrayLike

from nuprop.constants import ELEMENTARY_CHARGE
from nuprop.errors import ParameterError
from nuprop.laboratory.constraint import Constraint, Quality
from nuprop.laboratory.electron_scattering import (
    coupled_moments,
    electron_coupling,
    largest_recoil,
    neutrino_state,
    recoil_polynomials,
    windowed_moments,
)
from nuprop.laboratory.solar import ELECTRON_DENSITY, LINES, solar_state
from nuprop.mediators import ZPrime
from nuprop.neutrinos import Neutrinos
from nuprop.pytree import assign
from nuprop.units import in_code_units, require, required_number

_MEV = 1e-3  # GeV
#: Beyond this many widths of the resolution a cut counts as sharp.
_FAR = 8.0
_SMALLEST_RECOIL = 1e-30  # GeV


class Recoils(NamedTuple):
    """What a bound needs besides the couplings.

    Attributes
    ----------
    moments : (n_energy, 3, 3) [k, n]
        Integrals over the recoil T of T^n times the propagator to the power k.
    state : (n_energy, 3, 3)
        Density matrix of the neutrinos.
    standard : scalar
        Rate of the Standard Model.
    """

    moments: jax.Array
    state: jax.Array
    standard: jax.Array


@dataclass(frozen=True, kw_only=True)
class ElectronScattering(Constraint):
    """A counting experiment of neutrino-electron scattering: rate/rate_SM is at most so much.

    Attributes
    ----------
    largest_ratio : float
        R_max > 1. `level` says in words where it comes from: change both.
    energies : Quantity or array, shape (n,), GeV
        Of the neutrinos: a line, lines, or the nodes of a spectrum. By default the stronger line of
        7Be; `nuprop.laboratory.solar.LINES` has more.
    weights : array, shape (n,)
        Flux times the width of the bin, in any unit.
    threshold : Quantity, str or float, GeV
        Smallest kinetic energy of the electron that is counted.
    highest : Quantity, str or float, GeV, optional
        Largest one. By default all that kinematics allows.
    resolution : float
        sigma(T)/T at T = 1 MeV, falling as 1/sqrt(T), of the energy on which the cuts are made.
        Zero by default: sharp cuts.
    state : None, flavor or array
        None: solar neutrinos, after oscillations in the Sun. Otherwise "e", "mu", "tau", the shares
        of the flavors, shape (3,), or a density matrix in the flavor basis, shape (3, 3).
    antineutrino : bool
    neutrinos : Neutrinos, optional
        Mixing of solar neutrinos; default ``Neutrinos()``.
    electron_density : Quantity, str or float, cm^-3
        Where solar neutrinos are made.

    Raises
    ------
    UnitError, ParameterError
        If a number lies outside its range, or no neutrino lifts an electron above the threshold.

    Notes
    -----
    The Z' is exchanged with its full propagator and interferes with W and Z. The shape of the
    spectrum and of its backgrounds is not used, and a rate below the expected one excludes nothing.
    Spectral fits such as that of Coloma et al. 2022, arXiv:2204.03011, do more.

    References
    ----------
    Bellini et al. 2011, arXiv:1104.1816: 46.0 +- 1.5 (stat) +1.5 -1.6 (syst) counts per day and
    100 t. Agostini et al. 2017, arXiv:1707.09279: 48.3 +- 1.1 +0.4 -0.7. Harnik et al. 2012,
    arXiv:1202.6073: Borexino and light vectors. Gninenko & Gorbunov 2020, arXiv:2007.16098: mass
    eigenstates. R_max = 1.08 and the threshold are values as used by nuprop.

    Examples
    --------
    >>> borexino = ElectronScattering(neutrinos=Neutrinos(oscillations="nufit-5.2"))
    >>> print(f"{borexino.limit_on_product('10 MeV'):.4e}")
    2.5235e-09
    >>> borexino.excludes(ZPrime.lmu_ltau("10 MeV", 1e-3, loop_mixing=True))
    True
    """

    name: str = "borexino"
    title: str = "Borexino"
    references: tuple[str, ...] = ("bellini2011", "harnik2012")
    level: str = "rate at most 8 % above the expected"
    quality: Quality = "approximate"
    largest_ratio: Any = 1.08
    energies: Any = LINES["7Be"].energy
    weights: Any = 1.0
    threshold: Any = 0.27 * _MEV
    highest: Any = None
    resolution: Any = 0.0
    state: Any = None
    antineutrino: bool = False
    neutrinos: Neutrinos | None = None
    electron_density: Any = ELECTRON_DENSITY

    def __post_init__(self) -> None:
        energies, weights = _spectrum(self.energies, self.weights)
        largest = 1e3 * float(np.max(largest_recoil(energies)))
        below = f"an energy from 0 to less than the largest recoil, {largest:.6g} MeV"
        threshold = required_number(
            self.threshold, "energy", "threshold", below, lambda t: (t >= 0.0) & (1e3 * t < largest)
        )
        highest = self.highest
        if highest is not None:
            above = f"an energy above the threshold, {1e3 * threshold:.6g} MeV"
            highest = required_number(highest, "energy", "highest", above, lambda t: t > threshold)
        numbers = {
            name: required_number(getattr(self, name), kind, name, allowed, condition)
            for name, kind, allowed, condition in (
                ("largest_ratio", "dimensionless", "a number above 1", lambda x: x > 1.0),
                ("resolution", "dimensionless", "a number >= 0", lambda x: x >= 0.0),
                ("electron_density", "density", "a density >= 0", lambda x: x >= 0.0),
            )
        }
        assign(
            self,
            energies=tuple(energies.tolist()),
            weights=tuple(weights.tolist()),
            threshold=threshold,
            highest=highest,
            state=_hashable_state(self.state),
            **numbers,
        )

    def prepare(self, mass: ArrayLike) -> Recoils:
        """Integrate over the recoil, and average the Standard Model; see `Constraint.prepare`."""
        energies = jnp.asarray(self.energies)
        if self.state is None:
            state = solar_state(energies, self.neutrinos, self.electron_density)
        else:
            state = jnp.broadcast_to(neutrino_state(self.state), (energies.size, 3, 3))
        moments = self._moments(None, mass)
        return Recoils(moments, state, self._terms(moments, state, np.zeros((3, 3)))[0])

    def strength(self, zprime: ZPrime, prepared: Recoils | None = None) -> jax.Array:
        """(R - 1)/(R_max - 1) with R = rate/rate_SM; below zero where amplitudes cancel."""
        linear, quadratic = self._excess(zprime, prepared)
        return (linear + quadratic) / (self.largest_ratio - 1.0)

    def ratio(self, zprime: ZPrime, prepared: Recoils | None = None) -> jax.Array:
        """Rate over that of the Standard Model; arguments as in `strength`."""
        linear, quadratic = self._excess(zprime, prepared)
        return 1.0 + linear + quadratic

    def limit_on_scale(self, zprime: ZPrime, prepared: Recoils | None = None) -> jax.Array:
        """Factor on all couplings of a boson at which the bound sets in, exactly.

        Without kinetic mixing, `coupling` times this factor is the limit on g'.

        Returns
        -------
        Array, scalar
            Infinite for a boson that does not couple to neutrinos and electrons both.
        """
        linear, quadratic = self._excess(zprime, prepared)
        return jnp.sqrt(_positive_root(quadratic, linear, self.largest_ratio - 1.0))

    def limit_on_product(
        self, mass: Any, sign: int = 1, charges: Any = (0.0, 1.0, -1.0)
    ) -> jax.Array:
        """Limit on g' |epsilon| cos(theta_W), for a boson that couples to electrons by mixing only.

        Parameters
        ----------
        mass : Quantity, str or float, GeV
        sign : 1 or -1
            Of the kinetic mixing epsilon, for g' > 0.
        charges : array, shape (3,)
            Of the neutrinos e, mu, tau; by default of L_mu - L_tau.

        Returns
        -------
        Array, scalar
            The exact solution of the quadratic equation for R = R_max.

        Raises
        ------
        UnitError, ParameterError
            If the mass is not a positive energy, the sign neither, or the charges not three.
        """
        mass = required_number(mass, "energy", "mass", "a positive energy", lambda m: m > 0.0)
        if sign not in (1, -1):
            raise ParameterError(f"sign = {sign!r}: 1 or -1")
        charges = jnp.asarray(charges)
        if charges.shape != (3,):
            raise ParameterError(f"charges has the shape {charges.shape}: (3,) is needed")
        prepared = self.prepare(mass)
        standard, linear, quadratic = self._terms(
            prepared.moments, prepared.state, jnp.diag(charges)
        )
        coupling = -sign * ELEMENTARY_CHARGE
        return _positive_root(
            coupling**2 * quadratic / standard,
            coupling * linear / standard,
            self.largest_ratio - 1.0,
        )

    def _excess(self, zprime: ZPrime, prepared: Recoils | None) -> tuple[jax.Array, jax.Array]:
        """Interference, and square of the amplitude of the Z', over the Standard Model."""
        prepared = self.prepare(zprime.mass) if prepared is None else prepared
        matrix = zprime.three_flavors
        if zprime.loop_mixing:
            moments = self._moments(zprime, zprime.mass)
            coupling = jnp.ones(())
        else:
            moments = prepared.moments
            coupling = electron_coupling(zprime)(jnp.zeros(()))
        _, linear, quadratic = self._terms(moments, prepared.state, matrix)
        return coupling * linear / prepared.standard, coupling**2 * quadratic / prepared.standard

    def _terms(self, moments: jax.Array, state: jax.Array, matrix: ArrayLike) -> jax.Array:
        """Rates without, linear in and quadratic in the propagator, shape (3,)."""
        polynomials = recoil_polynomials(
            jnp.asarray(self.energies), state, matrix, self.antineutrino
        )
        return jnp.einsum("e,ekn,ekn->k", jnp.asarray(self.weights), polynomials, moments)

    def _moments(self, zprime: ZPrime | None, mass: ArrayLike) -> jax.Array:
        """Integrals over the recoils that count, for every energy; g_e = 1 without a boson."""
        coupling = jnp.ones_like if zprime is None else electron_coupling(zprime)
        end = largest_recoil(jnp.asarray(self.energies))
        if self.resolution == 0.0:
            highest = end if self.highest is None else jnp.minimum(end, self.highest)
            return coupled_moments(zprime, mass, coupling, jnp.asarray(self.threshold), highest)
        cuts = [cut for cut in (self.threshold, self.highest) if cut]
        sides = [cut + side * _FAR * self._width(cut) for cut in cuts for side in (-1.0, 1.0)]
        inner = jnp.clip(jnp.asarray(sorted(sides)), 0.0, end[:, None])
        edges = jnp.concatenate([jnp.zeros_like(end)[:, None], inner, end[:, None]], axis=1)
        return windowed_moments(mass, edges, coupling, self._efficiency)

    def _width(self, recoil: Any) -> Any:
        return self.resolution * (recoil * _MEV) ** 0.5

    def _efficiency(self, recoil: jax.Array) -> jax.Array:
        """Probability that an electron is counted."""
        scale = np.sqrt(2.0) * self._width(jnp.maximum(recoil, _SMALLEST_RECOIL))
        below: Any = 1.0 if self.highest is None else erf((self.highest - recoil) / scale)
        above: Any = erf((recoil - self.threshold) / scale) if self.threshold > 0.0 else 1.0
        return 0.5 * (below + above)


def _spectrum(energies: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of a spectrum and their weights, as the user gave them."""
    energy = np.atleast_1d(in_code_units(energies, "energy", "energies"))
    weight = np.atleast_1d(in_code_units(weights, "dimensionless", "weights"))
    if energy.ndim != 1 or weight.shape != energy.shape:
        raise ParameterError(
            f"energies and weights have the shapes {energy.shape} and {weight.shape}: both must be "
            "(n,)"
        )
    require("energies", energy, "positive energies", lambda e: e > 0.0)
    require(
        "weights", weight, "numbers >= 0, not all 0", lambda w: np.all(w >= 0.0) and np.any(w > 0.0)
    )
    return energy, weight


def _hashable_state(state: Any) -> Any:
    """Check a state; an array becomes a tuple, for bounds are compared and hashed."""
    if state is None:
        return None
    shape = np.shape(neutrino_state(state))
    if shape != (3, 3):
        raise ParameterError(f"state has the shape {shape}: one density matrix is needed")
    if isinstance(state, str):
        return state
    array = np.asarray(state)
    return tuple(array.tolist() if array.ndim == 1 else map(tuple, array.tolist()))


def _positive_root(quadratic: jax.Array, linear: jax.Array, value: float) -> jax.Array:
    """Solve quadratic x^2 + linear x = value > 0 for x > 0, without cancellation."""
    root = jnp.sqrt(linear**2 + 4.0 * quadratic * value)
    adding = linear >= 0.0
    nothing = adding & (root == 0.0)
    sum_ = jnp.where(adding & ~nothing, linear + root, 1.0)
    safe = jnp.where(adding, 1.0, 2.0 * quadratic)
    solved = jnp.where(adding, 2.0 * value / sum_, (root - linear) / safe)
    return jnp.where(nothing, jnp.inf, solved)


#: Bounds by name.
SCATTERING_BOUNDS = {"borexino": ElectronScattering()}
