"""What IceCube says of the L_mu - L_tau boson: best fits and limits for many cases, by one command.

HESE of 3, 7.5 and 12 years; sources that follow star formation or gamma-ray bursts; both mass
orderings; three masses of the lightest neutrino.
"""

from nuprop.survey.cases import Case as Case
from nuprop.survey.cases import Survey as Survey
from nuprop.survey.files import save as save
from nuprop.survey.run import survey as survey

__all__ = ["Case", "Survey", "save", "survey"]
