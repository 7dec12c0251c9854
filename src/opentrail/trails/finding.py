"""Which trail a name or an ARN means, and in which Regions a trail is seen (reference of trails, §4).

A trail is at home where it was created; a multi-Region trail is seen in every other Region of its partition as a shadow. Shadows are no
rows: they follow from the Regions there are, so a Region that is new has them at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from opentrail.trails import names, organization_members, store
from opentrail.trails.faults import (
    CloudTrailARNInvalidException,
    ConflictException,
    InvalidHomeRegionException,
    MaximumNumberOfTrailsExceededException,
    TrailAlreadyExistsException,
    TrailNotFoundException,
)
from opentrail.trails.organization import OrganizationTrails
from opentrail.trails.regions import Regions
from opentrail.trails.store import Trail

MOST_TRAILS = 5
"""Trails in one Region, shadows included (reference of trails, §12)."""


class Finding:
    """Finds trails. Every method takes the connection of the caller's transaction."""

    def __init__(self, regions: Regions, organization: OrganizationTrails) -> None:
        self._regions = regions
        self._organization = organization

    def arn(self, account_id: str, region: str, name_or_arn: str) -> str:
        """The ARN that a `Name` parameter means in `region`."""
        if names.looks_like_arn(name_or_arn):
            return name_or_arn
        return str(names.TrailArn(self._regions.partition(region), region, account_id, name_or_arn))

    def store_arn(self, account_id: str, region: str, store_id: str) -> str:
        """The ARN of the event data store `store_id` of `region`."""
        return f"arn:{self._regions.partition(region)}:cloudtrail:{region}:{account_id}:eventdatastore/{store_id}"

    def find(self, connection: Connection, account_id: str, region: str, name_or_arn: str) -> Trail:
        """A trail by name (at home in `region`) or ARN. Raises `TrailNotFoundException` and what `names.parse_arn` does."""
        if names.looks_like_arn(name_or_arn):
            arn = names.parse_arn(name_or_arn)
            if arn.account_id != account_id:
                return self._organization.copy(connection, account_id, name_or_arn)
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
        self._organization.require_changeable(connection, trail, account_id)
        if trail.home_region != region:
            raise _away(trail, region)
        return trail

    def at_home(self, connection: Connection, account_id: str, region: str, name_or_arn: str) -> Trail:
        """As `find`, for a question that is answered in the home Region only."""
        if names.looks_like_arn(name_or_arn) and names.parse_arn(name_or_arn).region != region:
            raise CloudTrailARNInvalidException(f"Region in ARN is wrong, you can only access resources in region {region}.")
        return self.find(connection, account_id, region, name_or_arn)

    def described(
        self, connection: Connection, account_id: str, region: str, wanted: Sequence[str], *, include_shadows: bool
    ) -> list[Trail]:
        """The trails of `region`, or those of `wanted` (names of this Region, ARNs of any); what matches nothing is left out."""
        every = store.trails_of(connection, account_id)
        copies = organization_members.copies(connection, account_id)
        if not wanted:
            own = [trail for trail in every if trail.home_region == region or (include_shadows and self._has_shadow(trail, region))]
            return [*own, *(trail for trail in copies if include_shadows and self._seen_in(trail, region))]
        found: dict[int, Trail] = {}
        for name in wanted:
            if names.looks_like_arn(name):
                arn = str(names.parse_arn(name))
                matches = [trail for trail in (*every, *copies) if trail.arn == arn]
            else:
                names.check_trail_name(name)
                matches = [trail for trail in every if trail.name == name and trail.home_region == region]
            found.update((trail.id, trail) for trail in matches)
        return list(found.values())

    def check_room(self, connection: Connection, account_id: str, region: str, name: str, *, is_multi_region: bool) -> None:
        """Whether a new trail can be at home in `region`.

        Raises `TrailAlreadyExistsException`, `MaximumNumberOfTrailsExceededException`.
        """
        every = store.trails_of(connection, account_id)
        places = self._regions.beside(region) if is_multi_region else (region,)
        for place in places:
            if any(trail.name == name and self._seen_in(trail, place) for trail in every):
                raise TrailAlreadyExistsException(f"Trail {name} already exists for customer: {account_id}")
        for place in (region, *places):
            if sum(self._seen_in(trail, place) for trail in every) >= MOST_TRAILS:
                raise MaximumNumberOfTrailsExceededException(f"User: {account_id} already has {MOST_TRAILS} trails in {place}")

    def check_shadows(self, connection: Connection, trail: Trail) -> None:
        """Whether a single-Region trail can become a multi-Region trail. Raises `ConflictException`."""
        others = [other for other in store.trails_of(connection, trail.account_id) if other.id != trail.id]
        for place in self._regions.beside(trail.home_region):
            there = [other for other in others if self._seen_in(other, place)]
            if any(other.name == trail.name for other in there):
                raise ConflictException(f"A trail called {trail.name} exists in {place}, so this one cannot be replicated there.")
            if len(there) >= MOST_TRAILS:
                raise ConflictException(f"User: {trail.account_id} already has {MOST_TRAILS} trails in {place}")

    def _has_shadow(self, trail: Trail, region: str) -> bool:
        return trail.is_multi_region_trail and region != trail.home_region and region in self._regions.beside(trail.home_region)

    def _seen_in(self, trail: Trail, region: str) -> bool:
        return trail.home_region == region or self._has_shadow(trail, region)


def _away(trail: Trail, region: str) -> InvalidHomeRegionException:
    return InvalidHomeRegionException(f"The trail {trail.arn} can only be changed in its home Region {trail.home_region}, not in {region}.")
