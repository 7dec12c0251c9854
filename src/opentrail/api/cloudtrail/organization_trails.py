"""CreateTrail and UpdateTrail where the trail is, or becomes, one of an organization (reference of trails, §11 and §15).

What the caller must be allowed in Organizations and IAM, and CloudTrail's service-linked role in the management account, which is made by
the first call that this account makes itself. Everything else is as for ordinary trails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

from opentrail.api.call import Call, Handler, Need, Result
from opentrail.api.cloudtrail.trails import TrailOperations
from opentrail.identity import Identities
from opentrail.identity.faults import InvalidInput, NoSuchEntity
from opentrail.trails.control import Trails
from opentrail.trails.organization import CLOUDTRAIL
from opentrail.trails.organization_faults import (
    InsufficientDependencyServiceAccessPermissionException,
    NoManagementAccountSLRExistsException,
)
from opentrail.wire.faults import Fault

ROLE = "AWSServiceRoleForCloudTrail"

Check = Callable[[Call, Sequence[Need]], None]
"""Raises a `Fault` when the caller does not have the permissions (`Authorisation.check`)."""


class OrganizationTrailOperations:
    """The two operations, ahead of the ordinary ones. `check` decides what the caller may do in Organizations and IAM."""

    def __init__(self, trails: Trails, identities: Identities, check: Check) -> None:
        self._trails = trails
        self._identities = identities
        self._check = check
        self._ordinary = TrailOperations(trails)
        self.operations: Mapping[str, Handler] = {"CreateTrail": self.create_trail, "UpdateTrail": self.update_trail}

    def create_trail(self, call: Call) -> Result:
        """CreateTrail"""
        if call.parameters.get("IsOrganizationTrail"):
            self._prepare(call)
        return self._ordinary.create_trail(call)

    def update_trail(self, call: Call) -> Result:
        """UpdateTrail"""
        if call.parameters.get("IsOrganizationTrail"):
            self._trails.get(call.account_id, call.region, call.parameters["Name"])
            self._prepare(call)
        return self._ordinary.update_trail(call)

    def _prepare(self, call: Call) -> None:
        """See to it that the organization lets CloudTrail in, the caller may ask for it, and the role is there."""
        manager = self._trails.organization.owner(call.account_id)
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
