"""Tags and resource policies of dashboards, for whoever serves those of every kind of resource (reference of Lake, §4, §10)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from opentrail.lake import names
from opentrail.lake.dashboards import managed, store
from opentrail.lake.dashboards.store import Kept
from opentrail.lake.faults import (
    InvalidTagParameterException,
    ResourceNotFoundException,
    TagsLimitExceededException,
    UnsupportedOperationException,
)
from opentrail.storage.database import Database

MOST = 50
_CHARACTERS = re.compile(r"[\w \t.:/=+\-@]*")


def checked(tags: Sequence[Mapping[str, str]]) -> dict[str, str | None]:
    """Tags of a request by key. Raises `InvalidTagParameterException`, `TagsLimitExceededException`."""
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
    if len(found) > MOST:
        raise TagsLimitExceededException
    return found


class DashboardResources:
    """Dashboards by their ARN, as resources that have tags and a policy. Each method raises `ResourceNotFoundException` where there is no
    such dashboard; those that change something, `UnsupportedOperationException` where it comes with the service."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(store.METADATA)

    def tags(self, arn: str) -> Mapping[str, str | None]:
        """The tags by key."""
        with self._database.read() as connection:
            kept = _find(connection, arn)
        return kept.tags if kept else {}

    def add_tags(self, arn: str, tags: Mapping[str, str | None]) -> None:
        """Add tags, or give new values to those that are there. Raises `TagsLimitExceededException`."""
        with self._database.begin() as connection:
            kept = _own(connection, arn)
            together = {**kept.tags, **tags}
            if len(together) > MOST:
                raise TagsLimitExceededException
            store.change(connection, kept.id, {"tags": together})

    def remove_tags(self, arn: str, keys: Sequence[str]) -> None:
        """Remove the tags with these keys."""
        with self._database.begin() as connection:
            kept = _own(connection, arn)
            store.change(connection, kept.id, {"tags": {key: value for key, value in kept.tags.items() if key not in keys}})

    def policy(self, arn: str) -> str | None:
        """The resource policy; `None` when there is none."""
        with self._database.read() as connection:
            kept = _find(connection, arn)
        return kept.resource_policy if kept else None

    def put_policy(self, arn: str, policy: str) -> None:
        """Replace the resource policy, which is checked already."""
        self._change(arn, {"resource_policy": policy})

    def delete_policy(self, arn: str) -> None:
        """Remove the resource policy."""
        self._change(arn, {"resource_policy": None})

    def _change(self, arn: str, values: Mapping[str, Any]) -> None:
        with self._database.begin() as connection:
            store.change(connection, _own(connection, arn).id, values)


def _find(connection: Connection, arn: str) -> Kept | None:
    named = names.parse(arn)
    if named is None or named.kind != "dashboard":
        raise ResourceNotFoundException(f"The dashboard {arn[:300]} was not found.")
    kept = store.find(connection, named.account_id, named.region, named.id)
    if kept is None and (named.id not in managed.managed() or named.id == managed.HIGHLIGHTS):
        raise ResourceNotFoundException(f"The dashboard {arn[:300]} was not found.")
    return kept


def _own(connection: Connection, arn: str) -> Kept:
    kept = _find(connection, arn)
    if kept is None:
        raise UnsupportedOperationException("A dashboard that comes with the service has no tags or policy.")
    return kept
