"""The books of a calculation: what interacted, and where its energy and its neutrinos went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Balance:
    """Numbers and energies of the neutrinos that interacted on their way, per area at Earth.

    Every field is an integral over energy at Earth, summed over mass eigenstates, neutrinos and
    antineutrinos: `*_number` in cm^-2 s^-1 sr^-1, `*_energy` in GeV cm^-2 s^-1 sr^-1 (without sr
    for a point source). The energy of the relic is neglected, 1e-18 of the beam's.

    Parameters
    ----------
    interacted_number, interacted_energy : float
        Neutrinos lost from the beam by interaction.
    deposited_number, deposited_energy : float
        Active secondaries put back on the energy grid.
    below_number, below_energy : float
        Active secondaries that fell under the lowest energy of the grid.
    lost_number, lost_energy : float
        Decay products in inactive channels: charged leptons, or right-handed neutrinos.
    free_number, free_energy : float
        The free flux on the grid, which sets the rounding error of what was put back.
    pairs_number, pairs_energy : float
        Those among what interacted that made two bosons, and four neutrinos.

    Notes
    -----
    One interaction makes one boson, and one boson decays to two particles that share its energy, so

        deposited + below + lost = 2 x interacted (number), = 1 x interacted (energy)

    hold exactly, whatever the coupling, the source and the number of interactions in a row. An
    interaction that makes two bosons counts twice in the number.
    """

    interacted_number: float = 0.0
    interacted_energy: float = 0.0
    deposited_number: float = 0.0
    deposited_energy: float = 0.0
    below_number: float = 0.0
    below_energy: float = 0.0
    lost_number: float = 0.0
    lost_energy: float = 0.0
    free_number: float = 0.0
    free_energy: float = 0.0
    pairs_number: float = 0.0
    pairs_energy: float = 0.0

    @property
    def number_residual(self) -> float:
        """Violation of the number balance over what interacted; see `energy_residual`."""
        outgoing = self.deposited_number + self.below_number + self.lost_number
        made = 2.0 * (self.interacted_number + self.pairs_number)
        return _relative(outgoing, made, self.free_number)

    @property
    def energy_residual(self) -> float:
        """Violation of the energy balance over what interacted; 0 if nothing did.

        Where less than 1e-7 of the free flux interacted, over that: what was put back is a
        difference of fluxes, which rounding, and panels that an exponential cutoff falls through,
        would dominate.
        """
        outgoing = self.deposited_energy + self.below_energy + self.lost_energy
        return _relative(outgoing, self.interacted_energy, self.free_energy)

    def __str__(self) -> str:
        """Two aligned columns: number and energy."""
        rows = [
            ("interacted", self.interacted_number, self.interacted_energy),
            ("on the grid", self.deposited_number, self.deposited_energy),
            ("below the grid", self.below_number, self.below_energy),
            ("inactive channels", self.lost_number, self.lost_energy),
        ]
        lines = [f"{'':18}{'number':>12}{'energy':>12}"]
        lines += [f"{name:18}{number:12.4e}{energy:12.4e}" for name, number, energy in rows]
        lines.append(f"{'out / in - 1':18}{self.number_residual:12.1e}{self.energy_residual:12.1e}")
        return "\n".join(lines)


def _relative(outgoing: float, expected: float, free: float) -> float:
    scale = max(expected, 1e-7 * free)
    if scale == 0.0:
        return 0.0 if outgoing == 0.0 else float("inf")
    return abs(outgoing - expected) / scale
