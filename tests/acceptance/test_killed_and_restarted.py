"""Every process is killed at random moments under load; what was acknowledged is found once in the history and once in the bucket."""

from __future__ import annotations

import collections
import gzip
import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from simulators.buckets import trail_policy
from simulators.running import RunningOpenTrail, wait_for

ROUNDS = 5
BUCKET = "crash-logs"
ARN = "arn:aws:cloudtrail:us-east-1:123456789012:trail/crash"


def _work(opentrail: RunningOpenTrail, acknowledged: list[str], stop: threading.Event) -> None:
    """Call until told to stop or nobody answers; note the request id of every answer."""
    sts = opentrail.client("sts")
    while not stop.is_set():
        try:
            acknowledged.append(sts.get_caller_identity()["ResponseMetadata"]["RequestId"])
        except (BotoCoreError, ClientError, ResponseParserError):
            return  # half an answer is none


def _delivered(opentrail: RunningOpenTrail) -> collections.Counter[str]:
    """Request id → how often it is in the log files of the bucket."""
    s3 = opentrail.client("s3")
    found: collections.Counter[str] = collections.Counter()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="AWSLogs/123456789012/CloudTrail/"):
        for item in page.get("Contents", []):
            text = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read())
            found.update(record["requestID"] for record in json.loads(text)["Records"])
    return found


def _history(opentrail: RunningOpenTrail) -> collections.Counter[str]:
    """Request id → how often LookupEvents shows it, over all pages."""
    found: collections.Counter[str] = collections.Counter()
    question = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "GetCallerIdentity"}]}
    for page in opentrail.client("cloudtrail").get_paginator("lookup_events").paginate(**question):
        found.update(json.loads(event["CloudTrailEvent"])["requestID"] for event in page["Events"])
    return found


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_and_nothing_is_delivered_twice(tmp_path: Path) -> None:
    settings = {"trails.delivery_interval": 0.2, "trails.digest_interval": 1, "lake.commit_interval": 0.5}
    opentrail = RunningOpenTrail(tmp_path, settings=settings)
    opentrail.start()
    s3, trails = opentrail.client("s3"), opentrail.client("cloudtrail")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(trail_policy(BUCKET, ARN, "123456789012")))
    trails.create_trail(Name="crash", S3BucketName=BUCKET, EnableLogFileValidation=True)
    trails.start_logging(Name="crash")
    acknowledged: list[str] = []
    dice = random.Random(20260105)
    try:
        for _ in range(ROUNDS):
            stop = threading.Event()
            threads = [threading.Thread(target=_work, args=(opentrail, acknowledged, stop)) for _ in range(4)]
            enough = len(acknowledged) + 25
            for thread in threads:
                thread.start()
            wait_for(lambda enough=enough: len(acknowledged) > enough)
            stop.wait(dice.uniform(0.0, 1.8))
            opentrail.kill()
            for thread in threads:
                thread.join()
            opentrail.start()
        assert len(acknowledged) > 100
        assert len(set(acknowledged)) == len(acknowledged)

        def all_delivered() -> Any:
            found = _delivered(opentrail)
            return found if set(acknowledged) <= set(found) else None

        delivered = wait_for(all_delivered, pause=0.5)
        assert [one for one, times in delivered.items() if times > 1] == []
        shown = _history(opentrail)
        assert set(acknowledged) <= set(shown)
        assert [one for one, times in shown.items() if times > 1] == []
        # The chain of digests has come through it whole.
        verdict = json.loads(opentrail.opentrail("validate", "--trail-arn", ARN, "--start-time", "2026-01-01T00:00:00Z", "--json").stdout)
        assert verdict["valid"] is True
        assert verdict["chains"][0]["gaps"] == []
        assert opentrail.stop() == 0
    finally:
        opentrail.kill()
