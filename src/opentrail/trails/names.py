"""How trails, buckets, prefixes, topics and keys may be called, and how a trail's ARN is built (reference of trails, §2-§4). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opentrail.trails.faults import (
    CloudTrailARNInvalidException,
    InvalidKmsKeyIdException,
    InvalidS3BucketNameException,
    InvalidS3PrefixException,
    InvalidSnsTopicNameException,
    InvalidTrailNameException,
)

LONGEST_PREFIX = 200
LONGEST_TOPIC = 256

_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_TRAIL_CHARACTERS = re.compile(r"[A-Za-z0-9._-]+")
_LETTER_OR_DIGIT = re.compile(r"[A-Za-z0-9]")
_NEIGHBOURS = re.compile(r"[._-]{2}")
_ARN = re.compile(r"arn:(aws[a-z-]*):cloudtrail:([a-z0-9-]+):(\d{12}):([a-z]+)/(.+)", re.DOTALL)
_BUCKET_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_TOPIC = re.compile(r"[A-Za-z0-9_-]+")
_TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:([^:]+)")
_ALIAS = re.compile(r"alias/(?!aws)[A-Za-z0-9/_-]{1,256}")
_KEY_ID = re.compile(r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_KMS_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(.+)")


@dataclass(frozen=True, slots=True)
class TrailArn:
    """`arn:<partition>:cloudtrail:<home region>:<account>:trail/<name>`, taken apart."""

    partition: str
    region: str
    account_id: str
    name: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:cloudtrail:{self.region}:{self.account_id}:trail/{self.name}"


def looks_like_arn(text: str) -> bool:
    """Whether a `Name` parameter means an ARN rather than a name."""
    return text.startswith("arn:")


def resource_type(text: str) -> str:
    """`trail`, `eventdatastore`, ... of a CloudTrail ARN; raises `CloudTrailARNInvalidException` for anything else."""
    found = _ARN.fullmatch(text)
    if found is None:
        raise CloudTrailARNInvalidException(f"The ARN {text} is not valid.")
    return found.group(4)


def parse_arn(text: str) -> TrailArn:
    """A trail ARN taken apart. Raises `CloudTrailARNInvalidException`, or `InvalidTrailNameException` for the name in it."""
    found = _ARN.fullmatch(text)
    if found is None or found.group(4) != "trail":
        raise CloudTrailARNInvalidException(f"The trail ARN {text} is not valid.")
    partition, region, account_id, _, name = found.groups()
    check_trail_name(name)
    return TrailArn(partition, region, account_id, name)


def check_trail_name(name: str) -> None:
    """Raises `InvalidTrailNameException` unless `name` may be a trail's."""
    if len(name) < 3:
        raise InvalidTrailNameException(
            f"Trail name too short. Minimum allowed length: 3 characters. Specified name length: {len(name)} characters."
        )
    if len(name) > 128:
        raise InvalidTrailNameException(
            f"Trail name too long. Maximum allowed length: 128 characters. Specified name length: {len(name)} characters."
        )
    if not _LETTER_OR_DIGIT.match(name[0]):
        raise InvalidTrailNameException("Trail name must starts with a letter or number.")
    if not _LETTER_OR_DIGIT.match(name[-1]):
        raise InvalidTrailNameException("Trail name must ends with a letter or number.")
    if not _TRAIL_CHARACTERS.fullmatch(name):
        raise InvalidTrailNameException(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and "
            "underscores (_)."
        )
    if _NEIGHBOURS.search(name):
        raise InvalidTrailNameException("Trail name cannot have two adjacent periods, hyphens or underscores.")
    if _ADDRESS.fullmatch(name):
        raise InvalidTrailNameException("Trail name cannot be formatted as an IP address.")


def check_bucket_name(name: str) -> None:
    """Raises `InvalidS3BucketNameException` unless `name` may be a bucket's."""
    if not 3 <= len(name) <= 63:
        raise InvalidS3BucketNameException(f"Bucket name {name} must have between 3 and 63 characters.")
    if not all(_BUCKET_LABEL.fullmatch(label) for label in name.split(".")):
        raise InvalidS3BucketNameException(
            f"Bucket name {name} can only contain lowercase letters, numbers, periods and hyphens; every label of it begins and ends with "
            "a letter or number."
        )
    if _ADDRESS.fullmatch(name):
        raise InvalidS3BucketNameException(f"Bucket name {name} cannot be formatted as an IP address.")


def check_prefix(prefix: str) -> None:
    """Raises `InvalidS3PrefixException` unless log file keys may begin with `prefix`."""
    if len(prefix) > LONGEST_PREFIX:
        raise InvalidS3PrefixException(
            f"S3 prefix is longer than maximum length. Maximum allowed length: {LONGEST_PREFIX} characters. "
            f"Specified prefix length: {len(prefix)} characters."
        )
    if "AWSLogs/" in prefix or not prefix.isprintable():
        raise InvalidS3PrefixException(f"S3 prefix {prefix} cannot be used.")


def check_topic(topic: str) -> None:
    """Raises `InvalidSnsTopicNameException` unless `topic` is the name or ARN of a topic."""
    found = _TOPIC_ARN.fullmatch(topic)
    name = found.group(1) if found else topic
    if len(topic) > LONGEST_TOPIC or not _TOPIC.fullmatch(name):
        raise InvalidSnsTopicNameException(
            "SNS topic name can only contain uppercase letters, lowercase letters, numbers, hyphens (-) and underscores (_)."
        )


def topic_arn(topic: str, partition: str, region: str, account_id: str) -> str:
    """The ARN of the topic that `SnsTopicName` means; a bare name is one of the trail's own account and home Region.

    Raises `InvalidSnsTopicNameException`."""
    check_topic(topic)
    return topic if looks_like_arn(topic) else f"arn:{partition}:sns:{region}:{account_id}:{topic}"


def check_kms_key_id(key_id: str) -> None:
    """Raises `InvalidKmsKeyIdException` unless `key_id` is a key id, key ARN, alias name or alias ARN."""
    found = _KMS_ARN.fullmatch(key_id)
    rest = found.group(1) if found else key_id
    key = rest.removeprefix("key/") if found and rest.startswith("key/") else rest
    if not (_ALIAS.fullmatch(rest) or (_KEY_ID.fullmatch(key) and (not found or rest.startswith("key/")))):
        raise InvalidKmsKeyIdException(f"The KMS key ID {key_id} is not valid. Use a key ID, a key ARN, an alias name or an alias ARN.")


def kms_account(key_id: str) -> str | None:
    """The account in the ARN of a KMS key or alias; `None` for a bare id or alias name."""
    return key_id.split(":")[4] if looks_like_arn(key_id) else None
