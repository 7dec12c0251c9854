"""One event record.

A record is written once, as compact UTF-8 JSON, and those bytes go everywhere: journal, log file, log event, bus event, lake. `encode`
makes them; `read` gives the fields that followers decide by, without touching the free-form objects (`request_parameters` and its
like stay raw JSON). Unknown fields are ignored, as the CloudTrail reference demands of readers, and stay in the bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
import orjson

VERSION: Final = "1.11"
"""`eventVersion` of the records OpenTrail makes."""

FROM_OUTSIDE: Final = f'{{"eventVersion":"{VERSION}","eventCategory":"ActivityAuditLog","eventType":"ActivityLog",'.encode()
"""What the record of an event from outside AWS begins with, as `recorder.activity` makes it: who has no use for one need not read it. Older
ones, and those of other makers, may begin otherwise."""

ORDER: Final = (
    "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "errorCode",
    "errorMessage", "requestParameters", "responseElements", "additionalEventData", "requestID", "eventID", "readOnly", "resources",
    "eventType", "apiVersion", "managementEvent", "recipientAccountId", "sharedEventID", "serviceEventDetails", "vpcEndpointId",
    "vpcEndpointAccountId", "eventCategory", "addendum", "edgeDeviceDetails", "tlsDetails", "sessionCredentialFromConsole",
)  # fmt: skip
"""Order in which delivered files print the top-level keys (observed; order carries no meaning)."""

_DEEPEST = 60
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class SessionIssuer(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """Who issued temporary credentials."""

    type: str | None = None
    arn: str | None = None
    principal_id: str | None = None
    account_id: str | None = None
    user_name: str | None = None


class SessionContext(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """`userIdentity.sessionContext`, as far as followers read it."""

    session_issuer: SessionIssuer | None = None


class UserIdentity(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """Who made the call."""

    type: str | None = None
    principal_id: str | None = None
    arn: str | None = None
    account_id: str | None = None
    access_key_id: str | None = None
    user_name: str | None = None
    session_context: SessionContext | None = None
    invoked_by: str | None = None


class Resource(msgspec.Struct, gc=False, kw_only=True):
    """One entry of `resources`."""

    type: str | None = None
    arn: str | None = msgspec.field(default=None, name="ARN")
    arn_prefix: str | None = msgspec.field(default=None, name="ARNPrefix")
    account_id: str | None = msgspec.field(default=None, name="accountId")


class Record(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """What followers read of a record. Free-form objects are `msgspec.Raw` JSON; absent fields are `None` (or empty)."""

    event_version: str = ""
    user_identity: UserIdentity | None = None
    event_time: str = ""
    """UTC, whole seconds: `2026-01-05T10:11:12Z`."""
    event_source: str = ""
    event_name: str = ""
    aws_region: str = ""
    source_ip_address: str | None = msgspec.field(default=None, name="sourceIPAddress")
    user_agent: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    request_parameters: msgspec.Raw = msgspec.Raw(b"null")
    response_elements: msgspec.Raw = msgspec.Raw(b"null")
    request_id: str | None = msgspec.field(default=None, name="requestID")
    event_id: str = msgspec.field(default="", name="eventID")
    read_only: bool | None = None
    resources: list[Resource] | None = None
    event_type: str = ""
    management_event: bool | None = None
    recipient_account_id: str | None = None
    shared_event_id: str | None = msgspec.field(default=None, name="sharedEventID")
    vpc_endpoint_id: str | None = None
    event_category: str = ""
    session_credential_from_console: str | None = None

    @property
    def username(self) -> str | None:
        """The name LookupEvents shows and searches as `Username`: the user, the role session, or the service that called."""
        who = self.user_identity
        if who is None:
            return None
        if who.user_name:
            return who.user_name
        if who.type == "Root":
            return "root"
        if who.arn and "/" in who.arn and who.type in ("AssumedRole", "FederatedUser"):
            return who.arn.rsplit("/", 1)[1]
        return who.invoked_by


_decoder = msgspec.json.Decoder(Record, strict=False)


def read(record: bytes | msgspec.Raw) -> Record:
    """The view of `record`. Raises `ValueError` (naming the field) when it is not a record: no JSON object, or a field of a wrong kind."""
    try:
        return _decoder.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not an event record: {error}") from error


def encode(value: Any) -> bytes:
    """`value` as compact JSON in UTF-8, keys in the order given; never fails.

    What JSON cannot say is said as nearly as possible: NaN and infinities as `null`, bytes left out (as `null`), lone surrogates as
    U+FFFD, whole numbers beyond 64 bits as text, instants as ISO 8601, anything deeper than 60 levels as `null`.
    """
    try:
        return orjson.dumps(value, default=_odd, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
    except (orjson.JSONEncodeError, TypeError, ValueError, RecursionError):
        return orjson.dumps(printable(value), option=orjson.OPT_UTC_Z)


def _odd(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, tuple):
        return list(value)
    return str(value)


def printable(value: Any, depth: int = 0) -> Any:
    """`value` rebuilt of nothing but what JSON can say; see `encode`."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if -(1 << 63) <= value < 1 << 64 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, orjson.Fragment):
        return value
    if depth >= _DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {_text(key if isinstance(key, str) else str(key)): printable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable(item, depth + 1) for item in value]
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)).isoformat(timespec="seconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    return printable(_odd(value), depth + 1)


def _text(value: str) -> str:
    return _LONE_SURROGATE.sub("\ufffd", value)
