"""A made-up Monte Carlo in the format of IceCube's HESE release: files, and the truth behind them.

Neutrinos of each species have the effective area AREA (E / 100 TeV)^0.5, deposit E 10^x with x
normal (SHIFT, SPREAD), and look like cascade, track or double cascade with the shares TOPOLOGY.
Energies are drawn log-uniformly, so weights follow from the density they were drawn with.
"""

import hashlib
import json
from types import SimpleNamespace

import numpy as np

CODES = (12, 14, 16, -12, -14, -16)
LOW, HIGH = 2e4, 3e7
AREA_M2 = dict(zip(CODES, (9.0, 7.0, 8.0, 8.0, 6.0, 7.0), strict=True))
SHIFT = {12: -0.02, 14: -0.45, 16: -0.2}
SPREAD = {12: 0.05, 14: 0.25, 16: 0.15}
TOPOLOGY = {12: (0.94, 0.03, 0.03), 14: (0.25, 0.74, 0.01), 16: (0.7, 0.1, 0.2)}
GLASHOW = (6.0e6, 6.6e6)

TRUTH = (
    "primaryType",
    "primaryEnergy",
    "primaryZenith",
    "trueLength",
    "interactionType",
    "weightOverFluxOverLivetime",
    "muonWeightOverLivetime",
)
OBSERVABLE = ("recoDepositedEnergy", "recoMorphology", "recoZenith", "recoLength")


def area_m2(code, energy):
    return AREA_M2[code] * np.sqrt(energy / 1e5)


def columns(n_each=1000, n_muons=400, seed=1):
    """Columns of the three files, as arrays."""
    rng = np.random.default_rng(seed)
    parts = [_neutrinos(rng, code, n_each) for code in CODES] + [_muons(rng, n_muons)]
    merged = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = rng.permutation(len(merged["primaryType"]))
    return {key: values[order] for key, values in merged.items()}


def _neutrinos(rng, code, n):
    flavor = abs(code)
    energy = LOW * (HIGH / LOW) ** rng.random(n)
    density = 1.0 / (energy * np.log(HIGH / LOW))
    morphology = rng.choice(3, size=n, p=TOPOLOGY[flavor])
    resonant = (code == -12) & (energy > GLASHOW[0]) & (energy < GLASHOW[1])
    interaction = np.where(resonant, 3, rng.choice([1, 2], size=n, p=[0.75, 0.25]))
    if flavor == 16:
        interaction[:3] = 3  # the release has a few
    cosine = rng.uniform(-1.0, 1.0, n)
    return {
        "primaryType": np.full(n, code),
        "primaryEnergy": energy,
        "primaryZenith": np.arccos(cosine),
        "trueLength": np.full(n, 50.0),
        "interactionType": interaction,
        "weightOverFluxOverLivetime": 4 * np.pi * 1e4 * area_m2(code, energy) / (n * density),
        "muonWeightOverLivetime": np.zeros(n),
        "recoDepositedEnergy": energy * 10 ** rng.normal(SHIFT[flavor], SPREAD[flavor], n),
        "recoMorphology": morphology,
        "recoZenith": np.arccos(np.clip(cosine + rng.normal(0, 0.05, n), -1, 1)),
        "recoLength": np.where(morphology == 2, 10 ** rng.uniform(0.8, 3.2, n), np.nan),
        "pionFlux": 2e-19 * (energy / 1e5) ** -3.7 * (flavor == 14) * (1.2 - np.abs(cosine)),
        "kaonFlux": 3e-19 * (energy / 1e5) ** -3.7 * (1.2 - np.abs(cosine)),
        "promptFlux": 1e-19 * (energy / 1e5) ** -2.8 * (flavor != 16),
        "conventionalSelfVetoCorrection": np.where(cosine > 0, 1 - 0.9 * cosine, 1.0),
        "promptSelfVetoCorrection": np.where(cosine > 0, 1 - 0.8 * cosine, 1.0),
    }


def _muons(rng, n):
    deposited = 3e4 * rng.pareto(2.5, n) + 3e4
    cosine = rng.uniform(0.0, 1.0, n)
    zeros = {
        key: np.zeros(n)
        for key in (
            "weightOverFluxOverLivetime",
            "pionFlux",
            "kaonFlux",
            "promptFlux",
            "conventionalSelfVetoCorrection",
            "promptSelfVetoCorrection",
        )
    }
    return zeros | {
        "primaryType": rng.choice([13, -13], n),
        "primaryEnergy": 20.0 * deposited,
        "primaryZenith": np.arccos(cosine),
        "trueLength": np.full(n, 500.0),
        "interactionType": np.zeros(n, dtype=int),
        "muonWeightOverLivetime": rng.uniform(0.5, 1.5, n) * 8e-8 / n,
        "recoDepositedEnergy": deposited,
        "recoMorphology": rng.choice(3, n, p=[0.1, 0.88, 0.02]),
        "recoZenith": np.arccos(cosine),
        "recoLength": np.where(rng.random(n) < 0.5, 10 ** rng.uniform(0.8, 3.2, n), np.nan),
    }


def observed(simulated, n=60, seed=2):
    """Columns of the data file: events drawn from the simulated ones."""
    rng = np.random.default_rng(seed)
    fluxes = 2e-18 * (simulated["primaryEnergy"] / 1e5) ** -2.7
    weight = fluxes * simulated["weightOverFluxOverLivetime"] + simulated["muonWeightOverLivetime"]
    chosen = rng.choice(len(weight), n, p=weight / weight.sum())
    return {key: simulated[key][chosen] for key in OBSERVABLE}


def write(folder, simulated, data):
    """Write the four JSON files; returns their MD5 sums by name."""
    folder.mkdir(parents=True, exist_ok=True)
    flux = tuple(key for key in simulated if key not in TRUTH + OBSERVABLE)
    contents = {"HESE_data.json": data}
    for name, keys in (("truth", TRUTH), ("observable", OBSERVABLE), ("flux", flux)):
        contents[f"HESE_mc_{name}.json"] = {key: simulated[key] for key in keys}
    sums = {}
    for name, content in contents.items():
        text = json.dumps({key: np.asarray(values).tolist() for key, values in content.items()})
        (folder / name).write_text(text)
        sums[name] = hashlib.md5(text.encode()).hexdigest()
    return sums


KNOTS = {  # of log10 energy, cosine, log10 length, and each detector parameter
    "energy": np.linspace(4.0, 7.6, 13),
    "cosine": np.linspace(-2.0, 2.0, 12),
    "length": np.linspace(0.0, 4.0, 11),
    "dom": np.linspace(0.45, 1.6, 9),
    "ice": np.linspace(-7.0, 5.2, 10),
    "anisotropy": np.linspace(-1.5, 3.5, 9),
}
EXTENTS = {
    "energy": (4.75, 6.9),
    "cosine": (-1.0, 1.0),
    "length": (1.0, 3.0),
    "dom": (0.80, 1.25),
    "ice": (-3.82, 2.18),
    "anisotropy": (0.0, 2.0),
}
FILES = {
    "dom": ("DOMEffSplines", "domefficiency"),
    "ice": ("HoleIceSplines", "holeice"),
    "anisotropy": ("AnisotropySplines", "tauanisotropy"),
}
COMPONENTS = ("diffuseAstro_e", "diffuseAstro_mu", "diffuseAstro_tau", "atmConv", "atmPrompt")
MORPHOLOGIES = ("shower", "track", "doublebang")


def axes_of(systematic, morphology):
    """Arguments of a table: the documented ones of the release."""
    if systematic == "anisotropy":
        return ("length" if morphology == "doublebang" else "energy", systematic)
    if systematic == "ice" and morphology == "doublebang":
        return ("energy", "length", systematic)
    return ("energy", "cosine", systematic)


def write_table(path, coefficients, knots, orders, extents=None):
    """Write a FITS file as photospline does."""
    from astropy.io import fits

    first = fits.PrimaryHDU(np.asarray(coefficients, dtype=np.float32))
    first.header["TYPE"] = "Spline Coefficient Table"
    for axis, order in enumerate(orders):
        first.header[f"ORDER{axis}"] = order
        first.header[f"PERIOD{axis}"] = 0.0
    units = [first]
    units += [fits.ImageHDU(np.asarray(t), name=f"KNOTS{axis}") for axis, t in enumerate(knots)]
    if extents is not None:
        units.append(fits.ImageHDU(np.asarray(extents, dtype=float), name="EXTENTS"))
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList(units).writeto(path, overwrite=True)


def write_splines(folder, systematics=tuple(FILES), seed=3):
    """Write all tables; returns {(systematic, component, morphology name): coefficients}."""
    rng = np.random.default_rng(seed)
    written = {}
    for systematic in systematics:
        place, prefix = FILES[systematic]
        for component in COMPONENTS:
            for morphology in MORPHOLOGIES:
                axes = axes_of(systematic, morphology)
                knots = [KNOTS[axis] for axis in axes]
                shape = [t.size - 3 for t in knots]
                coefficients = (1.0 + 0.1 * rng.standard_normal(shape)).astype(np.float32)
                extents = np.ravel([EXTENTS[axis] for axis in axes])
                path = folder / place / f"{prefix}_{component}_{morphology}.fits"
                write_table(path, coefficients, knots, [2] * len(axes), extents)
                written[systematic, component, morphology] = coefficients.astype(float)
    return written


def release(root):
    """Write everything as the release lies on disk; returns it, and what is in it."""
    inner = root / "HESE-7-year-data-release" / "resources"
    simulated = columns()
    data = observed(simulated)
    return SimpleNamespace(
        root=root,
        columns=simulated,
        data=data,
        sums=write(inner / "data", simulated, data),
        coefficients=write_splines(inner / "splines"),
    )
