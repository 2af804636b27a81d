"""Figures of the paper, and a gallery of mediators: what `nuprop figures` draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nuprop.errors import ConfigError, nearest
from nuprop.figures import araki, gallery
from nuprop.panels import save, style

#: Names of all figures, and what their files begin with.
FILES = {**dict.fromkeys(araki.RECIPES, "araki-2016"), **dict.fromkeys(gallery.FIGURES, "gallery")}


def draw(names: Sequence[str] = (), output_dir: str | Path = ".") -> list[Path]:
    """Draw figures and save them as PNG.

    Parameters
    ----------
    names : sequence of str
        Of "fig3" to "fig6" of Araki et al. 2016, on IceCube's three-year points, and
        "vector-scalar", "narrow-broad" and "cold-massless"; all of them if empty.
    output_dir : path
        A folder, made if it does not exist; the files are called araki-2016-fig3.png,
        gallery-vector-scalar.png and so on.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ConfigError
        If a name is unknown.
    """
    for name in names:
        if name not in FILES:
            raise ConfigError(f"figure {name!r}: there is none; {nearest(name, FILES)}")
    paths = []
    for name in names or FILES:
        with style():
            if name in araki.RECIPES:
                figure = araki.draw_figure(araki.RECIPES[name])
            else:
                figure = gallery.FIGURES[name]()
            paths.append(save(figure, Path(output_dir) / f"{FILES[name]}-{name}.png"))
    return paths


__all__ = ["FILES", "draw"]
