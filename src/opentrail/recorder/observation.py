"""What the endpoint has seen of one call, handed over whole when the call is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentrail.identity.principals import Principal
from opentrail.recorder import limits
from opentrail.wire.http import Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What is known of the TLS connection, in CloudTrail's spellings (`TLSv1.3`, `TLS_AES_128_GCM_SHA256`, `x25519`)."""

    version: str | None = None
    cipher_suite: str | None = None
    key_exchange: str | None = None


def tls_details(tls: Tls | None, host: str) -> dict[str, str]:
    """What is known of the connection, as records print it; the host the client asked for is known without TLS too."""
    details = {}
    if tls is not None and tls.version:
        details["tlsVersion"] = tls.version
    if tls is not None and tls.cipher_suite:
        details["cipherSuite"] = tls.cipher_suite
    if host:
        details["clientProvidedHostHeader"] = limits.cut(host)
    if tls is not None and tls.key_exchange:
        details["keyExchange"] = tls.key_exchange
    return details


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One call: request, caller, outcome. Only the first group is needed; what is unknown stays at its default."""

    service: str
    """botocore's service name (`s3`, `logs`), or the signing name of a service that botocore does not know."""
    operation: str | None
    """botocore's operation name, the name the client gave when botocore has none like it, or `None` when it could not be told."""
    principal: Principal
    account_id: str
    """Account whose trail the record belongs to (`recipientAccountId`)."""
    region: str
    """Region the request was made to; global services are recorded in theirs."""
    request_id: str
    source_ip: str
    """Address of the client, or `ec2.amazonaws.com` when a service calls."""
    user_agent: str
    time: float
    """Completion, seconds since the epoch."""

    parameters: Mapping[str, Any] | None = None
    """As parsed, botocore's member names; `None` when the request could not be parsed."""
    result: Mapping[str, Any] | None = None
    """As handed to the serialiser or read from the upstream, botocore's member names; `None` on errors."""
    status: int = 200
    error_code: str | None = None
    """The code on the wire (`NoSuchEntity`)."""
    error_message: str | None = None

    host: str = ""
    """The `Host` the client asked for."""
    path: str = ""
    query: str = ""
    """What follows `?`, as sent."""
    headers: Headers = field(default_factory=Headers)
    bytes_in: int = 0
    bytes_out: int = 0
    extended_request_id: str | None = None
    """S3's `x-amz-id-2`."""

    tls: Tls | None = None
    vpc_endpoint_id: str | None = None
    vpc_endpoint_account_id: str | None = None
    event_id: str | None = None
    """Id of the record, where it was settled before; `None`: a new one."""
    shared_event_id: str | None = None
    """The same for the copies of several accounts; `None` when there is one copy."""
    bucket_owner_id: str | None = None
    """Owner of the bucket of an S3 call, when it is not `account_id`; `""` where the caller may not know."""
    resources: Sequence[Mapping[str, str]] = ()
    """Further `resources` entries that the handler knows (`accountId`, `type`, `ARN`)."""
    additional: Mapping[str, Any] = field(default_factory=dict)
    """Further `additionalEventData`."""
