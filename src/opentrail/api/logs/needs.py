"""Which permission each operation takes (service authorization reference, "Amazon CloudWatch Logs"): action, resource, conditions.

Streams have ARNs of their own. A group is asked for as the beginning of its streams' ARNs, so policies name it with `:*` at the end; only
the tag operations ask for it without ("IAM permissions for CloudWatch Logs", `LogGroup` in the API reference).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from opentrail.api.call import Call, Need
from opentrail.api.logs.naming import named_group, partition_of
from opentrail.monitoring.logs import store
from opentrail.monitoring.logs.names import group_of_arn
from opentrail.storage.database import Database

OF_STREAM: Final = frozenset({"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"})
"""Operations whose resource is a log stream; that of all the others is the group, or everything."""
OF_TAGS: Final = frozenset({"ListTagsForResource", "ListTagsLogGroup", "TagLogGroup", "TagResource", "UntagLogGroup", "UntagResource"})
"""Operations that want the group's ARN as it is."""
OF_ACCOUNT: Final = frozenset(
    {"DescribeResourcePolicies", "DeleteResourcePolicy", "PutResourcePolicy", "TestMetricFilter", "DescribeQueries", "DescribeDestinations"}
)
"""Operations that know no resource."""


class Needs:
    """Works out the needs of calls; a small read of the state for the tags of the group."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. Raises `InvalidParameterException` for a group that is named wrongly."""
        action, given = f"logs:{call.operation}", call.parameters
        if call.operation in OF_ACCOUNT:
            return [Need(action=action)]
        if arn := given.get("resourceArn"):
            name = group_of_arn(arn, call.account_id, call.region)
        else:
            name = named_group(call)
        if name is None:
            prefix = f"arn:{partition_of(call.region)}:logs:{call.region}:{call.account_id}:log-group"
            everything = call.operation in ("DescribeLogGroups", "DescribeMetricFilters", "DescribeSubscriptionFilters")
            return [Need(action=action, resource=arn or (f"{prefix}::log-stream:" if everything else "*"))]
        arn = f"arn:{partition_of(call.region)}:logs:{call.region}:{call.account_id}:log-group:{name}"
        stream = given.get("logStreamName", "") if call.operation in OF_STREAM else ""
        resource = arn if call.operation in OF_TAGS else f"{arn}:log-stream:{stream}"
        context = self._conditions(call, name)
        needs = [Need(action=action, resource=resource, context=context, resource_account_id=call.account_id)]
        if call.operation == "CreateLogGroup" and given.get("tags"):
            needs.append(Need(action="logs:TagResource", resource=arn, context=context, resource_account_id=call.account_id))
        return needs

    def _conditions(self, call: Call, name: str) -> dict[str, Sequence[str]]:
        with self._database.read() as connection:
            group = store.group(connection, call.account_id, call.region, name)
            tags = {} if group is None else store.tags(connection, group.id)
        found: dict[str, Sequence[str]] = {f"aws:ResourceTag/{key}": (value,) for key, value in tags.items()}
        asked = call.parameters.get("tags")
        if isinstance(asked, Mapping):
            found |= {f"aws:RequestTag/{key}": (value,) for key, value in asked.items()}
        keys = call.parameters.get("tagKeys") or asked
        if keys:
            found["aws:TagKeys"] = tuple(keys)
        return found
