"""A grant on a resource counts like its policy, gives across accounts, and overrules nothing."""

from __future__ import annotations

import pytest

from opentrail.clock import ManualClock
from opentrail.identity import Principal, Session, service_principal
from opentrail.identity.policies import Grant, Policy, PolicyRequest, PolicySet, evaluate

ACCOUNT, OTHER = "123456789012", "444455556666"


def policy(effect: str, principal: bool = False) -> Policy:
    who = '"Principal":"*",' if principal else ""
    return Policy.parse(f'{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}",{who}"Action":"kms:Decrypt","Resource":"*"}}]}}')


NOTHING = Policy.parse('{"Version":"2012-10-17","Statement":[]}')
USER = Principal(type="IAMUser", account_id=ACCOUNT, principal_id="AIDAEXAMPLE", arn=f"arn:aws:iam::{ACCOUNT}:user/ana", user_name="ana")
SESSION = Principal(
    type="AssumedRole",
    account_id=ACCOUNT,
    principal_id="AROAEXAMPLE:s",
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s",
    session=Session(
        issuer_type="Role",
        issuer_id="AROAEXAMPLE",
        issuer_arn=f"arn:aws:iam::{ACCOUNT}:role/r",
        issuer_account_id=ACCOUNT,
        issuer_name="r",
        created=ManualClock().now(),
    ),
)


def allowed(
    granted: Grant,
    principal: Principal = USER,
    policies: PolicySet | None = None,
    resource_policy: Policy = NOTHING,
    *,
    owner: str = ACCOUNT,
    service_control: tuple[tuple[Policy, ...], ...] = (),
) -> bool:
    request = PolicyRequest(principal=principal, action="kms:Decrypt", resource="arn", resource_account_id=owner)
    return evaluate(request, policies or PolicySet(), resource_policy, service_control=service_control, granted=granted).allowed


@pytest.mark.parametrize("owner", [ACCOUNT, OTHER])
def test_a_grant_to_the_caller_is_enough_in_every_account(owner: str) -> None:
    assert allowed(Grant.DIRECT, owner=owner)
    assert allowed(Grant.ROLE, SESSION, owner=owner)
    assert not allowed(Grant.NONE, owner=owner)


@pytest.mark.parametrize("owner", [ACCOUNT, OTHER])
def test_a_grant_to_the_account_lets_its_policies_decide(owner: str) -> None:
    assert not allowed(Grant.ACCOUNT, owner=owner)
    assert allowed(Grant.ACCOUNT, policies=PolicySet(identity=(policy("Allow"),)), owner=owner)


@pytest.mark.parametrize("owner", [ACCOUNT, OTHER])
def test_a_deny_anywhere_overrules_a_grant(owner: str) -> None:
    assert not allowed(Grant.DIRECT, policies=PolicySet(identity=(policy("Deny"),)), owner=owner)
    assert not allowed(Grant.DIRECT, resource_policy=policy("Deny", principal=True), owner=owner)
    assert not allowed(Grant.DIRECT, service_control=((NOTHING,),), owner=owner)


def test_a_role_with_a_grant_stays_within_its_session_policies() -> None:
    assert not allowed(Grant.ROLE, SESSION, PolicySet(session=(NOTHING,)))
    assert allowed(Grant.ROLE, SESSION, PolicySet(session=(policy("Allow"),)))


def test_a_service_can_have_a_grant() -> None:
    service = service_principal("cloudtrail.amazonaws.com")
    assert allowed(Grant.DIRECT, service)
    assert not allowed(Grant.NONE, service)
