"""What holds for every test."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# No time is measured in a test, and a run that was green is green again; EXPLORE=1 looks at examples that nobody has seen.
settings.register_profile(
    "opentrail", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=not os.environ.get("EXPLORE")
)
settings.load_profile("opentrail")

# Spark's programs live for a minute here, and a minute is what the better compiler takes of each.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Reports reach the process that prints them as UTF-8; with half of a surrogate pair in one (a log line will do) the run would end."""
    report = yield
    return _printable(report)


class _LastWords:
    """What ended the run, said again at the end of the output, where a reader of a long log looks first."""

    def __init__(self) -> None:
        self._error = ""

    def pytest_internalerror(self, excrepr: object) -> None:
        self._error = str(excrepr)

    def pytest_unconfigure(self) -> None:
        if self._error:
            print("The run was ended by:", *self._error.splitlines()[-20:], sep="\n", file=sys.stderr)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_LastWords())


def _printable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case Mapping():
            return {_printable(name): _printable(one) for name, one in value.items()}
        case list() | tuple():
            return type(value)(_printable(one) for one in value)
    return value
