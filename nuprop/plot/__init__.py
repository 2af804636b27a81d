"""Plots: fluxes, counts, profile likelihoods, samples of a posterior."""

from nuprop.plot.counts import plot_counts as plot_counts
from nuprop.plot.flux import plot_flux as plot_flux

__all__ = ["plot_counts", "plot_flux"]
