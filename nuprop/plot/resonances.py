"""Where relic neutrinos resonate at a given energy, drawn over the parameters of a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import ParameterError
from nuprop.plot.axes import ParameterAxis
from nuprop.summary import human_energy
from nuprop.units import required_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nuprop.inference.profile import Profile

FloatArray = NDArray[np.float64]

_EV = 1e-9  # GeV
_MASS, _LIGHTEST = "mass", "lightest_mass"


def resonance_masses(profile: Profile, energy: Any, lightest: FloatArray | None) -> FloatArray:
    """Mediator masses at which the heaviest neutrino at rest resonates, M^2 = 2 E m, at z = 0.

    Parameters
    ----------
    profile : Profile
        Whose record holds the neutrino masses.
    energy : Quantity, str or float (GeV)
    lightest : ndarray, GeV, or None
        Lightest neutrino masses, if they are an axis.

    Returns
    -------
    ndarray, GeV, in the shape of `lightest`, or of shape (1,)

    Raises
    ------
    ParameterError
        If the energy is not positive, or the profile does not know its neutrino masses.
    """
    value = required_number(
        energy, "energy", "resonances", "energies above 0 are needed", lambda x: x > 0.0
    )
    neutrinos = profile.about.get("neutrinos")
    known = neutrinos.get("masses [eV]") if isinstance(neutrinos, Mapping) else None
    if known is None or (lightest is None and _LIGHTEST in profile.values):
        raise ParameterError(
            f"resonances = {energy!r}: the profile holds no fixed neutrino masses to compute them"
        )
    masses = _EV * np.asarray(known, dtype=np.float64)
    heaviest = np.array([masses.max()])
    if lightest is not None:
        heaviest = np.sqrt(lightest**2 + masses.max() ** 2 - masses.min() ** 2)
    return np.sqrt(2.0 * heaviest * value)


def draw_resonance_lines(
    axes: Axes, profile: Profile, energies: Sequence[Any], drawn: Mapping[str, ParameterAxis]
) -> None:
    """Draw a dotted line for each energy, with the energy beside it.

    Parameters
    ----------
    axes : matplotlib Axes, with limits set
    profile : Profile
    energies : sequence of Quantity, str or float (GeV)
    drawn : the axes by name, x first; a single one is x.

    Raises
    ------
    ParameterError
        If no axis is the mediator's mass; see `resonance_masses`.
    """
    if _MASS not in drawn:
        raise ParameterError(
            f"resonances: lines of constant energy need the axis 'mass'; there is "
            f"{', '.join(drawn)}"
        )
    line: dict[str, Any] = {"color": "0.2", "linewidth": 1.0, "linestyle": ":", "zorder": 3}
    along_x = next(iter(drawn)) == _MASS
    span = drawn[_LIGHTEST].scaled(profile.axes[_LIGHTEST]) if _LIGHTEST in drawn else None
    for energy in energies:
        lightest = profile.axes[_LIGHTEST] if _LIGHTEST in drawn else None
        masses = drawn[_MASS].scaled(resonance_masses(profile, energy, lightest))
        if span is not None:
            axes.plot(*((masses, span) if along_x else (span, masses)), **line)
        elif along_x:
            axes.axvline(masses[0], **line)
        else:
            axes.axhline(masses[0], **line)
        _name(axes, energy, float(masses[-1]), along_x)


def _name(axes: Axes, energy: Any, mass: float, along_x: bool) -> None:
    """Write the energy at the far end of a line, if that lies within the axes."""
    low, high = sorted(axes.get_xlim() if along_x else axes.get_ylim())
    if not low < mass < high:
        return
    value = required_number(energy, "energy", "resonances", "> 0", lambda x: x > 0.0)
    axes.annotate(
        human_energy(value, 3),
        (mass, 0.98) if along_x else (0.98, mass),
        xycoords=("data", "axes fraction") if along_x else ("axes fraction", "data"),
        xytext=(2, 0) if along_x else (0, 2),
        textcoords="offset points",
        rotation=90 if along_x else 0,
        ha="left" if along_x else "right",
        va="top" if along_x else "bottom",
        fontsize=7.5,
        color="0.2",
        bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1.0},
    )
