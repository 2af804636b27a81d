from dataclasses import replace

import astropy.units as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from astropy import cosmology as astropy_cosmology
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from nuprop.cosmology import TabulatedExpansion, expansion, flat_lambda_cdm
from nuprop.errors import ParameterError, PrecisionError, UnitError

REDSHIFTS = np.concatenate([[0.0, 1e-9, 1e-3], np.geomspace(0.01, 20.0, 400)])

CLOSED_FORM = {
    "Planck18": astropy_cosmology.Planck18,
    "Planck15": astropy_cosmology.Planck15,
    "WMAP9": astropy_cosmology.WMAP9,
    "flat, no radiation": astropy_cosmology.FlatLambdaCDM(H0=67.4, Om0=0.315, Tcmb0=0),
    "flat, photons": astropy_cosmology.FlatLambdaCDM(H0=67.4, Om0=0.315, Tcmb0=2.7255, Neff=0),
    "flat, Neff < 1": astropy_cosmology.FlatLambdaCDM(H0=70, Om0=0.3, Tcmb0=2.7255, Neff=0.4),
    "de Sitter": astropy_cosmology.FlatLambdaCDM(H0=70, Om0=0.0),
    "open": astropy_cosmology.LambdaCDM(H0=70, Om0=0.3, Ode0=0.5),
    "closed": astropy_cosmology.LambdaCDM(H0=70, Om0=0.3, Ode0=0.8, Tcmb0=2.7255),
    "flat wCDM": astropy_cosmology.FlatwCDM(H0=72, Om0=0.28, w0=-1.1, Tcmb0=2.7255),
    "wCDM": astropy_cosmology.wCDM(H0=72, Om0=0.28, Ode0=0.75, w0=-0.8),
    "flat w0wa": astropy_cosmology.Flatw0waCDM(H0=68, Om0=0.3, w0=-0.8, wa=-0.7, Tcmb0=2.7255),
    "w0wa": astropy_cosmology.w0waCDM(H0=68, Om0=0.3, Ode0=0.65, w0=-0.9, wa=0.3, Tcmb0=2.7),
    "one massive": astropy_cosmology.FlatLambdaCDM(
        H0=67.4, Om0=0.31, Tcmb0=2.7255, Neff=3.046, m_nu=[0, 0, 0.06] * u.eV
    ),
    "three masses": astropy_cosmology.FlatLambdaCDM(
        H0=67.4, Om0=0.31, Tcmb0=2.7255, Neff=3.046, m_nu=[0.01, 0.05, 0.6] * u.eV
    ),
    "heavy": astropy_cosmology.LambdaCDM(
        H0=67.4, Om0=0.2, Ode0=0.7, Tcmb0=2.7255, Neff=4.2, m_nu=[0, 0, 0.3, 2.0] * u.eV
    ),
}
TABULATED = {
    "w0wz": astropy_cosmology.w0wzCDM(H0=70, Om0=0.3, Ode0=0.7, w0=-0.9, wz=-0.1, Tcmb0=2.7),
    "wpwa": astropy_cosmology.wpwaCDM(
        H0=70, Om0=0.3, Ode0=0.6, wp=-0.9, wa=0.4, zp=0.5, Tcmb0=2.7255, m_nu=[0, 0.1, 0.1] * u.eV
    ),
}
EVERY = CLOSED_FORM | TABULATED


#: Universes of one kind share a program.
hubble = jax.jit(lambda history, z: history.hubble(z))
luminosity_distance = jax.jit(lambda history, z: history.luminosity_distance(z))


@pytest.mark.parametrize("name", EVERY)
def test_expansion_rate_is_that_of_astropy(name):
    history = expansion(EVERY[name])
    truth = EVERY[name].H(REDSHIFTS).to_value("1/s")
    # 1e-10 is the promise of the docstring; reached: 3e-14 and less, set by astropy's rounded
    # prefactor 0.22710731766 of the neutrino density.
    np.testing.assert_allclose(hubble(history, REDSHIFTS), truth, rtol=1e-10)
    assert isinstance(history, TabulatedExpansion) == (name in TABULATED)


@pytest.mark.parametrize("name", EVERY)
def test_luminosity_distance(name):
    history = expansion(EVERY[name])
    z = np.array([1e-3, 0.1, 1.0, 6.0, 20.0])
    truth = EVERY[name].luminosity_distance(z).to_value("cm")
    # astropy integrates 1/E adaptively with an absolute tolerance of 1.5e-8, of which it may use
    # all: 1e-10 at most has been seen. At z = 1e-3 one such error would be 1.5e-5.
    np.testing.assert_allclose(luminosity_distance(history, z), truth, rtol=1e-9)


def test_luminosity_distance_of_exact_universes():
    z = np.array([1e-6, 0.1, 1.0, 6.0, 20.0])
    c_over_h0 = 299792.458 / 70.0 * (1.0 * u.Mpc).to_value("cm")
    einstein_de_sitter = flat_lambda_cdm(70.0, 1.0)
    milne = expansion(astropy_cosmology.LambdaCDM(H0=70, Om0=0.0, Ode0=0.0))
    # Closed forms written without cancellation; the Gauss-Legendre rule has converged to some ulp.
    np.testing.assert_allclose(
        luminosity_distance(einstein_de_sitter, z),
        c_over_h0 * 2.0 * (1.0 + z) * -np.expm1(-0.5 * np.log1p(z)),
        rtol=1e-13,
    )
    np.testing.assert_allclose(
        luminosity_distance(milne, z), c_over_h0 * z * (1.0 + 0.5 * z), rtol=1e-13
    )


def test_distance_is_smooth_through_zero_curvature():
    flat = flat_lambda_cdm(70.0, 0.3)
    replaced = jax.jit(
        jax.vmap(lambda curvature: replace(flat, Ok0=curvature).luminosity_distance(2.0))
    )
    ok0 = np.array([-1e-3, -1e-5, -1e-7, 0.0, 1e-7, 1e-5, 1e-3])
    distances = np.asarray(replaced(ok0)) / float(flat.luminosity_distance(2.0)) - 1.0
    # Linear in Ok0 up to terms of order Ok0^2 ~ 1e-6; a jump at the switch from the series to
    # sinh would show at 1e-8.
    slopes = distances[ok0 != 0] / ok0[ok0 != 0]
    np.testing.assert_allclose(slopes, slopes[0], rtol=5e-3)


def test_names_defaults_and_pass_through():
    planck18 = expansion()
    assert planck18.describe() == expansion(astropy_cosmology.Planck18).describe()
    assert expansion(planck18) is planck18
    assert expansion("Planck15").describe()["H0"] == astropy_cosmology.Planck15.H0.value


def test_description_repeats_what_was_given():
    told = expansion(CLOSED_FORM["three masses"]).describe()
    assert told["name"] == "FlatLambdaCDM"
    assert told["H0"] == 67.4
    assert told["Om0"] == 0.31
    assert told["Tcmb0"] == 2.7255
    # eV to GeV and back
    np.testing.assert_allclose(told["m_nu_eV"], [0.01, 0.05, 0.6], rtol=1e-15)
    assert expansion(TABULATED["w0wz"]).describe() == {
        "name": "w0wzCDM",
        "H0": 70.0,
        "Ok0": TABULATED["w0wz"].Ok0,
    }


@pytest.mark.parametrize("temperature", [0.0, 2.7255])
def test_flat_lambda_cdm_is_that_of_astropy(temperature):
    mine = flat_lambda_cdm(67.4 * u.km / u.s / u.Mpc, 0.315, temperature * u.K, 3.046, 0.1 * u.eV)
    masses = [0.1, 0.1, 0.1] * u.eV
    theirs = astropy_cosmology.FlatLambdaCDM(67.4, 0.315, temperature, 3.046, masses)
    # As above.
    np.testing.assert_allclose(
        mine.hubble(REDSHIFTS), theirs.H(REDSHIFTS).to_value("1/s"), rtol=1e-10
    )


def test_units_are_converted():
    per_second = flat_lambda_cdm(70.0 * u.km / u.s / u.Mpc, 0.3)
    per_year = flat_lambda_cdm((70.0 * u.km / u.s / u.Mpc).to("1/Gyr"), 0.3)
    # One conversion and back.
    np.testing.assert_allclose(per_year.hubble(1.0), per_second.hubble(1.0), rtol=1e-14)


@pytest.mark.parametrize("temperature", [0.0, 2.7255])
@pytest.mark.parametrize("derivative", [jax.jacfwd, jax.jacrev])
def test_derivatives_in_h0_and_om0(temperature, derivative):
    @jax.jit
    def rate(parameters, z):
        return flat_lambda_cdm(*parameters, temperature, 3.046, jnp.array([0, 0, 6e-11])).hubble(z)

    point = jnp.array([67.4, 0.315])
    z = jnp.asarray(REDSHIFTS)
    jacobian = jax.jit(derivative(rate))(point, z)
    step = 1e-5
    for column in range(2):
        shift = step * point[column] * jnp.eye(2)[column]
        difference = (rate(point + shift, z) - rate(point - shift, z)) / (2 * shift[column])
        # Central differences: truncation step^2 = 1e-10 of H, rounding 1e-16/1e-5 = 1e-11 of H
        # over the parameter. dH/dOm0 vanishes at z = 0, hence the absolute scale.
        scale = np.asarray(rate(point, z) / point[column])
        np.testing.assert_allclose(jacobian[:, column] / scale, difference / scale, atol=1e-9)


def test_derivatives_exact_without_radiation():
    z = jnp.asarray(REDSHIFTS)
    h0_slope = jax.jacfwd(lambda h0: flat_lambda_cdm(h0, 0.3).hubble(z))(70.0)
    om0_slope = jax.jacfwd(lambda om0: flat_lambda_cdm(70.0, om0).hubble(z))(0.3)
    hubble = flat_lambda_cdm(70.0, 0.3).hubble(z)
    # Closed forms, a dozen operations each; (1+z)^3 - 1 loses digits below z = 1e-3.
    np.testing.assert_allclose(h0_slope, hubble / 70.0, rtol=1e-13)
    expected = hubble * ((1 + z) ** 3 - 1) / (2 * (0.3 * (1 + z) ** 3 + 0.7))
    np.testing.assert_allclose(om0_slope, expected, rtol=1e-6, atol=1e-13 * float(hubble[0]))


def test_gradients_are_finite_where_a_parameter_vanishes():
    def rate(parameters):
        return jnp.sum(flat_lambda_cdm(*parameters).hubble(jnp.array([0.0, 1.0, 20.0])))

    slope = jax.jit(jax.grad(rate))
    for at in ([70.0, 0.0, 0.0, 0.0, 0.0], [70.0, 0.3, 2.7255, 3.046, 0.0], [70.0, 1.0, 0, 3, 0]):
        assert np.all(np.isfinite(slope(jnp.array(at, dtype=float))))


@pytest.mark.parametrize("name", ["Planck18", "w0wz"])
def test_leaves_jit_vmap_and_differentiate(name):
    history = expansion(EVERY[name])
    z = jnp.linspace(0.0, 20.0, 7)

    @jax.jit
    def rate(one, at):
        return one.hubble(at)

    # The same operations, fused differently by the compiler.
    np.testing.assert_allclose(rate(history, z), history.hubble(z), rtol=1e-14)
    np.testing.assert_allclose(
        jax.vmap(rate, in_axes=(None, 0))(history, z), history.hubble(z), rtol=1e-14
    )
    stacked = jax.tree.map(lambda leaf: jnp.stack([jnp.asarray(leaf)] * 3), history)
    assert jax.vmap(rate, in_axes=(0, None))(stacked, z).shape == (3, 7)
    gradient = jax.grad(lambda one: rate(one, 2.0))(history)
    # H is proportional to H0 but for radiation, which keeps its temperature: with the
    # neutrino of 0.06 eV it makes 0.5 % of H^2 at z = 2 in Planck18.
    np.testing.assert_allclose(gradient.H0 * history.H0, rate(history, 2.0), rtol=6e-3)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_one_compilation_serves_every_cosmology_of_a_kind():
    traces = []

    @jax.jit
    def rate(history, z):
        traces.append(None)
        return history.hubble(z)

    for om0 in (0.2, 0.3, 0.4):
        rate(flat_lambda_cdm(70.0, om0), 1.0)
    assert len(traces) == 1


@pytest.mark.parametrize("name", ["Planck18", "wpwa"])
def test_any_shape_of_redshift_and_slope_in_redshift(name):
    history = expansion(EVERY[name])
    z = np.array([[0.0, 0.3, 1.0], [2.0, 7.0, 19.9]])
    assert history.hubble(z).shape == (2, 3)
    assert history.hubble(2).dtype == jnp.float64
    rate = jax.jit(history.hubble)
    slope = jax.jit(jax.vmap(jax.grad(history.hubble)))(z.ravel())
    step = 1e-4
    difference = (rate(z.ravel() + step) - rate(z.ravel() - step)) / (2 * step)
    # Central differences: truncation step^2, rounding 1e-16/step.
    np.testing.assert_allclose(slope, difference, rtol=1e-7)


def test_massive_neutrinos_become_matter():
    # A neutrino of 2 eV is nonrelativistic today: 2 eV / 93.14 eV of the matter density times h^2
    # for the standard Neff = 3.046, within the 0.3 % of the Komatsu et al. fit.
    heavy = flat_lambda_cdm(67.4, 0.0, 2.7255, 3.046, jnp.array([0.0, 0.0, 2e-9]))
    massless = flat_lambda_cdm(67.4, 0.0, 2.7255, 3.046)
    h0 = float(massless.hubble(0.0))
    z = 3.0
    extra = (float(heavy.hubble(z)) ** 2 - float(massless.hubble(z)) ** 2) / h0**2
    fraction = 2.0 / 93.14 / 0.674**2
    assert extra == pytest.approx(fraction * ((1 + z) ** 3 - 1.0), rel=0.01)


def test_fermi_dirac_integral():
    # Komatsu et al. 2011, arXiv:1001.4538: f(y) = 120/(7 pi^4) int x^2 sqrt(x^2 + y^2)/(e^x + 1).
    k_t = 8.617333262145179e-14 * 2.7255 * (4 / 11) ** (1 / 3)
    photons = flat_lambda_cdm(70.0, 0.0, 2.7255, 0.0)
    z = 1.5
    for mass in (1e-12, 5e-11, 1e-9):
        y = mass / (k_t * (1 + z))
        exact = (
            120
            / (7 * np.pi**4)
            * quad(lambda x, y=y: x**2 * np.hypot(x, y) / (np.exp(x) + 1), 0, 60)[0]
        )
        massive = flat_lambda_cdm(70.0, 0.0, 2.7255, 3.0, mass)
        ratio = massive._radiation(jnp.asarray(z)) / photons._radiation(jnp.asarray(z)) - 1.0
        # The fit of Komatsu et al. is good to 0.3 %.
        assert float(ratio) == pytest.approx(3.0 * 7 / 8 * (4 / 11) ** (4 / 3) * exact, rel=3e-3)


class _Bumpy(astropy_cosmology.FlatLambdaCDM):
    def H(self, z):
        return super().H(z) * (1.0 + 1e-3 * np.floor(3.3 * np.asarray(z)))


class _Tilted(astropy_cosmology.FlatLambdaCDM):
    def H(self, z):
        return super().H(z) * (1.0 + np.asarray(z)) ** 0.01


def test_a_subclass_with_its_own_rate_is_tabulated():
    cosmology = _Tilted(H0=70, Om0=0.3)
    history = expansion(cosmology)
    assert isinstance(history, TabulatedExpansion)
    # As above.
    np.testing.assert_allclose(
        history.hubble(REDSHIFTS), cosmology.H(REDSHIFTS).to_value("1/s"), rtol=1e-10
    )


def test_a_table_stays_finite_beyond_its_end():
    history = expansion(TABULATED["w0wz"])
    beyond = history.hubble(history.z_limit + 10.0)
    assert float(beyond) == float(history.hubble(history.z_limit))
    assert np.isfinite(jax.grad(history.hubble)(history.z_limit + 10.0))


def test_not_smooth():
    with pytest.raises(ParameterError, match=r"not smooth.*subclass nuprop.Expansion"):
        expansion(_Bumpy(H0=70, Om0=0.3))


def test_no_big_bang():
    bounce = astropy_cosmology.LambdaCDM(H0=70, Om0=0.1, Ode0=2.5)
    with pytest.raises(ParameterError, match=r"H\(z <= 20\)"):
        expansion(bounce)


@pytest.mark.parametrize("wrong", [67.4, {"H0": 67.4}, astropy_cosmology.FlatLambdaCDM])
def test_not_a_cosmology(wrong):
    with pytest.raises(ParameterError, match=r"cosmology = .*astropy.cosmology.FLRW"):
        expansion(wrong)


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ParameterError, match=r"'Plank18'.*did you mean.*'Planck18'"):
        expansion("Plank18")


@pytest.mark.parametrize("h0", [0.0, -70.0])
@pytest.mark.filterwarnings("ignore::RuntimeWarning:astropy")  # it divides by H0 = 0
def test_hubble_constant_not_positive(h0):
    with pytest.raises(ParameterError, match="H0 = "):
        flat_lambda_cdm(h0, 0.3)
    with pytest.raises(ParameterError, match="H0 = "):
        expansion(astropy_cosmology.FlatLambdaCDM(H0=h0, Om0=0.3))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((70.0, -0.1), "Om0 = -0.1"),
        ((70.0, float("nan")), "Om0 = nan"),
        ((70.0, 0.3, -1.0), "Tcmb0 = -1"),
        ((70.0, 0.3, 2.7, -3.0), "Neff = -3"),
        ((70.0, 0.3, 2.7, 3.0, [0.0, -1e-11]), "m_nu = "),
    ],
)
def test_parameters_out_of_range(arguments, named):
    with pytest.raises(ParameterError, match=named):
        flat_lambda_cdm(*arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((70.0 * u.km, 0.3), "H0"), ((70.0, 0.3 * u.m), "Om0"), ((70.0, 0.3, 1 * u.eV), "Tcmb0")],
)
def test_wrong_units(arguments, named):
    with pytest.raises(UnitError, match=named):
        flat_lambda_cdm(*arguments)


def test_float32_is_refused():
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(PrecisionError, match="jax_enable_x64"):
            expansion(astropy_cosmology.Planck15)
    finally:
        jax.config.update("jax_enable_x64", True)


_RATES = jax.jit(lambda parameters, z: flat_lambda_cdm(*parameters).hubble(z))


@settings(deadline=None, max_examples=200)
@given(
    st.tuples(
        st.floats(30.0, 120.0),
        st.floats(0.0, 1.5),
        st.floats(0.0, 4.0),
        st.floats(0.0, 6.0),
        st.floats(0.0, 1e-8),
    )
)
def test_any_parameters_give_a_growing_finite_rate(parameters):
    rates = np.asarray(_RATES(jnp.array(parameters), jnp.linspace(0.0, 20.0, 50)))
    assert np.all(np.isfinite(rates))
    assert np.all(np.diff(rates) >= 0.0)
    # H(0) = H0: the closure of the densities, summed in another order.
    assert rates[0] == pytest.approx(parameters[0] * 3.2407792894443648e-20, rel=1e-13, abs=0.0)
