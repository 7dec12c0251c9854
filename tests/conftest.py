"""What holds for every test."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping
from typing import Any

import pytest

_internal_error = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Reports reach the process that prints them as UTF-8; one with half of a surrogate pair in it (a log line will do) would end the run."""
    report = yield
    return _printable(report)


def pytest_internalerror(excrepr: object, config: pytest.Config) -> None:
    """Keep what ended the run for the end of the output, where a reader of a long log looks first."""
    config.stash[_internal_error] = str(excrepr)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say it again."""
    if error := config.stash.get(_internal_error, ""):
        print("The run was ended by:", *error.splitlines()[-20:], sep="\n", file=sys.stderr)


def _printable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case Mapping():
            return {_printable(name): _printable(one) for name, one in value.items()}
        case list() | tuple():
            return type(value)(_printable(one) for one in value)
    return value
