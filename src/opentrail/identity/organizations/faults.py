"""What a client of the organizations operations can be told (codes and reasons: botocore's model).

The docstring is the default message. Faults with a `Reason` are raised with it: `ConstraintViolationException("…", Reason="…")`.
"""

from __future__ import annotations

from opentrail.wire.faults import Fault


class AccessDeniedException(Fault):
    """You don't have permissions to access this resource."""


class AccountAlreadyClosedException(Fault):
    """You attempted to close an account that is already closed."""


class AccountAlreadyRegisteredException(Fault):
    """The provided account is already a delegated administrator for your organization."""


class AccountNotFoundException(Fault):
    """You specified an account that doesn't exist."""


class AccountNotRegisteredException(Fault):
    """The provided account is not a registered delegated administrator for your organization."""


class AlreadyInOrganizationException(Fault):
    """The provided account is already a member of an organization."""


class AWSOrganizationsNotInUseException(Fault):
    """Your account is not a member of an organization."""


class ChildNotFoundException(Fault):
    """You specified a child that doesn't exist."""


class ConstraintViolationException(Fault):
    """The operation would violate a limit; `Reason` names it."""


class CreateAccountStatusNotFoundException(Fault):
    """You specified a create account request that doesn't exist."""


class DestinationParentNotFoundException(Fault):
    """You specified a destination parent that doesn't exist."""


class DuplicateAccountException(Fault):
    """The account is already present in the specified destination."""


class DuplicateHandshakeException(Fault):
    """A handshake with the same action and target already exists."""


class DuplicateOrganizationalUnitException(Fault):
    """An OU with the same name already exists."""


class DuplicatePolicyAttachmentException(Fault):
    """A policy with the specified name and type already exists."""


class DuplicatePolicyException(Fault):
    """A policy with the same name already exists."""


class HandshakeAlreadyInStateException(Fault):
    """The specified handshake is already in the requested state."""


class HandshakeConstraintViolationException(Fault):
    """The handshake would violate a constraint; `Reason` names it."""


class HandshakeNotFoundException(Fault):
    """You specified a handshake that doesn't exist."""


class InvalidHandshakeTransitionException(Fault):
    """You can't perform the operation on the handshake in its current state."""


class InvalidInputException(Fault):
    """You specified an invalid value."""


class MalformedPolicyDocumentException(Fault):
    """The provided policy document does not meet the requirements of the specified policy type."""


class MasterCannotLeaveOrganizationException(Fault):
    """The management account can't leave its organization. Delete the organization instead, once it has no other accounts."""


class OrganizationalUnitNotEmptyException(Fault):
    """To delete an OU you must first remove all accounts and child OUs from it."""


class OrganizationalUnitNotFoundException(Fault):
    """You specified an organizational unit that doesn't exist."""


class OrganizationNotEmptyException(Fault):
    """To delete an organization you must first remove all member accounts (except the management account)."""


class ParentNotFoundException(Fault):
    """You specified a parent that doesn't exist."""


class PolicyInUseException(Fault):
    """The policy is attached to one or more entities. Detach it from all roots, OUs and accounts first."""


class PolicyNotAttachedException(Fault):
    """The policy isn't attached to the specified target."""


class PolicyNotFoundException(Fault):
    """You specified a policy that doesn't exist."""


class PolicyTypeAlreadyEnabledException(Fault):
    """The specified policy type is already enabled."""


class PolicyTypeNotAvailableForOrganizationException(Fault):
    """The policy type can't be used with the feature set of this organization."""


class PolicyTypeNotEnabledException(Fault):
    """This operation can be performed only for enabled policy types."""


class ResourcePolicyNotFoundException(Fault):
    """The organization has no resource policy."""


class RootNotFoundException(Fault):
    """You specified a root that doesn't exist."""


class SourceParentNotFoundException(Fault):
    """You specified a source parent that doesn't exist."""


class TargetNotFoundException(Fault):
    """You specified a target that doesn't exist."""


def need_all_features() -> ConstraintViolationException:
    """The fault for operations that an organization with consolidated billing only does not have."""
    return ConstraintViolationException(
        "This operation requires an organization with all features enabled.", Reason="ORGANIZATION_NOT_IN_ALL_FEATURES_MODE"
    )
