"""What a question asks → one SELECT in Trino's words. Pure."""

from __future__ import annotations

from opentrail.lake.questions.reading import Meaning

_USUAL = (
    ("eventTime", "eventTime"),
    ("userIdentity.arn", "userArn"),
    ("eventSource", "eventSource"),
    ("eventName", "eventName"),
    ("awsRegion", "awsRegion"),
    ("sourceIPAddress", "sourceIPAddress"),
    ("errorCode", "errorCode"),
)
"""What a list of events shows."""


def build(meaning: Meaning, store: str) -> str:
    """The query over the store with this ID."""
    if meaning.counted is not None and not meaning.groups and not meaning.bucket:
        return _select([f"COUNT(DISTINCT {meaning.counted[0]}) AS number"], meaning, store)
    if not meaning.counts:
        columns = [_named(column, name) for column, name in (*_USUAL, *meaning.shown)]
        order = f"\nORDER BY eventTime {'ASC' if meaning.oldest else 'DESC'}"
        return _select(columns, meaning, store) + order + _limit(meaning)
    groups = [_named(column, name) for column, name in meaning.groups]
    if meaning.bucket:
        groups.insert(0, f"date_trunc('{meaning.bucket}', eventTime) AS {meaning.bucket}")
    measure = f"COUNT(DISTINCT {meaning.counted[0]}) AS number" if meaning.counted else "COUNT(*) AS events"
    text = _select([*groups, measure], meaning, store)
    if not groups:
        return text
    places = ", ".join(str(place) for place in range(1, len(groups) + 1))
    by_number = f"{len(groups) + 1} {'ASC' if meaning.least else 'DESC'}, 1"
    return f"{text}\nGROUP BY {places}\nORDER BY {places if meaning.bucket and not meaning.ranked else by_number}{_limit(meaning)}"


def _select(columns: list[str], meaning: Meaning, store: str) -> str:
    conditions = "\n  AND ".join(meaning.conditions)
    return f"SELECT {', '.join(columns)}\nFROM {store}" + (f"\nWHERE {conditions}" if conditions else "")


def _named(column: str, name: str) -> str:
    return column if column == name else f"{column} AS {name}"


def _limit(meaning: Meaning) -> str:
    return f"\nLIMIT {meaning.limit}" if meaning.limit else ""
