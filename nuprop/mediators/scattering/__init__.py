"""Scattering on relic neutrinos by exchange of a mediator, in every channel."""

from nuprop.mediators.scattering.channels import Scattering as Scattering
from nuprop.mediators.scattering.channels import Term as Term
from nuprop.mediators.scattering.final_states import FinalStates as FinalStates
from nuprop.mediators.scattering.vector import VectorBoson as VectorBoson
from nuprop.mediators.scattering.vector import interfering_vectors as interfering_vectors
from nuprop.mediators.scattering.vector import two_vectors as two_vectors
from nuprop.mediators.scattering.vector import vector_final_states as vector_final_states
from nuprop.mediators.scattering.vector import vector_scattering as vector_scattering

__all__ = [
    "FinalStates",
    "Scattering",
    "Term",
    "VectorBoson",
    "interfering_vectors",
    "two_vectors",
    "vector_final_states",
    "vector_scattering",
]
