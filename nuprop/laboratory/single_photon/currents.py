"""Annihilation to neutrinos by Z, Z' and W: couplings and their squares, flavor by flavor."""

from __future__ import annotations

import math
from typing import Literal

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.constants import (
    FERMI_CONSTANT,
    GEV_TO_MINUS_2,
    SIN2_THETA_W,
    W_MASS,
    Z_MASS,
)
from nuprop.errors import ParameterError, nearest
from nuprop.laboratory.single_photon.exchange import exchange_moments
from nuprop.laboratory.single_photon.radiator import radiator
from nuprop.mediators import ZPrime
from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.zprime import Nature

#: "contact": W and Z as contact interactions; "z-propagator": that of the Z only; "full": the tree
#: amplitude, with the W and its magnetic moment.
Mode = Literal["contact", "z-propagator", "full"]
#: "total", or what the "boson" adds: its square, and its interference with W and Z.
Part = Literal["total", "boson"]
PARTS = ("total", "boson")
MODES = ("contact", "z-propagator", "full")

PICOBARN = GEV_TO_MINUS_2 * 1e36  # in 1 GeV^-2
_CONTACT = 2.0 * math.sqrt(2.0) * FERMI_CONSTANT
_RATE = FERMI_CONSTANT**2 / (6.0 * math.pi) * PICOBARN  # pb/GeV^2


def require_options(mode: Mode, part: Part = "total", nature: Nature = "majorana") -> None:
    """Raise `ParameterError` for an unknown mode, part or nature."""
    options = (
        ("mode", mode, MODES),
        ("part", part, PARTS),
        ("nature", nature, ("majorana", "dirac")),
    )
    for name, value, known in options:
        if value not in known:
            raise ParameterError(f"{name} = {value!r}: {nearest(str(value), known)}")


def differential(
    x: ArrayLike,
    cosine: ArrayLike,
    s: ArrayLike,
    zprime: ZPrime | None,
    mode: Mode,
    part: Part = "total",
    nature: Nature = "majorana",
    detuning: ArrayLike | None = None,
) -> jax.Array:
    """Compute d2sigma/dx dcos [pb] for each flavor of neutrino; no cut, and no check, is made.

    H(x, cos) (G_F^2 s/6 pi) (1 - x) sum_b (|g_L|^2 + |g_R|^2)_ab, where the coupling matrices are
    those of the Z, diag(s_W^2 - 1/2) and diag(s_W^2) times M_Z^2/(M_Z^2 - q^2), plus that of the
    Z', g_e(q^2) g_ab/[2 sqrt(2) G_F (M^2 - q^2 - i M Gamma)], q^2 = s (1 - x). The W is added to
    g_L of nu_e: 1 in contact, else as `exchange_moments` says.

    Parameters
    ----------
    x, cosine : arrays that broadcast
        0 < x <= 1.
    s : GeV^2
    zprime : ZPrime or None
    mode : Mode
    part : Part
    nature : "majorana" or "dirac"
        Of the neutrinos: whether the right-handed ones of B - L are in the sum.
    detuning : array, optional
        q^2 - M^2, where the caller knows it better than by subtraction.

    Returns
    -------
    Array, shape (..., 3)
    """
    x, cosine = jnp.broadcast_arrays(jnp.asarray(x), jnp.asarray(cosine))
    s, rest = jnp.asarray(s), 1.0 - x
    q2 = s * rest
    pole = jnp.ones_like(q2)
    if mode != "contact":
        pole = Z_MASS**2 / (Z_MASS**2 - q2)
    left, right = (SIN2_THETA_W - 0.5) * pole, SIN2_THETA_W * pole
    first, second = rest, rest
    if mode == "full":
        first, second = exchange_moments(x, cosine, W_MASS**2 / s)
    rates = [jnp.zeros_like(rest)] * 3
    if part == "total":
        neutral = rest * (left**2 + right**2)
        rates = [neutral + 2.0 * left * first + second, neutral, neutral]
    if zprime is not None:
        mass = jnp.asarray(zprime.mass)
        distance = q2 - mass**2 if detuning is None else jnp.asarray(detuning)
        damping = mass * zprime.width(nature)
        norm = distance**2 + damping**2
        propagator = (-distance + 1j * damping) / norm
        electron = zprime.charged_couplings_at(q2)[..., 0] / _CONTACT
        exchange = jnp.real(electron * propagator)
        square = squared_moduli(electron) / norm
        matrix = zprime.three_flavors
        chiralities = 4.0 if zprime.right_handed and nature == "dirac" else 2.0
        for flavor in range(3):
            own = jnp.real(matrix[flavor, flavor])
            interference = 2.0 * own * exchange * rest * (left + right)
            if flavor == 0:
                interference = interference + 2.0 * own * exchange * first
            total = jnp.sum(squared_moduli(matrix[flavor]))
            rates[flavor] = rates[flavor] + interference + chiralities * rest * square * total
    return (_RATE * s * radiator(x, cosine))[..., None] * jnp.stack(rates, axis=-1)
