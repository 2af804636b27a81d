"""The anomalous magnetic moment that the boson gives a charged lepton, and what is allowed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import ELEMENTARY_CHARGE
from nuprop.errors import ParameterError
from nuprop.laboratory.constraint import Constraint
from nuprop.laboratory.mixing import COS_THETA_W, mixing_in_range
from nuprop.laboratory.moment_data import MEASUREMENTS, MomentMeasurement, measurement
from nuprop.laboratory.moment_loop import (
    LoopIntegrals,
    lepton_index,
    loop_function,
    loop_integrals,
)
from nuprop.mediators import ZPrime
from nuprop.mediators.width import loop_mixing as loop_mixing_at
from nuprop.units import in_code_units, require, required_number

__all__ = [
    "CONSTRAINTS",
    "MomentLimit",
    "favoured",
    "favoured_band",
    "loop_function",
    "moment_limit",
    "pull",
    "shift",
]

#: Coefficient of g' sum_a Q_a I_a(q^2) in a coupling; see `loop_integrals`.
_RUNNING = ELEMENTARY_CHARGE**2 / (2.0 * math.pi**2)


def shift(zprime: ZPrime, lepton: str, integrals: LoopIntegrals | None = None) -> jax.Array:
    """Anomalous magnetic moment a_l = (g - 2)/2 that the boson adds: g_l^2 K(M^2/m_l^2)/(8 pi^2).

    Parameters
    ----------
    zprime : ZPrime
    lepton : "e", "mu" or "tau"
    integrals : LoopIntegrals, optional
        `loop_integrals` of its mass and this lepton, if they are at hand.

    Returns
    -------
    Array, >= 0 for a vector coupling.

    Raises
    ------
    ParameterError
        If the lepton is unknown.

    Notes
    -----
    With `loop_mixing` the mixing runs inside the integral (`loop_integrals`). It stays close to
    that at q^2 = 0: taking this everywhere changes the electron's moment by 6e-5 at most, the
    muon's by 1.2e-3, the tau's by 7e-3 (L_mu - L_tau without tree mixing, M <= 10 GeV), while the
    mixing on the mass shell would be wrong altogether for M >> m_l. The Z admixture is neglected,
    and so are diagrams of two loops other than this polarization.

    References
    ----------
    Araki et al. 2016, arXiv:1508.07471.

    Examples
    --------
    >>> zprime = ZPrime.lmu_ltau("11 MeV", coupling=5e-4)
    >>> print(f"{shift(zprime, 'mu'):.4e}")
    2.4256e-09
    """
    index = lepton_index(lepton)
    known = loop_integrals(zprime.mass, lepton) if integrals is None else integrals
    at_rest = jnp.real(zprime.charged_couplings_at(0.0)[index])
    total = at_rest**2 * known.direct
    if zprime.loop_mixing:
        slope = _RUNNING * zprime.coupling * jnp.asarray(zprime.charged_charges)
        total = total + 2.0 * at_rest * slope @ known.linear + slope @ known.quadratic @ slope
    return total / (8.0 * jnp.pi**2)


def pull(zprime: ZPrime, of: str | MomentMeasurement) -> jax.Array:
    """Moment of the boson minus the measured difference, in standard deviations.

    Parameters
    ----------
    zprime : ZPrime
    of : str or MomentMeasurement

    Raises
    ------
    DatasetError
        If the measurement is unknown.

    Examples
    --------
    What the measurements say of points that gave the muon its moment in 2014:

    >>> for mass, coupling in (("11 MeV", 5e-4), ("9 MeV", 4e-4), ("100 MeV", 1e-3)):
    ...     zprime = ZPrime.lmu_ltau(mass, coupling)
    ...     then, now = (pull(zprime, f"muon-g-2-{year}") for year in (2014, 2025))
    ...     print(f"{mass:>7} {coupling:.0e} {then:+.2f} {now:+.2f}")
     11 MeV 5e-04 -0.57 +3.20
      9 MeV 4e-04 -1.58 +1.94
    100 MeV 1e-03 -0.10 +3.80
    """
    data = measurement(of)
    return (shift(zprime, data.lepton) - data.difference) / data.error


def favoured(zprime: ZPrime, of: str | MomentMeasurement, sigma: Any = 2.0) -> jax.Array:
    """Whether the boson brings theory and experiment within `sigma` standard deviations.

    Parameters
    ----------
    zprime : ZPrime
    of : str or MomentMeasurement
    sigma : float

    Returns
    -------
    Array, bool

    Raises
    ------
    DatasetError, ParameterError
        If the measurement is unknown, or sigma not positive.
    """
    return jnp.abs(pull(zprime, of)) <= _positive_sigma(sigma)


def favoured_band(
    of: str | MomentMeasurement,
    mass: Any,
    sigma: Any = 2.0,
    kinetic_mixing: Any = 0.0,
    *,
    loop_mixing: bool = False,
    branch: Literal[1, -1] = 1,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Couplings g' of L_mu - L_tau at which the muon's moment is that of a measurement.

    Parameters
    ----------
    of : str or MomentMeasurement
        Of the muon.
    mass : Quantity, str, float or array, GeV
    sigma : float
        Half the width of the band, in standard deviations.
    kinetic_mixing : float or array
        epsilon, broadcast against `mass`.
    loop_mixing : bool
        As in `ZPrime.lmu_ltau`.
    branch : 1 or -1
        The sign of g_mu: for epsilon > 0 a second band with g_mu < 0 lies at small g'.

    Returns
    -------
    lower, centre, upper : Array
        g' >= 0 of difference - sigma error, difference, difference + sigma error, in rising order.
        Where one of these is negative, no vector boson gives it: g' of no shift stands for it. So
        `lower` = 0 for epsilon = 0 means an upper limit, not a band.

    Raises
    ------
    UnitError, ParameterError, DatasetError
        If the mass is not a positive energy, sigma not positive, |epsilon| >= 1, the branch not
        one of two, the measurement unknown or not of the muon.

    Examples
    --------
    >>> band = favoured_band("muon-g-2-2014", "10 MeV")
    >>> print(" ".join(f"{coupling:.3e}" for coupling in band))
    3.599e-04 5.390e-04 6.720e-04
    """
    data = measurement(of)
    if data.lepton != "mu":
        raise ParameterError(
            f"measurement = {data.name!r}: the moment of the electron does not depend on g' of "
            "L_mu - L_tau; a measurement of the muon is needed"
        )
    if branch not in (1, -1):
        raise ParameterError(f"branch = {branch!r}: 1 (g_mu > 0) or -1 (g_mu < 0)")
    if not isinstance(loop_mixing, bool | np.bool_):
        raise ParameterError(f"loop_mixing = {loop_mixing!r}: True or False")
    width = _positive_sigma(sigma)
    m = in_code_units(mass, "energy", "mass")
    require("mass", m, "positive energies", lambda x: x > 0.0)
    epsilon = mixing_in_range(kinetic_mixing)

    deviations = jnp.asarray([-1.0, 0.0, 1.0]) * width
    moments = 8.0 * jnp.pi**2 * jnp.maximum(data.difference + deviations * data.error, 0.0)
    band = _bands(jnp.asarray(m), jnp.asarray(epsilon), moments, bool(loop_mixing), int(branch))
    return band[..., 0], band[..., 1], band[..., 2]


@dataclass(frozen=True, kw_only=True)
class MomentLimit(Constraint):
    """Largest moment that a measurement allows: difference + `sigma` error.

    A vector boson only adds to the moment, whichever sign its coupling has, so that one side of the
    measurement limits it; a difference below zero makes the limit stronger. Whether the boson is
    needed to explain the other side is for `favoured` to say.

    Attributes
    ----------
    measurement : MomentMeasurement
    sigma : float

    Raises
    ------
    ParameterError
        If no moment at all is allowed: then it is the Standard Model that the criterion excludes.
    """

    measurement: MomentMeasurement
    sigma: float

    def __post_init__(self) -> None:
        _positive_sigma(self.sigma)
        if self.largest <= 0.0:
            raise ParameterError(
                f"sigma = {self.sigma}: {self.measurement.name} is so far below the theory that "
                f"even no boson is excluded; more than {-self.measurement.significance:.3g} is "
                "needed"
            )

    @property
    def largest(self) -> float:
        """Largest moment allowed."""
        return self.measurement.difference + self.sigma * self.measurement.error

    def prepare(self, mass: ArrayLike) -> LoopIntegrals:
        """Integrals over the momentum of the boson; see `loop_integrals`."""
        return loop_integrals(mass, self.measurement.lepton)

    def strength(self, zprime: ZPrime, prepared: LoopIntegrals | None = None) -> jax.Array:
        """Moment of the boson over the largest allowed."""
        return shift(zprime, self.measurement.lepton, prepared) / self.largest


def moment_limit(of: str | MomentMeasurement, sigma: Any = 2.0, name: str = "") -> MomentLimit:
    """Make a limit of a measurement.

    Parameters
    ----------
    of : str or MomentMeasurement
    sigma : float
    name : str
        That of the measurement by default.

    Raises
    ------
    DatasetError, ParameterError
        If the measurement is unknown, or allows no moment at this sigma.
    """
    data = measurement(of)
    number = float(_positive_sigma(sigma))
    symbol = {"e": "e", "mu": r"\mu", "tau": r"\tau"}[data.lepton]
    return MomentLimit(
        name=name or data.name,
        title=rf"$(g-2)_{{{symbol}}}$, {data.title}",
        references=data.references,
        level=f"{number:g} sigma",
        quality="exact",
        measurement=data,
        sigma=number,
    )


@partial(jax.jit, static_argnames=("loop_mixing", "branch"))
def _bands(
    mass: jax.Array, epsilon: jax.Array, moments: jax.Array, loop_mixing: bool, branch: int
) -> jax.Array:
    """Couplings g', in a last axis, that give 8 pi^2 a_mu, quadratic in g' and in epsilon."""
    charges = np.array([0.0, 1.0, -1.0])
    loop = jnp.real(loop_mixing_at(0.0, charges))
    at_rest = 1.0 + ELEMENTARY_CHARGE * loop if loop_mixing else jnp.ones(())
    running = _RUNNING * charges * loop_mixing

    def solve(m: jax.Array, e: jax.Array) -> jax.Array:
        known = loop_integrals(m, "mu")
        tree = ELEMENTARY_CHARGE * COS_THETA_W * e
        first, second = running @ known.linear, running @ known.quadratic @ running
        # a g'^2 - 2 b t g' + K t^2 = 8 pi^2 a_mu, t = e c_W epsilon
        a = at_rest**2 * known.direct + 2.0 * at_rest * first + second
        b = at_rest * known.direct + first
        square = a * moments + tree**2 * (first**2 - second * known.direct)
        is_real = square > 0.0
        root = jnp.where(is_real, jnp.sqrt(jnp.where(is_real, square, 1.0)), 0.0)
        return jnp.maximum(jnp.sort((b * tree + branch * root) / a), 0.0)

    return jnp.vectorize(solve, signature="(),()->(n)")(mass, epsilon)


def _positive_sigma(sigma: Any) -> Any:
    return required_number(sigma, "dimensionless", "sigma", "a positive number", lambda x: x > 0.0)


_ELECTRON_SIGMA = 5.0

#: Limits by name: of the muon at 2 sigma, of the electron at 5, "electron-g-2" being that of 2012.
CONSTRAINTS: dict[str, MomentLimit] = {
    name: moment_limit(data, 2.0 if data.lepton == "mu" else _ELECTRON_SIGMA)
    for name, data in MEASUREMENTS.items()
} | {"electron-g-2": moment_limit("electron-g-2-2012", _ELECTRON_SIGMA, name="electron-g-2")}
