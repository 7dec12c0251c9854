"""The key that a trail is given is found and tried, and what is wrong with it is said in CloudTrail's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.kms.keys import Wanted
from opentrail.kms.specs import SPECS
from opentrail.kms.values import Key
from opentrail.storage.database import Database
from opentrail.trails.encryption import TrailKeys
from opentrail.wire.faults import Fault, fault
from simulators.key_policies import DECRYPT, DESCRIBE, document, encrypt_logs, root
from simulators.object_keys import key_management

ACCOUNT = "111122223333"
OTHER = "444455556666"
REGION = "us-east-1"
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"
NOBODYS = "11111111-2222-3333-4444-555555555555"


class Scene:
    """Keys, and buckets of which only Region and Bucket Key matter: `logs`, `far` (in eu-west-1), `keyed`."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.at(folder / "state.db")
        self.kms = key_management(self.database, folder / "keys", ManualClock(), account_id=ACCOUNT)
        self.keys = TrailKeys(self.kms.service_keys, self)

    def encryption_of(self, bucket: str) -> tuple[str, bool]:
        known = {"logs": (REGION, False), "far": ("eu-west-1", False), "keyed": (REGION, True)}
        if bucket not in known:
            raise fault("NoSuchBucket", "The specified bucket does not exist", status=404)
        return known[bucket]

    def key(self, *statements: dict[str, Any], account: str = ACCOUNT, region: str = REGION, spec: str = "SYMMETRIC_DEFAULT") -> Key:
        policy = document(root(account), *statements)
        return self.kms.keys.create(Wanted(account_id=account, region=region, policy=policy, spec=SPECS[spec]))

    def check(self, key_id: str, *, bucket: str = "logs", prefix: str | None = None) -> str:
        return self.keys.check(
            kms_key_id=key_id, account_id=ACCOUNT, region=REGION, partition="aws", bucket=bucket, source_arn=TRAIL, prefix=prefix
        )

    def refused(self, key_id: str, *, bucket: str = "logs") -> tuple[str, str]:
        with pytest.raises(Fault) as caught:
            self.check(key_id, bucket=bucket)
        return caught.value.code, caught.value.message


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    found = Scene(tmp_path)
    yield found
    found.database.close()


GOOD = (encrypt_logs(ACCOUNT, TRAIL), DESCRIBE)


def test_a_key_is_named_in_four_ways_and_answered_by_its_arn(scene: Scene) -> None:
    key = scene.key(*GOOD)
    scene.kms.aliases.create("alias/logs", key)
    for named in (key.key_id, key.arn, "alias/logs", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/logs"):
        assert scene.check(named) == key.arn


@pytest.mark.parametrize("named", ["", "logs", "alias/", "alias/aws/s3", "alias/a b", f"key/{NOBODYS}", "arn:aws:kms:us-east-1:1:key/x"])
def test_what_is_no_name_of_a_key(scene: Scene, named: str) -> None:
    assert scene.refused(named)[0] == "InvalidKmsKeyIdException"


@pytest.mark.parametrize("named", [NOBODYS, "alias/absent", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{NOBODYS}"])
def test_a_key_that_is_not_there(scene: Scene, named: str) -> None:
    code, message = scene.refused(named)
    assert code == "KmsKeyNotFoundException"
    assert named in message


def test_the_key_must_be_in_the_region_of_the_bucket(scene: Scene) -> None:
    here, there = scene.key(*GOOD), scene.key(*GOOD, region="eu-west-1")
    assert scene.check(there.arn, bucket="far") == there.arn
    assert scene.refused(here.arn, bucket="far")[0] == "KmsKeyNotFoundException"
    assert scene.refused(there.arn)[0] == "KmsKeyNotFoundException"
    # A bare id is looked for where the trail is at home, as every name without a Region.
    code, message = scene.refused(there.key_id, bucket="far")
    assert code == "KmsKeyNotFoundException"
    assert "name it by its ARN" in message


NOT_ENOUGH: list[tuple[dict[str, Any], ...]] = [
    (),
    (DESCRIBE,),
    (encrypt_logs(ACCOUNT, TRAIL),),
    (encrypt_logs(ACCOUNT, TRAIL + "-other"), DESCRIBE),
    (DECRYPT, DESCRIBE),
]


@pytest.mark.parametrize("statements", NOT_ENOUGH)
def test_a_key_that_does_not_let_the_trail_in(scene: Scene, statements: tuple[dict[str, Any], ...]) -> None:
    key = scene.key(*statements)
    assert scene.refused(key.key_id) == (
        "InsufficientEncryptionPolicyException",
        f"Insufficient permissions to access S3 bucket logs or KMS key {key.arn}.",
    )


def test_what_is_behind_the_alias_of_another_account_is_not_told(scene: Scene) -> None:
    key = scene.key(account=OTHER)
    scene.kms.aliases.create("alias/theirs", key)
    code, message = scene.refused(f"arn:aws:kms:{REGION}:{OTHER}:alias/theirs")
    assert code == "InsufficientEncryptionPolicyException"
    assert key.key_id not in message


def test_a_key_of_another_account_serves_when_it_lets_the_trail_in(scene: Scene) -> None:
    key = scene.key(*GOOD, account=OTHER)
    assert scene.check(key.arn) == key.arn
    assert scene.refused(key.key_id)[0] == "KmsKeyNotFoundException"


def test_with_a_bucket_key_the_trail_must_be_allowed_to_decrypt_too(scene: Scene) -> None:
    assert scene.refused(scene.key(*GOOD).key_id, bucket="keyed")[0] == "InsufficientEncryptionPolicyException"
    key = scene.key(*GOOD, DECRYPT)
    assert scene.check(key.key_id, bucket="keyed") == key.arn


@pytest.mark.parametrize(("bucket", "context"), [("logs", f"arn:aws:s3:::logs/p/AWSLogs/{ACCOUNT}/*"), ("keyed", "arn:aws:s3:::keyed")])
def test_the_probe_carries_the_context_of_a_log_file(scene: Scene, bucket: str, context: str) -> None:
    narrow = encrypt_logs(ACCOUNT, TRAIL)
    narrow["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"] = context
    key = scene.key(narrow, DESCRIBE, DECRYPT)
    assert scene.check(key.key_id, bucket=bucket, prefix="p") == key.arn


def test_other_trouble_with_a_key(scene: Scene) -> None:
    off, doomed, rsa = scene.key(*GOOD), scene.key(*GOOD), scene.key(*GOOD, spec="RSA_2048")
    scene.kms.keys.disable(off)
    scene.kms.keys.schedule_deletion(doomed, 7)
    assert scene.refused(off.arn) == ("KmsException", f"{off.arn} is disabled.")
    assert scene.refused(doomed.arn) == ("KmsException", f"{doomed.arn} is pending deletion.")
    assert scene.refused(rsa.arn)[0] == "KmsException"


def test_a_bucket_that_is_not_there(scene: Scene) -> None:
    assert scene.refused(scene.key(*GOOD).arn, bucket="absent") == ("S3BucketDoesNotExistException", "S3 bucket absent does not exist!")
