"""Lambda functions behind the upstream (`--upstream lambda=URL`), called with the credentials of its URL or those of the environment."""

from __future__ import annotations

import threading
from typing import Any, Final

import botocore.exceptions as trouble
from botocore.config import Config
from botocore.session import Session

from opentrail.proxy import Upstream
from opentrail.wire.faults import fault

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 15.0
"""Seconds; a call that takes longer is made again."""
MOST_CONNECTIONS: Final = 16


class UpstreamFunctions:
    """See `rules.neighbours.Functions`. Thread-safe."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def invoke(self, *, function_arn: str, payload: bytes, source_arn: str) -> None:
        """As `Functions.invoke`."""
        try:
            client = self._client(function_arn.split(":")[3])
            client.invoke(FunctionName=function_arn, InvocationType="Event", Payload=payload)
        except trouble.ClientError as error:
            said = error.response.get("Error", {})
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
            code = str(said.get("Code") or status)
            raise fault(code, str(said.get("Message") or "The upstream refused."), status=status, sender=status < 500) from error
        except trouble.ReadTimeoutError as error:
            raise TimeoutError(f"{self._upstream.url} did not answer in time") from error
        except trouble.BotoCoreError as error:
            raise OSError(f"{self._upstream.url} does not answer ({type(error).__name__})") from error

    def _client(self, region: str) -> Any:
        with self._lock:
            if region not in self._clients:
                config = Config(
                    connect_timeout=CONNECT_TIMEOUT,
                    read_timeout=READ_TIMEOUT,
                    max_pool_connections=MOST_CONNECTIONS,
                    retries={"total_max_attempts": 1},  # trying again, and when, is the dispatcher's business
                )
                keys = self._upstream.credentials
                given: dict[str, Any] = {}
                if keys is not None:
                    given = {"aws_access_key_id": keys.access_key_id, "aws_secret_access_key": keys.secret_access_key}
                self._clients[region] = Session().create_client(
                    "lambda", region_name=region, endpoint_url=self._upstream.url, config=config, **given
                )
            return self._clients[region]
