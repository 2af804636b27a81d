"""HESE of 7.5 years from IceCube's simulated events, which a user downloads.

The package does not ship them: 819 370 events from
https://github.com/icecube/HESE-7-year-data-release (with Git LFS) or doi:10.21234/4EQJ-BB17. All of
this is written against the description of the release, and tested on events and splines that were
made up in the same format; it was not run on the released ones.
"""

from nuprop.icecube.montecarlo.bins import Binning as Binning
from nuprop.icecube.montecarlo.effective import (
    effective_log_likelihood as effective_log_likelihood,
)
from nuprop.icecube.montecarlo.files import CHECKSUMS as CHECKSUMS
from nuprop.icecube.montecarlo.files import MonteCarlo as MonteCarlo
from nuprop.icecube.montecarlo.files import Observables as Observables
from nuprop.icecube.montecarlo.files import read_events as read_events
from nuprop.icecube.montecarlo.files import read_monte_carlo as read_monte_carlo
from nuprop.icecube.montecarlo.likelihood import MonteCarloLikelihood as MonteCarloLikelihood
from nuprop.icecube.montecarlo.likelihood import monte_carlo_likelihood as monte_carlo_likelihood
from nuprop.icecube.montecarlo.regenerate import RegeneratedTables as RegeneratedTables
from nuprop.icecube.montecarlo.regenerate import response_tables as response_tables
from nuprop.icecube.montecarlo.splines import read_splines as read_splines

__all__ = [
    "CHECKSUMS",
    "Binning",
    "MonteCarlo",
    "MonteCarloLikelihood",
    "Observables",
    "RegeneratedTables",
    "effective_log_likelihood",
    "monte_carlo_likelihood",
    "read_events",
    "read_monte_carlo",
    "read_splines",
    "response_tables",
]
