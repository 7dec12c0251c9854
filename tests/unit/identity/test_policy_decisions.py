"""Who may do what: identity, resource, boundary, session and service control policies together (IAM's evaluation logic)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from opentrail.identity.policies import Policy, PolicyRequest, PolicySet, canonical_user_id, denial, evaluate
from opentrail.identity.principals import Principal, Session, service_principal

ACCOUNT, OTHER = "111122223333", "444455556666"
ISSUED = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


def user(account: str = ACCOUNT, name: str = "alice") -> Principal:
    arn = f"arn:aws:iam::{account}:user/{name}"
    return Principal(type="IAMUser", account_id=account, principal_id="AIDAALICE0000000000AA", arn=arn, user_name=name)


def root(account: str = ACCOUNT) -> Principal:
    return Principal(type="Root", account_id=account, principal_id=account, arn=f"arn:aws:iam::{account}:root")


def session(kind: Any, issuer: str, account: str) -> Session:
    return Session(
        issuer_type=kind,
        issuer_id="AROADEPLOY0000000000A" if kind == "Role" else "AIDAALICE0000000000AA",
        issuer_arn=f"arn:aws:iam::{account}:{issuer}",
        issuer_account_id=account,
        issuer_name=issuer.rpartition("/")[2],
        created=ISSUED,
        name="ci",
    )


def role(account: str = ACCOUNT) -> Principal:
    return Principal(
        type="AssumedRole",
        account_id=account,
        principal_id="AROADEPLOY0000000000A:ci",
        arn=f"arn:aws:sts::{account}:assumed-role/deploy/ci",
        session=session("Role", "role/team/deploy", account),
    )


def federated(account: str = ACCOUNT) -> Principal:
    return Principal(
        type="FederatedUser",
        account_id=account,
        principal_id=f"{account}:bob",
        arn=f"arn:aws:sts::{account}:federated-user/bob",
        session=session("IAMUser", "user/alice", account),
    )


CALLERS = {
    "user": user(),
    "other user": user(OTHER),
    "root": root(),
    "other root": root(OTHER),
    "role": role(),
    "other role": role(OTHER),
    "federated": federated(),
    "service": service_principal("cloudtrail.amazonaws.com"),
    "anonymous": Principal(type="Unknown", account_id=""),
}


def S(effect: str, action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def P(effect: str, principal: Any, action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **more}


def policy(*statements: dict[str, Any]) -> Policy:
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


ALLOW, DENY = S("Allow"), S("Deny")
USER, ROLE = f"arn:aws:iam::{ACCOUNT}:user/alice", f"arn:aws:iam::{ACCOUNT}:role/team/deploy"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci"
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
ROOT, OTHER_ROOT = f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{OTHER}:root"
OTHER_USER, OTHER_ROLE = f"arn:aws:iam::{OTHER}:user/alice", f"arn:aws:iam::{OTHER}:role/team/deploy"
NOT_READ = S("Allow", "s3:PutObject")

# claim, caller, what it carries and what the resource says, answer ("yes", "no": nothing allows, "never": explicit deny)
DECISIONS: list[tuple[str, str, dict[str, Any], str]] = [
    # identity policies alone
    ("nothing allows nothing", "user", {}, "no"),
    ("identity allow", "user", {"identity": [ALLOW]}, "yes"),
    ("identity deny wins", "user", {"identity": [ALLOW, DENY]}, "never"),
    ("deny wins in any order", "user", {"identity": [DENY, ALLOW]}, "never"),
    ("a deny alone is explicit", "user", {"identity": [DENY]}, "never"),
    ("another action is not allowed", "user", {"identity": [NOT_READ]}, "no"),
    ("role session has the role's policies", "role", {"identity": [ALLOW]}, "yes"),
    ("role session without policies", "role", {}, "no"),
    # root
    ("root needs no policy", "root", {}, "yes"),
    ("root of the owner, resource policy silent", "root", {"resource": [P("Allow", {"AWS": USER})]}, "yes"),
    ("a resource policy can deny root", "root", {"resource": [P("Deny", "*")]}, "never"),
    ("a deny of the account denies its root", "root", {"resource": [P("Deny", {"AWS": ROOT})]}, "never"),
    ("root of another account needs the resource", "other root", {}, "no"),
    ("root of another account, named by id", "other root", {"resource": [P("Allow", {"AWS": OTHER})]}, "yes"),
    ("root of another account, named by arn", "other root", {"resource": [P("Allow", {"AWS": OTHER_ROOT})]}, "yes"),
    # resource policies in the same account
    ("user named by the resource", "user", {"resource": [P("Allow", {"AWS": USER})]}, "yes"),
    ("user named by unique id", "user", {"resource": [P("Allow", {"AWS": "AIDAALICE0000000000AA"})]}, "yes"),
    ("user among several names", "user", {"resource": [P("Allow", {"AWS": [ROLE, USER]})]}, "yes"),
    ("another user named", "user", {"resource": [P("Allow", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"})]}, "no"),
    ("everybody named", "user", {"resource": [P("Allow", "*")]}, "yes"),
    ("everybody below AWS named", "user", {"resource": [P("Allow", {"AWS": "*"})]}, "yes"),
    ("account named only delegates", "user", {"resource": [P("Allow", {"AWS": ROOT})]}, "no"),
    ("account named, identity allows", "user", {"resource": [P("Allow", {"AWS": ROOT})], "identity": [ALLOW]}, "yes"),
    ("account id named, identity silent", "user", {"resource": [P("Allow", {"AWS": ACCOUNT})]}, "no"),
    ("resource silent, identity allows", "user", {"resource": [], "identity": [ALLOW]}, "yes"),
    ("resource deny beats identity allow", "user", {"resource": [P("Deny", "*")], "identity": [ALLOW]}, "never"),
    ("resource deny of the account", "user", {"resource": [P("Deny", {"AWS": ACCOUNT})], "identity": [ALLOW]}, "never"),
    ("resource deny of somebody else", "user", {"resource": [P("Deny", {"AWS": ROLE})], "identity": [ALLOW]}, "yes"),
    ("identity deny beats resource allow", "user", {"resource": [P("Allow", {"AWS": USER})], "identity": [DENY]}, "never"),
    ("resource statement without principal", "user", {"resource": [ALLOW]}, "no"),
    ("role arn named", "role", {"resource": [P("Allow", {"AWS": ROLE})]}, "yes"),
    ("role id named", "role", {"resource": [P("Allow", {"AWS": "AROADEPLOY0000000000A"})]}, "yes"),
    ("session arn named", "role", {"resource": [P("Allow", {"AWS": SESSION})]}, "yes"),
    ("session of another name", "role", {"resource": [P("Allow", {"AWS": SESSION + "2"})]}, "no"),
    ("deny of the role denies its session", "role", {"resource": [P("Deny", {"AWS": ROLE})], "identity": [ALLOW]}, "never"),
    ("deny of the session", "role", {"resource": [P("Deny", {"AWS": SESSION})], "identity": [ALLOW]}, "never"),
    ("a user arn does not name a role", "role", {"resource": [P("Allow", {"AWS": USER})]}, "no"),
    ("canonical id of the account delegates", "user", {"resource": [P("Allow", {"CanonicalUser": canonical_user_id(ACCOUNT)})]}, "no"),
    (
        "canonical id and identity",
        "user",
        {"resource": [P("Allow", {"CanonicalUser": canonical_user_id(ACCOUNT)})], "identity": [ALLOW]},
        "yes",
    ),
    # NotPrincipal
    ("deny all but me", "user", {"identity": [ALLOW], "resource": [S("Deny", NotPrincipal={"AWS": [USER, ROOT]})]}, "yes"),
    ("deny all but another", "user", {"identity": [ALLOW], "resource": [S("Deny", NotPrincipal={"AWS": [ROLE, ROOT]})]}, "never"),
    ("naming the account excepts no user", "user", {"identity": [ALLOW], "resource": [S("Deny", NotPrincipal={"AWS": ROOT})]}, "never"),
    ("naming the account excepts root", "root", {"resource": [S("Deny", NotPrincipal={"AWS": ROOT})]}, "yes"),
    ("deny all but me: account left out", "user", {"identity": [ALLOW], "resource": [S("Deny", NotPrincipal={"AWS": USER})]}, "never"),
    (
        "deny all but me: boundary",
        "user",
        {"identity": [ALLOW], "boundary": [ALLOW], "resource": [S("Deny", NotPrincipal={"AWS": [USER, ROOT]})]},
        "never",
    ),
    ("deny all but my session", "role", {"identity": [ALLOW], "resource": [S("Deny", NotPrincipal={"AWS": [ROOT, ROLE, SESSION]})]}, "yes"),
    (
        "deny all but my role: not its session",
        "role",
        {"identity": [ALLOW], "resource": [S("Deny", NotPrincipal={"AWS": [ROOT, ROLE]})]},
        "never",
    ),
    (
        "deny all but a service: itself",
        "service",
        {"resource": [P("Allow", "*"), S("Deny", NotPrincipal={"Service": "cloudtrail.amazonaws.com"})]},
        "yes",
    ),
    ("deny all but a service: user", "user", {"resource": [S("Deny", NotPrincipal={"Service": "sns.amazonaws.com"})]}, "never"),
    # boundaries
    ("boundary without allow", "user", {"identity": [ALLOW], "boundary": []}, "no"),
    ("boundary with allow", "user", {"identity": [ALLOW], "boundary": [ALLOW]}, "yes"),
    ("boundary alone gives nothing", "user", {"boundary": [ALLOW]}, "no"),
    ("boundary deny", "user", {"identity": [ALLOW], "boundary": [DENY, ALLOW]}, "never"),
    ("named user is beyond the boundary", "user", {"boundary": [], "resource": [P("Allow", {"AWS": USER})]}, "yes"),
    ("named role stays within its boundary", "role", {"boundary": [], "resource": [P("Allow", {"AWS": ROLE})]}, "no"),
    ("named session is beyond the boundary", "role", {"boundary": [], "resource": [P("Allow", {"AWS": SESSION})]}, "yes"),
    ("boundary deny beats a named user", "user", {"boundary": [DENY], "resource": [P("Allow", {"AWS": USER})]}, "never"),
    # session policies
    ("session policy limits", "role", {"identity": [ALLOW], "session": [[NOT_READ]]}, "no"),
    ("session policy allows", "role", {"identity": [ALLOW], "session": [[ALLOW]]}, "yes"),
    ("one of two session policies allows", "role", {"identity": [ALLOW], "session": [[NOT_READ], [ALLOW]]}, "yes"),
    ("session policy gives nothing", "role", {"session": [[ALLOW]]}, "no"),
    ("session deny", "role", {"identity": [ALLOW], "session": [[ALLOW], [DENY]]}, "never"),
    ("named role stays within its session", "role", {"session": [[NOT_READ]], "resource": [P("Allow", {"AWS": ROLE})]}, "no"),
    ("named session is beyond its session policy", "role", {"session": [[NOT_READ]], "resource": [P("Allow", {"AWS": SESSION})]}, "yes"),
    ("federated: user's and session's policies meet", "federated", {"identity": [ALLOW], "session": [[ALLOW]]}, "yes"),
    ("federated: session without allow", "federated", {"identity": [ALLOW], "session": [[]]}, "no"),
    ("federated: named session", "federated", {"session": [[]], "resource": [P("Allow", {"AWS": FEDERATED})]}, "yes"),
    ("federated: named user, session silent", "federated", {"session": [[]], "resource": [P("Allow", {"AWS": USER})]}, "no"),
    ("federated: named user, session allows", "federated", {"session": [[ALLOW]], "resource": [P("Allow", {"AWS": USER})]}, "yes"),
    # across accounts
    ("cross: identity alone", "other user", {"identity": [ALLOW]}, "no"),
    ("cross: resource alone", "other user", {"resource": [P("Allow", {"AWS": OTHER_USER})]}, "no"),
    ("cross: both", "other user", {"identity": [ALLOW], "resource": [P("Allow", {"AWS": OTHER_USER})]}, "yes"),
    ("cross: account named and identity", "other user", {"identity": [ALLOW], "resource": [P("Allow", {"AWS": OTHER_ROOT})]}, "yes"),
    ("cross: everybody named, identity silent", "other user", {"resource": [P("Allow", "*")]}, "no"),
    ("cross: everybody named and identity", "other user", {"identity": [ALLOW], "resource": [P("Allow", "*")]}, "yes"),
    ("cross: role named and identity", "other role", {"identity": [ALLOW], "resource": [P("Allow", {"AWS": OTHER_ROLE})]}, "yes"),
    (
        "cross: boundary of the caller",
        "other role",
        {"identity": [ALLOW], "boundary": [], "resource": [P("Allow", {"AWS": OTHER_ROLE})]},
        "no",
    ),
    (
        "cross: session of the caller",
        "other role",
        {"identity": [ALLOW], "session": [[NOT_READ]], "resource": [P("Allow", {"AWS": OTHER_ROLE})]},
        "no",
    ),
    (
        "cross: resource deny",
        "other user",
        {"identity": [ALLOW], "resource": [P("Allow", "*"), P("Deny", {"AWS": OTHER_ROOT})]},
        "never",
    ),
    ("cross: identity deny", "other user", {"identity": [DENY], "resource": [P("Allow", "*")]}, "never"),
    # services and nobody
    ("service: named", "service", {"resource": [P("Allow", {"Service": "cloudtrail.amazonaws.com"})]}, "yes"),
    ("service: among others", "service", {"resource": [P("Allow", {"Service": ["a.amazonaws.com", "cloudtrail.amazonaws.com"]})]}, "yes"),
    ("service: another named", "service", {"resource": [P("Allow", {"Service": "sns.amazonaws.com"})]}, "no"),
    ("service: everybody named", "service", {"resource": [P("Allow", "*")]}, "yes"),
    ("service: account named", "service", {"resource": [P("Allow", {"AWS": ROOT})]}, "no"),
    ("service: no policy", "service", {}, "no"),
    ("service: identity policies mean nothing", "service", {"identity": [ALLOW]}, "no"),
    ("service: denied to everybody", "service", {"resource": [P("Allow", "*"), P("Deny", {"AWS": "*"})]}, "never"),
    ("service: users are denied", "service", {"resource": [P("Allow", "*"), P("Deny", {"AWS": ROOT})]}, "yes"),
    ("anonymous: public", "anonymous", {"resource": [P("Allow", "*")]}, "yes"),
    ("anonymous: account only", "anonymous", {"resource": [P("Allow", {"AWS": ROOT})]}, "no"),
    ("anonymous: nothing", "anonymous", {}, "no"),
    # service control policies
    ("scp allows", "user", {"identity": [ALLOW], "scp": [[S("Allow", "*")]]}, "yes"),
    ("scp silent", "user", {"identity": [ALLOW], "scp": [[NOT_READ]]}, "no"),
    ("every level of scp must allow", "user", {"identity": [ALLOW], "scp": [[S("Allow", "*")], [NOT_READ]]}, "no"),
    ("scp deny", "user", {"identity": [ALLOW], "scp": [[S("Allow", "*"), DENY]]}, "never"),
    ("scp binds root", "root", {"scp": [[S("Allow", "*"), DENY]]}, "never"),
    ("scp does not bind services", "service", {"resource": [P("Allow", "*")], "scp": [[DENY]]}, "yes"),
]


@pytest.mark.parametrize(("caller", "carried", "answer"), [row[1:] for row in DECISIONS], ids=[row[0] for row in DECISIONS])
def test_decision(caller: str, carried: dict[str, Any], answer: str) -> None:
    policies = PolicySet(
        identity=(policy(*carried["identity"]),) if "identity" in carried else (),
        boundary=policy(*carried["boundary"]) if "boundary" in carried else None,
        session=tuple(policy(*statements) for statements in carried.get("session", ())),
    )
    resource = policy(*carried["resource"]) if "resource" in carried else None
    request = PolicyRequest(principal=CALLERS[caller], action="s3:GetObject", resource="arn:aws:s3:::b/k", resource_account_id=ACCOUNT)
    levels = [(policy(*statements),) for statements in carried.get("scp", ())]
    decision = evaluate(request, policies, resource, service_control=levels)
    assert (decision.allowed, decision.explicit_deny) == {"yes": (True, False), "no": (False, False), "never": (False, True)}[answer]
    assert bool(decision.reason) is not decision.allowed


def trust(principal: Any) -> Policy:
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


ASSUME = S("Allow", "sts:AssumeRole")

TRUST: list[tuple[str, str, Policy, list[dict[str, Any]], bool]] = [
    ("trust that names the user suffices", "user", trust({"AWS": USER}), [], True),
    ("trust in the account hands over to identity policies", "user", trust({"AWS": ROOT}), [], False),
    ("trust in the account and identity", "user", trust({"AWS": ROOT}), [ASSUME], True),
    ("identity alone never suffices", "user", trust({"Service": "ec2.amazonaws.com"}), [ASSUME], False),
    ("trust in everybody", "user", trust("*"), [], True),
    ("trust in another user", "user", trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}), [ASSUME], False),
    ("role chaining", "role", trust({"AWS": ROLE}), [], True),
    ("another account needs both", "other user", trust({"AWS": OTHER_ROOT}), [], False),
    ("another account with both", "other user", trust({"AWS": OTHER_ROOT}), [ASSUME], True),
    ("a trusted service", "service", trust({"Service": "cloudtrail.amazonaws.com"}), [], True),
    ("root in a trust policy", "root", trust({"AWS": ROOT}), [], True),
    ("root outside the trust policy", "root", trust({"AWS": USER}), [], False),
]


@pytest.mark.parametrize(("caller", "trusted", "identity", "allowed"), [row[1:] for row in TRUST], ids=[row[0] for row in TRUST])
def test_trust_policy_must_name_the_caller(caller: str, trusted: Policy, identity: list[dict[str, Any]], allowed: bool) -> None:
    request = PolicyRequest(principal=CALLERS[caller], action="sts:AssumeRole", resource=ROLE, resource_account_id=ACCOUNT)
    assert evaluate(request, PolicySet(identity=(policy(*identity),)), trusted).allowed is allowed


def test_key_policies_must_allow_too() -> None:
    request = PolicyRequest(principal=user(), action="kms:Decrypt", resource="arn:aws:kms:us-east-1:111122223333:key/k")
    everything = PolicySet(identity=(policy(S("Allow", "*")),))
    assert not evaluate(request, everything, policy(P("Allow", {"Service": "cloudtrail.amazonaws.com"}, "kms:*"))).allowed
    assert evaluate(request, everything, policy(P("Allow", {"AWS": ROOT}, "kms:*"))).allowed


def test_federated_principals_are_known_by_their_provider() -> None:
    trusted = trust({"Federated": "accounts.example.com"})
    nobody = Principal(type="Unknown", account_id="")
    for provider, allowed in (("accounts.example.com", True), ("accounts.example.org", False)):
        request = PolicyRequest(principal=nobody, action="sts:AssumeRole", resource=ROLE, context={"aws:FederatedProvider": (provider,)})
        assert evaluate(request, PolicySet(), trusted).allowed is allowed


def test_owner_unknown_means_the_callers_account() -> None:
    request = PolicyRequest(principal=user(), action="s3:GetObject", resource="arn:aws:s3:::b/k")
    assert evaluate(request, PolicySet(), policy(P("Allow", {"AWS": USER}))).allowed


REASONS = [
    ({}, "because no identity-based policy allows the s3:GetObject action"),
    ({"identity": [DENY]}, "with an explicit deny in an identity-based policy"),
    ({"identity": [ALLOW], "boundary": []}, "because no permissions boundary allows the s3:GetObject action"),
    ({"identity": [ALLOW], "session": [[]]}, "because no session policy allows the s3:GetObject action"),
    ({"identity": [ALLOW], "resource": [P("Deny", "*")]}, "with an explicit deny in a resource-based policy"),
    ({"identity": [ALLOW], "scp": [[]]}, "because no service control policy allows the s3:GetObject action"),
]


@pytest.mark.parametrize(("carried", "reason"), REASONS)
def test_denial_says_why_in_the_words_of_aws(carried: dict[str, Any], reason: str) -> None:
    policies = PolicySet(
        identity=(policy(*carried.get("identity", ())),),
        boundary=policy(*carried["boundary"]) if "boundary" in carried else None,
        session=tuple(policy(*statements) for statements in carried.get("session", ())),
    )
    request = PolicyRequest(principal=user(), action="s3:GetObject", resource="arn:aws:s3:::b/k")
    resource = policy(*carried["resource"]) if "resource" in carried else None
    decision = evaluate(request, policies, resource, service_control=[(policy(*level),) for level in carried.get("scp", ())])
    assert denial(request, decision) == f"User: {USER} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k {reason}"


def test_sts_does_not_tell_why_a_role_cannot_be_assumed() -> None:
    request = PolicyRequest(principal=user(), action="sts:AssumeRole", resource=ROLE)
    plain = f"User: {USER} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    assert denial(request, evaluate(request, PolicySet(), trust({"AWS": ROOT}))) == plain
    forbidden = evaluate(request, PolicySet(identity=(policy(S("Deny", "*")),)), trust("*"))
    assert denial(request, forbidden) == f"{plain} with an explicit deny in an identity-based policy"
