"""IceCube's published points: units, scopes, limits, and the numbers of the papers' abstracts."""

import numpy as np
import pytest

from nuprop.citation import bibtex
from nuprop.errors import ConfigError, DatasetError
from nuprop.icecube import unfolded
from nuprop.icecube.points import available

PER_FLAVOR_FITS = {  # E^2 Phi at 100 TeV and index of the same sample's power-law fit
    "hese-3yr": (1.5e-8, 2.3),  # IceCube 2014, arXiv:1405.5303
    "hese-7.5yr": (2.12e-8, 2.87),  # IceCube 2021, arXiv:2011.03545
    "cascades-6yr": (1.66e-8, 2.53),  # IceCube 2020, arXiv:2001.09520
    "numu-9.5yr": (1.44e-8, 2.37),  # IceCube 2022, arXiv:2111.10299
}


@pytest.mark.parametrize("name", available())
def test_every_table_is_well_formed(name):
    spectrum = unfolded(name)
    assert np.all(spectrum.e_lo > 0)
    assert np.all(spectrum.e_hi > spectrum.e_lo)
    # Edges are rounded to at most 1 part in 200, so neighbors may overlap by that much.
    assert np.all(spectrum.e_lo[1:] > spectrum.e_hi[:-1] * 0.995)
    assert np.all(spectrum.value > 0)
    points = ~spectrum.is_limit
    assert np.all(spectrum.err_plus[points] > 0)
    assert np.all(spectrum.err_minus[points] <= spectrum.value[points])
    assert np.all(spectrum.err_plus[spectrum.is_limit] == 0)
    assert spectrum.limit_level in (0.68, 0.90, None)
    assert spectrum.title
    assert spectrum.reference
    assert spectrum.note
    assert bibtex([spectrum.citation]).startswith("@")


@pytest.mark.parametrize(("name", "fit"), PER_FLAVOR_FITS.items())
def test_points_agree_with_the_power_law_fitted_to_the_same_sample(name, fit):
    """The published fit lies within the errors; three times as much or as little does not."""
    spectrum = unfolded(name)
    norm, index = fit
    measured = ~spectrum.is_limit & (spectrum.err_minus < 0.99 * spectrum.value)

    def mean_square_pull(factor):
        model = factor * norm * (spectrum.center / 1e5) ** (2 - index)
        error = np.where(model > spectrum.value, spectrum.err_plus, spectrum.err_minus)
        return np.mean((model - spectrum.value)[measured] ** 2 / error[measured] ** 2)

    # Up to eight correlated points: a mean above 2 would be improbable.
    assert mean_square_pull(1.0) < 2.0
    assert mean_square_pull(1.0) < 0.5 * min(mean_square_pull(3.0), mean_square_pull(1.0 / 3.0))


def test_three_year_gap_is_a_limit_between_391_and_823_tev():
    spectrum = unfolded("hese-3yr")
    gap = (spectrum.e_lo < 500e3) & (spectrum.e_hi > 500e3)
    assert spectrum.is_limit[gap].all()
    assert spectrum.e_lo[gap] == pytest.approx(391e3, rel=1e-3)  # four printed digits
    assert spectrum.e_hi[gap] == pytest.approx(823e3, rel=1e-3)
    assert spectrum.value[gap] == pytest.approx(3.37e-9, rel=2e-3)


def test_scaling_between_scopes_is_three_and_reversible():
    limit = unfolded("ehe-2025")
    assert limit.scope == "all-flavor"
    single = limit.scaled_to("per-flavor")
    np.testing.assert_allclose(single.value * 3, limit.value, rtol=1e-15)
    np.testing.assert_allclose(single.scaled_to("all-flavor").value, limit.value, rtol=1e-15)
    assert limit.scaled_to("all-flavor").value.tolist() == limit.value.tolist()


def test_highest_energy_limit_is_the_published_one_at_1_eev():
    """IceCube 2025, arXiv:2502.01963: E^2 Phi of all flavors at 1 EeV is about 1e-8."""
    limit = unfolded("ehe-2025")
    at_1_eev = limit.value[np.argmin(np.abs(np.log(limit.center / 1e9)))]
    assert at_1_eev == pytest.approx(1e-8, rel=0.3)  # "about"


def test_unknown_name_and_unknown_scope_say_what_is_known():
    with pytest.raises(DatasetError, match=r"'hese-3'.*did you mean 'hese-3yr'"):
        unfolded("hese-3")
    with pytest.raises(ConfigError, match=r"'both'.*per-flavor, all-flavor"):
        unfolded("hese-3yr").scaled_to("both")
