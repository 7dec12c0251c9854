"""AddTags, RemoveTags, ListTags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.trails import tags
from opentrail.trails.control import Trails
from opentrail.trails.faults import InvalidTokenException


class TagOperations:
    """The tags of trails."""

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self.operations: Mapping[str, Handler] = {"AddTags": self.add_tags, "RemoveTags": self.remove_tags, "ListTags": self.list_tags}

    def add_tags(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        tags.add_tags(self._trails, call.account_id, call.region, given["ResourceId"], given["TagsList"])
        return {}

    def remove_tags(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        keys = [tag["Key"] for tag in given["TagsList"]]
        tags.remove_tags(self._trails, call.account_id, call.region, given["ResourceId"], keys)
        return {}

    def list_tags(self, call: Call) -> Mapping[str, Any]:
        if call.parameters.get("NextToken"):
            raise InvalidTokenException
        found = tags.list_tags(self._trails, call.account_id, call.region, call.parameters["ResourceIdList"])
        return {"ResourceTagList": [{"ResourceId": arn, "TagsList": [_tag(*tag) for tag in of.items()]} for arn, of in found.items()]}


def _tag(key: str, value: str | None) -> dict[str, str]:
    return {"Key": key} if value is None else {"Key": key, "Value": value}
