"""Event data stores end to end, told by the real AWS CLI and boto3: a store's life, a key, other accounts, data events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opentrail.clock import SystemClock
from opentrail.identity import Identities
from opentrail.server.event_contexts import EventContexts
from opentrail.server.folder import DataFolder
from opentrail.storage.database import Database
from simulators.buckets import trail_policy
from simulators.key_policies import DECRYPT, DESCRIBE, SERVICE, document, root
from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}})
NOTHING = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
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


def answered(client: Any, statement: str) -> Any:
    """A query once it has ended, with its rows."""
    query = client.start_query(QueryStatement=statement)["QueryId"]

    def ended() -> Any:
        found = client.get_query_results(QueryId=query)
        return None if found["QueryStatus"] in ("QUEUED", "RUNNING") else found

    return wait_for(ended, patience=120)


def rows(client: Any, statement: str) -> list[list[str | None]]:
    """The rows that a query answers with."""
    found = answered(client, statement)
    assert found["QueryStatus"] == "FINISHED", found
    return [[next(iter(cell.values())) for cell in row] for row in found["QueryResultRows"]]


def test_a_store_whose_key_is_disabled_is_told_of_and_loses_nothing(opentrail: RunningOpenTrail) -> None:
    kms, client, sts = opentrail.client("kms"), opentrail.client("cloudtrail"), opentrail.client("sts")
    key = kms.create_key(Policy=document(root(ACCOUNT), GENERATE, DECRYPT, DESCRIBE))["KeyMetadata"]["Arn"]
    store = client.create_event_data_store(Name="locked", KmsKeyId=key)["EventDataStoreArn"].rpartition("/")[2]
    question = f"SELECT requestID FROM {store} WHERE eventName = 'GetCallerIdentity'"
    made = [sts.get_caller_identity()["ResponseMetadata"]["RequestId"] for _ in range(3)]
    assert sorted(one for (one,) in rows(client, question)) == sorted(made)
    kms.disable_key(KeyId=key)
    refused = answered(client, question)
    assert (refused["QueryStatus"], "KMS key" in refused["ErrorMessage"]) == ("FAILED", True)
    made += [sts.get_caller_identity()["ResponseMetadata"]["RequestId"] for _ in range(3)]

    def trouble() -> str:
        told: dict[str, str] = opentrail.health()["lake"].get("trouble", {})
        return "".join(said for name, said in told.items() if store in name)

    assert "its KMS key cannot be used" in wait_for(trouble, patience=120)
    assert store in opentrail.opentrail("status").stdout
    head = opentrail.health()["journal_head"]

    def held_from() -> int:
        health = opentrail.health()
        first: int = health["journal_head"] - health["counts"].get("records_held_by_lake", health["journal_head"])
        return first

    wait_for(lambda: held_from() >= head, patience=120)  # the journal need not keep them
    kms.enable_key(KeyId=key)
    assert sorted(one for (one,) in rows(client, question)) == sorted(made)
    wait_for(lambda: not trouble(), patience=120)


def test_events_are_enriched_with_the_tags_of_caller_and_resource(opentrail: RunningOpenTrail) -> None:
    client, iam, s3 = opentrail.client("cloudtrail"), opentrail.client("iam"), opentrail.client("s3")
    made = client.create_event_data_store(Name="enriched")
    arn, store = made["EventDataStoreArn"], made["EventDataStoreArn"].rpartition("/")[2]
    selectors = [
        {"Type": "TagContext", "Equals": ["team", "cost"]},
        {"Type": "RequestContext", "Equals": ["aws:PrincipalArn"]},
    ]
    client.put_event_configuration(EventDataStore=arn, MaxEventSize="Large", ContextKeySelectors=selectors)
    iam.create_user(UserName="tagged", Tags=[{"Key": "team", "Value": "blue"}, {"Key": "hidden", "Value": "1"}])
    allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    iam.put_user_policy(UserName="tagged", PolicyName="s3", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName="tagged")["AccessKey"]
    s3.create_bucket(Bucket="tagged-logs")
    s3.put_bucket_tagging(Bucket="tagged-logs", Tagging={"TagSet": [{"Key": "team", "Value": "red"}, {"Key": "cost", "Value": "7"}]})
    opentrail.client("s3", key=(key["AccessKeyId"], key["SecretAccessKey"])).get_bucket_location(Bucket="tagged-logs")
    columns = ("requestContext['aws:PrincipalArn']", "tagContext.principalTags['team']", "tagContext.resourceTags[1].arn")
    parts = (*columns, "tagContext.resourceTags[1].tags['team']", "tagContext.resourceTags[1].tags['cost']")
    chosen = ", ".join(f"eventContext.{part}" for part in parts)
    found = rows(client, f"SELECT {chosen} FROM {store} WHERE eventName = 'GetBucketLocation' AND userIdentity.userName = 'tagged'")
    assert found == [[f"arn:aws:iam::{ACCOUNT}:user/tagged", "blue", "arn:aws:s3:::tagged-logs", "red", "7"]]
    hidden = f"SELECT count(*) FROM {store} WHERE element_at(eventContext.tagContext.principalTags, 'hidden') IS NOT NULL"
    assert rows(client, hidden) == [["0"]]


def test_every_service_of_the_house_tells_the_tags_of_what_it_holds(opentrail: RunningOpenTrail) -> None:
    """Asked beside the running server, as the lake does."""
    tags = [{"Key": "team", "Value": "red"}]
    of = opentrail.client
    made = [
        of("kms").create_key(Tags=[{"TagKey": "team", "TagValue": "red"}])["KeyMetadata"]["Arn"],
        of("sns").create_topic(Name="tagged", Tags=tags)["TopicArn"],
        of("iam").create_role(RoleName="tagged", Path="/ops/", AssumeRolePolicyDocument=TRUST, Tags=tags)["Role"]["Arn"],
        of("iam").create_policy(PolicyName="tagged", PolicyDocument=NOTHING, Tags=tags)["Policy"]["Arn"],
        of("events").put_rule(Name="tagged", ScheduleExpression="rate(1 day)", State="DISABLED", Tags=tags)["RuleArn"],
        of("events").create_event_bus(Name="tagged", Tags=tags)["EventBusArn"],
        of("cloudtrail").create_event_data_store(Name="tagged", TagsList=tags)["EventDataStoreArn"],
        of("cloudtrail").create_dashboard(Name="tagged", TagsList=tags)["DashboardArn"],
    ]
    queue = of("sqs").create_queue(QueueName="tagged", tags={"team": "red"})["QueueUrl"]
    made.append(of("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
    of("logs").create_log_group(logGroupName="/tagged/group", tags={"team": "red"})
    made.append(f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/tagged/group")
    of("cloudwatch").put_metric_alarm(
        AlarmName="tagged", Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", Tags=tags,
    )  # fmt: skip
    made.append(f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:tagged")
    of("s3").create_bucket(Bucket="trail-with-tags")
    arn = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/tagged"
    of("s3").put_bucket_policy(Bucket="trail-with-tags", Policy=json.dumps(trail_policy("trail-with-tags", arn, ACCOUNT)))
    made.append(of("cloudtrail").create_trail(Name="tagged", S3BucketName="trail-with-tags", TagsList=tags)["TrailARN"])

    folder, clock = DataFolder(opentrail.data), SystemClock()
    database = Database.at(folder.state)
    contexts = EventContexts(folder, database, Identities(database, folder.keys, clock, account_id=ACCOUNT), clock)
    try:
        assert {one: contexts.resource_tags(one) for one in made} == {one: {"team": "red"} for one in made}
        strange = ["", "arn:aws:s3:::nobody", "arn:aws:kms:us-east-1:1:key/x", "arn:aws:iam::1:user/x", "arn:aws:iam::1:thing/x", "x:y"]
        strange += ["arn:aws:sqs:::", "arn:aws:events:x", "arn:aws:events:a:b:c", "arn:aws:dynamodb:us-east-1:1:table/t"]
        strange += ["arn:aws:logs:a:b:c", "arn:aws:cloudwatch:a:b:c", "arn:aws:cloudtrail:a:b:trail/c", "arn:aws:sns:a:b:c"]
        assert {one: contexts.resource_tags(one) for one in strange} == {one: {} for one in strange}
    finally:
        contexts.close()
        database.close()
