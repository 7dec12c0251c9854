"""A house with log groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opentrail.clock import ManualClock
from simulators.log_groups import LogHouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[LogHouse]:
    made = LogHouse(tmp_path, ManualClock())
    yield made
    made.close()
