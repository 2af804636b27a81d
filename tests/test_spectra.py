import json
import math

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gamma, gammaincc, zeta

from nuprop.errors import GridError, ParameterError, UnitError
from nuprop.spectra import (
    ENERGY_RANGE,
    BrokenPowerLaw,
    Bump,
    CustomSpectrum,
    FermiDirac,
    LogParabola,
    PinchedThermal,
    PowerLaw,
    SmoothBrokenPowerLaw,
    Spectrum,
    Sum,
    Table,
    as_spectrum,
)

ENERGY = np.geomspace(1e2, 1e9, 41)

# Exponents reach 50, so exp() turns one unit in the last place of them into 1e-14.
ROUNDING = 1e-13


def _custom(energy):
    return energy**-2.0 / (1.0 + (energy / 1e6) ** 2)


def _custom_with_index(index, energy):
    return (energy / 1e5) ** -index


def _fermi_2(eta):
    """F_2 by Li_3(-e^eta) = Li_3(-e^-eta) - eta^3/6 - pi^2 eta/6 and its series."""
    series = sum((-1) ** k * np.exp(-k * eta) / k**3 for k in range(1, 60))
    return -2.0 * (series - eta**3 / 6.0 - np.pi**2 * eta / 6.0)


FORMULAS = {
    "power law": (PowerLaw(2.3), lambda e: (e / 1e5) ** -2.3),
    "cutoff": (PowerLaw(2.3, 10 * u.PeV), lambda e: (e / 1e5) ** -2.3 * np.exp(-e / 1e7)),
    "broken": (
        BrokenPowerLaw(1.3, 2.7, "30 TeV", cutoff="50 PeV"),
        lambda e: np.where(e < 3e4, (e / 3e4) ** -1.3, (e / 3e4) ** -2.7) * np.exp(-e / 5e7),
    ),
    "smooth": (
        SmoothBrokenPowerLaw(1.3, 2.7, 3e4, smoothness=0.4),
        lambda e: (e / 3e4) ** -1.3 * (1 + (e / 3e4) ** (1 / 0.4)) ** ((1.3 - 2.7) * 0.4),
    ),
    "log-parabola": (
        LogParabola(2.2, 0.3, 1e6),
        lambda e: (e / 1e6) ** -(2.2 + 0.3 * np.log10(e / 1e6)),
    ),
    "bump": (
        Bump("2 PeV", 0.7),
        lambda e: (e / 2e6) ** -2.0 * np.exp(-(np.log(e / 2e6) ** 2) / (2 * 0.7**2)),
    ),
    "fermi-dirac": (
        FermiDirac("50 PeV"),
        lambda e: e**2 / (np.exp(e / 5e7) + 1) / (1.5 * zeta(3) * 5e7**3),
    ),
    "degenerate": (
        FermiDirac("50 PeV", degeneracy=1.0),
        lambda e: e**2 / (np.exp(e / 5e7 - 1) + 1) / (_fermi_2(1.0) * 5e7**3),
    ),
    "pinched": (
        PinchedThermal("150 PeV", alpha=2.7),
        lambda e: 3.7**3.7 / (1.5e8 * gamma(3.7)) * (e / 1.5e8) ** 2.7 * np.exp(-3.7 * e / 1.5e8),
    ),
    "sum": (
        Sum(PowerLaw(2.5), Bump("2 PeV", 0.7), weights=[1.0, 1e-3]),
        lambda e: (
            (e / 1e5) ** -2.5
            + 1e-3 * (e / 2e6) ** -2.0 * np.exp(-(np.log(e / 2e6) ** 2) / (2 * 0.7**2))
        ),
    ),
    "function": (CustomSpectrum(_custom), lambda e: e**-2.0 / (1.0 + (e / 1e6) ** 2)),
    "table": (Table(ENERGY, ENERGY**-2.0), lambda e: e**-2.0),
}
ALL = [pytest.param(spectrum, id=name) for name, (spectrum, _) in FORMULAS.items()]


@pytest.mark.parametrize(("spectrum", "formula"), FORMULAS.values(), ids=FORMULAS)
def test_spectrum_follows_its_formula(spectrum, formula):
    energy = ENERGY[1:-1]
    assert np.allclose(spectrum.emissivity(energy), formula(energy), rtol=ROUNDING, atol=0)


@pytest.mark.parametrize("spectrum", ALL)
def test_three_ways_of_evaluation_agree_in_any_shape(spectrum):
    log_energy = np.log(ENERGY[2:38]).reshape(3, 4, 3)
    q = spectrum.emissivity(np.exp(log_energy))
    assert q.shape == log_energy.shape
    assert q.dtype == np.float64
    assert np.allclose(spectrum.emissivity_at_log(log_energy), q, rtol=ROUNDING, atol=1e-290)
    seen = np.asarray(q) > 1e-280
    logarithm = np.asarray(spectrum.log_emissivity(log_energy))[seen]
    assert np.allclose(logarithm, np.log(q)[seen], rtol=0, atol=ROUNDING)


def _primitives(function, *arguments):
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    names = []

    def walk(inner):
        for equation in inner.eqns:
            names.append(equation.primitive.name)
            for parameter in equation.params.values():
                if hasattr(parameter, "jaxpr"):
                    walk(parameter.jaxpr)

    walk(jaxpr)
    return names.count("exp"), names.count("log")


@pytest.mark.parametrize(
    ("spectrum", "at_energy", "at_log", "log_q"),
    [
        (PowerLaw(2.3), (1, 1), (1, 0), (0, 0)),
        (PowerLaw(2.3, math.inf), (1, 1), (1, 0), (0, 0)),
        (PowerLaw(2.3, 1e7), (1, 1), (2, 0), (1, 0)),
    ],
    ids=["no cutoff", "infinite cutoff", "cutoff"],
)
def test_power_law_computes_no_more_exponentials_and_logarithms_than_needed(
    spectrum, at_energy, at_log, log_q
):
    energy = jnp.asarray(ENERGY)
    assert _primitives(spectrum.emissivity, energy) == at_energy
    assert _primitives(spectrum.emissivity_at_log, energy) == at_log
    assert _primitives(spectrum.log_emissivity, energy) == log_q


def test_power_law_is_one_at_100_tev():
    assert PowerLaw(2.7).emissivity(1e5) == pytest.approx(1.0, rel=1e-15)


def test_smooth_break_becomes_sharp():
    sharp = BrokenPowerLaw(1.3, 2.7, 3e4).emissivity(ENERGY)
    smooth = SmoothBrokenPowerLaw(1.3, 2.7, 3e4, smoothness=1e-3).emissivity(ENERGY)
    # At the break itself the smooth law is lower by 2^(1.4 s) = 1 + 1e-3.
    assert np.allclose(smooth, sharp, rtol=2e-3, atol=0)


def test_local_index_of_a_log_parabola():
    spectrum = LogParabola(2.2, 0.3, "1 PeV")
    slope = jax.grad(spectrum.log_emissivity)(math.log(1e8))
    assert slope == pytest.approx(-(2.2 + 2 * 0.3 * 2.0), rel=1e-13)


def test_bump_peaks_in_energy_squared():
    spectrum = Bump("2 PeV", 0.5)
    slope = jax.grad(lambda x: spectrum.log_emissivity(x) + 2 * x)(math.log(2e6))
    assert slope == pytest.approx(0.0, abs=1e-14)
    assert spectrum.emissivity(2e6) == pytest.approx(1.0, rel=1e-14)


def test_table_is_exact_for_power_laws_and_zero_beyond():
    table = Table([10.0, 100.0, 1000.0] * u.TeV, [1.0, 1e-2, 1e-5] / u.GeV)
    assert table.emissivity(3.7e4) == pytest.approx(3.7**-2, rel=ROUNDING)
    assert table.emissivity(3.7e5) == pytest.approx(1e-2 * 3.7**-3, rel=ROUNDING)
    assert np.array_equal(table.emissivity(np.array([9.9e3, 1.01e6])), [0.0, 0.0])
    assert np.allclose(table.kinks, (1e4, 1e6), rtol=1e-14)


def test_table_leaves_out_empty_rows_at_the_ends():
    table = Table([1e3, 1e4, 1e5, 1e6, 1e7], [0.0, 1.0, 0.1, 0.01, 0.0])
    assert np.allclose(table.kinks, (1e4, 1e6), rtol=1e-14)
    assert table.emissivity(1e5) == pytest.approx(0.1, rel=ROUNDING)


def test_function_is_not_called_outside_its_range():
    spectrum = CustomSpectrum(
        lambda e: jnp.sqrt(e - 1e3), energy_range=("1 TeV", "1 PeV"), kinks=["10 TeV"]
    )
    assert spectrum.emissivity(2e3) == pytest.approx(math.sqrt(1e3), rel=1e-15)
    slope = jax.vmap(jax.grad(spectrum.emissivity))(jnp.array([1e2, 1e7]))
    assert np.array_equal(slope, [0.0, 0.0])
    assert spectrum.kinks == (1e4, 1e3, 1e6)


def test_parameters_of_a_function_can_be_differentiated():
    def q(index):
        law = jax.tree_util.Partial(_custom_with_index, index)
        return CustomSpectrum(law).emissivity(1e6)

    assert jax.grad(q)(2.0) == pytest.approx(-math.log(10.0) * 1e-2, rel=ROUNDING)


def test_pair_of_arrays_and_function_become_spectra():
    assert isinstance(as_spectrum(([1e4, 1e5], [1.0, 0.1])), Table)
    assert isinstance(as_spectrum(_custom), CustomSpectrum)
    total = Sum(([1e4, 1e6], [1.0, 1.0]), _custom)
    assert total.emissivity(1e5) == pytest.approx(1.0 + float(_custom(1e5)), rel=ROUNDING)


def _incomplete_gamma(a, x):
    """Upper incomplete gamma function for -1 < a < 0, by Gamma(a+1,x) = a Gamma(a,x) + x^a e^-x."""
    return (gammaincc(a + 1, x) * math.gamma(a + 1) - x**a * math.exp(-x)) / a


def test_energy_integral_of_a_power_law():
    # Gauss-Legendre with 16 nodes per panel of a quarter decade leaves only rounding.
    expected = 1e5**2.3 * (1e4**-0.3 - 1e7**-0.3) / 0.3
    assert PowerLaw(2.3).energy_integral(1e4, 1e7) == pytest.approx(expected, rel=1e-12)


def test_energy_integral_with_a_cutoff():
    low, high, cut = 1e4, 1e9, 1e6
    a = 2 - 2.3
    gammas = _incomplete_gamma(a, low / cut) - _incomplete_gamma(a, high / cut)
    expected = 1e5**2.3 * cut**a * gammas
    result = PowerLaw(2.3, cut).energy_integral(low, high)
    assert result == pytest.approx(expected, rel=1e-11)


def test_energy_integral_is_split_at_kinks_inside_and_ignores_those_outside():
    broken = BrokenPowerLaw(1.0, 3.0, 3e4)
    expected = 3e4 * (3e4 - 1e4) + 3e4**3 * (1 / 3e4 - 1 / 1e6)
    assert broken.energy_integral(1e4, 1e6) == pytest.approx(expected, rel=1e-12)
    above = 3e4**3 * (1 / 1e5 - 1 / 1e6)
    assert broken.energy_integral(1e5, 1e6) == pytest.approx(above, rel=1e-12)


@pytest.mark.parametrize(
    ("spectrum", "mean"),
    [
        (FermiDirac("4 MeV"), 4e-3 * 7 * np.pi**4 / (180 * zeta(3))),
        (FermiDirac("4 MeV", degeneracy=-20.0), 4e-3 * 3.0),  # Maxwell-Boltzmann, to e^-20
        (PinchedThermal("15 MeV", 2.3), 15e-3),
        (PinchedThermal("15 MeV", 0.0), 15e-3),
    ],
    ids=["fermi-dirac", "dilute", "pinched", "exponential"],
)
def test_thermal_spectra_hold_one_neutrino(spectrum, mean):
    assert spectrum.mean_energy == pytest.approx(mean, rel=1e-9)  # e^-20
    assert spectrum.total_energy() == spectrum.mean_energy
    # what lies below 1e-9 GeV and above 1 GeV is less than rounding
    assert spectrum.energy_integral(1e-9, 1.0) == pytest.approx(mean, rel=1e-9)
    x = np.linspace(0.0, 1.0, 200_001)[1:]
    number = np.trapezoid(x * np.asarray(spectrum.emissivity(x)), np.log(x))
    if getattr(spectrum, "alpha", 2.0) > 0.0:
        assert number == pytest.approx(1.0, rel=1e-6)  # steps of 5 keV


def test_degenerate_spectra_by_quadrature():
    for eta in (-3.0, 0.5, 7.0):
        spectrum = FermiDirac(1.0, degeneracy=eta)

        def moment(power, eta=eta):
            f = lambda x: x**power / (np.exp(x - eta) + 1.0)  # noqa: E731
            return quad(f, 0.0, 80.0, points=[1.0, 5.0, 10.0, 20.0], epsabs=0.0, epsrel=1e-12)[0]

        assert spectrum.mean_energy == pytest.approx(moment(3) / moment(2), rel=1e-11)  # quad's
    # pinched: the second moment shrinks with degeneracy
    widths = [
        quad(lambda x, s=s: x**2 * float(s.emissivity(x)), 0.0, 60.0)[0] / s.mean_energy**2
        for s in (FermiDirac(1.0), FermiDirac(1.0, degeneracy=3.0))
    ]
    # <E^2>/<E>^2 of Fermi-Dirac is 1.3029, that of alpha = 2.3 is 4.3/3.3 = 1.3030
    assert widths[0] == pytest.approx(4.3 / 3.3, rel=3e-4)
    assert widths[1] < widths[0]


def test_total_energy_of_a_bump_and_of_none_other():
    bump = Bump("2 PeV", 0.7)
    # 8 standard deviations either side
    low, high = 2e6 * np.exp([-5.6, 5.6])
    assert bump.total_energy() == pytest.approx(float(bump.energy_integral(low, high)), rel=1e-12)
    with pytest.raises(ParameterError, match="give a band"):
        PowerLaw(2.0).total_energy()


def test_thermal_spectra_know_where_they_emit():
    spectrum = FermiDirac("4 MeV")
    assert spectrum.has_flux(1e-6, 1e-3)
    assert spectrum.has_flux(1e-3, 1e8)
    assert not spectrum.has_flux(1e5, 6e5)
    assert not PinchedThermal("15 MeV").has_flux(1e5, 1e5)


@jax.jit
def _everything(spectrum, energy):
    """Q and ln Q with their slopes, and dQ in every leaf."""
    log_energy = jnp.log(energy)
    leaves, structure = jax.tree_util.tree_flatten(spectrum)

    def q(parts):
        return jax.tree_util.tree_unflatten(structure, parts).emissivity_at_log(log_energy)

    linear = jax.vmap(jax.value_and_grad(spectrum.emissivity))(energy)
    logarithmic = jax.vmap(jax.value_and_grad(spectrum.log_emissivity))(log_energy)
    return linear, logarithmic, jax.jacfwd(q)(leaves) if leaves else []


@pytest.mark.parametrize("spectrum", ALL)
def test_finite_with_finite_derivatives_over_the_whole_range(spectrum):
    linear, logarithmic, derivatives = _everything(spectrum, np.geomspace(*ENERGY_RANGE, 91))
    for array in (*linear, *logarithmic, *derivatives):
        assert np.all(np.isfinite(array))
    assert np.all(linear[0] >= 0.0)


number = st.floats(-6.0, 6.0)
log10_energy = st.floats(-3.0, 15.0)


@settings(max_examples=200, deadline=None)
@given(number, number, log10_energy, log10_energy, st.floats(1e-3, 10.0), st.floats(-1.0, 1.0))
def test_no_parameters_give_nan_or_a_negative_emissivity(a, b, at, cut, width, curvature):
    log_energy = np.linspace(math.log(1e-3), math.log(1e15), 37)
    values = _evaluate(
        (
            PowerLaw(a, 10.0**cut),
            BrokenPowerLaw(a, b, 10.0**at, 10.0**cut),
            SmoothBrokenPowerLaw(a, b, 10.0**at, width, 10.0**cut),
            LogParabola(a, curvature, 10.0**at),
            Bump(10.0**at, width),
            FermiDirac(10.0**at, 3.0 * a),
            PinchedThermal(10.0**at, abs(b) * width),
        ),
        log_energy,
    )
    for q, slope in values:
        assert np.all(np.isfinite(q))
        assert np.all(q >= 0.0)
        assert np.all(np.isfinite(slope))


@jax.jit
def _evaluate(spectra, log_energy):
    def each(spectrum):
        value = spectrum.emissivity_at_log(log_energy)
        return value, jax.vmap(jax.grad(spectrum.emissivity_at_log))(log_energy)

    return [each(spectrum) for spectrum in spectra]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda x: PowerLaw(x, 1e7), "index"),
        (lambda x: PowerLaw(2.0, x * 1e6), "cutoff"),
        (lambda x: BrokenPowerLaw(1.5, 2.5, x * 1e4), "break_energy"),
        (lambda x: SmoothBrokenPowerLaw(1.5, 2.5, 1e5, x), "smoothness"),
        (lambda x: LogParabola(2.0, x), "curvature"),
        (lambda x: Bump(1e6, x), "width"),
        (lambda x: FermiDirac(x * 1e5), "temperature"),
        (lambda x: FermiDirac(2e5, x), "degeneracy"),
        (lambda x: PinchedThermal(x * 1e6), "mean_energy"),
        (lambda x: PinchedThermal(1e6, x), "alpha"),
        (lambda x: Sum(PowerLaw(2.0), PowerLaw(x), weights=[1.0, 2.0]), "index in a sum"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_derivatives_in_parameters_against_differences(make, name):
    @jax.jit
    def q(x):
        return make(x).emissivity(jnp.array([2e5, 3e6]))

    at, step = 2.1, 1e-5
    expected = (np.asarray(q(at + step)) - np.asarray(q(at - step))) / (2 * step)
    # Central differences: truncation 1e-10, rounding 1e-16/1e-5.
    assert np.allclose(jax.jacfwd(q)(at), expected, rtol=1e-7, atol=0.0)
    assert np.allclose(jax.jacrev(q)(at), expected, rtol=1e-7, atol=0.0)
    assert np.any(expected != 0.0), name


def test_table_can_be_differentiated_in_its_values():
    def q(values):
        return Table([1e4, 1e5, 1e6], values).emissivity(10**4.25)

    derivative = jax.grad(q)(jnp.array([1.0, 1e-2, 1e-4]))
    value = 10**-0.5
    assert np.allclose(derivative, [0.75 * value, 0.25 * value / 1e-2, 0.0], rtol=1e-12)


def test_spectra_are_arguments_of_compiled_functions():
    compiled = []

    @jax.jit
    def q(spectrum):
        compiled.append(spectrum)
        return spectrum.emissivity(1e6)

    assert q(PowerLaw(2.0)) == pytest.approx(1e-2, rel=ROUNDING)
    assert q(PowerLaw(3.0)) == pytest.approx(1e-3, rel=ROUNDING)
    assert len(compiled) == 1
    q(PowerLaw(3.0, "1 PeV"))
    assert len(compiled) == 2
    many = jax.vmap(lambda index: PowerLaw(index).emissivity(1e6))(jnp.array([1.0, 2.0]))
    assert np.allclose(many, [0.1, 0.01], rtol=ROUNDING)


@pytest.mark.parametrize("spectrum", ALL)
def test_description_is_plain(spectrum):
    described = json.loads(json.dumps(spectrum.describe()))
    assert described["kind"] == spectrum.kind
    assert type(spectrum).__name__ in repr(spectrum)


def test_description_keeps_the_numbers():
    assert PowerLaw(2.3, "10 PeV").describe() == {
        "kind": "power-law",
        "index": 2.3,
        "cutoff": 1e7,
    }


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: PowerLaw(2.0, cutoff=-1.0), ParameterError, "cutoff = -1"),
        (lambda: PowerLaw(2.0, cutoff=0 * u.GeV), ParameterError, "cutoff = 0"),
        (lambda: PowerLaw(2.0, cutoff=3 * u.s), UnitError, "cutoff = 3"),
        (lambda: PowerLaw(2.0, cutoff="ten PeV"), UnitError, "cutoff = 'ten PeV'"),
        (lambda: PowerLaw(math.nan), ParameterError, "index = nan"),
        (lambda: PowerLaw("steep"), UnitError, "index = 'steep'"),
        (lambda: BrokenPowerLaw(1, 2, 0.0), ParameterError, "break_energy = 0"),
        (lambda: SmoothBrokenPowerLaw(1, 2, 1e5, 0.0), ParameterError, "smoothness = 0"),
        (lambda: LogParabola(2, math.inf), ParameterError, "curvature = inf"),
        (lambda: Bump(1e6, -0.1), ParameterError, "width = -0.1"),
        (lambda: FermiDirac(0.0), ParameterError, "temperature = 0"),
        (lambda: FermiDirac("4 K"), UnitError, "temperature = 4"),
        (lambda: FermiDirac("4 MeV", 21.0), ParameterError, "degeneracy = 21"),
        (lambda: PinchedThermal("-1 MeV"), ParameterError, "mean_energy = -0.001"),
        (lambda: PinchedThermal("15 MeV", -1.0), ParameterError, "alpha = -1"),
        (lambda: Table([1e4], [1.0]), GridError, "n >= 2"),
        (lambda: Table([1e4, 1e5], [1.0, 2.0, 3.0]), GridError, "both must be"),
        (lambda: Table([1e5, 1e4], [1.0, 2.0]), GridError, "must increase"),
        (lambda: Table([0.0, 1e4], [1.0, 2.0]), ParameterError, "energy = "),
        (lambda: Table([1e3, 1e4], [1.0, -2.0]), ParameterError, "emissivity = "),
        (lambda: Table([1e3, 1e4], [1.0, math.nan]), ParameterError, "emissivity = "),
        (lambda: Table([1e3, 1e4], [0.0, 1.0]), ParameterError, "two rows"),
        (lambda: Table([1.0, 2.0, 3.0], [1.0, 0.0, 1.0]), ParameterError, "zero between"),
        (lambda: Table([1.0, 2.0] * u.s, [1.0, 0.5]), UnitError, "energy = "),
        (lambda: Sum(), ParameterError, "at least one"),
        (lambda: Sum(PowerLaw(2), weights=[1, 2]), ParameterError, "weights"),
        (lambda: Sum(PowerLaw(2), weights=[0]), ParameterError, "not all zero"),
        (lambda: CustomSpectrum(3.0), ParameterError, "spectrum = 3.0"),
        (lambda: CustomSpectrum(lambda e: -e), ParameterError, "not negative"),
        (lambda: CustomSpectrum(lambda e: 1 / (e - e)), ParameterError, "finite"),
        (lambda: CustomSpectrum(lambda e: math.exp(-e)), ParameterError, "cannot be traced"),
        (lambda: CustomSpectrum(lambda e: 1 if e > 3 else 2), ParameterError, "jnp.where"),
        (lambda: CustomSpectrum(lambda e: e[:1]), ParameterError, "one real number for each"),
        (lambda: CustomSpectrum(lambda e: e * 1j), ParameterError, "must be real"),
        (lambda: CustomSpectrum(_custom, energy_range=(2, 1)), ParameterError, "energy_range"),
        (lambda: as_spectrum("PowerLaw"), ParameterError, "spectrum = 'PowerLaw'"),
        (lambda: as_spectrum(PowerLaw), ParameterError, "give a Spectrum"),
    ],
)
def test_bad_input_says_what_is_allowed(make, error, message):
    with pytest.raises(error, match=message.replace("(", r"\(")):
        make()


def test_incomplete_spectrum_of_a_user_says_so():
    with pytest.raises(NotImplementedError, match="emissivity"):
        Spectrum().emissivity(1.0)
