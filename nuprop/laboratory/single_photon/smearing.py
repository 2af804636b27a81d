"""Spectra in the energy that a calorimeter measures."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from nuprop.laboratory.single_photon.collider import Collider, Frame
from nuprop.laboratory.single_photon.currents import Mode, require_options
from nuprop.laboratory.single_photon.integrals import flavor_spectrum
from nuprop.laboratory.single_photon.kinematics import boost
from nuprop.laboratory.single_photon.line import line_in_lab, line_parts
from nuprop.laboratory.single_photon.radiator import radiator_between
from nuprop.laboratory.single_photon.resolution import gaussian, smear
from nuprop.laboratory.single_photon.spectra import positive_energies, require_frame
from nuprop.mediators import ZPrime
from nuprop.mediators.zprime import Nature

#: Center of mass slower than this: the line is as narrow in the lab.
_SLOW = 1e-6


def smeared_spectrum(
    energy: Any,
    collider: Collider,
    zprime: ZPrime | None = None,
    *,
    frame: Frame = "lab",
    mode: Mode = "full",
    nature: Nature = "majorana",
) -> jax.Array:
    """Compute dsigma/dE in the measured energy, of W and Z or of the line of a narrow boson.

    Parameters
    ----------
    energy : Quantity or array, GeV
        Measured, > 0.
    collider : Collider
        Its `resolution` is used; its cuts act on true energies.
    zprime : ZPrime, optional
        Given, its line is computed alone; else, what W and Z do. Their sum is what is seen.
    frame : "lab" or "cm"
        In the center of mass sigma_E/E is taken at E* instead of E.
    mode, nature : as in `differential_cross_section`.

    Returns
    -------
    Array, pb/GeV

    Raises
    ------
    UnitError, ParameterError
        If an energy is not positive, or a frame, mode or nature unknown.
    """
    require_options(mode, nature=nature)
    require_frame(frame)
    energy = positive_energies(energy)
    if zprime is None:
        return _continuum(energy, collider, frame, mode)
    return _line(energy, zprime, collider, frame, nature)


@partial(jax.jit, static_argnames=("frame", "mode"))
def _continuum(energy: jax.Array, collider: Collider, frame: Frame, mode: Mode) -> jax.Array:
    low, high = 0.0, 0.5 * collider.sqrt_s
    if frame == "lab":
        high = high * jnp.max(boost(collider, jnp.stack(collider.cosines)))
    if frame == collider.energy_frame:
        low, high = collider.energy_min, jnp.minimum(high, collider.energy_max)

    def spectrum(true: jax.Array) -> jax.Array:
        flavors = flavor_spectrum(true, collider, None, frame, mode, "total", "majorana")
        return jnp.sum(flavors, axis=-1)

    return smear(spectrum, energy, low, high, collider.resolution)


@partial(jax.jit, static_argnames=("frame", "nature"))
def _line(
    energy: jax.Array, zprime: ZPrime, collider: Collider, frame: Frame, nature: Nature
) -> jax.Array:
    low, high, x, scale = line_parts(zprime, collider, nature)
    peak = 0.5 * collider.sqrt_s * x
    if frame == "lab":
        ends = [peak * boost(collider, cosine) for cosine in (low, high)]
        peak = 0.5 * (ends[0] + ends[1])
    needle = scale * radiator_between(x, low, high)
    sharp = needle * gaussian(energy, peak, collider.resolution(peak))
    if frame == "cm":
        return sharp
    least, most = jnp.minimum(*ends), jnp.maximum(*ends)
    broad = smear(
        lambda true: line_in_lab(true, zprime, collider, nature),
        energy,
        least,
        most,
        collider.resolution,
    )
    return jnp.where(jnp.abs(collider.velocity) < _SLOW, sharp, broad)
