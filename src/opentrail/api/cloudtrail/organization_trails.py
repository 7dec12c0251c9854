"""CreateTrail and UpdateTrail where the trail is, or becomes, one of an organization (reference of trails, §11 and §15).

What the organization must let CloudTrail do comes first (`organization_access`). Everything else is as for ordinary trails.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Call, Handler, Result
from opentrail.api.cloudtrail.organization_access import Check, OrganizationAccess
from opentrail.api.cloudtrail.trails import TrailOperations
from opentrail.identity import Identities
from opentrail.trails.control import Trails


class OrganizationTrailOperations:
    """The two operations, ahead of the ordinary ones. `check` decides what the caller may do in Organizations and IAM."""

    def __init__(self, trails: Trails, identities: Identities, check: Check) -> None:
        self._trails = trails
        self._access = OrganizationAccess(identities, check)
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
        self._access.prepare(call, self._trails.organization.owner(call.account_id))
