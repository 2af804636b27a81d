"""IceCube: published flux points and limits."""

from nuprop.icecube.points import UnfoldedSpectrum as UnfoldedSpectrum
from nuprop.icecube.points import unfolded as unfolded

__all__ = ["UnfoldedSpectrum", "unfolded"]
