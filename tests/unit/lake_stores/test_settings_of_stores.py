"""What a store may be called, how long it keeps events, what it selects: each refusal with its code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.events.selectors import compiled
from opentrail.events.selectors.facts import Caller, Facts, Resource
from opentrail.events.selectors.fields import FIELDS, OPERATORS
from opentrail.lake.event_data_store import EXTENDABLE, FIXED, EventDataStore
from opentrail.lake.families import FAMILIES, Family
from opentrail.lake.faults import InvalidEventSelectorsException
from opentrail.lake.stores import settings
from opentrail.lake.stores.settings import Wanted
from opentrail.wire.faults import Fault
from simulators import plain_selectors
from simulators.event_data_stores import DATA, only


def store(**values: Any) -> EventDataStore:
    made = settings.for_new(Wanted(name="store", **values))
    made["family"] = Family(made["family"])
    made["advanced_event_selectors"] = tuple(made["advanced_event_selectors"])
    place = {"id": "i", "partition": "aws", "region": "us-east-1", "account_id": "1" * 12, "status": "ENABLED"}
    return EventDataStore(**made, **place, created_timestamp=0.0, updated_timestamp=0.0)


def test_defaults() -> None:
    made = store()
    assert made.advanced_event_selectors == settings.DEFAULT_SELECTORS
    assert (made.family, made.multi_region_enabled, made.organization_enabled) == (Family.EVENTS, True, False)
    assert (made.retention_period, made.billing_mode, made.termination_protection_enabled) == (366, EXTENDABLE, True)
    assert store(billing_mode=FIXED).retention_period == 2557
    assert store(advanced_event_selectors=[only("ActivityAuditLog")]).multi_region_enabled is False


REFUSED = [
    *(({"name": name}, "InvalidParameterException") for name in ("ab", "x" * 129, "a b c", "naïve", "a/bc", "", "abc\n")),
    *(({"retention_period": days}, "InvalidParameterException") for days in (0, 6, 3654, -1)),
    *(({"retention_period": days, "billing_mode": FIXED}, "InvalidParameterException") for days in (6, 2558, 3653)),
    ({"billing_mode": "FREE"}, "InvalidParameterException"),
    ({"kms_key_id": ""}, "InvalidKmsKeyIdException"),
    ({"kms_key_id": "k" * 351}, "InvalidKmsKeyIdException"),
    ({"advanced_event_selectors": [only("ActivityAuditLog")], "multi_region_enabled": True}, "InvalidParameterException"),
    ({"advanced_event_selectors": [only("ActivityAuditLog")], "organization_enabled": True}, "InvalidParameterException"),
]


@pytest.mark.parametrize(("wanted", "code"), REFUSED)
def test_what_no_new_store_may_have(wanted: dict[str, Any], code: str) -> None:
    with pytest.raises(Fault) as raised:
        settings.for_new(Wanted(**{"name": "store", **wanted}))
    assert raised.value.code == code


@pytest.mark.parametrize(("billing_mode", "days"), [(EXTENDABLE, 7), (EXTENDABLE, 3653), (FIXED, 7), (FIXED, 2557)])
def test_the_bounds_of_retention_are_inclusive(billing_mode: str, days: int) -> None:
    assert store(billing_mode=billing_mode, retention_period=days).retention_period == days


CHANGES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    # what the store was made with, what is wanted, fault
    ({}, {}, "InvalidParameterException"),
    ({}, {"billing_mode": FIXED}, "InvalidParameterException"),
    ({"billing_mode": FIXED}, {"retention_period": 2558}, "InvalidParameterException"),
    ({}, {"retention_period": 6}, "InvalidParameterException"),
    ({}, {"name": "no"}, "InvalidParameterException"),
    ({}, {"advanced_event_selectors": [only("Insight")]}, "InvalidEventSelectorsException"),
    ({"advanced_event_selectors": [only("Insight")]}, {"advanced_event_selectors": [DATA]}, "InvalidEventSelectorsException"),
    ({}, {"advanced_event_selectors": []}, "InvalidEventSelectorsException"),
    ({"advanced_event_selectors": [only("ActivityAuditLog")]}, {"multi_region_enabled": True}, "InvalidParameterException"),
    ({"advanced_event_selectors": [only("ActivityAuditLog")]}, {"organization_enabled": True}, "InvalidParameterException"),
]


@pytest.mark.parametrize(("made", "wanted", "code"), CHANGES)
def test_what_no_store_may_become(made: dict[str, Any], wanted: dict[str, Any], code: str) -> None:
    with pytest.raises(Fault) as raised:
        settings.for_change(Wanted(**wanted), store(**made))
    assert raised.value.code == code


def test_fixed_pricing_may_become_extendable_and_keeps_its_retention() -> None:
    assert settings.for_change(Wanted(billing_mode=EXTENDABLE), store(billing_mode=FIXED)) == {
        "billing_mode": EXTENDABLE,
        "retention_period": 2557,
    }
    grown = settings.for_change(Wanted(billing_mode=EXTENDABLE, retention_period=3653), store(billing_mode=FIXED))
    assert grown["retention_period"] == 3653


# Selectors (§2.4)

MANAGEMENT = only("Management")
WRONG: list[Any] = [
    [MANAGEMENT, only("Insight")],
    [only("ConfigurationItem"), only("Evidence")],
    [only("Insight", eventName=["x"])],
    [only("ActivityAuditLog", eventSource=["x"])],
    [only("Data")],
    [only("Data", resources_type=["AWS::S3::Object", "AWS::Lambda::Function"])],
    [only("NetworkActivity")],
    [only("NetworkActivity", eventSource=["kms.amazonaws.com"], errorCode=["AccessDenied"])],
    [only("Management", resources_type=["AWS::S3::Object"])],
    [only("Management", readOnly=["True"])],
    [only("Management", sessionCredentialFromConsole=["false"])],
    [only("Management", eventName=[""])],
    [only("Management", eventName=["x" * 2049])],
    [{"FieldSelectors": [{"Field": "eventCategory", "NotEquals": ["Management"]}]}],
    [{"FieldSelectors": [{"Field": "eventCategory", "StartsWith": ["Manage"]}]}],
    [{"FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "readOnly", "NotEquals": ["true"]}]}],
    [{"FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "eventName"}]}],
    [{"FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "errorMessage", "Equals": ["x"]}]}],
    [{"FieldSelectors": [*MANAGEMENT["FieldSelectors"], *MANAGEMENT["FieldSelectors"]]}],
    [{"FieldSelectors": []}],
    [{"Name": "n" * 1001, **MANAGEMENT}],
    [only("Management", eventName=[f"Name{number}" for number in range(500)])],
    [only("Management", eventName=[f"Name{number}" for number in range(250)]), only("Management", eventName=["x"] * 249)],
    [only("Everything")],
]


@pytest.mark.parametrize("selectors", WRONG)
def test_selectors_that_no_store_may_have(selectors: Any) -> None:
    with pytest.raises(InvalidEventSelectorsException) as raised:
        settings.checked_selectors(selectors)
    assert len(raised.value.message) > 20


def test_exactly_500_values_and_all_fields_of_management_events() -> None:
    assert settings.checked_selectors([only("Management", eventName=[f"Name{number}" for number in range(499)])])[1] is Family.EVENTS
    wide = only("Management", eventSource=["kms.amazonaws.com"], eventName=["Decrypt"], eventType=["AwsApiCall"], readOnly=["true"],
                sessionCredentialFromConsole=["true"], userIdentity_arn=["arn:aws:iam::111122223333:root"])  # fmt: skip
    assert settings.checked_selectors([wide])[0] == [wide]


@pytest.mark.parametrize(("category", "family"), FAMILIES.items())
def test_a_store_has_the_family_of_its_category(category: str, family: Family) -> None:
    needed = {"Data": {"resources_type": ["AWS::S3::Object"]}, "NetworkActivity": {"eventSource": ["kms.amazonaws.com"]}}
    assert settings.checked_selectors([only(category, **needed.get(category, {}))])[1] is family


TEXTS = st.sampled_from(["Decrypt", "Dec", "crypt", "kms.amazonaws.com", "AwsApiCall", "arn:aws:iam::111122223333:role/a", "a"])
_MANAGEMENT_FIELDS = ("eventSource", "eventName", "eventType", "userIdentity.arn")


@st.composite
def management(draw: st.DrawFn) -> dict[str, Any]:
    fields: list[dict[str, Any]] = [{"Field": "eventCategory", "Equals": ["Management"]}]
    for name in draw(st.sets(st.sampled_from(_MANAGEMENT_FIELDS))):
        operators = draw(st.sets(st.sampled_from(OPERATORS), min_size=1, max_size=3))
        fields.append({"Field": name, **{one: draw(st.lists(TEXTS, min_size=1, max_size=3)) for one in sorted(operators)}})
    if draw(st.booleans()):
        fields.append({"Field": "readOnly", "Equals": [draw(st.sampled_from(["true", "false"]))]})
    if draw(st.booleans()):
        fields.append({"Field": "sessionCredentialFromConsole", draw(st.sampled_from(["Equals", "NotEquals"])): ["true"]})
    return {"FieldSelectors": fields}


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    maybe = st.none() | TEXTS
    record: dict[str, Any] = {"eventCategory": draw(st.sampled_from(["Management", "Data"])), "readOnly": draw(st.booleans())}
    record |= {name: draw(TEXTS) for name in ("eventSource", "eventName", "eventType")}
    record["userIdentity"] = {"arn": draw(maybe)}
    if draw(st.booleans()):
        record["sessionCredentialFromConsole"] = "true"
    return record


def facts_of(record: dict[str, Any]) -> Facts:
    return Facts(
        event_category=record["eventCategory"],
        event_source=record["eventSource"],
        event_name=record["eventName"],
        event_type=record["eventType"],
        read_only=record["readOnly"],
        user_identity=Caller(arn=record["userIdentity"]["arn"]),
        session_credential_from_console=record.get("sessionCredentialFromConsole"),
        resources=[Resource(type="AWS::S3::Object", arn="arn:aws:s3:::b/k")],
    )


def is_both(field: dict[str, Any]) -> bool:
    """Whether a value is wanted and not wanted."""
    return any(set(field.get(way, [])) & set(field.get(f"Not{way}", [])) for way in ("Equals", "StartsWith", "EndsWith"))


@given(selectors=st.lists(management(), min_size=1, max_size=3), record=records())
def test_fields_that_only_stores_have_take_what_the_rules_take(selectors: list[dict[str, Any]], record: dict[str, Any]) -> None:
    if any(is_both(field) for selector in selectors for field in selector["FieldSelectors"]):
        with pytest.raises(InvalidEventSelectorsException, match="for both"):
            settings.checked_selectors(selectors)
        return
    stored, family = settings.checked_selectors(selectors)
    assert family is Family.EVENTS
    taken = {"AdvancedEventSelectors": stored}
    assert compiled(taken).matches(facts_of(record)) is plain_selectors.takes(taken, record)


@given(st.lists(st.sampled_from(sorted(FIELDS["store"])), min_size=2, max_size=4, unique=True))
def test_only_categories_of_one_family_go_together(categories: list[str]) -> None:
    needed = {"Data": {"resources_type": ["AWS::S3::Object"]}, "NetworkActivity": {"eventSource": ["kms.amazonaws.com"]}}
    selectors = [only(category, **needed.get(category, {})) for category in categories]
    families = {FAMILIES[category] for category in categories}
    if families == {Family.EVENTS}:
        assert settings.checked_selectors(selectors)[1] is Family.EVENTS
    else:
        with pytest.raises(InvalidEventSelectorsException):
            settings.checked_selectors(selectors)
