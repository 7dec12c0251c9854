"""docs/how-to/watch-sign-ins.md, walked block by block in a shell: a webhook hears both sentences and the alarm."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from simulators.running import BIN, RunningOpenTrail, wait_for

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "watch-sign-ins.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class _Hook(BaseHTTPRequestHandler):
    """Confirms its subscription and keeps what it is told."""

    confirmed: threading.Event
    told: list[str]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
        if body["Type"] == "SubscriptionConfirmation":
            urllib.request.urlopen(body["SubscribeURL"], timeout=90).close()
            self.confirmed.set()
        else:
            self.told.append(body["Message"])

    def log_message(self, format: str, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    _Hook.confirmed, _Hook.told = threading.Event(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/sign-ins"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.timeout(900)
def test_sentences_and_the_alarm_arrive(tmp_path: Path, hook: str) -> None:
    page = PAGE.read_text().replace(
        "--protocol https --notification-endpoint https://hooks.example.com/sign-ins", f"--protocol http --notification-endpoint {hook}"
    )
    assert hook in page
    *setting_up, trying = BLOCK.findall(page.replace("--period 300", "--period 10"))
    assert len(setting_up) == 4
    with RunningOpenTrail(tmp_path) as opentrail:
        environment = opentrail.environment() | {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path)}

        def run(*blocks: str) -> None:
            script = "set -eu\n" + "\n".join(blocks)
            done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
            assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
            assert '"FailedEntryCount": 1' not in done.stdout

        run(*setting_up)
        assert _Hook.confirmed.wait(90)
        run(trying)
        wait_for(lambda: any("FailedSignIns" in one for one in _Hook.told) and sum("Console sign-in" in one for one in _Hook.told) == 2)
    sentences = sorted(one.strip('"').partition(": ")[2] for one in _Hook.told if "Console sign-in" in one)
    assert sentences == ["Failure, MFA No.", "Success, MFA No."]
    assert all("Console sign-in of ana from 127.0.0.1 at " in one for one in _Hook.told if "Console sign-in" in one)
    (alarm,) = [json.loads(one) for one in _Hook.told if one.startswith("{") and json.loads(one)["NewStateValue"] == "ALARM"]
    assert alarm["AlarmName"] == "failed-sign-ins"
