"""e+e- -> gamma + missing energy: a photon against neutrinos, by W, Z and Z'.

Beams without mass or crossing angle, one photon, tree level. Neglected: further radiation from the
beams, e+e- -> gamma gamma (gamma) and radiative Bhabha scattering with lost particles, and what the
machine makes; these dominate the background of a search like that of BaBar.
"""

from nuprop.laboratory.single_photon.collider import COLLIDERS, Collider
from nuprop.laboratory.single_photon.counts import (
    LIGHT_WINDOW,
    background_events,
    coupling_reach,
    mixing_reach,
    required_signal,
    signal_events,
)
from nuprop.laboratory.single_photon.line import line_cross_section, line_spectrum
from nuprop.laboratory.single_photon.projections import (
    CONSTRAINTS,
    InvisibleAnchor,
    SinglePhotonProjection,
)
from nuprop.laboratory.single_photon.resolution import Resolution, belle_calorimeter
from nuprop.laboratory.single_photon.smearing import smeared_spectrum
from nuprop.laboratory.single_photon.spectra import (
    cross_section,
    differential_cross_section,
    spectrum,
)

__all__ = [
    "COLLIDERS",
    "CONSTRAINTS",
    "LIGHT_WINDOW",
    "Collider",
    "InvisibleAnchor",
    "Resolution",
    "SinglePhotonProjection",
    "background_events",
    "belle_calorimeter",
    "coupling_reach",
    "cross_section",
    "differential_cross_section",
    "line_cross_section",
    "line_spectrum",
    "mixing_reach",
    "required_signal",
    "signal_events",
    "smeared_spectrum",
    "spectrum",
]
