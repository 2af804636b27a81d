"""How the density of sources evolves with redshift: the protocol, and laws that users bring.

The laws of the literature are registered by name from another package; see `nuprop.sources`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.description import STATIC, Leaf, parameters_of, plain, written
from nuprop.errors import GridError, ParameterError
from nuprop.exponential import bounded_exp
from nuprop.pytree import as_pytree, assign
from nuprop.traceable import call, require_traceable
from nuprop.units import in_code_units, is_traced, require, required_number

#: Laws are finite, with finite derivatives, up to here.
LARGEST_REDSHIFT = 20.0


@dataclass(frozen=True, eq=False, repr=False)
class Evolution:
    """Comoving density of sources W(z), times what one of them emits.

    A subclass is a frozen dataclass, decorated with `nuprop.pytree.as_pytree` above
    ``@dataclass(frozen=True, eq=False, repr=False)``; its own fields are the parameters (leaves),
    and it defines ``law(z)``.

    Attributes
    ----------
    name, formula, reference : str
        What `nuprop.sources.available` prints.
    bends : tuple of float
        Redshifts where W or its slope jumps, or where it bends sharply.
    steps : tuple of float
        Those among them where W itself jumps.
    z_limit : float
        W is zero beyond.
    """

    name: str = field(default="", kw_only=True, metadata=STATIC)
    formula: str = field(default="", kw_only=True, metadata=STATIC)
    reference: str = field(default="", kw_only=True, metadata=STATIC)
    bends: tuple[float, ...] = field(default=(), kw_only=True, metadata=STATIC)
    steps: tuple[float, ...] = field(default=(), kw_only=True, metadata=STATIC)
    z_limit: float = field(default=math.inf, kw_only=True, metadata=STATIC)

    #: Parameters that users choose, which the repr shows.
    chosen: ClassVar[tuple[str, ...]] = ()

    #: Whether everything is emitted at one redshift, see `Burst`.
    burst: ClassVar[bool] = False

    def law(self, z: jax.Array) -> jax.Array:
        """W(z) without its limit; finite for 0 <= z <= min(z_limit, 20)."""
        raise NotImplementedError(f"{type(self).__name__} defines no law(z)")

    def density(self, z: ArrayLike) -> jax.Array:
        """Evaluate W(z), zero beyond `z_limit`.

        Parameters
        ----------
        z : array, any shape, >= 0

        Returns
        -------
        Array of the same shape, dimensionless; 1 at z = 0 unless the law says otherwise.
        """
        z = jnp.asarray(z, dtype=float)
        if math.isinf(self.z_limit):
            return self.law(z)
        inside = z <= self.z_limit
        return jnp.where(inside, self.law(jnp.where(inside, z, 0.5 * self.z_limit)), 0.0)

    def density_at_log(self, log_1pz: ArrayLike) -> jax.Array:
        """W as a function of ln(1+z), the variable of the transport.

        Parameters
        ----------
        log_1pz : array, any shape, >= 0

        Returns
        -------
        Array of the same shape.
        """
        return self.density(jnp.expm1(log_1pz))

    @property
    def breaks(self) -> tuple[float, ...]:
        """Redshifts at which an integral over z should be split, ascending."""
        limit = () if math.isinf(self.z_limit) else (self.z_limit,)
        return tuple(sorted({float(z) for z in (*self.bends, *limit)}))

    @property
    def jumps(self) -> tuple[float, ...]:
        """Redshifts at which W jumps, its end included, ascending."""
        limit = () if math.isinf(self.z_limit) else (self.z_limit,)
        return tuple(sorted({float(z) for z in (*self.steps, *limit)}))

    def describe(self) -> dict[str, Any]:
        """Return plain values: name, reference and parameters."""
        parameters = {name: plain(leaf) for name, leaf in parameters_of(self).items()}
        return {"name": self.name, "reference": self.reference, **parameters}

    def __repr__(self) -> str:
        """Name the law, with the parameters that were chosen."""
        parameters = parameters_of(self)
        if not self.name:
            return written(type(self).__name__, parameters)
        return written(self.name, {key: parameters[key] for key in self.chosen})


@dataclass(frozen=True, eq=False, repr=False)
class LogEvolution(Evolution):
    """A law written as a function of ln(1+z), which spares a logarithm in the transport.

    A subclass defines ``law_at_log(log_1pz, z)``.
    """

    def law_at_log(self, log_1pz: jax.Array, z: jax.Array) -> jax.Array:
        """W without its limit, from ln(1+z) and z, whichever is handier."""
        raise NotImplementedError(f"{type(self).__name__} defines no law_at_log(log_1pz, z)")

    def law(self, z: jax.Array) -> jax.Array:
        """W(z) without its limit."""
        return self.law_at_log(jnp.log1p(z), z)

    def density_at_log(self, log_1pz: ArrayLike) -> jax.Array:
        """W as a function of ln(1+z); see `Evolution.density_at_log`."""
        log_1pz = jnp.asarray(log_1pz, dtype=float)
        if math.isinf(self.z_limit):
            return self.law_at_log(log_1pz, jnp.expm1(log_1pz))
        limit = math.log1p(self.z_limit)
        inside = log_1pz <= limit
        kept = jnp.where(inside, log_1pz, 0.5 * limit)
        return jnp.where(inside, self.law_at_log(kept, jnp.expm1(kept)), 0.0)


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class Burst(Evolution):
    """All sources in a thin shell at one redshift, W(z) = delta(z - z_s).

    Parameters
    ----------
    z_s : float, optional
        Redshift of the shell, 0 < z_s <= 20. A `Source` moves it to its `z_max`, which is then
        the place of the shell: ``Source(evolution="burst", z_max=3)`` says the same.

    Notes
    -----
    With Q the emissivity per dz the free flux is (c / 4 pi) Q(E (1 + z_s)) / H(z_s).
    """

    z_s: Leaf = None
    burst: ClassVar[bool] = True

    def __init__(self, z_s: Any = None, **labels: Any) -> None:
        super().__init__(
            **{
                "name": "burst",
                "formula": "W = delta(z - z_s)",
                "reference": "generic",
                **labels,
            }
        )
        assign(self, z_s=None if z_s is None else redshift(z_s, "z_s"))

    def density(self, z: ArrayLike) -> jax.Array:
        """Refuse: a delta function has no value.

        Raises
        ------
        ParameterError
            Always; the integral over the shell is 1, at `Source.z_max`.
        """
        raise ParameterError(
            "evolution = 'burst' is a delta function in redshift and has no density; "
            "integrate over it: W dz = 1 at z_max"
        )


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class CustomEvolution(Evolution):
    """A law given as a function of redshift.

    Parameters
    ----------
    function : callable
        Takes an array z of any shape and returns W of the same shape, with jax.numpy inside. If
        it is itself a pytree, such as ``jax.tree_util.Partial(f, m)``, its leaves can be
        differentiated. It need not be 1 at z = 0; an emissivity given as normalization then
        refers to W = 1.
    bends : sequence of float
        Redshifts where W or its slope jumps.
    z_limit : float, optional
        W is zero beyond, and the function is not called there.
    checked_to : float
        Largest redshift at which its values are looked at.
    name, formula, reference : str, optional

    Raises
    ------
    ParameterError
        If JAX cannot trace the function, or it is not finite and >= 0 for z from 0 to the
        smaller of `z_limit` and `checked_to`.

    Notes
    -----
    A function compares by identity: making a new one for each call compiles each time.

    Examples
    --------
    >>> law = CustomEvolution(lambda z: (1 + z) ** 3, z_limit=2.0)
    >>> print(law.density(1.0), law.density(3.0))
    8.0 0.0
    """

    parameters: Any = None
    function: Callable[..., Any] | None = field(default=None, metadata=STATIC)

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        bends: Sequence[float] = (),
        z_limit: float = math.inf,
        checked_to: float = LARGEST_REDSHIFT,
        name: str = "",
        formula: str = "",
        reference: str = "",
    ) -> None:
        if not callable(function):
            raise ParameterError(f"evolution = {function!r}: a function of redshift is needed")
        limit = float(z_limit)
        bend_redshifts = tuple(redshift(z, "bends") for z in bends)
        super().__init__(
            name=name or getattr(function, "__name__", type(function).__name__),
            formula=formula,
            reference=reference,
            bends=bend_redshifts,
            steps=bend_redshifts,
            z_limit=limit,
        )
        if jax.tree_util.all_leaves([function]):
            assign(self, function=function, parameters=None)
        else:
            assign(self, function=None, parameters=function)
        points = np.linspace(0.0, min(limit, checked_to), 64)
        require_traceable(function, points, "evolution", "redshift")

    def law(self, z: jax.Array) -> jax.Array:
        """Call the function."""
        return call(self.function or self.parameters, z)

    def describe(self) -> dict[str, Any]:
        """Return name, reference, and the function as Python names it."""
        function = self.function or self.parameters
        return {"name": self.name, "reference": self.reference, "function": repr(function)}


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class TableEvolution(Evolution):
    """A law given as a table, interpolated linearly in ln W against ln(1 + z).

    Between two rows W is a power of 1 + z. Beyond the first and the last row W is zero.

    Parameters
    ----------
    z : array, shape (n,), n >= 2
        Increasing, from 0 to 20 at most; part of the structure: a new table compiles anew. Every
        row is a place to split integrals at, so 10 to 50 rows are fast.
    density : array, shape (n,)
        W at each z, > 0. It is taken as it is, not divided by W(0). Can be differentiated.

    Raises
    ------
    GridError
        If z is not increasing or the two do not have the same length.
    ParameterError
        If a value is not allowed.

    Examples
    --------
    >>> table = TableEvolution([0.0, 1.0, 3.0], [1.0, 8.0, 64.0])
    >>> print(table.density(0.5), table.density(3.5))
    3.375 0.0
    """

    log_density: Leaf = 0.0
    nodes: tuple[float, ...] = field(default=(), metadata=STATIC)

    def __init__(self, z: Any, density: Any, **labels: Any) -> None:
        if is_traced(z):
            raise ParameterError("z of a table is traced by JAX; it must be known: trace `density`")
        nodes = np.atleast_1d(in_code_units(z, "dimensionless", "z"))
        values = in_code_units(density, "dimensionless", "density")
        if nodes.ndim != 1 or nodes.size < 2 or np.shape(values) != nodes.shape:
            raise GridError(
                f"table of an evolution: z has the shape {nodes.shape} and density "
                f"{np.shape(values)}; both must be (n,) with n >= 2"
            )
        require("z", nodes, f"must lie in [0, {LARGEST_REDSHIFT:g}]", _in_range)
        if np.any(np.diff(nodes) <= 0.0):
            raise GridError(f"z = {nodes}: must increase from row to row")
        require("density", values, "must be > 0 in every row", lambda w: w > 0.0)
        rows = tuple(nodes.tolist())
        super().__init__(
            **{
                "name": "table",
                "formula": "ln W linear in ln(1+z) between the rows, 0 beyond them",
                "reference": "user",
                "bends": rows,
                "z_limit": rows[-1],
                **labels,
            }
        )
        logarithm = jnp.log(values) if isinstance(values, jax.Array) else np.log(values)
        assign(self, nodes=rows, log_density=logarithm)

    def law(self, z: jax.Array) -> jax.Array:
        """Interpolate; zero below the first row."""
        log_w = jnp.interp(jnp.log1p(z), np.log1p(self.nodes), self.log_density)
        return jnp.where(z >= self.nodes[0], bounded_exp(log_w), 0.0)

    def describe(self) -> dict[str, Any]:
        """Return the table."""
        density = self.log_density
        if not is_traced(density):
            density = np.exp(np.asarray(density))
        return {"name": self.name, "z": list(self.nodes), "density": plain(density)}


def _in_range(z: np.ndarray) -> np.ndarray:
    return (z >= 0.0) & (z <= LARGEST_REDSHIFT)


def redshift(value: Any, name: str) -> Any:
    """Check a redshift of a source, 0 < z <= 20.

    Parameters
    ----------
    value : float or JAX tracer
    name : str
        How the user calls it.

    Returns
    -------
    float; a tracer comes back as it is.

    Raises
    ------
    ParameterError
        If it is out of range.
    """
    allowed = f"must lie in (0, {LARGEST_REDSHIFT:g}]"
    return required_number(
        value, "dimensionless", name, allowed, lambda z: (z > 0.0) & (z <= LARGEST_REDSHIFT)
    )
