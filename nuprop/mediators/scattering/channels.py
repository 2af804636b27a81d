"""Cross sections as sums of terms: a coupling, a function of s, a shape in x = E_out / E_in.

Every two-to-two cross section by exchange of a boson is, with r = s / M^2,

    dsigma/dx = M^-2 sum_terms C a(r) phi(x, r),    phi = x^n (1 - x)^m / (1 + q r (1 - x))^p

or the mirror image of phi under x -> 1 - x; products of a t- and a u-channel propagator fall into
two of these by partial fractions. Transport needs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.errors import ParameterError, nearest
from nuprop.mediators.scattering.moments import (
    moment,
    moment_between,
    pair_moment,
    pair_moment_between,
)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["coefficient", "lost", "pole", "other_pole", "scale", "partner"],
    meta_fields=[
        "channel",
        "prefactor_name",
        "x_power",
        "y_power",
        "propagators",
        "mirrored",
        "cp_odd",
        "multiplicity",
    ],
)
@dataclass(frozen=True)
class Term:
    """One product C a(r) phi(x, r) of a differential cross section.

    Attributes
    ----------
    coefficient : (2, 2, N, N, N)
        C [out species, target species, beam i, target j, outgoing k]. Species 0 is that of the
        beam (nu for a beam of nu), species 1 the opposite one. Counts every outgoing particle.
    lost : (2, N, N)
        The same [target species, i, j] for particles that leave the flux (sterile, visible).
    channel : str
        "s", "t", "st", "u", "tu", ...: what `Scattering.only` selects.
    prefactor_name : str
        Which a(r), with 1/D = 1 / (r - pole[0] + i pole[1]): "t" r; "s2" r |1/D|^2;
        "re", "im" r Re(1/D), r Im(1/D); "ss_re", "ss_im" of r (1/D) (1/D')* with `other_pole`;
        "tu" r q / (q + q' + q q' r), where q is `scale` and q' `partner`.
    x_power, y_power, propagators : n, m, p
        p = 0, 1, 2. "pair" is p = 2 with two different factors, `scale` and `partner` in them.
    mirrored : bool
        Whether phi is the mirror image, (1 - x)^n x^m / (1 + q r x)^p.
    pole, other_pole : (mu, width) of a resonance at r = mu, in units of M^2: (1, Gamma/M)
    scale, partner : q and q'
        M^2 over the square of the mass in the propagator: 1 for a single mediator.
    cp_odd : bool
        Whether the coefficient changes sign for a beam of antineutrinos.
    multiplicity : int
        Particles out per interaction, those lost included.
    """

    coefficient: Any
    lost: Any
    channel: str
    prefactor_name: str
    x_power: int = 0
    y_power: int = 0
    propagators: int | str = 0
    mirrored: bool = False
    pole: Any = (1.0, 0.0)
    other_pole: Any = (1.0, 0.0)
    scale: Any = 1.0
    partner: Any = 1.0
    cp_odd: bool = False
    multiplicity: int = 2

    def prefactor(self, r: ArrayLike) -> jax.Array:
        """a(r), of the shape of `r`."""
        return _PREFACTORS[self.prefactor_name](self, jnp.asarray(r, dtype=jnp.float64))

    def shape(self, x: ArrayLike, r: ArrayLike) -> jax.Array:
        """phi(x, r), of the shape to which `x` and `r` broadcast."""
        x, r = jnp.asarray(x, dtype=jnp.float64), jnp.asarray(r, dtype=jnp.float64)
        x, y = (1.0 - x, x) if self.mirrored else (x, 1.0 - x)
        value = x**self.x_power * y**self.y_power * jnp.ones_like(r)
        if self.propagators == "pair":
            return value / ((1.0 + self.scale * r * y) * (1.0 + self.partner * r * y))
        return value / (1.0 + self.scale * r * y) ** self.propagators

    def moment(self, r: ArrayLike, power: int = 0) -> jax.Array:
        """int_0^1 dx x^power phi(x, r), of the shape of `r`."""
        n, m = self._powers(power)
        scaled = jnp.asarray(r) * self.scale
        if self.propagators == "pair":
            return pair_moment(n, m, scaled, jnp.asarray(r) * self.partner)
        return moment(n, m, int(self.propagators), scaled)

    def integral(
        self, r: ArrayLike, lower: ArrayLike, upper: ArrayLike, power: int = 0
    ) -> jax.Array:
        """int_lower^upper dx x^power phi(x, r), of the shape to which the arguments broadcast."""
        n, m = self._powers(power)
        scaled = jnp.asarray(r) * self.scale
        if self.propagators == "pair":
            other = jnp.asarray(r) * self.partner
            return pair_moment_between(n, m, scaled, other, lower, upper, mirrored=self.mirrored)
        p = int(self.propagators)
        return moment_between(n, m, p, scaled, lower, upper, mirrored=self.mirrored)

    def _powers(self, power: int) -> tuple[int, int]:
        if self.mirrored:
            return self.x_power, self.y_power + power
        return self.x_power + power, self.y_power

    @property
    def removal(self) -> Any:
        """Coefficient of the total cross section, shape (2, N, N) for [target species, i, j]."""
        return (jnp.sum(self.coefficient, axis=(0, 4)) + self.lost) / self.multiplicity


def _propagator(r: jax.Array, pole: tuple[Any, Any]) -> tuple[jax.Array, jax.Array]:
    """Real and imaginary part of 1 / (r - mu + i width)."""
    distance, width = r - pole[0], pole[1]
    square = distance**2 + width**2
    return distance / square, -width / square


def _squared(term: Term, r: jax.Array) -> jax.Array:
    return r / ((r - term.pole[0]) ** 2 + term.pole[1] ** 2)


def _product(term: Term, r: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Real and imaginary part of (1/D) (1/D')*."""
    (a, b), (c, d) = _propagator(r, term.pole), _propagator(r, term.other_pole)
    return a * c + b * d, b * c - a * d


def _crossed(term: Term, r: jax.Array) -> jax.Array:
    return r * term.scale / (term.scale + term.partner + term.scale * term.partner * r)


_PREFACTORS: dict[str, Callable[[Term, jax.Array], jax.Array]] = {
    "t": lambda term, r: r,
    "s2": _squared,
    "re": lambda term, r: r * _propagator(r, term.pole)[0],
    "im": lambda term, r: r * _propagator(r, term.pole)[1],
    "ss_re": lambda term, r: r * _product(term, r)[0],
    "ss_im": lambda term, r: r * _product(term, r)[1],
    "tu": _crossed,
}


def combine(
    terms: Sequence[Term],
    shapes: Sequence[jax.Array],
    factors: Sequence[Any],
    r: ArrayLike,
    size: tuple[int, ...],
) -> jax.Array:
    """Sum over terms of a(r) times the outer product of shape and factor, (..., *size)."""
    if not terms:
        return jnp.zeros(jnp.shape(r) + size)
    weights = [term.prefactor(r) * value for term, value in zip(terms, shapes, strict=True)]
    return jnp.tensordot(jnp.stack(weights, axis=-1), jnp.stack(factors), axes=1)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["mass", "gamma", "terms"],
    meta_fields=["n_states"],
)
@dataclass(frozen=True)
class Scattering:
    """All cross sections of a beam neutrino on a relic one by exchange of a mediator.

    Attributes
    ----------
    mass : M [GeV]
    gamma : Gamma / M
    terms : tuple of Term
        May be empty: nothing scatters then.
    n_states : N, of neutrino mass eigenstates.

    Notes
    -----
    For one target of definite helicity and species, massless kinematics (s >> m^2). Everything is
    in units of M^-2; shapes: those of the arguments come first, then species and states in the
    order of `Term.coefficient`.
    """

    mass: Any
    gamma: Any
    terms: tuple[Term, ...]
    n_states: int = 3

    def total(self, r: ArrayLike) -> jax.Array:
        """Total cross section times M^2, shape (..., target species, i, j).

        Parameters
        ----------
        r : array
            s / M^2.
        """
        shapes = [term.moment(r) for term in self.terms]
        removals = [term.removal for term in self.terms]
        return combine(self.terms, shapes, removals, r, (2, self.n_states, self.n_states))

    def differential(self, x: ArrayLike, r: ArrayLike) -> jax.Array:
        """M^2 dsigma/dx, summed over what else comes out: shape (..., out, target, i, j, k)."""
        r, x = jnp.broadcast_arrays(jnp.asarray(r), jnp.asarray(x))
        return self._yields([term.shape(x, r) for term in self.terms], r)

    def number_yields(self, r: ArrayLike) -> jax.Array:
        """M^2 sigma times the mean number of each outgoing state, (..., out, target, i, j, k)."""
        return self._yields([term.moment(r) for term in self.terms], r)

    def energy_yields(self, r: ArrayLike) -> jax.Array:
        """M^2 sigma times the mean share of energy in each state, (..., out, target, i, j, k)."""
        return self._yields([term.moment(r, 1) for term in self.terms], r)

    def yields_between(
        self, r: ArrayLike, lower: ArrayLike, upper: ArrayLike, power: int = 0
    ) -> jax.Array:
        """M^2 int_lower^upper dx x^power dsigma/dx, shape (..., out, target, i, j, k)."""
        r, lower, upper = jnp.broadcast_arrays(*map(jnp.asarray, (r, lower, upper)))
        shapes = [term.integral(r, lower, upper, power) for term in self.terms]
        return self._yields(shapes, r)

    def only(self, *channels: str) -> Scattering:
        """Keep the terms of these channels: "s", "t", "u", "st", "tu", ...

        Raises
        ------
        ParameterError
            If a channel is not one of these cross sections.
        """
        known = {term.channel for term in self.terms}
        for name in channels:
            if name not in known:
                raise ParameterError(f"channel = {name!r}: {nearest(str(name), known)}")
        return replace(self, terms=tuple(t for t in self.terms if t.channel in channels))

    def without_pole(self) -> Scattering:
        """Everything except the squared s-channel, whose line a solver may treat by itself."""
        return replace(self, terms=tuple(t for t in self.terms if t.channel != "s"))

    def on_targets(self, abundance: ArrayLike) -> Scattering:
        """Cross sections times a number for each target state j, shape (N,)."""
        each = jnp.asarray(abundance)
        weighted = (
            replace(t, coefficient=t.coefficient * each[:, None], lost=t.lost * each)
            for t in self.terms
        )
        return replace(self, terms=tuple(weighted))

    def cp_conjugate(self) -> Scattering:
        """Cross sections of a beam of antineutrinos: couplings replaced by their conjugates.

        Species stay relative to the beam: 0 is now the antineutrino.
        """
        flipped = (
            replace(t, coefficient=-t.coefficient, lost=-t.lost) if t.cp_odd else t
            for t in self.terms
        )
        return replace(self, terms=tuple(flipped))

    def _yields(self, shapes: list[jax.Array], r: ArrayLike) -> jax.Array:
        coefficients = [term.coefficient for term in self.terms]
        return combine(self.terms, shapes, coefficients, r, (2, 2, *(self.n_states,) * 3))
