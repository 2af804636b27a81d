"""Functions that users bring: called as they are, but only after a look at what they return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.errors import ParameterError
from nuprop.units import is_traced


def call(function: Callable[[jax.Array], Any], points: ArrayLike) -> jax.Array:
    """Value of a function as float64, in the shape of `points` (a constant is repeated)."""
    points = jnp.asarray(points, dtype=float)
    return jnp.broadcast_to(jnp.asarray(function(points), dtype=float), points.shape)


def require_traceable(
    function: Callable[[jax.Array], Any], points: np.ndarray, name: str, variable: str
) -> None:
    """Refuse a function that JAX cannot trace, or that is not finite and non-negative.

    Parameters
    ----------
    function : callable
        Takes an array of any shape, returns one of the same shape, or a constant.
    points : ndarray, shape (2 n,)
        Where its values are looked at. It is called once with shape (2, n), as the transport
        calls it with more than one dimension.
    name, variable : str
        What the function is ("evolution") and what it is a function of ("redshift").

    Raises
    ------
    ParameterError
        With the name, what came back, and what is allowed.
    """
    grid = points.reshape(2, -1)
    try:
        result = jax.eval_shape(function, jax.ShapeDtypeStruct(grid.shape, jnp.float64))
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise ParameterError(
            f"{name} = {function!r} cannot be traced by JAX for {variable} values of shape "
            f"{grid.shape}; write it with jax.numpy, with jnp.where in place of `if` "
            f"({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error
    shape = getattr(result, "shape", None)
    if shape not in ((), grid.shape) or not jnp.issubdtype(result.dtype, jnp.number):
        raise ParameterError(
            f"{name} = {function!r} returns {result} for {variable} values of shape {grid.shape}; "
            "it must return one real number for each"
        )
    if jnp.issubdtype(result.dtype, jnp.complexfloating):
        raise ParameterError(f"{name} = {function!r} returns complex numbers; they must be real")
    values = call(function, grid)
    if is_traced(values):
        return
    bad = ~np.isfinite(values) | (np.asarray(values) < 0.0)
    if np.any(bad):
        raise ParameterError(
            f"{name} = {function!r} is {np.asarray(values)[bad][0]:g} at the {variable} "
            f"{grid[bad][0]:g}; it must be finite and not negative from {points.min():g} to "
            f"{points.max():g} (a range can be given to Custom{name.capitalize()})"
        )
