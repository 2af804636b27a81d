"""IceCube's starting events: the totals of the papers, and tables that repeat each other."""

import math

import astropy.units as u
import numpy as np
import pytest

from nuprop.citation import bibtex
from nuprop.errors import DatasetError, GridError, ParameterError, UnitError
from nuprop.icecube import available_events
from nuprop.icecube.events import TOPOLOGIES, events

TOTALS = {  # number of events, and by topology: abstracts and event tables of the papers
    "hese-3yr": (37, {"cascade": 28, "track": 8, "coincident": 1}),  # arXiv:1405.5303
    "hese-4yr": (54, {"cascade": 39, "track": 14, "coincident": 1}),  # arXiv:1510.05223
    "hese-6yr": (82, {"cascade": 58, "track": 22, "coincident": 2}),  # arXiv:1710.01191
    "hese-7.5yr": (102, {"cascade": 71, "track": 27, "double": 4}),  # arXiv:2011.03545
    "hese-12yr": (164, {"cascade": 109, "track": 55}),  # doi:10.7910/DVN/PZNO2T
}
ABOVE_60_TEV = {
    "hese-3yr": (20, {"cascade": 16, "track": 4}),
    "hese-7.5yr": (60, {"cascade": 41, "track": 17, "double": 2}),
    "hese-12yr": (92, {"cascade": 63, "track": 29}),
}
ARRAYS = (
    "number topology energy err_minus err_plus zenith right_ascension resolution length mjd"
).split()


def test_every_table_has_its_total_here():
    assert set(available_events()) == set(TOTALS)


@pytest.mark.parametrize(("name", "total"), TOTALS.items())
def test_totals_of_the_papers(name, total):
    table = events(name)
    assert (len(table), table.counts) == total
    assert table.number.tolist() == list(range(1, total[0] + 1))


@pytest.mark.parametrize(("name", "total"), ABOVE_60_TEV.items())
@pytest.mark.parametrize("threshold", [6e4, "60 TeV", 0.06 * u.PeV])
def test_totals_above_60_tev(name, total, threshold):
    table = events(name).above(threshold)
    assert (len(table), table.counts) == total
    assert table.energy.min() >= 6e4


@pytest.mark.parametrize("name", TOTALS)
def test_every_table_is_well_formed(name):
    table = events(name)
    for array in ARRAYS:
        assert getattr(table, array).shape == (len(table),)
    assert set(table.topology) <= set(TOPOLOGIES)
    coincident = table.topology == "coincident"
    assert np.array_equal(np.isnan(table.energy), coincident)
    assert np.array_equal(np.isnan(table.zenith), coincident)
    assert np.all(table.energy[~coincident] > 1e4)  # no HESE event is below 10 TeV
    assert np.all(table.energy[~coincident] < 1e7)
    assert np.all((table.zenith[~coincident] >= 0) & (table.zenith[~coincident] <= math.pi))
    for text in (table.title, table.label, table.reference, table.licence, table.note):
        assert text
    assert bibtex([table.citation]).startswith("@")


@pytest.mark.parametrize(("name", "days"), [("hese-3yr", 988), ("hese-4yr", 1347)])
def test_livetime_fits_between_first_and_last_event(name, days):
    table = events(name)
    assert table.livetime_s == days * 86400
    span = np.nanmax(table.mjd) - np.nanmin(table.mjd)
    assert 0.9 * days < span < 1.1 * days  # the detector is on nearly always
    assert np.all(np.diff(table.mjd) > 0)


def test_rate_of_events_is_the_same_in_all_tables():
    """Also of the stand-in for the livetime of twelve years, which it thereby supports."""
    rates = np.array([len(events(name)) / events(name).livetime_s for name in TOTALS])
    spread = 1 / np.sqrt(37)  # of the smallest sample
    assert np.all(np.abs(rates / rates.mean() - 1) < spread)


def test_three_years_are_the_first_37_events_of_four():
    three, four = events("hese-3yr"), events("hese-4yr")
    for array in ARRAYS:
        np.testing.assert_array_equal(getattr(three, array), getattr(four, array)[:37])


def test_six_years_repeat_four():
    four, six = events("hese-4yr"), events("hese-6yr")
    assert six.number[six.topology == "coincident"].tolist() == [32, 55]
    for array in ("topology", "energy", "err_minus", "err_plus", "zenith", "right_ascension"):
        np.testing.assert_array_equal(getattr(four, array), getattr(six, array)[:54])


def test_the_three_highest_events_of_three_years():
    energy = np.sort(events("hese-3yr").energy)[-4:-1]  # the last is NaN
    assert energy.tolist() == pytest.approx([1040.7e3, 1140.8e3, 2003.7e3], rel=1e-12)


def test_event_14_in_the_units_of_the_package():
    """Printed: 1040.7 -144.4 +131.6 TeV, declination -27.9, 265.6 and 13.2 degrees."""
    table = events("hese-3yr")
    [row] = np.flatnonzero(table.number == 14)
    assert (table.err_minus[row], table.err_plus[row]) == pytest.approx((144.4e3, 131.6e3))
    assert np.degrees(table.declination[row]) == pytest.approx(-27.9)
    assert np.degrees(table.zenith[row]) == pytest.approx(62.1)
    assert np.degrees(table.right_ascension[row]) == pytest.approx(265.6)
    assert np.degrees(table.resolution[row]) == pytest.approx(13.2)
    assert math.isnan(table.length[row])


def test_only_double_cascades_have_a_length_between_10_m_and_1_km():
    table = events("hese-7.5yr")
    double = table.topology == "double"
    assert np.array_equal(np.isfinite(table.length), double)
    assert np.all((table.length[double] >= 1e3) & (table.length[double] <= 1e5))  # cm
    assert np.isnan(table.err_plus).all()


def test_histograms_by_topology_add_up():
    table = events("hese-7.5yr")
    edges = np.geomspace(1e4, 1e7, 28)
    parts = [table.histogram(edges, topology) for topology in TOPOLOGIES]
    assert np.array_equal(np.sum(parts, axis=0), table.histogram(edges))
    assert table.histogram(edges).sum() == 102
    assert table.histogram(edges).dtype == np.int64
    assert table.histogram(edges / 1e3 * u.TeV).tolist() == table.histogram(edges).tolist()


def test_coincident_events_are_in_no_bin():
    assert events("hese-6yr").histogram([1e-3, 1e12]).tolist() == [80]
    assert events("hese-6yr").histogram([1e-3, 1e12], "coincident").tolist() == [0]
    assert len(events("hese-6yr").above(1e-3)) == 80


def test_a_bin_includes_its_lower_edge():
    table = events("hese-3yr")
    energy = table.energy[0]
    assert table.histogram([energy, energy * 1.0001, 1e9])[0] == 1
    assert table.histogram([energy / 1.0001, energy, energy * 1.0001]).tolist() == [0, 1]


def test_energies_in_the_gap():
    """No event of three years deposited between 0.4 and 1 PeV; four of twelve years did."""
    assert events("hese-3yr").histogram([4e5, 1e6]).tolist() == [0]
    twelve = events("hese-12yr")
    gap = twelve.energy[(twelve.energy > 4e5) & (twelve.energy < 1e6)]
    np.testing.assert_allclose(np.sort(gap) / 1e3, [414, 502, 672, 943], rtol=2e-3)  # 3 digits


@pytest.mark.parametrize(
    "edges",
    [[], [1e4], 1e4, [1e5, 1e4], [1e4, 1e4], [0.0, 1e4], [1e4, math.nan], [[1e4, 1e5]]],
)
def test_edges_that_make_no_bins(edges):
    with pytest.raises(GridError, match="edges"):
        events("hese-3yr").histogram(edges)


def test_units_are_checked():
    with pytest.raises(UnitError, match="edges"):
        events("hese-3yr").histogram([1, 2] * u.m)
    with pytest.raises(UnitError, match="energy = 5"):
        events("hese-3yr").above("5 m")


@pytest.mark.parametrize("energy", [-1.0, 0.0, math.nan, [1e4, 1e5]])
def test_thresholds_must_be_one_positive_number(energy):
    with pytest.raises(ParameterError, match="energy"):
        events("hese-3yr").above(energy)


def test_unknown_names_say_what_is_known():
    with pytest.raises(DatasetError, match=r"'hese-75yr'.*did you mean 'hese-7.5yr'"):
        events("hese-75yr")
    with pytest.raises(DatasetError, match=r"'tracks'.*did you mean 'track'"):
        events("hese-3yr").histogram([1e4, 1e5], "tracks")


def test_repr_tells_counts_livetime_and_reach():
    assert repr(events("hese-7.5yr")) == (
        "EventTable('hese-7.5yr', 102 events in 2635.5 days: 71 cascade, 27 track, 4 double; "
        "19.91 to 1800 TeV deposited)"
    )
    assert "0 events" in repr(events("hese-3yr").above("9 PeV"))
