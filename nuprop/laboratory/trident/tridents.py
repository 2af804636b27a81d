"""Tridents: nu A -> nu l- l+ A in the Standard Model and with a Z', exactly or by real photons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from nuprop.constants import CHARGED_LEPTON_MASSES, PROTON_MASS, SIN2_THETA_W, VACUUM_VALUE_SQUARED
from nuprop.errors import GridError, ParameterError, nearest
from nuprop.laboratory.constraint import named
from nuprop.laboratory.trident.form_factors import FERMI_MOMENTUM, FORM_FACTORS, FormFactor
from nuprop.laboratory.trident.phase_space import NODES, Charge, Mode, Nodes, densities
from nuprop.laboratory.trident.regions import Setting
from nuprop.laboratory.trident.targets import NEUTRON_MASS, Nucleus, Target, find
from nuprop.laboratory.trident.transfers import (
    Components,
    Spectrum,
    Transfers,
    spectrum,
    transfers,
)
from nuprop.mediators import ZPrime
from nuprop.mediators.coupling import squared_moduli
from nuprop.pytree import as_pytree, assign
from nuprop.units import in_code_units, is_traced, require, required_number

Flavor = Literal["e", "mu", "tau"]
Reaction = Literal["coherent", "protons", "neutrons", "total"]

FLAVORS: tuple[str, ...] = get_args(Flavor)
#: Points for pairs of each flavor.
NODES_OF = {"e": Nodes(40, 80, 20, 20), "mu": NODES, "tau": NODES}


def standard_couplings(beam: str, lepton: str) -> tuple[float, float]:
    """g_V and g_A of -(G_F/sqrt 2) [nubar g^a (1 - g5) nu] [lbar g_a (g_V - g_A g5) l].

    -1/2 + 2 sin^2 and -1/2 from the Z; one more of each from the W if the flavors are the same.
    """
    charged = 1.0 if beam == lepton else 0.0
    return charged - 0.5 + 2.0 * SIN2_THETA_W, charged - 0.5


@as_pytree
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Tridents:
    """Tridents on one target, at given energies: what they cost to compute does not depend on a Z'.

    Parameters
    ----------
    energy : Quantity, str, float or array, shape (n,), GeV
        Of the neutrino, > 0. The cross section is zero below the threshold.
    target : str, Nucleus or Target
        A name of `nuprop.laboratory.trident.TARGETS`, or anything else.
    reaction : {"coherent", "protons", "neutrons", "total"}
        On the whole nucleus, on its protons or neutrons (Z or A - Z of them), or all of that.
    beam : {"mu", "e", "tau"}
        Flavor of the neutrino; the same for antineutrinos.
    lepton : {"mu", "e", "tau"}
        Flavor of the pair.
    form_factor : {"ws", "exp", "helm"}, or a function F(Q [GeV], A)
        Of the nucleus.
    mode : {"exact", "epa", "epa-improved"}
        Photons as they are, or real ones with the flux (Z^2 alpha/pi) F^2 dQ^2/Q^2 ("epa"), times
        1 - (s_hat/2E)^2/Q^2 ("epa-improved"), in both for s_hat below what Q^2 and the recoil
        allow. They overshoot: by 1.7 and 1.015 on iron at 160 GeV, 3.0 and 1.26 at 1.5 GeV.
    largest_q : Quantity, str or float, GeV
        Q^2 above its square is left out.
    fermi_momentum : Quantity, str or float, GeV
        Of the nucleons in a nucleus, for Pauli blocking; 0 switches it off. Free nucleons have
        none.
    nodes : Nodes, optional
        Points of the quadrature, instead of `NODES_OF`.

    Attributes
    ----------
    spectra : Spectrum
        Of all terms of the sum, first axis, and energies.
    energy : GeV
    target, beam, lepton : str

    Raises
    ------
    UnitError, ParameterError, DatasetError
        If an argument is impossible, or the target has no such reaction.

    Notes
    -----
    sigma = g_V^2 V0 + g_A^2 A0 + 2 g_V kappa V1 + kappa^2 V2, kappa = v^2 g_nu g_l. The coupling
    of the boson to the leptons is taken at the momentum t that it carries, under the integral, if
    the boson has `loop_mixing`. Couplings that change the neutrino's flavor add to kappa^2 V2.
    A Z' from the nucleus is left out: amplitudes of the Z' between neutrino and quarks, with the
    pair from a photon. The integrals are good to 1e-5 for energies up to 1 TeV and bosons from
    1 keV to 10 GeV. For pairs of electrons above 20 GeV, V2 is good to 3e-4, and to 2e-2 on
    neutrons for bosons lighter than the electron. Between "ws", "exp" and "helm" cross sections
    differ by 2 to 6 %.

    References
    ----------
    Altmannshofer et al. 2014, arXiv:1406.2332. kappa/M^2 is the shift of g_V there.

    Examples
    --------
    >>> iron = Tridents("1.5 GeV", "Fe")
    >>> float(iron.standard_model())
    1.0039e-43
    >>> float(iron.ratio(ZPrime.lmu_ltau("10 MeV", 5e-4)))
    2.8968
    """

    spectra: Spectrum
    energy: Any
    target: str = field(metadata={"static": True})
    beam: str = field(metadata={"static": True})
    lepton: str = field(metadata={"static": True})

    def __init__(
        self,
        energy: Any,
        target: str | Nucleus | Target = "Fe",
        *,
        reaction: Reaction = "coherent",
        beam: Flavor = "mu",
        lepton: Flavor = "mu",
        form_factor: str | FormFactor = "ws",
        mode: Mode = "exact",
        largest_q: Any = 1.0,
        fermi_momentum: Any = FERMI_MOMENTUM,
        nodes: Nodes | None = None,
    ) -> None:
        energy = in_code_units(energy, "energy", "energy")
        require("energy", energy, "positive energies", _is_positive)
        if np.ndim(energy) > 1:
            raise ParameterError(f"energy has the shape {np.shape(energy)}: one number or a list")
        _one_of("beam", beam, FLAVORS)
        _one_of("lepton", lepton, FLAVORS)
        _one_of("reaction", reaction, get_args(Reaction))
        _one_of("mode", mode, get_args(Mode))
        if mode != "exact" and reaction != "coherent":
            raise ParameterError(
                f"mode = {mode!r}: real photons are there for reaction = 'coherent' only, "
                f"not for {reaction!r}"
            )
        form = (
            form_factor
            if callable(form_factor)
            else named(form_factor, FORM_FACTORS, "form_factor")
        )
        cut = required_number(largest_q, "energy", "largest_q", "a positive energy", _is_positive)
        sea = required_number(
            fermi_momentum,
            "energy",
            "fermi_momentum",
            "zero or a positive energy",
            _is_not_negative,
        )
        found = find(target)
        terms = list(_terms(found, reaction, form, sea))
        if not terms:
            raise ParameterError(
                f"target = {found.name!r}: it has nothing for reaction = {reaction!r}; "
                f"one of {', '.join(_possible(found))}"
            )
        lepton_mass = CHARGED_LEPTON_MASSES[FLAVORS.index(lepton)]
        points = NODES_OF[lepton] if nodes is None else nodes
        spectra = [
            _scaled(_spectra(energy, mass, lepton_mass, cut, charge, kind, mode, points), count)
            for count, mass, charge, kind in terms
        ]
        stacked = jax.tree.map(lambda *x: jnp.stack(x), *spectra)
        assign(self, spectra=stacked, energy=energy, target=found.name, beam=beam, lepton=lepton)

    def standard_model(self) -> jax.Array:
        """Cross section without a Z' [cm^2], of the shape of `energy`."""
        g_v, g_a = standard_couplings(self.beam, self.lepton)
        vector, axial = jnp.sum(self.spectra.vector, 0), jnp.sum(self.spectra.axial, 0)
        return g_v**2 * vector + g_a**2 * axial

    def prepare(self, mass: ArrayLike) -> Transfers:
        """Lay points for a boson of this mass [GeV]; jit- and vmap-able."""
        return transfers(self.spectra, mass)

    def components(self, mass: Any) -> Components:
        """V0, A0, V1 and V2 for a boson of this mass; see `Components`.

        Parameters
        ----------
        mass : Quantity, str or float, GeV

        Raises
        ------
        UnitError, ParameterError
            If it is not a positive energy: V2 is infinite for M = 0.
        """
        mass = required_number(mass, "energy", "mass", "a positive energy", _is_positive)
        return self.prepare(mass).components()

    def cross_section(self, zprime: ZPrime, prepared: Transfers | None = None) -> jax.Array:
        """Cross section with a Z' [cm^2], of the shape of `energy`.

        Parameters
        ----------
        zprime : ZPrime
        prepared : optional
            What `prepare` gives for its mass.
        """
        return _with_boson(self, zprime, prepared)[1]

    def ratio(self, zprime: ZPrime, prepared: Transfers | None = None) -> jax.Array:
        """Cross section with a Z' over that without; 1 below the threshold."""
        standard, both = _with_boson(self, zprime, prepared)
        is_open = standard > 0.0
        return jnp.where(is_open, both / jnp.where(is_open, standard, 1.0), 1.0)

    def averaged(self, flux: Any) -> Tridents:
        """Average over a flux: int phi sigma dE / int phi dE.

        Parameters
        ----------
        flux : Quantity or array, of the shape of `energy`
            Per energy; only its shape in energy matters, so that any unit will do.

        Returns
        -------
        Tridents
            Its cross sections are scalars: averages, by the trapezoidal rule in ln E.

        Raises
        ------
        GridError
            If the energies are not at least two, increasing.
        ParameterError
            If the flux has another shape, is negative or zero everywhere.
        """
        energy = jnp.asarray(self.energy)
        if energy.ndim != 1 or energy.size < 2:
            raise GridError(f"energy = {self.energy}: an average needs at least two energies")
        if not is_traced(energy) and not np.all(np.diff(np.asarray(energy)) > 0.0):
            raise GridError(f"energy = {self.energy}: an average needs increasing energies")
        flux = in_code_units(getattr(flux, "value", flux), "dimensionless", "flux")
        if np.shape(flux) != energy.shape:
            raise ParameterError(
                f"flux has the shape {np.shape(flux)}: {energy.shape} is needed, as of energy"
            )
        require("flux", flux, "not negative, and not zero everywhere", _is_a_flux)
        steps = jnp.diff(jnp.log(energy))
        widths = 0.5 * (jnp.append(steps, 0.0) + jnp.append(0.0, steps))
        weights = flux * energy * widths
        weighted = _scaled(self.spectra, (weights / jnp.sum(weights)))
        flat = jax.tree.map(lambda x: x.reshape((-1, *x.shape[2:])), weighted)
        average = object.__new__(Tridents)
        assign(
            average,
            spectra=flat,
            energy=jnp.sum(weights * energy) / jnp.sum(weights),
            target=self.target,
            beam=self.beam,
            lepton=self.lepton,
        )
        return average

    def __repr__(self) -> str:
        return (
            f"Tridents({self.target!r}, nu_{self.beam} -> {self.lepton} pair, "
            f"{np.shape(self.spectra.vector)[0]} terms)"
        )


def flux_average(
    energy: Any, flux: Any, target: str | Nucleus | Target = "Fe", **settings: Any
) -> Tridents:
    """Tridents averaged over a flux; see `Tridents` and `Tridents.averaged`.

    Parameters
    ----------
    energy : Quantity or array, shape (n,), GeV
        Increasing. Where the cross section is computed; the flux is given there.
    flux : Quantity or array, shape (n,)
        Per energy, in any unit.
    target : str, Nucleus or Target
    **settings
        Further arguments of `Tridents`.

    Examples
    --------
    >>> energy = np.geomspace(1.0, 4.0, 5)
    >>> float(flux_average(energy, energy**-2.0, "Ar").standard_model())
    1.6757e-43
    """
    return Tridents(energy, target, **settings).averaged(flux)


@jax.jit
def _with_boson(
    made: Tridents, zprime: ZPrime, prepared: Transfers | None
) -> tuple[jax.Array, jax.Array]:
    """Cross sections without and with a boson."""
    points = made.prepare(zprime.mass) if prepared is None else prepared
    g_v, _ = standard_couplings(made.beam, made.lepton)
    flavor, lepton = FLAVORS.index(made.beam), FLAVORS.index(made.lepton)
    row = zprime.three_flavors[flavor]
    same = jnp.real(row[flavor])
    changing = jnp.sum(squared_moduli(row)) - same**2
    charged = jnp.real(zprime.charged_couplings_at(-points.tau)[..., lepton])
    shift = VACUUM_VALUE_SQUARED * charged * points.propagator
    added = 2.0 * g_v * same * shift + (same**2 + changing) * shift**2
    standard = made.standard_model()
    return standard, standard + jnp.sum(points.cross_section * added, axis=(0, -1))


def _spectra(
    energy: Any,
    target_mass: float,
    lepton_mass: float,
    largest_q: Any,
    charge: Charge,
    form: FormFactor | None,
    mode: Mode,
    nodes: Nodes,
) -> Spectrum:
    """Compute the distributions at one energy or many, one after the other by one program."""
    masses = (jnp.asarray(target_mass), jnp.asarray(lepton_mass))
    cut = jnp.square(jnp.asarray(largest_q, dtype=jnp.float64))

    def at(one: ArrayLike) -> Spectrum:
        setting = Setting(jnp.asarray(one, dtype=jnp.float64), *masses, cut)
        return spectrum(densities(setting, charge, form, mode, nodes), masses[1])

    if np.ndim(energy) == 0:
        return at(energy)
    if is_traced(energy):
        return jax.lax.map(at, energy)
    return jax.tree.map(lambda *x: jnp.stack(x), *map(at, np.asarray(energy)))


def _terms(
    target: Target, reaction: Reaction, form: FormFactor, fermi_momentum: Any
) -> Iterator[tuple[float, float, Charge, FormFactor | None]]:
    """Yield number, mass, charge and form factor of everything that the neutrino can hit."""
    for count, nucleus in target.nuclei:
        if reaction in ("coherent", "total") and nucleus.protons > 0.0 and not nucleus.is_free:
            yield count, nucleus.mass, _charge(nucleus.protons, nucleus.mass_number, 0.0), form
        sea = 0.0 if nucleus.is_free else fermi_momentum
        if reaction in ("protons", "total") and nucleus.protons > 0.0:
            yield count * nucleus.protons, PROTON_MASS, _charge(1.0, 1.0, sea), None
        if reaction in ("neutrons", "total") and nucleus.neutrons > 0.0:
            yield count * nucleus.neutrons, NEUTRON_MASS, _charge(0.0, 1.0, sea), None


def _charge(protons: float, mass_number: float, fermi_momentum: Any) -> Charge:
    values = (protons, mass_number, fermi_momentum)
    return Charge(*(jnp.asarray(value, dtype=jnp.float64) for value in values))


def _possible(target: Target) -> list[str]:
    """Names of the reactions that a target has."""
    return [
        repr(reaction)
        for reaction in get_args(Reaction)
        if any(True for _ in _terms(target, reaction, FORM_FACTORS["ws"], 0.0))
    ]


def _scaled(spectra: Spectrum, factor: ArrayLike) -> Spectrum:
    """Multiply cross sections; the factor has the shape of the energies, or is a number."""
    factor = jnp.asarray(factor)
    return spectra._replace(
        vector=spectra.vector * factor,
        axial=spectra.axial * factor,
        series=spectra.series * factor[..., None],
    )


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ParameterError(f"{name} = {value!r}: {nearest(str(value), known)}")


def _is_positive(value: Any) -> Any:
    return value > 0.0


def _is_not_negative(value: Any) -> Any:
    return value >= 0.0


def _is_a_flux(value: Any) -> Any:
    return (value >= 0.0) & np.any(value > 0.0)
