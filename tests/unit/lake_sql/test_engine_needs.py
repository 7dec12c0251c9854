"""What serves has what the engine needs, not only the environment of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

PINNED = Path(__file__).resolve().parents[3] / "requirements" / "serve.txt"


@pytest.mark.parametrize("name", ["duckdb", "numpy", "pyarrow"])
def test_what_the_engine_needs_is_installed_for_serving(name: str) -> None:
    """DuckDB takes functions written in Python only with numpy, which it does not ask for."""
    assert f"\n{name}==" in PINNED.read_text()
