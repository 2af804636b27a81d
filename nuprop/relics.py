"""The cosmic neutrino background: density, temperature, nature, and the shape of a resonance.

A relic of mass m, momentum p and energy e hit by a massless beam of energy E has s = 2 E W with
W = e - p cos(theta). For a resonance at s = M^2 all that matters is the distribution of W,
weighted with the flux factor and with the helicity content of a V-A current.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import BOLTZMANN, HBAR_C, T_CMB, ZETA_3
from nuprop.description import Leaf
from nuprop.errors import ParameterError
from nuprop.overdensities import Overdensity as Overdensity
from nuprop.overdensities import around_source as around_source
from nuprop.overdensities import local_overdensity as local_overdensity
from nuprop.units import is_traced, required_number


def _panel_rule(panels: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Composite Gauss-Legendre rule for int_0^inf dt e^-t g(t)."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    half = 0.5 * np.diff(panels)[:, None]
    t = (0.5 * (panels[1:] + panels[:-1])[:, None] + half * nodes).ravel()
    return t, (half * weights).ravel() * np.exp(-t)


def _cubic_rule(order: int, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre rule in the cube root of t for int_0^inf dt e^-t g(t)."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    root = 0.5 * end * (nodes + 1.0)
    return root**3, 1.5 * end * root**2 * weights * np.exp(-(root**3))


#: Rules for momenta above the threshold, in units of T: "fine" is good to 2e-5 in the worst case
#: (a mass of 1e-3 T at threshold; 2e-10 above 0.05 T), "fast" to 2e-4.
_RULES = {
    "fine": _panel_rule(np.array([0.0, 0.03, 0.12, 0.4, 1.2, 3.0, 8.0, 18.0, 40.0]), 8),
    "fast": _cubic_rule(20, 2.9),
}

Nature = Literal["majorana", "dirac"]
#: What a beam meets: Majorana relics, Dirac relics through a coupling that keeps chirality (vector,
#: or scalar of lepton number 2), or through one that flips it (Yukawa).
Targets = Literal["majorana", "dirac", "flipped"]


def thermal_density(temperature: Any) -> Any:
    """Compute the density 3 zeta(3) T^3 / (4 pi^2) of one helicity of one state.

    Parameters
    ----------
    temperature : float or traced, GeV

    Returns
    -------
    the same type, cm^-3. For T = (4/11)^(1/3) 2.7255 K this is 56.008 cm^-3.
    """
    return 3.0 * ZETA_3 / (4.0 * np.pi**2) * (temperature / HBAR_C) ** 3


def momentum_integral(
    integrand: Callable[[jax.Array, jax.Array], jax.Array],
    q: ArrayLike,
    r: ArrayLike,
    asymmetry: ArrayLike | None = None,
    rule: str = "fine",
) -> jax.Array:
    """Integrate f(p) integrand(p, e) over momenta above q, times e^q, in units of T.

    Parameters
    ----------
    integrand : callable of p and e = sqrt(p^2 + r^2), which have one more axis than `q`.
    q : array, lower momentum over T, >= 0.
    r : array, mass over T, >= 0, broadcasting against `q`.
    asymmetry : float or None
        xi in f = 1/(exp(p/T + xi) + 1); None for 0.
    rule : "fine" or "fast"
        64 or 20 quadrature nodes.

    Returns
    -------
    Array, the broadcast shape of q and r.
    """
    t, weights = _RULES[rule]
    q, r = jnp.broadcast_arrays(jnp.asarray(q, dtype=jnp.float64), jnp.asarray(r))
    p = q[..., None] + t
    e = jnp.sqrt(p**2 + r[..., None] ** 2)
    xi = jnp.asarray(0.0 if asymmetry is None else asymmetry)
    falling = jnp.exp(-q)[..., None] * np.exp(-t)
    return jnp.sum(weights / (jnp.exp(xi) + falling) * integrand(p, e), axis=-1)


def line_shape(
    s: ArrayLike,
    w: ArrayLike,
    r: ArrayLike,
    targets: Targets,
    asymmetry: ArrayLike | None = None,
    rule: str = "fine",
) -> jax.Array:
    """Flux-weighted distribution T phi(W) of W = e - p cos(theta), times e^|s|.

    phi_M(W) = W/(4 pi^2 n) int_{p_min} dp (p/e) f(p) for Majorana relics, and for Dirac relics hit
    through a V-A current phi_D(W) = 1/(8 pi^2 n) int_{p_min} dp [W (1 + p/e) - m^2/e] f(p), with
    p_min = |W^2 - m^2|/(2W); phi_M = phi_D + phi_S, and phi_S is what a Yukawa coupling sees. A
    lepton asymmetry xi weights the two helicities apart: f = 1/(exp(p/T + xi) + 1) for helicity +,
    with -xi for helicity -. A nu beam meets phi_D of helicity + and, for Majorana relics, phi_S of
    helicity -; a nubar beam the mirror image.

    Parameters
    ----------
    s : array, signed lower momentum (W^2 - m^2)/(2 W T).
    w, r : arrays, W/T and m/T, broadcasting against `s`.
    targets : "majorana", "dirac" or "flipped"
    asymmetry : float, xi; None means that both beams meet the same.
    rule : quadrature, see `momentum_integrals`.

    Returns
    -------
    Array, shape (n_beams, ...): one beam when there is no asymmetry, else nu and nubar;
    normalized to the density n of one helicity at xi = 0. The factor e^|s| keeps wings exact.

    References
    ----------
    Flux-weighted average: D'Olivo et al., arXiv:astro-ph/0507333. The helicity weights follow from
    the trace with (k + m S)/2 for a massive target of polarization S in place of k.
    """
    w, r = jnp.asarray(w), jnp.asarray(r)
    q = jnp.abs(s)
    if targets == "majorana" and asymmetry is None:
        flux = momentum_integral(lambda p, e: p / e, q, r, rule=rule)
        return (w * flux / (3.0 * ZETA_3))[None]

    # W (e + p) >= m^2 >= W (e - p) above the threshold: both integrands are positive
    def along(xi: ArrayLike | None) -> jax.Array:
        above = momentum_integral(
            lambda p, e: jnp.maximum(w[..., None] * (e + p) - r[..., None] ** 2, 0.0) / e,
            *(q, r, xi, rule),
        )
        return above / (6.0 * ZETA_3)

    def against(xi: ArrayLike | None) -> jax.Array:
        above = momentum_integral(
            lambda p, e: jnp.maximum(w[..., None] * (p - e) + r[..., None] ** 2, 0.0) / e,
            *(q, r, xi, rule),
        )
        return above / (6.0 * ZETA_3)

    one = against if targets == "flipped" else along
    if asymmetry is None:
        return one(None)[None]
    xi = jnp.asarray(asymmetry)
    if targets != "majorana":
        return jnp.stack([one(xi), one(-xi)])
    return jnp.stack([along(xi) + against(-xi), along(-xi) + against(xi)])


def line_norm(r: ArrayLike, targets: Targets, asymmetry: ArrayLike | None = None) -> jax.Array:
    """Integral of `line_shape` over W: the targets that a beam meets in all.

    Parameters
    ----------
    r : array, m/T.
    targets, asymmetry : as for `line_shape`.

    Returns
    -------
    Array, shape (n_beams, ...)
        1 for Majorana relics, (1 + <p/e>)/2 for Dirac ones, (1 - <p/e>)/2 for these when their
        chirality is flipped; when there is no asymmetry.
    """

    def mean(sign: float, xi: ArrayLike | None) -> jax.Array:
        zero = jnp.zeros(jnp.shape(r))
        total = momentum_integral(lambda p, e: p**2 * (1.0 + sign * p / e), zero, r, xi)
        return total / (3.0 * ZETA_3)

    sign = -1.0 if targets == "flipped" else 1.0
    if asymmetry is None:
        return (jnp.ones(jnp.shape(r)) if targets == "majorana" else mean(sign, None))[None]
    xi = jnp.asarray(asymmetry)
    plus, minus = mean(sign, xi), mean(sign, -xi)
    if targets != "majorana":
        return jnp.stack([plus, minus])
    return jnp.stack([plus + mean(-1.0, -xi), minus + mean(-1.0, xi)])


def _moment(asymmetry: Leaf) -> jax.Array:
    """Density of f = 1/(exp(p/T + xi) + 1) over that at xi = 0."""
    p, weights = _RULES["fine"]
    return jnp.sum(weights * p**2 / (jnp.exp(asymmetry) + jnp.exp(-p))) / (1.5 * ZETA_3)


@partial(jax.tree_util.register_dataclass, data_fields=["density", "temperature"], meta_fields=[])
@dataclass(frozen=True)
class SterileState:
    """The relics of a sterile neutrino in code units.

    Attributes
    ----------
    density : cm^-3, one helicity today.
    temperature : GeV, today.
    """

    density: Leaf
    temperature: Leaf


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["temperature", "density", "asymmetry", "overdensity", "clump", "sterile"],
    meta_fields=["nature", "thermal", "profile", "flipped"],
)
@dataclass(frozen=True)
class RelicState:
    """The relic background in code units, as the transport uses it.

    Attributes
    ----------
    temperature : GeV, today; grows as 1 + z.
    density : cm^-3, one helicity of one state today, without asymmetry; grows as (1 + z)^3.
    asymmetry : degeneracy parameter xi, None when there is none.
    overdensity : factor on the density.
    nature, thermal : as in `Relics`.
    profile : overdensity as a function of redshift, or None.
    clump : the same as a pytree, whose leaves can be traced, or None.
    flipped : bool
        Whether the coupling sees the chirality that a Dirac relic does not have when it is fast.
    sterile : SterileState of a fourth neutrino, or None.
    """

    temperature: Leaf
    density: Leaf
    asymmetry: Leaf | None
    overdensity: Leaf
    nature: Nature = "majorana"
    thermal: bool = True
    profile: Callable[[jax.Array], jax.Array] | None = None
    flipped: bool = False
    clump: Any = None
    sterile: SterileState | None = None

    def temperatures(self, n_states: int) -> jax.Array:
        """Temperature of each mass eigenstate today [GeV], shape (n_states,).

        A fourth state without relics has that of the others.
        """
        same = jnp.broadcast_to(jnp.asarray(self.temperature), (n_states,))
        return same if self.sterile is None else same.at[3].set(self.sterile.temperature)

    def abundances(self, n_states: int) -> jax.Array | None:
        """Density of each mass eigenstate over `density`, shape (n_states,); None for three.

        Raises
        ------
        ParameterError
            If there are sterile relics but only three neutrinos.
        """
        if n_states == 3:
            if self.sterile is not None:
                raise ParameterError(
                    "relics.sterile is given, but neutrinos have no sterile state; give "
                    "Neutrinos(sterile=nuprop.SterileNeutrino(...)) too"
                )
            return None
        fourth = 0.0 if self.sterile is None else self.sterile.density / self.density
        return jnp.append(jnp.ones(3), fourth)

    @property
    def targets(self) -> Targets:
        """What a beam meets, for `line_shape`."""
        return "flipped" if self.flipped else self.nature

    @property
    def symmetric(self) -> bool:
        """Whether nu and nubar beams meet the same targets."""
        return self.asymmetry is None

    def helicity_density(self, z: ArrayLike, log_width: ArrayLike | None = None) -> jax.Array:
        """Density [cm^-3] of one helicity of one state at redshift z, without asymmetry.

        With `log_width`, an `Overdensity` is averaged over cells of this width in ln(1 + z); other
        profiles and the mean density are taken at z.
        """
        z = jnp.asarray(z)
        factor = self.overdensity
        if self.clump is not None and log_width is not None and hasattr(self.clump, "mean"):
            factor = factor * self.clump.mean(jnp.log1p(z), log_width)
        elif self.clump is not None:
            factor = factor * self.clump(z)
        elif self.profile is not None:
            factor = factor * self.profile(z)
        return self.density * (1.0 + z) ** 3 * factor

    @property
    def clumped(self) -> bool:
        """Whether the density depends on redshift in another way than (1 + z)^3."""
        return self.clump is not None or self.profile is not None

    @property
    def breaks(self) -> jax.Array:
        """Places in ln(1 + z) at which an integral over the density should be split, shape (k,)."""
        return jnp.asarray(getattr(self.clump, "breaks", np.zeros(0)))

    def helicity_excess(self) -> tuple[jax.Array, jax.Array]:
        """Densities of helicity + and - (of Dirac relics nubar and nu) over that without xi."""
        if self.asymmetry is None:
            return jnp.ones(()), jnp.ones(())
        return _moment(self.asymmetry), _moment(-jnp.asarray(self.asymmetry))

    def weight_at_rest(self) -> jax.Array:
        """Targets at rest that a beam meets, over the density of one helicity; shape (n_beams,).

        Majorana relics count 1, Dirac relics 1/2: at rest a polarized target is an even mixture
        of chiralities. One beam when nu and nubar meet the same, else nu and nubar.
        """
        whole = 1.0 if self.nature == "majorana" else 0.5
        if self.asymmetry is None:
            return jnp.array([whole])
        plus, minus = self.helicity_excess()
        if self.nature == "majorana":
            return jnp.stack([0.5 * (plus + minus)] * 2)
        return 0.5 * jnp.stack([plus, minus])


@dataclass(frozen=True)
class SterileRelics:
    """The relics of a `SterileNeutrino`, beside the three standard ones.

    Their nature, whether they move, and the overdensity are those of the other relics; their
    density grows as (1 + z)^3 and their temperature as 1 + z alike.

    Parameters
    ----------
    density : Quantity or float in cm^-3, optional
        Of one helicity of nu_4 today; by default the thermal one of their temperature, 56 cm^-3 if
        that is the one of the other relics.
    temperature : Quantity or float in K, optional
        Their own temperature today, in place of that of the other relics. Cold relics have a small
        one.

    Raises
    ------
    UnitError, ParameterError
        For a wrong unit, or a density or temperature that is not positive.

    Notes
    -----
    A relic nu_4 is hit as a mass eigenstate, and so are nu_1, nu_2 and nu_3, whose densities stay
    the standard ones: what a small mixing adds to them, or takes away, is neglected.

    References
    ----------
    Chauhan et al. 2024, arXiv:2409.12145, for such a component.
    """

    density: Any = None
    temperature: Any = None

    def __post_init__(self) -> None:
        """Validate."""
        self.state(BOLTZMANN)

    def state(self, standard: Any) -> SterileState:
        """Give the same in code units, where `standard` is the other relics' temperature [GeV]."""
        temperature = standard
        if self.temperature is not None:
            temperature = BOLTZMANN * _kelvin(self.temperature, "temperature")
        if self.density is None:
            return SterileState(thermal_density(temperature), temperature)
        return SterileState(_per_cm3(self.density), temperature)


@dataclass(frozen=True)
class Relics:
    """The cosmic neutrino background.

    Parameters
    ----------
    nature : "majorana" (default) or "dirac"
        Majorana relics offer both helicities to the beam; Dirac relics only one, which counts
        (1 + <p/e>)/2: one half at rest, fully when relativistic.
    thermal : bool
        Whether resonances are broadened by the relics' motion. Without it every relic is at rest,
        a Dirac relic counts exactly 1/2 and a massless state does not absorb.
    T_cmb : Quantity or float in K
        The temperature of the photons, whatever the cosmology says; T_nu = (4/11)^(1/3) T_cmb.
    temperature : Quantity or float in K, optional
        The relics' own temperature today, in place of the one from `T_cmb`.
    n_eff : float, optional
        Scales the temperature by (n_eff/3)^(1/4), so 3.044 gives 56.62 cm^-3.
    density : Quantity or float in cm^-3, optional
        Density of one helicity of one state today, in place of the thermal 56.008 cm^-3; the
        temperature, and so the line shape, stays.
    overdensity : float or callable of redshift
        Factor on the density; a callable must be traceable by JAX and never negative. Ready ones:
        `nuprop.relics.local_overdensity` and `nuprop.relics.around_source`. A callable that is a
        pytree, as these are, can be differentiated in its leaves.
    asymmetry : float
        Degeneracy parameter xi = mu/T of the relic neutrinos (antineutrinos have -xi).
    sterile : SterileRelics, optional
        Relics of a fourth neutrino; `propagate` then needs a `SterileNeutrino` too. Without them
        a sterile neutrino is no target.

    Raises
    ------
    UnitError, ParameterError
        For a wrong unit, a temperature, density or overdensity that is not positive, |xi| > 5, an
        unknown nature, both of two ways to fix the same number, or an asymmetry together with
        sterile relics.
    """

    nature: Nature = "majorana"
    thermal: bool = True
    T_cmb: Any = T_CMB
    temperature: Any = None
    n_eff: Any = None
    density: Any = None
    overdensity: Any = 1.0
    asymmetry: Any = 0.0
    sterile: SterileRelics | None = None
    state: RelicState = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Validate, and prepare `state`, the same in code units."""
        if self.nature not in ("majorana", "dirac"):
            raise ParameterError(f"nature = {self.nature!r}: 'majorana' or 'dirac'")
        if not isinstance(self.thermal, bool | np.bool_):
            raise ParameterError(f"thermal = {self.thermal!r}: True or False")
        if self.temperature is not None and self.n_eff is not None:
            raise ParameterError("temperature and n_eff both fix the relics' temperature: give one")
        object.__setattr__(
            self,
            "state",
            RelicState(
                temperature=self._temperature(),
                density=self._density(),
                asymmetry=_asymmetry(self.asymmetry),
                overdensity=self._overdensity(),
                nature=self.nature,
                thermal=bool(self.thermal),
                sterile=self._sterile(),
                **self._profile(),
            ),
        )

    def _sterile(self) -> SterileState | None:
        if self.sterile is None:
            return None
        if not isinstance(self.sterile, SterileRelics):
            raise ParameterError(f"sterile = {self.sterile!r}: a nuprop.SterileRelics is needed")
        if _asymmetry(self.asymmetry) is not None:
            raise ParameterError(
                f"asymmetry = {self.asymmetry}: must be 0 with sterile relics, which have none"
            )
        return self.sterile.state(self._temperature())

    def _temperature(self) -> Any:
        t_cmb = _kelvin(self.T_cmb, "T_cmb")
        if self.temperature is not None:
            return BOLTZMANN * _kelvin(self.temperature, "temperature")
        scale = (4.0 / 11.0) ** (1.0 / 3.0)
        if self.n_eff is not None:
            n_eff = _positive(self.n_eff, "dimensionless", "n_eff", "a positive number")
            scale = scale * (n_eff / 3.0) ** 0.25
        return BOLTZMANN * scale * t_cmb

    def _density(self) -> Any:
        if self.density is None:
            return thermal_density(self._temperature())
        return _per_cm3(self.density)

    def _overdensity(self) -> Any:
        if callable(self.overdensity):
            return 1.0
        allowed = "a positive number or a callable of redshift"
        return _positive(self.overdensity, "dimensionless", "overdensity", allowed)

    def _profile(self) -> dict[str, Any]:
        """Where `RelicState` keeps a profile: with its leaves if it is a pytree, else as it is."""
        if not callable(self.overdensity):
            return {}
        profile = _traceable_profile(self.overdensity)
        return {"profile" if jax.tree_util.all_leaves([profile]) else "clump": profile}

    def describe(self) -> dict[str, Any]:
        """Plain values for the record that a result carries."""
        state = self.state
        overdensity = "function of z" if callable(self.overdensity) else float(state.overdensity)
        if hasattr(self.overdensity, "describe"):
            overdensity = self.overdensity.describe()
        described: dict[str, Any] = {
            "nature": self.nature,
            "thermal": bool(self.thermal),
            "temperature [K]": float(state.temperature) / BOLTZMANN,
            "density per state and helicity [cm-3]": float(state.density),
            "overdensity": overdensity,
            "asymmetry": 0.0 if state.asymmetry is None else float(state.asymmetry),
        }
        if state.sterile is not None:
            described["sterile"] = {
                "density per helicity [cm-3]": float(state.sterile.density),
                "temperature [K]": float(state.sterile.temperature) / BOLTZMANN,
            }
        return described


def _positive(value: Any, kind: str, name: str, allowed: str) -> Any:
    return required_number(value, kind, name, allowed, lambda x: x > 0.0)


def _kelvin(value: Any, name: str) -> Any:
    return _positive(value, "temperature", name, "a positive temperature in K")


def _per_cm3(value: Any) -> Any:
    return _positive(value, "density", "density", "a positive density in cm^-3")


def _asymmetry(value: Any) -> Any:
    allowed = "a number between -5 and 5"
    xi = required_number(value, "dimensionless", "asymmetry", allowed, lambda x: np.abs(x) <= 5.0)
    return None if isinstance(xi, float) and xi == 0.0 else xi


def _traceable_profile(profile: Callable[..., Any]) -> Callable[[jax.Array], jax.Array]:
    """Check once that a user's overdensity(z) can be traced and is sane."""
    if any(map(is_traced, jax.tree_util.tree_leaves(profile))):
        return profile
    probe = jnp.linspace(0.0, 20.0, 41)
    try:
        values = np.asarray(jax.jit(profile)(probe))
    except Exception as error:
        raise ParameterError(
            f"overdensity = {profile!r}: a callable must be traceable by JAX "
            "(built from jax.numpy, without branches on its argument)"
        ) from error
    if values.shape != probe.shape or not np.all(np.isfinite(values)) or np.any(values < 0.0):
        raise ParameterError(
            f"overdensity = {profile!r}: must return one finite value >= 0 for each redshift"
        )
    return profile
