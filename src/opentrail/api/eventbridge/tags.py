"""Tags of rules and buses."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Call, Handler, Result
from opentrail.rules import tags
from opentrail.rules.control import EventBuses


class TagOperations:
    """One handler for each operation on tags."""

    def __init__(self, buses: EventBuses) -> None:
        self._tagging = buses.tagging
        self.operations: Mapping[str, Handler] = {
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }

    def tag_resource(self, call: Call) -> Result:
        self._tagging.tag(call.parameters["ResourceARN"], tags.checked(call.parameters["Tags"]))
        return {}

    def untag_resource(self, call: Call) -> Result:
        self._tagging.untag(call.parameters["ResourceARN"], call.parameters["TagKeys"])
        return {}

    def list_tags_for_resource(self, call: Call) -> Result:
        found = self._tagging.tags(call.parameters["ResourceARN"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}
