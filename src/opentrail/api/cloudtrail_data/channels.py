"""Which channel a call means, and whose it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from opentrail.api.cloudtrail_data.faults import InvalidChannelARN
from opentrail.lake.channels.known import Known
from opentrail.lake.names import UUID, Place

_ID = re.compile(UUID)
_ARN = re.compile(rf"arn:(aws[a-z-]*):cloudtrail:([a-z0-9-]+):(\d{{12}}):channel/({UUID})")


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

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(partition=self.partition, region=self.region, account_id=self.account_id)


class Channels(Protocol):
    """What is needed of the channels of this installation: `lake.channels.known.KnownChannels`."""

    def find(self, arn: str) -> Known | None:
        """The channel with this ARN. Must not block long."""

    async def prepared(self, place: Place, channel_id: str) -> Known | None:
        """The channel of `place`, made if it is the default one and not there yet."""


def named(text: str, *, partition: str, region: str, account_id: str) -> Named:
    """The channel behind an ARN, or behind an id of the caller's own account and Region. Raises `InvalidChannelARN`."""
    if _ID.fullmatch(text):
        return Named(partition=partition, region=region, account_id=account_id, id=text)
    match = _ARN.fullmatch(text)
    if match is None:
        raise InvalidChannelARN
    return Named(partition=match[1], region=match[2], account_id=match[3], id=match[4])
