"""The few fields of a record by which selectors decide; everything else stays bytes."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


class Caller(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """`userIdentity`, as far as selectors look at it."""

    type: str | None = None
    arn: str | None = None
    invoked_by: str | None = None


class Resource(msgspec.Struct, gc=False, kw_only=True):
    """One entry of `resources`."""

    type: str | None = None
    arn: str | None = msgspec.field(default=None, name="ARN")
    arn_prefix: str | None = msgspec.field(default=None, name="ARNPrefix")

    @property
    def name(self) -> str | None:
        """What `resources.ARN` is compared with: the ARN, or what the ARNs begin with in a call on many objects (S3's lists)."""
        return self.arn if self.arn is not None else self.arn_prefix


class Facts(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """One record, as selectors see it. A decoder of this type takes it from the record's bytes."""

    event_category: str = ""
    event_source: str = ""
    event_name: str = ""
    event_type: str = ""
    read_only: bool | None = None
    user_identity: Caller | None = None
    resources: list[Resource] | None = None
    session_credential_from_console: str | None = None
    error_code: str | None = None
    vpc_endpoint_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is known of an event before it happens: the call, but not what it is about, who makes it and how it ends."""

    category: str
    source: str
    name: str
    read_only: bool
    types: frozenset[str] = frozenset()
    """Every `resources.type` that its record may list."""
