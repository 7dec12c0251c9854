"""Why a call was refused before anything was done, and how each AWS protocol says so.

`Refused`
 ├─ `MissingAuthentication`     no signature at all
 ├─ `MalformedAuthentication`   a signature that cannot be read
 │   └─ `UnknownAlgorithm`          of a kind that is not served (SigV4A, Bearer, ...)
 ├─ `UnknownAccessKey`          nobody's key
 ├─ `InvalidToken`              a session token that is not the key's
 ├─ `ExpiredToken`              temporary credentials past their time
 ├─ `ClockSkew`                 signed too long ago, or in the future
 ├─ `RequestExpired`            a presigned URL past its time
 ├─ `SignatureMismatch`         signed with another secret, or changed on the way
 │   └─ `ContentMismatch`           the body is not the one signed
 ├─ `WrongScope`                signed for another day, Region or service
 ├─ `UnsignedHeaders`           headers that must be signed and are not
 ├─ `InvalidContentHash`        an `x-amz-content-sha256` that is missing or means nothing
 └─ `AccessDenied`              known, but not allowed

They are raised without knowing the protocol; `fault` gives each the code, the status and the words of the service that was called.
Sources: the common errors of the API references, S3's and EC2's lists of error codes.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from opentrail.clock import iso_seconds
from opentrail.wire.faults import Fault
from opentrail.wire.faults import fault as make_fault
from opentrail.wire.scope import MAX_SKEW, basic_text

PolicyKind = Literal["identity-based", "resource-based", "permissions boundary", "session", "service control"]
Dialect = Literal["query", "json", "rest-json", "rest-xml", "ec2", "s3"]


class Refused(Exception):
    """The request was refused."""

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or inspect.getdoc(type(self)) or ""
        super().__init__(self.detail)


class MissingAuthentication(Refused):
    """Request is missing Authentication Token"""


class MalformedAuthentication(Refused):
    """The request signature does not conform to AWS standards."""

    def __init__(self, detail: str | None = None, *, query: bool = False, both: bool = False) -> None:
        """`query`: it was in the query rather than in the Authorization header; `both`: in more than one place."""
        super().__init__(detail)
        self.query = query
        self.both = both


class UnknownAlgorithm(MalformedAuthentication):
    """The signing algorithm is not supported. Please use AWS4-HMAC-SHA256."""


class UnknownAccessKey(Refused):
    """The security token included in the request is invalid."""

    def __init__(self, access_key_id: str) -> None:
        super().__init__()
        self.access_key_id = access_key_id


class InvalidToken(Refused):
    """The security token included in the request is invalid."""


class ExpiredToken(Refused):
    """The security token included in the request is expired"""


class ClockSkew(Refused):
    """The difference between the request time and the current time is too large."""

    def __init__(self, *, signed: float, now: float, presigned: bool = False) -> None:
        """`signed` and `now` in seconds since the epoch."""
        words = ("expired", "earlier", "-") if signed < now else ("not yet current", "later", "+")
        limit = now - MAX_SKEW if signed < now else now + MAX_SKEW
        super().__init__(
            f"Signature {words[0]}: {basic_text(signed)} is {'now' if signed < now else 'still'} {words[1]} than {basic_text(limit)} "
            f"({basic_text(now)} {words[2]} {MAX_SKEW // 60} min.)"
        )
        self.signed = signed
        self.now = now
        self.presigned = presigned


class RequestExpired(Refused):
    """Request has expired"""

    def __init__(self, *, expires: float, now: float) -> None:
        """`expires` and `now` in seconds since the epoch."""
        super().__init__(f"Signature expired: {basic_text(expires)} is now earlier than {basic_text(now)}")
        self.expires = expires
        self.now = now


class SignatureMismatch(Refused):
    """The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. \
Consult the service documentation for details."""

    def __init__(self, *, access_key_id: str = "", provided: str = "", string_to_sign: str = "") -> None:
        super().__init__()
        self.access_key_id = access_key_id
        self.provided = provided
        self.string_to_sign = string_to_sign


class ContentMismatch(SignatureMismatch):
    """The provided 'x-amz-content-sha256' header does not match what was computed."""

    def __init__(self, *, declared: str, computed: str) -> None:
        super().__init__()
        self.declared = declared
        self.computed = computed


class WrongScope(Refused):
    """Credential should be scoped to a valid date, Region and service."""

    def __init__(self, detail: str | None = None, *, query: bool = False) -> None:
        super().__init__(detail)
        self.query = query


class UnsignedHeaders(Refused):
    """There were headers present in the request which were not signed"""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names


class InvalidContentHash(Refused):
    """x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, \
STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."""

    def __init__(self, value: str | None) -> None:
        """`None`: the header is missing."""
        super().__init__("Missing required header for this request: x-amz-content-sha256" if value is None else None)
        self.value = value


class AccessDenied(Refused):
    """User is not authorized to perform the action."""

    def __init__(
        self,
        *,
        arn: str,
        action: str,
        resource: str,
        explicit_deny: bool = False,
        policy: PolicyKind = "identity-based",
        reason: str | None = None,
    ) -> None:
        """`policy` is the kind of policy that denied, or that did not allow; `reason` says it all in its stead (`""`: nothing is said)."""
        if reason is None:
            kind = policy if policy == "permissions boundary" else f"{policy} policy"
            article = "an" if kind[0] in "aeiou" else "a"
            reason = f"with an explicit deny in {article} {kind}" if explicit_deny else f"because no {kind} allows the {action} action"
        super().__init__(f"User: {arn} is not authorized to perform: {action} on resource: {resource} {reason}".rstrip())
        self.quoted = f'User: {arn} is not authorized to perform: {action} on resource: "{resource}" {reason}'.rstrip()
        """The same as S3 words it."""


class Saying(NamedTuple):
    """How one protocol says one thing; without `message` the refusal's own detail is said."""

    code: str
    status: int
    message: str | None = None


_INVALID_TOKEN = "The security token included in the request is invalid."
_EXPIRED_TOKEN = "The security token included in the request is expired"
_MISMATCH = inspect.getdoc(SignatureMismatch)

_QUERY: Mapping[type[Refused], Saying] = {
    MissingAuthentication: Saying("MissingAuthenticationToken", 403),
    MalformedAuthentication: Saying("IncompleteSignature", 403),
    UnknownAccessKey: Saying("InvalidClientTokenId", 403),
    InvalidToken: Saying("InvalidClientTokenId", 403),
    ExpiredToken: Saying("ExpiredToken", 403),
    ClockSkew: Saying("SignatureDoesNotMatch", 403),
    RequestExpired: Saying("SignatureDoesNotMatch", 403),
    SignatureMismatch: Saying("SignatureDoesNotMatch", 403),
    ContentMismatch: Saying("SignatureDoesNotMatch", 403, _MISMATCH),
    WrongScope: Saying("SignatureDoesNotMatch", 403),
    UnsignedHeaders: Saying("SignatureDoesNotMatch", 403),
    InvalidContentHash: Saying("SignatureDoesNotMatch", 403),
    AccessDenied: Saying("AccessDenied", 403),
}
_JSON: Mapping[type[Refused], Saying] = {
    MissingAuthentication: Saying("MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
    MalformedAuthentication: Saying("IncompleteSignatureException", 400),
    UnknownAccessKey: Saying("UnrecognizedClientException", 400),
    InvalidToken: Saying("UnrecognizedClientException", 400),
    ExpiredToken: Saying("ExpiredTokenException", 400),
    ClockSkew: Saying("InvalidSignatureException", 400),
    RequestExpired: Saying("InvalidSignatureException", 400),
    SignatureMismatch: Saying("InvalidSignatureException", 400),
    ContentMismatch: Saying("InvalidSignatureException", 400, _MISMATCH),
    WrongScope: Saying("InvalidSignatureException", 400),
    UnsignedHeaders: Saying("InvalidSignatureException", 400),
    InvalidContentHash: Saying("InvalidSignatureException", 400),
    AccessDenied: Saying("AccessDeniedException", 400),
}
_AUTH_FAILURE = Saying("AuthFailure", 401, "AWS was not able to validate the provided access credentials")
_EC2: Mapping[type[Refused], Saying] = {
    MissingAuthentication: Saying(
        "MissingAuthenticationToken", 403, "The request must contain either a valid (registered) AWS access key ID or X.509 certificate."
    ),
    MalformedAuthentication: Saying("IncompleteSignature", 403),
    UnknownAccessKey: _AUTH_FAILURE,
    InvalidToken: _AUTH_FAILURE,
    ExpiredToken: Saying("RequestExpired", 400, "Request has expired."),
    ClockSkew: Saying("RequestExpired", 400, "Request has expired."),
    RequestExpired: Saying("RequestExpired", 400, "Request has expired."),
    SignatureMismatch: _AUTH_FAILURE,
    ContentMismatch: _AUTH_FAILURE,
    WrongScope: _AUTH_FAILURE,
    UnsignedHeaders: _AUTH_FAILURE,
    InvalidContentHash: _AUTH_FAILURE,
    AccessDenied: Saying("UnauthorizedOperation", 403),
}
_S3: Mapping[type[Refused], Saying] = {
    MissingAuthentication: Saying("AccessDenied", 403, "Access Denied"),
    MalformedAuthentication: Saying("AuthorizationHeaderMalformed", 400),
    UnknownAccessKey: Saying("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    InvalidToken: Saying("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    ExpiredToken: Saying("ExpiredToken", 400, "The provided token has expired."),
    ClockSkew: Saying("RequestTimeTooSkewed", 403, inspect.getdoc(ClockSkew)),
    RequestExpired: Saying("AccessDenied", 403, "Request has expired"),
    SignatureMismatch: Saying(
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    ),
    ContentMismatch: Saying("XAmzContentSHA256Mismatch", 400, inspect.getdoc(ContentMismatch)),
    WrongScope: Saying("AuthorizationHeaderMalformed", 400),
    UnsignedHeaders: Saying("AccessDenied", 403),
    InvalidContentHash: Saying("InvalidArgument", 400),
    AccessDenied: Saying("AccessDenied", 403),
}
_REST_JSON = {kind: saying._replace(status=403) for kind, saying in _JSON.items()}
SAYINGS: Mapping[Dialect, Mapping[type[Refused], Saying]] = {
    "query": _QUERY,
    "rest-xml": _QUERY,
    "json": _JSON,
    "rest-json": _REST_JSON,
    "ec2": _EC2,
    "s3": _S3,
}


def dialect(service: str, protocol: str) -> Dialect:
    """How `service` (botocore's name) words its refusals when spoken to in `protocol` (botocore's name)."""
    if service in ("s3", "s3control"):
        return "s3"
    match protocol:
        case "query" | "rest-xml" | "rest-json" | "ec2":
            return protocol
        case _:
            return "json"


def fault(refused: Refused, *, service: str, protocol: str) -> Fault:
    """What the caller of `service` in `protocol` (both as botocore spells them) is told."""
    spoken = dialect(service, protocol)
    kind = type(refused)
    while kind not in SAYINGS[spoken]:
        kind = kind.__mro__[1]
    code, status, words = SAYINGS[spoken][kind]
    message = words or refused.detail
    if spoken == "s3":
        code, status, message = _s3_case(refused, code, status, message)
        return make_fault(code, message, status=status, **_s3_members(refused))
    if spoken == "ec2" and isinstance(refused, AccessDenied):
        message = f"You are not authorized to perform this operation. {message}"
    elif service == "sns" and isinstance(refused, AccessDenied):
        code = "AuthorizationError"
    return make_fault(code, message, status=status)


def _s3_case(refused: Refused, code: str, status: int, message: str) -> tuple[str, int, str]:
    match refused:
        case UnknownAlgorithm(query=False):
            return "InvalidRequest", 400, f"The authorization mechanism you have provided is not supported. {message}"
        case MalformedAuthentication(both=True):
            return "InvalidArgument", 400, message
        case MalformedAuthentication(query=True) | WrongScope(query=True):
            return "AuthorizationQueryParametersError", 400, message
        case MalformedAuthentication() | WrongScope():
            return code, status, f"The authorization header is malformed; {message}"
        case ClockSkew(presigned=True) if refused.signed > refused.now:
            return "AccessDenied", 403, "Request is not valid yet"
        case InvalidContentHash(value=None):
            return "InvalidRequest", 400, message
        case AccessDenied():
            return code, status, refused.quoted
    return code, status, message


def _s3_members(refused: Refused) -> dict[str, Any]:
    match refused:
        case UnknownAccessKey():
            return {"AWSAccessKeyId": refused.access_key_id}
        case ContentMismatch():
            return {"ClientComputedContentSHA256": refused.declared, "S3ComputedContentSHA256": refused.computed}
        case SignatureMismatch():
            return {
                "AWSAccessKeyId": refused.access_key_id,
                "StringToSign": refused.string_to_sign,
                "SignatureProvided": refused.provided,
            }
        case ClockSkew():
            return {
                "RequestTime": basic_text(refused.signed),
                "ServerTime": iso_seconds(refused.now),
                "MaxAllowedSkewMilliseconds": str(MAX_SKEW * 1000),
            }
        case RequestExpired():
            return {"Expires": iso_seconds(refused.expires), "ServerTime": iso_seconds(refused.now)}
        case UnsignedHeaders():
            return {"HeadersNotSigned": ", ".join(refused.names)}
    return {}
