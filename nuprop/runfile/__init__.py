"""Run files: a calculation written down in TOML.

Every section becomes a call: its keys are the parameters of the class or function that it names,
checked against that signature, so that a run file and the library cannot drift apart.
"""

from nuprop.runfile.document import examples as examples
from nuprop.runfile.fit import FitRun as FitRun
from nuprop.runfile.fit import parse_fit as parse_fit
from nuprop.runfile.fit import read_fit as read_fit
from nuprop.runfile.flux import Run as Run
from nuprop.runfile.flux import parse as parse
from nuprop.runfile.flux import read as read

__all__ = ["FitRun", "Run", "examples", "parse", "parse_fit", "read", "read_fit"]
