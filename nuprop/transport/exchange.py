"""Scattering away from the resonance, arranged for the running sums of a march.

Every kernel is a prefactor a(r) of the energy of the beam, r = s/M^2, times a polynomial in
x = E_out/E_in, times a propagator. With s = 2 E W the propagator of the u channel is a function of
the outgoing energy alone, 1 + r x = 1 + 2 W E'/M^2, and that of the t channel one of the energy
lost, 1 + r (1 - x) = 1 + 2 W (E - E')/M^2, a sum of exponentials in it. Both factorize, so that
secondaries cost a number of operations linear in the number of cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.errors import ParameterError
from nuprop.mediators.scattering import Scattering, Term
from nuprop.mediators.scattering.moments import moment, over_sinh, pair_moment

Propagators = Literal[0, 1, 2, "pair"]

#: Ends of the rates of the exponentials that stand for a propagator, over the inverse of the
#: longest and of the shortest length.
_FLAT, _STEEP = 0.1, 12.0
#: How far apart they are in ln, about: each costs less than 5e-5.
_SPACING = 0.64
#: Rates further down, which the two lowest stand for.
_SLOWER = 40
#: Prefactors whose average over the relics' motion is known, see `nuprop.transport.medium`.
PREFACTORS = ("t", "tu", "re", "im")
_PAIR_NODES, _PAIR_WEIGHTS = np.polynomial.legendre.leggauss(10)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["yields", "removal", "pole", "scale", "partner"],
    meta_fields=["prefactor", "shape", "crossed", "masses"],
)
@dataclass(frozen=True)
class Kernel:
    """One prefactor and shape, with the couplings of all terms that share them.

    Attributes
    ----------
    yields : (n_channels, n_channels, n, n, n) [out, in, beam i, target j, outgoing k]
    removal : (n_channels, n, n) [in, i, j]
    pole : (mu, width) of the resonance in the prefactor
    scale, partner : M^2 over the squared masses in the propagators
    prefactor : as `Term.prefactor_name`
    shape : (n, m, p) of `Term`, x^n (1 - x)^m times propagators
    crossed : bool
        Whether the shape is mirrored, so that the propagator is that of the u channel.
    masses : equal for kernels of the same `scale` and `partner`
    """

    yields: jax.Array
    removal: jax.Array
    pole: Any
    scale: Any
    partner: Any
    prefactor: str
    shape: tuple[int, int, Propagators]
    crossed: bool
    masses: tuple[int, int]

    @property
    def propagators(self) -> Propagators:
        """0, 1, 2 or "pair"."""
        return self.shape[2]

    @property
    def polynomial(self) -> tuple[tuple[int, float], ...]:
        """(power, factor) of x."""
        rising, falling, _ = self.shape
        if self.crossed:
            rising, falling = falling, rising
        return tuple(
            (rising + k, float((-1) ** k * math.comb(falling, k))) for k in range(falling + 1)
        )

    def moment(self, r: jax.Array, power: int = 0) -> jax.Array:
        """Integral of x^power times the shape over x at r = s/M^2."""
        n, m, p = self.shape
        n, m = (n, m + power) if self.crossed else (n + power, m)
        if p == "pair":
            return pair_moment(n, m, r * self.scale, r * self.partner)
        return moment(n, m, p, r * self.scale)


def kernels_of(scattering: Scattering, n_channels: int, density: jax.Array) -> tuple[Kernel, ...]:
    """Arrange the terms of a cross section for nu + nubar together, or apart.

    Parameters
    ----------
    scattering : Scattering
        Made in the same trace: terms whose numbers are the same objects are joined.
    n_channels : 1 or 2
    density : (2, 2)
        Targets [in, species relative to the beam] over the density of one helicity.

    Returns
    -------
    tuple of Kernel
    """
    kernels: dict[Any, Kernel] = {}
    known: list[Any] = []

    def number(value: Any) -> int:
        for place, other in enumerate(known):
            if other is value:
                return place
        known.append(value)
        return len(known) - 1

    for term in scattering.terms:
        if term.prefactor_name not in PREFACTORS:
            raise ParameterError(
                f"a product of two lines, {term.prefactor_name!r}: "
                "`interfering_vectors` divides it among them"
            )
        kernel = Kernel(
            yields=_in_channels(term, n_channels, density),
            removal=_removed(term, n_channels, density),
            pole=term.pole,
            scale=term.scale,
            partner=term.partner,
            prefactor=term.prefactor_name,
            shape=(term.x_power, term.y_power, term.propagators),  # type: ignore[arg-type]
            crossed=term.mirrored,
            masses=(number(term.scale), number(term.partner)),
        )
        pole = tuple(map(number, term.pole))
        key = (kernel.prefactor, kernel.shape, kernel.crossed, kernel.masses, pole)
        if key in kernels:
            old = kernels[key]
            kernel = replace(
                old, yields=old.yields + kernel.yields, removal=old.removal + kernel.removal
            )
        kernels[key] = kernel
    return tuple(kernels.values())


def _signs(term: Term, n_channels: int) -> tuple[float, ...]:
    """Of beams of nu and nubar; where both are followed together they are equal parts."""
    if n_channels == 1:
        return (0.0 if term.cp_odd else 1.0,)
    return (1.0, -1.0 if term.cp_odd else 1.0)


def _in_channels(term: Term, n_channels: int, density: jax.Array) -> jax.Array:
    """Coefficient [out, in, i, j, k] with targets of both species added up."""
    columns = []
    for beam, sign in enumerate(_signs(term, n_channels)):
        relative = sign * jnp.einsum("otijk,t->oijk", term.coefficient, density[beam])
        if n_channels == 1:
            columns.append(jnp.sum(relative, axis=0, keepdims=True))
        else:
            columns.append(relative[::-1] if beam else relative)
    return jnp.stack(columns, axis=1)


def _removed(term: Term, n_channels: int, density: jax.Array) -> jax.Array:
    signs = _signs(term, n_channels)
    return jnp.stack(
        [sign * jnp.einsum("tij,t->ij", term.removal, density[b]) for b, sign in enumerate(signs)]
    )


def exponentials_needed(shortest: float, longest: float, h: float) -> tuple[int, int]:
    """Count the exponentials that `decay_rates` should have, and the cells between two of them."""
    stride = max(1, round(_SPACING / h))
    span = math.log((1.0 + longest / shortest) * _STEEP / _FLAT)
    return 2 + math.ceil(span / (stride * h)), stride


def decay_rates(shortest: jax.Array, number: int, spacing: jax.Array) -> jax.Array:
    """Rates mu of e^{-mu (E - E')} that together make any propagator; rising from 0, (number,).

    Parameters
    ----------
    shortest : GeV, the least energy loss M^2/(2 W) at which a propagator falls.
    spacing : in ln(mu)
    """
    rates = _STEEP / shortest * jnp.exp(-spacing * np.arange(number - 2.0, -1.0, -1.0))
    return jnp.concatenate([jnp.zeros(1), rates])


def exponential_weights(
    rates: jax.Array, length: jax.Array, propagators: Propagators, partner: jax.Array
) -> jax.Array:
    """Weights c of 1/(1 + x/length)^p = sum_l c_l e^{-mu_l x}; (n_rates, *length.shape).

    The integral int dmu mu^(p-1) length^p e^{-mu length} e^{-mu x}, by the trapezoidal rule in
    ln(mu), whose error falls exponentially with the spacing; what lies below the lowest rate but 0
    is shared by these two so that the slope in x is kept. "pair" is
    1/[(1 + x/length)(1 + x/partner)].
    """
    if propagators == "pair":
        half = 0.5 * jnp.log(partner / length)
        middle = jnp.sqrt(length * partner)
        total = jnp.zeros((rates.shape[0], *jnp.shape(length)))
        for node, weight in zip(_PAIR_NODES, _PAIR_WEIGHTS, strict=True):
            between = middle * jnp.exp(half * node)
            square = exponential_weights(rates, between, 2, between)
            total = total + 0.5 * weight * square * middle / between
        return total * over_sinh(half)
    spacing = jnp.log(rates[2] / rates[1])
    slower = jnp.exp(-spacing * np.arange(1.0, _SLOWER))
    every = jnp.concatenate([rates[1] * slower, rates[1:]])
    z = every.reshape(-1, *(1,) * jnp.ndim(length)) * length
    weights = spacing * z ** int(propagators) * jnp.exp(-z)
    tail, weights = weights[: _SLOWER - 1], weights[_SLOWER - 1 :]
    sloping = jnp.tensordot(slower, tail, axes=1)
    flat = jnp.sum(tail, axis=0) - sloping
    return jnp.concatenate([flat[None], weights[:1] + sloping, weights[1:]])
