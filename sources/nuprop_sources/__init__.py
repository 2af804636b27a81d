"""The built-in sources of nuprop: redshift evolutions of the literature, and kinds of spectra.

`SOURCES` is what the entry point ``nuprop.sources`` offers; users reach it as
``nuprop.sources.available()``. Each law is a few lines of ``catalogue/*.toml``.
"""

from nuprop_sources.catalogue import SOURCES as SOURCES

__all__ = ["SOURCES"]
