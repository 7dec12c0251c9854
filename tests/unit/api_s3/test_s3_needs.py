"""Which permissions each call takes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from opentrail.identity.principals import Principal

BUCKET = {"Bucket": "example-logs"}
OBJECT = {**BUCKET, "Key": "a/k"}
ARN = "arn:aws:s3:::example-logs"
KEY = f"{ARN}/a/k"
POLICY = json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{ARN}/*"}]})


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
        ("CreateBucket", BUCKET, [("s3:CreateBucket", ARN)]),
        ("HeadBucket", BUCKET, [("s3:ListBucket", ARN)]),
        ("ListObjects", BUCKET, [("s3:ListBucket", ARN)]),
        ("ListObjectsV2", BUCKET, [("s3:ListBucket", ARN)]),
        ("ListObjectVersions", BUCKET, [("s3:ListBucketVersions", ARN)]),
        ("ListMultipartUploads", BUCKET, [("s3:ListBucketMultipartUploads", ARN)]),
        ("GetBucketPolicy", BUCKET, [("s3:GetBucketPolicy", ARN)]),
        ("GetPublicAccessBlock", BUCKET, [("s3:GetBucketPublicAccessBlock", ARN)]),
        ("PutBucketEncryption", BUCKET, [("s3:PutEncryptionConfiguration", ARN)]),
        ("GetBucketLifecycleConfiguration", BUCKET, [("s3:GetLifecycleConfiguration", ARN)]),
        ("GetObject", OBJECT, [("s3:GetObject", KEY)]),
        ("GetObject", {**OBJECT, "VersionId": "null"}, [("s3:GetObjectVersion", KEY)]),
        ("HeadObject", OBJECT, [("s3:GetObject", KEY)]),
        ("GetObjectAttributes", {**OBJECT, "ObjectAttributes": ["ETag"]}, [("s3:GetObject", KEY), ("s3:GetObjectAttributes", KEY)]),
        ("PutObject", OBJECT, [("s3:PutObject", KEY)]),
        ("PutObject", {**OBJECT, "ACL": "bucket-owner-full-control"}, [("s3:PutObject", KEY)]),
        ("PutObject", {**OBJECT, "Tagging": "a=1"}, [("s3:PutObject", KEY), ("s3:PutObjectTagging", KEY)]),
        ("CreateMultipartUpload", OBJECT, [("s3:PutObject", KEY)]),
        ("CompleteMultipartUpload", {**OBJECT, "UploadId": "u"}, [("s3:PutObject", KEY)]),
        ("AbortMultipartUpload", {**OBJECT, "UploadId": "u"}, [("s3:AbortMultipartUpload", KEY)]),
        ("ListParts", {**OBJECT, "UploadId": "u"}, [("s3:ListMultipartUploadParts", KEY)]),
        ("CopyObject", {**OBJECT, "CopySource": "other/x%20y"}, [("s3:PutObject", KEY), ("s3:GetObject", "arn:aws:s3:::other/x y")]),
        ("CopyObject", {**OBJECT, "CopySource": "nonsense"}, [("s3:PutObject", KEY)]),
        ("DeleteObject", OBJECT, [("s3:DeleteObject", KEY)]),
        (
            "DeleteObjects",
            {**BUCKET, "Delete": {"Objects": [{"Key": "a/k"}, {"Key": "b"}]}},
            [("s3:DeleteObject", KEY), ("s3:DeleteObject", f"{ARN}/b")],
        ),
        ("DeleteObjects", {**BUCKET, "Delete": {}}, []),
        ("PutBucketCors", BUCKET, [("s3:PutBucketCORS", ARN)]),
        ("PutBucketVersioning", BUCKET, [("s3:PutBucketVersioning", ARN)]),
        ("GetObjectLockConfiguration", BUCKET, [("s3:GetBucketObjectLockConfiguration", ARN)]),
        ("PutObjectRetention", OBJECT, [("s3:PutObjectRetention", KEY)]),
        ("PutObjectRetention", {**OBJECT, "BypassGovernanceRetention": True}, [("s3:PutObjectRetention", KEY)]),
        ("GetObjectLegalHold", OBJECT, [("s3:GetObjectLegalHold", KEY)]),
        (
            "PutObject",
            {**OBJECT, "ObjectLockMode": "GOVERNANCE", "ObjectLockLegalHoldStatus": "ON"},
            [("s3:PutObject", KEY), ("s3:PutObjectRetention", KEY), ("s3:PutObjectLegalHold", KEY)],
        ),
        (
            "GetObjectAttributes",
            {**OBJECT, "VersionId": "null", "ObjectAttributes": ["ETag"]},
            [("s3:GetObjectVersion", KEY), ("s3:GetObjectVersionAttributes", KEY)],
        ),
        (
            "CopyObject",
            {**OBJECT, "CopySource": "other/x?versionId=null"},
            [("s3:PutObject", KEY), ("s3:GetObjectVersion", "arn:aws:s3:::other/x")],
        ),
        (
            "CreateBucket",
            {"Bucket": "new-logs", "ObjectLockEnabledForBucket": True},
            [
                (f"s3:{action}", "arn:aws:s3:::new-logs")
                for action in ("CreateBucket", "PutBucketObjectLockConfiguration", "PutBucketVersioning")
            ],
        ),
    ],
)
def test_actions_and_resources(s3: Any, operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert [(need.action, need.resource) for need in s3.needs(operation, **parameters)] == expected


def test_every_operation_of_a_bucket_names_what_it_needs(s3: Any) -> None:
    for operation in s3.service.operations:
        if operation == "DeleteObjects":
            continue
        members = {"Bucket": "example-logs", "Key": "k"}
        shape = s3.model.operation_model(operation).input_shape
        needs = s3.needs(operation, **{name: value for name, value in members.items() if shape and name in shape.members})
        assert needs
        assert all(need.action.startswith("s3:") for need in needs)


@pytest.mark.parametrize(
    ("operation", "facts", "context"),
    [
        (
            "ListObjectsV2",
            {**BUCKET, "Prefix": "a/", "Delimiter": "/", "MaxKeys": 5},
            {"s3:prefix": ("a/",), "s3:delimiter": ("/",), "s3:max-keys": ("5",)},
        ),
        ("ListObjects", {**BUCKET, "Prefix": ""}, {"s3:prefix": ("",)}),
        (
            "PutObject",
            {**OBJECT, "ACL": "private", "ServerSideEncryption": "AES256", "StorageClass": "STANDARD_IA", "Tagging": "a=1&b=2"},
            {
                "s3:x-amz-acl": ("private",),
                "s3:x-amz-server-side-encryption": ("AES256",),
                "s3:x-amz-storage-class": ("STANDARD_IA",),
                "s3:RequestObjectTag/a": ("1",),
                "s3:RequestObjectTagKeys": ("a", "b"),
            },
        ),
        ("GetObject", {**OBJECT, "query": "X-Amz-Signature=ab"}, {"s3:authType": ("REST-QUERY-STRING",)}),
        (
            "GetObject",
            {**OBJECT, "headers": {"x-amz-content-sha256": "ab"}},
            {"s3:x-amz-content-sha256": ("ab",), "s3:authType": ("REST-HEADER",)},
        ),
        ("PutObjectTagging", {**OBJECT, "Tagging": {"TagSet": [{"Key": "a", "Value": "1"}]}}, {"s3:RequestObjectTag/a": ("1",)}),
        (
            "CreateBucket",
            {**BUCKET, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}},
            {"s3:LocationConstraint": ("eu-west-1",)},
        ),
    ],
)
def test_condition_keys(s3: Any, operation: str, facts: dict[str, Any], context: dict[str, tuple[str, ...]]) -> None:
    found = s3.needs(operation, **facts)[0].context
    assert {key: found.get(key) for key in context} == context


def test_the_tags_that_an_object_has_are_condition_keys(s3: Any) -> None:
    s3.put("a/k", Tagging="secret=yes")
    assert s3.needs("GetObject", **OBJECT)[0].context["s3:ExistingObjectTag/secret"] == ("yes",)
    source = s3.needs("CopyObject", **BUCKET, Key="to", CopySource="example-logs/a/k")[1]
    assert source.context["s3:ExistingObjectTag/secret"] == ("yes",)


def test_the_policy_and_the_owner_of_the_bucket_come_along(s3: Any) -> None:
    s3("PutBucketPolicy", **BUCKET, Policy=POLICY)
    need = s3.needs("PutObject", **OBJECT, account="444455556666")[0]
    assert (need.resource_policy, need.resource_account_id) == (POLICY, "111122223333")
    assert need.context["s3:ResourceAccount"] == ("111122223333",)
    s3("DeleteBucketPolicy", **BUCKET)
    assert s3.needs("PutObject", **OBJECT)[0].resource_policy is None


@pytest.mark.parametrize("operation", ["GetObject", "PutObject", "DeleteObject", "HeadObject"])
@pytest.mark.parametrize("bucket", ["no-such-bucket", "Not A Bucket", ""])
def test_a_missing_bucket_is_for_the_handler_to_tell(s3: Any, operation: str, bucket: str) -> None:
    need = s3.needs(operation, Bucket=bucket, Key="k")[0]
    assert (need.resource_policy, need.resource_account_id) == (None, None)


def test_acls_take_a_permission_where_they_count(s3: Any) -> None:
    s3("PutBucketOwnershipControls", **BUCKET, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    needs = s3.needs("PutObject", **OBJECT, ACL="private")
    assert [need.action for need in needs] == ["s3:PutObject", "s3:PutObjectAcl"]


def test_root_can_always_repair_the_policy(s3: Any) -> None:
    s3("PutBucketPolicy", **BUCKET, Policy=POLICY)
    root = Principal(type="Root", account_id="111122223333", arn="arn:aws:iam::111122223333:root")
    for operation, policy in (("DeleteBucketPolicy", None), ("GetBucketAcl", POLICY)):
        call = replace(s3.call(operation, **BUCKET), caller=root)
        assert s3.service.needs(call)[0].resource_policy == policy


def test_who_says_to_bypass_a_retention_needs_leave_where_there_are_locks(s3: Any) -> None:
    s3("CreateBucket", Bucket="locked-logs", ObjectLockEnabledForBucket=True)
    facts = {"Bucket": "locked-logs", "BypassGovernanceRetention": True}
    needs = s3.needs("DeleteObject", **facts, Key="k", VersionId="null")
    assert [need.action for need in needs] == ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"]
    needs = s3.needs("DeleteObjects", **facts, Delete={"Objects": [{"Key": "a"}, {"Key": "b", "VersionId": "null"}]})
    assert [need.action for need in needs] == [
        "s3:DeleteObject",
        "s3:BypassGovernanceRetention",
        "s3:DeleteObjectVersion",
        "s3:BypassGovernanceRetention",
    ]
    needs = s3.needs("PutObjectRetention", **facts, Key="k")
    assert [need.action for need in needs] == ["s3:PutObjectRetention", "s3:BypassGovernanceRetention"]


def test_a_policy_may_bound_retentions(s3: Any) -> None:
    until = datetime(2026, 1, 15, 10, 11, 12, tzinfo=UTC)
    expected = {
        "s3:object-lock-mode": ("COMPLIANCE",),
        "s3:object-lock-retain-until-date": ("2026-01-15T10:11:12Z",),
        "s3:object-lock-remaining-retention-days": ("10",),
    }
    [need] = s3.needs("PutObjectRetention", **OBJECT, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until})
    assert {key: need.context[key] for key in expected} == expected
    need = s3.needs("PutObject", **OBJECT, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)[0]
    assert {key: need.context[key] for key in expected} == expected
    assert s3.needs("PutObjectLegalHold", **OBJECT, LegalHold={"Status": "ON"})[0].context["s3:object-lock-legal-hold"] == ("ON",)
