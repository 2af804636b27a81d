"""The registry of data sets: complete, sourced, honest about proxies; overlaps, plots, listing."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import StepPatch

from nuprop.citation import bibtex
from nuprop.cli import main
from nuprop.errors import ConfigError, DatasetError
from nuprop.icecube import (
    UnfoldedLikelihood,
    available_events,
    available_fits,
    overlapping,
    points,
    published_fit,
    require_disjoint,
    unfolded,
)
from nuprop.icecube.datasets import KINDS, dataset, datasets
from nuprop.icecube.events import events
from nuprop.plot import plot_dataset
from nuprop.plot.intervals import poisson_interval

HESE = ("hese-3yr", "hese-4yr", "hese-6yr", "hese-7.5yr", "hese-12yr")
EVERY = [pytest.param(item, id=f"{item.kind} {item.name}") for item in datasets()]
# Counts of the official best-fit figure of arXiv:2011.03545, from 10 TeV on; none above.
OFFICIAL_7_5YR = [0, 0, 2, 5, 11, 9, 15, 10, 13, 12, 8, 8, 2, 1, 2, 0, 1, 0, 2, 0, 1]


def of_kind(kind):
    return [item.name for item in datasets(kind)]


def test_nothing_is_left_out():
    assert of_kind("binned") == ["hese-3yr", "hese-7.5yr", "hese-12yr"]
    assert of_kind("events") == list(HESE)
    assert sorted(of_kind("events")) == list(available_events())
    assert sorted(of_kind("unfolded") + of_kind("limit")) == list(points.available())
    assert of_kind("limit") == ["ehe-2025"]
    assert sorted(of_kind("fit")) == list(available_fits())
    assert [item.kind for item in datasets()] == sorted(
        (item.kind for item in datasets()), key=KINDS.index
    )


@pytest.mark.parametrize("item", EVERY)
def test_every_data_set_says_what_it_is(item):
    text = repr(item)
    assert text.startswith(f"Dataset({item.name!r}, {item.kind}): {item.title}")
    assert max(map(len, text.splitlines())) <= 100
    words = " ".join(text.split())
    for said in (item.reference, item.citation, item.licence, item.units, item.note):
        assert " ".join(said.split()) in words
    for proxy in item.proxies:
        assert f"proxy {' '.join(proxy.split())}" in words
    assert ("proxy none" in words) == (not item.proxies)
    assert bibtex([item.citation]).startswith("@")
    assert "IceCube" in item.reference
    assert item.licence
    assert item.official
    assert "GeV" in item.units


def test_confidence_levels():
    levels = {name: dataset(name, "unfolded").confidence_level for name in of_kind("unfolded")}
    assert levels == {
        "hese-3yr": 0.68,
        "hese-6yr": None,
        "hese-7.5yr": 0.68,
        "cascades-6yr": 0.68,
        "glashow-2021": None,
        "numu-9.5yr": 0.90,
    }
    assert "errors 68 %, limits 90 %" in repr(dataset("numu-9.5yr", "unfolded"))
    assert "limits 90 %" in repr(dataset("ehe-2025"))
    assert "not stated" in repr(dataset("hese-6yr", "unfolded"))
    assert {item.confidence_level for item in datasets("fit")} == {0.68}
    assert "level " not in repr(dataset("hese-7.5yr", "binned"))


@pytest.mark.parametrize(
    ("name", "proxies"),
    [
        ("hese-3yr", ["7.5-year sample", "7.5-year templates", "1 +- 0.4", "no detector"]),
        ("hese-7.5yr", ["parametric kernel", "read from the official figure", "splines", "Monte"]),
        ("hese-12yr", ["response: that of the 7.5-year", "backgrounds: those", "365 days"]),
    ],
)
def test_binned_samples_name_their_proxies(name, proxies):
    listed = " | ".join(dataset(name, "binned").proxies)
    for proxy in proxies:
        assert proxy in listed


def test_event_lists_that_cannot_be_folded_say_so():
    unfoldable = [item.name for item in datasets("events") if "not foldable" in item.note]
    assert unfoldable == ["hese-4yr", "hese-6yr"]


def test_counts():
    assert dataset("hese-7.5yr", "events").counts == {"cascade": 71, "track": 27, "double": 4}
    assert dataset("hese-7.5yr", "binned").counts == {"events": 102, "bins": 27}
    assert dataset("hese-3yr", "binned").counts == {"events": 36, "bins": 14}
    assert dataset("hese-12yr", "binned").counts == {"events": 164, "bins": 27}
    assert dataset("hese-3yr", "unfolded").counts == {"points": 5, "limits": 7}


def test_official_bins_hold_the_official_counts():
    edges = dataset("hese-7.5yr").edges
    assert edges[7] == pytest.approx(6e4, rel=1e-5)  # to the rounding of the published edges
    counts = events("hese-7.5yr").histogram(edges)
    assert counts.tolist() == OFFICIAL_7_5YR + [0] * 6
    assert counts[7:].sum() == 60
    three = dataset("hese-3yr").edges
    np.testing.assert_allclose(np.log10(three), 4.2 + 0.2 * np.arange(15), rtol=1e-12)
    assert events("hese-3yr").histogram(three)[3:].sum() == 19  # above 63 TeV


def test_a_name_without_kind_is_the_first_that_can_be_fitted():
    assert dataset("hese-3yr").kind == "binned"
    assert dataset("hese-4yr").kind == "events"
    assert dataset("cascades-6yr").kind == "unfolded"
    assert dataset("joint-2015").kind == "fit"
    assert dataset("hese-3yr", kind="fit").kind == "fit"
    assert "same name     events, unfolded, fit" in repr(dataset("hese-3yr"))


def test_unknown_names_and_kinds_say_what_is_known():
    with pytest.raises(DatasetError, match=r"'hese-75yr'.*did you mean 'hese-7.5yr'"):
        dataset("hese-75yr")
    with pytest.raises(DatasetError, match=r"'hese-4yr'.*of kind 'fit'.*known:.*cascades-6yr"):
        dataset("hese-4yr", "fit")
    with pytest.raises(DatasetError, match=r"kind = 'fits'.*did you mean 'fit'"):
        datasets("fits")
    with pytest.raises(DatasetError, match="kind = 3"):
        dataset("hese-3yr", 3)


SHARING = {
    *itertools.combinations(HESE, 2),
    *((name, "cascades-6yr") for name in HESE),
    ("hese-12yr", "glashow-2021"),
    ("cascades-6yr", "glashow-2021"),
}


def test_which_samples_share_events():
    every = (*HESE, "cascades-6yr", "glashow-2021", "numu-9.5yr", "ehe-2025", "of-mine")
    assert set(overlapping(every)) == SHARING
    flipped = {(b, a) for a, b in overlapping(reversed(every))}
    assert flipped == SHARING
    assert overlapping([]) == []
    assert overlapping(["of-mine", "hese-3yr", "of-mine"]) == [("of-mine", "of-mine")]


@pytest.mark.parametrize("item", EVERY)
def test_overlaps_in_the_registry_are_those_of_the_check(item):
    pairs = {frozenset(pair) for pair in SHARING}
    partners = {frozenset((item.name, other)) for other in item.overlaps}
    assert partners == {pair for pair in pairs if item.name in pair}


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (("hese-12yr", "hese-3yr"), "the events of hese-3yr are part of hese-12yr"),
        (("cascades-6yr", "hese-7.5yr"), "cascades that start in the detector"),
        (("hese-12yr", "glashow-2021"), "Glashow resonance"),
        (("numu-9.5yr", "numu-9.5yr"), "the same sample"),
    ],
)
def test_samples_that_share_events_are_refused(samples, reason):
    with pytest.raises(DatasetError) as raised:
        require_disjoint(samples)
    message = str(raised.value)
    assert message.startswith(f"samples {samples[0]!r} and {samples[1]!r} share events: ")
    assert reason in message


def test_disjoint_samples_pass_and_points_count_as_their_sample():
    require_disjoint(["hese-7.5yr", "numu-9.5yr"])
    require_disjoint(iter(["glashow-2021", "hese-7.5yr"]))
    unfolded_points = UnfoldedLikelihood.from_name("hese-3yr")
    with pytest.raises(DatasetError, match=r"'hese-7\.5yr' and 'hese-3yr' share events"):
        require_disjoint(("hese-7.5yr", *unfolded_points.samples))


def test_poisson_intervals_are_the_tabulated_ones():
    """Gehrels 1986, ApJ 303, 336, tables 1 and 2 at 84.13 %: n = 0, 1, 3, 10."""
    below, above = poisson_interval(np.array([0, 1, 3, 10]))
    np.testing.assert_allclose(above, [1.841, 2.300, 2.918, 4.267], atol=1e-3)
    np.testing.assert_allclose(below, [0, 0.827, 1.633, 3.109], atol=1e-3)


#: One of each kind; the others are drawn in the slow tier.
FIRST = {item.kind: item.name for item in reversed(datasets())}


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(
            item,
            id=f"{item.kind} {item.name}",
            marks=() if FIRST[item.kind] == item.name else pytest.mark.slow,
        )
        for item in datasets()
    ],
)
def test_every_data_set_can_be_drawn_with_units_and_title(item, tmp_path):
    path = tmp_path / "plots" / "drawn.png"
    figure = item.plot(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    [axes] = figure.axes
    [legend] = figure.legends
    assert legend.get_title().get_text() == item.title
    assert legend.get_texts()
    if item.kind in ("binned", "events"):
        assert axes.get_xlabel() == "deposited energy [GeV]"
        assert "events per bin" in axes.get_ylabel()
    else:
        assert "sr^{-1}" in axes.get_ylabel()
        scope = "sum of flavors" if item.name == "ehe-2025" else "per flavor"
        assert scope in axes.get_ylabel()


@pytest.mark.parametrize("name", HESE)
def test_drawn_events_add_up_to_the_counts(name):
    table = events(name)
    [axes] = plot_dataset(dataset(name, "events")).axes
    steps = [patch for patch in axes.patches if isinstance(patch, StepPatch) and patch.get_fill()]
    drawn = [int(patch.get_data().values.sum()) for patch in steps]
    assert drawn == [count for kind, count in table.counts.items() if kind != "coincident"]
    labels = axes.get_legend_handles_labels()[1]
    assert ("coincident" in " ".join(labels)) == ("coincident" in table.counts)


@pytest.mark.parametrize(("name", "above"), [("hese-3yr", 20), ("hese-7.5yr", 60)])
def test_binned_counts_are_drawn_in_their_bins(name, above):
    item = dataset(name)
    [axes] = plot_dataset(item).axes
    [steps] = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    np.testing.assert_array_equal(steps.get_data().edges, item.edges)
    assert steps.get_data().values.sum() == item.counts["events"]
    label = f"{item.counts['events']} observed events, {above} above 60 TeV"
    assert label in axes.get_legend_handles_labels()[1]


def test_power_law_fits_are_drawn_with_their_contour():
    fit = published_fit("hese-7.5yr")
    [axes] = plot_dataset(dataset("hese-7.5yr", "fit")).axes
    [point] = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    assert point.lines[0].get_xdata() == [2.87]
    assert point.lines[0].get_ydata() == pytest.approx([2.12])
    [curve] = [line for line in axes.get_lines() if "both" in str(line.get_label())]
    np.testing.assert_allclose(curve.get_xydata(), fit.contour / [1, 1e-18], rtol=1e-12)
    [bare] = plot_dataset(dataset("mese-11yr", "fit")).axes
    assert bare.get_legend_handles_labels()[1] == ["best fit"]


def test_other_fits_are_drawn_as_spectra():
    fit = published_fit("mese-11yr-broken")
    [axes] = plot_dataset(dataset("mese-11yr-broken")).axes
    [line] = axes.get_lines()
    energy, values = line.get_data()
    np.testing.assert_allclose(values, energy**2 * fit.flux(energy), rtol=1e-12)
    assert energy[np.argmax(values)] == pytest.approx(33.1e3, rel=0.04)  # one step of the grid


def test_unfolded_spectra_are_drawn_as_they_are_published():
    spectrum = unfolded("numu-9.5yr")
    [axes] = plot_dataset(dataset("numu-9.5yr", "unfolded")).axes
    heights = [c.lines[0].get_ydata() for c in axes.containers if isinstance(c, ErrorbarContainer)]
    np.testing.assert_array_equal(np.sort(np.concatenate(heights)), np.sort(spectrum.value))


def test_formats_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"'.*drawn.docx'.*suffix"):
        dataset("hese-3yr").plot(tmp_path / "drawn.docx")
    assert not list(tmp_path.iterdir())


def test_command_lists_every_data_set(capsys):
    assert main(["datasets"]) == 0
    said = capsys.readouterr().out
    blocks = re.split(rf"^({'|'.join(KINDS)}):\n", said, flags=re.MULTILINE)[1:]
    listed = dict(zip(blocks[::2], blocks[1::2], strict=True))
    assert list(listed) == list(KINDS)
    for kind, block in listed.items():
        assert re.findall(r"^  (\S+) ", block, re.MULTILINE) == of_kind(kind)
        for item in datasets(kind):
            assert item.title in block
            assert item.reference in " ".join(block.split())
    assert max(map(len, said.splitlines())) <= 110
    assert main(["datasets", "--kind", "limit"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "limit:"


def test_command_tells_of_one_and_draws_it(capsys, tmp_path):
    path = tmp_path / "fit.png"
    assert main(["datasets", "hese-7.5yr", "--kind", "fit", "--plot", str(path)]) == 0
    assert capsys.readouterr().out == f"{dataset('hese-7.5yr', 'fit')}\n\nwrote {path}\n"
    assert path.stat().st_size > 10_000
    assert main(["datasets", "hese-7.5yr"]) == 0
    assert capsys.readouterr().out == f"{dataset('hese-7.5yr')}\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["hese75"], "did you mean 'hese-7.5yr'"),
        (["hese-4yr", "--kind", "binned"], "of kind 'binned'"),
        (["--kind", "fits"], "did you mean 'fit'"),
        (["--plot", "x.png"], "say which"),
        (["hese-3yr", "--plot", "x.docx"], "the suffix must be one of"),
    ],
)
def test_command_refuses_in_one_line(arguments, complaint, capsys):
    assert main(["datasets", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("nuprop datasets: ")
    assert said.err.count("\n") == 1
    assert complaint in said.err


def test_help_names_the_command_and_loads_nothing():
    code = (
        "import sys\nfrom nuprop.cli import main\n"
        "try:\n    main(['datasets', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'jax', 'numpy', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--kind" in done.stdout
    assert "--plot" in done.stdout
