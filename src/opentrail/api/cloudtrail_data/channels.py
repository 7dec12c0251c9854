"""Which channel a call means, and whose it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from opentrail.api.cloudtrail_data.faults import InvalidChannelARN
from opentrail.events.activity import DEFAULT_CHANNEL

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(_UUID)
_ARN = re.compile(rf"arn:(aws[a-z-]*):cloudtrail:([a-z0-9-]+):(\d{{12}}):channel/({_UUID})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A channel as a request names it; nothing says yet that there is one."""

    partition: str
    region: str
    account_id: str
    id: str

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:cloudtrail:{self.region}:{self.account_id}:channel/{self.id}"


class Channels(Protocol):
    """What is needed of the channels of this installation."""

    def exists(self, channel: Named) -> bool:
        """Whether there is such a channel and it takes events. Must not block."""

    def policy(self, channel: Named) -> str | None:
        """The JSON text of its resource policy; `None` when it has none, and only its owner may call. Must not block."""


class BuiltInChannels:
    """One channel for each account and Region, until channels can be made."""

    def exists(self, channel: Named) -> bool:
        return channel.id == DEFAULT_CHANNEL

    def policy(self, channel: Named) -> str | None:
        return None


def named(text: str, *, partition: str, region: str, account_id: str) -> Named:
    """The channel behind an ARN, or behind an id of the caller's own account and Region. Raises `InvalidChannelARN`."""
    if _ID.fullmatch(text):
        return Named(partition=partition, region=region, account_id=account_id, id=text)
    match = _ARN.fullmatch(text)
    if match is None:
        raise InvalidChannelARN
    return Named(partition=match[1], region=match[2], account_id=match[3], id=match[4])
