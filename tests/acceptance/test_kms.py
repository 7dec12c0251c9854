"""KMS as people use it: the AWS CLI and boto3, several callers, two accounts; everything recorded, no secret anywhere on disk."""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opentrail.clock import SystemClock
from opentrail.identity import Identities
from opentrail.storage.database import Database
from simulators.running import RunningOpenTrail, contents, wait_for

ACCOUNT, OTHER = "123456789012", "444455556666"
CANARY = b"PLAINTEXT-CANARY-0123456789"
CONTEXT = {"purpose": "acceptance"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    settings = {"trails.delivery_interval": 0.5, "lake.commit_interval": 1}
    with RunningOpenTrail(tmp_path_factory.mktemp("kms"), settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def stranger(server: RunningOpenTrail) -> tuple[str, str]:
    """The root key of another account of the same OpenTrail."""
    identities = Identities(Database.at(server.data / "state.db"), server.data / "keys", SystemClock(), account_id=ACCOUNT)
    found = identities.ensure_root(OTHER)
    return found.access_key_id, found.secret_access_key


def user(server: RunningOpenTrail, name: str, *actions: str) -> tuple[str, str]:
    iam = server.client("iam")
    iam.create_user(UserName=name)
    if actions:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


def records(server: RunningOpenTrail, key: Any = None) -> list[dict[str, Any]]:
    """Every KMS record of an account, newest first."""
    pages = server.client("cloudtrail", key=key).get_paginator("lookup_events")
    attributes = [{"AttributeKey": "EventSource", "AttributeValue": "kms.amazonaws.com"}]
    return [json.loads(event["CloudTrailEvent"]) for page in pages.paginate(LookupAttributes=attributes) for event in page["Events"]]


def test_the_aws_cli_makes_uses_and_retires_a_key(server: RunningOpenTrail, tmp_path: Path) -> None:
    def aws(*words: str) -> Any:
        done = server.aws("kms", *words)
        return json.loads(done.stdout) if done.stdout.strip() else None

    key = aws("create-key", "--description", "by hand", "--tags", "TagKey=team,TagValue=audit")["KeyMetadata"]["KeyId"]
    aws("create-alias", "--alias-name", "alias/by-hand", "--target-key-id", key)
    (tmp_path / "plain").write_bytes(CANARY)
    sealed = aws(
        "encrypt", "--key-id", "alias/by-hand", "--plaintext", f"fileb://{tmp_path / 'plain'}", "--encryption-context", "purpose=cli"
    )
    (tmp_path / "sealed").write_bytes(base64.b64decode(sealed["CiphertextBlob"]))
    decrypt = ("decrypt", "--ciphertext-blob", f"fileb://{tmp_path / 'sealed'}")
    opened = aws(*decrypt, "--encryption-context", "purpose=cli")
    assert base64.b64decode(opened["Plaintext"]) == CANARY
    wrong = server.aws("kms", *decrypt, "--encryption-context", "purpose=other", check=False)
    assert "InvalidCiphertextException" in wrong.stderr
    aws("enable-key-rotation", "--key-id", key, "--rotation-period-in-days", "90")
    assert aws("get-key-rotation-status", "--key-id", key)["RotationPeriodInDays"] == 90
    aws("rotate-key-on-demand", "--key-id", key)
    assert [item["RotationType"] for item in aws("list-key-rotations", "--key-id", key)["Rotations"]] == ["ON_DEMAND"]
    assert base64.b64decode(aws(*decrypt, "--encryption-context", "purpose=cli")["Plaintext"]) == CANARY
    assert aws("list-resource-tags", "--key-id", key)["Tags"] == [{"TagKey": "team", "TagValue": "audit"}]
    (tmp_path / "policy.json").write_text(aws("get-key-policy", "--key-id", key, "--policy-name", "default")["Policy"])
    aws("put-key-policy", "--key-id", key, "--policy-name", "default", "--policy", f"file://{tmp_path / 'policy.json'}")
    aws("disable-key", "--key-id", key)
    assert "DisabledException" in server.aws("kms", *decrypt, "--encryption-context", "purpose=cli", check=False).stderr
    assert aws("schedule-key-deletion", "--key-id", key, "--pending-window-in-days", "7")["KeyState"] == "PendingDeletion"
    aws("cancel-key-deletion", "--key-id", key)
    aws("enable-key", "--key-id", key)
    assert key in {item["KeyId"] for item in aws("list-keys")["Keys"]}
    assert {"AliasName": "alias/by-hand", "TargetKeyId": key}.items() <= aws("list-aliases", "--key-id", key)["Aliases"][0].items()
    assert "NotFoundException" in server.aws("kms", "describe-key", "--key-id", "alias/none", check=False).stderr
    assert "NotImplemented" in server.aws("kms", "describe-custom-key-stores", check=False).stderr


def test_boto3_signs_and_verifies(server: RunningOpenTrail) -> None:
    kms = server.client("kms")
    for spec, algorithm in (("RSA_2048", "RSASSA_PSS_SHA_256"), ("ECC_NIST_P256", "ECDSA_SHA_256")):
        key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        signature = kms.sign(KeyId=key, Message=b"message", SigningAlgorithm=algorithm)["Signature"]
        assert kms.verify(KeyId=key, Message=b"message", Signature=signature, SigningAlgorithm=algorithm)["SignatureValid"]
        wrong = {"KeyId": key, "Message": b"massage", "Signature": signature, "SigningAlgorithm": algorithm}
        assert refused(kms.verify, **wrong) == "KMSInvalidSignatureException"
    with pytest.raises(kms.exceptions.KMSInvalidSignatureException):
        kms.verify(**wrong)
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    made = kms.generate_mac(KeyId=mac, Message=b"message", MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert kms.verify_mac(KeyId=mac, Message=b"message", Mac=made, MacAlgorithm="HMAC_SHA_256")["MacValid"]


def test_a_user_with_one_permission_has_one(server: RunningOpenTrail) -> None:
    key = server.client("kms").create_key()["KeyMetadata"]["KeyId"]
    blob = server.client("kms").encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    ana = server.client("kms", key=user(server, "ana", "kms:Decrypt"))
    assert ana.decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"
    assert refused(ana.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert refused(ana.create_key) == "AccessDeniedException"
    assert refused(ana.list_keys) == "AccessDeniedException"


def test_another_account_gets_in_by_the_key_policy_only(server: RunningOpenTrail, stranger: tuple[str, str]) -> None:
    kms, theirs = server.client("kms"), server.client("kms", key=stranger)
    made = kms.create_key()["KeyMetadata"]
    key, missing = made["Arn"], made["Arn"].replace(made["KeyId"], "00000000-0000-4000-8000-000000000001")
    blob = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    told = []
    for arn in (key, missing):
        with pytest.raises(ClientError) as error:
            theirs.describe_key(KeyId=arn)
        told.append(str(error.value).replace(arn, "KEY"))
    assert told[0] == told[1]
    assert refused(theirs.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    share = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "kms:Decrypt", "Resource": "*"}
    policy["Statement"].append(share)
    kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))
    assert theirs.decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"
    assert refused(theirs.describe_key, KeyId=key) == "AccessDeniedException"
    found = records(server, stranger)
    # The refusals are in the account of whoever asked; the key that was used is named with its owner.
    assert [record["errorCode"] for record in found if "errorCode" in record] == ["AccessDenied"] * 4
    used = next(record for record in found if record["eventName"] == "Decrypt" and "errorCode" not in record)
    assert used["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}]


def test_a_grant_lets_in_for_as_long_as_it_lasts(server: RunningOpenTrail) -> None:
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    bob = server.client("kms", key=user(server, "bob"))
    arn = f"arn:aws:iam::{ACCOUNT}:user/bob"
    asked = {"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": CONTEXT}
    assert refused(bob.generate_data_key, **asked) == "AccessDeniedException"
    grant = kms.create_grant(
        KeyId=key,
        GranteePrincipal=arn,
        RetiringPrincipal=arn,
        Operations=["GenerateDataKey", "Decrypt"],
        Constraints={"EncryptionContextEquals": CONTEXT},
    )
    made = bob.generate_data_key(**asked, GrantTokens=[grant["GrantToken"]])
    assert bob.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"] == made["Plaintext"]
    assert refused(bob.generate_data_key, KeyId=key, KeySpec="AES_256") == "AccessDeniedException"
    assert [item["GrantId"] for item in kms.list_retirable_grants(RetiringPrincipal=arn)["Grants"]] == [grant["GrantId"]]
    bob.retire_grant(GrantToken=grant["GrantToken"])
    assert refused(bob.generate_data_key, **asked) == "AccessDeniedException"


def test_many_callers_at_once(server: RunningOpenTrail) -> None:
    key = server.client("kms").create_key()["KeyMetadata"]["KeyId"]

    def work(number: int) -> bool:
        kms = server.client("kms")
        context = {"number": str(number)}
        blob = kms.encrypt(KeyId=key, Plaintext=b"text %d" % number, EncryptionContext=context)["CiphertextBlob"]
        if number % 8 == 0:
            kms.rotate_key_on_demand(KeyId=key)
        return bool(kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"text %d" % number)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(48)))
    assert len(server.client("kms").list_key_rotations(KeyId=key)["Rotations"]) == 6


def test_keys_survive_a_kill(server: RunningOpenTrail) -> None:
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/kept", TargetKeyId=key["KeyId"])
    blob = kms.encrypt(KeyId="alias/kept", Plaintext=CANARY, EncryptionContext=CONTEXT)["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key["KeyId"])
    server.kill()
    server.start()
    kms = server.client("kms")
    assert kms.describe_key(KeyId="alias/kept")["KeyMetadata"]["Arn"] == key["Arn"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == CANARY


def test_a_key_whose_time_has_come_is_deleted_by_the_server(server: RunningOpenTrail) -> None:
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/doomed", TargetKeyId=key)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    server.stop()
    with sqlite3.connect(server.data / "state.db") as state:  # a week passes
        assert state.execute("UPDATE kms_keys SET deletion = 1 WHERE key_id = ?", (key,)).rowcount == 1
    state.close()
    server.start()
    kms = server.client("kms")
    wait_for(lambda: key not in {item["KeyId"] for item in kms.list_keys()["Keys"]})
    assert refused(kms.describe_key, KeyId=key) == "NotFoundException"
    assert refused(kms.describe_key, KeyId="alias/doomed") == "NotFoundException"


def test_every_call_is_recorded_with_its_key_and_no_secret_is_on_disk(server: RunningOpenTrail) -> None:
    kms, s3, trail = server.client("kms"), server.client("s3"), server.client("cloudtrail")
    s3.create_bucket(Bucket="kms-logs")
    service = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    statements = [
        {**service, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::kms-logs"},
        {**service, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::kms-logs/*"},
    ]
    s3.put_bucket_policy(Bucket="kms-logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    trail.create_trail(Name="all", S3BucketName="kms-logs")
    trail.start_logging(Name="all")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/secret", TargetKeyId=key)
    blob = kms.encrypt(KeyId="alias/secret", Plaintext=CANARY, EncryptionContext=CONTEXT)["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    secrets = [CANARY, kms.generate_data_key(KeyId="alias/secret", KeySpec="AES_256")["Plaintext"]]
    secrets.append(kms.generate_data_key_pair(KeyId="alias/secret", KeyPairSpec="ECC_NIST_P256")["PrivateKeyPlaintext"])
    secrets.append(kms.generate_random(NumberOfBytes=32)["Plaintext"])
    refused(kms.encrypt, KeyId="alias/secret", Plaintext=CANARY * 200)
    newest = records(server)[:7]
    assert [(record["eventName"], record.get("errorCode"), record["readOnly"]) for record in newest] == [
        ("Encrypt", "ValidationException", True),
        ("GenerateRandom", None, True),
        ("GenerateDataKeyPair", None, True),
        ("GenerateDataKey", None, True),
        ("Decrypt", None, True),
        ("Encrypt", None, True),
        ("CreateAlias", None, False),
    ]
    for record in newest[2:]:
        assert {"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key} in record["resources"]
    assert newest[5]["requestParameters"] == {
        "keyId": "alias/secret",
        "encryptionContext": CONTEXT,
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }
    files = server.data / "buckets" / "kms-logs"
    wait_for(lambda: list(files.rglob("*.json.gz")))
    spelled = [form for secret in secrets for form in (secret, base64.b64encode(secret), secret.hex().encode())]
    spelled.append(base64.b64encode(blob))
    for file, content in contents(server.folder):
        content += gzip.decompress(content) if file.name.endswith(".gz") else b""
        assert not [form for form in spelled if form in content], file
    # The journal's batches and the event store's files are compressed: what they hold is what LookupEvents shows.
    history = json.dumps(records(server)).encode()
    assert not [form for form in spelled if form in history]
    assert "Traceback" not in server.log.read_text()
