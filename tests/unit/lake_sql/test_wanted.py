"""What a statement wants of its stores: said only where no other row can matter."""

from __future__ import annotations

import pytest

from opentrail.lake.families import Family
from opentrail.lake.sql.translation import translate
from opentrail.lake.sql.wanted import Wanted

STORE = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456"
OTHER = "aaaaaaaa-0000-4000-8000-bbbbbbbbbbbb"
ARN = "resources.list.element.arn"
KEY = "useridentity.accesskeyid"


def _wanted(statement: str) -> list[tuple[str, tuple[str, ...]]]:
    found = translate(statement.replace("@other", OTHER).replace("@", STORE), {STORE: Family.EVENTS, OTHER: Family.EVENTS}).wanted
    assert all(isinstance(one, Wanted) and one.store_id == STORE for one in found)
    return [(one.leaf, one.values) for one in found]


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("SELECT 1 AS n FROM @ WHERE eventID = 'a'", [("eventid", ("a",))]),
        ("SELECT 1 AS n FROM @ WHERE 'it''s' = eventID", [("eventid", ("it's",))]),
        ("SELECT 1 AS n FROM @ WHERE requestId IN ('a', 'b')", [("requestid", ("a", "b"))]),
        ("SELECT 1 AS n FROM @ AS e WHERE e.userIdentity.accessKeyId = 'K' AND e.eventID = 'a'", [(KEY, ("K",)), ("eventid", ("a",))]),
        ("SELECT 1 AS n FROM @ WHERE (eventName = 'x' AND userIdentity.accessKeyId = 'K')", [(KEY, ("K",))]),
        ("SELECT 1 AS n FROM @ WHERE any_match(resources, r -> r.arn = 'x')", [(ARN, ("x",))]),
        ("SELECT 1 AS n FROM @ WHERE any_match(resources, r -> r.type = 't' AND r.ARN IN ('x', 'y'))", [(ARN, ("x", "y"))]),
        ("SELECT count(*) AS n FROM (SELECT eventName FROM @ WHERE eventID = 'a' GROUP BY eventName) AS t", [("eventid", ("a",))]),
        ("WITH w AS (SELECT eventName FROM @ WHERE eventID = 'a') SELECT 1 AS n FROM w", [("eventid", ("a",))]),
        ("SELECT e.eventName FROM @ AS e CROSS JOIN UNNEST(e.resources) AS r WHERE e.eventID = 'a'", [("eventid", ("a",))]),
        ("SELECT a.eventName FROM @other AS a JOIN (SELECT * FROM @ WHERE eventID = 'a') AS b ON true", [("eventid", ("a",))]),
    ],
)
def test_what_every_row_must_say(statement: str, wanted: list[tuple[str, tuple[str, ...]]]) -> None:
    assert _wanted(statement) == wanted


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 AS n FROM @ WHERE eventID = 'a' OR eventName = 'x'",
        "SELECT 1 AS n FROM @ WHERE NOT eventID = 'a'",
        "SELECT 1 AS n FROM @ WHERE eventID <> 'a'",
        "SELECT 1 AS n FROM @ WHERE eventID NOT IN ('a', 'b')",
        "SELECT 1 AS n FROM @ WHERE eventID IN ('a', eventName)",
        "SELECT 1 AS n FROM @ WHERE eventID LIKE 'a'",
        "SELECT 1 AS n FROM @ WHERE lower(eventID) = 'a'",
        "SELECT 1 AS n FROM @ WHERE eventName = 'a'",
        "SELECT 1 AS n FROM @ WHERE none_match(resources, r -> r.arn = 'x')",
        "SELECT 1 AS n FROM @ WHERE all_match(resources, r -> r.arn = 'x')",
        "SELECT 1 AS n FROM @ WHERE any_match(resources, r -> r.arn = 'x' OR r.type = 'y')",
        "SELECT count(*) FILTER (WHERE eventID = 'a') AS n FROM @",
        "SELECT eventID AS e FROM @ GROUP BY eventID HAVING eventID = 'a'",
        # a store that is named twice: its rows may matter elsewhere
        "SELECT 1 AS n FROM @ WHERE eventID = 'a' UNION ALL SELECT 2 FROM @",
        "SELECT a.eventID FROM @ AS a LEFT JOIN @ AS b ON a.requestID = b.requestID WHERE a.eventID = 'a'",
        "SELECT a.eventID FROM @ AS a LEFT JOIN @other AS b ON a.requestID = b.requestID WHERE b.eventID = 'a'",
        # names that mean something else
        "SELECT 1 AS n FROM @ AS resources WHERE any_match(resources.resources, r -> r.arn = 'x')",
        "SELECT 1 AS n FROM @ TABLESAMPLE BERNOULLI (50) WHERE eventID = 'a'",
    ],
)
def test_where_other_rows_may_matter_nothing_is_wanted(statement: str) -> None:
    assert _wanted(statement) == []
