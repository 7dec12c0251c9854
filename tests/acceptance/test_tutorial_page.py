"""docs/tutorial.md, walked block by block in a shell: what a person reads is what works."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from simulators.running import BIN, RunningOpenTrail

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(600)
def test_every_block_works(tmp_path: Path) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) > 8
    # As the page does it, with shorter intervals so that its sleeps can be shorter too.
    script = "set -eu\n" + "\n".join(blocks).replace("sleep 10", "sleep 3").replace("sleep 40", "sleep 8")
    with RunningOpenTrail(
        tmp_path, options=("--sandbox",), settings={"trails.delivery_interval": 0.5, "trails.digest_interval": 3}
    ) as opentrail:
        (tmp_path / "opentrail-data").symlink_to(opentrail.data)
        (tmp_path / ".venv").mkdir()
        (tmp_path / ".venv" / "bin").symlink_to(BIN)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = clean | {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "HOME": str(tmp_path),
        }
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    assert "refused, as it should be" in done.stdout
    assert "no such instance; that is recorded as well" in done.stdout
    assert "found by the AWS CLI" in done.stdout
    assert "found by opentrail validate" in done.stdout
    assert 'errorCode\\":\\"AccessDenied' in done.stdout
