"""Spectra that users bring: tables, functions, and sums of any."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.description import STATIC, Leaf, plain
from nuprop.errors import GridError, ParameterError
from nuprop.exponential import bounded_exp
from nuprop.pytree import as_pytree, assign
from nuprop.spectra.protocol import ENERGY_RANGE, Spectrum
from nuprop.traceable import call, require_traceable
from nuprop.units import in_code_units, is_traced, require


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class Table(Spectrum):
    """A tabulated spectrum, interpolated linearly in ln Q against ln E.

    Below the first and above the last row Q is zero; it is never extrapolated.

    Parameters
    ----------
    energy : Quantity or array (GeV), shape (n,), n >= 2
        Energies at the source, increasing, > 0.
    emissivity : Quantity or array, shape (n,)
        Q at these energies in any unit (only its shape counts), > 0. Rows of zeros at either end
        are left out. Can be differentiated.

    Raises
    ------
    UnitError
        If the energies are not energies.
    GridError
        If the energies do not increase, or the two lengths differ.
    ParameterError
        If a value is not finite, negative, or zero between other rows.

    Notes
    -----
    The slope steps at every row; `kinks` names only the two ends, where Q jumps to zero.

    Examples
    --------
    >>> table = Table([1e4, 1e5, 1e6], [1.0, 1e-2, 1e-4])
    >>> print(table.emissivity([3e5, 2e6]))
    [0.001 0.   ]
    """

    kind: ClassVar[str] = "table"
    formula: ClassVar[str] = "ln Q linear in ln E between the rows, 0 beyond them"
    log_energy: Leaf = 0.0
    log_q: Leaf = 0.0

    def __init__(self, energy: Any, emissivity: Any) -> None:
        grid = in_code_units(energy, "energy", "energy")
        values = getattr(emissivity, "value", emissivity)
        values = in_code_units(values, "dimensionless", "emissivity")
        if np.ndim(grid) != 1 or np.shape(grid) != np.shape(values) or np.size(grid) < 2:
            raise GridError(
                f"table of a spectrum: energy has the shape {np.shape(grid)} and emissivity "
                f"{np.shape(values)}; both must be (n,) with n >= 2"
            )
        require("energy", grid, "must be > 0 in every row", lambda e: e > 0.0)
        if not is_traced(grid) and np.any(np.diff(grid) <= 0.0):
            raise GridError(f"energy = {grid} GeV: must increase from row to row")
        if not is_traced(values):
            grid, values = _without_empty_ends(grid, values)
        logarithm: Any = jnp.log if isinstance(values, jax.Array) else np.log
        assign(self, log_energy=_logarithm(grid), log_q=logarithm(values))

    @property
    def kinks(self) -> tuple[Leaf, ...]:
        """The first and the last row."""
        ends = jnp.exp(jnp.asarray(self.log_energy)[jnp.array([0, -1])])
        return (ends[0], ends[1])

    def emissivity(self, energy: ArrayLike) -> jax.Array:
        """Evaluate Q(E), zero beyond the table; see `Spectrum.emissivity`."""
        return self.emissivity_at_log(jnp.log(jnp.asarray(energy, dtype=float)))

    def emissivity_at_log(self, log_energy: ArrayLike) -> jax.Array:
        """Q at ln E, with one exponential."""
        rows = jnp.asarray(self.log_energy)
        x = jnp.asarray(log_energy, dtype=float)
        inside = (x >= rows[0]) & (x <= rows[-1])
        return jnp.where(inside, bounded_exp(jnp.interp(x, rows, self.log_q)), 0.0)

    def describe(self) -> dict[str, Any]:
        """Return the table, energies in GeV."""
        rows = {"energy": self.log_energy, "emissivity": self.log_q}
        values = {name: x if is_traced(x) else np.exp(np.asarray(x)) for name, x in rows.items()}
        return {"kind": self.kind, **{name: plain(x) for name, x in values.items()}}


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class Sum(Spectrum):
    """Sum of spectra, Q = sum_k weight_k Q_k(E).

    Parameters
    ----------
    *components : Spectrum, (energy, emissivity) pair or callable
        As `as_spectrum` reads them.
    weights : array, shape (n,), optional
        Factors from 0 to 1e100, not all zero; each Q_k is as its class defines it (a power law is
        1 at 100 TeV, a broken one at its break, a bump at its peak). All 1 by default.

    Raises
    ------
    ParameterError
        If there is no component, or the weights do not fit.

    Examples
    --------
    >>> from nuprop.spectra import Bump, PowerLaw
    >>> spectrum = Sum(PowerLaw(2.5), Bump("2 PeV", 0.5), weights=[1.0, 5e-4])
    >>> print(f"{spectrum.emissivity(2e6):.3g}")
    0.00106
    """

    kind: ClassVar[str] = "sum"
    formula: ClassVar[str] = "Q = sum_k weights_k Q_k of the components"
    components: tuple[Spectrum, ...] = ()
    weights: Leaf = 1.0

    def __init__(self, *components: Any, weights: Any = None) -> None:
        parts = tuple(as_spectrum(component) for component in components)
        if not parts:
            raise ParameterError("components = (): a sum needs at least one spectrum")
        if weights is None:
            weights = np.ones(len(parts))
        weights = in_code_units(weights, "dimensionless", "weights")
        if np.shape(weights) != (len(parts),):
            raise ParameterError(
                f"weights has the shape {np.shape(weights)}; one for each of {len(parts)} "
                "components is needed"
            )
        allowed = "must lie in [0, 1e100], not all zero"
        require("weights", weights, allowed, lambda w: (w >= 0.0) & (w <= 1e100) & (w.sum() > 0.0))
        assign(self, components=parts, weights=weights)

    @property
    def kinks(self) -> tuple[Leaf, ...]:
        """Those of all components."""
        return tuple(kink for component in self.components for kink in component.kinks)

    def emissivity(self, energy: ArrayLike) -> jax.Array:
        """Evaluate Q(E); see `Spectrum.emissivity`."""
        return self._total([component.emissivity(energy) for component in self.components])

    def emissivity_at_log(self, log_energy: ArrayLike) -> jax.Array:
        """Q at ln E, each component by its own cheapest way."""
        values = [component.emissivity_at_log(log_energy) for component in self.components]
        return self._total(values)

    def _total(self, values: Sequence[jax.Array]) -> jax.Array:
        weights = jnp.asarray(self.weights)
        total = weights[0] * values[0]
        for k, value in enumerate(values[1:], start=1):
            total = total + weights[k] * value
        return total

    def __repr__(self) -> str:
        """Name the components."""
        return f"Sum({', '.join(map(repr, self.components))}, weights={plain(self.weights)})"


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class CustomSpectrum(Spectrum):
    """A spectrum given as a function of energy.

    Parameters
    ----------
    function : callable
        Takes an array of energies [GeV] of any shape and returns Q of the same shape, with
        jax.numpy inside. If it is itself a pytree, such as ``jax.tree_util.Partial(f, index)``,
        its leaves can be differentiated.
    kinks : sequence of Quantity, str or float (GeV)
        Energies where Q or its slope jumps.
    energy_range : pair of Quantity, str or float (GeV), optional
        Q is zero outside, and the function is not called there.
    name : str, optional

    Raises
    ------
    ParameterError
        If JAX cannot trace the function, or it is not finite and >= 0 in `energy_range` (by
        default from 1e-3 to 1e15 GeV).

    Notes
    -----
    A function compares by identity: making a new one for each call compiles each time.
    """

    kind: ClassVar[str] = "function"
    formula: ClassVar[str] = "Q(E) as given"
    parameters: Any = None
    function: Callable[..., Any] | None = field(default=None, metadata=STATIC)
    energies: tuple[float, ...] = field(default=(), metadata=STATIC)
    energy_range: tuple[float, float] | None = field(default=None, metadata=STATIC)
    label: str = field(default="", metadata=STATIC)

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        kinks: Any = (),
        energy_range: Any = None,
        name: str = "",
    ) -> None:
        if not callable(function):
            raise ParameterError(f"spectrum = {function!r}: a function of energy is needed")
        at = np.array([in_code_units(kink, "energy", "kinks") for kink in kinks])
        require("kinks", at, "must be > 0", lambda e: e > 0.0)
        limits: tuple[float, float] | None = None
        if energy_range is not None:
            low, high = (in_code_units(e, "energy", "energy_range") for e in energy_range)
            if not 0.0 < low < high:
                raise ParameterError(
                    f"energy_range = ({low}, {high}) GeV: must be > 0 and increase"
                )
            limits = (low, high)
        leaf = jax.tree_util.all_leaves([function])
        assign(
            self,
            function=function if leaf else None,
            parameters=None if leaf else function,
            energies=tuple(at.tolist()),
            energy_range=limits,
            label=name or getattr(function, "__name__", type(function).__name__),
        )
        points = np.geomspace(*(limits or ENERGY_RANGE), num=64)
        require_traceable(function, points, "spectrum", "energy")

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.label

    @property
    def kinks(self) -> tuple[Leaf, ...]:
        """As given, and the ends of the range."""
        return (*self.energies, *(self.energy_range or ()))

    def emissivity(self, energy: ArrayLike) -> jax.Array:
        """Call the function; see `Spectrum.emissivity`."""
        function: Any = self.function or self.parameters
        energy = jnp.asarray(energy, dtype=float)
        if self.energy_range is None:
            return call(function, energy)
        low, high = self.energy_range
        inside = (energy >= low) & (energy <= high)
        elsewhere = math.sqrt(low * high)
        return jnp.where(inside, call(function, jnp.where(inside, energy, elsewhere)), 0.0)

    def describe(self) -> dict[str, Any]:
        """Return the function as Python names it."""
        return {"kind": self.kind, "function": repr(self.function or self.parameters)}

    def __repr__(self) -> str:
        """Name the function."""
        return f"CustomSpectrum({self.label})"


def as_spectrum(value: Any) -> Spectrum:
    """Read what a user gives as a spectrum.

    Parameters
    ----------
    value : Spectrum, (energy, emissivity) pair, callable
        A pair of arrays is a `Table`, a function of E [GeV] a `CustomSpectrum`.

    Returns
    -------
    Spectrum

    Raises
    ------
    ParameterError
        If it is none of these.
    """
    if isinstance(value, Spectrum):
        return value
    if isinstance(value, tuple | list) and len(value) == 2:
        return Table(*value)
    if callable(value) and not isinstance(value, type):
        return CustomSpectrum(value)
    raise ParameterError(
        f"spectrum = {value!r}: give a Spectrum such as PowerLaw(2.3), an (energy, emissivity) "
        "pair of arrays, or a function of energy in GeV"
    )


def _logarithm(value: Any) -> Any:
    return jnp.log(value) if isinstance(value, jax.Array) else np.log(value)


def _without_empty_ends(energy: Any, values: Any) -> tuple[Any, Any]:
    """Leave out rows of zeros before the first and after the last positive value."""
    require("emissivity", values, "must be >= 0", lambda q: q >= 0.0)
    filled = np.flatnonzero(np.asarray(values) > 0.0)
    if filled.size < 2:
        raise ParameterError(f"emissivity = {values}: at least two rows must be > 0")
    rows = slice(int(filled[0]), int(filled[-1]) + 1)
    if filled.size != rows.stop - rows.start:
        raise ParameterError(
            f"emissivity = {values}: is zero between rows where it is not; "
            "use a Sum of two tables, or a small positive number"
        )
    return energy[rows], values[rows]
