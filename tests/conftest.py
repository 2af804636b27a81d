import os

os.environ["MPLBACKEND"] = "Agg"

import gc
from pathlib import Path

import jax
import numpy as np
import pytest

import nuprop  # switches JAX to 64-bit floats before any array exists
from nuprop.balance import Balance

_MAX_RESIDENT_BYTES = 2 * 1024**3

#: Files of more than ten seconds, longest first: no worker is left with one at the end.
_LONG = (
    "test_readme",
    "test_inference",
    "test_march",
    "test_sweep",
    "test_propagate",
    "test_trident",
    "test_toys",
    "test_sources",
    "test_scalar_scattering",
    "test_fits",
    "test_cascade",
    "test_mediators",
    "test_spectra",
    "test_laboratory_figures",
    "test_folding",
    "test_cosmology",
    "test_scan",
    "test_gradients",
)


#: Without optimizations, and each operation in a loop of its own, XLA compiles nuprop's programs in
#: a fifth of the time. The default tier spends most of its time on that, and little on running
#: them.
_QUICK_COMPILATION = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"


def pytest_configure(config):
    if config.option.markexpr.strip() == "not slow":  # any other -m compiles as users do
        # XLA has not read it yet; child processes inherit it, and flags of one's own come last: win
        os.environ["XLA_FLAGS"] = f"{_QUICK_COMPILATION} {os.environ.get('XLA_FLAGS', '')}".rstrip()
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # xdist would begin with the most numerous tests


def pytest_collection_modifyitems(items):
    place = {name: rank for rank, name in enumerate(_LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def _resident_bytes():
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(autouse=True)
def _bounded_memory():
    yield
    if _resident_bytes() > _MAX_RESIDENT_BYTES:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def fake_flux():
    """A function that makes a DiffuseFlux with a dip, without computing any transport."""

    def make(n=60, *, cells=False, lowest=1e4, highest=2e7, **fields):
        edges = np.geomspace(lowest, highest, n + 1)
        energy = np.sqrt(edges[1:] * edges[:-1]) if cells else np.geomspace(lowest, highest, n)
        mixing = np.array([[0.68, 0.30, 0.02], [0.11, 0.43, 0.46], [0.21, 0.27, 0.52]])
        shares = np.outer([0.6, 0.4], mixing.T @ [1 / 3, 2 / 3, 0.0])
        free = shares[..., None] * 4.5e-18 * (energy / 1e5) ** -2.3
        depths = np.array([1.3, 2.7, 3.8])[:, None] * ((energy > 2e5) & (energy < 7e5))
        defaults = {
            "energy_gev": energy,
            "edges_gev": edges if cells else None,
            "values": free * np.exp(-depths),
            "free_values": free,
            "mixing": mixing,
            "resonances_gev": np.array([756.25e3, 751.86e3, 640.83e3]),
            "z_max": 5.0,
            "method": "sweep",
            "method_reason": "relics at rest",
            "status": nuprop.Status.OK,
            "balance": Balance(1.0e-11, 5.0e-6, 1.9e-11, 4.9e-6, 1.0e-12, 1.0e-7),
            "parameters": {
                "source": {"evolution": {"name": "flat", "reference": "none"}, "flavor": [1, 2, 0]},
                "mediator": {"model": "lmu-ltau", "mass [GeV]": 0.011, "coupling": 5e-4},
                "versions": {"nuprop": nuprop.__version__},
            },
            "citations": ("nuprop", "araki2016"),
        }
        return nuprop.DiffuseFlux(**(defaults | fields))

    return make


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_programs():
    """Hundreds of programs in one process slow down the compilation of the next."""
    yield
    jax.clear_caches()
