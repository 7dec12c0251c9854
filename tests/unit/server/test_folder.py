"""The data folder: what several processes must find alike in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from opentrail.server.folder import DataFolder


def test_processes_that_start_at_once_have_the_same_secret(tmp_path: Path) -> None:
    for number in range(20):
        folder = DataFolder(tmp_path / str(number))
        folder.prepare()
        with ThreadPoolExecutor(8) as pool:
            secrets = {pool.submit(folder.token_secret) for _ in range(8)}
        assert {found.result() for found in secrets} == {folder.token_secret()}
        assert [path.name for path in folder.keys.iterdir()] == ["page-tokens.key"]
