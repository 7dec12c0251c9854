"""An outage of hours and what is made up for it, proved by the real AWS CLI; and what only `opentrail validate` finds."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulators.buckets import trail_policy
from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/audit"
BUCKET = "chained"
HOURS = 5


@pytest.fixture
def opentrail(tmp_path: Path) -> RunningOpenTrail:
    return RunningOpenTrail(tmp_path, settings={"trails.delivery_interval": 0.5})


def long_ago(opentrail: RunningOpenTrail) -> None:
    """Nobody can wait for hours: what the server has noted of its digests so far is set back."""
    with sqlite3.connect(opentrail.data / "state.db") as connection:
        connection.execute("UPDATE trail_chains SET began = began - ?, start = start - ?", (HOURS * 3600, HOURS * 3600))
        connection.execute("UPDATE trail_plans SET delivered_at = delivered_at - ?", (HOURS * 3600,))
    connection.close()


def test_hours_without_opentrail_are_made_up_for_and_nothing_can_be_removed_unnoticed(opentrail: RunningOpenTrail) -> None:
    since = (datetime.now(UTC) - timedelta(hours=HOURS + 1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    folder = opentrail.data / "buckets" / BUCKET
    try:
        opentrail.start()
        s3, cloudtrail = opentrail.client("s3"), opentrail.client("cloudtrail")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(trail_policy(BUCKET, ARN, ACCOUNT)))
        cloudtrail.create_trail(Name="audit", S3BucketName=BUCKET, EnableLogFileValidation=True)
        cloudtrail.start_logging(Name="audit")
        cloudtrail.describe_trails()
        wait_for(lambda: [*folder.glob("AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz")])
        wait_for(lambda: opentrail.health()["counts"]["files_waiting"] == 0)
        assert opentrail.stop() == 0
        long_ago(opentrail)

        opentrail.start()
        wait_for(lambda: len([*folder.glob("AWSLogs/*/CloudTrail-Digest/*/*/*/*/*Z.json.gz")]) == 1)
        wait_for(lambda: opentrail.health()["counts"]["files_waiting"] == 0)
        made = sorted(path.name for path in folder.glob("AWSLogs/*/CloudTrail-Digest/*/*/*/*/*.json.gz"))
        assert len(made) >= HOURS
        told = opentrail.aws("cloudtrail", "validate-logs", "--trail-arn", ARN, "--start-time", since, "--verbose").stdout
        assert f"{len(made) - 1}/{len(made) - 1} backfill digest files valid" in told
        assert "1/1 digest files valid" in told
        assert "log files valid" in told
        assert "INVALID" not in told

        ask = ("validate", "--trail-arn", ARN, "--start-time", since, "--json")
        ours = json.loads(opentrail.opentrail(*ask).stdout)
        assert ours["valid"] is True
        assert ours["chains"][0]["backfillDigestFiles"] == {"valid": len(made) - 1, "invalid": 0}

        (newest,) = folder.glob("AWSLogs/*/CloudTrail-Digest/*/*/*/*/*Z.json.gz")
        opentrail.client("s3").delete_object(Bucket=BUCKET, Key=str(newest.relative_to(folder)))
        assert opentrail.aws("cloudtrail", "validate-logs", "--trail-arn", ARN, "--start-time", since).returncode == 0
        for more in ((), ("--local",)):
            found = opentrail.opentrail(*ask, *more, check=False)
            assert found.returncode == 1
            assert len(json.loads(found.stdout)["chains"][0]["missingDigests"]) == 1
        assert opentrail.stop() == 0
    finally:
        opentrail.kill()
