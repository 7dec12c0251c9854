"""Fetching: page after page, from where it was left, everything once; the token goes nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock, iso_seconds
from opentrail.errors import OpenTrailError
from opentrail.identity.vault import Vault
from opentrail.lake.integrations import feeds
from opentrail.lake.integrations.feeds import Ask, FeedTrouble, Told
from opentrail.lake.integrations.fetching import Fetch
from opentrail.lake.integrations.integration import KINDS, Integration, IntegrationError
from opentrail.lake.integrations.pulling import NotTaken, Puller, requests
from opentrail.lake.integrations.store import IntegrationStore
from opentrail.storage.database import Database
from simulators.feeds import Log

ARN = "arn:aws:cloudtrail:us-east-1:123456789012:channel/00000000-0000-4000-8000-000000000001"
TOKEN = "token-of-the-audit-log"


class Door:
    """PutAuditEvents: knows what it has, by content; `failing` and `throttling` as told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.failing: list[Exception] = []
        self.throttling = 0
        self.after: list[Exception] = []
        """Raised after the events were taken: the answer is lost."""

    def __call__(self, channel_arn: str, entries: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
        assert channel_arn == ARN
        assert 1 <= len(entries) <= 100
        if self.failing:
            raise self.failing.pop()
        if self.throttling:
            self.throttling -= 1
            return [{"id": entry["id"], "errorCode": "Throttling"} for entry in entries]
        self.texts += [entry["eventData"] for entry in entries if entry["eventData"] not in self.texts]
        if self.after:
            raise self.after.pop()
        return []

    @property
    def uids(self) -> list[str]:
        return [json.loads(text)["UID"] for text in self.texts]


class Ground:
    def __init__(self, folder: Path, kind: str) -> None:
        self.clock = ManualClock()
        self.database = Database.at(folder / "state.db")
        self.folder = folder
        self.store = IntegrationStore(self.database, Vault.open(folder / "keys"))
        self.log = Log(TOKEN)
        self.door = Door()
        self.kind = kind

    def begin(self, url: str) -> None:
        place = f"{url}/orgs/acme" if self.kind == "github" else url
        since = feeds.start(self.kind, self.clock.time(), 1767600000.0)
        self.store.add(name="it", kind=self.kind, channel_arn=ARN, settings={"url": place}, secret=TOKEN, at=0.0, cursor=since)
        self.puller = Puller(self.store, Fetch(), self.door, self.clock)

    def grow(self, count: int) -> list[str]:
        """New events; returns all their ids."""
        for number in range(len(self.log.events), len(self.log.events) + count):
            at = 1767607872 + 60 * number
            if self.kind == "github":
                self.log.events.append({"_document_id": f"e{number}", "@timestamp": at * 1000, "action": "a"})
            else:
                self.log.events.append({"uuid": f"e{number}", "published": iso_seconds(at), "eventType": "a"})
        return [f"e{number}" for number in range(len(self.log.events))]

    def drain(self) -> int:
        """Steps until there is nothing more; how many events came."""
        came = 0
        while True:
            step = self.puller.step("it")
            came += step.taken
            if not step.more:
                return came


@pytest.fixture(params=["github", "okta"])
def ground(request: Any, tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path, request.param)
    with made.log.served() as url:
        made.begin(url)
        yield made
    made.database.close()


def test_everything_comes_once_in_its_order(ground: Ground) -> None:
    expected = ground.grow(5)
    ground.drain()
    assert ground.door.uids == expected
    expected = ground.grow(4)
    ground.drain()
    assert ground.door.uids == expected
    ground.drain()
    assert ground.door.uids == expected
    assert ground.store.get("it").taken >= 9


def test_it_goes_on_where_it_was_left(ground: Ground) -> None:
    ground.grow(7)
    assert ground.puller.step("it").more
    again = Puller(IntegrationStore(ground.database, Vault.open(ground.folder / "keys")), Fetch(), ground.door, ground.clock)
    assert again.step("it").more
    assert ground.door.uids == ["e0", "e1", "e2", "e3"]
    assert ground.log.asked[1]["after"] == "2"


@pytest.mark.parametrize("lost", ["before", "after"])
def test_what_was_not_answered_is_put_again(ground: Ground, lost: str) -> None:
    expected = ground.grow(3)
    trouble = ground.door.failing if lost == "before" else ground.door.after
    trouble.append(OpenTrailError("connection refused"))
    with pytest.raises(OpenTrailError, match="refused"):
        ground.puller.step("it")
    assert ground.store.get("it").cursor == {"since": "2026-01-05T08:00:00Z"}
    ground.drain()
    assert ground.door.uids == expected


def test_what_is_under_way_is_put_again(ground: Ground) -> None:
    expected = ground.grow(2)
    ground.door.throttling = 2
    ground.drain()
    assert ground.door.uids == expected
    ground.grow(1)
    ground.door.throttling = 100
    with pytest.raises(NotTaken):
        ground.drain()


def test_the_source_says_when_to_come_again(ground: Ground) -> None:
    now = ground.clock.time()
    ground.log.refusing = [
        (429, {"retry-after": "7"}),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(now) + 30)}),
        (429, {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(now) + 9)}),
        (401, {}),
        (500, {}),
        (302, {"location": "http://127.0.0.1:1/"}),
    ]
    waits = []
    for _ in range(6):
        with pytest.raises(FeedTrouble) as raised:
            ground.puller.step("it")
        waits.append(raised.value.wait)
        assert TOKEN not in str(raised.value)
    assert waits == [7.0, 30.0, 9.0, None, None, None]
    assert ground.drain() == 0


def test_what_cannot_be_mapped_is_counted_and_holds_nothing_up(ground: Ground) -> None:
    ground.grow(2)
    ground.log.events.insert(1, {"action": "nothing else"})
    ground.drain()
    assert ground.door.uids == ["e0", "e1"]
    kept = ground.store.get("it")
    assert kept.refused == 1


@pytest.mark.parametrize("body", [b"{", b"{}", b"[1]", b"null"])
def test_an_answer_that_is_none_changes_nothing(ground: Ground, body: bytes) -> None:
    puller = Puller(ground.store, lambda ask: Told(200, {}, body), ground.door, ground.clock)
    before = ground.store.get("it").cursor
    with pytest.raises(FeedTrouble):
        puller.step("it")
    assert ground.store.get("it").cursor == before


def test_the_token_goes_only_where_it_was_meant_to_go(ground: Ground) -> None:
    asked: list[Ask] = []

    def fetch(ask: Ask) -> Told:
        asked.append(ask)
        return Told(200, {"link": '<https://evil.example/logs?after=1>; rel="next"'}, json.dumps(ground.log.events).encode())

    ground.grow(1)
    puller = Puller(ground.store, fetch, ground.door, ground.clock)
    puller.step("it")
    puller.step("it")
    assert all(ask.url.startswith(ground.log.base) for ask in asked)
    assert "after=1" in asked[1].url
    assert TOKEN not in repr(asked)


def test_nothing_answers(tmp_path: Path) -> None:
    with pytest.raises(FeedTrouble, match="reached"):
        Fetch(patience=1.0)(Ask("http://127.0.0.1:1/logs", {}))


def test_the_secret_is_sealed_and_said_nowhere(ground: Ground) -> None:
    ground.database.close()
    kept = ground.store.get("it")
    assert kept.secret == TOKEN
    assert TOKEN not in repr(kept)
    for path in ground.folder.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "Has Space"}, "name"),
    ({"kind": "gitlab"}, "gitlab"),
    ({"secret": "short"}, "16"),
    ({"secret": "with a space in the secret"}, "printable"),
    ({"settings": {}}, "URL"),
    ({"settings": {"url": "http://api.github.com/orgs/acme"}}, "https"),
    ({"settings": {"url": "https://user@api.github.com/orgs/acme"}}, "URL"),
    ({"settings": {"url": "ftp://127.0.0.1"}}, "URL"),
    ({"settings": {"url": "https://[::1"}}, "URL"),
    ({"kind": "kubernetes"}, "URL"),
    ({"name": "it"}, "already"),
]


@pytest.mark.parametrize(("given", "says"), REFUSED)
def test_an_integration_that_cannot_be_set_up(tmp_path: Path, given: dict[str, Any], says: str) -> None:
    database = Database.at(tmp_path / "state.db")
    store = IntegrationStore(database, Vault.open(tmp_path / "keys"))
    good = {"name": "it", "kind": "github", "channel_arn": ARN, "secret": TOKEN, "at": 0.0, "cursor": {}}
    good["settings"] = {"url": "https://api.github.com/orgs/acme"}
    store.add(**good)
    with pytest.raises(IntegrationError, match=says):
        store.add(**{**good, "name": "other", **given})
    assert [one.name for one in store.all()] == ["it"]
    store.remove("it")
    with pytest.raises(IntegrationError):
        store.remove("it")
    database.close()


def test_requests_are_filled_and_never_overfull() -> None:
    texts = ['{"a":"' + "x" * (number * 997 % 9000) + '"}' for number in range(500)] + ['{"a":"' + '"' * 100 + '"}']
    found = list(requests(texts))
    assert [entry["eventData"] for entries in found for entry in entries] == texts
    assert all(len(entries) <= 100 and len(json.dumps({"auditEvents": entries})) <= 1 << 20 for entries in found)
    assert len(found) < 12


def test_a_new_walk_begins_a_little_before_the_newest_event() -> None:
    integration = Integration(
        name="it",
        kind=KINDS["github"],
        channel_arn=ARN,
        settings={"url": "https://api.github.com/orgs/acme"},
        secret=TOKEN,
        created_at=0.0,
        cursor={"since": "2026-01-05T08:00:00Z", "newest": "2026-01-05T12:00:00Z", "after": "x"},
    )
    page = feeds.github_page(integration, Told(200, {}, b"[]"))
    assert (page.cursor, page.more) == ({"since": "2026-01-05T11:50:00Z"}, False)
