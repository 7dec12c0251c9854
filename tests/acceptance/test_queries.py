"""Queries over a real store of a running OpenTrail: at once complete, bounded, cancelled, delivered and verified."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
ENDED = ("FINISHED", "FAILED", "CANCELLED", "TIMED_OUT")
PATIENCE = 120.0


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    """Queries have little memory here."""
    settings = {"lake.commit_interval": 2, "lake.query_memory": 128 << 20}
    with RunningOpenTrail(tmp_path_factory.mktemp("queries"), settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def store(opentrail: RunningOpenTrail) -> str:
    """The id of a store of management events."""
    made = opentrail.client("cloudtrail").create_event_data_store(Name="queried", TerminationProtectionEnabled=False)
    arn: str = made["EventDataStoreArn"]
    sts = opentrail.client("sts")
    for _ in range(40):
        sts.get_caller_identity()
    return arn.rpartition("/")[2]


def crossed(store: str, names: str) -> str:
    return " CROSS JOIN ".join(f"{store} {name}" for name in names)


def endless(store: str) -> str:
    """Little memory, and more steps than anybody waits for."""
    return f"""
        WITH few AS (SELECT length(eventID) AS n FROM {store} ORDER BY eventTime LIMIT 30)
        SELECT count(*) FROM few a CROSS JOIN few b CROSS JOIN few c CROSS JOIN few d CROSS JOIN few e
        WHERE cardinality(filter(sequence(1, 2000), x -> x % (a.n + b.n + c.n + d.n + e.n) = 7)) = 5000
    """


def ended(client: Any, query_id: str) -> Any:
    """The query once it has ended."""

    def look() -> Any:
        described = client.describe_query(QueryId=query_id)
        return described if described["QueryStatus"] in ENDED else None

    return wait_for(look, patience=PATIENCE)


def answer(client: Any, statement: str) -> list[list[dict[str, str | None]]]:
    """The rows of a query."""
    query_id = client.start_query(QueryStatement=statement)["QueryId"]
    described = ended(client, query_id)
    assert described["QueryStatus"] == "FINISHED", described
    rows: list[list[dict[str, str | None]]] = client.get_query_results(QueryId=query_id)["QueryResultRows"]
    return rows


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(ClientError) as raised:
        yield
    assert raised.value.response["Error"]["Code"] == code


def children(running: RunningOpenTrail, module: str) -> list[int]:
    """The processes of this OpenTrail that run `module`."""
    assert running.process is not None
    found = []
    for entry in Path("/proc").iterdir():
        try:
            ours = entry.name.isdigit() and os.getpgid(int(entry.name)) == running.process.pid
            if ours and module.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def busy(running: RunningOpenTrail) -> list[int]:
    """The processes of queries that compute: they have more than one thread."""

    def threads(process: int) -> int:
        try:
            return len(os.listdir(f"/proc/{process}/task"))
        except OSError:
            return 0

    zygote = {parent(process) for process in children(running, "opentrail.lake.queries.zygote")}
    return [process for process in children(running, "opentrail.lake.queries.zygote") if process not in zygote and threads(process) > 1]


def parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_every_call_that_was_answered_is_seen_by_the_next_query(opentrail: RunningOpenTrail, store: str) -> None:
    client, iam = opentrail.client("cloudtrail"), opentrail.client("iam")
    for number in range(20):
        iam.create_user(UserName=f"seen-{number}")
        counted = f"SELECT count(*) AS n FROM {store} WHERE eventName = 'CreateUser' AND requestParameters['userName'] LIKE 'seen-%'"
        if number % 5 == 4:
            assert answer(client, counted) == [[{"n": str(number + 1)}]]
    text = f"""
        SELECT eventName, element_at(requestParameters, 'userName') AS who, errorCode
        FROM {store} WHERE eventName = 'CreateUser' AND element_at(requestParameters, 'userName') LIKE 'seen-%'
        ORDER BY eventTime, who LIMIT 2
    """
    query_id = client.start_query(QueryStatement=text)["QueryId"]
    described = ended(client, query_id)
    assert described["QueryString"] == text
    # of the count: with ORDER BY and LIMIT the engine lets fewer rows through where it reads several files
    statistics = ended(client, client.start_query(QueryStatement=counted)["QueryId"])["QueryStatistics"]
    assert statistics["EventsScanned"] >= statistics["EventsMatched"] >= 20
    assert statistics["BytesScanned"] > 0
    page = client.get_query_results(QueryId=query_id, MaxQueryResults=1)
    assert page["QueryResultRows"] == [[{"eventName": "CreateUser"}, {"who": "seen-0"}, {"errorCode": None}]]
    assert page["QueryStatistics"]["TotalResultsCount"] == 2
    more = client.get_query_results(QueryId=query_id, MaxQueryResults=1, NextToken=page["NextToken"])
    assert more["QueryResultRows"][0][1] == {"who": "seen-1"}
    assert query_id in [query["QueryId"] for query in client.list_queries(EventDataStore=store)["Queries"]]


def test_ten_at_a_time_and_cancelling_stops_the_work(opentrail: RunningOpenTrail, store: str) -> None:
    client = opentrail.client("cloudtrail")

    def start(_: int) -> str:
        try:
            query_id: str = client.start_query(QueryStatement=endless(store))["QueryId"]
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return query_id

    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(start, range(12)))
    assert outcomes.count("MaxConcurrentQueriesException") == 2
    started = [outcome for outcome in outcomes if not outcome.endswith("Exception")]
    wait_for(lambda: busy(opentrail), patience=PATIENCE)
    described = [client.describe_query(QueryId=query_id) for query_id in started]
    assert {query["QueryStatus"] for query in described} <= {"QUEUED", "RUNNING"}, described
    for query_id in started:
        assert client.cancel_query(QueryId=query_id)["QueryStatus"] == "CANCELLED"
    for query_id in started:
        assert client.describe_query(QueryId=query_id)["QueryStatus"] == "CANCELLED"
        with refused("InactiveQueryException"):
            client.cancel_query(QueryId=query_id)
    wait_for(lambda: not busy(opentrail), patience=PATIENCE)
    assert answer(client, f"SELECT count(*) > 0 AS some FROM {store}") == [[{"some": "true"}]]


def test_a_query_without_bounds_fails_alone(opentrail: RunningOpenTrail, store: str) -> None:
    client = opentrail.client("cloudtrail")
    hungry = f"SELECT array_agg(concat(a.eventJson, b.eventJson, c.eventID, d.eventID)) FROM {crossed(store, 'abcde')}"
    query_id = client.start_query(QueryStatement=hungry)["QueryId"]
    other = client.start_query(QueryStatement=f"SELECT count(*) AS n FROM {store}")["QueryId"]
    described = ended(client, query_id)
    assert (described["QueryStatus"], described["ErrorMessage"]) == ("FAILED", "Query exhausted resources at this scale factor")
    assert ended(client, other)["QueryStatus"] == "FINISHED"


def test_a_killed_process_fails_its_query(opentrail: RunningOpenTrail, store: str) -> None:
    client = opentrail.client("cloudtrail")
    query_id = client.start_query(QueryStatement=endless(store))["QueryId"]
    for process in wait_for(lambda: busy(opentrail), patience=PATIENCE):
        os.kill(process, signal.SIGKILL)
    described = ended(client, query_id)
    assert described["QueryStatus"] == "FAILED"
    assert "ended from outside" in described["ErrorMessage"]


def test_a_killed_lake_fails_its_queries_and_goes_on(opentrail: RunningOpenTrail, store: str) -> None:
    client = opentrail.client("cloudtrail")
    query_id = client.start_query(QueryStatement=endless(store))["QueryId"]
    working = wait_for(lambda: busy(opentrail), patience=PATIENCE)
    lake = opentrail.role("lake")
    assert lake is not None
    lake.kill()
    described = ended(client, query_id)
    assert described["QueryStatus"] == "FAILED"
    assert "Run it again" in described["ErrorMessage"]
    wait_for(lambda: not any(Path(f"/proc/{process}").exists() for process in working), patience=PATIENCE)

    def again() -> Any:
        try:
            return answer(client, f"SELECT count(*) > 0 AS some FROM {store}")
        except ClientError:  # the lake is starting
            return None

    assert wait_for(again, patience=PATIENCE) == [[{"some": "true"}]]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELEC 1", r"line 1:1: 'SELEC' does not begin a query"),
        ("SELECT 1 FRM x", r"line 1:\d+: "),
        ("SELECT 1", "reads no event data store"),
    ],
)
def test_a_statement_without_a_store_is_refused_for_what_is_wrong_with_it(
    opentrail: RunningOpenTrail, statement: str, message: str
) -> None:
    with pytest.raises(ClientError, match=rf"InvalidQueryStatementException.*{message}"):
        opentrail.client("cloudtrail").start_query(QueryStatement=statement)


def test_results_in_a_bucket_are_verified(opentrail: RunningOpenTrail, store: str) -> None:
    client, s3 = opentrail.client("cloudtrail"), opentrail.client("s3")
    uri = "s3://query-results/of/mine"
    text = f"SELECT eventID, eventName, errorCode FROM {store} ORDER BY eventTime LIMIT 30"
    with refused("S3BucketDoesNotExistException"):
        client.start_query(QueryStatement=text, DeliveryS3Uri=uri)
    s3.create_bucket(Bucket="query-results")
    with refused("InsufficientS3BucketPolicyException"):
        client.start_query(QueryStatement=text, DeliveryS3Uri=uri)
    source = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:eventdatastore/*"}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:PutObject*", "s3:Abort*", "s3:GetBucketAcl"],
        "Resource": ["arn:aws:s3:::query-results", "arn:aws:s3:::query-results/*"],
        "Condition": {"StringLike": source},
    }
    s3.put_bucket_policy(Bucket="query-results", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    query_id = client.start_query(QueryStatement=text, DeliveryS3Uri=uri)["QueryId"]
    ended(client, query_id)
    wait_for(lambda: client.describe_query(QueryId=query_id)["DeliveryStatus"] == "SUCCESS", patience=PATIENCE)

    day = client.describe_query(QueryId=query_id)["QueryStatistics"]["CreationTime"].astimezone(UTC)
    folder = f"of/mine/AWSLogs/{ACCOUNT}/CloudTrail-Lake/Query/{day:%Y/%m/%d}/{query_id}/"
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="query-results")["Contents"]]
    assert keys == [folder + "result_1.csv.gz", folder + "result_sign.json"]
    packed, signed = (s3.get_object(Bucket="query-results", Key=key)["Body"].read() for key in keys)
    rows = list(csv.reader(io.StringIO(gzip.decompress(packed).decode())))
    shown = client.get_query_results(QueryId=query_id)["QueryResultRows"]
    assert rows[0] == ["eventID", "eventName", "errorCode"]
    assert rows[1:] == [[value or "" for column in row for value in column.values()] for row in shown]

    document = json.loads(signed)
    assert [file["fileHashValue"] for file in document["files"]] == [hashlib.sha256(packed).hexdigest()]
    completed = datetime.strptime(document["queryCompleteTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    found = client.list_public_keys(StartTime=completed, EndTime=completed)["PublicKeyList"]
    (value,) = (key["Value"] for key in found if key["Fingerprint"] == document["publicKeyFingerprint"])
    public = serialization.load_der_public_key(value)
    assert isinstance(public, rsa.RSAPublicKey)
    message = " ".join(file["fileHashValue"] for file in document["files"]).encode()
    public.verify(bytes.fromhex(document["hashSignature"]), message, padding.PKCS1v15(), hashes.SHA256())
