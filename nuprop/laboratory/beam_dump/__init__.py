"""Beam dumps: bosons made in a thick target that decay behind its shield.

Electron dumps by their event yields; any dump, of protons too, by recasting what it says of a dark
photon. `DUMPS` holds the bounds that are ready, by name.
"""

from nuprop.laboratory.beam_dump.atom import form_factor, photon_flux
from nuprop.laboratory.beam_dump.bremsstrahlung import differential_cross_section
from nuprop.laboratory.beam_dump.curve import ANCHORS, CLOSING_MASSES, DarkPhotonCurve
from nuprop.laboratory.beam_dump.dump import ElectronDump
from nuprop.laboratory.beam_dump.experiments import DUMPS, ELECTRON_DUMPS, PROTON_DUMPS
from nuprop.laboratory.beam_dump.interval import edges
from nuprop.laboratory.beam_dump.material import ALUMINIUM, TUNGSTEN, Material
from nuprop.laboratory.beam_dump.recast import RecastDump, proper_time
from nuprop.laboratory.beam_dump.spectrum import Spectrum, boson_spectrum
from nuprop.laboratory.beam_dump.straggling import electron_spectrum, track_length

__all__ = [
    "ALUMINIUM",
    "ANCHORS",
    "CLOSING_MASSES",
    "DUMPS",
    "ELECTRON_DUMPS",
    "PROTON_DUMPS",
    "TUNGSTEN",
    "DarkPhotonCurve",
    "ElectronDump",
    "Material",
    "RecastDump",
    "Spectrum",
    "boson_spectrum",
    "differential_cross_section",
    "edges",
    "electron_spectrum",
    "form_factor",
    "photon_flux",
    "proper_time",
    "track_length",
]
