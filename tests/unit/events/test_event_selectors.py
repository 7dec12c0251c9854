"""Event selectors: what may be put, and what the compiled matchers take, judged by a plain reading of the rules."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.events import categories, selectors
from opentrail.events.read_only import read_only
from opentrail.events.selectors import Facts, Kind, Resource, SelectorError, checked_advanced, checked_basic, compiled
from opentrail.events.selectors.fields import FIELDS, OPERATORS
from opentrail.events.selectors.types import NETWORK_SOURCES, RESOURCE_TYPES
from simulators import plain_selectors

OBJECT, FUNCTION, TABLE, STREAM = "AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::DynamoDB::Stream"
HELLO = "arn:aws:lambda:us-west-2:111122223333:function:helloworld"
ORDERS = "arn:aws:dynamodb:us-east-1:111122223333:table/orders"


def facts_of(record: dict[str, Any]) -> Facts:
    return msgspec.json.decode(msgspec.json.encode(record), type=Facts)


def data(kind: str, arn: str | None = None, **more: Any) -> dict[str, Any]:
    entry = {"type": kind} if arn is None else {"type": kind, "ARN": arn}
    return {"eventCategory": "Data", "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "resources": [entry], **more}


def basic(*values: str, kind: str = OBJECT, **more: Any) -> dict[str, Any]:
    given = [{"IncludeManagementEvents": False, "DataResources": [{"Type": kind, "Values": list(values)}], **more}]
    return {"EventSelectors": checked_basic(given)}


def advanced(category: str, **fields: Any) -> dict[str, Any]:
    named = {name.replace("__", "."): operators for name, operators in fields.items()}
    given = [{"Field": "eventCategory", "Equals": [category]}, *({"Field": name, **operators} for name, operators in named.items())]
    return {"FieldSelectors": given}


# -- what basic data resources mean -------------------------------------------------------------------------------------------------------

MEANINGS = [
    (OBJECT, "arn:aws:s3", "arn:aws:s3:::anybody/elses/object", True),
    (OBJECT, "arn:aws:s3:::", "arn:aws:s3:::anybody/elses/object", True),
    (OBJECT, "arn:aws:s3", None, True),
    (OBJECT, "arn:aws:s3:::bucket/", "arn:aws:s3:::bucket/key", True),
    (OBJECT, "arn:aws:s3:::bucket/", "arn:aws:s3:::bucket-2/key", False),
    (OBJECT, "arn:aws:s3:::bucket/pre", "arn:aws:s3:::bucket/prefix/key", True),
    (OBJECT, "arn:aws:s3:::bucket/pre", "arn:aws:s3:::bucket/other", False),
    (FUNCTION, "arn:aws:lambda", HELLO, True),
    (FUNCTION, HELLO, HELLO, True),
    (FUNCTION, HELLO, HELLO + "2", False),
    (TABLE, "arn:aws:dynamodb", ORDERS, True),
    (TABLE, ORDERS, ORDERS, True),
    (TABLE, ORDERS, ORDERS + "-2", False),
]


@pytest.mark.parametrize(("kind", "value", "arn", "taken"), MEANINGS)
def test_what_a_data_resource_matches(kind: str, value: str, arn: str | None, taken: bool) -> None:
    stored = basic(value, kind=kind)
    assert compiled(stored).matches(facts_of(data(kind, arn))) is taken
    assert not compiled(stored).matches(facts_of(data("AWS::SQS::Queue", arn)))


def test_a_table_is_found_in_the_events_of_its_stream() -> None:
    record = data(STREAM, ORDERS + "/stream/2026")
    record["resources"].insert(0, {"type": TABLE, "ARN": ORDERS})
    assert compiled(basic(ORDERS, kind=TABLE)).matches(facts_of(record))
    assert compiled(basic(ORDERS, kind=TABLE)).may(
        Kind(category="Data", source="dynamodb.amazonaws.com", name="GetRecords", read_only=True,
             types=categories.listed_types("dynamodb.amazonaws.com", "GetRecords"))
    )  # fmt: skip


def test_a_list_of_objects_is_found_by_what_their_arns_begin_with() -> None:
    record = data(OBJECT)
    record["resources"] = [
        {"type": OBJECT, "ARNPrefix": "arn:aws:s3:::bucket/photos/"},
        {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::bucket"},
    ]
    assert compiled(basic("arn:aws:s3:::bucket/")).matches(facts_of(record))
    assert not compiled(basic("arn:aws:s3:::bucket/docs/")).matches(facts_of(record))


def test_a_data_resource_without_values_selects_nothing() -> None:
    matcher = compiled(basic())
    assert not matcher.matches(facts_of(data(OBJECT, "arn:aws:s3:::bucket/key")))
    assert matcher.categories == frozenset()


@pytest.mark.parametrize(("kind", "taken"), [("All", {True, False}), ("ReadOnly", {True}), ("WriteOnly", {False})])
def test_read_write_type_holds_for_data_events_too(kind: str, taken: set[bool]) -> None:
    matcher = compiled(basic("arn:aws:s3", ReadWriteType=kind))
    for reads in (True, False):
        assert matcher.matches(facts_of(data(OBJECT, "arn:aws:s3:::b/k", readOnly=reads))) is (reads in taken)


# -- what may not be put ------------------------------------------------------------------------------------------------------------------

WRONG_BASIC = [
    ([], "Specify between 1 and 5 event selectors."),
    ([{}] * 6, "Specify between 1 and 5 event selectors."),
    ([{"ReadWriteType": "Some"}], "Value Some for ReadWriteType is invalid."),
    (
        [{"IncludeManagementEvents": False}],
        "Invalid combination of parameters in EventSelectors. When includeManagementEvents is false, DataResources must not be empty.",
    ),
    ([{"ExcludeManagementEventSources": ["s3.amazonaws.com"]}], "Event selector ExcludeManagementEventSources is not valid"),
    ([{"DataResources": [{"Type": "AWS::SQS::Queue"}]}], "Value AWS::SQS::Queue for DataResources.Type is invalid."),
]
WRONG_VALUES = [
    (OBJECT, "arn:aws:s3:::*/*", "Value arn:aws:s3:::*/* for DataResources.Values is invalid."),
    (OBJECT, "arn:aws:s3:::bucket", "Value arn:aws:s3:::bucket for DataResources.Values is invalid."),
    (OBJECT, "bucket/", "Invalid S3 ARN: bucket/"),
    (OBJECT, "arn:aws:sqs:::bucket/", "Invalid S3 ARN: arn:aws:sqs:::bucket/"),
    (FUNCTION, "arn:aws:lambda:*", "Value arn:aws:lambda:* for DataResources.Values is invalid."),
    (FUNCTION, "helloworld", "Value helloworld for DataResources.Values is invalid."),
    (TABLE, "arn:aws:dynamodb:us-east-1:111122223333:table/", None),
    (TABLE, ORDERS + "/stream/2026", None),
]


@pytest.mark.parametrize(
    ("given", "message"),
    [*WRONG_BASIC, *(([{"DataResources": [{"Type": kind, "Values": [value]}]}], message) for kind, value, message in WRONG_VALUES)],
)
def test_basic_selectors_that_are_refused(given: list[dict[str, Any]], message: str | None) -> None:
    with pytest.raises(SelectorError) as raised:
        checked_basic(given)
    assert message in (None, str(raised.value))


def test_250_data_resources_are_the_most_and_all_resources_do_not_count() -> None:
    def selectors_of(many: int) -> list[dict[str, Any]]:
        values = [f"arn:aws:s3:::bucket/{number}" for number in range(many)]
        half = many // 2
        parts = [values[:half], [*values[half:], "arn:aws:s3:::"]]
        return [{"DataResources": [{"Type": OBJECT, "Values": part}, {"Type": FUNCTION, "Values": ["arn:aws:lambda"]}]} for part in parts]

    assert len(checked_basic(selectors_of(250))) == 2
    with pytest.raises(SelectorError, match="at most 250 data resources; these have 251"):
        checked_basic(selectors_of(251))


IS_DATA = {"resources__type": {"Equals": [OBJECT]}}
IS_NETWORK = {"eventSource": {"Equals": ["s3.amazonaws.com"]}}
WRONG_ADVANCED = [
    advanced("Insight"),
    advanced("Data"),
    advanced("Data", resources__type={"Equals": ["AWS::S3::Bucket"]}),
    advanced("Data", resources__type={"Equals": [OBJECT, FUNCTION]}),
    advanced("Data", resources__type={"StartsWith": ["AWS::S3"]}),
    advanced("Data", **IS_DATA, readOnly={"Equals": ["yes"]}),
    advanced("Data", **IS_DATA, readOnly={"NotEquals": ["true"]}),
    advanced("Data", **IS_DATA, readOnly={"Equals": ["true", "false"]}),
    advanced("Data", **IS_DATA, sessionCredentialFromConsole={"StartsWith": ["t"]}),
    advanced("Data", **IS_DATA, sessionCredentialFromConsole={"Equals": ["false"]}),
    advanced("Data", **IS_DATA, errorCode={"Equals": ["AccessDenied"]}),
    advanced("Data", **IS_DATA, vpcEndpointId={"Equals": ["vpce-1"]}),
    advanced("Data", **IS_DATA, resources__ARN={"Equals": ["arn:aws:s3:::bucket"]}),
    advanced("Data", **IS_DATA, resources__ARN={"NotEquals": ["bucket/key"]}),
    advanced("Data", **IS_DATA, resources__ARN={"Equals": [HELLO]}),
    advanced("Data", **IS_DATA, eventName={}),
    advanced("Data", **IS_DATA, eventName={"Equals": [""]}),
    advanced("Data", **IS_DATA, eventName={"Equals": ["x" * 2049]}),
    advanced("Data", **IS_DATA, eventName={"Equals": ["GetObject"], "NotEquals": ["GetObject"]}),
    advanced("Data", **IS_DATA, eventName={"StartsWith": ["Get"], "NotStartsWith": ["Get", "Put"]}),
    advanced("NetworkActivity"),
    advanced("NetworkActivity", eventSource={"Equals": ["s3.amazonaws.com", "sqs.amazonaws.com"]}),
    advanced("NetworkActivity", eventSource={"Equals": ["iam.amazonaws.com"]}),
    advanced("NetworkActivity", eventSource={"NotEquals": ["s3.amazonaws.com"]}),
    advanced("NetworkActivity", **IS_NETWORK, errorCode={"Equals": ["AccessDenied"]}),
    advanced("NetworkActivity", **IS_NETWORK, readOnly={"Equals": ["true"]}),
    advanced("NetworkActivity", **IS_NETWORK, resources__ARN={"StartsWith": ["arn:aws:s3:::b/"]}),
    advanced("Management", eventSource={"Equals": ["kms.amazonaws.com"]}),
    advanced("Management", eventSource={"NotEquals": ["s3.amazonaws.com"]}),
    advanced("Management", eventName={"Equals": ["CreateUser"]}),
    advanced("Management", resources__type={"Equals": [OBJECT]}),
    {"FieldSelectors": [*advanced("Management")["FieldSelectors"], {"Field": "eventCategory", "Equals": ["Data"]}]},
    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management", "Data"]}]},
    {"FieldSelectors": [{"Field": "eventCategory", "StartsWith": ["Management"]}]},
    {"FieldSelectors": [{"Field": "readOnly", "Equals": ["true"]}]},
    {"FieldSelectors": []},
    {"Name": "n" * 1001, **advanced("Management")},
]


@pytest.mark.parametrize("selector", WRONG_ADVANCED)
def test_advanced_selectors_that_are_refused_for_a_trail(selector: dict[str, Any]) -> None:
    with pytest.raises(SelectorError):
        checked_advanced([selector], owner="trail")


RIGHT = [
    advanced("Management"),
    advanced("Management", readOnly={"Equals": ["false"]}, eventSource={"NotEquals": ["kms.amazonaws.com", "rdsdata.amazonaws.com"]}),
    advanced("Data", **IS_DATA),
    advanced(
        "Data",
        **IS_DATA,
        readOnly={"Equals": ["false"]},
        eventName={"StartsWith": ["Put"], "NotEquals": ["PutObjectAcl"]},
        resources__ARN={"StartsWith": ["arn:aws:s3:::bucket/"], "NotEquals": ["arn:aws:s3:::bucket/a/b"]},
        eventSource={"Equals": ["s3.amazonaws.com"]},
        eventType={"NotEquals": ["AwsServiceEvent"]},
        userIdentity__arn={"NotEndsWith": ["/ci"]},
        sessionCredentialFromConsole={"NotEquals": ["true"]},
    ),
    advanced(
        "NetworkActivity",
        **IS_NETWORK,
        eventName={"Equals": ["GetObject"]},
        errorCode={"Equals": ["VpceAccessDenied"]},
        vpcEndpointId={"StartsWith": ["vpce-"]},
    ),
]


def test_advanced_selectors_that_a_trail_may_have() -> None:
    assert checked_advanced(RIGHT, owner="trail") == RIGHT


def test_an_event_data_store_may_have_more_fields_and_categories() -> None:
    wide = advanced(
        "Management",
        eventSource={"Equals": ["iam.amazonaws.com"]},
        eventName={"StartsWith": ["Create"]},
        eventType={"Equals": ["AwsApiCall"]},
        userIdentity__arn={"EndsWith": [":root"]},
        sessionCredentialFromConsole={"Equals": ["true"]},
    )
    assert checked_advanced([wide, *RIGHT[2:]], owner="store") == [wide, *RIGHT[2:]]
    for alone in ("Insight", "ConfigurationItem", "Evidence", "ActivityAuditLog"):
        assert checked_advanced([advanced(alone)], owner="store") == [advanced(alone)]
        for refused in ([advanced(alone), advanced("Management")], [advanced(alone, readOnly={"Equals": ["true"]})]):
            with pytest.raises(SelectorError):
                checked_advanced(refused, owner="store")


def test_500_values_are_the_most() -> None:
    def selectors_of(values: int) -> list[dict[str, Any]]:
        names = [f"Get{number}" for number in range(values - 4)]
        return [
            advanced("Data", **IS_DATA, eventName={"Equals": names[:100]}),
            advanced("Data", **IS_DATA, eventName={"NotEquals": names[100:]}),
        ]

    assert checked_advanced(selectors_of(500), owner="trail")
    with pytest.raises(SelectorError, match="at most 500 values; these have 501"):
        checked_advanced(selectors_of(501), owner="trail")


def test_the_lists_are_those_of_the_reference() -> None:
    later = {"AWS::Events::EventBus"}  # younger than the reference
    assert (len(RESOURCE_TYPES - later), len(NETWORK_SOURCES)) == (175, 76)
    assert set(FIELDS["trail"]) < set(FIELDS["store"])
    missing = {kind for kinds in categories.DATA_EVENTS.values() for kind in kinds} - RESOURCE_TYPES
    assert missing == set(), "data events that nobody could select"


# -- the compiled matcher against the rules -----------------------------------------------------------------------------------------------

CALLS = [
    (source, name)
    for source in ("s3.amazonaws.com", "dynamodb.amazonaws.com", "lambda.amazonaws.com")
    for names in categories.DATA_EVENTS[source].values()
    for name in names
]
ARNS = [
    "arn:aws:s3:::bucket/a", "arn:aws:s3:::bucket/a/b", "arn:aws:s3:::bucket/", "arn:aws:s3:::bucket2/a", HELLO, HELLO + "2", ORDERS,
    ORDERS + "/stream/2026",
]  # fmt: skip
TYPES = [OBJECT, FUNCTION, TABLE, STREAM, "AWS::S3::Bucket"]
TEXTS = {
    "eventSource": ["s3.amazonaws.com", "dynamodb.amazonaws.com", "lambda.amazonaws.com", "s3", ".amazonaws.com"],
    "eventName": ["GetObject", "PutObject", "Get", "Object", "GetItem", "Invoke"],
    "eventType": ["AwsApiCall", "AwsServiceEvent", "Aws"],
    "readOnly": ["true", "false"],
    "userIdentity.arn": ["arn:aws:iam::111122223333:user/ana", "arn:aws:iam", "/ana", "arn:aws:sts::111122223333:assumed-role/ci/x"],
    "sessionCredentialFromConsole": ["true"],
    "errorCode": ["VpceAccessDenied", "AccessDenied"],
    "vpcEndpointId": ["vpce-1", "vpce-2", "vpce-"],
    "resources.type": TYPES,
    "resources.ARN": [*ARNS, "arn:aws:s3:::bucket", "/a", "helloworld", ":"],
}
CATEGORIES = ["Management", "Data", "NetworkActivity"]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3)


@st.composite
def field_selectors(draw: st.DrawFn) -> list[dict[str, Any]]:
    fields = [{"Field": "eventCategory", "Equals": [draw(st.sampled_from(CATEGORIES))]}]
    for name in draw(st.lists(st.sampled_from(sorted(TEXTS)), unique=True, max_size=4)):
        chosen = draw(st.lists(st.sampled_from(OPERATORS), unique=True, min_size=1, max_size=4))
        fields.append({"Field": name, **{operator: draw(some(TEXTS[name])) for operator in chosen}})
    return fields


BASIC_VALUES = {
    OBJECT: ["arn:aws:s3", "arn:aws:s3:::", "arn:aws:s3:::bucket/", "arn:aws:s3:::bucket/a"],
    FUNCTION: ["arn:aws:lambda", HELLO],
    TABLE: ["arn:aws:dynamodb", ORDERS],
}
DATA_RESOURCES = st.sampled_from(sorted(BASIC_VALUES)).flatmap(
    lambda kind: st.fixed_dictionaries({"Type": st.just(kind), "Values": st.lists(st.sampled_from(BASIC_VALUES[kind]), max_size=2)})
)
BASIC = st.fixed_dictionaries(
    {
        "ReadWriteType": st.sampled_from(["All", "ReadOnly", "WriteOnly"]),
        "IncludeManagementEvents": st.booleans(),
        "DataResources": st.lists(DATA_RESOURCES, max_size=3),
        "ExcludeManagementEventSources": st.lists(st.sampled_from(["kms.amazonaws.com", "rdsdata.amazonaws.com"]), unique=True),
    }
)
STORED = st.one_of(
    st.none(),
    st.fixed_dictionaries({"EventSelectors": st.lists(BASIC, min_size=1, max_size=5)}),
    st.fixed_dictionaries(
        {"AdvancedEventSelectors": st.lists(st.fixed_dictionaries({"FieldSelectors": field_selectors()}), min_size=1, max_size=3)}
    ),
)
ENTRIES = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)}, optional={"ARN": st.sampled_from(ARNS), "ARNPrefix": st.sampled_from(ARNS), "accountId": st.just("1")}
)

CALLERS = st.one_of(st.none(), st.just({"invokedBy": "x"}), st.fixed_dictionaries({"arn": st.sampled_from(TEXTS["userIdentity.arn"])}))


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    source, name = draw(st.sampled_from([*CALLS, ("kms.amazonaws.com", "Decrypt"), ("iam.amazonaws.com", "CreateUser")]))
    return draw(
        st.fixed_dictionaries(
            {
                "eventCategory": st.sampled_from(CATEGORIES),
                "eventSource": st.just(source),
                "eventName": st.just(name),
                "eventType": st.sampled_from(["AwsApiCall", "AwsServiceEvent"]),
            },
            optional={
                "readOnly": st.just(read_only(source, name)),
                "userIdentity": CALLERS,
                "sessionCredentialFromConsole": st.just("true"),
                "errorCode": st.sampled_from(TEXTS["errorCode"]),
                "vpcEndpointId": st.sampled_from(TEXTS["vpcEndpointId"]),
                "resources": st.one_of(st.none(), st.lists(ENTRIES, max_size=3)),
            },
        )
    )  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(STORED, records())
def test_the_compiled_matcher_takes_what_the_rules_take(stored: dict[str, Any] | None, record: dict[str, Any]) -> None:
    assert compiled(stored).matches(facts_of(record)) is plain_selectors.takes(stored, record)


@settings(max_examples=400, deadline=None)
@given(STORED, records())
def test_what_is_taken_could_be_told_before_the_call(stored: dict[str, Any] | None, record: dict[str, Any]) -> None:
    source, name = record["eventSource"], record["eventName"]
    reads = record.get("readOnly") is True
    types = frozenset(entry["type"] for entry in record.get("resources") or [])
    kind = Kind(category=record["eventCategory"], source=source, name=name, read_only=reads, types=types)
    if plain_selectors.takes(stored, record):
        assert compiled(stored).may(kind)
        assert kind.category in compiled(stored).categories


@settings(max_examples=300, deadline=None)
@given(st.lists(st.fixed_dictionaries({"FieldSelectors": field_selectors()}, optional={"Name": st.text(max_size=5)}), max_size=3))
def test_what_is_stored_can_be_put_again(given_selectors: list[dict[str, Any]]) -> None:
    try:
        stored = checked_advanced(given_selectors, owner="trail")
    except SelectorError:
        return
    assert checked_advanced(stored, owner="trail") == stored
    compiled({"AdvancedEventSelectors": stored})


@settings(max_examples=300, deadline=None)
@given(st.lists(BASIC, max_size=6))
def test_basic_selectors_that_are_stored_can_be_put_again(given_selectors: list[dict[str, Any]]) -> None:
    try:
        stored = checked_basic(given_selectors)
    except SelectorError:
        return
    assert checked_basic(stored) == stored == given_selectors
    assert selectors.DEFAULT.keys() == stored[0].keys()


NAMES = st.text("ab/", max_size=6)


@given(beginnings=st.lists(NAMES.map(lambda name: "arn:aws:s3:::bucket/" + name), min_size=1, max_size=40), name=NAMES)
def test_many_prefixes_are_looked_up_as_one_by_one(beginnings: list[str], name: str) -> None:
    stored = {"EventSelectors": checked_basic([{"DataResources": [{"Type": "AWS::S3::Object", "Values": beginnings}]}])}
    arn = "arn:aws:s3:::bucket/" + name
    object_of = Facts(event_category="Data", resources=[Resource(type="AWS::S3::Object", arn=arn)])
    assert compiled(stored).matches(object_of) == any(arn.startswith(one) for one in beginnings)
