import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nuprop.constants import (
    ALPHA_EM,
    FERMI_CONSTANT,
    GEV_TO_MINUS_2,
    MUON_MASS,
    SIN2_THETA_W,
    VACUUM_VALUE_SQUARED,
)
from nuprop.laboratory.trident import FORM_FACTORS, TARGETS, Nodes, Nucleus, Tridents, phase_space
from nuprop.laboratory.trident.phase_space import Charge
from nuprop.laboratory.trident.regions import Setting, largest_tau
from nuprop.mediators import ZPrime

pytestmark = pytest.mark.slow

#: A nucleon inside of a nucleus, one of it.
PROTON, NEUTRON = Nucleus(1, 1.0 + 1e-12), Nucleus(0, 1.0 + 1e-12)
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])


def dirac_matrices():
    """gamma^0 ... gamma^3 and gamma_5, in the representation of Dirac."""
    sigma = [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]]
    one, zero = np.eye(2), np.zeros((2, 2))
    gamma = [np.block([[one, zero], [zero, -one]])]
    gamma += [np.block([[zero, np.array(s)], [-np.array(s), zero]]) for s in sigma]
    gamma = np.array(gamma, dtype=complex)
    return gamma, 1j * gamma[0] @ gamma[1] @ gamma[2] @ gamma[3]


GAMMA, GAMMA5 = dirac_matrices()
ONE = np.eye(4)


def chain(path, *matrices):
    return np.einsum(path, *matrices, optimize=True)


def slash(p):
    return np.einsum("...m,mn,nij->...ij", p, METRIC, GAMMA)


def dot(p, q):
    return np.einsum("...m,mn,...n->...", p, METRIC, q)


def boosted(p, frame):
    """Take `p` from the rest frame of `frame` to where that has its momentum."""
    mass = np.sqrt(dot(frame, frame))
    along = np.einsum("...i,...i->...", p[..., 1:], frame[..., 1:])
    energy = (frame[..., 0] * p[..., 0] + along) / mass
    factor = (along / (frame[..., 0] + mass) + p[..., 0]) / mass
    return np.concatenate([energy[..., None], p[..., 1:] + factor[..., None] * frame[..., 1:]], -1)


def decayed(parent, m1, m2, cosine, azimuth):
    """Two bodies from one, and |p|/(4 pi M): their phase space for isotropic angles."""
    s = dot(parent, parent)
    momentum = np.sqrt((s - (m1 + m2) ** 2) * (s - (m1 - m2) ** 2) / s) / 2
    sine = np.sqrt(1 - cosine**2)
    direction = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine], -1)
    p = momentum[..., None] * direction
    first = np.concatenate([np.sqrt(momentum**2 + m1**2)[..., None], p], -1)
    second = np.concatenate([np.sqrt(momentum**2 + m2**2)[..., None], -p], -1)
    return boosted(first, parent), boosted(second, parent), momentum / (4 * np.pi * np.sqrt(s))


def squared_amplitude(k, kp, p1, p2, target, q, g_v):
    """|M|^2 of the pair and neutrinos with the photon coupled to `target`; explicit matrices."""
    m = MUON_MASS * ONE
    # (1 - g5) kslash (1 + g5) = 2 kslash (1 + g5)
    right = 2 * (ONE + GAMMA5)
    neutrino = chain("nij,ajk,nkl,lm,bmi->nab", slash(kp), GAMMA, slash(k), right, GAMMA)
    vertex = np.einsum("n,aij->naij", g_v, GAMMA) - 0.5 * np.einsum("aij,jk->aik", GAMMA, GAMMA5)
    photon = slash(target)
    d1, d2 = dot(q, q) - 2 * dot(q, p1), dot(q, q) - 2 * dot(q, p2)
    before = (
        chain("naij,njk,nkl->nail", vertex, slash(q - p2) + m, photon) / d2[:, None, None, None]
    )
    after = chain("nij,njk,nakl->nail", photon, slash(p1 - q) + m, vertex) / d1[:, None, None, None]
    line = before + after
    adjoint = chain("ij,nakj,kl->nail", GAMMA[0], line.conj(), GAMMA[0])
    muons = chain("nij,najk,nkl,nbli->nab", slash(p1) + m, line, slash(p2) - m, adjoint)
    lowered = np.einsum("nab,ac,bd->ncd", neutrino, METRIC, METRIC)
    return np.einsum("nab,nab->n", lowered, muons).real


def monte_carlo(energy, zprime_mass, kappas, events, seed):
    """Coherent cross sections on iron by sampling chains of two-body decays, and their errors."""
    rng = np.random.default_rng(seed)
    mass, pair = TARGETS["Fe"].nuclei[0][1].mass, 4 * MUON_MASS**2
    s = mass**2 + 2 * mass * energy
    u = rng.random((8, events))
    top = (np.sqrt(s) - mass) ** 2
    s_hat = pair * (top / pair) ** u[0]
    weight = s_hat * np.log(top / pair)
    w2 = pair + (s_hat - pair) * u[1]
    weight = weight * (s_hat - pair)
    # center of mass: neutrino along z; Q^2 from its limits, evenly in the logarithm
    p_in = (s - mass**2) / (2 * np.sqrt(s))
    lam = (s - (mass + np.sqrt(s_hat)) ** 2) * (s - (mass - np.sqrt(s_hat)) ** 2)
    p_out = np.sqrt(lam) / (2 * np.sqrt(s))
    e_in, e_out = np.sqrt(p_in**2 + mass**2), np.sqrt(p_out**2 + mass**2)
    high = 2 * (e_in * e_out - mass**2 + p_in * p_out)
    low = mass**2 * s_hat**2 / (s * high)  # product of the limits
    high = np.minimum(high, 1.0)
    is_open = high > low
    length = np.log(np.where(is_open, high / low, 2.0))
    q2 = low * np.exp(length * u[2])
    weight = weight * is_open * length * q2 / (2 * p_in * p_out) / 2  # d cos/2
    cosine = np.clip((e_in * e_out - mass**2 - q2 / 2) / (p_in * p_out), -1, 1)
    azimuth = 2 * np.pi * u[3]
    sine = np.sqrt(1 - cosine**2)
    zero = np.zeros(events)
    k = np.stack([zero + p_in, zero, zero, zero + p_in], -1)
    target = np.stack([zero + e_in, zero, zero, zero - p_in], -1)
    recoil = np.stack(
        [e_out, -p_out * sine * np.cos(azimuth), -p_out * sine * np.sin(azimuth), -p_out * cosine],
        -1,
    )
    q = target - recoil
    three = k + q
    weight = weight * p_out / (4 * np.pi * np.sqrt(s))
    y, kp, share = decayed_to_mass(three, w2, 2 * u[4] - 1, 2 * np.pi * u[5])
    weight = weight * share
    p1, p2, share = decayed(y, MUON_MASS, MUON_MASS, 2 * u[6] - 1, 2 * np.pi * u[7])
    weight = weight * share / (2 * np.pi) ** 2
    tau = -dot(k - kp, k - kp)
    form = np.asarray(FORM_FACTORS["ws"](jnp.sqrt(q2), 55.845))
    e2 = 4 * np.pi * ALPHA_EM
    weight = weight * FERMI_CONSTANT**2 / 2 * e2 / q2**2 * 4 * e2 * (26 * form) ** 2
    weight = weight / (4 * mass * energy) * GEV_TO_MINUS_2
    values = []
    for kappa in kappas:
        g_v = 0.5 + 2 * SIN2_THETA_W + kappa / (zprime_mass**2 + tau)
        momenta = (k, kp, p1, p2, target, q, g_v)
        squares = [
            squared_amplitude(*(x[i : i + 10000] for x in momenta)) for i in range(0, events, 10000)
        ]
        values.append(weight * np.concatenate(squares))
    return np.mean(values, axis=1), np.std(values, axis=1) / np.sqrt(events)


def decayed_to_mass(parent, w2, cosine, azimuth):
    """A body of squared mass `w2` and a massless one from one."""
    return decayed(parent, np.sqrt(w2), 0.0, cosine, azimuth)


def test_monte_carlo_with_explicit_matrices():
    """No trace, tensor or variable of the quadrature; errors of the sampling are about 1 %."""
    couplings = (1e-12, 5e-4)
    sampled = monte_carlo(1.5, 0.01, [VACUUM_VALUE_SQUARED * c**2 for c in couplings], 100_000, 5)
    for coupling, mean, error in zip(couplings, *sampled, strict=True):
        found = float(Tridents(1.5).cross_section(ZPrime.lmu_ltau(0.01, coupling)))
        assert error < 0.02 * mean
        assert abs(mean - found) < 3.5 * error


@pytest.mark.parametrize("reaction", ["coherent", "protons", "neutrons"])
@pytest.mark.parametrize("lepton", ["mu", "e", "tau"])
def test_nodes_suffice(reaction, lepton):
    """Against twice as many points, for bosons of 1 keV to 10 GeV and up to 1 TeV."""
    energies = np.array([0.3, 1.5, 20.0, 160.0, 1000.0])
    made = Tridents(energies, "Fe", reaction=reaction, lepton=lepton)
    fine = Tridents(energies, "Fe", reaction=reaction, lepton=lepton, nodes=Nodes(48, 112, 24, 24))
    # electrons above 20 GeV: V2, of bosons of 10 GeV or lighter than the electron
    tolerance = 1.2e-5
    if lepton == "e":
        tolerance = 2e-2 if reaction == "neutrons" else 3e-4
    for mass in (1e-6, 1e-3, 0.01, 0.1, 1.0, 10.0):
        for part, exact in zip(made.components(mass), fine.components(mass), strict=True):
            np.testing.assert_allclose(part, exact, rtol=tolerance)


def test_light_bosons_by_direct_quadrature():
    """No Legendre series: d sigma/d tau computed where a boson of 1 MeV or 1 keV needs it."""
    mass = TARGETS["Fe"].nuclei[0][1].mass
    setting, charge = (
        Setting(*map(jnp.asarray, (1.5, mass, MUON_MASS, 1.0))),
        Charge(26.0, 55.845, 0.0),
    )
    made = Tridents(1.5)
    v, weights = phase_space.gauss_legendre(64)

    @jax.jit
    def density(tau):
        def at(one):
            form = FORM_FACTORS["ws"]
            return phase_space._density(one, setting, charge, form, "exact", Nodes())[0]

        return jax.lax.map(at, tau) * GEV_TO_MINUS_2

    for boson in (1e-3, 1e-6):
        length = np.log1p(float(largest_tau(setting)) / boson**2)
        tau = boson**2 * np.expm1(length * v)
        in_tau = weights * length * (tau + boson**2) * np.asarray(density(tau))
        found = made.components(boson)
        assert np.sum(in_tau / (boson**2 + tau)) == pytest.approx(
            float(found.interference), rel=1e-8, abs=0.0
        )
        assert np.sum(in_tau / (boson**2 + tau) ** 2) == pytest.approx(
            float(found.boson), rel=1e-6, abs=0.0
        )


@pytest.mark.parametrize(
    ("energy", "leading", "improved"), [(160, 1.69, 1.015), (20, 1.89, 1.037), (1.5, 2.95, 1.26)]
)
def test_real_photons_overshoot(energy, leading, improved):
    exact = Tridents(energy).standard_model()
    # three and four digits are known
    found = Tridents(energy, mode="epa").standard_model() / exact
    assert float(found) == pytest.approx(leading, abs=6e-3)
    found = Tridents(energy, mode="epa-improved").standard_model() / exact
    assert float(found) == pytest.approx(improved, abs=3e-3)


def test_real_photons_favor_the_standard_model():
    exact, photons = Tridents(160.0).components(0.01), Tridents(160.0, mode="epa").components(0.01)
    assert float(photons.boson / exact.boson) == pytest.approx(1.29, abs=6e-3)


@pytest.mark.parametrize(
    ("form", "sigma"),
    [
        ("ws", (1.004e-43, 3.536e-41, 7.67e-40)),
        ("helm", (9.48e-44, 3.436e-41, 7.49e-40)),
    ],
)
def test_form_factors(form, sigma):
    found = Tridents([1.5, 20.0, 160.0], "Fe", form_factor=form).standard_model()
    np.testing.assert_allclose(found, sigma, rtol=1e-3)  # three digits are known
    # a function of one's own
    own = Tridents([1.5, 20.0, 160.0], "Fe", form_factor=lambda q, a: FORM_FACTORS[form](q, a))
    np.testing.assert_allclose(own.standard_model(), found, rtol=1e-12)


def test_nucleons():
    energies = [10.0, 20.0, 160.0]
    proton = Tridents(energies, PROTON, reaction="protons").standard_model()
    neutron = Tridents(energies, NEUTRON, reaction="neutrons").standard_model()
    # four and three digits are known
    np.testing.assert_allclose(proton, (1.0544e-43, 3.1780e-43, 5.510e-42), rtol=2e-4)
    np.testing.assert_allclose(neutron, (1.641e-44, 4.988e-44, 8.80e-43), rtol=1e-3)
    free = Tridents([1.5, 20.0], "p", reaction="protons").standard_model()
    np.testing.assert_allclose(free, (2.5914e-45, 4.5704e-43), rtol=3e-5)
    argon = Tridents(10.0, "Ar").standard_model()
    assert float(argon) == pytest.approx(5.84e-42, rel=1e-3, abs=0.0)  # three digits


def test_derivative_in_energy():
    @jax.jit
    @jax.vmap
    @jax.value_and_grad
    def sigma(energy):
        made = Tridents(energy, "Fe", nodes=Nodes(12, 16, 8, 8))
        return made.cross_section(ZPrime.lmu_ltau(0.01, 5e-4))

    energy, step = 1.5, 1e-4
    values, slopes = sigma(jnp.array([energy - step, energy, energy + step, 0.2, 0.2115]))
    difference = (values[2] - values[0]) / (2 * step)
    assert float(slopes[1]) == pytest.approx(float(difference), rel=1e-6, abs=0.0)  # step: 1e-8
    assert values[3] == 0.0
    assert slopes[3] == 0.0
    assert np.all(np.isfinite(slopes))
