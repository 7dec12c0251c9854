"""Where subscription filters deliver to: Lambda, Kinesis and Firehose behind `--upstream` (`monitoring.neighbours.Functions`).

The role of a filter to a stream is judged as it stands at each delivery: CloudWatch Logs must be let in by its trust policy (user guide,
"Log group-level subscription filters", which names the service with and without its Region), and it must be allowed to put records.
"""

from __future__ import annotations

import base64
import json
import threading
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.identity.service_roles import NotAllowed, NotAssumable, RoleSession, ServiceRoles
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
LOGS: Final = "logs.amazonaws.com"
SESSION: Final = "CloudWatchLogs"
"""Name of the session in which the role is used."""


class SubscriptionDestinations:
    """Thread-safe. A client is made for each service and Region when it is first needed."""

    def __init__(self, upstreams: Upstreams, identities: Identities, clock: Clock) -> None:
        self._upstreams = upstreams
        self._identities = identities
        self._clock = clock
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def deliver(self, *, destination_arn: str, payload: bytes, partition_key: str, role_arn: str | None, source_arn: str) -> None:
        """As `monitoring.neighbours.Functions` says. The upstream itself sees the credentials that OpenTrail has there."""
        to = destination(destination_arn)
        client = self._client(to)
        if role_arn is not None:
            self._judge(to, destination_arn, role_arn, source_arn)
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

    def _judge(self, to: Destination, destination_arn: str, role_arn: str, source_arn: str) -> None:
        """Raises `InvalidParameterException`."""
        try:
            role = self._assumed(to, role_arn, source_arn)
        except NotAssumable as error:
            raise InvalidParameterException(f"CloudWatch Logs cannot assume the role {role_arn}: check its trust relationships.") from error
        try:
            role.judge(f"{to.service}:PutRecord", destination_arn, region=to.region, account_id=to.account_id)
        except NotAllowed as error:
            raise InvalidParameterException(str(error)) from error

    def _assumed(self, to: Destination, role_arn: str, source_arn: str) -> RoleSession:
        services = (LOGS, f"logs.{to.region}.amazonaws.com")
        of_all, of_region = (ServiceRoles(self._identities, self._clock, service=one, session_name=SESSION) for one in services)
        try:
            return of_all.assume(role_arn, to.account_id, source_arn=source_arn)
        except NotAssumable:
            return of_region.assume(role_arn, to.account_id, source_arn=source_arn)

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
