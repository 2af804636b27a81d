"""Figures of Araki et al. 2016, with the parameters of the captions, and a gallery of mediators."""

import numpy as np
import pytest

import nuprop
from nuprop.errors import ConfigError
from nuprop.figures import FILES, draw, gallery
from nuprop.figures.araki import RECIPES, _normalized, _pieces
from nuprop.icecube import unfolded
from nuprop.mediators.conventions import line_areas


def test_parameters_are_those_of_the_captions():
    """Araki et al. 2016, arXiv:1508.07471, captions of Figs. 3 to 6."""
    given = {
        name: (recipe.mass, recipe.coupling, recipe.ordering, recipe.lightest_mass, recipe.cutoff)
        for name, recipe in RECIPES.items()
    }
    assert given == {
        "fig3": ("11 MeV", 5e-4, "normal", "0.08 eV", "10 PeV"),
        "fig4": ("9 MeV", 4e-4, "normal", "6 meV", None),
        "fig5": ("9 MeV", 4e-4, "inverted", "6 meV", None),
        "fig6": ("11 MeV", 5e-4, "normal", "0.08 eV", "10 PeV"),
    }
    assert [curve.index for curve in RECIPES["fig3"].curves] == [2.1, 2.3, 2.5]
    assert [curve.evolution[0] for curve in RECIPES["fig6"].curves] == [
        "sfr-araki-2016",
        "grb-araki-2016-continuous",
    ]


def test_an_inverse_square_flux_is_its_own_piecewise_normalization(fake_flux):
    data = unfolded("hese-3yr")
    flux = fake_flux(400, highest=4e8)
    inverse_square = np.broadcast_to(flux.energy_gev**-2.0, (2, 3, 400))
    flux = fake_flux(400, highest=4e8, values=inverse_square)
    # Six equal parts, divided by three flavors. Trapezoids in ln E with steps of 0.027: the second
    # order term is (0.027)^2 / 12 = 6e-5; linear interpolation at the edges adds (0.027)^2 / 8.
    np.testing.assert_allclose(_pieces(flux, data), 2.0, rtol=3e-4)


def test_least_squares_normalization_is_a_minimum_and_scales_both_fluxes(fake_flux):
    data = unfolded("hese-3yr")
    flux = fake_flux(400)
    best = _normalized(flux, data)
    factor = best.values[0, 0, 0] / flux.values[0, 0, 0]
    np.testing.assert_allclose(best.free_values, factor * flux.free_values, rtol=1e-14)
    use = ~data.is_limit
    error = 0.5 * (data.err_minus + data.err_plus)[use]

    def chi2(scale):
        return np.sum(((scale * _pieces(flux, data) - data.value)[use] / error) ** 2)

    assert chi2(factor) < min(chi2(0.99 * factor), chi2(1.01 * factor))
    np.testing.assert_allclose(_normalized(best, data).values, best.values, rtol=1e-12)


def test_unknown_figure_names_those_there_are():
    with pytest.raises(ConfigError, match=r"figure 'fig2'.*did you mean"):
        draw(["fig2"])


@pytest.fixture
def propagated(monkeypatch, fake_flux):
    """Replace the transport; gives the arguments it was called with."""
    calls = []

    def propagate(**arguments):
        calls.append(arguments)
        return fake_flux(len(arguments["energy"]), lowest=1e2, highest=1e10)

    monkeypatch.setattr(nuprop, "propagate", propagate, raising=False)
    return calls


def test_files_are_called_as_ever():
    names = [f"{prefix}-{name}" for name, prefix in FILES.items()]
    assert names[:4] == [f"araki-2016-fig{n}" for n in (3, 4, 5, 6)]
    assert names[4:] == ["gallery-vector-scalar", "gallery-narrow-broad", "gallery-cold-massless"]


@pytest.mark.parametrize("name", gallery.FIGURES)
def test_a_gallery_figure_says_what_it_shows(name, propagated):
    figure = gallery.FIGURES[name]()
    upper, lower = figure.axes
    assert upper.get_ylabel().startswith("$E^2\\Phi$")
    assert "GeV" in upper.get_ylabel()
    assert lower.get_xlabel() == "neutrino energy at Earth $E$ [GeV]"
    [legend] = figure.legends
    curves = [line for line in upper.get_lines() if not line.get_label().startswith("_")]
    assert [text.get_text() for text in legend.get_texts()] == [c.get_label() for c in curves]
    assert len(curves) == len(propagated)
    caption = figure.get_supxlabel().replace("\n", " ")
    for part in ("no interaction", "Majorana", "relics in thermal motion", "E^{-2.3}"):
        assert part in caption


def test_a_gallery_figure_is_drawn_where_asked(propagated, tmp_path):
    [path] = draw(["cold-massless"], tmp_path / "figures")
    assert path == tmp_path / "figures" / "gallery-cold-massless.png"
    assert path.stat().st_size > 20_000


def test_vector_and_scalar_have_equal_optical_depths(propagated):
    gallery.vector_scalar()
    areas = [line_areas(call["mediator"], call["neutrinos"]) for call in propagated]
    # the matrix of the scalar is turned from mass eigenstates to flavors and back
    np.testing.assert_allclose(areas[1], areas[0], rtol=1e-12)
    np.testing.assert_allclose(areas[2], areas[0], rtol=1e-12)
    [vector, scalar, lost] = [call["mediator"] for call in propagated]
    assert (type(vector), type(scalar)) == (nuprop.ZPrime, nuprop.Scalar)
    assert float(lost.active_branching()) < 1e-3


def test_couplings_grow_and_masses_fall(propagated):
    gallery.narrow_broad()
    assert [call["mediator"].coupling for call in propagated] == [1e-3, 1e-2, 0.1, 0.3, 1.0]
    assert np.all(np.diff(propagated[0]["energy"].value) > 0.0)
    propagated.clear()
    gallery.cold_massless()
    lightest = [1e9 * call["neutrinos"].lightest_mass for call in propagated]
    np.testing.assert_allclose(lightest, [0.1, 0.03, 0.01, 0.003, 0.0, 0.1], rtol=1e-12)
    assert [call["relics"].thermal for call in propagated] == [True] * 5 + [False]
    for call in propagated:
        couplings = np.abs(call["mediator"].couplings_in_mass_basis(call["neutrinos"]))
        # only nu_1, to rounding of a product of three matrices
        np.testing.assert_allclose(couplings, 3e-4 * np.diag([1, 0, 0]), atol=1e-18)
