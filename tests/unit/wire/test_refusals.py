"""What a refused caller is told, by service and protocol."""

from __future__ import annotations

import pytest

from opentrail.wire import refusals
from opentrail.wire.faults import Fault
from opentrail.wire.refusals import (
    AccessDenied,
    ClockSkew,
    ContentMismatch,
    ExpiredToken,
    InvalidContentHash,
    InvalidToken,
    MalformedAuthentication,
    MissingAuthentication,
    Refused,
    RequestExpired,
    SignatureMismatch,
    UnknownAccessKey,
    UnknownAlgorithm,
    UnsignedHeaders,
    WrongScope,
)
from opentrail.wire.scope import basic_time

NOW = float(basic_time("20260105T101112Z") or 0)
ALICE = "arn:aws:iam::123456789012:user/alice"

REFUSED: dict[str, Refused] = {
    "missing": MissingAuthentication(),
    "malformed": MalformedAuthentication("Authorization header requires 'Signature' parameter."),
    "malformed query": MalformedAuthentication("X-Amz-Expires should be a number", query=True),
    "both": MalformedAuthentication("Only one auth mechanism allowed", both=True),
    "algorithm": UnknownAlgorithm(),
    "unknown key": UnknownAccessKey("AKIAUNKNOWN"),
    "invalid token": InvalidToken(),
    "expired token": ExpiredToken(),
    "old": ClockSkew(signed=NOW - 1000, now=NOW),
    "future": ClockSkew(signed=NOW + 1000, now=NOW),
    "presigned for later": ClockSkew(signed=NOW + 1000, now=NOW, presigned=True),
    "presigned expired": RequestExpired(expires=NOW - 1, now=NOW),
    "signature": SignatureMismatch(access_key_id="AKIAKNOWN", provided="00", string_to_sign="AWS4-HMAC-SHA256\n..."),
    "content": ContentMismatch(declared="aa", computed="bb"),
    "scope": WrongScope(),
    "scope query": WrongScope(query=True),
    "headers": UnsignedHeaders(("x-amz-acl", "x-amz-target")),
    "content hash": InvalidContentHash("abc"),
    "no content hash": InvalidContentHash(None),
    "denied": AccessDenied(arn=ALICE, action="iam:ListUsers", resource="*"),
}

# what → (query, json, rest-json, ec2, s3), each "code status"
TABLE: dict[str, tuple[str, str, str, str, str]] = {
    "missing": (
        "MissingAuthenticationToken 403",
        "MissingAuthenticationTokenException 400",
        "MissingAuthenticationTokenException 403",
        "MissingAuthenticationToken 403",
        "AccessDenied 403",
    ),
    "malformed": (
        "IncompleteSignature 403",
        "IncompleteSignatureException 400",
        "IncompleteSignatureException 403",
        "IncompleteSignature 403",
        "AuthorizationHeaderMalformed 400",
    ),
    "malformed query": (
        "IncompleteSignature 403",
        "IncompleteSignatureException 400",
        "IncompleteSignatureException 403",
        "IncompleteSignature 403",
        "AuthorizationQueryParametersError 400",
    ),
    "both": (
        "IncompleteSignature 403",
        "IncompleteSignatureException 400",
        "IncompleteSignatureException 403",
        "IncompleteSignature 403",
        "InvalidArgument 400",
    ),
    "algorithm": (
        "IncompleteSignature 403",
        "IncompleteSignatureException 400",
        "IncompleteSignatureException 403",
        "IncompleteSignature 403",
        "InvalidRequest 400",
    ),
    "unknown key": (
        "InvalidClientTokenId 403",
        "UnrecognizedClientException 400",
        "UnrecognizedClientException 403",
        "AuthFailure 401",
        "InvalidAccessKeyId 403",
    ),
    "invalid token": (
        "InvalidClientTokenId 403",
        "UnrecognizedClientException 400",
        "UnrecognizedClientException 403",
        "AuthFailure 401",
        "InvalidToken 400",
    ),
    "expired token": (
        "ExpiredToken 403",
        "ExpiredTokenException 400",
        "ExpiredTokenException 403",
        "RequestExpired 400",
        "ExpiredToken 400",
    ),
    **dict.fromkeys(
        ("old", "future"),
        (
            "SignatureDoesNotMatch 403",
            "InvalidSignatureException 400",
            "InvalidSignatureException 403",
            "RequestExpired 400",
            "RequestTimeTooSkewed 403",
        ),
    ),
    **dict.fromkeys(
        ("presigned for later", "presigned expired"),
        (
            "SignatureDoesNotMatch 403",
            "InvalidSignatureException 400",
            "InvalidSignatureException 403",
            "RequestExpired 400",
            "AccessDenied 403",
        ),
    ),
    "signature": (
        "SignatureDoesNotMatch 403",
        "InvalidSignatureException 400",
        "InvalidSignatureException 403",
        "AuthFailure 401",
        "SignatureDoesNotMatch 403",
    ),
    "content": (
        "SignatureDoesNotMatch 403",
        "InvalidSignatureException 400",
        "InvalidSignatureException 403",
        "AuthFailure 401",
        "XAmzContentSHA256Mismatch 400",
    ),
    "scope": (
        "SignatureDoesNotMatch 403",
        "InvalidSignatureException 400",
        "InvalidSignatureException 403",
        "AuthFailure 401",
        "AuthorizationHeaderMalformed 400",
    ),
    "scope query": (
        "SignatureDoesNotMatch 403",
        "InvalidSignatureException 400",
        "InvalidSignatureException 403",
        "AuthFailure 401",
        "AuthorizationQueryParametersError 400",
    ),
    "headers": (
        "SignatureDoesNotMatch 403",
        "InvalidSignatureException 400",
        "InvalidSignatureException 403",
        "AuthFailure 401",
        "AccessDenied 403",
    ),
    "content hash": (
        "SignatureDoesNotMatch 403",
        "InvalidSignatureException 400",
        "InvalidSignatureException 403",
        "AuthFailure 401",
        "InvalidArgument 400",
    ),
    "no content hash": (
        "SignatureDoesNotMatch 403",
        "InvalidSignatureException 400",
        "InvalidSignatureException 403",
        "AuthFailure 401",
        "InvalidRequest 400",
    ),
    "denied": (
        "AccessDenied 403",
        "AccessDeniedException 400",
        "AccessDeniedException 403",
        "UnauthorizedOperation 403",
        "AccessDenied 403",
    ),
}
SPEAKERS = [("iam", "query"), ("cloudtrail", "json"), ("lambda", "rest-json"), ("ec2", "ec2"), ("s3", "rest-xml")]


def told(what: str, service: str, protocol: str) -> Fault:
    return refusals.fault(REFUSED[what], service=service, protocol=protocol)


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(REFUSED)


@pytest.mark.parametrize("column", range(5), ids=[service for service, _ in SPEAKERS])
@pytest.mark.parametrize("what", TABLE)
def test_codes_and_statuses(what: str, column: int) -> None:
    fault = told(what, *SPEAKERS[column])
    assert f"{fault.code} {fault.status}" == TABLE[what][column]
    assert fault.message
    assert fault.sender


OTHERS = [("sqs", "json"), ("sns", "query"), ("cloudwatch", "smithy-rpc-v2-cbor"), ("cloudfront", "rest-xml"), ("s3control", "rest-xml")]


@pytest.mark.parametrize(("service", "protocol"), OTHERS)
@pytest.mark.parametrize("what", TABLE)
def test_every_service_says_something(what: str, service: str, protocol: str) -> None:
    fault = told(what, service, protocol)
    assert fault.code
    assert 400 <= fault.status < 500


WORDS: list[tuple[str, tuple[str, str], str]] = [
    ("old", ("iam", "query"), "Signature expired: 20260105T095432Z is now earlier than 20260105T095612Z (20260105T101112Z - 15 min.)"),
    (
        "future",
        ("kms", "json"),
        "Signature not yet current: 20260105T102752Z is still later than 20260105T102612Z (20260105T101112Z + 15 min.)",
    ),
    ("old", ("s3", "rest-xml"), "The difference between the request time and the current time is too large."),
    ("presigned for later", ("s3", "rest-xml"), "Request is not valid yet"),
    ("presigned expired", ("s3", "rest-xml"), "Request has expired"),
    ("unknown key", ("s3", "rest-xml"), "The AWS Access Key Id you provided does not exist in our records."),
    ("unknown key", ("kms", "json"), "The security token included in the request is invalid."),
    ("unknown key", ("ec2", "ec2"), "AWS was not able to validate the provided access credentials"),
    ("missing", ("lambda", "rest-json"), "Missing Authentication Token"),
    ("malformed", ("s3", "rest-xml"), "The authorization header is malformed; Authorization header requires 'Signature' parameter."),
    (
        "denied",
        ("iam", "query"),
        f"User: {ALICE} is not authorized to perform: iam:ListUsers on resource: * "
        "because no identity-based policy allows the iam:ListUsers action",
    ),
    (
        "denied",
        ("s3", "rest-xml"),
        f'User: {ALICE} is not authorized to perform: iam:ListUsers on resource: "*" '
        "because no identity-based policy allows the iam:ListUsers action",
    ),
    (
        "denied",
        ("ec2", "ec2"),
        f"You are not authorized to perform this operation. User: {ALICE} is not authorized to perform: iam:ListUsers on resource: * "
        "because no identity-based policy allows the iam:ListUsers action",
    ),
]


@pytest.mark.parametrize(("what", "speaker", "message"), WORDS)
def test_words(what: str, speaker: tuple[str, str], message: str) -> None:
    assert told(what, *speaker).message == message


@pytest.mark.parametrize(
    ("policy", "explicit", "reason"),
    [
        ("identity-based", True, "with an explicit deny in an identity-based policy"),
        ("resource-based", True, "with an explicit deny in a resource-based policy"),
        ("permissions boundary", True, "with an explicit deny in a permissions boundary"),
        ("session", True, "with an explicit deny in a session policy"),
        ("service control", True, "with an explicit deny in a service control policy"),
        ("identity-based", False, "because no identity-based policy allows the s3:GetObject action"),
        ("permissions boundary", False, "because no permissions boundary allows the s3:GetObject action"),
        ("session", False, "because no session policy allows the s3:GetObject action"),
    ],
)
def test_reasons_of_denials(policy: refusals.PolicyKind, explicit: bool, reason: str) -> None:
    denied = AccessDenied(arn=ALICE, action="s3:GetObject", resource="arn:aws:s3:::b/k", policy=policy, explicit_deny=explicit)
    assert denied.detail == f"User: {ALICE} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k {reason}"


MEMBERS = [
    ("unknown key", {"AWSAccessKeyId": "AKIAUNKNOWN"}),
    ("signature", {"AWSAccessKeyId": "AKIAKNOWN", "SignatureProvided": "00", "StringToSign": "AWS4-HMAC-SHA256\n..."}),
    ("old", {"RequestTime": "20260105T095432Z", "ServerTime": "2026-01-05T10:11:12Z", "MaxAllowedSkewMilliseconds": "900000"}),
    ("presigned expired", {"Expires": "2026-01-05T10:11:11Z", "ServerTime": "2026-01-05T10:11:12Z"}),
    ("content", {"ClientComputedContentSHA256": "aa", "S3ComputedContentSHA256": "bb"}),
    ("headers", {"HeadersNotSigned": "x-amz-acl, x-amz-target"}),
]


@pytest.mark.parametrize(("what", "members"), MEMBERS)
def test_s3_tells_more(what: str, members: dict[str, str]) -> None:
    assert told(what, "s3", "rest-xml").members == members


def test_sns_has_its_own_word_for_denied() -> None:
    assert told("denied", "sns", "query").code == "AuthorizationError"
