"""What the organization must let CloudTrail do before a trail or an event data store of all its accounts is made (reference of trails, §11
and §15; of Lake, §2.5).

The caller must be allowed some things in Organizations and IAM, and CloudTrail's service-linked role must be there in the management
account: the first call that this account makes itself makes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from opentrail.api.call import Call, Need
from opentrail.identity import Identities
from opentrail.identity.faults import InvalidInput, NoSuchEntity
from opentrail.identity.organizations.service_names import CLOUDTRAIL
from opentrail.trails.organization_faults import (
    InsufficientDependencyServiceAccessPermissionException,
    NoManagementAccountSLRExistsException,
)
from opentrail.wire.faults import Fault

ROLE = "AWSServiceRoleForCloudTrail"

Check = Callable[[Call, Sequence[Need]], None]
"""Raises a `Fault` when the caller does not have the permissions (`Authorisation.check`)."""


class OrganizationAccess:
    """`check` decides what the caller may do in Organizations and IAM."""

    def __init__(self, identities: Identities, check: Check) -> None:
        self._identities = identities
        self._check = check

    def prepare(self, call: Call, manager: str) -> None:
        """See to it that the caller may ask for it, and the role is there in the account `manager`.

        Raises `InsufficientDependencyServiceAccessPermissionException`, `NoManagementAccountSLRExistsException`.
        """
        role = f"arn:aws:iam::{manager}:role/aws-service-role/{CLOUDTRAIL}/{ROLE}"
        self._require(call, Need(action="organizations:ListAWSServiceAccessForOrganization"))
        has_role = self._has_role(manager)
        if manager != call.account_id:
            if not has_role:
                raise NoManagementAccountSLRExistsException
            return
        self._require(call, Need(action="iam:GetRole", resource=role))
        if not has_role:
            self._require(call, Need(action="iam:CreateServiceLinkedRole", resource=role, context={"iam:AWSServiceName": (CLOUDTRAIL,)}))
            with contextlib.suppress(InvalidInput):  # somebody was quicker
                self._identities.roles.create_service_linked(manager, CLOUDTRAIL)

    def _has_role(self, account_id: str) -> bool:
        try:
            self._identities.roles.get(account_id, ROLE)
        except NoSuchEntity:
            return False
        return True

    def _require(self, call: Call, need: Need) -> None:
        try:
            self._check(call, [need])
        except Fault as fault:
            raise InsufficientDependencyServiceAccessPermissionException(fault.message) from None
