"""Published fits: the numbers of the papers, the shapes, and contours that belong to them."""

import math

import astropy.units as u
import numpy as np
import pytest

from nuprop import BrokenPowerLaw, LogParabola, PowerLaw, Source
from nuprop.citation import bibtex
from nuprop.errors import DatasetError, GridError, UnitError
from nuprop.icecube import available_fits, published_fit

POWER_LAWS = {  # flux per flavor at 100 TeV in 1e-18 GeV^-1 cm^-2 s^-1 sr^-1, index
    "hese-3yr": (1.5, 2.3),
    "mese-2yr": (2.06, 2.46),
    "joint-2015": (6.7 / 3, 2.50),  # published for the sum of flavors
    "hese-7.5yr": (6.37 / 3, 2.87),  # likewise
    "cascades-6yr": (1.66, 2.53),
    "numu-9.5yr": (1.44, 2.37),
    "estes-10.3yr": (1.68, 2.58),
    "joint-2023": (1.80, 2.52),
}
ERRORS = {  # index: minus, plus; flux: minus, plus
    "mese-2yr": (0.12, 0.12, 0.3, 0.4),
    "joint-2015": (0.09, 0.09, 1.2 / 3, 1.1 / 3),
    "hese-7.5yr": (0.19, 0.20, 1.62 / 3, 1.46 / 3),
    "numu-9.5yr": (0.09, 0.09, 0.26, 0.25),
    "estes-10.3yr": (0.09, 0.10, 0.22, 0.19),
}
CONTOURS = ("cascades-6yr", "hese-7.5yr", "joint-2015", "joint-2023", "numu-9.5yr")
ENERGIES = np.geomspace(1e3, 1e7, 41)


@pytest.mark.parametrize("name", available_fits())
def test_every_fit_is_well_formed(name):
    fit = published_fit(name)
    assert bibtex([fit.citation]).startswith("@")
    assert "IceCube" in fit.reference
    assert 1e-18 < fit.normalization < 3e-18
    # of every shape
    assert fit.flux(1e5) == pytest.approx(fit.normalization, rel=1e-14, abs=0.0)
    assert np.all(fit.flux(ENERGIES) > 0)
    for item in fit.parameters.values():
        assert (item.err_minus is None) == (item.err_plus is None)
        assert item.err_minus is None or min(item.err_minus, item.err_plus) > 0
    if fit.energy_range is not None:
        low, high = fit.energy_range
        assert 1e3 < low < 1e5 < high < 1e7


@pytest.mark.parametrize(("name", "numbers"), POWER_LAWS.items())
def test_numbers_of_the_power_laws(name, numbers):
    fit = published_fit(name)
    norm, index = numbers
    # 6.37/3 and 6.7/3 are rounded to three digits
    assert fit.normalization == pytest.approx(norm * 1e-18, rel=2e-3, abs=0.0)
    spectrum = fit.spectrum()
    assert isinstance(spectrum, PowerLaw)
    assert float(spectrum.index) == index
    expected = fit.normalization * (ENERGIES / 1e5) ** -index
    np.testing.assert_allclose(fit.flux(ENERGIES), expected, rtol=1e-13)


@pytest.mark.parametrize(("name", "errors"), ERRORS.items())
def test_errors_of_the_power_laws(name, errors):
    fit = published_fit(name)
    index, norm = fit.parameters["index"], fit.parameters["normalization"]
    assert (index.err_minus, index.err_plus) == errors[:2]
    given = np.array([norm.err_minus, norm.err_plus]) / 1e-18
    np.testing.assert_allclose(given, errors[2:], atol=0.005)  # rounded to two decimals


@pytest.mark.parametrize(
    ("name", "low", "high", "log10_break"),
    [("mese-11yr-broken", 1.72, 2.84, 4.52), ("joint-2025-broken", 1.31, 2.735, 4.39)],
)
def test_broken_power_laws_are_normalized_at_100_tev(name, low, high, log10_break):
    """The break is below 100 TeV, so that the flux there is that of the upper branch."""
    fit = published_fit(name)
    assert isinstance(fit.spectrum(), BrokenPowerLaw)
    energy_break = 10**log10_break
    assert fit.parameters["break_energy"].value == pytest.approx(energy_break, rel=2e-5)
    below, above = np.array([1e4, 2e4]), np.array([4e4, 4e6])
    for energies, slope in ((below, low), (above, high)):
        first, last = fit.flux(energies)
        assert math.log(last / first) == pytest.approx(-slope * math.log(energies[1] / energies[0]))
    expected = fit.normalization * (energy_break / 1e5) ** -high
    # rounding of the break
    assert fit.flux(energy_break) == pytest.approx(expected, rel=1e-4, abs=0.0)
    # At the break it is larger than any power-law fit by less than a factor 2.
    assert 1 < fit.flux(energy_break) / published_fit("joint-2023").flux(energy_break) < 2


def test_log_parabola_has_the_published_form():
    fit = published_fit("mese-11yr-curved")
    assert isinstance(fit.spectrum(), LogParabola)
    x = ENERGIES / 1e5
    expected = 2.58e-18 * x ** -(2.669 + 0.359 * np.log10(x))
    np.testing.assert_allclose(fit.flux(ENERGIES), expected, rtol=1e-12)


def test_what_was_not_compared_with_a_paper_says_so():
    doubtful = {name for name in available_fits() if not published_fit(name).verified}
    assert doubtful == {
        "joint-2023",
        "joint-2025-broken",
        "mese-11yr",
        "mese-11yr-broken",
        "mese-11yr-curved",
    }
    assert "compared with the paper text: no" in repr(published_fit("mese-11yr"))
    assert "compared with the paper text: yes" in repr(published_fit("estes-10.3yr"))


@pytest.mark.parametrize("name", available_fits())
def test_contours_belong_to_five_power_laws(name):
    assert (published_fit(name).contour is not None) == (name in CONTOURS)


@pytest.mark.parametrize("name", CONTOURS)
def test_contour_is_closed_and_runs_once_around_the_best_fit(name):
    fit = published_fit(name)
    curve = fit.contour - [fit.parameters["index"].value, fit.normalization]
    assert np.array_equal(curve[0], curve[-1])
    assert len(np.unique(curve[:-1], axis=0)) == len(curve) - 1
    angle = np.unwrap(np.arctan2(curve[:, 1] / 1e-18, curve[:, 0] / 0.2))
    assert angle[-1] - angle[0] == pytest.approx(2 * math.pi)
    # The points are ordered by the angle about their mean; steps back are of reading errors.
    assert np.diff(angle).min() > -0.05
    assert np.diff(angle).max() < math.pi / 2  # no side is missing


@pytest.mark.parametrize("name", sorted(set(CONTOURS) & set(ERRORS)))
def test_contour_of_two_parameters_is_wider_than_the_errors_of_one(name):
    """By sqrt(2.30) for a parabola in two parameters; that it is none explains the 12 %."""
    fit = published_fit(name)
    for column, key in enumerate(("index", "normalization")):
        item, curve = fit.parameters[key], fit.contour[:, column]
        down = (item.value - curve.min()) / item.err_minus
        up = (curve.max() - item.value) / item.err_plus
        assert [down, up] == pytest.approx([math.sqrt(2.30)] * 2, rel=0.12)


def test_flux_takes_energies_with_units():
    fit = published_fit("hese-7.5yr")
    assert fit.flux("1 PeV") == pytest.approx(2.12e-18 * 10**-2.87, rel=1e-13, abs=0.0)
    np.testing.assert_allclose(fit.flux([0.1, 1] * u.PeV), fit.flux([1e5, 1e6]), rtol=1e-14)


@pytest.mark.parametrize("energy", [0.0, -1e5, math.nan, [1e5, -1.0]])
def test_flux_refuses_energies_that_are_none(energy):
    with pytest.raises(GridError, match="energy"):
        published_fit("hese-3yr").flux(energy)


def test_flux_refuses_another_unit():
    with pytest.raises(UnitError, match="energy"):
        published_fit("hese-3yr").flux(3 * u.m)


@pytest.mark.parametrize("name", ["hese-3yr", "mese-11yr-broken", "mese-11yr-curved"])
def test_a_source_takes_spectrum_and_normalization(name):
    fit = published_fit(name)
    source = Source(evolution="flat", spectrum=fit.spectrum(), normalization=fit.normalization)
    assert fit.spectrum().kind == fit.shape
    assert f"{fit.normalization:.3g}" in repr(source)


def test_unknown_name_says_what_is_known():
    with pytest.raises(DatasetError, match=r"'hese-75yr'.*did you mean 'hese-7.5yr'"):
        published_fit("hese-75yr")


def test_repr_has_units_errors_and_source():
    text = repr(published_fit("hese-7.5yr"))
    assert "(2.12 +0.49 -0.54)e-18 GeV^-1 cm^-2 s^-1 sr^-1 per flavor at 100 TeV" in text
    assert "2.87 +0.2 -0.19" in text
    assert "arXiv:2011.03545" in text
    assert "33.11 TeV" in repr(published_fit("mese-11yr-broken"))
    assert "15 to 5000 TeV" in repr(published_fit("numu-9.5yr"))
