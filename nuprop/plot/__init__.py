"""Plots: fluxes, data sets, counts, profile likelihoods, samples of a posterior."""

from nuprop.plot.corner import plot_corner as plot_corner
from nuprop.plot.counts import plot_counts as plot_counts
from nuprop.plot.dataset import plot_dataset as plot_dataset
from nuprop.plot.exclusions import plot_exclusions as plot_exclusions
from nuprop.plot.flux import plot_flux as plot_flux
from nuprop.plot.profile import plot_profile as plot_profile

__all__ = [
    "plot_corner",
    "plot_counts",
    "plot_dataset",
    "plot_exclusions",
    "plot_flux",
    "plot_profile",
]
