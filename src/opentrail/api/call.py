"""What passes between the endpoint and the modules that serve a service: small frozen values, one per stage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from opentrail.api.arrival import VpcEndpoint
from opentrail.events.service_event import ServiceEvent
from opentrail.identity.policies import Grant
from opentrail.identity.principals import Principal
from opentrail.recorder import Observation
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One AWS call whose caller is known and whose parameters are parsed.

    `parameters` uses botocore's member names and Python types (timestamps are aware datetimes, blobs are bytes).
    `body` is set only for operations with a streaming input; it yields the decoded payload (no `aws-chunked` framing) and raises
    a `Fault` when the payload turns out not to be what was signed.
    """

    service: str
    """botocore's service name: `cloudtrail`, `s3`, `iam`."""
    operation: str
    parameters: Mapping[str, Any]
    caller: Principal
    account_id: str
    """Account in which the call happens: the caller's, where the service does not say otherwise."""
    region: str
    request_id: str
    source_ip: str
    user_agent: str
    time: datetime
    secure: bool
    request: Request
    body: AsyncIterator[bytes] | None = None
    vpc_endpoint: VpcEndpoint | None = None
    """Through which the call came."""
    within: list[Inner] = field(default_factory=list, compare=False)
    """Notebook of the handler: calls that the service made to others of ours on the way. They are recorded with this one, whatever
    becomes of it."""
    gone: Callable[[], Awaitable[None]] | None = None
    """Returns when the client has gone, for handlers that wait long. Not for operations with a `body`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A call that a service made for its caller to another service of ours (S3 to KMS)."""

    observation: Observation
    owner: str | None = None
    """Account of the resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A result that needs more than its members: another status (206, 304), headers the model does not name, facts for the record."""

    result: Mapping[str, Any] = field(default_factory=dict)
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    recorded: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the `Observation` that only the handler knows (`resources`, `additional`)."""
    events: Sequence[ServiceEvent] = ()
    """What the service did besides, recorded together with the call (the objects that a DeleteObjects removed)."""
    records: Sequence[bytes] = ()
    """Ready-made records that are the deed itself (PutAuditEvents): on disk with the call's own, or the call is refused."""
    settled: Callable[[bool], None] | None = None
    """Called once, before the answer leaves: whether `records` are on disk."""


Result = Mapping[str, Any] | Answer | None
Handler = Callable[[Call], Result] | Callable[[Call], Awaitable[Result]]
"""A plain function runs in a worker thread (it may block); an `async def` runs on the event loop (it must not)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One permission that a call takes: IAM action, resource ARN, and the condition keys known here.

    `resource_policy` is the JSON text of the policy of the resource (a bucket's), when it has one; `resource_account_id` its owner.
    `granted` is how closely a grant on the resource names the caller for this action (KMS).
    """

    action: str
    resource: str = "*"
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    resource_policy: str | None = None
    resource_account_id: str | None = None
    granted: Grant = Grant.NONE
    stranger: type[Fault] | None = None
    """The fault for a caller of another account whom the policy of the resource does not let in; `None`: `AccessDenied`."""
    refusal: str | None = None
    """The message when this is missing, where the usual one would tell a stranger too much (whether a key exists)."""
    resource_known: bool = True
    """`False`: the action has a resource that cannot be told. Policies that deny it for some resources then deny it."""
    unknown: Callable[[str], bool] | None = None
    """Condition keys (in lower case) of which nothing is known here. Conditions on them hold in statements that deny, and in no others."""


class Service(Protocol):
    """One AWS service that OpenTrail serves itself. Built in `server.py`."""

    name: str
    """botocore's service name."""
    operations: Mapping[str, Handler]
    """Operation name → handler. An operation that is not here answers `NotImplemented`."""

    def needs(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed; empty when anyone with valid credentials may (GetCallerIdentity). Must not block long."""
