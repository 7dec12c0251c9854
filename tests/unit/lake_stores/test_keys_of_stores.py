"""The key that a store is given is found and tried, and what is wrong with it is said in CloudTrail's words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.kms.keys import Wanted
from opentrail.kms.specs import SPECS
from opentrail.kms.values import Key
from opentrail.server.store_keys import KeysOfStores
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault
from simulators.key_policies import DECRYPT, DESCRIBE, SERVICE, document, root
from simulators.object_keys import key_management

ACCOUNT, OTHER = "111122223333", "444455556666"
REGION = "us-east-1"
NOBODYS = "11111111-2222-3333-4444-555555555555"
GENERATE = {"Effect": "Allow", "Principal": SERVICE, "Action": "kms:GenerateDataKey", "Resource": "*"}
GOOD = (GENERATE, DECRYPT, DESCRIBE)


class Scene:
    """Keys, and stores of `ACCOUNT` that want one."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.at(folder / "state.db")
        self.kms = key_management(self.database, folder / "keys", ManualClock(), account_id=ACCOUNT)
        self.keys = KeysOfStores(self.kms.service_keys)

    def key(self, *statements: dict[str, Any], account: str = ACCOUNT, region: str = REGION, spec: str = "SYMMETRIC_DEFAULT") -> Key:
        policy = document(root(account), *statements)
        usage = "ENCRYPT_DECRYPT" if spec == "SYMMETRIC_DEFAULT" else "GENERATE_VERIFY_MAC"
        return self.kms.keys.create(Wanted(account_id=account, region=region, policy=policy, spec=SPECS[spec], usage=usage))

    def check(self, key_id: str) -> str:
        return self.keys.check(kms_key_id=key_id, account_id=ACCOUNT, region=REGION, partition="aws")

    def refused(self, key_id: str) -> str:
        with pytest.raises(Fault) as caught:
            self.check(key_id)
        assert len(caught.value.message) > 20
        return caught.value.code


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path)
    yield found
    found.database.close()


def test_a_key_is_named_in_four_ways_and_answered_by_its_arn(scene: Scene) -> None:
    key = scene.key(*GOOD)
    scene.kms.aliases.create("alias/lake", key)
    for named in (key.key_id, key.arn, "alias/lake", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/lake"):
        assert scene.check(named) == key.arn
    assert scene.keys.usable(key.arn)


def test_a_key_of_another_account_is_named_by_its_arn(scene: Scene) -> None:
    key = scene.key(*GOOD, account=OTHER)
    assert scene.check(key.arn) == key.arn
    assert scene.refused(key.key_id) == "KmsKeyNotFoundException"


@pytest.mark.parametrize("lacking", range(3))
def test_all_three_permissions_are_needed(scene: Scene, lacking: int) -> None:
    key = scene.key(*(one for number, one in enumerate(GOOD) if number != lacking))
    assert scene.refused(key.arn) == "InsufficientEncryptionPolicyException"
    assert scene.keys.usable(key.arn) is (lacking == 2)


def test_a_condition_on_the_source_arn_lets_nobody_in(scene: Scene) -> None:
    condition = {"StringLike": {"aws:SourceArn": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:eventdatastore/*"}}
    key = scene.key({**GENERATE, "Condition": condition}, DECRYPT, DESCRIBE)
    assert scene.refused(key.arn) == "InsufficientEncryptionPolicyException"


WRONG = [
    ("", "InvalidKmsKeyIdException"),
    ("alias/aws/s3", "InvalidKmsKeyIdException"),
    ("no key", "InvalidKmsKeyIdException"),
    ("arn:aws:kms:us-east-1:111122223333:grant/1", "InvalidKmsKeyIdException"),
    ("arn:aws:s3:::bucket", "InvalidKmsKeyIdException"),
    (NOBODYS, "KmsKeyNotFoundException"),
    ("alias/absent", "KmsKeyNotFoundException"),
    (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{NOBODYS}", "KmsKeyNotFoundException"),
]


@pytest.mark.parametrize(("key_id", "code"), WRONG)
def test_keys_that_are_none(scene: Scene, key_id: str, code: str) -> None:
    assert scene.refused(key_id) == code


def test_a_key_that_is_switched_off_or_about_to_go(scene: Scene) -> None:
    key = scene.key(*GOOD)
    scene.kms.keys.disable(key)
    assert scene.refused(key.arn) == "KmsException"
    assert not scene.keys.usable(key.arn)
    scene.kms.keys.enable(key)
    assert scene.keys.usable(key.arn)
    assert scene.refused(scene.key(*GOOD, spec="HMAC_256").arn) == "KmsException"
