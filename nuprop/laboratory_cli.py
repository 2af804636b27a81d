"""The commands `nuprop lab ...`: planes, tridents, photons, the gap, bounds and their papers.

Nothing but the standard library is imported before a command needs it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

Listing = Callable[[Iterable[tuple[str, str, Iterable[str]]]], None]

_SIGNS = {"both": (1, -1), "plus": (1,), "minus": (-1,)}
_QUALITIES = {
    "exact": "exact (the formula, and published data)",
    "approximate": "approximate (a formula or criterion that stands for an analysis)",
    "anchor": "anchor (numbers read off the literature)",
}


def add_commands(lab: argparse.ArgumentParser, print_listing: Listing) -> None:
    """Give `nuprop lab` its commands."""
    actions = lab.add_subparsers(dest="action", metavar="FIGURE", required=True)

    plane = actions.add_parser(
        "plane", help="bounds over (epsilon, g') at a mass, or over (M, g') without --mass"
    )
    plane.add_argument(
        "--mass", metavar="MASS", action="append", help='such as "10 MeV"; again for more figures'
    )
    plane.add_argument(
        "--sign", choices=tuple(_SIGNS), help="of epsilon, with --mass (default both)"
    )
    plane.add_argument("--epsilon", metavar="EPS", help="without --mass (default 0)")
    plane.add_argument(
        "--loop",
        action=argparse.BooleanOptionalAction,
        help="loop mixing; by default without --mass only",
    )
    plane.add_argument("--points", metavar="N", type=int, default=200, help="on each axis")
    plane.add_argument(
        "--bound",
        metavar="NAME",
        action="append",
        default=[],
        help="only these; see `nuprop lab constraints`",
    )
    plane.add_argument(
        "--moment",
        metavar="NAME",
        action="append",
        help="measurement of (g-2)_mu (default muon-g-2-2014 and muon-g-2-2025)",
    )
    plane.add_argument(
        "--dumps",
        metavar="CRITERION",
        default="events",
        help="of electron beam dumps: events or lifetime",
    )
    plane.add_argument(
        "--scan", metavar="FILE.npz", help="what `nuprop scan` wrote over mass and coupling"
    )
    _add_files(plane)
    plane.set_defaults(command=_plane)

    tridents = actions.add_parser("tridents", help="neutrino tridents over those without a boson")
    tridents.add_argument("--mass", metavar="MASS", action="append", help="(default 10 MeV)")
    tridents.add_argument("--energy", metavar="E", default="1.5 GeV", help="(default 1.5 GeV)")
    tridents.add_argument("--target", metavar="NAME", default="Fe", help="(default Fe)")
    tridents.add_argument(
        "--reaction", metavar="NAME", default="coherent", help="coherent, protons, neutrons, total"
    )
    tridents.add_argument(
        "--coupling", metavar="G", type=float, action="append", help="of curves against energy"
    )
    tridents.add_argument("--epsilon", metavar="EPS", default=0.0, help="of these curves")
    tridents.add_argument("--loop", action="store_true", help="loop mixing")
    tridents.add_argument("--points", metavar="N", type=int, default=400, help="on each axis")
    _add_files(tridents)
    tridents.set_defaults(command=_tridents)

    photons = actions.add_parser("photons", help="spectra of e+e- -> gamma + missing energy")
    photons.add_argument(
        "--mass", metavar="MASS", action="append", help="(default 10 and 100 MeV, 1 and 3 GeV)"
    )
    photons.add_argument("--coupling", metavar="G", default=1e-3, help="(default 1e-3)")
    photons.add_argument("--epsilon", metavar="EPS", default=1e-4, help="(default 1e-4)")
    photons.add_argument("--loop", action="store_true", help="loop mixing")
    photons.add_argument(
        "--collider", metavar="NAME", default="belle-ii", help="belle-ii (default) or babar"
    )
    _add_files(photons)
    photons.set_defaults(command=_photons)

    gap = actions.add_parser("gap", help="where relic neutrinos cut the gap, and (g-2)_mu")
    gap.add_argument("--lightest-mass", metavar="MASS", default="0.08 eV", help="(default 0.08 eV)")
    gap.add_argument("--ordering", choices=("normal", "inverted"), default="normal")
    gap.add_argument("--relics", choices=("thermal", "cold"), default="thermal")
    gap.add_argument(
        "--redshift", metavar="Z", type=float, action="append", help="(default 0.2 and 1)"
    )
    gap.add_argument(
        "--window", metavar="E", nargs=2, default=("400 TeV", "1 PeV"), help="energies at Earth"
    )
    gap.add_argument(
        "--evolution", metavar="NAME", default="yuksel-2008", help="of sources (see nuprop sources)"
    )
    gap.add_argument(
        "--average",
        metavar="OF",
        default="survival",
        help="-ln of the mean survival, or the mean depth: survival (default) or depth",
    )
    gap.add_argument("--moment", metavar="NAME", action="append", help="as in plane")
    _add_files(gap)
    gap.set_defaults(command=_gap)

    listing = actions.add_parser("constraints", help="list every bound: level, quality, papers")
    listing.set_defaults(command=lambda options: _constraints(print_listing))

    cite = actions.add_parser("cite", help="BibTeX of the papers behind bounds")
    cite.add_argument("names", metavar="NAME", nargs="*", help="bounds; all if none is named")
    cite.set_defaults(command=_cite)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output-dir", metavar="DIR", default=".", help="where to write figures")
    parser.add_argument("--format", metavar="SUFFIX", default="png", help="png, pdf, svg")


def _files(options: argparse.Namespace) -> dict[str, Any]:
    return {"folder": options.output_dir, "suffix": options.format}


def _given(**options: Any) -> dict[str, Any]:
    """Options that the user gave."""
    return {name: value for name, value in options.items() if value is not None}


def _plane(options: argparse.Namespace) -> None:
    from nuprop.errors import ConfigError
    from nuprop.laboratory_figures import draw_mass_plane, draw_mixing_plane

    shared = {
        "points": options.points,
        "bounds": options.bound,
        "dumps": options.dumps,
        **_given(loop_mixing=options.loop, moments=options.moment),
        **_files(options),
    }
    if options.mass is None:
        if options.sign is not None:
            raise ConfigError("--sign: that of --epsilon is drawn; with --mass both are")
        path = draw_mass_plane(
            scan=options.scan, **_given(kinetic_mixing=_number(options.epsilon)), **shared
        )
        print(f"wrote {path}")
        return
    for name in ("scan", "epsilon"):
        if getattr(options, name) is not None:
            raise ConfigError(f"--{name}: it belongs to the plane of (M, g'), without --mass")
    for mass in options.mass:
        signs = _SIGNS[options.sign or "both"]
        print(f"wrote {draw_mixing_plane(mass, signs=signs, **shared)}", flush=True)


def _tridents(options: argparse.Namespace) -> None:
    from nuprop.laboratory_figures import draw_tridents

    for mass in options.mass or ["10 MeV"]:
        paths = draw_tridents(
            mass,
            energy=options.energy,
            target=options.target,
            reaction=options.reaction,
            kinetic_mixing=_number(options.epsilon),
            loop_mixing=options.loop,
            points=options.points,
            **_given(couplings=options.coupling),
            **_files(options),
        )
        for path in paths:
            print(f"wrote {path}", flush=True)


def _photons(options: argparse.Namespace) -> None:
    from nuprop.laboratory_figures import draw_photons

    path = draw_photons(
        coupling=_number(options.coupling),
        kinetic_mixing=_number(options.epsilon),
        loop_mixing=options.loop,
        collider=options.collider,
        **_given(masses=options.mass),
        **_files(options),
    )
    print(f"wrote {path}")


def _gap(options: argparse.Namespace) -> None:
    from nuprop.laboratory_figures import draw_gap

    path = draw_gap(
        lightest_mass=options.lightest_mass,
        ordering=options.ordering,
        thermal=options.relics == "thermal",
        window=tuple(options.window),
        evolution=options.evolution,
        average=options.average,
        **_given(redshifts=options.redshift, moments=options.moment),
        **_files(options),
    )
    print(f"wrote {path}")


def _constraints(print_listing: Listing) -> None:
    from nuprop.citation import short
    from nuprop.laboratory import constraints
    from nuprop.laboratory_figures.words import without_mathtext

    known = constraints().values()
    print_listing(
        (
            heading,
            bound.name,
            (
                f"{without_mathtext(bound.title)}: {bound.level}",
                "; ".join(short(key) for key in bound.references),
            ),
        )
        for quality, heading in _QUALITIES.items()
        for bound in known
        if bound.quality == quality
    )


def _cite(options: argparse.Namespace) -> None:
    from nuprop.citation import bibtex
    from nuprop.laboratory import constraints, find_constraint

    found = [find_constraint(name) for name in options.names] or list(constraints().values())
    print(bibtex(dict.fromkeys(key for bound in found for key in bound.references)))


def _number(text: Any) -> Any:
    """Turn what was typed into a number; what is none is left for the error message."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return text
