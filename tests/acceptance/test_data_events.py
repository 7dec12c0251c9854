"""Data events end to end, told by the real AWS CLI: what is selected is in the log files, what is not leaves nothing."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import SystemClock
from opentrail.identity import Identities
from opentrail.storage.database import Database
from simulators.buckets import trail_policy
from simulators.running import RunningOpenTrail, wait_for

ACCOUNT, OTHER = "123456789012", "999999999999"
INTERVAL = 0.5
HOME = "us-east-1"
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
PHOTOS = (
    '[{"ReadWriteType":"All","IncludeManagementEvents":true,'
    '"DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3:::work/photos/"]}]}]'
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    settings = {"trails.delivery_interval": INTERVAL, "trails.digest_interval": 2, "lake.commit_interval": 2}
    with RunningOpenTrail(tmp_path_factory.mktemp("data-events"), options=("--sandbox",), settings=settings) as server:
        server.aws("s3api", "create-bucket", "--bucket", "work")
        yield server


def trail(running: RunningOpenTrail, name: str, *words: str, key: Any = None, account: str = ACCOUNT) -> str:
    """A trail, logging, with a bucket of its own; returns the bucket."""
    bucket = f"{name}-logs"
    running.aws("s3api", "create-bucket", "--bucket", bucket, key=key)
    policy = trail_policy(bucket, f"arn:aws:cloudtrail:us-east-1:{account}:trail/{name}", account)
    running.aws("s3api", "put-bucket-policy", "--bucket", bucket, "--policy", json.dumps(policy), key=key)
    running.aws("cloudtrail", "create-trail", "--name", name, "--s3-bucket-name", bucket, "--enable-log-file-validation", key=key)
    running.aws("cloudtrail", "put-event-selectors", "--trail-name", name, *words, key=key)
    running.aws("cloudtrail", "start-logging", "--name", name, key=key)
    return bucket


def files(running: RunningOpenTrail, bucket: str) -> list[Path]:
    found = (running.data / "buckets" / bucket).rglob("*_CloudTrail_*.json.gz")
    return [path for path in found if "CloudTrail-Digest" not in str(path)]


def data_events(running: RunningOpenTrail, bucket: str) -> list[dict[str, Any]]:
    records = [record for path in files(running, bucket) for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]]
    return sorted((record for record in records if record["eventCategory"] == "Data"), key=lambda record: str(record["eventTime"]))


def objects_of(records: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Event names and the first ARN of each record."""
    found = set()
    for record in records:
        entry = record["resources"][0]
        found.add((record["eventName"], entry.get("ARN") or entry.get("ARNPrefix")))
    return found


def test_a_basic_selector_takes_a_prefix_and_leaves_the_rest(running: RunningOpenTrail, tmp_path: Path) -> None:
    bucket = trail(running, "basic", "--event-selectors", PHOTOS)
    shown = json.loads(running.aws("cloudtrail", "get-event-selectors", "--trail-name", "basic").stdout)
    assert shown["EventSelectors"] == [{**json.loads(PHOTOS)[0], "ExcludeManagementEventSources": []}]

    (tmp_path / "a").write_text("abc")
    for key in ("photos/1", "photos/2", "docs/1"):
        running.aws("s3", "cp", str(tmp_path / "a"), f"s3://work/{key}")
        running.aws("s3", "cp", f"s3://work/{key}", str(tmp_path / "b"))
    running.aws("s3api", "list-objects-v2", "--bucket", "work", "--prefix", "photos/")
    running.aws("s3api", "list-objects-v2", "--bucket", "work", "--prefix", "docs/")
    batch = '{"Objects":[{"Key":"photos/1"},{"Key":"docs/1"}]}'
    running.aws("s3api", "delete-objects", "--bucket", "work", "--delete", batch)
    # Log files are cut in the order of the journal: when the last call is in one, all before it are.
    running.aws("s3", "cp", str(tmp_path / "a"), "s3://work/photos/last")

    stem = "arn:aws:s3:::work/photos/"
    wanted = {
        *((name, stem + key) for name in ("PutObject", "HeadObject", "GetObject") for key in "12"),
        ("ListObjects", stem),
        ("DeleteObject", stem + "1"),
        ("PutObject", stem + "last"),
    }
    wait_for(lambda: ("PutObject", stem + "last") in objects_of(data_events(running, bucket)))
    assert objects_of(data_events(running, bucket)) == wanted
    removed = next(record for record in data_events(running, bucket) if record["eventName"] == "DeleteObject")
    assert removed["eventType"] == "AwsServiceEvent"
    # Event history never has data events, and nobody else has them either: they are not even in the journal.
    lookup = json.loads(running.aws("cloudtrail", "lookup-events", "--max-items", "500").stdout)
    names = {event["EventName"] for event in lookup["Events"]}
    assert "PutEventSelectors" in names
    assert not names & {"PutObject", "GetObject", "HeadObject", "ListObjects", "DeleteObject", "DeleteObjects"}


def fields(kind: str, **conditions: Any) -> dict[str, Any]:
    chosen = {"eventCategory": {"Equals": ["Data"]}, "resources.type": {"Equals": [kind]}, **conditions}
    return {"Name": kind, "FieldSelectors": [{"Field": name, **operators} for name, operators in chosen.items()]}


def test_advanced_selectors_take_what_others_serve(running: RunningOpenTrail, tmp_path: Path) -> None:
    aws = running.aws
    aws("iam", "create-role", "--role-name", "runner", "--assume-role-policy-document", TRUST)
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("f.py", "def run(event, context): return {}")
    (tmp_path / "f.zip").write_bytes(package.getvalue())
    for name in ("f1", "f2"):
        aws(
            "lambda", "create-function", "--function-name", name, "--runtime", "python3.11", "--handler", "f.run",
            "--role", f"arn:aws:iam::{ACCOUNT}:role/runner", "--zip-file", f"fileb://{tmp_path / 'f.zip'}",
        )  # fmt: skip
    for name in ("orders", "other"):
        aws(
            "dynamodb", "create-table", "--table-name", name, "--key-schema", "AttributeName=k,KeyType=HASH",
            "--attribute-definitions", "AttributeName=k,AttributeType=S", "--billing-mode", "PAY_PER_REQUEST",
        )  # fmt: skip
    topic = json.loads(aws("sns", "create-topic", "--name", "news").stdout)["TopicArn"]
    sqs = ("--endpoint-url", running.endpoint, "sqs")  # without it this client goes to the Internet
    queues = [json.loads(aws(*sqs, "create-queue", "--queue-name", name).stdout)["QueueUrl"] for name in ("jobs", "jobs-2")]

    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f1"
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders"
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"
    selectors = [
        {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
        fields("AWS::Lambda::Function", **{"resources.ARN": {"Equals": [function]}}),
        fields("AWS::DynamoDB::Table", readOnly={"Equals": ["false"]}, **{"resources.ARN": {"StartsWith": [table]}}),
        fields("AWS::SNS::Topic"),
        fields("AWS::SQS::Queue", eventName={"NotEquals": ["ReceiveMessage"]}, **{"resources.ARN": {"EndsWith": [":jobs"]}}),
    ]
    path = tmp_path / "selectors.json"
    path.write_text(json.dumps(selectors))
    bucket = trail(running, "advanced", "--advanced-event-selectors", f"file://{path}")
    assert json.loads(aws("cloudtrail", "get-event-selectors", "--trail-name", "advanced").stdout)["AdvancedEventSelectors"] == selectors

    for name in ("f1", "f2"):
        aws("lambda", "invoke", "--function-name", name, str(tmp_path / "out"), check=False)
    for name in ("orders", "other"):
        aws("dynamodb", "put-item", "--table-name", name, "--item", '{"k":{"S":"1"}}')
        aws("dynamodb", "get-item", "--table-name", name, "--key", '{"k":{"S":"1"}}')
    aws("dynamodb", "batch-write-item", "--request-items", '{"orders":[{"PutRequest":{"Item":{"k":{"S":"2"}}}}]}')
    aws("sns", "publish", "--topic-arn", topic, "--message", "hello")
    for url in queues:
        aws(*sqs, "send-message", "--queue-url", url, "--message-body", "hello")
        aws(*sqs, "receive-message", "--queue-url", url)

    wanted = {
        ("Invoke", function),
        ("PutItem", table),
        ("BatchWriteItem", table),
        ("Publish", topic),
        ("SendMessage", queue),
    }
    aws(*sqs, "send-message", "--queue-url", queues[0], "--message-body", "the last call")
    wait_for(lambda: sum(record["eventName"] == "SendMessage" for record in data_events(running, bucket)) == 2)
    assert objects_of(data_events(running, bucket)) == wanted


def test_the_log_bucket_never_loops(running: RunningOpenTrail, tmp_path: Path) -> None:
    every = '[{"IncludeManagementEvents":false,"DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]'
    bucket = trail(running, "loop", "--event-selectors", every)
    (tmp_path / "a").write_text("abc")
    running.aws("s3api", "put-object", "--bucket", "work", "--key", "docs/loop", "--body", str(tmp_path / "a"))
    wait_for(lambda: files(running, bucket))

    def digests() -> int:
        return len(list((running.data / "buckets" / bucket).rglob("*_CloudTrail-Digest_*.json.gz")))

    def pass_digests(number: int) -> None:
        wanted = digests() + number
        wait_for(lambda: digests() >= wanted)

    pass_digests(1)
    before = len(files(running, bucket))
    pass_digests(3)  # each lies several delivery intervals behind the one before
    assert len(files(running, bucket)) == before, "a delivery caused a delivery"
    # The next file tells of the deliveries, of log files and digests.
    running.aws("s3api", "put-object", "--bucket", "work", "--key", "docs/loop", "--body", str(tmp_path / "a"))

    def own() -> list[dict[str, Any]]:
        told = [record for record in data_events(running, bucket) if record["userIdentity"]["type"] == "AWSService"]
        return [record for record in told if record["requestParameters"]["bucketName"] == bucket]

    kinds = ("/CloudTrail/", "/CloudTrail-Digest/")
    told = wait_for(lambda: own() if {kind for kind in kinds if kind in str(own())} == set(kinds) else None)
    assert {record["userIdentity"]["invokedBy"] for record in told} == {"cloudtrail.amazonaws.com"}
    assert all(record["sharedEventID"] and record["recipientAccountId"] == ACCOUNT for record in told)
    running.aws("cloudtrail", "stop-logging", "--name", "loop")


def test_two_accounts_share_a_bucket_and_both_see_the_call(running: RunningOpenTrail, tmp_path: Path) -> None:
    database = Database.at(running.data / "state.db")
    guest = Identities(database, running.data / "keys", SystemClock(), account_id=ACCOUNT).ensure_root(OTHER)
    database.close()
    key = (guest.access_key_id, guest.secret_access_key)
    running.aws("s3api", "create-bucket", "--bucket", "shared")
    running.aws("s3api", "delete-public-access-block", "--bucket", "shared")
    statement = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::shared/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    running.aws("s3api", "put-bucket-policy", "--bucket", "shared", "--policy", policy)
    owners = '[{"DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3:::shared/"]}]}]'
    guests = '[{"DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]'
    buckets = (
        trail(running, "guests", "--event-selectors", guests, key=key, account=OTHER),
        trail(running, "owners", "--event-selectors", owners),
    )

    (tmp_path / "a").write_text("abc")
    running.aws("s3api", "put-object", "--bucket", "shared", "--key", "a", "--body", str(tmp_path / "a"), key=key)
    refused = running.aws("s3api", "get-object", "--bucket", "shared", "--key", "a", str(tmp_path / "b"), key=key, check=False)
    assert "AccessDenied" in refused.stderr

    def seen(name: str) -> list[dict[str, Any]]:
        records = [record for bucket in buckets for record in data_events(running, bucket) if record["eventName"] == name]
        return [record for record in records if record["requestParameters"]["bucketName"] == "shared"]

    wait_for(lambda: len(seen("PutObject")) == len(seen("GetObject")) == 2)
    for name, told in (("PutObject", ACCOUNT), ("GetObject", "")):
        callers, owner = seen(name)
        assert callers["sharedEventID"] == owner["sharedEventID"]
        assert callers["eventID"] != owner["eventID"]
        assert (callers["recipientAccountId"], owner["recipientAccountId"]) == (OTHER, ACCOUNT)
        assert callers["userIdentity"]["type"] == "Root"
        assert owner["userIdentity"] == {"type": "AWSAccount", "principalId": OTHER, "accountId": OTHER}
        assert (callers["resources"][1]["accountId"], owner["resources"][1]["accountId"]) == (told, ACCOUNT)


def test_what_was_selected_is_known_after_a_restart(running: RunningOpenTrail, tmp_path: Path) -> None:
    bucket = trail(running, "later", "--event-selectors", PHOTOS)
    running.stop()
    running.start()
    (tmp_path / "a").write_text("abc")
    running.aws("s3api", "put-object", "--bucket", "work", "--key", "photos/again", "--body", str(tmp_path / "a"))
    wait_for(lambda: ("PutObject", "arn:aws:s3:::work/photos/again") in objects_of(data_events(running, bucket)))
