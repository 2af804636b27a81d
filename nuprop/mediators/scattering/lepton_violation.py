"""nu nu -> nubar nubar by a real scalar, where the channels cancel at small s.

s + t + u = 0 takes away what is of first order in s/M^2; amplitudes of equal couplings are written
here as sums that keep all digits for any s.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.scattering.moments import moment

_PHASE_SPACE = 1.0 / (16.0 * math.pi)


def lepton_violation(couplings: ArrayLike, x: ArrayLike, r: ArrayLike) -> jax.Array:
    """Compute nu_i nu_j -> nubar_k nubar_l by a real scalar, all channels, without cancellation.

    Parameters
    ----------
    couplings : array, shape (N, N)
        lambda_ij in the mass basis, symmetric.
    x : array
        E_out / E_in of nubar_k.
    r : array that broadcasts with `x`
        s / M^2.

    Returns
    -------
    Array, shape (..., N, N, N, N) for [i, j, k, l]
        M^2 dsigma/dx. The pairs k, l and l, k are the same final state.

    Notes
    -----
    With a = lambda_ij lambda_kl, b = lambda_ik lambda_jl, c = lambda_il lambda_jk the amplitude is
    a (S + T + U) + (b - a) T + (c - a) U, where S = s/D, T = t/(t - M^2), U = u/(u - M^2), and

    S + T + U = r [2 r (1 - x y) + 3 r^2 x y + i (Gamma/M) (1 + 2 r x y)]
                / [(r - 1 + i Gamma/M) (1 + r x) (1 + r y)],    y = 1 - x.
    """
    a, b, c, gamma = _orders(couplings)
    x, r = (v[..., None, None, None, None] for v in jnp.broadcast_arrays(x, jnp.asarray(r)))
    y = 1.0 - x
    crossed = x * y
    numerator = r * (2.0 * (1.0 - crossed) + 3.0 * r * crossed)
    pole = r - 1.0 + 1j * gamma
    whole = r * (numerator + 1j * gamma * (1.0 + 2.0 * r * crossed))
    whole = whole / (pole * (1.0 + r * x) * (1.0 + r * y))
    t, u = r * y / (1.0 + r * y), r * x / (1.0 + r * x)
    return _PHASE_SPACE / r * squared_moduli(a * whole + (b - a) * t + (c - a) * u)


def lepton_violation_total(couplings: ArrayLike, r: ArrayLike) -> jax.Array:
    """Integrate `lepton_violation` over x in closed form, without cancellation.

    Returns
    -------
    Array, shape (..., N, N, N, N) for [i, j, k, l]
        M^2 sigma. The pairs k, l and l, k are the same final state: half of the sum over them is
        the total.
    """
    a, b, c, gamma = _orders(couplings)
    r = jnp.asarray(r, dtype=jnp.float64)
    both = 2.0 + r

    def squared(k: int) -> jax.Array:
        """Integrate (x y)^k / [(1 + r x) (1 + r y)]^2."""
        return (2.0 * moment(k, k, 2, r) + 4.0 * moment(k, k, 1, r) / both) / both**2

    def once(k: int) -> jax.Array:
        """Integrate y (x y)^k / [(1 + r x) (1 + r y)^2]."""
        single = moment(k, k + 1, 1, r) + moment(k + 1, k, 1, r)
        return (moment(k, k + 1, 2, r) + single / both) / both

    flat, linear, quadratic = squared(0), squared(1), squared(2)
    real = r**2 * (
        4.0 * (flat - 2.0 * linear + quadratic)
        + 12.0 * r * (linear - quadratic)
        + 9.0 * r**2 * quadratic
    )
    imaginary = gamma**2 * (flat + 4.0 * r * linear + 4.0 * r**2 * quadratic)
    whole = r**2 * (real + imaginary) / ((r - 1.0) ** 2 + gamma**2)
    with_one = r**2 * (
        r * (2.0 * (once(0) - once(1)) + 3.0 * r * once(1))
        + 1j * gamma * (once(0) + 2.0 * r * once(1))
    )
    with_one = with_one / (r - 1.0 + 1j * gamma)
    single = r**2 * moment(0, 2, 2, r)
    double = 2.0 * r**2 * moment(1, 1, 1, r) / both

    def placed(value: jax.Array) -> jax.Array:
        return value[..., None, None, None, None]

    b, c = b - a, c - a
    total = squared_moduli(a) * placed(whole)
    total += (squared_moduli(b) + squared_moduli(c)) * placed(single)
    total += 2.0 * jnp.real(b * c.conj()) * placed(double)
    total += 2.0 * jnp.real(a * (b + c).conj() * placed(with_one))
    return placed(_PHASE_SPACE / r) * total


def _orders(couplings: ArrayLike) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """lambda_ij lambda_kl, lambda_ik lambda_jl, lambda_il lambda_jk, and Gamma/M."""
    matrix = jnp.asarray(couplings, dtype=complex)
    a = jnp.einsum("ij,kl->ijkl", matrix, matrix)
    b = jnp.einsum("ik,jl->ijkl", matrix, matrix)
    c = jnp.einsum("il,jk->ijkl", matrix, matrix)
    return a, b, c, jnp.sum(squared_moduli(matrix)) / (16.0 * jnp.pi)
