"""What passes between event buses, rules and targets: small frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

DEFAULT_BUS: Final = "default"
"""The bus that every account has in every Region, on which the events of AWS services arrive."""

EVENTS: Final = "events.amazonaws.com"
"""EventBridge, where policies name it."""
SESSION: Final = "EventBridge"
"""Name of its sessions with the roles of rules and targets."""

RuleState = Literal["ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"]
ENABLED: Final = "ENABLED"
DISABLED: Final = "DISABLED"
ENABLED_WITH_ALL: Final = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""Also read-only management events of CloudTrail reach such a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """An event bus."""

    arn: str
    account_id: str
    region: str
    name: str
    description: str | None = None
    kms_key: str | None = None
    dead_letter_arn: str | None = None
    log_config: Mapping[str, str] | None = None
    """Shape `LogConfig`."""
    policy: str | None = None
    """Resource policy, JSON text; `None` when no other account may do anything."""
    tags: Mapping[str, str] = field(default_factory=dict)
    created: float = 0.0
    """Seconds since 1970; 0 for a default bus that nobody has changed."""
    modified: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of a bus: which events go to its targets."""

    arn: str
    bus_arn: str
    account_id: str
    region: str
    """Of the bus, and so of the rule."""
    bus: str
    """Name of the bus."""
    name: str
    pattern: str | None = None
    """Event pattern, JSON text."""
    schedule: str | None = None
    """`rate(…)` or `cron(…)`; only on the default bus."""
    state: RuleState = "ENABLED"
    description: str | None = None
    role_arn: str | None = None
    managed_by: str | None = None
    """The service that made it, when it was one."""
    created_by: str = ""
    """Account that made it."""
    created: float = 0.0
    """Seconds since 1970. A rule that was deleted and made anew under its name has another."""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputTransformer:
    """How an event becomes the text for a target."""

    template: str
    paths: Mapping[str, str] = field(default_factory=dict)
    """Variable of the template → JSON path in the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long it is tried to reach a target."""

    attempts: int = 185
    """Attempts after the first one, 0 to 185."""
    max_age: int = 86_400
    """Seconds, 60 to 86,400."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpParameters:
    """What a rule adds to the request of an API destination; values may be JSON paths (`$.detail.id`)."""

    path_values: Sequence[str] = ()
    """In place of the `*` of the endpoint, in order."""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the events of a rule go. At most one of `input`, `input_path` and `transformer` is given."""

    rule_arn: str
    target_id: str
    arn: str
    role_arn: str | None = None
    input: str | None = None
    """JSON text that is sent in place of the event."""
    input_path: str | None = None
    """JSON path of the part of the event that is sent."""
    transformer: InputTransformer | None = None
    retry: RetryPolicy = RetryPolicy()
    retry_given: bool = False
    """Whether the client has set it: only then it is told again."""
    dead_letter_arn: str | None = None
    """ARN of the queue for what could not be delivered."""
    http: HttpParameters | None = None
    message_group_id: str | None = None
    """`SqsParameters`: the group in a FIFO queue."""
    created: float = 0.0
    """Seconds since 1970, when it was last put."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event for a bus."""

    bus_arn: str
    event: Mapping[str, Any]
    """As rules see it: `version`, `id`, `detail-type`, `source`, `account`, `time`, `region`, `resources`, `detail`."""

    @property
    def event_id(self) -> str:
        return str(self.event["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class BusEvent:
    """An event that a bus has taken."""

    position: int
    """Among the events of all buses; ever rising, in order of arrival, with gaps."""
    bus_arn: str
    event_id: str
    event: Mapping[str, Any]
    arrived: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How the calls to HTTP endpoints are authorised."""

    arn: str
    account_id: str
    region: str
    name: str
    description: str | None = None
    authorization_type: str
    """`API_KEY`, `BASIC`, `OAUTH_CLIENT_CREDENTIALS`."""
    state: str = "AUTHORIZED"
    secret_arn: str
    shown: Mapping[str, Any]
    """`AuthParameters` as DescribeConnection tells them: no secrets."""
    sealed: bytes = b""
    """`AuthParameters` as they were given, JSON, sealed with the vault for the purpose `connection <arn>`."""
    created: float = 0.0
    modified: float = 0.0
    authorized: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDestination:
    """An HTTP endpoint that events can be sent to."""

    arn: str
    account_id: str
    region: str
    name: str
    description: str | None = None
    connection_arn: str
    endpoint: str
    """HTTPS URL; each `*` in its path stands for a value that a target gives."""
    method: str
    rate_limit: int | None = None
    """Requests in a second at most; `None`: 300."""
    created: float = 0.0
    modified: float = 0.0
