"""Which engine runs queries: what `lake.engine` may say, and what each choice needs. Loads no engine."""

from __future__ import annotations

import importlib.util
import re
import shutil
from typing import Final

from opentrail.errors import SettingError

EMBEDDED: Final = "embedded"
LOCAL_CLUSTER: Final = "local-cluster"
_REMOTE: Final = re.compile(r"sc://[A-Za-z0-9.-]+(:\d{1,5})?(/;[^\s]*)?")


def check(engine: str) -> None:
    """Raises `SettingError`, saying what to change or to install, unless queries can run on `engine` here."""
    if engine == EMBEDDED:
        return
    if engine != LOCAL_CLUSTER and not _REMOTE.fullmatch(engine):
        raise SettingError(f"lake.engine: {engine!r} is none of {EMBEDDED}, {LOCAL_CLUSTER} and sc://HOST:PORT (a Spark Connect server).")
    missing = [name for name in ("pyspark", "grpc", "pandas") if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingError(f"lake.engine={engine} needs {' and '.join(missing)}: pip install 'opentrail[spark]'.")
    if engine == LOCAL_CLUSTER and shutil.which("java") is None:
        raise SettingError(f"lake.engine={engine} needs Java 17 or later, and there is no `java` on the path.")


def address(remote: str) -> tuple[str, int]:
    """Host and port of `sc://…`; Spark Connect's own port where none is said."""
    host, _, port = remote.removeprefix("sc://").partition("/")[0].partition(":")
    return host, int(port or 15002)
