"""Scattering of neutrinos by a scalar: s, t and u channels and their interference.

With two-component fields chi = (nu, N), N the singlets of Dirac neutrinos, and the symmetric matrix
Lambda of L = -(1/2) phi chi Lambda chi + h.c., for s >> m_nu^2, D = s - M^2 + i M Gamma,
t = -s (1 - x), u = -s x, x = E_out / E_in of the first outgoing state C:

    A(L) B(L) -> C(L) D(L):  |Lambda_AB Lambda_CD^* s/D|^2
    A(L) B(L) -> C(R) D(R):  |Lambda_AB Lambda_CD s/D + Lambda_AC Lambda_BD t/(t - M^2)
                              + Lambda_AD Lambda_BC u/(u - M^2)|^2, a real field only
    A(L) B(R) -> C(L) D(R):  |Lambda_AD Lambda_BC u/(u - M^2)|^2

are the squared amplitudes, and dsigma/dx = |amplitude|^2 / (16 pi s) for beam and target of
definite helicity; ordered pairs C, D of the first two count half in the total. In the mass basis
Lambda is lambda_ij between nu_i and nu_j, or, for the Yukawa coupling of Dirac neutrinos, between
nu_i and N_j.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.scalar import Nature, Scalar
from nuprop.mediators.scattering.channels import Scattering, Term
from nuprop.neutrinos import Neutrinos

_PHASE_SPACE = 1.0 / (16.0 * math.pi)


def scattering_of(
    scalar: Scalar, neutrinos: Neutrinos, nature: Nature = "majorana"
) -> tuple[Scattering, Scattering]:
    """Build the cross sections of a scalar on relics of either chirality.

    Parameters
    ----------
    scalar : Scalar
    neutrinos : Neutrinos
    nature : "majorana" or "dirac"

    Returns
    -------
    aligned, flipped : Scattering
        On a target with the chirality of its helicity: left for a neutrino (species 0), right for
        an antineutrino (species 1); and on the opposite chirality, which only a Yukawa coupling
        sees (no terms otherwise). A Dirac relic of energy e and momentum p has the first with the
        weight (1 + <p/e>)/2, the second with (1 - <p/e>)/2. Of Majorana relics both helicities are
        there, and act as one aligned target of each species.

    Raises
    ------
    ParameterError
        If a scalar of this kind does not exist for neutrinos of this nature.
    """
    couplings = scalar.couplings_in_mass_basis(neutrinos)
    if not scalar.is_yukawa(nature):
        aligned = scalar_scattering(couplings, scalar.mass, complex_field=scalar.complex_field)
        return aligned, Scattering(aligned.mass, aligned.gamma, (), aligned.n_states)
    return yukawa_scattering(couplings, scalar.mass, complex_field=scalar.complex_field)


def scalar_scattering(
    couplings: ArrayLike, mass: ArrayLike, *, complex_field: bool = False
) -> Scattering:
    """Build the cross sections of a scalar that couples active neutrinos to each other.

    Parameters
    ----------
    couplings : array, shape (N, N)
        lambda_ij in the mass basis, symmetric: L = -(1/2) phi lambda_ij nu_i nu_j + h.c.
    mass : float, GeV
    complex_field : bool
        Whether phi carries lepton number -2, which is conserved then.

    Returns
    -------
    Scattering
        Channels "s" (nu nu -> nu nu or nubar nubar) and "u" (nu nubar) of any field; of a real one
        "t", "tu" and "st" too, nu nu -> nubar nubar by exchange in the t or u channel, which are
        the same up to the order of the outgoing neutrinos, and its interferences.

    Notes
    -----
    At small s the channels of nu nu -> nubar nubar cancel down to a fraction (s/M^2)^2 of each.
    Their sum here is good to rounding of each channel, hence of the total cross section;
    `nuprop.mediators.scattering.lepton_violation` has it to rounding of itself.

    Examples
    --------
    >>> import numpy as np
    >>> scattering = scalar_scattering(np.diag([0.0, 0.0, 0.1]), mass=0.01)
    >>> sigma = scattering.total(10.0)[:, 2, 2] / 0.1**4
    >>> [f"{float(s):.8f} lambda^4/M^2" for s in sigma]
    ['0.00814802 lambda^4/M^2', '0.00121620 lambda^4/M^2']
    """
    matrix = _Products(couplings)
    gamma = (1.0 if complex_field else 2.0) * matrix.trace / (32.0 * jnp.pi)
    s, t, u = matrix.s, matrix.t, matrix.u
    terms = [
        _term(matrix, "s", {(0, 0): s} if complex_field else {(0, 0): s, (1, 0): s}, gamma=gamma),
        _term(matrix, "u", {(1, 1): t}),
        _term(matrix, "u", {(0, 1): u}, mirrored=True),
    ]
    if not complex_field:
        terms += [
            _term(matrix, "t", {(1, 0): t}),
            _term(matrix, "t", {(1, 0): u}, mirrored=True),
            *_with_pole(matrix, "st", {(1, 0): matrix.st}, gamma),
            *_with_pole(matrix, "st", {(1, 0): matrix.su}, gamma, mirrored=True),
            _crossed(matrix, {(1, 0): matrix.tu}),
            _crossed(matrix, {(1, 0): matrix.tu}, mirrored=True),
        ]
    return Scattering(mass, gamma, tuple(terms), matrix.n_states)


def yukawa_scattering(
    couplings: ArrayLike, mass: ArrayLike, *, complex_field: bool = False
) -> tuple[Scattering, Scattering]:
    """Build the cross sections of a scalar that couples active neutrinos to right-handed ones.

    Parameters
    ----------
    couplings : array, shape (N, N)
        lambda_ij in the mass basis, symmetric: L = -phi lambda_ij N_i nu_j + h.c.
    mass : float, GeV
    complex_field : bool

    Returns
    -------
    aligned, flipped : Scattering
        As in `scattering_of`. On aligned targets nothing resonates, and both outgoing particles
        are right-handed and lost; on flipped ones one of the two is. Channels as in
        `scalar_scattering`; on flipped targets "s", "u" and their interference "su".
    """
    matrix = _Products(couplings)
    gamma = (2.0 if complex_field else 4.0) * matrix.trace / (32.0 * jnp.pi)
    square = matrix.square
    aligned = [
        _term(matrix, "u", {}, {1: square}),
        _term(matrix, "u", {}, {1: square}, mirrored=True),
    ]
    s_lost = matrix.squares * matrix.trace
    flipped = [
        _term(
            matrix,
            "s",
            {(0, 1): matrix.s} if complex_field else {(0, 1): matrix.s, (1, 1): matrix.s},
            {1: s_lost if complex_field else 2.0 * s_lost},
            gamma=gamma,
        ),
        _term(matrix, "u", {(0, 0): matrix.u}, mirrored=True),
        _term(matrix, "u", {}, {0: square}),
    ]
    if not complex_field:
        crossed = {0: jnp.sum(matrix.tu, axis=-1)}
        aligned += [
            _term(matrix, "t", {}, {0: square}),
            _term(matrix, "t", {}, {0: square}, mirrored=True),
            _crossed(matrix, {}, crossed),
            _crossed(matrix, {}, crossed, mirrored=True),
        ]
        flipped += [
            _term(matrix, "u", {(1, 1): matrix.u}, mirrored=True),
            _term(matrix, "u", {}, {1: square}),
            *_with_pole(matrix, "su", {(1, 1): matrix.su}, gamma, mirrored=True),
            *_with_pole(matrix, "su", {}, gamma, lost={1: jnp.sum(matrix.st, axis=-1)}),
        ]
    n = matrix.n_states
    return Scattering(mass, gamma, tuple(aligned), n), Scattering(mass, gamma, tuple(flipped), n)


class _Products:
    """Products of couplings, each indexed [beam i, target j, outgoing k].

    With H = lambda lambda^dagger: `s`, `t`, `u` are the squares of Lambda_AB Lambda_CD,
    Lambda_AC Lambda_BD and Lambda_AD Lambda_BC for C = k, summed over D; `st`, `su` (complex) and
    `tu` their products.
    """

    def __init__(self, couplings: ArrayLike) -> None:
        matrix = jnp.asarray(couplings)
        gram = matrix @ matrix.conj().T
        rows = jnp.real(jnp.diagonal(gram))
        self.n_states = matrix.shape[0]
        self.squares = squared_moduli(matrix)
        self.trace = jnp.sum(self.squares)
        self.square = rows[:, None] * rows
        self.s = self.squares[:, :, None] * rows
        self.t = self.squares[:, None, :] * rows[:, None]
        self.u = self.squares * rows[:, None, None]
        self.st = matrix[:, :, None] * matrix.conj()[:, None, :] * gram.T
        self.su = matrix[:, :, None] * matrix.conj() * gram.T[:, None, :]
        self.tu = jnp.real(matrix[:, None, :] * matrix.conj() * gram.T[:, :, None])


def _term(
    matrix: _Products,
    channel: str,
    yields: dict[tuple[int, int], jax.Array],
    lost: dict[int, jax.Array] | None = None,
    *,
    gamma: ArrayLike | None = None,
    factor: float = 1.0,
    mirrored: bool = False,
    **more: Any,
) -> Term:
    """Place yields at [out species, target species], and losses at [target species].

    The shape is (r y / (1 + r y))^2 / r unless something else is said.
    """
    n = matrix.n_states
    coefficient, gone = jnp.zeros((2, 2, n, n, n)), jnp.zeros((2, n, n))
    for (out, target), tensor in yields.items():
        coefficient = coefficient.at[out, target].set(factor * _PHASE_SPACE * tensor)
    for target, tensor in (lost or {}).items():
        gone = gone.at[target].set(factor * _PHASE_SPACE * tensor)
    if gamma is not None:
        more = {"prefactor_name": "s2", "pole": (1.0, gamma), **more}
    else:
        more = {"prefactor_name": "t", "y_power": 2, "propagators": 2, **more}
    return Term(coefficient, gone, channel, mirrored=mirrored, **more)


def _with_pole(
    matrix: _Products,
    channel: str,
    yields: dict[tuple[int, int], jax.Array],
    gamma: ArrayLike,
    *,
    lost: dict[int, jax.Array] | None = None,
    mirrored: bool = False,
) -> tuple[Term, Term]:
    """2 Re(c s/D) T / s for complex c, in its parts with Re(1/D) and with Im(1/D)."""
    parts = []
    for name, part, factor in (("re", jnp.real, 2.0), ("im", jnp.imag, -2.0)):
        parts.append(
            _term(
                matrix,
                channel,
                {place: part(tensor) for place, tensor in yields.items()},
                {target: part(tensor) for target, tensor in (lost or {}).items()},
                gamma=gamma,
                factor=factor,
                mirrored=mirrored,
                prefactor_name=name,
                y_power=1,
                propagators=1,
                cp_odd=name == "im",
            )
        )
    return parts[0], parts[1]


def _crossed(
    matrix: _Products,
    yields: dict[tuple[int, int], jax.Array],
    lost: dict[int, jax.Array] | None = None,
    *,
    mirrored: bool = False,
) -> Term:
    """Half of 2 T U / s, by partial fractions: the other half is its mirror image."""
    return _term(
        matrix,
        "tu",
        yields,
        lost,
        factor=2.0,
        mirrored=mirrored,
        prefactor_name="tu",
        x_power=1,
        y_power=1,
        propagators=1,
    )
