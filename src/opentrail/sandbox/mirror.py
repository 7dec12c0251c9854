"""IAM's changes, told to the sandbox.

IAM is served by OpenTrail, but moto looks up roles in an IAM of its own: Lambda's `CreateFunction` refuses a role that is not there. So a
write call that succeeded here is sent there too. Best effort: what the sandbox makes of it changes nothing for the caller.
"""

from __future__ import annotations

import logging

from opentrail.clock import Clock
from opentrail.errors import OpenTrailError
from opentrail.proxy import Proxy, Upstream, Upstreams
from opentrail.wire.http import Request

log = logging.getLogger("opentrail.sandbox")

PATIENCE = 10.0
"""Seconds that the sandbox may take for one call."""
MAX_ANSWER = 1 << 20


class Mirror:
    """Replays IAM calls to the sandbox at `url`. One per event loop."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._proxy = Proxy(Upstreams({"iam": Upstream.at(url)}), clock, idle_timeout=PATIENCE)

    async def open(self) -> None:
        """Get ready, on the running event loop."""
        await self._proxy.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._proxy.close()

    async def replay(self, request: Request) -> bool:
        """Send `request`, an IAM write call that OpenTrail has carried out, as it arrived, body included.

        Returns whether the sandbox did it too; never raises for anything the sandbox does.
        """
        try:
            answer = await self._proxy.forward(request, service="iam", signing_name="iam", region="us-east-1")
            body = await answer.read(MAX_ANSWER)
        except OpenTrailError as error:
            log.warning("an IAM change did not reach the sandbox: %s", error)
            return False
        if answer.status >= 400:
            log.warning("the sandbox refused an IAM change with status %d: %.300s", answer.status, body.decode("utf-8", "replace"))
        return answer.status < 400
