"""Faults of IAM and STS that more than one operation raises."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class NoSuchEntity(Fault):
    """The request was rejected because it referenced a resource entity that does not exist."""

    status = 404


class EntityAlreadyExists(Fault):
    """The request was rejected because it attempted to create a resource that already exists."""

    status = 409


class DeleteConflict(Fault):
    """The request was rejected because it attempted to delete a resource that has attached subordinate entities."""

    status = 409


class LimitExceeded(Fault):
    """The request was rejected because it attempted to create resources beyond the current account limits."""

    status = 409


class MalformedPolicyDocument(Fault):
    """The request was rejected because the policy document was malformed."""


class InvalidInput(Fault):
    """The request was rejected because an invalid or out-of-range value was supplied for an input parameter."""


class UnmodifiableEntity(Fault):
    """Only the service that depends on the service-linked role can modify or delete the role."""


class PolicyNotAttachable(Fault):
    """The request failed because the policy is not attachable."""


class PasswordPolicyViolation(Fault):
    """The password does not conform to the account password policy."""


class ValidationError(Fault):
    """The input fails to satisfy the constraints specified by an AWS service."""


class AccessDenied(Fault):
    """You do not have sufficient access to perform this action."""

    status = 403


class InvalidClientTokenId(Fault):
    """The security token included in the request is invalid."""

    status = 403


class InvalidParameterValue(Fault):
    """An invalid or out-of-range value was supplied for the input parameter."""


class PackedPolicyTooLarge(Fault):
    """The session policies and session tags are too large together."""


class InvalidAuthenticationCode(Fault):
    """The authentication codes do not fit the MFA device."""

    status = 403


class EntityTemporarilyUnmodifiable(Fault):
    """The entity cannot be modified at the moment; try again later."""

    status = 409


class InvalidIdentityToken(Fault):
    """The web identity token that was passed could not be validated."""


class ExpiredTokenException(Fault):
    """The web identity token that was passed is expired. Get a new one from the identity provider and then retry the request."""


class IDPRejectedClaim(Fault):
    """The identity provider reported that authentication failed."""

    status = 403


class IDPCommunicationError(Fault):
    """The identity provider that was asked to verify the incoming identity token could not be reached."""


class ReportNotPresent(Fault):
    """The credential report does not exist. Generate one with GenerateCredentialReport."""

    status = 410


class ReportExpired(Fault):
    """The most recent credential report has expired. Generate a new one with GenerateCredentialReport."""

    status = 410


class InvalidPublicKey(Fault):
    """The public key is malformed or otherwise invalid."""


class UnrecognizedPublicKeyEncoding(Fault):
    """The public key encoding format is unsupported or unrecognized."""


class DuplicateSSHPublicKey(Fault):
    """The SSH public key is already associated with the user."""


class MalformedCertificate(Fault):
    """The certificate was malformed or expired."""


class DuplicateCertificate(Fault):
    """The same certificate is already associated with a user of the account."""

    status = 409


class KeyPairMismatch(Fault):
    """The public key certificate and the private key do not match."""


class NotSupportedService(Fault):
    """The service does not support service-specific credentials."""

    status = 404
