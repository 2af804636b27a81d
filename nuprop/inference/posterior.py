"""Samples of the posterior, with an account of whether they can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nuprop.errors import DatasetError, FitError, ParameterError, nearest
from nuprop.inference.analysis import Analysis
from nuprop.inference.density import LogDensity, log_density
from nuprop.inference.files import read_npz, write_npz
from nuprop.inference.grid import about
from nuprop.inference.nuts import BLOCK, Draws, require_blackjax, walk
from nuprop.inference.objective import place_of
from nuprop.inference.progress import counter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

#: R-hat of every parameter must lie below this (Vehtari et al. 2021, arXiv:1903.08008).
MOST_R_HAT = 1.01
#: Effective draws of every parameter must lie above this (same source).
LEAST_ESS = 400.0

_FORMAT = "nuprop posterior, version 1"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Posterior:
    """Draws from the posterior. Made by `sample_posterior`.

    Attributes
    ----------
    samples : mapping from name to ndarray, shape (chains, draws)
        The free parameters, in code units.
    log_density : ndarray, shape (chains, draws)
        See `nuprop.inference.LogDensity`.
    units : mapping from name to str
    logarithmic : tuple of str
        Parameters that are varied, and drawn, in their logarithm.
    divergences : ndarray of int, shape (chains,)
        Trajectories whose integration failed: parts of the posterior may be missing around them.
    acceptance : ndarray, shape (chains,)
        Mean acceptance along the trajectories.
    steps : ndarray, shape (chains,)
        Mean number of steps of a trajectory; at most 63 are taken.
    r_hat, ess : mapping from name to float
        Spread of the half chains against each other, 1 at best; number of independent draws that
        would be worth as much.
    warmup, seed : int
    about : mapping
        What was analyzed, in plain values.
    """

    samples: Mapping[str, FloatArray]
    log_density: FloatArray
    units: Mapping[str, str]
    logarithmic: tuple[str, ...]
    divergences: NDArray[np.int64]
    acceptance: FloatArray
    steps: FloatArray
    r_hat: Mapping[str, float]
    ess: Mapping[str, float]
    warmup: int
    seed: int
    about: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(self.samples)

    @property
    def converged(self) -> bool:
        """Whether R-hat < 1.01 and ESS > 400 for every parameter, and no trajectory diverged."""
        return not self.problems()

    def problems(self) -> list[str]:
        """Say what speaks against these draws; empty if nothing does."""
        found = []
        for name in self.names:
            if not self.r_hat[name] < MOST_R_HAT:
                found.append(f"R-hat of {name} is {self.r_hat[name]:.3f}")
            if not self.ess[name] > LEAST_ESS:
                found.append(f"ESS of {name} is {self.ess[name]:.0f}")
        diverged = int(np.sum(self.divergences))
        if diverged:
            found.append(f"{diverged} trajectories diverged: raise `acceptance`")
        return found

    def flat(self, name: str) -> FloatArray:
        """Draws of one parameter, the chains behind one another.

        Raises
        ------
        ParameterError
            If there is no parameter of this name.
        """
        if name not in self.samples:
            raise ParameterError(f"parameter {name!r}: not sampled; {nearest(name, self.names)}")
        return self.samples[name].ravel()

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean, standard deviation, quantiles and diagnostics of every parameter."""
        result = {}
        for name in self.names:
            draws = self.flat(name)
            low, median, high = np.quantile(draws, (0.05, 0.5, 0.95))
            result[name] = {
                "mean": float(np.mean(draws)),
                "sd": float(np.std(draws, ddof=1)),
                "5%": float(low),
                "median": float(median),
                "95%": float(high),
                "r_hat": self.r_hat[name],
                "ess": self.ess[name],
            }
        return result

    def save(self, path: str | Path) -> Path:
        """Write one .npz file that `load` reads without loss; a full disk leaves the old file."""
        meta = {
            "format": _FORMAT,
            "names": list(self.names),
            "units": dict(self.units),
            "logarithmic": list(self.logarithmic),
            "r_hat": dict(self.r_hat),
            "ess": dict(self.ess),
            "warmup": self.warmup,
            "seed": self.seed,
            "about": dict(self.about),
        }
        arrays: dict[str, Any] = {f"sample:{name}": draws for name, draws in self.samples.items()}
        arrays |= {
            "log_density": self.log_density,
            "divergences": self.divergences,
            "acceptance": self.acceptance,
            "steps": self.steps,
        }
        return write_npz(path, meta, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Posterior:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        DatasetError
            If it is no posterior, or damaged.
        """
        meta, arrays = read_npz(path)
        if meta.get("format") != _FORMAT:
            raise DatasetError(f"{path}: its format is {meta.get('format')!r}, not {_FORMAT!r}")
        try:
            return cls(
                samples={name: arrays[f"sample:{name}"] for name in meta["names"]},
                log_density=arrays["log_density"],
                units=meta["units"],
                logarithmic=tuple(meta["logarithmic"]),
                divergences=arrays["divergences"],
                acceptance=arrays["acceptance"],
                steps=arrays["steps"],
                r_hat=meta["r_hat"],
                ess=meta["ess"],
                warmup=meta["warmup"],
                seed=meta["seed"],
                about=meta["about"],
            )
        except KeyError as error:
            raise DatasetError(f"{path}: the entry {error} is missing") from error

    def plot(self, path: str | Path | None = None, **options: Any) -> Figure:
        """Draw all pairs of parameters; see `nuprop.plot.plot_corner`."""
        from nuprop.plot import plot_corner

        known: dict[str, Any] = {
            "units": self.units,
            "logarithmic": self.logarithmic,
            "about": self.about,
        }
        draws = {name: self.flat(name) for name in self.names}
        return plot_corner(draws, path, **(known | options))

    def __repr__(self) -> str:
        chains, draws = self.log_density.shape
        problems = self.problems()
        width = max(len(name) for name in self.names)
        lines = [
            f"Posterior of {', '.join(self.about['data'])}",
            f"  draws       {chains} chains of {draws}, after {self.warmup} of warmup, "
            f"seed {self.seed}",
            f"  converged   {'yes' if not problems else 'no: ' + '; '.join(problems)}",
            f"  {'':<{width}}  {'mean':>10} {'sd':>10} {'5 %':>10} {'95 %':>10} {'R-hat':>6} "
            f"{'ESS':>6}",
        ]
        for name, row in self.summary().items():
            numbers = " ".join(f"{row[key]:>10.4g}" for key in ("mean", "sd", "5%", "95%"))
            lines.append(
                f"  {name:<{width}}  {numbers} {row['r_hat']:>6.3f} {row['ess']:>6.0f} "
                f"{self.units[name]}".rstrip()
            )
        return "\n".join(lines)


def sample_posterior(
    analysis: Analysis,
    *,
    chains: int = 4,
    warmup: int = 500,
    draws: int = 1000,
    acceptance: float = 0.8,
    seed: int = 0,
    progress: bool = True,
) -> Posterior:
    """Sample the posterior by the no-U-turn sampler of blackjax (extra ``nuprop[bayes]``).

    Parameters
    ----------
    analysis : Analysis
    chains : int, at least 2
        They start scattered over the bounds, so that they can disagree.
    warmup : int, at least 20
        Steps in which the step size and a dense mass matrix are adapted, which are not kept.
    draws : int, at least 4
        Of each chain.
    acceptance : float, from 0.5 to 0.99
        Share of steps to accept; more makes them shorter, where trajectories diverge.
    seed : int
        The same seed gives the same draws.
    progress : bool

    Returns
    -------
    Posterior
        Look at its `converged`.

    Raises
    ------
    ParameterError
        If a number is out of its range.
    FitError
        If nothing is free, blackjax is not installed, or a chain never finds a finite likelihood.

    Notes
    -----
    The density is that of `log_density`. If only a parameter of the source's spectrum shapes the
    flux, this is interpolated and a step takes microseconds. Otherwise each step of a trajectory
    propagates the flux and its derivatives, 2 to 4 ms on one core.

    References
    ----------
    Hoffman & Gelman 2014, J. Mach. Learn. Res. 15, 1593 (arXiv:1111.4246).
    """
    _require("chains", chains, 2)
    _require("warmup", warmup, 20)
    _require("draws", draws, 4)
    _require("seed", seed, 0)
    if not isinstance(acceptance, float) or not 0.5 <= acceptance <= 0.99:
        raise ParameterError(f"acceptance = {acceptance!r}: a number from 0.5 to 0.99")
    density = log_density(analysis)
    require_blackjax()
    starts = _scattered(density, chains, seed)
    blocks = []
    total = -(-(warmup + draws) // BLOCK) * BLOCK
    with counter(chains * total, "sample", progress) as shown:
        for block in walk(density, starts, warmup, draws, acceptance, seed):
            blocks.append(block)
            shown.update(chains * BLOCK)
    return _described(analysis, density, _joined(blocks, warmup, draws), warmup, seed)


def _require(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ParameterError(f"{name} = {value!r}: a whole number of at least {least}")


def _scattered(density: LogDensity, chains: int, seed: int) -> FloatArray:
    """Places to start from: within two sigmas of a prior, or anywhere but near the bounds."""
    objective = density.objective
    free = list(objective.layout.free)
    random = np.random.default_rng(seed)
    mean, sigma = np.asarray(objective.mean), np.asarray(objective.sigma)
    low, high = np.asarray(objective.low), np.asarray(objective.high)
    known = np.isfinite(sigma)
    rows = []
    for _ in range(chains):
        share = random.uniform(0.1, 0.9, mean.size)
        around = mean + np.where(known, sigma, 0.0) * random.uniform(-2.0, 2.0, mean.size)
        inside = np.where(known, np.clip(around, low, high), low)
        place = np.asarray(place_of(objective, jnp.asarray(inside)))
        rows.append(np.clip(np.where(known, place, share), 0.05, 0.95)[free])
    x = np.array(rows)
    return np.log(x) - np.log1p(-x)


def _joined(blocks: list[Draws], warmup: int, draws: int) -> Draws:
    rows = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *blocks)
    return jax.tree.map(lambda row: row[:, warmup : warmup + draws], rows)


@jax.jit
def _diagnosed(
    density: LogDensity, u: jax.Array
) -> tuple[dict[str, jax.Array], jax.Array, jax.Array]:
    """Values of the parameters, R-hat of half chains, and ESS."""
    from blackjax.diagnostics import effective_sample_size, potential_scale_reduction

    half = u.shape[1] // 2
    halves = jnp.concatenate([u[:, :half], u[:, -half:]])
    r_hat = jnp.atleast_1d(potential_scale_reduction(halves))
    return density.values(u), r_hat, jnp.atleast_1d(effective_sample_size(u))


def _described(
    analysis: Analysis, density: LogDensity, found: Draws, warmup: int, seed: int
) -> Posterior:
    if not np.all(np.isfinite(found.log_density)) or np.any(found.log_density < -1e9):
        raise FitError(
            "sample_posterior: a chain never found a finite likelihood from where it started; "
            "narrow the bounds of the parameters"
        )
    samples, r_hat, ess = jax.tree.map(np.asarray, _diagnosed(density, found.u))
    names = density.names
    return Posterior(
        samples={name: samples[name] for name in names},
        log_density=found.log_density,
        units={name: analysis.parameter(name).unit for name in names},
        logarithmic=tuple(n for n in names if analysis.parameter(n).scale == "log"),
        divergences=np.sum(found.diverged, axis=1),
        acceptance=np.mean(found.acceptance, axis=1),
        steps=np.mean(found.steps, axis=1),
        r_hat=dict(zip(names, r_hat.tolist(), strict=True)),
        ess=dict(zip(names, ess.tolist(), strict=True)),
        warmup=warmup,
        seed=seed,
        about=about(analysis),
    )
