"""Scans: the same numbers whatever happens to the process, the disk or the files."""

import errno
import json
import logging
import os

import jax.numpy as jnp
import numpy as np
import pytest
from reference.fragile import Fragile

import nuprop
from nuprop.errors import FitError, ParameterError
from nuprop.inference import Analysis, Parameter, checkpoint, files, profile, scan
from nuprop.inference.checkpoint import fingerprint
from nuprop.inference.grid import Grid, grid


def analysis(mine="", observed=(1.0, 2.0), **options):
    return Analysis(Fragile(jnp.asarray(observed), mine), nuprop.Source("flat"), **options)


AXES = {"a": 7}


@pytest.fixture(scope="module")
def reference():
    """The scan in memory: minimizing over b leaves (a - 1.5)^2 + 0.25 - 0.25."""
    return scan(analysis(), AXES, chunk=2, progress=False)


def test_profile_is_the_parabola_that_remains(reference):
    """Of (1 - a - b)^2 + (2 - a + b)^2 the minimum over b is (3 - 2a)^2 / 2, at b = -1/2."""
    a = np.linspace(-10.0, 10.0, 7)
    np.testing.assert_allclose(reference.nll, 0.25 * (3.0 - 2.0 * a) ** 2, atol=1e-8)
    np.testing.assert_allclose(reference.values["b"], -0.5, atol=1e-4)
    assert bool(reference.converged.all())
    assert reference.null_nll is None
    memory = profile(analysis(), AXES, progress=False)
    np.testing.assert_array_equal(memory.nll, reference.nll)


def test_two_axes_and_a_chunk_that_does_not_divide(reference):
    plane = scan(analysis(), {"a": 3, "b": [0.0, 1.0]}, chunk=4, progress=False)
    assert plane.nll.shape == (3, 2)
    a, b = np.meshgrid([-10.0, 0.0, 10.0], [0.0, 1.0], indexing="ij")
    exact = 0.5 * ((1 - a - b) ** 2 + (2 - a + b) ** 2)
    np.testing.assert_allclose(plane.nll, exact, rtol=1e-12)
    assert plane.values == {}


def computed(monkeypatch):
    """Count the chunks that are computed, and let one say when to stop."""
    calls = []
    original = Grid.compute

    def compute(self, points):
        calls.append(points)
        return original(self, points)

    monkeypatch.setattr(Grid, "compute", compute)
    return calls


def test_killed_in_the_middle_and_started_again(reference, tmp_path, monkeypatch):
    """Every finished chunk is kept; the rest gives the same result bit for bit."""
    calls = computed(monkeypatch)
    original = files.os.replace

    def killed(source, target):
        original(source, target)
        if str(target).endswith("chunk-000001.npz"):
            raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        scan(analysis(), AXES, folder=tmp_path / "s", chunk=2, progress=False)
    monkeypatch.setattr(files.os, "replace", original)
    assert len(calls) == 2
    again = scan(analysis(), AXES, folder=tmp_path / "s", chunk=2, progress=False)
    assert len(calls) == 4
    np.testing.assert_array_equal(again.nll, reference.nll)
    np.testing.assert_array_equal(again.values["b"], reference.values["b"])
    third = scan(analysis(), AXES, folder=tmp_path / "s", chunk=2, progress=False)
    assert len(calls) == 4  # all of it was on disk
    np.testing.assert_array_equal(third.nll, reference.nll)


@pytest.mark.parametrize("damage", [b"", b"not a zip", None])
def test_a_chunk_cut_in_the_middle_is_computed_again(
    reference, tmp_path, monkeypatch, caplog, damage
):
    scan(analysis(), AXES, folder=tmp_path / "s", chunk=2, progress=False)
    path = tmp_path / "s" / "chunk-000002.npz"
    path.write_bytes(path.read_bytes()[:300] if damage is None else damage)
    calls = computed(monkeypatch)
    with caplog.at_level(logging.WARNING):
        again = scan(analysis(), AXES, folder=tmp_path / "s", chunk=2, progress=False)
    assert len(calls) == 1
    assert "computed again" in caplog.text
    np.testing.assert_array_equal(again.nll, reference.nll)


def test_a_chunk_of_another_scan_is_computed_again(reference, tmp_path, caplog):
    scan(analysis(observed=(5.0, 5.0)), AXES, folder=tmp_path / "other", chunk=2, progress=False)
    scan(analysis(), AXES, folder=tmp_path / "s", chunk=2, progress=False)
    foreign = (tmp_path / "other" / "chunk-000000.npz").read_bytes()
    (tmp_path / "s" / "chunk-000000.npz").write_bytes(foreign)
    again = scan(analysis(), AXES, folder=tmp_path / "s", chunk=2, progress=False)
    assert "belongs to another scan" in caplog.text
    np.testing.assert_array_equal(again.nll, reference.nll)


def test_folder_of_another_scan(tmp_path):
    folder = tmp_path / "s"
    scan(analysis(), {"a": 2}, folder=folder, progress=False)
    with pytest.raises(FitError, match="holds another scan"):
        scan(analysis(), {"a": 3}, folder=folder, progress=False)
    with pytest.raises(FitError, match="holds another scan"):
        scan(analysis(), {"a": 2}, folder=folder, chunk=1, progress=False)
    other = analysis(parameters=[Parameter("source.spectrum.index", (1.0, 3.0))])
    with pytest.raises(FitError, match=r"it differs in parameters"):
        scan(other, {"a": 2}, folder=folder, progress=False)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(FitError, match=r"manifest\.json is damaged"):
        scan(analysis(), {"a": 2}, folder=folder, progress=False)
    (folder / "manifest.json").unlink()
    with pytest.raises(FitError, match="is not empty, and holds no scan"):
        scan(analysis(), {"a": 2}, folder=folder, progress=False)


def test_full_disk(reference, tmp_path, monkeypatch):
    """The error is the system's own; what was written stays, and no half file is left."""
    original = files.np.savez_compressed
    written = []

    def full(file, **arrays):
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(file)
        original(file, **arrays)

    monkeypatch.setattr(files.np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        scan(analysis(), AXES, folder=tmp_path / "s", chunk=2, progress=False)
    names = sorted(path.name for path in (tmp_path / "s").iterdir())
    assert names == ["chunk-000000.npz", "chunk-000001.npz", "manifest.json"]
    monkeypatch.setattr(files.np, "savez_compressed", original)
    again = scan(analysis(), AXES, folder=tmp_path / "s", chunk=2, progress=False)
    np.testing.assert_array_equal(again.nll, reference.nll)


def test_a_killed_worker_is_replaced(reference, tmp_path):
    """A process of two that dies of SIGKILL costs its chunk, no more; same result bit for bit."""
    mine = tmp_path / "mine"
    mine.touch()
    made = analysis(str(mine))
    found = scan(made, AXES, folder=tmp_path / "s", workers=2, chunk=2, progress=False)
    assert not mine.exists()
    np.testing.assert_array_equal(found.nll, reference.nll)


def test_functions_that_no_process_can_receive():
    tied = analysis(
        parameters=[Parameter(None, (1.0, 3.0), name="gamma")],
        ties={"source.spectrum.index": lambda p: p["gamma"]},
    )
    with pytest.raises(FitError, match=r"workers = 2: the analysis holds a function"):
        scan(tied, AXES, workers=2, chunk=2, progress=False)


@pytest.mark.parametrize(
    "options", [{"workers": 0}, {"workers": 1.5}, {"chunk": 0}, {"chunk": True}, {"nodes": 1}]
)
def test_impossible_options(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        scan(analysis(), AXES, progress=False, **options)


def test_fingerprints_tell_scans_apart():
    """The numbers, the axes, the structure and functions count; where an object lies does not."""

    def key(axes=AXES, chunk=2, **options):
        return fingerprint(grid(analysis(**options), axes, 0, 6), chunk)

    index = [Parameter(None, (1.0, 3.0), name="gamma")]
    keys = {
        key(),
        key(observed=(1.0, 2.5)),
        key({"a": 8}),
        key(chunk=3),
        key({"b": 7}),
        key(parameters=index, ties={"source.spectrum.index": lambda p: p["gamma"]}),
        key(parameters=index, ties={"source.spectrum.index": lambda p: 1.0 + p["gamma"]}),
    }
    assert len(keys) == 7
    assert key() == key()


def test_manifest_says_what_is_scanned(tmp_path):
    scan(analysis(), {"a": 2}, folder=tmp_path / "s", progress=False)
    record = json.loads((tmp_path / "s" / "manifest.json").read_text())
    assert record["about"]["data"] == ["fragile"]
    assert record["format"] == checkpoint._FORMAT
    assert "nuprop" in record["about"]["versions"]
