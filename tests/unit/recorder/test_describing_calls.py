"""A call becomes a record: who, what, how it ended; and no call is left without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.events import record as records
from opentrail.identity.principals import Principal, Session, service_principal
from opentrail.recorder import Observation, Recorder, Tls
from opentrail.wire.http import Headers
from opentrail.wire.models import Catalogue

ACCOUNT = "111122223333"
ANA = Principal(
    type="IAMUser",
    account_id=ACCOUNT,
    principal_id="AIDAEXAMPLEUSER00001",
    arn=f"arn:aws:iam::{ACCOUNT}:user/ana",
    access_key_id="AKIAEXAMPLEKEY000002",
    user_name="ana",
)
NOBODY = Principal(type="Unknown", account_id="")


def _ids() -> Iterator[str]:
    return (f"00000000-0000-4000-8000-{number:012}" for number in count(1))


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    ids = _ids()
    return Recorder(Catalogue(), new_event_id=lambda: next(ids))


def _observed(service: str, operation: str | None, parameters: dict[str, Any] | None = None, **more: Any) -> Observation:
    given: dict[str, Any] = {
        "principal": ANA,
        "account_id": ACCOUNT,
        "region": "eu-west-1",
        "request_id": "0b7c1a52-1111-4a0e-9d1c-0000000000a1",
        "source_ip": "198.51.100.20",
        "user_agent": "example-client/1.0",
        "time": 1_767_607_872.9,
        "parameters": parameters,
    }
    return Observation(service=service, operation=operation, **(given | more))


def _described(recorder: Recorder, *given: Any, **more: Any) -> dict[str, Any]:
    text = recorder.describe(_observed(*given, **more))
    assert text is not None
    records.read(text)
    plain = json.loads(text)
    assert list(plain) == [key for key in records.ORDER if key in plain]
    assert isinstance(plain, dict)
    return plain


def test_a_whole_record() -> None:
    recorder = Recorder(Catalogue(), new_event_id=lambda: "5f0e2f5d-2222-4d0a-8a11-0000000000a2")
    tls = Tls(version="TLSv1.3", cipher_suite="TLS_AES_128_GCM_SHA256", key_exchange="x25519")
    text = recorder.describe(_observed("cloudtrail", "StopLogging", {"Name": "audit"}, result={}, host="localhost:4747", tls=tls))
    assert text == (
        b'{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLEUSER00001",'
        b'"arn":"arn:aws:iam::111122223333:user/ana","accountId":"111122223333","accessKeyId":"AKIAEXAMPLEKEY000002","userName":"ana"},'
        b'"eventTime":"2026-01-05T10:11:12Z","eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","awsRegion":"eu-west-1",'
        b'"sourceIPAddress":"198.51.100.20","userAgent":"example-client/1.0","requestParameters":{"name":"audit"},"responseElements":null,'
        b'"requestID":"0b7c1a52-1111-4a0e-9d1c-0000000000a1","eventID":"5f0e2f5d-2222-4d0a-8a11-0000000000a2","readOnly":false,'
        b'"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management",'
        b'"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"localhost:4747",'
        b'"keyExchange":"x25519"}}'
    )


def test_nobody_at_a_bucket_is_the_anonymous_principal(recorder: Recorder) -> None:
    record = _described(recorder, "s3", "GetBucketAcl", {"Bucket": "b"}, principal=NOBODY)
    assert record["userIdentity"] == {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    assert "SignatureVersion" not in record["additionalEventData"]


def test_a_service_that_calls_has_no_tls_details(recorder: Recorder) -> None:
    principal = service_principal("cloudtrail.amazonaws.com")
    record = _described(
        recorder,
        "s3",
        "GetBucketAcl",
        {"Bucket": "b"},
        principal=principal,
        host="b.s3.amazonaws.com",
        user_agent="cloudtrail.amazonaws.com",
        source_ip="cloudtrail.amazonaws.com",
        shared_event_id="s-1",
    )
    assert "tlsDetails" not in record
    assert record["userAgent"] == "cloudtrail.amazonaws.com"
    assert record["sharedEventID"] == "s-1"


@pytest.mark.parametrize(
    ("service", "operation", "code", "status", "printed"),
    [
        ("iam", "GetUser", "NoSuchEntity", 404, "NoSuchEntityException"),
        ("iam", "GetUser", "AccessDenied", 403, "AccessDenied"),
        ("rds", "DeleteDBInstance", "InvalidDBInstanceState", 400, "InvalidDBInstanceStateFault"),
        ("ec2", "DescribeVpcs", "InvalidVpcID.NotFound", 400, "Client.InvalidVpcID.NotFound"),
        ("ec2", "RunInstances", "InsufficientInstanceCapacity", 500, "Server.InsufficientInstanceCapacity"),
        ("ec2", "RunInstances", "UnauthorizedOperation", 403, "Client.UnauthorizedOperation"),
        ("ssm", "GetParameter", "ParameterNotFound", 400, "ParameterNotFound"),
        ("cloudtrail", "DeleteTrail", "com.amazonaws.cloudtrail#TrailNotFoundException", 400, "TrailNotFoundException"),
        ("organizations", "LeaveOrganization", "AccessDeniedException", 400, "AccessDenied"),
        ("s3", "GetBucketPolicy", "NoSuchBucketPolicy", 404, "NoSuchBucketPolicy"),
        ("lambda", "GetFunction", "ResourceNotFoundException:http://x", 404, "ResourceNotFoundException"),
    ],
)
def test_error_codes(service: str, operation: str, code: str, status: int, printed: str, recorder: Recorder) -> None:
    record = _described(recorder, service, operation, {}, error_code=code, error_message="No.", status=status)
    assert (record["errorCode"], record["errorMessage"]) == (printed, "No.")
    assert record["responseElements"] is None


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code", "shown"),
    [
        ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::111122223333:role/x"}, "AccessDenied", False),
        ("iam", "CreateUser", {"UserName": "bo"}, "AccessDenied", False),
        ("iam", "CreateUser", {"UserName": "bo"}, "EntityAlreadyExists", True),
        ("ssm", "DeleteParameter", {"Name": "a"}, "ThrottlingException", False),
        ("kms", "CreateKey", {"Description": "d"}, "SignatureDoesNotMatch", False),
        ("ec2", "GetPasswordData", {"InstanceId": "i-1"}, "UnauthorizedOperation", True),
        ("s3", "GetBucketAcl", {"Bucket": "b"}, "AccessDenied", True),
        ("ce", "GetCostForecast", {"Metric": "X"}, "AccessDeniedException", True),
    ],
)
def test_refused_calls_show_their_parameters_only_where_cloudtrail_does(
    service: str, operation: str, parameters: dict[str, Any], code: str, shown: bool, recorder: Recorder
) -> None:
    record = _described(recorder, service, operation, parameters, error_code=code)
    assert (record["requestParameters"] is not None) is shown


@pytest.mark.parametrize(
    ("service", "operation", "result", "elements"),
    [
        ("iam", "ListUsers", {"Users": [{"UserName": "ana"}]}, None),
        ("iam", "DeleteUser", {}, None),
        ("iam", "CreateGroup", {"Group": {"GroupName": "g", "CreateDate": datetime(2026, 7, 19, 21, 25, 9, tzinfo=UTC)}},
         {"group": {"groupName": "g", "createDate": "Jul 19, 2026, 9:25:09 PM"}}),
        ("sts", "AssumeRole", {"Credentials": {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "SessionToken": "t"}},
         {"credentials": {"accessKeyId": "ASIA1", "sessionToken": "t"}}),
        ("sts", "GetCallerIdentity", {"Account": "1"}, None),
        ("ec2", "DeleteVpc", {}, {"requestId": "0b7c1a52-1111-4a0e-9d1c-0000000000a1", "_return": True}),
        ("ec2", "CreateKeyPair", {"KeyName": "k", "KeyMaterial": "secret"},
         {"requestId": "0b7c1a52-1111-4a0e-9d1c-0000000000a1", "keyName": "k", "keyMaterial": "<sensitiveDataRemoved>"}),
        ("s3", "CreateBucket", {"Location": "/b"}, None),
    ],
)  # fmt: skip
def test_response_elements(service: str, operation: str, result: dict[str, Any], elements: Any, recorder: Recorder) -> None:
    assert _described(recorder, service, operation, {}, result=result)["responseElements"] == elements


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "more", "resources"),
    [
        ("s3", "GetBucketAcl", {"Bucket": "b"}, {}, [{"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::b"}]),
        ("s3", "GetBucketAcl", {"Bucket": "b"}, {"bucket_owner_id": "", "error_code": "AccessDenied"},
         [{"accountId": "", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::b"}]),
        ("s3", "CreateBucket", {"Bucket": "b"}, {}, None),
        ("s3", "ListBuckets", {}, {}, None),
        ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::444455556666:role/x"}, {},
         [{"accountId": "444455556666", "type": "AWS::IAM::Role", "ARN": "arn:aws:iam::444455556666:role/x"}]),
        ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::444455556666:role/x"}, {"error_code": "AccessDenied"}, None),
        ("kms", "Decrypt", {"CiphertextBlob": b""}, {"result": {"KeyId": "arn:aws:kms:eu-west-1:111122223333:key/k"}},
         [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": "arn:aws:kms:eu-west-1:111122223333:key/k"}]),
        ("kms", "CreateKey", {}, {"result": {"KeyMetadata": {"Arn": "arn:aws:kms:eu-west-1:111122223333:key/k"}}},
         [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": "arn:aws:kms:eu-west-1:111122223333:key/k"}]),
        ("kms", "DescribeKey", {"KeyId": "alias/a"}, {}, None),
        ("ssm", "GetParameters", {"Names": ["/a/b", "c"]}, {},
         [{"accountId": ACCOUNT, "ARN": "arn:aws:ssm:eu-west-1:111122223333:parameter/a/b"},
          {"accountId": ACCOUNT, "ARN": "arn:aws:ssm:eu-west-1:111122223333:parameter/c"}]),
        ("dynamodb", "DeleteTable", {"TableName": "t"}, {},
         [{"accountId": ACCOUNT, "type": "AWS::DynamoDB::Table", "ARN": "arn:aws:dynamodb:eu-west-1:111122223333:table/t"}]),
        ("iam", "CreateUser", {"UserName": "bo"}, {}, None),
    ],
)  # fmt: skip
def test_resources(
    service: str, operation: str, parameters: dict[str, Any], more: dict[str, Any], resources: Any, recorder: Recorder
) -> None:
    assert _described(recorder, service, operation, parameters, **more).get("resources") == resources


@pytest.mark.parametrize(
    ("host", "details", "region"),
    [
        ("sts.amazonaws.com", {"endpointType": "global", "awsServingRegion": "us-east-1"}, "us-east-1"),
        ("sts.eu-west-1.amazonaws.com", {"endpointType": "regional", "awsServingRegion": "eu-west-1"}, "eu-west-1"),
        ("localhost:4747", {"endpointType": "regional", "awsServingRegion": "eu-west-1"}, "eu-west-1"),
    ],
)
def test_sts_says_which_endpoint_was_asked(host: str, details: dict[str, str], region: str, recorder: Recorder) -> None:
    record = _described(recorder, "sts", "GetCallerIdentity", {}, host=host)
    assert record["additionalEventData"] == {"RequestDetails": details}
    assert record["awsRegion"] == region


def test_s3_says_how_it_was_asked(recorder: Recorder) -> None:
    record = _described(
        recorder,
        "s3",
        "PutBucketAcl",
        {"Bucket": "b", "ACL": "public-read"},
        headers=Headers([("Authorization", "AWS4-HMAC-SHA256 …")]),
        host="b.s3.eu-west-1.amazonaws.com",
        tls=Tls(cipher_suite="TLS_AES_128_GCM_SHA256"),
        bytes_in=3,
        bytes_out=9,
        extended_request_id="ID2=",
        result={},
    )
    assert record["userAgent"] == "[example-client/1.0]"
    assert record["requestParameters"] == {
        "bucketName": "b", "x-amz-acl": "public-read", "Host": "b.s3.eu-west-1.amazonaws.com", "acl": "",
    }  # fmt: skip
    assert list(record["additionalEventData"].items()) == [
        ("SignatureVersion", "SigV4"),
        ("CipherSuite", "TLS_AES_128_GCM_SHA256"),
        ("bytesTransferredIn", 3),
        ("AuthenticationMethod", "AuthHeader"),
        ("x-amz-id-2", "ID2="),
        ("bytesTransferredOut", 9),
    ]


def test_a_data_event_says_that_it_is_one(recorder: Recorder) -> None:
    observed = _observed("s3", "GetObject", {"Bucket": "b", "Key": "a/b.csv"}, host="b.s3.amazonaws.com")
    record = json.loads(recorder.describe(observed))
    assert (record["managementEvent"], record["eventCategory"]) == (False, "Data")
    assert record["requestParameters"] == {"bucketName": "b", "key": "a/b.csv", "Host": "b.s3.amazonaws.com"}
    assert [entry["ARN"] for entry in record["resources"]] == ["arn:aws:s3:::b/a/b.csv", "arn:aws:s3:::b"]


@pytest.mark.parametrize(
    ("service", "operation", "source", "name"),
    [
        ("iam", None, "iam.amazonaws.com", "Unknown"),
        ("iam", "MakeCoffee", "iam.amazonaws.com", "MakeCoffee"),
        ("cloudwatch", "GetCoffee", "monitoring.amazonaws.com", "GetCoffee"),
        ("no-such-service", "Do", "no-such-service.amazonaws.com", "Do"),
        ("", None, "unknown.amazonaws.com", "Unknown"),
        ("s3", None, "s3.amazonaws.com", "Unknown"),
    ],
)
def test_a_call_that_cannot_be_told_is_recorded_too(
    service: str, operation: str | None, source: str, name: str, recorder: Recorder
) -> None:
    record = _described(recorder, service, operation, None, error_code="UnknownOperationException", principal=NOBODY)
    assert (record["eventSource"], record["eventName"]) == (source, name)
    assert record["requestParameters"] is None
    assert record["errorCode"] == "UnknownOperationException"


def test_large_parameters_are_omitted_whole(recorder: Recorder) -> None:
    record = _described(recorder, "iam", "CreatePolicy", {"PolicyName": "p", "PolicyDocument": "x" * (100 * 1024)}, result={"Policy": {}})
    size = len(json.dumps({"policyName": "p", "policyDocument": "x" * (100 * 1024)}, separators=(",", ":")))
    assert record["requestParameters"] == {"reason": "requestParameters too large", "omitted": True, "originalSize": size}


def test_long_texts_are_cut_between_characters(recorder: Recorder) -> None:
    record = _described(recorder, "iam", "GetUser", {}, user_agent="é" * 700, error_code="C" * 3000, error_message="m" * 3000)
    assert record["userAgent"] == "é" * 512
    assert len(record["errorCode"]) == len(record["errorMessage"]) == 1024


def test_no_record_passes_256_kb(recorder: Recorder) -> None:
    record = recorder.describe(
        _observed(
            "iam",
            "CreatePolicy",
            {"PolicyName": "p", "PolicyDocument": "x" * 99_000},
            result={"Policy": {"PolicyName": "y" * 99_000}},
            additional={"z": "z" * 28_000},
            resources=[{"type": "T", "ARN": f"arn:{number}" + "a" * 400} for number in range(1000)],
        )
    )
    assert record is not None
    assert len(record) <= 256 * 1024
    assert json.loads(record)["eventName"] == "CreatePolicy"


def test_console_credentials_are_told(recorder: Recorder) -> None:
    session = Session(
        issuer_type="IAMUser",
        issuer_id="AIDAEXAMPLEUSER00001",
        issuer_arn="arn:aws:iam::111122223333:user/ana",
        issuer_account_id="111122223333",
        issuer_name="ana",
        created=datetime(2026, 1, 5, 9, tzinfo=UTC),
        from_console=True,
    )
    signed_in = Principal(type="IAMUser", account_id="111122223333", principal_id="AIDAEXAMPLEUSER00001", user_name="ana", session=session)
    record = _described(recorder, "iam", "GetUser", {}, principal=signed_in, host="iam.amazonaws.com")
    assert record["sessionCredentialFromConsole"] == "true"
    assert record["tlsDetails"] == {"clientProvidedHostHeader": "iam.amazonaws.com"}, "nobody stands in between"


def test_the_endpoint_of_a_vpc_is_told(recorder: Recorder) -> None:
    record = _described(recorder, "iam", "GetUser", {}, vpc_endpoint_id="vpce-1", vpc_endpoint_account_id="444455556666")
    assert (record["vpcEndpointId"], record["vpcEndpointAccountId"]) == ("vpce-1", "444455556666")


def test_ids_are_made_anew_by_default() -> None:
    recorder = Recorder(Catalogue())
    made = {json.loads(recorder.describe(_observed("sts", "GetCallerIdentity", {})) or b"")["eventID"] for _ in range(3)}
    assert len(made) == 3


ODD: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=12,
)
MEMBERS = {
    ("iam", "CreateUser"): ("UserName", "Tags", "Path"),
    ("ec2", "RunInstances"): ("ImageId", "TagSpecifications", "NetworkInterfaces", "Placement", "UserData", "SecurityGroupIds"),
    ("ec2", "CreateFlowLogs"): ("ResourceIds", "TagSpecifications", "MaxAggregationInterval"),
    ("ec2", "ModifySnapshotAttribute"): ("CreateVolumePermission", "UserIds", "OperationType"),
    ("s3", "PutBucketTagging"): ("Bucket", "Tagging"),
    ("s3", "PutBucketPolicy"): ("Bucket", "Policy"),
    ("cloudtrail", "LookupEvents"): ("StartTime", "LookupAttributes", "MaxResults"),
    ("lambda", "UpdateFunctionCode"): ("FunctionName", "ZipFile", "DryRun"),
    ("ssm", "PutParameter"): ("Name", "Value", "Tags"),
    ("dynamodb", "CreateTable"): ("TableName", "KeySchema"),
    ("ce", "GetCostAndUsage"): ("TimePeriod", "Filter"),
    ("devops-guru", "SearchInsights"): ("StartTimeRange", "Filters"),
}


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(MEMBERS)).flatmap(lambda key: st.tuples(st.just(key), st.dictionaries(st.sampled_from(MEMBERS[key]), ODD))), ODD
)
def test_odd_content_never_costs_the_record(recorder: Recorder, call: tuple[tuple[str, str], dict[str, Any]], result: Any) -> None:
    (service, operation), parameters = call
    text = recorder.describe(_observed(service, operation, parameters, result=result if isinstance(result, dict) else {"X": result}))
    assert text is not None
    assert json.loads(text)["eventID"]


@given(st.text(st.characters()), st.text(st.characters()), st.text(st.characters()), st.text(st.characters()))
def test_odd_texts_never_cost_the_record(recorder: Recorder, agent: str, code: str, operation: str, host: str) -> None:
    text = recorder.describe(
        _observed("s3", operation, {"Bucket": agent}, user_agent=agent, error_code=code, error_message=agent, host=host)
    )
    assert text is not None
    json.loads(text)
