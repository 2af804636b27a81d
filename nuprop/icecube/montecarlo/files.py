"""The files of IceCube's HESE data release: found, checked against their sums, and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuprop.errors import DatasetError, nearest

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DATA_FILE = "HESE_data.json"
MONTE_CARLO_FILES = ("HESE_mc_truth.json", "HESE_mc_observable.json", "HESE_mc_flux.json")
#: MD5 sums of the files as released.
CHECKSUMS: Mapping[str, str] = {
    "HESE_data.json": "250f7d2aa48f941c882c0977894882ac",
    "HESE_mc_truth.json": "37e34086d876c32b6cf31bb8fb4706bf",
    "HESE_mc_observable.json": "1a064b205024cc5019c60ead485ef427",
    "HESE_mc_flux.json": "0e07772c04b9167fef5dbfb6fa8e8c45",
}
_WHERE = (
    "download the release from https://github.com/icecube/HESE-7-year-data-release (with Git LFS) "
    "or https://doi.org/10.21234/4EQJ-BB17, and give the folder that holds its JSON files"
)
_SUBFOLDERS = (
    ".",
    "data",
    "resources/data",
    "HESE-7-year-data-release/resources/data",
)
_LFS = b"version https://git-lfs"
#: Angles are stored with single precision, in which pi is rounded up.
_PI = float(np.float32(np.pi)) * (1.0 + 1e-7)


@dataclass(frozen=True, eq=False)
class Observables:
    """What is reconstructed of events, measured or simulated; arrays of shape (n_events,).

    Attributes
    ----------
    deposited_energy : ndarray, GeV
    morphology : ndarray of int
        0 cascade, 1 track, 2 double cascade.
    zenith : ndarray, rad
    length : ndarray, m
        Distance of the two cascades; NaN where there are not two.
    """

    deposited_energy: FloatArray
    morphology: IntArray
    zenith: FloatArray
    length: FloatArray

    def select(self, kept: NDArray[Any]) -> Observables:
        """Keep events by a mask, or in the order of their numbers."""
        return Observables(**{name: values[kept] for name, values in vars(self).items()})


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """Simulated events of the HESE selection; arrays of shape (n_events,).

    Attributes
    ----------
    observables : Observables
    primary : ndarray of int
        PDG code: 12, 14, 16 neutrinos, -12, -14, -16 antineutrinos, 13 and -13 muons.
    energy : ndarray, GeV
        True energy of the primary.
    interaction : ndarray of int
        1 charged current, 2 neutral current, 3 Glashow resonance, 0 muon.
    weight : ndarray, GeV cm^2 sr
        Rate of a neutrino event over the flux of its own species; 0 for muons.
    muon_rate : ndarray, 1/s
        Rate of a muon event; 0 for neutrinos.
    pion_flux, kaon_flux, prompt_flux : ndarray, GeV^-1 cm^-2 s^-1 sr^-1
        Atmospheric fluxes of this species at this energy and direction.
    conventional_veto, prompt_veto : ndarray
        Share of conventional and prompt neutrinos that no muon of the same shower vetoes.
    """

    observables: Observables
    primary: IntArray
    energy: FloatArray
    interaction: IntArray
    weight: FloatArray
    muon_rate: FloatArray
    pion_flux: FloatArray
    kaon_flux: FloatArray
    prompt_flux: FloatArray
    conventional_veto: FloatArray
    prompt_veto: FloatArray

    @property
    def is_neutrino(self) -> NDArray[np.bool_]:
        """True for neutrinos and antineutrinos, False for muons."""
        return np.abs(self.primary) != 13

    def select(self, kept: NDArray[Any]) -> MonteCarlo:
        """Keep events by a mask, or in the order of their numbers."""
        others: dict[str, Any] = vars(self) | {"observables": None}
        arrays = {name: values[kept] for name, values in others.items() if values is not None}
        return MonteCarlo(observables=self.observables.select(kept), **arrays)


class _Column(NamedTuple):
    field: str
    allowed: str
    holds: Callable[[FloatArray], NDArray[np.bool_]]


def _one_of(*values: int) -> tuple[str, Callable[[FloatArray], NDArray[np.bool_]]]:
    return f"one of {', '.join(map(str, values))}", lambda x: np.isin(x, values)


_POSITIVE = ("finite and > 0", lambda x: np.isfinite(x) & (x > 0.0))
_NOT_NEGATIVE = ("finite and >= 0", lambda x: np.isfinite(x) & (x >= 0.0))

_OBSERVABLES = {
    "recoDepositedEnergy": _Column("deposited_energy", *_POSITIVE),
    "recoMorphology": _Column("morphology", *_one_of(0, 1, 2)),
    "recoZenith": _Column("zenith", "from 0 to pi", lambda x: (x >= 0.0) & (x <= _PI)),
    "recoLength": _Column("length", ">= 0, or NaN", lambda x: ~(x < 0.0) & (x != np.inf)),
}
_SIMULATED = {
    "primaryType": _Column("primary", *_one_of(12, 14, 16, -12, -14, -16, 13, -13)),
    "primaryEnergy": _Column("energy", *_POSITIVE),
    "interactionType": _Column("interaction", *_one_of(0, 1, 2, 3)),
    "weightOverFluxOverLivetime": _Column("weight", *_NOT_NEGATIVE),
    "muonWeightOverLivetime": _Column("muon_rate", *_NOT_NEGATIVE),
    "pionFlux": _Column("pion_flux", *_NOT_NEGATIVE),
    "kaonFlux": _Column("kaon_flux", *_NOT_NEGATIVE),
    "promptFlux": _Column("prompt_flux", *_NOT_NEGATIVE),
    "conventionalSelfVetoCorrection": _Column("conventional_veto", *_NOT_NEGATIVE),
    "promptSelfVetoCorrection": _Column("prompt_veto", *_NOT_NEGATIVE),
}
_INTEGERS = ("morphology", "primary", "interaction")


def read_monte_carlo(
    folder: str | Path, *, checksums: Mapping[str, str] | None = CHECKSUMS
) -> MonteCarlo:
    """Read the simulated events of the release.

    Parameters
    ----------
    folder : path
        Holds HESE_mc_truth.json, HESE_mc_observable.json and HESE_mc_flux.json, itself or in
        ``resources/data`` as the release does.
    checksums : mapping from file name to MD5 sum, or None
        What the files must be. A file that is not named is not checked; None checks nothing.

    Returns
    -------
    MonteCarlo

    Raises
    ------
    DatasetError
        If a file is missing, is not the one expected, or holds a column that is missing, too
        short, or out of its range.

    Notes
    -----
    Written against the description of the columns in the release; it was tested on files of that
    format that were made up, and not run on the released ones.

    References
    ----------
    IceCube 2021, arXiv:2011.03545; data release doi:10.21234/4EQJ-BB17.
    """
    values = _columns(folder, MONTE_CARLO_FILES, _OBSERVABLES | _SIMULATED, checksums)
    seen = {column.field: values.pop(column.field) for column in _OBSERVABLES.values()}
    return MonteCarlo(observables=Observables(**seen), **values)


def read_events(
    folder: str | Path, *, checksums: Mapping[str, str] | None = CHECKSUMS
) -> Observables:
    """Read the observed events, HESE_data.json; arguments and errors as `read_monte_carlo`."""
    return Observables(**_columns(folder, (DATA_FILE,), _OBSERVABLES, checksums))


def release_folder(folder: str | Path) -> Path:
    """Find the folder of the JSON files in a copy of the release.

    Raises
    ------
    DatasetError
        If it is not there; the message says where to get the release.
    """
    root = Path(folder).expanduser()
    for subfolder in _SUBFOLDERS:
        found = root / subfolder
        if any((found / name).is_file() for name in (DATA_FILE, *MONTE_CARLO_FILES)):
            return found
    raise DatasetError(
        f"folder = {str(folder)!r}: neither {DATA_FILE} nor the Monte Carlo is there; {_WHERE}"
    )


def _columns(
    folder: str | Path,
    names: tuple[str, ...],
    wanted: Mapping[str, _Column],
    checksums: Mapping[str, str] | None,
) -> dict[str, Any]:
    known = (DATA_FILE, *MONTE_CARLO_FILES)
    for name in checksums or {}:
        if name not in known:
            raise DatasetError(f"checksums: there is no file {name!r}; {nearest(name, known)}")
    place = release_folder(folder)
    arrays: dict[str, Any] = {}
    lengths: dict[int, str] = {}
    for name in names:
        _require_file(place / name, (checksums or {}).get(name))
        for key, values in _parsed(place / name).items():
            if not isinstance(values, list):
                raise DatasetError(f"{name}: {key!r} is {values!r:.40}, not a list")
            lengths.setdefault(len(values), f"{name}, {key!r}")
            if len(lengths) > 1:
                (one, first), (other, second) = lengths.items()
                raise DatasetError(
                    f"{first} has {one} entries but {second} has {other}: all columns must be "
                    "equally long; are the files of the same release?"
                )
            if key in wanted:
                arrays[wanted[key].field] = _checked(values, f"{name}, {key!r}", wanted[key])
    for key, column in wanted.items():
        if column.field not in arrays:
            raise DatasetError(f"{', '.join(names)}: no column {key!r}; {_WHERE}")
    if 0 in lengths:
        raise DatasetError(f"{lengths[0]} is empty: there are no events")
    return arrays


def _require_file(path: Path, expected: str | None) -> None:
    if not path.is_file():
        raise DatasetError(f"{path.name} is missing in {path.parent}; {_WHERE}")
    with path.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            raise DatasetError(
                f"{path.name} in {path.parent} only points to the file: run `git lfs pull` there"
            )
        if expected is None:
            return
        file.seek(0)
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != expected:
        raise DatasetError(
            f"{path.name} in {path.parent} has the MD5 sum {found}, not {expected}: download it "
            "again; or, if it is meant to be another version, give checksums=None, or a mapping "
            "from file names to the sums that you expect"
        )


def _parsed(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise DatasetError(
            f"{path.name} in {path.parent} is not JSON ({error}); {_WHERE}"
        ) from error
    if not isinstance(content, dict):
        raise DatasetError(
            f"{path.name} holds a {type(content).__name__}: a dictionary of columns is needed"
        )
    return content


def _checked(values: list[Any], what: str, column: _Column) -> Any:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{what} holds something that is not a number ({error})") from error
    if array.ndim != 1:
        raise DatasetError(f"{what} has the shape {array.shape}: a plain list is needed")
    bad = ~column.holds(array)
    if np.any(bad):
        row = int(np.argmax(bad))
        raise DatasetError(f"{what}, row {row} is {array[row]:g}: it must be {column.allowed}")
    return array.astype(np.int64) if column.field in _INTEGERS else array
