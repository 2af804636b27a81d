"""Profile likelihoods over a grid of parameters, what they exclude, and how to keep them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import DatasetError, FitError, ParameterError, nearest
from nuprop.inference.files import read_npz, write_npz

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]
#: "raster": at each value of the other parameters apart; "global": against the best of all.
Kind = Literal["raster", "global"]

_FORMAT = "nuprop profile, version 1"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Profile:
    """-ln L minimized in all other parameters, on a grid. Made by `profile` and `scan`.

    Attributes
    ----------
    axes : mapping from name to ndarray
        Values of the parameters of the grid, rising, in code units.
    units : mapping from name to str
    logarithmic : tuple of str
        Axes that are spaced, and drawn, in the logarithm.
    nll : ndarray, in the shape of the grid
        -ln L, priors included; NaN at points not yet computed.
    values : mapping from name to ndarray, in the shape of the grid
        Where the other parameters ended.
    converged : ndarray of bool
    null_nll : float or None
        -ln L without interaction, if the mediator is scanned.
    interpolation_error : float
        Largest relative error of a flux that was interpolated in a spectral index.
    about : mapping
        What was analyzed, in plain values.
    """

    axes: Mapping[str, FloatArray]
    units: Mapping[str, str]
    logarithmic: tuple[str, ...]
    nll: FloatArray
    values: Mapping[str, FloatArray]
    converged: NDArray[np.bool_]
    null_nll: float | None = None
    interpolation_error: float = 0.0
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(self.axes)

    @property
    def best(self) -> dict[str, float]:
        """All parameters at the best point of the grid."""
        place = np.unravel_index(int(np.nanargmin(self.nll)), self.nll.shape)
        pairs = zip(self.axes.items(), place, strict=True)
        point = {name: float(axis[i]) for (name, axis), i in pairs}
        return point | {name: float(values[place]) for name, values in self.values.items()}

    @property
    def best_nll(self) -> float:
        """Smallest -ln L of the grid."""
        return float(np.nanmin(self.nll))

    @property
    def gain(self) -> float | None:
        """Fall of -2 ln L from no interaction to the best point; None if none was compared."""
        return None if self.null_nll is None else 2.0 * (self.null_nll - self.best_nll)

    def ts(self, kind: Kind = "global", along: str | None = None) -> FloatArray:
        """Test statistic 2 [-ln L + ln L_max], in the shape of the grid.

        Parameters
        ----------
        kind : "global" or "raster"
            Against the best of the whole grid and no interaction; or against the best along one
            axis, and no interaction, at each value of the others.
        along : str, optional
            The axis of a raster; by default "coupling" if there is one, else the first.
        """
        low = self.best_nll if self.null_nll is None else min(self.best_nll, self.null_nll)
        if kind == "global":
            return 2.0 * (self.nll - low)
        if kind != "raster":
            raise ParameterError(f"kind = {kind!r}: 'raster' or 'global'")
        axis = self.names.index(self._along(along))
        known = np.where(np.isnan(self.nll), np.inf, self.nll)
        least = np.min(known, axis=axis, keepdims=True)
        if self.null_nll is not None:
            least = np.minimum(least, self.null_nll)
        return 2.0 * (self.nll - least)

    def threshold(self, level: float, kind: Kind = "global") -> float:
        """Value of `ts` above which a point is excluded, by Wilks' theorem.

        Notes
        -----
        chi^2 with one degree of freedom for a raster, with as many as axes for "global". Where the
        coupling vanishes, a boundary, the true distribution has half its weight at zero and the
        mass has no meaning: the threshold is then conservative (Chernoff 1954, Ann. Math. Stat.
        25, 573), and `nuprop.inference.calibrate` gives the true one.
        """
        from scipy.stats import chi2

        if not 0.0 < level < 1.0:
            raise ParameterError(f"level = {level}: a number between 0 and 1, such as 0.9")
        degrees = 1 if kind == "raster" else len(self.axes)
        return float(chi2.ppf(level, degrees))

    def excluded(
        self, level: float = 0.9, kind: Kind = "raster", along: str | None = None
    ) -> NDArray[np.bool_]:
        """Which points are excluded at a confidence level; see `threshold` for what is assumed."""
        return self.ts(kind, along) > self.threshold(level, kind)

    def interval(self, level: float = 0.6827) -> tuple[float, float]:
        """Find the ends of the confidence interval of a one-dimensional profile.

        They are linearly interpolated; NaN where the interval reaches the end of the axis.
        """
        if len(self.axes) != 1:
            raise FitError(f"interval: one axis is needed, there are {len(self.axes)}")
        name = self.names[0]
        x = np.log(self.axes[name]) if name in self.logarithmic else self.axes[name]
        excess = self.ts("global") - self.threshold(level, "global")
        best = int(np.nanargmin(excess))
        ends = [np.nan, np.nan]
        for side, numbers in enumerate((range(best, 0, -1), range(best, x.size - 1))):
            step = -1 if side == 0 else 1
            for i in numbers:
                if excess[i] <= 0.0 < excess[i + step]:
                    share = -excess[i] / (excess[i + step] - excess[i])
                    ends[side] = x[i] + share * (x[i + step] - x[i])
                    break
        low, high = np.exp(ends) if name in self.logarithmic else ends
        return float(low), float(high)

    def upper_limit(self, level: float = 0.9, along: str | None = None) -> FloatArray:
        """Upper limit on one parameter at each value of the others, by a raster.

        Returns
        -------
        ndarray, in the shape of the other axes (a scalar array if there is none)
            Above it every value is excluded up to the end of the axis; NaN where the last one
            is not.
        """
        name = self._along(along)
        axis = self.names.index(name)
        grid = self.axes[name]
        x = np.log(grid) if name in self.logarithmic else grid
        excess = np.moveaxis(self.ts("raster", name) - self.threshold(level, "raster"), axis, -1)
        result = np.full(excess.shape[:-1], np.nan)
        for place in np.ndindex(result.shape):
            row = excess[place]
            allowed = np.flatnonzero(~(row > 0.0))
            if allowed.size == 0:
                result[place] = x[0]
            elif allowed[-1] < x.size - 1:
                i = allowed[-1]
                share = -row[i] / (row[i + 1] - row[i]) if np.isfinite(row[i]) else 0.0
                result[place] = x[i] + share * (x[i + 1] - x[i])
        return np.exp(result) if name in self.logarithmic else result

    def _along(self, along: str | None) -> str:
        if along is None:
            return "coupling" if "coupling" in self.axes else self.names[0]
        if along not in self.axes:
            raise ParameterError(f"along = {along!r}: no such axis; {nearest(along, self.axes)}")
        return along

    def save(self, path: str | Path) -> Path:
        """Write one .npz file that `load` reads without loss; a full disk leaves the old file."""
        meta = {
            "format": _FORMAT,
            "axes": list(self.axes),
            "units": dict(self.units),
            "logarithmic": list(self.logarithmic),
            "values": list(self.values),
            "null_nll": self.null_nll,
            "interpolation_error": self.interpolation_error,
            "about": dict(self.about),
        }
        arrays: dict[str, Any] = {f"axis:{name}": axis for name, axis in self.axes.items()}
        arrays |= {f"value:{name}": values for name, values in self.values.items()}
        arrays |= {"nll": self.nll, "converged": self.converged}
        return write_npz(path, meta, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Profile:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        DatasetError
            If it is no profile, or damaged.
        """
        meta, arrays = read_npz(path)
        if meta.get("format") != _FORMAT:
            raise DatasetError(f"{path}: its format is {meta.get('format')!r}, not {_FORMAT!r}")
        try:
            return cls(
                axes={name: arrays[f"axis:{name}"] for name in meta["axes"]},
                units=meta["units"],
                logarithmic=tuple(meta["logarithmic"]),
                nll=arrays["nll"],
                values={name: arrays[f"value:{name}"] for name in meta["values"]},
                converged=arrays["converged"],
                null_nll=meta["null_nll"],
                interpolation_error=meta["interpolation_error"],
                about=meta["about"],
            )
        except KeyError as error:
            raise DatasetError(f"{path}: the entry {error} is missing") from error

    def to_xarray(self) -> Any:
        """Give an `xarray.Dataset` with labelled axes; needs the extra ``nuprop[io]``."""
        try:
            import xarray
        except ImportError as error:
            raise FitError(
                "to_xarray: xarray is not installed; pip install 'nuprop[io]'"
            ) from error
        arrays: dict[str, Any] = {"nll": self.nll, "converged": self.converged, **self.values}
        data = {name: (self.names, values) for name, values in arrays.items()}
        dataset = xarray.Dataset(data, coords=dict(self.axes))
        for name, unit in self.units.items():
            if name in dataset:
                dataset[name].attrs["units"] = unit
        dataset.attrs = {"about": json.dumps(self.about)}
        if self.null_nll is not None:
            dataset.attrs["null_nll"] = self.null_nll
        return dataset

    def plot(self, path: str | Path | None = None, **options: Any) -> Figure:
        """Draw it: a curve for one axis, contours for two; see `nuprop.plot.plot_profile`."""
        from nuprop.plot import plot_profile

        return plot_profile(self, path, **options)

    def __repr__(self) -> str:
        done = int(np.sum(np.isfinite(self.nll)))
        lines = ["Profile over " + " x ".join(f"{n} ({a.size})" for n, a in self.axes.items())]
        for name, axis in self.axes.items():
            scale = ", log" if name in self.logarithmic else ""
            lines.append(
                f"  {name:<14} {axis[0]:.4g} to {axis[-1]:.4g} {self.units.get(name, '')}{scale}"
            )
        failed = int(np.sum(np.isfinite(self.nll) & ~self.converged))
        lines.append(f"  points         {done} of {self.nll.size} done, {failed} not converged")
        if done:
            best = ", ".join(f"{name} {value:.4g}" for name, value in self.best.items())
            lines.append(f"  best           -2 ln L = {2 * self.best_nll:.3f} at {best}")
        if self.gain is not None:
            lines.append(f"  gain           {self.gain:.3f} in -2 ln L over no interaction")
        if self.interpolation_error > 0.0:
            lines.append(
                f"  interpolation  flux good to {self.interpolation_error:.1g} in the index"
            )
        return "\n".join(lines)


def unbroken(there: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last number of each unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(int), [0]])))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]
