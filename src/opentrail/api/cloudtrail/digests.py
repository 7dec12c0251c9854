"""What `opentrail validate` is told beside GetTrailStatus: which digest files must be there (see `trails/stretch.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentrail.api.call import Answer, Call, Result
from opentrail.trails import stretch, stretches
from opentrail.trails.control import Trails


def with_digests(trails: Trails, status: Callable[[Call], Mapping[str, Any]]) -> Callable[[Call], Result]:
    """GetTrailStatus, answered by `status`, that heeds the header `stretch.HEADER`.

    An account is told of its own digests; of those of other accounts only the owner of the trail is."""

    def get_trail_status(call: Call) -> Result:
        result = status(call)
        asked = stretch.asked(call.request.headers.get(stretch.HEADER) or "")
        if asked is None:
            return result
        account_id, since, until = asked
        trail = trails.get(call.account_id, call.region, call.parameters["Name"])
        if call.account_id not in (trail.account_id, account_id):
            return result
        with trails.database.read() as connection:
            known = stretches.known(connection, trail.arn, account_id, call.region, since=since, until=until)
        return Answer(result=result, headers={stretch.HEADER: stretch.encoded(known)})

    return get_trail_status
