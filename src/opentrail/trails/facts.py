"""What delivery has to know of a record, taken from its bytes."""

from __future__ import annotations

import msgspec

from opentrail.events import selectors
from opentrail.events.record import FROM_OUTSIDE

GLOBAL_SOURCES = frozenset(
    f"{name}.amazonaws.com" for name in ("iam", "cloudfront", "organizations", "route53", "route53domains", "waf", "globalaccelerator")
)
"""Sources of global service events; `sts.amazonaws.com` too, when its global endpoint was called (reference of trails, §5)."""

CLOUDTRAIL = "cloudtrail.amazonaws.com"
DELIVERIES = frozenset({("s3.amazonaws.com", "PutObject"), ("logs.amazonaws.com", "PutLogEvents")})
"""Event sources and names of CloudTrail's deliveries: what `RecursiveLogging` is about (user guide, "Suppressing recursive events")."""


class RequestDetails(msgspec.Struct, gc=False, rename="camel"):
    """`additionalEventData.RequestDetails` of an STS record."""

    endpoint_type: str | None = None


class AdditionalEventData(msgspec.Struct, gc=False):
    """As much of `additionalEventData` as tells a global STS call."""

    details: RequestDetails | None = msgspec.field(default=None, name="RequestDetails")


class InsightDetails(msgspec.Struct, gc=False, rename="camel"):
    """As much of `insightDetails` as says whose an Insights event is."""

    insight_type: str = ""
    source_event_category: str = "Management"
    insight_source: str | None = None


class Facts(selectors.Facts, gc=False, kw_only=True, rename="camel"):
    """The few fields of a record by which delivery decides; everything else stays bytes."""

    recipient_account_id: str
    aws_region: str
    event_time: str
    request_id: str | None = msgspec.field(default=None, name="requestID")
    additional_event_data: msgspec.Raw = msgspec.Raw(b"null")
    insight_details: InsightDetails | None = None

    @property
    def is_global(self) -> bool:
        """Whether this is a global service event."""
        if self.event_source in GLOBAL_SOURCES:
            return True
        if self.event_source != "sts.amazonaws.com":
            return False
        try:
            extra = _extra.decode(self.additional_event_data)
        except msgspec.MsgspecError:
            return False
        return extra is not None and extra.details is not None and extra.details.endpoint_type == "global"

    @property
    def is_delivery(self) -> bool:
        """Whether CloudTrail delivered something (a recursive event)."""
        invoked_by = self.user_identity.invoked_by if self.user_identity is not None else None
        return invoked_by == CLOUDTRAIL and (self.event_source, self.event_name) in DELIVERIES

    @property
    def is_own(self) -> bool:
        """Whether CloudTrail itself did this, by its own leave: put a file, asked for the key to encrypt it with."""
        caller = self.user_identity
        return caller is not None and caller.type == "AWSService" and caller.invoked_by == CLOUDTRAIL


_extra = msgspec.json.Decoder(AdditionalEventData | None)
_facts = msgspec.json.Decoder(Facts)


def facts(record: bytes) -> Facts | None:
    """What delivery has to know of `record`; `None` when it is not a record of any account and Region, or none that a trail can take."""
    if record.startswith(FROM_OUTSIDE):
        return None
    try:
        return _facts.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
