"""Folding a flux into HESE's bins: the numbers of the papers, dips narrower than a cell, faults."""

from dataclasses import replace
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import nuprop
from nuprop.errors import DatasetError, GridError, ParameterError, PhysicsWarning
from nuprop.icecube import available_samples, poisson, sample
from nuprop.icecube.backgrounds import atmospheric
from nuprop.icecube.events import events
from nuprop.icecube.fluence import fluence
from nuprop.icecube.sample import BEST_FIT_7_5YR

NOMINAL = {"dom": 0.99, "ice": 0.0}
LAST = {"hese-3yr": 10000.0, "hese-7.5yr": 9957.0, "hese-12yr": 9957.0}  # TeV


def power_law(norm, index):
    """Per flavor, nu + nubar, 1e-18 / (GeV cm2 s sr) at 100 TeV."""
    return lambda energy: 1e-18 * norm * (energy / 1e5) ** -index


def whole(name="hese-7.5yr", **options):
    return sample(name, lowest=0, **options)


def three_years_in_bins_of_7_5():
    """HESE of 3 years in bins of 0.111 dex: the kernel of 7.5 years with the areas of 2013."""
    seven, three = whole(), whole("hese-3yr")

    def rescaled(new, old):
        total = np.asarray(old).sum(axis=-2)
        ratio = np.asarray(new).sum(axis=-2) / np.where(total > 0.0, total, np.inf)
        return old * ratio[..., None, :]

    names = ("area_nu", "area_nubar", "area_glashow")
    areas = {n: rescaled(getattr(three.response, n), getattr(seven.response, n)) for n in names}
    response = replace(seven.response, **areas, livetime_s=three.livetime_s)
    edges = np.asarray(response.deposited_edges)
    return replace(
        three,
        response=response,
        background=atmospheric("hese-3yr", edges, three.livetime_s, False),
        observed=jnp.asarray(events("hese-3yr").histogram(edges), dtype=float),
    )


class TestNumbersOfThePapers:
    """Values of arXiv:2011.03545 and arXiv:1405.5303, and of IceCube's release of the former."""

    def test_hard_spectrum_of_7_5_years(self):
        """The release's own weighter gives 140.190; the kernel of the tables is good to 1 event."""
        seven = whole()
        flux = power_law(6.365 / 3, 2.0)
        assert seven.expected(flux, **BEST_FIT_7_5YR).astrophysical.sum() == pytest.approx(
            140.2, abs=1.0
        )
        # without systematics the Monte Carlo gives 4 % more: DOM efficiency 0.99 against 0.952
        nominal = seven.expected(flux, **NOMINAL).astrophysical.sum()
        assert nominal == pytest.approx(145.7, abs=0.2)

    def test_best_fit_of_7_5_years(self):
        counts = whole().expected(power_law(6.36488608 / 3, 2.87375956), **BEST_FIT_7_5YR)
        assert counts.background.sum() == pytest.approx(36.5, abs=0.2)
        assert counts.background[7:].sum() == pytest.approx(10.0, abs=0.1)
        assert counts.astrophysical[7:].sum() == pytest.approx(48.6, abs=0.5)
        # cascades, tracks, double cascades above 60 TeV, of 60 events seen 41, 17 and 2
        topologies = counts.signal.sum(axis=0)[:, 7:].sum(axis=1)
        np.testing.assert_allclose(topologies, [38.1, 8.3, 2.2], atol=0.1)

    def test_best_fit_bin_by_bin(self):
        """Official figure (release of arXiv:2011.03545), digitized to 0.3 %, less its background.

        36 TeV to 1 PeV within 3 %: the kernel of deposited energies is a fit, good to 2 %.
        """
        official = [
            5.766, 7.494, 8.904, 8.759, 8.003, 6.424, 4.716, 3.415, 2.454, 1.739, 1.222,
            0.842, 0.585,
        ]  # fmt: skip
        counts = whole().expected(power_law(6.36488608 / 3, 2.87375956), **BEST_FIT_7_5YR)
        np.testing.assert_allclose(counts.astrophysical[5:18], official, rtol=0.03)

    def test_three_years(self):
        """37 events less 8.4 muons and 6.6 atmospheric neutrinos leave 22.0."""
        counts = whole("hese-3yr").expected(power_law(1.5, 2.3))
        assert counts.signal.sum() == pytest.approx(22.7, abs=0.5)
        assert counts.backgrounds["conv"].sum() == pytest.approx(6.6, abs=0.1)
        # 8.4 muons, a third of them below the first bin by the shape of 7.5 years
        assert counts.backgrounds["conv"][3:].sum() == pytest.approx(2.61, abs=0.05)
        assert counts.backgrounds["muon"][3:].sum() == pytest.approx(0.45, abs=0.02)

    def test_events_above_2_pev_of_an_e_minus_2_flux(self):
        """IceCube 2014 expects 3.1 events between 2 and 10 PeV for 0.95e-8 E^-2."""
        counts = whole("hese-3yr").expected(power_law(0.95, 2.0))
        above = counts.edges_gev[:-1] > 1.5e6  # the bin edge nearest to 2 PeV is 1.58 PeV
        assert 3.1 < counts.astrophysical[above].sum() < 4.5

    def test_twelve_years_is_the_response_of_7_5_scaled_by_livetime(self):
        flux = power_law(2.0, 2.5)
        ratio = 12 * 365 * 86400.0 / 227708167.68
        seven, twelve = (whole(name).expected(flux) for name in ("hese-7.5yr", "hese-12yr"))
        np.testing.assert_allclose(twelve.total, ratio * seven.total, rtol=1e-12)
        halved = whole("hese-12yr", livetime="6 yr").expected(flux)
        assert halved.total.sum() == pytest.approx(
            seven.total.sum() * 6 * 365.25 * 86400 / 227708167.68
        )

    @pytest.mark.parametrize(
        ("name", "seen"), [("hese-3yr", 19), ("hese-7.5yr", 60), ("hese-12yr", 92)]
    )
    def test_observed_counts(self, name, seen):
        made = sample(name)
        assert int(made.observed.sum()) == seen
        assert f"{LAST[name]:.4g} TeV" in repr(made)

    @pytest.mark.parametrize(
        ("made", "gain", "tolerance"),
        [
            (lambda: sample("hese-7.5yr"), 1.3, 0.1),
            (lambda: sample("hese-3yr"), 3.1, 0.2),
            (lambda: sample("hese-3yr", highest="3.99 PeV"), 3.6, 0.2),
            (lambda: sample("hese-3yr", highest="2.52 PeV"), 3.9, 0.2),
            (lambda: sample("hese-12yr"), -1.7, 0.2),
            (lambda: three_years_in_bins_of_7_5().select("60 TeV"), 2.1, 0.2),
            (lambda: three_years_in_bins_of_7_5().select("60 TeV", "2.776 PeV"), 2.9, 0.2),
        ],
    )
    def test_gap_between_400_tev_and_1_pev(self, made, gain, tolerance):
        """Fall of -2 ln L for a full gap, all else refitted: how much the gap is worth at all.

        An independent prototype found these; it depends on where bin edges lie near 1 PeV.
        """
        made = made()
        edges = np.asarray(made.energy_edges)

        def integral(low, high, index):
            return (
                1e5 / (1.0 - index) * ((high / 1e5) ** (1.0 - index) - (low / 1e5) ** (1.0 - index))
            )

        def best(gap):
            predicted = jax.jit(made.predict)

            def nll(x):
                flux = integral(edges[:-1], edges[1:], x[1])
                if gap:
                    low, high = np.clip(edges[:-1], *gap), np.clip(edges[1:], *gap)
                    flux = flux - integral(low, high, x[1])
                row = np.broadcast_to(0.5e-18 * x[0] * flux, (2, 3, flux.size))
                expected = predicted(row, {"conv": x[2], "muon": x[3]})
                prior = 0.5 * (((x[2] - 1) / 0.4) ** 2 + ((x[3] - 1) / 0.5) ** 2)
                return float(made.nll(expected)) + prior

            options = {"xatol": 1e-3, "fatol": 1e-4}
            return minimize(nll, [1.7, 2.5, 1.0, 1.0], method="Nelder-Mead", options=options).fun

        assert 2.0 * (best(None) - best((4e5, 1e6))) == pytest.approx(gain, abs=tolerance)


class TestFluence:
    edges = 10.0 ** np.linspace(4.0, 7.0, 31)

    def exact(self, index):
        low, high = self.edges[:-1] / 1e5, self.edges[1:] / 1e5
        return 0.5e-18 * 1e5 * (high ** (1 - index) - low ** (1 - index)) / (1 - index)

    @pytest.mark.parametrize("index", [1.5, 2.87, 4.0])
    def test_function(self, index):
        """Eight Gauss-Legendre nodes in cells of 0.23 in ln(E): exact to rounding."""
        found = fluence(power_law(1.0, index), self.edges)
        np.testing.assert_allclose(
            found, np.broadcast_to(self.exact(index), (2, 3, 30)), rtol=1e-13
        )

    @pytest.mark.parametrize("cells", [False, True])
    def test_flux_of_other_energies(self, fake_flux, cells):
        """Power laws are divided exactly, whatever energies they are given at."""
        given = fake_flux(37, cells=cells, lowest=5e3, highest=2e7)
        values = power_law(1.0, 2.3)(given.energy_gev)
        if cells:
            low, high = given.edges_gev[:-1] / 1e5, given.edges_gev[1:] / 1e5
            values = 1e-13 * (high**-1.3 - low**-1.3) / -1.3 / np.diff(given.edges_gev)
        flat = np.full((2, 3, values.size), 0.5 * values)  # unitary mixing keeps it flat
        found = fluence(
            fake_flux(37, cells=cells, lowest=5e3, highest=2e7, values=flat), self.edges
        )
        summed = found.sum(axis=(0, 1))
        np.testing.assert_allclose(summed, 6.0 * self.exact(2.3), rtol=1e-3 if cells else 1e-12)

    def test_narrow_dip_folds_right(self):
        """A dip 1 % wide, from sources at z < 0.01: cells of the response against ten times finer.

        Of a line without width: with its own, this strong one would absorb 4 % around it too.
        The response is constant within its cells, so that only their integrals matter: 1e-3.
        """
        seven = sample("hese-7.5yr")
        edges = np.asarray(seven.energy_edges)
        fine = np.unique(np.concatenate([np.geomspace(a, b, 11) for a, b in pairwise(edges)]))
        arguments = {
            "source": nuprop.Source("flat", z_max=0.01, flavor=(1, 1, 1)),
            "mediator": nuprop.ZPrime.universal("11 MeV", 3e-2),
            "neutrinos": nuprop.Neutrinos.from_masses(np.full(3, 8e-11)),
            "relics": nuprop.Relics(thermal=False),
            "method": "sweep",
        }
        coarse, finer = (nuprop.propagate(**arguments, energy_edges=e) for e in (edges, fine))
        counts, reference = (seven.expected(flux) for flux in (coarse, finer))
        assert finer.transmission.min() < 0.6  # a dip, which secondaries below it make up for
        assert coarse.transmission.min() > 0.9  # narrower than a cell
        assert counts.signal.sum() == pytest.approx(reference.signal.sum(), rel=1e-3)
        moved, truly = (
            c.astrophysical - c.free_signal.sum(axis=(0, 1)) for c in (counts, reference)
        )
        np.testing.assert_allclose(moved, truly, atol=1e-3 * np.abs(truly).sum())

    def test_a_flux_that_ends_inside_is_refused_or_extended_aloud(self, fake_flux):
        short = fake_flux(lowest=2e4, highest=5e6)
        with pytest.raises(GridError, match=r"from 20000 to 5e\+06 GeV.*10000 to 1e\+07.*extend"):
            fluence(short, self.edges)
        with pytest.warns(PhysicsWarning, match="continued by its last power laws"):
            found = fluence(short, self.edges, extend=True)
        assert np.all(np.isfinite(found))
        assert np.all(found > 0)

    def test_bad_fluxes(self, fake_flux):
        with pytest.raises(ParameterError, match="point source"):
            fluence(fake_flux(per_steradian=False), self.edges)
        with pytest.raises(ParameterError, match="DiffuseFlux"):
            fluence(3.0, self.edges)
        with pytest.raises(GridError, match=r"shape \(7,\)"):
            fluence(lambda energy: np.ones(7), self.edges)
        with pytest.raises(ParameterError, match="nan: it must be finite"):
            fluence(lambda energy: energy * np.nan, self.edges)
        with pytest.raises(ParameterError, match="not negative"):
            fluence(lambda energy: -energy, self.edges)
        one = fake_flux(1, cells=False)
        with pytest.raises(GridError):
            fluence(one, self.edges)


class TestResponse:
    def test_glashow_resonance_takes_electron_antineutrinos_only(self):
        """Counts of a flux around 6.3 PeV: nubar_e alone makes the resonance."""
        made = whole()
        cells = made.energy_edges.shape[0] - 1
        near = np.abs(np.log10(np.asarray(made.energy_edges)[:-1] / 6.3e6)) < 0.05
        counts = np.zeros((2, 3))
        signal = jax.jit(lambda row: made.signal(row, {}))
        for a in range(2):
            for f in range(3):
                row = np.zeros((2, 3, cells))
                row[a, f, near] = 1e-20
                counts[a, f] = float(signal(row).sum())
        assert counts[1, 0] > 10.0 * counts[0, 0]  # 818 m^2 against 30 m^2 of nu_e
        rest = counts[[0, 0, 0, 1, 1], [0, 1, 2, 1, 2]]
        assert rest.max() < 3.0 * rest.min()

    def test_fold_is_linear_and_batched(self):
        made = sample("hese-3yr")
        cells = made.energy_edges.shape[0] - 1
        rows = jnp.asarray(np.random.default_rng(1).uniform(0, 1e-20, (4, 2, 3, cells)))
        together = jax.vmap(made.response.fold)(rows)
        np.testing.assert_allclose(together[1], made.response.fold(rows[1]), rtol=1e-12)
        np.testing.assert_allclose(
            made.response.fold(2.0 * rows[0] + rows[2]), 2.0 * together[0] + together[2], rtol=1e-12
        )

    def test_gradient_in_the_detector(self):
        """Against central differences, whose own error is below 1e-6 of it."""
        made = sample("hese-7.5yr")
        flux = fluence(power_law(2.0, 2.6), made.energy_edges)

        def nll(x):
            names = ("conv", "muon", "dom", "ice")
            return made.nll(made.predict(flux, dict(zip(names, x, strict=True))))

        nll = jax.jit(nll)
        x = np.array([1.1, 0.8, 0.97, 0.2])
        slope = jax.jit(jax.grad(nll))(x)
        for i in range(4):
            step = np.zeros(4)
            step[i] = 1e-5
            assert slope[i] == pytest.approx(float(nll(x + step) - nll(x - step)) / 2e-5, rel=1e-6)

    def test_topologies_add_up(self):
        flux = power_law(2.0, 2.6)
        apart, together = whole(by_topology=True), whole()
        split, joint = apart.expected(flux), together.expected(flux)
        np.testing.assert_allclose(
            split.astrophysical.reshape(3, -1).sum(axis=0), joint.astrophysical
        )
        np.testing.assert_allclose(split.observed.reshape(3, -1).sum(axis=0), joint.observed)
        above = sample("hese-7.5yr", by_topology=True)
        assert above.observed.reshape(3, -1).sum(axis=1).tolist() == [41, 17, 2]
        # conventional neutrinos and muons at their best fit, 36.468 in all
        assert split.background.sum() == pytest.approx(36.47, rel=1e-3)


class TestSample:
    def test_ranges(self):
        assert sample("hese-7.5yr").n_bins == 20
        assert sample("hese-7.5yr", lowest="60 TeV").deposited_edges[0].to_value(
            "TeV"
        ) == pytest.approx(60.0, rel=1e-5)
        assert sample("hese-3yr", highest="3.98 PeV").n_bins == 9
        assert whole("hese-3yr").n_bins == 14

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"lowest": "1 EeV"}, r"lowest = 1 EeV: the bins reach from"),
            ({"lowest": "1 PeV", "highest": "900 TeV"}, "no bin lies between"),
            ({"highest": "1 GeV"}, "highest = 1 GeV"),
        ],
    )
    def test_empty_ranges(self, options, message):
        with pytest.raises(GridError, match=message):
            sample("hese-7.5yr", **options)

    @pytest.mark.parametrize("value", ["-1 TeV", "nan TeV"])
    def test_impossible_ranges(self, value):
        with pytest.raises(ParameterError, match="lowest"):
            sample("hese-7.5yr", lowest=value)

    def test_unknown_and_unusable_samples(self):
        with pytest.raises(DatasetError, match=r"'hese-7yr'.*did you mean 'hese-7.5yr'"):
            sample("hese-7yr")
        for name in ("hese-4yr", "hese-6yr"):
            with pytest.raises(DatasetError, match="without response and backgrounds"):
                sample(name)
        with pytest.raises(DatasetError, match="no backgrounds for each topology"):
            sample("hese-12yr", by_topology=True)
        with pytest.raises(ParameterError, match="livetime"):
            sample("hese-12yr", livetime=0.0)
        assert set(available_samples()) == {"hese-3yr", "hese-7.5yr", "hese-12yr"}

    @pytest.mark.parametrize("name", ["prompt", "kpi", "nu_nubar", "dgamma", "anisotropy"])
    def test_nuisances_of_the_monte_carlo_are_refused_with_a_way_out(self, name):
        with pytest.raises(ParameterError, match="only with the official Monte Carlo"):
            sample("hese-7.5yr").expected(power_law(1, 2), **{name: 1.0})

    def test_bad_nuisances(self):
        with pytest.raises(ParameterError, match=r"'dome'.*did you mean 'dom'"):
            sample("hese-7.5yr").expected(power_law(1, 2), dome=1.0)
        with pytest.raises(ParameterError, match=r"dom = 0.5: from 0.9 to 1.08"):
            sample("hese-7.5yr").expected(power_law(1, 2), dom=0.5)
        with pytest.raises(ParameterError, match="'dom'"):
            sample("hese-3yr").expected(power_law(1, 2), dom=0.95)

    def test_bad_counts(self):
        made = sample("hese-3yr")
        with pytest.raises(GridError, match=r"\(3,\): \(11,\) is needed"):
            made.with_observed([1, 2, 3])
        counts = np.ones(11)
        for bad in (-1.0, np.nan, np.inf):
            counts[4] = bad
            with pytest.raises(ParameterError, match=r"observed\[4\]"):
                made.with_observed(counts)
        with pytest.raises(ParameterError, match="numbers"):
            made.with_observed(["many"] * 11)
        assert made.with_observed(np.arange(11)).observed.sum() == 55

    def test_counts_tell_what_they_are(self):
        counts = sample("hese-7.5yr").expected(power_law(2.12, 2.87))
        text = repr(counts)
        assert "observed       60" in text
        assert "conv" in text
        n = np.asarray(counts.observed)
        mu = counts.total
        assert counts.deviance == pytest.approx(
            2.0 * np.sum(mu - n + np.where(n > 0, n * np.log(np.maximum(n, 1) / mu), 0.0))
        )
        assert counts.log_likelihood == pytest.approx(float(-sample("hese-7.5yr").nll(mu)))

    def test_toys_are_poisson(self):
        """Mean and variance of 4000 draws, each within 5 standard errors."""
        made = sample("hese-3yr")
        mean = jnp.linspace(0.3, 12.0, 11)
        keys = jax.random.split(jax.random.key(3), 4000)
        draw = jax.jit(jax.vmap(lambda key: made.simulate(mean, key).observed))
        drawn = np.asarray(draw(keys))
        error = np.sqrt(np.asarray(mean) / 4000)
        assert np.all(np.abs(drawn.mean(axis=0) - mean) < 5 * error)
        assert np.all(
            np.abs(drawn.var(axis=0) / mean - 1) < 5 * np.sqrt((2 + 1 / np.asarray(mean)) / 4000)
        )


def test_poisson_against_scipy():
    from scipy.stats import poisson as reference

    n = np.arange(0.0, 9.0)
    for mu in (1e-3, 0.7, 12.0):
        np.testing.assert_allclose(
            poisson.log_likelihood(n, mu), reference.logpmf(n, mu), rtol=1e-12
        )
    assert float(poisson.log_likelihood(0.0, 0.0)) == 0.0
    assert (
        float(poisson.log_likelihood(2.0, 0.0)) < -50.0
    )  # seen, but not expected: bad, and finite
    assert np.isfinite(jax.grad(lambda mu: poisson.log_likelihood(0.0, mu))(0.0))
