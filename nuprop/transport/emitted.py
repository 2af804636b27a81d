"""Free streaming: what sources add along a characteristic, between any two redshifts."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nuprop.transport.grid import Panels, panel_edges
from nuprop.transport.problem import Emission

#: Uniform panels in u = ln(1 + z) and Gauss-Legendre nodes in each; breaks of W come on top.
PANELS = 8
ORDER = 6
#: Panels for a spectrum with kinks, which lie elsewhere for each energy and divide no panel.
PANELS_ACROSS_KINKS = 20


def redshift_panels(
    emission: Emission,
    extra: jax.Array | None = None,
    panels: int | None = None,
    order: int = ORDER,
) -> Panels:
    """Panels in u from 0 to u_max, split where W or its slope jumps and at `extra` places."""
    if panels is None:
        panels = PANELS_ACROSS_KINKS if len(emission.spectrum.kinks) else PANELS
    breaks = emission.log_breaks
    if extra is not None:
        breaks = jnp.concatenate([breaks, extra])
    return Panels(panel_edges(jnp.asarray(emission.u_max), panels, breaks), order)


def emitted_before(
    emission: Emission, panels: Panels, log_energy: jax.Array, crossings: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Flux emitted earlier than given crossings, and in all.

    Parameters
    ----------
    emission : Emission
    panels : Panels, in u.
    log_energy : Array, shape (n,), ln(eps/GeV).
    crossings : Array, shape (k, n), values of u.

    Returns
    -------
    before : Array, shape (k, n)
        int_u^u_max du' rate(u') Q(eps e^u') in GeV^-1 cm^-2 s^-1 sr^-1, all channels together.
    total : Array, shape (n,)
    """
    if emission.burst:
        u_max = jnp.asarray(emission.u_max)
        total = emission.rate(u_max) * emission.spectrum_at(log_energy + u_max)
        return jnp.where(crossings < u_max, total, 0.0), total
    if emission.spectrum.kinks:
        return _emitted_between_kinks(emission, panels, log_energy, crossings)
    nodes = panels.nodes.T[..., None]
    integrand = emission.rate(nodes) * emission.spectrum_at(log_energy + nodes)
    later, total = panels.integral_up_to(integrand, crossings)
    return jnp.maximum(total - later, 0.0), total


def _emitted_between_kinks(
    emission: Emission, panels: Panels, log_energy: jax.Array, crossings: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """`emitted_before` with panels of each energy's own, split at kinks of Q and at crossings."""
    kinks = emission.log_kinks[:, None] - log_energy
    ends = jnp.clip(jnp.concatenate([kinks, crossings]), panels.edges[0], panels.edges[-1])
    regular = jnp.broadcast_to(panels.edges[:, None], (panels.edges.size, log_energy.size))
    own = Panels(jnp.sort(jnp.concatenate([regular, ends]), axis=0), panels.order)
    nodes = own.nodes
    integrand = emission.rate(nodes) * emission.spectrum_at(log_energy[:, None] + nodes)
    parts = jnp.sum(own.weights * integrand, axis=-1)
    middle = 0.5 * (own.edges[1:] + own.edges[:-1])
    before = jnp.sum(jnp.where(middle > crossings[:, None], parts, 0.0), axis=1)
    return before, jnp.sum(parts, axis=0)


def free_flux(emission: Emission, log_energy: jax.Array) -> jax.Array:
    """Flux that would arrive without interaction.

    Parameters
    ----------
    emission : Emission
    log_energy : Array, shape (n,), ln(eps/GeV).

    Returns
    -------
    Array, shape (n_channels, n_states, n)
        J = (c/4 pi) int dz W Q(eps (1+z))/H times the share of each channel and state.
    """
    if emission.burst:
        u_max = jnp.asarray(emission.u_max)
        total = emission.rate(u_max) * emission.spectrum_at(log_energy + u_max)
    else:
        panels = redshift_panels(emission)
        if emission.spectrum.kinks:
            none = jnp.zeros((0, log_energy.size))
            total = _emitted_between_kinks(emission, panels, log_energy, none)[1]
            return total * emission.shares[..., None]
        nodes, weights = panels.nodes.reshape(-1), panels.weights.reshape(-1)
        total = (weights * emission.rate(nodes)) @ emission.spectrum_at(log_energy + nodes[:, None])
    return total * emission.shares[..., None]
