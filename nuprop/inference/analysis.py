"""An analysis: physics, measurements, and the parameters between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import jax.numpy as jnp
import numpy as np

from nuprop.cosmology import expansion
from nuprop.errors import ParameterError, nearest
from nuprop.icecube.overlap import require_disjoint
from nuprop.icecube.protocol import Likelihood
from nuprop.inference.objective import Layout, Objective, Role, Slot
from nuprop.inference.parameter import DETECTOR, Parameter
from nuprop.inference.physics import UNCOUPLED, Physics, numbers, replaced, require_number
from nuprop.mediators import ZPrime
from nuprop.neutrinos import Neutrinos
from nuprop.precision import require_float64
from nuprop.relics import Relics
from nuprop.sources import PointSource, Source
from nuprop.transport import LatticeShape, lattice_shape, lines_of
from nuprop.transport.coverage import MOST_CELLS, cells_hide_widths
from nuprop.transport.propagate import warn_of_massless_relics_at_rest
from nuprop.transport.spectrum import Helicities, Method, made_in_pairs, pieces_of

if TYPE_CHECKING:
    from astropy.cosmology import FLRW

    from nuprop.cosmology import Expansion

#: A physics parameter changes which lattice is needed if its target begins like this.
_LINES = ("mediator.", "neutrinos.", "relics.", "source.z_max")
_NORMALIZATION = "source.normalization"
#: Parameters that make neutrinos and antineutrinos differ.
_APART = ("source.antineutrino_fraction", "source.flavor", "relics.asymmetry")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Analysis:
    """A comparison of one model with measurements: what `fit`, `profile` and `scan` take.

    Parameters
    ----------
    data : Likelihood or sequence of them
        Such as ``nuprop.icecube.sample("hese-7.5yr")``. Data sets that share events are refused.
    source, mediator, neutrinos, relics, cosmology :
        As in `nuprop.propagate`. Every number in them is fixed unless a parameter sets it. No
        mediator means no interaction.
    parameters : sequence of Parameter
        What varies. Nuisances of the measurements come on top by themselves, with their priors;
        a Parameter with the target "detector.NAME" takes the place of one.
    ties : mapping from path to callable, optional
        Numbers that follow from parameters: a function of a dictionary of all values by name.
    method : "auto", "sweep" or "march"
        As in `nuprop.propagate`; one method, and one lattice, for all values between the bounds.
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
        If relics are at rest and one of them is massless: it does not absorb.

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
        mediator: ZPrime | None = None,
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
        every = _with_nuisances(_parameters(parameters), measurements)
        ties = dict(ties or {})
        _require_targets(every, ties, physics)
        set_here = {
            "data": measurements,
            "parameters": tuple(_started(parameter, physics) for parameter in every),
            "physics": physics,
            "ties": tuple(ties.items()),
            "resolution": float(resolution),
            "relics": relics,
        }
        for key, value in set_here.items():
            object.__setattr__(self, key, value)
        chosen = _transport(self, method)
        for key, value in zip(("method", "method_reason", "lattice"), chosen, strict=True):
            object.__setattr__(self, key, value)

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
        slots = tuple(_slot(parameter, self.data, bool(self.ties)) for parameter in self.parameters)
        free = tuple(i for i, parameter in enumerate(self.parameters) if not parameter.fixed)
        grids = [np.asarray(item.energy_edges) for item in self.data]
        layout = Layout(
            slots=slots,
            free=free,
            ties=self.ties,
            method=self.method,
            helicities=_helicities(self),
            lattice=self.lattice,
            pieces=tuple(pieces_of(grid, self.method, _cell_width(self)) for grid in grids),
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
    wanted = (
        ("source", source, Source),
        ("mediator", mediator, ZPrime),
        ("neutrinos", neutrinos, Neutrinos),
        ("relics", relics, Relics),
    )
    for name, value, kind in wanted:
        if not isinstance(value, kind):
            raise ParameterError(f"{name} = {value!r}: a nuprop.{kind.__name__} is needed")


def _parameters(given: Sequence[Parameter]) -> tuple[Parameter, ...]:
    items = (given,) if isinstance(given, Parameter) else tuple(given)
    for item in items:
        if not isinstance(item, Parameter):
            raise ParameterError(f"parameters: {item!r} is no nuprop.Parameter")
    return items


def _with_nuisances(
    given: tuple[Parameter, ...], data: tuple[Likelihood, ...]
) -> tuple[Parameter, ...]:
    """Add the nuisances that no given parameter stands for; one that two data share is two."""
    names = [nuisance.name for item in data for nuisance in item.nuisances]
    known = {}
    for item in data:
        for nuisance in item.nuisances:
            single = names.count(nuisance.name) == 1
            full = f"{item.name}.{nuisance.name}"
            known[f"{DETECTOR}.{full}"] = (nuisance, nuisance.name if single else full)
    chosen = []
    for parameter in given:
        if parameter.target is not None and parameter.target.startswith(f"{DETECTOR}."):
            hits = _nuisance_targets(parameter.target, tuple(known))
            if not hits:
                short = sorted({name for _, name in known.values()})
                from nuprop.icecube.sample import monte_carlo_hint

                wanted = parameter.target.rpartition(".")[2]
                raise ParameterError(
                    f"target = {parameter.target!r}: no measurement has this nuisance; "
                    f"{nearest(wanted, short) if short else 'they have none'}"
                    f"{monte_carlo_hint(wanted)}"
                )
            for hit in hits:
                del known[hit]
        chosen.append(parameter)
    added = [
        Parameter.of_nuisance(nuisance, name, target) for target, (nuisance, name) in known.items()
    ]
    every = (*chosen, *added)
    for parameter in every:
        if [p.name for p in every].count(parameter.name) > 1:
            raise ParameterError(
                f"parameters: two are called {parameter.name!r}; give one of them another name="
            )
    return every


def _nuisance_targets(target: str, known: tuple[str, ...]) -> list[str]:
    """Full targets "detector.DATA.NAME" that a target of a user means."""
    if target in known:
        return [target]
    wanted = target.removeprefix(f"{DETECTOR}.")
    return [full for full in known if full.rpartition(".")[2] == wanted]


def _require_targets(
    parameters: tuple[Parameter, ...], ties: Mapping[str, Callable[..., Any]], physics: Physics
) -> None:
    targets = [p.target for p in parameters if p.target is not None]
    for target in targets:
        if not target.startswith(f"{DETECTOR}."):
            require_number(physics, target)
        if targets.count(target) > 1 or target in ties:
            raise ParameterError(f"target = {target!r}: set twice")
    for path, function in ties.items():
        if not callable(function):
            raise ParameterError(f"ties[{path!r}] = {function!r}: a function of a dictionary")
        _require_tie(path, function, parameters, physics)


def _require_tie(
    path: str,
    function: Callable[..., Any],
    parameters: tuple[Parameter, ...],
    physics: Physics,
) -> None:
    """Look once at what a tie returns: a number, or an array, like the one that it replaces."""
    known = numbers(physics)
    if path not in known:
        raise ParameterError(f"ties[{path!r}]: no number of this path; {nearest(path, known)}")
    middle = {p.name: jnp.asarray(0.5 * (p.low + p.high)) for p in parameters}
    try:
        value = np.asarray(function(middle), dtype=float)
    except KeyError as error:
        raise ParameterError(
            f"ties[{path!r}]: no parameter is called {error}; {nearest(str(error), middle)}"
        ) from error
    if value.shape != np.shape(known[path]) or not np.all(np.isfinite(value)):
        raise ParameterError(
            f"ties[{path!r}] gives {value}: finite, of shape {np.shape(known[path])}, is needed"
        )


def _started(parameter: Parameter, physics: Physics) -> Parameter:
    """Give a parameter its start: what the physics holds, or the middle of its bounds."""
    if parameter.start is not None:
        return parameter
    middle = 0.5 * (parameter.low + parameter.high)
    if parameter.scale == "log":
        middle = float(np.sqrt(parameter.low * parameter.high))
    target = parameter.target
    if target is not None and parameter.transform is None and not target.startswith(DETECTOR):
        held = float(require_number(physics, target))
        if parameter.low <= held <= parameter.high:
            middle = held
        elif parameter.fixed:
            raise ParameterError(
                f"{parameter.name} = {held:g}: fixed outside its bounds, {parameter.low:g} to "
                f"{parameter.high:g}"
            )
    return parameter._changed(start=middle)


def _slot(parameter: Parameter, data: tuple[Likelihood, ...], tied: bool) -> Slot:
    target = parameter.target or ""
    role: Role = "shape"
    owners: tuple[int, ...] = ()
    if parameter.target is None:
        role = "latent"
    elif target.startswith(f"{DETECTOR}."):
        role = "detector"
        known = tuple(f"{DETECTOR}.{d.name}.{n.name}" for d in data for n in d.nuisances)
        hits = _nuisance_targets(target, known)
        owners = tuple(
            i
            for i, item in enumerate(data)
            if any(f"{DETECTOR}.{item.name}.{n.name}" in hits for n in item.nuisances)
        )
        target = target.rpartition(".")[2]
    elif target == _NORMALIZATION and not tied:
        role = "amplitude"
    return Slot(
        name=parameter.name,
        role=role,
        target=target,
        owners=owners,
        log=parameter.scale == "log",
        transform=parameter.transform,
    )


def _helicities(analysis: Analysis) -> Helicities:
    set_paths = [p.target or "" for p in analysis.parameters] + [path for path, _ in analysis.ties]
    apart = any(path.startswith(_APART) for path in set_paths)
    pairs = made_in_pairs(analysis.physics.source) and analysis.physics.relics.symmetric
    return "summed" if pairs and not apart else "apart"


def _cell_width(analysis: Analysis) -> float:
    if analysis.lattice is None:
        return 1.0
    return float(np.log1p(analysis.physics.source.z_max)) / analysis.lattice.n_steps


def _corners(analysis: Analysis) -> list[Physics]:
    """List the physics at all ends of what moves resonances, and where fits start."""
    moving = [
        p for p in analysis.parameters if p.target is not None and p.target.startswith(_LINES)
    ][:6]
    result = [analysis.physics]
    for ends in product(*[(p.low, p.high) for p in moving]):
        values: dict[str, Any] = {
            str(p.target): end if p.transform is None else p.transform(end)
            for p, end in zip(moving, ends, strict=True)
        }
        result.append(replaced(analysis.physics, values))
    return result


def _transport(analysis: Analysis, method: str) -> tuple[Method, str, LatticeShape | None]:
    """Choose the solver for everything between the bounds."""
    if method not in ("auto", "sweep", "march"):
        raise ParameterError(f"method = {method!r}: {nearest(method, ('auto', 'sweep', 'march'))}")
    if method == "sweep":
        return "sweep", "asked for", None
    if method == "auto" and not analysis.physics.relics.thermal:
        return "sweep", "relics at rest", None
    corners = _corners(analysis)
    every = [lines_of(p.mediator, p.neutrinos, p.relics, p.cosmology) for p in corners]
    reaches = [float(np.log1p(p.source.z_max)) for p in corners]
    if method == "auto" and all(
        cells_hide_widths(lines, u_max, np.asarray(item.energy_edges))
        for lines, u_max in zip(every, reaches, strict=True)
        for item in analysis.data
    ):
        reason = "every line is narrow, and hidden in the cell that holds its edge"
        return "sweep", reason, None
    shape: LatticeShape | None = None
    for lines, u_max in zip(every, reaches, strict=True):
        need = lattice_shape(lines, u_max, analysis.resolution, burst=analysis.physics.source.burst)
        shape = need if shape is None else shape.covering(need)
    assert shape is not None
    if shape.n_cells > MOST_CELLS:
        raise ParameterError(
            f"resolution = {analysis.resolution:g}: between the bounds of the parameters a march "
            f"needs up to {shape.n_cells} cells, more than {MOST_CELLS}; narrow the bounds"
        )
    reason = "asked for" if method == "march" else "relics in thermal motion"
    return "march", reason, shape
