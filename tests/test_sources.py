import json
import math
from dataclasses import dataclass
from importlib import metadata
from itertools import pairwise

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nuprop
from nuprop import registry, sources
from nuprop.errors import ConfigError, GridError, ParameterError, UnitError, UnknownSource
from nuprop.evolutions import Burst, CustomEvolution, Evolution, TableEvolution
from nuprop.pytree import as_pytree
from nuprop.sources import PointSource, Source, evolution
from nuprop.spectra import Bump, PowerLaw, Sum, Table

# What is needed to build the laws that have no bare name.
ARGUMENTS = {
    "power": {"index": 2.5},
    "power-exponential": {"index": 3.0, "scale": -2.0},
    "table": {"z": [0.0, 1.0, 4.0, 20.0], "density": [1.0, 8.0, 6.0, 0.1]},
}

# The laws once more, as numpy writes them, before division by their value at z = 0.
FORMULAS = {
    "flat": lambda z: np.ones_like(z),
    "power": lambda z: (1 + z) ** 2.5,
    "power-exponential": lambda z: (1 + z) ** 3.0 * np.exp(-z / 2.0),
    "yuksel-2008": lambda z: (
        ((1 + z) ** -34 + ((1 + z) / 5160.6366203694) ** 3 + ((1 + z) / 9.0633760423051) ** 35)
        ** -0.1
    ),
    "hopkins-beacom-2006": lambda z: (
        10.0
        ** np.select(
            [np.log10(1 + z) < 0.30963, np.log10(1 + z) < 0.73878],
            [3.28 * np.log10(1 + z) - 1.82, -0.26 * np.log10(1 + z) - 0.724],
            -8.0 * np.log10(1 + z) + 4.99,
        )
    ),
    "hopkins-beacom-2006-cole": lambda z: (0.0170 + 0.13 * z) * 0.7 / (1 + (z / 3.3) ** 5.3),
    "madau-dickinson-2014": lambda z: 0.015 * (1 + z) ** 2.7 / (1 + ((1 + z) / 2.9) ** 5.6),
    "strolger-2015": lambda z: 0.015 * (1 + z) ** 5.0 / (1 + ((1 + z) / 1.5) ** 6.1),
    "sfr-araki-2016": lambda z: np.select(
        [z < 1, z <= 4], [(1 + z) ** 3.4, 2**3.7 * (1 + z) ** -0.3], 0.0
    ),
    "grb-araki-2016-continuous": lambda z: np.select(
        [z < 1, z <= 4.5], [(1 + z) ** 4.8, 2**3.4 * (1 + z) ** 1.4], 0.0
    ),
    "grb-araki-2016-literal": lambda z: np.select(
        [z < 1, z <= 4.5], [(1 + z) ** 4.8, (1 + z) ** 1.4], 0.0
    ),
    "grb-yuksel-kistler-2007": lambda z: np.select(
        [z < 1, z < 4.5],
        [(1 + z) ** 4.8, 2**3.4 * (1 + z) ** 1.4],
        2**3.4 * 5.5**7.0 * (1 + z) ** -5.6,
    ),
    "wanderman-piran-2010": lambda z: np.where(
        z <= 3.1, (1 + z) ** 2.1, 4.1**3.5 * (1 + z) ** -1.4
    ),
    "lien-2014": lambda z: np.where(z <= 3.6, (1 + z) ** 2.07, 4.6**2.77 * (1 + z) ** -0.7),
    "tde-sun-2015": lambda z: (
        ((1 + z) ** -0.4 + ((1 + z) / 1.43) ** 6.4 + ((1 + z) / 2.66) ** 14.0) ** -0.5
    ),
    "tde-jetted-biehl-2018": lambda z: (1 + z) ** -3.0,
    "blazar-ajello-2015": lambda z: (1 + z) ** 12.14 * np.exp(-z / 0.15),
    "fsrq-ajello-2012": lambda z: 1 / (((1 + z) / 2.47) ** -7.35 + ((1 + z) / 2.47) ** 6.51),
    "bllac-ajello-2014": lambda z: (
        1
        / (
            ((1 + z) / (1 + 1.34 * 0.01**0.0453)) ** -2.24
            + ((1 + z) / (1 + 1.34 * 0.01**0.0453)) ** 7.37
        )
    ),
    "bllac-density-ajello-2014": lambda z: (1 + z) ** -6.0,
    "agn-hasinger-2005": lambda z: np.select(
        [z < 1.7, z < 2.7], [(1 + z) ** 5, 2.7**5], 2.7**5 * 10 ** (0.43 * (2.7 - z))
    ),
    "agn-stanev-2008": lambda z: np.select(
        [z < 1.7, z < 2.7], [(1 + z) ** 5, 2.7**5], 2.7**5 * 10 ** (2.7 - z)
    ),
    "qso-waxman-bahcall-1999": lambda z: np.select(
        [z < 1.9, z < 2.7], [(1 + z) ** 3, 2.9**3], 2.9**3 * np.exp((2.7 - z) / 2.7)
    ),
    "fr2-wall-2005": lambda z: (
        10.0 ** (-12.49 + 2.704 * z - 1.145 * z**2 + 0.1796 * z**3 - 0.01019 * z**4)
    ),
    "table": lambda z: np.exp(
        np.interp(np.log1p(z), np.log1p([0.0, 1.0, 4.0, 20.0]), np.log([1.0, 8.0, 6.0, 0.1]))
    ),
}


def build(name):
    return evolution(name, **ARGUMENTS.get(name, {}))


def expansion_ratio(z):
    return np.sqrt(0.315 * (1 + z) ** 3 + 0.685)


def integral(law, index, z_max):
    """Integral of W (1+z)^-index / (H/H0): Gauss-Legendre, 8 panels between neighboring breaks."""
    x, w = np.polynomial.legendre.leggauss(32)
    marks = [0.0, *(z for z in law.breaks if 0.0 < z < z_max), z_max]
    edges = np.concatenate([np.linspace(a, b, 9)[:-1] for a, b in pairwise(marks)])
    edges = np.append(edges, z_max)
    half = np.diff(edges)[:, None] / 2
    z = edges[:-1, None] + half * (1 + x)
    density = np.asarray(law.density(z))
    return float(np.sum(half * w * density * (1 + z) ** -index / expansion_ratio(z)))


@pytest.fixture
def clean_registry():
    saved = dict(registry._registered)
    registry._registered.clear()
    sources.refresh()
    yield
    registry._registered.clear()
    registry._registered.update(saved)
    sources.refresh()


# --- the laws ---------------------------------------------------------------------------------


def test_catalogue_holds_every_law():
    names = {entry.name for entry in sources.available("evolution")}
    assert names >= FORMULAS.keys() | {"burst"}
    kinds = {entry.name for entry in sources.available("spectrum")}
    assert kinds >= {
        "power-law",
        "broken-power-law",
        "smooth-broken-power-law",
        "log-parabola",
        "bump",
        "fermi-dirac",
        "pinched-thermal",
        "table",
        "sum",
    }


def test_every_law_is_checked_here():
    builtin = {
        entry.name
        for entry in sources.available("evolution")
        if entry.factory.__class__.__name__ == "partial"
    }
    assert builtin == FORMULAS.keys() | {"burst"}


@pytest.mark.parametrize("entry", sources.available(), ids=lambda entry: entry.name)
def test_entries_tell_formula_and_reference_in_one_line(entry):
    assert entry.formula.isascii()
    for text in (entry.formula, entry.reference):
        assert text
        assert "\n" not in text
    if entry.kind == "evolution" and any(character.isdigit() for character in entry.name):
        assert "arXiv:" in entry.reference


@pytest.mark.parametrize("name", FORMULAS)
def test_law_follows_its_formula(name):
    z = np.concatenate([np.linspace(0.0, 8.0, 200), [12.3, 17.0]])
    raw = FORMULAS[name]
    expected = raw(z) / raw(np.array(0.0))
    # Constants of the published forms have 14 digits, raised to powers up to 35.
    assert np.allclose(build(name).density(z), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", FORMULAS)
def test_law_is_one_today(name):
    # Yuksel's sum of powers is 1 up to 7e-13 before it is normalized.
    assert build(name).density(0.0) == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "z", "expected"),
    [
        ("yuksel-2008", 1.0, 9.84915530676),
        ("yuksel-2008", 2.0, 9.3470505374),
        ("yuksel-2008", 4.0, 7.48198758258),
        ("yuksel-2008", 6.0, 2.46985206969),
    ],
)
def test_tabulated_densities(name, z, expected):
    assert evolution(name).density(z) == pytest.approx(expected, rel=1e-11)  # digits given


def test_scales_of_yuksel_2008():
    law = evolution("yuksel-2008")
    # Given with 14 digits.
    assert np.allclose(np.exp(law.log_scales), [1.0, 5160.6366203694, 9.0633760423051], rtol=1e-13)


def test_steps_of_hopkins_beacom_2006():
    law = evolution("hopkins-beacom-2006")
    for bend, below, above in zip(law.breaks, (10.3654, 8.0153), (10.3633, 7.9389), strict=True):
        around = law.density(np.array([bend - 1e-9, bend + 1e-9]))
        assert np.allclose(around, [below, above], rtol=1e-5)  # digits given


# Integrals of W (1+z)^-s / (H/H0) for H0 = 67.4, Om = 0.315, OL = 0.685, no radiation.
FREE_STREAMING = {
    ("yuksel-2008", 5.0): (2.344024812829, 1.927821089406, 1.703345473388, 1.512553498165),
    ("hopkins-beacom-2006", 5.0): (2.296668061777, 1.884717454499, 1.663174902456, 1.475274195868),
    ("madau-dickinson-2014", 5.0): (1.755365835832, 1.449278154567, 1.284289965485, 1.144156325953),
    ("sfr-araki-2016", 4.0): (2.329317656821, 1.921516003357, 1.700404101653, 1.511810896872),
    ("grb-araki-2016-continuous", 4.5): (
        7.481069884953,
        5.742227129051,
        4.852126811947,
        4.125737327685,
    ),
    ("flat", 5.0): (0.5192486975053, 0.4582718391769, 0.4242659386024, 0.3945346779983),
}


@pytest.mark.parametrize(("case", "expected"), FREE_STREAMING.items(), ids=str)
def test_free_streaming_integrals(case, expected):
    name, z_max = case
    law = evolution(name)
    found = [integral(law, s, z_max) for s in (2.0, 2.3, 2.5, 2.7)]
    assert np.allclose(found, expected, rtol=1e-12, atol=0)  # 13 digits given


def test_two_readings_of_the_gamma_ray_burst_rate():
    literal = evolution("grb-araki-2016-literal")
    continuous = evolution("grb-araki-2016-continuous")
    assert continuous.density(2.0) / literal.density(2.0) == pytest.approx(2**3.4, rel=1e-14)
    assert literal.density(0.5) == continuous.density(0.5)
    # Both by elementary integrals to z = 4.5, index 2.3.
    ratio = integral(continuous, 2.3, 4.5) / integral(literal, 2.3, 4.5)
    assert ratio == pytest.approx(2.36, abs=0.01)


@jax.jit
def _everything(law, z, step):
    """W, dW/dz, W at z - step, z + step and from ln(1+z), and dW in every leaf."""
    value, slope = jax.vmap(jax.value_and_grad(law.density))(z)
    leaves, structure = jax.tree_util.tree_flatten(law)

    def density(parts):
        return jax.tree_util.tree_unflatten(structure, parts).density(z)

    derivatives = jax.jacfwd(density)(leaves) if leaves else []
    around = law.density(z - step), law.density(z + step)
    return value, slope, *around, law.density_at_log(jnp.log1p(z)), derivatives


@pytest.mark.parametrize("name", FORMULAS)
def test_finite_positive_differentiable_and_traceable_to_redshift_20(name):
    law = build(name)
    z = np.linspace(0.0, 20.0, 241)
    step = 1e-5
    *results, derivatives = _everything(law, z, step)
    value, slope, before, after, at_log = map(np.asarray, results)
    assert value.dtype == np.float64
    for array in (value, slope, *derivatives):
        assert np.all(np.isfinite(array))
    # The polynomial of fr2-wall-2005 falls below the smallest float64 above z = 17.
    assert np.all(value[z <= min(17.0, law.z_limit)] > 0.0)
    assert np.all(value[z > law.z_limit] == 0.0)
    inner = (z > 0.1) & (np.min(np.abs(z[:, None] - [*law.breaks, 99.0]), axis=1) > 1e-3)
    # Rounding of z, times |dlnW/dlnz|, which is 4000 for fr2-wall-2005 before W vanishes.
    assert np.allclose(at_log[inner], value[inner], rtol=1e-11, atol=1e-250)
    # Truncation (35 step/(1+z))^2, rounding 1e-16/step.
    expected = (after - before) / (2 * step)
    assert np.allclose(slope[inner], expected[inner], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("power", "index", 2.1),
        ("power-exponential", "scale", -1.7),
        ("blazar-ajello-2015", "luminosity", 3e46),
        ("fsrq-ajello-2012", "luminosity", 3e47),
        ("bllac-ajello-2014", "luminosity", 3e45),
    ],
)
def test_derivatives_in_parameters_against_differences(name, parameter, value):
    given_too = {"index": 1.0} if name == "power-exponential" else {}

    @jax.jit
    def density(relative):
        return evolution(name, **{parameter: value * relative}, **given_too).density(
            jnp.array([0.5, 1.5, 3.0])
        )

    step = 1e-5
    expected = (np.asarray(density(1 + step)) - np.asarray(density(1 - step))) / (2 * step)
    # Central differences: truncation 1e-9, rounding 1e-16/1e-5.
    assert np.allclose(jax.jacfwd(density)(1.0), expected, rtol=1e-7)
    assert np.allclose(jax.jacrev(density)(1.0), expected, rtol=1e-7)
    assert np.all(expected != 0.0)


def test_parameters_of_a_named_law_are_leaves():
    def density(sharpness):
        law = replace_leaf(evolution("yuksel-2008"), "sharpness", sharpness)
        return law.density(1.0)

    # The sharper the bend, the closer to the power (1+z)^3.4 that it cuts.
    assert jax.grad(density)(-10.0) < 0.0
    assert density(-1e3) == pytest.approx(2**3.4, rel=1e-3)  # 2^(1/1000), two equal terms


def replace_leaf(instance, name, value):
    leaves, structure = jax.tree_util.tree_flatten_with_path(instance)
    changed = [value if path[-1].name == name else leaf for path, leaf in leaves]
    return jax.tree_util.tree_unflatten(structure, changed)


def test_blazars_evolve_with_luminosity():
    z = np.array([0.5, 1.0])
    for brighter, fainter in (("1e47 erg / s", 1e45), (1e40 * u.W, "1e38 W")):
        bright = evolution("blazar-ajello-2015", luminosity=brighter).density(z)
        faint = evolution("blazar-ajello-2015", luminosity=fainter).density(z)
        assert np.allclose(bright / faint, (1 + z) ** (2 * 2.79), rtol=1e-12)


def test_peak_of_flat_spectrum_radio_quasars_moves_with_luminosity():
    z = np.linspace(0.0, 4.0, 2001)
    peaks = [
        z[np.argmax(evolution("fsrq-ajello-2012", luminosity=x).density(z))] for x in (1e46, 1e48)
    ]
    # e = 1/(x^-7.35 + x^6.51) is largest at x = (7.35/6.51)^(1/13.86).
    x = (7.35 / 6.51) ** (1 / 13.86)
    expected = [x * (1 + 1.47 * 0.01**0.21) - 1, x * 2.47 - 1]
    assert np.allclose(peaks, expected, atol=2e-3)  # spacing of z


def test_laws_that_end_are_zero_beyond_and_say_where():
    law = evolution("grb-araki-2016-continuous")
    assert law.z_limit == 4.5
    assert law.breaks == (1.0, 4.5)
    assert np.array_equal(law.density(np.array([4.500001, 6.0, 20.0])), np.zeros(3))
    assert evolution("flat", z_cut=2.0).density(2.1) == 0.0
    assert evolution("power", index=3, z_cut=2.0).breaks == (2.0,)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(-100.0, 100.0),
    st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3),
    st.floats(30.0, 60.0),
    st.floats(0.0, 20.0),
)
def test_no_parameters_give_nan_or_a_negative_density(index, scale, log_luminosity, z):
    laws = (
        evolution("power", index=index),
        evolution("power-exponential", index=index, scale=scale),
        *(
            evolution(name, luminosity=10.0**log_luminosity)
            for name in ("blazar-ajello-2015", "fsrq-ajello-2012", "bllac-ajello-2014")
        ),
    )
    for value, slope in _density_and_slope(laws, z):
        assert np.isfinite(value)
        assert value >= 0.0
        assert np.isfinite(slope)


@jax.jit
def _density_and_slope(laws, z):
    return [jax.value_and_grad(law.density)(z) for law in laws]


# --- evolutions of users ----------------------------------------------------------------------


def test_custom_source_in_three_lines(clean_registry):
    sources.register("mine", lambda z: (1 + z) ** 3 / (1 + z**4), reference="me")
    source = Source(evolution="mine")
    assert source.evolution.density(2.0) == pytest.approx(27 / 17, rel=1e-14)

    assert [entry.reference for entry in sources.available() if entry.name == "mine"] == ["me"]
    assert Source(evolution=lambda z: (1 + z) ** 3).evolution.density(1.0) == 8.0


def test_registered_class_takes_its_arguments_as_parameters(clean_registry):
    @as_pytree
    @dataclass(frozen=True, eq=False, repr=False)
    class Linear(Evolution):
        slope: float

        def law(self, z):
            return 1.0 + self.slope * z

    sources.register("linear", Linear, formula="W = 1 + slope z", reference="nobody")
    assert evolution("linear", slope=2.0).density(3.0) == 7.0
    assert jax.grad(lambda slope: evolution("linear", slope=slope).density(3.0))(2.0) == 3.0
    with pytest.raises(ConfigError, match="no parameter 'sloppe'; did you mean 'slope'"):
        evolution("linear", sloppe=2.0)
    with pytest.raises(ConfigError, match="missing a required argument: 'slope'"):
        evolution("linear")


def test_registered_objects_and_spectra(clean_registry):
    sources.register("my-table", TableEvolution([0.0, 2.0], [1.0, 9.0]))
    assert evolution("my-table").density(2.0) == pytest.approx(9.0, rel=1e-14)
    sources.register("my-spectrum", lambda e: e**-2, kind="spectrum")
    assert Source(spectrum={"kind": "my-spectrum"}).spectrum.emissivity(10.0) == pytest.approx(0.01)
    sources.register("my-power-law", PowerLaw(2.0))
    assert sources.spectrum("my-power-law").index == 2.0


def test_name_in_use_is_not_taken_over_by_accident(clean_registry):
    with pytest.raises(ConfigError, match="'flat' is registered already"):
        sources.register("flat", lambda z: 1.0 + 0 * z)
    sources.register("flat", lambda z: 2.0, overwrite=True)
    assert evolution("flat").density(1.0) == 2.0


def test_function_with_parameters_can_be_differentiated():
    def density(m):
        law = jax.tree_util.Partial(lambda index, z: (1 + z) ** index, m)
        return Source(evolution=law).evolution.density(1.0)

    assert jax.grad(density)(3.0) == pytest.approx(8.0 * math.log(2.0), rel=1e-14)


def test_function_with_a_limit_is_not_called_beyond():
    law = CustomEvolution(lambda z: jnp.sqrt(4.0 - z), z_limit=4.0, bends=[1.0])
    assert law.breaks == (1.0, 4.0)
    value, slope = jax.value_and_grad(law.density)(5.0)
    assert (value, slope) == (0.0, 0.0)


def test_function_needs_to_be_valid_up_to_z_max_only():
    def only_near(z):
        return 6.0 - z

    assert Source(evolution=only_near, z_max=5.0).evolution.density(5.0) == 1.0
    with pytest.raises(ParameterError, match="not negative from 0 to 7"):
        Source(evolution=only_near, z_max=7.0)


def test_table_is_a_power_of_one_plus_z_between_rows():
    law = Source(evolution=([0.5, 1.0, 3.0], [2.0, 4.0, 2.0])).evolution
    slope = math.log(2.0) / math.log(2.0 / 1.5)
    assert law.density(0.7) == pytest.approx(2.0 * (1.7 / 1.5) ** slope, rel=1e-13)
    assert law.density(2.0) == pytest.approx(4.0 * (3.0 / 2.0) ** -1.0, rel=1e-13)
    assert np.array_equal(law.density(np.array([0.4, 3.1])), [0.0, 0.0])
    assert law.breaks == (0.5, 1.0, 3.0)
    assert np.array_equal(jax.vmap(jax.grad(law.density))(jnp.array([0.4, 3.1])), [0.0, 0.0])


def test_table_can_be_differentiated_in_its_densities():
    def density(values):
        return TableEvolution([0.0, 3.0], values).density(1.0)

    assert np.allclose(jax.grad(density)(jnp.array([1.0, 4.0])), [1.0, 0.25], rtol=1e-13)


# --- packages of others -----------------------------------------------------------------------


def install(directory, code, point="third:SOURCES", name="third-party"):
    """Put a package with an entry point on disk, as pip would."""
    module = point.split(":")[0]
    (directory / f"{module}.py").write_text(code)
    info = directory / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[nuprop.sources]\n{name} = {point}\n")


def test_package_of_a_third_party_brings_its_own(tmp_path, monkeypatch, clean_registry):
    install(
        tmp_path,
        "from nuprop.sources import CustomEvolution, Entry\n"
        "def cubic(scale=1.0):\n"
        "    return CustomEvolution(lambda z: 1 + scale * z**3, name='cubic')\n"
        "SOURCES = [Entry('cubic', 'evolution', 'W = 1 + scale z^3', 'Third 2030', cubic,\n"
        "                 {'scale': 'default 1'})]\n",
    )
    monkeypatch.syspath_prepend(tmp_path)
    sources.refresh()
    entry = next(entry for entry in sources.available() if entry.name == "cubic")
    assert (entry.formula, entry.reference) == ("W = 1 + scale z^3", "Third 2030")
    assert Source(evolution={"name": "cubic", "scale": 2.0}).evolution.density(2.0) == 17.0
    assert evolution("yuksel-2008").density(0.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "from nuprop.sources import Burst, Entry\n"
            "SOURCES = [Entry('flat', 'evolution', 'W = 1', 'Third', Burst)]\n",
            "'flat' is offered by .* and by",
        ),
        ("SOURCES = {'mine': 3}\n", "must be a list of Entry"),
        ("SOURCES = 3\n", "must be a list of Entry"),
    ],
    ids=["name taken", "mapping", "number"],
)
def test_faulty_package_of_a_third_party_is_named(
    code, message, tmp_path, monkeypatch, clean_registry
):
    module = f"third_{abs(hash(code))}"
    install(tmp_path, code, point=f"{module}:SOURCES")
    monkeypatch.syspath_prepend(tmp_path)
    sources.refresh()
    with pytest.raises(ConfigError, match=message):
        sources.available()


def test_nothing_installed_says_what_to_do(monkeypatch, clean_registry):
    monkeypatch.setattr(metadata, "entry_points", lambda group: ())
    with pytest.raises(UnknownSource, match="pip install"):
        Source(evolution="yuksel-2008")


# --- sources ----------------------------------------------------------------------------------


def test_defaults():
    source = Source()
    assert source.evolution.name == "yuksel-2008"
    assert source.spectrum.index == 2.3
    assert source.z_max == 5.0
    assert source.normalization == 1.5e-18
    assert source.normalization_kind == "flux"
    assert source.pivot == 1e5
    assert not source.burst
    assert not source.point


def test_shares_of_flavors_and_antineutrinos():
    assert np.allclose(Source().shares(), [[1 / 6, 1 / 3, 0], [1 / 6, 1 / 3, 0]], rtol=1e-15)
    # p-gamma through pi+: nu_e : nu_mu : nubar_mu = 1 : 1 : 1.
    p_gamma = Source(flavor=(1, 2, 0), antineutrino_fraction=(0, 0.5, 0)).shares()
    assert np.allclose(p_gamma, [[1 / 3, 1 / 3, 0], [0, 1 / 3, 0]], rtol=1e-15)
    assert np.array_equal(p_gamma, Source(antineutrino_fraction="p-gamma").shares())
    damped = Source(flavor="muon-damped", antineutrino_fraction="p-gamma-muon-damped").shares()
    assert np.array_equal(damped, [[0, 1, 0], [0, 0, 0]])
    neutron = Source(flavor="neutron", antineutrino_fraction="neutron").shares()
    assert np.array_equal(neutron, [[0, 0, 0], [1, 0, 0]])


@settings(max_examples=50, deadline=None)
@given(
    st.tuples(*[st.floats(0.0, 1e6)] * 3).filter(lambda flavor: sum(flavor) > 1e-3),
    st.tuples(*[st.floats(0.0, 1.0)] * 3),
)
def test_shares_sum_to_one(flavor, fraction):
    shares = np.asarray(Source(flavor=flavor, antineutrino_fraction=fraction).shares())
    assert shares.sum() == pytest.approx(1.0, rel=1e-14)
    assert np.all(shares >= 0.0)


def test_normalization_in_any_unit():
    flux = Source(normalization=1.5e-14 / (u.GeV * u.m**2 * u.s * u.sr))
    assert flux.normalization == pytest.approx(1.5e-18, rel=1e-15, abs=0.0)
    assert flux.normalization_kind == "flux"
    emissivity = Source(normalization="1e46 / (GeV Mpc3 yr)")
    assert emissivity.normalization_kind == "emissivity"
    megaparsec, year = 3.0856775814913673e24, 365.25 * 86400
    expected = 1e46 / megaparsec**3 / year
    assert emissivity.normalization == pytest.approx(expected, rel=1e-13, abs=0.0)


def test_emissivity_behind_the_measured_flux():
    """Q_0 and local energy output for E^2 J = 1.5e-8 per flavor at 100 TeV, index 2.3."""
    source = Source(spectrum=PowerLaw(2.3))
    hubble_length = 1.37249683494e28  # cm, c/H0 for 67.4 km/s/Mpc
    x = integral(source.evolution, 2.3, 5.0)
    q0 = 4 * math.pi * 3 * source.normalization / (hubble_length * x)
    assert q0 == pytest.approx(2.13719573709e-45, rel=1e-11, abs=0.0)  # digits given
    gev_per_s = q0 * source.spectrum.energy_integral(1e4, 1e7)
    erg_per_mpc3_yr = gev_per_s * 1.602176634e-3 * 3.0856775814914e24**3 * 365.25 * 86400
    assert erg_per_mpc3_yr == pytest.approx(1.8457e44, rel=5e-5)  # digits given


def test_burst_has_one_redshift():
    for source in (
        Source(evolution="burst", z_max=3.0),
        Source(evolution={"name": "burst", "z_s": 3.0}),
        Source(evolution=Burst(3.0)),
        Source(evolution=evolution("burst", z_s=3.0), z_max=3.0),
    ):
        assert source.burst
        assert source.z_max == 3.0
        assert source.describe()["evolution"]["z_s"] == 3.0
    with pytest.raises(ParameterError, match="delta function"):
        source.evolution.density(3.0)


def test_redshift_of_a_burst_can_be_traced():
    at = jax.jit(lambda z: Source(evolution=Burst(z)))(2.0)
    assert at.z_max == 2.0
    assert at.burst


def test_run_file_dictionaries():
    source = Source(
        evolution={"name": "blazar-ajello-2015", "luminosity": "1e47 erg / s"},
        spectrum={
            "kind": "sum",
            "components": [
                {"kind": "power-law", "index": 2.5, "cutoff": "10 PeV"},
                {"kind": "bump", "energy": "1 PeV", "width": 0.5},
            ],
            "weights": [1.0, 1e-3],
        },
    )
    assert source.evolution.luminosity == pytest.approx(1e47, rel=1e-14)
    assert isinstance(source.spectrum, Sum)
    assert source.spectrum.components[0].cutoff == 1e7
    table = Source(
        evolution={"name": "table", "z": [0.0, 1.0], "density": [1.0, 2.0]},
        spectrum={"kind": "table", "energy": [1e3, 1e8], "emissivity": [1.0, 1e-10]},
    )
    assert isinstance(table.evolution, TableEvolution)
    assert isinstance(table.spectrum, Table)


@pytest.mark.parametrize(
    "source",
    [
        Source(),
        Source(evolution="burst", z_max=2.0),
        Source(evolution=([0.0, 1.0], [1.0, 2.0]), spectrum=([1e3, 1e8], [1.0, 1e-10])),
        Source(evolution=lambda z: 1.0 + z, spectrum=lambda e: e**-2),
        PointSource(0.1, normalization="1e-16 / (GeV cm2 s)"),
        PointSource(0.1, luminosity=1e45, band=(1e4, 1e7)),
    ],
    ids=["default", "burst", "tables", "functions", "point flux", "point luminosity"],
)
def test_sources_are_pytrees_with_plain_descriptions(source):
    leaves, structure = jax.tree_util.tree_flatten(source)
    again = jax.tree_util.tree_unflatten(structure, leaves)
    assert again.describe() == source.describe()
    assert structure == jax.tree_util.tree_structure(again)
    assert json.loads(json.dumps(source.describe()))["normalization_kind"] in ("flux", "luminosity")
    assert type(source).__name__ in repr(source)
    shares = jax.jit(lambda value: value.shares())(source)
    assert np.array_equal(shares, source.shares())


def test_one_compilation_serves_all_values():
    compiled = []

    @jax.jit
    def emitted(source):
        compiled.append(source)
        return source.evolution.density(1.0) * source.spectrum.emissivity(1e6)

    for index in (2.0, 2.5):
        emitted(Source(spectrum=PowerLaw(index), z_max=4.0 + index, flavor=(index, 1, 1)))
    emitted(Source(flavor="muon-damped"))
    assert len(compiled) == 1
    emitted(Source(evolution="madau-dickinson-2014"))
    assert len(compiled) == 2


def test_everything_can_be_traced():
    def total(x):
        source = Source(
            evolution=evolution("power", index=x),
            spectrum=PowerLaw(x, cutoff=x * 1e7),
            z_max=x,
            flavor=(1.0, x, 0.0),
            antineutrino_fraction=x / 10,
            normalization=x * 1e-18,
            pivot=x * 1e5,
        )
        return sum(jnp.sum(jnp.asarray(leaf)) for leaf in jax.tree_util.tree_leaves(source)) * (
            source.evolution.density(1.0) * jnp.sum(source.shares())
        )

    step = 1e-6
    expected = (total(2.0 + step) - total(2.0 - step)) / (2 * step)
    assert jax.grad(total)(2.0) == pytest.approx(float(expected), rel=1e-7)  # differences
    assert jax.vmap(total)(jnp.array([1.0, 2.0])).shape == (2,)


def test_pivot_is_needed_where_there_is_no_flux():
    bump = Bump("20 PeV", 0.01)
    with pytest.raises(ParameterError, match="pivot = 100000 GeV"):
        Source(spectrum=bump)
    assert Source(spectrum=bump, pivot="10 PeV").pivot == 1e7
    # At Earth the bump of sources at z = 0 to 5 covers 3.3 to 20 PeV, at the source only 20 PeV.
    with pytest.raises(ParameterError, match="has no flux there"):
        Source(spectrum=bump, pivot="10 PeV", normalization="1e46 / (GeV Mpc3 yr)")
    with pytest.raises(ParameterError, match="has no flux there"):
        Source(evolution="burst", z_max=2.0, spectrum=bump, pivot="18 PeV")
    with pytest.raises(ParameterError, match="has no flux there"):
        Source(spectrum=PowerLaw(2.0, cutoff="10 GeV"))


# --- events of known rate and energy ----------------------------------------------------------


def test_events_emit_their_energy():
    source = Source.of_events(
        "3 / (Gpc3 yr)", 1e44 * u.J, PowerLaw(2.0), band=("10 TeV", "10 PeV"), flavor="muon-damped"
    )
    assert source.normalization_kind == "emissivity"
    # int E Q dE = Q_0 pivot^2 ln 1000
    power = source.normalization * source.pivot**2 * math.log(1e3) * u.Unit("GeV / (cm3 s)")
    expected = 3e51 * u.erg / (u.Gpc**3 * u.yr)
    assert (power / expected).to_value("") == pytest.approx(1.0, rel=1e-12)
    assert np.array_equal(source.flavor, [0.0, 1.0, 0.0])


def test_pivot_of_events_does_not_matter():
    given_at = [
        Source.of_events(1e-7, 1e51, PowerLaw(2.3), band=(1e4, 1e7), pivot=pivot)
        for pivot in (None, "1 PeV")
    ]
    a, b = (s.normalization / s.spectrum.emissivity(s.pivot) for s in given_at)
    assert a == pytest.approx(float(b), rel=1e-13, abs=0.0)


def test_bump_needs_no_band():
    bump = Bump("2 PeV", 0.5)
    source = Source.of_events(1e-7, 1e51, bump)
    assert source.pivot == 2e6
    band = Source.of_events(1e-7, 1e51, bump, band=(1e4, 1e9))
    a, b = (s.normalization / s.spectrum.emissivity(s.pivot) for s in (source, band))
    assert a == pytest.approx(float(b), rel=1e-10, abs=0.0)  # 10 standard deviations


def test_events_can_be_traced():
    def scale(x):
        source = Source.of_events(x * 1e-7, x * 1e51, PowerLaw(1.0 + x), band=(1e4, 1e7))
        return jnp.log(source.normalization)

    step = 1e-5
    expected = (scale(1.3 + step) - scale(1.3 - step)) / (2 * step)
    assert jax.grad(scale)(1.3) == pytest.approx(float(expected), rel=1e-7)  # differences


def test_emissivity_as_a_bare_number_and_traced():
    by_unit = Source(normalization="1e46 / (GeV Mpc3 yr)")
    bare = Source(emissivity=by_unit.normalization)
    assert bare.describe() == by_unit.describe()
    kind = []
    jax.jit(lambda q: kind.append(Source(emissivity=q).normalization_kind))(1e-45)
    assert kind == ["emissivity"]


# --- point sources ----------------------------------------------------------------------------


def test_point_source_at_a_distance():
    from astropy.cosmology import FlatLambdaCDM, Planck18

    for cosmology in (None, FlatLambdaCDM(H0=70, Om0=0.3)):
        for z in (1e-5, 0.0033, 0.3365, 3.0, 19.9):
            distance = (cosmology or Planck18).luminosity_distance(z)
            source = PointSource.at_distance(distance, cosmology=cosmology, normalization=1e-16)
            # distances agree with astropy's to 1e-10
            assert source.z == pytest.approx(z, rel=1e-9)


@pytest.mark.slow
def test_redshift_can_be_differentiated_in_the_distance():
    history = nuprop.flat_lambda_cdm(67.4, 0.315)

    def z(distance, h0):
        history = nuprop.flat_lambda_cdm(h0, 0.315)
        return PointSource.at_distance(distance, cosmology=history, normalization=1e-16).z

    at = 3e27
    slope = 1.0 / jax.grad(history.luminosity_distance)(z(at, 67.4))
    by_distance, by_h0 = jax.jit(jax.grad(z, argnums=(0, 1)))(at, 67.4)
    assert by_distance == pytest.approx(float(slope), rel=1e-12)
    # z depends on h0 d
    assert by_h0 * 67.4 == pytest.approx(float(slope) * at, rel=1e-12)


def test_known_sources():
    seyfert = sources.known_source("ngc-1068")
    assert seyfert.normalization == pytest.approx(5e-14, rel=1e-12, abs=0.0)
    # Hubble's law at 14.4 Mpc, to second order in z
    assert seyfert.z == pytest.approx(67.66 * 14.4 / 299792.458, rel=5e-3)
    blazar = sources.known_source("txs-0506+056", normalization=1e-18, spectrum=PowerLaw(2.0))
    assert blazar.z == 0.3365
    for known in sources.KNOWN_SOURCES.values():
        assert "arXiv:" in known.reference


@pytest.mark.slow
def test_luminosity_of_ngc_1068_as_published():
    # (2.9 +- 1.1)e42 erg/s from 1.5 to 15 TeV, all flavors, at 14.4 Mpc: arXiv:2211.09972
    seyfert = sources.known_source("ngc-1068")
    energy = np.geomspace(1.5e3, 1.5e4, 2001)
    flux = 3 * seyfert.normalization * (energy / 1e3) ** -3.2
    power = np.trapezoid(energy**2 * flux, np.log(energy)) * u.GeV / (u.cm**2 * u.s)
    luminosity = (4 * np.pi * (14.4 * u.Mpc) ** 2 * power).to_value("erg / s")
    assert luminosity == pytest.approx(2.9e42, abs=0.05e42)  # two digits
    by_luminosity = sources.known_source(
        "ngc-1068", luminosity=luminosity, band=("1.5 TeV", "15 TeV")
    )
    mediator = nuprop.ZPrime.lmu_ltau("10 MeV", 1e-6)
    relics = nuprop.Relics(thermal=False)
    neutrinos = nuprop.Neutrinos(lightest_mass="0.01 eV")
    fluxes = [
        nuprop.propagate(source, mediator, neutrinos, relics, energy=[2e3, 5e3]).free.total.value
        for source in (seyfert, by_luminosity)
    ]
    # the band shifts by z = 0.3 %, times the index
    assert np.allclose(fluxes[1], fluxes[0], rtol=0.01)


def test_point_source_with_a_flux():
    source = PointSource(0.3365, normalization="1e-12 / (TeV cm2 s)", spectrum=PowerLaw(2.0))
    assert source.point
    assert source.burst
    assert source.evolution.burst
    assert source.z_max == source.z == 0.3365
    assert source.normalization == pytest.approx(1e-15, rel=1e-14, abs=0.0)
    with pytest.raises(ParameterError, match="give a luminosity"):
        source.emission(1e5)


def test_point_source_emits_its_luminosity_in_the_band():
    source = PointSource(
        0.0038,
        spectrum=PowerLaw(3.2),
        luminosity=1e35 * u.W,
        band=(1.5 * u.TeV, "15 TeV"),
    )
    energy = np.geomspace(1.5e3, 1.5e4, 4001)
    power = np.trapezoid(energy**2 * np.asarray(source.emission(energy)), np.log(energy))
    # Trapezoidal rule with steps of 6e-4 in ln E.
    assert power * 1.602176634e-3 == pytest.approx(1e42, rel=1e-6)


def test_emission_can_be_differentiated():
    def emission(index):
        source = PointSource(0.1, spectrum=PowerLaw(index), luminosity=1e45, band=(1e4, 1e6))
        return jnp.log(source.emission(1e5))

    step = 1e-5
    expected = (emission(2.5 + step) - emission(2.5 - step)) / (2 * step)
    assert jax.grad(emission)(2.5) == pytest.approx(float(expected), rel=1e-7)  # differences


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Source(evolution="yuksel-2009"), UnknownSource, "did you mean 'yuksel-2008'"),
        (lambda: Source(evolution=3.0), ParameterError, "evolution = 3.0"),
        (lambda: Source(evolution={"index": 3.0}), ConfigError, "'name' is missing"),
        (lambda: Source(evolution={"name": "power"}), ConfigError, "index"),
        (lambda: Source(evolution={"name": "flat", "index": 3}), ConfigError, "parameter 'index'"),
        (lambda: Source(evolution={"name": "lien-2014", "z": 3}), ConfigError, "it takes none"),
        (lambda: Source(evolution=lambda z: math.exp(z)), ParameterError, "cannot be traced"),
        (lambda: Source(evolution=lambda z: -z), ParameterError, "not negative"),
        (lambda: Source(evolution=Evolution), ParameterError, "give a name"),
        (lambda: evolution("power", index=math.nan), ParameterError, "index = nan"),
        (lambda: evolution("power", index=1.0, z_cut=-1.0), ParameterError, "z_cut = -1"),
        (
            lambda: evolution("power-exponential", index=1, scale=0),
            ParameterError,
            "scale = 0",
        ),
        (lambda: evolution("blazar-ajello-2015", luminosity=-1), ParameterError, "luminosity"),
        (lambda: evolution("blazar-ajello-2015", luminosity="1 GeV"), UnitError, "luminosity"),
        (lambda: evolution("burst", z_s=-1.0), ParameterError, "z_s = -1"),
        (lambda: Source(evolution="burst"), ParameterError, "give z_max"),
        (lambda: Source(evolution=Burst(2.0), z_max=3.0), ParameterError, "z_s = 2"),
        (lambda: Source(z_max=0), ParameterError, "z_max = 0"),
        (lambda: Source(z_max=-1.0), ParameterError, "z_max = -1"),
        (lambda: Source(z_max=21.0), ParameterError, r"\(0, 20\]"),
        (lambda: Source(z_max=math.nan), ParameterError, "z_max = nan"),
        (lambda: Source(flavor=(0, 0, 0)), ParameterError, "not all zero"),
        (lambda: Source(flavor=(1, -1, 1)), ParameterError, "flavor"),
        (lambda: Source(flavor=(1, 2)), ParameterError, "three numbers"),
        (lambda: Source(flavor="pions"), ParameterError, "did you mean 'pion'"),
        (lambda: Source(antineutrino_fraction=1.1), ParameterError, r"\[0, 1\]"),
        (lambda: Source(antineutrino_fraction=(0.5, 0.5)), ParameterError, "three"),
        (lambda: Source(antineutrino_fraction="p-p"), ParameterError, "did you mean 'pp'"),
        (lambda: Source(normalization=0.0), ParameterError, "normalization = 0"),
        (lambda: Source(normalization=1 * u.GeV), UnitError, "normalization = 1.0 GeV"),
        (lambda: Source(normalization="a lot"), UnitError, "normalization = 'a lot'"),
        (lambda: Source(pivot=0.0), ParameterError, "pivot = 0"),
        (lambda: Source(normalization=1, emissivity=1), ParameterError, "give one of them"),
        (lambda: Source(emissivity=-1.0), ParameterError, "emissivity = -1"),
        (lambda: Source(emissivity="1 / (GeV cm2 s sr)"), UnitError, "emissivity"),
        (lambda: Source.of_events(-1.0, 1e51, Bump(1e6, 1)), ParameterError, "rate = -1"),
        (lambda: Source.of_events("1 Hz", 1e51, Bump(1e6, 1)), UnitError, "rate = 1 Hz"),
        (lambda: Source.of_events(1.0, 0.0, Bump(1e6, 1)), ParameterError, "energy = 0"),
        (lambda: Source.of_events(1.0, "1 s", Bump(1e6, 1)), UnitError, "energy = 1 s"),
        (lambda: Source.of_events(1.0, 1e51, PowerLaw(2)), ParameterError, "give a band"),
        (
            lambda: Source.of_events(1.0, 1e51, PowerLaw(2), band=(2, 1)),
            ParameterError,
            "lower one first",
        ),
        (
            lambda: Source.of_events(1.0, 1e51, Bump(1e6, 0.01), band=(1e3, 1e4)),
            ParameterError,
            "has no flux there",
        ),
        (
            lambda: Source.of_events(1.0, 1e51, Bump(1e6, 1), emissivity=1.0),
            ParameterError,
            "emissivity is fixed",
        ),
        (lambda: PointSource.at_distance("14 eV"), UnitError, "luminosity_distance"),
        (lambda: PointSource.at_distance("-1 Mpc"), ParameterError, "luminosity_distance"),
        (lambda: PointSource.at_distance("1e7 Mpc"), ParameterError, "farther than"),
        (lambda: sources.known_source("m87"), ParameterError, "known: ngc-1068"),
        (lambda: sources.known_source("txs-0506+056"), ParameterError, "exactly one"),
        (lambda: Source(pivot=1 * u.s), UnitError, "pivot"),
        (lambda: Source(spectrum={"kind": "power"}), UnknownSource, "power-law"),
        (lambda: Source(spectrum={"index": 2.0}), ConfigError, "'kind' is missing"),
        (lambda: Source(spectrum={"kind": "bump", "width": 1}), ConfigError, "energy"),
        (lambda: Source(spectrum=3.0), ParameterError, "spectrum = 3.0"),
        (lambda: TableEvolution([0.0, 1.0], [1.0]), GridError, "both must be"),
        (lambda: TableEvolution([1.0, 0.0], [1.0, 1.0]), GridError, "must increase"),
        (lambda: TableEvolution([0.0, 30.0], [1.0, 1.0]), ParameterError, "z = "),
        (lambda: TableEvolution([0.0, 1.0], [1.0, 0.0]), ParameterError, "density = "),
        (lambda: CustomEvolution("flat"), ParameterError, "evolution = 'flat'"),
        (lambda: Evolution().density(1.0), NotImplementedError, "law"),
        (lambda: PointSource(0.1), ParameterError, "give exactly one"),
        (lambda: PointSource(0.1, normalization=1, luminosity=1), ParameterError, "exactly one"),
        (lambda: PointSource(0.1, luminosity=1e45), ParameterError, "needs the two energies"),
        (lambda: PointSource(0.1, normalization=1, band=(1, 2)), ParameterError, "band"),
        (lambda: PointSource(0.1, luminosity=1, band=(2, 1)), ParameterError, "lower one first"),
        (lambda: PointSource(0.1, luminosity=1, band=(-2, 1)), ParameterError, "band = "),
        (lambda: PointSource(0.1, luminosity=-1, band=(1, 2)), ParameterError, "luminosity"),
        (lambda: PointSource(0.1, luminosity=1 * u.m, band=(1, 2)), UnitError, "luminosity"),
        (lambda: PointSource(0.0, normalization=1e-16), ParameterError, "z = 0"),
        (lambda: PointSource(0.1, normalization=1.5 / u.s), UnitError, "normalization"),
        (
            lambda: PointSource(
                0.1, spectrum=PowerLaw(2, cutoff=1.0), luminosity=1e45, band=(1e6, 1e7)
            ),
            ParameterError,
            "no energy there",
        ),
    ],
)
def test_bad_input_says_what_is_allowed(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_public_names():
    for name in sources.__all__:
        assert hasattr(sources, name)
    assert nuprop.Source is Source
    assert nuprop.PointSource is PointSource


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: nuprop.Source(pivot=[1e5]), "pivot"),
        (lambda: nuprop.Source(normalization=[1e-18]), "normalization"),
        (lambda: nuprop.Source(z_max=[5.0]), "z_max"),
        (lambda: nuprop.PointSource(z=[1.0], normalization=1e-18), "z"),
        (lambda: nuprop.PointSource(z=1.0, normalization=[1e-18]), "normalization"),
        (lambda: nuprop.PowerLaw([2.0, 2.3]), "index"),
        (lambda: nuprop.PowerLaw(2.0, cutoff=["1 PeV", "2 PeV"]), "cutoff"),
        (lambda: nuprop.flat_lambda_cdm([67.0, 70.0], 0.3), "H0"),
    ],
)
def test_arrays_are_not_numbers(make, name):
    with pytest.raises(nuprop.NupropError, match=f"^{name} "):
        make()
