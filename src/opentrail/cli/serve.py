"""`opentrail serve`: run OpenTrail."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from opentrail.cli.connection import DEFAULT_FOLDER, DataDir
from opentrail.clock import SystemClock
from opentrail.config import load
from opentrail.identity.issuers import read_given
from opentrail.proxy import Upstreams
from opentrail.server.folder import DataFolder
from opentrail.server.supervisor import Supervisor
from opentrail.trails.directory_buckets import read_directories
from opentrail.wire.models import Catalogue


def serve(
    data_dir: DataDir = DEFAULT_FOLDER,
    listen: Annotated[
        list[str],
        typer.Option(
            help="HOST:PORT to listen on; port 0 takes a free one. May be repeated, and begin with http:// or https:// "
            "(see front.tls_certificate)."
        ),
    ] = ["127.0.0.1:4747"],  # noqa: B006 - read only, and shown in the help
    vpc_endpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="vpce-ID@HOST:PORT[,account=ACCOUNT][,policy=FILE]",
            help="Listen for calls that come through a VPC endpoint; may be repeated.",
        ),
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Send services that OpenTrail does not serve to a moto server of our own.")
    ] = False,
    upstream: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE=URL", help="Send SERVICE to an AWS-compatible endpoint; may be repeated.")
    ] = None,
    assign: Annotated[
        list[str] | None, typer.Option("--set", metavar="section.key=value", help="A setting (see `opentrail settings`); may be repeated.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings.")] = None,
) -> None:
    """Run OpenTrail until it is told to stop."""
    assignments = [*(assign or ()), *(["sandbox.enabled=true"] if sandbox else ())]
    settings = load(assignments=assignments, environment=os.environ, file=config)
    known = {name for listing in Catalogue().listings.values() for name in (listing.name, listing.signing_name)}
    Upstreams.parse(upstream or (), known=known)  # what is wrong with one is said here, before anything starts
    read_directories(settings.trails.directories)
    if settings.identity.issuer_keys:
        read_given(Path(settings.identity.issuer_keys))
    supervisor = Supervisor(
        folder=DataFolder(data_dir.absolute()),
        listen=listen,
        vpc_endpoints=tuple(vpc_endpoint or ()),
        settings=settings,
        clock=SystemClock(),
        upstreams=tuple(upstream or ()),
        say=lambda line: print(line, flush=True),
    )
    raise typer.Exit(supervisor.run())
