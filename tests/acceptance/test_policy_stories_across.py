"""Stories of policies that stand between accounts: buckets, roles, keys, and what an organization allows at most.

As in `test_policy_stories`: each ends as the rules say, and a refusal is in the event history of the caller's account.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail, wait_for

ACCOUNT, OTHER = "123456789012", "999999999999"
DENIED = {"AccessDenied", "AccessDeniedException"}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
TRUSTED = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"}

Key = tuple[str, ...]


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass
class Stage:
    """Two accounts of one data folder; in each a user who may everything and one who may nothing, by name."""

    opentrail: RunningOpenTrail
    roots: Mapping[str, Key]
    users: Mapping[str, Key]

    def client(self, service: str, who: str) -> Any:
        return self.opentrail.client(service, key=self.users[who])

    def refused(self, account: str, who: str, attempt: Callable[[], Any]) -> dict[str, Any]:
        """The call must be refused, and the caller's account must know of it; returns the event."""
        with pytest.raises(ClientError) as refusal:
            attempt()
        assert refusal.value.response["Error"]["Code"] in DENIED
        request_id = refusal.value.response["ResponseMetadata"]["RequestId"]
        history = self.opentrail.client("cloudtrail", key=self.roots[account])
        attributes = [{"AttributeKey": "Username", "AttributeValue": who}]

        def look() -> list[dict[str, Any]]:
            found = history.lookup_events(LookupAttributes=attributes)["Events"]
            events = [json.loads(one["CloudTrailEvent"]) for one in found]
            return [event for event in events if event["requestID"] == request_id]

        (event,) = wait_for(look)
        assert (event["errorCode"], event["recipientAccountId"], event["responseElements"]) == ("AccessDenied", account, None)
        assert "Statement" not in event["errorMessage"]
        return dict(event)


@pytest.fixture(scope="module")
def stage(opentrail: RunningOpenTrail) -> Stage:
    opentrail.opentrail("account", "create", "--account-id", OTHER)
    told = json.loads((opentrail.data / "keys" / f"root-{OTHER}.json").read_text())
    roots: dict[str, Key] = {ACCOUNT: opentrail.key, OTHER: (told["access_key_id"], told["secret_access_key"])}
    users: dict[str, Key] = {}
    for account, names in ((ACCOUNT, ("ana", "bare-ana")), (OTHER, ("bo", "bare-bo"))):
        iam = opentrail.client("iam", key=roots[account])
        for name in names:
            iam.create_user(UserName=name)
            if not name.startswith("bare"):
                iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=policy(EVERYTHING))
            made = iam.create_access_key(UserName=name)["AccessKey"]
            users[name] = (made["AccessKeyId"], made["SecretAccessKey"])
    return Stage(opentrail, roots, users)


def test_a_bucket_is_closed_to_other_accounts_until_its_policy_opens_it(stage: Stage) -> None:
    owner = stage.client("s3", "ana")
    owner.create_bucket(Bucket="across")
    event = stage.refused(OTHER, "bo", lambda: stage.client("s3", "bo").get_bucket_location(Bucket="across"))
    assert event["errorMessage"] == "Access Denied"
    assert [entry["accountId"] for entry in event["resources"]] == [""], "whose bucket it is, strangers are not told"
    opened = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "s3:GetBucketLocation", "Resource": "arn:aws:s3:::across"}
    owner.put_bucket_policy(Bucket="across", Policy=policy(opened))
    stage.client("s3", "bo").get_bucket_location(Bucket="across")
    # the bucket's policy hands the decision to the account: its identity policies must allow as well
    stage.refused(OTHER, "bare-bo", lambda: stage.client("s3", "bare-bo").get_bucket_location(Bucket="across"))


def test_a_call_across_accounts_is_told_to_both(stage: Stage) -> None:
    owner = stage.client("s3", "ana")
    owner.create_bucket(Bucket="shared")
    opened = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "s3:GetBucketLocation", "Resource": "arn:aws:s3:::shared"}
    owner.put_bucket_policy(Bucket="shared", Policy=policy(opened))
    stage.client("s3", "bo").get_bucket_location(Bucket="shared")
    copies = {}
    for account, root in stage.roots.items():
        history = stage.opentrail.client("cloudtrail", key=root)
        named = [{"AttributeKey": "EventName", "AttributeValue": "GetBucketLocation"}]

        def look(history: Any = history, named: Any = named) -> list[Any]:
            events = [json.loads(one["CloudTrailEvent"]) for one in history.lookup_events(LookupAttributes=named)["Events"]]
            return [event for event in events if event["requestParameters"]["bucketName"] == "shared"]

        (copies[account],) = wait_for(look)
    own, owners = copies[OTHER], copies[ACCOUNT]
    assert own["sharedEventID"] == owners["sharedEventID"]
    assert own["eventID"] != owners["eventID"]
    assert own["userIdentity"]["userName"] == "bo"
    assert set(owners["userIdentity"]) == {"type", "principalId", "accountId"}


@pytest.mark.parametrize(
    ("trust", "given", "allowed"),
    [
        (TRUSTED, {}, True),
        ({**TRUSTED, "Principal": {"AWS": ACCOUNT}}, {}, False),
        ({**TRUSTED, "Condition": {"StringEquals": {"sts:ExternalId": "e-1"}}}, {}, False),
        ({**TRUSTED, "Condition": {"StringEquals": {"sts:ExternalId": "e-1"}}}, {"ExternalId": "e-1"}, True),
        ({**TRUSTED, "Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:user/b*"}}}, {}, True),
        ({**TRUSTED, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}, {}, False),
    ],
)
def test_a_role_is_assumed_by_those_whom_it_trusts(stage: Stage, trust: Any, given: Any, allowed: bool) -> None:
    iam = stage.client("iam", "ana")
    name = f"role-{abs(hash(policy(trust) + str(given)))}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]

    def attempt() -> Any:
        return stage.client("sts", "bo").assume_role(RoleArn=arn, RoleSessionName="visit", **given)

    if allowed:
        assert attempt()["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/visit"
    else:
        stage.refused(OTHER, "bo", attempt)


def test_the_policy_of_a_key_comes_before_those_of_its_account(stage: Stage) -> None:
    kms = stage.client("kms", "ana")
    usual = kms.create_key()["KeyMetadata"]["Arn"]
    stage.client("kms", "ana").encrypt(KeyId=usual, Plaintext=b"x")
    stage.refused(ACCOUNT, "bare-ana", lambda: stage.client("kms", "bare-ana").encrypt(KeyId=usual, Plaintext=b"x"))
    stage.refused(OTHER, "bo", lambda: stage.client("kms", "bo").encrypt(KeyId=usual, Plaintext=b"x"))
    only = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/bare-ana"}, "Action": "kms:*", "Resource": "*"}
    closed = kms.create_key(Policy=policy(only), BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
    stage.client("kms", "bare-ana").encrypt(KeyId=closed, Plaintext=b"x")
    stage.refused(ACCOUNT, "ana", lambda: stage.client("kms", "ana").encrypt(KeyId=closed, Plaintext=b"x"))
    foreign = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "kms:Encrypt", "Resource": "*"}
    root = {**only, "Principal": {"AWS": ACCOUNT}}
    opened = kms.create_key(Policy=policy(root, foreign))["KeyMetadata"]["Arn"]
    stage.client("kms", "bo").encrypt(KeyId=opened, Plaintext=b"x")
    stage.refused(OTHER, "bare-bo", lambda: stage.client("kms", "bare-bo").encrypt(KeyId=opened, Plaintext=b"x"))


def test_a_service_control_policy_bounds_whoever_is_below_it(stage: Stage) -> None:
    organizations = stage.opentrail.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    handshake = organizations.invite_account_to_organization(Target={"Id": OTHER, "Type": "ACCOUNT"})["Handshake"]
    member = stage.opentrail.client("organizations", key=stage.roots[OTHER])
    member.accept_handshake(HandshakeId=handshake["Id"])
    (top,) = organizations.list_roots()["Roots"]
    organizations.enable_policy_type(RootId=top["Id"], PolicyType="SERVICE_CONTROL_POLICY")
    stage.client("iam", "bo").list_users()
    denying = policy({"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"})
    made = organizations.create_policy(Name="no-lists", Description="", Type="SERVICE_CONTROL_POLICY", Content=denying)
    organizations.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=OTHER)
    event = stage.refused(OTHER, "bo", lambda: stage.client("iam", "bo").list_users())
    assert "explicit deny in a service control policy" in event["errorMessage"]
    stage.client("iam", "ana").list_users()  # the management account is bound by none
    stage.client("iam", "bo").list_roles()
