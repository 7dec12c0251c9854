from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.filtered_logs import FilteredLogs


@pytest.fixture
def house(tmp_path: Path) -> Iterator[FilteredLogs]:
    made = FilteredLogs(tmp_path)
    yield made
    made.close()
