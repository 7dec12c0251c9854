"""CloudTrail's own API, a module per subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import botocore.session

from opentrail.api.call import Call, Handler, Need
from opentrail.api.cloudtrail import required
from opentrail.api.cloudtrail.analysis import AnalysisOperations
from opentrail.api.cloudtrail.keys import KeyOperations
from opentrail.api.cloudtrail.lake_sharing import LakeSharing
from opentrail.api.cloudtrail.tags import TagOperations
from opentrail.api.cloudtrail.trails import TrailOperations
from opentrail.signing import SigningKeys
from opentrail.trails import tags
from opentrail.trails.control import Trails

_TRAIL = {
    "CreateTrail": "Name",
    "UpdateTrail": "Name",
    "DeleteTrail": "Name",
    "GetTrail": "Name",
    "StartLogging": "Name",
    "StopLogging": "Name",
    "GetTrailStatus": "Name",
    "GetEventSelectors": "TrailName",
    "PutEventSelectors": "TrailName",
    "GetInsightSelectors": "TrailName",
    "PutInsightSelectors": "TrailName",
    "ListInsightsData": "InsightSource",
    "GetEventConfiguration": "TrailName",
    "PutEventConfiguration": "TrailName",
    "AddTags": "ResourceId",
    "RemoveTags": "ResourceId",
}
"""Operations on one trail, and the parameter that names it; the others need their action on `*` (reference of trails, §15)."""


class Subject(Protocol):
    """The operations on one kind of resource, and what they take."""

    operations: Mapping[str, Handler]

    def needs(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed, for a call of one of `operations` whose required parameters are there. Must not block long."""


class CloudTrailService:
    """The service `cloudtrail`. `more` adds handlers that live elsewhere (LookupEvents), by operation name; `subjects` are the Lake's."""

    name = "cloudtrail"

    def __init__(
        self,
        trails: Trails,
        keys: SigningKeys,
        more: Mapping[str, Handler] | None = None,
        *,
        subjects: Sequence[Subject] = (),
        lake: LakeSharing | None = None,
    ) -> None:
        """`lake` is its part in the operations that it shares with trails; without it there is nothing of the Lake."""
        self._trails = trails
        self._lake = lake
        self._model = botocore.session.get_session().get_service_model("cloudtrail")
        self.operations: Mapping[str, Handler] = {
            **TrailOperations(trails).operations,
            **KeyOperations(keys).operations,
            **TagOperations(trails, None if lake is None else lake.tags).operations,
            **AnalysisOperations(trails, lake).operations,
            **(more or {}),
        }
        self._subjects = {operation: subject for subject in subjects for operation in subject.operations}
        for subject in subjects:
            self.operations = {**self.operations, **subject.operations}

    def needs(self, call: Call) -> Sequence[Need]:
        """The action of the operation on the trail it names, with the tags of request and trail as condition keys.

        Raises `ValidationException` when the request lacks what its operation requires: this is asked before any handler.
        """
        required.check(self._model, call.operation, call.parameters)
        if call.operation in self._subjects:
            return self._subjects[call.operation].needs(call)
        action = f"cloudtrail:{call.operation}"
        if call.operation == "ListTags":
            return [self._need(call, action, arn) for arn in call.parameters["ResourceIdList"]] or [Need(action=action)]
        if call.operation == "ListInsightsMetricData":
            return self._metric_needs(call)
        if call.operation not in _TRAIL:
            return [Need(action=action)]
        name = call.parameters.get(_TRAIL[call.operation])
        if not name:  # it is about an event data store
            return [self._store_need(call, action)]
        arn = self._trails.finding.arn(self._owner(call), call.region, name)
        needs = [self._need(call, action, arn)]
        if call.operation == "CreateTrail" and call.parameters.get("TagsList"):
            needs.append(self._need(call, "cloudtrail:AddTags", arn))
        if role := call.parameters.get("CloudWatchLogsRoleArn"):
            needs.append(Need(action="iam:PassRole", resource=role, context={"iam:PassedToService": ("cloudtrail.amazonaws.com",)}))
        return needs

    def _metric_needs(self, call: Call) -> Sequence[Need]:
        """It has no action of its own (reference of history and Insights, §11)."""
        needs = [Need(action="cloudtrail:LookupEvents")]
        if name := call.parameters.get("TrailName"):
            needs.append(self._need(call, "cloudtrail:ListInsightsData", self._trails.finding.arn(call.account_id, call.region, name)))
        return needs

    def _store_need(self, call: Call, action: str) -> Need:
        given: str = call.parameters.get("EventDataStore") or "*"
        if self._lake is not None:
            return self._lake.needs.of_store(call, action, given)
        arn = given if given.startswith("arn:") else self._trails.finding.store_arn(call.account_id, call.region, given)
        return Need(action=action, resource=arn)

    def _owner(self, call: Call) -> str:
        """Whose trail a name means: the caller's; of the management account where a delegated administrator makes one for all."""
        if call.operation == "CreateTrail" and call.parameters.get("IsOrganizationTrail"):
            return self._trails.organization.owner_if_any(call.account_id)
        return call.account_id

    def _need(self, call: Call, action: str, arn: str) -> Need:
        if self._lake is not None and (need := self._lake.needs.of_arn(call, action, arn)) is not None:
            return need
        asked = call.parameters.get("TagsList") or ()
        context = {f"aws:ResourceTag/{key}": (value or "",) for key, value in tags.tags_of(self._trails, call.account_id, arn).items()}
        if asked:
            context["aws:TagKeys"] = tuple(tag["Key"] for tag in asked)
        if call.operation != "RemoveTags":
            context |= {f"aws:RequestTag/{tag['Key']}": (tag.get("Value") or "",) for tag in asked}
        return Need(action=action, resource=arn, context=context)
