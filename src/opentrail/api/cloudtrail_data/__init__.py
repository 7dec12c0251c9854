"""`cloudtrail-data`: the door through which applications put their own events (PutAuditEvents)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import botocore.session

from opentrail.api.call import Answer, Call, Handler, Need, Result
from opentrail.api.cloudtrail import required
from opentrail.api.cloudtrail_data.channels import Channels, Named, named
from opentrail.api.cloudtrail_data.faults import (
    ChannelInsufficientPermission,
    ChannelNotFound,
    ChannelUnsupportedSchema,
    DuplicatedAuditEventId,
)
from opentrail.api.cloudtrail_data.intake import Intake
from opentrail.events import activity
from opentrail.wire.faults import ValidationException


class CloudTrailData:
    """The service `cloudtrail-data`."""

    name = "cloudtrail-data"

    def __init__(self, channels: Channels, intake: Intake) -> None:
        self._channels = channels
        self._intake = intake
        self._model = botocore.session.get_session().get_service_model("cloudtrail-data")
        self.operations: Mapping[str, Handler] = {"PutAuditEvents": self.put_audit_events}

    def needs(self, call: Call) -> Sequence[Need]:
        """`cloudtrail-data:PutAuditEvents` on the channel; of another account only where the channel's own policy says so.

        Raises the request errors that can be told without looking at the events.
        """
        if not _is_whole(call.parameters):
            required.check(self._model, call.operation, call.parameters)
        channel = self._channel(call)
        known = self._channels.find(channel.arn)
        policy = known.policy if known is not None else None
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
                stranger=ChannelInsufficientPermission,
            ),
        )

    async def put_audit_events(self, call: Call) -> Result:
        """PutAuditEvents: what fits the schema is on disk before the answer, all of it or none; the rest is named with its error."""
        channel = self._channel(call)
        if channel.region != call.region:
            raise ChannelNotFound
        known = await self._channels.prepared(channel.place, channel.id)
        if known is None:
            raise ChannelNotFound
        if not known.takes_activity:
            raise ChannelUnsupportedSchema
        given: Sequence[Mapping[str, Any]] = call.parameters["auditEvents"]
        _check(given, len(call.request.body))
        taken = await self._intake.take(channel, given)
        result = {"successful": taken.successful, "failed": taken.failed}
        if not taken.records:
            taken.settled(True)
            return Answer(result=result)
        return Answer(result=result, records=taken.records, settled=taken.settled)

    def _channel(self, call: Call) -> Named:
        partition = call.caller.arn.split(":")[1] if call.caller.arn.startswith("arn:") else "aws"
        return named(call.parameters["channelArn"], partition=partition, region=call.region, account_id=call.account_id)


def _is_whole(parameters: Mapping[str, Any]) -> bool:
    """Whether all is there that must be; `required.check` knows how to say what is not, and takes longer."""
    entries = parameters.get("auditEvents")
    if parameters.get("channelArn") is None or entries is None:
        return False
    return all(entry is not None and entry.get("id") is not None and entry.get("eventData") is not None for entry in entries)


def _check(given: Sequence[Mapping[str, Any]], size: int) -> None:
    """Raises `ValidationException` or `DuplicatedAuditEventId` for a request that is wrong as a whole."""
    if not 1 <= len(given) <= activity.MAX_EVENTS:
        raise ValidationException(
            f"1 validation error detected: Value at 'auditEvents' failed to satisfy constraint: Member must have length from 1 to "
            f"{activity.MAX_EVENTS}; it has {len(given)}."
        )
    if size > activity.MAX_REQUEST:
        raise ValidationException(f"The request has {size} bytes; at most {activity.MAX_REQUEST} are taken. Send fewer events at a time.")
    ids = [entry["id"] for entry in given]
    for number, name in enumerate(ids, 1):
        if not activity.ID.fullmatch(name):
            raise ValidationException(
                f"1 validation error detected: Value at 'auditEvents.{number}.member.id' failed to satisfy constraint: Member must have "
                "1 to 128 letters, digits, hyphens and underscores."
            )
    if len(set(ids)) < len(ids):
        twice = [name for name, count in Counter(ids).items() if count > 1]
        raise DuplicatedAuditEventId(f"Two or more entries in the request have the same event ID: {', '.join(twice[:5])}.")
