"""docs/how-to/query-with-spark.md, walked block by block in a shell, with a real Spark."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from simulators import spark_cluster
from simulators.running import BIN, RunningOpenTrail

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "query-with-spark.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(spark_cluster.missing() != "", reason=spark_cluster.missing())
@pytest.mark.timeout(1200)
def test_every_block_works(tmp_path: Path) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    (program,) = [text for kind, text in blocks if kind == "python"]
    (tmp_path / "count.py").write_text(program)
    lines = [text for kind, text in blocks if kind == "sh"]
    assert len(lines) == 3
    # what was recorded has to be in the table: the page's reader has a minute, the test waits for it
    lines.insert(1, "until python committed.py; do sleep 0.5; done")
    begin = program.partition("session =")[0].replace("sys.argv[1]", "open('store').read()")
    (tmp_path / "committed.py").write_text(f"{begin}assert 'EnableFederation' in table.scan().to_arrow()['eventname'].to_pylist()\n")
    lines.insert(1, 'printf %s "$STORE" > store')
    with RunningOpenTrail(tmp_path, settings={"lake.commit_interval": 0.5}) as opentrail:
        (tmp_path / "opentrail-data").symlink_to(opentrail.data)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = clean | {"PATH": f"{BIN}:{os.environ['PATH']}", "AWS_PAGER": "", "HOME": str(tmp_path)}
        done = subprocess.run(
            ["bash", "-euc", "\n".join(lines)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500
        )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    assert re.search(r"\|EnableFederation +\|1 +\|", done.stdout), said[-6000:]
