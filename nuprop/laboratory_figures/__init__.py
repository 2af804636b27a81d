"""The figures of `nuprop lab`: they compute what `nuprop.plot` draws, and write the files."""

from nuprop.laboratory_figures.gap import draw_gap
from nuprop.laboratory_figures.photons import draw_photons
from nuprop.laboratory_figures.planes import (
    MASS_BOUNDS,
    MIXING_BOUNDS,
    MOMENTS,
    draw_mass_plane,
    draw_mixing_plane,
)
from nuprop.laboratory_figures.tridents import draw_tridents

__all__ = [
    "MASS_BOUNDS",
    "MIXING_BOUNDS",
    "MOMENTS",
    "draw_gap",
    "draw_mass_plane",
    "draw_mixing_plane",
    "draw_photons",
    "draw_tridents",
]
