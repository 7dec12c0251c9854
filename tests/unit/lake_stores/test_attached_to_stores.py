"""Tags, resource policies, event configurations and Insights selectors of stores; and how another kind of resource joins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from opentrail.lake import names
from opentrail.lake.names import Named
from opentrail.lake.stores import attachments, event_configuration, insights
from opentrail.lake.stores.carriers import OwnedCarrier, StoreCarrier
from opentrail.lake.stores.event_configuration import REQUEST_KEYS
from opentrail.lake.stores.resource_policies import ResourcePolicies
from opentrail.lake.stores.tags import LakeTags
from opentrail.wire.faults import Fault
from simulators.event_data_stores import DATA, DAY, HOME, MANAGER, StoreWorld, only

CHANNEL = f"arn:aws:cloudtrail:{HOME}:{MANAGER}:channel/1234abcd-12ab-34cd-56ef-1234567890ab"
DASHBOARD = f"arn:aws:cloudtrail:{HOME}:{MANAGER}:dashboard/board"


class Attached(StoreWorld):
    """Stores, and one channel that has joined."""

    def __post_init__(self) -> None:
        super().__post_init__()
        carriers = [StoreCarrier(self.stores), OwnedCarrier("channel", self._exists)]
        self.tags = LakeTags(self.database, carriers)
        self.policies = ResourcePolicies(self.stores, carriers)

    def _exists(self, connection: Connection, named: Named) -> bool:
        return named.arn == CHANNEL


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Attached]:
    made = Attached(tmp_path)
    yield made
    made.close()


def code(call: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(Fault) as raised:
        call(*args, **named)
    return raised.value.code


def named(arn: str) -> Named:
    found = names.parse(arn)
    assert found is not None
    return found


def policy(arn: str, action: str = "cloudtrail:GetEventDataStore", principal: str = "444455556666") -> str:
    one = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [one]})


# Tags


def test_fifty_tags_and_no_more(world: Attached) -> None:
    made = world.create(tags={f"k{number}": "" for number in range(49)})
    who = (MANAGER, HOME, named(made.arn))
    world.tags.add(*who, {"k0": "new", "last": "one"})
    assert code(world.tags.add, *who, {"more": ""}) == "TagsLimitExceededException"
    assert len(world.tags.list(*who)) == 50
    assert world.tags.of(made.arn)["k0"] == "new"
    world.tags.remove(*who, ["k0", "absent"])
    assert "k0" not in world.again(made).tags
    assert code(world.tags.add, MANAGER, "eu-west-1", named(made.arn), {}) == "CloudTrailARNInvalidException"
    assert code(world.tags.list, MANAGER, HOME, named(made.arn[:-3] + "000")) == "ResourceNotFoundException"
    world.delete(made)
    assert code(world.tags.list, *who) == "InactiveEventDataStoreException"


def test_a_channel_joins_by_its_arn(world: Attached) -> None:
    world.tags.add(MANAGER, HOME, named(CHANNEL), {"a": "b"})
    assert world.tags.list(MANAGER, HOME, named(CHANNEL)) == {"a": "b"}
    text = policy(CHANNEL, "cloudtrail-data:PutAuditEvents")
    assert world.policies.put(MANAGER, HOME, CHANNEL, text).own == text
    assert world.policies.of(named(CHANNEL)) == text
    assert code(world.policies.get, MANAGER, HOME, CHANNEL[:-1] + "0") == "ResourceNotFoundException"
    assert code(world.policies.get, "444455556666", HOME, CHANNEL) == "ResourceNotFoundException"
    with world.database.begin() as connection:
        attachments.forget(connection, CHANNEL)
    assert (world.tags.of(CHANNEL), world.policies.of(named(CHANNEL))) == ({}, None)


def test_what_has_not_joined_carries_nothing(world: Attached) -> None:
    assert code(world.tags.list, MANAGER, HOME, named(DASHBOARD)) == "ResourceTypeNotSupportedException"
    assert code(world.policies.get, MANAGER, HOME, DASHBOARD) == "ResourceTypeNotSupportedException"


# Resource policies


def test_a_policy_is_kept_as_written_until_it_is_deleted(world: Attached) -> None:
    made = world.create()
    call = (MANAGER, HOME, made.arn)
    assert code(world.policies.get, *call) == "ResourcePolicyNotFoundException"
    assert code(world.policies.delete, *call) == "ResourcePolicyNotFoundException"
    text = policy(made.arn) + "  "
    assert world.policies.put(*call, text).own == text
    assert world.policies.get(*call).own == text == world.again(made).resource_policy == world.policies.of(named(made.arn))
    assert code(world.policies.put, *call, "{}") == "ResourcePolicyNotValidException"
    assert world.policies.get(*call).own == text
    world.policies.delete(*call)
    assert code(world.policies.get, *call) == "ResourcePolicyNotFoundException"
    assert world.again(made).resource_policy is None


ARNS = [
    ("no-arn", "ResourceARNNotValidException"),
    ("arn:aws:s3:::bucket", "ResourceARNNotValidException"),
    (f"arn:aws:cloudtrail:{HOME}:{MANAGER}:trail/audit", "ResourceTypeNotSupportedException"),
    (f"arn:aws:cloudtrail:{HOME}:{MANAGER}:eventdatastore/nothing", "ResourceARNNotValidException"),
    (f"arn:aws:cloudtrail:eu-west-1:{MANAGER}:eventdatastore/1234abcd-12ab-34cd-56ef-1234567890ab", "ResourceARNNotValidException"),
    (f"arn:aws:cloudtrail:{HOME}:{MANAGER}:eventdatastore/1234abcd-12ab-34cd-56ef-1234567890ab", "ResourceNotFoundException"),
]


@pytest.mark.parametrize(("arn", "refusal"), ARNS)
def test_arns_that_have_no_policy(world: Attached, arn: str, refusal: str) -> None:
    assert code(world.policies.get, MANAGER, HOME, arn) == refusal
    assert code(world.policies.put, MANAGER, HOME, arn, policy(arn)) == refusal
    assert code(world.policies.delete, MANAGER, HOME, arn) == refusal


def test_an_organization_store_has_a_policy_for_delegated_administrators(world: Attached) -> None:
    world.found()
    made, plain = world.create(organization_enabled=True), world.create("plain")
    assert code(world.policies.get, MANAGER, HOME, made.arn) == "ResourcePolicyNotFoundException"
    delegate = world.delegate()
    found = world.policies.get(MANAGER, HOME, made.arn)
    assert found.own is None
    assert f"arn:aws:iam::{delegate}:root" in (found.delegated or "")
    assert world.policies.of(named(made.arn)) == found.delegated
    both = world.policies.put(MANAGER, HOME, made.arn, policy(made.arn))
    assert (both.own, both.delegated) == (policy(made.arn), found.delegated)
    assert len(json.loads(world.policies.of(named(made.arn)) or "")["Statement"]) == 2
    assert world.policies.of(named(plain.arn)) is None


def test_a_store_that_is_gone_leaves_no_policy_and_no_tags(world: Attached) -> None:
    made = world.create(tags={"a": "b"})
    world.policies.put(MANAGER, HOME, made.arn, policy(made.arn))
    world.delete(made)
    world.clock.advance(7 * DAY)
    assert world.policies.of(named(made.arn)) is None
    world.keeper.work()
    with world.database.read() as connection:
        assert attachments.policy(connection, made.arn) is None
        assert attachments.tags(connection, made.arn) == {}


# Event configuration (§2.6)

TAGS = {"Type": "TagContext", "Equals": ["team", "Cost-Center"]}
REQUEST = {"Type": "RequestContext", "Equals": sorted(REQUEST_KEYS)}


def test_an_event_configuration_is_changed_member_by_member(world: Attached) -> None:
    made = world.create()
    found = event_configuration.get(world.stores, MANAGER, HOME, made.arn)
    assert (found.max_event_size, found.context_key_selectors) == ("Standard", ())

    def put(**members: Any) -> tuple[str, list[Any]]:
        changed = event_configuration.put(world.stores, MANAGER, HOME, {"EventDataStore": made.id, **members})
        return changed.max_event_size, list(changed.context_key_selectors)

    assert put(MaxEventSize="Large") == ("Large", [])
    assert put(ContextKeySelectors=[TAGS, REQUEST]) == ("Large", [TAGS, REQUEST])
    assert put(MaxEventSize="Large") == ("Large", [TAGS, REQUEST])
    assert put(MaxEventSize="Standard", ContextKeySelectors=[]) == ("Standard", [])


CONFIGURATIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "InvalidParameterException"),
    ({"MaxEventSize": "Huge"}, "InvalidParameterException"),
    ({"ContextKeySelectors": [TAGS]}, "InvalidParameterException"),
    ({"MaxEventSize": "Standard", "ContextKeySelectors": [TAGS]}, "InvalidParameterException"),
    *(({"MaxEventSize": "Large", "ContextKeySelectors": selectors}, "InvalidParameterException") for selectors in (
        [TAGS, TAGS],
        [TAGS, REQUEST, TAGS],
        [{"Type": "Other", "Equals": ["a"]}],
        [{"Type": "TagContext", "Equals": []}],
        [{"Type": "TagContext", "Equals": [f"k{number}" for number in range(51)]}],
        [{"Type": "TagContext", "Equals": ["k" * 129]}],
        [{"Type": "TagContext", "Equals": [""]}],
        [{"Type": "TagContext", "Equals": ["a", "a"]}],
        [{"Type": "RequestContext", "Equals": ["aws:SourceIp"]}],
        [{"Type": "RequestContext", "Equals": ["aws:principalarn"]}],
    )),
    ({"MaxEventSize": "Large", "AggregationConfigurations": []}, "InvalidParameterCombinationException"),
]  # fmt: skip


@pytest.mark.parametrize(("members", "refusal"), CONFIGURATIONS)
def test_event_configurations_that_are_refused(world: Attached, members: dict[str, Any], refusal: str) -> None:
    made = world.create()
    assert code(event_configuration.put, world.stores, MANAGER, HOME, {"EventDataStore": made.arn, **members}) == refusal
    assert world.again(made).max_event_size == "Standard"


def test_only_active_stores_of_cloudtrail_events_have_one(world: Attached) -> None:
    made, other = world.create(), world.create("other", advanced_event_selectors=[only("Insight")])
    put, get = event_configuration.put, event_configuration.get
    assert code(put, world.stores, MANAGER, HOME, {"EventDataStore": other.arn, "MaxEventSize": "Large"}).endswith("CategoryException")
    assert code(get, world.stores, MANAGER, HOME, other.arn) == "InvalidEventDataStoreCategoryException"
    assert code(get, world.stores, MANAGER, HOME, "nothing") == "EventDataStoreARNInvalidException"
    world.delete(made)
    assert code(put, world.stores, MANAGER, HOME, {"EventDataStore": made.arn, "MaxEventSize": "Large"}) == (
        "InactiveEventDataStoreException"
    )
    assert code(get, world.stores, MANAGER, HOME, made.arn) == "InvalidEventDataStoreStatusException"


# Insights selectors (§9)

RATE, ERRORS = {"InsightType": "ApiCallRateInsight"}, {"InsightType": "ApiErrorRateInsight"}


def test_insights_are_switched_on_and_off(world: Attached) -> None:
    source, destination = world.create(), world.create("insights", advanced_event_selectors=[only("Insight")])
    assert code(insights.get, world.stores, MANAGER, HOME, source.arn) == "InsightNotEnabledException"
    put = insights.put(world.stores, MANAGER, HOME, source.id, destination.id, [RATE, ERRORS])
    assert put.insights == {"InsightSelectors": [RATE, ERRORS], "InsightsDestination": destination.arn}
    assert insights.get(world.stores, MANAGER, HOME, source.arn).insights == put.insights
    assert insights.put(world.stores, MANAGER, HOME, source.arn, None, []).insights is None
    assert code(insights.get, world.stores, MANAGER, HOME, source.arn) == "InsightNotEnabledException"


READS = {"FieldSelectors": [*only("Management", readOnly=["true"])["FieldSelectors"]]}
INSIGHTS: list[tuple[Any, str, list[Any], str]] = [
    # the source's selectors, destination, Insights selectors, fault
    (None, "insights", [{"InsightType": "Other"}], "InvalidInsightSelectorsException"),
    (None, "insights", [RATE, RATE], "InvalidInsightSelectorsException"),
    (None, "insights", [{**RATE, "EventCategories": ["Data"]}], "InvalidInsightSelectorsException"),
    ([DATA], "insights", [RATE], "InvalidInsightSelectorsException"),
    ([READS], "insights", [RATE], "InvalidInsightSelectorsException"),
    ([only("Insight")], "insights", [RATE], "InvalidInsightSelectorsException"),
    (None, "", [RATE], "InvalidParameterCombinationException"),
    (None, "plain", [RATE], "InvalidParameterException"),
    (None, "nothing", [RATE], "InvalidParameterException"),
]


@pytest.mark.parametrize(("selectors", "destination", "wanted", "refusal"), INSIGHTS)
def test_insights_selectors_that_are_refused(world: Attached, selectors: Any, destination: str, wanted: list[Any], refusal: str) -> None:
    source = world.create(advanced_event_selectors=selectors)
    arns = {one.name: one.arn for one in (world.create("plain"), world.create("insights", advanced_event_selectors=[only("Insight")]))}
    to = arns.get(destination, destination) or None
    assert code(insights.put, world.stores, MANAGER, HOME, source.arn, to, wanted) == refusal


def test_read_only_stores_have_error_rates(world: Attached) -> None:
    source = world.create(advanced_event_selectors=[READS])
    destination = world.create("insights", advanced_event_selectors=[only("Insight")])
    assert insights.put(world.stores, MANAGER, HOME, source.arn, destination.arn, [ERRORS]).insights is not None
    world.delete(destination)
    assert code(insights.put, world.stores, MANAGER, HOME, source.arn, destination.arn, [ERRORS]) == "InvalidParameterException"
    assert code(insights.get, world.stores, MANAGER, HOME, "nothing") == "InvalidParameterException"
