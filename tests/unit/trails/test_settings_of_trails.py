"""CreateTrail and UpdateTrail row by row (reference of trails, §2, §3, §13): what is taken, what is refused, in which words and order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.trails import probe
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.neighbours import Neighbours
from opentrail.trails.store import Trail
from opentrail.wire.faults import Fault
from simulators.neighbours import KEY_ID, Keys, Topics
from simulators.trails import ACCOUNT, HOME, REGIONS, World

STEM = f"arn:aws:sns:us-east-1:{ACCOUNT}:"
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{KEY_ID}"
GROUP, ROLE = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:*", f"arn:aws:iam::{ACCOUNT}:role/r"


class Control:
    """Trails whose neighbours do as told."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.buckets.missing.add("gone")
        self.world.buckets.denied.add("closed")
        self.topics = Topics(there={STEM + "news", STEM + "shut", "arn:aws:sns:eu-west-1:999999999999:far"}, closed={STEM + "shut"})
        self.keys = Keys(far={"distant"})
        self.trails = Trails(
            self.world.database,
            self.world.clock,
            buckets=self.world.buckets,
            regions=REGIONS,
            head=self.world.journal.head,
            neighbours=Neighbours(topics=self.topics, keys=self.keys),
        )

    def create(self, name: str = "audit", **settings: Any) -> Trail:
        return self.trails.create(ACCOUNT, HOME, name, Wanted(**{"s3_bucket_name": "logs", **settings}), {})

    def update(self, name: str = "audit", **settings: Any) -> Trail:
        return self.trails.update(ACCOUNT, HOME, name, Wanted(**settings))


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = Control(tmp_path)
    yield made
    made.world.close()


def fault_of(call: Any, **settings: Any) -> tuple[str, str]:
    with pytest.raises(Fault) as raised:
        call(**settings)
    return raised.value.code, raised.value.message


MULTI = "Multi-Region trail must include global service events."
REFUSED = [
    # settings, code, message or part of it
    ({"s3_bucket_name": ""}, "InvalidS3BucketNameException", "between 3 and 63"),
    ({"s3_bucket_name": "Logs"}, "InvalidS3BucketNameException", "lowercase"),
    ({"s3_bucket_name": "10.0.0.1"}, "InvalidS3BucketNameException", "IP address"),
    ({"s3_bucket_name": "gone"}, "S3BucketDoesNotExistException", "S3 bucket gone does not exist!"),
    ({"s3_bucket_name": "closed"}, "InsufficientS3BucketPolicyException", "Incorrect S3 bucket policy is detected for bucket: closed"),
    ({"s3_key_prefix": "x" * 201}, "InvalidS3PrefixException", "Specified prefix length: 201"),
    ({"s3_key_prefix": "a/AWSLogs/b"}, "InvalidS3PrefixException", "cannot be used"),
    ({"sns_topic_name": "no topic"}, "InvalidSnsTopicNameException", "SNS topic name can only contain"),
    ({"sns_topic_name": "a" * 257}, "InvalidSnsTopicNameException", "SNS topic name"),
    ({"sns_topic_name": "news.fifo"}, "InvalidSnsTopicNameException", "SNS topic name"),
    ({"sns_topic_name": "absent"}, "InsufficientSnsTopicPolicyException", "SNS Topic does not exist or the topic policy is incorrect!"),
    ({"sns_topic_name": "shut"}, "InsufficientSnsTopicPolicyException", "SNS Topic does not exist or the topic policy is incorrect!"),
    ({"kms_key_id": "mine"}, "InvalidKmsKeyIdException", "mine"),
    ({"kms_key_id": "alias/aws/s3"}, "InvalidKmsKeyIdException", "alias/aws/s3"),
    ({"kms_key_id": "alias/absent"}, "KmsKeyNotFoundException", ""),
    ({"log_group_arn": GROUP}, "InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group."),
    ({"role_arn": ROLE}, "InvalidCloudWatchLogsLogGroupArnException", "You must specify a log group as well as a role ARN."),
    (
        {"log_group_arn": GROUP, "role_arn": ROLE},
        "InvalidCloudWatchLogsLogGroupArnException",
        "Check the log group ARN: CloudTrail can't validate it.",
    ),
    ({"is_multi_region_trail": True, "include_global_service_events": False}, "InvalidParameterCombinationException", MULTI),
    # What is wrong by itself is told before what the neighbours say, the bucket before the topic, the topic before the key.
    (
        {"is_multi_region_trail": True, "include_global_service_events": False, "s3_bucket_name": "gone"},
        "InvalidParameterCombination",
        MULTI,
    ),
    ({"s3_bucket_name": "gone", "kms_key_id": "mine"}, "InvalidKmsKeyIdException", ""),
    ({"s3_bucket_name": "gone", "sns_topic_name": "absent"}, "S3BucketDoesNotExistException", ""),
    ({"sns_topic_name": "absent", "kms_key_id": "alias/absent"}, "InsufficientSnsTopicPolicyException", ""),
    ({"kms_key_id": "alias/absent", "log_group_arn": GROUP}, "KmsKeyNotFoundException", ""),
]


@pytest.mark.parametrize(("settings", "code", "message"), REFUSED)
def test_what_is_refused_leaves_no_trace(control: Control, settings: dict[str, Any], code: str, message: str) -> None:
    found = fault_of(control.create, **settings)
    assert found[0].startswith(code)
    assert message in found[1]
    assert control.trails.list(ACCOUNT) == []
    before = control.create()
    found = fault_of(control.update, **settings)
    assert found[0].startswith(code)
    assert message in found[1]
    assert control.trails.list(ACCOUNT) == [before]
    assert control.topics.published == []


TAKEN = [
    ({"s3_bucket_name": "logs.of-2026"}, {"s3_bucket_name": "logs.of-2026"}),
    ({"s3_key_prefix": "a/b"}, {"s3_key_prefix": "a/b"}),
    ({"s3_key_prefix": ""}, {"s3_key_prefix": None}),
    ({"sns_topic_name": "news"}, {"sns_topic_arn": STEM + "news"}),
    ({"sns_topic_name": STEM + "news"}, {"sns_topic_arn": STEM + "news"}),
    ({"sns_topic_name": "arn:aws:sns:eu-west-1:999999999999:far"}, {"sns_topic_arn": "arn:aws:sns:eu-west-1:999999999999:far"}),
    ({"sns_topic_name": ""}, {"sns_topic_arn": None}),
    ({"kms_key_id": KEY_ID}, {"kms_key_id": KEY_ARN}),
    ({"kms_key_id": "alias/trails"}, {"kms_key_id": KEY_ARN}),
    ({"kms_key_id": KEY_ARN}, {"kms_key_id": KEY_ARN}),
    ({"kms_key_id": ""}, {"kms_key_id": None}),
    ({"log_group_arn": "", "role_arn": ""}, {}),
    ({"include_global_service_events": False}, {"include_global_service_events": False}),
    ({"is_multi_region_trail": True}, {"is_multi_region_trail": True, "include_global_service_events": True}),
    ({"enable_log_file_validation": True}, {"log_file_validation_enabled": True}),
    ({"recursive_logging": False}, {"recursive_logging": False}),
]


@pytest.mark.parametrize(("settings", "kept"), TAKEN)
def test_what_is_taken_is_kept(control: Control, settings: dict[str, Any], kept: dict[str, Any]) -> None:
    created = control.create("first", **settings)
    assert {name: getattr(created, name) for name in kept} == kept
    before = control.create("second", s3_bucket_name="else", s3_key_prefix="p", sns_topic_name="news", kms_key_id=KEY_ID)
    after = control.update("second", **settings)
    unlike = {name for name in Trail.__dataclass_fields__ if getattr(before, name) != getattr(after, name)}
    assert {name: getattr(after, name) for name in kept} == kept
    assert unlike <= set(kept)


def test_a_topic_hears_one_plain_message_when_a_trail_is_connected_with_it(control: Control) -> None:
    control.create(sns_topic_name="news")
    assert control.topics.published == [(STEM + "news", "CloudTrail validation message.")]
    control.update(s3_key_prefix="p")
    control.update(sns_topic_name="")
    assert len(control.topics.published) == 1
    control.update(sns_topic_name="arn:aws:sns:eu-west-1:999999999999:far")
    assert [topic for topic, _ in control.topics.published[1:]] == ["arn:aws:sns:eu-west-1:999999999999:far"]
    assert probe.GREETING == "CloudTrail validation message."


def test_the_key_of_a_trail_must_suit_its_new_bucket(control: Control) -> None:
    control.create(kms_key_id=KEY_ID)
    assert fault_of(control.update, s3_bucket_name="distant")[0] == "KmsKeyNotFoundException"
    assert control.update(s3_bucket_name="distant", kms_key_id="").s3_bucket_name == "distant"


def test_global_service_events_follow_the_number_of_regions(control: Control) -> None:
    control.create(include_global_service_events=False)
    everywhere = control.update(is_multi_region_trail=True)
    assert everywhere.include_global_service_events
    assert fault_of(control.update, include_global_service_events=False) == ("InvalidParameterCombinationException", MULTI)
    single = control.update(is_multi_region_trail=False)
    assert single.include_global_service_events
    assert not control.update(include_global_service_events=False).include_global_service_events
    refused = fault_of(control.update, is_multi_region_trail=True, include_global_service_events=False)
    assert refused == ("InvalidParameterCombinationException", MULTI)


def test_an_upstream_s_own_fault_is_passed_on(control: Control) -> None:
    class SlowDown(Fault):
        """Reduce your request rate."""

    def check(**_: Any) -> None:
        raise SlowDown

    control.world.buckets.check = check  # type: ignore[method-assign, assignment]
    assert fault_of(control.create)[0] == "SlowDown"
