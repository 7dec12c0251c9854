"""The doors that the watch gives to event rules: HTTP with any method, addresses that nothing is sent to, channels that nobody has set."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from opentrail.messaging.topics.notifier import Notifier, Ways
from opentrail.server.watching.rules import OwnChat, OwnWeb
from opentrail.wire.faults import Fault


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    got: list[tuple[str, str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            got.append((self.command, self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", got
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_any_method_is_sent(server: tuple[str, list[tuple[str, str, bytes]]]) -> None:
    url, got = server
    assert OwnWeb().send(method="PUT", url=f"{url}/in?x=1", headers={"X-Key": "k"}, body=b"{}", timeout=30) == 202
    assert got == [("PUT", "/in?x=1", b"{}")]


def test_nothing_is_sent_to_where_clouds_hand_out_credentials() -> None:
    with pytest.raises(Fault) as refused:
        OwnWeb().send(method="GET", url="http://169.254.169.254/latest", headers={}, body=b"", timeout=30)
    assert refused.value.code == "AccessDenied"


def test_a_channel_that_nobody_has_set_is_a_fault() -> None:
    with pytest.raises(Fault) as refused:
        OwnChat(Notifier(Ways())).send(channel="ops", title="t", body="b")
    assert refused.value.code == "ResourceNotFoundException"


def test_a_channel_that_is_set_gets_the_message() -> None:
    sent: list[tuple[str, str, str]] = []

    def send(url: str, title: str, body: str) -> bool:
        sent.append((url, title, body))
        return True

    OwnChat(Notifier(Ways(chat={"ops": "slack://x"}), send)).send(channel="ops", title="t", body="b")
    assert sent == [("slack://x", "t", "b")]


def test_the_watch_loads_no_engine() -> None:
    code = "import sys, opentrail.server.watch; print([name for name in ('pyarrow', 'pyiceberg', 'duckdb') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
