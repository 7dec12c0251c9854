"""The command line of typer: every verb, each imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import typer

from opentrail import __version__

VERBS = (
    "serve",
    "env",
    "account",
    "bucket",
    "integrate",
    "watch",
    "status",
    "lookup",
    "tail",
    "sample",
    "import",
    "sql",
    "validate",
    "settings",
)
"""Each is a function, or a group of commands, of the same name in the module of the same name; `validate` reads its own command line."""
HOMES = {"import": ("imports", "import_files")}
"""Module and function of a verb that cannot be a name in Python."""


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
        if verb == "validate":
            app.command(verb, add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(_validate)
            continue
        module, name = HOMES.get(verb, (verb, verb))
        found = getattr(importlib.import_module(f"opentrail.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=verb)
        else:
            app.command(verb)(found)
    return app


def main(words: Sequence[str]) -> None:
    """Run the command line `words`."""
    asked = next((word for word in words if not word.startswith("-")), None)
    command([asked] if asked in VERBS else VERBS)(list(words))


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def _root(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and stop.")) -> None:
    """OpenTrail: AWS CloudTrail that you run yourself."""


def _validate(context: typer.Context) -> None:
    """Check every digest and log file of a trail. Exit code 0: all valid; 1: something is not."""
    importlib.import_module("opentrail.cli.validate").main(context.args)
