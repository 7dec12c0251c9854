"""What a role need not have is not loaded into it: that is start-up time and memory of every server."""

from __future__ import annotations

import subprocess
import sys


def test_the_front_starts_without_arrow_iceberg_and_duckdb() -> None:
    program = "import sys, opentrail.server.front; print([name for name in ('pyarrow', 'pyiceberg', 'duckdb') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
