"""Run files: the shipped example, every section, and errors that name key, value and remedy."""

import tomllib

import astropy.units as u
import numpy as np
import pytest

import nuprop
from nuprop.errors import ConfigError
from nuprop.runfile import Run, examples, parse, read

BOSON = {"model": "lmu-ltau", "mass": "11 MeV", "coupling": 5e-4}
MINIMAL = {"source": {"evolution": "flat"}, "mediator": BOSON}


def with_section(text):
    return parse({**MINIMAL, **tomllib.loads(text)})


def with_source(**section):
    return parse({**MINIMAL, "source": section})


def message(text):
    with pytest.raises(ConfigError) as caught:
        with_section(text)
    return str(caught.value)


def test_the_example_is_figure_3():
    assert "araki-2016-fig3" in examples()
    run = read("araki-2016-fig3")
    arguments = run.arguments
    source, boson = arguments["source"], arguments["mediator"]
    assert source.evolution.name == "yuksel-2008"
    np.testing.assert_allclose(source.flavor, [1 / 3, 2 / 3, 0])
    assert source.spectrum.index == 2.3
    assert source.spectrum.cutoff == pytest.approx(1e7)
    assert boson.model == "lmu-ltau"
    assert boson.mass == pytest.approx(0.011)
    assert boson.coupling == 5e-4
    assert arguments["neutrinos"].lightest_mass == pytest.approx(8e-11)
    assert arguments["relics"].thermal is True
    assert arguments["cosmology"].H0 == 67.4
    assert arguments["energy"].unit == u.GeV
    assert (run.table, run.plot) == ("araki-2016-fig3.ecsv", "araki-2016-fig3.png")
    assert run.plot_options == {"points": ["hese-3yr"]}


def test_a_file_is_read_like_the_example(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f'source.evolution = "flat"\n{MEDIATOR}[output]\ntable = "x.ecsv"\n')
    run = read(path)
    assert run.table == "x.ecsv"
    assert set(run.arguments) == {
        "source",
        "mediator",
    }  # what is left out stays with the library's defaults


@pytest.mark.parametrize(
    ("model", "keys"),
    [
        ("le-lmu", "coupling = 1e-3"),
        ("le-ltau", "coupling = 1e-3\nkinetic_mixing = 1e-4"),
        ("b-minus-l", "coupling = 1e-3"),
        ("universal", "coupling = 1e-3"),
        ("single-flavor", 'coupling = 1e-3\nflavor = "tau"'),
        ("matrix", "coupling_matrix = [[0, 0, 0], [0, 1e-3, 0], [0, 0, 1e-3]]"),
    ],
)
def test_every_vector(model, keys):
    text = f'[mediator]\nmodel = "{model}"\nmass = "10 MeV"\n{keys}'
    mediator = with_section(text).arguments["mediator"]
    assert isinstance(mediator, nuprop.ZPrime)
    assert mediator.model.startswith(model)


@pytest.mark.parametrize(
    ("model", "keys", "expected"),
    [
        ("universal", "coupling = 1e-3", nuprop.Scalar.universal("10 MeV", 1e-3)),
        (
            "universal",
            "coupling = 1e-3\nlepton_number = -2",
            nuprop.Scalar.universal("10 MeV", 1e-3, lepton_number=-2),
        ),
        (
            "single-flavor",
            'coupling = 1e-3\nflavor = "tau"\npseudoscalar = true\ncomplex_field = true',
            nuprop.Scalar.single_flavor(
                "tau", "10 MeV", 1e-3, pseudoscalar=True, complex_field=True
            ),
        ),
        (
            "diagonal",
            "couplings = [1e-3, 2e-3, 0]",
            nuprop.Scalar.diagonal("10 MeV", [1e-3, 2e-3, 0.0]),
        ),
        (
            "matrix",
            "coupling_matrix = [[0, 1e-3, 0], [1e-3, 0, 0], [0, 0, 0]]",
            nuprop.Scalar("10 MeV", [[0, 1e-3, 0], [1e-3, 0, 0], [0, 0, 0]]),
        ),
    ],
)
def test_every_scalar(model, keys, expected):
    text = f'[mediator]\nmodel = "scalar-{model}"\nmass = "10 MeV"\n{keys}'
    scalar = with_section(text).arguments["mediator"]
    assert isinstance(scalar, nuprop.Scalar)
    assert repr(scalar) == repr(expected)
    np.testing.assert_array_equal(scalar.coupling_matrix, expected.coupling_matrix)


def test_several_mediators():
    scalar = '[[mediator]]\nmodel = "scalar-universal"\nmass = "3 MeV"\ncoupling = 1e-2\n'
    both = MEDIATOR.replace("[mediator]", "[[mediator]]") + scalar
    vector, other = with_section(both).arguments["mediator"]
    assert (vector.model, other.model) == ("lmu-ltau", "universal")
    assert isinstance(other, nuprop.Scalar)
    assert isinstance(with_section(scalar).arguments["mediator"], nuprop.Scalar)


@pytest.mark.parametrize(
    ("spectrum", "name"),
    [
        ('kind = "power-law"\nindex = 2', "PowerLaw"),
        (
            'kind = "broken-power-law"\nindex_low = 1\nindex_high = 3\nbreak_energy = "30 TeV"',
            "BrokenPowerLaw",
        ),
        ('kind = "table"\nenergy = ["1 TeV", "1 EeV"]\nemissivity = [1, 1e-12]', "Table"),
        ('kind = "bump"\nenergy = "1 PeV"\nwidth = 1.0', "Bump"),
        ('kind = "sum"\ncomponents = [{kind = "power-law", index = 2}]', "Sum"),
    ],
)
def test_every_kind_of_spectrum(spectrum, name):
    run = with_source(spectrum=tomllib.loads(spectrum))
    assert type(run.arguments["source"].spectrum).__name__ == name


def test_evolution_with_parameters():
    run = with_source(evolution={"name": "power", "index": 3.0})
    assert run.arguments["source"].evolution.density(1.0) == pytest.approx(8.0)


def test_point_source():
    run = with_source(kind="point", z=0.5, normalization="1e-15 / (GeV cm2 s)")
    assert isinstance(run.arguments["source"], nuprop.PointSource)
    run = with_source(kind="point", z=0.5, luminosity="1e46 erg / s", band=["1 TeV", "1 PeV"])
    assert run.arguments["source"].band.tolist() == [1e3, 1e6]


def test_neutrinos_by_three_masses_and_own_oscillations():
    run = with_section('[neutrinos]\nmasses = ["10 meV", "20 meV", "60 meV"]')
    np.testing.assert_allclose(run.arguments["neutrinos"].masses, [1e-11, 2e-11, 6e-11])
    own = (
        "[neutrinos.oscillations]\nsin2_12 = 0.3\nsin2_23 = 0.5\nsin2_13 = 0.02\ndelta = 1.0\n"
        'dm2_21 = "7.5e-5 eV2"\ndm2_3l = "2.5e-3 eV2"'
    )
    assert with_section(own).arguments["neutrinos"].oscillations.sin2_12 == 0.3


def test_cosmology_by_name_or_by_numbers():
    assert with_section('[cosmology]\nname = "Planck18"').arguments["cosmology"].name == "Planck18"
    assert with_section("[cosmology]\nH0 = 70\nOm0 = 0.3").arguments["cosmology"].Om0 == 0.3


def test_energies_are_points_or_cells():
    section = '[energy]\nminimum = "10 TeV"\nmaximum = "1 PeV"\n'
    points = with_section(section + "points = 3").arguments
    np.testing.assert_allclose(points["energy"].to_value(u.TeV), [10, 100, 1000], rtol=1e-14)
    cells = with_section(section + "cells = 2").arguments
    np.testing.assert_allclose(cells["energy_edges"].to_value(u.TeV), [10, 100, 1000], rtol=1e-14)
    assert "energy" not in cells


def test_nothing_is_asked_for_by_default():
    assert Run() == Run({}, None, None, {})


MEDIATOR = '[mediator]\nmodel = "lmu-ltau"\nmass = "11 MeV"\ncoupling = 5e-4\n'
ENERGY = '[energy]\nminimum = "10 TeV"\nmaximum = "1 PeV"\n'


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[mediatr]\nmass = 1", ["[mediatr]", "did you mean 'mediator'"]),
        (MEDIATOR + "cupling = 1", ["[mediator] cupling", "did you mean 'coupling'"]),
        ("source = 3", ["source = 3", "section"]),
        ('[mediator]\nmodel = "lmu-ltau"\ncoupling = 5e-4', ["[mediator] mass is missing"]),
        ("[mediator]\nmass = 1", ["[mediator] model is missing"]),
        (MEDIATOR.replace("lmu-ltau", "lmu_ltau"), ["model = 'lmu_ltau'", "'lmu-ltau'"]),
        (MEDIATOR.replace("11 MeV", "11 m"), ["[mediator] mass = 11.0 m", "energy"]),
        (
            MEDIATOR.replace("11 MeV", "-11 MeV"),
            ["[mediator] mass = -0.011", "'-11 MeV'", "positive"],
        ),
        (MEDIATOR.replace("5e-4", "0"), ["[mediator] coupling = 0", "positive"]),
        (MEDIATOR.replace("5e-4", "true"), ["[mediator] coupling = True"]),
        (MEDIATOR.replace("5e-4", '"strong"'), ["[mediator] coupling = 'strong'"]),
        (
            '[neutrinos]\nordering = "upside-down"',
            ["[neutrinos] ordering = 'upside-down'", "normal"],
        ),
        ('[neutrinos]\nlightest_mass = "-1 eV"', ["[neutrinos] lightest_mass = -1"]),
        ("[neutrinos]\nlightest_mass = 0.08", ["[neutrinos] lightest_mass = 0.08", "eV"]),
        ('[neutrinos]\noscillations = "nufit-7"', ["[neutrinos]", "'nufit-7'", "nufit-6.0"]),
        ("[relics]\nT_cmb = -1", ["[relics] T_cmb = -1", "positive"]),
        ('[relics]\nthermal = "yes"', ["[relics] thermal = 'yes'", "True or False"]),
        ('[relics]\nnature = "weyl"', ["[relics] nature = 'weyl'", "majorana"]),
        ('[cosmology]\nname = "Planck19"', ["[cosmology]", "'Planck19'", "Planck18"]),
        ("[cosmology]\nH0 = 70", ["[cosmology] Om0 is missing"]),
        ("[cosmology]\nH0 = -70\nOm0 = 0.3", ["[cosmology] H0 = -70"]),
        ('[energy]\nminimum = "1 TeV"', ["[energy] maximum is missing"]),
        (ENERGY, ["[energy]", "points", "cells"]),
        (ENERGY + "points = 0", ["[energy] points = 0", "2 to 100000"]),
        (ENERGY.replace("1 PeV", "1 TeV") + "points = 5", ["minimum = '10 TeV'", "below"]),
        (ENERGY.replace("1 PeV", "1 s") + "points = 5", ["[energy] maximum", "energy"]),
        ('[solver]\nmethd = "sweep"', ["[solver] methd", "did you mean 'method'"]),
        ('[solver]\nmethod = "euler"', ["[solver] method = 'euler'", "march"]),
        ("[solver]\nresolution = 0", ["[solver] resolution = 0", "positive"]),
        ('[output]\ntable = "flux.txt"', ["[output] table = 'flux.txt'", ".ecsv"]),
        ("[output]\nplot = 3", ["[output] plot = 3", "string"]),
        ('[output]\npoints = ["hese-3"]', ["[output] points = 'hese-3'", "'hese-3yr'"]),
        ('[output]\nscale = "both"', ["[output] scale = 'both'", "all-flavor"]),
    ],
)
def test_errors_name_the_key_the_value_and_what_is_allowed(text, parts):
    said = message(text)
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ({"evolution": "yuksel-2007"}, ["[source]", "'yuksel-2007'", "'yuksel-2008'"]),
        ({"evolution": {"index": 2.0}}, ["[source.evolution]", "name"]),
        ({"evolution": {"name": "power", "indx": 2.0}}, ["[source.evolution]", "indx", "index"]),
        ({"z_max": 0.0}, ["[source] z_max = 0"]),
        ({"flavor": [0, 0, 0]}, ["[source] flavor = [0", "zero"]),
        ({"flavour": [1, 2, 0]}, ["[source] flavour", "did you mean 'flavor'"]),
        ({"kind": "line"}, ["[source] kind = 'line'", "diffuse, point"]),
        ({"spectrum": {"index": 2.0}}, ["[source.spectrum]", "kind"]),
        ({"spectrum": {"kind": "power-lw", "index": 2.0}}, ["[source.spectrum]", "'power-law'"]),
        ({"spectrum": {"kind": "power-law"}}, ["[source.spectrum]", "index"]),
        ({"spectrum": {"kind": "sum", "components": []}}, ["[source.spectrum]", "components"]),
        ({"spectrum": 2.3}, ["[source]", "2.3", "spectrum"]),
        ({"normalization": "1 / (cm2 s)"}, ["[source] normalization = 1.0 1 / (s cm2)"]),
    ],
)
def test_errors_in_the_source(source, parts):
    with pytest.raises(ConfigError) as caught:
        with_source(**source)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["source", "mediator"])
def test_a_source_and_a_mediator_are_needed(name):
    rest = {key: value for key, value in MINIMAL.items() if key != name}
    with pytest.raises(ConfigError, match=rf"\[{name}\] is missing"):
        parse(rest)


@pytest.mark.parametrize("method", ["march", "cascade"])
def test_solver_options_are_passed_on(method):
    arguments = with_section(f'[solver]\nmethod = "{method}"\nresolution = 2').arguments
    assert (arguments["method"], arguments["resolution"]) == (method, 2)


@pytest.mark.parametrize("switch", ["interference", "pair_production"])
def test_switches_are_passed_on(switch):
    assert with_section(f"[solver]\n{switch} = true").arguments[switch] is True


def test_files_that_are_absent_or_broken(tmp_path):
    with pytest.raises(
        ConfigError, match="neither a file nor an example; did you mean 'araki-2016"
    ):
        read("araki-2016-fig4")
    broken = tmp_path / "broken.toml"
    broken.write_text("[source\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read(broken)


KEYS = {
    "source": "kind evolution spectrum z_max flavor antineutrino_fraction normalization pivot",
    "mediator": "model mass coupling kinetic_mixing loop_mixing",
    "neutrinos": "lightest_mass ordering oscillations masses",
    "relics": "nature thermal T_cmb temperature n_eff density overdensity asymmetry",
    "cosmology": "name H0 Om0 Tcmb0 Neff m_nu",
    "energy": "minimum maximum points cells",
    "solver": "method resolution interference pair_production",
    "output": "table plot points scale",
}
SCALAR_KEYS = "model mass coupling pseudoscalar complex_field lepton_number"


@pytest.mark.filterwarnings("ignore::nuprop.PhysicsWarning")
@pytest.mark.parametrize("value", [-1.0, float("nan"), "x", "-3 eV", True, {"name": 3}, [[1.0]]])
@pytest.mark.parametrize("section", [*KEYS, "scalar"])
def test_no_value_of_any_key_gives_another_error(section, value):
    """Nonsense is refused by a ConfigError that names the section, or it is allowed there."""
    keys = KEYS.get(section, SCALAR_KEYS).split()
    boson = BOSON if section != "scalar" else {**BOSON, "model": "scalar-universal"}
    section = "mediator" if section == "scalar" else section
    filled = {
        "mediator": boson,
        "cosmology": {"H0": 70.0, "Om0": 0.3},
        "energy": {"minimum": "1 TeV", "maximum": "1 PeV", "points": 5},
    }
    refused = 0
    for key in keys:
        content = {**filled.get(section, MINIMAL.get(section, {})), key: value}
        try:
            parse({**MINIMAL, section: content})
        except ConfigError as error:
            assert str(error).startswith(f"[{section}")  # noqa: PT017 - not every value is refused
            refused += 1
    assert refused > 0
