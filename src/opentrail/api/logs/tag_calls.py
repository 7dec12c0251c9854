"""Tags of log groups: by ARN, and by name as it was before (TagLogGroup)."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Call, Handler, Result
from opentrail.monitoring.faults import InvalidParameterException, ResourceNotFoundException
from opentrail.monitoring.logs import LogGroups
from opentrail.monitoring.logs.names import group_of_arn, place_of_arn


class TagOperations:
    """One handler for each operation on tags."""

    def __init__(self, logs: LogGroups) -> None:
        self._control = logs.control
        self.operations: Mapping[str, Handler] = {
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
            "TagLogGroup": self.tag_log_group,
            "UntagLogGroup": self.untag_log_group,
            "ListTagsLogGroup": self.list_tags_log_group,
        }

    def tag_resource(self, call: Call) -> Result:
        self._control.tag(call.account_id, call.region, _meant(call), call.parameters["tags"])
        return {}

    def untag_resource(self, call: Call) -> Result:
        self._control.untag(call.account_id, call.region, _meant(call), call.parameters["tagKeys"])
        return {}

    def list_tags_for_resource(self, call: Call) -> Result:
        return {"tags": self._control.tags(call.account_id, call.region, _meant(call))}

    def tag_log_group(self, call: Call) -> Result:
        self._control.tag(call.account_id, call.region, call.parameters["logGroupName"], call.parameters["tags"])
        return {}

    def untag_log_group(self, call: Call) -> Result:
        self._control.untag(call.account_id, call.region, call.parameters["logGroupName"], call.parameters["tags"])
        return {}

    def list_tags_log_group(self, call: Call) -> Result:
        return {"tags": self._control.tags(call.account_id, call.region, call.parameters["logGroupName"])}


def _meant(call: Call) -> str:
    arn = call.parameters["resourceArn"]
    name = group_of_arn(arn, call.account_id, call.region)
    if name is not None:
        return name
    if place_of_arn(arn) is None:
        raise InvalidParameterException(f"The resource ARN {arn[:200]} is not that of a log group.")
    raise ResourceNotFoundException
