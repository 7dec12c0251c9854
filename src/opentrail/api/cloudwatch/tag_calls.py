"""Tags of alarms."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Call, Handler, Result
from opentrail.monitoring.alarms.control import Alarms


class TagOperations:
    """One handler for each operation on tags."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self.operations: Mapping[str, Handler] = {
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }

    def tag_resource(self, call: Call) -> None:
        self._alarms.tag(call.account_id, call.region, call.parameters["ResourceARN"], call.parameters["Tags"])

    def untag_resource(self, call: Call) -> None:
        self._alarms.untag(call.account_id, call.region, call.parameters["ResourceARN"], call.parameters["TagKeys"])

    def list_tags_for_resource(self, call: Call) -> Result:
        tags = self._alarms.tags(call.account_id, call.region, call.parameters["ResourceARN"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
