"""A real `opentrail serve` for tests: its own process group, its own data folder, a free port, the same after a restart."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config

from opentrail.server.role_process import title
from simulators import aws_cli, forks, ports

PROGRAM = "simulators.opentrail_program"
BIN = Path(sys.executable).parent
_SESSIONS = threading.local()


class RunningOpenTrail:
    """Start with `start()`, stop with `stop()`; `aws()` runs the real AWS CLI against it, `client()` makes a boto3 client.

    What it runs is forked from a process that has all of OpenTrail imported; `afresh`, it is a program of its own.
    """

    def __init__(
        self, folder: Path, *, options: Sequence[str] = (), settings: Mapping[str, object] | None = None, afresh: bool = False
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.options = tuple(options)
        self.settings = dict(settings or {})
        self.log = folder / "serve.log"
        self.afresh = afresh
        self.process: subprocess.Popen[bytes] | forks.Forked | None = None
        self._listen = f"127.0.0.1:{ports.free_port()}"

    def start(self, patience: float = 150.0, until: str = "ok") -> RunningOpenTrail:
        """Start and wait until `/_opentrail/health` says ok, or another status."""
        command = [str(BIN / "opentrail"), "serve", "--data-dir", str(self.data), "--listen", self._listen, *self.options]
        for name, value in self.settings.items():
            command += ["--set", f"{name}={value}"]
        (self.data / "serve.json").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            if self.afresh:
                self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            else:
                self.process = forks.start(PROGRAM, command, os.environ, log, log)
        deadline = time.monotonic() + patience
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
            try:
                self.endpoint = self.address["endpoint"]
                if self.health()["status"] == until:
                    break
            except (OSError, ValueError):
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"not healthy after {patience:g} s:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)
        key = json.loads((self.data / "keys" / "root.json").read_text())
        self.key = (key["access_key_id"], key["secret_access_key"])
        return self

    def role(self, name: str) -> psutil.Process | None:
        """The process of the role `name`; `None` while there is none."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            try:
                if child.status() != psutil.STATUS_ZOMBIE and child.name() == title(name):
                    return child
            except psutil.NoSuchProcess:
                continue
        return None

    def health(self) -> Any:
        """What `/_opentrail/health` says."""
        try:
            with urllib.request.urlopen(self.endpoint + "/_opentrail/health", timeout=30, context=self.trust) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)

    @property
    def trust(self) -> ssl.SSLContext | None:
        """What a client needs to believe the server's certificate, when it has one."""
        bundle = self.address.get("ca_bundle")
        return ssl.create_default_context(cafile=bundle) if bundle else None

    @property
    def address(self) -> Any:
        """What the server has written down about where it listens."""
        return json.loads((self.data / "serve.json").read_text())

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(150)
        finally:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to every process of the group: a power cut as far as processes go."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def __enter__(self) -> RunningOpenTrail:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def environment(self, key: tuple[str, str] | tuple[str, str, str] | None = None, region: str = "us-east-1") -> dict[str, str]:
        """The environment of a client: nothing of this machine's own AWS settings."""
        key = key or self.key
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        kept |= {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key[0],
            "AWS_SECRET_ACCESS_KEY": key[1],
            "AWS_DEFAULT_REGION": region,
            "AWS_CONFIG_FILE": str(self.folder / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "no-credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
        if len(key) == 3:
            kept["AWS_SESSION_TOKEN"] = key[2]
        return kept

    def aws(
        self, *words: str, key: Any = None, region: str = "us-east-1", check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run the real AWS CLI; raises with its output when it fails and `check` is set."""
        done = aws_cli.run(["--output", "json", *words], self.environment(key, region), timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"aws {' '.join(words)} → {done.returncode}\n{done.stdout}{done.stderr}\n{self.log.read_text()[-3000:]}")
        return done

    def opentrail(self, *words: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one of our own verbs on the data folder."""
        command = [str(BIN / "opentrail"), *words, "--data-dir", str(self.data)]
        if self.afresh:
            done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=timeout)
        else:
            done = forks.run(PROGRAM, command, self.environment(), timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"opentrail {' '.join(words)} → {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def client(self, service: str, *, key: Any = None, region: str = "us-east-1", endpoint: str | None = None, **config: Any) -> Any:
        """A boto3 client, without retries so that each error shows; at `endpoint` where it is not the first listener."""
        key = key or self.key
        return _session().client(
            service,
            region_name=region,
            endpoint_url=endpoint or self.endpoint,
            verify=self.address.get("ca_bundle"),
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            aws_session_token=key[2] if len(key) == 3 else None,
            config=Config(retries={"total_max_attempts": 1}, **config),
        )


def _session() -> boto3.session.Session:
    """The session of this thread: what it has read of a service serves every client, of which each would take a tenth of a second."""
    found = getattr(_SESSIONS, "one", None)
    if found is None:
        found = _SESSIONS.one = boto3.session.Session()
    return found


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below `folder` and its bytes; those that are gone by the time they are read (from the spool, say) are left out."""
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file():
                yield path, path.read_bytes()
        except FileNotFoundError:
            continue


def wait_for(what: Any, patience: float = 90.0, pause: float = 0.05) -> Any:
    """Ask `what()` until it answers with something true; returns that. Raises when `patience` seconds have passed."""
    deadline = time.monotonic() + patience
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing came in {patience:g} s")
        time.sleep(pause)
