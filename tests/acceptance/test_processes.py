"""The processes of a server: a dead one comes back, none outlives its supervisor, and what is under way is answered before the end."""

from __future__ import annotations

import json
import signal
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from simulators.running import RunningOpenTrail, wait_for

STOPS_WITHIN = 90.0
"""Seconds after which a server that still runs has been hung up on, whatever else the machine does."""


def _calls(opentrail: RunningOpenTrail) -> str | None:
    try:
        found: str = opentrail.client("sts").get_caller_identity()["ResponseMetadata"]["RequestId"]
        return found
    except (BotoCoreError, ClientError):
        return None


def _ids(opentrail: RunningOpenTrail) -> set[str]:
    pages = opentrail.client("cloudtrail").get_paginator("lookup_events").paginate()
    return {json.loads(event["CloudTrailEvent"])["requestID"] for page in pages for event in page["Events"]}


def test_a_front_that_is_killed_comes_back(tmp_path: Path) -> None:
    with RunningOpenTrail(tmp_path) as opentrail:
        first = _calls(opentrail)
        front = opentrail.role("front")
        assert front is not None
        front.kill()
        second = wait_for(lambda: _calls(opentrail))
        assert {first, second} <= _ids(opentrail)


def test_followers_that_are_killed_come_back_and_nobody_gets_a_wrong_answer(tmp_path: Path) -> None:
    with RunningOpenTrail(tmp_path) as opentrail:
        called = {_calls(opentrail) for _ in range(5)}
        followers = opentrail.role("followers")
        assert followers is not None
        followers.kill()
        called.add(_calls(opentrail))  # calls need no followers

        def looked_up() -> set[str] | None:
            try:
                return _ids(opentrail)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:  # it says so rather than tell half of it
                    raise
                return None

        assert called <= wait_for(looked_up)
        assert opentrail.health()["status"] == "ok"


def test_history_is_waited_for_while_the_followers_are_not_up(tmp_path: Path) -> None:
    with RunningOpenTrail(tmp_path) as opentrail:
        called = _calls(opentrail)
        followers = opentrail.role("followers")
        assert followers is not None
        followers.suspend()
        answers: list[Any] = []
        asking = threading.Thread(target=lambda: answers.append(_ids(opentrail)))
        asking.start()
        wait_for(lambda: _calls(opentrail))
        assert answers == []
        followers.resume()
        asking.join(90)
        assert called in answers[0]


def test_no_child_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    opentrail = RunningOpenTrail(tmp_path, afresh=True)
    opentrail.start()
    try:
        assert opentrail.process is not None
        children = psutil.Process(opentrail.process.pid).children()
        assert len(children) == 4
        opentrail.process.kill()
        opentrail.process.wait()
        _, alive = psutil.wait_procs(children, timeout=90)
        assert alive == []
        opentrail.start()  # nobody holds the data folder any more
        assert _calls(opentrail)
    finally:
        opentrail.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_what_is_under_way_is_answered_before_the_end(tmp_path: Path, number: int) -> None:
    with RunningOpenTrail(tmp_path, afresh=True) as opentrail:
        followers = opentrail.role("followers")
        assert followers is not None
        assert opentrail.process is not None
        acknowledged: list[str] = []
        cut_off: list[BaseException] = []
        stop = threading.Event()

        def work() -> None:
            client = opentrail.client("sts")
            while not stop.is_set():
                try:
                    acknowledged.append(client.get_caller_identity()["ResponseMetadata"]["RequestId"])
                except BaseException as error:
                    cut_off.append(error)
                    return

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        wait_for(lambda: len(acknowledged) > 20)
        # Some who say nothing, and one in the middle of a request: they do not keep the server from ending.
        parts = urlsplit(opentrail.endpoint)
        idle = [socket.create_connection((parts.hostname or "", parts.port or 0)) for _ in range(3)]
        idle[0].sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
        opentrail.process.send_signal(number)
        assert opentrail.process.wait(STOPS_WITHIN) == 0
        stop.set()
        for worker in workers:
            worker.join()
        for connection in idle:
            connection.close()
        opentrail.start()
        assert set(acknowledged) <= _ids(opentrail)
        assert "Traceback" not in opentrail.log.read_text()
