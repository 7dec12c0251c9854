"""Calls that CloudTrail does not know leave no record, whoever selects what; all others of their service do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.front_door import FrontDoor


@pytest.fixture
def door(tmp_path: Path) -> Iterator[FrontDoor]:
    made = FrontDoor(tmp_path)
    yield made
    made.close()


def test_putting_log_events_is_not_recorded_and_reading_them_is(door: FrontDoor) -> None:
    expects = door.recording.expects
    assert not expects("logs", "PutLogEvents")
    for operation in ("GetLogEvents", "FilterLogEvents", "CreateLogStream", "PutMetricFilter"):
        assert expects("logs", operation)
