"""A channel as a value, and the rules for its name, source and destinations (reference of Lake, §3). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from opentrail.events.activity import DEFAULT_CHANNEL
from opentrail.lake import names
from opentrail.lake.faults import InvalidParameterException, InvalidSourceException

CUSTOM: Final = "Custom"
SERVICE_LINKED: Final = "CloudTrail"
"""Source of the channels that AWS services make; they carry CloudTrail's own events and take none from outside."""
PARTNERS: Final = frozenset(
    {
        "CloudStorageSecurityConsole",
        "Clumio",
        "CrowdStrike",
        "CyberArk",
        "GitHub",
        "IBMMulticloud",
        "KongGatewayEnterprise",
        "LaunchDarkly",
        "MontyCloud",
        "NetskopeCloudExchange",
        "OktaSystemLogEvents",
        "OneLogin",
        "Shoreline",
        "Snyk",
        "WizAuditLogs",
    }
)
"""Sources of which an account has one channel in a Region at the most."""
DEFAULT_NAME: Final = "OpenTrail-Applications"
"""Name of the default channel, and of the store that is made for it."""
MOST_CHANNELS: Final = 25
MOST_DESTINATIONS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel, as it is now."""

    arn: str
    id: str
    partition: str
    region: str
    account_id: str
    name: str
    source: str
    store_ids: tuple[str, ...]
    """Ids of the stores its events go to. Empty only for a default channel whose store could not be made."""
    created_at: float
    """Epoch seconds; likewise below."""
    updated_at: float
    resource_policy: str | None = None
    source_config: Mapping[str, Any] | None = None
    """`SourceConfig` of service-linked channels."""
    tags: Mapping[str, str] = field(default_factory=dict)

    def store_arn(self, store_id: str) -> str:
        """The ARN of one of its destinations: always of the same account and Region."""
        return f"arn:{self.partition}:cloudtrail:{self.region}:{self.account_id}:eventdatastore/{store_id}"

    @property
    def takes_activity(self) -> bool:
        """Whether PutAuditEvents may put events into it."""
        return self.source != SERVICE_LINKED


def checked_name(name: str) -> str:
    """Raises `InvalidParameterException`."""
    if not names.NAME.fullmatch(name):
        raise InvalidParameterException("The name of a channel has 3 to 128 letters, digits, dots, underscores and hyphens.")
    return name


def checked_source(source: str) -> str:
    """Raises `InvalidSourceException`."""
    if source != CUSTOM and source not in PARTNERS:
        raise InvalidSourceException(f"{source[:256]!r} is no source of events: give {CUSTOM}, or one of {', '.join(sorted(PARTNERS))}.")
    return source


def is_default(name: str) -> bool:
    """Whether a channel of this name is the one that programs use which name none."""
    return name == DEFAULT_NAME


def channel_arn(place: names.Place, channel_id: str = DEFAULT_CHANNEL) -> str:
    """The ARN of a channel in `place`."""
    return f"arn:{place.partition}:cloudtrail:{place.region}:{place.account_id}:channel/{channel_id}"
