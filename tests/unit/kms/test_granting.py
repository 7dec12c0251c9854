"""Grants: whom they name, what they allow, under which constraints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.clock import ManualClock
from opentrail.identity import Principal, Session, service_principal
from opentrail.identity.policies import Grant as Closeness
from opentrail.kms import granting
from opentrail.kms.granting import Use, closest
from opentrail.kms.specs import SPECS
from opentrail.kms.values import Grant, Key, Terms
from opentrail.wire.faults import Fault

ACCOUNT = "123456789012"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ANA = f"arn:aws:iam::{ACCOUNT}:user/ana"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Reader"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/s"
TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/t"

USER = Principal(type="IAMUser", account_id=ACCOUNT, principal_id="AIDAEXAMPLE", arn=ANA, user_name="ana")
READER = Principal(
    type="AssumedRole",
    account_id=ACCOUNT,
    principal_id="AROAEXAMPLE:s",
    arn=SESSION,
    session=Session(
        issuer_type="Role",
        issuer_id="AROAEXAMPLE",
        issuer_arn=ROLE,
        issuer_account_id=ACCOUNT,
        issuer_name="Reader",
        created=ManualClock().now(),
    ),
)


def grant(**terms: object) -> Grant:
    made = Terms(**{"operations": ("Decrypt",), "grantee": ANA, **terms})  # type: ignore[arg-type]
    return Grant(grant_id="0" * 64, key_id="k", account_id=ACCOUNT, created=0.0, issuing_account=ROOT, terms=made)


def key(spec: str, usage: str) -> Key:
    return Key(
        key_id="k", account_id=ACCOUNT, region="us-east-1", created=0.0, description="", usage=usage,  # type: ignore[arg-type]
        spec=SPECS[spec], manager="CUSTOMER", state="Enabled", deletion=None, policy="", tags={}, rotation=None, number=1,
        material_id="m",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("grantee", "principal", "closeness"),
    [
        (ANA, USER, Closeness.DIRECT),
        (ROOT, USER, Closeness.ACCOUNT),
        (f"arn:aws:iam::{ACCOUNT}:user/bob", USER, Closeness.NONE),
        (ROLE, READER, Closeness.ROLE),
        (SESSION, READER, Closeness.DIRECT),
        (ANA, READER, Closeness.NONE),
        ("arn:aws:iam::444455556666:root", USER, Closeness.NONE),
    ],
)
def test_a_grant_names_users_roles_sessions_and_accounts(grantee: str, principal: Principal, closeness: Closeness) -> None:
    assert closest([grant(grantee=grantee)], principal, Use(operation="Decrypt")) is closeness


def test_the_closest_of_several_grants_counts() -> None:
    assert closest([grant(grantee=ROOT), grant(grantee=ANA), grant(grantee=ROOT)], USER, Use(operation="Decrypt")) is Closeness.DIRECT
    assert closest([], USER, Use(operation="Decrypt")) is Closeness.NONE


def test_only_the_operations_in_it_are_granted() -> None:
    assert closest([grant(operations=("Encrypt", "DescribeKey"))], USER, Use(operation="Decrypt")) is Closeness.NONE
    assert closest([grant(operations=("ReEncryptFrom",))], USER, Use(operation="ReEncryptTo")) is Closeness.NONE


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy")), st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy")))
def test_constraints_on_the_encryption_context(constraint: dict[str, str], context: dict[str, str]) -> None:
    use = Use(operation="Decrypt", context=context)
    equal = closest([grant(context_equals=constraint)], USER, use) is Closeness.DIRECT
    within = closest([grant(context_subset=constraint)], USER, use) is Closeness.DIRECT
    assert equal == (context == constraint)
    assert within == all(context.get(name) == value for name, value in constraint.items())


def test_constraints_on_the_context_do_not_bind_operations_without_one() -> None:
    bound = grant(operations=("DescribeKey", "RetireGrant"), context_equals={"a": "b"})
    assert closest([bound], USER, Use(operation="DescribeKey")) is Closeness.DIRECT


def test_a_service_has_its_grant_only_for_the_resource_it_acts_for() -> None:
    service = grant(grantee=None, grantee_service="cloudtrail.amazonaws.com", source_arn=TRAIL)
    caller = service_principal("cloudtrail.amazonaws.com")
    assert closest([service], caller, Use(operation="Decrypt", source_arn=TRAIL)) is Closeness.DIRECT
    assert closest([service], caller, Use(operation="Decrypt", source_arn=TRAIL + "2")) is Closeness.NONE
    assert closest([service], caller, Use(operation="Decrypt")) is Closeness.NONE
    assert closest([service], service_principal("sns.amazonaws.com"), Use(operation="Decrypt", source_arn=TRAIL)) is Closeness.NONE


@pytest.mark.parametrize(
    ("parent", "child", "covered"),
    [
        ({}, {}, True),
        ({}, {"operations": ("Decrypt", "CreateGrant")}, True),
        ({}, {"operations": ("Encrypt",)}, False),
        ({"context_subset": {"a": "b"}}, {}, False),
        ({"context_subset": {"a": "b"}}, {"context_subset": {"a": "b", "c": "d"}}, True),
        ({"context_subset": {"a": "b"}}, {"context_subset": {"a": "x"}}, False),
        ({"context_subset": {"a": "b"}}, {"context_equals": {"a": "b"}}, True),
        ({"context_equals": {"a": "b"}}, {"context_equals": {"a": "b"}}, True),
        ({"context_equals": {"a": "b"}}, {"context_subset": {"a": "b"}}, False),
        ({"context_equals": {"a": "b"}}, {"context_equals": {"a": "b", "c": "d"}}, False),
        ({"source_arn": TRAIL}, {}, False),
        ({"source_arn": TRAIL}, {"source_arn": TRAIL}, True),
    ],
)
def test_who_was_granted_to_grant_can_give_on_nothing_more(parent: dict[str, object], child: dict[str, object], covered: bool) -> None:
    own = grant(operations=("CreateGrant", "Decrypt"), **parent)
    asked = grant(**{"grantee": ROLE, **child}).terms
    found = closest([own], USER, Use(operation="CreateGrant", granting=asked)) is Closeness.DIRECT
    # A parent for services names no user at all.
    assert found == (covered and "source_arn" not in parent)


def test_a_source_arn_is_given_on_by_services_only() -> None:
    own = grant(operations=("CreateGrant", "Decrypt"), grantee=None, grantee_service="x.amazonaws.com", source_arn=TRAIL)
    use = Use(operation="CreateGrant", source_arn=TRAIL, granting=grant(source_arn=TRAIL).terms)
    assert closest([own], service_principal("x.amazonaws.com"), use) is Closeness.DIRECT


SYMMETRIC = key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
SIGNING = key("RSA_2048", "SIGN_VERIFY")
SERVICE = {"grantee": None, "grantee_service": "cloudtrail.amazonaws.com", "source_arn": TRAIL, "retiring": ANA}


@pytest.mark.parametrize(
    ("terms", "on", "code"),
    [
        ({}, SYMMETRIC, None),
        ({"operations": ("Sign", "Verify", "GetPublicKey")}, SIGNING, None),
        ({"operations": ("GenerateMac", "VerifyMac", "DescribeKey")}, key("HMAC_256", "GENERATE_VERIFY_MAC"), None),
        ({"operations": ("Encrypt", "ReEncryptTo", "GetPublicKey")}, key("RSA_2048", "ENCRYPT_DECRYPT"), None),
        (SERVICE, SYMMETRIC, None),
        ({"operations": ("Sign",)}, SYMMETRIC, "ValidationException"),
        ({"operations": ("GenerateDataKey",)}, key("RSA_2048", "ENCRYPT_DECRYPT"), "ValidationException"),
        ({"operations": ()}, SYMMETRIC, "ValidationException"),
        ({"operations": ("Sign",), "context_equals": {"a": "b"}}, SIGNING, "ValidationException"),
        ({"context_equals": {"a": "b"}, "context_subset": {"a": "b"}}, SYMMETRIC, "ValidationException"),
        ({"grantee": None}, SYMMETRIC, "ValidationException"),
        ({"grantee_service": "cloudtrail.amazonaws.com"}, SYMMETRIC, "ValidationException"),
        ({"grantee": "ana"}, SYMMETRIC, "InvalidArnException"),
        ({"retiring": "ana"}, SYMMETRIC, "InvalidArnException"),
        ({"retiring": ANA, "retiring_service": "x.amazonaws.com"}, SYMMETRIC, "ValidationException"),
        ({**SERVICE, "source_arn": None}, SYMMETRIC, "ValidationException"),
        ({**SERVICE, "retiring": None}, SYMMETRIC, "ValidationException"),
    ],
)
def test_terms_must_make_sense_for_the_key(terms: dict[str, object], on: Key, code: str | None) -> None:
    if code is None:
        granting.check(grant(**terms).terms, on)
    else:
        with pytest.raises(Fault) as fault:
            granting.check(grant(**terms).terms, on)
        assert fault.value.code == code
