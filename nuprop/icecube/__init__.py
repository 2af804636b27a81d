"""IceCube: data sets, the folding of a flux into counts, published points and limits."""

from nuprop.icecube.counts import ExpectedCounts as ExpectedCounts
from nuprop.icecube.datasets import Dataset as Dataset
from nuprop.icecube.datasets import dataset as dataset
from nuprop.icecube.datasets import datasets as datasets
from nuprop.icecube.events import EventTable as EventTable
from nuprop.icecube.events import available_events as available_events
from nuprop.icecube.events import events as events
from nuprop.icecube.fits import PublishedFit as PublishedFit
from nuprop.icecube.fits import available_fits as available_fits
from nuprop.icecube.fits import published_fit as published_fit
from nuprop.icecube.fluence import fluence as fluence
from nuprop.icecube.overlap import overlapping as overlapping
from nuprop.icecube.overlap import require_disjoint as require_disjoint
from nuprop.icecube.points import UnfoldedSpectrum as UnfoldedSpectrum
from nuprop.icecube.points import unfolded as unfolded
from nuprop.icecube.protocol import Likelihood as Likelihood
from nuprop.icecube.protocol import Nuisance as Nuisance
from nuprop.icecube.response import Response as Response
from nuprop.icecube.sample import Sample as Sample
from nuprop.icecube.sample import available as available_samples
from nuprop.icecube.sample import sample as sample
from nuprop.icecube.unfolded_likelihood import UnfoldedLikelihood as UnfoldedLikelihood

__all__ = [
    "Dataset",
    "EventTable",
    "ExpectedCounts",
    "Likelihood",
    "Nuisance",
    "PublishedFit",
    "Response",
    "Sample",
    "UnfoldedLikelihood",
    "UnfoldedSpectrum",
    "available_events",
    "available_fits",
    "available_samples",
    "dataset",
    "datasets",
    "events",
    "fluence",
    "overlapping",
    "published_fit",
    "require_disjoint",
    "sample",
    "unfolded",
]
