"""The house's own pages: `/_opentrail/health` and `/_opentrail/metrics`. They tell nothing about anybody's events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from opentrail import __version__
from opentrail.errors import JournalError
from opentrail.journal import Journal
from opentrail.wire.faults import Fault
from opentrail.wire.http import Response

Ask = Callable[[str, Any], Awaitable[Any]]

PATIENCE: Final = 1.0
"""Seconds that a page waits for the watch, and for the lake: nothing of the rest depends on them."""


class Pages:
    """Answers with what the front knows and what the followers tell when asked."""

    def __init__(self, *, journal: Journal, ask: Ask, ask_watch: Ask, ask_lake: Ask) -> None:
        """`ask` puts a question to the followers, `ask_watch` to the watch, `ask_lake` to the lake."""
        self._journal = journal
        self._ask = ask
        self._ask_watch = ask_watch
        self._ask_lake = ask_lake

    def by_path(self) -> Mapping[str, Callable[[], Awaitable[Response]]]:
        """The pages, for `asgi.Application`."""
        return {"/_opentrail/health": self.health, "/_opentrail/metrics": self.metrics}

    async def health(self) -> Response:
        """200 with `status: ok` when calls are taken and the followers answer, else 503 and why not.

        The watch and the lake have a status of their own within (`ok`, `trouble`, `starting`): calls are taken and trails delivered
        without them.
        """
        state = await self._state()
        return Response(
            status=200 if state["status"] == "ok" else 503,
            headers=(("content-type", "application/json"), ("cache-control", "no-store")),
            body=msgspec.json.encode(state) + b"\n",
        )

    async def metrics(self) -> Response:
        """The same facts for Prometheus."""
        state = await self._state()
        lines = [
            *_metric("opentrail_up", "1 when calls are taken and the followers answer.", "gauge", {"": float(state["status"] == "ok")}),
            *_metric("opentrail_journal_head", "Position of the newest durable record.", "counter", {"": state["journal_head"]}),
        ]
        followers = state["followers"]
        for fact, sentence in (("position", "Position up to which a follower is done."), ("lag", "Records a follower is behind.")):
            values = {f'{{follower="{name}"}}': follower[fact] for name, follower in followers.items()}
            lines += _metric(f"opentrail_follower_{fact}", sentence, "gauge", values)
        watch = state["watch"]
        lines += _metric("opentrail_watch_up", "1 when the watch answers and has no trouble.", "gauge", {"": watch["status"] == "ok"})
        values = {f'{{follower="{name}"}}': follower["lag"] for name, follower in watch["followers"].items()}
        lines += _metric("opentrail_watch_lag", "Records a follower of the watch is behind.", "gauge", values)
        lake = state["lake"]
        lines += _metric("opentrail_lake_up", "1 when the lake answers and has no trouble.", "gauge", {"": lake["status"] == "ok"})
        values = {f'{{follower="{name}"}}': follower["lag"] for name, follower in lake["followers"].items()}
        lines += _metric("opentrail_lake_lag", "Records the event data stores are behind.", "gauge", values)
        for name, value in (state["counts"] | watch.get("counts", {}) | lake.get("counts", {})).items():
            lines += _metric(f"opentrail_{name}", _COUNTS.get(name, "A count kept by the followers."), "gauge", {"": value})
        body = "\n".join(lines) + "\n"
        return Response(status=200, headers=(("content-type", "text/plain; version=0.0.4; charset=utf-8"),), body=body.encode())

    async def _state(self) -> dict[str, Any]:
        head = self._journal.head
        state: dict[str, Any] = {"status": "ok", "version": __version__, "journal_head": head, "followers": {}, "counts": {}}
        state["watch"], state["lake"] = await asyncio.gather(
            self._role("watch", self._ask_watch, head), self._role("lake", self._ask_lake, head)
        )
        try:
            told = await self._ask("status", None)
        except Fault:
            return state | {"status": "starting", "reason": "The followers do not answer yet."}
        state["followers"] = _followers(told["positions"], head)
        state["counts"] = told["counts"]
        try:
            self._journal.check()
        except JournalError as error:
            return state | {"status": "refusing", "reason": str(error)}
        return state

    @staticmethod
    async def _role(name: str, ask: Ask, head: int) -> dict[str, Any]:
        try:
            async with asyncio.timeout(PATIENCE):
                told = await ask("status", None)
        except (Fault, TimeoutError):
            return {"status": "starting", "followers": {}, "reason": f"The {name} does not answer."}
        found = {"status": "trouble" if told["trouble"] else "ok", "followers": _followers(told["positions"], head)}
        return found | {part: told[part] for part in ("trouble", "counts") if told.get(part)}


_COUNTS = {
    "files_waiting": "Log and digest files that are cut but not in their bucket yet.",
    "messages_waiting": "Messages of topics that are on their way, one for each subscriber.",
    "event_deliveries_waiting": "Events on their way to targets of rules.",
    "subscription_payloads_waiting": "Payloads of subscription filters on their way.",
    "subscription_filters_failing": "Subscription filters whose destination does not take what they send.",
    "subscription_payloads_given_up": "Payloads of subscription filters that were given up.",
    "lake_events_hot": "Events of event data stores that are not in their tables yet.",
    "lake_events_cold": "Events in the tables of event data stores.",
    "lake_bytes_cold": "Bytes of these tables.",
    "lake_events_waiting": "Events that are set aside, as the KMS key of their event data store cannot be used.",
    "lake_records_quarantined": "Records that event data stores could not read; their bytes are kept.",
    "records_quarantined": "Records that the event store could not read; their bytes are kept.",
}


def _followers(positions: Mapping[str, int], head: int) -> dict[str, dict[str, int]]:
    return {name: {"position": position, "lag": max(head - position, 0)} for name, position in positions.items()}


def _metric(name: str, sentence: str, kind: str, values: Mapping[str, float]) -> list[str]:
    if not values:
        return []
    return [f"# HELP {name} {sentence}", f"# TYPE {name} {kind}", *(f"{name}{labels} {value:g}" for labels, value in values.items())]
