"""What can be a target: the kinds, by their ARNs. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

Kind = Literal["topic", "queue", "function", "log-group", "bus", "api-destination", "chat"]

_WHERE: Final = r"[a-z0-9-]{1,64}:[0-9]{12}"
_KINDS: Final[Mapping[Kind, re.Pattern[str]]] = {
    "topic": re.compile(rf"arn:aws[a-z-]*:sns:{_WHERE}:[A-Za-z0-9_-]{{1,256}}"),
    "queue": re.compile(rf"arn:aws[a-z-]*:sqs:{_WHERE}:[A-Za-z0-9_-]{{1,80}}(?:\.fifo)?"),
    "function": re.compile(rf"arn:aws[a-z-]*:lambda:{_WHERE}:function:[A-Za-z0-9_-]{{1,140}}(?::[$A-Za-z0-9_-]{{1,128}})?"),
    "log-group": re.compile(rf"arn:aws[a-z-]*:logs:{_WHERE}:log-group:/aws/(?:events|vendedlogs)/[.\-_/#A-Za-z0-9]{{1,500}}(?::\*)?"),
    "bus": re.compile(rf"arn:aws[a-z-]*:events:{_WHERE}:event-bus/[/.\-_A-Za-z0-9]{{1,256}}"),
    "api-destination": re.compile(rf"arn:aws[a-z-]*:events:{_WHERE}:api-destination/[.\-_A-Za-z0-9]{{1,64}}/[A-Za-z0-9-]{{1,64}}"),
    "chat": re.compile(r"arn:aws[a-z-]*:opentrail:::chat/[A-Za-z0-9_.-]{1,128}"),
}
KNOWN: Final = (
    "SNS topics, SQS queues, Lambda functions, log groups whose names begin with /aws/events/, event buses, API destinations and "
    "chat channels (arn:aws:opentrail:::chat/CHANNEL)"
)
"""Where events can go, in words."""


def kind_of(arn: str) -> Kind | None:
    """What an ARN names; `None` when it is nothing to which events can go."""
    return next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(arn)), None)


def takes_role(kind: Kind | None) -> bool:
    """Whether EventBridge reaches targets of this kind with a role (guide, "Permissions for targets"); others have policies for it."""
    return kind not in ("log-group", "chat")


def place_of(arn: str) -> tuple[str, str]:
    """Region and account in an ARN, empty where it has none."""
    parts = arn.split(":", 5)
    return (parts[3], parts[4]) if len(parts) == 6 else ("", "")
