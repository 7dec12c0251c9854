"""What ingestion has to know of a record to find the stores that take it, taken from its bytes."""

from __future__ import annotations

import msgspec

from opentrail.events import selectors


class Metadata(msgspec.Struct, gc=False, rename="camel"):
    """`metadata` of an event from outside AWS."""

    channel_arn: str | None = msgspec.field(default=None, name="channelARN")


class InsightDetails(msgspec.Struct, gc=False, rename="camel"):
    """As much of `insightDetails` as says where an Insights event goes."""

    insight_source: str | None = None


class Facts(selectors.Facts, gc=False, kw_only=True, rename="camel"):
    """The few fields by which a record is routed; everything else stays bytes."""

    recipient_account_id: str = ""
    aws_region: str = ""
    metadata: Metadata | None = None
    insight_details: InsightDetails | None = None


_facts = msgspec.json.Decoder(Facts)


def facts(record: bytes) -> Facts | str:
    """What ingestion has to know of `record`, or why it is no event record."""
    try:
        return _facts.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return str(error)
    except RecursionError:
        return "the record is nested too deeply"
