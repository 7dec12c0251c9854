"""The door of webhooks: closed unless set up, never without the secret, everything on disk before the answer, nothing twice."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.api.asgi import Application
from opentrail.api.cloudtrail_data.intake import Intake
from opentrail.api.cloudtrail_data.recent import RecentEvents
from opentrail.api.cloudtrail_data.webhooks import AT_ONCE, MAX_BODY, PREFIX, WebhookDoor
from opentrail.errors import JournalFull
from opentrail.identity.vault import Vault
from opentrail.lake.channels.channel import channel_arn
from opentrail.lake.integrations.store import IntegrationStore
from simulators.audit_events import nothing
from simulators.channels import PLACE, ChannelGround, to
from simulators.front_door import MemoryJournal

SAMPLES = Path(__file__).parents[1] / "lake_integrations" / "samples"
SECRET = "a-secret-that-is-long-enough"
PAYLOAD = (SAMPLES / "github-webhook.json").read_bytes()
EVENTS = (SAMPLES / "kubernetes.json").read_bytes()


class Street:
    """Where senders stand: `send` delivers and gives back status and text."""

    def __init__(self, folder: Path) -> None:
        self.ground = ground = ChannelGround(folder)
        self.integrations = IntegrationStore(ground.database, Vault.open(folder / "keys"))
        self.journal = MemoryJournal([])
        intake = Intake(RecentEvents(nothing), ground.statuses, ground.clock)
        self.door = WebhookDoor(self.integrations, ground.known, intake, self.journal, ground.clock)
        self.application = Application(answer=self._never, pages={}, clock=ground.clock, halls={PREFIX: self.door.answer})

    async def _never(self, arrival: Any) -> Any:
        raise AssertionError("it went to the endpoint")

    def set_up(self, kind: str, arn: str = channel_arn(PLACE)) -> None:
        self.integrations.add(name=kind, kind=kind, channel_arn=arn, settings={}, secret=SECRET, at=0.0, cursor={})

    def send(self, name: str, body: bytes, headers: dict[str, str], **more: Any) -> tuple[int, str]:
        return asyncio.run(self.deliver(name, body, headers, **more))

    async def deliver(
        self, name: str, body: bytes, headers: dict[str, str], *, method: str = "POST", client: str = "127.0.0.1", scheme: str = "http"
    ) -> tuple[int, str]:
        scope = {
            "type": "http",
            "method": method,
            "path": PREFIX + name,
            "raw_path": (PREFIX + name).encode(),
            "query_string": b"",
            "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
            "client": (client, 40000),
            "scheme": scheme,
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.application(scope, receive, send)
        await asyncio.gather(*self.door._chores)
        return sent[0]["status"], sent[1]["body"].decode()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(record) for record in self.journal.records]


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    made = Street(tmp_path)
    yield made
    made.ground.close()


def signed(body: bytes = PAYLOAD, secret: str = SECRET, event: str = "team", delivery: str = "d-1") -> dict[str, str]:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": f"sha256={signature}"}


TOKEN = {"Authorization": f"Bearer {SECRET}"}


def test_without_an_integration_there_is_no_door(street: Street) -> None:
    assert street.send("github-webhook", PAYLOAD, signed())[0] == 404
    street.set_up("github-webhook")
    assert street.send("github-webhook", PAYLOAD, signed())[0] == 200
    street.integrations.remove("github-webhook")
    assert street.send("github-webhook", PAYLOAD, signed(delivery="d-2"))[0] == 404
    assert len(street.records) == 1


def test_a_delivery_of_github_is_a_record_of_the_channel(street: Street) -> None:
    street.set_up("github-webhook")
    assert street.send("github-webhook", PAYLOAD, signed()) == (200, '{"taken": 1, "refused": 0}')
    (record,) = street.records
    assert record["metadata"]["channelARN"] == channel_arn(PLACE)
    assert (record["eventData"]["eventName"], record["eventData"]["UID"]) == ("team.added_to_repository", "d-1")
    assert [one.arn for one in street.ground.channels.list(PLACE)] == [channel_arn(PLACE)]
    assert street.ground.statuses.of(channel_arn(PLACE)).success_event_id == record["eventID"]
    assert street.integrations.get("github-webhook").taken == 1


def test_a_delivery_that_is_sent_again_later_is_known(street: Street) -> None:
    street.set_up("github-webhook")
    street.send("github-webhook", PAYLOAD, signed())
    street.ground.clock.advance(3600)
    assert street.send("github-webhook", PAYLOAD, signed())[0] == 200
    assert len(street.records) == 1
    street.send("github-webhook", PAYLOAD, signed(delivery="d-2"))
    assert len(street.records) == 2


def test_the_ping_of_github_is_answered(street: Street) -> None:
    street.set_up("github-webhook")
    body = b'{"zen": "Keep it simple.", "hook_id": 1}'
    assert street.send("github-webhook", body, signed(body, event="ping"))[0] == 200
    assert street.records == []


def test_events_of_kubernetes(street: Street) -> None:
    street.set_up("kubernetes")
    assert street.send("kubernetes", EVENTS, TOKEN) == (200, '{"taken": 3, "refused": 0}')
    assert street.journal.batches == [3]
    assert "c3dvcmRmaXNo" not in json.dumps(street.records)
    assert street.send("kubernetes", EVENTS, TOKEN)[0] == 200
    assert len(street.records) == 3


STRANGERS: list[tuple[str, bytes, dict[str, str]]] = [
    ("github-webhook", PAYLOAD, {}),
    ("github-webhook", PAYLOAD, signed(secret="another-secret-of-sixteen")),
    ("github-webhook", PAYLOAD + b" ", signed()),
    ("github-webhook", PAYLOAD, {**signed(), "X-Hub-Signature-256": "sha256="}),
    ("github-webhook", PAYLOAD, {**signed(), "X-Hub-Signature-256": "sha1=abc"}),
    ("github-webhook", PAYLOAD, {**signed(), "X-Hub-Signature-256": "sha256=\xff"}),
    ("github-webhook", PAYLOAD, {**TOKEN, "X-GitHub-Event": "team", "X-GitHub-Delivery": "d"}),
    ("kubernetes", EVENTS, {}),
    ("kubernetes", EVENTS, {"Authorization": "Bearer "}),
    ("kubernetes", EVENTS, {"Authorization": f"Bearer {SECRET}x"}),
    ("kubernetes", EVENTS, {"Authorization": f"Basic {SECRET}"}),
    ("kubernetes", EVENTS, signed(EVENTS)),
]


@pytest.mark.parametrize(("name", "body", "headers"), STRANGERS)
def test_nobody_gets_in_without_the_secret(street: Street, name: str, body: bytes, headers: dict[str, str]) -> None:
    street.set_up(name)
    status, text = street.send(name, body, headers)
    assert status == 401
    assert SECRET not in text
    assert street.records == []


def test_a_token_is_not_taken_in_the_open(street: Street) -> None:
    street.set_up("kubernetes")
    assert street.send("kubernetes", EVENTS, TOKEN, client="198.51.100.7")[0] == 403
    assert street.send("kubernetes", EVENTS, TOKEN, client="198.51.100.7", scheme="https")[0] == 200


UNFIT: list[tuple[str, bytes, dict[str, str], int]] = [
    ("kubernetes", b"{", TOKEN, 400),
    ("kubernetes", b"[" * 100_000, TOKEN, 400),
    ("kubernetes", b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1beta1", "items": []}', TOKEN, 400),
    ("kubernetes", b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [7]}', TOKEN, 400),
    ("kubernetes", b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [{"verb": "get"}]}', TOKEN, 422),
    ("kubernetes", b"", {**TOKEN, "content-length": str(MAX_BODY + 1)}, 413),
    ("github-webhook", b"[]", signed(b"[]"), 400),
    ("github-webhook", b"{}", {**signed(b"{}"), "X-GitHub-Event": ""}, 400),
]


@pytest.mark.parametrize(("name", "body", "headers", "status"), UNFIT)
def test_what_is_unfit_is_said_and_leaves_nothing(street: Street, name: str, body: bytes, headers: dict[str, str], status: int) -> None:
    street.set_up(name)
    assert street.send(name, body, headers)[0] == status
    assert street.records == []


def test_other_methods_have_no_business_here(street: Street) -> None:
    street.set_up("kubernetes")
    assert street.send("kubernetes", b"", TOKEN, method="GET")[0] == 405


def test_a_channel_that_is_gone_takes_nothing(street: Street) -> None:
    made = street.ground.channels.create(PLACE, "mine", "Custom", to(street.ground.stores.add()))
    street.set_up("kubernetes", made.arn)
    assert street.send("kubernetes", EVENTS, TOKEN)[0] == 200
    street.ground.channels.delete(PLACE, made.arn)
    assert street.send("kubernetes", EVENTS, TOKEN)[0] == 410


def test_what_the_journal_does_not_take_is_to_come_again(street: Street) -> None:
    street.set_up("kubernetes")
    street.journal.failing = JournalFull()
    assert street.send("kubernetes", EVENTS, TOKEN)[0] == 503
    street.journal.failing = None
    assert street.send("kubernetes", EVENTS, TOKEN)[0] == 200
    assert len(street.records) == 3


def test_many_at_once_are_asked_to_come_again(street: Street) -> None:
    street.set_up("github-webhook")

    async def story() -> list[int]:
        headers = [signed(delivery=f"d-{number}") for number in range(3 * AT_ONCE)]
        found = await asyncio.gather(*(street.deliver("github-webhook", PAYLOAD, one) for one in headers))
        return [status for status, _ in found]

    statuses = asyncio.run(story())
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= AT_ONCE
    assert len(street.records) == statuses.count(200)
