"""The scalar or pseudoscalar that couples to neutrinos: real or Majoron-like, any flavors."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.errors import ParameterError, PhysicsWarning, nearest
from nuprop.mediators.boson import (
    ALONE,
    LARGEST_COUPLING,
    LARGEST_WIDTH,
    Boson,
    Nature,
    is_positive,
    matrix_text,
    require_nature,
)
from nuprop.mediators.coupling import coupled_rows, squared_moduli, symmetric_parts
from nuprop.neutrinos import Neutrinos
from nuprop.pytree import as_pytree, assign, gather, leaf_text
from nuprop.units import in_code_units, is_traced, require, required_number


@as_pytree
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Scalar(Boson):
    """A spin-0 boson with L = -(1/2) phi sum_ab lambda_ab nu_a nu_b + h.c.

    nu_a are left-handed two-component fields, lambda is symmetric. Of Dirac neutrinos and
    lepton number 0 it is the Yukawa coupling L = -phi sum_ab lambda_ab N_a nu_b + h.c. to the
    singlets N_a (conjugates of the right-handed neutrinos), taken in the basis where they mix as
    the nu_a do; with the four-component psi = (nu, N^dagger) that is
    -phi psibar_a (lambda P_L + lambda^dagger P_R)_ab psi_b for a real phi.

    Parameters
    ----------
    mass : Quantity, str or float, GeV
    coupling_matrix : array, shape (3, 3) or (4, 4)
        lambda_ab in the flavor basis (e, mu, tau, and s for the sterile state of a
        `SterileNeutrino`), symmetric, may be complex. A real matrix is a scalar, an imaginary one
        a pseudoscalar (lambda = i g: (g/2) phi nubar i gamma_5 nu).
    complex_field : bool, optional
        Whether phi is a complex field, a particle and its antiparticle; the coupling is then to
        phi, and h.c. to phi*. By default it is if it carries lepton number.
    lepton_number : 0 or -2
        -2 makes L conserve lepton number with the coupling nu nu phi (Majoron-like).

    Attributes
    ----------
    mass : GeV
    coupling : lambda of the class methods, or 1 if a matrix was given
    charges_real, charges_imag : (3, 3) or (4, 4)
        lambda_ab in units of `coupling`.
    model : str
    complex_field : bool
    lepton_number : int

    Raises
    ------
    UnitError, ParameterError
        If the mass is not a positive energy, the matrix neither 3x3 nor 4x4, not
        symmetric or zero, or a real field is said to carry lepton number.

    Warns
    -----
    PhysicsWarning
        If the width exceeds 0.3 M or a coupling sqrt(4 pi): perturbation theory fails there.

    Notes
    -----
    What the same object is for each nature of neutrinos, with Tr = Tr(lambda^dagger lambda):

    ============  =============  ==========================================  ==============
    field         lepton number  Lagrangian                                  width / M
    ============  =============  ==========================================  ==============
    real          0              Majorana: -(1/2) phi lambda nu nu + h.c.    Tr / (16 pi)
    real          0              Dirac: -phi lambda N nu + h.c.              Tr / (8 pi)
    complex       -2             both: -(1/2) phi lambda nu nu + h.c.        Tr / (32 pi)
    complex       0              Dirac only: -phi lambda N nu + h.c.         Tr / (16 pi)
    ============  =============  ==========================================  ==============

    In each of them nu_i nu_j -> phi (nu_i N_j for Yukawa couplings) of definite chirality has
    sigma = pi |lambda_ij|^2 delta(s - M^2). Every Yukawa decay makes one active and one
    right-handed neutrino, which is lost.

    Values traced by JAX may stand wherever a number may; they are not validated. Every attribute
    that is a number is a leaf of the pytree.

    Examples
    --------
    >>> scalar = Scalar.single_flavor("tau", mass="10 MeV", coupling=0.01)
    >>> scalar
    Scalar('single-flavor-tau', mass 10 MeV, coupling 0.01)
    >>> f"{1e9 * scalar.width():.4f} eV, {1e9 * scalar.width('dirac'):.4f} eV"
    '19.8944 eV, 39.7887 eV'
    >>> majoron = Scalar.universal("10 MeV", 0.01, lepton_number=-2)
    >>> majoron
    Scalar('universal', mass 10 MeV, coupling 0.01, complex, lepton number -2)
    """

    mass: Any
    coupling: Any
    charges_real: Any
    charges_imag: Any
    model: str = field(metadata={"static": True})
    complex_field: bool = field(metadata={"static": True})
    lepton_number: int = field(metadata={"static": True})

    def __init__(
        self,
        mass: Any,
        coupling_matrix: Any,
        *,
        complex_field: bool | None = None,
        lepton_number: int = 0,
    ) -> None:
        real, imag = symmetric_parts(coupling_matrix, "coupling_matrix")
        _fill(self, "matrix", mass, 1.0, real, imag, complex_field, lepton_number)
        _warn_beyond_validity(self, stacklevel=3)

    @classmethod
    def universal(
        cls,
        mass: Any,
        coupling: Any,
        *,
        pseudoscalar: bool = False,
        complex_field: bool | None = None,
        lepton_number: int = 0,
    ) -> Scalar:
        """Equal coupling to all flavors: L = -(lambda/2) phi sum_a nu_a nu_a + h.c.

        For Dirac neutrinos and lepton number 0: L = -lambda phi sum_a N_a nu_a + h.c.

        Parameters
        ----------
        mass : Quantity, str or float, GeV
        coupling : float
            lambda > 0.
        pseudoscalar : bool
            i lambda in place of lambda: the same rates, since neutrino masses are neglected.
        complex_field, lepton_number : as in the class

        Raises
        ------
        UnitError, ParameterError
            If the mass or the coupling is not positive, or an option has no such value.

        Warns
        -----
        PhysicsWarning
            As in the class.
        """
        return _diagonal(
            cls,
            "universal",
            mass,
            coupling,
            np.ones(3),
            pseudoscalar,
            complex_field,
            lepton_number,
        )

    @classmethod
    def single_flavor(
        cls,
        flavor: str,
        mass: Any,
        coupling: Any,
        *,
        pseudoscalar: bool = False,
        complex_field: bool | None = None,
        lepton_number: int = 0,
    ) -> Scalar:
        """Coupling to one flavor: L = -(lambda/2) phi nu_a nu_a + h.c.

        For Dirac neutrinos and lepton number 0: L = -lambda phi N_a nu_a + h.c. Further arguments
        as in `universal`.

        Parameters
        ----------
        flavor : "e", "mu", "tau", or "sterile" for that of a `SterileNeutrino`
        """
        if flavor not in ALONE:
            raise ParameterError(f"flavor = {flavor!r}: {nearest(str(flavor), ALONE)}")
        return _diagonal(
            cls,
            f"single-flavor-{flavor}",
            mass,
            coupling,
            np.array(ALONE[flavor]),
            pseudoscalar,
            complex_field,
            lepton_number,
        )

    @classmethod
    def diagonal(
        cls,
        mass: Any,
        couplings: Any,
        *,
        pseudoscalar: bool = False,
        complex_field: bool | None = None,
        lepton_number: int = 0,
    ) -> Scalar:
        """Coupling to each flavor: L = -(1/2) phi sum_a lambda_a nu_a nu_a + h.c.

        For Dirac neutrinos and lepton number 0: L = -phi sum_a lambda_a N_a nu_a + h.c. Further
        arguments as in `universal`.

        Parameters
        ----------
        couplings : array, shape (3,) or (4,)
            lambda_e, lambda_mu, lambda_tau, and that of the sterile state of a `SterileNeutrino`,
            real, not all zero.
        """
        strengths = in_code_units(gather(couplings), "dimensionless", "couplings")
        if np.shape(strengths) not in ((3,), (4,)):
            raise ParameterError(
                f"couplings has the shape {np.shape(strengths)}: (3,) is needed, for e, mu and "
                "tau, or (4,) with a sterile state"
            )
        require("couplings", strengths, "finite real numbers, not all zero", np.any)
        return _diagonal(
            cls, "diagonal", mass, 1.0, strengths, pseudoscalar, complex_field, lepton_number
        )

    def couplings_in_mass_basis(self, neutrinos: Neutrinos) -> jax.Array:
        """lambda_ij = (U^T lambda U)_ij, complex symmetric, shape (n_states, n_states).

        Parameters
        ----------
        neutrinos : Neutrinos

        Raises
        ------
        ParameterError
            If it couples to a sterile state, but there is none among the neutrinos.
        """
        return symmetric_in_mass_basis(self.coupling_matrix, neutrinos.pmns)

    def is_yukawa(self, nature: Nature) -> bool:
        """Tell whether it couples active neutrinos to right-handed ones: Dirac, lepton number 0.

        Raises
        ------
        ParameterError
            If the nature is unknown, or Majorana and the field complex without lepton number: that
            Lagrangian exists for Dirac neutrinos only.
        """
        require_nature(nature)
        if nature == "majorana" and self.complex_field and self.lepton_number == 0:
            raise ParameterError(
                "nature = 'majorana': a complex scalar with lepton_number 0 couples Dirac "
                "neutrinos only; use lepton_number=-2, a real field, or nature='dirac'"
            )
        return nature == "dirac" and self.lepton_number == 0

    def partial_widths(self, nature: Nature = "majorana") -> dict[str, jax.Array]:
        """Width of each channel [GeV].

        Parameters
        ----------
        nature : "majorana" or "dirac"

        Returns
        -------
        dict
            "neutrinos" (active) and "sterile" (right-handed). A Yukawa decay makes one of each;
            its width is divided evenly. Neutrino masses are neglected.

        Raises
        ------
        ParameterError
            As `is_yukawa`.
        """
        yukawa = self.is_yukawa(nature)
        modes = 1.0 if self.complex_field else 2.0
        trace = jnp.sum(squared_moduli(self.coupling_matrix))
        active = modes * trace * jnp.asarray(self.mass) / (32.0 * jnp.pi)
        return {"neutrinos": active, "sterile": active if yukawa else jnp.zeros_like(active)}

    def is_perturbative(self, nature: Nature = "majorana") -> jax.Array:
        """Whether Gamma <= 0.3 M and every coupling is at most sqrt(4 pi); a boolean Array."""
        largest = jnp.max(squared_moduli(self.coupling_matrix))
        narrow = self.width(nature) <= LARGEST_WIDTH * jnp.asarray(self.mass)
        return narrow & (largest <= LARGEST_COUPLING**2)

    def _values(self) -> dict[str, Any]:
        return {
            "model": f"scalar-{self.model}",
            "mass [MeV]": float(self.mass) * 1e3,
            "coupling": float(self.coupling),
            "neutrino couplings, real": np.asarray(self.charges_real).tolist(),
            "neutrino couplings, imaginary": np.asarray(self.charges_imag).tolist(),
            "complex field": self.complex_field,
            "lepton number": self.lepton_number,
        }

    def __repr__(self) -> str:
        mass = f"mass {leaf_text(self.mass, 1e3, 'MeV')}"
        if self.model in ("matrix", "diagonal", "diagonal-pseudoscalar"):
            parts = [mass, f"coupling matrix {matrix_text(self)}"]
        else:
            parts = [repr(self.model), mass, f"coupling {leaf_text(self.coupling)}"]
        if self.complex_field:
            parts.append("complex")
        if self.lepton_number:
            parts.append(f"lepton number {self.lepton_number}")
        return f"Scalar({', '.join(parts)})"


def symmetric_in_mass_basis(coupling_matrix: ArrayLike, pmns: ArrayLike) -> jax.Array:
    """Coupling matrix lambda_ij = (U^T lambda U)_ij of mass eigenstates.

    Parameters
    ----------
    coupling_matrix : array, shape (3, 3), or (4, 4) for a coupling to a sterile state
        lambda_ab in the flavor basis, L = -(1/2) phi sum_ab lambda_ab nu_a nu_b + h.c.
    pmns : array, shape (n, n), n >= that of the coupling
        U [alpha, i], nu_alpha = sum_i U_alpha,i nu_i.

    Returns
    -------
    Array, complex, shape (n, n), symmetric to rounding.
    """
    u = coupled_rows(coupling_matrix, pmns)
    return u.T @ jnp.asarray(coupling_matrix) @ u


def _diagonal(
    cls: type[Scalar],
    model: str,
    mass: Any,
    coupling: Any,
    strengths: Any,
    pseudoscalar: bool,
    complex_field: bool | None,
    lepton_number: int,
) -> Scalar:
    """Build one of the models diagonal in flavor, for a class method that the user called."""
    strength = required_number(
        coupling, "dimensionless", "coupling", "a positive number", is_positive
    )
    if not isinstance(pseudoscalar, bool | np.bool_):
        raise ParameterError(f"pseudoscalar = {pseudoscalar!r}: True or False")
    matrix = jnp.diag(strengths) if is_traced(strengths) else np.diag(strengths)
    zeros = np.zeros(matrix.shape)
    real, imag = (zeros, matrix) if pseudoscalar else (matrix, zeros)
    scalar = object.__new__(cls)
    name = f"{model}-pseudoscalar" if pseudoscalar else model
    _fill(scalar, name, mass, strength, real, imag, complex_field, lepton_number)
    _warn_beyond_validity(scalar, stacklevel=4)
    return scalar


def _fill(
    scalar: Scalar,
    model: str,
    mass: Any,
    coupling: Any,
    real: Any,
    imag: Any,
    complex_field: bool | None,
    lepton_number: int,
) -> None:
    """Validate what every constructor has in common, and set the fields."""
    if lepton_number not in (0, -2) or isinstance(lepton_number, bool):
        raise ParameterError(f"lepton_number = {lepton_number!r}: 0 or -2")
    if complex_field is None:
        complex_field = lepton_number != 0
    if not isinstance(complex_field, bool | np.bool_):
        raise ParameterError(f"complex_field = {complex_field!r}: True, False or None")
    if lepton_number and not complex_field:
        raise ParameterError(
            f"lepton_number = {lepton_number}: a real field cannot carry it; leave complex_field "
            "out, or use lepton_number=0"
        )
    assign(
        scalar,
        mass=required_number(mass, "energy", "mass", "a positive energy", is_positive),
        coupling=coupling,
        charges_real=real,
        charges_imag=imag,
        model=model,
        complex_field=bool(complex_field),
        lepton_number=int(lepton_number),
    )


def _warn_beyond_validity(scalar: Scalar, stacklevel: int) -> None:
    """Warn where perturbation theory fails for some nature of neutrinos."""
    leaves = (scalar.mass, scalar.coupling, scalar.charges_real, scalar.charges_imag)
    if any(map(is_traced, leaves)):
        return
    charges = np.asarray(scalar.charges_real) + 1j * np.asarray(scalar.charges_imag)
    squares = np.abs(float(scalar.coupling) * charges) ** 2
    modes = 1.0 if scalar.complex_field else 2.0
    ratio = modes * np.sum(squares) / (32.0 * math.pi)
    if ratio > LARGEST_WIDTH or np.max(squares) > LARGEST_COUPLING**2:
        warnings.warn(
            f"{scalar!r}: width / mass = {ratio:.3g} to active neutrinos; "
            "perturbation theory needs at most 0.3, and no coupling above sqrt(4 pi) = 3.54",
            PhysicsWarning,
            stacklevel=stacklevel,
        )
