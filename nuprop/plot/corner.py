"""The corner plot of samples: every parameter, and every pair."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nuprop.errors import ConfigError, ParameterError, nearest
from nuprop.panels import PALETTE, require_format, save, style
from nuprop.plot.axes import ParameterAxis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

_QUANTILES = (0.15865, 0.5, 0.84135)
#: Shares of the samples inside the contours of a pair.
_LEVELS = (0.6827, 0.9545)
_MARGIN = 1.1  # inches, for labels of two lines
_THIN: Any = {"lines.linewidth": 1.0, "xtick.labelsize": 8.5, "ytick.labelsize": 8.5}


def plot_corner(
    samples: Mapping[str, ArrayLike],
    path: str | Path | None = None,
    *,
    truths: Mapping[str, float] | None = None,
    logarithmic: Sequence[str] = (),
    units: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    about: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the distribution of each parameter, and of each pair, with 68 and 95 % of the samples.

    Dashed lines are the median and the ends of the central 68 %.

    Parameters
    ----------
    samples : mapping from name to array, shape (n,) each, in code units
    path : path, optional
        Where to save the figure; the suffix chooses the format (.png, .pdf, .svg).
    truths : mapping from name to float, optional
        Values to mark, in code units, such as ``fit.values``: what is not sampled is passed over.
    logarithmic : sequence of str
        Names of parameters that are drawn in their logarithm to base 10.
    units : mapping from name to str, optional
        Code units, such as ``{"mass": "GeV"}``; of other parameters too.
    labels : mapping from name to what is written there, optional
    about : mapping, optional
        What was analyzed, as `Posterior.about`: the coupling gets the symbol of its mediator, that
        of a vector if there is none.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If the package corner is missing, or the suffix of `path` is unknown.
    ParameterError
        If samples are not finite, of different lengths, fewer than parameters, or all the same; if
        a logarithm is to be taken of what is not positive; or if a name is unknown.
    """
    try:
        import corner
    except ImportError as error:
        raise ConfigError(
            "plot_corner: the package corner is not installed; pip install 'nuprop[plots]'"
        ) from error
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    if path is not None:
        require_format(path)
    columns = _columns(samples)
    truths, units, labels = truths or {}, units or {}, labels or {}
    _require_names(columns, {"truths": truths, "units": units}, whole=False)
    _require_names(columns, {"logarithmic": logarithmic, "labels": labels}, whole=True)
    for name in logarithmic:
        least = min(float(columns[name].min()), truths.get(name, np.inf))
        if least <= 0.0:
            raise ParameterError(f"logarithmic: {name!r} holds {least:g}, which has none")
    axes = [
        ParameterAxis.of(
            name,
            column,
            units.get(name, ""),
            logarithmic=name in logarithmic,
            words=labels.get(name),
            about=about,
        )
        for name, column in columns.items()
    ]
    size = 1.7 * len(columns) + 1.4
    with style(), rc_context(_THIN):
        figure = corner.corner(
            np.stack([_drawn(a, x) for a, x in zip(axes, columns.values(), strict=True)], axis=-1),
            labels=[_label(axis) for axis in axes],
            truths=[
                float(_drawn(axis, truths[name])) if name in truths else None
                for axis, name in zip(axes, columns, strict=True)
            ],
            truth_color=PALETTE[1],
            color=PALETTE[0],
            levels=_LEVELS,
            quantiles=_QUANTILES,
            plot_datapoints=False,
            plot_density=False,
            fill_contours=True,
            max_n_ticks=4,
            label_kwargs={"fontsize": 9.0},
            fig=Figure(figsize=(size, size)),
        )
        figure.subplots_adjust(left=_MARGIN / size, bottom=_MARGIN / size)
        if title:
            figure.suptitle(title, x=0.98, ha="right", fontsize=10.5)
        if path is not None:
            save(figure, path)
    return figure


def _require_names(
    columns: Mapping[str, FloatArray], given: Mapping[str, Collection[str]], whole: bool
) -> None:
    """Refuse unknown names: any of them, or, unless `whole`, all of them."""
    for what, names in given.items():
        unknown = [name for name in names if name not in columns]
        if unknown and (whole or len(unknown) == len(names)):
            raise ParameterError(
                f"{what}: {unknown[0]!r} is not sampled; {nearest(unknown[0], columns)}"
            )


def _drawn(axis: ParameterAxis, values: ArrayLike) -> FloatArray:
    scaled = axis.scaled(values)
    return np.log10(scaled) if axis.logarithmic else scaled


def _label(axis: ParameterAxis) -> str:
    """Write the unit below the name."""
    logarithm = r"$\log_{10}$ " if axis.logarithmic else ""
    return logarithm + axis.label.replace(" [", "\n[", 1)


def _columns(samples: Mapping[str, ArrayLike]) -> dict[str, FloatArray]:
    try:
        columns = {name: np.asarray(x, dtype=np.float64) for name, x in samples.items()}
    except (TypeError, ValueError) as error:
        raise ParameterError(f"samples: arrays of numbers are needed ({error})") from error
    if not columns:
        raise ParameterError("samples: at least one parameter is needed")
    sizes = {name: x.shape for name, x in columns.items()}
    first = next(iter(sizes.values()))
    for name, x in columns.items():
        if x.ndim != 1 or x.shape != first:
            raise ParameterError(
                f"samples: arrays of one length are needed, the shapes are {sizes}"
            )
        if not np.all(np.isfinite(x)):
            raise ParameterError(f"samples of {name!r}: a value is not finite")
        if x.size <= len(columns):
            raise ParameterError(f"samples of {name!r}: {x.size} are too few to draw")
        if np.ptp(x) == 0.0:
            raise ParameterError(f"samples of {name!r}: all are {x[0]:g}; leave fixed ones out")
    return columns
