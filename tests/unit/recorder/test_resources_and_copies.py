"""What data events say they were about, and what each account is told of a call."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.events import categories, names
from opentrail.identity.principals import Principal, service_principal
from opentrail.recorder import Observation, Recorder
from opentrail.recorder.copies import copies
from opentrail.wire.models import Catalogue

ACCOUNT, OTHER = "111122223333", "999999999999"
R = "us-east-1"
ANA = Principal(type="IAMUser", account_id=ACCOUNT, principal_id="AIDA1", arn=f"arn:aws:iam::{ACCOUNT}:user/ana", access_key_id="AKIA1")
CATALOGUE = Catalogue()
RECORDER = Recorder(CATALOGUE)
TABLE = f"arn:aws:dynamodb:{R}:{ACCOUNT}:table/t"


def observed(service: str, operation: str, parameters: dict[str, Any] | None = None, **more: Any) -> Observation:
    facts = {
        "principal": ANA, "account_id": ACCOUNT, "region": R, "request_id": "r", "source_ip": "192.0.2.1", "user_agent": "ua", "time": 0.0,
    }  # fmt: skip
    return Observation(service=service, operation=operation, parameters=parameters, **{**facts, **more})


def recorded(*given: Any, **more: Any) -> Any:
    return json.loads(RECORDER.describe(observed(*given, **more)))


RESOURCES = [
    ("s3", "HeadBucket", {"Bucket": "b"}, ["AWS::S3::Object arn:aws:s3:::b/*", "AWS::S3::Bucket arn:aws:s3:::b"]),
    ("s3", "DeleteObjects", {"Bucket": "b"}, ["AWS::S3::Object arn:aws:s3:::b/*", "AWS::S3::Bucket arn:aws:s3:::b"]),
    ("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "p/"}, ["AWS::S3::Object arn:aws:s3:::b/p/*", "AWS::S3::Bucket arn:aws:s3:::b"]),
    ("s3", "GetObject", {"Bucket": f"arn:aws:s3:{R}:{OTHER}:accesspoint/ap", "Key": "k"},
     [f"AWS::S3::Object arn:aws:s3:{R}:{OTHER}:accesspoint/ap/object/k", f"AWS::S3::AccessPoint arn:aws:s3:{R}:{OTHER}:accesspoint/ap"]),
    ("lambda", "Invoke", {"FunctionName": "f"}, [f"AWS::Lambda::Function arn:aws:lambda:{R}:{ACCOUNT}:function:f"]),
    ("lambda", "Invoke", {"FunctionName": "f:live"}, [f"AWS::Lambda::Function arn:aws:lambda:{R}:{ACCOUNT}:function:f:live"]),
    ("lambda", "Invoke", {"FunctionName": f"{ACCOUNT}:function:f"}, [f"AWS::Lambda::Function arn:aws:lambda:{R}:{ACCOUNT}:function:f"]),
    ("lambda", "Invoke", {"FunctionName": f"arn:aws:lambda:{R}:{OTHER}:function:f"},
     [f"AWS::Lambda::Function arn:aws:lambda:{R}:{OTHER}:function:f"]),
    ("dynamodb", "GetItem", {"TableName": "t"}, [f"AWS::DynamoDB::Table {TABLE}"]),
    ("dynamodb", "BatchGetItem", {"RequestItems": {"t": {}, "u": {}}},
     [f"AWS::DynamoDB::Table {TABLE}", f"AWS::DynamoDB::Table arn:aws:dynamodb:{R}:{ACCOUNT}:table/u"]),
    ("dynamodb", "TransactWriteItems", {"TransactItems": [{"Put": {"TableName": "t"}}, {"Delete": {"TableName": "t"}}]},
     [f"AWS::DynamoDB::Table {TABLE}"]),
    ("dynamodb", "ExecuteStatement", {"Statement": "SELECT"}, ["AWS::DynamoDB::Table"]),
    ("dynamodbstreams", "GetRecords", {"ShardIterator": f"{TABLE}/stream/2026|1|AAA"},
     [f"AWS::DynamoDB::Table {TABLE}", f"AWS::DynamoDB::Stream {TABLE}/stream/2026"]),
    ("sns", "Publish", {"TopicArn": f"arn:aws:sns:{R}:{ACCOUNT}:n"}, [f"AWS::SNS::Topic arn:aws:sns:{R}:{ACCOUNT}:n"]),
    ("sns", "Publish", {"TargetArn": f"arn:aws:sns:{R}:{ACCOUNT}:endpoint/GCM/a/1"},
     [f"AWS::SNS::PlatformEndpoint arn:aws:sns:{R}:{ACCOUNT}:endpoint/GCM/a/1"]),
    ("sqs", "SendMessage", {"QueueUrl": f"http://localhost:4747/{OTHER}/q"}, [f"AWS::SQS::Queue arn:aws:sqs:{R}:{OTHER}:q"]),
    ("sqs", "SendMessage", {}, ["AWS::SQS::Queue"]),
    ("kinesis", "PutRecord", {"StreamName": "s"}, [f"AWS::Kinesis::Stream arn:aws:kinesis:{R}:{ACCOUNT}:stream/s"]),
    ("firehose", "PutRecord", {"DeliveryStreamName": "d"},
     [f"AWS::KinesisFirehose::DeliveryStream arn:aws:firehose:{R}:{ACCOUNT}:deliverystream/d"]),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "parameters", "expected"), RESOURCES)
def test_resources_of_data_events(service: str, operation: str, parameters: dict[str, Any], expected: list[str]) -> None:
    found = []
    for entry in recorded(service, operation, parameters)["resources"]:
        name = entry["ARNPrefix"] + "*" if "ARNPrefix" in entry else entry.get("ARN", "")
        found.append(f"{entry['type']} {name}".strip())
    assert found == expected


@pytest.mark.parametrize("service", ["s3", "lambda", "dynamodb", "dynamodbstreams", "sns", "sqs", "kinesis", "firehose", "swf", "ses"])
def test_every_data_event_can_be_selected_by_its_type(service: str) -> None:
    model = CATALOGUE.service(service).model
    seen = 0
    for operation in model.operation_names:
        source, name = names.event_source(model), names.event_name(model.operation_model(operation))
        if categories.category(source, name) == categories.DATA:
            for parameters, code in ((None, None), ({}, None), ({}, "AccessDeniedException")):
                record = recorded(service, operation, parameters, error_code=code)
                assert categories.resource_type(source, name) in {entry.get("type") for entry in record["resources"]}
            seen += 1
    assert seen


# -- copies -------------------------------------------------------------------------------------------------------------------------------


def told(observation: Observation, owner: str | None) -> list[Observation]:
    ids = (f"shared-{number}" for number in count())
    return list(copies(observation, owner, lambda: next(ids)))


CALLERS = st.sampled_from([
    ANA, Principal(type="Root", account_id=OTHER, principal_id=OTHER), Principal(type="Unknown", account_id=""),
    service_principal("cloudtrail.amazonaws.com"), Principal(type="WebIdentityUser", account_id="", principal_id="issuer:app:user"),
])  # fmt: skip


@given(
    CALLERS,
    st.sampled_from([None, ACCOUNT, OTHER]),
    st.sampled_from(["s3", "sts", "kms"]),
    st.sampled_from([None, "AccessDenied", "NoSuchKey", "ValidationError"]),
)
def test_every_account_has_one_copy_and_strangers_are_not_shown(
    caller: Principal, owner: str | None, service: str, code: str | None
) -> None:
    observation = observed(service, "X", principal=caller, account_id=caller.account_id or ACCOUNT, error_code=code)
    found = told(observation, owner)
    accounts = [copy.account_id for copy in found]
    assert len(set(accounts)) == len(accounts)
    assert set(accounts) <= {caller.account_id, owner, ACCOUNT}
    assert caller.account_id in accounts or not caller.account_id
    if len(found) == 2:
        mine, theirs = found
        assert mine.shared_event_id == theirs.shared_event_id is not None
        assert (mine.principal, theirs.account_id) == (caller, owner)
        assert theirs.principal == Principal(type="AWSAccount", account_id=caller.account_id, principal_id=caller.principal_id)
        assert code is None or service != "sts"
        assert code != "AccessDenied" or service == "s3"
        kept = {"principal": caller, "account_id": mine.account_id, "shared_event_id": None, "bucket_owner_id": None}
        assert replace(theirs, **kept) == replace(mine, **kept), "all else is the same"
    elif caller.type == "AWSService":
        assert found[0].shared_event_id is not None
    else:
        assert found[0].shared_event_id is None


def test_the_owner_is_found_in_what_a_successful_call_was_about() -> None:
    foreign = {"TableName": f"arn:aws:dynamodb:{R}:{OTHER}:table/t"}
    assert RECORDER.owner(observed("dynamodb", "GetItem", foreign)) == OTHER
    assert RECORDER.owner(observed("dynamodb", "GetItem", {"TableName": "t"})) is None
    assert RECORDER.owner(observed("dynamodb", "GetItem", foreign, error_code="ResourceNotFoundException")) is None
    assert RECORDER.owner(observed("iam", "CreateUser", {"UserName": "ana"})) is None


# -- network activity ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("denied", "code"), [(True, "AccessDenied"), (False, "AccessDenied"), (False, "NoSuchKey"), (False, None)])
def test_network_activity_names_only_the_refusal_of_the_endpoint(denied: bool, code: str | None) -> None:
    endpoint = {"vpc_endpoint_id": "vpce-1", "vpc_endpoint_account_id": ACCOUNT}
    record = json.loads(RECORDER.describe_network(observed("kms", "ListKeys", {}, error_code=code, **endpoint), denied=denied))
    assert record.get("errorCode") == ("VpceAccessDenied" if denied else None)
    assert record.get("errorMessage") == ("The request was denied due to a VPC endpoint policy" if denied else None)
    assert record["userIdentity"]["arn"] == ANA.arn
    assert record["sharedEventID"] != record["eventID"]
