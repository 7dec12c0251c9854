"""What KMS answers when it cannot do as asked. Codes are those of botocore's model; `AccessDeniedException` is common to all services."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class AccessDeniedException(Fault):
    """You are not authorized to perform this operation."""


class AlreadyExistsException(Fault):
    """There is such a resource already."""


class DisabledException(Fault):
    """The KMS key is disabled. Enable it with EnableKey, or use another one."""


class DryRunOperationException(Fault):
    """The request would have succeeded, but the DryRun option is set."""


class IncorrectKeyException(Fault):
    """The key ID in the request does not identify the KMS key that encrypted the ciphertext."""


class InvalidAliasNameException(Fault):
    """The alias name is not valid. Names that begin with alias/aws/ are kept for AWS managed keys."""


class InvalidArnException(Fault):
    """The ARN is not valid here."""


class InvalidCiphertextException(Fault):
    """The ciphertext or the encryption context is not the one that came from encrypting: damaged, incomplete, or not of this service."""


class InvalidGrantIdException(Fault):
    """The grant ID is not valid."""


class InvalidGrantTokenException(Fault):
    """The grant token is not one that CreateGrant has given out here."""


class InvalidKeyUsageException(Fault):
    """The key usage or key spec of the KMS key does not fit the operation."""


class InvalidMarkerException(Fault):
    """The marker is not one that this operation has given out."""


class KMSInvalidMacException(Fault):
    """The HMAC is not that of the message under the KMS key and MAC algorithm in the request."""


class KMSInvalidSignatureException(Fault):
    """The signature is not that of the message under the KMS key and signing algorithm in the request."""


class KMSInvalidStateException(Fault):
    """The state of the KMS key does not allow this."""


class LimitExceededException(Fault):
    """A quota is reached."""


class MalformedPolicyDocumentException(Fault):
    """The key policy is not valid."""


class NotFoundException(Fault):
    """There is no such key, alias or grant."""


class TagException(Fault):
    """The tags are not valid."""


class UnsupportedOperationException(Fault):
    """This is not supported for this KMS key."""
