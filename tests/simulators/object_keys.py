"""The keys of encrypted objects over a KMS of one's own."""

from __future__ import annotations

from pathlib import Path

from opentrail.buckets import ObjectKeys
from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.kms import KeyManagement
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox


def key_management(database: Database, keys_folder: Path, clock: Clock, *, account_id: str) -> KeyManagement:
    """The KMS of a data folder, with identities that have `account_id`."""
    outbox = Outbox(database)
    identities = Identities(database, keys_folder, clock, account_id=account_id, outbox=outbox)
    return KeyManagement(database, keys_folder, clock, outbox=outbox, identities=identities)


def object_keys(database: Database, keys_folder: Path, clock: Clock, *, account_id: str) -> ObjectKeys:
    """What S3 and CloudTrail's writer need of it."""
    return ObjectKeys(key_management(database, keys_folder, clock, account_id=account_id).service_keys)
