"""A grid of parameters: its axes, the fit that remains at each point, and the points in chunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import FitError, ParameterError
from nuprop.inference.analysis import Analysis
from nuprop.inference.objective import Objective
from nuprop.inference.parameter import Parameter
from nuprop.inference.profile import Profile
from nuprop.inference.profiled import Profiled, profiled_at
from nuprop.units import in_code_units

FloatArray = NDArray[np.float64]

_COUPLING = "mediator.coupling"


@dataclass(frozen=True, eq=False)
class Grid:
    """What is computed at each point of a grid.

    Attributes
    ----------
    analysis : Analysis, with the parameters of the axes held.
    axes : mapping from name to values, rising.
    objective : Objective
    where : numbers of the parameters of the axes.
    nodes : see `nuprop.inference.profiled.profiled`.
    """

    analysis: Analysis
    axes: Mapping[str, FloatArray]
    objective: Objective
    where: tuple[int, ...]
    nodes: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of values along each axis."""
        return tuple(axis.size for axis in self.axes.values())

    def points(self) -> FloatArray:
        """All points, shape (n, n_axes), the last axis fastest."""
        mesh = np.meshgrid(*self.axes.values(), indexing="ij")
        return np.stack([part.ravel() for part in mesh], axis=-1)

    def compute(self, points: FloatArray) -> Profiled:
        """Fit at points, shape (n, n_axes)."""
        batched = jax.default_backend() != "cpu"
        found = profiled_at(self.objective, jnp.asarray(points), self.where, self.nodes, batched)
        return jax.tree.map(np.asarray, found)

    @property
    def of_mediator(self) -> bool:
        """Whether an axis belongs to the mediator."""
        targets = [self.analysis.parameters[i].target or "" for i in self.where]
        return any(target.startswith("mediator.") for target in targets)

    def null_point(self) -> FloatArray | None:
        """Give a point without interaction, shape (n_axes,), if the coupling itself is an axis."""
        parameters = [self.analysis.parameters[i] for i in self.where]
        targets = [parameter.target for parameter in parameters]
        if _COUPLING not in targets or any(parameter.transform for parameter in parameters):
            return None
        point = np.array([axis[0] for axis in self.axes.values()])
        point[targets.index(_COUPLING)] = 0.0
        return point

    def rows(self) -> FloatArray:
        """All points and, as the last row, no interaction, if one program can do both."""
        nothing = self.null_point()
        points = self.points()
        return points if nothing is None else np.concatenate([points, nothing[None]])

    def arranged(self, found: Profiled) -> Profile:
        """Arrange fits of `rows` as labelled arrays, beside no interaction."""
        number = int(np.prod(self.shape))
        points = jax.tree.map(lambda rows: np.asarray(rows)[:number], found)
        if len(found.nll) > number:
            return self.profile(points, float(found.nll[number]))
        return self.profile(points, self._null_of_its_own() if self.of_mediator else None)

    def _null_of_its_own(self) -> float:
        """-ln L without interaction, where the coupling is no axis: another program."""
        objective = self.analysis.without_interaction().objective()
        found = profiled_at(objective, jnp.zeros((1, 0)), (), self.nodes)
        return float(found.nll[0])

    def profile(self, rows: Profiled, null_nll: float | None) -> Profile:
        """Arrange rows, one for each point, as labelled arrays."""
        parameters = self.analysis.parameters
        values = np.asarray(rows.values)
        free = [(i, p) for i, p in enumerate(parameters) if not p.fixed]
        error = np.asarray(rows.error)
        return Profile(
            axes=dict(self.axes),
            units={p.name: p.unit for p in parameters},
            logarithmic=tuple(
                name for name in self.axes if self.analysis.parameter(name).scale == "log"
            ),
            nll=np.asarray(rows.nll).reshape(self.shape),
            values={p.name: values[:, i].reshape(self.shape) for i, p in free},
            converged=np.asarray(rows.converged).reshape(self.shape),
            null_nll=null_nll,
            interpolation_error=float(np.nanmax(error, initial=0.0)),
            about=about(self.analysis),
        )


def grid(analysis: Analysis, axes: str | Mapping[str, Any], points: int, nodes: int) -> Grid:
    """Read axes and hold their parameters.

    Parameters
    ----------
    analysis : Analysis
    axes : name, or mapping from name to a number of values or the values themselves
    points : number of values where none is given.
    nodes : int

    Raises
    ------
    ParameterError
        If a name is unknown, or values are not rising or out of bounds.
    """
    given = {axes: points} if isinstance(axes, str) else dict(axes)
    if not given:
        raise FitError("axes: at least one parameter is needed")
    if isinstance(nodes, bool) or not isinstance(nodes, int) or not (nodes == 0 or nodes >= 2):
        raise ParameterError(f"nodes = {nodes!r}: a whole number of at least 2, or 0 for none")
    values = {name: _axis(analysis.parameter(name), axis) for name, axis in given.items()}
    names = [parameter.name for parameter in analysis.parameters]
    for name, axis in values.items():
        parameter = analysis.parameter(name)
        analysis = analysis._with(parameter._changed(start=float(axis[0]), fixed=True))
    where = tuple(names.index(name) for name in values)
    return Grid(analysis, values, analysis.objective(), where, nodes)


def _axis(parameter: Parameter, axis: Any) -> FloatArray:
    name = parameter.name
    if isinstance(axis, int) and not isinstance(axis, bool):
        if axis < 2:
            raise ParameterError(f"axes[{name!r}] = {axis}: at least 2 values")
        spread = np.geomspace if parameter.scale == "log" else np.linspace
        return spread(parameter.low, parameter.high, axis)
    if isinstance(axis, list | tuple) and axis and isinstance(axis[0], str):
        axis = [in_code_units(item, parameter.kind, name) for item in axis]
    values = np.atleast_1d(np.asarray(in_code_units(axis, parameter.kind, name), dtype=float))
    if values.ndim != 1 or values.size == 0 or not np.all(np.isfinite(values)):
        raise ParameterError(f"axes[{name!r}] = {axis}: one row of finite values, or their number")
    if np.any(np.diff(values) <= 0.0):
        raise ParameterError(f"axes[{name!r}]: values must be strictly rising")
    rounding = 1e-12 * max(abs(parameter.low), abs(parameter.high))
    if values[0] < parameter.low - rounding or values[-1] > parameter.high + rounding:
        raise ParameterError(
            f"axes[{name!r}] reaches from {values[0]:g} to {values[-1]:g}: the bounds of the "
            f"parameter are {parameter.low:g} and {parameter.high:g}"
        )
    return values


def about(analysis: Analysis) -> dict[str, Any]:
    """Write down what is analyzed, in plain values."""
    physics = analysis.physics
    return {
        "data": [item.name for item in analysis.data],
        "parameters": [repr(parameter) for parameter in analysis.parameters],
        "ties": [path for path, _ in analysis.ties],
        "source": physics.source.describe(),
        "mediator": physics.mediator.describe(),
        "neutrinos": physics.neutrinos.describe(),
        "relics": analysis.relics.describe(),
        "cosmology": physics.cosmology.describe(),
        "method": analysis.method,
        "lattice": str(analysis.lattice),
        "versions": {name: version(name) for name in ("nuprop", "jax", "numpy", "scipy")},
    }


def joined(parts: list[Profiled], number: int) -> Profiled:
    """Put the rows of chunks together, and drop what filled up the last one."""
    stacked = jax.tree.map(lambda *rows: np.concatenate(rows), *parts)
    return jax.tree.map(lambda rows: rows[:number], stacked)


def padded(points: FloatArray, chunk: int) -> FloatArray:
    """Fill up the last chunk by its last point: one program serves all chunks."""
    missing = -len(points) % chunk
    return np.concatenate([points, np.repeat(points[-1:], missing, axis=0)])
