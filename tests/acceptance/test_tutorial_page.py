"""docs/tutorial.md, walked block by block in a shell: what a person reads is what works."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from simulators.running import BIN, RunningOpenTrail

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
VALID = "\n.venv/bin/opentrail validate --trail-arn $arn --start-time $start\n"
WAITS = {
    "sleep 10\n": "until ls opentrail-data/buckets/$bucket/AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz; do sleep 0.5; done\n",
    "sleep 40\n": "until python covered.py; do sleep 0.5; done\n",
    VALID: f"\nuntil {VALID.strip()}; do sleep 0.5; done\n",  # a digest that is due may be late
}
COVERED = """
import gzip, json, pathlib, sys
folder, first = pathlib.Path("opentrail-data/buckets/my-audit-logs"), pathlib.Path("first.json")
if not first.exists():
    first.write_text(json.dumps([str(path.relative_to(folder)) for path in folder.glob("AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz")]))
digests = [json.loads(gzip.decompress(path.read_bytes())) for path in folder.glob("AWSLogs/*/CloudTrail-Digest/*/*/*/*/*.json.gz")]
sys.exit(not set(json.loads(first.read_text())) <= {file["s3Object"] for digest in digests for file in digest["logFiles"]})
"""
"""Whether digests list every log file that was there when it was first asked."""
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(900)
def test_every_block_works(tmp_path: Path) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) > 8
    # As the page does it, with shorter intervals; what its reader sleeps for is waited for, however busy the machine is.
    script = "set -eu\n" + "\n".join(blocks)
    for sleep, wait in WAITS.items():
        assert script.count(sleep) > 0
        script = script.replace(sleep, wait)
    (tmp_path / "covered.py").write_text(COVERED)
    with RunningOpenTrail(
        tmp_path, options=("--sandbox",), settings={"trails.delivery_interval": 0.5, "trails.digest_interval": 3}, afresh=True
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
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    assert "refused, as it should be" in done.stdout
    assert "no such instance; that is recorded as well" in done.stdout
    assert "found by the AWS CLI" in done.stdout
    assert "found by opentrail validate" in done.stdout
    assert 'errorCode\\":\\"AccessDenied' in done.stdout
