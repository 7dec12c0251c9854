"""A Spark cluster of our own on this machine, for `lake.engine=local-cluster`: a Spark Connect server with an executor beside it.

It listens on loopback only, and who has not its token is turned away. It is started when the lake is, started again when it dies, and
ends with the lake.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

CORES: Final = 2
"""Processor cores of the executor, unless the setting says otherwise."""
DRIVER_MEMORY: Final = 1024
"""Mebibytes of the server's heap: it plans, and hands results on."""
PAUSE: Final = 5.0
"""Seconds until a cluster that has died is started again."""
LOOK: Final = 0.2
"""Seconds between two looks at whether it is there."""
PASSED: Final = ("PATH", "LANG", "LC_ALL", "HOME", "JAVA_HOME", "JAVA_TOOL_OPTIONS")
"""What Spark is told of OpenTrail's own environment."""
TOKEN: Final = "SPARK_CONNECT_AUTHENTICATE_TOKEN"
"""Environment variable by which Spark's server and its client are told the token."""

log = logging.getLogger("opentrail.lake")


class LocalCluster:
    """`run` keeps it up until told to stop. Other processes reach it by `remote` with `environment`."""

    def __init__(self, folder: Path, log_file: Path, *, cores: int, memory: int, die_with_parent: Callable[[], None]) -> None:
        """`folder` is for what Spark writes in between, emptied at each start; `memory` of the executor in bytes; `die_with_parent` is
        called in the new process."""
        self._folder = folder
        self._log_file = log_file
        self._cores = cores or CORES
        self._memory = max(memory >> 20, 512)
        self._die_with_parent = die_with_parent
        self._port = _free_port()
        self.remote = f"sc://localhost:{self._port}"
        self.environment = {TOKEN: secrets.token_urlsafe(32)}

    def run(self, stop: threading.Event) -> None:
        """Start it, start it again when it dies, end it."""
        while not stop.is_set():
            process = self._start()
            try:
                while process.poll() is None and not stop.wait(LOOK):
                    pass
            finally:
                if process.poll() is None:
                    process.terminate()
                    try:
                        process.wait(PAUSE)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()
            if not stop.is_set():
                log.error("the local cluster ended with %s and is started again; %s says more", process.returncode, self._log_file)
                stop.wait(PAUSE)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True)
        found = find_spec("pyspark")
        assert found is not None
        assert found.origin is not None
        home = Path(found.origin).parent
        settings = {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(self._port),
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.executor.memory": f"{self._memory}m",
            "spark.executor.heartbeatInterval": "5s",
            "spark.sql.shuffle.partitions": str(self._cores),
            "spark.sql.warehouse.dir": str(self._folder / "warehouse"),
            "spark.authenticate": "true",
            "spark.authenticate.secret": secrets.token_hex(32),
            "spark.connect.session.manager.defaultSessionTimeout": "10m",
            # A cancelled task looks at that between rows only, and a join may take hours for one: then its executor goes, and comes anew.
            "spark.task.reaper.enabled": "true",
            "spark.task.reaper.pollingInterval": "2s",
            "spark.task.reaper.killTimeout": "10s",
            "spark.log.level": "WARN",
        }
        configuration = self._folder / "spark.conf"  # a file of its owner's: what stands on a command line everybody can read
        configuration.touch(mode=0o600)
        configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        command = [
            *(str(home / "bin" / "spark-class"), "org.apache.spark.deploy.SparkSubmit"),
            *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
            *("--master", f"local-cluster[1,{self._cores},{self._memory}]", "--driver-memory", f"{DRIVER_MEMORY}m"),
            *("--properties-file", str(configuration), "spark-internal"),
        ]
        environment = {
            **{name: value for name, value in os.environ.items() if name in PASSED},
            **self.environment,
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self._folder / "local"),
            "PYSPARK_PYTHON": sys.executable,
        }
        with self._log_file.open("ab") as log_file:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                env=environment,
                cwd=self._folder,
                preexec_fn=self._die_with_parent,
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
