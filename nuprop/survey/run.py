"""The fits of a survey."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.errors import ParameterError, PhysicsWarning
from nuprop.icecube import sample
from nuprop.inference import Analysis, Parameter, Profile, fit
from nuprop.inference.fluxtable import FluxTable, tabulated_at
from nuprop.inference.grid import Grid, grid
from nuprop.inference.profile import unbroken
from nuprop.inference.profiled import profiled_from
from nuprop.inference.progress import bar
from nuprop.mediators import ZPrime
from nuprop.neutrinos import Neutrinos, Ordering
from nuprop.relics import Relics
from nuprop.sources import Source
from nuprop.survey.cases import Case, Survey
from nuprop.survey.files import kept, profile_path

State = Literal["cold", "thermal"]

SAMPLES = ("hese-3yr", "hese-7.5yr", "hese-12yr")
#: Evolution and largest redshift of the sources.
EVOLUTIONS = {"SFR": ("yuksel-2008", 5.0), "GRB": ("grb-araki-2016-continuous", 4.5)}
ORDERINGS: tuple[Ordering, ...] = ("normal", "inverted")
LIGHTEST = ("0.08 eV", "0.006 eV", "0 eV")

#: g' and M: up to where scattering off the resonance stays negligible, and where resonances lie
#: within IceCube's energies.
COUPLINGS = (3e-5, 3e-3)
MASSES = ("1 MeV", "30 MeV")
_INDEX = (1.6, 3.8)
#: The coupling that explained the muon's g-2 in arXiv:1508.07471.
REFERENCE_COUPLING = 5e-4


@dataclass(frozen=True)
class _Setting:
    """Points along g' and M, spectra to interpolate between, and the march's resolution."""

    couplings: int
    masses: int
    nodes: int
    resolution: float


_SETTINGS: dict[State, _Setting] = {
    "cold": _Setting(couplings=40, masses=60, nodes=6, resolution=1.0),
    "thermal": _Setting(couplings=20, masses=36, nodes=5, resolution=0.5),
}
#: Nodes and resolution of the check along g' at the best mass.
_FINE = _Setting(couplings=20, masses=1, nodes=8, resolution=1.0)


def survey(
    relics: State = "cold",
    *,
    samples: tuple[str, ...] = SAMPLES,
    evolutions: tuple[str, ...] = tuple(EVOLUTIONS),
    orderings: tuple[Ordering, ...] = ORDERINGS,
    lightest: tuple[str, ...] = LIGHTEST,
    folder: str | Path | None = None,
    progress: bool = True,
) -> Survey:
    """Fit the L_mu - L_tau boson to HESE in many cases.

    Parameters
    ----------
    relics : "cold" or "thermal"
        Relics at rest, exactly, in minutes; or in motion, by a march with cells twice as wide as
        usual, whose error on 2 Delta ln L is measured along g' at the best mass of each case.
    samples, evolutions, orderings, lightest : tuple of str
        Which cases.
    folder : path, optional
        Where the profile of each case is kept when it is done, and found again.
    progress : bool

    Returns
    -------
    Survey

    Raises
    ------
    ParameterError
        If a name is unknown.

    Notes
    -----
    A pure power law without cutoff; at each point its normalization and index, the backgrounds and
    the detector's nuisances are refitted. Fluxes are propagated once for all samples, which share
    their energy cells, and interpolated in the index.
    """
    if relics not in _SETTINGS:
        raise ParameterError(f"relics = {relics!r}: 'cold' or 'thermal'")
    unknown = [name for name in evolutions if name not in EVOLUTIONS]
    if unknown:
        raise ParameterError(f"evolutions = {unknown}: {', '.join(EVOLUTIONS)}")
    models = list(product(evolutions, orderings, lightest))
    cases: list[Case] = []
    profiles: dict[tuple[str, str, str, str], Profile] = {}
    for model in bar(models, f"survey, {relics} relics", progress):
        for name, profile, case in _surveyed(relics, samples, model, folder):
            profiles[(name, *model)] = profile
            cases.append(case)
    order = {name: number for number, name in enumerate(samples)}
    return Survey(tuple(sorted(cases, key=lambda case: order[case.sample])), profiles)


def _analysis(
    name: str, model: tuple[str, Ordering, str], relics: State, setting: _Setting
) -> Analysis:
    evolution, ordering, lightest = model
    law, z_max = EVOLUTIONS[evolution]
    with warnings.catch_warnings():  # users are told that a massless state at rest does not absorb
        warnings.simplefilter("ignore", PhysicsWarning)
        return Analysis(
            sample(name),
            Source(law, z_max=z_max),
            ZPrime.lmu_ltau("10 MeV", REFERENCE_COUPLING),
            Neutrinos(lightest, ordering),
            Relics(thermal=relics == "thermal"),
            parameters=[
                Parameter("source.normalization", (1e-20, 2e-17), start=2e-18),
                Parameter("source.spectrum.index", _INDEX, start=2.6),
                Parameter("mediator.coupling", COUPLINGS, scale="log"),
                Parameter("mediator.mass", MASSES, scale="log"),
            ],
            resolution=setting.resolution,
        )


def _surveyed(
    relics: State,
    samples: tuple[str, ...],
    model: tuple[str, Ordering, str],
    folder: str | Path | None,
) -> Iterator[tuple[str, Profile, Case]]:
    """Propagate one model over the plane once, and compare it with every sample."""
    setting = _SETTINGS[relics]
    axes = {"coupling": setting.couplings, "mass": setting.masses}
    table = None
    for name in samples:
        analysis = _analysis(name, model, relics, setting)
        made = grid(analysis, axes, 0, setting.nodes)
        path = None if folder is None else profile_path(folder, relics, (name, *model))
        profile = None if path is None else kept(path, made)
        if profile is None:
            points = made.rows()
            if table is None:
                table = tabulated_at(made.objective, _rows(made, points), setting.nodes)
            profile = _profile(made, points, table)
            if relics == "cold":
                best, error = _polished(analysis, profile), 0.0
            else:
                best, error = profile.best, _error_along_coupling(name, model, profile)
            profile = replace(profile, about={**profile.about, "best": best, "error": error})
            if path is not None:
                profile.save(path)
        yield name, profile, _case(name, model, relics, profile)


def _rows(made: Grid, points: Any) -> jax.Array:
    """Values of all parameters at points of a grid."""
    objective = made.objective
    rows = jnp.tile(objective.values, (len(points), 1))
    # samples differ in their nuisances, which no flux depends on
    return rows.at[:, jnp.array(made.where)].set(jnp.asarray(points))


def _profile(made: Grid, points: Any, table: FluxTable) -> Profile:
    """Fit all points from tabulated fluxes; the last one is no interaction."""
    found = profiled_from(made.objective, _rows(made, points), table)
    return made.arranged(jax.tree.map(np.asarray, found))


def _polished(analysis: Analysis, profile: Profile) -> dict[str, float]:
    """Move from the best point of a grid to the minimum."""
    for name, value in profile.best.items():
        analysis = analysis._with(analysis.parameter(name)._changed(start=value))
    found = fit(analysis, starts=1, progress=False)
    if found.nll > profile.best_nll:
        return profile.best | {"nll": profile.best_nll}
    return dict(found.values) | {"nll": found.nll}


def _error_along_coupling(name: str, model: tuple[str, Ordering, str], profile: Profile) -> float:
    """Largest change of 2 Delta ln L along g', at the best mass, by a march at full resolution."""
    analysis = _analysis(name, model, "thermal", _FINE)
    column = int(np.argmin(np.abs(profile.axes["mass"] - profile.best["mass"])))
    axes = {"coupling": profile.axes["coupling"], "mass": profile.axes["mass"][[column]]}
    made = grid(analysis, axes, 0, _FINE.nodes)
    points = made.rows()
    table = tabulated_at(made.objective, _rows(made, points), _FINE.nodes)
    fine = _profile(made, points, table)
    assert fine.null_nll is not None
    assert profile.null_nll is not None
    exact = 2.0 * (fine.nll[:, 0] - fine.null_nll)
    coarse = 2.0 * (profile.nll[:, column] - profile.null_nll)
    return float(np.max(np.abs(exact - coarse)))


def _case(
    name: str,
    model: tuple[str, Ordering, str],
    relics: State,
    profile: Profile,
) -> Case:
    best: Mapping[str, float] = profile.about["best"]
    masses = profile.axes["mass"]
    limits = profile.upper_limit(0.9)
    some = bool(np.any(np.isfinite(limits)))
    strongest = int(np.nanargmin(limits)) if some else 0
    bands = [
        f"{1e3 * masses[first]:.1f}-{1e3 * masses[last]:.1f}"
        for first, last in unbroken(limits < REFERENCE_COUPLING)
    ]
    assert profile.null_nll is not None
    return Case(
        name,
        *model,
        relics=relics,
        gain=2.0 * (profile.null_nll - min(best.get("nll", np.inf), profile.best_nll)),
        mass_mev=1e3 * best["mass"],
        coupling=best["coupling"],
        index=best["index"],
        normalization=1e18 * best["normalization"],
        limit=float(limits[strongest]) if some else np.nan,
        limit_mass_mev=1e3 * float(masses[strongest]) if some else np.nan,
        excluded=f"{', '.join(bands)} MeV" if bands else "none",
        error=profile.about["error"],
    )
