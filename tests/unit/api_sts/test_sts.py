"""STS: who may become whom, for how long, and what remains of it."""

from __future__ import annotations

from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.identity import Identities
from simulators.sts import ACCOUNT, DEPLOY, OTHER, Caller, Denied, allow, trust


def role(identities: Identities, trusted: str, name: str = "deploy", **more: Any) -> None:
    identities.roles.create(ACCOUNT, name, trusted, path="/team/", **more)


def test_everybody_may_ask_who_they_are(identities: Identities, root: Caller, user: Any) -> None:
    alice = user()
    assert alice("GetCallerIdentity") == {
        "UserId": alice.principal.principal_id,
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
    }
    assert root("GetCallerIdentity") == {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}
    identities.attachments.attach(ACCOUNT, "user", "alice", "arn:aws:iam::aws:policy/AWSDenyAll")
    alice("GetCallerIdentity")
    role(identities, trust("*"))
    bob = user("bob").assume()
    role_id = identities.roles.get(ACCOUNT, "deploy").id
    assert bob("GetCallerIdentity") == {
        "UserId": f"{role_id}:ci",
        "Account": ACCOUNT,
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci",
    }


ASSUMING: list[tuple[str, dict[str, Any], str | None, bool]] = [
    ("a trusted user needs no policy", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}, None, True),
    ("a trusted account hands over to policies", {"AWS": ACCOUNT}, None, False),
    ("a trusted account and a policy", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, allow("sts:AssumeRole", DEPLOY), True),
    ("a policy for another role", {"AWS": ACCOUNT}, allow("sts:AssumeRole", DEPLOY + "2"), False),
    ("a policy without trust", {"Service": "ec2.amazonaws.com"}, allow("sts:*"), False),
    ("trust, but a deny", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}, allow("*").replace("Allow", "Deny"), False),
]


@pytest.mark.parametrize(("trusted", "policy", "allowed"), [row[1:] for row in ASSUMING], ids=[row[0] for row in ASSUMING])
def test_who_may_assume_a_role(identities: Identities, user: Any, trusted: Any, policy: str | None, allowed: bool) -> None:
    alice = user("alice", policy)
    role(identities, trust(trusted))
    if allowed:
        assert alice.assume().principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci"
    else:
        with pytest.raises(Denied, match="sts:AssumeRole"):
            alice.assume()


def test_across_accounts_both_sides_must_allow(identities: Identities, user: Any) -> None:
    role(identities, trust({"AWS": OTHER}, Condition={"StringEquals": {"sts:ExternalId": "xyzzy"}}))
    mallory, carol = user("mallory", None, OTHER), user("carol", allow("sts:AssumeRole"), OTHER)
    with pytest.raises(Denied):
        mallory.assume(ExternalId="xyzzy")
    with pytest.raises(Denied):
        carol.assume()
    assert carol.assume(ExternalId="xyzzy").principal.account_id == ACCOUNT


def test_a_role_that_is_not_there_looks_like_a_refusal(user: Any) -> None:
    alice = user("alice", allow("*"))
    for arn in (DEPLOY, "arn:aws:iam::000000000000:role/x", "arn:aws:iam::123456789012:user/alice"):
        with pytest.raises(Denied):
            alice.assume(RoleArn=arn)


def test_root_assumes_no_roles(identities: Identities, root: Caller) -> None:
    role(identities, trust({"AWS": ACCOUNT}))
    assert root.refused("AccessDenied", "AssumeRole", RoleArn=DEPLOY, RoleSessionName="ci") == "Roles may not be assumed by root accounts."


def test_the_handler_refuses_a_role_that_vanished_meanwhile(identities: Identities, user: Any) -> None:
    role(identities, trust("*"))
    alice = user()
    alice.blind()
    identities.roles.delete(ACCOUNT, "deploy")
    message = alice.refused("AccessDenied", "AssumeRole", RoleArn=DEPLOY, RoleSessionName="ci")
    assert message == f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: sts:AssumeRole on resource: {DEPLOY}"


def test_the_answer_of_assume_role(identities: Identities, user: Any, clock: ManualClock) -> None:
    role(identities, trust("*", ["sts:AssumeRole", "sts:SetSourceIdentity"]), max_session=7200)
    role_id = identities.roles.get(ACCOUNT, "deploy").id
    found = user()("AssumeRole", RoleArn=DEPLOY, RoleSessionName="ci", DurationSeconds=7200, SourceIdentity="alice")
    assert found["AssumedRoleUser"] == {"AssumedRoleId": f"{role_id}:ci", "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci"}
    assert found["SourceIdentity"] == "alice"
    assert "PackedPolicySize" not in found
    given = found["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA")
    assert given["Expiration"].timestamp() == clock.time() + 7200


DURATIONS: list[tuple[int, str | None]] = [
    (899, "Member must have value greater than or equal to 900"),
    (900, None),
    (3600, None),
    (3601, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
    (43201, "Member must have value less than or equal to 43200"),
]


@pytest.mark.parametrize(("duration", "message"), DURATIONS)
def test_sessions_last_as_long_as_the_role_allows(identities: Identities, user: Any, duration: int, message: str | None) -> None:
    role(identities, trust("*"))
    if message is None:
        user().assume(DurationSeconds=duration)
    else:
        parameters = {"RoleArn": DEPLOY, "RoleSessionName": "ci", "DurationSeconds": duration}
        assert message in user().refused("ValidationError", "AssumeRole", **parameters)


def test_chained_roles_last_an_hour_at_most(identities: Identities, user: Any) -> None:
    role(identities, trust("*"), max_session=43200)
    chained = user().assume(DurationSeconds=43200)
    parameters = {"RoleArn": DEPLOY, "RoleSessionName": "again"}
    message = chained.refused("ValidationError", "AssumeRole", DurationSeconds=3601, **parameters)
    assert message == "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    assert chained.assume("again").principal.arn.endswith("/again")


def test_session_policies_limit_the_role(identities: Identities, user: Any) -> None:
    role(identities, trust("*"))
    identities.attachments.attach(ACCOUNT, "role", "deploy", "arn:aws:iam::aws:policy/AmazonS3FullAccess")
    alice = user()
    assert alice.assume().may("s3:PutObject")
    limited = alice.assume(Policy=allow("s3:GetObject"))
    assert (limited.may("s3:GetObject"), limited.may("s3:PutObject")) == (True, False)
    arns = [{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    limited = alice.assume(PolicyArns=arns)
    assert (limited.may("s3:GetObject"), limited.may("s3:PutObject")) == (True, False)
    assert not alice.assume(Policy=allow("ec2:*")).may("s3:GetObject")
    assert not alice.assume(Policy=allow("ec2:*")).may("ec2:RunInstances")
    parameters = {"RoleArn": DEPLOY, "RoleSessionName": "ci"}
    assert alice("AssumeRole", Policy=allow("s3:*"), **parameters)["PackedPolicySize"] in range(1, 10)
    alice.refused("MalformedPolicyDocument", "AssumeRole", Policy="{}", **parameters)
    alice.refused("PackedPolicyTooLarge", "AssumeRole", Policy=allow("s3:" + "x" * 2100), **parameters)
    alice.refused("InvalidParameterValue", "AssumeRole", PolicyArns=[{"arn": "arn:aws:iam::aws:policy/None"}], **parameters)
    alice.refused("ValidationError", "AssumeRole", PolicyArns=arns * 11, **parameters)


def test_session_tags(identities: Identities, user: Any) -> None:
    role(identities, trust("*", ["sts:AssumeRole", "sts:TagSession"], Condition={"StringLikeIfExists": {"aws:RequestTag/team": "b*"}}))
    alice = user()
    tags = [{"Key": "team", "Value": "blue"}, {"Key": "job", "Value": "7"}]
    tagged = alice.assume(Tags=tags, TransitiveTagKeys=["team"])
    assert dict(tagged.principal.session.tags) == {"team": "blue", "job": "7"}
    assert dict(tagged.assume("next").principal.session.tags) == {"team": "blue"}
    assert dict(tagged.assume("next").assume("last").principal.session.tags) == {"team": "blue"}
    with pytest.raises(Denied):
        alice.assume(Tags=[{"Key": "team", "Value": "red"}])
    parameters = {"RoleArn": DEPLOY, "RoleSessionName": "ci"}
    tagged.refused("InvalidParameterValue", "AssumeRole", Tags=[{"Key": "Team", "Value": "brown"}], **parameters)
    alice.refused("InvalidParameterValue", "AssumeRole", Tags=tags, TransitiveTagKeys=["other"], **parameters)
    alice.refused("InvalidParameterValue", "AssumeRole", Tags=[*tags, tags[1]], **parameters)


def test_tagging_takes_a_permission_of_its_own(identities: Identities, user: Any) -> None:
    role(identities, trust("*"))
    with pytest.raises(Denied, match="sts:TagSession"):
        user().assume(Tags=[{"Key": "a", "Value": "b"}])
    with pytest.raises(Denied, match="sts:SetSourceIdentity"):
        user("bob").assume(SourceIdentity="bob")


def test_a_source_identity_stays(identities: Identities, user: Any) -> None:
    role(identities, trust("*", "sts:*"))
    first = user().assume(SourceIdentity="alice")
    assert first.assume("next").principal.session.source_identity == "alice"
    first.refused("AccessDenied", "AssumeRole", RoleArn=DEPLOY, RoleSessionName="xx", SourceIdentity="bob")


def test_session_tokens(identities: Identities, user: Any, root: Caller, clock: ManualClock) -> None:
    alice = user("alice", allow("s3:*"))
    session = alice.becomes("GetSessionToken")
    assert session.principal.type == "IAMUser"
    assert session.principal.arn == alice.principal.arn
    assert session.may("s3:GetObject")
    assert alice("GetSessionToken")["Credentials"]["Expiration"].timestamp() == clock.time() + 43200
    assert root("GetSessionToken", DurationSeconds=43200)["Credentials"]["Expiration"].timestamp() == clock.time() + 3600
    assert root.becomes("GetSessionToken").principal.type == "Root"
    assert session.refused("AccessDenied", "GetSessionToken") == "Cannot call GetSessionToken with session credentials"
    alice.refused("AccessDenied", "GetSessionToken", SerialNumber=f"arn:aws:iam::{ACCOUNT}:mfa/alice", TokenCode="123456")
    for key in identities.access_keys.list(ACCOUNT, "alice"):
        identities.access_keys.delete(ACCOUNT, "alice", key.access_key_id)
    identities.attachments.delete_inline(ACCOUNT, "user", "alice", "own")
    identities.users.delete(ACCOUNT, "alice")
    assert identities.credential(session.principal.access_key_id) is None


def test_federation_tokens(user: Any, root: Caller) -> None:
    alice = user("alice", allow(["sts:GetFederationToken", "s3:*"]))
    bob = alice.becomes("GetFederationToken", Name="bob", Policy=allow("s3:GetObject"))
    assert bob.principal.type == "FederatedUser"
    assert bob("GetCallerIdentity") == {
        "UserId": f"{ACCOUNT}:bob",
        "Account": ACCOUNT,
        "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
    }
    assert (bob.may("s3:GetObject"), bob.may("s3:PutObject")) == (True, False)
    assert not alice.becomes("GetFederationToken", Name="bob").may("s3:GetObject")
    with pytest.raises(Denied, match="sts:GetFederationToken"):
        user("carol")("GetFederationToken", Name="bob")
    with pytest.raises(Denied, match="sts:TagSession"):
        alice("GetFederationToken", Name="bob", Tags=[{"Key": "a", "Value": "b"}])
    assert root("GetFederationToken", Name="bob")["FederatedUser"]["FederatedUserId"] == f"{ACCOUNT}:bob"
    alice.becomes("GetSessionToken").refused("AccessDenied", "GetFederationToken", Name="bob")


def test_the_account_of_an_access_key(root: Caller, user: Any) -> None:
    assert root("GetAccessKeyInfo", AccessKeyId=user("carol", None, OTHER).principal.access_key_id) == {"Account": OTHER}
    root.refused("ValidationError", "GetAccessKeyInfo", AccessKeyId="not-a-key-at-all")
    root.refused("ValidationError", "GetAccessKeyInfo", AccessKeyId="A" * 20)
    with pytest.raises(Denied):
        user()("GetAccessKeyInfo", AccessKeyId="AKIA" + "A" * 16)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"RoleArn": "short"}, {"RoleSessionName": "a"}, {"RoleSessionName": "a b"}, {"ExternalId": "x"}, {"TokenCode": "12"}],
)
def test_requests_against_the_model_are_refused(identities: Identities, user: Any, parameters: dict[str, Any]) -> None:
    role(identities, trust("*"))
    alice = user()
    alice.blind()
    given = {} if not parameters else {"RoleArn": DEPLOY, "RoleSessionName": "ci", **parameters}
    assert "validation error" in alice.refused("ValidationError", "AssumeRole", **given)


def test_contexts_that_nobody_here_can_have_asserted_are_refused(identities: Identities, user: Any) -> None:
    role(identities, trust("*"))
    provided = [{"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter", "ContextAssertion": "x" * 8}]
    user().refused("InvalidParameterValue", "AssumeRole", RoleArn=DEPLOY, RoleSessionName="ci", ProvidedContexts=provided)
