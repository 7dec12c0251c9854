"""docs/how-to/protect-the-log-bucket.md, walked block by block in a shell."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from simulators.running import BIN, RunningOpenTrail

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "protect-the-log-bucket.md"
WAIT = "until ls opentrail-data/buckets/example-logs/AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz; do sleep 0.5; done\n"
"""The page's reader has a minute; the test waits for what comes in it."""
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(900)
def test_every_block_works(tmp_path: Path) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) > 7
    script = "set -eu\n" + "\n".join(blocks).replace("sleep 70\n", WAIT)
    assert WAIT in script
    with RunningOpenTrail(tmp_path, settings={"trails.delivery_interval": 0.5}) as opentrail:
        (tmp_path / "opentrail-data").symlink_to(opentrail.data)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = clean | {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "AWS_PAGER": "",
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": str(tmp_path),
        }
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    assert "refused, as it should be" in done.stdout
    assert '{"Records":[' in done.stdout
    assert '"Status": "ON"' in done.stdout
    assert done.stdout.count("GOVERNANCE") == 3
