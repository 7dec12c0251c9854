"""The trails themselves: create, change, delete, start, stop, describe (reference of trails, §2-§5).

Blocking and thread-safe. Every method takes the account and Region of the call.

A change is settled in one transaction. What the neighbours have to say of a bucket, topic or key is asked before it; when another change
came in between, it is asked again for what the trail is now: two changes at once have one order, and what is kept was checked together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.journal.positions import Positions
from opentrail.storage.database import Database
from opentrail.trails import event_configuration, insight_selectors, names, organization_members, settings, store
from opentrail.trails.faults import ConflictException, InsightNotEnabledException, OperationNotPermittedException
from opentrail.trails.finding import Finding
from opentrail.trails.log_waiting import LogStatus
from opentrail.trails.neighbours import LogBucket, Neighbours
from opentrail.trails.organization import OrganizationTrails
from opentrail.trails.probe import Probe
from opentrail.trails.regions import Regions, is_region_name
from opentrail.trails.settings import Wanted
from opentrail.trails.store import Status, Trail

__all__ = ["Trails", "Wanted"]

WINDOWS = "trail-windows"
"""Name under which the positions are saved at which trails began and ended to log: the journal must never go on below them."""
TRIES = 5
"""Times that a change is checked anew because another one came in between."""

_NOBODY = Neighbours()


class Trails:
    """The control plane of trails. `finding` tells which trail is meant."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        buckets: LogBucket,
        regions: Regions,
        head: Callable[[], int],
        neighbours: Neighbours = _NOBODY,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`head` gives the position of the newest record of the journal; `changed` hears when a change of a trail is durable, before the
        call that made it is answered."""
        self.database = database
        self.regions = regions
        self._changed = changed
        self._clock = clock
        self._probe = Probe(regions, buckets, neighbours)
        self._log_groups = neighbours.log_groups
        self._head = head
        self._positions = Positions(database)
        database.create(store.METADATA)
        self.organization = OrganizationTrails(
            database,
            clock,
            organizations=neighbours.organizations,
            regions=regions,
            noted_head=self._noted_head,
            changed=changed,
        )
        self.finding = Finding(regions, self.organization)

    def create(self, account_id: str, region: str, name: str, wanted: Wanted, tags: Mapping[str, str | None]) -> Trail:
        """Keep a new trail, not logging yet.

        Raises `InvalidTrailNameException`, what `settings.for_new`, `Finding.check_room` and `Probe.connections` raise;
        `OperationNotPermittedException` where `region` cannot be the name of a Region; for an organization trail, which the management
        account owns, what `OrganizationTrails.owner` raises.
        """
        names.check_trail_name(name)
        if not is_region_name(region):
            raise OperationNotPermittedException(f"A trail cannot be at home in {region[:64]}, which is no Region.")
        caller, organization_id = account_id, None
        if wanted.is_organization_trail:
            account_id = self.organization.owner(caller)
            organization_id = self.organization.id_of(account_id)
        arn = self.finding.arn(account_id, region, name)
        values = settings.for_new(wanted)
        with self.database.read() as connection:
            self.finding.check_room(connection, account_id, region, name, is_multi_region=values["is_multi_region_trail"])
        values.update(
            self._probe.connections(wanted, values, account_id=account_id, region=region, arn=arn, organization_id=organization_id)
        )
        self._greet(values, account_id, arn)
        with self._changing() as connection:
            self.finding.check_room(connection, account_id, region, name, is_multi_region=values["is_multi_region_trail"])
            values["log_group_since"] = self._streams_from(connection, values, None)
            key = store.add_trail(connection, {**values, "account_id": account_id, "home_region": region, "name": name, "arn": arn})
            store.put_tags(connection, key, tags)
            if wanted.is_organization_trail:
                self.organization.give(connection, _read(connection, key), caller)
            return _read(connection, key)

    def update(self, account_id: str, region: str, name_or_arn: str, wanted: Wanted) -> Trail:
        """Change only what `wanted` names.

        Raises what `Finding.to_change`, `settings.for_change` and `Probe.connections` raise, and `ConflictException` when the trail cannot
        become multi-Region because of another one, or others keep changing it.
        """
        greeted = False
        for _ in range(TRIES):
            with self.database.read() as connection:
                trail = self.finding.to_change(connection, account_id, region, name_or_arn)
                self.organization.require_convertible(connection, trail, account_id, wanted.is_organization_trail)
            values = settings.for_change(wanted, trail)
            for_organization = trail.organization_id is not None if wanted.is_organization_trail is None else wanted.is_organization_trail
            values.update(
                self._probe.connections(
                    wanted,
                    values,
                    account_id=trail.account_id,
                    region=region,
                    arn=trail.arn,
                    organization_id=self.organization.id_of(trail.account_id) if for_organization else None,
                    old=trail,
                )
            )
            if not greeted:
                self._greet(values, trail.account_id, trail.arn)
                greeted = True
            with self._changing() as connection:
                if self.finding.to_change(connection, account_id, region, name_or_arn) == trail:
                    self._change(connection, trail, values)
                    self.organization.convert(connection, trail, account_id, wanted.is_organization_trail)
                    changed = _read(connection, trail.id)
                    self.organization.open_chains(connection, changed)
                    return changed
        raise ConflictException("Another operation is changing the trail. Try again when it is done.")

    def _change(self, connection: Connection, trail: Trail, values: dict[str, Any]) -> None:
        if values.get("is_multi_region_trail") and not trail.is_multi_region_trail:
            self.finding.check_shadows(connection, trail)
        validated = values.get("log_file_validation_enabled", trail.log_file_validation_enabled)
        values["digests_since"] = (trail.digests_since or self._clock.time()) if validated and trail.is_logging else None
        if "cloud_watch_logs_log_group_arn" in values:
            values["log_group_since"] = self._streams_from(connection, values, trail)
        store.change_trail(connection, trail.id, values)

    def _streams_from(self, connection: Connection, values: Mapping[str, Any], old: Trail | None) -> int | None:
        """The record after which the trail streams to its log group; one that does already goes on where it is."""
        if not values.get("cloud_watch_logs_log_group_arn"):
            return None
        return self._noted_head(connection) if old is None or old.log_group_since is None else old.log_group_since

    def log_status(self, trail: Trail) -> LogStatus:
        """What became last of the records for the log group of a trail."""
        return self._log_groups.status(trail.id)

    def _greet(self, values: Mapping[str, Any], account_id: str, arn: str) -> None:
        if values.get("sns_topic_arn"):
            self._probe.greet(values["sns_topic_arn"], account_id=account_id, arn=arn)

    def delete(self, account_id: str, region: str, name_or_arn: str, request_id: str) -> None:
        """Remove a trail and its shadows; its last log file and final digests are still delivered. The name is free at once."""
        with self._changing() as connection:
            trail = self.finding.to_change(connection, account_id, region, name_or_arn)
            self._stop(connection, trail, request_id)
            store.change_trail(connection, trail.id, {"deleted_at": self._clock.time()})

    def start_logging(self, account_id: str, region: str, name_or_arn: str) -> None:
        """Take every record from now on; nothing changes for a trail that is logging."""
        with self._changing() as connection:
            trail = self.finding.to_change(connection, account_id, region, name_or_arn)
            if trail.is_logging:
                return
            now = self._clock.time()
            since = now if trail.log_file_validation_enabled else None
            store.change_trail(connection, trail.id, {"is_logging": True, "started_at": now, "digests_since": since})
            store.open_window(connection, trail.id, self._noted_head(connection))
            self.organization.open_chains(connection, _read(connection, trail.id))

    def stop_logging(self, account_id: str, region: str, name_or_arn: str, request_id: str) -> None:
        """Take no record after this moment, but for the one of this very call (`request_id`). What Insights learn ends too; their
        selectors are kept, and work again from the next start."""
        with self._changing() as connection:
            self._stop(connection, self.finding.to_change(connection, account_id, region, name_or_arn), request_id)

    def _stop(self, connection: Connection, trail: Trail, request_id: str) -> None:
        if trail.is_logging:
            now = self._clock.time()
            store.change_trail(connection, trail.id, {"is_logging": False, "stopped_at": now, "digests_since": None})
            store.close_window(connection, trail.id, self._noted_head(connection), request_id, now)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self.database.begin() as connection:
            yield connection
        self._changed()

    def _noted_head(self, connection: Connection) -> int:
        head = self._head()
        self._positions.save(connection, WINDOWS, head)
        return head

    def get(self, account_id: str, region: str, name_or_arn: str) -> Trail:
        """One trail: by name where it is at home, by ARN anywhere."""
        with self.database.read() as connection:
            return self.finding.find(connection, account_id, region, name_or_arn)

    def at_home(self, account_id: str, region: str, name_or_arn: str) -> Trail:
        """The trail with its selectors and configuration, which only its home Region tells. Raises as `Finding.at_home` does."""
        with self.database.read() as connection:
            return self.finding.at_home(connection, account_id, region, name_or_arn)

    def status(self, account_id: str, region: str, name_or_arn: str) -> tuple[Trail, Status]:
        """A trail and what is known of its deliveries in `region` (its home, for one that is not in `region`)."""
        with self.database.read() as connection:
            trail = self.finding.find(connection, account_id, region, name_or_arn)
            return trail, store.status(connection, trail.id, region if trail.covers(region) else trail.home_region)

    def describe(self, account_id: str, region: str, wanted: Sequence[str], *, include_shadows: bool) -> list[Trail]:
        """The trails of `region`, or those of `wanted` (names of this Region, ARNs of any); what matches nothing is left out."""
        with self.database.read() as connection:
            return self.finding.described(connection, account_id, region, wanted, include_shadows=include_shadows)

    def list(self, account_id: str) -> list[Trail]:
        """The trails of the account in all Regions, and those of its organization."""
        with self.database.read() as connection:
            return [*store.trails_of(connection, account_id), *organization_members.copies(connection, account_id)]

    def put_event_selectors(
        self,
        account_id: str,
        region: str,
        name_or_arn: str,
        basic: Sequence[Mapping[str, Any]] | None,
        advanced: Sequence[Mapping[str, Any]] | None,
    ) -> Trail:
        """Replace the selectors of a trail. Raises `InvalidEventSelectorsException`."""
        with self._changing() as connection:
            trail = self.finding.to_change(connection, account_id, region, name_or_arn)
            store.change_trail(connection, trail.id, {"event_selectors": settings.checked_selectors(basic, advanced)})
            return _read(connection, trail.id)

    def insight_selectors(self, account_id: str, region: str, name_or_arn: str) -> Trail:
        """The trail with its Insights selectors. Raises `InsightNotEnabledException` when it has none."""
        trail = self.at_home(account_id, region, name_or_arn)
        if trail.insight_selectors is None:
            raise InsightNotEnabledException(
                f"Trail {trail.arn} does not have Insights enabled. Edit the trail settings to enable Insights, and then try the "
                "operation again."
            )
        return trail

    def put_insight_selectors(self, account_id: str, region: str, name_or_arn: str, given: Sequence[Mapping[str, Any]]) -> Trail:
        """Replace the Insights selectors of a trail; none switch Insights off.

        Raises `InvalidInsightSelectorsException`, and what bucket and key raise: Insights events go to a folder of their own.
        """
        for _ in range(TRIES):
            with self.database.read() as connection:
                trail = self.finding.to_change(connection, account_id, region, name_or_arn)
            kept = insight_selectors.checked(given, trail.event_selectors)
            if kept is not None:
                self._probe.storage(trail)
            with self._changing() as connection:
                if self.finding.to_change(connection, account_id, region, name_or_arn) == trail:
                    store.change_trail(connection, trail.id, {"insight_selectors": kept})
                    return _read(connection, trail.id)
        raise ConflictException("Another operation is changing the trail. Try again when it is done.")

    def put_event_configuration(self, account_id: str, region: str, name_or_arn: str, given: Mapping[str, Any]) -> Trail:
        """Replace the event configuration of a trail. Raises `InvalidParameterException`, `InvalidParameterCombinationException`."""
        with self._changing() as connection:
            trail = self.finding.to_change(connection, account_id, region, name_or_arn)
            kept = event_configuration.checked(given, trail.event_selectors)
            store.change_trail(connection, trail.id, {"event_configuration": kept})
            return _read(connection, trail.id)


def _read(connection: Connection, trail_id: int) -> Trail:
    trail = store.trail(connection, trail_id)
    assert trail is not None
    return trail
