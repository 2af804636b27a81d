"""The diffuse background of neutrinos from core-collapse supernovae."""

from __future__ import annotations

from typing import Any

from nuprop.errors import ParameterError, nearest
from nuprop.luminosity import erg
from nuprop.sources.diffuse import Source
from nuprop.spectra import PinchedThermal

#: Flavor ratios and antineutrino fraction of the six species, and how many of them.
_SPECIES: dict[str, tuple[tuple[float, float, float], float, int]] = {
    "all": ((1.0, 1.0, 1.0), 0.5, 6),
    "nu_e": ((1.0, 0.0, 0.0), 0.0, 1),
    "nubar_e": ((1.0, 0.0, 0.0), 1.0, 1),
    "nu_x": ((0.0, 1.0, 1.0), 0.5, 4),
}


def supernova_background(
    spectrum: Any = None,
    *,
    energy: Any = "3e53 erg",
    rate: Any = "1e-4 / (Mpc3 yr)",
    evolution: Any = "yuksel-2008",
    z_max: Any = 5.0,
    species: str = "all",
) -> Source:
    """Make the source of the diffuse supernova neutrino background (DSNB).

    Parameters
    ----------
    spectrum : Spectrum or dict, optional
        Of one species, time-integrated, at the source: `nuprop.spectra.FermiDirac` or
        `PinchedThermal`; by default ``PinchedThermal("15 MeV", alpha=2.3)``.
    energy : Quantity, str or float (erg)
        What one collapse emits in all six species (three flavors, nu and nubar), which share it
        equally; by default 3e53 erg.
    rate : Quantity, str or float (1/(Mpc3 yr))
        Core collapses today; by default 1e-4 per Mpc^3 and yr.
    evolution : as for `Source`
        Of the rate; by default "yuksel-2008". "strolger-2015" was fitted to supernovae.
    z_max : float
        No supernovae beyond.
    species : "all", "nu_e", "nubar_e" or "nu_x"
        "all": the six have the same spectrum. Else one of them, or the four of mu and tau
        flavor: where the spectra differ, propagate three sources and add the fluxes.

    Returns
    -------
    Source

    Raises
    ------
    ParameterError
        If there are no such species, or a value is not allowed.
    UnitError
        If a unit is wrong.

    Notes
    -----
    dPhi/dE of all species is (c/4 pi) int dz W(z) R_0 N Q(E (1+z))/H(z) per steradian, N the
    neutrinos of one collapse, `energy` over the mean of the spectrum. The defaults are values as
    used by nuprop: round numbers for orientation. Flavor conversion inside the star is not
    included; neutrinos leave it in the flavor given and travel in mass eigenstates.

    Give `nuprop.propagate` energies, such as ``np.geomspace(1, 50, 100) * u.MeV``: its default
    ones begin at 1 TeV.

    References
    ----------
    Horiuchi, Beacom & Dwek 2009, arXiv:0812.3157 (the background from thermal spectra and the
    cosmic star formation history); Lunardini 2009, arXiv:0901.0568 (3e53 erg).

    Examples
    --------
    >>> source = supernova_background(rate="1.25e-4 / (Mpc3 yr)")
    >>> print(f"{source.normalization:.3g} 1/(GeV cm3 s) at {1e3 * source.pivot:.3g} MeV")
    7.93e-26 1/(GeV cm3 s) at 15 MeV
    """
    if species not in _SPECIES:
        raise ParameterError(f"species = {species!r}: {nearest(str(species), _SPECIES)}")
    flavor, antineutrinos, count = _SPECIES[species]
    return Source.of_events(
        rate,
        erg(energy, "energy") * (count / 6.0),
        PinchedThermal("15 MeV") if spectrum is None else spectrum,
        evolution=evolution,
        z_max=z_max,
        flavor=flavor,
        antineutrino_fraction=antineutrinos,
    )
