"""Upper edges of absorption bands: depths of lines as they are today, integrated in closed form.

The upper edge of a band lies where today's relics resonate, the coldest ones. A line that is hardly
wider than the cells of a lattice makes an edge too steep to interpolate, and one that the steps of
a march cut through; but its course is known. Lower edges are as wide as the lines were then.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.relics import line_shape
from nuprop.transport.columns import gauss_rule, scale_at_end, step_depths
from nuprop.transport.grid import Panels, power_sum
from nuprop.transport.lattice import Lattice
from nuprop.transport.problem import Lines
from nuprop.transport.shapes import WIDTH_AT_REST, LineShapes, line_shapes, line_temperatures

#: Panels in the lower momentum of the relics that can resonate, in units of their temperature;
#: wings fall by e^-3 or less across each.
_PANELS = np.concatenate([[0.0, 0.25, 1.0, 2.5], np.arange(5.0, 41.0, 2.5)])
#: Cells from today on over which a clump counts at an edge.
_NEARBY = 4.0
#: Share of the flux that secondaries leave in a dip of depth 1, in order of magnitude.
_REFILLED = 1e-3


def edge_depths(log_energy: jax.Array, width: jax.Array, lines: Lines) -> jax.Array:
    """Compute -ln of what survives the upper edges of all bands.

    Parameters
    ----------
    log_energy : Array, shape (n,), ln(E/GeV) at Earth.
    width : width of a lattice's cells, by which narrow lines are broadened.
    lines : Lines

    Returns
    -------
    Array, shape (n_beams, n_states, n)
        0 above all bands, and at most 6: secondaries fill deeper dips. Where opaque lines leave
        local equilibrium, or their wings all the absorption at an edge, it goes to 0 everywhere.
    """
    today = jnp.zeros(())
    met = targets_below(log_energy, today, width, lines)
    scale = scale_at_end(today, _NEARBY * jnp.asarray(width), lines)
    depth = scale * (lines.strength @ met)
    refilled = _REFILLED * (1.0 + jnp.max(depth, axis=-1, keepdims=True) ** 2)
    return jnp.log1p(refilled) - jnp.log(jnp.exp(-depth) + refilled)


def left_out_today(lattice: Lattice, shapes: LineShapes, lines: Lines) -> jax.Array:
    """Depth that the steps of a march leave out at their end, where lines are cut off by today.

    Two Gauss points a step add up a whole line; of a part of it they miss up to a hundredth, with
    either sign. More than a tenth of the last step, or than 0.1, is rounding in a line so deep that
    nothing arrives.

    Returns
    -------
    Array, shape (n_beams, n_states, n_cells).
    """
    h = lattice.log_width
    last = jnp.array([lattice.n_steps - 1])
    sampled = shapes.at_gauss_points(last, jnp.array(0), lattice.n_cells + lattice.n_steps)[0]
    sampled = h * jnp.einsum("bgjk,g->bjk", sampled, gauss_rule(lines)[1][0])
    added = jnp.cumsum(sampled[..., ::-1], axis=-1)[..., ::-1][..., : lattice.n_cells]
    met = targets_below(lattice.centers, 0.5 * h, h, lines)
    whole = met[..., :1]
    met = met * jnp.where(whole > 0.0, added[..., :1] / whole, 1.0)
    depth = scale_at_end(0.5 * h, _NEARBY * jnp.asarray(h), lines) * lines.strength
    most = 0.1 * jnp.minimum(depth @ sampled[..., : lattice.n_cells], 1.0)
    return jnp.clip(depth @ (met - added), -most, most)


def targets_below(log_energy: jax.Array, u: jax.Array, width: jax.Array, lines: Lines) -> jax.Array:
    """Targets, per helicity density, that resonate with a higher energy: int_0^W phi(W') dW'.

    Parameters
    ----------
    log_energy : Array, shape (n,), ln(E/GeV) at redshift u = ln(1 + z).
    width, lines : as for `edge_depths`.

    Returns
    -------
    Array, shape (n_beams, n_states, n).
    """
    relics = lines.relics
    if not relics.thermal:
        away = (lines.log_resonance[:, None] - log_energy) / (WIDTH_AT_REST * width)
        met = jnp.where(lines.massive[:, None], jax.scipy.stats.norm.cdf(away), 0.0)
        return relics.weight_at_rest()[:, None, None] * met
    temperature = line_temperatures(width, lines)[:, None] * jnp.exp(u)
    r = jnp.asarray(lines.masses)[:, None] / temperature
    panels = Panels(jnp.asarray(np.concatenate([-_PANELS[:0:-1], _PANELS])), 8)
    s = panels.nodes
    root = jnp.sqrt(s**2 + r[..., None] ** 2)
    w = jnp.where(s > 0.0, s + root, r[..., None] ** 2 / (root - jnp.minimum(s, 0.0)))
    shape = line_shape(s, w, r[..., None], relics.targets, relics.asymmetry, rule="fast")
    start, powers = panels.running_integral(jnp.exp(-jnp.abs(s)) * shape * w / root)
    w = 0.5 * lines.mediator_mass**2 * jnp.exp(-log_energy) / temperature
    panel, t = panels.locate(0.5 * (w - r**2 / w))
    line = jnp.arange(lines.n_states)[:, None]
    return jnp.maximum(start[:, line, panel] + power_sum(powers[:, line, panel], t), 0.0)


def summed_depths(lattice: Lattice, lines: Lines) -> jax.Array:
    """Optical depth tau_i from u_max to today that the steps add up to.

    Returns
    -------
    Array, shape (n_beams, n_states, n_cells).
    """
    points, (rule, _) = gauss_rule(lines)
    shapes = line_shapes(lattice, lines, offsets=points)
    strength = lines.strength

    def step(total: jax.Array, inputs: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        step_number, weights, diagonal = inputs
        values = shapes.at_gauss_points(step_number[None], diagonal, lattice.n_cells)[0]
        return total + jnp.einsum("g,ij,bgjk->bik", weights, strength, values), None

    zero = jnp.zeros((shapes.log_shape.shape[1], lines.n_states, lattice.n_cells))
    number = jnp.arange(lattice.n_steps)
    total, _ = jax.lax.scan(step, zero, (number, rule * step_depths(lattice, lines), number[::-1]))
    return total + left_out_today(lattice, shapes, lines)
