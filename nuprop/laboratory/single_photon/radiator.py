"""Radiation of one hard photon from the electron or the positron."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.constants import ALPHA_EM


def radiator(x: ArrayLike, cosine: ArrayLike) -> jax.Array:
    """Probability density H(x, cos) to radiate a photon before annihilation at s (1 - x).

    d2sigma/dx dcos = H(x, cos) sigma_0(s (1 - x)), for massless electrons and any current in the
    s-channel or in contact:
    H = (2 alpha/pi) [(1 - x/2)^2 + x^2 cos^2/4] / [x (1 - cos^2)].

    Parameters
    ----------
    x, cosine : arrays that broadcast
        2 E*/sqrt(s) > 0, and cos(theta*) inside (-1, 1).

    Returns
    -------
    Array

    References
    ----------
    Derived, and checked by a test against explicit spinors; for the reaction see Montagna et al.
    1995, CERN-TH/95-130.
    """
    x, cosine = jnp.asarray(x), jnp.asarray(cosine)
    helicities = (1.0 - 0.5 * x) ** 2 + 0.25 * (x * cosine) ** 2
    return 2.0 * ALPHA_EM / jnp.pi * helicities / (x * (1.0 - cosine) * (1.0 + cosine))


def radiator_between(x: ArrayLike, low: ArrayLike, high: ArrayLike) -> jax.Array:
    """Integrate `radiator` over the cosine from `low` to `high`, in closed form.

    (2 alpha/pi x) {[(1 - x/2)^2 + x^2/4] D - x^2 (high - low)/4}, D = artanh(high) - artanh(low).
    """
    x, low, high = jnp.asarray(x), jnp.asarray(low), jnp.asarray(high)
    rapidities = jnp.arctanh(high) - jnp.arctanh(low)
    helicities = ((1.0 - 0.5 * x) ** 2 + 0.25 * x**2) * rapidities - 0.25 * x**2 * (high - low)
    return 2.0 * ALPHA_EM / jnp.pi * helicities / x
