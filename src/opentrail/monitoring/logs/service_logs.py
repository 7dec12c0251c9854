"""How an AWS service puts events into somebody's log group, by leave of the resource policies (EventBridge to a log group)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from opentrail.clock import Clock
from opentrail.monitoring.faults import AccessDeniedException, InvalidParameterException, ResourceNotFoundException
from opentrail.monitoring.logs import names, store
from opentrail.monitoring.logs.accepting import MOST_BYTES
from opentrail.monitoring.logs.policies import ResourcePolicies
from opentrail.monitoring.logs.putting import NO_GROUP, chunk
from opentrail.monitoring.logs.sealing import Sealing
from opentrail.monitoring.logs.values import EVENT_OVERHEAD, Batch, Group
from opentrail.storage.database import Database
from opentrail.storage.writer import Writer

EVENTBRIDGE: Final = ("events.amazonaws.com", "delivery.logs.amazonaws.com")
"""The principals that a policy for EventBridge names (EventBridge user guide, "Amazon CloudWatch Logs permissions"); one suffices."""


class ServiceLogs:
    """Thread-safe. Each put is judged by the policies as they stand at that moment."""

    def __init__(
        self, database: Database, clock: Clock, sealing: Sealing, writer: Writer, *, services: tuple[str, ...] = EVENTBRIDGE
    ) -> None:
        self._database = database
        self._clock = clock
        self._sealing = sealing
        self._writer = writer
        self._services = services
        self._policies = ResourcePolicies(database, clock)

    def put(self, *, log_group_arn: str, stream: str, message: str, timestamp: int, source_arn: str, account_id: str) -> None:
        """Put one event, durably; the stream is made when it is not there. `timestamp` in milliseconds since 1970.

        Raises `ResourceNotFoundException`, `AccessDeniedException`, `InvalidParameterException` for a message that is too long.
        """
        names.check_stream_name(stream)
        if not message or len(message.encode()) + EVENT_OVERHEAD > MOST_BYTES:
            raise InvalidParameterException(f"Log event too large: {len(message.encode())} bytes exceeds limit of {MOST_BYTES}")
        group = self._group(log_group_arn)
        with self._database.read() as connection:
            there = store.stream(connection, group.id, stream) is not None
        for action in ("logs:PutLogEvents",) if there else ("logs:CreateLogStream", "logs:PutLogEvents"):
            self._judge(group, action, stream, source_arn, account_id)
        now = int(self._clock.time() * 1000)
        values = chunk(self._sealing, group, Batch(events=((timestamp, message),)), now)

        def job(connection: Connection) -> None:
            if store.group(connection, group.account_id, group.region, group.name) is None:
                raise ResourceNotFoundException(NO_GROUP)
            found = store.stream(connection, group.id, stream) or store.add_stream(connection, group.id, stream, now)
            store.add_chunk(connection, found, values)

        self._writer.run(job)

    def _group(self, arn: str) -> Group:
        place = names.place_of_arn(arn)
        if place is None:
            raise InvalidParameterException("The ARN is not that of a log group.")
        with self._database.read() as connection:
            group = store.group(connection, place.account_id, place.region, place.name)
        if group is None:
            raise ResourceNotFoundException(NO_GROUP)
        return group

    def _judge(self, group: Group, action: str, stream: str, source_arn: str, account_id: str) -> None:
        refused: AccessDeniedException | None = None
        for service in self._services:
            try:
                self._policies.judge(group, action, stream, service=service, source_arn=source_arn, source_account=account_id)
                return
            except AccessDeniedException as error:
                refused = refused or error
        raise refused or AccessDeniedException
