"""Bounds on a dark photon, recast for a boson that decays to neutrinos too."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.constants import CHARGED_LEPTON_MASSES, ELEMENTARY_CHARGE
from nuprop.errors import ParameterError, PhysicsWarning, nearest
from nuprop.laboratory.beam_dump.curve import DarkPhotonCurve
from nuprop.laboratory.beam_dump.dump import FLOOR, electron_mixing_squared
from nuprop.laboratory.constraint import Constraint, Quality
from nuprop.mediators import ZPrime
from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.width import charged_lepton_width
from nuprop.pytree import assign
from nuprop.units import is_traced, required_number

#: Halvings of the bracket of t_0; and how close the edges of an interval may come.
_HALVINGS, _CLOSEST = 60, 1.0 - 1e-6


@jax.jit
def proper_time(edge_ratio: ArrayLike, length_ratio: ArrayLike) -> jax.Array:
    """Effective proper time of flight through the shield, in lifetimes at the upper edge.

    Both edges of the interval give as many events from decays between t_0 and (1 + rho) t_0:
    with f(x) = x e^(-x) (1 - e^(-rho x)), it solves f(z) = f(z eps_lo^2/eps_hi^2), z = t_0/tau_hi.

    Parameters
    ----------
    edge_ratio : array
        eps_lo/eps_hi, in (0, 1]. Where the edges meet z is at the maximum of f.
    length_ratio : array that broadcasts
        rho, length of the decay volume over that of the shield.

    Returns
    -------
    Array, >= 1

    References
    ----------
    Ilten et al. 2018, arXiv:1801.04847.
    """
    rho = jnp.asarray(length_ratio)
    shrink = jnp.minimum(jnp.asarray(edge_ratio) ** 2, _CLOSEST)

    def excess(z: jax.Array) -> jax.Array:
        return _log_decays(z, rho) - _log_decays(shrink * z, rho)

    def halve(_: int, bracket: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = bracket
        middle = 0.5 * (low + high)
        is_below = excess(jnp.exp(middle)) > 0.0
        return jnp.where(is_below, middle, low), jnp.where(is_below, high, middle)

    # the maximum of f lies between 1 and 2
    shape = jnp.broadcast_shapes(rho.shape, shrink.shape)
    start = jnp.zeros(shape), jnp.broadcast_to(jnp.log(2.0 / shrink), shape)
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, jax.lax.stop_gradient(start))
    z = jax.lax.stop_gradient(jnp.exp(0.5 * (low + high)))
    # a step of Newton carries the derivatives
    slope = jax.lax.stop_gradient(_log_slope(z, rho) - shrink * _log_slope(shrink * z, rho))
    return z - excess(z) / slope


def _log_decays(x: jax.Array, rho: jax.Array) -> jax.Array:
    return jnp.log(x) - x + jnp.log(-jnp.expm1(-rho * x))


def _log_slope(x: jax.Array, rho: jax.Array) -> jax.Array:
    """Differentiate `_log_decays` in x."""
    damping = jnp.exp(-rho * x)
    return 1.0 / x - 1.0 + rho * damping / -jnp.expm1(-rho * x)


class Recast(NamedTuple):
    """A dark-photon curve at one mass.

    Attributes
    ----------
    is_open : Array of bool, whether the curve says something.
    upper : Array, eps_A at the upper edge.
    time : Array, t_0 in lifetimes of the dark photon at the upper edge.
    width : Array, GeV, of the dark photon at the upper edge.
    branching : Array, of the dark photon to e+ e-.
    """

    is_open: jax.Array
    upper: jax.Array
    time: jax.Array
    width: jax.Array
    branching: jax.Array


@dataclass(frozen=True, kw_only=True)
class RecastDump(Constraint):
    r"""A dump, electron or proton, whose bound on a dark photon is recast.

    Excluded where eps_A^2 BR_ee [e^(-t_0/tau) - e^(-(1+rho) t_0/tau)] exceeds the same of the dark
    photon at either edge of its curve; t_0 from `proper_time`.

    Attributes
    ----------
    curves : DarkPhotonCurve or tuple of them
        The strongest counts. Outside its masses a curve excludes nothing.
    length_ratio : float
        rho, length of the decay volume over that of the shield.
    production : "electron" or "proton"
        Whether bosons are made with \|g_e/e\|^2, or by hadrons, with the mixing with the photon.
    title, references, level, quality
        As in `Constraint`; optional.

    Raises
    ------
    UnitError, ParameterError
        If the ratio is not positive, the production unknown, or no curve given.
        In `strength`, for "proton", if the model does not tell the couplings to hadrons as a mixing
        with the photon (B - L, or a matrix of couplings).

    Warns
    -----
    PhysicsWarning
        In `prepare`, if all curves are isolated points and the mass is at none of them. A mass
        traced by JAX is not looked at: the strength is 1e-300 there, excluding nothing.

    Notes
    -----
    The dark photon decays to charged leptons only, which is wrong above 0.3 GeV.

    References
    ----------
    Ilten et al. 2018, arXiv:1801.04847.

    Examples
    --------
    >>> curve = DarkPhotonCurve([0.01, 0.1], [1e-7, 2e-7], [1e-4, 1e-5])
    >>> dump = RecastDump(name="mine", curves=curve, length_ratio=0.5, production="proton")
    >>> dump.excludes(ZPrime.lmu_ltau("20 MeV", 1e-7, kinetic_mixing=1e-5))
    True
    """

    title: str = ""
    references: tuple[str, ...] = ()
    level: str = "of the curve"
    quality: Quality = "approximate"
    curves: Any
    length_ratio: Any
    production: Literal["electron", "proton"]

    def __post_init__(self) -> None:
        ratio = required_number(
            self.length_ratio, "dimensionless", "length_ratio", "a positive number", _is_positive
        )
        curves = (self.curves,) if isinstance(self.curves, DarkPhotonCurve) else tuple(self.curves)
        if not curves or not all(isinstance(curve, DarkPhotonCurve) for curve in curves):
            raise ParameterError(f"curves = {self.curves!r}: one DarkPhotonCurve or more")
        if self.production not in ("electron", "proton"):
            hint = nearest(str(self.production), ("electron", "proton"))
            raise ParameterError(f"production = {self.production!r}: {hint}")
        assign(self, length_ratio=float(ratio), curves=curves, title=self.title or self.name)

    def prepare(self, mass: ArrayLike) -> tuple[Recast, ...]:
        """Effective times of flight, for each curve.

        Parameters
        ----------
        mass : Quantity, str or float, GeV

        Returns
        -------
        tuple of Recast
        """
        mass = required_number(mass, "energy", "mass", "a positive energy", _is_positive)
        self._warn_between_points(mass)
        return tuple(_recast(curve, jnp.asarray(mass), self.length_ratio) for curve in self.curves)

    def _warn_between_points(self, mass: Any) -> None:
        if is_traced(mass) or any(c.interpolate or bool(c.covers(mass)) for c in self.curves):
            return
        known = sorted({m for curve in self.curves for m in curve.mass})
        warnings.warn(
            f"{self.name}: known at {', '.join(f'{1e3 * m:.6g}' for m in known)} MeV only; at "
            f"{1e3 * float(mass):.6g} MeV nothing is excluded",
            PhysicsWarning,
            stacklevel=4,
        )

    def strength(self, zprime: ZPrime, prepared: tuple[Recast, ...] | None = None) -> jax.Array:
        """Signal over that of the dark photon at its edges, at least 1e-300."""
        made = electron_mixing_squared(zprime)
        if self.production == "proton":
            if zprime.model in ("b-minus-l", "matrix"):
                raise ParameterError(
                    f"zprime = {zprime!r}: {self.name} needs a boson that couples to hadrons "
                    "through its mixing with the photon only"
                )
            made = squared_moduli(zprime.photon_mixing)
        recasts = self.prepare(zprime.mass) if prepared is None else prepared
        pairs, width = zprime.partial_widths()["e"], zprime.width()
        branching = jnp.where(width > 0.0, pairs / jnp.where(width > 0.0, width, 1.0), 0.0)
        signals = [_signal(recast, made, branching, width, self.length_ratio) for recast in recasts]
        return jnp.maximum(jnp.max(jnp.stack(signals)), FLOOR)


def _recast(curve: DarkPhotonCurve, mass: jax.Array, length_ratio: float) -> Recast:
    lower, upper = curve.edges(mass)
    leptons = charged_lepton_width(
        mass, ELEMENTARY_CHARGE * upper, jnp.asarray(CHARGED_LEPTON_MASSES)
    )
    is_open = curve.covers(mass) & (leptons[0] > 0.0)
    width = jnp.where(is_open, jnp.sum(leptons), 1.0)
    time = proper_time(lower / upper, length_ratio)
    return Recast(is_open, upper, time, width, jnp.where(is_open, leptons[0] / width, 1.0))


def _signal(
    recast: Recast, made: jax.Array, branching: jax.Array, width: jax.Array, rho: float
) -> jax.Array:
    """Events over those of the dark photon at the upper edge."""
    time = recast.time * width / recast.width
    early = jnp.exp(recast.time - time)
    within = jnp.expm1(-rho * time) / jnp.expm1(-rho * recast.time)
    signal = made / recast.upper**2 * branching / recast.branching * early * within
    return jnp.where(recast.is_open, signal, 0.0)


def _is_positive(value: Any) -> Any:
    return value > 0.0
