"""Figures of the laboratory: edges where bounds set in, legends that say whose they are."""

from dataclasses import dataclass, replace
from functools import partial

import matplotlib
import numpy as np
import pytest
from matplotlib.path import Path as Outline

import nuprop
import nuprop.laboratory_figures.photons as photons
import nuprop.laboratory_figures.planes as planes
import nuprop.laboratory_figures.tridents as tridents
from nuprop.errors import ConfigError, DatasetError, NupropError, ParameterError
from nuprop.inference import Profile
from nuprop.laboratory.beam_dump import DarkPhotonCurve, RecastDump
from nuprop.laboratory.constraint import Constraint
from nuprop.laboratory.moment_data import measurement
from nuprop.laboratory.planes import mass_plane, mixing_plane
from nuprop.laboratory.registry import find_constraint
from nuprop.laboratory_figures import draw_gap, draw_mass_plane, draw_mixing_plane, draw_tridents
from nuprop.laboratory_figures.gap import depth_couplings
from nuprop.laboratory_figures.words import without_mathtext
from nuprop.plot.bounds import edge_height, legend_entry
from nuprop.plot.gap_plane import GapCurve, plot_gap_plane
from nuprop.plot.mass_plane import plot_mass_plane
from nuprop.plot.mixing_plane import plot_mixing_plane
from nuprop.plot.photon_spectra import PhotonPanel, plot_photon_spectra
from nuprop.plot.trident_ratios import RatioMap, plot_energy_dependence, plot_ratio_map


@dataclass(frozen=True, kw_only=True)
class Limit(Constraint):
    """Excludes what lies above a coupling; light bosons only, if told so."""

    name: str = "limit"
    title: str = "Limit"
    references: tuple[str, ...] = ("araki2016", "hopkins2006", "jax2018")
    level: str = "2 sigma"
    quality: str = "approximate"
    limit: float = 1e-3
    heaviest: float | None = None

    def prepare(self, mass):
        import jax.numpy as jnp

        heaviest = np.inf if self.heaviest is None else self.heaviest
        return jnp.where(mass <= heaviest, 1.0 / self.limit, 0.0)

    def strength(self, zprime, prepared=None):
        return zprime.coupling * (self.prepare(zprime.mass) if prepared is None else prepared)


BOUNDS = (
    Limit(),
    Limit(name="rough", title="Rough", quality="anchor", level="90% CL", limit=2e-3),
    Limit(name="later", title="Later", level="3 sigma projection, 50 ab^-1", limit=1e-4),
    Limit(name="idle", title="Idle", limit=10.0),
)
GRID = {
    "kinetic_mixing": np.geomspace(1e-8, 1e-1, 15),
    "coupling": np.geomspace(1e-6, 1e-2, 21),
}


@pytest.fixture(scope="module")
def mixing():
    return [
        mixing_plane("10 MeV", BOUNDS, measurements=["muon-g-2-2014"], sign=sign, **GRID)
        for sign in (1, -1)
    ]


@pytest.fixture(scope="module")
def masses():
    axis = np.geomspace(1e-3, 10.0, 21)
    return mass_plane(BOUNDS, measurements=["muon-g-2-2014"], mass=axis, loop_mixing=False)


@pytest.fixture
def scan():
    mass, coupling = np.geomspace(2e-3, 0.05, 12), np.geomspace(1e-5, 1e-2, 14)
    distance = (np.log(mass / 0.01) ** 2)[:, None] + np.log(coupling / 5e-4) ** 2
    nll = 100.0 + 2.0 * distance
    nll[0, 0] = np.nan
    return Profile(
        axes={"mass": mass, "coupling": coupling},
        units={"mass": "GeV", "coupling": ""},
        logarithmic=("mass", "coupling"),
        nll=nll,
        values={},
        converged=np.isfinite(nll),
        null_nll=104.0,
        about={"data": ["hese-7.5yr"]},
    )


def legend(figure):
    return [text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()]


def outlines(axes):
    """Ends of the drawn contours, as (x, y) vertices of each."""
    for collection in axes.collections:
        if isinstance(collection, matplotlib.contour.QuadContourSet) and not collection.filled:
            for path in collection.get_paths():
                if path.codes is not None and Outline.LINETO in path.codes:
                    yield collection, path.vertices


def test_mixing_plane(mixing, tmp_path):
    figure = plot_mixing_plane(mixing, tmp_path / "plane.png")
    assert (tmp_path / "plane.png").stat().st_size > 10_000
    left, right = figure.axes
    assert left.get_title() == r"$\varepsilon > 0$"
    assert right.get_title() == r"$\varepsilon < 0$"
    for axes in (left, right):
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert axes.get_xlim() == pytest.approx((1e-8, 1e-1), rel=1e-6, abs=0.0)
        assert axes.get_ylim() == pytest.approx((1e-6, 1e-2))
        heights = {float(np.exp(np.mean(np.log(v[:, 1])))) for _, v in outlines(axes)}
        # linear in the coupling, hence exact between points of the grid in ln g'
        assert sorted(heights) == pytest.approx([1e-4, 1e-3, 2e-3], rel=0.05)
    entries = legend(figure)
    assert "Limit: Araki et al. 2016, Hopkins & Beacom 2006, 2 σ" in entries
    assert any(e.startswith("Rough: ") and e.endswith("90 % CL, rough anchor") for e in entries)
    assert any(e.endswith("3 σ projection, 50 ab$^{-1}$") for e in entries)
    assert any("favoured within 2 σ, PDG 2014" in e for e in entries)
    assert any("= 0.9" in e for e in entries)
    assert not any("Idle" in e for e in entries)
    assert "nothing excluded here by Idle" in figure.get_suptitle()
    assert "10 MeV" in figure.get_suptitle()


def test_anchors_and_projections_are_not_filled(mixing):
    figure = plot_mixing_plane(mixing[:1])
    filled = [
        c
        for c in figure.axes[0].collections
        if isinstance(c, matplotlib.contour.QuadContourSet) and c.filled
    ]
    assert len(filled) == 2  # the band, and the one limit
    dashes = [str(c.get_linestyle()) for c, _ in outlines(figure.axes[0])]
    assert len(set(dashes)) == 3


def test_the_legend_lies_below_the_axes(mixing):
    figure = plot_mixing_plane(mixing)
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0.0
    assert box.x1 <= figure.bbox.x1
    for axes in figure.axes:
        assert box.y1 <= axes.get_tightbbox().y0 + 1.0


def test_the_branching_line_is_where_it_should_be(mixing):
    figure = plot_mixing_plane(mixing)
    for axes in figure.axes:
        [line] = [line for line in axes.lines if line.get_linestyle() == "-."]
        x, y = line.get_data()
        assert x == pytest.approx(1.2554 * y, rel=1e-4)  # four digits


def test_known_points_are_marked():
    curve = DarkPhotonCurve([0.01], [1e-6], [1e-4], interpolate=False)
    dump = RecastDump(
        name="dump",
        title="Dump",
        references=("araki2016",),
        quality="anchor",
        curves=curve,
        length_ratio=0.5,
        production="electron",
    )
    plane = mixing_plane(
        "10 MeV",
        [dump],
        kinetic_mixing=np.geomspace(1e-8, 1e-1, 141),
        coupling=np.geomspace(1e-9, 1e-6, 4),
    )
    figure = plot_mixing_plane([plane])
    [marks] = [line for line in figure.axes[0].lines if line.get_marker() == "D"]
    cos = np.sqrt(1.0 - 0.23122)
    # linear in ln(signal) over steps of 12 %
    assert marks.get_xdata() == pytest.approx([1e-6 / cos, 1e-4 / cos], rel=0.01)


def test_mass_plane(masses, scan, tmp_path):
    figure = plot_mass_plane(masses, tmp_path / "mass.pdf", scan=scan)
    assert (tmp_path / "mass.pdf").stat().st_size > 5_000
    [axes] = figure.axes
    assert axes.get_xlabel() == r"mass $M_{Z'}$ [MeV]"
    assert axes.get_xlim() == pytest.approx((1.0, 1e4))
    entries = legend(figure)
    assert "hese-7.5yr: excluded at 90%, each mass apart (Wilks, 1 dof)" in entries
    for level in ("68.27 %", "95.45 %"):
        assert f"hese-7.5yr: {level} region of the best point (Wilks, 2 dof)" in entries
    [star] = [line for line in axes.lines if line.get_marker() == "*"]
    best = scan.best
    assert star.get_xdata()[0] == pytest.approx(1e3 * best["mass"])
    assert star.get_ydata()[0] == pytest.approx(best["coupling"])
    assert any("best point" in e and "lower by" in e for e in entries)
    assert "\nbest" not in axes.get_title()
    assert "nothing excluded here by Idle" in axes.get_title()


def test_a_scan_may_have_its_axes_the_other_way_round(masses, scan):
    turned = replace(
        scan,
        axes={name: scan.axes[name] for name in ("coupling", "mass")},
        nll=scan.nll.T,
        converged=scan.converged.T,
    )
    drawn = []
    for each in (scan, turned):
        figure = plot_mass_plane(masses, scan=each)
        drawn.append([v for c, v in outlines(figure.axes[0])])
    assert len(drawn[0]) == len(drawn[1])
    for one, other in zip(*drawn, strict=True):
        assert one == pytest.approx(other)


def test_a_scan_that_excludes_nothing(masses, scan):
    flat = replace(scan, nll=np.full_like(scan.nll, 100.0), null_nll=None, about={})
    entries = legend(plot_mass_plane(masses, scan=flat))
    assert "IceCube: best point" in entries
    assert not any("IceCube: excluded" in e for e in entries)


def test_scans_that_cannot_be_drawn(masses, scan):
    wrong = replace(scan, axes={"mass": scan.axes["mass"], "index": scan.axes["coupling"]})
    with pytest.raises(DatasetError, match="over mass, index: one over mass and coupling"):
        plot_mass_plane(masses, scan=wrong)
    empty = replace(scan, nll=np.full_like(scan.nll, np.nan))
    with pytest.raises(DatasetError, match="too few points"):
        plot_mass_plane(masses, scan=empty)


@pytest.mark.parametrize("other", [nuprop.Scalar.universal, nuprop.ZPrime.b_minus_l])
def test_a_scan_is_of_the_boson_that_the_bounds_are_of(masses, scan, other, tmp_path):
    def of(make):
        return replace(scan, about={**scan.about, "mediator": make("10 MeV", 1e-3).describe()})

    assert plot_mass_plane(masses, scan=of(nuprop.ZPrime.lmu_ltau)).axes
    name = other("10 MeV", 1e-3).describe()["model"]
    said = f"scan: of the mediator '{name}', but .* those of the Z' 'lmu-ltau'; a scan of that"
    with pytest.raises(ParameterError, match=said):
        plot_mass_plane(masses, scan=of(other))
    with pytest.raises(ParameterError, match=said):
        draw_mass_plane(scan=of(other), folder=tmp_path)
    assert not list(tmp_path.iterdir())
    theirs = replace(masses, fixed={**masses.fixed, "model": nuprop.ZPrime.b_minus_l})
    with pytest.raises(ParameterError, match=r"of the mediator 'lmu-ltau', but .* 'b-minus-l'"):
        plot_mass_plane(theirs, scan=of(nuprop.ZPrime.lmu_ltau))


def test_titles_name_the_boson(mixing, masses):
    def said(model):
        one, other = (
            replace(plane, fixed={**plane.fixed, "model": model}) for plane in (mixing[0], masses)
        )
        return plot_mixing_plane([one]).get_suptitle(), plot_mass_plane(other).axes[0].get_title()

    for model, words in (
        (nuprop.ZPrime.lmu_ltau, r"$L_\mu - L_\tau$, "),
        (nuprop.ZPrime.b_minus_l, "$B - L$, "),
        (partial(nuprop.ZPrime.single_flavor, "tau"), "single-flavor-tau, "),
    ):
        assert all(title.startswith(words) for title in said(model))


def test_planes_of_the_wrong_kind(mixing, masses):
    with pytest.raises(ParameterError, match="over the kinetic mixing"):
        plot_mixing_plane([masses])
    with pytest.raises(ParameterError, match="over the kinetic mixing"):
        plot_mixing_plane([])
    with pytest.raises(ParameterError, match="one over 'mass' is needed"):
        plot_mass_plane(mixing[0])


@pytest.mark.parametrize("plot", [plot_mixing_plane, plot_ratio_map, plot_photon_spectra])
def test_unknown_formats(plot, mixing, tmp_path):
    with pytest.raises(ConfigError, match="the suffix must be one of"):
        plot(mixing, tmp_path / "plane.docx")


def test_contours_pass_through_one_whatever_the_strength():
    strength = np.array([-5.0, 0.0, 0.1, 0.5, 1.0, 2.0, 1e9])
    height = edge_height(strength)
    assert np.all(np.diff(height) > 0.0)
    assert height[4] == 0.0
    assert np.all(np.isfinite(height))


def test_legend_of_an_upper_limit():
    assert legend_entry(find_constraint("muon-g-2-2025")).endswith("upper limit, 2 σ")


def test_titles_in_plain_text():
    assert without_mathtext(find_constraint("belle-ii").title) == "Belle II, γ + missing"


# --- the gap -----------------------------------------------------------------------------------

NEUTRINOS = {"lightest_mass": "0.08 eV"}
COLD = nuprop.Relics(thermal=False)


def shares(neutrinos):
    return np.array([1.0, 2.0, 0.0]) / 3.0 @ np.asarray(neutrinos.mixing)


@pytest.mark.slow
@pytest.mark.parametrize("average", ["survival", "depth"])
def test_gap_couplings_of_a_single_source(average):
    """Where it says, the optical depths of `nuprop.optical_depth` average to 1."""
    neutrinos = nuprop.Neutrinos(**NEUTRINOS)
    mass, energy = np.array([0.010, 0.012]), np.geomspace(4.1e5, 9.7e5, 5)
    some, every = depth_couplings(mass, energy, 1.0, neutrinos, COLD, average=average)
    for m, least, most in zip(mass, some, every, strict=True):
        if not np.isfinite(least):
            continue
        depths = []
        for g in (least, most):
            if not np.isfinite(g):
                continue
            zprime = nuprop.ZPrime.lmu_ltau(m, g)
            tau = nuprop.optical_depth(
                energy, 1.0, mediator=zprime, neutrinos=neutrinos, relics=COLD, channels="resonance"
            )
            if average == "depth":
                depths.append(shares(neutrinos) @ tau)
            else:
                depths.append(-np.log(shares(neutrinos) @ np.exp(-tau)))
        assert depths[0].max() == pytest.approx(1.0, rel=1e-9)
        if len(depths) > 1:
            assert depths[1].min() == pytest.approx(1.0, rel=1e-9)
    assert np.isfinite(some).all()
    assert np.all(every >= some)


@pytest.mark.slow
def test_gap_couplings_of_many_sources():
    """Against a sum over ten thousand shells, by `nuprop.optical_depth`."""
    neutrinos = nuprop.Neutrinos(**NEUTRINOS)
    energy = np.array([6.0e5])
    some, every = depth_couplings(np.array([0.012]), energy, None, neutrinos, COLD)
    assert some == every
    z = np.linspace(0.0, 5.0, 10_001)[1:] - 2.5e-4
    zprime = nuprop.ZPrime.lmu_ltau(0.012, float(some[0]))
    tau = nuprop.optical_depth(
        6.0e5, z, mediator=zprime, neutrinos=neutrinos, relics=COLD, channels="resonance"
    )
    weight = np.asarray(nuprop.Source("yuksel-2008").evolution.density(z))
    weight = weight / ((1.0 + z) * np.asarray(nuprop.expansion().hubble(z)))
    mean = np.sum(weight * (shares(neutrinos) @ np.exp(-tau))) / np.sum(weight)
    # a resonance is crossed at one redshift: 400 nodes place it to a per cent
    assert -np.log(mean) == pytest.approx(1.0, abs=0.015)


def test_gap_of_relics_in_motion_is_that_of_relics_at_rest_widened():
    neutrinos = nuprop.Neutrinos(**NEUTRINOS)
    mass, energy = np.array([0.012]), np.array([6.0e5])
    warm, _ = depth_couplings(mass, energy, 1.0, neutrinos, nuprop.Relics())
    cold, _ = depth_couplings(mass, energy, 1.0, neutrinos, COLD)
    # far inside the bands: the line is narrow beside the redshift
    assert warm == pytest.approx(cold, rel=0.02)


def test_no_coupling_opens_a_gap_elsewhere():
    neutrinos = nuprop.Neutrinos(**NEUTRINOS)
    some, every = depth_couplings(np.array([0.05]), np.array([6.0e5]), 1.0, neutrinos, COLD)
    assert some == every == np.inf


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"average": "mean"}, "average = 'mean'"),
        ({"z": 30.0}, "between 0 and 20"),
        ({"evolution": "yuksel-2007"}, "did you mean"),
    ],
)
def test_bad_gaps(change, message):
    arguments = {"z": 1.0} | change
    z = arguments.pop("z")
    with pytest.raises(NupropError, match=message):
        depth_couplings(np.array([0.01]), np.array([6e5]), z, None, COLD, **arguments)


def test_gap_plane(tmp_path):
    mass = np.geomspace(2e-3, 0.05, 40)
    inside = (mass > 8e-3) & (mass < 2e-2)
    curve = GapCurve("sources at z = 1", mass, np.where(inside, 3e-4, np.inf), np.full(40, np.inf))
    moments = [measurement(name) for name in ("muon-g-2-2014", "muon-g-2-2025")]
    figure = plot_gap_plane(
        [curve], tmp_path / "gap.png", window=(4e5, 1e6), moments=moments, note="what it is"
    )
    assert (tmp_path / "gap.png").stat().st_size > 10_000
    entries = legend(figure)
    assert any("favoured within 2 σ, PDG 2014" in e for e in entries)
    assert any("upper limit, 2 σ, FNAL 2025" in e for e in entries)
    assert "at every energy of it (nowhere here)" in entries
    assert "400 TeV to 1 PeV" in figure.get_suptitle()
    assert figure.axes[0].get_title(loc="left") == "what it is"
    low, high = figure.axes[0].get_xlim()
    assert 2.0 <= low < 8.0 < 20.0 < high <= 50.0
    with pytest.raises(ParameterError, match="at least one"):
        plot_gap_plane([], window=(4e5, 1e6))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"window": ("1 PeV", "400 TeV")}, ParameterError, "two rising energies"),
        ({"window": ("1 m", "400 TeV")}, NupropError, "unit"),
        ({"moments": ["muon-g-2"]}, DatasetError, "measurement"),
        ({"ordering": "upside-down"}, NupropError, "ordering"),
        ({"suffix": "docx"}, ConfigError, "suffix"),
        ({"points": 5}, ParameterError, "from 10 to 1000"),
    ],
)
def test_bad_gap_figures(change, error, message, tmp_path):
    with pytest.raises(error, match=message):
        draw_gap(folder=tmp_path, **change)
    assert not list(tmp_path.iterdir())


# --- from names to files -----------------------------------------------------------------------


@pytest.fixture
def cheap(monkeypatch):
    """Bounds that cost nothing, in place of the real ones."""
    known = {bound.name: bound for bound in BOUNDS} | {"step": Limit(name="step", heaviest=0.2)}
    monkeypatch.setattr(planes, "find_constraint", known.__getitem__)
    monkeypatch.setattr(planes, "MIXING_BOUNDS", tuple(known))
    monkeypatch.setattr(planes, "MASS_BOUNDS", tuple(known))


@pytest.mark.usefixtures("cheap")
def test_drawing_planes(tmp_path, scan, monkeypatch):
    drawn = []
    original = planes.plot_mass_plane
    monkeypatch.setattr(
        planes,
        "plot_mass_plane",
        lambda plane, path, **options: drawn.append((plane, options)) or original(plane, path),
    )
    path = draw_mixing_plane("10 MeV", points=12, signs=(-1,), folder=tmp_path)
    assert path == tmp_path / "lab-plane-10MeV.png"
    assert path.stat().st_size > 10_000
    saved = scan.save(tmp_path / "scan.npz")
    path = draw_mass_plane(points=12, scan=saved, moments=["muon-g-2-2023"], folder=tmp_path / "a")
    assert path == tmp_path / "a" / "lab-plane-mass.png"
    assert path.exists()
    [(plane, options)] = drawn
    assert options["scan"].names == ("mass", "coupling")
    assert list(plane.pulls) == ["muon-g-2-2023"]
    # the bound that ends at 200 MeV ends between two neighbors of the grid
    i = np.searchsorted(plane.x, 0.2)
    assert plane.x[i] / plane.x[i - 1] - 1.0 < 3e-5
    assert plane.strengths["step"][0, i] == 0.0 < plane.strengths["step"][0, i - 1]


def test_moments_become_bands_or_limits():
    found, bands = planes._chosen((), ("muon-g-2-2014", "muon-g-2-2025", "muon-g-2-2014"), "events")
    assert [c.name for c in found] == ["muon-g-2-2025"]
    assert [data.name for data in bands] == ["muon-g-2-2014"]


def test_the_criterion_of_dumps():
    [dump, other], _ = planes._chosen(("e141", "borexino"), (), "lifetime")
    assert dump.criterion == "lifetime"
    assert dump.level == "95% CL, lifetime criterion"
    assert other == find_constraint("borexino")


@pytest.mark.parametrize(
    ("draw", "change", "error", "message"),
    [
        (draw_mixing_plane, {"mass": "10 m"}, NupropError, "unit"),
        (draw_mixing_plane, {"mass": -1.0}, ParameterError, "positive energy, such as '10 MeV'"),
        (draw_mixing_plane, {"bounds": ["ccrf"]}, DatasetError, "did you mean 'ccfr'"),
        (draw_mixing_plane, {"moments": ["muon-g-2-2015"]}, DatasetError, "did you mean"),
        (draw_mixing_plane, {"dumps": "lifetimes"}, ConfigError, "did you mean 'lifetime'"),
        (draw_mixing_plane, {"points": 10.5}, ParameterError, "a whole number from 10"),
        (draw_mixing_plane, {"suffix": "docx"}, ConfigError, "suffix"),
        (draw_mass_plane, {"scan": "absent.npz"}, FileNotFoundError, "absent.npz"),
        (draw_tridents, {"couplings": [0.0]}, ParameterError, "couplings"),
        (draw_tridents, {"energy": -1.0}, ParameterError, "energy"),
        (draw_tridents, {"kinetic_mixing": 2.0}, ParameterError, "between -1 and 1"),
        (photons.draw_photons, {"collider": "belle"}, DatasetError, "did you mean 'belle-ii'"),
        (photons.draw_photons, {"coupling": 0.0}, ParameterError, "positive number"),
        (photons.draw_photons, {"kinetic_mixing": "x"}, NupropError, "kinetic_mixing"),
    ],
)
def test_bad_input(draw, change, error, message, tmp_path):
    arguments = {} if draw in (draw_mass_plane, photons.draw_photons) else {"mass": "10 MeV"}
    with pytest.raises(error, match=message):
        draw(**(arguments | {"folder": tmp_path} | change))
    assert not list(tmp_path.iterdir())


def test_a_scan_over_other_parameters(tmp_path, scan):
    axes = {"mass": scan.axes["mass"], "index": scan.axes["coupling"]}
    saved = replace(scan, axes=axes, units={}).save(tmp_path / "scan.npz")
    with pytest.raises(DatasetError, match="the scan is over mass, index"):
        draw_mass_plane(scan=saved, bounds=["n-eff"], folder=tmp_path / "figures")


# --- tridents and photons ----------------------------------------------------------------------


def test_ratio_map(mixing, tmp_path):
    ratio = 0.6 + GRID["coupling"][:, None] * np.ones(15) * 1e4
    figure = plot_ratio_map([RatioMap(p, ratio) for p in mixing], tmp_path / "map.png", title="R")
    assert (tmp_path / "map.png").stat().st_size > 10_000
    ticks = [text.get_text() for text in figure.axes[-1].get_yticklabels()]
    assert {"0.5", "2", "100"} <= set(ticks)
    assert any(entry.startswith("Limit: ") for entry in legend(figure))
    with pytest.raises(ParameterError, match="at least one"):
        plot_ratio_map([])


def test_energy_dependence(tmp_path):
    energy = np.geomspace(0.1, 100.0, 20)
    standard = np.where(energy > 0.3, 1e-43 * energy**2, 0.0)
    figure = plot_energy_dependence(
        energy,
        standard,
        {"a": 2.0 * standard, "b": 3.0 * standard},
        tmp_path / "energy.svg",
        marked={"CCFR": 50.0},
    )
    assert (tmp_path / "energy.svg").exists()
    upper, lower = figure.axes
    assert upper.lines[0].get_ydata() == pytest.approx(2.0)
    assert lower.get_xlim()[0] > 0.3  # below the threshold there is nothing
    assert legend(figure) == ["Standard Model", "a", "b"]


def test_photon_spectra(tmp_path):
    energy = np.linspace(0.1, 7.0, 50)
    panel = PhotonPanel("laboratory", energy, 1.0 / energy, {"line": np.exp(-((energy - 5) ** 2))})
    figure = plot_photon_spectra([panel, panel], tmp_path / "photons.png", title="points")
    assert (tmp_path / "photons.png").stat().st_size > 10_000
    assert figure.axes[0].get_ylabel() == r"$d\sigma/dE_\gamma$ [fb/GeV]"
    assert legend(figure)[-1] == "line"
    with pytest.raises(ParameterError, match="at least one"):
        plot_photon_spectra([])


@pytest.mark.slow
def test_drawing_tridents(tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(tridents, "_ENERGIES", np.array([1.0, 1.5, 20.0]))
    monkeypatch.setattr(
        tridents, "plot_energy_dependence", lambda *given, **_: seen.update(given=given)
    )
    monkeypatch.setattr(tridents, "plot_ratio_map", lambda maps, *_, **__: seen.update(maps=maps))
    paths = draw_tridents("10 MeV", points=11, couplings=[5e-4], folder=tmp_path)
    assert [path.name for path in paths] == [
        "lab-tridents-10MeV.png",
        "lab-tridents-10MeV-energy.png",
    ]
    _, standard, boson, _ = seen["given"]
    [sigma] = boson.values()
    assert sigma[1] / standard[1] == pytest.approx(2.89678, rel=2e-4)  # six digits
    plus, minus = seen["maps"]
    assert plus.ratio[:, 0] == pytest.approx(minus.ratio[:, 0], rel=1e-3)  # hardly any mixing
    assert np.all(minus.ratio[-1] > plus.ratio[-1])
    with pytest.raises(ParameterError, match="makes no pair of muons"):
        draw_tridents("10 MeV", energy="0.2 GeV", points=11, folder=tmp_path)


@pytest.mark.slow
def test_drawing_photons(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        photons, "plot_photon_spectra", lambda panels, *_, **__: seen.append(panels)
    )
    path = photons.draw_photons(["10 MeV"], folder=tmp_path)
    assert path.name == "lab-photons-belle-ii.png"
    [[lab, center]] = seen
    for panel in (lab, center):
        [(label, line)] = panel.lines.items()
        assert "1812 events" in label
        # 3.62405e-2 fb; the grid of energies resolves the line to a per mille
        assert np.trapezoid(line, panel.energy) == pytest.approx(3.62405e-2, rel=5e-3)
    assert center.energy[np.argmax(line)] == pytest.approx(5.29, abs=0.02)


@pytest.mark.slow
def test_drawing_the_gap(tmp_path):
    path = draw_gap(points=40, thermal=False, average="depth", folder=tmp_path)
    assert path.stat().st_size > 10_000


@pytest.mark.slow
def test_drawing_every_bound(tmp_path):
    """The whole figure, from names to a file, on a coarse grid."""
    path = draw_mixing_plane("10 MeV", points=20, folder=tmp_path)
    assert path.stat().st_size > 50_000
    path = draw_mass_plane(points=20, folder=tmp_path)
    assert path.stat().st_size > 50_000
