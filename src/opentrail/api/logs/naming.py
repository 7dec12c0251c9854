"""Which log group a call means: by name, by identifier (a name or an ARN)."""

from __future__ import annotations

from functools import lru_cache

from opentrail.api.call import Call
from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.logs.names import group_of_arn
from opentrail.trails.regions import known_regions


@lru_cache(maxsize=256)
def partition_of(region: str) -> str:
    """`aws`, `aws-cn`, …"""
    return known_regions().partition(region)


def named_group(call: Call) -> str | None:
    """The name in `logGroupName` or `logGroupIdentifier`; `None` when neither is given, or the ARN is one of elsewhere.

    Raises `InvalidParameterException` when both are given.
    """
    name, identifier = call.parameters.get("logGroupName"), call.parameters.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise InvalidParameterException("LogGroupName and LogGroupIdentifier cannot be both provided.")
    if identifier is not None and identifier.startswith("arn:"):
        return group_of_arn(identifier, call.account_id, call.region)
    found = name if name is not None else identifier
    return None if found is None else str(found)


def required_group(call: Call) -> str:
    """The same where a group must be named. Raises `InvalidParameterException`."""
    found = named_group(call)
    if found is None:
        raise InvalidParameterException("Either LogGroupName or LogGroupIdentifier of a log group of this account and Region is required.")
    return found
