"""The files of a survey: table, figure, and a profile for each case."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from nuprop.errors import DatasetError
from nuprop.inference import Profile
from nuprop.inference.grid import Grid, about
from nuprop.survey.cases import Survey


def save(result: Survey, folder: str | Path) -> list[Path]:
    """Write the table as ECSV and Markdown, the figure, and every profile as .npz."""
    from nuprop.plot import plot_exclusions

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = result.cases[0].relics
    written = [folder / f"survey-{state}.{suffix}" for suffix in ("ecsv", "md", "png")]
    result.table().write(written[0], format="ascii.ecsv", overwrite=True)
    written[1].write_text(result.markdown() + "\n", encoding="utf-8")
    panels: dict[tuple[str, str], dict[tuple[str, str], Profile]] = {}
    for (name, evolution, ordering, lightest), profile in result.profiles.items():
        panel = panels.setdefault((evolution, f"lightest {lightest}"), {})
        panel[name, f"{ordering} ordering"] = profile
    motion = "Relics at rest." if state == "cold" else "Relics in thermal motion."
    plot_exclusions(panels, written[2], note=motion)
    for key, profile in result.profiles.items():
        written.append(profile.save(profile_path(folder, state, key)))
    return written


def profile_path(folder: str | Path, state: str, key: tuple[str, str, str, str]) -> Path:
    """Where the profile of a case is kept."""
    stem = "-".join(part.replace(" ", "") for part in key)
    return Path(folder) / f"survey-{state}" / f"{stem}.npz"


def kept(path: Path, made: Grid) -> Profile | None:
    """Read the profile of a case, if it is there, whole, and of this very grid."""
    try:
        profile = Profile.load(path)
    except (FileNotFoundError, DatasetError):
        return None
    wanted = json.loads(json.dumps(about(made.analysis)))
    same = all(profile.about.get(key) == value for key, value in wanted.items())
    axes = profile.names == tuple(made.axes) and all(
        np.array_equal(profile.axes[name], axis) for name, axis in made.axes.items()
    )
    return profile if same and axes and "best" in profile.about else None
