"""What JAX must be set to: 64-bit floats always, a compilation cache on disk if one asks for it."""

from __future__ import annotations

import os
from pathlib import Path

import jax

from nuprop.errors import PrecisionError


def require_float64() -> None:
    """Refuse to compute with 32-bit floats.

    Off resonance by 3e-8 a float32 cannot tell s from M^2, and a cross section of 1e-33 cm^2 times
    a density underflows: the result would be zero, not merely inexact.

    Raises
    ------
    PrecisionError
        If ``jax_enable_x64`` is off.
    """
    if not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        raise PrecisionError(
            "jax_enable_x64 = False: nuprop needs 64-bit floats. It switches them on when it is "
            "imported, unless the environment has NUPROP_X64=0; they were switched off since. "
            'Call jax.config.update("jax_enable_x64", True), and make your arrays again.'
        )


def enable_compile_cache(directory: str | os.PathLike[str] | None = None) -> Path:
    """Keep compiled programs on disk, so that the next Python process need not compile them.

    Off unless called, because it writes files and never deletes them.

    Parameters
    ----------
    directory : path, optional
        Made if it does not exist. By default ``nuprop`` in the user's cache folder:
        ``$XDG_CACHE_HOME``, or else ``~/.cache``.

    Returns
    -------
    Path
        The directory in use.

    Notes
    -----
    Sets ``jax_compilation_cache_dir``, and ``jax_persistent_cache_min_compile_time_secs`` to 0,
    because most of nuprop's programs compile faster than the one second above which JAX keeps them.
    """
    if directory is None:
        directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nuprop"
    folder = Path(directory).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return folder
