"""The transport: `propagate` for users, and the pure functions below it.

`spectrum` and `cell_averages` take physics objects and arrays in code units (GeV, cm, s) and may be
compiled, vectorized over any leaf and differentiated, forward and in reverse.
"""

from nuprop.transport.cascade import CascadeResult, cascade
from nuprop.transport.coverage import LatticeShape, lattice_shape
from nuprop.transport.depth import optical_depths
from nuprop.transport.edges import summed_depths
from nuprop.transport.interactions import (
    CascadeShape,
    cascade_shape,
    interactions_of,
    lines_of,
)
from nuprop.transport.lattice import Lattice
from nuprop.transport.march import MarchResult, march
from nuprop.transport.problem import Emission, Lines
from nuprop.transport.propagate import optical_depth, propagate
from nuprop.transport.spectrum import (
    cell_averages,
    emission_of,
    solve,
    spectrum,
)
from nuprop.transport.sweep import SweepResult, sweep

__all__ = [
    "CascadeResult",
    "CascadeShape",
    "Emission",
    "Lattice",
    "LatticeShape",
    "Lines",
    "MarchResult",
    "SweepResult",
    "cascade",
    "cascade_shape",
    "cell_averages",
    "emission_of",
    "interactions_of",
    "lattice_shape",
    "lines_of",
    "march",
    "optical_depth",
    "optical_depths",
    "propagate",
    "solve",
    "spectrum",
    "summed_depths",
    "sweep",
]
