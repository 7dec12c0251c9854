"""How a verb reaches a running OpenTrail: the endpoint, and whose keys sign its calls.

First what the caller says (`--endpoint-url`, `AWS_ENDPOINT_URL`), then what the server wrote into the data folder.
Keys: the usual AWS chain (environment, profile), else the root key of the data folder.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import botocore.session
import typer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from opentrail.errors import OpenTrailError
from opentrail.server.folder import DataFolder

DEFAULT_FOLDER = Path("opentrail-data")

DataDir = Annotated[Path, typer.Option("--data-dir", help="The data folder.", envvar="OPENTRAIL_DATA_DIR")]
EndpointUrl = Annotated[str | None, typer.Option("--endpoint-url", help="Where OpenTrail listens; the data folder tells otherwise.")]
Region = Annotated[str | None, typer.Option("--region", help="The Region to ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


class NotSetUp(OpenTrailError):
    """No OpenTrail has been started in this data folder yet; start it with `opentrail serve`."""


class CallFailed(OpenTrailError):
    """OpenTrail refused the call."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Endpoint, Region and keys of one verb."""

    endpoint: str
    region: str
    access_key_id: str | None
    secret_access_key: str | None

    def client(self, service: str, region: str | None = None) -> Any:
        """A botocore client of `service`; `region` other than the connection's where given."""
        session = botocore.session.get_session()
        return session.create_client(
            service,
            region_name=region or self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(max_pool_connections=64, retries={"total_max_attempts": 2}, user_agent_extra="opentrail-cli"),
        )


def root_key(folder: DataFolder) -> dict[str, str]:
    """The root access key that the first start made; raises `NotSetUp`."""
    try:
        found = json.loads((folder.keys / "root.json").read_text())
    except (OSError, ValueError) as error:
        raise NotSetUp(
            f"There is no root key in {folder.root}: start OpenTrail there first (`opentrail serve`), or name --data-dir."
        ) from error
    return {str(key): str(value) for key, value in found.items()}


def connect(data_dir: Path, endpoint_url: str | None, region: str | None) -> Connection:
    """Find out where and as whom to call. Raises `NotSetUp` when nothing tells."""
    folder = DataFolder(data_dir)
    address = folder.read_address()
    endpoint = endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or address.get("endpoint")
    if endpoint is None:
        raise NotSetUp(f"No server has run in {data_dir}: start one (`opentrail serve`), or name --endpoint-url or --data-dir.")
    where = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or address.get("region") or "us-east-1"
    key: str | None = None
    secret: str | None = None
    if "AWS_ACCESS_KEY_ID" not in os.environ and "AWS_PROFILE" not in os.environ and (folder.keys / "root.json").exists():
        found = root_key(folder)
        key, secret = found["access_key_id"], found["secret_access_key"]
    return Connection(endpoint=endpoint, region=where, access_key_id=key, secret_access_key=secret)


def failure(error: BotoCoreError | ClientError) -> CallFailed:
    """A client's exception as one line for a person."""
    return CallFailed(str(error))
