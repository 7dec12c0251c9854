"""`errorCode`: how services name in records what they answer on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from botocore.model import OperationModel, ServiceModel

from opentrail.wire.query_names import QUERY_CODES

DENIALS = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "UnauthorizedAccess", "AuthorizationError"}
)
"""Wire codes of calls that the caller was not allowed to make."""
_UNKNOWN_CALLERS = frozenset(
    {
        "AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId",
        "InvalidToken", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "RequestExpired", "RequestTimeTooSkewed",
        "SignatureDoesNotMatch", "InvalidSignatureException", "UnrecognizedClientException",
    }
)  # fmt: skip
_THROTTLES = frozenset({"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"})

WITHOUT_PARAMETERS = DENIALS | _UNKNOWN_CALLERS | _THROTTLES
"""Wire codes of calls stopped before the service looked at them: their parameters are not recorded (seen: sts, organizations, ssm)."""

PARAMETERS_ANYWAY = frozenset({"ec2", "s3", "s3control", "ce"})
"""Services that record them all the same (seen: ec2, ce; documented: s3)."""

Namer = Callable[[str, int], str]
"""Of the code on the wire and the HTTP status: `errorCode`."""


def namer(operation: OperationModel) -> Namer:
    """How the operation's service names its errors.

    EC2 says whose mistake it was (`Client.…`, `Server.…`); query services print the name of the modelled error (`NoSuchEntity` on the
    wire is `NoSuchEntityException`), SQS its older codes, in whatever protocol a call came; a refusal is `AccessDenied` with all others.
    """
    service = operation.service_model
    if service.service_name == "ec2":
        return _ec2
    shapes = QUERY_CODES.get(service.service_name, {})
    if service.metadata.get("protocol") == "query":
        shapes = _shape_names(operation.service_model)

    def name(code: str, status: int) -> str:
        code = code.rpartition("#")[2].partition(":")[0]
        return "AccessDenied" if code == "AccessDeniedException" else shapes.get(code, code)

    return name


def plain(code: str, status: int) -> str:
    """For services that botocore does not know."""
    return "AccessDenied" if code == "AccessDeniedException" else code


def _ec2(code: str, status: int) -> str:
    if code.startswith(("Client.", "Server.")):
        return code
    return ("Server." if status >= 500 else "Client.") + code


def _shape_names(service: ServiceModel) -> Mapping[str, str]:
    names: dict[str, str] = {}
    for shape in service.error_shapes:
        code = shape.metadata.get("error", {}).get("code")
        if code and code not in names:
            names[code] = shape.name
    return names
