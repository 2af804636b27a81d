"""An analysis: physics, measurements, and the parameters between them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import jax.numpy as jnp
import numpy as np

from nuprop.cosmology import expansion
from nuprop.errors import ParameterError, PhysicsWarning, nearest
from nuprop.icecube.overlap import require_disjoint
from nuprop.icecube.protocol import Likelihood
from nuprop.inference.objective import Layout, Objective
from nuprop.inference.parameter import Parameter
from nuprop.inference.physics import UNCOUPLED, Physics, replaced
from nuprop.inference.solver import (
    cell_width,
    chosen_solver,
    continuum,
    helicities_of,
    largest_continuum,
)
from nuprop.inference.targets import (
    as_parameters,
    require_targets,
    slot_of,
    started,
    with_nuisances,
)
from nuprop.mediators import Mediator, Scalar, ZPrime
from nuprop.neutrinos import Neutrinos
from nuprop.precision import require_float64
from nuprop.relics import Relics
from nuprop.sources import PointSource, Source
from nuprop.transport import LatticeShape
from nuprop.transport.propagate import warn_of_massless_relics_at_rest
from nuprop.transport.spectrum import Method, pieces_of

if TYPE_CHECKING:
    from astropy.cosmology import FLRW

    from nuprop.cosmology import Expansion


#: Optical depths of what fits leave out: worth a warning where they start, and anywhere.
_NOTICEABLE, _DOMINANT = 0.01, 1.0
_LEFT_OUT = "scattering away from the resonance"


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Analysis:
    """A comparison of one model with measurements: what `fit`, `profile` and `scan` take.

    Parameters
    ----------
    data : Likelihood or sequence of them
        Such as ``nuprop.icecube.sample("hese-7.5yr")``. Data sets that share events are refused.
    source, mediator, neutrinos, relics, cosmology :
        As in `nuprop.propagate`, with a single mediator. Every number in them is fixed unless a
        parameter sets it. No mediator means no interaction.
    parameters : sequence of Parameter
        What varies. Nuisances of the measurements come on top by themselves, with their priors;
        a Parameter with the target "detector.NAME" takes the place of one.
    ties : mapping from path to callable, optional
        Numbers that follow from parameters: a function of a dictionary of all values by name.
    method : "auto", "sweep" or "march"
        As in `nuprop.propagate`; one method, and one lattice, for all values between the bounds.
        Both follow the narrow resonance alone: fits have no "cascade".
    resolution : float
        Factor on the cells and steps of a march.

    Attributes
    ----------
    data : tuple of Likelihood
    parameters : tuple of Parameter, nuisances included
    physics : Physics

    Raises
    ------
    ParameterError
        If a target is unknown, two parameters have one name, or nothing can be varied.
    DatasetError
        If two data sets share events.

    Warns
    -----
    PhysicsWarning
        If relics are at rest and one of them is massless: it does not absorb. If scattering away
        from the resonance, which fits leave out, would have an optical depth above 0.01 for the
        values given, or above 1 somewhere between the bounds.

    Examples
    --------
    >>> import nuprop
    >>> analysis = Analysis(
    ...     nuprop.icecube.sample("hese-7.5yr"),
    ...     nuprop.Source("yuksel-2008"),
    ...     nuprop.ZPrime.lmu_ltau("11 MeV", 5e-4),
    ...     nuprop.Neutrinos("0.08 eV"),
    ...     nuprop.Relics(thermal=False),
    ...     parameters=[nuprop.Parameter("source.spectrum.index", (1.5, 4.0))],
    ... )
    >>> [parameter.name for parameter in analysis.parameters]
    ['index', 'conv', 'muon', 'dom', 'ice']
    """

    data: tuple[Likelihood, ...]
    parameters: tuple[Parameter, ...]
    physics: Physics
    ties: tuple[tuple[str, Callable[..., Any]], ...]
    method: Method
    method_reason: str
    resolution: float
    lattice: LatticeShape | None
    relics: Relics

    def __init__(
        self,
        data: Likelihood | Sequence[Likelihood],
        source: Source | None = None,
        mediator: Mediator | None = None,
        neutrinos: Neutrinos | None = None,
        relics: Relics | None = None,
        cosmology: FLRW | Expansion | str | None = None,
        *,
        parameters: Sequence[Parameter] = (),
        ties: Mapping[str, Callable[..., Any]] | None = None,
        method: Literal["auto", "sweep", "march"] = "auto",
        resolution: float = 1.0,
    ) -> None:
        require_float64()
        measurements = _measurements(data)
        source = Source() if source is None else source
        free = mediator is None
        mediator = ZPrime.lmu_ltau(mass="10 MeV", coupling=1e-3) if mediator is None else mediator
        neutrinos = Neutrinos() if neutrinos is None else neutrinos
        relics = Relics() if relics is None else relics
        _require_types(source, mediator, neutrinos, relics)
        history = expansion(cosmology)
        physics = Physics(source, mediator, neutrinos, relics.state, history)
        if free:
            physics = replaced(physics, UNCOUPLED)
        else:
            warn_of_massless_relics_at_rest(neutrinos.masses, relics.state, stacklevel=3)
        every = with_nuisances(as_parameters(parameters), measurements)
        ties = dict(ties or {})
        require_targets(every, ties, physics)
        set_here = {
            "data": measurements,
            "parameters": tuple(started(parameter, physics) for parameter in every),
            "physics": physics,
            "ties": tuple(ties.items()),
            "resolution": float(resolution),
            "relics": relics,
        }
        for key, value in set_here.items():
            object.__setattr__(self, key, value)
        chosen = chosen_solver(self, method)
        for key, value in zip(("method", "method_reason", "lattice"), chosen, strict=True):
            object.__setattr__(self, key, value)
        if not free:
            _warn_of_continuum(self)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters that vary."""
        return tuple(p.name for p in self.parameters if not p.fixed)

    def parameter(self, name: str) -> Parameter:
        """Find a parameter by name.

        Raises
        ------
        ParameterError
            With the nearest names.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = [parameter.name for parameter in self.parameters]
        raise ParameterError(f"parameter {name!r}: there is none; {nearest(str(name), known)}")

    def fixed(self, **values: Any) -> Analysis:
        """Hold parameters at values, by name.

        Examples
        --------
        ``analysis.fixed(dom=0.99, coupling=0.0)``; a coupling of 0 needs bounds that reach it, or
        see `without_interaction`.
        """
        for name, value in values.items():
            self = self._with(self.parameter(name).fixed_at(value))
        return self

    def freed(self, *names: str) -> Analysis:
        """Let parameters vary, by name."""
        for name in names:
            self = self._with(self.parameter(name).freed())
        return self

    def without_interaction(self) -> Analysis:
        """Switch the force off: the null hypothesis, in which the mediator has no parameters."""
        physics = replaced(self.physics, UNCOUPLED)
        kept = tuple(
            p for p in self.parameters if p.target is None or not p.target.startswith("mediator.")
        )
        ties = tuple(tie for tie in self.ties if not tie[0].startswith("mediator."))
        return self._changed(physics=physics, parameters=kept, ties=ties)

    def with_data(self, data: Likelihood | Sequence[Likelihood]) -> Analysis:
        """Compare with other data of the same measurements, such as toys."""
        return self._changed(data=_measurements(data))

    def objective(self) -> Objective:
        """Everything as one pytree, for the pure functions of `nuprop.inference.objective`."""
        slots = tuple(
            slot_of(parameter, self.data, bool(self.ties)) for parameter in self.parameters
        )
        free = tuple(i for i, parameter in enumerate(self.parameters) if not parameter.fixed)
        grids = [np.asarray(item.energy_edges) for item in self.data]
        layout = Layout(
            slots=slots,
            free=free,
            ties=self.ties,
            method=self.method,
            helicities=helicities_of(self),
            lattice=self.lattice,
            pieces=tuple(pieces_of(grid, self.method, cell_width(self)) for grid in grids),
        )
        columns = {
            "values": [parameter.start for parameter in self.parameters],
            "low": [parameter.low for parameter in self.parameters],
            "high": [parameter.high for parameter in self.parameters],
            "mean": [0.0 if p.mean is None else p.mean for p in self.parameters],
            "sigma": [np.inf if p.sigma is None else p.sigma for p in self.parameters],
        }
        arrays = {key: jnp.asarray(column, dtype=float) for key, column in columns.items()}
        return Objective(self.physics, self.data, **arrays, layout=layout)

    def _with(self, parameter: Parameter) -> Analysis:
        every = tuple(parameter if p.name == parameter.name else p for p in self.parameters)
        return self._changed(parameters=every)

    def _changed(self, **fields: Any) -> Analysis:
        changed = object.__new__(Analysis)
        for key, value in {**self.__dict__, **fields}.items():
            object.__setattr__(changed, key, value)
        return changed

    def __repr__(self) -> str:
        lines = [f"Analysis of {', '.join(item.name for item in self.data)}"]
        lines += [f"  {parameter!r}" for parameter in self.parameters]
        lines += [f"  {path} tied" for path, _ in self.ties]
        lines.append(f"  by {self.method}: {self.method_reason}")
        if (depth := largest_continuum(self)) > _NOTICEABLE:
            lines.append(f"  without {_LEFT_OUT}: optical depths up to about {depth:.1g}")
        return "\n".join(lines)


def _measurements(data: Any) -> tuple[Likelihood, ...]:
    items = tuple(data) if isinstance(data, list | tuple) else (data,)
    if not items:
        raise ParameterError("data: at least one measurement is needed")
    for item in items:
        if not hasattr(item, "predict") or not hasattr(item, "samples"):
            raise ParameterError(
                f"data = {item!r}: a measurement is needed, such as nuprop.icecube.sample(...)"
            )
    require_disjoint([name for item in items for name in item.samples])
    return items


def _require_types(source: Any, mediator: Any, neutrinos: Any, relics: Any) -> None:
    if isinstance(source, PointSource):
        raise ParameterError(
            "source is a PointSource: these measurements are of a flux from the whole sky"
        )
    if isinstance(mediator, list | tuple):
        raise ParameterError(
            f"mediator = {mediator!r}: fits follow the resonance of a single mediator; "
            "nuprop.propagate takes several"
        )
    wanted: dict[str, tuple[Any, tuple[type, ...]]] = {
        "source": (source, (Source,)),
        "mediator": (mediator, (ZPrime, Scalar)),
        "neutrinos": (neutrinos, (Neutrinos,)),
        "relics": (relics, (Relics,)),
    }
    for name, (value, kinds) in wanted.items():
        if not isinstance(value, kinds):
            names = " or ".join(f"nuprop.{kind.__name__}" for kind in kinds)
            raise ParameterError(f"{name} = {value!r}: a {names} is needed")


def _warn_of_continuum(analysis: Analysis) -> None:
    """Warn where the resonance alone is not enough."""
    given, largest = continuum(analysis.physics), largest_continuum(analysis)
    if given > _NOTICEABLE:
        where = f"would have an optical depth of about {given:.2g} for the mediator given"
    elif largest > _DOMINANT:
        where = f"would have optical depths up to about {largest:.2g} between the bounds"
    else:
        return
    warnings.warn(
        f"{_LEFT_OUT} is left out of fits, but {where}; nuprop.propagate has it",
        PhysicsWarning,
        stacklevel=4,
    )
