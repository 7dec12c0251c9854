"""The real AWS CLI without its start-up: one process has it imported, and forks for every command.

`run` is `subprocess.run(["aws", …], capture_output=True, text=True)`, at a third of the price; half a second of imports for each command
is most of what a story with the AWS CLI costs. The forked process knows nothing but its arguments and its environment, as if begun afresh:
only the descriptions of services that earlier commands have read it finds read already, each for its first look (`_Kept`).
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


def run(words: Sequence[str], environment: Mapping[str, str], timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """What the command said and how it ended. Raises `TimeoutError` when it takes more than `timeout` seconds."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained, socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(_parent()))
        request = json.dumps({"words": list(words), "environment": dict(environment), "folder": str(Path.cwd())}).encode()
        socket.send_fds(connection, [len(request).to_bytes(4, "big")], [said.fileno(), complained.fileno()])
        connection.sendall(request)
        answer = connection.recv(1)
        said.seek(0)
        complained.seek(0)
        returncode = answer[0] if answer else -signal.SIGKILL
        return subprocess.CompletedProcess(["aws", *words], returncode, said.read().decode(), complained.read().decode())


@functools.cache
def _parent() -> Path:
    """Where the process listens that forks; begun with the first command of this one, ended with it."""
    folder = Path(tempfile.mkdtemp(prefix="aws-cli-"))
    path = folder / "socket"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen([sys.executable, __file__, str(path)], stdin=subprocess.PIPE, env=clean)

    def end() -> None:
        process.kill()
        process.wait()
        path.unlink(missing_ok=True)
        folder.rmdir()

    atexit.register(end)
    deadline = time.monotonic() + 60
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError("the AWS CLI could not be imported")
        time.sleep(0.01)
    return path


class _Kept:
    """Files of botocore's data, parsed: a command tells which it has read, and those after it need not.

    What is handed out is given to one command once, which may change it as it likes: it is a copy in a forked process.
    """

    def __init__(self) -> None:
        from botocore.loaders import JSONFileLoader  # the CLI's own: it has put it in botocore's place

        self._read, self._written = os.pipe()
        os.set_blocking(self._read, False)
        self._files: dict[str, Any] = {}
        self._load = JSONFileLoader.load_file
        JSONFileLoader.load_file = lambda loader, path: self._of(loader, path)
        self._loader = JSONFileLoader()

    def _of(self, loader: Any, path: str) -> Any:
        found = self._files.pop(path, None)
        if found is None and (found := self._load(loader, path)) is not None:
            os.write(self._written, f"{path}\n".encode())
        return found

    def learn(self) -> None:
        """Read what commands have told of; for the process that forks."""
        try:
            told = os.read(self._read, 1 << 20).decode().splitlines()
        except BlockingIOError:
            return
        for path in told:
            if path not in self._files:
                self._files[path] = self._load(self._loader, path)


def _serve(path: Path) -> None:
    import awscli.clidriver
    import awscli.handlers

    kept = _Kept()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forked: the answer is on the connection
    listening = socket.socket(socket.AF_UNIX)
    made = path.with_suffix(".made")
    listening.bind(str(made))
    listening.listen(64)
    made.rename(path)
    while True:
        connection, _ = listening.accept()
        kept.learn()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(_one(connection, awscli.clidriver.main))
        connection.close()


def _one(connection: socket.socket, main: Callable[[], int | None]) -> int:
    size, outputs, _, _ = socket.recv_fds(connection, 4, 2)
    request = b""
    while len(request) < int.from_bytes(size, "big"):
        request += connection.recv(1 << 20)
    asked = json.loads(request)
    for number, output in zip((1, 2), outputs, strict=True):
        os.dup2(output, number)
        os.close(output)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    its_own = os.environ["AWS_DATA_PATH"]  # set by the import
    os.environ.clear()
    os.environ.update(asked["environment"], AWS_DATA_PATH=its_own)
    os.chdir(asked["folder"])
    sys.argv = ["aws", *asked["words"]]
    returncode = 1
    try:
        returncode = main() or 0
    except SystemExit as ending:
        returncode = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(bytes([returncode]))
    return returncode


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
