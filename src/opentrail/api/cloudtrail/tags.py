"""AddTags, RemoveTags, ListTags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.lake import names
from opentrail.lake.names import Named
from opentrail.lake.stores.tags import LakeTags
from opentrail.trails import tags
from opentrail.trails.control import Trails
from opentrail.trails.faults import CloudTrailARNInvalidException, InvalidTokenException


class TagOperations:
    """The tags of trails, and of whatever the Lake has. Without `lake` there is nothing of the Lake, so nothing is found."""

    def __init__(self, trails: Trails, lake: LakeTags | None = None) -> None:
        self._trails = trails
        self._lake = lake
        self.operations: Mapping[str, Handler] = {"AddTags": self.add_tags, "RemoveTags": self.remove_tags, "ListTags": self.list_tags}

    def add_tags(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        named = names.parse(given["ResourceId"])
        if self._lake is None or named is None:
            tags.add_tags(self._trails, call.account_id, call.region, given["ResourceId"], given["TagsList"])
        else:
            added = {key: value or "" for key, value in tags.checked(given["TagsList"]).items()}
            self._lake.add(call.account_id, call.region, named, added)
        return {}

    def remove_tags(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        keys = [tag["Key"] for tag in given["TagsList"]]
        named = names.parse(given["ResourceId"])
        if self._lake is None or named is None:
            tags.remove_tags(self._trails, call.account_id, call.region, given["ResourceId"], keys)
        else:
            self._lake.remove(call.account_id, call.region, named, keys)
        return {}

    def list_tags(self, call: Call) -> Mapping[str, Any]:
        if call.parameters.get("NextToken"):
            raise InvalidTokenException
        asked = call.parameters["ResourceIdList"]
        if len(asked) > tags.MOST_RESOURCES:
            raise CloudTrailARNInvalidException(f"Specify at most {tags.MOST_RESOURCES} resources.")
        found = {arn: self._tags(call, arn) for arn in asked}
        return {"ResourceTagList": [{"ResourceId": arn, "TagsList": [_tag(*tag) for tag in of.items()]} for arn, of in found.items()]}

    def _tags(self, call: Call, arn: str) -> Mapping[str, str | None]:
        named: Named | None = names.parse(arn)
        if self._lake is None or named is None:
            return tags.list_tags(self._trails, call.account_id, call.region, [arn])[arn]
        return self._lake.list(call.account_id, call.region, named)


def _tag(key: str, value: str | None) -> dict[str, str]:
    return {"Key": key} if value is None else {"Key": key, "Value": value}
