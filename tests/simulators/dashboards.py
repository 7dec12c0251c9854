"""What dashboards need around them: event data stores that a test makes, queries that end when it says so, widgets and policies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from opentrail.lake.event_data_store import ENABLED, EXTENDABLE, EventDataStore
from opentrail.lake.families import Family
from opentrail.lake.faults import MaxConcurrentQueriesException
from opentrail.lake.names import Place
from opentrail.wire.faults import Fault

ACCOUNT = "123456789012"
PLACE = Place(partition="aws", region="us-east-1", account_id=ACCOUNT)
STORE = "0a1b2c3d-1111-4222-8333-444455556666"


@dataclass
class StoresInMemory:
    """`Stores`."""

    known: dict[str, EventDataStore] = field(default_factory=dict)

    def add(self, store_id: str = STORE, *, family: Family = Family.EVENTS, **members: Any) -> EventDataStore:
        """A store of the default account, or as `members` say."""
        made = EventDataStore(
            id=store_id,
            partition="aws",
            region="us-east-1",
            account_id=ACCOUNT,
            name=f"store-{len(self.known)}",
            status=ENABLED,
            family=family,
            advanced_event_selectors=(),
            multi_region_enabled=True,
            organization_enabled=False,
            retention_period=366,
            billing_mode=EXTENDABLE,
            termination_protection_enabled=False,
            created_timestamp=0.0,
            updated_timestamp=0.0,
        )
        self.known[store_id] = replace(made, **members)
        return self.known[store_id]

    def change(self, store_id: str = STORE, **members: Any) -> None:
        """Another store in its place."""
        self.known[store_id] = replace(self.known[store_id], **members)

    def get(self, store_id: str) -> EventDataStore | None:
        return self.known.get(store_id)

    def all(self) -> Sequence[EventDataStore]:
        return tuple(self.known.values())

    def stretches(self) -> Sequence[Any]:
        return ()


@dataclass
class QueriesInMemory:
    """`RunsQueries` and `FollowsQueries`: remembers what was started; a query ends when `end` says so."""

    room: int = 10
    started: list[dict[str, Any]] = field(default_factory=list)
    over: set[str] = field(default_factory=set)
    refuse: Fault | None = None
    die_after: int | None = None
    """The process dies once that many queries have been started, before it can note the last one."""

    def start(self, *, account_id: str, region: str, statement: str, alias: str | None = None, refresh_id: str | None = None) -> str:
        if self.refuse is not None:
            raise self.refuse
        if len(self.started) - len(self.over) >= self.room:
            raise MaxConcurrentQueriesException
        query_id = f"query-{len(self.started)}"
        told = {
            "id": query_id,
            "account_id": account_id,
            "region": region,
            "statement": statement,
            "alias": alias,
            "refresh_id": refresh_id,
        }
        self.started.append(told)
        if self.die_after == len(self.started):
            self.die_after = None
            raise Died
        return query_id

    def ended(self, query_id: str) -> bool:
        return query_id in self.over

    def find(self, *, account_id: str, region: str, alias: str, refresh_id: str) -> str | None:
        found = [one["id"] for one in self.started if (one["alias"], one["refresh_id"]) == (alias, refresh_id)]
        return found[-1] if found else None

    def end(self) -> None:
        """All of them end."""
        self.over |= {one["id"] for one in self.started}


class Died(BaseException):
    """The process is killed."""


def widget(statement: str = f"SELECT eventName FROM {STORE}", parameters: Sequence[str] = (), **view: str) -> dict[str, Any]:
    """A table, or as `view` says."""
    made: dict[str, Any] = {
        "QueryStatement": statement,
        "ViewProperties": {"Height": "2", "Width": "4", "Title": "A title", "View": "Table", **view},
    }
    return made | ({"QueryParameters": list(parameters)} if parameters else {})


def policy(action: str, resource: str, dashboard_arn: str) -> str:
    """The resource policy that lets CloudTrail do `action` for a dashboard."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {"StringEquals": {"AWS:SourceArn": dashboard_arn, "AWS:SourceAccount": ACCOUNT}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
