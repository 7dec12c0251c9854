"""Creating, changing and finding trails: Regions, shadows, limits, faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opentrail.trails import tags
from opentrail.trails.control import Wanted
from opentrail.wire.faults import Fault
from simulators.trails import ACCOUNT, HOME, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def fault_of(call, *arguments: object, **members: object) -> tuple[str, str]:  # type: ignore[no-untyped-def]
    with pytest.raises(Fault) as raised:
        call(*arguments, **members)
    return raised.value.code, raised.value.message


def test_a_new_trail_is_not_logging_and_has_the_defaults(world: World) -> None:
    trail = world.trails.create(ACCOUNT, HOME, "audit", Wanted(s3_bucket_name="logs"), {})
    assert trail.arn == "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit"
    assert not trail.is_logging
    flags = (trail.include_global_service_events, trail.is_multi_region_trail, trail.log_file_validation_enabled)
    assert flags == (True, False, False)


def test_the_partition_is_the_region_s(world: World) -> None:
    assert world.trail(region="cn-north-1") == "arn:aws-cn:cloudtrail:cn-north-1:111122223333:trail/audit"


def test_faults_of_create(world: World) -> None:
    world.trail("audit")
    world.trail("everywhere", is_multi_region_trail=True)
    world.buckets.missing.add("gone")
    world.buckets.denied.add("closed")

    def create(name: str, region: str = HOME, bucket: str = "logs", **more: object) -> tuple[str, str]:
        wanted = Wanted(s3_bucket_name=bucket, **more)  # type: ignore[arg-type]
        return fault_of(world.trails.create, ACCOUNT, region, name, wanted, {})

    assert create("audit") == ("TrailAlreadyExistsException", "Trail audit already exists for customer: 111122223333")
    assert create("everywhere", "eu-west-1")[0] == "TrailAlreadyExistsException"
    assert create("audit", "eu-west-1", is_multi_region_trail=True)[0] == "TrailAlreadyExistsException"
    assert create("fine", "..")[0] == "OperationNotPermittedException"
    assert create("fine", "US-EAST-1")[0] == "OperationNotPermittedException"
    assert create("fine", bucket="gone") == ("S3BucketDoesNotExistException", "S3 bucket gone does not exist!")
    assert create("fine", bucket="closed") == (
        "InsufficientS3BucketPolicyException",
        "Incorrect S3 bucket policy is detected for bucket: closed",
    )
    assert create("fine", bucket="Not_A_Bucket")[0] == "InvalidS3BucketNameException"
    assert create("fine", s3_key_prefix="x" * 201)[0] == "InvalidS3PrefixException"
    assert create("fine", is_multi_region_trail=True, include_global_service_events=False) == (
        "InvalidParameterCombinationException",
        "Multi-Region trail must include global service events.",
    )
    assert [trail.name for trail in world.trails.list(ACCOUNT)] == ["audit", "everywhere"]


def test_five_trails_per_region_shadows_included(world: World) -> None:
    world.trail("shadowing", region="eu-west-1", is_multi_region_trail=True)
    for number in range(4):
        world.trail(f"trail{number}")
    wanted = Wanted(s3_bucket_name="logs")
    assert fault_of(world.trails.create, ACCOUNT, HOME, "sixth", wanted, {}) == (
        "MaximumNumberOfTrailsExceededException",
        "User: 111122223333 already has 5 trails in us-east-1",
    )
    everywhere = Wanted(s3_bucket_name="logs", is_multi_region_trail=True)
    assert fault_of(world.trails.create, ACCOUNT, "us-west-2", "sixth", everywhere, {})[1].endswith("5 trails in us-east-1")
    world.trail("second", region="us-west-2")
    assert fault_of(world.trails.update, ACCOUNT, "us-west-2", "second", everywhere)[0] == "ConflictException"


def test_update_changes_only_what_it_is_given(world: World) -> None:
    world.trail("audit", s3_key_prefix="p", include_global_service_events=False)
    changed = world.trails.update(ACCOUNT, HOME, "audit", Wanted(enable_log_file_validation=True))
    assert (changed.s3_key_prefix, changed.log_file_validation_enabled, changed.is_logging) == ("p", True, True)
    assert world.trails.update(ACCOUNT, HOME, "audit", Wanted(s3_key_prefix="")).s3_key_prefix is None
    everywhere = world.trails.update(ACCOUNT, HOME, "audit", Wanted(is_multi_region_trail=True))
    assert everywhere.include_global_service_events
    assert fault_of(world.trails.update, ACCOUNT, HOME, "audit", Wanted(include_global_service_events=False))[0] == (
        "InvalidParameterCombinationException"
    )


WHERE = [
    # operation, name given, Region of the call, fault (None: it works)
    ("get", "single", "us-east-1", None),
    ("get", "single", "eu-west-1", "TrailNotFoundException"),
    ("get", "multi", "eu-west-1", "TrailNotFoundException"),
    ("get", "arn:multi", "eu-west-1", None),
    ("get", "arn:single", "eu-west-1", None),
    ("status", "arn:multi", "eu-west-1", None),
    ("status", "multi", "eu-west-1", "TrailNotFoundException"),
    ("start_logging", "arn:multi", "eu-west-1", "InvalidHomeRegionException"),
    ("start_logging", "multi", "eu-west-1", "InvalidHomeRegionException"),
    ("start_logging", "single", "eu-west-1", "TrailNotFoundException"),
    ("start_logging", "arn:single", "us-east-1", None),
    ("at_home", "arn:multi", "eu-west-1", "CloudTrailARNInvalidException"),
    ("at_home", "multi", "eu-west-1", "TrailNotFoundException"),
    ("at_home", "multi", "us-east-1", None),
    ("get", "absent", "us-east-1", "TrailNotFoundException"),
    ("get", "a", "us-east-1", "InvalidTrailNameException"),
    ("get", "arn:aws:s3:::x", "us-east-1", "CloudTrailARNInvalidException"),
    ("get", "arn:aws:cloudtrail:us-east-1:999999999999:trail/single", "us-east-1", "CloudTrailARNInvalidException"),
]


@pytest.mark.parametrize(("operation", "name", "region", "code"), WHERE)
def test_where_an_operation_can_be_called(world: World, operation: str, name: str, region: str, code: str | None) -> None:
    arns = {"arn:single": world.trail("single"), "arn:multi": world.trail("multi", is_multi_region_trail=True)}
    call = getattr(world.trails, operation)
    if code is None:
        call(ACCOUNT, region, arns.get(name, name))
    else:
        assert fault_of(call, ACCOUNT, region, arns.get(name, name))[0] == code


def test_the_not_found_message_names_the_arn_of_the_called_region(world: World) -> None:
    assert fault_of(world.trails.get, ACCOUNT, "eu-west-1", "absent") == (
        "TrailNotFoundException",
        "Unknown trail: arn:aws:cloudtrail:eu-west-1:111122223333:trail/absent for the user: 111122223333",
    )


@pytest.mark.parametrize(
    ("region", "wanted", "shadows", "found"),
    [
        ("us-east-1", [], True, ["single", "multi"]),
        ("eu-west-1", [], True, ["multi"]),
        ("eu-west-1", [], False, []),
        ("cn-north-1", [], True, []),
        ("us-east-1", ["single", "absent", "single"], True, ["single"]),
        ("eu-west-1", ["single", "multi"], True, []),
        ("eu-west-1", ["arn:aws:cloudtrail:us-east-1:111122223333:trail/single"], True, ["single"]),
    ],
)
def test_describe(world: World, region: str, wanted: list[str], shadows: bool, found: list[str]) -> None:
    world.trail("single")
    world.trail("multi", is_multi_region_trail=True)
    assert [trail.name for trail in world.trails.describe(ACCOUNT, region, wanted, include_shadows=shadows)] == found
    assert world.trails.describe("999999999999", region, [], include_shadows=True) == []


def test_starting_and_stopping_twice_changes_nothing(world: World) -> None:
    world.trail("audit")
    began = world.trails.get(ACCOUNT, HOME, "audit").started_at
    world.clock.advance(5)
    world.trails.start_logging(ACCOUNT, HOME, "audit")
    assert world.trails.get(ACCOUNT, HOME, "audit").started_at == began
    world.trails.stop_logging(ACCOUNT, HOME, "audit", "one")
    stopped = world.trails.get(ACCOUNT, HOME, "audit").stopped_at
    world.clock.advance(5)
    world.trails.stop_logging(ACCOUNT, HOME, "audit", "two")
    assert world.trails.get(ACCOUNT, HOME, "audit").stopped_at == stopped


SELECTOR_FAULTS = [
    ([], None, "InvalidEventSelectorsException"),
    ([{}], [{"FieldSelectors": []}], "InvalidEventSelectorsException"),
    ([{}] * 6, None, "InvalidEventSelectorsException"),
    ([{"ReadWriteType": "Some"}], None, "InvalidEventSelectorsException"),
    ([{"IncludeManagementEvents": False}], None, "InvalidEventSelectorsException"),
    ([{"ExcludeManagementEventSources": ["s3.amazonaws.com"]}], None, "InvalidEventSelectorsException"),
    ([{"DataResources": [{"Type": "AWS::SQS::Queue", "Values": []}]}], None, "InvalidEventSelectorsException"),
    ([{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::b*/*"]}]}], None, "InvalidEventSelectorsException"),
    (None, [{"FieldSelectors": [{"Field": "readOnly", "Equals": ["true"]}]}], "InvalidEventSelectorsException"),
    (None, [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}], "InvalidEventSelectorsException"),
    (None, [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Insight"]}]}], "InvalidEventSelectorsException"),
    (None, [{"FieldSelectors": [{"Field": "eventCategory"}]}], "InvalidEventSelectorsException"),
]
MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}
FIELD_FAULTS = [
    {"Field": "eventCategory", "Equals": ["Management"]},
    {"Field": "readOnly", "NotEquals": ["true"]},
    {"Field": "readOnly", "Equals": ["true", "false"]},
    {"Field": "eventSource", "Equals": ["kms.amazonaws.com"]},
    {"Field": "eventSource", "NotEquals": ["s3.amazonaws.com"]},
    {"Field": "eventName", "Equals": ["CreateUser"]},
    {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"] * 501},
]


@pytest.mark.parametrize(
    ("basic", "advanced", "code"),
    [*SELECTOR_FAULTS, *((None, [{"FieldSelectors": [MANAGEMENT, field]}], "InvalidEventSelectorsException") for field in FIELD_FAULTS)],
)
def test_selectors_that_are_refused(world: World, basic: object, advanced: object, code: str) -> None:
    world.trail("audit")
    assert fault_of(world.trails.put_event_selectors, ACCOUNT, HOME, "audit", basic, advanced)[0] == code
    assert world.trails.get(ACCOUNT, HOME, "audit").event_selectors is None


def test_tags(world: World) -> None:
    arn = world.trail("audit")
    add, remove = tags.add_tags, tags.remove_tags
    add(world.trails, ACCOUNT, HOME, arn, [{"Key": "a", "Value": "1"}, {"Key": "b"}])
    add(world.trails, ACCOUNT, HOME, arn, [{"Key": "a", "Value": "2"}])
    assert tags.list_tags(world.trails, ACCOUNT, HOME, [arn]) == {arn: {"a": "2", "b": None}}
    remove(world.trails, ACCOUNT, HOME, arn, ["a", "absent"])
    assert tags.list_tags(world.trails, ACCOUNT, HOME, [arn]) == {arn: {"b": None}}
    many = [{"Key": f"k{number}"} for number in range(50)]
    stem = "arn:aws:cloudtrail:us-east-1:111122223333:"
    for resource, given, code in [
        (arn, many, "TagsLimitExceededException"),
        (arn, [{"Key": "x"}, {"Key": "x"}], "InvalidTagParameterException"),
        (arn, [{"Key": "x!"}], "InvalidTagParameterException"),
        (arn, [{"Key": "aws:x"}], "InvalidTagParameterException"),
        ("audit", [{"Key": "x"}], "CloudTrailARNInvalidException"),
        (stem + "trail/absent", [{"Key": "x"}], "ResourceNotFoundException"),
        (stem + "channel/absent", [{"Key": "x"}], "ResourceNotFoundException"),
        (stem + "import/absent", [{"Key": "x"}], "ResourceTypeNotSupportedException"),
        (arn.replace("1111", "9999", 1), [{"Key": "x"}], "CloudTrailARNInvalidException"),
    ]:
        assert fault_of(add, world.trails, ACCOUNT, HOME, resource, given)[0] == code
    assert fault_of(add, world.trails, ACCOUNT, "eu-west-1", arn, [{"Key": "x"}])[0] == "CloudTrailARNInvalidException"
