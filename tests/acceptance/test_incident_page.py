"""docs/how-to/investigate-an-incident.md, walked block by block: the questions find what was put into the sample."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from simulators.running import BIN, RunningOpenTrail

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "investigate-an-incident.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(900)
def test_every_question_of_the_page_finds_what_is_there(opentrail: RunningOpenTrail, tmp_path: Path) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) > 8
    script = "set -eu\n" + "\necho =====\n".join(blocks)
    (tmp_path / "opentrail-data").symlink_to(opentrail.data)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = clean | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    there = json.loads((tmp_path / "incident" / "sample.json").read_text())
    incident = there["incident"]
    _, _, imported, _, created, touched, keys, objects, failed = done.stdout.split("=====\n")
    assert f"COMPLETED: {there['files']:,} files, {there['events']:,} new events" in imported
    assert incident["created_access_key_id"] in created
    assert incident["source_ip_address"] in created
    counted = {line.split("\t")[1]: int(line.split("\t")[2]) for line in touched.splitlines()}
    assert counted == incident["by_name"]
    assert {line.split("\t")[0] for line in keys.splitlines()} >= {incident["leaked_access_key_id"], incident["created_access_key_id"]}
    assert {line.split("\t")[1] for line in keys.splitlines()} == set(incident["regions"])
    assert sorted({line.split("\t")[1] for line in objects.splitlines()}) == sorted(incident["objects"])
    assert sum(int(line.split("\t")[2]) for line in failed.splitlines()) == incident["failed"]
