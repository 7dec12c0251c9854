"""The front's doors of the watch and the watch behind them, in one process and on one data folder: what comes in is taken up at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opentrail.api.call import Answer, Call
from opentrail.clock import ManualClock
from opentrail.identity import Identities
from opentrail.kms import KeyManagement
from opentrail.monitoring.alarms.evaluating import Evaluating
from opentrail.monitoring.alarms.regions import region_names
from opentrail.monitoring.alarms.store import AlarmStore
from opentrail.monitoring.alarms.transitions import Transitions
from opentrail.monitoring.filters import Following, Measuring, Subscribing
from opentrail.monitoring.filters.measuring import FOLLOWER as MEASURING
from opentrail.monitoring.filters.subscribing import FOLLOWER as SUBSCRIBING
from opentrail.monitoring.metrics.store import MetricStore
from opentrail.rules.dispatching.outbox import deliveries
from opentrail.rules.following import InboxFollowing
from opentrail.rules.scheduling import Scheduling
from opentrail.server.folder import DataFolder
from opentrail.server.roles import Orders
from opentrail.server.watch_front import WatchFront
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from opentrail.trails.regions import known_regions
from opentrail.wire import cbor
from opentrail.wire.http import Headers, Request
from opentrail.wire.models import Catalogue
from opentrail.wire.parse import parse
from opentrail.wire.routing import Router
from opentrail.wire.scope import Scope
from opentrail.wire.serialise import serialise

ACCOUNT, REGION = "111122223333", "us-east-1"
TARGETS = {"events": "AWSEvents", "logs": "Logs_20140328"}
NAMES = {"events": "events", "logs": "logs", "monitoring": "cloudwatch"}
"""Name in signatures → name in botocore."""


class WatchDoors:
    """`ask` is what a client sends, up to the bytes of the answer."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        place = DataFolder(folder)
        state = Database.at(place.state)
        outbox = Outbox(state)
        identities = Identities(state, place.keys, self.clock, account_id=ACCOUNT, outbox=outbox)
        identities.accounts.ensure(ACCOUNT)
        self._root = identities.root(ACCOUNT)
        kms = KeyManagement(state, place.keys, self.clock, outbox=outbox, identities=identities)
        orders = Orders(data_dir=folder, link=str(folder / "link"), watch_link=str(folder / "watch"))
        catalogue = Catalogue()
        self._router = Router(catalogue)
        self._front = WatchFront(
            orders, state, self.clock, catalogue=catalogue, identities=identities, kms=kms, regions=known_regions(), head=lambda: 0
        )
        self._services = {service.name: service for service in self._front.services}
        monitoring, self.rules = Database.at(place.monitoring), Database.at(place.rules)
        self._databases = (state, monitoring, self.rules)
        metrics, reader = MetricStore(monitoring, self.clock), self._front.log_groups.reader
        self._inbox = InboxFollowing(self.rules, self.clock, wake=lambda: None)
        self._schedules = Scheduling(self.rules, self.clock, wake=lambda: None)
        self._filters = (
            Following(MEASURING, monitoring, reader=reader, work=Measuring(monitoring, self.clock, metrics=metrics)),
            Following(SUBSCRIBING, monitoring, reader=reader, work=Subscribing(monitoring, self.clock)),
        )
        self._alarms = Evaluating(metrics, AlarmStore(monitoring), self.clock, transitions=Transitions(region_names()))

    def close(self) -> None:
        asyncio.run(self._front.close())
        for database in self._databases:
            database.close()

    def ask(self, signing_name: str, operation: str, body: bytes, kind: str) -> Any:
        """The result of one call, `kind` being `json`, `cbor` or `query`. Raises its fault, and whatever should not have happened."""
        headers, path = [("Content-Type", "application/x-amz-json-1.1")], "/"
        match kind:
            case "json":
                headers.append(("X-Amz-Target", f"{TARGETS[signing_name]}.{operation}"))
            case "cbor":
                headers = [("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")]
                path = f"/service/GraniteServiceVersion20100801/operation/{operation}"
            case _:
                headers = [("Content-Type", "application/x-www-form-urlencoded")]
        request = Request(method="POST", path=path, headers=Headers(headers), body=body)
        scope = Scope(access_key_id="AKIDEXAMPLE", date="20260105", region=REGION, signing_name=signing_name)
        route = self._router.route(request, scope=scope)
        service = self._services[NAMES[signing_name]]
        call = Call(
            service=service.name, operation=route.operation.name, parameters=parse(route), caller=self._root, account_id=ACCOUNT,
            region=REGION, request_id="r", source_ip="127.0.0.1", user_agent="", time=self.clock.now(), secure=True, request=request,
        )  # fmt: skip
        service.needs(call)
        found: Any = service.operations[route.operation.name](call)
        result: Mapping[str, Any] = (found.result if isinstance(found, Answer) else found) or {}
        serialise(route.operation, result, request_id="r")
        return result

    def json(self, signing_name: str, operation: str, **given: Any) -> Any:
        """A call in JSON, or in CBOR where the service takes that."""
        if signing_name == "monitoring":
            return self.ask(signing_name, operation, cbor.dumps(given), "cbor")
        return self.ask(signing_name, operation, json.dumps(given).encode(), "json")

    def work(self) -> None:
        """The watch takes up what has come in. Raises what would stop it."""
        while self._inbox.step():
            pass
        self._schedules.step()
        for one in self._filters:
            while one.step():
                pass
        while self._alarms.step():
            pass
        with self.rules.begin() as connection:
            connection.execute(deliveries.delete())
