"""`opentrail serve`: starts the roles as child processes over one data folder, keeps them up, stops them together.

A role that dies is started again, sooner at first, then at most every `LONGEST_PAUSE` seconds. SIGTERM or SIGINT stops the
front first (calls in flight are answered), then the lake, the watch and the followers, then the sandbox; a role that does not go in
`PATIENCE` seconds is killed, which loses nothing: that is what the journal is for.
"""

from __future__ import annotations

import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from multiprocessing.context import ForkProcess
from pathlib import Path

from opentrail.clock import Clock
from opentrail.config import Settings
from opentrail.errors import SettingError
from opentrail.lake.engines.chosen import check as check_engine
from opentrail.sandbox import Sandbox
from opentrail.server import role_process
from opentrail.server.folder import DataFolder
from opentrail.server.listening import Listener, listeners
from opentrail.server.messages import notifier
from opentrail.server.roles import Orders

PATIENCE = 8.0
"""Seconds a role has to stop by itself."""
LONGEST_PAUSE = 10.0
"""Seconds between two attempts to start a role that keeps dying."""
STEADY = 30.0
"""Seconds after which a role counts as up, so that the next pause is short again."""


@dataclass(slots=True)
class _Role:
    """One child process and how often it had to be started."""

    name: str
    orders: Orders
    process: ForkProcess | None = None
    started: float = 0.0
    pause: float = 0.0
    due: float = 0.0

    def start(self, now: float) -> None:
        self.process = role_process.start(self.name, self.orders)
        self.started = now

    def ended(self) -> int | None:
        return None if self.process is None else self.process.exitcode

    def stop(self) -> None:
        if self.process is None or self.process.exitcode is not None:
            return
        self.process.terminate()
        if not role_process.wait(self.process, PATIENCE):
            self.process.kill()
            self.process.join()


@dataclass(kw_only=True)
class Supervisor:
    """One running `opentrail serve`."""

    folder: DataFolder
    listen: Sequence[str]
    """`HOST:PORT`, `http://…` or `https://…` each; the first is the one that clients are told."""
    settings: Settings
    clock: Clock
    upstreams: Sequence[str] = ()
    vpc_endpoints: Sequence[str] = ()
    """`vpce-ID@HOST:PORT[,account=ACCOUNT][,policy=FILE]` each."""
    say: Callable[[str], None] = print
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """Serve until a signal comes. Returns the exit code; raises `SettingError` or `FolderInUse` before anything is started."""
        wanted = listeners(self.listen, self.vpc_endpoints, self.settings.front, account_id=self.settings.identity.account_id)
        if self.settings.identity.open and not all(one.is_loopback for one in wanted):
            raise SettingError("identity.open=true is for development on a loopback address only: change --listen or leave it out.")
        if self.settings.testing.reset_door and not all(one.is_loopback for one in wanted):
            raise SettingError("testing.reset_door=true is for tests on a loopback address only: change --listen or leave it out.")
        notifier(self.settings.messaging)
        check_engine(self.settings.lake.engine)
        self.folder.prepare()
        held = self.folder.lock()
        free = _free_ports(wanted)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        sandbox = (
            Sandbox(log=self.folder.logs / "sandbox.log", account_id=self.settings.identity.account_id)
            if self.settings.sandbox.enabled
            else None
        )
        socket_folder = Path(tempfile.mkdtemp(prefix="opentrail-"))
        roles: list[_Role] = []
        try:
            if sandbox is not None:
                self.say("Starting the sandbox (moto; what it holds is gone when it stops) ...")
                sandbox.start()
            orders = Orders(
                data_dir=self.folder.root,
                link=str(socket_folder / "link"),
                lake_link=str(socket_folder / "lake"),
                watch_link=str(socket_folder / "watch"),
                listeners=free,
                upstreams=tuple(self.upstreams),
                sandbox=sandbox.url if sandbox is not None else None,
                settings=self.settings,
            )
            roles += [_Role("front", orders), _Role("lake", orders), _Role("watch", orders), _Role("followers", orders)]
            self._watch(roles, sandbox)
        finally:
            for role in roles:
                role.stop()
            if sandbox is not None:
                sandbox.stop()
            shutil.rmtree(socket_folder, ignore_errors=True)
            del held
        return 0

    def _watch(self, roles: Sequence[_Role], sandbox: Sandbox | None) -> None:
        for role in roles:
            role.start(self.clock.monotonic())
        while not self.stopping.wait(0.2):
            now = self.clock.monotonic()
            if sandbox is not None:
                sandbox.keep_up()
            for role in roles:
                code = role.ended()
                if code is None:
                    continue
                if role.due == 0.0:
                    role.pause = 0.5 if now - role.started > STEADY else min(max(0.5, role.pause * 2), LONGEST_PAUSE)
                    role.due = now + role.pause
                    self.say(f"The {role.name} process ended with {code}; it is started again in {role.pause:g} s.")
                if now >= role.due:
                    role.due = 0.0
                    role.start(now)


def _free_ports(wanted: Sequence[Listener]) -> tuple[Listener, ...]:
    """The listeners with a free port where 0 was asked for; raises `SettingError` when an address cannot be listened on."""
    with ExitStack() as probes:  # held together, so that no two of them get the same port
        return tuple(replace(one, port=_free_port(one, probes)) for one in wanted)


def _free_port(wanted: Listener, probes: ExitStack) -> int:
    host, port = wanted.host, wanted.port
    probe = probes.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM))
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((host, port))
    except OSError as error:
        option = "--vpc-endpoint" if wanted.vpc_endpoint else "--listen"
        raise SettingError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another address with {option}.") from error
    return int(probe.getsockname()[1])
