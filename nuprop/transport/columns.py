"""Relics in the steps of a lattice: a clump may be thinner than one, and anywhere in it.

Without clumps the density in the middle of a step stands for all of it. With them it is integrated,
and so are its moments, so that a clump meets lines where it is and not in the middle of its step.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.transport.grid import Panels
from nuprop.transport.lattice import Lattice
from nuprop.transport.problem import Lines
from nuprop.transport.shapes import GAUSS_POINTS

#: Nodes on each panel; panels end where steps and parts of a clump do.
_ORDER = 8
#: Gauss points of a step in cells from its middle, the earliest first, and their weights in the
#: integral over the step and over its later half: without clumps, and with them.
_EVEN = GAUSS_POINTS, np.array([[0.5, 0.5], [0.25 - np.sqrt(3.0) / 8.0, 0.25 + np.sqrt(3.0) / 8.0]])
_TILT = np.sqrt(15.0) / 24.0
_CLUMPED = (
    np.sqrt(0.15) * np.array([1.0, 0.0, -1.0]),
    np.array(
        [[5.0 / 18.0, 4.0 / 9.0, 5.0 / 18.0], [5.0 / 36.0 - _TILT, 2.0 / 9.0, 5.0 / 36.0 + _TILT]]
    ),
)


def gauss_rule(lines: Lines) -> tuple[np.ndarray, np.ndarray]:
    """Places in a step at which a march takes the shapes of lines, and their weights.

    Parameters
    ----------
    lines : Lines

    Returns
    -------
    points : (n_points,), in cells from the middle of the step, the earliest first.
    weights : (2, n_points), in the integral over the step, and over its later half.
    """
    return _CLUMPED if lines.relics.clumped else _EVEN


def mean_depth_scale(u: jax.Array, width: jax.Array, lines: Lines) -> jax.Array:
    """Average `Lines.depth_scale` over adjoining steps.

    Parameters
    ----------
    u : Array, shape (n,), rising
        Middle of each step in ln(1 + z).
    width : of a step.
    lines : Lines

    Returns
    -------
    Array, shape (n,)
        Its value in the middle where relics do not cluster.
    """
    if not lines.relics.clumped:
        return lines.depth_scale(u)
    edges = jnp.append(u - 0.5 * width, u[-1] + 0.5 * width)
    _, amounts, step = _integrated(edges, lines)
    return jax.ops.segment_sum(jnp.sum(amounts, axis=1), step, u.shape[0]) / width


def step_depths(lattice: Lattice, lines: Lines) -> jax.Array:
    """Depth of steps per strength and unit of W phi(W), at the points of `gauss_rule`.

    Parameters
    ----------
    lattice : Lattice
    lines : Lines

    Returns
    -------
    Array, shape (n_steps, n_points)
        Steps as in `Lattice.steps`. Its products with W phi(W), summed by the rule, are the depths
        of the steps.

    Notes
    -----
    Through a clump W phi(W) is taken as the parabola through three points, and weighted with the
    density: where the clump is at one end of a step some values are negative.
    """
    h, n_steps = jnp.asarray(lattice.log_width), lattice.n_steps
    points, weights = gauss_rule(lines)
    if not lines.relics.clumped:
        scale = h * lines.depth_scale(lattice.steps)
        return jnp.broadcast_to(scale[:, None], (n_steps, points.size))
    nodes, amounts, step = _integrated(h * jnp.arange(n_steps + 1), lines)
    x = nodes / h - (step[:, None] + 0.5)
    shares = []
    for place in points:
        others = points[points != place]
        parabola = (x - others[0]) * (x - others[1]) / np.prod(place - others)
        shares.append(jnp.sum(amounts * parabola, axis=1))
    moments = jax.ops.segment_sum(jnp.stack(shares, axis=1), step, n_steps)
    return moments[::-1] / weights[0]


def scale_at_end(u: jax.Array, width: jax.Array, lines: Lines) -> jax.Array:
    """`Lines.depth_scale` at u, which is near 0; of clumps its average from today on.

    Over the width in ln(1 + z) in which today's relics resonate with one energy.
    """
    if not lines.relics.clumped:
        return lines.depth_scale(u)
    return mean_depth_scale(0.5 * width[None], width, lines)[0]


def _integrated(edges: jax.Array, lines: Lines) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Nodes in ln(1 + z), weights times `Lines.depth_scale`, (n_panels, order), and cells."""
    breaks = jnp.clip(lines.relics.breaks, edges[0], edges[-1])
    panels = Panels(jnp.sort(jnp.concatenate([edges, breaks])), _ORDER)
    middle = 0.5 * (panels.edges[1:] + panels.edges[:-1])
    cell = jnp.clip(jnp.searchsorted(edges, middle, side="right") - 1, 0, edges.shape[0] - 2)
    return panels.nodes, panels.weights * lines.depth_scale(panels.nodes), cell
