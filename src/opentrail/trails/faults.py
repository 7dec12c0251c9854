"""What a client of the trail operations can be told (codes: botocore's model; situations and messages: the reference of trails, §13)."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class TrailNotFoundException(Fault):
    """The trail does not exist."""


class TrailAlreadyExistsException(Fault):
    """A trail of this name exists already."""


class MaximumNumberOfTrailsExceededException(Fault):
    """The account has as many trails in the Region as it may have."""


class InvalidTrailNameException(Fault):
    """The trail name breaks the rules for names."""


class InvalidHomeRegionException(Fault):
    """The trail can only be changed in its home Region."""


class CloudTrailARNInvalidException(Fault):
    """The ARN is not one of a trail that can be used here."""


class InvalidParameterCombinationException(Fault):
    """The parameters contradict each other."""


class InvalidS3BucketNameException(Fault):
    """The bucket name breaks the rules for names."""


class InvalidS3PrefixException(Fault):
    """The key prefix cannot be used."""


class S3BucketDoesNotExistException(Fault):
    """The bucket does not exist."""


class InsufficientS3BucketPolicyException(Fault):
    """The policy of the bucket does not let CloudTrail write."""


class InvalidSnsTopicNameException(Fault):
    """The topic name breaks the rules for names."""


class InsufficientSnsTopicPolicyException(Fault):
    """SNS Topic does not exist or the topic policy is incorrect!"""


class InvalidKmsKeyIdException(Fault):
    """The KMS key is not named in a form that can be used."""


class KmsKeyNotFoundException(Fault):
    """The KMS key does not exist, or is not in the Region of the bucket."""


class InsufficientEncryptionPolicyException(Fault):
    """The policy of the KMS key or of the bucket does not let CloudTrail encrypt log files."""


class KmsException(Fault):
    """The KMS key cannot be used."""


class InvalidCloudWatchLogsLogGroupArnException(Fault):
    """Check the log group ARN: CloudTrail can't validate it."""


class InvalidCloudWatchLogsRoleArnException(Fault):
    """You must specify a role ARN as well as a log group."""


class CloudWatchLogsDeliveryUnavailableException(Fault):
    """Cannot set a CloudWatch Logs delivery for this region."""


class OrganizationsNotInUseException(Fault):
    """The account is not a member of an organization."""


class InvalidEventSelectorsException(Fault):
    """The event selectors are not valid."""


class InvalidInsightSelectorsException(Fault):
    """The Insights selectors are not valid."""


class InsightNotEnabledException(Fault):
    """Insights is not enabled."""


class EventDataStoreNotFoundException(Fault):
    """The specified event data store was not found."""


class InvalidTagParameterException(Fault):
    """A tag has a key or value that cannot be used, or a key is given twice."""


class TagsLimitExceededException(Fault):
    """A resource has at most 50 tags."""


class ResourceNotFoundException(Fault):
    """The resource does not exist."""


class ResourceTypeNotSupportedException(Fault):
    """Resources of this type cannot be tagged."""


class InvalidTimeRangeException(Fault):
    """The start of the time range lies after its end."""


class InvalidTokenException(Fault):
    """The token is not one that was given out."""


class InvalidNextTokenException(Fault):
    """The token is not one that was given out."""


class ConflictException(Fault):
    """The change contradicts another resource."""


class InvalidParameterException(Fault):
    """The request has a parameter that cannot be used."""


class OperationNotPermittedException(Fault):
    """The requested operation is not permitted."""
