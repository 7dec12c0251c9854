"""How a verb reaches a running OpenTrail: the endpoint, and whose keys sign its calls.

First what the caller says: `--endpoint-url`, then the data folder that is named with `--data-dir` (it holds the address), then
`AWS_ENDPOINT_URL`; last the usual data folder.
Keys: the usual AWS chain (environment, profile), else the root key of the data folder. Imports neither typer nor botocore.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentrail.cli.failures import CallFailed, NotSetUp
from opentrail.server.folder import DataFolder

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

DEFAULT_FOLDER = Path("opentrail-data")


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs a call."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Endpoint, Region and keys of one verb."""

    endpoint: str
    region: str
    access_key_id: str | None
    secret_access_key: str | None
    ca_bundle: str | None = None
    """The certificate to trust, when the server's is its own authority; `AWS_CA_BUNDLE` goes before it."""

    def client(self, service: str, region: str | None = None) -> Any:
        """A botocore client of `service`; `region` other than the connection's where given."""
        return _chain().client(
            service,
            region=region or self.region,
            endpoint=self.endpoint,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
            ca_bundle=None if os.environ.get("AWS_CA_BUNDLE") else self.ca_bundle,
        )

    def keys(self) -> Callable[[], Keys]:
        """The keys as they are at each moment. Raises `CallFailed` when there are none.

        Those in the environment are taken from there; botocore, whose import takes a while, is asked only for others.
        """
        key, secret, token = self.access_key_id, self.secret_access_key, None
        if key is None:
            environment = os.environ
            key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
            token = environment.get("AWS_SESSION_TOKEN") or environment.get("AWS_SECURITY_TOKEN") or None
        if key and secret:
            keys = Keys(key, secret, token)
            return lambda: keys
        found = _chain().credentials()

        def current() -> Keys:
            frozen = found.get_frozen_credentials()
            return Keys(frozen.access_key, frozen.secret_key, frozen.token)

        return current


def _chain() -> Any:
    """botocore, when it is needed."""
    return importlib.import_module("opentrail.cli.chain")


def root_key(folder: DataFolder, account_id: str | None = None) -> dict[str, str]:
    """The root access key that the first start made, or that of another account; raises `NotSetUp`."""
    try:
        found = json.loads((folder.keys / "root.json").read_text())
        if account_id not in (None, found.get("account_id")):
            found = json.loads((folder.keys / f"root-{account_id}.json").read_text())
    except (OSError, ValueError) as error:
        if account_id is not None and (folder.keys / "root.json").exists():
            raise NotSetUp(
                f"There is no root key of account {account_id} in {folder.root}: `opentrail account list` shows them."
            ) from error
        raise NotSetUp(
            f"There is no root key in {folder.root}: start OpenTrail there first (`opentrail serve`), or name --data-dir."
        ) from error
    return {str(key): str(value) for key, value in found.items()}


def connect(data_dir: Path, endpoint_url: str | None, region: str | None) -> Connection:
    """Find out where and as whom to call. Raises `NotSetUp` when nothing tells."""
    folder = DataFolder(data_dir)
    address = folder.read_address()
    told, found_there = os.environ.get("AWS_ENDPOINT_URL"), address.get("endpoint")
    # A folder that is named is meant; the usual one only stands in where the environment says nothing.
    endpoint = endpoint_url or (told or found_there if data_dir == DEFAULT_FOLDER else found_there)
    if endpoint is None:
        raise NotSetUp(f"No server has run in {data_dir}: start one (`opentrail serve`), or name --endpoint-url or --data-dir.")
    where = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or address.get("region") or "us-east-1"
    key: str | None = None
    secret: str | None = None
    if "AWS_ACCESS_KEY_ID" not in os.environ and "AWS_PROFILE" not in os.environ and (folder.keys / "root.json").exists():
        found = root_key(folder)
        key, secret = found["access_key_id"], found["secret_access_key"]
    ca_bundle = address.get("ca_bundle") if endpoint == found_there else None
    return Connection(endpoint=endpoint, region=where, access_key_id=key, secret_access_key=secret, ca_bundle=ca_bundle)


def failure(error: BotoCoreError | ClientError) -> CallFailed:
    """A client's exception as one line for a person."""
    return CallFailed(str(error))
