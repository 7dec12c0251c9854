"""What a role need not have is not loaded into it: that is start-up time and memory of every server."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pyarrow", "pyiceberg", "duckdb", "pandas")


@pytest.mark.parametrize("role", ["front", "watch", "supervisor"])
def test_it_starts_without_arrow_iceberg_and_duckdb(role: str) -> None:
    program = f"import sys, opentrail.server.{role}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
