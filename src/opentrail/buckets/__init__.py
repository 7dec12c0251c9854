"""S3 of our own: buckets whose objects are ordinary files, or encrypted ones where a KMS key is named.

    buckets = Buckets(database, data_folder / "buckets", clock)
    buckets.create("example-logs", account_id="111122223333", region="us-east-1")
    writer = ServiceWriter(buckets, clock, keys=ObjectKeys(kms.service_keys))
    writer.put(bucket="example-logs", key="AWSLogs/…", body=…, metadata={}, source_arn=…, account_id=…, kms_key_id=None)

The data of an object are a file that a person can read (`zcat <data>/buckets/<bucket>/<key>`), unless it is encrypted under a KMS key
(`encrypted.py`); all else is a row in the state database,
and the commit of that row is when a write or a removal happens. Killed at any line, the old object or the new one is there, whole.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentrail.buckets.buckets import Buckets
    from opentrail.buckets.encryption import ObjectKeys
    from opentrail.buckets.service_writer import ServiceWriter

__all__ = ["Buckets", "ObjectKeys", "ServiceWriter"]

_HOMES = {
    "Buckets": "opentrail.buckets.buckets",
    "ObjectKeys": "opentrail.buckets.encryption",
    "ServiceWriter": "opentrail.buckets.service_writer",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: whoever only reads `in_place` need not wait for SQLAlchemy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
