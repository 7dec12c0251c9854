"""Buckets through the S3 API: names, Regions, owners, configurations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.buckets import faults
from opentrail.wire.faults import Fault

OTHER = "444455556666"
BUCKET = {"Bucket": "example-logs"}
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Action": "s3:GetBucketAcl",
                "Resource": "arn:aws:s3:::example-logs",
            }
        ],
    }
)


def code_of(s3: Any, operation: str, **facts: Any) -> str:
    with pytest.raises(Fault) as caught:
        s3(operation, **facts)
    return caught.value.code


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "Upper",
        "under_score",
        "-start",
        "end-",
        "a..b",
        "192.168.0.1",
        "xn--a",
        "x-s3alias",
        "amzn-s3-demo-x",
        "a b",
        ".x",
        "é12",
    ],
)
def test_a_bad_name_is_refused(s3: Any, name: str) -> None:
    assert code_of(s3, "CreateBucket", Bucket=name) == "InvalidBucketName"
    assert code_of(s3, "HeadBucket", Bucket=name) == "InvalidBucketName"


@pytest.mark.parametrize(
    ("region", "constraint", "made_in"),
    [
        ("us-east-1", None, "us-east-1"),
        ("us-east-1", "eu-west-1", "eu-west-1"),
        ("us-east-1", "EU", "eu-west-1"),
        ("eu-central-1", "eu-central-1", "eu-central-1"),
        ("us-east-1", "us-east-1", "InvalidLocationConstraint"),
        ("us-east-1", "nowhere", "InvalidLocationConstraint"),
        ("eu-central-1", None, "IllegalLocationConstraintException"),
        ("eu-central-1", "eu-west-1", "IllegalLocationConstraintException"),
    ],
)
def test_where_a_bucket_is_made(s3: Any, region: str, constraint: str | None, made_in: str) -> None:
    facts: dict[str, Any] = {"Bucket": "new-bucket", "region": region}
    if constraint:
        facts["CreateBucketConfiguration"] = {"LocationConstraint": constraint}
    if made_in[0].isupper():
        assert code_of(s3, "CreateBucket", **facts) == made_in
        return
    s3("CreateBucket", **facts)
    assert s3("HeadBucket", Bucket="new-bucket")["BucketRegion"] == made_in
    expected = {} if made_in == "us-east-1" else {"LocationConstraint": made_in}
    assert s3("GetBucketLocation", Bucket="new-bucket").members == expected


def test_creating_again(s3: Any) -> None:
    assert s3("CreateBucket", **BUCKET)["Location"] == "/example-logs"
    assert code_of(s3, "CreateBucket", **BUCKET, account=OTHER) == "BucketAlreadyExists"
    constraint = {"LocationConstraint": "eu-west-1"}
    s3("CreateBucket", Bucket="far-away", region="eu-west-1", CreateBucketConfiguration=constraint)
    again = {"Bucket": "far-away", "region": "eu-west-1", "CreateBucketConfiguration": constraint}
    assert code_of(s3, "CreateBucket", **again) == "BucketAlreadyOwnedByYou"


def test_a_bucket_goes_only_when_empty(s3: Any) -> None:
    s3.put("k")
    assert code_of(s3, "DeleteBucket", **BUCKET) == "BucketNotEmpty"
    s3("DeleteObject", **BUCKET, Key="k")
    s3("CreateMultipartUpload", **BUCKET, Key="k")
    s3("DeleteBucket", **BUCKET)
    assert not (s3.folder / "buckets/example-logs").exists()
    for operation in ("HeadBucket", "DeleteBucket", "ListObjectsV2", "GetBucketPolicy", "GetBucketTagging", "GetBucketLogging"):
        assert code_of(s3, operation, **BUCKET) == "NoSuchBucket"
    s3("CreateBucket", **BUCKET)
    assert code_of(s3, "GetBucketPolicy", **BUCKET) == "NoSuchBucketPolicy"


def test_buckets_are_listed_by_account_and_paged(s3: Any) -> None:
    for name in ("b-one", "b-two", "c-one"):
        s3("CreateBucket", Bucket=name)
    s3("CreateBucket", Bucket="b-foreign", account=OTHER)
    assert [bucket["Name"] for bucket in s3("ListBuckets")["Buckets"]] == ["b-one", "b-two", "c-one", "example-logs"]
    first = s3("ListBuckets", MaxBuckets=1, Prefix="b-")
    assert [(bucket["Name"], bucket["BucketRegion"]) for bucket in first["Buckets"]] == [("b-one", "us-east-1")]
    second = s3("ListBuckets", MaxBuckets=1, Prefix="b-", ContinuationToken=first["ContinuationToken"])
    assert [bucket["Name"] for bucket in second["Buckets"]] == ["b-two"]
    assert "ContinuationToken" not in second
    assert s3("ListBuckets", BucketRegion="eu-west-1")["Buckets"] == []
    assert code_of(s3, "ListBuckets", MaxBuckets=0) == "InvalidArgument"


def test_the_expected_owner_is_checked(s3: Any) -> None:
    s3("HeadBucket", **BUCKET, ExpectedBucketOwner="111122223333")
    for operation in ("HeadBucket", "ListObjects", "DeleteBucket", "GetBucketAcl"):
        assert code_of(s3, operation, **BUCKET, ExpectedBucketOwner=OTHER) == "AccessDenied"


def test_a_policy_comes_back_as_it_was_put(s3: Any) -> None:
    assert code_of(s3, "GetBucketPolicyStatus", **BUCKET) == "NoSuchBucketPolicy"
    s3("PutBucketPolicy", **BUCKET, Policy=POLICY)
    assert s3("GetBucketPolicy", **BUCKET)["Policy"] == POLICY
    assert s3("GetBucketPolicyStatus", **BUCKET)["PolicyStatus"] == {"IsPublic": False}
    assert code_of(s3, "PutBucketPolicy", **BUCKET, Policy="{}") == "MalformedPolicy"
    s3("DeleteBucketPolicy", **BUCKET)
    s3("DeleteBucketPolicy", **BUCKET)
    assert code_of(s3, "GetBucketPolicy", **BUCKET) == "NoSuchBucketPolicy"


def test_a_new_bucket_is_configured_as_on_aws(s3: Any) -> None:
    assert s3("GetBucketOwnershipControls", **BUCKET)["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert set(s3("GetPublicAccessBlock", **BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}
    rules = s3("GetBucketEncryption", **BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    grants = s3("GetBucketAcl", **BUCKET)["Grants"]
    assert [(grant["Grantee"]["Type"], grant["Permission"]) for grant in grants] == [("CanonicalUser", "FULL_CONTROL")]
    assert s3("GetBucketVersioning", **BUCKET).members == {}


def test_configurations_are_put_read_and_removed(s3: Any) -> None:
    tags = [{"Key": "team", "Value": "audit"}]
    s3("PutBucketTagging", **BUCKET, Tagging={"TagSet": tags})
    assert s3("GetBucketTagging", **BUCKET)["TagSet"] == tags
    s3("DeleteBucketTagging", **BUCKET)
    assert code_of(s3, "GetBucketTagging", **BUCKET) == "NoSuchTagSet"

    s3("PutBucketOwnershipControls", **BUCKET, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    assert s3("GetBucketOwnershipControls", **BUCKET)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "ObjectWriter"}]
    s3("DeleteBucketOwnershipControls", **BUCKET)
    assert code_of(s3, "GetBucketOwnershipControls", **BUCKET) == "OwnershipControlsNotFoundError"

    s3("PutPublicAccessBlock", **BUCKET, PublicAccessBlockConfiguration={"BlockPublicPolicy": True})
    block = s3("GetPublicAccessBlock", **BUCKET)["PublicAccessBlockConfiguration"]
    assert [name for name, on in block.items() if on] == ["BlockPublicPolicy"]
    s3("DeletePublicAccessBlock", **BUCKET)
    assert code_of(s3, "GetPublicAccessBlock", **BUCKET) == "NoSuchPublicAccessBlockConfiguration"

    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}
    s3("PutBucketEncryption", **BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3("GetBucketEncryption", **BUCKET)["ServerSideEncryptionConfiguration"]["Rules"] == [rule]
    s3("DeleteBucketEncryption", **BUCKET)
    assert s3("GetBucketEncryption", **BUCKET)["ServerSideEncryptionConfiguration"]["Rules"][0]["BucketKeyEnabled"] is False


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("GetBucketLifecycleConfiguration", {}, "NoSuchLifecycleConfiguration"),
        ("GetBucketCors", {}, "NoSuchCORSConfiguration"),
        ("GetBucketWebsite", {}, "NoSuchWebsiteConfiguration"),
        ("GetObjectLockConfiguration", {}, "ObjectLockConfigurationNotFoundError"),
        ("GetBucketReplication", {}, "ReplicationConfigurationNotFoundError"),
        ("PutObjectLockConfiguration", {}, "MalformedXML"),
        ("PutObjectLockConfiguration", {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}, "InvalidBucketState"),
        ("PutBucketVersioning", {"VersioningConfiguration": {}}, "IllegalVersioningConfigurationException"),
        ("PutBucketVersioning", {"VersioningConfiguration": {"Status": "Off"}}, "MalformedXML"),
        ("PutBucketTagging", {}, "MalformedXML"),
        ("PutBucketTagging", {"Tagging": {"TagSet": [{"Key": "a", "Value": ""}] * 2}}, "InvalidTag"),
        ("PutBucketTagging", {"Tagging": {"TagSet": [{"Key": "aws:a", "Value": ""}]}}, "InvalidTag"),
        ("PutBucketOwnershipControls", {"OwnershipControls": {"Rules": []}}, "MalformedXML"),
        ("PutBucketAcl", {"ACL": "public-read"}, "AccessControlListNotSupported"),
        ("PutBucketAcl", {}, "InvalidArgument"),
    ],
)
def test_what_a_bucket_does_not_have(s3: Any, operation: str, parameters: dict[str, Any], code: str) -> None:
    assert code_of(s3, operation, **BUCKET, **parameters) == code


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("GetBucketLogging", {}),
        ("GetBucketNotificationConfiguration", {}),
        ("GetBucketAccelerateConfiguration", {}),
        ("GetBucketRequestPayment", {"Payer": "BucketOwner"}),
        ("DeleteBucketLifecycle", {}),
        ("ListBucketInventoryConfigurations", {"IsTruncated": False}),
    ],
)
def test_what_is_truly_empty(s3: Any, operation: str, members: dict[str, Any]) -> None:
    assert s3(operation, **BUCKET).members == members


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"ACL": "public-read"}, "InvalidBucketAclWithObjectOwnership"),
        ({"BucketNamespace": "account-regional"}, "NotImplemented"),
        ({"ObjectOwnership": "Nobody"}, "InvalidArgument"),
        ({"CreateBucketConfiguration": {"Bucket": {"Type": "Directory"}}}, "NotImplemented"),
    ],
)
def test_what_a_new_bucket_cannot_be(s3: Any, parameters: dict[str, Any], code: str) -> None:
    assert code_of(s3, "CreateBucket", Bucket="new-bucket", **parameters) == code


def test_every_operation_is_one_of_the_model_and_every_fault_has_words(s3: Any) -> None:
    assert set(s3.service.operations) <= set(s3.model.operation_names)
    kinds = [kind for kind in vars(faults).values() if isinstance(kind, type) and issubclass(kind, Fault) and kind is not Fault]
    assert all(len(kind().message) > 10 and kind.status >= 400 for kind in kinds)
