"""A real Spark standalone cluster, master and worker, of the package pyspark; and what is missing where there can be none."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from opentrail.lake.queries.confinement import die_with_parent
from simulators.ports import free_port
from simulators.running import wait_for


def missing() -> str:
    """What has to be installed for a cluster; empty when nothing has."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: pip install 'opentrail[spark]'"
    if shutil.which("java") is None:
        return "Java is not installed: Spark 4 needs Java 17 or later"
    return ""


class SparkCluster:
    """Master and worker as processes of their own, logs and all in `folder`; `session()` is an application on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.url = f"spark://127.0.0.1:{self._port}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._session: Any = None

    def __enter__(self) -> Self:
        try:
            self._start("master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(self._port))
            self._start(
                "worker", "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--cores", "2", "--memory", "1g",
                "--work-dir", str(self._folder / "work"), self.url,
            )  # fmt: skip
            wait_for(lambda: "Registering worker" in self._log("master"), patience=120.0)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if self._session is not None:
                self._session.stop()
        finally:
            self._stop()

    def session(self) -> Any:
        """The application; its workers do not know OpenTrail."""
        from pyspark.sql import SparkSession

        if self._session is None:
            builder = SparkSession.builder.master(self.url).appName("OpenTrail")
            settings = {
                "spark.ui.enabled": "false",
                "spark.driver.host": "127.0.0.1",
                "spark.driver.bindAddress": "127.0.0.1",
                "spark.executor.memory": "512m",
                "spark.sql.shuffle.partitions": "1",
                "spark.pyspark.python": sys.executable,
                "spark.sql.warehouse.dir": str(self._folder / "warehouse"),
            }
            for name, value in settings.items():
                builder = builder.config(name, value)
            self._session = builder.getOrCreate()
            self._session.sparkContext.setLogLevel("OFF")
        return self._session

    def _start(self, name: str, *words: str) -> None:
        import pyspark

        home = Path(pyspark.__file__).parent
        environment = {
            **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_LOCAL_DIRS": str(self._folder / "local"),
        }
        with (self._folder / f"{name}.log").open("wb") as log:
            command = [str(home / "bin" / "spark-class"), *words, "--webui-port", "0"]
            if name == "worker":
                command = [*command[:-3], "--webui-port", "0", self.url]
            self._processes.append(
                subprocess.Popen(
                    command,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd=self._folder,
                    start_new_session=True,
                    preexec_fn=die_with_parent,  # a run of the tests that is killed leaves none behind
                )
            )

    def _log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def _stop(self) -> None:
        for process in reversed(self._processes):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()
