"""Scattering of neutrinos by vector bosons: s, t and u channels and their interference.

L = Z'_mu sum_ij g_ij nubar_i gamma^mu P_L nu_j in the mass basis, g Hermitian. For s >> m_nu^2,
with x = E_out / E_in of the outgoing k and D = s - M^2 + i M Gamma,

    nu_i nubar_j -> nu_k nubar_l: dsigma/dx = (x^2 s / 4 pi)
                                  |g_ji g_kl / D - g_ki g_jl / (s (1 - x) + M^2)|^2
    nu_i nu_j -> nu_k nu_l:       dsigma/dx = (s / 4 pi)
                                  |g_ki g_lj / (s (1 - x) + M^2) + g_li g_kj / (s x + M^2)|^2

for beam and target of definite helicity; ordered pairs k, l of the second count half in the total.
Antineutrinos have g replaced by its complex conjugate. Several bosons add their amplitudes.

The width is the same at every s. Far below the pole the contact interaction is then off by
(Gamma / M)^2 of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.errors import ParameterError, nearest
from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.scattering.channels import Scattering, Term
from nuprop.mediators.scattering.final_states import FinalStates
from nuprop.mediators.zprime import Nature, ZPrime
from nuprop.neutrinos import Neutrinos
from nuprop.pytree import as_pytree, assign
from nuprop.units import is_traced, require

#: Squares and interferences; "ss" is that of two bosons in the s channel, "t" is of both targets.
CHANNELS = ("s", "ss", "t", "st", "u", "tu")

#: Largest |g_ij - conj(g_ji)|, relative to the largest entry: a change of basis rounds.
_HERMITIAN_TOLERANCE = 1e-10


@as_pytree
@dataclass(frozen=True, init=False, eq=False)
class VectorBoson:
    """A vector boson as the neutrinos see it: mass, couplings in the mass basis, width.

    Parameters
    ----------
    couplings : array, shape (N, N)
        g_ij, Hermitian.
    mass : float, GeV
    to_inactive : float
        Gamma / M to anything but active neutrinos.

    Raises
    ------
    ParameterError
        If the matrix is not square, not Hermitian to 1e-10 or zero, the mass not positive or the
        width negative. Traced values are not looked at.
    """

    couplings: Any
    mass: Any
    to_inactive: Any

    def __init__(self, couplings: Any, mass: Any, to_inactive: Any = 0.0) -> None:
        shape = np.shape(couplings)
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ParameterError(f"couplings has the shape {shape}: a square matrix is needed")
        if not is_traced(couplings):
            matrix = np.asarray(couplings)
            largest = np.max(np.abs(matrix))
            excess = np.max(np.abs(matrix - matrix.conj().T))
            if not (0.0 < largest < np.inf and excess <= _HERMITIAN_TOLERANCE * largest):
                raise ParameterError(
                    f"couplings = {matrix.tolist()}: a Hermitian matrix of finite numbers is "
                    "needed, not all of them zero"
                )
        require("mass", mass, "a positive mass [GeV] is needed", lambda value: value > 0.0)
        require("to_inactive", to_inactive, "Gamma/M must be >= 0", lambda value: value >= 0.0)
        assign(self, couplings=couplings, mass=mass, to_inactive=to_inactive)

    @classmethod
    def of_zprime(
        cls, zprime: ZPrime, neutrinos: Neutrinos, nature: Nature = "majorana"
    ) -> VectorBoson:
        """See a `ZPrime` by these neutrinos; its other decays are `to_inactive`."""
        active = zprime.partial_widths(nature)["neutrinos"]
        inactive = (zprime.width(nature) - active) / zprime.mass
        return cls(zprime.couplings_in_mass_basis(neutrinos), zprime.mass, inactive)

    @property
    def gamma(self) -> jax.Array:
        """Gamma / M = Tr(g^2) / (24 pi), plus the inactive part."""
        active = jnp.sum(squared_moduli(self.couplings)) / (24.0 * jnp.pi)
        return active + self.to_inactive


def vector_scattering(boson: VectorBoson, channels: Sequence[str] = CHANNELS) -> Scattering:
    """Build the cross sections of one vector boson.

    Parameters
    ----------
    boson : VectorBoson
    channels : sequence of str
        Some of "s", "t", "st", "u", "tu".

    Returns
    -------
    Scattering
        The channel "s" alone is the line. Decays to anything but active neutrinos count in its
        total, not in its yields: a narrow line has 2 pi |g_ij|^2 delta(s - M^2) in all.

    Raises
    ------
    ParameterError
        If a channel is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> scattering = vector_scattering(VectorBoson(0.1 * np.eye(3), mass=0.01))
    >>> sigma = scattering.only("st").total(2.0)[1, 0, 0] / 0.1**4
    >>> f"{sigma:.10f} g^4/M^2"
    '-0.0751016486 g^4/M^2'
    """
    return _with_losses(vector_final_states(boson, channels=channels), (boson,), channels)


def two_vectors(
    first: VectorBoson, second: VectorBoson, channels: Sequence[str] = CHANNELS
) -> Scattering:
    """Build the cross sections of two vector bosons, with the interference between them.

    Parameters
    ----------
    first, second : VectorBoson
        The mass of the first is the M of the result. The masses may be equal; up to a factor of
        1000 apart all digits are kept.
    channels : sequence of str
        As in `vector_scattering`; "ss" is the interference of the two lines, which `without_pole`
        keeps.

    Returns
    -------
    Scattering

    Raises
    ------
    ParameterError
        If a channel is unknown or the matrices differ in size.

    Notes
    -----
    Each propagator has its own width only: the mixing of two lines closer than their widths through
    a common final state is not included. Inactive decays do not interfere.
    """
    return _with_losses(
        vector_final_states(first, second, channels=channels), (first, second), channels
    )


def interfering_vectors(bosons: Sequence[VectorBoson]) -> tuple[Scattering, ...]:
    """Divide the cross sections of several vector bosons, amplitudes added, among the bosons.

    Parameters
    ----------
    bosons : sequence of VectorBoson

    Returns
    -------
    tuple of Scattering
        One for each boson, in units of its own mass and with no other pole than its own. They are
        no cross sections by themselves; their sum is that of `two_vectors`, for any number.

    Raises
    ------
    ParameterError
        If the matrices differ in size.

    Notes
    -----
    The product of two lines is one term of either by partial fractions,

        1 / (D_a D_b^*) = (1 / D_a - 1 / D_b^*) / (D_b^* - D_a),

    and D_b^* - D_a = M_a^2 - M_b^2 - i (M_a Gamma_a + M_b Gamma_b) is the same at every s: averages
    over the motion of targets are those of single lines. For equal masses nothing cancels: the two
    terms are the sum of the lines.
    """
    size = _size(bosons)
    parts = []
    for number, boson in enumerate(bosons):
        exchanges = [_Exchange.of(each, boson.mass) for each in bosons]
        own, others = exchanges[number], exchanges[:number] + exchanges[number + 1 :]
        opposite = _with_line(own, exchanges) + _exchanged(exchanges, number)
        for other in others:
            opposite += _share_of_lines(own, other)
        same = tuple(_exchanged_twice(exchanges, number))
        states = FinalStates(boson.mass, boson.gamma, same, tuple(opposite), size)
        parts.append(_with_losses(states, (boson,), CHANNELS))
    return tuple(parts)


def vector_final_states(*bosons: VectorBoson, channels: Sequence[str] = CHANNELS) -> FinalStates:
    """Build the cross sections of each pair of outgoing active states, all amplitudes added.

    Parameters
    ----------
    bosons : VectorBoson
        The mass of the first is the M of the result.
    channels : sequence of str
        As in `two_vectors`.

    Returns
    -------
    FinalStates

    Raises
    ------
    ParameterError
        If a channel is unknown or the matrices differ in size.
    """
    for name in channels:
        if name not in CHANNELS:
            raise ParameterError(f"channel = {name!r}: {nearest(str(name), CHANNELS)}")
    size = _size(bosons)
    exchanges = [_Exchange.of(boson, bosons[0].mass) for boson in bosons]
    same = [term for term in _same_species(exchanges) if term.channel in channels]
    opposite = [term for term in _opposite_species(exchanges) if term.channel in channels]
    first = bosons[0]
    return FinalStates(first.mass, first.gamma, tuple(same), tuple(opposite), size)


def _size(bosons: Sequence[VectorBoson]) -> int:
    """Count the neutrinos that all bosons couple to."""
    sizes = {np.shape(boson.couplings)[0] for boson in bosons}
    if len(sizes) != 1:
        raise ParameterError(f"couplings of {sorted(sizes)} states: one number of them is needed")
    return sizes.pop()


@dataclass(frozen=True)
class _Exchange:
    """Products of couplings [i, j, k, l] of each channel, over sqrt(4 pi), and the propagators.

    `across` and `crossed` have the factor q of the propagator q / (1 + q r (1 - x)) inside.
    """

    annihilation: jax.Array  # g_ji g_kl
    exchange: jax.Array  # g_ki g_jl
    across: jax.Array  # g_ki g_lj
    crossed: jax.Array  # g_li g_kj
    pole: tuple[Any, Any]
    scale: Any

    @classmethod
    def of(cls, boson: VectorBoson, mass: Any) -> _Exchange:
        g = jnp.asarray(boson.couplings, dtype=jnp.complex128)
        mu = (boson.mass / mass) ** 2
        products = ("ji,kl->ijkl", "ki,jl->ijkl", "ki,lj->ijkl", "li,kj->ijkl")
        s, t, across, crossed = (
            jnp.einsum(indices, g, g) / jnp.sqrt(4.0 * jnp.pi) for indices in products
        )
        return cls(s, t / mu, across / mu, crossed / mu, (mu, mu * boson.gamma), 1.0 / mu)


def _times(first: jax.Array, second: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Real and imaginary part of first times conj(second), by real products."""
    a, b, c, d = jnp.real(first), jnp.imag(first), jnp.real(second), jnp.imag(second)
    return a * c + b * d, b * c - a * d


def _opposite_species(exchanges: Sequence[_Exchange]) -> list[Term]:
    """x^2 |sum_V S_V / D_V - T_V / (1 + q_V r (1 - x))|^2."""
    terms = []
    for number, a in enumerate(exchanges):
        terms += _with_line(a, exchanges)
        for b in exchanges[number + 1 :]:
            real, imag = _times(a.annihilation, b.annihilation)
            lines = partial(
                Term, lost=None, channel="ss", x_power=2, pole=a.pole, other_pole=b.pole
            )
            terms.append(lines(2.0 * real, prefactor_name="ss_re"))
            terms.append(lines(-2.0 * imag, prefactor_name="ss_im", cp_odd=True))
    return terms + [term for n in range(len(exchanges)) for term in _exchanged(exchanges, n)]


def _with_line(a: _Exchange, exchanges: Sequence[_Exchange]) -> list[Term]:
    """x^2 {|S / D|^2 - 2 Re S / D sum_V T_V^* / (1 + q_V r (1 - x))}."""
    line = partial(Term, lost=None, x_power=2, pole=a.pole)
    terms = [line(squared_moduli(a.annihilation), channel="s", prefactor_name="s2")]
    for b in exchanges:
        real, imag = _times(a.annihilation, b.exchange)
        mixed = partial(line, channel="st", propagators=1, scale=b.scale)
        terms.append(mixed(-2.0 * real, prefactor_name="re"))
        terms.append(mixed(2.0 * imag, prefactor_name="im", cp_odd=True))
    return terms


def _share_of_lines(a: _Exchange, b: _Exchange) -> list[Term]:
    """x^2 2 Re S_a S_b^* / (D_a (D_b^* - D_a)): of two lines, what has the pole of the first."""
    (place, width), (other_place, other_width) = a.pole, b.pole
    away, widths = place - other_place, width + other_width
    square = away**2 + widths**2
    p, q = away / square, widths / square
    real, imag = _times(a.annihilation, b.annihilation)
    line = partial(Term, lost=None, channel="ss", x_power=2, pole=a.pole)
    return [
        line(2.0 * p * real, prefactor_name="re"),
        line(-2.0 * q * real, prefactor_name="im"),
        line(-2.0 * q * imag, prefactor_name="re", cp_odd=True),
        line(-2.0 * p * imag, prefactor_name="im", cp_odd=True),
    ]


def _exchanged(exchanges: Sequence[_Exchange], first: int) -> list[Term]:
    """Of x^2 |sum_V T_V / (1 + q_V r (1 - x))|^2 what has a first boson, and no earlier one."""
    amplitudes = [(a.exchange, a.scale) for a in exchanges[first:]]
    return [replace(term, x_power=2) for term in _squared_sum(amplitudes, "t", False)]


def _same_species(exchanges: Sequence[_Exchange]) -> list[Term]:
    """|sum_V T_V / (1 + q_V r (1 - x)) + U_V / (1 + q_V r x)|^2."""
    return [term for n in range(len(exchanges)) for term in _exchanged_twice(exchanges, n)]


def _exchanged_twice(exchanges: Sequence[_Exchange], first: int) -> list[Term]:
    """Of `_same_species` what has a first boson, and no earlier one."""
    later = exchanges[first:]
    terms = _squared_sum([(a.across, a.scale) for a in later], "t", False)
    terms += _squared_sum([(a.crossed, a.scale) for a in later], "u", True)
    own = later[0]
    for a, b in [(own, own), *((own, b) for b in later[1:]), *((b, own) for b in later[1:])]:
        coefficient = 2.0 * _times(a.across, b.crossed)[0]
        mixed = partial(Term, coefficient, None, "tu", "tu", propagators=1)
        terms.append(mixed(scale=a.scale, partner=b.scale))
        terms.append(mixed(scale=b.scale, partner=a.scale, mirrored=True))
    return terms


def _squared_sum(
    amplitudes: Sequence[tuple[jax.Array, Any]], channel: str, mirrored: bool
) -> list[Term]:
    """Of |sum_V A_V / (1 + q_V r (1 - x))|^2, or its mirror image, what has the first of A_V."""
    squared = partial(Term, lost=None, channel=channel, prefactor_name="t", mirrored=mirrored)
    a, q = amplitudes[0]
    terms = [squared(squared_moduli(a), propagators=2, scale=q)]
    for b, p in amplitudes[1:]:
        real, _ = _times(a, b)
        terms.append(squared(2.0 * real, propagators="pair", scale=q, partner=p))
    return terms


def _with_losses(
    states: FinalStates, bosons: Sequence[VectorBoson], channels: Sequence[str]
) -> Scattering:
    """Add the s channel to what is not active: sigma = 2 |g_ij|^2 (Gamma_X / M) s / |D|^2."""
    scattering = states.yields()
    if "s" not in channels:
        return scattering
    n = states.n_states
    losses = []
    for boson in bosons:
        mu = (boson.mass / states.mass) ** 2
        lost = 4.0 * boson.to_inactive * squared_moduli(boson.couplings)
        losses.append(
            Term(
                jnp.zeros((2, 2, n, n, n)),
                jnp.zeros((2, n, n)).at[1].set(lost),
                channel="s",
                prefactor_name="s2",
                pole=(mu, mu * boson.gamma),
            )
        )
    return replace(scattering, terms=scattering.terms + tuple(losses))
