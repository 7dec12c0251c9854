"""The servers that are measured, each in a process group of its own, on a free port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from opentrail.server.role_process import title

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests"))  # the running OpenTrail of the tests is the one that is measured

from simulators import running  # noqa: E402

MINISTACK = "1.5.33"
PEERS = HERE / ".peers"
DUMMY_KEY = ("AKIAIOSFODNN7EXAMPLE", "test")

__all__ = ["DUMMY_KEY", "MINISTACK", "RunningOpenTrail", "Server", "constant", "environment", "ministack", "moto", "opentrail"]


class RunningOpenTrail(running.RunningOpenTrail):
    """A program of its own, as users start it: those of the tests are forked from a process that has all of OpenTrail loaded."""

    def __init__(self, folder: Path, *, options: Sequence[str] = (), settings: Mapping[str, object] | None = None) -> None:
        super().__init__(folder, options=options, settings=settings, afresh=True)


_ROLES = {title(role): role for role in ("front", "lake", "watch", "followers")}


@dataclass(frozen=True)
class Server:
    """One running server."""

    name: str
    url: str
    key: tuple[str, str]
    group: int
    """Its process group."""

    def cpu(self) -> dict[str, float]:
        """Processor seconds that each of its processes has used."""
        leader = psutil.Process(self.group)
        used = {}
        for process in (leader, *leader.children(recursive=True)):
            times = process.cpu_times()
            name = _ROLES.get(process.name()) or process.cmdline()[-1].rpartition(".")[2]
            used[name] = times.user + times.system
        return used

    def pause(self) -> None:
        """Take it off the processor while another is measured."""
        os.killpg(self.group, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.killpg(self.group, signal.SIGCONT)


def environment(**more: str) -> dict[str, str]:
    """Our own environment without settings of AWS clients, of OpenTrail, and without proxies."""
    dropped = ("AWS_", "OPENTRAIL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(dropped)} | more


def opentrail(running: RunningOpenTrail) -> Server:
    """A started `opentrail serve` among the others."""
    assert running.process is not None
    return Server("OpenTrail", running.endpoint, running.key, running.process.pid)


@contextlib.contextmanager
def constant() -> Iterator[Server]:
    """An ASGI application on the same HTTP stack that reads the request and always gives the same answer: as fast as that stack can be."""
    port = _free_port()
    with _started("constant answer", [sys.executable, str(HERE / "constant.py"), str(port)], port) as server:
        yield server


@contextlib.contextmanager
def moto() -> Iterator[Server]:
    """moto's own server (volatile; believes every key)."""
    port = _free_port()
    with _started("moto", [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port) as server:
        yield server


@contextlib.contextmanager
def ministack(folder: Path) -> Iterator[Server | None]:
    """MiniStack (volatile; believes every key) from a virtual environment of its own; `None`, and a sentence, when it is not to be had."""
    if not _install():
        yield None
        return
    port = _free_port()
    folder.mkdir()
    told = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
    }
    with _started("MiniStack", [str(PEERS / "bin" / "ministack")], port, told) as server:
        yield server


def _install() -> bool:
    stamp = PEERS / f".ministack-{MINISTACK}"
    if stamp.exists():
        return True
    print(f"Installing ministack {MINISTACK} into bench/.peers ...", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True, timeout=120, stdout=subprocess.DEVNULL)
        pip = [str(PEERS / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", f"ministack=={MINISTACK}"]
        subprocess.run(pip, check=True, timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"MiniStack could not be installed, so it is left out: {error}")
        return False
    stamp.touch()
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _started(name: str, command: Sequence[str], port: int, more: Mapping[str, str] | None = None) -> Iterator[Server]:
    process = subprocess.Popen(
        command, env=environment(**(more or {})), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not come up.")
            time.sleep(0.05)
        yield Server(name, f"http://127.0.0.1:{port}", DUMMY_KEY, process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
