"""DiffuseFlux to and from an ECSV file, without loss."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nuprop.balance import Balance
from nuprop.errors import ConfigError, DatasetError, Status
from nuprop.flux import DiffuseFlux
from nuprop.units import CODE_UNITS

if TYPE_CHECKING:
    from astropy.table import QTable

_FORMAT = "nuprop diffuse flux, version 1"
_FLAVORS = ("nu_e", "nu_mu", "nu_tau")


def to_table(flux: DiffuseFlux) -> QTable:
    """Put a flux and its provenance into a table; see `DiffuseFlux.to_table`."""
    from astropy.table import QTable

    table = QTable()
    table["energy"] = flux.energy
    if flux.energy_edges is not None:
        table["e_lo"] = flux.energy_edges[:-1]
        table["e_hi"] = flux.energy_edges[1:]
    for name, values in zip(_FLAVORS, flux.per_flavor, strict=True):
        table[name] = values
    states = _states(len(flux.mixing))
    if len(flux.mixing) > 3:
        table["nu_s"] = flux.sterile
    table["total"] = flux.total
    table["free"] = flux.free.total
    table["transmission"] = flux.transmission
    unit = flux.total.unit
    for prefix, array in (("", flux.values), ("free_", flux.free_values)):
        for name, values in zip(states, array.reshape(len(states), -1), strict=True):
            table[prefix + name] = values * unit
    table.meta = {
        "format": _FORMAT,
        "content": "fluxes of neutrinos + antineutrinos per flavor, unless named nu or nubar",
        "method": flux.method,
        "method_reason": flux.method_reason,
        "status": flux.status.name,
        "balance": asdict(flux.balance),
        "z_max": float(flux.z_max),
        "resonances_gev": flux.resonances_gev.tolist(),
        "mixing": flux.mixing.tolist(),
        "citations": list(flux.citations),
        "parameters": dict(flux.parameters),
    }
    return table


def require_table_name(path: str | Path) -> None:
    """Refuse a file name that does not end in .ecsv, with a ConfigError."""
    if Path(path).suffix != ".ecsv":
        raise ConfigError(f"table = {str(path)!r}: the name must end in .ecsv")


def save(flux: DiffuseFlux, path: str | Path) -> Path:
    """Write a flux as ECSV; see `DiffuseFlux.save`."""
    from astropy.table import Table

    require_table_name(path)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Table(to_table(flux)).write(path, format="ascii.ecsv", overwrite=True)
    return path


def load(path: str | Path) -> DiffuseFlux:
    """Read a flux from ECSV; see `nuprop.load`."""
    from astropy.table import QTable

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        table = QTable.read(path, format="ascii.ecsv")
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(f"{path}: not an ECSV file ({error})") from error
    if table.meta.get("format") != _FORMAT:
        raise DatasetError(
            f"{path}: its format is {table.meta.get('format')!r}; only {_FORMAT!r} can be read"
        )
    try:
        return _from_table(table)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(f"{path}: an entry is missing or damaged ({error!r})") from error


def _states(number: int) -> list[str]:
    """Names of the columns of mass eigenstates."""
    return [f"{kind}_{i}" for kind in ("nu", "nubar") for i in range(1, number + 1)]


def _from_table(table: QTable) -> DiffuseFlux:
    meta = table.meta
    number = len(meta["mixing"])
    per_steradian = table["total"].unit == CODE_UNITS["flux"]
    unit = CODE_UNITS["flux" if per_steradian else "point_flux"]

    def mass_states(prefix: str) -> Any:
        columns = [table[prefix + name].to_value(unit) for name in _states(number)]
        return np.stack(columns).reshape(2, number, -1)

    edges = None
    if "e_lo" in table.colnames:
        edges = np.append(table["e_lo"].to_value("GeV"), table["e_hi"].to_value("GeV")[-1])
    return DiffuseFlux(
        energy_gev=table["energy"].to_value("GeV"),
        edges_gev=edges,
        values=mass_states(""),
        free_values=mass_states("free_"),
        mixing=np.array(meta["mixing"]),
        resonances_gev=np.array(meta["resonances_gev"]),
        z_max=meta["z_max"],
        method=meta["method"],
        method_reason=meta["method_reason"],
        status=Status[meta["status"]],
        balance=Balance(**meta["balance"]),
        parameters=meta["parameters"],
        citations=tuple(meta["citations"]),
        per_steradian=per_steradian,
    )
