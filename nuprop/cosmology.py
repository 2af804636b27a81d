"""The expansion history of the universe, from any astropy cosmology, in a form that jit can use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import partial
from math import pi
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import BOLTZMANN, HBAR_C, MEGAPARSEC, SPEED_OF_LIGHT
from nuprop.errors import ParameterError, nearest
from nuprop.precision import require_float64
from nuprop.units import in_code_units, number_in_code_units, require

if TYPE_CHECKING:
    from astropy.cosmology import FLRW

#: Every expansion history is good to 1e-10 up to this redshift.
Z_GUARANTEED = 20.0
_Z_TABLE = 21.0

_KM_PER_S_MPC = 1.0e5 / MEGAPARSEC  # 1/s

# CODATA 2018 (Tiesinga et al. 2021, RMP 93, 025010): G in cm^3/(g s^2), and one GeV in erg, exact.
_NEWTON = 6.67430e-8
_ERG_PER_GEV = 1.602176634e-3

# 8 pi G / (3 c^2) times the energy density of photons at 1 K, in (km/s/Mpc)^2.
_PHOTONS_AT_1_K = (
    8.0 * pi * _NEWTON / (3.0 * SPEED_OF_LIGHT**2)
    * (pi**2 / 15.0) * BOLTZMANN**4 / HBAR_C**3 * _ERG_PER_GEV
    / _KM_PER_S_MPC**2
)  # fmt: skip

# Neutrinos decoupled before e+ e- annihilation: T_nu = (4/11)^(1/3) T_gamma.
_T_NU_OVER_T = (4.0 / 11.0) ** (1.0 / 3.0)
_NEUTRINO_OVER_PHOTON = 7.0 / 8.0 * _T_NU_OVER_T**4

# Komatsu et al. 2011 (arXiv:1001.4538), Eq. (26): the fit of the density of massive neutrinos.
_KOMATSU_A = 0.3173
_KOMATSU_P = 1.83

_DISTANCE_NODES, _DISTANCE_WEIGHTS = np.polynomial.legendre.leggauss(32)


class Expansion(ABC):
    """An expansion history: a pytree whose methods are pure functions of arrays.

    `expansion` makes one from an astropy cosmology. Your own is a subclass, registered with JAX as
    a pytree, that has the attributes and the method `hubble` below.

    Attributes
    ----------
    name : str
        How results call it; static.
    z_limit : float
        The last redshift for which `hubble` is meant; static.
    H0 : float or Array, km/s/Mpc
        The Hubble constant.
    Ok0 : float or Array
        The curvature, as a fraction of the critical density today.
    """

    name: str
    z_limit: float
    H0: Any
    Ok0: Any

    @abstractmethod
    def hubble(self, z: ArrayLike) -> jax.Array:
        """Return the expansion rate H(z).

        Parameters
        ----------
        z : array-like, any shape
            Redshift, 0 <= z <= `z_limit`.

        Returns
        -------
        Array, the shape of z, 1/s
        """

    def describe(self) -> dict[str, Any]:
        """Return plain numbers and strings that tell the expansion history apart from others."""
        return {"name": self.name, "H0": float(self.H0), "Ok0": float(self.Ok0)}

    def luminosity_distance(self, z: ArrayLike) -> jax.Array:
        """Return the luminosity distance in a universe of any curvature.

        Parameters
        ----------
        z : array-like, any shape
            Redshift, 0 <= z <= `z_limit`.

        Returns
        -------
        Array, the shape of z, cm

        Notes
        -----
        D_C = c int_0^z dz'/H(z'), by 32 Gauss-Legendre nodes in ln(1+z'), which leave less than
        1e-12 of it up to z = 20; D_L = (1+z) sinh(sqrt(Ok0) D_C H0/c) c / (H0 sqrt(Ok0)), sin for
        Ok0 < 0.

        References
        ----------
        Hogg 1999, arXiv:astro-ph/9905116, Eqs. (15), (16), (21).
        """
        z = jnp.asarray(z, jnp.float64)
        half = 0.5 * jnp.log1p(z)[..., None]
        growth = jnp.exp(half * (1.0 + jnp.asarray(_DISTANCE_NODES)))
        integrand = growth / self.hubble(growth - 1.0) * jnp.asarray(_DISTANCE_WEIGHTS)
        comoving = SPEED_OF_LIGHT * jnp.sum(half * integrand, axis=-1)
        angle_squared = self.Ok0 * (comoving * self.H0 * _KM_PER_S_MPC / SPEED_OF_LIGHT) ** 2
        return (1.0 + z) * comoving * _sinh_over(angle_squared)


def _sinh_over(square: jax.Array) -> jax.Array:
    """Return sinh(x)/x of x^2, which is sin(|x|)/|x| for x^2 < 0, smooth through zero."""
    small = jnp.abs(square) < 1e-4
    root = jnp.sqrt(jnp.where(small, 1.0, jnp.abs(square)))
    curved = jnp.where(square > 0.0, jnp.sinh(root), jnp.sin(root)) / root
    series = 1.0 + square / 6.0 * (1.0 + square / 20.0 * (1.0 + square / 42.0))
    return jnp.where(small, series, curved)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["H0", "Om0", "Ok0", "w0", "wa", "Tcmb0", "Neff", "m_nu"],
    meta_fields=["name"],
)
@dataclass(frozen=True)
class FriedmannExpansion(Expansion):
    """Matter, curvature, photons, neutrinos, and dark energy that fills up to the critical density.

    Every field but the name is a leaf: H can be differentiated in each, the dark energy taking up
    the difference, and photons and neutrinos keeping their temperature.

    Attributes
    ----------
    H0 : float or Array, km/s/Mpc
    Om0, Ok0 : float or Array
        Matter (without neutrinos) and curvature, as fractions of the critical density today.
    w0, wa : float or Array
        Equation of state of dark energy, w0 + wa z/(1+z).
    Tcmb0 : float or Array, K
        Temperature of the photons today; zero leaves out both photons and neutrinos.
    Neff : float or Array
        Effective number of neutrinos, shared equally among the entries of m_nu.
    m_nu : float or Array, shape (n,), GeV
        Masses of the neutrinos that slow the expansion. They are the cosmology's own, and need not
        be those that propagate.
    name : str
    """

    H0: Any
    Om0: Any
    Ok0: Any
    w0: Any
    wa: Any
    Tcmb0: Any
    Neff: Any
    m_nu: Any
    name: str = field(default="", metadata={"static": True})

    z_limit = float("inf")

    def _radiation(self, z: jax.Array) -> jax.Array:
        """Return the density of photons and neutrinos over (1+z)^4 and over today's critical one.

        Neutrinos: 7/8 (4/11)^(4/3) Neff <(1 + (0.3173 y)^1.83)^(1/1.83)>, y = m_nu/(T_nu0 (1+z)),
        averaged over m_nu; Komatsu et al. 2011 (arXiv:1001.4538), Eq. (26).
        """
        finite = jnp.maximum(self.Tcmb0, 1e-6)  # K; colder radiation is lost in rounding
        y = jnp.atleast_1d(self.m_nu) / (BOLTZMANN * _T_NU_OVER_T * finite)
        massive = (1.0 + (_KOMATSU_A * y / (1.0 + z[..., None])) ** _KOMATSU_P) ** (1 / _KOMATSU_P)
        neutrinos = _NEUTRINO_OVER_PHOTON * self.Neff * jnp.mean(massive, axis=-1)
        photons = _PHOTONS_AT_1_K * jnp.asarray(self.Tcmb0) ** 4 / jnp.asarray(self.H0) ** 2
        return photons * (1.0 + neutrinos)

    def hubble(self, z: ArrayLike) -> jax.Array:
        """Return the expansion rate H(z) of the Friedmann equation.

        Parameters
        ----------
        z : array-like, any shape
            Redshift, z >= 0.

        Returns
        -------
        Array, the shape of z, 1/s

        Notes
        -----
        H^2 = H0^2 [Om0 (1+z)^3 + Ok0 (1+z)^2 + Or(z) (1+z)^4
        + Ode0 (1+z)^(3(1+w0+wa)) exp(-3 wa z/(1+z))] with Ode0 = 1 - Om0 - Ok0 - Or(0).

        References
        ----------
        Linder 2003, arXiv:astro-ph/0208512, for the dark energy.
        """
        z = jnp.asarray(z, jnp.float64)
        a_inverse = 1.0 + z
        dark_energy = 1.0 - self.Om0 - self.Ok0 - self._radiation(jnp.zeros(()))
        dilution = 3.0 * ((1.0 + self.w0 + self.wa) * jnp.log1p(z) - self.wa * z / a_inverse)
        squared = dark_energy * jnp.exp(dilution) + a_inverse**2 * (
            self.Ok0 + a_inverse * (self.Om0 + a_inverse * self._radiation(z))
        )
        return _KM_PER_S_MPC * self.H0 * jnp.sqrt(squared)

    def describe(self) -> dict[str, Any]:
        """Return the parameters as plain numbers, neutrino masses in eV."""
        return {
            **super().describe(),
            "Om0": float(self.Om0),
            "w0": float(self.w0),
            "wa": float(self.wa),
            "Tcmb0": float(self.Tcmb0),
            "Neff": float(self.Neff),
            "m_nu_eV": [1e9 * float(m) for m in np.atleast_1d(self.m_nu)],
        }


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["H0", "Ok0", "coefficients"],
    meta_fields=["name", "z_limit"],
)
@dataclass(frozen=True)
class TabulatedExpansion(Expansion):
    """A table of ln H(z)/H0 for expansion histories without a closed form here.

    Attributes
    ----------
    H0 : float or Array, km/s/Mpc
        Scales the whole history.
    Ok0 : float or Array
    coefficients : Array, shape (n_panels, n_coefficients)
        Chebyshev series of ln H/H0, one for each of n_panels equal intervals of ln(1+z).
    name : str
    z_limit : float
        Where the last interval ends.
    """

    H0: Any
    Ok0: Any
    coefficients: Any
    name: str = field(default="", metadata={"static": True})
    z_limit: float = field(default=0.0, metadata={"static": True})

    def hubble(self, z: ArrayLike) -> jax.Array:
        """Return the expansion rate H(z) from the table.

        Parameters
        ----------
        z : array-like, any shape
            Redshift, 0 <= z <= z_limit.

        Returns
        -------
        Array, the shape of z, 1/s
            Beyond z_limit it stays at its last value.
        """
        z = jnp.minimum(jnp.asarray(z, jnp.float64), self.z_limit)
        table = jnp.asarray(self.coefficients)
        n_panels = table.shape[0]
        position = jnp.log1p(z) * (n_panels / np.log1p(self.z_limit))
        panel = jnp.clip(jnp.floor(position), 0, n_panels - 1)
        series = jnp.moveaxis(table[panel.astype(int)], -1, 0)
        x = 2.0 * (position - panel) - 1.0
        above, here = jnp.zeros_like(x), jnp.zeros_like(x)
        for coefficient in series[:0:-1]:
            above, here = here, coefficient + 2.0 * x * here - above
        return _KM_PER_S_MPC * self.H0 * jnp.exp(series[0] + x * here - above)


def flat_lambda_cdm(
    H0: Any, Om0: Any, Tcmb0: Any = 0.0, Neff: Any = 3.04, m_nu: Any = 0.0
) -> FriedmannExpansion:
    """Return the expansion of a flat universe with a cosmological constant, traceable throughout.

    Parameters
    ----------
    H0 : Quantity, float or tracer, km/s/Mpc
        The Hubble constant, > 0.
    Om0 : float or tracer
        Matter without neutrinos, as a fraction of the critical density today, >= 0.
    Tcmb0 : Quantity, float or tracer, K
        Temperature of the photons today, >= 0; zero leaves out both photons and neutrinos.
    Neff : float or tracer
        Effective number of neutrinos, >= 0.
    m_nu : Quantity, float or tracer, shape () or (n,), GeV
        Neutrino masses, >= 0; a single one is that of all of them.

    Returns
    -------
    FriedmannExpansion

    Raises
    ------
    UnitError
        If a unit is wrong.
    ParameterError
        If a value is outside its range.

    Examples
    --------
    >>> import jax
    >>> def rate(matter):
    ...     return flat_lambda_cdm(67.4, matter).hubble(1.0)
    >>> print(f"{rate(0.315):.4e} 1/s, {jax.grad(rate)(0.315):.4e} 1/s")
    3.9104e-18 1/s, 4.2703e-18 1/s
    """
    parameters = {
        "H0": number_in_code_units(H0, "hubble", "H0"),
        "Om0": number_in_code_units(Om0, "dimensionless", "Om0"),
        "Tcmb0": number_in_code_units(Tcmb0, "temperature", "Tcmb0"),
        "Neff": number_in_code_units(Neff, "dimensionless", "Neff"),
        "m_nu": in_code_units(m_nu, "energy", "m_nu"),
    }
    require("H0", parameters["H0"], "must be positive, in km/s/Mpc", lambda x: x > 0)
    for name in ("Om0", "Tcmb0", "Neff", "m_nu"):
        require(name, parameters[name], "must not be negative", lambda x: x >= 0)
    return FriedmannExpansion(**parameters, Ok0=0.0, w0=-1.0, wa=0.0, name="FlatLambdaCDM")


def expansion(cosmology: FLRW | Expansion | str | None = None) -> Expansion:
    """Return the expansion history of an astropy cosmology.

    Parameters
    ----------
    cosmology : FLRW, Expansion, str or None
        Any instance of `astropy.cosmology.FLRW`, the name of one that astropy ships, or an
        `Expansion`, which comes back as it is. By default Planck18.

    Returns
    -------
    FriedmannExpansion or TabulatedExpansion
        The former where its formula gives back astropy's H(z) to 1e-11, which it does for (flat)
        LambdaCDM, wCDM and w0waCDM with photons and neutrinos of any mass; else the latter, to
        z = 21. Both agree with astropy to 1e-10 for 0 <= z <= 20.

    Raises
    ------
    ParameterError
        If it is not a cosmology, H0 <= 0, Om0 < 0, or its H(z) is not smooth, positive and finite.
    PrecisionError
        If JAX was switched to 32-bit floats.

    References
    ----------
    Planck Collaboration 2020, arXiv:1807.06209, Table 2, last column, for Planck18.
    """
    if isinstance(cosmology, Expansion):
        return cosmology
    require_float64()
    from astropy import cosmology as library

    if cosmology is None:
        cosmology = library.Planck18
    elif isinstance(cosmology, str):
        if cosmology not in library.realizations.available:
            hint = nearest(cosmology, library.realizations.available)
            raise ParameterError(f"cosmology = {cosmology!r} is not one that astropy ships; {hint}")
        cosmology = getattr(library, cosmology)
    if not isinstance(cosmology, library.FLRW):
        raise ParameterError(
            f"cosmology = {cosmology!r}: an instance of astropy.cosmology.FLRW is needed, "
            "such as FlatLambdaCDM(H0=67.4, Om0=0.315), or a nuprop.Expansion"
        )
    require("H0", cosmology.H0.value, "must be positive", lambda x: x > 0)
    require("Om0", cosmology.Om0, "must not be negative", lambda x: x >= 0)
    z = np.expm1(np.linspace(0.0, np.log1p(Z_GUARANTEED), 101))
    with np.errstate(invalid="ignore"):
        truth = cosmology.H(z).to_value("1/s")
    require(f"H(z <= {Z_GUARANTEED:g})", truth, "must be positive and finite", lambda x: x > 0)
    closed = _closed_form(cosmology)
    if _deviation(closed, z, truth) < 1e-11:
        return closed
    table = _tabulate(cosmology)
    deviation = _deviation(table, z, truth)
    if deviation > 1e-10:
        raise ParameterError(
            f"cosmology = {cosmology!r}: its H(z) is not smooth enough to be tabulated, a table of "
            f"{table.coefficients.shape[0]} panels is off by {deviation:.1e}; "
            "subclass nuprop.Expansion to give H(z) as a function"
        )
    return table


@jax.jit
def _hubble(history: Expansion, z: jax.Array) -> jax.Array:
    return history.hubble(z)


def _deviation(candidate: Expansion, z: np.ndarray, truth: np.ndarray) -> float:
    return float(np.max(np.abs(np.asarray(_hubble(candidate, z)) / truth - 1.0)))


def _name(cosmology: FLRW) -> str:
    return cosmology.name or type(cosmology).__name__


def _closed_form(cosmology: FLRW) -> FriedmannExpansion:
    masses = getattr(cosmology, "m_nu", None)
    return FriedmannExpansion(
        H0=float(cosmology.H0.to_value("km / (Mpc s)")),
        Om0=float(cosmology.Om0),
        Ok0=float(cosmology.Ok0),
        w0=float(getattr(cosmology, "w0", -1.0)),
        wa=float(getattr(cosmology, "wa", 0.0)),
        Tcmb0=float(cosmology.Tcmb0.to_value("K")),
        Neff=float(cosmology.Neff),
        m_nu=np.zeros(1) if masses is None else np.atleast_1d(masses.to_value("GeV")),
        name=_name(cosmology),
    )


def _tabulate(cosmology: FLRW, panels: int = 48, degree: int = 12) -> TabulatedExpansion:
    nodes = np.polynomial.chebyshev.chebpts1(degree + 1)
    width = np.log1p(_Z_TABLE) / panels
    z = np.expm1(width * (np.arange(panels)[:, None] + 0.5 * (1.0 + nodes)))
    values = np.log((cosmology.H(z) / cosmology.H0).to_value(""))
    vandermonde = np.polynomial.chebyshev.chebvander(nodes, degree)
    return TabulatedExpansion(
        H0=float(cosmology.H0.to_value("km / (Mpc s)")),
        Ok0=float(cosmology.Ok0),
        coefficients=np.linalg.solve(vandermonde, values.T).T,
        name=_name(cosmology),
        z_limit=_Z_TABLE,
    )
