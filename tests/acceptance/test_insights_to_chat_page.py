"""docs/how-to/insights-to-chat.md, walked block by block in a shell; after a week of calls and a burst the channel hears a sentence."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from simulators.call_history import ACCOUNT, call, fill, times
from simulators.running import BIN, RunningOpenTrail, wait_for

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "insights-to-chat.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer"
DAY = 86_400.0


class _Channel(BaseHTTPRequestHandler):
    """A chat service that keeps what it is sent, as apprise's `json://` sends it."""

    told: list[dict[str, str]]

    def do_POST(self) -> None:
        self.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *_: object) -> None:
        pass


@pytest.fixture
def channel() -> Iterator[str]:
    _Channel.told = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Channel)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.timeout(900)
def test_the_channel_hears_a_sentence(tmp_path: Path, channel: str) -> None:
    notify = tmp_path / "notify.toml"
    notify.write_text(f'[chat]\nops = "{channel}"\n')
    notify.chmod(0o600)
    ruling, making, ending = BLOCK.findall(PAGE.read_text())
    with RunningOpenTrail(tmp_path, settings={"messaging.notify": notify, "messaging.notify_schemes": "json"}) as opentrail:

        def run(block: str) -> None:
            environment = opentrail.environment() | {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path)}
            script = "set -eu\n" + block.replace("opentrail env", f"opentrail env --data-dir {opentrail.data}").replace(
                "opentrail bucket create", f"opentrail bucket create --data-dir {opentrail.data}"
            )
            done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
            assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
            assert '"FailedEntryCount": 1' not in done.stdout

        run(ruling)
        run(making)
        opentrail.stop()
        now = time.time()
        burst = now - now % 60 - 20 * 60
        calls = [call(at, "iam.amazonaws.com", "DeleteAccessKey") for at in times(burst - 7.5 * DAY, now, 0.1, seed=1)]
        role = {"type": "AssumedRole", "arn": f"{ROLE}/somebody", "accountId": ACCOUNT}
        role["sessionContext"] = {"sessionIssuer": {"type": "Role", "arn": ROLE, "accountId": ACCOUNT, "userName": "Deployer"}}  # type: ignore[assignment]
        calls += [call(at, "iam.amazonaws.com", "DeleteAccessKey", userIdentity=role) for at in times(burst, burst + 300, 60, seed=2)]
        fill(opentrail.data, calls)
        opentrail.start()
        wait_for(lambda: _Channel.told, patience=150)
        run(ending)
    (told,) = _Channel.told
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(burst))
    sentence = rf"DeleteAccessKey of iam\.amazonaws\.com: \d+(\.\d+)? a minute since {since}, usually 0\.\d+\. Most of it by {ROLE}[^ ]*\."
    assert re.fullmatch(sentence, told["message"].strip('"')), told
