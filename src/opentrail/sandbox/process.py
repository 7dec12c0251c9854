"""moto's server as a child process: started, watched, started again, stopped.

The listening socket is opened here and handed down, so the URL is known at once, nobody else can take the port, and it stays the same when
the child is started again: calls that come meanwhile wait in the socket's queue.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from opentrail.errors import SettingError, UpstreamError

READY_TIMEOUT = 60.0
"""Seconds that moto has to come up; it imports a lot."""
PATIENCE = 5.0
"""Seconds that it has to stop."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "SYSTEMROOT")
_CONFIGURATION = {"lambda": {"use_docker": False}, "batch": {"use_docker": False}}


class Sandbox:
    """One moto server. Not thread-safe: `start`, `keep_up` and `stop` belong to one thread, which must live as long as the sandbox."""

    def __init__(self, *, log: Path | None = None, account_id: str = "123456789012") -> None:
        """`log`: file that takes what moto says. `account_id`: the account in which everything in the sandbox lies."""
        self._log = log
        self._account_id = account_id
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: str | None = None
        self._configured = False

    @property
    def url(self) -> str:
        """Where it listens, from `start` on."""
        if self._socket is None:
            raise UpstreamError("The sandbox has not been started.")
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def running(self) -> bool:
        """Whether the child process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Of the child process; `None` when there is none."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises `SettingError` when moto is not installed, `UpstreamError` when it does not come up.
        """
        if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
            raise SettingError("The sandbox needs moto, which is not installed: pip install 'opentrail[sandbox]'.")
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._folder = tempfile.mkdtemp(prefix="opentrail-sandbox-")
        self._spawn()
        try:
            self._await_ready(time.monotonic() + READY_TIMEOUT)
        except UpstreamError:
            self.stop()
            raise

    def keep_up(self) -> bool:
        """Start the child again if it has died; returns whether it had to. Everything in the sandbox is then gone.

        Does not wait for it to answer: calls wait in the socket's queue. Call it now and then.
        """
        if self._socket is None:
            return False
        if not self.running:
            self._spawn()
            return True
        if not self._configured and self._answers(0.5):
            self._configure()
        return False

    def stop(self) -> None:
        """Stop it; the URL is given up. Does nothing when it is not running."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _spawn(self) -> None:
        assert self._socket is not None
        assert self._folder is not None
        descriptor = self._socket.fileno()
        self._configured = False
        with open(self._log or os.devnull, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "opentrail.sandbox.child", str(descriptor), str(os.getpid())],
                env=environment(os.environ, self._account_id, self._folder),
                cwd=self._folder,
                pass_fds=(descriptor,),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _await_ready(self, deadline: float) -> None:
        while not self._answers(max(0.1, deadline - time.monotonic())):
            assert self._process is not None
            if self._process.poll() is not None:
                raise UpstreamError(f"The sandbox ended with {self._process.returncode} while starting{self._see_log()}.")
            if time.monotonic() > deadline:
                raise UpstreamError(f"The sandbox did not answer within {READY_TIMEOUT:g} s{self._see_log()}.")
        self._configure()

    def _see_log(self) -> str:
        return f"; see {self._log}" if self._log else ""

    def _answers(self, timeout: float) -> bool:
        """Whether it answers within `timeout` seconds, or sooner if the child dies."""
        deadline = time.monotonic() + timeout
        while self.running and time.monotonic() < deadline:
            if self._ask("GET", "/moto-api/", None, min(0.5, timeout)) == 200:
                return True
        return False

    def _configure(self) -> None:
        """Keep moto from looking for Docker: functions are kept, not run."""
        self._configured = self._ask("POST", "/moto-api/config", json.dumps(_CONFIGURATION), PATIENCE) == 201

    def _ask(self, method: str, path: str, body: str | None, timeout: float) -> int | None:
        assert self._socket is not None
        connection = http.client.HTTPConnection("127.0.0.1", self._socket.getsockname()[1], timeout=timeout)
        try:
            connection.request(method, path, body, {"Connection": "close"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def environment(ours: Mapping[str, str], account_id: str, folder: str) -> dict[str, str]:
    """The environment of the child: nothing of ours that leads outside, and keys that open nothing."""
    return {
        **{name: ours[name] for name in _PASSED_ON if name in ours},
        "TMPDIR": folder,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_ACCOUNT_ID": account_id,
        "MOTO_LAMBDA_DATA_DIR": folder,
        "MOTO_DISABLE_GLOBAL_CORS": "true",
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    }
