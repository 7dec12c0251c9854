"""Which operation a request means: one table per kind of evidence."""

from __future__ import annotations

import gzip
import zlib

import pytest

from opentrail.wire.faults import Fault
from opentrail.wire.hosts import bucket_of
from opentrail.wire.http import Headers, Request
from opentrail.wire.models import Catalogue
from opentrail.wire.parse import parse
from opentrail.wire.routing import Router
from opentrail.wire.scope import Scope

ROUTER = Router(Catalogue())

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
CBOR = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}


def scope(signing_name: str | None) -> Scope | None:
    if signing_name is None:
        return None
    return Scope(access_key_id="AKIDEXAMPLE", date="20260105", region="us-east-1", signing_name=signing_name)


def request(line: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Request:
    method, target = line.split(" ", 1)
    path, _, query = target.partition("?")
    return Request(method=method, path=path, query=query, headers=Headers((headers or {}).items()), body=body)


def routed(line: str, signing_name: str | None, headers: dict[str, str] | None = None, body: bytes = b"") -> tuple[str, str, str]:
    operation = ROUTER.route(request(line, headers, body), scope=scope(signing_name)).operation
    return operation.service.name, operation.service.protocol, operation.name


def target(name: str) -> dict[str, str]:
    return {"X-Amz-Target": name, "Content-Type": "application/x-amz-json-1.1"}


RPC = [
    ("cloudtrail", target("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"), ("cloudtrail", "json", "LookupEvents")),
    ("cloudtrail", target("CloudTrail_20131101.LookupEvents"), ("cloudtrail", "json", "LookupEvents")),
    (None, target("AWSCognitoIdentityProviderService.InitiateAuth"), ("cognito-idp", "json", "InitiateAuth")),
    ("dynamodb", target("DynamoDBStreams_20120810.ListStreams"), ("dynamodbstreams", "json", "ListStreams")),
    ("dynamodb", target("DynamoDB_20120810.ListTables"), ("dynamodb", "json", "ListTables")),
    ("sqs", target("AmazonSQS.SendMessage"), ("sqs", "json", "SendMessage")),
    ("monitoring", target("GraniteServiceVersion20100801.PutMetricData"), ("cloudwatch", "json", "PutMetricData")),
    ("unknown-name", target("AWSEvents.PutRule"), ("events", "json", "PutRule")),
]


@pytest.mark.parametrize(("signing_name", "headers", "wanted"), RPC)
def test_target_header(signing_name: str | None, headers: dict[str, str], wanted: tuple[str, str, str]) -> None:
    assert routed("POST /", signing_name, headers, b"{}") == wanted


FORMS = [
    ("iam", "POST /", b"Action=ListUsers&Version=2010-05-08", ("iam", "query", "ListUsers")),
    ("iam", "GET /?Action=ListUsers&Version=2010-05-08", b"", ("iam", "query", "ListUsers")),
    ("ec2", "POST /", b"Action=RunInstances&Version=2016-11-15", ("ec2", "ec2", "RunInstances")),
    ("ec2", "POST /", b"Action=RunInstances&Version=2014-10-01", ("ec2", "ec2", "RunInstances")),
    ("sqs", "POST /123456789012/q", b"Action=SendMessage&Version=2012-11-05&MessageBody=x", ("sqs", "query", "SendMessage")),
    ("monitoring", "POST /", b"Action=ListMetrics&Version=2010-08-01", ("cloudwatch", "query", "ListMetrics")),
    ("elasticloadbalancing", "POST /", b"Action=DescribeLoadBalancers&Version=2012-06-01", ("elb", "query", "DescribeLoadBalancers")),
    ("elasticloadbalancing", "POST /", b"Action=DescribeLoadBalancers&Version=2015-12-01", ("elbv2", "query", "DescribeLoadBalancers")),
    (None, "POST /", b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15", ("sts", "query", "AssumeRoleWithWebIdentity")),
    ("ses", "POST /", b"Action=SendEmail&Version=2010-12-01", ("ses", "query", "SendEmail")),
]


@pytest.mark.parametrize(("signing_name", "line", "body", "wanted"), FORMS)
def test_action(signing_name: str | None, line: str, body: bytes, wanted: tuple[str, str, str]) -> None:
    assert routed(line, signing_name, FORM if body else None, body) == wanted


def test_cbor_path() -> None:
    path = "POST /service/GraniteServiceVersion20100801/operation/PutMetricData"
    assert routed(path, "monitoring", CBOR, b"\xa0") == ("cloudwatch", "smithy-rpc-v2-cbor", "PutMetricData")


AGENTS = [
    ("Boto3/1.44 md/Botocore#1.44", "rds"),
    ("aws-sdk-go-v2/1.30 ua/2.1 os/linux lang/go#1.22 api/neptune#1.31.2", "neptune"),
    ("aws-sdk-js/3.600.0 ua/2.1 lang/js md/nodejs#20 api/docdb#3.600.0", "docdb"),
    ("aws-cli/1.45 md/Botocore#1.44 command/docdb.describe-db-clusters", "docdb"),
    ("aws-cli/2.17 ua/2.0 md/command#neptune.describe-db-clusters", "neptune"),
    ("api/made-up#1 command/", "rds"),
]


@pytest.mark.parametrize(("agent", "wanted"), AGENTS)
def test_user_agent_settles_what_is_ambiguous(agent: str, wanted: str) -> None:
    body = b"Action=DescribeDBClusters&Version=2014-10-31"
    assert routed("POST /", "rds", {**FORM, "User-Agent": agent}, body)[0] == wanted


S3 = [
    ("GET /", {}, "ListBuckets", {}),
    ("PUT /logs", {}, "CreateBucket", {"Bucket": "logs"}),
    ("PUT /logs/", {}, "CreateBucket", {"Bucket": "logs"}),
    ("HEAD /logs", {}, "HeadBucket", {"Bucket": "logs"}),
    ("GET /logs", {}, "ListObjects", {"Bucket": "logs"}),
    ("GET /logs?marker=a&prefix=b", {}, "ListObjects", {"Bucket": "logs"}),
    ("GET /logs?list-type=2&prefix=AWSLogs%2F", {}, "ListObjectsV2", {"Bucket": "logs"}),
    ("GET /logs?versions", {}, "ListObjectVersions", {"Bucket": "logs"}),
    ("GET /logs?uploads=", {}, "ListMultipartUploads", {"Bucket": "logs"}),
    ("GET /logs?location", {}, "GetBucketLocation", {"Bucket": "logs"}),
    ("GET /logs?policy", {}, "GetBucketPolicy", {"Bucket": "logs"}),
    ("GET /logs?policyStatus", {}, "GetBucketPolicyStatus", {"Bucket": "logs"}),
    ("GET /logs?lifecycle", {}, "GetBucketLifecycleConfiguration", {"Bucket": "logs"}),
    ("GET /logs?inventory", {}, "ListBucketInventoryConfigurations", {"Bucket": "logs"}),
    ("GET /logs?inventory&id=1", {}, "GetBucketInventoryConfiguration", {"Bucket": "logs"}),
    ("POST /logs?delete", {}, "DeleteObjects", {"Bucket": "logs"}),
    ("GET /logs/a", {}, "GetObject", {"Bucket": "logs", "Key": "a"}),
    ("GET /logs/a?versionId=1&response-content-type=x", {}, "GetObject", {"Bucket": "logs", "Key": "a"}),
    ("GET /logs/a?x-id=GetObject", {}, "GetObject", {"Bucket": "logs", "Key": "a"}),
    ("GET /logs/a/b%2Fc%20d/", {}, "GetObject", {"Bucket": "logs", "Key": "a/b/c d/"}),
    ("GET /logs//a", {}, "GetObject", {"Bucket": "logs", "Key": "/a"}),
    ("GET /logs/a?acl", {}, "GetObjectAcl", {"Bucket": "logs", "Key": "a"}),
    ("GET /logs/a?attributes", {"x-amz-object-attributes": "ETag"}, "GetObjectAttributes", {"Bucket": "logs", "Key": "a"}),
    ("GET /logs/a?uploadId=1", {}, "ListParts", {"Bucket": "logs", "Key": "a"}),
    ("PUT /logs/a", {}, "PutObject", {"Bucket": "logs", "Key": "a"}),
    ("PUT /logs/a", {"x-amz-copy-source": "x/y"}, "CopyObject", {"Bucket": "logs", "Key": "a"}),
    ("PUT /logs/a?partNumber=1&uploadId=2", {}, "UploadPart", {"Bucket": "logs", "Key": "a"}),
    ("PUT /logs/a?partNumber=1&uploadId=2", {"x-amz-copy-source": "x/y"}, "UploadPartCopy", {"Bucket": "logs", "Key": "a"}),
    ("PUT /logs/a?retention", {}, "PutObjectRetention", {"Bucket": "logs", "Key": "a"}),
    ("PUT /logs?object-lock", {}, "PutObjectLockConfiguration", {"Bucket": "logs"}),
    ("POST /logs/a?uploads", {}, "CreateMultipartUpload", {"Bucket": "logs", "Key": "a"}),
    ("POST /logs/a?uploadId=1", {}, "CompleteMultipartUpload", {"Bucket": "logs", "Key": "a"}),
    ("DELETE /logs/a?uploadId=1", {}, "AbortMultipartUpload", {"Bucket": "logs", "Key": "a"}),
    ("DELETE /logs/a?versionId=1", {}, "DeleteObject", {"Bucket": "logs", "Key": "a"}),
    ("PUT /v20180820/a", {}, "PutObject", {"Bucket": "v20180820", "Key": "a"}),
    ("GET /a?uploads", {"Host": "logs.s3.us-west-2.amazonaws.com"}, "GetObject", {"Bucket": "logs", "Key": "a"}),
    ("GET /a", {"Host": "logs.localhost:4747"}, "GetObject", {"Bucket": "logs", "Key": "a"}),
    ("GET /?list-type=2", {"Host": "my.logs.s3.amazonaws.com"}, "ListObjectsV2", {"Bucket": "my.logs"}),
    ("GET /logs/a", {"Host": "s3.us-west-2.amazonaws.com"}, "GetObject", {"Bucket": "logs", "Key": "a"}),
    ("GET /logs/a", {"Host": "127.0.0.1:4747"}, "GetObject", {"Bucket": "logs", "Key": "a"}),
]


@pytest.mark.parametrize(("line", "headers", "name", "labels"), S3)
@pytest.mark.parametrize("signing_name", ["s3", None])
def test_s3(line: str, headers: dict[str, str], name: str, labels: dict[str, str], signing_name: str | None) -> None:
    route = ROUTER.route(request(line, headers), scope=scope(signing_name))
    assert (route.operation.service.name, route.operation.name, route.labels) == ("s3", name, labels)


REST = [
    ("GET /2015-03-31/functions/", "lambda", {}, ("lambda", "rest-json", "ListFunctions")),
    ("GET /2015-03-31/functions", "lambda", {}, ("lambda", "rest-json", "ListFunctions")),
    ("GET /v20180820/accesspoint", "s3", {"x-amz-account-id": "123456789012"}, ("s3control", "rest-xml", "ListAccessPoints")),
    ("POST /PutAuditEvents?channelArn=x", "cloudtrail-data", {}, ("cloudtrail-data", "rest-json", "PutAuditEvents")),
    ("GET /assignment/accounts", None, {"x-amz-sso_bearer_token": "t"}, ("sso", "rest-json", "ListAccounts")),
    ("POST /token", None, {}, ("sso-oidc", "rest-json", "CreateToken")),
    ("POST /2020-05-31/distribution?WithTags", "cloudfront", {}, ("cloudfront", "rest-xml", "CreateDistributionWithTags")),
    ("POST /v2/email/outbound-emails", "ses", {}, ("sesv2", "rest-json", "SendEmail")),
]


@pytest.mark.parametrize(("line", "signing_name", "headers", "wanted"), REST)
def test_rest_paths(line: str, signing_name: str | None, headers: dict[str, str], wanted: tuple[str, str, str]) -> None:
    assert routed(line, signing_name, headers) == wanted


def test_labels_are_decoded_once() -> None:
    arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aa%252Fb"
    route = ROUTER.route(request(f"GET /2017-03-31/tags/{arn}"), scope=scope("lambda"))
    assert route.labels == {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:a%2Fb"}


UNKNOWN = [
    ("POST /", "cloudtrail", target("CloudTrail_20131101.Nothing"), b"{}", "UnknownOperationException", 404),
    ("POST /", "cloudtrail", target("AmazonSQS.SendMessage"), b"{}", "UnknownOperationException", 404),
    ("POST /", "cloudtrail", target("...."), b"{}", "UnknownOperationException", 404),
    ("POST /", "iam", FORM, b"Action=Nothing&Version=2010-05-08", "InvalidAction", 400),
    ("POST /", None, FORM, b"Action=Nothing", "InvalidAction", 400),
    ("POST /", "iam", FORM, b"Action=%FF", "MalformedQueryString", 400),
    ("POST /", "iam", FORM, b"Action=\xff", "MalformedQueryString", 400),
    ("PATCH /logs", "s3", {}, b"", "MethodNotAllowed", 405),
    ("GET /logs/%FF", "s3", {}, b"", "MalformedQueryString", 400),
    ("GET /nothing/here", "lambda", {}, b"", "UnknownOperationException", 404),
    ("POST /service/X/operation/Y", "monitoring", CBOR, b"", "UnknownOperationException", 404),
    ("POST /elsewhere", "monitoring", CBOR, b"", "UnknownOperationException", 404),
    ("GET /", "made-up", {}, b"", "UnknownOperationException", 404),
]


@pytest.mark.parametrize(("line", "signing_name", "headers", "body", "code", "status"), UNKNOWN)
def test_unknown_operations_are_faults(
    line: str, signing_name: str | None, headers: dict[str, str], body: bytes, code: str, status: int
) -> None:
    asked = request(line, headers, body)
    with pytest.raises(Fault) as caught:
        ROUTER.route(asked, scope=scope(signing_name))
    assert (caught.value.code, caught.value.status) == (code, status)


ADDRESSED = [
    ("POST /", "cloudtrail", target("CloudTrail_20131101.Nothing"), ("cloudtrail", "json")),
    ("POST /", None, target("CloudTrail_20131101.Nothing"), ("cloudtrail", "json")),
    ("POST /", "sqs", FORM, ("sqs", "query")),
    ("POST /", None, FORM, ("sts", "query")),
    ("GET /x", None, {}, ("s3", "rest-xml")),
    ("GET /x", "lambda", {}, ("lambda", "rest-json")),
    ("POST /service/X/operation/Y", "monitoring", CBOR, ("cloudwatch", "smithy-rpc-v2-cbor")),
    ("POST /", "made-up", target("A.B"), None),
]


@pytest.mark.parametrize(("line", "signing_name", "headers", "wanted"), ADDRESSED)
def test_a_request_that_cannot_be_routed_still_has_an_addressee(
    line: str, signing_name: str | None, headers: dict[str, str], wanted: tuple[str, str] | None
) -> None:
    service = ROUTER.addressed(request(line, headers), scope=scope(signing_name))
    assert (service and (service.name, service.protocol)) == wanted


def test_query_mode_is_remembered() -> None:
    headers = {**target("AmazonSQS.SendMessage"), "x-amzn-query-mode": "true"}
    assert ROUTER.route(request("POST /", headers), scope=scope("sqs")).operation.service.query_mode
    assert not ROUTER.route(request("POST /", target("AmazonSQS.SendMessage")), scope=scope("sqs")).operation.service.query_mode


GZIP = {"Content-Encoding": "gzip"}


def test_gzip_bodies_are_inflated() -> None:
    json_body = gzip.compress(b'{"Namespace": "N", "MetricData": []}')
    route = ROUTER.route(request("POST /", {**target("GraniteServiceVersion20100801.PutMetricData"), **GZIP}, json_body))
    assert parse(route) == {"Namespace": "N", "MetricData": []}
    form_body = gzip.compress(b"Action=PutMetricData&Version=2010-08-01&Namespace=N")
    assert parse(ROUTER.route(request("POST /", {**FORM, **GZIP}, form_body), scope=scope("monitoring"))) == {"Namespace": "N"}


def test_a_streamed_body_is_left_as_it_is() -> None:
    route = ROUTER.route(request("PUT /logs/a.gz", GZIP, b"not inflated"), scope=scope("s3"))
    assert route.request.body == b"not inflated"


PACKED = gzip.compress(b"{}", mtime=0)


@pytest.mark.parametrize("body", [b"no gzip", PACKED[:-4], PACKED + b"more", zlib.compress(b"{}")])
def test_broken_gzip_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        ROUTER.route(request("POST /", {**target("GraniteServiceVersion20100801.PutMetricData"), **GZIP}, body))
    assert caught.value.code == "SerializationException"


def test_gzip_bombs_stop_at_the_bound() -> None:
    small = Router(ROUTER.catalogue, max_inflated=1 << 20)
    bomb = gzip.compress(b" " * (2 << 20))
    with pytest.raises(Fault, match="too large"):
        small.route(request("POST /", {**target("GraniteServiceVersion20100801.PutMetricData"), **GZIP}, bomb))


HOSTS = [
    ("logs.s3.amazonaws.com", "logs"),
    ("logs.s3.anything.example:4747", "logs"),
    ("a.b.c.s3-us-west-2.amazonaws.com", "a.b.c"),
    ("logs.s3express-use1-az4.us-east-1.amazonaws.com", "logs"),
    ("logs.localhost", "logs"),
    ("logs.trail.example", "logs"),
    ("localhost:4747", None),
    ("trail.example", None),
    ("s3.localhost", None),
    ("s3.eu-central-1.amazonaws.com", None),
    ("123456789012.s3-control.us-east-1.amazonaws.com", None),
    ("127.0.0.1:4747", None),
    ("[::1]:4747", None),
    ("", None),
    ("../../etc.localhost", None),
]


@pytest.mark.parametrize(("host", "bucket"), HOSTS)
def test_bucket_in_host(host: str, bucket: str | None) -> None:
    assert bucket_of(host, ("localhost", "trail.example")) == bucket
