"""Clumps of relics along the line of sight: around us, around a source, or between.

A profile is a function of redshift that `nuprop.Relics(overdensity=...)` takes. What it does to a
beam is set by its column, the excess of density times length, unless it is wider than the lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

import jax
import jax.numpy as jnp
from jax.scipy.special import erf
from jax.typing import ArrayLike

from nuprop.constants import SPEED_OF_LIGHT
from nuprop.cosmology import Expansion, expansion
from nuprop.description import STATIC, Leaf, plain
from nuprop.errors import ParameterError, nearest
from nuprop.evolutions import redshift
from nuprop.pytree import as_pytree, assign, leaf_text
from nuprop.units import required_number

if TYPE_CHECKING:
    from astropy.cosmology import FLRW

Shape = Literal["gaussian", "top-hat"]
#: Standard deviation of a Gaussian over the half width of a top hat of the same column.
_SIGMA = math.sqrt(2.0 / math.pi)


@as_pytree
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Overdensity:
    """Density of relics over their mean, 1 + (factor - 1) shape(ln(1 + z) - place).

    Made by `local_overdensity` and `around_source`, or from the place and width themselves.

    Parameters
    ----------
    factor : float
        Density at the center over the mean one at that redshift, >= 0; below 1 it is a void.
    place : float
        ln(1 + z) of the center, >= 0.
    width : float
        Half the length of the clump in ln(1 + z), > 0.
    shape : "gaussian" or "top-hat"
        The Gaussian has the column of the top hat: its standard deviation is sqrt(2/pi) widths.

    Raises
    ------
    ParameterError
        If a value is not allowed.

    Notes
    -----
    Every number is a leaf of the pytree: factor, place and width can be traced and differentiated.
    With a top hat the derivative in place and width is zero, except through `mean`.
    """

    factor: Leaf
    place: Leaf
    width: Leaf
    shape: Shape = field(default="gaussian", metadata=STATIC)

    def __init__(self, factor: Any, place: Any, width: Any, shape: Shape = "gaussian") -> None:
        if shape not in get_args(Shape):
            raise ParameterError(f"shape = {shape!r}: {nearest(str(shape), get_args(Shape))}")
        number = partial(required_number, kind="dimensionless")
        assign(
            self,
            factor=number(factor, name="factor", allowed="must be >= 0", condition=_not_negative),
            place=number(place, name="place", allowed="must be >= 0", condition=_not_negative),
            width=number(width, name="width", allowed="must be > 0", condition=_positive),
            shape=shape,
        )

    def __call__(self, z: ArrayLike) -> jax.Array:
        """Evaluate at redshift z.

        Parameters
        ----------
        z : array, any shape, >= 0

        Returns
        -------
        Array of the same shape.
        """
        away = (jnp.log1p(jnp.asarray(z, dtype=float)) - self.place) / self.width
        if self.shape == "top-hat":
            shape = jnp.where(jnp.abs(away) <= 1.0, 1.0, 0.0)
        else:
            shape = jnp.exp(-0.5 * jnp.square(away / _SIGMA))
        return 1.0 + (self.factor - 1.0) * shape

    def excess(self, low: ArrayLike, high: ArrayLike) -> jax.Array:
        """Integrate the profile minus 1 over u = ln(1 + z), in closed form.

        Parameters
        ----------
        low, high : arrays, values of u, broadcasting

        Returns
        -------
        Array. Times c/H it is the excess length, of relics at their mean density.
        """
        ends = [(jnp.asarray(u, dtype=float) - self.place) / self.width for u in (low, high)]
        if self.shape == "top-hat":
            below, above = (jnp.clip(end, -1.0, 1.0) for end in ends)
        else:
            below, above = (erf(end / (_SIGMA * math.sqrt(2.0))) for end in ends)
        return (self.factor - 1.0) * self.width * (above - below)

    def mean(self, u: ArrayLike, log_width: ArrayLike) -> jax.Array:
        """Average the profile over a cell of u = ln(1 + z), the part of it above u = 0.

        Parameters
        ----------
        u : array, middle of the cell
        log_width : array, its width

        Returns
        -------
        Array, broadcast shape.
        """
        half = 0.5 * jnp.asarray(log_width)
        low, high = jnp.maximum(u - half, 0.0), jnp.maximum(u + half, 0.0)
        length = jnp.where(high > low, high - low, 1.0)
        return 1.0 + self.excess(low, high) / length

    @property
    def breaks(self) -> jax.Array:
        """Places in u = ln(1 + z) at which an integral over the profile should be split."""
        steps = [-1.0, 1.0] if self.shape == "top-hat" else [-6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0]
        return jnp.maximum(self.place + jnp.array(steps) * self.width, 0.0)

    def widened(self, width: Any) -> Overdensity:
        """Return a clump of at least this width in ln(1 + z), with the same column.

        Parameters
        ----------
        width : float, > 0

        Returns
        -------
        Overdensity
            With the factor that keeps (factor - 1) width; itself where it is as wide already.

        Notes
        -----
        A beam cannot tell it from the original as long as `width` is small against the widths of
        lines in ln(E), 2.08 T/m, and a solver with coarse steps sees it.
        """
        least = required_number(width, "dimensionless", "width", "must be > 0", _positive)
        wider = jnp.maximum(jnp.asarray(self.width, dtype=float), least)
        factor = 1.0 + (self.factor - 1.0) * self.width / wider
        return Overdensity(factor, self.place, wider, self.shape)

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        numbers = {name: plain(getattr(self, name)) for name in ("factor", "place", "width")}
        return {"shape": self.shape, **numbers}

    def __repr__(self) -> str:
        """Name the numbers."""
        factor, place, width = (leaf_text(x) for x in (self.factor, self.place, self.width))
        return f"Overdensity({factor}, place={place}, width={width}, {self.shape!r})"


def local_overdensity(
    factor: Any,
    radius: Any,
    *,
    shape: Shape = "gaussian",
    least_width: Any = None,
    cosmology: FLRW | Expansion | str | None = None,
) -> Overdensity:
    """Make a clump of relics centered on us.

    Parameters
    ----------
    factor : float
        Density at the center over the mean one, >= 0.
    radius : Quantity, str or float (cm)
        Proper radius: that of a top hat, or of the top hat with the column of the Gaussian.
    shape : "gaussian" or "top-hat"
    least_width : float, optional
        Spread a thinner clump over this width in ln(1 + z), see `Overdensity.widened`.
    cosmology : astropy FLRW, Expansion or name, optional
        That which turns lengths into redshifts, by default astropy's Planck18.

    Returns
    -------
    Overdensity

    Raises
    ------
    UnitError, ParameterError
        If the radius is not a length, or a value is not allowed.

    Notes
    -----
    The half width in ln(1 + z) is radius H(z)/c at the center; a path through the clump is `radius`
    long. Relics keep their mean momenta: those bound in a halo move faster.

    A sweep and a march integrate over a clump of any width; where it is much thinner than the
    march's steps of 0.00125 to 0.0075 in ln(1 + z), the march is good to 3 % of the deepest
    absorption in it. A cascade averages over its steps of 0.005 to 0.015: what a thinner clump
    absorbs is right in wider cells of energy, but spread over as much; a higher `resolution` makes
    that less. For relics at rest both give lines the width of a step, and so spread a clump that is
    opaque by itself. A sweep whose panels miss the clump tells by `Status.UNBALANCED`.

    Examples
    --------
    >>> local_overdensity(1e3, "5 Mpc")
    Overdensity(1000, place=0, width=0.00112845, 'gaussian')
    """
    return _clump(factor, radius, 0.0, shape, least_width, cosmology)


def around_source(
    factor: Any,
    radius: Any,
    z: Any,
    *,
    shape: Shape = "gaussian",
    least_width: Any = None,
    cosmology: FLRW | Expansion | str | None = None,
) -> Overdensity:
    """Make a clump of relics around a redshift, such as that of a `PointSource`.

    Parameters
    ----------
    factor, radius, shape, least_width, cosmology : as for `local_overdensity`
    z : float
        Redshift of the center, 0 < z <= 20. Neutrinos of a point source there cross the near half.

    Returns
    -------
    Overdensity

    Raises
    ------
    UnitError, ParameterError
        As `local_overdensity`.
    """
    return _clump(factor, radius, redshift(z, "z"), shape, least_width, cosmology)


def _clump(
    factor: Any,
    radius: Any,
    z: Any,
    shape: Shape,
    least_width: Any,
    cosmology: FLRW | Expansion | str | None,
) -> Overdensity:
    length = required_number(radius, "length", "radius", "must be > 0 cm", _positive)
    width = length * expansion(cosmology).hubble(z) / SPEED_OF_LIGHT
    clump = Overdensity(factor, jnp.log1p(z), width, shape)
    return clump if least_width is None else clump.widened(least_width)


def _positive(x: Any) -> Any:
    return x > 0.0


def _not_negative(x: Any) -> Any:
    return x >= 0.0
