import ast
import os
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import jax
import pytest

import nuprop
from nuprop.errors import NupropError, PrecisionError
from nuprop.precision import require_float64

ROOT = Path(__file__).parents[1]


def run(code, **environment):
    completed = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return completed.stdout.strip()


def test_importing_the_package_is_light():
    heavy = ("jax", "numpy", "scipy", "matplotlib", "astropy")
    assert run(f"import sys, nuprop; print([m for m in {heavy} if m in sys.modules])") == "[]"


@pytest.mark.parametrize("module", ["cosmology", "neutrinos", "mediators", "transport"])
def test_physics_loads_neither_astropy_nor_matplotlib(module):
    heavy = ("astropy", "matplotlib")
    code = f"import sys, nuprop.{module}; print([m for m in {heavy} if m in sys.modules])"
    assert run(code) == "[]"


@pytest.mark.parametrize("name", nuprop.__all__)
def test_every_public_name_is_there(name):
    assert getattr(nuprop, name) is not None
    assert name in dir(nuprop)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(nuprop.__file__).read_text())
    [guarded] = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    imported = {alias.asname: node.module for node in guarded.body for alias in node.names}
    lazy = {
        name: f"nuprop.{module}" if module else "nuprop" for name, module in nuprop._PUBLIC.items()
    }
    assert imported == lazy


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="'nuprop' has no attribute 'propagte'"):
        nuprop.propagte  # noqa: B018


def test_every_error_is_a_nuprop_error():
    errors = [getattr(nuprop, name) for name in nuprop.__all__ if name.endswith("Error")]
    assert errors
    assert all(issubclass(error, NupropError) for error in errors)


def test_metadata_agree():
    citation = (ROOT / "CITATION.cff").read_text()
    assert version("nuprop") == nuprop.__version__
    assert f"\nversion: {nuprop.__version__}\n" in citation
    [command] = entry_points(group="console_scripts", name="nuprop")
    assert command.value == "nuprop.cli:main"
    builtin = [entry.value for entry in entry_points(group="nuprop.sources", name="builtin")]
    assert set(builtin) == {"nuprop_sources:SOURCES"}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert declared["requires-python"] == ">=3.11"


@pytest.mark.parametrize("first", ["jax, nuprop", "nuprop, jax"])
def test_import_switches_to_64_bits(first):
    code = f"import {first}; import jax.numpy as jnp; print(jnp.ones(1).dtype)"
    assert run(code, JAX_ENABLE_X64="0") == "float64"


def test_opt_out_of_64_bits_is_respected_and_refused():
    code = """
import nuprop
import jax.numpy as jnp
from nuprop.precision import require_float64
print(jnp.ones(1).dtype)
try:
    require_float64()
except nuprop.PrecisionError:
    print("refused")
"""
    environment = {"NUPROP_X64": "0", "JAX_ENABLE_X64": "0"}
    assert run(code, **environment).split() == ["float32", "refused"]


def test_float32_is_refused_with_a_remedy():
    require_float64()
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(PrecisionError, match=r'jax.config.update\("jax_enable_x64", True\)'):
            require_float64()
    finally:
        jax.config.update("jax_enable_x64", True)


def test_compile_cache_is_filled_and_read_again(tmp_path):
    code = f"""
import logging
import nuprop
folder = nuprop.enable_compile_cache({str(tmp_path / "deep" / "cache")!r})
import jax
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event))
jax.jit(lambda x: jax.numpy.sin(x) ** 2 + 1)(0.3).block_until_ready()
print(len(list(folder.iterdir())) > 0, any("cache_hits" in event for event in hits))
"""
    assert run(code).split() == ["True", "False"]
    assert run(code).split() == ["True", "True"]


def test_compile_cache_has_a_default_place(tmp_path):
    code = "import nuprop; print(nuprop.enable_compile_cache())"
    assert run(code, XDG_CACHE_HOME=str(tmp_path)) == str(tmp_path / "nuprop")
    assert (tmp_path / "nuprop").is_dir()
