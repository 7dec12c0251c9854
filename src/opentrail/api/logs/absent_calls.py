"""Operations that are not built: Logs Insights, exports, anomaly detectors. Each says so with the error that AWS has for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentrail.api.call import Call, Handler, Result
from opentrail.monitoring.faults import UnsupportedOperationException

QUERIES: Final = ("StartQuery", "StopQuery", "GetQueryResults", "DescribeQueries")


class AbsentOperations:
    """One handler for all of them."""

    def __init__(self) -> None:
        self.operations: Mapping[str, Handler] = dict.fromkeys(QUERIES, self.refuse)

    def refuse(self, call: Call) -> Result:
        raise UnsupportedOperationException(
            f"{call.operation}: CloudWatch Logs Insights is not served here. Use FilterLogEvents, or a query of CloudTrail Lake."
        )
