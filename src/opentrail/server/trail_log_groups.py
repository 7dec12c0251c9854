"""How trails reach log groups: with the role of the trail, by leave of its trust policy, its own policies, and the group's key.

Everything is judged as it stands at that moment: at CreateTrail, and at every delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.identity.service_roles import NotAllowed, NotAssumable, RoleSession, ServiceRoles
from opentrail.monitoring.faults import AccessDeniedException, ResourceNotFoundException
from opentrail.monitoring.logs import LogGroups, store
from opentrail.monitoring.logs.names import place_of_arn
from opentrail.monitoring.logs.putting import NO_GROUP, chunk
from opentrail.monitoring.logs.values import Batch, Group
from opentrail.trails import log_waiting
from opentrail.trails.faults import (
    CloudWatchLogsDeliveryUnavailableException,
    InvalidCloudWatchLogsLogGroupArnException,
    InvalidCloudWatchLogsRoleArnException,
)
from opentrail.trails.log_waiting import LogStatus
from opentrail.wire.faults import Fault

CLOUDTRAIL: Final = "cloudtrail.amazonaws.com"
NO_TRUST: Final = "Access denied. Check the trust relationships for your role."
NO_PERMISSION: Final = "Access denied. Check the permissions for your role."
ACTIONS: Final = ("logs:CreateLogStream", "logs:PutLogEvents")


class TrailLogGroups:
    """See `trails.neighbours.LogGroups` and `trails.log_groups.Groups`. Thread-safe."""

    def __init__(self, logs: LogGroups, identities: Identities, clock: Clock, *, available: bool = True) -> None:
        """`available`: whether the log groups are ours, and not behind an upstream."""
        self._logs = logs
        self._roles = ServiceRoles(identities, clock, service=CLOUDTRAIL, session_name="CloudTrail")
        self._clock = clock
        self._available = available
        logs.database.create(log_waiting.METADATA)

    def check(
        self, *, log_group_arn: str, role_arn: str, account_id: str, region: str, source_arn: str, organization_id: str | None = None
    ) -> None:
        if not self._available:
            raise CloudWatchLogsDeliveryUnavailableException
        place = place_of_arn(log_group_arn)
        if place is None or (place.account_id, place.region) != (account_id, region):
            raise InvalidCloudWatchLogsLogGroupArnException
        try:
            group = self._group(log_group_arn)
        except Fault as fault:
            raise InvalidCloudWatchLogsLogGroupArnException from fault
        stream = f"{account_id}_CloudTrail_{region}"
        try:
            role = self._role(role_arn, account_id, source_arn)
        except Fault as fault:
            raise InvalidCloudWatchLogsRoleArnException(NO_TRUST) from fault
        try:
            for name in (stream,) if organization_id is None else (stream, f"{organization_id}_{stream}"):
                for action in ACTIONS:
                    self._judge(role, action, group, name)
        except Fault as fault:
            raise InvalidCloudWatchLogsLogGroupArnException(NO_PERMISSION) from fault
        with self._logs.database.begin() as connection:
            if store.group(connection, account_id, region, group.name) is None:
                raise InvalidCloudWatchLogsLogGroupArnException
            if store.stream(connection, group.id, stream) is None:
                store.add_stream(connection, group.id, stream, int(self._clock.time() * 1000))

    def status(self, trail_id: int) -> LogStatus:
        with self._logs.database.read() as connection:
            return log_waiting.status(connection, trail_id)

    def prepare(
        self, *, log_group_arn: str, role_arn: str, source_arn: str, stream: str, events: Sequence[tuple[int, str]]
    ) -> Callable[[Connection], None]:
        group = self._group(log_group_arn)
        role = self._role(role_arn, group.account_id, source_arn)
        with self._logs.database.read() as connection:
            there = store.stream(connection, group.id, stream) is not None
        for action in ACTIONS[1:] if there else ACTIONS:
            self._judge(role, action, group, stream)
        now = int(self._clock.time() * 1000)
        values = chunk(self._logs.sealing, group, Batch(events=tuple(events)), now)

        def put(connection: Connection) -> None:
            still = store.group(connection, group.account_id, group.region, group.name)
            if still is None or still.id != group.id:
                raise ResourceNotFoundException(NO_GROUP)
            found = store.stream(connection, group.id, stream) or store.add_stream(connection, group.id, stream, now)
            store.add_chunk(connection, found, values)

        return put

    def _group(self, arn: str) -> Group:
        place = place_of_arn(arn)
        if place is None:
            raise ResourceNotFoundException(NO_GROUP)
        return self._logs.control.group(place.account_id, place.region, place.name)

    def _role(self, role_arn: str, account_id: str, source_arn: str) -> RoleSession:
        """The session in which CloudTrail acts. Raises `AccessDeniedException` when the role is not there or does not trust CloudTrail."""
        try:
            return self._roles.assume(role_arn, account_id, source_arn=source_arn)
        except NotAssumable as error:
            raise AccessDeniedException(f"CloudTrail cannot assume the role {role_arn}: check its trust relationships.") from error

    def _judge(self, role: RoleSession, action: str, group: Group, stream: str) -> None:
        try:
            role.judge(action, group.stream_arn(stream), region=group.region, account_id=group.account_id)
        except NotAllowed as error:
            raise AccessDeniedException(str(error)) from error
