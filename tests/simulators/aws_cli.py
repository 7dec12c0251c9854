"""The real AWS CLI without its start-up (see `forks`).

`run` is `subprocess.run(["aws", …], capture_output=True, text=True)`, at a third of the price; half a second of imports for each command
is most of what a story with the AWS CLI costs. Only the descriptions of services that earlier commands have read are found read already,
each for its first look.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simulators import forks


def run(words: Sequence[str], environment: Mapping[str, str], timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """What the command said and how it ended. Raises `subprocess.TimeoutExpired` when it takes more than `timeout` seconds."""
    return forks.run("simulators.aws_cli", ["aws", *words], environment, timeout)


class _Cli:
    """The CLI; it keeps the files of botocore's data, parsed: a command tells which it has read, and those after it need not.

    What is handed out is given to one command once, which may change it as it likes: it is a copy in a forked process.
    """

    def __init__(self) -> None:
        import awscli.handlers  # noqa: F401
        from awscli.clidriver import main
        from botocore.loaders import JSONFileLoader  # the CLI's own: it has put it in botocore's place

        self.main = main
        self._read, self._written = os.pipe()
        self.descriptors = (self._written,)
        self._data_path = os.environ["AWS_DATA_PATH"]  # set by the import
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
        """Read what commands have told of."""
        try:
            told = os.read(self._read, 1 << 20).decode().splitlines()
        except BlockingIOError:
            return
        for path in told:
            if path not in self._files:
                self._files[path] = self._load(self._loader, path)

    def environment(self, asked: Mapping[str, str]) -> Mapping[str, str]:
        return {**asked, "AWS_DATA_PATH": self._data_path}


if __name__ == "__main__":
    forks.serve(Path(sys.argv[1]), _Cli())
