"""Tags of trails (reference of trails, §8).

Channels, dashboards and event data stores are not served yet: none exists, so none is found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlalchemy.engine import Connection

from opentrail.trails import names, organization_members, store
from opentrail.trails.control import Trails
from opentrail.trails.faults import (
    CloudTrailARNInvalidException,
    InvalidTagParameterException,
    ResourceNotFoundException,
    ResourceTypeNotSupportedException,
    TagsLimitExceededException,
    TrailNotFoundException,
)
from opentrail.trails.store import Trail

MOST_TAGS = 50
MOST_RESOURCES = 20
_TAGGABLE = ("trail", "eventdatastore", "channel", "dashboard")
_CHARACTERS = re.compile(r"[\w \t.:/=+\-@]*")


def checked(tags: Sequence[Mapping[str, str]]) -> dict[str, str | None]:
    """Tags of a request by key. Raises `InvalidTagParameterException` or `TagsLimitExceededException`."""
    found: dict[str, str | None] = {}
    for tag in tags:
        key, value = tag["Key"], tag.get("Value")
        if key in found:
            raise InvalidTagParameterException(f"The tag key {key} is specified more than once.")
        if not 1 <= len(key) <= 128 or len(value or "") > 256 or key.lower().startswith("aws:"):
            raise InvalidTagParameterException(f"The tag with key {key} is not valid.")
        if not _CHARACTERS.fullmatch(key) or not _CHARACTERS.fullmatch(value or ""):
            raise InvalidTagParameterException(f"The tag with key {key} contains characters that cannot be used.")
        found[key] = value
    if len(found) > MOST_TAGS:
        raise TagsLimitExceededException
    return found


def add_tags(trails: Trails, account_id: str, region: str, resource_id: str, tags: Sequence[Mapping[str, str]]) -> None:
    """Add tags to a trail; existing keys get the new values."""
    given = checked(tags)
    with trails.database.begin() as connection:
        trail = _to_tag(trails, connection, account_id, region, resource_id)
        if len(store.tags(connection, trail.id).keys() | given.keys()) > MOST_TAGS:
            raise TagsLimitExceededException
        store.put_tags(connection, trail.id, given)


def remove_tags(trails: Trails, account_id: str, region: str, resource_id: str, keys: Sequence[str]) -> None:
    """Remove the tags with these keys from a trail."""
    with trails.database.begin() as connection:
        store.remove_tags(connection, _to_tag(trails, connection, account_id, region, resource_id).id, keys)


def list_tags(trails: Trails, account_id: str, region: str, resource_ids: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """The tags of up to 20 trails, by ARN. Raises `CloudTrailARNInvalidException` when they are of several owners."""
    if len(resource_ids) > MOST_RESOURCES:
        raise CloudTrailARNInvalidException(f"Specify at most {MOST_RESOURCES} resources.")
    with trails.database.read() as connection:
        found = {arn: _trail(trails, connection, account_id, region, arn) for arn in resource_ids}
        return {arn: store.tags(connection, trail.id) for arn, trail in found.items()}


def tags_of(trails: Trails, account_id: str, arn: str) -> dict[str, str | None]:
    """The tags that policies see for the trail `arn` (`aws:ResourceTag/…`); none when there is no such trail."""
    with trails.database.read() as connection:
        for trail in (*store.trails_of(connection, account_id), *organization_members.copies(connection, account_id)):
            if trail.arn == arn:
                return store.tags(connection, trail.id)
    return {}


def _to_tag(trails: Trails, connection: Connection, account_id: str, region: str, resource_id: str) -> Trail:
    trail = _trail(trails, connection, account_id, region, resource_id)
    if trail.home_region != region:
        raise CloudTrailARNInvalidException(f"Region in ARN is wrong, you can only access resources in region {region}.")
    return trail


def _trail(trails: Trails, connection: Connection, account_id: str, region: str, resource_id: str) -> Trail:
    kind = names.resource_type(resource_id)
    if kind not in _TAGGABLE:
        raise ResourceTypeNotSupportedException(f"Resources of the type {kind} cannot be tagged.")
    if kind != "trail":
        raise ResourceNotFoundException(f"The resource {resource_id} does not exist.")
    if names.parse_arn(resource_id).account_id != account_id:
        raise CloudTrailARNInvalidException("You cannot have resources belonging to multiple owners")
    try:
        return trails.finding.find(connection, account_id, region, resource_id)
    except TrailNotFoundException as missing:
        raise ResourceNotFoundException(f"The resource {resource_id} does not exist.") from missing
