"""A house with queues."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opentrail.clock import ManualClock
from simulators.queues import QueueHouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[QueueHouse]:
    made = QueueHouse(tmp_path, ManualClock())
    yield made
    made.close()
