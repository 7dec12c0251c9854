"""`lake.engine`: the very same queries on Spark, on a cluster of OpenTrail's own and on a Spark Connect server that is given.

Needs Java and the extra `spark`; says so where they are not there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from opentrail.lake.engines.local_cluster import LocalCluster
from opentrail.lake.queries.confinement import die_with_parent
from simulators import spark_cluster
from simulators.running import RunningOpenTrail, wait_for

pytestmark = [pytest.mark.skipif(spark_cluster.missing() != "", reason=spark_cluster.missing()), pytest.mark.timeout(1200)]

ENDED = ("FINISHED", "FAILED", "CANCELLED", "TIMED_OUT")
PATIENCE = 500.0


def store_of(opentrail: RunningOpenTrail) -> str:
    """The id of a store with 12 failed and 5 other calls."""
    made = opentrail.client("cloudtrail").create_event_data_store(Name="on-spark", TerminationProtectionEnabled=False)
    iam, sts = opentrail.client("iam"), opentrail.client("sts")
    for number in range(12):
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            iam.get_user(UserName=f"nobody-{number}")
    for _ in range(5):
        sts.get_caller_identity()
    arn: str = made["EventDataStoreArn"]
    return arn.rpartition("/")[2]


def ended(client: Any, query_id: str) -> Any:
    def look() -> Any:
        described = client.describe_query(QueryId=query_id)
        return described if described["QueryStatus"] in ENDED else None

    return wait_for(look, patience=PATIENCE)


def rows(client: Any, query_id: str) -> list[list[str | None]]:
    found = client.get_query_results(QueryId=query_id)["QueryResultRows"]
    return [[value for cell in row for value in cell.values()] for row in found]


@pytest.fixture(scope="module")
def connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A Spark Connect server that belongs to somebody else."""
    folder = tmp_path_factory.mktemp("connect")
    cluster, stop = (
        LocalCluster(folder / "spark", folder / "log", cores=2, memory=1 << 30, die_with_parent=die_with_parent),
        threading.Event(),
    )
    # The thread that starts a process is the parent that it ends with.
    thread = threading.Thread(target=cluster.run, args=(stop,))
    thread.start()
    yield cluster
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory, connect: LocalCluster) -> Iterator[RunningOpenTrail]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in connect.environment.items():
            patch.setenv(name, value)
        running = RunningOpenTrail(tmp_path_factory.mktemp("engine"), settings={"lake.engine": connect.remote, "lake.commit_interval": 2})
        running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def store(opentrail: RunningOpenTrail) -> str:
    return store_of(opentrail)


def test_events_are_counted_on_a_spark_connect_server(opentrail: RunningOpenTrail, store: str) -> None:
    client = opentrail.client("cloudtrail")
    statement = f"""SELECT eventName, count(*) AS calls, min(element_at(requestParameters, 'userName')), date_format(max(eventTime), '%Y')
        FROM {store} WHERE eventName IN ('GetUser', 'GetCallerIdentity') GROUP BY eventName ORDER BY calls DESC"""
    query_id = client.start_query(QueryStatement=statement)["QueryId"]
    described = ended(client, query_id)
    assert described["QueryStatus"] == "FINISHED", described
    year = described["QueryStatistics"]["CreationTime"].strftime("%Y")
    assert rows(client, query_id) == [["GetUser", "12", "nobody-0", year], ["GetCallerIdentity", "5", None, year]]
    statistics = described["QueryStatistics"]
    assert statistics["EventsMatched"] == 17
    assert statistics["EventsScanned"] >= 17
    assert statistics["BytesScanned"] > 0
    assert not list((opentrail.data / "lake" / "results").glob("*.scratch"))


def test_what_the_values_do_is_told_and_nothing_else(opentrail: RunningOpenTrail, store: str) -> None:
    client = opentrail.client("cloudtrail")
    described = ended(client, client.start_query(QueryStatement=f"SELECT 1 / (length(eventID) - 36) FROM {store}")["QueryId"])
    assert (described["QueryStatus"], described["ErrorMessage"]) == ("FAILED", "Division by zero")
    with pytest.raises(client.exceptions.InvalidQueryStatementException):
        client.start_query(QueryStatement=f"SELECT * FROM {store} JOIN parquet.`/etc/passwd` ON true")


def test_a_cancelled_query_stops_on_the_server(opentrail: RunningOpenTrail, store: str, connect: LocalCluster) -> None:
    client = opentrail.client("cloudtrail")
    names = "abcdefghijkl"  # Spark's tasks look at a cancellation between rows, and one row of this many takes longer than any test
    joined = " CROSS JOIN ".join(f"{store} {name}" for name in names)
    lengths = " + ".join(f"length({name}.eventID)" for name in names)
    query_id = client.start_query(QueryStatement=f"SELECT max({lengths}) FROM {joined} WHERE {lengths} % 7 = 5")["QueryId"]
    wait_for(lambda: client.describe_query(QueryId=query_id)["QueryStatus"] == "RUNNING", patience=PATIENCE)
    before = spent(executors())
    wait_for(lambda: spent(executors()) - before > 1.0, patience=PATIENCE)  # it computes
    client.cancel_query(QueryId=query_id)
    assert client.describe_query(QueryId=query_id)["QueryStatus"] == "CANCELLED"

    def idle() -> bool:
        there = executors()
        begun = spent(there)
        threading.Event().wait(1.0)
        return executors() == there and spent(there) - begun < 0.5

    wait_for(idle, patience=PATIENCE)


def executors() -> list[psutil.Process]:
    """Spark's executors below this test."""
    found = []
    for child in psutil.Process(os.getpid()).children(recursive=True):
        try:
            if any("CoarseGrainedExecutorBackend" in word for word in child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def spent(processes: list[psutil.Process]) -> float:
    """Processor seconds so far of those that are still there."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def test_a_cluster_of_its_own(tmp_path: Path) -> None:
    with RunningOpenTrail(tmp_path, settings={"lake.engine": "local-cluster", "lake.query_memory": 512 << 20}) as opentrail:
        client = opentrail.client("cloudtrail")
        query_id = client.start_query(
            QueryStatement=f"SELECT count(*) FROM {store_of(opentrail)} WHERE errorCode = 'NoSuchEntityException'"
        )["QueryId"]
        described = ended(client, query_id)
        assert described["QueryStatus"] == "FINISHED", (described, (opentrail.data / "logs" / "spark.log").read_text()[-4000:])
        assert rows(client, query_id) == [["12"]]
        assert opentrail.process is not None
        family = psutil.Process(opentrail.process.pid).children(recursive=True)
        listening = [one.laddr.ip for process in family for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        assert all(address in ("127.0.0.1", "::ffff:127.0.0.1", "::1") for address in listening), listening
    _, alive = psutil.wait_procs(family, timeout=90)
    assert alive == []
