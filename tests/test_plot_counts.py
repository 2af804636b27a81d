"""Plots of counts: bars, stacks, and residuals that add up to the deviance."""

import dataclasses

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import StepPatch

from nuprop.errors import ConfigError, ParameterError
from nuprop.icecube import ExpectedCounts
from nuprop.plot import plot_counts
from nuprop.plot.intervals import poisson_interval

EDGES = np.geomspace(6e4, 1e7, 6)
OBSERVED = np.array([9.0, 4.0, 0.0, 1.0, 0.0])


def expected(by_topology=False, **fields):
    """Counts that fall with energy; the interaction takes a third of the third bin."""
    shares = np.array([[0.5, 0.1, 0.0], [0.05, 0.2, 0.01], [0.1, 0.02, 0.02]])
    free = shares[..., None] * np.array([6.0, 3.0, 1.5, 0.6, 0.2])
    signal = free * np.array([1.0, 1.0, 2 / 3, 1.0, 1.0])
    tail = np.array([2.0, 0.6, 0.1, 0.02, 0.0])
    backgrounds = {"conv": tail, "muon": 0.1 * tail, "prompt": 0.3 * tail}
    observed = OBSERVED
    if by_topology:
        backgrounds = {"background": np.concatenate([tail, 0.5 * tail, 0.01 * tail])}
        observed = np.concatenate([OBSERVED, [3.0, 2.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0]])
    values = {
        "name": "hese-7.5yr",
        "title": "HESE, 7.5 years",
        "edges_gev": EDGES,
        "observed": observed,
        "signal": signal,
        "free_signal": free,
        "backgrounds": backgrounds,
        "nuisances": {"conv": 1.0},
    }
    return ExpectedCounts(**(values | fields))


def steps(axes, label):
    [found] = [p for p in axes.patches if isinstance(p, StepPatch) and p.get_label() == label]
    return found.get_data()


def bars(axes, label):
    [found] = [
        c for c in axes.containers if isinstance(c, ErrorbarContainer) and c.get_label() == label
    ]
    [lines] = found.lines[2]
    ends = np.array([segment[:, 1] for segment in lines.get_segments()])
    return found.lines[0], ends


def test_data_carry_poisson_intervals_and_empty_bins_reach_from_zero():
    upper, _ = plot_counts(expected()).axes
    points, ends = bars(upper, "data, 68 % intervals")
    seen = OBSERVED[OBSERVED > 0]
    np.testing.assert_array_equal(points.get_ydata(), seen)
    below, above = poisson_interval(seen)
    # Exact but for the rounding of one subtraction and one addition.
    np.testing.assert_allclose(ends, np.stack([seen - below, seen + above], axis=1), rtol=1e-14)
    hidden, ends = bars(upper, "no event")
    assert hidden.get_marker() in ("None", "none")
    np.testing.assert_allclose(ends, [[0.0, 1.841]] * 2, atol=1e-3)  # Gehrels 1986, table 1
    centers = np.sqrt(EDGES[1:] * EDGES[:-1])
    np.testing.assert_allclose(hidden.get_xdata(), centers[OBSERVED == 0])


def test_the_stack_ends_at_the_total_and_layers_meet():
    counts = expected()
    upper, _ = plot_counts(counts).axes
    layers = ["atmospheric muons", "prompt", "atmospheric neutrinos", "astrophysical"]
    below = np.zeros(5)
    for label in layers:  # the smallest background lies at the bottom
        layer = steps(upper, label)
        np.testing.assert_allclose(layer.baseline, below)
        below = layer.values
    np.testing.assert_allclose(below, counts.total)
    np.testing.assert_allclose(steps(upper, "total").values, counts.total)
    np.testing.assert_array_equal(steps(upper, "total").edges, EDGES)


def test_the_signal_without_interaction_is_a_dashed_outline():
    counts = expected()
    upper, _ = plot_counts(counts).axes
    free = counts.background + counts.free_signal.sum(axis=(0, 1))
    np.testing.assert_allclose(steps(upper, "total without interaction").values, free)
    [outline] = [p for p in upper.patches if p.get_label() == "total without interaction"]
    assert outline.get_linestyle() == "--"
    unknown, _ = plot_counts(expected(free_signal=None)).axes
    assert "total without interaction" not in [p.get_label() for p in unknown.patches]


def residuals(axes):
    places, heights = [], []
    for line in axes.get_lines():
        if line.get_marker() == "o":
            places += list(line.get_xdata())
            heights += list(line.get_ydata())
    return np.array(heights)[np.argsort(places)]


@pytest.mark.parametrize("by_topology", [False, True])
def test_squares_of_residuals_add_up_to_the_deviance(by_topology):
    counts = expected(by_topology)
    axes = plot_counts(counts).axes
    columns = len(axes) // 2
    drawn = np.concatenate([residuals(lower) for lower in axes[columns:]])
    assert np.sum(drawn**2) == pytest.approx(counts.deviance, rel=1e-12)
    np.testing.assert_array_equal(np.sign(drawn), np.sign(counts.observed - counts.total))
    assert "deviance" in axes[columns].get_ylabel()
    for lower in axes[columns:]:
        assert max(np.abs(lower.get_ylim())) > np.abs(drawn).max()


def test_topologies_are_three_panels_with_one_scale():
    counts = expected(by_topology=True)
    axes = plot_counts(counts).axes
    assert len(axes) == 6
    titles = [item.get_title() for item in axes[:3]]
    for title, name, number in zip(
        titles, ("cascades", "tracks", "double"), (14, 6, 1), strict=True
    ):
        assert title.startswith(name)
        assert f"{number} seen" in title
    assert len({item.get_ylim() for item in axes[:3]}) == 1
    for number, item in enumerate(axes[:3]):
        total = steps(item, "total").values
        np.testing.assert_allclose(total, counts.total.reshape(3, -1)[number])


def test_axes_carry_quantity_and_unit_and_hide_nothing():
    upper, lower = plot_counts(expected()).axes
    assert lower.get_xlabel() == "deposited energy [GeV]"
    assert upper.get_ylabel() == "events per bin of 0.44 decades"
    assert upper.get_yscale() == "log"
    assert upper.get_ylim()[1] > OBSERVED.max() + poisson_interval(OBSERVED)[1].max()
    assert upper.get_ylim()[0] < expected().total.min()
    uneven = dataclasses.replace(expected(), edges_gev=np.array([1e5, 2e5, 5e5, 6e5, 1e6, 2e6]))
    assert plot_counts(uneven).axes[0].get_ylabel() == "events per bin"


def test_residuals_and_the_logarithm_can_be_left_out():
    [axes] = plot_counts(expected(), residuals=False, logarithmic=False).axes
    assert axes.get_xlabel() == "deposited energy [GeV]"
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] == 0.0


def test_the_legend_stays_above_the_panels_and_the_title_can_be_chosen():
    figure = plot_counts(expected(by_topology=True), title="mine")
    figure.draw_without_rendering()
    [legend] = figure.legends
    assert legend.get_title().get_text() == "mine"
    box = legend.get_window_extent()
    assert box.y0 >= max(item.get_window_extent().y1 for item in figure.axes)
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    [usual] = plot_counts(expected()).legends
    assert usual.get_title().get_text() == "HESE, 7.5 years"


def test_counts_draw_themselves(tmp_path):
    before = dict(mpl.rcParams)
    path = tmp_path / "new folder" / "counts.pdf"
    expected().plot(path)
    assert path.read_bytes().startswith(b"%PDF")
    assert dict(mpl.rcParams) == before


def test_samples_without_any_event_or_background_can_be_drawn():
    plot_counts(expected(observed=np.zeros(5)))
    plot_counts(expected(backgrounds={"conv": np.zeros(5)}, signal=np.zeros((3, 3, 5))))


def test_bad_input_says_what_is_allowed():
    with pytest.raises(ConfigError, match=r"counts\.docx'.*\.pdf"):
        plot_counts(expected(), "counts.docx")
    signal = expected().signal.copy()
    signal[0, 0, 3] = np.nan
    with pytest.raises(ParameterError, match=r"'hese-7\.5yr', bin 3: nan; finite"):
        plot_counts(expected(signal=signal))
    negative = {"conv": np.array([-9.0, 0.0, 0.0, 0.0, 0.0])}
    with pytest.raises(ParameterError, match=r"bin 0: -.*not negative"):
        plot_counts(expected(backgrounds=negative))
