"""Whatever is sent, routing and parsing end in parameters or in a Fault, and the fault can be told in the protocol it was asked in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from opentrail.wire import cbor
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request
from opentrail.wire.parse import parse
from opentrail.wire.serialise import fault
from unit.wire.protocol_calls import ROUTER, signed

FORM = [("Content-Type", "application/x-www-form-urlencoded")]
S3_DELETE = b"<Delete><Object><Key>a</Key><VersionId>1</VersionId></Object><Quiet>true</Quiet></Delete>"
ITEM = b'{"TableName":"t","Item":{"a":{"L":[{"M":{"b":{"B":"AAE="}}},{"N":"1"},{"BOOL":true},{"NULL":true}]}}}'
METRIC = {
    "Namespace": "N",
    "MetricData": [{"MetricName": "m", "Dimensions": [{"Name": "a", "Value": "b"}], "Value": 1.5, "StorageResolution": 1}],
}


def target(name: str) -> list[tuple[str, str]]:
    return [("X-Amz-Target", name), ("Content-Type", "application/x-amz-json-1.1")]


SEEDS: dict[str, tuple[str, Request]] = {
    "json": (
        "cloudtrail",
        Request(
            method="POST",
            path="/",
            headers=Headers(target("CloudTrail_20131101.LookupEvents")),
            body=b'{"LookupAttributes":[{"AttributeKey":"EventId","AttributeValue":"x"}],"StartTime":1767607872.5,"MaxResults":5}',
        ),
    ),
    "json recursive": ("dynamodb", Request(method="POST", path="/", headers=Headers(target("DynamoDB_20120810.PutItem")), body=ITEM)),
    "query": (
        "iam",
        Request(
            method="POST",
            path="/",
            headers=Headers(FORM),
            body=b"Action=CreateUser&Version=2010-05-08&UserName=a&Tags.member.1.Key=k&Tags.member.1.Value=v&Path=%2F",
        ),
    ),
    "query map": (
        "sns",
        Request(
            method="POST",
            path="/",
            headers=Headers(FORM),
            body=b"Action=CreateTopic&Name=t&Attributes.entry.1.key=Policy&Attributes.entry.1.value=%7B%7D",
        ),
    ),
    "ec2": (
        "ec2",
        Request(
            method="POST",
            path="/",
            headers=Headers(FORM),
            body=b"Action=RunInstances&Version=2016-11-15&MinCount=1&BlockDeviceMapping.1.Ebs.VolumeSize=8&TagSpecification.1.Tag.2.Key=a",
        ),
    ),
    "cbor": (
        "monitoring",
        Request(
            method="POST",
            path="/service/GraniteServiceVersion20100801/operation/PutMetricData",
            headers=Headers([("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")]),
            body=cbor.dumps(METRIC),
        ),
    ),
    "rest-json": (
        "lambda",
        Request(
            method="POST",
            path="/2015-03-31/functions",
            query="Qualifier=a&MaxItems=1",
            headers=Headers(),
            body=b'{"FunctionName":"f","Code":{"ZipFile":"AAEC"},"Timeout":3,"Environment":{"Variables":{"a":"b"}}}',
        ),
    ),
    "rest-json document": (
        "bedrock",
        Request(
            method="POST",
            path="/model/m/converse",
            headers=Headers(),
            body=b'{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[{"json":{"a":[1]}}]}}]}]}',
        ),
    ),
    "rest-xml": ("s3", Request(method="POST", path="/logs", query="delete", headers=Headers([("Host", "localhost:4747")]), body=S3_DELETE)),
    "rest-xml attributes": (
        "s3",
        Request(
            method="PUT",
            path="/logs",
            query="acl",
            headers=Headers(),
            body=b'<AccessControlPolicy><AccessControlList><Grant><Grantee xsi:type="Group"><URI>u</URI></Grantee></Grant>'
            b"</AccessControlList></AccessControlPolicy>",
        ),
    ),
    "cloudfront": (
        "cloudfront",
        Request(
            method="POST",
            path="/2020-05-31/distribution",
            headers=Headers(),
            body=b"<DistributionConfig><Aliases><Quantity>1</Quantity><Items><CNAME>a</CNAME></Items></Aliases></DistributionConfig>",
        ),
    ),
}


def outcome(signing_name: str | None, request: Request) -> dict[str, Any] | Fault:
    scope = None if signing_name is None else signed(signing_name)
    try:
        return parse(ROUTER.route(request, scope=scope))
    except Fault as error:
        service = ROUTER.addressed(request, scope=scope)
        response = fault(service, error, request_id="r-1", head=request.method == "HEAD")
        assert 400 <= response.status < 500
        assert isinstance(response.body, bytes)
        return error


@pytest.mark.parametrize("name", list(SEEDS))
def test_seeds_are_valid(name: str) -> None:
    assert isinstance(outcome(*SEEDS[name]), dict)


PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"null",
    b"true",
    b"-1e999",
    b"9" * 40,
    b"\xff",
    b"\x00",
    b"\xed\xa0\x80",
    b"<",
    b"</",
    b"<!DOCTYPE a [",
    b"&",
    b"=",
    b"%",
    b"%ff",
    b".",
    b"..1",
    b".member.",
    b"\x9f",
    b"\xbf",
    b"\xc1",
    b"\xfb",
    b"\\ud800",
    b"<![CDATA[",
    b'{"a":' * 150,
    b"<a>" * 150,
    b"\x81" * 150,
]


@st.composite
def mutated(draw: st.DrawFn, seed: bytes) -> bytes:
    """`seed` with up to six cuts, doublings and insertions."""
    data = seed
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        middle = draw(st.one_of(st.just(b""), st.just(data[start:end] * 2), st.sampled_from(PIECES), st.binary(max_size=6)))
        data = data[:start] + middle + data[end:]
    return data


FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("name", list(SEEDS))
@FUZZ
@given(data=st.data())
def test_mutated_bodies(name: str, data: st.DataObject) -> None:
    signing_name, seed = SEEDS[name]
    body = data.draw(mutated(seed.body))
    outcome(signing_name, Request(method=seed.method, path=seed.path, query=seed.query, headers=seed.headers, body=body))


@pytest.mark.parametrize("name", list(SEEDS))
@FUZZ
@given(body=st.binary(max_size=300))
def test_random_bodies(name: str, body: bytes) -> None:
    signing_name, seed = SEEDS[name]
    outcome(signing_name, Request(method=seed.method, path=seed.path, query=seed.query, headers=seed.headers, body=body))


LINE = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
SIGNING = st.sampled_from([None, "s3", "iam", "sqs", "cloudtrail", "lambda", "monitoring", "rds", "", "made-up"])
NAMES = st.sampled_from(
    [
        "host",
        "x-amz-target",
        "content-type",
        "content-encoding",
        "smithy-protocol",
        "user-agent",
        "x-amz-account-id",
        "x-amz-copy-source",
        "range",
        "if-modified-since",
        "x-amz-object-attributes",
        "x-amz-meta-a",
        "x-amzn-query-mode",
    ]
)
VALUES = LINE | st.sampled_from(
    ["rpc-v2-cbor", "gzip", "application/x-www-form-urlencoded", "A.B", "CloudTrail_20131101.GetTrail", "b.localhost", "true"]
)
METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", ""])


@settings(max_examples=600, deadline=None)
@given(SIGNING, METHODS, LINE, LINE, st.lists(st.tuples(NAMES, VALUES), max_size=4), st.binary(max_size=20))
@example("s3", "GET", "", "", [], b"")
@example("lambda", "GET", "/2017-03-31/tags/%", "tagKeys=%ff", [], b"")
@example(None, "POST", "/service//operation/", "", [("smithy-protocol", "rpc-v2-cbor")], b"")
@example("s3", "PUT", "/a/b", "partNumber=x&uploadId", [("x-amz-copy-source", "")], b"")
def test_random_request_lines_and_headers(
    signing_name: str | None, method: str, path: str, query: str, lines: list[tuple[str, str]], body: bytes
) -> None:
    for target_path in (path, f"/{path}", f"/logs/{path}"):
        outcome(signing_name, Request(method=method, path=target_path, query=query, headers=Headers(lines), body=body))
