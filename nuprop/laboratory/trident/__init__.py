"""Neutrino tridents: a pair of charged leptons from a neutrino in the field of a nucleus."""

from nuprop.laboratory.trident.form_factors import FORM_FACTORS
from nuprop.laboratory.trident.limits import TRIDENT_BOUNDS, TridentBound
from nuprop.laboratory.trident.phase_space import Nodes
from nuprop.laboratory.trident.photon import photon_asymptote, photon_components
from nuprop.laboratory.trident.targets import TARGETS, Nucleus, Target
from nuprop.laboratory.trident.transfers import Components, Transfers
from nuprop.laboratory.trident.tridents import Tridents, flux_average, standard_couplings

__all__ = [
    "FORM_FACTORS",
    "TARGETS",
    "TRIDENT_BOUNDS",
    "Components",
    "Nodes",
    "Nucleus",
    "Target",
    "Transfers",
    "TridentBound",
    "Tridents",
    "flux_average",
    "photon_asymptote",
    "photon_components",
    "standard_couplings",
]
