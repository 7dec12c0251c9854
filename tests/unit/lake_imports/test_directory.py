"""A directory as a source: its files and no others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opentrail.lake.imports.directory import DirectorySource
from opentrail.wire.faults import Fault


def test_keys_are_paths_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    for key in ("b/x.json", "a.json", "a/z.json", "a-b/y.json", "a/deep/er/c.json"):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(key.encode())
    source = DirectorySource(tmp_path)
    assert list(source.list("")) == ["a-b/y.json", "a.json", "a/deep/er/c.json", "a/z.json", "b/x.json"]
    assert list(source.list("a/", "a/deep/er/c.json")) == ["a/z.json"]
    assert list(source.list("a")) == ["a-b/y.json", "a.json", "a/deep/er/c.json", "a/z.json"]
    assert list(source.list("nowhere/")) == []
    assert list(source.folders("")) == ["a-b", "a", "b"]
    assert list(source.folders("a/")) == ["deep"]
    assert source.read("a/deep/er/c.json") == b"a/deep/er/c.json"


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    inside = tmp_path / "logs"
    inside.mkdir()
    (inside / "link.json").symlink_to(tmp_path / "secret")
    (inside / "out").symlink_to(tmp_path)
    os.mkfifo(inside / "pipe.json")
    source = DirectorySource(inside)
    assert list(source.list("")) == []
    for key in ("link.json", "out/secret", "../secret"):
        with pytest.raises(Fault):
            source.read(key) if key != "../secret" else source.read("out/../secret")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="NoSuchKey"):
        DirectorySource(tmp_path).read("x.json")
    with pytest.raises(Fault, match="NoSuchBucket"):
        list(DirectorySource(tmp_path / "gone").list(""))
    (tmp_path / "file").touch()
    with pytest.raises(Fault, match="NoSuchBucket"):
        list(DirectorySource(tmp_path / "file").list(""))
