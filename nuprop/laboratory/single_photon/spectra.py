"""Spectra and cross sections of e+e- -> gamma + neutrinos within the cuts of a collider.

Two beams, one photon: further radiation from the beams is neglected, as are backgrounds without
neutrinos: e+e- -> gamma gamma (gamma) and radiative Bhabha scattering with lost particles, and
those of the machine. They dominate what an experiment like BaBar sees.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from nuprop.errors import ParameterError, nearest
from nuprop.laboratory.single_photon.collider import Collider, Frame
from nuprop.laboratory.single_photon.currents import Mode, Part, require_options
from nuprop.laboratory.single_photon.integrals import (
    at_point,
    flavor_cross_section,
    flavor_spectrum,
)
from nuprop.mediators import ZPrime
from nuprop.mediators.zprime import Nature
from nuprop.pytree import gather
from nuprop.units import in_code_units, require, required_number


def differential_cross_section(
    x: Any,
    cosine: Any,
    collider: Collider,
    zprime: ZPrime | None = None,
    mode: Mode = "full",
    part: Part = "total",
    nature: Nature = "majorana",
    per_flavor: bool = False,
) -> jax.Array:
    """Compute d2sigma/dx dcos(theta*) of the photon in the center of mass, without cuts.

    Parameters
    ----------
    x, cosine : arrays that broadcast
        x = 2 E*/sqrt(s) > 0, and -1 < cos(theta*) < 1 from the direction of the electron.
    collider : Collider
        Its sqrt(s) matters here.
    zprime : ZPrime, optional
        Adds the exchange of the boson with its finite width, and its interference with W and Z;
        with `loop_mixing`, its coupling to the electron is that at q^2 = s (1 - x).
    mode : "full", "z-propagator" or "contact"
        How W and Z are described: the whole tree amplitude (default); the propagator of the Z and
        a W in contact; or both in contact, which is the leading order in s/M_W^2.
    part : "total" or "boson"
        Everything (default), or what the boson adds: its square and the interference.
    nature : "majorana" or "dirac"
        Right-handed Dirac neutrinos, to which the boson of B - L couples, are invisible too.
    per_flavor : bool
        Whether to keep the flavor of the neutrino (not of the antineutrino) as a last axis.

    Returns
    -------
    Array, pb
        Zero for x > 1.

    Raises
    ------
    UnitError, ParameterError
        If x is not positive, the cosine outside (-1, 1), or a mode, part or nature unknown.

    Notes
    -----
    Electrons without mass, at tree level, alpha at q^2 = 0; below the Z pole no width is in its
    propagator. The mixing of Z and Z', of order M^2/M_Z^2, is neglected.
    """
    require_options(mode, part, nature)
    x = in_code_units(gather(x), "dimensionless", "x")
    require("x", x, "positive numbers", lambda value: value > 0.0)
    cosine = in_code_units(gather(cosine), "dimensionless", "cosine")
    require("cosine", cosine, "between -1 and 1, ends excluded", lambda value: abs(value) < 1.0)
    return _total(
        at_point(jnp.asarray(x), cosine, collider, zprime, mode, part, nature), per_flavor
    )


def spectrum(
    energy: Any,
    collider: Collider,
    zprime: ZPrime | None = None,
    *,
    frame: Frame = "lab",
    mode: Mode = "full",
    part: Part = "total",
    nature: Nature = "majorana",
    per_flavor: bool = False,
) -> jax.Array:
    """Compute dsigma/dE of the photon within the cuts.

    Parameters
    ----------
    energy : Quantity or array, GeV
        Of the photon, > 0.
    collider : Collider
    zprime, mode, part, nature, per_flavor : as in `differential_cross_section`.
        In the center of mass a narrow boson is a needle that a grid of energies misses: see
        `nuprop.laboratory.single_photon.line_spectrum`. In the lab it is smeared by the boost,
        and exact here.
    frame : "lab" or "cm"
        Of `energy`; the cuts stay in theirs.

    Returns
    -------
    Array, pb/GeV
        Zero where the cuts or the kinematics leave no photon.

    Raises
    ------
    UnitError, ParameterError
        If an energy is not positive, or a frame, mode, part or nature unknown.

    Notes
    -----
    dsigma/dx, x = 2 E*/sqrt(s), is sqrt(s)/2 times the spectrum in the center of mass.

    Examples
    --------
    >>> belle = Collider.named("belle-ii")
    >>> for mode in ("z-propagator", "full"):
    ...     print(f"{spectrum('1 GeV', belle, mode=mode):.4e} pb/GeV")
    2.4561e-03 pb/GeV
    2.4409e-03 pb/GeV
    """
    require_options(mode, part, nature)
    require_frame(frame)
    energy = positive_energies(energy)
    return _total(flavor_spectrum(energy, collider, zprime, frame, mode, part, nature), per_flavor)


def cross_section(
    collider: Collider,
    zprime: ZPrime | None = None,
    *,
    missing_mass: tuple[Any, Any] | None = None,
    mode: Mode = "full",
    part: Part = "total",
    nature: Nature = "majorana",
    per_flavor: bool = False,
) -> jax.Array:
    """Compute the cross section within the cuts.

    Parameters
    ----------
    collider : Collider
    zprime, mode, part, nature, per_flavor : as in `differential_cross_section`.
        Any width of the boson is integrated over exactly, interference with W and Z included.
    missing_mass : (low, high), Quantities, str or GeV, optional
        Window of sqrt[s (1 - x)], the mass of the pair of neutrinos; by default all.

    Returns
    -------
    Array, pb

    Raises
    ------
    UnitError, ParameterError
        If the window is not 0 <= low < high, or a mode, part or nature unknown.

    Examples
    --------
    >>> belle = Collider.named("belle-ii")
    >>> print(f"{1e3 * cross_section(belle, mode='z-propagator'):.4f} fb")
    9.4422 fb
    """
    require_options(mode, part, nature)
    lightest, heaviest = mass_window(collider, missing_mass)
    return _total(
        flavor_cross_section(collider, zprime, lightest, heaviest, mode, part, nature), per_flavor
    )


def positive_energies(energy: Any) -> jax.Array:
    """Turn energies of a user into an array [GeV]."""
    energy = in_code_units(gather(energy), "energy", "energy")
    require("energy", energy, "positive energies", lambda value: value > 0.0)
    return jnp.asarray(energy)


def require_frame(frame: Frame) -> None:
    """Raise `ParameterError` for an unknown frame."""
    if frame not in ("lab", "cm"):
        raise ParameterError(f"frame = {frame!r}: {nearest(str(frame), ('lab', 'cm'))}")


def mass_window(collider: Collider, missing_mass: tuple[Any, Any] | None) -> tuple[Any, Any]:
    """Turn a window of missing mass of a user into one of its square [GeV^2]; None is all of it."""
    if missing_mass is None:
        return 0.0, collider.sqrt_s**2
    if not isinstance(missing_mass, tuple | list) or len(missing_mass) != 2:
        raise ParameterError(f"missing_mass = {missing_mass!r}: (low, high) is needed")
    low = required_number(
        missing_mass[0], "energy", "missing_mass[0]", "at least 0", lambda value: value >= 0.0
    )
    high = required_number(
        missing_mass[1], "energy", "missing_mass[1]", "a positive energy", lambda value: value > 0.0
    )
    if not isinstance(low, jax.core.Tracer):
        require("missing_mass[1]", high, f"more than missing_mass[0] = {low}", lambda v: v > low)
    return low**2, high**2


def _total(flavors: jax.Array, per_flavor: bool) -> jax.Array:
    return flavors if per_flavor else jnp.sum(flavors, axis=-1)
