"""The command line: `nuprop flux`, `fit`, `scan`, `survey`, `figures`, `lab`, `mediator`, listings.

Nothing but the standard library is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Iterable, Sequence

from nuprop import laboratory_cli

_BAD_INPUT = 2
_WIDTH = 110  # characters of a listing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        Exit code: 0, or 2 after one line on stderr that says what was wrong with the input.
    """
    options = _parser().parse_args(arguments)
    from nuprop.errors import NupropError

    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            options.command(options)
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (NupropError, OSError) as error:
        print(f"nuprop {options.name}: {' '.join(str(error).split())}", file=sys.stderr)
        return _BAD_INPUT
    return 0


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    print(f"nuprop: warning: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nuprop",
        description="High-energy neutrinos from their sources to Earth, "
        "through the cosmic neutrino background.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)

    flux = commands.add_parser("flux", help="compute the flux that a run file describes")
    flux.add_argument(
        "run", metavar="RUN.toml", help="a run file, or an example such as araki-2016-fig3"
    )
    flux.add_argument("--table", metavar="FILE.ecsv", help="write the flux here")
    flux.add_argument("--plot", metavar="FILE.png", help="draw the flux here (.png, .pdf, .svg)")
    flux.set_defaults(command=_flux)

    fit = commands.add_parser("fit", help="fit what a run file describes to IceCube's data")
    fit.add_argument(
        "run", metavar="RUN.toml", help="a run file, or an example such as hese-7.5yr-fit"
    )
    fit.add_argument("--output", metavar="FILE.json", help="write the best fit here")
    fit.add_argument("--plot", metavar="FILE.png", help="draw counts at the best fit here")
    fit.set_defaults(command=_fit)

    scan = commands.add_parser("scan", help="fit at every point of a grid; goes on where it was")
    scan.add_argument(
        "run", metavar="RUN.toml", help="a run file, or an example such as hese-7.5yr-scan"
    )
    scan.add_argument("--folder", metavar="DIR", help="where finished points are kept")
    scan.add_argument("--workers", metavar="N", type=int, help="processes")
    scan.add_argument("--output", metavar="FILE.npz", help="write the profile likelihood here")
    scan.add_argument("--plot", metavar="FILE.png", help="draw limits here")
    scan.set_defaults(command=_scan)

    survey = commands.add_parser(
        "survey", help="fit L_mu - L_tau to HESE of 3, 7.5 and 12 years, in 36 cases"
    )
    survey.add_argument(
        "--relics",
        metavar="STATE",
        choices=("cold", "thermal"),
        default="cold",
        help="cold (at rest, minutes) or thermal (in motion, within an hour)",
    )
    survey.add_argument("--output-dir", metavar="DIR", default=".", help="where to write files")
    survey.set_defaults(command=_survey)

    figures = commands.add_parser(
        "figures",
        help="draw Figs. 3 to 6 of Araki et al. 2016 (arXiv:1508.07471), a gallery of mediators",
    )
    figures.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="fig3, fig4, fig5, fig6, vector-scalar, narrow-broad, cold-massless; or all",
    )
    figures.add_argument("--output-dir", metavar="DIR", default=".", help="where to write them")
    figures.set_defaults(command=_figures)

    lab = commands.add_parser(
        "lab", help="the same boson in the laboratory: bounds, planes, spectra, their papers"
    )
    laboratory_cli.add_commands(lab, _print_listing)

    mediator = commands.add_parser(
        "mediator",
        help="tell of a mediator: width, peak, area of its line, other conventions; or list models",
    )
    mediator.add_argument(
        "mediator", metavar="RUN.toml or MODEL", nargs="?", help="such as scalar-universal"
    )
    mediator.add_argument(
        "settings", metavar="KEY=VALUE", nargs="*", help='of a model: mass="10 MeV" coupling=1e-3'
    )
    mediator.add_argument(
        "--nature", metavar="NATURE", help="majorana or dirac (default: as in the run file)"
    )
    mediator.set_defaults(command=_mediator)

    sources = commands.add_parser("sources", help="list source evolutions and spectra")
    sources.set_defaults(command=_sources)

    datasets = commands.add_parser("datasets", help="list IceCube's data sets, or tell of one")
    datasets.add_argument("dataset", metavar="NAME", nargs="?", help="such as hese-7.5yr")
    datasets.add_argument(
        "--kind",
        metavar="KIND",
        help="binned, events, unfolded, limit or fit, if several share NAME",
    )
    datasets.add_argument("--plot", metavar="FILE.png", help="draw NAME here (.png, .pdf, .svg)")
    datasets.set_defaults(command=_datasets)
    return parser


def _version() -> str:
    from nuprop import __version__

    return f"nuprop {__version__}"


def _flux(options: argparse.Namespace) -> None:
    from nuprop import propagate
    from nuprop.runfile import read
    from nuprop.storage import require_table_name

    run = read(options.run)
    table, plot = options.table or run.table, options.plot or run.plot
    if table:
        require_table_name(table)
    if plot:
        from nuprop.panels import require_format

        require_format(plot)
    flux = propagate(**run.arguments)
    print(flux)
    print(f"\n{flux.check()}")
    if table or plot:
        print()
    if table:
        print(f"wrote {flux.save(table)}")
    if plot:
        flux.plot(plot, **run.plot_options)
        print(f"wrote {plot}")


def _fit(options: argparse.Namespace) -> None:
    from nuprop import fit
    from nuprop.inference.record import require_record_name
    from nuprop.runfile import read_fit

    run = read_fit(options.run)
    output, plot = options.output or run.fit, options.plot or run.counts
    if output:
        require_record_name(output)
    if plot:
        from nuprop.errors import ConfigError
        from nuprop.panels import require_format

        require_format(plot)
        if not run.binned:
            raise ConfigError(f"plot = {plot!r}: there are no binned data whose counts to draw")
    result = fit(run.analysis, **run.fit_options)
    print(result)
    expected = result.expected()
    for counts in expected:
        print(f"\n{counts}")
    if output or plot:
        print()
    if output:
        print(f"wrote {result.save(output)}")
    if plot:
        expected[0].plot(plot)
        print(f"wrote {plot}")


def _scan(options: argparse.Namespace) -> None:
    from nuprop import scan
    from nuprop.errors import ConfigError
    from nuprop.inference.files import require_npz_name
    from nuprop.runfile import read_fit

    run = read_fit(options.run)
    if not run.axes:
        raise ConfigError("[scan.axes] is missing: name the parameters to step through")
    output, plot = options.output or run.profile, options.plot or run.contours
    if output:
        require_npz_name(output)
    if plot:
        from nuprop.panels import require_format

        require_format(plot)
        if len(run.axes) > 2:
            raise ConfigError(f"plot = {plot!r}: one or two axes can be drawn, not {len(run.axes)}")
    given = {"folder": options.folder, "workers": options.workers}
    chosen = {key: value for key, value in given.items() if value is not None}
    profile = scan(run.analysis, run.axes, **{**run.scan_options, **chosen})
    print(profile)
    if output or plot:
        print()
    if output:
        print(f"wrote {profile.save(output)}")
    if plot:
        profile.plot(plot)
        print(f"wrote {plot}")


def _survey(options: argparse.Namespace) -> None:
    from nuprop.survey import save, survey

    result = survey(options.relics, folder=options.output_dir)
    print(result.markdown())
    print()
    for path in save(result, options.output_dir)[:3]:
        print(f"wrote {path}")


def _figures(options: argparse.Namespace) -> None:
    from nuprop.figures import draw

    for path in draw(options.names, options.output_dir):
        print(f"wrote {path}")


def _mediator(options: argparse.Namespace) -> None:
    from nuprop.runfile.report import models, report

    if options.mediator is None:
        _print_listing(models())
        return
    print(report(options.mediator, options.settings, options.nature))


def _sources(options: argparse.Namespace) -> None:
    from nuprop.sources import available

    _print_listing(
        (
            entry.kind,
            entry.name,
            (
                entry.formula,
                entry.reference,
                *(f"takes {key}: {text}" for key, text in entry.parameters.items()),
            ),
        )
        for entry in available()
    )


def _datasets(options: argparse.Namespace) -> None:
    from nuprop.icecube.datasets import dataset, datasets

    if options.dataset is None:
        if options.plot:
            from nuprop.errors import ConfigError

            raise ConfigError(
                f"--plot {options.plot}: say which, `nuprop datasets NAME --plot ...`"
            )
        _print_listing(
            (item.kind, item.name, (item.title, item.reference)) for item in datasets(options.kind)
        )
        return
    found = dataset(options.dataset, options.kind)
    if options.plot:
        from nuprop.panels import require_format

        require_format(options.plot)
    print(found)
    if options.plot:
        found.plot(options.plot)
        print(f"\nwrote {options.plot}")


def _print_listing(entries: Iterable[tuple[str, str, Iterable[str]]]) -> None:
    """Print entries of (kind, name, texts) under a heading for each kind."""
    import textwrap

    listed = list(entries)
    margin = " " * (max((len(name) for _, name, _ in listed), default=0) + 4)
    previous = None
    for kind, name, texts in listed:
        if kind != previous:
            previous = kind
            print(f"{kind}:")
        lines = [
            line
            for text in texts
            for line in textwrap.wrap(text, _WIDTH - len(margin), break_on_hyphens=False)
        ]
        print(f"  {name}".ljust(len(margin)) + lines[0])
        for line in lines[1:]:
            print(margin + line)


if __name__ == "__main__":
    sys.exit(main())
