"""`opentrail env`: export lines that point AWS clients at this OpenTrail."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from opentrail.cli.connection import DEFAULT_FOLDER, DataDir, NotSetUp, root_key
from opentrail.server.folder import DataFolder


def env(
    data_dir: DataDir = DEFAULT_FOLDER,
    account_id: Annotated[str | None, typer.Option("--account-id", help="Whose root key; the default account's otherwise.")] = None,
) -> None:
    """Print export lines for a shell: eval "$(opentrail env)"."""
    folder = DataFolder(data_dir)
    key = root_key(folder, account_id)
    address = folder.read_address()
    if "endpoint" not in address:
        raise NotSetUp
    lines = [
        ("AWS_ENDPOINT_URL", address["endpoint"]),
        ("AWS_ACCESS_KEY_ID", key["access_key_id"]),
        ("AWS_SECRET_ACCESS_KEY", key["secret_access_key"]),
        ("AWS_DEFAULT_REGION", address["region"]),
    ]
    if "ca_bundle" in address:
        lines.append(("AWS_CA_BUNDLE", address["ca_bundle"]))
    for name, value in lines:
        print(f"export {name}={shlex.quote(value)}")
    print("unset AWS_SESSION_TOKEN AWS_PROFILE")
