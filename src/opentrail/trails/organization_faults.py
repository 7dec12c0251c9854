"""What a client can be told about organization trails (codes: botocore's model; situations: reference of trails, §11 and §13)."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class CloudTrailAccessNotEnabledException(Fault):
    """Trusted access has not been enabled between CloudTrail and Organizations. Call EnableAWSServiceAccess of Organizations first."""


class InsufficientDependencyServiceAccessPermissionException(Fault):
    """The caller lacks a permission in Organizations or IAM that the operation takes."""


class NoManagementAccountSLRExistsException(Fault):
    """The management account does not have a service-linked role for CloudTrail."""


class NotOrganizationMasterAccountException(Fault):
    """The account making the request is neither the organization's management account nor a delegated administrator for CloudTrail."""


class OrganizationNotInAllFeaturesModeException(Fault):
    """Organizations is not configured to support all features."""
