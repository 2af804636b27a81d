"""Inference: parameters, best fits, profile likelihoods, scans."""

from nuprop.inference.analysis import Analysis as Analysis
from nuprop.inference.fit import FitResult as FitResult
from nuprop.inference.fit import FlatDirection as FlatDirection
from nuprop.inference.fit import fit as fit
from nuprop.inference.parameter import Parameter as Parameter
from nuprop.inference.profile import Profile as Profile
from nuprop.inference.profiling import profile as profile
from nuprop.inference.scan import scan as scan
from nuprop.inference.status import FitStatus as FitStatus

__all__ = [
    "Analysis",
    "FitResult",
    "FitStatus",
    "FlatDirection",
    "Parameter",
    "Profile",
    "fit",
    "profile",
    "scan",
]
