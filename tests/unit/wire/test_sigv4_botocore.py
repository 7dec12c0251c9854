"""botocore signs, we check: every signer that a stock client may use, over requests that Hypothesis makes up."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from opentrail.wire import sigv4
from opentrail.wire.http import Headers, Request
from opentrail.wire.refusals import InvalidToken, Refused, RequestExpired, SignatureMismatch
from opentrail.wire.scope import UNSIGNED_PAYLOAD

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
HOST = "127.0.0.1:4747"


@dataclass(frozen=True)
class Signer:
    name: str
    service: str
    make: Any
    version: str = "SigV4"
    presigned: bool = False

    def sign(self, request: AWSRequest, token: str | None) -> Request:
        self.make(Credentials(KEY, SECRET, token), self.service).add_auth(request)
        return as_it_arrives(request)


SIGNERS = [
    Signer("SigV4Auth", "iam", lambda c, s: auth.SigV4Auth(c, s, "us-east-1")),
    Signer("S3SigV4Auth", "s3", lambda c, s: auth.S3SigV4Auth(c, s, "us-east-1")),
    Signer("SigV4QueryAuth", "sts", lambda c, s: auth.SigV4QueryAuth(c, s, "us-east-1", expires=60), presigned=True),
    Signer("S3SigV4QueryAuth", "s3", lambda c, s: auth.S3SigV4QueryAuth(c, s, "us-east-1", expires=60), presigned=True),
    Signer("HmacV1Auth", "s3", lambda c, s: auth.HmacV1Auth(c), version="SigV2"),
    Signer("HmacV1QueryAuth", "s3", lambda c, s: auth.HmacV1QueryAuth(c, expires=60), version="SigV2", presigned=True),
]


def as_it_arrives(signed: AWSRequest) -> Request:
    """What a server reads off the wire."""
    prepared = signed.prepare()
    url = urlsplit(prepared.url)
    lines = [("host", url.netloc)]
    for name, value in prepared.headers.items():
        lines.append((name, value.decode() if isinstance(value, bytes) else str(value)))
    body = prepared.body or b""
    return Request(method=prepared.method, path=url.path or "/", query=url.query, headers=Headers(lines), body=body)


def verify(request: Request, *, secret: str = SECRET, token: str | None = None, later: float = 0.0) -> sigv4.Verified:
    return sigv4.verify(request, secret=secret, session_token=token, now=time.time() + later)


letters = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
header_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20).map(str.strip)
paths = st.lists(letters, max_size=4).map(lambda parts: "/" + "/".join(quote(part, safe="~") for part in parts))
odd_paths = st.sampled_from(
    ["/a/./b", "/a/../b", "//a//b", "/a%2Fb", "/a%2fb", "/(x)!", "/a+b", "/a%20b", "/~a", "/a:b@c", "/..", "/a/", "/*'"]
)
queries = st.lists(st.tuples(letters, letters), max_size=4).map(
    lambda pairs: "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in pairs)
)
odd_queries = st.sampled_from(
    ["acl", "acl&x", "a=1&a=2&a=1", "a=&b", "=x", "a=b=c", "versionId=abc&uploads", "x=/y", "delete=", "partNumber=1"]
)
bodies = st.binary(max_size=60)
tokens = st.none() | st.just("FwoGZXIvYXdzEBYaD+/==")


@st.composite
def requests(draw: st.DrawFn) -> AWSRequest:
    path = draw(paths | odd_paths)
    assume(not path.startswith("//"))  # urlsplit, which botocore uses, would take it for a host
    query = draw(queries | odd_queries)
    headers = {f"x-amz-meta-{name}": draw(header_text) for name in draw(st.sets(st.sampled_from("abc")))}
    if draw(st.booleans()):
        headers["Content-Type"] = draw(st.sampled_from(["application/x-amz-json-1.1", "text/plain; charset=utf-8"]))
    method = draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]))
    return AWSRequest(
        method=method,
        url=f"http://{HOST}{path}{'?' + query if query else ''}",
        headers=headers,
        data=draw(bodies) if method in ("PUT", "POST") else b"",
    )


def sendable(request: AWSRequest, signer: Signer) -> bool:
    """botocore's presigner moves the body into the query and keeps one value of each key; leave out what it would drop or refuse."""
    return not (signer.presigned and signer.version == "SigV4" and request.data)


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.name)
@given(request=requests(), token=tokens)
@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much], deadline=None)
def test_what_botocore_signs_verifies(signer: Signer, request: AWSRequest, token: str | None) -> None:
    assume(sendable(request, signer))
    arrived = signer.sign(request, token)
    scope = sigv4.scope_of(arrived)
    assert scope is not None
    assert (scope.access_key_id, scope.signing_name) == (KEY, signer.service)
    verified = verify(arrived, token=token)
    assert verified.scope == scope
    assert (verified.signature_version, verified.authentication_method) == (
        signer.version,
        "QueryString" if signer.presigned else "AuthHeader",
    )


def changed_header(request: Request, name: str, change: Any) -> Request:
    return replace(request, headers=Headers((n, change(v) if n == name else v) for n, v in request.headers))


def flip(text: str) -> str:
    return text[:-1] + ("A" if text[-1:] != "A" else "B")


def tampered(request: Request, signer: Signer) -> dict[str, Request]:
    """The request with one thing changed at a time; each must be refused."""
    cases = {
        "method": replace(request, method="PATCH"),
        "path": replace(request, path=request.path.rstrip("/") + "/added"),
        "subresource": replace(request, query=request.query + "&acl"),
        "disguised subresource": replace(request, query=request.query + "&%61cl"),
    }
    if signer.version == "SigV4":
        cases["host"] = changed_header(request, "host", lambda _: "elsewhere")
        cases["query"] = replace(request, query=request.query + "&added=1")
        cases["added x-amz- header"] = replace(request, headers=Headers([*request.headers, ("x-amz-target", "IAM.DeleteUser")]))
        if not signer.presigned:
            cases["date"] = changed_header(request, "x-amz-date", lambda v: v[:-3] + f"{(int(v[-3:-1]) + 1) % 60:02}Z")
            if request.body:
                cases["body"] = replace(request, body=request.body + b"x")
            cases["signature"] = changed_header(request, "authorization", flip)
            cases["region"] = changed_header(request, "authorization", lambda v: v.replace("us-east-1", "eu-west-1"))
            cases["service"] = changed_header(request, "authorization", lambda v: v.replace(f"/{signer.service}/", "/ec2/"))
        else:
            cases["signature"] = replace(request, query=flip(request.query))
            cases["expiry"] = replace(request, query=request.query.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
            cases["region"] = replace(request, query=request.query.replace("us-east-1", "eu-west-1"))
    else:
        cases["added x-amz- header"] = replace(request, headers=Headers([*request.headers, ("x-amz-acl", "public-read")]))
        if signer.presigned:
            digits = request.query.partition("Expires=")[2].partition("&")[0]
            cases["expiry"] = replace(request, query=request.query.replace(digits, str(int(digits) + 100)))
        else:
            cases["signature"] = changed_header(request, "authorization", lambda v: v[:-2] + ("A" if v[-2] != "A" else "B") + v[-1:])
    return cases


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.name)
@given(request=requests(), token=tokens)
@settings(max_examples=25, suppress_health_check=[HealthCheck.filter_too_much], deadline=None)
def test_what_is_changed_on_the_way_is_refused(signer: Signer, request: AWSRequest, token: str | None) -> None:
    assume(sendable(request, signer))
    assume("acl" not in urlsplit(request.url).query)
    arrived = signer.sign(request, token)
    for name, case in tampered(arrived, signer).items():
        assert case != arrived, name
        with pytest.raises(Refused):
            verify(case, token=token)
    with pytest.raises(SignatureMismatch):
        verify(arrived, secret=SECRET + "x", token=token)
    with pytest.raises(InvalidToken):
        verify(arrived, token="another" if token else "unexpected")
    if token:
        with pytest.raises(InvalidToken):
            verify(arrived, token=None)


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.name)
def test_signatures_do_not_last(signer: Signer) -> None:
    arrived = signer.sign(AWSRequest("GET", f"http://{HOST}/bucket/key"), None)
    assert verify(arrived, later=50)
    if signer.presigned:
        with pytest.raises(RequestExpired):
            verify(arrived, later=62)
    else:
        assert verify(arrived, later=890)
        with pytest.raises(Refused):
            verify(arrived, later=902)
    if signer.name != "HmacV1QueryAuth":  # it says when it ends, not when it was made
        with pytest.raises(Refused):
            verify(arrived, later=-903)


@given(request=requests(), token=tokens, service=st.sampled_from(["s3", "iam", "monitoring"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much], deadline=None)
def test_what_we_sign_verifies_and_is_what_botocore_signs(request: AWSRequest, token: str | None, service: str) -> None:
    plain = as_it_arrives(request)
    now = time.time()
    ours = sigv4.sign(
        plain,
        access_key_id=KEY,
        secret_access_key=SECRET,
        session_token=token,
        region="us-east-1",
        signing_name=service,
        now=now,
    )
    assert verify(ours, token=token).scope == sigv4.scope_of(ours)
    again = sigv4.sign(
        ours, access_key_id=KEY, secret_access_key=SECRET, session_token=token, region="us-east-1", signing_name=service, now=now
    )
    assert (again.path, again.query, list(again.headers)) == (ours.path, ours.query, list(ours.headers))
    theirs = AWSRequest(
        ours.method,
        f"http://{HOST}{ours.path}{'?' + ours.query if ours.query else ''}",
        {n: v for n, v in ours.headers if n.startswith("x-amz-") or n in ("host", "content-type")},
        ours.body,
    )
    theirs.context["timestamp"] = ours.headers.get("x-amz-date")
    signer = (auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth)(Credentials(KEY, SECRET, token), service, "us-east-1")
    text = signer.string_to_sign(theirs, signer.canonical_request(theirs))
    assert (ours.headers.get("authorization") or "").endswith(f"Signature={signer.signature(text, theirs)}")


def test_presigned_requests_can_be_signed_anew() -> None:
    """Re-signing takes the parameters of the old signature out of the query."""
    for signer in SIGNERS:
        arrived = signer.sign(AWSRequest("GET", f"http://{HOST}/bucket/key?versionId=1"), "token")
        ours = sigv4.sign(
            arrived,
            access_key_id="AKIDNEW",
            secret_access_key="new",
            region="eu-west-1",
            signing_name="s3",
            now=time.time(),
            payload=UNSIGNED_PAYLOAD,
        )
        assert ours.query == "versionId=1"
        assert ours.headers.get("x-amz-security-token") is None
        assert verify(ours, secret="new").scope.access_key_id == "AKIDNEW"
