"""Width, peak and area of a mediator's line in print, and what other papers call its coupling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from nuprop.constants import HBAR_C
from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.scalar import Nature, Scalar
from nuprop.mediators.zprime import ZPrime
from nuprop.neutrinos import Neutrinos

_PI = math.pi


@dataclass(frozen=True)
class Convention:
    """How a paper normalizes the line of one flavor with the coupling g.

    Attributes
    ----------
    formula : str
    area : of sigma = area g^2 delta(s - M^2), for a narrow line
    width : Gamma / (g^2 M)
    """

    formula: str
    area: float
    width: float

    @property
    def peak(self) -> float:
        """M^2 sigma at s = M^2."""
        return self.area / (_PI * self.width)


#: Normalizations of scalars in the literature, and the Lagrangian without the factor 1/2.
SCALAR_CONVENTIONS = (
    Convention("sigma = g^4/(4 pi) s/|D|^2, Gamma = g^2 M/(4 pi)", _PI, 1 / (4 * _PI)),
    Convention("sigma = g^4/(16 pi) s/|D|^2, Gamma = g^2 M/(4 pi)", _PI / 4, 1 / (4 * _PI)),
    Convention(
        "sigma = g^4/(16 pi) s/|D|^2, Gamma = g^2 M/(16 pi) [nuSIprop]", _PI, 1 / (16 * _PI)
    ),
    Convention("L = -g phi nu nu + h.c., real phi, Majorana", 4 * _PI, 1 / (4 * _PI)),
)

#: Normalizations of vectors: averages over helicities, and right-handed neutrinos in the width.
VECTOR_CONVENTIONS = (
    Convention("average over the helicities of the target", _PI, 1 / (24 * _PI)),
    Convention("Dirac neutrinos with a vector coupling", 2 * _PI, 1 / (12 * _PI)),
)


@dataclass(frozen=True)
class Factors:
    """What is equal and what is not in another convention, for lines of equal area.

    Attributes
    ----------
    convention : Convention
    coupling : g there over the coupling here
    width, peak : there over here
    """

    convention: Convention
    coupling: float
    width: float
    peak: float


class Described(dict[str, Any]):
    """Plain values of a mediator; printed, the report of `describe_text`.

    Parameters
    ----------
    values : mapping
    mediator : ZPrime or Scalar
    neutrinos : Neutrinos, optional
    nature : "majorana" or "dirac", optional
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        mediator: Any,
        neutrinos: Neutrinos | None = None,
        nature: Nature | None = None,
    ) -> None:
        super().__init__(values)
        dirac = isinstance(mediator, Scalar) and mediator.complex_field
        if nature is None:
            nature = "dirac" if dirac and not mediator.lepton_number else "majorana"
        self._about = (mediator, neutrinos or Neutrinos(), nature)

    def __str__(self) -> str:
        return describe_text(*self._about)


def own_convention(mediator: ZPrime | Scalar, nature: Nature = "majorana") -> Convention:
    """Give the normalization of a mediator here, as if it coupled to a single flavor only.

    Parameters
    ----------
    mediator : ZPrime or Scalar
    nature : "majorana" or "dirac"

    Raises
    ------
    ParameterError
        If the nature is unknown, or a scalar of this kind does not exist for it.
    """
    if isinstance(mediator, Scalar):
        modes = 1.0 if mediator.complex_field else 2.0
        if mediator.is_yukawa(nature):
            lagrangian = "L = -phi sum_ab lambda_ab N_a nu_b + h.c."
            modes *= 2.0
        else:
            lagrangian = "L = -(1/2) phi sum_ab lambda_ab nu_a nu_b + h.c."
        field = "complex" if mediator.complex_field else "real"
        return Convention(f"{lagrangian}, {field} phi", _PI, modes / (32 * _PI))
    states = 2.0 if float(mediator.partial_widths(nature)["sterile"]) > 0.0 else 1.0
    lagrangian = "L = Z'_mu sum_ab g_ab nubar_a gamma^mu P_L nu_b"
    return Convention(lagrangian, 2 * _PI, states / (24 * _PI))


def factors(mediator: ZPrime | Scalar, nature: Nature = "majorana") -> tuple[Factors, ...]:
    """Compare a mediator with the other conventions, arguments and errors as `own_convention`.

    Papers that differ by these factors mean different things by the same coupling: match the areas
    of narrow lines, and only where all of a line is seen also its width and peak.

    Returns
    -------
    tuple of Factors

    Examples
    --------
    >>> scalar = Scalar.single_flavor("tau", "10 MeV", 0.01)
    >>> [f"{f.coupling:.1f} {f.width:.0f} {f.peak:.2f}" for f in factors(scalar)]
    ['1.0 4 0.25', '2.0 16 0.06', '1.0 1 1.00', '0.5 1 1.00']
    """
    own = own_convention(mediator, nature)
    others = SCALAR_CONVENTIONS if isinstance(mediator, Scalar) else VECTOR_CONVENTIONS
    found = []
    for other in others:
        ratio = own.area / other.area
        width = ratio * other.width / own.width
        found.append(Factors(other, math.sqrt(ratio), width, other.peak / own.peak))
    return tuple(found)


def line_areas(mediator: ZPrime | Scalar, neutrinos: Neutrinos) -> jax.Array:
    """Integrate sigma_ij of a narrow line over s: 2 pi |g_ij|^2, or pi |lambda_ij|^2.

    Parameters
    ----------
    mediator : ZPrime or Scalar
    neutrinos : Neutrinos

    Returns
    -------
    Array, shape (n_states, n_states), dimensionless; times (hbar c)^2 in cm^2 GeV^2
        For mass eigenstates i and j of the chiralities that the mediator couples to. Traceable.
    """
    area = _PI if isinstance(mediator, Scalar) else 2.0 * _PI
    return area * squared_moduli(mediator.couplings_in_mass_basis(neutrinos))


def peaks(
    mediator: ZPrime | Scalar, neutrinos: Neutrinos, nature: Nature = "majorana"
) -> jax.Array:
    """Cross sections at s = M^2 in cm^2, the area over pi M Gamma; arguments as `line_areas`."""
    square = _PI * mediator.mass * mediator.width(nature)
    return line_areas(mediator, neutrinos) / square * HBAR_C**2


def describe_text(
    mediator: ZPrime | Scalar, neutrinos: Neutrinos, nature: Nature = "majorana"
) -> str:
    """Write a report: Lagrangian, width, peak and area of the line, and other conventions.

    Parameters
    ----------
    mediator : ZPrime or Scalar
    neutrinos : Neutrinos
    nature : "majorana" or "dirac"

    Returns
    -------
    str

    Raises
    ------
    ParameterError
        If the nature is unknown, or a scalar of this kind does not exist for it.

    References
    ----------
    Esteban et al. 2021, arXiv:2107.13568, for nuSIprop.

    Examples
    --------
    >>> scalar = Scalar.single_flavor("tau", mass="10 MeV", coupling=0.01)
    >>> print(describe_text(scalar, Neutrinos()))
    Scalar('single-flavor-tau', mass 10 MeV, coupling 0.01)
    L = -(1/2) phi sum_ab lambda_ab nu_a nu_b + h.c., real phi; Majorana neutrinos
    width 1.98944e-08 GeV = 1.98944e-06 M, lifetime 3.309e-17 s, active share of decays 1
    narrow line: sigma_ij = pi |lambda_ij|^2 delta(s - M^2), definite chiralities
      ij  |lambda_ij|^2     int sigma ds [cm^2 GeV^2]   sigma(M^2) [cm^2]
      11  4.45411e-06       5.44858e-33                 8.71773e-24
      12  5.71289e-06       6.98841e-33                 1.11815e-23
      13  1.09378e-05       1.33798e-32                 2.14078e-23
      22  7.32742e-06       8.96342e-33                 1.43415e-23
      23  1.40289e-05       1.71611e-32                 2.74578e-23
      33  2.68594e-05       3.28563e-32                 5.25701e-23
    other conventions, for the same area: coupling, width and peak over those here
      1         4         0.25      sigma = g^4/(4 pi) s/|D|^2, Gamma = g^2 M/(4 pi)
      2         16        0.0625    sigma = g^4/(16 pi) s/|D|^2, Gamma = g^2 M/(4 pi)
      1         1         1         sigma = g^4/(16 pi) s/|D|^2, Gamma = g^2 M/(16 pi) [nuSIprop]
      0.5       1         1         L = -g phi nu nu + h.c., real phi, Majorana
    """
    own = own_convention(mediator, nature)
    symbol = "lambda" if isinstance(mediator, Scalar) else "g"
    width, mass = float(mediator.width(nature)), float(mediator.mass)
    active = float(mediator.active_branching(nature))
    area = "pi" if isinstance(mediator, Scalar) else "2 pi"
    lines = [
        f"{mediator!r}",
        f"{own.formula}; {nature.capitalize()} neutrinos",
        f"width {width:.6g} GeV = {width / mass:.6g} M, lifetime "
        f"{float(mediator.lifetime(nature)):.4g} s, active share of decays {active:.4g}",
        f"narrow line: sigma_ij = {area} |{symbol}_ij|^2 delta(s - M^2), definite chiralities",
        f"  ij  |{symbol}_ij|^2".ljust(24) + "int sigma ds [cm^2 GeV^2]   sigma(M^2) [cm^2]",
    ]
    couplings = np.asarray(squared_moduli(mediator.couplings_in_mass_basis(neutrinos)))
    areas = np.asarray(line_areas(mediator, neutrinos)) * HBAR_C**2
    highest = np.asarray(peaks(mediator, neutrinos, nature))
    for i, j in zip(*np.triu_indices(neutrinos.n_states), strict=True):
        row = f"  {i + 1}{j + 1}  {couplings[i, j]:<12.6g}".ljust(24)
        lines.append(row + f"{areas[i, j]:<28.6g}{highest[i, j]:.6g}")
    lines.append("other conventions, for the same area: coupling, width and peak over those here")
    for other in factors(mediator, nature):
        numbers = f"  {other.coupling:<10.4g}{other.width:<10.4g}{other.peak:<10.4g}"
        lines.append(numbers + other.convention.formula)
    return "\n".join(lines)
