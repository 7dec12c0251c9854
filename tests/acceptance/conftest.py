"""One running OpenTrail for the tests that only use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.running import RunningOpenTrail


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    """`opentrail serve` without sandbox, with short intervals."""
    folder: Path = tmp_path_factory.mktemp("opentrail")
    settings = {"trails.delivery_interval": 0.5, "trails.digest_interval": 2, "lake.commit_interval": 2}
    with RunningOpenTrail(folder, settings=settings) as running:
        yield running
