"""Mediators of the force between neutrinos: couplings, widths, decays, resonance energies."""

from nuprop.mediators.conventions import describe_text as describe_text
from nuprop.mediators.line import Mediator as Mediator
from nuprop.mediators.resonance import resonance_energies as resonance_energies
from nuprop.mediators.scalar import Scalar as Scalar
from nuprop.mediators.zprime import ZPrime as ZPrime

__all__ = ["Mediator", "Scalar", "ZPrime", "describe_text", "resonance_energies"]
