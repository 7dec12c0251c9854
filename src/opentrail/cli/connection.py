"""The options that several verbs have, and what stands behind them (`reach`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opentrail.cli.failures import CallFailed, NotSetUp
from opentrail.cli.reach import DEFAULT_FOLDER, Connection, connect, failure, root_key

__all__ = [
    "DEFAULT_FOLDER",
    "AsJson",
    "CallFailed",
    "Connection",
    "DataDir",
    "EndpointUrl",
    "NotSetUp",
    "Region",
    "connect",
    "failure",
    "root_key",
]

DataDir = Annotated[Path, typer.Option("--data-dir", help="The data folder.", envvar="OPENTRAIL_DATA_DIR")]
EndpointUrl = Annotated[str | None, typer.Option("--endpoint-url", help="Where OpenTrail listens; the data folder tells otherwise.")]
Region = Annotated[str | None, typer.Option("--region", help="The Region to ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
