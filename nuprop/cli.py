"""The command line: `nuprop flux`, `nuprop figures`, `nuprop sources`, `nuprop datasets`.

Nothing but the standard library is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Iterable, Sequence

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

    figures = commands.add_parser(
        "figures", help="draw Figs. 3 to 6 of Araki et al. 2016 (arXiv:1508.07471)"
    )
    figures.add_argument("names", metavar="NAME", nargs="*", help="fig3, fig4, fig5, fig6; or all")
    figures.add_argument("--output-dir", metavar="DIR", default=".", help="where to write them")
    figures.set_defaults(command=_figures)

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


def _figures(options: argparse.Namespace) -> None:
    from nuprop.figures import draw

    for path in draw(options.names, options.output_dir):
        print(f"wrote {path}")


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
