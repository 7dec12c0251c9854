"""The ground that channels stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.channels import ChannelGround


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[ChannelGround]:
    made = ChannelGround(tmp_path)
    yield made
    made.close()
