"""Figures 3 to 6 of Araki et al. 2016 (arXiv:1508.07471), computed anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nuprop.figures.caption import write_caption
from nuprop.icecube.points import UnfoldedSpectrum, unfolded
from nuprop.panels import (
    PALETTE,
    draw_curve,
    draw_legend,
    draw_points,
    draw_resonances,
    e2_flux,
    label_flux_axis,
    panels,
    set_ranges,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nuprop.flux import DiffuseFlux

_LOWEST, _HIGHEST, _NUMBER = 1e4, 2e7, 400  # GeV
_SFR = ("sfr-araki-2016", 4.0)
_GRB = ("grb-araki-2016-continuous", 4.5)
_NORMALIZATION = (
    "Each curve is normalized by least squares to the measured points, not to the limits."
)


@dataclass(frozen=True)
class Curve:
    """One spectrum: its label, the sources' law and largest redshift, and the spectral index."""

    label: str
    evolution: tuple[str, float]
    index: float


@dataclass(frozen=True)
class Recipe:
    """The parameters of one figure.

    Masses are strings with units, `cutoff` is None for no cutoff; `at_rest` adds the transmission
    of the last curve for relics at rest.
    """

    title: str
    mass: str
    coupling: float
    ordering: str
    lightest_mass: str
    cutoff: str | None
    curves: tuple[Curve, ...]
    caption: str
    at_rest: bool = False


def _indices(*values: float) -> tuple[Curve, ...]:
    return tuple(Curve(rf"$s_\nu = {value}$", _SFR, value) for value in values)


RECIPES = {
    "fig3": Recipe(
        title=r"Fig. 3: $M_{Z'} = 11$ MeV, $g' = 5\times10^{-4}$, normal ordering, $m_1 = 0.08$ eV",
        mass="11 MeV",
        coupling=5e-4,
        ordering="normal",
        lightest_mass="0.08 eV",
        cutoff="10 PeV",
        curves=_indices(2.1, 2.3, 2.5),
        caption="Sources follow the star formation rate up to z = 4, cutoff at 10 PeV. "
        "The spectral indices are our choice.",
    ),
    "fig4": Recipe(
        title=r"Fig. 4: $M_{Z'} = 9$ MeV, $g' = 4\times10^{-4}$, normal ordering, $m_1 = 6$ meV",
        mass="9 MeV",
        coupling=4e-4,
        ordering="normal",
        lightest_mass="6 meV",
        cutoff=None,
        curves=_indices(2.1, 2.3),
        caption="Sources follow the star formation rate up to z = 4, no cutoff. "
        r"Thin black line: $s_\nu = 2.3$, relic neutrinos at rest.",
        at_rest=True,
    ),
    "fig5": Recipe(
        title=r"Fig. 5: $M_{Z'} = 9$ MeV, $g' = 4\times10^{-4}$, inverted ordering, $m_3 = 6$ meV",
        mass="9 MeV",
        coupling=4e-4,
        ordering="inverted",
        lightest_mass="6 meV",
        cutoff=None,
        curves=_indices(2.1, 2.3),
        caption="Sources follow the star formation rate up to z = 4, no cutoff. "
        r"Thin black line: $s_\nu = 2.3$, relic neutrinos at rest.",
        at_rest=True,
    ),
    "fig6": Recipe(
        title=r"Fig. 6: $M_{Z'} = 11$ MeV, $g' = 5\times10^{-4}$, normal ordering, $m_1 = 0.08$ eV",
        mass="11 MeV",
        coupling=5e-4,
        ordering="normal",
        lightest_mass="0.08 eV",
        cutoff="10 PeV",
        curves=(
            Curve("star formation rate, z < 4", _SFR, 2.3),
            Curve("gamma-ray bursts, z < 4.5", _GRB, 2.3),
        ),
        caption=r"Spectral index $s_\nu = 2.3$, cutoff at 10 PeV. "
        "The gamma-ray burst rate of Eq. (16) is taken continuous at z = 1.",
    ),
}


def draw_figure(recipe: Recipe) -> Figure:
    """Compute the spectra of one figure and draw them."""
    data = unfolded("hese-3yr")
    fluxes = [_normalized(_propagate(recipe, curve), data) for curve in recipe.curves]
    figure, upper, lower = panels(True, size=(6.4, 6.0))
    assert lower is not None
    for flux, curve, color in zip(fluxes, recipe.curves, PALETTE, strict=False):
        draw_curve(upper, flux, e2_flux(flux, "per-flavor"), color=color, label=curve.label)
        draw_curve(
            upper,
            flux,
            e2_flux(flux.free, "per-flavor"),
            color=color,
            linestyle="--",
            linewidth=0.9,
        )
        draw_curve(lower, flux, flux.transmission, color=color)
    if recipe.at_rest:
        cold = _propagate(recipe, recipe.curves[-1], thermal=False)
        draw_curve(lower, cold, cold.transmission, color="black", linewidth=0.8)
    draw_points(upper, data)
    set_ranges(upper, fluxes, "per-flavor", [data])
    lower.set_ylim(0.0, 1.3)
    draw_resonances(upper, fluxes[0], labels=True)
    draw_resonances(lower, fluxes[0], labels=False)
    label_flux_axis(upper, "per-flavor", per_steradian=True)
    short = all(curve.evolution == _SFR for curve in recipe.curves)
    columns = len(recipe.curves) + 1 if short else 2
    draw_legend(figure, upper, f"Araki et al. 2016, {recipe.title}", columns)
    caption = (
        f"Sum of flavors divided by 3; dashed: no interaction. {recipe.caption} {_NORMALIZATION}"
    )
    write_caption(figure, caption)
    return figure


def _propagate(recipe: Recipe, curve: Curve, *, thermal: bool = True) -> DiffuseFlux:
    import nuprop
    from nuprop.units import quantity

    evolution, z_max = curve.evolution
    cutoff: dict[str, Any] = {} if recipe.cutoff is None else {"cutoff": recipe.cutoff}
    return nuprop.propagate(
        source=nuprop.Source(
            evolution=evolution,
            z_max=z_max,
            flavor=(1, 2, 0),
            spectrum=nuprop.PowerLaw(index=curve.index, **cutoff),
        ),
        mediator=nuprop.ZPrime.lmu_ltau(mass=recipe.mass, coupling=recipe.coupling),
        neutrinos=nuprop.Neutrinos(
            lightest_mass=recipe.lightest_mass,
            ordering=recipe.ordering,  # type: ignore[arg-type]
            oscillations="nufit-6.0",
        ),
        relics=nuprop.Relics(nature="majorana", thermal=thermal),
        energy=quantity(np.geomspace(_LOWEST, _HIGHEST, _NUMBER), "energy"),
    )


def _normalized(flux: DiffuseFlux, data: UnfoldedSpectrum) -> DiffuseFlux:
    """Scale a flux to the measured points by weighted least squares, mean errors as weights."""
    use = ~data.is_limit & (data.e_lo >= flux.energy_gev[0]) & (data.e_hi <= flux.energy_gev[-1])
    model = _pieces(flux, data)[use]
    weight = (0.5 * (data.err_minus + data.err_plus)[use]) ** -2.0
    factor = np.sum(weight * model * data.value[use]) / np.sum(weight * model**2)
    return replace(flux, values=factor * flux.values, free_values=factor * flux.free_values)


def _pieces(flux: DiffuseFlux, data: UnfoldedSpectrum) -> np.ndarray:
    """Normalize an E^-2 piece that holds as many neutrinos as the flux, for each bin."""
    log_energy = np.log(flux.energy_gev)
    integrand = flux.all_flavors / 3.0 * flux.energy_gev
    steps = 0.5 * (integrand[1:] + integrand[:-1]) * np.diff(log_energy)
    below = np.concatenate([[0.0], np.cumsum(steps)])
    number = np.diff(np.interp(np.log([data.e_lo, data.e_hi]), log_energy, below), axis=0)[0]
    return number / (1.0 / data.e_lo - 1.0 / data.e_hi)
