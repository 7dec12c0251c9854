"""Where log files go, with the real AWS CLI: one bucket for two accounts, a policy that breaks and is cured, a plain directory, and another
S3 (moto's server)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from simulators.running import RunningOpenTrail, wait_for

ACCOUNT, OTHER = "123456789012", "444455556666"
SETTINGS = {"trails.delivery_interval": 0.4, "trails.digest_interval": 2, "lake.commit_interval": 60}


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    """One OpenTrail with a bucket that is a directory."""
    folder: Path = tmp_path_factory.mktemp("opentrail")
    (folder / "archive").mkdir()
    with RunningOpenTrail(folder, settings={**SETTINGS, "trails.directories": f"folder-logs={folder / 'archive'}"}) as running:
        yield running


def arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:cloudtrail:us-east-1:{account}:trail/{name}"


def policy(bucket: str, *folders: str, condition: dict[str, Any] | None = None) -> str:
    """CloudTrail may write into these folders; with `condition`, under that one besides the ACL."""
    service = {"Service": "cloudtrail.amazonaws.com"}
    more = condition or {}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"}
                | ({"Condition": {"StringEquals": more}} if more else {}),
                {
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:PutObject",
                    "Resource": [f"arn:aws:s3:::{bucket}/{folder}/*" for folder in folders],
                    "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", **more}},
                },
            ],
        }
    )


def status(opentrail: RunningOpenTrail, name: str, key: Any = None) -> Any:
    return opentrail.client("cloudtrail", key=key).get_trail_status(Name=name)


def request_ids(s3: Any, bucket: str, prefix: str) -> set[str]:
    """Of all records in the log files below `prefix`."""
    found = set()
    for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
        if item["Key"].endswith(".json.gz"):
            text = gzip.decompress(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
            found |= {record["requestID"] for record in json.loads(text)["Records"]}
    return found


def called(opentrail: RunningOpenTrail, key: Any = None) -> str:
    """A call that is recorded; its request id."""
    answer: str = opentrail.client("sts", key=key).get_caller_identity()["ResponseMetadata"]["RequestId"]
    return answer


@pytest.mark.parametrize("condition", ["aws:SourceArn", "aws:SourceAccount", None])
def test_two_accounts_share_a_bucket_and_each_has_its_folder(opentrail: RunningOpenTrail, condition: str | None) -> None:
    opentrail.opentrail("account", "create", "--account-id", OTHER, check=False)  # it may be there from another test
    other = json.loads((opentrail.data / "keys" / f"root-{OTHER}.json").read_text())
    key = (other["access_key_id"], other["secret_access_key"])
    name = f"shared-{(condition or 'plain').rpartition(':')[2].lower()}"
    bucket = f"{name}-logs"
    s3 = opentrail.client("s3")
    s3.create_bucket(Bucket=bucket)
    values = {"aws:SourceArn": [arn(name), arn(name, OTHER)], "aws:SourceAccount": [ACCOUNT, OTHER]}
    only_one = policy(bucket, f"team/AWSLogs/{ACCOUNT}", condition={condition: values[condition]} if condition else None)
    s3.put_bucket_policy(Bucket=bucket, Policy=only_one)
    create = ("cloudtrail", "create-trail", "--name", name, "--s3-bucket-name", bucket, "--s3-key-prefix", "team")
    opentrail.aws(*create)
    refused = opentrail.aws(*create, key=key, check=False)
    assert "InsufficientS3BucketPolicyException" in refused.stderr
    both = policy(
        bucket, f"team/AWSLogs/{ACCOUNT}", f"team/AWSLogs/{OTHER}", condition={condition: values[condition]} if condition else None
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=both)
    opentrail.aws(*create, key=key)
    for whose in (None, key):
        opentrail.client("cloudtrail", key=whose).start_logging(Name=name)
    mine, theirs = called(opentrail), called(opentrail, key)
    wait_for(lambda: mine in request_ids(s3, bucket, f"team/AWSLogs/{ACCOUNT}/CloudTrail/"))
    wait_for(lambda: theirs in request_ids(s3, bucket, f"team/AWSLogs/{OTHER}/CloudTrail/"))
    assert theirs not in request_ids(s3, bucket, f"team/AWSLogs/{ACCOUNT}/")
    for whose in (None, key):
        opentrail.client("cloudtrail", key=whose).delete_trail(Name=name)


def test_a_broken_policy_shows_and_the_backlog_comes_when_it_is_cured(opentrail: RunningOpenTrail) -> None:
    bucket, name = "broken-logs", "broken"
    s3 = opentrail.client("s3")
    s3.create_bucket(Bucket=bucket)
    good = policy(bucket, f"AWSLogs/{ACCOUNT}")
    s3.put_bucket_policy(Bucket=bucket, Policy=good)
    began = datetime.now(UTC).isoformat()
    opentrail.aws("cloudtrail", "create-trail", "--name", name, "--s3-bucket-name", bucket, "--enable-log-file-validation")
    opentrail.client("cloudtrail").start_logging(Name=name)
    wait_for(lambda: "LatestDeliveryTime" in status(opentrail, name))
    opentrail.aws("s3api", "delete-bucket-policy", "--bucket", bucket)
    missed = called(opentrail)
    said = wait_for(lambda: (found := status(opentrail, name)).get("LatestDeliveryError") and found)
    assert (said["LatestDeliveryError"], said["IsLogging"]) == ("AccessDenied", True)
    assert said["LatestDeliveryAttemptTime"] >= said["LatestDeliveryAttemptSucceeded"]
    wait_for(lambda: status(opentrail, name).get("LatestDigestDeliveryError") == "AccessDenied")
    s3.put_bucket_policy(Bucket=bucket, Policy=good)
    wait_for(lambda: missed in request_ids(s3, bucket, f"AWSLogs/{ACCOUNT}/CloudTrail/"))
    wait_for(lambda: "LatestDeliveryError" not in status(opentrail, name))
    opentrail.client("cloudtrail").stop_logging(Name=name)
    wait_for(lambda: _is_valid(opentrail, name, began), pause=0.5)


def _is_valid(opentrail: RunningOpenTrail, name: str, began: str, *more: str) -> bool:
    """Whether every digest and log file is valid, and every log file covered."""
    done = opentrail.opentrail("validate", "--trail-arn", arn(name), "--start-time", began, "--json", *more, check=False)
    chains = json.loads(done.stdout)["chains"] if done.returncode == 0 else []
    return bool(chains) and not chains[0]["notCovered"] and chains[0]["logFiles"]["valid"] > 0


def test_a_plain_directory_takes_the_place_of_a_bucket_and_is_validated_where_it_lies(opentrail: RunningOpenTrail) -> None:
    archive = opentrail.folder / "archive"
    began = datetime.now(UTC).isoformat()
    refused = opentrail.aws("cloudtrail", "create-trail", "--name", "folder", "--s3-bucket-name", "folder-logs", "--s3-key-prefix", "../..",
                            check=False)  # fmt: skip
    assert "InvalidS3PrefixException" in refused.stderr
    opentrail.aws("cloudtrail", "create-trail", "--name", "folder", "--s3-bucket-name", "folder-logs", "--enable-log-file-validation")
    opentrail.client("cloudtrail").start_logging(Name="folder")
    called(opentrail)
    wait_for(lambda: list(archive.rglob("*_CloudTrail-Digest_*.json.gz")) and list(archive.rglob("*_CloudTrail_*.json.gz")))
    opentrail.client("cloudtrail").stop_logging(Name="folder")
    wait_for(lambda: _is_valid(opentrail, "folder", began), pause=0.5)
    assert _is_valid(opentrail, "folder", began, "--local")
    damaged = min(archive.rglob("*_CloudTrail_*.json.gz"), key=lambda path: path.stat().st_mtime)  # the newest may be in no digest yet
    damaged.write_bytes(gzip.compress(b'{"Records":[]}'))
    assert not _is_valid(opentrail, "folder", began)


def test_another_s3_takes_log_files_and_digests_and_shows_its_own_errors(tmp_path: Path) -> None:
    moto = ThreadedMotoServer(port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    upstream = f"http://{host}:{port}"
    s3 = boto3.client("s3", endpoint_url=upstream, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    s3.create_bucket(Bucket="real-logs")
    opentrail = RunningOpenTrail(tmp_path, options=["--upstream", f"s3=http://AKIAUP:secret-of-mine@{host}:{port}"], settings=SETTINGS)
    try:
        with opentrail:
            create = ("cloudtrail", "create-trail", "--name", "real", "--enable-log-file-validation", "--s3-bucket-name")
            assert "S3BucketDoesNotExistException" in opentrail.aws(*create, "nobody-has-this", check=False).stderr
            opentrail.aws(*create, "real-logs")
            opentrail.client("cloudtrail").start_logging(Name="real")
            first = called(opentrail)
            wait_for(lambda: first in request_ids(s3, "real-logs", f"AWSLogs/{ACCOUNT}/CloudTrail/"))
            digest = wait_for(lambda: _keys(s3, "CloudTrail-Digest"))[0]
            assert set(s3.head_object(Bucket="real-logs", Key=digest)["Metadata"]) == {"signature", "signature-algorithm"}
            for key in _keys(s3, ""):
                s3.delete_object(Bucket="real-logs", Key=key)
            s3.delete_bucket(Bucket="real-logs")
            missed = called(opentrail)
            wait_for(lambda: status(opentrail, "real").get("LatestDeliveryError") == "NoSuchBucket")
            opentrail.client("s3").create_bucket(Bucket="real-logs")  # through OpenTrail, so it is noticed at once
            wait_for(lambda: missed in request_ids(s3, "real-logs", f"AWSLogs/{ACCOUNT}/CloudTrail/"))
            wait_for(lambda: "LatestDeliveryError" not in status(opentrail, "real"))
        assert "secret-of-mine" not in opentrail.log.read_text()
    finally:
        opentrail.kill()
        moto.stop()


def _keys(s3: Any, part: str) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="real-logs").get("Contents", []) if part in item["Key"]]
