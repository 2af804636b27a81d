"""The figures of Araki et al. 2016: parameters as in the captions, normalization as stated."""

import numpy as np
import pytest

from nuprop.errors import ConfigError
from nuprop.figures import RECIPES, _normalized, _pieces, draw
from nuprop.icecube import unfolded


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
