"""ListInsightsData and ListInsightsMetricData over the wire: who may ask, how often, whose Insights they hear of, and odd requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail import signing
from opentrail.api.cloudtrail import CloudTrailService
from opentrail.api.cloudtrail.insights import InsightsOperations
from opentrail.identity.credentials import Credential
from opentrail.identity.organizations.service_names import CLOUDTRAIL
from opentrail.insights import rates, store
from opentrail.insights.faults import ThrottlingException
from opentrail.insights.rates import Rate
from opentrail.insights.values import TRAILS, Series
from opentrail.storage.database import Database
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.neighbours import Neighbours
from simulators.front_door import ACCOUNT as MANAGER
from simulators.front_door import FrontDoor
from simulators.trails import REGIONS, Buckets, key_pair

REGION = "us-east-1"
ALL = f"arn:aws:cloudtrail:{REGION}:{MANAGER}:trail/all"
DATA: dict[str, Any] = {"InsightSource": ALL, "DataType": "InsightsEvents"}
METRIC: dict[str, Any] = {"EventSource": "iam.amazonaws.com", "EventName": "DeleteRole", "InsightType": "ApiCallRateInsight"}
OF_TRAIL: dict[str, Any] = {**METRIC, "EventSource": "s3.amazonaws.com", "EventName": "PutObject", "TrailName": ALL}


class Stage:
    """A front whose root account manages an organization with a trail for all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "signing"
        self.insights = Database.at(folder / "insights.db")
        self.door = FrontDoor(folder, services=self._services)
        self.identities = self.door.identities
        organizations = self.identities.organizations
        organizations.accompanied_by(self.trails.organization)
        organizations.create(MANAGER)
        organizations.services.enable(MANAGER, CLOUDTRAIL)
        self.trails.create(MANAGER, REGION, "all", Wanted(s3_bucket_name="logs", is_organization_trail=True), {})

    def _services(self, door: FrontDoor) -> list[Any]:
        neighbours = Neighbours(organizations=door.identities.organizations.asked)
        self.trails = Trails(door.database, door.clock, buckets=Buckets(door.clock), regions=REGIONS, head=lambda: 0, neighbours=neighbours)
        keys = signing.SigningKeys(door.database, self.folder, door.clock, generate=lambda: key_pair(1))
        return [CloudTrailService(self.trails, keys, InsightsOperations(self.insights, self.trails).operations)]

    def member(self, *, delegated: bool = False) -> Credential:
        """The root user of a new member."""
        made = self.identities.organizations.accounts.create(MANAGER, email=f"{self.door.clock.time()}@example.com", name="m", tags={})
        self.door.clock.advance(1)
        assert made.account_id is not None
        if delegated:
            self.identities.organizations.services.register(MANAGER, made.account_id, CLOUDTRAIL)
        return self.identities.ensure_root(made.account_id)

    def user(self, *statements: tuple[str, str]) -> Credential:
        """A user of the management account with these rights: action and resource."""
        user = self.identities.users.create(MANAGER, f"user-{len(statements)}-{abs(hash(statements))}")
        allowed = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in statements]
        self.identities.attachments.put_inline(MANAGER, "user", user.name, "p", json.dumps({"Version": "2012-10-17", "Statement": allowed}))
        made, _ = self.identities.access_keys.create(MANAGER, user.name)
        found = self.identities.credential(made.access_key_id)
        assert found is not None
        return found

    def found(self, account_id: str, event_id: str) -> None:
        """An Insights event of that account's data events, and a count behind it."""
        now = int(self.door.clock.time())
        with self.insights.begin() as connection:
            store.list_event(
                connection,
                {
                    "event_id": event_id, "insight_source": ALL, "account_id": account_id, "region": REGION, "time": now,
                    "event_source": "s3.amazonaws.com", "event_name": "PutObject", "record": b"{}",
                },
            )  # fmt: skip
            for series in (
                Series(ALL, account_id, REGION, "s3.amazonaws.com", "PutObject"),
                Series(TRAILS, account_id, REGION, "iam.amazonaws.com", "DeleteRole"),
            ):
                (number,) = store.series_ids(connection, [series]).values()
                store.add_points(connection, {(number, 3600, now - now % 3600): int(account_id) % 1000 * 60})

    def __call__(self, operation: str, key: Credential | None = None, **parameters: Any) -> tuple[str, dict[str, Any]]:
        """The code of what was refused, or nothing; and the answer. A second after the last one."""
        self.door.clock.advance(1)
        answered = self.door.ask(self.door.json(operation, parameters, key=key))
        found = json.loads(answered.body)
        assert answered.status < 500, found
        return str(found.get("__type", "")), found


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.door.close()
    made.insights.close()


@pytest.mark.parametrize(
    ("operation", "asked", "rights", "allowed"),
    [
        ("ListInsightsData", DATA, [("cloudtrail:ListInsightsData", ALL)], True),
        ("ListInsightsData", DATA, [("cloudtrail:List*", "*")], True),
        ("ListInsightsData", DATA, [("cloudtrail:LookupEvents", "*")], False),
        ("ListInsightsData", DATA, [("cloudtrail:ListInsightsData", ALL + "2")], False),
        ("ListInsightsMetricData", METRIC, [("cloudtrail:LookupEvents", "*")], True),
        ("ListInsightsMetricData", METRIC, [("cloudtrail:ListInsightsMetricData", "*")], False),
        ("ListInsightsMetricData", METRIC, [("cloudtrail:ListInsightsData", "*")], False),
        ("ListInsightsMetricData", OF_TRAIL, [("cloudtrail:LookupEvents", "*"), ("cloudtrail:ListInsightsData", ALL)], True),
        ("ListInsightsMetricData", OF_TRAIL, [("cloudtrail:LookupEvents", "*")], False),
        ("ListInsightsMetricData", OF_TRAIL, [("cloudtrail:ListInsightsData", "*")], False),
        ("ListInsightsMetricData", {**OF_TRAIL, "TrailName": "all"}, [("cloudtrail:*", ALL), ("cloudtrail:LookupEvents", "*")], True),
    ],
)
def test_what_the_caller_must_be_allowed(
    stage: Stage, operation: str, asked: dict[str, Any], rights: list[tuple[str, str]], allowed: bool
) -> None:
    code, said = stage(operation, stage.user(*rights), **asked)
    assert code == ("" if allowed else "AccessDeniedException"), said
    if not allowed:
        assert "is not authorized to perform: cloudtrail:" in said["Message"]


def test_of_an_organization_trail_managers_and_delegates_hear_of_their_own_account(stage: Stage) -> None:
    delegate, member = stage.member(delegated=True), stage.member()
    for key in (delegate, member):
        stage.found(key.principal.account_id, f"of-{key.principal.account_id}")
    stage.found(MANAGER, f"of-{MANAGER}")
    askers: list[tuple[Credential | None, str]] = [(None, MANAGER), (delegate, delegate.principal.account_id)]
    for asker, account_id in askers:
        code, said = stage("ListInsightsData", asker, **DATA)
        assert (code, [event["EventId"] for event in said["Events"]]) == ("", [f"of-{account_id}"])
        code, said = stage("ListInsightsMetricData", asker, **OF_TRAIL)
        assert (code, said["TrailARN"], said["Values"]) == ("", ALL, [float(int(account_id) % 1000)])
    for operation, asked in (("ListInsightsData", DATA), ("ListInsightsMetricData", OF_TRAIL)):
        code, said = stage(operation, member, **asked)
        assert code == "OperationNotPermittedException", said
        assert "delegated administrators" in said["Message"]
    # Management events are the account's own, whoever's trail it was that took them.
    code, said = stage("ListInsightsMetricData", member, **METRIC)
    assert (code, said["Values"]) == ("", [float(int(member.principal.account_id) % 1000)])


def test_who_has_left_the_organization_knows_nothing_of_its_trail(stage: Stage) -> None:
    stranger = stage.identities.ensure_root("999988887777")
    stage.found("999988887777", "theirs")
    for operation, asked in (("ListInsightsData", DATA), ("ListInsightsMetricData", OF_TRAIL)):
        code, said = stage(operation, stranger, **asked)
        assert code in ("InvalidParameterException", "OperationNotPermittedException"), said


def test_more_often_than_the_limit_is_throttled_and_recorded(stage: Stage) -> None:
    for operation, asked, a_second in (("ListInsightsData", DATA, 2), ("ListInsightsMetricData", METRIC, 1)):
        codes = []
        stage.door.clock.advance(5)
        for _ in range(4):
            answered = stage.door.ask(stage.door.json(operation, asked))
            codes.append(json.loads(answered.body).get("__type", ""))
            assert answered.status in (200, 400)
        assert codes == [""] * a_second + ["ThrottlingException"] * (4 - a_second)
        assert stage(operation, **asked)[0] == ""


def test_each_account_and_region_has_its_own_rate_and_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_KEPT", 10)
    rate = Rate(2)
    for number in range(100):
        rate.take(str(number), REGION, 1000.0)
        rate.take(str(number), "eu-west-1", 1000.0)
    assert len(rate._left) == 10
    rate.take("a", REGION, 1000.0)
    rate.take("a", REGION, 1000.0)
    with pytest.raises(ThrottlingException):
        rate.take("a", REGION, 900.0)  # the clock went back
    rate.take("a", REGION, 900.5)


ODD = st.one_of(
    st.text(max_size=30), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none(), st.booleans(),
    st.lists(st.text(max_size=3), max_size=3), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    st.sampled_from([1e300, -1e300, 10**30, -(10**30), 253_402_300_800, "x" * 5001, "\x00", "arn:aws:cloudtrail:::", ALL + "/../x"]),
)  # fmt: skip
MEMBERS = {
    "ListInsightsData": (DATA, ("InsightSource", "DataType", "Dimensions", "StartTime", "EndTime", "MaxResults", "NextToken")),
    "ListInsightsMetricData": (
        METRIC,
        (
            "TrailName", "EventSource", "EventName", "InsightType", "ErrorCode", "StartTime", "EndTime", "Period", "DataType",
            "MaxResults", "NextToken",
        ),
    ),
}  # fmt: skip


@given(operation=st.sampled_from(sorted(MEMBERS)), drawn=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_odd_requests_are_answered_or_refused(stage: Stage, operation: str, drawn: st.DataObject) -> None:
    asked, members = MEMBERS[operation]
    odd = drawn.draw(st.dictionaries(st.sampled_from(members), ODD, min_size=1, max_size=3))
    code, said = stage(operation, **{**asked, **odd})
    assert code != "InternalFailure", said
    if code:
        assert said.get("Message") or said.get("message")


@pytest.mark.parametrize("seconds", [1e300, -1e300, 253_402_300_800, -62_135_596_801, 0, -1])
@pytest.mark.parametrize("member", ["StartTime", "EndTime"])
@pytest.mark.parametrize("operation", sorted(MEMBERS))
def test_times_beyond_every_calendar(stage: Stage, operation: str, member: str, seconds: float) -> None:
    code, said = stage(operation, **MEMBERS[operation][0], **{member: seconds})
    assert code in ("", "InvalidParameterException", "SerializationException", "ValidationException"), said
