"""An organization of four accounts and its trail, told by the AWS CLI: made by a delegated administrator, untouchable in members, a fifth
account joins and is covered, one leaves and is released."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.buckets import organization_trail_policy
from simulators.running import RunningOpenTrail, wait_for

MANAGER = "123456789012"
ARN = f"arn:aws:cloudtrail:us-east-1:{MANAGER}:trail/all"
Key = tuple[str, str, str]


class Organization:
    """The accounts of the story, and what each of them can call."""

    def __init__(self, opentrail: RunningOpenTrail) -> None:
        self.opentrail = opentrail
        iam = opentrail.client("iam")
        iam.create_user(UserName="admin")
        iam.attach_user_policy(UserName="admin", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        key = iam.create_access_key(UserName="admin")["AccessKey"]
        self.admin = (key["AccessKeyId"], key["SecretAccessKey"])
        self.organizations = opentrail.client("organizations", key=self.admin)
        self.id = self.organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        self.keys: dict[str, Any] = {MANAGER: self.admin}

    def join(self, name: str) -> str:
        """A new account; returns its id."""
        made = self.organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
        account_id = str(made["AccountId"])
        role = f"arn:aws:iam::{account_id}:role/OrganizationAccountAccessRole"
        found = self.opentrail.client("sts", key=self.admin).assume_role(RoleArn=role, RoleSessionName="story")["Credentials"]
        self.keys[account_id] = (found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        return account_id

    def act(self, account_id: str, name: str) -> None:
        """A call that is easily found again."""
        self.opentrail.client("iam", key=self.keys[account_id]).create_group(GroupName=name)

    def refused(self, code: str, account_id: str, operation: str, **parameters: Any) -> None:
        """CloudTrail refuses the call of that account with this error."""
        call = getattr(self.opentrail.client("cloudtrail", key=self.keys[account_id]), operation)
        with pytest.raises(ClientError) as error:
            call(**parameters)
        assert error.value.response["Error"]["Code"] == code

    def cloudtrail(self, account_id: str, *words: str) -> str:
        """The AWS CLI as that account: its output, or its error."""
        done = self.opentrail.aws("cloudtrail", *words, key=self.keys[account_id], check=False)
        return done.stdout if done.returncode == 0 else done.stderr


def test_an_organization_and_its_trail(opentrail: RunningOpenTrail) -> None:
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    organization = Organization(opentrail)
    security, dev, prod = (organization.join(name) for name in ("security", "dev", "prod"))
    create = ["create-trail", "--name", "all", "--s3-bucket-name", "all-logs", "--is-organization-trail", "--enable-log-file-validation"]
    wanted = {"Name": "all", "S3BucketName": "all-logs", "IsOrganizationTrail": True}

    # Trusted access, a delegated administrator, a bucket that lets the trail in: nothing can be left out.
    organization.refused("CloudTrailAccessNotEnabledException", MANAGER, "create_trail", **wanted)
    organization.organizations.enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    organization.refused("NotOrganizationMasterAccountException", security, "create_trail", **wanted)
    opentrail.client("cloudtrail", key=organization.admin).register_organization_delegated_admin(MemberAccountId=security)
    s3 = opentrail.client("s3", key=organization.keys[security])
    s3.create_bucket(Bucket="all-logs")
    s3.put_bucket_policy(Bucket="all-logs", Policy=json.dumps(organization_trail_policy("all-logs", ARN, MANAGER)))
    organization.refused("InsufficientS3BucketPolicyException", security, "create_trail", **wanted)
    s3.put_bucket_policy(Bucket="all-logs", Policy=json.dumps(organization_trail_policy("all-logs", ARN, organization.id)))
    made = json.loads(organization.cloudtrail(security, *create))
    assert (made["TrailARN"], made["IsOrganizationTrail"]) == (ARN, True)
    assert organization.cloudtrail(security, "start-logging", "--name", ARN) == ""

    def files(account_id: str) -> list[str]:
        prefix = f"AWSLogs/{organization.id}/{account_id}/CloudTrail/us-east-1/"
        return [one["Key"] for one in s3.list_objects_v2(Bucket="all-logs", Prefix=prefix).get("Contents", ())]

    def delivered(account_id: str) -> set[str]:
        """The groups that were made there, as the log files tell."""
        groups = set()
        for key in files(account_id):
            for record in json.loads(gzip.decompress(s3.get_object(Bucket="all-logs", Key=key)["Body"].read()))["Records"]:
                assert record["recipientAccountId"] == account_id
                if record["eventName"] == "CreateGroup":
                    groups.add(record["requestParameters"]["groupName"])
        return groups

    for account_id in (MANAGER, security, dev, prod):
        organization.act(account_id, "first")
    for account_id in (MANAGER, security, dev, prod):
        wait_for(lambda: delivered(account_id) == {"first"})  # noqa: B023

    # A member sees the trail and cannot touch it.
    seen = json.loads(organization.cloudtrail(dev, "describe-trails"))["trailList"]
    assert [(trail["TrailARN"], trail["IsOrganizationTrail"]) for trail in seen] == [(ARN, True)]
    member = opentrail.client("cloudtrail", key=organization.keys[dev])
    assert member.get_trail_status(Name=ARN)["IsLogging"]
    assert member.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert "(NotOrganizationMasterAccountException)" in organization.cloudtrail(dev, "stop-logging", "--name", ARN)
    organization.refused("NotOrganizationMasterAccountException", dev, "delete_trail", Name=ARN)
    organization.refused("NotOrganizationMasterAccountException", dev, "update_trail", Name=ARN, IsOrganizationTrail=False)
    organization.refused("TrailNotFoundException", dev, "get_trail", Name="all")
    assert opentrail.client("cloudtrail", key=organization.keys[security]).get_trail(Name=ARN)["Trail"]["IsOrganizationTrail"]

    # A fifth account joins, another one leaves; the server dies in between.
    fifth = organization.join("fifth")
    organization.act(fifth, "joined")
    organization.act(prod, "leaving")
    opentrail.client("organizations", key=organization.keys[prod]).leave_organization()
    opentrail.kill()
    opentrail.start()
    organization.act(prod, "left")
    organization.act(dev, "later")
    wait_for(lambda: delivered(fifth) == {"joined"})
    wait_for(lambda: delivered(prod) == {"first", "leaving"})
    wait_for(lambda: delivered(dev) == {"first", "later"})
    assert delivered(prod) == {"first", "leaving"}
    assert opentrail.client("cloudtrail", key=organization.keys[prod]).describe_trails()["trailList"] == []

    # Every account's files are proved by its own chain; the one of the account that left has ended.
    def digests(account_id: str) -> list[str]:
        prefix = f"AWSLogs/{organization.id}/{account_id}/CloudTrail-Digest/us-east-1/"
        return [one["Key"] for one in s3.list_objects_v2(Bucket="all-logs", Prefix=prefix).get("Contents", ())]

    def covered(account_id: str) -> set[str]:
        read = (json.loads(gzip.decompress(s3.get_object(Bucket="all-logs", Key=key)["Body"].read())) for key in digests(account_id))
        return {entry["s3Object"] for digest in read for entry in digest["logFiles"]}

    for account_id in (MANAGER, security, dev, prod, fifth):
        wait_for(lambda: covered(account_id) >= set(files(account_id)) != set())  # noqa: B023
        words = ["validate-logs", "--trail-arn", ARN, "--start-time", began, "--account-id", account_id, "--verbose"]
        said = opentrail.aws("cloudtrail", *words, key=organization.keys[security])
        assert "INVALID" not in said.stdout + said.stderr
        assert f"AWSLogs/{organization.id}/{account_id}/CloudTrail/" in said.stdout
    last = digests(prod)[-1]
    wait_for(lambda: digests(fifth)[-1].rpartition("_")[2] > last.rpartition("_")[2])
    assert digests(prod)[-1] == last
    report = json.loads(opentrail.opentrail("validate", "--trail-arn", ARN, "--start-time", began, "--local", "--json").stdout)
    assert report["valid"]
    assert {chain["accountId"] for chain in report["chains"]} == {MANAGER, security, dev, prod, fifth}
