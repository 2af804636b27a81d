"""What every mediator has: a coupling matrix, widths, and the shares of its decays."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.constants import HBAR_C, SPEED_OF_LIGHT
from nuprop.errors import ParameterError, nearest
from nuprop.mediators.coupling import squared_moduli
from nuprop.neutrinos import Neutrinos
from nuprop.pytree import leaf_text
from nuprop.units import is_traced

if TYPE_CHECKING:
    from nuprop.mediators.conventions import Described

Nature = Literal["majorana", "dirac"]

#: Perturbation theory needs a width of at most this share of the mass, and no larger coupling.
LARGEST_WIDTH, LARGEST_COUPLING = 0.3, math.sqrt(4.0 * math.pi)
FLAVORS = {"e": (1.0, 0.0, 0.0), "mu": (0.0, 1.0, 0.0), "tau": (0.0, 0.0, 1.0)}
#: Flavors that a boson may couple to alone: the sterile state of `nuprop.SterileNeutrino` too.
ALONE = {**FLAVORS, "sterile": (0.0, 0.0, 0.0, 1.0)}


class Boson(ABC):
    """Base of the mediators."""

    mass: Any
    coupling: Any
    charges_real: Any
    charges_imag: Any

    @property
    def coupling_matrix(self) -> jax.Array:
        """Couplings to neutrinos in the flavor basis, complex, shape (3, 3).

        (4, 4) if it couples to the sterile state of a `SterileNeutrino`.
        """
        charges = jnp.asarray(self.charges_real) + 1j * jnp.asarray(self.charges_imag)
        return self.coupling * charges

    @property
    def three_flavors(self) -> jax.Array:
        """`coupling_matrix` of e, mu and tau alone, complex, shape (3, 3).

        Raises
        ------
        ParameterError
            If it couples to a sterile state too.
        """
        matrix = self.coupling_matrix
        if matrix.shape != (3, 3):
            raise ParameterError(
                f"{self!r} couples to a sterile state: nuprop.propagate and nuprop.optical_depth "
                "follow it, experiments on Earth are computed for three flavors only"
            )
        return matrix

    @abstractmethod
    def couplings_in_mass_basis(self, neutrinos: Neutrinos) -> jax.Array:
        """Couplings to mass eigenstates, complex, shape (n_states, n_states)."""

    @abstractmethod
    def partial_widths(self, nature: Nature = "majorana") -> dict[str, jax.Array]:
        """Width of each channel [GeV]: "neutrinos" (left-handed), "sterile", and others.

        A `SterileNeutrino` is followed like any other: decays to it are among "neutrinos", while
        "sterile" means the right-handed partners of Dirac neutrinos, which nothing brings back.
        """

    def width(self, nature: Nature = "majorana") -> jax.Array:
        """Total width [GeV], the sum of `partial_widths`."""
        return jnp.sum(jnp.stack(list(self.partial_widths(nature).values())))

    def branching_ratios(self, nature: Nature = "majorana") -> dict[str, jax.Array]:
        """Share of each channel of `partial_widths` in the total width."""
        partial, total = self.partial_widths(nature), self.width(nature)
        return {channel: width / total for channel, width in partial.items()}

    def active_branching(self, nature: Nature = "majorana") -> jax.Array:
        """Share of neutrinos that are followed among its decays; all else is lost to the flux.

        With those of a `SterileNeutrino`, see `partial_widths`. Zero for a boson that couples to
        nothing.
        """
        return share(self.partial_widths(nature)["neutrinos"], self.width(nature))

    def lifetime(self, nature: Nature = "majorana") -> jax.Array:
        """Mean life hbar/Gamma [s] at rest."""
        return HBAR_C / SPEED_OF_LIGHT / self.width(nature)

    def describe(
        self, neutrinos: Neutrinos | None = None, nature: Nature | None = None
    ) -> Described:
        """Plain values for the record that a result carries; printed, a report.

        `print(mediator.describe())` writes the Lagrangian, the width, the peak and the integral of
        the cross section, and the factors to other conventions, see `describe_text`.

        Parameters
        ----------
        neutrinos : Neutrinos, optional
            Whose mixing the report takes; by default `Neutrinos()`.
        nature : "majorana" or "dirac", optional
            Of the neutrinos in the report; by default "majorana" where the Lagrangian allows it.

        Returns
        -------
        Described, a dict
        """
        from nuprop.mediators.conventions import Described

        return Described(self._values(), self, neutrinos, nature)

    @abstractmethod
    def _values(self) -> dict[str, Any]:
        """Parameters by name, as numbers, lists and text."""

    def secondary_yields(self, neutrinos: Neutrinos, nature: Nature = "majorana") -> jax.Array:
        """Half the active secondaries in each state, P_k = BR_active (g g^dagger)_kk / Tr.

        Of each decay; Tr = Tr(g g^dagger). The yields do not depend on how the boson was made.

        Parameters
        ----------
        neutrinos : Neutrinos
        nature : "majorana" or "dirac"

        Returns
        -------
        Array, shape (n_states,), sums to `active_branching`.
        """
        rows = jnp.sum(squared_moduli(self.couplings_in_mass_basis(neutrinos)), axis=1)
        return self.active_branching(nature) * share(rows, jnp.sum(rows))


def share(part: jax.Array, whole: jax.Array) -> jax.Array:
    """Part of a whole; zero, with finite derivatives, where there is nothing."""
    return jnp.where(whole > 0.0, part / jnp.where(whole > 0.0, whole, 1.0), 0.0)


def is_positive(value: Any) -> Any:
    """Whether each value is above zero."""
    return value > 0.0


def require_nature(nature: str) -> None:
    """Raise `ParameterError` unless the nature of neutrinos is known."""
    if nature not in ("majorana", "dirac"):
        hint = nearest(str(nature), ("majorana", "dirac"))
        raise ParameterError(f"nature = {nature!r}: 'majorana' or 'dirac' ({hint})")


def matrix_text(boson: Boson) -> str:
    """Write a coupling matrix on one line, or what stands in its place."""
    parts = (boson.charges_real, boson.charges_imag)
    if any(map(is_traced, parts)) or any(np.ndim(part) != 2 for part in parts):
        return leaf_text(boson.charges_real)
    matrix = np.asarray(parts[0]) + 1j * np.asarray(parts[1])
    shown = matrix if np.any(matrix.imag) else matrix.real
    return str([[f"{entry:.4g}" for entry in row] for row in shown]).replace("'", "")
