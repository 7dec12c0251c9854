"""`opentrail integrate`: events of GitHub, Okta, Kubernetes and of JSON lines, put into a channel.

Integrations are rows in the data folder, their secrets sealed there. Webhooks are served by the running server; what has to be fetched is
fetched by `run`, a process of its own, which may die at any time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from opentrail.cli.connection import DEFAULT_FOLDER, AsJson, DataDir, EndpointUrl, Region, connect
from opentrail.cli.failures import CallFailed
from opentrail.cli.integrations import Running, SetUp, lines_put, put_by, stopping
from opentrail.cli.tables import show
from opentrail.clock import SystemClock, iso_seconds
from opentrail.errors import OpenTrailError
from opentrail.lake.integrations import feeds
from opentrail.lake.integrations.integration import KINDS
from opentrail.lake.integrations.mapping import read

integrate = typer.Typer(no_args_is_help=True, help="Take events of other programs into a channel.", rich_markup_mode=None)

Channel = Annotated[str | None, typer.Option(help="ARN or id of the channel; the default channel where none is named.")]


@integrate.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it; for a webhook, the end of its URL.")],
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")],
    url: Annotated[str | None, typer.Option(help="Where to fetch: https://api.github.com/orgs/ORG or https://ORG.okta.com.")] = None,
    secret_file: Annotated[
        Path | None, typer.Option(help="The file with the token or secret, - for standard input; asked for where none is named.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Fetch events from this time on (2026-01-05T00:00:00Z); from now on otherwise.")] = None,
    channel: Channel = None,
    data_dir: DataDir = DEFAULT_FOLDER,
    region: Region = None,
) -> None:
    """Set an integration up. Its token or secret is kept sealed in the data folder."""
    with SetUp(data_dir, region) as ground:
        arn = ground.channel_arn(channel)
        begin = ground.since(since) if since is not None else None
        now = SystemClock().time()
        settings = {} if url is None else {"url": url}
        try:
            ground.integrations.add(
                name=name,
                kind=kind,
                channel_arn=arn,
                settings=settings,
                secret=_secret(secret_file),
                at=now,
                cursor=feeds.start(kind, now, begin),
            )
        except OpenTrailError as error:
            raise CallFailed(str(error)) from error
        if KINDS[kind].is_webhook:
            print(f"{name} is there: have its events sent to {ground.webhook(name)}.")
        else:
            print(f"{name} is there. Fetch its events with: opentrail integrate run {name}")


@integrate.command("list")
def list_(data_dir: DataDir = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Show the integrations, how many events came of each, and what ails them."""
    with SetUp(data_dir, None) as ground:
        rows = [
            {
                "name": one.name,
                "kind": one.kind.name,
                "channel": one.channel_arn,
                "from": one.settings.get("url") or ground.webhook(one.name),
                "taken": one.taken,
                "refused": one.refused,
                "seen": iso_seconds(one.seen_at) if one.seen_at is not None else None,
                "trouble": one.trouble,
            }
            for one in ground.integrations.all()
        ]
    if as_json:
        print(json.dumps(rows))
    else:
        shown = ("name", "kind", "from", "taken", "refused", "seen", "trouble")
        show([name.upper() for name in shown], [[str(row[name] if row[name] is not None else "") for name in shown] for row in rows])


@integrate.command()
def remove(name: Annotated[str, typer.Argument(help="The integration.")], data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """Forget an integration and its secret. Events that came stay."""
    with SetUp(data_dir, None) as ground:
        try:
            ground.integrations.remove(name)
        except OpenTrailError as error:
            raise CallFailed(str(error)) from error


@integrate.command()
def run(
    names: Annotated[list[str] | None, typer.Argument(help="The integrations to fetch; all that have to be fetched otherwise.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when everything that is there now has been fetched.")] = False,
    every: Annotated[float, typer.Option(min=1.0, help="Seconds between two looks for new events.")] = 60.0,
    data_dir: DataDir = DEFAULT_FOLDER,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
) -> None:
    """Fetch events and put them into their channels, until it is stopped."""
    connection = connect(data_dir, endpoint_url, region)
    with SetUp(data_dir, region) as ground:
        running = Running(
            ground.integrations, connection, every=every, once=once, tell=lambda text: print(text, file=sys.stderr, flush=True)
        )
        with stopping(running.stop):
            well = running.run(names or [])
    if not well:
        raise CallFailed("Not all events could be fetched: `opentrail integrate list` shows why.")


@integrate.command("json")
def json_(
    file: Annotated[Path, typer.Argument(help="A file with one JSON object in each line; - for standard input.")],
    mapping: Annotated[Path, typer.Option("--map", help="The TOML file that says what is what (how-to: integrations).")],
    channel: Channel = None,
    data_dir: DataDir = DEFAULT_FOLDER,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
) -> None:
    """Put each line of a file into a channel. Done again, it puts only what is not there yet."""
    connection = connect(data_dir, endpoint_url, region)
    try:
        mapped = read(mapping.read_text())
    except OSError as error:
        raise CallFailed(f"{mapping} cannot be read: {error.strerror}.") from error
    except OpenTrailError as error:
        raise CallFailed(f"{mapping}: {error}") from error
    with SetUp(data_dir, region, connection=connection) as ground:
        try:
            lines = sys.stdin.buffer if str(file) == "-" else file.open("rb")
        except OSError as error:
            raise CallFailed(f"{file} cannot be read: {error.strerror}.") from error
        with lines:
            told = lines_put(lines, mapped, ground.channel_arn(channel), put_by(connection))
    for number, why in told.wrong[:20]:
        print(f"line {number}: {why}", file=sys.stderr)
    print(f"{told.taken} events are in the channel, {len(told.wrong)} lines are not.")
    if told.wrong:
        raise typer.Exit(1)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _secret(file: Path | None) -> str:
    if file is None:
        return str(typer.prompt("Token or secret", hide_input=True)).strip()
    try:
        return (sys.stdin.read() if str(file) == "-" else file.read_text()).strip()
    except OSError as error:
        raise CallFailed(f"{file} cannot be read: {error.strerror}.") from error
