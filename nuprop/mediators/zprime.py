"""The Z': a vector boson coupled to left-handed neutrinos, and to charged leptons if told to."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import (
    CHARGED_LEPTON_MASSES,
    ELEMENTARY_CHARGE,
    SIN2_THETA_W,
)
from nuprop.errors import ParameterError, PhysicsWarning, nearest
from nuprop.mediators.boson import (
    ALONE,
    FLAVORS,
    LARGEST_COUPLING,
    LARGEST_WIDTH,
    Boson,
    Nature,
    is_positive,
    matrix_text,
    require_nature,
)
from nuprop.mediators.coupling import hermitian_parts, in_mass_basis, squared_moduli
from nuprop.mediators.width import charged_lepton_width, loop_mixing, neutrino_width
from nuprop.neutrinos import Neutrinos
from nuprop.pytree import as_pytree, assign, gather, leaf_text
from nuprop.units import in_code_units, is_traced, require, required_number

_COS_THETA_W = math.sqrt(1.0 - SIN2_THETA_W)
_HADRON_THRESHOLD = 0.4  # GeV
_NEUTRAL = (0.0, 0.0, 0.0)
#: Charges of e, mu and tau under what is gauged, and of their neutrinos.
_LEPTON_CHARGES = {
    "lmu-ltau": (0.0, 1.0, -1.0),
    "le-lmu": (1.0, -1.0, 0.0),
    "le-ltau": (1.0, 0.0, -1.0),
    "b-minus-l": (-1.0, -1.0, -1.0),
}
_NEUTRINO_CHARGES = {
    **_LEPTON_CHARGES,
    "universal": (1.0, 1.0, 1.0),
    **{f"single-flavor-{flavor}": charges for flavor, charges in ALONE.items()},
}


@as_pytree
@dataclass(frozen=True, init=False, eq=False, repr=False)
class ZPrime(Boson):
    """A vector boson with L = Z'_mu sum_ab g_ab nubar_a gamma^mu P_L nu_b.

    Parameters
    ----------
    mass : Quantity, str or float, GeV
    coupling_matrix : array, shape (3, 3) or (4, 4)
        g_ab in the flavor basis (e, mu, tau, and s for the sterile state of a `SterileNeutrino`),
        Hermitian, the gauge coupling inside. An entry of
        this matrix is what the class methods call `coupling` times charge.
    charged_couplings : array, shape (3,), optional
        Real vector couplings g_l to e, mu and tau, mixing with the photon included. None by
        default: the boson decays to neutrinos only.

    Attributes
    ----------
    mass : GeV
    coupling : g', or 1 if a matrix was given
    charges_real, charges_imag : (3, 3) or (4, 4)
        Charges of the neutrinos in the flavor basis, in units of `coupling`.
    charged_charges : (3,)
        Charges of e, mu, tau, in the same units.
    kinetic_mixing : hypercharge mixing epsilon
    model : str
    loop_mixing : bool
    right_handed : bool
        Whether Dirac neutrinos have a right-handed part that couples as the left-handed one does.

    Raises
    ------
    UnitError, ParameterError
        If the mass is not a positive energy, the matrix neither 3x3 nor 4x4, not
        Hermitian or zero.

    Warns
    -----
    PhysicsWarning
        If the width exceeds 0.3 M or a coupling sqrt(4 pi): perturbation theory fails there.

    Notes
    -----
    Values traced by JAX may stand wherever a number may; they are not validated. Every attribute
    that is a number is a leaf of the pytree.

    References
    ----------
    Araki et al. 2015, arXiv:1409.4180; Araki et al. 2016, arXiv:1508.07471.

    Examples
    --------
    >>> zprime = ZPrime.lmu_ltau(mass="11 MeV", coupling=5e-4)
    >>> zprime
    ZPrime('lmu-ltau', mass 11 MeV, coupling 0.0005)
    >>> f"{1e9 * zprime.width():.6f} eV"
    '0.072946 eV'
    """

    mass: Any
    coupling: Any
    charges_real: Any
    charges_imag: Any
    charged_charges: Any
    kinetic_mixing: Any
    model: str = field(metadata={"static": True})
    loop_mixing: bool = field(metadata={"static": True})
    right_handed: bool = field(metadata={"static": True})

    def __init__(self, mass: Any, coupling_matrix: Any, charged_couplings: Any = None) -> None:
        real, imag = hermitian_parts(coupling_matrix, "coupling_matrix")
        charged = _NEUTRAL if charged_couplings is None else charged_couplings
        charged = in_code_units(gather(charged), "dimensionless", "charged_couplings")
        if np.shape(charged) != (3,):
            raise ParameterError(
                f"charged_couplings has the shape {np.shape(charged)}: "
                "(3,) is needed, for e, mu and tau"
            )
        require("charged_couplings", charged, "three finite real numbers", np.isrealobj)
        assign(
            self,
            mass=_mass(mass),
            coupling=1.0,
            charges_real=real,
            charges_imag=imag,
            charged_charges=charged,
            kinetic_mixing=0.0,
            model="matrix",
            loop_mixing=False,
            right_handed=False,
        )
        _warn_beyond_validity(self, stacklevel=3)

    @classmethod
    def lmu_ltau(
        cls,
        mass: Any,
        coupling: Any,
        kinetic_mixing: Any = 0.0,
        loop_mixing: bool = False,
        sterile_charge: Any = None,
    ) -> ZPrime:
        """Gauge boson of L_mu - L_tau: charges (0, 1, -1) of e, mu, tau and their neutrinos.

        L = g' Z'_a sum_l Q_l (nubar_l gamma^a P_L nu_l + lbar gamma^a l), Q = (0, 1, -1); mixing
        with the photon adds e times it to the couplings of charged leptons, see `photon_mixing_at`.

        Parameters
        ----------
        mass : Quantity, str or float, GeV
        coupling : float
            g' > 0.
        kinetic_mixing : float
            Tree-level epsilon of L = (epsilon/2) B_mn Z'^mn with the hypercharge field: every
            charged lepton gets -epsilon e cos(theta_W), neutrinos nothing.
        loop_mixing : bool
            Whether to add the mixing with the photon through muon and tau loops at q^2 = M^2.
        sterile_charge : float, optional
            Charge of the sterile state of a `SterileNeutrino`, without which it cannot propagate.

        Raises
        ------
        UnitError, ParameterError
            If the mass or the coupling is not positive, or the mixing not finite.

        Warns
        -----
        PhysicsWarning
            As in the class.

        References
        ----------
        Araki et al. 2016, arXiv:1508.07471.
        """
        return _named(cls, "lmu-ltau", mass, coupling, kinetic_mixing, loop_mixing, sterile_charge)

    @classmethod
    def le_lmu(
        cls,
        mass: Any,
        coupling: Any,
        kinetic_mixing: Any = 0.0,
        loop_mixing: bool = False,
        sterile_charge: Any = None,
    ) -> ZPrime:
        """Gauge boson of L_e - L_mu: charges (1, -1, 0).

        L and arguments as in `lmu_ltau`, Q = (1, -1, 0).
        """
        return _named(cls, "le-lmu", mass, coupling, kinetic_mixing, loop_mixing, sterile_charge)

    @classmethod
    def le_ltau(
        cls,
        mass: Any,
        coupling: Any,
        kinetic_mixing: Any = 0.0,
        loop_mixing: bool = False,
        sterile_charge: Any = None,
    ) -> ZPrime:
        """Gauge boson of L_e - L_tau: charges (1, 0, -1).

        L and arguments as in `lmu_ltau`, Q = (1, 0, -1).
        """
        return _named(cls, "le-ltau", mass, coupling, kinetic_mixing, loop_mixing, sterile_charge)

    @classmethod
    def b_minus_l(
        cls,
        mass: Any,
        coupling: Any,
        kinetic_mixing: Any = 0.0,
        loop_mixing: bool = False,
        sterile_charge: Any = None,
    ) -> ZPrime:
        """Gauge boson of B - L: charge -1 of every lepton; arguments as in `lmu_ltau`.

        L = -g' Z'_a sum_l (nubar_l gamma^a P_L nu_l + lbar gamma^a l), and without P_L for Dirac
        neutrinos; plus (g'/3) Z'_a qbar gamma^a q of quarks, see below.
        Dirac neutrinos couple with both chiralities: half of the decays to them are then to sterile
        states, lost to the neutrino flux. Decays to hadrons are not included, which a
        `PhysicsWarning` says above 400 MeV. The loop diverges: `loop_mixing` must stay off.
        """
        zprime = _named(
            cls, "b-minus-l", mass, coupling, kinetic_mixing, loop_mixing, sterile_charge
        )
        if not is_traced(zprime.mass) and np.any(np.asarray(zprime.mass) > _HADRON_THRESHOLD):
            warnings.warn(
                f"mass = {1e3 * float(zprime.mass):.6g} MeV: above 400 MeV B - L decays to hadrons "
                "too, which the width does not include",
                PhysicsWarning,
                stacklevel=2,
            )
        return zprime

    @classmethod
    def universal(
        cls,
        mass: Any,
        coupling: Any,
        kinetic_mixing: Any = 0.0,
        loop_mixing: bool = False,
        sterile_charge: Any = None,
    ) -> ZPrime:
        """Equal coupling g' to all neutrinos; arguments as in `lmu_ltau`.

        L = g' Z'_a sum_l nubar_l gamma^a P_L nu_l.
        Charged leptons couple through `kinetic_mixing` only, and there is no loop to switch on.
        """
        return _named(cls, "universal", mass, coupling, kinetic_mixing, loop_mixing, sterile_charge)

    @classmethod
    def single_flavor(
        cls,
        flavor: str,
        mass: Any,
        coupling: Any,
        kinetic_mixing: Any = 0.0,
        loop_mixing: bool = False,
    ) -> ZPrime:
        """Coupling g' to one flavor of neutrinos; further arguments as in `lmu_ltau`.

        L = g' Z'_a nubar_l gamma^a P_L nu_l of one l.
        Charged leptons couple through `kinetic_mixing` only, and there is no loop to switch on.

        Parameters
        ----------
        flavor : "e", "mu", "tau", or "sterile" for that of a `SterileNeutrino`
        """
        if flavor not in ALONE:
            raise ParameterError(f"flavor = {flavor!r}: {nearest(str(flavor), ALONE)}")
        name = f"single-flavor-{flavor}"
        return _named(cls, name, mass, coupling, kinetic_mixing, loop_mixing, sterile_charge=None)

    def photon_mixing_at(self, q2: ArrayLike) -> jax.Array:
        """Mixing with the photon at the squared momentum q^2, complex.

        -epsilon cos(theta_W) + eps_loop(q^2): charged leptons get e times it.

        Parameters
        ----------
        q2 : array, GeV^2
            Negative in scattering, s in annihilation. Without `loop_mixing` nothing depends on it.

        Returns
        -------
        Array, complex, of the shape of `q2`.
        """
        q2 = jnp.asarray(q2)
        tree = jnp.asarray(-_COS_THETA_W * self.kinetic_mixing, dtype=jnp.complex128)
        if not self.loop_mixing:
            return tree * jnp.ones_like(q2)
        return tree + self.coupling * loop_mixing(q2, self.charged_charges)

    @property
    def photon_mixing(self) -> jax.Array:
        """Mixing with the photon on the mass shell, q^2 = M^2; see `photon_mixing_at`."""
        return self.photon_mixing_at(jnp.asarray(self.mass) ** 2)

    def charged_couplings_at(self, q2: ArrayLike) -> jax.Array:
        """Vector couplings g_l to e, mu, tau at q^2, mixing included; complex, shape (..., 3)."""
        charges = jnp.asarray(self.charged_charges)
        return self.coupling * charges + ELEMENTARY_CHARGE * self.photon_mixing_at(q2)[..., None]

    @property
    def charged_couplings(self) -> jax.Array:
        """Vector couplings g_l to e, mu, tau on the mass shell; complex, shape (3,)."""
        return self.charged_couplings_at(jnp.asarray(self.mass) ** 2)

    def couplings_in_mass_basis(self, neutrinos: Neutrinos) -> jax.Array:
        """g_ij = (U^dagger g U)_ij, complex, shape (n_states, n_states).

        Parameters
        ----------
        neutrinos : Neutrinos

        Raises
        ------
        ParameterError
            If it couples to a sterile state, but there is none among the neutrinos.
        """
        return in_mass_basis(self.coupling_matrix, neutrinos.pmns)

    def partial_widths(self, nature: Nature = "majorana") -> dict[str, jax.Array]:
        """Width of each channel [GeV], zero where it is closed.

        Parameters
        ----------
        nature : "majorana" or "dirac"
            Dirac neutrinos open the "sterile" channel of B - L.

        Returns
        -------
        dict
            "neutrinos" (active, all flavors), "sterile" (right-handed), "e", "mu", "tau" (pairs of
            charged leptons). Neutrino masses are neglected.

        Raises
        ------
        ParameterError
            If the nature is unknown.
        """
        require_nature(nature)
        mass = jnp.asarray(self.mass)
        active = neutrino_width(mass, self.coupling_matrix)
        sterile = active if self.right_handed and nature == "dirac" else jnp.zeros_like(active)
        leptons = charged_lepton_width(
            mass, self.charged_couplings, jnp.asarray(CHARGED_LEPTON_MASSES)
        )
        return {
            "neutrinos": active,
            "sterile": sterile,
            **dict(zip(FLAVORS, leptons, strict=True)),
        }

    def is_perturbative(self, nature: Nature = "majorana") -> jax.Array:
        """Whether Gamma <= 0.3 M and every coupling is at most sqrt(4 pi); a boolean Array."""
        largest = jnp.maximum(
            jnp.max(squared_moduli(self.coupling_matrix)),
            jnp.max(squared_moduli(self.charged_couplings)),
        )
        narrow = self.width(nature) <= LARGEST_WIDTH * jnp.asarray(self.mass)
        return narrow & (largest <= LARGEST_COUPLING**2)

    def _values(self) -> dict[str, Any]:
        charges = np.asarray(self.charges_real)
        return {
            "model": self.model,
            "mass [MeV]": float(self.mass) * 1e3,
            "coupling": float(self.coupling),
            **({"sterile charge": float(charges[3, 3])} if len(charges) == 4 else {}),
            "neutrino charges, real": charges.tolist(),
            "neutrino charges, imaginary": np.asarray(self.charges_imag).tolist(),
            "charged-lepton charges": np.asarray(self.charged_charges).tolist(),
            "kinetic mixing": float(self.kinetic_mixing),
            "loop mixing": self.loop_mixing,
        }

    def __repr__(self) -> str:
        mass = f"mass {leaf_text(self.mass, 1e3, 'MeV')}"
        if self.model == "matrix":
            return f"ZPrime({mass}, coupling matrix {matrix_text(self)})"
        parts = [mass, f"coupling {leaf_text(self.coupling)}"]
        if is_traced(self.kinetic_mixing) or np.any(np.asarray(self.kinetic_mixing) != 0.0):
            parts.append(f"kinetic mixing {leaf_text(self.kinetic_mixing)}")
        if self.loop_mixing:
            parts.append("loop mixing")
        if np.shape(self.charges_real) == (4, 4) and not self.model.startswith("single-flavor"):
            parts.append(f"sterile charge {leaf_text(self.charges_real[3][3])}")
        return f"ZPrime({self.model!r}, {', '.join(parts)})"


def _named(
    cls: type[ZPrime],
    model: str,
    mass: Any,
    coupling: Any,
    kinetic_mixing: Any,
    loop_mixing: bool,
    sterile_charge: Any,
) -> ZPrime:
    """Build one of the named models, for a class method that the user called."""
    strength = required_number(
        coupling, "dimensionless", "coupling", "a positive number", is_positive
    )
    mixing = required_number(
        kinetic_mixing, "dimensionless", "kinetic_mixing", "a finite number", np.isfinite
    )
    if not isinstance(loop_mixing, bool | np.bool_):
        raise ParameterError(f"loop_mixing = {loop_mixing!r}: True or False")
    charged_charges = _LEPTON_CHARGES.get(model, _NEUTRAL)
    if loop_mixing and (sum(charged_charges) != 0.0 or not any(charged_charges)):
        raise ParameterError(
            f"loop_mixing = True: {model} has no finite loop, for the charges {charged_charges} of "
            "e, mu, tau; give the mixing as kinetic_mixing"
        )
    matrix = _diagonal(_NEUTRINO_CHARGES[model], sterile_charge)
    zprime = object.__new__(cls)
    assign(
        zprime,
        mass=_mass(mass),
        coupling=strength,
        charges_real=matrix,
        charges_imag=np.zeros(matrix.shape),
        charged_charges=np.array(charged_charges),
        kinetic_mixing=mixing,
        model=model,
        loop_mixing=bool(loop_mixing),
        right_handed=model == "b-minus-l",
    )
    _warn_beyond_validity(zprime, stacklevel=4)
    return zprime


def _diagonal(charges: tuple[float, ...], sterile_charge: Any) -> Any:
    """Charges of the neutrinos as a matrix, 4x4 if the sterile state has one."""
    if sterile_charge is None:
        return np.diag(charges)
    charge = required_number(
        sterile_charge, "dimensionless", "sterile_charge", "a finite number", np.isfinite
    )
    every = gather([*charges, charge])
    return jnp.diag(every) if is_traced(every) else np.diag(every)


def _mass(value: Any) -> Any:
    return required_number(value, "energy", "mass", "a positive energy", is_positive)


def _warn_beyond_validity(zprime: ZPrime, stacklevel: int) -> None:
    """Warn where perturbation theory fails; below |g| = 0.5 it cannot."""
    leaves = (zprime.mass, zprime.coupling, zprime.charges_real, zprime.charged_charges)
    if any(map(is_traced, (*leaves, zprime.charges_imag, zprime.kinetic_mixing))):
        return
    charges = np.abs(np.asarray(zprime.charges_real) + 1j * np.asarray(zprime.charges_imag))
    mixing = ELEMENTARY_CHARGE * np.abs(zprime.kinetic_mixing)
    charged = np.abs(zprime.coupling * np.asarray(zprime.charged_charges)) + mixing
    if max(np.max(zprime.coupling * charges), np.max(charged)) < 0.5:
        return
    if not zprime.is_perturbative():
        warnings.warn(
            f"{zprime!r}: width / mass = {float(zprime.width()) / float(zprime.mass):.3g}; "
            "perturbation theory needs at most 0.3, and no coupling above sqrt(4 pi) = 3.54",
            PhysicsWarning,
            stacklevel=stacklevel,
        )
