"""Line shapes on the diagonals of a lattice, and the depths that its steps add up to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.relics import line_norm, line_shape
from nuprop.transport.lattice import Lattice
from nuprop.transport.problem import Lines

#: rms width of a non-relativistic line in units of T/m: sqrt(<p^2>/3) = 2.0768 T.
RMS_WIDTH = 2.0768
#: rms width of the line of a relic at rest, in cells, and the least one of a thermal line.
WIDTH_AT_REST, LEAST_WIDTH = 0.85, 0.6
#: Redshifts at which a thermal shape is evaluated; between them its logarithm is interpolated.
SHAPE_NODES = 6
#: Gauss points of a step, in cells.
GAUSS_POINTS = np.array([0.5, -0.5]) / np.sqrt(3.0)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_shape", "threshold", "cooling", "interpolation"],
    meta_fields=[],
)
@dataclass(frozen=True)
class LineShapes:
    """W phi(W) of each line at the two Gauss points of a step, on either side of a diagonal.

    Attributes
    ----------
    log_shape : (n_nodes, n_beams, 2, n_states, n_diagonals)
        ln(W phi) + |s| at a few redshifts; smooth in redshift.
    threshold : (2, n_states, n_diagonals), |s| today.
    cooling : (n_steps,), s over its value today, 1/(1 + z).
    interpolation : (n_steps, n_nodes), from those redshifts to all steps.
    """

    log_shape: jax.Array
    threshold: jax.Array
    cooling: jax.Array
    interpolation: jax.Array

    def at_gauss_points(self, steps: jax.Array, first: jax.Array, count: int) -> jax.Array:
        """Compute W phi in some steps, for `count` diagonals from `first`.

        Returns
        -------
        Array, shape (len(steps), n_beams, 2, n_states, count).
        """
        slice_of = partial(
            jax.lax.dynamic_slice_in_dim, start_index=first, slice_size=count, axis=-1
        )
        smooth = jnp.einsum("nc,cbgjl->nbgjl", self.interpolation[steps], slice_of(self.log_shape))
        cooling = self.cooling[steps][:, None, None, None, None]
        return jnp.exp(smooth - slice_of(self.threshold) * cooling)

    def at_redshifts(self, u: jax.Array) -> jax.Array:
        """Compute W phi at the redshifts of `shape_redshifts`, of this or another number.

        Returns
        -------
        Array, shape (n_u, n_beams, n_offsets, n_states, n_diagonals).
        """
        share = _chebyshev_interpolation(_chebyshev_nodes(u.shape[0]), self.log_shape.shape[0])
        smooth = jnp.tensordot(share, self.log_shape, axes=1)
        return jnp.exp(smooth - self.threshold * jnp.exp(-u).reshape(-1, 1, 1, 1, 1))


def line_shapes(
    lattice: Lattice,
    lines: Lines,
    redshifts: int = SHAPE_NODES,
    offsets: np.ndarray = GAUSS_POINTS,
    whole: bool = True,
) -> LineShapes:
    """Compute the line shapes of relics in motion or at rest, at a number of redshifts.

    `offsets` are the places beside the diagonals, in cells; by default the two Gauss points of a
    step. A line as narrow as a cell adds up to its integral over them if it is `whole`. A relic at
    rest gets a Gaussian in ln(E), 0.85 cells wide; a thermal line narrower than 0.6 cells today is
    computed as if its relic were hotter by the missing factor.
    """
    log_energy = lattice.diagonals + offsets[:, None, None] * lattice.log_width
    if not lines.relics.thermal:
        return _at_rest(lattice, lines, log_energy)
    return _in_motion(lattice, lines, log_energy, redshifts, whole)


def shape_redshifts(lattice: Lattice, lines: Lines, redshifts: int = SHAPE_NODES) -> jax.Array:
    """Choose values of ln(1 + z) at which shapes are computed; one, for relics at rest, (n_nodes,).

    They are Chebyshev's between today and the first step.
    """
    count = min(redshifts, lattice.n_steps) if lines.relics.thermal else 1
    half = 0.5 * lattice.n_steps * lattice.log_width
    return half * (1.0 + _chebyshev_nodes(count))


def to_steps(lattice: Lattice, count: int) -> jax.Array:
    """Interpolation from that many `shape_redshifts` to the middle of steps, (n_steps, count)."""
    return to_points(lattice, count, 2)[1::2]


def to_points(lattice: Lattice, count: int, pieces: int) -> jax.Array:
    """Interpolation to the ends of equal pieces of all steps, (pieces n_steps + 1, count)."""
    return _chebyshev_interpolation(np.linspace(1.0, -1.0, pieces * lattice.n_steps + 1), count)


def _chebyshev_nodes(count: int) -> np.ndarray:
    return np.cos(np.pi * (np.arange(count) + 0.5) / count)


def _chebyshev_interpolation(places: np.ndarray, count: int) -> jax.Array:
    """Weights of values at `count` Chebyshev nodes for those elsewhere, (..., count)."""
    chebyshev = np.polynomial.chebyshev.chebvander
    coefficients = chebyshev(_chebyshev_nodes(count), count - 1).T
    coefficients = coefficients * np.where(np.arange(count), 2.0, 1.0)[:, None] / count
    return jnp.asarray(chebyshev(places, count - 1) @ coefficients)


def _at_rest(lattice: Lattice, lines: Lines, log_energy: jax.Array) -> LineShapes:
    width = WIDTH_AT_REST * lattice.log_width
    away = (log_energy - lines.log_resonance[:, None]) / width
    log_shape = -0.5 * jnp.minimum(away**2, 1400.0) - jnp.log(np.sqrt(2.0 * np.pi) * width)
    log_shape = jnp.where(lines.massive[:, None], log_shape, -700.0)
    weight = lines.relics.weight_at_rest()[:, None, None, None]
    return LineShapes(
        log_shape=(jnp.log(weight) + log_shape)[None],
        threshold=jnp.zeros_like(log_shape),
        cooling=jnp.ones(lattice.n_steps),
        interpolation=jnp.ones((lattice.n_steps, 1)),
    )


def _in_motion(
    lattice: Lattice, lines: Lines, log_energy: jax.Array, redshifts: int, whole: bool
) -> LineShapes:
    at = shape_redshifts(lattice, lines, redshifts)
    temperature = line_temperatures(lattice.log_width, lines)[:, None]
    w = 0.5 * lines.mediator_mass**2 * jnp.exp(-log_energy) / temperature
    r = jnp.asarray(lines.masses)[:, None] / temperature
    threshold = 0.5 * (w - r**2 / w)
    cooling = jnp.exp(-at)[:, None, None, None]
    relics = lines.relics
    shape = line_shape(
        threshold * cooling,
        w * cooling,
        r * cooling,
        relics.targets,
        relics.asymmetry,
        rule="fast",
    )
    log_shape = jnp.log(shape * (w * cooling) + 1e-300)
    if whole:
        # the sum over diagonals misses a bit of a line as narrow as a cell; its integral is known
        sampled = jnp.sum(jnp.exp(log_shape - jnp.abs(threshold) * cooling), axis=(2, 4))
        norm = line_norm(r[:, 0] * cooling[:, 0, 0], relics.targets, relics.asymmetry)
        share = lattice.log_width * sampled / log_energy.shape[0] / norm
        lacking = -jnp.log(jnp.where(share > 0.8, share, 1.0))  # beyond the lattice if far less
        log_shape = log_shape + lacking[:, :, None, :, None]
    return LineShapes(
        log_shape=jnp.moveaxis(log_shape, 0, 1),
        threshold=jnp.abs(threshold),
        cooling=jnp.exp(-lattice.steps),
        interpolation=to_steps(lattice, at.shape[0]),
    )


def line_temperatures(width: jax.Array, lines: Lines) -> jax.Array:
    """Temperature today [GeV] of each line, high enough for cells of `width`; (n_states,)."""
    least = LEAST_WIDTH * width / RMS_WIDTH * jnp.asarray(lines.masses)
    return jnp.maximum(lines.temperatures, least)
