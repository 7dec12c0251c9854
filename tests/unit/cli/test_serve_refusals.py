"""What `opentrail serve` refuses, in one line and before anything is started."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from simulators import forks
from simulators.running import PROGRAM

CASES = [
    (["--upstream", "nonsense"], "write it as SERVICE=URL"),
    (["--upstream", "coffee=http://127.0.0.1:1"], "no service coffee"),
    (["--upstream", "s3=ftp://127.0.0.1"], "begins with http:// or https://"),
    (["--upstream", "s3=http://AKID:very-secret@"], "names no host"),
    (["--listen", "nowhere"], "HOST:PORT"),
    (["--listen", "127.0.0.1:99999"], "HOST:PORT"),
    (["--listen", "203.0.113.1:4747"], "Cannot listen on 203.0.113.1:4747"),
    (["--listen", "0.0.0.0:0", "--set", "identity.open=true"], "loopback address only"),
    (["--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0", "--set", "identity.open=true"], "loopback address only"),
    (["--vpc-endpoint", "vpce-0@0.0.0.0:0", "--set", "identity.open=true"], "loopback address only"),
    (["--vpc-endpoint", "nonsense"], "write it as vpce-ID@HOST:PORT[,account=ACCOUNT][,policy=FILE]"),
    (["--vpc-endpoint", "vpce-0@203.0.113.1:4747"], "Choose another address with --vpc-endpoint"),
    (["--set", "front.tls_certificate=/nowhere.pem", "--set", "front.tls_key=/nowhere.pem"], "/nowhere.pem cannot be read"),
    (["--set", "trails.delivery_interval=0"], "below 0.1"),
    (["--set", "coffee=1"], "no setting coffee"),
    (["--config", "/nowhere/opentrail.toml"], "/nowhere/opentrail.toml"),
    (["--data-dir", "/proc/nowhere"], "Choose another with --data-dir"),
]


@pytest.mark.parametrize(("options", "words"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_one_line_says_what_to_change(tmp_path: Path, options: list[str], words: str) -> None:
    folder = [] if "--data-dir" in options else ["--data-dir", str(tmp_path / "data")]
    done = forks.run(PROGRAM, ["opentrail", "serve", *folder, *options], os.environ)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "very-secret" not in done.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = forks.run(PROGRAM, ["opentrail", "serve", "--data-dir", str(tmp_path / "data"), "--listen", address], os.environ)
    assert done.returncode == 2
    assert f"Cannot listen on {address}" in done.stderr
