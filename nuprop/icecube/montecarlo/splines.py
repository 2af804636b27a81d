"""Detector systematics of the HESE release: B-splines in FITS files, as photospline writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nuprop.errors import DatasetError
from nuprop.icecube.montecarlo.files import FloatArray, Observables

#: Fluxes that have splines of their own, as the files call them.
COMPONENTS = ("diffuseAstro_e", "diffuseAstro_mu", "diffuseAstro_tau", "atmConv", "atmPrompt")
_MORPHOLOGIES = ("shower", "track", "doublebang")
_DOUBLE = 2
_SUBFOLDERS = (
    ".",
    "splines",
    "resources/splines",
    "HESE-7-year-data-release/resources/splines",
)
#: IceCube uses the anisotropy of double cascades up to 10^2.3 m only, whatever the files say.
_ANISOTROPY_LENGTH = 2.3


@dataclass(frozen=True)
class Systematic:
    """A detector parameter that the release has splines of.

    Attributes
    ----------
    name : str
        Of the nuisance parameter.
    folder, prefix : str
        Of the files.
    nominal : float
        Its value in the simulation.
    """

    name: str
    folder: str
    prefix: str
    nominal: float

    def arguments(self, events: Observables, morphology: int) -> FloatArray:
        """Give what splines depend on besides the parameter, shape (n_events, 1 or 2)."""
        log_energy = np.log10(events.deposited_energy)
        if morphology == _DOUBLE and self.name != "dom":
            with np.errstate(divide="ignore"):
                log_length = np.log10(events.length)
            if self.name == "anisotropy":
                return log_length[:, None]
            return np.stack([log_energy, log_length], axis=-1)
        if self.name == "anisotropy":
            return log_energy[:, None]
        return np.stack([log_energy, np.cos(events.zenith)], axis=-1)

    @property
    def n_arguments(self) -> int:
        """How many arguments there are with the parameter."""
        return 2 if self.name == "anisotropy" else 3


SYSTEMATICS = (
    Systematic("dom", "DOMEffSplines", "domefficiency", 0.99),
    Systematic("ice", "HoleIceSplines", "holeice", 0.0),
    Systematic("anisotropy", "AnisotropySplines", "tauanisotropy", 1.0),
)


@dataclass(frozen=True, eq=False)
class SplineTable:
    """A tensor product of B-splines.

    Attributes
    ----------
    coefficients : ndarray
        One axis for each argument.
    knots : tuple of ndarray
    orders : tuple of int
        Degrees of the polynomials.
    extents : ndarray, shape (n_arguments, 2)
        Where the table is meant to be used.
    """

    coefficients: FloatArray
    knots: tuple[FloatArray, ...]
    orders: tuple[int, ...]
    extents: FloatArray

    def last_axis(self, arguments: FloatArray) -> FloatArray:
        """Contract all arguments but the last.

        Parameters
        ----------
        arguments : ndarray, shape (n, n_arguments - 1)

        Returns
        -------
        ndarray, shape (n, n_coefficients)
            Coefficients of the spline in the last argument.
        """
        shape = self.coefficients.shape
        first, *others = (
            b_splines(x, t, order)
            for x, t, order in zip(arguments.T, self.knots[:-1], self.orders[:-1], strict=True)
        )
        rows = first @ self.coefficients.reshape(shape[0], -1)
        rows = rows.reshape(len(arguments), *shape[1:])
        for values in others:
            rows = np.einsum("nk,nk...->n...", values, rows)
        return rows

    def contains(self, arguments: FloatArray) -> np.ndarray:
        """Tell which arguments (all but the last) lie within the extents."""
        low, high = self.extents[:-1, 0], self.extents[:-1, 1]
        return np.all((arguments >= low) & (arguments <= high), axis=1)


def b_splines(x: ArrayLike, knots: Any, order: int, xp: Any = np) -> Any:
    """Evaluate all B-splines on given knots.

    Parameters
    ----------
    x : array, shape (...)
    knots : array, shape (n_knots,)
        Not decreasing.
    order : int
        Degree of the polynomials.
    xp : module
        numpy, or jax.numpy.

    Returns
    -------
    array, shape (..., n_knots - order - 1)

    Notes
    -----
    The recurrence of Cox and de Boor, from the interval that holds x: at the last knot the one
    before it, and beyond the ends the outermost, whose polynomials go on. Near the ends, where
    fewer B-splines reach, there are just these, as in photospline.
    """
    x = xp.asarray(x)[..., None]
    widths = xp.diff(knots)
    number = xp.arange(widths.shape[0])
    lowest = xp.min(xp.where(widths > 0.0, number, widths.shape[0]))
    highest = xp.max(xp.where(widths > 0.0, number, 0))
    interval = xp.clip(xp.sum(knots <= x, axis=-1, keepdims=True) - 1, lowest, highest)
    values = xp.where(number == interval, 1.0, 0.0)
    for degree in range(1, order + 1):
        width = knots[degree:] - knots[:-degree]
        rising = xp.where(width > 0.0, (x - knots[:-degree]) / xp.where(width > 0.0, width, 1.0), 0)
        values = rising[..., :-1] * values[..., :-1] + (1.0 - rising[..., 1:]) * values[..., 1:]
    return values


def read_splines(
    folder: str | Path,
) -> Mapping[tuple[str, str, int], SplineTable]:
    """Read the splines of the release.

    Parameters
    ----------
    folder : path
        Holds DOMEffSplines, HoleIceSplines and AnisotropySplines, itself or in
        ``resources/splines`` as the release does. One that is not there is left out, and its
        parameter does not exist.

    Returns
    -------
    mapping from (name of the systematic, component, morphology) to `SplineTable`

    Raises
    ------
    DatasetError
        If none of the three is there, a file of one is missing, or a table cannot be used.

    Notes
    -----
    Written against the format of photospline and the file names of the release, and tested on
    tables that were made up; not run on the released ones.
    """
    places = (Path(folder).expanduser() / subfolder for subfolder in _SUBFOLDERS)
    names = [systematic.folder for systematic in SYSTEMATICS]
    root = next((p for p in places if any((p / name).is_dir() for name in names)), None)
    if root is None:
        raise DatasetError(
            f"splines = {str(folder)!r}: none of {', '.join(names)} is there; they lie in "
            "resources/splines of the release"
        )
    tables = {}
    for systematic in SYSTEMATICS:
        place = root / systematic.folder
        if not place.is_dir():
            continue
        for component in COMPONENTS:
            for morphology, name in enumerate(_MORPHOLOGIES):
                table = read_table(
                    place / f"{systematic.prefix}_{component}_{name}.fits",
                    systematic.n_arguments,
                )
                low, high = table.extents[-1]
                if not low <= systematic.nominal <= high:
                    raise DatasetError(
                        f"{systematic.prefix}_{component}_{name}.fits: its last argument reaches "
                        f"from {low:g} to {high:g} without {systematic.nominal:g}, the nominal "
                        f"value of {systematic.name!r}: these are not its splines"
                    )
                if systematic.name == "anisotropy" and morphology == _DOUBLE:
                    table.extents[0, 1] = min(table.extents[0, 1], _ANISOTROPY_LENGTH)
                tables[systematic.name, component, morphology] = table
    return tables


def read_table(path: str | Path, n_arguments: int) -> SplineTable:
    """Read one table.

    Parameters
    ----------
    path : path
    n_arguments : int
        How many arguments it must have.

    Raises
    ------
    DatasetError
        If it is no such table, or the shape of its coefficients does not fit its knots.

    Notes
    -----
    The coefficients are the first image, the knots the extensions KNOTS0, KNOTS1, ..., the degrees
    ORDER0, ORDER1, ... (or ORDER, for all) in the first header, and the extents a list EXTENTS of
    lower and upper ends; without it, or in another shape, the extents are the range where all
    B-splines reach, as photospline has it. Photospline writes one axis of the image for each
    argument in turn. Where the sizes tell that they are in reverse, they are turned around.
    """
    from astropy.io import fits

    path = Path(path)
    if not path.is_file():
        raise DatasetError(f"{path.name} is missing in {path.parent}: the release has it there")
    try:
        with fits.open(path, memmap=False) as file:
            header = file[0].header
            coefficients = np.asarray(file[0].data, dtype=np.float64)
            knots = tuple(
                np.asarray(file[f"KNOTS{axis}"].data, dtype=np.float64)
                for axis in range(coefficients.ndim)
            )
            orders = tuple(
                int(header["ORDER"] if "ORDER" in header else header[f"ORDER{axis}"])
                for axis in range(coefficients.ndim)
            )
            stated = np.asarray(file["EXTENTS"].data, float) if "EXTENTS" in file else np.empty(0)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path.name} is not a table of photospline ({error})") from error
    if coefficients.ndim != n_arguments:
        raise DatasetError(
            f"{path.name} has {coefficients.ndim} arguments: {n_arguments} are needed"
        )
    _require_knots(path.name, knots, orders)
    shape = tuple(t.size - order - 1 for t, order in zip(knots, orders, strict=True))
    if coefficients.shape != shape:
        if coefficients.shape != shape[::-1]:
            raise DatasetError(
                f"{path.name}: coefficients of shape {coefficients.shape} do not belong to knots "
                f"and degrees that make {shape}"
            )
        coefficients = coefficients.T
    if not np.all(np.isfinite(coefficients)):
        raise DatasetError(f"{path.name} holds coefficients that are not finite")
    if stated.shape == (2 * n_arguments,):
        extents = stated.reshape(n_arguments, 2)
    else:
        ends = [(t[order], t[-order - 1]) for t, order in zip(knots, orders, strict=True)]
        extents = np.array(ends)
    return SplineTable(coefficients, knots, orders, extents)


def _require_knots(name: str, knots: tuple[FloatArray, ...], orders: tuple[int, ...]) -> None:
    for axis, (t, order) in enumerate(zip(knots, orders, strict=True)):
        if t.ndim != 1 or order < 0 or t.size < 2 * order + 2:
            raise DatasetError(
                f"{name}: {t.size} knots of argument {axis} are too few for degree {order}"
            )
        if not np.all(np.isfinite(t)) or np.any(np.diff(t) < 0.0) or t[0] == t[-1]:
            raise DatasetError(f"{name}: the knots of argument {axis} do not increase")
