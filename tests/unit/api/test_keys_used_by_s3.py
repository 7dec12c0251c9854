"""What S3 asks of KMS for a caller is recorded as KMS's own events, with the answer of S3, whatever that is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.api.s3 import S3
from opentrail.buckets import Buckets, ObjectKeys
from opentrail.errors import JournalFull
from opentrail.identity.credentials import Credential
from opentrail.kms import policies
from opentrail.kms.keys import Wanted
from opentrail.kms.values import Key
from opentrail.wire.http import Headers, Request
from simulators.front_door import ACCOUNT, Answered, FrontDoor
from simulators.object_keys import key_management

OTHER = "999999999999"
ARN = "arn:aws:s3:::documents/k"


class House:
    """A front door with S3 and keys of its own, and the bucket `documents`."""

    def __init__(self, folder: Path) -> None:
        def services(door: FrontDoor) -> list[Any]:
            self.kms = key_management(door.database, folder / "keys", door.clock, account_id=ACCOUNT)
            self.buckets = Buckets(door.database, folder / "buckets", door.clock)
            return [S3(self.buckets, ObjectKeys(self.kms.service_keys))]

        self.door = FrontDoor(folder, services=services)
        self.buckets.create("documents", account_id=ACCOUNT, region="us-east-1")

    def key(self, account: str = ACCOUNT, *statements: dict[str, Any]) -> Key:
        policy = json.loads(policies.default(account))
        policy["Statement"] += statements
        return self.kms.keys.create(Wanted(account_id=account, region="us-east-1", policy=json.dumps(policy)))

    def ask(self, method: str, key: Credential | None = None, *, body: bytes = b"", **headers: str) -> Answered:
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.door.ask(self.door.signed("s3", method, "/documents/k", body=body, key=key, headers=lines))

    def put(self, named: str) -> Answered:
        return self.ask("PUT", body=b"data", x_amz_server_side_encryption="aws:kms", x_amz_server_side_encryption_aws_kms_key_id=named)

    def user(self, *actions: str) -> Credential:
        identities = self.door.identities
        identities.users.create(ACCOUNT, "bob")
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
        identities.attachments.put_inline(ACCOUNT, "user", "bob", "own", json.dumps(document))
        made, _ = identities.access_keys.create(ACCOUNT, "bob")
        found = identities.credential(made.access_key_id)
        assert found is not None
        return found

    def records(self) -> list[dict[str, Any]]:
        """What has come since the last look."""
        found = self.door.records
        self.door.journal.records.clear()
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.buckets.close()
    found.door.close()


def test_a_put_and_a_get_are_each_one_call_to_kms_on_behalf_of_the_caller(house: House) -> None:
    key = house.key()
    house.kms.aliases.create("alias/documents", key)
    assert house.put("alias/documents").status == 200
    (made,) = house.records()
    assert (made["eventSource"], made["eventName"], made["eventType"]) == ("kms.amazonaws.com", "GenerateDataKey", "AwsApiCall")
    assert (made["eventCategory"], made["managementEvent"], made["readOnly"]) == ("Management", True, True)
    assert (made["userIdentity"]["type"], made["userIdentity"]["invokedBy"]) == ("Root", "s3.amazonaws.com")
    assert (made["sourceIPAddress"], made["userAgent"]) == ("s3.amazonaws.com", "s3.amazonaws.com")
    assert made["requestParameters"] == {"keyId": key.arn, "keySpec": "AES_256", "encryptionContext": {"aws:s3:arn": ARN}}
    assert made["responseElements"] is None
    assert made["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key.arn}]
    assert "tlsDetails" not in made
    assert house.ask("GET").body == b"data"
    (opened,) = house.records()
    assert opened["eventName"] == "Decrypt"
    assert opened["requestParameters"] == {"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": {"aws:s3:arn": ARN}}
    assert opened["resources"] == made["resources"]


def test_what_needs_no_key_asks_nothing_of_kms(house: House) -> None:
    house.put(house.key().arn)
    house.records()
    assert house.ask("HEAD").status == 200
    assert house.ask("DELETE").status == 204
    assert house.ask("PUT", body=b"plain").status == 200
    assert house.ask("GET").body == b"plain"
    assert house.records() == []


def test_a_refusal_is_recorded_as_that_of_kms(house: House) -> None:
    key, bob = house.key(), house.user("s3:GetObject")
    house.put(key.arn)
    house.records()
    assert house.ask("GET", bob).status == 403
    (refused,) = house.records()
    assert (refused["eventName"], refused["errorCode"]) == ("Decrypt", "AccessDenied")
    assert "kms:Decrypt" in refused["errorMessage"]
    assert refused["userIdentity"]["userName"] == "bob"
    assert refused["resources"][0]["ARN"] == key.arn
    house.kms.keys.disable(key)
    assert house.put(key.key_id).status == 400
    (disabled,) = house.records()
    assert (disabled["eventName"], disabled["errorCode"]) == ("GenerateDataKey", "DisabledException")


def test_what_kms_did_is_recorded_though_the_call_then_fails(house: House) -> None:
    named = {"x_amz_server_side_encryption": "aws:kms", "x_amz_server_side_encryption_aws_kms_key_id": house.key().arn}
    assert house.ask("PUT", body=b"data", if_match='"nothing"', **named).status == 404
    assert [record["eventName"] for record in house.records()] == ["GenerateDataKey"]


def test_the_account_of_the_key_has_a_record_of_its_own(house: House) -> None:
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    key = house.key(OTHER, root)
    assert house.put(key.arn).status == 200
    own, theirs = house.records()
    assert (own["recipientAccountId"], theirs["recipientAccountId"]) == (ACCOUNT, OTHER)
    assert own["sharedEventID"] == theirs["sharedEventID"]
    assert theirs["userIdentity"]["type"] == "AWSAccount"
    # Whoever is refused a key of another account is told of it alone.
    house.put(f"arn:aws:kms:us-east-1:{OTHER}:key/11111111-2222-3333-4444-555555555555")
    assert [record["recipientAccountId"] for record in house.records()] == [ACCOUNT]


def test_an_object_is_not_handed_out_when_the_journal_cannot_take_the_record(house: House) -> None:
    house.put(house.key().arn)
    house.door.journal.failing = JournalFull()
    answer = house.ask("GET")
    assert answer.status == 503
    assert b"data" not in answer.body


def test_nobody_gets_as_far_as_kms_whatever_the_policies_say(house: House) -> None:
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    house.put(house.key(ACCOUNT, everybody).arn)
    house.buckets.configurations.put_public_access_block("documents", None)
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::documents/*"}
    house.buckets.configurations.put_policy("documents", json.dumps({"Version": "2012-10-17", "Statement": [public]}))
    assert house.door.ask(house.door.signed("s3", "PUT", "/documents/open", body=b"for all")).status == 200
    house.records()

    def anonymous(path: str) -> int:
        plain = Request(method="GET", path=path, query="", headers=Headers([("host", "127.0.0.1:4747")]))
        return asyncio.run(house.door.exchange(plain)).status

    assert (anonymous("/documents/open"), anonymous("/documents/k")) == (200, 403)
    assert house.records() == []
