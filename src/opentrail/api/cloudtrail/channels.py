"""CreateChannel, GetChannel, ListChannels, UpdateChannel, DeleteChannel (reference of Lake, §3)."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from opentrail.api.call import Call, Handler, Need
from opentrail.lake import names
from opentrail.lake.channels.channel import Channel, channel_arn
from opentrail.lake.channels.control import Channels
from opentrail.lake.channels.status import Statuses
from opentrail.lake.channels.store import Status
from opentrail.lake.faults import InvalidNextTokenException
from opentrail.lake.names import Place
from opentrail.wire.faults import ValidationException

PAGE: Final = 1000
"""Channels on one page, at the most and where nobody says how many."""


class ChannelOperations:
    """The operations on channels. `statuses` tells what has come in."""

    def __init__(self, channels: Channels, statuses: Statuses) -> None:
        self._channels = channels
        self._statuses = statuses
        self.operations: Mapping[str, Handler] = {
            "CreateChannel": self.create,
            "GetChannel": self.get,
            "ListChannels": self.list,
            "UpdateChannel": self.update,
            "DeleteChannel": self.delete,
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """The action of the operation on the channel, with the tags of request and channel as condition keys. Raises
        `ChannelARNInvalidException` for what is neither ARN nor id."""
        action = f"cloudtrail:{call.operation}"
        if call.operation == "ListChannels":
            return (Need(action=action),)
        place = place_of(call)
        if call.operation == "CreateChannel":
            asked: Sequence[Mapping[str, Any]] = call.parameters.get("Tags") or ()
            context: dict[str, Sequence[str]] = {f"aws:RequestTag/{tag['Key']}": (tag.get("Value") or "",) for tag in asked}
            if asked:
                context["aws:TagKeys"] = tuple(tag["Key"] for tag in asked)
            anyone = channel_arn(place, "*")
            wanted = [Need(action=action, resource=anyone, context=context)]
            return [*wanted, Need(action="cloudtrail:AddTags", resource=anyone, context=context)] if asked else wanted
        arn = names.channel(call.parameters["Channel"], place).arn
        tags = {f"aws:ResourceTag/{key}": (value,) for key, value in self._channels.tags_of(arn).items()}
        return (Need(action=action, resource=arn, context=tags),)

    def create(self, call: Call) -> Mapping[str, Any]:
        """CreateChannel"""
        given = call.parameters
        made = self._channels.create(place_of(call), given["Name"], given["Source"], given["Destinations"], given.get("Tags") or ())
        tags = [{"Key": key, "Value": value} for key, value in made.tags.items()]
        return {**_told(made), **({"Tags": tags} if tags else {})}

    def get(self, call: Call) -> Mapping[str, Any]:
        """GetChannel"""
        found = self._channels.get(place_of(call), call.parameters["Channel"])
        told = _told(found)
        if found.source_config is not None:
            told["SourceConfig"] = found.source_config
        status = _status(self._statuses.of(found.arn))
        return {**told, **({"IngestionStatus": status} if status else {})}

    def list(self, call: Call) -> Mapping[str, Any]:
        """ListChannels, in order of name. Channels that come or go between two pages neither repeat nor hide others."""
        size = call.parameters.get("MaxResults") or PAGE
        if not 1 <= size <= PAGE:
            raise ValidationException(f"1 validation error detected: Value at 'maxResults' must be from 1 to {PAGE}.")
        token = call.parameters.get("NextToken")
        after = _read(token) if token else ""
        rest = [one for one in self._channels.list(place_of(call)) if one.name > after]
        answer: dict[str, Any] = {"Channels": [{"ChannelArn": one.arn, "Name": one.name} for one in rest[:size]]}
        if len(rest) > size:
            answer["NextToken"] = urlsafe_b64encode(f"channels\n{rest[size - 1].name}".encode()).decode()
        return answer

    def update(self, call: Call) -> Mapping[str, Any]:
        """UpdateChannel"""
        given = call.parameters
        found = self._channels.update(
            place_of(call), given["Channel"], name=given.get("Name"), destinations=given.get("Destinations") or None
        )
        return _told(found)

    def delete(self, call: Call) -> Mapping[str, Any]:
        """DeleteChannel"""
        self._channels.delete(place_of(call), call.parameters["Channel"])
        return {}


def place_of(call: Call) -> Place:
    """Where names without an ARN are looked for: the account and Region of the call."""
    partition = call.caller.arn.split(":")[1] if call.caller.arn.startswith("arn:") else "aws"
    return Place(partition=partition, region=call.region, account_id=call.account_id)


def _told(channel: Channel) -> dict[str, Any]:
    destinations = [{"Type": "EVENT_DATA_STORE", "Location": channel.store_arn(store_id)} for store_id in channel.store_ids]
    return {"ChannelArn": channel.arn, "Name": channel.name, "Source": channel.source, "Destinations": destinations}


def _status(status: Status) -> dict[str, Any]:
    told = {
        "LatestIngestionSuccessTime": _time(status.success_at),
        "LatestIngestionSuccessEventID": status.success_event_id,
        "LatestIngestionErrorCode": status.error_code,
        "LatestIngestionAttemptTime": _time(status.attempt_at),
        "LatestIngestionAttemptEventID": status.attempt_event_id,
    }
    return {name: value for name, value in told.items() if value is not None}


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _read(token: str) -> str:
    try:
        kind, name = urlsafe_b64decode(token.encode()).decode().split("\n")
    except (binascii.Error, ValueError):  # UnicodeDecodeError is one
        raise InvalidNextTokenException from None
    if kind != "channels":
        raise InvalidNextTokenException
    return name
