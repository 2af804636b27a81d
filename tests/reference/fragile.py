"""A measurement that can kill the process that computes it, or lose its disk."""

import os
import signal
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.icecube.protocol import Nuisance


@partial(jax.tree_util.register_dataclass, data_fields=["observed"], meta_fields=["mine"])
@dataclass(frozen=True, eq=False)
class Fragile:
    """Two numbers of error 1, a + b and a - b; blind to the flux, so that none is propagated.

    Attributes
    ----------
    observed : (2,)
    mine : path of a file that kills the first process to find it, and goes with it; or "".
    """

    observed: jax.Array
    mine: str = ""

    name = "fragile"
    samples = ("fragile",)
    nuisances = (Nuisance("a", 0.0, (-10.0, 10.0)), Nuisance("b", 0.0, (-10.0, 10.0)))
    energy_edges = jnp.asarray(np.geomspace(1e5, 1e6, 3))

    def predict(self, fluence, nuisance):
        if self.mine and Path(self.mine).exists():
            Path(self.mine).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        a, b = jnp.asarray(nuisance["a"]), jnp.asarray(nuisance["b"])
        return jnp.stack([a + b, a - b])

    def nll(self, prediction):
        return 0.5 * jnp.sum((self.observed - prediction) ** 2)

    def information(self, prediction):
        return jnp.ones_like(prediction)

    def simulate(self, prediction, key):
        return self.with_observed(prediction + jax.random.normal(key, prediction.shape))

    def with_observed(self, observed):
        return replace(self, observed=jnp.asarray(observed, dtype=float))
