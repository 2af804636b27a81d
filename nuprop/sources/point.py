"""One source at a known redshift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import SPEED_OF_LIGHT
from nuprop.cosmology import Expansion, expansion
from nuprop.description import Leaf, plain
from nuprop.errors import ParameterError
from nuprop.evolutions import LARGEST_REDSHIFT, Burst, Evolution, redshift
from nuprop.luminosity import GEV_PER_ERG, erg_per_second
from nuprop.pytree import as_pytree, assign, leaf_text
from nuprop.sources.diffuse import DEFAULT_INDEX
from nuprop.sources.emitter import (
    Emitter,
    antineutrinos,
    energy_band,
    flavor_shares,
    normalization_energy,
    require_flux,
)
from nuprop.sources.reading import as_spectrum
from nuprop.spectra import REFERENCE_ENERGY, PowerLaw
from nuprop.units import CODE_UNITS, is_traced, require, required_number

if TYPE_CHECKING:
    from astropy.cosmology import FLRW

#: Enough from H_0 d/c to z = 20, which takes 8, to rounding.
_NEWTON_STEPS = 12


@as_pytree
@dataclass(frozen=True, eq=False, repr=False)
class PointSource(Emitter):
    """One source at a known redshift; its fluxes are not per steradian.

    Parameters
    ----------
    z : float
        Redshift, 0 < z <= 20.
    spectrum, flavor, antineutrino_fraction :
        As for `Source`.
    normalization : Quantity, str or float
        The free flux of all flavors at the pivot at Earth, divided by 3, nu + nubar, in
        1/(GeV cm2 s). Either this or a luminosity is needed.
    luminosity : Quantity, str or float (erg/s)
        Isotropic-equivalent luminosity of the source in neutrinos of all flavors, nu + nubar,
        between the two energies of `band`.
    band : pair of Quantity, str or float (GeV)
        Energies at the source, needed with a luminosity.
    pivot : Quantity, str or float (GeV), optional
        Energy of the normalization at Earth, by default 100 TeV.

    Attributes
    ----------
    z : float
    z_max : float, the same
    evolution : a `Burst`
    normalization : float, 1/(GeV cm2 s) or erg/s
    normalization_kind : "flux" or "luminosity"
    band : (2,) GeV, or None
    burst, point : True

    Raises
    ------
    ParameterError
        If not exactly one of normalization and luminosity is given, or a value is not allowed.
    UnitError
        If a unit is wrong.

    See Also
    --------
    PointSource.at_distance : by its distance.
    nuprop.sources.known_source : NGC 1068, TXS 0506+056.

    Notes
    -----
    With dN/dE'dt' the neutrinos emitted per source-frame energy and time, the free flux at Earth
    is (1+z)^2/(4 pi d_L^2) dN/dE'dt' at E' = E (1+z), d_L the luminosity distance.

    Examples
    --------
    >>> source = PointSource(0.0036, luminosity="1e42 erg / s", band=("1.5 TeV", "15 TeV"))
    >>> print(f"{source.emission(1e3):.4g}")
    4.24e+38
    """

    z: Leaf
    band: Leaf

    point: ClassVar[bool] = True
    burst: ClassVar[bool] = True

    def __init__(
        self,
        z: Any,
        spectrum: Any = None,
        flavor: Any = (1.0, 2.0, 0.0),
        antineutrino_fraction: Any = 0.5,
        normalization: Any = None,
        luminosity: Any = None,
        band: Any = None,
        pivot: Any = REFERENCE_ENERGY,
    ) -> None:
        if (normalization is None) == (luminosity is None):
            raise ParameterError(
                f"normalization = {normalization} and luminosity = {luminosity}: give exactly one, "
                "a flux at Earth in 1/(GeV cm2 s) or a luminosity with its band"
            )
        if (luminosity is None) != (band is None):
            raise ParameterError(
                f"luminosity = {luminosity} and band = {band}: a luminosity needs the two energies "
                "at the source between which it holds, such as band=('10 TeV', '10 PeV')"
            )
        if luminosity is None:
            value = required_number(
                normalization, "point_flux", "normalization", "must be > 0", lambda x: x > 0.0
            )
        else:
            value = erg_per_second(luminosity, "luminosity")
            require("luminosity", value, "must be > 0 erg/s", lambda x: x > 0.0)
        assign(
            self,
            z=redshift(z, "z"),
            spectrum=PowerLaw(DEFAULT_INDEX) if spectrum is None else as_spectrum(spectrum),
            flavor=flavor_shares(flavor),
            antineutrino_fraction=antineutrinos(antineutrino_fraction),
            normalization=value,
            normalization_kind="flux" if luminosity is None else "luminosity",
            band=None if band is None else energy_band(band),
            pivot=normalization_energy(pivot),
        )
        if luminosity is None:
            require_flux(self.spectrum, self.pivot, self.z, self.z)
        else:
            _require_power(self.emission_scale())

    @classmethod
    def at_distance(
        cls,
        luminosity_distance: Any,
        *,
        cosmology: FLRW | Expansion | str | None = None,
        **others: Any,
    ) -> PointSource:
        """Make a point source at a luminosity distance in place of a redshift.

        Parameters
        ----------
        luminosity_distance : Quantity, str or float (cm)
        cosmology : astropy FLRW, Expansion or name, optional
            That which turns the distance into a redshift, by default astropy's Planck18; give
            `nuprop.propagate` the same.
        **others
            As for `PointSource`.

        Returns
        -------
        PointSource
            At the redshift of the expansion at this distance; that of a nearby galaxy as measured
            holds its own velocity too, which makes no path.

        Raises
        ------
        UnitError
            If this is not a length.
        ParameterError
            If the distance is not positive, or its redshift above 20.

        Examples
        --------
        >>> source = PointSource.at_distance("14.4 Mpc", normalization="5e-11 / (TeV cm2 s)")
        >>> print(f"z = {source.z:.5f}")
        z = 0.00324
        """
        history = expansion(cosmology)
        allowed = "must be > 0 cm"
        distance = required_number(
            luminosity_distance, "length", "luminosity_distance", allowed, lambda d: d > 0.0
        )
        z: Any = redshift_at(distance, history)
        if not is_traced(z):
            z = float(z)
            if not z <= LARGEST_REDSHIFT:
                raise ParameterError(
                    f"luminosity_distance = {luminosity_distance}: farther than the redshift "
                    f"{LARGEST_REDSHIFT:g} in {history.name}"
                )
        return cls(z, **others)

    @property
    def z_max(self) -> ArrayLike:
        """The redshift, as a `Source` with the evolution "burst" calls it."""
        return self.z

    @property
    def evolution(self) -> Evolution:
        """A thin shell."""
        return Burst(name="point", formula="one source at z", reference="generic")

    def emission_scale(self) -> jax.Array:
        """Ratio of dN/dE'dt' to Q(E'), from the luminosity.

        Returns
        -------
        Array, scalar, 1/(GeV s) over the unit of Q
            L divided by the integral of E Q(E) dE over the band.

        Raises
        ------
        ParameterError
            If the source is normalized by its flux at Earth, which needs a distance.
        """
        if self.band is None:
            raise ParameterError(
                "normalization_kind = 'flux': the emission at the source is not known without a "
                "distance; give a luminosity"
            )
        band = jnp.asarray(self.band)
        power = self.spectrum.energy_integral(band[0], band[1])
        return jnp.asarray(self.normalization) * GEV_PER_ERG / power

    def emission(self, energy: ArrayLike) -> jax.Array:
        """Neutrinos of all flavors, nu + nubar, leaving the source.

        Parameters
        ----------
        energy : array, any shape, GeV
            At the source.

        Returns
        -------
        Array of the same shape, 1/(GeV s)
        """
        return self.emission_scale() * self.spectrum.emissivity(energy)

    def describe(self) -> dict[str, Any]:
        """Return plain values of everything given, energies in GeV, luminosity in erg/s."""
        band = {} if self.band is None else {"band_gev": plain(self.band)}
        return {"evolution": {"name": "point"}, "z": plain(self.z), **self._described(), **band}

    def __repr__(self) -> str:
        """Name all parts."""
        if self.normalization_kind == "flux":
            unit = CODE_UNITS["point_flux"]
            scale = f"{unit} per flavor at {leaf_text(self.pivot, 1.0, 'GeV')}"
        else:
            scale = f"erg / s in the band {plain(self.band)} GeV"
        return (
            f"PointSource(z={leaf_text(self.z)}, {self.spectrum!r}, {self._flavor_text()}, "
            f"{self.normalization_kind} {leaf_text(self.normalization)} {scale})"
        )


@jax.jit
def redshift_at(luminosity_distance: ArrayLike, history: Expansion) -> jax.Array:
    """Find the redshift at a luminosity distance [cm], by Newton's method.

    The distance is a convex function of z from H_0 d/c > z down, so the steps approach the
    solution from above; the last one carries the derivatives.
    """
    distance = jnp.asarray(luminosity_distance, dtype=float)

    def newton(z: jax.Array) -> jax.Array:
        value, slope = jax.jvp(history.luminosity_distance, (z,), (jnp.ones_like(z),))
        return z - (value - distance) / slope

    start = distance * history.hubble(0.0) / SPEED_OF_LIGHT
    z = jax.lax.fori_loop(0, _NEWTON_STEPS, lambda _, z: newton(z), jax.lax.stop_gradient(start))
    return newton(jax.lax.stop_gradient(z))


def _require_power(scale: jax.Array) -> None:
    if not is_traced(scale) and not np.all(np.isfinite(np.asarray(scale))):
        raise ParameterError("band: the spectrum has no energy there; choose another band")
