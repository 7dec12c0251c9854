"""The door for services: CloudTrail and S3 use keys as far as the key policy lets them, and no further."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.identity import Principal, service_principal
from opentrail.kms import ServiceCaller
from opentrail.kms.faults import (
    AccessDeniedException,
    DisabledException,
    InvalidCiphertextException,
    InvalidKeyUsageException,
    KMSInvalidStateException,
    NotFoundException,
)
from opentrail.kms.values import Key, Terms
from opentrail.wire.faults import Fault
from simulators.kms import ACCOUNT, REGION, House

OTHER = "444455556666"
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"
CONTEXT = {"aws:cloudtrail:arn": TRAIL, "aws:s3:arn": "arn:aws:s3:::logs/x"}
CLOUDTRAIL = ServiceCaller(principal=service_principal("cloudtrail.amazonaws.com"), account_id=ACCOUNT, region=REGION, source_arn=TRAIL)
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
# What AWS's documentation tells people to write for CloudTrail.
ENCRYPTS = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudtrail.amazonaws.com"},
    "Action": "kms:GenerateDataKey*",
    "Resource": "*",
    "Condition": {
        "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"},
        "StringEquals": {"aws:SourceArn": TRAIL},
    },
}
DESCRIBES = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "kms:DescribeKey", "Resource": "*"}
DECRYPTS = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "kms:Decrypt", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def for_cloudtrail(house: House) -> Key:
    return house.key(policy=policy(ROOT, ENCRYPTS, DESCRIBES, DECRYPTS))


def user(house: House, *actions: str) -> Principal:
    house.identities.users.create(ACCOUNT, "ana")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    house.identities.attachments.put_inline(ACCOUNT, "user", "ana", "own", json.dumps(document))
    key, _ = house.identities.access_keys.create(ACCOUNT, "ana")
    credential = house.identities.credential(key.access_key_id)
    assert credential is not None
    return credential.principal


def test_cloudtrail_gets_data_keys_under_the_policy_that_the_documentation_shows(house: House) -> None:
    key = for_cloudtrail(house)
    house.kms.aliases.create("alias/trail", key)
    service = house.kms.service_keys
    for named in (key.key_id, key.arn, "alias/trail", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/trail"):
        made = service.generate_data_key(CLOUDTRAIL, named, CONTEXT)
        assert (made.key_arn, len(made.plaintext)) == (key.arn, 32)
        assert service.decrypt(CLOUDTRAIL, made.ciphertext, CONTEXT) == made.plaintext
    assert service.describe(CLOUDTRAIL, key.arn).key_id == key.key_id


def test_the_default_policy_lets_no_service_in(house: House) -> None:
    key = house.key()
    with pytest.raises(AccessDeniedException, match=r"cloudtrail\.amazonaws\.com is not authorized to perform: kms:GenerateDataKey"):
        house.kms.service_keys.generate_data_key(CLOUDTRAIL, key.arn, CONTEXT)
    with pytest.raises(AccessDeniedException):
        house.kms.service_keys.describe(CLOUDTRAIL, key.arn)


@pytest.mark.parametrize(
    ("caller", "context"),
    [
        (ServiceCaller(principal=CLOUDTRAIL.principal, account_id=ACCOUNT, region=REGION, source_arn=TRAIL + "2"), CONTEXT),
        (ServiceCaller(principal=CLOUDTRAIL.principal, account_id=ACCOUNT, region=REGION), CONTEXT),
        (ServiceCaller(principal=service_principal("sns.amazonaws.com"), account_id=ACCOUNT, region=REGION, source_arn=TRAIL), CONTEXT),
        (CLOUDTRAIL, {**CONTEXT, "aws:cloudtrail:arn": f"arn:aws:cloudtrail:{REGION}:{OTHER}:trail/audit"}),
        (CLOUDTRAIL, {}),
    ],
)
def test_another_trail_service_or_context_is_refused(house: House, caller: ServiceCaller, context: dict[str, str]) -> None:
    key = for_cloudtrail(house)
    with pytest.raises(AccessDeniedException):
        house.kms.service_keys.generate_data_key(caller, key.arn, context)


def test_decrypting_takes_the_permission_and_the_same_context(house: House) -> None:
    key = house.key(policy=policy(ROOT, ENCRYPTS))
    made = house.kms.service_keys.generate_data_key(CLOUDTRAIL, key.arn, CONTEXT)
    with pytest.raises(AccessDeniedException):
        house.kms.service_keys.decrypt(CLOUDTRAIL, made.ciphertext, CONTEXT)
    house.kms.keys.put_policy(key, policy(ROOT, ENCRYPTS, DECRYPTS))
    with pytest.raises(InvalidCiphertextException):
        house.kms.service_keys.decrypt(CLOUDTRAIL, made.ciphertext, {**CONTEXT, "more": "x"})
    assert house.kms.service_keys.decrypt(CLOUDTRAIL, made.ciphertext, CONTEXT) == made.plaintext


def test_an_explicit_deny_wins(house: House) -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:GenerateDataKey", "Resource": "*"}
    key = house.key(policy=policy(ROOT, ENCRYPTS, deny))
    with pytest.raises(AccessDeniedException, match="explicit deny"):
        house.kms.service_keys.generate_data_key(CLOUDTRAIL, key.arn, CONTEXT)


def test_keys_that_cannot_be_used_say_why(house: House) -> None:
    key, service = for_cloudtrail(house), house.kms.service_keys
    house.kms.keys.disable(key)
    with pytest.raises(DisabledException):
        service.generate_data_key(CLOUDTRAIL, key.arn, CONTEXT)
    house.kms.keys.schedule_deletion(key, 7)
    with pytest.raises(KMSInvalidStateException):
        service.generate_data_key(CLOUDTRAIL, key.arn, CONTEXT)
    for named in ("00000000-0000-4000-8000-000000000001", "alias/none", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{key.key_id}"):
        with pytest.raises(NotFoundException):
            service.generate_data_key(CLOUDTRAIL, named, CONTEXT)
    signing = house.key("RSA_2048", "SIGN_VERIFY", policy=policy(ROOT, ENCRYPTS))
    with pytest.raises(InvalidKeyUsageException):
        service.generate_data_key(CLOUDTRAIL, signing.arn, CONTEXT)


def test_ciphertext_of_another_region_or_of_nobody_is_refused_alike(house: House) -> None:
    made = house.kms.service_keys.generate_data_key(CLOUDTRAIL, for_cloudtrail(house).arn, CONTEXT)
    elsewhere = ServiceCaller(principal=CLOUDTRAIL.principal, account_id=ACCOUNT, region="eu-west-1", source_arn=TRAIL)
    with pytest.raises(AccessDeniedException, match="does not exist in this Region"):
        house.kms.service_keys.decrypt(elsewhere, made.ciphertext, CONTEXT)
    with pytest.raises(InvalidCiphertextException):
        house.kms.service_keys.decrypt(CLOUDTRAIL, b"nothing of ours", CONTEXT)


def test_s3_makes_its_managed_key_for_the_first_who_needs_it(house: House) -> None:
    ana = user(house, "s3:*")
    through = ServiceCaller(principal=ana, account_id=ACCOUNT, region=REGION, via="s3")
    context = {"aws:s3:arn": "arn:aws:s3:::data"}
    made = house.kms.service_keys.generate_data_key(through, "alias/aws/s3", context)
    assert house.kms.service_keys.decrypt(through, made.ciphertext, context) == made.plaintext
    assert made.key_arn == house.kms.keys.ensure_managed(ACCOUNT, REGION, "s3").arn
    # Not directly, and not through another service.
    for via in (None, "sns"):
        with pytest.raises(AccessDeniedException):
            house.kms.service_keys.decrypt(
                ServiceCaller(principal=ana, account_id=ACCOUNT, region=REGION, via=via), made.ciphertext, context
            )


def test_through_a_service_a_user_needs_the_permission_on_a_key_of_the_account(house: House) -> None:
    key = house.key()
    ana = user(house, "kms:GenerateDataKey")
    through = ServiceCaller(principal=ana, account_id=ACCOUNT, region=REGION, via="s3")
    made = house.kms.service_keys.generate_data_key(through, key.arn, {})
    with pytest.raises(AccessDeniedException, match="user/ana is not authorized to perform: kms:Decrypt"):
        house.kms.service_keys.decrypt(through, made.ciphertext, {})


def test_a_grant_lets_a_service_in_for_its_resource(house: House) -> None:
    key = house.key()
    terms = Terms(
        operations=("GenerateDataKey",), grantee_service="cloudtrail.amazonaws.com", source_arn=TRAIL, retiring_service="x.amazonaws.com"
    )
    house.kms.grants.create(key, terms, f"arn:aws:iam::{ACCOUNT}:root")
    assert len(house.kms.service_keys.generate_data_key(CLOUDTRAIL, key.arn, CONTEXT).plaintext) == 32
    with pytest.raises(Fault):
        house.kms.service_keys.generate_data_key(
            ServiceCaller(principal=CLOUDTRAIL.principal, account_id=ACCOUNT, region=REGION, source_arn=TRAIL + "2"), key.arn, CONTEXT
        )
