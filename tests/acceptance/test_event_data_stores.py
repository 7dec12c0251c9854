"""Event data stores end to end, told by the real AWS CLI and boto3: a store's life, a key, other accounts, data events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.key_policies import DECRYPT, DESCRIBE, SERVICE, document, root
from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
GENERATE = {"Effect": "Allow", "Principal": SERVICE, "Action": "kms:GenerateDataKey", "Resource": "*"}


def cli(running: RunningOpenTrail, *words: str) -> dict[str, Any]:
    """What the AWS CLI prints for a CloudTrail command."""
    printed = running.aws("cloudtrail", *words).stdout
    return json.loads(printed) if printed.strip() else {}


def refusal(running: RunningOpenTrail, *words: str) -> str:
    """The fault that the AWS CLI shows."""
    done = running.aws("cloudtrail", *words, check=False)
    assert done.returncode != 0
    return done.stderr.partition("(")[2].partition(")")[0]


def code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


def test_the_life_of_a_store(opentrail: RunningOpenTrail) -> None:
    made = cli(
        opentrail, "create-event-data-store", "--name", "life", "--retention-period", "90", "--tags-list", "Key=team,Value=audit",
        "--no-multi-region-enabled",
    )  # fmt: skip
    arn = made["EventDataStoreArn"]
    assert (made["Status"], made["RetentionPeriod"], made["MultiRegionEnabled"]) == ("CREATED", 90, False)
    assert made["TagsList"] == [{"Key": "team", "Value": "audit"}]
    store = ("--event-data-store", arn)
    found = cli(opentrail, "get-event-data-store", *store)
    assert (found["Status"], found["FederationStatus"]) == ("ENABLED", "DISABLED")
    assert {"EventDataStoreArn": arn, "Name": "life"} in cli(opentrail, "list-event-data-stores")["EventDataStores"]

    cli(opentrail, "stop-event-data-store-ingestion", *store)
    assert refusal(opentrail, "stop-event-data-store-ingestion", *store) == "InvalidEventDataStoreStatusException"
    cli(opentrail, "start-event-data-store-ingestion", *store)
    assert refusal(opentrail, "delete-event-data-store", *store) == "EventDataStoreTerminationProtectedException"
    changed = cli(opentrail, "update-event-data-store", *store, "--no-termination-protection-enabled", "--name", "renamed")
    assert (changed["Name"], changed["Status"], changed["TerminationProtectionEnabled"]) == ("renamed", "ENABLED", False)
    cli(opentrail, "delete-event-data-store", *store)
    assert cli(opentrail, "get-event-data-store", *store)["Status"] == "PENDING_DELETION"
    assert refusal(opentrail, "update-event-data-store", *store, "--retention-period", "30") == "InactiveEventDataStoreException"
    assert cli(opentrail, "restore-event-data-store", *store)["Status"] == "ENABLED"

    # everything that was done is recorded, refusals too
    client = opentrail.client("cloudtrail")

    def told() -> list[str]:
        events = client.get_paginator("lookup_events").paginate().build_full_result()["Events"]
        records = [json.loads(event["CloudTrailEvent"]) for event in events]
        about = [one for one in records if (one["requestParameters"] or {}).get("eventDataStore") == arn]
        return [one["errorCode"] for one in about if "errorCode" in one]

    assert wait_for(lambda: sorted(told()) if len(told()) == 3 else None) == [
        "EventDataStoreTerminationProtectedException",
        "InactiveEventDataStoreException",
        "InvalidEventDataStoreStatusException",
    ]


def test_a_store_with_a_key_keeps_it(opentrail: RunningOpenTrail) -> None:
    kms, client = opentrail.client("kms"), opentrail.client("cloudtrail")
    closed = kms.create_key(Policy=document(root(ACCOUNT)))["KeyMetadata"]["Arn"]
    assert code(client.create_event_data_store, Name="keyed", KmsKeyId=closed) == "InsufficientEncryptionPolicyException"
    key = kms.create_key(Policy=document(root(ACCOUNT), GENERATE, DECRYPT, DESCRIBE))["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/lake", TargetKeyId=key)
    made = client.create_event_data_store(Name="keyed", KmsKeyId="alias/lake")
    assert made["KmsKeyId"] == key
    other = kms.create_key(Policy=document(root(ACCOUNT), GENERATE, DECRYPT, DESCRIBE))["KeyMetadata"]["Arn"]
    changing = {"EventDataStore": made["EventDataStoreArn"], "KmsKeyId": other}
    assert code(client.update_event_data_store, **changing) == "InvalidParameterException"
    kms.disable_key(KeyId=key)
    assert code(client.create_event_data_store, Name="off", KmsKeyId=key) == "KmsException"


def test_another_account_by_resource_policy(opentrail: RunningOpenTrail) -> None:
    client, organizations = opentrail.client("cloudtrail"), opentrail.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    status = organizations.create_account(Email="friend@example.com", AccountName="friend")["CreateAccountStatus"]["Id"]

    def account() -> str | None:
        found = organizations.describe_create_account_status(CreateAccountRequestId=status)["CreateAccountStatus"]
        return found.get("AccountId") if found["State"] == "SUCCEEDED" else None

    friend = wait_for(account)
    role = f"arn:aws:iam::{friend}:role/OrganizationAccountAccessRole"
    # root cannot assume roles: somebody who can
    iam = opentrail.client("iam")
    iam.create_user(UserName="crosser")
    allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}
    iam.put_user_policy(UserName="crosser", PolicyName="cross", PolicyDocument=json.dumps(allowed))
    made_key = iam.create_access_key(UserName="crosser")["AccessKey"]
    crosser = (made_key["AccessKeyId"], made_key["SecretAccessKey"])
    session = opentrail.client("sts", key=crosser).assume_role(RoleArn=role, RoleSessionName="friend")["Credentials"]
    theirs = opentrail.client("cloudtrail", key=(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]))

    arn = client.create_event_data_store(Name="shared")["EventDataStoreArn"]
    assert code(theirs.get_event_data_store, EventDataStore=arn) == "AccessDeniedException"
    one = {"Effect": "Allow", "Principal": {"AWS": friend}, "Action": "cloudtrail:GetEventDataStore", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": one})
    assert cli(opentrail, "put-resource-policy", "--resource-arn", arn, "--resource-policy", policy)["ResourcePolicy"] == policy
    assert theirs.get_event_data_store(EventDataStore=arn)["Name"] == "shared"
    assert code(theirs.update_event_data_store, EventDataStore=arn, Name="mine") == "AccessDeniedException"
    cli(opentrail, "delete-resource-policy", "--resource-arn", arn)
    assert refusal(opentrail, "get-resource-policy", "--resource-arn", arn) == "ResourcePolicyNotFoundException"
    assert code(theirs.get_event_data_store, EventDataStore=arn) == "AccessDeniedException"

    # the organization's own
    organizations.enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    every = client.create_event_data_store(Name="everybody", OrganizationEnabled=True)["EventDataStoreArn"]
    assert code(theirs.get_event_data_store, EventDataStore=every) == "AccessDeniedException"
    client.register_organization_delegated_admin(MemberAccountId=friend)
    assert theirs.get_event_data_store(EventDataStore=every)["OrganizationEnabled"] is True
    assert friend in client.get_resource_policy(ResourceArn=every)["DelegatedAdminResourcePolicy"]
    assert [one["Name"] for one in theirs.list_event_data_stores()["EventDataStores"]] == ["everybody"]


def test_data_events_are_recorded_for_a_store_alone(opentrail: RunningOpenTrail) -> None:
    """No trail selects them: the store does. They are in no event history, but in the journal that ingestion reads."""
    s3, client = opentrail.client("s3"), opentrail.client("cloudtrail")
    s3.create_bucket(Bucket="watched")

    def recorded() -> int:
        """Records that came into the journal while thirty objects were put; services may have added a few of their own."""
        head: int = opentrail.health()["journal_head"]
        for number in range(30):
            s3.put_object(Bucket="watched", Key=str(number), Body=b"1")
        grown: int = opentrail.health()["journal_head"] - head
        return grown

    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::watched/"]},
    ]
    assert recorded() < 30
    arn = client.create_event_data_store(Name="objects", AdvancedEventSelectors=[{"FieldSelectors": fields}])["EventDataStoreArn"]
    assert recorded() >= 30
    client.stop_event_data_store_ingestion(EventDataStore=arn)
    assert recorded() < 30
