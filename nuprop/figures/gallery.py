"""A gallery of mediators: vector and scalar, narrow and broad, on relics at rest and massless."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nuprop.figures.caption import write_caption
from nuprop.panels import (
    PALETTE,
    draw_curve,
    draw_legend,
    draw_resonances,
    e2_flux,
    label_flux_axis,
    panels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nuprop.flux import DiffuseFlux
    from nuprop.mediators import Mediator
    from nuprop.neutrinos import Neutrinos

_SOURCES = r"Sources follow the star formation rate (Yüksel et al. 2008) up to $z = 5$, $E^{-2.3}$."
_NUMBER = 500
#: Parts of a grid of energies [GeV] that is finest at resonances near 100 PeV, and their points.
_AROUND_100_PEV = ((1e2, 3e7, 120), (3e7, 2e8, 260), (2e8, 1e10, 60))
#: Masses of the lightest neutrino, and the couplings of a boson from narrow to broad.
LIGHTEST = ("0.1 eV", "30 meV", "10 meV", "3 meV", "0 eV")
COUPLINGS = (1e-3, 1e-2, 0.1, 0.3, 1.0)


def vector_scalar() -> Figure:
    """Compare the dips of a vector and of a scalar of equal optical depth."""
    import nuprop

    mass, coupling = "11 MeV", 5e-4
    neutrinos = nuprop.Neutrinos(lightest_mass="0.05 eV")
    vector = nuprop.ZPrime.lmu_ltau(mass, coupling)
    g = np.abs(np.asarray(vector.couplings_in_mass_basis(neutrinos)))
    scalar = nuprop.Scalar(mass, symmetric_in_flavor_basis(np.sqrt(2.0) * g, neutrinos))
    # decays to electrons for all practical purposes: what is absorbed does not come back
    lost = nuprop.ZPrime(mass, vector.coupling_matrix, charged_couplings=(0.02, 0.0, 0.0))
    energies = np.geomspace(3e4, 3e6, _NUMBER)
    fluxes = [_propagate(each, neutrinos, energies) for each in (vector, scalar, lost)]
    labels = ["vector", "scalar", "absorption alone"]
    figure, upper, lower = _flux_panels(
        fluxes, labels, (*PALETTE[:2], "black"), widths=(1.6, 1.6, 0.8)
    )
    _set_flux_range(upper, fluxes)
    draw_resonances(upper, fluxes[0], labels=True)
    draw_resonances(lower, fluxes[0], labels=False)
    draw_legend(figure, upper, r"A vector and a scalar of 11 MeV, equal optical depth", 4)
    write_caption(
        figure,
        r"Sum of flavors divided by 3; dashed: no interaction; thin: absorption alone, the same "
        r"for both. $L_\mu - L_\tau$ boson with $g' = "
        r"5\times10^{-4}$; real scalar with $|\lambda_{ij}|^2 = 2|g_{ij}|^2$. Secondaries of the "
        r"vector share the energy as $3x^2 + 3(1-x)^2$, those of the scalar evenly. Majorana "
        r"neutrinos, normal ordering, $m_1 = 0.05$ eV, relics in thermal motion. " + _SOURCES,
    )
    return figure


def narrow_broad() -> Figure:
    """Follow an L_mu - L_tau boson of 100 MeV from g' = 1e-3 to 1."""
    import nuprop

    neutrinos = nuprop.Neutrinos(lightest_mass="0.05 eV")
    energies = np.concatenate(
        [np.geomspace(low, high, n, endpoint=False) for low, high, n in _AROUND_100_PEV]
    )
    fluxes = [
        _propagate(nuprop.ZPrime.lmu_ltau("100 MeV", coupling), neutrinos, energies)
        for coupling in COUPLINGS
    ]
    labels = [rf"$g' = {coupling:g}$" for coupling in COUPLINGS]
    figure, upper, lower = _flux_panels(fluxes, labels, PALETTE)
    _set_flux_range(upper, fluxes, lowest=1e-6)
    draw_resonances(upper, fluxes[0], labels=True)
    draw_resonances(lower, fluxes[0], labels=False)
    draw_legend(figure, upper, r"From a narrow to a broad resonance: $M_{Z'} = 100$ MeV", 3)
    write_caption(
        figure,
        r"Sum of flavors divided by 3; dashed: no interaction. $L_\mu - L_\tau$ boson, $\Gamma/M = "
        r"g'^2/12\pi$, on relics in all channels where they matter. Majorana neutrinos, "
        r"normal ordering, $m_1 = 0.05$ eV, relics in thermal motion. " + _SOURCES,
    )
    return figure


def cold_massless() -> Figure:
    """Follow the resonance of nu_1 on itself from a heavy relic at rest to a massless one."""
    import nuprop

    energies = np.geomspace(3e4, 3e9, _NUMBER)
    fluxes = []
    for lightest in LIGHTEST:
        neutrinos = nuprop.Neutrinos(lightest_mass=lightest)
        mediator = _on_the_first_state("10 MeV", 3e-4, neutrinos)
        fluxes.append(_propagate(mediator, neutrinos, energies))
    heaviest = nuprop.Neutrinos(lightest_mass=LIGHTEST[0])
    mediator = _on_the_first_state("10 MeV", 3e-4, heaviest)
    fluxes.append(_propagate(mediator, heaviest, energies, thermal=False))
    labels = [rf"$m_1$ = {lightest}" for lightest in LIGHTEST] + [f"{LIGHTEST[0]}, at rest"]
    figure, upper, lower = panels(True, size=(6.4, 6.0))
    assert lower is not None
    colors = (*PALETTE[: len(LIGHTEST)], "black")
    largest = 1.0
    for flux, label, color in zip(fluxes, labels, colors, strict=True):
        line: dict[str, Any] = {"color": color, "linewidth": 0.8 if color == "black" else 1.6}
        values, free = (v[:, 0].sum(axis=0) for v in (flux.values, flux.free_values))
        draw_curve(upper, flux, flux.energy_gev**2 * values, label=label, **line)
        draw_curve(lower, flux, values / free, **line)
        largest = max(largest, float(np.max(values / free)))
        for axes in (upper, lower):
            if np.isfinite(flux.resonances_gev[0]):
                axes.axvline(flux.resonances_gev[0], color=color, linewidth=0.8, linestyle=":")
    first = fluxes[0]
    free = first.energy_gev**2 * first.free_values[:, 0].sum(axis=0)
    draw_curve(upper, first, free, color="0.45", linestyle="--", linewidth=0.9)
    upper.set(xscale="log", yscale="log", xlim=(energies[0], energies[-1]))
    lower.set_ylim(0.0, 1.15 * largest)
    label_flux_axis(upper, "all-flavor", per_steradian=True)
    upper.set_ylabel(upper.get_ylabel().replace("sum of flavors", r"$\nu_1$ alone"))
    draw_legend(figure, upper, r"From a relic at rest to a massless one: $\nu_1$ on $\nu_1$", 3)
    write_caption(
        figure,
        r"Flux of $\nu_1$; dashed: no interaction; dotted: $M^2/2m_1$. A vector of 10 MeV with "
        r"$g_{11} = 3\times10^{-4}$ and no other coupling of mass eigenstates. Majorana neutrinos, "
        r"normal ordering, relics in thermal motion at 1.945 K today, unless at rest. " + _SOURCES,
    )
    return figure


#: What draws each figure, by its name.
FIGURES: dict[str, Callable[[], Figure]] = {
    "vector-scalar": vector_scalar,
    "narrow-broad": narrow_broad,
    "cold-massless": cold_massless,
}


def symmetric_in_flavor_basis(matrix: np.ndarray, neutrinos: Neutrinos) -> np.ndarray:
    """Couplings lambda = U* lambda' U^dagger of flavors that are lambda' of mass eigenstates."""
    u = np.asarray(neutrinos.pmns)
    return u.conj() @ matrix @ u.conj().T


def _on_the_first_state(mass: str, coupling: float, neutrinos: Neutrinos) -> Mediator:
    import nuprop

    first = np.asarray(neutrinos.pmns)[:, 0]
    return nuprop.ZPrime(mass, coupling * np.outer(first, first.conj()))


def _propagate(
    mediator: Mediator, neutrinos: Neutrinos, energies: np.ndarray, *, thermal: bool = True
) -> DiffuseFlux:
    import nuprop
    from nuprop.units import quantity

    return nuprop.propagate(
        source=nuprop.Source("yuksel-2008", nuprop.PowerLaw(index=2.3)),
        mediator=mediator,
        neutrinos=neutrinos,
        relics=nuprop.Relics(thermal=thermal),
        energy=quantity(energies, "energy"),
    )


def _flux_panels(
    fluxes: Sequence[DiffuseFlux],
    labels: Sequence[str],
    colors: Sequence[str],
    widths: Sequence[float] | None = None,
) -> tuple[Figure, Axes, Axes]:
    """Draw fluxes over one free flux, and their transmissions below."""
    figure, upper, lower = panels(True, size=(6.4, 6.0))
    assert lower is not None
    widths = [1.6] * len(fluxes) if widths is None else widths
    for flux, label, color, width in zip(fluxes, labels, colors, widths, strict=False):
        line: dict[str, Any] = {"color": color, "linewidth": width}
        draw_curve(upper, flux, e2_flux(flux, "per-flavor"), label=label, **line)
        draw_curve(lower, flux, flux.transmission, **line)
    free = e2_flux(fluxes[0].free, "per-flavor")
    draw_curve(upper, fluxes[0], free, color="0.45", linestyle="--", linewidth=0.9)
    lower.set_ylim(0.0, 1.15 * max(1.0, *(np.max(flux.transmission) for flux in fluxes)))
    label_flux_axis(upper, "per-flavor", per_steradian=True)
    return figure, upper, lower


def _set_flux_range(axes: Axes, fluxes: Sequence[DiffuseFlux], lowest: float = 0.0) -> None:
    """Show the fluxes, down to a share of their largest value."""
    values = [e2_flux(flux, "per-flavor") for flux in fluxes]
    top = max(float(np.max(value)) for value in values)
    bottom = max(min(float(np.min(value)) for value in values), lowest * top)
    ends = fluxes[0].energy_gev[0], fluxes[0].energy_gev[-1]
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=(0.7 * bottom, 2.0 * top))
