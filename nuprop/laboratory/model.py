"""The gauged model with kinetic mixing: what the light boson couples to."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.constants import ELEMENTARY_CHARGE, SIN2_THETA_W
from nuprop.laboratory.mixing import (
    COS_THETA_W,
    Mixing,
    diagonalize,
    induced_mixing,
    mixing_at,
    mixing_in_range,
    require_named,
)
from nuprop.mediators import ZPrime
from nuprop.units import required_number

__all__ = [
    "COS_THETA_W",
    "Coupling",
    "FermionCouplings",
    "Mixing",
    "diagonalize",
    "fermion_couplings",
    "induced_mixing",
    "mixing_at",
]

#: Axial charge of the nucleon, |lambda| of neutron decay (Particle Data Group, Workman et al. 2022,
#: PTEP 2022, 083C01).
NUCLEON_AXIAL_CHARGE = 1.2754

_Z_COUPLING = ELEMENTARY_CHARGE / math.sqrt(SIN2_THETA_W * (1.0 - SIN2_THETA_W))


class Coupling(NamedTuple):
    """Couplings v and a of L = X_m fbar gamma^m (v - a gamma_5) f."""

    vector: jax.Array
    axial: jax.Array


class FermionCouplings(NamedTuple):
    """Couplings of the light boson, charges, mixing and gauge coupling inside.

    Attributes
    ----------
    neutrinos : Array, complex, shape (3, 3)
        Left-handed, in the flavor basis, as `ZPrime.coupling_matrix`.
    e, mu, tau, up, down, proton, neutron : Coupling
        `up` and `down` hold for every generation; nucleons are at rest, without form factors.
    """

    neutrinos: jax.Array
    e: Coupling
    mu: Coupling
    tau: Coupling
    up: Coupling
    down: Coupling
    proton: Coupling
    neutron: Coupling


# Charge, twice T_3 and B - L of each fermion; a nucleon's vector charges are those of its quarks.
_CHARGED = {
    "e": (-1.0, -1.0, 0.0),
    "mu": (-1.0, -1.0, 0.0),
    "tau": (-1.0, -1.0, 0.0),
    "up": (2.0 / 3.0, 1.0, 1.0 / 3.0),
    "down": (-1.0 / 3.0, -1.0, 1.0 / 3.0),
    "proton": (1.0, 1.0, 1.0),
    "neutron": (0.0, -1.0, 1.0),
}
_NUCLEONS = ("proton", "neutron")


def fermion_couplings(zprime: ZPrime, *, exact: bool = False, q2: Any = None) -> FermionCouplings:
    """Couplings of the boson to every fermion of the Standard Model, and to nucleons.

    Parameters
    ----------
    zprime : ZPrime
        One of the named models; its mass is the physical one.
    exact : bool
        Whether to keep all orders of epsilon and M^2/M_Z^2, the Z admixture included (`mixing_at`).
        By default the mixing with the photon alone: g_f = g' Q'_f + epsilon c_W e Q_f.
    q2 : float, GeV^2, optional
        Where the loop, if `zprime` has it on, is taken; M^2 by default. It enters to first order.

    Returns
    -------
    FermionCouplings
        Complex, for the loop above its thresholds.

    Raises
    ------
    ParameterError
        If |epsilon| >= 1, the boson is given by a matrix (the charges of quarks are then unknown),
        or, for `exact`, its mass is too close to M_Z.

    Notes
    -----
    The axial coupling of nucleons is that of u and d quarks in them, +-g_A/4 of the Z admixture
    with g_A = 1.2754; strange quarks are neglected.

    Examples
    --------
    >>> couplings = fermion_couplings(ZPrime.lmu_ltau("10 MeV", 1e-3, kinetic_mixing=1e-3))
    >>> for name in ("e", "mu", "proton", "neutron"):
    ...     print(f"{name:8}{getattr(couplings, name).vector.real:.6e}")
    e       -2.655147e-04
    mu      7.344853e-04
    proton  2.655147e-04
    neutron 0.000000e+00
    """
    require_named(zprime, "charges of quarks")
    q2 = (
        jnp.asarray(zprime.mass) ** 2
        if q2 is None
        else required_number(q2, "dimensionless", "q2", "a finite number in GeV^2", np.isfinite)
    )
    epsilon = mixing_in_range(zprime.kinetic_mixing)
    if exact:
        mixing = mixing_at(zprime.mass, epsilon)
        a, b, c = mixing.electromagnetic, mixing.neutral, mixing.gauge
    else:
        a, b, c = COS_THETA_W * jnp.asarray(epsilon), jnp.zeros(()), jnp.ones(())
    if zprime.loop_mixing:
        a = a + induced_mixing(zprime, q2)
    photon = ELEMENTARY_CHARGE * jnp.asarray(a, dtype=jnp.complex128)
    weak, gauge = _Z_COUPLING * b, c * zprime.coupling

    def coupling(name: str) -> Coupling:
        charge, isospin, baryons = _CHARGED[name]
        if name in ("e", "mu", "tau"):
            own = jnp.asarray(zprime.charged_charges)[("e", "mu", "tau").index(name)]
        else:
            own = jnp.asarray(baryons if zprime.model == "b-minus-l" else 0.0)
        vector = gauge * own + charge * photon + weak * (isospin / 4.0 - charge * SIN2_THETA_W)
        axial = weak * isospin / 4.0 * (NUCLEON_AXIAL_CHARGE if name in _NUCLEONS else 1.0)
        return Coupling(vector, jnp.asarray(axial, dtype=jnp.complex128))

    neutrinos = c * zprime.three_flavors + 0.5 * weak * jnp.eye(3)
    return FermionCouplings(neutrinos, **{name: coupling(name) for name in _CHARGED})
