"""Parameters as they come out, and the fault for everything that cannot be read: code and words per protocol."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from opentrail.wire import cbor
from opentrail.wire.faults import Fault
from opentrail.wire.parse import parse
from opentrail.wire.routing import Route
from unit.wire.protocol_calls import cbor_call, form_call, json_call, rest_call

MOMENT = datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC)

READ: list[tuple[str, Route, dict[str, Any]]] = [
    (
        "json",
        json_call("cloudtrail", "CreateTrail", b'{"Name":"audit","IsMultiRegionTrail":true}'),
        {"Name": "audit", "IsMultiRegionTrail": True},
    ),
    ("json empty body", json_call("cloudtrail", "DescribeTrails", b""), {}),
    ("json nulls and strangers", json_call("cloudtrail", "GetTrail", b'{"Name":null,"Other":[1]}'), {}),
    ("json epoch time", json_call("cloudtrail", "LookupEvents", b'{"StartTime":1767607872}'), {"StartTime": MOMENT}),
    ("json iso time", json_call("cloudtrail", "LookupEvents", b'{"StartTime":"2026-01-05T11:11:12+01:00"}'), {"StartTime": MOMENT}),
    ("json last of a double key", json_call("cloudtrail", "GetTrail", b'{"Name":"a","Name":"b"}'), {"Name": "b"}),
    (
        "query list",
        form_call("iam", b"Action=CreateUser&UserName=a&Tags.member.1.Key=k&Tags.member.1.Value="),
        {"UserName": "a", "Tags": [{"Key": "k", "Value": ""}]},
    ),
    (
        "query list without member",
        form_call("sts", b"Action=AssumeRole&TransitiveTagKeys.1=a&TransitiveTagKeys.2=b"),
        {"TransitiveTagKeys": ["a", "b"]},
    ),
    (
        "query list order and gaps",
        form_call("sts", b"Action=AssumeRole&TransitiveTagKeys.member.10=b&TransitiveTagKeys.member.2=a"),
        {"TransitiveTagKeys": ["a", "b"]},
    ),
    ("query empty list", form_call("sts", b"Action=AssumeRole&TransitiveTagKeys="), {"TransitiveTagKeys": []}),
    (
        "query map",
        form_call("sns", b"Action=CreateTopic&Name=t&Attributes.entry.1.key=Policy&Attributes.entry.1.value=%7B%7D"),
        {"Name": "t", "Attributes": {"Policy": "{}"}},
    ),
    (
        "query sqs names",
        form_call("sqs", b"Action=CreateQueue&QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Tag.1.Key=a&Tag.1.Value=b"),
        {"QueueName": "q", "Attributes": {"DelaySeconds": "5"}, "tags": {"a": "b"}},
    ),
    (
        "query sqs list",
        form_call("sqs", b"Action=ReceiveMessage&AttributeName.1=All&MessageAttributeName.1=x"),
        {"AttributeNames": ["All"], "MessageAttributeNames": ["x"]},
    ),
    ("query plus", form_call("iam", b"Action=GetUser&UserName=a+b%2Bc%C3%A9"), {"UserName": "a b+c\u00e9"}),
    (
        "ec2",
        form_call("ec2", b"Action=DescribeInstances&InstanceId.1=i-1&Filter.1.Name=n&Filter.1.Value.1=v&DryRun=True&MaxResults=5"),
        {"InstanceIds": ["i-1"], "Filters": [{"Name": "n", "Values": ["v"]}], "DryRun": True, "MaxResults": 5},
    ),
    (
        "cbor",
        cbor_call("PutMetricData", cbor.dumps({"Namespace": "N", "MetricData": [{"MetricName": "m", "Timestamp": MOMENT, "Value": 1}]})),
        {"Namespace": "N", "MetricData": [{"MetricName": "m", "Timestamp": MOMENT, "Value": 1.0}]},
    ),
    (
        "rest-json body",
        rest_call("lambda", "POST /2015-03-31/functions", b'{"FunctionName":"f","Code":{"ZipFile":"AAEC"}}'),
        {"FunctionName": "f", "Code": {"ZipFile": b"\x00\x01\x02"}},
    ),
    (
        "rest-json blob payload",
        rest_call("lambda", "POST /2015-03-31/functions/f/invocations?Qualifier=v1", b"\x00\xff", {"X-Amz-Invocation-Type": "Event"}),
        {"FunctionName": "f", "Qualifier": "v1", "InvocationType": "Event", "Payload": b"\x00\xff"},
    ),
    ("rest-json query", rest_call("lambda", "GET /2015-03-31/functions?MaxItems=10&Marker=a%2Bb"), {"MaxItems": 10, "Marker": "a+b"}),
    (
        "s3 headers",
        rest_call(
            "s3",
            "PUT /logs/k",
            b"",
            {
                "x-amz-meta-signature": "ab",
                "x-amz-object-lock-retain-until-date": "2026-01-05T10:11:12Z",
                "Expires": "Mon, 05 Jan 2026 10:11:12 GMT",
                "x-amz-bypass-governance-retention": "true",
            },
        ),
        {"Bucket": "logs", "Key": "k", "Metadata": {"signature": "ab"}, "ObjectLockRetainUntilDate": MOMENT, "Expires": MOMENT},
    ),
    (
        "s3 list header",
        rest_call("s3", "GET /logs/k?attributes", b"", {"x-amz-object-attributes": "ETag,ObjectSize"}),
        {"Bucket": "logs", "Key": "k", "ObjectAttributes": ["ETag", "ObjectSize"]},
    ),
    (
        "s3 xml",
        rest_call(
            "s3",
            "POST /logs?delete",
            b'<?xml version="1.0" encoding="UTF-8"?>\n<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            b"<Object><Key> a&amp;b </Key></Object><Object><Key>c</Key><VersionId>1</VersionId></Object><Quiet>true</Quiet></Delete>",
        ),
        {"Bucket": "logs", "Delete": {"Objects": [{"Key": " a&b "}, {"Key": "c", "VersionId": "1"}], "Quiet": True}},
    ),
    (
        "s3 xml attribute",
        rest_call(
            "s3",
            "PUT /logs?acl",
            b"<AccessControlPolicy><AccessControlList><Grant><Grantee "
            b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>1</ID></Grantee></Grant>'
            b"</AccessControlList></AccessControlPolicy>",
        ),
        {"Bucket": "logs", "AccessControlPolicy": {"Grants": [{"Grantee": {"ID": "1", "Type": "CanonicalUser"}}]}},
    ),
    ("s3 text payload", rest_call("s3", "PUT /logs?policy", b'{"a":"\xc3\xa9"}'), {"Bucket": "logs", "Policy": '{"a":"\u00e9"}'}),
    ("s3 no payload", rest_call("s3", "PUT /logs"), {"Bucket": "logs"}),
]


@pytest.mark.parametrize(("route", "wanted"), [pytest.param(route, wanted, id=name) for name, route, wanted in READ])
def test_parameters(route: Route, wanted: dict[str, Any]) -> None:
    assert parse(route) == wanted


DEEP = b'{"Item":' + b'{"a":{"M":' * 200 + b"{}" + b"}}" * 200 + b"}"
BOMB = (
    b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>'
)

REFUSED: list[tuple[str, Route, str]] = [
    ("json garbage", json_call("cloudtrail", "GetTrail", b"{"), "SerializationException"),
    ("json not utf-8", json_call("cloudtrail", "GetTrail", b'{"Name":"\xff"}'), "SerializationException"),
    ("json lone surrogate", json_call("cloudtrail", "GetTrail", b'{"Name":"\\ud800"}'), "SerializationException"),
    ("json list on top", json_call("cloudtrail", "GetTrail", b"[]"), "SerializationException"),
    ("json null on top", json_call("cloudtrail", "GetTrail", b"null"), "SerializationException"),
    ("json number for text", json_call("cloudtrail", "GetTrail", b'{"Name":1}'), "SerializationException"),
    ("json text for number", json_call("cloudtrail", "LookupEvents", b'{"MaxResults":"1"}'), "SerializationException"),
    ("json true for number", json_call("cloudtrail", "LookupEvents", b'{"MaxResults":true}'), "SerializationException"),
    ("json number too large", json_call("cloudtrail", "LookupEvents", b'{"MaxResults":2147483648}'), "SerializationException"),
    ("json fraction", json_call("cloudtrail", "LookupEvents", b'{"MaxResults":1.5}'), "SerializationException"),
    ("json text for flag", json_call("cloudtrail", "CreateTrail", b'{"IsMultiRegionTrail":"true"}'), "SerializationException"),
    ("json text for list", json_call("cloudtrail", "DescribeTrails", b'{"trailNameList":"a"}'), "SerializationException"),
    ("json null in list", json_call("cloudtrail", "DescribeTrails", b'{"trailNameList":[null]}'), "SerializationException"),
    ("json text for structure", json_call("cloudtrail", "LookupEvents", b'{"LookupAttributes":["a"]}'), "SerializationException"),
    ("json endless time", json_call("cloudtrail", "LookupEvents", b'{"StartTime":1e300}'), "SerializationException"),
    ("json no time", json_call("cloudtrail", "LookupEvents", b'{"StartTime":"yesterday"}'), "SerializationException"),
    ("json year 0", json_call("cloudtrail", "LookupEvents", b'{"StartTime":"0000-01-01T00:00:00Z"}'), "SerializationException"),
    ("json bad base64", json_call("kms", "Decrypt", b'{"CiphertextBlob":"a"}'), "SerializationException"),
    ("json deep", json_call("dynamodb", "PutItem", DEEP), "SerializationException"),
    ("json deeper than any parser", json_call("dynamodb", "PutItem", b'{"a":' + b"[" * 100_000), "SerializationException"),
    ("cbor garbage", cbor_call("PutMetricData", b"\xff"), "SerializationException"),
    ("cbor cut short", cbor_call("PutMetricData", b"\xa1\x69Name"), "SerializationException"),
    ("cbor endless list", cbor_call("PutMetricData", b"\xa1\x61a\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), "SerializationException"),
    ("cbor deep", cbor_call("PutMetricData", b"\x81" * 10_000), "SerializationException"),
    ("cbor number for text", cbor_call("PutMetricData", cbor.dumps({"Namespace": 1})), "SerializationException"),
    ("query number", form_call("iam", b"Action=ListUsers&MaxItems=many"), "MalformedInput"),
    ("query underscore in number", form_call("iam", b"Action=ListUsers&MaxItems=1_0"), "MalformedInput"),
    ("query other digits", form_call("iam", "Action=ListUsers&MaxItems=\u0661".encode()), "MalformedInput"),
    ("query structure for text", form_call("iam", b"Action=ListUsers&PathPrefix.a=b"), "MalformedInput"),
    ("query text for structure", form_call("iam", b"Action=CreateUser&Tags.member.1=x"), "MalformedInput"),
    ("query value and parent", form_call("iam", b"Action=ListUsers&A=1&A.b=2"), "MalformedInput"),
    ("query parent and value", form_call("iam", b"Action=ListUsers&A.b=2&A=1"), "MalformedInput"),
    ("query huge index", form_call("iam", b"Action=CreateUser&Tags.member.99999999999.Key=a"), "MalformedInput"),
    ("query text index", form_call("iam", b"Action=CreateUser&Tags.member.x.Key=a"), "MalformedInput"),
    ("query deep", form_call("iam", b"Action=ListUsers&" + b"a." * 5000 + b"a=1"), "MalformedInput"),
    ("query map without key", form_call("sns", b"Action=CreateTopic&Attributes.entry.1.value=x"), "MalformedInput"),
    ("query bad time", form_call("monitoring", b"Action=GetMetricStatistics&StartTime=soon"), "MalformedInput"),
    ("ec2 number", form_call("ec2", b"Action=DescribeInstances&MaxResults=x"), "InvalidParameterValue"),
    ("rest-json garbage", rest_call("lambda", "POST /2015-03-31/functions", b"nothing"), "SerializationException"),
    ("rest-json query number", rest_call("lambda", "GET /2015-03-31/functions?MaxItems=x"), "SerializationException"),
    ("s3 garbage", rest_call("s3", "POST /logs?delete", b"<Delete>"), "MalformedXML"),
    ("s3 entities", rest_call("s3", "POST /logs?delete", BOMB), "MalformedXML"),
    ("s3 not utf-8", rest_call("s3", "POST /logs?delete", b"<Delete><Quiet>\xff</Quiet></Delete>"), "MalformedXML"),
    ("s3 entities in utf-16", rest_call("s3", "POST /logs?delete", BOMB.decode().encode("utf-16")), "MalformedXML"),
    ("s3 unknown entity", rest_call("s3", "POST /logs?delete", b"<Delete><Quiet>&b;</Quiet></Delete>"), "MalformedXML"),
    ("s3 wrong root", rest_call("s3", "POST /logs?delete", b"<Tagging/>"), "MalformedXML"),
    ("s3 deep", rest_call("s3", "POST /logs?delete", b"<Delete>" * 5000), "MalformedXML"),
    ("s3 many elements", rest_call("s3", "POST /logs?delete", b"<Delete>" + b"<a/>" * 250_000 + b"</Delete>"), "MalformedXML"),
    ("s3 structure for text", rest_call("s3", "POST /logs?delete", b"<Delete><Quiet><a/></Quiet></Delete>"), "MalformedXML"),
    ("s3 policy not utf-8", rest_call("s3", "PUT /logs?policy", b"\xff"), "MalformedXML"),
    ("s3 query number", rest_call("s3", "GET /logs?max-keys=x"), "InvalidArgument"),
    ("s3 header time", rest_call("s3", "GET /logs/a", b"", {"If-Modified-Since": "then"}), "InvalidArgument"),
    ("cloudfront garbage", rest_call("cloudfront", "POST /2020-05-31/distribution", b"{}"), "MalformedInput"),
]


@pytest.mark.parametrize(("route", "code"), [pytest.param(route, code, id=name) for name, route, code in REFUSED])
def test_what_cannot_be_read_is_the_right_fault(route: Route, code: str) -> None:
    with pytest.raises(Fault) as caught:
        parse(route)
    assert (caught.value.code, caught.value.status) == (code, 400)


def test_words_of_a_serialization_exception() -> None:
    with pytest.raises(Fault) as caught:
        parse(json_call("cloudtrail", "LookupEvents", b'{"MaxResults":"1"}'))
    assert caught.value.message == "STRING_VALUE can not be converted to an Integer"


def test_streamed_payload_is_left_out() -> None:
    assert parse(rest_call("s3", "PUT /logs/a", b"body")) == {"Bucket": "logs", "Key": "a"}
