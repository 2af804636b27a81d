"""Sources all over the universe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from nuprop.description import Leaf, plain
from nuprop.errors import ParameterError, UnitError
from nuprop.evolutions import Burst, Evolution, redshift
from nuprop.luminosity import GEV_PER_ERG, PER_VOLUME_AND_TIME, erg, per_volume_and_time
from nuprop.pytree import as_pytree, assign, leaf_text
from nuprop.sources.emitter import (
    Emitter,
    antineutrinos,
    energy_band,
    flavor_shares,
    normalization_energy,
    require_flux,
)
from nuprop.sources.reading import as_evolution, as_spectrum
from nuprop.spectra import REFERENCE_ENERGY, PowerLaw
from nuprop.units import CODE_UNITS, is_traced, require, required_number

#: E^2 flux = 1.5e-8 GeV/(cm2 s sr) per flavor at 100 TeV, as in IceCube's three-year data.
DEFAULT_FLUX = 1.5e-18
DEFAULT_INDEX = 2.3
DEFAULT_Z_MAX = 5.0


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class Source(Emitter):
    """Sources all over the universe, whose neutrinos arrive from everywhere, per steradian.

    The comoving emissivity is W(z) Q_0 Q(E)/Q(pivot), per source-frame time and energy.

    Parameters
    ----------
    evolution : str, dict, Evolution, callable or (z, density) pair
        W(z). A name such as "yuksel-2008", the default (``nuprop.sources.available()`` or the
        command ``nuprop sources`` lists them); ``{"name": ..., parameter: ...}`` or
        ``nuprop.sources.evolution(name, parameter=...)`` where it takes parameters; a function of
        z written with jax.numpy; a table.
    spectrum : Spectrum, dict, callable or (energy, emissivity) pair
        Q(E), by default ``PowerLaw(2.3)``. ``{"kind": "power-law", "index": 2.3}`` in a run file.
    z_max : float, optional
        There are no sources beyond; at most 20, by default 5. A law that ends earlier is zero
        beyond its own end. The low edge of every dip lies at E_resonance/(1 + z_max). With the
        evolution "burst" it is the redshift of the thin shell.
    flavor : (3,) array or str
        Ratios nu_e : nu_mu : nu_tau at the source, nu + nubar; any scale. "pion" (1:2:0, the
        default), "muon-damped" (0:1:0) or "neutron" (1:0:0).
    antineutrino_fraction : float, (3,) array or str
        Antineutrinos over all, one number or one for each flavor. "pp" (0.5, the default),
        "p-gamma" (0, 1/2, 0), "p-gamma-muon-damped" (0, 0, 0) or "neutron" (1, 1/2, 1/2).
    normalization : Quantity, str or float, optional
        The free flux of all flavors at the pivot at Earth, divided by 3, nu + nubar, cutoff and
        evolution included, in 1/(GeV cm2 s sr); by default 1.5e-18. Or the emissivity Q_0 of all
        flavors where W = 1, at the pivot at the source, in 1/(GeV cm3 s) or a unit like it, such
        as 1/(GeV Mpc3 yr). A bare number is a flux.
    pivot : Quantity, str or float (GeV), optional
        Energy of the normalization, by default 100 TeV.
    emissivity : Quantity, str or float, optional
        Q_0 in place of a normalization; a bare or traced number is in 1/(GeV cm3 s).

    See Also
    --------
    Source.of_events : by the rate of events and the energy of each.
    nuprop.sources.supernova_background : core-collapse supernovae.

    Attributes
    ----------
    evolution, spectrum : Evolution, Spectrum
    z_max : float
    flavor : (3,), sums to 1
    antineutrino_fraction : (3,)
    normalization : float, 1/(GeV cm2 s sr) or 1/(GeV cm3 s)
    normalization_kind : "flux" or "emissivity"
    pivot : float, GeV
    burst : bool
        Whether all is emitted at z_max.
    point : False

    Raises
    ------
    UnknownSource
        If a name is unknown.
    ConfigError
        If an evolution or a spectrum does not take a parameter.
    ParameterError
        If a value is not allowed, a function cannot be traced by JAX, or the spectrum has no flux
        at the pivot.
    UnitError
        If a unit is wrong.

    Examples
    --------
    >>> print(Source(evolution="madau-dickinson-2014", flavor="muon-damped"))
    Source(madau-dickinson-2014, PowerLaw(index=2.3), z_max=5, flavor 0 : 1 : 0, antineutrinos
    0.5 : 0.5 : 0.5, flux 1.5e-18 1 / (GeV cm2 s sr) per flavor at 100000 GeV)
    """

    evolution: Evolution
    z_max: Leaf

    point: ClassVar[bool] = False

    def __init__(
        self,
        evolution: Any = "yuksel-2008",
        spectrum: Any = None,
        z_max: Any = None,
        flavor: Any = (1.0, 2.0, 0.0),
        antineutrino_fraction: Any = 0.5,
        normalization: Any = None,
        pivot: Any = REFERENCE_ENERGY,
        emissivity: Any = None,
    ) -> None:
        limit = DEFAULT_Z_MAX if z_max is None else redshift(z_max, "z_max")
        law = as_evolution(evolution, limit)
        if law.burst:
            law, limit = _shell(law, None if z_max is None else limit)
        value, kind = _diffuse_normalization(normalization, emissivity)
        assign(
            self,
            evolution=law,
            spectrum=PowerLaw(DEFAULT_INDEX) if spectrum is None else as_spectrum(spectrum),
            z_max=limit,
            flavor=flavor_shares(flavor),
            antineutrino_fraction=antineutrinos(antineutrino_fraction),
            normalization=value,
            normalization_kind=kind,
            pivot=normalization_energy(pivot),
        )
        farthest = self.z_max if kind == "flux" else 0.0
        require_flux(self.spectrum, self.pivot, farthest if self.burst else 0.0, farthest)

    @classmethod
    def of_events(
        cls,
        rate: Any,
        energy: Any,
        spectrum: Any,
        *,
        band: Any = None,
        pivot: Any = None,
        **others: Any,
    ) -> Source:
        """Make a source of events, such as stellar explosions, from their rate and energy.

        Parameters
        ----------
        rate : Quantity, str or float (1/(Mpc3 yr))
            Events per comoving volume and source-frame time where W = 1, which is today for the
            named evolutions.
        energy : Quantity, str or float (erg)
            What one event emits in neutrinos of all flavors, nu + nubar, isotropic equivalent.
        spectrum : as for `Source`
        band : pair of Quantity, str or float (GeV), optional
            Energies at the source between which `energy` counts. All energies by default, if the
            spectrum has a finite integral that is known (thermal ones and bumps).
        pivot : Quantity, str or float (GeV), optional
            An energy at the source with emission, at which the normalization is kept; it does not
            change the flux. By default the mean of the band, or of the spectrum.
        **others
            evolution, z_max, flavor and antineutrino_fraction, as for `Source`.

        Returns
        -------
        Source
            With the emissivity Q_0 = rate energy Q(pivot) / int E Q dE.

        Raises
        ------
        ParameterError, UnitError, UnknownSource, ConfigError
            As `Source`.

        Examples
        --------
        >>> source = Source.of_events(
        ...     "1 / (Gpc3 yr)", "1e51 erg", PowerLaw(2.0), band=("10 TeV", "10 PeV")
        ... )
        >>> print(f"{source.normalization:.3g} 1/(GeV cm3 s) at {source.pivot:.3g} GeV")
        9.75e-49 1/(GeV cm3 s) at 3.16e+05 GeV
        """
        for given in ("normalization", "emissivity"):
            if given in others:
                raise ParameterError(f"{given} is fixed by the rate and energy of events")
        rate = per_volume_and_time(rate, "rate")
        require("rate", rate, "must be > 0 per Mpc3 and yr", lambda x: x > 0.0)
        energy = erg(energy, "energy")
        require("energy", energy, "must be > 0 erg", lambda x: x > 0.0)
        shape = as_spectrum(spectrum)
        if band is None:
            whole = shape.total_energy()
            middle = getattr(shape, "mean_energy", getattr(shape, "energy", None))
        else:
            ends = energy_band(band)
            whole = shape.energy_integral(ends[0], ends[1])
            middle = (ends[0] * ends[1]) ** 0.5
        pivot = middle if pivot is None else normalization_energy(pivot)
        if pivot is None:
            raise ParameterError(f"pivot = None: an energy where {shape!r} emits is needed")
        require_flux(shape, pivot, 0.0, 0.0)
        scale = rate * PER_VOLUME_AND_TIME * energy * GEV_PER_ERG / whole
        if not is_traced(scale) and not np.all(np.isfinite(np.asarray(scale))):
            raise ParameterError("band: the spectrum has no energy there; choose another band")
        q_0: Any = scale * shape.emissivity(pivot)
        pivot, q_0 = (x if is_traced(x) else float(x) for x in (pivot, q_0))
        return cls(spectrum=shape, pivot=pivot, emissivity=q_0, **others)

    @property
    def burst(self) -> bool:
        """Whether all is emitted in a thin shell at z_max."""
        return self.evolution.burst

    def describe(self) -> dict[str, Any]:
        """Return plain values of everything given, energies in GeV."""
        law = self.evolution.describe()
        if self.burst:
            law["z_s"] = plain(self.z_max)
        return {"evolution": law, "z_max": plain(self.z_max), **self._described()}

    def __repr__(self) -> str:
        """Name all parts."""
        what = "flux" if self.normalization_kind == "flux" else "emissivity"
        scope = "per flavor" if what == "flux" else "of all flavors"
        return (
            f"Source({self.evolution!r}, {self.spectrum!r}, z_max={leaf_text(self.z_max)}, "
            f"{self._flavor_text()}, {what} {leaf_text(self.normalization, 1.0, CODE_UNITS[what])} "
            f"{scope} at {leaf_text(self.pivot, 1.0, 'GeV')})"
        )


def _shell(law: Evolution, z_max: Any) -> tuple[Evolution, Any]:
    """Move the redshift of a burst from the law to the source."""
    z_s = getattr(law, "z_s", None)
    if z_s is None and z_max is None:
        raise ParameterError(
            "evolution = 'burst' needs the redshift of its shell: give z_max, or "
            'evolution={"name": "burst", "z_s": 3.0}'
        )
    if z_s is not None and z_max is not None and not any(map(is_traced, (z_s, z_max))):
        if np.any(np.asarray(z_s) != np.asarray(z_max)):
            raise ParameterError(
                f"z_max = {z_max}: the shell of the burst lies at z_s = {z_s}; give one of them"
            )
    return Burst(), z_max if z_s is None else z_s


def _diffuse_normalization(value: Any, emissivity: Any) -> tuple[Any, str]:
    if emissivity is not None:
        if value is not None:
            raise ParameterError(
                f"normalization = {value} and emissivity = {emissivity}: give one of them"
            )
        allowed = "must be > 0"
        q_0 = required_number(emissivity, "emissivity", "emissivity", allowed, lambda x: x > 0.0)
        return q_0, "emissivity"
    if value is None:
        return DEFAULT_FLUX, "flux"
    kind = "flux"
    if isinstance(value, str) or hasattr(value, "unit"):
        from astropy.units import Quantity

        try:
            value = Quantity(value)
        except (TypeError, ValueError) as error:
            raise UnitError(f"normalization = {value!r} is not a quantity") from error
        for known in ("flux", "emissivity"):
            if value.unit.is_equivalent(CODE_UNITS[known]):
                kind = known
                break
        else:
            raise UnitError(
                f"normalization = {value} has the unit {value.unit}; a flux in "
                f"{CODE_UNITS['flux']} or an emissivity in {CODE_UNITS['emissivity']} is needed"
            )
    return required_number(value, kind, "normalization", "must be > 0", lambda x: x > 0.0), kind
