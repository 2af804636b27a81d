"""DiffuseFlux: sums and shares, the books, and a round trip through a file that loses nothing."""

import re
from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from hypothesis import given, settings
from hypothesis import strategies as st

import nuprop
from nuprop.balance import Balance
from nuprop.errors import ConfigError, DatasetError, GridError, Status
from nuprop.summary import human_energy, in_words

EXACT = 1e-14  # sums of six float64 in another order


def same(a, b):
    arrays = ("energy_gev", "values", "free_values", "mixing", "resonances_gev")
    assert all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in arrays)
    assert (a.edges_gev is None) == (b.edges_gev is None)
    if a.edges_gev is not None:
        assert a.edges_gev.tobytes() == b.edges_gev.tobytes()
    others = "z_max method method_reason status balance parameters citations per_steradian".split()
    assert {n: getattr(a, n) for n in others} == {n: getattr(b, n) for n in others}


def test_every_way_to_sum_the_flux_gives_the_same_total(fake_flux):
    flux = fake_flux()
    total = flux.total
    assert total.unit == u.Unit("1 / (GeV cm2 s sr)")
    for parts in (flux.per_flavor, flux.per_mass_eigenstate, flux.neutrinos + flux.antineutrinos):
        assert parts.shape == (3, 60)
        np.testing.assert_allclose(parts.sum(axis=0).value, total.value, rtol=EXACT)
    np.testing.assert_allclose(flux.flavor_ratios.sum(axis=0), 1.0, rtol=EXACT)


def test_flavor_is_the_mixing_matrix_times_mass_eigenstates(fake_flux):
    flux = fake_flux()
    electron = sum(flux.mixing[0, i] * flux.values[0, i] for i in range(3))
    np.testing.assert_allclose(flux.neutrinos[0].value, electron, rtol=EXACT)


def test_transmission_is_one_outside_the_dip_and_the_survival_inside(fake_flux):
    flux = fake_flux()
    outside = (flux.energy_gev < 2e5) | (flux.energy_gev > 7e5)
    np.testing.assert_allclose(flux.transmission[outside], 1.0, rtol=EXACT)
    inside = np.argmin(np.abs(flux.energy_gev - 4e5))
    survival = np.exp([-1.3, -2.7, -3.8])
    shares = flux.free_values.sum(axis=0)[:, inside]
    expected = survival @ shares / shares.sum()
    assert flux.transmission[inside] == pytest.approx(expected, rel=EXACT)
    electron = flux.mixing[0] @ (survival * shares) / (flux.mixing[0] @ shares)
    assert flux.flavor_transmission[0, inside] == pytest.approx(electron, rel=EXACT)


def test_free_flux_is_the_same_object_without_interaction(fake_flux):
    flux = fake_flux()
    free = flux.free
    assert np.array_equal(free.total.value, flux.free_values.sum(axis=(0, 1)))
    assert np.array_equal(free.transmission, np.ones(60))
    assert free.check() == Balance()
    assert free.status is Status.OK
    assert free.parameters["mediator"] is None
    assert "nothing interacted" in str(free)


def test_ratios_without_a_free_flux_are_defined(fake_flux):
    flux = fake_flux(3)
    free, values = np.zeros((2, 3, 3)), np.zeros((2, 3, 3))
    free[..., 0] = values[..., 0] = values[..., 1] = 1.0
    empty = replace(flux, free_values=free, values=values)
    assert empty.transmission.tolist() == [1.0, np.inf, 1.0]
    assert empty.flavor_ratios[:, 2].tolist() == [0.0, 0.0, 0.0]


def test_a_point_source_has_no_steradian(fake_flux):
    assert fake_flux(per_steradian=False).per_flavor.unit == u.Unit("1 / (GeV cm2 s)")


def test_cells_have_edges_and_points_do_not(fake_flux):
    cells = fake_flux(cells=True)
    assert cells.energy_edges.shape == (61,)
    assert cells.energy_edges.unit == u.GeV
    assert fake_flux().energy_edges is None


def test_arrays_cannot_be_changed_from_outside(fake_flux):
    flux = fake_flux()
    with pytest.raises(ValueError, match="read-only"):
        flux.values[0, 0, 0] = 1.0


@pytest.mark.parametrize(
    ("name", "array"), [("values", np.ones((3, 60))), ("edges_gev", np.ones(60))]
)
def test_wrong_shapes_are_named(fake_flux, name, array):
    with pytest.raises(GridError, match=rf"{name} has the shape .* is needed"):
        fake_flux(**{name: array})


def test_balance_of_books_that_close():
    books = Balance(2.0, 10.0, 3.0, 8.0, 0.5, 1.5, 0.5, 0.5)
    assert books.number_residual == 0.0
    assert books.energy_residual == 0.0


def test_balance_of_books_that_do_not_close():
    books = Balance(2.0, 10.0, 3.0, 9.0)
    assert books.number_residual == pytest.approx(0.25)
    assert books.energy_residual == pytest.approx(0.1)
    assert Balance().number_residual == 0.0
    assert Balance(deposited_number=1.0).number_residual == np.inf
    lines = str(books).splitlines()
    assert len({len(line) for line in lines}) == 1  # aligned
    assert "1.0e-01" in lines[-1]


ONE = [np.inf, 7.5e5, 6.4e5]
TWO = [ONE, [np.inf, 3.1e5, 2.9e5]]


@pytest.mark.parametrize(
    "fields", [{}, {"cells": True}, {"per_steradian": False}, {"resonances_gev": TWO}]
)
def test_save_and_load_lose_nothing(fake_flux, tmp_path, fields):
    flux = fake_flux(status=Status.UNBALANCED, **{"resonances_gev": ONE, **fields})
    path = flux.save(tmp_path / "new folder" / "flux.ecsv")
    same(nuprop.load(path), flux)
    same(nuprop.DiffuseFlux.load(str(path)), flux)
    flux.to_table().write(path, overwrite=True)  # astropy's own way, as documented
    same(nuprop.load(path), flux)


@settings(max_examples=25, deadline=None)
@given(
    numbers=st.lists(
        st.floats(0.0, allow_infinity=False, allow_subnormal=True), min_size=12, max_size=12
    )
)
def test_any_float_survives_the_file(fake_flux, tmp_path_factory, numbers):
    values = np.array(numbers).reshape(2, 3, 2)
    flux = fake_flux(2, values=values, free_values=np.flip(values))
    path = tmp_path_factory.mktemp("flux") / "flux.ecsv"
    with np.errstate(over="ignore", invalid="ignore"):  # sums and ratios of huge numbers
        same(nuprop.load(flux.save(path)), flux)


def test_the_table_has_the_documented_columns_and_provenance(fake_flux, tmp_path):
    flux = fake_flux()
    table = QTable.read(flux.save(tmp_path / "flux.ecsv"))
    assert table.colnames[:7] == [
        "energy",
        "nu_e",
        "nu_mu",
        "nu_tau",
        "total",
        "free",
        "transmission",
    ]
    np.testing.assert_allclose(
        table["nu_e"] + table["nu_mu"] + table["nu_tau"], table["total"], rtol=EXACT
    )
    assert table["total"].unit == flux.total.unit
    assert table.meta["method"] == "sweep"
    assert table.meta["status"] == "OK"
    assert table.meta["parameters"]["mediator"]["coupling"] == 5e-4
    assert table.meta["parameters"]["versions"]["nuprop"] == nuprop.__version__
    assert table.meta["balance"]["interacted_number"] == 1.0e-11


def test_bad_files_are_refused(fake_flux, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        nuprop.load(tmp_path / "absent.ecsv")
    text = tmp_path / "text.ecsv"
    text.write_text("hello\n")
    with pytest.raises(DatasetError, match="not an ECSV file"):
        nuprop.load(text)
    foreign = tmp_path / "foreign.ecsv"
    QTable({"a": [1.0]}).write(foreign)
    with pytest.raises(DatasetError, match="its format is None"):
        nuprop.load(foreign)
    damaged = fake_flux().save(tmp_path / "damaged.ecsv")
    damaged.write_text(damaged.read_text().replace("method_reason", "method_season"))
    with pytest.raises(DatasetError, match="method_reason"):
        nuprop.load(damaged)
    with pytest.raises(ConfigError, match=r"flux\.txt'.*\.ecsv"):
        fake_flux().save("flux.txt")


def test_repr_tells_what_how_and_how_well(fake_flux):
    flux = fake_flux()
    text = repr(flux)
    assert text == str(flux)
    for part in (
        "60 energies from 10 TeV to 20 PeV",
        "evolution flat",
        "flavor 1 : 2 : 0",
        "mass 11 MeV, coupling 0.0005",
        "756.2 TeV (ν1), 751.9 TeV (ν2), 640.8 TeV (ν3) at z = 0",
        "sweep: relics at rest",
        "OK: finite, non-negative, balanced",
        "closes to",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100
    low = float(re.search(r"between (\S+) at", text)[1])
    assert low == pytest.approx(flux.transmission.min(), abs=5e-4)  # three printed decimals


def test_repr_of_massless_relics_names_no_infinite_resonance(fake_flux):
    assert "none" in str(fake_flux(resonances_gev=[np.inf] * 3))
    assert "inf" not in str(fake_flux(resonances_gev=[np.inf, 7e5, 6e5]))


def test_resonances_of_several_mediators(fake_flux):
    flux = fake_flux(resonances_gev=TWO)
    assert flux.resonance_energies.shape == (2, 3)
    rows = "mediator 1: 750 TeV (ν2), 640 TeV (ν3); mediator 2: 310 TeV (ν2), 290 TeV (ν3) at z = 0"
    assert rows in " ".join(str(flux).split())
    with pytest.raises(GridError, match=r"resonances_gev has the shape .*; \(2, 3\) is needed"):
        fake_flux(resonances_gev=[[1.0, 2.0]] * 2)


@pytest.mark.parametrize(
    ("energy", "text"),
    [
        (999.9999e3, "1 PeV"),
        (5e-10, "500 meV"),
        (3e-20, "3e-11 eV"),
        (np.inf, "inf"),
        (2e12, "2000 EeV"),
    ],
)
def test_energies_get_a_fitting_prefix(energy, text):
    assert human_energy(energy) == text


def test_parameters_in_words_leave_out_what_is_too_long():
    words = in_words(
        {
            "evolution": {"name": "power", "reference": "someone", "index": 3.0},
            "oscillations": {"name": "nufit-6.0", "sin2_12": 0.3},
            "neutrino charges": [[1.0, 0.0], [0.0, 1.0]],
            "cutoff_gev": 1e7,
            "thermal": True,
            "normalization": None,
        }
    )
    assert words == "evolution power (index 3), oscillations nufit-6.0, cutoff 10 PeV, thermal on"


def test_citation_is_bibtex_of_the_keys(fake_flux):
    text = fake_flux().citation()
    assert text.count("\n@") + text.startswith("@") == 2
    assert "1508.07471" in text
