"""Tags of topics: TagResource, UntagResource, ListTagsForResource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.messaging.topics import Notifications, tags


class TagOperations:
    """One handler for each operation on tags."""

    def __init__(self, messages: Notifications) -> None:
        self._topics = messages.topics
        self.operations: Mapping[str, Handler] = {
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }

    def tag_resource(self, call: Call) -> Result:
        self._topics.tag(call.parameters["ResourceArn"], tags.checked(pairs(call.parameters["Tags"])))
        return {}

    def untag_resource(self, call: Call) -> Result:
        self._topics.untag(call.parameters["ResourceArn"], call.parameters["TagKeys"])
        return {}

    def list_tags_for_resource(self, call: Call) -> Result:
        found = self._topics.tags(call.parameters["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}


def pairs(given: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The tags of a request."""
    return [(tag["Key"], tag["Value"]) for tag in given]
