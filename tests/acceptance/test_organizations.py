"""An organization of four accounts, told by AWS CLI and boto3: units, a policy that binds members only, a role assumed, a departure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail, wait_for

MANAGER = "123456789012"
KEEP_BUCKETS = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "KeepBuckets", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}],
}
Key = tuple[str, str, str]


def refused(code: str, call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    assert error.value.response["Error"]["Code"] == code
    return str(error.value.response["Error"]["Message"])


def history(opentrail: RunningOpenTrail, name: str, key: Any = None) -> list[dict[str, Any]]:
    """The records of one event name in the event history of the caller's account, the newest first."""
    client = opentrail.client("cloudtrail", key=key)
    found = client.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
    return [json.loads(event["CloudTrailEvent"]) for event in found]


@pytest.fixture(scope="module")
def admin(opentrail: RunningOpenTrail) -> tuple[str, str]:
    """An administrator of the management account (its root user cannot assume roles)."""
    iam = opentrail.client("iam")
    iam.create_user(UserName="admin")
    iam.attach_user_policy(UserName="admin", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="admin")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_an_organization_of_four(opentrail: RunningOpenTrail, admin: tuple[str, str]) -> None:
    def aws(*words: str) -> Any:
        out = opentrail.aws("organizations", *words, key=admin).stdout
        return json.loads(out) if out.strip() else None

    organization = aws("create-organization")["Organization"]
    root = aws("list-roots")["Roots"][0]["Id"]
    aws("enable-policy-type", "--root-id", root, "--policy-type", "SERVICE_CONTROL_POLICY")
    workloads = aws("create-organizational-unit", "--parent-id", root, "--name", "Workloads")["OrganizationalUnit"]["Id"]
    production = aws("create-organizational-unit", "--parent-id", workloads, "--name", "Production")["OrganizationalUnit"]["Id"]
    accounts = {}
    for name in ("log-archive", "dev", "prod"):
        status = aws("create-account", "--email", f"{name}@example.com", "--account-name", name)["CreateAccountStatus"]
        seen = aws("describe-create-account-status", "--create-account-request-id", status["Id"])["CreateAccountStatus"]
        assert seen["State"] == "SUCCEEDED"
        accounts[name] = seen["AccountId"]
    assert {account["Id"] for account in aws("list-accounts", "--page-size", "2")["Accounts"]} == {MANAGER, *accounts.values()}
    for name, unit in (("dev", workloads), ("prod", production)):
        move = ["--source-parent-id", root, "--destination-parent-id", unit]
        aws("move-account", "--account-id", accounts[name], *move)
    assert aws("list-parents", "--child-id", accounts["prod"])["Parents"][0]["Id"] == production

    # A policy on the unit: everything below it may do all but delete buckets.
    made = aws(
        *("create-policy", "--name", "KeepBuckets", "--description", "", "--type", "SERVICE_CONTROL_POLICY"),
        *("--content", json.dumps(KEEP_BUCKETS)),
    )
    policy = made["Policy"]["PolicySummary"]["Id"]
    aws("attach-policy", "--policy-id", policy, "--target-id", workloads)
    prod = assumed(opentrail, admin, accounts["prod"])
    archive = assumed(opentrail, admin, accounts["log-archive"])
    assert opentrail.client("sts", key=prod).get_caller_identity()["Account"] == accounts["prod"]
    for key, bucket in ((prod, "prod-data"), (archive, "archive-data"), (admin, "manager-data")):
        opentrail.client("s3", key=key).create_bucket(Bucket=bucket)
    assert "AccessDenied" in opentrail.aws("s3api", "delete-bucket", "--bucket", "prod-data", key=prod, check=False).stderr
    opentrail.aws("s3api", "delete-bucket", "--bucket", "archive-data", key=archive)
    aws("attach-policy", "--policy-id", policy, "--target-id", root)
    opentrail.aws("s3api", "delete-bucket", "--bucket", "manager-data", key=admin)

    # The refusal is in the member's own event history, the assumed role in both.
    (record,) = wait_for(lambda: history(opentrail, "DeleteBucket", prod))
    assert record["errorCode"] == "AccessDenied"
    assert record["errorMessage"].endswith("with an explicit deny in a service control policy")
    assert record["recipientAccountId"] == accounts["prod"]
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "OrganizationAccountAccessRole"
    assert [event.get("errorCode") for event in history(opentrail, "DeleteBucket", admin)] == [None]

    # Calls of Organizations are recorded in us-east-1, without names and e-mails.
    created = history(opentrail, "CreateAccount", admin)
    assert {event["awsRegion"] for event in created} == {"us-east-1"}
    assert {event["responseElements"]["createAccountStatus"]["accountId"] for event in created} == set(accounts.values())
    assert "example.com" not in json.dumps(created)
    assert "log-archive" not in json.dumps(created)

    # What members may not.
    organizations = opentrail.client("organizations", key=prod)
    assert organizations.describe_organization()["Organization"]["Id"] == organization["Id"]
    assert refused("AccessDeniedException", organizations.list_accounts) == "You don't have permissions to access this resource."
    (record,) = wait_for(lambda: history(opentrail, "ListAccounts", prod))
    assert record["errorCode"] == "AccessDenied"

    # Delegated administration of CloudTrail.
    register = ["register-organization-delegated-admin", "--member-account-id", accounts["log-archive"]]
    failed = opentrail.aws("cloudtrail", *register, key=admin, check=False)
    assert "CloudTrailAccessNotEnabledException" in failed.stderr
    aws("enable-aws-service-access", "--service-principal", "cloudtrail.amazonaws.com")
    opentrail.aws("cloudtrail", *register, key=admin)
    (delegate,) = aws("list-delegated-administrators", "--service-principal", "cloudtrail.amazonaws.com")["DelegatedAdministrators"]
    assert delegate["Id"] == accounts["log-archive"]
    assert len(opentrail.client("organizations", key=archive).list_accounts()["Accounts"]) == 4

    # All of it outlasts a crash.
    opentrail.kill()
    opentrail.start()
    assert "AccessDenied" in opentrail.aws("s3api", "delete-bucket", "--bucket", "prod-data", key=prod, check=False).stderr

    # A member leaves: no policy binds it any more, and it has no organization.
    opentrail.aws("organizations", "leave-organization", key=prod)
    opentrail.aws("s3api", "delete-bucket", "--bucket", "prod-data", key=prod)
    message = refused("AWSOrganizationsNotInUseException", opentrail.client("organizations", key=prod).describe_organization)
    assert message == "Your account is not a member of an organization."
    assert accounts["prod"] not in {account["Id"] for account in aws("list-accounts")["Accounts"]}

    # A closed account is dead.
    dev = assumed(opentrail, admin, accounts["dev"])
    opentrail.client("iam", key=dev).list_users()
    aws("close-account", "--account-id", accounts["dev"])
    refused("InvalidClientTokenId", opentrail.client("iam", key=dev).list_users)
    role = f"arn:aws:iam::{accounts['dev']}:role/OrganizationAccountAccessRole"
    refused("AccessDenied", opentrail.client("sts", key=admin).assume_role, RoleArn=role, RoleSessionName="again")

    # Errors carry their reason.
    client = opentrail.client("organizations", key=admin)
    with pytest.raises(client.exceptions.InvalidInputException) as error:
        client.enable_aws_service_access(ServicePrincipal="nobody.amazonaws.com")
    assert error.value.response["Reason"] == "UNRECOGNIZED_SERVICE_PRINCIPAL"
    policies = client.list_policies_for_target(TargetId=root, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    client.detach_policy(PolicyId=next(policy["Id"] for policy in policies if not policy["AwsManaged"]), TargetId=root)
    with pytest.raises(client.exceptions.ConstraintViolationException) as error:
        client.detach_policy(PolicyId="p-FullAWSAccess", TargetId=root)
    assert error.value.response["Reason"] == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


def assumed(opentrail: RunningOpenTrail, key: tuple[str, str], account_id: str) -> Key:
    """Credentials of the role that the management account has in a member."""
    role = f"arn:aws:iam::{account_id}:role/OrganizationAccountAccessRole"
    out = opentrail.aws("sts", "assume-role", "--role-arn", role, "--role-session-name", "story", key=key).stdout
    found = json.loads(out)["Credentials"]
    return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
