"""Production of two scalars, nu nubar -> phi phi, by exchange of a neutrino, and their decays.

Beam and target have opposite helicities; between equal ones the amplitude needs a neutrino mass.
With s = 1, m = M^2/s < 1/4, p = 1/2 - m, q = sqrt(1/4 - m), let y = 1/2 + z be the share of the
energy that the scalar at the vertex of the beam gets, -q < z < q: t = z - p, u = -z - p. With
H = lambda lambda^dagger

    real field, phi phi:      dsigma/dz = |H_ij|^2 / (32 pi s)  4 z^2 (q^2 - z^2) / (t u)^2
    complex field, phi phi*:  dsigma/dz = |H_ij|^2 / (16 pi s)  (q^2 - z^2) / t^2

where z and -z are the same event of two real scalars, hence the half. Of a complex field the scalar
at the vertex of the beam decays to particles of the beam's lepton number, the other one to those of
the target's. Decays are isotropic: a neutrino's energy is uniform between 0 and y.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.mediators.coupling import squared_moduli
from nuprop.mediators.scalar import Nature, Scalar
from nuprop.neutrinos import Neutrinos

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_NODES, _WEIGHTS = (_NODES + 1.0) / 2.0, _WEIGHTS / 2.0
_PHASE_SPACE = 1.0 / (16.0 * math.pi)
#: Below this q/p the totals come from their series in it, positive and exact to rounding.
_SERIES_RANGE = 0.4
_ORDERS = np.arange(1, 22)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["mass", "strength", "shares"],
    meta_fields=["complex_field", "yukawa"],
)
@dataclass(frozen=True)
class PairProduction:
    """Cross sections of nu_i nubar_j -> two scalars -> four neutrinos.

    Methods and shapes are those of `nuprop.mediators.scattering.channels.Scattering`; the target is
    one of aligned chirality and of the opposite species, all else is zero.

    Attributes
    ----------
    mass : M [GeV]
    strength : |(lambda lambda^dagger)_ij|^2, shape (N, N)
    shares : of each state among the decays, (lambda^dagger lambda)_kk / Tr, shape (N,)
    complex_field : bool
    yukawa : bool
        Whether one of the two neutrinos of each decay is right-handed and lost.
    """

    mass: Any
    strength: Any
    shares: Any
    complex_field: bool = False
    yukawa: bool = False

    def total(self, r: ArrayLike) -> jax.Array:
        """M^2 sigma at r = s / M^2, shape (..., target species, i, j); zero for r <= 4."""
        value = pair_total(r, complex_field=self.complex_field)[..., None, None] * self.strength
        return jnp.stack([jnp.zeros_like(value), value], axis=-3)

    def differential(self, x: ArrayLike, r: ArrayLike) -> jax.Array:
        """M^2 dsigma/dx of each neutrino out, shape (..., out, target, i, j, k)."""
        return self._placed(partial(pair_density, x, r))

    def number_yields(self, r: ArrayLike) -> jax.Array:
        """M^2 sigma times the mean number of each outgoing state, (..., out, target, i, j, k)."""
        return self.yields_between(r, 0.0, 1.0)

    def energy_yields(self, r: ArrayLike) -> jax.Array:
        """M^2 sigma times the mean share of energy in each state, (..., out, target, i, j, k)."""
        return self.yields_between(r, 0.0, 1.0, 1)

    def yields_between(
        self, r: ArrayLike, lower: ArrayLike, upper: ArrayLike, power: int = 0
    ) -> jax.Array:
        """M^2 int_lower^upper dx x^power dsigma/dx, shape (..., out, target, i, j, k)."""
        return self._placed(partial(pair_integral, r, lower, upper, power))

    def cp_conjugate(self) -> PairProduction:
        """Cross sections of a beam of antineutrinos: the same."""
        return self

    def _placed(self, spectrum: Callable[..., jax.Array]) -> jax.Array:
        """Turn spectra of the neutrinos of either species into yields of each state."""
        active = 0.5 if self.yukawa else 1.0
        each = active * self.strength[:, :, None] * self.shares
        if self.complex_field:
            first, second = spectrum(vertex="beam"), spectrum(vertex="target")
        else:
            first = second = spectrum(vertex="either")
        values = jnp.stack([first, second], axis=-1)[..., None, None, None] * each
        return jnp.stack([jnp.zeros_like(values), values], axis=-4)


def pairs_of(scalar: Scalar, neutrinos: Neutrinos, nature: Nature = "majorana") -> PairProduction:
    """Build the production of two scalars; arguments and errors as `scattering_of`."""
    couplings = scalar.couplings_in_mass_basis(neutrinos)
    gram = couplings @ couplings.conj().T
    rows = jnp.real(jnp.diagonal(gram))
    total = jnp.sum(rows)
    return PairProduction(
        mass=scalar.mass,
        strength=squared_moduli(gram),
        shares=jnp.where(total > 0.0, rows / jnp.where(total > 0.0, total, 1.0), 0.0),
        complex_field=scalar.complex_field,
        yukawa=scalar.is_yukawa(nature),
    )


@partial(jax.jit, static_argnames="complex_field")
def pair_total(r: ArrayLike, *, complex_field: bool = False) -> jax.Array:
    """Compute M^2 sigma / |H_ij|^2 of the production of two scalars.

    Parameters
    ----------
    r : array
        s / M^2. The threshold is r = 4; below it, zero.
    complex_field : bool

    Returns
    -------
    Array, of the shape of `r`

    Notes
    -----
    With b = q/p: (p / 8 pi r) [(3 - b^2) artanh(b) - 3 b] for a real field, and
    (p / 4 pi r) [artanh(b) - b] for a complex one.

    Examples
    --------
    >>> f"{float(pair_total(10.0)):.8f}, {float(pair_total(10.0, complex_field=True)):.8f}"
    '0.00215034, 0.00348610'
    """
    r = jnp.asarray(r, dtype=jnp.float64)
    is_open = r > 4.0
    p, q, m = _kinematics(r)
    ratio = q / p
    small = ratio < _SERIES_RANGE
    powers = jnp.where(small, ratio, 0.1)[..., None] ** (2 * _ORDERS + 1)
    b = jnp.where(small, 0.5, ratio)
    artanh = _end(q, m)
    if complex_field:
        series = jnp.sum(powers / (2 * _ORDERS + 1), axis=-1)
        value = jnp.where(small, series, artanh - b) * 4.0 * p
    else:
        series = jnp.sum(powers * (4 * (_ORDERS - 1)) / (4 * _ORDERS**2 - 1), axis=-1)
        value = jnp.where(small, series, (3.0 - b**2) * artanh - 3.0 * b) * 2.0 * p
    return jnp.where(is_open, _PHASE_SPACE * value / jnp.where(is_open, r, 1.0), 0.0)


@partial(jax.jit, static_argnames="vertex")
def pair_density(x: ArrayLike, r: ArrayLike, vertex: str = "either") -> jax.Array:
    """Compute M^2 dsigma/dx / |H_ij|^2 of the neutrinos that one species gets.

    Parameters
    ----------
    x : array
        E_out / E_in.
    r : array that broadcasts with `x`
        s / M^2.
    vertex : "either", "beam" or "target"
        Half of the four neutrinos of two real scalars; or the two of the one complex scalar made at
        this vertex. In all cases the integral over x is 2 sigma.

    Returns
    -------
    Array, of the shape to which `x` and `r` broadcast
    """
    x, r = jnp.broadcast_arrays(*map(_array, (x, r)))
    start = _rapidity(x, *_kinematics(r))
    return _integrate(r, vertex, [start], lambda y: 1.0 / y)


@partial(jax.jit, static_argnames=("power", "vertex"))
def pair_integral(
    r: ArrayLike, lower: ArrayLike, upper: ArrayLike, power: int = 0, vertex: str = "either"
) -> jax.Array:
    """Integrate x^power times `pair_density` between two energies, 0 <= lower <= upper <= 1."""
    r, lower, upper = jnp.broadcast_arrays(*map(_array, (r, lower, upper)))
    kinematics = _kinematics(r)
    edges = [_rapidity(lower, *kinematics), _rapidity(upper, *kinematics)]
    least, most, n = lower[..., None, None], upper[..., None, None], power + 1

    def between(y: jax.Array) -> jax.Array:
        return (jnp.minimum(y, most) ** n - least**n) / (n * y)

    return _integrate(r, vertex, edges, between)


@partial(jax.jit, static_argnames="vertex")
def pair_yields_below(
    loss: ArrayLike, r: ArrayLike, vertex: str = "either"
) -> tuple[jax.Array, jax.Array]:
    """Compute number and energy of the neutrinos of one species below an energy, in closed form.

    Parameters
    ----------
    loss : array
        ln(E_in / E_out) >= 0.
    r : array that broadcasts with `loss`
        s / M^2.
    vertex : "either", "beam" or "target", as in `pair_density`

    Returns
    -------
    number, energy : arrays of the shape to which `loss` and `r` broadcast
        `pair_integral` from 0 to x = e^-loss, of power 0 and 1, to rounding over (r - 4)^(3/2) near
        the threshold: cheap enough for tables.

    Notes
    -----
    With the density g(y) dy of a scalar, a rational function with poles at y = m and y = 1 - m, and
    N = int_x dy g(y)/y the density of neutrinos, the number is x N + int_0^x g dy and the energy
    (x^2 N + int_0^x y g dy)/2.
    """
    r, loss = jnp.broadcast_arrays(*map(_array, (r, loss)))
    p, q, m = _kinematics(r)
    nearest = m**2 / (p + q)  # of y to m, and of y to 1 - m
    c = 1.0 - m
    x = jnp.exp(-loss)
    soft = jnp.clip(x - m, nearest, c - m - nearest)
    hard = jnp.clip(-jnp.expm1(-loss) - m, nearest, c - m - nearest)
    if vertex == "either":
        single, double = (p**2 + 0.5 * m**2) / p, 0.5 * m**2
        poles, rest = ((single, double), (single, double)), 2.0
    else:
        at_pole, none = (2.0 * p, m**2), (jnp.zeros_like(p), jnp.zeros_like(p))
        poles, rest = ((none, at_pole) if vertex == "beam" else (at_pole, none)), 1.0

    def integrals(soft: jax.Array, hard: jax.Array) -> list[jax.Array]:
        """Antiderivatives of g/y, g and y g where y - m and 1 - m - y are these."""
        y, ratio = soft + m, jnp.log1p(-m / (soft + m))
        other = jnp.log((soft + m) / hard)
        of_soft = [
            (ratio / m, -ratio / m**2 - 1.0 / (m * soft)),
            (jnp.log(soft), -1.0 / soft),
            (soft + m * jnp.log(soft), jnp.log(soft) - m / soft),
        ]
        of_hard = [
            (other / c, other / c**2 + 1.0 / (c * hard)),
            (-jnp.log(hard), 1.0 / hard),
            (-y - c * jnp.log(hard), jnp.log(hard) + c / hard),
        ]
        flat = [jnp.log(y), y, 0.5 * y**2]
        (a, b), (d, e) = poles
        return [
            a * s1 - b * s2 + d * h1 - e * h2 - rest * f
            for (s1, s2), (h1, h2), f in zip(of_soft, of_hard, flat, strict=True)
        ]

    bottom = integrals(nearest, c - m - nearest)
    here = integrals(soft, hard)
    top = integrals(c - m - nearest, nearest)
    density = 2.0 * (top[0] - here[0])
    number = x * density + 2.0 * (here[1] - bottom[1])
    energy = 0.5 * x**2 * density + (here[2] - bottom[2])
    unit = jnp.where(r > 4.0, _PHASE_SPACE * m, 0.0)
    return unit * number, unit * energy


def _array(value: ArrayLike) -> jax.Array:
    return jnp.asarray(value, dtype=jnp.float64)


def _kinematics(r: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """p, q and m at r > 4; at r = 8 where nothing is produced."""
    r = jnp.where(r > 4.0, r, 8.0)
    m = 1.0 / r
    return 0.5 - m, jnp.sqrt((r - 4.0) / (4.0 * r)), m


def _end(q: jax.Array, m: jax.Array) -> jax.Array:
    """Largest eta, where z = p tanh(eta) = q: the logarithm of (p + q)/m."""
    return jnp.log1p(q * (1.0 + 2.0 * q) / m)


def _rapidity(y: jax.Array, p: jax.Array, q: jax.Array, m: jax.Array) -> jax.Array:
    """Find eta of the energy y, or that of the nearest end of the range."""
    low, high = y <= 0.5 - q, y >= 0.5 + q
    safe = jnp.where(low | high, 0.5, y)
    inner = 0.5 * jnp.log((safe - m) / (1.0 - m - safe))
    end = _end(q, m)
    return jnp.where(low, -end, jnp.where(high, end, jnp.clip(inner, -end, end)))


def _integrate(
    r: jax.Array,
    vertex: str,
    edges: list[jax.Array],
    weight: Callable[[jax.Array], jax.Array],
) -> jax.Array:
    """Integrate weight(y) M^2 dsigma/dz from the first of `edges` in eta on, z = p tanh(eta).

    Gauss-Legendre on panels that end at `edges`, where the poles of the integrand in the complex
    plane come close, at eta = 0 and where y = 2 m, and where 1 - y = 2 m.
    """
    p, q, m = _kinematics(r)
    first, last = edges[0], _end(q, m)
    turn = 0.5 * jnp.log((1.0 - m) / m)
    inner = [jnp.clip(eta, first, last) for eta in (-turn, jnp.zeros_like(r), turn)]
    knots = jnp.sort(jnp.stack([*edges, *inner, last], axis=-1), axis=-1)
    width = jnp.diff(knots, axis=-1)
    eta = knots[..., :-1, None] + width[..., None] * _NODES

    r, p, q, m = (v[..., None, None] for v in (r, p, q, m))
    forward, backward = jax.nn.sigmoid(2.0 * eta), jax.nn.sigmoid(-2.0 * eta)
    z, y = p * jnp.tanh(eta), m + 2.0 * p * forward
    product = 4.0 * p**2 * forward * backward  # t u
    beside = jnp.where(r < 20.0, (q - z) * (q + z), product - m**2)  # q^2 - z^2
    if vertex == "either":
        density = 2.0 * z**2 * beside / (p * product)
    else:
        ratio = forward / backward if vertex == "beam" else backward / forward
        density = beside * ratio / p
    values = jnp.sum(_WEIGHTS * density * weight(y), axis=-1)
    total = 2.0 * _PHASE_SPACE * m[..., 0, 0] * jnp.sum(width * values, axis=-1)
    return jnp.where(r[..., 0, 0] > 4.0, total, 0.0)
