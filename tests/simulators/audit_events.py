"""The front door with `cloudtrail-data` behind it, and an application that puts events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from opentrail.api.cloudtrail_data import CloudTrailData
from opentrail.api.cloudtrail_data.intake import Intake
from opentrail.api.cloudtrail_data.recent import RecentEvents
from opentrail.events.activity import DEFAULT_CHANNEL
from opentrail.identity.credentials import Credential
from simulators.channels import ChannelGround
from simulators.front_door import ACCOUNT, FrontDoor

CHANNEL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:channel/{DEFAULT_CHANNEL}"


def event_data(number: int = 1, **members: Any) -> dict[str, Any]:
    """An `eventData` with which nothing is wrong; a member that is `None` is left out."""
    data: dict[str, Any] = {
        "version": "1",
        "userIdentity": {"type": "User", "principalId": "ana", "details": {"team": "orders"}},
        "userAgent": "curl/8",
        "eventSource": "orders.example.com",
        "eventName": "GET /orders/{id}",
        "eventTime": "2026-01-05T10:11:12Z",
        "UID": f"uid-{number}",
        "requestParameters": {"resource": f"/orders/{number}"},
        "sourceIPAddress": "198.51.100.7",
        "recipientAccountId": ACCOUNT,
        **members,
    }
    return {name: value for name, value in data.items() if value is not None}


def entry(number: int = 1, **members: Any) -> dict[str, Any]:
    """An entry of PutAuditEvents."""
    return {"id": f"id-{number}", "eventData": json.dumps(event_data(number, **members))}


async def nothing(limit: int) -> Sequence[tuple[str, int | None]]:
    """An event store without audit events."""
    return ()


class PuttingApplication:
    """`put` sends entries as a client would and gives back status and answer."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.ground = ground = ChannelGround(folder)
        intake = Intake(RecentEvents(nothing), ground.statuses, ground.clock)
        self.door = FrontDoor(folder, services=[CloudTrailData(ground.known, intake)], **more)

    def put(
        self, *entries: Any, channel: str | None = CHANNEL, external_id: str | None = None, key: Credential | None = None, **more: Any
    ) -> tuple[int, Any]:
        return self.send({"auditEvents": list(entries)}, channel=channel, external_id=external_id, key=key, **more)

    def send(
        self,
        body: Any,
        *,
        channel: str | None = CHANNEL,
        external_id: str | None = None,
        key: Credential | None = None,
        region: str = "us-east-1",
    ) -> tuple[int, Any]:
        query = [f"channelArn={quote(channel, safe='')}"] if channel is not None else []
        query += [f"externalId={quote(external_id, safe='')}"] if external_id is not None else []
        request = self.door.signed(
            "cloudtrail-data",
            path="/PutAuditEvents",
            query="&".join(query),
            headers={"content-type": "application/json"},
            body=json.dumps(body).encode(),
            key=key,
            region=region,
        )
        answered = self.door.ask(request)
        answer = json.loads(answered.body)
        if answered.status != 200:
            return answered.status, (answered.headers["x-amzn-errortype"].partition(":")[0], answer.get("message", ""))
        return 200, answer
