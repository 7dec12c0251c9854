"""The rules of signatures one by one: what is missing, malformed, doubled, out of time, out of scope; and octets of any kind."""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.wire import sigv4
from opentrail.wire.http import Headers, Request
from opentrail.wire.refusals import (
    ClockSkew,
    ContentMismatch,
    InvalidContentHash,
    InvalidToken,
    MalformedAuthentication,
    MissingAuthentication,
    Refused,
    RequestExpired,
    SignatureMismatch,
    UnknownAlgorithm,
    UnsignedHeaders,
    WrongScope,
)
from opentrail.wire.scope import STREAMING_SIGNED, UNSIGNED_PAYLOAD, basic_time, http_time

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
STAMP = "20260105T101112Z"
NOW = float(basic_time(STAMP) or 0)
EMPTY = sha256(b"").hexdigest()


def signature(text: str, service: str, date: str = "20260105", region: str = "us-east-1") -> str:
    key = b"AWS4" + SECRET.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def by_header(
    service: str = "iam",
    *,
    signed: str = "host;x-amz-date",
    payload: str = EMPTY,
    headers: dict[str, str] | None = None,
    query: str = "",
    canonical_query: str | None = None,
    path: str = "/",
    canonical_path: str | None = None,
    body: bytes = b"",
) -> Request:
    """A request signed by the book, independent of the code under test."""
    lines = {"host": "localhost", "x-amz-date": STAMP, **(headers or {})}
    canonical = "".join(f"{name}:{lines[name]}\n" for name in signed.split(";"))
    text = f"POST\n{canonical_path or path}\n{query if canonical_query is None else canonical_query}\n{canonical}\n{signed}\n{payload}"
    scope = f"20260105/us-east-1/{service}/aws4_request"
    made = signature(f"AWS4-HMAC-SHA256\n{STAMP}\n{scope}\n{sha256(text.encode()).hexdigest()}", service)
    lines["authorization"] = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope},SignedHeaders={signed},Signature={made}"
    return Request(method="POST", path=path, query=query, headers=Headers(lines.items()), body=body)


def verify(request: Request, **options: object) -> sigv4.Verified:
    settings: dict[str, object] = {"secret": SECRET, "session_token": None, "now": NOW, **options}
    return sigv4.verify(request, **settings)  # type: ignore[arg-type]


def with_header(request: Request, name: str, value: str | None) -> Request:
    """`name` set to `value`, or taken out."""
    kept = [(n, v) for n, v in request.headers if n != name]
    return replace(request, headers=Headers(kept if value is None else [*kept, (name, value)]))


def authorization(text: str) -> Request:
    return with_header(by_header(), "authorization", text)


CREDENTIAL = f"Credential={KEY}/20260105/us-east-1/iam/aws4_request"
MALFORMED: list[tuple[str, Request, type[Refused]]] = [
    ("nothing at all", with_header(by_header(), "authorization", None), MissingAuthentication),
    ("empty header", authorization(""), MissingAuthentication),
    ("only the algorithm", authorization("AWS4-HMAC-SHA256"), MalformedAuthentication),
    ("no signature", authorization(f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host"), MalformedAuthentication),
    ("no signed headers", authorization(f"AWS4-HMAC-SHA256 {CREDENTIAL}, Signature=00"), MalformedAuthentication),
    ("no credential", authorization("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=00"), MalformedAuthentication),
    (
        "field twice",
        authorization(f"AWS4-HMAC-SHA256 {CREDENTIAL}, {CREDENTIAL}, SignedHeaders=host, Signature=00"),
        MalformedAuthentication,
    ),
    ("host not signed", authorization(f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=x-amz-date, Signature=00"), MalformedAuthentication),
    (
        "short credential",
        authorization("AWS4-HMAC-SHA256 Credential=A/20260105/iam, SignedHeaders=host, Signature=00"),
        MalformedAuthentication,
    ),
    (
        "other terminator",
        authorization(f"AWS4-HMAC-SHA256 Credential={KEY}/20260105/us-east-1/iam/aws5_request, SignedHeaders=host, Signature=00"),
        MalformedAuthentication,
    ),
    (
        "empty region",
        authorization(f"AWS4-HMAC-SHA256 Credential={KEY}/20260105//iam/aws4_request, SignedHeaders=host, Signature=00"),
        MalformedAuthentication,
    ),
    (
        "SigV4A",
        authorization("AWS4-ECDSA-P256-SHA256 Credential=A/20260105/iam/aws4_request, SignedHeaders=host, Signature=00"),
        UnknownAlgorithm,
    ),
    ("bearer token", authorization("Bearer abc"), UnknownAlgorithm),
    ("basic", authorization("Basic abc"), UnknownAlgorithm),
    ("SigV3", authorization("AWS3-HTTPS AWSAccessKeyId=x"), UnknownAlgorithm),
    ("no date", with_header(by_header(), "x-amz-date", None), MalformedAuthentication),
    ("date of another form", with_header(by_header(), "x-amz-date", "2026-01-05T10:11:12Z"), MalformedAuthentication),
    ("impossible date", with_header(by_header(), "x-amz-date", "20260231T101112Z"), MalformedAuthentication),
    ("another day than the scope", with_header(by_header(), "x-amz-date", "20260106T000000Z"), WrongScope),
    ("zeros for a signature", authorization(f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature={'0' * 64}"), SignatureMismatch),
    ("no hex at all", authorization(f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature=\xe9"), SignatureMismatch),
    ("x-amz-target not signed", with_header(by_header(), "x-amz-target", "X.Y"), UnsignedHeaders),
    ("token of nobody", with_header(by_header(), "x-amz-security-token", "t"), InvalidToken),
    ("S3 without content hash", by_header("s3"), InvalidContentHash),
    ("senseless content hash", with_header(by_header("s3"), "x-amz-content-sha256", "abc"), InvalidContentHash),
    ("presigned and in the header", replace(by_header(), query="X-Amz-Signature=00"), MalformedAuthentication),
    ("SigV2 and in the header", replace(by_header(), query="AWSAccessKeyId=a&Signature=b&Expires=1"), MalformedAuthentication),
    (
        "presigned without the rest",
        replace(with_header(by_header(), "authorization", None), query="X-Amz-Signature=00"),
        MalformedAuthentication,
    ),
    ("SigV2 without date", Request(method="GET", path="/b/k", headers=Headers([("authorization", "AWS A:b")])), MalformedAuthentication),
    (
        "SigV2 with a senseless date",
        Request(method="GET", path="/b/k", headers=Headers([("authorization", "AWS A:b"), ("date", "x")])),
        MalformedAuthentication,
    ),
    ("SigV2 without expiry", Request(method="GET", path="/b/k", query="AWSAccessKeyId=a&Signature=b"), MalformedAuthentication),
    (
        "SigV2 with a senseless expiry",
        Request(method="GET", path="/b/k", query="AWSAccessKeyId=a&Signature=b&Expires=-1"),
        MalformedAuthentication,
    ),
    (
        "SigV2 of the query services",
        Request(method="GET", path="/", query="AWSAccessKeyId=a&Signature=b&SignatureVersion=2"),
        MissingAuthentication,
    ),
]


@pytest.mark.parametrize(("request_", "kind"), [case[1:] for case in MALFORMED], ids=[case[0] for case in MALFORMED])
def test_what_cannot_be_read_is_refused(request_: Request, kind: type[Refused]) -> None:
    with pytest.raises(kind) as caught:
        verify(request_)
    assert type(caught.value) is kind


@pytest.mark.parametrize("name", ["authorization", "host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "content-length"])
def test_headers_that_may_come_only_once(name: str) -> None:
    plain = with_header(by_header(), name, "x") if name not in by_header().headers else by_header()
    doubled = replace(plain, headers=Headers([*plain.headers, (name, "x")]))
    with pytest.raises(MalformedAuthentication):
        verify(doubled)


def test_a_request_signed_by_the_book() -> None:
    verified = verify(by_header())
    assert verified.scope == sigv4.Scope(access_key_id=KEY, date="20260105", region="us-east-1", signing_name="iam")
    assert verified.payload == EMPTY
    assert SECRET not in repr(verified)
    assert str(verified.signing_key) not in repr(verified)


@pytest.mark.parametrize(("away", "fits"), [(0, True), (899, True), (900, True), (901, False), (-900, True), (-901, False), (86400, False)])
def test_fifteen_minutes_either_way(away: int, fits: bool) -> None:
    if fits:
        assert verify(by_header(), now=NOW + away)
    else:
        with pytest.raises(ClockSkew):
            verify(by_header(), now=NOW + away)


@pytest.mark.parametrize(
    "date", ["Mon, 05 Jan 2026 10:11:12 GMT", "Mon, 05 Jan 2026 10:11:12 -0000", "Mon, 05 Jan 2026 12:11:12 +0200", STAMP]
)
def test_date_header_in_place_of_x_amz_date(date: str) -> None:
    signed = by_header(signed="date;host", headers={"date": date})
    assert verify(with_header(signed, "x-amz-date", None)).timestamp == STAMP


def test_scope_must_be_for_the_service() -> None:
    assert verify(by_header("iam"), signing_names=("iam", "sts"))
    with pytest.raises(WrongScope, match="'sts'"):
        verify(by_header("iam"), signing_names=("sts",))


def test_session_token() -> None:
    with_token = by_header(signed="host;x-amz-date;x-amz-security-token", headers={"x-amz-security-token": "token"})
    assert verify(with_token, session_token="token")
    for wrong in (None, "Token", ""):
        with pytest.raises(InvalidToken):
            verify(with_token, session_token=wrong)
    added_later = with_header(by_header(), "x-amz-security-token", "token")  # as some services want it
    assert verify(added_later, session_token="token")
    with pytest.raises(InvalidToken):
        verify(by_header(), session_token="token")


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("/a b", "/a%20b"),
        ("/a%20b", "/a%2520b"),
        ("/a//b/../c/./d/", "/a/c/d/"),
        ("/..", "/"),
        ("/a%2Fb", "/a%252Fb"),
        ("/~-_.", "/~-_."),
        ("/a:b", "/a%3Ab"),
        ("/é", "/%E9"),
    ],
)
def test_paths_are_normalised_and_encoded_twice(sent: str, canonical: str) -> None:
    assert verify(by_header(path=sent, canonical_path=canonical))


S3 = {"x-amz-content-sha256": UNSIGNED_PAYLOAD}
S3_SIGNED = "host;x-amz-content-sha256;x-amz-date"


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("/b/a//b/../c", "/b/a//b/../c"),
        ("/b/a%20b", "/b/a%20b"),
        ("/b/(a)", "/b/%28a%29"),
        ("/b/(a)", "/b/(a)"),
        ("/b/%e1", "/b/%E1"),
        ("/b/%28", "/b/%28"),
    ],
)
def test_s3_keys_are_taken_as_they_are(sent: str, canonical: str) -> None:
    """Encoded anew, as AWS says, or as sent, as botocore does."""
    assert verify(by_header("s3", path=sent, canonical_path=canonical, headers=S3, signed=S3_SIGNED, payload=UNSIGNED_PAYLOAD))


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1", "a=1&a=2"),
        ("a", "a="),
        ("a=%2f", "a=%2F"),
        ("a=x/y", "a=x%2Fy"),
        ("a=x+y", "a=x%20y"),
        ("a=(", "a=%28"),
        ("a=~", "a=~"),
        ("a=b=c", "a=b%3Dc"),
        ("a-b=1&a=2", "a=2&a-b=1"),
    ],
)
def test_queries_are_sorted_and_encoded(sent: str, canonical: str) -> None:
    assert verify(by_header(query=sent, canonical_query=canonical))


def test_a_plus_cannot_become_a_blank() -> None:
    """Both are read as a blank or as a plus, alike by signature and parser; one cannot be put in place of the other."""
    with pytest.raises(SignatureMismatch):
        verify(replace(by_header(query="a=%2B"), query="a=+"))


def test_body_and_its_hash() -> None:
    body = b"Action=ListUsers"
    right = by_header(payload=sha256(body).hexdigest(), body=body)
    assert verify(right).payload == sha256(body).hexdigest()
    with pytest.raises(SignatureMismatch):
        verify(replace(right, body=b"Action=DeleteUser"))
    declared = by_header(
        "s3", payload=sha256(body).hexdigest(), headers={"x-amz-content-sha256": sha256(body).hexdigest()}, signed=S3_SIGNED, body=body
    )
    assert verify(declared)
    with pytest.raises(ContentMismatch):
        verify(replace(declared, body=b"other"))
    assert verify(replace(declared, body=b""), streamed=True).payload == sha256(body).hexdigest()  # chunked.decoder compares it


def test_streaming_says_so() -> None:
    streaming = by_header("s3", payload=STREAMING_SIGNED, headers={"x-amz-content-sha256": STREAMING_SIGNED}, signed=S3_SIGNED)
    verified = verify(streaming, streamed=True)
    assert verified.payload == STREAMING_SIGNED
    assert len(verified.signature) == 64
    assert len(verified.signing_key) == 32


def presigned(service: str = "s3", expires: str | None = "60", **changes: str) -> Request:
    given_ = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{KEY}%2F20260105%2Fus-east-1%2F{service}%2Faws4_request",
        "X-Amz-Date": STAMP,
        "X-Amz-SignedHeaders": "host",
        **({"X-Amz-Expires": expires} if expires is not None else {}),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    query = "&".join(f"{name}={value}" for name, value in sorted(given_.items()))
    payload = UNSIGNED_PAYLOAD if service == "s3" else EMPTY
    text = f"GET\n/b/k\n{query}\nhost:localhost\n\nhost\n{payload}"
    made = signature(f"AWS4-HMAC-SHA256\n{STAMP}\n20260105/us-east-1/{service}/aws4_request\n{sha256(text.encode()).hexdigest()}", service)
    return Request(method="GET", path="/b/k", query=f"{query}&X-Amz-Signature={made}", headers=Headers([("host", "localhost")]))


def test_presigned_urls() -> None:
    assert verify(presigned()).authentication_method == "QueryString"
    assert verify(presigned(), now=NOW + 60)
    assert verify(presigned("sts", expires=None), now=NOW + 900)
    with pytest.raises(RequestExpired):
        verify(presigned(), now=NOW + 61)
    with pytest.raises(RequestExpired):
        verify(presigned("sts", expires=None), now=NOW + 901)
    with pytest.raises(ClockSkew):
        verify(presigned(), now=NOW - 901)
    assert verify(presigned(expires="604800"), now=NOW + 604800)


@pytest.mark.parametrize(
    ("expires", "words"),
    [
        ("604801", "less than a week"),
        ("9" * 400, "less than a week"),
        ("0", "at least one"),
        ("-1", "at least one"),
        ("x", "a number"),
        ("1.5", "a number"),
        ("\u0663", "a number"),
        (None, "Missing: X-Amz-Expires"),
        ("", "Missing: X-Amz-Expires"),
    ],
)
def test_lives_of_presigned_urls(expires: str | None, words: str) -> None:
    with pytest.raises(MalformedAuthentication, match=words) as caught:
        verify(presigned(expires=expires))
    assert caught.value.query


def test_presigned_parameters_may_come_only_once() -> None:
    url = presigned()
    for extra in ("X-Amz-Date=20300101T000000Z", "X-Amz-Expires=604800", "X-Amz-Security-Token=a&X-Amz-Security-Token=b"):
        with pytest.raises(MalformedAuthentication):
            verify(replace(url, query=f"{url.query}&{extra}"))


def test_presigned_algorithm_of_another_kind() -> None:
    with pytest.raises(UnknownAlgorithm) as caught:
        verify(presigned(X_Amz_Algorithm="AWS4-ECDSA-P256-SHA256"))
    assert caught.value.query


def sigv2(text: str) -> str:
    return b64encode(hmac.new(SECRET.encode(), text.encode(), "sha1").digest()).decode()


DATE = "Mon, 05 Jan 2026 10:11:12 GMT"


@pytest.mark.parametrize(
    ("text", "query", "headers", "resource"),
    [
        (f"GET\n\n\n{DATE}\n/b/k", "", {"date": DATE}, None),
        (f"GET\nmd5\ntext/plain\n{DATE}\n/b/k", "prefix=x", {"date": DATE, "content-md5": "md5", "content-type": "text/plain"}, None),
        ("GET\n\n\n\nx-amz-date:" + DATE + "\n/b/k", "", {"x-amz-date": DATE}, None),
        (
            f"GET\n\n\n{DATE}\nx-amz-acl:private\nx-amz-meta-a:1,2\n/b/k",
            "",
            {"date": DATE, "x-amz-meta-a": "1,2", "x-amz-acl": "private"},
            None,
        ),
        (f"GET\n\n\n{DATE}\n/b/k?acl&versionId=a/b", "versionId=a%2Fb&acl", {"date": DATE}, None),
        (f"GET\n\n\n{DATE}\n/b/k?response-content-type=a b", "response-content-type=a%20b&x=y", {"date": DATE}, None),
        (f"GET\n\n\n{DATE}\n/bucket/b/k", "", {"date": DATE}, "/bucket/b/k"),
    ],
)
def test_sigv2_by_the_book(text: str, query: str, headers: dict[str, str], resource: str | None) -> None:
    lines = Headers([*headers.items(), ("authorization", f"AWS {KEY}:{sigv2(text)}")])
    verified = verify(Request(method="GET", path="/b/k", query=query, headers=lines), resource=resource)
    assert verified.signature_version == "SigV2"
    assert verified.scope == sigv4.Scope(access_key_id=KEY, date="", region="", signing_name="s3")


def test_sigv2_is_for_s3_only() -> None:
    lines = Headers([("date", DATE), ("authorization", f"AWS {KEY}:{sigv2(f'GET{chr(10)}{chr(10)}{chr(10)}{DATE}{chr(10)}/')}")])
    request = Request(method="GET", path="/", headers=lines)
    assert verify(request)
    with pytest.raises(WrongScope):
        verify(request, signing_names=("iam",))


octets = st.text(st.characters(max_codepoint=0xFF), max_size=60)
fragments = st.sampled_from(
    [
        "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS ", "Credential=", "SignedHeaders=host", ", ", ",", "Signature=", ":", "/", "=",
        f"{KEY}/20260105/us-east-1/s3/aws4_request", "20260105", "aws4_request", "X-Amz-Signature=", "X-Amz-Credential=", "&",
        "X-Amz-Date=", STAMP, "X-Amz-Expires=", "60", "X-Amz-SignedHeaders=host", "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "AWSAccessKeyId=", "Signature=",
        "Expires=", "99999999999", "%", "%ff", "+", "\xe9", "\u0663",
    ]
)  # fmt: skip
mixtures = st.lists(fragments | octets, max_size=14).map("".join)


@given(
    header=st.none() | mixtures,
    query=mixtures,
    date=st.sampled_from([STAMP, DATE, ""]) | octets,
    path=octets,
    extra=st.lists(st.tuples(octets, octets)),
)
def test_any_octets_are_refused_and_nothing_worse(
    header: str | None, query: str, date: str, path: str, extra: list[tuple[str, str]]
) -> None:
    lines = [("host", "x"), ("x-amz-date", date), *extra, *([("authorization", header)] if header is not None else [])]
    request = Request(method="GET", path="/" + path, query=query, headers=Headers(lines))
    sigv4.scope_of(request)
    with pytest.raises(Refused):
        verify(request)


@given(text=octets | st.text(max_size=40))
def test_times_of_any_kind(text: str) -> None:
    for at in (basic_time(text), http_time(text)):
        assert at is None or 0 <= at < 253_402_300_800


@pytest.mark.parametrize(
    "text", ["Mon, 01 Jan 1900 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2300", "00000101T000000Z", "19000101T000000Z"]
)
def test_times_far_away_are_none(text: str) -> None:
    assert http_time(text) is None
