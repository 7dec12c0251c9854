"""Log groups end to end, told by the real AWS CLI and boto3: groups and events, and a trail that streams to one with its role."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.buckets import trail_policy
from simulators.running import BIN, RunningOpenTrail, wait_for

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "stream-to-log-groups.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ACCOUNT = "123456789012"
HOME = "us-east-1"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    running = RunningOpenTrail(tmp_path_factory.mktemp("log-groups"), settings={"trails.delivery_interval": 0.5})
    running.start()
    yield running
    running.stop()


def role_policy(group: str) -> str:
    """As the CloudTrail user guide has it ("Create a policy document for CloudWatch Logs")."""
    stream = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:{group}:log-stream:{ACCOUNT}_CloudTrail_{HOME}*"
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "Create", "Effect": "Allow", "Action": ["logs:CreateLogStream"], "Resource": [stream]},
                {"Sid": "Put", "Effect": "Allow", "Action": ["logs:PutLogEvents"], "Resource": [stream]},
            ],
        }
    )


def streaming(running: RunningOpenTrail, name: str) -> tuple[str, str]:
    """A group, a role that may stream to it, a bucket; returns the ARNs of group and role."""
    group = f"CloudTrail/{name}"
    iam = running.client("iam")
    running.client("logs").create_log_group(logGroupName=group)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName=name, PolicyName="cloudtrail-policy", PolicyDocument=role_policy(group))
    s3 = running.client("s3")
    s3.create_bucket(Bucket=f"bucket-{name}")
    policy = trail_policy(f"bucket-{name}", f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/{name}", ACCOUNT)
    s3.put_bucket_policy(Bucket=f"bucket-{name}", Policy=json.dumps(policy))
    return f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:{group}:*", f"arn:aws:iam::{ACCOUNT}:role/{name}"


def streamed(running: RunningOpenTrail, group: str) -> list[dict[str, Any]]:
    """Every record in the group."""
    pages = running.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [json.loads(event["message"]) for page in pages for event in page["events"]]


def named(records: list[dict[str, Any]], name: str) -> list[str]:
    """The users that calls of this name were about."""
    return [record["requestParameters"]["userName"] for record in records if record["eventName"] == name]


def test_events_are_put_read_and_filtered(opentrail: RunningOpenTrail) -> None:
    aws = opentrail.aws
    aws("logs", "create-log-group", "--log-group-name", "/app/one", "--tags", "team=red")
    aws("logs", "create-log-stream", "--log-group-name", "/app/one", "--log-stream-name", "s1")
    aws("logs", "put-retention-policy", "--log-group-name", "/app/one", "--retention-in-days", "30")
    now = int(time.time() * 1000)
    logs = opentrail.client("logs")
    for first in (0, 5):
        logs.put_log_events(
            logGroupName="/app/one",
            logStreamName="s1",
            logEvents=[
                {"timestamp": now + n, "message": json.dumps({"n": n, "level": "ERROR" if n % 2 else "INFO"})}
                for n in range(first, first + 5)
            ],
        )
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/app/")["logGroups"]
    assert group["arn"] == f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/app/one:*"
    assert group["logGroupArn"] == group["arn"].removesuffix(":*")
    assert group["retentionInDays"] == 30
    assert group["storedBytes"] > 260
    first = logs.get_log_events(logGroupName="/app/one", logStreamName="s1", startFromHead=True, limit=4)
    second = logs.get_log_events(logGroupName="/app/one", logStreamName="s1", nextToken=first["nextForwardToken"])
    assert [json.loads(event["message"])["n"] for event in first["events"] + second["events"]] == list(range(10))
    last = logs.get_log_events(logGroupName="/app/one", logStreamName="s1", nextToken=second["nextForwardToken"])
    assert (last["events"], last["nextForwardToken"]) == ([], second["nextForwardToken"])
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/app/one", filterPattern='{ $.level = "ERROR" }', PaginationConfig={"PageSize": 2}
    )
    assert [json.loads(event["message"])["n"] for page in pages for event in page["events"]] == [1, 3, 5, 7, 9]
    assert json.loads(aws("logs", "list-tags-for-resource", "--resource-arn", group["logGroupArn"]).stdout)["tags"] == {"team": "red"}
    with pytest.raises(ClientError, match="UnsupportedOperationException"):
        logs.start_query(logGroupName="/app/one", startTime=0, endTime=1, queryString="fields @message")
    aws("logs", "delete-log-group", "--log-group-name", "/app/one")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.describe_log_streams(logGroupName="/app/one")


def test_a_trail_streams_what_happens(opentrail: RunningOpenTrail) -> None:
    group_arn, role_arn = streaming(opentrail, "streams")
    arns = ("--cloud-watch-logs-log-group-arn", group_arn, "--cloud-watch-logs-role-arn", role_arn)
    opentrail.aws("cloudtrail", "create-trail", "--name", "streams", "--s3-bucket-name", "bucket-streams")
    opentrail.aws("cloudtrail", "update-trail", "--name", "streams", *arns)
    opentrail.aws("cloudtrail", "start-logging", "--name", "streams")
    opentrail.client("iam").create_user(UserName="streamed")
    wait_for(lambda: "streamed" in named(streamed(opentrail, "CloudTrail/streams"), "CreateUser"))
    logs = opentrail.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName="CloudTrail/streams")["logStreams"]
    assert stream["logStreamName"] == f"{ACCOUNT}_CloudTrail_{HOME}"
    trail = opentrail.client("cloudtrail").get_trail(Name="streams")["Trail"]
    assert (trail["CloudWatchLogsLogGroupArn"], trail["CloudWatchLogsRoleArn"]) == (group_arn, role_arn)
    cloudtrail = opentrail.client("cloudtrail")
    status = wait_for(
        lambda: found if "LatestCloudWatchLogsDeliveryTime" in (found := cloudtrail.get_trail_status(Name="streams")) else None
    )
    assert "LatestCloudWatchLogsDeliveryError" not in status

    opentrail.client("iam").delete_role_policy(RoleName="streams", PolicyName="cloudtrail-policy")
    opentrail.client("iam").create_user(UserName="waits")
    wait_for(lambda: "AccessDenied" in cloudtrail.get_trail_status(Name="streams").get("LatestCloudWatchLogsDeliveryError", ""))
    assert "waits" not in named(streamed(opentrail, "CloudTrail/streams"), "CreateUser")
    policy = role_policy("CloudTrail/streams")
    opentrail.client("iam").put_role_policy(RoleName="streams", PolicyName="cloudtrail-policy", PolicyDocument=policy)
    wait_for(lambda: "waits" in named(streamed(opentrail, "CloudTrail/streams"), "CreateUser"))
    wait_for(lambda: "LatestCloudWatchLogsDeliveryError" not in cloudtrail.get_trail_status(Name="streams"))
    cloudtrail.delete_trail(Name="streams")


def test_a_trail_is_refused_what_it_cannot_use(opentrail: RunningOpenTrail) -> None:
    group_arn, role_arn = streaming(opentrail, "refused")
    cloudtrail, iam = opentrail.client("cloudtrail"), opentrail.client("iam")

    def create(group: str, role: str) -> str:
        with pytest.raises(ClientError) as refused:
            cloudtrail.create_trail(
                Name="refused", S3BucketName="bucket-refused", CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn=role
            )
        error = refused.value.response["Error"]
        return f"{error['Code']}: {error['Message']}"

    assert create(group_arn.replace("/refused", "/none"), role_arn).startswith("InvalidCloudWatchLogsLogGroupArnException: Check")
    assert create(group_arn, role_arn + "x") == (
        "InvalidCloudWatchLogsRoleArnException: Access denied. Check the trust relationships for your role."
    )
    iam.delete_role_policy(RoleName="refused", PolicyName="cloudtrail-policy")
    assert create(group_arn, role_arn) == ("InvalidCloudWatchLogsLogGroupArnException: Access denied. Check the permissions for your role.")


def test_killing_the_watch_loses_nothing_and_doubles_nothing(opentrail: RunningOpenTrail) -> None:
    group_arn, role_arn = streaming(opentrail, "killed")
    cloudtrail, iam = opentrail.client("cloudtrail"), opentrail.client("iam")
    cloudtrail.create_trail(
        Name="killed", S3BucketName="bucket-killed", CloudWatchLogsLogGroupArn=group_arn, CloudWatchLogsRoleArn=role_arn
    )
    cloudtrail.start_logging(Name="killed")
    made: list[str] = []

    def work() -> None:
        for number in range(60):
            iam.create_user(UserName=f"killed-{number}")
            made.append(f"killed-{number}")

    worker = threading.Thread(target=work)
    worker.start()
    for until in (15, 35):
        wait_for(lambda until=until: len(made) >= until)
        watch = wait_for(lambda: opentrail.role("watch"))
        watch.kill()
    worker.join()
    wait_for(lambda: set(made) <= set(named(streamed(opentrail, "CloudTrail/killed"), "CreateUser")))
    records = streamed(opentrail, "CloudTrail/killed")
    assert sorted(named(records, "CreateUser")) == sorted(made)
    assert len({record["eventID"] for record in records}) == len(records)
    cloudtrail.delete_trail(Name="killed")


def test_every_block_of_the_page_works(opentrail: RunningOpenTrail, tmp_path: Path) -> None:
    s3, cloudtrail = opentrail.client("s3"), opentrail.client("cloudtrail")
    s3.create_bucket(Bucket="bucket-audit")
    policy = trail_policy("bucket-audit", f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/audit", ACCOUNT)
    s3.put_bucket_policy(Bucket="bucket-audit", Policy=json.dumps(policy))
    cloudtrail.create_trail(Name="audit", S3BucketName="bucket-audit")
    cloudtrail.start_logging(Name="audit")
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) == 4
    environment = {**opentrail.environment(), "PATH": f"{BIN}:{os.environ['PATH']}", "AWS_PAGER": ""}
    done = subprocess.run(
        ["bash", "-c", "set -eu\n" + "\n".join(blocks)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    trail = cloudtrail.get_trail(Name="audit")["Trail"]
    assert "CloudWatchLogsLogGroupArn" not in trail
    cloudtrail.delete_trail(Name="audit")
