"""EnableFederation, DisableFederation (reference of Lake, §8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Handler, Need
from opentrail.api.cloudtrail.lake_needs import LakeNeeds
from opentrail.lake.federation.control import LAKE_FORMATION, Federations


class FederationOperations:
    """The operations on the federation of event data stores."""

    def __init__(self, federations: Federations, needs: LakeNeeds) -> None:
        self._federations = federations
        self._needs = needs
        self.operations: Mapping[str, Handler] = {"EnableFederation": self.enable, "DisableFederation": self.disable}

    def needs(self, call: Call) -> Sequence[Need]:
        """The operation's action on the store; EnableFederation also needs the role to be passed to Lake Formation."""
        needs = [self._needs.of_store(call, f"cloudtrail:{call.operation}", call.parameters["EventDataStore"])]
        if role := call.parameters.get("FederationRoleArn"):
            needs.append(Need(action="iam:PassRole", resource=role, context={"iam:PassedToService": (LAKE_FORMATION,)}))
        return needs

    def enable(self, call: Call) -> Mapping[str, Any]:
        """EnableFederation"""
        given = call.parameters
        changed = self._federations.enable(call.account_id, call.region, given["EventDataStore"], given["FederationRoleArn"])
        return {
            "EventDataStoreArn": changed.arn,
            "FederationStatus": changed.federation_status,
            "FederationRoleArn": changed.federation_role_arn,
        }

    def disable(self, call: Call) -> Mapping[str, Any]:
        """DisableFederation"""
        changed = self._federations.disable(call.account_id, call.region, call.parameters["EventDataStore"])
        return {"EventDataStoreArn": changed.arn, "FederationStatus": changed.federation_status}
