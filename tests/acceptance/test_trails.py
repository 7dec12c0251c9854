"""Trails end to end, told by the real AWS CLI: everywhere at once, five and no more, moved under load, subscribed in one command."""

from __future__ import annotations

import gzip
import json
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from simulators.buckets import trail_policy
from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
HOME = "us-east-1"


def bucket(running: RunningOpenTrail, name: str, *trails: str, region: str = HOME) -> None:
    """A bucket into which these trails of `region` may deliver."""
    s3 = running.client("s3")
    s3.create_bucket(Bucket=name)
    policies = [trail_policy(name, f"arn:aws:cloudtrail:{region}:{ACCOUNT}:trail/{trail}", ACCOUNT) for trail in trails]
    statements = [{**statement, "Sid": f"S{number}"} for number, statement in enumerate(_statements(policies))]
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def _statements(policies: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for policy in policies:
        yield from policy["Statement"]


@contextmanager
def gone_afterwards(running: RunningOpenTrail, *trails: str, region: str = HOME) -> Iterator[None]:
    """Trails of this test do not count in the next one."""
    try:
        yield
    finally:
        client = running.client("cloudtrail", region=region)
        for trail in client.describe_trails(includeShadowTrails=False)["trailList"]:
            if trail["Name"] in trails:
                client.delete_trail(Name=trail["Name"])


def records(running: RunningOpenTrail, name: str) -> dict[str, list[dict[str, Any]]]:
    """Region of the log file → its records."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in (running.data / "buckets" / name).rglob("*_CloudTrail_*.json.gz"):
        region = _region(path)
        if region is not None:
            found.setdefault(region, []).extend(json.loads(gzip.decompress(path.read_bytes()))["Records"])
    return found


def _region(path: Path) -> str | None:
    parts = path.parts
    return parts[parts.index("CloudTrail") + 1] if "CloudTrail" in parts else None


def test_a_multi_region_trail_is_there_in_every_region_at_once(opentrail: RunningOpenTrail) -> None:
    regions = boto3.session.Session().get_available_regions("cloudtrail")
    assert len(regions) > 25
    bucket(opentrail, "everywhere-logs", "everywhere")
    with gone_afterwards(opentrail, "everywhere"):
        made = opentrail.aws(
            "cloudtrail", "create-trail", "--name", "everywhere", "--s3-bucket-name", "everywhere-logs", "--is-multi-region-trail"
        )
        arn = json.loads(made.stdout)["TrailARN"]
        opentrail.aws("cloudtrail", "start-logging", "--name", "everywhere")
        clients = {region: opentrail.client("cloudtrail", region=region) for region in regions}
        for region, client in clients.items():
            (shown,) = client.describe_trails()["trailList"]
            assert (shown["TrailARN"], shown["HomeRegion"]) == (arn, HOME)
            assert client.get_trail_status(Name=arn)["IsLogging"] is True
            assert len(client.describe_trails(includeShadowTrails=False)["trailList"]) == (1 if region == HOME else 0)
            if region != HOME:
                with pytest.raises(ClientError) as raised:
                    client.delete_trail(Name="everywhere")
                assert raised.value.response["Error"]["Code"] == "InvalidHomeRegionException"
        asked = {region: clients[region].list_trails()["ResponseMetadata"]["RequestId"] for region in (HOME, "eu-west-1", "sa-east-1")}

        def delivered() -> bool:
            files = records(opentrail, "everywhere-logs")
            return all(request in {record["requestID"] for record in files.get(region, [])} for region, request in asked.items())

        wait_for(delivered)
        for region, found in records(opentrail, "everywhere-logs").items():
            assert {record["awsRegion"] for record in found} == {region}


def test_the_sixth_trail_is_refused(opentrail: RunningOpenTrail) -> None:
    region, names = "eu-north-1", [f"five-{number}" for number in range(6)]
    bucket(opentrail, "five-logs", *names, region=region)
    client = opentrail.client("cloudtrail", region=region)
    with gone_afterwards(opentrail, *names, region=region):
        for name in names[:5]:
            client.create_trail(Name=name, S3BucketName="five-logs")
        words = ("cloudtrail", "create-trail", "--name", names[5], "--s3-bucket-name", "five-logs")
        refused = opentrail.aws(*words, region=region, check=False)
        assert refused.returncode != 0
        message = f"(MaximumNumberOfTrailsExceededException) when calling the CreateTrail operation: User: {ACCOUNT} already has 5 trails"
        assert f"{message} in {region}" in refused.stderr
        client.delete_trail(Name=names[2])
        opentrail.aws(*words, region=region)
        assert len(client.describe_trails()["trailList"]) == 5


def test_a_trail_that_moves_under_load_delivers_every_event_once(opentrail: RunningOpenTrail) -> None:
    for name in ("first-logs", "second-logs"):
        bucket(opentrail, name, "moving")
    trails = opentrail.client("cloudtrail")
    with gone_afterwards(opentrail, "moving"):
        trails.create_trail(Name="moving", S3BucketName="first-logs")
        trails.start_logging(Name="moving")
        stop = threading.Event()
        asked: list[str] = []

        def work() -> None:
            client = opentrail.client("cloudtrail")
            while not stop.is_set():
                asked.append(client.list_trails()["ResponseMetadata"]["RequestId"])

        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for number in range(6):
            target = ("second-logs", "first-logs")[number % 2]
            wait_for(lambda reached=(number + 1) * 60: len(asked) >= reached)
            trails.update_trail(Name="moving", S3BucketName=target, **({"S3KeyPrefix": ""} if number else {}))
            wait_for(lambda moved=target: bool(records(opentrail, moved)))
        stop.set()
        for worker in workers:
            worker.join()
        trails.stop_logging(Name="moving")

        def delivered() -> Counter[str]:
            both = [*records(opentrail, "first-logs").get(HOME, []), *records(opentrail, "second-logs").get(HOME, [])]
            return Counter(record["requestID"] for record in both)

        wait_for(lambda: set(asked) <= set(delivered()))
        assert set(delivered().values()) == {1}


def test_a_subscription_is_created_and_updated_in_one_command_each(opentrail: RunningOpenTrail) -> None:
    with gone_afterwards(opentrail, "subscription"):
        words = ("--name", "subscription", "--s3-new-bucket")
        made = opentrail.aws("cloudtrail", "create-subscription", *words, "subscribed-logs", "--s3-prefix", "trails")
        assert "Logs will be delivered to subscribed-logs:trails" in made.stdout
        client = opentrail.client("cloudtrail")
        shown = client.get_trail(Name="subscription")["Trail"]
        assert (shown["S3BucketName"], shown["S3KeyPrefix"]) == ("subscribed-logs", "trails")
        assert client.get_trail_status(Name="subscription")["IsLogging"] is True
        wait_for(lambda: records(opentrail, "subscribed-logs").get(HOME))
        changed = opentrail.aws("cloudtrail", "update-subscription", *words, "renewed-logs", "--include-global-service-events", "false")
        assert '"S3BucketName": "renewed-logs"' in changed.stdout
        shown = client.get_trail(Name="subscription")["Trail"]
        assert (shown["S3KeyPrefix"], shown["IncludeGlobalServiceEvents"]) == ("trails", False)
        wait_for(lambda: records(opentrail, "renewed-logs").get(HOME))
        again = opentrail.aws("cloudtrail", "create-subscription", *words, "renewed-logs", check=False)
        assert again.returncode != 0
        assert "already exists" in again.stderr


def test_there_is_no_reset_door_unless_it_is_asked_for(opentrail: RunningOpenTrail) -> None:
    request = urllib.request.Request(opentrail.endpoint + "/moto-api/reset", method="POST")
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=90)
    raised.value.close()
    assert 400 <= raised.value.code < 500
    opentrail.client("sts").get_caller_identity()


def test_a_subscription_with_a_topic_of_its_own(opentrail: RunningOpenTrail) -> None:
    with gone_afterwards(opentrail, "announced"):
        sqs, sns = opentrail.client("sqs"), opentrail.client("sns")
        opentrail.aws(
            "cloudtrail", "create-subscription", "--name", "announced", "--s3-new-bucket", "announced-logs", "--sns-new-topic", "announced"
        )
        topic = f"arn:aws:sns:{HOME}:{ACCOUNT}:announced"
        shown = opentrail.client("cloudtrail").get_trail(Name="announced")["Trail"]
        assert (shown["SnsTopicARN"], shown["SnsTopicName"]) == (topic, "announced")
        policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
        assert {"Service": "cloudtrail.amazonaws.com"} in [statement["Principal"] for statement in policy["Statement"]]
        queue = sqs.create_queue(QueueName="announced")["QueueUrl"]
        arn = f"arn:aws:sqs:{HOME}:{ACCOUNT}:announced"
        allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        opentrail.client("cloudtrail").list_trails()

        def announced() -> list[str]:
            messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", [])
            return [key for message in messages for key in json.loads(json.loads(message["Body"])["Message"])["s3ObjectKey"]]

        (key, *_) = wait_for(announced)
        assert (opentrail.data / "buckets" / "announced-logs" / key).exists()
        again = opentrail.aws("cloudtrail", "update-subscription", "--name", "announced", "--sns-new-topic", "announced", check=False)
        assert again.returncode != 0
        assert "already exists" in again.stderr
