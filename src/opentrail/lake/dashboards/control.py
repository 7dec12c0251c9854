"""The dashboards of an account and Region, and the beginning of their refreshes (reference of Lake, §7). Works on the state database.

What needs an engine (whether a widget's statement can be run) is asked beforehand, see `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.lake import names
from opentrail.lake.dashboards import managed, parameters, plans, schedule, store, widgets
from opentrail.lake.dashboards.dashboard import Dashboard, Wanted
from opentrail.lake.dashboards.ids import new_alias, new_refresh_id
from opentrail.lake.dashboards.managed import HIGHLIGHTS, PREFIX, Managed
from opentrail.lake.dashboards.scope import Scope
from opentrail.lake.dashboards.store import WAITING, Kept, Refresh, Step
from opentrail.lake.dashboards.widgets import Widget
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.faults import ConflictException, ResourceNotFoundException, ServiceQuotaExceededException, UnsupportedOperationException
from opentrail.lake.names import Named, Place
from opentrail.lake.neighbours import Stores
from opentrail.lake.stores import attachments
from opentrail.storage.database import Database
from opentrail.wire.faults import ValidationException

MOST: Final = 100
"""Custom dashboards of an account and Region."""


class Dashboards:
    """Keeps dashboards. Blocking, thread-safe."""

    def __init__(self, database: Database, clock: Clock, stores: Stores) -> None:
        self.database = database
        self._clock = clock
        self._scope = Scope(stores)
        database.create(store.METADATA)
        database.create(attachments.METADATA)

    def draft(self, place: Place, given: Sequence[Mapping[str, Any]], dashboard: str | None = None) -> tuple[Widget, ...]:
        """The widgets of a request, checked as far as it goes without an engine; those of `dashboard` that stay keep their aliases.

        Raises what `widgets.checked` raises, `EventDataStoreNotFoundException`, `InactiveEventDataStoreException`.
        """
        before: tuple[Widget, ...] = ()
        if dashboard is not None:
            with self.database.read() as connection:
                before = tuple(widgets.from_wire(one) for one in self._changeable(connection, place, dashboard).widgets)
        made = widgets.checked(given, new_alias, before)
        for widget in made:
            self._scope.of(place, parameters.named(widget.statement, widget.parameters, parameters.EXAMPLES))
        return made

    def create(self, place: Place, name: str, wanted: Wanted, tags: Mapping[str, str]) -> Dashboard:
        """Make a custom dashboard, or Highlights.

        Raises `ValidationException`, `ConflictException` for a name that is taken, `ServiceQuotaExceededException`.
        """
        if not names.DASHBOARD_NAME.fullmatch(name):
            raise ValidationException(f"The dashboard name {name[:200]!r} is not valid: 3 to 128 letters, digits, hyphens and underscores.")
        if name.startswith(PREFIX) and name != HIGHLIGHTS:
            raise ValidationException(f"Names that begin with {PREFIX} are reserved; the one that can be created is {HIGHLIGHTS}.")
        plan = plans.highlights(wanted) if name == HIGHLIGHTS else plans.custom(wanted)
        now = self._clock.time()
        with self.database.begin() as connection:
            if store.find(connection, place.account_id, place.region, name) is not None:
                raise ConflictException(f"The dashboard {name} exists already.")
            if name != HIGHLIGHTS and sum(one.name != HIGHLIGHTS for one in store.of(connection, place.account_id, place.region)) >= MOST:
                raise ServiceQuotaExceededException(f"The account has {MOST} custom dashboards in {place.region}, as many as it may have.")
            values = {
                "partition": place.partition,
                "region": place.region,
                "account_id": place.account_id,
                "name": name,
                "status": "CREATED",
                "widgets": [widget.as_wire() for widget in wanted.widgets or ()],
                "refresh_schedule": plan.as_wire() if plan else None,
                "termination_protection_enabled": name == HIGHLIGHTS or bool(wanted.termination_protection_enabled),
                "created_timestamp": now,
                "updated_timestamp": now,
                "due": plan.next_due(now) if plan and plan.enabled else None,
            }
            self._put_aliases(connection, place, store.add(connection, values), wanted.widgets or (), now)
            attachments.put_tags(connection, _arn(place, name), tags)
            return self.shown(connection, _read(connection, place, name))

    def update(self, place: Place, given: str, wanted: Wanted) -> Dashboard:
        """Change what `wanted` says; widgets are replaced as a whole.

        Raises `ResourceNotFoundException`, `UnsupportedOperationException` for a managed one, `ValidationException`.
        """
        now = self._clock.time()
        with self.database.begin() as connection:
            kept = self._changeable(connection, place, given)
            changes: dict[str, Any] = {"status": "UPDATED", "updated_timestamp": now}
            if wanted.termination_protection_enabled is not None:
                changes["termination_protection_enabled"] = wanted.termination_protection_enabled
            if wanted.refresh_schedule is not None:
                before = schedule.checked(kept.refresh_schedule) if kept.refresh_schedule else None
                plan = schedule.checked(wanted.refresh_schedule, before)
                if kept.name == HIGHLIGHTS:
                    plans.require_highlights(plan)
                changes |= {"refresh_schedule": plan.as_wire(), "due": plan.next_due(now) if plan.enabled else None}
            if wanted.widgets is not None:
                if kept.name == HIGHLIGHTS:
                    raise UnsupportedOperationException("The widgets of the Highlights dashboard cannot be changed.")
                changes["widgets"] = [widget.as_wire() for widget in wanted.widgets]
                store.forget_aliases(connection, kept.id)
                self._put_aliases(connection, place, kept.id, wanted.widgets, now)
            store.change(connection, kept.id, changes)
            return self.shown(connection, _read(connection, place, kept.name))

    def delete(self, place: Place, given: str) -> None:
        """Remove a dashboard; its scheduled refreshes end with it.

        Raises `ResourceNotFoundException`, `ConflictException` while it is protected, `UnsupportedOperationException` for a managed one.
        """
        with self.database.begin() as connection:
            kept = self._changeable(connection, place, given)
            if kept.termination_protection_enabled:
                raise ConflictException(
                    f"The dashboard {kept.name} is protected from termination. Turn its termination protection off first."
                )
            store.forget(connection, kept)
            attachments.forget(connection, kept.arn)

    def get(self, place: Place, given: str) -> Dashboard:
        """One dashboard. Raises `ResourceNotFoundException`."""
        with self.database.read() as connection:
            name = _name(place, given)
            kept = store.find(connection, place.account_id, place.region, name)
            if kept is not None:
                return self.shown(connection, kept)
            return self._shown_managed(connection, place, _managed(name, given))

    def list(self, place: Place) -> Sequence[tuple[str, str]]:
        """ARN and type of each dashboard of the account and Region, in the order of the names."""
        with self.database.read() as connection:
            own = {kept.name for kept in store.of(connection, place.account_id, place.region)}
        builtin = managed.managed().keys() - {HIGHLIGHTS}
        return [(_arn(place, name), _type(name)) for name in sorted(own | builtin)]

    def begin_refresh(self, place: Place, given: str, values: Mapping[str, str]) -> str:
        """Begin a refresh and return its id; `refreshing` has the queries run.

        Raises `ResourceNotFoundException`, `EventDataStoreNotFoundException`, `InactiveEventDataStoreException`, `ValidationException`,
        `ServiceQuotaExceededException` while another one runs.
        """
        with self.database.begin() as connection:
            name = _name(place, given)
            kept = store.find(connection, place.account_id, place.region, name)
            shown = self.shown(connection, kept) if kept else self._shown_managed(connection, place, _managed(name, given))
            if store.is_running(connection, place.account_id, place.region, name):
                raise ServiceQuotaExceededException(f"A refresh of the dashboard {name} is running; there is one at a time.")
            return self.begin(connection, place, shown, values, scheduled=False)

    def begin(self, connection: Connection, place: Place, shown: Dashboard, values: Mapping[str, str], *, scheduled: bool) -> str:
        """The same in a transaction of the caller, who knows that no other refresh of `shown` is running."""
        statements = [(widget.alias, statement) for widget, statement in self._filled(place, shown, values)]
        now = self._clock.time()
        refresh = Refresh(
            id=new_refresh_id(now, shown.last_refresh_id),
            partition=place.partition,
            region=place.region,
            account_id=place.account_id,
            dashboard=shown.name,
            scheduled=scheduled,
            started=now,
            ended=None,
        )
        steps = (
            Step(refresh_id=refresh.id, number=number, alias=alias, statement=statement, state=WAITING)
            for number, (alias, statement) in enumerate(statements, 1)
        )
        store.begin_refresh(connection, refresh, steps)
        return refresh.id

    def stores_to_refresh(self, place: Place, given: str, values: Mapping[str, str]) -> Sequence[EventDataStore]:
        """The stores that a refresh with these values would ask. Raises as `begin_refresh`."""
        return self._stores_asked(place, self.get(place, given), values)

    def stores_asked(self, place: Place, shown: Dashboard) -> Sequence[EventDataStore]:
        """The stores that a scheduled refresh of `shown` asks. Raises as `begin_refresh`."""
        return self._stores_asked(place, shown, {})

    def _stores_asked(self, place: Place, shown: Dashboard, values: Mapping[str, str]) -> Sequence[EventDataStore]:
        found = {one.id: one for _, statement in self._filled(place, shown, values) for one in self._scope.of(place, statement)}
        return list(found.values())

    def _filled(self, place: Place, shown: Dashboard, values: Mapping[str, str]) -> Sequence[tuple[Widget, str]]:
        """The widgets with the statements that a refresh runs."""
        builtin = managed.managed().get(shown.name)
        asks_one = builtin is not None and shown.name != HIGHLIGHTS
        allowed = parameters.MANAGED if asks_one else parameters.CUSTOM
        found = parameters.checked(values, allowed=allowed, place=place, now=self._clock.now())
        if shown.name == HIGHLIGHTS:
            found[parameters.STORE] = self._scope.everything(place)
        elif builtin is not None:
            if parameters.STORE not in found:
                raise ValidationException(f"The managed dashboard {shown.name} asks one event data store: give {parameters.STORE}.")
            self._scope.one(place, found[parameters.STORE], builtin)
        filled = [(widget, parameters.named(widget.statement, widget.parameters, found)) for widget in shown.widgets]
        for _, statement in filled:
            self._scope.of(place, statement)
        return filled

    def _changeable(self, connection: Connection, place: Place, given: str) -> Kept:
        name = _name(place, given)
        kept = store.find(connection, place.account_id, place.region, name)
        if kept is None:
            _managed(name, given)
            raise UnsupportedOperationException(f"The dashboard {name} comes with the service: it can be looked at and refreshed only.")
        return kept

    def _put_aliases(self, connection: Connection, place: Place, dashboard_id: int, made: Sequence[Widget], now: float) -> None:
        for widget in made:
            store.put_alias(
                connection,
                account_id=place.account_id,
                region=place.region,
                alias=widget.alias,
                statement=widget.statement,
                made=now,
                dashboard_id=dashboard_id,
            )

    def shown(self, connection: Connection, kept: Kept) -> Dashboard:
        """A dashboard that somebody made, as it is shown."""
        is_highlights = kept.name == HIGHLIGHTS
        return Dashboard(
            arn=kept.arn,
            name=kept.name,
            type=_type(kept.name),
            status=kept.status,
            widgets=managed.managed()[HIGHLIGHTS].widgets if is_highlights else tuple(widgets.from_wire(one) for one in kept.widgets),
            refresh_schedule=kept.refresh_schedule,
            termination_protection_enabled=kept.termination_protection_enabled,
            tags=attachments.tags(connection, kept.arn),
            created_timestamp=kept.created_timestamp,
            updated_timestamp=kept.updated_timestamp,
            last_refresh_id=store.last_refresh(connection, kept.account_id, kept.region, kept.name),
            last_refresh_failure_reason=kept.last_refresh_failure_reason,
            resource_policy=attachments.policy(connection, kept.arn),
        )

    def _shown_managed(self, connection: Connection, place: Place, one: Managed) -> Dashboard:
        return Dashboard(
            arn=_arn(place, one.name),
            name=one.name,
            type="MANAGED",
            status="CREATED",
            widgets=one.widgets,
            refresh_schedule=None,
            termination_protection_enabled=False,
            tags={},
            created_timestamp=None,
            updated_timestamp=None,
            last_refresh_id=store.last_refresh(connection, place.account_id, place.region, one.name),
            last_refresh_failure_reason=None,
            resource_policy=None,
        )


def exists(connection: Connection, named: Named) -> bool:
    """Whether somebody made this dashboard: it can carry tags and a policy then."""
    kept = store.find(connection, named.account_id, named.region, named.id)
    return kept is not None and kept.arn == named.arn


def _name(place: Place, given: str) -> str:
    """The dashboard's name, if it can be one of `place`. Raises `ResourceNotFoundException`, `ResourceARNNotValidException`."""
    found = names.dashboard(given, place)
    if (found.account_id, found.region, found.partition) != (place.account_id, place.region, place.partition):
        raise ResourceNotFoundException(f"The dashboard {given[:300]} was not found.")
    return found.id


def _managed(name: str, given: str) -> Managed:
    found = managed.managed().get(name)
    if found is None or name == HIGHLIGHTS:
        raise ResourceNotFoundException(f"The dashboard {given[:300]} was not found.")
    return found


def _read(connection: Connection, place: Place, name: str) -> Kept:
    kept = store.find(connection, place.account_id, place.region, name)
    assert kept is not None
    return kept


def _arn(place: Place, name: str) -> str:
    return Named(partition=place.partition, region=place.region, account_id=place.account_id, kind="dashboard", id=name).arn


def _type(name: str) -> str:
    return "MANAGED" if name.startswith(PREFIX) else "CUSTOM"
