"""Mediators of the force between neutrinos: couplings, widths, decays, resonance energies."""

from nuprop.mediators.resonance import resonance_energies as resonance_energies
from nuprop.mediators.zprime import ZPrime as ZPrime

__all__ = ["ZPrime", "resonance_energies"]
