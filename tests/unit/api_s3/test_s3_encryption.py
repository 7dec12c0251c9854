"""SSE-KMS as clients see it: which key, who may, what is answered, what lies on disk."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable
from hashlib import md5
from typing import Any

import pytest

from opentrail.buckets.encrypted import CHUNK, HEAD
from opentrail.kms import ServiceCaller
from opentrail.kms.faults import AccessDeniedException
from opentrail.kms.keys import Wanted
from opentrail.kms.specs import SPECS
from opentrail.kms.values import Key, Terms
from opentrail.wire.faults import Fault

ACCOUNT = "111122223333"
OTHER = "444455556666"
BUCKET = {"Bucket": "example-logs"}
OBJECT = {**BUCKET, "Key": "k"}
ARN = "arn:aws:s3:::example-logs/k"
DATA = b"what nobody may read without the key " * 5000
"""More than two chunks."""


def may(user: str, *actions: str, account: str = ACCOUNT, **condition: Any) -> dict[str, Any]:
    found = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:user/{user}"}, "Action": list(actions), "Resource": "*"}
    return found | ({"Condition": condition} if condition else {})


ALICE = may("alice", "kms:GenerateDataKey", "kms:Decrypt")


@pytest.fixture
def make_key(s3: Any) -> Callable[..., Key]:
    """A key with this policy; the account itself may always manage it."""

    def make(*statements: dict[str, Any], spec: str = "SYMMETRIC_DEFAULT", account: str = ACCOUNT, region: str = "us-east-1") -> Key:
        root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [root, *statements]})
        made: Key = s3.kms.keys.create(Wanted(account_id=account, region=region, policy=policy, spec=SPECS[spec]))
        return made

    return make


@pytest.fixture
def key(make_key: Callable[..., Key]) -> Key:
    """One that Alice may use."""
    return make_key(ALICE)


def by(key: Key | str) -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key if isinstance(key, str) else key.arn}


def fault_of(s3: Any, operation: str, **facts: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        s3(operation, **facts)
    return caught.value


def on_disk(s3: Any, file: str = "k") -> bytes:
    found: bytes = (s3.folder / "buckets" / "example-logs" / file).read_bytes()
    return found


def told(answer: Any) -> dict[str, Any]:
    names = ("ServerSideEncryption", "SSEKMSKeyId", "SSEKMSEncryptionContext", "BucketKeyEnabled")
    return {name: answer[name] for name in names if name in answer}


def default_to(s3: Any, algorithm: str, key_id: str | None = None, *, bucket_key: bool = False) -> None:
    default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key_id} if key_id else {})
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}
    s3("PutBucketEncryption", **BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})


# What is answered, and what lies on disk


def test_an_object_under_a_kms_key_is_given_back_and_lies_encrypted_on_disk(s3: Any, key: Key) -> None:
    put = s3.put("k", DATA, **by(key))
    assert told(put) == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key.arn}
    assert md5(DATA).hexdigest() not in put["ETag"]
    got = s3.get("k")
    assert got["Body"] == DATA
    assert got["ETag"] == put["ETag"]
    assert told(got) == told(s3("HeadObject", **OBJECT)) == told(put)
    assert s3("HeadObject", **OBJECT)["ContentLength"] == len(DATA)
    assert on_disk(s3).startswith(HEAD)
    assert DATA[:20] not in on_disk(s3)


def test_an_object_without_a_key_is_a_file_that_a_person_can_read(s3: Any) -> None:
    s3.put("k", gzip.compress(b'{"Records":[]}'))
    assert gzip.decompress(on_disk(s3)) == b'{"Records":[]}'


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 700_000])
def test_every_size_comes_back(s3: Any, key: Key, size: int) -> None:
    data = (DATA * 10)[:size]
    s3.put("k", data, **by(key))
    assert s3.get("k")["Body"] == data


def test_ranges_and_checksums_are_those_of_the_data(s3: Any, key: Key) -> None:
    s3.put("k", DATA, **by(key), ChecksumAlgorithm="SHA256")
    part = s3.get("k", Range="bytes=65530-65545")
    assert (part.status, part["Body"], part["ContentRange"]) == (206, DATA[65530:65546], f"bytes 65530-65545/{len(DATA)}")
    s3.put("plain", DATA, ChecksumAlgorithm="SHA256")
    plain = s3("HeadObject", **BUCKET, Key="plain", ChecksumMode="ENABLED")
    assert s3("HeadObject", **OBJECT, ChecksumMode="ENABLED")["ChecksumSHA256"] == plain["ChecksumSHA256"]


def test_what_was_damaged_on_disk_is_an_error(s3: Any, key: Key) -> None:
    s3.put("k", DATA, **by(key))
    place = s3.folder / "buckets" / "example-logs" / "k"
    whole = place.read_bytes()
    for damaged in (whole[:-1], whole[: len(whole) // 2], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], b""):
        place.write_bytes(damaged)
        assert fault_of(s3, "GetObject", **OBJECT).code == "InternalError"


def test_data_of_another_object_under_the_same_key_are_an_error(s3: Any, key: Key) -> None:
    s3.put("k", DATA, **by(key))
    s3.put("other", DATA[::-1], **by(key))
    place = s3.folder / "buckets" / "example-logs"
    (place / "k").write_bytes((place / "other").read_bytes())
    assert fault_of(s3, "GetObject", **OBJECT).code == "InternalError"


# Which key


def test_a_key_is_named_by_its_id_its_arn_or_an_alias(s3: Any, key: Key) -> None:
    s3.kms.aliases.create("alias/logs", key)
    for named in (key.key_id, key.arn, "alias/logs", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/logs"):
        assert s3.put("k", **by(named))["SSEKMSKeyId"] == key.arn


def test_without_a_key_id_it_is_the_aws_managed_key_which_works_through_s3_only(s3: Any) -> None:
    assert s3.put("k", DATA, ServerSideEncryption="aws:kms")["SSEKMSKeyId"].startswith(f"arn:aws:kms:us-east-1:{ACCOUNT}:key/")
    assert s3.get("k")["Body"] == DATA
    managed = next(alias for alias in s3.kms.aliases.list(ACCOUNT, "us-east-1") if alias.name == "alias/aws/s3")
    assert s3.get("k")["SSEKMSKeyId"].endswith(f"/{managed.key_id}")
    anybody = ServiceCaller(principal=s3.call("GetObject", **OBJECT).caller, account_id=ACCOUNT, region="us-east-1")
    with pytest.raises(AccessDeniedException):
        s3.kms.service_keys.generate_data_key(anybody, "alias/aws/s3", {})


@pytest.mark.parametrize(
    ("named", "code", "status"),
    [
        ("alias/absent", "KMS.NotFoundException", 400),
        ("no-key", "KMS.NotFoundException", 400),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555", "KMS.NotFoundException", 400),
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555", "KMS.NotFoundException", 400),
        (f"arn:aws:kms:us-east-1:{OTHER}:key/11111111-2222-3333-4444-555555555555", "AccessDenied", 403),
        ("arn:aws:iam::x:y", "KMS.InvalidArnException", 400),
    ],
)
def test_a_key_that_is_not_there(s3: Any, named: str, code: str, status: int) -> None:
    s3.put("k", b"old")
    fault = fault_of(s3, "PutObject", **OBJECT, body=b"new", **by(named))
    assert (fault.code, fault.status) == (code, status)
    assert s3.get("k")["Body"] == b"old"


def test_a_key_that_cannot_be_used_now(s3: Any, key: Key, make_key: Callable[..., Key]) -> None:
    s3.put("k", DATA, **by(key))
    s3.kms.keys.disable(key)
    for facts in ({"operation": "GetObject", **OBJECT}, {"operation": "PutObject", **OBJECT, "body": b"x", **by(key)}):
        fault = fault_of(s3, **facts)
        assert (fault.code, fault.status, fault.message) == ("KMS.DisabledException", 400, f"{key.arn} is disabled.")
    s3.kms.keys.schedule_deletion(key, 7)
    fault = fault_of(s3, "GetObject", **OBJECT)
    assert (fault.code, fault.message) == ("KMS.KMSInvalidStateException", f"{key.arn} is pending deletion.")
    s3.kms.keys.cancel_deletion(key)
    s3.kms.keys.enable(key)
    assert s3.get("k")["Body"] == DATA
    rsa = make_key(ALICE, spec="RSA_2048")
    assert fault_of(s3, "PutObject", **OBJECT, body=b"x", **by(rsa)).code == "KMS.InvalidKeyUsageException"


def test_an_object_outlives_the_rotation_of_its_key_but_not_the_key(s3: Any, key: Key) -> None:
    s3.put("k", DATA, **by(key))
    s3.kms.rotations.on_demand(key)
    assert s3.get("k")["Body"] == DATA
    s3.kms.keys.schedule_deletion(key, 7)
    s3.kms.keeper.work(s3.clock.time() + 8 * 86400)
    assert fault_of(s3, "GetObject", **OBJECT).code == "AccessDenied"
    s3("DeleteObject", **OBJECT)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"SSEKMSKeyId": "alias/logs"}, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "alias/logs"}, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256", "SSEKMSEncryptionContext": "e30="}, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": "no base64"}, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": b64encode(b"[]").decode()}, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": b64encode(b'{"a":1}').decode()}, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": b64encode(b'{"a":"\\ud800"}').decode()}, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": b64encode(b'{"aws:s3:arn":"x"}').decode()}, "InvalidArgument"),
        ({"ServerSideEncryption": "rot13"}, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms:dsse"}, "NotImplemented"),
        ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}, "NotImplemented"),
    ],
)
def test_what_cannot_be_asked_for(s3: Any, facts: dict[str, str], code: str) -> None:
    for operation in ("PutObject", "CreateMultipartUpload"):
        body = {"body": b"x"} if operation == "PutObject" else {}
        assert fault_of(s3, operation, **OBJECT, **body, **facts).code == code


# Who may


def test_who_may_not_decrypt_cannot_read_though_s3_lets_him(s3: Any, make_key: Callable[..., Key]) -> None:
    key = make_key(ALICE, may("bob", "kms:GenerateDataKey"))
    s3.put("k", DATA, **by(key), ChecksumAlgorithm="CRC32")
    fault = fault_of(s3, "GetObject", **OBJECT, user="bob")
    assert (fault.code, fault.status) == ("AccessDenied", 403)
    assert "bob is not authorized to perform: kms:Decrypt" in fault.message
    assert fault_of(s3, "GetObject", **OBJECT, user="bob", Range="bytes=0-1").code == "AccessDenied"
    assert fault_of(s3, "CopyObject", **BUCKET, Key="copy", CopySource="example-logs/k", user="bob").code == "AccessDenied"
    # What the object is he is told, but not its checksum.
    assert s3("HeadObject", **OBJECT, user="bob")["ContentLength"] == len(DATA)
    assert fault_of(s3, "HeadObject", **OBJECT, user="bob", ChecksumMode="ENABLED").code == "AccessDenied"
    assert fault_of(s3, "GetObjectAttributes", **OBJECT, user="bob", ObjectAttributes=["Checksum"]).code == "AccessDenied"
    assert s3("GetObjectAttributes", **OBJECT, user="bob", ObjectAttributes=["ObjectSize"])["ObjectSize"] == len(DATA)


def test_who_may_not_generate_data_keys_cannot_write_and_the_old_object_stays(s3: Any, make_key: Callable[..., Key]) -> None:
    key = make_key(may("bob", "kms:Decrypt"))
    s3.put("k", b"old")
    fault = fault_of(s3, "PutObject", **OBJECT, body=b"new", user="bob", **by(key))
    assert fault.code == "AccessDenied"
    assert "kms:GenerateDataKey" in fault.message
    assert fault_of(s3, "CreateMultipartUpload", **OBJECT, user="bob", **by(key)).code == "AccessDenied"
    assert s3.get("k")["Body"] == b"old"


def test_a_grant_lets_a_reader_in(s3: Any, key: Key) -> None:
    s3.put("k", DATA, **by(key))
    assert fault_of(s3, "GetObject", **OBJECT, user="bob").code == "AccessDenied"
    terms = Terms(operations=("Decrypt",), grantee=f"arn:aws:iam::{ACCOUNT}:user/bob", context_equals={"aws:s3:arn": ARN})
    s3.kms.grants.create(key, terms, issuing_account=f"arn:aws:iam::{ACCOUNT}:root")
    assert s3("GetObject", **OBJECT, user="bob")["Body"] == DATA
    s3.put("elsewhere", DATA, **by(key))
    assert fault_of(s3, "GetObject", **BUCKET, Key="elsewhere", user="bob").code == "AccessDenied"


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}, True),
        ({"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}, False),
        ({"StringEquals": {"kms:EncryptionContext:aws:s3:arn": ARN}}, True),
        ({"StringLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::other/*"}}, False),
        ({"StringEquals": {"kms:CallerAccount": ACCOUNT}}, True),
        ({"Bool": {"aws:ViaAWSService": "true"}}, True),
        ({"Null": {"aws:SourceArn": "true", "aws:SourceAccount": "true"}}, True),
    ],
)
def test_the_key_policy_sees_through_whom_and_for_what(
    s3: Any, make_key: Callable[..., Key], condition: dict[str, Any], allowed: bool
) -> None:
    key = make_key(ALICE, may("bob", "kms:Decrypt", **condition))
    s3.put("k", DATA, **by(key))
    if allowed:
        assert s3("GetObject", **OBJECT, user="bob")["Body"] == DATA
    else:
        assert fault_of(s3, "GetObject", **OBJECT, user="bob").code == "AccessDenied"


def test_a_key_of_another_account_is_named_by_its_arn_and_both_accounts_have_a_say(s3: Any, make_key: Callable[..., Key]) -> None:
    foreign = make_key(ALICE, account=OTHER)
    # The key's policy lets Alice in, but nothing in her own account does.
    fault = fault_of(s3, "PutObject", **OBJECT, body=b"x", **by(foreign))
    assert (fault.code, fault.message) == ("AccessDenied", "Access Denied")
    # A bare id is looked for in the caller's own account.
    assert fault_of(s3, "PutObject", **OBJECT, body=b"x", **by(foreign.key_id)).code == "KMS.NotFoundException"
    theirs = {"account": OTHER, "user": "alice"}
    own = make_key(may("alice", "kms:GenerateDataKey", "kms:Decrypt", account=OTHER), account=OTHER)
    assert s3("PutObject", **OBJECT, body=DATA, **theirs, **by(own))["SSEKMSKeyId"] == own.arn
    assert fault_of(s3, "GetObject", **OBJECT).code == "AccessDenied"


# Bucket defaults, bucket keys, contexts


def test_what_a_bucket_is_told_holds_for_objects_whose_writers_do_not_say(s3: Any, key: Key) -> None:
    default_to(s3, "aws:kms", key.arn, bucket_key=True)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key.arn}, "BucketKeyEnabled": True}
    assert s3("GetBucketEncryption", **BUCKET)["ServerSideEncryptionConfiguration"]["Rules"] == [rule]
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key.arn, "BucketKeyEnabled": True}
    assert told(s3.put("k", DATA)) == told(s3.get("k")) == encrypted
    assert told(s3.put("plain", DATA, ServerSideEncryption="AES256")) == {"ServerSideEncryption": "AES256"}
    assert told(s3.put("own", DATA, BucketKeyEnabled=False)) == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key.arn}
    assert told(s3("CopyObject", **BUCKET, Key="copy", CopySource="example-logs/plain")) == encrypted
    s3("DeleteBucketEncryption", **BUCKET)
    assert told(s3.put("later", DATA)) == {"ServerSideEncryption": "AES256"}
    assert s3.get("k")["Body"] == DATA


def test_with_a_bucket_key_the_context_is_the_bucket(s3: Any, make_key: Callable[..., Key]) -> None:
    bucket_only = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::example-logs"}}
    key = make_key(may("alice", "kms:GenerateDataKey", "kms:Decrypt", **bucket_only))
    assert fault_of(s3, "PutObject", **OBJECT, body=DATA, **by(key)).code == "AccessDenied"
    s3.put("k", DATA, **by(key), BucketKeyEnabled=True)
    assert s3.get("k")["Body"] == DATA


def test_a_context_of_ones_own_goes_to_kms_each_time(s3: Any, make_key: Callable[..., Key]) -> None:
    own = {"StringEquals": {"kms:EncryptionContext:team": "audit", "kms:EncryptionContext:aws:s3:arn": ARN}}
    key = make_key(may("alice", "kms:GenerateDataKey", "kms:Decrypt", **own))
    context = b64encode(b'{"team":"audit"}').decode()
    put = s3.put("k", DATA, **by(key), SSEKMSEncryptionContext=context)
    assert put["SSEKMSEncryptionContext"] == context
    assert s3.get("k")["Body"] == DATA


@pytest.mark.parametrize(
    ("configuration", "code"),
    [
        ({"Rules": []}, "MalformedXML"),
        ({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "rot13"}}]}, "MalformedXML"),
        ({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "k"}}]}, "InvalidArgument"),
        ({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms:dsse"}}]}, "NotImplemented"),
    ],
)
def test_what_a_bucket_cannot_be_told(s3: Any, configuration: dict[str, Any], code: str) -> None:
    assert fault_of(s3, "PutBucketEncryption", **BUCKET, ServerSideEncryptionConfiguration=configuration).code == code


# Copies and uploads in parts


def test_a_copy_is_encrypted_as_it_is_told_not_as_its_source(s3: Any, key: Key, make_key: Callable[..., Key]) -> None:
    other = make_key(ALICE)
    s3.put("k", DATA, **by(key), ChecksumAlgorithm="SHA1")
    copy = {**BUCKET, "Key": "copy", "CopySource": "example-logs/k"}
    assert told(s3("CopyObject", **copy, **by(other))) == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": other.arn}
    assert s3.get("copy")["Body"] == DATA
    assert told(s3("CopyObject", **copy)) == {"ServerSideEncryption": "AES256"}
    assert on_disk(s3, s3.buckets.objects.find("example-logs", "copy").file) == DATA
    source = s3("HeadObject", **OBJECT, ChecksumMode="ENABLED")
    assert s3("HeadObject", **BUCKET, Key="copy", ChecksumMode="ENABLED")["ChecksumSHA1"] == source["ChecksumSHA1"]


def test_an_object_can_be_encrypted_where_it_is(s3: Any, key: Key) -> None:
    s3.put("k", DATA)
    s3("CopyObject", **OBJECT, CopySource="example-logs/k", **by(key))
    assert told(s3.get("k"))["SSEKMSKeyId"] == key.arn
    assert s3.get("k")["Body"] == DATA


def test_an_upload_in_parts_is_encrypted_part_by_part_and_as_a_whole(s3: Any, key: Key) -> None:
    upload = s3("CreateMultipartUpload", **OBJECT, **by(key), BucketKeyEnabled=True, ChecksumAlgorithm="CRC32")
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key.arn, "BucketKeyEnabled": True}
    assert told(upload) == encrypted
    this = {**OBJECT, "UploadId": upload["UploadId"]}
    s3.put("source", DATA)
    answers = [
        s3("UploadPart", **this, PartNumber=1, body=DATA, ChecksumAlgorithm="CRC32"),
        s3("UploadPartCopy", **this, PartNumber=2, CopySource="example-logs/source", CopySourceRange="bytes=5-70000"),
    ]
    assert [told(answer) for answer in answers] == [encrypted, encrypted]
    for file in (s3.folder / "buckets" / ".uploads").rglob("*"):
        assert file.is_dir() or file.read_bytes().startswith(HEAD)
    parts = [answers[0].members, answers[1]["CopyPartResult"]]
    named = [{"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]} for number, part in enumerate(parts, 1)]
    done = s3("CompleteMultipartUpload", **this, MultipartUpload={"Parts": named})
    assert told(done) == encrypted
    assert done["ETag"].endswith('-2"')
    whole = DATA + DATA[5:70001]
    got = s3.get("k")
    assert (got["Body"], told(got), got["ETag"]) == (whole, encrypted, done["ETag"])
    assert s3.get("k", PartNumber=2)["Body"] == DATA[5:70001]
    assert s3("CompleteMultipartUpload", **this, MultipartUpload={"Parts": named})["ETag"] == done["ETag"]


def test_who_adds_a_part_or_completes_must_be_allowed_to_decrypt(s3: Any, make_key: Callable[..., Key]) -> None:
    key = make_key(ALICE, may("bob", "kms:GenerateDataKey"))
    this = {**OBJECT, "UploadId": s3("CreateMultipartUpload", **OBJECT, **by(key), user="bob")["UploadId"]}
    assert fault_of(s3, "UploadPart", **this, PartNumber=1, body=b"x", user="bob").code == "AccessDenied"
    part = {"PartNumber": 1, "ETag": s3("UploadPart", **this, PartNumber=1, body=b"x")["ETag"]}
    assert fault_of(s3, "CompleteMultipartUpload", **this, MultipartUpload={"Parts": [part]}, user="bob").code == "AccessDenied"
    s3("CompleteMultipartUpload", **this, MultipartUpload={"Parts": [part]})
    assert s3.get("k")["Body"] == b"x"


def test_a_part_that_was_damaged_on_disk_makes_no_object(s3: Any, key: Key) -> None:
    this = {**OBJECT, "UploadId": s3("CreateMultipartUpload", **OBJECT, **by(key))["UploadId"]}
    part = {"PartNumber": 1, "ETag": s3("UploadPart", **this, PartNumber=1, body=DATA)["ETag"]}
    file = next(path for path in (s3.folder / "buckets" / ".uploads").rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    assert fault_of(s3, "CompleteMultipartUpload", **this, MultipartUpload={"Parts": [part]}).code == "InternalError"
    assert fault_of(s3, "GetObject", **OBJECT).code == "NoSuchKey"


# Conditions of policies


def test_policies_see_the_key_by_its_arn_however_it_was_named(s3: Any, key: Key) -> None:
    s3.kms.aliases.create("alias/logs", key)
    for named in ("alias/logs", key.key_id, key.arn):
        context = s3.needs("PutObject", **OBJECT, body=b"", **by(named))[0].context
        assert context["s3:x-amz-server-side-encryption"] == ("aws:kms",)
        assert context["s3:x-amz-server-side-encryption-aws-kms-key-id"] == (key.arn,)
    unknown = s3.needs("PutObject", **OBJECT, body=b"", **by("alias/absent"))[0].context
    assert unknown["s3:x-amz-server-side-encryption-aws-kms-key-id"] == ("alias/absent",)


def test_nobody_reads_or_writes_under_a_key_without_being_somebody(s3: Any, make_key: Callable[..., Key]) -> None:
    key = make_key({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"})
    s3.put("k", DATA, **by(key))
    assert fault_of(s3, "GetObject", **OBJECT, account="", user="").code == "AccessDenied"
    assert fault_of(s3, "PutObject", **OBJECT, body=b"x", account="", user="", **by(key)).code == "AccessDenied"
