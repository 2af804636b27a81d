"""B-splines and their tables against scipy, and the files in which the release has them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import synthetic_mc as synthetic
from scipy.interpolate import BSpline, NdBSpline

from nuprop.errors import DatasetError
from nuprop.icecube.montecarlo import read_splines
from nuprop.icecube.montecarlo.splines import b_splines, read_table

CLAMPED = np.array([0.0, 0.0, 0.0, 0.3, 0.3, 0.7, 1.0, 1.0, 1.0])
UNIFORM = np.linspace(-1.0, 2.0, 10)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_b_splines_are_those_of_scipy(order):
    knots = np.sort(np.random.default_rng(4).uniform(-1.0, 1.0, 9))
    x = np.linspace(knots[order], knots[-order - 1], 41)[:-1]
    design = BSpline.design_matrix(x, knots, order).toarray()
    np.testing.assert_allclose(b_splines(x, knots, order), design, atol=1e-13)


def test_repeated_knots_and_both_ends():
    coefficients = np.random.default_rng(5).normal(size=6)
    spline = BSpline(CLAMPED, coefficients, 2)
    for x in (0.0, 0.1, 0.3, 0.5, 0.99, 1.0):
        assert b_splines(x, CLAMPED, 2) @ coefficients == pytest.approx(spline(x), abs=1e-14)


def test_near_the_last_knots_fewer_splines_are_summed():
    """Where scipy stops, as if more knots with vanishing coefficients followed."""
    coefficients = np.random.default_rng(6).normal(size=7)
    longer = np.concatenate([[-3.0, -2.0], UNIFORM, [3.0, 4.0]])
    spline = BSpline(longer, np.concatenate([[0.0] * 2, coefficients, [0.0] * 2]), 2)
    for x in (-0.99, -0.5, 0.4, 1.7, 1.99):
        assert b_splines(x, UNIFORM, 2) @ coefficients == pytest.approx(spline(x), abs=1e-14)


def test_the_last_argument_is_differentiated():
    coefficients = np.random.default_rng(6).normal(size=7)
    spline = BSpline(UNIFORM, coefficients, 2)

    def value(x):
        return b_splines(x, jnp.asarray(UNIFORM), 2, jnp) @ coefficients

    compiled = jax.jit(jax.value_and_grad(value))
    for x in (-0.2, 0.4, 1.1):
        found, slope = compiled(x)
        assert found == pytest.approx(spline(x), abs=1e-14)
        assert slope == pytest.approx(spline.derivative()(x), abs=1e-13)


@pytest.mark.parametrize("key", [("dom", "atmConv", 1), ("anisotropy", "diffuseAstro_mu", 0)])
def test_tables_are_evaluated_as_tensor_products(tmp_path, key):
    systematic, component, morphology = key
    written = synthetic.write_splines(tmp_path / "resources" / "splines", [systematic])
    table = read_splines(tmp_path)[key]
    name = synthetic.MORPHOLOGIES[morphology]
    axes = synthetic.axes_of(systematic, name)
    knots = tuple(synthetic.KNOTS[axis] for axis in axes)
    reference = NdBSpline(knots, written[systematic, component, name], 2)
    rng = np.random.default_rng(7)
    points = np.stack([rng.uniform(*synthetic.EXTENTS[axis], 50) for axis in axes], axis=-1)
    rows = table.last_axis(points[:, :-1])
    values = [
        row @ b_splines(eta, table.knots[-1], 2)
        for row, eta in zip(rows, points[:, -1], strict=True)
    ]
    np.testing.assert_allclose(values, reference(points), atol=1e-13)


@pytest.fixture
def table(tmp_path):
    """Write a table and read it back; its shape is (4, 5)."""
    knots = [np.linspace(0.0, 1.0, 7), np.linspace(0.0, 2.0, 8)]
    made = {
        "coefficients": np.arange(20.0).reshape(4, 5),
        "knots": knots,
        "orders": [2, 2],
        "extents": [0.3, 0.7, 0.6, 1.4],
    }

    def read(n_arguments=2, **changes):
        path = tmp_path / "table.fits"
        synthetic.write_table(path, *(made | changes).values())
        return read_table(path, n_arguments)

    return read


def test_axes_in_reverse_are_turned_around(table):
    straight, reversed_ = table(), table(coefficients=np.arange(20.0).reshape(4, 5).T)
    np.testing.assert_array_equal(straight.coefficients, reversed_.coefficients)
    np.testing.assert_array_equal(straight.extents, [[0.3, 0.7], [0.6, 1.4]])


@pytest.mark.parametrize("extents", [None, [[0.3, 0.7], [0.6, 1.4]]])
def test_without_a_list_of_extents_they_are_where_all_splines_reach(table, extents):
    """Photospline takes EXTENTS only as a list of 2 n numbers."""
    np.testing.assert_allclose(table(extents=extents).extents, [[1 / 3, 2 / 3], [4 / 7, 10 / 7]])


def test_one_order_may_stand_for_all(table, tmp_path):
    from astropy.io import fits

    table()
    with fits.open(tmp_path / "table.fits", mode="update") as file:
        del file[0].header["ORDER0"], file[0].header["ORDER1"]
        file[0].header["ORDER"] = 2
    assert read_table(tmp_path / "table.fits", 2).orders == (2, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coefficients": np.zeros((4, 6))}, r"shape \(4, 6\) do not belong .* make \(4, 5\)"),
        ({"coefficients": np.full((4, 5), np.nan)}, "not finite"),
        ({"n_arguments": 3}, "has 2 arguments: 3 are needed"),
        ({"orders": [2, 9]}, "8 knots of argument 1 are too few for degree 9"),
        ({"knots": [np.linspace(1.0, 0.0, 7), np.arange(8.0)]}, "argument 0 do not increase"),
        ({"knots": [np.linspace(0.0, 1.0, 7), np.full(8, 1.0)]}, "argument 1 do not increase"),
        ({"knots": [np.linspace(0.0, 1.0, 7)]}, "is not a table of photospline"),
        ({"orders": [2]}, "is not a table of photospline"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(table, changes, message):
    with pytest.raises(DatasetError, match=message):
        table(**changes)


def test_files_that_are_no_tables_are_refused(tmp_path):
    path = tmp_path / "table.fits"
    with pytest.raises(DatasetError, match=r"table.fits is missing"):
        read_table(path, 2)
    path.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(DatasetError, match="is not a table of photospline"):
        read_table(path, 2)


def test_folders_of_splines_that_are_missing_or_wrong(tmp_path):
    with pytest.raises(DatasetError, match=r"none of DOMEffSplines, .*resources/splines"):
        read_splines(tmp_path)
    synthetic.write_splines(tmp_path, ["ice"])
    tables = read_splines(tmp_path)
    assert {name for name, _, _ in tables} == {"ice"}
    assert len(tables) == 15
    place = tmp_path / "HoleIceSplines"
    file = place / "holeice_atmConv_track.fits"
    axes = [synthetic.KNOTS[axis] for axis in ("energy", "cosine", "dom")]
    synthetic.write_table(file, np.zeros([t.size - 3 for t in axes]), axes, [2, 2, 2])
    with pytest.raises(DatasetError, match=r"from 0.7375 to 1.3125 without 0, the nominal .*'ice'"):
        read_splines(tmp_path)
    file.unlink()
    with pytest.raises(DatasetError, match=r"holeice_atmConv_track.fits is missing"):
        read_splines(tmp_path)
