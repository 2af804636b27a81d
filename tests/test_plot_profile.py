"""Plots of profile likelihoods and of samples: limits where they belong, units, gaps, errors."""

import dataclasses
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.contour import ContourSet
from scipy.stats import chi2

import nuprop
from nuprop.errors import ConfigError, FitError, ParameterError, UnitError
from nuprop.inference import Profile
from nuprop.plot import plot_corner, plot_exclusions, plot_profile
from nuprop.plot.axes import ParameterAxis
from nuprop.plot.resonances import resonance_masses

FLUX = "1 / (GeV cm2 s sr)"


def curve(**fields):
    """2 Delta ln L = ((index - 2.5) / 0.2)^2."""
    index = np.linspace(1.5, 3.5, 41)
    values = {
        "axes": {"index": index},
        "units": {"index": ""},
        "logarithmic": (),
        "nll": 24.0 + 0.5 * ((index - 2.5) / 0.2) ** 2,
        "values": {"conv": np.ones_like(index)},
        "converged": np.ones(index.shape, dtype=bool),
        "about": {"data": ["hese-7.5yr", "numu-9.5yr"]},
    }
    return Profile(**(values | fields))


def plane(first="mass", **fields):
    """2 Delta ln L = 12 tanh(g / 1e-3) off a valley at 10 MeV, over no interaction."""
    mass, coupling = np.geomspace(1e-3, 0.1, 31), np.geomspace(1e-5, 1e-2, 25)
    axes = {"mass": mass, "coupling": coupling}
    ts = 12.0 * np.tanh(coupling / 1e-3) * (1.0 - np.exp(-(np.log(mass / 0.01)[:, None] ** 2)))
    if first == "coupling":
        axes, ts = {"coupling": coupling, "mass": mass}, ts.T
    values = {
        "axes": axes,
        "units": {"mass": "GeV", "coupling": ""},
        "logarithmic": ("mass", "coupling"),
        "nll": 24.0 + 0.5 * ts,
        "values": {"index": np.full(ts.shape, 2.5)},
        "converged": np.ones(ts.shape, dtype=bool),
        "null_nll": 24.0,
        "about": {
            "data": ["hese-7.5yr"],
            "neutrinos": nuprop.Neutrinos("0.08 eV").describe(),
        },
    }
    return Profile(**(values | fields))


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def line(axes, start):
    [found] = [item for item in axes.get_lines() if str(item.get_label()).startswith(start)]
    return found


def lines_of_contours(axes):
    """The contour lines of a plane, as (style, vertices), in the order in which they are drawn."""
    result = []
    for item in axes.collections:
        if isinstance(item, ContourSet) and not item.filled:
            style = "--" if item.get_linestyle()[0][1] else "-"
            result.append((style, np.concatenate([path.vertices for path in item.get_paths()])))
    return result


def test_the_curve_is_the_test_statistic_between_thresholds_of_wilks():
    profile = curve()
    figure = plot_profile(profile, levels=(0.6827, 0.9))
    [axes] = figure.axes
    drawn = line(axes, "best of the other")
    np.testing.assert_array_equal(drawn.get_xdata(), profile.axes["index"])
    np.testing.assert_allclose(drawn.get_ydata(), profile.ts())
    for level, name in ((0.6827, "68.27 %"), (0.9, "90 %")):
        assert line(axes, name).get_ydata()[0] == pytest.approx(chi2.ppf(level, 1))
    assert "90 %: 2.71" in labels(figure)
    assert "1 degree of freedom" in axes.get_title(loc="right")
    assert "Wilks" in axes.get_title(loc="right")
    assert axes.get_xlabel() == "spectral index"
    star = line(axes, "best point")
    assert star.get_label() == "best point: index 2.5"
    assert (star.get_xdata()[0], star.get_ydata()[0]) == pytest.approx((2.5, 0.0))


def test_the_interval_that_is_printed_is_where_the_curve_crosses_its_line():
    profile = curve()
    [axes] = plot_profile(profile, levels=[0.6827]).axes
    x, y = line(axes, "best of the other").get_data()
    threshold = line(axes, "68.27 %").get_ydata()[0]
    low, high = profile.interval(0.6827)
    np.testing.assert_allclose(np.interp([low, high], x, y), threshold)


def test_no_interaction_is_a_line_at_its_own_height():
    [axes] = plot_profile(curve(null_nll=25.0)).axes
    assert line(axes, "no interaction").get_ydata()[0] == pytest.approx(2.0)
    figure = plot_profile(curve(null_nll=23.0))  # better than every point of the grid
    assert line(figure.axes[0], "no interaction").get_ydata()[0] == 0.0
    assert line(figure.axes[0], "best point").get_ydata()[0] == pytest.approx(2.0)
    assert "no interaction" not in labels(plot_profile(curve()))


def test_points_that_are_missing_are_gray_and_those_that_failed_are_crossed_out():
    profile = curve()
    nll, converged = profile.nll.copy(), profile.converged.copy()
    nll[3:5] = np.nan
    converged[[3, 20]] = False
    figure = plot_profile(dataclasses.replace(profile, nll=nll, converged=converged))
    [axes] = figure.axes
    spans = sorted(patch.get_x() for patch in axes.patches)
    step = np.diff(profile.axes["index"])[0]
    np.testing.assert_allclose(spans, profile.axes["index"][3:5] - 0.5 * step)
    assert "not computed" in labels(figure)
    np.testing.assert_array_equal(
        line(axes, "fit not conv").get_xdata(), [profile.axes["index"][20]]
    )
    assert not {"not computed", "fit not converged"} & set(labels(plot_profile(profile)))


def test_the_coupling_has_the_symbol_of_its_lagrangian():
    vector, scalar = (
        plane(about={"data": ["hese-7.5yr"], "mediator": kind("10 MeV", 1e-2).describe()})
        for kind in (nuprop.ZPrime.universal, nuprop.Scalar.universal)
    )
    said = [plot_profile(each).axes[0].get_ylabel() for each in (vector, scalar)]
    assert said == ["coupling $g'$", r"coupling $\lambda$"]
    panels = {("hese-7.5yr", "cold"): {("vector", "-"): vector}}
    assert plot_exclusions(panels).axes[0].get_ylabel() == "coupling $g'$"
    panels[("hese-7.5yr", "cold")][("scalar", "-")] = scalar
    assert plot_exclusions(panels).axes[0].get_ylabel() == r"coupling $g'$ or $\lambda$"


def test_a_corner_plot_has_that_symbol_too(samples):
    pytest.importorskip("corner")
    samples = {"index": samples["index"], "coupling": samples["mass"]}

    def said(**options):
        return plot_corner(samples, **options).axes[-1].get_xlabel()

    vector, scalar = (
        {"mediator": kind("10 MeV", 1e-2).describe()}
        for kind in (nuprop.ZPrime.universal, nuprop.Scalar.universal)
    )
    assert said(about=scalar) == r"coupling $\lambda$"
    assert said(about=vector) == said() == "coupling $g'$"
    logarithmic = {"about": scalar, "logarithmic": ["coupling"]}
    assert said(**logarithmic) == r"$\log_{10}$ coupling $\lambda$"
    assert said(about=scalar, labels={"coupling": "mine"}) == "mine"


@pytest.mark.parametrize("first", ["mass", "coupling"])
def test_contours_lie_where_the_statistic_meets_its_threshold(first):
    figure = plot_profile(plane(first))
    axes = figure.axes[0]
    contours = lines_of_contours(axes)
    expected = [("-", 0.90, 1), ("-", 0.95, 1), ("--", 0.90, 2), ("--", 0.95, 2)]
    assert [style for style, _ in contours] == [style for style, _, _ in expected]
    for (_, vertices), (_, level, degrees) in zip(contours, expected, strict=True):
        mass, coupling = 1e-3 * vertices[:, 0], vertices[:, 1]
        drop = 1.0 - np.exp(-(np.log(mass / 0.01) ** 2))
        # Lines between points of the grid, 0.15 apart in ln M and 0.29 in ln g: cells in which the
        # statistic bends are good to 4 % of it.
        statistic = 12.0 * np.tanh(coupling / 1e-3) * drop
        np.testing.assert_allclose(statistic, chi2.ppf(level, degrees), rtol=0.04)
    assert [axes.get_xlabel(), axes.get_ylabel()] == ["mediator mass $M$ [MeV]", "coupling $g'$"]
    assert axes.get_xlim() == pytest.approx((1.0, 100.0))
    for name in ("90 %, 1 dof", "95 %, 1 dof", "90 %, 2 dof", "95 %, 2 dof", "excluded at 90 %"):
        assert name in labels(figure)
    said = axes.get_title(loc="right")
    for words in ("Wilks", "no interaction lies at 0.00", "solid: each mass by itself, 1 dof"):
        assert words in said


def test_the_hatched_region_holds_the_points_that_are_excluded():
    profile = plane()
    axes = plot_profile(profile).axes[0]
    [region] = [c for c in axes.collections if isinstance(c, ContourSet) and c.filled]
    [path] = region.get_paths()
    mesh = np.meshgrid(1e3 * profile.axes["mass"][1:-1], profile.axes["coupling"][1:-1])
    inside = path.contains_points(np.stack([part.ravel() for part in mesh], axis=-1))
    expected = profile.excluded(0.9, "raster")[1:-1, 1:-1].T.ravel()
    assert expected.any()
    np.testing.assert_array_equal(inside, expected)


def test_the_map_holds_the_statistic_of_every_point():
    profile = plane()
    axes, bar = plot_profile(profile).axes
    [mesh] = [item for item in axes.collections if isinstance(item, mpl.collections.QuadMesh)]
    np.testing.assert_allclose(mesh.get_array(), profile.ts("global").T)
    assert mesh.norm.vmin == 0.0
    assert mesh.norm.vmax == pytest.approx(2.0 * chi2.ppf(0.95, 2))
    assert "ln" in bar.get_ylabel()


def test_one_kind_of_contour_can_be_chosen():
    styles = [style for style, _ in lines_of_contours(plot_profile(plane(), kind="raster").axes[0])]
    assert styles == ["-", "-"]
    figure = plot_profile(plane(), kind="global", levels=[0.9])
    assert [style for style, _ in lines_of_contours(figure.axes[0])] == ["--"]
    assert "excluded at 90 %" not in labels(figure)


def test_a_raster_runs_along_the_axis_that_is_asked_for():
    axes = plot_profile(plane(), along="mass").axes[0]
    assert "each coupling by itself" in axes.get_title(loc="right")


def test_a_plane_without_the_coupling_shows_regions_of_both_parameters():
    index, flux = np.linspace(2.0, 3.0, 21), np.linspace(1e-18, 3e-18, 21)
    ts = ((index[:, None] - 2.5) / 0.1) ** 2 + ((flux - 2e-18) / 3e-19) ** 2
    profile = curve(
        axes={"index": index, "normalization": flux},
        units={"index": "", "normalization": FLUX},
        nll=24.0 + 0.5 * ts,
        values={},
        converged=np.ones(ts.shape, dtype=bool),
    )
    figure = plot_profile(profile, levels=[0.9])
    axes = figure.axes[0]
    [(style, vertices)] = lines_of_contours(axes)
    assert style == "--"
    radius = np.hypot((vertices[:, 0] - 2.5) / 0.1, (vertices[:, 1] - 2.0) / 0.3)
    # A circle between points half a radian or so apart: a chord misses by 2 % of the radius.
    np.testing.assert_allclose(radius, np.sqrt(chi2.ppf(0.9, 2)), rtol=0.02)
    assert axes.get_ylabel() == (
        r"normalization [$10^{-18}$ $\mathrm{GeV^{-1}\,cm^{-2}\,s^{-1}\,sr^{-1}}$]"
    )
    assert "best point: index 2.5,\nnormalization 2e-18" in labels(figure)


def test_an_unfinished_scan_is_gray_where_it_is_not_computed():
    profile = plane()
    nll, converged = profile.nll.copy(), profile.converged.copy()
    nll[20:] = np.nan
    nll[19, 5:] = np.nan
    converged[2, 2] = False
    unfinished = dataclasses.replace(profile, nll=nll, converged=converged)
    figure = plot_profile(unfinished)
    axes = figure.axes[0]
    [mesh] = [item for item in axes.collections if isinstance(item, mpl.collections.QuadMesh)]
    np.testing.assert_array_equal(np.ma.getmaskarray(mesh.get_array()), np.isnan(nll).T)
    assert mpl.colors.same_color(axes.get_facecolor(), "0.72")
    assert {"not computed", "fit not converged"} <= set(labels(figure))
    x, y = line(axes, "fit not converged").get_data()
    assert (x[0], y[0]) == pytest.approx(
        (1e3 * profile.axes["mass"][2], profile.axes["coupling"][2])
    )


def test_a_scan_that_excludes_nothing_has_no_contours():
    profile = plane()
    nll = 24.0 + 0.01 * (profile.nll - 24.0)
    figure = plot_profile(dataclasses.replace(profile, nll=nll))
    assert lines_of_contours(figure.axes[0]) == []
    assert "excluded at 90 %" not in labels(figure)


def test_lines_of_constant_resonance_energy():
    """M^2 = 2 E m of the heaviest neutrino: 0.0944 eV at a lightest mass of 0.08 eV."""
    profile = plane()
    single = plot_profile(profile, resonances="1 PeV").axes[0]
    assert [item.get_text() for item in single.texts] == ["1 PeV"]
    axes = plot_profile(profile, resonances=["1 PeV", 1e9]).axes[0]
    dotted = [item.get_xdata()[0] for item in axes.get_lines() if item.get_linestyle() == ":"]
    heaviest = nuprop.Neutrinos("0.08 eV").masses.max()
    np.testing.assert_allclose(dotted, 1e3 * np.sqrt(2.0 * heaviest * np.array([1e6, 1e9])))
    assert [text.get_text() for text in axes.texts] == ["1 PeV"]  # 1 EeV lies outside
    mediator = nuprop.ZPrime.lmu_ltau(1e-3 * dotted[0], 1e-3)
    energies = nuprop.resonance_energies(mediator, nuprop.Neutrinos("0.08 eV"))
    assert energies.to_value("PeV").min() == pytest.approx(1.0)


@pytest.mark.parametrize("first", ["mass", "lightest_mass"])
def test_lines_of_resonance_bend_with_the_lightest_mass(first):
    mass, lightest = np.geomspace(1e-3, 0.1, 9), np.linspace(0.0, 1e-10, 7)
    axes = {"mass": mass, "lightest_mass": lightest}
    if first != "mass":
        axes = dict(reversed(axes.items()))
    shape = tuple(axis.size for axis in axes.values())
    profile = plane(
        axes=axes,
        units=dict.fromkeys(axes, "GeV"),
        logarithmic=("mass",),
        nll=24.0 + np.arange(63.0).reshape(shape),
        values={},
        converged=np.ones(shape, dtype=bool),
    )
    drawn = plot_profile(profile, resonances=["500 TeV"]).axes[0]
    [dotted] = [item for item in drawn.get_lines() if item.get_linestyle() == ":"]
    x, y = dotted.get_data()
    if first != "mass":
        x, y = y, x
    heaviest = [nuprop.Neutrinos(float(m)).masses.max() for m in 1e-9 * y]
    np.testing.assert_allclose(x, 1e3 * np.sqrt(1e6 * np.array(heaviest)), rtol=1e-9)
    assert "lightest neutrino mass [eV]" in (drawn.get_xlabel(), drawn.get_ylabel())


@pytest.mark.parametrize(
    ("values", "unit", "logarithmic", "label", "size"),
    [
        ([1e-3, 0.1], "GeV", True, "name [MeV]", 1e-3),
        ([0.0, 1e-10], "GeV", False, "name [eV]", 1e-9),
        ([1e5, 2e6], "GeV", False, "name [PeV]", 1e6),
        ([1e-5, 1e-2], "", True, "name", 1.0),
        ([0.0, 3e-7], "", False, "name [$10^{-7}$]", 1e-7),
        ([0.0, 0.0], "", False, "name", 1.0),
        ([50.0, 90.0], "km / (Mpc s)", False, r"name [$\mathrm{km\,Mpc^{-1}\,s^{-1}}$]", 1.0),
        ([50.0, 400.0], "cm-3", False, r"name [$\mathrm{cm^{-3}}$]", 1.0),
    ],
)
def test_axes_have_units_that_people_use(values, unit, logarithmic, label, size):
    axis = ParameterAxis.of("name", values, unit, logarithmic=logarithmic)
    assert axis.label == label
    assert axis.size == pytest.approx(size, rel=1e-6, abs=0.0)


def test_names_can_be_written_otherwise():
    figure = plot_profile(plane(), labels={"coupling": "$g_{\\mu\\tau}$"}, title="mine")
    assert figure.axes[0].get_ylabel() == "$g_{\\mu\\tau}$"
    assert figure.legends[0].get_title().get_text() == "mine"
    assert plot_profile(curve()).legends[0].get_title().get_text() == "hese-7.5yr, numu-9.5yr"
    assert plot_profile(curve(about={})).legends[0].get_title().get_text() == ""


def test_a_loaded_profile_draws_itself_and_hides_nothing(tmp_path):
    before = dict(mpl.rcParams)
    plane().save(tmp_path / "scan.npz")
    figure = Profile.load(tmp_path / "scan.npz").plot(tmp_path / "new" / "scan.png")
    assert (tmp_path / "new" / "scan.png").read_bytes().startswith(b"\x89PNG")
    [legend] = figure.legends
    box = legend.get_window_extent()
    assert box.y0 >= figure.axes[0].get_window_extent().y1
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"path": "scan.docx"}, ConfigError, r"scan\.docx'.*\.pdf"),
        ({"levels": ()}, ParameterError, r"levels = \(\): a list of numbers"),
        ({"levels": 0.9}, ParameterError, r"levels = 0\.9: a list of numbers"),
        ({"levels": "90 %"}, ParameterError, r"levels = '90 %': a list of numbers"),
        ({"levels": [90]}, ParameterError, r"level = 90: .*such as 0\.9"),
        ({"kind": "feldman"}, ParameterError, r"kind = 'feldman': 'raster' or 'global'"),
        ({"along": "couplng"}, ParameterError, r"along: 'couplng' is no axis; did.*'coupling'"),
        ({"labels": {"m": "M"}}, ParameterError, r"labels: 'm' is no axis; known: coupling, mass"),
        ({"resonances": ["-1 PeV"]}, ParameterError, r"resonances = -.*above 0"),
        ({"resonances": ["1 m"]}, UnitError, r"resonances = 1\.0 m.*energy"),
    ],
)
def test_bad_options_say_what_is_allowed(options, error, complaint):
    with pytest.raises(error, match=complaint):
        plot_profile(plane(), **options)


def test_profiles_that_cannot_be_drawn_are_refused():
    profile = plane()
    with pytest.raises(FitError, match="no finite point"):
        plot_profile(dataclasses.replace(profile, nll=np.full(profile.nll.shape, np.nan)))
    single = {"mass": np.array([0.01]), "coupling": profile.axes["coupling"]}
    with pytest.raises(FitError, match="'mass' holds a single value"):
        plot_profile(dataclasses.replace(profile, axes=single, nll=profile.nll[:1]))
    three = {**profile.axes, "index": np.array([2.0, 3.0])}
    with pytest.raises(FitError, match="one or two axes can be drawn, not mass, coupling, index"):
        plot_profile(dataclasses.replace(profile, axes=three))


def test_resonances_need_a_mass_axis_and_known_neutrinos():
    with pytest.raises(ParameterError, match="need the axis 'mass'; there is index"):
        plot_profile(curve(), resonances=["1 PeV"])
    with pytest.raises(ParameterError, match="no fixed neutrino masses"):
        plot_profile(plane(about={}), resonances=["1 PeV"])
    floating = plane(values={"lightest_mass": np.full((31, 25), 1e-11)})
    with pytest.raises(ParameterError, match="no fixed neutrino masses"):
        resonance_masses(floating, "1 PeV", None)


@pytest.fixture(scope="module")
def samples():
    draw = np.random.default_rng(1).normal(size=(3, 500))
    return {
        "index": 2.8 + 0.2 * draw[0],
        "normalization": 2e-18 * np.exp(0.2 * draw[1]),
        "mass": 0.01 * np.exp(0.5 * draw[2]),
    }


UNITS = {"normalization": FLUX, "mass": "GeV"}


def test_corner_shows_every_parameter_and_every_pair(samples, tmp_path):
    pytest.importorskip("corner")
    path = tmp_path / "corner.png"
    truth = {"index": 2.85, "mass": 0.011, "conv": 1.0}  # the last is not sampled
    figure = plot_corner(
        samples, path, truths=truth, units=UNITS, logarithmic=["mass"], title="mine"
    )
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(figure.axes) == 9
    bottom = [axes.get_xlabel() for axes in figure.axes[6:]]
    assert bottom[0] == "spectral index"
    assert bottom[1].startswith("normalization\n[$10^{-18}$")
    assert bottom[2] == "$\\log_{10}$ mediator mass $M$\n[MeV]"
    low, high = figure.axes[8].get_xlim()
    assert low < np.log10(11.0) < high
    medians = np.median(samples["index"])
    dashed = [item for item in figure.axes[0].get_lines() if item.get_linestyle() == "--"]
    assert any(item.get_xdata()[0] == pytest.approx(medians) for item in dashed)
    assert figure.get_suptitle() == "mine"
    for axes in figure.axes[6:]:
        assert axes.xaxis.label.get_window_extent().y0 >= 0


@pytest.mark.parametrize(
    ("change", "options", "complaint"),
    [
        ({"index": np.ones(500)}, {}, "samples of 'index': all are 1; leave fixed ones out"),
        ({"mass": np.arange(400.0)}, {}, "arrays of one length are needed"),
        ({"mass": "heavy"}, {}, "arrays of numbers are needed"),
        ({"index": np.full(500, np.nan)}, {}, "samples of 'index': a value is not finite"),
        ({}, {"truths": {"indx": 2.0}}, "truths: 'indx' is not sampled; did you mean 'index'"),
        ({}, {"units": {"mas": "GeV"}}, "units: 'mas' is not sampled"),
        ({}, {"labels": {"m": "M"}}, "labels: 'm' is not sampled"),
        ({}, {"logarithmic": ["g"]}, "logarithmic: 'g' is not sampled"),
        (
            {},
            {"logarithmic": ["mass"], "truths": {"mass": 0.0}},
            "logarithmic: 'mass' holds 0, which has none",
        ),
    ],
)
def test_bad_samples_say_what_is_needed(samples, change, options, complaint):
    pytest.importorskip("corner")
    with pytest.raises(ParameterError, match=complaint):
        plot_corner(samples | change, **options)


def test_corner_needs_samples_and_its_package(samples, monkeypatch):
    pytest.importorskip("corner")
    with pytest.raises(ParameterError, match="at least one parameter"):
        plot_corner({})
    with pytest.raises(ParameterError, match="2 are too few to draw"):
        plot_corner({name: x[:2] for name, x in samples.items()})
    with pytest.raises(ConfigError, match="suffix"):
        plot_corner(samples, "corner.docx")
    monkeypatch.setitem(sys.modules, "corner", None)
    with pytest.raises(ConfigError, match=r"pip install 'nuprop\[plots\]'"):
        plot_corner(samples)
