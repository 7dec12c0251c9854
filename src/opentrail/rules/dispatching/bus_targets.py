"""Another bus as a target, of the same account or another one that lets it. Loops end: an event goes through so many buses only.

The event is taken by the other bus under its own id, so an attempt that is made twice counts once as long as it lies there.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.dialects.sqlite import insert

from opentrail.clock import Clock
from opentrail.identity.policies import PolicyRequest, PolicySet, evaluate, parsed, request_context
from opentrail.identity.principals import Principal
from opentrail.identity.service_roles import RoleSession
from opentrail.rules import rows
from opentrail.rules.dispatching import outbox
from opentrail.rules.dispatching.outcomes import DONE, Load, Outcome, never
from opentrail.rules.names import bus_of
from opentrail.rules.store import Store
from opentrail.rules.values import Bus, NewEvent

MOST_HOPS: Final = 5
"""Buses to which one event is forwarded, one behind the other, within its account and Region."""


class BusTargets:
    """Thread-safe."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def forward(self, load: Load, role: RoleSession | None = None) -> Outcome:
        """Have the other bus take the event, durably. With a role it is the role that puts the event: both it and, in another account,
        the policy of the bus must let it. Without one the policy must let the account. Raises `NotAllowed`.
        """
        delivery = load.delivery
        here, there = bus_of(delivery.bus_arn), bus_of(load.target.arn)
        with self._store.read() as connection:
            bus = None if there is None else rows.find_bus(connection, there)
        if here is None or there is None or bus is None:
            return never("NO_RESOURCE", f"There is no event bus {load.target.arn}.")
        if delivery.hops and there.account_id != here.account_id:
            return never("THIRD_ACCOUNT_HOP_DETECTED", "The event came from another bus already: it does not go on to another account.")
        if delivery.hops and there.region != here.region:
            return never("THIRD_REGION_HOP_DETECTED", "The event came from another bus already: it does not go on to another Region.")
        if delivery.hops >= MOST_HOPS:
            return never("INVALID_PARAMETER", f"The event has been forwarded {MOST_HOPS} times: rules send it in a circle.")
        if role is not None:
            role.judge(
                "events:PutEvents",
                bus.arn,
                region=bus.region,
                account_id=bus.account_id,
                policy=bus.policy,
                context={
                    "events:source": (str(delivery.event.get("source", "")),),
                    "events:detail-type": (str(delivery.event.get("detail-type", "")),),
                    "events:eventBusInvocation": ("true",),
                    "aws:SourceArn": (load.rule.arn,),
                    "aws:SourceAccount": (here.account_id,),
                },
            )
        elif there.account_id != here.account_id and not self._may(bus, here.account_id, load.rule.arn):
            return never("NO_PERMISSIONS", f"The policy of {bus.arn} does not let the account {here.account_id} put events.")
        event = NewEvent(bus_arn=bus.arn, event=delivery.event)
        with self._store.add() as connection:
            rows.take_events(connection, [rows.event_row(event, self._clock.time())])
            row = {"bus_arn": bus.arn, "event_id": event.event_id, "hops": delivery.hops + 1}
            connection.execute(insert(outbox.hops).values(row).on_conflict_do_nothing())
        return DONE

    def _may(self, bus: Bus, account_id: str, rule_arn: str) -> bool:
        if bus.policy is None:
            return False
        context = request_context(source_ip="", secure=True, time=self._clock.now(), region=bus.region)
        del context["aws:SourceIp"]
        partition = bus.arn.split(":")[1]
        request = PolicyRequest(
            principal=Principal(type="Root", account_id=account_id, principal_id=account_id, arn=f"arn:{partition}:iam::{account_id}:root"),
            action="events:PutEvents",
            resource=bus.arn,
            context={**context, "aws:SourceArn": (rule_arn,), "aws:SourceAccount": (account_id,)},
            resource_account_id=bus.account_id,
        )
        return evaluate(request, PolicySet(), parsed(bus.policy)).allowed
