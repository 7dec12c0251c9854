"""Grants through the API: given, used, listed, revoked, retired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulators.kms import ACCOUNT, House
from simulators.kms_callers import OTHER, Caller

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ANA = f"arn:aws:iam::{ACCOUNT}:user/ana"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
Users = Callable[..., Caller]


def granted(root: Caller, key: str, *operations: str, to: str = ANA, **more: Any) -> dict[str, Any]:
    return root("CreateGrant", KeyId=key, GranteePrincipal=to, Operations=list(operations), **more)


def test_a_grant_gives_a_user_what_no_policy_gives(root: Caller, user: Users) -> None:
    key, ana, bob = root.key(), user("ana"), user("bob")
    blob = root("Encrypt", KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    ana.refused("AccessDeniedException", "Decrypt", CiphertextBlob=blob)
    granted(root, key, "Decrypt")
    assert ana("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"text"
    ana.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x")
    bob.refused("AccessDeniedException", "Decrypt", CiphertextBlob=blob)


def test_a_grant_does_not_overrule_a_deny(root: Caller, user: Users) -> None:
    key = root.key()
    granted(root, key, "Encrypt")
    ana = user("ana", "kms:Encrypt", Effect="Deny")
    assert "explicit deny" in ana.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x")


def test_constraints_bind_the_encryption_context(root: Caller, user: Users) -> None:
    key, ana, bob = root.key(), user("ana"), user("bob")
    granted(root, key, "Encrypt", "DescribeKey", Constraints={"EncryptionContextEquals": {"a": "b"}})
    granted(root, key, "Encrypt", to=BOB, Constraints={"EncryptionContextSubset": {"a": "b"}})
    for caller, context, allowed in [
        (ana, {"a": "b"}, True),
        (ana, {"a": "b", "c": "d"}, False),
        (ana, {}, False),
        (bob, {"a": "b", "c": "d"}, True),
        (bob, {"a": "x"}, False),
    ]:
        if allowed:
            caller("Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext=context)
        else:
            caller.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext=context)
    ana("DescribeKey", KeyId=key)
    bob.refused("AccessDeniedException", "DescribeKey", KeyId=key)


def test_re_encrypting_takes_both_halves(root: Caller, user: Users) -> None:
    one, two, ana = root.key(), root.key(), user("ana")
    blob = root("Encrypt", KeyId=one, Plaintext=b"text")["CiphertextBlob"]
    granted(root, one, "ReEncryptFrom")
    ana.refused("AccessDeniedException", "ReEncrypt", CiphertextBlob=blob, DestinationKeyId=two)
    granted(root, two, "ReEncryptTo")
    moved = ana("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=two)
    assert root("Decrypt", CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"text"


def test_a_grant_to_an_account_lets_its_policies_decide(root: Caller, user: Users) -> None:
    key = root.key()
    foreign, plain = user("ana", "kms:Encrypt", account=OTHER), user("bob", account=OTHER)
    foreign.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x")
    granted(root, key, "Encrypt", to=f"arn:aws:iam::{OTHER}:root")
    foreign("Encrypt", KeyId=key, Plaintext=b"x")
    plain.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x")


def test_a_grant_to_a_user_of_another_account_is_enough(root: Caller, user: Users) -> None:
    key, foreign = root.key(), user("ana", account=OTHER)
    granted(root, key, "Encrypt", "DescribeKey", to=foreign.principal.arn)
    foreign("Encrypt", KeyId=key, Plaintext=b"x")
    assert foreign("DescribeKey", KeyId=key)["KeyMetadata"]["AWSAccountId"] == ACCOUNT
    foreign.refused("AccessDeniedException", "ScheduleKeyDeletion", KeyId=key)


def test_grants_are_listed_as_they_were_given(root: Caller, house: House) -> None:
    key = root.key()
    made = granted(root, key, "Decrypt", "Decrypt", "Encrypt", Name="app", RetiringPrincipal=BOB)
    plain = granted(root, key, "DescribeKey", to=BOB, Constraints={"EncryptionContextSubset": {"a": "b"}})
    found = {grant["GrantId"]: grant for grant in root("ListGrants", KeyId=key)["Grants"]}
    assert found[made["GrantId"]] == {
        "KeyId": key,
        "GrantId": made["GrantId"],
        "Name": "app",
        "CreationDate": house.clock.now(),
        "GranteePrincipal": ANA,
        "RetiringPrincipal": BOB,
        "IssuingAccount": ROOT,
        "Operations": ["Decrypt", "Encrypt"],
    }
    assert found[plain["GrantId"]]["Constraints"] == {"EncryptionContextSubset": {"a": "b"}}
    assert [grant["GrantId"] for grant in root("ListGrants", KeyId=key, GranteePrincipal=BOB)["Grants"]] == [plain["GrantId"]]
    assert [grant["GrantId"] for grant in root("ListGrants", KeyId=key, GrantId=made["GrantId"])["Grants"]] == [made["GrantId"]]
    assert root("ListGrants", KeyId=key, GrantId="0" * 64)["Grants"] == []
    root.refused("InvalidGrantIdException", "ListGrants", KeyId=key, GrantId="nonsense")
    root.refused("ValidationException", "ListGrants", KeyId=key, GranteeServicePrincipal="cloudtrail.amazonaws.com")
    page = root("ListGrants", KeyId=key, Limit=1)
    rest = root("ListGrants", KeyId=key, Limit=1, Marker=page["NextMarker"])
    assert [grant["GrantId"] for grant in page["Grants"] + rest["Grants"]] == sorted(found)
    assert root("ListGrants", KeyId=root.key())["Grants"] == []


def test_the_same_grant_under_the_same_name_is_made_once(root: Caller) -> None:
    key = root.key()
    first = granted(root, key, "Decrypt", Name="app")
    again = granted(root, key, "Decrypt", Name="app")
    assert first["GrantId"] == again["GrantId"]
    assert first["GrantToken"] != again["GrantToken"]
    assert granted(root, key, "Encrypt", Name="app")["GrantId"] != first["GrantId"]
    assert granted(root, key, "Decrypt")["GrantId"] != granted(root, key, "Decrypt")["GrantId"]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"Operations": ["Sign"]}, "ValidationException"),
        ({"Operations": ["Nonsense"]}, "ValidationException"),
        ({"Operations": []}, "ValidationException"),
        ({"GranteePrincipal": "ana"}, "InvalidArnException"),
        ({"GranteePrincipal": None}, "ValidationException"),
        ({"RetiringPrincipal": "arn:aws:iam::1:user/x"}, "InvalidArnException"),
        ({"Name": "a b"}, "ValidationException"),
        ({"GranteeServicePrincipal": "cloudtrail.amazonaws.com"}, "ValidationException"),
        ({"Constraints": {"EncryptionContextSubset": {"a": "b"}, "EncryptionContextEquals": {"a": "b"}}}, "ValidationException"),
    ],
)
def test_grants_that_cannot_be_made(root: Caller, parameters: dict[str, Any], code: str) -> None:
    key = root.key()
    given = {"GranteePrincipal": ANA, "Operations": ["Decrypt"], **parameters}
    root.refused(code, "CreateGrant", KeyId=key, **{name: value for name, value in given.items() if value is not None})
    assert root("ListGrants", KeyId=key)["Grants"] == []


def test_a_revoked_grant_is_gone_at_once(root: Caller, user: Users) -> None:
    key, ana = root.key(), user("ana")
    grant = granted(root, key, "Encrypt")
    ana("Encrypt", KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])
    ana.refused("AccessDeniedException", "RevokeGrant", KeyId=key, GrantId=grant["GrantId"])
    root.refused("DryRunOperationException", "RevokeGrant", KeyId=key, GrantId=grant["GrantId"], DryRun=True)
    root.refused("NotFoundException", "RevokeGrant", KeyId=root.key(), GrantId=grant["GrantId"])
    root("RevokeGrant", KeyId=key, GrantId=grant["GrantId"])
    ana.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])
    root.refused("NotFoundException", "RevokeGrant", KeyId=key, GrantId=grant["GrantId"])
    root.refused("InvalidGrantIdException", "RevokeGrant", KeyId=key, GrantId="nonsense")


def test_a_grant_token_is_no_permission(root: Caller, user: Users) -> None:
    key, bob = root.key(), user("bob")
    grant = granted(root, key, "Encrypt")
    bob.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])


def test_who_may_retire_a_grant(root: Caller, user: Users) -> None:
    key, ana, bob, eve = root.key(), user("ana"), user("bob"), user("eve")
    clerk = user("clerk", "kms:RetireGrant")
    cases: list[tuple[Caller, dict[str, Any], bool]] = [
        (bob, {"RetiringPrincipal": BOB}, True),
        (eve, {"RetiringPrincipal": BOB}, False),
        (ana, {"Operations": ["Decrypt", "RetireGrant"]}, True),
        (ana, {}, False),
        (root, {}, True),
        (clerk, {}, True),
    ]
    for caller, more, allowed in cases:
        for by_token in (True, False):
            grant = root("CreateGrant", **{"KeyId": key, "GranteePrincipal": ANA, "Operations": ["Decrypt"], **more})
            named = {"GrantToken": grant["GrantToken"]} if by_token else {"KeyId": key, "GrantId": grant["GrantId"]}
            if not allowed:
                caller.refused("AccessDeniedException", "RetireGrant", **named)
                root("RevokeGrant", KeyId=key, GrantId=grant["GrantId"])
                continue
            caller.refused("DryRunOperationException", "RetireGrant", DryRun=True, **named)
            caller("RetireGrant", **named)
            assert root("ListGrants", KeyId=key)["Grants"] == []
            caller.refused("NotFoundException", "RetireGrant", **named)


def test_a_retiring_principal_of_another_account(root: Caller, user: Users) -> None:
    key = root.key()
    foreign, theirs = user("ana", account=OTHER), user("clerk", "kms:RetireGrant", account=OTHER)
    for caller, retiring in ((foreign, foreign.principal.arn), (theirs, f"arn:aws:iam::{OTHER}:root")):
        grant = granted(root, key, "Decrypt", RetiringPrincipal=retiring)
        caller("RetireGrant", KeyId=key, GrantId=grant["GrantId"])
    grant = granted(root, key, "Decrypt", RetiringPrincipal=f"arn:aws:iam::{OTHER}:root")
    foreign.refused("AccessDeniedException", "RetireGrant", KeyId=key, GrantId=grant["GrantId"])


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "ValidationException"),
        ({"GrantId": "0" * 64}, "ValidationException"),
        ({"GrantToken": "forged"}, "InvalidGrantTokenException"),
        ({"GrantToken": "x" * 8192}, "InvalidGrantTokenException"),
        ({"KeyId": "00000000-0000-4000-8000-000000000001", "GrantId": "0" * 64}, "NotFoundException"),
        ({"KeyId": "00000000-0000-4000-8000-000000000001", "GrantId": "nonsense"}, "InvalidGrantIdException"),
        ({"KeyId": "00000000-0000-4000-8000-000000000001", "GrantId": "0" * 64, "GrantToken": "forged"}, "ValidationException"),
    ],
)
def test_what_retire_grant_does_not_take(root: Caller, parameters: dict[str, str], code: str) -> None:
    root.refused(code, "RetireGrant", **parameters)


def test_retirable_grants_are_found_by_their_principal(root: Caller, stranger: Caller) -> None:
    mine, theirs = root.key(), stranger.key()
    ids = {
        granted(root, mine, "Decrypt", RetiringPrincipal=BOB)["GrantId"],
        granted(stranger, theirs, "Decrypt", RetiringPrincipal=BOB)["GrantId"],
    }
    granted(root, mine, "Decrypt", RetiringPrincipal=ANA)
    found = root("ListRetirableGrants", RetiringPrincipal=BOB)["Grants"]
    assert {grant["GrantId"] for grant in found} == ids
    assert {grant["KeyId"] for grant in found} == {mine, theirs}
    page = root("ListRetirableGrants", RetiringPrincipal=BOB, Limit=1)
    assert len(page["Grants"]) == 1
    assert not root("ListRetirableGrants", RetiringPrincipal=BOB, Limit=1, Marker=page["NextMarker"])["Truncated"]
    assert root.there("eu-west-1")("ListRetirableGrants", RetiringPrincipal=BOB)["Grants"] == []
    stranger.refused("ValidationException", "ListRetirableGrants", RetiringPrincipal=BOB)
    root.refused("ValidationException", "ListRetirableGrants")
    root.refused("InvalidArnException", "ListRetirableGrants", RetiringPrincipal="bob")


def test_who_was_granted_to_grant_cannot_give_more(root: Caller, user: Users) -> None:
    key, ana, bob = root.key(), user("ana"), user("bob")
    granted(root, key, "CreateGrant", "Encrypt", Constraints={"EncryptionContextSubset": {"a": "b"}})
    give = {"KeyId": key, "GranteePrincipal": BOB}
    ana.refused("AccessDeniedException", "CreateGrant", Operations=["Encrypt"], **give)
    ana.refused("AccessDeniedException", "CreateGrant", Operations=["Decrypt"], Constraints={"EncryptionContextSubset": {"a": "b"}}, **give)
    ana("CreateGrant", Operations=["Encrypt"], Constraints={"EncryptionContextSubset": {"a": "b", "c": "d"}}, **give)
    bob("Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext={"a": "b", "c": "d"})
    bob.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext={"a": "b"})


def test_a_dry_grant_is_not_made(root: Caller) -> None:
    key = root.key()
    root.refused("DryRunOperationException", "CreateGrant", KeyId=key, GranteePrincipal=ANA, Operations=["Decrypt"], DryRun=True)
    assert root("ListGrants", KeyId=key)["Grants"] == []


def test_what_the_record_says_about_a_retired_grant(root: Caller) -> None:
    key = root.key()
    grant = granted(root, key, "Decrypt")
    root("RetireGrant", GrantToken=grant["GrantToken"])
    assert root.recorded == {
        "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}],
        "additional": {"grantId": grant["GrantId"]},
    }
    grant = granted(root, key, "Decrypt")
    root("RetireGrant", KeyId=key, GrantId=grant["GrantId"])
    assert root.recorded == {"resources": [], "additional": {"grantId": grant["GrantId"]}}
