"""What a call must be allowed on an event data store, a channel or a dashboard: its ARN, its tags and the request's, its policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentrail.api.call import Call, Need
from opentrail.lake import names
from opentrail.lake.faults import EventDataStoreARNInvalidException
from opentrail.lake.names import Named
from opentrail.lake.stores.control import EventDataStores
from opentrail.lake.stores.resource_policies import ResourcePolicies
from opentrail.lake.stores.tags import LakeTags


class LakeNeeds:
    """Needs of operations on resources of the Lake."""

    def __init__(self, stores: EventDataStores, tags: LakeTags, policies: ResourcePolicies) -> None:
        self._stores = stores
        self._tags = tags
        self._policies = policies

    def of_store(self, call: Call, action: str, given: str) -> Need:
        """The need of `action` on the store that `given` (ARN or id) names for the caller. What names none is for the handler to refuse."""
        place = self._stores.finding.place(call.account_id, call.region)
        try:
            with self._stores.database.read() as connection:
                named = self._stores.finding.named(connection, call.account_id, call.region, given)
        except EventDataStoreARNInvalidException:
            return Need(action=action, resource=f"arn:{place.partition}:cloudtrail:{call.region}:{call.account_id}:eventdatastore/{given}")
        return self.of(call, action, named)

    def of_arn(self, call: Call, action: str, arn: str) -> Need | None:
        """The need of `action` on what the ARN names; `None` when that is no resource of the Lake."""
        named = names.parse(arn)
        return None if named is None else self.of(call, action, named)

    def of(self, call: Call, action: str, named: Named) -> Need:
        """The need of `action` on a resource, whoever owns it."""
        return Need(
            action=action,
            resource=named.arn,
            context=self._context(call, named.arn),
            resource_policy=self._policies.of(named),
            resource_account_id=named.account_id,
        )

    def of_new(self, call: Call, kind: str, account_id: str) -> Sequence[Need]:
        """The needs of an operation that makes a resource of this kind in `account_id`, tags and all."""
        place = self._stores.finding.place(account_id, call.region)
        resource = f"arn:{place.partition}:cloudtrail:{call.region}:{account_id}:{kind}/*"
        context = self._context(call, None)
        needs = [Need(action=f"cloudtrail:{call.operation}", resource=resource, context=context)]
        if call.parameters.get("TagsList") or call.parameters.get("Tags"):
            needs.append(Need(action="cloudtrail:AddTags", resource=resource, context=context))
        return needs

    def owner_of_new(self, call: Call) -> str:
        """Whose a store made by this call is: the caller's; the management account's where a delegated administrator makes it for all."""
        if not call.parameters.get("OrganizationEnabled"):
            return call.account_id
        with self._stores.database.read() as connection:
            return self._stores.organization.administered(connection, call.account_id) or call.account_id

    def _context(self, call: Call, arn: str | None) -> Mapping[str, Sequence[str]]:
        asked = call.parameters.get("TagsList") or call.parameters.get("Tags") or ()
        context: dict[str, Sequence[str]] = {}
        if arn is not None:
            context |= {f"aws:ResourceTag/{key}": (value,) for key, value in self._tags.of(arn).items()}
        if asked:
            context["aws:TagKeys"] = tuple(tag["Key"] for tag in asked)
        if call.operation != "RemoveTags":
            context |= {f"aws:RequestTag/{tag['Key']}": (tag.get("Value") or "",) for tag in asked}
        return context
