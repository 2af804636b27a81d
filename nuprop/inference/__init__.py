"""Inference: parameters, best fits, profile likelihoods, scans."""

from nuprop.inference.analysis import Analysis as Analysis
from nuprop.inference.calibration import Calibration as Calibration
from nuprop.inference.calibration import calibrate as calibrate
from nuprop.inference.density import LogDensity as LogDensity
from nuprop.inference.density import log_density as log_density
from nuprop.inference.discovery import Significance as Significance
from nuprop.inference.discovery import significance as significance
from nuprop.inference.fit import fit as fit
from nuprop.inference.parameter import Parameter as Parameter
from nuprop.inference.posterior import Posterior as Posterior
from nuprop.inference.posterior import sample_posterior as sample_posterior
from nuprop.inference.profile import Profile as Profile
from nuprop.inference.profiling import profile as profile
from nuprop.inference.result import FitResult as FitResult
from nuprop.inference.result import FlatDirection as FlatDirection
from nuprop.inference.scan import scan as scan
from nuprop.inference.status import FitStatus as FitStatus
from nuprop.inference.toys import GoodnessOfFit as GoodnessOfFit
from nuprop.inference.toys import asimov as asimov
from nuprop.inference.toys import goodness_of_fit as goodness_of_fit

__all__ = [
    "Analysis",
    "Calibration",
    "FitResult",
    "FitStatus",
    "FlatDirection",
    "GoodnessOfFit",
    "LogDensity",
    "Parameter",
    "Posterior",
    "Profile",
    "Significance",
    "asimov",
    "calibrate",
    "fit",
    "goodness_of_fit",
    "log_density",
    "profile",
    "sample_posterior",
    "scan",
    "significance",
]
