"""What IceCube says of the L_mu - L_tau boson: best fits and limits for many cases, by one command.

HESE of 3, 7.5 and 12 years; sources that follow star formation or gamma-ray bursts; both mass
orderings; three masses of the lightest neutrino.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

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

if TYPE_CHECKING:
    from astropy.table import Table

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
    "thermal": _Setting(couplings=25, masses=36, nodes=5, resolution=0.5),
}
#: Nodes and resolution of the check along g' at the best mass.
_FINE = _Setting(couplings=25, masses=1, nodes=8, resolution=1.0)


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes
    ----------
    sample, evolution, ordering, lightest_mass, relics : str
    gain : float
        Fall of -2 ln L from no interaction to the best point.
    mass_mev, coupling, index, normalization : float
        The best point; the normalization in 1e-18 / (GeV cm2 s sr) per flavor at 100 TeV.
    limit : float
        Smallest coupling excluded at 90 % anywhere, at `limit_mass_mev`, by a raster with one
        degree of freedom; NaN if nothing is excluded.
    limit_mass_mev : float
    excluded : str
        Masses for which g' = 5e-4, and any larger coupling, is excluded at 90 %, in MeV.
    error : float
        Largest error of 2 Delta ln L by the coarser march of a map, found along g' at the best
        mass; 0 for relics at rest.
    """

    sample: str
    evolution: str
    ordering: str
    lightest_mass: str
    relics: str
    gain: float
    mass_mev: float
    coupling: float
    index: float
    normalization: float
    limit: float
    limit_mass_mev: float
    excluded: str
    error: float


@dataclass(frozen=True, eq=False)
class Survey:
    """All cases and their profiles over (g', M).

    Attributes
    ----------
    cases : tuple of Case
    profiles : mapping from (sample, evolution, ordering, lightest_mass) to Profile
    """

    cases: tuple[Case, ...]
    profiles: Mapping[tuple[str, str, str, str], Profile]

    def table(self) -> Table:
        """Give the cases as an astropy table."""
        from astropy.table import Table

        names = [item.name for item in fields(Case)]
        return Table(
            rows=[[asdict(case)[name] for name in names] for case in self.cases], names=names
        )

    def markdown(self) -> str:
        """Write the cases as a table in Markdown."""
        head = (
            "| data | sources | ordering | m_lightest | gain | M [MeV] | g' | index | "
            "g' excluded above (at M) | M excluded for g' = 5e-4 |"
        )
        lines = [head, "|" + "---|" * 10]
        for case in self.cases:
            limit = "none"
            if np.isfinite(case.limit):
                limit = f"{case.limit:.1e} ({case.limit_mass_mev:.1f} MeV)"
            lines.append(
                f"| {case.sample} | {case.evolution} | {case.ordering} | {case.lightest_mass} | "
                f"{case.gain:.1f} | {case.mass_mev:.1f} | {case.coupling:.1e} | {case.index:.2f} | "
                f"{limit} | {case.excluded} |"
            )
        return "\n".join(lines)


def survey(
    relics: State = "cold",
    *,
    samples: tuple[str, ...] = SAMPLES,
    evolutions: tuple[str, ...] = tuple(EVOLUTIONS),
    orderings: tuple[Ordering, ...] = ORDERINGS,
    lightest: tuple[str, ...] = LIGHTEST,
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
        for name, profile, case in _surveyed(relics, samples, model):
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
    relics: State, samples: tuple[str, ...], model: tuple[str, Ordering, str]
) -> Iterator[tuple[str, Profile, Case]]:
    """Propagate one model over the plane once, and compare it with every sample."""
    setting = _SETTINGS[relics]
    axes = {"coupling": setting.couplings, "mass": setting.masses}
    table = None
    for name in samples:
        analysis = _analysis(name, model, relics, setting)
        made = grid(analysis, axes, 0, setting.nodes)
        points = made.rows()
        if table is None:
            table = tabulated_at(made.objective, _rows(made, points), setting.nodes)
        profile = _profile(made, points, table)
        if relics == "cold":
            best, error = _polished(analysis, profile), 0.0
        else:
            best, error = profile.best, _error_along_coupling(name, model, profile)
        yield name, profile, _case(name, model, relics, profile, best, error)


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
    best: Mapping[str, float],
    error: float,
) -> Case:
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
        error=error,
    )


def save(result: Survey, folder: str | Path) -> list[Path]:
    """Write the table as ECSV and Markdown, the figure, and every profile as .npz."""
    from nuprop.plot import plot_exclusions

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = result.cases[0].relics
    written = [folder / f"survey-{state}.{suffix}" for suffix in ("ecsv", "md", "png")]
    result.table().write(written[0], format="ascii.ecsv", overwrite=True)
    written[1].write_text(result.markdown() + "\n", encoding="utf-8")
    panels: dict[tuple[str, str], dict[tuple[str, str], Profile]] = {}
    for (name, evolution, ordering, lightest), profile in result.profiles.items():
        panel = panels.setdefault((evolution, f"lightest {lightest}"), {})
        panel[name, f"{ordering} ordering"] = profile
    motion = "Relics at rest." if state == "cold" else "Relics in thermal motion."
    plot_exclusions(panels, written[2], note=motion)
    for key, profile in result.profiles.items():
        stem = "-".join(part.replace(" ", "") for part in key)
        written.append(profile.save(folder / f"survey-{state}" / f"{stem}.npz"))
    return written
