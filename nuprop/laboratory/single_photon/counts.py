"""How many events a collider records, and the couplings that it can see."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaincc, gammaln, ndtr
from jax.typing import ArrayLike

from nuprop.constants import ELEMENTARY_CHARGE
from nuprop.errors import ParameterError, nearest
from nuprop.laboratory.single_photon.collider import Collider, inverse_attobarns
from nuprop.laboratory.single_photon.currents import Mode
from nuprop.laboratory.single_photon.line import line_cross_section, line_per_coupling
from nuprop.laboratory.single_photon.spectra import cross_section
from nuprop.mediators import ZPrime
from nuprop.mediators.zprime import Nature
from nuprop.units import in_code_units, is_traced, require, required_number

#: "gaussian": S = n sqrt(B). "poisson": the largest S that the background alone, if it is seen,
#: leaves with the probability of n sigma, one-sided; it needs events even where B = 0.
Criterion = Literal["gaussian", "poisson"]
CRITERIA = ("gaussian", "poisson")
#: Whether the boson is a line, or a resonance of finite width that interferes with W and Z.
Shape = Literal["narrow", "finite"]
SHAPES = ("narrow", "finite")

PER_PICOBARN = 1e6  # events of 1 pb in 1/ab
#: Missing mass that a light boson is looked for in: 4 GeV^2 are 2 sigma for sigma_E/E = 1.5 %.
LIGHT_WINDOW = (0.0, 2.0)
_NEWTON_STEPS = 8


def signal_events(
    zprime: ZPrime,
    collider: Collider,
    *,
    luminosity: Any = None,
    missing_mass: tuple[Any, Any] | None = None,
    shape: Shape = "narrow",
    mode: Mode = "full",
    nature: Nature = "majorana",
) -> jax.Array:
    """Count the events that a boson adds, within the cuts.

    Parameters
    ----------
    zprime : ZPrime
    collider : Collider
    luminosity : Quantity, str or float, 1/ab, optional
        By default that of the collider.
    missing_mass : (low, high), Quantities, str or GeV, optional
        By default all.
    shape : "narrow" or "finite"
        `line_cross_section`; or `cross_section` with part="boson", which may be negative.
    mode : of the W and Z that a boson of finite width interferes with.
    nature : "majorana" or "dirac"

    Returns
    -------
    Array, scalar

    Raises
    ------
    UnitError, ParameterError
        If the luminosity or the window is impossible, or an option unknown.

    Examples
    --------
    >>> zprime = ZPrime.lmu_ltau("10 MeV", 1e-3, kinetic_mixing=1e-4)
    >>> print(f"{signal_events(zprime, Collider.named('belle-ii')):.1f}")
    1812.0
    """
    require_known("shape", shape, SHAPES)
    if shape == "narrow":
        value = line_cross_section(zprime, collider, missing_mass=missing_mass, nature=nature)
    else:
        value = cross_section(
            collider, zprime, missing_mass=missing_mass, mode=mode, part="boson", nature=nature
        )
    return PER_PICOBARN * _luminosity(luminosity, collider) * value


def background_events(
    collider: Collider,
    *,
    luminosity: Any = None,
    missing_mass: tuple[Any, Any] | None = None,
    mode: Mode = "full",
) -> jax.Array:
    """Count the events of e+e- -> gamma + neutrinos by W and Z, within the cuts.

    Parameters
    ----------
    collider, luminosity, missing_mass : as in `signal_events`.
    mode : "full", "z-propagator" or "contact"

    Returns
    -------
    Array, scalar

    Raises
    ------
    UnitError, ParameterError
        If the luminosity or the window is impossible, or the mode unknown.

    Examples
    --------
    >>> print(f"{background_events(Collider.named('belle-ii'), missing_mass=(0, '2 GeV')):.2f}")
    41.41
    """
    value = cross_section(collider, missing_mass=missing_mass, mode=mode)
    return PER_PICOBARN * _luminosity(luminosity, collider) * value


def required_signal(
    background: Any, *, sigmas: Any = 3.0, criterion: Criterion = "gaussian"
) -> jax.Array:
    """Compute the smallest number of signal events that counts as seen or excluded.

    Parameters
    ----------
    background : array
        Expected events B >= 0.
    sigmas : float
        n > 0.
    criterion : "gaussian" or "poisson"
        S = n sqrt(B), the usual estimate of a reach (default); it means nothing for B < 1. Or the
        S at which B events and fewer have the probability of n sigma, one-sided,
        Q(B + 1, B + S) = Phi(-n), continued to any real B: for B = 0 and n = 3 it is 6.6 events.

    Returns
    -------
    Array, of the shape of `background`

    Raises
    ------
    UnitError, ParameterError
        If the background is negative, `sigmas` not positive, or the criterion unknown.

    Examples
    --------
    >>> print(f"{required_signal(100.0):.1f} {required_signal(100.0, criterion='poisson'):.1f}")
    30.0 33.8
    """
    require_known("criterion", criterion, CRITERIA)
    background = in_code_units(background, "dimensionless", "background")
    require("background", background, "at least 0", lambda value: value >= 0.0)
    sigmas = required_number(
        sigmas, "dimensionless", "sigmas", "between 0 and 8", lambda n: (n > 0.0) & (n <= 8.0)
    )
    return smallest_signal(jnp.asarray(background, dtype=float), sigmas, criterion)


@partial(jax.jit, static_argnames="criterion")
def smallest_signal(background: jax.Array, sigmas: ArrayLike, criterion: Criterion) -> jax.Array:
    """`required_signal` of arrays."""
    if criterion == "gaussian":
        some = background > 0.0
        return jnp.where(some, sigmas * jnp.sqrt(jnp.where(some, background, 1.0)), 0.0)
    log_probability = jnp.log(ndtr(-jnp.asarray(sigmas, dtype=float)))
    shape = background + 1.0
    # Wilson and Hilferty's estimate of the quantile
    root = 1.0 - 1.0 / (9.0 * shape) + sigmas / (3.0 * jnp.sqrt(shape))
    fixed = jax.lax.stop_gradient(shape)
    total = jax.lax.stop_gradient(shape * root**3)
    target = jax.lax.stop_gradient(log_probability)
    for _ in range(_NEWTON_STEPS):
        total = total - (_log_tail(fixed, total) - target) / _log_tail_slope(fixed, total)
    slope = _log_tail_slope(fixed, total)
    return total - (_log_tail(shape, total) - log_probability) / slope - background


def _log_tail(shape: jax.Array, total: jax.Array) -> jax.Array:
    return jnp.log(gammaincc(shape, total))


def _log_tail_slope(shape: jax.Array, total: jax.Array) -> jax.Array:
    log_density = (shape - 1.0) * jnp.log(total) - total - gammaln(shape)
    return -jnp.exp(log_density - _log_tail(shape, total))


def mixing_reach(
    mass: Any,
    collider: Collider,
    *,
    luminosity: Any = None,
    missing_mass: tuple[Any, Any] | None = LIGHT_WINDOW,
    sigmas: Any = 3.0,
    criterion: Criterion = "gaussian",
    mode: Mode = "full",
) -> jax.Array:
    """Compute the smallest eps_A sqrt(BR) that a search can see.

    eps_A = |g_e|/e is the mixing with the photon, epsilon cos(theta_W) at tree level, and BR the
    share of invisible decays.

    Parameters
    ----------
    mass : Quantity, str or float, GeV
    collider, luminosity, mode : as in `background_events`.
    missing_mass : (low, high)
        Where background is counted, M_miss < 2 GeV by default. All of the signal is.
    sigmas, criterion : as in `required_signal`.

    Returns
    -------
    Array, scalar
        Infinite where the cuts or the kinematics leave no signal.

    Raises
    ------
    UnitError, ParameterError
        If the mass is not a positive energy, or as in the functions named.

    Examples
    --------
    >>> print(f"{mixing_reach('10 MeV', Collider.named('belle-ii')):.3e}")
    9.047e-06
    """
    mass = required_number(mass, "energy", "mass", "a positive energy", lambda value: value > 0.0)
    background = background_events(
        collider, luminosity=luminosity, missing_mass=missing_mass, mode=mode
    )
    needed = required_signal(background, sigmas=sigmas, criterion=criterion)
    per_coupling = (
        PER_PICOBARN * _luminosity(luminosity, collider) * line_per_coupling(mass, collider)
    )
    seen = per_coupling > 0.0
    square = needed / jnp.where(seen, per_coupling, 1.0)
    return jnp.where(seen, jnp.sqrt(square) / ELEMENTARY_CHARGE, jnp.inf)


def coupling_reach(
    zprime: ZPrime,
    collider: Collider,
    *,
    luminosity: Any = None,
    missing_mass: tuple[Any, Any] | None = LIGHT_WINDOW,
    sigmas: Any = 3.0,
    criterion: Criterion = "gaussian",
    mode: Mode = "full",
    nature: Nature = "majorana",
) -> jax.Array:
    """Compute the smallest g' that a search can see, for a boson whose couplings all scale with it.

    Parameters
    ----------
    zprime : ZPrime
        With any g', and without tree-level mixing: that of loops alone, or a charge of the
        electron. The signal is that of a line and grows as g'^2.
    collider, luminosity, missing_mass, sigmas, criterion, mode : as in `mixing_reach`.
    nature : "majorana" or "dirac"

    Returns
    -------
    Array, scalar
        Infinite where there is no signal.

    Raises
    ------
    UnitError, ParameterError
        If the boson has kinetic mixing, or as in `mixing_reach`.

    Examples
    --------
    >>> zprime = ZPrime.lmu_ltau("10 MeV", 1e-3, loop_mixing=True)
    >>> print(f"{coupling_reach(zprime, Collider.named('belle-ii')):.2e}")
    6.27e-04
    """
    if not is_traced(zprime.kinetic_mixing):
        require(
            "kinetic_mixing",
            zprime.kinetic_mixing,
            "must be 0, or the signal does not grow as g'^2; `mixing_reach` tells that in the "
            "mixing",
            lambda value: value == 0.0,
        )
    background = background_events(
        collider, luminosity=luminosity, missing_mass=missing_mass, mode=mode
    )
    needed = required_signal(background, sigmas=sigmas, criterion=criterion)
    signal = signal_events(zprime, collider, luminosity=luminosity, nature=nature)
    seen = signal > 0.0
    factor = jnp.sqrt(needed / jnp.where(seen, signal, 1.0))
    return jnp.where(seen, zprime.coupling * factor, jnp.inf)


def _luminosity(luminosity: Any, collider: Collider) -> Any:
    return collider.luminosity if luminosity is None else inverse_attobarns(luminosity)


def require_known(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise `ParameterError` unless `value` is one of the known."""
    if value not in known:
        raise ParameterError(f"{name} = {value!r}: {nearest(str(value), known)}")
