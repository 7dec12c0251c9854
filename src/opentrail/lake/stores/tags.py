"""Tags of event data stores, channels and dashboards (reference of Lake, §2.1, §10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy.engine import Connection

from opentrail.lake.faults import CloudTrailARNInvalidException, ResourceTypeNotSupportedException, TagsLimitExceededException
from opentrail.lake.names import Named
from opentrail.lake.stores import attachments, carriers
from opentrail.lake.stores.carriers import Carrier
from opentrail.storage.database import Database

MOST_TAGS: Final = 50


class LakeTags:
    """The tags of whatever `carriers` has. Blocking, thread-safe; tags given are checked already."""

    def __init__(self, database: Database, carriers_: Sequence[Carrier]) -> None:
        self._database = database
        self._carriers = carriers.by_kind(carriers_)
        database.create(attachments.METADATA)

    def add(self, account_id: str, region: str, named: Named, given: Mapping[str, str]) -> None:
        """Add tags; existing keys get the new values. Raises `TagsLimitExceededException` and what the carrier raises."""
        with self._database.begin() as connection:
            self._require(connection, account_id, region, named)
            if len(attachments.tags(connection, named.arn).keys() | given.keys()) > MOST_TAGS:
                raise TagsLimitExceededException(f"A resource has at most {MOST_TAGS} tags.")
            attachments.put_tags(connection, named.arn, given)

    def remove(self, account_id: str, region: str, named: Named, keys: Iterable[str]) -> None:
        """Remove the tags with these keys; keys that are not there are passed over."""
        with self._database.begin() as connection:
            self._require(connection, account_id, region, named)
            attachments.remove_tags(connection, named.arn, keys)

    def list(self, account_id: str, region: str, named: Named) -> dict[str, str]:
        """The tags of one resource."""
        with self._database.read() as connection:
            self._require(connection, account_id, region, named)
            return attachments.tags(connection, named.arn)

    def of(self, arn: str) -> dict[str, str]:
        """The tags that policies see (`aws:ResourceTag/…`); none when there is no such resource."""
        with self._database.read() as connection:
            return attachments.tags(connection, arn)

    def _require(self, connection: Connection, account_id: str, region: str, named: Named) -> None:
        if named.region != region:
            raise CloudTrailARNInvalidException(f"Region in ARN is wrong, you can only access resources in region {region}.")
        carrier = self._carriers.get(named.kind)
        if carrier is None:
            raise ResourceTypeNotSupportedException(f"Resources of the type {named.kind} cannot be tagged.")
        carrier.require(connection, named, account_id)
