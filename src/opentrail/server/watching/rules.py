"""Event rules: what happened goes to the buses, and from there to the targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentrail.identity.service_roles import RoleSession, ServiceRoles
from opentrail.journal.positions import Positions
from opentrail.messaging.queues import Attribute, Queues
from opentrail.messaging.queues.service_sender import ServiceSender
from opentrail.messaging.topics.endpoints import CHAT
from opentrail.messaging.topics.notifier import Notifier, NotSet
from opentrail.messaging.topics.service_publisher import ServicePublisher
from opentrail.messaging.topics.web import Refused, Web
from opentrail.monitoring.logs import LogGroups
from opentrail.rules.dispatching.bus_targets import BusTargets
from opentrail.rules.dispatching.carrier import Carrier
from opentrail.rules.dispatching.dispatcher import Dispatcher
from opentrail.rules.dispatching.http_targets import HttpTargets
from opentrail.rules.following import InboxFollowing, JournalFollowing
from opentrail.rules.scheduling import Scheduling
from opentrail.rules.store import Store
from opentrail.rules.values import EVENTS, SESSION
from opentrail.server.messages import notifier
from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Chore, Part
from opentrail.server.watching.trail_selection import TrailSelection
from opentrail.server.watching.upstream_functions import UpstreamFunctions
from opentrail.wire.faults import fault

IDLE: Final = 5.0
"""Seconds between two looks for events on buses, should nobody say that there are any."""


def part(ground: Ground) -> Part:
    """What the watch runs of it."""
    clock, database = ground.clock, ground.rules
    store = Store(database)
    log_groups = LogGroups(ground.monitoring, clock, keys=ground.kms.service_keys)
    queues = Queues(ground.messages, clock, vault=ground.vault, secret=ground.folder.token_secret(), keys=ground.kms.service_keys)
    upstream = ground.upstreams.find("lambda", "lambda")
    carrier = Carrier(
        clock=clock,
        topics=ServicePublisher(ground.messages, clock, keys=ground.kms.service_keys, service=EVENTS),
        queues=OwnQueues(ServiceSender(queues, clock, service=EVENTS)),
        logs=log_groups.services,
        functions=None if upstream is None else UpstreamFunctions(upstream),
        buses=BusTargets(store, clock),
        http=HttpTargets(OwnWeb(), ground.vault),
        chat=OwnChat(notifier(ground.orders.settings.messaging)),
        roles=ServiceRoles(ground.identities, clock, service=EVENTS, session_name=SESSION),
    )
    dispatcher = Dispatcher(database, clock, carrier=carrier)
    following = JournalFollowing(
        database,
        clock,
        reader=ground.reader(),
        positions=Positions(database),
        trails=TrailSelection(ground.state, clock, ground.regions),
        promise=ground.promise,
        wake=dispatcher.wake,
    )

    def close() -> None:
        dispatcher.close()
        queues.close()
        log_groups.close()

    of = (ground.folder.rules,)
    inbox = InboxFollowing(database, clock, wake=dispatcher.wake)
    schedules = Scheduling(database, clock, wake=dispatcher.wake)
    return Part(
        followers={"event-rules": following},
        chores={
            "event-buses": Chore(step=inbox.step, of=of, rest=lambda: IDLE),
            "event-targets": Chore(step=dispatcher.look, of=of, rest=dispatcher.rest, woken=dispatcher.woken, ails=dispatcher.ails),
            "event-schedules": Chore(step=schedules.step, of=of, rest=schedules.rest),
        },
        counts=lambda: {"event_deliveries_waiting": dispatcher.waiting()},
        close=close,
    )


class OwnQueues:
    """The queues of our own, as rules see them."""

    def __init__(self, sender: ServiceSender) -> None:
        self._sender = sender

    def deliver(
        self,
        *,
        queue_arn: str,
        body: str,
        source_arn: str,
        account_id: str,
        attributes: Mapping[str, str],
        group_id: str | None = None,
        role: RoleSession | None = None,
    ) -> None:
        """As `rules.neighbours.Queues`."""
        told = {name: Attribute("String", text=value) for name, value in attributes.items()}
        self._sender.deliver(
            queue_arn=queue_arn,
            body=body,
            attributes=told,
            source_arn=source_arn,
            account_id=account_id,
            group_id=group_id,
            role=role,
        )


class OwnWeb:
    """The outward door of topics, for API destinations."""

    def send(self, *, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        """As `rules.neighbours.Web`."""
        try:
            return Web(patience=timeout).post(url, headers, body, method=method)
        except Refused as refused:
            raise fault("AccessDenied", str(refused)) from refused


class OwnChat:
    """The channels that the operator has set."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def send(self, *, channel: str, title: str, body: str) -> None:
        """As `rules.neighbours.Chat`."""
        try:
            self._notifier.send("email", channel + CHAT, title, body)
        except NotSet as error:
            raise fault("ResourceNotFoundException", str(error)) from error
