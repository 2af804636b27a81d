"""The spectra of single photons at a collider, laboratory and center of mass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nuprop.laboratory.builder import Builder
from nuprop.laboratory.mixing import one_mixing
from nuprop.laboratory.single_photon import Collider, signal_events, smeared_spectrum
from nuprop.laboratory_figures.files import figure_path, mass_in_gev
from nuprop.mediators import ZPrime
from nuprop.plot.bounds import scientific
from nuprop.plot.photon_spectra import PhotonPanel, plot_photon_spectra
from nuprop.precision import require_float64
from nuprop.summary import human_energy
from nuprop.units import required_number

FloatArray = NDArray[np.float64]

_MASSES = ("10 MeV", "100 MeV", "1 GeV", "3 GeV")
_COUPLING, _MIXING = 1e-3, 1e-4
_FEMTOBARNS = 1e3  # in 1 pb
_NUMBER = 500
_FRAMES: tuple[tuple[Literal["lab", "cm"], str], ...] = (
    ("lab", "laboratory"),
    ("cm", "center of mass"),
)


def draw_photons(
    masses: Sequence[Any] = _MASSES,
    *,
    coupling: Any = _COUPLING,
    kinetic_mixing: Any = _MIXING,
    loop_mixing: bool = False,
    collider: str = "belle-ii",
    folder: str | Path = ".",
    suffix: str = "png",
) -> Path:
    """Draw dsigma/dE of the photon, smeared by the calorimeter, of bosons and of W and Z.

    Parameters
    ----------
    masses : sequence of Quantity, str or float, GeV
    coupling, kinetic_mixing : float, g' and epsilon
    loop_mixing : bool
    collider : str
        A name that `Collider.named` knows.
    folder, suffix : where the figure goes, and its format.

    Returns
    -------
    Path

    Raises
    ------
    NupropError
        If a number, a name or the format is impossible.
    """
    require_float64()
    path = figure_path(folder, f"lab-photons-{collider}", suffix)
    machine = Collider.named(collider)
    g = required_number(
        coupling, "dimensionless", "coupling", "a positive number", lambda x: x > 0.0
    )
    epsilon = one_mixing(kinetic_mixing)
    build = Builder(loop_mixing=loop_mixing)
    bosons = [build(mass, g, epsilon) for mass in map(mass_in_gev, masses)]
    labels = [_label(boson, machine) for boson in bosons]
    panels = []
    for frame, words in _FRAMES:
        energy = np.linspace(0.0, _highest(machine, frame), _NUMBER + 1)[1:]
        lines = {
            label: _FEMTOBARNS * np.asarray(smeared_spectrum(energy, machine, boson, frame=frame))
            for label, boson in zip(labels, bosons, strict=True)
        }
        background = _FEMTOBARNS * np.asarray(smeared_spectrum(energy, machine, frame=frame))
        panels.append(PhotonPanel(words, energy, background, lines))
    mixing = rf"$\varepsilon$ = {scientific(epsilon)}" if epsilon else r"$\varepsilon$ = 0"
    cuts = "photons within the cuts, smeared by the calorimeter"
    plot_photon_spectra(
        panels, path,
        title=rf"Collider {collider}: $g'$ = {scientific(g)}, {mixing}"
        f"{', loop mixing' if loop_mixing else ''}; {cuts}",
    )  # fmt: skip
    return path


def _label(boson: ZPrime, machine: Collider) -> str:
    events = float(signal_events(boson, machine))
    return (
        rf"$M_{{Z'}}$ = {human_energy(float(boson.mass), 3)}: {events:.0f} events with "
        f"{machine.luminosity:g} ab$^{{-1}}$"
    )


def _highest(machine: Collider, frame: str) -> float:
    """Largest energy that is shown: a little above what beams can give."""
    end = 0.5 * machine.sqrt_s
    if frame == "lab":
        cosine = float(machine.cosines[1])
        end = end * machine.lorentz * (1.0 + machine.velocity * cosine)
    return 1.08 * float(end)
