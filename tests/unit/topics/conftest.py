from __future__ import annotations

from pathlib import Path

import pytest

from simulators.topics import TopicHouse


@pytest.fixture
def house(tmp_path: Path) -> TopicHouse:
    return TopicHouse(tmp_path)
