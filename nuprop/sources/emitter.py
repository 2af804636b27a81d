"""What all sources have: a spectrum, flavors, antineutrinos, and where they are normalized."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.description import STATIC, Leaf, plain
from nuprop.errors import ParameterError, nearest
from nuprop.spectra import Spectrum
from nuprop.units import (
    in_code_units,
    is_traced,
    number_in_code_units,
    require,
    required_number,
)

#: Flavor ratios nu_e : nu_mu : nu_tau at production, neutrinos and antineutrinos together.
FLAVORS = {
    "pion": (1.0, 2.0, 0.0),
    "muon-damped": (0.0, 1.0, 0.0),
    "neutron": (1.0, 0.0, 0.0),
}

#: Antineutrinos over all, for each flavor. Proton-proton: as many pi+ as pi-. Proton-photon: only
#: pi+ -> mu+ nu_mu, mu+ -> e+ nu_e nubar_mu, or nu_mu alone if the muon loses its energy first.
ANTINEUTRINO_FRACTIONS = {
    "pp": (0.5, 0.5, 0.5),
    "p-gamma": (0.0, 0.5, 0.0),
    "p-gamma-muon-damped": (0.0, 0.0, 0.0),
    "neutron": (1.0, 0.5, 0.5),
}


@dataclass(frozen=True, eq=False, repr=False)
class Emitter:
    """What a `Source` and a `PointSource` have in common."""

    spectrum: Spectrum
    flavor: Leaf
    antineutrino_fraction: Leaf
    normalization: Leaf
    pivot: Leaf
    normalization_kind: str = field(metadata=STATIC)

    def shares(self) -> jax.Array:
        """Shares of the emissivity of all flavors, neutrinos and antineutrinos.

        Returns
        -------
        Array, shape (2, 3)
            [nu or nubar, e mu tau]; it sums to 1.
        """
        flavor, fraction = jnp.asarray(self.flavor), jnp.asarray(self.antineutrino_fraction)
        return jnp.stack([flavor * (1.0 - fraction), flavor * fraction])

    def _described(self) -> dict[str, Any]:
        return {
            "spectrum": self.spectrum.describe(),
            "flavor": plain(self.flavor),
            "antineutrino_fraction": plain(self.antineutrino_fraction),
            "normalization": plain(self.normalization),
            "normalization_kind": self.normalization_kind,
            "pivot_gev": plain(self.pivot),
        }

    def _flavor_text(self) -> str:
        values = self.flavor, self.antineutrino_fraction
        if any(is_traced(value) for value in values):
            return "flavor=<traced>"
        flavor, fraction = (" : ".join(f"{x:.4g}" for x in np.asarray(v)) for v in values)
        return f"flavor {flavor}, antineutrinos {fraction}"


def flavor_shares(value: Any) -> Any:
    """Read flavor ratios: a key of `FLAVORS` or three numbers >= 0; scaled to a sum of 1."""
    ratios = _numbers(value, "flavor", FLAVORS)
    if np.shape(ratios) != (3,):
        raise ParameterError(
            f"flavor = {value}: has the shape {np.shape(ratios)}; three numbers, for e, mu and tau,"
            " are needed"
        )
    allowed = "must be >= 0 and not all zero"
    require("flavor", ratios, allowed, lambda x: (x >= 0.0) & (x.sum() > 0.0))
    return ratios / ratios.sum()


def antineutrinos(value: Any) -> Any:
    """Read shares of antineutrinos: a key of `ANTINEUTRINO_FRACTIONS`, one number, or three."""
    fraction = _numbers(value, "antineutrino_fraction", ANTINEUTRINO_FRACTIONS)
    if np.shape(fraction) not in ((), (3,)):
        raise ParameterError(
            f"antineutrino_fraction = {value}: has the shape {np.shape(fraction)}; one number, or "
            "three, for e, mu and tau, are needed"
        )
    allowed = "must lie in [0, 1]"
    require("antineutrino_fraction", fraction, allowed, lambda x: (x >= 0.0) & (x <= 1.0))
    return fraction * np.ones(3)


def _numbers(value: Any, name: str, known: Mapping[str, tuple[float, ...]]) -> Any:
    if isinstance(value, str):
        if value not in known:
            raise ParameterError(f"{name} = {value!r}: {nearest(value, known)}, or numbers")
        value = known[value]
    if isinstance(value, tuple | list) and any(is_traced(part) for part in value):
        return jnp.stack([jnp.asarray(part, dtype=float) for part in value])
    return in_code_units(value, "dimensionless", name)


def normalization_energy(value: Any) -> Any:
    """Read the energy at which a source is normalized [GeV]."""
    return required_number(value, "energy", "pivot", "must be > 0 GeV", lambda e: e > 0.0)


def energy_band(value: Any) -> Any:
    """Read a pair of energies at the source [GeV], the lower one first; shape (2,)."""
    if (isinstance(value, tuple | list) or np.ndim(value) == 1) and len(value) == 2:
        ends = [number_in_code_units(end, "energy", "band") for end in value]
        if any(is_traced(end) for end in ends):
            return jnp.stack([jnp.asarray(end, dtype=float) for end in ends])
        band = np.asarray(ends)
        require("band", band, "must be > 0 GeV", lambda e: e > 0.0)
        if band[0] < band[1]:
            return band
    raise ParameterError(f"band = {value}: two energies are needed, the lower one first")


def require_flux(spectrum: Spectrum, pivot: Any, nearest_z: Any, farthest_z: Any) -> None:
    """Refuse to normalize at an energy at Earth where no source between two redshifts emits."""
    if any(is_traced(value) for value in (pivot, nearest_z, farthest_z)):
        return
    low, high = (float(pivot * (1.0 + z)) for z in (nearest_z, farthest_z))
    if not spectrum.has_flux(low, high):
        raise ParameterError(
            f"pivot = {float(pivot):g} GeV: {spectrum!r} has no flux there to normalize; give a "
            "pivot, the energy at which the normalization holds"
        )
