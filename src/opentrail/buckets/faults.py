"""The errors of S3, with the status and the words that AWS uses; `BucketName`, `Key`, … are members of the error element."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class AccessDenied(Fault):
    """Access Denied"""

    status = 403


class AccessControlListNotSupported(Fault):
    """The bucket does not allow ACLs"""


class BadDigest(Fault):
    """The Content-MD5 you specified did not match what we received."""


class BucketAlreadyExists(Fault):
    """The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different \
name and try again."""

    status = 409


class BucketAlreadyOwnedByYou(Fault):
    """Your previous request to create the named bucket succeeded and you already own it."""

    status = 409


class BucketNotEmpty(Fault):
    """The bucket you tried to delete is not empty"""

    status = 409


class EntityTooLarge(Fault):
    """Your proposed upload exceeds the maximum allowed size"""


class EntityTooSmall(Fault):
    """Your proposed upload is smaller than the minimum allowed size"""


class IllegalLocationConstraintException(Fault):
    """The unspecified location constraint is incompatible for the region specific endpoint this request was sent to."""


class IllegalVersioningConfigurationException(Fault):
    """The Versioning element must be specified"""


class IncompleteBody(Fault):
    """You did not provide the number of bytes specified by the Content-Length HTTP header"""


class InternalError(Fault):
    """We encountered an internal error. Please try again."""

    status = 500
    sender = False


class InvalidArgument(Fault):
    """Invalid Argument"""


class InvalidBucketAclWithObjectOwnership(Fault):
    """Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"""


class InvalidBucketName(Fault):
    """The specified bucket is not valid."""


class InvalidBucketState(Fault):
    """The request is not valid for the current state of the bucket."""

    status = 409


class InvalidDigest(Fault):
    """The Content-MD5 you specified was invalid."""


class InvalidLocationConstraint(Fault):
    """The specified location-constraint is not valid"""


class InvalidObjectState(Fault):
    """The operation is not valid for the object's storage class"""

    status = 403


class InvalidPart(Fault):
    """One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not \
match the part's entity tag."""


class InvalidPartNumber(Fault):
    """The requested partnumber is not satisfiable"""

    status = 416


class InvalidPartOrder(Fault):
    """The list of parts was not in ascending order. Parts must be ordered by part number."""


class InvalidRange(Fault):
    """The requested range is not satisfiable"""

    status = 416


class InvalidRequest(Fault):
    """Invalid Request"""


class InvalidRetentionPeriod(Fault):
    """The retention period is not valid"""


class InvalidStorageClass(Fault):
    """The storage class you specified is not valid"""


class InvalidTag(Fault):
    """The tag provided was not a valid tag. This error can occur if the tag did not pass input validation."""


class InvalidURI(Fault):
    """Couldn't parse the specified URI."""


class KeyTooLongError(Fault):
    """Your key is too long"""


class MalformedPolicy(Fault):
    """Policies must be valid JSON and the first byte must be '{'"""


class MalformedXML(Fault):
    """The XML you provided was not well-formed or did not validate against our published schema"""


class MetadataTooLarge(Fault):
    """Your metadata headers exceed the maximum allowed metadata size"""


class MethodNotAllowed(Fault):
    """The specified method is not allowed against this resource."""

    status = 405

    @classmethod
    def of_marker(cls, version_id: str) -> MethodNotAllowed:
        """The version that was asked for is a delete marker: it can only be removed."""
        fault = cls(ResourceType="DeleteMarker")
        fault.headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version_id, "allow": "DELETE"}
        return fault


class MissingContentLength(Fault):
    """You must provide the Content-Length HTTP header."""

    status = 411


class NoSuchBucket(Fault):
    """The specified bucket does not exist"""

    status = 404


class NoSuchBucketPolicy(Fault):
    """The bucket policy does not exist"""

    status = 404


class NoSuchCORSConfiguration(Fault):
    """The CORS configuration does not exist"""

    status = 404


class NoSuchKey(Fault):
    """The specified key does not exist."""

    status = 404

    @classmethod
    def of_marker(cls, key: str, version_id: str) -> NoSuchKey:
        """The latest version is a delete marker."""
        fault = cls(Key=key)
        fault.headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version_id}
        return fault


class NoSuchLifecycleConfiguration(Fault):
    """The lifecycle configuration does not exist"""

    status = 404


class NoSuchObjectLockConfiguration(Fault):
    """The specified object does not have a ObjectLock configuration"""

    status = 404


class NoSuchPublicAccessBlockConfiguration(Fault):
    """The public access block configuration was not found"""

    status = 404


class NoSuchTagSet(Fault):
    """The TagSet does not exist"""

    status = 404


class NoSuchUpload(Fault):
    """The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."""

    status = 404


class NoSuchVersion(Fault):
    """The specified version does not exist."""

    status = 404


class NoSuchWebsiteConfiguration(Fault):
    """The specified bucket does not have a website configuration"""

    status = 404


class NotServed(Fault):
    """OpenTrail does not serve this part of S3 yet."""

    code = "NotImplemented"
    status = 501
    sender = False


class ObjectLockConfigurationNotFoundError(Fault):
    """Object Lock configuration does not exist for this bucket"""

    status = 404


class OwnershipControlsNotFoundError(Fault):
    """The bucket ownership controls were not found"""

    status = 404


class PreconditionFailed(Fault):
    """At least one of the pre-conditions you specified did not hold"""

    status = 412


class ReplicationConfigurationNotFoundError(Fault):
    """The replication configuration was not found"""

    status = 404


class SlowDown(Fault):
    """Please reduce your request rate."""

    status = 503
    sender = False


class StorageFull(Fault):
    """There is no space left for the data of objects; nothing was changed. Free disk space and try again."""

    code = "ServiceUnavailable"
    status = 503
    sender = False
