"""The narrow s-channel resonance of any mediator, in the terms that the transport needs."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.scalar import Scalar
from nuprop.mediators.zprime import Nature, ZPrime
from nuprop.neutrinos import Neutrinos

Mediator = ZPrime | Scalar

#: Energy sharing [out, in] of nu and nubar as coefficients of 1, x, x^2; summed over `out` they are
#: K(x), with two secondaries and all of the energy. A vector keeps lepton number with 3 x^2 and
#: makes the opposite with 3 (1 - x)^2 (Ng & Beacom 2014, arXiv:1404.2288).
VECTOR_SHARING = (
    ((0.0, 0.0, 3.0), (3.0, -6.0, 3.0)),
    ((3.0, -6.0, 3.0), (0.0, 0.0, 3.0)),
)
#: A scalar shares evenly. A real field forgets whether a nu or a nubar made it, a complex one does
#: not: every active secondary is then of the beam's kind.
_FORGOTTEN = (((1.0, 0.0, 0.0), (1.0, 0.0, 0.0)), ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0)))
_KEPT = (((2.0, 0.0, 0.0), (0.0, 0.0, 0.0)), ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0)))


@dataclass(frozen=True)
class Line:
    """sigma_ij = 2 pi strength_ij delta(s - M^2) and what comes of it.

    Attributes
    ----------
    strength : (n, n), |g_ij|^2 of a vector, |lambda_ij|^2 / 2 of a scalar: beam i, target j.
    yields : (n,), half the active secondaries in each state.
    sharing : (2, 2, 3), [out, in, power of x].
    flipped : bool, whether a Dirac target has the chirality opposite to its helicity.
    same_species : bool
        Whether a nu resonates on relic nu, of helicity -, as it does when a scalar couples
        nu nu; with a vector or a Yukawa coupling it does on those of helicity +.
    """

    strength: jax.Array
    yields: jax.Array
    sharing: jax.Array
    flipped: bool
    same_species: bool


def line_of(mediator: Mediator, neutrinos: Neutrinos, nature: Nature) -> Line:
    """Describe the resonance of a mediator on relics of all mass eigenstates.

    Parameters
    ----------
    mediator : ZPrime or Scalar
    neutrinos : Neutrinos
    nature : "majorana" or "dirac"

    Raises
    ------
    ParameterError
        If a scalar of this kind does not exist for neutrinos of this nature, or the mediator
        couples to a sterile state that there is not.
    """
    squared = squared_moduli(mediator.couplings_in_mass_basis(neutrinos))
    yields = mediator.secondary_yields(neutrinos, nature)
    if isinstance(mediator, ZPrime):
        return Line(squared, yields, jnp.array(VECTOR_SHARING), flipped=False, same_species=False)
    sharing = jnp.array(_KEPT if mediator.complex_field else _FORGOTTEN)
    yukawa = mediator.is_yukawa(nature)
    return Line(0.5 * squared, yields, sharing, flipped=yukawa, same_species=not yukawa)
