"""`cloudtrail-data`: the door through which applications put their own events (PutAuditEvents)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import botocore.session

from opentrail.api.call import Answer, Call, Handler, Need, Result
from opentrail.api.cloudtrail import required
from opentrail.api.cloudtrail_data import entries
from opentrail.api.cloudtrail_data.channels import Channels, Named, named
from opentrail.api.cloudtrail_data.entries import Entry
from opentrail.api.cloudtrail_data.faults import ChannelInsufficientPermission, ChannelNotFound, DuplicatedAuditEventId
from opentrail.api.cloudtrail_data.recent import RecentEvents
from opentrail.clock import Clock
from opentrail.events import activity
from opentrail.events.activity import Problem
from opentrail.recorder.activity import activity_event
from opentrail.wire.faults import ValidationException


class CloudTrailData:
    """The service `cloudtrail-data`."""

    name = "cloudtrail-data"

    def __init__(self, channels: Channels, recent: RecentEvents, clock: Clock) -> None:
        self._channels = channels
        self._recent = recent
        self._clock = clock
        self._model = botocore.session.get_session().get_service_model("cloudtrail-data")
        self.operations: Mapping[str, Handler] = {"PutAuditEvents": self.put_audit_events}

    def needs(self, call: Call) -> Sequence[Need]:
        """`cloudtrail-data:PutAuditEvents` on the channel; of another account only where the channel's own policy says so.

        Raises the request errors that can be told without looking at the events.
        """
        required.check(self._model, call.operation, call.parameters)
        channel = self._channel(call)
        policy = self._channels.policy(channel)
        if channel.account_id != call.account_id and policy is None:
            raise ChannelInsufficientPermission
        external_id = call.parameters.get("externalId")
        return (
            Need(
                action="cloudtrail-data:PutAuditEvents",
                resource=channel.arn,
                context={"cloudtrail:ExternalId": (external_id,)} if external_id is not None else {},
                resource_policy=policy,
                resource_account_id=channel.account_id,
            ),
        )

    async def put_audit_events(self, call: Call) -> Result:
        """PutAuditEvents: what fits the schema is on disk before the answer, all of it or none; the rest is named with its error."""
        channel = self._channel(call)
        if channel.region != call.region or not self._channels.exists(channel):
            raise ChannelNotFound
        given: Sequence[Mapping[str, Any]] = call.parameters["auditEvents"]
        _check(given, len(call.request.body))
        await self._recent.ready()
        read = [entries.read(entry, channel_arn=channel.arn, account_id=channel.account_id) for entry in given]
        claim = self._recent.claim(entry.event_id for entry in read if isinstance(entry, Entry))
        now = self._clock.time()
        records: dict[str, bytes] = {}
        successful: list[dict[str, str]] = []
        failed: list[dict[str, str]] = []
        for asked, entry in zip(given, read, strict=True):
            if isinstance(entry, Problem):
                failed.append({"id": asked["id"], "errorCode": entry.code, "errorMessage": entry.message})
            elif entry.event_id in claim.under_way:
                message = "The same event is being taken in by another request; send it again."
                failed.append({"id": entry.id, "errorCode": "Throttling", "errorMessage": message})
            else:
                successful.append({"id": entry.id, "eventID": entry.event_id})
                if entry.event_id in claim.fresh and entry.event_id not in records:
                    records[entry.event_id] = activity_event(
                        entry.data,
                        event_id=entry.event_id,
                        event_time=entry.event_time,
                        region=call.region,
                        account_id=channel.account_id,
                        channel_arn=channel.arn,
                        ingested=now,
                    )
        return Answer(
            result={"successful": successful, "failed": failed},
            records=list(records.values()),
            settled=lambda recorded: self._recent.settle(records, recorded),
        )

    def _channel(self, call: Call) -> Named:
        partition = call.caller.arn.split(":")[1] if call.caller.arn.startswith("arn:") else "aws"
        return named(call.parameters["channelArn"], partition=partition, region=call.region, account_id=call.account_id)


def _check(given: Sequence[Mapping[str, Any]], size: int) -> None:
    """Raises `ValidationException` or `DuplicatedAuditEventId` for a request that is wrong as a whole."""
    if not 1 <= len(given) <= activity.MAX_EVENTS:
        raise ValidationException(
            f"1 validation error detected: Value at 'auditEvents' failed to satisfy constraint: Member must have length from 1 to "
            f"{activity.MAX_EVENTS}; it has {len(given)}."
        )
    if size > activity.MAX_REQUEST:
        raise ValidationException(f"The request has {size} bytes; at most {activity.MAX_REQUEST} are taken. Send fewer events at a time.")
    for number, entry in enumerate(given, 1):
        if not activity.ID.fullmatch(entry["id"]):
            raise ValidationException(
                f"1 validation error detected: Value at 'auditEvents.{number}.member.id' failed to satisfy constraint: Member must have "
                "1 to 128 letters, digits, hyphens and underscores."
            )
    twice = [name for name, count in Counter(entry["id"] for entry in given).items() if count > 1]
    if twice:
        raise DuplicatedAuditEventId(f"Two or more entries in the request have the same event ID: {', '.join(twice[:5])}.")
