"""The Lake's part in operations that it shares with trails: tags, Insights selectors, event configurations."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentrail.api.call import Call, Need
from opentrail.api.cloudtrail.lake_needs import LakeNeeds
from opentrail.api.cloudtrail.organization_access import Check
from opentrail.identity import Identities
from opentrail.identity.faults import InvalidInput
from opentrail.lake.event_data_store import PENDING_DELETION, EventDataStore
from opentrail.lake.families import Family
from opentrail.lake.faults import InsufficientIAMAccessPermissionException
from opentrail.lake.stores import event_configuration, insights
from opentrail.lake.stores.control import EventDataStores
from opentrail.lake.stores.tags import LakeTags
from opentrail.wire.faults import Fault

CONTEXT: Final = "context.cloudtrail.amazonaws.com"
"""The service whose role looks up tags for enriched events."""
CONTEXT_ROLE: Final = "AWSServiceRoleForCloudTrailEventContext"


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeSharing:
    """What the shared operations need of the Lake. `check` decides what the caller may do in IAM."""

    stores: EventDataStores
    tags: LakeTags
    needs: LakeNeeds
    identities: Identities
    check: Check

    def get_insight_selectors(self, call: Call) -> Mapping[str, Any]:
        return _insights(insights.get(self.stores, call.account_id, call.region, call.parameters["EventDataStore"]))

    def put_insight_selectors(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        destination, selectors = given.get("InsightsDestination"), given["InsightSelectors"]
        return _insights(insights.put(self.stores, call.account_id, call.region, given["EventDataStore"], destination, selectors))

    def get_event_configuration(self, call: Call) -> Mapping[str, Any]:
        found = event_configuration.get(self.stores, call.account_id, call.region, call.parameters["EventDataStore"])
        return _configuration(found)

    def put_event_configuration(self, call: Call) -> Mapping[str, Any]:
        """Enriched events take a service-linked role; the first call that asks for them makes it."""
        if call.parameters.get("ContextKeySelectors"):
            found = self.stores.get(call.account_id, call.region, call.parameters["EventDataStore"])
            if found.status != PENDING_DELETION and found.family is Family.EVENTS:  # others are refused below
                event_configuration.checked(call.parameters, found)
                self._ensure_role(call, found.account_id)
        return _configuration(event_configuration.put(self.stores, call.account_id, call.region, call.parameters))

    def _ensure_role(self, call: Call, account_id: str) -> None:
        with contextlib.suppress(Fault):
            self.identities.roles.get(account_id, CONTEXT_ROLE)
            return
        role = f"arn:aws:iam::{account_id}:role/aws-service-role/{CONTEXT}/{CONTEXT_ROLE}"
        need = Need(action="iam:CreateServiceLinkedRole", resource=role, context={"iam:AWSServiceName": (CONTEXT,)})
        try:
            self.check(call, [need])
        except Fault as fault:
            raise InsufficientIAMAccessPermissionException(fault.message) from None
        with contextlib.suppress(InvalidInput):  # somebody was quicker
            self.identities.roles.create_service_linked(account_id, CONTEXT)


def _insights(of: EventDataStore) -> dict[str, Any]:
    return {"EventDataStoreArn": of.arn, **(of.insights or {"InsightSelectors": []})}


def _configuration(of: EventDataStore) -> dict[str, Any]:
    selectors = [dict(one) for one in of.context_key_selectors]
    return {"EventDataStoreArn": of.arn, "MaxEventSize": of.max_event_size, "ContextKeySelectors": selectors}
