"""Planes of bounds, the couplings where they set in, and the list of all of them."""

import ast
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nuprop
from nuprop import laboratory
from nuprop.citation import bibtex, short
from nuprop.constants import ELEMENTARY_CHARGE, SIN2_THETA_W
from nuprop.errors import ConfigError, DatasetError, ParameterError, UnitError
from nuprop.laboratory.constraint import Constraint
from nuprop.laboratory.limits import excluded_couplings, largest_coupling
from nuprop.laboratory.planes import mass_axis, mass_plane, mixing_plane
from nuprop.laboratory.registry import constraints, find_constraint
from nuprop.mediators import ZPrime

COS = np.sqrt(1.0 - SIN2_THETA_W)
#: With the oscillations that the numbers were computed for.
BOREXINO = replace(
    find_constraint("borexino"), neutrinos=nuprop.Neutrinos(oscillations="nufit-5.2")
)


@dataclass(frozen=True, kw_only=True)
class Power(Constraint):
    """Excludes g' above `limit` (M/10 MeV), or within a window of it."""

    name: str = "power"
    title: str = "Power"
    references: tuple[str, ...] = ("araki2016",)
    level: str = "2 sigma"
    quality: str = "exact"
    limit: float = 1e-4
    window: float = 0.0

    def prepare(self, mass):
        return self.limit * mass / 0.01

    def strength(self, zprime, prepared=None):
        scale = self.prepare(zprime.mass) if prepared is None else prepared
        ratio = zprime.coupling / scale
        if self.window:
            return jnp.exp(self.window**2 - jnp.log(ratio) ** 2)
        return ratio


@dataclass(frozen=True, kw_only=True)
class Mixing(Power):
    """Excludes g_e of one sign."""

    name: str = "mixing"

    def strength(self, zprime, prepared=None):
        return -zprime.charged_couplings[0].real / 1e-4


GRID = {
    "kinetic_mixing": np.geomspace(1e-6, 1e-2, 7),
    "coupling": np.geomspace(1e-5, 1e-2, 5),
}


def of_moment(bound, strength):
    """Pull of a measurement, from the strength of its upper limit."""
    data = bound.measurement
    return (strength * bound.largest - data.difference) / data.error


def test_a_plane_holds_what_each_boson_gives():
    moment, power = find_constraint("muon-g-2-2025"), Power()
    plane = mixing_plane("10 MeV", [moment, power], measurements=[moment.name], sign=-1, **GRID)
    assert list(plane.strengths) == ["muon-g-2-2025", "power"]
    assert plane.strengths["power"].shape == (5, 7)
    assert np.array_equal(plane.x, -GRID["kinetic_mixing"])
    assert plane.fixed == {"mass": 0.01, "loop_mixing": False, "model": ZPrime.lmu_ltau}
    alone = jax.jit(moment.strength)
    for i, j in ((0, 0), (2, 5), (4, 6)):
        boson = ZPrime.lmu_ltau(0.01, plane.coupling[i], kinetic_mixing=plane.x[j])
        expected = float(alone(boson))
        assert plane.strengths[moment.name][i, j] == pytest.approx(expected, rel=1e-12, abs=0.0)
        assert plane.strengths["power"][i, j] == pytest.approx(plane.coupling[i] / 1e-4, rel=1e-12)
    pulls = of_moment(moment, plane.strengths[moment.name])
    assert plane.pulls[moment.name] == pytest.approx(pulls, rel=1e-10)


def test_the_sign_of_the_mixing_reaches_the_couplings():
    plus, minus = (mixing_plane("10 MeV", [Mixing()], sign=s, **GRID) for s in (1, -1))
    assert np.all(plus.strengths["mixing"] > 0.0)
    assert plus.strengths["mixing"] == pytest.approx(-minus.strengths["mixing"], rel=1e-12)
    expected = ELEMENTARY_CHARGE * COS * plus.x / 1e-4
    assert plus.strengths["mixing"][0] == pytest.approx(expected, rel=1e-12)


def test_loops_mix_and_other_models_have_none():
    tree, loop = (mixing_plane("10 MeV", [Mixing()], loop_mixing=x, **GRID) for x in (False, True))
    added = loop.strengths["mixing"] - tree.strengths["mixing"]
    assert np.all(np.diff(added, axis=0) > 0.0)  # the loop grows with g'
    with pytest.raises(ParameterError, match="loop_mixing"):
        mixing_plane("10 MeV", [], loop_mixing=True, model=ZPrime.b_minus_l, **GRID)
    plane = mixing_plane("10 MeV", [Power()], model=ZPrime.b_minus_l, **GRID)
    assert plane.fixed["model"] == ZPrime.b_minus_l


def test_over_masses():
    plane = mass_plane(
        [Power(), find_constraint("muon-g-2-2025")],
        measurements=["muon-g-2-2025"],
        mass=[0.01, 0.02, 0.1],
        coupling=GRID["coupling"],
        kinetic_mixing=1e-5,
    )
    assert plane.x_name == "mass"
    assert plane.strengths["power"] == pytest.approx(
        GRID["coupling"][:, None] / (1e-4 * plane.x / 0.01), rel=1e-12
    )
    bound = plane.constraints["muon-g-2-2025"]
    boson = ZPrime.lmu_ltau(0.1, GRID["coupling"][3], kinetic_mixing=1e-5, loop_mixing=True)
    expected = float(jax.jit(bound.strength)(boson))
    assert plane.strengths[bound.name][3, 2] == pytest.approx(expected, rel=1e-10)
    pulls = of_moment(bound, plane.strengths[bound.name])
    assert plane.pulls[bound.name] == pytest.approx(pulls, rel=1e-10)


def test_excluded_and_favoured():
    projected = Power(name="later", level="3 sigma projection", limit=1e-6)
    plane = mixing_plane(
        "10 MeV",
        [Power(), Power(name="weak", limit=1e-3), projected],
        measurements=["muon-g-2-2014"],
        **GRID,
    )
    above = np.broadcast_to(GRID["coupling"][:, None] > 1e-4, (5, 7))
    assert np.array_equal(plane.excluded(), above)  # what is to come excludes nothing
    assert np.array_equal(plane.excluded("later"), np.broadcast_to(above | True, (5, 7)))
    assert plane.excluded("weak").sum() < above.sum()
    assert np.array_equal(
        plane.favoured("muon-g-2-2014", 3.0), np.abs(plane.pulls["muon-g-2-2014"]) <= 3.0
    )
    with pytest.raises(DatasetError, match="did you mean 'power'"):
        plane.excluded("powr")
    with pytest.raises(DatasetError, match="measurement of this plane"):
        plane.favoured("muon-g-2-2015")
    assert not mixing_plane("10 MeV", [], **GRID).excluded().any()


def test_masses_have_a_neighbor_on_either_side_of_every_threshold():
    axis = mass_axis(steps=[0.2])
    assert np.all(np.diff(axis) > 0.0)
    assert axis[0] == 1e-3
    assert axis[-1] == pytest.approx(10.0)
    for place in (2 * 0.51099895e-3, 2 * 0.1056583755, 2 * 1.77686, 0.2):
        i = np.searchsorted(axis, place)
        assert axis[i] / axis[i - 1] - 1.0 < 3e-5


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"mass": "10 m"}, UnitError, "mass = 10"),
        ({"mass": 0.0}, ParameterError, "a positive energy"),
        ({"sign": 0}, ParameterError, "sign = 0: 1 or -1"),
        ({"kinetic_mixing": [1e-3, 1.5]}, ParameterError, "between -1 and 1"),
        ({"kinetic_mixing": [1e-3, -1e-2]}, ParameterError, "positive, rising"),
        ({"coupling": [2e-3, 1e-3]}, ParameterError, "coupling = .*positive, rising"),
        ({"coupling": [[1e-3]]}, ParameterError, "one row"),
        ({"measurements": ["muon-g-2-2015"]}, DatasetError, "did you mean"),
    ],
)
def test_bad_planes(change, error, message):
    arguments = {"mass": "10 MeV", **GRID} | change
    with pytest.raises(error, match=message):
        mixing_plane(arguments.pop("mass"), [Power()], **arguments)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"mass": ["10 MeV"]}, UnitError, "mass"),
        ({"mass": [0.1, 0.01]}, ParameterError, "positive, rising"),
        ({"kinetic_mixing": 1.0}, ParameterError, "between -1 and 1"),
        ({"kinetic_mixing": float("nan")}, ParameterError, "between -1 and 1"),
        ({"coupling": [0.0, 1.0]}, ParameterError, "positive, rising"),
    ],
)
def test_bad_planes_over_masses(change, error, message):
    with pytest.raises(error, match=message):
        mass_plane([Power()], **change)


def test_couplings_where_a_bound_sets_in():
    # closed form; the search closes in to 1e-12 in ln g'
    [(low, high)] = excluded_couplings(Power(), "30 MeV", highest=0.1)
    assert low == pytest.approx(3e-4, rel=1e-10, abs=0.0)
    assert high == pytest.approx(0.1, rel=1e-12)
    window = Power(window=1.5)
    [(low, high)] = excluded_couplings(window, 0.01)
    assert (low, high) == pytest.approx(
        (1e-4 * np.exp(-1.5), 1e-4 * np.exp(1.5)), rel=1e-10, abs=0.0
    )
    assert largest_coupling(window, 0.01) == pytest.approx(low, rel=1e-14, abs=0.0)
    assert excluded_couplings(window, 0.01, lowest=0.1) == []
    assert largest_coupling(window, 0.01, lowest=0.1) == float("inf")
    [(low, _)] = excluded_couplings(Power(limit=1e-14), 0.01)
    assert low == pytest.approx(1e-12, rel=1e-12, abs=0.0)  # where the search begins


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mass": -1.0}, "mass = -1.0: a positive energy"),
        ({"kinetic_mixing": 2.0}, "between -1 and 1"),
        ({"lowest": 0.0}, "lowest = 0.0: > 0"),
        ({"lowest": 1e-3, "highest": 1e-4}, "more than lowest = 0.001"),
    ],
)
def test_bad_searches(change, message):
    arguments = {"mass": 0.01} | change
    with pytest.raises(ParameterError, match=message):
        excluded_couplings(Power(), arguments.pop("mass"), **arguments)


def test_every_bound_is_listed_with_its_source():
    known = constraints()
    assert {
        "electron-g-2",
        "muon-g-2-2014",
        "muon-g-2-2025",
        "borexino",
        "ccfr",
        "charm-ii",
        "e141",
        "e137",
        "e774",
        "orsay",
        "kek",
        "u70",
        "n-eff",
        "belle-ii",
        "babar-invisible",
    } <= set(known)
    for name, bound in known.items():
        assert bound.name == name
        assert bound.title
        assert bound.level
        assert bound.quality in ("exact", "approximate", "anchor")
        assert bound.references
        assert bibtex(bound.references) == bound.citation()
        assert hash(bound) == hash(bound)  # a compiled program is kept for each
        assert all(len(short(key)) > 5 for key in bound.references)
    assert [name for name, bound in known.items() if bound.is_projection] == ["belle-ii"]
    assert {name for name, bound in known.items() if bound.quality == "anchor"} == {
        "u70",
        "u70-pi0",
        "u70-bremsstrahlung",
        "babar-invisible",
    }
    known.clear()  # a copy
    assert constraints()


def test_unknown_bounds_name_the_nearest():
    with pytest.raises(DatasetError, match="constraint 'ccrf' is unknown; did you mean 'ccfr'"):
        find_constraint("ccrf")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("araki2016", "Araki et al. 2016"),
        ("hopkins2006", "Hopkins & Beacom 2006"),
        ("bellini2011", "Bellini et al. 2011"),
        ("blumlein2011", "Blümlein & Brunner 2011"),
        ("astropy2022", "Astropy Collaboration 2022"),
        ("Someone, private letter", "Someone, private letter"),
    ],
)
def test_short_references(key, words):
    assert short(key) == words


def test_unknown_short_reference():
    with pytest.raises(ConfigError, match="did you mean"):
        short("araki2018")


def test_the_laboratory_is_lazy():
    code = (
        "import sys, nuprop.laboratory as lab; dir(lab);"
        "print([m for m in ('jax', 'numpy', 'astropy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there():
    assert nuprop.laboratory is laboratory
    for name in laboratory.__all__:
        assert getattr(laboratory, name) is not None
        assert name in dir(laboratory)
    with pytest.raises(AttributeError, match="no attribute 'plane'"):
        laboratory.plane  # noqa: B018


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(laboratory.__file__).read_text())
    [guarded] = [n for n in tree.body if isinstance(n, ast.If)]
    imported = {alias.asname: node.module for node in guarded.body for alias in node.names}
    home = "nuprop.laboratory"
    assert imported == {
        name: f"{home}.{module}" if module else home for name, module in laboratory._PUBLIC.items()
    }


@pytest.mark.slow
def test_the_whole_plane_at_ten_mev():
    """Edges of the talk's first figure, where each bound is known by itself."""
    names = ("electron-g-2", "e141", "e137", "ccfr", "charm-ii", "muon-g-2-2025")
    grid = {"kinetic_mixing": np.geomspace(1e-8, 1e-1, 100)}
    grid["coupling"] = np.geomspace(1e-6, 1e-2, 100)
    bounds = [BOREXINO, *(constraints()[name] for name in names)]
    plane = mixing_plane("10 MeV", bounds, **grid)
    epsilon, coupling = np.meshgrid(plane.x, plane.coupling)
    assert np.array_equal(plane.excluded("electron-g-2"), epsilon * COS > 1.246e-3)
    far = np.abs(np.log(coupling * epsilon * COS / 2.5235e-9)) > 1e-3
    known = coupling * epsilon * COS > 2.5235e-9
    assert np.array_equal(plane.excluded("borexino")[far], known[far])
    # without mixing the others do not depend on it: limits at the left edge
    for name, limit in (("ccfr", 8.825e-4), ("charm-ii", 9.224e-4), ("muon-g-2-2025", 4.090e-4)):
        assert np.array_equal(plane.excluded(name)[:, 0], plane.coupling > limit)
    # E137 at g' = 1e-5 excludes eps_A in [7.196e-6, 1.933e-5]
    row = int(np.argmin(np.abs(plane.coupling - 1e-5)))
    inside = plane.x[plane.excluded("e137")[row]] * COS
    step = plane.x[1] / plane.x[0]
    assert inside.min() == pytest.approx(7.196e-6, rel=2 * (step - 1.0), abs=0.0)
    assert inside.max() == pytest.approx(1.933e-5, rel=2 * (step - 1.0), abs=0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mass", "limit"),
    [
        ("ccfr", 0.01, 8.825e-4),
        ("ccfr", 0.1, 11.60e-4),
        ("ccfr", 10.0, 190.3e-4),
        ("charm-ii", 0.01, 9.224e-4),
        ("charm-ii", 1.0, 42.28e-4),
        ("muon-g-2-2025", 0.1, 7.691e-4),
    ],
)
def test_limits_without_mixing(name, mass, limit):
    # the numbers have four digits
    assert largest_coupling(constraints()[name], mass) == pytest.approx(limit, rel=2e-4, abs=0.0)


@pytest.mark.slow
def test_the_limit_of_loops_alone():
    found = largest_coupling(BOREXINO, "10 MeV", loop_mixing=True)
    assert found == pytest.approx(4.18e-4, rel=2e-3, abs=0.0)  # three digits
