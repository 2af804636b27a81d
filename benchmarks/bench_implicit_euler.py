"""What does an implicit Euler step make of a narrow line? 1/(1 + tau), on however fine a grid.

Most transport codes step in redshift, dln(1+z) = dln(E), with backward Euler. A resonance moves by
one bin a step, so every bin meets it in exactly one step, and loses 1 - 1/(1 + tau) of its content
in place of 1 - exp(-tau). Finer bins come with finer steps: the error stays.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import models
from nuprop.transport import sweep

#: One state, |g_11| = 5e-4, M = 10 MeV, m = 0.05 eV, E^-2.3, yuksel-2008, z_max = 5.
MASS, LIGHT, COUPLING = 0.010, 0.05 * models.EV, 5e-4
#: E/E_R: exact flux over free flux without and with secondaries, by adaptive quadrature.
EXACT = {
    0.99: (0.0132609582224, 0.0424411403951),
    0.9: (0.0616083748018, 0.307562962978),
    0.5: (0.596032147324, 1.05538384668),
    0.3: (0.926460433384, 1.13957379708),
    0.2: (0.991361763281, 1.08763691885),
}
BINS = (100, 200, 400, 800, 1200)
#: Bins span these decades below the resonance's energy at rest.
DECADES = 2.0


def backward_euler(bins):
    """March in steps of one bin; returns E/E_R and the flux without and with secondaries."""
    lines, emission = models.one_state(MASS, LIGHT, COUPLING, thermal=False)
    u_max, resonance = float(emission.u_max), float(lines.log_resonance[0])
    steps = round(bins * u_max / (DECADES * np.log(10.0)))
    width = u_max / steps
    centers = resonance - width * (np.arange(bins, 0, -1) - 0.5)
    u = width * (np.arange(steps, 0, -1) - 0.5)
    rates = width * np.asarray(emission.rate(jnp.asarray(u)))
    depths = COUPLING**2 * np.asarray(lines.depth_scale(jnp.asarray(u)))
    emitted = np.asarray(emission.spectrum_at(jnp.asarray(centers + u[:, None])))
    # K(x) dE'/E' over a bin; below its own center an interaction sees half of its bin
    x = np.exp(-width * np.arange(bins))
    landing = width * (3.0 - 6.0 * x + 6.0 * x**2)
    landing[0] *= 0.5
    absorbed, content = np.zeros(bins), np.zeros(bins)
    for step in range(steps):
        absorbed += rates[step] * emitted[step]
        content += rates[step] * emitted[step]
        met = bins - steps + step  # the bin whose center resonates now
        absorbed[met] /= 1.0 + depths[step]
        content[met] /= 1.0 + depths[step]
        content[: met + 1] += depths[step] * content[met] * landing[met::-1]
    free = rates @ emitted
    return np.exp(centers - resonance), absorbed / free, content / free


def errors_of(places, absorbed, total):
    """Relative errors without and with secondaries at the energies of the exact table."""
    at = np.log(places)
    return {
        ratio: tuple(
            float(np.interp(np.log(ratio), at, values) / exact - 1.0)
            for values, exact in zip((absorbed, total), truth, strict=True)
        )
        for ratio, truth in EXACT.items()
    }


def test_one_step():
    """1/(1 + tau) exceeds exp(-tau) by a third at tau = 1 and two and a half times at tau = 2."""
    tau = np.array([0.1, 0.3, 1.0, 2.0])
    excess = np.exp(tau) / (1.0 + tau) - 1.0
    np.testing.assert_allclose(excess, [0.0047, 0.0383, 0.359, 1.463], atol=1e-3)


@pytest.mark.parametrize("bins", BINS)
def test_backward_euler(measure, bins):
    errors = errors_of(*backward_euler(bins))
    measure.run(
        lambda: backward_euler(bins),
        error=max(abs(total) for _, total in errors.values()),
        against="exact table",
        budget=0.3,
        cells=bins,
        errors_without_secondaries=[first for first, _ in errors.values()],
        errors_with_secondaries=[second for _, second in errors.values()],
        at_energies=list(EXACT),
    )


def test_sweep(measure):
    lines, emission = models.one_state(MASS, LIGHT, COUPLING, thermal=False)
    log_energy = lines.log_resonance[0] + jnp.log(jnp.array(list(EXACT)))

    def errors_of_sweep(result):
        return [
            np.asarray(values[0, 0] / result.free[0, 0]) / [row[column] for row in EXACT.values()]
            - 1.0
            for column, values in enumerate((result.absorbed, result.flux))
        ]

    result = measure(
        lambda *problem: sweep(log_energy, *problem),
        lines,
        emission,
        error=lambda result: float(np.max(np.abs(errors_of_sweep(result)))),
        against="exact table",
        energies=len(EXACT),
        at_energies=list(EXACT),
    )
    without, with_secondaries = errors_of_sweep(result)
    measure.benchmark.extra_info["errors_without_secondaries"] = without.tolist()
    measure.benchmark.extra_info["errors_with_secondaries"] = with_secondaries.tolist()
