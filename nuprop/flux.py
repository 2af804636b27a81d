"""DiffuseFlux: what arrives at Earth, with everything needed to trust, draw and reproduce it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.balance import Balance
from nuprop.citation import bibtex
from nuprop.errors import GridError, Status
from nuprop.summary import summary
from nuprop.units import quantity

if TYPE_CHECKING:
    from astropy.table import QTable
    from astropy.units import Quantity
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DiffuseFlux:
    """A neutrino flux at Earth, beside the flux that would arrive without interaction.

    Made by `nuprop.propagate`. The fields below are plain numbers in code units; the properties
    give quantities. "Neutrino" and "antineutrino" mean helicity when neutrinos are Majorana.

    Parameters
    ----------
    energy_gev : ndarray, shape (n,), GeV
        Energies at Earth, increasing; with `edges_gev`, the middle of each cell.
    values : ndarray, shape (2, n_states, n), GeV^-1 cm^-2 s^-1 sr^-1
        Flux of (neutrinos, antineutrinos) x (nu_1, nu_2, nu_3, and nu_4 if there is a sterile
        neutrino) x energy.
    free_values : ndarray, shape (2, n_states, n)
        The same without interaction.
    mixing : ndarray, shape (n_states, n_states)
        |U_ai|^2, rows e, mu, tau, and s if there is a sterile neutrino; columns nu_1, nu_2, ...
    resonances_gev : ndarray, shape (n_states,), or (n_mediators, n_states) for several, GeV
        Resonance energy M^2 / (2 m_i) of each relic at z = 0; inf for a massless one, or for a
        state without relics.
    z_max : float
        Largest redshift of the sources.
    method, method_reason : str
        The solver used, and why it was chosen.
    status : Status
        How the calculation ended.
    balance : Balance
        The solver's books of numbers and energies.
    parameters : mapping
        Everything that went in: source, mediator, neutrinos, relics, cosmology, energy, versions.
    citations : tuple of str
        Keys of the papers it rests on.
    edges_gev : ndarray, shape (n + 1,), GeV, optional
        Edges of the cells when the values are averages over cells, else None.
    per_steradian : bool
        False for a point source, whose flux has no sr^-1.

    Raises
    ------
    GridError
        If the shapes do not fit together.
    """

    energy_gev: FloatArray
    values: FloatArray
    free_values: FloatArray
    mixing: FloatArray
    resonances_gev: FloatArray
    z_max: float
    method: str
    method_reason: str
    status: Status
    balance: Balance
    parameters: Mapping[str, Any] = field(default_factory=dict)
    citations: tuple[str, ...] = ()
    edges_gev: FloatArray | None = None
    per_steradian: bool = True

    def __post_init__(self) -> None:
        """Take read-only float64 copies of the arrays, plain parameters, and compare shapes."""
        n, states = np.size(self.energy_gev), 4 if np.shape(self.mixing) == (4, 4) else 3
        shapes = {
            "energy_gev": (n,),
            "values": (2, states, n),
            "free_values": (2, states, n),
            "mixing": (states, states),
            "resonances_gev": (*np.shape(self.resonances_gev)[:-1][:1], states),
        }
        if self.edges_gev is not None:
            shapes["edges_gev"] = (n + 1,)
        for name, shape in shapes.items():
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != shape:
                raise GridError(f"{name} has the shape {array.shape}; {shape} is needed")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "parameters", _plain(self.parameters))

    @property
    def energy(self) -> Quantity:
        """Energy at Earth, shape (n,); the middle of each cell for averages over cells."""
        return quantity(self.energy_gev, "energy")

    @property
    def energy_edges(self) -> Quantity | None:
        """Edges of the cells, shape (n + 1,), or None for values at points."""
        return None if self.edges_gev is None else quantity(self.edges_gev, "energy")

    @property
    def resonance_energies(self) -> Quantity:
        """Resonance energy of each relic mass state at z = 0, shape (n_states,).

        Of several mediators one row each, shape (n_mediators, n_states).
        """
        return quantity(self.resonances_gev, "energy")

    @property
    def neutrinos(self) -> Quantity:
        """Flux of neutrinos per flavor, shape (3, n): e, mu, tau."""
        return self._flux(self.mixing[:3] @ self.values[0])

    @property
    def antineutrinos(self) -> Quantity:
        """Flux of antineutrinos per flavor, shape (3, n)."""
        return self._flux(self.mixing[:3] @ self.values[1])

    @property
    def per_flavor(self) -> Quantity:
        """Flux per flavor, neutrinos plus antineutrinos, shape (3, n): e, mu, tau."""
        return self._flux(self.mixing[:3] @ self.values.sum(axis=0))

    @property
    def sterile(self) -> Quantity:
        """Flux of the sterile state, neutrinos plus antineutrinos, shape (n,); 0 without one."""
        return self._flux(self._of_sterile(self.values))

    @property
    def per_mass_eigenstate(self) -> Quantity:
        """Flux of nu_1, nu_2, ..., neutrinos plus antineutrinos, shape (n_states, n)."""
        return self._flux(self.values.sum(axis=0))

    @property
    def total(self) -> Quantity:
        """Flux of e, mu and tau, neutrinos plus antineutrinos, shape (n,); see `sterile`."""
        return self._flux(self.all_flavors)

    @property
    def all_flavors(self) -> FloatArray:
        """The numbers of `total`."""
        return self._of_flavors(self.values)

    @property
    def free(self) -> DiffuseFlux:
        """The same flux without interaction."""
        return replace(
            self,
            values=self.free_values,
            method="free streaming",
            method_reason="no interaction",
            status=Status.OK,
            balance=Balance(),
            parameters={**self.parameters, "mediator": None},
        )

    @property
    def transmission(self) -> FloatArray:
        """Total flux over free total flux, shape (n,); secondaries can raise it above 1.

        Where there is no free flux at all it is inf if secondaries arrive, and 1 if nothing does.
        """
        return _ratio(self.all_flavors, self._of_flavors(self.free_values))

    @property
    def flavor_transmission(self) -> FloatArray:
        """Flux over free flux of each flavor, shape (3, n)."""
        rows = self.mixing[:3]
        return _ratio(rows @ self.values.sum(axis=0), rows @ self.free_values.sum(axis=0))

    @property
    def sterile_transmission(self) -> FloatArray:
        """Flux over free flux of the sterile state, shape (n,), by the rule of `transmission`."""
        return _ratio(self._of_sterile(self.values), self._of_sterile(self.free_values))

    @property
    def flavor_ratios(self) -> FloatArray:
        """Share of each flavor in the total, shape (3, n); 0 where nothing arrives."""
        flavors = self.mixing[:3] @ self.values.sum(axis=0)
        total = flavors.sum(axis=0)
        return np.divide(flavors, total, out=np.zeros_like(flavors), where=total > 0.0)

    def check(self) -> Balance:
        """Give the energy and number balance; `print` it to read it."""
        return self.balance

    def citation(self) -> str:
        """Write the BibTeX entries of what this result rests on."""
        return bibtex(self.citations)

    def plot(self, path: str | Path | None = None, **options: Any) -> Figure:
        """Draw E^2 Phi beside IceCube's points; see `nuprop.plot.plot_flux` for the options."""
        from nuprop.plot import plot_flux

        return plot_flux(self, path, **options)

    def to_table(self) -> QTable:
        """Put everything into one astropy table, whose metadata hold the parameters.

        Columns: energy (and e_lo, e_hi of cells); nu_e, nu_mu, nu_tau, total, free (neutrinos plus
        antineutrinos); transmission; and, from which the former follow, nu_1 ... nubar_3 with
        free_nu_1 ... free_nubar_3 for the mass eigenstates. With a sterile neutrino also nu_s,
        and nu_4 with its like.
        """
        from nuprop.storage import to_table

        return to_table(self)

    def save(self, path: str | Path) -> Path:
        """Write an ECSV file that `nuprop.load` reads without loss; an old file is replaced.

        Parameters
        ----------
        path : path
            Must end in ".ecsv".
        """
        from nuprop.storage import save

        return save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> DiffuseFlux:
        """Read what `save` wrote."""
        return load(path)

    def __repr__(self) -> str:
        """Tell what was computed, how, with which status and balance."""
        return summary(self)

    def _of_flavors(self, values: FloatArray) -> FloatArray:
        """Sum over e, mu, tau and neutrinos and antineutrinos, without the sterile state."""
        seen = 1.0 - self.mixing[3:].sum(axis=0)
        return (values * seen[:, None]).sum(axis=(0, 1))

    def _of_sterile(self, values: FloatArray) -> FloatArray:
        """Sum over neutrinos and antineutrinos of the sterile state; 0 without one."""
        return (self.mixing[3:] @ values.sum(axis=0)).sum(axis=0)

    def _flux(self, values: FloatArray) -> Quantity:
        return quantity(values, "flux" if self.per_steradian else "point_flux")


def load(path: str | Path) -> DiffuseFlux:
    """Read a flux that `DiffuseFlux.save` wrote.

    Parameters
    ----------
    path : path
        An ECSV file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DatasetError
        If the file is no flux written by nuprop.
    """
    from nuprop.storage import load as read

    return read(path)


def _ratio(flux: FloatArray, free: FloatArray) -> FloatArray:
    empty = np.where(flux > 0.0, np.inf, 1.0)
    return np.divide(flux, free, out=empty, where=free > 0.0)


def _plain(value: Any) -> Any:
    """Turn mappings, tuples and numpy values into what a text file can hold."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    return value
