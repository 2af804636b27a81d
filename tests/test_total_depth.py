"""Optical depths with every channel: quadratures of cross sections, the cascade, and additivity."""

import warnings
from dataclasses import replace
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference.models import AT_REST, THERMAL
from scipy.integrate import fixed_quad
from scipy.special import zeta

import nuprop
from nuprop.constants import HBAR_C, SPEED_OF_LIGHT
from nuprop.mediators.scattering import VectorBoson, vector_scattering
from nuprop.mediators.scattering.pairs import pairs_of
from nuprop.mediators.scattering.scalar import scattering_of
from nuprop.transport import cascade_shape, emission_of, interactions_of, lines_of
from nuprop.transport.depth import continuum_depth
from nuprop.transport.interactions import scatterings_of
from nuprop.transport.spectrum import cascaded, cascaded_flux
from nuprop.transport.total_depth import pair_depths

HISTORY = nuprop.flat_lambda_cdm(67.4, 0.315)
#: Usual relics, of 0.05 eV and more, and the lightest three, one of them massless.
HEAVY, LIGHT = nuprop.Neutrinos("0.05 eV"), nuprop.Neutrinos(0.0)
#: Reached by five nodes on each panel.
AT_REST_GOAL = 3e-6
Z = 2.0


def tau(energy, mediator, neutrinos=HEAVY, relics=AT_REST, **options):
    return nuprop.optical_depth(
        energy,
        Z,
        mediator=mediator,
        neutrinos=neutrinos,
        relics=relics,
        cosmology=HISTORY,
        **options,
    )


def sections(mediator, neutrinos, nature):
    """Cross sections on relics with the chirality of their helicity, and on the others."""
    if isinstance(mediator, nuprop.ZPrime):
        boson = VectorBoson.of_zprime(mediator, neutrinos, nature)
        return vector_scattering(boson), None
    aligned, flipped = scattering_of(mediator, neutrinos, nature)
    return aligned, flipped if flipped.terms else None


_total = jax.jit(lambda scattering, r: scattering.total(r))


def columns(u, relics, mediator):
    """n c/H (hbar c/M)^2 of one helicity."""
    z = np.expm1(u)
    density = np.asarray(relics.state.helicity_density(z))
    hubble = np.asarray(HISTORY.hubble(z))
    return density * SPEED_OF_LIGHT / hubble * (HBAR_C / float(mediator.mass)) ** 2


def at_rest(energy, mediator, neutrinos, relics, antineutrinos=False):
    """tau_i by quadrature in ln(1 + z), for one energy; panels are narrow around the poles."""
    both = [each for each in sections(mediator, neutrinos, relics.nature) if each is not None]
    if antineutrinos:
        both = [each.cp_conjugate() for each in both]
    opposite, same = (float(each) for each in relics.state.helicity_excess())
    counts = np.array([same, opposite])
    if relics.nature == "majorana":
        counts = np.full(2, counts.mean())
    elif antineutrinos:
        counts = counts[::-1]
    counts = counts * (1.0 if relics.nature == "majorana" else 0.5)
    width = float(mediator.width(relics.nature) / mediator.mass)
    away = width * np.geomspace(0.5, 3.0 / width, 14)
    result = np.zeros(3)
    for j, mass in enumerate(np.asarray(neutrinos.masses)):
        pole = np.log(float(mediator.mass) ** 2 / (2.0 * energy * mass))

        def rate(u, j=j, mass=mass):
            r = 2.0 * energy * np.exp(u) * mass / float(mediator.mass) ** 2
            total = sum(np.asarray(_total(each, r)) for each in both)[..., j]
            return np.einsum("n,s,nsi->in", columns(u, relics, mediator), counts, total)

        ends = np.concatenate([pole - away[::-1], pole + away, np.linspace(0.0, np.log1p(Z), 5)])
        ends = np.unique(np.clip(ends, 0.0, np.log1p(Z)))
        result += sum(fixed_quad(rate, a, b, n=24)[0] for a, b in pairwise(ends))
    return result


MODELS = {
    "vector": nuprop.ZPrime.lmu_ltau,
    "real": partial(nuprop.Scalar.single_flavor, "tau"),
    "Majoron": partial(nuprop.Scalar.universal, lepton_number=-2),
}
SOME = [
    name if name != "Majoron" else pytest.param(name, marks=pytest.mark.slow) for name in MODELS
]
#: Below the lines, which are at 1 and 0.7 PeV today, inside, and above.
ENERGY = np.array([1e5, 2.9e5, 5e5, 0.97e6, 4e6, 1e9])


@pytest.mark.parametrize("name", SOME)
def test_relics_at_rest(name):
    mediator = MODELS[name]("10 MeV", 0.5)  # Gamma/M of a few times 1e-3
    expected = [at_rest(each, mediator, HEAVY, AT_REST) for each in ENERGY]
    np.testing.assert_allclose(tau(ENERGY, mediator).T, expected, rtol=AT_REST_GOAL)


@pytest.mark.parametrize(
    ("lepton_number", "antineutrinos"),
    [
        pytest.param(0, False, marks=pytest.mark.slow),
        (0, True),
        pytest.param(-2, False, marks=pytest.mark.slow),
        pytest.param(-2, True, marks=pytest.mark.slow),
    ],
)
def test_asymmetric_dirac_relics(lepton_number, antineutrinos):
    """Each channel meets its species: a Yukawa scalar on either chirality, and a Majoron."""
    scalar = nuprop.Scalar(
        "10 MeV",
        0.3 * np.array([[1.0, 0.5j, 0.0], [0.5j, 0.0, 0.7], [0.0, 0.7, 1.0j]]),
        lepton_number=lepton_number,
    )
    relics = nuprop.Relics("dirac", thermal=False, asymmetry=0.7)
    energy = np.array([6e5, 3e6])
    found = tau(energy, scalar, relics=relics, antineutrinos=antineutrinos)
    expected = [at_rest(each, scalar, HEAVY, relics, antineutrinos) for each in energy]
    np.testing.assert_allclose(found.T, expected, rtol=AT_REST_GOAL)


def in_motion(energy, mediator, neutrinos, relics, points):
    """tau_i by a sum over redshift, momentum and cosine of relics, for a broad resonance."""
    half = 0.5 * np.log1p(Z)
    nodes, weights = np.polynomial.legendre.leggauss(points)
    u, du = half * (nodes + 1.0), half * weights
    q = 30.0 * (0.5 * (nodes + 1.0)) ** 2  # denser where most of them are
    shares = weights * (nodes + 1.0) * q**2 / (np.exp(q) + 1.0)
    shares /= np.sum(shares)
    ahead = (0.5 * (nodes + 1.0)) ** 2  # (1 - cosine)/2, denser where W vanishes
    cosine, dcosine = 1.0 - 2.0 * ahead, weights * (nodes + 1.0)
    column = du * columns(u, relics, mediator)
    aligned, flipped = sections(mediator, neutrinos, relics.nature)
    result = np.zeros(3)
    for j, mass in enumerate(np.asarray(neutrinos.masses)):
        p = (float(relics.state.temperature) * np.exp(u)[:, None] * q)[..., None]
        e = np.hypot(p, mass)
        v = p / e
        r = 2.0 * energy * np.exp(u)[:, None, None] * (e - p * cosine) / float(mediator.mass) ** 2
        # relics of one helicity, s = -+ p/p, and what a left-handed current sees of them
        along, against = (0.5 * (1.0 + h * v) * (1.0 - h * cosine) for h in (1.0, -1.0))
        weight = 0.5 * column[:, None, None] * shares[:, None] * dcosine
        seen = along + against if relics.nature == "majorana" else along
        parts = [(aligned, seen)] + ([] if flipped is None else [(flipped, against)])
        for scattering, seen in parts:
            total = np.asarray(_total(scattering, r.ravel()))
            result += np.einsum("n,nsi->i", (weight * seen).ravel(), total[..., j])
    return result


BROAD = {
    "vector": (nuprop.ZPrime.universal("10 MeV", 2.0), "majorana"),
    "vector, Dirac": (nuprop.ZPrime.lmu_ltau("10 MeV", 2.0), "dirac"),
    "scalar": (nuprop.Scalar.universal("10 MeV", 1.5), "majorana"),
    "Yukawa": (nuprop.Scalar.universal("10 MeV", 1.2), "dirac"),
}


@pytest.mark.parametrize(
    "name",
    [name if name == "Yukawa" else pytest.param(name, marks=pytest.mark.slow) for name in BROAD],
)
def test_relics_in_motion(name):
    # widths of 5 to 15 per cent of M; energies below, inside and above the lines of the light ones
    mediator, nature = BROAD[name]
    relics, energy = nuprop.Relics(nature), np.array([1e5, 3e6, 1e9])
    found = tau(energy, mediator, LIGHT, relics)
    points = 32 if name == "Yukawa" else 56  # each is converged, see below
    expected = [in_motion(each, mediator, LIGHT, relics, points) for each in energy]
    # depths are good to 1e-6 here, this sum to 4e-5 in the worst case, a massless state
    np.testing.assert_allclose(found.T, expected, rtol=4e-5 if name == "scalar" else 5e-6)


@pytest.mark.parametrize("relics", [AT_REST, pytest.param(THERMAL, marks=pytest.mark.slow)])
def test_a_weak_coupling_leaves_narrow_lines(relics):
    zprime, inside = nuprop.ZPrime.lmu_ltau("10 MeV", 1e-6), slice(1, 4)  # Gamma/M = 3e-14
    narrow = tau(ENERGY, zprime, relics=relics, channels="resonance")
    # the rest is of the order of Gamma/M over the distance to an edge
    found = tau(ENERGY, zprime, relics=relics)
    np.testing.assert_allclose(found[:, inside], narrow[:, inside], rtol=1e-10)


def test_mediators_add_up():
    pair = [nuprop.ZPrime.lmu_ltau(mass, 0.5) for mass in ("10 MeV", "3 MeV")]
    for channels in ("all", "resonance"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", nuprop.PhysicsWarning)  # of what "resonance" leaves out
            both = tau(ENERGY, pair, channels=channels)
            apart = sum(tau(ENERGY, each, channels=channels) for each in pair)
        np.testing.assert_allclose(both, apart, rtol=1e-13)  # rounding


def test_unknown_channels_are_refused():
    with pytest.raises(nuprop.ParameterError, match="channels = 'everything'"):
        tau(1e5, MODELS["vector"]("10 MeV", 0.5), channels="everything")
    with pytest.raises(nuprop.ParameterError, match=r"mediator = \(\): at least one"):
        tau(1e5, ())


@pytest.mark.parametrize("name", SOME)
def test_estimate_of_what_a_narrow_resonance_leaves_out(name):
    """It limits the depth above the lines, and is of its size."""
    mediator = MODELS[name]("10 MeV", 1e-3)
    lines = lines_of(mediator, HEAVY, AT_REST.state, HISTORY)
    estimate = float(continuum_depth(jnp.log1p(Z), lines))
    above = np.array([3e6, 4e6, 6e6, 1e7, 1e8, 1e10])
    # a vector's cross section reaches its limit to 1e-3 at the last of these; of scalars the one
    # with a single flavor has the most, and a Majoron, without nu nu -> nubar nubar, a quarter
    most = np.max(tau(above, mediator))
    assert most < 1.001 * estimate
    assert most > {"vector": 0.98, "real": 0.8, "Majoron": 0.15}[name] * estimate


@pytest.mark.slow
def test_a_cascade_without_secondaries():
    """From one redshift, -ln of what arrives of each state, of thin relics and on a lattice."""
    mediator, relics = MODELS["vector"]("10 MeV", 0.02), THERMAL
    source = nuprop.Source("burst", z_max=Z, spectrum=nuprop.PowerLaw(2.0))
    emission = emission_of(source, HEAVY, HISTORY, "summed")
    silent = []
    for one in interactions_of((mediator,), HEAVY, relics.state, HISTORY, 1):
        kernels = tuple(replace(k, yields=jnp.zeros_like(k.yields)) for k in one.kernels)
        lines = replace(one.lines, yields=jnp.zeros(3))
        silent.append(replace(one, lines=lines, kernels=kernels))
    energy = np.geomspace(2e6, 1e7, 8)  # above all lines
    shape = cascade_shape(tuple(silent), emission.u_max, energy[0], energy[-1])

    @jax.jit
    def arriving(interactions, emission):
        results = cascaded(interactions, emission, shape)
        return cascaded_flux(results, emission, jnp.log(energy))

    flux, free = arriving(tuple(silent), emission)
    found = -np.log(np.asarray(flux / free)[0])
    expected = tau(energy, mediator, relics=relics)
    assert np.min(expected) > 0.1
    assert np.max(expected) < 2.0
    # a cascade takes the mean motion of relics this heavy, and is of second order in its cells
    np.testing.assert_allclose(found, expected, rtol=2e-3)


# --- production of two scalars ---------------------------------------------------------------


@jax.jit
def _pair_depths(energy, mediator, neutrinos, relics):
    lines = scatterings_of(mediator, neutrinos, relics, HISTORY)[-1][0]
    production = pairs_of(mediator, neutrinos, relics.nature)
    u_max = jnp.full(energy.shape, jnp.log1p(Z))
    beams = (False, True)
    return [pair_depths(jnp.log(energy), u_max, lines, production, relics, b) for b in beams]


def pair_section(r, complex_field):
    """M^2 sigma for unit strength, integrated over the angle in closed form."""
    r = np.maximum(r, 4.0)
    p, b = 0.5 - 1.0 / r, np.sqrt(0.25 - 1.0 / r) / (0.5 - 1.0 / r)
    whole = 2.0 * (np.arctanh(b) - b) if complex_field else (3.0 - b**2) * np.arctanh(b) - 3.0 * b
    return p / (8.0 * np.pi * r) * whole


def abundances(neutrinos, relics):
    more = relics.state.abundances(neutrinos.n_states)
    return np.ones(3) if more is None else np.asarray(more)


def gram(mediator, neutrinos):
    couplings = np.asarray(mediator.couplings_in_mass_basis(neutrinos))
    return np.abs(couplings @ couplings.conj().T) ** 2


def pairs_at_rest(energy, mediator, neutrinos, relics, antineutrinos=False):
    """tau_i by quadrature in ln(1 + z) from the threshold on."""
    opposite, same = (float(each) for each in relics.state.helicity_excess())
    count = 0.5 * (opposite + same)
    if relics.nature == "dirac":
        count = 0.5 * (same if antineutrinos else opposite)
    met = []
    for mass in np.asarray(neutrinos.masses):
        scale = 2.0 * energy * mass / float(mediator.mass) ** 2

        first = np.clip(np.log(4.0 / scale), 0.0, np.log1p(Z))

        def rate(root, scale=scale, first=first):
            u = first + root**2
            section = pair_section(scale * np.exp(u), mediator.complex_field)
            return 2.0 * root * columns(u, relics, mediator) * section

        met.append(count * fixed_quad(rate, 0.0, np.sqrt(np.log1p(Z) - first), n=40)[0])
    return gram(mediator, neutrinos) @ (abundances(neutrinos, relics) * met)


def squared_nodes(first, last):
    """Gauss's rule in the root of the distance from `first`, where a threshold may be."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    root, span = 0.5 * (nodes + 1.0), (last - first)[..., None]
    return first[..., None] + span * root**2, np.abs(span) * weights * root


def pairs_in_motion(energy, mediator, neutrinos, relics):
    """tau_i by a sum over redshift, momentum and W, each in panels that end at the threshold."""
    met, u_max = [], np.log1p(Z)
    least = 2.0 * float(mediator.mass) ** 2 / energy  # W at the threshold, for u = 0
    for mass in np.asarray(neutrinos.masses):
        at_rest = np.clip(np.log(least / max(mass, 1e-30)), 0.0, u_max)
        u, du = map(np.ravel, squared_nodes(np.full(2, at_rest), np.array([0.0, u_max])))
        threshold, temperature = least * np.exp(-u), relics.state.temperature * np.exp(u)
        turn = np.minimum(np.abs(threshold**2 - mass**2) / (2.0 * threshold * temperature), 50.0)
        ends = np.stack([0.0 * u, turn, turn + 3.0, turn + 10.0, turn + 40.0])
        q, dq = (np.concatenate(list(v), axis=-1) for v in squared_nodes(ends[:-1], ends[1:]))
        p = temperature[:, None] * q
        e = np.hypot(p, mass)
        lowest = np.maximum(mass**2 / (e + p), threshold[:, None])
        w, dw = squared_nodes(lowest, np.maximum(e + p, lowest))
        cosine, v = (e[..., None] - w) / p[..., None], (p / e)[..., None]
        seen = 1.0 - v * cosine
        if relics.nature == "dirac":
            seen = 0.5 * (1.0 + v) * (1.0 - cosine)
        section = pair_section(4.0 * w / threshold[:, None, None], mediator.complex_field)
        inner = np.sum(dw * seen * section, axis=-1) / (2.0 * p)
        fermi = dq * q**2 / (np.exp(q) + 1.0) / (1.5 * zeta(3.0))
        met.append(np.sum(du * columns(u, relics, mediator) * np.sum(fermi * inner, axis=-1)))
    return gram(mediator, neutrinos) @ met


#: The first reaches a threshold on tails of the motion of HEAVY relics at z = 2 only, the next two
#: on some relics, the others on all but massless ones.
PAIR_ENERGY = np.array([1.02e6, 1.35e6, 3e6, 4.1e6, 2e7, 1e9])
#: Of the quadrature over relics in motion, and of the nodes on each panel.
PAIR_GOAL = 5e-6
MATRIX = 0.3 * np.array([[1.0, 0.5j, 0.0], [0.5j, 0.0, 0.7], [0.0, 0.7, 1.0j]])


@pytest.mark.parametrize("kind", ["real", "complex", "Majoron"])
def test_pairs_on_relics_at_rest(kind):
    options = {"complex": {"complex_field": True}, "Majoron": {"lepton_number": -2}}
    scalar = nuprop.Scalar("10 MeV", MATRIX, **options.get(kind, {}))
    relics = nuprop.Relics("dirac", thermal=False, asymmetry=0.7)
    found = _pair_depths(PAIR_ENERGY, scalar, HEAVY, relics.state)
    for beam, depth in enumerate(found):
        expected = [pairs_at_rest(each, scalar, HEAVY, relics, beam) for each in PAIR_ENERGY]
        np.testing.assert_allclose(depth.T, expected, rtol=PAIR_GOAL)


@pytest.mark.parametrize(
    ("nature", "complex_field", "neutrinos"),
    [
        ("majorana", False, HEAVY),
        pytest.param("majorana", True, HEAVY, marks=pytest.mark.slow),
        pytest.param("dirac", False, HEAVY, marks=pytest.mark.slow),
        ("dirac", True, LIGHT),
    ],
)
def test_pairs_on_relics_in_motion(nature, complex_field, neutrinos):
    lepton_number = -2 if complex_field and nature == "majorana" else 0
    scalar = nuprop.Scalar(
        "10 MeV", MATRIX, complex_field=complex_field, lepton_number=lepton_number
    )
    relics, energy = nuprop.Relics(nature), PAIR_ENERGY[0 if neutrinos is HEAVY else 1 :]
    found = _pair_depths(energy, scalar, neutrinos, relics.state)[0]
    expected = [pairs_in_motion(each, scalar, neutrinos, relics) for each in energy]
    np.testing.assert_allclose(found.T, expected, rtol=PAIR_GOAL)


def test_pairs_on_sterile_relics():
    neutrinos = nuprop.Neutrinos("0.05 eV", sterile=nuprop.SterileNeutrino("0.5 eV", (0, 0.1, 0)))
    relics = nuprop.Relics(thermal=False, sterile=nuprop.SterileRelics("10 cm^-3"))
    scalar = nuprop.Scalar("10 MeV", 0.3 * np.eye(4) + 0.1)
    energy = np.array([1e5, 2e5, 1e6, 3e7])  # below all thresholds, of nu_4 alone, and above
    expected = np.array([pairs_at_rest(each, scalar, neutrinos, relics) for each in energy])
    assert np.all(expected[0] == 0.0)
    assert np.all(expected[1:] > 0.0)
    found = _pair_depths(energy, scalar, neutrinos, relics.state)[0]
    np.testing.assert_allclose(found.T, expected, rtol=PAIR_GOAL)


def test_pairs_are_added_to_all_else():
    scalar, boson = MODELS["real"]("10 MeV", 0.5), MODELS["vector"]("10 MeV", 0.05)
    found = tau(ENERGY, (boson, scalar), pair_production=True)
    pairs = [pairs_at_rest(each, scalar, HEAVY, AT_REST) for each in ENERGY]
    without = tau(ENERGY, boson) + tau(ENERGY, scalar)
    assert np.max(pairs / without.T) > 0.1
    np.testing.assert_allclose(found.T, without.T + pairs, rtol=PAIR_GOAL)


def test_pairs_are_asked_for_where_they_are_known():
    scalar, boson = MODELS["real"]("10 MeV", 0.5), MODELS["vector"]("10 MeV", 0.5)
    with pytest.raises(nuprop.ParameterError, match=r"a nuprop\.Scalar is needed"):
        tau(1e5, boson, pair_production=True)
    with pytest.raises(nuprop.ParameterError, match="'resonance': pair_production needs 'all'"):
        tau(1e5, scalar, pair_production=True, channels="resonance")
    with pytest.raises(nuprop.ParameterError, match="pair_production = 'yes': True or False"):
        tau(1e5, scalar, pair_production="yes")
