"""Neutrinos of the Sun: energies, fluxes, and their flavors at Earth.

They leave the Sun as electron neutrinos and arrive as an incoherent mixture of mass eigenstates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.constants import AVOGADRO, FERMI_CONSTANT, HBAR_C
from nuprop.errors import ParameterError
from nuprop.laboratory.constraint import named
from nuprop.neutrinos import Neutrinos
from nuprop.units import in_code_units, require

#: Electrons per cm^3 where 7Be neutrinos are made; the value as used by nuprop.
ELECTRON_DENSITY = 89.0 * AVOGADRO


class Line(NamedTuple):
    """A line of the solar spectrum.

    Attributes
    ----------
    energy : GeV
    flux : of the standard solar model at Earth, all flavors [cm^-2 s^-1]
    """

    energy: float
    flux: float


#: Share of the decays of 7Be to the ground state; the value as used by nuprop.
_GROUND_STATE = 0.897

#: Total fluxes at Earth [cm^-2 s^-1]: model B16-GS98 of Vinyoles et al. 2017, arXiv:1611.09867.
FLUXES = {
    "pp": 5.98e10,
    "pep": 1.44e8,
    "hep": 7.98e3,
    "7Be": 4.93e9,
    "8B": 5.46e6,
    "13N": 2.78e8,
    "15O": 2.05e8,
    "17F": 5.29e6,
}

#: Lines by name. Energies: Borexino, Bellini et al. 2011, arXiv:1104.1816, for 7Be; Bahcall 1994,
#: arXiv:astro-ph/9401024, for its weaker line; that of pep as used by nuprop.
LINES = {
    "7Be": Line(0.862e-3, _GROUND_STATE * FLUXES["7Be"]),
    "7Be-384": Line(0.3843e-3, (1.0 - _GROUND_STATE) * FLUXES["7Be"]),
    "pep": Line(1.442e-3, FLUXES["pep"]),
}


def line(name: str) -> Line:
    """Find a line of the Sun: "7Be" (862 keV), "7Be-384" (384 keV) or "pep" (1.44 MeV).

    Raises
    ------
    DatasetError
        If there is no such line.

    Examples
    --------
    >>> line("7Be").energy
    0.000862
    """
    return named(name, LINES, "solar line")


def mass_state_fractions(
    energy: Any, neutrinos: Neutrinos | None = None, electron_density: Any = ELECTRON_DENSITY
) -> jax.Array:
    """Compute the share of each mass eigenstate in solar neutrinos, f_1, f_2, f_3.

    f = (c13^2 cos^2 theta_m, c13^2 sin^2 theta_m, s13^2) with the mixing angle theta_m of the place
    of production, cos 2 theta_m = (cos 2 theta_12 - b)/sqrt((cos 2 theta_12 - b)^2
    + sin^2 2 theta_12), b = 2 sqrt(2) G_F n_e c13^2 E / Delta m^2_21.

    Parameters
    ----------
    energy : Quantity or array, GeV
    neutrinos : Neutrinos, optional
        Default ``Neutrinos()``. Only the mixing and Delta m^2_21 matter; without a sterile one.
    electron_density : Quantity or array, cm^-3
        At the place of production. Zero gives the shares in vacuum, |U_ei|^2.

    Returns
    -------
    Array, shape (..., 3), sums to 1.

    Raises
    ------
    UnitError, ParameterError
        If an energy is not positive, a density negative, or there is a sterile neutrino.

    Notes
    -----
    The states propagate adiabatically, matter is too thin to move theta_13 and the phases between
    them average out. The potential of the Z' in the Sun is left out: that of a coupling through
    mixing with the photon cancels in neutral matter, that of a charge of the electron does not.

    References
    ----------
    Wolfenstein 1978, PRD 17, 2369; Parke 1986, PRL 57, 1275.

    Examples
    --------
    >>> print(mass_state_fractions("0.862 MeV", Neutrinos(oscillations="nufit-5.2")).round(5))
    [0.61214 0.36561 0.02225]
    """
    energy = in_code_units(energy, "energy", "energy")
    require("energy", energy, "positive energies", lambda e: e > 0.0)
    density = in_code_units(electron_density, "density", "electron_density")
    require("electron_density", density, "densities >= 0", lambda n: n >= 0.0)
    neutrinos = Neutrinos() if neutrinos is None else neutrinos
    if neutrinos.sterile is not None:
        raise ParameterError(
            f"neutrinos = {neutrinos!r}: those of the Sun are followed with three states"
        )
    mixing = neutrinos.oscillations
    cos2_13 = 1.0 - jnp.asarray(mixing.sin2_13)
    sin2_12 = jnp.asarray(mixing.sin2_12)
    potential = jnp.sqrt(2.0) * FERMI_CONSTANT * jnp.asarray(density) * HBAR_C**3
    shift = 2.0 * potential * cos2_13 * jnp.asarray(energy) / mixing.dm2_21
    along = 1.0 - 2.0 * sin2_12 - shift
    square = along**2 + 4.0 * sin2_12 * (1.0 - sin2_12)
    at_rest = square == 0.0
    cosine = jnp.where(at_rest, 0.0, along / jnp.sqrt(jnp.where(at_rest, 1.0, square)))
    first = 0.5 * cos2_13 * (1.0 + cosine)
    third = jnp.broadcast_to(mixing.sin2_13, first.shape)
    return jnp.stack([first, cos2_13 - first, third], axis=-1)


def flavor_fractions(
    energy: Any, neutrinos: Neutrinos | None = None, electron_density: Any = ELECTRON_DENSITY
) -> jax.Array:
    """Compute the share of each flavor in solar neutrinos at Earth, P_a = sum_i f_i |U_ai|^2.

    Parameters, errors and references are those of `mass_state_fractions`.

    Returns
    -------
    Array, shape (..., 3), for e, mu, tau; sums to 1.

    Examples
    --------
    >>> print(flavor_fractions("0.862 MeV", Neutrinos(oscillations="nufit-5.2")).round(5))
    [0.52598 0.24658 0.22744]
    """
    neutrinos = Neutrinos() if neutrinos is None else neutrinos
    return mass_state_fractions(energy, neutrinos, electron_density) @ neutrinos.mixing.T


def solar_state(
    energy: Any, neutrinos: Neutrinos | None = None, electron_density: Any = ELECTRON_DENSITY
) -> jax.Array:
    """Compute the density matrix of solar neutrinos at Earth, rho_ab = sum_i f_i U_ai U_bi^*.

    Parameters, errors and references are those of `mass_state_fractions`.

    Returns
    -------
    Array, complex, shape (..., 3, 3), in the flavor basis; its diagonal is `flavor_fractions`.
    """
    neutrinos = Neutrinos() if neutrinos is None else neutrinos
    return mixture(mass_state_fractions(energy, neutrinos, electron_density), neutrinos.pmns)


def mixture(fractions: ArrayLike, pmns: ArrayLike) -> jax.Array:
    """Density matrix in the flavor basis of mass eigenstates with the shares `fractions` (..., 3).

    nu_i has the flavors U_ai.
    """
    u = jnp.asarray(pmns)
    return (u * jnp.asarray(fractions)[..., None, :]) @ u.conj().T
