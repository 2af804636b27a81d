"""Cross sections of each pair of outgoing states, and how they become yields of one neutrino."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.mediators.scattering.channels import Scattering, Term, combine


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["mass", "gamma", "same", "opposite"],
    meta_fields=["n_states"],
)
@dataclass(frozen=True)
class FinalStates:
    """Cross sections of each final state (k, l) of a two-to-two process.

    Attributes
    ----------
    mass, gamma, n_states : as in `Scattering`
    same : tuple of Term
        Two neutrinos of the beam's species meet and go on. Coefficients have the shape
        (N, N, N, N) for [i, j, k, l], `lost` is not used; x is the share of energy of k.
    opposite : tuple of Term
        The target is of the other species: k goes on with the beam's, l with the target's.
    """

    mass: Any
    gamma: Any
    same: tuple[Term, ...]
    opposite: tuple[Term, ...]
    n_states: int

    def differential(self, x: ArrayLike, r: ArrayLike) -> jax.Array:
        """M^2 dsigma/dx at r = s / M^2, shape (..., target species, i, j, k, l).

        On a target of the beam's species, (k, l) at x is the same event as (l, k) at 1 - x.
        """
        r, x = jnp.broadcast_arrays(jnp.asarray(r), jnp.asarray(x))
        same = self._combined(self.same, [term.shape(x, r) for term in self.same], r)
        opposite = self._combined(self.opposite, [term.shape(x, r) for term in self.opposite], r)
        return jnp.stack([same, opposite], axis=-5)

    def total(self, r: ArrayLike) -> jax.Array:
        """M^2 sigma, shape (..., target species, i, j, k, l).

        On a target of the beam's species (k, l) and (l, k) have half of it each: the sum over k
        and l is the total on either target.
        """
        same = self._combined(self.same, [term.moment(r) for term in self.same], r)
        opposite = self._combined(self.opposite, [term.moment(r) for term in self.opposite], r)
        return jnp.stack([same / 2.0, opposite], axis=-5)

    def yields(self) -> Scattering:
        """Count every outgoing neutrino, summed over what comes out with it."""
        terms = [self._counted(term, 0, 0, -1) for term in self.same]
        for term in self.opposite:
            terms.append(self._counted(term, 0, 1, -1))
            terms.append(self._counted(replace(term, mirrored=not term.mirrored), 1, 1, -2))
        return Scattering(self.mass, self.gamma, tuple(terms), self.n_states)

    def _counted(self, term: Term, out: int, target: int, axis: int) -> Term:
        n = self.n_states
        counted = jnp.sum(term.coefficient, axis=axis)
        coefficient = jnp.zeros((2, 2, n, n, n)).at[out, target].set(counted)
        return replace(term, coefficient=coefficient, lost=jnp.zeros((2, n, n)))

    def _combined(
        self, terms: tuple[Term, ...], shapes: list[jax.Array], r: ArrayLike
    ) -> jax.Array:
        factors = [term.coefficient for term in terms]
        return combine(terms, shapes, factors, r, (self.n_states,) * 4)
