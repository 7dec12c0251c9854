"""What Lake's operations refuse (reference of Lake, §2-§11): the codes are botocore's, the words ours."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class AccountHasOngoingImportException(Fault):
    """An import is running in the account already. Wait until it has ended, or stop it with StopImport."""


class ChannelARNInvalidException(Fault):
    """The channel ARN or ID is not valid."""


class ChannelAlreadyExistsException(Fault):
    """A channel of this name exists already in the account and Region."""


class ChannelExistsForEDSException(Fault):
    """A channel still delivers to the event data store. Delete the channel, or change its destinations, first."""


class ChannelMaxLimitExceededException(Fault):
    """The account has as many channels in this Region as it may have."""


class ChannelNotFoundException(Fault):
    """The channel was not found."""


class CloudTrailAccessNotEnabledException(Fault):
    """Trusted access of CloudTrail is not enabled in Organizations."""


class CloudTrailARNInvalidException(Fault):
    """The ARN is not valid."""


class ConcurrentModificationException(Fault):
    """Another change of the same resource is under way. Try again in a moment."""


class ConflictException(Fault):
    """The request conflicts with what the resource is, or with another change of it."""


class EventDataStoreARNInvalidException(Fault):
    """The event data store ARN or ID is not valid."""


class EventDataStoreAlreadyExistsException(Fault):
    """An event data store of this name exists already in the account and Region."""


class EventDataStoreFederationEnabledException(Fault):
    """Lake query federation is enabled for the event data store. Disable it first."""


class EventDataStoreHasOngoingImportException(Fault):
    """An import into the event data store is running. Wait until it has ended, or stop it with StopImport."""


class EventDataStoreMaxLimitExceededException(Fault):
    """The account has as many event data stores in this Region as it may have."""


class EventDataStoreNotFoundException(Fault):
    """The event data store was not found."""


class EventDataStoreTerminationProtectedException(Fault):
    """The event data store is protected from termination. Turn its termination protection off first."""


class GenerateResponseException(Fault):
    """No query could be made from the prompt. Say what is asked for in other words."""


class ImportNotFoundException(Fault):
    """The import was not found."""


class InactiveEventDataStoreException(Fault):
    """The event data store is not active."""


class InactiveQueryException(Fault):
    """The query has ended already."""


class InsightNotEnabledException(Fault):
    """Insights are not enabled for the event data store."""


class InsufficientDependencyServiceAccessPermissionException(Fault):
    """The caller may not do in Organizations or IAM what the request needs there."""


class InsufficientEncryptionPolicyException(Fault):
    """The policy of the KMS key does not let CloudTrail use it."""


class InsufficientIAMAccessPermissionException(Fault):
    """The caller may not do in IAM what the request needs there."""


class InsufficientS3BucketPolicyException(Fault):
    """The policy of the bucket does not let CloudTrail write to it."""


class InvalidDateRangeException(Fault):
    """The start of the range is after its end."""


class InvalidEventDataStoreCategoryException(Fault):
    """The operation is not for the category of events that the event data store holds."""


class InvalidEventDataStoreStatusException(Fault):
    """The status of the event data store does not allow the operation."""


class InvalidEventSelectorsException(Fault):
    """The advanced event selectors are not valid."""


class InvalidImportSourceException(Fault):
    """The import source is not valid: it needs the S3 URI of a bucket or prefix, its Region, and a role that may read it."""


class InvalidInsightSelectorsException(Fault):
    """The Insights selectors are not valid."""


class InvalidKmsKeyIdException(Fault):
    """The KMS key ID is not valid."""


class InvalidMaxResultsException(Fault):
    """MaxResults is out of its range."""


class InvalidNextTokenException(Fault):
    """The token is not valid, or the request is not the one that it was given for."""


class InvalidParameterCombinationException(Fault):
    """These parameters cannot be given together."""


class InvalidParameterException(Fault):
    """A parameter is not valid."""


class InvalidQueryStatementException(Fault):
    """The query cannot be run."""


class InvalidQueryStatusException(Fault):
    """There is no such query status."""


class InvalidS3BucketNameException(Fault):
    """The bucket name is not valid."""


class InvalidS3PrefixException(Fault):
    """The prefix is not valid."""


class InvalidSourceException(Fault):
    """The source of the channel is not valid."""


class InvalidTagParameterException(Fault):
    """The tags are not valid."""


class KmsException(Fault):
    """The KMS key cannot be used."""


class KmsKeyNotFoundException(Fault):
    """The KMS key was not found."""


class MaxConcurrentQueriesException(Fault):
    """As many queries are running as may run at the same time. Wait until one has ended, or cancel one."""


class NoManagementAccountSLRExistsException(Fault):
    """The management account has no service-linked role for CloudTrail."""


class NotOrganizationMasterAccountException(Fault):
    """Only the management account of the organization, or a delegated administrator, may do this."""


class OperationNotPermittedException(Fault):
    """The operation is not permitted."""


class OrganizationNotInAllFeaturesModeException(Fault):
    """The organization does not have all features enabled."""


class OrganizationsNotInUseException(Fault):
    """The account is in no organization."""


class QueryIdNotFoundException(Fault):
    """The query was not found."""


class ResourceARNNotValidException(Fault):
    """The ARN is not valid, or not one of a resource that the operation is for."""


class ResourceNotFoundException(Fault):
    """The resource was not found."""


class ResourcePolicyNotFoundException(Fault):
    """The resource has no policy."""


class ResourcePolicyNotValidException(Fault):
    """The resource policy is not valid."""


class ResourceTypeNotSupportedException(Fault):
    """The operation is not for resources of this type."""


class S3BucketDoesNotExistException(Fault):
    """The bucket does not exist."""


class ServiceQuotaExceededException(Fault):
    """The request would exceed a quota of the account."""


class TagsLimitExceededException(Fault):
    """The resource would have more tags than it may have."""


class UnsupportedOperationException(Fault):
    """The operation is not supported here."""
