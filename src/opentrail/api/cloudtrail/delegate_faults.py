"""What a client of the operations on delegated administrators can be told (codes: botocore's model; situations: trails.md §11)."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class AccountNotFoundException(Fault):
    """The specified account is not found or not part of an organization."""


class AccountRegisteredException(Fault):
    """The account is already registered as the CloudTrail delegated administrator."""


class AccountNotRegisteredException(Fault):
    """The specified account is not registered as the CloudTrail delegated administrator."""


class CannotDelegateManagementAccountException(Fault):
    """The management account of an organization cannot be registered as the CloudTrail delegated administrator."""


class DelegatedAdminAccountLimitExceededException(Fault):
    """An organization can have at most three CloudTrail delegated administrators."""


class NotOrganizationManagementAccountException(Fault):
    """The account making the request is not the organization's management account."""
