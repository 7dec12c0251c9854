"""The columns of an event: taken out of the record once, when it comes from the journal, and searched ever after.

The record's own text is kept beside them unchanged. Columns are data: to add one, name it in `COLUMNS` and fill it in `Event`.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
import pyarrow as pa

from opentrail.events.activity import CATEGORY as ACTIVITY
from opentrail.events.activity import deed as number_of_deed
from opentrail.eventstore.event import Event
from opentrail.eventstore.resources import derive, has_rules

MANAGEMENT: Final = "Management"
INSIGHT: Final = "Insight"
INSIGHT_OF_SOURCE: Final = "Insight of source"
"""Category here of Insights events that are about what one trail or store takes: no history has them (`ListInsightsData`)."""


class Undecodable(ValueError):
    """The bytes are not an event record."""


class _Identity(msgspec.Struct, gc=False, rename="camel"):
    type: str | None = None
    principal_id: str | None = None
    arn: str | None = None
    account_id: str | None = None
    access_key_id: str | None = None
    user_name: str | None = None


class _Insight(msgspec.Struct, gc=False, rename="camel"):
    insight_source: str | None = None
    event_source: str | None = None
    event_name: str | None = None


class _Named(msgspec.Struct, gc=False):
    resource: str | None = None


class _Activity(msgspec.Struct, gc=False, rename="camel"):
    """`eventData` of an event from outside AWS. `requestParameters.resource` is where our own clients say what was acted on."""

    event_source: str | None = None
    event_name: str | None = None
    error_code: str | None = None
    user_identity: _Identity | None = None
    request_parameters: msgspec.Raw = msgspec.Raw(b"null")


class _UsualActivity(_Activity, gc=False, rename="camel"):
    """The same as it nearly always is, read at once."""

    request_parameters: _Named | str | int | float | bool | list[Any] | None = None  # type: ignore[assignment]


class _Metadata(msgspec.Struct, gc=False):
    channel_arn: str = msgspec.field(default="", name="channelARN")


class _Source(msgspec.Struct, gc=False):
    uid: str = msgspec.field(default="", name="UID")


class _Deed(msgspec.Struct, gc=False):
    """What says which deed an event from outside AWS tells of."""

    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    event_data: _Source = msgspec.field(default_factory=_Source, name="eventData")


_NULL: Final = msgspec.Raw(b"null")


class _Record(msgspec.Struct, gc=False, rename="camel"):
    event_time: str
    event_id: str = msgspec.field(default="", name="eventID")
    event_name: str | None = None
    event_source: str | None = None
    aws_region: str = ""
    event_type: str | None = None
    event_category: str | None = None
    management_event: bool | None = None
    read_only: bool | None = None
    error_code: str | None = None
    recipient_account_id: str | None = None
    user_identity: _Identity | None = None
    insight_details: _Insight | None = None
    event_data: msgspec.Raw = _NULL
    request_parameters: msgspec.Raw = _NULL
    response_elements: msgspec.Raw = _NULL
    resources: list[dict[str, Any]] | None = None


class _UsualRecord(_Record, gc=False, rename="camel"):
    event_data: _UsualActivity | None = None  # type: ignore[assignment]


_decoder = msgspec.json.Decoder(_Record)
_usual = msgspec.json.Decoder(_UsualRecord)
_activity = msgspec.json.Decoder(_Activity)
_deed = msgspec.json.Decoder(_Deed)


def deed(record: str) -> str:
    """`activity.deed` of a kept event from outside AWS, in hex; `""` where it does not tell."""
    try:
        found = _deed.decode(record)
    except msgspec.MsgspecError:
        return ""
    if not found.event_data.uid:
        return ""
    return f"{number_of_deed(found.metadata.channel_arn, found.event_data.uid):032x}"


_named = msgspec.json.Decoder(_Named)
_NOBODY: Final = _Identity()
_NO_INSIGHT: Final = _Insight()
LAST: Final = 253_402_300_799
"""9999-12-31T23:59:59Z: the latest `eventTime` there is."""
_TIME: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?Z", re.ASCII)


def extract(position: int, record: bytes) -> Event:
    """The columns of `record`. Raises `Undecodable`, saying why, when it is not an event record."""
    try:
        raw = _read(record)
        text = record.decode()
        request, response = _parameters(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Undecodable(str(error)) from error
    except RecursionError as error:
        raise Undecodable("the record is nested too deeply") from error
    if raw.event_category == ACTIVITY:
        return _of_activity(position, raw, text)
    identity = raw.user_identity or _NOBODY
    insight = raw.insight_details or _NO_INSIGHT
    source = raw.event_source or insight.event_source or ""
    name = raw.event_name or insight.event_name or ""
    return Event(
        position=position,
        time=epoch(raw.event_time),
        event_id=raw.event_id,
        event_name=name,
        event_source=source,
        read_only=raw.read_only,
        username=username(identity.type, identity.user_name, identity.principal_id, identity.arn),
        access_key_id=identity.access_key_id or None,
        account_id=raw.recipient_account_id or identity.account_id or "",
        region=raw.aws_region,
        category=INSIGHT_OF_SOURCE if insight.insight_source else _category(raw),
        event_type=raw.event_type or "",
        error_code=raw.error_code,
        resources=derive(source, name, request, response, raw.resources or ()),
        record=text,
    )


def _read(record: bytes) -> _Record:
    """Raises what msgspec raises."""
    try:
        return _usual.decode(record)
    except msgspec.MsgspecError:  # an application may say anything in its `requestParameters`, and AWS in an `eventData`
        return _decoder.decode(record)


def _category(raw: _Record) -> str:
    return raw.event_category or ("Data" if raw.management_event is False else MANAGEMENT)


def _of_activity(position: int, raw: _Record, text: str) -> Event:
    """An event from outside AWS: the application's own words are in its `eventData`."""
    data, resource = _said(raw)
    identity = data.user_identity or _NOBODY
    return Event(
        position=position,
        time=epoch(raw.event_time),
        event_id=raw.event_id,
        event_name=data.event_name or "",
        event_source=data.event_source or "",
        read_only=None,
        username=identity.principal_id or None,
        access_key_id=None,
        account_id=raw.recipient_account_id or "",
        region=raw.aws_region,
        category=ACTIVITY,
        event_type=raw.event_type or "",
        error_code=data.error_code or None,
        resources=(("", resource),) if resource else (),
        record=text,
    )


def _said(raw: _Record) -> tuple[_Activity, str | None]:
    """The `eventData`, and what was acted on."""
    if isinstance(raw, _UsualRecord) and raw.event_data is not None:
        asked = raw.event_data.request_parameters
        return raw.event_data, asked.resource if isinstance(asked, _Named) else None
    try:
        data = _activity.decode(raw.event_data if isinstance(raw.event_data, msgspec.Raw) else _NULL)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Undecodable(str(error)) from error
    try:
        return data, _named.decode(data.request_parameters).resource
    except (msgspec.MsgspecError, RecursionError):  # an application may say anything here
        return data, None


@lru_cache(maxsize=1 << 14)
def epoch(time: str) -> int:
    """`2026-01-05T10:11:12Z` as seconds since the epoch, rounded down. Raises `Undecodable` when it is no such time."""
    match = _TIME.fullmatch(time)
    if match is None:
        raise Undecodable(f"eventTime {time[:40]!r} is not a UTC time")
    year, month, day, hour, minute, second = map(int, match.groups())
    if not (
        year >= 1970 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1] and hour < 24 and minute < 60 and second < 61
    ):
        raise Undecodable(f"eventTime {time!r} is not a UTC time")
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    if seconds > LAST:  # a leap second
        raise Undecodable(f"eventTime {time!r} is after the last day there is")
    return seconds


def username(kind: str | None, user_name: str | None, principal_id: str | None, arn: str | None) -> str | None:
    """`Username` as LookupEvents shows it (spec/history-and-insights.md §4); `None` when the identity has none."""
    if kind == "Root":
        return "root"
    if kind in ("AssumedRole", "FederatedUser"):
        for whole, separator in ((principal_id, ":"), (arn, "/")):
            if whole and separator in whole and (name := whole.rsplit(separator, 1)[1]):
                return name
        return user_name or None
    return user_name or None


def _parameters(raw: _Record) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    if not has_rules(raw.event_source or ""):
        return None, None
    return _object(raw.request_parameters), _object(raw.response_elements)


def _object(raw: msgspec.Raw) -> dict[str, Any] | None:
    value = msgspec.json.decode(raw)
    return value if isinstance(value, dict) else None


SCHEMA: Final = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("event_time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("event_name", pa.string(), nullable=False),
        pa.field("event_source", pa.string(), nullable=False),
        pa.field("read_only", pa.bool_()),
        pa.field("username", pa.string()),
        pa.field("access_key_id", pa.string()),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("region", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("event_type", pa.string(), nullable=False),
        pa.field("error_code", pa.string()),
        pa.field("resource_types", pa.list_(pa.field("element", pa.string(), nullable=False)), nullable=False),
        pa.field("resource_names", pa.list_(pa.field("element", pa.string(), nullable=False)), nullable=False),
        pa.field("record", pa.string(), nullable=False),
    ]
)
"""Columns of the hot tail and of the Parquet files. Two lists of equal length carry the resources; `""` is an unknown type."""

COLUMNS: Final = tuple(SCHEMA.names)
PLAIN: Final = tuple(name for name in COLUMNS if name not in ("event_time", "resource_types", "resource_names"))


def to_arrow(events: Sequence[Event]) -> pa.Table:
    """`events` as columns. A batch must stay below 2 GiB of text."""
    arrays: dict[str, Any] = {name: [getattr(event, name) for event in events] for name in PLAIN}
    arrays["event_time"] = pa.array([event.time * 1_000_000 for event in events], pa.int64()).cast(SCHEMA.field("event_time").type)
    arrays["resource_types"] = [[type_ for type_, _ in event.resources] for event in events]
    arrays["resource_names"] = [[name for _, name in event.resources] for event in events]
    return pa.table(
        [pa.array(arrays[field.name], field.type) if field.name != "event_time" else arrays["event_time"] for field in SCHEMA], SCHEMA
    )


ROW: Final = ", ".join("epoch_us(event_time) // 1000000" if name == "event_time" else name for name in COLUMNS)
"""What a query selects so that `from_row` can read it."""


def from_row(row: Sequence[Any]) -> Event:
    """An event from one row of a query for `ROW`."""
    values = dict(zip(COLUMNS, row, strict=True))
    types, names = values.pop("resource_types"), values.pop("resource_names")
    return Event(time=values.pop("event_time"), resources=tuple(zip(types, names, strict=True)), **values)
