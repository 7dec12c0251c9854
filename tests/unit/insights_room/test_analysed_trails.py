"""Whose events are analysed: of trails that were stopped while nobody looked, of members of an organization, and of the past."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.insights.values import TRAILS
from opentrail.server.watching.analysed import Analysed, CallFacts
from opentrail.server.watching.past import PastAnalysed
from simulators.organization import MANAGER, OrganizationWorld
from simulators.trails import HOME

BOTH = [{"InsightType": "ApiCallRateInsight"}, {"InsightType": "ApiErrorRateInsight"}]


class Head:
    """Positions of a journal of which only the end matters."""

    def __init__(self) -> None:
        self.at = 5

    def head(self) -> int:
        return self.at


def facts(account_id: str = MANAGER, request_id: str | None = None, **members: Any) -> CallFacts:
    told: dict[str, Any] = {
        "event_category": "Management",
        "event_source": "ec2.amazonaws.com",
        "event_name": "RunInstances",
        "event_type": "AwsApiCall",
        "read_only": False,
        "recipient_account_id": account_id,
        "aws_region": HOME,
        "event_time": "2026-01-05T10:11:12Z",
        "request_id": request_id,
        **members,
    }
    return CallFacts(**told)


class Stage:
    """An organization, a journal that can grow, and what Insights see of its trails."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = OrganizationWorld(folder)
        self.end = Head()
        monkeypatch.setattr(self.world.trails, "_head", self.end.head)
        self.analysed = Analysed(self.world.database, self.world.clock, self.world.regions)
        self.past = PastAnalysed(Analysed(self.world.database, self.world.clock, self.world.regions))

    def trail(self, **settings: Any) -> str:
        arn = self.world.organization_trail(**settings)
        self.world.trails.put_insight_selectors(MANAGER, HOME, arn, BOTH)
        return arn

    def scopes(self, position: int, of: CallFacts) -> list[str]:
        return [taker.scope for taker in self.analysed.takers(position, of)]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage(tmp_path, monkeypatch)
    yield made
    made.world.database.close()


def test_a_trail_that_was_stopped_meanwhile_counts_up_to_its_end(stage: Stage) -> None:
    arn = stage.trail()
    stage.end.at = 9
    stage.world.trails.stop_logging(MANAGER, HOME, arn, "r-1")
    assert stage.analysed.renew(6)
    assert stage.analysed.arns() == [arn]
    assert [bool(stage.scopes(position, facts())) for position in (5, 6, 9, 10)] == [False, True, True, False]
    assert stage.scopes(12, facts(request_id="r-1")) == [TRAILS], "the record of the call that stopped it"
    assert not stage.analysed.is_lasting(7, facts())
    assert not stage.analysed.renew(8)
    assert stage.analysed.renew(9)
    assert stage.analysed.arns() == []
    assert not stage.analysed.renew(12)


def test_a_trail_that_was_stopped_and_started_meanwhile_does_not_count_in_between(stage: Stage) -> None:
    arn = stage.trail()
    stage.end.at = 9
    stage.world.trails.stop_logging(MANAGER, HOME, arn, "r-1")
    stage.end.at = 14
    stage.world.trails.start_logging(MANAGER, HOME, arn)
    assert stage.analysed.renew(6)
    assert [bool(stage.scopes(position, facts())) for position in (6, 9, 10, 14, 15)] == [True, True, False, False, True]
    assert stage.analysed.renew(9)
    assert stage.analysed.arns() == [arn]


def test_of_an_organization_each_account_is_analysed_while_it_is_a_member(stage: Stage) -> None:
    member = stage.world.member()
    arn = stage.trail()
    later = stage.world.member()
    stage.analysed.renew(6)
    assert stage.scopes(7, facts(MANAGER)) == stage.scopes(7, facts(member)) == stage.scopes(7, facts(later)) == [TRAILS]
    assert stage.scopes(7, facts("999988887777")) == []
    stage.end.at = 20
    stage.world.leave(member)
    stage.analysed.renew(7)
    assert stage.scopes(8, facts(member)) == [TRAILS]
    assert stage.scopes(21, facts(member)) == []
    assert stage.analysed.arns() == [arn]


def test_of_the_past_is_learnt_what_the_trail_would_have_taken(stage: Stage) -> None:
    member = stage.world.member()
    arn = stage.trail()
    selector = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "ExcludeManagementEventSources": ["kms.amazonaws.com"]}
    stage.world.trails.put_event_selectors(MANAGER, HOME, arn, [selector], None)
    stage.past.renew()

    def taken(of: CallFacts, by: str = arn) -> bool:
        return bool(stage.past.past_takers(by, of))

    assert taken(facts())
    assert taken(facts(member))
    assert not taken(facts("999988887777"))
    assert not taken(facts(read_only=True, error_code="AccessDenied"))
    assert not taken(facts(event_source="kms.amazonaws.com"))
    assert not taken(facts(aws_region="eu-west-1"))
    assert not taken(facts(), by=arn + "2")
    stage.world.trails.stop_logging(MANAGER, HOME, arn, "r-1")
    stage.past.renew()
    assert not taken(facts())
