"""The story of docs/tutorial.md, told by the real AWS CLI: work, history, log files, proof, tampering found."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulators.buckets import trail_policy
from simulators.running import RunningOpenTrail, wait_for

TRAIL = "audit"
BUCKET = "example-audit-logs"
ARN = f"arn:aws:cloudtrail:us-east-1:123456789012:trail/{TRAIL}"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    folder = tmp_path_factory.mktemp("story")
    settings = {"trails.delivery_interval": 0.5, "trails.digest_interval": 2, "lake.commit_interval": 3}
    with RunningOpenTrail(folder, options=("--sandbox",), settings=settings) as running:
        yield running


def test_the_story(story: RunningOpenTrail, tmp_path: Path) -> None:
    began = datetime.now(UTC)
    set_up_trail(story, tmp_path)
    names = mixed_work(story, tmp_path)

    # The event history shows it, at once.
    recorded = json.loads(story.opentrail("lookup", "--most", "500", "--json").stdout)
    seen = {(record["eventSource"].split(".")[0], record["eventName"], record.get("errorCode")) for record in recorded}
    assert names <= seen, names - seen
    users = json.loads(
        story.aws("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=CreateUser").stdout
    )
    assert [event["Username"] for event in users["Events"]] == ["ana", "root"]
    assert {"ResourceType": "AWS::IAM::User", "ResourceName": "ana"} in users["Events"][1]["Resources"]

    # The bucket holds it: each event of the history since StartLogging, exactly once.
    logging_since = next(record for record in recorded if record["eventName"] == "StartLogging")
    expected = {record["eventID"] for record in recorded[: recorded.index(logging_since) + 1]}
    delivered = wait_for(lambda: found if expected <= set(found := delivered_ids(story)) else None)
    assert len(delivered) == len(set(delivered)), "an event was delivered twice"

    # Both validators say that every digest and log file is valid.
    covered = delivered_keys(story)
    wait_until_covered(story, covered)
    check = validate(story, began)
    assert check.returncode == 0, check.stdout + check.stderr
    assert "INVALID" not in check.stdout + check.stderr
    ours = story.opentrail("validate", "--trail-arn", ARN, "--start-time", began.isoformat(), "--json")
    verdict = json.loads(ours.stdout)
    assert verdict["valid"] is True

    # A change, a removal and a move are found by both.
    files = story.data / "buckets" / BUCKET
    victim = files / covered[0]
    original = victim.read_bytes()
    damaged = bytearray(original)
    damaged[len(damaged) // 2] ^= 1
    victim.write_bytes(damaged)
    both_find(story, began, victim.name, "invalid format")
    victim.write_bytes(original)
    assert validate(story, began).returncode == 0

    s3 = story.client("s3")
    key = str(victim.relative_to(files))
    text = gzip.decompress(original)
    changed = gzip.compress(text.replace(b'"awsRegion":"us-east-1"', b'"awsRegion":"us-west-1"', 1))
    s3.put_object(Bucket=BUCKET, Key=key, Body=changed)
    both_find(story, began, victim.name, "hash value doesn't match")
    s3.delete_object(Bucket=BUCKET, Key=key)
    both_find(story, began, victim.name, "not found")
    s3.put_object(Bucket=BUCKET, Key=key, Body=original)
    assert validate(story, began).returncode == 0

    digest = sorted(path for path in files.rglob("*_CloudTrail-Digest_*.json.gz"))[1]
    digest_key = str(digest.relative_to(files))
    kept = s3.get_object(Bucket=BUCKET, Key=digest_key)
    body, metadata = kept["Body"].read(), kept["Metadata"]
    stamp = digest_key[-24:-8]
    moved = digest_key.replace(stamp, (datetime.strptime(stamp, "%Y%m%dT%H%M%SZ") + timedelta(seconds=1)).strftime("%Y%m%dT%H%M%SZ"))
    s3.put_object(Bucket=BUCKET, Key=moved, Body=body, Metadata=metadata)
    s3.delete_object(Bucket=BUCKET, Key=digest_key)
    both_find(story, began, digest.name, "not found")
    s3.delete_object(Bucket=BUCKET, Key=moved)
    s3.put_object(Bucket=BUCKET, Key=digest_key, Body=body, Metadata=metadata)
    assert validate(story, began).returncode == 0


def set_up_trail(story: RunningOpenTrail, folder: Path) -> None:
    """A bucket with CloudTrail's policy, a trail, logging on."""
    story.aws("s3api", "create-bucket", "--bucket", BUCKET)
    refused = story.aws("cloudtrail", "create-trail", "--name", TRAIL, "--s3-bucket-name", BUCKET, check=False)
    assert "InsufficientS3BucketPolicyException" in refused.stderr
    policy = folder / "policy.json"
    policy.write_text(json.dumps(trail_policy(BUCKET, ARN, "123456789012")))
    story.aws("s3api", "put-bucket-policy", "--bucket", BUCKET, "--policy", f"file://{policy}")
    made = json.loads(
        story.aws("cloudtrail", "create-trail", "--name", TRAIL, "--s3-bucket-name", BUCKET, "--enable-log-file-validation").stdout
    )
    assert made["TrailARN"] == ARN
    assert made["LogFileValidationEnabled"] is True
    story.aws("cloudtrail", "start-logging", "--name", TRAIL)
    assert json.loads(story.aws("cloudtrail", "get-trail-status", "--name", TRAIL).stdout)["IsLogging"] is True


def mixed_work(story: RunningOpenTrail, folder: Path) -> set[tuple[str, str, str | None]]:
    """Calls to eight services, failures and refusals among them; returns what must be recorded as (service, event, error code)."""
    aws = story.aws
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
    may_list = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "sts:AssumeRole"], "Resource": "*"}],
    }
    aws("sts", "get-caller-identity")
    # S3
    (folder / "hello.txt").write_text("hello")
    aws("s3", "mb", "s3://example-data")
    aws("s3", "cp", str(folder / "hello.txt"), "s3://example-data/hello.txt")
    aws("s3", "ls", "s3://example-data")
    aws("s3api", "get-bucket-policy", "--bucket", "example-data", check=False)
    # IAM and STS
    aws("iam", "create-user", "--user-name", "ana")
    key = json.loads(aws("iam", "create-access-key", "--user-name", "ana").stdout)["AccessKey"]
    ana = (key["AccessKeyId"], key["SecretAccessKey"])
    aws("iam", "put-user-policy", "--user-name", "ana", "--policy-name", "list", "--policy-document", json.dumps(may_list))
    aws("s3api", "list-buckets", key=ana)
    refused = aws("iam", "create-user", "--user-name", "mallory", key=ana, check=False)
    assert "AccessDenied" in refused.stderr
    refused = aws("cloudtrail", "stop-logging", "--name", TRAIL, key=ana, check=False)
    assert "AccessDeniedException" in refused.stderr
    role = json.loads(aws("iam", "create-role", "--role-name", "Deployer", "--assume-role-policy-document", json.dumps(trust)).stdout)[
        "Role"
    ]["Arn"]
    aws("iam", "put-role-policy", "--role-name", "Deployer", "--policy-name", "list", "--policy-document", json.dumps(may_list))
    taken = json.loads(aws("sts", "assume-role", "--role-arn", role, "--role-session-name", "deploy-7", key=ana).stdout)["Credentials"]
    session = (taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
    aws("s3api", "list-buckets", key=session)
    stranger = aws("sts", "get-caller-identity", key=("AKIAIOSFODNN7EXAMPLE", "nobody"), check=False)
    assert "InvalidClientTokenId" in stranger.stderr
    forged = aws("sts", "get-caller-identity", key=(story.key[0], "wrong"), check=False)
    assert "SignatureDoesNotMatch" in forged.stderr
    # The sandbox: EC2, KMS, Lambda, DynamoDB
    image = json.loads(aws("ec2", "describe-images", "--owners", "amazon", "--max-results", "5").stdout)["Images"][0]["ImageId"]
    run = json.loads(aws("ec2", "run-instances", "--image-id", image, "--count", "1", "--instance-type", "t3.micro").stdout)
    aws("ec2", "stop-instances", "--instance-ids", run["Instances"][0]["InstanceId"])
    missing = aws("ec2", "terminate-instances", "--instance-ids", "i-0123456789abcdef0", check=False)
    assert "InvalidInstanceID.NotFound" in missing.stderr
    kms_key = json.loads(aws("kms", "create-key", "--description", "tutorial").stdout)["KeyMetadata"]["KeyId"]
    aws("kms", "encrypt", "--key-id", kms_key, "--plaintext", "c2VjcmV0")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return 1\n")
    (folder / "app.zip").write_bytes(code.getvalue())
    function = ("--function-name", "hello", "--runtime", "python3.12", "--handler", "app.handler", "--role", role)
    aws("lambda", "create-function", *function, "--zip-file", f"fileb://{folder / 'app.zip'}")
    aws("lambda", "get-function", "--function-name", "hello")
    attributes = "AttributeName=id,AttributeType=S"
    table = ("--table-name", "orders", "--attribute-definitions", attributes, "--key-schema", "AttributeName=id,KeyType=HASH")
    aws("dynamodb", "create-table", *table, "--billing-mode", "PAY_PER_REQUEST")
    aws("dynamodb", "put-item", "--table-name", "orders", "--item", '{"id":{"S":"1"}}')
    aws("dynamodb", "describe-table", "--table-name", "no-such-table", check=False)
    return {
        ("cloudtrail", "CreateTrail", "InsufficientS3BucketPolicyException"),
        ("cloudtrail", "CreateTrail", None),
        ("cloudtrail", "StartLogging", None),
        ("cloudtrail", "StopLogging", "AccessDenied"),
        ("sts", "GetCallerIdentity", None),
        ("sts", "GetCallerIdentity", "InvalidClientTokenId"),
        ("sts", "GetCallerIdentity", "SignatureDoesNotMatch"),
        ("s3", "CreateBucket", None),
        ("s3", "PutBucketPolicy", None),
        ("s3", "GetBucketPolicy", "NoSuchBucketPolicy"),
        ("iam", "CreateUser", None),
        ("iam", "CreateUser", "AccessDenied"),
        ("iam", "CreateAccessKey", None),
        ("iam", "CreateRole", None),
        ("sts", "AssumeRole", None),
        ("ec2", "RunInstances", None),
        ("ec2", "StopInstances", None),
        ("ec2", "TerminateInstances", "Client.InvalidInstanceID.NotFound"),
        ("kms", "CreateKey", None),
        ("kms", "Encrypt", None),
        ("lambda", "CreateFunction20150331", None),
        ("dynamodb", "CreateTable", None),
        ("dynamodb", "DescribeTable", "ResourceNotFoundException"),
    }


def delivered_keys(story: RunningOpenTrail) -> list[str]:
    pages = story.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="AWSLogs/123456789012/CloudTrail/")
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def delivered_ids(story: RunningOpenTrail) -> list[str]:
    s3 = story.client("s3")
    found = []
    for key in delivered_keys(story):
        text = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        found += [record["eventID"] for record in json.loads(text)["Records"]]
    return found


def wait_until_covered(story: RunningOpenTrail, keys: list[str]) -> None:
    """Wait until a digest lists each of `keys`."""
    s3 = story.client("s3")

    def covered() -> bool:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="AWSLogs/123456789012/CloudTrail-Digest/")
        listed: set[str] = set()
        for item in [item for page in pages for item in page.get("Contents", [])]:
            digest = json.loads(gzip.decompress(s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()))
            listed |= {entry["s3Object"] for entry in digest["logFiles"]}
        return set(keys) <= listed

    wait_for(covered, pause=0.5)


def validate(story: RunningOpenTrail, since: datetime) -> Any:
    """`aws cloudtrail validate-logs` from `since` on."""
    return story.aws(
        "cloudtrail", "validate-logs", "--trail-arn", ARN, "--start-time", since.strftime("%Y-%m-%dT%H:%M:%SZ"), "--verbose", check=False
    )


def both_find(story: RunningOpenTrail, since: datetime, name: str, words: str) -> None:
    """Both validators report the file called `name` with `words`."""
    theirs = validate(story, since)
    assert theirs.returncode == 1
    assert any(name in line and words in line for line in theirs.stderr.splitlines()), theirs.stdout + theirs.stderr
    ours = story.opentrail("validate", "--trail-arn", ARN, "--start-time", since.isoformat(), check=False)
    assert ours.returncode == 1, ours.stdout + ours.stderr
    assert any(name in line and words in line for line in (ours.stdout + ours.stderr).splitlines()), ours.stdout + ours.stderr
