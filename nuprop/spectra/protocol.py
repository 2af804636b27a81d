"""What a spectrum is: an emissivity that JAX can trace, and where it is not smooth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.description import Leaf, parameters_of, plain, written
from nuprop.errors import ParameterError
from nuprop.units import is_traced

#: Spectra are finite, with finite derivatives, between these energies [GeV].
ENERGY_RANGE = (1e-3, 1e15)

#: 100 TeV in GeV, where power laws are 1 and where fluxes are quoted.
REFERENCE_ENERGY = 1e5

#: What counts as no emission at all, in the units of Q.
NOTHING = 1e-290

#: Places and weights, shape (1, n), of 24 panels of 16 Gauss-Legendre nodes on [0, 1].
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_PLACES = ((np.arange(24)[:, None] + 0.5 * (1.0 + _NODES)) / 24).reshape(1, -1)
_SHARES = np.tile(_WEIGHTS / 48, 24).reshape(1, -1)


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum:
    """Emissivity Q(E) of one source, up to a constant factor.

    A subclass is a frozen dataclass, decorated with `nuprop.pytree.as_pytree` above
    ``@dataclass(frozen=True, eq=False, repr=False)``; its fields are the parameters (leaves). It
    defines ``emissivity(energy)``, and for speed ``emissivity_at_log(log_energy)``.
    """

    kind: ClassVar[str] = ""
    formula: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """What `nuprop.sources.available` calls it."""
        return self.kind

    @property
    def kinks(self) -> tuple[Leaf, ...]:
        """Energies [GeV] where Q or its slope jumps; they may be traced."""
        return ()

    def emissivity(self, energy: ArrayLike) -> jax.Array:
        """Evaluate Q(E).

        Parameters
        ----------
        energy : array, any shape, GeV, > 0
            Energy at the source.

        Returns
        -------
        Array of the same shape, arbitrary units, >= 0.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no emissivity(energy)")

    def emissivity_at_log(self, log_energy: ArrayLike) -> jax.Array:
        """Q as a function of ln(E/GeV), the variable of the transport.

        Parameters
        ----------
        log_energy : array, any shape

        Returns
        -------
        Array of the same shape.
        """
        return self.emissivity(jnp.exp(log_energy))

    def log_emissivity(self, log_energy: ArrayLike) -> jax.Array:
        """Logarithm of Q as a function of ln(E/GeV); ln 1e-290 = -668 where Q is below that.

        Parameters
        ----------
        log_energy : array, any shape

        Returns
        -------
        Array of the same shape.
        """
        return jnp.log(jnp.maximum(self.emissivity_at_log(log_energy), NOTHING))

    def has_flux(self, low: float, high: float) -> bool:
        """Tell whether Q is above zero between two energies [GeV]; True where it is traced."""
        points = [np.geomspace(low, high, 65)]
        if not any(is_traced(kink) for kink in self.kinks):
            inner = np.sort([np.clip(float(kink), low, high) for kink in self.kinks])
            points.append(np.sqrt(inner[1:] * inner[:-1]))
        values = self.emissivity(np.concatenate(points))
        return is_traced(values) or bool(np.max(np.asarray(values)) > NOTHING)

    def energy_integral(self, low: ArrayLike, high: ArrayLike) -> jax.Array:
        """Integral of E Q(E) dE between two energies, in GeV^2 times the unit of Q.

        Parameters
        ----------
        low, high : float, GeV
            Energies at the source, 0 < low < high.

        Returns
        -------
        Array, scalar.

        Notes
        -----
        Gauss-Legendre in ln E, 24 panels of 16 nodes between neighboring kinks.
        """
        ends = jnp.log(jnp.asarray([low, high], dtype=float))
        inner = [jnp.clip(jnp.log(kink), ends[0], ends[1]) for kink in self.kinks]
        edges = jnp.sort(jnp.stack([ends[0], *inner, ends[1]]))
        widths = jnp.diff(edges)[:, None]
        x = edges[:-1, None] + widths * _PLACES
        return jnp.sum(widths * _SHARES * jnp.exp(2.0 * x) * self.emissivity_at_log(x))

    def total_energy(self) -> jax.Array:
        """Integral of E Q(E) dE over all energies, in GeV^2 times the unit of Q.

        Returns
        -------
        Array, scalar.

        Raises
        ------
        ParameterError
            If it is not known, as for power laws: `energy_integral` takes two energies.
        """
        raise ParameterError(
            f"spectrum = {self!r}: its energy is known only between two energies; give a band"
        )

    def describe(self) -> dict[str, Any]:
        """Return plain values: kind and parameters, energies in GeV."""
        parameters = {name: plain(leaf) for name, leaf in parameters_of(self).items()}
        return {"kind": self.kind, **parameters}

    def __repr__(self) -> str:
        """Name the spectrum and its parameters, energies in GeV."""
        return written(type(self).__name__, parameters_of(self))
