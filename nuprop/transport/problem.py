"""What the solvers are given: lines to cross and neutrinos emitted, in terms of u = ln(1 + z)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from nuprop.constants import HBAR_C, SPEED_OF_LIGHT
from nuprop.description import Leaf

if TYPE_CHECKING:
    from nuprop.cosmology import Expansion
    from nuprop.relics import RelicState
    from nuprop.sources import Evolution, Spectrum


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "mediator_mass",
        "masses",
        "coupling_squared",
        "yields",
        "sharing",
        "relics",
        "expansion",
        "abundance",
    ],
    meta_fields=[],
)
@dataclass(frozen=True)
class Lines:
    """Narrow s-channel resonances, one on each state: sigma_ij = 2 pi |g_ij|^2 delta(s - M^2).

    Attributes
    ----------
    mediator_mass : GeV.
    masses : (n,) GeV, of the n relic (and beam) mass eigenstates.
    coupling_squared : (n, n), |g_ij|^2 in the mass basis: beam i, target j; |lambda_ij|^2/2 of a
        scalar.
    yields : (n,), secondaries per interaction and outgoing leg,
        P_k = BR_active (g g^dag)_kk / Tr(g g^dag).
    sharing : (2, 2, 3), energy sharing of the secondaries [out, in, power] in nu and nubar:
        coefficients of 1, x, x^2 for x = E_out/E_in. They sum to 2 secondaries.
    relics, expansion : what the beam crosses.
    abundance : (n,), density of each relic over that of the standard ones; None if all are these.
    """

    mediator_mass: Leaf
    masses: jax.Array
    coupling_squared: jax.Array
    yields: jax.Array
    sharing: jax.Array
    relics: RelicState
    expansion: Expansion
    abundance: jax.Array | None = None

    @property
    def n_states(self) -> int:
        """Number n of mass eigenstates."""
        return int(jnp.shape(self.masses)[0])

    @property
    def strength(self) -> jax.Array:
        """|g_ij|^2 times the abundance of the target: depth per `depth_scale`, shape (n, n)."""
        squared = jnp.asarray(self.coupling_squared)
        return squared if self.abundance is None else squared * self.abundance

    @property
    def temperatures(self) -> jax.Array:
        """Temperature of each relic today [GeV], shape (n,)."""
        return self.relics.temperatures(self.n_states)

    @property
    def massive(self) -> jax.Array:
        """Which states have a mass, shape (n,)."""
        return jnp.asarray(self.masses) > 0.0

    @property
    def present(self) -> jax.Array:
        """Which states have relics, shape (n,)."""
        if self.abundance is None:
            return jnp.ones(self.n_states, dtype=bool)
        return self.abundance > 0.0

    @property
    def absorbing(self) -> jax.Array:
        """Which states have relics that resonate even at rest, shape (n,)."""
        return self.massive & self.present

    @property
    def log_resonance(self) -> jax.Array:
        """Comoving resonance energies ln(M^2 / 2 m_j) [ln GeV] today; 50 for a massless state."""
        masses = jnp.where(self.massive, self.masses, 1.0)
        value = 2.0 * jnp.log(self.mediator_mass) - jnp.log(2.0 * masses)
        return jnp.where(self.massive, value, 50.0)

    def kernel(self, n_channels: int) -> jax.Array:
        """Energy sharing between the channels followed: nu + nubar (1), or nu and nubar apart (2).

        Returns
        -------
        Array, shape (n_channels out, n_channels in, 3): coefficients of 1, x, x^2.
        """
        sharing = jnp.asarray(self.sharing)
        if n_channels == 2:
            return sharing
        return jnp.sum(sharing, axis=0, keepdims=True)[:, :1]

    def depth_scale(self, u: jax.Array) -> jax.Array:
        """Optical depth of a line per strength and per target weight, 2 pi/M^2 n(z) c/H(z).

        Crossing a line at rest costs exp(-strength_ij weight depth_scale); any shape of u.
        """
        z = jnp.expm1(u)
        column = self.relics.helicity_density(z) * SPEED_OF_LIGHT / self.expansion.hubble(z)
        return 2.0 * jnp.pi * (HBAR_C / self.mediator_mass) ** 2 * column


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["evolution", "spectrum", "shares", "u_max", "scale", "expansion"],
    meta_fields=["burst"],
)
@dataclass(frozen=True)
class Emission:
    """The neutrinos that sources add, per steradian at Earth.

    Attributes
    ----------
    evolution, spectrum : W(z) and Q(E), as pytrees.
    shares : (n_channels, n_states)
        Share of each channel (nu + nubar, or nu and nubar) and mass eigenstate.
    u_max : ln(1 + z_max), or the place of the shell of a burst.
    scale : factor on W Q, in GeV^-1 cm^-3 s^-1.
    burst : bool
        Whether all is emitted in a thin shell at u_max, W = delta(z - z_s).
    """

    evolution: Evolution
    spectrum: Spectrum
    shares: jax.Array
    u_max: Leaf
    scale: Leaf
    expansion: Expansion
    burst: bool = False

    def rate(self, u: jax.Array) -> jax.Array:
        """(c / 4 pi) W (1 + z)/H, so that the free flux is int du rate(u) Q(e^{y+u}).

        For a burst the integral over the delta function is done: (c / 4 pi)/H(z_s).
        """
        z = jnp.expm1(u)
        factor = self.scale * SPEED_OF_LIGHT / (4.0 * jnp.pi * self.expansion.hubble(z))
        return factor if self.burst else factor * self.evolution.density(z) * (1.0 + z)

    def spectrum_at(self, log_energy: jax.Array) -> jax.Array:
        """Q(E) at ln(E/GeV)."""
        return self.spectrum.emissivity_at_log(log_energy)

    @property
    def log_breaks(self) -> jax.Array:
        """ln(1 + z) of the redshifts where W or its slope jumps."""
        return jnp.log1p(jnp.asarray(self.evolution.breaks, dtype=jnp.float64).reshape(-1))

    @property
    def log_kinks(self) -> jax.Array:
        """ln(E/GeV) of the energies at the source where Q or its slope jumps."""
        return jnp.log(jnp.asarray(self.spectrum.kinks, dtype=jnp.float64).reshape(-1))

    @property
    def log_jumps(self) -> jax.Array:
        """ln(1 + z) of the redshifts where W itself jumps, its end at z_max included."""
        jumps = jnp.log1p(jnp.asarray(self.evolution.jumps, dtype=jnp.float64).reshape(-1))
        return jnp.append(jumps, self.u_max)
