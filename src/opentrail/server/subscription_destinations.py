"""Where subscription filters deliver to: Lambda, Kinesis and Firehose behind `--upstream` (`monitoring.neighbours.Functions`)."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.filters.destinations import Destination, destination
from opentrail.monitoring.neighbours import Throttled, TooLarge
from opentrail.proxy import Upstreams

CONNECT_TIMEOUT: Final = 5.0
READ_TIMEOUT: Final = 20.0
_THROTTLED: Final = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes by which a destination asks for patience; status 429 says the same."""
_TOO_LARGE: Final = "RequestEntityTooLargeException"


class SubscriptionDestinations:
    """Thread-safe. A client is made for each service and Region when it is first needed."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def deliver(self, *, destination_arn: str, payload: bytes, partition_key: str, role_arn: str | None, source_arn: str) -> None:
        """As `monitoring.neighbours.Functions` says. What the upstream lets in is its own affair: role and source are not sent."""
        to = destination(destination_arn)
        client = self._client(to)
        try:
            match to.service:
                case "lambda":
                    data = json.dumps({"awslogs": {"data": base64.b64encode(payload).decode()}}).encode()
                    client.invoke(FunctionName=destination_arn, InvocationType="Event", Payload=data)
                case "kinesis":
                    client.put_record(StreamARN=destination_arn, Data=payload, PartitionKey=partition_key)
                case _:
                    client.put_record(DeliveryStreamName=to.name, Record={"Data": payload})
        except ClientError as error:
            code, status = error.response["Error"].get("Code", ""), error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
            if code in _THROTTLED or status == 429:
                raise Throttled(f"{to.service} answered with {code}") from error
            if status >= 500:
                raise OSError(f"{to.service} answered with {code}") from error
            if code == _TOO_LARGE or status == 413:
                raise TooLarge(f"{to.service} answered with {code}") from error
            raise InvalidParameterException(f"{to.service} answered with {code} to the delivery to {destination_arn}.") from error
        except BotoCoreError as error:
            raise OSError(f"{type(error).__name__} at the upstream of {to.service}") from error

    def _client(self, to: Destination) -> Any:
        upstream = self._upstreams.find(to.service, to.service)
        if upstream is None:
            raise InvalidParameterException(
                f"Log events cannot be delivered to {to.service}: OpenTrail knows no endpoint of it. "
                f"Start it with --upstream {to.service}=URL."
            )
        with self._lock:
            found = self._clients.get((to.service, to.region))
            if found is None:
                keys = upstream.credentials
                found = self._clients[to.service, to.region] = Session().create_client(
                    to.service,
                    region_name=to.region,
                    endpoint_url=upstream.url,
                    # Whoever takes requests as they come asks for some signature, and not for whose.
                    aws_access_key_id=keys.access_key_id if keys else "opentrail",
                    aws_secret_access_key=keys.secret_access_key if keys else "opentrail",
                    config=Config(
                        connect_timeout=CONNECT_TIMEOUT,
                        read_timeout=READ_TIMEOUT,
                        retries={"total_max_attempts": 1},  # trying again, and when, is the deliverer's business
                    ),
                )
        return found
