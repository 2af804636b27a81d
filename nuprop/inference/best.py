"""The physics and the counts at given values of the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from nuprop.icecube.counts import ExpectedCounts
from nuprop.icecube.sample import Sample
from nuprop.inference.analysis import Analysis
from nuprop.inference.objective import Objective, amplitude, fluences, nuisances_of
from nuprop.inference.physics import UNCOUPLED, Physics, replaced


def best_physics(analysis: Analysis, values: Mapping[str, float]) -> Physics:
    """Put values of parameters, and what is tied to them, into the physics."""
    changes: dict[str, Any] = {}
    for parameter in analysis.parameters:
        if parameter.target is not None and not parameter.target.startswith("detector."):
            value = values[parameter.name]
            changes[parameter.target] = (
                value if parameter.transform is None else float(parameter.transform(value))
            )
    for path, function in analysis.ties:
        tied = np.asarray(function(dict(values)))
        changes[path] = float(tied) if tied.ndim == 0 else tied
    return replaced(analysis.physics, changes)


_fluences = jax.jit(fluences)


def expected_counts(objective: Objective, values: jax.Array) -> tuple[ExpectedCounts, ...]:
    """Fold the flux for values of all parameters, for every binned sample."""
    scale = amplitude(objective, values)
    flux = _fluences(objective, values)
    free_physics = replaced(objective.physics, UNCOUPLED)
    slots = tuple(
        replace(slot, role="latent") if slot.target.startswith("mediator.") else slot
        for slot in objective.layout.slots
    )
    ties = tuple(tie for tie in objective.layout.ties if not tie[0].startswith("mediator."))
    free = replace(
        objective,
        physics=free_physics,
        layout=replace(objective.layout, slots=slots, ties=ties),
    )
    free_flux = _fluences(free, values)
    result = []
    for number, item in enumerate(objective.likelihoods):
        if not isinstance(item, Sample):
            continue
        nuisance = nuisances_of(objective, values, number)
        counts = ExpectedCounts.of(item, scale * flux[number], nuisance, scale * free_flux[number])
        result.append(counts)
    return tuple(result)
