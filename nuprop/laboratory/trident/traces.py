"""The pair's side of the diagrams: traces of photon + weak current -> l- l+, and their angles.

Scalar products: x1 = k.p1, x2 = k.p2, a = q.p1, b = q.p2 and kq = k.q, for the neutrino's momentum
k, the photon's q with q^2 = -Q2, and the leptons' p1 and p2. The squared propagators are
D1 = -Q2 - 2a and D2 = -Q2 - 2b. A trace is c11/D1^2 + c22/D2^2 + c12/(D1 D2); exchange of p1 and
p2 turns c22 into c11, so that 2 c11/D1^2 + c12/(D1 D2) has the same integral. The interference of
vector and axial current is odd under that exchange, and drops out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

#: cos(theta) at which a polynomial of degree 4 is known, and the inverse of its Vandermonde matrix.
_COSINES = np.polynomial.legendre.leggauss(5)[0]
_TO_POWERS = np.linalg.inv(np.vander(_COSINES, increasing=True))
#: cos(phi): the mean over three midpoints on (0, pi) is exact for degrees below 6.
_AZIMUTHS = np.cos(np.pi * np.array([1.0, 3.0, 5.0]) / 6.0)
#: Below this r, moments of 1/(1 - r c) come from their power series.
_SERIES_RANGE = 0.15
_SERIES_TERMS = 9


class Traces(NamedTuple):
    """Contractions of the lepton tensor, for vector (VV) and axial (AA) currents.

    `metric` is with -g_mn, `beam` with k_m k_n.
    """

    metric_vector: jax.Array
    metric_axial: jax.Array
    beam_vector: jax.Array
    beam_axial: jax.Array


class Products(NamedTuple):
    """Scalar products of the momenta, and the lepton's squared mass; GeV^2."""

    m2: jax.Array
    q2: jax.Array
    kq: jax.Array
    x1: jax.Array
    x2: jax.Array
    a: jax.Array
    b: jax.Array


def metric_coefficients(p: Products) -> tuple[tuple[jax.Array, jax.Array], ...]:
    """Coefficients (c11, c12) of the contraction with -g_mn: of VV, then of AA."""
    m2, q2, kq, x1, x2, a, b = p
    m4 = m2 * m2
    squares, cross, x = x1**2 + x2**2, x1 * x2, x1 + x2
    total = a + b
    c11 = (
        -(q2**2) * x
        - 2 * q2 * (a * kq + a * x1 + 2 * a * x2 + b * x2 - kq * x + squares)
        - 4 * a * (a * kq + a * x2 + b * x2 - kq**2 + kq * x1 - kq * x2)
        + 4 * m2 * (kq**2 - 2 * kq * x1 + squares)
    )
    c12 = (
        -(q2**2) * x
        - q2 * (total * kq + 2 * total * x - 2 * kq**2 - 2 * m2 * x + 4 * cross)
        - 2 * total**2 * kq
        + 2 * (a**2 * x2 + b**2 * x1 - a * b * x)
        + 6 * total * kq * (kq - x)
        + 4 * (a * x1**2 + total * cross + b * x2**2)
        - 4 * kq**3
        + 8 * kq**2 * x
        - 8 * kq * (squares + cross)
        + 4 * x * squares
    )
    vector11 = 2 * m2 * (q2 * (kq - x1 - 3 * x2) - 4 * a * x2 + 2 * m2 * (x - kq))
    axial11 = 2 * m2 * (q2 * (3 * x1 + x2 - 3 * kq) + 4 * a * (x1 - kq) + 2 * m2 * (kq - x))
    vector12 = 4 * (
        m2 * (kq**2 - (q2 + total + x) * kq + a * x2 + b * x1 + 2 * cross) + m4 * (kq - x)
    )
    axial12 = 4 * (
        m2 * ((q2 + 2 * total + 3 * x) * kq - a * x1 - b * x2 - 3 * kq**2 - 2 * (squares + cross))
        + m4 * (x - kq)
    )
    return (
        (64 * (c11 + vector11), -128 * (c12 + vector12)),
        (64 * (c11 + axial11), -128 * (c12 + axial12)),
    )


def beam_coefficients(p: Products) -> tuple[tuple[jax.Array, jax.Array], ...]:
    """Coefficients (c11, c12) of the contraction with k_m k_n: of VV, then of AA."""
    m2, q2, kq, x1, x2, a, b = p
    squares, cross, x = x1**2 + x2**2, x1 * x2, x1 + x2
    total = a + b
    c11 = (
        (q2 + 2 * a) * (kq**2 - 2 * kq * x1 + squares)
        - 2 * kq**3
        + 6 * kq**2 * x1
        - 6 * kq * x1**2
        - 2 * kq * x2**2
        + 2 * x1 * squares
    )
    mass11 = 2 * m2 * (kq**2 - 2 * kq * x1 - kq * x2 + x1**2 + cross)
    c12 = (
        q2 * kq * (kq * x - squares)
        + 2 * total * kq * (kq * x - cross)
        - 2 * kq * (a * x1**2 + 2 * a * x2**2 + 2 * b * x1**2 + b * x2**2)
        + 2 * squares * (a * x2 + b * x1)
        - 2 * kq**3 * x
        + 4 * kq**2 * (squares + cross)
        - 2 * kq * x * (squares + 2 * cross)
        + 4 * cross * squares
    )
    mass12 = m2 * (-2 * kq**3 + 4 * kq**2 * x - 2 * kq * (squares + 4 * cross) + 4 * cross * x)
    return (
        (-128 * x1 * (c11 + mass11), 128 * (c12 + mass12)),
        (-128 * x1 * (c11 - mass11), 128 * (c12 - mass12)),
    )


def angular_means(
    m2: jax.Array, q2: jax.Array, s_hat: jax.Array, w2: jax.Array, tau: jax.Array
) -> Traces:
    """Average the traces over the directions of the leptons in the rest frame of the pair.

    The coefficients are polynomials of degree 4 in cos(theta), known from five points; their
    integrals over 1/D1^2 and 1/(D1 D2), with D1 and D2 linear in cos(theta), are exact.

    Parameters
    ----------
    m2 : squared mass of the lepton, GeV^2
    q2 : Q^2 = -q^2 > 0
    s_hat : (k + q)^2
    w2 : squared mass of the pair
    tau : -(k - k')^2 >= 0
        Arrays that broadcast, inside the phase space.

    Returns
    -------
    Traces, GeV^4 (`metric`) and GeV^8 / GeV^2 (`beam`)
    """
    kq = 0.5 * (s_hat + q2)
    photon = 0.5 * (w2 - q2 + tau)  # W times the photon's energy
    denominator = 0.5 * (w2 + q2 + tau)  # D1 = -denominator (1 - r cos), D2 with +
    momentum2 = denominator**2 - tau * q2  # (W times the photon's momentum)^2
    momentum = jnp.sqrt(momentum2)
    velocity = jnp.sqrt(1.0 - 4.0 * m2 / w2)
    beam = kq - 0.5 * tau  # W times the neutrino's energy
    along = (photon * beam - kq * w2) / momentum
    room = w2 * tau * ((s_hat + q2) * (s_hat - w2) - s_hat * tau)
    is_inside = room > 0.0  # false by rounding only
    across = jnp.where(is_inside, jnp.sqrt(jnp.where(is_inside, room, 1.0)), 0.0) / (2.0 * momentum)

    r = velocity * momentum / denominator
    complement = (tau * q2 + 4.0 * m2 * momentum2 / w2) / denominator**2  # 1 - r^2
    double, single = _weights(r, complement)

    def add(sums: Traces, angle: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[Traces, None]:
        cosine, azimuth, node = angle
        tilt = velocity * (across * jnp.sqrt(1.0 - cosine**2) * azimuth + along * cosine)
        lean = momentum * velocity * cosine
        products = Products(
            m2,
            q2,
            kq,
            0.5 * (beam - tilt),
            0.5 * (beam + tilt),
            0.5 * (photon - lean),
            0.5 * (photon + lean),
        )
        pairs = (*metric_coefficients(products), *beam_coefficients(products))
        new = (2.0 * double[node] * c11 + single[node] * c12 for c11, c12 in pairs)
        return Traces(*(old + term for old, term in zip(sums, new, strict=True))), None

    cosines = jnp.asarray(np.repeat(_COSINES, 3))
    azimuths = jnp.asarray(np.tile(_AZIMUTHS, 5))
    nodes = jnp.asarray(np.repeat(np.arange(5), 3))
    start = Traces(*(jnp.zeros_like(r) for _ in range(4)))
    sums, _ = jax.lax.scan(add, start, (cosines, azimuths, nodes))
    return Traces(*(term / (3.0 * denominator**2) for term in sums))


def _weights(r: jax.Array, complement: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Weights of the five cosines in the means over 1/(1 - r c)^2 and over 1/(1 - r^2 c^2).

    `complement` is 1 - r^2. Shapes (5, ...).
    """
    is_small = r < _SERIES_RANGE
    safe = jnp.where(is_small, 0.5, r)
    rest = jnp.where(is_small, 0.75, complement)
    # means of c^n/(1 - r c) and of c^n/(1 - r c)^2, upwards in n
    single = [jnp.log((1.0 + safe) / jnp.sqrt(rest)) / safe]
    double = [1.0 / rest]
    for n in range(4):
        double.append((double[n] - single[n]) / safe)
        single.append((single[n] - (1.0 - n % 2) / (n + 1.0)) / safe)

    small2 = jnp.where(is_small, r, 0.0) ** 2
    for n in range(5):
        odd = n % 2
        powers = 2.0 * np.arange(_SERIES_TERMS) + odd  # of r; those of c are n more, and even
        means = 1.0 / (powers + n + 1.0)
        first = jnp.where(is_small, r, 0.0) if odd else 1.0
        double[n] = jnp.where(is_small, first * _horner((powers + 1.0) * means, small2), double[n])
        single[n] = (
            jnp.zeros_like(r) if odd else jnp.where(is_small, _horner(means, small2), single[n])
        )
    to_nodes = jnp.asarray(_TO_POWERS)
    return (
        jnp.einsum("ni,n...->i...", to_nodes, jnp.stack(double)),
        jnp.einsum("ni,n...->i...", to_nodes, jnp.stack(single)),
    )


def _horner(coefficients: NDArray[np.floating[Any]], x: jax.Array) -> jax.Array:
    """Sum c_n x^n."""
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total
