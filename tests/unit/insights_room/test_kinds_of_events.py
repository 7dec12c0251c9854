"""What is remembered of a kind of event, and when it is asked again; names of recent callers come back as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.clock import ManualClock
from opentrail.insights.counts import Attributed, Counts
from opentrail.insights.recent import Recent
from opentrail.server.watching.analysed import Analysed
from opentrail.storage.database import Database
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.regions import known_regions
from simulators.insight_sources import ACCOUNT, REGION, CallJournal, OneTrail

NOON = 1_767_614_400.0
names = st.dictionaries(st.text(max_size=5), st.integers(1, 100), max_size=5)


class AnyBucket:
    """Lets every trail deliver."""

    def check(self, **_: Any) -> None: ...
    def put(self, **_: Any) -> None: ...


@pytest.mark.parametrize(
    ("members", "lasting"),
    [
        ({}, True),
        ({"readOnly": True, "errorCode": "AccessDenied"}, True),
        ({"eventSource": "sts.amazonaws.com"}, False),
        ({"eventCategory": "Data"}, False),
    ],
)
def test_a_trail_takes_management_events_by_their_kind(tmp_path: Path, members: dict[str, Any], lasting: bool) -> None:
    clock, state = ManualClock(), Database.at(tmp_path / "state.db")
    trails = Trails(state, clock, buckets=AnyBucket(), regions=known_regions(), head=lambda: 5)
    trails.create(ACCOUNT, REGION, "audit", Wanted(s3_bucket_name="logs"), {})
    trails.put_insight_selectors(ACCOUNT, REGION, "audit", [{"InsightType": "ApiCallRateInsight"}])
    trails.start_logging(ACCOUNT, REGION, "audit")
    sources, journal = Analysed(state, clock, known_regions()), CallJournal()
    sources.renew(0)
    journal.call(NOON, **members)
    (facts,) = sources.facts(journal.entries)
    assert facts is not None
    assert sources.is_lasting(6, facts) is lasting
    assert not sources.is_lasting(5, facts)
    trails.stop_logging(ACCOUNT, REGION, "audit", "r-1")
    assert sources.renew(0)
    assert not sources.takers(6, facts)
    state.close()


def test_what_was_remembered_is_asked_again_when_others_take_events() -> None:
    sources, journal = OneTrail(), CallJournal()
    counts = Counts(sources)
    journal.call(NOON)
    counts.take(journal.entries)
    sources.switch(on=False)
    counts.begin_anew()
    counts.take(journal.entries)
    counts.settle()
    assert [tally.count for tally in counts.open[int(NOON) // 60].values()] == [1]


@pytest.mark.parametrize("settled", [1, 3, 100])
def test_when_it_is_settled_makes_no_difference(settled: int) -> None:
    counts, journal = Counts(OneTrail()), CallJournal()
    for number in range(100):
        journal.call(NOON + number, errorCode="Throttling" if number % 3 else None, userAgent=f"agent{number % 4}")
    for at in range(0, 100, settled):
        counts.take(journal.entries[at : at + settled])
        counts.settle()
    once = Counts(OneTrail())
    once.take(journal.entries)
    assert once.earliest_minute == int(NOON) // 60
    once.settle()
    assert counts.open == once.open


@given(st.lists(st.tuples(st.integers(0, 5), names, names, names), max_size=20))
def test_recent_callers_come_back_as_they_were(calls: list[tuple[int, dict[str, int], dict[str, int], dict[str, int]]]) -> None:
    recent, plain = Recent(), dict[int, Attributed]()
    for minute, *sketches in calls:
        recent.add(minute, Attributed(*(dict(sketch) for sketch in sketches)))
        plain.setdefault(minute, Attributed()).join(Attributed(*sketches))
    assert dict(recent.items()) == plain
    for minute, by in plain.items():
        assert recent.pop([minute]) == [(minute, by)]
    assert not dict(recent.items())
