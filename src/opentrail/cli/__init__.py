"""The `opentrail` command: one module per verb, loaded when it is asked for (`validate` need not wait for what `serve` imports)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import typer

from opentrail import __version__
from opentrail.errors import OpenTrailError

VERBS = ("serve", "env", "status", "lookup", "tail", "validate", "settings")
"""Each is a function of the same name in the module of the same name."""


def command(verbs: Sequence[str] = VERBS) -> typer.Typer:
    """The command line with the given verbs."""
    app = typer.Typer(
        name="opentrail",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    for verb in verbs:
        app.command(verb)(getattr(importlib.import_module(f"opentrail.cli.{verb}"), verb))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def _root(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and stop.")) -> None:
    """OpenTrail: AWS CloudTrail that you run yourself."""


def main() -> None:
    """Run the command line; what a person can mend is told in one line, with exit code 2."""
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        command([asked] if asked in VERBS else VERBS)()
    except OpenTrailError as error:
        print(f"opentrail: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(141) from None
