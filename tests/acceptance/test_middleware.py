"""Real applications, their real servers, a real OpenTrail: who did what, with which result; nothing lost, nothing twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from simulators.ports import free_port
from simulators.running import RunningOpenTrail, wait_for

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
STARLETTE = ("uvicorn", "starlette_orders:app", "--no-access-log", "--log-level", "warning", "--host", "127.0.0.1", "--port")
FLASK = ("flask", "--app", "flask_orders", "run", "--port")


class Application:
    """An application in a process group of its own, and a client of it. A restart listens where the first start did."""

    def __init__(self, trail: RunningOpenTrail, folder: Path, command: Sequence[str]) -> None:
        self.spool = folder / "audit-spool"
        self.log = folder / "application.log"
        self._command = command
        self._trail = trail
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = self._trail.environment() | {"OPENTRAIL_AUDIT_SPOOL": str(self.spool), "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self._command, str(self.port)],
                env=environment,
                cwd=EXAMPLES,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self.is_up)

    def is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.ask("/health") == 200
        except OSError:
            return False

    def ask(self, path: str, method: str = "GET", user: str | None = None) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        request.add_header("user-agent", "story/1")
        if user is not None:
            request.add_header("x-user", user)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.process.wait(60)


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[RunningOpenTrail]:
    running = RunningOpenTrail(tmp_path)
    yield running.start()
    running.stop()


@contextlib.contextmanager
def application(trail: RunningOpenTrail, folder: Path, command: Sequence[str]) -> Iterator[Application]:
    made = Application(trail, folder, command)
    made.start()
    try:
        yield made
    finally:
        made.stop(signal.SIGKILL)


def events(trail: RunningOpenTrail, *words: str) -> list[dict[str, Any]]:
    """What `opentrail lookup` finds, oldest first."""
    found = trail.opentrail("lookup", *words, "--category", "ActivityAuditLog", "--most", "100000", "--json").stdout
    return [] if found.startswith("No events") else list(reversed(json.loads(found)))


def settled(trail: RunningOpenTrail, count: int, *words: str) -> list[dict[str, Any]]:
    """The events, when at least `count` are there."""
    return wait_for(lambda: found if len(found := events(trail, *words)) >= count else None, patience=120, pause=0.5)  # type: ignore[no-any-return]


def facts(event: dict[str, Any]) -> tuple[Any, ...]:
    data = event["eventData"]
    return (
        data["userIdentity"]["principalId"],
        data["eventName"],
        data["requestParameters"]["resource"],
        data.get("responseElements", {}).get("statusCode"),
        data.get("errorCode"),
    )


def test_what_a_starlette_application_was_asked_is_found(opentrail: RunningOpenTrail, tmp_path: Path) -> None:
    with application(opentrail, tmp_path, STARLETTE) as app:
        assert app.ask("/orders/17?view=full&token=swordfish", user="ana") == 200
        assert app.ask("/orders/1001", user="ben") == 404
        assert app.ask("/admin/orders/17/refund", method="POST", user="ana") == 200
        assert app.ask("/admin/orders/17/refund", method="POST") == 401
        assert app.ask("/broken") == 500
        assert app.ask("/nothing") == 404
        found = settled(opentrail, 6, "EventSource=orders.example.com")
        app.stop()
    assert sorted(map(facts, found), key=str) == sorted(
        [
            ("ana", "GET /orders/{id}", "/orders/17", 200, None),
            ("ben", "GET /orders/{id}", "/orders/1001", 404, "NotFound"),
            ("ana", "POST /admin/orders/{id}/refund", "/admin/orders/17/refund", 200, None),
            ("anonymous", "POST /admin/orders/{id}/refund", "/admin/orders/17/refund", 401, "Unauthorized"),
            ("anonymous", "GET /broken", "/broken", None, "RuntimeError"),
            ("anonymous", "GET (no route)", "/nothing", 404, "NotFound"),
        ],
        key=str,
    )
    whole = next(event for event in found if event["eventData"]["userIdentity"]["principalId"] == "ana")
    data = whole["eventData"]
    assert (data["sourceIPAddress"], data["userAgent"], data["eventSource"]) == ("127.0.0.1", "story/1", "orders.example.com")
    assert data["requestParameters"]["query"] == {"view": "full"}
    assert whole["metadata"]["channelARN"] == "arn:aws:cloudtrail:us-east-1:123456789012:channel/00000000-0000-4000-8000-000000000001"
    assert "swordfish" not in json.dumps(found)
    assert [facts(event)[0] for event in events(opentrail, "Username=ben")] == ["ben"]
    assert "/orders/17" in {facts(event)[2] for event in events(opentrail, "ResourceName=/orders/17")}
    assert {facts(event)[1] for event in events(opentrail, "EventName=GET /orders/{id}")} == {"GET /orders/{id}"}
    management = opentrail.client("cloudtrail").lookup_events()["Events"]
    assert not [event for event in management if "orders.example.com" in event["CloudTrailEvent"]]
    table = opentrail.opentrail("lookup", "--category", "ActivityAuditLog").stdout
    assert "GET /orders/{id}" in table


def test_what_a_flask_application_was_asked_is_found(opentrail: RunningOpenTrail, tmp_path: Path) -> None:
    with application(opentrail, tmp_path, FLASK) as app:
        assert app.ask("/orders/17?token=swordfish", user="ana") == 200
        assert app.ask("/orders/1001") == 404
        assert app.ask("/orders/export", user="ben") == 200
        found = settled(opentrail, 3, "EventSource=flask.example.com")
    assert sorted(map(facts, found), key=str) == [
        ("ana", "GET /orders/{number}", "/orders/17", 200, None),
        ("anonymous", "GET /orders/{number}", "/orders/1001", 404, "NotFound"),
        ("ben", "GET /orders/export", "/orders/export", 200, None),
    ]
    assert "swordfish" not in json.dumps(found)


def test_opentrail_and_the_application_are_killed_and_nothing_is_lost_or_twice(trail: RunningOpenTrail, tmp_path: Path) -> None:
    """Requests go on all the while; OpenTrail is killed and started anew, the application is killed while OpenTrail is away."""
    asked = 0

    def ask(count: int) -> None:
        nonlocal asked
        for _ in range(count):
            assert app.ask(f"/orders/{asked % 1000}?view={asked}", user="ana") == 200
            asked += 1

    with application(trail, tmp_path, STARLETTE) as app:
        ask(150)
        trail.kill()
        ask(150)
        wait_for(lambda: list(app.spool.glob("*/*/*.events")))
        trail.start()
        ask(50)
        settled(trail, asked)
        trail.kill()
        ask(100)
        # what waits in memory for a second at the most would be gone with the process: let it reach the disk
        wait_for(lambda: _lines(app.spool) >= 100)
        app.stop(signal.SIGKILL)
        app.start()
        ask(20)
        trail.start()
        found = settled(trail, asked)
        app.stop()
    assert not list(app.spool.glob("*/*/*.events"))
    views = [event["eventData"]["requestParameters"]["query"]["view"] for event in events(trail)]
    assert len(found) == asked
    assert sorted(views, key=int) == [str(number) for number in range(asked)]


def _lines(spool: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in spool.glob("*/*/*.events"))


def test_the_last_events_leave_before_the_application_does(opentrail: RunningOpenTrail, tmp_path: Path) -> None:
    with application(opentrail, tmp_path, STARLETTE) as app:
        for number in range(30):
            app.ask(f"/orders/{number}", user="last")
        app.stop()
    assert len(settled(opentrail, 30, "Username=last")) == 30
    assert not list(app.spool.glob("*/*"))


def test_an_answer_that_is_lost_makes_no_second_event(trail: RunningOpenTrail) -> None:
    """Any client of AWS, over a restart of OpenTrail: the memory of what was taken in outlives it."""
    entries = [
        {
            "id": f"id-{number}",
            "eventData": json.dumps(
                {
                    "version": "1",
                    "userIdentity": {"type": "User", "principalId": "ana"},
                    "eventSource": "boto3.example.com",
                    "eventName": "Story",
                    "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    "UID": f"uid-{number}",
                    "recipientAccountId": "123456789012",
                }
            ),
        }
        for number in range(50)
    ]
    channel = "arn:aws:cloudtrail:us-east-1:123456789012:channel/00000000-0000-4000-8000-000000000001"
    first = trail.client("cloudtrail-data").put_audit_events(channelArn=channel, auditEvents=entries)
    assert first["failed"] == []
    trail.kill()
    trail.start()
    second = trail.client("cloudtrail-data").put_audit_events(channelArn=channel, auditEvents=entries[25:])
    assert second["successful"] == first["successful"][25:]
    assert len(events(trail, "EventSource=boto3.example.com")) == 50


def test_the_aws_command_line_puts_events_too(opentrail: RunningOpenTrail) -> None:
    data = {
        "version": "1",
        "userIdentity": {"type": "User", "principalId": "ana"},
        "eventSource": "cli.example.com",
        "eventName": "Story",
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "UID": "uid-1",
        "recipientAccountId": "123456789012",
    }
    put = ("cloudtrail-data", "put-audit-events", "--channel-arn", "arn:aws:cloudtrail:us-east-1:123456789012:channel/")
    entry = json.dumps([{"id": "id-1", "eventData": json.dumps(data)}])
    refused = opentrail.aws(*put[:3], put[3] + "11111111-1111-4111-8111-111111111111", "--audit-events", entry, check=False)
    assert "(ChannelNotFound)" in refused.stderr
    answer = json.loads(opentrail.aws(*put[:3], put[3] + "00000000-0000-4000-8000-000000000001", "--audit-events", entry).stdout)
    (event,) = events(opentrail, "EventSource=cli.example.com")
    assert answer == {"successful": [{"id": "id-1", "eventID": event["eventID"]}], "failed": []}


def test_any_program_can_be_recorded(trail: RunningOpenTrail, tmp_path: Path) -> None:
    program = [sys.executable, str(EXAMPLES / "plain_client.py")]
    environment = trail.environment() | {"OPENTRAIL_AUDIT_SPOOL": str(tmp_path / "spool")}
    told = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout == "2 events sent\n"
    assert [facts(event)[:3] for event in events(trail)] == [
        ("nightly-job", "ArchiveOrder", "order/17"),
        ("nightly-job", "ArchiveOrder", "order/18"),
    ]
    trail.kill()
    told = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout == "OpenTrail is away: the events wait in the spool\n"
    trail.start()
    told = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout == "4 events sent\n"
    assert len(events(trail)) == 6


def test_a_policy_that_is_missing_is_waited_for(opentrail: RunningOpenTrail, tmp_path: Path) -> None:
    """Keys without the permission: the events wait on disk until somebody grants it."""
    iam = opentrail.client("iam")
    iam.create_user(UserName="app")
    key = iam.create_access_key(UserName="app")["AccessKey"]
    program = [sys.executable, str(EXAMPLES / "plain_client.py")]
    environment = opentrail.environment((key["AccessKeyId"], key["SecretAccessKey"])) | {"OPENTRAIL_AUDIT_SPOOL": str(tmp_path / "spool")}
    told = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert "wait in the spool" in told.stdout
    assert "AccessDenied" in told.stderr
    statement = {"Effect": "Allow", "Action": "cloudtrail-data:PutAuditEvents", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="app", PolicyName="put", PolicyDocument=policy)
    told = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout == "4 events sent\n"
