"""What log groups and streams may be called, and how ARNs name them. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from opentrail.monitoring.faults import InvalidParameterException

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):logs:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):log-group:(?P<name>[.\-_/#A-Za-z0-9]{1,512})(?P<rest>:\*)?"
)


class Place(NamedTuple):
    """What the ARN of a log group says."""

    partition: str
    region: str
    account_id: str
    name: str


def place_of_arn(arn: str) -> Place | None:
    """The group behind its ARN, with or without `:*`; `None` when it is not the ARN of a log group."""
    found = _ARN.fullmatch(arn)
    return Place(found["partition"], found["region"], found["account"], found["name"]) if found else None


def group_of_arn(arn: str, account_id: str, region: str) -> str | None:
    """The name of the group when `arn` is that of one of this account and Region."""
    place = place_of_arn(arn)
    return place.name if place is not None and (place.account_id, place.region) == (account_id, region) else None


def check_group_name(name: str) -> None:
    """Raises `InvalidParameterException`; the model has checked length and characters."""
    if name.startswith("aws/"):
        raise InvalidParameterException("Log groups starting with AWS/ are reserved for AWS.")


def check_stream_name(name: str) -> None:
    """Raises `InvalidParameterException` for a name that a stream cannot have."""
    if not name or len(name) > 512 or ":" in name or "*" in name:
        raise InvalidParameterException(
            f"1 validation error detected: Value '{name[:200]}' at 'logStreamName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [^:*]*"
        )
