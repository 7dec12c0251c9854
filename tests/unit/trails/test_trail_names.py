"""What trails, buckets, prefixes, topics and keys may be called: cases as data."""

from __future__ import annotations

import pytest

from opentrail.trails import names
from opentrail.wire.faults import Fault

GOOD_NAMES = ["abc", "A-b_c.d", "0.1", "a" * 128, "my-trail", "192.168.5", "1.2.3.4.5"]

BAD_NAMES = [
    ("", "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 0 characters."),
    ("ab", "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 2 characters."),
    ("a" * 129, "Trail name too long. Maximum allowed length: 128 characters. Specified name length: 129 characters."),
    ("-abc", "Trail name must starts with a letter or number."),
    (".abc", "Trail name must starts with a letter or number."),
    ("abc_", "Trail name must ends with a letter or number."),
    (
        "tr ail",
        "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_).",
    ),
    (
        "träil",
        "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_).",
    ),
    ("my-_x", "Trail name cannot have two adjacent periods, hyphens or underscores."),
    ("my--x", "Trail name cannot have two adjacent periods, hyphens or underscores."),
    ("192.168.5.4", "Trail name cannot be formatted as an IP address."),
    ("trail!", "Trail name must ends with a letter or number."),
    ("abc\n", "Trail name must ends with a letter or number."),
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_good_trail_names(name: str) -> None:
    names.check_trail_name(name)


@pytest.mark.parametrize(("name", "message"), BAD_NAMES)
def test_bad_trail_names(name: str, message: str) -> None:
    with pytest.raises(Fault) as raised:
        names.check_trail_name(name)
    assert (raised.value.code, raised.value.message) == ("InvalidTrailNameException", message)


CASES = [
    (names.check_bucket_name, "abc", None),
    (names.check_bucket_name, "my.bucket-1", None),
    (names.check_bucket_name, "ab", "InvalidS3BucketNameException"),
    (names.check_bucket_name, "a" * 64, "InvalidS3BucketNameException"),
    (names.check_bucket_name, "My-bucket", "InvalidS3BucketNameException"),
    (names.check_bucket_name, "my_bucket", "InvalidS3BucketNameException"),
    (names.check_bucket_name, "my..bucket", "InvalidS3BucketNameException"),
    (names.check_bucket_name, "my-.bucket", "InvalidS3BucketNameException"),
    (names.check_bucket_name, "my.-bucket", "InvalidS3BucketNameException"),
    (names.check_bucket_name, "bucket-", "InvalidS3BucketNameException"),
    (names.check_bucket_name, "10.0.0.1", "InvalidS3BucketNameException"),
    (names.check_bucket_name, "bucket\n", "InvalidS3BucketNameException"),
    (names.check_prefix, "", None),
    (names.check_prefix, "a/b/c", None),
    (names.check_prefix, "x" * 200, None),
    (names.check_prefix, "x" * 201, "InvalidS3PrefixException"),
    (names.check_prefix, "a/AWSLogs/b", "InvalidS3PrefixException"),
    (names.check_prefix, "AWSLogs/", "InvalidS3PrefixException"),
    (names.check_prefix, "myAWSLogs", None),
    (names.check_prefix, "a\x00b", "InvalidS3PrefixException"),
    (names.check_topic, "my-topic_1", None),
    (names.check_topic, "arn:aws:sns:us-east-1:111122223333:my-topic", None),
    (names.check_topic, "my topic", "InvalidSnsTopicNameException"),
    (names.check_topic, "arn:aws:sns:us-east-1:111122223333:my:topic", "InvalidSnsTopicNameException"),
    (names.check_topic, "x" * 257, "InvalidSnsTopicNameException"),
    (names.check_kms_key_id, "alias/mine", None),
    (names.check_kms_key_id, "1234abcd-12ab-34cd-56ef-1234567890ab", None),
    (names.check_kms_key_id, "mrk-1234abcd12ab34cd56ef1234567890ab", None),
    (names.check_kms_key_id, "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", None),
    (names.check_kms_key_id, "arn:aws:kms:us-east-1:111122223333:alias/mine", None),
    (names.check_kms_key_id, "alias/aws-mine", "InvalidKmsKeyIdException"),
    (names.check_kms_key_id, "mine", "InvalidKmsKeyIdException"),
    (names.check_kms_key_id, "arn:aws:kms:us-east-1:111122223333:1234abcd-12ab-34cd-56ef-1234567890ab", "InvalidKmsKeyIdException"),
]


@pytest.mark.parametrize(("check", "text", "code"), CASES)
def test_other_names(check, text: str, code: str | None) -> None:  # type: ignore[no-untyped-def]
    if code is None:
        check(text)
        return
    with pytest.raises(Fault) as raised:
        check(text)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("arn:aws:cloudtrail:us-east-1:111122223333:trail/audit", None),
        ("arn:aws-cn:cloudtrail:cn-north-1:111122223333:trail/audit", None),
        ("arn:aws:cloudtrail:us-east-1:1111:trail/audit", "CloudTrailARNInvalidException"),
        ("arn:aws:cloudtrail:us-east-1:111122223333:channel/audit", "CloudTrailARNInvalidException"),
        ("arn:aws:s3:::audit", "CloudTrailARNInvalidException"),
        ("arn:aws:cloudtrail:us-east-1:111122223333:trail/-audit", "InvalidTrailNameException"),
    ],
)
def test_trail_arns(text: str, code: str | None) -> None:
    if code is None:
        assert str(names.parse_arn(text)) == text
        return
    with pytest.raises(Fault) as raised:
        names.parse_arn(text)
    assert raised.value.code == code
