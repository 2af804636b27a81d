"""What parameters set: numbers of the physics, nuisances of the measurements, ties."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from nuprop.errors import ParameterError, nearest
from nuprop.icecube.protocol import Likelihood
from nuprop.inference.objective import Role, Slot
from nuprop.inference.parameter import DETECTOR, Parameter
from nuprop.inference.physics import Physics, numbers, require_number

_NORMALIZATION = "source.normalization"


def as_parameters(given: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """Refuse what is no parameter."""
    items = (given,) if isinstance(given, Parameter) else tuple(given)
    for item in items:
        if not isinstance(item, Parameter):
            raise ParameterError(f"parameters: {item!r} is no nuprop.Parameter")
    return items


def with_nuisances(
    given: tuple[Parameter, ...], data: tuple[Likelihood, ...]
) -> tuple[Parameter, ...]:
    """Add the nuisances that no given parameter stands for; one that two data share is two."""
    names = [nuisance.name for item in data for nuisance in item.nuisances]
    known = {}
    for item in data:
        for nuisance in item.nuisances:
            single = names.count(nuisance.name) == 1
            full = f"{item.name}.{nuisance.name}"
            known[f"{DETECTOR}.{full}"] = (nuisance, nuisance.name if single else full)
    chosen = []
    for parameter in given:
        if parameter.target is not None and parameter.target.startswith(f"{DETECTOR}."):
            hits = _nuisance_targets(parameter.target, tuple(known))
            if not hits:
                short = sorted({name for _, name in known.values()})
                from nuprop.icecube.checks import monte_carlo_hint

                wanted = parameter.target.rpartition(".")[2]
                raise ParameterError(
                    f"target = {parameter.target!r}: no measurement has this nuisance; "
                    f"{nearest(wanted, short) if short else 'they have none'}"
                    f"{monte_carlo_hint(wanted)}"
                )
            for hit in hits:
                del known[hit]
        chosen.append(parameter)
    added = [
        Parameter.of_nuisance(nuisance, name, target) for target, (nuisance, name) in known.items()
    ]
    every = (*chosen, *added)
    for parameter in every:
        if [p.name for p in every].count(parameter.name) > 1:
            raise ParameterError(
                f"parameters: two are called {parameter.name!r}; give one of them another name="
            )
    return every


def _nuisance_targets(target: str, known: tuple[str, ...]) -> list[str]:
    """Full targets "detector.DATA.NAME" that a target of a user means."""
    if target in known:
        return [target]
    wanted = target.removeprefix(f"{DETECTOR}.")
    return [full for full in known if full.rpartition(".")[2] == wanted]


def require_targets(
    parameters: tuple[Parameter, ...], ties: Mapping[str, Callable[..., Any]], physics: Physics
) -> None:
    """Refuse targets and ties that are unknown, or set one number twice."""
    targets = [p.target for p in parameters if p.target is not None]
    for target in targets:
        if not target.startswith(f"{DETECTOR}."):
            require_number(physics, target)
        if targets.count(target) > 1 or target in ties:
            raise ParameterError(f"target = {target!r}: set twice")
    for path, function in ties.items():
        if not callable(function):
            raise ParameterError(f"ties[{path!r}] = {function!r}: a function of a dictionary")
        _require_tie(path, function, parameters, physics)


def _require_tie(
    path: str,
    function: Callable[..., Any],
    parameters: tuple[Parameter, ...],
    physics: Physics,
) -> None:
    """Look once at what a tie returns: a number, or an array, like the one that it replaces."""
    known = numbers(physics)
    if path not in known:
        raise ParameterError(f"ties[{path!r}]: no number of this path; {nearest(path, known)}")
    middle = {p.name: jnp.asarray(0.5 * (p.low + p.high)) for p in parameters}
    try:
        value = np.asarray(function(middle), dtype=float)
    except KeyError as error:
        raise ParameterError(
            f"ties[{path!r}]: no parameter is called {error}; {nearest(str(error), middle)}"
        ) from error
    if value.shape != np.shape(known[path]) or not np.all(np.isfinite(value)):
        raise ParameterError(
            f"ties[{path!r}] gives {value}: finite, of shape {np.shape(known[path])}, is needed"
        )


def started(parameter: Parameter, physics: Physics) -> Parameter:
    """Give a parameter its start: what the physics holds, or the middle of its bounds."""
    if parameter.start is not None:
        return parameter
    middle = 0.5 * (parameter.low + parameter.high)
    if parameter.scale == "log":
        middle = float(np.sqrt(parameter.low * parameter.high))
    target = parameter.target
    if target is not None and parameter.transform is None and not target.startswith(DETECTOR):
        held = float(require_number(physics, target))
        if parameter.low <= held <= parameter.high:
            middle = held
        elif parameter.fixed:
            raise ParameterError(
                f"{parameter.name} = {held:g}: fixed outside its bounds, {parameter.low:g} to "
                f"{parameter.high:g}"
            )
    return parameter._changed(start=middle)


def slot_of(parameter: Parameter, data: tuple[Likelihood, ...], tied: bool) -> Slot:
    """Say what a parameter does; where there are ties, a normalization may shape the flux."""
    target = parameter.target or ""
    role: Role = "shape"
    owners: tuple[int, ...] = ()
    if parameter.target is None:
        role = "latent"
    elif target.startswith(f"{DETECTOR}."):
        role = "detector"
        known = tuple(f"{DETECTOR}.{d.name}.{n.name}" for d in data for n in d.nuisances)
        hits = _nuisance_targets(target, known)
        owners = tuple(
            i
            for i, item in enumerate(data)
            if any(f"{DETECTOR}.{item.name}.{n.name}" in hits for n in item.nuisances)
        )
        target = target.rpartition(".")[2]
    elif target == _NORMALIZATION and not tied:
        role = "amplitude"
    return Slot(
        name=parameter.name,
        role=role,
        target=target,
        owners=owners,
        log=parameter.scale == "log",
        transform=parameter.transform,
    )
