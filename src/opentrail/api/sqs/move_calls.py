"""Message move tasks: StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.sqs.reading import Operation, number
from opentrail.messaging.queues import Queues, names
from opentrail.messaging.queues.faults import ResourceNotFoundException
from opentrail.messaging.queues.moves import KEPT, MAX_RATE, Task


class MoveOperations:
    """One handler for each operation on message move tasks."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self.operations: Mapping[str, Operation] = {
            "StartMessageMoveTask": self.start_message_move_task,
            "ListMessageMoveTasks": self.list_message_move_tasks,
            "CancelMessageMoveTask": self.cancel_message_move_task,
        }

    def start_message_move_task(self, call: Call) -> Result:
        given = call.parameters
        place = names.of_arn(given["SourceArn"])
        source = None if place is None else self._queues.control.find(place)
        if source is None:
            raise ResourceNotFoundException
        rate = number(given, "MaxNumberOfMessagesPerSecond", 1, MAX_RATE)
        return {"TaskHandle": self._queues.moves.start(source, given.get("DestinationArn") or None, rate).handle}

    def list_message_move_tasks(self, call: Call) -> Result:
        limit = number(call.parameters, "MaxResults", 1, KEPT) or 1
        return {"Results": [_shown(task) for task in self._queues.moves.list(call.parameters["SourceArn"], limit)]}

    def cancel_message_move_task(self, call: Call) -> Result:
        return {"ApproximateNumberOfMessagesMoved": self._queues.moves.cancel(call.parameters["TaskHandle"]).moved}


def _shown(task: Task) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "TaskHandle": task.handle if task.status == "RUNNING" else None,
        "Status": task.status,
        "SourceArn": task.source_arn,
        "DestinationArn": task.target_arn,
        "MaxNumberOfMessagesPerSecond": task.rate,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "FailureReason": task.failure,
        "StartedTimestamp": int(task.started * 1000),
    }
    return {name: value for name, value in shown.items() if value is not None}
