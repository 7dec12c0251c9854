"""docs/how-to/encrypt-log-files.md, walked by an administrator; then who can read, and a key that is switched off and on again."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.buckets import trail_policy
from simulators.running import BIN, RunningOpenTrail, wait_for

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "encrypt-log-files.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ARN = "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit"
LOG_FILES = "AWSLogs/123456789012/CloudTrail/"


@pytest.mark.timeout(600)
def test_log_files_under_a_key(tmp_path: Path) -> None:
    settings = {"trails.delivery_interval": 0.5, "trails.digest_interval": 4}
    with RunningOpenTrail(tmp_path, settings=settings) as opentrail:
        began = datetime.now(UTC)
        trails, s3, kms = opentrail.client("cloudtrail"), opentrail.client("s3"), opentrail.client("kms")
        s3.create_bucket(Bucket="audit-logs")
        s3.put_bucket_policy(Bucket="audit-logs", Policy=json.dumps(trail_policy("audit-logs", ARN, "123456789012")))
        trails.create_trail(Name="audit", S3BucketName="audit-logs", EnableLogFileValidation=True)
        auditor, stranger = (reader(opentrail, name) for name in ("auditor", "stranger"))
        blocks = BLOCK.findall(PAGE.read_text())[:3]
        walk(opentrail, tmp_path, "\n".join(blocks))
        key = kms.describe_key(KeyId="alias/audit-logs")["KeyMetadata"]
        assert trails.get_trail(Name="audit")["Trail"]["KmsKeyId"] == key["Arn"]
        trails.start_logging(Name="audit")

        # Who may use the key reads; who may not is refused, even with the bucket wide open to them.
        first = wait_for(lambda: keys(s3))[0]
        assert s3.head_object(Bucket="audit-logs", Key=first)["SSEKMSKeyId"] == key["Arn"]
        assert not (opentrail.data / "buckets" / "audit-logs" / first).read_bytes().startswith(b"\x1f\x8b")
        records = json.loads(gzip.decompress(opentrail.client("s3", key=auditor).get_object(Bucket="audit-logs", Key=first)["Body"].read()))
        assert any(record["eventName"] == "StartLogging" for record in records["Records"])
        with pytest.raises(ClientError) as refused:
            opentrail.client("s3", key=stranger).get_object(Bucket="audit-logs", Key=first)
        assert refused.value.response["Error"]["Code"] == "AccessDenied"

        # A key that is switched off: nothing is lost, and the status says why; switched on, what waited comes.
        kms.disable_key(KeyId=key["KeyId"])
        status = wait_for(lambda: (found := trails.get_trail_status(Name="audit")).get("LatestDeliveryError") and found)
        assert (status["IsLogging"], status["LatestDeliveryError"]) == (True, "KMS.DisabledException")
        kms.enable_key(KeyId=key["KeyId"])
        wait_for(lambda: "LatestDeliveryError" not in trails.get_trail_status(Name="audit"))
        delivered = wait_for(lambda: names(s3) if "DisableKey" in names(s3) else None)
        assert delivered.count("DisableKey") == 1

        # The proof holds, for both validators.
        trails.stop_logging(Name="audit")
        time_of_last = wait_for(lambda: trails.get_trail_status(Name="audit").get("LatestDigestDeliveryTime"))
        assert time_of_last >= began
        wait_for(lambda: proved(opentrail, began), pause=0.5)


def reader(opentrail: RunningOpenTrail, name: str) -> tuple[str, str]:
    """The access key of a user who may read every bucket."""
    iam = opentrail.client("iam")
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def walk(opentrail: RunningOpenTrail, folder: Path, commands: str) -> None:
    environment = opentrail.environment()
    environment["PATH"] = f"{BIN}:{environment['PATH']}"
    done = subprocess.run(["bash", "-euc", commands], cwd=folder, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr


def keys(s3: Any) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket="audit-logs", Prefix=LOG_FILES).get("Contents", ())]


def names(s3: Any) -> list[str]:
    """The event names in all log files."""
    files = [json.loads(gzip.decompress(s3.get_object(Bucket="audit-logs", Key=key)["Body"].read())) for key in keys(s3)]
    return [record["eventName"] for file in files for record in file["Records"]]


def proved(opentrail: RunningOpenTrail, began: datetime) -> bool:
    """Whether every file is valid for the AWS CLI; for `opentrail validate` too, then."""
    since = began.strftime("%Y-%m-%dT%H:%M:%SZ")
    cli = opentrail.aws("cloudtrail", "validate-logs", "--trail-arn", ARN, "--start-time", since, check=False)
    counts = dict(re.findall(r"(\d+/\d+) (digest|log) files valid", cli.stdout))
    whole = cli.returncode == 0 and len(counts) == 2 and "INVALID" not in cli.stdout + cli.stderr
    if not whole:
        return False
    ours = opentrail.opentrail("validate", "--trail-arn", ARN, "--start-time", since, "--json")
    return bool(json.loads(ours.stdout)["valid"])
