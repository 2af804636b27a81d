"""What a detector makes of a flux: effective area times the distribution of deposited energy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import resources

import jax
import jax.numpy as jnp
import numpy as np

from nuprop.errors import DatasetError, nearest

FLAVORS = ("e", "mu", "tau")
TOPOLOGIES = ("cascade", "track", "double")
_CM2 = 1e4  # per m^2


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["area_nu", "area_nubar", "area_glashow", "deposited_edges", "energy_edges"],
    meta_fields=["livetime_s"],
)
@dataclass(frozen=True)
class Response:
    """Response tables of a search over the whole sky.

    Earth absorption, veto and selection are inside the areas.

    Attributes
    ----------
    area_nu, area_nubar : (3, 3, n_bins, n_cells), m^2
        Effective area, averaged over the sky, times the probability to deposit an energy within a
        bin: [e, mu, tau] x [cascade, track, double] x deposited energy x neutrino energy, for
        neutrinos and for antineutrinos, without the Glashow resonance.
    area_glashow : (3, n_bins, n_cells), m^2
        The same of nubar_e on the Glashow resonance.
    deposited_edges : (n_bins + 1,), GeV
    energy_edges : (n_cells + 1,), GeV
    livetime_s : float
    """

    area_nu: jax.Array
    area_nubar: jax.Array
    area_glashow: jax.Array
    deposited_edges: jax.Array
    energy_edges: jax.Array
    livetime_s: float

    def fold(self, fluence: jax.Array) -> jax.Array:
        """Fold a flux into expected events.

        Parameters
        ----------
        fluence : Array, shape (2, 3, n_cells), cm^-2 s^-1 sr^-1
            int phi dE over each cell, [nu, nubar] x [e, mu, tau].

        Returns
        -------
        Array, shape (3, 3, n_bins)
            [e, mu, tau] x [cascade, track, double] x deposited energy.

        Notes
        -----
        N = 4 pi T sum (A_nu Phi_nu + A_nubar Phi_nubar), and A_Glashow Phi_nubar_e on top.
        """
        nu = jnp.einsum("ftji,fi->ftj", self.area_nu, fluence[0])
        nubar = jnp.einsum("ftji,fi->ftj", self.area_nubar, fluence[1])
        glashow = jnp.einsum("tji,i->tj", self.area_glashow, fluence[1, 0])
        exposure = 4.0 * jnp.pi * _CM2 * self.livetime_s
        return exposure * (nu + nubar).at[0].add(glashow)

    def select(self, first: int, last: int) -> Response:
        """Keep the bins of deposited energy with numbers first <= j < last."""
        return Response(
            area_nu=self.area_nu[:, :, first:last],
            area_nubar=self.area_nubar[:, :, first:last],
            area_glashow=self.area_glashow[:, first:last],
            deposited_edges=self.deposited_edges[first : last + 1],
            energy_edges=self.energy_edges,
            livetime_s=self.livetime_s,
        )


@dataclass(frozen=True)
class Tables:
    """A response file of the package: the response, and what belongs to the same bins."""

    response: Response
    arrays: dict[str, np.ndarray]


def tables(name: str, livetime_s: float) -> Tables:
    """Load the response tables of "hese-7.5yr" or "hese-3yr".

    Raises
    ------
    DatasetError
        If there are none of this name.
    """
    folder = resources.files("nuprop.icecube") / "data" / "response"
    known = sorted(item.name.removesuffix(".npz") for item in folder.iterdir())
    if name not in known:
        raise DatasetError(f"response = {name!r}: no such tables; {nearest(name, known)}")
    with resources.as_file(folder / f"{name}.npz") as path, np.load(path) as file:
        arrays = {key: np.asarray(file[key], dtype=np.float64) for key in file.files}
    area = arrays["area"]
    share = arrays["neutrino_share"][:, None, None, :]
    response = Response(
        area_nu=jnp.asarray(area * share),
        area_nubar=jnp.asarray(area * (1.0 - share)),
        area_glashow=jnp.asarray(arrays["area_glashow"]),
        deposited_edges=jnp.asarray(arrays["deposited_edges"]),
        energy_edges=jnp.asarray(10.0 ** arrays["log10_energy_edges"]),
        livetime_s=livetime_s,
    )
    return Tables(response, arrays)
