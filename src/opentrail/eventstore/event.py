"""An event as questions find it. Apart from the columns, so that who only asks need not import what holds them."""

from __future__ import annotations

import msgspec

from opentrail.eventstore.resources import Resource


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One event as it is stored and found."""

    position: int
    """Its place in the journal; unique, and the tie-breaker among events of one second."""
    time: int
    """`eventTime`, seconds since the epoch."""
    event_id: str
    event_name: str
    event_source: str
    read_only: bool | None
    username: str | None
    access_key_id: str | None
    account_id: str
    """The account that sees the event: `recipientAccountId`."""
    region: str
    category: str
    event_type: str
    error_code: str | None
    resources: tuple[Resource, ...]
    record: str

    @property
    def key(self) -> tuple[int, int]:
        """Where the event stands in the order of history: by time, then by position."""
        return (self.time, self.position)
