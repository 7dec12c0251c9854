"""The disk is full, the journal is full, the bucket is away: nothing acknowledged is lost, the status tells the truth, it recovers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.buckets import trail_policy
from simulators.running import RunningOpenTrail, wait_for

ARN = "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit"


def _ids(opentrail: RunningOpenTrail) -> set[str]:
    pages = opentrail.client("cloudtrail").get_paginator("lookup_events").paginate()
    return {json.loads(event["CloudTrailEvent"])["requestID"] for page in pages for event in page["Events"]}


def test_a_full_disk_refuses_calls_and_loses_none(tmp_path: Path) -> None:
    opentrail = RunningOpenTrail(tmp_path)
    with opentrail:
        kept = opentrail.client("sts").get_caller_identity()["ResponseMetadata"]["RequestId"]
    # To the journal, a disk with less room than `journal.min_free` is full.
    opentrail.settings["journal.min_free"] = 1 << 60
    opentrail.start(until="refusing")
    try:
        with pytest.raises(ClientError) as caught:
            opentrail.client("iam").create_user(UserName="never")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert caught.value.response["Error"]["Code"] in ("ServiceUnavailable", "503")
    finally:
        opentrail.kill()
    del opentrail.settings["journal.min_free"]
    with opentrail:
        assert kept in _ids(opentrail)
        with pytest.raises(ClientError) as caught:
            opentrail.client("iam").get_user(UserName="never")
        assert caught.value.response["Error"]["Code"] == "NoSuchEntity"


def test_a_full_journal_refuses_calls_until_its_followers_have_caught_up(tmp_path: Path) -> None:
    # One MiB fills while the followers are held; every record of it is committed and trimmed again only after the event store has it.
    settings = {"journal.max_bytes": 1 << 20, "lake.commit_interval": 0.5, "trails.delivery_interval": 0.5}
    acknowledged = set()
    with RunningOpenTrail(tmp_path, settings=settings) as opentrail:
        sts = opentrail.client("sts")

        def fill() -> None:
            for _ in range(5000):
                acknowledged.add(sts.get_caller_identity()["ResponseMetadata"]["RequestId"])

        followers = opentrail.role("followers")
        assert followers is not None
        followers.suspend()
        with pytest.raises(ClientError) as caught:
            fill()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        followers.resume()
        wait_for(lambda: _answers(sts), pause=0.5)
        assert acknowledged <= _ids(opentrail)


def _answers(sts: Any) -> bool:
    try:
        sts.get_caller_identity()
    except ClientError:
        return False
    return True


def test_a_bucket_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    settings = {"trails.delivery_interval": 0.3, "trails.digest_interval": 3600}
    with RunningOpenTrail(tmp_path, settings=settings) as opentrail:
        s3, trails = opentrail.client("s3"), opentrail.client("cloudtrail")
        policy = json.dumps(trail_policy("away-logs", ARN, "123456789012"))
        s3.create_bucket(Bucket="away-logs")
        s3.put_bucket_policy(Bucket="away-logs", Policy=policy)
        trails.create_trail(Name="audit", S3BucketName="away-logs")
        trails.start_logging(Name="audit")
        wait_for(lambda: "LatestDeliveryTime" in trails.get_trail_status(Name="audit"))

        # The policy breaks: deliveries are refused, the trail goes on, the status says so.
        s3.delete_bucket_policy(Bucket="away-logs")
        marker = opentrail.client("sts").get_caller_identity()["ResponseMetadata"]["RequestId"]
        status = wait_for(lambda: found if (found := trails.get_trail_status(Name="audit")).get("LatestDeliveryError") else None)
        assert status["LatestDeliveryError"] == "AccessDenied"
        assert status["IsLogging"] is True

        # It is mended: the backlog arrives, the error goes.
        s3.put_bucket_policy(Bucket="away-logs", Policy=policy)
        status = wait_for(lambda: found if not (found := trails.get_trail_status(Name="audit")).get("LatestDeliveryError") else None)
        assert status["LatestDeliveryTime"]
        files = opentrail.data / "buckets" / "away-logs"
        wait_for(lambda: marker in _delivered(files))

        # The bucket itself goes, and comes back.
        for path in list(files.rglob("*.json.gz")):
            s3.delete_object(Bucket="away-logs", Key=str(path.relative_to(files)))
        while True:
            try:
                s3.delete_bucket(Bucket="away-logs")
                break
            except ClientError:
                for page in s3.get_paginator("list_objects_v2").paginate(Bucket="away-logs"):
                    for item in page.get("Contents", []):
                        s3.delete_object(Bucket="away-logs", Key=item["Key"])
        marker = opentrail.client("sts").get_caller_identity()["ResponseMetadata"]["RequestId"]
        wait_for(lambda: trails.get_trail_status(Name="audit").get("LatestDeliveryError") == "NoSuchBucket")
        s3.create_bucket(Bucket="away-logs")
        s3.put_bucket_policy(Bucket="away-logs", Policy=policy)
        wait_for(lambda: marker in _delivered(files))
        assert "LatestDeliveryError" not in wait_for(
            lambda: found if not (found := trails.get_trail_status(Name="audit")).get("LatestDeliveryError") else None
        )


def _delivered(folder: Path) -> set[str]:
    found = set()
    for path in folder.rglob("*_CloudTrail_*.json.gz"):
        found |= {record["requestID"] for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]}
    return found
