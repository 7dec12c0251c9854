"""Tags of roots, units, accounts, policies and the resource policy. The functions work within a transaction of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from opentrail.identity.organizations.faults import ConstraintViolationException, InvalidInputException
from opentrail.identity.organizations.store import tags
from opentrail.identity.organizations.tree import Organization

MAX_TAGS = 50


def of(connection: Connection, resource_id: str) -> dict[str, str]:
    """The tags of a resource, by key."""
    rows = connection.execute(select(tags).where(tags.c.resource_id == resource_id).order_by(tags.c.key))
    return {row.key: row.value for row in rows}


def put(connection: Connection, organization: Organization, resource_id: str, added: Mapping[str, str]) -> None:
    """Add or replace tags. Raises `ConstraintViolationException` beyond 50."""
    if not added:
        return
    if len(of(connection, resource_id).keys() | added.keys()) > MAX_TAGS:
        raise ConstraintViolationException(f"A resource can have at most {MAX_TAGS} tags.", Reason="MAX_TAG_LIMIT_EXCEEDED")
    drop(connection, resource_id, list(added))
    rows = [{"organization_id": organization.id, "resource_id": resource_id, "key": key, "value": value} for key, value in added.items()]
    connection.execute(insert(tags), rows)


def drop(connection: Connection, resource_id: str, keys: Sequence[str] | None = None) -> None:
    """Take tags away, all of them when no keys are named; keys that are not there are no error."""
    query = delete(tags).where(tags.c.resource_id == resource_id)
    connection.execute(query if keys is None else query.where(tags.c.key.in_(keys)))


def checked(given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Tags of a request. Raises `InvalidInputException` for keys given twice and for keys that are AWS's own."""
    found: dict[str, str] = {}
    for tag in given:
        key = tag["Key"]
        if key.lower().startswith("aws:"):
            raise InvalidInputException(
                "You specified a tag key that is a system tag. Tag keys can't start with aws:.", Reason="INVALID_SYSTEM_TAGS_PARAMETER"
            )
        if key in found:
            raise InvalidInputException(
                f"You specified the tag key {key} twice. Tag keys must be unique on a resource.", Reason="DUPLICATE_TAG_KEY"
            )
        found[key] = tag["Value"]
    if len(found) > MAX_TAGS:
        raise ConstraintViolationException(f"A resource can have at most {MAX_TAGS} tags.", Reason="MAX_TAG_LIMIT_EXCEEDED")
    return found
