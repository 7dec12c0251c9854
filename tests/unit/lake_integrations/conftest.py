"""Recorded samples, invented in the vendors' documented formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def sample() -> Any:
    """Reads one file of samples."""
    return lambda name: json.loads((SAMPLES / name).read_text())
