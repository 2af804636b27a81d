"""What emits the neutrinos: how many sources at each redshift, with which spectrum and flavors.

A source joins an evolution W(z) and a spectrum Q(E). Either may be a registered name, an object,
a table, or a function written with jax.numpy::

    import nuprop

    nuprop.Source(evolution="yuksel-2008", spectrum=nuprop.PowerLaw(2.3, cutoff="10 PeV"))
    nuprop.Source(evolution=lambda z: (1 + z) ** 3)
    nuprop.Source(evolution=([0.0, 1.0, 4.0], [1.0, 10.0, 7.0]))

An evolution with parameters is chosen by `evolution`, or as a dictionary, which is also how a run
file says it (``evolution = {name = "blazar-ajello-2015", luminosity = "1e47 erg / s"}``)::

    nuprop.Source(evolution=nuprop.sources.evolution("power", index=2.0))
    nuprop.Source(evolution={"name": "burst", "z_s": 3.0})

`supernova_background` is the diffuse MeV flux of core-collapse supernovae, `Source.of_events` that
of any explosions of known rate and energy; `PointSource.at_distance` and `known_source` make single
sources.

`available` lists every name; `register` adds one. Packages add theirs by an entry point, see
`nuprop.registry`.
"""

from nuprop.evolutions import Burst as Burst
from nuprop.evolutions import CustomEvolution as CustomEvolution
from nuprop.evolutions import Evolution as Evolution
from nuprop.evolutions import TableEvolution as TableEvolution
from nuprop.registry import Entry as Entry
from nuprop.registry import available as available
from nuprop.registry import evolution as evolution
from nuprop.registry import refresh as refresh
from nuprop.registry import register as register
from nuprop.registry import spectrum as spectrum
from nuprop.sources.diffuse import Source as Source
from nuprop.sources.emitter import ANTINEUTRINO_FRACTIONS as ANTINEUTRINO_FRACTIONS
from nuprop.sources.emitter import FLAVORS as FLAVORS
from nuprop.sources.known import KNOWN_SOURCES as KNOWN_SOURCES
from nuprop.sources.known import known_source as known_source
from nuprop.sources.point import PointSource as PointSource
from nuprop.sources.reading import as_evolution as as_evolution
from nuprop.sources.reading import as_spectrum as as_spectrum
from nuprop.sources.supernova import supernova_background as supernova_background
from nuprop.spectra import CustomSpectrum as CustomSpectrum
from nuprop.spectra import Spectrum as Spectrum

__all__ = [
    "ANTINEUTRINO_FRACTIONS",
    "FLAVORS",
    "KNOWN_SOURCES",
    "Burst",
    "CustomEvolution",
    "CustomSpectrum",
    "Entry",
    "Evolution",
    "PointSource",
    "Source",
    "Spectrum",
    "TableEvolution",
    "as_evolution",
    "as_spectrum",
    "available",
    "evolution",
    "known_source",
    "refresh",
    "register",
    "spectrum",
    "supernova_background",
]
