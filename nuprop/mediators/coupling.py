"""Coupling matrices: from the flavor to the mass basis, and what must hold for any of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.errors import ParameterError
from nuprop.pytree import gather
from nuprop.units import in_code_units, is_traced

#: Largest difference of mirrored entries that rounding may leave, relative to the largest entry.
_TOLERANCE = 1e-12


def in_mass_basis(coupling_matrix: ArrayLike, pmns: ArrayLike) -> jax.Array:
    """Coupling matrix g_ij = (U^dagger g U)_ij of mass eigenstates.

    Parameters
    ----------
    coupling_matrix : array, shape (3, 3), or (4, 4) for a coupling to a sterile state
        g_ab in the flavor basis, L = Z'_mu sum_ab g_ab nubar_a gamma^mu P_L nu_b.
    pmns : array, shape (n, n)
        U [alpha, i], nu_alpha = sum_i U_alpha,i nu_i, for n = 3 states, or 4 with a sterile one,
        of which a (3, 3) coupling takes the rows e, mu, tau.

    Returns
    -------
    Array, complex, shape (n, n)

    Raises
    ------
    ParameterError
        If there is a coupling to a sterile state, but none among the neutrinos.

    References
    ----------
    Araki et al. 2015, arXiv:1409.4180, for L_mu - L_tau.
    """
    u = coupled_rows(coupling_matrix, pmns)
    return u.conj().T @ jnp.asarray(coupling_matrix) @ u


def coupled_rows(coupling_matrix: ArrayLike, pmns: ArrayLike) -> jax.Array:
    """Rows of U for the flavors that a coupling matrix has; arguments as `in_mass_basis`."""
    u, size = jnp.asarray(pmns), np.shape(coupling_matrix)[0]
    if size > u.shape[0]:
        raise ParameterError(
            "the mediator couples to a sterile state, but neutrinos have none; give "
            "Neutrinos(sterile=nuprop.SterileNeutrino(...)) too"
        )
    return u[:size]


def squared_moduli(matrix: ArrayLike) -> jax.Array:
    """|g|^2 of every entry, with a derivative also where it vanishes."""
    matrix = jnp.asarray(matrix)
    return jnp.real(matrix) ** 2 + jnp.imag(matrix) ** 2


def hermitian_parts(matrix: Any, name: str) -> tuple[Any, Any]:
    """Real and imaginary part of a Hermitian 3x3 or 4x4 matrix that a user gave.

    Raises
    ------
    UnitError
        If its entries are not numbers, or have a unit.
    ParameterError
        If it is neither 3x3 nor 4x4, not finite, zero, or not Hermitian to 1e-12 of its largest
        entry.
    """
    rule = "each must be the complex conjugate of the other"
    return _parts(matrix, name, "Hermitian", lambda m: m.conj().T, rule)


def symmetric_parts(matrix: Any, name: str) -> tuple[Any, Any]:
    """Real and imaginary part of a symmetric 3x3 or 4x4 matrix that a user gave; errors alike."""
    return _parts(matrix, name, "symmetric", np.transpose, "only the symmetric part couples")


def _parts(
    matrix: Any, name: str, kind: str, mirrored: Callable[[Any], Any], rule: str
) -> tuple[Any, Any]:
    matrix = gather(matrix)
    try:
        parts = np.real(matrix), np.imag(matrix)
    except ValueError as error:
        raise ParameterError(
            f"{name} = {matrix!r}: a 3x3 or 4x4 {kind} matrix of numbers"
        ) from error
    real, imag = (in_code_units(part, "dimensionless", name) for part in parts)
    if np.shape(real) not in ((3, 3), (4, 4)):
        raise ParameterError(
            f"{name} has the shape {np.shape(real)}: (3, 3) is needed, or (4, 4) with a sterile "
            "state"
        )
    if is_traced(real):
        return real, imag
    entries = np.asarray(real) + 1j * np.asarray(imag)
    if not np.all(np.isfinite(entries)):
        raise ParameterError(f"{name} = {entries.tolist()}: every entry must be finite")
    largest = np.max(np.abs(entries))
    if largest == 0.0:
        raise ParameterError(f"{name} = 0: at least one entry must differ from zero")
    excess = np.abs(entries - mirrored(entries))
    if np.max(excess) > _TOLERANCE * largest:
        a, b = np.unravel_index(np.argmax(excess), excess.shape)
        raise ParameterError(
            f"{name}: not {kind}, entry [{a}, {b}] = {entries[a, b]} but "
            f"[{b}, {a}] = {entries[b, a]}; {rule}"
        )
    return real, imag
