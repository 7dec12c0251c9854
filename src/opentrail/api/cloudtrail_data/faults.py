"""What `PutAuditEvents` refuses as a whole; single events are refused in its answer."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class ChannelNotFound(Fault):
    """The channel could not be found."""


class InvalidChannelARN(Fault):
    """The channel ARN is not valid: give arn:aws:cloudtrail:REGION:ACCOUNT:channel/ID, or the ID alone."""


class ChannelInsufficientPermission(Fault):
    """The caller's account ID must be the same as the channel owner's account ID."""


class DuplicatedAuditEventId(Fault):
    """Two or more entries in the request have the same event ID."""


class ChannelUnsupportedSchema(Fault):
    """The channel is one of an AWS service: it does not take events from outside AWS."""
