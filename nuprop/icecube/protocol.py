"""What a fit needs of a measurement: which flux it wants, what it predicts, how likely it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import jax

#: Values of nuisance parameters by name.
Nuisances = Mapping[str, Any]


@dataclass(frozen=True)
class Nuisance:
    """A parameter of the detector or of a background, with what is known of it beforehand.

    Attributes
    ----------
    name : str
    start : float
        Where fits begin, and its value where it is not free.
    bounds : (float, float)
    mean, sigma : float or None
        Gaussian prior; None for none.
    description : str
    free : bool
        Whether a fit varies it unless told otherwise.
    """

    name: str
    start: float
    bounds: tuple[float, float]
    mean: float | None = None
    sigma: float | None = None
    description: str = ""
    free: bool = True


L = TypeVar("L", bound="Likelihood")


class Likelihood(Protocol):
    """A measurement as a fit sees it; every implementation is a pytree.

    Attributes
    ----------
    name : str
    samples : tuple of str
        Data sets whose events it uses: two likelihoods must not share any.
    nuisances : tuple of Nuisance
    energy_edges : Array, shape (n_cells + 1,), GeV
        Cells in which the flux is wanted.
    observed : Array
        The data, in the shape of one prediction.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def samples(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def nuisances(self) -> tuple[Nuisance, ...]: ...  # noqa: D102
    @property
    def energy_edges(self) -> jax.Array: ...  # noqa: D102
    @property
    def observed(self) -> jax.Array: ...  # noqa: D102

    def predict(self, fluence: jax.Array, nuisance: Nuisances) -> jax.Array:
        """Predict what is seen; pure and differentiable.

        Parameters
        ----------
        fluence : Array, shape (2, 3, n_cells), cm^-2 s^-1 sr^-1
            int phi dE over each cell, [nu, nubar] x [e, mu, tau].
        nuisance : mapping of values by name

        Returns
        -------
        Array, shape (n,)
        """
        ...

    def nll(self, prediction: jax.Array) -> jax.Array:
        """-ln L of the data, without priors, constants included."""
        ...

    def information(self, prediction: jax.Array) -> jax.Array:
        """Give the expected second derivative of `nll` in each prediction, >= 0, shape (n,)."""
        ...

    def simulate(self: L, prediction: jax.Array, key: jax.Array) -> L:
        """Draw toy data from a prediction; the same likelihood with them."""
        ...

    def with_observed(self: L, observed: jax.Array) -> L:
        """Put other data in the place of the observed ones."""
        ...


def nuisance_values(nuisances: tuple[Nuisance, ...], given: Nuisances) -> dict[str, Any]:
    """Complete given values by the start values of the others."""
    return {nuisance.name: given.get(nuisance.name, nuisance.start) for nuisance in nuisances}
