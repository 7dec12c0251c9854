"""The health page tells of the watch and the lake beside the followers, and does not wait for them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from opentrail.api import pages
from opentrail.api.pages import Pages
from opentrail.wire.faults import ServiceUnavailable


class QuietJournal:
    head = 50

    def check(self) -> None:
        """It takes records."""


async def followers(name: str, payload: Any) -> Any:
    return {"positions": {"store": 50}, "counts": {"files_waiting": 0}}


async def quiet(name: str, payload: Any) -> Any:
    return {"positions": {"lake": 50}, "counts": {"lake_events_waiting": 0}, "trouble": {}}


def asked(ask_watch: Any = quiet, ask_lake: Any = quiet) -> tuple[int, Any, str]:
    """Status and content of the health page, and the metrics."""

    async def both() -> tuple[int, Any, str]:
        shown = Pages(journal=QuietJournal(), ask=followers, ask_watch=ask_watch, ask_lake=ask_lake)  # type: ignore[arg-type]
        health, metrics = await shown.health(), await shown.metrics()
        assert isinstance(health.body, bytes)
        assert isinstance(metrics.body, bytes)
        return health.status, json.loads(health.body), metrics.body.decode()

    return asyncio.run(both())


def test_a_watch_that_is_behind_or_in_trouble_is_seen() -> None:
    async def watch(name: str, payload: Any) -> Any:
        return {"positions": {"logs": 50, "rules": 20}, "trouble": {"rules": "OSError: disk full"}, "counts": {}}

    status, health, metrics = asked(watch)
    assert (status, health["status"]) == (200, "ok")
    assert health["watch"] == {
        "status": "trouble",
        "followers": {"logs": {"position": 50, "lag": 0}, "rules": {"position": 20, "lag": 30}},
        "trouble": {"rules": "OSError: disk full"},
    }
    assert "\nopentrail_watch_up 0\n" in metrics
    assert 'opentrail_watch_lag{follower="rules"} 30\n' in metrics


def test_a_watch_without_trouble() -> None:
    async def watch(name: str, payload: Any) -> Any:
        return {"positions": {"logs": 50}, "trouble": {}, "counts": {"subscription_payloads_waiting": 3}}

    _, health, metrics = asked(watch)
    assert health["watch"] == {
        "status": "ok",
        "followers": {"logs": {"position": 50, "lag": 0}},
        "counts": {"subscription_payloads_waiting": 3},
    }
    assert "\nopentrail_watch_up 1\n" in metrics
    assert "\nopentrail_subscription_payloads_waiting 3\n" in metrics


@pytest.mark.parametrize("hangs", [True, False])
def test_a_watch_that_does_not_answer_holds_up_no_page(monkeypatch: pytest.MonkeyPatch, hangs: bool) -> None:
    monkeypatch.setattr(pages, "PATIENCE", 0.01)

    async def watch(name: str, payload: Any) -> Any:
        if hangs:
            await asyncio.Event().wait()
        raise ServiceUnavailable("not there")

    status, health, metrics = asked(watch)
    assert (status, health["watch"]["status"]) == (200, "starting")
    assert "\nopentrail_watch_up 0\n" in metrics


def test_events_that_wait_for_a_key_are_told() -> None:
    told = {"event data store 1": "its KMS key cannot be used: 3 events wait, and no query sees it"}

    async def lake(name: str, payload: Any) -> Any:
        return {"positions": {"lake": 40}, "counts": {"lake_events_waiting": 3}, "trouble": told}

    status, health, metrics = asked(ask_lake=lake)
    assert (status, health["status"]) == (200, "ok")
    assert health["lake"] == {
        "status": "trouble",
        "followers": {"lake": {"position": 40, "lag": 10}},
        "counts": {"lake_events_waiting": 3},
        "trouble": told,
    }
    assert "\nopentrail_lake_up 0\n" in metrics
    assert 'opentrail_lake_lag{follower="lake"} 10\n' in metrics
    assert "\nopentrail_lake_events_waiting 3\n" in metrics
