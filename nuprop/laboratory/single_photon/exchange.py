"""The W in e+e- -> gamma nu_e anti-nu_e: t-channel propagators, and the WW gamma vertex.

The tree amplitude of left-handed electrons is that of a contact current times g + F, with the
neutral-current coupling g and, for a photon of one helicity,

F = M^2/(M^2 - q2^2) [1 + R/(M^2 - q1^2)],  q1 = p(e-) - p(nu), q2 = p(anti-nu) - p(e+),
R = Tr[(1 - gamma5) anti-nu k e- nu]/2 / [s (1 - x)],

the names standing for slashed momenta, k for that of the photon; the other helicity is its mirror
image under CP. The first factor is the W of the diagram in which the electron radiates; R is what
WW gamma adds, in the gauge where the positron does not. All amplitudes are derived with the
vertex (J1.J2)(q1 + q2) + 2 (k.J1) J2 - 2 (k.J2) J1 of the Standard Model, J1 and J2 the currents of
electron and positron.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from nuprop.laboratory.single_photon.quadrature import unit_rule

#: Cosine u between neutrino and positron in the rest frame of the pair, for the smooth part of the
#: integrand; the weight of a contact current, (3/8)(1 - u)^2, is inside.
_NODES, _WEIGHTS = unit_rule(8)
_U = 2.0 * _NODES - 1.0
_WEIGHTS = 0.75 * _WEIGHTS * (1.0 - _U) ** 2


def exchange_moments(
    x: ArrayLike, cosine: ArrayLike, mass_squared: ArrayLike
) -> tuple[jax.Array, jax.Array]:
    """Average Re F and |F|^2 over the neutrinos, times 1 - x, which keeps them finite at x = 1.

    Averages are weighted with a contact current, so that the rate of left-handed electrons is its
    rate times g^2 + 2 g <Re F> + <|F|^2>. Without WW gamma and for a heavy W both averages are 1.

    Parameters
    ----------
    x, cosine : arrays that broadcast
        Of the photon, 0 < x <= 1.
    mass_squared : array
        M_W^2/s.

    Returns
    -------
    first, second : Arrays
        (1 - x) <Re F> and (1 - x) <|F|^2>; to 1e-12 at 10 GeV, and 2e-9 at 80 GeV.
    """
    x, cosine = jnp.asarray(x), jnp.asarray(cosine)
    plus, minus = (_helicity(x, c, jnp.asarray(mass_squared)) for c in (cosine, -cosine))
    shares = [(1.0 - 0.5 * x * (1.0 + c)) ** 2 for c in (cosine, -cosine)]
    total = shares[0] + shares[1]
    first, second = (
        (shares[0] * p + shares[1] * m) / total for p, m in zip(plus, minus, strict=True)
    )
    return first, second


def _helicity(x: jax.Array, cosine: jax.Array, mass: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Moments of one helicity of the photon; every invariant below is in units of s.

    With D = M^2 - q1^2 the trace is linear in D and (1 - x)|R|^2 quadratic; D is linear in the
    cosine of the azimuth, over which 1/D and 1/D^2 are integrated in closed form.
    """
    rest = (1.0 - x)[..., None]
    x, cosine, mass = x[..., None], cosine[..., None], mass[..., None]
    radiated = 0.5 * x * (1.0 - cosine)  # 2 e-.k
    electron = 1.0 - radiated  # 2 e-.(nu + anti-nu)
    positron = 1.0 - 0.5 * x * (1.0 + cosine)  # 2 e+.(nu + anti-nu)
    opening = 2.0 * rest / (electron * positron)  # 1 - cos(angle of e- and e+), pair at rest
    opposite = 0.5 * x**2 * (1.0 - cosine) * (1.0 + cosine) / (electron * positron)  # 1 + cos

    nu_positron = 0.5 * positron * (1.0 - _U)
    mean = mass + 0.5 * electron * (1.0 - (1.0 - opening) * _U)
    swing = 0.25 * electron**2 * opening * opposite * (1.0 - _U) * (1.0 + _U)
    spread = mean**2 - swing
    inverse = 1.0 / jnp.sqrt(spread)
    inverse_square = mean * inverse / spread

    slope = 0.5 * (x - electron)
    constant = 0.5 * (rest * radiated - electron * (nu_positron - rest)) - slope * mass
    trace = slope + constant * inverse
    top = x + mass + rest - nu_positron
    modulus = radiated * ((top + mass) * inverse - top * mass * inverse_square - 1.0)

    near = mass / (mass + 0.5 * positron * (1.0 + _U))
    first = near * (rest + trace)
    second = near**2 * (rest + 2.0 * trace + modulus)
    return jnp.sum(_WEIGHTS * first, axis=-1), jnp.sum(_WEIGHTS * second, axis=-1)
