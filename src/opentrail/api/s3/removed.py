"""What S3 says of each object that a DeleteObjects removed (reference of records, §8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opentrail.buckets.names import bucket_arn, object_arn
from opentrail.events.service_event import ServiceEvent


def removed(bucket: str, keys: Iterable[str], *, owner: str, region: str, time: float) -> list[ServiceEvent]:
    """One event for each key; `owner` is the account of the bucket, as far as it is known."""
    return [
        ServiceEvent(
            event_source="s3.amazonaws.com",
            event_name="DeleteObject",
            account_id=owner,
            region=region,
            time=time,
            resources=(
                {"type": "AWS::S3::Object", "ARN": object_arn(bucket, key)},
                {"accountId": owner, "type": "AWS::S3::Bucket", "ARN": bucket_arn(bucket)},
            ),
            data=True,
        )
        for key in keys
    ]


def removed_keys(parameters: Mapping[str, Any] | None, result: Mapping[str, Any] | None) -> list[str]:
    """The keys that a DeleteObjects served by somebody else removed: those asked for, without those that the answer has errors for."""
    asked = ((parameters or {}).get("Delete") or {}).get("Objects") or ()
    failed = {error.get("Key") for error in (result or {}).get("Errors") or ()}
    return [key for entry in asked if (key := entry.get("Key")) and key not in failed]
