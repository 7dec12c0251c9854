"""CloudTrail writes log files under the key of a trail: by leave of the key, with the trail in the encryption context, repeatable."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from opentrail.buckets import ObjectKeys, ServiceWriter
from opentrail.buckets.encryption import Encryption, through_s3
from opentrail.buckets.encryption import Wanted as Encrypts
from opentrail.buckets.faults import AccessDenied
from opentrail.identity.principals import Principal
from opentrail.kms.keys import Wanted
from opentrail.kms.values import Key
from opentrail.wire.faults import Fault
from simulators.buckets import trail_policy
from simulators.key_policies import DECRYPT, DESCRIBE, document, encrypt_logs, read_logs, root

ACCOUNT = "111122223333"
REGION = "us-east-1"
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"
BUCKET = "example-logs"
KEY = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/01/05/x.json.gz"
BODY = gzip.compress(b'{"Records":[]}', mtime=0)
READER = f"arn:aws:iam::{ACCOUNT}:user/reader"


class Scene:
    """A log bucket with CloudTrail's policy, and keys."""

    def __init__(self, simulated: Any) -> None:
        self.buckets = simulated.buckets
        self.kms = simulated.kms
        self.files = simulated.folder / "buckets" / BUCKET
        self.keys = ObjectKeys(self.kms.service_keys)
        self.writer = ServiceWriter(self.buckets, simulated.clock, keys=self.keys)
        self.buckets.configurations.put_policy(BUCKET, json.dumps(trail_policy(BUCKET, TRAIL, ACCOUNT)))

    def key(self, *statements: dict[str, Any]) -> Key:
        found: Key = self.kms.keys.create(Wanted(account_id=ACCOUNT, region=REGION, policy=document(root(ACCOUNT), *statements)))
        return found

    def put(self, key: Key | None, body: bytes = BODY) -> None:
        arn = None if key is None else key.arn
        self.writer.put(bucket=BUCKET, key=KEY, body=body, metadata={}, source_arn=TRAIL, account_id=ACCOUNT, kms_key_id=arn)

    def stored(self) -> Any:
        return self.buckets.objects.find(BUCKET, KEY)

    def read(self) -> bytes:
        """As somebody who may read logs, through S3."""
        reader = Principal(type="IAMUser", account_id=ACCOUNT, arn=READER, user_name="reader")
        opened = self.buckets.objects.open(BUCKET, KEY)
        try:
            key = self.keys.of(through_s3(reader, ACCOUNT, REGION), opened.stored.attributes.sse_kms)
            opened.unlock(key.plaintext)
            found: bytes = opened.read(0, opened.stored.size)
            return found
        finally:
            opened.close()


@pytest.fixture
def scene(simulated: Any) -> Scene:
    return Scene(simulated)


def test_a_log_file_is_encrypted_with_the_policy_that_cloudtrail_documents(scene: Scene) -> None:
    key = scene.key(encrypt_logs(ACCOUNT, TRAIL), read_logs(READER))
    scene.put(key)
    assert not (scene.files / KEY).read_bytes().startswith(b"\x1f\x8b")
    sse = scene.stored().attributes.sse_kms
    assert sse.context == {"aws:cloudtrail:arn": TRAIL, "aws:s3:arn": f"arn:aws:s3:::{BUCKET}/{KEY}"}
    assert sse.key_arn == key.arn
    assert scene.read() == BODY


def test_a_reader_of_logs_reads_nothing_else_under_the_key(scene: Scene) -> None:
    writer = READER.replace("reader", "writer")
    writes = {"Effect": "Allow", "Principal": {"AWS": writer}, "Action": "kms:GenerateDataKey", "Resource": "*"}
    key = scene.key(encrypt_logs(ACCOUNT, TRAIL), read_logs(READER), writes)
    scene.put(key)
    users = [through_s3(Principal(type="IAMUser", account_id=ACCOUNT, arn=arn), ACCOUNT, REGION) for arn in (READER, writer)]
    diary = scene.keys.new(users[1], Encrypts(key_id=key.arn), BUCKET, "diary").sse
    assert scene.keys.of(users[0], scene.stored().attributes.sse_kms).plaintext
    for user, sse in ((users[0], diary), (users[1], scene.stored().attributes.sse_kms)):
        with pytest.raises(AccessDenied):
            scene.keys.of(user, sse)


def test_a_repeat_after_a_crash_changes_nothing_though_cloudtrail_may_not_decrypt(scene: Scene) -> None:
    key = scene.key(encrypt_logs(ACCOUNT, TRAIL))
    scene.put(key)
    first, file = scene.stored(), (scene.files / KEY).read_bytes()
    scene.put(key)
    assert scene.stored() == first
    assert (scene.files / KEY).read_bytes() == file
    scene.kms.keys.disable(key)
    scene.put(key)
    scene.put(None)
    assert scene.stored() == first


def test_other_bytes_replace(scene: Scene) -> None:
    key = scene.key(encrypt_logs(ACCOUNT, TRAIL), read_logs(READER))
    scene.put(key)
    scene.put(key, b"other")
    assert scene.read() == b"other"


@pytest.mark.parametrize("statement", [DESCRIBE, encrypt_logs(ACCOUNT, TRAIL + "-other"), encrypt_logs("999999999999", TRAIL)])
def test_a_key_that_does_not_let_the_trail_in(scene: Scene, statement: dict[str, Any]) -> None:
    key = scene.key(statement)
    with pytest.raises(AccessDenied):
        scene.put(key)
    assert list(scene.files.rglob("*.gz")) == []


def test_the_error_is_the_one_that_the_status_of_the_trail_shows_until_the_key_is_cured(scene: Scene) -> None:
    key = scene.key(encrypt_logs(ACCOUNT, TRAIL), read_logs(READER))
    scene.kms.keys.disable(key)
    with pytest.raises(Fault) as caught:
        scene.put(key)
    assert caught.value.code == "KMS.DisabledException"
    scene.kms.keys.schedule_deletion(key, 7)
    with pytest.raises(Fault) as caught:
        scene.put(key)
    assert caught.value.code == "KMS.KMSInvalidStateException"
    scene.kms.keys.cancel_deletion(key)
    scene.kms.keys.enable(key)
    scene.put(key)
    assert scene.read() == BODY


def test_with_a_bucket_key_the_context_is_the_bucket(scene: Scene) -> None:
    scene.buckets.configurations.put_encryption(BUCKET, Encryption(algorithm="aws:kms", bucket_key_enabled=True))
    scene.put(scene.key(encrypt_logs(ACCOUNT, TRAIL), DECRYPT))
    sse = scene.stored().attributes.sse_kms
    assert sse.context == {"aws:cloudtrail:arn": TRAIL, "aws:s3:arn": f"arn:aws:s3:::{BUCKET}"}
    assert sse.bucket_key_enabled


def test_a_trail_without_a_key_writes_readable_files_whatever_the_bucket_encrypts_by_default(scene: Scene) -> None:
    scene.buckets.configurations.put_encryption(BUCKET, Encryption(algorithm="aws:kms"))
    scene.put(None)
    assert (scene.files / KEY).read_bytes() == BODY


def test_a_bucket_policy_can_demand_the_key(scene: Scene) -> None:
    key, other = scene.key(encrypt_logs(ACCOUNT, TRAIL)), scene.key(encrypt_logs(ACCOUNT, TRAIL))
    policy = trail_policy(BUCKET, TRAIL, ACCOUNT)
    only = {"s3:x-amz-server-side-encryption": "aws:kms", "s3:x-amz-server-side-encryption-aws-kms-key-id": key.arn}
    for name, value in only.items():
        policy["Statement"].append(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{BUCKET}/*",
                "Condition": {"StringNotEquals": {name: value}},
            }
        )
    scene.buckets.configurations.put_policy(BUCKET, json.dumps(policy))
    for wrong in (None, other):
        with pytest.raises(AccessDenied):
            scene.put(wrong)
        arn = None if wrong is None else wrong.arn
        with pytest.raises(AccessDenied):
            scene.writer.check(bucket=BUCKET, prefix=None, account_id=ACCOUNT, source_arn=TRAIL, kms_key_id=arn)
    scene.writer.check(bucket=BUCKET, prefix=None, account_id=ACCOUNT, source_arn=TRAIL, kms_key_id=key.arn)
    scene.put(key)
