"""`opentrail account`: the accounts of a data folder. Works on the folder itself; a server that runs on it sees a new account at once."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from opentrail.cli.connection import DEFAULT_FOLDER, AsJson, DataDir, root_key
from opentrail.cli.failures import CallFailed
from opentrail.cli.tables import show
from opentrail.clock import SystemClock, iso_seconds
from opentrail.identity import Identities
from opentrail.server.folder import DataFolder
from opentrail.storage.database import Database

MAX_NAME = 50
"""Characters of an account's name."""

account = typer.Typer(no_args_is_help=True, help="Make and list accounts.", rich_markup_mode=None)


@account.command()
def create(
    account_id: Annotated[str | None, typer.Option("--account-id", help="Twelve digits; made up where none are given.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    data_dir: DataDir = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Make an account with a root access key, which is kept in the data folder (keys/root-<id>.json)."""
    if account_id is not None and not re.fullmatch(r"[0-9]{12}", account_id):
        raise CallFailed(f"{account_id} is no account id: it must have twelve digits.")
    if name is not None and not (0 < len(name) <= MAX_NAME and name.isprintable()):
        raise CallFailed(f"The name of an account has 1 to {MAX_NAME} printable characters.")
    with _identities(data_dir) as identities:
        taken = set(identities.accounts.ids())
        chosen = account_id or _unused(taken)
        if chosen in taken and identities.root_file(chosen).exists():
            raise CallFailed(f"There is an account {chosen} already.")
        key = identities.ensure_root(chosen, name)
        file = identities.root_file(chosen)
    if as_json:
        print(json.dumps({"account_id": chosen, "name": name, "access_key_id": key.access_key_id, "root_key_file": str(file)}))
        return
    option = "" if data_dir == DEFAULT_FOLDER else f" --data-dir {data_dir}"
    print(f"Account {chosen} is there. Its root access key is {key.access_key_id}; the secret is in {file}.")
    print(f'  eval "$(opentrail env --account-id {chosen}{option})"')


@account.command("list")
def list_(data_dir: DataDir = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Show the accounts of the data folder."""
    with _identities(data_dir) as identities:
        rows = [
            {"account_id": one.account_id, "name": one.name, "alias": one.alias, "created": iso_seconds(one.created.timestamp())}
            for one in identities.accounts.list()
        ]
    if as_json:
        print(json.dumps(rows))
    else:
        show(("ACCOUNT", "NAME", "ALIAS", "CREATED"), [[row[key] or "" for key in row] for row in rows])


@contextmanager
def _identities(data_dir: DataDir) -> Iterator[Identities]:
    """The identities of a folder in which OpenTrail has been started. Raises `NotSetUp`."""
    folder = DataFolder(data_dir)
    default = root_key(folder)["account_id"]
    database = Database.at(folder.state)
    try:
        yield Identities(database, folder.keys, SystemClock(), account_id=default)
    finally:
        database.close()


def _unused(taken: set[str]) -> str:
    while True:
        found = f"{secrets.randbelow(9 * 10**11) + 10**11}"
        if found not in taken:
            return found
