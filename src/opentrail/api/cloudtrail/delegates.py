"""RegisterOrganizationDelegatedAdmin and DeregisterOrganizationDelegatedAdmin (reference of trails, §11).

They wrap the operations of Organizations for CloudTrail's service principal: the same delegated administrators, CloudTrail's own faults.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

from opentrail.api.call import Call, Handler, Need, Result
from opentrail.api.cloudtrail import delegate_faults as told
from opentrail.identity import Identities
from opentrail.identity.faults import InvalidInput
from opentrail.identity.organizations import faults
from opentrail.identity.organizations.service_names import CLOUDTRAIL
from opentrail.identity.organizations.tree import ALL
from opentrail.trails.faults import ConflictException, InvalidParameterException, OrganizationsNotInUseException
from opentrail.trails.organization_faults import (
    CloudTrailAccessNotEnabledException,
    InsufficientDependencyServiceAccessPermissionException,
    OrganizationNotInAllFeaturesModeException,
)
from opentrail.wire.faults import Fault

Check = Callable[[Call, Sequence[Need]], None]
"""Raises a `Fault` when the caller does not have the permissions (`Authorisation.check`)."""


class DelegateOperations:
    """CloudTrail's delegated administrators. `check` decides what the caller may do in Organizations and IAM."""

    def __init__(self, identities: Identities, check: Check) -> None:
        self._identities = identities
        self._check = check
        self.operations: Mapping[str, Handler] = {
            "RegisterOrganizationDelegatedAdmin": self.register,
            "DeregisterOrganizationDelegatedAdmin": self.deregister,
        }

    def register(self, call: Call) -> Result:
        """RegisterOrganizationDelegatedAdmin; makes CloudTrail's service-linked role in the management account if it is not there."""
        member = _account_id(call, "MemberAccountId")
        manager = self._manager(call)
        if member == manager:
            raise told.CannotDelegateManagementAccountException
        self._require(call, "organizations:RegisterDelegatedAdministrator")
        try:
            self._identities.organizations.services.register(manager, member, CLOUDTRAIL)
        except Fault as fault:
            raise _translated(fault) from None
        with contextlib.suppress(InvalidInput):  # it is there already
            self._identities.roles.create_service_linked(manager, CLOUDTRAIL)
        return {}

    def deregister(self, call: Call) -> Result:
        """DeregisterOrganizationDelegatedAdmin"""
        member = _account_id(call, "DelegatedAdminAccountId")
        manager = self._manager(call)
        self._require(call, "organizations:DeregisterDelegatedAdministrator")
        try:
            self._identities.organizations.services.deregister(manager, member, CLOUDTRAIL)
        except Fault as fault:
            raise _translated(fault) from None
        return {}

    def _manager(self, call: Call) -> str:
        """The calling account, which must manage an organization in which CloudTrail is trusted."""
        found = self._identities.organizations.of(call.account_id)
        if found is None:
            raise OrganizationsNotInUseException
        if found.management_account_id != call.account_id:
            raise told.NotOrganizationManagementAccountException
        if found.feature_set != ALL:
            raise OrganizationNotInAllFeaturesModeException
        if not self._identities.organizations.trusts(call.account_id, CLOUDTRAIL):
            raise CloudTrailAccessNotEnabledException
        return call.account_id

    def _require(self, call: Call, action: str) -> None:
        try:
            self._check(call, [Need(action=action, context={"organizations:ServicePrincipal": (CLOUDTRAIL,)})])
        except Fault as fault:
            raise InsufficientDependencyServiceAccessPermissionException(fault.message) from None


def _account_id(call: Call, member: str) -> str:
    found: str = call.parameters[member]
    if len(found) != 12 or not (found.isascii() and found.isdigit()):
        raise InvalidParameterException(f"{member} must be an account id of 12 digits.")
    return found


_TRANSLATED: Mapping[type[Fault], type[Fault]] = {
    faults.AccountNotFoundException: told.AccountNotFoundException,
    faults.AccountAlreadyRegisteredException: told.AccountRegisteredException,
    faults.AccountNotRegisteredException: told.AccountNotRegisteredException,
}
_REASONS: Mapping[str, type[Fault]] = {
    "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED": told.DelegatedAdminAccountLimitExceededException,
    "SERVICE_ACCESS_NOT_ENABLED": CloudTrailAccessNotEnabledException,
    "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR": told.AccountNotFoundException,
}


def _translated(fault: Fault) -> Fault:
    """The fault as CloudTrail names it; what changed in Organizations meanwhile is a conflict."""
    kind = _TRANSLATED.get(type(fault)) or _REASONS.get(str(fault.members.get("Reason")))
    return ConflictException(fault.message) if kind is None else kind()
