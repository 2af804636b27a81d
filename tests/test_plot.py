"""Plots: the right numbers on the right scale, units on the axes, nothing hidden."""

import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from nuprop.errors import ConfigError, DatasetError
from nuprop.icecube import unfolded
from nuprop.panels import e2_flux
from nuprop.plot import plot_flux

PNG = b"\x89PNG\r\n\x1a\n"


def line(axes, label):
    [found] = [item for item in axes.get_lines() if item.get_label() == label]
    return found.get_ydata()


def points(axes):
    """The drawn data points and limits, as two sorted lists of heights."""
    containers = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    with_marker = [c for c in containers if c.lines[0].get_marker() not in ("None", None, "")]
    arrows = [c for c in containers if c not in with_marker]
    return [
        np.sort(np.concatenate([c.lines[0].get_ydata() for c in group])) if group else np.array([])
        for group in (with_marker, arrows)
    ]


@pytest.mark.parametrize(("scale", "factor"), [("per-flavor", 1.0), ("all-flavor", 3.0)])
def test_scales_agree_between_lines_points_and_label(fake_flux, scale, factor):
    flux = fake_flux()
    upper, _ = plot_flux(flux, scale=scale).axes
    data = unfolded("hese-3yr")
    measured, limits = points(upper)
    # Exact but for the rounding of one multiplication.
    np.testing.assert_allclose(measured, np.sort(factor * data.value[~data.is_limit]), rtol=1e-15)
    np.testing.assert_allclose(limits, np.sort(factor * data.value[data.is_limit]), rtol=1e-15)
    total = flux.energy_gev**2 * flux.total.value * factor / 3.0
    name = "all flavors / 3" if factor == 1.0 else "all flavors"
    np.testing.assert_allclose(line(upper, name), total, rtol=1e-14)
    free = line(upper, f"{name}, no interaction")
    np.testing.assert_allclose(free * flux.transmission, total, rtol=1e-14)
    muon = line(upper, r"$\nu_\mu$")
    np.testing.assert_allclose(muon, flux.energy_gev**2 * flux.per_flavor[1].value, rtol=1e-14)
    assert ("per flavor" if factor == 1.0 else "sum of flavors") in upper.get_ylabel()


def test_an_all_flavor_limit_is_divided_by_three_on_a_per_flavor_axis(fake_flux):
    upper, _ = plot_flux(fake_flux(), points="ehe-2025").axes
    _, limits = points(upper)
    np.testing.assert_allclose(limits, np.sort(unfolded("ehe-2025").value / 3.0), rtol=1e-15)


def test_axes_carry_quantity_and_unit(fake_flux):
    upper, lower = plot_flux(fake_flux()).axes
    assert "sr^{-1}" in upper.get_ylabel()
    assert "GeV" in upper.get_ylabel()
    assert "[GeV]" in lower.get_xlabel()
    assert "free" in lower.get_ylabel()
    [single] = plot_flux(fake_flux(), transmission=False).axes
    assert "[GeV]" in single.get_xlabel()


def test_limits_are_arrows_and_points_are_not(fake_flux):
    upper, _ = plot_flux(fake_flux()).axes
    carets = [item for item in upper.get_lines() if item.get_marker() == mpl.markers.CARETDOWNBASE]
    data = unfolded("hese-3yr")
    assert sum(len(item.get_xdata()) for item in carets) == data.is_limit.sum()


def test_resonances_are_marked_and_listed(fake_flux):
    flux = fake_flux(resonances_gev=[np.inf, 751.86e3, 640.83e3])
    upper, lower = plot_flux(flux).axes
    for axes in (upper, lower):
        dotted = [item.get_xdata()[0] for item in axes.get_lines() if item.get_linestyle() == ":"]
        assert sorted(dotted) == [640.83e3, 751.86e3]
    assert "641 TeV" in upper.get_title(loc="right")
    assert "inf" not in upper.get_title(loc="right")
    both = fake_flux(resonances_gev=[[np.inf, 751.86e3, 640.83e3], [np.inf, np.inf, 290e3]])
    upper, _ = plot_flux(both).axes
    dotted = [item.get_xdata()[0] for item in upper.get_lines() if item.get_linestyle() == ":"]
    assert sorted(dotted) == [290e3, 640.83e3, 751.86e3]
    assert r"$\nu_3$' 290 TeV, $\nu_3$ 641 TeV" in upper.get_title(loc="right")


def test_the_dip_and_the_points_lie_inside_the_axes(fake_flux):
    flux = fake_flux()
    upper, _ = plot_flux(flux).axes
    bottom, top = upper.get_ylim()
    assert bottom < e2_flux(flux, "per-flavor").min()
    data = unfolded("hese-3yr")
    seen = data.e_lo < flux.energy_gev[-1]
    assert top > (data.value + data.err_plus)[seen].max()


def test_the_legend_stays_outside_the_axes(fake_flux):
    figure = plot_flux(fake_flux(), points=["hese-3yr", "cascades-6yr", "ehe-2025"])
    figure.draw_without_rendering()
    [legend] = figure.legends
    box = legend.get_window_extent()
    assert box.y0 >= figure.axes[0].get_window_extent().y1
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_a_point_source_is_drawn_without_points_and_without_steradian(fake_flux):
    flux = fake_flux(per_steradian=False)
    upper, _ = plot_flux(flux).axes
    assert "sr" not in upper.get_ylabel()
    assert not upper.containers
    with pytest.raises(ConfigError, match=r"hese-3yr.*not per steradian"):
        plot_flux(flux, points=["hese-3yr"])


def test_cells_are_drawn_as_steps(fake_flux):
    flux = fake_flux(cells=True)
    upper, _ = plot_flux(flux).axes
    [steps] = [p for p in upper.patches if p.get_label() == "all flavors / 3"]
    assert np.array_equal(steps.get_data().edges, flux.edges_gev)


@pytest.fixture
def four_states(fake_flux):
    """A function that makes a flux of four states, with so much of the last as nu_s, and of it."""

    def make(amount, free_amount=None, **fields):
        three = fake_flux()
        mixing = np.eye(4)
        mixing[:3, :3] = three.mixing

        def with_fourth(values, share):
            fourth = share * three.free_values.sum(axis=1, keepdims=True)
            return np.concatenate([values, fourth], axis=1)

        return fake_flux(
            values=with_fourth(three.values, amount),
            free_values=with_fourth(
                three.free_values, amount if free_amount is None else free_amount
            ),
            mixing=mixing,
            resonances_gev=[*three.resonances_gev, np.inf],
            **fields,
        )

    return make


@pytest.mark.parametrize("scale", ["per-flavor", "all-flavor"])
def test_a_sterile_state_is_drawn_beside_the_flavors_and_is_in_no_sum(
    four_states, fake_flux, scale
):
    flux = four_states(0.05, 0.04)
    upper, lower = plot_flux(flux, scale=scale).axes
    [curve] = [item for item in upper.get_lines() if item.get_label() == r"$\nu_s$, in no sum"]
    drawn = curve.get_ydata()
    free = fake_flux().free_values.sum(axis=(0, 1))
    # Exact but for the rounding of sums of a few terms.
    np.testing.assert_allclose(drawn, 0.05 * flux.energy_gev**2 * free, rtol=1e-13)
    assert upper.get_ylim()[0] < drawn.min()
    name = "all flavors / 3" if scale == "per-flavor" else "all flavors"
    assert np.array_equal(line(upper, name), e2_flux(fake_flux(), scale))
    [below] = [item for item in lower.get_lines() if item.get_color() == curve.get_color()]
    np.testing.assert_allclose(below.get_ydata(), 1.25, rtol=1e-13)
    assert lower.get_ylim()[1] > 1.25
    assert not lower.texts


def test_a_sterile_state_is_drawn_if_asked_for(four_states, fake_flux):
    def drawn(flux, **options):
        lines = plot_flux(flux, **options).axes[0].get_lines()
        return [r"\nu_s" in item.get_label() for item in lines].count(True)

    flux = four_states(0.05)
    assert drawn(flux) == drawn(flux, sterile=True, flavors=False) == 1
    assert drawn(flux, flavors=False) == drawn(flux, sterile=False) == drawn(fake_flux()) == 0
    with pytest.raises(ConfigError, match=r"sterile = True.*three states.*SterileNeutrino"):
        plot_flux(fake_flux(), sterile=True)


@pytest.mark.parametrize("amount", [0.0, 1e-6])
def test_a_sterile_state_out_of_sight_is_said_to_be(four_states, fake_flux, amount):
    upper, lower = plot_flux(four_states(amount)).axes
    assert line(upper, r"$\nu_s$, in no sum, below the axis").max() < upper.get_ylim()[0]
    assert upper.get_ylim() == plot_flux(fake_flux()).axes[0].get_ylim()
    assert not lower.texts


@pytest.mark.parametrize(
    ("free_amount", "words", "top"), [(0.005, "reaches 10", 2.3), (0.0, "without free flux", 1.15)]
)
def test_a_transmission_of_the_sterile_state_above_the_axis_is_written(
    four_states, free_amount, words, top
):
    _, lower = plot_flux(four_states(0.05, free_amount)).axes
    assert [text.get_text() for text in lower.texts] == [rf"$\nu_s$ {words}"]
    assert lower.get_ylim()[1] == pytest.approx(top)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_files_are_written_in_the_format_of_their_suffix(fake_flux, tmp_path, suffix):
    path = tmp_path / "new folder" / f"flux.{suffix}"
    fake_flux().plot(path)
    start = path.read_bytes()[:8]
    assert {"png": start == PNG, "pdf": start[:4] == b"%PDF", "svg": start[:5] == b"<?xml"}[suffix]


def test_settings_of_the_user_are_left_alone(fake_flux):
    before = dict(mpl.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_flux(fake_flux())
    assert dict(mpl.rcParams) == before


def test_a_flux_without_interaction_or_with_empty_energies_can_be_drawn(fake_flux):
    flux = fake_flux()
    plot_flux(flux.free)
    values = flux.values.copy()
    values[..., 40:] = 0.0
    plot_flux(fake_flux(values=values, free_values=values))


def test_bad_options_say_what_is_allowed(fake_flux):
    with pytest.raises(ConfigError, match=r"scale = 'both'.*per-flavor, all-flavor"):
        plot_flux(fake_flux(), scale="both")
    with pytest.raises(DatasetError, match="hese-3yr"):
        plot_flux(fake_flux(), points=["hese-3"])
    with pytest.raises(ConfigError, match=r"flux\.docx'.*\.pdf"):
        plot_flux(fake_flux(), "flux.docx")
