"""`opentrail sql`: questions in SQL to event data stores, one at a time or at a prompt."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from opentrail.cli import formats, prompt
from opentrail.cli.calls import Caller
from opentrail.cli.connection import DEFAULT_FOLDER, DataDir, EndpointUrl, Region
from opentrail.cli.failures import CallFailed
from opentrail.cli.question import ask, chosen, filled, stores, summary
from opentrail.cli.reach import connect
from opentrail.cli.screen import Patience, pointed
from opentrail.errors import SettingError


def sql(
    statement: Annotated[
        str | None, typer.Argument(metavar="[STATEMENT]", help="One SELECT, or - for standard input; left out: a prompt.")
    ] = None,
    store: Annotated[str | None, typer.Option("--store", help="The event data store that $EDS_ID stands for: name, ID or ARN.")] = None,
    wanted: Annotated[str, typer.Option("--format", help=f"One of {', '.join(formats.FORMATS)}.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", help="Write the rows to this file.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Account that owns the event data stores, where another one does.")] = None,
    data_dir: DataDir = DEFAULT_FOLDER,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
) -> None:
    """Ask event data stores in Trino's SQL.

    A statement names stores by their ID (FROM 1b2c3d4e-...), or writes $EDS_ID for the one that --store names; it can be left out
    where there is only one. Time and bytes scanned are told on standard error.
    """
    if wanted not in formats.FORMATS:
        raise SettingError(f"--format {wanted}: use one of {', '.join(formats.FORMATS)}.")
    if wanted == "parquet" and output is None:
        raise SettingError("Parquet goes into a file: name it with --output.")
    connection = connect(data_dir, endpoint_url, region)
    caller = Caller(connection)
    try:

        def id_of_store() -> str:
            return chosen(store, stores(caller, connection.region))

        def answer(text: str, form: str, file: Path | None) -> None:
            began = time.monotonic()
            asked = filled(text, id_of_store)
            patience = Patience()
            try:
                with patience.watching():
                    reply = ask(caller, connection.region, asked, owner=owner, pause=patience.pause)
            except CallFailed as failed:
                raise CallFailed(pointed(str(failed), asked)) from failed
            formats.write(reply, form, file)
            sys.stdout.flush()
            for line in (reply.note, summary(reply, time.monotonic() - began)):
                if line:
                    print(line, file=sys.stderr)

        if statement is None and sys.stdin.isatty():
            prompt.run(answer, lambda: stores(caller, connection.region), form=wanted, file=output)
            return
        answer(sys.stdin.read() if statement in (None, "-") else statement or "", wanted, output)
    except KeyboardInterrupt:
        print("The query is cancelled.", file=sys.stderr)
        raise typer.Exit(130) from None
    finally:
        caller.close()
