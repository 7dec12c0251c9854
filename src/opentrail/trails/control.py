"""The trails themselves: create, change, delete, start, stop, describe (reference of trails, §2-§5).

Blocking and thread-safe. Every method takes the account and Region of the call. A trail is created where it is at home; a
multi-Region trail is seen in every other Region of its partition as a shadow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.events import selectors
from opentrail.journal.positions import Positions
from opentrail.storage.database import Database
from opentrail.trails import names, neighbours, plans, store
from opentrail.trails.faults import (
    CloudTrailARNInvalidException,
    ConflictException,
    InsufficientS3BucketPolicyException,
    InsufficientSnsTopicPolicyException,
    InvalidEventSelectorsException,
    InvalidHomeRegionException,
    InvalidParameterCombinationException,
    MaximumNumberOfTrailsExceededException,
    OperationNotPermittedException,
    OrganizationsNotInUseException,
    S3BucketDoesNotExistException,
    TrailAlreadyExistsException,
    TrailNotFoundException,
)
from opentrail.trails.neighbours import LogBucket, Neighbours
from opentrail.trails.regions import Regions, is_region_name
from opentrail.trails.store import Status, Trail
from opentrail.wire.faults import Fault

WINDOWS = "trail-windows"
"""Name under which the positions are saved at which trails began and ended to log: the journal must never go on below them."""
MOST_TRAILS = 5
"""Trails in one Region, shadows included (reference of trails, §12)."""

_NOBODY = Neighbours()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Settings given to CreateTrail or UpdateTrail; `None` where the caller did not give one. `""` clears the prefix."""

    s3_bucket_name: str | None = None
    s3_key_prefix: str | None = None
    include_global_service_events: bool | None = None
    is_multi_region_trail: bool | None = None
    enable_log_file_validation: bool | None = None
    recursive_logging: bool | None = None
    sns_topic_name: str | None = None
    """Name or ARN of a topic; `""` for none."""
    kms_key_id: str | None = None
    """Key ID, key ARN, alias name or alias ARN; `""` for none."""
    log_group_arn: str | None = None
    role_arn: str | None = None
    is_organization_trail: bool | None = None


class Trails:
    """The control plane of trails."""

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
        self._changed = changed
        self.regions = regions
        self._clock = clock
        self._buckets = buckets
        self._neighbours = neighbours
        self._head = head
        self._positions = Positions(database)
        database.create(store.METADATA)

    def create(self, account_id: str, region: str, name: str, wanted: Wanted, tags: Mapping[str, str | None]) -> Trail:
        """Keep a new trail, not logging yet.

        Raises `InvalidTrailNameException`, `InvalidS3BucketNameException`, `InvalidS3PrefixException`,
        `InvalidParameterCombinationException`,
        `TrailAlreadyExistsException`, `MaximumNumberOfTrailsExceededException`, `S3BucketDoesNotExistException`,
        `InsufficientS3BucketPolicyException`; `OperationNotPermittedException` where `region` cannot be the name of a Region.
        """
        names.check_trail_name(name)
        if not is_region_name(region):
            raise OperationNotPermittedException(f"A trail cannot be at home in {region[:64]}, which is no Region.")
        arn = self.arn(account_id, region, name)
        values = _settings(wanted)
        for default in ("include_global_service_events", "recursive_logging"):
            values.setdefault(default, True)
        for default in ("is_multi_region_trail", "log_file_validation_enabled"):
            values.setdefault(default, False)
        _check_combination(values)
        with self.database.read() as connection:
            self._check_room(connection, account_id, region, name, is_multi_region=values["is_multi_region_trail"])
        self._check_bucket(values["s3_bucket_name"], values.get("s3_key_prefix"), account_id, arn)
        values.update(self._connections(wanted, values["s3_bucket_name"], account_id, region, arn))
        with self._changing() as connection:
            self._check_room(connection, account_id, region, name, is_multi_region=values["is_multi_region_trail"])
            key = store.add_trail(connection, {**values, "account_id": account_id, "home_region": region, "name": name, "arn": arn})
            store.put_tags(connection, key, tags)
            return self._home(connection, account_id, region, name)

    def update(self, account_id: str, region: str, name_or_arn: str, wanted: Wanted) -> Trail:
        """Change only what `wanted` names. Raises as `create` and `change` do, and `ConflictException` when the trail cannot become
        multi-Region because of another one."""
        with self.database.read() as connection:
            trail = self.to_change(connection, account_id, region, name_or_arn)
        values = _settings(wanted)
        if values.get("is_multi_region_trail") and not trail.is_multi_region_trail:
            values.setdefault("include_global_service_events", True)
        self._check_bucket(
            values.get("s3_bucket_name", trail.s3_bucket_name), values.get("s3_key_prefix", trail.s3_key_prefix), account_id, trail.arn
        )
        values.update(self._connections(wanted, values.get("s3_bucket_name", trail.s3_bucket_name), account_id, region, trail.arn))
        with self._changing() as connection:
            trail = self.to_change(connection, account_id, region, name_or_arn)
            _check_combination({"is_multi_region_trail": trail.is_multi_region_trail, **_flags(trail), **values})
            if values.get("is_multi_region_trail") and not trail.is_multi_region_trail:
                self._check_shadows(connection, trail)
            validated = values.get("log_file_validation_enabled", trail.log_file_validation_enabled)
            values["digests_since"] = (trail.digests_since or self._clock.time()) if validated and trail.is_logging else None
            store.change_trail(connection, trail.id, values)
            changed = self._home(connection, account_id, region, trail.name)
            self._open_chains(connection, changed)
            return changed

    def delete(self, account_id: str, region: str, name_or_arn: str, request_id: str) -> None:
        """Remove a trail and its shadows; its last log file and final digests are still delivered. The name is free at once."""
        with self._changing() as connection:
            trail = self.to_change(connection, account_id, region, name_or_arn)
            self._stop(connection, trail, request_id)
            store.change_trail(connection, trail.id, {"deleted_at": self._clock.time()})

    def start_logging(self, account_id: str, region: str, name_or_arn: str) -> None:
        """Take every record from now on; nothing changes for a trail that is logging."""
        with self._changing() as connection:
            trail = self.to_change(connection, account_id, region, name_or_arn)
            if trail.is_logging:
                return
            now = self._clock.time()
            since = now if trail.log_file_validation_enabled else None
            store.change_trail(connection, trail.id, {"is_logging": True, "started_at": now, "digests_since": since})
            store.open_window(connection, trail.id, self._noted_head(connection))
            self._open_chains(connection, self._home(connection, account_id, region, trail.name))

    def stop_logging(self, account_id: str, region: str, name_or_arn: str, request_id: str) -> None:
        """Take no record after this moment, but for the one of this very call (`request_id`)."""
        with self._changing() as connection:
            self._stop(connection, self.to_change(connection, account_id, region, name_or_arn), request_id)

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

    def _open_chains(self, connection: Connection, trail: Trail) -> None:
        if trail.digests_since is not None:
            plans.open_chains(connection, trail.id, trail.account_id, self.regions.of(trail), int(self._clock.time()))

    def get(self, account_id: str, region: str, name_or_arn: str) -> Trail:
        """One trail: by name where it is at home, by ARN anywhere."""
        with self.database.read() as connection:
            return self.find(connection, account_id, region, name_or_arn)

    def status(self, account_id: str, region: str, name_or_arn: str) -> tuple[Trail, Status]:
        """A trail and what is known of its deliveries in `region` (its home, for one that is not in `region`)."""
        with self.database.read() as connection:
            trail = self.find(connection, account_id, region, name_or_arn)
            return trail, store.status(connection, trail.id, region if trail.covers(region) else trail.home_region)

    def describe(self, account_id: str, region: str, wanted: Sequence[str], *, include_shadows: bool) -> list[Trail]:
        """The trails of `region`, or those of `wanted` (names of this Region, ARNs of any); what matches nothing is left out."""
        with self.database.read() as connection:
            every = store.trails_of(connection, account_id)
        if not wanted:
            return [trail for trail in every if trail.home_region == region or (include_shadows and self._has_shadow(trail, region))]
        found: dict[int, Trail] = {}
        for name in wanted:
            if names.looks_like_arn(name):
                arn = names.parse_arn(name)
                matches = [trail for trail in every if trail.arn == str(arn)]
            else:
                names.check_trail_name(name)
                matches = [trail for trail in every if trail.name == name and trail.home_region == region]
            found.update((trail.id, trail) for trail in matches)
        return list(found.values())

    def list(self, account_id: str) -> list[Trail]:
        """The trails of the account in all Regions."""
        with self.database.read() as connection:
            return store.trails_of(connection, account_id)

    def event_selectors(self, account_id: str, region: str, name_or_arn: str) -> Trail:
        """The trail with its selectors, in its home Region only."""
        if names.looks_like_arn(name_or_arn) and names.parse_arn(name_or_arn).region != region:
            raise CloudTrailARNInvalidException(f"Region in ARN is wrong, you can only access resources in region {region}.")
        return self.get(account_id, region, name_or_arn)

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
            trail = self.to_change(connection, account_id, region, name_or_arn)
            kept = _selectors(basic, advanced)
            store.change_trail(connection, trail.id, {"event_selectors": kept})
            return self._home(connection, account_id, region, trail.name)

    def arn(self, account_id: str, region: str, name_or_arn: str) -> str:
        """The ARN that a `Name` parameter means in `region`."""
        if names.looks_like_arn(name_or_arn):
            return name_or_arn
        return str(names.TrailArn(self.regions.partition(region), region, account_id, name_or_arn))

    def find(self, connection: Connection, account_id: str, region: str, name_or_arn: str) -> Trail:
        """A trail by name (at home in `region`) or ARN. Raises `TrailNotFoundException` and what `names.parse_arn` does."""
        if names.looks_like_arn(name_or_arn):
            arn = names.parse_arn(name_or_arn)
            if arn.account_id != account_id:
                raise CloudTrailARNInvalidException(f"The trail ARN {name_or_arn} belongs to another account.")
            found = store.home_trail(connection, account_id, arn.region, arn.name)
            found = found if found and found.arn == name_or_arn else None
        else:
            names.check_trail_name(name_or_arn)
            found = store.home_trail(connection, account_id, region, name_or_arn)
        if found is None:
            raise TrailNotFoundException(f"Unknown trail: {self.arn(account_id, region, name_or_arn)} for the user: {account_id}")
        return found

    def to_change(self, connection: Connection, account_id: str, region: str, name_or_arn: str) -> Trail:
        """As `find`, for an operation that must be called at home; raises `InvalidHomeRegionException` elsewhere."""
        try:
            trail = self.find(connection, account_id, region, name_or_arn)
        except TrailNotFoundException:
            for other in store.trails_of(connection, account_id):
                if other.name == name_or_arn and self._has_shadow(other, region):
                    raise _away(other, region) from None
            raise
        if trail.home_region != region:
            raise _away(trail, region)
        return trail

    def _home(self, connection: Connection, account_id: str, region: str, name: str) -> Trail:
        trail = store.home_trail(connection, account_id, region, name)
        assert trail is not None
        return trail

    def _has_shadow(self, trail: Trail, region: str) -> bool:
        return trail.is_multi_region_trail and region != trail.home_region and region in self.regions.beside(trail.home_region)

    def _seen_in(self, trail: Trail, region: str) -> bool:
        return trail.home_region == region or self._has_shadow(trail, region)

    def _check_room(self, connection: Connection, account_id: str, region: str, name: str, *, is_multi_region: bool) -> None:
        every = store.trails_of(connection, account_id)
        places = self.regions.beside(region) if is_multi_region else (region,)
        for place in places:
            if any(trail.name == name and self._seen_in(trail, place) for trail in every):
                raise TrailAlreadyExistsException(f"Trail {name} already exists for customer: {account_id}")
        for place in (region, *places):
            if sum(self._seen_in(trail, place) for trail in every) >= MOST_TRAILS:
                raise MaximumNumberOfTrailsExceededException(f"User: {account_id} already has {MOST_TRAILS} trails in {place}")

    def _check_shadows(self, connection: Connection, trail: Trail) -> None:
        others = [other for other in store.trails_of(connection, trail.account_id) if other.id != trail.id]
        for place in self.regions.beside(trail.home_region):
            there = [other for other in others if self._seen_in(other, place)]
            if any(other.name == trail.name for other in there):
                raise ConflictException(f"A trail called {trail.name} exists in {place}, so this one cannot be replicated there.")
            if len(there) >= MOST_TRAILS:
                raise ConflictException(f"User: {trail.account_id} already has {MOST_TRAILS} trails in {place}")

    def _connections(self, wanted: Wanted, bucket: str, account_id: str, region: str, arn: str) -> dict[str, Any]:
        """The columns of the topic and the key that `wanted` gives, once CloudTrail may use them."""
        values: dict[str, Any] = {}
        partition = self.regions.partition(region)
        if wanted.sns_topic_name is not None:
            values["sns_topic_arn"] = None
        if wanted.sns_topic_name:
            values["sns_topic_arn"] = topic_arn = names.topic_arn(wanted.sns_topic_name, partition, region, account_id)
            try:
                self._neighbours.topics.check(topic_arn=topic_arn, source_arn=arn, account_id=account_id)
            except Fault as refusal:
                raise InsufficientSnsTopicPolicyException from refusal
        if wanted.kms_key_id is not None:
            values["kms_key_id"] = None
        if wanted.kms_key_id:
            names.check_kms_key_id(wanted.kms_key_id)
            values["kms_key_id"] = self._neighbours.keys.check(
                kms_key_id=wanted.kms_key_id, account_id=account_id, region=region, partition=partition, bucket=bucket, source_arn=arn
            )
        neighbours.check_log_group(wanted.log_group_arn, wanted.role_arn)
        if wanted.is_organization_trail:
            raise OrganizationsNotInUseException
        return values

    def _check_bucket(self, bucket: str, prefix: str | None, account_id: str, arn: str) -> None:
        try:
            self._buckets.check(bucket=bucket, prefix=prefix, account_id=account_id, source_arn=arn)
        except Fault as refusal:
            if refusal.code == "NoSuchBucket":
                raise S3BucketDoesNotExistException(f"S3 bucket {bucket} does not exist!") from refusal
            if refusal.code in ("AccessDenied", "AllAccessDisabled"):
                raise InsufficientS3BucketPolicyException(f"Incorrect S3 bucket policy is detected for bucket: {bucket}") from refusal
            raise


def _away(trail: Trail, region: str) -> InvalidHomeRegionException:
    return InvalidHomeRegionException(f"The trail {trail.arn} can only be changed in its home Region {trail.home_region}, not in {region}.")


def _flags(trail: Trail) -> dict[str, Any]:
    return {"include_global_service_events": trail.include_global_service_events}


def _settings(wanted: Wanted) -> dict[str, Any]:
    """The columns that `wanted` gives, checked one by one."""
    values: dict[str, Any] = {
        "include_global_service_events": wanted.include_global_service_events,
        "is_multi_region_trail": wanted.is_multi_region_trail,
        "log_file_validation_enabled": wanted.enable_log_file_validation,
        "recursive_logging": wanted.recursive_logging,
    }
    values = {name: value for name, value in values.items() if value is not None}
    if wanted.s3_bucket_name is not None:
        names.check_bucket_name(wanted.s3_bucket_name)
        values["s3_bucket_name"] = wanted.s3_bucket_name
    if wanted.s3_key_prefix is not None:
        names.check_prefix(wanted.s3_key_prefix)
        values["s3_key_prefix"] = wanted.s3_key_prefix or None
    return values


def _selectors(basic: Sequence[Mapping[str, Any]] | None, advanced: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """The one kind of selectors that is given, as it is stored."""
    if bool(basic) == bool(advanced):
        raise InvalidEventSelectorsException("Specify either EventSelectors or AdvancedEventSelectors.")
    try:
        if basic:
            return {"EventSelectors": selectors.checked_basic(basic)}
        return {"AdvancedEventSelectors": selectors.checked_advanced(advanced or (), owner="trail")}
    except selectors.SelectorError as error:
        raise InvalidEventSelectorsException(str(error)) from error


def _check_combination(values: Mapping[str, Any]) -> None:
    if values["is_multi_region_trail"] and not values["include_global_service_events"]:
        raise InvalidParameterCombinationException("Multi-Region trail must include global service events.")
