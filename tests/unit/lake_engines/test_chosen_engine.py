"""What `lake.engine` may say."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

from opentrail.errors import SettingError
from opentrail.lake.engines.chosen import address, check


@pytest.fixture(autouse=True)
def everything_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")


@pytest.mark.parametrize("engine", ["embedded", "local-cluster", "sc://spark.example", "sc://localhost:15002", "sc://h:1/;use_ssl=true"])
def test_engines(engine: str) -> None:
    check(engine)


@pytest.mark.parametrize("engine", ["", "spark://host:7077", "sc://", "sc://host:port", "sc://host:1/ ;x", "duckdb"])
def test_others_are_refused_with_those_there_are(engine: str) -> None:
    with pytest.raises(SettingError, match="embedded, local-cluster and sc://HOST:PORT"):
        check(engine)


@pytest.mark.parametrize("engine", ["local-cluster", "sc://host"])
def test_a_missing_extra_says_what_to_install(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"pip install 'opentrail\[spark\]'"):
        check(engine)
    check("embedded")


def test_a_cluster_of_our_own_needs_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SettingError, match="Java 17"):
        check("local-cluster")
    check("sc://host")


def test_addresses() -> None:
    assert address("sc://host") == ("host", 15002)
    assert address("sc://host:99/;use_ssl=true") == ("host", 99)
