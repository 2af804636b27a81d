"""Axes of parameters: their names in words, with units that people use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nuprop.summary import human_energy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

_WORDS = {
    "mass": "mediator mass $M$",
    "lightest_mass": "lightest neutrino mass",
    "index": "spectral index",
    "z_max": r"$z_\mathrm{max}$",
}
#: Neutrino masses are in eV, however small.
_PREFIXES = (
    ("EeV", 1e9),
    ("PeV", 1e6),
    ("TeV", 1e3),
    ("GeV", 1.0),
    ("MeV", 1e-3),
    ("keV", 1e-6),
    ("eV", 1e-9),
)


_SPACE = r"\,"


def coupling_symbol(about: Mapping[str, Any]) -> str:
    """Symbol of the coupling in the Lagrangian of the mediator that a record is about.

    Parameters
    ----------
    about : mapping
        As `Profile.about` and `Posterior.about`: its "mediator" tells the model. Without one the
        boson is a vector.
    """
    return r"$\lambda$" if (model_of(about) or "").startswith("scalar-") else "$g'$"


def model_of(about: Mapping[str, Any]) -> str | None:
    """Name of the mediator's model, such as "lmu-ltau", or None if a record does not tell it."""
    mediator = about.get("mediator")
    return mediator.get("model") if isinstance(mediator, Mapping) else None


@dataclass(frozen=True)
class ParameterAxis:
    """How one parameter is drawn.

    Attributes
    ----------
    label : str
        Name and unit.
    size : float
        Code units in one unit of the axis.
    logarithmic : bool
    unit : str
        Code unit of the values.
    """

    label: str
    size: float
    logarithmic: bool
    unit: str

    @classmethod
    def of(
        cls,
        name: str,
        values: ArrayLike,
        unit: str = "",
        *,
        logarithmic: bool = False,
        words: str | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> ParameterAxis:
        """Choose the unit that suits the values, and write the label.

        Parameters
        ----------
        name : str
        values : array, in code units
        unit : str
            Code unit: GeV gets a prefix, another one a power of ten on a linear axis.
        logarithmic : bool
        words : str, optional
            In place of the name.
        about : mapping, optional
            What was analyzed, see `coupling_symbol`.
        """
        title = words or _in_words(name, about or {})
        reach = float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
        if unit == "GeV":
            prefix, size = next((item for item in _PREFIXES if reach >= item[1]), _PREFIXES[-1])
            return cls(f"{title} [{prefix}]", size, logarithmic, unit)
        size = 1.0
        if not logarithmic and reach > 0.0 and not 1e-3 <= reach < 1e5:
            size = 10.0 ** np.floor(np.log10(reach))
        written = _power(size) if size != 1.0 else ""
        if unit:
            written = f"{written} {_unit_in_tex(unit)}".strip()
        return cls(f"{title} [{written}]" if written else title, size, logarithmic, unit)

    def scaled(self, values: ArrayLike) -> FloatArray:
        """Values in the unit of the axis."""
        return np.asarray(values, dtype=np.float64) / self.size

    def written(self, value: float) -> str:
        """Write one value with its unit, for a legend."""
        if self.unit == "GeV":
            return human_energy(value, 3)
        return f"{value:.3g}"

    def apply(self, axes: Axes, which: Literal["x", "y"]) -> None:
        """Set label and scale of an axis."""
        scale = "log" if self.logarithmic else "linear"
        axes.set(**{f"{which}label": self.label, f"{which}scale": scale})


def _in_words(name: str, about: Mapping[str, Any]) -> str:
    if name == "coupling":
        return f"coupling {coupling_symbol(about)}"
    return _WORDS.get(name, name.replace("_", " "))


def _power(size: float) -> str:
    return rf"$10^{{{round(np.log10(size))}}}$"


def _unit_in_tex(unit: str) -> str:
    """Write a unit of nuprop.units, such as "1 / (GeV cm2 s sr)", in its order."""
    above, _, below = unit.partition("/")
    parts = [_factor(text, 1) for text in above.split() if text != "1"]
    parts += [_factor(text, -1) for text in below.strip(" ()").split()]
    return rf"$\mathrm{{{_SPACE.join(parts)}}}$"


def _factor(text: str, sign: int) -> str:
    symbol = text.rstrip("-0123456789")
    power = sign * int(text[len(symbol) :] or 1)
    return symbol if power == 1 else f"{symbol}^{{{power}}}"
