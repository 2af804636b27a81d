"""Neutrino masses and mixing: the PMNS matrix, both orderings, NuFIT's values, a sterile state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.errors import ParameterError, UnitError, nearest
from nuprop.pytree import as_pytree, assign, gather, leaf_text
from nuprop.units import in_code_units, is_traced, require

Ordering = Literal["normal", "inverted"]

_EV = 1e-9  # GeV
_EV2 = _EV**2
#: Bare numbers above these (1 keV, in GeV and in GeV^2) are taken for a forgotten unit.
_LARGEST_BARE_MASS = 1e-6
_LARGEST_BARE_SPLITTING = 1e-12


class _BestFit(NamedTuple):
    """Best-fit values of one ordering, as published.

    sin^2 of the mixing angles, the phase in degrees, Delta m^2_21 in 1e-5 eV^2, and
    Delta m^2_31 (normal) or Delta m^2_32 (inverted) in 1e-3 eV^2.
    """

    sin2_12: float
    sin2_23: float
    sin2_13: float
    delta: float
    dm2_21: float
    dm2_3l: float


def _from_angles(
    theta_12: float, theta_23: float, theta_13: float, delta: float, dm2_21: float, dm2_3l: float
) -> _BestFit:
    """Best fit published with the mixing angles in degrees."""
    s12, s23, s13 = (math.sin(math.radians(angle)) for angle in (theta_12, theta_23, theta_13))
    return _BestFit(s12**2, s23**2, s13**2, delta, dm2_21, dm2_3l)


_NUFIT_5 = "Esteban et al. 2020, arXiv:2007.14792"
_NUFIT_6_0 = "NuFIT 6.0 (2024), Esteban et al. 2024, arXiv:2410.05380"
_NUFIT_6_1 = "NuFIT 6.1 (2025), www.nu-fit.org, Esteban et al. 2026, arXiv:2601.09791"

#: name -> (reference, best fit in normal ordering, best fit in inverted ordering).
_SETS: dict[str, tuple[str, _BestFit, _BestFit]] = {
    "nufit-5.0": (
        f"NuFIT 5.0 (2020), {_NUFIT_5}",
        _from_angles(33.44, 49.2, 8.57, 197.0, 7.42, 2.517),
        _from_angles(33.45, 49.3, 8.60, 282.0, 7.42, -2.498),
    ),
    "nufit-5.0-no-sk": (
        f"NuFIT 5.0 (2020), {_NUFIT_5}",
        _from_angles(33.44, 49.0, 8.57, 195.0, 7.42, 2.514),
        _from_angles(33.45, 49.3, 8.61, 286.0, 7.42, -2.497),
    ),
    "nufit-5.2": (
        f"NuFIT 5.2 (2022), www.nu-fit.org, {_NUFIT_5}",
        _BestFit(0.303, 0.451, 0.02225, 232.0, 7.41, 2.507),
        _BestFit(0.303, 0.569, 0.02223, 276.0, 7.41, -2.486),
    ),
    "nufit-5.2-no-sk": (
        f"NuFIT 5.2 (2022), www.nu-fit.org, {_NUFIT_5}",
        _BestFit(0.303, 0.572, 0.02203, 197.0, 7.41, 2.511),
        _BestFit(0.303, 0.578, 0.02219, 286.0, 7.41, -2.498),
    ),
    "nufit-6.0": (
        _NUFIT_6_0,
        _BestFit(0.308, 0.470, 0.02215, 212.0, 7.49, 2.513),
        _BestFit(0.308, 0.550, 0.02231, 274.0, 7.49, -2.484),
    ),
    "nufit-6.0-no-sk": (
        _NUFIT_6_0,
        _BestFit(0.307, 0.561, 0.02195, 177.0, 7.49, 2.534),
        _BestFit(0.308, 0.562, 0.02224, 285.0, 7.49, -2.510),
    ),
    "nufit-6.1": (
        _NUFIT_6_1,
        _from_angles(33.76, 43.29, 8.62, 212.0, 7.537, 2.511),
        _from_angles(33.76, 47.90, 8.65, 274.0, 7.537, -2.483),
    ),
    "nufit-6.1-no-sk": (
        _NUFIT_6_1,
        _from_angles(33.76, 43.27, 8.62, 207.0, 7.537, 2.521),
        _from_angles(33.76, 48.15, 8.65, 283.0, 7.537, -2.500),
    ),
}


@as_pytree
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Oscillations:
    """Mixing angles, CP phase and mass splittings of three neutrinos.

    Parameters
    ----------
    sin2_12, sin2_23, sin2_13 : float
        sin^2 of the mixing angles, between 0 and 1. Derivatives exist inside this interval; at its
        ends they are set to zero.
    delta : Quantity or float, rad
        Dirac CP phase.
    dm2_21 : Quantity (eV^2) or float (GeV^2)
        m_2^2 - m_1^2 > 0.
    dm2_3l : Quantity (eV^2) or float (GeV^2)
        m_3^2 - m_1^2 > 0 in normal ordering, m_3^2 - m_2^2 < 0 in inverted ordering (the NuFIT
        convention); larger than `dm2_21` in absolute value.
    name, reference : str
        What describes the values in a result, and where they come from.

    Attributes
    ----------
    The parameters in code units: `delta` in rad, `dm2_21` and `dm2_3l` in GeV^2.

    Raises
    ------
    ParameterError
        If a value lies outside the range given above.
    UnitError
        If a splitting is not a squared mass, or a bare number above 1e-12 GeV^2.
    """

    sin2_12: Any
    sin2_23: Any
    sin2_13: Any
    delta: Any
    dm2_21: Any
    dm2_3l: Any
    name: str = field(metadata={"static": True})
    reference: str = field(metadata={"static": True})

    def __init__(
        self,
        sin2_12: Any,
        sin2_23: Any,
        sin2_13: Any,
        delta: Any,
        dm2_21: Any,
        dm2_3l: Any,
        name: str = "user",
        reference: str = "",
    ) -> None:
        for label, given in (("sin2_12", sin2_12), ("sin2_23", sin2_23), ("sin2_13", sin2_13)):
            value = in_code_units(given, "dimensionless", label)
            require(label, value, "a number from 0 to 1", lambda x: (x >= 0.0) & (x <= 1.0))
            assign(self, **{label: value})
        delta = in_code_units(delta, "angle", "delta")
        require("delta", delta, "a finite angle", np.isfinite)
        dm2_21 = _squared_mass(dm2_21, "dm2_21")
        require("dm2_21", dm2_21, "a positive squared mass", lambda x: x > 0.0)
        dm2_3l = _squared_mass(dm2_3l, "dm2_3l")
        smallest = 0.0 if is_traced(dm2_21) else dm2_21
        require(
            "dm2_3l",
            dm2_3l,
            "a squared mass, positive or negative, larger than dm2_21 in absolute value",
            lambda x: np.abs(x) > smallest,
        )
        assign(self, delta=delta, dm2_21=dm2_21, dm2_3l=dm2_3l, name=name, reference=reference)

    @property
    def pmns(self) -> jax.Array:
        """Mixing matrix U, complex, shape (3, 3) [alpha, i], nu_alpha = sum_i U_alpha,i nu_i.

        PDG parametrization (Workman et al. 2022, PTEP 2022, 083C01, Sec. 14), without Majorana
        phases, on which no rate of this package depends.
        """
        s12, c12 = _sin_cos(self.sin2_12)
        s23, c23 = _sin_cos(self.sin2_23)
        s13, c13 = _sin_cos(self.sin2_13)
        phase = jnp.exp(1j * jnp.asarray(self.delta))
        twisted = s13 * phase
        rows = (
            (c12 * c13, s12 * c13, s13 / phase),
            (-s12 * c23 - c12 * s23 * twisted, c12 * c23 - s12 * s23 * twisted, s23 * c13),
            (s12 * s23 - c12 * c23 * twisted, -c12 * s23 - s12 * c23 * twisted, c23 * c13),
        )
        return jnp.stack([jnp.stack([entry + 0j for entry in row]) for row in rows])

    def describe(self) -> dict[str, Any]:
        """Plain values for the record that a result carries."""
        return {
            "name": self.name,
            "sin2_12": float(self.sin2_12),
            "sin2_23": float(self.sin2_23),
            "sin2_13": float(self.sin2_13),
            "delta [deg]": math.degrees(float(self.delta)),
            "dm2_21 [eV2]": float(self.dm2_21) / _EV2,
            "dm2_3l [eV2]": float(self.dm2_3l) / _EV2,
            "reference": self.reference,
        }

    def __repr__(self) -> str:
        angles = (f"{n} {leaf_text(getattr(self, n))}" for n in ("sin2_12", "sin2_23", "sin2_13"))
        return (
            f"Oscillations({self.name!r}, {', '.join(angles)}, "
            f"delta {leaf_text(self.delta, 180.0 / math.pi, 'deg')}, "
            f"dm2_21 {leaf_text(self.dm2_21, 1.0 / _EV2, 'eV2')}, "
            f"dm2_3l {leaf_text(self.dm2_3l, 1.0 / _EV2, 'eV2')})"
        )


def oscillation_sets() -> tuple[str, ...]:
    """Names that `oscillations` knows."""
    return tuple(_SETS)


def oscillations(
    given: str | Oscillations = "nufit-6.0", ordering: Ordering = "normal"
) -> Oscillations:
    """Best-fit oscillation parameters of one mass ordering, by name.

    Parameters
    ----------
    given : str or Oscillations
        "nufit-5.0", "nufit-5.2", "nufit-6.0" or "nufit-6.1": with atmospheric data of
        Super-Kamiokande (from 6.0 on also of IceCube); with "-no-sk" at the end: the fit without
        them. Values of your own pass through, once their ordering has been checked.
    ordering : "normal" or "inverted"

    Returns
    -------
    Oscillations

    Raises
    ------
    ParameterError
        If the name or the ordering is unknown, or the sign of `dm2_3l` contradicts the ordering.

    References
    ----------
    NuFIT 5.0 and 5.2: Esteban et al. 2020, arXiv:2007.14792. 6.0: Esteban et al. 2024,
    arXiv:2410.05380. 6.1: Esteban et al. 2026, arXiv:2601.09791. 5.0 and 6.1 are computed from the
    published angles, the others from the published sin^2; all as on www.nu-fit.org.

    Examples
    --------
    >>> float(oscillations("nufit-6.0", "inverted").sin2_23)
    0.55
    """
    if ordering not in ("normal", "inverted"):
        hint = nearest(str(ordering), ("normal", "inverted"))
        raise ParameterError(f"ordering = {ordering!r}: 'normal' or 'inverted' ({hint})")
    if isinstance(given, Oscillations):
        _check_sign(given, ordering)
        return given
    if not isinstance(given, str):
        raise ParameterError(f"oscillations = {given!r}: a name or an Oscillations object")
    if given not in _SETS:
        raise ParameterError(f"oscillations = {given!r}: unknown set; {nearest(given, _SETS)}")
    reference, normal, inverted = _SETS[given]
    best = normal if ordering == "normal" else inverted
    return Oscillations(
        best.sin2_12,
        best.sin2_23,
        best.sin2_13,
        math.radians(best.delta),
        best.dm2_21 * 1e-5 * _EV2,
        best.dm2_3l * 1e-3 * _EV2,
        name=given,
        reference=reference,
    )


_oscillations = oscillations  # for Neutrinos, whose argument has the same name


class PerFlavor(NamedTuple):
    """One number for each of e, mu and tau."""

    e: Any
    mu: Any
    tau: Any


@as_pytree
@dataclass(frozen=True, init=False, eq=False, repr=False)
class SterileNeutrino:
    """A fourth neutrino nu_4, a mixture of the three flavors and of a sterile state nu_s.

    nu_s has no weak interaction; sources do not emit it and no detector sees it, but a mediator may
    couple to it. It is left-handed and light, m_4 << M; the right-handed partners of Dirac
    neutrinos are something else.

    Parameters
    ----------
    mass : Quantity, str or float
        m_4, from exactly 0 upward; a bare number is in GeV.
    mixing : three numbers
        |U_e4|^2, |U_mu4|^2, |U_tau4|^2, each >= 0, with a sum below 1; 0 by default. Derivatives
        exist above 0, where the mixing angles do; at 0 they are set to zero.
    phases : Quantity or three numbers, rad
        delta_14, delta_24, delta_34: U_a4 = |U_a4| e^(-i delta), U_s4 > 0.

    Attributes
    ----------
    mass : GeV
    mixing, phases : PerFlavor

    Raises
    ------
    UnitError
        If the mass has the wrong unit, or is a bare number above 1e-6 GeV = 1 keV.
    ParameterError
        If the mass is negative, or the mixing lies outside the range given above.

    Examples
    --------
    >>> sterile = SterileNeutrino("0.5 eV", mixing=(0.01, 0.02, 0.0))
    >>> sterile
    SterileNeutrino(mass 0.5 eV, |U_a4|^2 0.01 : 0.02 : 0)
    >>> print(Neutrinos("0.08 eV", sterile=sterile).mixing[3].round(4))
    [0.0012 0.0217 0.0071 0.97  ]
    """

    mass: Any
    mixing: PerFlavor
    phases: PerFlavor

    def __init__(
        self,
        mass: Any,
        mixing: Any = (0.0, 0.0, 0.0),
        phases: Any = (0.0, 0.0, 0.0),
    ) -> None:
        mass = _neutrino_mass(mass, "mass")
        if np.shape(mass) != ():
            raise ParameterError(f"mass has the shape {np.shape(mass)}: one mass is needed, m_4")
        shares = _per_flavor(mixing, "dimensionless", "mixing")
        for share in shares:
            require("mixing", share, "|U_a4|^2 >= 0 for e, mu and tau", lambda x: x >= 0.0)
        if not any(map(is_traced, shares)):
            require("mixing", np.sum(shares), "a sum below 1 is needed", lambda x: x < 1.0)
        angles = _per_flavor(phases, "angle", "phases")
        for angle in angles:
            require("phases", angle, "finite angles", np.isfinite)
        assign(self, mass=mass, mixing=shares, phases=angles)

    def added_to(self, pmns: jax.Array) -> jax.Array:
        """Mixing matrix of four neutrinos, U = R_34 R_24 R_14 diag(PMNS, 1).

        Parameters
        ----------
        pmns : Array, shape (3, 3)
            Of the three without the sterile one.

        Returns
        -------
        Array, complex, shape (4, 4) [alpha, i]
            alpha = e, mu, tau, s. R_a4 has cos theta at [a, a] and [4, 4], sin theta e^(-i delta)
            at [a, 4] and -sin theta e^(i delta) at [4, a], so that |U_e4| = s14,
            |U_mu4| = c14 s24, |U_tau4| = c14 c24 s34 and U_s4 = c14 c24 c34.
        """
        rows = [jnp.append(row, 0.0j) for row in pmns]
        last = jnp.array([0.0j, 0.0j, 0.0j, 1.0 + 0.0j])
        left: Any = 1.0
        for a, (share, phase) in enumerate(zip(self.mixing, self.phases, strict=True)):
            sine, cosine = _sin_cos(share / left)
            turned = sine * jnp.exp(-1j * jnp.asarray(phase))
            rows[a], last = (
                cosine * rows[a] + turned * last,
                cosine * last - turned.conj() * rows[a],
            )
            left = left - share
        return jnp.stack([*rows, last])

    def describe(self) -> dict[str, Any]:
        """Plain values for the record that a result carries."""
        return {
            "mass [eV]": float(self.mass) / _EV,
            "mixing": [float(share) for share in self.mixing],
            "phases [deg]": [math.degrees(float(phase)) for phase in self.phases],
        }

    def __repr__(self) -> str:
        shares = " : ".join(leaf_text(share) for share in self.mixing)
        return f"SterileNeutrino(mass {leaf_text(self.mass, 1.0 / _EV, 'eV')}, |U_a4|^2 {shares})"


@as_pytree
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Neutrinos:
    """Masses and mixing of the three neutrinos, or of these and a sterile one.

    Parameters
    ----------
    lightest_mass : Quantity, str or float
        Mass of nu_1 (normal ordering) or nu_3 (inverted), from exactly 0 upward. A bare number is
        in GeV: 0.08 eV is ``0.08 * u.eV``, ``"0.08 eV"`` or ``8e-11``.
    ordering : "normal" (default) or "inverted"
    oscillations : str or Oscillations
        A name of `oscillations`, or values of your own.
    sterile : SterileNeutrino, optional
        A fourth state; by default there is none.

    Attributes
    ----------
    lightest_mass : GeV, or None if all three masses were given
    given_masses : (3,) GeV, or None
    oscillations : Oscillations
    sterile : SterileNeutrino or None
    ordering : str

    Raises
    ------
    UnitError
        If the mass has the wrong unit, or is a bare number above 1e-6 GeV = 1 keV.
    ParameterError
        If the mass is negative, or the ordering or the set is unknown.

    Examples
    --------
    >>> print(1e9 * Neutrinos(lightest_mass="0.08 eV").masses)
    [0.08       0.08046676 0.09440869]
    """

    lightest_mass: Any
    given_masses: Any
    oscillations: Oscillations
    sterile: SterileNeutrino | None
    ordering: Ordering = field(metadata={"static": True})

    def __init__(
        self,
        lightest_mass: Any = 0.0,
        ordering: Ordering = "normal",
        oscillations: str | Oscillations = "nufit-6.0",
        sterile: SterileNeutrino | None = None,
    ) -> None:
        lightest = _neutrino_mass(lightest_mass, "lightest_mass")
        if np.shape(lightest) != ():
            raise ParameterError(
                f"lightest_mass has the shape {np.shape(lightest)}: one mass is needed; "
                "Neutrinos.from_masses takes all three"
            )
        assign(
            self,
            lightest_mass=lightest,
            given_masses=None,
            oscillations=_oscillations(oscillations, ordering),
            sterile=_sterile(sterile),
            ordering=ordering,
        )

    @classmethod
    def from_masses(
        cls,
        masses: Any,
        ordering: Ordering = "normal",
        oscillations: str | Oscillations = "nufit-6.0",
        sterile: SterileNeutrino | None = None,
    ) -> Neutrinos:
        """Neutrinos with three masses of one's own, degenerate or zero if need be.

        Parameters
        ----------
        masses : Quantity or array, shape (3,), GeV
            m_1, m_2, m_3, each from exactly 0 upward.
        ordering, oscillations
            As in the class; they only choose the mixing, the mass splittings are ignored.
        sterile : SterileNeutrino, optional
            As in the class; it has the fourth mass.

        Raises
        ------
        UnitError, ParameterError
            As in the class, and if `masses` are not three.
        """
        values = _neutrino_mass(gather(masses), "masses")
        if np.shape(values) != (3,):
            raise ParameterError(
                f"masses has the shape {np.shape(values)}: (3,) is needed, for m_1, m_2, m_3"
            )
        neutrinos = object.__new__(cls)
        assign(
            neutrinos,
            lightest_mass=None,
            given_masses=values,
            oscillations=_oscillations(oscillations, ordering),
            sterile=_sterile(sterile),
            ordering=ordering,
        )
        return neutrinos

    @property
    def n_states(self) -> int:
        """Number of mass eigenstates: 3, or 4 with a sterile neutrino."""
        return 3 if self.sterile is None else 4

    @property
    def masses(self) -> jax.Array:
        """Masses m_1, m_2, m_3 and of a sterile neutrino m_4 [GeV], shape (n_states,).

        Normal ordering: m_2^2 = m_1^2 + dm2_21, m_3^2 = m_1^2 + dm2_31. Inverted ordering:
        m_2^2 = m_3^2 - dm2_32, m_1^2 = m_2^2 - dm2_21. Derivatives are finite also for a massless
        lightest state.
        """
        three = self._active_masses()
        return three if self.sterile is None else jnp.append(three, self.sterile.mass)

    def _active_masses(self) -> jax.Array:
        if self.given_masses is not None:
            return jnp.asarray(self.given_masses)
        lightest = jnp.asarray(self.lightest_mass)
        dm2_21, dm2_3l = self.oscillations.dm2_21, self.oscillations.dm2_3l
        if self.ordering == "normal":
            squares = [lightest**2 + dm2_21, lightest**2 + dm2_3l]
            return jnp.stack([lightest, *map(jnp.sqrt, squares)])
        second = lightest**2 - dm2_3l
        return jnp.stack([jnp.sqrt(second - dm2_21), jnp.sqrt(second), lightest])

    @property
    def pmns(self) -> jax.Array:
        """Mixing matrix U, complex, shape (n_states, n_states) [alpha, i].

        Rows e, mu, tau, and s for a sterile neutrino; see `Oscillations.pmns` and
        `SterileNeutrino.added_to`.
        """
        three = self.oscillations.pmns
        return three if self.sterile is None else self.sterile.added_to(three)

    @property
    def mixing(self) -> jax.Array:
        """|U_alpha,i|^2, shape (n_states, n_states) [alpha, i]; rows and columns sum to 1."""
        u = self.pmns
        return u.real**2 + u.imag**2

    def flavor_at_earth(self, flavor: ArrayLike | Sequence[float]) -> jax.Array:
        """Flavor composition after oscillations average out, without interactions.

        P_beta = sum_alpha,i |U_beta,i|^2 |U_alpha,i|^2 f_alpha (Learned & Pakvasa 1995,
        arXiv:hep-ph/9405296).

        Parameters
        ----------
        flavor : array, shape (3,)
            nu_e : nu_mu : nu_tau at the source, any normalization.

        Returns
        -------
        Array, shape (n_states,), sums to 1
            For e, mu, tau, and s for a sterile neutrino.

        Raises
        ------
        ParameterError
            If `flavor` is not three numbers >= 0 with a positive sum.
        """
        shares = jnp.asarray(flavor, dtype=jnp.float64)
        if shares.shape != (3,):
            raise ParameterError(
                f"flavor has the shape {shares.shape}: (3,) is needed, for nu_e, nu_mu, nu_tau"
            )
        require(
            "flavor",
            shares,
            "three numbers >= 0 with a positive sum",
            lambda f: np.all(f >= 0.0) and np.sum(f) > 0.0,
        )
        mixing = self.mixing
        return mixing @ (shares / jnp.sum(shares) @ mixing[:3])

    def describe(self) -> dict[str, Any]:
        """Plain values for the record that a result carries."""
        masses = [float(m) / _EV for m in self._active_masses()]
        described: dict[str, Any] = {
            "ordering": self.ordering,
            "masses [eV]": masses,
            "sum of masses [eV]": sum(masses),
            "oscillations": self.oscillations.describe(),
        }
        if self.sterile is not None:
            described["sterile"] = self.sterile.describe()
        return described

    def __repr__(self) -> str:
        if self.given_masses is None:
            mass = f"lightest mass {leaf_text(self.lightest_mass, 1.0 / _EV, 'eV')}"
        elif np.shape(self.given_masses) == (3,) and not is_traced(self.given_masses):
            mass = f"masses {', '.join(f'{m / _EV:.6g}' for m in self.given_masses)} eV"
        else:
            mass = f"masses {leaf_text(self.given_masses)}"
        name = getattr(self.oscillations, "name", self.oscillations)
        more = "" if self.sterile is None else f", {self.sterile!r}"
        return f"Neutrinos({mass}, {self.ordering} ordering, {name!r}{more})"


def _sin_cos(sin2: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Sine and cosine of a mixing angle in the first quadrant."""
    return _root(jnp.asarray(sin2)), _root(1.0 - jnp.asarray(sin2))


def _root(square: jax.Array) -> jax.Array:
    """Square root whose derivative at zero is zero instead of infinite."""
    positive = square > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)


def _per_flavor(value: Any, kind: str, name: str) -> PerFlavor:
    """Turn what a user gave for e, mu and tau into three numbers in code units."""
    values = in_code_units(gather(value), kind, name)
    if np.shape(values) != (3,):
        raise ParameterError(
            f"{name} has the shape {np.shape(values)}: (3,) is needed, for e, mu and tau"
        )
    return PerFlavor(*values)


def _sterile(given: Any) -> SterileNeutrino | None:
    if given is not None and not isinstance(given, SterileNeutrino):
        raise ParameterError(f"sterile = {given!r}: a nuprop.SterileNeutrino is needed")
    return given


def _squared_mass(value: Any, name: str) -> Any:
    """Turn a squared mass into GeV^2."""
    if isinstance(value, str) or hasattr(value, "unit"):
        from astropy.units import Quantity

        try:
            return float(Quantity(value).to_value("GeV2"))
        except (TypeError, ValueError) as error:
            raise UnitError(
                f"{name} = {value}: a squared mass is needed, such as 7.49e-5 * u.eV**2"
            ) from error
    number = in_code_units(value, "dimensionless", name)
    if not is_traced(number) and np.any(np.abs(number) > _LARGEST_BARE_SPLITTING):
        raise UnitError(
            f"{name} = {value}: a bare number is in GeV^2, and this is above (1 keV)^2 = 1e-12; "
            "write its unit, such as 7.49e-5 * u.eV**2"
        )
    return number


def _neutrino_mass(value: Any, name: str) -> Any:
    """Turn a neutrino mass, or several, into GeV."""
    mass = in_code_units(value, "energy", name)
    require(name, mass, "a mass >= 0", lambda m: m >= 0.0)
    bare = not (isinstance(value, str) or hasattr(value, "unit"))
    if bare and not is_traced(mass) and np.any(np.asarray(mass) > _LARGEST_BARE_MASS):
        raise UnitError(
            f"{name} = {value}: a bare number is in GeV, and this is above 1 keV = 1e-6; "
            "write its unit, such as 0.08 * u.eV"
        )
    return mass


def _check_sign(given: Oscillations, ordering: Ordering) -> None:
    sign = 1.0 if ordering == "normal" else -1.0
    needed = "> 0 (m_3^2 - m_1^2)" if ordering == "normal" else "< 0 (m_3^2 - m_2^2)"
    require(
        "oscillations.dm2_3l",
        given.dm2_3l,
        f"must be {needed} in {ordering} ordering",
        lambda x: sign * x > 0.0,
    )
